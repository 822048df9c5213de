//! How long stock may still be used: in bands, so that what is near its end is seen before it is there.

use crate::kernel::Quantity;
use crate::stock::lot::Expiry;
use chrono::NaiveDate;

/// Stock by the days for which it may still be used; the last day of a lot is a day of use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ByDaysLeft {
    /// Its last day is past.
    pub expired: Quantity,
    /// From 0 to 30 days are left after today.
    pub up_to_30: Quantity,
    /// From 31 to 90.
    pub up_to_90: Quantity,
    /// From 91 to 180.
    pub up_to_180: Quantity,
    /// More than 180.
    pub beyond_180: Quantity,
    /// It does not expire.
    pub no_expiry: Quantity,
    /// Its label does not say.
    pub unknown: Quantity,
}

impl ByDaysLeft {
    /// Adds some stock of a lot.
    pub fn add(&mut self, expiry: Expiry, today: NaiveDate, quantity: Quantity) {
        let band = match expiry {
            Expiry::None => &mut self.no_expiry,
            Expiry::Unknown => &mut self.unknown,
            Expiry::Dated(last) => match (last - today).num_days() {
                ..0 => &mut self.expired,
                0..=30 => &mut self.up_to_30,
                31..=90 => &mut self.up_to_90,
                91..=180 => &mut self.up_to_180,
                181.. => &mut self.beyond_180,
            },
        };
        *band = band.plus_capped(quantity);
    }

    /// All of it.
    pub fn total(&self) -> Quantity {
        Quantity::total([
            self.expired,
            self.up_to_30,
            self.up_to_90,
            self.up_to_180,
            self.beyond_180,
            self.no_expiry,
            self.unknown,
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::time::{parse_date, plus_days};

    fn units(n: i64) -> Quantity {
        Quantity::new(n).unwrap()
    }

    #[test]
    fn p09_the_last_day_of_a_band_belongs_to_it() {
        let today = parse_date("2025-03-01").unwrap();
        let mut found = ByDaysLeft::default();
        for (n, left) in [(10, 0), (20, 30), (30, 31), (40, 90), (50, 91), (60, 180), (70, 181)] {
            found.add(Expiry::Dated(plus_days(today, left)), today, units(n));
        }
        found.add(Expiry::None, today, units(80));
        found.add(Expiry::Unknown, today, units(5));
        found.add(Expiry::Dated(plus_days(today, -1)), today, units(3));
        let expected = ByDaysLeft {
            expired: units(3),
            up_to_30: units(30),
            up_to_90: units(70),
            up_to_180: units(110),
            beyond_180: units(70),
            no_expiry: units(80),
            unknown: units(5),
        };
        assert_eq!((found, found.total()), (expected, units(368)));
    }
}
