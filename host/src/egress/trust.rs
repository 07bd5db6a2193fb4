//! Whom TLS trusts: the certificates of files, and those of the system.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls_native_certs::CertificateResult;

use super::certificate::Certificate;

/// Certificates that are trusted.
#[derive(Clone, Debug)]
pub(crate) struct Trust {
    /// They vouch for others.
    pub(super) roots: RootCertStore,
    /// The same, byte for byte: a server may have one of them itself.
    pub(super) certificates: HashSet<Vec<u8>>,
}

/// Why a file of certificates cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("no certificate authority in {path}", path = .0.display())]
pub struct NoCertificates(PathBuf, #[source] Reason);

#[derive(Debug, thiserror::Error)]
enum Reason {
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("it is a folder; name a file")]
    Folder,
    #[error(
        "it is DER, not PEM: convert it with `openssl x509 -inform der -in FILE -out FILE.pem`"
    )]
    Der,
    #[error("the file has no PEM block of a certificate")]
    NoBlocks,
    #[error(
        "the file has no PEM block of a certificate, which begins with `-----BEGIN \
         CERTIFICATE-----`; it has blocks of {0}"
    )]
    OtherBlocks(String),
    #[error("`-----BEGIN CERTIFICATE-----` must be at the beginning of its line")]
    Indented,
    #[error("none of its certificates can be parsed: {0}")]
    Unreadable(String),
}

/// Why the certificates of the system cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("names no certificate authority")]
pub struct NoSystem {
    /// The variable that should name them.
    pub variable: &'static str,
    #[source]
    error: rustls_native_certs::Error,
}

/// Whether the variables that name certificate authorities in place of the system's name any.
///
/// # Errors
///
/// Where they are set and name none.
pub fn check_system() -> Result<(), NoSystem> {
    let Some(variable) = [FILE, FOLDERS].into_iter().find(|name| set(name).is_some()) else {
        return Ok(());
    };
    let loaded = load();
    match loaded.errors.into_iter().next() {
        Some(error) if loaded.certs.is_empty() => Err(NoSystem { variable, error }),
        _ => Ok(()),
    }
}

fn load() -> CertificateResult {
    // An empty variable counts as not set; here it would be a file without a name.
    if std::env::var_os(FILE).is_none_or(|file| !file.is_empty()) || set(FOLDERS).is_some() {
        return rustls_native_certs::load_native_certs();
    }
    let found = openssl_probe::probe();
    let folder = found.cert_dir.first().map(PathBuf::as_path);
    rustls_native_certs::load_certs_from_paths(found.cert_file.as_deref(), folder)
}

fn set(variable: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(variable).filter(|value| !value.is_empty())
}

impl Trust {
    /// Those that the system trusts, or those that `SSL_CERT_FILE` and `SSL_CERT_DIR` name in their
    /// place.
    pub(crate) fn system() -> Trust {
        let mut trust = Trust { roots: RootCertStore::empty(), certificates: HashSet::new() };
        for certificate in load().certs {
            // What cannot be read is skipped: a server then fails to prove itself, and the error
            // says so.
            let _ = trust.add(certificate);
        }
        trust
    }

    /// Those of one file, and no others.
    ///
    /// # Errors
    ///
    /// Where the file has none.
    pub(crate) fn of_file(path: &Path) -> Result<Trust, NoCertificates> {
        let mut trust = Trust { roots: RootCertStore::empty(), certificates: HashSet::new() };
        trust.add_file(path)?;
        Ok(trust)
    }

    /// Trusts those of that file, too. Where some can be read and some cannot, as in the bundle of
    /// a large organisation, the others count.
    pub(crate) fn add_file(&mut self, path: &Path) -> Result<(), NoCertificates> {
        self.add_all(path).map_err(|reason| NoCertificates(path.to_owned(), reason))
    }

    fn add_all(&mut self, path: &Path) -> Result<(), Reason> {
        if path.is_dir() {
            return Err(Reason::Folder);
        }
        let bytes = std::fs::read(path)?;
        let (mut found, mut unreadable) = (false, None);
        for certificate in CertificateDer::pem_slice_iter(&bytes) {
            let added = certificate.map_err(in_words);
            let added = added.and_then(|c| self.add(c).map_err(|error| error.to_string()));
            match added {
                Ok(()) => found = true,
                Err(error) => unreadable = Some(error),
            }
        }
        match (found, unreadable) {
            (true, _) => Ok(()),
            (false, Some(error)) => Err(Reason::Unreadable(error)),
            (false, None) => Err(without_certificates(&bytes)),
        }
    }

    fn add(&mut self, certificate: CertificateDer<'static>) -> Result<(), rustls::Error> {
        self.roots.add(certificate.clone())?;
        self.certificates.insert(certificate.to_vec());
        Ok(())
    }
}

