//! The parsed configuration. Its values are always valid.

mod access_point;
mod address;
mod aws;
mod commit;
mod encoding;
mod encryption;
mod identity;
mod memory;
mod names;
mod object;
mod parts;
mod rotation;
mod state;
mod words;

use std::time::Duration;

use words::{CHECKSUM, PAYLOAD_SIGNING};

use crate::checksum::Crc;
use crate::config::{PART_BYTES_MAX, Provider, RawConfig};
use crate::encode::Encoding;
use crate::error::{Error, Problem};
use crate::http::Scheme;
use crate::naming::Names;
use crate::s3::Address;

pub use commit::{Commit, CommitSettings, OnOrphans};
pub use encryption::{CustomerKey, Encryption, Kms};
pub(crate) use object::{NONCE, NONCE_BYTES};
pub use object::{ObjectSettings, RetainUntil, Retention};
pub(crate) use parts::Cutting;
pub use parts::PartSizes;
pub use rotation::Rotation;

/// The parsed configuration of a sink.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The store and the bucket.
    pub store: StoreSettings,
    /// How objects are named.
    pub names: Names,
    /// When objects are sealed, and how much memory they may take.
    pub objects: ObjectLimits,
    /// How objects are encoded and uploaded, and their properties.
    pub upload: UploadSettings,
    /// How requests are signed and retried.
    pub client: ClientSettings,
    /// When objects become visible.
    pub commit: CommitSettings,
    /// Settings that may be mistakes. They are reported as notices of the first progress.
    pub warnings: Vec<Problem>,
}

/// The store and the bucket.
#[derive(Clone, Debug)]
pub struct StoreSettings {
    /// The address of the bucket.
    pub address: Address,
    /// The region that requests are signed for.
    pub region: String,
    /// Whether the requester agrees to pay (`x-amz-request-payer`).
    pub request_payer: bool,
    /// The account that must own the bucket (`x-amz-expected-bucket-owner`).
    pub expected_bucket_owner: Option<String>,
}

/// When objects are sealed, and how much memory they may take.
#[derive(Clone, Debug)]
pub struct ObjectLimits {
    /// When an object is sealed although more events with its key follow.
    pub rotation: Rotation,
    /// The most open objects.
    pub max_open_objects: usize,
    /// How many bytes are held in memory before `write` waits.
    pub memory_bytes_max: u64,
}

/// How objects are encoded and uploaded, and their properties.
#[derive(Clone, Debug)]
pub struct UploadSettings {
    /// How events are framed and compressed.
    pub encoding: Encoding,
    /// The properties of all objects.
    pub object: ObjectSettings,
    /// How objects are encrypted.
    pub encryption: Encryption,
    /// The size of the first parts, in bytes. With `equal_parts`, of all parts but the last.
    pub part_bytes: u64,
    /// Whether all parts of an object have the same size.
    pub equal_parts: bool,
    /// The most parts of an object.
    pub parts_max: u32,
    /// The checksum that is sent with parts and objects.
    pub checksum: Option<Crc>,
    /// Whether `Content-MD5` is sent as well.
    pub content_md5: bool,
}

/// How requests are signed and retried.
#[derive(Clone, Debug)]
pub struct ClientSettings {
    /// Whether a hash of the payload is signed.
    pub payload_signing: PayloadSigning,
    /// The most requests in flight.
    pub requests_in_flight_max: usize,
    /// How often, and after what delays, a request is retried.
    pub retry: RetrySettings,
    /// The timeouts of most requests.
    pub timeouts: Timeouts,
    /// The timeouts of CompleteMultipartUpload.
    pub complete_timeouts: Timeouts,
}

/// Whether the hash of the payload is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadSigning {
    /// `x-amz-content-sha256` is the hash.
    Signed,
    /// `x-amz-content-sha256` is `UNSIGNED-PAYLOAD`. TLS protects the payload.
    Unsigned,
}

/// How often, and after what delays, a request is retried.
#[derive(Clone, Copy, Debug)]
pub struct RetrySettings {
    /// The most attempts of one request, including the first.
    pub attempts_max: u32,
    /// The time after the first attempt in which retries may begin.
    pub time_max: Duration,
    /// The size of the retry budget of the whole sink. 0 for no limit.
    pub budget: u32,
    /// The longest delay before the first retry. It doubles with each retry.
    pub backoff_base: Duration,
    /// The longest delay before any retry.
    pub backoff_max: Duration,
}

