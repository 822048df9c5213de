//! Issues that have happened already: booked as far as the book can follow, never refused.
//!
//! Neither floors nor limits refuse them. What they took from below a floor is a draw-down all the
//! same; where the slip names no authority, one that nobody stated stands there and its paperwork
//! is due.

use crate::authority::Authority;
use crate::authority::commands::act_on;
use crate::catalogue::Item;
use crate::catalogue::packs::InPacks;
use crate::command::{CommandError, Done, Tx};
use crate::draw_down::commands::{Taking, take};
use crate::draw_down::views::DrawDownView;
use crate::issue::commands::{Asked, paper_of, posted};
use crate::issue::rules::Wanted;
use crate::issue::views::{IssueDetail, IssueLineView, TakenLotView};
use crate::kernel::id::StockDocumentId;
use crate::kernel::{ItemCode, Quantity};
use crate::stock::commands::Paper;
use crate::stock::commands::fact::{self, Decided, DecidedLine, FactLine};
use crate::stock::document::{DocumentKind, StockDocument};
use crate::stock::movement::MovementKind;
use crate::stock::views::CutView;
use std::collections::BTreeMap;

/// Posts an issue that has happened already.
///
/// # Errors
/// Failures of the database.
pub fn post(tx: &mut Tx<'_>, asked: Asked) -> Result<Done, CommandError> {
    let slip = asked.slip.unwrap_or_default();
    let lines = asked.lines.into_iter().map(line_of).collect();
    let decided = fact::decide(tx, &asked.store, asked.occurred_at, lines)?;
    let movements = decided.movements(MovementKind::Issue, &asked.store, asked.purpose);
    let detail = IssueDetail {
        purpose: asked.purpose,
        consumer: asked.consumer,
        authority: asked.authority,
        slip_number: Some(slip.clone()),
        note: asked.note,
        lines: decided.lines.iter().map(|line| view_of(line, &decided, &asked.items)).collect(),
    };
    let paper = Paper {
        kind: DocumentKind::Issue,
        id: StockDocumentId::generate(),
        store: asked.store,
        occurred_at: asked.occurred_at,
        slip: Some(slip.clone()),
    };
    let (document, movements) = fact::post_fact(tx, paper, &decided, movements, &detail)?;
    let authority = detail
        .authority
        .clone()
        .unwrap_or_else(|| Authority::unstated(&slip, &tx.actor.name, document.occurred_at));
    let draw_downs = draw_down(tx, &document, &decided, &authority)?;
    if detail.authority.is_some() || !draw_downs.is_empty() {
        act_on(tx, paper_of(&document), &authority)?;
    }
    Ok(posted(document, detail, draw_downs, movements))
}

fn line_of(wanted: Wanted) -> FactLine {
    FactLine {
        line_no: wanted.line_no,
        item_code: wanted.item_code,
        quantity: wanted.quantity,
        only: wanted.only,
        state: None,
        named_lot: wanted.named_lot,
        purpose: wanted.purpose,
        owner: wanted.owner,
        reason_code: None,
        note: None,
    }
}

fn view_of(
    decided: &DecidedLine,
    all: &Decided,
    items: &BTreeMap<ItemCode, Item>,
) -> IssueLineView {
    let DecidedLine { line, taking, .. } = decided;
    let lots = taking.drawn.iter().filter_map(|drawn| {
        let lot = &all.past.balances.iter().find(|balance| balance.lot.id == drawn.lot_id)?.lot;
        Some(TakenLotView {
            lot_id: drawn.lot_id.clone(),
            lot_number: lot.makers_lot.lot_number.clone(),
            expires_on: lot.makers_lot.expiry.date(),
            quantity: drawn.quantity,
            although: drawn.although,
        })
    });
    IssueLineView {
        line: line.line_no,
        item_code: line.item_code.clone(),
        quantity: line.quantity,
        in_packs: items
            .get(&line.item_code)
            .and_then(Item::largest_pack)
            .map(|pack| InPacks::of(line.quantity, pack)),
        lots: lots.collect(),
        passed_over: Vec::new(),
        unmatched: Some(taking.unmatched).filter(|unmatched| !unmatched.is_zero()),
        cuts: taking.cuts.iter().map(CutView::from).collect(),
    }
}

/// Records what of the fact was reserve: of the stock that a request would have got, since what
/// was promised is counted where it was promised.
fn draw_down(
    tx: &mut Tx<'_>,
    document: &StockDocument,
    decided: &Decided,
    authority: &Authority,
) -> Result<Vec<DrawDownView>, CommandError> {
    let mut taken: BTreeMap<&ItemCode, Quantity> = BTreeMap::new();
    for line in &decided.lines {
        let sum = taken.entry(&line.line.item_code).or_insert(Quantity::ZERO);
        *sum = sum.plus_capped(decided.from_available(line));
    }
    let day = tx.settings.zone.day_of(document.occurred_at);
    let today = tx.settings.zone.day_of(tx.now);
    let mut views = Vec::new();
    for (item, units) in taken.into_iter().filter(|(_, units)| !units.is_zero()) {
        let of_item = decided
            .past
            .balances
            .iter()
            .filter(|balance| balance.lot.makers_lot.item_code == *item);
        let before = Quantity::total(of_item.map(|balance| balance.available(day)));
        let recorded = take(
            tx,
            &Taking {
                store: &document.store_code,
                item,
                taken: units,
                after: before.minus_or_zero(units),
                authority: Some(authority),
                document_kind: document.kind.as_str(),
                document_id: document.id.as_str(),
                document_number: &document.number,
            },
        )?;
        views.extend(recorded.map(|taken| DrawDownView::of(&taken, today)));
    }
    Ok(views)
}
