//! The same commands on a real database: the commands themselves, in transactions of many.

use crate::command::{Command, ITEMS, OfLot, STATES, STORES, Step, USERS};
use crate::counts::CountOf;
use crate::support::county::token;
use crate::support::{TestDatabase, clock_at};
use crate::world::{Expiry, expiry_of, expiry_on};
use changbei::access::records::actor_by_token;
use changbei::access::{Actor, Permission};
use changbei::app::App;
use changbei::command::{Call, CommandError, Done, IfMatch, Tx, within};
use changbei::config::Settings;
use changbei::correction::commands::correct;
use changbei::db::savepoint::in_savepoint;
use changbei::db::schema::{
    lot, reservation, stock_balance, stocktake, transit_balance, unmatched_fact,
};
use changbei::db::{DbConnection, DbError};
use changbei::dispatch::commands as dispatches;
use changbei::idempotency::KeyedRequest;
use changbei::issue::commands::post_issue;
use changbei::kernel::id::{
    DispatchId, MakersLotId, MovementId, StockDocumentId, StocktakeId, UnmatchedId,
};
use changbei::stock::commands as stock;
use changbei::stock::commands::unmatched::match_fact;
use changbei::stock::document::DocumentKind;
use changbei::stock::verify::verify;
use changbei::stocktake::commands as stocktakes;
use changbei::stocktake::requests::FinishRequest;
use diesel::prelude::*;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// An id that nothing has.
const NOBODY: &str = "00000000-0000-7000-8000-000000000000";

/// A database with the names of what is in it.
pub struct Machine {
    database: TestDatabase,
    settings: Arc<Settings>,
    actors: Vec<Actor>,
    names: Arc<Mutex<Names>>,
    worked: Duration,
}

/// The ids of things by the order in which they came.
#[derive(Debug, Default)]
struct Names {
    lots: Vec<String>,
    makers_lots: Vec<String>,
    documents: Vec<(DocumentKind, String)>,
    movements: Vec<String>,
    dispatches: Vec<String>,
    lorries: Vec<Vec<String>>,
    signings: Vec<Vec<String>>,
    stocktakes: Vec<String>,
    /// Every id that an answer named, by when it was first seen.
    seen: HashMap<String, usize>,
    in_order: Vec<String>,
    /// The permission under which a command that took effect was made.
    done: HashMap<usize, Permission>,
}

/// How a command was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    status: u16,
    code: String,
    replayed: bool,
    /// The body, its ids replaced by the order in which they came; empty after a race.
    body: String,
}

/// A command as a request: who may make it, and what it is.
struct Request {
    permission: Permission,
    if_match: IfMatch,
    body: Value,
}

impl Machine {
    pub fn new(database: TestDatabase) -> Self {
        let actors = USERS
            .iter()
            .map(|(name, _)| {
                let hash = changbei::access::token::hash(&token(name));
                let now = clock_at(crate::support::NOW);
                let found = database.db.read(|conn| actor_by_token(conn, &hash, now));
                found.expect("the users").expect("a user of the small county")
            })
            .collect();
        Self {
            database,
            settings: Arc::new(Settings::default()),
            actors,
            names: Arc::default(),
            worked: Duration::ZERO,
        }
    }

    /// Runs a batch: a transaction for what stands between two races. Answers what was answered.
    ///
    /// # Panics
    /// Where an answer or the balances differ from what the model says.
    pub fn run(&mut self, batch: &Arc<Vec<Step>>, expected: &str) -> Vec<Answer> {
        let started = Instant::now();
        let mut answers = Vec::new();
        let mut at = 0;
        while at < batch.len() {
            if matches!(batch[at].command, Command::Race { .. }) {
                self.race(&batch[at]);
                answers.push(Answer {
                    status: 201,
                    code: String::new(),
                    replayed: false,
                    body: String::new(),
                });
                at += 1;
                continue;
            }
            let race = |step: &Step| matches!(step.command, Command::Race { .. });
            let end = batch[at..].iter().position(race).map_or(batch.len(), |n| at + n);
            answers.extend(self.together(batch, at..end));
            at = end;
        }
        let found = self.export();
        assert_eq!(found, expected, "{} after {}", self.database.name, batch[0].number);
        self.worked += started.elapsed();
        answers
    }

