//! What the board of reports rests on.

use crate::db::schema::{stock_report_schedule, store};
use crate::db::{DbConnection, DbError};
use crate::kernel::{BusinessZone, Instant, Moment, RegionCode, StoreCode};
use crate::report::board::{Compliance, Days, Reporter, compliance};
use crate::report::records::{ReportFilter, all_of_days};
use crate::report::statement::StockReport;
use crate::stock::queries::fresh::{last_moved_at, last_told_at};
use crate::stores::store::ConsumptionBy;
use chrono::NaiveDate;
use diesel::prelude::*;
use std::collections::{BTreeMap, HashMap};

/// Which stores a board shows.
#[derive(Debug, Clone, Default)]
pub struct BoardFilter {
    /// Only these, or all.
    pub scope: Option<Vec<StoreCode>>,
    /// This store.
    pub store: Option<StoreCode>,
    /// Stores in this region.
    pub region: Option<RegionCode>,
    /// Stores of this kind.
    pub kind: Option<String>,
    /// Stores that book their issues one by one too, not only those that tell their consumption by
    /// reports.
    pub all: bool,
}

/// A store of a board.
#[derive(Debug, Clone)]
pub struct BoardStore {
    /// As far as its duty to report goes.
    pub reporter: Reporter,
    /// Where it lies.
    pub region: RegionCode,
    /// Its kind.
    pub kind: String,
    /// How it tells its consumption.
    pub consumption_by: ConsumptionBy,
    /// Its reports of the days asked about.
    pub reports: BTreeMap<NaiveDate, StockReport>,
    /// How its days stand.
    pub compliance: Compliance,
    /// What it told last, whenever that was.
    pub last_told_at: Option<Instant>,
    /// The business time of its newest movement.
    pub last_moved_at: Option<Instant>,
}

impl BoardStore {
    /// When it was last heard of: by a report or a movement.
    pub fn last_heard_at(&self) -> Option<Instant> {
        self.last_told_at.max(self.last_moved_at)
    }
}

type StoreRow = (StoreCode, RegionCode, String, ConsumptionBy, Instant, Option<i64>);

/// The active stores of a board by code, with their reports of some days: a fixed number of queries.
///
/// # Errors
/// When the database fails.
pub fn board(
    conn: &mut DbConnection,
    zone: BusinessZone,
    usual_hour: i64,
    filter: &BoardFilter,
    days: Days,
    now: Instant,
) -> Result<Vec<BoardStore>, DbError> {
    let rows = stores_of(conn, filter)?;
    let codes: Vec<StoreCode> = rows.iter().map(|row| row.0.clone()).collect();
    let mut reports: HashMap<StoreCode, BTreeMap<NaiveDate, StockReport>> = HashMap::new();
    let wanted = ReportFilter {
        store: filter.store.clone(),
        region: filter.region.clone(),
        from: Some(days.from),
        to: Some(days.to),
        ..ReportFilter::default()
    };
    for report in all_of_days(conn, &wanted)? {
        reports.entry(report.store_code.clone()).or_default().insert(report.business_day, report);
    }
    let moment = Moment::now(now, now);
    let told = last_told_at(conn, &moment, Some(&codes))?;
    let moved = last_moved_at(conn, &moment, Some(&codes))?;
    let store = |(code, region, kind, by, created_at, due_hour): StoreRow| {
        let due_hour = due_hour.unwrap_or(usual_hour);
        let reporter = Reporter { store: code.clone(), since: zone.day_of(created_at), due_hour };
        let reports = reports.remove(&code).unwrap_or_default();
        BoardStore {
            compliance: compliance(zone, &reporter, days, &reports, now),
            reporter,
            region,
            kind,
            consumption_by: by,
            reports,
            last_told_at: told.get(&code).copied(),
            last_moved_at: moved.get(&code).copied(),
        }
    };
    Ok(rows.into_iter().map(store).collect())
}

fn stores_of(conn: &mut DbConnection, filter: &BoardFilter) -> Result<Vec<StoreRow>, DbError> {
    let hour = stock_report_schedule::table
        .filter(stock_report_schedule::store_code.eq(store::code))
        .select(stock_report_schedule::due_hour)
        .single_value();
    let mut query = store::table
        .filter(store::active.eq(true))
        .select((
            store::code,
            store::region_code,
            store::kind,
            store::consumption_by,
            store::created_at,
            hour,
        ))
        .into_boxed();
    if let Some(stores) = &filter.scope {
        query = query.filter(store::code.eq_any(stores));
    }
    if let Some(code) = &filter.store {
        query = query.filter(store::code.eq(code));
    }
    if let Some(region) = &filter.region {
        // A region code has only digits, so nothing in it needs escaping.
        query = query.filter(store::region_code.like(format!("{region}%")));
    }
    if let Some(kind) = &filter.kind {
        query = query.filter(store::kind.eq(kind));
    }
    if !filter.all {
        query = query.filter(store::consumption_by.eq(ConsumptionBy::Report));
    }
    Ok(query.order(store::code).load(conn)?)
}
