//! Lists of substitutes, as rows.

use crate::catalogue::substitution::{Entry, ListsInForce, Rate, SubstitutionList, UseScene};
use crate::db::schema::{region, substitution_entry, substitution_list};
use crate::db::{DbConnection, DbError};
use crate::kernel::id::SubstitutionListId;
use crate::kernel::{Instant, ItemCode, Quantity, RegionCode};
use diesel::prelude::*;
use diesel::result::Error;
use std::collections::HashMap;

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = substitution_list, treat_none_as_default_value = false)]
struct Row {
    id: SubstitutionListId,
    item_code: ItemCode,
    version: i64,
    scene: UseScene,
    region_code: Option<RegionCode>,
    valid_from: Instant,
    valid_to: Option<Instant>,
    reason: String,
    source: String,
    recorded_at: Instant,
    recorded_by: String,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = substitution_entry, treat_none_as_default_value = false)]
struct EntryRow {
    list_id: SubstitutionListId,
    rank: i64,
    substitute_code: ItemCode,
    substitute_units: Quantity,
    item_units: Quantity,
    note: Option<String>,
}

impl EntryRow {
    fn into_entry(self) -> Result<Entry, DbError> {
        let rate = Rate::new(self.substitute_units, self.item_units).ok_or_else(|| {
            DbError::Query(Error::DeserializationError("a rate of nothing".into()))
        })?;
        Ok(Entry { rank: self.rank, item_code: self.substitute_code, rate, note: self.note })
    }
}

impl Row {
    fn into_list(self, entries: Vec<Entry>) -> SubstitutionList {
        SubstitutionList {
            id: self.id,
            item_code: self.item_code,
            version: self.version,
            scene: self.scene,
            region: self.region_code,
            valid_from: self.valid_from,
            valid_to: self.valid_to,
            reason: self.reason,
            source: self.source,
            entries,
            recorded_at: self.recorded_at,
            recorded_by: self.recorded_by,
        }
    }
}

/// Stores a list.
///
/// # Errors
/// When the database fails.
pub fn insert(conn: &mut DbConnection, list: &SubstitutionList) -> Result<(), DbError> {
    let row = Row {
        id: list.id.clone(),
        item_code: list.item_code.clone(),
        version: list.version,
        scene: list.scene,
        region_code: list.region.clone(),
        valid_from: list.valid_from,
        valid_to: list.valid_to,
        reason: list.reason.clone(),
        source: list.source.clone(),
        recorded_at: list.recorded_at,
        recorded_by: list.recorded_by.clone(),
    };
    diesel::insert_into(substitution_list::table).values(row).execute(conn)?;
    for entry in &list.entries {
        let row = EntryRow {
            list_id: list.id.clone(),
            rank: entry.rank,
            substitute_code: entry.item_code.clone(),
            substitute_units: entry.rate.substitute_units(),
            item_units: entry.rate.item_units(),
            note: entry.note.clone(),
        };
        diesel::insert_into(substitution_entry::table).values(row).execute(conn)?;
    }
    Ok(())
}

/// The version that the next list of an item gets; the item must be locked.
///
/// # Errors
/// When the database fails.
pub fn next_version(conn: &mut DbConnection, item: &ItemCode) -> Result<i64, DbError> {
    let newest: Option<i64> = substitution_list::table
        .filter(substitution_list::item_code.eq(item))
        .select(diesel::dsl::max(substitution_list::version))
        .first(conn)?;
    Ok(newest.unwrap_or(0).saturating_add(1))
}

/// The list of an id.
///
/// # Errors
/// When the database fails.
pub fn find(
    conn: &mut DbConnection,
    id: &SubstitutionListId,
) -> Result<Option<SubstitutionList>, DbError> {
    let row: Option<Row> =
        substitution_list::table.find(id).select(Row::as_select()).first(conn).optional()?;
    Ok(complete(conn, row.into_iter().collect())?.pop())
}

