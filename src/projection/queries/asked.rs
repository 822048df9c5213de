//! What is asked of projections.

use crate::access::Scope;
use crate::projection::demand::GivenDemand;
use crate::projection::line::Only;
use crate::shortfall::queries::Question;

/// The most days that a page shows, of all its lines together.
pub const MAX_PAGE_DAYS: usize = 100_000;

/// A question about what becomes of stock.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Which lines.
    pub question: Question,
    /// The caller's scope, in which rotation looks for takers.
    pub scope: Scope,
    /// Those of them alone.
    pub only: Option<Only>,
    /// Days to look ahead, today included.
    pub days: i64,
    /// Whether what is on the way is counted on.
    pub arrivals: bool,
    /// Days that a dispatch takes, where the request says so.
    pub lead_days: Option<i64>,
    /// Days that an order takes, where the request says so.
    pub order_lead_days: Option<i64>,
    /// Whether to look for stores that could use what will expire.
    pub rotation: bool,
    /// Days that goods must still be usable after the day of their arrival there.
    pub min_life_days: i64,
    /// Days on the road to them, where the request says so.
    pub transfer_days: Option<i64>,
    /// Whether each row shows its days.
    pub series: bool,
    /// Whether totals over all lines that match are wanted.
    pub totals: bool,
    /// The demand that the caller gave.
    pub demand: GivenDemand,
}

impl Asked {
    /// The most lines of a page: as many as were asked for, and with their days no more than have
    /// [`MAX_PAGE_DAYS`] of them together.
    pub fn rows_of_a_page(&self) -> usize {
        let limit = self.question.limit.unwrap_or(usize::MAX);
        let days = usize::try_from(self.days).unwrap_or(1);
        let fitting = MAX_PAGE_DAYS.checked_div(days).unwrap_or(1).max(1);
        if self.series { limit.min(fitting) } else { limit }
    }
}
