//! Rows to records: each cell to a checked value of its field, all the faults of a row at once.

use crate::exchange::kind::{Field, ImportKind, Shape};
use crate::exchange::mapping::{Mapping, Piece};
use crate::exchange::rejects::ADDED_HEADINGS;
use crate::exchange::table::{MAX_CELL, Row, RowFault, Table};
use crate::kernel::hash::FieldHasher;
use crate::kernel::{BusinessZone, Instant, Money};
use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use std::collections::{BTreeMap, BTreeSet};

/// A row whose cells are values of our fields, in the one spelling that each has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The line of the file.
    pub line: u64,
    /// Field name to value; absent where nothing was given.
    pub values: BTreeMap<&'static str, String>,
    /// The cells of the mapping's identity columns.
    pub identity: Option<Vec<String>>,
}

impl Record {
    /// The value of a field.
    pub fn get(&self, field: &str) -> Option<&str> {
        self.values.get(field).map(String::as_str)
    }

    /// The value of a field that is a whole number.
    pub fn whole(&self, field: &str) -> Option<i64> {
        self.get(field).and_then(|text| text.parse().ok())
    }

    /// The entries of a field that is a list.
    pub fn list(&self, field: &str) -> Vec<String> {
        self.get(field).map(list_entries).unwrap_or_default()
    }

    /// Whether a field that is a flag is set.
    pub fn flag(&self, field: &str) -> bool {
        self.get(field) == Some("true")
    }

    /// The hash of everything that the row says.
    pub fn content_hash(&self) -> String {
        self.values
            .iter()
            .fold(FieldHasher::new(), |hasher, (name, value)| hasher.field(name).field(value))
            .finish()
    }
}

fn list_entries(text: &str) -> Vec<String> {
    text.split([';', '|', '；'])
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The rows of a table as records, and what is wrong with the others.
#[derive(Debug, Default)]
pub struct Records {
    /// The rows that can be read, in the order of the file.
    pub good: Vec<Record>,
    /// Every fault of the others, in the order of the file.
    pub faults: Vec<RowFault>,
    /// Columns of the file that no field takes.
    pub unused: Vec<String>,
    /// The heading under which people find each field.
    pub columns: BTreeMap<&'static str, String>,
}

/// Reads every row of a table.
///
/// # Errors
/// The faults of the headings (line 1), when the table lacks a column that is named or needed.
pub fn read(
    table: &Table,
    kind: ImportKind,
    mapping: &Mapping,
    zone: BusinessZone,
) -> Result<Records, Vec<RowFault>> {
    let binding = Binding::new(table, kind, mapping, zone)?;
    let columns = binding.fields.iter().map(|bound| (bound.field.name, bound.column.clone()));
    let mut records =
        Records { unused: binding.unused(table), columns: columns.collect(), ..Records::default() };
    for row in &table.rows {
        match binding.record(row) {
            Ok(record) => records.good.push(record),
            Err(mut faults) => records.faults.append(&mut faults),
        }
    }
    Ok(records)
}

/// Where the values of each field come from in one table.
struct Binding<'a> {
    mapping: &'a Mapping,
    zone: BusinessZone,
    width: usize,
    fields: Vec<BoundField<'a>>,
    identity: Vec<usize>,
}

struct BoundField<'a> {
    field: &'static Field,
    source: Source<'a>,
    constant: Option<&'a str>,
    /// The heading shown to people.
    column: String,
}

