//! By what totals are told apart.

use crate::word_enum;

word_enum! {
    /// What the lines of a group have in common.
    pub enum TotalsBy {
        /// The region in which the store lies, and every region above it.
        Region = "region",
        /// The kind of the store.
        Kind = "kind",
        /// The category of the item.
        Category = "category",
        /// The store.
        Store = "store",
        /// The item.
        Item = "item",
    }
}

/// How lines are grouped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grouping {
    /// What the lines of a group have in common.
    pub by: TotalsBy,
    /// Of regions only those whose code has so many digits: 2 for provinces, 4 for cities, 6 for
    /// counties, 9 for townships, 12 for villages.
    pub digits: Option<usize>,
}
