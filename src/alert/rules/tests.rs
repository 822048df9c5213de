//! Laws of the watch: however it looks, what is open is what holds.

use super::*;
use crate::alert::state::{AlertDocument, AlertFacts, AlertKind, Severity, Subject};
use crate::kernel::StoreCode;
use proptest::prelude::*;
use std::collections::BTreeSet;

const SHORTAGES: [AlertStatus; 4] =
    [AlertStatus::NotComputable, AlertStatus::Short, AlertStatus::BelowFloor, AlertStatus::Out];

fn subject(number: usize) -> Subject {
    let item = crate::kernel::ItemCode::new(&format!("M{number:02}")).unwrap();
    let store = StoreCode::new("QN-HOSP").unwrap();
    Subject { item: Some(item), ..Subject::of_store(AlertKind::Shortage, store) }
}

/// What holds at each look: for each of five items, one of four statuses or nothing.
fn looks() -> impl Strategy<Value = Vec<Vec<Option<AlertStatus>>>> {
    let status = prop_oneof![
        2 => Just(None),
        3 => prop::sample::select(SHORTAGES.to_vec()).prop_map(Some),
    ];
    prop::collection::vec(prop::collection::vec(status, 5), 1..25)
}

fn found(look: &[Option<AlertStatus>]) -> Vec<State> {
    let state = |(number, status): (usize, &Option<AlertStatus>)| {
        status.map(|status| State {
            subject: subject(number),
            status,
            facts: AlertFacts::default(),
        })
    };
    look.iter().enumerate().filter_map(state).collect()
}

fn at(look: usize) -> Instant {
    let first = Instant::parse("2026-03-02T00:00:00Z").unwrap();
    first.plus_minutes(i64::try_from(look).unwrap())
}

/// A database of alerts as the watch keeps it.
#[derive(Default)]
struct Book {
    alerts: BTreeMap<AlertId, Alert>,
    told: Vec<(Transition, String, Option<AlertStatus>, AlertStatus)>,
}

impl Book {
    fn open(&self) -> Vec<Alert> {
        self.alerts.values().filter(|alert| alert.cleared_at.is_none()).cloned().collect()
    }

    fn past(&self, key: &str) -> Option<Past> {
        let mut of_key: Vec<&Alert> =
            self.alerts.values().filter(|alert| alert.subject.key() == key).collect();
        of_key.sort_by_key(|alert| alert.occurrence);
        of_key.last().map(|alert| Past { id: alert.id.clone(), occurrence: alert.occurrence })
    }

    fn look(&mut self, states: Vec<State>, now: Instant) -> usize {
        let changes = changes(self.open(), states, |key| self.past(key), now);
        let many = changes.len();
        for change in changes {
            let alert = change.alert;
            let told = (change.transition, alert.subject.key(), change.before, alert.status);
            self.told.push(told);
            self.alerts.insert(alert.id.clone(), alert);
        }
        many
    }
}

proptest! {
    #[test]
    fn open_alerts_are_exactly_the_states_that_hold(looks in looks()) {
        let mut book = Book::default();
        for (number, look) in looks.iter().enumerate() {
            book.look(found(look), at(number));
            let open: BTreeSet<(String, AlertStatus)> =
                book.open().iter().map(|alert| (alert.subject.key(), alert.status)).collect();
            let holds: BTreeSet<(String, AlertStatus)> =
                found(look).iter().map(|state| (state.subject.key(), state.status)).collect();
            prop_assert_eq!(open, holds);
            prop_assert_eq!(book.look(found(look), at(number)), 0, "a second look tells nothing");
        }
    }

    #[test]
    fn what_was_told_replays_to_what_is_open_and_is_the_same_every_time(looks in looks()) {
        let run = || {
            let mut book = Book::default();
            for (number, look) in looks.iter().enumerate() {
                book.look(found(look), at(number));
            }
            book
        };
        let book = run();
        prop_assert_eq!(&book.told, &run().told);
        let mut standing: BTreeMap<String, AlertStatus> = BTreeMap::new();
        for (transition, key, before, status) in &book.told {
            prop_assert_eq!(standing.get(key), before.as_ref(), "each change begins where the last ended");
            let graver = before.map(|before| status.severity().cmp(&before.severity()));
            let expected = match (transition, graver) {
                (Transition::Opened, None) | (Transition::Cleared, Some(_)) => true,
                (Transition::Escalated, Some(order)) => order.is_gt(),
                (Transition::Eased, Some(order)) => order.is_lt(),
                (Transition::Changed, Some(order)) => order.is_eq() && *before != Some(*status),
                _ => false,
            };
            prop_assert!(expected, "{transition} {before:?} {status:?}");
            if *transition == Transition::Cleared {
                standing.remove(key);
            } else {
                standing.insert(key.clone(), *status);
            }
        }
        let open: BTreeMap<String, AlertStatus> =
            book.open().iter().map(|alert| (alert.subject.key(), alert.status)).collect();
        prop_assert_eq!(standing, open);
    }

    #[test]
    fn occurrences_are_counted_and_follow_one_another_without_overlap(looks in looks()) {
        let mut book = Book::default();
        for (number, look) in looks.iter().enumerate() {
            book.look(found(look), at(number));
        }
        for number in 0..5 {
            let key = subject(number).key();
            let mut of_key: Vec<&Alert> =
                book.alerts.values().filter(|alert| alert.subject.key() == key).collect();
            of_key.sort_by_key(|alert| alert.occurrence);
            for (at, alert) in of_key.iter().enumerate() {
                prop_assert_eq!(alert.occurrence, i64::try_from(at + 1).unwrap());
                let before = at.checked_sub(1).and_then(|before| of_key.get(before));
                prop_assert_eq!(&alert.previous, &before.map(|before| before.id.clone()));
                if let Some(before) = before {
                    prop_assert!(before.cleared_at.unwrap() < alert.first_seen_at);
                }
            }
        }
    }
}

#[test]
fn who_took_note_of_less_is_asked_again_and_of_more_is_not() {
    let mut book = Book::default();
    let state = |status| vec![State { subject: subject(1), status, facts: AlertFacts::default() }];
    book.look(state(AlertStatus::BelowFloor), at(0));
    let by = Acknowledgement { at: at(1), by: "王".to_owned(), note: "已知".to_owned() };
    let noted = acknowledged(book.open().remove(0), by.clone());
    assert_eq!((noted.transition, noted.alert.version), (Transition::Acknowledged, 2));
    book.alerts.insert(noted.alert.id.clone(), noted.alert);
    book.look(state(AlertStatus::Short), at(2));
    assert_eq!(book.open()[0].acknowledgement, Some(by));
    book.look(state(AlertStatus::Out), at(3));
    assert_eq!(book.open()[0].acknowledgement, None);
}

#[test]
fn the_key_of_a_subject_tells_matters_apart() {
    let store = StoreCode::new("QN-HOSP").unwrap();
    let plain = Subject::of_store(AlertKind::Silence, store.clone());
    let document = |kind: &str, id: &str| Subject {
        document: Some(AlertDocument { kind: kind.to_owned(), id: id.to_owned() }),
        ..Subject::of_store(AlertKind::Transit, store.clone())
    };
    let keys: BTreeSet<String> =
        [plain, subject(1), subject(2), document("a", "b"), document("b", "a")]
            .iter()
            .map(Subject::key)
            .collect();
    assert_eq!(keys.len(), 5);
    assert!(Severity::Notice < Severity::Warning && Severity::Warning < Severity::Critical);
}
