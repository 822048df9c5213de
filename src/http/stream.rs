//! Answers that are read while they are still being written.
//!
//! One end writes, on a thread that may wait for the database; the other is the body of the answer.
//! Between them lie a few pieces and no more, so that memory does not grow with the answer. A reader
//! that goes away, or that takes nothing for a while, ends the writing.

use crate::db::DbError;
use crate::http::problem::ApiError;
use crate::kernel::{Code, Refusal};
use actix_web::body::{BodySize, MessageBody};
use actix_web::web::Bytes;
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// Bytes that are handed over at a time.
const PIECE: usize = 64 << 10;
/// Pieces that may wait for the reader.
const PIECES_WAITING: usize = 4;
/// How long a reader may take nothing: it holds a connection and a snapshot of the data meanwhile.
const READER_PATIENCE: Duration = Duration::from_secs(60);
/// Streams at once; those who read slowly leave connections to the others.
const STREAMS_AT_ONCE: usize = 4;

/// How far the writing has come.
#[derive(Debug)]
enum Written {
    Going,
    Whole,
    Broken(Option<ApiError>),
}

#[derive(Debug)]
struct State {
    waiting: VecDeque<Bytes>,
    written: Written,
    reader_gone: bool,
    waker: Option<Waker>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    room: Condvar,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The end that writes. Whoever drops it without `Flow::finish` leaves the answer broken off, which
/// the reader can tell from its whole.
#[derive(Debug)]
pub struct Flow {
    shared: Arc<Shared>,
    piece: Vec<u8>,
}

/// The end that is read: the body of an answer.
#[derive(Debug)]
pub struct FlowBody {
    shared: Arc<Shared>,
}

/// A place among the streams of a service.
#[derive(Debug)]
struct Place(Arc<AtomicUsize>);

impl Place {
    fn among(streams: &Arc<AtomicUsize>) -> Result<Self, Refusal> {
        let more = |count| (count < STREAMS_AT_ONCE).then_some(count + 1);
        match streams.fetch_update(Ordering::AcqRel, Ordering::Acquire, more) {
            Ok(_before) => Ok(Self(Arc::clone(streams))),
            Err(_full) => Err(Refusal::plain(Code::Busy)),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Begins an answer that `write` writes on a thread of its own, among the `streams` under way, and
/// waits for its first piece: what is refused before it is answered as a refusal.
///
/// # Errors
/// `busy` when as many streams are under way as may be; those of `write` before its first piece.
pub async fn begin<F>(streams: &Arc<AtomicUsize>, write: F) -> Result<FlowBody, ApiError>
where
    F: FnOnce(&mut Flow) -> Result<(), ApiError> + Send + 'static,
{
    let place = Place::among(streams)?;
    let (mut flow, mut body) = pair();
    // It is not waited for: its end shows in the body.
    drop(actix_web::rt::task::spawn_blocking(move || {
        let _place = place;
        let work = std::panic::AssertUnwindSafe(|| write(&mut flow));
        match std::panic::catch_unwind(work) {
            Ok(Ok(())) => flow.finish(),
            Ok(Err(error)) => flow.break_off(error),
            Err(_panic) => flow.break_off(Refusal::plain(Code::Internal).into()),
        }
    }));
    std::future::poll_fn(|context| body.poll_begun(context)).await?;
    Ok(body)
}

fn pair() -> (Flow, FlowBody) {
    let shared = Arc::new(Shared {
        state: Mutex::new(State {
            waiting: VecDeque::new(),
            written: Written::Going,
            reader_gone: false,
            waker: None,
        }),
        room: Condvar::new(),
    });
    (Flow { shared: Arc::clone(&shared), piece: Vec::with_capacity(PIECE) }, FlowBody { shared })
}

impl Flow {
    /// Hands over what was written so far.
    fn hand_over(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let until = Instant::now() + READER_PATIENCE;
        let mut state = self.shared.state();
        while state.waiting.len() >= PIECES_WAITING && !state.reader_gone {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            let waited = self.shared.room.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        if state.reader_gone {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE));
        state.waiting.push_back(piece.into());
        wake(state);
        Ok(())
    }

    fn finish(mut self) {
        // A reader that is gone needs no end.
        if self.hand_over().is_ok() {
            let mut state = self.shared.state();
            state.written = Written::Whole;
            wake(state);
        }
    }

    fn break_off(self, error: ApiError) {
        let mut state = self.shared.state();
        if !state.reader_gone {
            tracing::warn!(%error, "a stream was broken off");
        }
        state.written = Written::Broken(Some(error));
        wake(state);
    }
}

fn wake(mut state: MutexGuard<'_, State>) {
    let waker = state.waker.take();
    drop(state);
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl Drop for Flow {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        if matches!(state.written, Written::Going) {
            state.written = Written::Broken(None);
        }
        wake(state);
    }
}

impl io::Write for Flow {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE {
            self.hand_over()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.hand_over()
    }
}

/// What a writer is told whose reader takes nothing more.
pub fn reader_gone(error: &io::Error) -> DbError {
    DbError::Busy(format!("the reader of a stream takes nothing more: {error}"))
}

impl FlowBody {
    /// Waits until the first piece is there, or it is known that there will be none.
    fn poll_begun(&mut self, context: &mut Context<'_>) -> Poll<Result<(), ApiError>> {
        let mut state = self.shared.state();
        if state.waiting.is_empty() {
            match &mut state.written {
                Written::Going => {
                    state.waker = Some(context.waker().clone());
                    return Poll::Pending;
                }
                Written::Broken(error) => {
                    let error = error.take();
                    return Poll::Ready(Err(
                        error.unwrap_or_else(|| Refusal::plain(Code::Internal).into())
                    ));
                }
                Written::Whole => {}
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl MessageBody for FlowBody {
    type Error = io::Error;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, io::Error>>> {
        let mut state = self.shared.state();
        if let Some(piece) = state.waiting.pop_front() {
            drop(state);
            self.shared.room.notify_one();
            return Poll::Ready(Some(Ok(piece)));
        }
        match state.written {
            Written::Whole => Poll::Ready(None),
            // The connection is cut, so that nobody takes a part for the whole.
            Written::Broken(_) => Poll::Ready(Some(Err(io::ErrorKind::Interrupted.into()))),
            Written::Going => {
                state.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Drop for FlowBody {
    fn drop(&mut self) {
        self.shared.state().reader_gone = true;
        self.shared.room.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn next(body: &mut FlowBody) -> Poll<Option<Result<Bytes, io::Error>>> {
        Pin::new(body).poll_next(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn what_is_written_is_read_in_order_and_to_its_end() {
        let (mut flow, mut body) = pair();
        flow.write_all(b"one ").unwrap();
        flow.flush().unwrap();
        flow.write_all(b"two").unwrap();
        flow.finish();
        let mut read = Vec::new();
        while let Poll::Ready(Some(piece)) = next(&mut body) {
            read.extend(piece.unwrap());
        }
        assert_eq!(read, b"one two");
        assert!(matches!(next(&mut body), Poll::Ready(None)));
    }

    #[test]
    fn a_reader_that_goes_away_ends_the_writing() {
        let (mut flow, body) = pair();
        let writing = std::thread::spawn(move || {
            let mut pieces = 0;
            loop {
                match flow.write_all(&[0; PIECE]) {
                    Ok(()) => pieces += 1,
                    Err(error) => return (pieces, error.kind()),
                }
            }
        });
        while body.shared.state().waiting.len() < PIECES_WAITING {
            std::thread::yield_now();
        }
        drop(body);
        assert_eq!(writing.join().unwrap(), (PIECES_WAITING, io::ErrorKind::BrokenPipe));
    }

    #[test]
    fn slow_readers_take_only_some_places() {
        let streams = Arc::default();
        let places: Vec<Place> =
            (0..STREAMS_AT_ONCE).map(|_| Place::among(&streams).unwrap()).collect();
        assert_eq!(Place::among(&streams).unwrap_err().code, Code::Busy);
        drop(places);
        assert!(Place::among(&streams).is_ok());
    }

    #[test]
    fn what_is_broken_off_does_not_look_whole() {
        let (mut flow, mut body) = pair();
        flow.write_all(b"part").unwrap();
        flow.flush().unwrap();
        drop(flow);
        assert!(matches!(next(&mut body), Poll::Ready(Some(Ok(_)))));
        assert!(matches!(next(&mut body), Poll::Ready(Some(Err(_)))));
    }
}
