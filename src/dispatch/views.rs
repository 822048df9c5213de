//! What clients see of dispatches.

use crate::authority::{Authority, Paperwork, PaperworkState};
use crate::catalogue::item::Item;
use crate::catalogue::packs::InPacks;
use crate::dispatch::order::{DispatchStatus, Fate, Line, Order, Step, Urgency};
use crate::dispatch::papers::{Event, LineStep, Shipment, SignedPiece, Signing};
use crate::dispatch::records::LotLabel;
use crate::kernel::id::{
    AllocationId, DispatchId, DispatchReceiptId, LotId, MovementId, ShipmentId,
};
use crate::kernel::{Instant, ItemCode, LotNumber, Quantity, StoreCode};
use chrono::NaiveDate;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// What is needed beside the order to show it.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// What the labels of its lots say.
    pub labels: BTreeMap<LotId, LotLabel>,
    /// The items of its lines.
    pub items: BTreeMap<ItemCode, Item>,
    /// Who changed which numbers.
    pub steps: Vec<LineStep>,
    /// The paper that is due on it.
    pub paperwork: Vec<Paperwork>,
    /// The allocation that it comes from.
    pub allocation: Option<AllocationRef>,
}

/// The allocation that a dispatch comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AllocationRef {
    /// Its id.
    pub id: AllocationId,
    /// Its number.
    pub number: String,
}

/// A lot on a line: promised, shipped or both.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LineLotView {
    /// The lot.
    pub lot_id: LotId,
    /// The number on its label.
    pub lot_number: Option<LotNumber>,
    /// The last day on which it may be used.
    #[schema(value_type = Option<String>, format = Date)]
    pub expires_on: Option<NaiveDate>,
    /// The lot's item: another than the line's where a substitute was picked.
    pub item_code: ItemCode,
    /// Base units promised or shipped.
    pub quantity: Quantity,
    /// Of these, still promised in the sender's stock.
    pub reserved: Quantity,
    /// Of these, shipped.
    pub shipped: Quantity,
    /// Of these, still on the way.
    pub in_transit: Quantity,
}

/// Who set or added to a number of a line, when and why.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LineStepView {
    /// Which number.
    pub step: Step,
    /// Base units; below zero where a signing was reversed.
    pub quantity: i64,
    /// Who.
    pub by: String,
    /// When.
    pub at: Instant,
    /// Why, from the list of reasons.
    pub reason_code: Option<String>,
    /// Why, in words.
    pub note: Option<String>,
}

/// One item of a dispatch, in base units.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LineView {
    /// Its number on the paper.
    pub line: i64,
    /// What is asked for.
    pub item_code: ItemCode,
    /// The very lot, where it must be that one.
    pub lot_id: Option<LotId>,
    /// Asked for.
    pub requested: Quantity,
    /// The same in the item's largest pack and loose pieces.
    pub requested_in_packs: Option<InPacks>,
    /// Granted; `null` before the approval.
    pub approved: Option<Quantity>,
    /// Set aside in all; `null` before the picking.
    pub picked: Option<Quantity>,
    /// Left the sender.
    pub shipped: Quantity,
    /// Arrived in good order.
    pub received: Quantity,
    /// Arrived broken.
    pub damaged: Quantity,
    /// Lost on the way.
    pub lost: Quantity,
    /// Sent back.
    pub returned: Quantity,
    /// Arrived beyond the papers.
    pub over: Quantity,
    /// Promised and not yet shipped.
    pub reserved: Quantity,
    /// On the way.
    pub in_transit: Quantity,
    /// Asked for and neither there, nor on its way, nor promised: still open as a request.
    pub open_remainder: Quantity,
    /// Of what was open, asked for again in another dispatch.
    pub carried_over: Quantity,
    /// Its lots, those that expire first in front.
    pub lots: Vec<LineLotView>,
    /// Who set or added to its numbers, when and why.
    pub history: Vec<LineStepView>,
}