/// Which lists to show.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of what is wanted.
    pub item: Option<ItemCode>,
    /// With this substitute.
    pub substitute: Option<ItemCode>,
    /// For this use.
    pub scene: Option<UseScene>,
    /// Declared for this region itself.
    pub region: Option<RegionCode>,
}

/// Lists, the newest record first, after one; at most `limit`.
///
/// # Errors
/// When the database fails.
pub fn list(
    conn: &mut DbConnection,
    filter: &Filter,
    after: Option<&(Instant, SubstitutionListId)>,
    limit: i64,
) -> Result<Vec<SubstitutionList>, DbError> {
    use substitution_list::{id, item_code, recorded_at, region_code, scene};
    let mut query = substitution_list::table.select(Row::as_select()).into_boxed();
    if let Some(item) = &filter.item {
        query = query.filter(item_code.eq(item));
    }
    if let Some(substitute) = &filter.substitute {
        query = query.filter(
            id.eq_any(
                substitution_entry::table
                    .filter(substitution_entry::substitute_code.eq(substitute))
                    .select(substitution_entry::list_id),
            ),
        );
    }
    if let Some(of) = filter.scene {
        query = query.filter(scene.eq(of));
    }
    if let Some(of) = &filter.region {
        query = query.filter(region_code.eq(of));
    }
    if let Some((record, last)) = after {
        query = query.filter(recorded_at.lt(*record).or(recorded_at.eq(*record).and(id.lt(last))));
    }
    let rows = query.order((recorded_at.desc(), id.desc())).limit(limit).load(conn)?;
    complete(conn, rows)
}

/// The lists that hold at a time, by what was on record at another where one is given; of some items
/// or of all.
///
/// # Errors
/// When the database fails.
pub fn in_force(
    conn: &mut DbConnection,
    items: Option<&[ItemCode]>,
    at: Instant,
    known: Option<Instant>,
) -> Result<ListsInForce, DbError> {
    use substitution_list::{id, item_code, recorded_at, valid_from, valid_to};
    let mut query = substitution_list::table
        .filter(valid_from.le(at))
        .filter(valid_to.is_null().or(valid_to.gt(at)))
        .select(Row::as_select())
        .into_boxed();
    if let Some(items) = items {
        query = crate::among!(query, item_code, items);
    }
    if let Some(known) = known {
        query = query.filter(recorded_at.le(known));
    }
    let rows = query.order((item_code, valid_from, id)).load(conn)?;
    Ok(ListsInForce::at(at, complete(conn, rows)?))
}

/// Whether a region is known; regions are the stores' business, and only their codes ours.
///
/// # Errors
/// When the database fails.
pub fn is_region(conn: &mut DbConnection, code: &RegionCode) -> Result<bool, DbError> {
    let found: Option<RegionCode> =
        region::table.find(code).select(region::code).first(conn).optional()?;
    Ok(found.is_some())
}

/// Adds the entries to some rows.
fn complete(conn: &mut DbConnection, rows: Vec<Row>) -> Result<Vec<SubstitutionList>, DbError> {
    use substitution_entry::{list_id, rank};
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let mut entries: HashMap<SubstitutionListId, Vec<Entry>> = HashMap::new();
    let ids: Vec<&SubstitutionListId> = rows.iter().map(|row| &row.id).collect();
    for ids in ids.chunks(1_000) {
        let stored: Vec<EntryRow> = substitution_entry::table
            .filter(list_id.eq_any(ids.iter().copied()))
            .select(EntryRow::as_select())
            .order((list_id, rank))
            .load(conn)?;
        for row in stored {
            entries.entry(row.list_id.clone()).or_default().push(row.into_entry()?);
        }
    }
    let list = |row: Row| {
        let entries = entries.remove(&row.id).unwrap_or_default();
        row.into_list(entries)
    };
    Ok(rows.into_iter().map(list).collect())
}
