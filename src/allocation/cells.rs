//! Reading and writing rows by index without a way to fall off their end.

/// A row of plain values whose indices come from the row's own making.
///
/// The algorithms here number donors, recipients and arcs from 0 and never leave those numbers; a
/// number outside is a mistake of ours, which the assertion tells in tests.
pub trait Cells<T> {
    /// The value at `index`.
    fn at(&self, index: usize) -> T;
    /// Puts a value at `index`.
    fn put(&mut self, index: usize, value: T);
    /// Adds to the value at `index`.
    fn add(&mut self, index: usize, amount: T)
    where
        T: std::ops::AddAssign;
}

impl<T: Copy + Default> Cells<T> for [T] {
    fn at(&self, index: usize) -> T {
        debug_assert!(index < self.len(), "{index} of {}", self.len());
        self.get(index).copied().unwrap_or_default()
    }

    fn put(&mut self, index: usize, value: T) {
        debug_assert!(index < self.len(), "{index} of {}", self.len());
        if let Some(cell) = self.get_mut(index) {
            *cell = value;
        }
    }

    fn add(&mut self, index: usize, amount: T)
    where
        T: std::ops::AddAssign,
    {
        debug_assert!(index < self.len(), "{index} of {}", self.len());
        if let Some(cell) = self.get_mut(index) {
            *cell += amount;
        }
    }
}
