//! A sink that keeps in mind what it is given, and breaks the bound of the contract that its
//! configuration names: a word, or JSON whose first value is that word. Without one it keeps all of
//! them.

use std::cell::{Cell, RefCell};

use crate::bindings::exports::spillway::sink::sink::{Guest, GuestSink, Sink as SinkHandle};
use crate::bindings::spillway::sink::types::{
    Boundaries, Bucket, Description, Ending, Error, Failure, Histogram, IncompleteUpload, Level,
    Metric, MetricValue, Notice, Phase, Problem, Progress, Rejection, Run, SavedObject, SavedState,
    StoredState, VisibleObject,
};

struct Component;

#[derive(Default)]
struct Breaker {
    breaks: String,
    next: Cell<u64>,
    durable: Cell<u64>,
    objects: RefCell<Vec<VisibleObject>>,
    calls: Cell<u64>,
}

impl Guest for Component {
    type Sink = Breaker;

    fn describe() -> Description {
        let configuration_schema = match std::hint::black_box(DESCRIBES).trim_end() {
            "describe is long" => "x".repeat(2 << 20),
            "describe traps" => trap(),
            "describe waits" => wait(),
            _ => "{}".to_owned(),
        };
        let (name, version) = ("breaker".to_owned(), "0.2.0".to_owned());
        Description { name, version, configuration_schema }
    }

    fn egress(config: String) -> Result<Vec<String>, Error> {
        match word(&config) {
            "egress waits" => wait(),
            "egress traps" => trap(),
            "authority" => Ok(vec![long()]),
            "authorities" => Ok(vec!["s3.test:443".to_owned(); 101]),
            "answer" => Ok(vec!["x".repeat(4_096); 20_000]),
            "problems" => Err(Error::Invalid(vec![problem(1); 101])),
            "problem texts" => Err(Error::Invalid(vec![problem(4_096); 20])),
            "egress says" => Err(Error::Invalid(vec![Problem {
                field: SAID.to_owned(),
                message: SAID.to_owned(),
            }])),
            "egress forges" => Ok(vec![SAID.to_owned()]),
            _ => Ok(Vec::new()),
        }
    }

    fn inspect_state(state: Vec<u8>) -> Result<SavedState, Error> {
        let (mut objects, mut configuration, mut to_abort) = (Vec::new(), Vec::new(), Vec::new());
        match state.as_slice() {
            b"waits" => wait(),
            b"traps" => trap(),
            b"objects" => objects = vec![saved("k"); 100_001],
            b"object" => objects = vec![saved(&long())],
            b"values" => configuration = vec![("f".to_owned(), "v".to_owned()); 1_001],
            b"value" => configuration = vec![("f".to_owned(), "v".repeat((64 << 10) + 1))],
            b"name of a value" => configuration = vec![(long(), "v".to_owned())],
            b"key" => objects = vec![SavedObject { key: long(), ..saved("k") }],
            b"uploads" => to_abort = vec![upload("k"); 10_001],
            b"differs" => configuration = differing(),
            b"holds" => objects = vec![saved(SAID)],
            b"differs and holds" => {
                (configuration, objects) = (differing(), vec![saved(SAID)]);
                to_abort = vec![upload(SAID)];
            }
            _ => {}
        }
        Ok(SavedState { next_position: 0, configuration, objects, to_abort })
    }

    fn load_state(config: String, _: String) -> Result<Option<StoredState>, Error> {
        let (bytes, version) = match word(&config) {
            "load-state traps" => trap(),
            "error" => return Err(Error::Conflict(long())),
            "version" => (Vec::new(), long()),
            "state" => (vec![0; 3 << 20], "1".to_owned()),
            _ => return Ok(None),
        };
        Ok(Some(StoredState { bytes, version, age: None }))
    }

