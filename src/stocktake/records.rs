//! The rows of stocktakes; the only place that writes them.

use crate::access::Scope;
use crate::catalogue::Category;
use crate::db::schema::{stocktake, stocktake_count, stocktake_line, stocktake_result};
use crate::db::{DbConnection, DbError};
use crate::kernel::id::{CountId, LotId, StocktakeId};
use crate::kernel::page::PageSize;
use crate::kernel::{Instant, ItemCode, LotNumber, Money, Quantity, StoreCode};
use crate::stock::{Expiry, ReasonCode, StockState};
use crate::stocktake::accuracy::Figures;
use crate::stocktake::counting::{CountEntry, Decision};
use crate::stocktake::outcome::Evaluated;
use crate::stocktake::sheet::{
    Coverage, Goods, Label, LineOutcome, NotCounted, SheetLine, Step, Stocktake, StocktakeStatus,
};
use crate::{load_locked, on_each_backend};
use chrono::NaiveDate;
use diesel::prelude::*;

/// Rows of one multi-row insert: 21 columns at most, below SQLite's limit of 32 766 values.
const INSERT_CHUNK: usize = 500;

// ---- stocktakes -----------------------------------------------------------------------------

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = stocktake, treat_none_as_default_value = false)]
struct StocktakeRow {
    id: StocktakeId,
    number: String,
    store_code: StoreCode,
    status: StocktakeStatus,
    category: Option<Category>,
    items: Option<String>,
    blind: bool,
    rounds: i64,
    not_counted: NotCounted,
    note: Option<String>,
    frozen_at: Instant,
    frozen_seq: i64,
    created_by: String,
    created_at: Instant,
    submitted_by: Option<String>,
    submitted_at: Option<Instant>,
    approved_by: Option<String>,
    approved_at: Option<Instant>,
    ended_by: Option<String>,
    ended_at: Option<Instant>,
    posted_seq: Option<i64>,
    decision_note: Option<String>,
    version: i64,
}

fn step(by: Option<String>, at: Option<Instant>) -> Option<Step> {
    by.zip(at).map(|(by, at)| Step { by, at })
}

impl TryFrom<StocktakeRow> for Stocktake {
    type Error = DbError;

    /// # Errors
    /// When the list of items was written by someone else than this service.
    fn try_from(row: StocktakeRow) -> Result<Self, DbError> {
        let coverage = match (row.category, &row.items) {
            (Some(category), _) => Coverage::Category(category),
            (None, Some(items)) => Coverage::Items(serde_json::from_str(items).map_err(damaged)?),
            (None, None) => Coverage::Whole,
        };
        Ok(Self {
            id: row.id,
            number: row.number,
            store_code: row.store_code,
            status: row.status,
            coverage,
            blind: row.blind,
            rounds: row.rounds,
            not_counted: row.not_counted,
            note: row.note,
            frozen_at: row.frozen_at,
            frozen_seq: row.frozen_seq,
            created: Step { by: row.created_by, at: row.created_at },
            submitted: step(row.submitted_by, row.submitted_at),
            approved: step(row.approved_by, row.approved_at),
            ended: step(row.ended_by, row.ended_at),
            posted_seq: row.posted_seq,
            decision_note: row.decision_note,
            version: row.version,
        })
    }
}

fn damaged(error: serde_json::Error) -> DbError {
    DbError::Query(diesel::result::Error::DeserializationError(Box::new(error)))
}

fn json(value: &impl serde::Serialize) -> Result<String, DbError> {
    serde_json::to_string(value)
        .map_err(|error| DbError::Query(diesel::result::Error::SerializationError(Box::new(error))))
}

/// Stores a new stocktake.
///
/// # Errors
/// When the database fails.
pub fn insert(conn: &mut DbConnection, new: &Stocktake) -> Result<(), DbError> {
    let new = new.clone();
    let (category, items) = match &new.coverage {
        Coverage::Whole => (None, None),
        Coverage::Category(category) => (Some(*category), None),
        Coverage::Items(items) => (None, Some(json(items)?)),
    };
    let split = |step: Option<Step>| (step.clone().map(|s| s.by), step.map(|s| s.at));
    let (submitted_by, submitted_at) = split(new.submitted);
    let (approved_by, approved_at) = split(new.approved);
    let (ended_by, ended_at) = split(new.ended);
    let row = StocktakeRow {
        id: new.id,
        number: new.number,
        store_code: new.store_code,
        status: new.status,
        category,
        items,
        blind: new.blind,
        rounds: new.rounds,
        not_counted: new.not_counted,
        note: new.note,
        frozen_at: new.frozen_at,
        frozen_seq: new.frozen_seq,
        created_by: new.created.by,
        created_at: new.created.at,
        submitted_by,
        submitted_at,
        approved_by,
        approved_at,
        ended_by,
        ended_at,
        posted_seq: new.posted_seq,
        decision_note: new.decision_note,
        version: new.version,
    };
    diesel::insert_into(stocktake::table).values(row).execute(conn)?;
    Ok(())
}

