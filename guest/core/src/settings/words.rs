//! The words of fields that are choices. Parsing and the identity of a checkpoint use one table.

use super::{Commit, OnOrphans, PayloadSigning};
use crate::checksum::Crc;
use crate::config::RawConfig;
use crate::encode::ObjectFraming;
use crate::naming::OnExisting;

/// A field that is a choice: its words, and the value of each.
pub(super) struct Choice<T: 'static> {
    field: &'static str,
    words: &'static [(&'static str, T)],
}

impl<T: Copy + PartialEq> Choice<T> {
    /// The value of the field. `None` if it is not set and has no default.
    pub(super) fn of(&self, raw: &RawConfig) -> Option<T> {
        raw.text(self.field).and_then(|word| self.value(word))
    }

    /// The value of a word.
    pub(super) fn value(&self, word: &str) -> Option<T> {
        self.words.iter().find(|(known, _)| *known == word).map(|(_, value)| *value)
    }

    /// The word of a value.
    pub(super) fn word(&self, value: T) -> &'static str {
        let found = self.words.iter().find(|(_, known)| *known == value);
        found.map_or("", |(word, _)| *word)
    }
}

pub(super) const CHECKSUM: Choice<Option<Crc>> = Choice {
    field: "checksum",
    words: &[
        ("crc64nvme", Some(Crc::Crc64Nvme)),
        ("crc32c", Some(Crc::Crc32c)),
        ("crc32", Some(Crc::Crc32)),
        ("none", None),
    ],
};
pub(super) const COMMIT: Choice<Commit> = Choice {
    field: "commit",
    words: &[("sealed", Commit::Sealed), ("checkpointed", Commit::Checkpointed)],
};
pub(super) const FRAMING: Choice<ObjectFraming> = Choice {
    field: "framing",
    words: &[
        ("newline", ObjectFraming::Newline),
        ("none", ObjectFraming::None),
        ("length-delimited", ObjectFraming::LengthDelimited),
        ("json-array", ObjectFraming::JsonArray),
    ],
};
pub(super) const ON_EXISTING: Choice<OnExisting> = Choice {
    field: "on_existing",
    words: &[
        ("overwrite", OnExisting::Overwrite),
        ("fail", OnExisting::Fail),
        ("next", OnExisting::Next),
    ],
};
pub(super) const ORPHANS: Choice<OnOrphans> =
    Choice { field: "orphans", words: &[("keep", OnOrphans::Keep), ("abort", OnOrphans::Abort)] };
pub(super) const PAYLOAD_SIGNING: Choice<PayloadSigning> = Choice {
    field: "payload_signing",
    words: &[("signed", PayloadSigning::Signed), ("unsigned", PayloadSigning::Unsigned)],
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Kind, PROVIDERS, fields};

    #[test]
    fn each_choice_has_the_words_of_its_field() {
        fn check<T: Copy + PartialEq>(choice: &Choice<T>) {
            let field = fields().find(|field| field.name == choice.field).expect("a field");
            let Kind::Choice(allowed) = field.kind else { panic!("{} is no choice", choice.field) };
            let words: Vec<_> = choice.words.iter().map(|(word, _)| *word).collect();
            assert_eq!(words, allowed, "{}", choice.field);
            for (word, value) in choice.words {
                assert_eq!(choice.word(*value), *word, "two words mean the same");
            }
        }
        check(&CHECKSUM);
        assert!(PROVIDERS.iter().all(|provider| CHECKSUM.value(provider.checksum).is_some()));
        check(&COMMIT);
        check(&FRAMING);
        check(&ON_EXISTING);
        check(&ORPHANS);
        check(&PAYLOAD_SIGNING);
    }
}
