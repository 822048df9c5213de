//! Proof: balances are rebuilt from movements, and the chains are walked link by link.
//!
//! Every difference is reported with where and what; nothing is repaired.

use crate::audit;
use crate::chain::records::all_heads;
use crate::db::schema::{
    reservation, reservation_event, stock_balance, stock_closing, stock_movement, transit_balance,
    unmatched_clearing, unmatched_fact,
};
use crate::db::{DbConnection, DbError};
use crate::kernel::id::{DispatchId, LotId, MovementId, ShipmentId, UnmatchedId};
use crate::kernel::{Instant, ItemCode, Quantity, StoreCode};
use crate::stock::account::{Account, Outside, StockState};
use crate::stock::movement::{Movement, chain_of};
use crate::stock::posting::{BalanceKey, TransitKey};
use crate::stock::queries::corrections;
use crate::stock::records::MovementRow;
use chrono::NaiveDate;
use diesel::prelude::*;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Links of a chain that are read at once.
const RUN: i64 = 2_000;

/// Something that does not agree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Where: a balance, a chain, a reservation.
    pub place: String,
    /// What should be there.
    pub expected: String,
    /// What is there.
    pub found: String,
}

/// What was looked at, and everything that does not agree.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Movements that were walked.
    pub movements: u64,
    /// Audit entries that were walked.
    pub audit_entries: u64,
    /// Balances that were rebuilt.
    pub balances: u64,
    /// Daily closings that were rebuilt.
    pub closings: u64,
    /// Everything that does not agree.
    pub differences: Vec<Difference>,
}

impl Report {
    /// Whether everything agrees.
    pub fn is_clean(&self) -> bool {
        self.differences.is_empty()
    }

    /// Records that a place does not hold what it should.
    pub fn differ(
        &mut self,
        place: impl Into<String>,
        expected: impl ToString,
        found: impl ToString,
    ) {
        self.differences.push(Difference {
            place: place.into(),
            expected: expected.to_string(),
            found: found.to_string(),
        });
    }
}

/// Walks every chain and rebuilds every balance, on the snapshot of one read.
///
/// # Errors
/// When the database fails.
pub fn verify(conn: &mut DbConnection) -> Result<Report, DbError> {
    verify_telling(conn, &mut |_done, _all| {})
}

/// The same, telling now and then how many of all links have been walked.
///
/// # Errors
/// When the database fails.
pub fn verify_telling(
    conn: &mut DbConnection,
    told: &mut dyn FnMut(u64, u64),
) -> Result<Report, DbError> {
    let mut report = Report::default();
    let mut rebuilt = Rebuilt::default();
    let heads: BTreeMap<String, (i64, String)> =
        all_heads(conn)?.into_iter().map(|head| (head.chain, (head.seq, head.hash))).collect();
    let all = heads.values().fold(0, |sum, (seq, _)| sum + u64::try_from(*seq).unwrap_or(0));
    let mut told = |report: &Report| told(report.movements + report.audit_entries, all);
    let stores: Vec<StoreCode> = stock_movement::table
        .select(stock_movement::store_code)
        .distinct()
        .order(stock_movement::store_code)
        .load(conn)?;
    for store in &stores {
        walk_movements(conn, store, &heads, &mut rebuilt, &mut report, &mut told)?;
        let days = std::mem::take(&mut rebuilt.days);
        check_closings(conn, store, days, &mut report)?;
    }
    check_lost_closings(conn, &stores, &mut report)?;
    for chain in audit::records::chains(conn)? {
        walk_audit(conn, &chain, &heads, &mut report, &mut told)?;
    }
    check_lost_chains(&heads, &stores, conn, &mut report)?;
    check_lots(&rebuilt, &mut report);
    check_unmatched(conn, &rebuilt, &mut report)?;
    check_reclassified(&rebuilt, &mut report);
    check_labels(conn, &mut report)?;
    check_balances(conn, rebuilt, &mut report)?;
    check_reservations(conn, &mut report)?;
    Ok(report)
}

/// Balances as the movements alone tell them. Signed, because a damaged ledger may go below zero.
#[derive(Debug, Default)]
struct Rebuilt {
    stores: BTreeMap<BalanceKey, i128>,
    transit: BTreeMap<TransitKey, i128>,
    /// By lot, the sum over all accounts, outside ones too: always zero.
    lots: BTreeMap<LotId, i128>,
    /// By store and item, what the account *unmatched* holds: minus what is open there.
    unmatched: BTreeMap<(StoreCode, ItemCode), i128>,
    /// By document and store, what the account *reclassification* holds: nothing.
    reclassified: BTreeMap<(String, StoreCode), i128>,
    /// By movement, how much of it was taken back.
    reversed: BTreeMap<MovementId, i128>,
    /// By balance, the latest business or recorded time of its movements.
    times: BTreeMap<BalanceKey, Instant>,
    /// What each day changed in the balances of the store whose chain is walked.
    days: DayChanges,
}

