//! The maximum flow from donors to those who want, over arcs that carry any amount.
//!
//! Dinic's algorithm (1970), by phases of shortest augmenting paths, on the only shape that is
//! needed: what a wanting node lacks is asked of a donor with packs left, or of one that gives
//! them up because another node it serves can be served by someone else, and so on.

use crate::allocation::cells::Cells;

/// No level was given in this phase.
const UNSEEN: usize = usize::MAX;

/// An arc of the flow: which node, from which donor, how much.
#[derive(Debug, Clone, Copy, Default)]
struct Arc {
    node: usize,
    donor: usize,
    flow: i128,
}

/// Donors with capacities, nodes with demands, and the flow between them.
#[derive(Debug, Clone)]
pub struct Bipartite {
    left: Vec<i128>,
    lacking: Vec<i128>,
    arcs: Vec<Arc>,
    arcs_of_node: Vec<Vec<usize>>,
    arcs_of_donor: Vec<Vec<usize>>,
    served: i128,
}

/// How far each node and donor is from a lack, and the arcs not yet tried in this phase.
struct Phase {
    node_level: Vec<usize>,
    donor_level: Vec<usize>,
    node_next: Vec<usize>,
    donor_next: Vec<usize>,
}

impl Bipartite {
    /// No flow yet. `donors_of` names the donors of each node.
    pub fn new(capacity: Vec<i128>, demand: Vec<i128>, donors_of: Vec<Vec<usize>>) -> Self {
        let mut arcs = Vec::new();
        let mut arcs_of_donor = vec![Vec::new(); capacity.len()];
        let mut arcs_of_node = Vec::with_capacity(demand.len());
        for (node, donors) in donors_of.into_iter().enumerate() {
            let mut own = Vec::with_capacity(donors.len());
            for donor in donors {
                own.push(arcs.len());
                if let Some(list) = arcs_of_donor.get_mut(donor) {
                    list.push(arcs.len());
                }
                arcs.push(Arc { node, donor, flow: 0 });
            }
            arcs_of_node.push(own);
        }
        Self { left: capacity, lacking: demand, arcs, arcs_of_node, arcs_of_donor, served: 0 }
    }

    /// What the flow delivers.
    pub const fn served(&self) -> i128 {
        self.served
    }

    /// What goes from a donor to a node, for every arc that carries something.
    pub fn flows(&self) -> impl Iterator<Item = (usize, usize, i128)> {
        self.arcs.iter().filter(|arc| arc.flow > 0).map(|arc| (arc.donor, arc.node, arc.flow))
    }

    /// Makes the flow as large as it can be.
    pub fn maximise(&mut self) {
        self.give_what_is_there();
        while let Some(mut phase) = self.levels() {
            for node in 0..self.lacking.len() {
                while self.lacking.at(node) > 0 {
                    let sent = self.ask(node, self.lacking.at(node), &mut phase);
                    if sent == 0 {
                        break;
                    }
                    self.lacking.add(node, -sent);
                    self.served += sent;
                }
            }
        }
    }

    /// A first flow that takes nothing back.
    fn give_what_is_there(&mut self) {
        for arc in &mut self.arcs {
            let amount = self.left.at(arc.donor).min(self.lacking.at(arc.node));
            if amount > 0 {
                arc.flow += amount;
                self.left.add(arc.donor, -amount);
                self.lacking.add(arc.node, -amount);
                self.served += amount;
            }
        }
    }

    /// Breadth first from the nodes that lack something; `None` where no donor with packs left is
    /// found.
    fn levels(&self) -> Option<Phase> {
        let mut phase = Phase {
            node_level: vec![UNSEEN; self.lacking.len()],
            donor_level: vec![UNSEEN; self.left.len()],
            node_next: vec![0; self.lacking.len()],
            donor_next: vec![0; self.left.len()],
        };
        let mut rim: Vec<usize> =
            (0..self.lacking.len()).filter(|node| self.lacking.at(*node) > 0).collect();
        rim.iter().for_each(|node| phase.node_level.put(*node, 0));
        let (mut level, mut found) = (0, false);
        while !rim.is_empty() && !found {
            level += 1;
            let mut donors = Vec::new();
            for arc in rim.iter().flat_map(|node| self.arcs_of_node.get(*node)).flatten() {
                let donor = self.arcs.at(*arc).donor;
                if phase.donor_level.at(donor) == UNSEEN {
                    phase.donor_level.put(donor, level);
                    found |= self.left.at(donor) > 0;
                    donors.push(donor);
                }
            }
            level += 1;
            rim.clear();
            for arc in donors.iter().flat_map(|donor| self.arcs_of_donor.get(*donor)).flatten() {
                let Arc { node, flow, .. } = self.arcs.at(*arc);
                if flow > 0 && phase.node_level.at(node) == UNSEEN {
                    phase.node_level.put(node, level);
                    rim.push(node);
                }
            }
        }
        found.then_some(phase)
    }

