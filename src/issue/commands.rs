//! Issuing stock.

mod facts;

use crate::authority::commands::act_on;
use crate::authority::paperwork::DocumentRef;
use crate::authority::rules::within_limit;
use crate::authority::{Authority, AuthorityRequest};
use crate::catalogue::Item;
use crate::catalogue::packs::{EnteredQuantity, InPacks};
use crate::command::{CommandError, Done, Subject, Tx};
use crate::draw_down::commands::{Taking, take};
use crate::draw_down::views::DrawDownView;
use crate::issue::requests::{ConsumerBody, IssueRequest, purpose};
use crate::issue::rules::{Served, Wanted, require_authority_if_large, serve};
use crate::issue::views::{
    ConsumerView, IssueDetail, IssueLineView, IssueView, PassedOverView, TakenLotView,
};
use crate::kernel::id::{LotId, StockDocumentId};
use crate::kernel::{FaultCode, Faults, Instant, ItemCode, LotNumber, Quantity, StoreCode};
use crate::stock::account::{Account, Outside, StockState};
use crate::stock::balance::LotBalance;
use crate::stock::commands::past::Past;
use crate::stock::commands::post_document;
use crate::stock::document::{DocumentKind, StockDocument};
use crate::stock::movement::{MovementKind, NewMovement};
use crate::stock::records;
use crate::stock::requests::{
    check_line_count, head, item_of, items_named, lot_id, optional_text, slip,
};
use crate::stock::views::{DocumentHead, MovementView};
use chrono::NaiveDate;
use std::collections::BTreeMap;

/// Takes stock out of a store, first expired first, and names the lots passed over.
///
/// Stock below its floor is taken as a recorded draw-down on an authority only. What has happened
/// already is not refused: see `facts.rs`.
///
/// # Errors
/// `validation_failed` with every fault, `store_out_of_scope`, `insufficient_stock` with the true
/// remainder, `lot_blocked` for a named lot, `floor_crossed`, `authority_required` for large
/// issues, `emergency_limit` on a spoken word without the right to act on it, `late_entry`.
pub fn post_issue(tx: &mut Tx<'_>, request: &IssueRequest) -> Result<Done, CommandError> {
    let asked = parse(tx, request)?;
    if asked.slip.is_some() {
        return facts::post(tx, asked);
    }
    check_word(tx, &asked.lines, asked.authority.as_ref())?;
    let Asked { store, occurred_at, purpose, items, lines, .. } = asked;
    let day = tx.settings.zone.day_of(occurred_at);
    let codes: Vec<ItemCode> = items.keys().cloned().collect();
    let past = Past::lock(tx, &store, &codes, occurred_at)?;
    let served = serve(past.as_found(), lines, day)?;
    let movements = movements(&store, purpose, &served);
    let detail = IssueDetail {
        purpose,
        consumer: asked.consumer,
        authority: asked.authority,
        slip_number: None,
        note: asked.note,
        lines: served.iter().map(|line| line_view(line, &past.balances, &items)).collect(),
    };
    let (document, movements) = post_document(
        tx,
        DocumentKind::Issue,
        StockDocumentId::generate(),
        &store,
        occurred_at,
        movements,
        &detail,
    )?;
    let draw_downs = draw_down(tx, &document, &served, &past, day, detail.authority.as_ref())?;
    if let Some(authority) = &detail.authority {
        act_on(tx, paper_of(&document), authority)?;
    }
    Ok(posted(document, detail, draw_downs, movements))
}

fn posted(
    document: StockDocument,
    detail: IssueDetail,
    draw_downs: Vec<DrawDownView>,
    movements: Vec<MovementView>,
) -> Done {
    let view = IssueView { head: DocumentHead::from(&document), detail, draw_downs, movements };
    let subject = Subject {
        kind: "issue",
        id: document.id.to_string(),
        store: Some(document.store_code.clone()),
    };
    Done::created(subject, &view)
        .version(document.version)
        .located(format!("/issues/{}", document.id))
}

/// An issue that makes sense.
struct Asked {
    store: StoreCode,
    occurred_at: Instant,
    purpose: Outside,
    consumer: Option<ConsumerView>,
    authority: Option<Authority>,
    slip: Option<String>,
    note: Option<String>,
    items: BTreeMap<ItemCode, Item>,
    lines: Vec<Wanted>,
}

