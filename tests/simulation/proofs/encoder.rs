//! Every framing with every compression, cut and ended anywhere, read back by other decoders.

use spillway_core::encode::{Compression, Encoder, Encoding, ObjectFraming};
use spillway_core::{Framing, Run};
use spillway_simulation::decode;

const FRAMINGS: [ObjectFraming; 4] = [
    ObjectFraming::None,
    ObjectFraming::Newline,
    ObjectFraming::LengthDelimited,
    ObjectFraming::JsonArray,
];

fn encoding(framing: ObjectFraming, compression: Option<Compression>) -> Encoding {
    Encoding { framing, compression }
}

/// Every compression there is, and none.
fn compressions() -> impl Iterator<Item = Option<Compression>> {
    let gzip = (1..=9).map(|level| Some(Compression::Gzip { level }));
    let zstd = (1..=12).map(|level| Some(Compression::Zstd { level }));
    std::iter::once(None).chain(gzip).chain(zstd)
}

fn run(events: &[Vec<u8>], framing: Framing) -> Run {
    let (mut payload, mut ends) = (Vec::new(), Vec::new());
    for event in events {
        payload.extend_from_slice(event);
        if framing == Framing::Newline {
            payload.push(b'\n');
        }
        ends.push(payload.len() as u32);
    }
    Run::new("k".to_owned(), 7, payload.into(), ends, framing).expect("a run")
}

fn decompressed(compression: Option<Compression>, bytes: &[u8]) -> Vec<u8> {
    decode::decompressed(compression, bytes).expect("others can read it")
}

/// The events of an object, taken apart the way a reader would.
fn events(framing: ObjectFraming, mut bytes: &[u8]) -> Vec<Vec<u8>> {
    match framing {
        ObjectFraming::None => vec![bytes.to_vec()],
        ObjectFraming::Newline => {
            let bytes = bytes.strip_suffix(b"\n").expect("a line feed after the last");
            bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
        }
        ObjectFraming::LengthDelimited => {
            let mut events = Vec::new();
            while let Some((length, rest)) = bytes.split_first_chunk::<4>() {
                let (event, rest) = rest.split_at(u32::from_be_bytes(*length) as usize);
                events.push(event.to_vec());
                bytes = rest;
            }
            assert!(bytes.is_empty(), "half a length");
            events
        }
        ObjectFraming::JsonArray => {
            assert!(bytes.ends_with(b"]\n"));
            let events: Vec<&serde_json::value::RawValue> =
                serde_json::from_slice(bytes).expect("a JSON array");
            events.iter().map(|event| event.get().as_bytes().to_vec()).collect()
        }
    }
}

/// JSON texts without line feeds, some alike and some not, some empty.
fn texts(random: &mut fastrand::Rng) -> Vec<Vec<u8>> {
    let texts = (0..random.usize(1..40)).map(|_| {
        let len = match random.u8(..10) {
            0 => 0,
            1 => random.usize(..20_000),
            _ => random.usize(..200),
        };
        let text: String = match random.u8(..4) {
            0 => "x".repeat(len),
            1 => "the same again, ".repeat(len / 16),
            _ => (0..len).map(|_| random.alphanumeric()).collect(),
        };
        format!("\"{text}\"").into_bytes()
    });
    texts.collect()
}

#[test]
fn every_framing_says_where_events_end() {
    for (framing, wanted) in [
        (ObjectFraming::None, &b"1[2]"[..]),
        (ObjectFraming::Newline, b"1\n\n[2]\n"),
        (ObjectFraming::LengthDelimited, b"\0\0\0\x011\0\0\0\0\0\0\0\x03[2]"),
        (ObjectFraming::JsonArray, b"[1,\n,\n[2]]\n"),
    ] {
        for given in [Framing::Bare, Framing::Newline] {
            let mut encoder = Encoder::new(encoding(framing, None));
            let run = run(&[b"1".to_vec(), Vec::new(), b"[2]".to_vec()], given);
            let (bytes, left) = encoder.push(run, None);
            assert!(left.is_none());
            let bytes = [bytes, encoder.finish()].concat();
            assert_eq!(bytes, wanted, "{framing:?} of {given:?}");
        }
    }
}

/// Only a piece of a run is: a slice would keep the whole of it in memory.
#[test]
fn bytes_that_lie_as_they_should_are_not_copied() {
    for (framing, given) in
        [(ObjectFraming::None, Framing::Bare), (ObjectFraming::Newline, Framing::Newline)]
    {
        for (room, is_whole) in [(None, true), (Some(2), false), (Some(100), true)] {
            let run = run(&[b"ab".to_vec(), b"cd".to_vec()], given);
            let before = run.clone().into_payload(given).as_ptr();
            let (bytes, _) = Encoder::new(encoding(framing, None)).push(run, room);
            assert_eq!(bytes.as_ptr() == before, is_whole, "{framing:?} {room:?}");
        }
    }
}

/// The event that reaches the limit is in, and the one after it is not.
#[test]
fn whole_events_are_taken_until_the_limit_is_reached() {
    let six = [b"ab".to_vec(), Vec::new(), b"cdef".to_vec()];
    for (framing, room, taken) in [
        (ObjectFraming::None, 0, 0),
        (ObjectFraming::None, 2, 1),
        (ObjectFraming::None, 3, 3),
        (ObjectFraming::None, 7, 3),
        (ObjectFraming::Newline, 3, 1),
        (ObjectFraming::Newline, 4, 2),
        (ObjectFraming::Newline, 5, 3),
        (ObjectFraming::LengthDelimited, 6, 1),
        (ObjectFraming::LengthDelimited, 10, 2),
        (ObjectFraming::LengthDelimited, 11, 3),
        (ObjectFraming::JsonArray, 3, 1),
        (ObjectFraming::JsonArray, 5, 2),
        (ObjectFraming::JsonArray, 6, 3),
    ] {
        for given in [Framing::Bare, Framing::Newline] {
            let mut encoder = Encoder::new(encoding(framing, None));
            let (bytes, left) = encoder.push(run(&six, given), Some(room));
            assert_eq!(left.map_or(10, |run| run.first()), 7 + taken, "{framing:?} {room}");
            assert!(taken == 3 || bytes.len() as u64 >= room, "{framing:?} {room}");
        }
    }
}