/// The timeouts of one attempt, in the terms of `wasi:http`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// The time to connect.
    pub connect: Duration,
    /// The time from the end of the request to the first byte of the response.
    pub first_byte: Duration,
    /// The time between two chunks of a body, in either direction.
    pub between_bytes: Duration,
}

impl Settings {
    /// Parses a configuration.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] with all problems.
    pub fn parse(json: &str) -> Result<Settings, Error> {
        let (raw, mut problems) = RawConfig::parse(json);
        let settings = Settings::resolve(&raw, &mut problems);
        // The rotation can only be compared with part sizes that are valid.
        let is_size = |p: &Problem| SIZES.contains(&p.field.as_str());
        if !problems.iter().any(is_size) {
            rotation::check(&settings, &mut problems);
        }
        if problems.is_empty() { Ok(settings) } else { Err(Error::Invalid(problems)) }
    }

    /// The authority that the sink connects to, with its port.
    pub fn egress(&self) -> String {
        let address = &self.store.address;
        let authority = address.bucket(&[]).authority;
        let port = authority.rsplit_once(':').map(|(_, port)| port);
        let has_port = port.is_some_and(|port| port.parse::<u16>().is_ok());
        if has_port { authority } else { format!("{authority}:{}", address.scheme.default_port()) }
    }

    /// The common prefix of the names of all objects that this configuration can write. May be
    /// empty.
    pub(crate) fn name_prefix(&self) -> String {
        format!("{}{}", self.names.prefix, self.names.template.beginning())
    }

    /// The size of the largest object, in bytes as they are stored.
    pub fn object_bytes_max(&self) -> u64 {
        self.cutting().sizes.object_bytes_max()
    }

    /// How objects are cut into parts. A part is held until the store acknowledges it, and
    /// meanwhile the next one fills. So the parts of all open objects together grow to at most half
    /// of the memory that compressors leave.
    pub(crate) fn cutting(&self) -> Cutting {
        let open = self.objects.max_open_objects as u64;
        let for_parts = self
            .objects
            .memory_bytes_max
            .saturating_sub(open * self.upload.encoding.memory_bytes());
        let max = match self.upload.equal_parts {
            true => self.upload.part_bytes,
            false => (for_parts / (2 * open.max(1))).clamp(self.upload.part_bytes, PART_BYTES_MAX),
        };
        let sizes = PartSizes { first: self.upload.part_bytes, max, count: self.upload.parts_max };
        Cutting { sizes, algorithm: self.upload.checksum }
    }

    fn resolve(raw: &RawConfig, problems: &mut Vec<Problem>) -> Settings {
        let provider = raw.text("provider").and_then(Provider::named);
        let provider =
            provider.expect("each value of the field is a provider; a test compares them");
        let (address, region) = address::store(raw, provider, problems);
        let upload = UploadSettings::resolve(raw, provider, &address, problems);
        let suffix = if raw.flag("compression_suffix") { upload.encoding.suffix() } else { "" };
        let names = names::names(raw, suffix, problems);
        let max_open_objects = raw.number("max_open_objects").unwrap_or_default();
        let rotation = rotation::rotation(raw);
        let several = rotation.set().chain((max_open_objects > 1).then_some("max_open_objects"));
        for field in several {
            let cause = format!("{field} = {}", raw.number(field).unwrap_or_default());
            problems.extend(names.refuse_several_of_one_key(field, &cause));
        }
        let warning = address::warning(&address).filter(|_| raw.is_set("endpoint"));
        let warning = warning.map(|message| Problem::new("endpoint", message));
        let style = address::style_warning(&address);
        let style = style.map(|message| Problem::new("addressing", message));
        let commit = commit::commit(raw, &names, problems);
        let repeats = commit::warning(raw, commit.mode, &names);
        let repeats = repeats.map(|message| Problem::new("key_template", message));
        let memory_bytes_max = memory::memory(raw, upload.encoding, commit.mode, problems);
        Settings {
            warnings: warning.into_iter().chain(style).chain(repeats).collect(),
            client: ClientSettings::resolve(raw, address.scheme),
            store: StoreSettings {
                address,
                region,
                request_payer: raw.flag("request_payer"),
                expected_bucket_owner: owner(raw, problems),
            },
            names,
            objects: ObjectLimits {
                rotation,
                max_open_objects: usize::try_from(max_open_objects).unwrap_or(1),
                memory_bytes_max,
            },
            upload,
            commit,
        }
    }
}

