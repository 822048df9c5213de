//! The model: what a county's stock is, told as simply as it can be.

use crate::command::{Command, OfLot, Received, STATES, STORES, Step, USERS, Wanted};
use crate::dispatches::Dispatch;
use crate::support::chance::Chance;
use changbei::kernel::{BusinessZone, Instant};
use chrono::{Days, NaiveDate};
use std::collections::{BTreeMap, BTreeSet};

/// What the model says of a command: how it is answered, and what it makes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expected {
    pub status: u16,
    /// The code of a refusal; empty when it is done.
    pub code: &'static str,
    pub replayed: bool,
    /// For receipts: which lot each line is.
    pub lots: Vec<usize>,
    /// Of a race: how many take effect.
    pub winners: usize,
}

/// Why not.
pub type No = (u16, &'static str);

pub const INVALID: No = (422, "validation_failed");
pub const NOT_ENOUGH: No = (409, "insufficient_stock");
pub const BLOCKED: No = (409, "lot_blocked");
pub const WRONG_STATUS: No = (409, "wrong_status");
pub const REVERSED: No = (409, "already_reversed");
pub const NOT_FOUND: No = (404, "not_found");
pub const LATE: No = (409, "late_entry");
pub const TOO_FAR_BACK: No = (409, "too_far_back");
pub const FORBIDDEN: No = (403, "forbidden");
pub const OUT_OF_SCOPE: No = (403, "store_out_of_scope");

/// When a maker's lot expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Expiry {
    On(NaiveDate),
    Never,
    Unknown,
}

/// A maker's lot.
#[derive(Debug, Clone)]
pub struct Makers {
    pub expiry: Expiry,
    pub first_seen: Instant,
    pub recalled: bool,
}

/// A lot: of a maker's lot, of one provenance.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lot {
    pub item: usize,
    pub number: usize,
    pub variant: usize,
}

/// Where units are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Outside,
    Store(usize, usize),
}

/// The lot under which goods go that no lot can be named for.
const HOUSE_LOT: usize = usize::MAX;

/// A keeper posts at most so many days back.
const DAYS_BACK: u64 = 92;

/// What was handed out and was in no book.
#[derive(Debug, Clone)]
pub struct Fact {
    pub store: usize,
    pub item: usize,
    pub open: i64,
    at: Instant,
    /// Lot, state, and the units of it that were found to have been handed out.
    cleared: Vec<(usize, usize, i64)>,
}

/// Units that moved.
#[derive(Debug, Clone)]
pub struct Movement {
    pub store: usize,
    pub lot: usize,
    pub units: i64,
    pub from: Place,
    pub to: Place,
    pub reversed: i64,
    pub is_reversal: bool,
    /// Of a fact, what the book did not hold.
    pub fact: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Receipt,
    Issue,
    Adjustment,
    StateChange,
    WriteOff,
}

/// A stock document; a draft has no movements yet.
#[derive(Debug, Clone)]
pub struct Document {
    pub kind: Kind,
    pub store: usize,
    pub draft: Option<Vec<OfLot>>,
    pub cancelled: bool,
    pub movements: Vec<usize>,
}

/// Everything that there is.
#[derive(Debug, Clone)]
pub struct World {
    pub now: Instant,
    /// The business time of what is being judged.
    at: Instant,
    pub makers: BTreeMap<(usize, usize), Makers>,
    pub lots: Vec<Lot>,
    by_lot: BTreeMap<Lot, usize>,
    /// On hand and reserved, by store, lot and state.
    pub balances: BTreeMap<(usize, usize, usize), (i64, i64)>,
    /// What was added to each balance, below zero where it was taken, in the order of business time.
    changes: BTreeMap<(usize, usize, usize), Vec<(Instant, i64)>>,
    pub documents: Vec<Document>,
    pub movements: Vec<Movement>,
    pub dispatches: Vec<Dispatch>,
    pub facts: Vec<Fact>,
    /// When a lot was promised to a line of a dispatch.
    pub promised: BTreeMap<(usize, usize, usize), Instant>,
    /// Commands that took effect: number, user, command, status.
    done: Vec<(usize, usize, u16)>,
    drafts: Vec<usize>,
    answers: BTreeMap<(u16, &'static str), usize>,
    old: Vec<Old>,
    /// A fault put in on purpose: stock that was promised counts as free.
    pub forgets_promises: bool,
}

impl World {
    pub fn new(now: Instant) -> Self {
        Self {
            now,
            at: now,
            makers: BTreeMap::new(),
            lots: Vec::new(),
            by_lot: BTreeMap::new(),
            balances: BTreeMap::new(),
            changes: BTreeMap::new(),
            documents: Vec::new(),
            movements: Vec::new(),
            dispatches: Vec::new(),
            facts: Vec::new(),
            promised: BTreeMap::new(),
            done: Vec::new(),
            drafts: Vec::new(),
            answers: BTreeMap::new(),
            old: Vec::new(),
            forgets_promises: false,
        }
    }

