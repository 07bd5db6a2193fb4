//! Parses how objects are named.

use super::words::ON_EXISTING;
use crate::config::RawConfig;
use crate::error::Problem;
use crate::naming::template::{Facts, Template, Uuid};
use crate::naming::{Lane, NAME_BYTES_MAX, Names, OnExisting, SEPARATORS};
use crate::time::Timestamp;

pub(super) fn names(raw: &RawConfig, suffix: &'static str, problems: &mut Vec<Problem>) -> Names {
    let prefix = raw.text("prefix").unwrap_or_default().to_owned();
    let prefix_problem = check_prefix(&prefix).map(|message| Problem::new("prefix", message));
    let state_prefix = raw.text("state_prefix").unwrap_or_default().to_owned();
    let state_problem = check_prefix(&state_prefix);
    problems.extend(state_problem.map(|message| Problem::new("state_prefix", message)));
    let text = raw.text("key_template").unwrap_or_default();
    let on_existing = ON_EXISTING.of(raw);
    let lane = lane(raw, problems);
    let template = match Template::parse(text) {
        Ok(template) => template,
        Err(message) => {
            problems.extend(prefix_problem);
            problems.push(Problem::new("key_template", message));
            let on_existing = on_existing.unwrap_or(OnExisting::Overwrite);
            let template = Template::default();
            return Names { prefix, template, suffix, on_existing, state_prefix, lane };
        }
    };
    let on_existing = on_existing.unwrap_or(OnExisting::of(&template));
    if on_existing == OnExisting::Next && !template.has_sequence() {
        let message = "`next` takes the next free `{sequence}`, but `key_template` has none; add \
                       it, as in `{key}-{sequence}`";
        problems.push(Problem::new("on_existing", message));
    }
    let names = Names { prefix, template, suffix, on_existing, state_prefix, lane };
    if let Some(why) = names.template.mixes_keys().filter(|_| lane.has_others()) {
        let count = lane.count;
        let message = format!("with `lanes` = {count}, no two keys may give one name, but {why}");
        problems.push(Problem::new("key_template", message));
    }
    match prefix_problem {
        Some(problem) => problems.push(problem),
        // A problem with this simple key is a problem with every key.
        None => {
            let facts = Facts { key: "k", first: 0, at: Timestamp(0), uuid: Uuid::default() };
            if let Err(reason) = names.stem(&facts) {
                let message = format!("no key gives a name that is allowed: {reason}");
                problems.push(Problem::new("key_template", message));
            }
        }
    }
    names
}

/// Which of several sinks this is.
fn lane(raw: &RawConfig, problems: &mut Vec<Problem>) -> Lane {
    let count = raw.number("lanes").unwrap_or(1).max(1);
    let index = raw.number("lane").unwrap_or_default();
    if index >= count {
        let message = format!("is {index}, but `lanes` is {count}; expected a number below that");
        problems.push(Problem::new("lane", message));
    }
    Lane { index, count }
}

