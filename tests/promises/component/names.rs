//! What objects are called, and how the store is kept from replacing one, request by request.

use http::Method;
use spillway::contract::{Boundaries, Ending, Framing, Payload, Run};
use spillway::sink::Sink;
use spillway_core::Timestamp;
use spillway_simulation::bucket::{BucketOptions, Operation};
use spillway_simulation::faults::Fault;
use spillway_tests::bucket_transport::BucketTransport;

use super::setup::{self, PART_BYTES, config, event, grants, open_with};

const FAIL: &str = r#", "on_existing": "fail""#;
const NEXT: &str = r#", "on_existing": "next", "key_template": "{key}-{sequence}""#;

#[tokio::test]
async fn an_object_holds_events_of_one_date_where_the_host_tells() {
    let transport = BucketTransport::new(BucketOptions::default());
    let template = r#", "key_template": "{date:%Y-%m-%dT%H}/{key}-{first:03}""#;
    let mut sink = open_with(transport.clone(), template).await;
    let at = |hour: u64| Some(1_767_225_600_000_000_000 + hour * 3_600_000_000_000);
    let run = |key, first, hour| Run { at: at(hour), ..event(key, first, b"x".to_vec()) };
    sink.write(&[run("a", 0, 1), run("a", 1, 2), run("b", 2, 26)]).await.unwrap();
    sink.close(Ending::Complete).await.unwrap();
    transport.bucket(|bucket| {
        let names: Vec<_> = bucket.objects().keys().cloned().collect();
        assert_eq!(names, ["2026-01-01T01/a-000", "2026-01-01T02/a-001", "2026-01-02T02/b-002"]);
    });
}

