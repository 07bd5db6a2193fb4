//! What is known of a line beside its bytes.

use super::clock::Clock;
use super::jq::Value;

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
    /// How many bytes are before the line.
    pub offset: u64,
}

/// The variables that an expression uses.
pub(super) struct Variables(Vec<Variable>);

#[derive(Debug, PartialEq, Eq)]
enum Variable {
    File,
    Line,
    Offset,
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
            Variable::Host(_) => "$host",
        })
    }

    /// What they are for a line.
    pub(super) fn values(&self, about: &About<'_>) -> impl Iterator<Item = Value> {
        let LinePlace { file, line, offset } = about.place;
        self.0.iter().map(move |variable| match variable {
            Variable::File => file.map_or(Value::Null, |file| Value::from(file.to_owned())),
            Variable::Line => Value::from(line as usize),
            Variable::Offset => Value::from(offset as usize),
            Variable::Host(name) => Value::from(name.clone()),
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
}
