//! Uploads that were begun after the checkpoint from which another life goes on.

use std::time::Duration;

use spillway_simulation::bucket::Operation;
use spillway_simulation::world::FaultPlan;

use super::support::*;

/// The answer to the list takes its time, most of it on one way: the clock of the store cannot be
/// told from ours to more than that, and what was begun last is found all the same.
#[test]
fn an_orphan_is_found_by_a_list_that_was_slow() {
    for (there, back) in [(20, 0), (0, 20)] {
        let mut host = host("", &[("a", PARTS)]);
        host.world.on_request(move |info, random| match info.operation {
            Operation::ListMultipartUploads => FaultPlan {
                there: Duration::from_secs(there),
                back: Duration::from_secs(back),
                fault: None,
            },
            _ => FaultPlan::random(random),
        });
        host.begin().unwrap();
        host.write().unwrap();
        until_open(&mut host, 1);
        crash(&mut host);
        host.begin().unwrap();
        assert_eq!(
            host.world.sink.counters().incomplete.orphans,
            1,
            "{there} s there and {back} s back"
        );
        host.run();
    }
}

/// What is left to its name until that is written again is not forgotten by the lives that come
/// before that.
#[test]
fn an_orphan_is_ended_when_its_name_is_written_again_however_many_crashes_later() {
    let events = [("a", PARTS), ("b", "x"), ("c", "y"), ("d", "z"), ("a", PARTS)];
    let mut host = host(r#", "key_template": "{key}""#, &events);
    host.begin().unwrap();
    host.write().unwrap();
    until_open(&mut host, 1);
    crash(&mut host);
    // Another source has another order: `a` comes last now.
    host.source.swap(0, 3);
    host.source[0].1 = event(0, "z");
    host.source[3].1 = event(3, PARTS);
    for _ in 0..2 {
        host.begin().unwrap();
        host.write().unwrap();
        host.checkpoint_and_commit().unwrap();
        assert_eq!(host.world.sink.left_uploads().len(), 1, "it is named in every life");
        crash(&mut host);
    }
    host.run();
    assert_eq!(host.world.bucket.aborted_uploads().len(), 1);
    assert_eq!(host.world.bucket.open_uploads().len(), 0);
}

/// Who could not look, because the store did not let it, looks again in the next life: for
/// everything since the checkpoint that could not be looked behind.
#[test]
fn what_could_not_be_looked_for_is_looked_for_by_the_next_life() {
    let mut host = host("", &[("a", PARTS), ("b", "x"), ("a", "y")]);
    host.begin().unwrap();
    host.write().unwrap();
    until_open(&mut host, 1);
    crash(&mut host);
    host.world.bucket.options.denied = vec![Action::ListBucketMultipartUploads];
    host.source.swap(0, 1);
    host.source[0].1 = event(0, "x");
    host.source[1].1 = event(1, PARTS);
    host.begin().unwrap();
    host.write().unwrap();
    host.checkpoint_and_commit().unwrap();
    assert_eq!(host.world.sink.counters().incomplete.orphans, 0);
    crash(&mut host);
    host.world.bucket.options.denied.clear();
    host.begin().unwrap();
    assert_eq!(host.world.sink.counters().incomplete.orphans, 1);
    host.run();
    assert_eq!(host.world.bucket.open_uploads().len(), 0);
}

#[test]
fn on_a_prefix_of_its_own_every_orphan_is_ended_at_once() {
    let own = r#", "prefix": "p/", "orphans": "abort""#;
    let mut host = host(own, &[("a", PARTS), ("b", PARTS), ("c", "x")]);
    host.begin().unwrap();
    host.write().unwrap();
    host.checkpoint_and_commit().unwrap();
    host.write().unwrap();
    until_open(&mut host, 2);
    crash(&mut host);
    // It is another source's.
    host.source[1] = ("c".to_owned(), event(1, "x"));
    host.begin().unwrap();
    assert_eq!(host.world.sink.counters().incomplete.orphans, 1);
    while host.world.sink.counters().incomplete.orphans_aborted == 0 {
        assert!(host.world.step());
    }
    assert_eq!(host.world.bucket.open_uploads().len(), 1, "what the checkpoint knows stays");
    assert!(host.world.notices.iter().any(|notice| notice.message.ends_with("it is aborted")));
    host.run();
    assert!(host.world.failed.is_empty());
}

/// What the checkpoint holds of an object is over its time when another life begins, and with what
/// ends it fills a part. So an upload of the orphan's name is begun at once.
#[test]
fn an_orphan_is_told_from_an_upload_that_is_begun_at_once() {
    let framing = r#", "framing": "json-array""#;
    let mut host = host(framing, &[("a", "123456789"), ("a", PARTS), ("b", "x")]);
    host.world.settings.objects.rotation.age = Some(Duration::from_secs(30));
    host.world.on_request(|info, random| {
        let is_slow = info.operation == Operation::CreateMultipartUpload;
        let back = Duration::from_secs(if is_slow { 5 } else { 0 });
        FaultPlan { back, ..FaultPlan::random(random) }
    });
    host.begin().unwrap();
    host.write().unwrap();
    host.checkpoint_and_commit().unwrap();
    host.write().unwrap();
    until_open(&mut host, 1);
    crash(&mut host);
    host.begin().unwrap();
    assert_eq!(host.world.sink.counters().incomplete.orphans, 1);
    host.run();
    assert_eq!(host.world.bucket.aborted_uploads().len(), 1, "its name is written");
    assert_eq!(host.world.bucket.open_uploads().len(), 0);
    assert_eq!(host.objects().count(), 3);
}
