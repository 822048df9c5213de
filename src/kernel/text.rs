//! Text that people wrote: trimmed, bounded, without control characters.

use crate::kernel::refusal::FaultCode;

/// A word that is not in a closed set of words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no such word: {word}")]
pub struct NotInSet {
    /// The word that was given.
    pub word: String,
}

/// Text of 1 to `MAX` characters, trimmed, on one line unless it is a note.
///
/// Control characters are refused: they hide in logs and on labels.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text<const MAX: usize>(String);

impl<const MAX: usize> Text<MAX> {
    /// The text without its outer white space.
    ///
    /// # Errors
    /// `Required` when nothing is left, `TooLong` above `MAX` characters, `InvalidFormat` when a
    /// control character other than a line break is in it.
    pub fn new(text: &str) -> Result<Self, FaultCode> {
        let text = text.trim();
        if text.is_empty() {
            return Err(FaultCode::Required);
        }
        if text.chars().count() > MAX {
            return Err(FaultCode::TooLong);
        }
        if text.chars().any(|c| c.is_control() && c != '\n') {
            return Err(FaultCode::InvalidFormat);
        }
        Ok(Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> From<Text<MAX>> for String {
    fn from(text: Text<MAX>) -> String {
        text.0
    }
}

/// Folds text for searching: lower case, full-width forms to half-width, no white space.
///
/// SQLite's LIKE ignores case and PostgreSQL's does not, so both search a column that holds this.
pub fn fold_for_search(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
            other => other,
        })
        .filter(|c| !c.is_whitespace())
        .flat_map(char::to_lowercase)
        .collect()
}

/// A LIKE pattern that finds `text` anywhere; `%`, `_` and `\` in it stand for themselves.
pub fn like_pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in fold_for_search(text).chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_trimmed_and_bounded_in_characters_not_bytes() {
        assert_eq!(Text::<4>::new(" 医用口罩 ").unwrap().as_str(), "医用口罩");
        assert_eq!(Text::<3>::new("医用口罩"), Err(FaultCode::TooLong));
        assert_eq!(Text::<3>::new("  "), Err(FaultCode::Required));
        assert_eq!(Text::<9>::new("a\u{7}b"), Err(FaultCode::InvalidFormat));
    }

    #[test]
    fn searching_ignores_case_width_and_spaces() {
        assert_eq!(fold_for_search("Ｎ95 Mask"), "n95mask");
        assert_eq!(like_pattern("75%"), "%75\\%%");
    }
}