impl LineView {
    fn of(line: &Line, is_cancelled: bool, context: &Context) -> Self {
        let pack = context.items.get(&line.item_code).and_then(Item::largest_pack);
        let open = if is_cancelled { Quantity::ZERO } else { line.open_remainder() };
        Self {
            line: line.line,
            item_code: line.item_code.clone(),
            lot_id: line.lot_id.clone(),
            requested: line.requested,
            requested_in_packs: pack.map(|pack| InPacks::of(line.requested, pack)),
            approved: line.approved,
            picked: line.picked,
            shipped: line.shipped(),
            received: line.received(),
            damaged: line.damaged(),
            lost: line.lost(),
            returned: line.returned(),
            over: line.over(),
            reserved: line.reserved(),
            in_transit: line.in_transit(),
            open_remainder: open,
            carried_over: line.carried_over,
            lots: lots_of(line, context),
            history: context
                .steps
                .iter()
                .filter(|step| step.line == line.line)
                .map(|step| LineStepView {
                    step: step.step,
                    quantity: step.quantity,
                    by: step.actor.clone(),
                    at: step.at,
                    reason_code: step.reason_code.clone(),
                    note: step.note.clone(),
                })
                .collect(),
        }
    }
}

fn lots_of(line: &Line, context: &Context) -> Vec<LineLotView> {
    let mut lots: BTreeMap<LotId, LineLotView> = BTreeMap::new();
    let mut of = |lot_id: &LotId, item_code: &ItemCode, add: &dyn Fn(&mut LineLotView)| {
        let label = context.labels.get(lot_id);
        let view = lots.entry(lot_id.clone()).or_insert_with(|| LineLotView {
            lot_id: lot_id.clone(),
            lot_number: label.map(|label| label.lot_number.clone()),
            expires_on: label.and_then(|label| label.expires_on),
            item_code: item_code.clone(),
            quantity: Quantity::ZERO,
            reserved: Quantity::ZERO,
            shipped: Quantity::ZERO,
            in_transit: Quantity::ZERO,
        });
        add(view);
    };
    for lot in &line.reserved {
        of(&lot.lot_id, &lot.item_code, &|view| {
            view.reserved = view.reserved.plus_capped(lot.quantity);
            view.quantity = view.quantity.plus_capped(lot.quantity);
        });
    }
    for load in &line.loads {
        of(&load.lot_id, &load.item_code, &|view| {
            view.shipped = view.shipped.plus_capped(load.shipped);
            view.quantity = view.quantity.plus_capped(load.shipped);
            view.in_transit = view.in_transit.plus_capped(load.in_transit());
        });
    }
    let mut lots: Vec<LineLotView> = lots.into_values().collect();
    lots.sort_by_key(|lot| (lot.expires_on.is_none(), lot.expires_on));
    lots
}

/// A dispatch without its papers, as a list shows it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DispatchRow {
    /// Its id.
    pub id: DispatchId,
    /// Its number.
    pub number: String,
    /// How far it has come.
    pub status: DispatchStatus,
    /// The sender; `null` while nobody has decided on one.
    pub from_store: Option<StoreCode>,
    /// The receiver, or where the goods were redirected to.
    pub to_store: StoreCode,
    /// The day or instant by which it is needed, as it was given.
    pub needed_by: Option<String>,
    /// How pressing the need is.
    pub urgency: Urgency,
    /// Why it is needed.
    pub reason: Option<String>,
    /// The number of the order on paper.
    pub order_number: Option<String>,
    /// By whose word.
    pub authority: Option<Authority>,
    /// How the paper of a spoken word stands; `null` where none was due.
    pub paperwork: Option<PaperworkState>,
    /// When it is due, the earliest first.
    pub paperwork_due_at: Option<Instant>,
    /// What else there is to say.
    pub note: Option<String>,
    /// The dispatch whose open remainder it asks for again.
    pub follows: Option<DispatchId>,
    /// The allocation that decided it; `null` for one that people made themselves.
    pub allocation: Option<AllocationRef>,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: Instant,
    /// Who approved it.
    pub approved_by: Option<String>,
    /// When.
    pub approved_at: Option<Instant>,
    /// When the last lorry is expected.
    pub expected_at: Option<Instant>,
    /// What it moves.
    pub lines: Vec<LineView>,
    /// Base units on the way, over all lines.
    pub in_transit: Quantity,
    /// Whether something asked for is still open.
    pub open_remainder: bool,
    /// Counts the changes; the `ETag` is `"v<version>"`.
    pub version: i64,
}

