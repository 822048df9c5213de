//! Donors, the routes that are open, and what they can carry.
//!
//! Packs `x` reach the recipients if and only if a flow carries them, that is if for every set `A`
//! of recipients `x(A) <= E(N(A))`: the packs of the donors with a route into `A`. These vectors
//! are the integer points of a polymatroid (with bounds from below and above a part of one), so
//! every rule that maximises a separable concave function of them can be solved by
//! *decomposition*: ignore the routes and solve for a single pool; where that is not feasible, the
//! set `A` that exceeds `E(N(A))` by most is tight in the optimum, so `A` gets all that `N(A)`
//! has, the others get the rest, and both are solved alike (Fujishige, "Lexicographically optimal
//! base of a polymatroid with respect to a weight vector", 1980; Groenevelt, "Two algorithms for
//! maximizing a separable concave function over a polymatroid feasible region", 1991). Each split
//! parts the donors, so there are fewer splits than donors however many routes there are, and each
//! costs one maximum flow. `A` is the side of a minimum cut that no donor with packs left reaches.
//!
//! Recipients with the same donors are one node of the flow. Where every donor reaches everyone
//! there is one such node and nothing to compute.

use crate::allocation::cells::Cells;
use crate::allocation::max_flow::Bipartite;
use std::collections::BTreeMap;

/// Donors and the groups of recipients that they reach.
#[derive(Debug, Clone)]
pub struct Network {
    /// What each donor can give.
    capacity: Vec<i128>,
    /// For each group the donors that reach it and have something, in their order.
    groups: Vec<Vec<usize>>,
    /// For each recipient its group.
    group_of: Vec<usize>,
}

/// What a rule gives the members of a part when it has it for itself: `amounts` over `scale`.
#[derive(Debug, Clone)]
pub struct Filled {
    /// For each member, in their order.
    pub amounts: Vec<i128>,
    /// What the amounts are to be divided by.
    pub scale: i128,
}

/// Recipients that have some donors for themselves.
#[derive(Debug, Clone)]
pub struct Part {
    /// The donors.
    pub donors: Vec<usize>,
    /// The recipients, in their order.
    pub members: Vec<usize>,
    /// What they get together.
    pub budget: i128,
}

impl Network {
    /// A network in which `donors_of` tells the donors of each recipient, in their order.
    pub fn new(capacity: Vec<i128>, donors_of: &[Vec<usize>]) -> Self {
        let mut numbers: BTreeMap<Vec<usize>, usize> = BTreeMap::new();
        let mut group_of = Vec::with_capacity(donors_of.len());
        let mut groups = Vec::new();
        for donors in donors_of {
            let useful: Vec<usize> =
                donors.iter().copied().filter(|donor| capacity.at(*donor) > 0).collect();
            let number = *numbers.entry(useful).or_insert_with_key(|useful| {
                groups.push(useful.clone());
                groups.len() - 1
            });
            group_of.push(number);
        }
        Self { capacity, groups, group_of }
    }

    /// A network in which every donor reaches everyone.
    pub fn open(capacity: Vec<i128>, recipients: usize) -> Self {
        let useful = (0..capacity.len()).filter(|donor| capacity.at(*donor) > 0).collect();
        Self { capacity, groups: vec![useful], group_of: vec![0; recipients] }
    }

    /// The same routes with every capacity multiplied.
    #[must_use]
    pub fn times(&self, factor: i128) -> Self {
        let capacity = self.capacity.iter().map(|packs| packs * factor).collect();
        Self { capacity, groups: self.groups.clone(), group_of: self.group_of.clone() }
    }

    /// Whether any donor with something reaches a recipient.
    pub fn reaches(&self, recipient: usize) -> bool {
        self.groups.get(self.group_of.at(recipient)).is_some_and(|donors| !donors.is_empty())
    }

    /// Whether everyone is reached by every donor that has something.
    pub fn is_open(&self) -> bool {
        let useful = self.capacity.iter().filter(|packs| **packs > 0).count();
        self.groups.iter().all(|donors| donors.len() == useful)
    }

    /// All that the donors have.
    pub fn supply(&self) -> i128 {
        self.capacity.iter().sum()
    }

    /// The most that can be delivered of `wanted`, which has an entry for each recipient.
    pub fn most(&self, wanted: &[i128]) -> i128 {
        if let [donors] = self.groups.as_slice() {
            let there: i128 = donors.iter().map(|donor| self.capacity.at(*donor)).sum();
            return there.min(wanted.iter().sum());
        }
        let all_donors: Vec<usize> = (0..self.capacity.len()).collect();
        let members: Vec<usize> = (0..wanted.len()).collect();
        self.flow(&all_donors, &members, wanted, 1).0.served()
    }

