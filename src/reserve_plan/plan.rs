//! What a reserve plan says: versions, lines, and the bases on which a line's target rests.

use crate::kernel::id::{ReservePlanId, ReservePlanLineId, UserId};
use crate::kernel::{Instant, ItemCode, Quantity, Ratio, RegionCode, StoreCode};
use crate::reserve_plan::level::ResponseLevel;
use crate::word_enum;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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

word_enum! {
    /// Data without which a target cannot be worked out.
    pub enum NotComputable {
        /// The average daily consumption is unknown.
        ConsumptionUnknown = "consumption_unknown",
        /// The result is larger than any quantity the service can hold.
        TooLarge = "too_large",
    }
}

impl NotComputable {
    /// The reason in Chinese.
    pub const fn zh(self) -> &'static str {
        match self {
            Self::ConsumptionUnknown => "缺少消耗数据",
            Self::TooLarge => "计算结果过大",
        }
    }

    /// The reason in English.
    pub const fn en(self) -> &'static str {
        match self {
            Self::ConsumptionUnknown => "the average daily consumption is unknown",
            Self::TooLarge => "the result is too large",
        }
    }
}

/// One ground on which a line's target rests; the largest of a line's bases counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Basis {
    /// A fixed quota 储备定额.
    Fixed {
        /// Base units.
        quantity: Quantity,
    },
    /// So many days of the average daily consumption.
    DaysOfCover {
        /// Whole days.
        days: i64,
    },
    /// A norm by head-count: `heads × rate / per`, e.g. people, beds, staff or students.
    Norm {
        /// Number of heads.
        heads: i64,
        /// Base units for each `per` heads.
        rate: i64,
        /// The number of heads that `rate` is for, above zero.
        per: i64,
    },
}

impl Basis {
    /// The exact number of base units that it asks for; rounding comes at the very end.
    ///
    /// # Errors
    /// `ConsumptionUnknown` when it rests on consumption and `adc` is `None`.
    pub fn amount(&self, adc: Option<Ratio>) -> Result<Ratio, NotComputable> {
        match self {
            Self::Fixed { quantity } => Ok(Ratio::whole(quantity.units().into())),
            Self::DaysOfCover { days } => adc
                .ok_or(NotComputable::ConsumptionUnknown)?
                .times(Ratio::whole((*days).into()))
                .ok_or(NotComputable::TooLarge),
            Self::Norm { heads, rate, per } => i128::from(*heads)
                .checked_mul((*rate).into())
                .and_then(|need| Ratio::new(need, (*per).into()))
                .ok_or(NotComputable::TooLarge),
        }
    }

    /// The basis as a formula for people to read.
    pub fn formula(&self, adc: Option<Ratio>) -> String {
        match (self, adc) {
            (Self::Fixed { quantity }, _) => quantity.to_string(),
            (Self::DaysOfCover { days }, Some(adc)) => format!("{adc} × {days}"),
            (Self::DaysOfCover { days }, None) => format!("? × {days}"),
            (Self::Norm { heads, rate, per }, _) => format!("{heads} × {rate} / {per}"),
        }
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

    /// The percentage at a level.
    pub fn at(&self, level: ResponseLevel) -> i64 {
        self.0.get(&level).copied().unwrap_or(100)
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
