//! `spillway check --connect`: each way in which a bucket cannot be written has its own words, and
//! nothing is left behind.

use std::net::TcpListener;

use spillway_simulation::bucket::{Action, Operation, WrongRegion};
use spillway_simulation::faults::Fault;
use spillway_tests::bucket_server::SocketFault;
use spillway_tests::program::Ended;
use spillway_tests::scripted::{Reply, Scripted};
use spillway_tests::store::Store;

use super::support::*;

#[test]
fn who_may_only_write_is_told_that_all_is_well() {
    let store = Store::start(|options| options.denied = ALL_BUT_WRITING.to_vec());
    let ended = check(&store.endpoint());
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
    let authority = store.endpoint().replace("http://", "");
    let said = format!(
        "flow.toml is valid; it connects to {authority}\n\
         the bucket can be written; the test upload was aborted\n"
    );
    assert_eq!(ended.out, said);
    store.bucket(|bucket| {
        let operations: Vec<_> = bucket.log().iter().filter_map(|l| l.operation).collect();
        let [create, abort] = [Operation::CreateMultipartUpload, Operation::AbortMultipartUpload];
        assert_eq!(operations, [create, abort]);
        assert!(bucket.open_uploads().is_empty() && bucket.visible_history().is_empty());
        assert!(bucket.log().iter().all(|l| l.key.starts_with("spillway-check-")));
    });
}

#[test]
fn without_being_told_to_it_asks_nobody() {
    let store = Store::start(|_| {});
    let place = Place::of(FLOW, "").with("ENDPOINT", &store.endpoint());
    assert_eq!(place.spillway(&["check", "flow.toml"]).code, Some(0));
    assert_eq!(store.server().connections(), 0);
}

#[test]
fn a_flow_that_is_wrong_is_not_tried() {
    let store = Store::start(|_| {});
    let place = Place::of(&FLOW.replace("bucket", "buket"), "").with("ENDPOINT", &store.endpoint());
    let ended = place.spillway(&["check", "--connect", "flow.toml"]);
    assert_fails(&ended, 2, &["sink.config.buket"]);
    assert_eq!(store.server().connections(), 0);
}

#[test]
fn nobody_listens() {
    // A port that was free a moment ago.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let at = format!("at http://{address}: no connection (refused)");
    fails(&format!("http://{address}"), &["the store cannot be reached: Create", &at]);
}

#[test]
fn the_name_has_no_address() {
    let said = ["the store's name has no address: Create", "http://no-such-host.invalid:9000"];
    fails("http://no-such-host.invalid:9000", &said);
}

#[test]
fn there_is_no_tls() {
    let store = Store::start(|_| {});
    let said = ["there is no trusted connection to the store: Create", "TLS failed"];
    fails(&store.endpoint().replace("http:", "https:"), &said);
}

#[test]
fn the_store_is_silent() {
    let server = Scripted::start(|_| Reply::Silence);
    let flow = FLOW.replace("attempts_max = 2", "attempts_max = 1\nfirst_byte_timeout_ms = 50");
    let place = Place::of(&flow, "").with("ENDPOINT", &server.endpoint());
    let ended = place.spillway(&["check", "--connect", "flow.toml"]);
    let said = ["the store does not answer: Create", "timed out (no answer)"];
    assert_fails(&ended, 1, &said);
    // It may have begun what it was asked to.
    assert_fails(&ended, 1, &["warning: a multipart upload of `spillway-check-", "left behind"]);
}

#[test]
fn another_region_is_signed_for_and_told() {
    for wrong_region in [WrongRegion::AuthorizationHeaderMalformed, WrongRegion::PermanentRedirect]
    {
        let store = Store::start(|options| {
            (options.region, options.wrong_region) = ("eu-north-1".to_owned(), wrong_region);
        });
        let ended = check(&store.endpoint());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let warning = "warning: the bucket is in the region `eu-north-1`, not in `us-east-1`";
        assert!(ended.err.contains(warning), "{ended:?}");
        assert!(store.open_uploads().is_empty());
    }
}

#[test]
fn another_region_that_does_not_help_is_named_with_the_one_that_is_set() {
    let body = "<Error><Code>PermanentRedirect</Code><Message>elsewhere</Message>\
                <Region>eu-north-1</Region></Error>";
    let server = Scripted::start(move |_| Reply::Answer(301, vec![], body.to_owned()));
    let said =
        ["the bucket is in another region: ", "set `region` to `eu-north-1`; it is `us-east-1`"];
    fails(&server.endpoint(), &said);
}

