//! What is said about objects arrives with every kind of object, whatever goes wrong on the way;
//! and stores that are not AWS get what they need.

use serde_json::{Value, json};
use spillway_core::{Input, Settings, Timestamp};
use spillway_simulation::bucket::{BucketOptions, ChecksumSupport, Operation};
use spillway_simulation::faults::Fault;
use spillway_simulation::world::{FaultPlan, RequestInfo, World};

use crate::invariants::hold_at_the_end;

const PART: u64 = 16;

#[test]
fn small_and_large_objects_keep_all_that_is_said() {
    let mut world = world(everything(), BucketOptions::default(), |_| None);
    stores_two_objects(&mut world);
    for key in ["large", "small"] {
        let object = &world.bucket.objects()[key];
        for (name, value) in [
            ("content-type", "application/x-ndjson"),
            ("content-disposition", "attachment; filename=\"a  b\""),
            ("cache-control", "no-store"),
            ("x-amz-storage-class", "STANDARD_IA"),
            ("x-amz-acl", "bucket-owner-full-control"),
            ("x-amz-tagging", "a%20b=c%2Fd%3D&team="),
            ("x-amz-meta-team", "logs  and \"metrics\""),
            ("x-amz-object-lock-mode", "GOVERNANCE"),
            ("x-amz-object-lock-legal-hold", "ON"),
            ("x-amz-server-side-encryption", "aws:kms"),
            ("x-amz-server-side-encryption-aws-kms-key-id", "alias/events"),
            ("x-amz-server-side-encryption-bucket-key-enabled", "true"),
        ] {
            assert_eq!(object.header(name), Some(value), "{name} of {key}");
        }
        assert!(object.header("x-amz-meta-spillway-nonce").is_some(), "{key}");
    }
}

/// The reference bucket refuses each request that lacks the key, or has another, and each that must
/// not have it.
#[test]
fn a_customers_key_goes_with_each_request_that_needs_it() {
    let lose = |operation| {
        move |info: &RequestInfo| {
            let is_lost = info.operation == operation && info.attempt < 9;
            is_lost.then_some(Fault::TimeoutAfter)
        }
    };
    for lost in [Operation::GetObject, Operation::CompleteMultipartUpload, Operation::PutObject] {
        let mut world = world(customer(), BucketOptions::default(), lose(lost));
        stores_two_objects(&mut world);
        let heads = asked(&world, Operation::HeadObject);
        assert_eq!(heads > 0, lost != Operation::GetObject, "{lost:?}: {heads} looked");
        let objects = world.bucket.objects().values();
        assert!(objects.clone().all(|object| object.customer_key.is_some()), "{lost:?}");
    }
}

/// An abort takes no key, but says whose bucket it has to be and who pays, as all others do.
#[test]
fn every_request_says_whose_bucket_it_is_and_who_pays() {
    let options = || BucketOptions { requester_pays: true, ..BucketOptions::default() };
    let fields = || {
        let mut fields = customer();
        fields["request_payer"] = true.into();
        fields["expected_bucket_owner"] = "111122223333".into();
        fields
    };
    let mut world = world(fields(), options(), |_| None);
    stores_two_objects(&mut world);
    let mut world = self::world(fields(), options(), |_| None);
    write(&mut world);
    while world.bucket.open_uploads().values().all(|upload| upload.parts.is_empty()) {
        assert!(world.step(), "parts go up");
    }
    world.feed(Input::Abort);
    world.settle();
    world.land_all();
    assert_eq!(world.bucket.open_uploads().len(), 0);
    assert_eq!(world.bucket.aborted_uploads().len(), 1);

    let mut fields = fields();
    fields["expected_bucket_owner"] = "999999999999".into();
    let mut world = self::world(fields, options(), |_| None);
    write(&mut world);
    world.seal_and_settle();
    assert!(world.bucket.objects().is_empty());
    assert!(world.failed.iter().all(|f| f.cause.to_string().contains("AccessDenied")));
}

/// A lock is counted by the store's clock: ours may be wrong by more than the lock is long.
#[test]
fn days_of_a_lock_are_days_of_the_store() {
    let fields = json!({"object_lock_mode": "COMPLIANCE", "object_lock_retain_days": 1});
    let mut world = world(fields, BucketOptions::default(), |_| None);
    world.clock_ahead = -40 * HOUR;
    stores_two_objects(&mut world);
    for object in world.bucket.objects().values() {
        let until = object.header("x-amz-object-lock-retain-until-date").unwrap();
        let until = i64::try_from(Timestamp::parse_iso8601(until).unwrap().0).unwrap();
        let locked = until - i64::try_from(object.at.0).unwrap();
        assert!((23 * HOUR..=25 * HOUR).contains(&locked), "{locked} nanoseconds");
    }
}

