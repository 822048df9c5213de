//! The REST face of totals by group.

use super::{horizon, rows_of};
use crate::access::Permission;
use crate::catalogue::Category;
use crate::http::{ApiError, AskedMoment, Caller, Filters, page_after};
use crate::kernel::page::Cursor;
use crate::kernel::{FaultCode, Faults, Instant, ItemCode, RegionCode, StoreCode};
use crate::reserve_plan::level::ResponseLevel;
use crate::shortfall::grouping::{Grouping, TotalsBy};
use crate::shortfall::queries::ground::Ground;
use crate::shortfall::queries::totals::{GroupedTotals, totals_by};
use crate::shortfall::queries::{Question, freshness};
use crate::shortfall::views::stream::Head;
use crate::shortfall::views::{PlanOfRegion, TotalFigures};
use crate::stock::views::freshness::FreshnessView;
use actix_web::{HttpResponse, get};
use serde::{Deserialize, Serialize};
use std::ops::Bound;
use utoipa::{IntoParams, ToSchema};

/// The totals of one group.
#[derive(Debug, Serialize, ToSchema)]
pub struct ShortfallGroup {
    /// The code of the region, kind, category, store or item.
    pub group: String,
    /// What its lines add up to.
    #[serde(flatten)]
    pub figures: TotalFigures,
}

/// A page of groups, in the order of their codes.
#[derive(Debug, Serialize, ToSchema)]
pub struct ShortfallGroupPage {
    /// What the lines of a group have in common.
    pub by: TotalsBy,
    /// Every version of a plan that figures rest on, by region.
    pub plans: Vec<PlanOfRegion>,
    /// The gravest response level that holds at any store asked about.
    pub level: ResponseLevel,
    /// The business time that the figures are of.
    pub as_of: Instant,
    /// The recorded time up to which the book was read for them.
    pub as_known_at: Instant,
    /// The groups. A region's lines are those of all stores in it, so they are among those of the
    /// regions above it too.
    pub rows: Vec<ShortfallGroup>,
    /// Of all lines that match, each counted once.
    pub totals: TotalFigures,
    /// How many of the stores asked about were heard of lately.
    pub freshness: FreshnessView,
    /// Give this as `cursor` to get the next page; null on the last.
    pub next_cursor: Option<String>,
}

/// By what to tell totals apart, and of which lines.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct GroupQuery {
    /// `region`, `kind`, `category`, `store` or `item`.
    #[param(example = "region")]
    by: String,
    /// Of regions only those with so many digits: 2 provinces, 4 cities, 6 counties, 9 townships, 12
    /// villages. All of them unless said.
    #[param(example = 6)]
    digits: Option<i64>,
    /// At this store.
    store: Option<String>,
    /// Of this item.
    item: Option<String>,
    /// At stores in this region.
    #[param(example = "360729")]
    region: Option<String>,
    /// At stores of this kind.
    kind: Option<String>,
    /// Of items in this category.
    category: Option<String>,
    /// Goods on the way count when they arrive within this many days; 7 unless said or set otherwise.
    #[param(minimum = 0, maximum = 365)]
    horizon_days: Option<i64>,
    /// The business time that the question is about; now unless said.
    as_of: Option<String>,
    /// Only what was on record then counts: a minute back at least.
    as_known_at: Option<String>,
    /// Rows of a page: 50 unless said, 1000 at most.
    #[param(minimum = 1)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A question for totals, understood.
struct Asked {
    question: Question,
    grouping: Grouping,
    moment: AskedMoment,
    after: Option<String>,
    limit: usize,
}

impl GroupQuery {
    fn parse(self, caller: &Caller) -> Result<Asked, crate::kernel::Refusal> {
        let mut faults = Faults::new();
        let by = TotalsBy::from_word(&self.by).ok_or(FaultCode::NotInList);
        let by = faults.keep("/by", by);
        let digits = self.digits.and_then(|digits| {
            let known = usize::try_from(digits).ok().filter(|n| matches!(n, 2 | 4 | 6 | 9 | 12));
            faults.keep("/digits", known.ok_or(FaultCode::NotInList))
        });
        let (as_of, as_known_at) = (self.as_of.as_deref(), self.as_known_at.as_deref());
        let moment = AskedMoment::parse(caller.app(), as_of, as_known_at, &mut faults);
        let (size, after) = page_after(self.limit, self.cursor.as_deref(), &mut faults);
        let question = Question {
            store: self.store.and_then(|text| faults.keep("/store", StoreCode::new(&text))),
            region: self.region.and_then(|text| faults.keep("/region", RegionCode::new(&text))),
            kind: self.kind,
            item: self.item.and_then(|text| faults.keep("/item", ItemCode::new(&text))),
            category: self.category.and_then(|word| {
                faults.keep("/category", Category::from_word(&word).ok_or(FaultCode::NotInList))
            }),
            horizon_days: horizon(self.horizon_days, &mut faults),
            ..Question::default()
        };
        let asked = by.map(|by| Asked {
            question,
            grouping: Grouping { by, digits },
            moment,
            after,
            limit: rows_of(size),
        });
        faults.finish(asked)
    }
}

/// Total shortfalls by group
///
/// What the lines that match add up to, by region, kind of store, category, store or item: how many
/// stand how, the rate of lines that are met, the coverage weighted by need with the worst line beside
/// it, and what the shortfalls cost where a price is known.
#[utoipa::path(tag = "planning", operation_id = "total_shortfalls", params(GroupQuery),
    responses((status = 200, description = "A page of groups", body = ShortfallGroupPage)),
    extensions(("x-permission" = json!("shortfalls.read"))))]
#[get("/shortfalls/totals")]
pub async fn total_shortfalls(
    caller: Caller,
    Filters(query): Filters<GroupQuery>,
) -> Result<HttpResponse, ApiError> {
    let Asked { question, grouping, moment, after, limit } = query.parse(&caller)?;
    caller
        .read(Permission::ReadShortfalls, move |conn, app, actor| {
            let moment = moment.settle(conn, app)?;
            let scope = actor.scope.stores();
            let question = Question { scope, moment: Some(moment), ..question };
            let ground = Ground::of(conn, &question, &app.settings, moment.as_of)?;
            let found = totals_by(conn, &ground, &question, grouping)?;
            let fresh = freshness(conn, &question, &app.settings, moment.as_of)?;
            Ok(page(Head::new(&ground, fresh), grouping.by, found, after, limit))
        })
        .await
}

fn page(
    head: Head,
    by: TotalsBy,
    found: GroupedTotals,
    after: Option<String>,
    limit: usize,
) -> ShortfallGroupPage {
    let begin = after.map_or(Bound::Unbounded, Bound::Excluded);
    let mut groups = found.groups.range((begin, Bound::Unbounded));
    let rows: Vec<ShortfallGroup> = groups
        .by_ref()
        .take(limit)
        .map(|(group, totals)| ShortfallGroup {
            group: group.clone(),
            figures: totals.clone().into(),
        })
        .collect();
    let last = rows.last().filter(|_| groups.next().is_some());
    ShortfallGroupPage {
        by,
        plans: head.plans,
        level: head.level,
        as_of: head.as_of,
        as_known_at: head.as_known_at,
        next_cursor: last.map(|row| Cursor::after(&row.group).into()),
        totals: found.all.into(),
        freshness: head.freshness,
        rows,
    }
}
