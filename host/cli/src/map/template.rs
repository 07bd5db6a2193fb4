//! The key of all events, which may say where they are from.

use std::borrow::Cow;
use std::mem;

use super::about::host;

/// A `fixed_key`, with `{file}` and `{host}` for the file and the machine of a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Template {
    /// The text before each `{file}`.
    before: Vec<String>,
    /// The text behind the last of them: all of it where there is none.
    last: String,
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
            match name {
                "file" => before.push(mem::take(&mut last)),
                "host" => last.push_str(&host()?),
                _ => {
                    return Err(format!(
                        "has `{{{name}}}`, expected `{{file}}` or `{{host}}`; write `{{{{` and \
                         `}}}}` for braces"
                    ));
                }
            }
            rest = behind;
        }
        last.push_str(rest);
        Ok(Template { before, last })
    }

    /// The key of the events of a file; nothing where it names the file, and there is none.
    pub(super) fn fill(&self, file: Option<&str>) -> Option<Cow<'_, str>> {
        if !self.names_file() {
            return Some(Cow::Borrowed(&self.last));
        }
        // Most stores and tools take a leading slash for a folder without a name.
        let file = file?.trim_start_matches('/');
        let mut key = String::new();
        for before in &self.before {
            key.push_str(before);
            key.push_str(file);
        }
        key.push_str(&self.last);
        Some(Cow::Owned(key))
    }

    /// Whether the key depends on the file.
    pub(super) fn names_file(&self) -> bool {
        !self.before.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_and_a_host_are_filled_in() {
        let filled = |text| {
            let template = Template::parse(text).unwrap();
            template.fill(Some("/var/log/a.log")).unwrap().into_owned()
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
        assert_eq!(Template::parse("{file}").unwrap().fill(None), None);
        assert_eq!(Template::parse("a").unwrap().fill(None).as_deref(), Some("a"));
    }

    #[test]
    fn what_is_no_template_is_refused() {
        for (text, said) in [
            ("{key}", "has `{key}`, expected `{file}` or `{host}`; write `{{` and `}}` for braces"),
            ("{}", "has `{}`, expected `{file}` or `{host}`; write `{{` and `}}` for braces"),
            ("a{file", "has a single `{`; write `{{` for it"),
            ("a}", "has a single `}`; write `}}` for it"),
            ("{file}}", "has a single `}`; write `}}` for it"),
        ] {
            assert_eq!(Template::parse(text).unwrap_err(), said, "{text}");
        }
    }
}
