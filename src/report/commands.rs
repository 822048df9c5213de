//! Telling what a store holds, and saying by when it must.

mod settling;

use crate::command::{CommandError, Done, Subject, Tx};
use crate::kernel::id::StockReportId;
use crate::kernel::{FaultCode, Faults, ItemCode, Quantity, Refusal, StoreCode};
use crate::report::commands::settling::{Statement, settle_all};
use crate::report::queries::{estimates, in_force, loaded, on_hand_at};
use crate::report::records::{self, Schedule};
use crate::report::requests::{Asked, ScheduleRequest, StockReportRequest};
use crate::report::rules::due_at;
use crate::report::statement::{Line, Nil, PREFIX, StockReport, Version};
use crate::report::views::{ScheduleView, StockReportView};
use crate::stock::document::format_number;
use crate::stock::records::next_number;
use crate::stores;
use crate::stores::store::ConsumptionBy;
use chrono::Datelike;
use std::collections::BTreeMap;

/// Takes a stock report: a new one, or a new version of the one of that day.
///
/// Where the store tells its consumption by reports, what the book holds beyond what is told is
/// posted as estimated consumption at the report's time. What is told beyond the book is shown.
///
/// # Errors
/// `validation_failed` with every fault, `store_out_of_scope`; as for late entries `too_far_back`,
/// `period_closed`, `late_entry`.
pub fn send(tx: &mut Tx<'_>, request: &StockReportRequest) -> Result<Done, CommandError> {
    let mut faults = Faults::new();
    let asked = request.parse(tx, &mut faults)?;
    let standing = match &asked {
        Some(asked) => records::of_day(tx.conn, &asked.store, asked.day)?,
        None => None,
    };
    check_reason(standing.is_some(), request.reason.is_some(), asked.is_some(), &mut faults);
    let asked = faults.finish(asked)?;
    let schedule = records::lock_schedule(tx.conn, &asked.store)?;
    // Another report of the day may have come while we waited.
    let standing_now = records::of_day(tx.conn, &asked.store, asked.day)?;
    if standing_now.is_some() && asked.reason.is_none() {
        return Err(Refusal::fault("/reason", FaultCode::Required).into());
    }
    let before = standing_now.clone();
    let store = stores::records::find(tx.conn, &asked.store)?;
    let by = store.map_or(ConsumptionBy::Issue, |store| store.consumption_by);
    let report = head_of(tx, &asked, standing_now, &schedule)?;
    let lines = told_lines(tx, &report, &asked)?;
    let statement = Statement { report: report.clone(), by, lines: lines.clone() };
    settle_all(tx, statement, before.as_ref())?;
    let report = store_version(tx, report, &asked, by, lines)?;
    let view = StockReportView::new(loaded(tx.conn, tx.settings.zone, report.clone(), None)?);
    Ok(Done::created(subject(&report), &view)
        .version(report.version)
        .located(format!("/stock-reports/{}", report.id)))
}

/// A correction says why; a first report corrects nothing.
fn check_reason(is_correction: bool, given: bool, is_read: bool, faults: &mut Faults) {
    match (is_correction, given) {
        (true, false) => faults.add("/reason", FaultCode::Required),
        (false, true) if is_read => faults.add("/reason", FaultCode::Contradicts),
        (true, true) | (false, false | true) => {}
    }
}

/// The report as it will stand, with its number.
fn head_of(
    tx: &mut Tx<'_>,
    asked: &Asked,
    standing: Option<StockReport>,
    schedule: &Schedule,
) -> Result<StockReport, CommandError> {
    let (as_of, nil, recorded_at) = (asked.as_of, asked.nil, tx.now);
    if let Some(standing) = standing {
        let version = standing.version + 1;
        return Ok(StockReport { version, as_of, nil, recorded_at, ..standing });
    }
    let zone = tx.settings.zone;
    let year = i64::from(zone.day_of(tx.now).year());
    let running = next_number(tx.conn, &asked.store, PREFIX, year)?;
    let hour = schedule.due_hour.unwrap_or(tx.settings.report_due_hour);
    Ok(StockReport {
        id: StockReportId::generate(),
        number: format_number(PREFIX, &asked.store, year, running),
        store_code: asked.store.clone(),
        business_day: asked.day,
        due_at: due_at(zone, asked.day, hour),
        first_recorded_at: tx.now,
        version: 1,
        as_of,
        nil,
        recorded_at,
        differences: 0,
    })
}

