//! What tells one row from every other, so that the same row never comes twice.

use crate::exchange::fields::Record;
use crate::exchange::kind::ImportKind;
use crate::exchange::table::RowFault;
use crate::kernel::hash::FieldHasher;
use std::collections::HashMap;

/// A record with its fingerprints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Printed {
    /// The record.
    pub record: Record,
    /// What tells it from every other: its identity at the origin where the mapping names one;
    /// else all that it says and, for postings, the how manieth such row of the file it is, since
    /// two equal deliveries are two deliveries.
    pub fingerprint: String,
    /// The hash of all that it says.
    pub content_hash: String,
}

/// The rows of a file by what is to be done with them.
#[derive(Debug, Default)]
pub struct Sorted {
    /// Rows to import, unless they were imported before.
    pub rows: Vec<Printed>,
    /// Rows that only repeat an earlier row of the file.
    pub repeated: usize,
    /// Rows that contradict an earlier row of the file.
    pub faults: Vec<RowFault>,
}

/// Gives every record its fingerprint and sets aside what the file itself repeats.
pub fn sort(
    records: Vec<Record>,
    kind: ImportKind,
    source: Option<&str>,
    identity: &[String],
) -> Sorted {
    let mut sorted = Sorted::default();
    let mut seen: HashMap<String, (u64, String)> = HashMap::new();
    let mut occurrences: HashMap<String, i64> = HashMap::new();
    for record in records {
        let content_hash = record.content_hash();
        let hasher = FieldHasher::new().field(kind.as_str());
        let fingerprint = match &record.identity {
            Some(cells) => cells
                .iter()
                .fold(hasher.field("identity").optional(source), FieldHasher::field)
                .finish(),
            None if kind.rows_are_things() => hasher.field("thing").field(&content_hash).finish(),
            None => {
                let nth = occurrences.entry(content_hash.clone()).or_insert(0);
                *nth += 1;
                hasher.field("content").field(&content_hash).number(*nth).finish()
            }
        };
        match seen.get(&fingerprint) {
            None => {
                seen.insert(fingerprint.clone(), (record.line, content_hash.clone()));
                sorted.rows.push(Printed { record, fingerprint, content_hash });
            }
            Some((_, hash)) if *hash == content_hash => sorted.repeated += 1,
            Some((line, _)) => sorted.faults.push(RowFault::new(
                record.line,
                identity.join(", "),
                format!("与第 {line} 行标识相同而内容不同"),
                format!("has the identity of line {line} but says something else"),
            )),
        }
    }
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn record(line: u64, quantity: &str, id: Option<&str>) -> Record {
        Record {
            line,
            values: BTreeMap::from([("quantity", quantity.to_owned())]),
            identity: id.map(|id| vec![id.to_owned()]),
        }
    }

    #[test]
    fn two_equal_deliveries_are_two_and_two_equal_items_are_one() {
        let rows = || vec![record(2, "5", None), record(3, "5", None)];
        let receipts = sort(rows(), ImportKind::Receipts, None, &[]);
        assert_eq!((receipts.rows.len(), receipts.repeated), (2, 0));
        assert_ne!(receipts.rows[0].fingerprint, receipts.rows[1].fingerprint);
        let items = sort(rows(), ImportKind::Items, None, &[]);
        assert_eq!((items.rows.len(), items.repeated), (1, 1));
    }

    #[test]
    fn an_identity_tells_rows_apart_and_contradictions_are_faults() {
        let rows = vec![
            record(2, "5", Some("a")),
            record(3, "5", Some("b")),
            record(4, "5", Some("a")),
            record(5, "6", Some("b")),
        ];
        let sorted = sort(rows, ImportKind::Receipts, Some("scms"), &["id".to_owned()]);
        assert_eq!((sorted.rows.len(), sorted.repeated), (2, 1));
        assert_eq!(sorted.faults[0].line, 5);
    }
}
