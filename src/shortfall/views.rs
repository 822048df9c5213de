//! Shortfalls as the service shows them, and how it explains them.

pub mod preview;
pub mod stream;

use crate::consumption::rules::{AverageUse, Method};
use crate::consumption::views::DailyUseView;
use crate::expected::queries::OpenLine;
use crate::expected::rules::ExpectedKind;
use crate::kernel::id::{DispatchId, ExpectedReceiptId, LotId, ReservePlanId, SubstitutionListId};
use crate::kernel::{Instant, ItemCode, Money, Quantity, Ratio, RegionCode, StoreCode};
use crate::reserve_plan::basis::{Basis, Step};
use crate::reserve_plan::level::ResponseLevel;
use crate::reserve_plan::plan::{LineScope, PlanVersion, StoredLine};
use crate::reserve_plan::safety::largest_rotatable;
use crate::reserve_plan::views::PlanLineView;
use crate::shortfall::holding::{LeftOut, LotAtStore, LotOnTheWay};
use crate::shortfall::ordering::Band;
use crate::shortfall::queries::{Evidence, Line};
use crate::shortfall::rules::{ArrivalVerdict, Reason, Status, Totals, percent};
use crate::stock::account::StockState;
use chrono::NaiveDate;
use serde::Serialize;
use utoipa::ToSchema;

/// The version of the plan that figures rest on.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PlanRef {
    /// The version's id.
    pub id: ReservePlanId,
    /// What people call it.
    pub name: String,
    /// The number of the plan.
    pub number: String,
    /// Which version of it.
    pub version: i64,
}

impl From<&PlanVersion> for PlanRef {
    fn from(plan: &PlanVersion) -> Self {
        Self {
            id: plan.id.clone(),
            name: plan.name.clone(),
            number: plan.number.clone(),
            version: plan.version,
        }
    }
}

/// A version of a plan and the region that it is for.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PlanOfRegion {
    /// The region.
    pub region_code: RegionCode,
    /// The version.
    #[serde(flatten)]
    pub plan: PlanRef,
}

impl From<&PlanVersion> for PlanOfRegion {
    fn from(plan: &PlanVersion) -> Self {
        Self { region_code: plan.region.clone(), plan: PlanRef::from(plan) }
    }
}

