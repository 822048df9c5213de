//! Plans and levels as the service shows them.

pub mod comments;
pub mod norms;

use crate::authority::Authority;
use crate::db::{DbConnection, DbError};
use crate::kernel::id::{ReservePlanId, ReservePlanLineId, ResponseLevelId};
use crate::kernel::{Instant, ItemCode, Quantity, RegionCode, StoreCode};
use crate::reserve_plan::level::{Declaration, LevelHeld, ResponseLevel, timeline};
use crate::reserve_plan::plan::{
    Basis, LevelPercents, LineScope, PlanLine, PlanStatus, PlanVersion, PlansInForce, StoredLine,
};
use crate::reserve_plan::{queries, records, rules};
use serde::Serialize;
use utoipa::ToSchema;

/// A version of a reserve plan without its lines.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PlanHead {
    /// The version's id.
    pub id: ReservePlanId,
    /// The region that it is for: the stores in it, unless a smaller region has a plan in force.
    pub region_code: RegionCode,
    /// The number of the plan, the same for all its versions.
    #[schema(example = "RP-2026-001")]
    pub number: String,
    /// Which version of that plan it is, from 1.
    pub version: i64,
    /// What people call it.
    pub name: String,
    /// How far it has come.
    pub status: PlanStatus,
    /// Whether it is the one that holds now for its region: the approved version with the latest
    /// `effective_from` that is not in the future.
    pub in_force: bool,
    /// From when it holds, once approved.
    pub effective_from: Option<Instant>,
    /// The number of the approving paper.
    pub approval_number: Option<String>,
    /// The version whose lines it began with.
    pub copied_from: Option<ReservePlanId>,
    /// Who made it.
    pub created_by: String,
    /// When it was made.
    pub created_at: Instant,
    /// Who handed it in.
    pub submitted_by: Option<String>,
    /// When it was handed in.
    pub submitted_at: Option<Instant>,
    /// Who approved it.
    pub approved_by: Option<String>,
    /// When it was approved.
    pub approved_at: Option<Instant>,
}

impl PlanHead {
    /// A version as shown, told which ones are in force.
    pub fn new(plan: PlanVersion, in_force: &PlansInForce) -> Self {
        let holds = in_force.holds(&plan);
        let (submitted_by, submitted_at) = plan.submission.map(|s| (s.by, s.at)).unzip();
        let (approved_by, approved_at) = plan.approval.clone().map(|a| (a.by, a.at)).unzip();
        Self {
            in_force: holds,
            id: plan.id,
            region_code: plan.region,
            number: plan.number,
            version: plan.version,
            name: plan.name,
            status: plan.status,
            effective_from: plan.approval.as_ref().map(|a| a.effective_from),
            approval_number: plan.approval.and_then(|a| a.number),
            copied_from: plan.copied_from,
            created_by: plan.created_by,
            created_at: plan.created_at,
            submitted_by,
            submitted_at,
            approved_by,
            approved_at,
        }
    }
}

/// A version of a reserve plan with its lines.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PlanView {
    /// The version.
    #[serde(flatten)]
    pub head: PlanHead,
    /// What it says.
    pub lines: Vec<PlanLineView>,
}

/// A line of a plan: exactly one of `store_code`, `store_kind` and `region_code` is given.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PlanLineView {
    /// Its place in the version, from 1.
    pub line: i64,
    /// The store it speaks of.
    pub store_code: Option<StoreCode>,
    /// The kind of stores it speaks of.
    pub store_kind: Option<String>,
    /// The region whose stores it speaks of.
    pub region_code: Option<RegionCode>,
    /// The item.
    pub item_code: ItemCode,
    /// The grounds of its target; the largest counts.
    pub bases: Vec<Basis>,
    /// Stock below this is reserve.
    pub floor: Option<Quantity>,
    /// The target is never above this, unless the floor is.
    pub ceiling: Option<Quantity>,
    /// What a response level makes of the target, in whole percents; 100 where not named.
    pub level_percent: LevelPercents,
    /// What a response level makes of the floor, in whole percents; 100 where not named.
    pub floor_percent: LevelPercents,
}

impl From<StoredLine> for PlanLineView {
    fn from(stored: StoredLine) -> Self {
        let line = stored.line;
        let (store_code, store_kind, region_code) = match line.scope {
            LineScope::Store(store) => (Some(store), None, None),
            LineScope::StoreKind(kind) => (None, Some(kind), None),
            LineScope::Region(region) => (None, None, Some(region)),
        };
        Self {
            line: stored.line_no,
            store_code,
            store_kind,
            region_code,
            item_code: line.item,
            bases: line.bases,
            floor: line.floor,
            ceiling: line.ceiling,
            level_percent: line.level_percent,
            floor_percent: line.floor_percent,
        }
    }
}

