//! Dispatches in the model: who promised what, what is on which lorry, and who signed for it.

use crate::command::{Command, Counted, STORES, USERS};
use crate::counts::ABSORBED;
use crate::support::chance::Chance;
use crate::world::{
    BLOCKED, Expected, Expiry, INVALID, NOT_ENOUGH, NOT_FOUND, No, OUT_OF_SCOPE, Place, REVERSED,
    WRONG_STATUS, Wish, World, created, done, own_store,
};
use changbei::kernel::Instant;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    Requested,
    Draft,
    Approved,
    Picked,
    Shipped,
    Received,
    Closed,
    Cancelled,
}

use Status::{Approved, Cancelled, Closed, Draft, Picked, Received, Requested, Shipped};

/// What of a lot is on one lorry, and how its pieces ended.
#[derive(Debug, Clone)]
pub struct Load {
    pub lorry: usize,
    pub lot: usize,
    pub shipped: i64,
    /// Received, damaged, lost, returned, over.
    pub fates: [i64; 5],
}

impl Load {
    pub fn on_the_way(&self) -> i64 {
        self.shipped - self.fates[..4].iter().sum::<i64>()
    }
}

#[derive(Debug, Clone)]
pub struct Line {
    pub item: usize,
    pub requested: i64,
    pub approved: i64,
    /// Lots, those that expire first in front.
    pub reserved: Vec<(usize, i64)>,
    /// In the order of the lorries, and of the lots within one.
    pub loads: Vec<Load>,
}

impl Line {
    fn reserved(&self) -> i64 {
        self.reserved.iter().map(|(_, units)| units).sum()
    }

    fn shipped(&self) -> i64 {
        self.loads.iter().map(|load| load.shipped).sum()
    }
}

/// Pieces of one lot off one lorry, how they ended, and where they went.
#[derive(Debug, Clone)]
struct Piece {
    line: usize,
    lorry: usize,
    lot: usize,
    fate: usize,
    units: i64,
    to: Place,
}

#[derive(Debug, Clone)]
pub struct Signing {
    pub store: usize,
    at: Instant,
    pieces: Vec<Piece>,
    reversed: bool,
}

#[derive(Debug, Clone)]
pub struct Dispatch {
    pub from: usize,
    pub to: usize,
    pub status: Status,
    pub created_by: usize,
    pub lines: Vec<Line>,
    pub lorries: usize,
    pub signings: Vec<Signing>,
}

impl Dispatch {
    /// Loses some of what a line was promised of a lot.
    pub fn lose(&mut self, line: usize, lot: usize, units: i64) {
        let reserved = &mut self.lines[line].reserved;
        for promise in reserved.iter_mut().filter(|promise| promise.0 == lot) {
            promise.1 -= units;
        }
        reserved.retain(|promise| promise.1 > 0);
    }

    fn reserved(&self) -> i64 {
        self.lines.iter().map(Line::reserved).sum()
    }

    fn on_the_way(&self) -> i64 {
        self.lines.iter().flat_map(|line| &line.loads).map(Load::on_the_way).sum()
    }

    fn is_visible_to(&self, by: usize) -> bool {
        let Some(own) = USERS[by].1 else { return true };
        own == self.from || own == self.to || self.signings.iter().any(|one| one.store == own)
    }

    fn allow(&self, allowed: &[Status]) -> Result<(), No> {
        if allowed.contains(&self.status) { Ok(()) } else { Err(WRONG_STATUS) }
    }

    /// The kind of command that is due next.
    pub fn due(&self, chance: &mut Chance) -> u64 {
        match self.status {
            Requested | Draft => 0,
            Approved => 1,
            Picked => 2,
            Shipped if self.reserved() > 0 && chance.one_in(2) => 2,
            Shipped if self.on_the_way() > 0 => 3,
            Shipped | Received => 4 + chance.below(2),
            Closed => 5,
            Cancelled => chance.below(7),
        }
    }