    fn together(&self, batch: &Arc<Vec<Step>>, range: std::ops::Range<usize>) -> Vec<Answer> {
        let (batch, names) = (Arc::clone(batch), Arc::clone(&self.names));
        let (settings, actors) = (Arc::clone(&self.settings), self.actors.clone());
        let database = self.database.name;
        let before = names.lock().unwrap_or_else(PoisonError::into_inner).so_far();
        self.database
            .db
            .write(move |conn| {
                let mut names = names.lock().unwrap_or_else(PoisonError::into_inner);
                // The transaction may have been run already, and given up.
                names.back_to(&before);
                let mut answers = Vec::new();
                for step in &batch[range.clone()] {
                    let answer = perform(conn, &settings, &actors[step.by], step, &mut names)?;
                    let expected = &step.expected;
                    if expected.status != 0 {
                        assert_eq!(
                            (answer.status, answer.code.as_str(), answer.replayed),
                            (expected.status, expected.code, expected.replayed),
                            "{database} answered {}\nto {step:#?}",
                            answer.body
                        );
                    }
                    answers.push(answer);
                }
                Ok::<_, DbError>(answers)
            })
            .expect("the database works")
    }

    /// The same issue several times at once: as many succeed as there is stock for.
    fn race(&self, step: &Step) {
        let Command::Race { store, item, units, count } = &step.command else { return };
        let body = json!({"store_code": STORES[*store], "purpose": "consumption",
                          "lines": [{"item_code": ITEMS[*item], "quantity": units}]});
        let outcomes: Vec<Result<Done, CommandError>> = std::thread::scope(|scope| {
            let running: Vec<_> = (0..*count)
                .map(|runner| {
                    let (settings, actor) =
                        (Arc::clone(&self.settings), self.actors[step.by].clone());
                    let (body, now, number) = (body.clone(), step.now, step.number);
                    scope.spawn(move || {
                        let key = format!("k{number}-{runner}");
                        let call = call(&actor, Permission::PostIssues, key, IfMatch::Any);
                        self.database.db.write(move |conn| {
                            let request = read(&body);
                            within(conn, &settings, now, &call, |tx| post_issue(tx, &request))
                        })
                    })
                })
                .collect();
            running.into_iter().map(|one| one.join().expect("a runner")).collect()
        });
        let mut won: Vec<Value> = Vec::new();
        for outcome in outcomes {
            match outcome {
                Ok(done) => won.push(serde_json::from_str(&done.answer.body).expect("JSON")),
                Err(CommandError::Refused(no)) if no.code.as_str() == "insufficient_stock" => {}
                Err(error) => panic!("{} in {step:#?}: {error}", self.database.name),
            }
        }
        assert_eq!(won.len(), step.expected.winners, "{} in {step:#?}", self.database.name);
        // The numbers of documents are given in the order of their commits.
        won.sort_by_key(|issue| issue["number"].as_str().expect("a number").to_owned());
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        for issue in &won {
            names.learn_document(DocumentKind::Issue, issue);
            names.learn_movements(issue);
        }
    }

