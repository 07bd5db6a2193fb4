//! Parses the address of the bucket.

use core::net::{Ipv4Addr, Ipv6Addr};

use crate::config::{Provider, RawConfig, Region};
use crate::error::Problem;
use crate::http::Scheme;
use crate::s3::{AccessPoint, Address, AddressStyle, is_region};
use crate::settings::access_point;
use crate::settings::aws::Endpoints;
use crate::settings::is_set;

/// The address of the bucket, and the region that requests are signed for.
pub(super) fn store(
    raw: &RawConfig,
    provider: &Provider,
    problems: &mut Vec<Problem>,
) -> (Address, String) {
    let bucket = raw.text("bucket").unwrap_or_default().to_owned();
    if let Some(arn) = AccessPoint::parse(&bucket) {
        return access_point::store(raw, provider, arn, &bucket, problems);
    }
    if !bucket.is_empty() {
        check_bucket(&bucket, problems);
        if provider.name == "aws" && !raw.is_set("endpoint") {
            access_point::check_alias(&bucket, problems);
        }
    }
    let custom = raw.text("endpoint").map(|url| {
        endpoint(url).unwrap_or_else(|message| {
            problems.push(Problem::new("endpoint", message));
            Endpoint::default()
        })
    });
    if let (None, Some(form)) = (&custom, provider.endpoint)
        && !is_set("endpoint", raw, problems)
    {
        let name = provider.name;
        let message =
            format!("missing, but `provider` is `{name}`; expected a URL such as `{form}`");
        problems.push(Problem::new("endpoint", message));
    }
    let region = region(raw, provider, custom.as_ref(), problems);
    let (style, in_path) = style(raw, &bucket);
    let aws = Endpoints::read(raw);
    let in_path = in_path.or_else(|| (!is_label(&bucket)).then_some(NO_LABEL));
    match (provider.name, &custom) {
        ("aws", None) => aws.check(&region, in_path, problems),
        ("aws", Some(_)) => refuse(aws, "`endpoint` is set", problems),
        (name, _) => refuse(aws, &format!("`provider` is `{name}`"), problems),
    }
    let endpoint = custom
        .unwrap_or_else(|| Endpoint { authority: aws.authority(&region), ..Endpoint::default() });
    let Endpoint { scheme, authority, base_path } = endpoint;
    if style == AddressStyle::VirtualHost && is_ip_address(&authority) {
        let message = "an endpoint without a name has no hosts below it; expected `path`";
        problems.push(Problem::new("addressing", message));
    }
    (Address { scheme, authority, base_path, bucket, style }, region)
}

/// Whether the bucket is in the path or in the host. If it is in the path, also the reason.
fn style(raw: &RawConfig, bucket: &str) -> (AddressStyle, Option<&'static str>) {
    match raw.text("addressing") {
        Some("path") => (AddressStyle::Path, Some("`addressing` is `path`")),
        Some(_) => (AddressStyle::VirtualHost, None),
        None if raw.is_set("endpoint") => (AddressStyle::Path, Some("`endpoint` is set")),
        // A wildcard certificate for `*.s3.region.amazonaws.com` does not match a name with a
        // further dot.
        None if !is_label(bucket) => (AddressStyle::Path, Some(NO_LABEL)),
        None => (AddressStyle::VirtualHost, None),
    }
}

fn region(
    raw: &RawConfig,
    provider: &Provider,
    endpoint: Option<&Endpoint>,
    problems: &mut Vec<Problem>,
) -> String {
    if let Some(region) = raw.text("region") {
        if !is_region(region) {
            let message =
                format!("`{region}` is no region's name: it has letters, digits and hyphens");
            problems.push(Problem::new("region", message));
        }
        return region.to_owned();
    }
    let (before, after) = match provider.region {
        Region::Fixed(region) => return region.to_owned(),
        Region::OfHost { before, after } => (before, after),
    };
    let within = |authority| host(authority).strip_prefix(before)?.strip_suffix(after);
    let found = endpoint.and_then(|endpoint| within(&endpoint.authority)).filter(|r| is_region(r));
    let has_endpoint = endpoint.is_some_and(|endpoint| !endpoint.authority.is_empty());
    if found.is_none() && has_endpoint && !is_set("region", raw, problems) {
        let name = provider.name;
        let message = format!(
            "missing, and `endpoint` is not of the form `{before}REGION{after}`, from which it \
             would follow where `provider` is `{name}`"
        );
        problems.push(Problem::new("region", message));
    }
    found.unwrap_or_default().to_owned()
}

