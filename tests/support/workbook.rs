//! Workbooks that the service answers, read back.

use super::Answer;
use calamine::{Data, Reader, Xlsx};
use std::collections::BTreeMap;
use std::io::Cursor;

/// The media type of a workbook.
pub const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// The cells of each sheet as text, in the order of the sheets.
pub fn sheets(answer: &Answer) -> Vec<(String, Vec<Vec<String>>)> {
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some(XLSX)),
        "{}",
        answer.text
    );
    let mut book: Xlsx<_> =
        calamine::open_workbook_from_rs(Cursor::new(answer.bytes.clone())).expect("a workbook");
    let names = book.sheet_names();
    let read = |name: String| {
        let range = book.worksheet_range(&name).expect("a sheet");
        let row = |cells: &[Data]| cells.iter().map(ToString::to_string).collect();
        (name, range.rows().map(row).collect())
    };
    names.into_iter().map(read).collect()
}

/// Text as a spreadsheet has it: a number is a number, however many zeros it was written with.
pub fn as_cell(text: &str) -> String {
    text.parse::<f64>().map_or_else(|_| text.to_owned(), |number| number.to_string())
}

/// The rows of a sheet by their headings, which are its first line.
pub fn records(sheet: &[Vec<String>]) -> Vec<BTreeMap<String, String>> {
    let (headings, rows) = sheet.split_first().expect("headings");
    rows.iter().map(|row| headings.iter().cloned().zip(row.iter().cloned()).collect()).collect()
}
