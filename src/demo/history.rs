//! Ninety days, one after the other: receipts, issues and dispatches as the model has them.
//!
//! The state between two days is a value: a day is written in one transaction, which may be run
//! again, and gives the state after it.

use crate::access::{Permission, Scope};
use crate::command::CommandError;
use crate::config::Settings;
use crate::db::DbConnection;
use crate::demo::county::{COMMANDER, DEPOT, DEPUTY, DemoStore, Kind, SILENT, STORES};
use crate::demo::items::{DemoItem, ITEMS};
use crate::demo::lots::{self, Made};
use crate::demo::model::{
    Chance, DAYS, OUTBREAK, down_to_packs, outbreak_percent, township_days, up_to_packs, usage,
    weekday_percent,
};
use crate::demo::scribe::{Actors, Scribe, actors, broken};
use crate::demo::{id_of, incidents, parsed, plan, setup};
use crate::dispatch::commands as dispatches;
use crate::issue::commands::post_issue;
use crate::kernel::StoreCode;
use crate::kernel::time::plus_days;
use crate::stock::commands::post_receipt;
use crate::stock::queries::{StockFilter, stock};
use chrono::NaiveDate;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The day on which the plan is drafted.
const PLAN_DRAFTED: i64 = 28;
/// The day on which the plan is approved and in force.
const PLAN_APPROVED: i64 = 30;
/// The day on which level IV is declared, and with it 105 % of the quiet targets.
const LEVEL_IV: i64 = OUTBREAK + 4;
/// The day on which level III is declared, and with it 115 % of the quiet targets.
const LEVEL_III: i64 = OUTBREAK + 10;
/// The last day on which the silent store reports.
const LAST_REPORT: i64 = 77;
/// The day from which makers no longer deliver what everyone wants.
const SHORTAGE: i64 = 58;
/// What makers no longer deliver then.
const SCARCE: &[&str] = &["M03", "P01", "T06", "D03"];
/// Days between two deliveries of an item to the depot.
const DELIVERY_DAYS: i64 = 15;
/// Days between two purchases of drugs by a hospital.
const PURCHASE_DAYS: i64 = 20;
/// Days between two issues of an item in a hospital: its wards fetch it every third day.
const WARD_DAYS: i64 = 3;
/// The most items of a regular dispatch.
const DISPATCH_LINES: usize = 20;
/// Days between two requests of a hospital or the CDC, and of a township.
const REQUEST_DAYS: (i64, i64) = (7, 14);

/// A regular dispatch on its way.
#[derive(Debug, Clone)]
struct Underway {
    id: String,
    to: &'static DemoStore,
    /// Its lines: item, units asked for.
    lines: Vec<(&'static DemoItem, i64)>,
    step: Step,
    /// The day of history of its next step.
    due: i64,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Approve,
    Ship,
    Receive,
}

/// Everything that the next day depends on, beside the database.
#[derive(Debug, Clone)]
pub(super) struct History {
    first_day: NaiveDate,
    chance: Chance,
    actors: Arc<Actors>,
    underway: Vec<Underway>,
    plan: Option<String>,
}

impl History {
    /// The day before the first, when the county is founded.
    pub(super) fn before(today: NaiveDate, seed: u64) -> Self {
        Self {
            first_day: plus_days(today, -DAYS),
            chance: Chance::seeded(seed),
            actors: Arc::default(),
            underway: Vec::new(),
            plan: None,
        }
    }

    /// Founds the county on the eve of the first day.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) fn founded(
        mut self,
        conn: &mut DbConnection,
        settings: &Settings,
    ) -> Result<Self, CommandError> {
        let nobody = Actors::new();
        let eve = plus_days(self.first_day, -1);
        setup::found(&mut Scribe::new(conn, settings, &nobody, eve))?;
        self.actors = Arc::new(actors(conn)?);
        Ok(self)
    }

