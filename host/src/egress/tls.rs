//! How TLS is spoken.

use std::sync::Arc;

use rustls::ClientConfig;

use super::trust::Trust;
use super::verifier::Verifier;

/// TLS 1.2 and 1.3 with servers that are trusted, or that those vouch for who are.
pub(crate) fn trusting(trust: Trust) -> ClientConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Verifier::new(trust, &provider);
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions();
    let builder = builder.expect("ring provides the protocol versions that are on by default");
    let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
    builder.with_no_client_auth()
}
