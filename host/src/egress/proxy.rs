//! Proxies that stand between this machine and a server, as the variables name them that other
//! tools read.

use std::fmt;
use std::net::IpAddr;

use http::{HeaderValue, Uri};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};

/// The proxies of this machine, and the hosts that are reached without one.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    http: Option<Named>,
    https: Option<Named>,
    /// What `NO_PROXY` lists.
    no: Vec<Exception>,
}

/// A proxy, and the variable that names it. Its URL may have a password in it, and is not kept.
#[derive(Clone)]
struct Named {
    variable: String,
    proxy: Result<Intercept, String>,
}

/// A host, a domain, an address or a network that is reached without a proxy; only at that port
/// where it has one.
#[derive(Clone, Debug)]
struct Exception {
    hosts: String,
    port: Option<u16>,
}

/// The proxy that a request goes through.
#[derive(Clone)]
pub(super) struct Proxy {
    pub(super) variable: String,
    pub(super) uri: Uri,
    pub(super) authorization: Option<HeaderValue>,
}

impl Proxies {
    /// The proxies that variables name: `https_proxy`, `http_proxy`, `all_proxy` and `no_proxy`, or
    /// the same in capitals. One that is empty counts as not set.
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Proxies {
        let first = |names: &[&str]| {
            let set = names.iter().find_map(|name| {
                let value = variable(name).filter(|value| !value.trim().is_empty())?;
                Some(((*name).to_owned(), value.trim().to_owned()))
            });
            set.map(|(variable, url)| Named { proxy: parse(&url), variable })
        };
        // A server that runs this as CGI sets `HTTP_PROXY` to what a request says.
        let is_cgi = variable("REQUEST_METHOD").is_some();
        let http: &[&str] = if is_cgi {
            &["http_proxy", "all_proxy", "ALL_PROXY"]
        } else {
            &["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]
        };
        let no =
            ["no_proxy", "NO_PROXY"].iter().find_map(|name| variable(name)).unwrap_or_default();
        Proxies {
            http: first(http),
            https: first(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]),
            no: no.split([',', ' ', '\t']).filter(|e| !e.is_empty()).map(exception).collect(),
        }
    }

    /// Which proxy there is on the way to a URL: the variable that names it, and its own URL
    /// without user and password.
    ///
    /// # Errors
    ///
    /// The variable that should name one, and what is wrong with it.
    pub fn on_the_way_to(&self, url: &Uri) -> Result<Option<(String, String)>, (String, String)> {
        match self.of(url) {
            Ok(proxy) => Ok(proxy.map(|proxy| (proxy.variable.clone(), proxy.to_string()))),
            Err(named) => Err((named.variable.clone(), named.wrong())),
        }
    }

    /// The proxy for a URL. What is on this machine itself is reached without.
    pub(super) fn proxy(&self, url: &Uri) -> Result<Option<Proxy>, String> {
        self.of(url).map_err(|named| format!("{} {}", named.variable, named.wrong()))
    }

    fn of(&self, url: &Uri) -> Result<Option<Proxy>, &Named> {
        let named = if url.scheme_str() == Some("https") { &self.https } else { &self.http };
        let (Some(named), Some(host)) = (named, url.host()) else { return Ok(None) };
        if is_this_machine(host) || self.is_excepted(url) {
            return Ok(None);
        }
        let Ok(proxy) = &named.proxy else { return Err(named) };
        Ok(Some(Proxy {
            variable: named.variable.clone(),
            uri: proxy.uri().clone(),
            authorization: proxy.basic_auth().cloned(),
        }))
    }

    fn is_excepted(&self, url: &Uri) -> bool {
        let port = url.port_u16().or(match url.scheme_str() {
            Some("https") => Some(443),
            _ => Some(80),
        });
        let here = self.no.iter().filter(|e| e.port.is_none() || e.port == port);
        let hosts: Vec<_> = here.map(|exception| exception.hosts.as_str()).collect();
        let matcher = Matcher::builder().all("http://any.invalid").no(hosts.join(",")).build();
        matcher.intercept(url).is_none()
    }
}

