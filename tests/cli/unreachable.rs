//! Failures at run time: the exit code is 1, and the message names the host, what was asked of it,
//! and what to look at.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::Duration;

use spillway_tests::scripted::{Reply, Scripted};
use spillway_tests::server::Server;
use spillway_tests::tls::TlsFront;

use super::support::*;

#[test]
fn nobody_listens() {
    // A port that was free a moment ago.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let at = format!("PutObject s3://events/a at http://{address}");
    fails(
        &format!("http://{address}"),
        &[&at, "no connection (refused)", "gave up after 2 attempts"],
    );
}

#[test]
fn the_host_has_no_address() {
    let at = "PutObject s3://events/a at http://no-such-host.invalid:9000";
    fails("http://no-such-host.invalid:9000", &[at, "the name could not be resolved"]);
}

#[test]
fn the_secret_is_wrong() {
    let server = Server::start();
    let place = Place::of(FLOW, &event("a", "1")).at(&server);
    let place = place.with("AWS_SECRET_ACCESS_KEY", "wrong-and-still/secret");
    let ended = failed(&place, &["403 SignatureDoesNotMatch", "check the secret access key"]);
    assert!(!ended.contains("wrong-and-still/secret"), "{ended}");
    // Trying again would not help.
    assert_eq!(server.requests_total(), 1);
}

#[test]
fn the_access_key_is_unknown() {
    let server = Server::start();
    let place = Place::of(FLOW, &event("a", "1")).at(&server);
    let place = place.with("AWS_ACCESS_KEY_ID", "AKIAOTHER");
    // Which is what `s3s` says where S3 says `InvalidAccessKeyId`.
    failed(&place, &["403 NotSignedUp", "check the access key id"]);
    assert_eq!(server.requests_total(), 1);
}

#[test]
fn the_access_key_is_unknown_to_s3() {
    let server = Scripted::start(|_| Reply::error(403, "InvalidAccessKeyId", "who is that"));
    fails(&server.endpoint(), &["403 InvalidAccessKeyId: who is that", "check the access key id"]);
}

#[test]
fn the_bucket_is_missing() {
    let server = Server::start();
    let flow = FLOW.replace("\"events\"", "\"another\"");
    let place = Place::of(&flow, &event("a", "1")).at(&server);
    let at = format!("PutObject s3://another/a at {}", server.endpoint());
    failed(&place, &[&at, "404 NoSuchBucket", "create the bucket `another`, or correct `bucket`"]);
    assert_eq!(server.requests_total(), 1);
}

#[test]
fn what_is_not_allowed_is_named() {
    let server = Scripted::start(|_| Reply::error(403, "AccessDenied", "no"));
    let said = ["403 AccessDenied: no", "s3:PutObject", "arn:aws:s3:::events/a"];
    fails(&server.endpoint(), &said);
}

#[test]
fn a_store_that_keeps_failing_is_given_up() {
    let server = Scripted::start(|_| Reply::error(500, "InternalError", "we are sorry"));
    fails(&server.endpoint(), &["500 InternalError: we are sorry", "gave up after 2 attempts"]);
    assert_eq!(puts(&server), 2);
    let server = Scripted::start(|_| Reply::Hangup);
    fails(&server.endpoint(), &["the connection broke", "gave up after 2 attempts"]);
    assert!(puts(&server) >= 2);
}

#[test]
fn a_store_that_never_answers_is_given_up() {
    let server = Scripted::start(|_| Reply::Silence);
    let flow = FLOW.replace("attempts_max = 2", "attempts_max = 2\nfirst_byte_timeout_ms = 50");
    let place = Place::of(&flow, &event("a", "1")).with("ENDPOINT", &server.endpoint());
    failed(&place, &["timed out (no answer)", "gave up after 2 attempts"]);
    assert_eq!(puts(&server), 2);
}