    /// Between two batches some hours go by.
    pub fn pass_time(&mut self, chance: &mut Chance) {
        self.now = self.now.plus_minutes(chance.between(1, 600));
    }

    pub fn today(&self) -> NaiveDate {
        BusinessZone::default().day_of(self.now)
    }

    fn day(&self) -> NaiveDate {
        BusinessZone::default().day_of(self.at)
    }

    /// Judges a command, and makes it so where the answer is yes.
    pub fn step(&mut self, number: usize, by: usize, command: Command) -> Step {
        self.now = self.now.plus_minutes(1);
        self.at = self.now;
        let mut by = by;
        // A refused command leaves nothing behind, whatever it began.
        let before = Before::of(self);
        let judged = match &command {
            Command::Repeat { number } | Command::Reuse { number } => {
                match self.done.binary_search_by_key(number, |done| done.0) {
                    Ok(at) => {
                        let (_, user, status) = &self.done[at];
                        by = *user;
                        if matches!(command, Command::Repeat { .. }) {
                            Ok(Expected { status: *status, replayed: true, ..Expected::default() })
                        } else {
                            Err((422, "idempotency_key_reused"))
                        }
                    }
                    Err(_) => Ok(Expected::default()),
                }
            }
            Command::Race { store, item, units, count } => {
                by = *store;
                Ok(self.race(*store, *item, *units, *count))
            }
            _ => match allowed(by, &command) {
                Ok(()) => self.judge(by, &command),
                Err(no) => Err(no),
            },
        };
        let expected = match judged {
            Ok(expected) => {
                let repeats = matches!(command, Command::Repeat { .. } | Command::Race { .. });
                if !repeats && expected.status != 0 {
                    self.done.push((number, by, expected.status));
                }
                expected
            }
            Err((status, code)) => {
                before.restore(self);
                Expected { status, code, ..Expected::default() }
            }
        };
        *self.answers.entry((expected.status, expected.code)).or_default() += 1;
        Step { number, by, now: self.now, command, expected }
    }

    /// What shall happen.
    fn judge(&mut self, by: usize, command: &Command) -> Result<Expected, No> {
        match command {
            Command::Receive { store, lines } => self.receive(by, *store, lines),
            Command::Issue { store, fact: true, lines, .. } => self.fact(by, *store, lines),
            Command::Issue { store, authority, lines, .. } => {
                self.issue(by, *store, *authority, lines)
            }
            Command::Late { minutes, posting } => {
                self.at = self.now.plus_minutes(-minutes);
                self.judge(by, posting)
            }
            Command::Adjust { store, lines } => self.adjust(by, *store, lines),
            Command::ChangeState { store, to, lines } => self.change(by, *store, *to, lines),
            Command::WriteOff { store, lines } => self.write_off(by, *store, lines),
            Command::Decide { document, approved } => self.decide(*document, *approved),
            Command::Recall { lot } => self.recall(*lot),
            Command::ReverseMovement { movement, units } => {
                self.reverse_movement(by, *movement, *units)
            }
            Command::ReverseDocument { document } => self.reverse_document(by, *document),
            Command::CreateDispatch { .. }
            | Command::Approve { .. }
            | Command::Pick { .. }
            | Command::Ship { .. }
            | Command::Sign { .. }
            | Command::Unsign { .. }
            | Command::Redirect { .. }
            | Command::Close { .. }
            | Command::Cancel { .. }
            | Command::Unseen { .. } => self.judge_dispatch(by, command),
            Command::Repeat { .. } | Command::Reuse { .. } | Command::Race { .. } => {
                unreachable!("judged before")
            }
        }
    }

    // ---- stock --------------------------------------------------------------------------------

    pub fn free(&self, store: usize, lot: usize, state: usize) -> i64 {
        let (on_hand, reserved) =
            self.balances.get(&(store, lot, state)).copied().unwrap_or((0, 0));
        if self.forgets_promises { on_hand } else { on_hand - reserved }
    }

    /// Moves units, where nobody was promised them.
    pub fn shift(&mut self, lot: usize, units: i64, from: Place, to: Place) -> Result<(), No> {
        if let Place::Store(store, state) = from {
            if self.free(store, lot, state) < units {
                return Err(NOT_ENOUGH);
            }
            self.give(store, lot, state, -units, 0);
            if self.then_and_after(store, lot, state).next().is_some_and(|then| then < 0) {
                return Err(LATE);
            }
        }
        if let Place::Store(store, state) = to {
            self.give(store, lot, state, units, 0);
        }
        Ok(())
    }

    /// What a balance was at the business time of what is being judged, and after each later change.
    fn then_and_after(
        &self,
        store: usize,
        lot: usize,
        state: usize,
    ) -> impl Iterator<Item = i64> + '_ {
        let changes = self.changes.get(&(store, lot, state)).map_or(&[][..], Vec::as_slice);
        let later = &changes[changes.partition_point(|(at, _)| *at <= self.at)..];
        let on_hand = self.balances.get(&(store, lot, state)).map_or(0, |balance| balance.0);
        let then = on_hand - later.iter().map(|(_, change)| change).sum::<i64>();
        std::iter::once(then).chain(later.iter().scan(then, |running, (_, change)| {
            *running += change;
            Some(*running)
        }))
    }

