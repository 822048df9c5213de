//! The model: what a county's stock is, told as simply as it can be.

use crate::command::{Command, OfLot, Received, STATES, STORES, Step, USERS, Wanted};
use crate::counts::{ABSORBED, Place as At, Stocktake};
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
    /// How many lines the sheet has that is spoken of.
    pub lines: usize,
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

/// The number and the provenance of the lot under which goods go that no lot can be named for.
const HOUSE: (usize, usize) = (1_000_000, 9);

/// A keeper posts at most so many days back.
pub const DAYS_BACK: u64 = 92;

/// What was found to have been handed out of a fact.
#[derive(Debug, Clone, Copy)]
pub enum Cleared {
    /// Units of a lot in a state, at a business time.
    ByStock { lot: usize, state: usize, units: i64, at: Instant },
    /// A count has taken the difference upon itself.
    ByCount { units: i64 },
}

/// What was handed out and was in no book.
#[derive(Debug, Clone)]
pub struct Fact {
    pub store: usize,
    pub item: usize,
    /// The lot that carries it.
    pub lot: usize,
    pub open: i64,
    pub at: Instant,
    /// The oldest first.
    pub cleared: Vec<Cleared>,
}

/// Units that moved.
#[derive(Debug, Clone)]
pub struct Movement {
    pub store: usize,
    pub lot: usize,
    pub units: i64,
    pub from: Place,
    pub to: Place,
    pub at: Instant,
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
    pub changes: BTreeMap<At, Vec<(Instant, i64)>>,
    pub documents: Vec<Document>,
    pub movements: Vec<Movement>,
    pub dispatches: Vec<Dispatch>,
    pub facts: Vec<Fact>,
    pub stocktakes: Vec<Stocktake>,
    /// When each place was counted, and by which stocktake, in the order of time.
    pub marks: BTreeMap<At, Vec<(Instant, usize)>>,
    /// When a lot was promised to a line of a dispatch.
    pub promised: BTreeMap<(usize, usize, usize), Instant>,
    /// Commands that took effect: number, user, command, status.
    done: Vec<(usize, usize, u16)>,
    drafts: Vec<usize>,
    answers: BTreeMap<(u16, &'static str), usize>,
    pub old: Vec<Old>,
    /// A fault put in on purpose: stock that was promised counts as free.
    pub forgets_promises: bool,
    /// A fault put in on purpose: a count is held against the book of the sheet, not of its moment.
    pub forgets_movements_while_counting: bool,
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
            stocktakes: Vec::new(),
            marks: BTreeMap::new(),
            promised: BTreeMap::new(),
            done: Vec::new(),
            drafts: Vec::new(),
            answers: BTreeMap::new(),
            old: Vec::new(),
            forgets_promises: false,
            forgets_movements_while_counting: false,
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
        self.day_at(self.at)
    }

    pub fn day_at(&self, moment: Instant) -> NaiveDate {
        BusinessZone::default().day_of(moment)
    }

    pub fn maker_of(&self, lot: usize) -> (usize, usize) {
        (self.lots[lot].item, self.lots[lot].number)
    }

    pub fn date_of(&self, lot: usize) -> Option<NaiveDate> {
        match self.makers[&self.maker_of(lot)].expiry {
            Expiry::On(day) => Some(day),
            Expiry::Never | Expiry::Unknown => None,
        }
    }

    pub fn is_unknown(&self, lot: usize) -> bool {
        self.makers[&self.maker_of(lot)].expiry == Expiry::Unknown
    }

    /// The lot of a maker's lot and provenance, made where there is none.
    pub fn lot_named(&mut self, lot: Lot) -> usize {
        *self.by_lot.entry(lot.clone()).or_insert_with(|| {
            self.lots.push(lot);
            self.lots.len() - 1
        })
    }

