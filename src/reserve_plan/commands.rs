//! What is done to plans and levels, each in one transaction.

pub mod comments;

use crate::access::Actor;
use crate::authority;
use crate::authority::paperwork::DocumentRef;
use crate::command::{CommandError, Done, Subject, Tx};
use crate::kernel::id::{ReservePlanId, ResponseLevelId};
use crate::kernel::{Bilingual, FaultCode, Faults, ItemCode, Refusal, RegionCode};
use crate::reserve_plan::level::Declaration;
use crate::reserve_plan::plan::{
    Approval, CommentAct, LineScope, PlanLine, PlanStatus, PlanVersion, Submission,
};
use crate::reserve_plan::requests::{ApprovePlan, DraftPlan, EditPlan, LevelRequest};
use crate::reserve_plan::views::{DeclarationView, PlanView};
use crate::reserve_plan::{queries, records, rules, views};
use chrono::Datelike;

/// Drafts a version of a plan.
///
/// # Errors
/// `validation_failed` when a line names what does not exist, a line repeats another, or there is
/// neither a name nor a version to copy, or names no region and the caller has none, or another one
/// than the plan's earlier versions; `store_out_of_scope` or `forbidden` when the plan or a line
/// names a store or region outside the caller's.
pub fn draft(tx: &mut Tx<'_>, asked: &DraftPlan) -> Result<Done, CommandError> {
    let copied = match &asked.copy_from {
        None => None,
        Some(id) => {
            let unknown = || Refusal::fault("/copy_from", FaultCode::Unknown);
            Some(records::find_plan(tx.conn, id)?.ok_or_else(unknown)?)
        }
    };
    let name = asked.name.clone().or_else(|| copied.as_ref().map(|plan| plan.name.clone()));
    let name = name.ok_or_else(|| Refusal::fault("/name", FaultCode::Required))?;
    let number = match asked.number.clone().or_else(|| copied.as_ref().map(|p| p.number.clone())) {
        Some(number) => number,
        None => free_number(tx)?,
    };
    let region = region_of(tx, asked, &number, copied.as_ref())?;
    let lines = match (&asked.lines, &copied) {
        (Some(lines), _) => {
            check_lines(tx, &region, &numbered(lines))?;
            lines.clone()
        }
        (None, Some(plan)) => {
            let kept = records::lines_of(tx.conn, &plan.id)?;
            let lines: Vec<PlanLine> = kept.into_iter().map(|line| line.line).collect();
            if region == plan.region {
                require_scope_of(tx.actor, lines.iter())?;
            } else {
                check_lines(tx, &region, &numbered(&lines))?;
            }
            lines
        }
        (None, None) => Vec::new(),
    };
    let plan = PlanVersion {
        id: ReservePlanId::generate(),
        region,
        version: records::newest_version(tx.conn, &number)? + 1,
        number,
        name,
        status: PlanStatus::Draft,
        authors: vec![tx.actor.user_id.clone()],
        copied_from: asked.copy_from.clone(),
        created_by: tx.actor.name.clone(),
        created_at: tx.now,
        submission: None,
        approval: None,
        revision: 1,
    };
    records::insert_plan(tx.conn, &plan)?;
    records::replace_lines(tx.conn, &plan.id, &lines)?;
    let path = format!("/reserve-plans/{}", plan.id);
    let view = view_of(tx, plan.clone())?;
    Ok(Done::created(subject(&plan), &view).version(plan.revision).located(path))
}

/// Edits a draft.
///
/// # Errors
/// `not_found`; `precondition_required` or `stale_version` without the current `If-Match`;
/// `wrong_status` unless it is a draft; `store_out_of_scope` or `forbidden` when a line lies outside
/// the caller's scope; the faults of its lines as in [`draft`].
pub fn edit(tx: &mut Tx<'_>, id: &ReservePlanId, asked: &EditPlan) -> Result<Done, CommandError> {
    let mut plan = expect_plan(tx, id)?;
    rules::edit(plan.status)?;
    let before = view_of(tx, plan.clone())?;
    if let Some(name) = &asked.name {
        plan.name.clone_from(name);
    }
    if let Some(lines) = &asked.lines {
        check_lines(tx, &plan.region, &numbered(lines))?;
        records::replace_lines(tx.conn, &plan.id, lines)?;
    }
    plan.add_author(&tx.actor.user_id);
    Ok(store(tx, plan)?.replacing(&before))
}