    /// All balances as text, as the model exports them.
    fn export(&self) -> String {
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let named =
            |ids: &[String]| -> HashMap<String, usize> { ids.iter().cloned().zip(0..).collect() };
        let (lots, dispatches) = (named(&names.lots), named(&names.dispatches));
        let stocktakes = named(&names.stocktakes);
        let lorries: HashMap<String, usize> =
            names.lorries.iter().flat_map(|of| of.iter().cloned().zip(0..)).collect();
        let mut lines = self
            .database
            .db
            .read(|conn| {
                let mut lines = Vec::new();
                let rows: Vec<(String, String, String, i64, i64)> = stock_balance::table
                    .filter(stock_balance::on_hand.gt(0).or(stock_balance::reserved.gt(0)))
                    .select((
                        stock_balance::store_code,
                        stock_balance::lot_id,
                        stock_balance::state,
                        stock_balance::on_hand,
                        stock_balance::reserved,
                    ))
                    .load(conn)?;
                for (store, lot, state, on_hand, reserved) in rows {
                    lines.push(format!("{store} lot{} {state} {on_hand} {reserved}", lots[&lot]));
                }
                let rows: Vec<(String, i64, String, i64)> = reservation::table
                    .select((
                        reservation::document_id,
                        reservation::line_no,
                        reservation::lot_id,
                        reservation::quantity,
                    ))
                    .load(conn)?;
                for (dispatch, line, lot, units) in rows {
                    let (dispatch, lot) = (dispatches[&dispatch], lots[&lot]);
                    lines.push(format!("dispatch{dispatch} line{line} lot{lot} promised {units}"));
                }
                let rows: Vec<(String, String, String, String, i64)> = transit_balance::table
                    .filter(transit_balance::on_hand.gt(0))
                    .select((
                        transit_balance::dispatch_id,
                        transit_balance::shipment_id,
                        transit_balance::lot_id,
                        transit_balance::to_store,
                        transit_balance::on_hand,
                    ))
                    .load(conn)?;
                for (dispatch, lorry, lot, to, units) in rows {
                    lines.push(format!(
                        "dispatch{} lorry{} lot{} to {to} on the way {units}",
                        dispatches[&dispatch], lorries[&lorry], lots[&lot]
                    ));
                }
                let facts: Vec<(String, i64)> = unmatched_fact::table
                    .select((unmatched_fact::store_code, unmatched_fact::still_open))
                    .order(unmatched_fact::id)
                    .load(conn)?;
                for (at, (store, open)) in facts.into_iter().enumerate().filter(|(_, f)| f.1 > 0) {
                    lines.push(format!("fact{at} {store} open {open}"));
                }
                let counted: Vec<(String, String)> = stocktake::table
                    .select((stocktake::id, stocktake::status))
                    .filter(stocktake::status.ne_all(["posted", "cancelled"]))
                    .load(conn)?;
                for (id, status) in counted {
                    lines.push(format!("stocktake{} {status}", stocktakes[&id]));
                }
                Ok::<_, DbError>(lines)
            })
            .expect("the balances");
        lines.sort_unstable();
        lines.join("\n")
    }

    /// How long it has been at work.
    pub fn summary(&self) -> String {
        format!("{} worked {} s", self.database.name, self.worked.as_secs())
    }

    /// The book proves itself.
    pub fn verify(&self) {
        let now = clock_at(crate::support::NOW);
        let app = App::new(
            self.database.db.clone(),
            Arc::new(changbei::kernel::time::SetClock::at(now)),
            Settings::default(),
        );
        let report = app.read(verify).expect("the book");
        assert!(report.is_clean(), "{}: {:?}", self.database.name, report.differences);
    }
}

fn call(actor: &Actor, permission: Permission, key: String, if_match: IfMatch) -> Call {
    Call {
        keyed: Some(KeyedRequest { fingerprint: key.clone(), key }),
        if_match: Some(if_match),
        ..Call::internal(actor.clone(), permission, "model")
    }
}

fn read<T: DeserializeOwned>(body: &Value) -> T {
    serde_json::from_value(body.clone()).unwrap_or_else(|error| panic!("{error}: {body}"))
}

