//! A sink that stores nothing and breaks the bound of the contract that its configuration names.
//! Without one it keeps all of them.

use crate::bindings::exports::spillway::sink::sink::{Guest, GuestSink, Sink as SinkHandle};
use crate::bindings::spillway::sink::types::{
    Description, Ending, Error, IncompleteUpload, Level, Metric, Notice, Progress, Rejection, Run,
    SavedState, StoredState, VisibleObject,
};

struct Component;

struct Breaker(String);

impl Breaker {
    fn breaks(&self, bound: &str) -> bool {
        self.0 == bound
    }
}

impl Guest for Component {
    type Sink = Breaker;

    fn describe() -> Description {
        let (name, version) = ("breaker".to_owned(), "0.2.0".to_owned());
        Description { name, version, configuration_schema: "x".repeat(2 << 20) }
    }

    fn egress(config: String) -> Result<Vec<String>, Error> {
        match config.as_str() {
            "waits" => wait(),
            "authority" => Ok(vec![long()]),
            _ => Ok(Vec::new()),
        }
    }

    fn inspect_state(_: Vec<u8>) -> Result<SavedState, Error> {
        wait()
    }

    fn load_state(config: String, _: String) -> Result<Option<StoredState>, Error> {
        Err(Error::Conflict(if config == "error" { long() } else { "no".to_owned() }))
    }
}

impl GuestSink for Breaker {
    fn open(config: String, _: Option<Vec<u8>>) -> Result<SinkHandle, Error> {
        Ok(SinkHandle::new(Breaker(config)))
    }

    fn check(&self) -> Result<(), Error> {
        if self.breaks("error") { Err(Error::Denied(long())) } else { Ok(()) }
    }

    fn write(&self, batch: Vec<Run>) -> Result<Vec<Rejection>, Error> {
        let position = batch[0].first + u64::from(self.breaks("rejection")) * 1_000;
        Ok(vec![Rejection { position, reason: "no".to_owned() }])
    }

    fn skip(&self, _: u64) -> Result<(), Error> {
        Ok(())
    }

    fn poll(&self) -> Result<Progress, Error> {
        if self.breaks("waits") {
            wait();
        }
        let message = if self.breaks("notice") { long() } else { "fine".to_owned() };
        let count = if self.breaks("notices") { 1_001 } else { 1 };
        let object = VisibleObject {
            key: "k".to_owned(),
            object_key: "k".to_owned(),
            first: 0,
            last: if self.breaks("object") { 1_000 } else { 0 },
            events: 1,
            bytes: 1,
            parts: 0,
        };
        Ok(Progress {
            durable: if self.breaks("durable") { 1_000 } else { 1 },
            visible: vec![object],
            failed: Vec::new(),
            wants_checkpoint: false,
            notices: vec![Notice { level: Level::Info, message }; count],
            notices_dropped: 0,
        })
    }

    fn flush(&self) -> Result<Progress, Error> {
        let durable = u64::from(!self.breaks("falls"));
        self.poll().map(|progress| Progress { durable, ..progress })
    }

    fn checkpoint(&self) -> Result<Vec<u8>, Error> {
        Ok(Vec::new())
    }

    fn commit(&self) -> Result<(), Error> {
        Ok(())
    }

    fn store_state(&self, _: String, _: Vec<u8>, _: Option<String>) -> Result<String, Error> {
        Ok(if self.breaks("version") { long() } else { "1".to_owned() })
    }

    fn close(&self, _: Ending) -> Result<Progress, Error> {
        self.poll()
    }

    fn metrics(&self) -> Vec<Metric> {
        Vec::new()
    }

    fn incomplete_uploads(&self) -> Result<Vec<IncompleteUpload>, Error> {
        let object_key = if self.breaks("upload") { long() } else { "k".to_owned() };
        Ok(vec![IncompleteUpload { object_key, id: "1".to_owned(), begun: None, parts: None }])
    }

    fn abort_upload(&self, _: String, _: String) -> Result<(), Error> {
        Ok(())
    }
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
    });

    export!(Component with_types_in self);
}