/// By balance and day, how much stock and how much of the promises it added.
type DayChanges = BTreeMap<(LotId, StockState), BTreeMap<NaiveDate, (i128, i128)>>;

impl Rebuilt {
    fn add(&mut self, movement: &Movement) {
        let line = &movement.line;
        let units = i128::from(line.quantity.units());
        if let Some(reversed) = &line.reverses {
            *self.reversed.entry(reversed.clone()).or_default() += units;
        }
        for (account, change) in [(&line.from, -units), (&line.to, units)] {
            *self.lots.entry(line.lot_id.clone()).or_default() += change;
            match account {
                Account::Store(store, state) => {
                    let key = BalanceKey {
                        store_code: store.clone(),
                        lot_id: line.lot_id.clone(),
                        state: *state,
                    };
                    let time = movement.occurred_at.max(movement.recorded_at);
                    let latest = self.times.entry(key.clone()).or_insert(time);
                    *latest = time.max(*latest);
                    let of_day = self.days.entry((line.lot_id.clone(), *state)).or_default();
                    of_day.entry(movement.business_day).or_default().0 += change;
                    *self.stores.entry(key).or_default() += change;
                }
                Account::Transit(dispatch) => {
                    if let Some(shipment_id) = line.shipment_id.clone() {
                        let key = TransitKey {
                            dispatch_id: dispatch.clone(),
                            shipment_id,
                            lot_id: line.lot_id.clone(),
                        };
                        *self.transit.entry(key).or_default() += change;
                    }
                }
                Account::Outside(Outside::Unmatched) => {
                    let key = (line.store_code.clone(), line.item_code.clone());
                    *self.unmatched.entry(key).or_default() += change;
                }
                Account::Outside(Outside::Reclassification) => {
                    let key = (movement.document.id.clone(), line.store_code.clone());
                    *self.reclassified.entry(key).or_default() += change;
                }
                Account::Outside(_) => {}
            }
        }
    }
}

fn walk_movements(
    conn: &mut DbConnection,
    store: &StoreCode,
    heads: &BTreeMap<String, (i64, String)>,
    rebuilt: &mut Rebuilt,
    report: &mut Report,
    told: &mut impl FnMut(&Report),
) -> Result<(), DbError> {
    let chain = chain_of(store);
    let mut link = Link::default();
    loop {
        let rows: Vec<MovementRow> = stock_movement::table
            .filter(stock_movement::store_code.eq(store))
            .filter(stock_movement::chain_seq.gt(link.seq))
            .select(MovementRow::as_select())
            .order(stock_movement::chain_seq)
            .limit(RUN)
            .load(conn)?;
        if rows.is_empty() {
            break;
        }
        for row in rows {
            let movement = Movement::try_from(row)?;
            let hash = movement.compute_hash();
            link.follow(
                &chain,
                movement.chain_seq,
                &movement.previous_hash,
                &movement.hash,
                &hash,
                report,
            );
            report.movements += 1;
            rebuilt.add(&movement);
        }
        told(report);
    }
    link.end(&chain, heads, report);
    Ok(())
}

fn walk_audit(
    conn: &mut DbConnection,
    chain: &str,
    heads: &BTreeMap<String, (i64, String)>,
    report: &mut Report,
    told: &mut impl FnMut(&Report),
) -> Result<(), DbError> {
    let mut link = Link::default();
    loop {
        let entries = audit::records::links(conn, chain, link.seq, RUN)?;
        if entries.is_empty() {
            break;
        }
        for entry in entries {
            let hash = audit::entry::hash_of(
                &entry.id,
                &entry.chain,
                entry.chain_seq,
                entry.recorded_at,
                &entry.entry,
                &entry.previous_hash,
            );
            link.follow(chain, entry.chain_seq, &entry.previous_hash, &entry.hash, &hash, report);
            report.audit_entries += 1;
        }
        told(report);
    }
    link.end(chain, heads, report);
    Ok(())
}

/// The place in a chain to which the walk has come.
#[derive(Debug, Default)]
struct Link {
    seq: i64,
    hash: String,
}