/// The lines, each with what the book held without this report's own estimates. Where nothing at
/// all is held, that is said of everything that the book holds.
fn told_lines(
    tx: &mut Tx<'_>,
    report: &StockReport,
    asked: &Asked,
) -> Result<Vec<Line>, CommandError> {
    // What an earlier version posted at a later time does not lower the book of this one.
    let mut own = estimates(tx.conn, &report.id)?;
    own.retain(|(movement, _)| movement.occurred_at <= report.as_of);
    let own = in_force(&own);
    let items: Vec<ItemCode> = asked.lines.iter().map(|line| line.item_code.clone()).collect();
    let nothing_held = asked.nil == Some(Nil::NothingHeld);
    let named = (!nothing_held).then_some(items.as_slice());
    let (zone, store) = (tx.settings.zone, &report.store_code);
    let mut book = on_hand_at(tx.conn, zone, store, named, report.as_of)?;
    for (item, units) in own {
        let sum = book.entry(item).or_insert(Quantity::ZERO);
        *sum = sum.plus_capped(units);
    }
    let told: Vec<(ItemCode, Quantity, Option<Quantity>)> = if nothing_held {
        let held = book.iter().filter(|(_, units)| !units.is_zero());
        held.map(|(item, _)| (item.clone(), Quantity::ZERO, None)).collect()
    } else {
        asked.lines.iter().map(|line| (line.item_code.clone(), line.on_hand, line.used)).collect()
    };
    Ok(line_up(told, &book))
}

fn line_up(
    told: Vec<(ItemCode, Quantity, Option<Quantity>)>,
    book: &BTreeMap<ItemCode, Quantity>,
) -> Vec<Line> {
    (1..)
        .zip(told)
        .map(|(line_no, (item_code, on_hand, used))| Line {
            line_no,
            book: book.get(&item_code).copied().unwrap_or(Quantity::ZERO),
            item_code,
            on_hand,
            used,
        })
        .collect()
}

fn store_version(
    tx: &mut Tx<'_>,
    report: StockReport,
    asked: &Asked,
    by: ConsumptionBy,
    lines: Vec<Line>,
) -> Result<StockReport, CommandError> {
    let differing = lines.iter().filter(|line| line.book != line.on_hand).count();
    let differences = i64::try_from(differing).unwrap_or(i64::MAX);
    let report = StockReport { differences, ..report };
    let version = Version {
        version: report.version,
        as_of: report.as_of,
        nil: report.nil,
        reason: asked.reason.clone(),
        note: asked.note.clone(),
        consumption_by: by,
        reported_by: tx.actor.name.clone(),
        recorded_at: tx.now,
        differences,
    };
    records::store(tx.conn, &report)?;
    records::insert_version(tx.conn, &report.id, &version, &lines)?;
    Ok(report)
}

/// Says by what hour a store's reports are due; reports that came keep the hour they were due at.
///
/// # Errors
/// `not_found`, `stale_version`, `store_out_of_scope`.
pub fn schedule(
    tx: &mut Tx<'_>,
    code: &StoreCode,
    request: &ScheduleRequest,
) -> Result<Done, CommandError> {
    let due_hour = request.parse()?;
    if stores::records::find(tx.conn, code)?.is_none() {
        return Err(Refusal::not_found("储备点", "store", code.as_str()).into());
    }
    tx.actor.require_store(code)?;
    let before = records::lock_schedule(tx.conn, code)?;
    tx.expect_version(before.version)?;
    let after = Schedule {
        store_code: code.clone(),
        due_hour,
        set_by: Some(tx.actor.name.clone()),
        set_at: Some(tx.now),
        version: before.version + 1,
    };
    records::store_schedule(tx.conn, &after)?;
    let usual = tx.settings.report_due_hour;
    let subject =
        Subject { kind: "report_schedule", id: code.to_string(), store: Some(code.clone()) };
    Ok(Done::ok(subject, &ScheduleView::new(&after, usual))
        .version(after.version)
        .replacing(&ScheduleView::new(&before, usual)))
}

/// That there is no such report.
pub fn not_found(name: &str) -> Refusal {
    Refusal::not_found("库存日报", "stock report", name)
}

fn subject(report: &StockReport) -> Subject {
    Subject {
        kind: "stock_report",
        id: report.id.to_string(),
        store: Some(report.store_code.clone()),
    }
}
