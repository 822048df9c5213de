//! The house stands from the ground up: what may import what, and who writes which table.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a test that stumbles says so with its line number"
)]

mod source;

use source::{File, Token, tokens};
use std::collections::BTreeMap;

/// The top-level modules, from the ground up; each may import only those before it.
///
/// A new module takes its place here: as low as what it imports allows.
const FLOORS: [&str; 38] = [
    "kernel",
    "config",
    "db",
    "access",
    "chain",
    "audit",
    "idempotency",
    "app",
    "command",
    "http",
    "clock",
    "users",
    "catalogue",
    "stores",
    "authority",
    "stock",
    "proof",
    "stocktake",
    "consumption",
    "report",
    "reserve_plan",
    "expected",
    "shortfall",
    "capability",
    "draw_down",
    "issue",
    "dispatch",
    "correction",
    "batch",
    "allocation",
    "exchange",
    "projection",
    "alert",
    "demo",
    "server",
    "bench",
    "cli",
    "main",
];

/// The modules that are no capability: their files carry no floor in their names.
const TOOLKITS: [&str; 11] =
    ["kernel", "config", "db", "app", "command", "http", "demo", "server", "bench", "cli", "main"];

/// Where `diesel` may be named, besides the records floor.
const SPEAK_SQL: [&str; 2] = ["kernel", "db"];

/// Modules that name `diesel` all the same, and why.
const SPEAK_SQL_ALL_THE_SAME: [(&str, &str); 1] =
    [("command", "a query that fails makes the command fail")];

/// Where `actix_web` may be named, besides `api.rs`.
const SPEAK_HTTP: [&str; 2] = ["http", "server"];

/// The floor of a file inside a capability, which its name tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Floor {
    /// Nouns and rules: values in, values out.
    Pure,
    /// `records.rs`, `queries.rs` and `verify.rs`: the only SQL.
    Records,
    /// `requests.rs`: what clients send, read against the facts of a transaction so that all its
    /// faults are told at once; `views.rs`: what they are answered.
    Requests,
    /// `commands.rs`: one transaction for each function.
    Commands,
    /// `api.rs`: the REST face.
    Api,
}

/// What each floor of a capability may not import from the toolkits.
fn closed_to(floor: Floor) -> &'static [&'static str] {
    match floor {
        Floor::Pure => &["db", "app", "command", "http"],
        Floor::Records => &["app", "command", "http"],
        Floor::Requests => &["app", "http"],
        Floor::Commands => &["http"],
        Floor::Api => &[],
    }
}

/// A conditional update that finds too little is a refusal, and its file is where that is known.
const RECORDS_MAY_REFUSE: &str = "command::CommandError";

/// A file's place in the house.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    /// Its path as modules, e.g. `["stock", "records"]`; empty for `lib.rs`.
    modules: Vec<String>,
    /// Whether it is `mod.rs`, which only opens the rooms of its folder.
    is_door: bool,
}

impl Place {
    fn of(path: &str) -> Self {
        let inside = path.trim_start_matches("src/").trim_end_matches(".rs");
        let mut modules: Vec<String> = inside.split('/').map(str::to_owned).collect();
        let is_door = modules.last().is_some_and(|last| last == "mod" || last == "lib");
        if is_door {
            modules.pop();
        }
        Self { modules, is_door }
    }

    fn top(&self) -> &str {
        self.modules.first().map_or("", String::as_str)
    }

    /// The file's floor, when it lies in a capability.
    fn floor(&self) -> Option<Floor> {
        let in_capability = self.modules.len() > 1 && !TOOLKITS.contains(&self.top());
        in_capability.then(|| floor_of(self.top(), &self.modules[1]))
    }
}

fn floor_named(file: &str) -> Floor {
    match file {
        "records" | "queries" | "verify" => Floor::Records,
        "request" | "requests" | "view" | "views" => Floor::Requests,
        "commands" => Floor::Commands,
        "api" => Floor::Api,
        _ => Floor::Pure,
    }
}

