//! Cases 16 to 24: what is open, what is durable, what is left.

use spillway_core::{Framing, IncompleteUpload, Input, Reply, Run};
use spillway_simulation::bucket::{Action, Operation};
use spillway_simulation::faults::Fault;

use super::support::*;
use crate::invariants::nothing_is_replaced_or_doubled;

#[test]
fn case_16_an_event_is_durable_once_its_own_object_is() {
    let mut world = world();
    faults(&mut world, |info| {
        (info.key == "a" && info.attempt < 3).then_some(Fault::InternalError)
    });
    world.write("a", "one");
    world.write("b", "two");
    world.feed(Input::Seal);
    assert_eq!(world.sink.durable(), 0, "neither is");
    while world.visible.is_empty() {
        assert!(world.step());
    }
    assert_eq!(world.visible[0].span.object_key, "b", "it overtakes");
    assert_eq!(world.sink.durable(), 0, "the event of `a` comes first, and is not durable");
    finish(&mut world);
    assert_eq!(world.sink.durable(), 2);
}

#[test]
fn case_17_an_event_that_cannot_be_stored_harms_no_other() {
    let mut world = world();
    write_events(&mut world, "a", 3);
    let too_long = "k".repeat(1_025);
    for key in ["", too_long.as_str()] {
        world.write(key, "poison");
    }
    write_events(&mut world, "a", 2);
    finish(&mut world);
    let positions: Vec<_> = world.rejected.iter().map(|(position, _)| *position).collect();
    assert_eq!(positions, [3, 4]);
    assert_eq!((world.visible.len(), world.failed.len()), (1, 0));
    assert_eq!(object(&world, "a"), [events(3), events(2)].concat(), "it was open all the while");
}

#[test]
fn case_18_the_last_report_has_everything() {
    let mut world = world();
    (0..50).for_each(|n| {
        world.write(&format!("key {n}"), "x");
    });
    finish(&mut world);
    let events: u64 = world.visible.iter().map(|object| object.span.events).sum();
    assert_eq!((events, world.sink.durable()), (50, 50));
}

#[test]
fn case_19_an_abort_that_fails_is_remembered_and_never_hides_the_cause() {
    let mut world = world();
    let away = std::time::Duration::from_secs(60);
    faults(&mut world, move |info| match info.operation {
        Operation::UploadPart => Some(Fault::AccessDenied),
        Operation::AbortMultipartUpload if info.at < away => Some(Fault::ConnectError),
        _ => None,
    });
    write_events(&mut world, "a", 3);
    world.seal_and_settle();
    assert!(cause(&world).contains("AccessDenied"), "{}", cause(&world));
    assert_eq!((world.sink.left(), world.bucket.open_uploads().len()), (1, 1));
    assert_eq!(world.sink.counters().incomplete.aborts_failed, 1);
    world.run_for(std::time::Duration::from_secs(300));
    assert_eq!((world.sink.left(), world.bucket.open_uploads().len()), (0, 0), "later it works");
}

#[test]
fn case_19_the_first_cause_is_the_one_that_is_told() {
    let mut world = world();
    faults(&mut world, |info| (info.part_number == Some(1)).then_some(Fault::AccessDenied));
    write_events(&mut world, "a", 5);
    while world.bucket.log().iter().all(|logged| logged.part_number.is_none()) {
        assert!(world.step(), "the first answers come while others are under way");
    }
    while !world.trace().iter().any(|line| line.contains("← 403")) {
        assert!(world.step());
    }
    world.feed(Input::Abort);
    world.settle();
    assert!(cause(&world).contains("AccessDenied"), "{}", cause(&world));
}

#[test]
fn case_19_what_is_remembered_is_tried_again_at_the_end() {
    let mut world = world_with(|s| s.client.retry.attempts_max = 1, |_| {});
    faults(&mut world, |info| match info.operation {
        Operation::UploadPart => Some(Fault::AccessDenied),
        Operation::AbortMultipartUpload if info.attempt == 1 => Some(Fault::InternalError),
        _ => None,
    });
    write_events(&mut world, "a", 3);
    world.seal_and_settle();
    assert_eq!(world.sink.left(), 1);
    world.feed(Input::RetryAborts);
    world.settle();
    assert_eq!((world.sink.left(), world.bucket.open_uploads().len()), (0, 0));
}

#[test]
fn case_19_what_one_sink_could_not_abort_the_next_one_finds_and_ends() {
    let mut world = world();
    faults(&mut world, |info| match info.operation {
        Operation::UploadPart if info.part_number == Some(2) => Some(Fault::AccessDenied),
        Operation::AbortMultipartUpload => Some(Fault::ConnectError),
        _ => None,
    });
    write_events(&mut world, "a", 4);
    world.seal_and_settle();
    assert_eq!(world.sink.left(), 1);

    let mut next = world_with(|_| {}, |_| {});
    next.bucket = world.bucket;
    let Ok(Reply::IncompleteUploads(list)) = next.ask(Input::IncompleteUploads) else {
        panic!("it may list")
    };
    let [IncompleteUpload { object_key, upload_id, parts, .. }] = &list[..] else {
        panic!("{list:?}")
    };
    assert_eq!((object_key.as_str(), *parts), ("a", Some(2)), "the first and the last");
    let (object_key, upload_id) = (object_key.clone(), upload_id.clone());
    assert_eq!(next.ask(Input::AbortUpload { object_key, upload_id }), Ok(Reply::Gone));
    assert_eq!(next.bucket.open_uploads().len(), 0);
}

