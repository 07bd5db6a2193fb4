//! The host library beside other libraries, which are given the same pieces.

use crate::arguments::Arguments;
use crate::bench::{Bench, Entrant, Measure, Race, Stored};
use crate::result::{Section, Unit, grouped};
use crate::role::Role;
use crate::writer::{Content, Job, Library, PIECE_BYTES, Proof};

/// Nothing is computed over the payload.
///
/// # Errors
///
/// Where a side fails.
pub(super) fn payload(bench: &mut Bench, sizes: &Arguments) -> anyhow::Result<Section> {
    let title = "Large objects, unsigned payload, no checksum";
    large(bench, sizes, title, Proof::Nothing, &EVENT_BYTES)
}

/// Each side computes a checksum of each part.
///
/// # Errors
///
/// Where a side fails.
pub(super) fn checksum(bench: &mut Bench, sizes: &Arguments) -> anyhow::Result<Section> {
    let title = "Large objects, unsigned payload, CRC-64/NVME";
    large(bench, sizes, title, Proof::Checksum, &EVENT_BYTES)
}

/// Each side signs a SHA-256 of each part.
///
/// # Errors
///
/// Where a side fails.
pub(super) fn signed(bench: &mut Bench, sizes: &Arguments) -> anyhow::Result<Section> {
    let title = "Large objects, signed payload, no checksum";
    large(bench, sizes, title, Proof::Signature, &EVENT_BYTES[1..2])
}

/// One request for each event.
///
/// # Errors
///
/// Where a side fails.
pub(super) fn small(bench: &mut Bench, sizes: &Arguments) -> anyhow::Result<Section> {
    let (count, bytes) = (sizes.objects, SMALL_BYTES);
    let stored = Stored { objects: Some(count), bytes: Some(count * bytes as u64) };
    let proofs = [("no checksum", Proof::Nothing), ("CRC-64/NVME", Proof::Checksum)];
    let races = proofs.map(|(name, proof)| {
        let content = Content::Objects { count, bytes };
        let measure = Measure::Objects(count);
        let side =
            |library| side(bench, library, &content, proof, SMALL_IN_FLIGHT, stored, measure);
        Race { name: name.to_owned(), entrants: Library::ALL.map(side).into() }
    });
    warm(bench)?;
    Ok(Section {
        title: "Small objects".to_owned(),
        about: format!(
            "{} objects of {} bytes, each by one PutObject, {SMALL_IN_FLIGHT} in flight, unsigned \
             payload.",
            grouped(count as f64),
            grouped(bytes as f64)
        ),
        unit: Unit::Objects,
        cases: bench.run(&races)?,
    })
}

/// The host library alone, with one large object.
pub(super) fn ours(bench: &Bench, name: &str, bytes: u64, checkpoints: bool) -> Entrant {
    let count = bytes / PIECE_BYTES as u64;
    let content = Content::Pieces { event_bytes: EVENT_BYTES[1], count, checkpoints };
    let bytes = count * PIECE_BYTES as u64;
    let stored = Stored { objects: Some(1), bytes: Some(bytes) };
    let measure = Measure::Bytes(bytes);
    let (library, proof) = (Library::Spillway, Proof::Nothing);
    let entrant = side(bench, library, &content, proof, IN_FLIGHT, stored, measure);
    Entrant { name: name.to_owned(), ..entrant }
}

/// Runs the host library once, so that the component is compiled.
///
/// # Errors
///
/// Where that fails.
pub(super) fn warm(bench: &mut Bench) -> anyhow::Result<()> {
    let entrant = ours(bench, "warm", PIECE_BYTES as u64, false);
    bench.once(&entrant).map(drop)
}

fn large(
    bench: &mut Bench,
    sizes: &Arguments,
    title: &str,
    proof: Proof,
    event_bytes: &[usize],
) -> anyhow::Result<Section> {
    let count = sizes.bytes / PIECE_BYTES as u64;
    let bytes = count * PIECE_BYTES as u64;
    let races = event_bytes.iter().map(|&event_bytes| {
        let content = Content::Pieces { event_bytes, count, checkpoints: false };
        let stored = Stored { objects: Some(1), bytes: Some(bytes) };
        let measure = Measure::Bytes(bytes);
        let side = |library| side(bench, library, &content, proof, IN_FLIGHT, stored, measure);
        let mut entrants: Vec<_> = Library::ALL.map(side).into();
        if proof == Proof::Nothing {
            entrants.push(side(Library::Sockets));
        }
        Race { name: format!("events of {}", size(event_bytes)), entrants }
    });
    let races: Vec<_> = races.collect();
    warm(bench)?;
    Ok(Section {
        title: title.to_owned(),
        about: format!(
            "One object of {} MiB, in parts of 8 MiB, {IN_FLIGHT} in flight. Each side is given \
             pieces of 1 MiB; Spillway is told where the events in them end.",
            grouped(count as f64)
        ),
        unit: Unit::Rate,
        cases: bench.run(&races)?,
    })
}

fn side(
    bench: &Bench,
    library: Library,
    content: &Content,
    proof: Proof,
    in_flight: usize,
    stored: Stored,
    measure: Measure,
) -> Entrant {
    let job = Job {
        library,
        endpoint: bench.endpoint().to_owned(),
        content: content.clone(),
        proof,
        in_flight,
        cache: bench.compiled(),
    };
    let name = library.name().to_owned();
    Entrant { name, role: Role::Writer(job), stored: Some(stored), emptied: None, measure }
}

fn size(bytes: usize) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{} KiB", bytes >> 10),
        _ => format!("{} MiB", bytes >> 20),
    }
}

const EVENT_BYTES: [usize; 4] = [256, 1 << 10, 64 << 10, 1 << 20];
const IN_FLIGHT: usize = 4;
const SMALL_BYTES: usize = 1_000;
const SMALL_IN_FLIGHT: usize = 16;
