//! The stock card (库存卡片): every movement of an item at a store, with the balance after it.

use crate::db::schema::stock_movement;
use crate::db::{DbConnection, DbError};
use crate::kernel::id::{LotId, MovementId};
use crate::kernel::{BusinessZone, Instant, ItemCode, Moment, StoreCode};
use crate::stock::movement::Movement;
use crate::stock::queries::at::{Places, balances_at};
use crate::stock::records::MovementRow;
use diesel::prelude::*;

/// Which card, and which part of it.
#[derive(Debug, Clone)]
pub struct Card {
    /// The store.
    pub store: StoreCode,
    /// The item.
    pub item: ItemCode,
    /// Of this lot alone.
    pub lot: Option<LotId>,
    /// What happened at or after.
    pub from: Instant,
    /// What happened before.
    pub to: Instant,
}

/// A place on a card: business time, recorded time and id of a movement.
pub type CardKey = (Instant, Instant, MovementId);

/// What the store held just before an instant.
///
/// # Errors
/// When the database fails.
pub fn balance_before(
    conn: &mut DbConnection,
    zone: BusinessZone,
    card: &Card,
    instant: Instant,
    known: Option<Instant>,
) -> Result<i64, DbError> {
    let before = instant.previous();
    let moment = match known {
        Some(known) => Moment::as_known_at(before, known),
        None => Moment::as_of(before, Instant::LAST),
    };
    let places = Places {
        stores: Some(vec![card.store.clone()]),
        items: Some(vec![card.item.clone()]),
        lot: card.lot.clone(),
        state: None,
    };
    let balances = balances_at(conn, zone, &moment, &places)?;
    Ok(balances.values().map(|held| held.on_hand).sum())
}

/// The movements of a card in its order (business time, recorded time, id), after a place.
///
/// # Errors
/// When the database fails.
pub fn card_movements(
    conn: &mut DbConnection,
    card: &Card,
    known: Option<Instant>,
    after: Option<&CardKey>,
    limit: i64,
) -> Result<Vec<Movement>, DbError> {
    use stock_movement::{
        from_kind, id, item_code, lot_id, occurred_at, recorded_at, store_code, to_kind,
    };
    let mut query = stock_movement::table
        .filter(store_code.eq(&card.store))
        .filter(item_code.eq(&card.item))
        .filter(occurred_at.ge(after.map_or(card.from, |(at, ..)| *at)))
        .filter(occurred_at.lt(card.to))
        // A loss on the way stands in the receiver's chain and touches none of its stock.
        .filter(from_kind.eq("store").or(to_kind.eq("store")))
        .select(MovementRow::as_select())
        .into_boxed();
    if let Some(lot) = &card.lot {
        query = query.filter(lot_id.eq(lot));
    }
    if let Some(known) = known {
        query = query.filter(recorded_at.le(known));
    }
    if let Some((at, record, last)) = after {
        query = query.filter(
            occurred_at
                .gt(*at)
                .or(recorded_at.gt(*record))
                .or(recorded_at.eq(*record).and(id.gt(last))),
        );
    }
    let rows: Vec<MovementRow> =
        query.order((occurred_at, recorded_at, id)).limit(limit).load(conn)?;
    rows.into_iter().map(Movement::try_from).collect()
}
