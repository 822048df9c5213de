//! Workbooks (XLSX) as tables of text: the first visible sheet, each cell in the one spelling that a
//! text table would have for it.
//!
//! A workbook keeps numbers as binary fractions of seventeen digits. What is read is the shortest
//! decimal that means the same; a number of more than fifteen digits has been cut or was worked out
//! inexactly, and is refused with its cell rather than believed.

use crate::exchange::table::{MAX_BYTES, MAX_CELL, Row, Table, clean, no_headings, unreadable};
use crate::kernel::{Bilingual, Code, FaultCode, Faults, Refusal};
use calamine::{DataRef, ExcelDateTime, Reader, SheetType, SheetVisible, Xlsx, XlsxError};
use std::io::{Cursor, Read};

/// How the first bytes of a workbook look: those of any ZIP.
pub const MARK: &[u8] = b"PK\x03\x04";

/// The most bytes that the parts of a workbook may unpack to, counted while unpacking.
const MAX_UNPACKED: u64 = 128 * 1024 * 1024;
/// The most parts; a workbook of one sheet has about a dozen.
const MAX_PARTS: usize = 2_000;
/// The most cells, those left out between others included.
const MAX_CELLS: usize = 5_000_000;
/// The most columns; every format of ours has fewer.
const MAX_COLUMNS: usize = 512;
/// The most cells that one refusal names.
const MAX_FAULTS: usize = 200;
/// Decimal digits that a binary fraction of 64 bits keeps whatever they are.
const EXACT_DIGITS: usize = 15;

/// Reads the first visible sheet of a workbook.
///
/// # Errors
/// `unsupported_media_type` when it is no workbook that can be read; `payload_too_large` when it
/// unpacks to too much; `validation_failed` naming every cell that holds an error, a span of time,
/// a formula without its result, or a number that is not exact.
pub fn read(bytes: &[u8]) -> Result<Table, Refusal> {
    unpacks_to_little(bytes)?;
    let mut book: Xlsx<_> = calamine::open_workbook_from_rs(Cursor::new(bytes)).map_err(broken)?;
    let visible = book
        .sheets_metadata()
        .iter()
        .find(|sheet| sheet.visible == SheetVisible::Visible && sheet.typ == SheetType::WorkSheet)
        .map(|sheet| sheet.name.clone());
    let name = visible
        .ok_or_else(|| unreadable("工作簿没有可见的工作表", "the workbook has no visible sheet"))?;
    let mut cells = book.worksheet_cells_reader(&name).map_err(broken)?;
    let mut grid = Grid::default();
    while let Some(cell) = cells.next_cell_with_formula().map_err(broken)? {
        let is_formula = cell.formula.is_some_and(|formula| !formula.is_empty());
        match spelled(&cell.value, is_formula) {
            Ok(text) => grid.put(cell.pos, &text)?,
            Err(why) => grid.refuse(cell.pos, why),
        }
    }
    grid.finish()
}

/// Counts what the parts unpack to, because what their headers say of it need not be true.
fn unpacks_to_little(bytes: &[u8]) -> Result<(), Refusal> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(broken_zip)?;
    if archive.len() > MAX_PARTS {
        return Err(too_large());
    }
    let mut left = MAX_UNPACKED;
    for at in 0..archive.len() {
        let part = archive.by_index(at).map_err(broken_zip)?;
        let mut counted = part.take(left + 1);
        let unpacked = std::io::copy(&mut counted, &mut std::io::sink()).map_err(|error| {
            let why = error.to_string();
            unreadable(&format!("工作簿无法解压：{why}"), &format!("cannot be unpacked: {why}"))
        })?;
        left = left.checked_sub(unpacked).ok_or_else(too_large)?;
    }
    Ok(())
}

fn broken(error: XlsxError) -> Refusal {
    unreadable(
        &format!("Excel 工作簿无法读取：{error}；请用 xlsx 格式或 CSV"),
        &format!("the workbook cannot be read: {error}; use XLSX or CSV"),
    )
}

