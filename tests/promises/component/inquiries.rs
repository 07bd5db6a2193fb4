//! Check, the list of incomplete uploads and their abort, through the component.

use spillway::contract::{Ending, Error, Level};
use spillway::sink::SinkError;
use spillway_simulation::bucket::{Action, BucketOptions, Operation};
use spillway_simulation::faults::Fault;
use spillway_tests::bucket_server::{BucketServer, SocketFault};
use spillway_tests::bucket_transport::BucketTransport;

use super::setup::{config, event, grants, open, sink};

#[tokio::test]
async fn a_check_leaves_nothing_and_tells_what_was_wrong() {
    let region = "eu-north-1".to_owned();
    let transport = BucketTransport::new(BucketOptions { region, ..BucketOptions::default() });
    let mut sink = open(transport.clone()).await;
    sink.check().await.unwrap();
    let progress = sink.poll().await.unwrap();
    let warnings: Vec<_> = progress.notices.iter().filter(|n| n.level == Level::Warning).collect();
    let [warning] = &warnings[..] else { panic!("{:?}", progress.notices) };
    assert!(warning.message.contains("in the region `eu-north-1`"), "{}", warning.message);
    transport.bucket(|bucket| {
        assert!(bucket.open_uploads().is_empty() && bucket.visible_history().is_empty());
        bucket.options.denied = vec![Action::PutObject];
    });
    let Err(SinkError::Refused(Error::Denied(text))) = sink.check().await else {
        panic!("it may not write")
    };
    assert!(text.starts_with("the credentials do not allow to write: "), "{text}");
    // A check that fails harms nothing.
    transport.bucket(|bucket| bucket.options.denied.clear());
    sink.write(&[event("a", 0, b"hello".to_vec())]).await.unwrap();
    assert_eq!(sink.close(Ending::Complete).await.unwrap().visible.len(), 1);
}

#[tokio::test]
async fn what_is_in_use_is_not_listed_and_cannot_be_ended() {
    let transport = BucketTransport::new(BucketOptions::default());
    let mut sink = open(transport.clone()).await;
    for position in 0..6 {
        sink.write(&[event("a", position, vec![b'x'; 1 << 20])]).await.unwrap();
    }
    while transport.bucket(|b| b.open_uploads().values().all(|upload| upload.parts.is_empty())) {
        sink.moved().notified().await;
        sink.poll().await.unwrap();
    }
    assert_eq!(sink.incomplete_uploads().await.unwrap().len(), 0);
    let id = transport.bucket(|bucket| bucket.open_uploads().keys().next().cloned().unwrap());
    let Err(SinkError::Refused(Error::Invalid(problems))) = sink.abort_upload("a", &id).await
    else {
        panic!("it is in use")
    };
    assert_eq!(problems[0].field, "id");
    let progress = sink.close(Ending::Complete).await.unwrap();
    assert_eq!((progress.visible.len(), progress.failed.len()), (1, 0));
}

/// One sink leaves an upload behind; another one finds it over a socket on which everything goes
/// wrong once, and ends it.
#[tokio::test]
async fn what_one_sink_leaves_another_finds_and_ends() {
    let server = BucketServer::start(BucketOptions::default()).await.unwrap();
    let config = config(&server.endpoint(), r#", "backoff_base_ms": 1, "attempts_max": 9"#);
    let egress = server.endpoint().replace("http://", "");
    let client = || spillway::egress::Client::new(&Default::default()).unwrap();
    let mut lost = sink().open(&config, None, &grants(client(), &egress)).await.unwrap();
    for position in 0..11 {
        lost.write(&[event("a", position, vec![b'x'; 1 << 20])]).await.unwrap();
    }
    let parts =
        || server.bucket(|b| b.open_uploads().values().map(|u| u.parts.len()).sum::<usize>());
    while parts() < 2 {
        lost.moved().notified().await;
        lost.poll().await.unwrap();
    }
    drop(lost);

    let faults = [
        SocketFault::ResetBefore,
        SocketFault::ResetAfter,
        SocketFault::Truncated,
        SocketFault::Close,
        SocketFault::Bucket(Fault::SlowDown),
    ];
    server.on_request(move |info| {
        let index = usize::try_from(info.attempt).unwrap() - 1;
        faults.get(index).copied().filter(|_| info.operation != Operation::CreateMultipartUpload)
    });
    let mut next = sink().open(&config, None, &grants(client(), &egress)).await.unwrap();
    let found = next.incomplete_uploads().await.unwrap();
    let [left] = &found[..] else { panic!("{found:?}") };
    assert_eq!((left.object_key.as_str(), left.parts), ("a", Some(2)));
    assert!(left.begun.is_some());
    next.abort_upload(&left.object_key, &left.id).await.unwrap();
    assert_eq!(server.bucket(|bucket| bucket.open_uploads().len()), 0);
    assert_eq!(next.incomplete_uploads().await.unwrap().len(), 0);
    next.abort_upload(&left.object_key, &left.id).await.unwrap();
}
