//! What clients see of the ledger.

pub mod freshness;

use crate::access::Role;
use crate::authority::Authority;
use crate::catalogue::packs::InPacks;
use crate::kernel::id::{
    DispatchId, ExpectedReceiptId, LotId, MakersLotEventId, MakersLotId, MovementId, PeriodId,
    ReservationCutId, ShipmentId, StockDocumentId, UnmatchedId,
};
use crate::kernel::{Instant, ItemCode, LotNumber, Money, Quantity, RegionCode, StoreCode};
use crate::stock::account::{Outside, StockState};
use crate::stock::balance::{Blocked, LotBalance};
use crate::stock::document::{DocumentStatus, StockDocument};
use crate::stock::facts::Cut;
use crate::stock::label::{CostEvent, Label, LabelChange, LabelEvent};
use crate::stock::lot::{Lot, MakersLot};
use crate::stock::movement::{Movement, MovementKind};
use crate::stock::period::{Period, PeriodScope, PeriodStatus};
use crate::stock::queries::InTransit;
use crate::stock::unmatched::{Clearing, HowCleared, ReservationCut, UnmatchedFact};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The document behind a movement.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DocumentRefView {
    /// E.g. `receipt`, `dispatch`.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// Its human number.
    pub number: String,
}

/// A movement of the ledger.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct MovementView {
    /// The movement's id.
    pub id: MovementId,
    /// What it is.
    pub kind: MovementKind,
    /// The store in whose chain it stands.
    pub store_code: StoreCode,
    /// Its place in the chain, from 1.
    pub chain_seq: i64,
    /// The item.
    pub item_code: ItemCode,
    /// The lot.
    pub lot_id: LotId,
    /// Base units.
    pub quantity: Quantity,
    /// From where: `store/CODE/STATE`, `transit/DISPATCH` or `outside/SOURCE`.
    pub from_account: String,
    /// To where.
    pub to_account: String,
    /// The lorry, where one of the accounts is in transit.
    pub shipment_id: Option<ShipmentId>,
    /// The line of its document, from 1.
    pub line: i64,
    /// Business time.
    pub occurred_at: Instant,
    /// The service's time.
    pub recorded_at: Instant,
    /// The document behind it.
    pub document: DocumentRefView,
    /// Who posted it.
    pub actor: String,
    /// Whether it had happened before it was booked.
    pub after_the_fact: bool,
    /// The paper slip of such a fact.
    pub slip_number: Option<String>,
    /// Why, from the list of reasons.
    pub reason_code: Option<String>,
    /// Why, in words.
    pub note: Option<String>,
    /// The movement that it takes back.
    pub reverses: Option<MovementId>,
    /// The movements that take it back.
    pub reversed_by: Vec<MovementId>,
    /// How much of it has been taken back.
    pub reversed: Quantity,
    /// Its link in the chain.
    pub hash: String,
}

impl MovementView {
    /// The view of a movement with those that take it back.
    pub fn new(movement: Movement, reversals: Vec<(MovementId, Quantity)>) -> Self {
        let line = movement.line;
        Self {
            id: movement.id,
            kind: line.kind,
            store_code: line.store_code,
            chain_seq: movement.chain_seq,
            item_code: line.item_code,
            lot_id: line.lot_id,
            quantity: line.quantity,
            from_account: line.from.to_string(),
            to_account: line.to.to_string(),
            shipment_id: line.shipment_id,
            line: line.line_no,
            occurred_at: movement.occurred_at,
            recorded_at: movement.recorded_at,
            document: DocumentRefView {
                kind: movement.document.kind,
                id: movement.document.id,
                number: movement.document.number,
            },
            actor: movement.actor,
            after_the_fact: movement.after_the_fact,
            slip_number: movement.slip_number,
            reason_code: line.reason_code,
            note: line.note,
            reverses: line.reverses,
            reversed: Quantity::total(reversals.iter().map(|(_, quantity)| *quantity)),
            reversed_by: reversals.into_iter().map(|(id, _)| id).collect(),
            hash: movement.hash,
        }
    }
}

/// A maker's lot.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct MakersLotView {
    /// The maker's lot's id.
    pub id: MakersLotId,
    /// The item.
    pub item_code: ItemCode,
    /// The number on the label, or a house number.
    pub lot_number: LotNumber,
    /// Whether the number was given by the store.
    pub is_house_number: bool,
    /// Who made it; empty where nobody says.
    pub maker: String,
    /// When it was made.
    pub manufactured_on: Option<NaiveDate>,
    /// `dated`, `none` or `unknown`.
    pub expiry: &'static str,
    /// The last day of use.
    pub expires_on: Option<NaiveDate>,
    /// When it was recalled.
    pub recalled_at: Option<Instant>,
    /// Why it was recalled.
    pub recall_reason: Option<String>,
}

