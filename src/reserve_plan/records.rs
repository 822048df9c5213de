//! The rows of plans and response levels; the only place that writes them.

pub mod scoped;

use crate::db::schema::{reserve_plan, reserve_plan_comment, reserve_plan_line, response_level};
use crate::db::{DbConnection, DbError};
use crate::kernel::id::{ReservePlanCommentId, ReservePlanId, ReservePlanLineId, ResponseLevelId};
use crate::kernel::{Instant, ItemCode, Quantity, RegionCode, StoreCode};
use crate::reserve_plan::level::{Declaration, ResponseLevel};
use crate::reserve_plan::plan::{
    Approval, Comment, CommentAct, LineScope, PlanLine, PlanStatus, PlanVersion, PlansInForce,
    StoredLine, Submission,
};
use crate::{load_locked, on_each_backend};
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The most lines that one plan may have: every item at every store of a city by itself. What a
/// request may hold in bytes (the setting `body_limit`) is reached before; a province names kinds and
/// regions, or leaves its counties plans of their own.
pub const MAX_LINES: usize = 100_000;

/// Lines written by one statement: SQLite binds at most 32 766 values.
const LINES_AT_ONCE: usize = 500;

#[derive(Queryable, Selectable)]
#[diesel(table_name = reserve_plan)]
struct PlanRow {
    id: ReservePlanId,
    number: String,
    version: i64,
    name: String,
    status: PlanStatus,
    authors: String,
    copied_from: Option<ReservePlanId>,
    created_by: String,
    created_at: Instant,
    submitted_by: Option<String>,
    submitted_at: Option<Instant>,
    approved_by: Option<String>,
    approved_at: Option<Instant>,
    approval_number: Option<String>,
    effective_from: Option<Instant>,
    revision: i64,
    region_code: Option<RegionCode>,
}

impl PlanRow {
    fn into_plan(self) -> Result<PlanVersion, DbError> {
        let submission =
            self.submitted_by.zip(self.submitted_at).map(|(by, at)| Submission { by, at });
        let approval = match (self.approved_by, self.approved_at, self.effective_from) {
            (Some(by), Some(at), Some(effective_from)) => {
                Some(Approval { by, at, number: self.approval_number, effective_from })
            }
            _ => None,
        };
        Ok(PlanVersion {
            id: self.id,
            region: self.region_code.ok_or_else(|| unreadable("a plan is for a region"))?,
            number: self.number,
            version: self.version,
            name: self.name,
            status: self.status,
            authors: from_json(&self.authors)?,
            copied_from: self.copied_from,
            created_by: self.created_by,
            created_at: self.created_at,
            submission,
            approval,
            revision: self.revision,
        })
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = reserve_plan_line)]
struct LineRow {
    id: ReservePlanLineId,
    plan_id: ReservePlanId,
    line_no: i64,
    item_code: ItemCode,
    store_code: Option<StoreCode>,
    store_kind: Option<String>,
    region_code: Option<RegionCode>,
    bases: String,
    floor: Option<Quantity>,
    ceiling: Option<Quantity>,
    level_percent: String,
    floor_percent: String,
}

impl LineRow {
    fn into_line(self) -> Result<StoredLine, DbError> {
        let scope = match (self.store_code, self.store_kind, self.region_code) {
            (Some(store), None, None) => LineScope::Store(store),
            (None, Some(kind), None) => LineScope::StoreKind(kind),
            (None, None, Some(region)) => LineScope::Region(region),
            _ => return Err(unreadable("a plan line speaks of one scope")),
        };
        Ok(StoredLine {
            id: self.id,
            plan_id: self.plan_id,
            line_no: self.line_no,
            line: PlanLine {
                scope,
                item: self.item_code,
                bases: from_json(&self.bases)?,
                floor: self.floor,
                ceiling: self.ceiling,
                level_percent: from_json(&self.level_percent)?,
                floor_percent: from_json(&self.floor_percent)?,
            },
        })
    }
}

