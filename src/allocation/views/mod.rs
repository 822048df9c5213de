//! What clients see of allocations.

pub mod comparing;
pub mod explaining;
pub mod solving;

use crate::allocation::changes::Change;
use crate::allocation::inputs::{
    CostFrom, DonorInput, Inputs, Keeps, LotPassedOver, PartInput, PlanInForce, RecipientInput,
    Shut, StoreLeftOut,
};
use crate::allocation::outcome::{
    AwardOutcome, GiftOutcome, Limit, LotShare, PartOutcome, level_with,
};
use crate::allocation::problem::Measure;
use crate::allocation::proposal::{Allocation, AllocationStatus, Event, Line};
use crate::allocation::route::Route;
use crate::allocation::views::explaining::{why_this_line, why_this_much};
use crate::authority::{Authority, Paperwork, PaperworkState};
use crate::dispatch::order::{DispatchStatus, Order, Urgency};
use crate::kernel::id::{AllocationId, DispatchId};
use crate::kernel::{Instant, ItemCode, Quantity, Ratio, StoreCode};
use crate::reserve_plan::level::ResponseLevel;
use crate::shortfall::views::BothLanguages;
use crate::word_enum;
use chrono::NaiveDate;
use serde::Serialize;
use utoipa::ToSchema;

word_enum! {
    /// How a proposal stands: its status, or that what it rests on has changed.
    pub enum AllocationState {
        /// Worked out, and nobody has decided.
        Proposed = "proposed",
        /// Nobody has decided, and figures have changed since.
        Stale = "stale",
        /// Turned into dispatches.
        Approved = "approved",
        /// Given up.
        Discarded = "discarded",
    }
}

impl AllocationState {
    /// How a proposal stands when these facts have changed.
    pub fn of(status: AllocationStatus, changes: &[Change]) -> Self {
        match status {
            AllocationStatus::Proposed if changes.is_empty() => Self::Proposed,
            AllocationStatus::Proposed => Self::Stale,
            AllocationStatus::Approved => Self::Approved,
            AllocationStatus::Discarded => Self::Discarded,
        }
    }
}

/// What is needed beside an allocation to show it.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// What has changed since; nothing once it is decided.
    pub changes: Vec<Change>,
    /// The paper that is due on it.
    pub paperwork: Vec<Paperwork>,
    /// The dispatches that it was turned into.
    pub dispatches: Vec<Order>,
}

/// A step of the staged policy.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = AllocationStageView)]
pub struct StageView {
    /// Recipients of this class or a more urgent one; everyone where `null`.
    pub priority_at_most: Option<i64>,
    /// Up to so many days of cover; to the target where `null`.
    pub to_days: Option<Ratio>,
}

/// An allocation without its lines, as a list shows it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AllocationRow {
    /// Its id.
    pub id: AllocationId,
    /// Its number: `FP-…`, and `YL-…` for a rehearsal.
    #[schema(example = "FP-QN-DEPOT-2026-000001")]
    pub number: String,
    /// How it stands.
    pub status: AllocationState,
    /// Whether it is a rehearsal on figures that somebody made up: it can never be carried out.
    pub rehearsal: bool,
    /// The items, one part each.
    pub items: Vec<ItemCode>,
    /// The policy.
    #[schema(example = "staged_leximin")]
    pub policy: String,
    /// What levels are measured in.
    pub measure: Measure,
    /// The steps of the staged policy, where others than the usual ones were asked for.
    pub stages: Vec<StageView>,
    /// Whole percents of what each donor could give that stay back.
    pub keep_back_percent: i64,
    /// The fewest packs that are worth shipping to a recipient.
    pub min_packs: i64,
    /// Days that a lot must still be usable after the day on which it arrives.
    pub min_life_days: i64,
    /// Days of use that are every recipient's target; the plan's where `null`.
    pub target_days: Option<i64>,
    /// How pressing it is.
    pub urgency: Urgency,
    /// The day or instant by which it is needed, as it was given.
    pub needed_by: Option<String>,
    /// Why it was asked for.
    pub reason: Option<String>,
    /// The allocation that it repeats.
    pub follows: Option<AllocationId>,
    /// The number of its round, from 1.
    pub round: i64,
    /// Base units that it moves, over all items.
    pub quantity: Quantity,
    /// Whether a line was edited.
    pub edited: bool,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: Instant,
    /// Who made or edited it: none of them may approve it.
    pub authors: Vec<String>,
    /// Who approved or discarded it.
    pub decided_by: Option<String>,
    /// When.
    pub decided_at: Option<Instant>,
    /// By whose word.
    pub authority: Option<Authority>,
    /// How the paper of a spoken word stands; `null` where none is due.
    pub paperwork: Option<PaperworkState>,
    /// When it is due.
    pub paperwork_due_at: Option<Instant>,
    /// What was said with the decision.
    pub note: Option<String>,
    /// The SHA-256 of the inputs as compact JSON.
    pub input_hash: String,
    /// Counts the changes; the `ETag` is `"v<version>"`.
    pub version: i64,
}