/// Makes a command so, in a part of the transaction that is given up when it is refused.
fn perform(
    conn: &mut DbConnection,
    settings: &Settings,
    actor: &Actor,
    step: &Step,
    names: &mut Names,
) -> Result<Answer, DbError> {
    let command = &step.command;
    let key = match command {
        Command::Repeat { number } | Command::Reuse { number } => format!("k{number}"),
        _ => format!("k{}", step.number),
    };
    let Some(request) = names.request(command, step) else {
        let nothing = String::new;
        return Ok(Answer { status: 0, code: nothing(), replayed: false, body: nothing() });
    };
    let mut call = call(actor, request.permission, key, request.if_match);
    match (command, &mut call.keyed) {
        (Command::Reuse { .. }, Some(keyed)) => keyed.fingerprint.push_str("-other"),
        (Command::Unseen { missing: true, .. }, _) => call.if_match = None,
        _ => {}
    }
    let (ids, body) = (&*names, &request.body);
    let outcome = in_savepoint(conn, |conn| {
        within(conn, settings, step.now, &call, |tx| ids.make(tx, command, body))
    });
    match outcome {
        Ok(done) => {
            let body: Value = serde_json::from_str(&done.answer.body).expect("JSON");
            if !done.replayed {
                names.learn_lots(conn)?;
                names.learn(step, &body);
                names.done.insert(step.number, request.permission);
            }
            Ok(Answer {
                status: done.answer.status,
                code: String::new(),
                replayed: done.replayed,
                body: names.without_ids(&done.answer.body),
            })
        }
        Err(CommandError::Refused(no)) => Ok(Answer {
            status: no.code.status(),
            code: no.code.as_str().to_owned(),
            replayed: false,
            body: names.without_ids(&no.to_string()),
        }),
        Err(CommandError::Failed(error)) => Err(error),
    }
}

/// What had a name before a transaction.
struct NamedBefore {
    lots: usize,
    documents: usize,
    movements: usize,
    lorries: Vec<Vec<String>>,
    signings: Vec<Vec<String>>,
    stocktakes: usize,
    seen: usize,
}

impl Names {
    fn so_far(&self) -> NamedBefore {
        NamedBefore {
            lots: self.lots.len(),
            documents: self.documents.len(),
            movements: self.movements.len(),
            lorries: self.lorries.clone(),
            signings: self.signings.clone(),
            stocktakes: self.stocktakes.len(),
            seen: self.in_order.len(),
        }
    }

    /// Forgets what was named in a transaction that was given up.
    fn back_to(&mut self, before: &NamedBefore) {
        self.lots.truncate(before.lots);
        self.makers_lots.truncate(before.lots);
        self.documents.truncate(before.documents);
        self.movements.truncate(before.movements);
        self.dispatches.truncate(before.lorries.len());
        self.lorries.clone_from(&before.lorries);
        self.signings.clone_from(&before.signings);
        self.stocktakes.truncate(before.stocktakes);
        for id in self.in_order.drain(before.seen..) {
            self.seen.remove(&id);
        }
    }

    fn lot(&self, lot: usize) -> &str {
        self.lots.get(lot).map_or(NOBODY, String::as_str)
    }

    fn of_lots(&self, lines: &[OfLot], body: impl Fn(&OfLot, &str) -> Value) -> Vec<Value> {
        lines.iter().map(|line| body(line, self.lot(line.lot))).collect()
    }

