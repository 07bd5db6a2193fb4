//! Parses the encryption of objects.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use md5::{Digest as _, Md5};
use serde_json::{Map, Value};

use crate::config::{HEADER_BYTES_MAX, RawConfig};
use crate::credentials::Secret;
use crate::error::Problem;
use crate::http::Scheme;
use crate::s3::Address;
use crate::settings::address::is_loopback;
use crate::settings::is_set;

/// How objects are encrypted.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/serv-side-encryption.html>
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// As the bucket is configured.
    Default,
    /// With keys of S3 (SSE-S3).
    S3,
    /// With keys of KMS (SSE-KMS, DSSE-KMS).
    Kms(Kms),
    /// With a key that each request contains and S3 does not store (SSE-C).
    Customer(CustomerKey),
}

/// A key of KMS, and how it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kms {
    /// Whether to encrypt twice (DSSE-KMS).
    pub dual_layer: bool,
    /// The key, by its id or its ARN.
    pub key_id: Option<String>,
    /// The encryption context: JSON in base64.
    pub context: Option<String>,
    /// Whether S3 uses a bucket key.
    pub bucket_key: Option<bool>,
}

/// A 256-bit key for AES, as it is sent.
#[derive(Clone, PartialEq, Eq)]
pub struct CustomerKey {
    /// The key in base64.
    pub key: Secret,
    /// The MD5 of the key in base64. S3 verifies it to detect damage in transit.
    pub md5: Secret,
}

/// Omits the key and its MD5, which would confirm a guessed key.
impl fmt::Debug for CustomerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CustomerKey(…)")
    }
}

impl Encryption {
    /// Replaces the customer key with `…` in a text from outside.
    pub(crate) fn hide_in(&self, text: &mut String) {
        let Encryption::Customer(CustomerKey { key, md5 }) = self else { return };
        for secret in [key, md5] {
            secret.hide_in(text);
        }
    }
}

impl CustomerKey {
    /// Parses base64 of 32 bytes. `None` if it is invalid.
    pub fn parse(base64: &str) -> Option<CustomerKey> {
        let key = BASE64_STANDARD.decode(base64).ok().filter(|key| key.len() == KEY_BYTES)?;
        let md5 = BASE64_STANDARD.encode(Md5::digest(&key));
        Some(CustomerKey { key: Secret::new(base64), md5: Secret::new(md5) })
    }
}

pub(super) fn encryption(
    raw: &RawConfig,
    address: &Address,
    problems: &mut Vec<Problem>,
) -> Encryption {
    let by_server = raw.text("server_side_encryption");
    let is_kms = by_server.is_some_and(|word| word.starts_with("aws:kms"));
    if !is_kms && (by_server.is_some() || !is_set("server_side_encryption", raw, problems)) {
        refuse_fields_of_kms(raw, by_server, problems);
    }
    if let Some(key) = raw.text("customer_key") {
        return customer(key, by_server.is_some(), address, problems);
    }
    match by_server {
        None => Encryption::Default,
        Some("AES256") => Encryption::S3,
        Some(word) => Encryption::Kms(kms(raw, word == "aws:kms:dsse", problems)),
    }
}

fn refuse_fields_of_kms(raw: &RawConfig, word: Option<&str>, problems: &mut Vec<Problem>) {
    let why = word.map_or_else(|| "is not set".to_owned(), |word| format!("is `{word}`"));
    let fields = ["kms_key_id", "kms_context", "bucket_key_enabled"];
    for field in fields.into_iter().filter(|field| raw.is_set(field)) {
        let message = format!(
            "`server_side_encryption` {why}, but only `aws:kms` and `aws:kms:dsse` use KMS"
        );
        problems.push(Problem::new(field, message));
    }
}

fn kms(raw: &RawConfig, dual_layer: bool, problems: &mut Vec<Problem>) -> Kms {
    let bucket_key = raw.flag_if_set("bucket_key_enabled");
    if dual_layer && bucket_key == Some(true) {
        let message = "`server_side_encryption` is `aws:kms:dsse`, which has no keys of buckets";
        problems.push(Problem::new("bucket_key_enabled", message));
    }
    let context: Map<String, Value> =
        raw.texts("kms_context").map(|(name, text)| (name.to_owned(), text.into())).collect();
    let context =
        (!context.is_empty()).then(|| BASE64_STANDARD.encode(Value::Object(context).to_string()));
    if let Some(len) = context.as_ref().map(String::len).filter(|len| *len > HEADER_BYTES_MAX) {
        let message = format!("{len} bytes as base64 of JSON; the limit is {HEADER_BYTES_MAX}");
        problems.push(Problem::new("kms_context", message));
    }
    let key_id = raw.text("kms_key_id").map(str::to_owned);
    Kms { dual_layer, key_id, context, bucket_key }
}