/// How two versions differ.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PlanDiffView {
    /// The version that is compared with.
    pub before: PlanHead,
    /// The version asked about.
    pub after: PlanHead,
    /// The lines, matched by store, kind or region, and item.
    #[serde(flatten)]
    pub lines: LinesDiffView,
}

/// How the lines of two versions differ.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LinesDiffView {
    /// Lines that only the version asked about has.
    pub added: Vec<PlanLineView>,
    /// Lines that it no longer has.
    pub removed: Vec<PlanLineView>,
    /// Lines that say something else now.
    pub changed: Vec<ChangedLine>,
}

/// A line before and after.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ChangedLine {
    /// What it said.
    pub before: PlanLineView,
    /// What it says.
    pub after: PlanLineView,
    /// The fields that say something else.
    pub fields: Vec<ChangedField>,
}

/// A field of a line before and after.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ChangedField {
    /// Its name.
    #[schema(example = "ceiling")]
    pub field: String,
    /// What it said.
    #[schema(value_type = Object)]
    pub before: serde_json::Value,
    /// What it says.
    #[schema(value_type = Object)]
    pub after: serde_json::Value,
}

/// What came of a table of lines.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ReplacedLinesView {
    /// The version.
    pub plan_id: ReservePlanId,
    /// Whether it was only tried, and nothing stored.
    pub dry_run: bool,
    /// Lines of the table.
    pub lines: usize,
    /// What changes by them.
    pub changes: LinesDiffView,
}

/// The plan that is in force in a region at a time.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PlanInForceView {
    /// The region asked about.
    pub region_code: RegionCode,
    /// The time asked about.
    pub at: Instant,
    /// By what had been approved at this time; null for what is known today.
    pub known_at: Option<Instant>,
    /// The plan: the region's own, or that of the nearest region above it; null when none is.
    pub plan: Option<PlanHead>,
    /// When the next plan takes its place, as far as one has been approved.
    pub until: Option<Instant>,
}

/// The plan that is in force in a region at a time.
///
/// # Errors
/// When the database fails.
pub fn plan_in_force_view(
    conn: &mut DbConnection,
    region: RegionCode,
    at: Instant,
    known_at: Option<Instant>,
    now: Instant,
) -> Result<PlanInForceView, DbError> {
    let plan = records::plans_in_force(conn, at, known_at)?.of(&region).cloned();
    let mut nearer = region.with_ancestors();
    if let Some(plan) = &plan {
        nearer.retain(|above| plan.region.contains(above));
    }
    let until = records::next_beginning(conn, &nearer, at, known_at)?;
    let today = records::plans_in_force(conn, now, None)?;
    let plan = plan.map(|plan| PlanHead::new(plan, &today));
    Ok(PlanInForceView { region_code: region, at, known_at, plan, until })
}

/// A declaration of a response level.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DeclarationView {
    /// The declaration's id.
    pub id: ResponseLevelId,
    /// The region that declared it.
    pub region_code: RegionCode,
    /// The level.
    pub level: ResponseLevel,
    /// Why.
    pub reason: String,
    /// By whose word.
    pub authority: Authority,
    /// From when it holds.
    pub effective_at: Instant,
    /// When it was recorded.
    pub recorded_at: Instant,
    /// Who recorded it.
    pub declared_by: String,
}

impl From<Declaration> for DeclarationView {
    fn from(declared: Declaration) -> Self {
        Self {
            id: declared.id,
            region_code: declared.region,
            level: declared.level,
            reason: declared.reason,
            authority: declared.authority,
            effective_at: declared.effective_at,
            recorded_at: declared.recorded_at,
            declared_by: declared.declared_by,
        }
    }
}

/// A stretch of time in which one level held in a region.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LevelHeldView {
    /// The level.
    pub level: ResponseLevel,
    /// From when; null for the time before any declaration.
    pub from: Option<Instant>,
    /// Until when, exclusive; null while nothing later is declared.
    pub until: Option<Instant>,
    /// The declaration that it comes from: the region's own or of a region above it.
    pub declaration: Option<DeclarationView>,
}

impl From<&LevelHeld<'_>> for LevelHeldView {
    fn from(held: &LevelHeld<'_>) -> Self {
        Self {
            level: held.level,
            from: held.from,
            until: held.until,
            declaration: held.declaration.cloned().map(DeclarationView::from),
        }
    }
}