enum Source<'a> {
    Columns(Vec<(usize, &'a str)>),
    Template(Vec<(Option<usize>, &'a str)>),
    Nothing,
}

/// A value that cannot be used, in Chinese and English.
type Wrong = (String, String);

impl<'a> Binding<'a> {
    fn new(
        table: &'a Table,
        kind: ImportKind,
        mapping: &'a Mapping,
        zone: BusinessZone,
    ) -> Result<Self, Vec<RowFault>> {
        let mut faults = Vec::new();
        let mut places: BTreeMap<&str, usize> = BTreeMap::new();
        for (at, heading) in table.headings.iter().enumerate() {
            if heading.is_empty() {
                continue;
            }
            if places.insert(heading, at).is_some() {
                faults.push(RowFault::new(1, heading, "表头重复", "appears twice in the headings"));
            }
        }
        let mut find = |column: &str| match places.get(column) {
            Some(at) => Some(*at),
            None => {
                faults.push(RowFault::new(
                    1,
                    column,
                    "映射文件所指的列不在表中",
                    "is named by the mapping but not in the table",
                ));
                None
            }
        };
        let identity = mapping.identity.iter().filter_map(|column| find(column)).collect();
        let mut fields = Vec::new();
        for field in kind.fields() {
            let source = if mapping.given {
                mapped_source(field, mapping, &mut find)
            } else {
                unmapped_source(field, table)
            };
            let constant = mapping.constants.get(field.name).map(String::as_str);
            if matches!(source, Source::Nothing) && constant.is_none() && !field.required {
                continue;
            }
            let column = match &source {
                Source::Columns(columns) => {
                    columns.iter().map(|(_, heading)| *heading).collect::<Vec<_>>().join(", ")
                }
                Source::Template(_) | Source::Nothing => field.name.to_owned(),
            };
            fields.push(BoundField { field, source, constant, column });
        }
        for bound in &fields {
            if matches!(bound.source, Source::Nothing) && bound.constant.is_none() {
                faults.push(RowFault::new(
                    1,
                    bound.field.name,
                    format!("缺少必填列（{}）", bound.field.heading_zh),
                    "is required, but no column gives it",
                ));
            }
        }
        if !mapping.given {
            for heading in &table.headings {
                let known = heading.is_empty()
                    || ADDED_HEADINGS.contains(&heading.as_str())
                    || kind.field_of_heading(heading).is_some();
                if !known {
                    faults.push(RowFault::new(
                        1,
                        heading,
                        format!("不是 {kind} 的字段；请改表头或用映射文件"),
                        format!("is no field of {kind}; change the heading or use a mapping"),
                    ));
                }
            }
        }
        if faults.is_empty() {
            Ok(Self { mapping, zone, width: table.headings.len(), fields, identity })
        } else {
            Err(faults)
        }
    }

    fn unused(&self, table: &Table) -> Vec<String> {
        let mut used: BTreeSet<usize> = self.identity.iter().copied().collect();
        for bound in &self.fields {
            match &bound.source {
                Source::Columns(columns) => used.extend(columns.iter().map(|(at, _)| *at)),
                Source::Template(pieces) => used.extend(pieces.iter().filter_map(|(at, _)| *at)),
                Source::Nothing => {}
            }
        }
        let headings = table.headings.iter().enumerate();
        headings
            .filter(|(at, heading)| {
                !used.contains(at)
                    && !heading.is_empty()
                    && !ADDED_HEADINGS.contains(&heading.as_str())
            })
            .map(|(_, heading)| heading.clone())
            .collect()
    }

    fn record(&self, row: &Row) -> Result<Record, Vec<RowFault>> {
        if row.cells.len() != self.width {
            let (have, need) = (row.cells.len(), self.width);
            return Err(vec![RowFault::new(
                row.line,
                "",
                format!("有 {have} 格，表头有 {need} 格；可能引号或分隔符有误"),
                format!(
                    "has {have} cells where the headings have {need}; look for a stray quote or delimiter"
                ),
            )]);
        }
        let mut faults = Vec::new();
        let mut values = BTreeMap::new();
        for bound in &self.fields {
            match self.value(bound, row) {
                Ok(Some(value)) => {
                    values.insert(bound.field.name, value);
                }
                Ok(None) if bound.field.required => {
                    faults.push(RowFault::new(row.line, &bound.column, "必填", "is required"));
                }
                Ok(None) => {}
                Err((zh, en)) => faults.push(RowFault::new(row.line, &bound.column, zh, en)),
            }
        }
        let identity: Vec<String> =
            self.identity.iter().map(|at| cell(row, *at).to_owned()).collect();
        if identity.iter().any(String::is_empty) {
            let column = self.mapping.identity.join(", ");
            faults.push(RowFault::new(row.line, column, "缺少行标识", "the row has no identity"));
        }
        if faults.is_empty() {
            let identity = (!identity.is_empty()).then_some(identity);
            Ok(Record { line: row.line, values, identity })
        } else {
            Err(faults)
        }
    }

    fn value(&self, bound: &BoundField<'_>, row: &Row) -> Result<Option<String>, Wrong> {
        let found = match &bound.source {
            Source::Nothing => None,
            Source::Template(pieces) => {
                let text: String =
                    pieces.iter().map(|(at, text)| at.map_or(*text, |at| cell(row, at))).collect();
                (!text.trim().is_empty()).then_some(text)
            }
            Source::Columns(columns) => self.first_value(bound.field.name, columns, row)?,
        };
        let Some(text) = found.as_deref().or(bound.constant) else { return Ok(None) };
        if text.chars().count() > MAX_CELL {
            return Err((
                format!("超过 {MAX_CELL} 字；可能有未闭合的引号"),
                format!("has more than {MAX_CELL} characters; perhaps a quote is left open"),
            ));
        }
        self.shaped(bound.field.shape, text).map(Some)
    }

    /// The value of the first column that gives one, looked up or made into a code.
    fn first_value(
        &self,
        field: &str,
        columns: &[(usize, &str)],
        row: &Row,
    ) -> Result<Option<String>, Wrong> {
        let lookup = self.mapping.lookups.get(field);
        let rule = self.mapping.codes.get(field);
        let mut missed = None;
        for (at, _) in columns {
            let text = cell(row, *at);
            if text.is_empty() || self.mapping.blank.iter().any(|blank| blank == text) {
                continue;
            }
            if let Some(code) = lookup.and_then(|lookup| lookup.get(text)) {
                return Ok(Some(code.clone()));
            }
            if let Some(rule) = rule {
                return Ok(Some(rule.code(text)));
            }
            if lookup.is_none() {
                return Ok(Some(text.to_owned()));
            }
            missed = Some(text);
        }
        match missed {
            None => Ok(None),
            Some(text) => Err((
                format!("对照表中没有“{text}”"),
                format!("the lookup of {field} has no \"{text}\""),
            )),
        }
    }

    fn shaped(&self, shape: Shape, text: &str) -> Result<String, Wrong> {
        match shape {
            Shape::Text => Ok(text.to_owned()),
            Shape::List => Ok(list_entries(text).join(";")),
            Shape::Whole => whole(text).map(|number| number.to_string()),
            Shape::Date => self.date(text).map(|date| date.to_string()),
            Shape::Instant => self.instant(text).map(|instant| instant.to_string()),
            Shape::Money => Money::parse(&text.replace(',', ""))
                .map(|money| money.to_string())
                .map_err(|_not| {
                    (
                        format!("“{text}”不是金额（最多四位小数）"),
                        format!("\"{text}\" is no amount with at most four decimals"),
                    )
                }),
            Shape::Flag => match text.to_lowercase().as_str() {
                "true" | "1" | "yes" | "y" | "是" | "有" => Ok("true".to_owned()),
                "false" | "0" | "no" | "n" | "否" | "无" => Ok("false".to_owned()),
                _ => {
                    Err((format!("“{text}”不是是/否"), format!("\"{text}\" is not true or false")))
                }
            },
        }
    }

    fn date(&self, text: &str) -> Result<NaiveDate, Wrong> {
        use chrono::Datelike;
        const ISO: &str = "%Y-%m-%d";
        const ISO_WITH_TIME: &str = "%Y-%m-%d %H:%M:%S";
        const USUAL: [&str; 6] =
            [ISO, "%Y/%m/%d", "%Y.%m.%d", "%Y年%m月%d日", "%Y%m%d", ISO_WITH_TIME];
        let formats = &self.mapping.date_formats;
        let found = if formats.is_empty() {
            USUAL.iter().find_map(|format| NaiveDate::parse_from_str(text, format).ok())
        } else {
            // The dates of a workbook are dates, whatever the file's texts look like.
            let told = formats.iter().map(String::as_str).chain([ISO, ISO_WITH_TIME]);
            told.into_iter().find_map(|format| NaiveDate::parse_from_str(text, format).ok())
        };
        found.filter(|day| (2000..2200).contains(&day.year())).ok_or_else(|| {
            let form = formats.first().map_or("YYYY-MM-DD", String::as_str);
            (
                format!("“{text}”不是日期（{form}，2000–2199 年）"),
                format!("\"{text}\" is no date of the form {form} in the years 2000 to 2199"),
            )
        })
    }

    /// An RFC 3339 instant, a local date and time, or a date at the mapping's time of day.
    fn instant(&self, text: &str) -> Result<Instant, Wrong> {
        if let Ok(instant) = Instant::parse(text) {
            return Ok(instant);
        }
        const LOCAL: [&str; 4] =
            ["%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M"];
        let local =
            LOCAL.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
        let (day, time) = match local {
            Some(local) => (local.date(), local.time()),
            None => (self.date(text)?, self.mapping.time_of_day),
        };
        let since_midnight = time.signed_duration_since(NaiveTime::MIN);
        Ok(self.zone.start_of(day).plus(since_midnight))
    }
}

fn mapped_source<'a>(
    field: &Field,
    mapping: &'a Mapping,
    find: &mut impl FnMut(&str) -> Option<usize>,
) -> Source<'a> {
    if let Some(columns) = mapping.columns.get(field.name) {
        let columns = columns.iter().filter_map(|column| Some((find(column)?, column.as_str())));
        return Source::Columns(columns.collect());
    }
    if let Some(pieces) = mapping.templates.get(field.name) {
        let pieces = pieces.iter().filter_map(|piece| match piece {
            Piece::Text(text) => Some((None, text.as_str())),
            Piece::Column(column) => Some((Some(find(column)?), column.as_str())),
        });
        return Source::Template(pieces.collect());
    }
    Source::Nothing
}

fn unmapped_source<'a>(field: &Field, table: &'a Table) -> Source<'a> {
    let columns: Vec<(usize, &str)> = table
        .headings
        .iter()
        .enumerate()
        .filter(|(_, heading)| {
            heading.to_lowercase() == field.name || heading.as_str() == field.heading_zh
        })
        .map(|(at, heading)| (at, heading.as_str()))
        .collect();
    if columns.is_empty() { Source::Nothing } else { Source::Columns(columns) }
}