impl From<&MakersLot> for MakersLotView {
    fn from(lot: &MakersLot) -> Self {
        Self {
            id: lot.id.clone(),
            item_code: lot.item_code.clone(),
            lot_number: lot.lot_number.clone(),
            is_house_number: lot.is_house_number,
            maker: lot.maker.clone(),
            manufactured_on: lot.manufactured_on,
            expiry: lot.expiry.kind(),
            expires_on: lot.expiry.date(),
            recalled_at: lot.recalled_at,
            recall_reason: lot.recall_reason.clone(),
        }
    }
}

/// A lot: a maker's lot with its provenance.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LotView {
    /// The lot's id.
    pub id: LotId,
    /// Its maker's lot.
    pub makers_lot: MakersLotView,
    /// Who owns it, where that is not the county.
    pub owner_code: Option<String>,
    /// Where it came from.
    pub source_kind: Outside,
    /// The supplier's or giver's name.
    pub source_name: Option<String>,
    /// The fund that paid for it.
    pub fund_source: Option<String>,
    /// Who donated it.
    pub donor: Option<String>,
    /// The purpose for which alone it may be used.
    pub earmarked_for: Option<String>,
    /// Yuan for one base unit.
    pub unit_cost: Option<Money>,
    /// Whether the cost is an estimate still to be settled.
    pub cost_is_estimated: bool,
    /// Base units in the pack in which it came.
    pub pack_units: Quantity,
}

impl From<&Lot> for LotView {
    fn from(lot: &Lot) -> Self {
        let provenance = &lot.provenance;
        Self {
            id: lot.id.clone(),
            makers_lot: MakersLotView::from(&lot.makers_lot),
            owner_code: provenance.owner_code.clone(),
            source_kind: provenance.source_kind,
            source_name: provenance.source_name.clone(),
            fund_source: provenance.fund_source.clone(),
            donor: provenance.donor.clone(),
            earmarked_for: provenance.earmarked_for.clone(),
            unit_cost: provenance.unit_cost,
            cost_is_estimated: provenance.cost_is_estimated,
            pack_units: provenance.pack_units,
        }
    }
}

/// Stock of a lot in a store, of an item in a store, or of an item, as `group_by` says.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub struct StockRow {
    /// The store; absent when grouped by item.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store_code: Option<StoreCode>,
    /// The item.
    pub item_code: Option<ItemCode>,
    /// The lot; only when grouped by lot, as the five fields below.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lot_id: Option<LotId>,
    /// The number on the label.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lot_number: Option<LotNumber>,
    /// The last day of use, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_on: Option<NaiveDate>,
    /// The state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<StockState>,
    /// Why it may not be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocked_because: Option<Blocked>,
    /// Whether it expires within the item's near-expiry days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub near_expiry: Option<bool>,
    /// Everything that is there (账面).
    pub on_hand: i64,
    /// What is promised to documents (占用).
    pub reserved: i64,
    /// The unreserved part that may not be used (不可用).
    pub blocked: i64,
    /// On hand − reserved − blocked (可用).
    pub available: i64,
    /// On its way to the store.
    pub in_transit_in: i64,
    /// On its way from the store.
    pub in_transit_out: i64,
    /// `available` in the largest pack, where the item has packs and the row is of one item.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub available_in_packs: Option<InPacks>,
}

/// Stock on a lorry.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct InTransitView {
    /// The dispatch.
    pub dispatch_id: DispatchId,
    /// The lorry.
    pub shipment_id: ShipmentId,
    /// The lot.
    pub lot_id: LotId,
    /// The item.
    pub item_code: ItemCode,
    /// The sender.
    pub from_store: StoreCode,
    /// The receiver.
    pub to_store: StoreCode,
    /// When it is expected.
    pub expected_at: Instant,
    /// Base units on the way.
    pub quantity: Quantity,
}

impl From<InTransit> for InTransitView {
    fn from(row: InTransit) -> Self {
        Self {
            dispatch_id: row.dispatch_id,
            shipment_id: row.shipment_id,
            lot_id: row.lot_id,
            item_code: row.item_code,
            from_store: row.from_store,
            to_store: row.to_store,
            expected_at: row.expected_at,
            quantity: row.quantity,
        }
    }
}