impl Link {
    fn follow(
        &mut self,
        chain: &str,
        seq: i64,
        previous: &str,
        stored: &str,
        computed: &str,
        report: &mut Report,
    ) {
        let place = format!("{chain} link {seq}");
        if seq != self.seq + 1 {
            report.differ(&place, format!("link {}", self.seq + 1), format!("link {seq}"));
        }
        if previous != self.hash {
            report.differ(&place, format!("after {}", self.hash), format!("after {previous}"));
        }
        if stored != computed {
            report.differ(&place, format!("hash {computed}"), format!("hash {stored}"));
        }
        self.seq = seq;
        stored.clone_into(&mut self.hash);
    }

    fn end(&self, chain: &str, heads: &BTreeMap<String, (i64, String)>, report: &mut Report) {
        match heads.get(chain) {
            Some((seq, hash)) if *seq == self.seq && *hash == self.hash => {}
            Some((seq, hash)) => {
                let expected = format!("head {seq} {hash}");
                report.differ(chain, expected, format!("head {} {}", self.seq, self.hash));
            }
            None => report.differ(chain, "a head", "none"),
        }
    }
}

/// A chain whose head is there but whose links are all gone.
fn check_lost_chains(
    heads: &BTreeMap<String, (i64, String)>,
    stores: &[StoreCode],
    conn: &mut DbConnection,
    report: &mut Report,
) -> Result<(), DbError> {
    let mut walked = audit::records::chains(conn)?;
    walked.extend(stores.iter().map(chain_of));
    for (chain, (seq, _)) in heads {
        if *seq > 0 && !walked.contains(chain) {
            report.differ(chain, format!("{seq} links"), "none");
        }
    }
    Ok(())
}

fn check_lots(rebuilt: &Rebuilt, report: &mut Report) {
    for (lot, sum) in &rebuilt.lots {
        if *sum != 0 {
            report.differ(format!("lot {lot}, all accounts"), 0, sum);
        }
    }
}

/// What is open of facts is what the ledger leaves open of them, one by one and over all.
fn check_unmatched(
    conn: &mut DbConnection,
    rebuilt: &Rebuilt,
    report: &mut Report,
) -> Result<(), DbError> {
    let back = |id: &MovementId| rebuilt.reversed.get(id).copied().unwrap_or(0);
    let mut cleared: BTreeMap<UnmatchedId, i128> = BTreeMap::new();
    let rows: Vec<(UnmatchedId, MovementId, Quantity)> = unmatched_clearing::table
        .select((
            unmatched_clearing::unmatched_id,
            unmatched_clearing::movement_id,
            unmatched_clearing::quantity,
        ))
        .order(unmatched_clearing::movement_id)
        .load(conn)?;
    for (fact, movement, quantity) in rows {
        let net = i128::from(quantity.units()) - back(&movement);
        *cleared.entry(fact).or_default() += net;
    }
    type Row = (UnmatchedId, StoreCode, ItemCode, MovementId, Quantity, Quantity);
    let rows: Vec<Row> = unmatched_fact::table
        .select((
            unmatched_fact::id,
            unmatched_fact::store_code,
            unmatched_fact::item_code,
            unmatched_fact::movement_id,
            unmatched_fact::quantity,
            unmatched_fact::still_open,
        ))
        .order(unmatched_fact::id)
        .load(conn)?;
    let mut open: BTreeMap<(StoreCode, ItemCode), i128> = BTreeMap::new();
    for (id, store, item, movement, quantity, still_open) in rows {
        let expected =
            i128::from(quantity.units()) - back(&movement) - cleared.get(&id).copied().unwrap_or(0);
        if expected != i128::from(still_open.units()) {
            report.differ(format!("unmatched {id}, open"), expected, still_open);
        }
        *open.entry((store, item)).or_default() += i128::from(still_open.units());
    }
    for (key, sum) in &rebuilt.unmatched {
        let expected = -open.remove(key).unwrap_or(0);
        if expected != *sum {
            report.differ(format!("unmatched {} {}", key.0, key.1), expected, sum);
        }
    }
    for ((store, item), sum) in open.into_iter().filter(|(_, sum)| *sum != 0) {
        report.differ(format!("unmatched {store} {item}"), -sum, "no movement");
    }
    Ok(())
}

