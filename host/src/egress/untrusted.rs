//! Why a certificate is not trusted, in words.

use std::fmt;
use std::net::IpAddr;

use jiff::Timestamp;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{AlertDescription, CertificateError};

use super::certificate::{Certificate, Host};

/// Why a server's certificate is not trusted.
#[derive(Debug)]
pub(super) struct Untrusted {
    text: String,
    /// How the server is told.
    pub(super) alert: AlertDescription,
}

impl Untrusted {
    /// The words for an error about the certificate that a server showed, which was asked for under
    /// that name.
    pub(super) fn new(
        error: CertificateError,
        name: &ServerName<'_>,
        certificate: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
    ) -> Untrusted {
        let text = explain(&error, &name.to_str(), certificate, others);
        Untrusted { text, alert: AlertDescription::from(error) }
    }
}

impl fmt::Display for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Untrusted {}

fn explain(
    error: &CertificateError,
    name: &str,
    certificate: &CertificateDer<'_>,
    others: &[CertificateDer<'_>],
) -> String {
    let parsed = Certificate::from_der(certificate);
    let of = format!("the certificate of `{name}`");
    match error {
        CertificateError::ExpiredContext { time, not_after } => {
            // It may be one in between.
            let whose = match &parsed {
                Some(parsed) if *not_after != parsed.not_after() => "its certificate authority",
                _ => "it",
            };
            let (since, now) = (date(not_after), date(time));
            format!(
                "{of} has expired: {whose} was valid until {since}, and this machine's clock says \
                 {now}; renew it, or set the clock"
            )
        }
        CertificateError::NotValidYetContext { time, not_before } => {
            let (from, now) = (date(not_before), date(time));
            format!(
                "{of} is not valid before {from}, and this machine's clock says {now}; set the \
                 clock, or wait"
            )
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            let names = parsed.as_ref().map(names).unwrap_or_default();
            if names.is_empty() {
                return format!(
                    "the certificate is not for `{name}`: it has no subjectAltName, so it names \
                     no host; create one that has"
                );
            }
            let more = if names.len() > NAMES_MAX { " and others" } else { "" };
            let names = names[..names.len().min(NAMES_MAX)].join(", ");
            format!("the certificate is not for `{name}`: it is for {names}{more}")
        }
        CertificateError::UnknownIssuer => {
            let issuer = issuer(parsed, others);
            format!(
                "{of} has an issuer that is not trusted: {issuer}; name a file with the issuer's \
                 certificate in `ca_file` or AWS_CA_BUNDLE"
            )
        }
        CertificateError::BadSignature => {
            let issuer = issuer(parsed, others);
            format!(
                "{of} is not signed by the trusted certificate of that name, {issuer}; check \
                 whether `ca_file` or AWS_CA_BUNDLE has an old one"
            )
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            format!("{of} is not for servers: its extendedKeyUsage has no serverAuth")
        }
        CertificateError::Other(other) => match other.0.downcast_ref() {
            Some(webpki::Error::CaUsedAsEndEntity) => format!(
                "{of} belongs to a certificate authority (CA:TRUE) that is not trusted: {}; name \
                 a file \
                 with it in `ca_file` or AWS_CA_BUNDLE",
                issuer(parsed, others)
            ),
            Some(webpki::Error::UnsupportedCertVersion) => format!(
                "{of} has a version of X.509 without host names; create one of version 3 with \
                 subjectAltName"
            ),
            _ => format!("{of} is not trusted: {other}"),
        },
        error => format!("{of} is not trusted: {error}"),
    }
}

/// Who is missing: the issuer of the last of the certificates that the server showed.
fn issuer(certificate: Option<Certificate>, others: &[CertificateDer<'_>]) -> String {
    let Some(mut last) = certificate else { return "it cannot be read".to_owned() };
    let others = Certificate::all(others);
    for _ in 0..others.len() {
        match others.iter().find(|other| last.is_issued_by(other)) {
            Some(next) if !last.is_by_itself() => last = next.clone(),
            _ => break,
        }
    }
    let issuer = shown(&last.issuer());
    let itself = if last.is_by_itself() { ", which is self-signed" } else { "" };
    format!("`{issuer}`{itself}")
}

/// The hosts that a certificate is for.
fn names(certificate: &Certificate) -> Vec<String> {
    let names = certificate.hosts().into_iter().map(|host| match host {
        Host::Dns(name) if name.parse::<IpAddr>().is_ok() => {
            format!("`{}` as the name of a host (DNS), not as an address (IP)", shown(&name))
        }
        Host::Dns(name) => format!("`{}`", shown(&name)),
        Host::Ip(address) => format!("`{address}`"),
    });
    names.collect()
}

/// A text of the other side's, in one line that is not too long.
pub(super) fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(TEXT_CHARS_MAX).collect()
}

fn date(time: &UnixTime) -> String {
    let time = i64::try_from(time.as_secs()).ok().and_then(|s| Timestamp::from_second(s).ok());
    time.unwrap_or(Timestamp::MAX).to_string()
}

const NAMES_MAX: usize = 5;
const TEXT_CHARS_MAX: usize = 200;
