//! A partition that this member holds: what was read of it, and how far it is stored.

use std::mem;
use std::sync::Arc;
use std::time::Instant;

use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use tokio::sync::oneshot;

use super::{Assignment, Tombstones};
use crate::source::queue::Producer;
use crate::source::{
    HEAD_BYTES, LineSettings, Lines, NoEvent, Piece, Record, Records, SourceError, TooLong,
};

/// A partition that this member holds.
pub(super) struct Held {
    pub(super) of: Assignment,
    pub(super) producer: Producer,
    /// Tells the offset of the first record.
    first: Option<oneshot::Sender<u64>>,
    /// Whether it is read: before, nobody has said from where on.
    pub(super) is_started: bool,
    /// Since when nothing is read of it, since what was read is not taken.
    pub(super) full: Option<Instant>,
    /// Whether nobody reads it any more.
    pub(super) is_released: bool,
    /// The offset with which this member begins, once that is known.
    pub(super) begins: Option<u64>,
    /// The offset before which all is stored, once that moves.
    pub(super) durable: Option<u64>,
    /// The offset to commit that librdkafka has.
    pub(super) told: Option<u64>,
    /// Whether it is to be committed though librdkafka may not: the group has none, or a later one,
    /// of records that are gone.
    pub(super) is_due: bool,
    /// The least offset that the next record has.
    pub(super) next: u64,
    /// The records that were read and not handed over.
    building: Building,
    /// How many bytes of values were handed over.
    bytes: u64,
}

/// Consecutive records.
#[derive(Default)]
struct Building {
    block: Vec<u8>,
    ends: Vec<u32>,
    first: u64,
    each: Vec<Record>,
    each_bytes: usize,
}

/// How records become events.
#[derive(Clone)]
pub(super) struct Taking {
    pub(super) lines: LineSettings,
    pub(super) tombstones: Tombstones,
}

impl Held {
    pub(super) fn new(of: Assignment, producer: Producer, first: oneshot::Sender<u64>) -> Held {
        Held {
            of,
            producer,
            first: Some(first),
            is_started: false,
            full: None,
            is_released: false,
            begins: None,
            durable: None,
            told: None,
            is_due: true,
            next: 0,
            building: Building::default(),
            bytes: 0,
        }
    }

    /// Takes a record.
    ///
    /// # Errors
    ///
    /// It has an offset that was read before: these are other records.
    pub(super) fn take(
        &mut self,
        record: &BorrowedMessage<'_>,
        taking: &Taking,
    ) -> Result<(), SourceError> {
        let offset = u64::try_from(record.offset()).unwrap_or_default();
        if offset < self.next {
            let partition = self.of.partition.to_string();
            return Err(SourceError::OtherRecords { partition, offset: self.next, end: offset });
        }
        self.next = offset + 1;
        self.begins.get_or_insert(offset);
        if let Some(first) = self.first.take() {
            // Where nobody waits for it, nobody reads it, either.
            let _ = first.send(offset);
        }
        let key = || record.key().filter(|_| taking.lines.keys).map(<[u8]>::to_vec);
        let no_event = |reason: Option<_>| {
            let key = reason.and_then(|_| key());
            Piece::NoEvent(NoEvent { line: offset, reason, key })
        };
        match (record.payload(), taking.tombstones) {
            (None, Tombstones::Skip) => self.add(no_event(None)),
            (None, Tombstones::Reject) => self.add(no_event(Some(NO_VALUE))),
            (None, Tombstones::Empty) => self.add_value(offset, b"", record, taking),
            (Some(value), _) if value.len() as u64 > taking.lines.line_bytes_max => {
                self.hand_over();
                let (from, bytes) = (self.bytes, value.len() as u64);
                self.bytes += bytes;
                self.producer.add(Piece::TooLong(TooLong {
                    line: offset,
                    offset: from,
                    next_offset: self.bytes,
                    head: value[..value.len().min(HEAD_BYTES)].to_vec(),
                    bytes,
                    origin: None,
                    key: key(),
                }));
            }
            (Some(value), _) => self.add_value(offset, value, record, taking),
        }
        Ok(())
    }

    /// Hands over what was read.
    pub(super) fn hand_over(&mut self) {
        if self.building.ends.is_empty() {
            return;
        }
        let Building { block, ends, first, each, .. } = mem::take(&mut self.building);
        let offset = self.bytes;
        self.bytes += block.len() as u64;
        let records = Some(Records { partition: Arc::clone(&self.of.partition), each });
        let (newline_added, origin) = (false, None);
        let lines = Lines { block, ends, first, offset, newline_added, origin, records };
        self.producer.add(Piece::Lines(lines));
    }

    /// The offset to commit: before it all is stored that this member has begun to read.
    pub(super) fn stored(&self) -> Option<u64> {
        self.durable.or(self.begins)
    }

    fn add(&mut self, piece: Piece) {
        self.hand_over();
        self.producer.add(piece);
    }

    fn add_value(
        &mut self,
        offset: u64,
        value: &[u8],
        record: &BorrowedMessage<'_>,
        taking: &Taking,
    ) {
        let Building { block, ends, first, each_bytes, .. } = &self.building;
        let is_next = ends.is_empty() || first + ends.len() as u64 == offset;
        let bytes = block.len() + each_bytes + value.len();
        if !is_next || (!ends.is_empty() && bytes >= BLOCK_BYTES) || ends.len() >= BLOCK_RECORDS {
            self.hand_over();
        }
        let building = &mut self.building;
        if building.ends.is_empty() {
            building.first = offset;
        }
        building.block.extend_from_slice(value);
        // What ends a line of a file.
        building.block.push(b'\n');
        building.ends.push(building.block.len() as u32);
        if taking.lines.records || taking.lines.keys {
            let record = known(record, taking.lines.records);
            building.each_bytes += record.bytes();
            building.each.push(record);
        }
    }
}

/// What a record has beside its value: `all` of it, or its key alone.
fn known(record: &BorrowedMessage<'_>, all: bool) -> Record {
    let key = record.key().map(<[u8]>::to_vec);
    if !all {
        return Record { key, ..Record::default() };
    }
    let headers = record.headers().into_iter().flat_map(|headers| headers.iter());
    let header = |header: rdkafka::message::Header<'_, &[u8]>| {
        (header.key.to_owned(), header.value.map(<[u8]>::to_vec))
    };
    let headers = headers.map(header).collect();
    Record { timestamp: record.timestamp().to_millis(), key, headers }
}

const NO_VALUE: &str = "the record has no value: it is a tombstone";
/// How much is handed over at once, and how many records.
const BLOCK_BYTES: usize = 256 << 10;
const BLOCK_RECORDS: usize = 16_384;
