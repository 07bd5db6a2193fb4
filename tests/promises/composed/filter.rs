//! The interface `transform`: a filter alone, and before a sink.

use wasmtime::component::{Component, Linker, ResourceAny};
use wasmtime::{Engine, Store};

use super::built;
use bindings::Filter;
use bindings::exports::spillway::sink::transform::Outcome;
use bindings::spillway::sink::types::{Boundaries, Error, Framing, Payload, Run};

#[allow(missing_docs, unused_qualifications, reason = "generated")]
#[allow(clippy::all, reason = "generated")]
mod bindings {
    wasmtime::component::bindgen!({ path: "../wit/deps/sink", world: "filter" });
}

/// A filter that is loaded with nothing linked: it imports types only.
struct Loaded {
    store: Store<()>,
    filter: Filter,
}

impl Loaded {
    fn new() -> Loaded {
        let engine = Engine::default();
        let component = Component::from_file(&engine, built("spillway_test_filter.wasm")).unwrap();
        let mut store = Store::new(&engine, ());
        let linker = Linker::new(&engine);
        let filter = Filter::instantiate(&mut store, &component, &linker).unwrap();
        Loaded { store, filter }
    }

    fn open(&mut self, config: &str) -> Result<ResourceAny, Error> {
        let transform = self.filter.spillway_sink_transform().transform();
        transform.call_open(&mut self.store, config).unwrap()
    }

    fn apply(&mut self, transform: ResourceAny, batch: &[Run]) -> Result<Outcome, Error> {
        let guest = self.filter.spillway_sink_transform().transform();
        guest.call_apply(&mut self.store, transform, batch).unwrap()
    }
}

fn lines(first: u64, payload: Payload, count: u32) -> Run {
    let (boundaries, framing) = (Boundaries::Lines(count), Framing::Newline);
    Run { key: "k".to_owned(), first, at: None, payload, boundaries, framing }
}

#[test]
fn a_filter_drops_and_rejects_and_invents_no_position() {
    let mut filter = Loaded::new();
    let described = filter.filter.spillway_sink_transform().call_describe(&mut filter.store);
    assert_eq!(described.unwrap().name, "filter");
    let transform = filter.open("\"no\"").unwrap();
    let payload = Payload::Text("yes\nno\nfar too long\nyes, too\n".to_owned());
    let outcome = filter.apply(transform, &[lines(7, payload, 4)]).unwrap();
    let text = |run: &Run| match &run.payload {
        Payload::Text(text) => (run.first, text.clone()),
        Payload::Bytes(_) => panic!("it was a text"),
    };
    let passed: Vec<_> = outcome.runs.iter().map(text).collect();
    assert_eq!(passed, [(7, "yes\n".to_owned()), (10, "yes, too\n".to_owned())]);
    let rejected: Vec<_> = outcome.rejected.iter().map(|rejected| rejected.position).collect();
    assert_eq!(rejected, [9]);
}

#[test]
fn a_filter_answers_with_the_errors_of_a_sink() {
    let mut filter = Loaded::new();
    let Err(Error::Invalid(problems)) = filter.open("") else { panic!("it needs a text") };
    assert_eq!(problems[0].message, "is empty, a text is needed");
    let transform = filter.open("no").unwrap();
    let batch = [lines(0, Payload::Bytes(b"x\n".to_vec()), 1)];
    assert!(matches!(filter.apply(transform, &batch), Err(Error::Unsupported(_))));
}
