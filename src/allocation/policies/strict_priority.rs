//! Strict priority: class by class, and inside a class first come, first served.
//!
//! Giving each in turn the most that is feasible maximises the packs of the first, then of the
//! second, and so on: Edmonds' greedy for a linear function over a polymatroid (1970).

use crate::allocation::cells::Cells;
use crate::allocation::network::{Filled, Network};
use crate::allocation::policies::{Division, Prepared};

/// Divides by class, then by the order of the input. Those without a class come last.
pub fn divide(prepared: &Prepared<'_>, network: &Network) -> Division {
    let mut division = Division::empty(prepared.most.len());
    let place = |who: usize| {
        let class = prepared.problem.recipients.get(who).and_then(|recipient| recipient.priority);
        (class.is_none(), class, who)
    };
    let wanted: Vec<i128> = prepared.most.iter().map(|most| i128::from(*most)).collect();
    let parts = network.divide(network.most(&wanted), &|members, budget| {
        let mut queue: Vec<(usize, usize)> = members.iter().copied().enumerate().collect();
        queue.sort_by_key(|(_, who)| place(*who));
        let mut amounts = vec![0; members.len()];
        let mut left = budget;
        for (number, who) in queue {
            let amount = wanted.at(who).min(left);
            amounts.put(number, amount);
            left -= amount;
        }
        Filled { amounts, scale: 1 }
    });
    for (part, filled) in parts {
        for (who, amount) in part.members.iter().zip(filled.amounts) {
            division.packs.put(*who, i64::try_from(amount).unwrap_or_default());
        }
    }
    division
}
