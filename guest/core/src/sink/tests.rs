//! Objects in every phase, saved and resumed, and states that are rejected.

use super::*;
use crate::checkpoint::{ObjectSummary, inspect};
use crate::checksum::Algorithm;
use crate::client::verdict::TransportError;
use crate::http::Response;
use crate::object::Phase;
use crate::sink::Input;
use crate::testing::{Talk, aborted, created, error, settings};

const CHECKPOINTED: &str = r#", "commit": "checkpointed""#;
const MANY: &str = r#", "commit": "checkpointed", "max_open_objects": 4, "on_existing": "fail""#;

fn stored() -> Result<Response, TransportError> {
    let headers = vec![("ETag".to_owned(), "\"e\"".to_owned())];
    Ok(Response { status: 200, headers, body: "".into() })
}

/// Answers the oldest request, which must be `asked`, with success.
#[track_caller]
fn is_put(talk: &mut Talk, asked: &str) {
    assert_eq!(talk.next(), asked);
    talk.comes(stored());
}

fn taken(talk: &mut Talk) -> Vec<u8> {
    talk.tell(Input::Prepare);
    assert!(talk.sink.is_at_rest());
    talk.sink.checkpoint()
}

/// One object that is open and small, one open in parts, one sealed, and one failed.
fn in_every_phase() -> Talk {
    let mut talk = Talk::with(MANY);
    talk.begin_upload("parts");
    talk.says(created("id"));
    talk.comes(stored());
    talk.begin_upload("failed");
    talk.says(error(403, "AccessDenied"));
    talk.write("sealed", "s");
    talk.write("small", "ab");
    talk.sink.writer.seal_key("sealed");
    talk
}

#[test]
fn what_a_state_holds_can_be_read() {
    let mut talk = in_every_phase();
    let summary = inspect(&taken(&mut talk)).expect("a state");
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
    let mut talk = in_every_phase();
    let state = taken(&mut talk);
    let mut talk = Talk::resume(MANY, &state).expect("its own state");
    assert_eq!((talk.sink.next_position(), talk.sink.open_objects()), (4, 3));
    talk.tell(Input::Tick);
    is_put(&mut talk, "PUT /bbb/sealed");
    assert_eq!(taken_failures(&mut talk), 1, "that it failed had not been told");
    talk.write("failed", "x");
    assert_eq!(taken_failures(&mut talk), 1, "what still comes for it fails as well");
    talk.write("parts", "678");
    let sent = talk.asked.back().map(|(_, request)| request.body.to_vec());
    assert_eq!(sent, Some(b"5\n67".to_vec()));
    talk.hears("PUT /bbb/parts?partNumber=2&uploadId=id", (500, String::new()));
}

fn taken_failures(talk: &mut Talk) -> usize {
    talk.sink.take_report().failed.len()
}

/// Skipped positions are in the checkpoint, and are durable once all events before them are.
#[test]
fn what_was_skipped_is_in_the_checkpoint() {
    let mut talk = Talk::with(MANY);
    talk.write("a", "1");
    talk.tell(Input::Skip(9));
    assert_eq!((talk.sink.durable(), talk.sink.next_position()), (0, 9));
    let state = taken(&mut talk);
    assert_eq!(inspect(&state).expect("a state").next_position, 9);
    let mut talk = Talk::resume(MANY, &state).expect("its own state");
    assert_eq!((talk.sink.durable(), talk.sink.next_position()), (0, 9));
    talk.tell(Input::Seal);
    let state = taken(&mut talk);
    talk.tell(Input::Commit);
    is_put(&mut talk, "PUT /bbb/a");
    assert_eq!(talk.sink.durable(), 9);
    assert_eq!(inspect(&state).expect("a state").next_position, 9);
}

#[test]
fn nothing_becomes_visible_before_a_commit() {
    let mut talk = Talk::with(CHECKPOINTED);
    talk.write("a", "1");
    talk.tell(Input::Seal);
    assert!(talk.asked.is_empty() && talk.sink.waits_for_commit() && talk.sink.is_settled());
    taken(&mut talk);
    assert!(talk.asked.is_empty(), "a checkpoint alone allows nothing");
    talk.write("b", "2");
    talk.tell(Input::Seal);
    talk.tell(Input::Commit);
    is_put(&mut talk, "PUT /bbb/a");
    assert!(talk.asked.is_empty(), "`b` was sealed after the checkpoint");
    assert!(talk.sink.refuse_commit().is_some(), "there is nothing to commit");
}

