//! Parses the properties of objects.

use crate::config::RawConfig;
use crate::error::Problem;
use crate::s3::Header;
use crate::settings::is_set;
use crate::sigv4::uri_encode;
use crate::time::Timestamp;

/// The properties of all objects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectSettings {
    /// The headers that are the same for all objects.
    pub headers: Vec<Header>,
    /// Whether the configuration sets `content_encoding`, also to nothing. Otherwise
    /// `Content-Encoding` follows from the compression.
    pub sets_content_encoding: bool,
    /// The retention of all objects.
    pub retention: Option<Retention>,
}

/// How long an object is locked, and how.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html>
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retention {
    /// `GOVERNANCE` or `COMPLIANCE`.
    pub mode: String,
    /// When the lock ends.
    pub until: RetainUntil,
}

/// When a lock ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetainUntil {
    /// At this time.
    At(Timestamp),
    /// This number of days after the request that creates the object or its upload.
    Days(u64),
}

impl RetainUntil {
    /// The end of the lock of an object that is created at `now`.
    pub fn moment(self, now: Timestamp) -> Timestamp {
        match self {
            RetainUntil::At(moment) => moment,
            RetainUntil::Days(days) => {
                Timestamp(now.0.saturating_add(days.saturating_mul(NANOSECONDS_PER_DAY)))
            }
        }
    }
}

/// `is_verified` tells whether each request has a checksum or a hash that S3 verifies.
pub(super) fn object(
    raw: &RawConfig,
    is_verified: bool,
    problems: &mut Vec<Problem>,
) -> ObjectSettings {
    let mut headers = Vec::new();
    for (field, header) in HEADERS {
        if let Some(value) = raw.text(field) {
            headers.push(((*header).into(), value.to_owned()));
        }
    }
    let encoding = content_encoding(raw, problems);
    headers.extend(encoding.map(|value| ("content-encoding".into(), value)));
    headers.extend(tagging(raw, problems).map(|value| ("x-amz-tagging".into(), value)));
    headers.extend(metadata(raw, problems));
    check_lock(raw, is_verified, problems);
    let sets_content_encoding = raw.is_set("content_encoding");
    ObjectSettings { headers, sets_content_encoding, retention: retention(raw, problems) }
}

/// The fields that are sent unchanged, with their headers.
const HEADERS: &[(&str, &str)] = &[
    ("content_type", "content-type"),
    ("content_disposition", "content-disposition"),
    ("content_language", "content-language"),
    ("cache_control", "cache-control"),
    ("storage_class", "x-amz-storage-class"),
    ("acl", "x-amz-acl"),
    ("object_lock_legal_hold", "x-amz-object-lock-legal-hold"),
];

/// The value of `Content-Encoding`, if it is set and not empty.
fn content_encoding(raw: &RawConfig, problems: &mut Vec<Problem>) -> Option<String> {
    let value = raw.text("content_encoding")?;
    if value.split(',').any(|coding| coding.trim().eq_ignore_ascii_case("aws-chunked")) {
        let message =
            "`aws-chunked` would say that requests are signed in pieces, and they are not";
        problems.push(Problem::new("content_encoding", message));
    }
    (value != "none").then(|| value.to_owned())
}

/// The tags, encoded as a query.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html>
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_S3Tag.html>
fn tagging(raw: &RawConfig, problems: &mut Vec<Problem>) -> Option<String> {
    // S3 counts UTF-16 code units.
    let len = |text: &str| text.encode_utf16().count();
    for (key, value) in raw.texts("tags") {
        let mut refuse = |message| problems.push(Problem::new("tags", message));
        match (len(key), len(value)) {
            (0, _) => refuse("a key that is empty".to_owned()),
            (count, _) if count > TAG_KEY_MAX => {
                refuse(format!("a key of {count} characters; the limit is {TAG_KEY_MAX}"));
            }
            (_, count) if count > TAG_VALUE_MAX => refuse(format!(
                "`{key}` has a value of {count} characters; the limit is {TAG_VALUE_MAX}"
            )),
            _ if key.get(..4).is_some_and(|begin| begin.eq_ignore_ascii_case("aws:")) => {
                refuse(format!("`{key}`: keys that begin with `aws:` are reserved"));
            }
            _ => {}
        }
        if let Some(other) = key.chars().chain(value.chars()).find(|c| !is_of_tags(*c)) {
            let code = u32::from(other);
            refuse(format!(
                "a tag has U+{code:04X}, but letters, digits, blanks and `+ - = . _ : / @` are \
                 wanted"
            ));
        }
    }
    let pairs = raw.texts("tags");
    let pairs = pairs.map(|(key, value)| format!("{}={}", uri_encode(key), uri_encode(value)));
    Some(pairs.collect::<Vec<_>>().join("&")).filter(|query| !query.is_empty())
}