/// Hands a draft in for approval.
///
/// # Errors
/// As [`edit`], and `wrong_status` when it has no lines.
pub fn submit(
    tx: &mut Tx<'_>,
    id: &ReservePlanId,
    comment: Option<&str>,
) -> Result<Done, CommandError> {
    let mut plan = expect_plan(tx, id)?;
    let lines = records::lines_of(tx.conn, id)?.len();
    plan.status = rules::submit(plan.status, lines)?;
    plan.submission = Some(Submission { by: tx.actor.name.clone(), at: tx.now });
    plan.add_author(&tx.actor.user_id);
    comments::remember(tx, id, CommentAct::Submitted, comment)?;
    store(tx, plan)
}

/// Approves a submitted version.
///
/// Holds the region until the transaction ends, so that of two versions that are approved at once
/// from the same time the second finds the first.
///
/// # Errors
/// As [`edit`]; `wrong_status` unless it is submitted; `own_document` for one of its authors;
/// `scope_taken` when another approved version of the region begins at the same time.
pub fn approve(
    tx: &mut Tx<'_>,
    id: &ReservePlanId,
    asked: &ApprovePlan,
) -> Result<Done, CommandError> {
    let mut plan = expect_plan(tx, id)?;
    plan.status = rules::approve(plan.status, &plan.authors, &tx.actor.user_id)?;
    let effective_from = asked.effective_from.instant(tx.now, tx.settings.zone);
    queries::lock_region(tx.conn, &plan.region)?;
    let other = records::beginning_at(tx.conn, &plan.region, effective_from)?;
    rules::begins_alone(other.as_ref())?;
    plan.approval = Some(Approval {
        by: tx.actor.name.clone(),
        at: tx.now,
        number: Some(asked.approval_number.clone()),
        effective_from,
    });
    comments::remember(tx, id, CommentAct::Approved, asked.comment.as_deref())?;
    store(tx, plan)
}

/// Takes a submitted version back to a draft, as one of its authors.
///
/// # Errors
/// As [`edit`]; `wrong_status` unless it is submitted; `forbidden` for anybody but its authors.
pub fn withdraw(tx: &mut Tx<'_>, id: &ReservePlanId, why: &str) -> Result<Done, CommandError> {
    let mut plan = expect_plan(tx, id)?;
    plan.status = rules::withdraw(plan.status, &plan.authors, &tx.actor.user_id)?;
    plan.submission = None;
    comments::remember(tx, id, CommentAct::Withdrawn, Some(why))?;
    store(tx, plan)
}

/// Sends a submitted version back to its authors as a draft.
///
/// # Errors
/// As [`edit`]; `wrong_status` unless it is submitted; `own_document` for one of its authors.
pub fn send_back(tx: &mut Tx<'_>, id: &ReservePlanId, why: &str) -> Result<Done, CommandError> {
    let mut plan = expect_plan(tx, id)?;
    plan.status = rules::send_back(plan.status, &plan.authors, &tx.actor.user_id)?;
    plan.submission = None;
    comments::remember(tx, id, CommentAct::SentBack, Some(why))?;
    store(tx, plan)
}

/// Puts the lines of a table in place of those of a draft, or only says what that would change.
///
/// `lines` are those that could be read, with their places in the table; `others_bad` tells that
/// there are more, which could not.
///
/// # Errors
/// As [`edit`]; `validation_failed` with the faults of these lines, or with none when only others
/// are bad.
pub fn replace_lines(
    tx: &mut Tx<'_>,
    id: &ReservePlanId,
    lines: &[(usize, PlanLine)],
    others_bad: bool,
    dry_run: bool,
) -> Result<Done, CommandError> {
    let mut plan = expect_plan(tx, id)?;
    rules::edit(plan.status)?;
    check_lines(tx, &plan.region, lines)?;
    if others_bad {
        return Err(Refusal::invalid(Vec::new()).into());
    }
    let before = records::lines_of(tx.conn, id)?;
    let lines: Vec<PlanLine> = lines.iter().map(|(_, line)| line.clone()).collect();
    let view = views::replaced_view(id, &before, &lines, dry_run);
    if !dry_run {
        records::replace_lines(tx.conn, id, &lines)?;
        plan.add_author(&tx.actor.user_id);
        plan.revision += 1;
        records::update_plan(tx.conn, &plan)?;
    }
    Ok(Done::ok(subject(&plan), &view).version(plan.revision))
}