    fn lowest(&self, store: usize, lot: usize, state: usize) -> i64 {
        self.then_and_after(store, lot, state).min().unwrap_or(0)
    }

    /// Changes a balance without asking; one that is empty is forgotten.
    pub fn give(&mut self, store: usize, lot: usize, state: usize, on_hand: i64, reserved: i64) {
        let balance = self.balances.entry((store, lot, state)).or_default();
        self.old.push(Old::Balance((store, lot, state), *balance));
        balance.0 += on_hand;
        balance.1 += reserved;
        if *balance == (0, 0) {
            self.balances.remove(&(store, lot, state));
        }
        if on_hand != 0 {
            let (key, at) = ((store, lot, state), self.at);
            let changes = self.changes.entry(key).or_default();
            changes.insert(changes.partition_point(|(then, _)| *then <= at), (at, on_hand));
            self.old.push(Old::Change(key, at));
        }
    }

    pub fn dispatch_mut(&mut self, at: usize) -> &mut Dispatch {
        self.old.push(Old::Dispatch(at, Box::new(self.dispatches[at].clone())));
        &mut self.dispatches[at]
    }

    fn document_mut(&mut self, at: usize) -> &mut Document {
        self.old.push(Old::Document(at, self.documents[at].clone()));
        &mut self.documents[at]
    }

    fn post(
        &mut self,
        kind: Kind,
        store: usize,
        moves: Vec<(usize, i64, Place, Place)>,
    ) -> Result<(), No> {
        if self.day() < self.today() - Days::new(DAYS_BACK) {
            return Err(TOO_FAR_BACK);
        }
        let document = self.documents.len();
        let mut movements = Vec::new();
        for (lot, units, from, to) in &moves {
            self.shift(*lot, *units, *from, *to)?;
            movements.push(self.moved(store, *lot, *units, *from, *to, false));
        }
        for (lot, _, from, _) in moves {
            if let Place::Store(store, state) = from
                && self.lowest(store, lot, state) < 0
            {
                return Err(LATE);
            }
        }
        self.documents.push(Document { kind, store, draft: None, cancelled: false, movements });
        debug_assert_eq!(document + 1, self.documents.len());
        Ok(())
    }

    fn moved(
        &mut self,
        store: usize,
        lot: usize,
        units: i64,
        from: Place,
        to: Place,
        is_reversal: bool,
    ) -> usize {
        let (reversed, fact) = (0, None);
        let movement = Movement { store, lot, units, from, to, reversed, is_reversal, fact };
        self.movements.push(movement);
        self.movements.len() - 1
    }

    fn receive(&mut self, by: usize, store: usize, lines: &[Received]) -> Result<Expected, No> {
        own_store(by, store)?;
        for line in lines {
            let expiry = expiry_of(line);
            if line.units < 1 || (expiry == Expiry::Unknown && line.state == Some(0)) {
                return Err(INVALID);
            }
        }
        let mut lots = BTreeMap::new();
        let mut moves = BTreeMap::new();
        let mut ordered: Vec<(usize, &Received)> = lines.iter().enumerate().collect();
        ordered.sort_by_key(|(_, line)| (line.item, line.number));
        for (number, line) in ordered {
            let expiry = expiry_of(line);
            let first = Makers { expiry, first_seen: self.now, recalled: false };
            let key = (line.item, line.number);
            if !self.makers.contains_key(&key) {
                self.old.push(Old::Makers(key, None));
            }
            let makers = self.makers.entry(key).or_insert(first);
            if makers.expiry != expiry {
                return Err((409, "lot_conflict"));
            }
            let lot = Lot { item: line.item, number: line.number, variant: line.variant };
            let name = *self.by_lot.entry(lot.clone()).or_insert_with(|| {
                self.lots.push(lot);
                self.lots.len() - 1
            });
            let usual = usize::from(expiry == Expiry::Unknown);
            let to = Place::Store(store, line.state.unwrap_or(usual));
            moves.insert(number, (name, line.units, Place::Outside, to));
            lots.insert(number, name);
        }
        let moves: Vec<_> = moves.into_values().collect();
        self.post(Kind::Receipt, store, moves.clone())?;
        self.clear(store, &moves)?;
        let lots = lots.into_values().collect();
        Ok(Expected { status: 201, lots, ..Expected::default() })
    }

    /// Why a lot in a state may not be used today, for a purpose and an owner.
    pub fn why_not(&self, lot: usize, state: usize, wish: Wish) -> bool {
        let lot = &self.lots[lot];
        let makers = &self.makers[&(lot.item, lot.number)];
        let expired = matches!(makers.expiry, Expiry::On(last) if self.day() > last);
        makers.recalled
            || expired
            || state != 0
            || makers.expiry == Expiry::Unknown
            || (lot.variant == 1 && !wish.owner)
            || (lot.variant == 2 && !wish.earmarked)
    }