/// Stores how far a stocktake has come, and by whom.
///
/// # Errors
/// When the database fails.
pub fn update(conn: &mut DbConnection, changed: &Stocktake) -> Result<(), DbError> {
    let by = |step: &Option<Step>| step.as_ref().map(|step| step.by.clone());
    let at = |step: &Option<Step>| step.as_ref().map(|step| step.at);
    diesel::update(stocktake::table.find(&changed.id))
        .set((
            stocktake::status.eq(changed.status),
            stocktake::not_counted.eq(changed.not_counted),
            stocktake::submitted_by.eq(by(&changed.submitted)),
            stocktake::submitted_at.eq(at(&changed.submitted)),
            stocktake::approved_by.eq(by(&changed.approved)),
            stocktake::approved_at.eq(at(&changed.approved)),
            stocktake::ended_by.eq(by(&changed.ended)),
            stocktake::ended_at.eq(at(&changed.ended)),
            stocktake::posted_seq.eq(changed.posted_seq),
            stocktake::decision_note.eq(&changed.decision_note),
            stocktake::version.eq(changed.version),
        ))
        .execute(conn)?;
    Ok(())
}

/// The stocktake of an id, locked until the transaction ends.
///
/// # Errors
/// When the database fails.
pub fn lock(conn: &mut DbConnection, id: &StocktakeId) -> Result<Option<Stocktake>, DbError> {
    let rows = load_locked!(
        conn,
        stocktake::table.find(id).select(StocktakeRow::as_select()),
        StocktakeRow
    )?;
    rows.into_iter().next().map(Stocktake::try_from).transpose()
}

/// The stocktake with this id or number, in scope.
///
/// # Errors
/// When the database fails.
pub fn find(
    conn: &mut DbConnection,
    scope: &Scope,
    id_or_number: &str,
) -> Result<Option<Stocktake>, DbError> {
    let id = StocktakeId::try_from(id_or_number.to_owned()).ok();
    let mut query = stocktake::table
        .filter(stocktake::number.eq(id_or_number).or(stocktake::id.eq_any(id)))
        .select(StocktakeRow::as_select())
        .into_boxed();
    if let Some(stores) = scope.stores() {
        query = query.filter(stocktake::store_code.eq_any(stores));
    }
    let row: Option<StocktakeRow> = query.order(stocktake::id).first(conn).optional()?;
    row.map(Stocktake::try_from).transpose()
}

/// Which stocktakes to list.
#[derive(Debug, Clone, Default)]
pub struct StocktakeFilter {
    /// Of this store.
    pub store: Option<StoreCode>,
    /// With this status.
    pub status: Option<StocktakeStatus>,
    /// With this number.
    pub number: Option<String>,
    /// Begun at or after.
    pub from: Option<Instant>,
    /// Begun before.
    pub to: Option<Instant>,
}

/// Stocktakes, newest first, after a place.
///
/// # Errors
/// When the database fails.
pub fn list(
    conn: &mut DbConnection,
    scope: &Scope,
    filter: &StocktakeFilter,
    after: Option<(Instant, StocktakeId)>,
    size: PageSize,
) -> Result<Vec<Stocktake>, DbError> {
    let mut query = stocktake::table.select(StocktakeRow::as_select()).into_boxed();
    if let Some(stores) = scope.stores() {
        query = query.filter(stocktake::store_code.eq_any(stores));
    }
    if let Some(store) = &filter.store {
        query = query.filter(stocktake::store_code.eq(store));
    }
    if let Some(status) = filter.status {
        query = query.filter(stocktake::status.eq(status));
    }
    if let Some(number) = &filter.number {
        query = query.filter(stocktake::number.eq(number));
    }
    if let Some(from) = filter.from {
        query = query.filter(stocktake::created_at.ge(from));
    }
    if let Some(to) = filter.to {
        query = query.filter(stocktake::created_at.lt(to));
    }
    if let Some((at, id)) = after {
        query = query.filter(
            stocktake::created_at.lt(at).or(stocktake::created_at.eq(at).and(stocktake::id.lt(id))),
        );
    }
    let rows: Vec<StocktakeRow> = query
        .order((stocktake::created_at.desc(), stocktake::id.desc()))
        .limit(size.probe())
        .load(conn)?;
    rows.into_iter().map(Stocktake::try_from).collect()
}

