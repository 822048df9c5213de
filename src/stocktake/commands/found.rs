//! Goods that the book of the store does not know: what their label says, and the lot under which
//! they are taken up.

use crate::catalogue::Item;
use crate::command::{CommandError, Tx};
use crate::kernel::id::{LotId, MakersLotId};
use crate::kernel::time::parse_date;
use crate::kernel::{Code, FaultCode, Faults, LotNumber, Quantity, Refusal};
use crate::stock::records::{find_or_insert_lot, insert_makers_lot, lock_makers_lot_named};
use crate::stock::{Expiry, MakersLot, Outside, Provenance};
use crate::stocktake::outcome::Evaluated;
use crate::stocktake::queries::{KnownLabel, labels};
use crate::stocktake::requests::CountBody;
use crate::stocktake::sheet::{Label, Stocktake};

/// What the label of goods says that this store's sheet does not have: as the county's book knows
/// it, or as it is told.
///
/// # Errors
/// `lot_conflict` where it is told otherwise than the book knows it.
pub(super) fn label(
    tx: &mut Tx<'_>,
    body: &CountBody,
    item: &Item,
    number: &LotNumber,
    maker: Option<String>,
    pointer: &str,
    faults: &mut Faults,
) -> Result<Option<Label>, CommandError> {
    let mut date = |field: &str, given: &Option<String>| match given {
        None => Some(None),
        Some(text) => {
            let read = parse_date(text).ok_or(FaultCode::NotADate);
            faults.keep(format!("{pointer}/{field}"), read).map(Some)
        }
    };
    let expires_on = date("expires_on", &body.expires_on);
    let manufactured_on = date("manufactured_on", &body.manufactured_on);
    let (Some(expires_on), Some(manufactured_on)) = (expires_on, manufactured_on) else {
        return Ok(None);
    };
    let told = match (expires_on, body.no_expiry, body.expiry_unknown) {
        (Some(day), false, false) => Some(Expiry::Dated(day)),
        (None, true, false) => Some(Expiry::None),
        (None, false, true) => Some(Expiry::Unknown),
        (None, false, false) => None,
        _ => {
            faults.add(format!("{pointer}/expires_on"), FaultCode::Contradicts);
            return Ok(None);
        }
    };
    let known: Vec<KnownLabel> = labels(tx.conn, &item.code, number)?
        .into_iter()
        .filter(|known| maker.as_ref().is_none_or(|maker| *maker == known.maker))
        .collect();
    if let [known] = known.as_slice() {
        let expiry =
            Expiry::from_columns(&known.expiry, known.expires_on).unwrap_or(Expiry::Unknown);
        if told.is_some_and(|told| told != expiry) {
            return Err(conflict(number, known, pointer).into());
        }
        return Ok(Some(Label {
            lot_number: number.clone(),
            maker: known.maker.clone(),
            manufactured_on: known.manufactured_on,
            expiry,
        }));
    }
    let expiry = faults.keep(format!("{pointer}/expires_on"), told.ok_or(FaultCode::Required));
    Ok(expiry.map(|expiry| Label {
        lot_number: number.clone(),
        maker: maker.unwrap_or_default(),
        manufactured_on,
        expiry,
    }))
}

fn conflict(number: &LotNumber, known: &KnownLabel, pointer: &str) -> Refusal {
    let held = known.expires_on.map_or_else(|| known.expiry.clone(), |day| day.to_string());
    Refusal::new(
        Code::LotConflict,
        format!("账面上批号 {number} 的效期为 {held}"),
        format!("The book holds lot number {number} with the expiry {held}"),
    )
    .with("makers_lot_id", known.id.as_str())
    .with("expiry", known.expiry.as_str())
    .with("expires_on", known.expires_on.map(|day| day.to_string()))
    .at(format!("{pointer}/expires_on"), FaultCode::Contradicts)
}

/// The lot under which found goods are taken up: nobody knows where they come from.
///
/// # Errors
/// `lot_conflict` where the book has come to know the label with another expiry.
pub(super) fn found_lot(
    tx: &mut Tx<'_>,
    stocktake: &Stocktake,
    line: &Evaluated,
    label: &Label,
) -> Result<LotId, CommandError> {
    let new = MakersLot {
        id: MakersLotId::generate(),
        item_code: line.line.item_code.clone(),
        lot_number: label.lot_number.clone(),
        maker: label.maker.clone(),
        is_house_number: false,
        manufactured_on: label.manufactured_on,
        expiry: label.expiry,
        recalled_at: None,
        recall_reason: None,
        version: 1,
        created_at: tx.now,
    };
    insert_makers_lot(tx.conn, &new)?;
    let makers =
        lock_makers_lot_named(tx.conn, &new.item_code, &new.lot_number, &new.maker)?.unwrap_or(new);
    if makers.expiry != label.expiry {
        let number = line.line.line_no;
        return Err(Refusal::new(
            Code::LotConflict,
            format!("第 {number} 行批号 {} 与账面效期不符", makers.lot_number),
            format!("Line {number}: the book holds lot {} with another expiry", makers.lot_number),
        )
        .with("line", number)
        .with("expires_on", makers.expiry.date().map(|day| day.to_string()))
        .into());
    }
    let provenance = Provenance {
        owner_code: None,
        source_kind: Outside::CountDifference,
        source_name: None,
        fund_source: None,
        donor: None,
        earmarked_for: None,
        unit_cost: None,
        cost_is_estimated: false,
        pack_units: Quantity::new(1).unwrap_or(Quantity::ZERO),
    };
    let document = stocktake.id.as_str();
    Ok(find_or_insert_lot(tx.conn, &makers, &provenance, document, tx.now)?)
}
