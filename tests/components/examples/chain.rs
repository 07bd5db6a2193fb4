//! A transform before a sink, as one sink. Runs, progress and errors pass from the sink that it
//! imports to the one that it exports as they are: there is one set of types.

use crate::bindings::exports::spillway::sink::sink::{Guest, GuestSink, Sink as SinkHandle};
use crate::bindings::spillway::sink::sink::{self as inner, Sink};
use crate::bindings::spillway::sink::transform::{Outcome, Transform};
use crate::bindings::spillway::sink::types::{
    Boundaries, Description, Ending, Error, IncompleteUpload, Metric, Progress, Rejection, Run,
    SavedState, StoredState,
};

struct Component;

struct Chain {
    transform: Transform,
    sink: Sink,
}

impl Guest for Component {
    type Sink = Chain;

    fn describe() -> Description {
        inner::describe()
    }

    fn egress(config: String) -> Result<Vec<String>, Error> {
        inner::egress(&config)
    }

    fn inspect_state(state: Vec<u8>) -> Result<SavedState, Error> {
        inner::inspect_state(&state)
    }

    fn load_state(config: String, name: String) -> Result<Option<StoredState>, Error> {
        inner::load_state(&config, &name)
    }
}

impl GuestSink for Chain {
    fn open(config: String, state: Option<Vec<u8>>) -> Result<SinkHandle, Error> {
        let transform = Transform::open(&config)?;
        let sink = Sink::open(&config, state.as_deref())?;
        Ok(SinkHandle::new(Chain { transform, sink }))
    }

    fn check(&self) -> Result<(), Error> {
        self.sink.check()
    }

    fn write(&self, batch: Vec<Run>) -> Result<Vec<Rejection>, Error> {
        let end = batch.last().map(|run| run.first + events(run));
        let Outcome { runs, rejected } = self.transform.apply(&batch)?;
        let mut rejections = self.sink.write(&runs)?;
        // What the transform dropped at the end is not to come.
        end.map_or(Ok(()), |end| self.sink.skip(end))?;
        rejections.extend(rejected);
        rejections.sort_by_key(|rejection| rejection.position);
        Ok(rejections)
    }

    fn skip(&self, to: u64) -> Result<(), Error> {
        self.sink.skip(to)
    }

    fn poll(&self) -> Result<Progress, Error> {
        self.sink.poll()
    }

    fn flush(&self) -> Result<Progress, Error> {
        self.sink.flush()
    }

    fn checkpoint(&self) -> Result<Vec<u8>, Error> {
        self.sink.checkpoint()
    }

    fn commit(&self) -> Result<(), Error> {
        self.sink.commit()
    }

    fn store_state(
        &self,
        name: String,
        bytes: Vec<u8>,
        expected: Option<String>,
    ) -> Result<String, Error> {
        self.sink.store_state(&name, &bytes, expected.as_deref())
    }

    fn close(&self, how: Ending) -> Result<Progress, Error> {
        self.sink.close(how)
    }

    fn metrics(&self) -> Vec<Metric> {
        self.sink.metrics()
    }

    fn incomplete_uploads(&self) -> Result<Vec<IncompleteUpload>, Error> {
        self.sink.incomplete_uploads()
    }

    fn abort_upload(&self, object_key: String, id: String) -> Result<(), Error> {
        self.sink.abort_upload(&object_key, &id)
    }
}

/// How many events a run has.
fn events(run: &Run) -> u64 {
    match &run.boundaries {
        Boundaries::At(ends) => ends.len() as u64,
        Boundaries::Lines(lines) => u64::from(*lines),
    }
}

#[allow(missing_docs, unsafe_code, reason = "generated: the ABI is made of raw pointers")]
#[allow(clippy::all, unused_qualifications, reason = "generated")]
mod bindings {
    use super::Component;

    wit_bindgen::generate!({ path: "../../wit/deps/sink", world: "chain", generate_all });

    export!(Component with_types_in self);
}
