//! Reading what was corrected of maker's lots, and what lots were said to cost.

use crate::db::schema::{lot, lot_cost_event, makers_lot_event, reservation, transit_balance};
use crate::db::{DbConnection, DbError};
use crate::kernel::id::{LotId, MakersLotId};
use crate::kernel::{Instant, Moment};
use crate::stock::label::{CostEvent, Label, LabelChange, LabelEvent};
use crate::stock::lot::{Expiry, Lot, MakersLot};
use crate::stock::queries;
use crate::stock::records::corrections::{CostEventRow, LabelEventRow};
use crate::stock::records::find_lots;
use diesel::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// How many maker's lots of one story are followed.
const STORY_MAX: usize = 100;

/// The corrections of a maker's lot, the first in front.
///
/// # Errors
/// When the database fails.
pub fn events_of(conn: &mut DbConnection, id: &MakersLotId) -> Result<Vec<LabelEvent>, DbError> {
    let rows: Vec<LabelEventRow> = makers_lot_event::table
        .filter(makers_lot_event::makers_lot_id.eq(id))
        .select(LabelEventRow::as_select())
        .order((makers_lot_event::seq, makers_lot_event::id))
        .load(conn)?;
    rows.into_iter().map(LabelEvent::try_from).collect()
}

/// Every correction in the story of a maker's lot, whatever it was called before and is called
/// now, in the order of recording.
///
/// # Errors
/// When the database fails.
pub fn story_of(conn: &mut DbConnection, id: &MakersLotId) -> Result<Vec<LabelEvent>, DbError> {
    let mut seen: BTreeSet<MakersLotId> = BTreeSet::new();
    let mut next = vec![id.clone()];
    let mut story: Vec<LabelEvent> = Vec::new();
    while let Some(id) = next.pop() {
        if seen.len() >= STORY_MAX || !seen.insert(id.clone()) {
            continue;
        }
        let came_from: Vec<MakersLotId> = makers_lot_event::table
            .filter(makers_lot_event::corrected_to.eq(Some(&id)))
            .select(makers_lot_event::makers_lot_id)
            .distinct()
            .order(makers_lot_event::makers_lot_id)
            .load(conn)?;
        next.extend(came_from);
        for event in events_of(conn, &id)? {
            next.extend(event.corrected_to.clone());
            story.push(event);
        }
    }
    story.sort_by(|a, b| {
        a.recorded_at
            .cmp(&b.recorded_at)
            .then_with(|| a.makers_lot_id.cmp(&b.makers_lot_id))
            .then_with(|| a.seq.cmp(&b.seq))
    });
    Ok(story)
}

/// What the book said of a maker's lot at an instant of recording.
///
/// # Errors
/// When the database fails.
pub fn label_known_at(
    conn: &mut DbConnection,
    lot: &MakersLot,
    at: Instant,
) -> Result<Label, DbError> {
    let later = events_of(conn, &lot.id)?.into_iter().find(|event| event.recorded_at > at);
    Ok(later.map_or_else(|| Label::from(lot), |event| event.before))
}

/// Lots as they were known at a moment: without a recall or a longer life that came later, and with
/// the expiry that stood on record then.
///
/// A mistyped expiry is wrong whatever the business time, so only what is asked as known before its
/// correction shows it; one that was extended was shorter before.
///
/// # Errors
/// When the database fails.
pub fn lots_known_at(
    conn: &mut DbConnection,
    ids: &[LotId],
    moment: &Moment,
) -> Result<BTreeMap<LotId, Lot>, DbError> {
    let mut lots = find_lots(conn, ids)?;
    if moment.is_now {
        return Ok(lots);
    }
    let makers: BTreeSet<MakersLotId> =
        lots.values().map(|lot| lot.makers_lot.id.clone()).collect();
    let makers: Vec<MakersLotId> = makers.into_iter().collect();
    let mut before: BTreeMap<MakersLotId, Expiry> = BTreeMap::new();
    for makers in makers.chunks(1_000) {
        let rows: Vec<(MakersLotId, LabelChange, Instant, String)> = makers_lot_event::table
            .filter(makers_lot_event::makers_lot_id.eq_any(makers))
            .filter(makers_lot_event::recorded_at.gt(moment.horizon()))
            .select((
                makers_lot_event::makers_lot_id,
                makers_lot_event::kind,
                makers_lot_event::recorded_at,
                makers_lot_event::label_before,
            ))
            .order((makers_lot_event::makers_lot_id, makers_lot_event::seq))
            .load(conn)?;
        for (makers, kind, recorded_at, label) in rows {
            let is_later = match kind {
                LabelChange::ExpiryExtended => true,
                LabelChange::Correction | LabelChange::ExpiryCorrected => {
                    moment.known().is_some_and(|known| recorded_at > known)
                }
            };
            let expiry = Label::from_json(&label)
                .and_then(|label| Expiry::from_columns(&label.expiry, label.expires_on));
            // The first that came later tells what was there before all of them.
            if let Some(expiry) = expiry.filter(|_| is_later) {
                before.entry(makers).or_insert(expiry);
            }
        }
    }
    for lot in lots.values_mut() {
        lot.forget_after(moment);
        if let Some(expiry) = before.get(&lot.makers_lot.id) {
            lot.makers_lot.expiry = *expiry;
        }
    }
    Ok(lots)
}