    /// Whether a lot that was promised may still be shipped today.
    pub fn is_usable(&self, lot: usize) -> bool {
        !self.why_not(lot, 0, Wish { owner: true, earmarked: true })
    }

    /// The order in which lots are taken.
    fn first_expired(&self, lot: usize, state: usize) -> impl Ord + use<> {
        let of = &self.lots[lot];
        let makers = &self.makers[&(of.item, of.number)];
        let date = match makers.expiry {
            Expiry::On(day) => Some(day),
            Expiry::Never | Expiry::Unknown => None,
        };
        (date.is_none(), date, makers.first_seen, of.number, lot, state)
    }

    /// First expired, first out: what of an item serves a wish; `Err` where it is not enough.
    pub fn pick(
        &self,
        store: usize,
        item: usize,
        units: i64,
        only: Option<usize>,
        wish: Wish,
        taken: &[(usize, i64)],
    ) -> Result<Vec<(usize, i64)>, No> {
        let mut lots: Vec<(usize, usize, i64, i64)> = self
            .balances
            .range((store, 0, 0)..(store + 1, 0, 0))
            .filter(|((_, lot, _), (on_hand, _))| *on_hand > 0 && self.lots[*lot].item == item)
            .filter(|((_, lot, _), _)| only.is_none_or(|only| only == *lot))
            .map(|((_, lot, state), (on_hand, reserved))| {
                let before: i64 = taken.iter().filter(|t| t.0 == *lot).map(|t| t.1).sum();
                let before = if *state == 0 { before } else { 0 };
                (*lot, *state, on_hand - before, on_hand - before - reserved)
            })
            // What an earlier line emptied is not there to be passed over.
            .filter(|(_, _, left, _)| *left > 0)
            .collect();
        lots.sort_by_key(|(lot, state, ..)| self.first_expired(*lot, *state));
        let mut left = units;
        let mut served = Vec::new();
        let mut blocked = false;
        for (lot, state, _, free) in lots {
            if self.why_not(lot, state, wish) {
                blocked = true;
            } else if free > 0 && left > 0 {
                served.push((lot, free.min(left)));
                left -= free.min(left);
            }
        }
        if left == 0 {
            return Ok(served);
        }
        Err(if only.is_some() && blocked && served.is_empty() { BLOCKED } else { NOT_ENOUGH })
    }

    fn issue(
        &mut self,
        by: usize,
        store: usize,
        authority: bool,
        lines: &[Wanted],
    ) -> Result<Expected, No> {
        own_store(by, store)?;
        if lines.iter().any(|line| line.units < 1) {
            return Err(INVALID);
        }
        if !authority && lines.iter().any(|line| line.units > 10_000) {
            return Err((409, "authority_required"));
        }
        let mut taken: Vec<(usize, i64)> = Vec::new();
        for line in lines {
            let wish = Wish { owner: line.owner, earmarked: line.earmarked };
            let served = self.pick(store, line.item, line.units, line.only, wish, &taken)?;
            taken.extend(served);
        }
        let moves = taken
            .into_iter()
            .map(|(lot, units)| (lot, units, Place::Store(store, 0), Place::Outside))
            .collect();
        self.post(Kind::Issue, store, moves)?;
        Ok(created())
    }

    /// What has happened already is not refused: it takes what may be used, then what lies there
    /// though it may not, then what others were promised, the latest first; the rest stays open.
    fn fact(&mut self, by: usize, store: usize, lines: &[Wanted]) -> Result<Expected, No> {
        own_store(by, store)?;
        for line in lines {
            let of_item = |lot: usize| self.lots.get(lot).is_some_and(|lot| lot.item == line.item);
            if line.units < 1 || line.only.is_some_and(|lot| !of_item(lot)) {
                return Err(INVALID);
            }
        }
        if self.day() < self.today() - Days::new(DAYS_BACK) {
            return Err(TOO_FAR_BACK);
        }
        let mut movements = Vec::new();
        for line in lines {
            let drawn = self.draw(store, line)?;
            for (lot, state, units) in &drawn {
                let from = Place::Store(store, *state);
                self.shift(*lot, *units, from, Place::Outside)?;
                movements.push(self.moved(store, *lot, *units, from, Place::Outside, false));
            }
            let open = line.units - drawn.iter().map(|(.., units)| units).sum::<i64>();
            if open > 0 {
                let lot = line.only.unwrap_or(HOUSE_LOT);
                let outside = Place::Outside;
                let movement = self.moved(store, lot, open, outside, outside, false);
                self.movements[movement].fact = Some(self.facts.len());
                movements.push(movement);
                let (item, at, cleared) = (line.item, self.at, Vec::new());
                self.facts.push(Fact { store, item, open, at, cleared });
            }
        }
        let (draft, cancelled) = (None, false);
        self.documents.push(Document { kind: Kind::Issue, store, draft, cancelled, movements });
        Ok(created())
    }

