//! Stores the messages of a broker: exports `wasmcloud:messaging/handler`, and imports a sink.
//!
//! The subject of a message is the key of its event, the body is the event. `spillway_config` of
//! `wasi:config/store` is the configuration of the sink, as JSON.
//!
//! A message is acknowledged once the sink says that it is stored, and with an error otherwise: the
//! interface has no other answer, and a host may give each message a new instance. So each message
//! becomes an object of its own, and needs a name of its own. A message that is delivered again is
//! stored again.

use std::cell::RefCell;

use serde_json::Value;

use crate::bindings::exports::wasmcloud::messaging::handler::{BrokerMessage, Guest};
use crate::bindings::spillway::sink::sink::{self, Sink};
use crate::bindings::spillway::sink::types::{
    Boundaries, Ending, Error, Framing, Payload, Problem, Run,
};
use crate::bindings::wasi::config::store;

struct Adapter;

/// A sink, and the position of its next event.
struct Open {
    sink: Sink,
    next: u64,
}

thread_local! {
    /// Kept for the next message, where the host keeps the instance.
    static OPEN: RefCell<Option<Open>> = const { RefCell::new(None) };
}

impl Guest for Adapter {
    fn handle_message(message: BrokerMessage) -> Result<(), String> {
        if message.subject.is_empty() {
            return Err("the message has no subject, which is the key of its event".to_owned());
        }
        let mut open = match OPEN.take() {
            Some(open) => open,
            None => Open { sink: Sink::open(&config()?, None).map_err(explain)?, next: 0 },
        };
        match open.store(message) {
            Ok(()) => OPEN.set(Some(open)),
            Err(why) => {
                // Whatever is open is not acknowledged, and must not become visible later.
                let _ = open.sink.close(Ending::Abort);
                return Err(why);
            }
        }
        Ok(())
    }
}

impl Open {
    /// Stores one message, and waits until it is visible.
    fn store(&mut self, message: BrokerMessage) -> Result<(), String> {
        let position = self.next;
        let length = u32::try_from(message.body.len()).map_err(|_| "the message is too long")?;
        let run = Run {
            key: message.subject,
            first: position,
            at: None,
            payload: Payload::Bytes(message.body),
            boundaries: Boundaries::At(vec![length]),
            framing: Framing::Bare,
        };
        let rejected = self.sink.write(&[run]).map_err(explain)?;
        self.next += 1;
        if let Some(rejection) = rejected.into_iter().next() {
            return Err(rejection.reason);
        }
        let progress = self.sink.flush().map_err(explain)?;
        if let Some(failure) = progress.failed.into_iter().next() {
            return Err(explain(failure.cause));
        }
        if progress.durable <= position {
            return Err("the sink does not say that the message is stored".to_owned());
        }
        Ok(())
    }
}

/// The configuration of the sink. Its objects must have names that no other message has: a later
/// one would replace an earlier one, which was acknowledged.
fn config() -> Result<String, String> {
    let config = match store::get(NAME) {
        Ok(Some(config)) => config,
        Ok(None) => return Err(format!("wasi:config/store has no `{NAME}`")),
        Err(store::Error::Upstream(why) | store::Error::Io(why)) => {
            return Err(format!("wasi:config/store cannot be read: {why}"));
        }
    };
    if sink::describe().configuration_schema.contains("\"key_template\"") {
        let json: Value = serde_json::from_str(&config).unwrap_or_default();
        // Where transforms stand before it, the sink is the innermost one.
        let innermost = std::iter::successors(Some(&json), |outer| outer.get("sink")).last();
        let template = innermost.and_then(|sink| sink["key_template"].as_str());
        if !template.is_some_and(has_uuid) {
            return Err(format!("{NAME}: key_template: {NO_NAME}"));
        }
    }
    Ok(config)
}

/// Whether a template has the placeholder `{uuid}`. `{{` and `}}` stand for one brace.
fn has_uuid(template: &str) -> bool {
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        let from = &rest[at..];
        if from.starts_with("{{") || from.starts_with("}}") {
            rest = &from[2..];
            continue;
        }
        match from[1..].split_once('}') {
            Some(("uuid", _)) if from.starts_with('{') => return true,
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    false
}

fn explain(error: Error) -> String {
    match error {
        Error::Invalid(problems) => {
            let told = |p: Problem| format!("{NAME}: {}: {}", p.field, p.message);
            problems.into_iter().map(told).collect::<Vec<_>>().join("; ")
        }
        Error::Denied(text)
        | Error::Unavailable(text)
        | Error::UnknownState(text)
        | Error::Conflict(text)
        | Error::Unsupported(text) => text,
        Error::Busy => format!("{NAME}: commit: expected \"sealed\", no checkpoints are taken"),
        Error::Closed => "the sink is closed".to_owned(),
        Error::Aborted => "the sink was closed before the message was stored".to_owned(),
    }
}

const NAME: &str = "spillway_config";
const NO_NAME: &str = "expected a name with {uuid}, such as \"{key}/{uuid}\": each message becomes \
                       an object of its own";

#[allow(missing_docs, unsafe_code, reason = "generated: the ABI is made of raw pointers")]
#[allow(clippy::all, unused_qualifications, reason = "generated")]
mod bindings {
    use super::Adapter;

    wit_bindgen::generate!({
        path: ["../../../wit/deps/sink", "wit/messaging.wit", "wit/config.wit"],
        inline: "
            package spillway:wasmcloud;
            world wasmcloud {
                import spillway:sink/sink@0.2.0;
                import wasi:config/store@0.2.0-rc.1;
                export wasmcloud:messaging/handler@0.2.0;
            }
        ",
        world: "spillway:wasmcloud/wasmcloud",
        generate_all,
    });

    export!(Adapter with_types_in self);
}
