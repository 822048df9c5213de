//! Closing a period (结账) and reopening it (反结账).

use crate::command::{CommandError, Done, Subject, Tx};
use crate::db::DbConnection;
use crate::kernel::id::PeriodId;
use crate::kernel::time::parse_date;
use crate::kernel::{Code, FaultCode, Faults, Quantity, Refusal, RegionCode, StoreCode, Text};
use crate::stock::period::{Period, PeriodScope, PeriodStatus, Reopened, may_reopen, must_be_over};
use crate::stock::queries::unmatched::open_unmatched_through;
use crate::stock::records::periods;
use crate::stock::requests::{ClosePeriodRequest, ReopenPeriodRequest, optional_text};
use crate::stock::views::PeriodView;
use crate::stores::records as stores;
use chrono::NaiveDate;

/// Closes the book of a store, or of every store of a region, through a business day.
///
/// # Errors
/// `validation_failed` with every fault, also for a day that is not over; `store_out_of_scope`,
/// `forbidden` for a region that is not the caller's; those of `may_close`.
pub fn close_period(tx: &mut Tx<'_>, request: &ClosePeriodRequest) -> Result<Done, CommandError> {
    let mut faults = Faults::new();
    let scope = scope(tx, request, &mut faults)?;
    let day = parse_date(&request.through_day).ok_or(FaultCode::NotADate);
    let day = faults.keep("/through_day", day);
    let note = optional_text::<200>(request.note.as_ref(), "/note", &mut faults);
    let (scope, through_day) = faults.finish(scope.zip(day))?;
    must_be_over(through_day, tx.settings.zone.day_of(tx.now))?;
    let stores = periods::lock_stores_of(tx.conn, &scope)?;
    may_close(tx.conn, &stores, through_day)?;
    let period = Period {
        id: PeriodId::generate(),
        scope,
        through_day,
        status: PeriodStatus::Closed,
        closed_by: tx.actor.name.clone(),
        closed_by_role: tx.actor.role,
        closed_at: tx.now,
        note,
        reopened: None,
        version: 1,
    };
    periods::insert_period(tx.conn, &period)?;
    Ok(Done::created(subject(&period), &PeriodView::from(&period))
        .version(period.version)
        .located(format!("/periods/{}", period.id)))
}

/// What must hold before the book of some stores is closed through a day, asked under the locks
/// that keep postings out. What must be cleared before a period closes is asked here.
///
/// # Errors
/// `unmatched_open` where facts that happened on or before the day are unmatched, with the stores,
/// how many facts and how much; failures of the database.
fn may_close(
    conn: &mut DbConnection,
    stores: &[StoreCode],
    through_day: NaiveDate,
) -> Result<(), CommandError> {
    let mut open = Vec::new();
    for store in stores {
        let (facts, quantity) = open_unmatched_through(conn, Some(store), through_day)?;
        if facts > 0 {
            open.push((store, facts, quantity));
        }
    }
    if open.is_empty() {
        return Ok(());
    }
    let named = |each: &dyn Fn(&StoreCode, u64, Quantity) -> String, between: &str| {
        let each: Vec<String> =
            open.iter().map(|(store, n, units)| each(store, *n, *units)).collect();
        each.join(between)
    };
    let zh = named(&|store, n, units| format!("{store} {n} 笔共 {units}"), "，");
    let en = named(&|store, n, units| format!("{store} {n}, {units} in all"), "; ");
    let told: Vec<serde_json::Value> = open
        .iter()
        .map(|(store, facts, quantity)| {
            serde_json::json!({"store_code": store, "facts": facts, "quantity": quantity})
        })
        .collect();
    Err(Refusal::new(
        Code::UnmatchedOpen,
        format!("截至 {through_day} 尚有未匹配的出库：{zh}。请先补录入库、核销或盘点"),
        format!(
            "Facts through {through_day} are unmatched: {en}. Book what came late, match them or \
             count"
        ),
    )
    .with("unmatched", told)
    .into())
}

/// For whom a period is to be closed: a store in scope, or a region of the caller's.
fn scope(
    tx: &mut Tx<'_>,
    request: &ClosePeriodRequest,
    faults: &mut Faults,
) -> Result<Option<PeriodScope>, CommandError> {
    match (&request.store_code, &request.region_code) {
        (Some(code), None) => {
            let Some(code) = faults.keep("/store_code", StoreCode::new(code)) else {
                return Ok(None);
            };
            tx.actor.require_store(&code)?;
            if stores::find(tx.conn, &code)?.is_none() {
                faults.add("/store_code", FaultCode::Unknown);
            }
            Ok(Some(PeriodScope::Store(code)))
        }
        (None, Some(code)) => {
            let Some(code) = faults.keep("/region_code", RegionCode::new(code)) else {
                return Ok(None);
            };
            tx.actor.require_region(&code)?;
            if stores::find_region(tx.conn, &code)?.is_none() {
                faults.add("/region_code", FaultCode::Unknown);
            }
            Ok(Some(PeriodScope::Region(code)))
        }
        (Some(_), Some(_)) => {
            faults.add("/region_code", FaultCode::Contradicts);
            Ok(None)
        }
        (None, None) => {
            faults.add("/store_code", FaultCode::Required);
            Ok(None)
        }
    }
}

/// Opens a closed period again, with a reason, by a higher role than the one that closed it.
///
/// # Errors
/// `validation_failed`, `not_found`, `stale_version`, those of [`may_reopen`].
pub fn reopen_period(
    tx: &mut Tx<'_>,
    id: &PeriodId,
    request: &ReopenPeriodRequest,
) -> Result<Done, CommandError> {
    let mut faults = Faults::new();
    let reason = faults.keep("/reason", Text::<200>::new(&request.reason));
    let reason = faults.finish(reason)?;
    let actor = tx.actor;
    let is_seen = |period: &Period| match &period.scope {
        PeriodScope::Store(code) => actor.scope.contains(code),
        PeriodScope::Region(code) => actor.require_region(code).is_ok(),
    };
    let period = periods::lock_period(tx.conn, id)?
        .filter(is_seen)
        .ok_or_else(|| Refusal::not_found("期间", "period", id.as_str()))?;
    tx.expect_version(period.version)?;
    may_reopen(&period, actor.role)?;
    let reopened = Period {
        status: PeriodStatus::Reopened,
        reopened: Some(Reopened { by: actor.name.clone(), at: tx.now, reason: reason.into() }),
        version: period.version + 1,
        ..period
    };
    periods::store_reopened(tx.conn, &reopened)?;
    Ok(Done::ok(subject(&reopened), &PeriodView::from(&reopened)).version(reopened.version))
}

fn subject(period: &Period) -> Subject {
    let store = match &period.scope {
        PeriodScope::Store(code) => Some(code.clone()),
        PeriodScope::Region(_) => None,
    };
    Subject { kind: "period", id: period.id.to_string(), store }
}
