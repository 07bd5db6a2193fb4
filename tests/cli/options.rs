//! What is said about objects and how they are encrypted, from a flow to the wire; and the examples
//! of it.

use std::collections::BTreeMap;

use spillway_tests::scripted::{Reply, Request, Scripted};
use spillway_tests::server::CUSTOMER_KEY;

use super::support::*;

#[test]
fn the_examples_can_be_tried_locally() {
    for (name, bucket, keys) in [
        ("encrypted", "my-encrypted-events", ["key1", "key2", "key3"]),
        ("r2", "my-events", ["key1", "key2", "key3"]),
        (
            "object-options",
            "my-events",
            ["events/key1.ndjson", "events/key2.ndjson", "events/key3.ndjson"],
        ),
    ] {
        let place = example(name);
        let ended = place.spillway(&["run", "flow.toml", "--local", "out"]);
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{name}: {ended:?}");
        let files = place.files(&format!("out/{bucket}"));
        assert_eq!(files.keys().collect::<Vec<_>>(), keys, "{name}");
        assert_eq!(files[keys[2]], b"{\"event3\":null}\n", "{name}");
    }
}

#[test]
fn the_example_for_a_store_of_ones_own_takes_lines_as_they_are() {
    let place = example("minio");
    let mut running = place.start(&["run", "flow.toml", "--local", "out"]);
    running.write(b"one\n{\"two\":2}\n");
    let ended = guarded(running.end());
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
    let lines = b"one\n{\"two\":2}\n".to_vec();
    assert_eq!(place.files("out"), [("logs/lines-000000".to_owned(), lines)].into());
}

#[test]
fn the_examples_name_where_they_would_talk_to() {
    for (name, authority) in [
        ("encrypted", "my-encrypted-events.s3.eu-central-1.amazonaws.com:443"),
        ("object-options", "my-events.s3.eu-central-1.amazonaws.com:443"),
        ("r2", "0123456789abcdef.r2.cloudflarestorage.com:443"),
        ("minio", "127.0.0.1:9000"),
    ] {
        let ended = example(name).spillway(&["check", "flow.toml"]);
        assert_eq!(ended.code, Some(0), "{name}: {ended:?}");
        assert!(ended.out.ends_with(&format!("it connects to {authority}\n")), "{ended:?}");
    }
}

#[test]
fn what_the_options_say_arrives() {
    let headers = put_by("object-options");
    for (name, value) in [
        ("content-type", "application/x-ndjson"),
        ("content-language", "en"),
        ("content-disposition", "attachment; filename=\"events.ndjson\""),
        ("cache-control", "private, max-age=3600"),
        ("x-amz-storage-class", "STANDARD_IA"),
        ("x-amz-acl", "bucket-owner-full-control"),
        ("x-amz-server-side-encryption", "AES256"),
        ("x-amz-object-lock-mode", "GOVERNANCE"),
        ("x-amz-object-lock-legal-hold", "OFF"),
        ("x-amz-tagging", "cost-center=4711&team=platform%20%2B%20data"),
        ("x-amz-meta-schema", "events/v2"),
        ("x-amz-expected-bucket-owner", "111122223333"),
    ] {
        assert_eq!(headers.get(name).map(String::as_str), Some(value), "{name}");
    }
    let until = &headers["x-amz-object-lock-retain-until-date"];
    assert!(until.len() == 24 && until.ends_with('Z'), "{until}");
}

#[test]
fn a_customers_key_arrives() {
    let headers = put_by("encrypted");
    for (name, value) in [
        ("x-amz-server-side-encryption-customer-algorithm", "AES256"),
        ("x-amz-server-side-encryption-customer-key", CUSTOMER_KEY),
        ("x-amz-server-side-encryption-customer-key-md5", "y4HAEFCYWuvAXWFTtA1Qpg=="),
    ] {
        assert_eq!(headers.get(name).map(String::as_str), Some(value), "{name}");
    }
}

#[test]
fn a_provider_decides_how_requests_are_signed() {
    let headers = put_by("r2");
    let authorization = &headers["authorization"];
    assert!(authorization.contains("/auto/s3/aws4_request"), "{authorization}");
}