/// The lots to which the stock of a lot went by corrections, the first in front.
///
/// # Errors
/// When the database fails.
pub fn went_to(conn: &mut DbConnection, id: &LotId) -> Result<Vec<LotId>, DbError> {
    let mut lots = Vec::new();
    let mut now = id.clone();
    while lots.len() < STORY_MAX {
        let (makers, key): (MakersLotId, String) =
            lot::table.find(&now).select((lot::makers_lot_id, lot::provenance_key)).first(conn)?;
        let target: Option<Option<MakersLotId>> = makers_lot_event::table
            .filter(makers_lot_event::makers_lot_id.eq(&makers))
            .filter(makers_lot_event::kind.eq(LabelChange::Correction))
            .order(makers_lot_event::seq.desc())
            .select(makers_lot_event::corrected_to)
            .first(conn)
            .optional()?;
        let Some(target) = target.flatten() else { break };
        let next: Option<LotId> = lot::table
            .filter(lot::makers_lot_id.eq(&target))
            .filter(lot::provenance_key.eq(&key))
            .select(lot::id)
            .first(conn)
            .optional()?;
        match next {
            Some(next) if next != *id && !lots.contains(&next) => {
                now = next.clone();
                lots.push(next);
            }
            Some(_) | None => break,
        }
    }
    Ok(lots)
}

/// What a lot was said to cost before, the first in front.
///
/// # Errors
/// When the database fails.
pub fn costs_of(conn: &mut DbConnection, id: &LotId) -> Result<Vec<CostEvent>, DbError> {
    let rows: Vec<CostEventRow> = lot_cost_event::table
        .filter(lot_cost_event::lot_id.eq(id))
        .select(CostEventRow::as_select())
        .order(lot_cost_event::seq)
        .load(conn)?;
    Ok(rows.into_iter().map(CostEvent::from).collect())
}

/// The ids of the documents of a kind that were promised some lots, and of the dispatches whose
/// lorries carry them.
///
/// # Errors
/// When the database fails.
pub fn documents_holding(
    conn: &mut DbConnection,
    document_kind: &str,
    lots: &[LotId],
) -> Result<BTreeSet<String>, DbError> {
    let promised: Vec<String> = reservation::table
        .filter(reservation::document_kind.eq(document_kind))
        .filter(reservation::lot_id.eq_any(lots))
        .select(reservation::document_id)
        .distinct()
        .order(reservation::document_id)
        .load(conn)?;
    let carried: Vec<String> = transit_balance::table
        .filter(transit_balance::lot_id.eq_any(lots))
        .filter(transit_balance::on_hand.gt(crate::kernel::Quantity::ZERO))
        .select(transit_balance::dispatch_id)
        .distinct()
        .order(transit_balance::dispatch_id)
        .load(conn)?;
    Ok(promised.into_iter().chain(carried).collect())
}

/// The maker's lots whose label is not what their last correction in place says, with both.
///
/// # Errors
/// When the database fails.
pub fn labels_that_differ(
    conn: &mut DbConnection,
) -> Result<Vec<(MakersLotId, String, String)>, DbError> {
    let corrected: Vec<MakersLotId> = makers_lot_event::table
        .select(makers_lot_event::makers_lot_id)
        .distinct()
        .order(makers_lot_event::makers_lot_id)
        .load(conn)?;
    let mut differ = Vec::new();
    for id in corrected {
        let in_place = events_of(conn, &id)?
            .into_iter()
            .rev()
            .find(|event| event.kind != LabelChange::Correction);
        let Some(event) = in_place else { continue };
        let found = queries::makers_lot(conn, &id)?
            .map_or_else(|| "none".to_owned(), |lot| Label::from(&lot).to_json());
        let expected = event.after.to_json();
        if expected != found {
            differ.push((id, expected, found));
        }
    }
    Ok(differ)
}
