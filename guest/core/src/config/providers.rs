//! Providers of stores, and the defaults that follow from each. A field that is set overrides them.

use crate::s3::PARTS_MAX;

/// A provider, with the defaults for its stores.
#[derive(Debug)]
pub struct Provider {
    /// The value of the field `provider`.
    pub name: &'static str,
    /// The form of its endpoints. `None` if the endpoint follows from the region.
    pub endpoint: Option<&'static str>,
    /// The region that requests are signed for.
    pub region: Region,
    /// The default of the field `checksum`.
    pub checksum: &'static str,
    /// Whether `Content-MD5` is sent.
    pub content_md5: bool,
    /// Whether all parts of an object must have the same size.
    pub equal_parts: bool,
    /// The most parts of an object.
    pub parts_max: u32,
    /// The reason for these defaults, as one sentence.
    pub why: &'static str,
    /// The provider's documentation of it.
    pub source: &'static str,
}

/// The default of the field `region`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Region {
    /// A fixed region.
    Fixed(&'static str),
    /// The part of the endpoint's host between these two.
    OfHost {
        /// The start of the host.
        before: &'static str,
        /// The end of the host.
        after: &'static str,
    },
}

impl Provider {
    /// The provider with this name.
    pub fn named(name: &str) -> Option<&'static Provider> {
        PROVIDERS.iter().find(|provider| provider.name == name)
    }
}

/// All providers, in the order of the field's values.
pub const PROVIDERS: &[Provider] = &[
    Provider {
        name: "aws",
        endpoint: None,
        region: Region::Fixed("us-east-1"),
        checksum: "crc64nvme",
        content_md5: false,
        equal_parts: false,
        parts_max: PARTS_MAX,
        why: "S3 verifies and keeps the checksum; its parts may grow.",
        source: "https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html",
    },
    Provider {
        name: "r2",
        endpoint: Some("https://ACCOUNT_ID.r2.cloudflarestorage.com"),
        region: Region::Fixed("auto"),
        checksum: "crc64nvme",
        content_md5: false,
        equal_parts: true,
        parts_max: PARTS_MAX,
        why: "R2 refuses unequal parts, and has CRC-64/NVME as the only checksum of whole objects.",
        source: "https://developers.cloudflare.com/r2/api/s3/api/",
    },
    Provider {
        name: "minio",
        endpoint: Some("https://minio.example.com:9000"),
        region: Region::Fixed("us-east-1"),
        checksum: "crc64nvme",
        content_md5: false,
        equal_parts: false,
        parts_max: PARTS_MAX,
        why: "MinIO has CRC-64/NVME since February 2025; before that it needs `checksum = \
              \"none\"`.",
        source: "https://github.com/minio/minio/pull/20855",
    },
    Provider {
        name: "ceph",
        endpoint: Some("https://rgw.example.com"),
        region: Region::Fixed("us-east-1"),
        checksum: "none",
        content_md5: true,
        equal_parts: false,
        parts_max: PARTS_MAX,
        why: "Which checksums the gateway verifies differs by release; each verifies \
              `Content-MD5`.",
        source: "https://docs.ceph.com/en/latest/radosgw/s3/",
    },
    Provider {
        name: "garage",
        endpoint: Some("http://127.0.0.1:3900"),
        region: Region::Fixed("garage"),
        checksum: "crc64nvme",
        content_md5: false,
        equal_parts: false,
        parts_max: PARTS_MAX,
        why: "Garage refuses signatures for another region than its `s3_region`, usually `garage`.",
        source: "https://garagehq.deuxfleurs.fr/documentation/connect/",
    },
    Provider {
        name: "backblaze",
        endpoint: Some("https://s3.REGION.backblazeb2.com"),
        region: Region::OfHost { before: "s3.", after: ".backblazeb2.com" },
        checksum: "none",
        content_md5: true,
        equal_parts: false,
        parts_max: PARTS_MAX,
        why: "B2 refuses the headers of checksums, and takes `Content-MD5`.",
        source: "https://www.backblaze.com/docs/cloud-storage-s3-compatible-api",
    },
    Provider {
        name: "scaleway",
        endpoint: Some("https://s3.REGION.scw.cloud"),
        region: Region::OfHost { before: "s3.", after: ".scw.cloud" },
        checksum: "crc64nvme",
        content_md5: false,
        equal_parts: false,
        parts_max: 1_000,
        why: "Scaleway takes 1,000 parts of an object, and verifies CRC-64/NVME.",
        source: "https://www.scaleway.com/en/docs/object-storage/api-cli/multipart-uploads/",
    },
    Provider {
        name: "ovh",
        endpoint: Some("https://s3.REGION.io.cloud.ovh.net"),
        region: Region::OfHost { before: "s3.", after: ".io.cloud.ovh.net" },
        checksum: "none",
        content_md5: true,
        equal_parts: false,
        parts_max: 1_000,
        why: "Which checksums OVHcloud takes differs by region; its older stores, which are \
              OpenStack \
              Swift, take 1,000 parts, and newer ones 10,000.",
        source: "https://github.com/ovh/public-cloud-roadmap/issues/781",
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Kind, fields};

    #[test]
    fn the_words_of_the_field_are_the_providers() {
        let names: Vec<_> = PROVIDERS.iter().map(|provider| provider.name).collect();
        let field = fields().find(|field| field.name == "provider").expect("the field");
        let Kind::Choice(words) = field.kind else { panic!("{:?}", field.kind) };
        assert_eq!(words, names);
    }

    #[test]
    fn no_provider_has_more_parts_than_s3() {
        assert!(PROVIDERS.iter().all(|provider| (1..=PARTS_MAX).contains(&provider.parts_max)));
    }

    #[test]
    fn the_checksums_are_words_of_their_field() {
        let field = fields().find(|field| field.name == "checksum").expect("the field");
        let Kind::Choice(words) = field.kind else { panic!("{:?}", field.kind) };
        assert!(PROVIDERS.iter().all(|provider| words.contains(&provider.checksum)));
    }
}