    /// Gets up to `amount` for a node along a shortest path; answers how much came.
    fn ask(&mut self, node: usize, amount: i128, phase: &mut Phase) -> i128 {
        loop {
            let next = phase.node_next.at(node);
            let arc = self.arcs_of_node.get(node).and_then(|arcs| arcs.get(next)).copied();
            let Some(arc) = arc else { return 0 };
            let donor = self.arcs.at(arc).donor;
            if phase.donor_level.at(donor) == phase.node_level.at(node).saturating_add(1) {
                let sent = self.free(donor, amount, phase);
                if sent > 0 {
                    self.change(arc, sent);
                    return sent;
                }
            }
            phase.node_next.put(node, next + 1);
        }
    }

    /// Frees up to `amount` at a donor: from what is left there, or by serving others elsewhere.
    fn free(&mut self, donor: usize, amount: i128, phase: &mut Phase) -> i128 {
        let left = self.left.at(donor);
        if left > 0 {
            let sent = left.min(amount);
            self.left.put(donor, left - sent);
            return sent;
        }
        loop {
            let next = phase.donor_next.at(donor);
            let arc = self.arcs_of_donor.get(donor).and_then(|arcs| arcs.get(next)).copied();
            let Some(arc) = arc else { return 0 };
            let Arc { node, flow, .. } = self.arcs.at(arc);
            let further = phase.donor_level.at(donor).saturating_add(1);
            if flow > 0 && phase.node_level.at(node) == further {
                let sent = self.ask(node, amount.min(flow), phase);
                if sent > 0 {
                    self.change(arc, -sent);
                    return sent;
                }
            }
            phase.donor_next.put(donor, next + 1);
        }
    }

    fn change(&mut self, arc: usize, amount: i128) {
        if let Some(arc) = self.arcs.get_mut(arc) {
            arc.flow += amount;
        }
    }

    /// For each node whether a donor with packs left reaches it, directly or by taking over what
    /// others give. Of a maximum flow: the nodes that are not reached are the set whose demand
    /// exceeds its donors by most.
    pub fn reached_from_left_over(&self) -> Vec<bool> {
        self.reached((0..self.left.len()).filter(|donor| self.left.at(*donor) > 0).collect())
    }

    /// For each node whether it could get what `node` gives up.
    pub fn reached_from_node(&self, node: usize) -> Vec<bool> {
        let arcs = self.arcs_of_node.get(node).into_iter().flatten().map(|arc| self.arcs.at(*arc));
        self.reached(arcs.filter(|arc| arc.flow > 0).map(|arc| arc.donor).collect())
    }

    fn reached(&self, mut rim: Vec<usize>) -> Vec<bool> {
        let mut donor_seen = vec![false; self.left.len()];
        rim.iter().for_each(|donor| donor_seen.put(*donor, true));
        let mut node_seen = vec![false; self.lacking.len()];
        while let Some(donor) = rim.pop() {
            for arc in self.arcs_of_donor.get(donor).into_iter().flatten() {
                let node = self.arcs.at(*arc).node;
                if node_seen.at(node) {
                    continue;
                }
                node_seen.put(node, true);
                for other in self.arcs_of_node.get(node).into_iter().flatten() {
                    let Arc { donor, flow, .. } = self.arcs.at(*other);
                    if flow > 0 && !donor_seen.at(donor) {
                        donor_seen.put(donor, true);
                        rim.push(donor);
                    }
                }
            }
        }
        node_seen
    }
}