/// Declares the response level of a region.
///
/// `If-Match` names the number of declarations that the region has made so far, so that two
/// commanders cannot overrule each other unawares. A spoken word makes its paperwork due.
///
/// # Errors
/// `validation_failed` with every fault, for an unknown region too, or a time before the declaration
/// that holds now;
/// `forbidden` for a region outside the caller's; `precondition_required`, `stale_version`.
pub fn declare_level(tx: &mut Tx<'_>, request: &LevelRequest) -> Result<Done, CommandError> {
    let asked = request.parse(tx.now)?;
    if !queries::lock_region(tx.conn, &asked.region)? {
        return Err(Refusal::fault("/region_code", FaultCode::Unknown).into());
    }
    tx.actor.require_region(&asked.region)?;
    let count = records::count_levels(tx.conn, &asked.region)?;
    tx.expect_version(count)?;
    let effective_at = asked.effective_at.instant(tx.now, tx.settings.zone);
    let standing = records::latest_level(tx.conn, &asked.region, tx.now)?;
    if standing.is_some_and(|standing| effective_at < standing.effective_at) {
        return Err(Refusal::fault("/effective_at", FaultCode::Contradicts).into());
    }
    let declared = Declaration {
        id: ResponseLevelId::generate(),
        region: asked.region.clone(),
        level: asked.level,
        reason: asked.reason.clone(),
        authority: asked.authority.clone(),
        effective_at,
        recorded_at: tx.now,
        declared_by: tx.actor.name.clone(),
    };
    records::insert_level(tx.conn, &declared)?;
    let document = DocumentRef {
        kind: "response_level".to_owned(),
        id: declared.id.to_string(),
        number: None,
        // Whoever sees the store at the head of the region's supply sees its paperwork.
        store: queries::head_store(tx.conn, &declared.region)?,
        other_store: None,
    };
    authority::commands::act_on(tx, document, &declared.authority)?;
    let view: DeclarationView = declared.into();
    let subject = Subject { kind: "response_level", id: view.id.to_string(), store: None };
    Ok(Done::ok(subject, &view).version(count + 1))
}

fn view_of(tx: &mut Tx<'_>, plan: PlanVersion) -> Result<PlanView, CommandError> {
    Ok(views::plan_view(tx.conn, plan, tx.now)?)
}

fn expect_plan(tx: &mut Tx<'_>, id: &ReservePlanId) -> Result<PlanVersion, CommandError> {
    let plan = records::lock_plan(tx.conn, id)?
        .ok_or_else(|| Refusal::not_found("储备方案", "reserve plan", id.as_str()))?;
    tx.actor.require_region(&plan.region)?;
    let lines = records::lines_of(tx.conn, id)?;
    require_scope_of(tx.actor, lines.iter().map(|line| &line.line))?;
    tx.expect_version(plan.revision)?;
    Ok(plan)
}

/// Whether all that lines speak of lies within the caller's scope.
fn require_scope_of<'a>(
    actor: &Actor,
    lines: impl Iterator<Item = &'a PlanLine>,
) -> Result<(), Refusal> {
    for line in lines {
        match &line.scope {
            LineScope::Store(code) => actor.require_store(code)?,
            LineScope::Region(code) => actor.require_region(code)?,
            LineScope::StoreKind(_) => {}
        }
    }
    Ok(())
}

fn store(tx: &mut Tx<'_>, mut plan: PlanVersion) -> Result<Done, CommandError> {
    plan.revision += 1;
    records::update_plan(tx.conn, &plan)?;
    let view = view_of(tx, plan.clone())?;
    Ok(Done::ok(subject(&plan), &view).version(plan.revision))
}

fn subject(plan: &PlanVersion) -> Subject {
    Subject { kind: "reserve_plan", id: plan.id.to_string(), store: None }
}

/// The next number of this year's plans that nobody has taken.
fn free_number(tx: &mut Tx<'_>) -> Result<String, CommandError> {
    let year = tx.settings.zone.day_of(tx.now).year();
    let mut next = records::numbers_beginning(tx.conn, &format!("RP-{year}-"))? + 1;
    loop {
        let number = format!("RP-{year}-{next:03}");
        if records::newest_version(tx.conn, &number)? == 0 {
            return Ok(number);
        }
        next += 1;
    }
}