    /// A command as the request that makes it; `None` where it names what was never made.
    fn request(&self, command: &Command, step: &Step) -> Option<Request> {
        use Permission as P;
        let if_match = match command {
            Command::Unseen { .. } => IfMatch::Version(0),
            _ => IfMatch::Any,
        };
        let (permission, body) = match command {
            Command::Receive { store, lines } => {
                let lines: Vec<Value> = lines
                    .iter()
                    .map(|line| {
                        let mut body = json!({"item_code": ITEMS[line.item],
                            "lot_number": number(line.number), "quantity": line.units});
                        match expiry_of(line) {
                            Expiry::On(day) => body["expires_on"] = day.to_string().into(),
                            Expiry::Never => body["no_expiry"] = true.into(),
                            Expiry::Unknown => body["expiry_unknown"] = true.into(),
                        }
                        match line.variant {
                            1 => body["owner_code"] = STORES[1].into(),
                            2 => body["earmarked_for"] = STORES[2].into(),
                            3 => body["unit_cost"] = "12".into(),
                            _ => {}
                        }
                        if let Some(state) = line.state {
                            body["state"] = STATES[state].into();
                        }
                        body
                    })
                    .collect();
                (
                    P::PostReceipts,
                    json!({"store_code": STORES[*store],
                    "source": {"kind": "supplier"}, "lines": lines}),
                )
            }
            Command::Late { minutes, posting } => {
                let Request { permission, mut body, .. } = self.request(posting, step)?;
                body["occurred_at"] = step.now.plus_minutes(-minutes).to_string().into();
                (permission, body)
            }
            Command::Issue { store, authority, fact, lines } => {
                let lines: Vec<Value> = lines
                    .iter()
                    .map(|line| {
                        json!({"item_code": ITEMS[line.item], "quantity": line.units,
                               "lot_id": line.only.map(|lot| self.lot(lot)),
                               "owner_code": line.owner.then_some(STORES[1]),
                               "earmarked_for": line.earmarked.then_some(STORES[2])})
                    })
                    .collect();
                let word = json!({"kind": "order", "number": "1", "issued_by": "office"});
                (
                    P::PostIssues,
                    json!({"store_code": STORES[*store], "purpose": "consumption",
                    "authority": authority.then_some(word), "lines": lines,
                    "after_the_fact": fact, "slip_number": fact.then_some("S")}),
                )
            }
            Command::Adjust { store, lines } => {
                let lines = self.of_lots(lines, |line, lot| {
                    json!({"lot_id": lot, "state": STATES[line.state],
                           "quantity_change": line.units, "reason_code": "miscounted"})
                });
                (P::PostAdjustments, json!({"store_code": STORES[*store], "lines": lines}))
            }
            Command::ChangeState { store, to, lines } => {
                let lines = self.of_lots(lines, |line, lot| {
                    json!({"lot_id": lot, "from_state": STATES[line.state],
                           "to_state": STATES[*to], "quantity": line.units,
                           "reason_code": "quality"})
                });
                (P::PostStateChanges, json!({"store_code": STORES[*store], "lines": lines}))
            }
            Command::WriteOff { store, lines } => {
                let lines = self.of_lots(lines, |line, lot| {
                    json!({"lot_id": lot, "state": STATES[line.state], "quantity": line.units,
                           "reason_code": "damaged"})
                });
                (P::PostWriteOffs, json!({"store_code": STORES[*store], "lines": lines}))
            }
            Command::Decide { .. } => (P::ApproveWriteOffs, json!({})),
            Command::Recall { .. } => (P::RecallLots, json!({"reason": "a notice"})),
            Command::ReverseMovement { units, .. } => {
                (P::PostReversals, json!({"quantity": units, "reason_code": "entered_twice"}))
            }
            Command::ReverseDocument { .. } => {
                (P::PostReversals, json!({"reason_code": "entered_twice"}))
            }
            Command::Match { lot, units, .. } => (
                P::PostAdjustments,
                json!({"lot_id": lot.map(|lot| self.lot(lot)), "quantity": units}),
            ),
            Command::Correct { right, .. } => {
                let mut body = json!({"item_code": right.item.map(|item| ITEMS[item]),
                    "lot_number": right.number.map(number), "reason_code": "wrong_item"});
                match right.expires.map(expiry_on) {
                    Some(Expiry::On(day)) => body["expires_on"] = day.to_string().into(),
                    Some(Expiry::Never) => body["no_expiry"] = true.into(),
                    Some(Expiry::Unknown) | None => {}
                }
                (P::CorrectLots, body)
            }
            Command::BeginCount { store, item, rounds, minutes } => {
                let frozen_at = step.now.plus_minutes(-minutes).to_string();
                (
                    P::RunStocktakes,
                    json!({"store_code": STORES[*store], "rounds": rounds,
                    "items": item.map(|item| [ITEMS[item]]),
                    "frozen_at": (*minutes > 0).then_some(frozen_at)}),
                )
            }
            Command::EnterCounts { round, counter, minutes, counts, .. } => {
                let counts: Vec<Value> = counts
                    .iter()
                    .map(|(of, units)| match of {
                        CountOf::Line(line) => json!({"line": line + 1, "quantity": units}),
                        CountOf::Lot(lot, state) => json!({"lot_id": self.lot(*lot),
                            "state": STATES[*state], "quantity": units}),
                    })
                    .collect();
                (
                    P::RunStocktakes,
                    json!({"round": round, "counted_by": format!("counter {counter}"),
                    "witnessed_by": "witness", "counts": counts,
                    "counted_at": step.now.plus_minutes(-minutes).to_string()}),
                )
            }
            Command::ExplainCount { .. } => {
                let lines: Vec<Value> = (1..=step.expected.lines)
                    .map(|line| json!({"line": line, "reason_code": "miscounted"}))
                    .collect();
                (P::RunStocktakes, json!({"lines": lines}))
            }
            Command::HandInCount { keep, .. } | Command::PostCount { keep, .. } => {
                (P::RunStocktakes, json!({"not_counted": keep.then_some("keep")}))
            }
            Command::ApproveCount { .. } => (P::ApproveStocktakes, json!({})),
            Command::CancelCount { .. } => (P::RunStocktakes, json!({"reason": "begun anew"})),
            Command::CreateDispatch { from, to, lines } => {
                let lines: Vec<Value> = lines
                    .iter()
                    .map(|(item, units)| json!({"item_code": ITEMS[*item], "quantity": units}))
                    .collect();
                (
                    P::CreateDispatches,
                    json!({"from_store": STORES[*from],
                    "to_store": STORES[*to], "lines": lines}),
                )
            }
            Command::Approve { cut, .. } => (
                P::ApproveDispatches,
                match cut {
                    None => json!({}),
                    Some((units, with_reason)) => json!({"lines": [{"line": 1, "approved": units,
                    "reason_code": with_reason.then_some("scarce")}]}),
                },
            ),
            Command::Pick { less, .. } => (
                P::ShipDispatches,
                match less {
                    None => json!({}),
                    Some((line, lot, units, with_reason)) => json!({"lines": [{"line": line + 1,
                    "lots": [{"lot_id": self.lot(*lot), "quantity": units}],
                    "reason_code": with_reason.then_some("damaged")}]}),
                },
            ),
            Command::Ship { part, last, .. } => {
                let lines =
                    part.map(|(line, units)| json!([{"line": line + 1, "quantity": units}]));
                let expected_at = step.now.plus_hours(3).to_string();
                (
                    P::ShipDispatches,
                    json!({"expected_at": expected_at, "lines": lines,
                    "last": last}),
                )
            }
            Command::Sign { counted, .. } => {
                let lines = counted.as_ref().map(|counted| {
                    counted
                        .iter()
                        .map(|one| {
                            let [received, damaged, lost, returned, over] = one.fates;
                            json!({"line": one.line + 1, "lot_id": self.lot(one.lot),
                                "received": received, "damaged": damaged, "lost": lost,
                                "returned": returned, "over": over})
                        })
                        .collect::<Vec<Value>>()
                });
                (P::ReceiveDispatches, json!({"lines": lines}))
            }
            Command::Unsign { .. } => {
                (P::ReceiveDispatches, json!({"reason_code": "entered_twice"}))
            }
            Command::Redirect { to, .. } => {
                (P::RedirectDispatches, json!({"to_store": STORES[*to]}))
            }
            Command::Close { .. } | Command::Unseen { .. } => (P::CloseDispatches, json!({})),
            Command::Cancel { .. } => (P::CancelDispatches, json!({"reason": "not needed"})),
            Command::Repeat { number } | Command::Reuse { number } => {
                (*self.done.get(number)?, Value::Null)
            }
            Command::Race { .. } => return None,
        };
        Some(Request { permission, if_match, body })
    }

