//! Small habits that nobody should have to look for in a review.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that stumbles says so with its line number"
)]

mod source;

use source::{File, code_only, files, root};
use std::collections::{BTreeMap, BTreeSet};

const TEXT_FILES: [&str; 10] =
    [".rs", ".sql", ".md", ".toml", ".json", ".sh", ".py", ".csv", ".run", "/run"];

/// Panics with every breach, so that all can be mended at once.
fn none(rule: &str, breaches: Vec<String>) {
    assert!(breaches.is_empty(), "{rule}:\n{}", breaches.join("\n"));
}

/// The lines of files in which one of some words stands, as `path:line word`.
fn lines_with(files: &[File], words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files {
        for (number, line) in file.text.lines().enumerate() {
            for word in words.iter().filter(|word| line.contains(**word)) {
                found.push(format!("{}:{} {word}", file.path, number + 1));
            }
        }
    }
    found
}

fn is_word_in(word: &str, code: &str) -> bool {
    code.split(|c: char| !c.is_alphanumeric() && c != '_').any(|token| token == word)
}

#[test]
fn quantities_money_and_rates_are_never_floats() {
    let mut breaches = Vec::new();
    for file in files("src", &[".rs"]) {
        for (number, line) in file.text.lines().enumerate() {
            if is_word_in("f32", line) || is_word_in("f64", line) {
                breaches.push(format!("{}:{}", file.path, number + 1));
            }
        }
    }
    none("floats in src", breaches);
}

#[test]
fn nothing_is_left_for_later() {
    // Spelled in halves, so that this file does not find itself.
    let marks = [
        concat!("FIX", "ME"),
        concat!("XX", "X"),
        concat!("to", "do!"),
        concat!("unimplemen", "ted!"),
    ];
    let all: Vec<File> = ["src", "tests", "benches", "migrations", ".ci"]
        .iter()
        .flat_map(|f| files(f, &TEXT_FILES))
        .collect();
    none("work left open", lines_with(&all, &marks));
}

#[test]
fn every_test_runs_and_is_named_by_what_it_shows() {
    let mut breaches = Vec::new();
    let all: Vec<File> = ["src", "tests"].iter().flat_map(|f| files(f, &[".rs"])).collect();
    for file in all {
        let code = code_only(&file.text);
        for (number, line) in code.lines().enumerate() {
            let sleeps = line.contains("thread::sleep") || line.contains("time::sleep");
            if line.contains("#[ignore") || line.contains("fn test_") || sleeps {
                breaches.push(format!("{}:{} {}", file.path, number + 1, line.trim()));
            }
        }
    }
    none("ignored tests, tests called test_…, sleeps", breaches);
}

#[test]
fn no_path_of_one_machine_is_written_down() {
    let roots = [
        concat!("/ho", "me/"),
        concat!("/ro", "ot/"),
        concat!("/wo", "rk/"),
        concat!("/fa", "rm/"),
        concat!("/Use", "rs/"),
        concat!("C:\\", "Users"),
    ];
    none("paths of one machine", lines_with(&files("", &TEXT_FILES), &roots));
}

#[test]
fn every_source_file_is_part_of_the_crate() {
    let sources: BTreeMap<String, String> =
        files("src", &[".rs"]).into_iter().map(|file| (file.path, file.text)).collect();
    let mut breaches = Vec::new();
    for path in sources.keys() {
        let inside = path.trim_start_matches("src/").trim_end_matches(".rs");
        let inside = inside.trim_end_matches("/mod");
        if matches!(inside, "lib" | "main") {
            continue;
        }
        let (folder, name) = inside.rsplit_once('/').unwrap_or(("", inside));
        let parents = if folder.is_empty() {
            vec!["src/lib.rs".to_owned(), "src/main.rs".to_owned()]
        } else {
            vec![format!("src/{folder}/mod.rs"), format!("src/{folder}.rs")]
        };
        let declared = parents.iter().filter_map(|parent| sources.get(parent)).any(|text| {
            code_only(text).lines().any(|line| line.trim().ends_with(&format!("mod {name};")))
        });
        if !declared {
            breaches.push(path.clone());
        }
    }
    none("files that no module declares", breaches);
}

#[test]
fn every_table_says_who_owns_it() {
    let schema = &files("src/db", &["schema.rs"])[0].text;
    let mut breaches = Vec::new();
    for block in schema.split("table! {").skip(1) {
        let head = block.split("{\n").next().unwrap();
        let name = head.lines().last().unwrap().trim();
        if !head.lines().any(|line| line.trim().starts_with("/// Owner: ")) {
            breaches.push(name.to_owned());
        }
    }
    none("tables without `/// Owner: …`", breaches);
}

/// The migrations of one database: name → (up, down), with `--` comments kept.
fn migrations(backend: &str) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut found: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for file in files(&format!("migrations/{backend}"), &[".sql"]) {
        let parts: Vec<&str> = file.path.split('/').collect();
        found.entry(parts[2].to_owned()).or_default().insert(parts[3].to_owned(), file.text);
    }
    found
}

