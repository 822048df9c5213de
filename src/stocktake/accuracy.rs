//! How true the book was: figures of a stocktake, as exact fractions.

use crate::kernel::{Money, Ratio};
use crate::stocktake::outcome::Evaluated;

/// The figures of one stocktake, or the sums over several.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Lines that were counted.
    pub lines_counted: i64,
    /// Of these, lines where count and book agreed.
    pub lines_exact: i64,
    /// Lines that nobody counted.
    pub lines_not_counted: i64,
    /// Lines that needed a third count.
    pub lines_recounted: i64,
    /// Lines that differ and whose lot has no cost: they are not in the values.
    pub lines_without_cost: i64,
    /// The most rounds that a line was counted in.
    pub rounds: i64,
    /// What the book said of the counted lines, in base units.
    pub book_units: i64,
    /// Shortages and surpluses together, in base units.
    pub absolute_units: i64,
    /// Surpluses less shortages, in base units.
    pub net_units: i64,
    /// Shortages and surpluses together, in ten-thousandths of a yuan.
    pub absolute_value: i64,
    /// Surpluses less shortages, in ten-thousandths of a yuan.
    pub net_value: i64,
}

impl Figures {
    /// The figures of evaluated lines.
    pub fn of(lines: &[Evaluated]) -> Self {
        let mut figures = Self::default();
        for line in lines.iter().filter(|line| !line.is_void()) {
            let Some(difference) = line.difference() else {
                figures.lines_not_counted = figures.lines_not_counted.saturating_add(1);
                continue;
            };
            let value = line.value().map(Money::ten_thousandths);
            let without_cost = difference != 0 && value.is_none();
            let one = Self {
                lines_counted: 1,
                lines_exact: i64::from(difference == 0),
                lines_not_counted: 0,
                lines_recounted: i64::from(line.rounds_counted > 2),
                lines_without_cost: i64::from(without_cost),
                rounds: line.rounds_counted,
                book_units: line.book.unwrap_or(0),
                absolute_units: difference.saturating_abs(),
                net_units: difference,
                absolute_value: value.unwrap_or(0).saturating_abs(),
                net_value: value.unwrap_or(0),
            };
            figures = figures.plus(&one);
        }
        figures
    }

    /// The sums of two.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            lines_counted: self.lines_counted.saturating_add(other.lines_counted),
            lines_exact: self.lines_exact.saturating_add(other.lines_exact),
            lines_not_counted: self.lines_not_counted.saturating_add(other.lines_not_counted),
            lines_recounted: self.lines_recounted.saturating_add(other.lines_recounted),
            lines_without_cost: self.lines_without_cost.saturating_add(other.lines_without_cost),
            rounds: self.rounds.max(other.rounds),
            book_units: self.book_units.saturating_add(other.book_units),
            absolute_units: self.absolute_units.saturating_add(other.absolute_units),
            net_units: self.net_units.saturating_add(other.net_units),
            absolute_value: self.absolute_value.saturating_add(other.absolute_value),
            net_value: self.net_value.saturating_add(other.net_value),
        }
    }

    /// Lines that agreed among those counted (账实相符率); `None` where none was counted.
    pub fn line_accuracy(&self) -> Option<Ratio> {
        Ratio::new(i128::from(self.lines_exact), i128::from(self.lines_counted))
    }

    /// One less the differences among what the book said, not below zero; `None` where the book
    /// said nothing.
    pub fn unit_accuracy(&self) -> Option<Ratio> {
        let (book, off) = (i128::from(self.book_units), i128::from(self.absolute_units));
        Ratio::new((book - off).max(0), book)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accuracy_is_an_exact_fraction_and_unknown_where_nothing_was_counted() {
        assert_eq!(Figures::default().line_accuracy(), None);
        assert_eq!(Figures::default().unit_accuracy(), None);
        let figures = Figures {
            lines_counted: 9,
            lines_exact: 6,
            book_units: 300,
            absolute_units: 7,
            ..Figures::default()
        };
        assert_eq!(figures.line_accuracy(), Ratio::new(2, 3));
        assert_eq!(figures.unit_accuracy(), Ratio::new(293, 300));
        let lost = Figures { absolute_units: 400, ..figures };
        assert_eq!(lost.unit_accuracy(), Some(Ratio::ZERO));
    }
}