    /// What a line of a fact takes, by lot and state; promises that stand in its way are cut.
    fn draw(&mut self, store: usize, line: &Wanted) -> Result<Vec<(usize, usize, i64)>, No> {
        let wish = Wish { owner: line.owner, earmarked: line.earmarked };
        let serves = |lot: usize| {
            self.lots[lot].item == line.item && line.only.is_none_or(|only| only == lot)
        };
        let mut held: Vec<(usize, usize, i64)> = self
            .balances
            .range((store, 0, 0)..(store + 1, 0, 0))
            .filter(|((_, lot, _), _)| serves(*lot))
            .map(|((_, lot, state), _)| (*lot, *state, self.lowest(store, *lot, *state).max(0)))
            .filter(|(.., takeable)| *takeable > 0)
            .collect();
        held.sort_by_key(|(lot, state, _)| {
            (self.why_not(*lot, *state, wish), self.first_expired(*lot, *state))
        });
        let mut left = line.units;
        let mut drawn: Vec<(usize, usize, i64)> = Vec::new();
        for (lot, state, takeable) in &held {
            let units = self.free(store, *lot, *state).min(*takeable).min(left);
            if units > 0 {
                drawn.push((*lot, *state, units));
                left -= units;
            }
        }
        let mut promises: Vec<(Instant, usize, usize, usize, i64)> = Vec::new();
        for (at, order) in self.dispatches.iter().enumerate().filter(|(_, o)| o.from == store) {
            for (number, of) in order.lines.iter().enumerate() {
                for (lot, units) in of.reserved.iter().filter(|(lot, _)| serves(*lot)) {
                    let promised_at = self.promised[&(at, number, *lot)];
                    promises.push((promised_at, at, number, *lot, *units));
                }
            }
        }
        promises.sort_unstable();
        for (_, at, number, lot, promised) in promises.into_iter().rev() {
            let Some(of) = held.iter().find(|of| (of.0, of.1) == (lot, 0)) else { continue };
            let mine = drawn.iter().position(|of| (of.0, of.1) == (lot, 0));
            let taken = mine.map_or(0, |mine| drawn[mine].2);
            let units = (of.2 - taken).min(promised).min(left);
            if units < 1 {
                continue;
            }
            left -= units;
            match mine {
                Some(mine) => drawn[mine].2 += units,
                None => drawn.push((lot, 0, units)),
            }
            let reserved = &mut self.dispatch_mut(at).lines[number].reserved;
            for promise in reserved.iter_mut().filter(|promise| promise.0 == lot) {
                promise.1 -= units;
            }
            reserved.retain(|promise| promise.1 > 0);
            self.give(store, lot, 0, 0, -units);
        }
        Ok(drawn)
    }

    /// What came to light late clears the facts that happened after it came.
    fn clear(&mut self, store: usize, came: &[(usize, i64, Place, Place)]) -> Result<(), No> {
        let came_at = self.at;
        let mut pieces = came.to_vec();
        let mut facts: Vec<usize> = (0..self.facts.len())
            .filter(|at| {
                let fact = &self.facts[*at];
                fact.store == store && fact.open > 0 && fact.at >= came_at
            })
            .collect();
        facts.sort_by_key(|at| (self.facts[*at].at, *at));
        for at in facts {
            self.at = self.facts[at].at;
            for (lot, units, _, to) in &mut pieces {
                let Place::Store(_, state) = *to else { continue };
                let taken = (*units).min(self.facts[at].open);
                if self.lots[*lot].item != self.facts[at].item || taken < 1 {
                    continue;
                }
                *units -= taken;
                self.shift(*lot, taken, *to, Place::Outside)?;
                let fact = self.fact_mut(at);
                fact.open -= taken;
                fact.cleared.push((*lot, state, taken));
            }
        }
        self.at = came_at;
        Ok(())
    }

    fn fact_mut(&mut self, at: usize) -> &mut Fact {
        self.old.push(Old::Fact(at, self.facts[at].clone()));
        &mut self.facts[at]
    }

    fn adjust(&mut self, by: usize, store: usize, lines: &[OfLot]) -> Result<Expected, No> {
        own_store(by, store)?;
        if lines.iter().any(|line| line.units == 0 || line.lot >= self.lots.len()) {
            return Err(INVALID);
        }
        let moves = lines
            .iter()
            .map(|line| {
                let here = Place::Store(store, line.state);
                match line.units {
                    less if less < 0 => (line.lot, -less, here, Place::Outside),
                    more => (line.lot, more, Place::Outside, here),
                }
            })
            .collect();
        self.post(Kind::Adjustment, store, moves)?;
        Ok(created())
    }

    fn change(
        &mut self,
        by: usize,
        store: usize,
        to: usize,
        lines: &[OfLot],
    ) -> Result<Expected, No> {
        own_store(by, store)?;
        for line in lines {
            let unknown = self
                .lots
                .get(line.lot)
                .is_some_and(|lot| self.makers[&(lot.item, lot.number)].expiry == Expiry::Unknown);
            if to == 0 && unknown {
                return Err(BLOCKED);
            }
        }
        if lines.iter().any(|line| line.state == to || line.lot >= self.lots.len()) {
            return Err(INVALID);
        }
        let moves = lines
            .iter()
            .map(|line| {
                (line.lot, line.units, Place::Store(store, line.state), Place::Store(store, to))
            })
            .collect();
        self.post(Kind::StateChange, store, moves)?;
        Ok(created())
    }

