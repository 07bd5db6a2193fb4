//! Credentials that stand in the file of this component: it imports nothing.
//!
//! The file has room for them, `SLOT`, which begins with a marker. `spillway component
//! static-credentials --credentials FILE` writes them there as JSON; the rest of the room is
//! blank. Whoever has the file has the credentials.

use std::ptr::read_volatile;

use serde::Deserialize;

use crate::bindings::exports::spillway::s3::credentials::{CredentialSet, Failure, Guest};

struct Component;

/// What is written behind the marker.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
    expires_at: Option<u64>,
}

impl Guest for Component {
    fn get(_identity: String, _fresh: bool) -> Result<CredentialSet, Failure> {
        let text = slot()[MARKER.len()..].trim_ascii();
        if text.is_empty() {
            return Err(Failure::NotConfigured(EMPTY.to_owned()));
        }
        // What is wrong there is not shown: it may be a part of a secret.
        let written = serde_json::from_slice(text);
        let written = written.map_err(|_| Failure::NotConfigured(WRONG.to_owned()))?;
        let Written { access_key_id, secret_access_key, session_token, expires_at } = written;
        Ok(CredentialSet { access_key_id, secret_access_key, session_token, expires_at })
    }
}

/// The slot as it is in the file now, which is not what the compiler saw.
fn slot() -> &'static [u8; SLOT_BYTES] {
    static PLACE: &[u8; SLOT_BYTES] = &SLOT;
    // SAFETY: `PLACE` is a static that nothing writes to, so the pointer to it is valid and
    // aligned.
    #[allow(unsafe_code, reason = "the compiler must not assume what the slot holds")]
    unsafe {
        read_volatile(&raw const PLACE)
    }
}

/// The room for the credentials: the marker, and blanks. No part of it is zero, which a linker
/// would leave out of the file.
#[used]
static SLOT: [u8; SLOT_BYTES] = {
    let mut slot = [b' '; SLOT_BYTES];
    let mut at = 0;
    while at < MARKER.len() {
        slot[at] = MARKER[at];
        at += 1;
    }
    slot
};

const MARKER: &[u8] = b"SPILLWAY STATIC CREDENTIALS SLOT";
/// A session token has 2 KiB at most, as a rule.
const SLOT_BYTES: usize = 8_192;
const EMPTY: &str = "the component static-credentials has none; write a file that does with \
                     `spillway component static-credentials --credentials FILE`";
const WRONG: &str = "the credentials in the component static-credentials are damaged";

#[allow(missing_docs, unsafe_code, reason = "generated: the ABI is made of raw pointers")]
#[allow(clippy::all, unused_qualifications, reason = "generated")]
mod bindings {
    use super::Component;

    wit_bindgen::generate!({
        path: "../../../wit",
        inline: "
            package spillway:static-credentials;
            world static-credentials {
                export spillway:s3/credentials@0.2.0;
            }
        ",
        world: "spillway:static-credentials/static-credentials",
        generate_all,
    });

    export!(Component with_types_in self);
}
