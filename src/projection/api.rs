//! The REST face of projections.

mod streams;
pub mod tables;

use crate::access::{Actor, Permission};
use crate::app::App;
use crate::catalogue::records as catalogue;
use crate::command::CommandError;
use crate::db::DbConnection;
use crate::exchange::table::{self, Reading};
use crate::http::{ApiError, AskedMoment, Caller, Filters, Form, Problem, Sent, Shown, page_after};
use crate::kernel::page::Cursor;
use crate::kernel::time::plus_days;
use crate::kernel::{
    FaultCode, Faults, Instant, ItemCode, Moment, Refusal, RegionCode, StoreCode, json,
};
use crate::projection::demand::{GivenDemand, Then};
use crate::projection::line::Only;
use crate::projection::queries::asked::Asked;
use crate::projection::queries::{self, Answer};
use crate::projection::requests::{Foreseen, MAX_DAYS, ProjectionRequest, begin, demands_of_table};
use crate::projection::views::stream::ProjectionStreamLine;
use crate::projection::views::{ProjectionExplanation, ProjectionRow, ProjectionTotals};
use crate::shortfall::queries::{Question, freshness};
use crate::stock::freshness::{Freshness, stale_before};
use crate::stock::views::freshness::FreshnessView;
use crate::stores::records as stores;
use actix_web::{HttpResponse, get, post};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

/// Days that are looked ahead where nobody says how many.
const USUAL_DAYS: i64 = 365;

/// A page of projections, in the order of store and item.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProjectionPage {
    /// The business time that the figures are of.
    pub as_of: Instant,
    /// The recorded time up to which the book was read for them.
    pub as_known_at: Instant,
    /// The first day, which counts in full.
    #[schema(value_type = String, format = Date)]
    pub today: NaiveDate,
    /// The last day looked at.
    #[schema(value_type = String, format = Date)]
    pub last_day: NaiveDate,
    /// The lines.
    pub rows: Vec<ProjectionRow>,
    /// How many of the stores that the figures cover were heard of lately: of those on the page, or
    /// with totals of all that were asked about.
    pub freshness: FreshnessView,
    /// Over all lines that match, not only those of the page; null unless asked for.
    pub totals: Option<ProjectionTotals>,
    /// Give this as `cursor` to get the next page; null on the last.
    pub next_cursor: Option<String>,
}

impl ProjectionPage {
    fn new(answer: &Answer, asked: &Asked, fresh: Freshness) -> Self {
        let rows: Vec<ProjectionRow> = answer.lines.iter().map(ProjectionRow::new).collect();
        let last = rows.last().filter(|_| answer.more);
        Self {
            as_of: answer.moment.as_of,
            as_known_at: answer.moment.as_known_at,
            today: answer.today,
            last_day: plus_days(answer.today, asked.days - 1),
            next_cursor: last.map(|row| Cursor::after(&(&row.store_code, &row.item_code)).into()),
            freshness: fresh.into(),
            totals: answer.totals.as_ref().map(ProjectionTotals::from),
            rows,
        }
    }
}

/// Which projections to show, and what to count on.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ProjectionQuery {
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
    /// Only lines that run out (`stockout`) or of which something expires (`waste`) within the days.
    only: Option<String>,
    /// Days to look ahead, today included; 365 unless said.
    #[param(minimum = 1, maximum = 3650)]
    days: Option<i64>,
    /// Whether what is on the way is counted on; it is unless said.
    arrivals: Option<bool>,
    /// Days that a dispatch takes; by the table of routes from the supplying store, or else 1.
    #[param(minimum = 0, maximum = 3650)]
    lead_days: Option<i64>,
    /// Days that an order takes; the setting for replenishing unless said.
    #[param(minimum = 0, maximum = 3650)]
    order_lead_days: Option<i64>,
    /// Whether to look for other stores in scope that could use what will expire. All lines at once
    /// then come item by item, and a table has a row for each lot and store that could use it.
    rotation: Option<bool>,
    /// Days that goods must still be usable there after the day of their arrival; 0 unless said.
    #[param(minimum = 0, maximum = 3650)]
    min_life_days: Option<i64>,
    /// Days on the road there; by the table of routes, or else 1.
    #[param(minimum = 0, maximum = 3650)]
    transfer_days: Option<i64>,
    /// Whether each row shows its days, of which a page has at most 100 000; as CSV or a workbook,
    /// whether there is a row for each day.
    series: Option<bool>,
    /// Whether the totals over all lines that match are wanted.
    totals: Option<bool>,
    /// How the demand of a table goes on after its last day: `repeat_last`, `zero` or `adc`.
    then: Option<String>,
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