impl AllocationRow {
    /// An allocation as it stands at `now`.
    pub fn of(one: &Allocation, context: &Context, now: Instant) -> Self {
        let terms = &one.inputs.terms;
        let paper = context.paperwork.last();
        Self {
            id: one.id.clone(),
            number: one.number.clone(),
            status: AllocationState::of(one.status, &context.changes),
            rehearsal: one.rehearsal,
            items: one.inputs.parts.iter().map(|part| part.item.clone()).collect(),
            policy: terms.policy.clone(),
            measure: terms.measure,
            stages: terms
                .stages
                .iter()
                .map(|stage| StageView {
                    priority_at_most: stage.priority_at_most,
                    to_days: stage.to_days,
                })
                .collect(),
            keep_back_percent: terms.keep_back_percent,
            min_packs: terms.min_packs,
            min_life_days: terms.min_life_days,
            target_days: terms.target_days,
            urgency: terms.urgency,
            needed_by: terms.needed_by.clone(),
            reason: one.reason.clone(),
            follows: one.follows.clone(),
            round: one.round,
            quantity: Quantity::total(one.lines.iter().map(|line| line.decided)),
            edited: one.lines.iter().any(|line| line.edit.is_some()),
            created_by: one.created_by.clone(),
            created_at: one.created_at,
            authors: one.authors.clone(),
            decided_by: one.decided_by.clone(),
            decided_at: one.decided_at,
            authority: one.authority.clone(),
            paperwork: paper.map(|paper| paper.state_at(now)),
            paperwork_due_at: paper.map(|paper| paper.due_at),
            note: one.note.clone(),
            input_hash: one.input_hash.clone(),
            version: one.version,
        }
    }
}

/// A quantity with its lots, as proposed.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = AllocationProposedLine)]
pub struct ProposedView {
    /// Whole packs.
    pub packs: i64,
    /// Base units.
    pub quantity: Quantity,
    /// The lots, in the order in which they are taken.
    pub lots: Vec<LotShare>,
}

/// Who changed a line, when and why.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = AllocationLineChange)]
pub struct EditView {
    /// Why.
    pub reason: String,
    /// Who.
    pub by: String,
    /// When.
    pub at: Instant,
}

/// What one store gets of one item from another: as decided, beside what was proposed.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = AllocationLineView)]
pub struct LineView {
    /// Its number, from 1.
    pub line: i64,
    /// The part of the proposal, from 1.
    pub part: i64,
    /// The item, which may stand in for the part's.
    pub item_code: ItemCode,
    /// The donor.
    pub from_store: StoreCode,
    /// The recipient.
    pub to_store: StoreCode,
    /// Whole packs.
    pub packs: i64,
    /// Base units.
    pub quantity: Quantity,
    /// The lots, in the order in which they are taken.
    pub lots: Vec<LotShare>,
    /// The recipient's level before.
    pub level_before: Option<Ratio>,
    /// The recipient's level with all lines that go to it.
    pub level_after: Option<Ratio>,
    /// Why the recipient was proposed no more.
    pub limited_by: Option<Limit>,
    /// What was proposed, where the line was edited.
    pub proposed: Option<ProposedView>,
    /// Who edited it and why.
    pub edited: Option<EditView>,
    /// Why from this donor and out of these lots.
    pub why: BothLanguages,
}

