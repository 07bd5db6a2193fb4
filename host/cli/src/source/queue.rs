//! Hands pieces from the thread that reads to the task that maps, bounded by bytes.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;

use super::{Note, Piece, Record};

/// A queue's two ends.
pub(super) fn queue() -> (Producer, Consumer) {
    of(Shared::default())
}

/// A queue whose producer does not wait, but is called once half of it is free again.
#[cfg(feature = "kafka")]
pub(super) fn queue_that_calls(free: impl Fn() + Send + Sync + 'static) -> (Producer, Consumer) {
    of(Shared { free: Some(Box::new(free)), ..Shared::default() })
}

fn of(shared: Shared) -> (Producer, Consumer) {
    let shared = Arc::new(shared);
    (Producer(Arc::clone(&shared)), Consumer(shared))
}

/// The end of the thread that reads.
pub(super) struct Producer(Arc<Shared>);

/// The end of the task that maps.
pub(super) struct Consumer(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    room: Condvar,
    ready: Notify,
    free: Option<Box<dyn Fn() + Send + Sync>>,
}

struct State {
    /// Each with the memory that it takes.
    pieces: VecDeque<(Piece, usize)>,
    bytes: usize,
    spare: Vec<Vec<u8>>,
    end: Option<io::Result<()>>,
    abandoned: bool,
    /// Whether there is something for the thread that reads to look at.
    woken: bool,
    /// How much is queued before its producer waits.
    bytes_max: usize,
    /// Whether the producer is to be called once there is room.
    waits: bool,
}

impl Default for State {
    fn default() -> State {
        State {
            pieces: VecDeque::new(),
            bytes: 0,
            spare: Vec::new(),
            end: None,
            abandoned: false,
            woken: false,
            bytes_max: READ_AHEAD_BYTES_MAX,
            waits: false,
        }
    }
}

/// Ends the [wait](Producer::wait_until) of the thread that reads.
#[derive(Clone)]
pub(super) struct Waker(Arc<Shared>);

impl Waker {
    pub(super) fn wake(&self) {
        self.0.state().woken = true;
        self.0.room.notify_one();
    }
}

impl Producer {
    /// Something that can wake the thread that reads.
    pub(super) fn waker(&self) -> Waker {
        Waker(Arc::clone(&self.0))
    }

    /// Whether the receiver is gone.
    pub(super) fn is_abandoned(&self) -> bool {
        self.0.state().abandoned
    }

    /// Whether less is queued than may be.
    pub(super) fn has_room(&self) -> bool {
        let state = self.0.state();
        state.bytes < state.bytes_max
    }

    /// Whether it is full, or was and half of it is not free yet. Then the producer is called once
    /// it is.
    #[cfg(feature = "kafka")]
    pub(super) fn is_full(&self) -> bool {
        let mut state = self.0.state();
        let is_full = state.bytes >= state.bytes_max;
        let stays_full = state.waits && state.bytes > state.bytes_max / 2;
        state.waits = (is_full || stays_full) && !state.abandoned;
        state.waits
    }

    /// How much is queued before it is full.
    #[cfg(feature = "kafka")]
    pub(super) fn bytes_max(&self) -> usize {
        self.0.state().bytes_max
    }

    /// Sets how much is queued before it is full.
    #[cfg(feature = "kafka")]
    pub(super) fn set_bytes_max(&self, bytes_max: usize) {
        self.0.state().bytes_max = bytes_max;
    }

    /// Adds a piece without waiting. It is dropped where the receiver is gone.
    #[cfg(feature = "kafka")]
    pub(super) fn add(&self, piece: Piece) {
        self.add_all(vec![piece]);
    }

    /// Adds pieces without waiting, all of them before any is taken.
    pub(super) fn add_all(&self, pieces: Vec<Piece>) {
        if pieces.is_empty() {
            return;
        }
        let sized = pieces.into_iter().map(|piece| {
            let bytes = bytes_of(&piece);
            (piece, bytes)
        });
        let sized: Vec<_> = sized.collect();
        let mut state = self.0.state();
        if state.abandoned {
            return;
        }
        state.bytes += sized.iter().map(|(_, bytes)| bytes).sum::<usize>();
        state.pieces.extend(sized);
        self.0.ready.notify_one();
    }

