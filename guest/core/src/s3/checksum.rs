//! The checksums that S3 keeps with an object.

use crate::http::Response;
use crate::s3::xml::Element;

/// The algorithms.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChecksumAlgorithm {
    /// CRC-32, as in zlib.
    Crc32,
    /// CRC-32C, the one of Castagnoli.
    Crc32c,
    /// CRC-64/NVME, the one that S3 computes where it is given none.
    Crc64Nvme,
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
}

/// What a checksum of a multipart upload is taken over.
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
    /// Its bytes, big-endian, in base64; with `-` and the number of parts where it is composite.
    pub value: String,
}

impl ChecksumAlgorithm {
    /// Every one there is.
    pub const ALL: [ChecksumAlgorithm; 5] = [
        ChecksumAlgorithm::Crc32,
        ChecksumAlgorithm::Crc32c,
        ChecksumAlgorithm::Crc64Nvme,
        ChecksumAlgorithm::Sha1,
        ChecksumAlgorithm::Sha256,
    ];

    /// The name as `x-amz-checksum-algorithm` gives it.
    pub fn as_str(self) -> &'static str {
        match self {
            ChecksumAlgorithm::Crc32 => "CRC32",
            ChecksumAlgorithm::Crc32c => "CRC32C",
            ChecksumAlgorithm::Crc64Nvme => "CRC64NVME",
            ChecksumAlgorithm::Sha1 => "SHA1",
            ChecksumAlgorithm::Sha256 => "SHA256",
        }
    }

    /// The header that holds such a checksum.
    pub fn header_name(self) -> &'static str {
        match self {
            ChecksumAlgorithm::Crc32 => "x-amz-checksum-crc32",
            ChecksumAlgorithm::Crc32c => "x-amz-checksum-crc32c",
            ChecksumAlgorithm::Crc64Nvme => "x-amz-checksum-crc64nvme",
            ChecksumAlgorithm::Sha1 => "x-amz-checksum-sha1",
            ChecksumAlgorithm::Sha256 => "x-amz-checksum-sha256",
        }
    }

    /// The XML element that holds such a checksum.
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

    /// Reads a value of `x-amz-checksum-type`, or of the element `ChecksumType`.
    pub fn parse(text: &str) -> Option<ChecksumType> {
        [ChecksumType::Composite, ChecksumType::FullObject]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }
}

impl Checksum {
    /// The checksums in an answer's headers.
    pub fn in_headers(response: &Response) -> Vec<Checksum> {
        found(|algorithm| response.header(algorithm.header_name()))
    }

    /// The checksums among an element's children.
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
