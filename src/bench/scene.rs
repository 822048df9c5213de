//! The throw-away county: twenty stores with a keeper each, and a thousand lots in each store.

use crate::access::token::Token;
use crate::access::{Actor, Permission, Role, Scope};
use crate::app::App;
use crate::bench::BenchError;
use crate::command::{Call, CommandError, Done, Tx, within};
use crate::kernel::id::UserId;
use crate::{catalogue, stock, stores, users};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Stores; each has a keeper.
pub(super) const STORES: usize = 20;
/// Lots of each store.
const LOTS_OF_STORE: usize = 1_000;
/// Items; a store's lots are spread over all of them.
const ITEMS: usize = 20;
/// All lots.
pub(super) const LOTS: usize = STORES * LOTS_OF_STORE;
/// The first store of the raw limit, to which the service never posts.
pub(super) const RAW_STORE: &str = "R00";

/// Who posts where.
pub(super) struct Scene {
    /// The keepers' tokens, by store.
    pub tokens: Vec<String>,
}

#[derive(Serialize)]
struct Line {
    item_code: String,
    lot_number: String,
    expires_on: &'static str,
    quantity: usize,
}

fn line(store: usize, lot: usize, quantity: usize) -> Line {
    Line {
        item_code: format!("B{:02}", lot % ITEMS),
        lot_number: format!("L{store:02}{lot:04}"),
        expires_on: "2099-12-31",
        quantity,
    }
}

fn store_code(store: usize) -> String {
    format!("S{store:02}")
}

/// The body of a receipt of one line: a piece or some more of a lot that the store knows.
pub(super) fn receipt(store: usize, chance: usize) -> String {
    let line = line(store, chance % LOTS_OF_STORE, 1 + chance % 9);
    format!(
        r#"{{"store_code":"{}","source":{{"kind":"supplier"}},"lines":[{{"item_code":"{}","lot_number":"{}","expires_on":"{}","quantity":{}}}]}}"#,
        store_code(store),
        line.item_code,
        line.lot_number,
        line.expires_on,
        line.quantity
    )
}

impl Scene {
    /// Writes the county through the commands.
    pub(super) fn set(app: &App) -> Result<Self, BenchError> {
        let region = json!({"code": "360729", "name_zh": "全南县", "name_en": "Quannan County"});
        act(app, Permission::WriteStores, region, stores::commands::create_region)?;
        let names = (0..STORES).flat_map(|at| [store_code(at), format!("R{at:02}")]);
        for code in names {
            let store = json!({"code": code, "name_zh": code, "name_en": code,
                "kind": "township", "region_code": "360729", "consumption_by": "issue"});
            act(app, Permission::WriteStores, store, stores::commands::create_store)?;
        }
        for item in 0..ITEMS {
            let code = format!("B{item:02}");
            let item = json!({"code": code, "name_zh": code, "name_en": code, "category": "ppe",
                "base_unit": "只", "packs": [
                    {"code": "box", "name_zh": "盒", "name_en": "box", "units": 50},
                    {"code": "carton", "name_zh": "箱", "name_en": "carton", "units": 2000}]});
            act(app, Permission::WriteItems, item, catalogue::commands::create_item)?;
        }
        let mut tokens = Vec::with_capacity(STORES);
        for store in 0..STORES {
            tokens.push(keeper(app, store)?);
            let lines: Vec<Line> = (0..LOTS_OF_STORE).map(|lot| line(store, lot, 100)).collect();
            let receipt = json!({"store_code": store_code(store), "source": {"kind": "supplier"},
                "lines": lines});
            act(app, Permission::PostReceipts, receipt, stock::commands::post_receipt)?;
        }
        Ok(Self { tokens })
    }
}

fn keeper(app: &App, store: usize) -> Result<String, BenchError> {
    let name = format!("keeper.{store:02}");
    let user = json!({"name": name, "display_name": name, "role": "keeper",
        "stores": [store_code(store)]});
    act(app, Permission::ManageUsers, user, users::commands::create_user)?;
    let broken = |_no_randomness| BenchError::Answer("no randomness".to_owned());
    let token = Token::generate().map_err(broken)?;
    let revealed = token.reveal().to_owned();
    let token = std::sync::Arc::new(token);
    let call = Call::internal(founder(Role::Admin), Permission::ManageUsers, "bench");
    let (settings, clock) = (app.settings.clone(), app.clock.clone());
    app.db.write(move |conn| {
        within(conn, &settings, clock.now(), &call, |tx| {
            let asked =
                users::requests::TokenRequest { label: "bench".to_owned(), valid_days: None };
            users::commands::create_token(tx, &name, &asked, &token)
        })
    })?;
    Ok(revealed)
}

fn act<R: DeserializeOwned + Send + 'static>(
    app: &App,
    permission: Permission,
    asked: Value,
    run: fn(&mut Tx<'_>, &R) -> Result<Done, CommandError>,
) -> Result<(), BenchError> {
    let shape = |error: serde_json::Error| BenchError::Answer(error.to_string());
    let request: R = serde_json::from_value(asked).map_err(shape)?;
    let role = if permission == Permission::PostReceipts { Role::Keeper } else { Role::Admin };
    let call = Call::internal(founder(role), permission, "bench");
    let (settings, clock) = (app.settings.clone(), app.clock.clone());
    app.db
        .write(move |conn| within(conn, &settings, clock.now(), &call, |tx| run(tx, &request)))?;
    Ok(())
}

/// Someone of a role with every store in scope, who is no user of the service.
fn founder(role: Role) -> Actor {
    Actor {
        user_id: UserId::generate(),
        name: "bench".to_owned(),
        role,
        scope: Scope::All,
        region: None,
        emergency_release_limit: None,
    }
}
