//! Addresses that no store has: those of metadata services, which hand out the credentials of a
//! machine to whoever asks on it. No request goes there, whoever granted it.

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper_util::client::legacy::connect::dns::Name;
use tower_service::Service;

/// A host is one that no store has.
#[derive(Debug, thiserror::Error)]
pub(super) enum Prohibited {
    /// It leads to an address of one link.
    #[error("{0} is a link-local address, such as that of a metadata service")]
    LinkLocal(IpAddr),
    /// It leads to such a service elsewhere.
    #[error("{0} is the address of a metadata service")]
    Metadata(IpAddr),
    /// It is a number that may be such an address.
    #[error(
        "the host is a number that may be an address; write it with four numbers from 0 to 255"
    )]
    Number,
}

/// Why no request is sent to this host and port, whoever asks for it, if so.
pub fn prohibited_authority(authority: &str) -> Option<String> {
    let host = authority.parse::<http::uri::Authority>().ok()?;
    prohibited(host.host()).map(|prohibited| prohibited.to_string())
}

/// Whether a host is such an address. A name is looked at when it is resolved, but a proxy resolves
/// it by itself: so what resolvers take for an address in other spellings is refused, too.
pub(super) fn prohibited(host: &str) -> Option<Prohibited> {
    let host = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
    match host.parse() {
        Ok(address) => prohibited_address(address),
        Err(_) => ends_in_a_number(host).then_some(Prohibited::Number),
    }
}

fn prohibited_address(address: IpAddr) -> Option<Prohibited> {
    let (is_link_local, is_metadata) = match address {
        IpAddr::V4(v4) => (v4.is_link_local(), METADATA_V4.contains(&v4)),
        IpAddr::V6(v6) => {
            let within = v4_within(&v6);
            (
                v6.is_unicast_link_local() || within.iter().any(Ipv4Addr::is_link_local),
                METADATA_V6.contains(&v6) || within.iter().any(|v4| METADATA_V4.contains(v4)),
            )
        }
    };
    match (is_link_local, is_metadata) {
        (true, _) => Some(Prohibited::LinkLocal(address)),
        (false, true) => Some(Prohibited::Metadata(address)),
        (false, false) => None,
    }
}

/// The addresses of IPv4 that one of IPv6 may lead to: mapped or compatible (RFC 4291), translated
/// (RFC 2765, RFC 6052) or tunnelled (RFC 3056, RFC 4380).
fn v4_within(address: &Ipv6Addr) -> Vec<Ipv4Addr> {
    let octets = address.octets();
    let v4 = |at: [usize; 4]| Ipv4Addr::from(at.map(|at| octets[at]));
    let last = v4([12, 13, 14, 15]);
    match address.segments() {
        [0, 0, 0, 0, 0, 0 | 0xffff, high, _] if high > 0 => vec![last],
        [0, 0, 0, 0, 0xffff, 0, _, _] => vec![last],
        [0x64, 0xff9b, 0, 0, 0, 0, _, _] => vec![last],
        // RFC 8215 leaves to each network how long its own prefix in here is. RFC 6052, 2.2 says
        // where the address is behind prefixes of 48, 56, 64 and 96 bits: octet 8 is none of it.
        [0x64, 0xff9b, 1, ..] => {
            vec![v4([6, 7, 9, 10]), v4([7, 9, 10, 11]), v4([9, 10, 11, 12]), last]
        }
        // Of the server, and of the client with all bits inverted (RFC 4380, 4).
        [0x2001, 0, ..] => vec![v4([4, 5, 6, 7]), Ipv4Addr::from_bits(!last.to_bits())],
        [0x2002, ..] => vec![v4([2, 3, 4, 5])],
        _ => Vec::new(),
    }
}

/// <https://url.spec.whatwg.org/#ends-in-a-number-checker>
fn ends_in_a_number(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    let is_hex = |digits: &str| digits.bytes().all(|b| b.is_ascii_hexdigit());
    !last.is_empty() && last.bytes().all(|b| b.is_ascii_digit())
        || last.strip_prefix("0x").is_some_and(is_hex)
}

/// A resolver by which no name leads there. A connection goes to the very addresses that were
/// looked at: a name that means another one the next time is looked at the next time.
#[derive(Clone)]
pub(super) struct Guarded<R>(pub(super) R);

impl<R> Service<Name> for Guarded<R>
where
    R: Service<Name, Error = std::io::Error>,
    R::Response: Iterator<Item = SocketAddr>,
    R::Future: Send + 'static,
{
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = std::io::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let resolving = self.0.call(name);
        Box::pin(async move {
            let addresses: Vec<SocketAddr> = resolving.await?.collect();
            match addresses.iter().find_map(|address| prohibited_address(address.ip())) {
                Some(prohibited) => Err(std::io::Error::other(prohibited)),
                None => Ok(addresses.into_iter()),
            }
        })
    }
}