    fn house_lot(&mut self, item: usize) -> usize {
        let (number, variant) = HOUSE;
        let key = (item, number);
        if !self.makers.contains_key(&key) {
            self.old.push(Old::Makers(key, None));
            let (expiry, first_seen, recalled) = (Expiry::Unknown, self.now, false);
            self.makers.insert(key, Makers { expiry, first_seen, recalled });
        }
        self.lot_named(Lot { item, number, variant })
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
            Command::Match { fact, lot, units } => self.match_fact(by, *fact, *lot, *units),
            Command::Correct { lot, right } => self.correct(*lot, *right),
            Command::BeginCount { .. }
            | Command::EnterCounts { .. }
            | Command::ExplainCount { .. }
            | Command::HandInCount { .. }
            | Command::ApproveCount { .. }
            | Command::PostCount { .. }
            | Command::CancelCount { .. } => self.judge_count(by, command),
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
        self.give_at(self.at, (store, lot, state), on_hand, reserved);
    }

    pub fn give_at(&mut self, at: Instant, key: At, on_hand: i64, reserved: i64) {
        let balance = self.balances.entry(key).or_default();
        self.old.push(Old::Balance(key, *balance));
        balance.0 += on_hand;
        balance.1 += reserved;
        if *balance == (0, 0) {
            self.balances.remove(&key);
        }
        if on_hand != 0 {
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
        self.enter(&moves)?;
        let mut movements = Vec::new();
        for (lot, units, from, to) in moves {
            movements.push(self.moved(store, lot, units, from, to, false));
        }
        self.documents.push(Document { kind, store, draft: None, cancelled: false, movements });
        debug_assert_eq!(document + 1, self.documents.len());
        Ok(())
    }

    /// Moves units at the time of what is being judged. What was counted since answers, so that the
    /// book of the count's moment stays: it gives back before what is taken, and takes after what
    /// is brought.
    fn enter(&mut self, moves: &[(usize, i64, Place, Place)]) -> Result<(), No> {
        let mut taken = Vec::new();
        for (lot, units, from, to) in moves {
            for (place, brings) in [(from, false), (to, true)] {
                let Place::Store(store, state) = *place else { continue };
                let Some(counted) = self.first_count((store, *lot, state)) else { continue };
                if brings {
                    taken.push((counted, (store, *lot, state), -units));
                } else {
                    self.give_at(counted, (store, *lot, state), *units, 0);
                }
            }
        }
        for (lot, units, from, to) in moves {
            self.shift(*lot, *units, *from, *to)?;
        }
        for (lot, _, from, _) in moves {
            if let Place::Store(store, state) = *from
                && self.lowest(store, *lot, state) < 0
            {
                return Err(LATE);
            }
        }
        for (counted, place, units) in taken {
            self.give_at(counted, place, units, 0);
        }
        Ok(())
    }

    /// When a place was first counted after the time of what is being judged, where that is past.
    fn first_count(&self, place: At) -> Option<Instant> {
        let marks = self.marks.get(&place).filter(|_| self.at < self.now)?;
        marks.iter().map(|(counted, _)| *counted).find(|counted| *counted >= self.at)
    }

    /// The most of a place that can have left at the time of what is being judged: up to the first
    /// count since, or for ever.
    fn takeable(&self, place: At) -> i64 {
        let Some(counted) = self.first_count(place) else {
            return self.lowest(place.0, place.1, place.2).max(0);
        };
        let changes = self.changes.get(&place).map_or(&[][..], Vec::as_slice);
        let mut running = self.book(place, self.at);
        let mut lowest = running;
        for (at, change) in changes {
            if *at > self.at && *at <= counted {
                running += change;
                lowest = lowest.min(running);
            }
        }
        lowest.max(0)
    }

    /// What an outflow finds in a store, by lot and state: on hand and free. What was counted since
    /// is as it was then; all else as it is.
    fn found(&self, store: usize) -> Vec<(usize, usize, i64, i64)> {
        let mut found: BTreeMap<(usize, usize), (i64, i64)> = self
            .balances
            .range((store, 0, 0)..(store + 1, 0, 0))
            .map(|((_, lot, state), (on_hand, reserved))| {
                let free = if self.forgets_promises { *on_hand } else { on_hand - reserved };
                ((*lot, *state), (*on_hand, free))
            })
            .collect();
        if self.at < self.now {
            for ((_, lot, state), _) in self.marks.range((store, 0, 0)..(store + 1, 0, 0)) {
                if self.first_count((store, *lot, *state)).is_some() {
                    let takeable = self.takeable((store, *lot, *state));
                    found.insert((*lot, *state), (takeable, takeable));
                }
            }
        }
        let held = found.into_iter().filter(|(_, (on_hand, _))| *on_hand > 0);
        held.map(|((lot, state), (on_hand, free))| (lot, state, on_hand, free)).collect()
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
        let at = self.at;
        let movement = Movement { store, lot, units, from, to, at, reversed, is_reversal, fact };
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
            let name = self.lot_named(lot);
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
    pub fn first_expired(&self, lot: usize, state: usize) -> impl Ord + use<> {
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
            .found(store)
            .into_iter()
            .filter(|(lot, ..)| self.lots[*lot].item == item)
            .filter(|(lot, ..)| only.is_none_or(|only| only == *lot))
            .map(|(lot, state, on_hand, free)| {
                let before: i64 = taken.iter().filter(|t| t.0 == lot).map(|t| t.1).sum();
                let before = if state == 0 { before } else { 0 };
                (lot, state, on_hand - before, free - before)
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
            let outside = Place::Outside;
            let moves: Vec<_> = drawn
                .iter()
                .map(|(lot, state, units)| (*lot, *units, Place::Store(store, *state), outside))
                .collect();
            self.enter(&moves)?;
            for (lot, units, from, to) in moves {
                movements.push(self.moved(store, lot, units, from, to, false));
            }
            let open = line.units - drawn.iter().map(|(.., units)| units).sum::<i64>();
            if open > 0 {
                let lot = match line.only {
                    Some(named) => named,
                    None => self.house_lot(line.item),
                };
                let movement = self.moved(store, lot, open, outside, outside, false);
                self.movements[movement].fact = Some(self.facts.len());
                movements.push(movement);
                let (item, at, cleared) = (line.item, self.at, Vec::new());
                self.facts.push(Fact { store, item, lot, open, at, cleared });
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
        let mut held: Vec<(usize, usize, i64, i64)> = self
            .found(store)
            .into_iter()
            .filter(|(lot, ..)| serves(*lot))
            .map(|(lot, state, _, free)| (lot, state, self.takeable((store, lot, state)), free))
            .filter(|(.., takeable, _)| *takeable > 0)
            .collect();
        held.sort_by_key(|(lot, state, ..)| {
            (self.why_not(*lot, *state, wish), self.first_expired(*lot, *state))
        });
        let mut left = line.units;
        let mut drawn: Vec<(usize, usize, i64)> = Vec::new();
        for (lot, state, takeable, free) in &held {
            let units = (*free).min(*takeable).min(left);
            if units > 0 {
                drawn.push((*lot, *state, units));
                left -= units;
            }
        }
        let mut promises: Vec<(Instant, usize, usize, usize, i64)> = Vec::new();
        for (at, order) in self.dispatches.iter().enumerate().filter(|(_, o)| o.from == store) {
            for (number, of) in order.lines.iter().enumerate() {
                // What was counted since is there for them as before.
                let concerned =
                    |lot: usize| serves(lot) && self.first_count((store, lot, 0)).is_none();
                for (lot, units) in of.reserved.iter().filter(|(lot, _)| concerned(*lot)) {
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
            self.dispatch_mut(at).lose(number, lot, units);
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
        // By item, then by fact.
        facts.sort_by_key(|at| self.facts[*at].item);
        for at in facts {
            let fact_at = self.facts[at].at;
            let mut moves = Vec::new();
            for (lot, units, _, to) in &mut pieces {
                let Place::Store(_, state) = *to else { continue };
                // What was counted in between is in the book already.
                let marks = self.marks.get(&(store, *lot, state)).map_or(&[][..], Vec::as_slice);
                let counted = marks.iter().any(|(at, _)| *at >= came_at && *at < fact_at);
                let taken = (*units).min(self.facts[at].open);
                if self.lots[*lot].item != self.facts[at].item || taken < 1 || counted {
                    continue;
                }
                *units -= taken;
                moves.push((*lot, taken, *to, Place::Outside));
                let fact = self.fact_mut(at);
                fact.open -= taken;
                let (lot, units, at) = (*lot, taken, fact_at);
                fact.cleared.push(Cleared::ByStock { lot, state, units, at });
            }
            self.at = fact_at;
            self.enter(&moves)?;
        }
        self.at = came_at;
        Ok(())
    }

    pub fn fact_mut(&mut self, at: usize) -> &mut Fact {
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
        Ok(done())
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
        Ok(done())
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
        self.take_all_back(&[(movement, units)])?;
        Ok(created())
    }

    /// Takes movements back, and what must go back with a fact: with more of it than is still open,
    /// what had cleared it, the latest first.
    fn take_all_back(&mut self, targets: &[(usize, i64)]) -> Result<(), No> {
        let mut clearings = Vec::new();
        for (movement, units) in targets {
            let Some(at) = self.movements[*movement].fact else { continue };
            let mut more = (units - self.facts[at].open).max(0);
            for (number, cleared) in self.facts[at].cleared.iter().enumerate().rev() {
                let (Cleared::ByStock { units, .. } | Cleared::ByCount { units }) = *cleared;
                let units = units.min(more);
                if units < 1 {
                    continue;
                }
                if matches!(cleared, Cleared::ByCount { .. }) {
                    return Err((409, "in_use"));
                }
                more -= units;
                clearings.push((at, number, units));
            }
        }
        for (movement, _) in targets {
            let Movement { lot, from, to, at, .. } = self.movements[*movement];
            if [from, to].into_iter().any(|place| self.is_absorbed(lot, place, at)) {
                return Err(ABSORBED);
            }
        }
        for (fact, number, _) in &clearings {
            let of = &self.facts[*fact];
            if let Cleared::ByStock { lot, state, at, .. } = of.cleared[*number]
                && self.is_absorbed(lot, Place::Store(of.store, state), at)
            {
                return Err(ABSORBED);
            }
        }
        for (movement, units) in targets {
            let Movement { store, lot, from, to, fact, .. } = self.movements[*movement];
            self.shift(lot, *units, to, from)?;
            self.old.push(Old::Movement(*movement, self.movements[*movement].clone()));
            self.movements[*movement].reversed += units;
            self.moved(store, lot, *units, to, from, true);
            if let Some(fact) = fact {
                self.fact_mut(fact).open -= units;
            }
        }
        for (fact, number, units) in clearings {
            let store = self.facts[fact].store;
            let of = self.fact_mut(fact);
            of.open += units;
            let Cleared::ByStock { lot, state, units: cleared, .. } = &mut of.cleared[number]
            else {
                unreachable!("refused above")
            };
            *cleared -= units;
            let (lot, to) = (*lot, Place::Store(store, *state));
            self.shift(lot, units, Place::Outside, to)?;
            self.moved(store, lot, units, Place::Outside, to, true);
        }
        Ok(())
    }

    /// Whether a count has made up for what moved at a place at a time.
    pub fn is_absorbed(&self, lot: usize, place: Place, at: Instant) -> bool {
        let Place::Store(store, state) = place else { return false };
        let marks = self.marks.get(&(store, lot, state));
        marks.is_some_and(|marks| marks.iter().any(|(counted, _)| *counted >= at))
    }

    fn reverse_document(&mut self, by: usize, document: usize) -> Result<Expected, No> {
        let found = self.documents.get(document).filter(|found| USERS[by].1 == Some(found.store));
        let Some(found) = found else { return Err(NOT_FOUND) };
        let left = |movement: &usize| {
            let of = &self.movements[*movement];
            (*movement, of.units - of.reversed)
        };
        let targets: Vec<(usize, i64)> =
            found.movements.iter().map(left).filter(|(_, left)| *left > 0).collect();
        if targets.is_empty() {
            return Err(REVERSED);
        }
        self.take_all_back(&targets)?;
        Ok(created())
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
            Command::Decide { .. }
            | Command::Recall { .. }
            | Command::Correct { .. }
            | Command::ApproveCount { .. } => 3,
            Command::Match { fact, .. } => self.facts.get(*fact).map_or(0, |fact| fact.store),
            Command::BeginCount { store, .. } => *store,
            Command::EnterCounts { stocktake, .. }
            | Command::ExplainCount { stocktake }
            | Command::HandInCount { stocktake, .. }
            | Command::PostCount { stocktake, .. }
            | Command::CancelCount { stocktake } => {
                self.stocktakes.get(*stocktake).map_or(0, |taken| taken.store)
            }
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

    /// An open fact, mostly.
    pub fn some_fact(&self, chance: &mut Chance) -> usize {
        let open: Vec<usize> =
            (0..self.facts.len()).rev().filter(|at| self.facts[*at].open > 0).take(20).collect();
        if open.is_empty() || chance.one_in(20) {
            return Self::recent(chance, self.facts.len(), 40);
        }
        *chance.of(&open)
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
        for (at, taken) in self.stocktakes.iter().enumerate() {
            if let Some(status) = taken.under_way() {
                lines.push(format!("stocktake{at} {status}"));
            }
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
            "absorbed_by_count",
            "count_incomplete",
            "already_counted",
            "approval_required",
            "in_use",
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
    match line.number % 11 {
        9 => Expiry::Never,
        10 => Expiry::Unknown,
        _ => Expiry::On(last_day(line.number) + Days::new(u64::from(line.misprinted))),
    }
}

/// The expiry that a correction names by the number of the lots that bear it.
pub fn expiry_on(number: usize) -> Expiry {
    if number % 11 == 9 { Expiry::Never } else { Expiry::On(last_day(number)) }
}

pub fn last_day(number: usize) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 3, 20).unwrap() + Days::new(25 * number as u64)
}

/// What a request may be served from.
#[derive(Debug, Clone, Copy)]
pub struct Wish {
    pub owner: bool,
    pub earmarked: bool,
}

pub fn done() -> Expected {
    Expected { status: 200, ..Expected::default() }
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
        | Command::Correct { .. }
        | Command::ApproveCount { .. }
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
pub enum Old {
    Balance((usize, usize, usize), (i64, i64)),
    Makers((usize, usize), Option<Makers>),
    Movement(usize, Movement),
    Document(usize, Document),
    Dispatch(usize, Box<Dispatch>),
    Drafts(Vec<usize>),
    Fact(usize, Fact),
    Change((usize, usize, usize), Instant),
    Stocktake(usize, Box<Stocktake>),
    Mark(At, (Instant, usize)),
}

/// How much there was before a step.
struct Before {
    lots: usize,
    documents: usize,
    movements: usize,
    dispatches: usize,
    facts: usize,
    stocktakes: usize,
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
            stocktakes: world.stocktakes.len(),
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
                Old::Stocktake(at, taken) => world.stocktakes[at] = *taken,
                Old::Mark(place, mark) => {
                    world.marks.get_mut(&place).expect("a mark").retain(|one| *one != mark);
                }
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
        world.stocktakes.truncate(self.stocktakes);
    }
}
