//! Tables of text: bytes to rows of cells, each with the line on which it begins.

use crate::exchange::workbook;
use crate::kernel::{Bilingual, Code, Refusal};
use encoding_rs::{DecoderResult, Encoding, GB18030, UTF_8};

/// The largest file that is read, in bytes; a million rows of an ordinary table.
pub const MAX_BYTES: usize = 128 * 1024 * 1024;
/// The most characters that one cell may have; more is nearly always a quote left open.
pub const MAX_CELL: usize = 4_000;

/// A table read from a file.
#[derive(Debug, Clone)]
pub struct Table {
    /// The headings, trimmed.
    pub headings: Vec<String>,
    /// The rows that hold anything.
    pub rows: Vec<Row>,
    /// The name of the encoding that the file is in, e.g. `UTF-8`; `XLSX` for a workbook.
    pub encoding: &'static str,
    /// What separates the cells.
    pub delimiter: char,
}

/// One row of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The line of the file on which the row begins; the headings are usually on line 1.
    pub line: u64,
    /// The cells, trimmed.
    pub cells: Vec<String>,
}

/// How to read a file, where it should not be found out from its bytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reading {
    /// The encoding.
    pub encoding: Option<&'static Encoding>,
    /// What separates the cells.
    pub delimiter: Option<char>,
}

/// Reads a table from the bytes of a file.
///
/// UTF-8 (with or without a byte order mark) and UTF-16 with one are recognised; what is neither
/// is read as GB18030, of which GBK and GB 2312 are parts. A workbook (XLSX) is known by its first
/// bytes, and its first visible sheet is read.
///
/// # Errors
/// When the bytes are no text in that encoding (naming the line), when the file is too large or a
/// workbook of the old kind, and when it has no headings; those of [`workbook::read`].
pub fn read(bytes: &[u8], reading: Reading) -> Result<Table, Refusal> {
    if bytes.len() <= MAX_BYTES && bytes.starts_with(workbook::MARK) {
        return workbook::read(bytes);
    }
    let (text, encoding) = decode(bytes, reading.encoding)?;
    // Excel writes `sep=;` as a first line of its own; the line still counts.
    let (body, told, skipped) = match text.split_once('\n') {
        Some((first, rest)) => match separator_line(first) {
            Some(delimiter) => (rest, Some(delimiter), 1),
            None => (text.as_str(), None, 0),
        },
        None => (text.as_str(), None, 0),
    };
    let delimiter = reading.delimiter.or(told).unwrap_or_else(|| guess_delimiter(body));
    let (headings, rows) = split(body, delimiter, skipped)?;
    Ok(Table { headings, rows, encoding: encoding.name(), delimiter })
}

fn separator_line(line: &str) -> Option<char> {
    let rest = line.trim_end_matches('\r').strip_prefix("sep=")?;
    let mut chars = rest.chars();
    match (chars.next(), chars.next()) {
        (Some(delimiter), None) => Some(delimiter),
        _ => None,
    }
}

/// The delimiter that stands most often in the first record, outside quotes.
fn guess_delimiter(text: &str) -> char {
    let mut counts = [(',', 0_u32), (';', 0), ('\t', 0)];
    let mut quoted = false;
    for c in text.chars() {
        match c {
            '"' => quoted = !quoted,
            '\n' if !quoted => break,
            _ if quoted => {}
            _ => {
                for (delimiter, count) in &mut counts {
                    if *delimiter == c {
                        *count += 1;
                    }
                }
            }
        }
    }
    // The first of equals: a table of one column has no delimiter at all.
    counts.into_iter().rev().max_by_key(|(_, count)| *count).map_or(',', |(c, _)| c)
}