    fn check_state(config: String, _: String) -> Result<(), Error> {
        match word(&config) {
            "check-state traps" => trap(),
            "error" => Err(Error::Unsupported(long())),
            _ => Ok(()),
        }
    }
}

impl GuestSink for Breaker {
    fn open(config: String, _: Option<Vec<u8>>) -> Result<SinkHandle, Error> {
        let breaks = word(&config).to_owned();
        match breaks.as_str() {
            "open waits" => wait(),
            "open traps" => trap(),
            _ => Ok(SinkHandle::new(Breaker { breaks, ..Breaker::default() })),
        }
    }

    fn check(&self) -> Result<(), Error> {
        self.may_trap("check");
        match self.breaks.as_str() {
            "error" => Err(Error::Denied(long())),
            "check says" => Err(Error::Denied(SAID.to_owned())),
            _ => Ok(()),
        }
    }

    fn write(&self, batch: Vec<Run>) -> Result<Vec<Rejection>, Error> {
        self.may_trap("write");
        self.may_wait("write");
        let first = batch[0].first;
        let rejected: &[u64] = match self.breaks.as_str() {
            "rejection" => &[1_000],
            "rejected twice" => &[0, 0],
            "rejections fall" => &[1, 0],
            "rejects" | "reason" | "reason says" => &[0],
            _ => &[],
        };
        let reason = match self.breaks.as_str() {
            "reason" => long(),
            "reason says" => SAID.to_owned(),
            _ => "no".to_owned(),
        };
        for (index, run) in batch.iter().enumerate() {
            let rejected = if index == 0 { rejected } else { &[] };
            let events = events(run);
            let first = run.first + rejected.len() as u64;
            let last = run.first + events - 1;
            self.next.set(run.first + events);
            if first <= last {
                let events = events - rejected.len() as u64;
                self.objects.borrow_mut().push(object(&run.key, first, last, events));
            }
        }
        let rejection = |past: &u64| Rejection { position: first + past, reason: reason.clone() };
        Ok(rejected.iter().map(rejection).collect())
    }

    fn write_until_rejected(&self, batch: Vec<Run>) -> Result<Option<Rejection>, Error> {
        self.may_trap("write-until-rejected");
        let objects = self.objects.borrow().len();
        let rejected = self.write(batch)?.into_iter().next();
        if let Some(rejected) = &rejected {
            self.next.set(rejected.position + 1);
            self.objects.borrow_mut().truncate(objects);
        }
        Ok(rejected)
    }

    fn skip(&self, to: u64) -> Result<(), Error> {
        self.may_trap("skip");
        self.may_wait("skip");
        self.next.set(to);
        Ok(())
    }

    fn poll(&self) -> Result<Progress, Error> {
        self.may_trap("poll");
        self.may_wait("poll");
        Ok(self.progress(false))
    }

    fn flush(&self) -> Result<Progress, Error> {
        self.may_trap("flush");
        Ok(self.progress(true))
    }

    fn checkpoint(&self) -> Result<Vec<u8>, Error> {
        self.may_trap("checkpoint");
        Ok(match self.breaks.as_str() {
            "state" => vec![0; (1 << 20) + 1],
            "large state" => vec![0; 3 << 20],
            "differs" | "differs and holds" | "holds" => self.breaks.as_bytes().to_vec(),
            _ => Vec::new(),
        })
    }

    fn commit(&self) -> Result<(), Error> {
        self.may_trap("commit");
        self.may_wait("commit");
        Ok(())
    }

    fn store_state(&self, _: String, _: Vec<u8>, _: Option<String>) -> Result<String, Error> {
        self.may_trap("store-state");
        Ok(if self.breaks == "version" { long() } else { "1".to_owned() })
    }

    fn close(&self, _: Ending) -> Result<Progress, Error> {
        self.may_trap("close");
        Ok(self.progress(true))
    }