fn cell(row: &Row, at: usize) -> &str {
    row.cells.get(at).map_or("", String::as_str)
}

/// A whole number: digits, thousands separators where they belong, and zeros after a point.
fn whole(text: &str) -> Result<i64, Wrong> {
    let plain = crate::kernel::text::fold_for_search(text);
    let (digits, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
    let (sign, digits) = match digits.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", digits),
    };
    let mut groups = digits.split(',');
    let first = groups.next().unwrap_or("");
    let rest: Vec<&str> = groups.collect();
    let is_digits = |group: &str| group.bytes().all(|b| b.is_ascii_digit());
    let grouped = rest.is_empty() || (1..=3).contains(&first.len());
    let fits = !first.is_empty()
        && is_digits(first)
        && grouped
        && rest.iter().all(|group| group.len() == 3 && is_digits(group))
        && fraction.bytes().all(|b| b == b'0');
    let number = format!("{sign}{first}{}", rest.concat()).parse::<i64>().ok();
    number
        .filter(|_| fits)
        .ok_or_else(|| (format!("“{text}”不是整数"), format!("\"{text}\" is not a whole number")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::table;

    fn records(text: &str, kind: ImportKind, mapping: &Mapping) -> Records {
        let table = table::read(text.as_bytes(), mapping.reading).unwrap();
        read(&table, kind, mapping, BusinessZone::default()).unwrap()
    }

    const RECEIPTS: &str = r#"
        kind = "receipts"
        [columns]
        store_code = "Country"
        item_code = "Item"
        occurred_at = "Delivered"
        packs = "Packs"
        pack_units = "Per pack"
        [constants]
        source_kind = "supplier"
        [lookups.store_code]
        "Congo, DRC" = "SCMS-CD"
        [codes.item_code]
        prefix = "SCMS-"
        digits = 12
        [dates]
        formats = ["%d-%b-%y"]
        [blank]
        texts = ["Date Not Captured"]
    "#;

    #[test]
    fn a_mapped_row_becomes_values_of_our_fields() {
        let mapping = Mapping::parse(RECEIPTS, ImportKind::Receipts).unwrap();
        let text = "Country,Item,Delivered,Packs,Per pack,Weight\n\
                    \"Congo, DRC\",abc,2-Jun-06,\"1,200\",60.00,heavy\n";
        let records = records(text, ImportKind::Receipts, &mapping);
        assert_eq!(records.faults, []);
        assert_eq!(records.unused, ["Weight"]);
        let record = &records.good[0];
        assert_eq!(record.line, 2);
        assert_eq!(record.get("store_code"), Some("SCMS-CD"));
        assert_eq!(record.get("item_code"), Some("SCMS-BA7816BF8F01"));
        assert_eq!(record.get("occurred_at"), Some("2006-06-02T04:00:00Z"));
        assert_eq!(record.whole("packs"), Some(1200));
        assert_eq!(record.get("source_kind"), Some("supplier"));
    }

    #[test]
    fn all_faults_of_a_row_are_named_with_line_and_column() {
        let mapping = Mapping::parse(RECEIPTS, ImportKind::Receipts).unwrap();
        let text = "Country,Item,Delivered,Packs,Per pack\n\
                    Atlantis,,Date Not Captured,1.5,60\n\
                    \"Congo, DRC\",x\n";
        let records = records(text, ImportKind::Receipts, &mapping);
        let named: Vec<(u64, &str)> =
            records.faults.iter().map(|f| (f.line, f.column.as_str())).collect();
        assert_eq!(named, [(2, "Country"), (2, "Delivered"), (2, "Item"), (2, "Packs"), (3, "")]);
        assert!(records.good.is_empty());
    }

    #[test]
    fn without_a_mapping_headings_are_our_fields_in_either_language() {
        let text =
            "物资编码,物资名称,category,base_unit,商品条码\nM1,口罩,ppe,只,6901234567892；123\n";
        let records = records(text, ImportKind::Items, &Mapping::none());
        assert_eq!(records.good[0].list("gtins"), ["6901234567892", "123"]);
        let table = table::read(b"code,colour,code\n", table::Reading::default()).unwrap();
        let faults =
            read(&table, ImportKind::Items, &Mapping::none(), BusinessZone::default()).unwrap_err();
        let columns: Vec<&str> = faults.iter().map(|fault| fault.column.as_str()).collect();
        assert_eq!(columns, ["code", "name_zh", "category", "base_unit", "colour"]);
        assert!(faults.iter().all(|fault| fault.line == 1));
    }

    #[test]
    fn the_first_column_that_gives_a_value_wins() {
        let mapping = Mapping::parse(
            r#"
            kind = "items"
            [columns]
            code = "c"
            base_unit = ["description", "form"]
            [constants]
            name_zh = "x"
            category = "drug"
            [lookups.base_unit]
            "Kit without count" = "套"
            "Tablet" = "片"
            "#,
            ImportKind::Items,
        )
        .unwrap();
        let text = "c,description,form\nA,Kit without count,Test\nB,Aspirin,Tablet\nC,?,?\n";
        let records = records(text, ImportKind::Items, &mapping);
        let units: Vec<_> = records.good.iter().map(|r| r.get("base_unit")).collect();
        assert_eq!(units, [Some("套"), Some("片")]);
        assert_eq!(records.faults[0].column, "description, form");
    }

    #[test]
    fn whole_numbers_have_no_fraction_and_separators_only_where_they_belong() {
        for (text, number) in [
            ("5", 5),
            ("1,000", 1000),
            ("１２", 12),
            ("12.00", 12),
            ("-3", -3),
            ("12,345,678", 12_345_678),
        ] {
            assert_eq!(whole(text), Ok(number), "{text}");
        }
        for text in ["", "1.5", "1e3", "1,00", "1,0000", ",1", "五", "0x5", "99999999999999999999"]
        {
            assert!(whole(text).is_err(), "{text}");
        }
    }

    #[test]
    fn dates_and_instants_have_the_usual_forms() {
        let text = "store_code,occurred_at,item_code,expires_on\n\
                    S,2026-01-02,I,2027/3/4\n\
                    S,2026-01-02 08:30,I,2027年3月4日\n\
                    S,2026-01-02T00:30:00Z,I,20270304\n\
                    S,02/01/2026,I,1899-01-01\n";
        let records = records(text, ImportKind::OpeningStock, &Mapping::none());
        let at: Vec<_> = records.good.iter().map(|r| r.get("occurred_at")).collect();
        assert_eq!(
            at,
            [
                Some("2026-01-02T04:00:00Z"),
                Some("2026-01-02T00:30:00Z"),
                Some("2026-01-02T00:30:00Z")
            ]
        );
        assert!(records.good.iter().all(|r| r.get("expires_on") == Some("2027-03-04")));
        assert_eq!(records.faults.len(), 2);
    }
}
