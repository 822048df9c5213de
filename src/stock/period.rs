//! Periods of the book: closed through a business day, for a store or for a region.

use crate::access::Role;
use crate::kernel::id::PeriodId;
use crate::kernel::{Code, FaultCode, Instant, Refusal, RegionCode, StoreCode};
use crate::word_enum;
use chrono::NaiveDate;

word_enum! {
    /// Whether a period is closed.
    pub enum PeriodStatus {
        /// 已结账: nothing is posted into it.
        Closed = "closed",
        /// 已反结账: open again, with a reason.
        Reopened = "reopened",
    }
}

/// For whom a period is closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PeriodScope {
    /// One store.
    Store(StoreCode),
    /// Every store of a region, later ones too.
    Region(RegionCode),
}

impl PeriodScope {
    /// Reads a scope as stored; `None` for what the service never wrote.
    pub fn from_columns(store: Option<StoreCode>, region: Option<RegionCode>) -> Option<Self> {
        match (store, region) {
            (Some(store), None) => Some(Self::Store(store)),
            (None, Some(region)) => Some(Self::Region(region)),
            (Some(_), Some(_)) | (None, None) => None,
        }
    }

    /// Whether a store in a region is meant.
    pub fn covers(&self, store: &StoreCode, region: &RegionCode) -> bool {
        match self {
            Self::Store(code) => code == store,
            Self::Region(code) => code.contains(region),
        }
    }
}

/// That a period is closed, with what and until when.
pub fn closed_for(
    store: &StoreCode,
    day: NaiveDate,
    period: &PeriodId,
    through: NaiveDate,
) -> Refusal {
    Refusal::new(
        Code::PeriodClosed,
        format!("储备点 {store} 已结账至 {through}，不能再记 {day} 的业务"),
        format!("The book of {store} is closed through {through}: nothing is posted on {day}"),
    )
    .with("store_code", store.as_str())
    .with("day", day.to_string())
    .with("closed_through", through.to_string())
    .with("period_id", period.as_str())
}

/// A period that was closed, and perhaps reopened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Period {
    /// Its id.
    pub id: PeriodId,
    /// For whom.
    pub scope: PeriodScope,
    /// Its last business day; it begins where the book does.
    pub through_day: NaiveDate,
    /// Whether it is closed.
    pub status: PeriodStatus,
    /// Who closed it.
    pub closed_by: String,
    /// In which role.
    pub closed_by_role: Role,
    /// When.
    pub closed_at: Instant,
    /// What they said.
    pub note: Option<String>,
    /// Who reopened it, when and why.
    pub reopened: Option<Reopened>,
    /// Counts the changes.
    pub version: i64,
}

/// How a period was reopened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reopened {
    /// Who did it.
    pub by: String,
    /// When.
    pub at: Instant,
    /// Why.
    pub reason: String,
}

/// The rank of a role where periods are reopened.
const fn rank(role: Role) -> u8 {
    match role {
        Role::Keeper | Role::Procurement | Role::Auditor => 1,
        Role::Commander => 2,
        Role::Admin => 3,
    }
}

/// Requires that a period is closed and that `role` ranks above the one that closed it.
///
/// # Errors
/// `wrong_status` when it is open already; `forbidden` for the same role or a lower one.
pub fn may_reopen(period: &Period, role: Role) -> Result<(), Refusal> {
    if period.status != PeriodStatus::Closed {
        let text = ("该期间已反结账", "The period has been reopened already");
        return Err(Refusal::new(Code::WrongStatus, text.0, text.1));
    }
    if rank(role) <= rank(period.closed_by_role) {
        return Err(Refusal::new(
            Code::Forbidden,
            format!("由 {} 结账的期间须由更高角色反结账", period.closed_by_role),
            format!("Closed by a {}: only a higher role reopens it", period.closed_by_role),
        )
        .with("closed_by_role", period.closed_by_role.as_str()));
    }
    Ok(())
}

/// Requires a day to be over: postings of today ask no period.
///
/// # Errors
/// `validation_failed` at `/through_day`.
pub fn must_be_over(through_day: NaiveDate, today: NaiveDate) -> Result<(), Refusal> {
    if through_day < today {
        return Ok(());
    }
    Err(Refusal::fault("/through_day", FaultCode::InFuture))
}
