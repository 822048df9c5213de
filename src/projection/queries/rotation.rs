//! Where else in the caller's scope what will expire at a store could be used in time.

use crate::allocation::distance::{Place, metres_between};
use crate::catalogue::item::StorageCondition;
use crate::config::Settings;
use crate::consumption::queries::Cell;
use crate::db::{DbConnection, DbError};
use crate::kernel::time::plus_days;
use crate::kernel::{Instant, ItemCode, Quantity, StoreCode};
use crate::projection::line::{Candidate, DaysFrom, Lead, LotFate, Rotation};
use crate::projection::queries::asked::Asked;
use crate::projection::queries::{Answer, County, Facts, STORES_AT_ONCE, USUAL_DAYS, demand_of};
use crate::projection::rules::gain;
use crate::projection::simulation::{Batch, Simulation, simulate};
use crate::shortfall::queries::{Question, stores_asked};
use crate::stores::store::Store;
use chrono::NaiveDate;
use std::collections::{BTreeMap, BTreeSet};

/// A store that might take goods, with what it would do without them.
struct Taker {
    store: Store,
    batches: Vec<Batch>,
    demand: Vec<Quantity>,
    alone: Simulation,
}

/// Puts the candidates to every line of an answer of which something will expire.
pub(super) fn rotations(
    conn: &mut DbConnection,
    answer: &mut Answer,
    asked: &Asked,
    settings: &Settings,
    county: &County,
) -> Result<(), DbError> {
    let wasting = |lots: &[LotFate]| {
        lots.iter().any(|lot| lot.fate.is_some_and(|fate| !fate.waste.is_zero()))
    };
    let items: BTreeSet<ItemCode> = answer
        .lines
        .iter()
        .filter(|line| wasting(&line.lots))
        .map(|line| line.item.clone())
        .collect();
    let mut givers: BTreeMap<StoreCode, Store> = BTreeMap::new();
    let mut takers: BTreeMap<ItemCode, Vec<Taker>> = BTreeMap::new();
    for item in items {
        let found = takers_of(conn, &item, answer, asked, settings, &mut givers)?;
        takers.insert(item, found);
    }
    let road =
        Road { county, asked, settings, answer_today: answer.today, now: answer.moment.as_of };
    for line in &mut answer.lines {
        let takers = takers.get(&line.item).map_or(&[][..], Vec::as_slice);
        let found = line.lots.iter().filter_map(|lot| {
            let waste = lot.fate?.waste;
            let usable_until = lot.batch.usable_until?;
            // What is still on the way is not here to be sent on.
            if waste.is_zero() || lot.batch.arrives_on.is_some() {
                return None;
            }
            let offer =
                Offer { from: givers.get(&line.store)?, item: &line.item, waste, usable_until };
            let mut candidates: Vec<Candidate> = takers
                .iter()
                .filter(|taker| taker.store.code != line.store)
                .filter_map(|taker| road.candidate(&offer, taker))
                .collect();
            candidates.sort_by_key(|one| {
                let far = one.distance_m.unwrap_or(i64::MAX);
                (std::cmp::Reverse(one.gain.could_use), far, one.store.clone())
            });
            Some(Rotation {
                lot: lot.lot.clone(),
                lot_number: lot.lot_number.clone(),
                usable_until,
                waste,
                candidates,
            })
        });
        line.rotations = Some(found.collect());
    }
    Ok(())
}

/// Every active store in the caller's scope that uses the item; all stores looked at go to
/// `known`.
fn takers_of(
    conn: &mut DbConnection,
    item: &ItemCode,
    answer: &Answer,
    asked: &Asked,
    settings: &Settings,
    known: &mut BTreeMap<StoreCode, Store>,
) -> Result<Vec<Taker>, DbError> {
    let everywhere = Question { scope: asked.question.scope.clone(), ..Question::default() };
    let places: Vec<StoreCode> =
        stores_asked(conn, &everywhere)?.into_iter().map(|place| place.code).collect();
    let of_item =
        Asked { question: Question { item: Some(item.clone()), ..everywhere }, ..asked.clone() };
    let mut takers = Vec::new();
    for group in places.chunks(STORES_AT_ONCE) {
        let facts = Facts::load(conn, group, &of_item, settings, &answer.moment)?;
        for (code, store) in &facts.stores {
            known.insert(code.clone(), store.clone());
            let cell: Cell = (code.clone(), item.clone());
            let Some(demand) = demand_of(asked, &cell, &facts.average(&cell)) else { continue };
            if demand.iter().all(|units| units.is_zero()) {
                continue;
            }
            let lots = facts.lots(&cell, asked.arrivals);
            let batches: Vec<Batch> = lots.iter().map(|lot| lot.batch).collect();
            let alone = simulate(answer.today, &batches, &demand);
            takers.push(Taker { store: store.clone(), batches, demand, alone });
        }
    }
    Ok(takers)
}

/// What one store would give.
struct Offer<'a> {
    from: &'a Store,
    item: &'a ItemCode,
    waste: Quantity,
    usable_until: NaiveDate,
}

/// What is known of the ways between stores.
struct Road<'a> {
    county: &'a County,
    asked: &'a Asked,
    settings: &'a Settings,
    answer_today: NaiveDate,
    now: Instant,
}

impl Road<'_> {
    /// What a store could use of an offer; `None` where nothing may go there, it cannot be kept
    /// there, it would be too old on arrival, or none of it would be used.
    fn candidate(&self, offer: &Offer<'_>, taker: &Taker) -> Option<Candidate> {
        let today = self.answer_today;
        let storage = self.county.items.get(offer.item)?.storage;
        if !taker.store.storage.contains(&storage) {
            return None;
        }
        let way = (offer.from.code.clone(), taker.store.code.clone());
        let route = self.county.routes.get(&way);
        let cold = matches!(storage, StorageCondition::Refrigerated | StorageCondition::Frozen);
        let shut = route.is_some_and(|route| route.closed)
            || (cold && !route.is_some_and(|route| route.cold_chain));
        if shut {
            return None;
        }
        let minutes = route.and_then(|route| route.travel_minutes);
        let lead = match (self.asked.transfer_days, minutes) {
            (Some(days), _) => Lead { days, from: DaysFrom::Request },
            (None, Some(minutes)) => {
                let arrives = self.settings.zone.day_of(self.now.plus_minutes(minutes));
                Lead { days: (arrives - today).num_days(), from: DaysFrom::Route }
            }
            (None, None) => Lead { days: USUAL_DAYS, from: DaysFrom::Usual },
        };
        let arrives_on = plus_days(today, lead.days);
        let days_left = (offer.usable_until - arrives_on).num_days();
        if days_left < self.asked.min_life_days {
            return None;
        }
        let extra = Batch {
            quantity: offer.waste,
            usable_until: Some(offer.usable_until),
            arrives_on: Some(arrives_on),
        };
        let gain = gain(today, &taker.batches, &taker.alone, &taker.demand, extra);
        if gain.could_use.is_zero() {
            return None;
        }
        let by_road = route.and_then(|route| route.distance_m);
        let by_map = || Some(metres_between(place(offer.from)?, place(&taker.store)?));
        Some(Candidate {
            store: taker.store.code.clone(),
            gain,
            arrives_on,
            lead,
            days_left,
            distance_m: by_road.or_else(by_map),
            by_road: by_road.is_some(),
        })
    }
}

fn place(store: &Store) -> Option<Place> {
    Some(Place { latitude: store.latitude_microdegrees?, longitude: store.longitude_microdegrees? })
}