    fn metrics(&self) -> Vec<Metric> {
        self.may_trap("metrics");
        self.may_wait("metrics");
        let metric = |name: &str| Metric {
            name: name.to_owned(),
            help: "h".to_owned(),
            labels: Vec::new(),
            value: MetricValue::Counter(1.0),
        };
        let labels = |count| vec![("n".to_owned(), "v".to_owned()); count];
        let bucket = Bucket { bound: 1.0, count: u64::MAX };
        let histogram = |count| {
            let buckets = vec![bucket; count];
            MetricValue::Histogram(Histogram { buckets, beyond: u64::MAX, sum: f64::NAN })
        };
        match self.breaks.as_str() {
            "metrics" => vec![metric("m"); 1_001],
            "metric" => vec![metric(&long())],
            "labels" => vec![Metric { labels: labels(17), ..metric("m") }],
            "buckets" => vec![Metric { value: histogram(257), ..metric("m") }],
            _ => vec![Metric { value: histogram(2), labels: labels(2), ..metric("m") }],
        }
    }

    fn incomplete_uploads(&self) -> Result<Vec<IncompleteUpload>, Error> {
        self.may_trap("incomplete-uploads");
        Ok(match self.breaks.as_str() {
            "upload" => vec![upload(&long())],
            "uploads" => vec![upload("k"); 10_001],
            "upload says" => vec![upload(SAID)],
            "upload id" => vec![IncompleteUpload { id: "x".repeat(1 << 20), ..upload("k") }],
            _ => vec![upload("k")],
        })
    }

    fn abort_upload(&self, _: String, _: String) -> Result<(), Error> {
        self.may_trap("abort-upload");
        Ok(())
    }
}

impl Breaker {
    fn may_trap(&self, call: &str) {
        if self.breaks.strip_suffix(" traps") == Some(call) {
            trap();
        }
    }

    fn may_wait(&self, call: &str) {
        if self.breaks.strip_suffix(" waits") == Some(call) {
            wait();
        }
    }

    fn progress(&self, is_end: bool) -> Progress {
        let (breaks, next) = (self.breaks.as_str(), self.next.get());
        let calls = self.calls.replace(self.calls.get() + 1);
        let objects = self.objects.borrow_mut().drain(..).collect::<Vec<_>>();
        let mut durable = next;
        let (mut visible, mut failed) = (Vec::new(), Vec::new());
        let mut notices = vec![notice("fine")];
        match breaks {
            "durable jumps" => durable += 1_000,
            "durable falls" => durable = next.saturating_sub(calls),
            "durable is short" => durable = 0,
            "object outside" => visible.push(object("k", 0, 1_000, 1)),
            "object without events" => visible.push(object("k", 0, 0, 0)),
            "object of too many" => visible.push(object("k", 0, 1, 3)),
            "object backwards" => visible.push(object("k", 1, 0, 1)),
            "object twice" => visible = [objects.clone(), objects.clone()].concat(),
            "object again" => visible = vec![object("k", 0, 0, 1)],
            "objects of too many" => visible = vec![object("k", 0, 1, 2), object("k", 1, 1, 1)],
            "object key" => {
                visible = vec![VisibleObject { object_key: long(), ..object("k", 0, 0, 1) }]
            }
            "key" => visible = vec![object(&long(), 0, 0, 1)],
            "object says" if next > 0 => visible = vec![object(SAID, 0, next - 1, next)],
            "object size" => {
                visible = vec![VisibleObject { bytes: u64::MAX, ..object("k", 0, 0, 1) }];
            }
            "failure outside" => failed.push(failure(0, 0, 1_000, Error::Aborted)),
            "failure begun" => failed.push(failure(1, 0, 0, Error::Aborted)),
            "failure text" => failed.push(failure(0, 0, 0, Error::Denied(long()))),
            "failure says" if next > 0 => {
                failed.push(failure(0, 0, next - 1, Error::Denied(SAID.to_owned())))
            }
            "stored and failed" => {
                failed.push(failure(0, 0, 0, Error::Aborted));
                visible = objects.clone();
            }
            "notice" => notices = vec![notice(&long())],
            "notices" => notices = vec![notice("fine"); 1_001],
            "flood" => notices = vec![notice(&"x".repeat(4_096)); 1_000],
            "notice says" => notices = vec![notice(SAID)],
            _ => {}
        }
        let is_honest = visible.is_empty() && failed.is_empty();
        if is_honest && !matches!(breaks, "nothing is stored" | "durable is short") {
            visible = objects;
        }
        self.durable.set(durable);
        Progress {
            durable,
            visible,
            failed,
            wants_checkpoint: breaks == "wants" && !(is_end && calls > 1_000),
            notices,
            notices_dropped: 0,
        }
    }
}

