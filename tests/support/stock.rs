//! Stock for tests: put into the book directly, and read from it piece by piece.

use super::TestApp;
use changbei::access::Scope;
use changbei::command::CommandError;
use changbei::kernel::id::{LotId, MakersLotId, StockDocumentId};
use changbei::kernel::{ItemCode, LotNumber, Quantity, StoreCode, time::parse_date};
use changbei::stock::queries::{StockFilter, in_transit, stock};
use changbei::stock::records::{
    Numbering, Posting, find_or_insert_lot, insert_makers_lot, lock_makers_lot_named, post,
};
use changbei::stock::{
    Account, Expiry, MakersLot, MovementKind, NewMovement, Outside, Provenance, StockState,
};

/// Puts `quantity` of a lot into a store's available stock; the lot's id.
pub fn put(
    app: &TestApp,
    store: &str,
    item: &str,
    lot: &str,
    expires_on: &str,
    quantity: i64,
) -> String {
    put_for(app, store, item, lot, expires_on, quantity, None)
}

/// The same, earmarked for a purpose.
pub fn put_for(
    app: &TestApp,
    store: &str,
    item: &str,
    lot: &str,
    expires_on: &str,
    quantity: i64,
    earmarked_for: Option<&str>,
) -> String {
    let store = StoreCode::new(store).unwrap();
    let item = ItemCode::new(item).unwrap();
    let number = LotNumber::new(lot).unwrap();
    let expiry = Expiry::Dated(parse_date(expires_on).unwrap());
    let earmarked_for = earmarked_for.map(str::to_owned);
    let now = app.app.clock.now();
    let zone = app.app.settings.zone;
    let id: LotId = app
        .app
        .db
        .write(move |conn| -> Result<LotId, CommandError> {
            let makers = MakersLot {
                id: MakersLotId::generate(),
                item_code: item.clone(),
                lot_number: number.clone(),
                maker: "测试厂".to_owned(),
                is_house_number: false,
                manufactured_on: None,
                expiry,
                recalled_at: None,
                recall_reason: None,
                version: 1,
                created_at: now,
            };
            insert_makers_lot(conn, &makers)?;
            let makers = lock_makers_lot_named(conn, &item, &number, "测试厂")?.unwrap();
            let provenance = Provenance {
                owner_code: None,
                source_kind: Outside::Supplier,
                source_name: None,
                fund_source: None,
                donor: None,
                earmarked_for: earmarked_for.clone(),
                unit_cost: None,
                cost_is_estimated: false,
                pack_units: Quantity::new(1).unwrap(),
            };
            let lot = find_or_insert_lot(conn, &makers, &provenance, "test", now)?;
            let line = NewMovement::new(
                MovementKind::Receipt,
                &store,
                &item,
                &lot,
                Quantity::new(quantity).unwrap(),
                Account::Outside(Outside::Supplier),
                Account::Store(store.clone(), StockState::Available),
                1,
            );
            let posting = Posting {
                document_kind: "receipt".to_owned(),
                document_id: StockDocumentId::generate().to_string(),
                numbering: Numbering::Next { store: store.clone(), prefix: "RK" },
                occurred_at: now,
                slip_number: None,
                after_the_fact: false,
                actor: "test".to_owned(),
                bound: None,
                lines: vec![line],
            };
            post(conn, zone, now, posting)?;
            Ok(lot)
        })
        .expect("stock is put in");
    id.to_string()
}

/// What a store holds of an item: (on hand, reserved) in a state, over all lots.
pub fn held(app: &TestApp, store: &str, item: &str, state: &str) -> (i64, i64) {
    let filter = StockFilter {
        store: Some(StoreCode::new(store).unwrap()),
        item: Some(ItemCode::new(item).unwrap()),
        state: StockState::from_word(state),
        ..StockFilter::default()
    };
    let balances =
        app.app.read(|conn| stock(conn, &Scope::All, &filter, None, 1_000)).expect("stock");
    balances.iter().fold((0, 0), |(on_hand, reserved), balance| {
        (on_hand + balance.on_hand.units(), reserved + balance.reserved.units())
    })
}

/// What of an item is on the way, over all dispatches.
pub fn on_the_way(app: &TestApp, item: &str) -> i64 {
    let item = ItemCode::new(item).unwrap();
    let rows = app
        .app
        .read(|conn| in_transit(conn, &Scope::All, None, Some(&item), None))
        .expect("transit");
    rows.iter().map(|row| row.quantity.units()).sum()
}
