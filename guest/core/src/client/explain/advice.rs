//! Advice: what to check or to change, depending on the outcome of a request.

use super::Subject;
use crate::client::verdict::{Class, TransportError, Verdict};
use crate::http::Scheme;
use crate::naming::OnExisting;
use crate::s3::{AddressStyle, Meaning, Operation, meaning};
use crate::settings::Settings;

/// What to do about an outcome, if that is known.
pub(super) fn of(settings: &Settings, subject: &Subject, verdict: &Verdict) -> Option<String> {
    if let Some(transport) = &verdict.transport {
        return of_transport(settings, transport).map(str::to_owned);
    }
    if verdict.error.is_none() && verdict.said.quote.is_some() {
        return of_intermediary(settings, verdict);
    }
    of_incompatibility(settings, subject, verdict)
        .or_else(|| of_code(settings, subject, verdict))
        .or_else(|| of_redirect(settings, verdict))
        .or_else(|| of_status(verdict.status).map(str::to_owned))
        .or_else(|| is_silent(subject, verdict).then(|| NO_STORE.to_owned()))
}

/// Whether a request was refused without an error document. S3 omits it only in responses to HEAD.
fn is_silent(subject: &Subject, verdict: &Verdict) -> bool {
    let is_refused = matches!(verdict.status, 400..=499) && verdict.class == Class::Refused;
    is_refused && verdict.error.is_none() && subject.operation != Operation::HeadObject
}

fn of_transport(settings: &Settings, error: &TransportError) -> Option<&'static str> {
    Some(match error {
        TransportError::Denied => "check which authorities the host grants",
        TransportError::Dns(_) => "check the host's name in `endpoint`, and `region`",
        TransportError::Timeout(text) if text == SENDING => {
            "check that the store can be reached from here; on a slow line set fewer \
             `requests_in_flight_max`, or a longer `between_bytes_timeout_ms`"
        }
        TransportError::Connect(_) | TransportError::Timeout(_) => {
            "check `endpoint`, and that the store can be reached from here"
        }
        TransportError::Tls(text) if text.contains(WITHOUT_TLS) => {
            "where the store speaks TLS, `endpoint` begins with https://"
        }
        TransportError::Tls(text) if text == NO_TLS || text.contains(AT_PLAIN_PORT) => {
            "check the port in `endpoint`; where the store speaks no TLS, `endpoint` begins with \
             http://"
        }
        TransportError::Tls(text)
            if text.contains(WRONG_NAME)
                && settings.store.address.style == AddressStyle::VirtualHost =>
        {
            "the bucket is part of that name; with `addressing = \"path\"` it is not"
        }
        TransportError::Tls(_) => {
            "check that the store speaks TLS at this port, and that its certificate is of an \
             authority that the host trusts and names the host in `endpoint`"
        }
        TransportError::NotHttp if settings.store.address.scheme == Scheme::Http => {
            "check the port in `endpoint`; where the store speaks TLS, `endpoint` begins with \
             https://"
        }
        TransportError::NotHttp => "check the port in `endpoint`",
        TransportError::Broken(_) | TransportError::Stale => return None,
    })
}

/// The phase that timed out, as the transport names it.
const SENDING: &str = "sending";

/// Advice about a response of a proxy, a firewall or another server.
fn of_intermediary(settings: &Settings, verdict: &Verdict) -> Option<String> {
    let quote = verdict.said.quote.as_ref()?;
    let says = quote.text.to_ascii_lowercase();
    let is_plain = settings.store.address.scheme == Scheme::Http;
    if is_plain && SPEAKS_TLS.iter().any(|words| words.iter().all(|word| says.contains(word))) {
        return Some(WANTS_TLS.to_owned());
    }
    if let Some(advice) = of_redirect(settings, verdict) {
        return Some(advice);
    }
    let text = match verdict.status {
        403 | 401 | 451 => {
            "something between here and the store refuses the request, a proxy or a firewall: \
             its log says why"
        }
        500..=599 if verdict.status != 501 && verdict.status != 511 => return None,
        status => {
            return Some(of_status(status).unwrap_or(NO_STORE).to_owned());
        }
    };
    Some(text.to_owned())
}