fn parse(tx: &mut Tx<'_>, request: &IssueRequest) -> Result<Asked, CommandError> {
    let mut faults = Faults::new();
    let head = head(tx, &request.store_code, request.occurred_at.as_deref(), &mut faults)?;
    let purpose = purpose(&request.purpose).ok_or(FaultCode::NotInList);
    let purpose = faults.keep("/purpose", purpose);
    let latest = tx.now.plus_minutes(tx.settings.future_minutes);
    let authority = request
        .authority
        .as_ref()
        .and_then(|given: &AuthorityRequest| given.parse("/authority", latest, &mut faults));
    let consumer = request.consumer.as_ref().map(|given| consumer(given, &mut faults));
    let note = optional_text::<1000>(request.note.as_ref(), "/note", &mut faults);
    let slip = slip(request.after_the_fact, request.slip_number.as_ref(), &mut faults);
    let codes = request.lines.iter().map(|line| line.item_code.as_str());
    let items = items_named(tx, codes)?;
    let lines = wanted(tx, request, &items, &mut faults)?;
    let (head, purpose) = faults.finish(head.zip(purpose))?;
    let (store, occurred_at) = (head.store.code, head.occurred_at);
    Ok(Asked { store, occurred_at, purpose, consumer, authority, slip, note, items, lines })
}

fn wanted(
    tx: &mut Tx<'_>,
    request: &IssueRequest,
    items: &BTreeMap<ItemCode, Item>,
    faults: &mut Faults,
) -> Result<Vec<Wanted>, CommandError> {
    check_line_count(request.lines.len(), faults);
    let mut lines = Vec::with_capacity(request.lines.len());
    for (at, line) in request.lines.iter().enumerate() {
        let pointer = format!("/lines/{at}");
        let Some(item) = item_of(items, &line.item_code, &pointer, faults) else { continue };
        let entered = EnteredQuantity {
            quantity: line.quantity,
            pack_code: line.pack_code.clone(),
            packs: line.packs,
            loose: line.loose,
        };
        let quantity = entered.to_units(item, &pointer, faults);
        let mut text = |field: &str, given: &Option<String>| {
            optional_text::<120>(given.as_ref(), format!("{pointer}/{field}"), faults)
        };
        let purpose = text("earmarked_for", &line.earmarked_for);
        let owner = text("owner_code", &line.owner_code);
        let by_id = line
            .lot_id
            .as_ref()
            .and_then(|id| lot_id(id, format!("{pointer}/lot_id"), faults))
            .map(|id| vec![id]);
        let by_number = match &line.lot_number {
            None => None,
            Some(number) => {
                let may_be_unknown = request.after_the_fact;
                numbered(tx, item, number, may_be_unknown, &pointer, faults)?
            }
        };
        if line.lot_id.is_some() && line.lot_number.is_some() {
            faults.add(format!("{pointer}/lot_number"), FaultCode::Contradicts);
        }
        if let Some(quantity) = quantity {
            lines.push(Wanted {
                line_no: i64::try_from(at + 1).unwrap_or(i64::MAX),
                item_code: item.code.clone(),
                quantity,
                named_lot: line
                    .lot_number
                    .clone()
                    .filter(|_| by_number.as_ref().is_some_and(Vec::is_empty)),
                only: by_id.or(by_number.filter(|lots| !lots.is_empty())),
                purpose,
                owner,
            });
        }
    }
    if request.after_the_fact {
        check_named(tx, &lines, faults)?;
    }
    Ok(lines)
}

/// A fact may have to be carried by the lot that it names, so the book must know that lot.
fn check_named(tx: &mut Tx<'_>, lines: &[Wanted], faults: &mut Faults) -> Result<(), CommandError> {
    let named: Vec<LotId> = lines.iter().filter_map(|line| line.only.clone()).flatten().collect();
    let known = records::find_lots(tx.conn, &named)?;
    for line in lines {
        let pointer = format!("/lines/{}/lot_id", line.line_no.saturating_sub(1));
        for lot in line.only.iter().flatten() {
            match known.get(lot) {
                None => faults.add(&*pointer, FaultCode::Unknown),
                Some(lot) if lot.makers_lot.item_code != line.item_code => {
                    faults.add(&*pointer, FaultCode::Contradicts);
                }
                Some(_) => {}
            }
        }
    }
    Ok(())
}

fn numbered(
    tx: &mut Tx<'_>,
    item: &Item,
    number: &str,
    may_be_unknown: bool,
    pointer: &str,
    faults: &mut Faults,
) -> Result<Option<Vec<LotId>>, CommandError> {
    let at = format!("{pointer}/lot_number");
    let Some(number) = faults.keep(&*at, LotNumber::new(number)) else { return Ok(None) };
    let lots = records::lots_numbered(tx.conn, &item.code, &number)?;
    // A fact may name what the book does not know yet: its receipt is late.
    if lots.is_empty() && !may_be_unknown {
        faults.add(at, FaultCode::Unknown);
    }
    Ok(Some(lots.into_iter().map(|lot| lot.id).collect()))
}

