//! What can be done, and how often chance does it.

use crate::corrections::Right;
use crate::counts::CountOf;
use crate::support::chance::Chance;
use crate::world::{Expected, World};
use changbei::kernel::Instant;

/// The stores, by their place in this list.
pub const STORES: [&str; 3] = ["QN-DEPOT", "QN-HOSP", "QN-TOWN"];
/// The items.
pub const ITEMS: [&str; 3] = ["D03", "E02", "M02"];
/// The users: name, whether a commander, the own store of a keeper.
pub const USERS: [(&str, Option<usize>); 5] = [
    ("keeper.depot", Some(0)),
    ("keeper.hospital", Some(1)),
    ("keeper.town", Some(2)),
    ("commander", None),
    ("deputy", None),
];
/// The states of stock, in the order in which they are listed.
pub const STATES: [&str; 5] = ["available", "pending_inspection", "quarantined", "held", "damaged"];

/// A line of a receipt.
#[derive(Debug, Clone)]
pub struct Received {
    pub item: usize,
    /// The maker's lot of the item, by number; every tenth expires never, every eleventh unknown.
    pub number: usize,
    /// Whose stock: 0 the county's, 1 a hospital's own, 2 earmarked, 3 with a cost.
    pub variant: usize,
    pub units: i64,
    pub state: Option<usize>,
    /// Whether the label names another expiry than the book.
    pub misprinted: bool,
}

/// A line of an issue.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub item: usize,
    pub units: i64,
    pub only: Option<usize>,
    pub owner: bool,
    pub earmarked: bool,
}

/// A line about one lot in one state.
#[derive(Debug, Clone)]
pub struct OfLot {
    pub lot: usize,
    pub state: usize,
    pub units: i64,
}

/// What a receiver counts of one lot of one line.
#[derive(Debug, Clone)]
pub struct Counted {
    pub line: usize,
    pub lot: usize,
    /// Received, damaged, lost, returned, over.
    pub fates: [i64; 5],
}

/// One command. Lots, documents and the rest are named by the order in which they came.
#[derive(Debug, Clone)]
pub enum Command {
    Receive {
        store: usize,
        lines: Vec<Received>,
    },
    /// What someone asks for, or with `fact` what has happened already.
    Issue {
        store: usize,
        authority: bool,
        fact: bool,
        lines: Vec<Wanted>,
    },
    Adjust {
        store: usize,
        lines: Vec<OfLot>,
    },
    ChangeState {
        store: usize,
        to: usize,
        lines: Vec<OfLot>,
    },
    WriteOff {
        store: usize,
        lines: Vec<OfLot>,
    },
    Decide {
        document: usize,
        approved: bool,
    },
    Recall {
        lot: usize,
    },
    ReverseMovement {
        movement: usize,
        units: Option<i64>,
    },
    ReverseDocument {
        document: usize,
    },
    CreateDispatch {
        from: usize,
        to: usize,
        lines: Vec<(usize, i64)>,
    },
    Approve {
        dispatch: usize,
        cut: Option<(i64, bool)>,
    },
    Pick {
        dispatch: usize,
        less: Option<(usize, usize, i64, bool)>,
    },
    Ship {
        dispatch: usize,
        part: Option<(usize, i64)>,
        last: bool,
    },
    Sign {
        dispatch: usize,
        counted: Option<Vec<Counted>>,
    },
    Unsign {
        dispatch: usize,
        signing: usize,
    },
    Redirect {
        dispatch: usize,
        to: usize,
    },
    Close {
        dispatch: usize,
    },
    Cancel {
        dispatch: usize,
    },
    /// A fact set against stock by hand.
    Match {
        fact: usize,
        lot: Option<usize>,
        units: Option<i64>,
    },
    /// A label put right, of the maker's lot of a lot.
    Correct {
        lot: usize,
        right: Right,
    },
    /// A sheet made from the book of so many minutes ago.
    BeginCount {
        store: usize,
        item: Option<usize>,
        rounds: i64,
        minutes: i64,
    },
    /// Counted so many minutes ago.
    EnterCounts {
        stocktake: usize,
        round: i64,
        counter: usize,
        minutes: i64,
        counts: Vec<(CountOf, i64)>,
    },
    ExplainCount {
        stocktake: usize,
    },
    HandInCount {
        stocktake: usize,
        keep: bool,
    },
    ApproveCount {
        stocktake: usize,
    },
    PostCount {
        stocktake: usize,
        keep: bool,
    },
    CancelCount {
        stocktake: usize,
    },
    /// A posting that is entered so many minutes after it happened.
    Late {
        minutes: i64,
        posting: Box<Self>,
    },
    /// The same request once more, under the same key.
    Repeat {
        number: usize,
    },
    /// Another request under a key that is in use.
    Reuse {
        number: usize,
    },
    /// An action on a document that its caller has not seen (`If-Match` missing or stale).
    Unseen {
        dispatch: usize,
        missing: bool,
    },
    /// Several issues of one size at the same moment, each in a transaction of its own.
    Race {
        store: usize,
        item: usize,
        units: i64,
        count: usize,
    },
}