/// What is to be broken.
fn word(config: &str) -> &str {
    config.split('"').nth(3).unwrap_or(config)
}

fn events(run: &Run) -> u64 {
    match &run.boundaries {
        Boundaries::At(ends) => ends.len() as u64,
        Boundaries::Lines(lines) => u64::from(*lines),
    }
}

fn object(key: &str, first: u64, last: u64, events: u64) -> VisibleObject {
    let (key, object_key) = (key.to_owned(), key.to_owned());
    VisibleObject { key, object_key, first, last, events, bytes: 1, parts: 0 }
}

fn failure(begun: u64, first: u64, last: u64, cause: Error) -> Failure {
    let (key, object_key) = ("k".to_owned(), "k".to_owned());
    Failure { key, object_key, begun, first, last, events: last - first + 1, cause }
}

fn saved(object_key: &str) -> SavedObject {
    SavedObject {
        key: String::new(),
        object_key: object_key.to_owned(),
        id: None,
        first: 0,
        last: 0,
        events: 1,
        bytes: 0,
        held_bytes: 0,
        phase: Phase::Open,
    }
}

/// As many values as a state may have, and long ones, that no other state has.
fn differing() -> Vec<(String, String)> {
    let value = SAID.to_owned() + &"v".repeat(4_096);
    (0..1_000).map(|n| (format!("f{n} {SAID}"), value.clone())).collect()
}

fn upload(object_key: &str) -> IncompleteUpload {
    let id = object_key.to_owned();
    IncompleteUpload { object_key: object_key.to_owned(), id, begun: None, parts: None }
}

fn notice(message: &str) -> Notice {
    Notice { level: Level::Info, message: message.to_owned() }
}

fn problem(bytes: usize) -> Problem {
    Problem { field: "f".to_owned(), message: "x".repeat(bytes) }
}

/// A text that is one byte too long.
fn long() -> String {
    "x".repeat(4_097)
}

fn wait() -> ! {
    loop {
        std::hint::spin_loop();
    }
}

fn trap() -> ! {
    std::process::abort()
}

/// This call has no configuration: a test that wants it otherwise writes so in this place.
const DESCRIBES: &str = "describe is honest  ";

/// What a terminal, a log or a reader would take for something else.
const SAID: &str = "said\nerror: forged\r\u{1b}[2J\u{7}\u{85}\u{9b}\u{2028}\u{2029}\u{202e}\u{202a}\
                    \u{2066}\u{2069}\u{200e}\u{200f}\u{61c}\u{200b}\u{200d}\u{2060}\u{feff}end";

#[allow(missing_docs, unsafe_code, reason = "generated: the ABI is made of raw pointers")]
#[allow(clippy::all, unused_qualifications, reason = "generated")]
mod bindings {
    use super::Component;

    wit_bindgen::generate!({
        path: "../../wit/deps/sink",
        inline: "
            package spillway:breaker;
            world breaker {
                export spillway:sink/sink@0.2.0;
            }
        ",
        world: "spillway:breaker/breaker",
        generate_all,
        additional_derives: [Clone],
    });

    export!(Component with_types_in self);
}
