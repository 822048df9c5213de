//! The REST face of shortfalls.

pub mod preview;
mod streams;
mod table;
pub mod totals;

use crate::access::Permission;
use crate::app::App;
use crate::catalogue::substitution::UseScene;
use crate::http::{ApiError, AskedMoment, Caller, Filters, Problem, page_after};
use crate::kernel::page::{Cursor, PageSize};
use crate::kernel::{FaultCode, Faults, Instant, ItemCode, Refusal, RegionCode, StoreCode};
use crate::reserve_plan::level::ResponseLevel;
use crate::shortfall::queries::{self, Answer, Question};
use crate::shortfall::rules::Status;
use crate::shortfall::views::stream::ShortfallStreamLine;
use crate::shortfall::views::{Explanation, PlanOfRegion, PlanRef, ShortfallRow, TotalsView};
use crate::stock::freshness::Freshness;
use crate::stock::views::freshness::FreshnessView;
use actix_web::{HttpResponse, get};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

/// The furthest horizon of a net shortfall, in days.
const MAX_HORIZON_DAYS: i64 = 365;

/// A page of shortfalls, in the order of store and item.
#[derive(Debug, Serialize, ToSchema)]
pub struct ShortfallPage {
    /// The version of the plan that the figures rest on; null when none is in force, and when
    /// several are and no region with a plan is asked about.
    pub plan: Option<PlanRef>,
    /// Every version that figures may rest on, by region; each row names its own.
    pub plans: Vec<PlanOfRegion>,
    /// The gravest response level that holds at any store asked about; each row has its own.
    pub level: ResponseLevel,
    /// The business time that the figures are of.
    pub as_of: Instant,
    /// The recorded time up to which the book was read for them.
    pub as_known_at: Instant,
    /// The lines.
    pub rows: Vec<ShortfallRow>,
    /// Over all lines that match, not only those of the page; null unless asked for.
    pub totals: Option<TotalsView>,
    /// How many of the stores that the figures cover were heard of lately: of those on the page, or
    /// with totals of all that were asked about.
    pub freshness: FreshnessView,
    /// Give this as `cursor` to get the next page; null on the last.
    pub next_cursor: Option<String>,
}

impl From<Answer> for ShortfallPage {
    fn from(answer: Answer) -> Self {
        let rows: Vec<ShortfallRow> = answer.lines.iter().map(ShortfallRow::from).collect();
        let last = rows.last().filter(|_| answer.more);
        let stores = answer.lines.chunk_by(|one, next| one.store == next.store);
        let heard = stores.filter_map(|lines| lines.first().map(|line| line.last_report_at));
        Self {
            plan: answer.plan.as_ref().map(PlanRef::from),
            plans: answer.plans.iter().map(PlanOfRegion::from).collect(),
            level: answer.level,
            as_of: answer.as_of,
            as_known_at: answer.as_known_at,
            next_cursor: last.map(|row| Cursor::after(&(&row.store_code, &row.item_code)).into()),
            totals: answer.totals.map(|totals| TotalsView {
                figures: totals.into(),
                stale_stores: answer.stale_stores,
            }),
            freshness: Freshness::of(heard, answer.stale_before).into(),
            rows,
        }
    }
}

/// Which shortfalls to show.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ShortfallQuery {
    /// At this store.
    #[param(example = "QN-PH")]
    store: Option<String>,
    /// Of this item.
    item: Option<String>,
    /// At stores in this region.
    #[param(example = "360729")]
    region: Option<String>,
    /// At stores of this kind.
    kind: Option<String>,
    /// Of items in this category: `ppe`, `disinfectant`, `drug`, `reagent` or `equipment`.
    category: Option<String>,
    /// That stand so: `not_computable`, `out`, `below_floor`, `short` or `met`.
    status: Option<String>,
    /// Goods on the way count in the net shortfall when they arrive within this many days; 7
    /// unless said or set otherwise.
    #[param(minimum = 0, maximum = 365)]
    horizon_days: Option<i64>,
    /// Whether the totals over all lines that match are wanted, and how fresh they are.
    totals: Option<bool>,
    /// Whether the stock of silent stores is wanted by estimate, in a column of its own.
    estimate: Option<bool>,
    /// The use for which substitutes are looked for: `general` (the default), `isolation`, `clinical`,
    /// `laboratory`, `sampling` or `public`.
    scene: Option<String>,
    /// The business time that the question is about; now unless said.
    #[param(example = "2026-01-15T10:00:00Z")]
    as_of: Option<String>,
    /// Only what was on record then counts: a minute back at least. Without `as_of` the question
    /// is about that time too.
    as_known_at: Option<String>,
    /// Rows of a page: 50 unless said, 1000 at most.
    #[param(minimum = 1)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