/// Each run of these tests looks for the key in what is printed, and fails where it stands there.
#[test]
fn a_customers_key_is_shown_nowhere() {
    let said = format!("the header {CUSTOMER_KEY} is not liked, nor y4HAEFCYWuvAXWFTtA1Qpg==");
    let server = Scripted::start(move |_| Reply::error(400, "InvalidArgument", &said));
    let place = at(example("encrypted"), &server.endpoint());
    for arguments in [&["run", "flow.toml"][..], &["run", "flow.toml", "--json"]] {
        let ended = place.spillway(arguments);
        assert_fails(&ended, 1, &["400 InvalidArgument: the header … is not liked, nor …"]);
    }
    let http = at(example("encrypted"), "http://s3.example.com");
    assert_fails(
        &http.spillway(&["check", "flow.toml"]),
        2,
        &["sink.config.customer_key: `endpoint` is an http URL"],
    );
    let broken = CUSTOMER_KEY.replace('=', "");
    let ended =
        example("encrypted").with("CUSTOMER_KEY", &broken).spillway(&["check", "flow.toml"]);
    assert_fails(&ended, 2, &["sink.config.customer_key: a string that is not base64 of 32 bytes"]);
    assert!(!ended.err.contains(&broken), "{ended:?}");
    let flow = format!("{FLOW}customer_key = \"{CUSTOMER_KEY}");
    let ended = Place::of(&flow, "").spillway(&["check", "flow.toml"]);
    assert_fails(&ended, 2, &["the flow is not TOML: line 15, column "]);
}

/// Each run of these tests looks for secrets that the server knows; this one is not among them.
#[test]
fn a_session_token_is_shown_nowhere() {
    let token = "IQoJb3JpZ2luX2VjEXAMPLE/token+of=";
    let said = format!("the canonical request has x-amz-security-token:{token} and host");
    let server = Scripted::start(move |_| Reply::error(403, "SignatureDoesNotMatch", &said));
    let place = Place::of(FLOW, &event("a", "1")).with("ENDPOINT", &server.endpoint());
    let place = place.with("AWS_SESSION_TOKEN", token);
    for arguments in [
        &["run", "flow.toml"][..],
        &["run", "flow.toml", "--log", "json", "--log-level", "debug"],
        &["check", "--connect", "flow.toml"],
        &["uploads", "list", "flow.toml"],
    ] {
        let ended = place.spillway(arguments);
        assert_fails(&ended, 1, &["has x-amz-security-token:… and host"]);
        assert!(!ended.err.contains(token) && !ended.out.contains(token), "{ended:?}");
    }
}

/// The headers of the first object that an example puts, by name.
fn put_by(name: &str) -> BTreeMap<String, String> {
    let server = Scripted::start(|_| Reply::stored());
    let place = at(example(name), &server.endpoint());
    let ended = place.spillway(&["run", "flow.toml"]);
    assert_eq!(ended.code, Some(0), "{name}: {ended:?}");
    let Request { headers, .. } = server.wait_for("PutObject", |request| request.method == "PUT");
    let pairs = headers.iter().filter_map(|header| header.split_once(": "));
    pairs.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect()
}

/// The flow of an example, for another endpoint.
fn at(place: Place, endpoint: &str) -> Place {
    let flow = std::fs::read_to_string(place.path("flow.toml")).unwrap();
    let lines = flow.lines().filter(|line| !line.starts_with("endpoint = "));
    let flow = lines.collect::<Vec<_>>().join("\n");
    let flow =
        flow.replace("[sink.config]\n", &format!("[sink.config]\nendpoint = \"{endpoint}\"\n"));
    place.write("flow.toml", flow);
    place
}

/// An example as it stands in the repository, as `flow.toml`.
fn example(name: &str) -> Place {
    let place = Place::new().with("CUSTOMER_KEY", CUSTOMER_KEY);
    let place = place.with("R2_ACCESS_KEY_ID", "r2").with("R2_SECRET_ACCESS_KEY", "r2-secret");
    let place = place.with("MINIO_ACCESS_KEY", "minio").with("MINIO_SECRET_KEY", "minio-secret");
    std::fs::create_dir(place.path("examples")).unwrap();
    let examples = repository().join("examples");
    std::fs::copy(examples.join("sample.json"), place.path("examples/sample.json")).unwrap();
    std::fs::copy(examples.join(format!("{name}.toml")), place.path("flow.toml")).unwrap();
    place
}
