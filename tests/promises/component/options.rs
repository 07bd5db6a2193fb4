//! What the configuration says about objects stands in the requests of the component, and where it
//! must not stand it does not.

use http::request::Parts;
use spillway::contract::Ending;
use spillway::sink::Sink;
use spillway_simulation::bucket::BucketOptions;
use spillway_simulation::faults::Fault;
use spillway_tests::bucket_transport::BucketTransport;
use spillway_tests::server::CUSTOMER_KEY;

use super::objects::write_three_parts;
use super::setup::{config, event, grants, sink};

/// A host of this machine, to which a customer's key may go without TLS.
const AUTHORITY: &str = "127.0.0.1:9000";

/// The reference bucket refuses each request that lacks the key or has it where it must not.
#[tokio::test]
async fn a_customers_key_goes_with_each_request_that_needs_it() {
    let transport = BucketTransport::new(BucketOptions::default());
    // The answer to the completion is lost each time, so that the object is looked for.
    transport.on_request(|request| {
        let completes = request.operation.to_string() == "CompleteMultipartUpload";
        completes.then_some(Fault::ResetAfter)
    });
    let fields = format!(r#", "customer_key": "{CUSTOMER_KEY}", "attempts_max": 1"#);
    let mut sink = open(transport.clone(), &fields).await;
    write_three_parts(&mut sink).await;
    sink.write(&[event("b", 100, b"small".to_vec())]).await.unwrap();
    let progress = sink.close(Ending::Complete).await.unwrap();
    assert_eq!((progress.visible.len(), progress.failed.len()), (2, 0), "{:?}", progress.failed);
    let heads = transport.heads();
    let methods: Vec<_> = heads.iter().map(|head| head.method.as_str()).collect();
    assert!(methods.contains(&"HEAD"), "{methods:?}");
    for head in heads {
        assert_eq!(header(&head, "x-amz-server-side-encryption-customer-algorithm"), "AES256");
        assert_eq!(header(&head, "x-amz-server-side-encryption-customer-key"), CUSTOMER_KEY);
    }
    transport.bucket(|bucket| {
        assert!(bucket.objects().values().all(|object| object.customer_key.is_some()));
    });
}

#[tokio::test]
async fn what_is_said_of_objects_is_said_when_they_begin_and_then_no_more() {
    let transport = BucketTransport::new(BucketOptions::default());
    let fields = r#", "content_type": "text/plain", "tags": {"a b": "c/d"},
        "metadata": {"Team": "logs  and more"}, "server_side_encryption": "aws:kms",
        "object_lock_mode": "GOVERNANCE", "object_lock_retain_days": 1,
        "request_payer": true, "expected_bucket_owner": "111122223333""#;
    let mut sink = open(transport.clone(), fields).await;
    write_three_parts(&mut sink).await;
    sink.write(&[event("b", 100, b"small".to_vec())]).await.unwrap();
    let progress = sink.close(Ending::Complete).await.unwrap();
    assert_eq!((progress.visible.len(), progress.failed.len()), (2, 0), "{:?}", progress.failed);
    for head in transport.heads() {
        assert_eq!(header(&head, "x-amz-request-payer"), "requester");
        assert_eq!(header(&head, "x-amz-expected-bucket-owner"), "111122223333");
        let query = head.uri.query().unwrap_or_default();
        let begins = query.is_empty() || query.starts_with("uploads");
        for (name, value) in [
            ("x-amz-tagging", "a%20b=c%2Fd"),
            ("x-amz-meta-team", "logs  and more"),
            ("x-amz-server-side-encryption", "aws:kms"),
            ("x-amz-object-lock-mode", "GOVERNANCE"),
        ] {
            let wanted = if begins { value } else { "" };
            assert_eq!(header(&head, name), wanted, "{name} of {} {}", head.method, head.uri);
        }
    }
    transport.bucket(|bucket| {
        let types = bucket.objects().values().map(|object| object.header("content-type"));
        assert_eq!(types.collect::<Vec<_>>(), [Some("text/plain"); 2]);
    });
}

async fn open(transport: BucketTransport, fields: &str) -> Sink {
    let config = config(&format!("http://{AUTHORITY}"), fields);
    sink().open(&config, None, &grants(transport, AUTHORITY)).await.unwrap()
}

/// A header, or nothing.
fn header<'a>(head: &'a Parts, name: &str) -> &'a str {
    head.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
}
