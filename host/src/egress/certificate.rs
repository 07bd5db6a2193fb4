//! What a certificate says of itself (RFC 5280).

use std::net::IpAddr;

use rustls::pki_types::{CertificateDer, UnixTime};
use x509_cert::der::Decode as _;
use x509_cert::der::oid::db::rfc5280::{ANY_EXTENDED_KEY_USAGE, ID_KP_SERVER_AUTH};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{ExtendedKeyUsage, SubjectAltName};
use x509_cert::name::Name;
use x509_cert::time::Time;

/// A certificate that can be read. Nothing is verified.
#[derive(Clone)]
pub(super) struct Certificate(x509_cert::Certificate);

/// A host that a certificate is for.
pub(super) enum Host {
    Dns(String),
    Ip(IpAddr),
}

impl Certificate {
    /// Reads one. `None` if it is not the DER of a certificate.
    pub(super) fn from_der(der: &[u8]) -> Option<Certificate> {
        x509_cert::Certificate::from_der(der).ok().map(Certificate)
    }

    /// Reads the certificates that can be read, in their order.
    pub(super) fn all(ders: &[CertificateDer<'_>]) -> Vec<Certificate> {
        ders.iter().filter_map(|der| Certificate::from_der(der)).collect()
    }

    /// The first second at which it is valid.
    pub(super) fn not_before(&self) -> UnixTime {
        time(self.0.tbs_certificate().validity().not_before)
    }

    /// The last second at which it is valid.
    pub(super) fn not_after(&self) -> UnixTime {
        time(self.0.tbs_certificate().validity().not_after)
    }

    /// Whether a server may use it: without an `extendedKeyUsage` it may. `None` if that extension
    /// cannot be read.
    pub(super) fn is_for_servers(&self) -> Option<bool> {
        let usage = self.0.tbs_certificate().get_extension::<ExtendedKeyUsage>().ok()?;
        let allows = [ID_KP_SERVER_AUTH, ANY_EXTENDED_KEY_USAGE];
        Some(usage.is_none_or(|(_, usage)| usage.0.iter().any(|id| allows.contains(id))))
    }

    /// The hosts that its `subjectAltName` names. None if that extension cannot be read.
    pub(super) fn hosts(&self) -> Vec<Host> {
        let names = self.0.tbs_certificate().get_extension::<SubjectAltName>();
        let Ok(Some((_, names))) = names else { return Vec::new() };
        names.0.iter().filter_map(host).collect()
    }

    /// Whether its issuer has the name that it has itself.
    pub(super) fn is_by_itself(&self) -> bool {
        self.is_issued_by(self)
    }

    /// Whether the name of its issuer is the one of `other`.
    pub(super) fn is_issued_by(&self, other: &Certificate) -> bool {
        self.0.tbs_certificate().issuer() == other.0.tbs_certificate().subject()
    }

    /// The name of its issuer, in the order of the certificate: `C=DE, O=Example, CN=Root`.
    pub(super) fn issuer(&self) -> String {
        text(self.0.tbs_certificate().issuer())
    }
}

fn host(name: &GeneralName) -> Option<Host> {
    match name {
        GeneralName::DnsName(name) => Some(Host::Dns(name.as_str().to_owned())),
        GeneralName::IpAddress(bytes) => {
            let bytes = bytes.as_bytes();
            let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
            let address = v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from));
            address.ok().map(Host::Ip)
        }
        _ => None,
    }
}

fn text(name: &Name) -> String {
    let parts: Vec<_> = name.iter_rdn().map(ToString::to_string).collect();
    parts.join(", ")
}

fn time(time: Time) -> UnixTime {
    UnixTime::since_unix_epoch(time.to_unix_duration())
}
