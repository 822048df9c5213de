//! Items and what belongs to them, as rows.

pub mod substitution;

use crate::catalogue::item::{Category, Item, Pack, StorageCondition};
use crate::db::memory::{self, Remembered};
use crate::db::schema::{item, item_gtin, item_pack};
use crate::db::{DbConnection, DbError};
use crate::kernel::page::PageSize;
use crate::kernel::text::like_pattern;
use crate::kernel::{Gtin, Instant, ItemCode, Quantity};
use crate::load_locked;
use diesel::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = item, primary_key(code), treat_none_as_default_value = false, treat_none_as_null = true)]
struct Row {
    code: ItemCode,
    name_zh: String,
    name_en: String,
    search_text: String,
    category: Category,
    base_unit: String,
    storage: StorageCondition,
    shelf_life_months: Option<i64>,
    near_expiry_days: i64,
    registration_number: Option<String>,
    standard: Option<String>,
    active: bool,
    version: i64,
    created_at: Instant,
}

impl From<&Item> for Row {
    fn from(item: &Item) -> Self {
        Self {
            search_text: item.search_text(),
            code: item.code.clone(),
            name_zh: item.name_zh.clone(),
            name_en: item.name_en.clone(),
            category: item.category,
            base_unit: item.base_unit.clone(),
            storage: item.storage,
            shelf_life_months: item.shelf_life_months,
            near_expiry_days: item.near_expiry_days,
            registration_number: item.registration_number.clone(),
            standard: item.standard.clone(),
            active: item.active,
            version: item.version,
            created_at: item.created_at,
        }
    }
}

impl Row {
    fn into_item(self, packs: Vec<Pack>, gtins: Vec<Gtin>) -> Item {
        Item {
            packs,
            gtins,
            code: self.code,
            name_zh: self.name_zh,
            name_en: self.name_en,
            category: self.category,
            base_unit: self.base_unit,
            storage: self.storage,
            shelf_life_months: self.shelf_life_months,
            near_expiry_days: self.near_expiry_days,
            registration_number: self.registration_number,
            standard: self.standard,
            active: self.active,
            version: self.version,
            created_at: self.created_at,
        }
    }
}

/// Which items to list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Code or name contains this.
    pub search: Option<String>,
    /// Of this category.
    pub category: Option<Category>,
    /// Active or not.
    pub active: Option<bool>,
}

/// Items in the order of their codes, after one.
///
/// # Errors
/// When the database fails.
pub fn list(
    conn: &mut DbConnection,
    filter: &Filter,
    after: Option<ItemCode>,
    size: PageSize,
) -> Result<Vec<Item>, DbError> {
    let mut query = item::table.select(Row::as_select()).into_boxed();
    if let Some(search) = &filter.search {
        query = query.filter(item::search_text.like(like_pattern(search)).escape('\\'));
    }
    if let Some(category) = filter.category {
        query = query.filter(item::category.eq(category));
    }
    if let Some(active) = filter.active {
        query = query.filter(item::active.eq(active));
    }
    if let Some(after) = after {
        query = query.filter(item::code.gt(after));
    }
    let rows = query.order(item::code).limit(size.probe()).load(conn)?;
    complete(conn, rows)
}

/// The items of these codes that exist.
///
/// # Errors
/// When the database fails.
pub fn find_all(
    conn: &mut DbConnection,
    codes: &[ItemCode],
) -> Result<BTreeMap<ItemCode, Item>, DbError> {
    let mut rows: Vec<Row> = Vec::with_capacity(codes.len());
    if conn.asks_one_by_one(codes.len()) {
        let mut codes: Vec<&ItemCode> = codes.iter().collect();
        codes.sort_unstable();
        codes.dedup();
        for code in codes {
            rows.extend(item::table.find(code).select(Row::as_select()).first(conn).optional()?);
        }
    } else {
        let query = item::table.filter(item::code.eq_any(codes)).select(Row::as_select());
        rows = query.order(item::code).load(conn)?;
    }
    Ok(complete(conn, rows)?.into_iter().map(|item| (item.code.clone(), item)).collect())
}

/// The items of these codes that exist, with their packs, and without trade item
/// numbers: what postings ask for, in one question where it is asked for a few.
///
/// # Errors
/// When the database fails.
pub fn find_with_packs(
    conn: &mut DbConnection,
    codes: &[ItemCode],
) -> Result<BTreeMap<ItemCode, Item>, DbError> {
    let mut items: BTreeMap<ItemCode, Item> = BTreeMap::new();
    memory::recall(|known: &mut KnownItems| {
        items.extend(
            codes.iter().filter_map(|code| Some((code.clone(), known.0.get(code)?.clone()))),
        );
    });
    let unknown: Vec<ItemCode> =
        codes.iter().filter(|code| !items.contains_key(code)).cloned().collect();
    if unknown.is_empty() {
        return Ok(items);
    }
    let read = read_with_packs(conn, &unknown)?;
    memory::recall(|known: &mut KnownItems| {
        known.0.extend(read.iter().map(|(code, item)| (code.clone(), item.clone())));
    });
    items.extend(read);
    Ok(items)
}

/// Items that a transaction asked about, as [`find_with_packs`] gives them.
#[derive(Debug, Default)]
struct KnownItems(BTreeMap<ItemCode, Item>);

impl Remembered for KnownItems {}