/// How one recipient of a part stands, before and after.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = AllocationRecipient)]
pub struct RecipientView {
    /// The store.
    pub store_code: StoreCode,
    /// Its class.
    pub priority: i64,
    /// Whether it was served in the urgent lane.
    pub urgent: bool,
    /// The response level that holds there.
    pub response_level: ResponseLevel,
    /// Base units that may be used and are promised to nobody.
    pub available: Quantity,
    /// Base units on the way to it, in time and in date.
    pub arriving: Quantity,
    /// Base units that others were told to send to it and have not yet.
    pub promised: Quantity,
    /// The average daily use; `null` where it is unknown: the store is then served after the
    /// others, by coverage.
    pub daily_use: Option<Ratio>,
    /// What should be there.
    pub target: Option<Quantity>,
    /// What its level is measured in.
    pub measured_by: Measure,
    /// The level before.
    pub level_before: Option<Ratio>,
    /// The level with what is decided.
    pub level_after: Option<Ratio>,
    /// Days of cover before; `null` where the use is unknown.
    pub days_before: Option<Ratio>,
    /// Days of cover with what is decided.
    pub days_after: Option<Ratio>,
    /// Stock over target before, at most the whole.
    pub coverage_before: Option<Ratio>,
    /// Stock over target with what is decided.
    pub coverage_after: Option<Ratio>,
    /// Whole packs that are decided.
    pub packs: i64,
    /// Base units that are decided.
    pub quantity: Quantity,
    /// Base units that were proposed.
    pub proposed_quantity: Quantity,
    /// The most packs it could have got.
    pub max_packs: Option<i64>,
    /// Its exact share in packs before rounding, where the policy has one.
    pub share: Option<Ratio>,
    /// The packs that it would have got with every route open.
    pub packs_with_all_routes: i64,
    /// The stage that gave it its last pack, from 1.
    pub stage: Option<i64>,
    /// Why it was proposed no more; `null` where packs were left and the stages ended before.
    pub limited_by: Option<Limit>,
    /// Why so much, and why not more.
    pub why: BothLanguages,
}

/// A lot that a donor may give.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = AllocationDonorLot)]
pub struct DonorLotView {
    /// The lot; none in a rehearsal on stock that somebody made up.
    pub lot_id: Option<crate::kernel::id::LotId>,
    /// The number on its label.
    pub lot_number: crate::kernel::LotNumber,
    /// Its item.
    pub item_code: ItemCode,
    /// The last day of use, where it has one.
    pub expires_on: Option<NaiveDate>,
    /// Base units that nobody was promised.
    pub free: Quantity,
}

/// How one donor of a part stands.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = AllocationDonor)]
pub struct DonorView {
    /// The store.
    pub store_code: StoreCode,
    /// What it keeps: its floor, or its target where it was found and supplies nobody.
    pub keeps: Keeps,
    /// Base units that may be used and are promised to nobody.
    pub available: Quantity,
    /// What must remain by the plan.
    pub floor: Quantity,
    /// What it keeps in base units.
    pub kept: Quantity,
    /// Base units in lots that may be given.
    pub usable: Quantity,
    /// Whole packs above what it keeps.
    pub exportable_packs: i64,
    /// Of these, kept back for later needs.
    pub kept_back_packs: i64,
    /// Base units that are decided to leave it.
    pub quantity: Quantity,
    /// Base units that were proposed to leave it.
    pub proposed_quantity: Quantity,
    /// Base units that remain available there with what is decided.
    pub available_after: Quantity,
    /// Its lots that may be given, first expired first.
    pub lots: Vec<DonorLotView>,
    /// Its other lots, with the reason.
    pub passed_over: Vec<LotPassedOver>,
}

/// A way from a donor to a recipient.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = AllocationRoute)]
pub struct RouteUsedView {
    /// The donor.
    pub from_store: StoreCode,
    /// The recipient.
    pub to_store: StoreCode,
    /// The cost of one pack.
    pub cost: i64,
    /// Where that comes from.
    pub cost_from: CostFrom,
    /// The day on which goods that leave at the time of the figures arrive.
    pub arrives_on: NaiveDate,
    /// Why nothing may go this way; `null` where it is open.
    pub shut: Option<Shut>,
    /// What the table of routes says about it.
    pub reason: Option<String>,
}