// ---- lines ----------------------------------------------------------------------------------

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = stocktake_line, treat_none_as_default_value = false)]
struct LineRow {
    stocktake_id: StocktakeId,
    line_no: i64,
    item_code: ItemCode,
    lot_id: Option<LotId>,
    state: StockState,
    lot_number: Option<LotNumber>,
    maker: Option<String>,
    manufactured_on: Option<NaiveDate>,
    expiry: Option<String>,
    expires_on: Option<NaiveDate>,
    frozen: Quantity,
    added: bool,
    reason_code: Option<ReasonCode>,
    reason_note: Option<String>,
    approved_difference: Option<i64>,
    counted: Option<Quantity>,
    counted_at: Option<Instant>,
    decided_round: Option<i64>,
    rounds_counted: Option<i64>,
    book: Option<i64>,
    unit_cost: Option<Money>,
}

impl TryFrom<LineRow> for SheetLine {
    type Error = DbError;

    /// # Errors
    /// When a line names neither a lot nor a label, which a CHECK refuses.
    fn try_from(row: LineRow) -> Result<Self, DbError> {
        let goods = match (row.lot_id, row.lot_number, row.maker, row.expiry) {
            (Some(lot), _, _, _) => Goods::Lot(lot),
            (None, Some(lot_number), Some(maker), Some(expiry)) => Goods::Unknown(Label {
                lot_number,
                maker,
                manufactured_on: row.manufactured_on,
                expiry: Expiry::from_columns(&expiry, row.expires_on).unwrap_or(Expiry::Unknown),
            }),
            _ => return Err(DbError::Query(diesel::result::Error::NotFound)),
        };
        let outcome = match (row.counted, row.counted_at, row.book) {
            (Some(counted), Some(counted_at), Some(book)) => Some(LineOutcome {
                counted,
                counted_at,
                round: row.decided_round.unwrap_or(1),
                rounds: row.rounds_counted.unwrap_or(1),
                book,
                unit_cost: row.unit_cost,
            }),
            _ => None,
        };
        Ok(Self {
            line_no: row.line_no,
            item_code: row.item_code,
            goods,
            state: row.state,
            frozen: row.frozen,
            added: row.added,
            reason: row.reason_code,
            reason_note: row.reason_note,
            approved_difference: row.approved_difference,
            outcome,
        })
    }
}

/// Puts new lines on a sheet; they have neither reason nor outcome yet.
///
/// # Errors
/// When the database fails.
pub fn insert_lines(
    conn: &mut DbConnection,
    stocktake: &StocktakeId,
    lines: &[SheetLine],
) -> Result<(), DbError> {
    for chunk in lines.chunks(INSERT_CHUNK) {
        let rows: Vec<LineRow> = chunk.iter().map(|line| new_line(stocktake, line)).collect();
        on_each_backend!(conn, |c| diesel::insert_into(stocktake_line::table)
            .values(rows)
            .execute(c))?;
    }
    Ok(())
}

fn new_line(stocktake_id: &StocktakeId, line: &SheetLine) -> LineRow {
    let label = match &line.goods {
        Goods::Lot(_) => None,
        Goods::Unknown(label) => Some(label),
    };
    LineRow {
        stocktake_id: stocktake_id.clone(),
        line_no: line.line_no,
        item_code: line.item_code.clone(),
        lot_id: line.goods.lot().cloned(),
        state: line.state,
        lot_number: label.map(|label| label.lot_number.clone()),
        maker: label.map(|label| label.maker.clone()),
        manufactured_on: label.and_then(|label| label.manufactured_on),
        expiry: label.map(|label| label.expiry.kind().to_owned()),
        expires_on: label.and_then(|label| label.expiry.date()),
        frozen: line.frozen,
        added: line.added,
        reason_code: line.reason,
        reason_note: line.reason_note.clone(),
        approved_difference: None,
        counted: None,
        counted_at: None,
        decided_round: None,
        rounds_counted: None,
        book: None,
        unit_cost: None,
    }
}

