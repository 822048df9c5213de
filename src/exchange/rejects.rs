//! The file of refused rows: their cells as they came, and why, safe to open in a spreadsheet.

use crate::exchange::table::{RowFault, Table};
use crate::kernel::Language;
use std::collections::BTreeMap;
use std::io;

/// Headings that a file of refused rows adds; an import passes over them, so that the corrected
/// file can be imported as it is.
pub const ADDED_HEADINGS: [&str; 3] = ["rejected_line", "rejected_columns", "rejected_reason"];

/// Whether a spreadsheet would take the text for a formula (OWASP ASVS 5.0, 1.2.10).
pub fn looks_like_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r', '\0', '＝', '＋', '－', '＠'])
}

/// The text with a quote before it where a spreadsheet would take it for a formula.
pub fn defused(text: &str) -> String {
    if looks_like_formula(text) { format!("'{text}") } else { text.to_owned() }
}

/// Writes the refused rows of a table as CSV in UTF-8 with a byte order mark.
///
/// # Errors
/// When `out` cannot be written.
pub fn write(
    out: impl io::Write,
    table: &Table,
    faults: &[RowFault],
    language: Language,
) -> io::Result<()> {
    let mut by_line: BTreeMap<u64, Vec<&RowFault>> = BTreeMap::new();
    for fault in faults {
        by_line.entry(fault.line).or_default().push(fault);
    }
    let mut out = out;
    out.write_all("\u{feff}".as_bytes())?;
    let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(out);
    // What an earlier rejection added is replaced, not repeated.
    let kept: Vec<usize> = (0..table.headings.len())
        .filter(|at| table.headings.get(*at).is_none_or(|h| !ADDED_HEADINGS.contains(&h.as_str())))
        .collect();
    let cell = |cells: &[String], at: usize| defused(cells.get(at).map_or("", String::as_str));
    let headings: Vec<String> = kept
        .iter()
        .map(|at| cell(&table.headings, *at))
        .chain(ADDED_HEADINGS.iter().map(|heading| (*heading).to_owned()))
        .collect();
    writer.write_record(&headings)?;
    for row in &table.rows {
        let Some(faults) = by_line.get(&row.line) else { continue };
        let columns: Vec<&str> = faults.iter().map(|fault| fault.column.as_str()).collect();
        let reasons: Vec<&str> =
            faults.iter().map(|fault| fault.reason.in_language(language)).collect();
        let joint = match language {
            Language::Zh => "；",
            Language::En => "; ",
        };
        let cells: Vec<String> = kept
            .iter()
            .map(|at| cell(&row.cells, *at))
            .chain([
                row.line.to_string(),
                defused(&columns.join(joint)),
                defused(&reasons.join(joint)),
            ])
            .collect();
        writer.write_record(&cells)?;
    }
    writer.flush()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::table::{Reading, read};

    #[test]
    fn refused_rows_come_back_as_they_were_and_are_no_formulas() {
        let text = "name,phone,n\n=1+1,+86 797,x\nok,1,2\n";
        let table = read(text.as_bytes(), Reading::default()).unwrap();
        let faults = [RowFault::new(2, "n", "须为整数", "is not a whole number")];
        let mut out = Vec::new();
        write(&mut out, &table, &faults, Language::En).unwrap();
        let written = String::from_utf8(out.clone()).unwrap();
        assert!(written.contains("\n'=1+1,'+86 797,x,2,n,is not a whole number\n"), "{written}");
        let again = read(&out, Reading::default()).unwrap();
        let first: Vec<&str> = again.rows[0].cells.iter().take(3).map(String::as_str).collect();
        assert_eq!(first, ["=1+1", "+86 797", "x"]);
        let mut twice = Vec::new();
        write(&mut twice, &again, &faults, Language::En).unwrap();
        assert_eq!(twice, out);
    }
}
