//! The state that a host keeps with the store, over the contract.

use spillway::contract::{Ending, Error};
use spillway::sink::SinkError;
use spillway_simulation::bucket::BucketOptions;
use spillway_tests::bucket_transport::BucketTransport;

use super::setup::{AUTHORITY, config, event, grants, open, sink};

#[tokio::test]
async fn it_is_replaced_by_who_knows_it_and_read_by_anybody() {
    let transport = BucketTransport::new(BucketOptions::default());
    let config = config(&format!("http://{AUTHORITY}"), "");
    let given = grants(transport.clone(), AUTHORITY);
    let load = || async { sink().load_state(&config, "flow", &given).await.unwrap() };
    sink().check_state(&config, "flow", &given).await.unwrap();
    assert!(load().await.is_none());
    assert_eq!(transport.bucket(|bucket| bucket.objects().len()), 0);

    let mut first = open(transport.clone()).await;
    let version = first.store_state("flow", b"one", None).await.unwrap();
    let mut second = open(transport.clone()).await;
    conflicts(second.store_state("flow", b"two", None).await);
    let newer = second.store_state("flow", b"two", Some(&version)).await.unwrap();
    conflicts(first.store_state("flow", b"three", Some(&version)).await);
    sink().check_state(&config, "flow", &given).await.unwrap();
    let found = load().await.expect("it is there");
    assert_eq!((found.bytes.as_slice(), &found.version), (&b"two"[..], &newer));
    assert!(found.age.is_some());
    // Nothing else is in anybody's way.
    second.write(&[event("a", 0, vec![b'x'])]).await.unwrap();
    assert_eq!(second.close(Ending::Complete).await.unwrap().durable, 1);
    assert_eq!(transport.bucket(|bucket| bucket.objects().len()), 2);
}

#[tokio::test]
async fn a_store_without_conditions_is_told() {
    for ignored in ["if-match", "if-none-match"] {
        let options =
            BucketOptions { ignored_conditions: vec![ignored], ..BucketOptions::default() };
        let transport = BucketTransport::new(options);
        let config = config(&format!("http://{AUTHORITY}"), "");
        open(transport.clone()).await.store_state("flow", b"one", None).await.unwrap();
        let given = grants(transport.clone(), AUTHORITY);
        let checked = sink().check_state(&config, "flow", &given).await;
        let Err(SinkError::Refused(Error::Unsupported(text))) = checked else {
            panic!("{ignored}")
        };
        assert!(text.to_lowercase().contains(ignored), "{text}");
        let kept = transport.bucket(|bucket| bucket.objects()["_spillway/flow"].bytes.clone());
        assert_eq!(kept, "one", "what is there stays");
    }
}

fn conflicts(answer: Result<String, SinkError>) {
    match answer {
        Err(SinkError::Refused(Error::Conflict(text))) => assert!(text.contains("_spillway/flow")),
        other => panic!("{other:?}"),
    }
}