/// The region of a new version: that asked for, or of the copied version, of the plan's earlier
/// versions, or the caller's own. All versions of a plan have the same.
fn region_of(
    tx: &mut Tx<'_>,
    asked: &DraftPlan,
    number: &str,
    copied: Option<&PlanVersion>,
) -> Result<RegionCode, CommandError> {
    let earlier = records::region_of_number(tx.conn, number)?;
    let copied = copied.filter(|plan| plan.number == number).map(|plan| plan.region.clone());
    let region = asked.region.clone().or(copied).or_else(|| earlier.clone());
    let region = region.or_else(|| tx.actor.region.clone());
    let region = region.ok_or_else(|| Refusal::fault("/region_code", FaultCode::Required))?;
    if earlier.is_some_and(|earlier| earlier != region) {
        return Err(Refusal::fault("/region_code", FaultCode::Contradicts).into());
    }
    if !queries::region_exists(tx.conn, &region)? {
        return Err(Refusal::fault("/region_code", FaultCode::Unknown).into());
    }
    tx.actor.require_region(&region)?;
    Ok(region)
}

fn numbered(lines: &[PlanLine]) -> Vec<(usize, PlanLine)> {
    lines.iter().cloned().enumerate().collect()
}

/// Whether lines, each with its place in the request, name only what exists, within the plan's
/// region and the caller's scope, and each thing once.
fn check_lines(
    tx: &mut Tx<'_>,
    region: &RegionCode,
    lines: &[(usize, PlanLine)],
) -> Result<(), CommandError> {
    let mut faults = Faults::new();
    let known = queries::known_names(tx.conn)?;
    for (at, line) in lines {
        check_item(&line.item, *at, &known, &mut faults);
        check_scope(&line.scope, *at, &known, &mut faults);
    }
    let plain: Vec<&PlanLine> = lines.iter().map(|(_, line)| line).collect();
    for repeated in rules::repeated_lines(&plain) {
        if let Some((at, _)) = lines.get(repeated) {
            faults.add(format!("/lines/{at}"), FaultCode::Duplicate);
        }
    }
    if faults.is_empty() {
        require_scope_of(tx.actor, plain.into_iter())?;
        for (at, line) in lines {
            check_within(region, &line.scope, *at, &known, &mut faults);
        }
    }
    Ok(faults.check()?)
}

fn check_scope(scope: &LineScope, at: usize, known: &queries::KnownNames, faults: &mut Faults) {
    let unknown = match scope {
        LineScope::Store(code) if !known.stores.contains_key(code) => "store_code",
        LineScope::StoreKind(kind) if !known.kinds.contains(kind) => "store_kind",
        LineScope::Region(region) if !known.regions.contains(region) => "region_code",
        LineScope::Store(_) | LineScope::StoreKind(_) | LineScope::Region(_) => return,
    };
    faults.add(format!("/lines/{at}/{unknown}"), FaultCode::Unknown);
}

/// A plan for a region says nothing of stores elsewhere.
fn check_within(
    region: &RegionCode,
    scope: &LineScope,
    at: usize,
    known: &queries::KnownNames,
    faults: &mut Faults,
) {
    let (field, inside) = match scope {
        LineScope::Store(code) => {
            ("store_code", known.stores.get(code).is_some_and(|place| region.contains(place)))
        }
        LineScope::Region(other) => ("region_code", region.contains(other)),
        LineScope::StoreKind(_) => return,
    };
    if !inside {
        let message = Bilingual::new(
            format!("不在本方案的地区 {region} 内"),
            format!("does not lie in the plan's region {region}"),
        );
        faults.add_saying(format!("/lines/{at}/{field}"), FaultCode::Contradicts, message);
    }
}

fn check_item(item: &ItemCode, at: usize, known: &queries::KnownNames, faults: &mut Faults) {
    match known.items.get(item) {
        Some(true) => {}
        Some(false) => faults.add(format!("/lines/{at}/item_code"), FaultCode::Inactive),
        None => faults.add(format!("/lines/{at}/item_code"), FaultCode::Unknown),
    }
}
