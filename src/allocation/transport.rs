//! The cheapest way to deliver packs that are decided: min-cost flow, exact.
//!
//! Successive shortest paths with potentials (Edmonds and Karp 1972), on the residual network
//! contracted to the donors, of which there are few. Everyone is first served by the cheapest
//! donor, as if donors had no limit: that is optimal for what it is. While a donor gives more than
//! it has, packs move along a cheapest path of donors to one that has some left; the arc from one
//! donor to another is the recipient that changes over at the least extra cost, found in a heap for
//! each pair. Each move keeps the flow cheapest for what each donor gives, so the last one is
//! cheapest of all. Costs are whole numbers, so nothing is rounded.
//!
//! A last donor without limit, dearer than any detour, stands in for packs that no route can
//! deliver: what it would give is reported as not served, and is as little as can be.

use crate::allocation::cells::Cells;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// What one pack costs from each donor to each recipient.
#[derive(Debug, Clone)]
pub struct Tariff {
    donors: usize,
    /// By recipient, then donor; [`CLOSED`] where there is no route.
    costs: Vec<i128>,
}

/// No route.
const CLOSED: i128 = i128::MAX;

/// No donor.
const NOBODY: usize = usize::MAX;

impl Tariff {
    /// Every route closed.
    pub fn closed(donors: usize, recipients: usize) -> Self {
        Self { donors, costs: vec![CLOSED; donors * recipients] }
    }

    /// Opens a route at a cost per pack, not negative and below 2^100.
    pub fn open(&mut self, donor: usize, recipient: usize, cost: i128) {
        self.costs.put(recipient * self.donors + donor, cost);
    }

    /// What a pack costs; `None` where there is no route.
    pub fn cost(&self, donor: usize, recipient: usize) -> Option<i128> {
        Some(self.costs.at(recipient * self.donors + donor)).filter(|cost| *cost != CLOSED)
    }
}

/// A cheapest delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// From donor to recipient, how many packs; by recipient, then donor.
    pub flows: Vec<(usize, usize, i64)>,
    /// What it costs.
    pub cost: i128,
    /// For each recipient the packs that no route could deliver.
    pub not_served: Vec<i64>,
}

/// Delivers `wanted` from donors that have `supply`, as much as the routes carry, at the least
/// cost.
pub fn cheapest(supply: &[i64], wanted: &[i64], tariff: &Tariff) -> Delivery {
    let mut yard = Yard::new(supply, wanted, tariff);
    while let Some(path) = yard.cheapest_path() {
        yard.move_along(&path);
    }
    yard.delivery()
}

/// Delivers `wanted` where every route is open and costs nothing: donors in their order serve
/// recipients in theirs.
pub fn in_order(supply: &[i64], wanted: &[i64]) -> Delivery {
    let mut left = supply.to_vec();
    let mut delivery = Delivery { flows: Vec::new(), cost: 0, not_served: Vec::new() };
    let mut donor = 0;
    for (recipient, packs) in wanted.iter().enumerate() {
        let mut lacking = *packs;
        while lacking > 0 && donor < left.len() {
            let packs = lacking.min(left.at(donor));
            if packs > 0 {
                delivery.flows.push((donor, recipient, packs));
                left.add(donor, -packs);
                lacking -= packs;
            }
            if left.at(donor) == 0 {
                donor += 1;
            }
        }
        delivery.not_served.push(lacking);
    }
    delivery
}

/// The donors of a path, and for each hop the recipient that changes over.
struct Path {
    donors: Vec<usize>,
    changing: Vec<usize>,
}

/// Recipients that may change over from one donor to another, the cheapest first.
type Moves = BinaryHeap<Reverse<(i128, usize)>>;

struct Yard {
    /// All donors and the one that stands in.
    donors: usize,
    /// By recipient, then donor.
    costs: Vec<i128>,
    flows: Vec<i64>,
    /// What each donor gives beyond what it has.
    excess: Vec<i64>,
    /// What each donor has left.
    left: Vec<i64>,
    /// By donor who gives up, then donor who takes over.
    moves: Vec<Moves>,
    /// The length of a shortest path to each donor, and to any with something left.
    heights: Vec<i128>,
    end_height: i128,
}

impl Yard {
    fn new(supply: &[i64], wanted: &[i64], tariff: &Tariff) -> Self {
        let (real, donors) = (supply.len(), supply.len() + 1);
        let dearest = tariff.costs.iter().copied().filter(|cost| *cost != CLOSED).max();
        let steps = i128::try_from(donors + 1).unwrap_or(i128::MAX);
        let standing_in = (dearest.unwrap_or(0) + 1) * 2 * steps;
        let mut costs = Vec::with_capacity(wanted.len() * donors);
        for recipient in 0..wanted.len() {
            costs.extend((0..real).map(|donor| tariff.costs.at(recipient * real + donor)));
            costs.push(standing_in);
        }
        let mut yard = Self {
            donors,
            flows: vec![0; costs.len()],
            costs,
            excess: vec![0; donors],
            left: supply.to_vec(),
            moves: Vec::new(),
            heights: vec![0; donors],
            end_height: 0,
        };
        yard.left.push(i64::MAX);
        yard.serve_cheapest(wanted);
        yard
    }