/// Advice about a store that lacks a feature or requires another one.
fn of_incompatibility(settings: &Settings, subject: &Subject, verdict: &Verdict) -> Option<String> {
    let error = verdict.error.as_ref()?;
    let (code, argument) = (error.code.as_str(), error.argument.as_deref().unwrap_or_default());
    let says = format!("{} {argument}", error.message).to_ascii_lowercase();
    let meaning = meaning(code);
    let is_refusal = matches!(meaning, Some(Meaning::NotImplemented | Meaning::Unsupported));
    let names_checksum = CHECKSUMS.iter().any(|word| says.contains(word));
    if is_refusal && settings.upload.checksum.is_some() && names_checksum {
        return Some("this store takes no such checksum; set `checksum = \"none\"`".to_owned());
    }
    let has_condition = settings.names.on_existing != OnExisting::Overwrite;
    if is_refusal && has_condition && says.contains("if-none-match") {
        return Some(NO_CONDITION.to_owned());
    }
    if is_refusal && !settings.upload.content_md5 && says.contains("content-md5") {
        return Some("this store wants `content_md5 = true`".to_owned());
    }
    let wants = |style: &str| format!("this store wants `addressing = \"{style}\"`");
    let is_path = settings.store.address.style == AddressStyle::Path;
    let says_style = |words: [&str; 2]| is_refusal && words.iter().any(|word| says.contains(word));
    if is_path
        && (meaning == Some(Meaning::PathStyle) || says_style(["virtual host", "virtual-host"]))
    {
        return Some(wants("virtual-host"));
    }
    if !is_path && says_style(["path style", "path-style"]) {
        return Some(wants("path"));
    }
    let has_checksum = settings.upload.checksum.is_some();
    match (meaning, subject.operation) {
        (Some(Meaning::NotImplemented), Operation::ListMultipartUploads) => Some(
            "this store does not tell which uploads are open; look for tools of its own".to_owned(),
        ),
        (Some(Meaning::NotImplemented), _) if has_checksum && argument.is_empty() => Some(
            "this store does not know something that the request says; where that is the checksum, \
             set `checksum = \"none\"`"
                .to_owned(),
        ),
        _ => None,
    }
}

fn of_code(settings: &Settings, subject: &Subject, verdict: &Verdict) -> Option<String> {
    let bucket = &settings.store.address.bucket;
    let meaning = verdict.error.as_ref().and_then(|error| meaning(&error.code));
    let text = match meaning {
        Some(Meaning::AccessDenied) => {
            let action = subject.operation.permission();
            let resource = match subject.operation {
                Operation::ListMultipartUploads => settings.store.address.bucket_arn(),
                _ => settings.store.address.arn(subject.name),
            };
            return Some(format!("check that the credentials are allowed {action} on {resource}"));
        }
        Some(Meaning::Signature) => {
            "check the secret access key, and that nothing between here and the store changes \
             requests"
        }
        Some(Meaning::UnknownKey) => "check the access key id",
        Some(Meaning::Expired) => "check the session token",
        Some(Meaning::Clock) => "set this machine's clock",
        Some(Meaning::NoSuchBucket) => {
            return Some(format!("create the bucket `{bucket}`, or correct `bucket`"));
        }
        Some(Meaning::InvalidPart) => {
            "another process has written to this upload, or a lifecycle rule has removed it: check \
             that no second one runs with the same checkpoint"
        }
        Some(Meaning::TooLarge) => TOO_LARGE,
        Some(Meaning::Full) => {
            "the store takes no more from this account or for this bucket: raise its quota, or \
             make room"
        }
        _ if verdict.status == 412 || meaning == Some(Meaning::Exists) => {
            match settings.names.on_existing {
                OnExisting::Overwrite => return None,
                OnExisting::Fail => "an object of that name exists, and `on_existing` is `fail`",
                OnExisting::Next => {
                    "an object of that name exists, and this one could not be stored under another"
                }
            }
        }
        _ => return None,
    };
    Some(text.to_owned())
}

