//! Uploads that were begun after the checkpoint from which another life goes on.

use std::time::Duration;

use spillway_simulation::bucket::Operation;
use spillway_simulation::world::Fate;

use super::support::*;

/// The answer to the list takes its time, most of it on one way: the clock of the store cannot be
/// told from ours to more than that, and what was begun last is found all the same.
#[test]
fn an_orphan_is_found_by_a_list_that_was_slow() {
    for (there, back) in [(20, 0), (0, 20)] {
        let mut flow = flow("", &[("a", PARTS)]);
        flow.world.on_request(move |info, random| match info.operation {
            Operation::ListMultipartUploads => Fate {
                there: Duration::from_secs(there),
                back: Duration::from_secs(back),
                fault: None,
            },
            _ => Fate::random(random),
        });
        flow.begin().unwrap();
        flow.write().unwrap();
        until_open(&mut flow, 1);
        crash(&mut flow);
        flow.begin().unwrap();
        assert_eq!(
            flow.world.sink.counters().incomplete.orphans,
            1,
            "{there} s there and {back} s back"
        );
        flow.run();
    }
}

/// What is left to its name until that is written again is not forgotten by the lives that come
/// before that.
#[test]
fn an_orphan_is_ended_when_its_name_is_written_again_however_many_crashes_later() {
    let events = [("a", PARTS), ("b", "x"), ("c", "y"), ("d", "z"), ("a", PARTS)];
    let mut flow = flow(r#", "key_template": "{key}""#, &events);
    flow.begin().unwrap();
    flow.write().unwrap();
    until_open(&mut flow, 1);
    crash(&mut flow);
    // Another source has another order: `a` comes last now.
    flow.source.swap(0, 3);
    flow.source[0].1 = event(0, "z");
    flow.source[3].1 = event(3, PARTS);
    for _ in 0..2 {
        flow.begin().unwrap();
        flow.write().unwrap();
        flow.checkpoint_and_commit().unwrap();
        assert_eq!(flow.world.sink.left_uploads().len(), 1, "it is named in every life");
        crash(&mut flow);
    }
    flow.run();
    assert_eq!(flow.world.bucket.aborted_uploads().len(), 1);
    assert_eq!(flow.world.bucket.open_uploads().len(), 0);
}

/// Who could not look, because the store did not let it, looks again in the next life: for
/// everything since the checkpoint that could not be looked behind.
#[test]
fn what_could_not_be_looked_for_is_looked_for_by_the_next_life() {
    let mut flow = flow("", &[("a", PARTS), ("b", "x"), ("a", "y")]);
    flow.begin().unwrap();
    flow.write().unwrap();
    until_open(&mut flow, 1);
    crash(&mut flow);
    flow.world.bucket.options.denied = vec![Action::ListBucketMultipartUploads];
    flow.source.swap(0, 1);
    flow.source[0].1 = event(0, "x");
    flow.source[1].1 = event(1, PARTS);
    flow.begin().unwrap();
    flow.write().unwrap();
    flow.checkpoint_and_commit().unwrap();
    assert_eq!(flow.world.sink.counters().incomplete.orphans, 0);
    crash(&mut flow);
    flow.world.bucket.options.denied.clear();
    flow.begin().unwrap();
    assert_eq!(flow.world.sink.counters().incomplete.orphans, 1);
    flow.run();
    assert_eq!(flow.world.bucket.open_uploads().len(), 0);
}

#[test]
fn on_a_prefix_of_its_own_every_orphan_is_ended_at_once() {
    let own = r#", "prefix": "p/", "orphans": "abort""#;
    let mut flow = flow(own, &[("a", PARTS), ("b", PARTS), ("c", "x")]);
    flow.begin().unwrap();
    flow.write().unwrap();
    flow.checkpoint_and_commit().unwrap();
    flow.write().unwrap();
    until_open(&mut flow, 2);
    crash(&mut flow);
    // It is another source's.
    flow.source[1] = ("c".to_owned(), event(1, "x"));
    flow.begin().unwrap();
    assert_eq!(flow.world.sink.counters().incomplete.orphans, 1);
    while flow.world.sink.counters().incomplete.orphans_aborted == 0 {
        assert!(flow.world.step());
    }
    assert_eq!(flow.world.bucket.open_uploads().len(), 1, "what the checkpoint knows stays");
    assert!(flow.world.notices.iter().any(|notice| notice.message.ends_with("it is aborted")));
    flow.run();
    assert!(flow.world.failed.is_empty());
}

/// What the checkpoint holds of an object is over its time when another life begins, and with what
/// ends it fills a part. So an upload of the orphan's name is begun at once.
#[test]
fn an_orphan_is_told_from_an_upload_that_is_begun_at_once() {
    let framing = r#", "framing": "json-array""#;
    let mut flow = flow(framing, &[("a", "123456789"), ("a", PARTS), ("b", "x")]);
    flow.world.settings.rotation.age = Some(Duration::from_secs(30));
    flow.world.on_request(|info, random| {
        let is_slow = info.operation == Operation::CreateMultipartUpload;
        let back = Duration::from_secs(if is_slow { 5 } else { 0 });
        Fate { back, ..Fate::random(random) }
    });
    flow.begin().unwrap();
    flow.write().unwrap();
    flow.checkpoint_and_commit().unwrap();
    flow.write().unwrap();
    until_open(&mut flow, 1);
    crash(&mut flow);
    flow.begin().unwrap();
    assert_eq!(flow.world.sink.counters().incomplete.orphans, 1);
    flow.run();
    assert_eq!(flow.world.bucket.aborted_uploads().len(), 1, "its name is written");
    assert_eq!(flow.world.bucket.open_uploads().len(), 0);
    assert_eq!(flow.objects().count(), 3);
}