impl DispatchRow {
    /// A dispatch as it stands at `now`.
    pub fn of(order: &Order, context: &Context, now: Instant) -> Self {
        let shown = shown_paperwork(&context.paperwork);
        let is_cancelled = order.status == DispatchStatus::Cancelled;
        Self {
            id: order.id.clone(),
            number: order.number.clone(),
            status: order.status,
            from_store: order.from_store.clone(),
            to_store: order.to_store.clone(),
            needed_by: order.needed_by.clone(),
            urgency: order.urgency,
            reason: order.reason.clone(),
            order_number: order.order_number.clone(),
            authority: order.authority.clone(),
            paperwork: shown.map(|paper| paper.state_at(now)),
            paperwork_due_at: shown.map(|paper| paper.due_at),
            note: order.note.clone(),
            follows: order.follows.clone(),
            allocation: context.allocation.clone(),
            created_by: order.created_by.clone(),
            created_at: order.created_at,
            approved_by: order.approved_by.clone(),
            approved_at: order.approved_at,
            expected_at: order.expected_at,
            lines: order
                .lines
                .iter()
                .map(|line| LineView::of(line, is_cancelled, context))
                .collect(),
            in_transit: order.in_transit(),
            open_remainder: order.has_open_remainder(),
            version: order.version,
        }
    }
}

/// The paperwork that a row tells of: the first that is still open, else the last decided.
fn shown_paperwork(papers: &[Paperwork]) -> Option<&Paperwork> {
    let open = |paper: &&Paperwork| paper.status == crate::authority::PaperworkStatus::Open;
    papers.iter().filter(open).min_by_key(|paper| paper.due_at).or_else(|| papers.last())
}

/// One lorry.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ShipmentView {
    /// Its id.
    pub id: ShipmentId,
    /// Its number within the dispatch, from 1.
    pub seq: i64,
    /// When it left.
    pub occurred_at: Instant,
    /// When that was recorded.
    pub recorded_at: Instant,
    /// The user who sent it.
    pub shipped_by: String,
    /// The carrier.
    pub carrier: Option<String>,
    /// The number plate.
    pub vehicle: Option<String>,
    /// The driver.
    pub driver: Option<String>,
    /// The driver's telephone.
    pub phone: Option<String>,
    /// When it is expected.
    pub expected_at: Instant,
    /// What it carries.
    pub loads: Vec<LoadView>,
}

/// What a lorry carries of one lot for one line, and what has become of it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LoadView {
    /// The line.
    pub line: i64,
    /// The lot.
    pub lot_id: LotId,
    /// Its item.
    pub item_code: ItemCode,
    /// Left the sender.
    pub shipped: Quantity,
    /// Arrived in good order.
    pub received: Quantity,
    /// Arrived broken.
    pub damaged: Quantity,
    /// Lost on the way.
    pub lost: Quantity,
    /// Sent back.
    pub returned: Quantity,
    /// Arrived beyond these.
    pub over: Quantity,
    /// Still on the way.
    pub in_transit: Quantity,
}

impl ShipmentView {
    fn of(shipment: Shipment, order: &Order) -> Self {
        let loads = order.lines.iter().flat_map(|line| {
            let carried = line.loads.iter().filter(|load| load.shipment_id == shipment.id);
            carried.map(|load| LoadView {
                line: line.line,
                lot_id: load.lot_id.clone(),
                item_code: load.item_code.clone(),
                shipped: load.shipped,
                received: load.received,
                damaged: load.damaged,
                lost: load.lost,
                returned: load.returned,
                over: load.over,
                in_transit: load.in_transit(),
            })
        });
        Self {
            loads: loads.collect(),
            id: shipment.id,
            seq: shipment.seq,
            occurred_at: shipment.occurred_at,
            recorded_at: shipment.recorded_at,
            shipped_by: shipment.shipped_by,
            carrier: shipment.carrier,
            vehicle: shipment.vehicle,
            driver: shipment.driver,
            phone: shipment.phone,
            expected_at: shipment.expected_at,
        }
    }
}

