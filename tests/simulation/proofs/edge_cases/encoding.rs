//! Compressed objects: measured after compression, begun anew for each object.

use spillway_core::encode::{Compression, Encoding, ObjectFraming};
use spillway_simulation::accounting::{bytes_of, decompressed};
use spillway_simulation::bucket::Operation;
use spillway_simulation::faults::Fault;
use spillway_simulation::world::World;

use super::support::*;

const GZIP: Compression = Compression::Gzip { level: 6 };
const ZSTD: Compression = Compression::Zstd { level: 3 };
const BOTH: [Compression; 2] = [GZIP, ZSTD];
/// Larger than a zstd block, so that parts fill before an object ends.
const EVENT: usize = 200_000;

/// A world with objects of this kind, and room for compressors.
fn encoded(framing: ObjectFraming, compression: Option<Compression>, part: u64) -> World {
    let encoding = Encoding { framing, compression };
    let change = |s: &mut spillway_core::Settings| {
        s.upload.encoding = encoding;
        s.names.suffix = encoding.suffix();
        s.upload.part_bytes = part;
        s.objects.memory_bytes_max = 8 * part + 2 * encoding.memory_bytes();
    };
    world_with(change, |bucket| bucket.part_bytes_min = part)
}

/// Bytes that no compressor makes fewer.
fn noise(seed: u64) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(seed);
    (0..EVENT).map(|_| random.u8(..)).collect()
}

/// What is in the objects is what was written, by the accounting of the world.
fn says(world: &World, name: &str, events: u64) {
    let stored = world.visible.iter().find(|o| o.span.object_key == name).expect("it is visible");
    assert_eq!(stored.span.events, events);
    assert_eq!(object(world, name).len() as u64, stored.bytes, "measured after compression");
}

#[test]
fn case_13_sizes_are_measured_after_compression() {
    for compression in BOTH {
        let mut world = encoded(ObjectFraming::Newline, Some(compression), 100_000);
        for _ in 0..10 {
            world.write("alike", vec![b'x'; EVENT]);
        }
        for seed in 0..3 {
            world.write("noise", noise(seed));
        }
        finish(&mut world);
        let of = |name: &str| &world.bucket.objects()[&named(&world, name)];
        assert!(of("alike").parts.is_empty() && of("alike").bytes.len() < 10_000, "2 MB, put");
        let parts: Vec<u64> = of("noise").parts.iter().map(|(_, size)| *size).collect();
        assert_eq!((parts.len(), parts[0]), (7, 100_000), "600 kB, in parts: {parts:?}");
        says(&world, &named(&world, "noise"), 3);
    }
}

#[test]
fn case_13_each_object_is_compressed_by_itself() {
    for compression in BOTH {
        let mut world = encoded(ObjectFraming::JsonArray, Some(compression), 50_000);
        for key in ["a", "b", "a"] {
            world.write(key, "1");
            world.write(key, "2");
        }
        finish(&mut world);
        assert_eq!(world.visible.len(), 3);
        for name in ["a", "b"] {
            let object = object(&world, &named(&world, name));
            assert_eq!(decompressed(&world, &object), b"[1,\n2]\n");
        }
    }
}

/// The object that failed leaves nothing behind in the compressor, nor in the object after it.
#[test]
fn case_13_a_failed_object_leaves_the_next_one_alone() {
    for compression in BOTH {
        let mut world = encoded(ObjectFraming::Newline, Some(compression), 50_000);
        faults(&mut world, |info| info.key.starts_with('a').then_some(Fault::AccessDenied));
        world.write("a", noise(1));
        while world.step() {}
        world.write("a", noise(2));
        assert_eq!(world.sink.held(), 0, "neither bytes nor a compressor");
        world.write("b", "after it");
        finish(&mut world);
        assert_eq!((world.failed.is_empty(), world.visible.len()), (false, 1));
        let b = object(&world, &named(&world, "b"));
        assert_eq!(decompressed(&world, &b), b"after it\n");
    }
}

