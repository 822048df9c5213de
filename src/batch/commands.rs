//! Running a batch: each command a part that can be given up alone, many in one durable commit.

use crate::access::{Actor, Permission};
use crate::app::App;
use crate::batch::requests::{Addressed, BatchRequest, Target, client_id_of};
use crate::batch::words::{Ready, Word};
use crate::command::{self, Call, CommandError, Done};
use crate::config::Settings;
use crate::db::savepoint::in_savepoint;
use crate::db::{Backend, DbConnection, DbError};
use crate::idempotency::{self, KeptAnswer, KeyedRequest};
use crate::kernel::{Clock, Code, FaultCode, Refusal};
use crate::stock;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// How one command of a batch ended.
#[derive(Debug, Clone)]
pub enum Ended {
    /// It took effect now.
    Applied(KeptAnswer),
    /// It had taken effect before; this is the answer of then.
    Duplicate(KeptAnswer),
    /// It has no effect.
    Refused(Box<Refusal>),
}

/// The answer to one command.
#[derive(Debug, Clone)]
pub struct Answered {
    /// The client's name for it; `None` where it could not be read.
    pub client_id: Option<String>,
    /// The path of the operation that does the same alone.
    pub path: String,
    /// How it ended.
    pub ended: Ended,
}

/// Commands that share one durable commit.
///
/// On SQLite a commit is a flush to disk, and the writer serves nobody else meanwhile. On PostgreSQL
/// what a transaction locked stays locked until it ends, so others wait longer for larger groups.
const fn commands_per_commit(backend: Backend) -> usize {
    match backend {
        Backend::Sqlite => 500,
        Backend::Postgres => 100,
    }
}

/// Runs the commands of a batch in their order, each whole or not at all, whatever became of the
/// others. What stands in the answers has survived a loss of power.
///
/// # Errors
/// When the database fails; what of the batch has been committed by then answers as a duplicate
/// when the whole is sent again.
pub fn run(
    app: &App,
    actor: &Actor,
    request_id: &str,
    request: &BatchRequest,
) -> Result<Vec<Answered>, DbError> {
    let mut taken = BTreeSet::new();
    let prepared: Vec<Prepared> = request
        .commands
        .iter()
        .map(|raw| Prepared::read(raw.as_ref(), actor, request_id, &mut taken))
        .collect();
    // Commands whose answers others of the batch refer to.
    let named: BTreeSet<String> = prepared.iter().filter_map(Prepared::names).collect();
    let (prepared, named) = (Arc::new(prepared), Arc::new(named));
    let mut answered: Vec<Answered> = Vec::with_capacity(prepared.len());
    let mut made = BTreeMap::new();
    while answered.len() < prepared.len() {
        let begin = answered.len();
        let (all, clock, settings) = (prepared.clone(), app.clock.clone(), app.settings.clone());
        let size = commands_per_commit(app.db.backend());
        let (before, named) = (made, named.clone());
        let (part, now_made) = app.db.write(move |conn| {
            let mut made = before.clone();
            let mut part = Vec::new();
            let begun = clock.now();
            foresee(conn, all.iter().skip(begin).take(size))?;
            for one in all.iter().skip(begin).take(size) {
                let answered = one.answer(conn, &settings, clock.as_ref(), &made)?;
                if let Some(client_id) =
                    answered.client_id.as_ref().filter(|id| named.contains(*id))
                    && let Some(id) = answered.made()
                {
                    made.insert(client_id.clone(), id);
                }
                part.push(answered);
            }
            // As for a single command: nothing is added late to what was known at a time.
            if clock.now() > begun.plus_seconds(settings.command_seconds) {
                return Err(DbError::Busy("the commands took too long".to_owned()));
            }
            Ok::<_, DbError>((part, made))
        })?;
        answered.extend(part);
        made = now_made;
    }
    Ok(answered)
}

/// Asks at once what some commands will each ask for.
fn foresee<'a>(
    conn: &mut DbConnection,
    commands: impl Iterator<Item = &'a Prepared> + Clone,
) -> Result<(), DbError> {
    let Some(first) = commands.clone().next() else { return Ok(()) };
    let ready =
        commands.filter_map(|one| Some((one.call.keyed.as_ref()?, one.ready.as_ref().ok()?)));
    let (keys, ready): (Vec<&KeyedRequest>, Vec<&Ready>) = ready.unzip();
    idempotency::records::foresee(conn, &first.call.actor.user_id, &keys)?;
    let wanted = ready.into_iter().flat_map(|ready| ready.wanted.iter().cloned());
    stock::records::foresight::foresee(conn, &wanted.collect())
}

