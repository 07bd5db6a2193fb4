//! Where a commit in two phases can be cut in two, and what else can befall what a checkpoint
//! knows.

use std::time::Duration;

use spillway_core::Input;
use spillway_simulation::bucket::Operation;
use spillway_simulation::faults::Fault;
use spillway_simulation::host::Arrivals;
use spillway_simulation::world::FaultPlan;

use super::support::*;
use super::the_objects_are_the_same;

/// Objects at once and in parts, the last of which is open in the end.
const EVENTS: [(&str, &str); 5] = [("a", "x"), ("b", PARTS), ("c", PARTS), ("d", "y"), ("e", "z")];
const NEXT: &str = r#", "on_existing": "next", "key_template": "{key}-{sequence}""#;

#[test]
fn between_checkpoint_and_storing_nothing_is_visible_and_nothing_is_known() {
    let mut host = written("", &EVENTS);
    host.checkpoint().unwrap();
    host.world.run_for(MINUTE);
    crash(&mut host);
    host.begin().unwrap();
    host.world.run_for(MINUTE);
    assert_eq!(visible(&host), [""; 0]);
    assert_eq!(host.world.sink.next_position(), 0, "it begins where the one before it did");
    host.run();
    assert_eq!(visible(&host), ["a", "b", "c", "d", "e"]);
}

#[test]
fn between_storing_and_commit_what_is_stored_counts() {
    let mut host = written("", &EVENTS);
    host.checkpoint().unwrap();
    host.store().unwrap();
    host.world.run_for(MINUTE);
    assert_eq!(visible(&host), [""; 0]);
    crash(&mut host);
    host.begin().unwrap();
    host.world.run_for(MINUTE);
    assert_eq!(visible(&host), ["a", "b", "c", "d"], "without a commit, and with no event written");
    host.run();
    assert_eq!(visible(&host), ["a", "b", "c", "d", "e"]);
}

/// Also where the crash comes once more while the next life is looking around.
#[test]
fn between_a_commit_and_each_object_that_it_makes_visible() {
    let mut plain = host("", &EVENTS);
    plain.run();
    for count in 0..=4 {
        for arrivals in [Arrivals::All, Arrivals::None, Arrivals::Some] {
            for again in [None, Some(0), Some(3), Some(6), Some(9)] {
                let mut host = written("", &EVENTS);
                host.behaviour.arrivals = arrivals;
                host.checkpoint_and_commit().unwrap();
                while host.world.bucket.visible_history().len() < count {
                    assert!(host.world.step());
                }
                host.crash();
                host.crashes.extend(again.map(|instants| host.instants + 1 + instants));
                host.run();
                the_objects_are_the_same(&plain, &host);
                assert!(host.world.failed.is_empty());
            }
        }
    }
}

/// The second object of a name waits for the first, and does not become visible by its checkpoint.
#[test]
fn of_two_objects_of_one_name_the_second_stays() {
    let events = [("a", PARTS), ("b", "x"), ("a", "second"), ("c", "y")];
    for count in 0..=3 {
        for arrivals in [Arrivals::All, Arrivals::None] {
            let mut host = written("", &events);
            host.behaviour.arrivals = arrivals;
            host.checkpoint_and_commit().unwrap();
            host.world.run_for(MINUTE);
            assert_eq!(host.world.bucket.visible_history().len(), 2, "the first `a`, and `b`");
            host.checkpoint_and_commit().unwrap();
            while host.world.bucket.visible_history().len() < count {
                assert!(host.world.step());
            }
            host.crash();
            host.run();
            let names = host.objects().map(|seen| (seen.positions[0], seen.name.as_str()));
            assert_eq!(names.collect::<Vec<_>>(), [(0, "a"), (1, "b"), (2, "a"), (3, "c")]);
            assert_eq!(host.world.bucket.objects()["a"].bytes, "<2:second>\n");
        }
    }
}

/// A name that another writer took after the commit: the next number is a new promise, which waits
/// for a checkpoint of its own.
#[test]
fn a_number_that_was_taken_after_the_commit() {
    for (payload, operation) in
        [("x", Operation::PutObject), (PARTS, Operation::CompleteMultipartUpload)]
    {
        for is_renamed_before in [false, true] {
            let mut host = written(NEXT, &[("a", payload), ("b", "y"), ("c", "z")]);
            host.world.on_request(move |info, random| {
                let loses = info.operation == operation && info.key == "a-0";
                FaultPlan::random(random).with(loses.then_some(Fault::NameTaken))
            });
            host.checkpoint_and_commit().unwrap();
            host.world.run_for(if is_renamed_before { MINUTE } else { Duration::ZERO });
            assert!(!visible(&host).contains(&"a-1"), "no stored checkpoint knows that name");
            crash(&mut host);
            host.run();
            if payload == "x" {
                assert_eq!(visible(&host), ["a-0", "a-1", "b-0", "c-0"]);
                assert!(host.world.failed.is_empty());
            } else {
                // What the store has of it belongs to a name that is taken, and nobody else has it.
                assert_eq!(visible(&host), ["a-0", "b-0", "c-0"]);
                let failed: Vec<_> = host.world.failed.iter().map(|f| &f.span).collect();
                assert_eq!(failed.len(), 1);
                assert_eq!((failed[0].first, failed[0].last, failed[0].events), (0, 0, 1));
            }
        }
    }
}

