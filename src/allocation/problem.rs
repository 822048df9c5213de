//! What is to be divided, among whom, and by which rule.

use crate::kernel::{Quantity, Ratio};
use crate::word_enum;

word_enum! {
    /// What a recipient's level is measured in.
    pub enum Measure {
        /// Stock over average daily use: how many days it lasts.
        DaysOfCover = "days_of_cover",
        /// Stock over target, at most the whole of it.
        Coverage = "coverage",
        /// What is given over what is needed, at most the whole of it; stock is not looked at.
        Need = "need",
    }
}

/// One step of a staged allocation: a group is brought up to a level before the next step begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// The group: recipients whose priority is this number or a smaller one; everyone where
    /// `None`.
    pub priority_at_most: Option<i64>,
    /// The level in days of cover; up to the target where `None`.
    pub to_days: Option<Ratio>,
}

impl Stage {
    /// The stages of a county that has said nothing else: everyone to 3 days, the first class to
    /// 7, everyone to 7, the first class to its target, then the rest to theirs.
    pub fn usual() -> Vec<Self> {
        let to = |priority_at_most, days: Option<i128>| Self {
            priority_at_most,
            to_days: days.map(Ratio::whole),
        };
        vec![
            to(None, Some(3)),
            to(Some(1), Some(7)),
            to(None, Some(7)),
            to(Some(1), None),
            to(None, None),
        ]
    }
}

/// The rule by which packs are given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Policy {
    /// Raise the lowest level as far as it goes, then the next lowest, and so on.
    Leximin,
    /// Leximin in steps, each for a group up to a level. No stages: [`Stage::usual`].
    StagedLeximin {
        /// The steps, in their order.
        stages: Vec<Stage>,
    },
    /// Leximin on levels divided by weights, which must then be given.
    Weighted,
    /// In proportion to need, rounded by largest remainder.
    Proportional,
    /// Class by class in the order of priority; inside a class first come, first served.
    StrictPriority,
    /// The same number of packs to each, as far as each needs them.
    EqualAwards,
    /// The same number of units short at each.
    EqualLosses,
}

impl Policy {
    /// The word for it in JSON.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Leximin => "leximin",
            Self::StagedLeximin { .. } => "staged_leximin",
            Self::Weighted => "weighted",
            Self::Proportional => "proportional",
            Self::StrictPriority => "strict_priority",
            Self::EqualAwards => "equal_awards",
            Self::EqualLosses => "equal_losses",
        }
    }

    /// Every policy by its word, the staged one with its usual stages.
    pub fn all() -> Vec<Self> {
        vec![
            Self::Leximin,
            Self::StagedLeximin { stages: Vec::new() },
            Self::Weighted,
            Self::Proportional,
            Self::StrictPriority,
            Self::EqualAwards,
            Self::EqualLosses,
        ]
    }

    /// The policy of a word, the staged one with its usual stages; `None` when there is none.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::all().into_iter().find(|policy| policy.as_str() == word)
    }
}

/// Someone who gives: whole packs of what lies above the floor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Donor {
    /// Who it is, in the words of the caller; unique among donors and recipients.
    pub id: String,
    /// What is there and may be given, in base units.
    pub available: Quantity,
    /// What must remain, in base units. A donor below its floor gives nothing.
    pub floor: Quantity,
}

/// Someone who receives.
///
/// Where `max_packs` is absent it is worked out: the packs that bring `available` up to `target`,
/// rounded up; without a target those of `need`; with neither there is no limit but the supply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// Who it is, in the words of the caller; unique among donors and recipients.
    pub id: String,
    /// What is there already, what is on the way included if the caller counts it, in base units.
    pub available: Quantity,
    /// Average daily use in base units. `None` or zero: there are no days of cover, and the
    /// recipient is served after the others, by coverage.
    pub daily_use: Option<Ratio>,
    /// What should be there, in base units. Absent: `available` and `need` together.
    pub target: Option<Ratio>,
    /// What is lacking, in base units. Absent: `target` without `available`.
    pub need: Option<Ratio>,
    /// The class, 1 before 2; `None` comes after every class.
    pub priority: Option<i64>,
    /// Divides the level: a recipient of weight 2 gets twice the level of one of weight 1. 1 where
    /// `None`.
    pub weight: Option<Ratio>,
    /// The most packs it may get.
    pub max_packs: Option<i64>,
}

impl Recipient {
    /// A recipient of whom only this is known.
    pub fn new(id: impl Into<String>, available: Quantity) -> Self {
        Self {
            id: id.into(),
            available,
            daily_use: None,
            target: None,
            need: None,
            priority: None,
            weight: None,
            max_packs: None,
        }
    }
}

/// A way from a donor to a recipient that is open, and what it costs for each pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The donor.
    pub donor: String,
    /// The recipient.
    pub recipient: String,
    /// The cost of one pack in whatever the caller counts (yuan, kilometres), not negative.
    pub cost: Ratio,
}

/// The ways that are open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Routes {
    /// From everyone to everyone, at no cost.
    All,
    /// Only these.
    Only(Vec<Route>),
}

/// One item to divide, in packs of one size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The rule.
    pub policy: Policy,
    /// What levels are measured in.
    pub measure: Measure,
    /// Base units in one pack, above zero.
    pub pack: Quantity,
    /// Those who give.
    pub donors: Vec<Donor>,
    /// Those who receive; ties go to whoever comes first here.
    pub recipients: Vec<Recipient>,
    /// The ways that are open.
    pub routes: Routes,
}