/// A command with its place in the run and what the model says of it.
#[derive(Debug, Clone)]
pub struct Step {
    pub number: usize,
    pub by: usize,
    pub now: Instant,
    pub command: Command,
    pub expected: Expected,
}

impl Command {
    /// A command that somebody might try next, usually one that makes sense.
    pub fn any(chance: &mut Chance, world: &World) -> (usize, Self) {
        let command = Self::of_kind(chance.below(130), chance, world).or_late(chance);
        let usual = world.who(&command);
        let by = if chance.one_in(40) { chance.below(5) as usize } else { usual };
        // Between themselves, the commanders take turns.
        (if by == 3 && chance.one_in(2) { 4 } else { by }, command)
    }

    /// Now and then what is posted happened hours ago, and once in a while too long ago.
    fn or_late(self, chance: &mut Chance) -> Self {
        let may_be_late = matches!(
            self,
            Self::Receive { .. }
                | Self::Issue { .. }
                | Self::Adjust { .. }
                | Self::ChangeState { .. }
                | Self::WriteOff { .. }
        );
        if !may_be_late || !chance.one_in(5) {
            return self;
        }
        let minutes = if chance.one_in(40) { 200_000 } else { chance.between(1, 2_000) };
        Self::Late { minutes, posting: Box::new(self) }
    }