#[test]
fn there_is_no_such_bucket() {
    let store = Store::start(|options| options.name = "another".to_owned());
    let said = ["there is no such bucket: ", "create the bucket `events`, or correct `bucket`"];
    fails(&store.endpoint(), &said);
}

#[test]
fn writing_is_not_allowed() {
    let store = Store::start(|options| options.denied = vec![Action::PutObject]);
    let said = [
        "the credentials do not allow to write: ",
        "check that the credentials are allowed s3:PutObject on \
         arn:aws:s3:::events/spillway-check-",
    ];
    fails(&store.endpoint(), &said);
    assert!(store.open_uploads().is_empty());
}

#[test]
fn aborting_is_not_allowed() {
    let store = Store::start(|options| options.denied = vec![Action::AbortMultipartUpload]);
    let said = [
        "uploads can be begun in the bucket, but not aborted: ",
        "allowed s3:AbortMultipartUpload on arn:aws:s3:::events/spillway-check-",
        "the upload 00000001.+/=& stays, without parts",
    ];
    fails(&store.endpoint(), &said);
    assert_eq!(store.open_uploads().len(), 1, "as it says");
}

#[test]
fn a_clock_that_is_wrong_is_allowed_for_and_told() {
    for (seconds, side) in [(7_200, "behind"), (-7_200, "ahead of")] {
        let store = Store::start(|_| {});
        store.server().set_clock_ahead(seconds);
        let ended = check(&store.endpoint());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let warning = |text: &str| {
            text.starts_with("warning: this machine's clock is 7")
                && text.contains(&format!(" s {side} the store's"))
        };
        assert!(ended.err.lines().any(warning), "{ended:?}");
        assert!(store.open_uploads().is_empty());
    }
}

#[test]
fn a_clock_that_cannot_be_allowed_for_is_said_to_be_wrong_by_so_much() {
    // No `Date`, so there is nothing to correct by; the error itself tells the time.
    let body = "<Error><Code>RequestTimeTooSkewed</Code><Message>no</Message>\
                <ServerTime>2013-05-24T00:00:00Z</ServerTime></Error>";
    let server = Scripted::start(move |_| Reply::Answer(403, vec![], body.to_owned()));
    let said = ["this machine's clock is wrong, ", " s ahead of the store's: ", "set this machine"];
    fails(&server.endpoint(), &said);
}

#[test]
fn the_credentials_are_of_no_use() {
    let store = Store::start(|_| {});
    for (variable, code) in [
        ("AWS_SECRET_ACCESS_KEY", "403 SignatureDoesNotMatch"),
        ("AWS_ACCESS_KEY_ID", "403 InvalidAccessKeyId"),
        ("AWS_SESSION_TOKEN", "400 InvalidToken"),
    ] {
        let place = Place::of(FLOW, "").with("ENDPOINT", &store.endpoint());
        let place = place.with(variable, "something-else");
        let ended = place.spillway(&["check", "--connect", "flow.toml"]);
        assert_fails(&ended, 1, &["the store does not take the credentials: ", code]);
    }
}

#[test]
fn what_the_store_does_not_take_is_in_its_words() {
    let server = Scripted::start(|_| Reply::error(400, "InvalidArgument", "no such KMS key"));
    let said = [
        "the store refuses uploads like those of this configuration: ",
        "400 InvalidArgument: no such KMS key",
    ];
    fails(&server.endpoint(), &said);
}

#[test]
fn what_passes_is_survived_and_leaves_nothing() {
    let store = Store::start(|_| {});
    store.server().on_request(|request| {
        (request.attempt == 1).then_some(SocketFault::Bucket(Fault::InternalError))
    });
    let ended = check(&store.endpoint());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.err.contains("500 InternalError"), "{ended:?}");
    assert!(store.open_uploads().is_empty());
}

fn check(endpoint: &str) -> Ended {
    let place = Place::of(FLOW, "").with("ENDPOINT", endpoint);
    place.spillway(&["check", "--connect", "flow.toml"])
}

/// Checks a flow that is in order, and fails with the first of these as the reason.
#[track_caller]
fn fails(endpoint: &str, said: &[&str]) {
    let ended = check(endpoint);
    assert_fails(&ended, 1, said);
    assert!(ended.out.starts_with("flow.toml is valid; "), "{ended:?}");
    let because = format!("error: the bucket cannot be written\n  because: {}", said[0]);
    assert!(ended.err.contains(&because), "{ended:?}");
    assert_eq!(ended.out.lines().count(), 1, "{ended:?}");
}

const ALL_BUT_WRITING: &[Action] = &[
    Action::GetObject,
    Action::DeleteObject,
    Action::ListBucket,
    Action::ListBucketMultipartUploads,
    Action::ListMultipartUploadParts,
];
