//! Whether a server's certificate is trusted, and if not, why not.

use std::collections::HashSet;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme};

use super::certificate::Certificate;
use super::trust::Trust;
use super::untrusted::Untrusted;

/// Trusts chains that end at a trusted certificate, and a server whose own certificate is one.
///
/// The second is what curl and OpenSSL do, and what those expect who give a server a certificate
/// that it signed itself: mostly it says of itself that it is an authority (`openssl req -x509`),
/// and a chain does not begin with one. Nothing is gained by refusing it: who has its key could
/// sign another one for the server.
#[derive(Debug)]
pub(super) struct Verifier {
    /// What verifies chains, where there are any certificates at which one could end.
    chains: Option<Arc<WebPkiServerVerifier>>,
    trusted: HashSet<Vec<u8>>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Verifier {
    pub(super) fn new(trust: Trust, provider: &Arc<CryptoProvider>) -> Verifier {
        let Trust { roots, certificates } = trust;
        let chains = WebPkiServerVerifier::builder_with_provider(roots.into(), provider.clone());
        // There are no revocation lists that could be wrong, so it fails for want of roots alone.
        let chains = chains.build().ok();
        let algorithms = provider.signature_verification_algorithms;
        Verifier { chains, trusted: certificates, algorithms }
    }

    fn verify(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), Error> {
        let verified = match &self.chains {
            Some(chains) => chains.verify_server_cert(end_entity, intermediates, name, &[], now),
            None => Err(CertificateError::UnknownIssuer.into()),
        };
        match verified {
            Err(error) if is_about_its_issuer(&error) && self.trusted.contains(&**end_entity) => {
                verify_alone(end_entity, name, now)
            }
            verified => verified.map(drop),
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self.verify(end_entity, intermediates, server_name, now) {
            Ok(()) => Ok(ServerCertVerified::assertion()),
            Err(Error::InvalidCertificate(error)) => {
                let untrusted = Untrusted::new(error, server_name, end_entity, intermediates);
                Err(CertificateError::Other(OtherError(Arc::new(untrusted))).into())
            }
            Err(error) => Err(error),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Whether an error is one that a certificate cannot have which is trusted itself, without a chain.
fn is_about_its_issuer(error: &Error) -> bool {
    let Error::InvalidCertificate(error) = error else { return false };
    match error {
        CertificateError::UnknownIssuer
        | CertificateError::BadSignature
        | CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => true,
        CertificateError::Other(OtherError(error)) => {
            matches!(error.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
        }
        _ => false,
    }
}

/// What must be true of a certificate whatever vouches for it: its time, its purpose, its name.
fn verify_alone(
    certificate: &CertificateDer<'_>,
    name: &ServerName<'_>,
    now: UnixTime,
) -> Result<(), Error> {
    let parsed = Certificate::from_der(certificate).ok_or(CertificateError::BadEncoding)?;
    let (not_before, not_after) = (parsed.not_before(), parsed.not_after());
    if now < not_before {
        return Err(CertificateError::NotValidYetContext { time: now, not_before }.into());
    }
    if now > not_after {
        return Err(CertificateError::ExpiredContext { time: now, not_after }.into());
    }
    if !parsed.is_for_servers().ok_or(CertificateError::BadEncoding)? {
        return Err(CertificateError::InvalidPurpose.into());
    }
    verify_server_name(&ParsedCertificate::try_from(certificate)?, name)
}

#[cfg(test)]
mod tests;