/// Of Alibaba Cloud, and of Oracle Cloud.
const METADATA_V4: [Ipv4Addr; 2] =
    [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(192, 0, 0, 192)];
/// Of AWS, and of Google Cloud.
const METADATA_V6: [Ipv6Addr; 2] = [
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
];

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use hyper_util::client::legacy::connect::HttpConnector;

    use super::*;

    #[test]
    fn addresses_of_metadata_services_are_refused_in_any_spelling() {
        for host in [
            "169.254.169.254",
            "169.254.170.2",
            "[fe80::1]",
            "[::ffff:169.254.169.254]",
            "[::169.254.169.254]",
            "[::ffff:0:169.254.169.254]",
            "[64:ff9b::169.254.169.254]",
            "[64:ff9b:1:a9fe:a9:fe00::]",
            "[64:ff9b:1:12a9:fe:a9fe::]",
            "[64:ff9b:1:1234:a9:fea9:fe00:0]",
            "[64:ff9b:1::169.254.169.254]",
            "[64:ff9b:1::100.100.100.200]",
            "[2001:0:a9fe:a9fe::]",
            "[2001::5601:5601]",
            "[2001::9b9b:9b37]",
            "[2002:a9fe:a9fe::]",
            "[fd00:ec2::254]",
            "[fd20:ce::254]",
            "100.100.100.200",
            "192.0.0.192",
            "2852039166",
            "0xa9fea9fe",
            "169.254.43518",
            "0xa9.254.0xa9.0xfe",
            "169.254.169.254.",
        ] {
            assert!(prohibited(host).is_some(), "{host}");
        }
        for host in [
            "s3.test",
            "192.0.2.1",
            "[2001:db8::1]",
            "[2001:db8::5601:5601]",
            "[2001:0:c000:201::3fff:fdfe]",
            "[::ffff:0:192.0.2.1]",
            "[64:ff9b:1::192.0.2.1]",
            "[64:ff9b:2::169.254.169.254]",
            "[::1]",
            "[fd00::1]",
            "1.s3.test",
            "0x.test",
            "127.0.0.1",
        ] {
            assert!(prohibited(host).is_none(), "{host}");
        }
    }

    /// A resolver whose answer is another one each time, as that of whoever rebinds a name.
    #[derive(Clone)]
    struct Rebinding {
        answers: Arc<Vec<Vec<SocketAddr>>>,
        asked: Arc<AtomicUsize>,
    }

    impl Rebinding {
        fn new(answers: Vec<Vec<SocketAddr>>) -> Rebinding {
            Rebinding { answers: Arc::new(answers), asked: Arc::default() }
        }
    }

    impl Service<Name> for Rebinding {
        type Response = std::vec::IntoIter<SocketAddr>;
        type Error = std::io::Error;
        type Future = std::future::Ready<Result<Self::Response, Self::Error>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, _: Name) -> Self::Future {
            let asked = self.asked.fetch_add(1, Ordering::Relaxed);
            std::future::ready(Ok(self.answers[asked].clone().into_iter()))
        }
    }

    #[tokio::test]
    async fn a_name_leads_only_to_the_addresses_that_were_looked_at() {
        let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let here = server.local_addr().unwrap();
        let metadata: SocketAddr = "169.254.169.254:80".parse().unwrap();
        let of_aws: SocketAddr = "[fd00:ec2::254]:80".parse().unwrap();
        // In the midst of others it is none of those that are tried one after the other, either.
        let answers = vec![vec![here], vec![metadata], vec![here, of_aws], vec![here]];
        let resolver = Rebinding::new(answers);
        let mut connector = HttpConnector::new_with_resolver(Guarded(resolver.clone()));
        let url: http::Uri = format!("http://rebinds.test:{}/", here.port()).parse().unwrap();
        for said in
            [None, Some("169.254.169.254 is a link-local"), Some("fd00:ec2::254 is the"), None]
        {
            match (connector.call(url.clone()).await, said) {
                (Ok(_), None) => {}
                (Err(error), Some(said)) => {
                    let cause = super::super::errors::deepest(&error);
                    assert!(cause.contains(said), "{cause}");
                }
                (connected, said) => panic!("{said:?}: {connected:?}"),
            }
        }
        assert_eq!(resolver.asked.load(Ordering::Relaxed), 4, "each connection asks once");
    }
}
