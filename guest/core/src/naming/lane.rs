//! Sinks that run side by side: each has its own keys, and so its own names.

use sha2::{Digest as _, Sha256};

use super::Names;

/// Which of several sinks of one configuration this is. Each is given other keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lane {
    /// Its number, from 0.
    pub index: u64,
    /// How many there are.
    pub count: u64,
}

/// The only one.
impl Default for Lane {
    fn default() -> Lane {
        Lane { index: 0, count: 1 }
    }
}

impl Lane {
    /// Whether there are others.
    pub fn has_others(&self) -> bool {
        self.count > 1
    }

    /// Whether the events of a key are given to this one.
    fn has(&self, key: &str) -> bool {
        hash(key) % self.count == self.index
    }
}

impl Names {
    /// Whether an object of this name is written by this sink, and by none beside it. Names that
    /// none of them gives are the first one's.
    pub(crate) fn is_own(&self, object_key: &str) -> bool {
        !self.lane.has_others()
            || match self.key_of(object_key) {
                Some(key) => self.lane.has(key),
                None => self.lane.index == 0,
            }
    }

    /// The key whose events are in the object of this name.
    fn key_of<'a>(&self, object_key: &'a str) -> Option<&'a str> {
        let name = object_key.strip_prefix(&self.prefix)?;
        let added = if self.has_own_suffix() { "" } else { self.suffix };
        self.template.key_of(name.strip_suffix(added)?)
    }

    /// Whether each name ends with the suffix, whatever its key is.
    pub(super) fn has_own_suffix(&self) -> bool {
        self.template.ends_with(self.suffix)
    }
}

/// The first eight bytes of the SHA-256 of a key, as a number: hosts compute it, too.
fn hash(key: &str) -> u64 {
    let digest = Sha256::digest(key);
    let (first, _) = digest.split_first_chunk().expect("it has 32 bytes");
    u64::from_be_bytes(*first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::naming::OnExisting;
    use crate::naming::template::{Facts, Template, Uuid};
    use crate::time::Timestamp;

    /// Those of FIPS 180-4, and of every host that shares keys out.
    #[test]
    fn keys_are_hashed_as_every_host_does() {
        assert_eq!(hash(""), 0xE3B0_C442_98FC_1C14);
        assert_eq!(hash("abc"), 0xBA78_16BF_8F01_CFEA);
    }

    /// A lane that took the upload of another for an orphan would abort it.
    #[test]
    fn each_name_is_of_the_lane_that_is_given_its_key() {
        let mut random = fastrand::Rng::with_seed(7);
        for template in [
            "{key}",
            "{key}.gz",
            "x.g{key}",
            "{key}z",
            "{key}-{sequence}",
            "{key}-{first:020}",
            "{sequence:03}/{key}",
            "{uuid}{key}{uuid}",
            "{date:%Y/%m/%d}{key}{date:%H日}",
            "a/{first}_{date:%F}/{key}.ndjson-{sequence}",
            "{key}.{first}-{uuid}",
            "{key}{sequence:020}",
        ] {
            for suffix in ["", ".gz", ".zst"] {
                let template = Template::parse(template).unwrap();
                assert_eq!(template.mixes_keys(), None, "{template}");
                let lane = Lane { index: 0, count: 3 };
                let names = names(template, suffix, lane);
                let named = (0..300).filter(|_| is_own_of_one(&names, &mut random)).count();
                assert!(named > 100, "{named} by {}", names.template);
            }
        }
    }

    /// Whether a random key gives a name; then it is of one lane.
    fn is_own_of_one(names: &Names, random: &mut fastrand::Rng) -> bool {
        let pieces = ["a", "-", "7", ".gz", ".zst", "/", "0", "日", "z", ".g", "2026", "_"];
        let key: String =
            (0..random.usize(1..7)).map(|_| pieces[random.usize(..pieces.len())]).collect();
        let at = Timestamp(random.u64(..1 << 62));
        let facts = Facts { key: &key, first: random.u64(..), at, uuid: Uuid(random.u128(..)) };
        let Ok(stem) = names.stem(&facts) else { return false };
        let digits = random.u32(1..60);
        let name = stem.name(random.u64(..1 << digits));
        assert_eq!(names.key_of(&name), Some(key.as_str()), "{name} by {}", names.template);
        for index in 0..3 {
            let names = Names { lane: Lane { index, count: 3 }, ..names.clone() };
            assert_eq!(names.is_own(&name), hash(&key) % 3 == index, "{name}");
        }
        true
    }

    /// `a` and `a.gz` give one object, and may be in two lanes.
    #[test]
    fn no_key_ends_with_what_names_get_by_themselves() {
        let refusal = |count, template, suffix| {
            let lane = Lane { index: 0, count };
            let names = names(Template::parse(template).unwrap(), suffix, lane);
            let facts = Facts { key: "a.gz", first: 0, at: Timestamp(0), uuid: Uuid::default() };
            names.stem(&facts).err()
        };
        assert!(
            refusal(2, "{key}", ".gz").is_some_and(|why| why.contains("ends with `.gz` because"))
        );
        for (count, template, suffix) in [
            (1, "{key}", ".gz"),
            (2, "{key}", ""),
            (2, "{key}-{sequence}", ".gz"),
            (2, "{key}.gz", ".gz"),
        ] {
            assert_eq!(refusal(count, template, suffix), None, "{template}");
        }
    }

    #[test]
    fn a_name_that_no_lane_gives_is_of_the_first() {
        let named = |index, count| {
            let template = Template::parse("{key}-{sequence}").unwrap();
            names(template, "", Lane { index, count }).is_own("p/strange")
        };
        assert!(named(0, 1) && named(0, 2) && !named(1, 2));
    }

    #[test]
    fn templates_by_which_two_keys_give_one_name_are_told() {
        for (template, said) in [
            ("{sequence}", "has no `{key}`"),
            ("{key}/{key}", "more than once"),
            ("{key}{first}-{uuid}", "no digit"),
            ("{uuid}-{first:06}{key}", "no digit"),
            ("{uuid}{key}0{first}", "no digit"),
            ("{date:%s}-{key}", "`%s`"),
        ] {
            let said_of = Template::parse(template).unwrap().mixes_keys().unwrap_or_default();
            assert!(said_of.contains(said), "{template}: {said_of}");
        }
    }

    fn names(template: Template, suffix: &'static str, lane: Lane) -> Names {
        let on_existing = OnExisting::of(&template);
        let (prefix, state_prefix) = ("p/".to_owned(), "_spillway/".to_owned());
        Names { prefix, template, suffix, on_existing, state_prefix, lane }
    }
}
