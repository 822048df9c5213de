//! Answers as tables: the same rows as JSON, as CSV for programs and people, or as a workbook, by
//! `Accept`.

use crate::command::CommandError;
use crate::db::DbError;
use crate::http::problem::ApiError;
use crate::kernel::{Bilingual, Code, Language, Money, Quantity, Refusal};
use actix_web::HttpResponse;
use actix_web::http::header::{self, HeaderMap};
use rust_decimal::Decimal;
use rust_xlsxwriter::{Workbook, Worksheet, XlsxError};

/// The most rows of a table: enough for a county's month, and some tens of megabytes at most.
pub const ROWS_MAX: usize = 100_000;

/// The form in which an answer is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// JSON, page by page.
    Json,
    /// CSV in UTF-8, whole.
    Csv,
    /// A workbook, whole.
    Xlsx,
    /// JSON, whole, a value on each line (NDJSON).
    Lines,
}

const NDJSON: &str = "application/x-ndjson";
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

impl Form {
    /// The first form of an `Accept` header that we have; JSON where it names none.
    pub fn accepted(headers: &HeaderMap) -> Self {
        let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
        let named = accept.unwrap_or_default().split(',').find_map(|range| {
            match range.split(';').next().unwrap_or_default().trim() {
                "application/json" | "*/*" => Some(Self::Json),
                "text/csv" => Some(Self::Csv),
                XLSX => Some(Self::Xlsx),
                NDJSON => Some(Self::Lines),
                _ => None,
            }
        });
        named.unwrap_or(Self::Json)
    }

    /// The media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Csv => "text/csv; charset=utf-8",
            Self::Xlsx => XLSX,
            Self::Lines => NDJSON,
        }
    }

    /// What the names of such files end in.
    pub const fn ending(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Xlsx => "xlsx",
            Self::Lines => "ndjson",
        }
    }

    /// The same for an answer that has no form of lines: a page then.
    #[must_use]
    pub const fn without_lines(self) -> Self {
        match self {
            Self::Lines => Self::Json,
            Self::Json | Self::Csv | Self::Xlsx => self,
        }
    }

    /// Whether the whole is wanted, not a page of it.
    pub const fn is_whole(self) -> bool {
        !matches!(self, Self::Json)
    }
}

/// A value in a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// Words, which a spreadsheet must never take for a formula.
    Text(String),
    /// A whole number.
    Number(i64),
    /// Yuan.
    Money(Money),
    /// Nothing.
    Empty,
}

impl Cell {
    /// Words.
    pub fn text(words: impl ToString) -> Self {
        Self::Text(words.to_string())
    }

    /// A value, or nothing.
    pub fn of<T: Into<Self>>(value: Option<T>) -> Self {
        value.map_or(Self::Empty, Into::into)
    }
}

impl From<String> for Cell {
    fn from(words: String) -> Self {
        Self::Text(words)
    }
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<Quantity> for Cell {
    fn from(quantity: Quantity) -> Self {
        Self::Number(quantity.units())
    }
}

impl From<Money> for Cell {
    fn from(money: Money) -> Self {
        Self::Money(money)
    }
}

/// A table with its headings.
#[derive(Debug, Clone)]
pub struct Table {
    /// The name of the file, without its ending.
    pub name: &'static str,
    /// The headings.
    pub columns: Vec<Bilingual>,
    /// The rows, each with a cell for every column.
    pub rows: Vec<Vec<Cell>>,
}

impl Table {
    /// A table without rows.
    pub fn new(name: &'static str, columns: Vec<Bilingual>) -> Self {
        Self { name, columns, rows: Vec::new() }
    }

    /// Adds a row.
    ///
    /// # Errors
    /// `too_many_rows` above [`ROWS_MAX`]: what is cut off silently would be believed.
    pub fn push(&mut self, row: Vec<Cell>) -> Result<(), Refusal> {
        if self.rows.len() >= ROWS_MAX {
            return Err(Refusal::new(
                Code::TooManyRows,
                format!("超过 {ROWS_MAX} 行，请缩小范围"),
                format!("More than {ROWS_MAX} rows: ask for less"),
            )
            .with("most", ROWS_MAX));
        }
        self.rows.push(row);
        Ok(())
    }

