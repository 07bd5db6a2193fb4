//! The events of an object, and how they are reported.

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// The events of an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Their key.
    pub key: String,
    /// The object's name in the store.
    pub object_key: String,
    /// The position of the first event.
    pub first: u64,
    /// The position of the last event.
    pub last: u64,
    /// The number of events.
    pub events: u64,
    /// The pieces, if other objects with the same key had events in between. Otherwise empty.
    pieces: Vec<Piece>,
}

/// Consecutive events of an object: no other object has events with the same key between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// The position of the first event.
    pub first: u64,
    /// The position of the last event.
    pub last: u64,
    /// The number of events.
    pub events: u64,
}

/// An object that has become visible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visible {
    /// Its events.
    pub span: Span,
    /// Its size in bytes, as stored.
    pub bytes: u64,
    /// The number of parts. 0 if it was written by PutObject.
    pub parts: u32,
}

/// Accepted events that will not be stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The events.
    pub span: Span,
    /// The position of the first event of their object. It may have been reported before.
    pub begun: u64,
    /// Why they are not stored.
    pub cause: Error,
}

impl Span {
    /// The span of an object without events. Its first event is at position `first`.
    pub fn begin(key: String, object_key: String, first: u64) -> Span {
        Span { key, object_key, first, last: first, events: 0, pieces: Vec::new() }
    }

    /// A span of one piece.
    pub fn of(key: String, object_key: String, piece: Piece) -> Span {
        let Piece { first, last, events } = piece;
        Span { key, object_key, first, last, events, pieces: Vec::new() }
    }

    /// The pieces. There is at least one.
    pub fn pieces(&self) -> impl Iterator<Item = Piece> {
        let whole = self.pieces.is_empty().then_some(self.whole());
        whole.into_iter().chain(self.pieces.iter().copied())
    }

    /// How many pieces are remembered.
    pub(crate) fn remembered(&self) -> usize {
        self.pieces.len()
    }

    /// Whether the event at this position, which has the object's key, belongs to the object.
    pub fn holds(&self, position: u64) -> bool {
        self.pieces().any(|piece| (piece.first..=piece.last).contains(&position))
    }

    /// Records that another object with the same key got events. The next event begins a piece.
    pub(crate) fn interrupt(&mut self, next: u64) {
        if self.pieces.is_empty() {
            self.pieces.push(self.whole());
        }
        self.pieces.push(Piece { first: next, last: next, events: 0 });
    }

    /// Adds the events from `first` on and before `next`.
    pub(crate) fn extend(&mut self, first: u64, next: u64) {
        (self.last, self.events) = (next - 1, self.events + (next - first));
        if let Some(piece) = self.pieces.last_mut() {
            (piece.last, piece.events) = (next - 1, piece.events + (next - first));
        }
    }

    /// Whether the pieces are valid.
    pub(crate) fn is_sound(&self) -> bool {
        let rises = self.pieces.windows(2).all(|pair| pair[0].last < pair[1].first);
        let events = self.pieces().try_fold(0_u64, |sum, piece| sum.checked_add(piece.events));
        rises && self.pieces().all(|piece| piece.first <= piece.last) && events == Some(self.events)
    }

    fn whole(&self) -> Piece {
        Piece { first: self.first, last: self.last, events: self.events }
    }
}

/// How many pieces an object may have before it is sealed. They are held in memory for each open
/// object.
pub(crate) const PIECES_MAX: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_knows_its_own_events_among_those_of_its_key() {
        let mut span = Span::begin("a".to_owned(), "a-1".to_owned(), 3);
        span.extend(3, 5);
        span.extend(7, 8);
        assert_eq!(span.pieces().collect::<Vec<_>>(), [Piece { first: 3, last: 7, events: 3 }]);
        span.interrupt(10);
        span.extend(10, 12);
        span.extend(13, 14);
        let pieces =
            [Piece { first: 3, last: 7, events: 3 }, Piece { first: 10, last: 13, events: 3 }];
        assert_eq!(span.pieces().collect::<Vec<_>>(), pieces);
        assert_eq!((span.first, span.last, span.events), (3, 13, 6));
        assert_eq!(
            [2, 3, 8, 9, 10, 13, 14].map(|p| span.holds(p)),
            [false, true, false, false, true, true, false]
        );
        assert!(span.is_sound());
        span.events += 1;
        assert!(!span.is_sound());
    }
}
