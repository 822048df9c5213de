//! What a reserve plan says: versions and lines.

use crate::kernel::id::{ReservePlanCommentId, ReservePlanId, ReservePlanLineId, UserId};
use crate::kernel::{Instant, ItemCode, Quantity, Ratio, RegionCode, StoreCode};
pub use crate::reserve_plan::basis::{Basis, NotComputable};
use crate::reserve_plan::level::ResponseLevel;
use crate::word_enum;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

word_enum! {
    /// How far a version of a plan has come. *In force* is no status: it follows from the time.
    pub enum PlanStatus {
        /// Being written; the only status in which it may be edited.
        Draft = "draft",
        /// Handed in for approval.
        Submitted = "submitted",
        /// Approved by somebody else than its authors; unchangeable from then on.
        Approved = "approved",
    }
}

/// Integer percentages by response level; a level that is not named is 100 %.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LevelPercents(BTreeMap<ResponseLevel, i64>);

impl LevelPercents {
    /// The percentages of some levels.
    pub const fn new(percents: BTreeMap<ResponseLevel, i64>) -> Self {
        Self(percents)
    }

    /// The percentage at a level; 100 where it is not named.
    pub fn at(&self, level: ResponseLevel) -> i64 {
        self.0.get(&level).copied().unwrap_or(100)
    }

    /// The percentage that a level is given by name.
    pub fn named(&self, level: ResponseLevel) -> Option<i64> {
        self.0.get(&level).copied()
    }

    /// The percentage of a target at a level: a level that is not named asks for 100 %, and for no
    /// less than a lesser level does. So a gap between named levels never lowers a target.
    pub fn rising_to(&self, level: ResponseLevel) -> i64 {
        let lesser = self.0.range(..=level).map(|(_, percent)| *percent);
        self.0.get(&level).copied().unwrap_or_else(|| lesser.fold(100, i64::max))
    }

    /// The levels that ask for less than a lesser one does.
    pub fn falling(&self) -> Vec<ResponseLevel> {
        let mut highest = 0;
        let levels = ResponseLevel::ALL.iter().copied();
        levels
            .filter(|level| {
                let percent = self.rising_to(*level);
                let falls = percent < highest;
                highest = highest.max(percent);
                falls
            })
            .collect()
    }
}

/// Which stores a line speaks of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LineScope {
    /// One store.
    Store(StoreCode),
    /// Every store of a kind.
    StoreKind(String),
    /// Every store in a region.
    Region(RegionCode),
}

impl LineScope {
    /// How closely it describes a store; the line with the higher number wins.
    ///
    /// A store beats its kind, a kind beats a region, a small region beats the one around it.
    pub fn closeness(&self) -> usize {
        match self {
            Self::Store(_) => 1_000,
            Self::StoreKind(_) => 100,
            Self::Region(region) => region.as_str().len(),
        }
    }

    /// Whether it speaks of a store.
    pub fn covers(&self, store: &StorePlace) -> bool {
        match self {
            Self::Store(code) => *code == store.code,
            Self::StoreKind(kind) => *kind == store.kind,
            Self::Region(region) => region.contains(&store.region),
        }
    }
}

/// What a plan needs to know of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorePlace {
    /// Its code.
    pub code: StoreCode,
    /// Its kind, a row of the table of store kinds.
    pub kind: String,
    /// Where it is.
    pub region: RegionCode,
}

impl StorePlace {
    /// Everything by which a line may speak of it, the closest first.
    pub fn scopes(&self) -> Vec<LineScope> {
        let regions = self.region.with_ancestors().into_iter().map(LineScope::Region);
        [LineScope::Store(self.code.clone()), LineScope::StoreKind(self.kind.clone())]
            .into_iter()
            .chain(regions)
            .collect()
    }
}

/// What a plan says of one item in the stores of a scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanLine {
    /// The stores it speaks of.
    pub scope: LineScope,
    /// The item.
    pub item: ItemCode,
    /// The grounds of its target, at least one; the largest counts.
    pub bases: Vec<Basis>,
    /// Stock below this is reserve, and taking it is a draw-down 动用.
    pub floor: Option<Quantity>,
    /// The target is never above this.
    pub ceiling: Option<Quantity>,
    /// What a response level makes of the target.
    pub level_percent: LevelPercents,
    /// What a response level makes of the floor.
    pub floor_percent: LevelPercents,
}

impl PlanLine {
    /// The floor at a response level, rounded up.
    pub fn floor_at(&self, level: ResponseLevel) -> Option<Quantity> {
        let floor = self.floor?;
        let percent = self.floor_percent.at(level);
        let scaled = Ratio::new(i128::from(floor.units()) * i128::from(percent), 100)?;
        // What does not fit is held at the largest quantity: a floor that vanished would be worse.
        Some(scaled.ceil_quantity().unwrap_or(Quantity::MAX))
    }

    /// Below this no target lies at a response level: the highest floor of it and all lesser ones.
    ///
    /// A grave level may open the reserve by a lower floor, but what should be there does not
    /// shrink by it.
    pub fn least_target_at(&self, level: ResponseLevel) -> Option<Quantity> {
        let up_to = ResponseLevel::ALL.iter().copied().filter(|other| *other <= level);
        up_to.filter_map(|other| self.floor_at(other)).max()
    }
}

