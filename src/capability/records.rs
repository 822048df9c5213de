//! Capabilities and their parts, as rows.

use crate::capability::definition::{Capability, Component};
use crate::db::schema::{capability, capability_component, capability_item};
use crate::db::{DbConnection, DbError};
use crate::kernel::page::PageSize;
use crate::kernel::{CapabilityCode, Instant, ItemCode, Quantity};
use crate::{load_locked, on_each_backend};
use diesel::prelude::*;
use std::collections::BTreeMap;

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = capability, primary_key(code), treat_none_as_default_value = false)]
struct Row {
    code: CapabilityCode,
    name_zh: String,
    name_en: String,
    unit: String,
    active: bool,
    version: i64,
    created_at: Instant,
}

impl From<&Capability> for Row {
    fn from(capability: &Capability) -> Self {
        Self {
            code: capability.code.clone(),
            name_zh: capability.name_zh.clone(),
            name_en: capability.name_en.clone(),
            unit: capability.unit.clone(),
            active: capability.active,
            version: capability.version,
            created_at: capability.created_at,
        }
    }
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = capability_component, treat_none_as_default_value = false)]
struct ComponentRow {
    capability_code: CapabilityCode,
    line_no: i64,
    name_zh: String,
    name_en: String,
    uses: Quantity,
    serves: Quantity,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = capability_item, treat_none_as_default_value = false)]
struct ItemRow {
    capability_code: CapabilityCode,
    line_no: i64,
    item_code: ItemCode,
}

/// Capabilities in the order of their codes, after one.
///
/// # Errors
/// When the database fails.
pub fn list(
    conn: &mut DbConnection,
    active: Option<bool>,
    after: Option<CapabilityCode>,
    size: PageSize,
) -> Result<Vec<Capability>, DbError> {
    let mut query = capability::table.select(Row::as_select()).into_boxed();
    if let Some(active) = active {
        query = query.filter(capability::active.eq(active));
    }
    if let Some(after) = after {
        query = query.filter(capability::code.gt(after));
    }
    let rows = query.order(capability::code).limit(size.probe()).load(conn)?;
    complete(conn, rows)
}

/// The capability of a code.
///
/// # Errors
/// When the database fails.
pub fn find(conn: &mut DbConnection, code: &CapabilityCode) -> Result<Option<Capability>, DbError> {
    let rows: Vec<Row> = capability::table.find(code).select(Row::as_select()).load(conn)?;
    Ok(complete(conn, rows)?.pop())
}

/// The capability of a code, locked until the transaction ends.
///
/// # Errors
/// When the database fails.
pub fn lock(conn: &mut DbConnection, code: &CapabilityCode) -> Result<Option<Capability>, DbError> {
    let rows: Vec<Row> =
        load_locked!(conn, capability::table.find(code).select(Row::as_select()), Row)?;
    Ok(complete(conn, rows)?.pop())
}

/// Adds the parts to some rows.
fn complete(conn: &mut DbConnection, rows: Vec<Row>) -> Result<Vec<Capability>, DbError> {
    let codes: Vec<&CapabilityCode> = rows.iter().map(|row| &row.code).collect();
    let items: Vec<ItemRow> = capability_item::table
        .filter(capability_item::capability_code.eq_any(&codes))
        .select(ItemRow::as_select())
        .order((
            capability_item::capability_code,
            capability_item::line_no,
            capability_item::item_code,
        ))
        .load(conn)?;
    let mut of_part: BTreeMap<(CapabilityCode, i64), Vec<ItemCode>> = BTreeMap::new();
    for row in items {
        of_part.entry((row.capability_code, row.line_no)).or_default().push(row.item_code);
    }
    let parts: Vec<ComponentRow> = capability_component::table
        .filter(capability_component::capability_code.eq_any(&codes))
        .select(ComponentRow::as_select())
        .order((capability_component::capability_code, capability_component::line_no))
        .load(conn)?;
    let mut components: BTreeMap<CapabilityCode, Vec<Component>> = BTreeMap::new();
    for row in parts {
        let items = of_part.remove(&(row.capability_code.clone(), row.line_no));
        components.entry(row.capability_code).or_default().push(Component {
            name_zh: row.name_zh,
            name_en: row.name_en,
            items: items.unwrap_or_default(),
            uses: row.uses,
            serves: row.serves,
        });
    }
    let capabilities = rows.into_iter().map(|row| Capability {
        components: components.remove(&row.code).unwrap_or_default(),
        code: row.code,
        name_zh: row.name_zh,
        name_en: row.name_en,
        unit: row.unit,
        active: row.active,
        version: row.version,
        created_at: row.created_at,
    });
    Ok(capabilities.collect())
}

/// Stores a new capability.
///
/// # Errors
/// When the database fails.
pub fn insert(conn: &mut DbConnection, new: &Capability) -> Result<(), DbError> {
    diesel::insert_into(capability::table).values(Row::from(new)).execute(conn)?;
    insert_components(conn, new)
}

/// Stores a changed capability, its parts anew.
///
/// # Errors
/// When the database fails.
pub fn update(conn: &mut DbConnection, changed: &Capability) -> Result<(), DbError> {
    diesel::update(capability::table.find(&changed.code)).set(Row::from(changed)).execute(conn)?;
    let code = &changed.code;
    diesel::delete(capability_item::table.filter(capability_item::capability_code.eq(code)))
        .execute(conn)?;
    diesel::delete(
        capability_component::table.filter(capability_component::capability_code.eq(code)),
    )
    .execute(conn)?;
    insert_components(conn, changed)
}

fn insert_components(conn: &mut DbConnection, of: &Capability) -> Result<(), DbError> {
    let (mut parts, mut items) = (Vec::new(), Vec::new());
    for (line_no, component) in (1..).zip(&of.components) {
        parts.push(ComponentRow {
            capability_code: of.code.clone(),
            line_no,
            name_zh: component.name_zh.clone(),
            name_en: component.name_en.clone(),
            uses: component.uses,
            serves: component.serves,
        });
        items.extend(component.items.iter().map(|item| ItemRow {
            capability_code: of.code.clone(),
            line_no,
            item_code: item.clone(),
        }));
    }
    on_each_backend!(conn, |c| diesel::insert_into(capability_component::table)
        .values(parts)
        .execute(c))?;
    on_each_backend!(conn, |c| diesel::insert_into(capability_item::table)
        .values(items)
        .execute(c))?;
    Ok(())
}