/// Files whose name does not tell their floor, and what they are.
const NAMED_OTHERWISE: [(&str, &str, Floor); 5] = [
    // The table of the commands that a batch may carry.
    ("batch", "words", Floor::Commands),
    // Averages kept until the ledger moves, worked out from queries.
    ("consumption", "averages", Floor::Records),
    // What the commands of a dispatch do to the ledger.
    ("dispatch", "ledger", Floor::Commands),
    // What came without being on the papers.
    ("dispatch", "unexpected", Floor::Commands),
    // Loads whole what its views show.
    ("dispatch", "queries", Floor::Requests),
];

fn floor_of(capability: &str, file: &str) -> Floor {
    NAMED_OTHERWISE
        .iter()
        .find(|(module, name, _)| *module == capability && *name == file)
        .map_or_else(|| floor_named(file), |(_, _, floor)| *floor)
}

/// A path that a file names, e.g. `["stock", "records", "post"]`, and on which line.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Import {
    path: Vec<String>,
    line: usize,
}

/// Every path of a file that starts at `crate`, `self` or `super`, with its groups spread out.
fn imports(place: &Place, tokens: &[Token]) -> Vec<Import> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let begins = matches!(tokens[at].text.as_str(), "crate" | "self" | "super" | "changbei")
            && tokens.get(at + 1).is_some_and(|next| next.text == "::")
            && (at == 0 || tokens[at - 1].text != "::");
        if !begins {
            at += 1;
            continue;
        }
        let mut base = match tokens[at].text.as_str() {
            "crate" | "changbei" => Vec::new(),
            "super" => above(&place.modules),
            _ => place.modules.clone(),
        };
        let line = tokens[at].line;
        at += 2;
        while tokens.get(at).is_some_and(|token| token.text == "super") {
            base = above(&base);
            at += 2;
        }
        let mut paths = Vec::new();
        at = spread(tokens, at, base, &mut paths);
        found.extend(paths.into_iter().map(|path| Import { path, line }));
    }
    found
}

fn above(modules: &[String]) -> Vec<String> {
    modules[..modules.len().saturating_sub(1)].to_vec()
}

/// Reads one branch of a use tree from `at`, and answers where it ended.
fn spread(
    tokens: &[Token],
    mut at: usize,
    mut path: Vec<String>,
    out: &mut Vec<Vec<String>>,
) -> usize {
    let is = |at: usize, text: &str| tokens.get(at).is_some_and(|token| token.text == text);
    loop {
        if is(at, "{") {
            at += 1;
            while at < tokens.len() && !is(at, "}") {
                at = spread(tokens, at, path.clone(), out);
                while at < tokens.len() && !is(at, ",") && !is(at, "}") {
                    at += 1;
                }
                if is(at, ",") {
                    at += 1;
                }
            }
            return at + 1;
        }
        let is_word = tokens.get(at).is_some_and(|token| {
            token.text.chars().all(|c| c.is_alphanumeric() || c == '_') || token.text == "*"
        });
        if !is_word {
            out.push(path);
            return at;
        }
        if !is(at, "self") {
            path.push(tokens[at].text.clone());
        }
        at += 1;
        if !is(at, "::") {
            out.push(path);
            return at;
        }
        at += 1;
    }
}

/// A table of `schema.rs`: who may write it, and whether rows may ever change.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Table {
    owner: String,
    append_only: bool,
}

/// The tables of `schema.rs` by name, read from its doc comments.
fn tables(schema: &str) -> BTreeMap<String, Table> {
    let mut tables = BTreeMap::new();
    let mut owner: Option<Table> = None;
    for line in schema.lines().map(str::trim) {
        if let Some(words) = line.strip_prefix("/// Owner: ") {
            let name = words.split('.').next().unwrap().to_owned();
            owner = Some(Table { owner: name, append_only: words.contains("Append-only") });
        } else if let Some((name, _)) = line.split_once(" (")
            && line.ends_with('{')
            && let Some(table) = owner.take()
        {
            tables.insert(name.to_owned(), table);
        }
    }
    tables
}

/// Everything that the checks need to know of the house as a whole.
struct House {
    files: Vec<(File, Place, Vec<Token>)>,
    tables: BTreeMap<String, Table>,
    /// Macro name → the module that defines it.
    macros: BTreeMap<String, String>,
    /// (module, name that its `mod.rs` hands on) → the file that defines it.
    handed_on: BTreeMap<(String, String), String>,
}