impl ShortfallQuery {
    /// The question, still without the caller's scope, and the times that it is about.
    ///
    /// # Errors
    /// `validation_failed` with every fault.
    fn parse(self, app: &App) -> Result<(Question, AskedMoment), Refusal> {
        let mut faults = Faults::new();
        let (as_of, as_known_at) = (self.as_of.as_deref(), self.as_known_at.as_deref());
        let asked = AskedMoment::parse(app, as_of, as_known_at, &mut faults);
        let (size, after) = page_after(self.limit, self.cursor.as_deref(), &mut faults);
        let faults_in = &mut faults;
        let question = Question {
            scope: None,
            store: self.store.and_then(|t| faults_in.keep("/store", StoreCode::new(&t))),
            region: self.region.and_then(|t| faults_in.keep("/region", RegionCode::new(&t))),
            kind: self.kind,
            item: self.item.and_then(|t| faults_in.keep("/item", ItemCode::new(&t))),
            category: self.category.and_then(|word| {
                let known = crate::catalogue::Category::from_word(&word);
                faults_in.keep("/category", known.ok_or(FaultCode::NotInList))
            }),
            status: self.status.and_then(|word| {
                faults_in.keep("/status", Status::from_word(&word).ok_or(FaultCode::NotInList))
            }),
            horizon_days: horizon(self.horizon_days, faults_in),
            after,
            limit: Some(rows_of(size)),
            totals: self.totals.unwrap_or(false),
            estimate: self.estimate.unwrap_or(false),
            scene: scene(self.scene.as_deref(), faults_in),
            moment: None,
        };
        faults.finish(Some((question, asked)))
    }
}

fn scene(word: Option<&str>, faults: &mut Faults) -> UseScene {
    let known = word.map(|word| UseScene::from_word(word).ok_or(FaultCode::NotInList));
    known.and_then(|known| faults.keep("/scene", known)).unwrap_or_default()
}

fn horizon(days: Option<i64>, faults: &mut Faults) -> Option<i64> {
    let days = days?;
    let valid = (0..=MAX_HORIZON_DAYS).contains(&days);
    faults.keep("/horizon_days", valid.then_some(days).ok_or(FaultCode::OutOfRange))
}

fn rows_of(size: PageSize) -> usize {
    usize::try_from(size.rows()).unwrap_or(usize::MAX)
}

/// List shortfalls
///
/// How every store in the caller's scope stands against the reserve plan in force, at the response
/// level that holds there, from the figures of this moment. Stock counts once: what is promised,
/// expired, recalled or not released is not available. What is on the way or on order counts in the
/// net shortfall alone, when it arrives within the horizon and in date. Agreements, capacity and
/// substitutes are shown beside it and never taken off.
///
/// `Accept: application/x-ndjson`, `text/csv` or that of a workbook gives all lines at once, on one
/// snapshot and however many they are, after `cursor` where it is given; `limit` does not count then.
/// The first line of NDJSON is `{"head": …}` with plans, level and times, each further one a row, and
/// the last `{"end": {"rows": …, "totals": …}}`: without it the answer was cut off. Rows of CSV name
/// plan, level and time each; a workbook tells them on its first sheet. At most four such answers are
/// under way at once, and one that nobody takes for a minute is cut off.
#[utoipa::path(tag = "planning", operation_id = "list_shortfalls", params(ShortfallQuery),
    responses((status = 200, description = "A page of shortfalls, or all of them", content(
        (ShortfallPage = "application/json"),
        (ShortfallStreamLine = "application/x-ndjson"),
        (String = "text/csv"),
        (String = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ))),
    extensions(("x-permission" = json!("shortfalls.read"))))]
