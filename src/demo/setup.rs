//! Before history begins: the county, its catalogue, its people and what lies in its stores.

use crate::access::Permission;
use crate::catalogue;
use crate::command::CommandError;
use crate::demo::county::{self, COMMANDER, COUNTY, DEPUTY, DemoStore, Kind, STORES};
use crate::demo::items::{DemoItem, ITEMS};
use crate::demo::lots::{self, Made};
use crate::demo::model::{Chance, up_to_packs};
use crate::demo::plan;
use crate::demo::scribe::{Scribe, founder};
use crate::reserve_plan;
use crate::reserve_plan::requests::{ApprovalRequest, PlanRequest};
use crate::stock;
use crate::stores;
use crate::users;
use serde::Serialize;
use serde_json::{Value, json};

/// Creates regions, stores, items and users.
///
/// # Errors
/// When the database fails.
pub(super) fn found(scribe: &mut Scribe<'_>) -> Result<(), CommandError> {
    scribe.at(7, 0);
    for region in county::regions() {
        let asked = json_of(&region);
        scribe.act_as(
            founder(),
            Permission::WriteStores,
            asked,
            stores::commands::create_region,
        )?;
    }
    for store in county::stores() {
        let asked = json_of(&store);
        scribe.act_as(founder(), Permission::WriteStores, asked, stores::commands::create_store)?;
    }
    for item in ITEMS {
        let asked = json_of(&item.request());
        scribe.act_as(
            founder(),
            Permission::WriteItems,
            asked,
            catalogue::commands::create_item,
        )?;
    }
    for user in county::users() {
        let asked = json_of(&user);
        scribe.act_as(founder(), Permission::ManageUsers, asked, users::commands::create_user)?;
    }
    Ok(())
}

fn json_of(request: &impl Serialize) -> Value {
    // Requests are plain structs of texts and numbers, which always have a JSON form.
    serde_json::to_value(request).unwrap_or_default()
}

/// Days of use that a store opens with of what the plan does not name.
pub(super) const OPENING_DAYS: i64 = 30;

/// Books what lies in every store when the book is opened.
///
/// # Errors
/// When the database fails.
pub(super) fn open_the_book(
    scribe: &mut Scribe<'_>,
    chance: &mut Chance,
) -> Result<(), CommandError> {
    for (at, store) in STORES.iter().enumerate() {
        scribe.at(9, i64::try_from(at).unwrap_or(0));
        let mut lines = Vec::new();
        for item in ITEMS {
            lines.extend(opening_lines(scribe, chance, store, item));
        }
        let asked = json!({
            "store_code": store.code,
            "source": {"kind": "opening", "document_number": format!("KC-{}", store.code)},
            "inspected_by": store.keeper.1,
            "lines": lines,
        });
        scribe.act(
            store.keeper.0,
            Permission::PostReceipts,
            asked,
            stock::commands::post_receipt,
        )?;
    }
    Ok(())
}

/// Opening stock of an item: an older lot and a newer one, together about what the plan wants.
fn opening_lines(
    scribe: &Scribe<'_>,
    chance: &mut Chance,
    store: &DemoStore,
    item: &DemoItem,
) -> Vec<Value> {
    let wanted = plan::target(store, item);
    let usual = wanted.unwrap_or_else(|| store.daily_use(item) * OPENING_DAYS);
    if usual == 0 || (item.is_frozen() && store.kind == Kind::Township) {
        return Vec::new();
    }
    let percent = match store.kind {
        Kind::Depot => chance.between(115, 145),
        Kind::Hospital | Kind::Cdc => chance.between(85, 120),
        Kind::Township => chance.between(75, 115),
    };
    let units = up_to_packs(usual * percent / 100, item.pack_units());
    if item.lasts() {
        return vec![lots::line(scribe.day(), item, units, Made::Lasting)];
    }
    let older = up_to_packs(units * 2 / 5, item.pack_units());
    let days = |chance: &mut Chance, least, most| Made::DaysAgo(chance.between(least, most));
    let mut lines = vec![lots::line(scribe.day(), item, older, days(chance, 150, 170))];
    if units > older {
        lines.push(lots::line(scribe.day(), item, units - older, days(chance, 40, 90)));
    }
    lines
}

/// Drafts the reserve plan and submits it; gives its id.
///
/// # Errors
/// When the database fails.
pub(super) fn draft_plan(scribe: &mut Scribe<'_>) -> Result<String, CommandError> {
    scribe.at(15, 0);
    let asked = json!({"name": "全南县应急物资储备方案", "lines": plan::lines()});
    let drafted =
        scribe.act(COMMANDER, Permission::WritePlans, asked, |tx, request: &PlanRequest| {
            reserve_plan::commands::draft(tx, &request.clone().parse()?)
        })?;
    let id = crate::demo::id_of(&drafted)?;
    let plan = crate::demo::parsed(&id)?;
    scribe.act(COMMANDER, Permission::WritePlans, json!({}), |tx, _nothing: &Value| {
        reserve_plan::commands::submit(tx, &plan, None)
    })?;
    Ok(id)
}

/// Approves the plan, from this moment on.
///
/// # Errors
/// When the database fails.
pub(super) fn approve_plan(scribe: &mut Scribe<'_>, id: &str) -> Result<(), CommandError> {
    scribe.at(10, 0);
    let plan = crate::demo::parsed(id)?;
    let asked = json!({"approval_number": "全应急〔演示〕7号"});
    scribe.act(DEPUTY, Permission::ApprovePlans, asked, |tx, request: &ApprovalRequest| {
        reserve_plan::commands::approve(tx, &plan, &request.clone().parse()?)
    })?;
    Ok(())
}

/// Declares a response level for the county.
///
/// # Errors
/// When the database fails.
pub(super) fn declare_level(
    scribe: &mut Scribe<'_>,
    level: &str,
    reason: &str,
) -> Result<(), CommandError> {
    scribe.at(11, 0);
    let asked = json!({
        "level": level,
        "region_code": COUNTY,
        "reason": reason,
        "authority": {"kind": "order", "number": format!("全防指〔演示〕{level}"),
                      "issued_by": "王志强", "post": "县疫情防控指挥部 指挥长"},
    });
    scribe.act(
        COMMANDER,
        Permission::DeclareLevel,
        asked,
        reserve_plan::commands::declare_level,
    )?;
    Ok(())
}
