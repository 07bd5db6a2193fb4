//! Events in, the bytes of an object out, however they are cut: read back by other decoders,
//! against a model that is too simple to be wrong.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use spillway_core::encode::{Compression, Encoder, Encoding, ObjectFraming};
use spillway_core::{Framing, Run};
use spillway_simulation::decode::{decompressed, framed};

#[derive(Arbitrary, Debug)]
struct Case<'a> {
    framing: u8,
    algorithm: u8,
    level: u8,
    runs: Vec<Given<'a>>,
}

#[derive(Arbitrary, Debug)]
struct Given<'a> {
    events: Vec<(&'a [u8], u8)>,
    room: Option<u16>,
    ends_member: bool,
    resumes: bool,
}

fuzz_target!(|case: Case| {
    let framing = match case.framing % 4 {
        0 => ObjectFraming::None,
        1 => ObjectFraming::Newline,
        2 => ObjectFraming::LengthDelimited,
        _ => ObjectFraming::JsonArray,
    };
    let compression = match case.algorithm % 3 {
        0 => None,
        1 => Some(Compression::Gzip { level: 1 + case.level % 9 }),
        _ => Some(Compression::Zstd { level: 1 + case.level % 12 }),
    };
    let encoding = Encoding { framing, compression };
    let mut encoder = Encoder::new(encoding);
    let (mut object, mut wanted) = (Vec::new(), Vec::new());
    for given in &case.runs {
        // Some are longer than a block, and hold the same again and again.
        let events = given.events.iter().map(|(event, times)| event.repeat(1 + *times as usize));
        let events: Vec<_> = events.collect();
        let mut left = Some(run(&events));
        wanted.extend(events);
        while let Some(run) = left.take() {
            if run.events() == 0 {
                break;
            }
            let room = given.room.map(|room| 1 + u64::from(room));
            let (bytes, rest) = encoder.push(run, room);
            assert!(rest.is_none() || Some(bytes.len() as u64) >= room);
            object.extend_from_slice(&bytes);
            left = rest;
            if given.ends_member {
                object.extend_from_slice(&encoder.end_member());
            }
            if given.ends_member && given.resumes {
                encoder = Encoder::resume(encoding, encoder.has_events());
            }
        }
    }
    // An object of no events does not exist.
    if encoder.has_events() {
        object.extend_from_slice(&encoder.finish());
        let events: Vec<_> = wanted.iter().map(Vec::as_slice).collect();
        let found = decompressed(compression, &object).expect("others can read it");
        assert!(found == framed(framing, &events), "{encoding:?}");
    }
});

fn run(events: &[Vec<u8>]) -> Run {
    let mut ends = Vec::new();
    events.iter().fold(0, |end, event| {
        ends.push(end + event.len() as u32);
        end + event.len() as u32
    });
    Run::new("k".into(), 0, events.concat().into(), ends, Framing::Bare).expect("a run")
}