/// How one store stands with one item.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ShortfallRow {
    /// The store.
    pub store_code: StoreCode,
    /// The item.
    pub item_code: ItemCode,
    /// The version of the plan that is in force there.
    pub plan_id: ReservePlanId,
    /// The response level that holds at the store.
    pub level: ResponseLevel,
    /// 储备定额 in base units; null when it cannot be worked out.
    pub target: Option<Quantity>,
    /// 下限 at that level: stock below it is reserve.
    pub floor: Option<Quantity>,
    /// 上限.
    pub ceiling: Option<Quantity>,
    /// 账面: everything in the store, usable or not.
    pub on_hand: Quantity,
    /// 占用: promised to documents.
    pub reserved: Quantity,
    /// 不可用: expired, recalled or not in state `available`, and promised to nobody.
    pub blocked: Quantity,
    /// 可用: on hand less reserved less blocked.
    pub available: Quantity,
    /// 在途: all that is on the way to the store.
    pub in_transit_in: Quantity,
    /// Of that, what arrives within the horizon, in date and not recalled.
    pub arriving: Quantity,
    /// 订单: on order and still to come.
    pub on_order: Quantity,
    /// Of that, what is due within the horizon; what is overdue counts as due today.
    pub orders_arriving: Quantity,
    /// 协议储备: what suppliers keep ready by agreements; never netted.
    pub agreed: Quantity,
    /// 产能储备: what can be produced by agreement; never netted.
    pub capacity: Quantity,
    /// What nobody may use, or not everybody, by reason.
    pub set_apart: Vec<SetApartView>,
    /// 现货缺口: target less available, at least zero.
    pub on_hand_shortfall: Option<Quantity>,
    /// 净缺口: what arrives in time, on the way or on order, is taken off too.
    pub net_shortfall: Option<Quantity>,
    /// What may stand in, in order, from its surplus at the store; counted one way and once, and in
    /// no other figure. Empty where nothing may.
    pub substitutes: Vec<StandInView>,
    /// The net shortfall less what would stand in; null where nothing may.
    pub shortfall_after_substitution: Option<Quantity>,
    /// What lies above both target and floor.
    pub surplus: Option<Quantity>,
    /// `min(1, available / target)`, exact; null without a target or when it is zero.
    #[schema(value_type = Option<String>, example = "310/1121")]
    pub coverage: Option<Ratio>,
    /// The same in whole percents, rounded down.
    #[schema(example = 27)]
    pub coverage_percent: Option<i64>,
    /// 日均消耗, exact; null when unknown, which is not 0.
    #[schema(value_type = Option<String>, example = "61/2")]
    pub adc: Option<Ratio>,
    /// How that came to be known: from `issues`, `estimated` from stock reports, `mixed`, `manual`
    /// (set by hand) or `unknown`.
    pub adc_method: Method,
    /// The last day on which a daily use set by hand holds; null for any other method.
    #[schema(value_type = Option<String>, format = Date)]
    pub adc_through: Option<NaiveDate>,
    /// `available / adc`, exact; null when the consumption is unknown or zero.
    #[schema(value_type = Option<String>, example = "620/61")]
    pub days_of_cover: Option<Ratio>,
    /// The first day not fully served when nothing more comes; null when none is in sight.
    #[schema(value_type = Option<String>, format = Date)]
    pub stockout_on: Option<NaiveDate>,
    /// Base units that will expire unused at this consumption, rounded up; null when unknown.
    pub projected_expiry_waste: Option<Quantity>,
    /// What the net shortfall costs at the newest known price; null when none is known.
    #[schema(value_type = Option<String>, example = "1466.40")]
    pub cost: Option<Money>,
    /// How the store stands: the first that holds.
    pub status: Status,
    /// Where the stock lies between least and most; null without a target.
    pub band: Option<Band>,
    /// What to order in whole packs; null when nothing need be ordered.
    pub suggested_order: Option<SuggestedOrder>,
    /// What to know before acting on the line.
    pub reasons: Vec<Reason>,
    /// When the store was last heard of, by a movement or a stock report; null when it never was.
    pub last_report_at: Option<Instant>,
    /// What a silent store could use by estimate: `available` less `adc` for each day since it was
    /// last heard of. Only where it is asked for by `estimate`, and in no sum.
    pub estimated_available: Option<Quantity>,
}

/// Stock that nobody may use, or not everybody.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SetApartView {
    /// Why.
    pub reason: LeftOut,
    /// Base units.
    pub quantity: Quantity,
    /// Whether it counts as available all the same: it is there for those whose it is, or for the
    /// purpose for which it is kept.
    pub counts_as_available: bool,
}

/// A substitute and what it would do.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct StandInView {
    /// The substitute.
    pub item_code: ItemCode,
    /// Base units above its own target and floor at the store, less what stands in for items whose
    /// codes come before.
    pub surplus_available: Quantity,
    /// Base units of the shortfall that it would cover.
    pub would_cover: Quantity,
    /// Base units of its own that this takes.
    pub would_take: Quantity,
    /// So many of its base units …
    pub substitute_units: Quantity,
    /// … stand in for so many of the item's.
    pub item_units: Quantity,
    /// The list of substitutes that permits it, with the reason and the source.
    pub substitution_list_id: SubstitutionListId,
}

/// What to order.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SuggestedOrder {
    /// Available, and all that is on the way or on order, however late.
    pub position: Quantity,
    /// Order up to this: the target, or the maximum of a basis that has one where that is more.
    pub up_to: Quantity,
    /// `max(0, up_to − position)`.
    pub lacking: Quantity,
    /// The item's smallest pack; null for single base units.
    #[schema(example = "box")]
    pub pack_code: Option<String>,
    /// Whole packs: `ceil(lacking / pack)`.
    pub packs: i64,
    /// Base units in them.
    pub quantity: Quantity,
    /// What they cost at the newest known price; null when none is known.
    #[schema(value_type = Option<String>, example = "245")]
    pub cost: Option<Money>,
}