/// Which lines of a sheet to read.
#[derive(Debug, Clone, Default)]
pub struct LineFilter {
    /// Of one of these items.
    pub items: Option<Vec<ItemCode>>,
    /// After this line.
    pub after: Option<i64>,
    /// At most so many.
    pub limit: Option<i64>,
}

/// Lines of a sheet, in its order.
///
/// # Errors
/// When the database fails.
pub fn lines(
    conn: &mut DbConnection,
    stocktake: &StocktakeId,
    filter: &LineFilter,
) -> Result<Vec<SheetLine>, DbError> {
    let mut query = stocktake_line::table
        .filter(stocktake_line::stocktake_id.eq(stocktake))
        .select(LineRow::as_select())
        .into_boxed();
    if let Some(items) = &filter.items {
        query = query.filter(stocktake_line::item_code.eq_any(items));
    }
    if let Some(after) = filter.after {
        query = query.filter(stocktake_line::line_no.gt(after));
    }
    if let Some(limit) = filter.limit {
        query = query.limit(limit);
    }
    let rows: Vec<LineRow> = query.order(stocktake_line::line_no).load(conn)?;
    rows.into_iter().map(SheetLine::try_from).collect()
}

/// The items of some lines.
///
/// # Errors
/// When the database fails.
pub fn items_of_lines(
    conn: &mut DbConnection,
    stocktake: &StocktakeId,
    numbers: &[i64],
) -> Result<Vec<ItemCode>, DbError> {
    Ok(stocktake_line::table
        .filter(stocktake_line::stocktake_id.eq(stocktake))
        .filter(stocktake_line::line_no.eq_any(numbers))
        .select(stocktake_line::item_code)
        .distinct()
        .order(stocktake_line::item_code)
        .load(conn)?)
}

/// The number of the last line of a sheet; 0 where it has none.
///
/// # Errors
/// When the database fails.
pub fn last_line(conn: &mut DbConnection, stocktake: &StocktakeId) -> Result<i64, DbError> {
    let last: Option<i64> = stocktake_line::table
        .filter(stocktake_line::stocktake_id.eq(stocktake))
        .select(diesel::dsl::max(stocktake_line::line_no))
        .first(conn)?;
    Ok(last.unwrap_or(0))
}

/// Stores why a line differs.
///
/// # Errors
/// When the database fails.
pub fn store_reason(
    conn: &mut DbConnection,
    stocktake: &StocktakeId,
    line_no: i64,
    reason: Option<ReasonCode>,
    note: Option<&str>,
) -> Result<usize, DbError> {
    Ok(diesel::update(stocktake_line::table.find((stocktake, line_no)))
        .set((stocktake_line::reason_code.eq(reason), stocktake_line::reason_note.eq(note)))
        .execute(conn)?)
}

/// Stores the lot under which the goods of a line are taken up.
///
/// # Errors
/// When the database fails.
pub fn store_lot(
    conn: &mut DbConnection,
    stocktake: &StocktakeId,
    line_no: i64,
    lot: &LotId,
) -> Result<(), DbError> {
    diesel::update(stocktake_line::table.find((stocktake, line_no)))
        .set(stocktake_line::lot_id.eq(Some(lot)))
        .execute(conn)?;
    Ok(())
}

/// Stores the differences that are approved.
///
/// # Errors
/// When the database fails.
pub fn store_approved(
    conn: &mut DbConnection,
    stocktake: &StocktakeId,
    lines: &[Evaluated],
) -> Result<(), DbError> {
    for line in lines {
        diesel::update(stocktake_line::table.find((stocktake, line.line.line_no)))
            .set(stocktake_line::approved_difference.eq(line.difference()))
            .execute(conn)?;
    }
    Ok(())
}

/// Stores what the counted lines came to.
///
/// # Errors
/// When the database fails.
pub fn store_outcomes(
    conn: &mut DbConnection,
    stocktake: &StocktakeId,
    lines: &[Evaluated],
) -> Result<(), DbError> {
    for line in lines {
        let (Some((counted, counted_at)), Some(book)) = (line.counted(), line.book) else {
            continue;
        };
        let round = match line.decision {
            Decision::Decided { round, .. } => Some(round),
            Decision::NotCounted | Decision::Waits(_) => None,
        };
        diesel::update(stocktake_line::table.find((stocktake, line.line.line_no)))
            .set((
                stocktake_line::counted.eq(Some(counted)),
                stocktake_line::counted_at.eq(Some(counted_at)),
                stocktake_line::decided_round.eq(round),
                stocktake_line::rounds_counted.eq(Some(line.rounds_counted)),
                stocktake_line::book.eq(Some(book)),
                stocktake_line::unit_cost.eq(line.unit_cost()),
            ))
            .execute(conn)?;
    }
    Ok(())
}

