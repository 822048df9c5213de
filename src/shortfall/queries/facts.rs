//! Everything that the figures of a chunk of lines rest on.
//!
//! A new fact of a line has its place here: a field of [`Facts`], read in `Facts::load` for all
//! stores and items of the chunk by one query, and looked up in `Chunk::line`. What is the same for all
//! lines of an answer, however many chunks it has, belongs to [`Ground`].

use super::ExpectedIn;
use super::ground::{Frame, Ground};
use super::held::{HeldPortions, last_reports, portions_at, prices};
use super::transit::{LotsOnTheWay, on_the_way_now};
use crate::consumption::queries::averages::averages_as_known;
use crate::consumption::queries::{Cell, Cells};
use crate::consumption::rules::{AverageUse, UseHistory, average_use};
use crate::db::schema::item_pack;
use crate::db::{DbConnection, DbError};
use crate::expected::queries::{OpenLine, OpenLines, open_lines};
use crate::expected::rules::ExpectedKind;
use crate::kernel::time::BusinessZone;
use crate::kernel::{Instant, ItemCode, Money, Quantity, StoreCode};
use crate::shortfall::holding::{Held, hold};
use crate::shortfall::rules::{self, Arrival, ArrivalVerdict, Holding};
use crate::stock::queries::unmatched::cells_with_open_facts;
use chrono::NaiveDate;
use diesel::prelude::*;
use std::collections::{BTreeSet, HashMap};

/// What is known of the stores of a chunk, by store and item.
#[derive(Debug)]
pub(super) struct Facts {
    portions: HeldPortions,
    on_the_way: LotsOnTheWay,
    averages: HashMap<Cell, AverageUse>,
    last_reports: HashMap<StoreCode, Instant>,
    unmatched: BTreeSet<Cell>,
    expected: OpenLines,
    prices: HashMap<ItemCode, Money>,
    packs: HashMap<ItemCode, Pack>,
}

impl Facts {
    /// Reads them; a fixed number of queries.
    pub(super) fn load(
        conn: &mut DbConnection,
        ground: &Ground,
        cells: &Cells,
    ) -> Result<Self, DbError> {
        let frame = &ground.frame;
        let moment = &frame.moment;
        let (stores, items) = (cells.stores.as_deref(), cells.items.as_deref());
        Ok(Self {
            portions: portions_at(conn, frame.zone, moment, cells)?,
            on_the_way: match &ground.on_the_way_then {
                None => on_the_way_now(conn, cells)?,
                Some(then) => then
                    .iter()
                    .filter(|((to, _), _)| {
                        stores.is_none_or(|stores| stores.binary_search(to).is_ok())
                    })
                    .map(|(cell, lots)| (cell.clone(), lots.clone()))
                    .collect(),
            },
            averages: averages_as_known(conn, frame.window, frame.zone, cells, moment)?,
            last_reports: last_reports(conn, moment, cells)?,
            unmatched: cells_with_open_facts(conn, moment, stores, items)?,
            expected: open_lines(conn, moment, stores, items)?,
            prices: prices(conn, moment, items)?,
            packs: smallest_packs(conn, items)?,
        })
    }

    /// What a store holds of an item, and what will reach it.
    pub(super) fn supply(&self, frame: &Frame, cell: &Cell) -> Supply {
        Supply {
            held: self.held(frame, cell),
            coming: self.coming(frame, cell),
            expected: self.expected(frame, cell),
        }
    }

    /// What a store holds of an item.
    pub(super) fn held(&self, frame: &Frame, cell: &Cell) -> Held {
        hold(self.portions.get(cell).into_iter().flatten(), frame.today)
    }

    /// How much a store uses of an item.
    pub(super) fn consumption(&self, frame: &Frame, cell: &Cell) -> AverageUse {
        match self.averages.get(cell) {
            Some(average) => *average,
            // The store never held the item.
            None => average_use(frame.window, &UseHistory::default()),
        }
    }

    /// When a store was last heard of.
    pub(super) fn last_report_at(&self, store: &StoreCode) -> Option<Instant> {
        self.last_reports.get(store).copied()
    }

    /// What a base unit of an item costs.
    pub(super) fn price(&self, item: &ItemCode) -> Option<Money> {
        self.prices.get(item).copied()
    }

    /// The smallest pack of an item.
    pub(super) fn pack(&self, item: &ItemCode) -> Option<&Pack> {
        self.packs.get(item)
    }

