//! Configurations: whatever is written is either refused with the name of a field, or means
//! something that can be acted on; and the JSON Schema agrees.

#![no_main]

use std::time::Duration;

use arbitrary::{Arbitrary, Unstructured};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use spillway_core::config::{self, Kind, RawConfig, fields};
use spillway_core::settings::{Encryption, Rotation, Timeouts};
use spillway_core::{Error, Problem, Settings};

// JSON text as it stands, or after a control character bytes that become nearly a configuration.
fuzz_target!(|data: &[u8]| {
    match data {
        [0..=8, rest @ ..] => {
            let fields: Vec<Field> = Unstructured::new(rest).arbitrary().unwrap_or_default();
            let good = [("bucket".to_owned(), json!("events"))];
            let fields = fields.iter().map(Field::written);
            check(&object(good.into_iter().skip(usize::from(data[0] % 2)).chain(fields)));
        }
        text => {
            let Ok(text) = str::from_utf8(text) else { return };
            check(text);
        }
    }
});

fn check(json: &str) {
    let (_, unreadable) = RawConfig::parse(json);
    let value: Option<Value> = serde_json::from_str(json).ok();
    let allowed = value.as_ref().is_some_and(spillway_fuzz::schema::allows);
    // Of a field that is given twice, the schema sees the last.
    if !unreadable.iter().any(|problem| problem.message.starts_with("given twice")) {
        let empty_url = value.as_ref().is_some_and(|v| v["endpoint"] == "");
        let beyond_schema = |p: &Problem| empty_url && p.field == "endpoint";
        let expected = unreadable.iter().all(beyond_schema);
        assert_eq!(allowed, expected, "by the schema, but: {unreadable:?} {json}");
    }
    match Settings::parse(json) {
        Ok(settings) => {
            assert!(unreadable.is_empty() && allowed);
            acceptable(&settings);
        }
        Err(Error::Invalid(problems)) => {
            assert!(problems.starts_with(&unreadable) && !problems.is_empty());
            for problem in &problems {
                named(problem, value.as_ref());
            }
        }
        Err(other) => panic!("{other:?}"),
    }
    for name in value.as_ref().and_then(Value::as_object).into_iter().flat_map(|v| v.keys()) {
        let is_table = |f: &config::Field| f.name.split_once('.').is_some_and(|(t, _)| t == name);
        let is_field = |f: &config::Field| f.name == name || f.aliases.contains(&name.as_str());
        let known = fields().any(|f| is_field(f) || is_table(f));
        let refused = unreadable.iter().any(|problem| problem.field == *name);
        assert!(known || refused, "`{name}` is unknown, and was taken");
    }
}

fn named(problem: &Problem, value: Option<&Value>) {
    let Problem { field, message } = problem;
    assert!(!message.is_empty());
    match value {
        Some(value @ Value::Object(written)) => {
            let known = fields().any(|f| f.name == *field);
            let nested = || field.split('.').try_fold(value, |table, name| table.get(name));
            let there = written.contains_key(field) || nested().is_some();
            assert!(known || there, "`{field}`: {message}");
        }
        _ => assert_eq!(field, ""),
    }
}

fn acceptable(settings: &Settings) {
    let (egress, address) = (settings.egress(), &settings.store.address);
    let authority: http::uri::Authority = egress.parse().expect("an authority");
    assert!(authority.port_u16().is_some_and(|port| port != 0), "{egress}");
    let host = authority.host();
    assert!(!host.is_empty() && !host.starts_with('.') && !egress.contains('@'), "{egress}");
    assert_eq!(address.authority, address.authority.to_lowercase());

    let target = address.object("k", &[("uploads", "")]);
    let url = format!("{}://{}{}", target.scheme.as_str(), target.authority, target.path_and_query);
    let uri: http::Uri = url.parse().expect("a URL");
    assert_eq!(uri.authority().map(|a| a.as_str()), Some(target.authority.as_str()));
    assert_eq!(uri.path_and_query().map(|p| p.as_str()), Some(target.path_and_query.as_str()));
    assert!(egress == target.authority || egress.starts_with(&format!("{}:", target.authority)));
    assert!(url.is_ascii(), "{url}");
    assert!(
        http::HeaderValue::from_str(&settings.store.region).is_ok(),
        "{:?}",
        settings.store.region
    );
    assert!(
        settings.store.region.is_ascii() && !settings.store.region.contains(['/', ' ', ',']),
        "a scope"
    );

    assert!((5 << 20..=5 << 30).contains(&settings.upload.part_bytes));
    assert!((settings.upload.part_bytes..=3 << 30).contains(&settings.objects.memory_bytes_max));
    assert!((1..=256).contains(&settings.client.requests_in_flight_max));
    assert!((1..=1_000).contains(&settings.objects.max_open_objects));
    let Rotation { bytes, events, age, idle } = settings.objects.rotation;
    assert!(bytes != Some(0) && events != Some(0));
    assert!([age, idle].iter().flatten().all(|time| !time.is_zero()));
    sayable(settings);
    assert!((0..=1_000).contains(&settings.client.retry.attempts_max));
    assert!(settings.client.retry.time_max <= Duration::from_secs(86_400));
    assert!(
        !settings.client.retry.backoff_base.is_zero()
            && !settings.client.retry.backoff_max.is_zero()
    );
    for Timeouts { connect, first_byte, between_bytes } in
        [settings.client.timeouts, settings.client.complete_timeouts]
    {
        assert!([connect, first_byte, between_bytes].iter().all(|timeout| !timeout.is_zero()));
    }
}

