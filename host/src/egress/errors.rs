//! What went wrong on the network, in the words of `wasi:http`.

use std::error::Error as StdError;
use std::io;

use wasmtime_wasi_http::Error;

/// The client's error, by its first cause that says something.
pub(super) fn of_client(error: &hyper_util::client::legacy::Error) -> Error {
    let mut cause = Some(error as &(dyn StdError + 'static));
    while let Some(error) = cause {
        if let Some(known) = known(error) {
            return known;
        }
        cause = error.source();
    }
    Error::InternalError(Some(deepest(error)))
}

/// The error of a body that was being read.
pub(super) fn of_hyper(error: hyper::Error) -> Error {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(known) = known(error) {
            return known;
        }
        cause = error.source();
    }
    if error.is_incomplete_message() { Error::HttpResponseIncomplete } else { Error::Hyper(error) }
}

fn known(error: &(dyn StdError + 'static)) -> Option<Error> {
    if let Some(prohibited) = error.downcast_ref::<super::client::Prohibited>() {
        let _ = prohibited;
        return Some(Error::DestinationIpProhibited);
    }
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        return Some(of_tls(error));
    }
    if let Some(error) = error.downcast_ref::<io::Error>() {
        return of_io(error);
    }
    if let Some(error) = error.downcast_ref::<hyper::Error>() {
        if error.is_incomplete_message() {
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

fn of_io(error: &io::Error) -> Option<Error> {
    if let Some(inner) = error.get_ref()
        && let Some(known) = known(inner)
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
        | io::ErrorKind::UnexpectedEof => Some(Error::ConnectionTerminated),
        _ => None,
    }
}

fn of_tls(error: &rustls::Error) -> Error {
    match error {
        rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => {
            Error::TlsCertificateError
        }
        rustls::Error::AlertReceived(alert) => Error::TlsAlertReceived {
            alert_id: Some(u8::from(*alert)),
            alert_message: Some(format!("{alert:?}")),
        },
        _ => Error::TlsProtocolError,
    }
}

fn deepest(error: &(dyn StdError + 'static)) -> String {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest.to_string()
}
