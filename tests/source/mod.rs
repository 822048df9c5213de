//! The project's own files, read as text and as Rust tokens.
#![allow(dead_code, reason = "each test binary that includes this uses a part of it")]

use std::fs;
use std::path::{Path, PathBuf};

/// One file of the project.
#[derive(Debug, Clone)]
pub struct File {
    /// Its path from the project's root, with forward slashes.
    pub path: String,
    /// What stands in it.
    pub text: String,
}

/// The folder that holds `Cargo.toml`.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every text file under a folder of the project whose name ends in one of `endings`, by path.
///
/// Build output and hidden folders other than `.ci` are left out.
pub fn files(under: &str, endings: &[&str]) -> Vec<File> {
    let mut found = Vec::new();
    collect(&root().join(under), endings, &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn collect(folder: &Path, endings: &[&str], found: &mut Vec<File>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            let hidden = name.starts_with('.') && name != ".ci";
            if !hidden && name != "target" && name != "proptest-regressions" {
                collect(&path, endings, found);
            }
        } else if endings.iter().any(|ending| name.ends_with(ending)) {
            let relative = path.strip_prefix(root()).unwrap();
            let path_text =
                relative.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/");
            let text = fs::read_to_string(&path)
                .unwrap_or_else(|error| panic!("{path_text} is no text: {error}"));
            found.push(File { path: path_text, text });
        }
    }
}

/// Rust source with comments, and what stands inside strings and characters, turned to spaces.
///
/// Line breaks stay, so that line numbers hold.
pub fn code_only(source: &str) -> String {
    let chars: Vec<char> = source.chars().collect();
    let mut code = String::with_capacity(source.len());
    let mut at = 0;
    let blank = |from: usize, to: usize, code: &mut String| {
        for c in &chars[from..to.min(chars.len())] {
            code.push(if *c == '\n' { '\n' } else { ' ' });
        }
    };
    while at < chars.len() {
        let next = chars.get(at + 1).copied();
        let end = match chars[at] {
            '/' if next == Some('/') => line_end(&chars, at),
            '/' if next == Some('*') => block_comment_end(&chars, at),
            '"' => string_end(&chars, at + 1),
            'r' | 'b' if !follows_word(&chars, at) => match raw_string_end(&chars, at) {
                Some(end) => end,
                None => at,
            },
            '\'' => character_end(&chars, at).unwrap_or(at),
            _ => at,
        };
        if end > at {
            blank(at, end, &mut code);
            at = end;
        } else {
            code.push(chars[at]);
            at += 1;
        }
    }
    code
}

fn follows_word(chars: &[char], at: usize) -> bool {
    at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_')
}

fn line_end(chars: &[char], at: usize) -> usize {
    chars[at..].iter().position(|c| *c == '\n').map_or(chars.len(), |length| at + length)
}

fn block_comment_end(chars: &[char], start: usize) -> usize {
    let (mut at, mut depth) = (start, 0);
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// Where a string whose inside begins at `at` has ended.
fn string_end(chars: &[char], mut at: usize) -> usize {
    while at < chars.len() {
        match chars[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    chars.len()
}

/// Where a string such as `r#"…"#` or `b"…"` has ended, when one begins here.
fn raw_string_end(chars: &[char], start: usize) -> Option<usize> {
    let mut at = start;
    if chars[at] == 'b' {
        at += 1;
    }
    let raw = chars.get(at) == Some(&'r');
    if raw {
        at += 1;
    }
    let hashes = chars[at.min(chars.len())..].iter().take_while(|c| raw && **c == '#').count();
    if chars.get(at + hashes) != Some(&'"') {
        return None;
    }
    if !raw {
        return Some(string_end(chars, at + 1));
    }
    let closing: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
    let inside = at + hashes + 1;
    let length = chars[inside..].windows(closing.len()).position(|window| window == closing)?;
    Some(inside + length + closing.len())
}

/// Where a character such as `'a'` or `'\n'` has ended; `None` for a lifetime.
fn character_end(chars: &[char], at: usize) -> Option<usize> {
    if chars.get(at + 1) == Some(&'\\') {
        let length = chars[at + 3..].iter().position(|c| *c == '\'')?;
        return Some(at + 3 + length + 1);
    }
    (chars.get(at + 2) == Some(&'\'')).then_some(at + 3)
}

/// A word or a mark of Rust code and the line it stands on, from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// An identifier, `::`, or a single other character.
    pub text: String,
    /// The line.
    pub line: usize,
}

/// The tokens of Rust source, comments, strings and unit tests left out.
pub fn tokens(source: &str) -> Vec<Token> {
    let code = code_only(source);
    let mut tokens = Vec::new();
    for (number, line) in code.lines().enumerate() {
        let chars: Vec<char> = line.chars().collect();
        let mut at = 0;
        while at < chars.len() {
            let start = at;
            if chars[at].is_alphanumeric() || chars[at] == '_' {
                while at < chars.len() && (chars[at].is_alphanumeric() || chars[at] == '_') {
                    at += 1;
                }
            } else if chars[at] == ':' && chars.get(at + 1) == Some(&':') {
                at += 2;
            } else {
                at += 1;
            }
            let text: String = chars[start..at].iter().collect();
            if !text.trim().is_empty() {
                tokens.push(Token { text, line: number + 1 });
            }
        }
    }
    without_unit_tests(tokens)
}

/// Takes out every `#[cfg(test)] mod … { … }`: tests may look upward, the house may not.
fn without_unit_tests(tokens: Vec<Token>) -> Vec<Token> {
    const MARK: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while at < tokens.len() {
        let here = &tokens[at..];
        let marked = here.len() > MARK.len()
            && MARK.iter().zip(here).all(|(mark, token)| *mark == token.text);
        if !marked {
            kept.push(tokens[at].clone());
            at += 1;
            continue;
        }
        let mut depth = 0_usize;
        for token in &here[MARK.len()..] {
            at += 1;
            match token.text.as_str() {
                "{" => depth += 1,
                "}" if depth == 1 => break,
                "}" => depth -= 1,
                ";" if depth == 0 => break,
                _ => {}
            }
        }
        at += MARK.len();
    }
    kept
}
