//! The lines of a reserve plan as a table: a row for each basis of a line.
//!
//! A line with several bases has several rows that name the same store, kind or region and the same
//! item; floor, ceiling and percents stand on any of them, and where they stand twice they agree.

use crate::exchange::rejects::defused;
use crate::exchange::table::Table;
use crate::kernel::{Bilingual, FaultCode, Faults, Refusal};
use crate::reserve_plan::basis_request::{BasisBody, PostBody};
use crate::reserve_plan::level::ResponseLevel;
use crate::reserve_plan::plan::PlanLine;
use crate::reserve_plan::rate::RateText;
use crate::reserve_plan::requests::PlanLineBody;
use crate::reserve_plan::views::PlanLineView;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The columns: name, and the heading under which Chinese files have it.
pub const COLUMNS: &[(&str, &str)] = &[
    ("store_code", "储备点编码"),
    ("store_kind", "储备点类型"),
    ("region_code", "地区代码"),
    ("item_code", "物资编码"),
    ("kind", "依据"),
    ("quantity", "定额数量"),
    ("days", "天数"),
    ("posts", "岗位"),
    ("heads", "人数或床位数"),
    ("rate", "标准用量"),
    ("per", "每多少人"),
    ("norm_code", "标准代码"),
    ("norm_units", "标准单位换算"),
    ("people", "检测人数"),
    ("pool", "混采人数"),
    ("wells", "孔数"),
    ("controls", "质控孔数"),
    ("rounds", "轮次"),
    ("waste_percent", "损耗百分比"),
    ("tests_per_kit", "每盒人份"),
    ("output", "本行物资"),
    ("z", "分位数"),
    ("lead_days", "到货天数"),
    ("lead_days_sigma", "到货天数标准差"),
    ("daily", "日需求"),
    ("daily_sigma", "日需求标准差"),
    ("measure", "安全库存口径"),
    ("safety_days", "安全天数"),
    ("review_days", "订货间隔天数"),
    ("bound", "上下限口径"),
    ("floor", "下限"),
    ("ceiling", "上限"),
    ("level_percent_normal", "平时百分比"),
    ("level_percent_IV", "IV级百分比"),
    ("level_percent_III", "III级百分比"),
    ("level_percent_II", "II级百分比"),
    ("level_percent_I", "I级百分比"),
    ("floor_percent_normal", "平时下限百分比"),
    ("floor_percent_IV", "IV级下限百分比"),
    ("floor_percent_III", "III级下限百分比"),
    ("floor_percent_II", "II级下限百分比"),
    ("floor_percent_I", "I级下限百分比"),
];

/// Kinds of bases in Chinese.
const KINDS: &[(&str, &str)] = &[
    ("fixed", "固定定额"),
    ("days_of_cover", "消耗天数"),
    ("full_load", "满负荷"),
    ("norm", "人均标准"),
    ("pooled_testing", "混采检测"),
    ("safety_stock", "安全库存"),
    ("min_max", "上下限"),
];

/// Fields of a basis that are whole numbers.
const WHOLE: &[&str] = &[
    "quantity",
    "days",
    "heads",
    "rate",
    "per",
    "people",
    "pool",
    "wells",
    "controls",
    "rounds",
    "waste_percent",
    "tests_per_kit",
    "safety_days",
    "review_days",
];
/// Fields of a basis that are texts or rates.
const TEXTS: &[&str] = &[
    "norm_code",
    "norm_units",
    "output",
    "z",
    "lead_days",
    "lead_days_sigma",
    "daily",
    "daily_sigma",
    "measure",
    "bound",
];
/// Columns that a line has once, however many bases it has.
const OF_THE_LINE: &[&str] = &["floor", "ceiling"];

/// The lines of a table, each with its place among them, and what is wrong with the rest.
#[derive(Debug)]
pub struct ReadLines {
    /// The lines that could be read.
    pub lines: Vec<(usize, PlanLine)>,
    /// Where each line's rows are.
    pub rows: RowsOfLines,
    /// What is wrong with rows.
    pub faults: Vec<RowFault>,
}