/// The closings of a store against the days of its movements and promises.
fn check_closings(
    conn: &mut DbConnection,
    store: &StoreCode,
    mut days: DayChanges,
    report: &mut Report,
) -> Result<(), DbError> {
    let events: Vec<(LotId, NaiveDate, i64)> = reservation_event::table
        .filter(reservation_event::store_code.eq(store))
        .select((
            reservation_event::lot_id,
            reservation_event::business_day,
            reservation_event::change,
        ))
        .order(reservation_event::id)
        .load(conn)?;
    for (lot, day, change) in events {
        let of_lot = days.entry((lot, StockState::Available)).or_default();
        of_lot.entry(day).or_default().1 += i128::from(change);
    }
    let mut found = closings_of(conn, store)?;
    for ((lot, state), changes) in days {
        let place = format!("closing {store} {lot} {state}");
        let rows = found.remove(&(lot, state)).unwrap_or_default();
        report.closings += u64::try_from(rows.len()).unwrap_or(u64::MAX);
        let all: BTreeSet<NaiveDate> = changes.keys().chain(rows.keys()).copied().collect();
        let (mut expected, mut row) = ((0, 0), (0, 0));
        for day in all {
            let (more, promised) = changes.get(&day).copied().unwrap_or_default();
            expected = (expected.0 + more, expected.1 + promised);
            // A day that changed nothing in the end needs no row of its own.
            row = rows.get(&day).copied().unwrap_or(row);
            if expected != row {
                let words = |(there, promised)| format!("{there} there, {promised} promised");
                report.differ(format!("{place} {day}"), words(expected), words(row));
            }
        }
    }
    for ((lot, state), _) in found {
        report.differ(format!("closing {store} {lot} {state}"), "no row", "rows");
    }
    Ok(())
}

/// What a correction takes from a lot it gives to another, store by store.
fn check_reclassified(rebuilt: &Rebuilt, report: &mut Report) {
    for ((document, store), sum) in rebuilt.reclassified.iter().filter(|(_, sum)| **sum != 0) {
        report.differ(format!("reclassification {document} at {store}"), 0, sum);
    }
}

/// The label of a maker's lot is what its last correction in place says.
fn check_labels(conn: &mut DbConnection, report: &mut Report) -> Result<(), DbError> {
    for (id, expected, found) in corrections::labels_that_differ(conn)? {
        report.differ(format!("label of maker's lot {id}"), expected, found);
    }
    Ok(())
}

type Closings = BTreeMap<(LotId, StockState), BTreeMap<NaiveDate, (i128, i128)>>;

fn closings_of(conn: &mut DbConnection, store: &StoreCode) -> Result<Closings, DbError> {
    let rows: Vec<(LotId, StockState, NaiveDate, i64, i64)> = stock_closing::table
        .filter(stock_closing::store_code.eq(store))
        .select((
            stock_closing::lot_id,
            stock_closing::state,
            stock_closing::business_day,
            stock_closing::on_hand,
            stock_closing::reserved,
        ))
        .order((stock_closing::lot_id, stock_closing::state, stock_closing::business_day))
        .load(conn)?;
    let mut closings = Closings::new();
    for (lot, state, day, on_hand, reserved) in rows {
        let of_key = closings.entry((lot, state)).or_default();
        of_key.insert(day, (i128::from(on_hand), i128::from(reserved)));
    }
    Ok(closings)
}

/// Closings of stores that have no movement.
fn check_lost_closings(
    conn: &mut DbConnection,
    stores: &[StoreCode],
    report: &mut Report,
) -> Result<(), DbError> {
    let with_rows: Vec<StoreCode> = stock_closing::table
        .select(stock_closing::store_code)
        .distinct()
        .order(stock_closing::store_code)
        .load(conn)?;
    for store in with_rows.into_iter().filter(|store| !stores.contains(store)) {
        report.differ(format!("closing {store}"), "no row", "rows");
    }
    Ok(())
}

