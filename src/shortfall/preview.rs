//! What another response level would ask for: each line now and then, and what is added.

use crate::kernel::{ItemCode, Money, Quantity};
use crate::shortfall::rules::Status;
use std::collections::BTreeMap;

/// How a line stands at one level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Side {
    /// The target; `None` when it cannot be worked out.
    pub target: Option<Quantity>,
    /// 现货缺口.
    pub on_hand_shortfall: Option<Quantity>,
    /// 净缺口.
    pub net_shortfall: Option<Quantity>,
    /// What the net shortfall costs; `None` when no price is known.
    pub cost: Option<Money>,
    /// How the store stands.
    pub status: Status,
}

/// A line now and at another level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The item.
    pub item: ItemCode,
    /// As things stand.
    pub now: Side,
    /// At the other level.
    pub then: Side,
}

/// The sums of one item over all stores.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ItemTotals {
    /// Targets now, of the lines that have one.
    pub target_now: Quantity,
    /// Targets then.
    pub target_then: Quantity,
    /// Net shortfalls now.
    pub net_shortfall_now: Quantity,
    /// Net shortfalls then.
    pub net_shortfall_then: Quantity,
    /// What the shortfalls then cost more; `None` when no price is known, or it does not fit.
    pub added_cost: Option<Money>,
}

/// What a change of level means altogether.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PreviewTotals {
    /// Lines of the plan.
    pub lines: i64,
    /// Lines whose target is another one then.
    pub changed: i64,
    /// Lines that are met now.
    pub met_now: i64,
    /// Lines that are met then.
    pub met_then: i64,
    /// Lines whose target cannot be worked out then.
    pub not_computable: i64,
    /// Lines that lack more then, and whose price nobody knows: not part of the cost.
    pub without_price: i64,
    /// What the shortfalls then cost more than those now, of the lines whose price is known; `None`
    /// when it does not fit.
    pub added_cost: Option<Money>,
    /// By item; quantities of different items are never added up.
    pub items: BTreeMap<ItemCode, ItemTotals>,
}

impl Change {
    /// What the shortfall then costs more than that now; `None` when no price is known.
    pub fn added_cost(&self) -> Option<Money> {
        let difference =
            self.then.cost?.ten_thousandths().checked_sub(self.now.cost?.ten_thousandths())?;
        Some(Money::from_ten_thousandths(difference))
    }

    fn lacks_more(&self) -> bool {
        self.then.net_shortfall > self.now.net_shortfall
    }
}

impl PreviewTotals {
    /// Of no lines.
    pub fn nothing() -> Self {
        Self { added_cost: Some(Money::from_ten_thousandths(0)), ..Self::default() }
    }

    /// Adds a line, in whatever order they come.
    pub fn add(&mut self, change: &Change) {
        let Change { item, now, then } = change;
        self.lines += 1;
        self.changed += i64::from(now.target != then.target);
        self.met_now += i64::from(now.status == Status::Met);
        self.met_then += i64::from(then.status == Status::Met);
        self.not_computable += i64::from(then.target.is_none());
        let of_item = self.items.entry(item.clone()).or_default();
        add(&mut of_item.target_now, now.target);
        add(&mut of_item.target_then, then.target);
        add(&mut of_item.net_shortfall_now, now.net_shortfall);
        add(&mut of_item.net_shortfall_then, then.net_shortfall);
        match change.added_cost() {
            Some(cost) => {
                let nothing = Money::from_ten_thousandths(0);
                self.added_cost = self.added_cost.and_then(|sum| sum.plus(cost));
                of_item.added_cost = of_item.added_cost.unwrap_or(nothing).plus(cost);
            }
            None => self.without_price += i64::from(change.lacks_more()),
        }
    }
}

fn add(sum: &mut Quantity, quantity: Option<Quantity>) {
    *sum = sum.plus_capped(quantity.unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(target: Option<i64>, available: i64, price: Option<i64>) -> Side {
        let target = target.map(|units| Quantity::new(units).unwrap());
        let available = Quantity::new(available).unwrap();
        let short = target.map(|target| target.minus_or_zero(available));
        Side {
            target,
            on_hand_shortfall: short,
            net_shortfall: short,
            cost: price.zip(short).map(|(price, short)| {
                Money::from_ten_thousandths(price).times(short.units()).unwrap()
            }),
            status: crate::shortfall::rules::status(target, None, available),
        }
    }

    fn change(item: &str, now: Option<i64>, then: Option<i64>, price: Option<i64>) -> Change {
        Change {
            item: ItemCode::new(item).unwrap(),
            now: side(now, 100, price),
            then: side(then, 100, price),
        }
    }

    #[test]
    fn what_a_level_adds_is_summed_by_item_and_priced_where_a_price_is_known() {
        let changes = [
            change("M03", Some(100), Some(160), Some(15_000)),
            change("M03", Some(120), Some(192), Some(15_000)),
            change("P01", Some(50), Some(80), None),
            change("P02", Some(100), Some(200), None),
            change("R03", None, None, Some(1)),
        ];
        let mut totals = PreviewTotals::nothing();
        changes.iter().for_each(|change| totals.add(change));
        assert_eq!((totals.lines, totals.changed, totals.not_computable), (5, 4, 1));
        assert_eq!((totals.met_now, totals.met_then, totals.without_price), (3, 1, 1));
        // 60 and 92 − 20 respirators more, at 1.50 yuan.
        assert_eq!(totals.added_cost.unwrap().to_string(), "198.00");
        let respirators = &totals.items[&ItemCode::new("M03").unwrap()];
        assert_eq!(
            [
                respirators.target_now,
                respirators.target_then,
                respirators.net_shortfall_now,
                respirators.net_shortfall_then,
            ]
            .map(Quantity::units),
            [220, 352, 20, 152]
        );
        assert_eq!(totals.items[&ItemCode::new("P02").unwrap()].added_cost, None);
    }
}
