//! The parts of a multipart upload, and which of them the store has acknowledged.

use serde::{Deserialize, Serialize};

use crate::checksum::{Crc, Sum};
use crate::http::Body;
use crate::s3::CompletedPart;

/// The parts of one upload. Their numbers begin at 1 and have no gap.
pub(crate) struct Parts {
    pub(crate) upload_id: String,
    parts: Vec<Part>,
    /// Bytes that the store has not acknowledged.
    unstored: u64,
    /// Bytes that the store has acknowledged. They are held in case the upload must be restarted.
    spare: u64,
}

struct Part {
    len: u64,
    sum: Option<Sum>,
    body: Option<Body>,
    etag: Option<String>,
}

/// The acknowledged parts of an upload, as a checkpoint stores them.
#[derive(Serialize, Deserialize)]
pub(crate) struct SavedParts {
    pub(crate) upload_id: String,
    parts: Vec<SavedPart>,
}

#[derive(Serialize, Deserialize)]
struct SavedPart {
    len: u64,
    /// The CRC, if a checksum is sent. The configuration has the algorithm.
    crc: Option<u64>,
    etag: String,
}

impl SavedParts {
    /// Whether there are no parts.
    pub(crate) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Their size in bytes. `None` if it does not fit into 64 bits.
    pub(crate) fn bytes(&self) -> Option<u64> {
        self.parts.iter().try_fold(0_u64, |sum, part| sum.checked_add(part.len))
    }
}

impl Parts {
    /// Saves the parts for a checkpoint.
    ///
    /// # Panics
    ///
    /// If the store has not acknowledged all of them.
    pub(crate) fn save(&self) -> SavedParts {
        let part = |part: &Part| SavedPart {
            len: part.len,
            crc: part.sum.map(Sum::crc),
            etag: part.etag.clone().expect("all parts of an object at rest are acknowledged"),
        };
        let parts = self.parts.iter().map(part).collect();
        SavedParts { upload_id: self.upload_id.clone(), parts }
    }

    /// Restores the parts, without their bytes.
    pub(crate) fn resume(saved: SavedParts, algorithm: Option<Crc>) -> Parts {
        let part = |SavedPart { len, crc, etag }| Part {
            len,
            sum: algorithm.zip(crc).map(|(algorithm, crc)| Sum::known(algorithm, crc, len)),
            body: None,
            etag: Some(etag),
        };
        let parts = saved.parts.into_iter().map(part).collect();
        Parts { upload_id: saved.upload_id, parts, unstored: 0, spare: 0 }
    }

    pub(crate) fn new(upload_id: String) -> Parts {
        Parts { upload_id, parts: Vec::new(), unstored: 0, spare: 0 }
    }

    /// Adds a part with its checksum, and returns its number.
    pub(crate) fn add(&mut self, body: Body, sum: Option<Sum>) -> u32 {
        let len = body.len();
        self.unstored += len;
        self.parts.push(Part { len, sum, body: Some(body), etag: None });
        self.count()
    }

    /// Records that the store acknowledged a part with this ETag.
    pub(crate) fn stored(&mut self, number: u32, etag: String) {
        let Some(part) = self.parts.get_mut(number as usize - 1) else { return };
        if part.etag.replace(etag).is_none() {
            self.unstored -= part.len;
            self.spare += part.len;
        }
    }

    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.parts.len()).unwrap_or(u32::MAX)
    }

    pub(crate) fn unstored(&self) -> u64 {
        self.unstored
    }

    pub(crate) fn spare(&self) -> u64 {
        self.spare
    }

    /// Drops up to `wanted` spare bytes, and returns how many were dropped.
    pub(crate) fn evict_spare(&mut self, wanted: u64) -> u64 {
        let before = self.spare;
        for part in self.parts.iter_mut().filter(|part| part.etag.is_some()) {
            if before - self.spare >= wanted {
                break;
            }
            if part.body.take().is_some() {
                self.spare -= part.len;
            }
        }
        before - self.spare
    }

    /// The bytes of all parts, in order. `None` if some were dropped.
    pub(crate) fn into_bodies(self) -> Option<Vec<Body>> {
        self.parts.into_iter().map(|part| part.body).collect()
    }

    /// Whether the bytes of all parts are still held.
    pub(crate) fn is_whole(&self) -> bool {
        self.parts.iter().all(|part| part.body.is_some())
    }

    /// The part list of CompleteMultipartUpload, and the checksum of the whole object. `None` if a
    /// part is missing or the sizes do not add up to `bytes`. S3 would accept such a list, and make
    /// an object without the missing part.
    pub(crate) fn completed(&self, bytes: u64) -> Option<(Vec<CompletedPart>, Option<Sum>)> {
        if self.parts.iter().map(|part| part.len).sum::<u64>() != bytes {
            return None;
        }
        let completed = self.parts.iter().zip(1..).map(|(part, number)| {
            let checksum = part.sum.map(Sum::s3);
            Some(CompletedPart { number, etag: part.etag.clone()?, checksum })
        });
        let completed = completed.collect::<Option<Vec<_>>>()?;
        let mut sums = self.parts.iter().map(|part| part.sum);
        let first = sums.next()?;
        let whole = sums.fold(first, |whole, sum| Some(whole?.then(sum?)));
        Some((completed, whole))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_with_a_hole_is_none() {
        let mut parts = Parts::new("id".to_owned());
        for _ in 0..3 {
            let body = Body::from(vec![1; 10]);
            let sum = Sum::of(Crc::Crc32, &body);
            parts.add(body, Some(sum));
        }
        parts.stored(1, "a".to_owned());
        parts.stored(3, "c".to_owned());
        assert!(parts.completed(30).is_none(), "part 2 is not there");
        parts.stored(2, "b".to_owned());
        assert!(parts.completed(29).is_none(), "a byte too many");
        let (list, sum) = parts.completed(30).expect("whole");
        let numbers: Vec<_> = list.iter().map(|part| (part.number, part.etag.as_str())).collect();
        assert_eq!(numbers, [(1, "a"), (2, "b"), (3, "c")]);
        assert_eq!(sum, Some(Sum::of(Crc::Crc32, &Body::from(vec![1; 30]))));
    }

    #[test]
    fn only_what_the_store_has_is_let_go() {
        let mut parts = Parts::new("id".to_owned());
        for _ in 0..3 {
            parts.add(Body::from(vec![1; 10]), None);
        }
        parts.stored(2, "b".to_owned());
        parts.stored(3, "c".to_owned());
        assert_eq!((parts.unstored(), parts.spare()), (10, 20));
        assert_eq!(parts.evict_spare(5), 10, "part by part");
        assert!(!parts.is_whole());
        assert_eq!(parts.evict_spare(u64::MAX), 10);
        assert!(parts.parts[0].body.is_some(), "it was never stored");
    }
}