/// What is wrong with a block, without what it holds: it may be a key.
fn in_words(error: pem::Error) -> String {
    match error {
        pem::Error::MissingSectionEnd { .. } => {
            "the line that ends a block is missing: the file was truncated, or its lines were \
             joined"
        }
        pem::Error::IllegalSectionStart { .. } => {
            "a line begins with `-----BEGIN` but does not end with `-----`"
        }
        pem::Error::Base64Decode(_) => "the content of a block is not base64",
        _ => "a block is not PEM",
    }
    .to_owned()
}

/// What there is in a file that has no certificate.
fn without_certificates(bytes: &[u8]) -> Reason {
    if Certificate::from_der(bytes).is_some() {
        return Reason::Der;
    }
    let text = String::from_utf8_lossy(bytes);
    let labels = text.lines().filter_map(|line| {
        let line = line.trim_start_matches('\u{feff}').trim();
        line.strip_prefix("-----BEGIN ").and_then(|rest| rest.strip_suffix("-----"))
    });
    let mut labels: Vec<_> = labels.filter(|label| label.len() <= LABEL_BYTES_MAX).collect();
    labels.sort_unstable();
    labels.dedup();
    match labels[..] {
        [] => Reason::NoBlocks,
        _ if labels.contains(&"CERTIFICATE") => Reason::Indented,
        _ => Reason::OtherBlocks(labels.join(", ")),
    }
}

/// The variables by which OpenSSL finds the system's certificates.
const FILE: &str = "SSL_CERT_FILE";
const FOLDERS: &str = "SSL_CERT_DIR";
/// Longer than any label of <https://www.rfc-editor.org/rfc/rfc7468>.
const LABEL_BYTES_MAX: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(bytes: &[u8]) -> String {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        let error = Trust::of_file(file.path()).unwrap_err();
        format!("{error}: {}", std::error::Error::source(&error).unwrap())
    }

    fn pem(label: &str, der: &[u8]) -> String {
        use base64::Engine as _;
        let base64 = base64::prelude::BASE64_STANDARD.encode(der);
        format!("-----BEGIN {label}-----\n{base64}\n-----END {label}-----\n")
    }

    #[test]
    fn a_file_without_a_certificate_says_what_it_has() {
        let made = rcgen::generate_simple_self_signed(["store.test".to_owned()]).unwrap();
        let (der, key) = (made.cert.der().to_vec(), made.signing_key.serialize_der());
        assert!(reason(b"").contains("no PEM block of a certificate"));
        assert!(reason(&der).contains("it is DER, not PEM"));
        assert!(reason(pem("PRIVATE KEY", &key).as_bytes()).ends_with("blocks of PRIVATE KEY"));
        let trusted = pem("TRUSTED CERTIFICATE", &der);
        assert!(reason(trusted.as_bytes()).ends_with("blocks of TRUSTED CERTIFICATE"));
        let broken = pem("CERTIFICATE", &der[..100]);
        assert!(reason(broken.as_bytes()).contains("none of its certificates can be parsed: "));
        let begin = pem("CERTIFICATE", &der);
        for shifted in [begin.replace("-----B", "  -----B"), format!("\u{feff}{begin}")] {
            assert!(reason(shifted.as_bytes()).ends_with("at the beginning of its line"));
        }
        let folder = tempfile::tempdir().unwrap();
        let error = Trust::of_file(folder.path()).unwrap_err();
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert_eq!(source, "it is a folder; name a file");
    }

    #[test]
    fn nothing_is_shown_of_what_may_be_a_key() {
        let block = pem("CERTIFICATE", b"this may be a key, and is no certificate");
        let cut = block[..block.len() - 10].to_owned();
        for (text, said) in [
            (cut, "the line that ends a block is missing"),
            (block.replace('\n', ""), "the line that ends a block is missing"),
            (block.replacen("-----\n", "\n", 1), "does not end with `-----`"),
            (block.replace('c', "!"), "not base64"),
        ] {
            let reason = reason(text.as_bytes());
            assert!(reason.contains(said), "{reason}");
            assert!(!reason.contains("dGhpcyBtYXkg") && !reason.contains("100, 71"), "{reason}");
        }
    }

    #[test]
    fn one_that_cannot_be_read_does_not_hide_the_others() {
        let made = rcgen::generate_simple_self_signed(["store.test".to_owned()]).unwrap();
        let der = made.cert.der().to_vec();
        let bundle = pem("CERTIFICATE", &der[..100]) + "a remark\n" + &pem("CERTIFICATE", &der);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bundle).unwrap();
        let trust = Trust::of_file(file.path()).unwrap();
        assert_eq!((trust.roots.len(), trust.certificates.contains(&der)), (1, true));
    }
}