    fn write_off(&mut self, by: usize, store: usize, lines: &[OfLot]) -> Result<Expected, No> {
        own_store(by, store)?;
        if lines.iter().any(|line| line.lot >= self.lots.len()) {
            return Err(INVALID);
        }
        let units: i64 = lines.iter().map(|line| line.units).sum();
        // The lots of variant 3 cost 12 yuan each; above 100 units or 500 yuan somebody approves.
        let costly = lines.iter().filter(|line| self.lots[line.lot].variant == 3);
        let value: i64 = costly.map(|line| line.units * 12).sum();
        if units > 100 || value > 500 {
            self.old.push(Old::Drafts(self.drafts.clone()));
            self.drafts.push(self.documents.len());
            let draft = Some(lines.to_vec());
            let movements = Vec::new();
            let kind = Kind::WriteOff;
            self.documents.push(Document { kind, store, draft, cancelled: false, movements });
            return Ok(created());
        }
        self.post(Kind::WriteOff, store, written_off(store, lines))?;
        Ok(created())
    }

    fn decide(&mut self, document: usize, approved: bool) -> Result<Expected, No> {
        let Some(found) = self.documents.get(document).filter(|d| d.kind == Kind::WriteOff) else {
            return Err(NOT_FOUND);
        };
        let store = found.store;
        let Some(lines) = found.draft.clone().filter(|_| !found.cancelled) else {
            return Err(WRONG_STATUS);
        };
        if approved {
            for (lot, units, from, to) in written_off(store, &lines) {
                self.shift(lot, units, from, to)?;
                let movement = self.moved(store, lot, units, from, to, false);
                self.document_mut(document).movements.push(movement);
            }
            self.document_mut(document).draft = None;
        } else {
            self.document_mut(document).cancelled = true;
        }
        self.old.push(Old::Drafts(self.drafts.clone()));
        self.drafts.retain(|draft| *draft != document);
        Ok(Expected { status: 200, ..Expected::default() })
    }

    fn recall(&mut self, lot: usize) -> Result<Expected, No> {
        let Some(lot) = self.lots.get(lot) else { return Err(NOT_FOUND) };
        let key = (lot.item, lot.number);
        let makers = self.makers.get_mut(&key).expect("its maker's lot");
        if makers.recalled {
            return Err(WRONG_STATUS);
        }
        self.old.push(Old::Makers(key, Some(makers.clone())));
        makers.recalled = true;
        Ok(Expected { status: 200, ..Expected::default() })
    }

    fn reverse_movement(
        &mut self,
        by: usize,
        movement: usize,
        units: Option<i64>,
    ) -> Result<Expected, No> {
        if units.is_some_and(|units| units < 1) {
            return Err(INVALID);
        }
        let found = self.movements.get(movement).filter(|found| USERS[by].1 == Some(found.store));
        let Some(found) = found.cloned() else { return Err(NOT_FOUND) };
        if found.is_reversal {
            return Err(WRONG_STATUS);
        }
        let left = found.units - found.reversed;
        let units = units.unwrap_or(left);
        if units == 0 || units > left {
            return Err(REVERSED);
        }
        self.take_back(movement, units)?;
        self.take_clearings_back(&[(movement, units)])?;
        Ok(created())
    }

    fn take_back(&mut self, movement: usize, units: i64) -> Result<(), No> {
        let Movement { store, lot, from, to, .. } = self.movements[movement];
        self.shift(lot, units, to, from)?;
        self.old.push(Old::Movement(movement, self.movements[movement].clone()));
        self.movements[movement].reversed += units;
        self.moved(store, lot, units, to, from, true);
        Ok(())
    }

    /// With more of a fact than is still open, what had cleared it goes back, the latest first.
    fn take_clearings_back(&mut self, taken_back: &[(usize, i64)]) -> Result<(), No> {
        for (movement, units) in taken_back {
            let Movement { store, fact: Some(at), .. } = self.movements[*movement] else {
                continue;
            };
            let mut more = (units - self.facts[at].open).max(0);
            self.fact_mut(at).open -= units;
            for clearing in (0..self.facts[at].cleared.len()).rev() {
                let (lot, state, cleared) = self.facts[at].cleared[clearing];
                let units = cleared.min(more);
                if units < 1 {
                    continue;
                }
                more -= units;
                let to = Place::Store(store, state);
                self.shift(lot, units, Place::Outside, to)?;
                self.moved(store, lot, units, Place::Outside, to, true);
                let fact = self.fact_mut(at);
                fact.cleared[clearing].2 -= units;
                fact.open += units;
            }
        }
        Ok(())
    }

