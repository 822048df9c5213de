//! Recalls (召回): a maker's lot is blocked in all stores at once.

use crate::command::{CommandError, Done, Subject, Tx};
use crate::kernel::id::MakersLotId;
use crate::kernel::{Code, Faults, Refusal, Text};
use crate::stock::lot::MakersLot;
use crate::stock::requests::RecallRequest;
use crate::stock::views::{InTransitView, MakersLotView, RecallView, WhereView};
use crate::stock::{queries, records};

/// Recalls a maker's lot. What is promised stays promised, but shipping it will be refused.
///
/// # Errors
/// `not_found`, `stale_version`, `validation_failed`, `wrong_status` when it is recalled already.
pub fn recall(
    tx: &mut Tx<'_>,
    id: &MakersLotId,
    request: &RecallRequest,
) -> Result<Done, CommandError> {
    let mut faults = Faults::new();
    let reason = faults.keep("/reason", Text::<200>::new(&request.reason));
    let reason = faults.finish(reason)?;
    let lot = records::lock_makers_lot(tx.conn, id)?
        .ok_or_else(|| Refusal::not_found("批号", "maker's lot", id.as_str()))?;
    tx.expect_version(lot.version)?;
    if lot.recalled_at.is_some() {
        let text = ("该批号已召回", "This maker's lot is recalled already");
        return Err(Refusal::new(Code::WrongStatus, text.0, text.1).into());
    }
    let recalled = MakersLot {
        recalled_at: Some(tx.now),
        recall_reason: Some(reason.into()),
        version: lot.version + 1,
        ..lot
    };
    records::store_recall(tx.conn, &recalled)?;
    let scope = &tx.actor.scope;
    let balances = records::balances_of_makers_lot(tx.conn, scope, id)?;
    let on_way = queries::in_transit(tx.conn, scope, None, Some(&recalled.item_code), None)?;
    let lots = queries::lots_of_makers_lot(tx.conn, id)?;
    let view = RecallView {
        makers_lot: MakersLotView::from(&recalled),
        stock: balances.iter().map(WhereView::from).collect(),
        in_transit: on_way
            .into_iter()
            .filter(|row| lots.contains(&row.lot_id))
            .map(InTransitView::from)
            .collect(),
    };
    let subject = Subject { kind: "makers_lot", id: id.to_string(), store: None };
    Ok(Done::ok(subject, &view).version(recalled.version))
}