#[tokio::test]
async fn a_date_is_that_of_arrival_where_nobody_tells() {
    let transport = BucketTransport::new(BucketOptions::default());
    let mut sink = open_with(transport.clone(), r#", "key_template": "{date:%s}""#).await;
    sink.write(&[event("a", 0, b"x".to_vec())]).await.unwrap();
    sink.close(Ending::Complete).await.unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    transport.bucket(|bucket| {
        let name = bucket.objects().keys().next().unwrap();
        let seconds: u64 = name.parse().unwrap();
        assert!((now.as_secs() - 600..=now.as_secs()).contains(&seconds), "{name}");
    });
}

/// What may be a mistake in a configuration is told before anything is done.
#[tokio::test]
async fn the_first_progress_tells_what_is_odd() {
    let transport = BucketTransport::new(BucketOptions::default());
    let odd = config("http://bucket.s3.test", "");
    let grants = grants(transport.clone(), "bucket.s3.test:80");
    let mut sink = setup::sink().open(&odd, None, &grants).await.unwrap();
    let progress = sink.close(Ending::Abort).await.unwrap();
    let [notice] = &progress.notices[..] else { panic!("{:?}", progress.notices) };
    assert!(notice.message.starts_with("`endpoint`: the host begins with"), "{notice:?}");
    assert!(transport.heads().is_empty(), "no request is made for it");
}

/// The condition goes with what makes an object visible, and with nothing else: S3 refuses it on
/// the rest.
#[tokio::test]
async fn the_condition_is_sent_where_it_belongs() {
    for (more, condition) in [("", false), (FAIL, true), (NEXT, true)] {
        let transport = BucketTransport::new(BucketOptions::default());
        let mut sink = open_with(transport.clone(), more).await;
        write_both(&mut sink).await;
        let progress = sink.close(Ending::Complete).await.unwrap();
        assert_eq!((progress.visible.len(), progress.failed.len()), (2, 0));
        let mut conditional = 0;
        for head in transport.heads() {
            let query = head.uri.query().unwrap_or_default();
            let is_put = head.method == Method::PUT && !query.contains("partNumber");
            let is_complete = head.method == Method::POST && query.contains("uploadId");
            let sent = head.headers.get("if-none-match").map(|value| value.to_str().unwrap());
            let expected = (condition && (is_put || is_complete)).then_some("*");
            assert_eq!(sent, expected, "{} {}", head.method, head.uri);
            conditional += usize::from(sent.is_some());
        }
        assert_eq!(conditional, if condition { 2 } else { 0 });
    }
}

#[tokio::test]
async fn what_is_there_is_kept_and_the_failure_says_so() {
    let transport = taken(&["small", "large"]);
    let mut sink = open_with(transport.clone(), FAIL).await;
    write_both(&mut sink).await;
    let progress = sink.close(Ending::Complete).await.unwrap();
    assert_eq!((progress.visible.len(), progress.failed.len()), (0, 2));
    for failure in &progress.failed {
        let cause = format!("{:?}", failure.cause);
        assert!(cause.contains("412 PreconditionFailed"), "{cause}");
        assert!(cause.contains("an object of that name exists, and `on_existing` is `fail`"));
    }
    transport.bucket(|bucket| {
        assert!(bucket.visible_history().is_empty() && bucket.open_uploads().is_empty());
    });
}

#[tokio::test]
async fn the_next_number_is_found_by_looking_and_never_by_listing() {
    let transport = taken(&["small-0", "small-1", "small-2", "small-3", "large-0"]);
    let mut sink = open_with(transport.clone(), NEXT).await;
    write_both(&mut sink).await;
    let progress = sink.close(Ending::Complete).await.unwrap();
    let mut names: Vec<_> =
        progress.visible.iter().map(|object| object.object_key.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["large-1", "small-4"]);
    let looked_at = |prefix: &str| {
        let heads = transport.heads().into_iter().filter(|head| head.method == Method::HEAD);
        let names = heads.map(|head| head.uri.path().replace("/bucket/", ""));
        names.filter(|name| name.starts_with(prefix)).collect::<Vec<_>>()
    };
    assert_eq!(
        looked_at("small"),
        ["small-0", "small-1", "small-3", "small-7", "small-5", "small-4"]
    );
    assert_eq!(looked_at("large"), ["large-0", "large-1"]);
    assert!(transport.heads().iter().all(|head| head.method != Method::GET), "nothing is listed");
    let puts = |bucket: &mut spillway_simulation::bucket::Bucket| {
        bucket.log().iter().filter(|l| l.operation == Some(Operation::PutObject)).count()
    };
    assert_eq!(transport.bucket(puts), 1, "the bytes go out once");
}

/// Another writer is faster, for a small object and for one in parts.
#[tokio::test]
async fn a_name_that_is_taken_meanwhile_is_given_up_for_the_next() {
    let transport = BucketTransport::new(BucketOptions::default());
    transport.on_request(|request| {
        let ends =
            [Operation::PutObject, Operation::CompleteMultipartUpload].contains(&request.operation);
        (ends && request.key.ends_with("-0")).then_some(Fault::NameTaken)
    });
    let mut sink = open_with(transport.clone(), NEXT).await;
    write_both(&mut sink).await;
    let progress = sink.close(Ending::Complete).await.unwrap();
    let mut names: Vec<_> =
        progress.visible.iter().map(|object| object.object_key.as_str()).collect();
    names.sort_unstable();
    assert_eq!((names, progress.failed.len()), (vec!["large-1", "small-1"], 0));
    transport.bucket(|bucket| {
        assert_eq!(bucket.of_others().len(), 2);
        assert_eq!(bucket.objects()["small-0"].bytes, "of another writer: small-0");
        assert!(bucket.objects()["large-1"].bytes.len() > PART_BYTES);
        assert!(bucket.open_uploads().is_empty());
    });
}

/// A key that comes back gets the next number without a question.
#[tokio::test]
async fn what_was_counted_is_not_asked_again() {
    let transport = BucketTransport::new(BucketOptions::default());
    let mut sink = open_with(transport.clone(), NEXT).await;
    for (position, key) in ["a", "b", "a", "b", "a"].into_iter().enumerate() {
        let payload = position.to_string().into_bytes();
        sink.write(&[event(key, position as u64, payload)]).await.unwrap();
    }
    sink.close(Ending::Complete).await.unwrap();
    let looks = transport.heads().iter().filter(|head| head.method == Method::HEAD).count();
    assert_eq!(looks, 2, "one for each key");
    transport.bucket(|bucket| {
        let objects: Vec<_> = bucket
            .objects()
            .iter()
            .map(|(name, object)| (name.as_str(), &object.bytes[..]))
            .collect();
        let expected: [(&str, &[u8]); 5] =
            [("a-0", b"0\n"), ("a-1", b"2\n"), ("a-2", b"4\n"), ("b-0", b"1\n"), ("b-1", b"3\n")];
        assert_eq!(objects, expected);
    });
}

#[tokio::test]
async fn a_name_that_cannot_be_is_a_rejection() {
    let transport = BucketTransport::new(BucketOptions::default());
    let mut sink = open_with(transport.clone(), r#", "prefix": "logs/""#).await;
    let events = ["a", "../a", "", "a"];
    let batch: Vec<_> =
        events.iter().zip(0..).map(|(key, first)| event(key, first, b"x".to_vec())).collect();
    let rejected = sink.write(&batch).await.unwrap();
    let rejected: Vec<_> = rejected.iter().map(|r| (r.position, r.reason.as_str())).collect();
    assert_eq!(
        rejected,
        [(1, "behind the prefix the object's name has a segment `..`"), (2, "the key is empty")]
    );
    sink.close(Ending::Complete).await.unwrap();
    transport.bucket(|bucket| assert_eq!(bucket.objects()["logs/a"].bytes, "x\nx\n"));
}

/// What stands behind it was not taken, so it comes again.
#[tokio::test]
async fn nothing_behind_the_first_rejection_is_taken_where_a_write_stops_there() {
    let transport = BucketTransport::new(BucketOptions::default());
    let mut sink = open_with(transport.clone(), r#", "prefix": "logs/""#).await;
    let batch = [event("a", 3, b"1".to_vec()), lines("../a", 4, "2\n3\n"), lines("a", 6, "4\n")];
    let rejected = sink.write_until_rejected(&batch).await.unwrap().expect("`../` is no name");
    assert_eq!(rejected.position, 4);
    assert_eq!(sink.flush().await.unwrap().durable, 5);
    assert!(sink.write_until_rejected(&[lines("b", 5, "3\n4\n")]).await.unwrap().is_none());
    assert!(sink.write_until_rejected(&[]).await.unwrap().is_none());
    assert_eq!(sink.close(Ending::Complete).await.unwrap().durable, 7);
    transport.bucket(|bucket| {
        let objects = bucket.objects().iter();
        let objects: Vec<_> =
            objects.map(|(name, object)| (name.as_str(), &object.bytes[..])).collect();
        assert_eq!(objects, [("logs/a", &b"1\n"[..]), ("logs/b", b"3\n4\n")]);
    });
}

fn lines(key: &str, first: u64, text: &str) -> Run {
    let (payload, lines) = (Payload::Text(text.to_owned()), text.lines().count() as u32);
    let (boundaries, framing) = (Boundaries::Lines(lines), Framing::Newline);
    Run { key: key.to_owned(), first, at: None, payload, boundaries, framing }
}

/// A bucket in which another writer has these names.
fn taken(names: &[&str]) -> BucketTransport {
    let transport = BucketTransport::new(BucketOptions::default());
    transport.bucket(|bucket| {
        names.iter().for_each(|name| bucket.put_by_another(Timestamp(0), name));
    });
    transport
}

/// An object that is put, and one that is uploaded in two parts.
async fn write_both(sink: &mut Sink) {
    sink.write(&[event("small", 0, b"hello".to_vec())]).await.unwrap();
    sink.write(&[event("large", 1, vec![b'x'; PART_BYTES])]).await.unwrap();
    sink.write(&[event("large", 2, vec![b'y'; 10])]).await.unwrap();
}