fn set_apart(line: &Line) -> Vec<SetApartView> {
    let view = |(reason, quantity): &(LeftOut, Quantity)| SetApartView {
        reason: *reason,
        quantity: *quantity,
        counts_as_available: reason.is_available(),
    };
    line.set_apart.iter().map(view).collect()
}

fn stand_ins(line: &Line) -> Vec<StandInView> {
    let stand_ins = line.substitution.iter().flat_map(|of| &of.stand_ins);
    stand_ins
        .map(|one| StandInView {
            item_code: one.item.clone(),
            surplus_available: one.surplus_available,
            would_cover: one.would_cover,
            would_take: one.would_take,
            substitute_units: one.rate.substitute_units(),
            item_units: one.rate.item_units(),
            substitution_list_id: one.list.clone(),
        })
        .collect()
}

fn suggested_order(line: &Line) -> Option<SuggestedOrder> {
    line.order.map(|order| SuggestedOrder {
        position: order.position,
        up_to: order.up_to,
        lacking: order.lacking,
        pack_code: line.pack_code.clone(),
        packs: order.packs,
        quantity: order.quantity,
        cost: order.cost,
    })
}

impl From<&Line> for ShortfallRow {
    fn from(line: &Line) -> Self {
        let figures = &line.figures;
        Self {
            store_code: line.store.clone(),
            item_code: line.item.clone(),
            plan_id: line.plan_line.plan_id.clone(),
            level: line.level,
            target: line.target.as_ref().ok().map(|target| target.quantity),
            floor: line.plan_line.line.floor_at(line.level),
            ceiling: line.plan_line.line.ceiling,
            on_hand: line.on_hand,
            reserved: line.reserved,
            blocked: line.blocked,
            available: line.available,
            in_transit_in: line.in_transit_in,
            arriving: line.arriving,
            on_order: line.expected.on_order,
            orders_arriving: line.expected.arriving,
            agreed: line.expected.agreed,
            capacity: line.expected.capacity,
            set_apart: set_apart(line),
            on_hand_shortfall: figures.on_hand_shortfall,
            net_shortfall: figures.net_shortfall,
            substitutes: stand_ins(line),
            shortfall_after_substitution: line.substitution.as_ref().map(|of| of.still_missing),
            surplus: figures.surplus,
            coverage: figures.coverage,
            coverage_percent: figures.coverage.map(percent),
            adc: line.consumption.adc,
            adc_method: line.consumption.method(),
            adc_through: line.consumption.by_hand.map(|set| set.through_day),
            days_of_cover: figures.days_of_cover,
            stockout_on: line.projection.as_ref().and_then(|projection| projection.stockout_on),
            projected_expiry_waste: line.projection.as_ref().map(|p| p.total_waste),
            cost: line.cost,
            status: figures.status,
            band: line.band,
            suggested_order: suggested_order(line),
            reasons: line.reasons.clone(),
            last_report_at: line.last_report_at,
            estimated_available: line.estimated_available,
        }
    }
}

/// How the lines that match stand together.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TotalsView {
    /// The figures.
    #[serde(flatten)]
    pub figures: TotalFigures,
    /// Stores whose newest movement is older than the setting allows.
    pub stale_stores: Vec<StoreCode>,
}

