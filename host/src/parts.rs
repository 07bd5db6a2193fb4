//! The components that compose with a sink into one file, for `wac` and for other hosts.
//!
//! Each is a `.wasm` file of its own; `docs/composition.md` says what to make of them.

/// A component that this crate was built with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Imports a transform and a sink, and exports a sink.
    Chain,
    /// Imports a sink, and exports `wasi:cli/run`: stores the lines of standard input.
    Command,
    /// Exports `spillway:s3/credentials`: those of the environment.
    EnvCredentials,
    /// Exports a transform: drops, rejects and renames events by rules.
    Route,
    /// Exports `spillway:s3/credentials`: those that are [written into it](with_credentials).
    StaticCredentials,
    /// Imports a sink, and exports `wasmcloud:messaging/handler`: stores messages.
    Wasmcloud,
}

impl Part {
    /// All of them.
    pub const ALL: [Part; 6] = [
        Part::Chain,
        Part::Command,
        Part::EnvCredentials,
        Part::Route,
        Part::StaticCredentials,
        Part::Wasmcloud,
    ];

    /// The component, as the bytes of its file.
    pub fn bytes(self) -> &'static [u8] {
        match self {
            Part::Chain => include_bytes!(env!("SPILLWAY_CHAIN")),
            Part::Command => include_bytes!(env!("SPILLWAY_COMMAND")),
            Part::EnvCredentials => include_bytes!(env!("SPILLWAY_ENV_CREDENTIALS")),
            Part::Route => include_bytes!(env!("SPILLWAY_ROUTE")),
            Part::StaticCredentials => include_bytes!(env!("SPILLWAY_STATIC_CREDENTIALS")),
            Part::Wasmcloud => include_bytes!(env!("SPILLWAY_WASMCLOUD")),
        }
    }
}

/// The component `static-credentials` with these credentials in its file: a JSON object with the
/// texts `access_key_id` and `secret_access_key`, and, where there are such, the text
/// `session_token` and the number `expires_at`, in nanoseconds since 1970.
///
/// # Errors
///
/// The JSON is longer than the room for it, which is the number in the error.
pub fn with_credentials(json: &str) -> Result<Vec<u8>, usize> {
    let mut bytes = Part::StaticCredentials.bytes().to_vec();
    let marker = bytes.windows(MARKER.len()).position(|bytes| bytes == MARKER);
    let begin = marker.expect("the component has the marker") + MARKER.len();
    // As much as there is is blank.
    let room = bytes[begin..].iter().take_while(|byte| **byte == b' ').count();
    if json.len() > room {
        return Err(room);
    }
    bytes[begin..begin + json.len()].copy_from_slice(json.as_bytes());
    Ok(bytes)
}

/// What stands before the room for credentials.
const MARKER: &[u8] = b"SPILLWAY STATIC CREDENTIALS SLOT";