impl UploadSettings {
    fn resolve(
        raw: &RawConfig,
        provider: &Provider,
        address: &Address,
        problems: &mut Vec<Problem>,
    ) -> UploadSettings {
        let encryption = encryption::encryption(raw, address, problems);
        let checksum = CHECKSUM.of(raw).or_else(|| CHECKSUM.value(provider.checksum)).flatten();
        let content_md5 = raw.flag_if_set("content_md5").unwrap_or(provider.content_md5);
        let is_verified = checksum.is_some() || content_md5;
        let parts_max = raw.number("parts_max").and_then(|number| u32::try_from(number).ok());
        UploadSettings {
            object: object::object(raw, is_verified, problems),
            encoding: encoding::encoding(raw, problems),
            encryption,
            part_bytes: raw.number("part_bytes").unwrap_or_default(),
            equal_parts: raw.flag_if_set("equal_parts").unwrap_or(provider.equal_parts),
            parts_max: parts_max.unwrap_or(provider.parts_max),
            checksum,
            content_md5,
        }
    }
}

impl ClientSettings {
    fn resolve(raw: &RawConfig, scheme: Scheme) -> ClientSettings {
        let number = |name: &str| raw.number(name).unwrap_or_default();
        let millis = |name: &str| Duration::from_millis(number(name));
        let timeouts = Timeouts {
            connect: millis("connect_timeout_ms"),
            first_byte: millis("first_byte_timeout_ms"),
            between_bytes: millis("between_bytes_timeout_ms"),
        };
        let complete = millis("complete_timeout_ms");
        ClientSettings {
            payload_signing: PAYLOAD_SIGNING.of(raw).unwrap_or(match scheme {
                Scheme::Http => PayloadSigning::Signed,
                Scheme::Https => PayloadSigning::Unsigned,
            }),
            requests_in_flight_max: usize::try_from(number("requests_in_flight_max")).unwrap_or(1),
            retry: RetrySettings {
                attempts_max: u32::try_from(number("attempts_max")).unwrap_or(1),
                time_max: millis("retry_time_max_ms"),
                budget: u32::try_from(number("retry_budget")).unwrap_or(0),
                backoff_base: millis("backoff_base_ms"),
                backoff_max: millis("backoff_max_ms"),
            },
            timeouts,
            complete_timeouts: Timeouts {
                first_byte: complete,
                between_bytes: complete,
                ..timeouts
            },
        }
    }
}

/// Whether the field is set, to a valid value or not. An invalid field must not be reported as
/// missing too.
fn is_set(field: &str, raw: &RawConfig, problems: &[Problem]) -> bool {
    raw.is_set(field) || problems.iter().any(|problem| problem.field == field)
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html>
fn owner(raw: &RawConfig, problems: &mut Vec<Problem>) -> Option<String> {
    let owner = raw.text("expected_bucket_owner")?;
    if owner.len() != 12 || !owner.bytes().all(|byte| byte.is_ascii_digit()) {
        let message = format!("`{owner}` is no account of AWS: it has 12 digits");
        problems.push(Problem::new("expected_bucket_owner", message));
    }
    Some(owner.to_owned())
}

/// The fields that determine the size of parts.
const SIZES: [&str; 3] = ["part_bytes", "parts_max", "memory_bytes_max"];

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn parse(more: &str) -> Settings {
        let json = format!(r#"{{"bucket": "bucket", "on_existing": "fail"{more}}}"#);
        Settings::parse(&json).expect("a configuration")
    }

    #[test]
    fn the_parts_of_all_open_objects_grow_to_half_of_the_memory() {
        let sizes = |more: &str| parse(more).cutting().sizes;
        assert_eq!(sizes("").max, 20 * MIB);
        let two = r#", "max_open_objects": 2, "memory_bytes_max": 67108864"#;
        assert_eq!(sizes(two), PartSizes { first: 8 * MIB, max: 16 * MIB, count: 10_000 });
        let many = r#", "max_open_objects": 100, "memory_bytes_max": 67108864"#;
        assert_eq!(sizes(many).max, 8 * MIB, "they do not shrink");
    }
}