impl House {
    fn new(files: Vec<File>) -> Self {
        let schema = files.iter().find(|file| file.path == "src/db/schema.rs");
        let tables = schema.map(|file| tables(&file.text)).unwrap_or_default();
        let files: Vec<(File, Place, Vec<Token>)> = files
            .into_iter()
            .map(|file| {
                let place = Place::of(&file.path);
                let tokens = tokens(&file.text);
                (file, place, tokens)
            })
            .collect();
        let mut macros = BTreeMap::new();
        let mut handed_on = BTreeMap::new();
        for (_, place, tokens) in &files {
            for three in tokens.windows(3) {
                if three[0].text == "macro_rules" && three[1].text == "!" {
                    macros.insert(three[2].text.clone(), place.top().to_owned());
                }
            }
            if place.is_door && place.modules.len() == 1 {
                for path in handed_on_by(tokens) {
                    if let [file, .., name] = path.as_slice() {
                        handed_on.insert((place.top().to_owned(), name.clone()), file.clone());
                    }
                }
            }
        }
        Self { files, tables, macros, handed_on }
    }

    /// The module, and the floor inside it, that a path leads to.
    fn target(&self, path: &[String]) -> (String, Option<Floor>) {
        let Some(first) = path.first() else { return (String::new(), None) };
        if !FLOORS.contains(&first.as_str())
            && let Some(module) = self.macros.get(first)
        {
            return (module.clone(), None);
        }
        if TOOLKITS.contains(&first.as_str()) {
            return (first.clone(), None);
        }
        let floor = path.get(1).map(|second| {
            let file = self.handed_on.get(&(first.clone(), second.clone())).unwrap_or(second);
            floor_of(first, file)
        });
        (first.clone(), floor)
    }

    /// Every breach of the house's rules, one line each.
    fn breaches(&self) -> Vec<String> {
        let mut breaches = Vec::new();
        for (file, place, tokens) in &self.files {
            let at = |line: usize| format!("{}:{line}", file.path);
            if place.top().is_empty() {
                continue;
            }
            if !FLOORS.contains(&place.top()) {
                breaches.push(format!("{}: `{}` has no place in FLOORS", file.path, place.top()));
                continue;
            }
            for import in self.all_imports(place, tokens) {
                if let Some(breach) = self.import_breach(place, &import) {
                    breaches.push(format!("{} {breach}", at(import.line)));
                }
            }
            breaches.extend(foreign_crates(place, tokens).map(|(line, why)| at(line) + &why));
            breaches
                .extend(self.writes(place, tokens).into_iter().map(|(line, why)| at(line) + &why));
        }
        breaches
    }

    fn all_imports(&self, place: &Place, tokens: &[Token]) -> Vec<Import> {
        let mut all = imports(place, tokens);
        for pair in tokens.windows(2) {
            if pair[1].text == "!" && self.macros.contains_key(&pair[0].text) {
                all.push(Import { path: vec![pair[0].text.clone()], line: pair[0].line });
            }
        }
        all
    }

    fn import_breach(&self, place: &Place, import: &Import) -> Option<String> {
        let (module, floor) = self.target(&import.path);
        let named = import.path.join("::");
        if module.is_empty() {
            return None;
        }
        if !FLOORS.contains(&module.as_str()) {
            return Some(format!("imports `{named}`, which has no place in FLOORS"));
        }
        let height = |name: &str| FLOORS.iter().position(|floor| *floor == name);
        if height(&module) > height(place.top()) {
            return Some(format!("`{}` imports upward: `{named}`", place.top()));
        }
        let own_floor = place.floor()?;
        if own_floor == Floor::Records && named == RECORDS_MAY_REFUSE {
            return None;
        }
        if module != place.top() && closed_to(own_floor).contains(&module.as_str()) {
            return Some(format!("a {own_floor:?} file may not import `{named}`"));
        }
        (floor? > own_floor).then(|| format!("a {own_floor:?} file imports upward: `{named}`"))
    }

