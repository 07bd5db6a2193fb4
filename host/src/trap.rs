//! Why a component came to its end: the cause in one line, and where in its code that was.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::WasmBacktrace;
use wasmtime::component::ResourceTableError;

use crate::engine::{INSTANCES_MAX, Limits, NOTHING_RAISES, STACK_BYTES_MAX, TABLE_ELEMENTS_MAX};

/// How a component came to its end. Its text is one line that begins with the cause.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{what}")]
pub struct Trap {
    what: String,
    frames: Arc<[String]>,
}

/// A limit that a component ran into.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Exceeded {
    /// It computed for too long.
    #[error("it computed for more than {0:?} in one call")]
    Compute(Duration),
    /// It sends too much at once.
    #[error("it has more than {0} requests in flight")]
    Requests(usize),
}

/// What a component was refused before it came to its end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refused {
    /// More memory.
    pub(crate) memory: bool,
    /// More elements of its tables.
    pub(crate) elements: bool,
}

impl Trap {
    /// What a call ended with.
    pub(crate) fn of(error: &wasmtime::Error, limits: &Limits, refused: Refused) -> Trap {
        let memory_bytes_max = limits.memory_bytes_max;
        let what = match (limit(error, limits), error.downcast_ref::<wasmtime::Trap>()) {
            (Some(limit), _) => format!("the component was ended: {limit}"),
            (None, Some(wasmtime::Trap::StackOverflow)) => format!(
                "the component trapped: {}, which has {STACK_BYTES_MAX} bytes; {NOTHING_RAISES}",
                cause(wasmtime::Trap::StackOverflow)
            ),
            (None, Some(trap)) if refused.memory => format!(
                "the component trapped: {}, after it was refused more memory than \
                 {memory_bytes_max} bytes; {}",
                cause(*trap),
                limits.raised_by("memory_bytes_max")
            ),
            (None, Some(trap)) if refused.elements => format!(
                "the component trapped: {}, after it was refused more than {TABLE_ELEMENTS_MAX} \
                 elements of tables; {NOTHING_RAISES}",
                cause(*trap)
            ),
            (None, Some(trap)) => format!("the component trapped: {}", cause(*trap)),
            (None, None) => {
                let text = error.root_cause().to_string();
                let line = text.lines().next().unwrap_or_default();
                format!(
                    "the component was ended: {}",
                    line.chars().take(CHARS_MAX).collect::<String>()
                )
            }
        };
        let frames = error.downcast_ref::<WasmBacktrace>().map(frames).unwrap_or_default();
        Trap { what, frames: frames.into() }
    }

    /// A call was dropped before it had an answer: the component is in the middle of it for good.
    pub(crate) fn cut_short() -> Trap {
        let what = "the component was ended: an earlier call was given up before its answer";
        Trap { what: what.to_owned(), frames: Arc::new([]) }
    }

    /// Where in the component it was: a line for each function, the innermost first. Empty where it
    /// did not fail in code of its own.
    pub fn frames(&self) -> &[String] {
        &self.frames
    }
}

/// The limit that was reached, with the name of what raises it.
fn limit(error: &wasmtime::Error, limits: &Limits) -> Option<String> {
    if let Some(exceeded) = error.downcast_ref::<Exceeded>() {
        let name = match exceeded {
            Exceeded::Compute(_) => "compute_max",
            Exceeded::Requests(_) => "requests_in_flight_max",
        };
        return Some(format!("{exceeded}; {}", limits.raised_by(name)));
    }
    let is_full = matches!(error.downcast_ref(), Some(ResourceTableError::Full));
    // wasmtime has no types for these.
    let text = error.root_cause().to_string();
    if is_full || text.contains("handle limit exceeded") {
        let max = limits.resources_max;
        let raised_by = limits.raised_by("resources_max");
        return Some(format!("it holds more than {max} handles; {raised_by}"));
    }
    if text.contains("exceeds memory limits") {
        let max = limits.memory_bytes_max;
        let raised_by = limits.raised_by("memory_bytes_max");
        return Some(format!("it begins with more than {max} bytes of memory; {raised_by}"));
    }
    let fixed = fixed(&text)?;
    Some(format!("it {fixed}; {NOTHING_RAISES}"))
}

/// The limit that was reached where an instance begins, of those that are the same for all.
fn fixed(text: &str) -> Option<String> {
    if text.contains("exceeds table limits") {
        return Some(format!("begins with more than {TABLE_ELEMENTS_MAX} elements of tables"));
    }
    let (of, _) = text.strip_prefix("resource limit exceeded: ")?.split_once(" count too high")?;
    let of = match of {
        "instance" => "instances of modules",
        "memory" => "memories",
        "table" => "tables",
        _ => return None,
    };
    Some(format!("has more than {INSTANCES_MAX} {of}"))
}

/// Whether a call handed over more than it may.
pub(crate) fn is_too_much(error: &wasmtime::Error) -> bool {
    error.root_cause().to_string().contains("fuel allocated for hostcalls has been exhausted")
}

fn cause(trap: wasmtime::Trap) -> String {
    match trap {
        wasmtime::Trap::UnreachableCodeReached => "unreachable".to_owned(),
        other => other.to_string().trim_start_matches("wasm trap: ").to_owned(),
    }
}

fn frames(backtrace: &WasmBacktrace) -> Vec<String> {
    let frame = |frame: &wasmtime::FrameInfo| {
        let name = frame.func_name().unwrap_or("a function without a name");
        let name: String = name.chars().take(CHARS_MAX).collect();
        match frame.module_offset() {
            Some(offset) => format!("{name} at {offset:#x}"),
            None => name,
        }
    };
    backtrace.frames().iter().take(FRAMES_MAX).map(frame).collect()
}

const CHARS_MAX: usize = 500;
const FRAMES_MAX: usize = 20;