/// One item, alone or with what may stand in for it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = AllocationPart)]
pub struct PartView {
    /// Its number, from 1.
    pub part: i64,
    /// The item.
    pub item_code: ItemCode,
    /// The item and what may stand in for it, in the order in which they are given.
    pub group: Vec<ItemCode>,
    /// Base units that move together.
    pub pack: Quantity,
    /// Those who receive, in the order in which ties are broken.
    pub recipients: Vec<RecipientView>,
    /// Those who give.
    pub donors: Vec<DonorView>,
    /// The ways between them.
    pub routes: Vec<RouteUsedView>,
    /// Stores that take no part, with the reason.
    pub left_out: Vec<StoreLeftOut>,
    /// What the proposed transport costs.
    pub cost: Option<Ratio>,
    /// Packs above what donors keep that nobody was proposed.
    pub left_over_packs: i64,
    /// The lowest level afterwards, as proposed.
    pub lowest_level: Option<Ratio>,
}

/// A dispatch that came of an allocation.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = AllocationDispatch)]
pub struct DispatchRefView {
    /// Its id.
    pub id: DispatchId,
    /// Its number.
    pub number: String,
    /// How far it has come.
    pub status: DispatchStatus,
    /// The sender.
    pub from_store: Option<StoreCode>,
    /// The receiver.
    pub to_store: StoreCode,
}

/// Something happened to an allocation.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = AllocationEvent)]
pub struct EventView {
    /// When.
    pub at: Instant,
    /// Who did it.
    pub actor: String,
    /// What, as one word.
    #[schema(example = "approved")]
    pub what: String,
    /// What else there is to say.
    pub note: Option<String>,
}

/// An allocation with its lines, what they rest on, and what became of it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AllocationView {
    /// The head.
    #[serde(flatten)]
    pub allocation: AllocationRow,
    /// When the figures were taken.
    pub taken_at: Instant,
    /// The plan in force then.
    pub plan: Option<PlanInForce>,
    /// What goes where.
    pub lines: Vec<LineView>,
    /// The items, with everyone who gives and receives.
    pub parts: Vec<PartView>,
    /// What has changed since the figures were taken; empty once it is decided.
    pub changes: Vec<Change>,
    /// What had changed and was accepted with the approval.
    pub accepted_changes: Vec<Change>,
    /// The dispatches that it was turned into.
    pub dispatches: Vec<DispatchRefView>,
    /// What happened, in order.
    pub events: Vec<EventView>,
    /// The frozen inputs: compact and in this order, their SHA-256 is `input_hash`.
    pub inputs: serde_json::Value,
}

impl AllocationView {
    /// An allocation as it stands at `now`.
    pub fn of(one: &Allocation, context: &Context, events: Vec<Event>, now: Instant) -> Self {
        let parts = one.inputs.parts.iter().zip(&one.outcome.parts).zip(1..);
        Self {
            allocation: AllocationRow::of(one, context, now),
            taken_at: one.inputs.taken_at,
            plan: one.inputs.plan.clone(),
            lines: one.lines.iter().map(|line| LineView::of(line, one)).collect(),
            parts: parts
                .map(|((input, outcome), no)| PartView::of(one, no, input, outcome))
                .collect(),
            changes: context.changes.clone(),
            accepted_changes: one.accepted.clone(),
            dispatches: context
                .dispatches
                .iter()
                .map(|order| DispatchRefView {
                    id: order.id.clone(),
                    number: order.number.clone(),
                    status: order.status,
                    from_store: order.from_store.clone(),
                    to_store: order.to_store.clone(),
                })
                .collect(),
            events: events
                .into_iter()
                .map(|event| EventView {
                    at: event.at,
                    actor: event.actor,
                    what: event.what,
                    note: event.note,
                })
                .collect(),
            inputs: serde_json::from_str(&one.inputs.to_json()).unwrap_or_default(),
        }
    }
}