fn consumer(given: &ConsumerBody, faults: &mut Faults) -> ConsumerView {
    let mut text = |field: &str, given: &Option<String>| {
        optional_text::<120>(given.as_ref(), format!("/consumer/{field}"), faults)
    };
    ConsumerView {
        kind: text("kind", &given.kind),
        code: text("code", &given.code),
        name: text("name", &given.name),
        received_by: text("received_by", &given.received_by),
    }
}

/// A large issue names an authority; a spoken one is for those with `emergency_release`.
fn check_word(
    tx: &Tx<'_>,
    lines: &[Wanted],
    authority: Option<&Authority>,
) -> Result<(), CommandError> {
    let large = tx.settings.large_issue_units;
    require_authority_if_large(lines, large, authority.is_some())?;
    if authority.is_some_and(Authority::is_spoken) {
        let asked: Vec<(i64, Quantity)> =
            lines.iter().map(|line| (line.line_no, line.quantity)).collect();
        within_limit(tx.actor.emergency_release_limit, &asked)?;
    }
    Ok(())
}

fn movements(store: &StoreCode, purpose: Outside, served: &[Served]) -> Vec<NewMovement> {
    let taken = served.iter().flat_map(|line| {
        line.pick.taken.iter().map(|taken| {
            NewMovement::new(
                MovementKind::Issue,
                store,
                &line.wanted.item_code,
                &taken.lot_id,
                taken.quantity,
                Account::Store(store.clone(), StockState::Available),
                Account::Outside(purpose),
                line.wanted.line_no,
            )
        })
    });
    taken.collect()
}

fn line_view(
    line: &Served,
    balances: &[LotBalance],
    items: &BTreeMap<ItemCode, Item>,
) -> IssueLineView {
    let lots = line.pick.taken.iter().filter_map(|taken| {
        let lot = &balances.iter().find(|balance| balance.lot.id == taken.lot_id)?.lot.makers_lot;
        Some(TakenLotView {
            lot_id: taken.lot_id.clone(),
            lot_number: lot.lot_number.clone(),
            expires_on: lot.expiry.date(),
            quantity: taken.quantity,
            although: None,
        })
    });
    let passed_over = line.pick.passed_over.iter().map(|lot| PassedOverView {
        lot_id: lot.lot_id.clone(),
        lot_number: lot.lot_number.clone(),
        quantity: lot.quantity,
        reason: lot.reason,
    });
    let wanted = &line.wanted;
    IssueLineView {
        line: wanted.line_no,
        item_code: wanted.item_code.clone(),
        quantity: wanted.quantity,
        in_packs: items
            .get(&wanted.item_code)
            .and_then(Item::largest_pack)
            .map(|pack| InPacks::of(wanted.quantity, pack)),
        lots: lots.collect(),
        passed_over: passed_over.collect(),
        unmatched: None,
        cuts: Vec::new(),
    }
}

/// Holds what was taken of each item against the floor of the plan in force.
fn draw_down(
    tx: &mut Tx<'_>,
    document: &StockDocument,
    served: &[Served],
    past: &Past,
    day: NaiveDate,
    authority: Option<&Authority>,
) -> Result<Vec<DrawDownView>, CommandError> {
    let mut taken: BTreeMap<&ItemCode, Quantity> = BTreeMap::new();
    for line in served {
        let sum = taken.entry(&line.wanted.item_code).or_insert(Quantity::ZERO);
        for lot in &line.pick.taken {
            // What was counted since is there as before.
            if !past.is_absorbed(&lot.lot_id, StockState::Available) {
                *sum = sum.plus_capped(lot.quantity);
            }
        }
    }
    let today = tx.settings.zone.day_of(tx.now);
    let mut views = Vec::new();
    for (item, units) in taken.into_iter().filter(|(_, units)| !units.is_zero()) {
        let of_item =
            past.balances.iter().filter(|balance| balance.lot.makers_lot.item_code == *item);
        let before = Quantity::total(of_item.map(|balance| balance.available(day)));
        let recorded = take(
            tx,
            &Taking {
                store: &document.store_code,
                item,
                taken: units,
                after: before.minus_or_zero(units),
                authority,
                document_kind: document.kind.as_str(),
                document_id: document.id.as_str(),
                document_number: &document.number,
            },
        )?;
        views.extend(recorded.map(|taken| DrawDownView::of(&taken, today)));
    }
    Ok(views)
}

fn paper_of(document: &StockDocument) -> DocumentRef {
    DocumentRef {
        kind: document.kind.as_str().to_owned(),
        id: document.id.to_string(),
        number: Some(document.number.clone()),
        store: Some(document.store_code.clone()),
        other_store: None,
    }
}