/// Otherwise, after a crash, it would be unknown which of two objects with one name was visible
/// last.
#[test]
fn of_objects_of_one_name_one_becomes_visible_by_each_commit() {
    let mut talk = Talk::with(CHECKPOINTED);
    for payload in ["1", "2"] {
        talk.write("a", payload);
        talk.tell(Input::Seal);
    }
    taken(&mut talk);
    talk.tell(Input::Commit);
    is_put(&mut talk, "PUT /bbb/a");
    assert!(talk.asked.is_empty() && talk.sink.waits_for_commit());
    taken(&mut talk);
    talk.tell(Input::Commit);
    is_put(&mut talk, "PUT /bbb/a");
    assert_eq!(talk.sink.durable(), 2);
}

/// It may have been written before the sink was resumed.
#[test]
fn a_committed_object_that_is_there_already_is_recognised() {
    let mut talk = Talk::with(MANY);
    talk.write("a", "1");
    talk.tell(Input::Seal);
    let state = taken(&mut talk);
    talk.tell(Input::Commit);
    let (_, put) = talk.asked.pop_front().expect("it is put");
    let nonce = put.headers.iter().find(|(name, _)| name == "x-amz-meta-spillway-nonce");
    let nonce = nonce.expect("it says whose it is").1.clone();

    for (found, is_ours) in [(nonce, true), ("0".repeat(32), false)] {
        let mut talk = Talk::resume(MANY, &state).expect("its own state");
        talk.tell(Input::Tick);
        talk.hears("PUT /bbb/a", error(412, "PreconditionFailed"));
        assert_eq!(talk.next(), "HEAD /bbb/a");
        let headers = [("content-length", "2"), ("x-amz-meta-spillway-nonce", &found)];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        talk.comes(Ok(Response { status: 200, headers, body: "".into() }));
        let report = talk.sink.take_report();
        assert_eq!((report.visible.len() == 1, report.failed.is_empty()), (is_ours, is_ours));
    }
}

#[test]
fn an_upload_that_a_checkpoint_knows_stays_until_another_is_committed() {
    let mut talk = Talk::with(CHECKPOINTED);
    talk.begin_upload("a");
    talk.says(created("id"));
    talk.comes(stored());
    taken(&mut talk);
    talk.tell(Input::Abort);
    assert!(talk.asked.is_empty() && talk.sink.left() == 0, "it is no leftover either");
    let state = taken(&mut talk);
    assert!(talk.asked.is_empty(), "the first checkpoint may be the one that is stored");
    assert_eq!(inspect(&state).unwrap().to_abort, [("a".to_owned(), "id".to_owned())]);
    let mut resumed = Talk::resume(CHECKPOINTED, &state).expect("its own state");
    resumed.tell(Input::Tick);
    resumed.hears("DELETE /bbb/a?uploadId=id", aborted());
    talk.tell(Input::Commit);
    talk.hears("DELETE /bbb/a?uploadId=id", aborted());
}

#[test]
fn suspending_ends_what_no_checkpoint_knows_and_reports_nothing() {
    let mut talk = Talk::with(MANY);
    talk.begin_upload("old");
    talk.says(created("old"));
    talk.comes(stored());
    taken(&mut talk);
    talk.tell(Input::Commit);
    talk.begin_upload("new");
    talk.says(created("new"));
    talk.comes(stored());
    talk.tell(Input::Suspend);
    talk.hears("DELETE /bbb/new?uploadId=new", aborted());
    assert!(talk.asked.is_empty() && talk.sink.is_settled());
    let report = talk.sink.take_report();
    assert_eq!((report.visible.len(), report.failed.len(), talk.sink.left()), (0, 0, 0));
    assert_eq!(talk.sink.durable(), 0, "they are stored nowhere, and will be written again");
    assert_eq!(talk.sink.needed_uploads().collect::<Vec<_>>(), ["old"]);
}

#[test]
fn where_only_a_commit_makes_room_a_batch_is_refused_whole() {
    let mut talk = Talk::with(CHECKPOINTED);
    for key in ["a", "b", "c"] {
        talk.write(key, "12");
    }
    // Two objects of three bytes each are sealed, and one is open. The memory holds sixteen bytes.
    let of = |talk: &Talk, payload| {
        let demand = talk.sink.demand(&[talk.run("d", payload)]);
        (talk.sink.admission(&demand), demand)
    };
    assert_eq!(of(&talk, "123456").0, Admission::Accept);
    let (admission, demand) = of(&talk, "1234567");
    talk.tell(Input::MakeRoom(demand));
    assert_eq!((admission, talk.sink.open_objects()), (Admission::Busy, 1), "a commit will do");
    let (admission, demand) = of(&talk, "12345678901234");
    talk.tell(Input::MakeRoom(demand.clone()));
    assert_eq!((admission, talk.sink.open_objects()), (Admission::Busy, 0), "it would not");
    assert!(talk.sink.wants_checkpoint());
    assert_eq!(talk.sink.next_position(), 3, "nothing was taken");
    taken(&mut talk);
    talk.tell(Input::Commit);
    assert_eq!(talk.sink.admission(&demand), Admission::Wait, "they are being put");
    (0..3).for_each(|_| talk.comes(stored()));
    assert_eq!(talk.sink.admission(&demand), Admission::Accept);
    let (admission, _) = of(&talk, "a batch that is larger than all memory");
    assert_eq!(admission, Admission::Accept, "nothing is in its way");
}

