//! A small county: four stores, a few items, and a user of every kind with a token.

use changbei::access::records::{TokenRow, User, insert_token, insert_user};
use changbei::access::{Actor, Permission, Role, Scope, token};
use changbei::app::App;
use changbei::catalogue;
use changbei::command::{Call, run};
use changbei::kernel::id::{TokenId, UserId};
use changbei::kernel::{Quantity, RegionCode, StoreCode};
use changbei::stores;
use serde_json::json;

/// The users: name, role, own stores, region, limit of emergency release.
pub const USERS: &[(&str, Role, &[&str], Option<&str>, Option<i64>)] = &[
    ("admin", Role::Admin, &[], None, None),
    ("auditor", Role::Auditor, &[], None, None),
    ("commander", Role::Commander, &[], Some("360729"), None),
    ("deputy", Role::Commander, &[], Some("360729"), None),
    ("foreign.commander", Role::Commander, &[], Some("360722"), None),
    ("keeper.depot", Role::Keeper, &["QN-DEPOT"], None, None),
    ("duty.depot", Role::Keeper, &["QN-DEPOT"], None, Some(500)),
    ("keeper.hospital", Role::Keeper, &["QN-HOSP"], None, None),
    ("duty.hospital", Role::Keeper, &["QN-HOSP"], None, Some(500)),
    ("buyer.hospital", Role::Procurement, &["QN-HOSP"], None, None),
    ("keeper.town", Role::Keeper, &["QN-TOWN"], None, None),
    ("keeper.cdc", Role::Keeper, &["QN-CDC"], None, None),
    ("keeper.nowhere", Role::Keeper, &[], None, None),
    ("buyer.nowhere", Role::Procurement, &[], None, None),
];

/// The bearer token of a user. Fixed, because the databases are thrown away.
pub fn token(user: &str) -> String {
    format!("cb_test_{user}")
}

/// Puts the county into a migrated database.
pub fn seed(app: &App) {
    seed_users(app);
    let admin = || actor(Role::Admin);
    for (code, zh, en) in [
        ("360729", "全南县", "Quannan County"),
        ("360729101", "大吉山镇", "Dajishan Town"),
        ("360722", "信丰县", "Xinfeng County"),
    ] {
        let request =
            serde_json::from_value(json!({"code": code, "name_zh": zh, "name_en": en})).unwrap();
        run(app, Call::internal(admin(), Permission::WriteStores, "seed"), move |tx| {
            stores::commands::create_region(tx, &request)
        })
        .expect("a region");
    }
    for (code, zh, en, kind, region, supplied_by, by) in [
        ("QN-DEPOT", "县储备库", "County Depot", "county_reserve", "360729", None, "issue"),
        (
            "QN-HOSP",
            "县人民医院",
            "People's Hospital",
            "hospital",
            "360729",
            Some("QN-DEPOT"),
            "issue",
        ),
        ("QN-CDC", "县疾控中心", "CDC", "cdc", "360729", Some("QN-DEPOT"), "issue"),
        (
            "QN-TOWN",
            "大吉山镇卫生院",
            "Dajishan Health Centre",
            "township",
            "360729101",
            Some("QN-DEPOT"),
            "issue",
        ),
        ("XF-DEPOT", "信丰县储备库", "Xinfeng Depot", "county_reserve", "360722", None, "issue"),
    ] {
        let request = serde_json::from_value(json!({
            "code": code, "name_zh": zh, "name_en": en, "kind": kind, "region_code": region,
            "supplied_by": supplied_by, "consumption_by": by, "duty_phone": "0797-2630000",
            "storage": ["ambient", "refrigerated", "frozen", "flammable"],
        }))
        .unwrap();
        run(app, Call::internal(admin(), Permission::WriteStores, "seed"), move |tx| {
            stores::commands::create_store(tx, &request)
        })
        .expect("a store");
    }
    for item in [
        json!({"code": "M03", "name_zh": "医用防护口罩", "name_en": "Medical respirator", "category": "ppe",
               "base_unit": "只", "packs": [{"code": "box", "name_zh": "盒", "name_en": "box", "units": 20}],
               "standard": "GB 19083"}),
        json!({"code": "M02", "name_zh": "医用外科口罩", "name_en": "Surgical mask", "category": "ppe",
               "base_unit": "只", "standard": "YY 0469", "gtins": ["06901234567892"],
               "packs": [{"code": "box", "name_zh": "盒", "name_en": "box", "units": 50},
                         {"code": "carton", "name_zh": "箱", "name_en": "carton", "units": 2000}],
               "substitutes": [{"item_code": "M03", "rank": 1}]}),
        json!({"code": "D03", "name_zh": "75%乙醇消毒液", "name_en": "75 % ethanol", "category": "disinfectant",
               "base_unit": "瓶", "storage": "flammable"}),
        json!({"code": "T01", "name_zh": "核酸检测试剂盒", "name_en": "RT-PCR kit", "category": "reagent",
               "base_unit": "人份", "storage": "frozen",
               "packs": [{"code": "kit", "name_zh": "盒", "name_en": "kit", "units": 96}]}),
        json!({"code": "E02", "name_zh": "指夹式血氧仪", "name_en": "Pulse oximeter", "category": "equipment",
               "base_unit": "台"}),
    ] {
        let request = serde_json::from_value(item).unwrap();
        run(app, Call::internal(admin(), Permission::WriteItems, "seed"), move |tx| {
            catalogue::commands::create_item(tx, &request)
        })
        .expect("an item");
    }
}

fn seed_users(app: &App) {
    let now = app.clock.now();
    for (name, role, stores, region, limit) in USERS {
        let user = User {
            id: UserId::generate(),
            name: (*name).to_owned(),
            display_name: (*name).to_owned(),
            role: *role,
            region_code: region.map(|code| RegionCode::new(code).unwrap()),
            emergency_release_limit: limit.map(|units| Quantity::new(units).unwrap()),
            active: true,
            version: 1,
            created_at: now,
        };
        let stores: Vec<StoreCode> =
            stores.iter().map(|code| StoreCode::new(code).unwrap()).collect();
        let row = TokenRow {
            id: TokenId::generate(),
            user_id: user.id.clone(),
            hash: token::hash(&token(name)),
            label: "test".to_owned(),
            created_at: now,
            expires_at: None,
            revoked_at: None,
        };
        app.db
            .write(move |conn| {
                insert_user(conn, &user, &stores)?;
                insert_token(conn, &row)
            })
            .expect("a user");
    }
}

/// Someone of a role with every store in scope, for the seed.
pub fn actor(role: Role) -> Actor {
    Actor {
        user_id: UserId::generate(),
        name: "seed".to_owned(),
        role,
        scope: Scope::All,
        region: None,
        emergency_release_limit: None,
    }
}