    /// Writes the `at`th day, counted from 0.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) fn after_day(
        mut self,
        conn: &mut DbConnection,
        settings: &Settings,
        at: i64,
    ) -> Result<Self, CommandError> {
        let people = self.actors.clone();
        let day = plus_days(self.first_day, at);
        let scribe = &mut Scribe::new(conn, settings, &people, day);
        if at == 0 {
            setup::open_the_book(scribe, &mut self.chance)?;
        }
        self.take_deliveries(scribe, at)?;
        self.decide(scribe, at)?;
        self.go_on_with_dispatches(scribe, at)?;
        self.ask_for_more(scribe, at)?;
        self.issue_everywhere(scribe, at)?;
        incidents::happen(scribe, at)?;
        Ok(self)
    }

    /// Whether a store still says what it does.
    fn reports(store: &DemoStore, at: i64) -> bool {
        store.code != SILENT || at <= LAST_REPORT
    }

    /// The depot's deliveries, and the drugs that hospitals buy themselves.
    fn take_deliveries(&mut self, scribe: &mut Scribe<'_>, at: i64) -> Result<(), CommandError> {
        scribe.at(9, 30);
        for store in STORES {
            let mut lines = Vec::new();
            for (turn, item) in (0..).zip(ITEMS) {
                let units = match store.kind {
                    Kind::Depot => self.delivered(at, turn, item),
                    Kind::Hospital => self.bought(at, turn, store, item),
                    Kind::Cdc | Kind::Township => 0,
                };
                if units > 0 {
                    let made = Made::DaysAgo(self.chance.between(10, 35));
                    lines.push(lots::line(scribe.day(), item, units, made));
                }
            }
            if lines.is_empty() {
                continue;
            }
            let asked = json!({
                "store_code": store.code,
                "source": {"kind": "supplier", "name": "赣州市医药物资供应公司",
                           "document_number": format!("SH-{}-{at:02}", store.code)},
                "inspected_by": store.keeper.1,
                "lines": lines,
            });
            scribe.act(store.keeper.0, Permission::PostReceipts, asked, post_receipt)?;
        }
        Ok(())
    }

    fn delivered(&mut self, at: i64, turn: i64, item: &DemoItem) -> i64 {
        let due = (at + turn * 7) % DELIVERY_DAYS == 4;
        if !due || (at >= SHORTAGE && SCARCE.contains(&item.code)) {
            return 0;
        }
        let daily: i64 = STORES
            .iter()
            .filter(|store| !(store.kind == Kind::Hospital && item.is_bought_by_hospitals()))
            .map(|store| store.daily_use(item))
            .sum();
        let percent = self.chance.between(80, 115);
        up_to_packs(daily * DELIVERY_DAYS * percent / 100, item.pack_units())
    }

    fn bought(&mut self, at: i64, turn: i64, store: &DemoStore, item: &DemoItem) -> i64 {
        if !item.is_bought_by_hospitals() || (at + turn * 3) % PURCHASE_DAYS != 11 {
            return 0;
        }
        let percent = self.chance.between(90, 130);
        up_to_packs(store.daily_use(item) * PURCHASE_DAYS * percent / 100, item.pack_units())
    }

    /// What the command center decides.
    fn decide(&mut self, scribe: &mut Scribe<'_>, at: i64) -> Result<(), CommandError> {
        if at == PLAN_DRAFTED {
            self.plan = Some(setup::draft_plan(scribe)?);
        }
        if at == PLAN_APPROVED {
            let id = self.plan.as_deref().ok_or_else(|| broken("no plan was drafted"))?;
            setup::approve_plan(scribe, id)?;
            setup::record_roads(scribe)?;
        }
        if at == LEVEL_IV {
            setup::declare_level(scribe, "IV", "邻县报告散发病例，本县加强监测")?;
        }
        if at == LEVEL_III {
            setup::declare_level(scribe, "III", "本县报告聚集性疫情")?;
        }
        Ok(())
    }

    /// Approves, ships and receives what is due.
    fn go_on_with_dispatches(
        &mut self,
        scribe: &mut Scribe<'_>,
        at: i64,
    ) -> Result<(), CommandError> {
        let (due, later) = std::mem::take(&mut self.underway)
            .into_iter()
            .partition::<Vec<_>, _>(|order| order.due <= at);
        self.underway = later;
        for order in due {
            let next = match order.step {
                Step::Approve => approve(scribe, &order, at)?.then_some(Step::Ship),
                Step::Ship => {
                    ship(scribe, &order)?;
                    Some(Step::Receive)
                }
                Step::Receive => {
                    receive(scribe, &order)?;
                    None
                }
            };
            if let Some(step) = next {
                self.underway.push(Underway { step, due: at + 1, ..order });
            }
        }
        Ok(())
    }

    /// Lets stores ask the depot for what they lack: hospitals and the CDC every week, townships
    /// every other.
    fn ask_for_more(&mut self, scribe: &mut Scribe<'_>, at: i64) -> Result<(), CommandError> {
        scribe.at(14, 0);
        for (turn, store) in (0..).zip(STORES) {
            let (often, seldom) = REQUEST_DAYS;
            let every = if store.kind == Kind::Township { seldom } else { often };
            let is_turn = store.kind != Kind::Depot && (at + turn * 3) % every == 5;
            // What is asked for in the last days would not arrive in time for the book.
            if !is_turn || at > DAYS - 5 || !Self::reports(store, at + 4) {
                continue;
            }
            let lines = lacking(scribe, store, at)?;
            if lines.is_empty() {
                continue;
            }
            let asked = json!({
                "from_store": DEPOT,
                "to_store": store.code,
                "needed_by": plus_days(scribe.day(), 5).to_string(),
                "urgency": if at > OUTBREAK { "urgent" } else { "routine" },
                "reason": if at > OUTBREAK { "用量上升，低于储备定额" } else { "例行补库" },
                "lines": lines.iter()
                    .map(|(item, units)| json!({"item_code": item.code, "quantity": units}))
                    .collect::<Vec<_>>(),
            });
            let answer = scribe.act(
                store.keeper.0,
                Permission::CreateDispatches,
                asked,
                dispatches::create,
            )?;
            let id = id_of(&answer)?;
            let step = Step::Approve;
            self.underway.push(Underway { id, to: store, lines, step, due: at + 1 });
        }
        Ok(())
    }

    /// What is used: every third day in hospitals and the CDC, twice a week in townships.
    fn issue_everywhere(&mut self, scribe: &mut Scribe<'_>, at: i64) -> Result<(), CommandError> {
        scribe.at(16, 30);
        for store in STORES {
            if store.kind == Kind::Depot || !Self::reports(store, at) {
                continue;
            }
            let wanted = self.wanted(scribe.day(), store, at);
            if wanted.is_empty() {
                continue;
            }
            let there = usable(scribe, store)?;
            let lines: Vec<Value> = wanted
                .into_iter()
                .filter_map(|(item, units)| {
                    let free =
                        there.get(item.code).copied().unwrap_or(0) - plan::floor(store, item);
                    let taken = units.min(free);
                    (taken > 0).then(|| json!({"item_code": item.code, "quantity": taken}))
                })
                .collect();
            if lines.is_empty() {
                continue;
            }
            let is_large = lines.iter().any(|line| {
                let limit = scribe.settings().large_issue_units.units();
                line.get("quantity").and_then(Value::as_i64).is_some_and(|units| units > limit)
            });
            let mut asked = json!({
                "store_code": store.code,
                "purpose": "consumption",
                "consumer": consumer(store, at),
                "lines": lines,
            });
            if is_large {
                let order = json!({"kind": "order", "number": format!("全防指〔演示〕{at:03}号"),
                                   "issued_by": "王志强", "post": "县疫情防控指挥部 指挥长"});
                lots::set(&mut asked, "authority", order);
            }
            scribe.act(store.keeper.0, Permission::PostIssues, asked, post_issue)?;
        }
        Ok(())
    }

    fn wanted(
        &mut self,
        day: NaiveDate,
        store: &DemoStore,
        at: i64,
    ) -> Vec<(&'static DemoItem, i64)> {
        let mut wanted = Vec::new();
        for (turn, item) in (0..).zip(ITEMS) {
            let (days, weekday) = match store.kind {
                Kind::Township => (township_days(day, turn), 100),
                Kind::Depot | Kind::Hospital | Kind::Cdc => {
                    (if (at + turn) % WARD_DAYS == 0 { WARD_DAYS } else { 0 }, weekday_percent(day))
                }
            };
            let daily = store.daily_use(item);
            if days == 0 || daily == 0 {
                continue;
            }
            let units = usage(&mut self.chance, daily, days, weekday, outbreak_percent(at));
            if units > 0 {
                wanted.push((item, units));
            }
        }
        wanted
    }
}