fn is_of_tags(c: char) -> bool {
    let is_blank = c.is_whitespace() && !c.is_control();
    c.is_alphanumeric() || is_blank || "+-=._:/@".contains(c)
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html>
fn metadata(raw: &RawConfig, problems: &mut Vec<Problem>) -> Vec<Header> {
    let mut headers: Vec<Header> = Vec::new();
    let mut bytes = NONCE.len() + NONCE_BYTES;
    for (written_as, value) in raw.texts("metadata") {
        let name = written_as.to_ascii_lowercase();
        bytes += name.len() + value.len();
        let header = format!("x-amz-meta-{name}");
        if let Some(message) = wrong_metadata(&name, value) {
            problems.push(Problem::new("metadata", message));
        } else if headers.iter().any(|(before, _)| *before == header) {
            let message = format!("`{name}` stands there twice: S3 sees no capitals");
            problems.push(Problem::new("metadata", message));
        }
        headers.push((header.into(), value.to_owned()));
    }
    if bytes > METADATA_BYTES_MAX {
        let ours = NONCE.len() + NONCE_BYTES;
        let message = format!(
            "{} bytes of names and values, but {} are the most: S3 takes {METADATA_BYTES_MAX}, and \
             `{NONCE}` has {ours} of them",
            bytes - ours,
            METADATA_BYTES_MAX - ours
        );
        problems.push(Problem::new("metadata", message));
    }
    headers
}

/// The reason why a metadata entry is invalid, if it is.
fn wrong_metadata(name: &str, value: &str) -> Option<String> {
    // The characters of a header's name: <https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2>
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if name == NONCE {
        return Some(format!("`{NONCE}` is written by Spillway itself"));
    }
    if name.starts_with("x-amz-meta-") {
        return Some(format!("`{name}`: names are written without `x-amz-meta-`"));
    }
    if name.is_empty() || !name.chars().all(is_token) {
        return Some(format!("`{}` is no header's name", name.escape_debug()));
    }
    if let Some(at) = value.chars().position(|c| c != ' ' && !c.is_ascii_graphic()) {
        return Some(format!("character {} of `{name}` is not printable ASCII", at + 1));
    }
    let has_ends = value.starts_with(' ') || value.ends_with(' ');
    has_ends.then(|| format!("`{name}` has a blank at its beginning or end, which would be lost"))
}

fn retention(raw: &RawConfig, problems: &mut Vec<Problem>) -> Option<Retention> {
    let (at, days) = ("object_lock_retain_until", "object_lock_retain_days");
    let mode = raw.text("object_lock_mode");
    let until = match (raw.text(at), raw.number(days)) {
        (Some(text), days_too) => {
            if days_too.is_some() {
                let message = format!("set, and so is `{at}`; set only one of the two");
                problems.push(Problem::new(days, message));
            }
            let moment = Timestamp::parse_iso8601(text);
            if moment.is_none() {
                let message =
                    format!("`{text}` is no moment such as `2035-01-31T00:00:00Z`, in UTC");
                problems.push(Problem::new(at, message));
            }
            Some(RetainUntil::At(moment.unwrap_or_default()))
        }
        (None, days) => days.map(RetainUntil::Days),
    };
    match (mode, until) {
        (Some(mode), Some(until)) => return Some(Retention { mode: mode.to_owned(), until }),
        (Some(mode), None) if ![at, days].iter().any(|f| is_set(f, raw, problems)) => {
            let message = format!("`{mode}`, but for how long say `{at}` or `{days}`");
            problems.push(Problem::new("object_lock_mode", message));
        }
        (None, Some(_)) if !is_set("object_lock_mode", raw, problems) => {
            let field = if raw.is_set(at) { at } else { days };
            let message = "set, but `object_lock_mode` is not";
            problems.push(Problem::new(field, message));
        }
        _ => {}
    }
    None
}

/// S3 requires a checksum for objects with a lock:
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html>
fn check_lock(raw: &RawConfig, is_verified: bool, problems: &mut Vec<Problem>) {
    let fields = ["object_lock_mode", "object_lock_legal_hold"];
    for field in fields.into_iter().filter(|field| !is_verified && raw.is_set(field)) {
        let message = "S3 locks only what comes with a checksum or `Content-MD5`, but `checksum` \
                       is \
                       `none` and `content_md5` is not set";
        problems.push(Problem::new(field, message));
    }
}

const TAG_KEY_MAX: usize = 128;
const TAG_VALUE_MAX: usize = 256;
const METADATA_BYTES_MAX: usize = 2_048;
const NANOSECONDS_PER_DAY: u64 = 86_400_000_000_000;

/// The name of the metadata entry with the nonce.
pub(crate) const NONCE: &str = "spillway-nonce";
/// The length of a nonce, in bytes.
pub(crate) const NONCE_BYTES: usize = 32;

#[cfg(test)]
mod tests;
