//! Who is let in, what is told of it, and how it ends.

use std::time::Duration;

use http::Method;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{BUCKET, Local, MIB};
use crate::{LocalOptions, LocalS3, Operation, RequestCount};

#[tokio::test]
async fn strangers_are_refused_even_with_a_body_on_the_way() {
    let mut local = Local::start().await;
    local.client.credentials.secret_access_key = "wrong".to_owned();
    let refused = local.put("key", vec![0; MIB]).await;
    assert_eq!(refused.status, 403);
    assert_eq!(refused.element("Code"), "SignatureDoesNotMatch");
    local.client.credentials.access_key_id = "nobody".to_owned();
    assert_eq!(local.put("key", "").await.status, 403);
    let anonymous = put_at_once(&local.server, vec![0; 8 * MIB]).await;
    assert!(anonymous.starts_with("HTTP/1.1 403") && anonymous.contains("AccessDenied"));
    assert!(local.server.objects(BUCKET).unwrap().is_empty());
}

#[tokio::test]
async fn a_missing_bucket_stays_missing() {
    let local = Local::start().await;
    for (method, query) in [("PUT", ""), ("GET", ""), ("POST", "uploads")] {
        let answer = local.client.send(method, ("absent", "key"), query, "").await;
        assert_eq!((answer.status.as_u16(), answer.element("Code")), (404, "NoSuchBucket"));
    }
    assert_eq!(local.client.send("HEAD", ("absent", ""), "", "").await.status, 404);
    assert_eq!(local.client.send("HEAD", (BUCKET, ""), "", "").await.status, 200);
    assert!(!local.folder.path().join("absent").exists());
    let options = LocalOptions { buckets: vec!["../up".to_owned()], ..local.options() };
    assert!(LocalS3::start(options).await.unwrap_err().to_string().contains("../up"));
}

#[tokio::test]
async fn the_log_tells_what_was_asked_and_answered() {
    let local = Local::start().await;
    local.put("a b", "12345").await;
    let id = local.create("m").await;
    local.send("PUT", "m", &format!("partNumber=7&uploadId={id}"), "123").await;
    local.send("GET", "absent", "", "").await;
    let lines = local.server.requests();
    let told: Vec<_> = lines.iter().map(|line| (line.operation, line.status)).collect();
    let expected = [
        (Operation::PutObject, 200),
        (Operation::CreateMultipartUpload, 200),
        (Operation::UploadPart, 200),
        (Operation::GetObject, 404),
    ];
    assert_eq!(told, expected);
    assert_eq!((lines[0].key.as_deref(), lines[0].content_length), (Some("a b"), Some(5)));
    assert_eq!((lines[2].part_number, &lines[2].method), (Some(7), &Method::PUT));
    assert_eq!(local.server.requests_total(), 4);
    let counts = local.server.request_counts();
    assert_eq!(counts[&Operation::GetObject], RequestCount { answered: 1, refused: 1 });
}

#[tokio::test]
async fn a_server_that_ended_or_was_dropped_listens_no_more() {
    let local = Local::start().await;
    local.put("key", "").await;
    let address = local.server.address;
    // The client still holds an idle connection.
    let ended = tokio::time::timeout(Duration::from_secs(5), local.server.shutdown());
    ended.await.unwrap();
    assert!(TcpStream::connect(address).await.is_err());

    let local = Local::start().await;
    let address = local.server.address;
    drop(local);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(TcpStream::connect(address).await.is_err());
}

/// Writes the whole of an unsigned request before it looks for the answer.
async fn put_at_once(server: &LocalS3, body: Vec<u8>) -> String {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let length = body.len();
    let head = format!("PUT /{BUCKET}/key HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n");
    let end = "connection: close\r\n\r\n";
    stream.write_all(&[head.as_bytes(), end.as_bytes(), &body].concat()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}