#[test]
fn case_21_a_key_that_comes_back_makes_a_new_object_after_the_old_one() {
    let mut world = world();
    // The first takes its time; the second must not overtake it.
    faults(&mut world, |info| (info.index == 0).then_some(Fault::TimeoutAfter));
    for (key, payload) in [("a", "first"), ("b", "between"), ("a", "second")] {
        world.write(key, payload);
    }
    finish(&mut world);
    assert_eq!(object(&world, "a"), b"second\n");
    let of_a = world.visible.iter().filter(|object| object.span.object_key == "a");
    assert_eq!(of_a.map(|object| object.span.first).collect::<Vec<_>>(), [0, 2], "in their order");
}

#[test]
fn case_21_a_key_that_comes_back_replaces_nothing_where_its_name_is_another() {
    use spillway_core::internals::Template;
    for (template, names) in [
        ("{key}-{sequence:03}", ["a-000", "b-000", "a-001"]),
        (
            "{first:020}-{key}",
            ["00000000000000000000-a", "00000000000000000001-b", "00000000000000000002-a"],
        ),
    ] {
        let mut world =
            world_with(|s| s.names.template = Template::parse(template).unwrap(), |_| {});
        for (key, payload) in [("a", "first"), ("b", "between"), ("a", "second")] {
            world.write(key, payload);
        }
        finish(&mut world);
        nothing_is_replaced_or_doubled(&world);
        let stored: Vec<_> = world.bucket.objects().keys().cloned().collect();
        let mut expected = names.to_vec();
        expected.sort_unstable();
        assert_eq!(stored, expected);
        assert_eq!(object(&world, names[2]), b"second\n");
    }
}

/// With a prefix, a key is data: it leads nowhere else.
#[test]
fn case_22_no_key_leads_out_of_the_prefix() {
    let mut world = world_with(|s| s.names.prefix = "logs/".to_owned(), |_| {});
    let keys = ["{sequence}", "..", "../x", "a/../../x", "/x", "\\x", "a//x", "{date:%Y}", ".x"];
    keys.iter().for_each(|key| _ = world.write(key, "x"));
    finish(&mut world);
    let stored: Vec<_> = world.bucket.objects().keys().map(String::as_str).collect();
    assert_eq!(stored, ["logs/.x", "logs/a//x", "logs/{date:%Y}", "logs/{sequence}"]);
    let rejected: Vec<_> = world.rejected.iter().map(|(position, _)| *position).collect();
    assert_eq!(rejected, [1, 2, 3, 4, 5]);
}

#[test]
fn case_22_any_key_is_signed_as_it_is_sent() {
    let keys =
        ["a b+c%d", "//x//", "../up/./.", "ключ/é/日本", "%41", "a?b#c&d=e", "\u{1}\t", "*!'()"];
    let mut world = world();
    for key in keys {
        world.write(key, "x");
    }
    world.write(&"k".repeat(1_024), "x");
    finish(&mut world);
    assert_eq!((world.visible.len(), world.failed.len()), (keys.len() + 1, 0));
    keys.iter().for_each(|key| assert_eq!(object(&world, key), b"x\n", "{key:?}"));
}

/// Nothing that another writer has begun is listed, completed or aborted.
#[test]
fn case_24_the_uploads_of_others_are_left_alone() {
    let mut world = world_with(
        |_| {},
        |bucket| bucket.denied = vec![Action::ListBucketMultipartUploads, Action::ListBucket],
    );
    let mut other = world_with(|_| {}, |_| {});
    faults(&mut other, |info| (info.operation == Operation::UploadPart).then_some(Fault::SlowDown));
    write_events(&mut other, "a", 3);
    world.bucket = std::mem::replace(&mut other.bucket, world.bucket);
    first_meets(&mut world, Operation::UploadPart, Fault::AccessDenied);
    write_events(&mut world, "a", 3);
    world.seal_and_settle();
    let before = other.bucket.open_uploads().len();
    assert_eq!(before, 0);
    assert!(asked(&world, Operation::ListMultipartUploads) == 0);
    let aborted = world.bucket.aborted_uploads().len();
    assert_eq!((aborted, world.bucket.open_uploads().len()), (1, 0), "only its own");
}

/// A list cannot tell whose an upload is, so all of them are in it, but those that are in use here.
#[test]
fn case_24_the_uploads_of_others_are_listed_and_ended_only_by_name() {
    let (mut ours, mut theirs) = (world(), world());
    write_events(&mut theirs, "shared", 5);
    while theirs.bucket.open_uploads().is_empty() {
        assert!(theirs.step());
    }
    ours.bucket = std::mem::replace(&mut theirs.bucket, ours.bucket);
    write_events(&mut ours, "shared", 5);
    // Until its id is known here, any upload of that name may be ours.
    while ours.bucket.open_uploads().values().all(|upload| upload.parts.is_empty()) {
        assert!(ours.step());
    }
    let Ok(Reply::IncompleteUploads(list)) = ours.ask(Input::IncompleteUploads) else {
        panic!("it may list")
    };
    let [of_theirs] = &list[..] else { panic!("{list:?}") };
    let ids: Vec<String> = ours.bucket.open_uploads().keys().cloned().collect();
    assert_eq!(of_theirs.upload_id, ids[0]);
    let name = "shared".to_owned();
    let refused =
        ours.ask(Input::AbortUpload { object_key: name.clone(), upload_id: ids[1].clone() });
    assert!(refused.unwrap_err().to_string().contains("is in use by this sink"));
    assert_eq!(ours.bucket.open_uploads().len(), 2);
    let ended = ours.ask(Input::AbortUpload { object_key: name, upload_id: ids[0].clone() });
    assert_eq!(ended, Ok(Reply::Gone));
    finish(&mut ours);
    assert_eq!(object(&ours, "shared"), events(5), "and ours goes on");
}

#[test]
fn a_run_that_is_none_is_refused() {
    let run = Run::new("a".to_owned(), 0, "abc".into(), vec![1], Framing::Bare);
    assert!(run.is_err());
}
