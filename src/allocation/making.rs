//! From frozen inputs to who gets what: the solver's packs, then lots first expired first.
//!
//! The same inputs give the same outcome for ever: nothing is looked at but them.

use crate::allocation::comparison::{Comparison, compare, would_expire};
use crate::allocation::inputs::{DonorInput, Inputs, LotInput, PartInput, RecipientInput, Terms};
use crate::allocation::outcome::{
    AwardOutcome, GiftOutcome, Limit, LineOutcome, LotShare, Outcome, PartOutcome,
};
use crate::allocation::problem::{Donor, Measure, Policy, Problem, Recipient, Route, Routes};
use crate::allocation::solution::{Award, DonorAfter, Flow, Solution};
use crate::allocation::solve::solve;
use crate::kernel::{ItemCode, Quantity, Ratio, Refusal, StoreCode};
use crate::shortfall::projection::DatedStock;
use std::collections::{BTreeMap, BTreeSet};

/// Works a proposal out.
///
/// # Errors
/// Those of the solver: numbers that are too large to be divided exactly.
pub fn make(inputs: &Inputs) -> Result<Outcome, Refusal> {
    make_by(inputs, &inputs.terms.policy(), inputs.terms.measure)
}

/// The same with another rule.
///
/// # Errors
/// As [`make`].
pub fn make_by(inputs: &Inputs, policy: &Policy, measure: Measure) -> Result<Outcome, Refusal> {
    let parts = inputs.parts.iter().map(|part| make_part(part, &inputs.terms, policy, measure));
    Ok(Outcome { parts: parts.collect::<Result<_, _>>()? })
}

/// Packs that each donor may still give.
type Packs = BTreeMap<StoreCode, i64>;

fn make_part(
    part: &PartInput,
    terms: &Terms,
    policy: &Policy,
    measure: Measure,
) -> Result<PartOutcome, Refusal> {
    let exportable: Packs = part
        .donors
        .iter()
        .map(|donor| (donor.store.clone(), packs_of(exportable_units(donor, part.pack), part.pack)))
        .collect();
    // What may be given rounds down, so what is kept back rounds up.
    let share = 100 - terms.keep_back_percent.clamp(0, 100);
    let open = |packs: i64| i64::try_from(i128::from(packs) * i128::from(share) / 100);
    let allowed: Packs = exportable
        .iter()
        .map(|(store, packs)| (store.clone(), open(*packs).unwrap_or(*packs)))
        .collect();
    let mut left = allowed.clone();
    let mut awards: BTreeMap<StoreCode, AwardOutcome> = BTreeMap::new();
    let mut flows: Vec<Flow> = Vec::new();
    let mut cost = Some(Ratio::ZERO);
    for urgent in [true, false] {
        let lane: Vec<&RecipientInput> = part
            .recipients
            .iter()
            .filter(|one| terms.urgent_stores.contains(&one.store) == urgent)
            .collect();
        if lane.is_empty() {
            continue;
        }
        let served = serve_lane(part, terms, policy, measure, &lane, &left)?;
        for flow in &served.solution.flows {
            if let Some(packs) = left.iter_mut().find(|(store, _)| store.as_str() == flow.donor) {
                *packs.1 -= flow.packs;
            }
        }
        for (recipient, award) in lane.iter().zip(&served.solution.recipients) {
            let dropped = served.dropped.contains(&recipient.store);
            awards.insert(recipient.store.clone(), award_of(recipient, award, urgent, dropped));
        }
        cost = cost.and_then(|sum| sum.plus(served.solution.cost));
        flows.extend(served.solution.flows);
    }
    let awards: Vec<AwardOutcome> =
        part.recipients.iter().filter_map(|one| awards.remove(&one.store)).collect();
    let lowest = awards
        .iter()
        .filter(|award| award.measured_by == measure)
        .filter_map(|award| award.level_after)
        .min();
    let gifts: Vec<GiftOutcome> = part
        .donors
        .iter()
        .map(|donor| gift_of(donor, part.pack, &exportable, &allowed, &left))
        .collect();
    Ok(PartOutcome {
        left_over_packs: gifts.iter().map(|gift| gift.exportable_packs - gift.packs).sum(),
        lines: lines_of(part, &flows),
        awards,
        gifts,
        cost,
        lowest_level: lowest,
    })
}

/// What a lane comes to, and whom nothing is sent because it would be too little.
struct Served {
    solution: Solution,
    dropped: BTreeSet<StoreCode>,
}

