//! How TLS is spoken, and whom it trusts.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};

/// The certificate authorities that the system trusts.
pub(crate) fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    // What cannot be read is skipped: a server then fails to prove itself, and the error says so.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

/// TLS 1.2 and 1.3 with servers that these authorities vouch for.
pub(crate) fn trusting(roots: RootCertStore) -> ClientConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions();
    let builder = builder.expect("ring provides the protocol versions that are on by default");
    builder.with_root_certificates(roots).with_no_client_auth()
}