/// Where each line came from: the row of each of its bases.
#[derive(Debug, Clone, Default)]
pub struct RowsOfLines(Vec<Vec<u64>>);

/// What is wrong with one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowFault {
    /// The line of the file on which the row begins.
    pub row: u64,
    /// The column, by its name.
    pub column: String,
    /// What is wrong, for programs.
    pub code: FaultCode,
    /// What is wrong, for people.
    pub message: Bilingual,
}

impl RowFault {
    fn new(row: u64, column: &str, code: FaultCode) -> Self {
        Self { row, column: column.to_owned(), code, message: code.message() }
    }
}

/// A line as its rows say it, not read yet.
struct Draft {
    body: PlanLineBody,
    rows: Vec<u64>,
    cells: BTreeMap<String, String>,
}

/// Reads the lines of a table, and gathers what is wrong with any row.
///
/// # Errors
/// `validation_failed` when a heading is unknown, stands twice, or `item_code` or `kind` is missing:
/// then no row can be read.
pub fn read(table: &Table) -> Result<ReadLines, Refusal> {
    let columns = columns_of(table)?;
    let mut faults = Vec::new();
    let mut drafts: Vec<Draft> = Vec::new();
    let mut places: BTreeMap<[String; 4], usize> = BTreeMap::new();
    for row in &table.rows {
        let cells: BTreeMap<&str, &str> = columns
            .iter()
            .zip(&row.cells)
            .filter_map(|(column, cell)| Some(((*column)?, cell.as_str())))
            .filter(|(_, cell)| !cell.is_empty())
            .collect();
        let text = |column: &str| cells.get(column).map(|cell| (*cell).to_owned());
        let subject = ["store_code", "store_kind", "region_code", "item_code"]
            .map(|column| text(column).unwrap_or_default());
        let next = drafts.len();
        let at = *places.entry(subject).or_insert(next);
        if at == next {
            let body = PlanLineBody {
                store_code: text("store_code"),
                store_kind: text("store_kind"),
                region_code: text("region_code"),
                item_code: text("item_code").unwrap_or_default(),
                ..PlanLineBody::default()
            };
            drafts.push(Draft { body, rows: Vec::new(), cells: BTreeMap::new() });
        }
        if let Some(draft) = drafts.get_mut(at) {
            draft.take(row.line, &cells, &mut faults);
        }
    }
    Ok(finish(drafts, faults))
}

fn finish(drafts: Vec<Draft>, mut faults: Vec<RowFault>) -> ReadLines {
    let mut lines = Vec::new();
    let rows = RowsOfLines(drafts.iter().map(|draft| draft.rows.clone()).collect());
    for (at, draft) in drafts.into_iter().enumerate() {
        let mut own = Faults::new();
        let line = draft.body.parse(&format!("/lines/{at}"), &mut own);
        match own.finish(line) {
            Ok(line) => lines.push((at, line)),
            Err(refusal) => faults.extend(rows.faults_of(refusal)),
        }
    }
    ReadLines { lines, rows, faults }
}

impl RowsOfLines {
    /// The faults of lines as faults of rows.
    pub fn faults_of(&self, refusal: Refusal) -> Vec<RowFault> {
        let faults = refusal.faults.into_iter();
        faults
            .map(|fault| {
                let (row, column) = self.place(&fault.pointer);
                RowFault { row, column, code: fault.code, message: fault.message }
            })
            .collect()
    }

    /// The row and the column that a pointer such as `/lines/3/bases/1/quantity` is about.
    fn place(&self, pointer: &str) -> (u64, String) {
        let parts: Vec<&str> = pointer.split('/').skip(2).collect();
        let number = |at: usize| parts.get(at).and_then(|part| part.parse::<usize>().ok());
        let rows = number(0).and_then(|line| self.0.get(line)).map_or(&[][..], Vec::as_slice);
        let first = rows.first().copied().unwrap_or(0);
        match parts.get(1).copied() {
            Some("bases") => {
                let row = number(2).and_then(|basis| rows.get(basis)).copied().unwrap_or(first);
                (row, parts.get(3).map_or("kind", |field| *field).to_owned())
            }
            Some(field @ ("level_percent" | "floor_percent")) => {
                let level = parts.get(2).copied().unwrap_or_default();
                (first, format!("{field}_{level}"))
            }
            Some(field) => (first, field.to_owned()),
            None => (first, "store_code".to_owned()),
        }
    }
}

