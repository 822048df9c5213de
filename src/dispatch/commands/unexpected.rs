//! Goods that came and are not on the papers: the lot under which the book takes them up.

use crate::catalogue::records as catalogue;
use crate::command::{CommandError, Tx};
use crate::dispatch::order::Order;
use crate::dispatch::requests::Unexpected;
use crate::kernel::id::{LotId, MakersLotId};
use crate::kernel::{Code, FaultCode, Quantity, Refusal};
use crate::stock::records as stock;
use crate::stock::{MakersLot, Outside, Provenance};

/// The lot of unexpected goods, made where the book does not know it yet.
///
/// Nobody knows where they come from, so their provenance is the count difference.
///
/// # Errors
/// `validation_failed` for an unknown item, `lot_conflict` where the book holds the lot number
/// with another expiry.
pub fn lot_of(
    tx: &mut Tx<'_>,
    order: &Order,
    at: usize,
    extra: &Unexpected,
) -> Result<LotId, CommandError> {
    if catalogue::find(tx.conn, &extra.item_code)?.is_none() {
        return Err(
            Refusal::fault(format!("/unexpected/{at}/item_code"), FaultCode::Unknown).into()
        );
    }
    let makers = makers_lot(tx, at, extra)?;
    let provenance = Provenance {
        owner_code: None,
        source_kind: Outside::CountDifference,
        source_name: None,
        fund_source: None,
        donor: None,
        earmarked_for: None,
        unit_cost: None,
        cost_is_estimated: false,
        // What came loose was counted piece by piece.
        pack_units: Quantity::new(1).unwrap_or(Quantity::ZERO),
    };
    Ok(stock::find_or_insert_lot(tx.conn, &makers, &provenance, order.id.as_str(), tx.now)?)
}

fn makers_lot(tx: &mut Tx<'_>, at: usize, extra: &Unexpected) -> Result<MakersLot, CommandError> {
    let new = MakersLot {
        id: MakersLotId::generate(),
        item_code: extra.item_code.clone(),
        lot_number: extra.lot_number.clone(),
        maker: extra.maker.clone(),
        is_house_number: false,
        manufactured_on: extra.manufactured_on,
        expiry: extra.expiry,
        recalled_at: None,
        recall_reason: None,
        version: 1,
        created_at: tx.now,
    };
    stock::insert_makers_lot(tx.conn, &new)?;
    let known =
        stock::lock_makers_lot_named(tx.conn, &extra.item_code, &extra.lot_number, &extra.maker)?
            .unwrap_or(new);
    if known.expiry == extra.expiry {
        return Ok(known);
    }
    let held =
        known.expiry.date().map_or_else(|| known.expiry.kind().to_owned(), |d| d.to_string());
    Err(Refusal::new(
        Code::LotConflict,
        format!("账面上批号 {} 的效期为 {held}", known.lot_number),
        format!("The book holds lot number {} with the expiry {held}", known.lot_number),
    )
    .with("lot_number", known.lot_number.as_str())
    .with("expiry", known.expiry.kind())
    .with("expires_on", known.expiry.date().map(|day| day.to_string()))
    .at(format!("/unexpected/{at}/expires_on"), FaultCode::Contradicts)
    .into())
}