fn decode(
    bytes: &[u8],
    told: Option<&'static Encoding>,
) -> Result<(String, &'static Encoding), Refusal> {
    if bytes.len() > MAX_BYTES {
        return Err(Refusal::new(
            Code::PayloadTooLarge,
            format!("文件超过 {} MiB，请分成几个文件", MAX_BYTES / 1024 / 1024),
            format!("the file is larger than {} MiB; split it", MAX_BYTES / 1024 / 1024),
        ));
    }
    if bytes.starts_with(b"\xd0\xcf\x11\xe0") {
        return Err(unreadable(
            "这是旧格式的 Excel 工作簿（xls），请另存为 xlsx 或 CSV 再导入",
            "this is an Excel workbook of the old kind (XLS); save it as XLSX or CSV first",
        ));
    }
    let (encoding, mark) = match Encoding::for_bom(bytes) {
        Some((encoding, mark)) => (encoding, mark),
        None => (told.unwrap_or_else(|| detect(bytes)), 0),
    };
    let body = bytes.get(mark..).unwrap_or_default();
    let text = decode_strictly(body, encoding)?;
    if text.contains('\0') {
        return Err(unreadable(
            "文件含有空字符，不是文本表格",
            "the file has NUL characters and is not a text table",
        ));
    }
    Ok((text, encoding))
}

fn detect(bytes: &[u8]) -> &'static Encoding {
    if std::str::from_utf8(bytes).is_ok() { UTF_8 } else { GB18030 }
}

fn decode_strictly(bytes: &[u8], encoding: &'static Encoding) -> Result<String, Refusal> {
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let room = decoder.max_utf8_buffer_length_without_replacement(bytes.len());
    let mut text = String::with_capacity(room.unwrap_or(bytes.len()));
    let (result, read) = decoder.decode_to_string_without_replacement(bytes, &mut text, true);
    match result {
        DecoderResult::InputEmpty => Ok(text),
        DecoderResult::OutputFull | DecoderResult::Malformed(..) => {
            let before = bytes.get(..read).unwrap_or_default();
            let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
            let name = encoding.name();
            Err(unreadable(
                &format!("第 {line} 行有不属于 {name} 编码的字节"),
                &format!("line {line} has bytes that are not {name}"),
            ))
        }
    }
}

pub(super) fn unreadable(zh: &str, en: &str) -> Refusal {
    Refusal::new(Code::UnsupportedMediaType, zh, en)
}

fn split(text: &str, delimiter: char, skipped: u64) -> Result<(Vec<String>, Vec<Row>), Refusal> {
    let Ok(delimiter) = u8::try_from(delimiter) else {
        return Err(unreadable(
            "分隔符须为单个西文字符",
            "the delimiter must be one ASCII character",
        ));
    };
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(text.as_bytes());
    let mut headings = None;
    let mut rows = Vec::new();
    let mut place = Place { offset: 0, line: 1 + skipped };
    for record in reader.records() {
        // The input is text in memory and rows may be ragged, so nothing is left that can fail.
        let record = record.map_err(|error| {
            unreadable(&format!("表格无法读取：{error}"), &format!("unreadable table: {error}"))
        })?;
        let line = place.of_record(text.as_bytes(), record.position());
        let cells: Vec<String> = record.iter().map(clean).collect();
        if cells.iter().all(String::is_empty) {
            continue;
        }
        if headings.is_none() {
            headings = Some(cells);
        } else {
            rows.push(Row { line, cells });
        }
    }
    Ok((headings.ok_or_else(no_headings)?, rows))
}

pub(super) fn no_headings() -> Refusal {
    unreadable("文件是空的，没有表头", "the file is empty")
}

/// How far lines have been counted.
struct Place {
    offset: usize,
    line: u64,
}

impl Place {
    /// The line on which a record begins.
    ///
    /// The reader's own count stands before the line feed that ended the last record and before
    /// any empty lines, so lines are counted here, up to the record's first character.
    fn of_record(&mut self, text: &[u8], position: Option<&csv::Position>) -> u64 {
        let start = position.and_then(|at| usize::try_from(at.byte()).ok()).unwrap_or(self.offset);
        while let Some(byte) = text.get(self.offset) {
            if self.offset >= start && !matches!(byte, b'\r' | b'\n') {
                break;
            }
            self.line += u64::from(*byte == b'\n');
            self.offset += 1;
        }
        self.line
    }
}

/// A cell without its outer white space, and without the quote that [`crate::exchange::rejects`]
/// puts before what a spreadsheet would take for a formula.
pub(super) fn clean(cell: &str) -> String {
    let cell = cell.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    let bare = cell.strip_prefix('\'').filter(|rest| super::rejects::looks_like_formula(rest));
    bare.unwrap_or(cell).to_owned()
}

/// What is wrong with one row of a file, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowFault {
    /// The line of the file.
    pub line: u64,
    /// The heading of the column, or our field's name where no column gives it.
    pub column: String,
    /// Why the row is refused.
    pub reason: Bilingual,
}