/// Which of our columns each column of the table is; `None` for one that an earlier refusal added.
fn columns_of(table: &Table) -> Result<Vec<Option<&'static str>>, Refusal> {
    let mut faults = Faults::new();
    let mut columns: Vec<Option<&'static str>> = Vec::new();
    for heading in &table.headings {
        let known = COLUMNS.iter().find(|(name, zh)| heading == name || heading == zh);
        let known = known.map(|(name, _)| *name);
        if known.is_none() && !heading.is_empty() {
            faults.add(format!("/headings/{heading}"), FaultCode::UnknownField);
        }
        if known.is_some() && columns.contains(&known) {
            faults.add(format!("/headings/{heading}"), FaultCode::Duplicate);
        }
        columns.push(known);
    }
    for required in ["item_code", "kind"] {
        if !columns.contains(&Some(required)) {
            faults.add(format!("/headings/{required}"), FaultCode::Required);
        }
    }
    faults.check()?;
    Ok(columns)
}

impl Draft {
    /// Takes a row in: a basis, and what the line has once.
    fn take(&mut self, row: u64, cells: &BTreeMap<&str, &str>, faults: &mut Vec<RowFault>) {
        self.rows.push(row);
        let basis = basis_of(row, cells, faults);
        self.body.bases.push(basis);
        for (column, cell) in cells {
            let is_once = OF_THE_LINE.contains(column)
                || column.starts_with("level_percent_")
                || column.starts_with("floor_percent_");
            if !is_once {
                continue;
            }
            match self.cells.get(*column) {
                Some(earlier) if earlier == cell => continue,
                Some(_) => {
                    faults.push(RowFault::new(row, column, FaultCode::Contradicts));
                    continue;
                }
                None => {}
            }
            self.cells.insert((*column).to_owned(), (*cell).to_owned());
            match whole(cell) {
                Some(number) => self.set(column, number),
                None => faults.push(RowFault::new(row, column, FaultCode::InvalidFormat)),
            }
        }
    }

    fn set(&mut self, column: &str, number: i64) {
        let body = &mut self.body;
        if let Some(level) = column.strip_prefix("level_percent_") {
            body.level_percent.get_or_insert_default().insert(level.to_owned(), number);
        } else if let Some(level) = column.strip_prefix("floor_percent_") {
            body.floor_percent.get_or_insert_default().insert(level.to_owned(), number);
        } else if column == "floor" {
            body.floor = Some(number);
        } else {
            body.ceiling = Some(number);
        }
    }
}

/// A whole number, with thousands separators or without.
fn whole(cell: &str) -> Option<i64> {
    cell.replace([',', '，', ' '], "").parse().ok()
}

fn basis_of(row: u64, cells: &BTreeMap<&str, &str>, faults: &mut Vec<RowFault>) -> BasisBody {
    let mut fields = Map::new();
    let said = cells.get("kind").copied().unwrap_or_default();
    let kind = KINDS.iter().find(|(_, zh)| *zh == said).map_or(said, |(kind, _)| kind);
    fields.insert("kind".to_owned(), kind.into());
    for (column, cell) in cells {
        if WHOLE.contains(column) {
            match whole(cell) {
                Some(number) => {
                    fields.insert((*column).to_owned(), number.into());
                }
                None => faults.push(RowFault::new(row, column, FaultCode::InvalidFormat)),
            }
        } else if TEXTS.contains(column) {
            fields.insert((*column).to_owned(), (*cell).into());
        }
    }
    // Built from names and types that the body has, so it always reads.
    let mut basis: BasisBody = serde_json::from_value(Value::Object(fields)).unwrap_or_default();
    if let Some(cell) = cells.get("posts") {
        let posts: Option<Vec<PostBody>> = cell.split([';', '；']).map(post_of).collect();
        if posts.is_none() {
            faults.push(RowFault::new(row, "posts", FaultCode::InvalidFormat));
        }
        basis.posts = posts;
    }
    basis
}