    /// Makes a command so.
    fn make(&self, tx: &mut Tx<'_>, command: &Command, body: &Value) -> Result<Done, CommandError> {
        let dispatch = |at: &usize| DispatchId::try_from(self.dispatches[*at].clone()).unwrap();
        let document = |at: &usize| {
            let nobody = (DocumentKind::WriteOff, NOBODY.to_owned());
            let (kind, id) = self.documents.get(*at).unwrap_or(&nobody).clone();
            (kind, StockDocumentId::try_from(id).unwrap())
        };
        let taken = |at: &usize| {
            let id = self.stocktakes.get(*at).map_or(NOBODY, String::as_str);
            StocktakeId::try_from(id.to_owned()).unwrap()
        };
        match command {
            Command::Late { posting, .. } => self.make(tx, posting, body),
            Command::Receive { .. } => stock::post_receipt(tx, &read(body)),
            Command::Issue { .. } => post_issue(tx, &read(body)),
            Command::Adjust { .. } => stock::post_adjustment(tx, &read(body)),
            Command::ChangeState { .. } => stock::change_state(tx, &read(body)),
            Command::WriteOff { .. } => stock::post_write_off(tx, &read(body)),
            Command::Decide { document: at, approved: true } => {
                stock::approve_write_off(tx, &document(at).1, &read(body))
            }
            Command::Decide { document: at, approved: false } => {
                stock::cancel_write_off(tx, &document(at).1, &read(body))
            }
            Command::Recall { lot } => {
                let id = self.makers_lots.get(*lot).map_or(NOBODY, String::as_str);
                stock::recall(tx, &MakersLotId::try_from(id.to_owned()).unwrap(), &read(body))
            }
            Command::ReverseMovement { movement, .. } => {
                let id = self.movements.get(*movement).map_or(NOBODY, String::as_str);
                let id = MovementId::try_from(id.to_owned()).unwrap();
                stock::reverse_movement(tx, &id, &read(body))
            }
            Command::ReverseDocument { document: at } => {
                let (kind, id) = document(at);
                stock::reverse_document(tx, kind, &id, &read(body))
            }
            Command::Match { fact, .. } => {
                let id: Option<String> = unmatched_fact::table
                    .select(unmatched_fact::id)
                    .order(unmatched_fact::id)
                    .offset(*fact as i64)
                    .first(tx.conn)
                    .optional()?;
                let id = id.unwrap_or_else(|| NOBODY.to_owned());
                match_fact(tx, &UnmatchedId::try_from(id).unwrap(), &read(body))
            }
            Command::Correct { lot, .. } => {
                let id = self.makers_lots.get(*lot).map_or(NOBODY, String::as_str);
                correct(tx, &MakersLotId::try_from(id.to_owned()).unwrap(), &read(body))
            }
            Command::BeginCount { .. } => stocktakes::begin(tx, &read(body)),
            Command::EnterCounts { stocktake, .. } => {
                stocktakes::enter_counts(tx, &taken(stocktake), &read(body))
            }
            Command::ExplainCount { stocktake } => {
                stocktakes::explain(tx, &taken(stocktake), &read(body))
            }
            Command::HandInCount { stocktake, .. } => {
                let asked = read::<FinishRequest>(body).parse()?;
                stocktakes::submit(tx, &taken(stocktake), &asked)
            }
            Command::ApproveCount { stocktake } => {
                stocktakes::approve(tx, &taken(stocktake), &read(body))
            }
            Command::PostCount { stocktake, .. } => {
                let asked = read::<FinishRequest>(body).parse()?;
                stocktakes::post(tx, &taken(stocktake), &asked)
            }
            Command::CancelCount { stocktake } => {
                stocktakes::cancel(tx, &taken(stocktake), &read(body))
            }
            Command::CreateDispatch { .. } => dispatches::create(tx, &read(body)),
            Command::Approve { dispatch: at, .. } => {
                dispatches::approve(tx, &dispatch(at), &read(body))
            }
            Command::Pick { dispatch: at, .. } => dispatches::pick(tx, &dispatch(at), &read(body)),
            Command::Ship { dispatch: at, .. } => dispatches::ship(tx, &dispatch(at), &read(body)),
            Command::Sign { dispatch: at, .. } => {
                dispatches::receive(tx, &dispatch(at), &read(body))
            }
            Command::Unsign { dispatch: at, signing } => {
                let id = self.signings[*at].get(*signing).map_or(NOBODY, String::as_str);
                dispatches::reverse_receipt(tx, &dispatch(at), id, &read(body))
            }
            Command::Redirect { dispatch: at, .. } => {
                dispatches::redirect(tx, &dispatch(at), &read(body))
            }
            Command::Close { dispatch: at } | Command::Unseen { dispatch: at, .. } => {
                dispatches::close(tx, &dispatch(at), &read(body))
            }
            Command::Cancel { dispatch: at } => dispatches::cancel(tx, &dispatch(at), &read(body)),
            Command::Repeat { .. } | Command::Reuse { .. } | Command::Race { .. } => {
                panic!("{command:?} must not be made again")
            }
        }
    }

