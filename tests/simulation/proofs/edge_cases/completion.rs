//! Cases 1 to 8: CompleteMultipartUpload.

use spillway_core::OnExisting;
use spillway_core::checksum::{Crc, Sum};
use spillway_core::encode::ObjectFraming;
use spillway_core::s3::ChecksumType;
use spillway_simulation::bucket::Operation;
use spillway_simulation::faults::Fault;

use super::support::*;
use crate::invariants::nothing_is_replaced_or_doubled;

const COMPLETE: Operation = Operation::CompleteMultipartUpload;

#[test]
fn case_01_a_200_that_is_an_error_is_an_error() {
    for fault in [Fault::ErrorIn200, Fault::ErrorIn200AfterAll, Fault::WhitespaceFirst] {
        let mut world = world();
        first_meets(&mut world, COMPLETE, fault);
        write_events(&mut world, "a", 5);
        finish(&mut world);
        assert_eq!(object(&world, "a"), events(5), "{fault:?}");
        assert_eq!((world.visible.len(), world.failed.len()), (1, 0), "{fault:?}");
        let again = asked(&world, COMPLETE) > 1;
        assert_eq!(again, fault == Fault::ErrorIn200AfterAll, "{fault:?}: the first never arrived");
    }
}

#[test]
fn case_01_a_200_that_is_always_an_error_fails_the_object() {
    let mut world = world();
    faults(&mut world, |info| (info.operation == COMPLETE).then_some(Fault::ErrorIn200));
    write_events(&mut world, "a", 5);
    finish(&mut world);
    assert!(cause(&world).contains("InternalError"), "{}", cause(&world));
    assert!(world.bucket.objects().is_empty() && world.bucket.open_uploads().is_empty());
}

#[test]
fn case_02_an_unanswered_complete_is_repeated() {
    let mut world = world();
    first_meets(&mut world, COMPLETE, Fault::ResetAfter);
    write_events(&mut world, "a", 5);
    finish(&mut world);
    assert_eq!((asked(&world, COMPLETE), asked(&world, Operation::HeadObject)), (2, 0));
    assert_eq!((world.visible.len(), world.failed.len()), (1, 0));
}

/// Some stores forget an upload as soon as it is complete.
#[test]
fn case_02_an_upload_that_is_gone_is_settled_by_its_nonce() {
    let mut world =
        world_with(|_| {}, |bucket| bucket.complete_idempotent_for = Default::default());
    first_meets(&mut world, COMPLETE, Fault::TimeoutAfter);
    write_events(&mut world, "a", 5);
    finish(&mut world);
    assert_eq!((asked(&world, COMPLETE), asked(&world, Operation::HeadObject)), (2, 1));
    assert_eq!((world.visible.len(), world.failed.len()), (1, 0), "the nonce proves it");
    assert_eq!(object(&world, "a"), events(5));
}

/// An older object of the same name and size must not pass for the new one.
#[test]
fn case_02_an_object_with_another_nonce_proves_nothing() {
    let mut world = world_with(|s| s.client.retry.attempts_max = 2, |_| {});
    write_events(&mut world, "a", 5);
    world.seal_and_settle();
    faults(&mut world, |info| (info.operation == COMPLETE).then_some(Fault::TimeoutBefore));
    write_events(&mut world, "a", 5);
    finish(&mut world);
    assert_eq!(asked(&world, Operation::HeadObject), 1);
    assert_eq!((world.visible.len(), world.failed.len()), (1, 1));
    assert!(world.bucket.open_uploads().is_empty(), "the second is aborted");
}

/// Without the right to look, nothing is guessed.
#[test]
fn case_02_without_permission_to_look_it_is_a_failure() {
    use spillway_simulation::bucket::Action;
    let mut world = world_with(
        |settings| settings.client.retry.attempts_max = 2,
        |bucket| bucket.denied = vec![Action::GetObject],
    );
    faults(&mut world, |info| (info.operation == COMPLETE).then_some(Fault::TimeoutAfter));
    write_events(&mut world, "a", 5);
    finish(&mut world);
    assert!(cause(&world).contains("CompleteMultipartUpload"), "{}", cause(&world));
    assert_eq!(world.sink.durable(), 5, "it is reported, so the caller may replay it");
}

#[test]
fn case_03_a_precondition_that_failed_is_a_conflict_unless_we_won() {
    let mut world = world();
    first_meets(&mut world, COMPLETE, Fault::PreconditionFailed);
    write_events(&mut world, "a", 5);
    finish(&mut world);
    assert!(cause(&world).contains("PreconditionFailed"), "{}", cause(&world));
    assert!(world.bucket.open_uploads().is_empty());
}

