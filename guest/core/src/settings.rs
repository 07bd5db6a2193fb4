//! The configuration as meant: nothing in here can be invalid.

use std::time::Duration;

use crate::config::Written;
use crate::error::{Error, Problem};
use crate::framing::Framing;
use crate::http::Scheme;
use crate::s3::{Address, AddressStyle};

/// Everything a sink is told before it starts.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the bucket is, and how it is addressed.
    pub address: Address,
    /// The region that requests are signed for.
    pub region: String,
    /// The size of every part but the last, in bytes.
    pub part_bytes: u64,
    /// What follows each event in an object.
    pub framing: Framing,
    /// How many requests may be under way at once.
    pub requests_in_flight_max: usize,
    /// How many bytes may be held before `write` waits.
    pub memory_bytes_max: u64,
    /// Whether a hash of the payload is signed.
    pub payload_signing: PayloadSigning,
    /// How often and how soon a request is tried again.
    pub retry: RetrySettings,
    /// How long to wait for most answers.
    pub timeouts: Timeouts,
    /// How long to wait for an answer to CompleteMultipartUpload.
    pub complete_timeouts: Timeouts,
}

/// Whether a hash of the payload is part of the signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadSigning {
    /// `x-amz-content-sha256` holds the hash.
    Signed,
    /// `x-amz-content-sha256` says `UNSIGNED-PAYLOAD`: TLS guards the bytes.
    Unsigned,
}

/// How often and how soon a request is tried again.
#[derive(Clone, Copy, Debug)]
pub struct RetrySettings {
    /// Attempts of one request, the first included.
    pub attempts_max: u32,
    /// The longest wait before the first retry; doubled with each.
    pub backoff_base: Duration,
    /// The longest wait before any retry.
    pub backoff_max: Duration,
}

/// How long one attempt may take, in the terms of `wasi:http`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Until there is a connection.
    pub connect: Duration,
    /// From the end of the request to the first byte of the answer.
    pub first_byte: Duration,
    /// Between two pieces of a body, either way.
    pub between_bytes: Duration,
}

impl Settings {
    /// Reads a configuration.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] with every problem there is.
    pub fn parse(json: &str) -> Result<Settings, Error> {
        let (written, mut problems) = Written::read(json);
        let settings = Settings::mean(&written, &mut problems);
        if problems.is_empty() { Ok(settings) } else { Err(Error::Invalid(problems)) }
    }

    /// The authority that this sink talks to, with its port.
    pub fn egress(&self) -> String {
        let address = &self.address;
        let authority = address.bucket(&[]).authority;
        let has_port = authority.rsplit(':').next().is_some_and(|p| p.parse::<u16>().is_ok());
        if has_port { authority } else { format!("{authority}:{}", address.scheme.default_port()) }
    }

    fn mean(written: &Written, problems: &mut Vec<Problem>) -> Settings {
        let number = |name: &str| written.number(name).unwrap_or_default();
        let address = address(written, problems);
        let requests_in_flight_max = number("requests_in_flight_max");
        let part_bytes = number("part_bytes");
        let memory_bytes_max = written.number("memory_bytes_max").unwrap_or_else(|| {
            part_bytes.saturating_mul(requests_in_flight_max + 1).min(MEMORY_BYTES_MAX)
        });
        if memory_bytes_max < part_bytes {
            let message = format!(
                "a part of {part_bytes} bytes is held until the store has it, but \
                 `memory_bytes_max` allows {memory_bytes_max}"
            );
            problems.push(Problem::new("part_bytes", message));
        }
        let timeouts = timeouts(written);
        Settings {
            payload_signing: match (written.text("payload_signing"), address.scheme) {
                (Some("signed"), _) | (None, Scheme::Http) => PayloadSigning::Signed,
                _ => PayloadSigning::Unsigned,
            },
            framing: match written.text("framing") {
                Some("none") => Framing::Bare,
                _ => Framing::Newline,
            },
            address,
            region: written.text("region").unwrap_or_default().to_owned(),
            part_bytes,
            requests_in_flight_max: usize::try_from(requests_in_flight_max).unwrap_or(1),
            memory_bytes_max,
            retry: RetrySettings {
                attempts_max: u32::try_from(number("attempts_max")).unwrap_or(1),
                backoff_base: Duration::from_millis(number("backoff_base_ms")),
                backoff_max: Duration::from_millis(number("backoff_max_ms")),
            },
            timeouts,
            complete_timeouts: Timeouts {
                first_byte: Duration::from_millis(number("complete_timeout_ms")),
                between_bytes: Duration::from_millis(number("complete_timeout_ms")),
                ..timeouts
            },
        }
    }
}

