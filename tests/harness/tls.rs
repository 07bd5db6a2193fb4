//! TLS in front of a server that speaks without.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rcgen::{CertificateParams, DnType, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

/// A listener that passes on what it deciphers. Its certificate is signed by itself, for 127.0.0.1,
/// and has a name of its own.
pub struct TlsFront {
    address: SocketAddr,
    certificate: Vec<u8>,
}

impl TlsFront {
    /// Listens on a port of its own, for as long as `runtime` lives.
    pub fn start(runtime: &Runtime, behind: SocketAddr) -> TlsFront {
        TlsFront::start_breaking(runtime, behind, 0)
    }

    /// The same, but on the first `broken` connections the answer is no TLS: the handshake is over
    /// by then, and the request has arrived.
    pub fn start_breaking(runtime: &Runtime, behind: SocketAddr, broken: usize) -> TlsFront {
        TlsFront::start_with(runtime, behind, broken, false)
    }

    /// The same as [`start`](TlsFront::start), but a client has to show a certificate.
    pub fn start_knowing_clients(runtime: &Runtime, behind: SocketAddr) -> TlsFront {
        TlsFront::start_with(runtime, behind, 0, true)
    }

    fn start_with(
        runtime: &Runtime,
        behind: SocketAddr,
        broken: usize,
        knows_clients: bool,
    ) -> TlsFront {
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
        let address = listener.local_addr().expect("an address");
        let signing_key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(["127.0.0.1".to_owned()]).expect("a name");
        // OpenSSL looks for an issuer by its name.
        params.distinguished_name.push(DnType::CommonName, address.to_string());
        let cert = params.self_signed(&signing_key).expect("a certificate");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(cert.der().clone()).expect("the certificate");
        let clients =
            WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone()).build();
        let clients = match knows_clients {
            true => clients.expect("a certificate to know clients by"),
            false => WebPkiClientVerifier::no_client_auth(),
        };
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions of TLS")
            .with_client_cert_verifier(clients)
            .with_single_cert(vec![cert.der().clone()], key)
            .expect("the key is the certificate's");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        runtime.spawn(async move {
            let mut left = broken;
            while let Ok((stream, _)) = listener.accept().await {
                if left > 0 {
                    left -= 1;
                    tokio::spawn(break_off(acceptor.clone(), stream));
                } else {
                    tokio::spawn(pass_on(acceptor.clone(), stream, behind));
                }
            }
        });
        TlsFront { address, certificate: cert.der().to_vec() }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL.
    pub fn endpoint(&self) -> String {
        format!("https://{}", self.address)
    }

    /// Writes its certificate, as PEM.
    pub fn write_certificate(&self, path: &Path) {
        let base64 = BASE64_STANDARD.encode(&self.certificate);
        let mut pem = "-----BEGIN CERTIFICATE-----\n".to_owned();
        for line in base64.as_bytes().chunks(64) {
            pem.extend(line.iter().map(|byte| char::from(*byte)));
            pem.push('\n');
        }
        pem.push_str("-----END CERTIFICATE-----\n");
        std::fs::write(path, pem).expect("a certificate's file");
    }
}

async fn pass_on(acceptor: TlsAcceptor, stream: TcpStream, behind: SocketAddr) {
    let mut stream = match acceptor.accept(stream).into_fallible().await {
        Ok(stream) => stream,
        // A client that does not like the certificate goes away; that is what it is there for. What
        // another one still sends is read, or a reset would overtake what it is told.
        Err((_, mut stream)) => {
            let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
            return;
        }
    };
    let Ok(mut behind) = TcpStream::connect(behind).await else { return };
    let _ = tokio::io::copy_bidirectional(&mut stream, &mut behind).await;
}

/// Reads something of a request, and answers with what no TLS begins with.
async fn break_off(acceptor: TlsAcceptor, stream: TcpStream) {
    let Ok(mut stream) = acceptor.accept(stream).await else { return };
    let mut some = [0; 64];
    if stream.read(&mut some).await.is_ok_and(|read| read > 0) {
        let _ = stream.get_mut().0.write_all(b"this is no record of TLS at all").await;
        // What the client still sends is read, or a reset would overtake the answer.
        let _ = tokio::io::copy(&mut stream.get_mut().0, &mut tokio::io::sink()).await;
    }
}