fn broken_zip(error: zip::result::ZipError) -> Refusal {
    unreadable(
        &format!("Excel 工作簿无法读取：{error}；请用 xlsx 格式或 CSV"),
        &format!("the workbook cannot be read: {error}; use XLSX or CSV"),
    )
}

fn too_large() -> Refusal {
    Refusal::new(
        Code::PayloadTooLarge,
        format!("工作簿解压后超过 {} MiB 或单元格过多", MAX_UNPACKED / 1024 / 1024),
        format!(
            "the workbook unpacks to more than {} MiB or has too many cells",
            MAX_UNPACKED / 1024 / 1024
        ),
    )
}

/// The text of a cell, or why it has none.
fn spelled(value: &DataRef<'_>, is_formula: bool) -> Result<String, Bilingual> {
    match value {
        DataRef::Empty if is_formula => Err(Bilingual::new(
            "公式没有计算结果，请在 Excel 中打开并保存",
            "is a formula without its result; open and save it in Excel",
        )),
        DataRef::Empty => Ok(String::new()),
        DataRef::String(text) | DataRef::DateTimeIso(text) => Ok(text.clone()),
        DataRef::SharedString(text) => Ok((*text).to_owned()),
        DataRef::Bool(truth) => Ok(truth.to_string()),
        DataRef::Int(number) => exact(number.to_string()),
        DataRef::Float(number) => exact(number.to_string()),
        DataRef::DateTime(moment) if moment.is_datetime() => Ok(date(moment)),
        DataRef::DateTime(_) | DataRef::DurationIso(_) => {
            Err(Bilingual::new("是时长，不是日期", "is a span of time, not a date"))
        }
        DataRef::Error(error) => {
            Err(Bilingual::new(format!("公式出错：{error}"), format!("holds the error {error}")))
        }
    }
}

/// A decimal that means what the cell means, where it has so few digits that nothing was cut.
fn exact(decimal: String) -> Result<String, Bilingual> {
    let digits = decimal.trim_start_matches(['-', '0', '.']);
    let digits = digits.chars().filter(char::is_ascii_digit).count();
    if digits <= EXACT_DIGITS && decimal.chars().all(|c| c.is_ascii_digit() || "-.".contains(c)) {
        return Ok(decimal);
    }
    Err(Bilingual::new(
        format!("数值 {decimal} 超过 {EXACT_DIGITS} 位有效数字，已不精确：请取整，编号请存为文本"),
        format!(
            "the number {decimal} has more than {EXACT_DIGITS} digits and is not exact: round it, \
             or keep codes as text"
        ),
    ))
}

/// A day, with its time where it has one.
fn date(moment: &ExcelDateTime) -> String {
    let (year, month, day, hour, minute, second, _) = moment.to_ymd_hms_milli();
    let date = format!("{year:04}-{month:02}-{day:02}");
    if (hour, minute, second) == (0, 0, 0) {
        date
    } else {
        format!("{date} {hour:02}:{minute:02}:{second:02}")
    }
}

/// The rows so far.
#[derive(Default)]
struct Grid {
    rows: Vec<Row>,
    cells: usize,
    bytes: usize,
    wrong: Vec<((u32, u32), Bilingual)>,
}