impl Named {
    /// What is wrong with it, if anything.
    fn wrong(&self) -> String {
        self.proxy.as_ref().err().cloned().unwrap_or_default()
    }
}

fn parse(url: &str) -> Result<Intercept, String> {
    const WANTED: &str = "expected a URL such as `http://proxy.example.com:3128`";
    // The text is not shown: it may have a password in it.
    let names_none = || {
        format!(
            "names no proxy; {WANTED}; in a user or a password, `@` is written %40, `/` %2F, `#` \
             %23 and `?` %3F"
        )
    };
    let scheme = url.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    if let Some(scheme) = scheme.as_deref().filter(|s| !["http", "https"].contains(s)) {
        // What is no scheme may be anything.
        let kind = match scheme.starts_with("socks") {
            true => format!("a {scheme} proxy"),
            false => "a proxy of another kind".to_owned(),
        };
        return Err(format!("names {kind}, which is not supported; {WANTED}"));
    }
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (authority, behind) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    // Elsewhere than before the host, it would end a password too early: what follows would be
    // taken for the host, and shown.
    if authority.matches('@').count() > 1 || behind.contains('@') {
        return Err(names_none());
    }
    let host = authority.rsplit('@').next().unwrap_or_default();
    let port = host.rsplit(']').next().unwrap_or_default().split_once(':');
    if port.is_some_and(|(_, port)| !port.parse().is_ok_and(|port: u16| port > 0)) {
        return Err(names_none());
    }
    let matcher = Matcher::builder().all(url).build();
    let any = Uri::from_static("http://any.invalid/");
    matcher.intercept(&any).ok_or_else(names_none)
}

fn exception(text: &str) -> Exception {
    let text = text.strip_prefix("*").filter(|rest| rest.starts_with('.')).unwrap_or(text);
    let (hosts, port) = match text.rsplit_once(':') {
        // An address of IPv6 has more than one colon, unless it stands in brackets.
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            port.parse().map_or((text, None), |port| (host, Some(port)))
        }
        _ => (text, None),
    };
    // A network may follow the brackets, and a dot the name.
    let hosts = hosts.replace(['[', ']'], "");
    Exception { hosts: hosts.trim_end_matches('.').to_owned(), port }
}

/// Whether a host is this machine, to which no proxy leads.
fn is_this_machine(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
    let is_loopback =
        host.parse().is_ok_and(|address: IpAddr| address.to_canonical().is_loopback());
    let name = host.to_ascii_lowercase();
    is_loopback || name == "localhost" || name.ends_with(".localhost")
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authority = self.uri.authority().map_or("", |authority| authority.as_str());
        write!(f, "{}://{authority}", self.uri.scheme_str().unwrap_or("http"))
    }
}