    /// The answer in a form that is not JSON.
    ///
    /// # Errors
    /// When the workbook cannot be written.
    pub fn answer(self, form: Form, language: Language) -> Result<HttpResponse, ApiError> {
        let (form, body) = match form {
            Form::Xlsx => (form, self.xlsx(language).map_err(failed)?),
            Form::Json | Form::Csv | Form::Lines => (Form::Csv, self.csv(language)),
        };
        let disposition = format!("attachment; filename=\"{}.{}\"", self.name, form.ending());
        Ok(HttpResponse::Ok()
            .insert_header((header::CONTENT_TYPE, form.media_type()))
            .insert_header((header::CONTENT_DISPOSITION, disposition))
            .insert_header((header::VARY, "Accept, Accept-Language"))
            .body(body))
    }

    fn csv(&self, language: Language) -> Vec<u8> {
        let mut text = csv_head(&self.columns, language);
        for row in &self.rows {
            csv_row(&mut text, row);
        }
        text.into_bytes()
    }

    fn xlsx(&self, language: Language) -> Result<Vec<u8>, XlsxError> {
        let mut workbook = Workbook::new();
        let sheet = workbook.add_worksheet_with_constant_memory();
        for (column, name) in (0_u16..).zip(&self.columns) {
            sheet.write_string(0, column, name.in_language(language))?;
        }
        for (line, row) in (1_u32..).zip(&self.rows) {
            for (column, cell) in (0_u16..).zip(row) {
                write_cell(sheet, line, column, cell)?;
            }
        }
        workbook.save_to_buffer()
    }
}

/// The beginning of a CSV file (RFC 4180): a byte order mark, by which spreadsheets know UTF-8, and the
/// headings.
pub fn csv_head(columns: &[Bilingual], language: Language) -> String {
    let mut text = String::from("\u{feff}");
    push_line(&mut text, columns.iter().map(|name| name.in_language(language).to_owned()));
    text
}

/// Adds a row to a CSV file.
pub fn csv_row(text: &mut String, row: &[Cell]) {
    push_line(
        text,
        row.iter().map(|cell| match cell {
            Cell::Text(words) => harmless(words),
            Cell::Number(number) => number.to_string(),
            Cell::Money(money) => money.to_string(),
            Cell::Empty => String::new(),
        }),
    );
}

/// The rows that a sheet of a workbook holds below its headings.
const SHEET_ROWS_MAX: u32 = 1_048_575;

/// A workbook that is written row by row, through temporary files: one sheet tells what it is about,
/// the next holds the rows.
pub struct Sheets {
    workbook: Workbook,
    rows: u32,
}

impl Sheets {
    /// A workbook with what it is about and the headings of its rows.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn begin(
        about: &[(Bilingual, Cell)],
        name: &Bilingual,
        columns: &[Bilingual],
        language: Language,
    ) -> Result<Self, DbError> {
        let mut workbook = Workbook::new();
        let mut begin = || -> Result<(), XlsxError> {
            let sheet = workbook.add_worksheet();
            sheet.set_name(Bilingual::new("说明", "About").in_language(language))?;
            sheet.set_column_width(0, 24)?.set_column_width(1, 60)?;
            for (line, (what, cell)) in (0_u32..).zip(about) {
                sheet.write_string(line, 0, what.in_language(language))?;
                write_cell(sheet, line, 1, cell)?;
            }
            let sheet = workbook.add_worksheet_with_constant_memory();
            sheet.set_name(name.in_language(language))?.set_freeze_panes(1, 0)?;
            for (column, name) in (0_u16..).zip(columns) {
                sheet.write_string(0, column, name.in_language(language))?;
            }
            Ok(())
        };
        begin().map_err(failed)?;
        Ok(Self { workbook, rows: 0 })
    }