    fn reverse_document(&mut self, by: usize, document: usize) -> Result<Expected, No> {
        let found = self.documents.get(document).filter(|found| USERS[by].1 == Some(found.store));
        let Some(found) = found else { return Err(NOT_FOUND) };
        let mut taken_back = Vec::new();
        for movement in found.movements.clone() {
            let left = self.movements[movement].units - self.movements[movement].reversed;
            if left > 0 {
                taken_back.push((movement, left));
                self.take_back(movement, left)?;
            }
        }
        self.take_clearings_back(&taken_back)?;
        if taken_back.is_empty() { Err(REVERSED) } else { Ok(created()) }
    }

    fn race(&mut self, store: usize, item: usize, units: i64, count: usize) -> Expected {
        let mut winners = 0;
        let line = Wanted { item, units, only: None, owner: false, earmarked: false };
        for _ in 0..count {
            if self.issue(store, store, false, std::slice::from_ref(&line)).is_ok() {
                winners += 1;
            }
        }
        Expected { status: 201, winners, ..Expected::default() }
    }

    // ---- what chance chooses from -------------------------------------------------------------

    /// The user who would do it.
    pub fn who(&self, command: &Command) -> usize {
        let of_order = |dispatch: &usize| &self.dispatches[*dispatch];
        match command {
            Command::Late { posting, .. } => self.who(posting),
            Command::Receive { store, .. }
            | Command::Issue { store, .. }
            | Command::Adjust { store, .. }
            | Command::ChangeState { store, .. }
            | Command::WriteOff { store, .. }
            | Command::Race { store, .. } => *store,
            Command::Decide { .. } | Command::Recall { .. } => 3,
            Command::ReverseMovement { movement, .. } => {
                self.movements.get(*movement).map_or(0, |movement| movement.store)
            }
            Command::ReverseDocument { document } => {
                self.documents.get(*document).map_or(0, |document| document.store)
            }
            Command::CreateDispatch { from, to, lines } => {
                [*from, *to, 3][lines.iter().map(|line| line.0).sum::<usize>() % 3]
            }
            Command::Approve { .. } | Command::Redirect { .. } | Command::Cancel { .. } => 3,
            Command::Pick { dispatch, .. } | Command::Ship { dispatch, .. } => {
                of_order(dispatch).from
            }
            Command::Sign { dispatch, .. }
            | Command::Unsign { dispatch, .. }
            | Command::Unseen { dispatch, .. }
            | Command::Close { dispatch } => of_order(dispatch).to,
            Command::Repeat { .. } | Command::Reuse { .. } => 0,
        }
    }

    /// One of the newest of so many, and once in a while one that is not there.
    fn recent(chance: &mut Chance, count: usize, window: usize) -> usize {
        if count == 0 || chance.one_in(100) {
            return count + 7;
        }
        count - 1 - chance.below(count.min(window) as u64) as usize
    }

    pub fn some_lot(&self, chance: &mut Chance) -> usize {
        Self::recent(chance, self.lots.len(), 40)
    }

    /// A number on a label: those that are bought now expire over the next months.
    pub fn some_number(&self, chance: &mut Chance) -> usize {
        let start = NaiveDate::from_ymd_opt(2026, 3, 1).unwrap();
        let months = self.today().signed_duration_since(start).num_days() / 25;
        usize::try_from(months.max(0)).unwrap() + chance.below(8) as usize
    }

    pub fn some_movement(&self, chance: &mut Chance) -> usize {
        Self::recent(chance, self.movements.len(), 300)
    }

    pub fn some_document(&self, chance: &mut Chance) -> usize {
        Self::recent(chance, self.documents.len(), 100)
    }

    pub fn some_draft(&self, chance: &mut Chance) -> usize {
        if self.drafts.is_empty() || chance.one_in(10) {
            return self.some_document(chance);
        }
        *chance.of(&self.drafts)
    }

    pub fn some_dispatch(&self, chance: &mut Chance) -> Option<usize> {
        (!self.dispatches.is_empty()).then(|| {
            let newest = self.dispatches.len().min(30);
            self.dispatches.len() - 1 - chance.below(newest as u64) as usize
        })
    }

    pub fn some_done(&self, chance: &mut Chance) -> usize {
        if self.done.is_empty() {
            return 0;
        }
        let newest = self.done.len().min(500);
        self.done[self.done.len() - 1 - chance.below(newest as u64) as usize].0
    }

    // ---- what is compared ---------------------------------------------------------------------

    /// All balances as text, one a line, in one order.
    pub fn export(&self) -> String {
        let mut lines = Vec::new();
        for ((store, lot, state), (on_hand, reserved)) in &self.balances {
            if (*on_hand, *reserved) != (0, 0) {
                let (store, state) = (STORES[*store], STATES[*state]);
                lines.push(format!("{store} lot{lot} {state} {on_hand} {reserved}"));
            }
        }
        for (at, dispatch) in self.dispatches.iter().enumerate() {
            dispatch.export(at, &mut lines);
        }
        for (at, fact) in self.facts.iter().enumerate().filter(|(_, fact)| fact.open > 0) {
            lines.push(format!("fact{at} {} open {}", STORES[fact.store], fact.open));
        }
        lines.sort_unstable();
        lines.join("\n")
    }

