//! The component takes checkpoints and goes on from them, in wasmtime, call by call of the
//! contract.

use spillway::contract::{Ending, Error};
use spillway::sink::{Sink, SinkError};
use spillway_simulation::bucket::{BucketOptions, Operation};
use spillway_simulation::faults::Fault;
use spillway_tests::bucket_transport::BucketTransport;

use super::setup::{AUTHORITY, PART_BYTES, config, event, grants, open_with, sink};

const CHECKPOINTED: &str = r#", "commit": "checkpointed", "framing": "none""#;
const MANY: &str = r#", "commit": "checkpointed", "framing": "none", "max_open_objects": 3,
    "key_template": "{key}-{first}""#;

/// A process that dies takes no leave: its sink is dropped, and another goes on from the bytes.
#[tokio::test]
async fn a_sink_goes_on_from_the_bytes_of_another() {
    let transport = BucketTransport::new(BucketOptions::default());
    let mut first = open_with(transport.clone(), MANY).await;
    let large: Vec<u8> = (0..PART_BYTES + 100).map(|n| (n % 251) as u8).collect();
    first.write(&[event("large", 0, large.clone()), event("small", 1, b"1".into())]).await.unwrap();
    let state = first.checkpoint().await.unwrap();
    first.commit().await.unwrap();
    // What the checkpoint has not seen is lost with the process, and written again.
    first
        .write(&[event("large", 2, b"lost".into()), event("new", 3, large.clone())])
        .await
        .unwrap();
    until_settled(&mut first).await;
    drop(first);
    transport.bucket(|bucket| assert_eq!(bucket.open_uploads().len(), 2));

    let mut second = resume(&transport, MANY, &state).await.unwrap();
    let progress = second.poll().await.unwrap();
    let notices: Vec<_> = progress.notices.iter().map(|n| n.message.as_str()).collect();
    assert!(notices.iter().any(|n| n.contains("of `new-3` is unknown")), "{notices:?}");
    second
        .write(&[event("large", 2, b"late".into()), event("new", 3, large.clone())])
        .await
        .unwrap();
    finish(second).await;
    transport.bucket(|bucket| {
        let objects = bucket.objects();
        let names: Vec<_> = objects.keys().map(String::as_str).collect();
        assert_eq!(names, ["large-0", "new-3", "small-1"]);
        assert!(objects["large-0"].bytes == [&large[..], b"late"].concat());
        assert!(objects["new-3"].bytes == large && objects["small-1"].bytes == "1");
        assert_eq!(bucket.open_uploads().len(), 0, "what the crash left behind is gone");
    });
}

#[tokio::test]
async fn nothing_is_visible_before_its_commit() {
    let transport = BucketTransport::new(BucketOptions::default());
    let mut sink = open_with(transport.clone(), CHECKPOINTED).await;
    sink.write(&[event("a", 0, b"1".into()), event("b", 1, b"2".into())]).await.unwrap();
    let progress = sink.flush().await.unwrap();
    assert!(progress.wants_checkpoint && progress.visible.is_empty());
    assert!(matches!(sink.close(Ending::Complete).await, Err(SinkError::Refused(Error::Busy))));
    sink.checkpoint().await.unwrap();
    transport.bucket(|bucket| assert!(bucket.objects().is_empty()));
    sink.commit().await.unwrap();
    let progress = sink.flush().await.unwrap();
    assert_eq!((progress.wants_checkpoint, progress.durable), (false, 2));
    transport.bucket(|bucket| assert_eq!(bucket.objects().len(), 2));
    sink.close(Ending::Complete).await.unwrap();
}

#[tokio::test]
async fn a_commit_wants_a_checkpoint_and_a_checkpoint_a_sink_that_takes_them() {
    let transport = BucketTransport::new(BucketOptions::default());
    let mut sink = open_with(transport.clone(), CHECKPOINTED).await;
    let refused = sink.commit().await.unwrap_err();
    assert!(refused.to_string().contains("no checkpoint since the last commit"), "{refused}");
    sink.checkpoint().await.unwrap();
    sink.commit().await.unwrap();
    assert!(sink.commit().await.is_err(), "it is committed once");

    let mut plain = open_with(transport.clone(), "").await;
    for refused in [
        plain.checkpoint().await.map(|_| ()),
        plain.commit().await,
        plain.close(Ending::Suspend).await.map(|_| ()),
    ] {
        let Err(SinkError::Refused(Error::Unsupported(text))) = refused else {
            panic!("{refused:?}")
        };
        assert!(text.contains("`commit` = `checkpointed`"), "{text}");
    }
    // None of that has done any harm.
    plain.write(&[event("a", 0, b"hello".to_vec())]).await.unwrap();
    plain.close(Ending::Complete).await.unwrap();
    transport.bucket(|bucket| assert_eq!(bucket.objects().len(), 1));
}

