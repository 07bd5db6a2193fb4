//! Cases 5 and 7 on the wire: the headers by which the store can tell that something is missing.

use std::collections::VecDeque;

use spillway_core::http::{Request, Response};
use spillway_core::settings::Timeouts;
use spillway_core::{Framing, Input, Now, Output, Run, Settings, Sink};
use spillway_simulation::bucket::KeyPair;

#[test]
fn case_05_complete_names_the_size_of_the_object() {
    let requests = requests(|_| {});
    assert_eq!(header(&requests, "POST", "uploadId", "x-amz-mp-object-size"), Some("40"));
    let (_, timeouts) = find(&requests, "POST", "uploadId");
    let settings = settings();
    assert_eq!(*timeouts, settings.client.complete_timeouts, "it may take minutes");
    assert_ne!(settings.client.complete_timeouts, settings.client.timeouts);
}

#[test]
fn case_07_every_request_declares_its_checksum() {
    let requests = requests(|settings| settings.upload.content_md5 = true);
    let algorithm = |method, query, name| header(&requests, method, query, name);
    assert_eq!(algorithm("POST", "uploads", "x-amz-checksum-algorithm"), Some("CRC64NVME"));
    assert_eq!(algorithm("POST", "uploads", "x-amz-checksum-type"), Some("FULL_OBJECT"));
    assert_eq!(algorithm("POST", "uploadId", "x-amz-checksum-type"), Some("FULL_OBJECT"));
    assert!(algorithm("POST", "uploadId", "x-amz-checksum-crc64nvme").is_some());
    for query in ["partNumber=1", "partNumber=3", "/small"] {
        let sdk = algorithm("PUT", query, "x-amz-sdk-checksum-algorithm");
        assert_eq!(sdk, Some("CRC64NVME"), "some stores look only then: {query}");
        assert!(algorithm("PUT", query, "x-amz-checksum-crc64nvme").is_some(), "{query}");
        assert!(algorithm("PUT", query, "content-md5").is_some(), "{query}");
    }
}

#[test]
fn case_34_without_checksums_nothing_of_them_is_sent() {
    let requests = requests(|settings| settings.upload.checksum = None);
    let named = |(request, _): &&(Request, Timeouts)| {
        request.headers.iter().any(|(name, _)| name.contains("checksum"))
    };
    assert_eq!(requests.iter().filter(named).count(), 0);
    assert_eq!(header(&requests, "PUT", "partNumber=1", "content-md5"), None);
}

#[test]
fn case_02_every_object_carries_a_nonce_of_its_own() {
    let requests = requests(|_| {});
    let nonce = |method, query| header(&requests, method, query, "x-amz-meta-spillway-nonce");
    let (large, small) = (nonce("POST", "uploads"), nonce("PUT", "/small"));
    assert!(large.is_some_and(|nonce| nonce.len() == 32) && large != small);
}

type Requests = Vec<(Request, Timeouts)>;

/// All requests of an object in three parts and of a small one, from a store that likes everything.
fn requests(change: impl FnOnce(&mut Settings)) -> Requests {
    let mut settings = settings();
    change(&mut settings);
    let mut sink = Sink::new(settings, 1);
    let run = |key: &str, first, len: usize| {
        let (payload, ends) = (vec![b'x'; len], vec![len as u32]);
        Run::new(key.to_owned(), first, payload.into(), ends, Framing::Bare).unwrap()
    };
    let inputs =
        [Input::Events(run("large", 0, 40)), Input::Events(run("small", 1, 5)), Input::Seal];
    let (mut inputs, mut requests) = (VecDeque::from(inputs), Requests::new());
    while let Some(input) = inputs.pop_front() {
        sink.handle(Now::default(), input);
        while let Some(output) = sink.poll() {
            inputs.push_back(match output {
                Output::Credentials { .. } => {
                    Input::Credentials(Ok(KeyPair::new("AKIATEST").credentials()))
                }
                Output::Send { exchange, request, timeouts, .. } => {
                    let outcome = Ok(answer(&request));
                    requests.push((request, timeouts));
                    Input::Answer { exchange, outcome }
                }
                Output::Rest(run) => panic!("no room for {run:?}"),
                Output::Rejected { reason, .. } => panic!("{reason}"),
            });
        }
    }
    assert!(sink.is_settled() && sink.durable() == 2, "{requests:?}");
    requests
}

fn answer(request: &Request) -> Response {
    let created = "<InitiateMultipartUploadResult><UploadId>u</UploadId>\
                   </InitiateMultipartUploadResult>";
    let completed = "<CompleteMultipartUploadResult><ETag>e</ETag></CompleteMultipartUploadResult>";
    let body = match request.path_and_query.as_str() {
        path if path.contains("?uploads") => created,
        path if path.contains("partNumber") => "",
        path if path.contains("uploadId") => completed,
        _ => "",
    };
    let headers = vec![("ETag".to_owned(), "\"e\"".to_owned())];
    Response { status: 200, headers, body: body.into() }
}

fn settings() -> Settings {
    let config = r#"{"bucket": "bucket", "endpoint": "http://s3.test", "framing": "none"}"#;
    let mut settings = Settings::parse(config).unwrap();
    (settings.upload.part_bytes, settings.objects.memory_bytes_max) = (16, 128);
    settings
}

fn find<'a>(requests: &'a Requests, method: &str, path: &str) -> &'a (Request, Timeouts) {
    let is = |(request, _): &&(Request, Timeouts)| {
        request.method.as_str() == method && request.path_and_query.contains(path)
    };
    requests.iter().find(is).unwrap_or_else(|| panic!("no {method} of {path} in {requests:?}"))
}

fn header<'a>(requests: &'a Requests, method: &str, path: &str, name: &str) -> Option<&'a str> {
    let (request, _) = find(requests, method, path);
    let found = request.headers.iter().find(|(n, _)| n == name);
    found.map(|(_, value)| value.as_str())
}
