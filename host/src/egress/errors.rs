//! What went wrong on the network, in the words of `wasi:http`.

use std::error::Error as StdError;
use std::io;

use rustls::{AlertDescription, CertificateError};
use wasmtime_wasi_http::Error;

use super::forbidden::Prohibited;
use super::kept::Uses;
use super::route::ProxyError;
use super::untrusted::Untrusted;
use super::wire::SpeaksTls;

/// The client's error, by its first cause that says something.
pub(super) fn of_client(error: &hyper_util::client::legacy::Error) -> Error {
    let phase = if error.is_connect() { Phase::Connecting } else { Phase::Connected };
    match first_known(Some(error), phase) {
        // This word is for connections that were closed before the request was sent. The guest may
        // send it again at once.
        Some(Error::HttpResponseIncomplete) if is_stale(error) => Error::ConnectionTerminated,
        Some(known) => known,
        None => Error::InternalError(Some(deepest(error))),
    }
}

fn is_stale(error: &hyper_util::client::legacy::Error) -> bool {
    let mut extras = http::Extensions::new();
    error.connect_info().into_iter().for_each(|info| info.get_extras(&mut extras));
    extras.get::<Uses>().is_some_and(Uses::is_stale)
}

/// The error of a body that was being read.
pub(super) fn of_hyper(error: hyper::Error) -> Error {
    if let Some(known) = first_known(error.source(), Phase::Connected) {
        return known;
    }
    if error.is_incomplete_message() { Error::HttpResponseIncomplete } else { Error::Hyper(error) }
}

/// How far a connection had come when it failed.
#[derive(Clone, Copy)]
enum Phase {
    /// Nothing of a request was sent yet.
    Connecting,
    /// A request may have arrived, and done its work.
    Connected,
}

fn first_known(mut cause: Option<&(dyn StdError + 'static)>, phase: Phase) -> Option<Error> {
    while let Some(error) = cause {
        if let Some(known) = known(error, phase) {
            return Some(known);
        }
        cause = error.source();
    }
    None
}

fn known(error: &(dyn StdError + 'static), phase: Phase) -> Option<Error> {
    if error.is::<Prohibited>() {
        return Some(Error::DestinationIpProhibited);
    }
    if let Some(error) = error.downcast_ref::<ProxyError>() {
        return Some(Error::InternalError(Some(format!("{NO_CONNECTION}{error}"))));
    }
    if let Some(error) = error.downcast_ref::<SpeaksTls>() {
        return Some(untrusting(None, error.to_string()));
    }
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        return Some(of_tls(error, phase));
    }
    if let Some(error) = error.downcast_ref::<io::Error>() {
        return of_io(error, phase);
    }
    if let Some(error) = error.downcast_ref::<hyper::Error>() {
        if error.is_incomplete_message() || error.is_canceled() || error.is_closed() {
            return Some(Error::HttpResponseIncomplete);
        }
        if error.is_parse() {
            return Some(Error::HttpProtocolError);
        }
    }
    // hyper-util keeps the type of its connector's errors to itself, but not their text.
    match error.to_string().as_str() {
        "dns error" => {
            let text = error.source().map(deepest);
            Some(Error::DnsError { rcode: text, info_code: None })
        }
        _ => None,
    }
}

fn of_io(error: &io::Error, phase: Phase) -> Option<Error> {
    if let Some(inner) = error.get_ref()
        && let Some(known) = known(inner, phase)
    {
        return Some(known);
    }
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Some(Error::ConnectionRefused),
        io::ErrorKind::TimedOut => Some(Error::ConnectionTimeout),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            Some(Error::DestinationUnavailable)
        }
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::UnexpectedEof => Some(match phase {
            Phase::Connecting => Error::InternalError(Some(format!("{NO_CONNECTION}{CLOSED}"))),
            Phase::Connected => Error::HttpResponseIncomplete,
        }),
        _ => None,
    }
}

fn of_tls(error: &rustls::Error, phase: Phase) -> Error {
    match error {
        // With TLS 1.3 this comes behind the handshake: it is about who asks, and will be said of
        // each connection.
        rustls::Error::AlertReceived(alert @ AlertDescription::CertificateRequired) => {
            untrusting(Some(*alert), NO_CERTIFICATE.to_owned())
        }
        // The other side has proven itself, so this is about one connection: another may do.
        _ if matches!(phase, Phase::Connected) => {
            Error::InternalError(Some(format!("TLS: {error}")))
        }
        rustls::Error::InvalidCertificate(CertificateError::Other(other)) => {
            let alert = other.0.downcast_ref::<Untrusted>().map(|untrusted| untrusted.alert);
            untrusting(alert, other.0.to_string())
        }
        rustls::Error::NoCertificatesPresented => {
            untrusting(None, "the server shows no certificate".to_owned())
        }
        rustls::Error::InvalidMessage(_) => {
            untrusting(None, format!("the server does not use TLS on this port: {error}"))
        }
        rustls::Error::AlertReceived(alert) => {
            let why = match alert {
                AlertDescription::ProtocolVersion => ": it speaks neither TLS 1.2 nor 1.3",
                AlertDescription::HandshakeFailure => {
                    ": no cipher suite or key type in common, or the server requires a client \
                     certificate"
                }
                AlertDescription::UnrecognisedName => ": it has no host with that name",
                _ => "",
            };
            untrusting(
                Some(*alert),
                format!("the server ended the handshake with the alert {alert:?}{why}"),
            )
        }
        error => untrusting(None, error.to_string()),
    }
}

/// The one error about TLS that has a text. Where no server sent an alert, it is the one that this
/// side ends the handshake with.
fn untrusting(alert: Option<AlertDescription>, text: String) -> Error {
    Error::TlsAlertReceived { alert_id: alert.map(u8::from), alert_message: Some(text) }
}

pub(super) fn deepest(error: &(dyn StdError + 'static)) -> String {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest.to_string()
}

/// What a text begins with that says why there was no connection, where no error of `wasi:http`
/// fits: nothing was sent, then. docs/embedding.md documents it.
pub(super) const NO_CONNECTION: &str = "no connection: ";
const CLOSED: &str = "the other side closed it before anything was sent";
const NO_CERTIFICATE: &str = "the server requires a client certificate, which Spillway does not \
                              support";
