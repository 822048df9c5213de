//! What was counted, round by round, and which count decides.
//!
//! Nothing is overwritten: a slip is superseded by a further entry, and a withdrawn count leaves
//! its line not counted, which is not zero.

use crate::kernel::id::CountId;
use crate::kernel::{FaultCode, Instant, Quantity};

/// The round that decides where the first two differ.
pub const DECIDING_ROUND: i64 = 3;

/// What somebody counted on a line in a round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountEntry {
    /// Its id.
    pub id: CountId,
    /// The line.
    pub line_no: i64,
    /// The round: 1, 2 or 3.
    pub round: i64,
    /// Base units; `None` where the count is withdrawn.
    pub quantity: Option<Quantity>,
    /// Business time of the count.
    pub counted_at: Instant,
    /// Who counted.
    pub counted_by: String,
    /// Who saw it: somebody else.
    pub witnessed_by: String,
    /// Anything else.
    pub note: Option<String>,
    /// The entry that this one replaces.
    pub supersedes: Option<CountId>,
    /// Why it replaces it.
    pub reason: Option<String>,
    /// The user who entered it.
    pub entered_by: String,
    /// When it was entered.
    pub recorded_at: Instant,
}

impl CountEntry {
    /// Whether another entry says the same, so that it was only sent again.
    fn says_the_same(&self, other: &Self) -> bool {
        self.line_no == other.line_no
            && self.round == other.round
            && self.quantity == other.quantity
            && self.counted_at == other.counted_at
            && self.counted_by == other.counted_by
            && self.witnessed_by == other.witnessed_by
            && self.supersedes == other.supersedes
    }
}

/// Whether two names are one person's: white space and case do not tell people apart.
pub fn same_person(one: &str, other: &str) -> bool {
    let folded = |name: &str| crate::kernel::text::fold_for_search(name);
    folded(one) == folded(other)
}

/// The newest entry of a line in a round, withdrawn or not.
pub fn newest(entries: &[CountEntry], line_no: i64, round: i64) -> Option<&CountEntry> {
    entries
        .iter()
        .filter(|entry| entry.line_no == line_no && entry.round == round)
        .find(|entry| !entries.iter().any(|other| other.supersedes.as_ref() == Some(&entry.id)))
}

/// The count that stands for a line in a round: the newest, unless it is withdrawn.
pub fn standing(
    entries: &[CountEntry],
    line_no: i64,
    round: i64,
) -> Option<(&CountEntry, Quantity)> {
    let entry = newest(entries, line_no, round)?;
    Some((entry, entry.quantity?))
}

/// Where the counting of a line has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Nobody has counted it, which is not zero.
    NotCounted,
    /// It waits for a count in this round.
    Waits(i64),
    /// This is what is there.
    Decided {
        /// How much.
        quantity: Quantity,
        /// At which business time.
        counted_at: Instant,
        /// In which round.
        round: i64,
    },
}

impl Decision {
    /// The round that it waits for.
    pub const fn waits_for(&self) -> Option<i64> {
        match self {
            Self::NotCounted => Some(1),
            Self::Waits(round) => Some(*round),
            Self::Decided { .. } => None,
        }
    }
}

/// Which count decides a line.
///
/// Two rounds agree when both differ from the book of their own moments by the same amount: what
/// was issued between them makes their quantities differ, and both are right. Where they do not
/// agree, the third decides.
pub fn decide(
    entries: &[CountEntry],
    line_no: i64,
    rounds: i64,
    book: impl Fn(Instant) -> i64,
) -> Decision {
    let decided = |(entry, quantity): (&CountEntry, Quantity)| Decision::Decided {
        quantity,
        counted_at: entry.counted_at,
        round: entry.round,
    };
    let of = |round| standing(entries, line_no, round);
    match (of(1), of(2), of(DECIDING_ROUND)) {
        (_, _, Some(third)) => decided(third),
        (None, None, None) => Decision::NotCounted,
        (Some(one), None, None) | (None, Some(one), None) if rounds < 2 => decided(one),
        (Some(_), None, None) => Decision::Waits(2),
        (None, Some(_), None) => Decision::Waits(1),
        (Some(first), Some(second), None) => {
            let off = |(entry, quantity): (&CountEntry, Quantity)| {
                quantity.units().saturating_sub(book(entry.counted_at))
            };
            if off(first) == off(second) {
                decided(second)
            } else {
                Decision::Waits(DECIDING_ROUND)
            }
        }
    }
}

