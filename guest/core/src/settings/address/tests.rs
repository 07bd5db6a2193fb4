//! Valid and invalid addresses.

use serde_json::{Value, json};

use crate::checksum::Crc;
use crate::config::PROVIDERS;
use crate::error::Error;
use crate::s3::AddressStyle;
use crate::settings::Settings;

fn parse(region: &str, endpoint: &str, addressing: &str) -> Result<Settings, Error> {
    let json = serde_json::json!({
        "bucket": "events",
        "region": region,
        "endpoint": endpoint,
        "addressing": addressing,
    });
    Settings::parse(&json.to_string())
}

/// Found by fuzzing: a host that is a number was taken for a port.
#[test]
fn egress_always_names_the_port() {
    let of = |url: &str| parse("r", url, "path").unwrap().egress();
    assert_eq!(of("http://2"), "2:80");
    assert_eq!(of("https://[::1]"), "[::1]:443");
    assert_eq!(of("http://127.0.0.1:9000"), "127.0.0.1:9000");
}

#[test]
fn an_endpoint_is_a_host_with_a_port() {
    for (url, authority, egress) in [
        ("http://127.0.0.1:9000", "127.0.0.1:9000", "127.0.0.1:9000"),
        ("http://Host", "host", "host:80"),
        ("http://host:80/", "host", "host:80"),
        ("https://host:", "host", "host:443"),
        ("https://host:080/base/", "host:80", "host:80"),
        ("http://[::1]", "[::1]", "[::1]:80"),
        ("http://[::1]:9000", "[::1]:9000", "[::1]:9000"),
    ] {
        let settings = parse("us-east-1", url, "path").expect(url);
        assert_eq!(settings.store.address.authority, authority, "{url}");
        assert_eq!(settings.egress(), egress, "{url}");
    }
    for url in [
        "http://host:9i8",
        "http://host:+80",
        "http://host:0",
        "http://host:70000",
        "http://:80",
        "http://[::g]",
        "http://.host",
        "http://host/?a",
        "http://host/#a",
        "http://host/\u{e9}",
        "http://me@host",
    ] {
        refused(parse("us-east-1", url, "path"), "endpoint", url);
    }
}

#[test]
fn aws_is_talked_to_where_the_fields_say() {
    for (more, egress) in [
        (json!({}), "events.s3.eu-west-1.amazonaws.com:443"),
        (json!({"region": "cn-north-1"}), "events.s3.cn-north-1.amazonaws.com.cn:443"),
        (json!({"dualstack": true}), "events.s3.dualstack.eu-west-1.amazonaws.com:443"),
        (json!({"fips": true}), "events.s3-fips.eu-west-1.amazonaws.com:443"),
        (json!({"accelerate": true}), "events.s3-accelerate.amazonaws.com:443"),
        (
            json!({"dualstack": true, "accelerate": true}),
            "events.s3-accelerate.dualstack.amazonaws.com:443",
        ),
        (
            json!({"dualstack": true, "fips": true, "bucket": "my.events"}),
            "s3-fips.dualstack.eu-west-1.amazonaws.com:443",
        ),
        (json!({"bucket": "My_Events"}), "s3.eu-west-1.amazonaws.com:443"),
        (json!({"endpoint": "https://s3.example.com"}), "s3.example.com:443"),
    ] {
        assert_eq!(with(more.clone()).expect("in order").egress(), egress, "{more}");
    }
}

#[test]
fn endpoints_that_do_not_exist_are_refused() {
    let endpoint = "https://s3.example.com";
    for (more, fields) in [
        (json!({"fips": true, "region": "cn-north-1"}), vec!["fips"]),
        (json!({"accelerate": true, "region": "cn-north-1"}), vec!["accelerate"]),
        (json!({"accelerate": true, "region": "us-gov-west-1"}), vec!["accelerate"]),
        (json!({"accelerate": true, "fips": true}), vec!["accelerate"]),
        (json!({"accelerate": true, "bucket": "my.events"}), vec!["accelerate"]),
        (json!({"accelerate": true, "addressing": "path"}), vec!["accelerate"]),
        (
            json!({"accelerate": true, "bucket": "a.b.c", "addressing": "virtual-host"}),
            vec!["accelerate"],
        ),
        (json!({"accelerate": true, "endpoint": endpoint}), vec!["accelerate"]),
        (json!({"dualstack": true, "fips": true, "endpoint": endpoint}), vec!["dualstack", "fips"]),
        (json!({"fips": true, "provider": "garage", "endpoint": endpoint}), vec!["fips"]),
    ] {
        refused_at(with(more.clone()), &fields, &more.to_string());
    }
}