    /// Remembers what a command made.
    fn learn(&mut self, step: &Step, body: &Value) {
        let command = match &step.command {
            Command::Late { posting, .. } => posting,
            command => command,
        };
        match command {
            Command::Receive { .. } => {
                for (name, line) in step.expected.lots.iter().zip(list(body, "lines")) {
                    assert_eq!(self.lots[*name], text(line, "lot_id"), "another lot in {body}");
                }
                self.learn_document(DocumentKind::Receipt, body);
            }
            Command::Issue { .. } => self.learn_document(DocumentKind::Issue, body),
            Command::Adjust { .. } => self.learn_document(DocumentKind::Adjustment, body),
            Command::ChangeState { .. } => self.learn_document(DocumentKind::StateChange, body),
            Command::WriteOff { .. } => self.learn_document(DocumentKind::WriteOff, body),
            Command::BeginCount { .. } => self.stocktakes.push(text(body, "id")),
            Command::CreateDispatch { .. } => {
                self.dispatches.push(text(body, "id"));
                self.lorries.push(Vec::new());
                self.signings.push(Vec::new());
            }
            Command::Ship { dispatch, .. } => {
                self.lorries[*dispatch] =
                    list(body, "shipments").iter().map(|one| text(one, "id")).collect();
            }
            Command::Sign { dispatch, .. } => {
                self.signings[*dispatch] =
                    list(body, "receipts").iter().map(|one| text(one, "id")).collect();
            }
            _ => {}
        }
        self.learn_movements(body);
    }

