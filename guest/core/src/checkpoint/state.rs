//! The bytes of a checkpoint: versioned, compact, with a checksum.

use postcard::ser_flavors::Size;
use serde::{Deserialize, Serialize};

use crate::checksum::Crc;
use crate::error::Error;
use crate::incomplete::SavedIncomplete;
use crate::settings::Settings;
use crate::time::Timestamp;
use crate::writer::SavedWriter;

/// The saved state of a sink. It borrows the bytes of objects.
#[derive(Serialize, Deserialize)]
pub(crate) struct State<'a> {
    /// The fields of the configuration that it depends on, and their values.
    pub(crate) identity: Vec<(String, String)>,
    /// When it was taken, by this machine's clock.
    pub(crate) taken_at: Timestamp,
    #[serde(borrow)]
    pub(crate) writer: SavedWriter<'a>,
    pub(crate) incomplete: SavedIncomplete,
}

impl<'a> State<'a> {
    /// Encodes the state: eight bytes that name the format, two bytes of version, the content, and
    /// its checksum. A state may take most of the memory, so its size is measured first, and it is
    /// written into one allocation.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let head = [MAGIC, &VERSION.to_le_bytes()].concat();
        let content = postcard::serialize_with_flavor(self, Size::default());
        let content = content.expect("the size of a state can be computed");
        let mut bytes = Vec::with_capacity(head.len() + content + SUM_BYTES);
        bytes.extend(head);
        let mut bytes = postcard::to_extend(self, bytes).expect("writing to a vector cannot fail");
        bytes.extend(sum_of(&[&bytes]).to_le_bytes());
        bytes
    }

    /// Decodes a state.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownState`] if it is invalid, with the reason.
    pub(crate) fn decode(bytes: &'a [u8]) -> Result<State<'a>, Error> {
        let unknown = |text: &str| Error::UnknownState(text.to_owned());
        let Some(bytes) = bytes.strip_prefix(MAGIC) else {
            return Err(unknown("these bytes are no checkpoint of this sink"));
        };
        let Some((version, rest)) = bytes.split_first_chunk() else {
            return Err(unknown("the checkpoint is damaged: it ends too early"));
        };
        let version = u16::from_le_bytes(*version);
        if version != VERSION {
            return Err(Error::UnknownState(format!(
                "the checkpoint has version {version}, but this sink reads version {VERSION} only; \
                 let the sink that took it store what is left, or begin without the checkpoint: \
                 then all events are stored again"
            )));
        }
        let Some((content, sum)) = rest.split_last_chunk() else {
            return Err(unknown("the checkpoint is damaged: it ends too early"));
        };
        let summed = [MAGIC, &version.to_le_bytes(), content];
        if sum_of(&summed) != u32::from_le_bytes(*sum) {
            return Err(unknown("the checkpoint is damaged: its checksum is wrong"));
        }
        let damaged =
            |flaw| Error::UnknownState(format!("the checkpoint is damaged: it has {flaw}"));
        let (state, rest): (State<'a>, _) =
            postcard::take_from_bytes(content).map_err(|_| damaged("no content that is known"))?;
        let flaw = if rest.is_empty() { state.flaw() } else { Some("more than its content") };
        flaw.map_or(Ok(state), |flaw| Err(damaged(flaw)))
    }

    /// What is invalid although the checksum is right, if anything.
    fn flaw(&self) -> Option<&'static str> {
        self.incomplete.flaw().or_else(|| self.writer.flaw())
    }

    /// Checks that the state belongs to this configuration.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownState`] with every field that differs.
    pub(crate) fn check(&self, settings: &Settings) -> Result<(), Error> {
        let now = settings.identity();
        let mut differ = Vec::new();
        for (field, value) in &now {
            match self.identity.iter().find(|(name, _)| name == field) {
                Some((_, before)) if before == value => {}
                Some((_, before)) => {
                    differ.push(format!("{field} was `{before}`, and is `{value}`"))
                }
                None => differ.push(format!("{field} is `{value}`, and was not known")),
            }
        }
        for (field, before) in &self.identity {
            if !now.iter().any(|(name, _)| name == field) {
                differ.push(format!("{field} was `{before}`, and is not set"));
            }
        }
        if differ.is_empty() {
            return Ok(());
        }
        Err(Error::UnknownState(format!(
            "the checkpoint was taken with another configuration: {}; set it back until all is \
             stored, or begin without the checkpoint: then all events are stored again",
            differ.join("; ")
        )))
    }
}

/// The CRC-32 at the end of a state.
fn sum_of(pieces: &[&[u8]]) -> u32 {
    // A CRC of 32 bits has no more.
    Crc::Crc32.of(pieces) as u32
}

/// The first bytes of a state.
const MAGIC: &[u8] = b"SPILLWAY";
/// Incremented with each change of the format.
const VERSION: u16 = 2;
const SUM_BYTES: usize = size_of::<u32>();
