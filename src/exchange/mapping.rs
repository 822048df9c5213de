//! Mapping files: how the columns of somebody else's table become our fields.
//!
//! ```toml
//! kind = "receipts"                     # what the rows are
//! source = "scms"                       # names the origin; part of each row's identity
//! identity = ["id"]                     # columns that tell one row of the origin from another
//!
//! [columns]                             # our field = their column
//! store_code = "country"
//! base_unit = ["item description", "dosage form"]   # the first that gives a value
//!
//! [constants]                           # where no column gives a value
//! source_kind = "supplier"
//!
//! [templates]                           # text with their columns in braces
//! note = "PO {po / so #}"
//!
//! [lookups.store_code]                  # their text = our code
//! "Congo, DRC" = "SCMS-CD"
//!
//! [codes.item_code]                     # a code made from their text, always the same one
//! prefix = "SCMS-"
//! digits = 12
//!
//! [dates]
//! formats = ["%d-%b-%y"]                # as in chrono; tried in this order
//! time = "12:00"                        # the time of day of an instant given as a date
//!
//! [blank]
//! texts = ["N/A", "Date Not Captured"]  # what stands for nothing
//!
//! [units]
//! bare = ["箱", "件"]                    # units that need a pack text
//! same = [["箱", "件"], ["个", "只"]]     # words for the same unit
//!
//! [file]
//! encoding = "gb18030"                  # where it should not be found out
//! delimiter = ";"
//! ```

use crate::exchange::counting::UnitRules;
use crate::exchange::kind::ImportKind;
use crate::exchange::table::Reading;
use crate::kernel::{Code, Refusal};
use serde::Deserialize;
use std::collections::BTreeMap;

/// A mapping that has been checked.
#[derive(Debug, Clone, Default)]
pub struct Mapping {
    /// Names the origin of the rows.
    pub source: Option<String>,
    /// Columns that tell one row of the origin from another.
    pub identity: Vec<String>,
    /// Our field to their columns, the first that gives a value.
    pub columns: BTreeMap<String, Vec<String>>,
    /// Our field to the text that holds where no column gives one.
    pub constants: BTreeMap<String, String>,
    /// Our field to a text with columns in braces.
    pub templates: BTreeMap<String, Vec<Piece>>,
    /// Our field to their texts and our codes.
    pub lookups: BTreeMap<String, BTreeMap<String, String>>,
    /// Our field to the rule by which its code is made.
    pub codes: BTreeMap<String, CodeRule>,
    /// Formats of dates, as chrono writes them; none means the usual ones.
    pub date_formats: Vec<String>,
    /// The time of day of an instant that is given as a date.
    pub time_of_day: chrono::NaiveTime,
    /// Texts that stand for nothing.
    pub blank: Vec<String>,
    /// Rules about units.
    pub units: UnitRules,
    /// How to read the file.
    pub reading: Reading,
    /// Whether there is a mapping file at all; without one every heading must be a field.
    pub given: bool,
}

/// A piece of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Text as it stands.
    Text(String),
    /// The cell of a column.
    Column(String),
}

/// How a code is made from a text: a prefix and the beginning of the text's SHA-256.
///
/// The same text always gives the same code, so that items and receipts imported from one file by
/// two mappings agree without a table of names.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodeRule {
    /// What the code begins with.
    pub prefix: String,
    /// Hexadecimal digits after the prefix, 8 to 24.
    pub digits: usize,
}

