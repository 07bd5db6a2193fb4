//! Parses the memory limit.

use super::Commit;
use crate::config::RawConfig;
use crate::encode::Encoding;
use crate::error::Problem;

/// How many bytes of events and compressors may be held.
pub(super) fn memory(
    raw: &RawConfig,
    encoding: Encoding,
    commit: Commit,
    problems: &mut Vec<Problem>,
) -> u64 {
    let number = |name: &str| raw.number(name).unwrap_or_default();
    let (part_bytes, open) = (number("part_bytes"), number("max_open_objects"));
    // The compressors of all open objects, and of the next one.
    let compressors = (open + 1) * encoding.memory_bytes();
    let least = part_bytes.saturating_add(compressors);
    let (usual, max) = bounds(commit);
    let memory = raw.number("memory_bytes_max").unwrap_or_else(|| {
        let parts = part_bytes.saturating_mul(parts_in_flight(raw) + open);
        parts.saturating_add(compressors).min(usual).max(least).min(max)
    });
    if memory > max {
        let message = format!(
            "{memory} bytes, but with `commit` = `checkpointed` {max} at most: the component has \
             4 GiB, and holds a checkpoint beside what it is made of"
        );
        problems.push(Problem::new("memory_bytes_max", message));
    }
    if memory < part_bytes {
        let message = format!(
            "a part of {part_bytes} bytes is held until the store has it, but `memory_bytes_max` \
             allows {memory}"
        );
        problems.push(Problem::new("part_bytes", message));
    } else if memory < least {
        let message = format!(
            "{} compressors of this level and a part take {least} bytes, but `memory_bytes_max` \
             allows {memory}; set a lower `compression_level`, or more memory",
            open + 1,
        );
        problems.push(Problem::new("compression", message));
    }
    memory
}

/// For how many parts in flight the default has memory. Many concurrent requests serve small
/// objects. For large ones, a few parts in flight use most of the bandwidth.
fn parts_in_flight(raw: &RawConfig) -> u64 {
    let requests = raw.number("requests_in_flight_max").unwrap_or_default();
    if raw.is_set("requests_in_flight_max") { requests } else { requests.min(PARTS) }
}

/// The largest default, and the largest value that may be set.
fn bounds(commit: Commit) -> (u64, u64) {
    match commit {
        Commit::Sealed => (GIB, 3 * GIB),
        Commit::Checkpointed => (GIB / 2, GIB),
    }
}

/// A 32-bit component has 4 GiB.
///
/// The held data takes its own size. A checkpoint may take up to twice that size in addition: the
/// new state, and the buffer of an earlier state that is slightly too small for it.
const GIB: u64 = 1 << 30;
const PARTS: u64 = 4;

#[cfg(test)]
mod tests {
    use crate::error::{Error, Problem};
    use crate::settings::Settings;

    const MIB: u64 = 1 << 20;

    fn parse(more: &str) -> Result<Settings, Error> {
        Settings::parse(&format!(r#"{{"bucket": "bucket", "on_existing": "fail"{more}}}"#))
    }

    fn memory(more: &str) -> u64 {
        parse(more).expect("a configuration").objects.memory_bytes_max
    }

    #[test]
    fn memory_is_a_few_parts_and_one_for_each_open_object() {
        assert_eq!(memory(""), 40 * MIB);
        assert_eq!(memory(r#", "max_open_objects": 6, "requests_in_flight_max": 2"#), 64 * MIB);
        assert_eq!(
            memory(r#", "requests_in_flight_max": 64"#),
            520 * MIB,
            "who writes it means it"
        );
    }

    #[test]
    fn many_open_objects_share_what_a_component_can_hold() {
        let many = r#", "max_open_objects": 1000"#;
        assert_eq!(memory(many), 1_024 * MIB);
        assert_eq!(memory(&format!(r#"{many}, "commit": "checkpointed""#)), 512 * MIB);
        // The memory must still hold one part.
        assert_eq!(memory(r#", "part_bytes": 2147483648"#), 2_048 * MIB);
    }

    #[test]
    fn with_checkpoints_it_may_be_held_thrice() {
        let with = |bytes: u64| {
            parse(&format!(r#", "commit": "checkpointed", "memory_bytes_max": {bytes}"#))
        };
        assert_eq!(with(1 << 30).unwrap().objects.memory_bytes_max, 1 << 30);
        let Err(Error::Invalid(problems)) = with((1 << 30) + 1) else { panic!("it is taken") };
        let [Problem { field, message }] = &problems[..] else { panic!("{problems:?}") };
        assert_eq!(field, "memory_bytes_max");
        assert!(message.starts_with("1073741825 bytes, but with"), "{message}");
        assert!(message.contains("`commit` = `checkpointed` 1073741824 at most"), "{message}");
        assert_eq!(memory(r#", "memory_bytes_max": 3221225472"#), 3 << 30, "without them");
    }
}
