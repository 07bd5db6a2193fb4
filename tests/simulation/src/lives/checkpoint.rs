//! The bytes of a checkpoint that a [`Life`](super::Life) keeps in the bucket: a digest, a line of
//! text, and the state of the core.

use std::collections::BTreeSet;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

/// How far the lives are, and which of them holds that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checkpoint {
    /// The number of the life that stored it.
    pub holder: u64,
    /// How many that life had stored before. With its number, no two are the same.
    pub count: u64,
    /// The version that it replaces. Empty if there is none.
    pub replaces: String,
    /// How long its holder may go on without storing another.
    pub lease: Duration,
    /// How many events of the source were written before it.
    pub next: usize,
    /// The positions of the events that were reported failed before it.
    pub failed: BTreeSet<u64>,
    /// The state of the core. `None` at the beginning.
    pub state: Option<Vec<u8>>,
}

impl Checkpoint {
    /// Writes it.
    pub fn to_bytes(&self) -> Vec<u8> {
        let Checkpoint { holder, count, replaces, lease, next, failed, state } = self;
        let failed: Vec<String> = failed.iter().map(u64::to_string).collect();
        let (lease, failed) = (lease.as_millis(), failed.join(","));
        let begun = u8::from(state.is_some());
        let line = format!("{holder} {count} {lease} {next} {begun} [{failed}] {replaces}\n");
        let content = [line.as_bytes(), state.as_deref().unwrap_or_default()].concat();
        [&Sha256::digest(&content)[..], &content].concat()
    }

    /// Reads it. `None` if it is damaged, or no life wrote it.
    pub fn read(bytes: &[u8]) -> Option<Checkpoint> {
        let (digest, bytes) = bytes.split_at_checked(DIGEST_BYTES)?;
        if Sha256::digest(bytes)[..] != *digest {
            return None;
        }
        let end = bytes.iter().position(|byte| *byte == b'\n')?;
        let line = str::from_utf8(&bytes[..end]).ok()?;
        let [holder, count, lease, next, begun, failed, replaces] =
            line.splitn(7, ' ').collect::<Vec<_>>().try_into().ok()?;
        let failed = failed.trim_matches(['[', ']']).split(',').filter(|text| !text.is_empty());
        Some(Checkpoint {
            holder: holder.parse().ok()?,
            count: count.parse().ok()?,
            replaces: replaces.to_owned(),
            lease: Duration::from_millis(lease.parse().ok()?),
            next: next.parse().ok()?,
            failed: failed.map(|text| text.parse().ok()).collect::<Option<_>>()?,
            state: (begun == "1").then(|| bytes[end + 1..].to_vec()),
        })
    }
}

const DIGEST_BYTES: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for state in [None, Some(Vec::new()), Some(b"a\nb".to_vec())] {
            for failed in [BTreeSet::new(), BTreeSet::from([1, 20])] {
                let lease = Duration::from_secs(30);
                let replaces = "\"a b\"".to_owned();
                let (state, failed) = (state.clone(), failed.clone());
                let all =
                    Checkpoint { holder: 3, count: 4, replaces, lease, next: 5, failed, state };
                let bytes = all.to_bytes();
                assert_eq!(Checkpoint::read(&bytes), Some(all));
                assert_eq!(Checkpoint::read(&bytes[..bytes.len() - 1]), None);
            }
        }
        assert_eq!(Checkpoint::read(b"of another writer: x"), None);
    }
}
