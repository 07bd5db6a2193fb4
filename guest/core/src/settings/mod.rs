//! The configuration as meant: nothing in here can be invalid.

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

use std::time::Duration;

use crate::checksum::Algorithm;
use crate::config::{PART_BYTES_MAX, Provider, Written};
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

/// Everything a sink is told before it starts.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where objects go.
    pub store: StoreSettings,
    /// What objects are called.
    pub names: Names,
    /// When objects end, and how much of them memory holds.
    pub objects: ObjectLimits,
    /// How objects are encoded and uploaded, and what is said about them.
    pub upload: UploadSettings,
    /// How requests are signed and retried.
    pub client: ClientSettings,
    /// When objects become visible.
    pub commit: CommitSettings,
    /// What may be a mistake, and may be meant: it is told by notices of the first progress.
    pub warnings: Vec<Problem>,
}

/// Where objects go.
#[derive(Clone, Debug)]
pub struct StoreSettings {
    /// Where the bucket is, and how it is addressed.
    pub address: Address,
    /// The region that requests are signed for.
    pub region: String,
    /// Whether the requester agrees to pay (`x-amz-request-payer`).
    pub request_payer: bool,
    /// The account whose bucket it has to be (`x-amz-expected-bucket-owner`).
    pub expected_bucket_owner: Option<String>,
}

/// When objects end, and how much of them memory holds.
#[derive(Clone, Debug)]
pub struct ObjectLimits {
    /// What ends an object although its key goes on.
    pub rotation: Rotation,
    /// How many objects may be open at once.
    pub max_open_objects: usize,
    /// How many bytes may be held before `write` waits.
    pub memory_bytes_max: u64,
}

/// How objects are encoded and uploaded, and what is said about them.
#[derive(Clone, Debug)]
pub struct UploadSettings {
    /// What lies between the events of an object, and how it is compressed.
    pub encoding: Encoding,
    /// What is said about every object.
    pub object: ObjectSettings,
    /// How objects are encrypted.
    pub encryption: Encryption,
    /// The size of the first parts, in bytes; where parts are equal, of all but the last.
    pub part_bytes: u64,
    /// Whether parts never grow.
    pub equal_parts: bool,
    /// How many parts an object may have.
    pub parts_max: u32,
    /// The checksum that is sent with parts and objects.
    pub checksum: Option<Algorithm>,
    /// Whether `Content-MD5` is sent, too.
    pub content_md5: bool,
}

/// How requests are signed and retried.
#[derive(Clone, Debug)]
pub struct ClientSettings {
    /// Whether a hash of the payload is signed.
    pub payload_signing: PayloadSigning,
    /// How many requests may be in flight at once.
    pub requests_in_flight_max: usize,
    /// How often and how soon a request is tried again.
    pub retry: RetrySettings,
    /// How long to wait for most answers.
    pub timeouts: Timeouts,
    /// How long to wait for an answer to CompleteMultipartUpload.
    pub complete_timeouts: Timeouts,
}

/// Whether a hash of the payload is part of the signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadSigning {
    /// `x-amz-content-sha256` holds the hash.
    Signed,
    /// `x-amz-content-sha256` says `UNSIGNED-PAYLOAD`: TLS guards the bytes.
    Unsigned,
}

/// How often and how soon a request is tried again.
#[derive(Clone, Copy, Debug)]
pub struct RetrySettings {
    /// Attempts of one request, the first included.
    pub attempts_max: u32,
    /// How long after the first attempt there may be another.
    pub time_max: Duration,
    /// What the retries of the whole sink may cost; 0 is no limit.
    pub budget: u32,
    /// The longest wait before the first retry; doubled with each.
    pub backoff_base: Duration,
    /// The longest wait before any retry.
    pub backoff_max: Duration,
}

/// How long one attempt may take, in the terms of `wasi:http`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Until there is a connection.
    pub connect: Duration,
    /// From the end of the request to the first byte of the answer.
    pub first_byte: Duration,
    /// Between two pieces of a body, either way.
    pub between_bytes: Duration,
}

impl Settings {
    /// Reads a configuration.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] with every problem there is.
    pub fn parse(json: &str) -> Result<Settings, Error> {
        let (written, mut problems) = Written::read(json);
        let settings = Settings::resolve(&written, &mut problems);
        // What parts hold is known only where their size is.
        let is_size = |p: &Problem| SIZES.contains(&p.field.as_str());
        if !problems.iter().any(is_size) {
            rotation::check(&settings, &mut problems);
        }
        if problems.is_empty() { Ok(settings) } else { Err(Error::Invalid(problems)) }
    }

    /// The authority that this sink talks to, with its port.
    pub fn egress(&self) -> String {
        let address = &self.store.address;
        let authority = address.bucket(&[]).authority;
        let port = authority.rsplit_once(':').map(|(_, port)| port);
        let has_port = port.is_some_and(|port| port.parse::<u16>().is_ok());
        if has_port { authority } else { format!("{authority}:{}", address.scheme.default_port()) }
    }