    /// Writes to tables that this file does not own, or that nobody may change.
    fn writes(&self, place: &Place, tokens: &[Token]) -> Vec<(usize, String)> {
        let aliases: BTreeMap<&str, &str> = tokens
            .windows(3)
            .filter(|three| three[1].text == "as" && self.tables.contains_key(&three[0].text))
            .map(|three| (three[2].text.as_str(), three[0].text.as_str()))
            .collect();
        let mut breaches = Vec::new();
        for (at, pair) in tokens.windows(2).enumerate() {
            let verb = pair[0].text.as_str();
            let names_diesel = at >= 2 && tokens[at - 2].text == "diesel";
            let certain = matches!(verb, "insert_into" | "insert_or_ignore_into") || names_diesel;
            let is_write = matches!(
                verb,
                "insert_into" | "insert_or_ignore_into" | "replace_into" | "update" | "delete"
            );
            if !is_write || pair[1].text != "(" || at > 0 && tokens[at - 1].text == "fn" {
                continue;
            }
            let argument = tokens[at + 2..]
                .iter()
                .take_while(|token| !matches!(token.text.as_str(), ")" | "(" | "," | "."));
            let table = argument
                .map(|token| token.text.as_str())
                .map(|name| *aliases.get(name).unwrap_or(&name))
                .find_map(|name| self.tables.get_key_value(name));
            let line = pair[0].line;
            match table {
                None if certain && place.top() != "db" => breaches
                    .push((line, format!(" {verb}(…) does not name its table as `table::table`"))),
                None => {}
                Some((name, table)) => {
                    let in_records = place.modules.get(1).is_some_and(|file| file == "records");
                    let in_toolkit = place.modules.len() == 1;
                    if place.top() != table.owner || !(in_records || in_toolkit) {
                        breaches.push((
                            line,
                            format!(" writes `{name}`, which only {}/records.rs may", table.owner),
                        ));
                    }
                    if table.append_only && matches!(verb, "update" | "delete" | "replace_into") {
                        breaches.push((line, format!(" {verb}s `{name}`, which is append-only")));
                    }
                }
            }
        }
        breaches
    }
}

/// What a `mod.rs` hands on by `pub use file::Name;`, as paths that begin with the file.
fn handed_on_by(tokens: &[Token]) -> Vec<Vec<String>> {
    let mut paths = Vec::new();
    for (at, pair) in tokens.windows(2).enumerate() {
        let public = at > 0 && matches!(tokens[at - 1].text.as_str(), "pub" | ")");
        if public && pair[0].text == "use" {
            let start = if pair[1].text == "self" { at + 3 } else { at + 1 };
            spread(tokens, start, Vec::new(), &mut paths);
        }
    }
    paths
}

/// Names of `diesel` and `actix_web` where they do not belong.
fn foreign_crates<'a>(
    place: &'a Place,
    tokens: &'a [Token],
) -> impl Iterator<Item = (usize, String)> + 'a {
    let file = place.modules.get(1).map_or("", String::as_str);
    let may_sql = SPEAK_SQL.contains(&place.top())
        || matches!(file, "records" | "queries" | "verify")
        || SPEAK_SQL_ALL_THE_SAME.iter().any(|(module, _)| *module == place.modules.join("/"));
    let may_http = SPEAK_HTTP.contains(&place.top()) || file == "api";
    tokens.windows(2).filter(|pair| pair[1].text == "::").filter_map(move |pair| {
        let line = pair[0].line;
        match pair[0].text.as_str() {
            "diesel" | "diesel_migrations" if !may_sql => {
                Some((line, " names diesel outside db and the records floor".to_owned()))
            }
            "actix_web" | "utoipa_actix_web" | "tracing_actix_web" if !may_http => {
                Some((line, " names actix_web outside http, server and api.rs".to_owned()))
            }
            _ => None,
        }
    })
}

fn breaches_of(files: &[(&str, &str)]) -> Vec<String> {
    let files = files
        .iter()
        .map(|(path, text)| File { path: (*path).to_owned(), text: (*text).to_owned() })
        .collect();
    House::new(files).breaches()
}

#[test]
fn the_checker_sees_an_import_that_goes_up() {
    let breaches = breaches_of(&[
        ("src/stock/rules.rs", "use crate::{kernel::Quantity, dispatch::rules::Cut};"),
        ("src/dispatch/rules.rs", "pub struct Cut;"),
    ]);
    assert_eq!(breaches, ["src/stock/rules.rs:1 `stock` imports upward: `dispatch::rules::Cut`"]);
}

