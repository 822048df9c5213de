//! Time on the clock, which other work on the machine disturbs, and time of the processor, which it
//! disturbs much less: of this thread, of a process, and of a PostgreSQL server on the same machine.

use crate::scene::Scene;
use changbei::db::Backend;
use diesel::prelude::*;
use diesel::sql_types::Integer;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// What some work took.
#[derive(Debug, Clone, Copy)]
pub struct Spent {
    pub seconds: Duration,
    /// Of this thread and the database server.
    pub processor: Duration,
}

impl Spent {
    /// The least of several runs: what is above it, others did.
    pub fn least<T>(runs: &[(Self, T)]) -> Self {
        let least = |of: fn(&Self) -> Duration| runs.iter().map(|(run, _)| of(run)).min().unwrap();
        Self { seconds: least(|run| run.seconds), processor: least(|run| run.processor) }
    }

    pub fn json(self) -> Value {
        json!({"seconds": self.seconds.as_secs_f64(),
            "processor_seconds": self.processor.as_secs_f64()})
    }
}

/// Measures work of this thread and its database.
pub fn timed<T>(scene: &Scene, work: impl FnOnce() -> T) -> (Spent, T) {
    let server = server_of(scene);
    let processor = || of_this_thread() + server.map_or(Duration::ZERO, of_server);
    let (before, begin) = (processor(), Instant::now());
    let done = work();
    let seconds = begin.elapsed();
    (Spent { seconds, processor: processor() - before }, done)
}

fn of_this_thread() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = text.split_whitespace().next().and_then(|word| word.parse().ok());
    Duration::from_nanos(nanos.unwrap_or_default())
}

/// The process of a PostgreSQL server from which all its others come; `None` without a server.
pub fn server_of(scene: &Scene) -> Option<u32> {
    if scene.db.backend() == Backend::Sqlite {
        return None;
    }
    let mut conn = PgConnection::establish(&scene.url).unwrap();
    let backend = diesel::dsl::sql::<Integer>("pg_backend_pid()");
    let backend: i32 = diesel::select(backend).get_result(&mut conn).unwrap();
    stat(u32::try_from(backend).ok()?)?.get(1)?.parse().ok()
}

/// Of a server, its children, and those of them that have ended.
pub fn of_server(server: u32) -> Duration {
    let words = stat(server).unwrap_or_default();
    let mut ticks = ticks(&words, 11..15);
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let id = entry.file_name().to_str().and_then(|name| name.parse().ok());
        let Some(words) = id.and_then(stat) else { continue };
        if words.get(1).and_then(|parent| parent.parse().ok()) == Some(server) {
            ticks += self::ticks(&words, 11..13);
        }
    }
    Duration::from_millis(ticks * 10)
}

/// Of a process.
pub fn of_process(id: u32) -> Duration {
    Duration::from_millis(ticks(&stat(id).unwrap_or_default(), 11..13) * 10)
}

/// What the kernel tells of a process, from its state on.
fn stat(id: u32) -> Option<Vec<String>> {
    let text = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name before may hold anything.
    let (_, rest) = text.rsplit_once(") ")?;
    Some(rest.split_whitespace().map(str::to_owned).collect())
}

/// Hundredths of a second.
fn ticks(words: &[String], columns: std::ops::Range<usize>) -> u64 {
    words.get(columns).into_iter().flatten().filter_map(|word| word.parse::<u64>().ok()).sum()
}
