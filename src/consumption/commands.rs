//! Setting the daily use of items by hand, and ending that.

use crate::command::{CommandError, Done, Subject, Tx};
use crate::consumption::daily_use::{DailyUse, Ended};
use crate::consumption::records;
use crate::consumption::requests::{DailyUseRequest, EndDailyUseRequest};
use crate::consumption::views::DailyUseView;
use crate::kernel::id::DailyUseId;
use crate::kernel::{Code, Refusal};
use crate::stores;

/// Sets the daily use of an item at a store. It beats what the ledger shows through its last day, and
/// takes the place of the one that stood there.
///
/// # Errors
/// `validation_failed` with every fault, `store_out_of_scope`.
pub fn set(tx: &mut Tx<'_>, request: &DailyUseRequest) -> Result<Done, CommandError> {
    let new = request.parse(tx)?;
    // Two that are set at once take each other's place in one order.
    stores::records::lock(tx.conn, &new.store_code)?;
    for mut before in records::lock_standing(tx.conn, &new.store_code, &new.item_code)? {
        end_now(tx, &mut before, None)?;
    }
    records::insert(tx.conn, &new)?;
    Ok(Done::created(subject(&new), &DailyUseView::from(&new))
        .version(new.version)
        .located(format!("/daily-uses/{}", new.id)))
}

/// Ends a daily use before its last day: what the ledger shows counts again.
///
/// # Errors
/// `not_found`, `stale_version`, `wrong_status` where it has ended, `validation_failed`.
pub fn end(
    tx: &mut Tx<'_>,
    id: &DailyUseId,
    request: &EndDailyUseRequest,
) -> Result<Done, CommandError> {
    let mut of = records::lock(tx.conn, id)?
        .filter(|of| tx.actor.scope.contains(&of.store_code))
        .ok_or_else(|| not_found(id.as_str()))?;
    tx.expect_version(of.version)?;
    let reason = request.parse()?;
    let before = DailyUseView::from(&of);
    if of.ended.is_some() {
        let text = ("该日均消耗已终止", "This daily use has ended already");
        return Err(Refusal::new(Code::WrongStatus, text.0, text.1).into());
    }
    end_now(tx, &mut of, Some(reason))?;
    Ok(Done::ok(subject(&of), &DailyUseView::from(&of)).version(of.version).replacing(&before))
}

fn end_now(tx: &mut Tx<'_>, of: &mut DailyUse, reason: Option<String>) -> Result<(), CommandError> {
    of.ended = Some(Ended { by: tx.actor.name.clone(), at: tx.now, reason });
    of.version += 1;
    records::store_end(tx.conn, of)?;
    Ok(())
}

/// That there is no such daily use.
pub fn not_found(id: &str) -> Refusal {
    Refusal::not_found("日均消耗", "daily use", id)
}

fn subject(of: &DailyUse) -> Subject {
    Subject { kind: "daily_use", id: of.id.to_string(), store: Some(of.store_code.clone()) }
}