#[test]
fn the_checker_sees_a_circle_of_two_modules() {
    let breaches = breaches_of(&[
        ("src/catalogue/item.rs", "use crate::stores::store::Store;"),
        ("src/stores/store.rs", "use crate::catalogue::item::Item;"),
    ]);
    assert_eq!(breaches.len(), 1, "{breaches:?}");
}

#[test]
fn the_checker_sees_a_rule_that_asks_the_database() {
    let breaches = breaches_of(&[
        ("src/stock/mod.rs", "pub mod rules; pub use records::balance; pub use commands::{issue};"),
        ("src/stock/rules.rs", "use super::records;\nfn f() { on_each_backend!(c, |c| c) }"),
        ("src/stock/records.rs", "use diesel::prelude::*;\nuse crate::http::Problem;"),
        ("src/dispatch/rules.rs", "use crate::stock::{balance, issue};"),
        ("src/db/mod.rs", "macro_rules! on_each_backend { () => {} }"),
    ]);
    let expected = [
        "src/stock/rules.rs:1 a Pure file imports upward: `stock::records`",
        "src/stock/rules.rs:2 a Pure file may not import `on_each_backend`",
        "src/stock/records.rs:2 a Records file may not import `http::Problem`",
        "src/dispatch/rules.rs:1 a Pure file imports upward: `stock::balance`",
        "src/dispatch/rules.rs:1 a Pure file imports upward: `stock::issue`",
    ];
    assert_eq!(breaches, expected);
}

#[test]
fn the_checker_sees_a_crate_in_the_wrong_room() {
    let breaches = breaches_of(&[
        ("src/stock/commands.rs", "fn f() { diesel::select(1); }"),
        ("src/stock/records.rs", "use actix_web::web;"),
        (
            "src/stock/api.rs",
            "// diesel::select\nuse actix_web::web; const A: &str = \"diesel::x\";",
        ),
    ]);
    assert_eq!(breaches.len(), 2, "{breaches:?}");
}

#[test]
fn the_checker_sees_a_write_by_another_than_the_owner() {
    let schema = "diesel::table! {\n/// A line.\n///\n/// Owner: stock. Append-only.\n\
                  stock_movement (id) {\nid -> Text,\n}\n}";
    let breaches = breaches_of(&[
        ("src/db/schema.rs", schema),
        ("src/stock/records.rs", "fn f() { diesel::insert_into(stock_movement::table); }"),
        ("src/stock/queries.rs", "fn f() { diesel::insert_into(stock_movement::table); }"),
        (
            "src/dispatch/records.rs",
            "use schema::stock_movement as line; fn f() { insert_into(line::table); }",
        ),
        ("src/stock/records.rs", "fn f() { diesel::update(stock_movement::table.find(1)); }"),
        ("src/stock/records.rs", "fn f() { diesel::delete(somewhere); }"),
    ]);
    let expected = [
        "src/stock/queries.rs:1 writes `stock_movement`, which only stock/records.rs may",
        "src/dispatch/records.rs:1 writes `stock_movement`, which only stock/records.rs may",
        "src/stock/records.rs:1 updates `stock_movement`, which is append-only",
        "src/stock/records.rs:1 delete(…) does not name its table as `table::table`",
    ];
    assert_eq!(breaches, expected);
}

#[test]
fn tests_under_the_code_may_look_upward() {
    let text =
        "use crate::kernel::Money;\n#[cfg(test)]\nmod tests { use crate::cli::X; fn f() {} }";
    assert_eq!(breaches_of(&[("src/stock/rules.rs", text)]), Vec::<String>::new());
}

#[test]
fn every_import_goes_down_and_every_table_is_written_by_its_owner() {
    let house = House::new(source::files("src", &[".rs"]));
    assert!(house.files.len() > 10 && house.tables.len() > 10, "the sources were not found");
    let breaches = house.breaches();
    assert!(breaches.is_empty(), "{} breaches:\n{}", breaches.len(), breaches.join("\n"));
}

#[test]
fn every_table_is_owned_by_a_module() {
    let house = House::new(source::files("src", &[".rs"]));
    for (name, table) in &house.tables {
        assert!(FLOORS.contains(&table.owner.as_str()), "{name} is owned by {}", table.owner);
    }
}
