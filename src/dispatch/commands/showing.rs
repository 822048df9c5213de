//! Dispatches as they are shown, with everything that belongs to them.

use crate::access::{Actor, Scope};
use crate::authority::records as authority;
use crate::catalogue::records as catalogue;
use crate::db::{DbConnection, DbError};
use crate::dispatch::order::Order;
use crate::dispatch::records::{self, DOCUMENT_KIND};
use crate::dispatch::views::{AllocationRef, Context, DispatchRow, DispatchView};
use crate::kernel::id::{DispatchId, LotId};
use crate::kernel::{Instant, ItemCode};
use std::collections::{BTreeMap, BTreeSet};

/// Rows of a list, with what belongs to them, in a few queries for all.
///
/// # Errors
/// When the database fails.
pub fn rows(
    conn: &mut DbConnection,
    orders: &[Order],
    now: Instant,
) -> Result<Vec<DispatchRow>, DbError> {
    let mut contexts = contexts_of(conn, orders)?;
    Ok(orders
        .iter()
        .map(|order| {
            let context = contexts.remove(&order.id).unwrap_or_default();
            DispatchRow::of(order, &context, now)
        })
        .collect())
}

/// A dispatch with its lorries, signings and story.
///
/// # Errors
/// When the database fails.
pub fn view(conn: &mut DbConnection, order: &Order, now: Instant) -> Result<DispatchView, DbError> {
    let mut contexts = contexts_of(conn, std::slice::from_ref(order))?;
    let context = contexts.remove(&order.id).unwrap_or_default();
    let shipments = records::shipments_of(conn, &order.id)?;
    let signings = records::signings_of(conn, &order.id)?;
    let events = records::events_of(conn, &order.id)?;
    Ok(DispatchView::of(order, &context, shipments, signings, events, now))
}

/// Whether somebody may know of a dispatch: one of its stores is in scope, or one that signed for
/// goods of it before it was redirected.
///
/// # Errors
/// When the database fails.
pub fn is_visible(conn: &mut DbConnection, actor: &Actor, order: &Order) -> Result<bool, DbError> {
    let Scope::Stores(stores) = &actor.scope else { return Ok(true) };
    if stores.contains(&order.to_store)
        || order.from_store.as_ref().is_some_and(|from| stores.contains(from))
    {
        return Ok(true);
    }
    let signed = records::signed_stores(conn, &order.id)?;
    Ok(signed.iter().any(|store| stores.contains(store)))
}

fn contexts_of(
    conn: &mut DbConnection,
    orders: &[Order],
) -> Result<BTreeMap<DispatchId, Context>, DbError> {
    let ids: Vec<DispatchId> = orders.iter().map(|order| order.id.clone()).collect();
    let texts: Vec<String> = ids.iter().map(ToString::to_string).collect();
    let lines = || orders.iter().flat_map(|order| &order.lines);
    let items: BTreeSet<ItemCode> = lines().map(|line| line.item_code.clone()).collect();
    let items: Vec<ItemCode> = items.into_iter().collect();
    let reserved = lines().flat_map(|line| line.reserved.iter().map(|lot| lot.lot_id.clone()));
    let loaded = lines().flat_map(|line| line.loads.iter().map(|load| load.lot_id.clone()));
    let lots: BTreeSet<LotId> = reserved.chain(loaded).collect();
    let lots: Vec<LotId> = lots.into_iter().collect();
    let labels = records::labels_of(conn, &lots)?;
    let items: BTreeMap<_, _> = catalogue::find_all(conn, &items)?.into_iter().collect();
    let mut steps = records::steps_of(conn, &ids)?;
    let papers = authority::of_documents(conn, DOCUMENT_KIND, &texts)?;
    let mut allocations = records::allocations_of(conn, &ids)?;
    Ok(orders
        .iter()
        .map(|order| {
            let used = |lot: &LotId| labels.get(lot).map(|label| (lot.clone(), label.clone()));
            let of_line = order.lines.iter().flat_map(|line| {
                let reserved = line.reserved.iter().map(|lot| &lot.lot_id);
                reserved.chain(line.loads.iter().map(|load| &load.lot_id))
            });
            let context = Context {
                labels: of_line.filter_map(used).collect(),
                items: order
                    .lines
                    .iter()
                    .filter_map(|line| items.get_key_value(&line.item_code))
                    .map(|(code, item)| (code.clone(), item.clone()))
                    .collect(),
                steps: steps.remove(&order.id).unwrap_or_default(),
                paperwork: papers
                    .iter()
                    .filter(|paper| paper.document.id == order.id.as_str())
                    .cloned()
                    .collect(),
                allocation: allocations
                    .remove(&order.id)
                    .map(|(id, number)| AllocationRef { id, number }),
            };
            (order.id.clone(), context)
        })
        .collect())
}
