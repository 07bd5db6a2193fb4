//! Cases 9 to 15: parts.

use spillway_core::Input;
use spillway_core::settings::PartSizes;
use spillway_simulation::bucket::Operation;
use spillway_simulation::faults::Fault;

use super::support::*;

#[test]
fn case_09_a_part_is_sent_again_with_the_same_number_and_bytes() {
    let mut world = world();
    faults(&mut world, |info| {
        (info.part_number == Some(2) && info.attempt < 3).then_some(Fault::ResetAfter)
    });
    write_events(&mut world, "a", 6);
    finish(&mut world);
    let twos = world.bucket.log().iter().filter(|logged| logged.part_number == Some(2));
    let sizes: Vec<_> = twos.map(|logged| logged.bytes).collect();
    assert_eq!(sizes, [PART; 3]);
    assert_eq!(object(&world, "a"), events(6));
}

#[test]
fn case_10_parts_grow_so_that_ten_thousand_are_enough() {
    let sizes = PartSizes { first: 5 << 20, max: 5 << 30, count: 10_000 };
    let plain = 10_000 * (5_u64 << 20);
    assert!(sizes.object_bytes_max() > 100 * plain);
    assert_eq!(sizes.size(10_001), None);
}

#[test]
fn case_10_an_object_beyond_its_parts_fails_and_says_what_to_set() {
    let mut world = world_with(
        |settings| {
            (settings.upload.part_bytes, settings.objects.memory_bytes_max) = (1, 2);
            settings.upload.checksum = None;
        },
        |bucket| bucket.part_bytes_min = 1,
    );
    world.on_request(|_, _| spillway_simulation::world::FaultPlan::taking(Default::default()));
    world.write("a", vec![b'x'; 10_001]);
    finish(&mut world);
    assert!(cause(&world).contains("part_bytes"), "{}", cause(&world));
    assert!(world.bucket.objects().is_empty() && world.bucket.open_uploads().is_empty());
}

/// Some stores take a tenth of the parts that S3 takes.
#[test]
fn case_10_a_store_with_fewer_parts_gets_no_more() {
    let mut world = world_with(
        |settings| {
            (settings.upload.part_bytes, settings.objects.memory_bytes_max) = (4, 64);
            (settings.upload.parts_max, settings.upload.checksum) = (20, None);
        },
        |bucket| bucket.part_bytes_min = 4,
    );
    let largest = world.settings.object_bytes_max();
    assert_eq!(largest, 2 * (4 + 8 + 16) + 14 * 32, "they double each second part, up to 32");
    for (key, len) in [("a", largest), ("b", largest + 1)] {
        world.write(key, vec![b'x'; usize::try_from(len).unwrap() - 1]);
    }
    finish(&mut world);
    assert_eq!(object(&world, "a").len() as u64, largest, "a line feed is the last byte");
    assert_eq!(world.bucket.objects()["a"].parts.len(), 20);
    assert!(!world.bucket.objects().contains_key("b"));
    assert!(cause(&world).contains("that 20 parts of this size hold"), "{}", cause(&world));
    let most = world.bucket.log().iter().filter_map(|logged| logged.part_number).max();
    assert_eq!(most, Some(20));
}

#[test]
fn case_11_parts_are_exactly_equal_wherever_events_end() {
    let mut world = world();
    write_events(&mut world, "a", 20);
    finish(&mut world);
    let (_, others) = world.bucket.objects()["a"].parts.split_last().unwrap();
    assert!(others.len() > 8 && others.iter().all(|(_, len)| *len == PART), "{others:?}");
}

#[test]
fn case_12_events_of_any_size_at_any_boundary() {
    for len in [PART - 2, PART - 1, PART, PART + 1, 3 * PART - 1, 20 * PART] {
        let mut world = world();
        let payload = vec![b'x'; len as usize];
        world.write("a", payload.clone());
        finish(&mut world);
        assert_eq!(object(&world, "a").len() as u64, len + 1, "with its line feed");
        let is_multipart = asked(&world, Operation::CreateMultipartUpload) == 1;
        assert_eq!(is_multipart, len + 1 >= PART, "{len}");
    }
}

#[test]
fn case_14_an_upload_that_is_gone_begins_again_while_its_bytes_are_held() {
    let mut world = world();
    faults(&mut world, |info| {
        (info.part_number == Some(3) && info.index < 6).then_some(Fault::UploadExpires)
    });
    write_events(&mut world, "a", 7);
    finish(&mut world);
    assert_eq!((world.visible.len(), world.failed.len()), (1, 0));
    assert_eq!(object(&world, "a"), events(7));
}

#[test]
fn case_14_an_upload_that_is_gone_fails_when_its_bytes_are_not_held() {
    let mut world = world_with(|settings| settings.objects.memory_bytes_max = PART, |_| {});
    faults(&mut world, |info| (info.part_number == Some(6)).then_some(Fault::UploadExpires));
    write_events(&mut world, "a", 20);
    finish(&mut world);
    assert!(cause(&world).contains("NoSuchUpload"), "{}", cause(&world));
    assert_eq!(asked(&world, Operation::CreateMultipartUpload), 1, "not for ever");
}

#[test]
fn case_15_an_abort_waits_for_the_parts_in_flight() {
    let mut world = world();
    write_events(&mut world, "a", 8);
    while world.sink.in_flight() < 3 {
        assert!(world.step(), "parts go up several at a time");
    }
    world.feed(Input::Abort);
    world.settle();
    world.land_all();
    let log = world.bucket.log();
    let abort = log.iter().position(|l| l.operation == Some(Operation::AbortMultipartUpload));
    let last = log.iter().rposition(|l| l.operation == Some(Operation::UploadPart));
    assert!(abort > last && last.is_some(), "a part that lands after an abort is paid for");
    assert!(world.bucket.open_uploads().is_empty());
}