#[tokio::test]
async fn a_state_that_does_not_fit_is_refused_before_any_request() {
    let transport = BucketTransport::new(BucketOptions::default());
    let mut sink = open_with(transport.clone(), CHECKPOINTED).await;
    let state = sink.checkpoint().await.unwrap();
    let other = format!(r#"{CHECKPOINTED}, "prefix": "logs/""#);
    for (more, state, told) in [
        (CHECKPOINTED, &state[..state.len() - 1], "damaged"),
        (CHECKPOINTED, b"something else", "no checkpoint of this sink"),
        (other.as_str(), &state[..], "prefix was ``, and is `logs/`"),
        ("", &state[..], "`commit` = `checkpointed`"),
    ] {
        let Err(SinkError::Refused(Error::UnknownState(text))) =
            resume(&transport, more, state).await.map(|_| ())
        else {
            panic!("it was taken, where {told:?} was expected")
        };
        assert!(text.contains(told), "{text}");
    }
    assert!(transport.heads().is_empty());
}

/// The batch is the caller's still, and fits after the commit.
#[tokio::test]
async fn a_batch_that_only_a_commit_makes_room_for_is_refused_whole() {
    let transport = BucketTransport::new(BucketOptions::default());
    let memory = format!(r#"{CHECKPOINTED}, "memory_bytes_max": {}"#, 2 * PART_BYTES);
    let mut sink = open_with(transport.clone(), &memory).await;
    let nearly = vec![b'x'; PART_BYTES - 1];
    let mut busy = 0;
    for (position, key) in (0..).zip(["a", "b", "c", "d", "e"]) {
        let batch = [event(key, position, nearly.clone())];
        while let Err(error) = sink.write(&batch).await {
            assert!(matches!(error, SinkError::Refused(Error::Busy)), "{error}");
            busy += 1;
            sink.checkpoint().await.unwrap();
            sink.commit().await.unwrap();
        }
    }
    assert!((1..5).contains(&busy), "{busy} times");
    finish(sink).await;
    transport.bucket(|bucket| {
        let objects: Vec<_> = bucket.objects().values().map(|object| object.bytes.len()).collect();
        assert_eq!(objects, [PART_BYTES - 1; 5]);
    });
}

#[tokio::test]
async fn what_is_kept_is_what_the_last_checkpoint_knows() {
    let transport = BucketTransport::new(BucketOptions::default());
    let mut sink = open_with(transport.clone(), MANY).await;
    let large = vec![b'x'; PART_BYTES];
    sink.write(&[event("old", 0, large.clone())]).await.unwrap();
    let state = sink.checkpoint().await.unwrap();
    sink.commit().await.unwrap();
    sink.write(&[event("new", 1, large.clone())]).await.unwrap();
    let progress = sink.close(Ending::Suspend).await.unwrap();
    assert_eq!((progress.failed.len(), progress.visible.len()), (0, 0));
    transport.bucket(|bucket| {
        let open: Vec<_> =
            bucket.open_uploads().values().map(|upload| upload.key.clone()).collect();
        assert_eq!(open, ["old-0"]);
    });
    let mut sink = resume(&transport, MANY, &state).await.unwrap();
    sink.write(&[event("new", 1, large)]).await.unwrap();
    finish(sink).await;
    transport.bucket(|bucket| assert_eq!(bucket.objects().len(), 2));
}

/// The answer that it is there was lost with the process.
#[tokio::test]
async fn what_was_completed_before_the_crash_is_recognised() {
    for payload in [b"small".to_vec(), vec![b'x'; PART_BYTES]] {
        let transport = BucketTransport::new(BucketOptions::default());
        let mut sink = open_with(transport.clone(), CHECKPOINTED).await;
        sink.write(&[event("a", 0, payload.clone())]).await.unwrap();
        sink.flush().await.unwrap();
        let state = sink.checkpoint().await.unwrap();
        sink.commit().await.unwrap();
        sink.flush().await.unwrap();
        drop(sink);
        let sink = resume(&transport, CHECKPOINTED, &state).await.unwrap();
        finish(sink).await;
        transport.bucket(|bucket| {
            assert!(bucket.objects()["a"].bytes == payload);
            assert_eq!(bucket.open_uploads().len(), 0);
        });
    }
}

/// A lifecycle rule with too little patience: what is lost is told with its positions.
#[tokio::test]
async fn an_upload_that_is_gone_is_a_failure_that_names_its_events() {
    let transport = BucketTransport::new(BucketOptions::default());
    let mut sink = open_with(transport.clone(), CHECKPOINTED).await;
    sink.write(&[event("a", 7, vec![b'x'; PART_BYTES])]).await.unwrap();
    let state = sink.checkpoint().await.unwrap();
    drop(sink);
    transport.on_request(|info| match info.operation {
        Operation::CompleteMultipartUpload => Some(Fault::UploadExpires),
        _ => None,
    });
    let mut sink = resume(&transport, CHECKPOINTED, &state).await.unwrap();
    sink.flush().await.unwrap();
    sink.checkpoint().await.unwrap();
    sink.commit().await.unwrap();
    let progress = sink.flush().await.unwrap();
    let [failure] = &progress.failed[..] else { panic!("{:?}", progress.failed) };
    assert_eq!((failure.key.as_str(), failure.first, failure.last), ("a", 7, 7));
}

async fn resume(transport: &BucketTransport, more: &str, state: &[u8]) -> Result<Sink, SinkError> {
    let config = config(&format!("http://{AUTHORITY}"), more);
    sink().open(&config, Some(state), &grants(transport.clone(), AUTHORITY)).await
}

/// Waits until the parts that are under way are stored.
async fn until_settled(sink: &mut Sink) {
    sink.checkpoint().await.unwrap();
}

/// Everything becomes visible, by as many commits as it takes.
async fn finish(mut sink: Sink) {
    while sink.flush().await.unwrap().wants_checkpoint {
        sink.checkpoint().await.unwrap();
        sink.commit().await.unwrap();
    }
    let progress = sink.close(Ending::Complete).await.unwrap();
    assert_eq!(progress.failed.len(), 0);
}