    /// Adds a row.
    ///
    /// # Errors
    /// `too_many_rows` when the sheet is full; when it cannot be written.
    pub fn push(&mut self, row: &[Cell]) -> Result<(), CommandError> {
        if self.rows >= SHEET_ROWS_MAX {
            return Err(Refusal::new(
                Code::TooManyRows,
                format!("一张工作表最多 {SHEET_ROWS_MAX} 行，请缩小范围或改用 CSV"),
                format!("A sheet holds {SHEET_ROWS_MAX} rows: ask for less, or for CSV"),
            )
            .with("most", SHEET_ROWS_MAX)
            .into());
        }
        self.rows += 1;
        let sheet = self.workbook.worksheet_from_index(1).map_err(failed)?;
        for (column, cell) in (0_u16..).zip(row) {
            write_cell(sheet, self.rows, column, cell).map_err(failed)?;
        }
        Ok(())
    }

    /// Writes the whole to `to`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(mut self, to: &mut std::fs::File) -> Result<(), DbError> {
        self.workbook.save_to_writer(to).map_err(failed)
    }
}

fn write_cell(sheet: &mut Worksheet, line: u32, column: u16, cell: &Cell) -> Result<(), XlsxError> {
    match cell {
        // As a string, so that nothing in it is worked out.
        Cell::Text(words) => sheet.write_string(line, column, words)?,
        Cell::Number(number) => sheet.write(line, column, Decimal::from(*number))?,
        Cell::Money(money) => {
            sheet.write(line, column, Decimal::new(money.ten_thousandths(), Money::DECIMALS))?
        }
        Cell::Empty => return Ok(()),
    };
    Ok(())
}

fn push_line(text: &mut String, cells: impl Iterator<Item = String>) {
    for (at, cell) in cells.enumerate() {
        if at > 0 {
            text.push(',');
        }
        if cell.contains(['"', ',', '\r', '\n']) {
            text.push('"');
            text.push_str(&cell.replace('"', "\"\""));
            text.push('"');
        } else {
            text.push_str(&cell);
        }
    }
    text.push_str("\r\n");
}

/// Words that no spreadsheet takes for a formula: an apostrophe before what could begin one.
fn harmless(words: &str) -> String {
    if words.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{words}")
    } else {
        words.to_owned()
    }
}

fn failed(error: XlsxError) -> DbError {
    // Its rows lie in a temporary file, so this is how a full disk shows.
    DbError::Full(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;

    fn table() -> Table {
        let mut table =
            Table::new("t", vec![Bilingual::new("名称", "name"), Bilingual::new("数", "n")]);
        for words in ["=1+1", "+1", "-1", "@a", "\tb", "说, \"好\"\n"] {
            table.push(vec![Cell::text(words), Cell::Number(-5)]).unwrap();
        }
        table
    }

    #[test]
    fn nothing_in_a_csv_is_taken_for_a_formula_and_numbers_stay_numbers() {
        let text = String::from_utf8(table().csv(Language::En)).unwrap();
        let lines: Vec<&str> = text.split("\r\n").collect();
        assert_eq!(
            lines[..6],
            ["\u{feff}name,n", "'=1+1,-5", "'+1,-5", "'-1,-5", "'@a,-5", "'\tb,-5"]
        );
        assert!(text.ends_with("\"说, \"\"好\"\"\n\",-5\r\n"));
    }

    #[test]
    fn a_workbook_is_a_zip_of_its_own_kind() {
        let bytes = table().xlsx(Language::Zh).unwrap();
        assert_eq!(&bytes[..2], b"PK");
        let again = table().xlsx(Language::En).unwrap();
        assert_ne!(bytes, again, "the headings follow the language");
    }

    #[test]
    fn the_first_form_that_we_have_is_chosen() {
        for (accept, form) in [
            ("text/csv", Form::Csv),
            ("text/html, text/csv;q=0.9", Form::Csv),
            (XLSX, Form::Xlsx),
            ("*/*", Form::Json),
            ("image/png", Form::Json),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
            assert_eq!(Form::accepted(&headers), form, "{accept}");
        }
    }

    #[test]
    fn a_table_that_would_be_cut_off_is_refused() {
        let mut table = Table::new("t", Vec::new());
        table.rows = vec![Vec::new(); ROWS_MAX];
        assert_eq!(table.push(Vec::new()).unwrap_err().code, Code::TooManyRows);
    }
}
