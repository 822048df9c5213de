//! Who may give and who may receive, and with which figures: the inputs of a proposal, from facts.
//!
//! The rules, which every proposal names in its answer:
//!
//! * A store that supplies others, or that is named as a donor, gives down to its floor; any other
//!   that was found gives only what it has above its target.
//! * A store is never donor and recipient of one item. A supplier that has something to give is a
//!   donor; a store below its target is a recipient.
//! * Goods move in whole packs of the item's smallest pack, and larger packs are opened for it
//!   (ALLOCATION section 8). Where lots came in packs that this one does not divide, and where
//!   substitutes come in other packs, goods move in the greatest common divisor of all of them.
//! * What is owned by others, earmarked, or would not live long enough after its arrival by the
//!   slowest of the donor's routes is passed over and named.
//! * Cold goods go only where a cold-chain route is recorded; other goods go wherever no closed
//!   road is recorded. Goods arrive after the minutes of their route, or else after a day.

use crate::allocation::distance::metres_between;
use crate::allocation::facts::Facts;
use crate::allocation::inputs::{
    CostFrom, DonorInput, DonorItem, Inputs, Keeps, LeftOutBecause, LotInput, LotPassedOver,
    PartInput, RecipientInput, RouteInput, Shut, StoreLeftOut, Terms,
};
use crate::catalogue::StorageCondition;
use crate::kernel::time::plus_days;
use crate::kernel::{ItemCode, LotNumber, Quantity, Ratio, StoreCode};
use crate::stock::LotBalance;
use crate::stock::fefo::{Wish, pick};
use chrono::NaiveDate;
use std::collections::BTreeSet;

/// Hours after which goods arrive where no route says how long it takes.
const USUAL_HOURS: i64 = 24;

/// Which stores take part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// Those whose figures call for it.
    Found,
    /// These.
    Named(BTreeSet<StoreCode>),
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The items, one part each: the item and what may stand in for it, in the order in which they
    /// are given.
    pub groups: Vec<Vec<ItemCode>>,
    /// Who gives.
    pub donors: Who,
    /// Who receives.
    pub recipients: Who,
    /// How.
    pub terms: Terms,
}

/// The inputs of a proposal.
pub fn freeze(facts: &Facts, wanted: &Wanted) -> Inputs {
    Inputs {
        taken_at: facts.now,
        day: facts.today,
        plan: facts.plan.clone(),
        terms: wanted.terms.clone(),
        what_if: facts.what_if.clone(),
        parts: wanted.groups.iter().map(|group| part(facts, wanted, group)).collect(),
    }
}

/// The same question about the same stores, of other facts: what frozen inputs would be by now.
pub fn freeze_again(facts: &Facts, frozen: &Inputs) -> Inputs {
    let parts = frozen.parts.iter().map(|part| {
        let active = part.donors.iter().filter(|donor| facts.stores.contains_key(&donor.store));
        let donors = active.map(|donor| (donor.store.clone(), donor.keeps)).collect();
        let recipients: Vec<StoreCode> =
            part.recipients.iter().map(|recipient| recipient.store.clone()).collect();
        let left_out = part.left_out.clone();
        assemble(facts, &frozen.terms, &part.group, donors, &recipients, left_out)
    });
    Inputs {
        taken_at: facts.now,
        day: facts.today,
        plan: facts.plan.clone(),
        terms: frozen.terms.clone(),
        what_if: frozen.what_if.clone(),
        parts: parts.collect(),
    }
}

/// The figures of one store over the items of a group.
struct Sums {
    stock: Quantity,
    target: Option<Quantity>,
    daily_use: Option<Ratio>,
}

fn sums(facts: &Facts, terms: &Terms, group: &[ItemCode], store: &StoreCode) -> Sums {
    let cell = |item: &ItemCode| (store.clone(), item.clone());
    let stock = group.iter().flat_map(|item| {
        let arriving = facts.arriving.get(&cell(item)).copied();
        let promised = facts.promised.get(&cell(item)).copied();
        [Some(facts.available(store, item)), arriving, promised]
    });
    let uses = group.iter().filter_map(|item| facts.daily_use(store, item));
    let daily_use = uses.fold(None, |sum: Option<Ratio>, one| match sum {
        None => Some(one),
        Some(sum) => sum.plus(one),
    });
    let by_days = terms.target_days.map(|days| {
        let target = daily_use.and_then(|one| one.times(Ratio::whole(days.into())));
        target.and_then(Ratio::ceil_quantity)
    });
    let by_plan = || {
        let targets: Vec<Quantity> =
            group.iter().filter_map(|item| facts.target(store, item)).collect();
        (!targets.is_empty()).then(|| Quantity::total(targets))
    };
    Sums {
        stock: Quantity::total(stock.flatten()),
        target: by_days.unwrap_or_else(by_plan),
        daily_use,
    }
}

