//! What is said of an object: its headers, its ETag, its checksums.

use s3s::checksum::ChecksumHasher;
use s3s::dto::{Checksum, ChecksumAlgorithm, ChecksumType, ETag, Metadata};
use serde::{Deserialize, Serialize};

/// What S3 keeps of an object beside its bytes. Its fields are named as in the types of `s3s`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct About {
    /// The value of the ETag, without quotes; empty while an upload is open.
    pub(super) e_tag: String,
    pub(super) sums: Sums,
    pub(super) metadata: Option<Metadata>,
    pub(super) cache_control: Option<String>,
    pub(super) content_disposition: Option<String>,
    pub(super) content_encoding: Option<String>,
    pub(super) content_language: Option<String>,
    pub(super) content_type: Option<String>,
}

/// Checksums of all bytes of a part or an object, in base64.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Sums {
    pub(super) checksum_crc32: Option<String>,
    pub(super) checksum_crc32c: Option<String>,
    pub(super) checksum_crc64nvme: Option<String>,
    pub(super) checksum_sha1: Option<String>,
    pub(super) checksum_sha256: Option<String>,
}

/// Moves the headers of an object from a request, or into an answer.
macro_rules! move_headers {
    ($from:expr => $to:expr) => {
        $to.metadata = $from.metadata.take();
        $to.cache_control = $from.cache_control.take();
        $to.content_disposition = $from.content_disposition.take();
        $to.content_encoding = $from.content_encoding.take();
        $to.content_language = $from.content_language.take();
        $to.content_type = $from.content_type.take();
    };
}

/// Moves checksums from a request, or into an answer.
macro_rules! move_sums {
    ($from:expr => $to:expr) => {
        $to.checksum_crc32 = $from.checksum_crc32.take();
        $to.checksum_crc32c = $from.checksum_crc32c.take();
        $to.checksum_crc64nvme = $from.checksum_crc64nvme.take();
        $to.checksum_sha1 = $from.checksum_sha1.take();
        $to.checksum_sha256 = $from.checksum_sha256.take();
    };
}

/// Moves ETag and checksums of an object into an answer.
macro_rules! move_proof {
    ($about:expr => $to:expr) => {
        $to.e_tag = Some($about.e_tag());
        $to.checksum_type = $about.sums.kind();
        move_sums!($about.sums => $to);
    };
}

pub(super) use {move_headers, move_proof, move_sums};

impl About {
    pub(super) fn e_tag(&self) -> ETag {
        ETag::Strong(self.e_tag.clone())
    }
}

impl Sums {
    /// Each checksum by the name of its algorithm.
    pub(super) fn by_name(&mut self) -> [(&'static str, &mut Option<String>); 5] {
        [
            (ChecksumAlgorithm::CRC32, &mut self.checksum_crc32),
            (ChecksumAlgorithm::CRC32C, &mut self.checksum_crc32c),
            (ChecksumAlgorithm::CRC64NVME, &mut self.checksum_crc64nvme),
            (ChecksumAlgorithm::SHA1, &mut self.checksum_sha1),
            (ChecksumAlgorithm::SHA256, &mut self.checksum_sha256),
        ]
    }

    /// Computes the checksums that are here, and the one of `algorithm`.
    pub(super) fn hasher(&mut self, algorithm: Option<&str>) -> ChecksumHasher {
        let [crc32, crc32c, crc64nvme, sha1, sha256] =
            self.by_name().map(|(name, sum)| sum.is_some() || algorithm == Some(name));
        ChecksumHasher {
            crc32: crc32.then(Default::default),
            crc32c: crc32c.then(Default::default),
            crc64nvme: crc64nvme.then(Default::default),
            sha1: sha1.then(Default::default),
            sha256: sha256.then(Default::default),
        }
    }

    /// The first algorithm whose checksum is here and is not the one of `computed`.
    pub(super) fn mismatch(&mut self, computed: &mut Sums) -> Option<&'static str> {
        let mut pairs = self.by_name().into_iter().zip(computed.by_name());
        let wrong = pairs.find(|((_, wanted), (_, found))| wanted.is_some() && wanted != found);
        wrong.map(|((name, _), _)| name)
    }

    /// All are of the whole object, where there are any.
    pub(super) fn kind(&self) -> Option<ChecksumType> {
        let is_empty = *self == Sums::default();
        (!is_empty).then(|| ChecksumType::from_static(ChecksumType::FULL_OBJECT))
    }
}

impl From<Checksum> for Sums {
    fn from(mut computed: Checksum) -> Sums {
        let mut sums = Sums::default();
        move_sums!(computed => sums);
        sums
    }
}
