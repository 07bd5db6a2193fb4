//! ETags, Content-MD5 and checksums; the checksums with another crate than the core's.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html>

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use crc_fast::CrcAlgorithm;
use md5::{Digest, Md5};
use sha2::Sha256;
use spillway_core::s3::{ChecksumAlgorithm, ChecksumType};

use super::answer::S3Error;
use super::asked::Asked;
use super::authorize::hex;
use super::options::ChecksumSupport;

/// The ETag of bytes that came in one request, with its quotes. Where it hides the MD5, it is
/// another hash.
pub fn etag(bytes: &[u8], hides_md5: bool) -> String {
    let hash = if hides_md5 { &Sha256::digest(bytes)[..16] } else { &Md5::digest(bytes)[..] };
    format!("\"{}\"", hex(hash))
}

/// The ETag of an object made of parts: the MD5 of their MD5s, and their number.
pub fn multipart_etag<'a>(parts: impl Iterator<Item = &'a [u8]>) -> String {
    let mut all = Md5::new();
    let mut number = 0;
    for part in parts {
        all.update(Md5::digest(part));
        number += 1;
    }
    format!("\"{}-{number}\"", hex(&all.finalize()))
}

/// A checksum as S3 writes it; nothing for the SHAs, which this bucket has not.
pub fn checksum(algorithm: ChecksumAlgorithm, bytes: &[u8]) -> Option<String> {
    let value = |algorithm| crc_fast::checksum(algorithm, bytes).to_be_bytes();
    Some(match algorithm {
        // A CRC of 32 bits comes in the lower half.
        ChecksumAlgorithm::Crc32 => BASE64_STANDARD.encode(&value(CrcAlgorithm::Crc32IsoHdlc)[4..]),
        ChecksumAlgorithm::Crc32c => BASE64_STANDARD.encode(&value(CrcAlgorithm::Crc32Iscsi)[4..]),
        ChecksumAlgorithm::Crc64Nvme => BASE64_STANDARD.encode(value(CrcAlgorithm::Crc64Nvme)),
        ChecksumAlgorithm::Sha1 | ChecksumAlgorithm::Sha256 => return None,
    })
}

/// The checksum of an object by those of its parts.
pub fn composite<'a>(
    algorithm: ChecksumAlgorithm,
    parts: impl Iterator<Item = &'a [u8]>,
) -> Option<String> {
    let mut all = Vec::new();
    let mut number = 0;
    for part in parts {
        all.extend(BASE64_STANDARD.decode(checksum(algorithm, part)?).ok()?);
        number += 1;
    }
    Some(format!("{}-{number}", checksum(algorithm, &all)?))
}

/// Compares `Content-MD5`, where it is sent.
pub(super) fn check_md5(asked: &Asked<'_>, body: &[u8]) -> Result<(), S3Error> {
    let Some(claimed) = asked.header("content-md5") else { return Ok(()) };
    let valid = BASE64_STANDARD.decode(claimed).is_ok_and(|hash| hash.len() == 16);
    if !valid {
        let text = "The Content-MD5 you specified was invalid.";
        return Err(S3Error::new(400, "InvalidDigest", text).detail("Content-MD5", claimed));
    }
    let computed = BASE64_STANDARD.encode(Md5::digest(body));
    if claimed == computed {
        return Ok(());
    }
    let text = "The Content-MD5 you specified did not match what we received.";
    let error = S3Error::new(400, "BadDigest", text).detail("ExpectedDigest", claimed);
    Err(error.detail("CalculatedDigest", computed))
}

/// The checksum header of the request, if there is one.
pub(super) fn claimed(
    support: ChecksumSupport,
    asked: &Asked<'_>,
) -> Result<Option<(ChecksumAlgorithm, String)>, S3Error> {
    if !is_known(support, asked)? {
        return Ok(None);
    }
    let given = |algorithm: ChecksumAlgorithm| {
        Some((algorithm, asked.header(algorithm.header_name())?.to_owned()))
    };
    let mut all = ChecksumAlgorithm::ALL.into_iter().filter_map(given);
    let (first, second) = (all.next(), all.next());
    if second.is_some() {
        let text = "Expecting a single x-amz-checksum- header. Multiple checksum Types are not \
                    allowed.";
        return Err(S3Error::invalid_request(text));
    }
    if let Some((algorithm, value)) = &first {
        let name = algorithm.header_name();
        let Some(len) = length(*algorithm) else { return Err(S3Error::not_implemented(name)) };
        if !BASE64_STANDARD.decode(value).is_ok_and(|value| value.len() == len) {
            let text = format!("Value for {name} header is invalid.");
            return Err(S3Error::invalid_request(text));
        }
    }
    Ok(first)
}