    /// What the names of all objects that this configuration writes begin with; empty where keys
    /// are free.
    pub(crate) fn name_prefix(&self) -> String {
        format!("{}{}", self.names.prefix, self.names.template.beginning())
    }

    /// The largest object, in bytes as they are stored.
    pub fn object_bytes_max(&self) -> u64 {
        self.cutting().sizes.object_bytes_max()
    }

    /// How uploads are cut. A part is held until the store has it, and the next one fills
    /// meanwhile: so the parts of all open objects together do not grow beyond half of the memory
    /// that their compressors leave.
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

    fn resolve(written: &Written, problems: &mut Vec<Problem>) -> Settings {
        let provider = written.text("provider").and_then(Provider::named);
        let provider =
            provider.expect("every word of the field is a provider; a test compares them");
        let (address, region) = address::store(written, provider, problems);
        let upload = UploadSettings::resolve(written, provider, &address, problems);
        let suffix = if written.flag("compression_suffix") { upload.encoding.suffix() } else { "" };
        let names = names::names(written, suffix, problems);
        let max_open_objects = written.number("max_open_objects").unwrap_or_default();
        let rotation = rotation::rotation(written);
        let several = rotation.set().chain((max_open_objects > 1).then_some("max_open_objects"));
        for field in several {
            let cause = format!("{field} = {}", written.number(field).unwrap_or_default());
            problems.extend(names.refuse_several_of_one_key(field, &cause));
        }
        let warning = address::warning(&address).filter(|_| written.is_written("endpoint"));
        let warning = warning.map(|message| Problem::new("endpoint", message));
        let style = address::style_warning(&address);
        let style = style.map(|message| Problem::new("addressing", message));
        let commit = commit::commit(written, &names, problems);
        let memory_bytes_max = memory::memory(written, upload.encoding, commit.mode, problems);
        Settings {
            warnings: warning.into_iter().chain(style).collect(),
            client: ClientSettings::resolve(written, address.scheme),
            store: StoreSettings {
                address,
                region,
                request_payer: written.flag("request_payer"),
                expected_bucket_owner: owner(written, problems),
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
        written: &Written,
        provider: &Provider,
        address: &Address,
        problems: &mut Vec<Problem>,
    ) -> UploadSettings {
        let encryption = encryption::encryption(written, address, problems);
        let checksum = written.text("checksum").unwrap_or(provider.checksum);
        let content_md5 = written.flag_if_written("content_md5").unwrap_or(provider.content_md5);
        let is_verified = checksum != "none" || content_md5;
        let parts_max = written.number("parts_max").and_then(|number| u32::try_from(number).ok());
        UploadSettings {
            object: object::object(written, is_verified, problems),
            encoding: encoding::encoding(written, problems),
            encryption,
            part_bytes: written.number("part_bytes").unwrap_or_default(),
            equal_parts: written.flag_if_written("equal_parts").unwrap_or(provider.equal_parts),
            parts_max: parts_max.unwrap_or(provider.parts_max),
            checksum: match checksum {
                "crc32" => Some(Algorithm::Crc32),
                "crc32c" => Some(Algorithm::Crc32c),
                "none" => None,
                _ => Some(Algorithm::Crc64Nvme),
            },
            content_md5,
        }
    }
}

impl ClientSettings {
    fn resolve(written: &Written, scheme: Scheme) -> ClientSettings {
        let number = |name: &str| written.number(name).unwrap_or_default();
        let millis = |name: &str| Duration::from_millis(number(name));
        let timeouts = Timeouts {
            connect: millis("connect_timeout_ms"),
            first_byte: millis("first_byte_timeout_ms"),
            between_bytes: millis("between_bytes_timeout_ms"),
        };
        let complete = millis("complete_timeout_ms");
        ClientSettings {
            payload_signing: match (written.text("payload_signing"), scheme) {
                (Some("signed"), _) | (None, Scheme::Http) => PayloadSigning::Signed,
                _ => PayloadSigning::Unsigned,
            },
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

/// Whether the field was written at all, rightly or not: what needs it must not call it missing.
fn is_said(field: &str, written: &Written, problems: &[Problem]) -> bool {
    written.is_written(field) || problems.iter().any(|problem| problem.field == field)
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html>
fn owner(written: &Written, problems: &mut Vec<Problem>) -> Option<String> {
    let owner = written.text("expected_bucket_owner")?;
    if owner.len() != 12 || !owner.bytes().all(|byte| byte.is_ascii_digit()) {
        let message = format!("`{owner}` is no account of AWS: it has 12 digits");
        problems.push(Problem::new("expected_bucket_owner", message));
    }
    Some(owner.to_owned())
}

/// The fields that say how much parts hold.
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