/// A byte now and then, and for ever: no time limit between two of them ends that.
#[test]
fn an_answer_that_never_ends_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let _ = stream.read(&mut [0; 4096]);
                let head = "HTTP/1.1 500 no\r\ncontent-length: 1000000\r\n\r\n";
                let mut gone = stream.write_all(head.as_bytes()).is_err();
                while !gone {
                    std::thread::sleep(Duration::from_millis(10));
                    gone = stream.write_all(b"<").is_err();
                }
            });
        }
    });
    let flow = FLOW.replace("attempts_max = 2", "attempts_max = 2\nbetween_bytes_timeout_ms = 100");
    let place = Place::of(&flow, &event("a", "1")).with("ENDPOINT", &endpoint);
    failed(&place, &["timed out (the answer does not end)", "gave up after 2 attempts"]);
}

#[test]
fn a_store_that_recovers_is_forgiven() {
    let mut answers = vec![Reply::stored(), Reply::error(503, "SlowDown", "not so fast")];
    let server = Scripted::start(move |_| answers.pop().unwrap());
    let place = Place::of(FLOW, &event("a", "1")).with("ENDPOINT", &server.endpoint());
    let ended = place.spillway(&["run", "flow.toml"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.err.contains("503 SlowDown: not so fast; trying again in"), "{ended:?}");
}

#[test]
fn the_server_does_not_speak_tls() {
    let server = Server::start();
    let endpoint = server.endpoint().replace("http:", "https:");
    fails(&endpoint, &[&format!("at {endpoint}"), "TLS failed"]);
    assert_eq!(server.requests_total(), 0);
}

#[test]
fn a_certificate_of_nobodys_is_refused_until_the_flow_names_it() {
    let server = Server::start();
    let behind = server.endpoint().replace("http://", "").parse().unwrap();
    let front = TlsFront::start(server.runtime(), behind);
    let said = "TLS failed (the certificate of `127.0.0.1` has an issuer that is not trusted: `CN=";
    fails(&front.endpoint(), &[said, "in `ca_file` or AWS_CA_BUNDLE"]);
    assert_eq!(server.requests_total(), 0);

    let flow = FLOW.replace("[sink.config]", "[sink]\nca_file = \"ca.pem\"\n[sink.config]");
    let events = event("a", "1") + &event("large", &"x".repeat(6 * MIB));
    let place = Place::of(&flow, &events).with("ENDPOINT", &front.endpoint());
    front.write_certificate(&place.path("ca.pem"));
    assert_eq!(place.run(&[])["objects"], 2);
    assert_eq!(server.contents()["a"], b"\"1\"\n");

    // It proves to be 127.0.0.1, and nobody else.
    let other = front.endpoint().replace("127.0.0.1", "localhost");
    place.write("events.json", event("a", "1"));
    let said = "TLS failed (the certificate is not for `localhost`: it is for `127.0.0.1`)";
    failed(&place.with("ENDPOINT", &other), &[said]);
}

/// Which a certificate that is wrong is not: see above.
#[test]
fn tls_that_breaks_after_the_handshake_is_tried_again() {
    let server = Server::start();
    let behind = server.endpoint().replace("http://", "").parse().unwrap();
    let flow = FLOW.replace("[sink.config]", "[sink]\nca_file = \"ca.pem\"\n[sink.config]");
    let front = TlsFront::start_breaking(server.runtime(), behind, 1);
    let place = Place::of(&flow, &event("a", "1")).with("ENDPOINT", &front.endpoint());
    front.write_certificate(&place.path("ca.pem"));
    let ended = place.spillway(&["run", "flow.toml"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.err.contains("the connection broke (TLS: received corrupt message"), "{ended:?}");
    assert_eq!(server.contents()["a"], b"\"1\"\n");

    // It may have been done, so it is looked for before it counts as failed.
    let front = TlsFront::start_breaking(server.runtime(), behind, 2);
    let place = place.with("ENDPOINT", &front.endpoint());
    front.write_certificate(&place.path("ca.pem"));
    let ended = place.spillway(&["run", "flow.toml"]);
    assert_fails(&ended, 1, &["the connection broke (TLS: ", "gave up after 2 attempts"]);
}

/// Nothing of a request was sent, so nothing can be stored.
#[test]
fn a_connection_that_ends_in_its_handshake_leaves_no_doubt() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("https://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 64]);
        }
    });
    let place = Place::of(FLOW, &event("a", "1")).with("ENDPOINT", &endpoint);
    let said = "no connection (the other side closed it before anything was sent)";
    let said = failed(&place, &[said, "gave up after 2 attempts"]);
    assert!(!said.contains("may be stored"), "{said}");
}