impl RowFault {
    /// A fault of a row, with its reason in Chinese and in English.
    pub fn new(
        line: u64,
        column: impl Into<String>,
        zh: impl Into<String>,
        en: impl Into<String>,
    ) -> Self {
        Self { line, column: column.into(), reason: Bilingual::new(zh, en) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn table(bytes: &[u8]) -> Table {
        read(bytes, Reading::default()).unwrap()
    }

    #[test]
    fn a_gb18030_file_reads_like_its_utf_8_twin() {
        let text = "物资,数量\n医用口罩,5\n𠮷野牌,6\n";
        let (gb, _, unmappable) = GB18030.encode(text);
        assert!(!unmappable);
        let (ours, theirs) = (table(text.as_bytes()), table(&gb));
        assert_eq!((ours.encoding, theirs.encoding), ("UTF-8", "gb18030"));
        assert_eq!(ours.rows, theirs.rows);
        assert_eq!(ours.headings, theirs.headings);
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_first_heading() {
        assert_eq!(table("\u{feff}code,name\na,b\n".as_bytes()).headings, ["code", "name"]);
        let wide: Vec<u8> =
            "\u{feff}编码\t名称\na\tb\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let wide = table(&wide);
        assert_eq!(wide.headings, ["编码", "名称"]);
        assert_eq!(wide.encoding, "UTF-16LE");
    }

    #[test]
    fn the_delimiter_is_found_out_from_the_headings() {
        for (text, delimiter) in [
            ("a,b\n1,2", ','),
            ("a;b\n1;2,5", ';'),
            ("a\tb\n1\t2", '\t'),
            ("\"a,b,c\";d\n1;2", ';'),
            ("sep=;\na;b\n1;2", ';'),
            ("a\n1", ','),
        ] {
            let read = table(text.as_bytes());
            assert_eq!(read.delimiter, delimiter, "{text}");
        }
    }

    #[test]
    fn lines_are_those_of_the_file_even_after_quotes_over_several() {
        let read = table(b"sep=,\r\na,b\r\n\"x\r\ny\",1\r\n\r\n,,\r\nz,2\r\n");
        let lines: Vec<u64> = read.rows.iter().map(|row| row.line).collect();
        assert_eq!(lines, [3, 7]);
    }

    #[test]
    fn what_is_no_text_is_refused_with_its_line() {
        let broken = read(b"a,b\n1,2\n\xff\xff,3\n", Reading::default()).unwrap_err();
        assert!(broken.detail.en.contains("line 3"), "{broken}");
        let told = Reading { encoding: Some(UTF_8), delimiter: None };
        let gb = GB18030.encode("名称\n口罩\n").0.into_owned();
        assert!(read(&gb, told).unwrap_err().detail.en.contains("line 1"));
        let old = read(b"\xd0\xcf\x11\xe0..", Reading::default()).unwrap_err();
        assert!(old.detail.en.contains("XLS"), "{old}");
        assert!(read(b"", Reading::default()).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_table_or_a_refusal_and_lines_only_grow(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            if let Ok(table) = read(&bytes, Reading::default()) {
                let lines: Vec<u64> = table.rows.iter().map(|row| row.line).collect();
                prop_assert!(lines.is_sorted());
                prop_assert!(table.rows.iter().all(|row| row.line > 1 || bytes.contains(&b'\r')));
            }
        }

        #[test]
        fn what_is_written_as_csv_reads_back_with_its_lines(
            cells in proptest::collection::vec("[a-z0-9,\"\n;口罩]{0,6}", 2..40),
        ) {
            let mut writer = csv::Writer::from_writer(Vec::new());
            writer.write_record(["a", "b"]).unwrap();
            for pair in cells.chunks_exact(2) {
                writer.write_record(pair).unwrap();
            }
            let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
            let table = read(text.as_bytes(), Reading::default()).unwrap();
            let expected: Vec<Vec<String>> = cells
                .chunks_exact(2)
                .map(|pair| pair.iter().map(|cell| cell.trim().to_owned()).collect::<Vec<_>>())
                .filter(|pair| pair.iter().any(|cell| !cell.is_empty()))
                .collect();
            let found: Vec<&[String]> = table.rows.iter().map(|row| row.cells.as_slice()).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