/// A question that has been read, still without the caller's scope and the demand's first day.
struct Read {
    asked: Asked,
    moment: AskedMoment,
    then: Option<Then>,
}

impl ProjectionQuery {
    fn parse(self, app: &App, faults: &mut Faults) -> Read {
        let (as_of, as_known_at) = (self.as_of.as_deref(), self.as_known_at.as_deref());
        let moment = AskedMoment::parse(app, as_of, as_known_at, faults);
        let (size, after) = page_after(self.limit, self.cursor.as_deref(), faults);
        let mut days = |name: &str, days: Option<i64>, least: i64| {
            let days = days?;
            let valid = (least..=MAX_DAYS).contains(&days);
            faults.keep(format!("/{name}"), valid.then_some(days).ok_or(FaultCode::OutOfRange))
        };
        let ahead = days("days", self.days, 1).unwrap_or(USUAL_DAYS);
        let lead_days = days("lead_days", self.lead_days, 0);
        let order_lead_days = days("order_lead_days", self.order_lead_days, 0);
        let min_life_days = days("min_life_days", self.min_life_days, 0).unwrap_or(0);
        let transfer_days = days("transfer_days", self.transfer_days, 0);
        let question = Question {
            store: self.store.and_then(|text| faults.keep("/store", StoreCode::new(&text))),
            region: self.region.and_then(|text| faults.keep("/region", RegionCode::new(&text))),
            kind: self.kind,
            item: self.item.and_then(|text| faults.keep("/item", ItemCode::new(&text))),
            category: self.category.and_then(|word| {
                let known = crate::catalogue::Category::from_word(&word);
                faults.keep("/category", known.ok_or(FaultCode::NotInList))
            }),
            after,
            limit: Some(usize::try_from(size.rows()).unwrap_or(usize::MAX)),
            ..Question::default()
        };
        let asked = Asked {
            question,
            scope: crate::access::Scope::All,
            only: self.only.and_then(|word| {
                faults.keep("/only", Only::from_word(&word).ok_or(FaultCode::NotInList))
            }),
            days: ahead,
            arrivals: self.arrivals.unwrap_or(true),
            lead_days,
            order_lead_days,
            rotation: self.rotation.unwrap_or(false),
            min_life_days,
            transfer_days,
            series: self.series.unwrap_or(false),
            totals: self.totals.unwrap_or(false),
            demand: GivenDemand::default(),
        };
        let then = self.then.and_then(|word| {
            faults.keep("/then", Then::from_word(&word).ok_or(FaultCode::NotInList))
        });
        Read { asked, moment, then }
    }
}

/// Answers a question within the scope of a user, in the form that is wanted.
fn answer(
    conn: &mut DbConnection,
    app: &App,
    actor: &Actor,
    form: Form,
    read: &Read,
    foreseen: &[Foreseen],
) -> Result<Shown<ProjectionPage>, CommandError> {
    let (mut asked, moment) = asked_of(conn, app, actor, read, foreseen)?;
    if form.is_whole() {
        asked.question.after = None;
        let rows_of = tables::RowsOf::asked(&asked);
        let mut table = tables::empty(rows_of);
        queries::show_all(conn, &asked, &app.settings, moment, |line| {
            tables::push(&mut table, line, rows_of).map_err(CommandError::from)
        })?;
        return Ok(Shown::Whole(table));
    }
    let found = queries::projections(conn, &asked, &app.settings, moment)?;
    let fresh = if asked.totals {
        freshness(conn, &asked.question, &app.settings, moment.as_of)?
    } else {
        let stores = found.lines.chunk_by(|one, next| one.store == next.store);
        let heard = stores.filter_map(|lines| lines.first().map(|line| line.last_report_at));
        Freshness::of(heard, stale_before(&moment, app.settings.stale_hours))
    };
    Ok(Shown::Page(ProjectionPage::new(&found, &asked, fresh)))
}