    /// A line and a lot that is promised for it, where there is one.
    pub fn some_reserved(&self, chance: &mut Chance) -> Option<(usize, usize)> {
        let promised: Vec<(usize, usize)> = self
            .lines
            .iter()
            .enumerate()
            .flat_map(|(at, line)| line.reserved.iter().map(move |(lot, _)| (at, *lot)))
            .collect();
        (!promised.is_empty()).then(|| *chance.of(&promised))
    }

    /// What a receiver might count of one lot that is on the way.
    pub fn some_count(&self, chance: &mut Chance) -> Vec<Counted> {
        let mut counted: Vec<Counted> = Vec::new();
        for (line, of) in self.lines.iter().enumerate() {
            for load in &of.loads {
                if counted.iter().any(|one| (one.line, one.lot) == (line, load.lot)) {
                    continue;
                }
                let mut left = load.on_the_way() + i64::from(chance.one_in(12)) * 50;
                let mut fates = [0; 5];
                for fate in &mut fates[..4] {
                    *fate = if chance.one_in(2) { chance.between(0, left.max(0)) } else { 0 };
                    left -= *fate;
                }
                fates[4] = i64::from(chance.one_in(8)) * chance.between(1, 5);
                counted.push(Counted { line, lot: load.lot, fates });
            }
        }
        if chance.one_in(30) || counted.is_empty() {
            counted.push(Counted { line: 0, lot: 0, fates: [1, 0, 0, 0, 0] });
        }
        counted
    }

    /// What is promised and what is on the way, a line of text each.
    pub fn export(&self, at: usize, out: &mut Vec<String>) {
        for (number, line) in self.lines.iter().enumerate() {
            for (lot, units) in &line.reserved {
                out.push(format!("dispatch{at} line{} lot{lot} promised {units}", number + 1));
            }
            for load in line.loads.iter().filter(|load| load.on_the_way() > 0) {
                out.push(format!(
                    "dispatch{at} lorry{} lot{} to {} on the way {}",
                    load.lorry,
                    load.lot,
                    STORES[self.to],
                    load.on_the_way()
                ));
            }
        }
    }
}

impl World {
    /// What shall happen to a dispatch.
    pub fn judge_dispatch(&mut self, by: usize, command: &Command) -> Result<Expected, No> {
        if let Command::CreateDispatch { from, to, lines } = command {
            return self.create_dispatch(by, *from, *to, lines);
        }
        let (Command::Approve { dispatch, .. }
        | Command::Pick { dispatch, .. }
        | Command::Ship { dispatch, .. }
        | Command::Sign { dispatch, .. }
        | Command::Unsign { dispatch, .. }
        | Command::Redirect { dispatch, .. }
        | Command::Close { dispatch }
        | Command::Cancel { dispatch }
        | Command::Unseen { dispatch, .. }) = command
        else {
            unreachable!("{command:?} is about no dispatch")
        };
        let at = *dispatch;
        if !self.dispatches[at].is_visible_to(by) {
            return Err(NOT_FOUND);
        }
        match command {
            Command::Approve { cut, .. } => self.approve(by, at, *cut),
            Command::Pick { less, .. } => self.set_aside(by, at, *less),
            Command::Ship { part, last, .. } => self.ship(by, at, *part, *last),
            Command::Sign { counted, .. } => self.sign(by, at, counted.as_deref()),
            Command::Unsign { signing, .. } => self.unsign(by, at, *signing),
            Command::Redirect { to, .. } => self.redirect(at, *to),
            Command::Close { .. } => self.close(by, at),
            Command::Cancel { .. } => self.cancel(at),
            Command::Unseen { missing, .. } => {
                Err(if *missing { (428, "precondition_required") } else { (412, "stale_version") })
            }
            _ => unreachable!("{command:?} is about no dispatch"),
        }
    }

