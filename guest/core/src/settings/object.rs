//! What is said about every object, from what is written about it.

use crate::config::Written;
use crate::error::Problem;
use crate::s3::Header;
use crate::settings::is_said;
use crate::sigv4::uri_encode;
use crate::time::Timestamp;

/// What is said about every object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectSettings {
    /// What is the same for each of them, as headers.
    pub headers: Vec<Header>,
    /// Whether they say how objects are encoded, or are told to say nothing of it. Otherwise that
    /// follows from how they are compressed.
    pub encoding_is_said: bool,
    /// For how long they are locked.
    pub retention: Option<Retention>,
}

/// For how long an object is locked, and how.
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
    /// Then.
    At(Timestamp),
    /// So many days after the request that begins the object.
    Days(u64),
}

impl RetainUntil {
    /// The moment, for an object that is begun `now`.
    pub fn moment(self, now: Timestamp) -> Timestamp {
        match self {
            RetainUntil::At(moment) => moment,
            RetainUntil::Days(days) => {
                Timestamp(now.0.saturating_add(days.saturating_mul(NANOSECONDS_PER_DAY)))
            }
        }
    }
}

/// `is_verified` says whether each request has something that its bytes are compared with.
pub(super) fn object(
    written: &Written,
    is_verified: bool,
    problems: &mut Vec<Problem>,
) -> ObjectSettings {
    let mut headers = Vec::new();
    for (field, header) in HEADERS {
        if let Some(value) = written.text(field) {
            headers.push(((*header).into(), value.to_owned()));
        }
    }
    let encoding = content_encoding(written, problems);
    headers.extend(encoding.map(|value| ("content-encoding".into(), value)));
    headers.extend(tagging(written, problems).map(|value| ("x-amz-tagging".into(), value)));
    headers.extend(metadata(written, problems));
    check_lock(written, is_verified, problems);
    let encoding_is_said = written.is_written("content_encoding");
    ObjectSettings { headers, encoding_is_said, retention: retention(written, problems) }
}

/// The fields that are sent as they are written, and their headers.
const HEADERS: &[(&str, &str)] = &[
    ("content_type", "content-type"),
    ("content_disposition", "content-disposition"),
    ("content_language", "content-language"),
    ("cache_control", "cache-control"),
    ("storage_class", "x-amz-storage-class"),
    ("acl", "x-amz-acl"),
    ("object_lock_legal_hold", "x-amz-object-lock-legal-hold"),
];

/// `Content-Encoding`, as it is written.
fn content_encoding(written: &Written, problems: &mut Vec<Problem>) -> Option<String> {
    let value = written.text("content_encoding")?;
    if value.split(',').any(|coding| coding.trim().eq_ignore_ascii_case("aws-chunked")) {
        let message =
            "`aws-chunked` would say that requests are signed in pieces, and they are not";
        problems.push(Problem::new("content_encoding", message));
    }
    (value != "none").then(|| value.to_owned())
}