fn part_of(one: &Allocation, number: i64) -> Option<(&PartInput, &PartOutcome)> {
    let mut parts = one.inputs.parts.iter().zip(&one.outcome.parts).zip(1..);
    parts.find(|(_, at)| *at == number).map(|(part, _)| part)
}

/// Base units that a recipient of a part gets, as decided.
fn decided_for(one: &Allocation, part: i64, store: &StoreCode) -> Quantity {
    let lines = one.lines.iter().filter(|line| line.part == part && line.to == *store);
    Quantity::total(lines.map(|line| line.decided))
}

impl LineView {
    fn of(line: &Line, one: &Allocation) -> Self {
        let part = part_of(one, line.part);
        let pack = part.map_or(1, |(input, _)| input.pack.units()).max(1);
        let recipient =
            part.and_then(|(input, _)| input.recipients.iter().find(|one| one.store == line.to));
        let award =
            part.and_then(|(_, outcome)| outcome.awards.iter().find(|one| one.store == line.to));
        let measure = award.map_or(one.inputs.terms.measure, |award| award.measured_by);
        let total = decided_for(one, line.part, &line.to);
        let level = |more: Quantity| recipient.and_then(|known| level_with(known, more, measure));
        Self {
            line: line.line,
            part: line.part,
            item_code: line.item_code.clone(),
            from_store: line.from.clone(),
            to_store: line.to.clone(),
            packs: line.decided.units() / pack,
            quantity: line.decided,
            lots: line.decided_lots.clone(),
            level_before: level(Quantity::ZERO),
            level_after: level(total),
            limited_by: award.and_then(|award| award.limited_by),
            proposed: line.edit.as_ref().map(|_| ProposedView {
                packs: line.proposed.units() / pack,
                quantity: line.proposed,
                lots: line.proposed_lots.clone(),
            }),
            edited: line.edit.as_ref().map(|edit| EditView {
                reason: edit.reason.clone(),
                by: edit.by.clone(),
                at: edit.at,
            }),
            why: why_this_line(line, part.map(|(input, _)| input)),
        }
    }
}

impl PartView {
    fn of(one: &Allocation, number: i64, input: &PartInput, outcome: &PartOutcome) -> Self {
        let recipients = input.recipients.iter().zip(&outcome.awards);
        let donors = input.donors.iter().zip(&outcome.gifts);
        Self {
            part: number,
            item_code: input.item.clone(),
            group: input.group.clone(),
            pack: input.pack,
            recipients: recipients
                .map(|(known, award)| {
                    let decided = decided_for(one, number, &known.store);
                    RecipientView::of(known, award, decided, input, &one.inputs)
                })
                .collect(),
            donors: donors
                .map(|(known, gift)| DonorView::of(one, number, known, gift, input.pack))
                .collect(),
            routes: input
                .routes
                .iter()
                .map(|route| RouteUsedView {
                    from_store: route.from.clone(),
                    to_store: route.to.clone(),
                    cost: route.cost,
                    cost_from: route.cost_from,
                    arrives_on: route.arrives_on,
                    shut: route.shut,
                    reason: route.reason.clone(),
                })
                .collect(),
            left_out: input.left_out.clone(),
            cost: outcome.cost,
            left_over_packs: outcome.left_over_packs,
            lowest_level: outcome.lowest_level,
        }
    }
}

impl RecipientView {
    fn of(
        known: &RecipientInput,
        award: &AwardOutcome,
        decided: Quantity,
        part: &PartInput,
        inputs: &Inputs,
    ) -> Self {
        let level = |more, measure| level_with(known, more, measure);
        let (none, pack) = (Quantity::ZERO, part.pack.units().max(1));
        Self {
            store_code: known.store.clone(),
            priority: known.priority,
            urgent: award.urgent,
            response_level: known.level,
            available: known.available,
            arriving: known.arriving,
            promised: known.promised,
            daily_use: known.daily_use,
            target: known.target,
            measured_by: award.measured_by,
            level_before: level(none, award.measured_by),
            level_after: level(decided, award.measured_by),
            days_before: level(none, Measure::DaysOfCover),
            days_after: level(decided, Measure::DaysOfCover),
            coverage_before: level(none, Measure::Coverage),
            coverage_after: level(decided, Measure::Coverage),
            packs: decided.units() / pack,
            quantity: decided,
            proposed_quantity: award.quantity,
            max_packs: award.max_packs,
            share: award.share,
            packs_with_all_routes: award.packs_with_all_routes,
            stage: award.stage.map(|stage| stage + 1),
            limited_by: award.limited_by,
            why: why_this_much(known, award, part, inputs),
        }
    }
}