/// A JSON object of these fields, those with a dot in tables, and all of one table together.
fn object(fields: impl Iterator<Item = (String, Value)>) -> String {
    let mut groups: Vec<(Option<String>, Vec<String>)> = Vec::new();
    for (path, value) in fields {
        let (table, name) = match path.split_once('.') {
            Some((table, name)) => (Some(table.to_owned()), name),
            None => (None, path.as_str()),
        };
        let member = format!("{}:{value}", json!(name));
        match groups.iter_mut().find(|(group, _)| group.is_some() && *group == table) {
            Some((_, members)) => members.push(member),
            None => groups.push((table, vec![member])),
        }
    }
    let groups = groups.iter().map(|(table, members)| match table {
        Some(table) => format!("{}:{{{}}}", json!(table), members.join(",")),
        None => members.join(","),
    });
    format!("{{{}}}", groups.collect::<Vec<_>>().join(","))
}

/// What is said with requests can be said in headers, and the secret in none that is shown.
fn sayable(settings: &Settings) {
    for (name, value) in &settings.upload.object.headers {
        let name = http::HeaderName::from_bytes(name.as_bytes()).expect("a header's name");
        assert!(name.as_str() != "x-amz-meta-spillway-nonce");
        let sayable = value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
        assert!(sayable && value.trim() == value, "{value:?}");
    }
    if let Encryption::Customer(key) = &settings.upload.encryption {
        let raw = BASE64_STANDARD.decode(key.key.expose()).expect("base64");
        assert_eq!(raw.len(), 32);
        assert!(!format!("{settings:?}").contains(key.key.expose()));
    }
    let owner = settings.store.expected_bucket_owner.as_deref().unwrap_or("123456789012");
    assert!(owner.len() == 12 && owner.bytes().all(|byte| byte.is_ascii_digit()));
}

/// A field that is nearly one of the configuration's.
#[derive(Arbitrary, Debug)]
struct Field<'a> {
    /// Which one it is, and under which of its names.
    index: u8,
    alias: bool,
    /// Another name, now and then.
    name: Option<Option<&'a str>>,
    value: Near<'a>,
}

#[derive(Arbitrary, Debug)]
enum Near<'a> {
    /// A value of the field's kind, in its limits.
    Good(u64),
    /// A number about one of the limits.
    Limit {
        max: bool,
        off: i8,
        float: bool,
    },
    Text(&'a str),
    Url {
        https: bool,
        host: &'a str,
        port: Option<u16>,
        path: &'a str,
    },
    Integer(i64),
    Float(f64),
    Flag(bool),
    Null,
    List(u8),
    Table,
}

impl Field<'_> {
    fn written(&self) -> (String, Value) {
        let at = usize::from(self.index) % fields().count();
        let field = fields().nth(at).expect("it is below the number of fields");
        let names: Vec<_> = [field.name].into_iter().chain(field.aliases.iter().copied()).collect();
        let known = names[usize::from(self.alias) % names.len()];
        let name = self.name.flatten().unwrap_or(known);
        (name.to_owned(), self.value.of(&field.kind))
    }
}

impl Near<'_> {
    fn of(&self, kind: &Kind) -> Value {
        match (self, kind) {
            (Near::Good(n), Kind::Integer { min, max }) => json!(min + n % (max - min + 1)),
            (Near::Good(n), Kind::Choice(words)) => json!(words[*n as usize % words.len()]),
            (Near::Good(n), Kind::Flag) => json!(n % 2 == 1),
            (Near::Good(n), Kind::Url) => json!(format!("http://127.0.0.1:{}", n % 70_000)),
            (Near::Good(n), Kind::Text) => json!(format!("text-{n:03}")),
            (Near::Good(n), Kind::Header) => json!(format!("a  header; v=\"{n}\"")),
            (Near::Good(n), Kind::Secret) => {
                let key = [n.to_be_bytes()[7]; 32];
                json!(BASE64_STANDARD.encode(&key[..31 + *n as usize % 3 % 2]))
            }
            (Near::Good(n), Kind::Texts { max }) => {
                let texts = 0..*n as usize % (max.min(&12) + 2);
                texts.map(|at| (format!("name-{at}"), json!(format!("text {n}")))).collect()
            }
            (Near::Limit { max, off, float }, Kind::Integer { min, max: most }) => {
                let limit = if *max { *most } else { *min };
                let near = limit as i64 + i64::from(*off);
                if *float { json!(near as f64) } else { json!(near) }
            }
            (Near::Limit { off, .. }, _) => json!(off),
            (Near::Text(text), Kind::Texts { .. }) => json!({ (*text): text, "b": text }),
            (Near::Text(text), _) => json!(text),
            (Near::Url { https, host, port, path }, _) => {
                let scheme = if *https { "https" } else { "http" };
                let port = port.map(|port| format!(":{port}")).unwrap_or_default();
                json!(format!("{scheme}://{host}{port}{path}"))
            }
            (Near::Integer(n), _) => json!(n),
            (Near::Float(n), _) => json!(n),
            (Near::Flag(flag), _) => json!(flag),
            (Near::Null, _) => Value::Null,
            (Near::List(n), _) => json!([n]),
            (Near::Table, _) => json!({"a": 1}),
        }
    }
}
