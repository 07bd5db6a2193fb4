//! Objects in every phase, saved and resumed, and states that are rejected.

use super::*;
use crate::checkpoint::{ObjectSummary, inspect};
use crate::checksum::{Crc, Sum};
use crate::client::verdict::TransportError;
use crate::http::Response;
use crate::object::Phase;
use crate::sink::Input;
use crate::testing::{SinkHarness, aborted, created, error, settings};

const CHECKPOINTED: &str = r#", "commit": "checkpointed""#;
const MANY: &str = r#", "commit": "checkpointed", "max_open_objects": 4, "on_existing": "fail""#;

fn stored() -> Result<Response, TransportError> {
    let headers = vec![("ETag".to_owned(), "\"e\"".to_owned())];
    Ok(Response { status: 200, headers, body: "".into() })
}

/// Answers the oldest request, which must be `asked`, with success.
#[track_caller]
fn is_put(harness: &mut SinkHarness, asked: &str) {
    assert_eq!(harness.next_request(), asked);
    harness.complete(stored());
}

fn taken(harness: &mut SinkHarness) -> Vec<u8> {
    harness.handle(Input::Prepare);
    assert!(harness.sink.is_at_rest());
    harness.sink.checkpoint()
}

/// One object that is open and small, one open in parts, one sealed, and one failed.
fn in_every_phase() -> SinkHarness {
    let mut harness = SinkHarness::with(MANY);
    harness.begin_upload("parts");
    harness.respond(created("id"));
    harness.complete(stored());
    harness.begin_upload("failed");
    harness.respond(error(403, "AccessDenied"));
    harness.write("sealed", "s");
    harness.write("small", "ab");
    harness.sink.writer.seal_key("sealed");
    harness
}

#[test]
fn what_a_state_holds_can_be_read() {
    let mut harness = in_every_phase();
    let summary = inspect(&taken(&mut harness)).expect("a state");
    let object = |o: &ObjectSummary| {
        (o.span.key.clone(), o.phase, o.upload_id.clone(), o.bytes, o.held_bytes)
    };
    let objects: Vec<_> = summary.objects.iter().map(object).collect();
    let expected = [
        ("parts".to_owned(), Phase::Open, Some("id".to_owned()), 6, 2),
        ("failed".to_owned(), Phase::Failed, None, 6, 0),
        ("sealed".to_owned(), Phase::Committed, None, 2, 2),
        ("small".to_owned(), Phase::Open, None, 3, 3),
    ];
    // A line feed follows each event.
    assert_eq!((objects.as_slice(), summary.next_position), (&expected[..], 4));
    assert!(summary.configuration.contains(&("bucket".to_owned(), "bbb".to_owned())));
}

#[test]
fn what_is_resumed_goes_on_where_it_was() {
    let mut harness = in_every_phase();
    let state = taken(&mut harness);
    let mut harness = SinkHarness::resume(MANY, &state).expect("its own state");
    assert_eq!((harness.sink.next_position(), harness.sink.open_objects()), (4, 3));
    harness.handle(Input::Tick);
    is_put(&mut harness, "PUT /bbb/sealed");
    assert_eq!(taken_failures(&mut harness), 1, "that it failed had not been told");
    harness.write("failed", "x");
    assert_eq!(taken_failures(&mut harness), 1, "what still comes for it fails as well");
    harness.write("parts", "678");
    let sent = harness.requests.back().map(|(_, request)| request.body.to_vec());
    assert_eq!(sent, Some(b"5\n67".to_vec()));
    harness.respond_to("PUT /bbb/parts?partNumber=2&uploadId=id", (500, String::new()));
}

fn taken_failures(harness: &mut SinkHarness) -> usize {
    harness.sink.take_report().failed.len()
}

/// Skipped positions are in the checkpoint, and are durable once all events before them are.
#[test]
fn what_was_skipped_is_in_the_checkpoint() {
    let mut harness = SinkHarness::with(MANY);
    harness.write("a", "1");
    harness.handle(Input::Skip(9));
    assert_eq!((harness.sink.durable(), harness.sink.next_position()), (0, 9));
    let state = taken(&mut harness);
    assert_eq!(inspect(&state).expect("a state").next_position, 9);
    let mut harness = SinkHarness::resume(MANY, &state).expect("its own state");
    assert_eq!((harness.sink.durable(), harness.sink.next_position()), (0, 9));
    harness.handle(Input::Seal);
    let state = taken(&mut harness);
    harness.handle(Input::Commit);
    is_put(&mut harness, "PUT /bbb/a");
    assert_eq!(harness.sink.durable(), 9);
    assert_eq!(inspect(&state).expect("a state").next_position, 9);
}