fn part(facts: &Facts, wanted: &Wanted, group: &[ItemCode]) -> PartInput {
    let terms = &wanted.terms;
    let gives = |store: &StoreCode, keeps: Keeps| {
        group.iter().any(|item| {
            let kept = kept(facts, terms, group, store, item, keeps);
            facts.available(store, item) > kept
        })
    };
    let mut donors: Vec<(StoreCode, Keeps)> = Vec::new();
    let mut recipients: Vec<StoreCode> = Vec::new();
    let mut left_out: Vec<StoreLeftOut> = Vec::new();
    for store in facts.stores.keys() {
        let named = |who: &Who| matches!(who, Who::Named(stores) if stores.contains(store));
        let found = |who: &Who| matches!(who, Who::Found);
        if named(&wanted.donors) {
            donors.push((store.clone(), Keeps::Floor));
            continue;
        }
        let supplies = facts.suppliers.contains(store);
        let may_be_found = found(&wanted.donors) && !named(&wanted.recipients);
        if may_be_found && supplies && gives(store, Keeps::Floor) {
            donors.push((store.clone(), Keeps::Floor));
            continue;
        }
        let asked = named(&wanted.recipients);
        let sums = sums(facts, terms, group, store);
        let lacks = sums.target.is_some_and(|target| sums.stock < target);
        if asked || (found(&wanted.recipients) && lacks) {
            let unmeasured = sums.target.is_none() && sums.daily_use.is_none();
            let out = if unmeasured {
                Some(LeftOutBecause::NoTarget)
            } else {
                let fits = group.first().is_some_and(|item| can_store(facts, store, item));
                (!fits).then_some(LeftOutBecause::CannotStore)
            };
            match out {
                None => recipients.push(store.clone()),
                Some(reason) => {
                    left_out.push(StoreLeftOut { store_code: store.clone(), reason });
                }
            }
        } else if may_be_found && gives(store, Keeps::Target) {
            donors.push((store.clone(), Keeps::Target));
        }
    }
    assemble(facts, terms, group, donors, &recipients, left_out)
}

/// Whether a store has the room in which an item must be kept; one that names no room has any.
fn can_store(facts: &Facts, store: &StoreCode, item: &ItemCode) -> bool {
    let (Some(store), Some(item)) = (facts.stores.get(store), facts.items.get(item)) else {
        return false;
    };
    let ambient = item.storage == StorageCondition::Ambient;
    ambient || store.storage.is_empty() || store.storage.contains(&item.storage)
}

/// What a donor keeps of an item.
fn kept(
    facts: &Facts,
    terms: &Terms,
    group: &[ItemCode],
    store: &StoreCode,
    item: &ItemCode,
    keeps: Keeps,
) -> Quantity {
    let floor = facts.floor(store, item);
    match keeps {
        Keeps::Floor => floor,
        // Without a target nobody knows what it could spare, so it spares nothing.
        Keeps::Target if terms.target_days.is_some() => {
            let whole = sums(facts, terms, group, store).target.unwrap_or(Quantity::MAX);
            floor.max(whole)
        }
        Keeps::Target => floor.max(facts.target(store, item).unwrap_or(Quantity::MAX)),
    }
}

fn assemble(
    facts: &Facts,
    terms: &Terms,
    group: &[ItemCode],
    donors: Vec<(StoreCode, Keeps)>,
    recipients: &[StoreCode],
    left_out: Vec<StoreLeftOut>,
) -> PartInput {
    let item = group.first().cloned().unwrap_or_else(|| unreachable!("a group has its item"));
    let mut routes = Vec::new();
    for (from, _) in &donors {
        routes.extend(recipients.iter().map(|to| route(facts, &item, from, to)));
    }
    let donors: Vec<DonorInput> = donors
        .into_iter()
        .map(|(store, keeps)| donor(facts, terms, group, store, keeps, &routes))
        .collect();
    let mut recipients: Vec<RecipientInput> =
        recipients.iter().filter_map(|store| recipient(facts, terms, group, store)).collect();
    recipients.sort_by(|a, b| (a.priority, &a.store).cmp(&(b.priority, &b.store)));
    let pack = pack(facts, terms, group, &donors);
    PartInput { item, group: group.to_vec(), pack, donors, recipients, routes, left_out }
}

fn recipient(
    facts: &Facts,
    terms: &Terms,
    group: &[ItemCode],
    store: &StoreCode,
) -> Option<RecipientInput> {
    let known = facts.stores.get(store)?;
    let over = |of: &std::collections::BTreeMap<(StoreCode, ItemCode), Quantity>| {
        let cells = group.iter().filter_map(|item| of.get(&(store.clone(), item.clone())));
        Quantity::total(cells.copied())
    };
    let sums = sums(facts, terms, group, store);
    Some(RecipientInput {
        store: store.clone(),
        priority: known.priority_class,
        level: facts.level(store),
        available: Quantity::total(group.iter().map(|item| facts.available(store, item))),
        arriving: over(&facts.arriving),
        promised: over(&facts.promised),
        daily_use: sums.daily_use,
        target: sums.target,
    })
}