/// The question within the scope of a user, with the demand that is foreseen, and its moment.
fn asked_of(
    conn: &mut DbConnection,
    app: &App,
    actor: &Actor,
    read: &Read,
    foreseen: &[Foreseen],
) -> Result<(Asked, Moment), CommandError> {
    let moment = read.moment.settle(conn, app)?;
    let mut asked = read.asked.clone();
    asked.question.scope = actor.scope.stores();
    asked.question.moment = Some(moment);
    asked.scope = actor.scope.clone();
    if !foreseen.is_empty() {
        check_named(conn, actor, foreseen)?;
        asked.demand = begin(foreseen, app.settings.zone.day_of(moment.as_of), asked.days)?;
    }
    Ok((asked, moment))
}

/// Whether the items and stores of a demand exist, and the stores are the caller's to ask about.
fn check_named(
    conn: &mut DbConnection,
    actor: &Actor,
    foreseen: &[Foreseen],
) -> Result<(), CommandError> {
    let items: BTreeSet<ItemCode> = foreseen.iter().map(|one| one.item.clone()).collect();
    let places: BTreeSet<StoreCode> = foreseen.iter().filter_map(|one| one.store.clone()).collect();
    for store in &places {
        actor.require_store(store)?;
    }
    let items = catalogue::find_all(conn, &items.into_iter().collect::<Vec<_>>())?;
    let places = stores::find_all(conn, &places.into_iter().collect::<Vec<_>>())?;
    let mut faults = Faults::new();
    for one in foreseen {
        if !items.contains_key(&one.item) {
            faults.add(format!("{}/item_code", one.pointer), FaultCode::Unknown);
        }
        if one.store.as_ref().is_some_and(|store| !places.contains_key(store)) {
            faults.add(format!("{}/store_code", one.pointer), FaultCode::Unknown);
        }
    }
    Ok(faults.check()?)
}