#[derive(Insertable)]
#[diesel(table_name = reserve_plan_line, treat_none_as_default_value = false)]
struct NewLine<'a> {
    id: ReservePlanLineId,
    plan_id: &'a ReservePlanId,
    line_no: i64,
    item_code: &'a ItemCode,
    store_code: Option<&'a StoreCode>,
    store_kind: Option<&'a str>,
    region_code: Option<&'a RegionCode>,
    bases: String,
    floor: Option<Quantity>,
    ceiling: Option<Quantity>,
    level_percent: String,
    floor_percent: String,
}

/// The number of the newest version of a plan, or 0 when there is none.
///
/// # Errors
/// When the database fails.
pub fn newest_version(conn: &mut DbConnection, number: &str) -> Result<i64, DbError> {
    let newest: Option<i64> = reserve_plan::table
        .filter(reserve_plan::number.eq(number))
        .select(diesel::dsl::max(reserve_plan::version))
        .first(conn)?;
    Ok(newest.unwrap_or(0))
}

/// The region that the versions of a plan are for; `None` when there is no such plan.
///
/// # Errors
/// When the database fails.
pub fn region_of_number(
    conn: &mut DbConnection,
    number: &str,
) -> Result<Option<RegionCode>, DbError> {
    let found: Option<Option<RegionCode>> = reserve_plan::table
        .filter(reserve_plan::number.eq(number))
        .order(reserve_plan::version)
        .select(reserve_plan::region_code)
        .first(conn)
        .optional()?;
    Ok(found.flatten())
}

/// How many plan numbers begin with `prefix`, to find a free one.
///
/// # Errors
/// When the database fails.
pub fn numbers_beginning(conn: &mut DbConnection, prefix: &str) -> Result<i64, DbError> {
    Ok(reserve_plan::table
        .filter(reserve_plan::number.like(format!("{prefix}%")))
        .filter(reserve_plan::version.eq(1))
        .count()
        .get_result(conn)?)
}

/// Stores a new version without its lines.
///
/// # Errors
/// [`DbError::Conflict`] when somebody else has just taken the version, so that the command runs
/// again and finds the next; otherwise when the database fails.
pub fn insert_plan(conn: &mut DbConnection, plan: &PlanVersion) -> Result<(), DbError> {
    let (submission, approval) = (plan.submission.as_ref(), plan.approval.as_ref());
    let inserted = diesel::insert_into(reserve_plan::table)
        .values((
            reserve_plan::id.eq(&plan.id),
            reserve_plan::number.eq(&plan.number),
            reserve_plan::version.eq(plan.version),
            reserve_plan::name.eq(&plan.name),
            reserve_plan::status.eq(plan.status),
            reserve_plan::authors.eq(to_json(&plan.authors)?),
            reserve_plan::copied_from.eq(plan.copied_from.as_ref()),
            reserve_plan::created_by.eq(&plan.created_by),
            reserve_plan::created_at.eq(plan.created_at),
            reserve_plan::submitted_by.eq(submission.map(|s| &s.by)),
            reserve_plan::submitted_at.eq(submission.map(|s| s.at)),
            reserve_plan::approved_by.eq(approval.map(|a| &a.by)),
            reserve_plan::approved_at.eq(approval.map(|a| a.at)),
            reserve_plan::approval_number.eq(approval.and_then(|a| a.number.as_ref())),
            reserve_plan::effective_from.eq(approval.map(|a| a.effective_from)),
            reserve_plan::revision.eq(plan.revision),
            reserve_plan::region_code.eq(&plan.region),
        ))
        .execute(conn);
    unless_taken(inserted)
}

/// What somebody else has just taken is a conflict, so that the command runs again and sees it.
fn unless_taken(written: Result<usize, Error>) -> Result<(), DbError> {
    match written {
        Ok(_one) => Ok(()),
        Err(Error::DatabaseError(DatabaseErrorKind::UniqueViolation, taken)) => {
            Err(DbError::Conflict(taken.message().to_owned()))
        }
        Err(error) => Err(error.into()),
    }
}