impl Answered {
    /// The id of what the command made or acted on.
    fn made(&self) -> Option<String> {
        #[derive(Deserialize)]
        struct Made {
            id: String,
        }
        match &self.ended {
            Ended::Applied(answer) | Ended::Duplicate(answer) => {
                serde_json::from_str::<Made>(&answer.body).ok().map(|made| made.id)
            }
            Ended::Refused(_) => None,
        }
    }
}

/// A command that has been read outside the transaction, as far as it could be.
struct Prepared {
    client_id: Option<String>,
    path: String,
    target: Target,
    call: Call,
    ready: Result<Ready, Refusal>,
}

impl Prepared {
    fn read(
        raw: &serde_json::value::RawValue,
        actor: &Actor,
        request_id: &str,
        taken: &mut BTreeSet<String>,
    ) -> Self {
        let call = |permission| Call {
            if_match: None,
            asked: raw.to_owned(),
            ..Call::internal(actor.clone(), permission, request_id)
        };
        let unread = |refusal: Refusal| Self {
            client_id: client_id_of(raw),
            path: "/api/v1/batches".to_owned(),
            target: Target::Nothing,
            call: call(Permission::SendBatches),
            ready: Err(refusal),
        };
        let addressed = match Addressed::read(raw) {
            Ok(addressed) => addressed,
            Err(refusal) => return unread(refusal),
        };
        if !taken.insert(addressed.client_id.clone()) {
            return unread(Refusal::fault("/client_id", FaultCode::Duplicate));
        }
        let word = match Word::find(&addressed.word) {
            Ok(word) => word,
            Err(refusal) => return unread(refusal),
        };
        let has_target = addressed.target != Target::Nothing;
        if has_target != word.has_target() {
            let code = if has_target { FaultCode::Contradicts } else { FaultCode::Required };
            return unread(Refusal::fault("/target", code));
        }
        let named = match &addressed.target {
            Target::Nothing => "",
            Target::Named(name) | Target::MadeBy(name) => name,
        };
        let path = word.path_to(named);
        let body = addressed.body.as_ref().map_or("", |body| body.get());
        let keyed = KeyedRequest::new(addressed.key, "POST", &path, body.as_bytes());
        let call = Call {
            keyed: Some(keyed),
            if_match: addressed.if_match,
            rows: word.rows,
            ..call(word.permission)
        };
        Self {
            client_id: Some(addressed.client_id),
            path,
            target: addressed.target,
            call,
            ready: word.prepare(body.as_bytes()),
        }
    }

    /// The command of the same batch on whose work this one acts.
    fn names(&self) -> Option<String> {
        match &self.target {
            Target::MadeBy(client_id) => Some(client_id.clone()),
            Target::Nothing | Target::Named(_) => None,
        }
    }

    fn answer(
        &self,
        conn: &mut DbConnection,
        settings: &Settings,
        clock: &dyn Clock,
        made: &BTreeMap<String, String>,
    ) -> Result<Answered, DbError> {
        let now = clock.now();
        let outcome = self
            .ready
            .as_ref()
            .map_err(Clone::clone)
            .and_then(|ready| self.target(made).map(|target| (ready, target)));
        let outcome = match outcome {
            Err(refusal) => Err(refusal.into()),
            Ok((ready, target)) => in_savepoint(conn, |conn| {
                // A fault of ours in one command must not keep the others from the book for ever.
                let run = || {
                    command::within(conn, settings, now, &self.call, |tx| (ready.run)(tx, target))
                };
                catch_unwind(AssertUnwindSafe(run))
                    .unwrap_or_else(|_panic| Err(Refusal::plain(Code::Internal).into()))
            }),
        };
        let ended = match outcome {
            Ok(Done { answer, replayed: true, .. }) => Ended::Duplicate(answer),
            Ok(Done { answer, .. }) => Ended::Applied(answer),
            Err(CommandError::Refused(refusal)) => {
                command::note_refusal(conn, now, &self.call, &refusal)?;
                Ended::Refused(refusal)
            }
            Err(CommandError::Failed(DbError::Query(error))) => {
                tracing::error!(command = %self.path, cause = %error, "a command of a batch failed");
                Ended::Refused(Box::new(Refusal::plain(Code::Internal)))
            }
            Err(CommandError::Failed(error)) => return Err(error),
        };
        Ok(Answered { client_id: self.client_id.clone(), path: self.path.clone(), ended })
    }

    fn target<'a>(&'a self, made: &'a BTreeMap<String, String>) -> Result<&'a str, Refusal> {
        match &self.target {
            Target::Nothing => Ok(""),
            Target::Named(name) => Ok(name),
            Target::MadeBy(client_id) => made
                .get(client_id)
                .map(String::as_str)
                .ok_or_else(|| Refusal::fault("/target_client_id", FaultCode::Unknown)),
        }
    }
}