/// Serves the recipients of a lane; whoever would be sent less than the minimum is sent none, the
/// one with the fewest packs first, and the others are served anew.
fn serve_lane(
    part: &PartInput,
    terms: &Terms,
    policy: &Policy,
    measure: Measure,
    lane: &[&RecipientInput],
    left: &Packs,
) -> Result<Served, Refusal> {
    let mut dropped: BTreeSet<StoreCode> = BTreeSet::new();
    loop {
        let problem = problem_of(part, terms, policy, measure, lane, left, &dropped);
        let solution = solve(&problem).map_err(Refusal::invalid)?;
        let too_little = lane
            .iter()
            .zip(&solution.recipients)
            .filter(|(_, award)| award.packs > 0 && award.packs < terms.min_packs)
            .min_by_key(|(_, award)| award.packs);
        match too_little {
            None => return Ok(Served { solution, dropped }),
            Some((recipient, _)) => {
                dropped.insert(recipient.store.clone());
            }
        }
    }
}

fn problem_of(
    part: &PartInput,
    terms: &Terms,
    policy: &Policy,
    measure: Measure,
    lane: &[&RecipientInput],
    left: &Packs,
    dropped: &BTreeSet<StoreCode>,
) -> Problem {
    let donors = left.iter().map(|(store, packs)| Donor {
        id: store.to_string(),
        available: part.pack.times(*packs).unwrap_or(Quantity::MAX),
        floor: Quantity::ZERO,
    });
    let recipients = lane.iter().map(|one| Recipient {
        daily_use: one.daily_use,
        target: one.target.map(|target| Ratio::whole(target.units().into())),
        need: one
            .target
            .map(|target| Ratio::whole(target.minus_or_zero(one.stock()).units().into())),
        priority: Some(one.priority),
        weight: (*policy == Policy::Weighted)
            .then(|| Ratio::whole(terms.weight_of(&one.store).into())),
        max_packs: dropped.contains(&one.store).then_some(0),
        ..Recipient::new(one.store.as_str(), one.stock())
    });
    let members: BTreeSet<&StoreCode> = lane.iter().map(|one| &one.store).collect();
    let open = part.routes.iter().filter(|route| route.shut.is_none());
    let routes = open.filter(|route| members.contains(&route.to)).map(|route| Route {
        donor: route.from.to_string(),
        recipient: route.to.to_string(),
        cost: Ratio::whole(route.cost.into()),
    });
    Problem {
        policy: policy.clone(),
        measure,
        pack: part.pack,
        donors: donors.collect(),
        recipients: recipients.collect(),
        routes: Routes::Only(routes.collect()),
    }
}

fn exportable_units(donor: &DonorInput, pack: Quantity) -> Quantity {
    Quantity::total(donor.items.iter().map(|item| item.exportable(pack)))
}

fn packs_of(units: Quantity, pack: Quantity) -> i64 {
    units.units() / pack.units().max(1)
}

fn award_of(
    recipient: &RecipientInput,
    award: &Award,
    urgent: bool,
    dropped: bool,
) -> AwardOutcome {
    let limited = if dropped { Some(Limit::Minimum) } else { award.limited_by.map(Limit::from) };
    AwardOutcome {
        store: recipient.store.clone(),
        packs: award.packs,
        quantity: award.quantity,
        measured_by: award.measured_by,
        level_before: award.level_before,
        level_after: award.level_after,
        limited_by: limited,
        max_packs: award.max_packs,
        share: award.share,
        packs_with_all_routes: award.packs_with_all_routes,
        stage: award.stage.and_then(|stage| i64::try_from(stage).ok()),
        urgent,
    }
}

fn gift_of(
    donor: &DonorInput,
    pack: Quantity,
    exportable: &Packs,
    allowed: &Packs,
    left: &Packs,
) -> GiftOutcome {
    let of = |packs: &Packs| packs.get(&donor.store).copied().unwrap_or(0);
    let given = of(allowed) - of(left);
    let available = Quantity::total(donor.items.iter().map(|item| item.available));
    GiftOutcome {
        store: donor.store.clone(),
        exportable_packs: of(exportable),
        kept_back_packs: of(exportable) - of(allowed),
        packs: given,
        available_after: available.minus_or_zero(pack.times(given).unwrap_or(Quantity::MAX)),
    }
}

