//! The grammar of JSON (RFC 8259), as a cursor that passes over a line and checks it.

use std::fmt;

use super::nesting::{DEPTH_MAX, Nesting};
use super::plain::plain;

/// Where a line ceases to be JSON.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// The byte at fault, counted from 0.
    at: usize,
    problem: &'static str,
}

impl Fault {
    /// The byte at fault, counted from 0.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Whether it lies behind a document that is whole.
    pub(super) fn is_behind(&self) -> bool {
        self.problem == BEHIND
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} at byte {}", self.problem, self.at + 1)
    }
}

/// A place in a line. Between two calls it is at a token: blanks are passed with what is before.
pub(super) struct Cursor<'l> {
    line: &'l [u8],
    at: usize,
    blanks: usize,
    open: Nesting,
}

/// A member's name.
pub(super) struct Name<'l> {
    /// As it lies in the line, in quotes.
    quoted: &'l [u8],
    has_escapes: bool,
}

impl<'l> Cursor<'l> {
    /// At the document of `line`.
    pub(super) fn new(line: &'l [u8]) -> Result<Cursor<'l>, Fault> {
        if let Err(error) = str::from_utf8(line) {
            return Err(Fault { at: error.valid_up_to(), problem: "invalid UTF-8" });
        }
        let mut cursor = Cursor { line, at: 0, blanks: 0, open: Nesting::default() };
        cursor.skip_blanks();
        Ok(cursor)
    }

    /// How many bytes are passed.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// How many of them are blanks between tokens.
    pub(super) fn blanks(&self) -> usize {
        self.blanks
    }

    /// The byte at hand; nothing at the end of the line.
    #[inline]
    pub(super) fn peek(&self) -> Option<u8> {
        self.line.get(self.at).copied()
    }

    /// Checks that nothing follows the document.
    pub(super) fn finish(mut self) -> Result<(), Fault> {
        self.skip_blanks();
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.fault(BEHIND)),
        }
    }

    /// Passes one value with all that is in it. No recursion: the nesting is the sender's choice.
    pub(super) fn skip_value(&mut self) -> Result<(), Fault> {
        let outside = self.open.depth();
        loop {
            let inside = match self.peek() {
                Some(b'{') => self.enter_object()?,
                Some(b'[') => self.enter_array()?,
                Some(b'"') => self.string().map(|_| false)?,
                _ => self.scalar().map(|()| false)?,
            };
            if !inside {
                loop {
                    if self.open.depth() == outside {
                        return Ok(());
                    }
                    if self.goes_on()? {
                        break;
                    }
                }
            }
            if self.open.is_object() {
                self.name()?;
            }
        }
    }

    /// Passes the brace of an object. Whether it has members: if not, its other brace is passed
    /// too.
    #[inline]
    pub(super) fn enter_object(&mut self) -> Result<bool, Fault> {
        self.enter(true, b'}')
    }

    /// Passes the bracket of an array. Whether it has elements: if not, its other bracket is passed
    /// too.
    #[inline]
    pub(super) fn enter_array(&mut self) -> Result<bool, Fault> {
        self.enter(false, b']')
    }

    /// Passes what follows a value inside an array or object. Whether it is a comma, and so another
    /// value.
    #[inline]
    pub(super) fn goes_on(&mut self) -> Result<bool, Fault> {
        self.skip_blanks();
        let object = self.open.is_object();
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                self.skip_blanks();
                Ok(true)
            }
            Some(b'}') if object => Ok(self.leave()),
            Some(b']') if !object => Ok(self.leave()),
            _ if object => Err(self.fault("expected `,` or `}`")),
            _ => Err(self.fault("expected `,` or `]`")),
        }
    }

    /// Passes a member's name and its colon.
    #[inline]
    pub(super) fn name(&mut self) -> Result<Name<'l>, Fault> {
        let start = self.at;
        if self.peek() != Some(b'"') {
            return Err(self.fault("expected a member's name in quotes"));
        }
        let has_escapes = self.string()?;
        let end = self.at;
        self.skip_blanks();
        if !self.take(b':') {
            return Err(self.fault("expected `:`"));
        }
        self.skip_blanks();
        Ok(Name { quoted: &self.line[start..end], has_escapes })
    }

    fn enter(&mut self, object: bool, end: u8) -> Result<bool, Fault> {
        if self.open.depth() == DEPTH_MAX {
            return Err(self.fault("nested more than 256 deep"));
        }
        self.at += 1;
        self.skip_blanks();
        if self.take(end) {
            return Ok(false);
        }
        self.open.push(object);
        Ok(true)
    }

    fn leave(&mut self) -> bool {
        self.at += 1;
        self.open.pop();
        false
    }

    /// Passes a string. Whether it has escapes.
    fn string(&mut self) -> Result<bool, Fault> {
        self.at += 1;
        let mut has_escapes = false;
        loop {
            self.at += plain(&self.line[self.at..]);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(has_escapes);
                }
                Some(b'\\') => {
                    self.escape()?;
                    has_escapes = true;
                }
                Some(_) => return Err(self.fault("a control character in a string")),
                None => return Err(self.fault("expected `\"`")),
            }
        }
    }

    fn escape(&mut self) -> Result<(), Fault> {
        self.at += match &self.line[self.at + 1..] {
            [b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => 2,
            [b'u', hex @ ..] if hex.len() >= 4 && hex[..4].iter().all(u8::is_ascii_hexdigit) => 6,
            _ => return Err(self.fault("a wrong escape in a string")),
        };
        Ok(())
    }

    /// Passes a number, `true`, `false` or `null`.
    fn scalar(&mut self) -> Result<(), Fault> {
        let rest = &self.line[self.at..];
        self.at += match rest.first() {
            Some(b'-' | b'0'..=b'9') => return self.number(),
            Some(b't') if rest.starts_with(b"true") => 4,
            Some(b'f') if rest.starts_with(b"false") => 5,
            Some(b'n') if rest.starts_with(b"null") => 4,
            _ => return Err(self.fault("expected a value")),
        };
        Ok(())
    }

    fn number(&mut self) -> Result<(), Fault> {
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _ = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Fault> {
        let rest = &self.line[self.at..];
        let count = rest.iter().take_while(|digit| digit.is_ascii_digit()).count();
        self.at += count;
        if count == 0 { Err(self.fault("expected a digit")) } else { Ok(()) }
    }

    #[inline]
    fn skip_blanks(&mut self) {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.peek() {
            self.at += 1;
            self.blanks += 1;
        }
    }

    #[inline]
    fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn fault(&self, problem: &'static str) -> Fault {
        Fault { at: self.at, problem }
    }
}

const BEHIND: &str = "something follows the document";

impl Name<'_> {
    /// Whether the name, its escapes decoded, is this one.
    pub(super) fn is(&self, wanted: &str) -> bool {
        if self.has_escapes {
            return serde_json::from_slice::<String>(self.quoted).is_ok_and(|name| name == wanted);
        }
        &self.quoted[1..self.quoted.len() - 1] == wanted.as_bytes()
    }
}