fn donor(
    facts: &Facts,
    terms: &Terms,
    group: &[ItemCode],
    store: StoreCode,
    keeps: Keeps,
    routes: &[RouteInput],
) -> DonorInput {
    let open = routes.iter().filter(|route| route.from == store && route.shut.is_none());
    let latest = open.map(|route| route.arrives_on).max().unwrap_or(facts.today);
    let needed = plus_days(latest, terms.min_life_days);
    let mut donor =
        DonorInput { store, keeps, items: Vec::new(), lots: Vec::new(), passed_over: Vec::new() };
    for item in group {
        let first = donor.lots.len();
        match facts.supposed(&donor.store, item) {
            Some(supposed) => donor.lots.extend(made_up(item, supposed)),
            None => add_lots(facts, item, needed, &mut donor),
        }
        let lots = donor.lots.iter().skip(first);
        donor.items.push(DonorItem {
            item_code: item.clone(),
            available: facts.available(&donor.store, item),
            floor: facts.floor(&donor.store, item),
            keeps: kept(facts, terms, group, &donor.store, item, keeps),
            usable: Quantity::total(lots.map(|lot| lot.free)),
        });
    }
    donor
}

/// A lot that stands for stock that somebody made up.
fn made_up(item: &ItemCode, supposed: Quantity) -> Option<LotInput> {
    let lot_number = LotNumber::new("演练").ok()?;
    let lot = LotInput {
        lot_id: None,
        lot_number,
        item_code: item.clone(),
        expires_on: None,
        free: supposed,
    };
    (!supposed.is_zero()).then_some(lot)
}

fn add_lots(facts: &Facts, item: &ItemCode, needed: NaiveDate, donor: &mut DonorInput) {
    let balances = facts.balances_of(&donor.store, item);
    let wish = Wish { usable_through: Some(needed), ..Wish::on(facts.today) };
    let picked = pick(balances, Quantity::MAX, &wish);
    let labelled = |lot: &crate::kernel::id::LotId| -> Option<&LotBalance> {
        balances.iter().find(|balance| balance.lot.id == *lot)
    };
    for taken in picked.taken {
        let Some(balance) = labelled(&taken.lot_id) else { continue };
        donor.lots.push(LotInput {
            lot_number: balance.lot.makers_lot.lot_number.clone(),
            expires_on: balance.lot.makers_lot.expiry.date(),
            lot_id: Some(taken.lot_id),
            item_code: item.clone(),
            free: taken.quantity,
        });
    }
    donor.passed_over.extend(picked.passed_over.into_iter().map(|lot| LotPassedOver {
        lot_id: lot.lot_id,
        lot_number: lot.lot_number,
        item_code: item.clone(),
        quantity: lot.quantity,
        reason: lot.reason,
    }));
}

fn route(facts: &Facts, item: &ItemCode, from: &StoreCode, to: &StoreCode) -> RouteInput {
    let known = facts.routes.get(&(from.clone(), to.clone()));
    let cold = facts.items.get(item).is_some_and(|item| {
        matches!(item.storage, StorageCondition::Refrigerated | StorageCondition::Frozen)
    });
    let shut = if known.is_some_and(|route| route.closed) {
        Some(Shut::Closed)
    } else {
        (cold && !known.is_some_and(|route| route.cold_chain)).then_some(Shut::NoColdChain)
    };
    let by_table = known.and_then(|route| route.cost.or(route.distance_m));
    let by_map = || Some(metres_between(facts.place(from)?, facts.place(to)?));
    let (cost, cost_from) = match by_table {
        Some(cost) => (cost, CostFrom::Table),
        None => match by_map() {
            Some(metres) => (metres, CostFrom::Coordinates),
            None => (0, CostFrom::Unknown),
        },
    };
    let arrives_at = match known.and_then(|route| route.travel_minutes) {
        Some(minutes) => facts.now.plus_minutes(minutes),
        None => facts.now.plus_hours(USUAL_HOURS),
    };
    RouteInput {
        from: from.clone(),
        to: to.clone(),
        cost,
        cost_from,
        arrives_on: facts.zone.day_of(arrives_at),
        shut,
        reason: known.and_then(|route| route.reason.clone()),
    }
}

/// Base units that move together.
fn pack(facts: &Facts, terms: &Terms, group: &[ItemCode], donors: &[DonorInput]) -> Quantity {
    let items = || group.iter().filter_map(|code| facts.items.get(code));
    let named = terms.pack_code.as_deref().and_then(|code| {
        items().next().and_then(|item| item.pack(code)).map(|pack| pack.units.units())
    });
    let inner = items().map(|item| {
        let smallest = item.packs.iter().map(|pack| pack.units.units()).min();
        smallest.unwrap_or(1)
    });
    let of_lots = donors.iter().flat_map(|donor| {
        donor.items.iter().flat_map(|of| {
            let lots = facts.balances_of(&donor.store, &of.item_code).iter();
            // A pack of one says nothing about how the goods are packed.
            lots.filter(|lot| !lot.available(facts.today).is_zero())
                .map(|lot| lot.lot.provenance.pack_units.units())
                .filter(|units| *units > 1)
        })
    });
    let units = named.unwrap_or_else(|| inner.chain(of_lots).fold(0, common_divisor));
    Quantity::new(units.max(1)).unwrap_or(Quantity::ZERO)
}

const fn common_divisor(mut a: i64, mut b: i64) -> i64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}