#[test]
fn a_provider_sets_what_its_stores_need() {
    let at = |provider: &str, endpoint: &str| {
        let more = json!({"provider": provider, "endpoint": endpoint, "region": null});
        let settings = with(more).expect("in order");
        let sizes = settings.cutting().sizes;
        let (checksum, md5) = (settings.upload.checksum.is_some(), settings.upload.content_md5);
        assert_eq!(settings.store.address.style, AddressStyle::Path, "{provider}");
        (settings.store.region, checksum, md5, sizes.first == sizes.max)
    };
    let is = |region: &str, checksum, md5, equal| (region.to_owned(), checksum, md5, equal);
    let own = "https://store.example.com";
    assert_eq!(at("aws", own), is("us-east-1", true, false, false));
    let r2 = "https://0123.r2.cloudflarestorage.com";
    assert_eq!(at("r2", r2), is("auto", true, false, true));
    assert_eq!(at("minio", own), is("us-east-1", true, false, false));
    assert_eq!(at("ceph", own), is("us-east-1", false, true, false));
    assert_eq!(at("garage", own), is("garage", true, false, false));
    let b2 = "https://s3.us-east-005.backblazeb2.com";
    assert_eq!(at("backblaze", b2), is("us-east-005", false, true, false));
    let scaleway = "https://s3.fr-par.scw.cloud";
    assert_eq!(at("scaleway", scaleway), is("fr-par", true, false, false));
    let ovh = "https://s3.gra.io.cloud.ovh.net";
    assert_eq!(at("ovh", ovh), is("gra", false, true, false));
}

#[test]
fn a_provider_says_how_many_parts_there_may_be() {
    let parts = |more: Value| with(more).expect("in order").cutting().sizes.count;
    let scaleway = json!({"provider": "scaleway", "endpoint": "https://s3.nl-ams.scw.cloud"});
    assert_eq!([parts(json!({})), parts(scaleway.clone())], [10_000, 1_000]);
    let mut raw = scaleway;
    raw["parts_max"] = json!(10_000);
    assert_eq!(parts(raw), 10_000, "what is written stands before it");
    for wrong in [0, 10_001] {
        refused_at(with(json!({"parts_max": wrong})), &["parts_max"], "from 1 to 10000");
    }
}

#[test]
fn what_is_written_stands_before_what_a_provider_needs() {
    let settings = with(json!({
        "provider": "backblaze",
        "endpoint": "https://b2.example.com",
        "region": "us-west-001",
        "addressing": "virtual-host",
        "checksum": "crc32",
        "content_md5": false,
        "equal_parts": true,
    }));
    let settings = settings.expect("in order");
    assert_eq!(settings.store.region, "us-west-001");
    assert_eq!(settings.upload.checksum, Some(Crc::Crc32));
    assert_eq!((settings.upload.content_md5, settings.upload.equal_parts), (false, true));
    assert_eq!(settings.egress(), "events.b2.example.com:443");
    let r2 = json!({
        "provider": "r2",
        "endpoint": "https://0.r2.cloudflarestorage.com",
        "equal_parts": false,
    });
    assert!(!with(r2).expect("in order").upload.equal_parts);
}

#[test]
fn a_provider_needs_an_endpoint_of_its_form() {
    for provider in PROVIDERS.iter().filter(|provider| provider.name != "aws") {
        let more = json!({"provider": provider.name, "region": null});
        let Err(Error::Invalid(problems)) = with(more) else { panic!("{}", provider.name) };
        let [problem] = &problems[..] else { panic!("{problems:?}") };
        assert_eq!(problem.field, "endpoint");
        assert!(problem.message.contains(provider.endpoint.expect("a form")), "{problem:?}");
    }
    let b2 = |url: &str| json!({"provider": "backblaze", "endpoint": url, "region": null});
    for url in
        ["https://b2.example.com", "https://s3.backblazeb2.com", "https://s3..backblazeb2.com"]
    {
        refused_at(with(b2(url)), &["region"], url);
    }
    refused_at(with(b2("no url")), &["endpoint"], "one mistake is one problem");
    let r2 = json!({"provider": "r2", "endpoint": 7});
    refused_at(with(r2), &["endpoint"], "one mistake is one problem");
}