/// A rule of the bucket ends an upload that the checkpoint knows.
#[test]
fn an_upload_that_is_gone_fails_and_names_its_positions() {
    let events = [("b", "x"), ("a", PARTS), ("a", "more"), ("a", "and more")];
    let mut host = host("", &events);
    host.begin().unwrap();
    (0..2).for_each(|_| host.write().unwrap());
    host.checkpoint_and_commit().unwrap();
    host.write().unwrap();
    crash(&mut host);
    let id = host.world.bucket.open_uploads().keys().next().cloned().unwrap();
    host.world.bucket.expire_upload(&id);
    host.run();
    let [failure] = &host.world.failed[..] else { panic!("{:?}", host.world.failed) };
    let span = &failure.span;
    assert_eq!((span.first, span.last, span.events, failure.begun), (1, 3, 3, 1));
    assert!(failure.cause.to_string().contains("NoSuchUpload"), "{}", failure.cause);
    assert_eq!(visible(&host), ["b"]);
}

#[test]
fn suspend_ends_only_what_no_checkpoint_knows() {
    let open = r#", "max_open_objects": 3, "key_template": "{key}-{first}""#;
    let mut host = host(open, &[("a", PARTS), ("b", PARTS), ("c", "x")]);
    host.begin().unwrap();
    host.write().unwrap();
    host.checkpoint_and_commit().unwrap();
    (0..2).for_each(|_| host.write().unwrap());
    until_open(&mut host, 2);
    host.close().unwrap();
    let open = host.world.bucket.open_uploads().values();
    assert_eq!(open.map(|upload| upload.key.as_str()).collect::<Vec<_>>(), ["a-0"]);
    assert_eq!(host.world.bucket.aborted_uploads().len(), 1, "of `b`");
    assert!(host.world.failed.is_empty(), "all of it will be written again");
    crash(&mut host);
    host.run();
    assert_eq!(visible(&host), ["a-0", "b-1", "c-2"]);
}

#[test]
fn an_upload_that_failed_stays_until_no_stored_checkpoint_knows_it() {
    let mut host = host("", &[("a", PARTS), ("a", PARTS), ("b", "x")]);
    host.begin().unwrap();
    host.write().unwrap();
    host.checkpoint_and_commit().unwrap();
    host.world.on_request(|info, random| {
        let is_part = info.operation == Operation::UploadPart;
        FaultPlan::random(random).with(is_part.then_some(Fault::AccessDenied))
    });
    let aborted = |host: &Host| host.world.bucket.aborted_uploads().len();
    host.write().unwrap();
    host.world.run_for(MINUTE);
    host.listen().unwrap();
    assert_eq!((host.world.failed.len(), aborted(&host)), (1, 0));
    host.checkpoint().unwrap();
    host.world.run_for(MINUTE);
    host.store().unwrap();
    host.world.run_for(MINUTE);
    assert_eq!(aborted(&host), 0, "nobody has said that it is stored");
    host.commit().unwrap();
    host.world.run_for(MINUTE);
    assert_eq!(aborted(&host), 1);
}

#[test]
fn memory_that_is_full_of_sealed_objects_is_emptied_by_a_commit_alone() {
    let keys: Vec<String> = (0..40).map(|number| format!("{number:02}")).collect();
    let events: Vec<_> = keys.iter().map(|key| (key.as_str(), "x")).collect();
    let mut host = host("", &events);
    host.world.settings.objects.memory_bytes_max = 64;
    host.begin().unwrap();
    let mut wanted = false;
    while host.busy() == 0 {
        wanted |= host.world.sink.wants_checkpoint();
        assert_eq!(visible(&host).len(), 0);
        host.write().unwrap();
    }
    assert!(wanted, "it was said before");
    assert!(!visible(&host).is_empty(), "and the batch that did not fit was written after it");
    host.run();
    assert!(host.world.failed.is_empty());
    assert_eq!(visible(&host), keys);
}

#[test]
fn age_and_idleness_go_on_while_nobody_is_there() {
    let seconds = Duration::from_secs;
    for (age, idle) in [(Some(seconds(60)), None), (None, Some(seconds(60)))] {
        for (down, objects) in [(10, 1), (50, 2)] {
            let mut host = host(r#", "key_template": "{key}-{first}""#, &[("a", "x"), ("a", "y")]);
            (host.world.settings.objects.rotation.age, host.world.settings.objects.rotation.idle) =
                (age, idle);
            host.behaviour.down_max = Duration::ZERO;
            host.begin().unwrap();
            host.write().unwrap();
            host.world.run_for(seconds(20));
            host.checkpoint_and_commit().unwrap();
            host.crash();
            host.world.run_for(seconds(down));
            host.run();
            assert_eq!(host.objects().count(), objects, "{age:?} {idle:?}, {down} s");
        }
    }
}

/// A failure that nobody has heard of is in the checkpoint, and is told by the life after it.
#[test]
fn a_failure_that_was_not_heard_is_told_again() {
    let mut host = written("", &[("a", "x"), ("b", "y")]);
    host.checkpoint_and_commit().unwrap();
    host.world.on_request(|info, random| {
        let is_put = info.operation == Operation::PutObject;
        FaultPlan::random(random).with(is_put.then_some(Fault::AccessDenied))
    });
    host.feed(Input::Seal).unwrap();
    host.world.run_for(MINUTE);
    host.checkpoint().unwrap();
    host.store().unwrap();
    assert!(host.world.failed.is_empty(), "nobody listens");
    crash(&mut host);
    host.world.on_request(|_, random| FaultPlan::random(random));
    host.run();
    assert_eq!(host.world.failed.len() + visible(&host).len(), 2);
}

/// A host that has written all its events, the last of which leaves its object open.
fn written(more: &str, events: &[(&str, &str)]) -> Host {
    let mut host = host(more, events);
    host.begin().unwrap();
    events.iter().for_each(|_| host.write().unwrap());
    host
}

const MINUTE: Duration = Duration::from_secs(60);
