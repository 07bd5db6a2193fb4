//! What the environment says where the flow is silent: endpoints, proxies, certificates.

use std::net::TcpListener;

use spillway_tests::scripted::{Reply, Scripted};
use spillway_tests::server::Server;
use spillway_tests::tls::TlsFront;

use super::support::*;

/// A flow that says nothing of where its bucket is.
fn silent(more: &str) -> String {
    let lines = FLOW.lines().filter(|line| !line.trim_start().starts_with("endpoint"));
    lines.collect::<Vec<_>>().join("\n") + "\n" + more
}

fn checked(place: &Place) -> String {
    let ended = place.spillway(&["check", "flow.toml"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.out
}

#[test]
fn an_endpoint_comes_from_the_first_that_names_one() {
    let place = Place::of(&silent(""), &event("a", "1"));
    let place = place.with("AWS_ENDPOINT_URL", "http://192.0.2.1:9001");
    let out = checked(&place);
    assert!(out.contains("connects to 192.0.2.1:9001\n`endpoint` is that of AWS_ENDPOINT_URL\n"));
    let place = place.with("AWS_ENDPOINT_URL_S3", "http://192.0.2.1:9002");
    let out = checked(&place);
    assert!(
        out.contains("connects to 192.0.2.1:9002\n`endpoint` is that of AWS_ENDPOINT_URL_S3\n")
    );
    let ignoring = place.with("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true");
    assert!(checked(&ignoring).contains(".amazonaws.com:443\n"));
    let flow = FLOW.replace("${ENDPOINT}", "http://192.0.2.1:9003");
    ignoring.write("flow.toml", flow);
    let out = checked(&ignoring.without("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"));
    assert_eq!(out, "flow.toml is valid; it connects to 192.0.2.1:9003\n");
}

#[test]
fn objects_go_where_a_variable_says() {
    let server = Server::start();
    let place = Place::of(&silent(""), &event("a", "1"));
    assert_eq!(place.with("AWS_ENDPOINT_URL_S3", &server.endpoint()).run(&[])["objects"], 1);
}

#[test]
#[cfg(feature = "aws-chain")]
fn a_profile_names_an_endpoint_too() {
    let place = Place::of(&silent(""), "");
    std::fs::create_dir(place.path(".aws")).unwrap();
    place.write(
        ".aws/config",
        "[profile \"my team\"]\nendpoint_url = http://192.0.2.1:1\nservices = local\n\
         [services local]\ns3 =\n  endpoint_url = http://192.0.2.1:2\n",
    );
    let out = checked(&place.with("AWS_PROFILE", "my team"));
    assert!(out.contains("connects to 192.0.2.1:2\n"), "{out}");
    assert!(out.contains("`endpoint` is that of services of the AWS profile `my team`\n"), "{out}");
}

/// As with the AWS command line, which puts the properties of both files together.
#[test]
#[cfg(feature = "aws-chain")]
fn the_file_of_credentials_names_an_endpoint_too() {
    let place = Place::of(&silent(""), "");
    std::fs::create_dir(place.path(".aws")).unwrap();
    place.write(".aws/credentials", "[default]\nendpoint_url = http://192.0.2.1:3\n");
    place.write(".aws/config", "[default]\nregion = eu-west-1\n");
    assert!(checked(&place).contains("connects to 192.0.2.1:3\n"));
    place.write(".aws/credentials", "[default]\n");
    let said = "region of the AWS profile `default` is set but not used, and the flow has no \
                `region`; write region = \"eu-west-1\" to use it\n";
    assert!(checked(&place).contains(said));
}

/// Events that were meant for another store must not go to AWS.
#[test]
#[cfg(feature = "aws-chain")]
fn services_that_are_not_there_are_told() {
    let place = Place::of(&silent(""), "");
    std::fs::create_dir(place.path(".aws")).unwrap();
    place.write(".aws/config", "[default]\nservices = local\n[services locale]\ns3 =\n");
    let said =
        "services of the AWS profile `default`: names a section [services local] that is in no";
    assert_fails(&place.spillway(&["check", "flow.toml"]), 2, &[said]);
    let place = place.with("AWS_ENDPOINT_URL", "http://192.0.2.1:1");
    assert!(checked(&place).contains("connects to 192.0.2.1:1\n"));
}

#[test]
fn endpoints_of_aws_are_chosen_by_variables() {
    let place = Place::of(&silent(""), "").with("AWS_USE_FIPS_ENDPOINT", "TRUE");
    let place = place.with("AWS_USE_DUALSTACK_ENDPOINT", "true").with("AWS_REGION", "eu-west-1");
    let out = checked(&place);
    assert!(out.contains("s3-fips.dualstack."), "{out}");
    assert!(out.contains("`fips` is that of AWS_USE_FIPS_ENDPOINT\n"), "{out}");
    assert!(out.contains("`dualstack` is that of AWS_USE_DUALSTACK_ENDPOINT\n"), "{out}");
}

#[test]
fn what_is_wrong_with_a_variable_is_said_of_the_variable() {
    for (variable, value, said) in [
        ("AWS_USE_FIPS_ENDPOINT", "maybe", "AWS_USE_FIPS_ENDPOINT: is \"maybe\", expected true or"),
        ("AWS_ENDPOINT_URL", "foo", "AWS_ENDPOINT_URL: "),
        (
            "AWS_CA_BUNDLE",
            "none.pem",
            "AWS_CA_BUNDLE: no certificate authority in none.pem: No such",
        ),
        ("SSL_CERT_FILE", "none.pem", "SSL_CERT_FILE: names no certificate authority: "),
        ("HTTPS_PROXY", "socks5://me:s3cret@p:1", "HTTPS_PROXY: names a socks5 proxy"),
        ("HTTPS_PROXY", "http://me:s3cret#@p:1", "HTTPS_PROXY: names no proxy; "),
        (
            "AWS_ENDPOINT_URL",
            "http://169.254.169.254",
            "AWS_ENDPOINT_URL: 169.254.169.254:80 is not allowed",
        ),
    ] {
        let ended = Place::of(&silent(""), "").with(variable, value);
        let ended = ended.spillway(&["check", "flow.toml"]);
        assert_fails(&ended, 2, &[said]);
        assert!(!ended.err.contains("s3cret"), "{ended:?}");
        // What runs on this machine needs none of it.
        let local = Place::of(&silent(""), &event("a", "1")).with(variable, value);
        assert_eq!(local.run(&["--local", "out"])["objects"], 1);
    }
    let both = Place::of(&silent(""), "").with("AWS_USE_FIPS_ENDPOINT", "true");
    let both = both.with("AWS_ENDPOINT_URL", "http://192.0.2.1:1");
    let said = "AWS_USE_FIPS_ENDPOINT: has no meaning together with AWS_ENDPOINT_URL";
    assert_fails(&both.spillway(&["check", "flow.toml"]), 2, &[said]);
}

#[test]
fn a_proxy_reads_what_is_not_ciphered() {
    let proxy = Scripted::start(|_| Reply::stored());
    let url = proxy.endpoint().replace("http://", "http://me:pass@");
    let place = Place::of(FLOW, &event("a", "1")).with("ENDPOINT", "http://store.invalid:9000");
    let place = place.with("HTTP_PROXY", &url);
    let out = checked(&place);
    let said = format!(
        "it connects to store.invalid:9000 through the proxy of HTTP_PROXY: {}\n",
        proxy.endpoint()
    );
    assert!(out.contains(&said) && !out.contains("pass"), "{out}");
    assert_eq!(place.run(&[])["objects"], 1);
    let asked = proxy.rest();
    assert!(!asked.is_empty());
    for request in asked {
        assert_eq!(request.target, "http://store.invalid:9000/events/a");
        let sent = "proxy-authorization: Basic bWU6cGFzcw==";
        assert!(request.headers.iter().any(|line| line.eq_ignore_ascii_case(sent)), "{request:?}");
    }
}

#[test]
fn a_proxy_that_does_not_lead_to_the_store_is_named() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let refusing = Scripted::start(|_| Reply::status(407));
    let failing = Scripted::start(|_| Reply::status(502));
    let leading = Scripted::start(|_| {
        let headers = ["Location: https://sso.test/in", "Server: gatekeeper"];
        Reply::Answer(302, headers.map(str::to_owned).to_vec(), "<html>log in".to_owned())
    });
    for (proxy, said) in [
        (format!("http://{nobody}"), "cannot be reached: "),
        (refusing.endpoint(), "requires a user and a password"),
        (failing.endpoint(), "refuses the connection: 502"),
        (leading.endpoint(), "refuses the connection: 302 "),
        (leading.endpoint(), LEADS),
    ] {
        let place = Place::of(FLOW, &event("a", "1")).with("ENDPOINT", "https://store.invalid");
        let ended = place.with("HTTPS_PROXY", &proxy).spillway(&["run", "flow.toml"]);
        let whose = format!("no connection (the proxy {proxy} of HTTPS_PROXY ");
        assert_fails(&ended, 1, &[&whose, said]);
    }
    for request in refusing.rest().into_iter().chain(failing.rest()) {
        assert_eq!(
            (request.method.as_str(), request.target.as_str()),
            ("CONNECT", "store.invalid:443")
        );
    }
}

const LEADS: &str = ", to https://sso.test/in (server: gatekeeper))";

/// It resolves names by itself, so it is not asked for what no name may lead to.
#[test]
fn a_proxy_leads_to_no_metadata() {
    let proxy = Scripted::start(|_| Reply::stored());
    for host in ["169.254.169.254", "2852039166", "[fe80::1]"] {
        let place = Place::of(FLOW, &event("a", "1")).with("ENDPOINT", &format!("http://{host}"));
        let place = place.with("ALL_PROXY", &proxy.endpoint());
        assert_ne!(place.spillway(&["run", "flow.toml"]).code, Some(0), "{host}");
    }
    assert!(proxy.rest().is_empty());
}

#[test]
fn certificates_are_where_variables_say() {
    let server = Server::start();
    let behind = server.endpoint().replace("http://", "").parse().unwrap();
    let front = TlsFront::start(server.runtime(), behind);
    for variable in ["AWS_CA_BUNDLE", "SSL_CERT_FILE"] {
        let place = Place::of(FLOW, &event("a", "1")).with("ENDPOINT", &front.endpoint());
        let place = place.with(variable, "ca.pem");
        front.write_certificate(&place.path("ca.pem"));
        assert_eq!(place.run(&[])["objects"], 1, "{variable}");
    }
}

/// As the variable does.
#[test]
#[cfg(feature = "aws-chain")]
fn a_profile_names_certificates_too() {
    let server = Server::start();
    let behind = server.endpoint().replace("http://", "").parse().unwrap();
    let front = TlsFront::start(server.runtime(), behind);
    let place = Place::of(FLOW, &event("a", "1")).with("ENDPOINT", &front.endpoint());
    std::fs::create_dir(place.path(".aws")).unwrap();
    place.write(".aws/config", "[default]\nca_bundle = ca.pem\n");
    front.write_certificate(&place.path("ca.pem"));
    let said =
        "the trusted certificates are those of ca_bundle of the AWS profile `default`: ca.pem\n";
    assert!(checked(&place).contains(said));
    assert_eq!(place.run(&[])["objects"], 1);
    place.write(".aws/config", "[default]\nca_bundle = none.pem\n");
    let ended = place.spillway(&["check", "flow.toml"]);
    assert_fails(&ended, 2, &["ca_bundle of the AWS profile `default`: no certificate authority"]);
}

/// What is set to nothing is not set, also where others would take it for a file without a name.
#[test]
fn an_empty_variable_names_no_certificates() {
    let flow = FLOW.replace("${ENDPOINT}", "https://store.invalid");
    let place = Place::of(&flow, "").with("SSL_CERT_FILE", "").with("SSL_CERT_DIR", "");
    assert_eq!(checked(&place.with("AWS_CA_BUNDLE", "")).lines().count(), 1);
}

#[test]
fn tls_is_told_from_what_is_none() {
    let server = Server::start();
    let behind = server.endpoint().replace("http://", "").parse().unwrap();
    let front = TlsFront::start(server.runtime(), behind);
    for (endpoint, said) in [
        (server.endpoint().replace("http:", "https:"), "does not use TLS on this port"),
        (front.endpoint().replace("https:", "http:"), "requires TLS on this port"),
    ] {
        let place = Place::of(FLOW, &event("a", "1")).with("ENDPOINT", &endpoint);
        assert_fails(&place.spillway(&["run", "flow.toml"]), 1, &["TLS failed (the server ", said]);
    }
}
