//! The load: blocking sockets that stay open, one thread each, which is the least that a client can
//! cost; it shares the machine with what it measures.

use crate::bench::scene::{STORES, Scene, receipt};
use crate::bench::{BenchError, io};
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

/// What the first part of a measurement is not counted: connections open and caches fill.
const WARM_UP: Duration = Duration::from_millis(500);

/// How long an answer may take before the measurement is given up.
const PATIENCE: Duration = Duration::from_secs(60);

/// The stack of a client's thread: it holds two short buffers.
const STACK: usize = 128 << 10;

/// What some clients measured.
pub(super) struct Measured {
    /// How long each answer took, in microseconds, in ascending order.
    micros: Vec<u64>,
    /// For each client, how many of its answers count and how long it took for them.
    clients: Vec<(usize, Duration)>,
    /// Answers outside the time that counts, which took processor time too.
    uncounted: u64,
}

impl Measured {
    pub(super) fn per_second(&self) -> u64 {
        self.lines_per_second(1)
    }

    /// The same where each answer is to so many lines.
    pub(super) fn lines_per_second(&self, lines: usize) -> u64 {
        let rate = |(count, time): &(usize, Duration)| {
            let lines = u128::try_from(count * lines).unwrap_or_default() * 1_000_000;
            lines.checked_div(time.as_micros()).unwrap_or_default()
        };
        u64::try_from(self.clients.iter().map(rate).sum::<u128>()).unwrap_or(u64::MAX)
    }

    /// The time that `percent` of the answers did not exceed.
    pub(super) fn percentile(&self, percent: usize) -> u64 {
        let at = self.micros.len() * percent / 100;
        self.micros.get(at.min(self.micros.len().saturating_sub(1))).copied().unwrap_or_default()
    }

    /// Each answer's share of some processor time, in microseconds.
    pub(super) fn share(&self, cpu: Duration) -> u64 {
        let all =
            u128::try_from(self.micros.len()).unwrap_or_default() + u128::from(self.uncounted);
        let share = cpu.as_micros().checked_div(all).unwrap_or_default();
        u64::try_from(share).unwrap_or(u64::MAX)
    }
}

/// Posts receipts of one line.
pub(super) fn post(
    address: SocketAddr,
    scene: &Scene,
    connections: usize,
    time: Duration,
) -> Result<Measured, BenchError> {
    run(address, scene, connections, time, |store, chance, key, request| {
        let body = receipt(store, chance);
        let _ = write!(
            request,
            "/api/v1/receipts HTTP/1.1\r\nidempotency-key: {key}\r\ncontent-length: {}\r\n\
             content-type: application/json\r\n",
            body.len()
        );
        body
    })
}

