//! Parses when objects become visible.

use super::words::{COMMIT, ORPHANS};
use crate::config::RawConfig;
use crate::error::Problem;
use crate::naming::Names;

/// When objects become visible, and how orphaned uploads are handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommitSettings {
    /// When an object becomes visible.
    pub mode: Commit,
    /// How orphaned uploads are handled: uploads that were started after the last checkpoint before
    /// a crash.
    pub on_orphans: OnOrphans,
}

/// When an object becomes visible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commit {
    /// As soon as it is sealed.
    Sealed,
    /// When a checkpoint that contains it is committed.
    Checkpointed,
}

/// How orphaned uploads are handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnOrphans {
    /// Each is aborted when its key is written again.
    Keep,
    /// All incomplete uploads under the prefix that the checkpoint does not contain are aborted.
    Abort,
}

pub(super) fn commit(
    raw: &RawConfig,
    names: &Names,
    problems: &mut Vec<Problem>,
) -> CommitSettings {
    let mode = COMMIT.of(raw).unwrap_or(Commit::Sealed);
    if ORPHANS.of(raw) != Some(OnOrphans::Abort) {
        return CommitSettings { mode, on_orphans: OnOrphans::Keep };
    }
    let mut refuse = |message: &str| problems.push(Problem::new("orphans", message));
    if names.prefix.is_empty() {
        refuse(
            "`abort` ends every upload that is open under `prefix`, but there is none; set one \
             under which nobody else writes",
        );
    }
    if mode == Commit::Sealed {
        refuse("`abort` needs `commit` = `checkpointed`: without checkpoints nothing is resumed");
    }
    CommitSettings { mode, on_orphans: OnOrphans::Abort }
}

/// The warning, if an object of a later run may replace an earlier one by mistake. With checkpoints
/// a later run has only the new events of a key. Without them a run of files reads all events
/// again, so replacing is right.
pub(super) fn warning(raw: &RawConfig, mode: Commit, names: &Names) -> Option<&'static str> {
    let replaces = mode == Commit::Checkpointed && !raw.is_set("on_existing") && names.replaces();
    replaces.then_some(
        "without `{first}`, `{sequence}` or `{uuid}`, an object replaces that of an earlier run \
         with the same name, and the events of that are lost; add one of them, or set \
         `on_existing` to say that this is meant",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::settings::Settings;

    fn parse(more: &str) -> Result<Settings, Error> {
        Settings::parse(&format!(r#"{{"bucket": "bucket"{more}}}"#))
    }

    #[test]
    fn objects_become_visible_when_they_are_sealed_unless_told_otherwise() {
        let meant = |more: &str| {
            parse(more).map(|settings| (settings.commit.mode, settings.commit.on_orphans))
        };
        assert_eq!(meant("").unwrap(), (Commit::Sealed, OnOrphans::Keep));
        let checkpointed = r#", "commit": "checkpointed""#;
        assert_eq!(meant(checkpointed).unwrap(), (Commit::Checkpointed, OnOrphans::Keep));
        let abort = r#", "commit": "checkpointed", "orphans": "abort", "prefix": "logs/""#;
        assert_eq!(meant(abort).unwrap(), (Commit::Checkpointed, OnOrphans::Abort));
    }

    /// Without checkpoints, a run reads all of its input again.
    #[test]
    fn names_that_repeat_are_warned_of_where_a_later_run_goes_on() {
        let warned = |more: &str| {
            let warnings = parse(more).expect("it is in order").warnings;
            warnings.iter().any(|warning| warning.field == "key_template")
        };
        let checkpointed = r#", "commit": "checkpointed""#;
        for (more, is_warned) in [
            ("", true),
            (r#", "key_template": "{date:%F}/{key}""#, true),
            (r#", "key_template": "{key}-{first}""#, false),
            (r#", "key_template": "{key}-{sequence}""#, false),
            (r#", "key_template": "{key}-{uuid}""#, false),
            (r#", "on_existing": "fail""#, false),
            (r#", "on_existing": "overwrite""#, false),
        ] {
            assert_eq!(warned(&format!("{checkpointed}{more}")), is_warned, "{more}");
            assert!(!warned(more), "{more}");
        }
    }

    #[test]
    fn only_what_is_the_flows_own_is_aborted() {
        let refused = |more: &str| match parse(more) {
            Err(Error::Invalid(problems)) => {
                let problems = problems.into_iter().map(|p| format!("{}: {}", p.field, p.message));
                problems.collect::<Vec<_>>().join("\n")
            }
            other => panic!("{other:?}"),
        };
        let no_prefix = refused(r#", "commit": "checkpointed", "orphans": "abort""#);
        assert!(
            no_prefix.starts_with("orphans: ") && no_prefix.contains("`prefix`"),
            "{no_prefix}"
        );
        let sealed = refused(r#", "orphans": "abort", "prefix": "logs/""#);
        assert!(sealed.contains("`commit` = `checkpointed`"), "{sealed}");
    }
}