/// The lots of every flow: item by item in the order of the group, first expired first.
///
/// All lots of a donor may go to all its recipients, so taking them in any order of the flows
/// serves the same total (ALLOCATION section 7); the flows come in the order in which they were
/// given, the urgent ones first. An item is taken in whole packs, so no pack mixes two items; a
/// pack may be made up of the end of one lot and the beginning of the next.
fn lines_of(part: &PartInput, flows: &[Flow]) -> Vec<LineOutcome> {
    let mut lines: Vec<LineOutcome> = Vec::new();
    for donor in &part.donors {
        let mut lots: Vec<LotInput> = donor.lots.clone();
        let mut left: Vec<(&ItemCode, Quantity)> =
            donor.items.iter().map(|item| (&item.item_code, item.exportable(part.pack))).collect();
        for flow in flows.iter().filter(|flow| flow.donor == donor.store.as_str()) {
            let Some(to) = part.recipients.iter().find(|one| one.store.as_str() == flow.recipient)
            else {
                continue;
            };
            let mut wanted = part.pack.times(flow.packs).unwrap_or(Quantity::MAX);
            for (item, rest) in &mut left {
                let quantity = wanted.min(*rest);
                if quantity.is_zero() {
                    continue;
                }
                wanted = wanted.minus_or_zero(quantity);
                *rest = rest.minus_or_zero(quantity);
                lines.push(LineOutcome {
                    item_code: (*item).clone(),
                    from: donor.store.clone(),
                    to: to.store.clone(),
                    quantity,
                    lots: take_lots(&mut lots, item, quantity),
                });
            }
        }
    }
    lines.sort_by(|a, b| (&a.to, &a.from, &a.item_code).cmp(&(&b.to, &b.from, &b.item_code)));
    lines
}

/// Takes `wanted` of an item out of what is free of these lots, in their order.
pub fn take_lots(lots: &mut [LotInput], item: &ItemCode, wanted: Quantity) -> Vec<LotShare> {
    let mut wanted = wanted;
    let mut taken = Vec::new();
    for lot in lots.iter_mut().filter(|lot| lot.item_code == *item) {
        let quantity = lot.free.min(wanted);
        if quantity.is_zero() {
            continue;
        }
        lot.free = lot.free.minus_or_zero(quantity);
        wanted = wanted.minus_or_zero(quantity);
        taken.push(LotShare {
            lot_id: lot.lot_id.clone(),
            lot_number: lot.lot_number.clone(),
            expires_on: lot.expires_on,
            quantity,
        });
    }
    taken
}

/// The figures by which policies are compared, for one part.
pub struct Figures {
    /// Those of the solver.
    pub compared: Comparison,
    /// Base units that would expire before they are used, over all donors and recipients.
    pub would_expire: Quantity,
    /// Recipients of which some level stands below the target.
    pub left_below_target: usize,
}

/// Works out by which figures an outcome of a part is compared with others.
pub fn figures(
    inputs: &Inputs,
    part: &PartInput,
    outcome: &PartOutcome,
    policy: &Policy,
    measure: Measure,
) -> Figures {
    let everyone: Vec<&RecipientInput> = part.recipients.iter().collect();
    let problem = problem_of(
        part,
        &inputs.terms,
        policy,
        measure,
        &everyone,
        &outcome.gifts.iter().map(|gift| (gift.store.clone(), gift.packs)).collect(),
        &BTreeSet::new(),
    );
    let solution = Solution {
        recipients: outcome.awards.iter().map(as_award).collect(),
        donors: outcome
            .gifts
            .iter()
            .map(|gift| DonorAfter {
                id: gift.store.to_string(),
                exportable_packs: gift.exportable_packs,
                packs: gift.packs,
                available_after: gift.available_after,
            })
            .collect(),
        flows: Vec::new(),
        cost: outcome.cost.unwrap_or(Ratio::ZERO),
        left_over_packs: outcome.left_over_packs,
        lowest_level: outcome.lowest_level,
    };
    let short = part.recipients.iter().zip(&outcome.awards).filter(|(recipient, award)| {
        recipient
            .target
            .is_some_and(|target| recipient.stock().plus_capped(award.quantity) < target)
    });
    Figures {
        compared: compare(&problem, &solution),
        would_expire: would_expire(inputs.day, &dated_stock(part, outcome)),
        left_below_target: short.count(),
    }
}

fn as_award(award: &AwardOutcome) -> Award {
    Award {
        id: award.store.to_string(),
        packs: award.packs,
        quantity: award.quantity,
        measured_by: award.measured_by,
        level_before: award.level_before,
        level_after: award.level_after,
        limited_by: None,
        max_packs: award.max_packs,
        share: award.share,
        packs_with_all_routes: award.packs_with_all_routes,
        stage: None,
    }
}

/// The lots that remain with donors and those that go to recipients, with the use they meet.
///
/// What lies at recipients already is the same under every policy, so its lots are left out, and
/// the use is that of what comes in addition.
fn dated_stock(part: &PartInput, outcome: &PartOutcome) -> Vec<(Vec<DatedStock>, Option<Ratio>)> {
    let dated = |lots: &mut dyn Iterator<Item = (Option<chrono::NaiveDate>, Quantity)>| {
        lots.map(|(usable_until, quantity)| DatedStock { usable_until, quantity }).collect()
    };
    part.recipients
        .iter()
        .map(|recipient| {
            let lines = outcome.lines.iter().filter(|line| line.to == recipient.store);
            let mut lots =
                lines.flat_map(|line| line.lots.iter().map(|lot| (lot.expires_on, lot.quantity)));
            (dated(&mut lots), recipient.daily_use)
        })
        .collect()
}