#[get("/shortfalls")]
pub async fn list_shortfalls(
    caller: Caller,
    Filters(query): Filters<ShortfallQuery>,
) -> Result<HttpResponse, ApiError> {
    let (question, asked) = query.parse(caller.app())?;
    if caller.form().is_whole() {
        return streams::whole(caller, question, asked).await;
    }
    caller
        .read(Permission::ReadShortfalls, move |conn, app, actor| {
            let moment = asked.settle(conn, app)?;
            let now = moment.as_of;
            let moment = Some(moment);
            let question = Question { scope: actor.scope.stores(), moment, ..question };
            let answer = queries::shortfalls(conn, &question, &app.settings, now)?;
            let mut page = ShortfallPage::from(answer);
            if question.totals {
                page.freshness = queries::freshness(conn, &question, &app.settings, now)?.into();
            }
            Ok(page)
        })
        .await
}

/// Which shortfall to explain.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ExplainQuery {
    /// The store.
    #[param(example = "QN-PH")]
    store: String,
    /// The item.
    #[param(example = "M03")]
    item: String,
    /// Goods on the way count in the net shortfall when they arrive within this many days.
    #[param(minimum = 0, maximum = 365)]
    horizon_days: Option<i64>,
    /// The use for which substitutes are looked for; `general` unless said.
    scene: Option<String>,
    /// The business time that the question is about; now unless said.
    #[param(example = "2026-01-15T10:00:00Z")]
    as_of: Option<String>,
    /// Only what was on record then counts: a minute back at least. Without `as_of` the question
    /// is about that time too.
    as_known_at: Option<String>,
}

/// Explain a shortfall
///
/// How the figures of one item at one store came about: formula, plan line, inputs, rounding, lots
/// counted, and lots left out with the reason. 404 when the store is not in scope or the plan in
/// force does not speak of the item there.
#[utoipa::path(tag = "planning", operation_id = "explain_shortfall", params(ExplainQuery),
    responses((status = 200, description = "The explanation", body = Explanation),
        (status = 404, description = "No such line in the caller's scope", body = Problem,
            content_type = "application/problem+json")),
    extensions(("x-permission" = json!("shortfalls.read"))))]
#[get("/shortfalls/explain")]
pub async fn explain_shortfall(
    caller: Caller,
    Filters(query): Filters<ExplainQuery>,
) -> Result<HttpResponse, ApiError> {
    let mut faults = Faults::new();
    let store = faults.keep("/store", StoreCode::new(&query.store));
    let item = faults.keep("/item", ItemCode::new(&query.item));
    let horizon_days = horizon(query.horizon_days, &mut faults);
    let scene = scene(query.scene.as_deref(), &mut faults);
    let (as_of, as_known_at) = (query.as_of.as_deref(), query.as_known_at.as_deref());
    let asked = AskedMoment::parse(caller.app(), as_of, as_known_at, &mut faults);
    let (store, item) = faults.finish(store.zip(item))?;
    caller
        .read(Permission::ReadShortfalls, move |conn, app, actor| {
            let name = format!("{store} / {item}");
            let moment = asked.settle(conn, app)?;
            let question = Question {
                scope: actor.scope.stores(),
                store: Some(store),
                item: Some(item),
                horizon_days,
                scene,
                moment: Some(moment),
                ..Question::default()
            };
            let evidence = queries::evidence(conn, &question, &app.settings, moment.as_of)?;
            let evidence = evidence.ok_or_else(|| {
                Refusal::not_found("现行方案中的定额", "line of the plan in force", &name)
            })?;
            Ok(Explanation::from(evidence))
        })
        .await
}

/// The operations on shortfalls.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(list_shortfalls)
        .service(totals::total_shortfalls)
        .service(explain_shortfall)
        .service(preview::preview_response_level);
}