/// Reads a post: `12*4`, `12*2.278023*24` with the people at each, or a norm in place of the last:
/// `12*2.278023*who-esft4-gown-inpatient-hcw`, with `@2` after it for its units.
fn post_of(text: &str) -> Option<PostBody> {
    let parts: Vec<&str> = text.split(['*', '×']).map(str::trim).collect();
    let (count, staff, last) = match parts.as_slice() {
        [count, last] => (*count, None, *last),
        [count, staff, last] => (*count, Some(*staff), *last),
        _ => return None,
    };
    let rate = |text: &str| RateText::Text(text.to_owned());
    let is_norm = last.starts_with(|c: char| c.is_ascii_alphabetic());
    let (named, units) = match last.split_once('@') {
        Some((named, units)) => (named, Some(units)),
        None => (last, None),
    };
    Some(PostBody {
        count: whole(count)?,
        staff: staff.map(rate),
        per_day: (!is_norm).then(|| rate(last)),
        norm_code: is_norm.then(|| named.to_owned()),
        norm_units: units.filter(|_| is_norm).map(rate),
    })
}

/// Which headings a table is written with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Headings {
    /// The names of the fields.
    Names,
    /// Chinese.
    Chinese,
}

/// Lines as a table of texts, headings first, which [`read`] reads back.
pub fn grid(lines: &[PlanLineView], headings: Headings) -> Vec<Vec<String>> {
    let heading = |(name, zh): &(&'static str, &'static str)| match headings {
        Headings::Names => *name,
        Headings::Chinese => *zh,
    };
    let headings = COLUMNS.iter().map(|column| heading(column).to_owned()).collect();
    std::iter::once(headings).chain(lines.iter().flat_map(rows_of)).collect()
}

/// Whether the column of a table holds numbers where its cells can be read as such.
pub fn is_number(column: usize) -> bool {
    COLUMNS.get(column).is_some_and(|(name, _)| {
        WHOLE.contains(name) || OF_THE_LINE.contains(name) || name.contains("_percent_")
    })
}

/// Writes lines as CSV in UTF-8 with a byte order mark, which [`read`] reads back.
pub fn write(lines: &[PlanLineView], headings: Headings) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for record in grid(lines, headings) {
        // A buffer in memory takes everything.
        if writer.write_record(record.iter().map(|cell| defused(cell))).is_err() {
            break;
        }
    }
    let bytes = writer.into_inner().unwrap_or_default();
    format!("\u{feff}{}", String::from_utf8_lossy(&bytes))
}