/// Runs of any size, limits and ends of members anywhere, now and then an encoder that knows only
/// that there was an event: the object is the same as if nothing had been cut.
#[test]
fn an_object_says_its_events_however_it_is_cut() {
    for seed in 0..400 {
        let mut random = fastrand::Rng::with_seed(seed);
        let compression = random.choice(compressions().collect::<Vec<_>>()).expect("one of them");
        let framing = *random.choice(&FRAMINGS).expect("one of them");
        let encoding = encoding(framing, compression);
        let mut encoder = Encoder::new(encoding);
        let (mut object, mut wanted) = (Vec::new(), Vec::new());
        for _ in 0..random.usize(1..6) {
            let texts = texts(&mut random);
            let given = if random.bool() { Framing::Bare } else { Framing::Newline };
            let mut left = Some(run(&texts, given));
            wanted.extend(texts);
            while let Some(run) = left.take() {
                let room = random.bool().then(|| random.u64(..10_000));
                let before = run.first();
                let (bytes, rest) = encoder.push(run, room);
                match &rest {
                    None => {}
                    Some(rest) => {
                        assert!(Some(bytes.len() as u64) >= room, "seed {seed}");
                        assert!(rest.first() > before || room == Some(0), "seed {seed}");
                    }
                }
                object.extend_from_slice(&bytes);
                left = rest;
                if random.u8(..6) == 0 {
                    object.extend_from_slice(&encoder.end_member());
                    assert_eq!(encoder.memory_bytes(), 0, "seed {seed}");
                    if random.bool() {
                        encoder = Encoder::resume(encoding, encoder.has_events());
                    }
                }
            }
        }
        object.extend_from_slice(&encoder.finish());
        let found = events(framing, &decompressed(compression, &object));
        let wanted = if framing == ObjectFraming::None { vec![wanted.concat()] } else { wanted };
        assert!(found == wanted, "seed {seed}: {encoding:?}");
    }
}

/// With compression, too, an event is taken only as long as the limit is not reached.
#[test]
fn no_event_is_taken_beyond_the_limit() {
    for compression in compressions() {
        let encoding = encoding(ObjectFraming::Newline, compression);
        let mut random = fastrand::Rng::with_seed(3);
        let noise: Vec<Vec<u8>> =
            (0..3_000).map(|_| (0..200).map(|_| random.u8(..)).collect()).collect();
        let mut encoder = Encoder::new(encoding);
        let (bytes, left) = encoder.push(run(&noise, Framing::Bare), Some(100_000));
        let taken = left.expect("there is more than that").first() - 7;
        assert!(bytes.len() >= 100_000, "{compression:?}");
        let lag = encoder.finish().len();
        assert!(lag <= (128 << 10) + 64, "{compression:?} held {lag} bytes back");
        // One event fewer, and it would not have been reached.
        let mut encoder = Encoder::new(encoding);
        let fewer = run(&noise[..taken as usize - 1], Framing::Bare);
        let (bytes, left) = encoder.push(fewer, Some(100_000));
        assert!(left.is_none() && bytes.len() < 100_000, "{compression:?}");
    }
}

#[test]
fn an_object_of_empty_events_is_an_object() {
    for compression in compressions() {
        let mut encoder = Encoder::new(encoding(ObjectFraming::None, compression));
        let (bytes, _) = encoder.push(run(&[Vec::new()], Framing::Bare), None);
        let object = [bytes, encoder.finish()].concat();
        assert_eq!(object.is_empty(), compression.is_none());
        assert_eq!(decompressed(compression, &object), b"");
    }
}

/// Each object begins with nothing: what another held is in none of its bytes.
#[test]
fn the_same_events_make_the_same_object() {
    let mut random = fastrand::Rng::with_seed(1);
    let texts = texts(&mut random);
    for compression in compressions() {
        let object = || {
            let mut encoder = Encoder::new(encoding(ObjectFraming::Newline, compression));
            let (bytes, _) = encoder.push(run(&texts, Framing::Newline), None);
            [bytes, encoder.finish()].concat()
        };
        assert_eq!(object(), object(), "{compression:?}");
    }
}

/// The corruption of a byte is found by whoever decompresses: both formats carry a checksum.
#[test]
fn a_flipped_bit_is_found() {
    let mut random = fastrand::Rng::with_seed(9);
    let noise: Vec<u8> = (0..200).map(|_| random.u8(..)).collect();
    for compression in [Compression::Gzip { level: 1 }, Compression::Zstd { level: 1 }] {
        let mut encoder = Encoder::new(encoding(ObjectFraming::None, Some(compression)));
        let (bytes, _) = encoder.push(run(std::slice::from_ref(&noise), Framing::Bare), None);
        let mut object = [bytes, encoder.finish()].concat();
        assert_eq!(decompressed(Some(compression), &object), noise);
        let middle = object.len() / 2;
        object[middle] ^= 1;
        let read = decode::decompressed(Some(compression), &object).is_ok();
        assert!(!read, "{compression:?}");
    }
}
