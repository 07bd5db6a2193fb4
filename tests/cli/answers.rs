//! Answers that no good store gives: who gave them is told in their own words, with what to change,
//! and what is no fault of anybody's costs nothing.

use spillway_tests::scripted::{Reply, Scripted};
use spillway_tests::server::Server;
use spillway_tests::tls::TlsFront;

use super::support::*;

/// The same flow without a word about retries, but that the test has no time.
fn patient() -> String {
    FLOW.replace("attempts_max = 2", "backoff_max_ms = 5")
}

fn answer(status: u16, headers: &[&str], body: &str) -> Reply {
    let headers = headers.iter().map(|header| header.to_string()).collect();
    Reply::Answer(status, headers, body.to_owned())
}

/// Runs and checks a flow of one event against a server that says nothing else.
#[track_caller]
fn says(flow: &str, reply: impl Fn() -> Reply + Send + Sync + Clone + 'static, said: &[&str]) {
    for command in [&["run", "flow.toml"][..], &["check", "--connect", "flow.toml"]] {
        let reply = reply.clone();
        let server = Scripted::start(move |_| reply());
        let place = Place::of(flow, &event("a", "1")).with("ENDPOINT", &server.endpoint());
        assert_fails(&place.spillway(command), 1, said);
    }
}

#[test]
fn who_answers_in_the_place_of_a_store_is_quoted() {
    let page = "<!DOCTYPE html>\n<html><head>\n<title>Access to media is paused</title>";
    says(
        &patient(),
        move || answer(403, &["Server: gatekeeper/3"], page),
        &["status 403, an HTML page: \"Access to media is paused\" (server: gatekeeper/3)"],
    );
    says(
        &patient(),
        || answer(404, &[], "\n{\"detail\": \"unknown route\"}\nsecond line"),
        &["status 404, no answer of S3: \"{\"detail\": \"unknown route\"}\"; ", "check `endpoint`"],
    );
    says(
        &patient(),
        || answer(200, &["Content-Type: text/html"], "<html><h1>It works!</h1></html>"),
        &["status 200 without ", "an HTML page: \"It works!\"", "(gave up after 5 attempts)"],
    );
    says(
        &patient(),
        || answer(413, &[], "<html><title>413 Payload Too Large</title></html>"),
        &["413 Payload Too Large", "set a lower `part_bytes`, or raise the limit of the proxy"],
    );
}

/// Web servers give an ETag to whatever they send, also where somebody has to log in first.
#[test]
fn a_page_with_an_etag_stores_nothing() {
    for etag in ["ETag: W/\"1f-Zm9v\"", "x-amz-request-id: 1\r\nETag: \"9b2cf5\""] {
        let page = "<html><title>Welcome to the guest network</title></html>";
        let said = [
            "200 without empty body, an HTML page: \"Welcome to the guest network\"",
            "(gave up after 5 attempts)",
        ];
        let server = Scripted::start(move |request| match request.method.as_str() {
            "HEAD" => Reply::status(404),
            _ => answer(200, &[etag], page),
        });
        let place = Place::of(&patient(), &event("a", "1")).with("ENDPOINT", &server.endpoint());
        let ended = place.spillway(&["run", "flow.toml", "--json"]);
        assert_fails(&ended, 1, &said);
        assert_eq!(summary(&ended)["stored_events"], 0);
    }
}

#[test]
fn nothing_that_is_quoted_forges_a_line() {
    let evil = "wait\rerror: all is lost\u{1b}[2K\u{202e}txt.\u{2028}done";
    says(&patient(), move || answer(418, &[], evil), &["\"wait error: all is lost [2Ktxt. done\""]);
    says(
        &patient(),
        || Reply::error(418, "Teapot", "short&#10;error: and stout"),
        &["418 Teapot: short error: and stout"],
    );
}

#[test]
fn what_a_store_wants_otherwise_is_told_by_its_field() {
    let refuses = |code: &'static str, text: &'static str| move || Reply::error(400, code, text);
    let none = "set `checksum = \"none\"`";
    says(
        &patient(),
        refuses("InvalidArgument", "unknown header x-amz-checksum-crc64nvme"),
        &[none],
    );
    says(&patient(), refuses("NotImplemented", "no x-amz-sdk-checksum-algorithm here"), &[none]);
    let hosted = "`addressing = \"virtual-host\"`";
    says(&patient(), refuses("SecondLevelDomainForbidden", "third level, please"), &[hosted]);
    says(
        &patient(),
        || answer(302, &["Location: https://portal.example/login?for=you"], ""),
        &[
            "status 302, to https://portal.example/login",
            "set `endpoint` to https://portal.example",
        ],
    );
}

#[test]
fn the_scheme_that_a_port_wants_is_told() {
    let wants = "`endpoint` has to begin with https:// there";
    let text = "400 The plain HTTP request was sent to HTTPS port";
    says(&patient(), move || answer(400, &[], text), &[text, wants]);
    let speaks = "where the store speaks TLS, `endpoint` begins with https://";
    // A handshake that fails, as TLS says it.
    says(
        &patient(),
        || Reply::Last(vec![21, 3, 1, 0, 2, 2, 70]),
        &["the server requires TLS on this port", speaks],
    );
    let server = Server::start();
    let behind = server.endpoint().replace("http://", "").parse().unwrap();
    let front = TlsFront::start(server.runtime(), behind);
    let endpoint = front.endpoint().replace("https:", "http:");
    let place = Place::of(&patient(), &event("a", "1")).with("ENDPOINT", &endpoint);
    assert_fails(&place.spillway(&["run", "flow.toml"]), 1, &["requires TLS on this port", speaks]);
    let endpoint = server.endpoint().replace("http:", "https:");
    let place = Place::of(&patient(), &event("a", "1")).with("ENDPOINT", &endpoint);
    let said = ["TLS failed (", "where the store speaks no TLS, `endpoint` begins with http://"];
    assert_fails(&place.spillway(&["run", "flow.toml"]), 1, &said);
}