/// Messages never contain the key, even if it is invalid.
fn customer(
    key: &str,
    is_doubled: bool,
    address: &Address,
    problems: &mut Vec<Problem>,
) -> Encryption {
    let mut refuse = |message: &str| problems.push(Problem::new("customer_key", message));
    if is_doubled {
        refuse("set, and so is `server_side_encryption`; an object is encrypted in one way");
    }
    // S3 would refuse the request too, but only after the key was sent in clear text. Loopback is
    // allowed for tests.
    if address.scheme == Scheme::Http && !is_loopback(&address.authority) {
        refuse(
            "`endpoint` is an http URL, but the key is sent with each request; use https, or \
             a host of this machine such as 127.0.0.1",
        );
    }
    let parsed = CustomerKey::parse(key);
    if parsed.is_none() {
        refuse("a string that is not base64 of 32 bytes; it is not shown");
    }
    parsed.map_or(Encryption::Default, Encryption::Customer)
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerSideEncryptionCustomerKeys.html>
const KEY_BYTES: usize = 32;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::error::Error;
    use crate::settings::Settings;

    /// The base64 of 32 bytes with the value 7, and its MD5.
    const KEY: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";

    #[test]
    fn what_is_written_is_meant() {
        assert_eq!(read(json!({})), Encryption::Default);
        assert_eq!(read(json!({"server_side_encryption": "AES256"})), Encryption::S3);
        let bare = Kms { dual_layer: false, key_id: None, context: None, bucket_key: None };
        let kms = read(json!({"server_side_encryption": "aws:kms"}));
        assert_eq!(kms, Encryption::Kms(bare.clone()));
        let kms = read(json!({
            "server_side_encryption": "aws:kms",
            "kms_key_id": "alias/events",
            "kms_context": {"b": "\u{e9}", "a": "1"},
            "bucket_key_enabled": false,
        }));
        let Encryption::Kms(Kms { dual_layer: false, key_id, context, bucket_key }) = kms else {
            panic!("{kms:?}")
        };
        assert_eq!((key_id.as_deref(), bucket_key), (Some("alias/events"), Some(false)));
        let context = BASE64_STANDARD.decode(context.expect("a context")).expect("base64");
        assert_eq!(context, "{\"a\":\"1\",\"b\":\"\u{e9}\"}".as_bytes());
        let dsse = read(json!({"server_side_encryption": "aws:kms:dsse"}));
        assert_eq!(dsse, Encryption::Kms(Kms { dual_layer: true, ..bare }));
    }

    #[test]
    fn a_customers_key_is_read_and_shown_to_nobody() {
        let read = read(json!({"customer_key": KEY}));
        let Encryption::Customer(key) = &read else { panic!("{read:?}") };
        assert_eq!((key.key.expose(), key.md5.expose()), (KEY, "y4HAEFCYWuvAXWFTtA1Qpg=="));
        assert_eq!(format!("{read:?}"), "Customer(CustomerKey(…))");
        let settings = parse(json!({"customer_key": KEY})).expect("settings");
        assert!(!format!("{settings:?}").contains(KEY));
    }

    #[test]
    fn what_cannot_be_is_refused_with_the_names_of_both_fields() {
        let long = "x".repeat(1_000);
        for (fields, field, said) in [
            (json!({"kms_key_id": "k"}), "kms_key_id", "`server_side_encryption` is not set"),
            (json!({"kms_context": {"a": "b"}}), "kms_context", "`server_side_encryption`"),
            (
                json!({"bucket_key_enabled": true, "server_side_encryption": "AES256"}),
                "bucket_key_enabled",
                "`server_side_encryption` is `AES256`, but only `aws:kms`",
            ),
            (
                json!({"bucket_key_enabled": true, "server_side_encryption": "aws:kms:dsse"}),
                "bucket_key_enabled",
                "`server_side_encryption` is `aws:kms:dsse`",
            ),
            (
                json!({"kms_context": {"a": long}, "server_side_encryption": "aws:kms"}),
                "kms_context",
                "1344 bytes as base64 of JSON; the limit is 1024",
            ),
            (
                json!({"customer_key": KEY, "server_side_encryption": "AES256"}),
                "customer_key",
                "so is `server_side_encryption`",
            ),
            (
                json!({"customer_key": KEY, "endpoint": "http://s3.example.com"}),
                "customer_key",
                "`endpoint` is an http URL",
            ),
            (json!({"customer_key": &KEY[..40]}), "customer_key", "not base64 of 32 bytes"),
            (json!({"customer_key": "x".repeat(32)}), "customer_key", "not base64 of 32 bytes"),
            (json!({"server_side_encryption": "aes"}), "server_side_encryption", "one of `AES256`"),
        ] {
            let Err(Error::Invalid(problems)) = parse(fields.clone()) else { panic!("{fields}") };
            let [problem] = &problems[..] else { panic!("{problems:?}") };
            assert_eq!(problem.field, field, "{fields}");
            assert!(problem.message.contains(said), "{said} in {}", problem.message);
            assert!(!problem.message.contains(&KEY[..40]), "{}", problem.message);
        }
    }

    #[test]
    fn a_customers_key_may_go_where_nobody_listens() {
        for endpoint in [
            "https://s3.example.com",
            "http://127.0.0.1:9000",
            "http://127.1.2.3",
            "http://[::1]:9000",
            "http://localhost:9000",
        ] {
            let settings = parse(json!({"customer_key": KEY, "endpoint": endpoint}));
            assert!(settings.is_ok(), "{endpoint}: {settings:?}");
        }
        for endpoint in ["http://128.0.0.1", "http://[::2]", "http://localhost.example.com"] {
            let settings = parse(json!({"customer_key": KEY, "endpoint": endpoint}));
            assert!(settings.is_err(), "{endpoint}");
        }
    }

    /// A field with an invalid value is not reported as missing by fields that require it.
    #[test]
    fn one_mistake_is_one_problem() {
        let fields = json!({"server_side_encryption": "kms", "kms_key_id": "k"});
        let Err(Error::Invalid(problems)) = parse(fields) else { panic!("no problem") };
        assert_eq!(problems.len(), 1, "{problems:?}");
    }

    fn read(fields: Value) -> Encryption {
        parse(fields).expect("a configuration in order").upload.encryption
    }

    fn parse(mut fields: Value) -> Result<Settings, Error> {
        fields["bucket"] = "events".into();
        Settings::parse(&fields.to_string())
    }
}