/// Where stock of a lot lies.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct WhereView {
    /// The store.
    pub store_code: StoreCode,
    /// The lot.
    pub lot_id: LotId,
    /// The state.
    pub state: StockState,
    /// Everything that is there.
    pub on_hand: Quantity,
    /// What is promised to documents.
    pub reserved: Quantity,
}

impl From<&LotBalance> for WhereView {
    fn from(balance: &LotBalance) -> Self {
        Self {
            store_code: balance.store_code.clone(),
            lot_id: balance.lot.id.clone(),
            state: balance.state,
            on_hand: balance.on_hand,
            reserved: balance.reserved,
        }
    }
}

/// A lot's way: every movement in scope, where it lies now, and what is on the way.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LotTraceView {
    /// The lot.
    pub lot: LotView,
    /// Where it lies now.
    pub stock: Vec<WhereView>,
    /// What is on the way.
    pub in_transit: Vec<InTransitView>,
    /// What was corrected of its label, under whatever label it stood, in the order of recording.
    pub corrections: Vec<LabelEventView>,
    /// The lots to which its stock went by corrections.
    pub went_to: Vec<LotId>,
    /// What it was said to cost before.
    pub cost_history: Vec<CostEventView>,
    /// How it came there, in the order of recording; the first thousand movements.
    pub movements: Vec<MovementView>,
}

/// A recalled maker's lot, and where it must be looked for.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RecallView {
    /// The maker's lot.
    pub makers_lot: MakersLotView,
    /// Where it lies in scope.
    pub stock: Vec<WhereView>,
    /// What is on the way.
    pub in_transit: Vec<InTransitView>,
}

/// What every stock document says.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DocumentHead {
    /// The document's id.
    pub id: StockDocumentId,
    /// Its human number.
    pub number: String,
    /// The store it belongs to.
    pub store_code: StoreCode,
    /// How far it has come.
    pub status: DocumentStatus,
    /// Business time.
    pub occurred_at: Instant,
    /// When the service recorded it.
    pub recorded_at: Instant,
    /// Who made it.
    pub created_by: String,
    /// Who approved it, where that is needed.
    pub approved_by: Option<String>,
    /// When it was approved.
    pub approved_at: Option<Instant>,
}

impl From<&StockDocument> for DocumentHead {
    fn from(document: &StockDocument) -> Self {
        Self {
            id: document.id.clone(),
            number: document.number.clone(),
            store_code: document.store_code.clone(),
            status: document.status,
            occurred_at: document.occurred_at,
            recorded_at: document.recorded_at,
            created_by: document.created_by.clone(),
            approved_by: document.approved_by.clone(),
            approved_at: document.approved_at,
        }
    }
}

/// A line of a receipt, as recorded.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ReceiptLineView {
    /// The line, from 1.
    pub line: i64,
    /// The item.
    pub item_code: ItemCode,
    /// The lot that it went to.
    pub lot_id: LotId,
    /// Its maker's lot.
    pub makers_lot_id: MakersLotId,
    /// The number on the label, or a house number.
    pub lot_number: LotNumber,
    /// The last day of use, where there is one.
    pub expires_on: Option<NaiveDate>,
    /// The state in which it was taken in.
    pub state: StockState,
    /// Base units taken in.
    pub quantity: Quantity,
    /// The same in the largest pack.
    pub in_packs: Option<InPacks>,
    /// Base units that came.
    pub delivered: Option<i64>,
    /// Base units that were rejected.
    pub rejected: Option<i64>,
    /// Why they were rejected.
    pub reject_reason: Option<String>,
    /// How the quantity was found.
    pub quantity_basis: String,
}

/// What a receipt says beside its head.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ReceiptDetail {
    /// Where the goods come from.
    pub source_kind: Outside,
    /// The supplier's or giver's name.
    pub source_name: Option<String>,
    /// Number of the paper that came with the goods.
    pub source_document_number: Option<String>,
    /// Who inspected them.
    pub inspected_by: Option<String>,
    /// Who witnessed it.
    pub witnessed_by: Option<String>,
    /// The paper slip, where it had happened before it was booked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slip_number: Option<String>,
    /// The facts that it cleared, with how much of each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cleared: Vec<ClearedView>,
    /// What it fulfilled of what was expected, as it stood then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fulfils: Option<FulfilmentView>,
    /// Anything else.
    pub note: Option<String>,
    /// What came.
    pub lines: Vec<ReceiptLineView>,
}