    fn create_dispatch(
        &mut self,
        by: usize,
        from: usize,
        to: usize,
        lines: &[(usize, i64)],
    ) -> Result<Expected, No> {
        let twice = lines.len() > 1 && lines[0].0 == lines[1].0;
        if from == to || twice || lines.iter().any(|(_, units)| *units < 1) {
            return Err(INVALID);
        }
        let status = match USERS[by].1 {
            None => Draft,
            Some(own) if own == from => Draft,
            Some(own) if own == to => Requested,
            Some(_) => return Err(OUT_OF_SCOPE),
        };
        let lines = lines
            .iter()
            .map(|(item, units)| Line {
                item: *item,
                requested: *units,
                approved: 0,
                reserved: Vec::new(),
                loads: Vec::new(),
            })
            .collect();
        self.dispatches.push(Dispatch {
            from,
            to,
            status,
            created_by: by,
            lines,
            lorries: 0,
            signings: Vec::new(),
        });
        Ok(created())
    }

    /// The wishes that stock of others serves: the hospital's own, and what is for the town.
    fn wish_of(to: usize) -> Wish {
        Wish { owner: to == 1, earmarked: to == 2 }
    }

    fn approve(&mut self, by: usize, at: usize, cut: Option<(i64, bool)>) -> Result<Expected, No> {
        let order = self.dispatches[at].clone();
        order.allow(&[Requested, Draft])?;
        let mut granted: Vec<i64> = order.lines.iter().map(|line| line.requested).collect();
        if let Some((units, with_reason)) = cut {
            if units > granted[0] || (units < granted[0] && !with_reason) {
                return Err(INVALID);
            }
            granted[0] = units;
        }
        if granted.iter().all(|units| *units == 0) {
            return Err(INVALID);
        }
        if order.created_by == by {
            return Err((403, "own_document"));
        }
        let wish = Self::wish_of(order.to);
        for (line, units) in granted.iter().enumerate() {
            let item = order.lines[line].item;
            let taken = if *units > 0 {
                self.pick(order.from, item, *units, None, wish, &[])?
            } else {
                Vec::new()
            };
            for (lot, units) in &taken {
                self.give(order.from, *lot, 0, 0, *units);
                self.promised.insert((at, line, *lot), self.now);
            }
            let line = &mut self.dispatch_mut(at).lines[line];
            line.approved = *units;
            line.reserved = taken;
        }
        self.dispatch_mut(at).status = Approved;
        Ok(done())
    }

    fn set_aside(
        &mut self,
        by: usize,
        at: usize,
        less: Option<(usize, usize, i64, bool)>,
    ) -> Result<Expected, No> {
        let order = self.dispatches[at].clone();
        own_store(by, order.from)?;
        order.allow(&[Approved, Picked, Shipped])?;
        let mut after = order.clone();
        if let Some((line, lot, units, with_reason)) = less {
            let of = &mut after.lines[line];
            let to_ship = of.approved - of.shipped();
            let same = of.reserved == [(lot, units)];
            if units > to_ship || ((units < to_ship || !same) && !with_reason) {
                return Err(INVALID);
            }
            of.reserved = vec![(lot, units)];
        }
        if after.reserved() == 0 {
            return Err(if less.is_none() { NOT_ENOUGH } else { INVALID });
        }
        if let Some((line, lot, units, _)) = less {
            let old = &order.lines[line].reserved;
            if !old.contains(&(lot, units)) && self.why_not(lot, 0, Self::wish_of(order.to)) {
                return Err(BLOCKED);
            }
            for (lot, units) in old.clone() {
                self.give(order.from, lot, 0, 0, -units);
            }
            if self.free(order.from, lot, 0) < units {
                return Err(NOT_ENOUGH);
            }
            self.give(order.from, lot, 0, 0, units);
            self.promised.insert((at, line, lot), self.now);
        }
        if after.status == Approved {
            after.status = Picked;
        }
        *self.dispatch_mut(at) = after;
        Ok(done())
    }