/// Compares the checksum of a body, where it is sent, and says which it was.
pub(super) fn check_body(
    support: ChecksumSupport,
    asked: &Asked<'_>,
    body: &[u8],
) -> Result<Option<(ChecksumAlgorithm, String)>, S3Error> {
    let claimed = claimed(support, asked)?;
    if support == ChecksumSupport::Full
        && let Some(named) = asked.header("x-amz-sdk-checksum-algorithm")
    {
        match &claimed {
            None => {
                let text = "x-amz-sdk-checksum-algorithm specified, but no corresponding \
                            x-amz-checksum-* or x-amz-trailer headers were found.";
                return Err(S3Error::invalid_request(text));
            }
            Some((algorithm, _)) if !named.eq_ignore_ascii_case(algorithm.as_str()) => {
                let text = "Value for x-amz-sdk-checksum-algorithm header is invalid.";
                return Err(S3Error::invalid_request(text));
            }
            Some(_) => {}
        }
    }
    if let Some((algorithm, value)) = &claimed {
        compare(*algorithm, value, checksum(*algorithm, body).as_ref())?;
    }
    Ok(claimed)
}

/// `BadDigest` where the two differ.
pub(super) fn compare(
    algorithm: ChecksumAlgorithm,
    claimed: &String,
    computed: Option<&String>,
) -> Result<(), S3Error> {
    if Some(claimed) == computed {
        return Ok(());
    }
    let text =
        format!("The {} you specified did not match the calculated checksum.", algorithm.as_str());
    Err(S3Error::new(400, "BadDigest", text))
}

/// What a multipart upload is declared to be checked by; nothing where nothing is declared.
pub(super) fn declared(
    support: ChecksumSupport,
    asked: &Asked<'_>,
) -> Result<Option<(ChecksumAlgorithm, ChecksumType)>, S3Error> {
    if !is_known(support, asked)? {
        return Ok(None);
    }
    let kind = asked.header("x-amz-checksum-type");
    let Some(name) = asked.header("x-amz-checksum-algorithm") else {
        return match kind {
            None => Ok(None),
            Some(_) => {
                let text = "The x-amz-checksum-type header can only be used with the \
                            x-amz-checksum-algorithm header.";
                Err(S3Error::invalid_request(text))
            }
        };
    };
    let mut all = ChecksumAlgorithm::ALL.into_iter();
    let Some(algorithm) = all.find(|algorithm| algorithm.as_str() == name) else {
        let text = "Checksum algorithm provided is unsupported. Please try again with any of the \
                    valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]";
        return Err(S3Error::invalid_request(text));
    };
    if length(algorithm).is_none() {
        return Err(S3Error::not_implemented("x-amz-checksum-algorithm"));
    }
    let default = match algorithm {
        ChecksumAlgorithm::Crc64Nvme => ChecksumType::FullObject,
        _ => ChecksumType::Composite,
    };
    let kind = match kind {
        None => default,
        Some(text) => ChecksumType::parse(text).ok_or_else(|| {
            S3Error::invalid_request("Value for x-amz-checksum-type header is invalid.")
        })?,
    };
    if (algorithm, kind) == (ChecksumAlgorithm::Crc64Nvme, ChecksumType::Composite) {
        let text = "The COMPOSITE checksum type cannot be used with the crc64nvme checksum \
                    algorithm.";
        return Err(S3Error::invalid_request(text));
    }
    Ok(Some((algorithm, kind)))
}

/// Whether checksum headers mean anything here. A server that refuses them says so.
fn is_known(support: ChecksumSupport, asked: &Asked<'_>) -> Result<bool, S3Error> {
    let names = asked.request.headers.iter().map(|(name, _)| name.as_ref());
    let mut about = names.filter(|name| {
        let is_mode = *name == "x-amz-checksum-mode";
        !is_mode && (name.starts_with("x-amz-checksum-") || name.starts_with("x-amz-sdk-checksum-"))
    });
    match (support, about.next()) {
        (ChecksumSupport::Full, _) => Ok(true),
        (ChecksumSupport::Refused, Some(name)) => Err(S3Error::not_implemented(name)),
        _ => Ok(false),
    }
}

/// How many bytes a checksum has.
fn length(algorithm: ChecksumAlgorithm) -> Option<usize> {
    match algorithm {
        ChecksumAlgorithm::Crc32 | ChecksumAlgorithm::Crc32c => Some(4),
        ChecksumAlgorithm::Crc64Nvme => Some(8),
        ChecksumAlgorithm::Sha1 | ChecksumAlgorithm::Sha256 => None,
    }
}
