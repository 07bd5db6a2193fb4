//! The parts of a multipart upload: how large each is, and which of them the store has.

use serde::{Deserialize, Serialize};

use crate::checksum::{Algorithm, Sum};
use crate::http::Body;
use crate::s3::CompletedPart;

/// The sizes of parts: equal for a tenth of the parts that there may be, then doubled for the next
/// tenth, and so on, up to a limit. So objects of any size that memory allows fit into as many parts
/// as the store takes, and stores that want equal parts get a tenth of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartSizes {
    /// The size of the first tenth, in bytes.
    pub first: u64,
    /// What no part is larger than, in bytes; at least `first`.
    pub max: u64,
    /// How many parts there may be.
    pub count: u32,
}

impl PartSizes {
    /// The size of part `number`, from 1; nothing beyond the last there can be.
    pub fn size(&self, number: u32) -> Option<u64> {
        if !(1..=self.count).contains(&number) {
            return None;
        }
        let doublings = (number - 1) / self.count.div_ceil(SIZES);
        Some((self.first << doublings).min(self.max))
    }

    /// What is left of `len` bytes once all the parts were cut from it that they fill, the first of
    /// them being part `number`.
    pub(crate) fn rest(&self, mut len: u64, mut number: u32) -> u64 {
        while let Some(size) = self.size(number).filter(|size| *size <= len) {
            (len, number) = (len - size, number + 1);
        }
        len
    }

    /// How many parts there may be, for a sentence about what they hold.
    pub(crate) fn in_words(&self) -> String {
        match self.count {
            1 => "1 part of this size".to_owned(),
            count if count < 1_000 => format!("{count} parts of this size"),
            count => format!("{},{:03} parts of this size", count / 1_000, count % 1_000),
        }
    }

    /// The largest object, in bytes.
    pub fn object_bytes_max(&self) -> u64 {
        (1..=self.count).filter_map(|number| self.size(number)).sum()
    }
}

/// The parts of one upload, from 1 on without a gap.
pub(crate) struct Parts {
    pub(crate) upload_id: String,
    parts: Vec<Part>,
    /// Bytes that the store does not have yet.
    unstored: u64,
    /// Bytes that the store has, kept in case everything must be sent again.
    spare: u64,
}

struct Part {
    len: u64,
    sum: Option<Sum>,
    body: Option<Body>,
    etag: Option<String>,
}

/// The parts of an upload all of which the store has, as a checkpoint keeps them.
#[derive(Serialize, Deserialize)]
pub(crate) struct SavedParts {
    pub(crate) upload_id: String,
    parts: Vec<SavedPart>,
}

#[derive(Serialize, Deserialize)]
struct SavedPart {
    len: u64,
    /// The checksum, where one is sent: which it is, the configuration says.
    crc: Option<u64>,
    etag: String,
}

impl SavedParts {
    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// How many bytes they are; nothing, where no number says that.
    pub(crate) fn bytes(&self) -> Option<u64> {
        self.parts.iter().try_fold(0_u64, |sum, part| sum.checked_add(part.len))
    }
}

impl Parts {
    /// What a checkpoint keeps.
    ///
    /// # Panics
    ///
    /// Where the store does not have all of them.
    pub(crate) fn save(&self) -> SavedParts {
        let part = |part: &Part| SavedPart {
            len: part.len,
            crc: part.sum.map(Sum::crc),
            etag: part.etag.clone().expect("what is at rest is stored"),
        };
        let parts = self.parts.iter().map(part).collect();
        SavedParts { upload_id: self.upload_id.clone(), parts }
    }

    /// The parts that they were, without their bytes.
    pub(crate) fn resume(saved: SavedParts, algorithm: Option<Algorithm>) -> Parts {
        let part = |SavedPart { len, crc, etag }| Part {
            len,
            sum: algorithm.zip(crc).map(|(algorithm, crc)| algorithm.sum(crc, len)),
            body: None,
            etag: Some(etag),
        };
        let parts = saved.parts.into_iter().map(part).collect();
        Parts { upload_id: saved.upload_id, parts, unstored: 0, spare: 0 }
    }

    pub(crate) fn new(upload_id: String) -> Parts {
        Parts { upload_id, parts: Vec::new(), unstored: 0, spare: 0 }
    }

    /// Adds a part, and returns its number.
    pub(crate) fn add(&mut self, body: Body, algorithm: Option<Algorithm>) -> u32 {
        let (len, sum) = (body.len(), algorithm.map(|a| a.of(&body)));
        self.unstored += len;
        self.parts.push(Part { len, sum, body: Some(body), etag: None });
        self.count()
    }

    /// The store has a part, under this ETag.
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