#[test]
fn nothing_becomes_visible_before_a_commit() {
    let mut harness = SinkHarness::with(CHECKPOINTED);
    harness.write("a", "1");
    harness.handle(Input::Seal);
    assert!(
        harness.requests.is_empty() && harness.sink.waits_for_commit() && harness.sink.is_settled()
    );
    taken(&mut harness);
    assert!(harness.requests.is_empty(), "a checkpoint alone allows nothing");
    harness.write("b", "2");
    harness.handle(Input::Seal);
    harness.handle(Input::Commit);
    is_put(&mut harness, "PUT /bbb/a");
    assert!(harness.requests.is_empty(), "`b` was sealed after the checkpoint");
    assert!(harness.sink.refuse_commit().is_some(), "there is nothing to commit");
}

/// Otherwise, after a crash, it would be unknown which of two objects with one name was visible
/// last.
#[test]
fn of_objects_of_one_name_one_becomes_visible_by_each_commit() {
    let mut harness = SinkHarness::with(CHECKPOINTED);
    for payload in ["1", "2"] {
        harness.write("a", payload);
        harness.handle(Input::Seal);
    }
    taken(&mut harness);
    harness.handle(Input::Commit);
    is_put(&mut harness, "PUT /bbb/a");
    assert!(harness.requests.is_empty() && harness.sink.waits_for_commit());
    taken(&mut harness);
    harness.handle(Input::Commit);
    is_put(&mut harness, "PUT /bbb/a");
    assert_eq!(harness.sink.durable(), 2);
}

/// It may have been written before the sink was resumed.
#[test]
fn a_committed_object_that_is_there_already_is_recognised() {
    let mut harness = SinkHarness::with(MANY);
    harness.write("a", "1");
    harness.handle(Input::Seal);
    let state = taken(&mut harness);
    harness.handle(Input::Commit);
    let (_, put) = harness.requests.pop_front().expect("it is put");
    let nonce = put.headers.iter().find(|(name, _)| name == "x-amz-meta-spillway-nonce");
    let nonce = nonce.expect("it says whose it is").1.clone();

    for (found, is_ours) in [(nonce, true), ("0".repeat(32), false)] {
        let mut harness = SinkHarness::resume(MANY, &state).expect("its own state");
        harness.handle(Input::Tick);
        harness.respond_to("PUT /bbb/a", error(412, "PreconditionFailed"));
        assert_eq!(harness.next_request(), "HEAD /bbb/a");
        let headers = [("content-length", "2"), ("x-amz-meta-spillway-nonce", &found)];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        harness.complete(Ok(Response { status: 200, headers, body: "".into() }));
        let report = harness.sink.take_report();
        assert_eq!((report.visible.len() == 1, report.failed.is_empty()), (is_ours, is_ours));
    }
}

#[test]
fn an_upload_that_a_checkpoint_knows_stays_until_another_is_committed() {
    let mut harness = SinkHarness::with(CHECKPOINTED);
    harness.begin_upload("a");
    harness.respond(created("id"));
    harness.complete(stored());
    taken(&mut harness);
    harness.handle(Input::Abort);
    assert!(harness.requests.is_empty() && harness.sink.left() == 0, "it is no leftover either");
    let state = taken(&mut harness);
    assert!(harness.requests.is_empty(), "the first checkpoint may be the one that is stored");
    assert_eq!(inspect(&state).unwrap().to_abort, [("a".to_owned(), "id".to_owned())]);
    let mut resumed = SinkHarness::resume(CHECKPOINTED, &state).expect("its own state");
    resumed.handle(Input::Tick);
    resumed.respond_to("DELETE /bbb/a?uploadId=id", aborted());
    harness.handle(Input::Commit);
    harness.respond_to("DELETE /bbb/a?uploadId=id", aborted());
}

#[test]
fn suspending_ends_what_no_checkpoint_knows_and_reports_nothing() {
    let mut harness = SinkHarness::with(MANY);
    harness.begin_upload("old");
    harness.respond(created("old"));
    harness.complete(stored());
    taken(&mut harness);
    harness.handle(Input::Commit);
    harness.begin_upload("new");
    harness.respond(created("new"));
    harness.complete(stored());
    harness.handle(Input::Suspend);
    harness.respond_to("DELETE /bbb/new?uploadId=new", aborted());
    assert!(harness.requests.is_empty() && harness.sink.is_settled());
    let report = harness.sink.take_report();
    assert_eq!((report.visible.len(), report.failed.len(), harness.sink.left()), (0, 0, 0));
    assert_eq!(harness.sink.durable(), 0, "they are stored nowhere, and will be written again");
    assert_eq!(harness.sink.needed_uploads().collect::<Vec<_>>(), ["old"]);
}

