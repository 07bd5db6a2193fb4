//! Fields of a JSON object, and what is wrong with them: the configuration of the components beside
//! this crate.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The field, with dots between its levels.
    pub field: String,
    /// What was seen, and what is allowed.
    pub message: String,
}

impl Problem {
    /// The field and the message. Each is cut to the 4 KiB that the contract allows.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Problem {
        Problem { field: bounded(field.into()), message: bounded(message.into()) }
    }

    /// The same problem of the field `outer`, in which the whole configuration stands.
    pub fn within(self, outer: &str) -> Problem {
        let Problem { field, message } = self;
        let dot = if field.is_empty() || field.starts_with('[') { "" } else { "." };
        Problem::new(format!("{outer}{dot}{field}"), message)
    }
}

/// The fields of a JSON object that were not taken yet, as they were written.
pub struct Fields<'a> {
    /// Where the object stands: nothing, or the name of a field.
    place: String,
    values: BTreeMap<String, &'a RawValue>,
}

impl<'a> Fields<'a> {
    /// Reads an object that may have the fields `names`, and no others. `place` is the field that
    /// it stands in; nothing for the whole configuration.
    ///
    /// Returns what could be read; the rest is added to `problems`.
    pub fn read(
        json: &'a str,
        place: &str,
        names: &[&str],
        problems: &mut Vec<Problem>,
    ) -> Fields<'a> {
        let mut fields = Fields { place: place.to_owned(), values: BTreeMap::new() };
        if !json.trim_start().starts_with('{') {
            problems.push(Problem::new(place, "expected a JSON object"));
            return fields;
        }
        match serde_json::from_str(json) {
            Ok(values) => fields.values = values,
            Err(error) => problems.push(Problem::new(place, format!("not JSON: {error}"))),
        }
        let is_unknown = |name: &String, _: &mut &RawValue| !names.contains(&name.as_str());
        for (name, _) in fields.values.extract_if(.., is_unknown).collect::<Vec<_>>() {
            let name = shown(&name);
            problems.push(Problem::new(fields.name(&name), unknown(&name, names)));
        }
        fields
    }

    /// Takes a field as it was written.
    pub fn raw(&mut self, name: &str) -> Option<&'a str> {
        self.values.remove(name).map(RawValue::get)
    }

    /// Takes a field that is `expected`, if it is there.
    pub fn take<T: DeserializeOwned>(
        &mut self,
        name: &str,
        expected: &str,
        problems: &mut Vec<Problem>,
    ) -> Option<T> {
        let value = serde_json::from_str(self.raw(name)?).ok();
        if value.is_none() {
            problems.push(Problem::new(self.name(name), format!("expected {expected}")));
        }
        value
    }

    /// The whole name of a field.
    pub fn name(&self, name: &str) -> String {
        if self.place.is_empty() { name.to_owned() } else { format!("{}.{name}", self.place) }
    }
}

/// What is wrong with a name that is none of `names`: the nearest one, or all of them.
pub fn unknown(name: &str, names: &[&str]) -> String {
    let near = names.iter().map(|n| (strsim::damerau_levenshtein(name, n), n));
    let near = near.filter(|(distance, n)| *distance <= 1 + n.len() / 4);
    match near.min_by_key(|(distance, _)| *distance) {
        Some((_, near)) => format!("unknown field; did you mean `{near}`?"),
        None => format!("unknown field; there are {}", names.join(", ")),
    }
}

/// As many of the problems as the contract allows: 100 with 64 KiB of text. If there are more, the
/// last one says how many are left out.
pub fn trimmed(mut problems: Vec<Problem>) -> Vec<Problem> {
    if problems.len() <= PROBLEMS_MAX && bytes_of(&problems) <= PROBLEMS_BYTES_MAX {
        return problems;
    }
    let all = problems.len();
    problems.truncate(PROBLEMS_MAX - 1);
    // The one that says so needs room, too.
    while bytes_of(&problems) > PROBLEMS_BYTES_MAX - TEXT_BYTES_MAX {
        problems.pop();
    }
    // Of those that another component told, some may have been left out before.
    let more = format!("at least {} more problems, which are not shown", all - problems.len());
    problems.push(Problem::new("", more));
    problems
}

fn bytes_of(problems: &[Problem]) -> usize {
    problems.iter().map(|problem| problem.field.len() + problem.message.len()).sum()
}

/// The beginning of a value of the configuration, for a message: 100 characters at most.
pub fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A text of at most 4 KiB, which is what the contract allows.
pub fn bounded(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX));
    text
}

const TEXT_BYTES_MAX: usize = 4_096;
const PROBLEMS_MAX: usize = 100;
const PROBLEMS_BYTES_MAX: usize = 64 << 10;
const SHOWN_CHARS_MAX: usize = 100;