    fn of_kind(kind: u64, chance: &mut Chance, world: &World) -> Self {
        let store = chance.below(3) as usize;
        let dispatch = world.some_dispatch(chance);
        let by_chance = |chance: &mut Chance, otherwise: i64| match chance.below(50) {
            0 => 0,
            1 => -1,
            _ => otherwise,
        };
        match (kind, dispatch) {
            (0..12, _) => Self::Receive {
                store,
                lines: (0..1 + chance.below(3))
                    .map(|_| {
                        let units = chance.between(1, 60);
                        Received {
                            item: chance.below(3) as usize,
                            number: world.some_number(chance),
                            variant: usize::try_from(chance.below(7)).unwrap().saturating_sub(3),
                            units: by_chance(chance, units),
                            state: chance.one_in(6).then(|| chance.below(5) as usize),
                            misprinted: chance.one_in(60),
                        }
                    })
                    .collect(),
            },
            (12..15, _) => Self::Issue {
                store,
                authority: false,
                fact: true,
                // So many that they get at what was promised.
                lines: vec![Wanted {
                    item: chance.below(3) as usize,
                    units: chance.between(1, 250),
                    only: chance.one_in(4).then(|| world.some_lot(chance)),
                    owner: chance.one_in(4),
                    earmarked: chance.one_in(4),
                }],
            },
            (15..29, _) => Self::Issue {
                store,
                authority: chance.one_in(8),
                fact: false,
                lines: (0..1 + chance.below(3) / 2)
                    .map(|_| {
                        let units = if chance.one_in(60) { 10_001 } else { chance.between(1, 90) };
                        Wanted {
                            item: chance.below(3) as usize,
                            units: by_chance(chance, units),
                            only: chance.one_in(5).then(|| world.some_lot(chance)),
                            owner: chance.one_in(4),
                            earmarked: chance.one_in(4),
                        }
                    })
                    .collect(),
            },
            (29..35, _) => Self::Adjust {
                store,
                lines: Self::of_lots(chance, world, |chance| match chance.below(20) {
                    0 => 0,
                    _ => chance.between(-40, 30),
                }),
            },
            (35..42, _) => Self::ChangeState {
                store,
                to: chance.below(5) as usize,
                lines: Self::of_lots(chance, world, |chance| chance.between(1, 40)),
            },
            (42..47, _) => Self::WriteOff {
                store,
                lines: Self::of_lots(chance, world, |chance| chance.between(1, 90)),
            },
            (47..51, _) => {
                Self::Decide { document: world.some_draft(chance), approved: !chance.one_in(4) }
            }
            (51, _) if chance.one_in(25) => Self::Recall { lot: world.some_lot(chance) },
            (51..57, _) => Self::ReverseMovement {
                movement: world.some_movement(chance),
                units: chance.one_in(2).then(|| chance.between(0, 40)),
            },
            (57..61, _) => Self::ReverseDocument { document: world.some_document(chance) },
            (61..68, _) | (68..94, None) => Self::CreateDispatch {
                from: store,
                to: chance.below(3) as usize,
                lines: (0..1 + chance.below(2))
                    .map(|_| {
                        let units = chance.between(1, 50);
                        (chance.below(3) as usize, by_chance(chance, units))
                    })
                    .collect(),
            },
            (68..90, Some(dispatch)) => Self::next_of(chance, world, dispatch),
            (90..92, Some(dispatch)) => Self::Unseen { dispatch, missing: chance.one_in(2) },
            (92..94, Some(dispatch)) => Self::Redirect { dispatch, to: chance.below(3) as usize },
            (94..97, _) => Self::Repeat { number: world.some_done(chance) },
            (97..99, _) => Self::Reuse { number: world.some_done(chance) },
            (99, _) => Self::Race {
                store,
                item: chance.below(3) as usize,
                units: *chance.of(&[1, 3, 7, 20]),
                count: 2 + chance.below(4) as usize,
            },
            (100..103, _) => Self::Match {
                fact: world.some_fact(chance),
                lot: chance.one_in(3).then(|| world.some_lot(chance)),
                units: chance.one_in(2).then(|| chance.between(0, 30)),
            },
            (103, _) => Self::Correct {
                lot: world.some_lot(chance),
                right: Right {
                    item: chance.one_in(4).then(|| chance.below(3) as usize),
                    number: (!chance.one_in(3)).then(|| world.some_number(chance)),
                    expires: chance.one_in(5).then(|| world.some_number(chance)),
                },
            },
            _ => world.some_count(chance, store),
        }
    }

    fn of_lots(
        chance: &mut Chance,
        world: &World,
        units: impl Fn(&mut Chance) -> i64,
    ) -> Vec<OfLot> {
        (0..1 + chance.below(3) / 2)
            .map(|_| OfLot {
                lot: world.some_lot(chance),
                state: if chance.one_in(2) { 0 } else { chance.below(5) as usize },
                units: units(chance),
            })
            .collect()
    }

    /// What is due next on a dispatch, or sometimes what is not.
    fn next_of(chance: &mut Chance, world: &World, dispatch: usize) -> Self {
        let order = &world.dispatches[dispatch];
        let due = if chance.one_in(6) { chance.below(7) } else { order.due(chance) };
        match due {
            0 => Self::Approve {
                dispatch,
                cut: chance.one_in(3).then(|| (chance.between(0, 40), !chance.one_in(8))),
            },
            1 => Self::Pick {
                dispatch,
                less: order
                    .some_reserved(chance)
                    .filter(|_| chance.one_in(4))
                    .map(|(line, lot)| (line, lot, chance.between(1, 20), !chance.one_in(6))),
            },
            2 => Self::Ship {
                dispatch,
                part: chance.one_in(3).then(|| {
                    (chance.below(order.lines.len() as u64) as usize, chance.between(1, 20))
                }),
                last: chance.one_in(3),
            },
            3 => {
                Self::Sign { dispatch, counted: chance.one_in(2).then(|| order.some_count(chance)) }
            }
            4 => Self::Close { dispatch },
            5 => Self::Unsign {
                dispatch,
                signing: chance.below(order.signings.len().max(1) as u64) as usize,
            },
            _ => Self::Cancel { dispatch },
        }
    }
}
