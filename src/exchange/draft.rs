//! Rows to documents: rows that agree in what a document says once become its lines.

use crate::exchange::fingerprint::Printed;
use crate::exchange::kind::ImportKind;
use crate::kernel::Quantity;
use std::collections::HashMap;

/// The most lines of one document that an import makes; a longer one is cut into several, so that
/// people can still read each.
pub const MAX_LINES: usize = 200;

/// A row that is ready to become a line: its quantity is in base units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The row.
    pub row: Printed,
    /// Base units; `None` for items and stores.
    pub quantity: Option<Quantity>,
}

/// The rows of one document, or of one item or store.
pub type Draft = Vec<Line>;

/// The fields that a document says once.
pub const fn header_fields(kind: ImportKind) -> &'static [&'static str] {
    match kind {
        ImportKind::Items | ImportKind::Stores => &[],
        ImportKind::OpeningStock => &["store_code", "occurred_at", "note"],
        ImportKind::Receipts => &[
            "store_code",
            "occurred_at",
            "source_kind",
            "source_name",
            "document_number",
            "inspected_by",
            "witnessed_by",
            "note",
        ],
        ImportKind::Dispatches => {
            &["from_store", "to_store", "needed_by", "urgency", "reason", "order_number", "note"]
        }
    }
}

/// Groups rows into documents, each in the order of the file, at most [`MAX_LINES`] lines each.
pub fn group(lines: Vec<Line>, kind: ImportKind) -> Vec<Draft> {
    if kind.rows_are_things() {
        return lines.into_iter().map(|line| vec![line]).collect();
    }
    let mut drafts: Vec<Draft> = Vec::new();
    // The document that rows of the same header go to, while it has room.
    let mut open: HashMap<(Vec<Option<String>>, usize), usize> = HashMap::new();
    let mut asked: HashMap<(Vec<Option<String>>, Option<String>), usize> = HashMap::new();
    for line in lines {
        let value = |field: &str| line.row.record.get(field).map(str::to_owned);
        let fields: Vec<Option<String>> =
            header_fields(kind).iter().map(|field| value(field)).collect();
        // A dispatch names each item once, so what is asked for again is another dispatch.
        let again = if kind == ImportKind::Dispatches {
            let times = asked.entry((fields.clone(), value("item_code"))).or_insert(0);
            *times += 1;
            *times
        } else {
            0
        };
        let header = (fields, again);
        let place = open.get(&header).copied();
        match place.and_then(|at| drafts.get_mut(at)).filter(|draft| draft.len() < MAX_LINES) {
            Some(draft) => draft.push(line),
            None => {
                open.insert(header, drafts.len());
                drafts.push(vec![line]);
            }
        }
    }
    drafts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::fields::Record;
    use std::collections::BTreeMap;

    fn line(number: u64, store: &str) -> Line {
        let values =
            BTreeMap::from([("store_code", store.to_owned()), ("item_code", format!("I{number}"))]);
        let record = Record { line: number, values, identity: None };
        let row = Printed { record, fingerprint: number.to_string(), content_hash: String::new() };
        Line { row, quantity: None }
    }

    #[test]
    fn rows_of_one_header_are_one_document_up_to_its_longest() {
        let rows: Vec<Line> =
            (0..450).map(|n| line(n, if n % 2 == 0 { "A" } else { "B" })).collect();
        let drafts = group(rows, ImportKind::OpeningStock);
        let sizes: Vec<usize> = drafts.iter().map(Vec::len).collect();
        assert_eq!(sizes, [200, 200, 25, 25]);
        assert!(drafts.iter().all(|d| {
            d.iter().all(|l| l.row.record.get("store_code") == d[0].row.record.get("store_code"))
        }));
        assert_eq!(group(vec![line(1, "A"), line(2, "A")], ImportKind::Items).len(), 2);
    }

    #[test]
    fn a_dispatch_names_each_item_once() {
        let rows = || vec![line(1, "A"), line(2, "A"), line(1, "A"), line(3, "A")];
        let sizes = |kind| group(rows(), kind).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(sizes(ImportKind::Dispatches), [3, 1]);
        assert_eq!(sizes(ImportKind::Receipts), [4]);
    }
}