/// Advice about a redirect to another region or another server.
fn of_redirect(settings: &Settings, verdict: &Verdict) -> Option<String> {
    let code = verdict.error.as_ref().map(|e| e.code.as_str()).unwrap_or_default();
    let is_elsewhere = meaning(code) == Some(Meaning::WrongRegion);
    if !is_elsewhere && !matches!(verdict.status, 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    if let Some(region) = verdict.region.as_ref().filter(|region| **region != settings.store.region)
    {
        return Some(format!("set `region` to `{region}`; it is `{}` now", settings.store.region));
    }
    let Some(location) = &verdict.said.location else {
        return Some("check `endpoint` and `region`".to_owned());
    };
    // A location without a host is another page of the same server.
    let location = location.strip_prefix("//").unwrap_or(location);
    if location.starts_with('/') {
        return Some(NO_STORE.to_owned());
    }
    let host = settings.store.address.authority.split(':').next().unwrap_or_default();
    let to_tls = location.strip_prefix("https://").is_some_and(|rest| rest.contains(host));
    if settings.store.address.scheme == Scheme::Http && to_tls {
        return Some(WANTS_TLS.to_owned());
    }
    // `addressing` adds the bucket to the host, so the host to configure is without it.
    let bucket = format!("{}.", settings.store.address.bucket);
    let place = location.replacen(&bucket, "", 1);
    let place = match place.split_once("://") {
        Some((scheme, rest)) => {
            format!("{scheme}://{}", rest.split(['/', '?', '#']).next().unwrap_or_default())
        }
        None => place.split('/').next().unwrap_or_default().to_owned(),
    };
    Some(format!("redirects are not followed: where that is the store, set `endpoint` to {place}"))
}

fn of_status(status: u16) -> Option<&'static str> {
    Some(match status {
        403 => "check the credentials and what they are allowed",
        407 => "a proxy between here and the store wants credentials of its own",
        413 => TOO_LARGE,
        501 | 505 => NO_STORE,
        511 => "this network wants a login first",
        _ => return None,
    })
}

/// The transport's error for a server that does not answer a TLS handshake.
pub const NO_TLS: &str = "the server speaks no TLS, or none that is known here";
/// The start of the host's error for a certificate with other names.
const WRONG_NAME: &str = "the certificate is not for ";
/// Part of the host's error for a server that uses TLS, while the endpoint is `http://`.
const WITHOUT_TLS: &str = "requires TLS on this port";
/// Part of the host's error for the opposite case.
const AT_PLAIN_PORT: &str = "does not use TLS on this port";
const WANTS_TLS: &str =
    "what answers at this port wants TLS: `endpoint` has to begin with https:// there";
const NO_STORE: &str = "what answers there is no S3 store, or something before it: check \
                        `endpoint` with its port and path";
const NO_CONDITION: &str = "this store takes no condition (`If-None-Match`): put `{uuid}` into \
                            `key_template`, which needs none; with `on_existing = \"overwrite\"` \
                            what has the same name would be replaced";
const TOO_LARGE: &str = "a request may not have so many bytes: set a lower `part_bytes`, or raise \
                         the limit of the proxy before the store (`client_max_body_size` of nginx)";
/// Words in the responses of servers with TLS to requests without it.
const SPEAKS_TLS: [&[&str]; 5] = [
    &["http request", "https server"],
    &["plain http", "https port"],
    &["plain http", "ssl"],
    &["requires tls"],
    &["http request", "https port"],
];
const CHECKSUMS: [&str; 5] =
    ["x-amz-checksum", "x-amz-sdk-checksum", "checksum algorithm", "crc64nvme", "checksum type"];

#[cfg(test)]
mod tests;
