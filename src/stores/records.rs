//! Regions, kinds of store and stores, as rows.

use crate::catalogue::StorageCondition;
use crate::db::memory::{self, Remembered};
use crate::db::schema::{region, store, store_kind, store_storage};
use crate::db::{DbConnection, DbError};
use crate::kernel::page::PageSize;
use crate::kernel::text::like_pattern;
use crate::kernel::{Instant, RegionCode, StoreCode};
use crate::stores::store::{ConsumptionBy, Region, Store, StoreKind};
use crate::{load_locked, on_each_backend, steady};
use diesel::prelude::*;
use std::collections::BTreeMap;

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = store, primary_key(code), treat_none_as_default_value = false, treat_none_as_null = true)]
struct Row {
    code: StoreCode,
    name_zh: String,
    name_en: String,
    search_text: String,
    kind: String,
    region_code: RegionCode,
    supplied_by: Option<StoreCode>,
    priority_class: i64,
    consumption_by: ConsumptionBy,
    duty_phone: Option<String>,
    latitude_microdegrees: Option<i64>,
    longitude_microdegrees: Option<i64>,
    active: bool,
    version: i64,
    created_at: Instant,
}

impl From<&Store> for Row {
    fn from(store: &Store) -> Self {
        Self {
            search_text: store.search_text(),
            code: store.code.clone(),
            name_zh: store.name_zh.clone(),
            name_en: store.name_en.clone(),
            kind: store.kind.clone(),
            region_code: store.region_code.clone(),
            supplied_by: store.supplied_by.clone(),
            priority_class: store.priority_class,
            consumption_by: store.consumption_by,
            duty_phone: store.duty_phone.clone(),
            latitude_microdegrees: store.latitude_microdegrees,
            longitude_microdegrees: store.longitude_microdegrees,
            active: store.active,
            version: store.version,
            created_at: store.created_at,
        }
    }
}

type RegionRow = (RegionCode, String, String, Option<RegionCode>, Instant);

fn to_region(row: RegionRow) -> Region {
    let (code, name_zh, name_en, parent_code, created_at) = row;
    Region { code, name_zh, name_en, parent_code, created_at }
}

/// Regions in the order of their codes, after one; directly below `parent` where it is given.
///
/// # Errors
/// When the database fails.
pub fn list_regions(
    conn: &mut DbConnection,
    parent: Option<&RegionCode>,
    after: Option<RegionCode>,
    size: PageSize,
) -> Result<Vec<Region>, DbError> {
    let mut query = region::table.into_boxed();
    if let Some(parent) = parent {
        query = query.filter(region::parent_code.eq(parent));
    }
    if let Some(after) = after {
        query = query.filter(region::code.gt(after));
    }
    let rows: Vec<RegionRow> = query.order(region::code).limit(size.probe()).load(conn)?;
    Ok(rows.into_iter().map(to_region).collect())
}

/// The region of a code.
///
/// # Errors
/// When the database fails.
pub fn find_region(conn: &mut DbConnection, code: &RegionCode) -> Result<Option<Region>, DbError> {
    let row: Option<RegionRow> = region::table.find(code).first(conn).optional()?;
    Ok(row.map(to_region))
}

/// Stores a new region.
///
/// # Errors
/// When the database fails.
pub fn insert_region(conn: &mut DbConnection, new: &Region) -> Result<(), DbError> {
    diesel::insert_into(region::table)
        .values((
            region::code.eq(&new.code),
            region::name_zh.eq(&new.name_zh),
            region::name_en.eq(&new.name_en),
            region::parent_code.eq(&new.parent_code),
            region::created_at.eq(new.created_at),
        ))
        .execute(conn)?;
    Ok(())
}

type KindRow = (String, String, String, Instant);

fn to_kind(row: KindRow) -> StoreKind {
    let (code, name_zh, name_en, created_at) = row;
    StoreKind { code, name_zh, name_en, created_at }
}

/// Kinds of store in the order of their codes, after one.
///
/// # Errors
/// When the database fails.
pub fn list_kinds(
    conn: &mut DbConnection,
    after: Option<String>,
    size: PageSize,
) -> Result<Vec<StoreKind>, DbError> {
    let mut query = store_kind::table.into_boxed();
    if let Some(after) = after {
        query = query.filter(store_kind::code.gt(after));
    }
    let rows: Vec<KindRow> = query.order(store_kind::code).limit(size.probe()).load(conn)?;
    Ok(rows.into_iter().map(to_kind).collect())
}

/// The kind of store of a code.
///
/// # Errors
/// When the database fails.
pub fn find_kind(conn: &mut DbConnection, code: &str) -> Result<Option<StoreKind>, DbError> {
    let row: Option<KindRow> = store_kind::table.find(code).first(conn).optional()?;
    Ok(row.map(to_kind))
}

/// Stores a new kind of store.
///
/// # Errors
/// When the database fails.
pub fn insert_kind(conn: &mut DbConnection, new: &StoreKind) -> Result<(), DbError> {
    diesel::insert_into(store_kind::table)
        .values((
            store_kind::code.eq(&new.code),
            store_kind::name_zh.eq(&new.name_zh),
            store_kind::name_en.eq(&new.name_en),
            store_kind::created_at.eq(new.created_at),
        ))
        .execute(conn)?;
    Ok(())
}

/// Which stores to list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Code or name contains this.
    pub search: Option<String>,
    /// Of this kind.
    pub kind: Option<String>,
    /// In this region or below it.
    pub region: Option<RegionCode>,
    /// Active or not.
    pub active: Option<bool>,
}

