//! Parses when an object is sealed although more events with its key follow.

use std::time::Duration;

use crate::config::RawConfig;
use crate::error::Problem;
use crate::settings::Settings;

/// What seals an object, besides another key and the end of the sink. By default nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rotation {
    /// An object's size in bytes, as stored. It is sealed after the event that reaches it.
    pub bytes: Option<u64>,
    /// The number of its events.
    pub events: Option<u64>,
    /// The time since its first event.
    pub age: Option<Duration>,
    /// The time since its last event.
    pub idle: Option<Duration>,
}

impl Rotation {
    /// The names of the fields that are set.
    pub(crate) fn set(&self) -> impl Iterator<Item = &'static str> {
        let fields = [
            ("rotate.bytes", self.bytes.is_some()),
            ("rotate.events", self.events.is_some()),
            ("rotate.age_ms", self.age.is_some()),
            ("rotate.idle_ms", self.idle.is_some()),
        ];
        fields.into_iter().filter_map(|(name, is_set)| is_set.then_some(name))
    }

    /// Whether an object of this size is full.
    pub(crate) fn is_full(&self, bytes: u64, events: u64) -> bool {
        self.bytes.is_some_and(|max| bytes >= max) || self.events.is_some_and(|max| events >= max)
    }
}

pub(super) fn rotation(raw: &RawConfig) -> Rotation {
    let duration = |name: &str| raw.number(name).map(Duration::from_millis);
    Rotation {
        bytes: raw.number("rotate.bytes"),
        events: raw.number("rotate.events"),
        age: duration("rotate.age_ms"),
        idle: duration("rotate.idle_ms"),
    }
}

/// Reports a size that no object can reach, given the sizes of parts.
pub(super) fn check(settings: &Settings, problems: &mut Vec<Problem>) {
    let sizes = settings.cutting().sizes;
    let largest = sizes.object_bytes_max();
    if let Some(bytes) = settings.objects.rotation.bytes.filter(|bytes| *bytes > largest) {
        let message = format!(
            "an object would fail before it had {bytes} bytes: {} hold {largest}; set a larger \
             `part_bytes` or `memory_bytes_max`",
            sizes.in_words()
        );
        problems.push(Problem::new("rotate.bytes", message));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(more: &str) -> Result<Settings, String> {
        let json = format!(r#"{{"bucket": "bucket", "key_template": "{{key}}-{{first}}"{more}}}"#);
        Settings::parse(&json).map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_rotates_unless_it_is_told_to() {
        let settings = parse("").expect("a configuration");
        assert_eq!(
            (settings.objects.rotation, settings.objects.max_open_objects),
            (Rotation::default(), 1)
        );
        assert!(!settings.objects.rotation.is_full(u64::MAX, u64::MAX));
    }

    #[test]
    fn each_limit_is_what_was_written() {
        let settings = parse(
            r#", "max_open_objects": 1000,
            "rotate": {"bytes": 1, "events": 2, "age_ms": 3, "idle_ms": 4000}"#,
        );
        let settings = settings.expect("a configuration");
        let (age, idle) = (Duration::from_millis(3), Duration::from_secs(4));
        let wanted = Rotation { bytes: Some(1), events: Some(2), age: Some(age), idle: Some(idle) };
        assert_eq!((settings.objects.rotation, settings.objects.max_open_objects), (wanted, 1_000));
    }

    #[test]
    fn an_object_is_full_at_its_limit_and_not_before() {
        let rotation = Rotation { bytes: Some(10), events: Some(3), ..Rotation::default() };
        let full = [(9, 2), (10, 1), (0, 3)].map(|(bytes, events)| rotation.is_full(bytes, events));
        assert_eq!(full, [false, true, true]);
    }

    #[test]
    fn objects_of_one_key_may_not_replace_each_other() {
        for (set, field) in [
            (r#""rotate": {"bytes": 7}"#, "rotate.bytes"),
            (r#""rotate": {"events": 7}"#, "rotate.events"),
            (r#""rotate": {"age_ms": 7}"#, "rotate.age_ms"),
            (r#""rotate": {"idle_ms": 7}"#, "rotate.idle_ms"),
            (r#""max_open_objects": 7"#, "max_open_objects"),
        ] {
            let parsed = |more: &str| {
                let json = format!(r#"{{"bucket": "bucket", {set}{more}}}"#);
                Settings::parse(&json).map_err(|error| error.to_string())
            };
            let said = parsed("").expect_err("each would replace the one before it");
            let wanted = format!("{field}: `{field} = 7` makes several objects of one key");
            assert!(said.starts_with(&wanted), "{said}");
            assert!(parsed(r#", "on_existing": "fail""#).is_ok(), "{set}");
            assert!(parsed(r#", "key_template": "{key}-{sequence}""#).is_ok(), "{set}");
        }
    }

    #[test]
    fn what_is_out_of_its_limits_is_refused() {
        let most = 365 * 24 * 60 * 60 * 1_000_u64;
        for (field, least, most) in [
            ("bytes", 1, 53_687_091_200_000),
            ("events", 1, 1_000_000_000_000),
            ("age_ms", 1, most),
            ("idle_ms", 1, most),
        ] {
            for (value, good) in [(least - 1, false), (least, true), (most + 1, false)] {
                let parsed = parse(&format!(r#", "rotate": {{"{field}": {value}}}"#));
                assert_eq!(parsed.is_ok(), good, "{field} = {value}");
                if let Err(said) = parsed {
                    let wanted =
                        format!("rotate.{field}: the number {value}; expected a whole number");
                    assert!(said.contains(&wanted), "{said}");
                    assert!(said.contains(&format!("from {least} to {most}")), "{said}");
                }
            }
        }
        for (value, good) in [(0, false), (1, true), (1_000, true), (1_001, false)] {
            let parsed = parse(&format!(r#", "max_open_objects": {value}"#));
            assert_eq!(parsed.is_ok(), good, "{value}");
        }
    }

    #[test]
    fn a_size_that_no_object_reaches_is_refused() {
        let largest = 1_000 * (8 + 16 + 8 * 20) * (1 << 20);
        let sized = |bytes: u64| parse(&format!(r#", "rotate": {{"bytes": {bytes}}}"#));
        assert_eq!(sized(largest).expect("it is reached").objects.rotation.bytes, Some(largest));
        let said = sized(largest + 1).expect_err("one more byte is not");
        assert!(said.contains("rotate.bytes: an object would fail before it had"), "{said}");
        assert!(said.contains(&format!("hold {largest}; set a larger `part_bytes`")), "{said}");
        let few =
            |bytes: u64| parse(&format!(r#", "parts_max": 1000, "rotate": {{"bytes": {bytes}}}"#));
        assert!(few(largest / 10).is_ok(), "a tenth of the parts hold a tenth");
        let said = few(largest / 10 + 1).expect_err("one more byte than they hold");
        assert!(
            said.contains(&format!("1,000 parts of this size hold {}", largest / 10)),
            "{said}"
        );
        let said = parse(r#", "part_bytes": 1, "rotate": {"bytes": 1}"#).expect_err("no part");
        assert!(!said.contains("rotate.bytes"), "what parts hold is not known: {said}");
    }
}