impl CodeRule {
    /// The code of a text.
    pub fn code(&self, text: &str) -> String {
        let hash = crate::kernel::hash::sha256_hex(text);
        let digits: String = hash.chars().take(self.digits).collect();
        format!("{}{}", self.prefix, digits.to_uppercase())
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MappingFile {
    kind: String,
    source: Option<String>,
    #[serde(default)]
    identity: Vec<String>,
    #[serde(default)]
    columns: BTreeMap<String, OneOrMany>,
    #[serde(default)]
    constants: BTreeMap<String, String>,
    #[serde(default)]
    templates: BTreeMap<String, String>,
    #[serde(default)]
    lookups: BTreeMap<String, BTreeMap<String, String>>,
    #[serde(default)]
    codes: BTreeMap<String, CodeRule>,
    #[serde(default)]
    dates: DatesSection,
    #[serde(default)]
    blank: BlankSection,
    #[serde(default)]
    units: UnitsSection,
    #[serde(default)]
    file: FileSection,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct DatesSection {
    #[serde(default)]
    formats: Vec<String>,
    time: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct BlankSection {
    #[serde(default)]
    texts: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct UnitsSection {
    #[serde(default)]
    bare: Vec<String>,
    #[serde(default)]
    same: Vec<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileSection {
    encoding: Option<String>,
    delimiter: Option<String>,
}

/// Noon: a day given without a time stays that day in every zone of the country.
const NOON: &str = "12:00";

impl Mapping {
    /// The mapping of a file whose headings are our field names.
    pub fn none() -> Self {
        Self { time_of_day: time_of_day(NOON).unwrap_or_default(), ..Self::default() }
    }

    /// Reads a mapping file for rows of a kind.
    ///
    /// # Errors
    /// When it is no TOML, has a word that mappings do not know, is for another kind, names a
    /// field that the kind does not have, or has a format, code rule or template that cannot be
    /// right; all such faults are told at once.
    pub fn parse(text: &str, kind: ImportKind) -> Result<Self, Refusal> {
        let file: MappingFile = toml::from_str(text).map_err(|error| {
            let error = error.to_string();
            refuse(&[(
                format!("映射文件无法读取：{error}"),
                format!("the mapping cannot be read: {error}"),
            )])
        })?;
        let mut wrong = Vec::new();
        if file.kind != kind.as_str() {
            wrong.push((
                format!("映射文件用于 {}，不是 {kind}", file.kind),
                format!("the mapping is for {}, not for {kind}", file.kind),
            ));
        }
        check_fields(kind, &file, &mut wrong);
        check_codes(&file.codes, &mut wrong);
        for format in &file.dates.formats {
            let broken = chrono::format::StrftimeItems::new(format)
                .any(|item| matches!(item, chrono::format::Item::Error));
            if broken || !format.contains('%') {
                wrong.push((
                    format!("日期格式无效：{format}"),
                    format!("not a date format: {format}"),
                ));
            }
        }
        let time = file.dates.time.as_deref().unwrap_or(NOON);
        let time_of_day = time_of_day(time).unwrap_or_else(|| {
            wrong.push((format!("时间须为 HH:MM：{time}"), format!("not a time HH:MM: {time}")));
            chrono::NaiveTime::default()
        });
        let reading = reading(&file.file, &mut wrong);
        let templates = file
            .templates
            .iter()
            .filter_map(|(field, text)| match pieces(text) {
                Some(pieces) => Some((field.clone(), pieces)),
                None => {
                    wrong.push((
                        format!("模板 {field} 的花括号不成对"),
                        format!("the braces of the template {field} do not match"),
                    ));
                    None
                }
            })
            .collect();
        if !wrong.is_empty() {
            return Err(refuse(&wrong));
        }
        let columns = file.columns.into_iter().map(|(field, columns)| match columns {
            OneOrMany::One(column) => (field, vec![column]),
            OneOrMany::Many(columns) => (field, columns),
        });
        Ok(Self {
            source: file.source,
            identity: file.identity,
            columns: columns.collect(),
            constants: file.constants,
            templates,
            lookups: file.lookups,
            codes: file.codes,
            date_formats: file.dates.formats,
            time_of_day,
            blank: file.blank.texts,
            units: UnitRules { bare: file.units.bare, same: file.units.same },
            reading,
            given: true,
        })
    }
}

fn refuse(wrong: &[(String, String)]) -> Refusal {
    let zh: Vec<&str> = wrong.iter().map(|(zh, _)| zh.as_str()).collect();
    let en: Vec<&str> = wrong.iter().map(|(_, en)| en.as_str()).collect();
    Refusal::new(Code::ValidationFailed, zh.join("；"), en.join("; "))
}

fn check_fields(kind: ImportKind, file: &MappingFile, wrong: &mut Vec<(String, String)>) {
    let sections: [(&str, Vec<&String>); 5] = [
        ("columns", file.columns.keys().collect()),
        ("constants", file.constants.keys().collect()),
        ("templates", file.templates.keys().collect()),
        ("lookups", file.lookups.keys().collect()),
        ("codes", file.codes.keys().collect()),
    ];
    for (section, fields) in sections {
        for field in fields {
            if kind.field(field).is_none() {
                wrong.push((
                    format!("[{section}] 中的 {field} 不是 {kind} 的字段"),
                    format!("{field} in [{section}] is no field of {kind}"),
                ));
            }
        }
    }
    for (field, columns) in &file.columns {
        if matches!(columns, OneOrMany::Many(columns) if columns.is_empty()) {
            wrong.push((format!("{field} 没有列"), format!("{field} has no column")));
        }
        if file.templates.contains_key(field) {
            wrong.push((
                format!("{field} 既有列又有模板"),
                format!("{field} has both a column and a template"),
            ));
        }
    }
    for field in file.lookups.keys().chain(file.codes.keys()) {
        if kind.field(field).is_some()
            && !file.columns.contains_key(field)
            && !file.templates.contains_key(field)
        {
            wrong.push((
                format!("{field} 有对照表或编码规则而没有列"),
                format!("{field} has a lookup or a code rule but no column"),
            ));
        }
    }
    if file.identity.is_empty() != file.source.is_none() {
        wrong.push((
            "identity 与 source 须同时给出".to_owned(),
            "identity and source go together".to_owned(),
        ));
    }
}

fn check_codes(codes: &BTreeMap<String, CodeRule>, wrong: &mut Vec<(String, String)>) {
    for (field, rule) in codes {
        let long_enough = (8..=24).contains(&rule.digits);
        if !long_enough || crate::kernel::ItemCode::new(&rule.code("")).is_err() {
            wrong.push((
                format!("[codes.{field}]：前缀加 8–24 位须是不超过 32 位的编码"),
                format!(
                    "[codes.{field}]: prefix and 8 to 24 digits must make a code of at most 32"
                ),
            ));
        }
    }
}

fn time_of_day(text: &str) -> Option<chrono::NaiveTime> {
    chrono::NaiveTime::parse_from_str(text, "%H:%M").ok()
}

fn reading(file: &FileSection, wrong: &mut Vec<(String, String)>) -> Reading {
    let encoding = file.encoding.as_deref().and_then(|name| {
        let encoding = encoding_rs::Encoding::for_label(name.as_bytes());
        if encoding.is_none() {
            wrong.push((format!("未知编码：{name}"), format!("unknown encoding: {name}")));
        }
        encoding
    });
    let delimiter = file.delimiter.as_deref().and_then(|text| {
        let mut chars = text.chars();
        match (chars.next(), chars.next()) {
            (Some(c), None) if c.is_ascii() => Some(c),
            _ => {
                wrong.push((format!("分隔符无效：{text}"), format!("not a delimiter: {text}")));
                None
            }
        }
    });
    Reading { encoding, delimiter }
}

/// The pieces of a template, or `None` when its braces do not match.
fn pieces(template: &str) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut rest = template;
    while let Some((text, after)) = rest.split_once('{') {
        let (column, after) = after.split_once('}')?;
        if text.contains('}') || column.contains('{') || column.is_empty() {
            return None;
        }
        if !text.is_empty() {
            pieces.push(Piece::Text(text.to_owned()));
        }
        pieces.push(Piece::Column(column.to_owned()));
        rest = after;
    }
    if rest.contains('}') {
        return None;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest.to_owned()));
    }
    Some(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        Mapping::parse(text, ImportKind::Receipts).unwrap_err().detail.en
    }

    #[test]
    fn a_mapping_says_columns_constants_lookups_and_codes() {
        let mapping = Mapping::parse(
            r#"
            kind = "receipts"
            source = "scms"
            identity = ["id"]
            [columns]
            store_code = "country"
            item_code = ["brand", "item description"]
            [constants]
            source_kind = "supplier"
            [templates]
            note = "PO {po / so #}, by {mode}."
            [lookups.store_code]
            "Congo, DRC" = "SCMS-CD"
            [codes.item_code]
            prefix = "SCMS-"
            digits = 12
            [dates]
            formats = ["%d-%b-%y"]
            "#,
            ImportKind::Receipts,
        )
        .unwrap();
        assert_eq!(mapping.columns["item_code"], ["brand", "item description"]);
        assert_eq!(mapping.time_of_day.to_string(), "12:00:00");
        assert_eq!(
            mapping.templates["note"],
            [
                Piece::Text("PO ".to_owned()),
                Piece::Column("po / so #".to_owned()),
                Piece::Text(", by ".to_owned()),
                Piece::Column("mode".to_owned()),
                Piece::Text(".".to_owned()),
            ]
        );
        assert_eq!(mapping.codes["item_code"].code("abc"), "SCMS-BA7816BF8F01");
    }

    #[test]
    fn a_word_that_mappings_do_not_know_is_refused_with_its_place() {
        let said = refused("kind = \"receipts\"\n[colums]\na = \"b\"\n");
        assert!(said.contains("line 2") && said.contains("colums"), "{said}");
    }

    #[test]
    fn all_faults_of_a_mapping_are_told_at_once() {
        let said = refused(
            r#"
            kind = "stores"
            identity = ["id"]
            [columns]
            store = "country"
            note = "x"
            [templates]
            note = "{x"
            [lookups.maker]
            a = "b"
            [dates]
            formats = ["%Q", "d-m-y"]
            time = "noon"
            [file]
            encoding = "ebcdic"
            delimiter = ";;"
            [codes.item_code]
            prefix = "with space"
            digits = 2
            "#,
        );
        for part in [
            "for stores",
            "store in [columns]",
            "note has both",
            "braces",
            "maker has a lookup",
            "%Q",
            "d-m-y",
            "noon",
            "ebcdic",
            ";;",
            "[codes.item_code]",
            "go together",
        ] {
            assert!(said.contains(part), "{part} in {said}");
        }
    }
}