/// Sends batches of receipts of one line.
pub(super) fn batches(
    address: SocketAddr,
    scene: &Scene,
    connections: usize,
    size: usize,
    time: Duration,
) -> Result<Measured, BenchError> {
    run(address, scene, connections, time, move |store, chance, key, request| {
        let mut body = String::from(r#"{"commands":["#);
        for at in 0..size {
            let comma = if at == 0 { "" } else { "," };
            let receipt = receipt(store, chance.wrapping_add(at.wrapping_mul(7_919)));
            let _ = write!(
                body,
                r#"{comma}{{"client_id":"{at}","idempotency_key":"{key}-{at}","command":"post_receipt","body":{receipt}}}"#
            );
        }
        body.push_str("]}");
        let _ = write!(
            request,
            "/api/v1/batches HTTP/1.1\r\ncontent-length: {}\r\ncontent-type: application/json\r\n",
            body.len()
        );
        body
    })
}

fn run(
    address: SocketAddr,
    scene: &Scene,
    connections: usize,
    time: Duration,
    write: impl Fn(usize, usize, &str, &mut String) -> String + Sync,
) -> Result<Measured, BenchError> {
    static RUNS: AtomicU64 = AtomicU64::new(1);
    let run = RUNS.fetch_add(1, Ordering::Relaxed);
    let begin = Arc::new(Barrier::new(connections));
    let outcomes: Vec<Result<Told, BenchError>> = std::thread::scope(|scope| {
        let mut clients = Vec::with_capacity(connections);
        for client in 0..connections {
            let store = client % STORES;
            let token = scene.tokens.get(store).cloned().unwrap_or_default();
            let (write, begin) = (&write, begin.clone());
            let one = move || {
                let connected = Client::connect(address, token);
                begin.wait();
                connected?.repeat(
                    time,
                    |count, chance, request| {
                        write(store, chance, &format!("{run}-{client}-{count}"), request)
                    },
                    client,
                )
            };
            let thread = std::thread::Builder::new().stack_size(STACK);
            clients.push(thread.spawn_scoped(scope, one).map_err(io("a client's thread")));
        }
        clients
            .into_iter()
            .map(|client| {
                client.and_then(|client| {
                    let panicked = |_panic| BenchError::Answer("a client stumbled".to_owned());
                    client.join().map_err(panicked).and_then(|outcome| outcome)
                })
            })
            .collect()
    });
    let mut measured = Measured { micros: Vec::new(), clients: Vec::new(), uncounted: 0 };
    for outcome in outcomes {
        let told = outcome?;
        measured.clients.push((told.micros.len(), told.time));
        measured.micros.extend(told.micros);
        measured.uncounted = measured.uncounted.saturating_add(told.uncounted);
    }
    measured.micros.sort_unstable();
    Ok(measured)
}

/// What one client measured: the answers that count, how long it took for them, and how many others.
struct Told {
    micros: Vec<u64>,
    time: Duration,
    uncounted: u64,
}

struct Client {
    stream: TcpStream,
    token: String,
    answer: Vec<u8>,
}

impl Client {
    fn connect(address: SocketAddr, token: String) -> Result<Self, BenchError> {
        let stream = TcpStream::connect(address).map_err(io("connecting"))?;
        stream.set_nodelay(true).map_err(io("connecting"))?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(io("connecting"))?;
        Ok(Self { stream, token, answer: Vec::new() })
    }

    fn repeat(
        mut self,
        time: Duration,
        write: impl Fn(u64, usize, &mut String) -> String,
        seed: usize,
    ) -> Result<Told, BenchError> {
        let mut chance = seed.wrapping_mul(0x9E37_79B9).wrapping_add(0x85EB_CA6B);
        let mut micros = Vec::new();
        let mut uncounted = 0;
        let mut counted: Option<(Instant, Instant)> = None;
        let counted_from = Instant::now() + WARM_UP.min(time);
        let until = counted_from + time;
        for count in 0_u64.. {
            // A linear congruence: cheap, and spread well enough over a thousand lots.
            chance = chance.wrapping_mul(1_664_525).wrapping_add(1_013_904_223) % (1 << 31);
            let mut request = String::from("POST ");
            let body = write(count, chance >> 8, &mut request);
            let _ = write!(
                request,
                "host: localhost\r\nauthorization: Bearer {}\r\n\r\n{body}",
                self.token
            );
            let sent = Instant::now();
            if sent >= until {
                break;
            }
            self.stream.write_all(request.as_bytes()).map_err(io("sending"))?;
            self.read_answer()?;
            let now = Instant::now();
            if sent >= counted_from && now <= until {
                micros.push(u64::try_from((now - sent).as_micros()).unwrap_or(u64::MAX));
                counted = Some((counted.map_or(sent, |(first, _)| first), now));
            } else {
                uncounted += 1;
            }
        }
        let time = counted.map_or(Duration::ZERO, |(first, last)| last - first);
        Ok(Told { micros, time, uncounted })
    }

    /// Reads one answer and requires it to tell of success.
    fn read_answer(&mut self) -> Result<(), BenchError> {
        self.answer.clear();
        let mut buffer = [0_u8; 16 << 10];
        let mut whole = None;
        loop {
            let count = self.stream.read(&mut buffer).map_err(io("receiving"))?;
            self.answer.extend_from_slice(buffer.get(..count).unwrap_or_default());
            if whole.is_none() {
                whole = length_of(&self.answer);
            }
            if count == 0 || whole.is_some_and(|whole| self.answer.len() >= whole) {
                break;
            }
        }
        let good = self.answer.starts_with(b"HTTP/1.1 20")
            && !self.answer.windows(9).any(|window| window == br#""refused""#);
        if good && whole.is_some() {
            return Ok(());
        }
        let told = String::from_utf8_lossy(&self.answer).chars().take(2_000).collect();
        Err(BenchError::Answer(told))
    }
}

/// How long an answer is, head and body, once its head is there.
fn length_of(answer: &[u8]) -> Option<usize> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(answer.get(..end)?).ok()?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    })?;
    Some(end + 4 + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_where_its_head_says() {
        assert_eq!(length_of(b"HTTP/1.1 201 Created\r\ncontent-length: 3\r\n"), None);
        assert_eq!(length_of(b"HTTP/1.1 201 Created\r\nContent-Length: 3\r\n\r\nab"), Some(46));
    }

    #[test]
    fn percentiles_are_taken_from_the_sorted_answers() {
        let measured = Measured {
            micros: (1..=200).collect(),
            clients: vec![(150, Duration::from_secs(2)), (50, Duration::from_millis(2_500))],
            uncounted: 0,
        };
        assert_eq!((measured.percentile(50), measured.percentile(99)), (101, 199));
        assert_eq!((measured.per_second(), measured.lines_per_second(500)), (95, 47_500));
    }
}