    /// Lets go of up to `wanted` bytes that are only kept in case, and returns how many they were.
    pub(crate) fn shed(&mut self, wanted: u64) -> u64 {
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

    /// The bytes and the checksum of a part that is to be sent.
    pub(crate) fn part(&self, number: u32) -> Option<(&Body, Option<Sum>)> {
        let part = self.parts.get(number as usize - 1)?;
        part.body.as_ref().map(|body| (body, part.sum))
    }

    /// All bytes there were, in their order, if they are all still here.
    pub(crate) fn into_bodies(self) -> Option<Vec<Body>> {
        self.parts.into_iter().map(|part| part.body).collect()
    }

    /// Whether [`into_bodies`](Parts::into_bodies) has something to return.
    pub(crate) fn is_whole(&self) -> bool {
        self.parts.iter().all(|part| part.body.is_some())
    }

    /// What CompleteMultipartUpload lists, and the checksum of it all. Nothing where a part is
    /// missing or the sizes do not add up to `bytes`: S3 would take such a list, and make an object
    /// with a hole of it.
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

/// How many parts an object may have in S3, and in no store more:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>
pub(crate) const PARTS_MAX: u32 = 10_000;
/// How many sizes parts have: few enough to be shifted by.
const SIZES: u32 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;
    const GIB: f64 = (1_u64 << 30) as f64;

    #[test]
    fn sizes_double_each_thousand_parts_up_to_the_limit() {
        let sizes = PartSizes { first: 5 * MIB, max: 5 << 30, count: PARTS_MAX };
        let of = |number| sizes.size(number).map(|size| size / MIB);
        assert_eq!([of(1), of(1_000), of(1_001), of(3_000)], [5, 5, 10, 20].map(Some));
        assert_eq!(
            [of(9_001), of(10_000), of(10_001), of(0)],
            [Some(2_560), Some(2_560), None, None]
        );
    }

    /// With fewer parts they grow sooner, and reach the limit in the same tenth.
    #[test]
    fn fewer_parts_grow_sooner() {
        let of = |count| PartSizes { first: 8 * MIB, max: 512 * MIB, count };
        let mib = |count, number| of(count).size(number).map(|size| size / MIB);
        let sizes = [1, 100, 101, 301, 601, 1_000].map(|number| mib(1_000, number));
        assert_eq!(sizes, [8, 8, 16, 64, 512, 512].map(Some));
        assert_eq!([mib(1_000, 1_001), mib(7, 8), mib(1, 2)], [None; 3]);
        assert_eq!([1, 2, 7].map(|number| mib(7, number)), [8, 16, 512].map(Some));
        let tenths: u64 = [8, 16, 32, 64, 128, 256, 512, 512, 512, 512].iter().sum();
        assert_eq!(of(1_000).object_bytes_max(), 100 * tenths * MIB);
        assert_eq!(of(1).object_bytes_max(), 8 * MIB);
        for count in [1, 2, 9, 10, 11, 99, 1_000, 9_999, 10_000] {
            let sizes = of(count);
            let all: Vec<_> = (1..=count).filter_map(|number| sizes.size(number)).collect();
            assert_eq!(all.len(), count as usize, "each of {count} parts has a size");
            assert!(all.is_sorted() && all[0] == 8 * MIB && all.iter().all(|s| *s <= 512 * MIB));
        }
    }

    #[test]
    fn what_fills_no_part_is_left() {
        let sizes = PartSizes { first: 10, max: 20, count: PARTS_MAX };
        assert_eq!([sizes.rest(9, 1), sizes.rest(10, 1), sizes.rest(25, 1)], [9, 0, 5]);
        assert_eq!(sizes.rest(45, 1_000), 15, "parts of 10 and of 20");
        assert_eq!(sizes.rest(45, 10_000), 25, "there is no part after the last");
    }

    /// The table "Large objects" of docs/objects.md.
    #[test]
    fn ten_thousand_parts_hold() {
        let gib = |first, memory| {
            let sizes = PartSizes { first, max: memory / 2, count: PARTS_MAX };
            (sizes.object_bytes_max() as f64 / GIB).round()
        };
        assert_eq!(gib(5 * MIB, 25 * MIB), 112.0);
        assert_eq!(gib(8 * MIB, 40 * MIB), 180.0);
        assert_eq!((gib(64 * MIB, 1 << 30) / 1_024.0 * 10.0).round(), 38.0, "3.8 TiB");
        assert_eq!((gib(512 * MIB, 3 << 30) / 1_024.0 * 10.0).round(), 132.0, "13.2 TiB");
        assert_eq!(gib(5 << 30, 10 << 30), 50_000.0, "the largest object S3 takes: 48.8 TiB");
        let equal = |size: u64| gib(size, 2 * size);
        assert_eq!([equal(5 * MIB), equal(8 * MIB), equal(64 * MIB)], [49.0, 78.0, 625.0]);
        assert_eq!(equal(512 * MIB), 5_000.0, "4.9 TiB");
    }

    #[test]
    fn a_list_with_a_hole_is_none() {
        let mut parts = Parts::new("id".to_owned());
        for _ in 0..3 {
            parts.add(Body::from(vec![1; 10]), Some(Algorithm::Crc32));
        }
        parts.stored(1, "a".to_owned());
        parts.stored(3, "c".to_owned());
        assert!(parts.completed(30).is_none(), "part 2 is not there");
        parts.stored(2, "b".to_owned());
        assert!(parts.completed(29).is_none(), "a byte too many");
        let (list, sum) = parts.completed(30).expect("whole");
        let numbers: Vec<_> = list.iter().map(|part| (part.number, part.etag.as_str())).collect();
        assert_eq!(numbers, [(1, "a"), (2, "b"), (3, "c")]);
        assert_eq!(sum, Some(Algorithm::Crc32.of(&Body::from(vec![1; 30]))));
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
        assert_eq!(parts.shed(5), 10, "part by part");
        assert!(parts.part(2).is_none() && parts.part(3).is_some() && !parts.is_whole());
        assert_eq!(parts.shed(u64::MAX), 10);
        assert!(parts.part(1).is_some(), "it was never stored");
    }
}