#[test]
fn every_migration_goes_up_and_down_on_both_databases() {
    let (sqlite, postgres) = (migrations("sqlite"), migrations("postgres"));
    assert!(!sqlite.is_empty());
    assert_eq!(sqlite.keys().collect::<Vec<_>>(), postgres.keys().collect::<Vec<_>>());
    for (name, scripts) in sqlite.iter().chain(&postgres) {
        let both: Vec<&str> = scripts.keys().map(String::as_str).collect();
        assert_eq!(both, ["down.sql", "up.sql"], "{name}");
        assert!(scripts.values().all(|sql| sql.contains(';')), "{name} has an empty script");
        assert!(scripts["up.sql"].starts_with("-- "), "{name} does not say what it is for");
    }
    for (number, name) in (1..).zip(sqlite.keys()) {
        let (prefix, _) = name.split_once('_').expect("NNNN_name");
        assert_eq!(prefix, format!("{number:04}"), "{name} leaves a gap");
    }
}

/// SQL without its comments, in upper case.
fn bare(sql: &str) -> String {
    let lines = sql.lines().map(|line| line.split("--").next().unwrap());
    lines.collect::<Vec<_>>().join("\n").to_uppercase()
}

#[test]
fn both_databases_name_the_same_tables_and_checks() {
    let (sqlite, postgres) = (migrations("sqlite"), migrations("postgres"));
    for (name, scripts) in &sqlite {
        for kind in ["TABLE", "CONSTRAINT", "INDEX", "TRIGGER"] {
            let here = names_after(kind, &bare(&scripts["up.sql"]));
            let there = names_after(kind, &bare(&postgres[name]["up.sql"]));
            // One SQLite trigger refuses UPDATE or DELETE, one of PostgreSQL may refuse both.
            if kind != "TRIGGER" {
                assert_eq!(here, there, "{kind}s of {name}");
            } else {
                assert_eq!(here.is_empty(), there.is_empty(), "{kind}s of {name}");
            }
        }
    }
}

/// The names that follow a word in SQL, e.g. after each `TABLE`.
fn names_after(word: &str, sql: &str) -> BTreeSet<String> {
    let words: Vec<&str> =
        sql.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|w| !w.is_empty()).collect();
    let named = words.windows(2).filter(|pair| pair[0] == word).map(|pair| pair[1].to_owned());
    named.filter(|name| !matches!(name.as_str(), "IF" | "ON")).collect()
}

#[test]
fn columns_have_only_types_that_mean_the_same_on_both_databases() {
    for (name, scripts) in migrations("sqlite") {
        let sql = bare(&scripts["up.sql"]);
        let tables = sql.matches("CREATE TABLE").count();
        assert_eq!(sql.matches(") STRICT").count(), tables, "{name}: every table is STRICT");
        // A table that lies in the order of its key has no rowid to lean on.
        let sql = sql.replace(") STRICT, WITHOUT ROWID", ") STRICT");
        for word in ["REAL", "BLOB", "ANY", "AUTOINCREMENT", "ROWID"] {
            assert!(!is_word_in(word, &sql), "{name} uses {word} on SQLite");
        }
    }
    for (name, scripts) in migrations("postgres") {
        let sql = bare(&scripts["up.sql"]);
        let refused = [
            "NUMERIC",
            "DECIMAL",
            "REAL",
            "DOUBLE",
            "FLOAT",
            "SERIAL",
            "BIGSERIAL",
            "TIMESTAMP",
            "TIMESTAMPTZ",
            "UUID",
            "JSON",
            "JSONB",
            "VARCHAR",
            "MONEY",
        ];
        for word in refused {
            assert!(!is_word_in(word, &sql), "{name} uses {word} on PostgreSQL");
        }
    }
}

#[test]
fn the_changelog_begins_with_what_is_being_built() {
    let changelog = std::fs::read_to_string(root().join("CHANGELOG.md")).unwrap();
    let top = changelog.lines().find(|line| line.starts_with("## ")).expect("an entry");
    let version = format!("## {}", env!("CARGO_PKG_VERSION"));
    assert!(
        top == "## Unreleased" || top.starts_with(&version),
        "the top entry is `{top}`, not `## Unreleased` or `{version}`"
    );
    let entry = changelog.split(top).nth(1).unwrap().split("\n## ").next().unwrap();
    assert!(entry.lines().any(|line| line.starts_with("- ")), "the top entry is empty");
}

#[test]
fn every_page_has_one_title() {
    let mut breaches = Vec::new();
    for file in files("", &[".md"]) {
        let mut in_code = false;
        let mut titles = 0;
        for line in file.text.lines() {
            if line.trim_start().starts_with("```") {
                in_code = !in_code;
            } else if !in_code && line.starts_with("# ") {
                titles += 1;
            }
        }
        let first = file.text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        if titles != 1 || !first.starts_with("# ") {
            breaches.push(format!("{}: {titles} titles, first line `{first}`", file.path));
        }
    }
    none("pages that do not begin with their one `# Title`", breaches);
}
