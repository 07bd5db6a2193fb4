//! A component reaches what it was granted, and nothing else: not by another name, not by a number,
//! and not where an answer leads it.

use std::sync::Arc;

use spillway::egress::{Client, ClientOptions};
use spillway::grants::Grants;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::hostile;
use crate::component::setup::event;

/// A server that answers every request so, as often as it is asked.
async fn server(answer: &'static str) -> String {
    let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let authority = server.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = server.accept().await {
            tokio::spawn(async move {
                let mut request = Vec::new();
                while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                    if stream.read_buf(&mut request).await? == 0 {
                        return Ok(());
                    }
                }
                stream.write_all(answer.as_bytes()).await
            });
        }
    });
    authority
}

/// What a sink says of its try, which was granted these.
async fn tries(does: &str, granted: &[&str]) -> String {
    let grants = Grants {
        egress: granted.iter().map(|authority| (*authority).to_owned()).collect(),
        transport: Arc::new(Client::new(&ClientOptions::default()).unwrap()),
        ..Grants::nothing()
    };
    let config = format!(r#"{{"does": "write {does}"}}"#);
    let mut sink = hostile().open(&config, None, &grants).await.unwrap();
    sink.write(&[event("k", 0, vec![1])]).await.unwrap();
    let notices = sink.poll().await.unwrap().notices;
    assert_eq!(notices.len(), 1, "it says what came of it");
    notices[0].message.clone()
}

const FINE: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
const DENIED: &str = "ErrorCode::HttpRequestDenied";
const PROHIBITED: &str = "ErrorCode::DestinationIpProhibited";

#[tokio::test]
async fn what_was_granted_is_reached_and_nothing_else() {
    let here = server(FINE).await;
    let there = server(FINE).await;
    let said = tries(&format!("reaches {here}"), &[&here]).await;
    assert_eq!(said, format!("{here} answers 200"));
    for other in [there.as_str(), "localhost:80", "169.254.169.254", "metadata.google.internal"] {
        let said = tries(&format!("reaches {other}"), &[&here]).await;
        assert!(said.contains(DENIED), "{other}: {said}");
    }
    let port = here.rsplit(':').next().unwrap();
    for spelled in [format!("127.1:{port}"), format!("[::ffff:127.0.0.1]:{port}")] {
        let said = tries(&format!("reaches {spelled}"), &[&here]).await;
        assert!(said.contains(DENIED), "{spelled}: {said}");
    }
}

/// Whoever grants it may not know what it is.
#[tokio::test]
async fn a_metadata_service_is_never_reached() {
    for authority in [
        "169.254.169.254:80",
        "169.254.170.2:80",
        "[fe80::a9fe:a9fe]:80",
        "[fd00:ec2::254]:80",
        "[::ffff:169.254.169.254]:80",
        "[64:ff9b::a9fe:a9fe]:80",
        "100.100.100.200:80",
        "2852039166:80",
        "0xa9fea9fe:80",
        "169.254.43518:80",
    ] {
        let said = tries(&format!("reaches {authority}"), &[authority]).await;
        assert!(said.contains(PROHIBITED), "{authority}: {said}");
        assert!(spillway::egress::prohibited(authority).is_some(), "{authority}");
    }
}

#[tokio::test]
async fn an_answer_leads_nowhere_else() {
    let leads = "HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254:80/latest\r\n\
                 content-length: 0\r\n\r\n";
    let here = server(leads).await;
    // The host follows no answer by itself.
    let said = tries(&format!("reaches {here}"), &[&here]).await;
    assert_eq!(said, format!("{here} answers 302"));
    let said = tries(&format!("follows {here}"), &[&here]).await;
    assert!(said.starts_with("302 leads on: ") && said.contains(DENIED), "{said}");
    let said = tries(&format!("follows {here}"), &[&here, "169.254.169.254:80"]).await;
    assert!(said.contains(PROHIBITED), "{said}");
}

/// A body that is not as long as it says makes no request that another could be hidden in.
#[tokio::test]
async fn a_body_of_the_wrong_length_is_no_request() {
    let here = server(FINE).await;
    for does in ["shortens", "lengthens"] {
        let said = tries(&format!("{does} {here}"), &[&here]).await;
        assert!(!said.starts_with("answered"), "{does}: {said}");
    }
}
