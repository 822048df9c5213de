//! What an import found and did, for people.

use crate::exchange::kind::ImportKind;
use crate::exchange::table::RowFault;
use crate::kernel::Language;
use std::collections::BTreeSet;
use std::fmt::Write;

/// What an import found and did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// What the rows are.
    pub kind: ImportKind,
    /// The encoding of the file.
    pub encoding: &'static str,
    /// What separates its cells.
    pub delimiter: char,
    /// Rows with anything in them.
    pub rows: usize,
    /// Rows that went in, or would have, in a dry run.
    pub accepted: usize,
    /// Documents, items or stores that they made.
    pub documents: usize,
    /// Rows that went in with an earlier import.
    pub already: usize,
    /// Rows that only repeat an earlier row of the file.
    pub repeated: usize,
    /// Every fault, in the order of the file.
    pub faults: Vec<RowFault>,
    /// Columns of the file that no field takes.
    pub unused: Vec<String>,
    /// Whether anything was stored.
    pub stored: bool,
    /// Whether it was only tried.
    pub dry_run: bool,
}

/// The most faults that are printed; the file of refused rows has them all.
const MAX_PRINTED: usize = 200;

impl Report {
    /// The number of rows that are refused.
    pub fn refused(&self) -> usize {
        let lines: BTreeSet<u64> = self.faults.iter().map(|fault| fault.line).collect();
        lines.len()
    }

    /// The report in words: each fault with its line and column, then the counts.
    pub fn in_words(&self, language: Language) -> String {
        let mut text = String::new();
        for fault in self.faults.iter().take(MAX_PRINTED) {
            let reason = fault.reason.in_language(language);
            // Writing to a String cannot fail.
            let _ = match (language, fault.column.is_empty()) {
                (Language::Zh, true) => writeln!(text, "第 {} 行：{reason}", fault.line),
                (Language::Zh, false) => {
                    writeln!(text, "第 {} 行「{}」：{reason}", fault.line, fault.column)
                }
                (Language::En, true) => writeln!(text, "line {}: {reason}", fault.line),
                (Language::En, false) => {
                    writeln!(text, "line {}, {}: {reason}", fault.line, fault.column)
                }
            };
        }
        let more = self.faults.len().saturating_sub(MAX_PRINTED);
        if more > 0 {
            let _ = match language {
                Language::Zh => writeln!(text, "……另有 {more} 处，见 --rejects 文件"),
                Language::En => writeln!(text, "… and {more} more; --rejects FILE has them all"),
            };
        }
        if !self.unused.is_empty() {
            let unused = self.unused.join(", ");
            let _ = match language {
                Language::Zh => writeln!(text, "未使用的列：{unused}"),
                Language::En => writeln!(text, "columns not used: {unused}"),
            };
        }
        text.push_str(&self.counts(language));
        text
    }

    fn counts(&self, language: Language) -> String {
        let refused = self.refused();
        let Self { kind, rows, accepted, documents, already, repeated, .. } = self;
        match language {
            Language::Zh => {
                let ended = match (self.dry_run, self.stored) {
                    (true, _) => "试运行，未写入任何数据",
                    (false, true) => "已写入",
                    (false, false) => "未写入任何数据",
                };
                format!(
                    "{kind}：共 {rows} 行，可导入 {accepted} 行（生成 {documents} 份），\
                     此前已导入 {already} 行，文件内重复 {repeated} 行，拒绝 {refused} 行；{ended}\n"
                )
            }
            Language::En => {
                let ended = match (self.dry_run, self.stored) {
                    (true, _) => "a dry run, nothing is stored",
                    (false, true) => "stored",
                    (false, false) => "nothing is stored",
                };
                format!(
                    "{kind}: {rows} rows, {accepted} accepted ({documents} documents), \
                     {already} already imported, {repeated} repeated in the file, \
                     {refused} refused; {ended}\n"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_names_every_fault_and_counts_rows_not_faults() {
        let report = Report {
            kind: ImportKind::Items,
            encoding: "UTF-8",
            delimiter: ',',
            rows: 5,
            accepted: 3,
            documents: 3,
            already: 0,
            repeated: 1,
            faults: vec![
                RowFault::new(4, "code", "必填", "is required"),
                RowFault::new(4, "", "格数不符", "has another number of cells"),
            ],
            unused: vec!["colour".to_owned()],
            stored: false,
            dry_run: false,
        };
        assert_eq!(
            report.in_words(Language::En),
            "line 4, code: is required\nline 4: has another number of cells\n\
             columns not used: colour\n\
             items: 5 rows, 3 accepted (3 documents), 0 already imported, 1 repeated in the file, \
             1 refused; nothing is stored\n"
        );
        assert!(report.in_words(Language::Zh).contains("第 4 行「code」：必填"));
    }
}
