//! Loads what an allocation looks at: a fixed number of queries for each item.

use crate::access::Scope;
use crate::allocation::facts::{Cell, Facts};
use crate::allocation::inputs::PlanInForce;
use crate::allocation::records::{RouteFilter, list_routes};
use crate::allocation::what_if::WhatIf;
use crate::catalogue::records as catalogue;
use crate::config::Settings;
use crate::consumption::queries::Cells;
use crate::consumption::queries::averages::averages;
use crate::consumption::rules::Window;
use crate::db::schema::{dispatch, reservation};
use crate::db::{DbConnection, DbError};
use crate::dispatch::records::DOCUMENT_KIND as DISPATCH;
use crate::kernel::id::LotId;
use crate::kernel::page::PageSize;
use crate::kernel::time::plus_days;
use crate::kernel::{Instant, ItemCode, Quantity, Ratio, StoreCode};
use crate::reserve_plan::plan::{LineScope, PlansInForce, StorePlace, StoredLine};
use crate::reserve_plan::records::scoped::lines_of_scopes;
use crate::reserve_plan::rules::governing_lines;
use crate::reserve_plan::{queries as plans, records as plan_records};
use crate::shortfall::rules::{Arrival, ArrivalVerdict, judge_arrival};
use crate::stock::queries::{StockFilter, in_transit, stock};
use crate::stock::records::find_lots;
use crate::stores::Store;
use crate::stores::records as stores;
use chrono::NaiveDate;
use diesel::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// More balances of one item than a county has.
const MANY: i64 = 1_000_000;
/// Up to so many items their averages are worked out one by one, beyond it all at once.
const FEW_ITEMS: usize = 4;

/// Everything that is known of some items at the active stores of a scope.
///
/// # Errors
/// When the database fails.
pub fn facts(
    conn: &mut DbConnection,
    scope: &Scope,
    items: &[ItemCode],
    what_if: Option<&WhatIf>,
    settings: &Settings,
    now: Instant,
) -> Result<Facts, DbError> {
    let today = settings.zone.day_of(now);
    let all = active_stores(conn)?;
    let suppliers: BTreeSet<StoreCode> =
        all.values().filter_map(|store| store.supplied_by.clone()).collect();
    let stores: BTreeMap<StoreCode, Store> =
        all.into_iter().filter(|(code, _)| scope.contains(code)).collect();
    let codes: Vec<StoreCode> = stores.keys().cloned().collect();
    let within = Scope::Stores(codes.iter().cloned().collect());
    let in_force = plan_records::plans_in_force(conn, now, None)?;
    let lines = lines(conn, &in_force, items, &stores)?;
    // Of several the widest region's comes first and stands for all; each line names its own.
    let plan = in_force.iter().find(|plan| {
        let mut own = stores.values().filter_map(|store| in_force.of(&store.region_code));
        own.any(|other| other.id == plan.id)
    });
    let horizon_end = plus_days(today, settings.horizon_days);
    let mut facts = Facts {
        now,
        today,
        zone: settings.zone,
        plan: plan.map(|plan| PlanInForce {
            id: plan.id.clone(),
            name: plan.name.clone(),
            version: plan.version,
        }),
        levels: plans::levels_in_force(conn, now)?,
        items: catalogue::find_all(conn, items)?.into_iter().collect(),
        suppliers,
        balances: BTreeMap::new(),
        arriving: BTreeMap::new(),
        promised: promised(conn, &codes, items)?,
        uses: uses(conn, &codes, items, settings, today)?,
        lines,
        routes: list_routes(conn, &within, &RouteFilter::default(), None, MANY)?
            .into_iter()
            .map(|route| ((route.from.clone(), route.to.clone()), route))
            .collect(),
        stores,
        what_if: what_if.cloned(),
    };
    for item in items {
        let filter = StockFilter { item: Some(item.clone()), ..StockFilter::default() };
        for balance in stock(conn, &within, &filter, None, MANY)? {
            let cell = (balance.store_code.clone(), item.clone());
            facts.balances.entry(cell).or_default().push(balance);
        }
        arriving(conn, &within, item, &mut facts, horizon_end)?;
    }
    Ok(facts)
}

fn active_stores(conn: &mut DbConnection) -> Result<BTreeMap<StoreCode, Store>, DbError> {
    let filter = stores::Filter { active: Some(true), ..stores::Filter::default() };
    let size = PageSize::new(PageSize::MAX).unwrap_or(PageSize::DEFAULT);
    let mut found: BTreeMap<StoreCode, Store> = BTreeMap::new();
    loop {
        let after = found.last_key_value().map(|(code, _)| code.clone());
        let page = stores::list(conn, &filter, after, size)?;
        let full = i64::try_from(page.len()).is_ok_and(|rows| rows > PageSize::MAX);
        found.extend(page.into_iter().map(|store| (store.code.clone(), store)));
        if !full {
            return Ok(found);
        }
    }
}

