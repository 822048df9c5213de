//! Setting what stores told against the book, so that each decrease is posted exactly once.

use crate::command::{CommandError, Tx};
use crate::kernel::{ItemCode, Quantity};
use crate::report::queries::{estimates, in_force, on_hand_at};
use crate::report::records::{self, Beside};
use crate::report::rules::settle;
use crate::report::statement::{Line, StockReport};
use crate::stock::account::Outside;
use crate::stock::commands::fact::{self, FactLine};
use crate::stock::commands::{Why, fresh_views, post, take_back_estimates};
use crate::stock::movement::{DocumentRef, ESTIMATED_BY, Movement, MovementKind};
use crate::stock::reason::ReasonCode;
use crate::stock::records::{Numbering, Posting, lock_item_balances};
use crate::stores::store::ConsumptionBy;
use std::collections::{BTreeMap, BTreeSet};

/// What a store told, with how it told its consumption then.
#[derive(Debug, Clone)]
pub struct Statement {
    /// The report.
    pub report: StockReport,
    /// How the store told its consumption.
    pub by: ConsumptionBy,
    /// What it told.
    pub lines: Vec<Line>,
}

/// Settles a report, the one before it and all later ones of its store, in the order of their times.
///
/// The one before, because late entries may explain by now what it had to estimate; the later ones,
/// because what is used before them is no use of theirs. `before` is the report of the day as it
/// stood until now.
///
/// # Errors
/// As for late entries: `too_far_back`, `period_closed`, `late_entry`; failures of the database.
pub fn settle_all(
    tx: &mut Tx<'_>,
    new: Statement,
    before: Option<&StockReport>,
) -> Result<(), CommandError> {
    let store = new.report.store_code.clone();
    let own = estimates(tx.conn, &new.report.id)?;
    let mut items: BTreeSet<ItemCode> =
        new.lines.iter().map(|line| line.item_code.clone()).collect();
    items.extend(own.iter().map(|(movement, _)| movement.line.item_code.clone()));
    if items.is_empty() {
        return Ok(());
    }
    let items: Vec<ItemCode> = items.into_iter().collect();
    lock_item_balances(tx.conn, &store, &items)?;
    withdraw(tx, &new, before, own)?;
    let as_of = new.report.as_of;
    let mut earlier = records::beside(tx.conn, &store, Beside::Before(as_of, 2))?;
    earlier.retain(|report| report.id != new.report.id);
    earlier.truncate(1);
    let mut later = records::beside(tx.conn, &store, Beside::After(as_of))?;
    later.retain(|report| report.id != new.report.id);
    for report in earlier {
        let statement = statement_of(tx, report, &items)?;
        settle_one(tx, &statement)?;
    }
    let later: Vec<Statement> = later
        .into_iter()
        .map(|report| statement_of(tx, report, &items))
        .collect::<Result<_, CommandError>>()?;
    make_room(tx, &new, &later)?;
    settle_one(tx, &new)?;
    for statement in &later {
        settle_one(tx, statement)?;
    }
    Ok(())
}

/// What a report told of some items in its newest version.
fn statement_of(
    tx: &mut Tx<'_>,
    report: StockReport,
    items: &[ItemCode],
) -> Result<Statement, CommandError> {
    let mut lines = records::lines(tx.conn, &report.id, report.version)?;
    lines.retain(|line| items.contains(&line.item_code));
    let versions = records::versions(tx.conn, &report.id)?;
    let by = versions.last().map_or(ConsumptionBy::Issue, |version| version.consumption_by);
    Ok(Statement { report, by, lines })
}

/// Takes back what earlier versions had estimated and the new one does not speak of: everything
/// where it is of another time, otherwise the items that it leaves out.
fn withdraw(
    tx: &mut Tx<'_>,
    new: &Statement,
    before: Option<&StockReport>,
    own: Vec<(Movement, Quantity)>,
) -> Result<(), CommandError> {
    let moved = before.is_some_and(|before| before.as_of != new.report.as_of);
    let is_told = |movement: &Movement| {
        new.lines.iter().any(|line| line.item_code == movement.line.item_code)
    };
    let gone: Vec<(Movement, Quantity)> =
        own.into_iter().filter(|(movement, _)| moved || !is_told(movement)).collect();
    take_back_estimates(tx, &gone, &why(&new.report))
}