/// The word for it comes behind the handshake, and will come again.
#[test]
fn a_server_that_wants_a_certificate_is_not_asked_again() {
    let server = Server::start();
    let behind = server.endpoint().replace("http://", "").parse().unwrap();
    let front = TlsFront::start_knowing_clients(server.runtime(), behind);
    let flow = FLOW.replace("[sink.config]", "[sink]\nca_file = \"ca.pem\"\n[sink.config]");
    let place = Place::of(&flow, &event("a", "1")).with("ENDPOINT", &front.endpoint());
    front.write_certificate(&place.path("ca.pem"));
    let said = failed(&place, &["TLS failed (the server requires a client certificate"]);
    assert!(!said.contains("gave up") && !said.contains("may be stored"), "{said}");
    assert_eq!(server.requests_total(), 0);
}

#[test]
fn several_objects_fail_and_the_totals_say_so() {
    let server = Scripted::start(|request| match request.target.as_str() {
        "/events/b" => Reply::stored(),
        _ => Reply::error(403, "AccessDenied", "no"),
    });
    let events: String = ["a", "a", "b", "c", "c"].map(|key| event(key, "x")).concat();
    let place = Place::of(FLOW, &events).with("ENDPOINT", &server.endpoint());
    let ended = place.spillway(&["run", "flow.toml", "--json"]);
    // Which of the two is heard of first is not said.
    assert_fails(&ended, 1, &["error: the object `", "was not stored (2 events, lines ", "403"]);
    let summary = summary(&ended);
    let numbers = ["events", "objects", "failed_objects", "failed_events"];
    assert_eq!(numbers.map(|name| summary[name].as_u64().unwrap()), [5, 1, 2, 4]);
    let ended = place.spillway(&["run", "flow.toml"]);
    let said = "Failed: 5 of 5 lines became events, stored in 1 object";
    assert!(ended.out.starts_with(said), "{ended:?}");
    assert!(ended.out.contains("4 not stored, of 2 objects."), "{ended:?}");
}

#[test]
fn a_part_that_fails_aborts_its_upload() {
    let server = Scripted::start(|request| match request.method.as_str() {
        "POST" => Reply::Answer(200, vec![], UPLOAD.to_owned()),
        "DELETE" => Reply::status(204),
        _ => Reply::error(403, "AccessDenied", "no"),
    });
    let place = Place::of(FLOW, &event("a", &"x".repeat(6 * MIB)));
    let place = place.with("ENDPOINT", &server.endpoint());
    failed(&place, &["UploadPart ", "s3://events/a", "403 AccessDenied"]);
    let methods: Vec<_> = server.rest().into_iter().map(|request| request.method).collect();
    assert!(methods.contains(&"DELETE".to_owned()), "{methods:?}");
}

const UPLOAD: &str = "<InitiateMultipartUploadResult><UploadId>one</UploadId>\
                      </InitiateMultipartUploadResult>";

/// How often it was asked to put the object. It may be asked whether one arrived, too.
fn puts(server: &Scripted) -> usize {
    server.rest().iter().filter(|request| request.method == "PUT").count()
}

/// Runs a flow of one event against an endpoint that it fails with.
#[track_caller]
fn fails(endpoint: &str, said: &[&str]) {
    failed(&Place::of(FLOW, &event("a", "1")).with("ENDPOINT", endpoint), said);
}

/// Runs a flow that fails; returns what it said.
#[track_caller]
fn failed(place: &Place, said: &[&str]) -> String {
    let ended = place.spillway(&["run", "flow.toml"]);
    assert_fails(&ended, 1, said);
    assert_fails(&ended, 1, &["error: the object `a` was not stored (1 event, line 1): "]);
    assert!(
        ended.out.starts_with("Failed: 1 of 1 lines became events, stored in 0 objects"),
        "{ended:?}"
    );
    ended.out + &ended.err
}