/// Who uses it.
fn consumer(store: &DemoStore, at: i64) -> Value {
    match store.kind {
        Kind::Hospital if at % 2 == 0 => {
            json!({"kind": "department", "code": "FR", "name": "发热门诊", "received_by": "周护士"})
        }
        Kind::Hospital => {
            json!({"kind": "department", "code": "NK", "name": "感染科", "received_by": "吴护士"})
        }
        Kind::Cdc => {
            json!({"kind": "department", "code": "JY", "name": "检验科", "received_by": "赖检验"})
        }
        Kind::Depot | Kind::Township => {
            json!({"kind": "team", "code": "GW", "name": "公共卫生科", "received_by": "村医"})
        }
    }
}

/// What a store may use today of each item: neither earmarked nor owned by others.
///
/// # Errors
/// When the database fails.
pub(super) fn usable(
    scribe: &mut Scribe<'_>,
    store: &DemoStore,
) -> Result<BTreeMap<String, i64>, CommandError> {
    let code = StoreCode::new(store.code).map_err(|_code| broken(store.code))?;
    let filter = StockFilter { store: Some(code), ..StockFilter::default() };
    let day = scribe.day();
    let mut usable = BTreeMap::new();
    for balance in stock(scribe.conn, &Scope::All, &filter, None, 10_000)? {
        let provenance = &balance.lot.provenance;
        if provenance.owner_code.is_none() && provenance.earmarked_for.is_none() {
            let item = balance.lot.makers_lot.item_code.as_str().to_owned();
            *usable.entry(item).or_insert(0) += balance.available(day).units();
        }
    }
    Ok(usable)
}

