//! A sink driven by a test, which plays the store.

use std::collections::VecDeque;
use std::time::Duration;

use crate::admin::Reply;
use crate::client::ExchangeId;
use crate::client::verdict::TransportError;
use crate::credentials::{Credentials, CredentialsError, Secret};
use crate::error::Error;
use crate::http::{Request, Response};
use crate::incomplete::IncompleteUpload;
use crate::run::{Framing, Run};
use crate::settings::Settings;
use crate::sink::{Input, Output, Sink};
use crate::time::{Instant, Now, Timestamp};

/// Fri, 24 May 2013 00:00:00 GMT
pub(crate) const NOW: Timestamp = Timestamp(1_369_353_600_000_000_000);

/// A sink that tries each request once, and its requests without an answer.
pub(crate) struct SinkHarness {
    pub(crate) sink: Sink,
    pub(crate) requests: VecDeque<(ExchangeId, Request)>,
    pub(crate) has_credentials: bool,
    pub(crate) now: Now,
}

impl SinkHarness {
    pub(crate) fn new() -> SinkHarness {
        SinkHarness::with("")
    }

    /// With additional fields in the configuration, each preceded by a comma.
    pub(crate) fn with(more: &str) -> SinkHarness {
        SinkHarness::of(Sink::new(settings(more), 1))
    }

    /// Resumes from a checkpoint, an hour after it was taken, in a bucket without incomplete
    /// uploads.
    pub(crate) fn resume(more: &str, state: &[u8]) -> Result<SinkHarness, Error> {
        let mut harness = SinkHarness::resume_looking(more, state)?;
        harness.handle(Input::Tick);
        let list = harness.requests.iter().position(|(_, r)| r.path_and_query.contains("uploads="));
        let asked = harness.requests.remove(list.expect("it looks for orphaned uploads"));
        harness.requests.push_front(asked.expect("it is there"));
        harness.respond(uploads(&[], None));
        assert_eq!(harness.sink.take_reply(), Some(Ok(Reply::Looked)));
        Ok(harness)
    }

    /// As `resume`, but the request that lists incomplete uploads is not answered yet.
    pub(crate) fn resume_looking(more: &str, state: &[u8]) -> Result<SinkHarness, Error> {
        let wall = NOW.after(Duration::from_secs(3_600));
        let now = Now { wall, monotonic: Instant(0) };
        let mut harness = SinkHarness::of(Sink::resume(settings(more), 2, now, state)?);
        harness.now = now;
        Ok(harness)
    }

    pub(crate) fn of(sink: Sink) -> SinkHarness {
        let now = Now { wall: NOW, monotonic: Instant(0) };
        SinkHarness { sink, requests: VecDeque::new(), has_credentials: true, now }
    }

