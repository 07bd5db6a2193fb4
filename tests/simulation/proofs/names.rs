//! What objects are called, and what becomes of names that are taken.

use std::collections::BTreeSet;
use std::time::Duration;

use spillway_core::{Settings, Timestamp};
use spillway_simulation::accounting;
use spillway_simulation::bucket::{Action, BucketOptions, Operation};
use spillway_simulation::faults::Fault;
use spillway_simulation::world::{FaultPlan, World};

use crate::invariants::{hold_at_the_end, nothing_is_replaced_or_doubled};

const PART: u64 = 16;
const NEXT: &str = r#""on_existing": "next", "key_template": "{key}-{sequence}""#;

/// A world with parts of a few bytes, and objects of another writer under these names.
fn world(more: &str, existing: impl IntoIterator<Item = String>) -> World {
    let config = format!(r#"{{"bucket": "bucket", "endpoint": "http://s3.test", {more}}}"#);
    let mut settings = Settings::parse(&config).unwrap();
    (settings.upload.part_bytes, settings.objects.memory_bytes_max) = (PART, 8 * PART);
    let options = BucketOptions { part_bytes_min: PART, ..BucketOptions::default() };
    let mut world = World::with_settings(settings, options, 1);
    existing.into_iter().for_each(|name| world.bucket.put_by_another(Timestamp(0), &name));
    world
}

fn finish(world: &mut World) {
    world.seal_and_settle();
    world.land_all();
    let largest = world.accepted.values().map(|accepted| accepted.payload.len()).max();
    hold_at_the_end(world, largest.unwrap_or(0) as u64);
}

/// How often the bucket was asked for this.
fn asked(world: &World, operation: Operation) -> usize {
    world.bucket.log().iter().filter(|logged| logged.operation == Some(operation)).count()
}

/// The names of what was stored, in the order of its events.
fn stored(world: &World) -> Vec<&str> {
    let mut visible: Vec<_> = world.visible.iter().map(|object| &object.span).collect();
    visible.sort_by_key(|span| span.first);
    visible.iter().map(|span| span.object_key.as_str()).collect()
}

fn numbered(count: usize) -> impl Iterator<Item = String> {
    (0..count).map(|number| format!("a-{number}"))
}

#[test]
fn the_template_is_filled_in_for_each_object() {
    let template = r#""prefix": "logs/", "key_template": "{date:%Y/%m/%d}/{key}-{first:06}""#;
    let mut world = world(template, []);
    for (key, payload) in [("a", "one"), ("a", "two"), ("b", "three"), ("a", "four")] {
        world.write(key, payload);
    }
    finish(&mut world);
    assert_eq!(
        stored(&world),
        ["logs/2026/01/01/a-000000", "logs/2026/01/01/b-000002", "logs/2026/01/01/a-000003"]
    );
}

#[test]
fn a_key_that_leads_out_of_the_prefix_is_rejected() {
    let mut world = world(r#""prefix": "logs/""#, []);
    for key in ["a", "../a", "a", "/etc/passwd"] {
        world.write(key, "x");
    }
    finish(&mut world);
    let positions: Vec<_> = world.rejected.iter().map(|(position, _)| *position).collect();
    assert_eq!(positions, [1, 3]);
    assert!(world.rejected[0].1.contains("a segment `..`"), "{:?}", world.rejected);
    assert_eq!(stored(&world), ["logs/a"], "what is rejected ends no object");
    assert_eq!(world.visible[0].span.events, 2);
}

#[test]
fn numbers_are_counted_for_each_stem() {
    let mut world =
        world(r#""key_template": "{key}/{sequence:03}", "on_existing": "overwrite""#, []);
    for key in ["a", "b", "a", "b", "c", "a"] {
        world.write(key, "x");
    }
    finish(&mut world);
    assert_eq!(stored(&world), ["a/000", "b/000", "a/001", "b/001", "c/000", "a/002"]);
    assert_eq!(asked(&world, Operation::HeadObject), 0, "nothing is looked at to replace it");
}

#[test]
fn an_object_of_a_taken_name_fails_and_says_so() {
    for size in ["small", "a payload of more than one part"] {
        let mut world = world(r#""on_existing": "fail""#, ["a".to_owned()]);
        world.write("a", size);
        world.write("b", size);
        finish(&mut world);
        nothing_is_replaced_or_doubled(&world);
        assert_eq!(stored(&world), ["b"], "{size}");
        let cause = world.failed[0].cause.to_string();
        let said = "an object of that name exists, and `on_existing` is `fail`";
        assert!(cause.ends_with(said), "{cause}");
        assert_eq!(asked(&world, Operation::HeadObject), 0, "there is no doubt");
        assert!(world.bucket.open_uploads().is_empty());
    }
}

/// The answer to the first attempt is lost, and the second is refused because of what it did.
#[test]
fn an_object_is_not_in_its_own_way() {
    for (more, name) in [(r#""on_existing": "fail""#, "a"), (NEXT, "a-0")] {
        let mut world = world(more, []);
        world.bucket.options.precondition_before_upload = true;
        world.on_request(|info, random| {
            let visible =
                matches!(info.operation, Operation::PutObject | Operation::CompleteMultipartUpload);
            FaultPlan::random(random)
                .with((visible && info.attempt == 1).then_some(Fault::TimeoutAfter))
        });
        world.write("a", "small");
        world.write("b", "a payload of more than one part");
        finish(&mut world);
        nothing_is_replaced_or_doubled(&world);
        assert_eq!(stored(&world), [name, &name.replace('a', "b")]);
    }
}

#[test]
fn the_next_free_number_is_found_without_listing() {
    for count in [0, 1, 2, 7, 100, 1_000] {
        let mut world = world(NEXT, numbered(count));
        for payload in ["one", "two", "three"] {
            world.write("a", payload);
            world.write("b", format!("{payload} of b"));
        }
        finish(&mut world);
        nothing_is_replaced_or_doubled(&world);
        let of_a: Vec<_> = stored(&world).into_iter().filter(|n| n.starts_with('a')).collect();
        let expected: Vec<_> = (count..count + 3).map(|number| format!("a-{number}")).collect();
        assert_eq!(of_a, expected);
        let looks = asked(&world, Operation::HeadObject);
        assert!(looks <= 22, "{looks} looks past {count} objects");
        assert_eq!(asked(&world, Operation::PutObject), 6, "the bytes go out once");
        assert!(world.bucket.log().iter().all(|logged| !logged.key.is_empty()), "no listing");
    }
}

#[test]
fn no_bytes_are_sent_before_a_number_is_found() {
    let mut world = world(NEXT, numbered(5));
    world.write("a", "a payload of more than one part, and of more than two");
    finish(&mut world);
    assert_eq!(stored(&world), ["a-5"]);
    assert_eq!(asked(&world, Operation::CreateMultipartUpload), 1);
    assert!(world.bucket.aborted_uploads().is_empty());
}

/// Who may not list a bucket is told 403 of what is missing, and finds its way all the same.
#[test]
fn who_may_not_list_finds_the_next_number() {
    let mut world = world(NEXT, numbered(6));
    world.bucket.options.denied = vec![Action::ListBucket];
    for (key, payload) in [("a", "one"), ("b", "two"), ("a", "three")] {
        world.write(key, payload);
    }
    finish(&mut world);
    nothing_is_replaced_or_doubled(&world);
    assert_eq!(stored(&world), ["a-6", "b-0", "a-7"]);
}

/// Who may not even look goes by the conditional write, in steps that double.
#[test]
fn who_may_not_look_goes_by_the_conditional_write() {
    let mut world = world(NEXT, numbered(100));
    world.bucket.options.denied = vec![Action::ListBucket, Action::GetObject];
    world.write("a", "one");
    world.write("b", "two");
    finish(&mut world);
    nothing_is_replaced_or_doubled(&world);
    assert_eq!(stored(&world), ["a-127", "b-0"], "0, 1, 3, 7, 15, 31, 63 are refused");
    assert_eq!(asked(&world, Operation::PutObject), 8 + 1);
    assert_eq!(asked(&world, Operation::HeadObject), 2, "one look shows that there is none");
}

/// Another writer takes the name after it was looked at.
#[test]
fn a_race_that_is_lost_is_run_again_under_the_next_number() {
    for (payload, operation) in [
        ("small", Operation::PutObject),
        ("a payload of more than one part", Operation::CompleteMultipartUpload),
    ] {
        let mut world = world(NEXT, []);
        world.on_request(move |info, random| {
            let loses = info.operation == operation && (info.key == "a-0" || info.key == "a-1");
            FaultPlan::random(random).with(loses.then_some(Fault::NameTaken))
        });
        world.write("a", payload);
        finish(&mut world);
        nothing_is_replaced_or_doubled(&world);
        assert_eq!((stored(&world), world.bucket.of_others().len()), (vec!["a-2"], 2), "{payload}");
        assert!(world.bucket.open_uploads().is_empty());
        let told = |notice: &&spillway_core::Notice| {
            notice.message.ends_with("exists; the object gets the next number that is free")
        };
        assert_eq!(world.notices.iter().filter(told).count(), 2);
    }
}

/// What the store has already is let go when memory is short; then nothing can begin again.
#[test]
fn a_race_that_is_lost_with_bytes_let_go_is_a_failure() {
    let mut world = world(NEXT, []);
    world.on_request(|info, random| {
        let loses = info.operation == Operation::CompleteMultipartUpload;
        FaultPlan::random(random).with(loses.then_some(Fault::NameTaken))
    });
    for number in 0..40 {
        world.write("a", format!("event {number:02}"));
        world.run_for(Duration::from_secs(1));
    }
    finish(&mut world);
    nothing_is_replaced_or_doubled(&world);
    assert_eq!((world.visible.len(), world.failed.len()), (0, 1));
    let cause = world.failed[0].cause.to_string();
    let said = "an object of that name exists, and this one could not be stored under another";
    assert!(cause.ends_with(said), "{cause}");
    assert_eq!((world.failed[0].span.first, world.failed[0].span.last), (0, 39));
}

/// While one object looks for its number, younger ones of the same stem wait for it: numbers are in
/// the order of events, and one search is enough.
#[test]
fn one_search_is_enough_for_all_that_wait() {
    let mut world = world(NEXT, numbered(3));
    world.on_request(|info, random| match info.index {
        0 => FaultPlan::taking(Duration::from_secs(20)),
        _ => FaultPlan::random(random),
    });
    for key in ["a", "b", "a", "b", "a"] {
        world.write(key, format!("event of {key}"));
    }
    finish(&mut world);
    assert_eq!(stored(&world), ["a-3", "b-0", "a-4", "b-1", "a-5"]);
    assert_eq!(asked(&world, Operation::HeadObject), 4 + 1);
}

/// The first object of a stem fails while it looks: the next one looks for itself.
#[test]
fn who_waits_for_a_search_is_not_left_waiting() {
    let mut world = world(NEXT, numbered(2));
    world.write("a", "one");
    world.write("b", "two");
    world.write("a", "three");
    assert_eq!(world.sink.unfinished().count(), 3);
    world.feed(spillway_core::Input::Abort);
    world.settle();
    assert_eq!(world.failed.len(), 3);
    world.write("a", "four");
    finish(&mut world);
    assert_eq!(stored(&world), ["a-2"]);
}

/// Where names end in the key, what they end in to say how objects are compressed may be there
/// already. Two keys then have one name but for its number.
#[test]
fn keys_that_differ_in_the_suffix_only_share_their_numbers() {
    let template = r#""compression": "gzip", "key_template": "{sequence}/{key}""#;
    let mut world = world(template, []);
    world.settings.objects.memory_bytes_max += 1 << 20;
    for (key, payload) in [("a", "one"), ("a.gz", "two"), ("a", "three")] {
        world.write(key, payload);
    }
    finish(&mut world);
    assert_eq!(stored(&world), ["0/a.gz", "1/a.gz", "2/a.gz"]);
    assert_eq!(world.bucket.objects().len(), 3, "none replaced another");
}

/// S3 tells 400 of an object that was not written with the customer's key, and HEAD says no more
/// than that. So looking shows nothing, and the conditional write finds the way.
#[test]
fn who_brings_a_key_finds_the_next_number_among_objects_without() {
    let key = r#""customer_key": "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=""#;
    let config = format!(r#"{{"bucket": "bucket", "endpoint": "https://s3.test", {NEXT}, {key}}}"#);
    let mut world = World::new(&config, BucketOptions::default(), 1);
    numbered(6).for_each(|name| world.bucket.put_by_another(Timestamp(0), &name));
    world.write("a", "one");
    world.write("b", "two");
    finish(&mut world);
    nothing_is_replaced_or_doubled(&world);
    assert_eq!(stored(&world), ["a-7", "b-0"], "0, 1, 3 are refused");
}

/// A second run, another machine, another file: whoever counts anew replaces nothing, unless it is
/// told to.
#[test]
fn nobody_replaces_what_another_run_has_counted() {
    for (template, second, failed) in
        [("{key}-{sequence}", vec!["a-2", "a-3"], 0), ("{key}-{first}", vec![], 2)]
    {
        let more = format!(r#""key_template": "{template}""#);
        let mut world = world(&more, []);
        let run = |world: &mut World, day: &str| {
            ["a", "b", "a"].iter().for_each(|key| _ = world.write(key, format!("{key} of {day}")));
            world.seal_and_settle();
        };
        run(&mut world, "monday");
        let monday: Vec<_> = world.bucket.objects().keys().cloned().collect();
        // Nothing is remembered: there is no checkpoint.
        world.open(None);
        world.rejected.clear();
        world.accepted.clear();
        let before = world.visible.len();
        run(&mut world, "tuesday");
        accounting::nothing_was_replaced(&world).unwrap();
        for name in monday {
            let bytes = world.bucket.objects()[&name].bytes.clone();
            assert!(bytes.ends_with(b"monday\n"), "{template}: {name}");
        }
        let of_a = world.visible[before..].iter().map(|object| object.span.object_key.as_str());
        let of_a: BTreeSet<_> = of_a.filter(|name| name.starts_with('a')).collect();
        assert_eq!(of_a, BTreeSet::from_iter(second), "{template}");
        assert_eq!(world.failed.iter().filter(|f| f.span.key == "a").count(), failed);
    }
}

/// Unique among all writers, in the order of time, the same through retries; and nobody is asked.
#[test]
fn a_uuid_is_made_once_for_each_object() {
    let mut world = world(r#""key_template": "{key}/{uuid}.ndjson""#, []);
    world.on_request(|info, random| {
        FaultPlan::random(random).with((info.attempt == 1).then_some(Fault::InternalError))
    });
    for payload in ["one", "a payload of more than one part"] {
        ["a", "b"].iter().for_each(|key| _ = world.write(key, payload));
        world.run_for(Duration::from_secs(1));
    }
    finish(&mut world);
    let uuids: Vec<_> = stored(&world).iter().map(|name| name[2..38].to_owned()).collect();
    assert_eq!(uuids.len(), 4);
    assert!(uuids.is_sorted_by(|one, next| one < next), "{uuids:?}");
    assert!(uuids.iter().all(|uuid| uuid.starts_with("019b") && &uuid[14..15] == "7"), "{uuids:?}");
    assert_eq!(world.bucket.objects().len(), 4, "no attempt went to another name");
    assert_eq!(asked(&world, Operation::HeadObject), 0);
}

/// An object that replaces another of the same run does so as it was told, and it is said.
#[test]
fn a_name_that_comes_back_is_told_once() {
    for (template, dated, told) in [
        ("{key}", false, 1),
        ("{date:%H}/x", true, 1),
        ("{key}-{uuid}", false, 0),
        ("{key}-{first}", false, 0),
    ] {
        let mut world = world(&format!(r#""key_template": "{template}""#), []);
        for (hour, key) in [(1, "a"), (2, "b"), (1, "a"), (2, "b")] {
            let at = dated.then_some(Timestamp(hour * 3_600_000_000_000));
            world.write_run_of(if dated { "k" } else { key }, at, &["x".into()]);
        }
        finish(&mut world);
        let said = |n: &&spillway_core::Notice| n.message.contains("replaces the earlier");
        assert_eq!(world.notices.iter().filter(said).count(), told, "{template}");
    }
}