#[test]
fn an_endpoint_that_has_the_bucket_in_it_is_warned_of() {
    let warned = |bucket: &str, url: &str| {
        let settings = with(json!({"bucket": bucket, "endpoint": url})).expect("in order");
        settings.warnings.into_iter().map(|w| format!("{}: {}", w.field, w.message)).collect()
    };
    let none: Vec<String> = Vec::new();
    for (bucket, url, shown, instead) in [
        (
            "my-bucket",
            "https://my-bucket.s3.eu-west-1.amazonaws.com",
            "https://my-bucket.s3.eu-west-1.amazonaws.com/my-bucket/KEY",
            "https://s3.eu-west-1.amazonaws.com",
        ),
        (
            "events",
            "http://Events.store.test:9000/base",
            "http://events.store.test:9000/base/events/KEY",
            "http://store.test:9000/base",
        ),
        (
            "events",
            "http://127.0.0.1:9000/events/",
            "http://127.0.0.1:9000/events/events/KEY",
            "http://127.0.0.1:9000",
        ),
    ] {
        let said: Vec<String> = warned(bucket, url);
        assert_eq!(said.len(), 1, "{url}");
        assert!(said[0].starts_with("endpoint: the "), "{}", said[0]);
        assert!(said[0].contains(&format!("`{shown}`")), "{}", said[0]);
        assert!(said[0].ends_with(&format!("write `{instead}`")), "{}", said[0]);
    }
    for (bucket, url) in [
        ("minio", "http://minio:9000"),
        ("my-bucket", "https://s3.eu-west-1.amazonaws.com"),
        ("bucket", "https://bucket-store.example.com"),
        ("s3-data", "https://s3.example.com/data"),
    ] {
        assert_eq!(warned(bucket, url), none, "{url}");
    }
}

#[test]
fn a_dot_in_a_host_that_has_the_bucket_is_warned_of() {
    let warned = |bucket: &str, style: &str, url: &str| {
        let config = json!({"bucket": bucket, "addressing": style, "endpoint": url});
        let warnings = with(config).expect("in order").warnings;
        warnings.iter().any(|w| w.field == "addressing" && w.message.contains("`a.b.s3.test`"))
    };
    assert!(warned("a.b", "virtual-host", "https://s3.test"));
    assert!(!warned("a.b", "virtual-host", "http://s3.test"));
    assert!(!warned("a.b", "path", "https://s3.test"));
    assert!(!warned("a-b", "virtual-host", "https://s3.test"));
}

#[test]
fn an_account_has_twelve_digits() {
    let owner = |owner: &str| with(json!({"expected_bucket_owner": owner}));
    assert!(owner("123456789012").is_ok());
    for wrong in ["12345678901", "1234567890123", "12345678901a"] {
        refused_at(owner(wrong), &["expected_bucket_owner"], wrong);
    }
}

#[test]
fn what_cannot_be_signed_or_reached_is_refused() {
    refused(parse("eu west", "http://host", "path"), "region", "a space");
    refused(parse("eu/west", "http://host", "path"), "region", "a slash ends it in a scope");
    refused(parse("us-east-1\n", "http://host", "path"), "region", "a line break");
    for url in ["http://127.0.0.1:9000", "http://127.0.0.1", "http://[::1]:9000"] {
        refused(parse("us-east-1", url, "virtual-host"), "addressing", url);
    }
}

fn refused(settings: Result<Settings, Error>, field: &str, case: &str) {
    refused_at(settings, &[field], case);
}

#[track_caller]
fn refused_at(settings: Result<Settings, Error>, expected: &[&str], case: &str) {
    let Err(Error::Invalid(problems)) = settings else { panic!("{case}: {settings:?}") };
    let fields: Vec<_> = problems.iter().map(|p| p.field.as_str()).collect();
    assert_eq!(fields, expected, "{case}");
}

/// The settings of a bucket in `eu-west-1` with these fields. A null removes a field.
fn with(more: Value) -> Result<Settings, Error> {
    let mut fields = json!({"bucket": "events", "region": "eu-west-1"});
    for (name, value) in more.as_object().into_iter().flatten() {
        fields[name] = value.clone();
    }
    let fields = fields.as_object_mut().expect("a table");
    fields.retain(|_, value| !value.is_null());
    Settings::parse(&Value::from(fields.clone()).to_string())
}