#[test]
fn where_only_a_commit_makes_room_a_batch_is_refused_whole() {
    let mut harness = SinkHarness::with(CHECKPOINTED);
    for key in ["a", "b", "c"] {
        harness.write(key, "12");
    }
    // Two objects of three bytes each are sealed, and one is open. The memory holds sixteen bytes.
    let of = |harness: &SinkHarness, payload| {
        let demand = harness.sink.demand(&[harness.run("d", payload)]);
        (harness.sink.admission(&demand), demand)
    };
    assert_eq!(of(&harness, "123456").0, Admission::Accept);
    let (admission, demand) = of(&harness, "1234567");
    harness.handle(Input::MakeRoom(demand));
    assert_eq!((admission, harness.sink.open_objects()), (Admission::Busy, 1), "a commit will do");
    let (admission, demand) = of(&harness, "12345678901234");
    harness.handle(Input::MakeRoom(demand.clone()));
    assert_eq!((admission, harness.sink.open_objects()), (Admission::Busy, 0), "it would not");
    assert!(harness.sink.wants_checkpoint());
    assert_eq!(harness.sink.next_position(), 3, "nothing was taken");
    taken(&mut harness);
    harness.handle(Input::Commit);
    assert_eq!(harness.sink.admission(&demand), Admission::Wait, "they are being put");
    (0..3).for_each(|_| harness.complete(stored()));
    assert_eq!(harness.sink.admission(&demand), Admission::Accept);
    let (admission, _) = of(&harness, "a batch that is larger than all memory");
    assert_eq!(admission, Admission::Accept, "nothing is in its way");
}

#[test]
fn a_damaged_state_is_refused() {
    let state = taken(&mut in_every_phase());
    let refused = |bytes: &[u8]| match SinkHarness::resume(MANY, bytes) {
        Err(Error::UnknownState(text)) => text,
        _ => panic!("{bytes:?} was taken"),
    };
    for end in 0..state.len() {
        refused(&state[..end]);
    }
    for index in 0..state.len() {
        let mut flipped = state.clone();
        flipped[index] ^= 1 << (index % 8);
        refused(&flipped);
    }
    assert!(refused(&[state.as_slice(), b"x"].concat()).contains("checksum"));
    assert!(refused(b"").contains("no checkpoint of this sink"));
    for version in [1, 3] {
        let mut other = state.clone();
        other[8] = version;
        let said = format!("version {version}, but this sink reads version 2 only");
        assert!(refused(&other).contains(&said), "{said}");
    }
}

/// Four open objects of 20 bytes each, in a sink that holds 100.
fn nearly_full() -> SinkHarness {
    let mut settings = settings(MANY);
    (settings.upload.part_bytes, settings.objects.memory_bytes_max) = (64, 100);
    let mut harness = SinkHarness::of(Sink::new(settings, 1));
    for key in ["a", "b", "c", "d"] {
        harness.write(key, "of nineteen letters");
    }
    assert_eq!((harness.sink.held(), harness.sink.open_objects()), (80, 4));
    harness
}

/// The keys of the open objects.
fn open_keys(harness: &SinkHarness) -> Vec<&str> {
    harness.sink.writer.open_keys().collect()
}

/// Each commit costs a checkpoint of all held bytes, so there should be few.
#[test]
fn a_sink_without_room_frees_half_of_its_memory_at_once() {
    let mut harness = nearly_full();
    let demand = harness.sink.demand(&[harness.run("a", "another nineteen ones")]);
    assert_eq!(harness.sink.admission(&demand), Admission::Busy);
    harness.handle(Input::MakeRoom(demand.clone()));
    assert_eq!(open_keys(&harness), ["a"], "the one that is written to goes on");
    harness.handle(Input::MakeRoom(demand));
    assert_eq!(open_keys(&harness), ["a"], "a commit is all that it takes now");
}