/// Takes back the estimates of later reports for items of which this one says that they were used
/// before: there is room for its own then, and the later reports are settled anew.
fn make_room(tx: &mut Tx<'_>, new: &Statement, later: &[Statement]) -> Result<(), CommandError> {
    if new.by != ConsumptionBy::Report || later.is_empty() {
        return Ok(());
    }
    let wanted = settlements(tx, new)?;
    for statement in later {
        let mut back = estimates(tx.conn, &statement.report.id)?;
        back.retain(|(movement, _)| {
            let item = &movement.line.item_code;
            wanted.iter().any(|(line, settled)| line.item_code == *item && !settled.post.is_zero())
        });
        take_back_estimates(tx, &back, &why(&statement.report))?;
    }
    Ok(())
}

type Settled = Vec<(Line, crate::report::rules::Settlement)>;

/// What must be done so that the book says what a statement told, line by line.
fn settlements(tx: &mut Tx<'_>, statement: &Statement) -> Result<Settled, CommandError> {
    let Statement { report, lines, .. } = statement;
    let own = in_force(&estimates(tx.conn, &report.id)?);
    let items: Vec<ItemCode> = lines.iter().map(|line| line.item_code.clone()).collect();
    let (zone, store) = (tx.settings.zone, &report.store_code);
    let book = on_hand_at(tx.conn, zone, store, Some(&items), report.as_of)?;
    let of = |map: &BTreeMap<ItemCode, Quantity>, item: &ItemCode| {
        map.get(item).copied().unwrap_or(Quantity::ZERO)
    };
    let settled = lines.iter().map(|line| {
        let own = of(&own, &line.item_code);
        let without = of(&book, &line.item_code).plus_capped(own);
        (line.clone(), settle(without, line.on_hand, own))
    });
    Ok(settled.collect())
}

/// Posts what a statement's decrease is beyond its estimates, and takes back what these are beyond
/// the decrease. Nothing where the store books its issues: its report is only compared.
fn settle_one(tx: &mut Tx<'_>, statement: &Statement) -> Result<(), CommandError> {
    if statement.by != ConsumptionBy::Report || statement.lines.is_empty() {
        return Ok(());
    }
    let settled = settlements(tx, statement)?;
    let mut back: Vec<(Movement, Quantity)> = Vec::new();
    for (movement, left) in estimates(tx.conn, &statement.report.id)? {
        let of_item = settled.iter().find(|(line, _)| line.item_code == movement.line.item_code);
        let wanted = of_item.map_or(Quantity::ZERO, |(_, settled)| settled.take_back);
        let same = back.iter().filter(|(other, _)| other.line.item_code == movement.line.item_code);
        let already = Quantity::total(same.map(|(_, quantity)| *quantity));
        let quantity = wanted.minus_or_zero(already).min(left);
        if !quantity.is_zero() {
            back.push((movement, quantity));
        }
    }
    take_back_estimates(tx, &back, &why(&statement.report))?;
    let used: Vec<FactLine> = settled
        .iter()
        .filter(|(_, settled)| !settled.post.is_zero())
        .map(|(line, settled)| used_line(line, settled.post))
        .collect();
    post_estimates(tx, &statement.report, used)
}

fn used_line(line: &Line, quantity: Quantity) -> FactLine {
    FactLine {
        line_no: line.line_no,
        item_code: line.item_code.clone(),
        quantity,
        only: None,
        state: None,
        named_lot: None,
        purpose: None,
        owner: None,
        reason_code: None,
        note: None,
    }
}

/// Posts estimated consumption, first expired first. What has left the store since by other
/// documents cannot have been used before: that part stays an unexplained decrease of the report.
fn post_estimates(
    tx: &mut Tx<'_>,
    report: &StockReport,
    lines: Vec<FactLine>,
) -> Result<(), CommandError> {
    if lines.is_empty() {
        return Ok(());
    }
    let store = &report.store_code;
    let decided = fact::decide_within_book(tx, store, report.as_of, lines)?;
    let movements = decided.movements(MovementKind::Issue, store, Outside::Consumption);
    if movements.is_empty() {
        return Ok(());
    }
    let released = fact::release(tx, store, report.as_of, &decided)?;
    let posting = Posting {
        document_kind: ESTIMATED_BY.to_owned(),
        document_id: report.id.to_string(),
        numbering: Numbering::Given(report.number.clone()),
        occurred_at: report.as_of,
        slip_number: None,
        after_the_fact: false,
        actor: tx.actor.name.clone(),
        bound: None,
        lines: movements,
    };
    let posted = fresh_views(post(tx, posting)?.movements);
    let by = DocumentRef {
        kind: ESTIMATED_BY.to_owned(),
        id: report.id.to_string(),
        number: report.number.clone(),
    };
    fact::keep(tx, &by, &report.number, &decided, released, &posted)
}

fn why(report: &StockReport) -> Why {
    Why {
        reason: ReasonCode::Miscounted,
        note: Some(format!("{} v{}", report.number, report.version)),
    }
}
