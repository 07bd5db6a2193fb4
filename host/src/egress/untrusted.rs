//! Why a certificate is not trusted, in words.

use std::fmt;
use std::net::IpAddr;

use jiff::Timestamp;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{AlertDescription, CertificateError};
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

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
    let parsed = X509Certificate::from_der(certificate).ok().map(|(_, parsed)| parsed);
    let of = format!("the certificate of `{name}`");
    match error {
        CertificateError::ExpiredContext { time, not_after } => {
            // It may be one in between.
            let whose = match &parsed {
                Some(parsed) if seconds(not_after) != parsed.validity().not_after.timestamp() => {
                    "its certificate authority"
                }
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
fn issuer(certificate: Option<X509Certificate<'_>>, others: &[CertificateDer<'_>]) -> String {
    let Some(mut last) = certificate else { return "it cannot be read".to_owned() };
    let parsed = others.iter().filter_map(|der| X509Certificate::from_der(der).ok());
    let others: Vec<_> = parsed.map(|(_, parsed)| parsed).collect();
    for _ in 0..others.len() {
        let is_next = |c: &&X509Certificate<'_>| c.subject() == last.issuer();
        match others.iter().find(is_next) {
            Some(next) if last.subject() != last.issuer() => last = next.clone(),
            _ => break,
        }
    }
    let issuer = shown(&last.issuer().to_string());
    let itself = if last.subject() == last.issuer() { ", which is self-signed" } else { "" };
    format!("`{issuer}`{itself}")
}

/// The hosts that a certificate is for.
fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(names)) = certificate.subject_alternative_name() else { return Vec::new() };
    let names = names.value.general_names.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) if name.parse::<IpAddr>().is_ok() => {
            Some(format!("`{}` as the name of a host (DNS), not as an address (IP)", shown(name)))
        }
        GeneralName::DNSName(name) => Some(format!("`{}`", shown(name))),
        GeneralName::IPAddress(bytes) => {
            let address = match bytes.len() {
                4 => <[u8; 4]>::try_from(*bytes).map(IpAddr::from),
                _ => <[u8; 16]>::try_from(*bytes).map(IpAddr::from),
            };
            address.ok().map(|address| format!("`{address}`"))
        }
        _ => None,
    });
    names.collect()
}

/// A text of the other side's, in one line that is not too long.
pub(super) fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(TEXT_CHARS_MAX).collect()
}

fn seconds(time: &UnixTime) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}

fn date(time: &UnixTime) -> String {
    Timestamp::from_second(seconds(time)).unwrap_or(Timestamp::MAX).to_string()
}

const NAMES_MAX: usize = 5;
const TEXT_CHARS_MAX: usize = 200;