/// The compressor takes most of the memory of a small object.
#[test]
fn a_compressor_is_held_until_its_object_is_sealed() {
    for compression in ["gzip", "zstd"] {
        let mut settings = settings(&format!(r#", "compression": "{compression}""#));
        (settings.upload.part_bytes, settings.objects.memory_bytes_max) = (1_000, 64 << 20);
        let compressor = settings.upload.encoding.memory_bytes();
        let mut harness = SinkHarness::of(Sink::new(settings, 1));
        harness.write("a", "1");
        assert!(harness.sink.held() >= compressor, "{compression}: {}", harness.sink.held());
        harness.handle(Input::Seal);
        assert!((1..compressor).contains(&harness.sink.held()), "its bytes are on their way");
        harness.complete(stored());
        assert_eq!(harness.sink.held(), 0);
    }
}

#[test]
fn objects_that_a_batch_goes_on_with_end_where_no_others_do() {
    let mut harness = nearly_full();
    let batch = ["a", "b", "c", "d"].map(|key| harness.run(key, "a few more"));
    let demand = harness.sink.demand(&batch);
    assert_eq!(harness.sink.admission(&demand), Admission::Busy);
    harness.handle(Input::MakeRoom(demand));
    assert_eq!(open_keys(&harness), [""; 0]);
    taken(&mut harness);
    harness.handle(Input::Commit);
    (0..4).for_each(|_| harness.complete(stored()));
    assert_eq!(harness.sink.held(), 0);
    assert_eq!(harness.sink.admission(&harness.sink.demand(&batch)), Admission::Accept);
}

#[test]
fn a_state_of_another_configuration_is_refused_with_the_field() {
    let state = taken(&mut in_every_phase());
    for (other, told) in [
        (r#", "prefix": "p/""#, "prefix was ``, and is `p/`"),
        (
            r#", "key_template": "{key}-{first}""#,
            "key_template was `{key}`, and is `{key}-{first}`",
        ),
        (r#", "framing": "none""#, "framing was `newline`, and is `none`"),
        (r#", "compression": "gzip""#, "compression was `none`, and is `gzip`"),
        (r#", "checksum": "crc32""#, "checksum was `crc64nvme`, and is `crc32`"),
        (r#", "server_side_encryption": "AES256""#, "encryption was `that of the bucket`"),
    ] {
        let mut settings = settings(&format!("{MANY}{other}"));
        // As much memory as the compressors need.
        settings.objects.memory_bytes_max = 64 << 20;
        match Sink::resume(settings, 1, Now::default(), &state) {
            Err(Error::UnknownState(text)) => assert!(text.contains(told), "{text}"),
            _ => panic!("{other} was taken"),
        }
    }
    let mut others = settings(MANY);
    others.store.address.bucket = "other".to_owned();
    others.upload.part_bytes = 8;
    let Err(error) = Sink::resume(others, 1, Now::default(), &state) else { panic!("taken") };
    let text = error.to_string();
    assert!(text.contains("bucket was `bbb`, and is `other`; part_bytes was `4`, and is `8`"));
    let Err(error) = Sink::resume(settings(""), 1, Now::default(), &state) else { panic!("taken") };
    assert!(error.to_string().contains("`commit` = `checkpointed`"), "{error}");
    // Fields that the state does not depend on may change.
    let slower = format!(r#"{MANY}, "requests_in_flight_max": 2, "retry_budget": 7"#);
    assert!(SinkHarness::resume(&slower, &state).is_ok());
}

#[test]
fn no_secret_is_in_a_state() {
    let key = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
    let more = format!(r#"{CHECKPOINTED}, "customer_key": "{key}""#);
    let config = format!(r#"{{"bucket": "bbb", "endpoint": "https://s3.test"{more}}}"#);
    let settings = Settings::parse(&config).expect("a configuration");
    let mut sink = Sink::new(settings.clone(), 1);
    let state = sink.checkpoint();
    let holds = |secret: &[u8]| state.windows(secret.len()).any(|bytes| bytes == secret);
    assert!(holds(b"a customer's key") && !holds(key.as_bytes()) && !holds(&[7; 32]));
    let crate::settings::Encryption::Customer(customer) = settings.upload.encryption else {
        panic!("a customer's key was given")
    };
    assert!(!holds(customer.md5.expose().as_bytes()));
}

/// The template allows no width above the number of digits.
#[test]
fn a_number_wider_than_numbers_are_is_refused() {
    let more = format!(
        r#"{CHECKPOINTED}, "on_existing": "overwrite", "key_template": "{{key}}-{{sequence:07}}""#
    );
    let mut harness = SinkHarness::with(&more);
    harness.write("a", "1");
    let mut state = taken(&mut harness);
    let at = state.windows(3).position(|bytes| bytes == b"-\x01\x07").expect("a number");
    state.truncate(state.len() - 4);
    // 70,000 as a varint of postcard.
    state.splice(at + 2..at + 3, [0xF0, 0xA2, 0x04]);
    let sum = Sum::of(Crc::Crc32, &state.clone().into()).crc() as u32;
    state.extend(sum.to_le_bytes());
    let Err(error) = SinkHarness::resume(&more, &state) else { panic!("taken") };
    assert!(error.to_string().contains("a name that no template makes"), "{error}");
}

/// The resumed sink has another limit, which the failed object has reached. So the event begins
/// another object.
#[test]
fn what_a_failed_object_has_no_room_for_does_not_fail() {
    let state = taken(&mut in_every_phase());
    let limited = format!(r#"{MANY}, "rotate": {{"events": 1}}"#);
    let mut harness = SinkHarness::resume(&limited, &state).expect("rotation may change");
    assert_eq!(taken_failures(&mut harness), 1, "that it failed had not been told");
    harness.write("failed", "x");
    assert_eq!(taken_failures(&mut harness), 0);
    assert!(harness.sink.unfinished().any(|span| (span.key.as_str(), span.first) == ("failed", 4)));
}