    /// Remembers the lots that a command made, which have their ids in the order in which they came.
    fn learn_lots(&mut self, conn: &mut DbConnection) -> Result<(), DbError> {
        let last = self.lots.last().cloned().unwrap_or_default();
        let new: Vec<(String, String)> = lot::table
            .filter(lot::id.gt(last))
            .select((lot::id, lot::makers_lot_id))
            .order(lot::id)
            .load(conn)?;
        for (id, makers) in new {
            self.lots.push(id);
            self.makers_lots.push(makers);
        }
        Ok(())
    }

    fn learn_document(&mut self, kind: DocumentKind, body: &Value) {
        self.documents.push((kind, text(body, "id")));
    }

    fn learn_movements(&mut self, body: &Value) {
        let movements = body["movements"].as_array();
        self.movements.extend(movements.into_iter().flatten().map(|one| text(one, "id")));
    }

    /// A text with every id replaced by the order in which it was first seen.
    fn without_ids(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = next_id(rest) {
            let (before, from) = rest.split_at(at);
            let (id, after) = from.split_at(36);
            let next = self.in_order.len();
            let name = *self.seen.entry(id.to_owned()).or_insert_with(|| {
                self.in_order.push(id.to_owned());
                next
            });
            out.push_str(before);
            out.push_str(&format!("#{name}"));
            rest = after;
        }
        out.push_str(rest);
        without_hashes(&out)
    }
}

/// A number as labels bear it.
fn number(number: usize) -> String {
    format!("L{number:04}")
}

/// Where the next UUID of version 7 begins.
fn next_id(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    (0..bytes.len().saturating_sub(35)).find(|at| {
        bytes[at + 8] == b'-'
            && bytes[at + 13] == b'-'
            && bytes[at + 14] == b'7'
            && bytes[at + 18] == b'-'
            && bytes[at + 23] == b'-'
            && bytes[*at..at + 8].iter().all(u8::is_ascii_hexdigit)
            && bytes[at + 24..at + 36].iter().all(u8::is_ascii_hexdigit)
    })
}

/// Hash chains take ids in, so they differ between two books.
fn without_hashes(text: &str) -> String {
    let mut parts = Vec::new();
    for part in text.split('"') {
        let is_hash = part.len() == 64 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
        parts.push(if is_hash { "hash" } else { part });
    }
    parts.join("\"")
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_else(|| panic!("no {field} in {value}")).to_owned()
}

fn list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value[field].as_array().unwrap_or_else(|| panic!("no {field} in {value}"))
}
