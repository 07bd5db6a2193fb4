//! Where the bucket is, from what is written about it.

use core::net::{Ipv4Addr, Ipv6Addr};

use crate::config::Written;
use crate::error::Problem;
use crate::http::Scheme;
use crate::s3::{Address, AddressStyle};

pub(super) fn address(written: &Written, problems: &mut Vec<Problem>) -> Address {
    let bucket = written.text("bucket").unwrap_or_default().to_owned();
    if !bucket.is_empty() {
        check_bucket(&bucket, problems);
    }
    let region = written.text("region").unwrap_or_default();
    if !is_name(region) {
        let message = format!("`{region}` is no region's name: it has letters, digits and hyphens");
        problems.push(Problem::new("region", message));
    }
    let custom = written.text("endpoint");
    let endpoint = match custom {
        Some(url) => endpoint(url).unwrap_or_else(|message| {
            problems.push(Problem::new("endpoint", message));
            Endpoint::default()
        }),
        None => {
            let authority = format!("s3.{}.amazonaws.com", region.to_ascii_lowercase());
            Endpoint { authority, ..Default::default() }
        }
    };
    let style = match written.text("addressing") {
        Some("path") => AddressStyle::Path,
        Some(_) => AddressStyle::VirtualHost,
        // A certificate for `*.s3.region.amazonaws.com` does not hold for a name with one more dot.
        None if custom.is_some() || bucket.contains('.') => AddressStyle::Path,
        None => AddressStyle::VirtualHost,
    };
    let Endpoint { scheme, authority, base_path } = endpoint;
    if style == AddressStyle::VirtualHost && is_ip_address(&authority) {
        let message = "an endpoint without a name has no hosts below it; `path` is wanted";
        problems.push(Problem::new("addressing", message));
    }
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
    let written = uri.authority().map(|a| a.as_str()).unwrap_or_default();
    if uri.query().is_some() || url.contains('#') {
        return Err(format!("`{url}` has a query or a fragment, {wanted}"));
    }
    if !url.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(format!("`{url}` has characters that are written as `%` and digits in a URL"));
    }
    let authority = authority(written, scheme)
        .ok_or_else(|| format!("`{url}` has no host, or a port that is none, {wanted}"))?;
    let base_path = uri.path().trim_end_matches('/').to_owned();
    Ok(Endpoint { scheme, authority, base_path })
}

/// Host and port as clients put them into `Host`, and so as they are signed: without the port that
/// goes without saying.
fn authority(written: &str, scheme: Scheme) -> Option<String> {
    let (host, port) = match written.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host.to_ascii_lowercase(), port),
        _ => (written.to_ascii_lowercase(), ""),
    };
    let is_host = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => is_name(&host),
    };
    // `parse` alone would take a sign as well.
    let is_port = port.bytes().all(|byte| byte.is_ascii_digit());
    let number = match port {
        "" => scheme.default_port(),
        digits => digits.parse().ok()?,
    };
    match number {
        _ if !is_host || !is_port || number == 0 => None,
        number if number == scheme.default_port() => Some(host),
        number => Some(format!("{host}:{number}")),
    }
}

fn is_ip_address(authority: &str) -> bool {
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    authority.starts_with('[') || host.parse::<Ipv4Addr>().is_ok()
}

/// Whether a text can stand in a host's name, and so in a signature's scope.
pub(crate) fn is_name(text: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(legal)
}

#[cfg(test)]
mod tests {
    use crate::error::Error;
    use crate::settings::Settings;

    fn parse(region: &str, endpoint: &str, addressing: &str) -> Result<Settings, Error> {
        let json = serde_json::json!({
            "bucket": "events",
            "region": region,
            "endpoint": endpoint,
            "addressing": addressing,
        });
        Settings::parse(&json.to_string())
    }

    /// Found by fuzzing: a host may be a number, and is no port then.
    #[test]
    fn egress_always_names_the_port() {
        let of = |url: &str| parse("r", url, "path").unwrap().egress();
        assert_eq!(of("http://2"), "2:80");
        assert_eq!(of("https://[::1]"), "[::1]:443");
        assert_eq!(of("http://127.0.0.1:9000"), "127.0.0.1:9000");
    }

    #[test]
    fn an_endpoint_is_a_host_with_a_port() {
        for (url, authority, egress) in [
            ("http://127.0.0.1:9000", "127.0.0.1:9000", "127.0.0.1:9000"),
            ("http://Host", "host", "host:80"),
            ("http://host:80/", "host", "host:80"),
            ("https://host:", "host", "host:443"),
            ("https://host:080/base/", "host:80", "host:80"),
            ("http://[::1]", "[::1]", "[::1]:80"),
            ("http://[::1]:9000", "[::1]:9000", "[::1]:9000"),
        ] {
            let settings = parse("us-east-1", url, "path").expect(url);
            assert_eq!(settings.address.authority, authority, "{url}");
            assert_eq!(settings.egress(), egress, "{url}");
        }
        for url in [
            "http://host:9i8",
            "http://host:+80",
            "http://host:0",
            "http://host:70000",
            "http://:80",
            "http://[::g]",
            "http://.host",
            "http://host/?a",
            "http://host/#a",
            "http://host/\u{e9}",
            "http://me@host",
        ] {
            refused(parse("us-east-1", url, "path"), "endpoint", url);
        }
    }

    #[test]
    fn what_cannot_be_signed_or_reached_is_refused() {
        refused(parse("eu west", "http://host", "path"), "region", "a space");
        refused(parse("eu/west", "http://host", "path"), "region", "a slash ends it in a scope");
        refused(parse("us-east-1\n", "http://host", "path"), "region", "a line break");
        for url in ["http://127.0.0.1:9000", "http://127.0.0.1", "http://[::1]:9000"] {
            refused(parse("us-east-1", url, "virtual-host"), "addressing", url);
        }
    }

    fn refused(settings: Result<Settings, Error>, field: &str, case: &str) {
        let Err(Error::Invalid(problems)) = settings else { panic!("{case}: {settings:?}") };
        let fields: Vec<_> = problems.iter().map(|p| p.field.as_str()).collect();
        assert_eq!(fields, [field], "{case}");
    }
}