/// What was compressed is kept compressed: an upload that begins again sends the same bytes.
#[test]
fn case_13_an_upload_that_begins_again_sends_the_same_bytes() {
    for compression in BOTH {
        let write = |world: &mut World| {
            for seed in 0..3 {
                world.write("a", noise(seed));
            }
            finish(world);
            object(world, &named(world, "a"))
        };
        let undisturbed = write(&mut encoded(ObjectFraming::Newline, Some(compression), 100_000));
        let mut world = encoded(ObjectFraming::Newline, Some(compression), 100_000);
        faults(&mut world, |info| {
            (info.part_number == Some(3) && info.index < 6).then_some(Fault::UploadExpires)
        });
        assert!(write(&mut world) == undisturbed, "{compression:?}");
        assert_eq!(asked(&world, Operation::CreateMultipartUpload), 2);
    }
}

/// Events that become almost nothing, and events that stay what they are: `finish` looks at what
/// was held at most, compressors included.
#[test]
fn memory_is_bounded_whatever_compression_makes_of_events() {
    for compression in BOTH {
        for framing in [ObjectFraming::LengthDelimited, ObjectFraming::JsonArray] {
            let mut world = encoded(framing, Some(compression), 100_000);
            for number in 0..120 {
                let key = format!("key {}", number / 40);
                let payload = if number % 3 == 0 { noise(number) } else { vec![b'x'; EVENT] };
                world.write(&key, payload);
            }
            assert!(
                world.peaks.held > world.settings.upload.encoding.memory_bytes(),
                "it is counted"
            );
            finish(&mut world);
            assert_eq!(world.sink.held(), 0);
            assert_eq!(world.visible.len(), 3);
        }
    }
}

#[test]
fn the_store_is_told_how_an_object_is_compressed() {
    for (compression, name, wanted) in
        [(Some(GZIP), "a.gz", Some("gzip")), (Some(ZSTD), "a.zst", Some("zstd")), (None, "a", None)]
    {
        for events in [1, 3] {
            let mut world = encoded(ObjectFraming::LengthDelimited, compression, 100_000);
            for seed in 0..events {
                world.write("a", noise(seed));
            }
            finish(&mut world);
            let object = &world.bucket.objects()[name];
            let said = object.headers.iter().find(|(name, _)| name == "content-encoding");
            assert_eq!(said.map(|(_, value)| value.as_str()), wanted, "{events} events");
            assert_eq!(
                decompressed(&world, &object.bytes),
                bytes_of(&world, &world.visible[0].span)
            );
        }
    }
}

/// Two keys may have one name then: the later object takes the place of the earlier, as ever.
#[test]
fn a_key_that_ends_in_the_suffix_keeps_its_name() {
    let mut world = encoded(ObjectFraming::Newline, Some(GZIP), 50_000);
    world.write("a.gz", "first");
    world.write("a", "second");
    finish(&mut world);
    let object = object(&world, "a.gz");
    assert_eq!(decompressed(&world, &object), b"second\n");
    assert_eq!(world.bucket.visible_history().len(), 2);
}

/// The suffix counts: S3 looks at the name.
#[test]
fn a_key_is_too_long_with_its_suffix() {
    let mut world = encoded(ObjectFraming::Newline, Some(ZSTD), 50_000);
    let (fits, too_long) = ("k".repeat(1_020), "k".repeat(1_021));
    world.write(&fits, "x");
    world.write(&too_long, "x");
    finish(&mut world);
    let (position, reason) = &world.rejected[0];
    assert_eq!((*position, world.visible.len()), (1, 1));
    assert!(reason.contains("the object's name has 1025 bytes"), "{reason}");
}

/// The name of the object of a key.
fn named(world: &World, key: &str) -> String {
    format!("{key}{}", world.settings.names.suffix)
}