    /// Serves everyone from the cheapest donor, the first of several.
    fn serve_cheapest(&mut self, wanted: &[i64]) {
        let mut given = vec![0_i64; self.donors];
        let mut moves: Vec<Vec<Reverse<(i128, usize)>>> =
            vec![Vec::new(); self.donors * self.donors];
        for (recipient, packs) in wanted.iter().enumerate().filter(|(_, packs)| **packs > 0) {
            let row = self.row(recipient);
            let cheapest = row.iter().enumerate().min_by_key(|(_, cost)| **cost);
            let Some((donor, own)) = cheapest.map(|(donor, cost)| (donor, *cost)) else { continue };
            for (other, cost) in row.iter().enumerate() {
                if other != donor
                    && *cost != CLOSED
                    && let Some(list) = moves.get_mut(donor * self.donors + other)
                {
                    list.push(Reverse((cost - own, recipient)));
                }
            }
            self.flows.put(recipient * self.donors + donor, *packs);
            given.add(donor, *packs);
        }
        self.moves = moves.into_iter().map(BinaryHeap::from).collect();
        for (donor, packs) in given.into_iter().enumerate() {
            let left = self.left.at(donor);
            self.excess.put(donor, (packs - left).max(0));
            self.left.put(donor, (left - packs).max(0));
        }
    }

    fn row(&self, recipient: usize) -> &[i128] {
        let start = recipient * self.donors;
        self.costs.get(start..start + self.donors).unwrap_or_default()
    }

    /// The cheapest change-over from one donor to another: extra cost and recipient.
    fn cheapest_move(&mut self, from: usize, to: usize) -> Option<(i128, usize)> {
        let moves = self.moves.get_mut(from * self.donors + to)?;
        while let Some(Reverse((cost, recipient))) = moves.peek().copied() {
            if self.flows.at(recipient * self.donors + from) > 0 {
                return Some((cost, recipient));
            }
            moves.pop();
        }
        None
    }

    /// A cheapest path from a donor that gives too much to one with something left, by Dijkstra's
    /// algorithm on costs that the heights make non-negative; `None` when nobody gives too much.
    fn cheapest_path(&mut self) -> Option<Path> {
        let mut distances = vec![CLOSED; self.donors];
        let mut came_from = vec![(NOBODY, 0_usize); self.donors];
        let mut settled = vec![false; self.donors];
        for donor in (0..self.donors).filter(|donor| self.excess.at(*donor) > 0) {
            distances.put(donor, -self.heights.at(donor));
        }
        let (mut end, mut end_distance) = (NOBODY, CLOSED);
        loop {
            let nearest = (0..self.donors)
                .filter(|donor| !settled.at(*donor) && distances.at(*donor) < end_distance)
                .min_by_key(|donor| distances.at(*donor));
            let Some(donor) = nearest else { break };
            settled.put(donor, true);
            let (distance, height) = (distances.at(donor), self.heights.at(donor));
            if self.left.at(donor) > 0 && distance + height - self.end_height < end_distance {
                (end, end_distance) = (donor, distance + height - self.end_height);
            }
            for other in (0..self.donors).filter(|other| !settled.at(*other)) {
                if let Some((cost, recipient)) = self.cheapest_move(donor, other) {
                    let further = distance + height + cost - self.heights.at(other);
                    if further < distances.at(other) {
                        distances.put(other, further);
                        came_from.put(other, (donor, recipient));
                    }
                }
            }
        }
        if end == NOBODY {
            return None;
        }
        for donor in 0..self.donors {
            let risen = self.heights.at(donor) + distances.at(donor).min(end_distance);
            self.heights.put(donor, risen);
        }
        self.end_height += end_distance;
        let mut path = Path { donors: vec![end], changing: Vec::new() };
        let mut donor = end;
        while let (before, recipient) = came_from.at(donor)
            && before != NOBODY
        {
            path.donors.push(before);
            path.changing.push(recipient);
            donor = before;
        }
        Some(path)
    }

    /// Moves as many packs as the whole path allows. Its donors stand in order from the end.
    fn move_along(&mut self, path: &Path) {
        let hops: Vec<(usize, usize, usize)> = path
            .donors
            .windows(2)
            .zip(&path.changing)
            .filter_map(|(pair, recipient)| match pair {
                [to, from] => Some((*from, *to, *recipient)),
                _ => None,
            })
            .collect();
        let (Some(end), Some(start)) = (path.donors.first(), path.donors.last()) else { return };
        let carried = hops.iter().map(|(from, _, who)| self.flows.at(who * self.donors + from));
        let ends = [self.excess.at(*start), self.left.at(*end)];
        let packs = carried.chain(ends).min().unwrap_or(0);
        self.excess.add(*start, -packs);
        self.left.add(*end, -packs);
        for (from, to, recipient) in hops {
            let (old, new) = (recipient * self.donors + from, recipient * self.donors + to);
            self.flows.add(old, -packs);
            if self.flows.at(new) == 0 {
                self.may_move(recipient, to);
            }
            self.flows.add(new, packs);
        }
    }

    /// Enters a recipient among those that may change over from a donor that serves it newly.
    fn may_move(&mut self, recipient: usize, donor: usize) {
        let start = recipient * self.donors;
        let own = self.costs.at(start + donor);
        for other in (0..self.donors).filter(|other| *other != donor) {
            let cost = self.costs.at(start + other);
            if cost != CLOSED
                && let Some(moves) = self.moves.get_mut(donor * self.donors + other)
            {
                moves.push(Reverse((cost - own, recipient)));
            }
        }
    }

    fn delivery(self) -> Delivery {
        let mut delivery = Delivery { flows: Vec::new(), cost: 0, not_served: Vec::new() };
        let standing_in = self.donors - 1;
        let rows = self.flows.chunks(self.donors).zip(self.costs.chunks(self.donors));
        for (recipient, (flows, costs)) in rows.enumerate() {
            for (donor, (packs, cost)) in flows.iter().zip(costs).take(standing_in).enumerate() {
                if *packs > 0 {
                    delivery.flows.push((donor, recipient, *packs));
                    delivery.cost += cost * i128::from(*packs);
                }
            }
            delivery.not_served.push(flows.at(standing_in));
        }
        delivery
    }
}