/// The tags as a query.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html>
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_S3Tag.html>
fn tagging(written: &Written, problems: &mut Vec<Problem>) -> Option<String> {
    // S3 counts as UTF-16 does.
    let len = |text: &str| text.encode_utf16().count();
    for (key, value) in written.texts("tags") {
        let mut refuse = |message| problems.push(Problem::new("tags", message));
        match (len(key), len(value)) {
            (0, _) => refuse("a key that is empty".to_owned()),
            (count, _) if count > TAG_KEY_MAX => {
                refuse(format!("a key of {count} characters, but {TAG_KEY_MAX} are the most"));
            }
            (_, count) if count > TAG_VALUE_MAX => refuse(format!(
                "`{key}` has a value of {count} characters, but {TAG_VALUE_MAX} are the most"
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
    let pairs = written.texts("tags");
    let pairs = pairs.map(|(key, value)| format!("{}={}", uri_encode(key), uri_encode(value)));
    Some(pairs.collect::<Vec<_>>().join("&")).filter(|query| !query.is_empty())
}

fn is_of_tags(c: char) -> bool {
    let is_blank = c.is_whitespace() && !c.is_control();
    c.is_alphanumeric() || is_blank || "+-=._:/@".contains(c)
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html>
fn metadata(written: &Written, problems: &mut Vec<Problem>) -> Vec<Header> {
    let mut headers: Vec<Header> = Vec::new();
    let mut bytes = NONCE.len() + NONCE_BYTES;
    for (written_as, value) in written.texts("metadata") {
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

/// Why there is no such metadata, if so.
fn wrong_metadata(name: &str, value: &str) -> Option<String> {
    // What a header's name may have: <https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2>
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
        return Some(format!(
            "character {} of `{name}` is no printable ASCII, and nothing else is wanted",
            at + 1
        ));
    }
    let has_ends = value.starts_with(' ') || value.ends_with(' ');
    has_ends.then(|| format!("`{name}` has a blank at its beginning or end, which would be lost"))
}

fn retention(written: &Written, problems: &mut Vec<Problem>) -> Option<Retention> {
    let (at, days) = ("object_lock_retain_until", "object_lock_retain_days");
    let mode = written.text("object_lock_mode");
    let until = match (written.text(at), written.number(days)) {
        (Some(text), days_too) => {
            if days_too.is_some() {
                let message = format!("set, and so is `{at}`; one of the two is wanted");
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
        (Some(mode), None) if ![at, days].iter().any(|f| is_said(f, written, problems)) => {
            let message = format!("`{mode}`, but for how long say `{at}` or `{days}`");
            problems.push(Problem::new("object_lock_mode", message));
        }
        (None, Some(_)) if !is_said("object_lock_mode", written, problems) => {
            let field = if written.is_written(at) { at } else { days };
            let message = "set, but `object_lock_mode` is not";
            problems.push(Problem::new(field, message));
        }
        _ => {}
    }
    None
}

/// S3 locks no object whose bytes it cannot compare with anything:
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html>
fn check_lock(written: &Written, is_verified: bool, problems: &mut Vec<Problem>) {
    let fields = ["object_lock_mode", "object_lock_legal_hold"];
    for field in fields.into_iter().filter(|field| !is_verified && written.is_written(field)) {
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

/// The name of the metadata that holds the nonce.
pub(crate) const NONCE: &str = "spillway-nonce";
/// The length of a nonce, in bytes.
pub(crate) const NONCE_BYTES: usize = 32;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::error::Error;
    use crate::settings::Settings;

    #[test]
    fn without_a_word_nothing_is_said() {
        assert_eq!(read(json!({})), ObjectSettings::default());
        assert_eq!(read(json!({"tags": {}, "metadata": {}})), ObjectSettings::default());
    }

    #[test]
    fn each_field_has_its_header() {
        for (field, value, header) in [
            ("content_type", "application/x-ndjson; charset=utf-8", "content-type"),
            ("content_encoding", "gzip", "content-encoding"),
            ("content_disposition", "attachment; filename=\"a b\"", "content-disposition"),
            ("content_language", "de, en", "content-language"),
            ("cache_control", "max-age=3600", "cache-control"),
            ("storage_class", "STANDARD_IA", "x-amz-storage-class"),
            ("acl", "bucket-owner-full-control", "x-amz-acl"),
            ("object_lock_legal_hold", "ON", "x-amz-object-lock-legal-hold"),
        ] {
            let headers = read(json!({field: value})).headers;
            assert_eq!(headers, [(header.into(), value.to_owned())], "{field}");
        }
        let silent = ObjectSettings { encoding_is_said: true, ..ObjectSettings::default() };
        assert_eq!(read(json!({"content_encoding": "none"})), silent);
    }

    #[test]
    fn tags_are_a_query() {
        let headers = read(json!({"tags": {"team": "a=b c", "é/1": "+", "z": ""}})).headers;
        let query = "team=a%3Db%20c&z=&%C3%A9%2F1=%2B".to_owned();
        assert_eq!(headers, [("x-amz-tagging".into(), query)]);
    }

    #[test]
    fn metadata_is_in_small_letters() {
        let headers = read(json!({"metadata": {"Owner-Team": "log  archive", "b": ""}})).headers;
        let header = |name: &'static str, value: &str| (name.into(), value.to_owned());
        let expected =
            [header("x-amz-meta-owner-team", "log  archive"), header("x-amz-meta-b", "")];
        assert_eq!(headers, expected);
    }

    #[test]
    fn all_of_the_metadata_has_its_limit() {
        let metadata = |len: usize| json!({"metadata": {"a": "x".repeat(len)}});
        assert!(parse(metadata(2_001)).is_ok());
        refused(metadata(2_002), "metadata", "2003 bytes of names and values, but 2002 are");
    }

    #[test]
    fn a_lock_ends_at_a_moment_or_after_days() {
        let fields = json!({
            "object_lock_mode": "COMPLIANCE",
            "object_lock_retain_until": "2035-01-31T00:00:00Z",
        });
        let retention = read(fields).retention.expect("a lock");
        assert_eq!(retention.mode, "COMPLIANCE");
        let moment = retention.until.moment(Timestamp(7));
        assert_eq!(moment.iso8601(), "2035-01-31T00:00:00.000Z");
        let fields = json!({"object_lock_mode": "GOVERNANCE", "object_lock_retain_days": 36_500});
        let retention = read(fields).retention.expect("a lock");
        let moment = retention.until.moment(Timestamp(1_767_225_600_000_000_000));
        assert_eq!(moment.iso8601(), "2125-12-08T00:00:00.000Z");
        assert_eq!(retention.until.moment(Timestamp(u64::MAX)), Timestamp(u64::MAX));
    }

    #[test]
    fn what_s3_does_not_take_is_refused() {
        let tag = |key: &str, value: &str| json!({"tags": {key: value}});
        let metadata = |name: &str, value: &str| json!({"metadata": {name: value}});
        let (k128, v256) = ("k".repeat(128), "v".repeat(256));
        assert!(parse(tag(&k128, &v256)).is_ok());
        for (fields, field, said) in [
            (tag("", "v"), "tags", "a key that is empty"),
            (tag(&(k128 + "k"), "v"), "tags", "a key of 129 characters, but 128 are the most"),
            (tag("k", &(v256 + "v")), "tags", "a value of 257 characters, but 256 are the most"),
            (tag("k", &"\u{10400}".repeat(129)), "tags", "a value of 258 characters"),
            (tag("AWS:k", "v"), "tags", "begin with `aws:`"),
            (tag("a&b", "v"), "tags", "a tag has U+0026"),
            (tag("k", "a\nb"), "tags", "a tag has U+000A"),
            (metadata("Spillway-Nonce", "x"), "metadata", "written by Spillway itself"),
            (metadata("x-amz-meta-a", "x"), "metadata", "without `x-amz-meta-`"),
            (metadata("a b", "x"), "metadata", "`a b` is no header's name"),
            (metadata("a\r\nb", "x"), "metadata", "`a\\r\\nb` is no header's name"),
            (metadata("", "x"), "metadata", "`` is no header's name"),
            (metadata("a", "x\r\ny"), "metadata", "character 2 of `a` is no printable ASCII"),
            (metadata("a", "é"), "metadata", "character 1 of `a` is no printable ASCII"),
            (metadata("a", "x "), "metadata", "a blank at its beginning or end"),
            (json!({"metadata": {"a": "1", "A": "2"}}), "metadata", "`a` stands there twice"),
            (json!({"content_encoding": "gzip, aws-chunked"}), "content_encoding", "in pieces"),
            (json!({"acl": "public"}), "acl", "one of `private`"),
            (json!({"object_lock_mode": "GOVERNANCE"}), "object_lock_mode", "for how long say"),
            (
                json!({"object_lock_retain_days": 1}),
                "object_lock_retain_days",
                "set, but `object_lock_mode` is not",
            ),
            (
                json!({"object_lock_retain_until": "2035-01-31T00:00:00Z"}),
                "object_lock_retain_until",
                "set, but `object_lock_mode` is not",
            ),
            (
                json!({
                    "object_lock_mode": "GOVERNANCE",
                    "object_lock_retain_days": 1,
                    "object_lock_retain_until": "2035-01-31T00:00:00Z",
                }),
                "object_lock_retain_days",
                "so is `object_lock_retain_until`",
            ),
            (
                json!({
                    "object_lock_mode": "GOVERNANCE",
                    "object_lock_retain_until": "2035-01-31",
                }),
                "object_lock_retain_until",
                "`2035-01-31` is no moment",
            ),
            (
                json!({"object_lock_mode": "GOVERNANCE", "object_lock_retain_days": 36_501}),
                "object_lock_retain_days",
                "from 1 to 36500",
            ),
            (
                json!({"object_lock_legal_hold": "ON", "checksum": "none"}),
                "object_lock_legal_hold",
                "`checksum` is `none` and `content_md5` is not set",
            ),
        ] {
            refused(fields, field, said);
        }
        let md5 = json!({"object_lock_legal_hold": "ON", "checksum": "none", "content_md5": true});
        assert!(parse(md5).is_ok());
    }

    #[track_caller]
    fn refused(fields: Value, field: &str, said: &str) {
        let Err(Error::Invalid(problems)) = parse(fields.clone()) else { panic!("{fields}") };
        let [problem] = &problems[..] else { panic!("{problems:?}") };
        assert_eq!(problem.field, field, "{fields}");
        assert!(problem.message.contains(said), "{said:?} in {}", problem.message);
    }

    fn read(fields: Value) -> ObjectSettings {
        parse(fields).expect("a configuration in order").object
    }

    fn parse(mut fields: Value) -> Result<Settings, Error> {
        fields["bucket"] = "events".into();
        Settings::parse(&fields.to_string())
    }
}