impl Grid {
    fn put(&mut self, (row, column): (u32, u32), text: &str) -> Result<(), Refusal> {
        let text = clean(text);
        if text.is_empty() {
            return Ok(());
        }
        if text.contains('\0') || text.chars().count() > MAX_CELL {
            let why = Bilingual::new("文字过长或含空字符", "is too long or has a NUL in it");
            self.refuse((row, column), why);
            return Ok(());
        }
        let column = usize::try_from(column).unwrap_or(usize::MAX);
        if column >= MAX_COLUMNS {
            return Err(unreadable(
                &format!("超过 {MAX_COLUMNS} 列"),
                &format!("has more than {MAX_COLUMNS} columns"),
            ));
        }
        let line = u64::from(row) + 1;
        match self.rows.last().map(|last| last.line) {
            Some(last) if last == line => {}
            Some(last) if last > line => {
                return Err(unreadable("行的次序错乱", "its rows are out of order"));
            }
            Some(_) | None => self.rows.push(Row { line, cells: Vec::new() }),
        }
        let Some(row) = self.rows.last_mut() else { return Ok(()) };
        if row.cells.len() > column {
            return Err(unreadable("单元格的次序错乱", "its cells are out of order"));
        }
        self.cells += column + 1 - row.cells.len();
        self.bytes += text.len();
        if self.cells > MAX_CELLS || self.bytes > MAX_BYTES {
            return Err(too_large());
        }
        row.cells.resize(column, String::new());
        row.cells.push(text);
        Ok(())
    }

    fn refuse(&mut self, place: (u32, u32), why: Bilingual) {
        if self.wrong.len() < MAX_FAULTS {
            self.wrong.push((place, why));
        }
    }

    fn finish(self) -> Result<Table, Refusal> {
        let mut rows = self.rows.into_iter();
        let headings = rows.next().ok_or_else(no_headings)?.cells;
        if !self.wrong.is_empty() {
            return Err(refusal_of(&headings, self.wrong));
        }
        let mut rows: Vec<Row> = rows.collect();
        if headings.len().saturating_mul(rows.len()) > MAX_CELLS {
            return Err(too_large());
        }
        for row in &mut rows {
            // Empty cells at the end of a row are not written down.
            if row.cells.len() < headings.len() {
                row.cells.resize(headings.len(), String::new());
            }
        }
        Ok(Table { headings, rows, encoding: "XLSX", delimiter: ',' })
    }
}