/// What a receipt fulfilled of what was expected.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct FulfilmentView {
    /// The expected receipt.
    pub expected_receipt_id: ExpectedReceiptId,
    /// Its number.
    pub number: String,
    /// Line by line; what nobody ordered is not named.
    pub lines: Vec<FulfilledLineView>,
}

/// A line of a receipt that fulfils a line of what was expected.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct FulfilledLineView {
    /// The line of the receipt.
    pub line: i64,
    /// The line that it fulfils.
    pub expected_line: i64,
    /// Base units ordered.
    pub ordered: Quantity,
    /// Base units that have come so far.
    pub received: Quantity,
    /// Base units that are still to come.
    pub open: Quantity,
    /// Base units that came beyond what was ordered.
    pub over: Quantity,
}

/// A receipt (入库单).
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ReceiptView {
    /// What every stock document says.
    #[serde(flatten)]
    pub head: DocumentHead,
    /// What a receipt says.
    #[serde(flatten)]
    pub detail: ReceiptDetail,
    /// Its movements, with their reversals.
    pub movements: Vec<MovementView>,
}

/// A line of a write-off, an adjustment or a change of state, as recorded.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CorrectionLineView {
    /// The line, from 1.
    pub line: i64,
    /// The item.
    pub item_code: ItemCode,
    /// The lot.
    pub lot_id: LotId,
    /// The state in which it lay.
    pub state: StockState,
    /// The state into which it went, where only that changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_state: Option<StockState>,
    /// Base units; below zero where the book lost them.
    pub quantity_change: i64,
    /// Why, from the list of reasons.
    pub reason_code: String,
    /// Why, in words.
    pub note: Option<String>,
}

/// What a write-off, an adjustment or a change of state says beside its head.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CorrectionDetail {
    /// Who witnessed it.
    pub witnessed_by: Option<String>,
    /// What its approver said.
    pub decision_note: Option<String>,
    /// The value of what is written off, as far as costs are known.
    pub value: Option<Money>,
    /// The paper slip, where it had happened before it was booked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slip_number: Option<String>,
    /// Promises that a fact cut.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cuts: Vec<CutView>,
    /// What changes.
    pub lines: Vec<CorrectionLineView>,
}

/// A write-off (报损单), an adjustment (更正单) or a change of state (状态变更单).
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CorrectionView {
    /// What every stock document says.
    #[serde(flatten)]
    pub head: DocumentHead,
    /// What this one says.
    #[serde(flatten)]
    pub detail: CorrectionDetail,
    /// Its movements, with their reversals.
    pub movements: Vec<MovementView>,
}

/// The movements that took others back.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ReversalView {
    /// The new movements.
    pub movements: Vec<MovementView>,
}

/// A reason that documents choose from.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ReasonView {
    /// Its code.
    pub code: String,
    /// Chinese name.
    pub name_zh: String,
    /// English name.
    pub name_en: String,
}

/// All reasons.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ReasonList {
    /// The reasons.
    pub rows: Vec<ReasonView>,
}

/// A period that was closed, and perhaps reopened.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PeriodView {
    /// Its id.
    pub id: PeriodId,
    /// The store; null where it is a region.
    pub store_code: Option<StoreCode>,
    /// The region; null where it is a store.
    pub region_code: Option<RegionCode>,
    /// The last business day that is closed.
    pub through_day: NaiveDate,
    /// Whether it is closed.
    pub status: PeriodStatus,
    /// Who closed it.
    pub closed_by: String,
    /// In which role.
    #[schema(value_type = String, example = "keeper")]
    pub closed_by_role: Role,
    /// When.
    pub closed_at: Instant,
    /// What they said.
    pub note: Option<String>,
    /// Who reopened it.
    pub reopened_by: Option<String>,
    /// When.
    pub reopened_at: Option<Instant>,
    /// Why.
    pub reopen_reason: Option<String>,
}

impl From<&Period> for PeriodView {
    fn from(period: &Period) -> Self {
        let (store_code, region_code) = match &period.scope {
            PeriodScope::Store(code) => (Some(code.clone()), None),
            PeriodScope::Region(code) => (None, Some(code.clone())),
        };
        let reopened = period.reopened.as_ref();
        Self {
            id: period.id.clone(),
            store_code,
            region_code,
            through_day: period.through_day,
            status: period.status,
            closed_by: period.closed_by.clone(),
            closed_by_role: period.closed_by_role,
            closed_at: period.closed_at,
            note: period.note.clone(),
            reopened_by: reopened.map(|one| one.by.clone()),
            reopened_at: reopened.map(|one| one.at),
            reopen_reason: reopened.map(|one| one.reason.clone()),
        }
    }
}
/// A fact that something cleared, and by how much.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ClearedView {
    /// The fact.
    pub unmatched_id: UnmatchedId,
    /// The number of its document.
    pub document_number: String,
    /// Base units that were cleared.
    pub quantity: Quantity,
}

