//! What an allocation looks at: stores, stock, use, plan and roads, as they are loaded at once.

use crate::allocation::distance::Place;
use crate::allocation::inputs::PlanInForce;
use crate::allocation::route::Route;
use crate::allocation::what_if::WhatIf;
use crate::catalogue::Item;
use crate::kernel::time::BusinessZone;
use crate::kernel::{Instant, ItemCode, Quantity, Ratio, StoreCode};
use crate::reserve_plan::level::{LevelsInForce, ResponseLevel};
use crate::reserve_plan::plan::StoredLine;
use crate::reserve_plan::rules::target;
use crate::stock::LotBalance;
use crate::stores::Store;
use chrono::NaiveDate;
use std::collections::{BTreeMap, BTreeSet};

/// A store and an item.
pub type Cell = (StoreCode, ItemCode);

/// Everything that is known of some items at some stores at one time.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The time.
    pub now: Instant,
    /// Its business day.
    pub today: NaiveDate,
    /// The zone of business days.
    pub zone: BusinessZone,
    /// The plan in force.
    pub plan: Option<PlanInForce>,
    /// The response levels.
    pub levels: LevelsInForce,
    /// The items by code.
    pub items: BTreeMap<ItemCode, Item>,
    /// The active stores in the order of their codes.
    pub stores: BTreeMap<StoreCode, Store>,
    /// The stores that usually supply another.
    pub suppliers: BTreeSet<StoreCode>,
    /// What lies where.
    pub balances: BTreeMap<Cell, Vec<LotBalance>>,
    /// What is on the way to a store, in time and in date.
    pub arriving: BTreeMap<Cell, Quantity>,
    /// What other stores were told to send to a store and have not yet.
    pub promised: BTreeMap<Cell, Quantity>,
    /// The average daily use, where it is known.
    pub uses: BTreeMap<Cell, Ratio>,
    /// The line of the plan that counts.
    pub lines: BTreeMap<Cell, StoredLine>,
    /// What is known of roads.
    pub routes: BTreeMap<(StoreCode, StoreCode), Route>,
    /// What is supposed instead, in a rehearsal.
    pub what_if: Option<WhatIf>,
}

impl Facts {
    /// The balances of an item at a store.
    pub fn balances_of(&self, store: &StoreCode, item: &ItemCode) -> &[LotBalance] {
        self.balances.get(&(store.clone(), item.clone())).map_or(&[], Vec::as_slice)
    }

    /// What is supposed to be there in a rehearsal; `None` where the book counts.
    pub fn supposed(&self, store: &StoreCode, item: &ItemCode) -> Option<Quantity> {
        self.what_if.as_ref().and_then(|what_if| what_if.stock_of(store, item))
    }

    /// Base units that may be used and are promised to nobody.
    pub fn available(&self, store: &StoreCode, item: &ItemCode) -> Quantity {
        self.supposed(store, item).unwrap_or_else(|| {
            let balances = self.balances_of(store, item).iter();
            Quantity::total(balances.map(|balance| balance.available(self.today)))
        })
    }

    /// The average daily use of an item at a store.
    pub fn daily_use(&self, store: &StoreCode, item: &ItemCode) -> Option<Ratio> {
        let known = self.uses.get(&(store.clone(), item.clone())).copied();
        match &self.what_if {
            None => known,
            Some(what_if) => what_if.use_of(store, item, known),
        }
    }

    /// The response level that holds at a store.
    pub fn level(&self, store: &StoreCode) -> ResponseLevel {
        let supposed = self.what_if.as_ref().and_then(|what_if| what_if.level);
        supposed.unwrap_or_else(|| {
            self.stores
                .get(store)
                .map_or(ResponseLevel::Normal, |store| self.levels.of(&store.region_code))
        })
    }

    /// The floor of an item at a store; zero where the plan gives none.
    pub fn floor(&self, store: &StoreCode, item: &ItemCode) -> Quantity {
        let line = self.lines.get(&(store.clone(), item.clone()));
        line.and_then(|line| line.line.floor_at(self.level(store))).unwrap_or(Quantity::ZERO)
    }

    /// What should be there of an item; `None` where the plan does not say.
    pub fn target(&self, store: &StoreCode, item: &ItemCode) -> Option<Quantity> {
        let line = self.lines.get(&(store.clone(), item.clone()))?;
        let target = target(&line.line, self.level(store), self.daily_use(store, item));
        target.ok().map(|target| target.quantity)
    }

    /// Where a store lies, when that is known.
    pub fn place(&self, store: &StoreCode) -> Option<Place> {
        let store = self.stores.get(store)?;
        Some(Place {
            latitude: store.latitude_microdegrees?,
            longitude: store.longitude_microdegrees?,
        })
    }
}