/// Every cell that cannot be read, by the row of the sheet and the heading of its column.
fn refusal_of(headings: &[String], wrong: Vec<((u32, u32), Bilingual)>) -> Refusal {
    let mut faults = Faults::new();
    let mut told = (Vec::new(), Vec::new());
    let mut rows = Vec::new();
    for ((row, column), why) in wrong {
        let heading = usize::try_from(column).ok().and_then(|at| headings.get(at));
        let heading = heading.map_or("?", String::as_str);
        let line = u64::from(row) + 1;
        told.0.push(format!("第 {line} 行「{heading}」{}", why.zh));
        told.1.push(format!("line {line}, {heading}: {}", why.en));
        let code = FaultCode::InvalidFormat;
        rows.push(serde_json::json!({"row": line, "column": heading, "code": code.as_str(),
            "zh": why.zh, "en": why.en}));
        faults.add_saying(format!("/rows/{line}/{heading}"), code, why);
    }
    let refusal = faults.check().err();
    let mut refusal = refusal.unwrap_or_else(|| Refusal::plain(Code::ValidationFailed));
    refusal.detail = Bilingual::new(told.0.join("；"), told.1.join("; "));
    refusal.with("rejected_rows", rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::table::{Reading, read as read_table};
    use rust_xlsxwriter::{ExcelDateTime as Moment, Format, Formula, Workbook, Worksheet};
    use std::io::Write;

    fn sheet(fill: impl FnOnce(&mut Worksheet)) -> Vec<u8> {
        let mut book = Workbook::new();
        fill(book.add_worksheet());
        book.save_to_buffer().unwrap()
    }

    #[test]
    fn numbers_dates_and_words_read_as_a_text_table_would_have_them() {
        let bytes = sheet(|sheet| {
            for (column, heading) in (0_u16..).zip(["编码", "数量", "单价", "日期", "时间", "有效"])
            {
                sheet.write_string(0, column, heading).unwrap();
            }
            sheet.write_string(2, 0, " M03 ").unwrap();
            sheet.write_number(2, 1, 9_007_199_254.0).unwrap();
            sheet.write_number(2, 2, 0.1).unwrap();
            let day = Format::new().set_num_format("yyyy-mm-dd");
            let time = Format::new().set_num_format("yyyy/mm/dd hh:mm");
            let at = Moment::from_ymd(2027, 6, 30).unwrap();
            sheet.write_datetime_with_format(2, 3, at, &day).unwrap();
            let at = Moment::from_ymd(2026, 3, 2).unwrap().and_hms(9, 30, 0).unwrap();
            sheet.write_datetime_with_format(2, 4, at, &time).unwrap();
            sheet.write_boolean(2, 5, true).unwrap();
            sheet.write_string(3, 0, "=1+1").unwrap();
        });
        let table = read_table(&bytes, Reading::default()).unwrap();
        assert_eq!(table.encoding, "XLSX");
        assert_eq!(table.headings, ["编码", "数量", "单价", "日期", "时间", "有效"]);
        let rows: Vec<(u64, Vec<&str>)> = table
            .rows
            .iter()
            .map(|row| (row.line, row.cells.iter().map(String::as_str).collect()))
            .collect();
        assert_eq!(
            rows,
            [
                (3, vec!["M03", "9007199254", "0.1", "2027-06-30", "2026-03-02 09:30:00", "true"]),
                (4, vec!["=1+1", "", "", "", "", ""]),
            ]
        );
    }

    #[test]
    fn what_a_cell_does_not_keep_exactly_is_refused_with_its_row_and_heading() {
        let bytes = sheet(|sheet| {
            sheet.write_string(0, 0, "单价").unwrap();
            sheet.write_string(0, 1, "批号").unwrap();
            sheet.write_number(1, 0, 0.1 + 0.2).unwrap();
            sheet.write_number(2, 1, 1_234_567_890_123_456.0).unwrap();
            sheet.write_formula(3, 0, Formula::new("=1/0").set_result("#DIV/0!")).unwrap();
            sheet.write_formula(4, 0, Formula::new("=1+2").set_result("3")).unwrap();
        });
        let refusal = read(&bytes).unwrap_err();
        let places: Vec<&str> = refusal.faults.iter().map(|one| one.pointer.as_str()).collect();
        assert_eq!(places[..2], ["/rows/2/单价", "/rows/3/批号"]);
        assert!(!places.contains(&"/rows/5/单价"), "{places:?}");
        assert!(refusal.detail.en.contains("line 2, 单价"), "{refusal}");
    }

    #[test]
    fn the_first_visible_sheet_counts_and_one_without_anything_is_empty() {
        let mut book = Workbook::new();
        book.add_worksheet().set_hidden(true).write_string(0, 0, "hidden").unwrap();
        let shown = book.add_worksheet();
        shown.write_string(0, 0, "shown").unwrap();
        shown.set_active(true);
        let bytes = book.save_to_buffer().unwrap();
        assert_eq!(read(&bytes).unwrap().headings, ["shown"]);
        assert!(read(&sheet(|_| {})).unwrap_err().detail.en.contains("empty"));
    }

    #[test]
    fn a_bomb_is_refused_while_it_unpacks_and_rubbish_is_no_workbook() {
        let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default();
        archive.start_file("xl/worksheets/sheet1.xml", options).unwrap();
        let zeros = vec![b' '; 1024 * 1024];
        for _ in 0..=MAX_UNPACKED / 1024 / 1024 {
            archive.write_all(&zeros).unwrap();
        }
        let bomb = archive.finish().unwrap().into_inner();
        assert!(bomb.len() < 1024 * 1024, "{}", bomb.len());
        assert_eq!(read(&bomb).unwrap_err().code, Code::PayloadTooLarge);
        for rubbish in [&b"PK\x03\x04.."[..], b"PK\x03\x04", b""] {
            assert_eq!(read(rubbish).unwrap_err().code, Code::UnsupportedMediaType);
        }
        let wide = sheet(|sheet| {
            sheet.write_string(0, 0, "a").unwrap();
            sheet.write_string(1, 16_000, "far").unwrap();
        });
        assert!(read(&wide).unwrap_err().detail.en.contains("columns"));
    }
}