/// How many rounds of a line have a count that stands.
pub fn rounds_counted(entries: &[CountEntry], line_no: i64) -> i64 {
    let counted = (1..=DECIDING_ROUND).filter(|round| standing(entries, line_no, *round).is_some());
    i64::try_from(counted.count()).unwrap_or(DECIDING_ROUND)
}

/// What becomes of a count that is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// It is kept.
    Kept,
    /// It was sent before, and stands under this id.
    Duplicate(CountId),
    /// The line has another count in this round, which must be named to be superseded.
    AlreadyCounted(CountId),
}

/// Whether a count may be entered, told every entry of its stocktake; `waits_for_third` says
/// whether the first two rounds of its line differ.
///
/// # Errors
/// The field that is wrong and how: the witness is the counter; what is superseded is not the
/// newest entry of the line and round; a reason is missing; the second round is counted by the
/// counter of the first, or the third by one of theirs; nothing is left for a third to decide.
pub fn admit(
    entries: &[CountEntry],
    new: &CountEntry,
    waits_for_third: bool,
) -> Result<Admission, (&'static str, FaultCode)> {
    if let Some(known) = entries.iter().find(|entry| entry.says_the_same(new)) {
        return Ok(Admission::Duplicate(known.id.clone()));
    }
    if same_person(&new.counted_by, &new.witnessed_by) {
        return Err(("witnessed_by", FaultCode::Contradicts));
    }
    let newest = newest(entries, new.line_no, new.round);
    match (&new.supersedes, newest) {
        (None, Some(standing)) => return Ok(Admission::AlreadyCounted(standing.id.clone())),
        (Some(named), Some(newest)) if newest.id == *named => {
            if new.reason.is_none() {
                return Err(("reason", FaultCode::Required));
            }
        }
        (Some(_), _) => return Err(("supersedes", FaultCode::Unknown)),
        (None, None) if new.reason.is_some() => return Err(("reason", FaultCode::Contradicts)),
        (None, None) if new.quantity.is_none() => return Err(("quantity", FaultCode::Required)),
        (None, None) => {}
    }
    let others: &[i64] = if new.round == DECIDING_ROUND { &[1, 2] } else { &[1, 2, 3] };
    for round in others.iter().filter(|round| **round != new.round) {
        let counted = standing(entries, new.line_no, *round);
        if counted.is_some_and(|(other, _)| same_person(&other.counted_by, &new.counted_by)) {
            return Err(("counted_by", FaultCode::Contradicts));
        }
    }
    if new.round == DECIDING_ROUND && new.supersedes.is_none() && !waits_for_third {
        return Err(("round", FaultCode::Contradicts));
    }
    Ok(Admission::Kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: i64) -> Instant {
        Instant::parse("2026-03-02T00:00:00Z").unwrap().plus_hours(hour)
    }

    fn count(round: i64, by: &str, quantity: i64, hour: i64) -> CountEntry {
        CountEntry {
            id: CountId::generate(),
            line_no: 1,
            round,
            quantity: Some(Quantity::new(quantity).unwrap()),
            counted_at: at(hour),
            counted_by: by.to_owned(),
            witnessed_by: "witness".to_owned(),
            note: None,
            supersedes: None,
            reason: None,
            entered_by: "keeper".to_owned(),
            recorded_at: at(hour),
        }
    }

    fn correcting(old: &CountEntry, quantity: Option<i64>) -> CountEntry {
        CountEntry {
            id: CountId::generate(),
            quantity: quantity.map(|units| Quantity::new(units).unwrap()),
            supersedes: Some(old.id.clone()),
            reason: Some("a slip".to_owned()),
            ..old.clone()
        }
    }

    fn decided(quantity: i64, hour: i64, round: i64) -> Decision {
        Decision::Decided {
            quantity: Quantity::new(quantity).unwrap(),
            counted_at: at(hour),
            round,
        }
    }

    #[test]
    fn not_counted_is_not_zero() {
        assert_eq!(decide(&[], 1, 1, |_| 5), Decision::NotCounted);
        let zero = count(1, "a", 0, 1);
        assert_eq!(decide(std::slice::from_ref(&zero), 1, 1, |_| 5), decided(0, 1, 1));
        let withdrawn = correcting(&zero, None);
        assert_eq!(decide(&[zero, withdrawn], 1, 1, |_| 5), Decision::NotCounted);
    }

    #[test]
    fn two_rounds_agree_about_a_book_that_moved_between_them() {
        let (first, second) = (count(1, "a", 100, 1), count(2, "b", 90, 3));
        let moved = |t: Instant| if t < at(2) { 100 } else { 90 };
        let both = [first.clone(), second.clone()];
        assert_eq!(decide(&both, 1, 2, moved), decided(90, 3, 2));
        assert_eq!(decide(&both, 1, 2, |_| 100), Decision::Waits(3));
        let third = count(3, "c", 95, 4);
        assert_eq!(decide(&[first.clone(), second, third], 1, 2, |_| 100), decided(95, 4, 3));
        assert_eq!(decide(&[first], 1, 2, moved), Decision::Waits(2));
    }

    #[test]
    fn a_correction_stands_and_what_it_corrects_is_kept() {
        let slip = count(1, "a", 1000, 1);
        let entries = [slip.clone(), correcting(&slip, Some(100))];
        assert_eq!(decide(&entries, 1, 1, |_| 0), decided(100, 1, 1));
    }

    #[test]
    fn every_count_that_may_not_be_entered_says_why() {
        let first = count(1, "Li", 100, 1);
        let second = count(2, "Wang", 90, 2);
        let both = [first.clone(), second.clone()];
        type Case<'a> = (&'a str, CountEntry, Result<Admission, (&'a str, FaultCode)>);
        let cases: Vec<Case<'_>> = vec![
            ("sent again", first.clone(), Ok(Admission::Duplicate(first.id.clone()))),
            (
                "counted in this round",
                count(1, "Zhao", 99, 5),
                Ok(Admission::AlreadyCounted(first.id.clone())),
            ),
            ("a third by a third", count(3, "Zhao", 99, 5), Ok(Admission::Kept)),
            (
                "a third by the second",
                count(3, " wang ", 99, 5),
                Err(("counted_by", FaultCode::Contradicts)),
            ),
            (
                "its own witness",
                CountEntry { witnessed_by: "zhao".to_owned(), ..count(3, "Zhao", 99, 5) },
                Err(("witnessed_by", FaultCode::Contradicts)),
            ),
            ("a slip", correcting(&second, Some(80)), Ok(Admission::Kept)),
            (
                "no reason",
                CountEntry { reason: None, ..correcting(&second, Some(80)) },
                Err(("reason", FaultCode::Required)),
            ),
            (
                "of another round",
                CountEntry { round: 1, ..correcting(&second, Some(80)) },
                Err(("supersedes", FaultCode::Unknown)),
            ),
            (
                "as another's",
                CountEntry { counted_by: "Li".to_owned(), ..correcting(&second, Some(80)) },
                Err(("counted_by", FaultCode::Contradicts)),
            ),
        ];
        for (name, new, expected) in cases {
            assert_eq!(admit(&both, &new, true), expected, "{name}");
        }
        let lonely = CountEntry { reason: Some("x".to_owned()), ..count(1, "Li", 1, 1) };
        assert_eq!(admit(&[], &lonely, false), Err(("reason", FaultCode::Contradicts)));
        let blank = CountEntry { quantity: None, ..count(1, "Li", 1, 1) };
        assert_eq!(admit(&[], &blank, false), Err(("quantity", FaultCode::Required)));
        let nothing_to_decide = admit(&both, &count(3, "Zhao", 99, 5), false);
        assert_eq!(nothing_to_decide, Err(("round", FaultCode::Contradicts)));
        let superseded = [second.clone(), correcting(&second, Some(80))];
        let again = CountEntry { quantity: Some(Quantity::ZERO), ..correcting(&second, Some(1)) };
        assert_eq!(admit(&superseded, &again, false), Err(("supersedes", FaultCode::Unknown)));
    }
}
