//! The key of all events, which may say where they are from.

use std::borrow::Cow;
use std::mem;

use super::about::{LinePlace, host};

/// A `fixed_key`, with `{file}`, `{topic}`, `{partition}` and `{host}` for what a line is of.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Template {
    /// What is filled in, each with the text before it.
    before: Vec<(String, Blank)>,
    /// The text behind the last of them: all of it where there is none.
    last: String,
}

/// What is filled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Blank {
    File,
    Topic,
    Partition,
}

impl Template {
    /// Reads a template, in which `{{` and `}}` stand for braces.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Template, String> {
        let (mut before, mut last) = (Vec::new(), String::new());
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            last.push_str(&rest[..at]);
            let brace = &rest[at..=at];
            rest = &rest[at + 1..];
            if let Some(behind) = rest.strip_prefix(brace) {
                last.push_str(brace);
                rest = behind;
                continue;
            }
            let (name, behind) = match rest.split_once('}') {
                Some(parts) if brace == "{" => parts,
                _ => return Err(format!("has a single `{brace}`; write `{brace}{brace}` for it")),
            };
            let blank = match name {
                "file" => Some(Blank::File),
                "topic" => Some(Blank::Topic),
                "partition" => Some(Blank::Partition),
                "host" => None,
                _ => {
                    return Err(format!(
                        "has `{{{name}}}`, expected `{{file}}`, `{{topic}}`, `{{partition}}` or \
                         `{{host}}`; write `{{{{` and `}}}}` for braces"
                    ));
                }
            };
            match blank {
                Some(blank) => before.push((mem::take(&mut last), blank)),
                None => last.push_str(&host()?),
            }
            rest = behind;
        }
        last.push_str(rest);
        Ok(Template { before, last })
    }

    /// The key of the events that lie there; nothing where it names what they are not of.
    pub(super) fn fill(&self, place: &LinePlace<'_>) -> Option<Cow<'_, str>> {
        if self.before.is_empty() {
            return Some(Cow::Borrowed(&self.last));
        }
        let partition = place.record.map(|record| record.partition);
        let mut key = String::new();
        for (before, blank) in &self.before {
            key.push_str(before);
            match blank {
                // Most stores and tools take a leading slash for a folder without a name.
                Blank::File => key.push_str(place.file?.trim_start_matches('/')),
                Blank::Topic => key.push_str(&partition?.topic),
                Blank::Partition => key.push_str(&partition?.number.to_string()),
            }
        }
        key.push_str(&self.last);
        Some(Cow::Owned(key))
    }

    /// Whether the key depends on the file.
    pub(super) fn names_file(&self) -> bool {
        self.before.iter().any(|(_, blank)| *blank == Blank::File)
    }

    /// Whether the key depends on the partition of a topic.
    pub(super) fn names_partition(&self) -> bool {
        self.before.iter().any(|(_, blank)| *blank != Blank::File)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map::RecordPlace;
    use crate::source::Partition;

    #[test]
    fn a_file_and_a_host_are_filled_in() {
        let filled = |text| {
            let template = Template::parse(text).unwrap();
            let place = LinePlace { file: Some("/var/log/a.log"), ..LinePlace::default() };
            template.fill(&place).unwrap().into_owned()
        };
        assert_eq!(filled("all"), "all");
        assert_eq!(filled("{file}"), "var/log/a.log");
        assert_eq!(filled("logs/{file}/é-{file}"), "logs/var/log/a.log/é-var/log/a.log");
        assert_eq!(filled("{{{file}}}-{{file}}"), "{var/log/a.log}-{file}");
        let host = host().unwrap();
        assert!(!host.is_empty());
        assert_eq!(filled("{host}:{file}"), format!("{host}:var/log/a.log"));
    }

    #[test]
    fn a_key_that_names_the_file_needs_one() {
        let nowhere = LinePlace::default();
        assert_eq!(Template::parse("{file}").unwrap().fill(&nowhere), None);
        assert_eq!(Template::parse("{topic}").unwrap().fill(&nowhere), None);
        assert_eq!(Template::parse("a").unwrap().fill(&nowhere).as_deref(), Some("a"));
    }

    #[test]
    fn a_topic_and_a_partition_are_filled_in() {
        let partition = Partition { topic: "orders".to_owned(), number: 12 };
        let record = Some(RecordPlace { partition: &partition, record: None });
        let place = LinePlace { record, ..LinePlace::default() };
        let template = Template::parse("in/{topic}/{partition}/all").unwrap();
        assert!(template.names_partition() && !template.names_file());
        assert_eq!(template.fill(&place).as_deref(), Some("in/orders/12/all"));
        assert_eq!(Template::parse("{file}").unwrap().fill(&place), None);
    }

    #[test]
    fn what_is_no_template_is_refused() {
        for (text, said) in [
            (
                "{key}",
                "has `{key}`, expected `{file}`, `{topic}`, `{partition}` or `{host}`; write `{{` \
                 and `}}` for braces",
            ),
            (
                "{}",
                "has `{}`, expected `{file}`, `{topic}`, `{partition}` or `{host}`; write `{{` and \
                 `}}` for braces",
            ),
            ("a{file", "has a single `{`; write `{{` for it"),
            ("a}", "has a single `}`; write `}}` for it"),
            ("{file}}", "has a single `}`; write `}}` for it"),
        ] {
            assert_eq!(Template::parse(text).unwrap_err(), said, "{text}");
        }
    }
}
