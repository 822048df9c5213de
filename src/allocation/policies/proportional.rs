//! In proportion to need, in whole packs by largest remainder.
//!
//! The quotas `supply * need / all needs` minimise no level but share alike; over routes they are
//! the base of the polymatroid in which the lowest filled part of a need is highest, then the
//! next (Fujishige 1980), found by decomposition with exact fractions. Rounding by largest
//! remainder minimises the sum of squares of what rounding changes, which is separable convex, so
//! the greedy by remainder is exact on the integer points between the quotas' floors and ceilings
//! (which exist, because such a box cuts an integral polymatroid in an integral one).
//!
//! It is not monotone in supply: with one pack more a small store may get one less. Leximin is.

use crate::allocation::cells::Cells;
use crate::allocation::ladder::need;
use crate::allocation::network::{Filled, Network};
use crate::allocation::policies::{Division, Prepared};
use crate::kernel::Ratio;
use std::cmp::Reverse;

/// Divides in proportion to need; weights play no part.
pub fn divide(prepared: &Prepared<'_>, network: &Network) -> Division {
    let claims = claims(prepared);
    let quotas = quotas(prepared, network, &claims);
    let floors: Vec<i64> = quotas.iter().map(|quota| whole(quota.floor())).collect();
    let ceilings: Vec<i128> = quotas.iter().map(|quota| quota.ceil()).collect();
    let remainder = |who: usize| {
        let quota = quotas.get(who).copied().unwrap_or(Ratio::ZERO);
        quota.plus(Ratio::whole(-quota.floor())).unwrap_or(Ratio::ZERO)
    };
    let parts = network.divide(network.most(&ceilings), &|members, budget| {
        let mut amounts: Vec<i128> =
            members.iter().map(|who| i128::from(floors.at(*who))).collect();
        let mut left = budget - amounts.iter().sum::<i128>();
        let mut queue: Vec<(usize, usize)> = members
            .iter()
            .copied()
            .enumerate()
            .filter(|(_, who)| ceilings.at(*who) > i128::from(floors.at(*who)))
            .collect();
        queue.sort_by_key(|(_, who)| (Reverse(remainder(*who)), Reverse(claims.at(*who)), *who));
        for (number, _) in queue {
            if left > 0 {
                amounts.add(number, 1);
                left -= 1;
            }
        }
        Filled { amounts, scale: 1 }
    });
    let mut division = Division::empty(claims.len());
    for (part, filled) in parts {
        for (who, amount) in part.members.iter().zip(filled.amounts) {
            division.packs.put(*who, whole(amount));
        }
    }
    division.shares = quotas.into_iter().map(Some).collect();
    division
}

/// What each may claim in base units: its need, as far as the packs it may get reach.
fn claims(prepared: &Prepared<'_>) -> Vec<i128> {
    let pack = prepared.pack.numerator();
    prepared
        .problem
        .recipients
        .iter()
        .enumerate()
        .map(|(who, recipient)| {
            let most = i128::from(prepared.caps.at(who).unwrap_or(i64::MAX)).saturating_mul(pack);
            need(recipient).map_or(0, Ratio::ceil).min(most)
        })
        .collect()
}

/// The exact share of each in packs.
fn quotas(prepared: &Prepared<'_>, network: &Network, claims: &[i128]) -> Vec<Ratio> {
    let pack = prepared.pack.numerator();
    let in_units = network.times(pack);
    let parts = in_units.divide(in_units.most(claims), &|members, budget| {
        let all: i128 = members.iter().map(|who| claims.at(*who)).sum();
        Filled {
            amounts: members.iter().map(|who| claims.at(*who) * budget).collect(),
            scale: all.max(1),
        }
    });
    let mut quotas = vec![Ratio::ZERO; claims.len()];
    for (part, filled) in parts {
        for (who, amount) in part.members.iter().zip(filled.amounts) {
            let units = Ratio::new(amount, filled.scale).unwrap_or(Ratio::ZERO);
            let packs = Ratio::new(1, pack).and_then(|each| units.times(each));
            if let Some(cell) = quotas.get_mut(*who) {
                *cell = packs.unwrap_or(Ratio::ZERO);
            }
        }
    }
    quotas
}

fn whole(amount: i128) -> i64 {
    i64::try_from(amount).unwrap_or_default()
}