#[test]
fn a_store_that_fails_often_is_waited_for() {
    let mut failures = 20;
    let server = Scripted::start(move |_| match failures {
        0 => Reply::stored(),
        _ => {
            failures -= 1;
            match failures % 4 {
                0 => Reply::error(500, "InternalError", "one moment"),
                1 => Reply::Hangup,
                2 => answer(502, &["Server: nginx"], "<html><title>502 Bad Gateway</title></html>"),
                _ => Reply::status(504),
            }
        }
    });
    let place = Place::of(&patient(), &event("a", "1")).with("ENDPOINT", &server.endpoint());
    let ended = place.spillway(&["run", "flow.toml"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.err.contains("502, an HTML page: \"502 Bad Gateway\" (server: nginx)"));
}

#[test]
fn a_store_that_asks_to_wait_for_longer_than_there_is_time_says_so() {
    let flow = patient().replace("backoff_max", "retry_time_max_ms = 5000\nbackoff_max");
    for status in [503, 429] {
        says(
            &flow,
            move || answer(status, &["Retry-After: 120"], ""),
            &["(gave up after 1 attempt in 0 s, and the store asks to wait 120 s"],
        );
    }
}

#[test]
fn the_limit_that_is_spent_is_named_with_its_value() {
    let always = || Reply::error(500, "InternalError", "no");
    let with = |limit: &str| patient().replace("backoff_max", &format!("{limit}\nbackoff_max"));
    for (limit, said) in [
        ("attempts_max = 3", "(gave up after 3 attempts: `attempts_max` is 3)"),
        ("retry_budget = 20", "(gave up after 3 attempts: `retry_budget`, which is 20, is spent)"),
        ("retry_time_max_ms = 0", "`retry_time_max_ms` is 0)"),
    ] {
        says(&with(limit), always, &[said]);
    }
}

/// A server that closes each connection behind its answer, and does not say so. With one attempt
/// for each request, any that cost one would lose an object.
#[test]
fn a_connection_that_was_closed_costs_nothing() {
    let server = Scripted::start(|_| {
        Reply::Last(b"HTTP/1.1 200 OK\r\netag: \"e\"\r\ncontent-length: 0\r\n\r\n".to_vec())
    });
    let limits = "attempts_max = 1\nretry_budget = 10";
    let flow = FLOW.replace("attempts_max = 2", limits);
    let events: String = (0..300).map(|number| event(&format!("key {number}"), "x")).collect();
    let place = Place::of(&flow, &events).with("ENDPOINT", &server.endpoint());
    let ended = place.spillway(&["run", "flow.toml"]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
    assert!(ended.out.starts_with("Done: 300 of 300 lines"), "{ended:?}");
}

#[test]
fn an_object_without_its_etag_is_stored_where_a_store_says_so() {
    let put = |headers: &'static [&'static str]| {
        let server = Scripted::start(move |request| match request.method.as_str() {
            "PUT" => answer(200, headers, ""),
            _ => Reply::status(403),
        });
        let place = Place::of(&patient(), &event("a", "1")).with("ENDPOINT", &server.endpoint());
        let ended = place.spillway(&["run", "flow.toml"]);
        let puts = server.rest().iter().filter(|request| request.method == "PUT").count();
        assert_eq!(puts, 1, "it will not say more the next time");
        ended
    };
    let ended = put(&["x-amz-request-id: 4711"]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
    let doubt = "the object may be stored all the same: HeadObject cannot tell (status 403)";
    assert_fails(&put(&[]), 1, &["status 200 without ETag; ", doubt]);
}

/// Whatever it is encoded with on the way back.
#[test]
fn a_token_that_comes_back_is_not_shown() {
    const TOKEN: &str = "IQoJb3JpZ2luX2VjE//+Zm9yLXRoaXMtdGVzdC1vbmx5==";
    let percent: String = TOKEN.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let hex: String = TOKEN.bytes().map(|byte| format!("{byte:02x}")).collect();
    let slashes = TOKEN.replace('/', "%2F").replace('=', "%3d");
    let json = TOKEN.replace('/', "\\/");
    // base64 of `token: ` and the token.
    let base64 = "dG9rZW46IElRb0piM0pwWjJsdVgyVmpFLy8rWm05eUxYUm9hWE10ZEdWemRDMXZibXg1PT0=";
    for said in [TOKEN.to_owned(), percent, hex, slashes, json, base64.to_owned()] {
        let body = said.clone();
        let server = Scripted::start(move |_| answer(400, &[], &format!("you sent {body} to me")));
        let place = Place::of(&patient(), &event("a", "1")).with("ENDPOINT", &server.endpoint());
        let place = place.with("AWS_SESSION_TOKEN", TOKEN);
        let ended = place.spillway(&["run", "flow.toml"]);
        assert_fails(&ended, 1, &["no answer of S3: \"you sent … to me\""]);
        let header = format!("Location: https://sso.test/?token={said}");
        let server = Scripted::start(move |_| answer(302, &[&header], ""));
        let ended = place.with("ENDPOINT", &server.endpoint()).spillway(&["run", "flow.toml"]);
        assert_fails(&ended, 1, &["status 302, to https://sso.test/"]);
        assert!(!ended.err.contains(&said[said.len() - 20..]), "{ended:?}");
    }
}
