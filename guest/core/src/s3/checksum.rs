//! The checksums that S3 stores with an object.

use crate::http::Response;
use crate::s3::xml::Element;

/// The algorithms.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChecksumAlgorithm {
    /// CRC-32, as in zlib.
    Crc32,
    /// CRC-32C (Castagnoli).
    Crc32c,
    /// CRC-64/NVME, which S3 computes if a request has no checksum.
    Crc64Nvme,
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
}

/// What the checksum of a multipart upload covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChecksumType {
    /// The checksums of the parts.
    Composite,
    /// The bytes of the object.
    FullObject,
}

/// A checksum of an object or a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checksum {
    /// How it was computed.
    pub algorithm: ChecksumAlgorithm,
    /// The checksum, big-endian, in base64. A composite checksum ends with `-` and the number of
    /// parts.
    pub value: String,
}

impl ChecksumAlgorithm {
    /// All algorithms.
    pub const ALL: [ChecksumAlgorithm; 5] = [
        ChecksumAlgorithm::Crc32,
        ChecksumAlgorithm::Crc32c,
        ChecksumAlgorithm::Crc64Nvme,
        ChecksumAlgorithm::Sha1,
        ChecksumAlgorithm::Sha256,
    ];

    /// The value of `x-amz-checksum-algorithm`.
    pub fn as_str(self) -> &'static str {
        match self {
            ChecksumAlgorithm::Crc32 => "CRC32",
            ChecksumAlgorithm::Crc32c => "CRC32C",
            ChecksumAlgorithm::Crc64Nvme => "CRC64NVME",
            ChecksumAlgorithm::Sha1 => "SHA1",
            ChecksumAlgorithm::Sha256 => "SHA256",
        }
    }

    /// The header with a checksum of this algorithm.
    pub fn header_name(self) -> &'static str {
        match self {
            ChecksumAlgorithm::Crc32 => "x-amz-checksum-crc32",
            ChecksumAlgorithm::Crc32c => "x-amz-checksum-crc32c",
            ChecksumAlgorithm::Crc64Nvme => "x-amz-checksum-crc64nvme",
            ChecksumAlgorithm::Sha1 => "x-amz-checksum-sha1",
            ChecksumAlgorithm::Sha256 => "x-amz-checksum-sha256",
        }
    }

    /// The XML element with a checksum of this algorithm.
    pub fn element_name(self) -> &'static str {
        match self {
            ChecksumAlgorithm::Crc32 => "ChecksumCRC32",
            ChecksumAlgorithm::Crc32c => "ChecksumCRC32C",
            ChecksumAlgorithm::Crc64Nvme => "ChecksumCRC64NVME",
            ChecksumAlgorithm::Sha1 => "ChecksumSHA1",
            ChecksumAlgorithm::Sha256 => "ChecksumSHA256",
        }
    }
}

impl ChecksumType {
    /// The value of `x-amz-checksum-type`.
    pub fn as_str(self) -> &'static str {
        match self {
            ChecksumType::Composite => "COMPOSITE",
            ChecksumType::FullObject => "FULL_OBJECT",
        }
    }

    /// Parses a value of `x-amz-checksum-type` or of the element `ChecksumType`.
    pub fn parse(text: &str) -> Option<ChecksumType> {
        [ChecksumType::Composite, ChecksumType::FullObject]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }
}

impl Checksum {
    /// The checksums in the headers of a response.
    pub fn in_headers(response: &Response) -> Vec<Checksum> {
        found(|algorithm| response.header(algorithm.header_name()))
    }

    /// The checksums among the children of an element.
    pub(super) fn in_element(element: &Element) -> Vec<Checksum> {
        found(|algorithm| element.text(algorithm.element_name()))
    }
}

fn found<'a>(value: impl Fn(ChecksumAlgorithm) -> Option<&'a str>) -> Vec<Checksum> {
    let checksum = |algorithm| {
        let value = value(algorithm)?.to_owned();
        Some(Checksum { algorithm, value })
    };
    ChecksumAlgorithm::ALL.into_iter().filter_map(checksum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_names_agree() {
        for algorithm in ChecksumAlgorithm::ALL {
            let name = algorithm.as_str();
            let lower = name.to_ascii_lowercase();
            assert_eq!(algorithm.header_name(), format!("x-amz-checksum-{lower}"));
            assert_eq!(algorithm.element_name(), format!("Checksum{name}"));
        }
    }

    #[test]
    fn finds_checksums_among_headers() {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let headers = vec![
            header("X-Amz-Checksum-CRC64NVME", "rosUhgp5mIg="),
            header("x-amz-checksum-type", "FULL_OBJECT"),
            header("x-amz-checksum-crc32", "y/Q5Jg=="),
        ];
        let response = Response { headers, ..Response::default() };
        let checksum = |algorithm, value: &str| Checksum { algorithm, value: value.to_owned() };
        let expected = [
            checksum(ChecksumAlgorithm::Crc32, "y/Q5Jg=="),
            checksum(ChecksumAlgorithm::Crc64Nvme, "rosUhgp5mIg="),
        ];
        assert_eq!(Checksum::in_headers(&response), expected);
    }

    #[test]
    fn reads_the_types_it_writes() {
        for kind in [ChecksumType::Composite, ChecksumType::FullObject] {
            assert_eq!(ChecksumType::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(ChecksumType::parse("full_object"), None);
    }
}