    /// How many answers of each kind there were.
    pub fn summary(&self) -> String {
        let counts: Vec<String> = self
            .answers
            .iter()
            .map(|((status, code), count)| format!("{status} {code}: {count}"))
            .collect();
        counts.join(", ")
    }

    /// Every answer that the model knows has been given: chance reaches every corner.
    pub fn cover_every_code(worlds: &[Self]) {
        let answers = worlds.iter().flat_map(|world| world.answers.keys());
        let met: BTreeSet<&str> = answers.map(|(_, code)| *code).collect();
        for code in [
            "",
            "validation_failed",
            "insufficient_stock",
            "lot_blocked",
            "lot_conflict",
            "wrong_status",
            "already_reversed",
            "late_entry",
            "too_far_back",
            "not_found",
            "forbidden",
            "store_out_of_scope",
            "own_document",
            "authority_required",
            "transit_not_empty",
            "idempotency_key_reused",
            "precondition_required",
            "stale_version",
        ] {
            assert!(met.contains(code), "no command was answered with {code:?}");
        }
    }
}

/// The expiry on a label.
pub fn expiry_of(line: &Received) -> Expiry {
    let first = NaiveDate::from_ymd_opt(2026, 3, 20).unwrap();
    match line.number % 11 {
        9 => Expiry::Never,
        10 => Expiry::Unknown,
        _ => Expiry::On(first + Days::new(25 * line.number as u64 + u64::from(line.misprinted))),
    }
}

/// What a request may be served from.
#[derive(Debug, Clone, Copy)]
pub struct Wish {
    pub owner: bool,
    pub earmarked: bool,
}

pub fn created() -> Expected {
    Expected { status: 201, ..Expected::default() }
}

fn written_off(store: usize, lines: &[OfLot]) -> Vec<(usize, i64, Place, Place)> {
    lines
        .iter()
        .map(|line| (line.lot, line.units, Place::Store(store, line.state), Place::Outside))
        .collect()
}

/// Whether the user's role has the right at all.
fn allowed(by: usize, command: &Command) -> Result<(), No> {
    let keeper = USERS[by].1.is_some();
    let right = match command {
        Command::Decide { .. }
        | Command::Recall { .. }
        | Command::Approve { .. }
        | Command::Redirect { .. }
        | Command::Cancel { .. } => !keeper,
        Command::CreateDispatch { .. } | Command::Close { .. } | Command::Unseen { .. } => true,
        _ => keeper,
    };
    if right { Ok(()) } else { Err(FORBIDDEN) }
}

/// A keeper acts in the own store; a commander in the whole region.
pub fn own_store(by: usize, store: usize) -> Result<(), No> {
    match USERS[by].1 {
        Some(own) if own != store => Err(OUT_OF_SCOPE),
        _ => Ok(()),
    }
}

/// Something as it was before a step changed it.
#[derive(Debug, Clone)]
enum Old {
    Balance((usize, usize, usize), (i64, i64)),
    Makers((usize, usize), Option<Makers>),
    Movement(usize, Movement),
    Document(usize, Document),
    Dispatch(usize, Box<Dispatch>),
    Drafts(Vec<usize>),
    Fact(usize, Fact),
    Change((usize, usize, usize), Instant),
}

/// How much there was before a step.
struct Before {
    lots: usize,
    documents: usize,
    movements: usize,
    dispatches: usize,
    facts: usize,
}

impl Before {
    fn of(world: &mut World) -> Self {
        world.old.clear();
        Self {
            lots: world.lots.len(),
            documents: world.documents.len(),
            movements: world.movements.len(),
            dispatches: world.dispatches.len(),
            facts: world.facts.len(),
        }
    }

    /// Puts everything back, the newest change first.
    fn restore(self, world: &mut World) {
        while let Some(old) = world.old.pop() {
            match old {
                Old::Balance(key, (0, 0)) => drop(world.balances.remove(&key)),
                Old::Balance(key, balance) => drop(world.balances.insert(key, balance)),
                Old::Makers(key, None) => drop(world.makers.remove(&key)),
                Old::Makers(key, Some(makers)) => drop(world.makers.insert(key, makers)),
                Old::Movement(at, movement) => world.movements[at] = movement,
                Old::Document(at, document) => world.documents[at] = document,
                Old::Dispatch(at, dispatch) => world.dispatches[at] = *dispatch,
                Old::Drafts(drafts) => world.drafts = drafts,
                Old::Fact(at, fact) => world.facts[at] = fact,
                Old::Change(key, at) => {
                    let changes = world.changes.get_mut(&key).expect("it was changed");
                    changes.remove(changes.partition_point(|(then, _)| *then <= at) - 1);
                }
            }
        }
        for lot in world.lots.drain(self.lots..) {
            world.by_lot.remove(&lot);
        }
        world.documents.truncate(self.documents);
        world.movements.truncate(self.movements);
        world.dispatches.truncate(self.dispatches);
        world.facts.truncate(self.facts);
    }
}