#[test]
fn a_damaged_state_is_refused() {
    let state = taken(&mut in_every_phase());
    let refused = |bytes: &[u8]| match Talk::resume(MANY, bytes) {
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
fn nearly_full() -> Talk {
    let mut settings = settings(MANY);
    (settings.upload.part_bytes, settings.objects.memory_bytes_max) = (64, 100);
    let mut talk = Talk::of(Sink::new(settings, 1));
    for key in ["a", "b", "c", "d"] {
        talk.write(key, "of nineteen letters");
    }
    assert_eq!((talk.sink.held(), talk.sink.open_objects()), (80, 4));
    talk
}

/// The keys of the open objects.
fn open_keys(talk: &Talk) -> Vec<&str> {
    talk.sink.writer.open_keys().collect()
}

/// Each commit costs a checkpoint of all held bytes, so there should be few.
#[test]
fn a_sink_without_room_frees_half_of_its_memory_at_once() {
    let mut talk = nearly_full();
    let demand = talk.sink.demand(&[talk.run("a", "another nineteen ones")]);
    assert_eq!(talk.sink.admission(&demand), Admission::Busy);
    talk.tell(Input::MakeRoom(demand.clone()));
    assert_eq!(open_keys(&talk), ["a"], "the one that is written to goes on");
    talk.tell(Input::MakeRoom(demand));
    assert_eq!(open_keys(&talk), ["a"], "a commit is all that it takes now");
}

/// The compressor takes most of the memory of a small object.
#[test]
fn a_compressor_is_held_until_its_object_is_sealed() {
    for compression in ["gzip", "zstd"] {
        let mut settings = settings(&format!(r#", "compression": "{compression}""#));
        (settings.upload.part_bytes, settings.objects.memory_bytes_max) = (1_000, 64 << 20);
        let compressor = settings.upload.encoding.memory_bytes();
        let mut talk = Talk::of(Sink::new(settings, 1));
        talk.write("a", "1");
        assert!(talk.sink.held() >= compressor, "{compression}: {}", talk.sink.held());
        talk.tell(Input::Seal);
        assert!((1..compressor).contains(&talk.sink.held()), "its bytes are on their way");
        talk.comes(stored());
        assert_eq!(talk.sink.held(), 0);
    }
}

#[test]
fn objects_that_a_batch_goes_on_with_end_where_no_others_do() {
    let mut talk = nearly_full();
    let batch = ["a", "b", "c", "d"].map(|key| talk.run(key, "a few more"));
    let demand = talk.sink.demand(&batch);
    assert_eq!(talk.sink.admission(&demand), Admission::Busy);
    talk.tell(Input::MakeRoom(demand));
    assert_eq!(open_keys(&talk), [""; 0]);
    taken(&mut talk);
    talk.tell(Input::Commit);
    (0..4).for_each(|_| talk.comes(stored()));
    assert_eq!(talk.sink.held(), 0);
    assert_eq!(talk.sink.admission(&talk.sink.demand(&batch)), Admission::Accept);
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
    assert!(Talk::resume(&slower, &state).is_ok());
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
    let mut talk = Talk::with(&more);
    talk.write("a", "1");
    let mut state = taken(&mut talk);
    let at = state.windows(3).position(|bytes| bytes == b"-\x01\x07").expect("a number");
    state.truncate(state.len() - 4);
    // 70,000 as a varint of postcard.
    state.splice(at + 2..at + 3, [0xF0, 0xA2, 0x04]);
    let sum = Algorithm::Crc32.of(&state.clone().into()).crc() as u32;
    state.extend(sum.to_le_bytes());
    let Err(error) = Talk::resume(&more, &state) else { panic!("taken") };
    assert!(error.to_string().contains("a name that no template makes"), "{error}");
}

/// The resumed sink has another limit, which the failed object has reached. So the event begins
/// another object.
#[test]
fn what_a_failed_object_has_no_room_for_does_not_fail() {
    let state = taken(&mut in_every_phase());
    let limited = format!(r#"{MANY}, "rotate": {{"events": 1}}"#);
    let mut talk = Talk::resume(&limited, &state).expect("rotation may change");
    assert_eq!(taken_failures(&mut talk), 1, "that it failed had not been told");
    talk.write("failed", "x");
    assert_eq!(taken_failures(&mut talk), 0);
    assert!(talk.sink.unfinished().any(|span| (span.key.as_str(), span.first) == ("failed", 4)));
}