/// What lines add up to.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TotalFigures {
    /// Lines that match.
    pub lines: i64,
    /// The same by how they stand.
    pub by_status: StatusCounts,
    /// Lines whose target is met.
    pub met: i64,
    /// 达标率 `met / lines`; a line that cannot be computed counts as not met.
    #[schema(value_type = Option<String>, example = "3/4")]
    pub met_rate: Option<Ratio>,
    /// `Σ min(available, target) / Σ target` over the lines that have a target: each line weighs as
    /// much as it needs, and a surplus of one hides no gap in another.
    #[schema(value_type = Option<String>, example = "11/16")]
    pub weighted_coverage: Option<Ratio>,
    /// The line with the lowest coverage; of equals the one that lacks most.
    pub worst: Option<LineRef>,
    /// The coverage of that line.
    #[schema(value_type = Option<String>, example = "0")]
    pub worst_coverage: Option<Ratio>,
    /// What the net shortfalls cost, of the lines whose price is known; null when it does not fit.
    #[schema(value_type = Option<String>, example = "1466.40")]
    pub cost: Option<Money>,
    /// Lines that lack something and whose price nobody knows: not part of the cost.
    pub without_price: i64,
    /// Lines whose figures are stale.
    pub stale_lines: i64,
}

/// Lines by how they stand.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct StatusCounts {
    /// The target cannot be worked out.
    pub not_computable: i64,
    /// Nothing is available.
    pub out: i64,
    /// Less than the floor is available.
    pub below_floor: i64,
    /// Less than the target is available.
    pub short: i64,
    /// The target is met.
    pub met: i64,
}

/// A store and an item.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LineRef {
    /// The store.
    pub store_code: StoreCode,
    /// The item.
    pub item_code: ItemCode,
}

impl From<Totals> for TotalFigures {
    fn from(totals: Totals) -> Self {
        let count = |status| totals.by_status.get(&status).copied().unwrap_or(0);
        Self {
            lines: totals.lines,
            by_status: StatusCounts {
                not_computable: count(Status::NotComputable),
                out: count(Status::Out),
                below_floor: count(Status::BelowFloor),
                short: count(Status::Short),
                met: count(Status::Met),
            },
            met: totals.met,
            met_rate: totals.met_rate,
            weighted_coverage: totals.weighted_coverage,
            worst: totals.worst.map(|(store_code, item_code)| LineRef { store_code, item_code }),
            worst_coverage: totals.worst_coverage,
            cost: totals.cost,
            without_price: totals.without_price,
            stale_lines: totals.stale_lines,
        }
    }
}

/// A text in both languages.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct BothLanguages {
    /// Simplified Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

impl BothLanguages {
    /// A text in Chinese and English.
    pub fn new(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { zh: zh.into(), en: en.into() }
    }
}

/// How a line came about: formula, plan line, inputs, lots counted and lots left out.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Explanation {
    /// The business time that the figures are of.
    pub as_of: Instant,
    /// The recorded time up to which the book was read for them.
    pub as_known_at: Instant,
    /// The version of the plan in force.
    pub plan: PlanRef,
    /// The line of it that counts: the closest to the store.
    pub plan_line: PlanLineView,
    /// Why that line counts and no other.
    pub why_this_line: BothLanguages,
    /// The lines of the plan that speak of the item at the store too, the closest first.
    pub lines_passed_over: Vec<PlanLineView>,
    /// The response level that holds at the store.
    pub level: ResponseLevel,
    /// The region whose declaration that is; null when nobody declared any.
    pub level_from_region: Option<RegionCode>,
    /// How targets are worked out.
    pub formula: BothLanguages,
    /// The formula with the numbers of this line.
    #[schema(example = "max(ceil(max(5000, 61/2 × 30) × 130 / 100), 1000) = 6500")]
    pub worked: String,
    /// How it is rounded.
    pub rounding: BothLanguages,
    /// Each basis of the line: formula, inputs, steps, amount, and whether it is the one that counts.
    pub bases: Vec<BasisShown>,
    /// What routine use here can rotate before it expires; null for what does not expire, or when
    /// the consumption is unknown.
    pub rotation: Option<RotationShown>,
    /// Each step of the target; null when a basis lacks its data.
    pub target: Option<TargetSteps>,
    /// What to order by a basis on minimum and maximum; null without one, or without an average.
    pub order: Option<OrderShown>,
    /// Why there is no target; null when there is one.
    pub not_computable: Option<BothLanguages>,
    /// The average daily consumption and what it rests on.
    pub consumption: ConsumptionView,
    /// The lots, and the part of each, that count as available.
    pub lots_counted: Vec<LotCounted>,
    /// The lots, and the part of each, that do not.
    pub lots_left_out: Vec<LotLeftOut>,
    /// The last day on which goods may arrive to count in the net shortfall.
    #[schema(value_type = String, format = Date)]
    pub horizon_end: NaiveDate,
    /// What is on the way, and whether it counts.
    pub in_transit: Vec<TransitView>,
    /// What is expected from outside, the first due first, and whether it counts.
    pub expected: Vec<ExpectedShown>,
    /// The net shortfall with the numbers of this line.
    #[schema(example = "max(0, 1121 − (310 + 200 + 100)) = 511")]
    pub net_worked: String,
    /// The reasons of the row in words.
    pub reasons: Vec<ReasonView>,
    /// The figures.
    pub result: ShortfallRow,
}