fn check_balances(
    conn: &mut DbConnection,
    mut rebuilt: Rebuilt,
    report: &mut Report,
) -> Result<(), DbError> {
    type Row = (StoreCode, LotId, StockState, Quantity, Quantity, NaiveDate, Instant);
    let rows: Vec<Row> = stock_balance::table
        .select((
            stock_balance::store_code,
            stock_balance::lot_id,
            stock_balance::state,
            stock_balance::on_hand,
            stock_balance::reserved,
            stock_balance::last_day,
            stock_balance::live_until,
        ))
        .order((stock_balance::store_code, stock_balance::lot_id, stock_balance::state))
        .load(conn)?;
    for (store_code, lot_id, state, on_hand, reserved, last_day, live_until) in rows {
        report.balances += 1;
        let place = format!("balance {store_code} {lot_id} {state}");
        let key = BalanceKey { store_code, lot_id, state };
        let latest = rebuilt.times.remove(&key).unwrap_or(Instant::FIRST);
        check_marks(conn, &key, on_hand, last_day, (live_until, latest), report)?;
        let expected = rebuilt.stores.remove(&key).unwrap_or(0);
        if expected != i128::from(on_hand.units()) {
            report.differ(&place, expected, on_hand);
        }
        if reserved > on_hand {
            report.differ(place, format!("reserved up to {on_hand}"), reserved);
        }
    }
    for (key, sum) in rebuilt.stores.into_iter().filter(|(_, sum)| *sum != 0) {
        let place = format!("balance {} {} {}", key.store_code, key.lot_id, key.state);
        report.differ(place, sum, "no row");
    }
    let rows: Vec<(DispatchId, ShipmentId, LotId, Quantity)> = transit_balance::table
        .select((
            transit_balance::dispatch_id,
            transit_balance::shipment_id,
            transit_balance::lot_id,
            transit_balance::on_hand,
        ))
        .order((
            transit_balance::dispatch_id,
            transit_balance::shipment_id,
            transit_balance::lot_id,
        ))
        .load(conn)?;
    for (dispatch_id, shipment_id, lot_id, on_hand) in rows {
        report.balances += 1;
        let place = format!("transit {dispatch_id} {shipment_id} {lot_id}");
        let key = TransitKey { dispatch_id, shipment_id, lot_id };
        let expected = rebuilt.transit.remove(&key).unwrap_or(0);
        if expected != i128::from(on_hand.units()) {
            report.differ(place, expected, on_hand);
        }
    }
    for (key, sum) in rebuilt.transit.into_iter().filter(|(_, sum)| *sum != 0) {
        let place = format!("transit {} {} {}", key.dispatch_id, key.shipment_id, key.lot_id);
        report.differ(place, sum, "no row");
    }
    Ok(())
}

/// By `live_until` and `last_day` questions pass empty balances by and postings find late ones.
fn check_marks(
    conn: &mut DbConnection,
    key: &BalanceKey,
    on_hand: Quantity,
    last_day: NaiveDate,
    (live_until, latest): (Instant, Instant),
    report: &mut Report,
) -> Result<(), DbError> {
    let place = format!("balance {} {} {}", key.store_code, key.lot_id, key.state);
    let fits = if on_hand.is_zero() { live_until >= latest } else { live_until == Instant::LAST };
    if !fits {
        let expected = if on_hand.is_zero() { latest } else { Instant::LAST };
        report.differ(format!("{place} live until"), expected, live_until);
    }
    let newest: Option<NaiveDate> = stock_closing::table
        .filter(stock_closing::store_code.eq(&key.store_code))
        .filter(stock_closing::lot_id.eq(&key.lot_id))
        .filter(stock_closing::state.eq(key.state))
        .select(stock_closing::business_day)
        .order(stock_closing::business_day.desc())
        .first(conn)
        .optional()?;
    if let Some(newest) = newest.filter(|newest| *newest > last_day) {
        report.differ(format!("{place} last day"), newest, last_day);
    }
    Ok(())
}

/// What is reserved on a balance is what documents were promised of it.
fn check_reservations(conn: &mut DbConnection, report: &mut Report) -> Result<(), DbError> {
    let mut promised: BTreeMap<(StoreCode, LotId), i64> = BTreeMap::new();
    let rows: Vec<(StoreCode, LotId, Quantity)> = reservation::table
        .select((reservation::store_code, reservation::lot_id, reservation::quantity))
        .order((
            reservation::document_kind,
            reservation::document_id,
            reservation::line_no,
            reservation::store_code,
            reservation::lot_id,
        ))
        .load(conn)?;
    for (store, lot, quantity) in rows {
        *promised.entry((store, lot)).or_default() += quantity.units();
    }
    let rows: Vec<(StoreCode, LotId, StockState, Quantity)> = stock_balance::table
        .filter(stock_balance::reserved.gt(Quantity::ZERO))
        .select((
            stock_balance::store_code,
            stock_balance::lot_id,
            stock_balance::state,
            stock_balance::reserved,
        ))
        .order((stock_balance::store_code, stock_balance::lot_id, stock_balance::state))
        .load(conn)?;
    for (store, lot, state, reserved) in rows {
        let place = format!("reserved {store} {lot} {state}");
        let expected = match state {
            StockState::Available => promised.remove(&(store, lot)).unwrap_or(0),
            StockState::PendingInspection
            | StockState::Quarantined
            | StockState::Held
            | StockState::Damaged => 0,
        };
        if expected != reserved.units() {
            report.differ(place, expected, reserved);
        }
    }
    for ((store, lot), units) in promised {
        report.differ(format!("reserved {store} {lot}"), units, "nothing");
    }
    Ok(())
}