/// A line as it stands in a stored version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredLine {
    /// Its identifier.
    pub id: ReservePlanLineId,
    /// The version it belongs to.
    pub plan_id: ReservePlanId,
    /// Its place in the version, from 1.
    pub line_no: i64,
    /// What it says.
    pub line: PlanLine,
}

impl AsRef<PlanLine> for StoredLine {
    fn as_ref(&self) -> &PlanLine {
        &self.line
    }
}

/// A stored line that many stores are held to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedLine(Arc<StoredLine>);

impl From<StoredLine> for SharedLine {
    fn from(line: StoredLine) -> Self {
        Self(Arc::new(line))
    }
}

impl std::ops::Deref for SharedLine {
    type Target = StoredLine;

    fn deref(&self) -> &StoredLine {
        &self.0
    }
}

impl AsRef<PlanLine> for SharedLine {
    fn as_ref(&self) -> &PlanLine {
        &self.0.line
    }
}

/// Who handed a version in, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// The user's name.
    pub by: String,
    /// When.
    pub at: Instant,
}

/// Who approved a version, and from when it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// The user's name.
    pub by: String,
    /// When.
    pub at: Instant,
    /// The number of the approving paper 批准文号.
    pub number: Option<String>,
    /// From when it holds, until a version with a later time holds.
    pub effective_from: Instant,
}

/// A version of a reserve plan, without its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanVersion {
    /// Its identifier.
    pub id: ReservePlanId,
    /// The region that it is for: the stores in it, unless a smaller region has a plan in force.
    pub region: RegionCode,
    /// The number of the plan, the same for all its versions.
    pub number: String,
    /// Which version of that plan it is, from 1.
    pub version: i64,
    /// What people call it.
    pub name: String,
    /// How far it has come.
    pub status: PlanStatus,
    /// The users who made, edited or submitted it; none of them may approve it.
    pub authors: Vec<UserId>,
    /// The version whose lines it began with.
    pub copied_from: Option<ReservePlanId>,
    /// The name of the user who made it.
    pub created_by: String,
    /// When it was made.
    pub created_at: Instant,
    /// Who handed it in.
    pub submission: Option<Submission>,
    /// Who approved it.
    pub approval: Option<Approval>,
    /// Counts its changes, from 1.
    pub revision: i64,
}

impl PlanVersion {
    /// Remembers that `user` had a hand in it.
    pub fn add_author(&mut self, user: &UserId) {
        if !self.authors.contains(user) {
            self.authors.push(user.clone());
        }
    }
}

/// The plans in force at one time: at most one for each region.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlansInForce(BTreeMap<RegionCode, PlanVersion>);

impl PlansInForce {
    /// The plan that holds in a region: its own, or that of the nearest region above it.
    pub fn of(&self, region: &RegionCode) -> Option<&PlanVersion> {
        region.with_ancestors().into_iter().find_map(|above| self.0.get(&above))
    }

    /// Whether a version is the one in force for its region.
    pub fn holds(&self, plan: &PlanVersion) -> bool {
        self.0.get(&plan.region).is_some_and(|holding| holding.id == plan.id)
    }

    /// Each plan in force, by region.
    pub fn iter(&self) -> impl Iterator<Item = &PlanVersion> {
        self.0.values()
    }
}

impl FromIterator<PlanVersion> for PlansInForce {
    /// Of several versions of a region the last holds.
    fn from_iter<I: IntoIterator<Item = PlanVersion>>(plans: I) -> Self {
        Self(plans.into_iter().map(|plan| (plan.region.clone(), plan)).collect())
    }
}

word_enum! {
    /// What somebody did when they said something of a version.
    pub enum CommentAct {
        /// Nothing else: a remark, a question or an answer.
        Comment = "comment",
        /// Handed it in.
        Submitted = "submitted",
        /// Took it back to go on writing, as one of its authors.
        Withdrawn = "withdrawn",
        /// Sent it back to its authors.
        SentBack = "sent_back",
        /// Approved it.
        Approved = "approved",
    }
}

/// What somebody said of a version; never amended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// Its identifier.
    pub id: ReservePlanCommentId,
    /// The version.
    pub plan_id: ReservePlanId,
    /// The comment that it answers.
    pub reply_to: Option<ReservePlanCommentId>,
    /// The line that it is about, by its number at that time.
    pub line_no: Option<i64>,
    /// What was done with it.
    pub act: CommentAct,
    /// What was said; always there, except where something was submitted or approved.
    pub text: Option<String>,
    /// The name of the user.
    pub author: String,
    /// When.
    pub created_at: Instant,
}

/// The floor of an item at a store as the plan in force has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FloorInForce {
    /// Base units below which stock is reserve, at the response level that holds.
    pub quantity: Quantity,
    /// The version of the plan that says so.
    pub plan_id: ReservePlanId,
    /// Which version of its plan that is.
    pub plan_version: i64,
    /// The response level that holds at the store.
    pub level: ResponseLevel,
}