/// A basis of the line with its numbers.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct BasisShown {
    /// Its kind.
    #[schema(example = "full_load")]
    pub kind: &'static str,
    /// What the line says.
    pub inputs: Basis,
    /// Its formula with its numbers.
    #[schema(example = "30 × (12 × 4 + 18 × 2)")]
    pub formula: String,
    /// The steps between, exact.
    pub steps: Vec<Step>,
    /// What it asks for, exact; null when its data is missing.
    #[schema(value_type = Option<String>, example = "2520")]
    pub amount: Option<Ratio>,
    /// Whether it is the largest, which counts.
    pub counts: bool,
}

/// How large a reserve routine use can rotate.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RotationShown {
    /// The largest reserve: `floor(adc × (shelf_days − remaining_days))`.
    pub largest: Quantity,
    /// Days that the item lasts when it is new.
    pub shelf_days: i64,
    /// Days before its expiry from which it counts as near expiry.
    pub remaining_days: i64,
    /// Whether the target is no larger; what is larger must be swapped with a bigger user. Null
    /// without a target.
    pub within: Option<bool>,
}

/// What to order between a minimum and a maximum.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = PlanOrderView)]
pub struct OrderShown {
    /// Order when the position is at or below this.
    pub min: Quantity,
    /// Order up to this.
    pub max: Quantity,
    /// Available, and all that is on the way or on order, however late.
    pub position: Quantity,
    /// What to order.
    pub quantity: Quantity,
}

/// Each step of a target.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TargetSteps {
    /// The exact amount of each basis, in the order of the plan line.
    #[schema(value_type = Vec<String>, example = json!(["5000", "915"]))]
    pub bases: Vec<Ratio>,
    /// The largest of them.
    pub largest: Ratio,
    /// The percentage of the response level.
    pub level_percent: i64,
    /// `largest × level_percent / 100`, exact.
    pub at_level: Ratio,
    /// The same, rounded up.
    pub rounded: Quantity,
    /// The target is at least this: the highest floor of that level and all lesser ones.
    pub floor: Option<Quantity>,
    /// The ceiling.
    pub ceiling: Option<Quantity>,
    /// The target: `rounded`, at most the ceiling, at least the floor.
    pub target: Quantity,
}

/// An average daily consumption and what it rests on.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ConsumptionView {
    /// The first day looked at.
    #[schema(value_type = String, format = Date)]
    pub from: NaiveDate,
    /// The last day looked at, yesterday.
    #[schema(value_type = String, format = Date)]
    pub to: NaiveDate,
    /// Days of that window since the item was first seen at the store.
    pub observed_days: i64,
    /// Of these, days on which nothing was there and nothing was used.
    pub stockout_days: i64,
    /// `observed_days − stockout_days`: what the use is divided by.
    pub exposure_days: i64,
    /// Base units used, less what was given back or reversed.
    pub used: Quantity,
    /// Of these, what is estimated from stock reports.
    pub estimated: Quantity,
    /// `used / exposure_days`; null when there is no day to judge by.
    #[schema(value_type = Option<String>, example = "61/2")]
    pub computed: Option<Ratio>,
    /// What counts: set by hand, or `computed`.
    #[schema(value_type = Option<String>, example = "61/2")]
    pub adc: Option<Ratio>,
    /// `issues`, `estimated`, `mixed`, `manual` or `unknown`.
    pub method: Method,
    /// What was set by hand, with its reason, its sample and its last day; null for any other method.
    pub by_hand: Option<DailyUseView>,
}