/// The line that counts for each item at each store, of the plan in force where the store is.
fn lines(
    conn: &mut DbConnection,
    in_force: &PlansInForce,
    items: &[ItemCode],
    stores: &BTreeMap<StoreCode, Store>,
) -> Result<BTreeMap<Cell, StoredLine>, DbError> {
    let mut found = BTreeMap::new();
    for plan in in_force.iter() {
        let places: Vec<StorePlace> = stores
            .values()
            .filter(|store| in_force.of(&store.region_code).is_some_and(|own| own.id == plan.id))
            .map(|store| StorePlace {
                code: store.code.clone(),
                kind: store.kind.clone(),
                region: store.region_code.clone(),
            })
            .collect();
        let scopes: BTreeSet<LineScope> = places.iter().flat_map(StorePlace::scopes).collect();
        let scopes: Vec<LineScope> = scopes.into_iter().collect();
        for item in items {
            let lines = lines_of_scopes(conn, &plan.id, &scopes, Some(std::slice::from_ref(item)))?;
            let governing = governing_lines(&lines, &places).into_iter();
            found.extend(
                governing
                    .map(|((store, item), line)| ((store.clone(), item.clone()), line.clone())),
            );
        }
    }
    Ok(found)
}

fn uses(
    conn: &mut DbConnection,
    stores: &[StoreCode],
    items: &[ItemCode],
    settings: &Settings,
    today: NaiveDate,
) -> Result<BTreeMap<Cell, Ratio>, DbError> {
    let window = Window::before(today, settings.consumption_window_days);
    let few = (items.len() <= FEW_ITEMS).then(|| items.to_vec());
    let cells = Cells { stores: Some(stores.to_vec()), items: few };
    let averages = averages(conn, window, settings.zone, &cells)?;
    let known = averages.into_iter().filter_map(|(cell, average)| Some((cell, average.adc?)));
    Ok(known.filter(|((_, item), _)| items.contains(item)).collect())
}

/// What other stores were told to send and have not yet: the promises of their dispatches.
fn promised(
    conn: &mut DbConnection,
    stores: &[StoreCode],
    items: &[ItemCode],
) -> Result<BTreeMap<Cell, Quantity>, DbError> {
    let rows: Vec<(StoreCode, ItemCode, Quantity)> = reservation::table
        .inner_join(dispatch::table.on(reservation::document_id.eq(dispatch::id)))
        .filter(reservation::document_kind.eq(DISPATCH))
        .filter(reservation::item_code.eq_any(items))
        .filter(dispatch::to_store.eq_any(stores))
        .order((dispatch::to_store, reservation::document_id, reservation::line_no))
        .select((dispatch::to_store, reservation::item_code, reservation::quantity))
        .load(conn)?;
    let mut sums: BTreeMap<Cell, Quantity> = BTreeMap::new();
    for (store, item, quantity) in rows {
        let sum = sums.entry((store, item)).or_insert(Quantity::ZERO);
        *sum = sum.plus_capped(quantity);
    }
    Ok(sums)
}

/// What is on the way to each store, in time and in date, as shortfalls count it.
fn arriving(
    conn: &mut DbConnection,
    within: &Scope,
    item: &ItemCode,
    facts: &mut Facts,
    horizon_end: NaiveDate,
) -> Result<(), DbError> {
    let coming = in_transit(conn, within, None, Some(item), None)?;
    let mut ids: Vec<LotId> = coming.iter().map(|goods| goods.lot_id.clone()).collect();
    ids.sort_unstable();
    ids.dedup();
    let lots = find_lots(conn, &ids)?;
    for goods in coming {
        let lot = lots.get(&goods.lot_id);
        let arrival = Arrival {
            quantity: goods.quantity,
            expected_on: Some(facts.zone.day_of(goods.expected_at)),
            usable_until: goods.expires_on,
            recalled: lot.is_some_and(|lot| lot.makers_lot.recalled_at.is_some()),
        };
        if judge_arrival(&arrival, facts.today, horizon_end) == ArrivalVerdict::Counted {
            let cell = (goods.to_store, item.clone());
            let sum = facts.arriving.entry(cell).or_insert(Quantity::ZERO);
            *sum = sum.plus_capped(goods.quantity);
        }
    }
    Ok(())
}