/// What a store lacks most against the plan, in whole packs.
fn lacking(
    scribe: &mut Scribe<'_>,
    store: &DemoStore,
    at: i64,
) -> Result<Vec<(&'static DemoItem, i64)>, CommandError> {
    let there = usable(scribe, store)?;
    let mut lacking: Vec<(&DemoItem, i64, i64)> = ITEMS
        .iter()
        .filter(|item| !(store.kind == Kind::Hospital && item.is_bought_by_hospitals()))
        .filter(|item| !item.lasts())
        .filter_map(|item| {
            let target = plan::target(store, item)
                .unwrap_or_else(|| store.daily_use(item) * setup::OPENING_DAYS)
                * level_percent(at)
                / 100;
            let available = there.get(item.code).copied().unwrap_or(0);
            let units = up_to_packs(target - available, item.pack_units());
            // Less than a tenth is not worth the lorry.
            (units * 10 > target).then(|| (item, units, available * 1_000 / target.max(1)))
        })
        .collect();
    lacking.sort_by_key(|(item, _, cover)| (*cover, item.code));
    Ok(lacking.into_iter().take(DISPATCH_LINES).map(|(item, units, _)| (item, units)).collect())
}

/// The percentage that the response level makes of quiet targets.
const fn level_percent(at: i64) -> i64 {
    match at {
        LEVEL_III.. => 115,
        LEVEL_IV.. => 105,
        _ => 100,
    }
}

/// Grants what the depot can give without touching its floors; whether anything was granted.
fn approve(scribe: &mut Scribe<'_>, order: &Underway, at: i64) -> Result<bool, CommandError> {
    scribe.at(10, 30);
    let id = parsed(&order.id)?;
    let depot = STORES.first().ok_or_else(|| broken("there is no depot"))?;
    let there = usable(scribe, depot)?;
    let mut granted_any = false;
    let lines: Vec<Value> = (1..)
        .zip(&order.lines)
        .map(|(line, (item, asked))| {
            let free = there.get(item.code).copied().unwrap_or(0) - plan::floor(depot, item);
            let granted = (*asked).min(down_to_packs(free, item.pack_units()));
            granted_any |= granted > 0;
            let mut decided = json!({"line": line, "approved": granted});
            if granted < *asked {
                lots::set(&mut decided, "reason_code", "scarce");
                lots::set(&mut decided, "note", "县储备库可调量不足");
            }
            decided
        })
        .collect();
    if !granted_any {
        let asked = json!({"reason": "县储备库无可调物资"});
        scribe.act(COMMANDER, Permission::CancelDispatches, asked, |tx, request| {
            dispatches::cancel(tx, &id, request)
        })?;
        return Ok(false);
    }
    let asked = json!({
        "lines": lines,
        "authority": {"kind": "order", "number": format!("全指调〔演示〕{at:03}号"),
                      "issued_by": "钟卫国", "post": "县疫情防控指挥部 物资组"},
    });
    let commander = if at % 3 == 0 { DEPUTY } else { COMMANDER };
    scribe.act(commander, Permission::ApproveDispatches, asked, |tx, request| {
        dispatches::approve(tx, &id, request)
    })?;
    Ok(true)
}

/// Picks and ships everything that was promised.
fn ship(scribe: &mut Scribe<'_>, order: &Underway) -> Result<(), CommandError> {
    scribe.at(11, 0);
    let id = parsed(&order.id)?;
    scribe.act(KEEPER, Permission::ShipDispatches, json!({}), |tx, request| {
        dispatches::pick(tx, &id, request)
    })?;
    let asked = lorry(scribe);
    scribe.act(KEEPER, Permission::ShipDispatches, asked, |tx, request| {
        dispatches::ship(tx, &id, request)
    })?;
    Ok(())
}

/// The depot's keeper.
const KEEPER: &str = "keeper.depot";

/// A lorry that is expected tomorrow morning and carries everything.
pub(super) fn lorry(scribe: &Scribe<'_>) -> Value {
    let expected_at = scribe.instant(plus_days(scribe.day(), 1), 10, 0);
    json!({
        "carrier": "全南县应急物资运输队",
        "vehicle": "赣B·26301",
        "driver": "廖建平",
        "phone": "13800000000",
        "expected_at": expected_at.to_string(),
        "last": true,
    })
}

/// Signs for everything and closes.
fn receive(scribe: &mut Scribe<'_>, order: &Underway) -> Result<(), CommandError> {
    scribe.at(11, 30);
    let id = parsed(&order.id)?;
    let keeper = order.to.keeper;
    let asked = json!({"received_by": keeper.1});
    scribe.act(keeper.0, Permission::ReceiveDispatches, asked, |tx, request| {
        dispatches::receive(tx, &id, request)
    })?;
    scribe.act(keeper.0, Permission::CloseDispatches, json!({}), |tx, request| {
        dispatches::close(tx, &id, request)
    })?;
    Ok(())
}
