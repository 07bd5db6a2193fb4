//! Events in, equal parts out: runs, the buffer, the sizes of parts and their checksums, each
//! against a model that is too simple to be wrong.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use spillway_core::checksum::{Crc, Sum};
use spillway_core::http::Body;
use spillway_core::internals::Buffer;
use spillway_core::settings::PartSizes;
use spillway_core::{Framing, Run};

#[derive(Arbitrary, Debug)]
enum Case<'a> {
    /// Ends as they come: seldom a run.
    Any { first: u64, ends: Vec<u32>, newline: bool, payload: &'a [u8] },
    /// Events as they come: always a run.
    Events { newline: bool, events: Vec<&'a [u8]> },
    /// What is done to a buffer.
    Buffer(Vec<Step>),
    /// The first and the largest part.
    Sizes(u64, u64),
    /// An object in parts.
    Sums(Vec<&'a [u8]>),
}

#[derive(Arbitrary, Debug)]
enum Step {
    Push(u32),
    Take(u32),
    TakeAll,
    Clear,
}

fuzz_target!(|case: Case| {
    match case {
        Case::Any { first, ends, newline, payload } => any(first, &ends, newline, payload),
        Case::Events { newline, events } => runs(newline, &events),
        Case::Buffer(steps) => buffer(&steps),
        Case::Sizes(first, max) => sizes(first, max),
        Case::Sums(parts) => sums(&parts),
    }
});

fn any(first: u64, ends: &[u32], newline: bool, payload: &[u8]) {
    let framing = framing(newline);
    let run = Run::new("k".into(), first, payload.to_vec().into(), ends.to_vec(), framing);
    let (mut start, mut good) = (0, first.checked_add(ends.len() as u64).is_some());
    for end in ends.iter().map(|end| *end as usize) {
        let event = payload.get(start..end);
        good &= event.is_some_and(|event| !newline || event.ends_with(b"\n"));
        start = end;
    }
    assert_eq!(run.is_ok(), good && start == payload.len(), "{run:?}");
    if let Ok(run) = run {
        assert_eq!(run.next() - run.first(), ends.len() as u64);
        assert_eq!(run.len(), payload.len() as u64);
    }
}

fn runs(newline: bool, events: &[&[u8]]) {
    let separator: &[u8] = if newline { b"\n" } else { b"" };
    let (mut payload, mut ends) = (Vec::new(), Vec::new());
    for event in events {
        payload.extend([event, separator].concat());
        ends.push(payload.len() as u32);
    }
    let run = Run::new("k".into(), 7, payload.into(), ends, framing(newline)).expect("a run");
    let lines: Vec<u8> = events.iter().flat_map(|event| [event, &b"\n"[..]].concat()).collect();
    assert_eq!(run.clone().into_payload(Framing::Bare), events.concat());
    assert_eq!(run.into_payload(Framing::Newline), lines);
}

fn buffer(steps: &[Step]) {
    let (mut buffer, mut model) = (Buffer::default(), Vec::new());
    let mut count = 0_u64;
    for step in steps.iter().take(64) {
        let wanted = match step {
            Step::Push(len) => {
                let bytes = (count..).take(*len as usize % PUSH_BYTES_MAX);
                let bytes: Vec<_> = bytes.map(|n| (n % 251) as u8).collect();
                count += bytes.len() as u64;
                model.extend_from_slice(&bytes);
                buffer.push(bytes.into());
                0
            }
            Step::Take(len) => u64::from(*len) % (2 * PUSH_BYTES_MAX as u64),
            Step::TakeAll => u64::MAX,
            Step::Clear => {
                buffer.clear();
                model.clear();
                0
            }
        };
        let taken = buffer.take(wanted);
        let len = usize::try_from(wanted).unwrap_or(usize::MAX).min(model.len());
        assert!(taken.to_vec() == model[..len] && taken.len() == len as u64, "{step:?}");
        assert!(taken.pieces().iter().all(|piece| !piece.is_empty()), "{step:?}");
        model.drain(..len);
        assert_eq!((buffer.len(), buffer.is_empty()), (model.len() as u64, model.is_empty()));
    }
}

fn sizes(first: u64, max: u64) {
    let first = 1 + first % PART_BYTES_MAX;
    let max = first + max % (PART_BYTES_MAX - first + 1);
    let sizes = PartSizes { first, max, count: 10_000 };
    let (mut size, mut total) = (first, 0);
    for number in 1..=10_000 {
        if number > 1 && number % 1_000 == 1 {
            size = (2 * size).min(max);
        }
        assert_eq!(sizes.size(number), Some(size), "part {number}");
        total += size;
    }
    assert_eq!((sizes.size(0), sizes.size(10_001)), (None, None));
    assert_eq!(sizes.object_bytes_max(), total);
}

fn sums(parts: &[&[u8]]) {
    for algorithm in Crc::ALL {
        let sums = parts.iter().map(|part| Sum::of(algorithm, &Body::from(part.to_vec())));
        let combined = sums.fold(Sum::of(algorithm, &Body::empty()), |sum, part| sum.then(part));
        assert_eq!(combined, Sum::of(algorithm, &Body::from(parts.concat())), "{algorithm:?}");
    }
}

fn framing(newline: bool) -> Framing {
    if newline { Framing::Newline } else { Framing::Bare }
}

/// Below and above the size from which on the buffer keeps a piece as it came.
const PUSH_BYTES_MAX: usize = 100 << 10;
const PART_BYTES_MAX: u64 = 5 << 30;