/// The response level that holds in a region.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LevelInForceView {
    /// The region asked about.
    pub region_code: RegionCode,
    /// The level that holds there; `normal` where nobody has declared any.
    pub level: ResponseLevel,
    /// The declaration that it comes from: the region's own, or that of the nearest above it.
    pub declaration: Option<DeclarationView>,
}

/// The level that holds in a region, and the number of the region's own declarations.
///
/// # Errors
/// When the database fails.
pub fn level_in_force(
    conn: &mut DbConnection,
    region: &RegionCode,
    at: Instant,
    known_at: Option<Instant>,
) -> Result<(LevelInForceView, i64), DbError> {
    let mut declared = queries::declarations_over(conn, region, known_at)?;
    declared.retain(|one| one.effective_at <= at);
    let held = timeline(region, &declared);
    let found = held.last().and_then(|held| held.declaration).cloned();
    let view = LevelInForceView {
        region_code: region.clone(),
        level: found.as_ref().map_or(ResponseLevel::Normal, |declared| declared.level),
        declaration: found.map(DeclarationView::from),
    };
    Ok((view, records::count_levels(conn, region)?))
}

/// A version with its lines, as shown.
///
/// # Errors
/// When the database fails.
pub fn plan_view(
    conn: &mut DbConnection,
    plan: PlanVersion,
    now: Instant,
) -> Result<PlanView, DbError> {
    let in_force = records::plans_in_force(conn, now, None)?;
    let lines = records::lines_of(conn, &plan.id)?;
    Ok(PlanView {
        head: PlanHead::new(plan, &in_force),
        lines: lines.into_iter().map(Into::into).collect(),
    })
}

/// How a version differs from another.
///
/// # Errors
/// When the database fails.
pub fn diff_view(
    conn: &mut DbConnection,
    before: PlanVersion,
    after: PlanVersion,
    now: Instant,
) -> Result<PlanDiffView, DbError> {
    let in_force = records::plans_in_force(conn, now, None)?;
    let old = records::lines_of(conn, &before.id)?;
    let new = records::lines_of(conn, &after.id)?;
    Ok(PlanDiffView {
        before: PlanHead::new(before, &in_force),
        after: PlanHead::new(after, &in_force),
        lines: LinesDiffView::between(&old, &new),
    })
}

impl LinesDiffView {
    fn between(old: &[StoredLine], new: &[StoredLine]) -> Self {
        let found = rules::diff(old, new);
        let views = |lines: Vec<&StoredLine>| lines.into_iter().cloned().map(Into::into).collect();
        let changed = found.changed.into_iter();
        Self {
            added: views(found.added),
            removed: views(found.removed),
            changed: changed.map(|(before, after)| ChangedLine::of(before, after)).collect(),
        }
    }
}

impl ChangedLine {
    fn of(before: &StoredLine, after: &StoredLine) -> Self {
        let (before, after) =
            (PlanLineView::from(before.clone()), PlanLineView::from(after.clone()));
        Self { fields: changed_fields(&before, &after), before, after }
    }
}

/// The fields of two lines that say something else, without their place in the version.
fn changed_fields(before: &PlanLineView, after: &PlanLineView) -> Vec<ChangedField> {
    let fields_of = |line: &PlanLineView| match serde_json::to_value(line) {
        Ok(serde_json::Value::Object(fields)) => fields,
        // A line is a plain struct of texts and numbers, which always has a JSON form.
        Ok(_) | Err(_) => serde_json::Map::new(),
    };
    let (old, mut new) = (fields_of(before), fields_of(after));
    old.into_iter()
        .filter(|(field, _)| field != "line")
        .filter_map(|(field, before)| {
            let after = new.remove(&field).unwrap_or_default();
            (before != after).then_some(ChangedField { field, before, after })
        })
        .collect()
}

/// What putting lines in place of those of a draft changes.
pub fn replaced_view(
    plan: &ReservePlanId,
    old: &[StoredLine],
    new: &[PlanLine],
    dry_run: bool,
) -> ReplacedLinesView {
    let stored: Vec<StoredLine> = (1_i64..)
        .zip(new)
        .map(|(line_no, line)| StoredLine {
            id: ReservePlanLineId::generate(),
            plan_id: plan.clone(),
            line_no,
            line: line.clone(),
        })
        .collect();
    ReplacedLinesView {
        plan_id: plan.clone(),
        dry_run,
        lines: stored.len(),
        changes: LinesDiffView::between(old, &stored),
    }
}