/// A promise that a fact cut.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CutView {
    /// The kind of the document that lost it, e.g. `dispatch`.
    pub document_kind: String,
    /// Its id.
    pub document_id: String,
    /// Its line, from 1.
    pub line: i64,
    /// The lot.
    pub lot_id: LotId,
    /// Base units that were lost.
    pub quantity: Quantity,
}

impl From<&Cut> for CutView {
    fn from(cut: &Cut) -> Self {
        Self {
            document_kind: cut.promise.document_kind.clone(),
            document_id: cut.promise.document_id.clone(),
            line: cut.promise.line_no,
            lot_id: cut.promise.lot_id.clone(),
            quantity: cut.quantity,
        }
    }
}

/// A promise that a fact cut, as the list of such alerts shows it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ReservationCutView {
    /// Its id.
    pub id: ReservationCutId,
    /// The store that held the lot.
    pub store_code: StoreCode,
    /// The item.
    pub item_code: ItemCode,
    /// What was cut.
    #[serde(flatten)]
    pub cut: CutView,
    /// The fact that cut it.
    pub by: DocumentRefView,
    /// The fact's slip.
    pub slip_number: String,
    /// When.
    pub cut_at: Instant,
    /// Who posted the fact.
    pub actor: String,
    /// When somebody went on with the document that lost it; `null` while nobody has.
    pub acknowledged_at: Option<Instant>,
    /// Who.
    pub acknowledged_by: Option<String>,
}

impl From<&ReservationCut> for CutView {
    fn from(cut: &ReservationCut) -> Self {
        Self {
            document_kind: cut.document_kind.clone(),
            document_id: cut.document_id.clone(),
            line: cut.line_no,
            lot_id: cut.lot_id.clone(),
            quantity: cut.quantity,
        }
    }
}

impl From<ReservationCut> for ReservationCutView {
    fn from(cut: ReservationCut) -> Self {
        Self {
            cut: CutView::from(&cut),
            id: cut.id,
            store_code: cut.store_code,
            item_code: cut.item_code,
            by: DocumentRefView { kind: cut.by.kind, id: cut.by.id, number: cut.by.number },
            slip_number: cut.slip_number,
            cut_at: cut.cut_at,
            actor: cut.actor,
            acknowledged_at: cut.acknowledged_at,
            acknowledged_by: cut.acknowledged_by,
        }
    }
}

/// A movement that cleared a fact.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ClearingView {
    /// The movement into *unmatched*.
    pub movement_id: MovementId,
    /// How.
    pub how: HowCleared,
    /// The document that brought it to light.
    pub by: DocumentRefView,
    /// Base units.
    pub quantity: Quantity,
    /// Of these, taken back since.
    pub reversed: Quantity,
    /// When the service recorded it.
    pub recorded_at: Instant,
    /// Who did it.
    pub actor: String,
}

/// A fact that the book could not cover.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct UnmatchedView {
    /// Its id.
    pub id: UnmatchedId,
    /// The store.
    pub store_code: StoreCode,
    /// The item.
    pub item_code: ItemCode,
    /// The lot that carries it in the ledger: the one named, else the house lot of the item.
    pub lot_id: LotId,
    /// The number that the slip names, where the book does not know it.
    pub named_lot: Option<String>,
    /// Base units that the book did not hold.
    pub quantity: Quantity,
    /// Of these, still to be cleared.
    pub open: Quantity,
    /// Of these, cleared by receipts, counts and matches.
    pub cleared: Quantity,
    /// Of these, taken back: the fact did not happen so.
    pub reversed: Quantity,
    /// Where it went.
    pub purpose: Outside,
    /// The movement from *unmatched* to the purpose.
    pub movement_id: MovementId,
    /// The document of the fact.
    pub document: DocumentRefView,
    /// Its line, from 1.
    pub line: i64,
    /// The paper slip.
    pub slip_number: String,
    /// When it happened.
    pub occurred_at: Instant,
    /// When the service recorded it.
    pub recorded_at: Instant,
    /// Who posted it.
    pub actor: String,
    /// What cleared it so far.
    pub clearings: Vec<ClearingView>,
}