fn read_with_packs(
    conn: &mut DbConnection,
    codes: &[ItemCode],
) -> Result<BTreeMap<ItemCode, Item>, DbError> {
    type PackColumns = (String, String, String, Quantity);
    let query = || {
        item::table
            .left_join(item_pack::table.on(item_pack::item_code.eq(item::code)))
            .order((item::code, item_pack::units, item_pack::code))
            .select((
                Row::as_select(),
                (item_pack::code, item_pack::name_zh, item_pack::name_en, item_pack::units)
                    .nullable(),
            ))
    };
    let mut rows: Vec<(Row, Option<PackColumns>)> = Vec::new();
    if conn.asks_one_by_one(codes.len()) {
        let codes: BTreeSet<&ItemCode> = codes.iter().collect();
        for code in codes {
            rows.extend(query().filter(item::code.eq(code)).load(conn)?);
        }
    } else {
        rows = query().filter(item::code.eq_any(codes)).load(conn)?;
    }
    let mut items: BTreeMap<ItemCode, Item> = BTreeMap::new();
    for (row, pack) in rows {
        let item =
            items.entry(row.code.clone()).or_insert_with(|| row.into_item(Vec::new(), Vec::new()));
        if let Some((code, name_zh, name_en, units)) = pack {
            item.packs.push(Pack { code, name_zh, name_en, units });
        }
    }
    Ok(items)
}

/// The item of a code.
///
/// # Errors
/// When the database fails.
pub fn find(conn: &mut DbConnection, code: &ItemCode) -> Result<Option<Item>, DbError> {
    Ok(find_all(conn, std::slice::from_ref(code))?.into_values().next())
}

/// The item of a code, locked until the transaction ends.
///
/// # Errors
/// When the database fails.
pub fn lock(conn: &mut DbConnection, code: &ItemCode) -> Result<Option<Item>, DbError> {
    let rows: Vec<Row> = load_locked!(conn, item::table.find(code).select(Row::as_select()), Row)?;
    Ok(complete(conn, rows)?.into_iter().next())
}

/// The item on whose packs a trade item number stands.
///
/// # Errors
/// When the database fails.
pub fn code_by_gtin(conn: &mut DbConnection, gtin: &Gtin) -> Result<Option<ItemCode>, DbError> {
    Ok(item_gtin::table
        .find(gtin.to_fourteen())
        .select(item_gtin::item_code)
        .first(conn)
        .optional()?)
}

/// Runs a query for some items: one that is prepared already for each of a few, else one for all.
macro_rules! of_items {
    ($conn:expr, $codes:expr, $table:ident, $query:expr) => {
        if $conn.asks_one_by_one($codes.len()) {
            let mut all = Vec::new();
            for code in $codes {
                all.extend($query.filter($table::item_code.eq(code)).load($conn)?);
            }
            all
        } else {
            $query.filter($table::item_code.eq_any($codes)).load($conn)?
        }
    };
}

/// Fetches what belongs to some items, in three queries however many they are.
fn complete(conn: &mut DbConnection, rows: Vec<Row>) -> Result<Vec<Item>, DbError> {
    let codes: Vec<ItemCode> = rows.iter().map(|row| row.code.clone()).collect();
    let mut packs: BTreeMap<ItemCode, Vec<Pack>> = BTreeMap::new();
    let stored: Vec<(ItemCode, String, String, String, Quantity)> = of_items!(
        conn,
        &codes,
        item_pack,
        item_pack::table.order((item_pack::item_code, item_pack::units, item_pack::code)).select((
            item_pack::item_code,
            item_pack::code,
            item_pack::name_zh,
            item_pack::name_en,
            item_pack::units,
        ))
    );
    for (item, code, name_zh, name_en, units) in stored {
        packs.entry(item).or_default().push(Pack { code, name_zh, name_en, units });
    }
    let mut gtins: BTreeMap<ItemCode, Vec<Gtin>> = BTreeMap::new();
    let stored: Vec<(ItemCode, Gtin)> = of_items!(
        conn,
        &codes,
        item_gtin,
        item_gtin::table
            .order((item_gtin::item_code, item_gtin::gtin))
            .select((item_gtin::item_code, item_gtin::gtin))
    );
    for (item, gtin) in stored {
        gtins.entry(item).or_default().push(gtin);
    }
    let item = |row: Row| {
        let packs = packs.remove(&row.code).unwrap_or_default();
        let gtins = gtins.remove(&row.code).unwrap_or_default();
        row.into_item(packs, gtins)
    };
    Ok(rows.into_iter().map(item).collect())
}

/// Stores a new item.
///
/// # Errors
/// When the database fails.
pub fn insert(conn: &mut DbConnection, item: &Item) -> Result<(), DbError> {
    diesel::insert_into(item::table).values(Row::from(item)).execute(conn)?;
    insert_belongings(conn, item)
}

/// Stores a changed item and everything that belongs to it.
///
/// # Errors
/// When the database fails.
pub fn update(conn: &mut DbConnection, item: &Item) -> Result<(), DbError> {
    memory::forget::<KnownItems>();
    diesel::update(item::table.find(&item.code)).set(Row::from(item)).execute(conn)?;
    let code = &item.code;
    diesel::delete(item_pack::table.filter(item_pack::item_code.eq(code))).execute(conn)?;
    diesel::delete(item_gtin::table.filter(item_gtin::item_code.eq(code))).execute(conn)?;
    insert_belongings(conn, item)
}

fn insert_belongings(conn: &mut DbConnection, item: &Item) -> Result<(), DbError> {
    for pack in &item.packs {
        diesel::insert_into(item_pack::table)
            .values((
                item_pack::item_code.eq(&item.code),
                item_pack::code.eq(&pack.code),
                item_pack::name_zh.eq(&pack.name_zh),
                item_pack::name_en.eq(&pack.name_en),
                item_pack::units.eq(pack.units),
            ))
            .execute(conn)?;
    }
    for gtin in &item.gtins {
        diesel::insert_into(item_gtin::table)
            .values((item_gtin::gtin.eq(gtin.to_fourteen()), item_gtin::item_code.eq(&item.code)))
            .execute(conn)?;
    }
    Ok(())
}