    fn ship(
        &mut self,
        by: usize,
        at: usize,
        part: Option<(usize, i64)>,
        last: bool,
    ) -> Result<Expected, No> {
        let order = self.dispatches[at].clone();
        own_store(by, order.from)?;
        order.allow(&[Picked, Shipped])?;
        let mut loads: Vec<(usize, usize, i64)> = Vec::new();
        for (number, line) in order.lines.iter().enumerate() {
            let mut left = match part {
                None => line.reserved(),
                Some((only, units)) if only == number => {
                    if units > line.reserved() {
                        return Err(INVALID);
                    }
                    units
                }
                Some(_) => 0,
            };
            for (lot, units) in self.by_expiry(&line.reserved) {
                let units = units.min(left);
                left -= units;
                if units > 0 {
                    loads.push((number, lot, units));
                }
            }
        }
        if loads.is_empty() {
            return Err(if part.is_none() { NOT_ENOUGH } else { INVALID });
        }
        if loads.iter().any(|(_, lot, _)| !self.is_usable(*lot)) {
            return Err(BLOCKED);
        }
        let mut after = order.clone();
        let lorry = after.lorries;
        after.lorries += 1;
        after.status = Shipped;
        for (number, lot, units) in loads {
            self.give(order.from, lot, 0, -units, -units);
            let line = &mut after.lines[number];
            for promised in &mut line.reserved {
                if promised.0 == lot {
                    promised.1 -= units;
                }
            }
            line.reserved.retain(|promised| promised.1 > 0);
            line.loads.push(Load { lorry, lot, shipped: units, fates: [0; 5] });
            line.loads.sort_by_key(|load| (load.lorry, load.lot));
        }
        if last {
            self.release(&mut after);
        }
        *self.dispatch_mut(at) = after;
        Ok(done())
    }

    /// The order in which promised lots are loaded.
    fn by_expiry(&self, lots: &[(usize, i64)]) -> Vec<(usize, i64)> {
        let mut lots = lots.to_vec();
        lots.sort_by_key(|(lot, _)| {
            let of = &self.lots[*lot];
            let date = match self.makers[&(of.item, of.number)].expiry {
                Expiry::On(day) => Some(day),
                Expiry::Never | Expiry::Unknown => None,
            };
            (date.is_none(), date, *lot)
        });
        lots
    }

    fn release(&mut self, order: &mut Dispatch) {
        for line in &mut order.lines {
            for (lot, units) in line.reserved.drain(..) {
                self.give(order.from, lot, 0, 0, -units);
            }
        }
    }