impl UnmatchedView {
    /// The view of a fact with what cleared it and how much of each movement was taken back.
    pub fn new(
        fact: UnmatchedFact,
        clearings: Vec<Clearing>,
        reversed: impl Fn(&MovementId) -> Quantity,
    ) -> Self {
        let clearings: Vec<ClearingView> = clearings
            .into_iter()
            .map(|one| ClearingView {
                reversed: reversed(&one.movement_id),
                movement_id: one.movement_id,
                how: one.how,
                by: DocumentRefView { kind: one.by.kind, id: one.by.id, number: one.by.number },
                quantity: one.quantity,
                recorded_at: one.recorded_at,
                actor: one.actor,
            })
            .collect();
        let net = |one: &ClearingView| one.quantity.minus_or_zero(one.reversed);
        Self {
            cleared: Quantity::total(clearings.iter().map(net)),
            reversed: reversed(&fact.movement_id),
            clearings,
            id: fact.id,
            store_code: fact.store_code,
            item_code: fact.item_code,
            lot_id: fact.lot_id,
            named_lot: fact.named_lot,
            quantity: fact.quantity,
            open: fact.open,
            purpose: fact.purpose,
            movement_id: fact.movement_id,
            document: DocumentRefView {
                kind: fact.document.kind,
                id: fact.document.id,
                number: fact.document.number,
            },
            line: fact.line_no,
            slip_number: fact.slip_number,
            occurred_at: fact.occurred_at,
            recorded_at: fact.recorded_at,
            actor: fact.actor,
        }
    }
}

/// A correction of a maker's lot.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LabelEventView {
    /// Its id, that of the document behind its movements.
    pub id: MakersLotEventId,
    /// Its human number.
    pub number: String,
    /// What was corrected.
    pub kind: LabelChange,
    /// The maker's lot as it was booked.
    pub makers_lot_id: MakersLotId,
    /// The maker's lot to which everything went, where item, number or maker were wrong.
    pub corrected_to: Option<MakersLotId>,
    /// What the book said before.
    pub before: Label,
    /// What it says now.
    pub after: Label,
    /// Why, from the list of reasons.
    pub reason_code: String,
    /// Why, in words.
    pub note: Option<String>,
    /// By whose word the expiry was extended.
    pub authority: Option<Authority>,
    /// When the service recorded it.
    pub recorded_at: Instant,
    /// Who corrected it.
    pub actor: String,
}

impl From<LabelEvent> for LabelEventView {
    fn from(event: LabelEvent) -> Self {
        Self {
            id: event.id,
            number: event.number,
            kind: event.kind,
            makers_lot_id: event.makers_lot_id,
            corrected_to: event.corrected_to,
            before: event.before,
            after: event.after,
            reason_code: event.reason.as_str().to_owned(),
            note: event.note,
            authority: event.authority,
            recorded_at: event.recorded_at,
            actor: event.actor,
        }
    }
}

/// A cost of a lot that was settled.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CostEventView {
    /// Yuan for one base unit, as it was said before.
    pub old_cost: Option<Money>,
    /// Whether that was an estimate.
    pub was_estimated: bool,
    /// Yuan for one base unit.
    pub new_cost: Money,
    /// The receipt whose line it settles.
    pub receipt_id: StockDocumentId,
    /// The line, from 1.
    pub line: i64,
    /// Why, where a cost was settled before.
    pub reason_code: Option<String>,
    /// Why, in words.
    pub note: Option<String>,
    /// When the service recorded it.
    pub recorded_at: Instant,
    /// Who settled it.
    pub actor: String,
}

impl From<CostEvent> for CostEventView {
    fn from(event: CostEvent) -> Self {
        Self {
            old_cost: event.old_cost,
            was_estimated: event.was_estimated,
            new_cost: event.new_cost,
            receipt_id: event.document_id,
            line: event.line_no,
            reason_code: event.reason.map(|reason| reason.as_str().to_owned()),
            note: event.note,
            recorded_at: event.recorded_at,
            actor: event.actor,
        }
    }
}

/// A maker's lot with what was corrected of it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct MakersLotStoryView {
    /// The maker's lot.
    #[serde(flatten)]
    pub makers_lot: MakersLotView,
    /// Its label at the instant asked about.
    pub label: Label,
    /// Every correction of it, under whatever label it stood, in the order of recording.
    pub corrections: Vec<LabelEventView>,
}