#[test]
fn case_03_a_conflict_starts_the_upload_again() {
    let mut world = world();
    first_meets(&mut world, COMPLETE, Fault::ConditionalRequestConflict);
    write_events(&mut world, "a", 5);
    finish(&mut world);
    assert_eq!(asked(&world, Operation::CreateMultipartUpload), 2);
    assert_eq!(object(&world, "a"), events(5));
    assert_eq!((world.visible.len(), world.failed.len()), (1, 0));
    assert_eq!(world.bucket.aborted_uploads().len(), 1, "the first upload is aborted");
}

/// The condition is the store's to keep: a name that is free when an upload begins may be taken
/// when it ends.
#[test]
fn case_03_with_a_condition_who_comes_second_replaces_nothing() {
    let mut world = world_with(|s| s.names.on_existing = OnExisting::Fail, |_| {});
    first_meets(&mut world, COMPLETE, Fault::NameTaken);
    write_events(&mut world, "a", 5);
    finish(&mut world);
    assert!(cause(&world).contains("an object of that name exists"), "{}", cause(&world));
    assert_eq!(object(&world, "a"), b"of another writer: a");
    assert!(world.bucket.open_uploads().is_empty());
    nothing_is_replaced_or_doubled(&world);
}

#[test]
fn case_03_a_conditional_put_that_meets_a_conflict_is_repeated() {
    let mut world = world_with(|s| s.names.on_existing = OnExisting::Fail, |_| {});
    first_meets(&mut world, Operation::PutObject, Fault::ConditionalRequestConflict);
    world.write("a", "small");
    finish(&mut world);
    assert_eq!((world.visible.len(), world.failed.len()), (1, 0));
    nothing_is_replaced_or_doubled(&world);
}

#[test]
fn case_04_an_empty_object_is_one_put_of_nothing() {
    let mut world = world_with(|s| s.upload.encoding.framing = ObjectFraming::None, |_| {});
    world.write("empty", "");
    finish(&mut world);
    assert_eq!(object(&world, "empty"), b"");
    assert_eq!(world.requests(), 1);
}

#[test]
fn case_05_parts_are_listed_from_1_to_n_with_the_size_of_it_all() {
    let mut world = world();
    write_events(&mut world, "a", 9);
    finish(&mut world);
    let parts = &world.bucket.objects()["a"].parts;
    let numbers: Vec<_> = parts.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, (1..=parts.len() as u32).collect::<Vec<_>>());
    // The bucket refuses a Complete whose `x-amz-mp-object-size` is not the sum of the parts.
    assert_eq!(object(&world, "a"), events(9));
}

#[test]
fn case_06_no_part_but_the_last_is_small() {
    let mut world = world();
    for len in [1, 3, 40, 2, 7, 90, 1] {
        world.write("a", vec![b'x'; len]);
    }
    finish(&mut world);
    let (last, others) = world.bucket.objects()["a"].parts.split_last().unwrap();
    assert!(others.iter().all(|(_, len)| *len == PART), "{others:?}");
    assert!((1..=PART).contains(&last.1));
}

#[test]
fn case_07_checksums_are_declared_sent_and_combined() {
    for algorithm in Crc::ALL {
        let mut world = world_with(|settings| settings.upload.checksum = Some(algorithm), |_| {});
        write_events(&mut world, "a", 5);
        world.write("b", "small");
        finish(&mut world);
        for key in ["a", "b"] {
            let (kept, kind, _) = world.bucket.objects()[key].checksum.clone().unwrap();
            assert_eq!((kept, kind), (algorithm.into(), ChecksumType::FullObject), "{key}");
        }
    }
}

/// The bucket of this simulation has ids and ETags with every character that could be mangled.
#[test]
fn case_08_ids_and_etags_come_back_as_they_were() {
    let mut world = world();
    write_events(&mut world, "a & <b> \"c\"", 5);
    finish(&mut world);
    assert_eq!(object(&world, "a & <b> \"c\""), events(5));
}

/// What a store did and did not say is looked for, also where it was one request.
#[test]
fn case_02_a_put_in_doubt_is_looked_for() {
    let mut world = world_with(|s| s.client.retry.attempts_max = 1, |_| {});
    faults(&mut world, |info| {
        (info.operation == Operation::PutObject).then_some(Fault::TimeoutAfter)
    });
    world.write("a", "small");
    finish(&mut world);
    assert_eq!((world.visible.len(), world.failed.len()), (1, 0), "the nonce proves it");
}

/// A nonce without the bytes is no proof: the size and the checksum must be ours, too.
#[test]
fn case_02_whole_objects_carry_their_checksum() {
    let mut world = world();
    write_events(&mut world, "a", 9);
    finish(&mut world);
    let whole = Sum::of(Crc::Crc64Nvme, &events(9).into());
    let (_, _, value) = world.bucket.objects()["a"].checksum.clone().unwrap();
    assert_eq!(value, whole.s3().value);
}