// ---- counts ---------------------------------------------------------------------------------

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = stocktake_count, treat_none_as_default_value = false)]
struct CountRow {
    id: CountId,
    stocktake_id: StocktakeId,
    line_no: i64,
    round: i64,
    quantity: Option<Quantity>,
    counted_at: Instant,
    counted_by: String,
    witnessed_by: String,
    note: Option<String>,
    supersedes: Option<CountId>,
    reason: Option<String>,
    entered_by: String,
    recorded_at: Instant,
}

impl From<CountRow> for CountEntry {
    fn from(row: CountRow) -> Self {
        Self {
            id: row.id,
            line_no: row.line_no,
            round: row.round,
            quantity: row.quantity,
            counted_at: row.counted_at,
            counted_by: row.counted_by,
            witnessed_by: row.witnessed_by,
            note: row.note,
            supersedes: row.supersedes,
            reason: row.reason,
            entered_by: row.entered_by,
            recorded_at: row.recorded_at,
        }
    }
}

/// Keeps counts.
///
/// # Errors
/// When the database fails.
pub fn insert_counts(
    conn: &mut DbConnection,
    stocktake: &StocktakeId,
    entries: &[CountEntry],
) -> Result<(), DbError> {
    for chunk in entries.chunks(INSERT_CHUNK) {
        let rows: Vec<CountRow> = chunk
            .iter()
            .cloned()
            .map(|entry| CountRow {
                id: entry.id,
                stocktake_id: stocktake.clone(),
                line_no: entry.line_no,
                round: entry.round,
                quantity: entry.quantity,
                counted_at: entry.counted_at,
                counted_by: entry.counted_by,
                witnessed_by: entry.witnessed_by,
                note: entry.note,
                supersedes: entry.supersedes,
                reason: entry.reason,
                entered_by: entry.entered_by,
                recorded_at: entry.recorded_at,
            })
            .collect();
        on_each_backend!(conn, |c| diesel::insert_into(stocktake_count::table)
            .values(rows)
            .execute(c))?;
    }
    Ok(())
}

/// Every count of some lines of a stocktake, superseded ones too, in the order of entering.
///
/// # Errors
/// When the database fails.
pub fn counts(
    conn: &mut DbConnection,
    stocktake: &StocktakeId,
    lines: Option<(i64, i64)>,
) -> Result<Vec<CountEntry>, DbError> {
    let mut query = stocktake_count::table
        .filter(stocktake_count::stocktake_id.eq(stocktake))
        .select(CountRow::as_select())
        .into_boxed();
    if let Some((first, last)) = lines {
        query = query.filter(stocktake_count::line_no.between(first, last));
    }
    let rows: Vec<CountRow> =
        query.order((stocktake_count::recorded_at, stocktake_count::id)).load(conn)?;
    Ok(rows.into_iter().map(CountEntry::from).collect())
}

/// A page of the counts of a stocktake, in the order of entering, after a place.
///
/// # Errors
/// When the database fails.
pub fn list_counts(
    conn: &mut DbConnection,
    stocktake: &StocktakeId,
    line: Option<i64>,
    round: Option<i64>,
    after: Option<(Instant, CountId)>,
    size: PageSize,
) -> Result<Vec<CountEntry>, DbError> {
    let mut query = stocktake_count::table
        .filter(stocktake_count::stocktake_id.eq(stocktake))
        .select(CountRow::as_select())
        .into_boxed();
    if let Some(line) = line {
        query = query.filter(stocktake_count::line_no.eq(line));
    }
    if let Some(round) = round {
        query = query.filter(stocktake_count::round.eq(round));
    }
    if let Some((at, id)) = after {
        query = query.filter(
            stocktake_count::recorded_at
                .gt(at)
                .or(stocktake_count::recorded_at.eq(at).and(stocktake_count::id.gt(id))),
        );
    }
    let rows: Vec<CountRow> = query
        .order((stocktake_count::recorded_at, stocktake_count::id))
        .limit(size.probe())
        .load(conn)?;
    Ok(rows.into_iter().map(CountEntry::from).collect())
}

// ---- results --------------------------------------------------------------------------------

