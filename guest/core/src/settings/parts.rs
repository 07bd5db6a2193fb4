//! The sizes of the parts of an upload.

use crate::checksum::Crc;

/// The sizes of parts. The first tenth of the allowed number of parts has one size, the next tenth
/// has twice that size, and so on, up to `max`. So the parts of an object of any size fit into the
/// number of parts that a store allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartSizes {
    /// The size of the first tenth of the parts, in bytes.
    pub first: u64,
    /// The largest size, in bytes. At least `first`.
    pub max: u64,
    /// The most parts of an object.
    pub count: u32,
}

impl PartSizes {
    /// The size of part `number`, counted from 1. `None` if an object has no such part.
    pub fn size(&self, number: u32) -> Option<u64> {
        if !(1..=self.count).contains(&number) {
            return None;
        }
        let doublings = (number - 1) / self.count.div_ceil(SIZES);
        Some((self.first << doublings).min(self.max))
    }

    /// How many of `len` bytes are left after cutting full parts from them. The first part has the
    /// number `number`.
    pub(crate) fn rest(&self, mut len: u64, mut number: u32) -> u64 {
        while let Some(size) = self.size(number).filter(|size| *size <= len) {
            (len, number) = (len - size, number + 1);
        }
        len
    }

    /// The number of parts, for a message.
    pub(crate) fn in_words(&self) -> String {
        match self.count {
            1 => "1 part of this size".to_owned(),
            count if count < 1_000 => format!("{count} parts of this size"),
            count => format!("{},{:03} parts of this size", count / 1_000, count % 1_000),
        }
    }

    /// The size of the largest object, in bytes.
    pub fn object_bytes_max(&self) -> u64 {
        (1..=self.count).filter_map(|number| self.size(number)).sum()
    }
}

/// How the bytes of an object are cut into parts, and which checksum they get.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cutting {
    pub(crate) sizes: PartSizes,
    pub(crate) algorithm: Option<Crc>,
}

/// How many different sizes there are. Less than the bits of a size, so that shifts do not
/// overflow.
const SIZES: u32 = 10;

#[cfg(test)]
mod tests {
    use crate::s3::PARTS_MAX;

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

    /// With fewer parts the size doubles sooner, but reaches its maximum in the same tenth.
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
}
