//! Objects end by their limits, on `poll` as well, and several are open at once.

use std::time::Duration;

use spillway::contract::{Boundaries, Ending, Framing, Payload, Progress, Run};
use spillway::sink::Sink;
use spillway_simulation::bucket::BucketOptions;
use spillway_tests::bucket_transport::BucketTransport;

use super::setup::{AUTHORITY, config, event, grants, sink};

#[tokio::test]
async fn poll_ends_what_is_idle() {
    for limit in ["idle_ms", "age_ms"] {
        let (transport, mut sink) = open(&format!(r#", "rotate": {{"{limit}": 20}}"#)).await;
        sink.write(&[event("a", 0, b"one".to_vec())]).await.unwrap();
        let progress = poll_until_durable(&mut sink, 1).await;
        assert_eq!((progress.visible.len(), progress.visible[0].events), (1, 1), "{limit}");
        transport.bucket(|bucket| assert_eq!(bucket.objects()["a-000000"].bytes, "one\n"));
        let progress = sink.close(Ending::Complete).await.unwrap();
        assert_eq!((progress.visible.len(), progress.durable), (0, 1), "it ended already");
    }
}

#[tokio::test]
async fn a_run_may_become_thousands_of_objects() {
    let (transport, mut sink) = open(r#", "rotate": {"events": 1}"#).await;
    let texts: Vec<String> = (0..3_000).map(|n| format!("{n} ")).collect();
    let ends = texts.iter().scan(0, |end, text| {
        *end += u32::try_from(text.len()).unwrap();
        Some(*end)
    });
    let payload = Payload::Text(texts.concat());
    let (key, framing) = ("a".to_owned(), Framing::Bare);
    let run = Run {
        key,
        first: 0,
        at: None,
        boundaries: Boundaries::At(ends.collect()),
        payload,
        framing,
    };
    sink.write(&[run]).await.unwrap();
    let progress = sink.close(Ending::Complete).await.unwrap();
    assert_eq!((progress.durable, progress.failed.len()), (3_000, 0));
    assert_eq!(progress.visible.len(), 3_000);
    transport.bucket(|bucket| {
        let objects = bucket.objects().values().map(|object| object.bytes.to_vec());
        assert!(objects.eq(texts.iter().map(|text| format!("{text}\n").into_bytes())));
    });
}

#[tokio::test]
async fn interleaved_keys_share_the_sink() {
    let (transport, mut sink) = open(r#", "max_open_objects": 2"#).await;
    for (position, key) in (0..).zip(["a", "b", "a", "b", "c"]) {
        sink.write(&[event(key, position, position.to_string().into_bytes())]).await.unwrap();
    }
    let progress = poll_until_durable(&mut sink, 1).await;
    let sealed: Vec<_> = progress.visible.iter().map(|sealed| sealed.key.as_str()).collect();
    assert_eq!((sealed, progress.durable), (vec!["a"], 1), "`b` is open, and holds the second");
    assert_eq!(sink.close(Ending::Complete).await.unwrap().durable, 5);
    transport.bucket(|bucket| {
        let objects = bucket.objects().iter().map(|(key, o)| (key.as_str(), &o.bytes[..]));
        let expected =
            [("a-000000", &b"0\n2\n"[..]), ("b-000001", b"1\n3\n"), ("c-000004", b"4\n")];
        assert_eq!(objects.collect::<Vec<_>>(), expected);
    });
}

async fn open(more: &str) -> (BucketTransport, Sink) {
    let transport = BucketTransport::new(BucketOptions::default());
    let named = format!(r#", "key_template": "{{key}}-{{first:06}}"{more}"#);
    let config = config(&format!("http://{AUTHORITY}"), &named);
    let sink = sink().open(&config, None, &grants(transport.clone(), AUTHORITY)).await.unwrap();
    (transport, sink)
}

/// Polls until every event before `durable` is, and returns all that was reported.
async fn poll_until_durable(sink: &mut Sink, durable: u64) -> Progress {
    let mut progress = sink.poll().await.unwrap();
    let polls = async {
        while progress.durable < durable {
            tokio::time::sleep(Duration::from_millis(1)).await;
            let next = sink.poll().await.unwrap();
            progress.durable = next.durable;
            progress.visible.extend(next.visible);
        }
    };
    tokio::time::timeout(PATIENCE, polls).await.expect("it becomes durable");
    progress
}

const PATIENCE: Duration = Duration::from_secs(60);