    fn sign(&mut self, by: usize, at: usize, counted: Option<&[Counted]>) -> Result<Expected, No> {
        let order = self.dispatches[at].clone();
        own_store(by, order.to)?;
        order.allow(&[Shipped, Received])?;
        let mut after = order.clone();
        let mut ends: Vec<(usize, usize, usize, i64)> = Vec::new();
        match counted {
            None => {
                for (number, line) in after.lines.iter_mut().enumerate() {
                    for (load, of) in line.loads.iter_mut().enumerate() {
                        let units = of.on_the_way();
                        of.fates[0] += units;
                        ends.push((number, load, 0, units));
                    }
                }
            }
            Some(counted) => {
                for one in counted {
                    let line = &mut after.lines[one.line];
                    let loads: Vec<usize> =
                        (0..line.loads.len()).filter(|l| line.loads[*l].lot == one.lot).collect();
                    let on_the_way: i64 =
                        loads.iter().map(|load| line.loads[*load].on_the_way()).sum();
                    let ended: i64 = one.fates[..4].iter().sum();
                    let nothing = ended == 0 && one.fates[4] == 0;
                    if loads.is_empty() || ended > on_the_way || nothing {
                        return Err(INVALID);
                    }
                    for (fate, units) in one.fates.iter().enumerate() {
                        let mut left = *units;
                        for load in &loads {
                            let of = &mut line.loads[*load];
                            let over = fate == 4;
                            let is_last = load == loads.last().expect("a load");
                            let taken = match (over, is_last) {
                                (true, true) => left,
                                (true, false) => 0,
                                (false, _) => left.min(of.on_the_way()),
                            };
                            of.fates[fate] += taken;
                            left -= taken;
                            ends.push((one.line, *load, fate, taken));
                        }
                    }
                }
            }
        }
        ends.retain(|(.., units)| *units > 0);
        if ends.is_empty() {
            return Err(INVALID);
        }
        let mut pieces = Vec::new();
        for (line, load, fate, units) in ends {
            let lot = after.lines[line].loads[load].lot;
            let to = match fate {
                0 | 4 => Place::Store(order.to, 0),
                1 => Place::Store(order.to, 4),
                2 => Place::Outside,
                _ => Place::Store(order.from, 1),
            };
            self.shift(lot, units, Place::Outside, to)?;
            let lorry = after.lines[line].loads[load].lorry;
            pieces.push(Piece { line, lorry, lot, fate, units, to });
        }
        let at_once = self.now;
        after.signings.push(Signing { store: order.to, at: at_once, pieces, reversed: false });
        after.status = status_on_the_way(&after);
        *self.dispatch_mut(at) = after;
        Ok(done())
    }

    fn unsign(&mut self, by: usize, at: usize, signing: usize) -> Result<Expected, No> {
        let mut order = self.dispatches[at].clone();
        let Some(signed) = order.signings.get(signing).cloned() else { return Err(NOT_FOUND) };
        own_store(by, signed.store)?;
        if signed.reversed {
            return Err(REVERSED);
        }
        let counted = |piece: &Piece| self.is_absorbed(piece.lot, piece.to, signed.at);
        if signed.pieces.iter().any(counted) {
            return Err(ABSORBED);
        }
        for piece in &signed.pieces {
            let loads = order.lines[piece.line].loads.iter_mut();
            let same = |load: &&mut Load| (load.lorry, load.lot) == (piece.lorry, piece.lot);
            // What came over the papers of goods that went under another label since is with them.
            if let Some(load) = loads.into_iter().find(same) {
                load.fates[piece.fate] = (load.fates[piece.fate] - piece.units).max(0);
            }
            self.shift(piece.lot, piece.units, piece.to, Place::Outside)?;
        }
        order.signings[signing].reversed = true;
        order.status = status_on_the_way(&order);
        *self.dispatch_mut(at) = order;
        Ok(done())
    }

    fn redirect(&mut self, at: usize, to: usize) -> Result<Expected, No> {
        let order = self.dispatches[at].clone();
        order.allow(&[Requested, Draft, Approved, Picked, Shipped])?;
        if to == order.from || to == order.to {
            return Err(INVALID);
        }
        self.dispatch_mut(at).to = to;
        Ok(done())
    }

    fn close(&mut self, by: usize, at: usize) -> Result<Expected, No> {
        let mut order = self.dispatches[at].clone();
        own_store(by, order.to)?;
        order.allow(&[Shipped, Received])?;
        if order.on_the_way() > 0 {
            return Err((409, "transit_not_empty"));
        }
        order.status = Closed;
        self.release(&mut order);
        *self.dispatch_mut(at) = order;
        Ok(done())
    }

    fn cancel(&mut self, at: usize) -> Result<Expected, No> {
        let mut order = self.dispatches[at].clone();
        order.allow(&[Requested, Draft, Approved, Picked])?;
        order.status = Cancelled;
        self.release(&mut order);
        *self.dispatch_mut(at) = order;
        Ok(done())
    }
}

fn status_on_the_way(order: &Dispatch) -> Status {
    if order.on_the_way() == 0 && order.reserved() == 0 { Received } else { Shipped }
}