    /// Whether facts that the book could not cover are open.
    pub(super) fn is_doubtful(&self, cell: &Cell) -> bool {
        self.unmatched.contains(cell)
    }

    /// What is on the way to a store, and what of it counts.
    fn coming(&self, frame: &Frame, cell: &Cell) -> Coming {
        let mut coming = Coming::default();
        for goods in self.on_the_way.get(cell).map_or(&[][..], Vec::as_slice) {
            let arrival = goods.arrival(frame.zone);
            coming.in_transit = coming.in_transit.plus_capped(goods.quantity);
            match rules::judge_arrival(&arrival, frame.today, frame.horizon_end) {
                ArrivalVerdict::Counted => {
                    coming.arriving = coming.arriving.plus_capped(goods.quantity);
                }
                ArrivalVerdict::TooLate | ArrivalVerdict::ArrivalUnknown => {
                    coming.later = coming.later.plus_capped(goods.quantity);
                }
                ArrivalVerdict::ExpiredOnArrival | ArrivalVerdict::Recalled => {}
            }
        }
        coming
    }

    /// What is expected from outside, and what of it counts.
    fn expected(&self, frame: &Frame, cell: &Cell) -> ExpectedIn {
        let mut expected = ExpectedIn::default();
        for line in self.expected.get(cell).map_or(&[][..], Vec::as_slice) {
            let sum = match line.kind {
                ExpectedKind::Order => &mut expected.on_order,
                ExpectedKind::Agreement => &mut expected.agreed,
                ExpectedKind::Capacity => &mut expected.capacity,
            };
            *sum = sum.plus_capped(line.open);
            let verdict = verdict_of(line, frame.zone, frame.today, frame.horizon_end);
            if verdict == Some(ArrivalVerdict::Counted) {
                expected.arriving = expected.arriving.plus_capped(line.open);
                expected.some_overdue |=
                    line.expected_at.is_some_and(|at| frame.zone.day_of(at) < frame.today);
            }
        }
        expected
    }
}

/// Whether what is open of a line counts in a net shortfall; `None` for what is never netted.
pub fn verdict_of(
    line: &OpenLine,
    zone: BusinessZone,
    today: NaiveDate,
    horizon_end: NaiveDate,
) -> Option<ArrivalVerdict> {
    let arrival = Arrival {
        quantity: line.open,
        expected_on: line.expected_at.map(|at| zone.day_of(at)),
        // Nobody knows the lots of what is not delivered yet.
        usable_until: None,
        recalled: false,
    };
    let counts = line.kind == ExpectedKind::Order;
    counts.then(|| rules::judge_arrival(&arrival, today, horizon_end))
}

/// What a store holds of an item, and what will reach it.
#[derive(Debug)]
pub(super) struct Supply {
    pub(super) held: Held,
    pub(super) coming: Coming,
    pub(super) expected: ExpectedIn,
}

impl Supply {
    /// What counts.
    pub(super) fn holding(&self) -> Holding {
        Holding {
            available: self.held.available,
            arriving: self.coming.arriving,
            ordered: self.expected.arriving,
        }
    }

    /// What is available, and all that is coming, however late.
    pub(super) fn position(&self) -> Quantity {
        let Coming { arriving, later, .. } = self.coming;
        Quantity::total([self.held.available, arriving, later, self.expected.on_order])
    }
}

/// What is on the way to a store.
#[derive(Debug, Default)]
pub(super) struct Coming {
    /// All of it.
    pub(super) in_transit: Quantity,
    /// What arrives in time.
    pub(super) arriving: Quantity,
    /// What arrives too late, or nobody knows when.
    later: Quantity,
}

/// The smallest pack of an item: with it the least is ordered too much.
#[derive(Debug, Clone)]
pub(super) struct Pack {
    pub(super) code: String,
    pub(super) units: Quantity,
}

/// The smallest pack of each item, or of some.
fn smallest_packs(
    conn: &mut DbConnection,
    only: Option<&[ItemCode]>,
) -> Result<HashMap<ItemCode, Pack>, DbError> {
    let mut query = item_pack::table
        .select((item_pack::item_code, item_pack::code, item_pack::units))
        .order((item_pack::item_code, item_pack::units.desc(), item_pack::code.desc()))
        .into_boxed();
    if let Some(only) = only {
        query = among!(query, item_pack::item_code, only);
    }
    let rows: Vec<(ItemCode, String, Quantity)> = query.load(conn)?;
    // The last of an item is its smallest.
    Ok(rows.into_iter().map(|(item, code, units)| (item, Pack { code, units })).collect())
}
