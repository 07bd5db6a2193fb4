//! Objects come out as they were written.

use spillway::contract::Ending;
use spillway_simulation::bucket::{BucketOptions, Operation};
use spillway_simulation::faults::Fault;
use spillway_tests::bucket_transport::BucketTransport;

use super::setup::{AUTHORITY, PART_BYTES, event, open};

#[tokio::test]
async fn a_small_object_is_put() {
    let transport = BucketTransport::new(BucketOptions::default());
    let mut sink = open(transport.clone()).await;
    sink.write(&[event("a", 0, b"hello".to_vec())]).await.unwrap();
    let progress = sink.close(Ending::Complete).await.unwrap();
    assert_eq!((progress.durable, progress.visible.len()), (1, 1));
    transport.bucket(|bucket| {
        assert_eq!(bucket.objects()["a"].bytes, "hello\n");
        assert_eq!(operations(bucket), [Operation::PutObject]);
    });
}

#[tokio::test]
async fn a_large_object_comes_in_parts() {
    let transport = BucketTransport::new(BucketOptions::default());
    let mut sink = open(transport.clone()).await;
    let expected = write_three_parts(&mut sink).await;
    let progress = sink.close(Ending::Complete).await.unwrap();
    assert_eq!(progress.failed.len(), 0);
    assert_eq!((progress.visible[0].parts, progress.visible[0].bytes), (3, expected.len() as u64));
    transport.bucket(|bucket| {
        let object = &bucket.objects()["a"];
        assert!(object.bytes == expected);
        let sizes: Vec<_> = object.parts.iter().map(|(_, size)| *size).collect();
        let last = (expected.len() - 2 * PART_BYTES) as u64;
        assert_eq!(sizes, [PART_BYTES as u64, PART_BYTES as u64, last]);
        assert!(bucket.open_uploads().is_empty());
    });
}

#[tokio::test]
async fn a_change_of_key_seals() {
    let transport = BucketTransport::new(BucketOptions::default());
    let mut sink = open(transport.clone()).await;
    for (position, key) in ["a", "a", "b", "c", "c"].into_iter().enumerate() {
        let payload = position.to_string().into_bytes();
        sink.write(&[event(key, position as u64, payload)]).await.unwrap();
    }
    let progress = sink.flush().await.unwrap();
    assert_eq!(progress.durable, 5);
    transport.bucket(|bucket| {
        let objects = bucket.objects().iter().map(|(key, o)| (key.as_str(), &o.bytes[..]));
        let expected = [("a", &b"0\n1\n"[..]), ("b", b"2\n"), ("c", b"3\n4\n")];
        assert_eq!(objects.collect::<Vec<_>>(), expected);
    });
}

#[tokio::test]
async fn every_request_names_its_host_and_its_length() {
    let transport = BucketTransport::new(BucketOptions::default());
    let mut sink = open(transport.clone()).await;
    write_three_parts(&mut sink).await;
    sink.close(Ending::Complete).await.unwrap();
    let heads = transport.heads();
    assert_eq!(heads.len(), 5);
    for head in heads {
        assert_eq!(head.uri.authority().unwrap(), AUTHORITY);
        assert_eq!(head.uri.scheme_str(), Some("http"));
        if let Some(host) = head.headers.get("host") {
            assert_eq!(host, AUTHORITY);
        }
        assert!(head.headers.contains_key("content-length"), "{head:?}");
        assert!(!head.headers.contains_key("transfer-encoding"), "{head:?}");
    }
}

/// Each fault once, on a part that is on its way: the object comes out, or is reported failed and
/// nothing is left behind.
#[tokio::test]
async fn a_fault_on_a_part_is_survived_or_reported() {
    for fault in Fault::ALL {
        let transport = BucketTransport::new(BucketOptions::default());
        transport.on_request(move |request| {
            let meets = request.part_number == Some(2) && request.attempt == 1;
            meets.then_some(fault)
        });
        let mut sink = open(transport.clone()).await;
        let expected = write_three_parts(&mut sink).await;
        let progress = sink.close(Ending::Complete).await.unwrap();
        let is_part = |head: &&http::request::Parts| {
            head.uri.query().is_some_and(|query| query.contains("partNumber=2&"))
        };
        assert!(transport.heads().iter().filter(is_part).count() >= 1, "{fault:?} was not met");
        transport.bucket(|bucket| {
            let visible = bucket.objects().get("a").map(|object| object.bytes == expected);
            let failed: u64 = progress.failed.iter().map(|failure| failure.events).sum();
            let sealed: u64 = progress.visible.iter().map(|object| object.events).sum();
            assert_eq!(sealed + failed, EVENTS, "{fault:?}");
            match sealed {
                0 => assert_eq!(visible, None, "{fault:?}"),
                _ => assert_eq!(visible, Some(true), "{fault:?}"),
            }
            assert!(bucket.open_uploads().is_empty(), "{fault:?}");
        });
    }
}

const EVENTS: u64 = 11;

/// Eleven events of one MiB each, with a line feed: two parts of 5 MiB and a tail.
pub(super) async fn write_three_parts(sink: &mut spillway::sink::Sink) -> Vec<u8> {
    let mut expected = Vec::new();
    for position in 0..EVENTS {
        let payload = vec![b'a' + u8::try_from(position).unwrap(); 1 << 20];
        expected.extend_from_slice(&payload);
        expected.push(b'\n');
        sink.write(&[event("a", position, payload)]).await.unwrap();
    }
    expected
}

fn operations(bucket: &spillway_simulation::bucket::Bucket) -> Vec<Operation> {
    bucket.log().iter().filter_map(|logged| logged.operation).collect()
}