/// Some pieces of one lot that were signed for.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PieceView {
    /// The line; `null` where the goods were not on the papers.
    pub line: Option<i64>,
    /// The lorry; `null` where the goods were not on the papers.
    pub shipment_id: Option<ShipmentId>,
    /// The lot.
    pub lot_id: LotId,
    /// Its item.
    pub item_code: ItemCode,
    /// How they ended.
    pub fate: Fate,
    /// Base units.
    pub quantity: Quantity,
    /// The movement of the ledger that says so.
    pub movement_id: MovementId,
    /// Why, from the list of reasons.
    pub reason_code: Option<String>,
    /// Why, in words.
    pub note: Option<String>,
}

impl From<SignedPiece> for PieceView {
    fn from(piece: SignedPiece) -> Self {
        let (line, shipment_id) = piece.papers.unzip();
        Self {
            line,
            shipment_id,
            lot_id: piece.lot_id,
            item_code: piece.item_code,
            fate: piece.fate,
            quantity: piece.quantity,
            movement_id: piece.movement_id,
            reason_code: piece.reason_code,
            note: piece.note,
        }
    }
}

/// A signing for goods.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SigningView {
    /// Its id.
    pub id: DispatchReceiptId,
    /// Its number within the dispatch, from 1.
    pub seq: i64,
    /// Where the goods arrived.
    pub store_code: StoreCode,
    /// When.
    pub occurred_at: Instant,
    /// When that was recorded.
    pub recorded_at: Instant,
    /// The person who took the goods over.
    pub received_by: Option<String>,
    /// The user who signed.
    pub signed_by: String,
    /// What else there is to say.
    pub note: Option<String>,
    /// When it was reversed.
    pub reversed_at: Option<Instant>,
    /// By whom.
    pub reversed_by: Option<String>,
    /// Why.
    pub reversal_reason: Option<String>,
    /// What was signed for.
    pub pieces: Vec<PieceView>,
}

impl From<Signing> for SigningView {
    fn from(signing: Signing) -> Self {
        Self {
            id: signing.id,
            seq: signing.seq,
            store_code: signing.store_code,
            occurred_at: signing.occurred_at,
            recorded_at: signing.recorded_at,
            received_by: signing.received_by,
            signed_by: signing.signed_by,
            note: signing.note,
            reversed_at: signing.reversed_at,
            reversed_by: signing.reversed_by,
            reversal_reason: signing.reversal_reason,
            pieces: signing.pieces.into_iter().map(PieceView::from).collect(),
        }
    }
}

/// Something happened to a dispatch.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct EventView {
    /// When.
    pub at: Instant,
    /// Who did it.
    pub actor: String,
    /// What, as one word.
    #[schema(example = "shipped")]
    pub what: String,
    /// What else there is to say.
    pub note: Option<String>,
}

/// A dispatch with its lorries, signings and story.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DispatchView {
    /// The dispatch.
    #[serde(flatten)]
    pub dispatch: DispatchRow,
    /// Its lorries, the first in front.
    pub shipments: Vec<ShipmentView>,
    /// What was signed for, the first signing in front.
    pub receipts: Vec<SigningView>,
    /// What happened, in order.
    pub events: Vec<EventView>,
}

impl DispatchView {
    /// A dispatch as it stands at `now`.
    pub fn of(
        order: &Order,
        context: &Context,
        shipments: Vec<Shipment>,
        signings: Vec<Signing>,
        events: Vec<Event>,
        now: Instant,
    ) -> Self {
        let event = |event: Event| EventView {
            at: event.at,
            actor: event.actor,
            what: event.what,
            note: event.note,
        };
        Self {
            dispatch: DispatchRow::of(order, context, now),
            shipments: shipments.into_iter().map(|one| ShipmentView::of(one, order)).collect(),
            receipts: signings.into_iter().map(SigningView::from).collect(),
            events: events.into_iter().map(event).collect(),
        }
    }
}