/// Stores in the order of their codes, after one.
///
/// # Errors
/// When the database fails.
pub fn list(
    conn: &mut DbConnection,
    filter: &Filter,
    after: Option<StoreCode>,
    size: PageSize,
) -> Result<Vec<Store>, DbError> {
    let mut query = store::table.select(Row::as_select()).into_boxed();
    if let Some(search) = &filter.search {
        query = query.filter(store::search_text.like(like_pattern(search)).escape('\\'));
    }
    if let Some(kind) = &filter.kind {
        query = query.filter(store::kind.eq(kind));
    }
    if let Some(region) = &filter.region {
        query = query.filter(store::region_code.like(format!("{region}%")));
    }
    if let Some(active) = filter.active {
        query = query.filter(store::active.eq(active));
    }
    if let Some(after) = after {
        query = query.filter(store::code.gt(after));
    }
    let rows = query.order(store::code).limit(size.probe()).load(conn)?;
    complete(conn, rows)
}

/// The stores of these codes that exist.
///
/// # Errors
/// When the database fails.
pub fn find_all(
    conn: &mut DbConnection,
    codes: &[StoreCode],
) -> Result<BTreeMap<StoreCode, Store>, DbError> {
    let rows: Vec<Row> = store::table
        .filter(store::code.eq_any(codes))
        .select(Row::as_select())
        .order(store::code)
        .load(conn)?;
    Ok(complete(conn, rows)?.into_iter().map(|store| (store.code.clone(), store)).collect())
}

/// Whether the store of a code is active; `None` where there is none.
///
/// # Errors
/// When the database fails.
pub fn is_active(conn: &mut DbConnection, code: &StoreCode) -> Result<Option<bool>, DbError> {
    let known = memory::recall(|known: &mut KnownStores| known.0.get(code).copied());
    if let Some(active) = known.flatten() {
        return Ok(Some(active));
    }
    let query = store::table.find(code).select(store::active);
    let active: Option<bool> =
        on_each_backend!(conn, |c| steady!(query).get_result(c)).optional()?;
    if let Some(active) = active {
        memory::recall(|known: &mut KnownStores| known.0.insert(code.clone(), active));
    }
    Ok(active)
}

/// Whether stores that a transaction asked about are active.
#[derive(Debug, Default)]
struct KnownStores(BTreeMap<StoreCode, bool>);

impl Remembered for KnownStores {}

/// The store of a code.
///
/// # Errors
/// When the database fails.
pub fn find(conn: &mut DbConnection, code: &StoreCode) -> Result<Option<Store>, DbError> {
    Ok(find_all(conn, std::slice::from_ref(code))?.into_values().next())
}

/// The store of a code, locked until the transaction ends.
///
/// # Errors
/// When the database fails.
pub fn lock(conn: &mut DbConnection, code: &StoreCode) -> Result<Option<Store>, DbError> {
    let rows: Vec<Row> = load_locked!(conn, store::table.find(code).select(Row::as_select()), Row)?;
    Ok(complete(conn, rows)?.into_iter().next())
}

fn complete(conn: &mut DbConnection, rows: Vec<Row>) -> Result<Vec<Store>, DbError> {
    let codes: Vec<StoreCode> = rows.iter().map(|row| row.code.clone()).collect();
    let stored: Vec<(StoreCode, StorageCondition)> = store_storage::table
        .filter(store_storage::store_code.eq_any(&codes))
        .order((store_storage::store_code, store_storage::condition))
        .select((store_storage::store_code, store_storage::condition))
        .load(conn)?;
    let mut storage: BTreeMap<StoreCode, Vec<StorageCondition>> = BTreeMap::new();
    for (code, condition) in stored {
        storage.entry(code).or_default().push(condition);
    }
    let store = |row: Row| Store {
        storage: storage.remove(&row.code).unwrap_or_default(),
        code: row.code,
        name_zh: row.name_zh,
        name_en: row.name_en,
        kind: row.kind,
        region_code: row.region_code,
        supplied_by: row.supplied_by,
        priority_class: row.priority_class,
        consumption_by: row.consumption_by,
        duty_phone: row.duty_phone,
        latitude_microdegrees: row.latitude_microdegrees,
        longitude_microdegrees: row.longitude_microdegrees,
        active: row.active,
        version: row.version,
        created_at: row.created_at,
    };
    Ok(rows.into_iter().map(store).collect())
}

/// Stores a new store.
///
/// # Errors
/// When the database fails.
pub fn insert(conn: &mut DbConnection, new: &Store) -> Result<(), DbError> {
    diesel::insert_into(store::table).values(Row::from(new)).execute(conn)?;
    insert_storage(conn, new)
}

/// Stores a changed store.
///
/// # Errors
/// When the database fails.
pub fn update(conn: &mut DbConnection, changed: &Store) -> Result<(), DbError> {
    memory::forget::<KnownStores>();
    diesel::update(store::table.find(&changed.code)).set(Row::from(changed)).execute(conn)?;
    diesel::delete(store_storage::table.filter(store_storage::store_code.eq(&changed.code)))
        .execute(conn)?;
    insert_storage(conn, changed)
}

fn insert_storage(conn: &mut DbConnection, store: &Store) -> Result<(), DbError> {
    for condition in &store.storage {
        diesel::insert_into(store_storage::table)
            .values((
                store_storage::store_code.eq(&store.code),
                store_storage::condition.eq(condition),
            ))
            .execute(conn)?;
    }
    Ok(())
}
