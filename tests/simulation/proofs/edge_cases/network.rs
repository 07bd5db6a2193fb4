//! Cases 32 to 36: transport, other stores, addresses.

use spillway_core::Settings;
use spillway_simulation::bucket::{ChecksumSupport, Operation};
use spillway_simulation::faults::Fault;

use super::support::*;

#[test]
fn case_32_an_answer_that_comes_early_is_read() {
    let mut world = world();
    first_meets(&mut world, Operation::UploadPart, Fault::EarlyAnswer);
    write_events(&mut world, "a", 5);
    finish(&mut world);
    let trace = world.trace().join("\n");
    assert_eq!(world.visible.len() + world.failed.len(), 1, "{trace}");
}

#[test]
fn case_34_stores_without_checksums_are_served() {
    let mut world = world_with(
        |settings| settings.upload.checksum = None,
        |bucket| bucket.checksums = ChecksumSupport::Refused,
    );
    write_events(&mut world, "a", 5);
    world.write("b", "small");
    finish(&mut world);
    assert_eq!((world.visible.len(), world.failed.len()), (2, 0));
}

#[test]
fn case_35_no_right_is_needed_but_to_write() {
    use spillway_simulation::bucket::Action;
    let denied = vec![
        Action::GetObject,
        Action::DeleteObject,
        Action::ListBucket,
        Action::ListBucketMultipartUploads,
        Action::ListMultipartUploadParts,
    ];
    let mut world = world_with(|_| {}, |bucket| bucket.denied = denied);
    write_events(&mut world, "a", 5);
    world.write("b", "small");
    finish(&mut world);
    assert_eq!((world.visible.len(), world.failed.len()), (2, 0));
    assert_eq!(asked(&world, Operation::HeadBucket), 0);
}

#[test]
fn case_35_who_may_only_write_can_check() {
    use spillway_core::{Input, Reply};
    use spillway_simulation::bucket::Action;
    let denied = vec![
        Action::GetObject,
        Action::DeleteObject,
        Action::ListBucket,
        Action::ListBucketMultipartUploads,
        Action::ListMultipartUploadParts,
    ];
    let mut world = world_with(|_| {}, |bucket| bucket.denied = denied);
    assert_eq!(world.ask(Input::Check), Ok(Reply::Writable));
    assert!(world.bucket.open_uploads().is_empty());
    assert!(world.bucket.visible_history().is_empty(), "nobody ever saw anything");
    assert_eq!(world.bucket.log().len(), 2);
    world.bucket.options.denied = vec![Action::PutObject];
    let refused = world.ask(Input::Check).unwrap_err().to_string();
    assert!(refused.starts_with("the credentials do not allow to write: "), "{refused}");
    world.bucket.options.denied = vec![Action::AbortMultipartUpload];
    let refused = world.ask(Input::Check).unwrap_err().to_string();
    assert!(
        refused.starts_with("uploads can be begun in the bucket, but not aborted"),
        "{refused}"
    );
    assert_eq!((world.sink.left(), world.bucket.open_uploads().len()), (1, 1), "and it says so");
}

#[test]
fn case_36_a_bucket_with_a_dot_stands_in_the_path() {
    let egress = |bucket: &str| {
        let config = format!(r#"{{"bucket": "{bucket}", "region": "eu-west-1"}}"#);
        Settings::parse(&config).unwrap().egress()
    };
    assert_eq!(egress("plain"), "plain.s3.eu-west-1.amazonaws.com:443");
    assert_eq!(egress("with.dot"), "s3.eu-west-1.amazonaws.com:443");
}