/// List projections
///
/// What becomes of the stock in the caller's scope day by day, used first-expired-first-out at its
/// average daily consumption, with what is on the way: when it runs out, when it falls below floor
/// and target, until when a dispatch or an order still helps, which lots will expire unused and
/// where they could be used. JSON pages; the whole as NDJSON, CSV or a workbook by `Accept`.
///
/// The first line of NDJSON is `{"head": …}` with days, times and freshness, each further one a row,
/// and the last `{"end": {"rows": …, "totals": …}}`: without it the answer was cut off. At most four
/// such answers are under way at once, and one that nobody takes for a minute is cut off.
#[utoipa::path(tag = "planning", operation_id = "list_projections", params(ProjectionQuery),
    responses((status = 200, description = "A page of projections, or a table of all",
        content((ProjectionPage = "application/json"), (String = "text/csv"),
            (ProjectionStreamLine = "application/x-ndjson"),
            (Vec<u8> = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")))),
    extensions(("x-permission" = json!("shortfalls.read"))))]
#[get("/projections")]
pub async fn list_projections(
    caller: Caller,
    Filters(query): Filters<ProjectionQuery>,
) -> Result<HttpResponse, ApiError> {
    let mut faults = Faults::new();
    let read = query.parse(caller.app(), &mut faults);
    faults.check()?;
    if caller.form() == Form::Lines {
        return streams::lines(caller, read, Vec::new()).await;
    }
    caller
        .read_shown(Permission::ReadShortfalls, move |conn, app, actor, form| {
            answer(conn, app, actor, form, &read, &[])
        })
        .await
}

/// Project a foreseen demand
///
/// As the list, with the demand that the body foresees instead of the average; only the lines that
/// it speaks of are shown, and nothing is stored. The body is JSON, or a table (CSV or a workbook)
/// with the columns `item_code`, `day`, `quantity` and, where a demand is that of one store,
/// `store_code`; days that are past are passed over, and faults name the rows by their lines.
#[utoipa::path(tag = "planning", operation_id = "project_demand", params(ProjectionQuery),
    request_body(content((ProjectionRequest = "application/json",
        example = json!({"demand": [{"store_code": "QN-HOSP", "item_code": "M03",
            "daily": [120, 135, "150.5"], "then": "repeat_last"}]})), (String = "text/csv",
        example = json!("item_code,day,quantity\nM03,2026-01-15,120\n")))),
    responses((status = 200, description = "A page of projections, or a table of all",
        content((ProjectionPage = "application/json"), (String = "text/csv"),
            (ProjectionStreamLine = "application/x-ndjson"),
            (Vec<u8> = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")))),
    extensions(("x-permission" = json!("shortfalls.read"))))]
#[post("/projections")]
pub async fn project_demand(
    caller: Caller,
    Filters(query): Filters<ProjectionQuery>,
) -> Result<HttpResponse, ApiError> {
    let mut faults = Faults::new();
    let read = query.parse(caller.app(), &mut faults);
    let foreseen = caller.question(Permission::ReadShortfalls, |sent| {
        let foreseen = foresee(sent, read.then, &mut faults)?;
        faults.check()?;
        Ok(foreseen)
    })?;
    if caller.form() == Form::Lines {
        return streams::lines(caller, read, foreseen).await;
    }
    caller
        .read_shown(Permission::ReadShortfalls, move |conn, app, actor, form| {
            answer(conn, app, actor, form, &read, &foreseen)
        })
        .await
}

fn foresee(
    sent: Sent<'_>,
    then: Option<Then>,
    faults: &mut Faults,
) -> Result<Vec<Foreseen>, Refusal> {
    match sent {
        Sent::Json(body) => Ok(json::read::<ProjectionRequest>(body)?.parse(faults)),
        Sent::File(body) => {
            let table = table::read(body, Reading::default())?;
            Ok(demands_of_table(&table, then, faults))
        }
    }
}

/// Explain a projection
///
/// How the projection of one item at one store came about: what happens on a day and in which
/// order, rounding, consumption, lots left out with the reason, what is on the way, and each day.
/// 404 when the store is not in scope or has nothing to do with the item.
#[utoipa::path(tag = "planning", operation_id = "explain_projection", params(ProjectionQuery),
    responses((status = 200, description = "The explanation", body = ProjectionExplanation),
        (status = 404, description = "No such line in the caller's scope", body = Problem,
            content_type = "application/problem+json")),
    extensions(("x-permission" = json!("shortfalls.read"))))]
#[get("/projections/explain")]
pub async fn explain_projection(
    caller: Caller,
    Filters(query): Filters<ProjectionQuery>,
) -> Result<HttpResponse, ApiError> {
    let mut faults = Faults::new();
    for (name, given) in [("/store", &query.store), ("/item", &query.item)] {
        if given.is_none() {
            faults.add(name, FaultCode::Required);
        }
    }
    let read = query.parse(caller.app(), &mut faults);
    faults.check()?;
    caller
        .read(Permission::ReadShortfalls, move |conn, app, actor| {
            let moment = read.moment.settle(conn, app)?;
            let mut asked = read.asked;
            asked.series = true;
            asked.question.scope = actor.scope.stores();
            asked.scope = actor.scope.clone();
            let found = queries::projections(conn, &asked, &app.settings, moment)?;
            let line = found.lines.first().ok_or_else(|| {
                Refusal::not_found("该储备点的这种物资", "line of stock or plan", "")
            })?;
            let last_day = plus_days(found.today, asked.days - 1);
            let times = (moment.as_of, moment.as_known_at);
            Ok(ProjectionExplanation::new(line, found.today, last_day, times))
        })
        .await
}

/// The operations on projections.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config.service(explain_projection).service(list_projections).service(project_demand);
}
