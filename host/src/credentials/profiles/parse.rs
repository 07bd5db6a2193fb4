//! From text to sections, and to the text that the SDK takes.
//!
//! What is taken is what Python's `configparser` takes, with which the AWS command line reads these
//! files. <https://docs.python.org/3/library/configparser.html#supported-ini-file-structure>

use std::fmt;
use std::fmt::Write as _;

/// Which of the two files it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Config,
    Credentials,
}

/// A section of a file: `[profile name]`.
#[derive(Clone, Debug)]
pub(super) struct Section {
    /// `profile`, `sso-session`, `services`.
    pub(super) prefix: String,
    pub(super) name: String,
    kind: Kind,
    properties: Vec<Property>,
}

/// A line of a section, and those that belong to it.
#[derive(Clone)]
pub(super) struct Property {
    name: String,
    pub(super) value: String,
    /// What follows it, further to the right.
    pub(super) nested: Vec<String>,
}

/// It may hold a secret.
impl fmt::Debug for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Property").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The sections of a file, or the line that is wrong and why.
pub(super) fn sections(text: &str, kind: Kind) -> Result<Vec<Section>, (usize, &'static str)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut parser = Parser { kind, sections: Vec::new(), state: State::Outside, indent: 0 };
    for (index, line) in text.split('\n').enumerate() {
        parser.read(line).map_err(|what| (index + 1, what))?;
    }
    parser.sections.retain(|section| !section.prefix.is_empty());
    Ok(parser.sections)
}

struct Parser {
    kind: Kind,
    sections: Vec<Section>,
    state: State,
    /// How far to the right the last section or property began.
    indent: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the first section.
    Outside,
    /// Behind a section's name.
    Section,
    /// Behind a property.
    Property,
}

impl Parser {
    fn read(&mut self, line: &str) -> Result<(), &'static str> {
        let text = line.trim();
        if text.is_empty() || text.starts_with(['#', ';']) {
            return Ok(());
        }
        let indent = line.chars().take_while(|c| c.is_whitespace()).count();
        if self.state == State::Property && indent > self.indent {
            return self.read_nested(text);
        }
        self.indent = indent;
        if text.starts_with('[') {
            self.sections.push(section(text, self.kind)?);
            self.state = State::Section;
            return Ok(());
        }
        let Some(section) = self.sections.last_mut() else {
            return Err("it is before the first section, such as `[default]`");
        };
        let at = text.find(['=', ':']).ok_or("it is neither a section nor `name = value`")?;
        let name = text[..at].trim().to_ascii_lowercase();
        if name.is_empty() {
            return Err("it has no name before the `=`");
        }
        let value = without_comment(text[at + 1..].trim()).to_owned();
        section.properties.push(Property { name, value, nested: Vec::new() });
        self.state = State::Property;
        Ok(())
    }

    fn read_nested(&mut self, text: &str) -> Result<(), &'static str> {
        let property = self.sections.last_mut().and_then(|s| s.properties.last_mut());
        let Some(property) = property else { return Ok(()) };
        let text = without_comment(text);
        if property.value.is_empty() && !text.contains('=') {
            return Err("it is indented, so it belongs to the line above, but it is not `name = \
                        value`");
        }
        if !property.value.is_empty() && property.name.starts_with("aws_") {
            return Err("it is indented more than the line above, so it belongs to that line's \
                        value; indent both lines equally");
        }
        property.nested.push(text.to_owned());
        Ok(())
    }
}

/// The section that a line begins. One that is none of the known has an empty prefix.
fn section(line: &str, kind: Kind) -> Result<Section, &'static str> {
    let of = |prefix: &str, name: &str| Section {
        prefix: prefix.to_owned(),
        name: name.to_owned(),
        kind,
        properties: Vec::new(),
    };
    let inner = inner(&line[1..]).ok_or("it begins a section with `[`, but has no `]`")?.trim();
    if inner.is_empty() {
        return Err("it begins a section without a name");
    }
    if kind == Kind::Credentials {
        let name = words(inner).filter(|words| words.len() == 1 && inner.starts_with(['"', '\'']));
        let name = name.and_then(|mut words| words.pop());
        return Ok(of("profile", name.as_deref().unwrap_or(inner)));
    }
    let words = words(inner).unwrap_or_default();
    Ok(match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["default"] => of("profile", "default"),
        [prefix @ ("profile" | "sso-session" | "services"), name] => of(prefix, name),
        _ => of("", ""),
    })
}

/// What stands before the `]` that ends a section's name. One in quotes does not.
fn inner(text: &str) -> Option<&str> {
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (None, ']') => return Some(&text[..at]),
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            _ => {}
        }
    }
    // A quote that is none.
    text.split_once(']').map(|(inner, _)| inner)
}

/// The words of a text as a shell has them, or nothing where a quote is not closed.
fn words(text: &str) -> Option<Vec<String>> {
    let mut words: Vec<String> = Vec::new();
    let (mut quote, mut is_open) = (None, false);
    for c in text.chars() {
        match (quote, c) {
            (Some(open), c) if open == c => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                if !is_open {
                    words.push(String::new());
                }
                is_open = true;
            }
            (None, c) if c.is_whitespace() => is_open = false,
            (_, c) => {
                if !is_open {
                    words.push(String::new());
                }
                is_open = true;
                words.last_mut()?.push(c);
            }
        }
    }
    quote.is_none().then_some(words)
}