/// How true the book was in one posted stocktake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StocktakeResult {
    /// The stocktake.
    pub stocktake_id: StocktakeId,
    /// Its store.
    pub store_code: StoreCode,
    /// Its human number.
    pub number: String,
    /// When it was posted.
    pub posted_at: Instant,
    /// Its figures.
    pub figures: Figures,
    /// Who counted.
    pub counters: Vec<String>,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = stocktake_result, treat_none_as_default_value = false)]
struct ResultRow {
    stocktake_id: StocktakeId,
    store_code: StoreCode,
    number: String,
    posted_at: Instant,
    lines_counted: i64,
    lines_exact: i64,
    lines_not_counted: i64,
    lines_recounted: i64,
    lines_without_cost: i64,
    rounds: i64,
    book_units: i64,
    absolute_units: i64,
    net_units: i64,
    absolute_value: i64,
    net_value: i64,
    counters: String,
}

impl TryFrom<ResultRow> for StocktakeResult {
    type Error = DbError;

    /// # Errors
    /// When the counters were written by someone else than this service.
    fn try_from(row: ResultRow) -> Result<Self, DbError> {
        Ok(Self {
            stocktake_id: row.stocktake_id,
            store_code: row.store_code,
            number: row.number,
            posted_at: row.posted_at,
            figures: Figures {
                lines_counted: row.lines_counted,
                lines_exact: row.lines_exact,
                lines_not_counted: row.lines_not_counted,
                lines_recounted: row.lines_recounted,
                lines_without_cost: row.lines_without_cost,
                rounds: row.rounds,
                book_units: row.book_units,
                absolute_units: row.absolute_units,
                net_units: row.net_units,
                absolute_value: row.absolute_value,
                net_value: row.net_value,
            },
            counters: serde_json::from_str(&row.counters).map_err(damaged)?,
        })
    }
}

/// Keeps the result of a stocktake.
///
/// # Errors
/// When the database fails.
pub fn insert_result(conn: &mut DbConnection, result: &StocktakeResult) -> Result<(), DbError> {
    let figures = result.figures;
    let row = ResultRow {
        stocktake_id: result.stocktake_id.clone(),
        store_code: result.store_code.clone(),
        number: result.number.clone(),
        posted_at: result.posted_at,
        lines_counted: figures.lines_counted,
        lines_exact: figures.lines_exact,
        lines_not_counted: figures.lines_not_counted,
        lines_recounted: figures.lines_recounted,
        lines_without_cost: figures.lines_without_cost,
        rounds: figures.rounds,
        book_units: figures.book_units,
        absolute_units: figures.absolute_units,
        net_units: figures.net_units,
        absolute_value: figures.absolute_value,
        net_value: figures.net_value,
        counters: json(&result.counters)?,
    };
    diesel::insert_into(stocktake_result::table).values(row).execute(conn)?;
    Ok(())
}

/// Which results to list.
#[derive(Debug, Clone, Default)]
pub struct ResultFilter {
    /// Of this store.
    pub store: Option<StoreCode>,
    /// Posted at or after.
    pub from: Option<Instant>,
    /// Posted before.
    pub to: Option<Instant>,
}

/// Results, newest first, after a place; all of them without a limit.
///
/// # Errors
/// When the database fails.
pub fn results(
    conn: &mut DbConnection,
    scope: &Scope,
    filter: &ResultFilter,
    after: Option<(Instant, StocktakeId)>,
    limit: Option<i64>,
) -> Result<Vec<StocktakeResult>, DbError> {
    let mut query = stocktake_result::table.select(ResultRow::as_select()).into_boxed();
    if let Some(stores) = scope.stores() {
        query = query.filter(stocktake_result::store_code.eq_any(stores));
    }
    if let Some(store) = &filter.store {
        query = query.filter(stocktake_result::store_code.eq(store));
    }
    if let Some(from) = filter.from {
        query = query.filter(stocktake_result::posted_at.ge(from));
    }
    if let Some(to) = filter.to {
        query = query.filter(stocktake_result::posted_at.lt(to));
    }
    if let Some((at, id)) = after {
        query = query.filter(
            stocktake_result::posted_at
                .lt(at)
                .or(stocktake_result::posted_at.eq(at).and(stocktake_result::stocktake_id.lt(id))),
        );
    }
    if let Some(limit) = limit {
        query = query.limit(limit);
    }
    let rows: Vec<ResultRow> = query
        .order((stocktake_result::posted_at.desc(), stocktake_result::stocktake_id.desc()))
        .load(conn)?;
    rows.into_iter().map(StocktakeResult::try_from).collect()
}