    /// Waits until there is room again where there was none, somebody wakes it, the receiver is
    /// gone, or it is so late.
    pub(super) fn wait_until(&self, time: Instant) {
        let mut state = self.0.state();
        let was_full = state.bytes >= state.bytes_max;
        let is_over = |state: &State| {
            let has_room = was_full && state.bytes < state.bytes_max;
            state.woken || state.abandoned || has_room
        };
        while !is_over(&state)
            && let Some(left) = time.checked_duration_since(Instant::now())
            && !left.is_zero()
        {
            let waited = self.0.room.wait_timeout(state, left);
            (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
        state.woken = false;
    }

    /// Adds a piece; waits while too much is queued. False if the receiver is gone.
    pub(super) fn push(&self, piece: Piece) -> bool {
        let bytes = bytes_of(&piece);
        // One piece always fits, however large it is.
        let full = |state: &mut State| {
            !state.abandoned && !state.pieces.is_empty() && state.bytes + bytes > state.bytes_max
        };
        let waited = self.0.room.wait_while(self.0.state(), full);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        state.bytes += bytes;
        state.pieces.push_back((piece, bytes));
        self.0.ready.notify_one();
        !state.abandoned
    }

    /// A block that was given back, to be read into again.
    pub(super) fn spare(&self) -> Option<Vec<u8>> {
        self.0.state().spare.pop()
    }

    /// Says that nothing more comes, and why.
    pub(super) fn end(&self, end: io::Result<()>) {
        self.0.state().end.get_or_insert(end);
        self.0.ready.notify_one();
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        // Has no effect after an end in order. Without one the thread panicked, and silence would
        // read as the end of the input.
        self.end(Err(io::Error::other("the reading thread stopped unexpectedly")));
    }
}

impl Consumer {
    /// The next piece; nothing at the end. Cancel safe: a piece stays queued until it is returned.
    ///
    /// # Errors
    ///
    /// What reading failed with, once, after all that was read before.
    pub(super) async fn next(&mut self) -> io::Result<Option<Piece>> {
        loop {
            if let Some(piece) = self.try_next() {
                return Ok(Some(piece));
            }
            if let Some(end) = &mut self.0.state().end {
                return std::mem::replace(end, Ok(())).map(|()| None);
            }
            // A piece that came since is not missed: it left a permit.
            self.0.ready.notified().await;
        }
    }

    /// The next piece if there is one already.
    pub(super) fn try_next(&mut self) -> Option<Piece> {
        let mut state = self.0.state();
        let (piece, bytes) = state.pieces.pop_front()?;
        state.bytes -= bytes;
        self.0.room.notify_one();
        let is_free = state.waits && state.bytes <= state.bytes_max / 2;
        state.waits &= !is_free;
        drop(state);
        if let (true, Some(free)) = (is_free, &self.0.free) {
            free();
        }
        Some(piece)
    }

    /// Gives a block back, to be read into again.
    pub(super) fn recycle(&self, block: Vec<u8>) {
        let mut state = self.0.state();
        if state.spare.len() < SPARE_BLOCKS_MAX && block.capacity() <= SPARE_BYTES_MAX {
            state.spare.push(block);
        }
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.abandoned = true;
        state.pieces.clear();
        self.0.room.notify_one();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing under the lock leaves the state half changed, so a panic does not spoil it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The memory that a piece takes, and so also what bounds the number of small ones.
fn bytes_of(piece: &Piece) -> usize {
    let held = match piece {
        Piece::Lines(lines) => {
            let each = lines.records.iter().flat_map(|records| &records.each);
            let records = each.map(Record::bytes).sum::<usize>();
            lines.block.len() + lines.ends.len() * size_of::<u32>() + records
        }
        Piece::TooLong(long) => long.head.len() + long.key.as_ref().map_or(0, Vec::len),
        Piece::NoEvent(record) => record.key.as_ref().map_or(0, Vec::len),
        Piece::Note(_) => size_of::<Note>(),
    };
    size_of::<Piece>() + held
}

/// How much is read before it is asked for: enough to keep a disk and a mapper busy at the same
/// time.
const READ_AHEAD_BYTES_MAX: usize = 4 << 20;

/// How many blocks are kept for reading into again, and how large each may be.
const SPARE_BLOCKS_MAX: usize = 2;
const SPARE_BYTES_MAX: usize = 2 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::TooLong;
    use std::time::Duration;

    #[tokio::test]
    async fn pieces_then_the_error_then_the_end() {
        let (producer, mut consumer) = queue();
        producer.push(piece(1));
        producer.end(Err(io::Error::other("disk on fire")));
        drop(producer);
        assert_eq!(consumer.next().await.unwrap(), Some(piece(1)));
        assert_eq!(consumer.next().await.unwrap_err().to_string(), "disk on fire");
        assert_eq!(consumer.next().await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_producer_that_vanishes_is_no_end_of_input() {
        let (producer, mut consumer) = queue();
        drop(producer);
        assert!(consumer.next().await.is_err());
    }

    #[tokio::test]
    async fn reading_ahead_is_bounded_and_a_consumer_that_leaves_ends_it() {
        let (producer, mut consumer) = queue();
        let thread = std::thread::spawn(move || {
            (0u64..).take_while(|_| producer.push(piece(1 << 20))).count()
        });
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(consumer.0.state().pieces.len(), 3);
        consumer.next().await.unwrap();
        drop(consumer);
        assert!((3..=5).contains(&thread.join().unwrap()));
    }

    fn piece(length: usize) -> Piece {
        let head = vec![0; length];
        Piece::TooLong(TooLong {
            line: 0,
            offset: 0,
            next_offset: 0,
            head,
            bytes: 0,
            origin: None,
            key: None,
        })
    }
}
