//! What is known of a line beside its bytes.

use super::clock::Clock;
use super::jq::{self, Value};
use crate::source::{Partition, Record};

/// What is known of a line beside its bytes.
#[derive(Debug, Default)]
pub struct About<'a> {
    /// What expressions take for the time.
    pub clock: Clock,
    /// Where the line lies.
    pub place: LinePlace<'a>,
}

/// Where a line lies.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct LinePlace<'a> {
    /// The file as it is named now; nothing for standard input.
    pub file: Option<&'a str>,
    /// The number of the line in it, from 1: of an event of several lines that of its first.
    pub line: u64,
    /// How many bytes are before the line. Of a record, its offset in the partition.
    pub offset: u64,
    /// The record that the line is, if it is one. It has no line number.
    pub record: Option<RecordPlace<'a>>,
}

/// A record of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordPlace<'a> {
    /// The partition.
    pub partition: &'a Partition,
    /// What it has beside its value, where a map asks for that.
    pub record: Option<&'a Record>,
}

/// The variables that an expression uses.
pub(super) struct Variables(Vec<Variable>);

#[derive(Debug, PartialEq, Eq)]
enum Variable {
    File,
    Line,
    Offset,
    Topic,
    Partition,
    Timestamp,
    Key,
    Headers,
    /// The name of the machine.
    Host(String),
}

impl Variables {
    /// Those that the text of an expression names. What it does not name costs nothing.
    ///
    /// # Errors
    ///
    /// The system does not tell the name of the host, and the expression asks for it.
    pub(super) fn of(text: &str) -> Result<Variables, String> {
        let mut found = Vec::new();
        for rest in text.split('$').skip(1) {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            let variable = match &rest[..end.unwrap_or(rest.len())] {
                "file" => Variable::File,
                "line" => Variable::Line,
                "offset" => Variable::Offset,
                "topic" => Variable::Topic,
                "partition" => Variable::Partition,
                "timestamp" => Variable::Timestamp,
                "key" => Variable::Key,
                "headers" => Variable::Headers,
                "host" => Variable::Host(host()?),
                _ => continue,
            };
            if !found.contains(&variable) {
                found.push(variable);
            }
        }
        Ok(Variables(found))
    }

    /// Their names, in the order of [`values`](Variables::values).
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|variable| match variable {
            Variable::File => "$file",
            Variable::Line => "$line",
            Variable::Offset => "$offset",
            Variable::Topic => "$topic",
            Variable::Partition => "$partition",
            Variable::Timestamp => "$timestamp",
            Variable::Key => "$key",
            Variable::Headers => "$headers",
            Variable::Host(_) => "$host",
        })
    }

    /// What they are for a line.
    pub(super) fn values(&self, about: &About<'_>) -> impl Iterator<Item = Value> {
        let LinePlace { file, line, offset, record: place } = about.place;
        let text = |text: &str| Value::from(text.to_owned());
        let record = place.and_then(|place| place.record);
        self.0.iter().map(move |variable| match variable {
            Variable::File => file.map_or(Value::Null, text),
            Variable::Line if place.is_some() => Value::Null,
            Variable::Line => Value::from(line as usize),
            Variable::Offset => Value::from(offset as usize),
            Variable::Topic => place.map_or(Value::Null, |place| text(&place.partition.topic)),
            Variable::Partition => {
                place.map_or(Value::Null, |place| Value::from(place.partition.number as isize))
            }
            Variable::Timestamp => {
                let timestamp = record.and_then(|record| record.timestamp);
                timestamp.map_or(Value::Null, |timestamp| Value::from(timestamp as isize))
            }
            Variable::Key => jq::bytes(record.and_then(|record| record.key.as_deref())),
            Variable::Headers => match record {
                Some(record) => jq::object(&record.headers),
                None => Value::Null,
            },
            Variable::Host(name) => text(name),
        })
    }

    /// Whether one of them says where the line lies.
    pub(super) fn are_of_place(&self) -> bool {
        self.0.iter().any(|variable| !matches!(variable, Variable::Host(_)))
    }
}

/// The name of the machine.
///
/// # Errors
///
/// The system does not tell it.
pub(super) fn host() -> Result<String, String> {
    let name = hostname::get().map_err(|error| format!("the name of the host: {error}"))?;
    Ok(name.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_an_expression_names_is_bound() {
        let names = |text| Variables::of(text).unwrap().names().collect::<Vec<_>>();
        assert_eq!(names("{a: .b}"), [""; 0]);
        assert_eq!(names("{f: $file, l: $line, o: $offset, again: $file}").len(), 3);
        assert_eq!(names(". as $files | $line_no"), [""; 0]);
        assert_eq!(names("$host"), ["$host"]);
        assert!(!Variables::of("$host").unwrap().are_of_place());
        assert!(Variables::of("$offset").unwrap().are_of_place());
    }

    #[test]
    fn a_record_is_told_with_all_that_it_has() {
        let variables = "$topic $partition $offset $timestamp $key $headers $line";
        let variables = Variables::of(variables).unwrap();
        let partition = Partition { topic: "t".to_owned(), number: 3 };
        let header =
            |name: &str, value: Option<&[u8]>| (name.to_owned(), value.map(<[u8]>::to_vec));
        let record = Record {
            timestamp: Some(1_777_631_400_123),
            key: Some(b"k\xC3\xA9y".to_vec()),
            headers: vec![header("a", Some(b"1")), header("b", None), header("a", Some(b"2"))],
        };
        let place = RecordPlace { partition: &partition, record: Some(&record) };
        let place = LinePlace { offset: 41, record: Some(place), ..LinePlace::default() };
        let about = About { place, ..About::default() };
        let values: Vec<String> = variables.values(&about).map(|v| v.to_string()).collect();
        let wanted =
            ["\"t\"", "3", "41", "1777631400123", "\"kéy\"", r#"{"a":"2","b":null}"#, "null"];
        assert_eq!(values, wanted);
        // A line of a file has none of it.
        let nowhere = About::default();
        let values = variables.values(&nowhere).map(|v| v.to_string());
        let wanted = ["null", "null", "0", "null", "null", "null", "0"];
        assert_eq!(values.collect::<Vec<_>>(), wanted);
    }
}