/// Writes what may change of a version: name, status, authors, submission, approval, revision.
///
/// # Errors
/// [`DbError::Conflict`] when another version of the region has just been approved from the same
/// time; otherwise when the database fails.
pub fn update_plan(conn: &mut DbConnection, plan: &PlanVersion) -> Result<(), DbError> {
    let (submission, approval) = (plan.submission.as_ref(), plan.approval.as_ref());
    let updated = diesel::update(reserve_plan::table.filter(reserve_plan::id.eq(&plan.id)))
        .set((
            reserve_plan::name.eq(&plan.name),
            reserve_plan::status.eq(plan.status),
            reserve_plan::authors.eq(to_json(&plan.authors)?),
            reserve_plan::submitted_by.eq(submission.map(|s| &s.by)),
            reserve_plan::submitted_at.eq(submission.map(|s| s.at)),
            reserve_plan::approved_by.eq(approval.map(|a| &a.by)),
            reserve_plan::approved_at.eq(approval.map(|a| a.at)),
            reserve_plan::approval_number.eq(approval.and_then(|a| a.number.as_ref())),
            reserve_plan::effective_from.eq(approval.map(|a| a.effective_from)),
            reserve_plan::revision.eq(plan.revision),
        ))
        .execute(conn);
    unless_taken(updated)
}

/// Puts these lines in place of those that a draft has.
///
/// # Errors
/// When the database fails.
pub fn replace_lines(
    conn: &mut DbConnection,
    plan: &ReservePlanId,
    lines: &[PlanLine],
) -> Result<(), DbError> {
    diesel::delete(reserve_plan_line::table.filter(reserve_plan_line::plan_id.eq(plan)))
        .execute(conn)?;
    let mut rows = Vec::with_capacity(lines.len());
    for (line_no, line) in (1_i64..).zip(lines) {
        rows.push(new_line(plan, line_no, line)?);
    }
    for rows in rows.chunks(LINES_AT_ONCE) {
        on_each_backend!(conn, |c| diesel::insert_into(reserve_plan_line::table)
            .values(rows)
            .execute(c))?;
    }
    Ok(())
}

fn new_line<'a>(
    plan_id: &'a ReservePlanId,
    line_no: i64,
    line: &'a PlanLine,
) -> Result<NewLine<'a>, DbError> {
    let (store_code, store_kind, region_code) = match &line.scope {
        LineScope::Store(store) => (Some(store), None, None),
        LineScope::StoreKind(kind) => (None, Some(kind.as_str()), None),
        LineScope::Region(region) => (None, None, Some(region)),
    };
    Ok(NewLine {
        id: ReservePlanLineId::generate(),
        plan_id,
        line_no,
        item_code: &line.item,
        store_code,
        store_kind,
        region_code,
        bases: to_json(&line.bases)?,
        floor: line.floor,
        ceiling: line.ceiling,
        level_percent: to_json(&line.level_percent)?,
        floor_percent: to_json(&line.floor_percent)?,
    })
}

/// A version by its id.
///
/// # Errors
/// When the database fails.
pub fn find_plan(
    conn: &mut DbConnection,
    id: &ReservePlanId,
) -> Result<Option<PlanVersion>, DbError> {
    reserve_plan::table
        .filter(reserve_plan::id.eq(id))
        .select(PlanRow::as_select())
        .first(conn)
        .optional()?
        .map(PlanRow::into_plan)
        .transpose()
}

/// A version by its id, locked until the transaction ends.
///
/// # Errors
/// When the database fails.
pub fn lock_plan(
    conn: &mut DbConnection,
    id: &ReservePlanId,
) -> Result<Option<PlanVersion>, DbError> {
    let rows = load_locked!(
        conn,
        reserve_plan::table.filter(reserve_plan::id.eq(id)).select(PlanRow::as_select()),
        PlanRow
    )?;
    rows.into_iter().next().map(PlanRow::into_plan).transpose()
}

/// Which versions a list shows.
#[derive(Debug, Clone, Default)]
pub struct PlanFilter {
    /// Only versions in this status.
    pub status: Option<PlanStatus>,
    /// Only versions of the plan with this number.
    pub number: Option<String>,
    /// Only versions for this region itself.
    pub region: Option<RegionCode>,
    /// Only what comes after this place: creation and id of the last row shown.
    pub after: Option<(Instant, ReservePlanId)>,
}