impl fmt::Debug for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Named").field("variable", &self.variable).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(pairs: &[(&str, &str)]) -> Proxies {
        let pairs: Vec<_> = pairs.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect();
        Proxies::from_variables(move |name| {
            pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
        })
    }

    fn way(proxies: &Proxies, url: &str) -> Option<(String, String)> {
        proxies.on_the_way_to(&url.parse().unwrap()).unwrap()
    }

    #[test]
    fn each_scheme_has_its_variables() {
        let https = proxies(&[("HTTPS_PROXY", "http://p:1")]);
        let found = way(&https, "https://s3.test/").unwrap();
        assert_eq!(found, ("HTTPS_PROXY".to_owned(), "http://p:1".to_owned()));
        assert_eq!(way(&https, "http://s3.test/"), None);
        let both = proxies(&[("ALL_PROXY", "p:1"), ("http_proxy", "https://q:2/path")]);
        assert_eq!(way(&both, "https://s3.test/").unwrap().1, "http://p:1");
        let found = way(&both, "http://s3.test/").unwrap();
        assert_eq!(found, ("http_proxy".to_owned(), "https://q:2".to_owned()));
        // Small letters go first, and what is empty is not set.
        let two = proxies(&[("https_proxy", "http://a:1"), ("HTTPS_PROXY", "http://b:2")]);
        assert_eq!(way(&two, "https://s3.test/").unwrap().1, "http://a:1");
        let empty = proxies(&[("https_proxy", " "), ("HTTPS_PROXY", "http://b:2")]);
        assert_eq!(way(&empty, "https://s3.test/").unwrap().1, "http://b:2");
        let cgi = proxies(&[("REQUEST_METHOD", "GET"), ("HTTP_PROXY", "http://evil:1")]);
        assert_eq!(way(&cgi, "http://s3.test/"), None);
    }

    #[test]
    fn what_is_excepted_goes_without() {
        let no = "store.test, .inner.test *.wild.test,10.0.0.0/8,192.0.2.7,[2001:db8::1],\
                  ported.test:9000,[2001:db8::2]:9000,[2001:db8:7::]/48,dotted.test.";
        let proxies = proxies(&[("ALL_PROXY", "http://p:1"), ("NO_PROXY", no)]);
        for url in [
            "https://store.test/",
            "https://STORE.test:9000/",
            "https://bucket.store.test/",
            "http://a.inner.test/",
            "http://a.wild.test/",
            "http://10.200.0.1:9000/",
            "http://192.0.2.7/",
            "http://[2001:db8::1]/",
            "http://ported.test:9000/",
            "http://[2001:db8::2]:9000/",
            "http://[2001:db8:7::9]/",
            "http://dotted.test/",
            "http://localhost:9000/",
            "http://127.9.0.1:9000/",
            "http://[::1]:9000/",
        ] {
            assert_eq!(way(&proxies, url), None, "{url}");
        }
        for url in [
            "https://notstore.test/",
            "https://store.test.example/",
            "http://11.0.0.1/",
            "http://192.0.2.70/",
            "http://ported.test/",
            "http://[2001:db8::2]/",
            "https://localhost.test/",
        ] {
            assert!(way(&proxies, url).is_some(), "{url}");
        }
        let all = self::proxies(&[("ALL_PROXY", "http://p:1"), ("no_proxy", "*")]);
        assert_eq!(way(&all, "https://store.test/"), None);
    }

    #[test]
    fn users_and_passwords_are_sent_and_never_shown() {
        let proxies = proxies(&[("https_proxy", "http://me:s3cr%20t@p:1")]);
        let proxy = proxies.proxy(&Uri::from_static("https://s3.test/")).unwrap().unwrap();
        assert_eq!(proxy.authorization.as_ref().unwrap(), "Basic bWU6czNjciB0");
        let shown = format!("{proxies:?} {proxy} {:?}", proxy.authorization);
        assert!(!shown.contains("s3cr") && !shown.contains("bWU6"), "{shown}");
    }

    #[test]
    fn a_proxy_that_is_none_is_told_where_it_would_be_used() {
        for (url, said) in [
            ("socks5://me:s3cret@p:1", "names a socks5 proxy"),
            ("s3cret://p", "names a proxy of another kind"),
            ("http://me:s3cret word@p", "names no proxy; expected a URL such as"),
            ("http://", "names no proxy; expected a URL such as"),
            // Nothing of what is no host is taken for one.
            ("http://me:more@s3cret@p:1", "names no proxy; expected a URL such as"),
            ("http://me:s3cret/more@p:1", "names no proxy; expected a URL such as"),
            ("http://me:s3cret#more@p:1", "names no proxy; expected a URL such as"),
            ("http://me:s3cret?more@p:1", "names no proxy; expected a URL such as"),
            ("http://me:s3cret", "names no proxy; expected a URL such as"),
            ("http://p:70000", "names no proxy; expected a URL such as"),
            ("p:0", "names no proxy; expected a URL such as"),
        ] {
            let proxies = proxies(&[("ALL_PROXY", url)]);
            let (variable, wrong) =
                proxies.on_the_way_to(&Uri::from_static("https://s3.test/")).unwrap_err();
            assert_eq!(variable, "ALL_PROXY");
            assert!(wrong.starts_with(said) && !wrong.contains("s3cret"), "{wrong}");
            assert_eq!(way(&proxies, "https://localhost/"), None);
        }
    }
}