#[test]
fn parts_stay_equal_for_r2() {
    let r2 = |equal: bool| {
        let fields = json!({
            "provider": "r2",
            "endpoint": "https://0123.r2.cloudflarestorage.com",
            "equal_parts": equal,
        });
        let mut world = world(fields, BucketOptions::r2(), |_| None);
        // Parts would double after the first thousand.
        world.write("large", vec![b'x'; 1_100 * PART as usize]);
        world.seal_and_settle();
        world
    };
    let world = r2(true);
    let (_, others) = world.bucket.objects()["large"].parts.split_last().unwrap();
    assert!(others.len() >= 1_099 && others.iter().all(|(_, size)| *size == PART));
    let world = r2(false);
    let causes: Vec<_> = world.failed.iter().map(|failure| failure.cause.to_string()).collect();
    assert!(causes.iter().all(|cause| cause.contains("InvalidPart")) && !causes.is_empty());
}

#[test]
fn garage_gets_its_region_and_no_type_without_a_checksum() {
    let garage = |more: Value| {
        let mut fields = more;
        fields["provider"] = "garage".into();
        fields["endpoint"] = "http://127.0.0.1:3900".into();
        let mut world = world(fields, BucketOptions::garage(), |_| None);
        stores_two_objects(&mut world);
        world
    };
    let world = garage(json!({}));
    assert_eq!(world.notices.len(), 0, "no region had to be corrected: {:?}", world.notices);
    assert!(world.bucket.objects().values().all(|object| object.checksum.is_some()));
    garage(json!({"checksum": "none"}));
}

#[test]
fn backblaze_gets_no_checksum_but_md5() {
    let fields =
        || json!({"provider": "backblaze", "endpoint": "https://s3.us-east-005.backblazeb2.com"});
    let mut world = world(fields(), BucketOptions::backblaze(), |_| None);
    stores_two_objects(&mut world);
    let mut fields = fields();
    fields["object_lock_mode"] = "GOVERNANCE".into();
    fields["object_lock_retain_days"] = 1.into();
    let mut world = self::world(fields, BucketOptions::backblaze(), |_| None);
    stores_two_objects(&mut world);
}

#[test]
fn ceph_of_any_age_is_served() {
    for checksums in [ChecksumSupport::Full, ChecksumSupport::Ignored] {
        let fields = json!({"provider": "ceph", "endpoint": "https://rgw.example.com"});
        let options = BucketOptions { checksums, ..BucketOptions::default() };
        stores_two_objects(&mut world(fields, options, |_| None));
    }
}

fn everything() -> Value {
    json!({
        "content_type": "application/x-ndjson",
        "content_disposition": "attachment; filename=\"a  b\"",
        "cache_control": "no-store",
        "storage_class": "STANDARD_IA",
        "acl": "bucket-owner-full-control",
        "tags": {"a b": "c/d=", "team": ""},
        "metadata": {"Team": "logs  and \"metrics\""},
        "object_lock_mode": "GOVERNANCE",
        "object_lock_retain_days": 1,
        "object_lock_legal_hold": "ON",
        "server_side_encryption": "aws:kms",
        "kms_key_id": "alias/events",
        "bucket_key_enabled": true,
    })
}

fn customer() -> Value {
    json!({"customer_key": "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc="})
}

/// A world with parts of a few bytes.
fn world(
    mut fields: Value,
    options: BucketOptions,
    mut fault: impl FnMut(&RequestInfo) -> Option<Fault> + 'static,
) -> World {
    fields["bucket"] = "bucket".into();
    if fields["endpoint"].is_null() {
        fields["endpoint"] = "https://s3.test".into();
    }
    let mut settings = Settings::parse(&fields.to_string()).unwrap();
    (settings.upload.part_bytes, settings.objects.memory_bytes_max) = (PART, 8 * PART);
    settings.client.retry.attempts_max = 3;
    let part_bytes_min = options.part_bytes_min.min(PART);
    let options = BucketOptions { part_bytes_min, ..options };
    let mut world = World::with_settings(settings, options, 1);
    world.on_request(move |info, random| FaultPlan::random(random).with(fault(info)));
    world
}

fn write(world: &mut World) {
    world.write("large", vec![b'x'; 5 * PART as usize]);
    world.write("small", "small");
}

fn stores_two_objects(world: &mut World) {
    write(world);
    world.seal_and_settle();
    world.land_all();
    hold_at_the_end(world, 5 * PART);
    assert_eq!((world.visible.len(), world.failed.len()), (2, 0), "{:?}", world.failed);
    assert_eq!(world.bucket.objects().len(), 2);
}

fn asked(world: &World, operation: Operation) -> usize {
    world.bucket.log().iter().filter(|logged| logged.operation == Some(operation)).count()
}

const HOUR: i64 = 3_600_000_000_000;
