//! Pages of a list: a bounded number of rows and an opaque cursor to the next.

use serde::{Serialize, de::DeserializeOwned};

/// How many rows a page may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageSize(i64);

impl PageSize {
    /// Rows of a page where none are asked for.
    pub const DEFAULT: Self = Self(50);
    /// The most rows that one page gives.
    pub const MAX: i64 = 1_000;
    /// More rows than one table takes.
    pub const WHOLE: Self = Self(100_001);
    /// The same, to count by.
    pub const MAX_ROWS: usize = 1_000;
    /// The largest page.
    pub const LARGEST: Self = Self(Self::MAX);

    /// A page of `rows`; more than [`PageSize::MAX`] gives that many.
    ///
    /// `None` when `rows` is below one.
    pub fn new(rows: i64) -> Option<Self> {
        (rows >= 1).then_some(Self(rows.min(Self::MAX)))
    }

    /// The number of rows.
    pub const fn rows(self) -> i64 {
        self.0
    }

    /// One row more than asked, to see whether another page follows.
    pub const fn probe(self) -> i64 {
        self.0 + 1
    }
}

/// The place in a list where the next page begins: the sort key of the last row shown.
///
/// Opaque to clients: hexadecimal of the key's JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(String);

impl Cursor {
    /// The cursor after a row with this sort key.
    pub fn after<K: Serialize>(key: &K) -> Self {
        let json = serde_json::to_string(key).unwrap_or_default();
        Self(json.bytes().map(|byte| format!("{byte:02x}")).collect())
    }

    /// Reads the sort key back; `None` when a client made the cursor up.
    pub fn key<K: DeserializeOwned>(text: &str) -> Option<K> {
        if text.len() > 2_000 || !text.len().is_multiple_of(2) || !text.is_ascii() {
            return None;
        }
        let bytes: Option<Vec<u8>> = (0..text.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok())
            .collect();
        let json = String::from_utf8(bytes?).ok()?;
        // A key of ours has no NUL, which PostgreSQL would not take.
        if json.contains("\\u0000") { None } else { serde_json::from_str(&json).ok() }
    }
}

impl From<Cursor> for String {
    fn from(cursor: Cursor) -> String {
        cursor.0
    }
}

/// A page of rows and the cursor of the next, if there is one.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The rows, in the list's order.
    pub rows: Vec<T>,
    /// Where the next page begins.
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// A page from rows of which one more than `size` was asked for.
    pub fn from_probe<K: Serialize>(
        mut rows: Vec<T>,
        size: PageSize,
        key: impl Fn(&T) -> K,
    ) -> Self {
        let most = usize::try_from(size.rows()).unwrap_or(usize::MAX);
        let more = rows.len() > most;
        rows.truncate(most);
        let next_cursor =
            if more { rows.last().map(|row| Cursor::after(&key(row)).into()) } else { None };
        Self { rows, next_cursor }
    }

    /// The same page with each row turned into another.
    pub fn map<U>(self, turn: impl FnMut(T) -> U) -> Page<U> {
        Page { rows: self.rows.into_iter().map(turn).collect(), next_cursor: self.next_cursor }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_its_key_and_a_made_up_one_does_not() {
        let key = ("2026-01-01".to_owned(), Some("口罩".to_owned()));
        let text: String = Cursor::after(&key).into();
        assert_eq!(Cursor::key::<(String, Option<String>)>(&text), Some(key));
        for made_up in ["zz", "abc", "7b", "口口"] {
            assert_eq!(Cursor::key::<(String, String)>(made_up), None);
        }
    }

    #[test]
    fn a_full_page_names_the_next_and_the_last_does_not() {
        let size = PageSize::new(2).unwrap();
        let page = Page::from_probe(vec![1, 2, 3], size, |row| *row);
        assert_eq!(page.rows, [1, 2]);
        assert_eq!(page.next_cursor.as_deref().and_then(Cursor::key::<i32>), Some(2));
        assert_eq!(Page::from_probe(vec![1, 2], size, |row| *row).next_cursor, None);
        assert_eq!(PageSize::new(0), None);
        assert_eq!(PageSize::new(5_000).map(PageSize::rows), Some(1_000));
    }
}
