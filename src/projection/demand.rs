//! What will be used on each day: the average, or what a caller foresees.

use crate::kernel::{ItemCode, Quantity, Ratio, StoreCode};
use crate::word_enum;
use std::collections::{BTreeMap, BTreeSet};

word_enum! {
    /// How a demand goes on after the last day that was given.
    pub enum Then {
        /// As on the last day given.
        RepeatLast = "repeat_last",
        /// Nothing is used any more.
        Zero = "zero",
        /// With the average daily consumption.
        Adc = "adc",
    }
}

word_enum! {
    /// Where a demand comes from.
    pub enum DemandSource {
        /// The average daily consumption.
        Adc = "adc",
        /// The caller gave it.
        Given = "given",
        /// The average is unknown and nobody gave another: there is nothing to project.
        Unknown = "unknown",
    }
}

/// Base units a day, exact, from the first day on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand {
    given: Vec<Ratio>,
    after: Option<Ratio>,
}

impl Demand {
    /// The same on every day.
    pub const fn steady(daily: Ratio) -> Self {
        Self { given: Vec::new(), after: Some(daily) }
    }

    /// What is given for the first days, and how it goes on; without `then` it must be long enough.
    pub fn given(daily: Vec<Ratio>, then: Option<Then>, adc: Option<Ratio>) -> Self {
        let after = match then {
            None => None,
            Some(Then::Zero) => Some(Ratio::ZERO),
            Some(Then::RepeatLast) => Some(daily.last().copied().unwrap_or(Ratio::ZERO)),
            Some(Then::Adc) => adc,
        };
        Self { given: daily, after }
    }

    /// The demand of each of the first `days` days in whole base units.
    ///
    /// What is used by the end of a day is the exact sum up to it, rounded up; a day's demand is
    /// what that adds. So no fraction is lost however many days there are, and `n` base units that do
    /// not expire serve `floor(n / a)` days of a steady use `a`. `None` where it is not known
    /// so far ahead, or does not fit.
    pub fn in_units(&self, days: usize) -> Option<Vec<Quantity>> {
        let mut exact = Ratio::ZERO;
        let mut before = 0_i128;
        let mut units = Vec::with_capacity(days);
        for day in 0..days {
            exact = exact.plus(self.given.get(day).copied().or(self.after)?)?;
            let so_far = exact.ceil();
            units.push(Quantity::new(i64::try_from(so_far - before).ok()?).ok()?);
            before = so_far;
        }
        Some(units)
    }
}

/// What will be used, as the caller foresees it; lines it does not speak of are not shown.
#[derive(Debug, Clone, Default)]
pub struct GivenDemand(Option<Vectors>);

/// Demands by item and store, or for the item at each store.
pub type Vectors = BTreeMap<(ItemCode, Option<StoreCode>), Vector>;

/// The demand of one item, at one store or at each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vector {
    /// Base units of each day from the first on.
    pub daily: Vec<Ratio>,
    /// How it goes on.
    pub then: Option<Then>,
}

impl GivenDemand {
    /// Demands that were given.
    pub fn new(vectors: Vectors) -> Self {
        Self(Some(vectors))
    }

    /// The demand at a store: what is given for it, what is given for the item anywhere, the
    /// average.
    pub fn of(
        &self,
        store: &StoreCode,
        item: &ItemCode,
        adc: Option<Ratio>,
    ) -> (DemandSource, Option<Demand>) {
        match self.vector(store, item) {
            Some(vector) => {
                let demand = Demand::given(vector.daily.clone(), vector.then, adc);
                (DemandSource::Given, Some(demand))
            }
            None => (DemandSource::Adc, adc.map(Demand::steady)),
        }
    }

    fn vector(&self, store: &StoreCode, item: &ItemCode) -> Option<&Vector> {
        let given = self.0.as_ref()?;
        let here = given.get(&(item.clone(), Some(store.clone())));
        here.or_else(|| given.get(&(item.clone(), None)))
    }

    /// Whether a line is to be shown: all are, where no demand is given.
    pub fn speaks_of(&self, store: &StoreCode, item: &ItemCode) -> bool {
        self.0.is_none() || self.vector(store, item).is_some()
    }

    /// The stores and items for which a demand is given.
    pub fn cells(&self) -> impl Iterator<Item = (StoreCode, ItemCode)> {
        let given = self.0.iter().flat_map(BTreeMap::keys);
        given.filter_map(|(item, store)| Some((store.clone()?, item.clone())))
    }

    /// The stores named, where every demand names one.
    pub fn stores_alone(&self) -> Option<BTreeSet<&StoreCode>> {
        self.0.as_ref()?.keys().map(|(_, store)| store.as_ref()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn units(demand: &Demand, days: usize) -> Vec<i64> {
        demand.in_units(days).unwrap().into_iter().map(Quantity::units).collect()
    }

    #[test]
    fn a_fraction_a_day_adds_up_without_loss() {
        let demand = Demand::steady(Ratio::new(61, 2).unwrap());
        assert_eq!(units(&demand, 4), [31, 30, 31, 30]);
        assert_eq!(units(&Demand::steady(Ratio::new(1, 3).unwrap()), 7), [1, 0, 0, 1, 0, 0, 1]);
    }

    #[test]
    fn a_short_vector_goes_on_as_it_says() {
        let adc = Ratio::new(3, 2);
        let given = |then| Demand::given(vec![Ratio::whole(5), Ratio::whole(2)], then, adc);
        assert_eq!(units(&given(Some(Then::RepeatLast)), 4), [5, 2, 2, 2]);
        assert_eq!(units(&given(Some(Then::Zero)), 4), [5, 2, 0, 0]);
        assert_eq!(units(&given(Some(Then::Adc)), 4), [5, 2, 2, 1]);
        assert_eq!(given(None).in_units(3), None);
        assert_eq!(units(&given(None), 2), [5, 2]);
        assert_eq!(Demand::given(Vec::new(), Some(Then::Adc), None).in_units(1), None);
    }

    proptest! {
        #[test]
        fn what_is_used_by_any_day_is_the_exact_sum_rounded_up(
            daily in proptest::collection::vec((0_i128..500, 1_i128..60), 1..40),
        ) {
            let daily: Vec<Ratio> =
                daily.into_iter().map(|(above, below)| Ratio::new(above, below).unwrap()).collect();
            let days = daily.len();
            let demand = Demand::given(daily.clone(), None, None);
            let mut exact = Ratio::ZERO;
            let mut so_far = 0;
            for (one, of_day) in daily.iter().zip(units(&demand, days)) {
                exact = exact.plus(*one).unwrap();
                so_far += i128::from(of_day);
                prop_assert_eq!(so_far, exact.ceil());
            }
        }
    }
}