/// Versions, the newest first, at most `limit`.
///
/// # Errors
/// When the database fails.
pub fn list_plans(
    conn: &mut DbConnection,
    filter: &PlanFilter,
    limit: i64,
) -> Result<Vec<PlanVersion>, DbError> {
    let mut query = reserve_plan::table.select(PlanRow::as_select()).into_boxed();
    if let Some(status) = filter.status {
        query = query.filter(reserve_plan::status.eq(status));
    }
    if let Some(number) = &filter.number {
        query = query.filter(reserve_plan::number.eq(number));
    }
    if let Some(region) = &filter.region {
        query = query.filter(reserve_plan::region_code.eq(region));
    }
    if let Some((created_at, id)) = &filter.after {
        query = query.filter(
            reserve_plan::created_at
                .lt(*created_at)
                .or(reserve_plan::created_at.eq(*created_at).and(reserve_plan::id.lt(id))),
        );
    }
    query
        .order((reserve_plan::created_at.desc(), reserve_plan::id.desc()))
        .limit(limit)
        .load(conn)?
        .into_iter()
        .map(PlanRow::into_plan)
        .collect()
}

/// The plans in force at `at`: of each region the approved version with the latest
/// `effective_from` by then; with `known_at` only of those that had been approved by that time.
///
/// # Errors
/// When the database fails.
pub fn plans_in_force(
    conn: &mut DbConnection,
    at: Instant,
    known_at: Option<Instant>,
) -> Result<PlansInForce, DbError> {
    plans_in_force_over(conn, None, at, known_at)
}

/// The same, of some regions only: to know what holds in a region, those above it too.
///
/// # Errors
/// When the database fails.
pub fn plans_in_force_over(
    conn: &mut DbConnection,
    regions: Option<&[RegionCode]>,
    at: Instant,
    known_at: Option<Instant>,
) -> Result<PlansInForce, DbError> {
    let mut query = reserve_plan::table
        .filter(reserve_plan::status.eq(PlanStatus::Approved))
        .filter(reserve_plan::effective_from.le(at))
        .select(PlanRow::as_select())
        .into_boxed();
    if let Some(regions) = regions {
        query = query.filter(reserve_plan::region_code.eq_any(regions));
    }
    if let Some(known_at) = known_at {
        query = query.filter(reserve_plan::approved_at.le(known_at));
    }
    // The latest comes last, and has the last word.
    let rows: Vec<PlanRow> = query
        .order((reserve_plan::effective_from, reserve_plan::approved_at, reserve_plan::id))
        .load(conn)?;
    rows.into_iter().map(PlanRow::into_plan).collect()
}

/// The approved version of a region that begins at exactly this time.
///
/// # Errors
/// When the database fails.
pub fn beginning_at(
    conn: &mut DbConnection,
    region: &RegionCode,
    effective_from: Instant,
) -> Result<Option<PlanVersion>, DbError> {
    reserve_plan::table
        .filter(reserve_plan::status.eq(PlanStatus::Approved))
        .filter(reserve_plan::region_code.eq(region))
        .filter(reserve_plan::effective_from.eq(effective_from))
        .select(PlanRow::as_select())
        .first(conn)
        .optional()?
        .map(PlanRow::into_plan)
        .transpose()
}

/// When the next approved version of one of these regions begins after `at`.
///
/// # Errors
/// When the database fails.
pub fn next_beginning(
    conn: &mut DbConnection,
    regions: &[RegionCode],
    at: Instant,
    known_at: Option<Instant>,
) -> Result<Option<Instant>, DbError> {
    let mut query = reserve_plan::table
        .filter(reserve_plan::status.eq(PlanStatus::Approved))
        .filter(reserve_plan::region_code.eq_any(regions))
        .filter(reserve_plan::effective_from.gt(at))
        .select(diesel::dsl::min(reserve_plan::effective_from))
        .into_boxed();
    if let Some(known_at) = known_at {
        query = query.filter(reserve_plan::approved_at.le(known_at));
    }
    Ok(query.first(conn)?)
}

/// The lines of a version in their order.
///
/// # Errors
/// When the database fails.
pub fn lines_of(conn: &mut DbConnection, plan: &ReservePlanId) -> Result<Vec<StoredLine>, DbError> {
    let rows: Vec<LineRow> = reserve_plan_line::table
        .filter(reserve_plan_line::plan_id.eq(plan))
        .select(LineRow::as_select())
        .order((reserve_plan_line::line_no, reserve_plan_line::id))
        .load(conn)?;
    rows.into_iter().map(LineRow::into_line).collect()
}