    /// A way to deliver exactly `wanted`; `None` where there is none.
    pub fn delivery(&self, wanted: &[i128]) -> Option<Delivery<'_>> {
        let all_donors: Vec<usize> = (0..self.capacity.len()).collect();
        let members: Vec<usize> = (0..wanted.len()).collect();
        let (flow, numbers) = self.flow(&all_donors, &members, wanted, 1);
        (flow.served() == wanted.iter().sum::<i128>()).then_some(Delivery {
            network: self,
            flow,
            numbers,
        })
    }

    /// Solves for the whole network what `fill` solves for a single pool: the parts that have
    /// their donors for themselves, each with what its members get.
    ///
    /// `budget` must be the most that the network delivers within the bounds that `fill` keeps.
    /// `fill` is asked for the members of a part, and what they may have together.
    pub fn divide(
        &self,
        budget: i128,
        fill: &dyn Fn(&[usize], i128) -> Filled,
    ) -> Vec<(Part, Filled)> {
        let mut done = Vec::new();
        let donors = (0..self.capacity.len()).collect();
        let members = (0..self.group_of.len()).collect();
        let mut parts = vec![Part { donors, members, budget }];
        while let Some(part) = parts.pop() {
            if part.members.is_empty() {
                continue;
            }
            let filled = fill(&part.members, part.budget);
            match self.exceeding(&part, &filled) {
                Some(exceeding) => parts.extend(self.split(part, &exceeding)),
                None => done.push((part, filled)),
            }
        }
        done
    }

    /// For each group whether it lies in the set that exceeds its donors by most; `None` where
    /// the routes carry what was filled.
    fn exceeding(&self, part: &Part, filled: &Filled) -> Option<Vec<bool>> {
        let wanted: i128 = filled.amounts.iter().sum();
        let first = part.members.first().map(|member| self.group_of.at(*member));
        let alike = part.members.iter().all(|member| Some(self.group_of.at(*member)) == first);
        if alike && wanted <= part.budget * filled.scale && part.donors.len() == self.capacity.len()
        {
            let reached = first.and_then(|group| self.groups.get(group));
            if reached.is_some_and(|donors| !donors.is_empty()) {
                return None;
            }
        }
        let (flow, numbers) = self.flow(&part.donors, &part.members, &filled.amounts, filled.scale);
        if flow.served() == wanted {
            return None;
        }
        let reached = flow.reached_from_left_over();
        let mut exceeding = vec![false; self.groups.len()];
        for (group, number) in numbers {
            exceeding.put(group, !reached.at(number));
        }
        Some(exceeding)
    }

    /// The exceeding recipients with all that their donors have, and the others with the rest.
    fn split(&self, part: Part, exceeding: &[bool]) -> [Part; 2] {
        let mut theirs = vec![false; self.capacity.len()];
        for (group, donors) in self.groups.iter().enumerate() {
            if exceeding.at(group) {
                donors.iter().for_each(|donor| theirs.put(*donor, true));
            }
        }
        let (tight_donors, other_donors): (Vec<usize>, Vec<usize>) =
            part.donors.into_iter().partition(|donor| theirs.at(*donor));
        let (tight, others): (Vec<usize>, Vec<usize>) =
            part.members.into_iter().partition(|member| exceeding.at(self.group_of.at(*member)));
        let budget: i128 = tight_donors.iter().map(|donor| self.capacity.at(*donor)).sum();
        [
            Part { donors: other_donors, members: others, budget: part.budget - budget },
            Part { donors: tight_donors, members: tight, budget },
        ]
    }

    /// The maximum flow from some donors to some members, and the numbers of their groups in it.
    fn flow(
        &self,
        donors: &[usize],
        members: &[usize],
        wanted: &[i128],
        scale: i128,
    ) -> (Bipartite, BTreeMap<usize, usize>) {
        let mut demands: BTreeMap<usize, i128> = BTreeMap::new();
        for (member, amount) in members.iter().zip(wanted) {
            *demands.entry(self.group_of.at(*member)).or_insert(0) += amount;
        }
        let mut capacity = vec![0; self.capacity.len()];
        for donor in donors {
            capacity.put(*donor, self.capacity.at(*donor) * scale);
        }
        let numbers = demands.keys().enumerate().map(|(number, group)| (*group, number)).collect();
        let arcs = demands
            .keys()
            .map(|group| {
                let all = self.groups.get(*group).into_iter().flatten().copied();
                all.filter(|donor| capacity.at(*donor) > 0).collect()
            })
            .collect();
        let demand = demands.into_values().collect();
        let mut flow = Bipartite::new(capacity, demand, arcs);
        flow.maximise();
        (flow, numbers)
    }
}

/// One way of delivering what was asked, and what else could be delivered instead.
pub struct Delivery<'a> {
    network: &'a Network,
    flow: Bipartite,
    numbers: BTreeMap<usize, usize>,
}

impl Delivery<'_> {
    /// For each recipient whether it could get more, with nobody getting less.
    pub fn reached_from_left_over(&self) -> Vec<bool> {
        self.of_recipients(&self.flow.reached_from_left_over())
    }

    /// For each recipient whether it could get what `recipient` gives up.
    pub fn reached_from(&self, recipient: usize) -> Vec<bool> {
        let node = self.numbers.get(&self.network.group_of.at(recipient)).copied();
        node.map_or_else(Vec::new, |node| self.of_recipients(&self.flow.reached_from_node(node)))
    }

    fn of_recipients(&self, nodes: &[bool]) -> Vec<bool> {
        let of_group = |group| self.numbers.get(group).is_some_and(|node| nodes.at(*node));
        self.network.group_of.iter().map(of_group).collect()
    }
}