/// A lot that counts.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LotCounted {
    /// The lot.
    pub lot_id: LotId,
    /// The maker's number.
    pub lot_number: String,
    /// The last day on which it may be used.
    #[schema(value_type = Option<String>, format = Date)]
    pub expires_on: Option<NaiveDate>,
    /// Whose it is, where it belongs to others.
    pub owner_code: Option<String>,
    /// The purpose for which it is kept, if it is.
    pub earmarked_for: Option<String>,
    /// Base units that count.
    pub quantity: Quantity,
}

/// A lot, or the part of it, that does not count.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LotLeftOut {
    /// The lot.
    pub lot_id: LotId,
    /// The maker's number.
    pub lot_number: String,
    /// The last day on which it may be used.
    #[schema(value_type = Option<String>, format = Date)]
    pub expires_on: Option<NaiveDate>,
    /// Its quality state.
    pub state: StockState,
    /// Base units that do not count.
    pub quantity: Quantity,
    /// Why.
    pub reason: LeftOut,
}

/// What is open of a line of an expected receipt.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ExpectedEvidence)]
pub struct ExpectedShown {
    /// The expected receipt.
    pub expected_receipt_id: ExpectedReceiptId,
    /// Its number.
    pub number: String,
    /// How firmly it is expected.
    pub kind: ExpectedKind,
    /// Its line.
    pub line: i64,
    /// From whom.
    pub supplier: String,
    /// When it is due.
    pub expected_at: Option<Instant>,
    /// Days from the call to the delivery.
    pub lead_days: Option<i64>,
    /// Base units that can be made in a day.
    pub per_day: Option<Quantity>,
    /// Base units that are still to come.
    pub open: Quantity,
    /// Whether they count in the net shortfall; null for agreements and capacity, which never do.
    pub verdict: Option<ArrivalVerdict>,
}

/// Goods on the way.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TransitView {
    /// The dispatch.
    pub dispatch_id: DispatchId,
    /// The lot.
    pub lot_id: LotId,
    /// The maker's number.
    pub lot_number: String,
    /// The last day on which they may be used.
    #[schema(value_type = Option<String>, format = Date)]
    pub expires_on: Option<NaiveDate>,
    /// When they are expected.
    pub expected_at: Instant,
    /// Base units.
    pub quantity: Quantity,
    /// Whether they count, or why not.
    pub verdict: ArrivalVerdict,
}