/// Lines of a version after a line number, at most `limit`.
///
/// # Errors
/// When the database fails.
pub fn page_of_lines(
    conn: &mut DbConnection,
    plan: &ReservePlanId,
    after: Option<i64>,
    limit: i64,
) -> Result<Vec<StoredLine>, DbError> {
    let rows: Vec<LineRow> = reserve_plan_line::table
        .filter(reserve_plan_line::plan_id.eq(plan))
        .filter(reserve_plan_line::line_no.gt(after.unwrap_or(0)))
        .select(LineRow::as_select())
        .order((reserve_plan_line::line_no, reserve_plan_line::id))
        .limit(limit)
        .load(conn)?;
    rows.into_iter().map(LineRow::into_line).collect()
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = reserve_plan_comment)]
struct CommentRow {
    id: ReservePlanCommentId,
    plan_id: ReservePlanId,
    reply_to: Option<ReservePlanCommentId>,
    line_no: Option<i64>,
    act: CommentAct,
    text: Option<String>,
    author: String,
    created_at: Instant,
}

impl From<CommentRow> for Comment {
    fn from(row: CommentRow) -> Self {
        let CommentRow { id, plan_id, reply_to, line_no, act, text, author, created_at } = row;
        Self { id, plan_id, reply_to, line_no, act, text, author, created_at }
    }
}

/// Stores what somebody said.
///
/// # Errors
/// When the database fails.
pub fn insert_comment(conn: &mut DbConnection, comment: &Comment) -> Result<(), DbError> {
    diesel::insert_into(reserve_plan_comment::table)
        .values((
            reserve_plan_comment::id.eq(&comment.id),
            reserve_plan_comment::plan_id.eq(&comment.plan_id),
            reserve_plan_comment::reply_to.eq(comment.reply_to.as_ref()),
            reserve_plan_comment::line_no.eq(comment.line_no),
            reserve_plan_comment::act.eq(comment.act),
            reserve_plan_comment::text.eq(comment.text.as_ref()),
            reserve_plan_comment::author.eq(&comment.author),
            reserve_plan_comment::created_at.eq(comment.created_at),
        ))
        .execute(conn)?;
    Ok(())
}

/// What was said of a version under this id.
///
/// # Errors
/// When the database fails.
pub fn find_comment(
    conn: &mut DbConnection,
    plan: &ReservePlanId,
    id: &ReservePlanCommentId,
) -> Result<Option<Comment>, DbError> {
    let row: Option<CommentRow> = reserve_plan_comment::table
        .filter(reserve_plan_comment::plan_id.eq(plan))
        .filter(reserve_plan_comment::id.eq(id))
        .select(CommentRow::as_select())
        .first(conn)
        .optional()?;
    Ok(row.map(Comment::from))
}

/// What was said of a version, the oldest first, at most `limit`.
///
/// # Errors
/// When the database fails.
pub fn list_comments(
    conn: &mut DbConnection,
    plan: &ReservePlanId,
    after: Option<&(Instant, ReservePlanCommentId)>,
    limit: i64,
) -> Result<Vec<Comment>, DbError> {
    use reserve_plan_comment::{created_at, id, plan_id};
    let mut query = reserve_plan_comment::table
        .filter(plan_id.eq(plan))
        .select(CommentRow::as_select())
        .into_boxed();
    if let Some((at, last)) = after {
        query = query.filter(created_at.gt(*at).or(created_at.eq(*at).and(id.gt(last))));
    }
    let rows: Vec<CommentRow> = query.order((created_at, id)).limit(limit).load(conn)?;
    Ok(rows.into_iter().map(Comment::from).collect())
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = response_level)]
struct LevelRow {
    id: ResponseLevelId,
    region_code: RegionCode,
    level: ResponseLevel,
    reason: String,
    authority: String,
    effective_at: Instant,
    recorded_at: Instant,
    declared_by: String,
}

