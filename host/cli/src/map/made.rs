//! What expressions make of a document.

use std::borrow::Cow;
use std::ops::ControlFlow;

use super::jq::{self, Jq};
use super::share::{Allowance, Share};
use super::{Bytes, Payload};
use crate::batch::{Batcher, Framing, TooLarge};

/// The payloads of a document.
pub(super) enum Payloads<'a> {
    None,
    One(Bytes<'a>),
    /// More than one, without a key yet.
    Several(Batcher),
}

/// A document, as bytes and, where an expression asks for it, as a tree.
pub(super) struct Document<'a> {
    pub(super) json: &'a [u8],
    pub(super) value: Option<Cow<'a, jq::Value>>,
}

impl Document<'_> {
    /// The tree, which is there where an expression asks for it.
    pub(super) fn tree(&self) -> &jq::Value {
        self.value.as_deref().unwrap_or(&jq::Value::Null)
    }
}

impl<'a> Payloads<'a> {
    /// One more that an expression made.
    fn add(&mut self, json: Vec<u8>, framing: Framing) -> Result<(), TooLarge> {
        let before = std::mem::replace(self, Payloads::None);
        let push = |batcher: &mut Batcher, position, json: &[u8]| {
            batcher.push("", position, None, |arena| arena.extend_from_slice(json))
        };
        *self = match before {
            Payloads::None => Payloads::One(Bytes::Made(json)),
            Payloads::One(first) => {
                let mut batcher = Batcher::new(framing);
                batcher.push("", 0, None, |arena| Payload(first).append_to(arena))?;
                push(&mut batcher, 1, &json)?;
                Payloads::Several(batcher)
            }
            Payloads::Several(mut batcher) => {
                let position = batcher.next_position();
                push(&mut batcher, position, &json)?;
                Payloads::Several(batcher)
            }
        };
        Ok(())
    }
}

/// The payloads that an expression makes: an event each.
pub(super) fn made_payloads<'a>(
    jq: &Jq,
    document: &jq::Value,
    framing: Framing,
    allowance: &Allowance<'_>,
) -> Result<Payloads<'a>, String> {
    let mut made = Payloads::None;
    outputs("payload", jq, document, &allowance.payload, allowance, |_, json| {
        made.add(json, framing).map_err(|error| error.to_string())
    })?;
    Ok(made)
}

/// Gives each output of an expression, as it is and as JSON, to `each`. `what` they are is said
/// where something is wrong with them.
pub(super) fn outputs(
    what: &str,
    jq: &Jq,
    document: &jq::Value,
    share: &Share,
    allowance: &Allowance<'_>,
    mut each: impl FnMut(jq::Value, Vec<u8>) -> Result<(), String>,
) -> Result<(), String> {
    let mut wrong = None;
    let evaluated = jq.outputs(document, allowance.around(share), |value| {
        let found = jq::json(&value).and_then(|json| {
            share.take(json.len()).map_err(|much| much.to_string())?;
            Ok(json)
        });
        let found = found.map_err(|reason| format!("the {what} `{jq}` {reason}"));
        match found.and_then(|json| each(value, json)) {
            Ok(()) => ControlFlow::Continue(()),
            Err(reason) => {
                wrong = Some(reason);
                ControlFlow::Break(())
            }
        }
    });
    evaluated.map_err(|message| format!("the {what} `{jq}` failed: {message}"))?;
    wrong.map_or(Ok(()), Err)
}

/// A document as a tree.
pub(super) fn parsed(line: &[u8]) -> Result<jq::Value, String> {
    jq::parse(line).map_err(|reason| format!("jq cannot take the document: {reason}"))
}