/// A reason in words.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ShortfallReasonView)]
pub struct ReasonView {
    /// The reason.
    pub code: Reason,
    /// Simplified Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

impl From<Evidence> for Explanation {
    fn from(evidence: Evidence) -> Self {
        let line = &evidence.line;
        let (lots_counted, lots_left_out) = sort_lots(&evidence.lots, evidence.today);
        Self {
            as_of: evidence.as_of,
            as_known_at: evidence.as_known_at,
            plan: PlanRef::from(&evidence.plan),
            plan_line: StoredLine::clone(&line.plan_line).into(),
            why_this_line: why_this_line(&line.plan_line.line.scope),
            lines_passed_over: evidence.passed_over.iter().cloned().map(Into::into).collect(),
            level: line.level,
            level_from_region: evidence.level_from.clone(),
            formula: BothLanguages::new(
                "定额 = 各依据的最大值 × 响应级别百分比 ÷ 100，向上取整；不高于上限，不低于下限。缺口 = 定额 − 可用；净缺口再减按时到货的在途和订单；协议、产能储备与替代物资只列示，不抵减",
                "target = the largest basis × level percent / 100, rounded up; at most the ceiling, at least the floor. Shortfall = target − available; the net shortfall also takes off what arrives in time, on the way or on order; agreements, capacity and substitutes are shown beside it and never taken off",
            ),
            worked: worked(line),
            rounding: BothLanguages::new(
                "分数一直精确保留，只在最后向上取整一次",
                "Fractions are kept exact and rounded up once, at the end",
            ),
            bases: bases_shown(line),
            order: order_shown(line),
            rotation: rotation_shown(&evidence),
            target: line.target.as_ref().ok().map(|target| TargetSteps {
                bases: target.bases.clone(),
                largest: target.largest,
                level_percent: target.percent,
                at_level: target.at_level,
                rounded: target.rounded,
                floor: target.floor,
                ceiling: target.ceiling,
                target: target.quantity,
            }),
            not_computable: line
                .target
                .as_ref()
                .err()
                .map(|why| BothLanguages::new(why.zh(), why.en())),
            consumption: consumption(&evidence),
            lots_counted,
            lots_left_out,
            horizon_end: evidence.horizon_end,
            in_transit: evidence.on_the_way.iter().map(transit).collect(),
            expected: evidence.expected.iter().map(expected).collect(),
            net_worked: net_worked(line),
            reasons: line
                .reasons
                .iter()
                .map(|code| ReasonView {
                    code: *code,
                    zh: code.zh().to_owned(),
                    en: code.en().to_owned(),
                })
                .collect(),
            result: ShortfallRow::from(line),
        }
    }
}

fn why_this_line(scope: &LineScope) -> BothLanguages {
    match scope {
        LineScope::Store(store) => BothLanguages::new(
            format!("本储备点 {store} 自己的定额，优先于其类型和地区的定额"),
            format!(
                "The line of the store {store} itself, before those of its kind and its region"
            ),
        ),
        LineScope::StoreKind(kind) => BothLanguages::new(
            format!("本储备点没有自己的定额，采用其类型 {kind} 的定额，优先于地区的定额"),
            format!(
                "The store has no line of its own; that of its kind {kind} comes before regions"
            ),
        ),
        LineScope::Region(region) => BothLanguages::new(
            format!("本储备点及其类型都没有定额，采用所在最小地区 {region} 的定额"),
            format!("Neither the store nor its kind has a line; {region} is the smallest region"),
        ),
    }
}

fn bases_shown(line: &Line) -> Vec<BasisShown> {
    let adc = line.consumption.adc;
    let bases = &line.plan_line.line.bases;
    let amounts: Vec<Option<Ratio>> = bases.iter().map(|basis| basis.amount(adc).ok()).collect();
    let largest = line.target.as_ref().ok().map(|target| target.largest);
    let winner = amounts.iter().position(|amount| amount.is_some() && *amount == largest);
    bases
        .iter()
        .zip(amounts)
        .enumerate()
        .map(|(at, (basis, amount))| BasisShown {
            kind: basis.kind(),
            inputs: basis.clone(),
            formula: basis.formula(adc),
            steps: basis.steps(adc),
            amount,
            counts: winner == Some(at),
        })
        .collect()
}

fn rotation_shown(evidence: &Evidence) -> Option<RotationShown> {
    let (shelf_days, remaining_days) = evidence.shelf_life?;
    let adc = evidence.line.consumption.adc?;
    let largest = largest_rotatable(adc, shelf_days, remaining_days)?;
    let target = evidence.line.target.as_ref().ok().map(|target| target.quantity);
    let within = target.map(|target| target <= largest);
    Some(RotationShown { largest, shelf_days, remaining_days, within })
}

/// By the first basis that has a minimum and a maximum.
fn order_shown(line: &Line) -> Option<OrderShown> {
    let adc = line.consumption.adc;
    let bounds = line.plan_line.line.bases.iter().find_map(|basis| basis.bounds(adc))?;
    let position = line.position;
    Some(OrderShown {
        min: bounds.min,
        max: bounds.max,
        position,
        quantity: bounds.order_at(position),
    })
}

/// The formula with the numbers of a line.
fn worked(line: &Line) -> String {
    let plan_line = &line.plan_line.line;
    let bases: Vec<String> =
        plan_line.bases.iter().map(|basis| basis.formula(line.consumption.adc)).collect();
    let largest = match bases.as_slice() {
        [only] => only.clone(),
        several => format!("max({})", several.join(", ")),
    };
    let percent = plan_line.level_percent.rising_to(line.level);
    let mut formula = format!("ceil({largest} × {percent} / 100)");
    if let Some(ceiling) = plan_line.ceiling {
        formula = format!("min({formula}, {ceiling})");
    }
    if let Some(floor) = plan_line.least_target_at(line.level) {
        formula = format!("max({formula}, {floor})");
    }
    match &line.target {
        Ok(target) => format!("{formula} = {}", target.quantity),
        Err(_missing) => format!("{formula} = ?"),
    }
}

/// The net shortfall with the numbers of a line.
fn net_worked(line: &Line) -> String {
    let (available, arriving, ordered) = (line.available, line.arriving, line.expected.arriving);
    let position = format!("{available} + {arriving} + {ordered}");
    match (&line.target, line.figures.net_shortfall) {
        (Ok(target), Some(short)) => {
            format!("max(0, {} − ({position})) = {short}", target.quantity)
        }
        _ => format!("max(0, ? − ({position})) = ?"),
    }
}

fn expected((line, verdict): &(OpenLine, Option<ArrivalVerdict>)) -> ExpectedShown {
    ExpectedShown {
        expected_receipt_id: line.id.clone(),
        number: line.number.clone(),
        kind: line.kind,
        line: line.line,
        supplier: line.supplier.clone(),
        expected_at: line.expected_at,
        lead_days: line.lead_days,
        per_day: line.per_day,
        open: line.open,
        verdict: *verdict,
    }
}

/// The consumption behind a line, with what was said by hand.
fn consumption(evidence: &Evidence) -> ConsumptionView {
    ConsumptionView {
        by_hand: evidence.by_hand.as_ref().map(DailyUseView::from),
        ..ConsumptionView::from(&evidence.line.consumption)
    }
}

impl From<&AverageUse> for ConsumptionView {
    fn from(average: &AverageUse) -> Self {
        Self {
            from: average.window.first(),
            to: average.window.last(),
            observed_days: average.observed_days,
            stockout_days: average.stockout_days,
            exposure_days: average.exposure_days(),
            used: average.used,
            estimated: average.estimated,
            computed: average.computed,
            adc: average.adc,
            method: average.method(),
            by_hand: None,
        }
    }
}

/// The lots, and the part of each, that count on a day, and those that do not.
pub fn sort_lots(lots: &[LotAtStore], today: NaiveDate) -> (Vec<LotCounted>, Vec<LotLeftOut>) {
    let (mut counted, mut left_out) = (Vec::new(), Vec::new());
    for lot in lots {
        let portion = lot.portion;
        let mut leave_out = |quantity: Quantity, reason: LeftOut| {
            left_out.push(LotLeftOut {
                lot_id: lot.lot.clone(),
                lot_number: lot.lot_number.clone(),
                expires_on: portion.expiry.date(),
                state: portion.state,
                quantity,
                reason,
            });
        };
        if !portion.reserved.is_zero() {
            leave_out(portion.reserved, LeftOut::Reserved);
        }
        let free = portion.unreserved();
        match portion.why_blocked(today) {
            _ if free.is_zero() => {}
            Some(blocked) => leave_out(free, blocked.into()),
            None => counted.push(LotCounted {
                lot_id: lot.lot.clone(),
                lot_number: lot.lot_number.clone(),
                expires_on: portion.expiry.date(),
                owner_code: lot.owner_code.clone(),
                earmarked_for: lot.earmarked_for.clone(),
                quantity: free,
            }),
        }
    }
    (counted, left_out)
}

fn transit((goods, verdict): &(LotOnTheWay, ArrivalVerdict)) -> TransitView {
    TransitView {
        dispatch_id: goods.dispatch.clone(),
        lot_id: goods.lot.clone(),
        lot_number: goods.lot_number.clone(),
        expires_on: goods.expires_on,
        expected_at: goods.expected_at,
        quantity: goods.quantity,
        verdict: *verdict,
    }
}