impl LevelRow {
    fn into_declaration(self) -> Result<Declaration, DbError> {
        Ok(Declaration {
            id: self.id,
            region: self.region_code,
            level: self.level,
            reason: self.reason,
            authority: from_json(&self.authority)?,
            effective_at: self.effective_at,
            recorded_at: self.recorded_at,
            declared_by: self.declared_by,
        })
    }
}

/// Stores a declaration.
///
/// # Errors
/// When the database fails.
pub fn insert_level(conn: &mut DbConnection, declared: &Declaration) -> Result<(), DbError> {
    diesel::insert_into(response_level::table)
        .values((
            response_level::id.eq(&declared.id),
            response_level::region_code.eq(&declared.region),
            response_level::level.eq(declared.level),
            response_level::reason.eq(&declared.reason),
            response_level::authority.eq(to_json(&declared.authority)?),
            response_level::effective_at.eq(declared.effective_at),
            response_level::recorded_at.eq(declared.recorded_at),
            response_level::declared_by.eq(&declared.declared_by),
        ))
        .execute(conn)?;
    Ok(())
}

/// The declaration of a region that holds at `at`: the one with the latest effect by then.
///
/// # Errors
/// When the database fails.
pub fn latest_level(
    conn: &mut DbConnection,
    region: &RegionCode,
    at: Instant,
) -> Result<Option<Declaration>, DbError> {
    let filter = LevelFilter {
        regions: Some(vec![region.clone()]),
        effective_by: Some(at),
        ..LevelFilter::default()
    };
    Ok(list_levels(conn, &filter, 1)?.into_iter().next())
}

/// How many declarations a region has made.
///
/// # Errors
/// When the database fails.
pub fn count_levels(conn: &mut DbConnection, region: &RegionCode) -> Result<i64, DbError> {
    Ok(response_level::table
        .filter(response_level::region_code.eq(region))
        .count()
        .get_result(conn)?)
}

/// Which declarations a list shows.
#[derive(Debug, Clone, Default)]
pub struct LevelFilter {
    /// Only those of these regions themselves.
    pub regions: Option<Vec<RegionCode>>,
    /// Only those that have taken effect by then.
    pub effective_by: Option<Instant>,
    /// Only those that had been recorded by then.
    pub recorded_by: Option<Instant>,
    /// Only what comes after this place: effect, record and id of the last row shown.
    pub after: Option<(Instant, Instant, ResponseLevelId)>,
}

/// Declarations, the latest effect first, at most `limit`.
///
/// # Errors
/// When the database fails.
pub fn list_levels(
    conn: &mut DbConnection,
    filter: &LevelFilter,
    limit: i64,
) -> Result<Vec<Declaration>, DbError> {
    use response_level::{effective_at, id, recorded_at, region_code};
    let mut query = response_level::table.select(LevelRow::as_select()).into_boxed();
    if let Some(regions) = &filter.regions {
        query = query.filter(region_code.eq_any(regions));
    }
    if let Some(at) = filter.recorded_by {
        query = query.filter(recorded_at.le(at));
    }
    if let Some(at) = filter.effective_by {
        query = query.filter(effective_at.le(at));
    }
    if let Some(known) = filter.recorded_by {
        query = query.filter(recorded_at.le(known));
    }
    if let Some((effect, record, last)) = &filter.after {
        query = query.filter(
            effective_at.lt(*effect).or(effective_at
                .eq(*effect)
                .and(recorded_at.lt(*record).or(recorded_at.eq(*record).and(id.lt(last))))),
        );
    }
    query
        .order((effective_at.desc(), recorded_at.desc(), id.desc()))
        .limit(limit)
        .load(conn)?
        .into_iter()
        .map(LevelRow::into_declaration)
        .collect()
}

fn to_json<T: Serialize>(value: &T) -> Result<String, DbError> {
    serde_json::to_string(value)
        .map_err(|error| DbError::Query(Error::SerializationError(error.into())))
}

fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, DbError> {
    serde_json::from_str(text)
        .map_err(|error| DbError::Query(Error::DeserializationError(error.into())))
}

fn unreadable(what: &str) -> DbError {
    DbError::Query(Error::DeserializationError(what.into()))
}