fn rows_of(line: &PlanLineView) -> Vec<Vec<String>> {
    let mut once: BTreeMap<String, String> = BTreeMap::new();
    let percents = [("level_percent", &line.level_percent), ("floor_percent", &line.floor_percent)];
    for (field, percents) in percents {
        for level in ResponseLevel::ALL {
            if let Some(percent) = percents.named(*level) {
                once.insert(format!("{field}_{level}"), percent.to_string());
            }
        }
    }
    for (field, quantity) in [("floor", line.floor), ("ceiling", line.ceiling)] {
        if let Some(quantity) = quantity {
            once.insert(field.to_owned(), quantity.to_string());
        }
    }
    let scope = [
        ("store_code", line.store_code.as_ref().map(ToString::to_string)),
        ("store_kind", line.store_kind.clone()),
        ("region_code", line.region_code.as_ref().map(ToString::to_string)),
        ("item_code", Some(line.item_code.to_string())),
    ];
    let mut rows = Vec::new();
    for basis in &line.bases {
        let mut cells = if rows.is_empty() { once.clone() } else { BTreeMap::new() };
        cells.extend(
            scope.iter().filter_map(|(name, text)| Some(((*name).to_owned(), text.clone()?))),
        );
        if let Ok(Value::Object(fields)) = serde_json::to_value(basis) {
            let shown = fields.into_iter().map(|(name, value)| {
                let cell = if name == "posts" { posts_shown(&value) } else { shown(&value) };
                (name, cell)
            });
            cells.extend(shown);
        }
        rows.push(
            COLUMNS.iter().map(|(name, _)| cells.get(*name).cloned().unwrap_or_default()).collect(),
        );
    }
    rows
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn posts_shown(posts: &Value) -> String {
    let posts = posts.as_array().map_or(&[][..], Vec::as_slice);
    let shown_post = |post: &Value| {
        let field = |name: &str| post.get(name).map(shown);
        let units = field("norm_units").map(|units| format!("@{units}")).unwrap_or_default();
        let used = match field("norm_code") {
            Some(code) => format!("{code}{units}"),
            None => field("per_day").unwrap_or_default(),
        };
        let staff = field("staff").map(|staff| format!("{staff}*")).unwrap_or_default();
        format!("{}*{staff}{used}", field("count").unwrap_or_default())
    };
    posts.iter().map(shown_post).collect::<Vec<_>>().join(";")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::table::{self, Reading};
    use crate::kernel::id::{ReservePlanId, ReservePlanLineId};
    use crate::reserve_plan::plan::StoredLine;
    use proptest::prelude::*;

    fn read_text(text: &str) -> ReadLines {
        read(&table::read(text.as_bytes(), Reading::default()).unwrap()).unwrap()
    }

    fn view(line: &PlanLine) -> PlanLineView {
        StoredLine {
            id: ReservePlanLineId::generate(),
            plan_id: ReservePlanId::generate(),
            line_no: 1,
            line: line.clone(),
        }
        .into()
    }

    fn plain(lines: Vec<(usize, PlanLine)>) -> Vec<PlanLine> {
        lines.into_iter().map(|(_, line)| line).collect()
    }

    #[test]
    fn a_chinese_file_with_a_mark_reads_like_an_english_one() {
        let zh = "\u{feff}储备点类型,物资编码,依据,岗位,天数,定额数量,下限,I级百分比\n\
                  hospital,M03,满负荷,12*4；18*2,30,,500,200\n\
                  hospital,M03,固定定额,,,\"6,000\",,\n";
        let en = "store_kind,item_code,kind,posts,days,quantity,floor,level_percent_I\n\
                  hospital,M03,full_load,12*4;18*2,30,,500,200\n\
                  hospital,M03,fixed,,,6000,,\n";
        let (zh, en) = (read_text(zh), read_text(en));
        assert_eq!((zh.faults, en.faults), (vec![], vec![]));
        assert_eq!(zh.lines, en.lines);
        assert_eq!(zh.lines.len(), 1, "two bases are one line");
        assert_eq!(zh.lines[0].1.bases.len(), 2);
    }

    #[test]
    fn every_bad_row_is_named_with_its_column() {
        let found = read_text(
            "store_code,item_code,kind,quantity,days,floor,level_percent_IV,level_percent_I,posts\n\
             QN-HOSP,M03,fixed,many,,,,,\n\
             QN-HOSP,M 4,guess,,,,,,\n\
             ,M05,days_of_cover,,30,,,,\n\
             QN-CDC,M06,fixed,5,,9,150,120,\n\
             QN-CDC,M06,days_of_cover,,30,8,,,\n\
             QN-CDC,M07,full_load,,10,,,,12x4\n",
        );
        let faults: Vec<(u64, &str, &str)> = found
            .faults
            .iter()
            .map(|fault| (fault.row, fault.column.as_str(), fault.code.as_str()))
            .collect();
        assert_eq!(
            faults,
            [
                (2, "quantity", "invalid_format"),
                (6, "floor", "contradicts"),
                (7, "posts", "invalid_format"),
                (2, "quantity", "required"),
                (3, "item_code", "invalid_format"),
                (3, "kind", "not_in_list"),
                (4, "store_code", "required"),
                (5, "level_percent_I", "contradicts"),
                (7, "posts", "required"),
            ]
        );
    }

    #[test]
    fn headings_that_are_unknown_or_missing_are_named_before_any_row() {
        let table = table::read("store,kind\nA,fixed\n".as_bytes(), Reading::default()).unwrap();
        let refusal = read(&table).unwrap_err();
        let pointers: Vec<&str> = refusal.faults.iter().map(|f| f.pointer.as_str()).collect();
        assert_eq!(pointers, ["/headings/store", "/headings/item_code"]);
    }

    fn any_basis() -> impl Strategy<Value = serde_json::Value> {
        let rate = (1_i64..1_000, 1_i64..50).prop_map(|(a, b)| format!("{a}/{b}"));
        prop_oneof![
            (0_i64..100_000).prop_map(|q| serde_json::json!({"kind": "fixed", "quantity": q})),
            (1_i64..400).prop_map(|d| serde_json::json!({"kind": "days_of_cover", "days": d})),
            (1_i64..60, proptest::collection::vec((0_i64..99, rate.clone()), 1..4)).prop_map(
                |(days, posts)| {
                    let mut posts: Vec<_> = posts
                        .into_iter()
                        .map(|(count, per_day)| serde_json::json!({"count": count, "per_day": per_day}))
                        .collect();
                    posts.push(serde_json::json!({"count": 3, "staff": "2.278023", "norm_units": 2,
                        "norm_code": "who-esft4-exam-gloves-inpatient-hcw"}));
                    serde_json::json!({"kind": "full_load", "days": days, "posts": posts})
                }
            ),
            (0_i64..9_999, 1_i64..60).prop_map(|(heads, days)| serde_json::json!({"kind": "norm",
                "heads": heads, "days": days, "norm_code": "who-esft4-hand-rub-inpatient-hcw",
                "norm_units": "1/500"})),
            (0_i64..999_999, 1_i64..20).prop_map(|(people, pool)| serde_json::json!(
                {"kind": "pooled_testing", "people": people, "pool": pool, "output": "tubes"})),
            (rate.clone(), rate).prop_map(|(z, sigma)| serde_json::json!({"kind": "safety_stock",
                "z": z, "lead_days": 7, "daily_sigma": sigma})),
            (0_i64..60).prop_map(|lead| serde_json::json!({"kind": "min_max", "lead_days": lead,
                "safety_days": 14, "bound": "min"})),
        ]
    }

    fn any_line(at: usize) -> impl Strategy<Value = PlanLine> {
        (
            0_u8..3,
            proptest::collection::vec(any_basis(), 1..4),
            proptest::option::of(0_i64..500),
            proptest::option::of(500_i64..9_000),
            proptest::option::of(100_i64..300),
        )
            .prop_map(move |(scope, bases, floor, ceiling, percent)| {
                let (field, code) = [
                    ("store_code", format!("S{at}")),
                    ("store_kind", format!("kind{at}")),
                    ("region_code", "360729".to_owned()),
                ][usize::from(scope)]
                .clone();
                let mut json = serde_json::json!({"item_code": format!("M{at}"), "bases": bases,
                    "floor": floor, "ceiling": ceiling});
                json[field] = code.into();
                if let Some(percent) = percent {
                    json["level_percent"] = serde_json::json!({"I": percent});
                    json["floor_percent"] = serde_json::json!({"I": 0});
                }
                let body: PlanLineBody = serde_json::from_value(json).unwrap();
                let mut faults = Faults::new();
                let line = body.parse("", &mut faults);
                faults.finish(line).unwrap()
            })
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_to_the_same_lines(
            lines in (1_usize..6).prop_flat_map(|many| (0..many).map(any_line).collect::<Vec<_>>()),
            zh in any::<bool>(),
        ) {
            let views: Vec<PlanLineView> = lines.iter().map(view).collect();
            let headings = if zh { Headings::Chinese } else { Headings::Names };
            let found = read_text(&write(&views, headings));
            prop_assert_eq!(found.faults, vec![]);
            prop_assert_eq!(plain(found.lines), lines);
        }
    }
}
