//! A sheet with its counts held against the book, loaded on one snapshot or under its locks.

use crate::db::{DbConnection, DbError};
use crate::kernel::id::LotId;
use crate::kernel::{ItemCode, LotNumber};
use crate::stock::records::find_lots;
use crate::stock::{Lot, StockState};
use crate::stocktake::outcome::{Evaluated, Known, evaluate};
use crate::stocktake::queries::{books, lots_at};
use crate::stocktake::records::{self, LineFilter};
use crate::stocktake::sheet::{Goods, SheetLine, Stocktake};
use crate::stocktake::variance::Books;
use std::collections::{BTreeMap, BTreeSet};

/// Lines of a sheet with everything that tells what they come to.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The lines, in the order of the sheet.
    pub lines: Vec<Evaluated>,
    /// The book since the sheet was made.
    pub books: Books,
    /// The lots of the lines that have one.
    pub lots: BTreeMap<LotId, Lot>,
}

/// Loads lines of a stocktake.
///
/// # Errors
/// When the database fails.
pub fn load(
    conn: &mut DbConnection,
    stocktake: &Stocktake,
    filter: &LineFilter,
) -> Result<Loaded, DbError> {
    let lines = records::lines(conn, &stocktake.id, filter)?;
    let range = lines.first().zip(lines.last()).map(|(a, b)| (a.line_no, b.line_no));
    let entries = match range {
        Some(range) => records::counts(conn, &stocktake.id, Some(range))?,
        None => Vec::new(),
    };
    let whole = filter.items.is_none() && filter.limit.is_none();
    let items: Option<Vec<ItemCode>> = (!whole).then(|| items_of(&lines));
    let books = books(conn, &stocktake.store_code, items.as_deref(), stocktake.frozen())?;
    let candidates = candidates(conn, stocktake, &lines)?;
    let ids: BTreeSet<LotId> = lines
        .iter()
        .filter_map(|line| line.goods.lot().cloned())
        .chain(candidates.values().flatten().map(|(id, _)| id.clone()))
        .collect();
    let lots = find_lots(conn, &ids.into_iter().collect::<Vec<_>>())?;
    let known = known(&lines, &candidates, &lots);
    let lines = evaluate(lines, entries, &known, stocktake.rounds, &books);
    Ok(Loaded { lines, books, lots })
}

fn items_of(lines: &[SheetLine]) -> Vec<ItemCode> {
    let items: BTreeSet<&ItemCode> = lines.iter().map(|line| &line.item_code).collect();
    items.into_iter().cloned().collect()
}

type Candidates = BTreeMap<(ItemCode, LotNumber), Vec<(LotId, String)>>;

/// The lots that have come into the book under labels that it did not know.
fn candidates(
    conn: &mut DbConnection,
    stocktake: &Stocktake,
    lines: &[SheetLine],
) -> Result<Candidates, DbError> {
    let unknown: Vec<SheetLine> =
        lines.iter().filter(|line| matches!(line.goods, Goods::Unknown(_))).cloned().collect();
    if unknown.is_empty() {
        return Ok(Candidates::new());
    }
    lots_at(conn, &stocktake.store_code, &items_of(&unknown))
}

/// Under which lot the book knows the goods of each line.
///
/// Goods that were counted before they were booked have a label only; once their receipt is
/// entered, the line speaks of its lot.
fn known(
    lines: &[SheetLine],
    candidates: &Candidates,
    lots: &BTreeMap<LotId, Lot>,
) -> BTreeMap<i64, Known> {
    let on_lines: BTreeSet<(&LotId, StockState)> =
        lines.iter().filter_map(|line| Some((line.goods.lot()?, line.state))).collect();
    let as_known =
        |id: &LotId| Known::Lot(id.clone(), lots.get(id).and_then(|lot| lot.provenance.unit_cost));
    let of = |line: &SheetLine| match &line.goods {
        Goods::Lot(id) => as_known(id),
        Goods::Unknown(label) => {
            let key = (line.item_code.clone(), label.lot_number.clone());
            let same: Vec<&LotId> = candidates
                .get(&key)
                .into_iter()
                .flatten()
                .filter(|(_, maker)| label.maker.is_empty() || *maker == label.maker)
                .map(|(id, _)| id)
                .collect();
            match same.as_slice() {
                [] => Known::Nowhere,
                [one] if !on_lines.contains(&(*one, line.state)) => as_known(one),
                _ => Known::Several,
            }
        }
    };
    lines.iter().map(|line| (line.line_no, of(line))).collect()
}