    pub(crate) fn handle(&mut self, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            self.sink.handle(self.now, input);
            while let Some(output) = self.sink.poll() {
                match output {
                    Output::Send { exchange, request, .. } => {
                        self.requests.push_back((exchange, request));
                    }
                    Output::Credentials { .. } => {
                        inputs.push_back(Input::Credentials(self.credentials()));
                    }
                    Output::Rejected { reason, .. } => panic!("{reason}"),
                    Output::Rest(_) => panic!("one object takes all of it"),
                }
            }
        }
    }

    fn credentials(&self) -> Result<Credentials, CredentialsError> {
        let credentials = Credentials {
            access_key_id: "AKIATEST".to_owned(),
            secret_access_key: Secret::new("secret"),
            session_token: None,
            expires_at: None,
        };
        let none = || CredentialsError::NotConfigured("no key".to_owned());
        self.has_credentials.then_some(credentials).ok_or_else(none)
    }

    /// Begins an object of several parts, up to its CreateMultipartUpload.
    pub(crate) fn begin_upload(&mut self, key: &str) {
        self.write(key, "12345");
    }

    /// Writes one event.
    pub(crate) fn write(&mut self, key: &str, payload: &'static str) {
        self.handle(Input::Events(self.run(key, payload)));
    }

    /// A run of one event at the next position.
    pub(crate) fn run(&self, key: &str, payload: &'static str) -> Run {
        let (first, end) = (self.sink.next_position(), payload.len() as u32);
        let run = Run::new(key.to_owned(), first, payload.into(), vec![end], Framing::Bare);
        run.expect("a run")
    }

    /// The oldest request without an answer: its method and target.
    #[track_caller]
    pub(crate) fn next_request(&self) -> String {
        let (_, request) = self.requests.front().expect("a request");
        format!("{} {}", request.method.as_str(), request.path_and_query)
    }

    /// Answers the oldest request, which must be `asked`.
    #[track_caller]
    pub(crate) fn respond_to(&mut self, asked: &str, answer: (u16, String)) {
        assert_eq!(self.next_request(), asked);
        self.respond(answer);
    }

    pub(crate) fn respond(&mut self, (status, body): (u16, String)) {
        self.complete(Ok(Response { status, headers: vec![], body: body.into() }));
    }

    pub(crate) fn complete(&mut self, outcome: Result<Response, TransportError>) {
        let (exchange, _) = self.requests.pop_front().expect("a request");
        self.handle(Input::Answer { exchange, outcome });
    }

    /// The reply of the administrative call. No request may be in flight.
    #[track_caller]
    pub(crate) fn reply(&mut self) -> Result<Reply, Error> {
        assert!(self.requests.is_empty(), "{:?}", self.requests);
        assert!(self.sink.has_reply());
        self.sink.take_reply().expect("there is one")
    }

    /// The uploads in the reply.
    #[track_caller]
    pub(crate) fn list(&mut self) -> Vec<IncompleteUpload> {
        match self.reply() {
            Ok(Reply::IncompleteUploads(list)) => list,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn notices(&mut self) -> Vec<String> {
        self.sink.take_report().notices.into_iter().map(|notice| notice.message).collect()
    }
}

/// Parts of four bytes, memory for four parts, and four concurrent requests.
pub(crate) fn settings(more: &str) -> Settings {
    let config = r#""bucket": "bbb", "endpoint": "http://s3.test", "attempts_max": 1"#;
    let settings = Settings::parse(&format!("{{{config}{more}}}"));
    let mut settings = settings.expect("a configuration");
    (settings.upload.part_bytes, settings.objects.memory_bytes_max) = (4, 16);
    settings.client.requests_in_flight_max = settings.client.requests_in_flight_max.min(4);
    settings
}

pub(crate) fn created(id: &str) -> (u16, String) {
    let inside = format!("<UploadId>{id}</UploadId>");
    (200, format!("<InitiateMultipartUploadResult>{inside}</InitiateMultipartUploadResult>"))
}

pub(crate) fn aborted() -> (u16, String) {
    (204, String::new())
}

pub(crate) fn error(status: u16, code: &str) -> (u16, String) {
    (status, format!("<Error><Code>{code}</Code></Error>"))
}

/// A page of ListParts with these part numbers. `next` is the marker of the next page.
pub(crate) fn parts(numbers: &[u32], next: Option<u32>) -> (u16, String) {
    let part = |n| format!("<Part><PartNumber>{n}</PartNumber><ETag>e</ETag><Size>1</Size></Part>");
    let mut inside: String = numbers.iter().map(part).collect();
    if let Some(next) = next {
        inside += &format!(
            "<IsTruncated>true</IsTruncated><NextPartNumberMarker>{next}</NextPartNumberMarker>"
        );
    }
    (200, format!("<ListPartsResult>{inside}</ListPartsResult>"))
}

/// A page of ListMultipartUploads. Each upload is its key, its id and a day of May 2013. `next` is
/// the key marker of the next page.
pub(crate) fn uploads(list: &[(&str, &str, &str)], next: Option<&str>) -> (u16, String) {
    let upload = |(key, id, day): &(&str, &str, &str)| {
        format!(
            "<Upload><Key>{key}</Key><UploadId>{id}</UploadId>\
             <Initiated>2013-05-{day}T00:00:00.000Z</Initiated></Upload>"
        )
    };
    let mut inside: String = list.iter().map(upload).collect();
    if let Some(next) = next {
        inside += &format!("<IsTruncated>true</IsTruncated><NextKeyMarker>{next}</NextKeyMarker>");
    }
    (200, format!("<ListMultipartUploadsResult>{inside}</ListMultipartUploadsResult>"))
}