/// The reason why a prefix is invalid, if it is. Tools that treat names as paths would resolve some
/// segments, and so leave the prefix.
fn check_prefix(prefix: &str) -> Option<String> {
    let shown: String = prefix.chars().take(40).flat_map(char::escape_default).collect();
    if prefix.contains(['{', '}']) {
        let message = "a prefix is the same for all objects; put what stands in braces into \
                       `key_template`";
        return Some(message.to_owned());
    }
    if prefix.len() >= NAME_BYTES_MAX {
        let len = prefix.len();
        return Some(format!("{len} bytes, but a name has {NAME_BYTES_MAX} at most"));
    }
    if prefix.starts_with(SEPARATORS) {
        return Some(format!("`{shown}` begins with a separator; names in S3 begin without one"));
    }
    let mut segments: Vec<_> = prefix.split(SEPARATORS).collect();
    // The text after the last separator is the start of a segment, and may be empty.
    let last = segments.pop().unwrap_or_default();
    let is_wrong = |segment: &str| matches!(segment, "." | "..");
    (is_wrong(last) || segments.iter().any(|segment| segment.is_empty() || is_wrong(segment)))
        .then(|| format!("`{shown}` has a segment that is empty, `.` or `..`"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::error::{Error, Problem};
    use crate::naming::OnExisting;
    use crate::naming::template::{Facts, Uuid};
    use crate::settings::Settings;
    use crate::time::Timestamp;

    fn parse(more: Value) -> Result<Settings, Vec<Problem>> {
        let mut config = json!({"bucket": "events"});
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Settings::parse(&config.to_string()).map_err(|error| match error {
            Error::Invalid(problems) => problems,
            other => panic!("{other:?}"),
        })
    }

    fn refused(more: Value, field: &str, said: &str) {
        let problems = parse(more.clone()).unwrap_err();
        let [problem] = &problems[..] else { panic!("{more}: {problems:?}") };
        assert_eq!(problem.field, field, "{more}");
        assert!(problem.message.contains(said), "{more}: {}", problem.message);
    }

    #[test]
    fn unless_told_otherwise_a_name_is_a_key() {
        let names = parse(json!({})).unwrap().names;
        let facts = Facts { key: "../a b", first: 3, at: Timestamp(0), uuid: Uuid::default() };
        assert_eq!(names.stem(&facts).unwrap().name(5), "../a b");
        assert_eq!(names.on_existing, OnExisting::Overwrite);
    }

    /// By default, an object that another run or another machine wrote under a number is not
    /// replaced.
    #[test]
    fn only_names_that_mean_one_object_are_replaced_unless_told_otherwise() {
        for (template, on_existing) in [
            ("{key}", OnExisting::Overwrite),
            ("{date:%F}/{key}", OnExisting::Overwrite),
            ("{key}-{sequence}", OnExisting::Next),
            ("{first:020}/{sequence:06}", OnExisting::Next),
            ("{date:%F}/{first}", OnExisting::Fail),
            ("{key}-{uuid}", OnExisting::Overwrite),
            ("{first}-{uuid}", OnExisting::Overwrite),
        ] {
            let names = parse(json!({"key_template": template})).unwrap().names;
            assert_eq!(names.on_existing, on_existing, "{template}");
            for (word, raw) in [("overwrite", OnExisting::Overwrite), ("fail", OnExisting::Fail)] {
                let more = json!({"key_template": template, "on_existing": word});
                assert_eq!(parse(more).unwrap().names.on_existing, raw, "{template}, {word}");
            }
        }
        let more = json!({"key_template": "{key}-{uuid}", "on_existing": "next"});
        refused(more, "on_existing", "`key_template` has none");
    }

    #[test]
    fn a_wrong_template_is_refused_with_a_caret() {
        let problems = parse(json!({"key_template": "logs/{key}-{sequense}"})).unwrap_err();
        let [Problem { field, message }] = &problems[..] else { panic!("{problems:?}") };
        assert_eq!(field, "key_template");
        assert_eq!(
            message,
            "`{sequense}` is unknown; did you mean `{sequence}`?\n  \
             logs/{key}-{sequense}\n             ^"
        );
    }

    #[test]
    fn a_prefix_leads_where_it_says() {
        for prefix in ["logs/", "logs", "a/b-", "a b/é/", ".hidden/", "a..b/"] {
            let names = parse(json!({"prefix": prefix})).unwrap().names;
            assert_eq!(names.prefix, prefix);
        }
        for prefix in ["..", "../", "a/..", "a/../b", ".", "./a", "a//b", "a/./", "a\\..\\b"] {
            refused(json!({"prefix": prefix}), "prefix", "a segment that is empty, `.` or `..`");
        }
        refused(json!({"prefix": "/logs/"}), "prefix", "begins with a separator");
        refused(json!({"prefix": "\\logs"}), "prefix", "begins with a separator");
        refused(json!({"prefix": "{key}/"}), "prefix", "into `key_template`");
        refused(json!({"prefix": "p".repeat(1_024)}), "prefix", "1024 bytes, but");
        refused(json!({"prefix": ""}), "prefix", "an empty text");
    }

    #[test]
    fn a_template_by_which_nothing_could_be_named_is_refused() {
        let long = format!("{}{{key}}", "x".repeat(1_024));
        refused(json!({"key_template": long}), "key_template", "1025 bytes");
        for template in ["../{key}", "/{key}", "a/./{key}", "\\{key}"] {
            assert!(parse(json!({"key_template": template})).is_ok(), "{template}");
            let more = json!({"prefix": "logs/", "key_template": template});
            refused(more, "key_template", "behind the prefix");
        }
    }

    #[test]
    fn sinks_side_by_side_have_names_of_their_own() {
        let lane = parse(json!({"lanes": 3, "lane": 2})).unwrap().names.lane;
        assert_eq!((lane.index, lane.count), (2, 3));
        assert!(!parse(json!({})).unwrap().names.lane.has_others());
        refused(json!({"lanes": 2, "lane": 2}), "lane", "is 2, but `lanes` is 2");
        let more = json!({"lanes": 2, "key_template": "{key}{first}-{uuid}"});
        refused(more, "key_template", "with `lanes` = 2, no two keys may give one name");
        assert!(parse(json!({"key_template": "{key}{first}-{uuid}"})).is_ok());
    }

    #[test]
    fn the_next_number_wants_a_number() {
        let more = json!({"on_existing": "next", "key_template": "{key}-{first}"});
        refused(more, "on_existing", "`key_template` has none; add it, as in `{key}-{sequence}`");
        let more = json!({"on_existing": "next", "key_template": "{key}-{sequence}"});
        assert_eq!(parse(more).unwrap().names.on_existing, OnExisting::Next);
        assert_eq!(
            parse(json!({"on_existing": "fail"})).unwrap().names.on_existing,
            OnExisting::Fail
        );
        refused(
            json!({"on_existing": "keep"}),
            "on_existing",
            "one of `overwrite`, `fail`, `next`",
        );
    }
}