/// A comment begins behind a blank; other than that, `#` and `;` are letters of a value.
fn without_comment(text: &str) -> &str {
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        if matches!(c, '#' | ';') && before.is_whitespace() {
            return text[..at].trim_end();
        }
        before = c;
    }
    text
}

impl Section {
    pub(super) fn is_profile(&self) -> bool {
        self.prefix == "profile"
    }

    /// The last property of that name: what is written twice counts as it is written last.
    pub(super) fn find(&self, name: &str) -> Option<&Property> {
        self.properties.iter().rev().find(|property| property.name == name)
    }
}

/// As the SDK reads it. It has no names with blanks, so names are written in another way, and where
/// they are referred to as well.
impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = encoded(&self.name);
        match self.kind {
            Kind::Config => writeln!(f, "[{} {name}]", self.prefix)?,
            Kind::Credentials => writeln!(f, "[{name}]")?,
        }
        for Property { name, value, nested } in &self.properties {
            let is_reference =
                matches!(name.as_str(), "source_profile" | "sso_session" | "services");
            let value = match name.as_str() {
                // The SDK starts it with this process's standard input, which may hold events.
                "credential_process" if !value.is_empty() => format!("{NO_INPUT} {value}"),
                _ if is_reference => encoded(value),
                _ => value.clone(),
            };
            writeln!(f, "{name} = {value}")?;
            nested.iter().try_for_each(|line| writeln!(f, "  {line}"))?;
        }
        Ok(())
    }
}

/// Closes the standard input of the commands behind it, as a shell takes it.
const NO_INPUT: &str = "exec </dev/null;";

/// A name in letters that the SDK takes in a name.
pub(in super::super) fn encoded(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'_' | b'-' | b'/' | b'.' | b'@' | b':' | b'+' => encoded.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => encoded.push(char::from(byte)),
            byte => {
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the SDK is given.
    fn read(kind: Kind, text: &str) -> String {
        sections(text, kind).unwrap().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_the_command_line_takes_is_taken() {
        let cases = [
            ("[default]\n  a = 1\n  b = 2\n", "[profile default]\na = 1\nb = 2\n"),
            ("\u{feff}[default]\r\na=1\r\n", "[profile default]\na = 1\n"),
            ("  [default]\n\ta : 1\n\n# no\n   ; no\n\tB=2", "[profile default]\na = 1\nb = 2\n"),
            ("[profile x] ; old ]\na = 1 # why\nb = 1#2", "[profile x]\na = 1\nb = 1#2\n"),
            ("[profile \"my team\"]\na = ", "[profile my%20team]\na = \n"),
            ("[ profile\t'a]b' ]\na = b=c:d", "[profile a%5Db]\na = b=c:d\n"),
            (
                "[profile a%b]\n[profile x]\nsource_profile = a%b",
                "[profile a%25b]\n[profile x]\nsource_profile = a%25b\n",
            ),
            (
                "[sso-session \"my sso\"]\n[services s]\ns3 =\n  endpoint_url = http://x # y\n",
                "[sso-session my%20sso]\n[services s]\ns3 = \n  endpoint_url = http://x\n",
            ),
            (
                "[profile x]\ncredential_process = a 'b c' | d\n",
                "[profile x]\ncredential_process = exec </dev/null; a 'b c' | d\n",
            ),
            // Nobody reads these, as on the command line.
            ("[x]\na = 1\n[profile a b]\na = 1\n[profile \"a]\na = 1\n[plugins]\n a = 1", ""),
            ("", ""),
        ];
        for (text, wanted) in cases {
            assert_eq!(read(Kind::Config, text), wanted, "{text:?}");
        }
        let text = "[my team]\na = 1\n['x y']\na = 2\n[my team]\nb = 3\n";
        let wanted = "[my%20team]\na = 1\n[x%20y]\na = 2\n[my%20team]\nb = 3\n";
        assert_eq!(read(Kind::Credentials, text), wanted);
    }

    #[test]
    fn what_is_broken_is_told_with_its_line() {
        let cases = [
            ("a = s3cret\n", 1, "before the first section"),
            ("[default]\na = 1\n\ns3cret\n", 4, "neither a section nor"),
            ("[default]\n= s3cret\n", 2, "no name before"),
            ("[default\na = 1\n", 1, "no `]`"),
            ("# x\n[ ]\n", 2, "without a name"),
            ("[default]\r\ns3 =\r\n  s3cret\r\n", 3, "belongs to the line above"),
            (
                "[default]\naws_access_key_id = A\n  aws_secret_access_key = s3cret\n",
                3,
                "indented more",
            ),
        ];
        for (text, line, said) in cases {
            let (found, what) = sections(text, Kind::Config).unwrap_err();
            assert!(found == line && what.contains(said), "{text:?}: {found}: {what}");
        }
    }
}
