//! When an event happened.

use super::jq::{self, Output};
use super::scan::Span;
use super::share::Allowance;
use super::{Document, Selector, kind};
use crate::time::{self, Unit};

/// Where the time of an event lies, and what it counts in if it is a number.
pub(super) struct At {
    pub(super) selector: Selector,
    pub(super) unit: Unit,
}

impl At {
    /// The time of an event, in nanoseconds since 1970.
    pub(super) fn time(
        &self,
        document: &Document<'_>,
        found: Option<Span>,
        allowance: &Allowance<'_>,
    ) -> Result<u64, String> {
        match &self.selector {
            Selector::Path(path) => {
                let span = found.ok_or_else(|| format!("no time: `{path}` is missing"))?;
                self.read(path, &document.json[span.range()])
            }
            Selector::Jq(jq) => match jq.output(document.tree(), allowance.around(&allowance.at)) {
                Output::One(value) => match jq::json(&value) {
                    Ok(json) => self.read(jq, &json),
                    Err(what) => Err(format!("the time `{jq}` {what}")),
                },
                Output::None => Err(format!("no time: `{jq}` has no output")),
                Output::Many => {
                    Err(format!("the time `{jq}` has more than one output, expected one"))
                }
                Output::Failed(message) => Err(format!("the time `{jq}` failed: {message}")),
            },
        }
    }

    /// The time that `json` says, which was found at `place`.
    fn read(&self, place: &dyn std::fmt::Display, json: &[u8]) -> Result<u64, String> {
        let read = match json {
            [b'"', ..] => serde_json::from_slice::<String>(json)
                .map_err(|_| "is not a time as a string".to_owned())
                .and_then(|text| time::of_rfc_3339(&text)),
            [b'-' | b'0'..=b'9', ..] => {
                time::of_number(str::from_utf8(json).unwrap_or_default(), self.unit)
            }
            b"null" => return Err(format!("no time: `{place}` is null")),
            _ => Err(format!("is {}, expected a string or a number", kind(json))),
        };
        read.map_err(|reason| format!("the time `{place}` {reason}"))
    }
}