/// These endpoints exist in AWS only, and cannot be combined with `endpoint`.
fn refuse(aws: Endpoints, why: &str, problems: &mut Vec<Problem>) {
    for field in aws.chosen() {
        let message = format!("{why}, but this chooses among the endpoints of AWS");
        problems.push(Problem::new(field, message));
    }
}

/// The rules that all buckets obey. S3 has stricter ones for new buckets:
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
    let wanted = "expected a URL such as `http://127.0.0.1:9000`";
    if url.contains('@') {
        return Err("a URL with a user's name in it; credentials do not belong there".to_owned());
    }
    let uri: ::http::Uri =
        url.parse().map_err(|e| format!("`{url}` is not a URL ({e}); {wanted}"))?;
    let scheme = match uri.scheme_str() {
        Some("http") => Scheme::Http,
        Some("https") => Scheme::Https,
        Some(other) => return Err(format!("the scheme `{other}`; expected http or https")),
        None => return Err(format!("`{url}` has no scheme; {wanted}")),
    };
    let authority_text = uri.authority().map(|a| a.as_str()).unwrap_or_default();
    if uri.query().is_some() || url.contains('#') {
        return Err(format!("`{url}` has a query or a fragment; {wanted}"));
    }
    if !url.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(format!("`{url}` has characters that are written as `%` and digits in a URL"));
    }
    let authority = authority(authority_text, scheme)
        .ok_or_else(|| format!("`{url}` has no host, or a port that is none; {wanted}"))?;
    let base_path = uri.path().trim_end_matches('/').to_owned();
    Ok(Endpoint { scheme, authority, base_path })
}

/// Host and port as clients send them in `Host`, and as they are signed: without the default port.
fn authority(raw: &str, scheme: Scheme) -> Option<String> {
    let (host, port) = match raw.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host.to_ascii_lowercase(), port),
        _ => (raw.to_ascii_lowercase(), ""),
    };
    let is_host = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => is_region(&host),
    };
    // `parse` alone would accept a sign.
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
    authority.starts_with('[') || host(authority).parse::<Ipv4Addr>().is_ok()
}

/// Whether the authority is on this machine. The name is reserved for it by
/// <https://www.rfc-editor.org/rfc/rfc6761#section-6.3>
pub(super) fn is_loopback(authority: &str) -> bool {
    let host = host(authority);
    host == "localhost"
        || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
        || host.parse::<Ipv6Addr>().is_ok_and(|address| address.is_loopback())
}

/// The host of an authority, without its port and without the brackets of IPv6.
fn host(authority: &str) -> &str {
    match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => authority.split(':').next().unwrap_or_default(),
    }
}

/// A warning if the endpoint contains the bucket's name, which each request adds anyway. This is
/// probably a mistake.
pub(super) fn warning(address: &Address) -> Option<String> {
    let Address { authority, base_path, bucket, .. } = address;
    let below = authority.strip_prefix(&format!("{}.", bucket.to_ascii_lowercase()));
    let above = base_path.strip_suffix(&format!("/{bucket}"));
    let (what, authority, base_path) = match (below, above) {
        (Some(authority), _) if authority.contains('.') => ("host begins", authority, base_path),
        (_, Some(above)) => ("path ends", authority.as_str(), &above.to_owned()),
        _ => return None,
    };
    let scheme = address.scheme.as_str();
    let object = address.object("KEY", &[]);
    Some(format!(
        "the {what} with the name of the bucket, which requests have in any case: objects would go \
         to `{scheme}://{}{}`; if that is not meant, write `{scheme}://{authority}{base_path}`",
        object.authority, object.path_and_query
    ))
}

/// A warning about a bucket with a dot in the host. A wildcard certificate for `*.store.example`
/// does not match a name with a further dot.
pub(super) fn style_warning(address: &Address) -> Option<String> {
    let Address { scheme, authority, bucket, style, .. } = address;
    let is_hosted = *style == AddressStyle::VirtualHost && *scheme == Scheme::Https;
    // The ARN of an access point is not part of a host.
    (is_hosted && bucket.contains('.') && !bucket.contains(':')).then(|| {
        format!(
            "`virtual-host`, and the bucket's name has a dot: most certificates are not for \
             `{bucket}.{authority}`; if connections fail of that, write `path`"
        )
    })
}

/// Whether the bucket's name can be a label of a host name. Old buckets may have names that cannot:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html>
fn is_label(bucket: &str) -> bool {
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    bucket.chars().all(legal) && !bucket.starts_with('-') && !bucket.ends_with('-')
}

/// Why the bucket's name cannot be a label of a host name.
const NO_LABEL: &str = "`bucket` has a dot, an underscore or a capital in its name";

#[cfg(test)]
mod tests;