impl DonorView {
    fn of(
        one: &Allocation,
        part: i64,
        known: &DonorInput,
        gift: &GiftOutcome,
        pack: Quantity,
    ) -> Self {
        let total = |of: fn(&crate::allocation::inputs::DonorItem) -> Quantity| {
            Quantity::total(known.items.iter().map(of))
        };
        let lines = one.lines.iter().filter(|line| line.part == part && line.from == known.store);
        let decided = Quantity::total(lines.map(|line| line.decided));
        let available = total(|item| item.available);
        Self {
            store_code: known.store.clone(),
            keeps: known.keeps,
            available,
            floor: total(|item| item.floor),
            kept: total(|item| item.keeps),
            usable: total(|item| item.usable),
            exportable_packs: gift.exportable_packs,
            kept_back_packs: gift.kept_back_packs,
            quantity: decided,
            proposed_quantity: pack.times(gift.packs).unwrap_or(Quantity::MAX),
            available_after: available.minus_or_zero(decided),
            lots: known
                .lots
                .iter()
                .map(|lot| DonorLotView {
                    lot_id: lot.lot_id.clone(),
                    lot_number: lot.lot_number.clone(),
                    item_code: lot.item_code.clone(),
                    expires_on: lot.expires_on,
                    free: lot.free,
                })
                .collect(),
            passed_over: known.passed_over.clone(),
        }
    }
}

/// Whether the frozen inputs give the same answer again, and whether the facts are still the same.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AllocationRecomputation {
    /// The allocation.
    pub id: AllocationId,
    /// Its number.
    pub number: String,
    /// Whether it is a rehearsal.
    pub rehearsal: bool,
    /// The hash that was kept with the inputs.
    pub input_hash: String,
    /// Whether the inputs still have that hash.
    pub hash_holds: bool,
    /// Whether working them out again gives the same lines, lots and levels.
    pub same: bool,
    /// Whether figures have changed since they were taken.
    pub stale: bool,
    /// What has changed.
    pub changes: Vec<Change>,
    /// What comes out of the frozen inputs.
    pub lines: Vec<RecomputedLine>,
}

/// A line that comes out of frozen inputs.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RecomputedLine {
    /// The part, from 1.
    pub part: i64,
    /// The item.
    pub item_code: ItemCode,
    /// The donor.
    pub from_store: StoreCode,
    /// The recipient.
    pub to_store: StoreCode,
    /// Base units.
    pub quantity: Quantity,
    /// The lots.
    pub lots: Vec<LotShare>,
}

/// What is known of the road from one store to another.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RouteView {
    /// From where.
    pub from_store: StoreCode,
    /// To where.
    pub to_store: StoreCode,
    /// What moving one pack costs; the distance counts where `null`.
    pub cost: Option<i64>,
    /// Metres by road; those between the coordinates count where `null`.
    pub distance_m: Option<i64>,
    /// Minutes on the road; a day counts where `null`.
    pub travel_minutes: Option<i64>,
    /// Whether goods stay cold on it.
    pub cold_chain: bool,
    /// Whether nothing may go.
    pub closed: bool,
    /// Why it is closed, or what else there is to say.
    pub reason: Option<String>,
}

impl From<Route> for RouteView {
    fn from(route: Route) -> Self {
        Self {
            from_store: route.from,
            to_store: route.to,
            cost: route.cost,
            distance_m: route.distance_m,
            travel_minutes: route.travel_minutes,
            cold_chain: route.cold_chain,
            closed: route.closed,
            reason: route.reason,
        }
    }
}

/// The table of routes after it was put in place.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RouteTableView {
    /// How many routes stand between the stores of the caller's region now.
    pub routes: i64,
    /// How many of them are closed.
    pub closed: i64,
    /// Counts the changes of the whole table; the `ETag` is `"v<version>"`.
    pub version: i64,
}