fn timeouts(written: &Written) -> Timeouts {
    let millis = |name: &str| Duration::from_millis(written.number(name).unwrap_or_default());
    Timeouts {
        connect: millis("connect_timeout_ms"),
        first_byte: millis("first_byte_timeout_ms"),
        between_bytes: millis("between_bytes_timeout_ms"),
    }
}

fn address(written: &Written, problems: &mut Vec<Problem>) -> Address {
    let bucket = written.text("bucket").unwrap_or_default().to_owned();
    if !bucket.is_empty() {
        check_bucket(&bucket, problems);
    }
    let region = written.text("region").unwrap_or_default();
    let custom = written.text("endpoint");
    let endpoint = match custom {
        Some(url) => endpoint(url).unwrap_or_else(|message| {
            problems.push(Problem::new("endpoint", message));
            Endpoint::default()
        }),
        None => Endpoint { authority: format!("s3.{region}.amazonaws.com"), ..Default::default() },
    };
    let style = match written.text("addressing") {
        Some("path") => AddressStyle::Path,
        Some(_) => AddressStyle::VirtualHost,
        // A certificate for `*.s3.region.amazonaws.com` does not hold for a name with one more dot.
        None if custom.is_some() || bucket.contains('.') => AddressStyle::Path,
        None => AddressStyle::VirtualHost,
    };
    let Endpoint { scheme, authority, base_path } = endpoint;
    Address { scheme, authority, base_path, bucket, style }
}

/// The rules that hold for every bucket there ever was; S3 is stricter with new ones:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>
fn check_bucket(bucket: &str, problems: &mut Vec<Problem>) {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if !(3..=63).contains(&bucket.len()) || !bucket.chars().all(legal) {
        let message = format!(
            "`{bucket}` is no bucket's name: it has 3 to 63 letters, digits, dots and hyphens"
        );
        problems.push(Problem::new("bucket", message));
    }
}

struct Endpoint {
    scheme: Scheme,
    authority: String,
    base_path: String,
}

impl Default for Endpoint {
    fn default() -> Endpoint {
        Endpoint { scheme: Scheme::Https, authority: String::new(), base_path: String::new() }
    }
}

fn endpoint(url: &str) -> Result<Endpoint, String> {
    let wanted = "but a URL such as `http://127.0.0.1:9000` is wanted";
    if url.contains('@') {
        return Err("a URL with a user's name in it; credentials do not belong there".to_owned());
    }
    let uri: ::http::Uri = url.parse().map_err(|e| format!("`{url}` is no URL ({e}), {wanted}"))?;
    let scheme = match uri.scheme_str() {
        Some("http") => Scheme::Http,
        Some("https") => Scheme::Https,
        Some(other) => return Err(format!("the scheme `{other}`, but http or https is wanted")),
        None => return Err(format!("`{url}` has no scheme, {wanted}")),
    };
    let authority = uri.authority().map(ToString::to_string).unwrap_or_default();
    if uri.host().unwrap_or_default().is_empty() {
        return Err(format!("`{url}` has no host, {wanted}"));
    }
    if uri.port_u16().is_none() && uri.host() != Some(authority.as_str()) {
        return Err(format!("`{url}` has a port that is no number, {wanted}"));
    }
    if uri.query().is_some() {
        return Err(format!("`{url}` has a query, {wanted}"));
    }
    let default_port = format!(":{}", scheme.default_port());
    // The default port is never sent in `Host`, so it must not be signed either.
    let authority = authority.strip_suffix(&default_port).unwrap_or(&authority).to_lowercase();
    let base_path = uri.path().trim_end_matches('/').to_owned();
    Ok(Endpoint { scheme, authority, base_path })
}

/// What a 32-bit component can hold, with room for itself.
const MEMORY_BYTES_MAX: u64 = 3 << 30;
