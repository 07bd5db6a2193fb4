//! One zstd frame.

use structured_zstd::encoding::{CompressionContext, CompressionLevel, CompressionParameters};

pub(super) struct Zstd(Box<CompressionContext>);

impl Zstd {
    /// The memory that the crate reports, rounded up. A test compares the two at all levels.
    pub(super) fn memory_bytes(level: u8) -> u64 {
        let mib = match level {
            ..=3 => 3,
            4..=6 => 7,
            7.. => 9,
        };
        mib << 20
    }

    pub(super) fn new(level: u8) -> Zstd {
        let level = CompressionLevel::from_level(level.into());
        let parameters = CompressionParameters::builder(level).window_log(WINDOW_LOG).build();
        let parameters = parameters.expect("a window that the format allows");
        let mut context = CompressionContext::new(level);
        context.set_parameters(&parameters).expect("no frame is open");
        context.set_content_checksum(true).expect("no frame is open");
        Zstd(Box::new(context))
    }

    pub(super) fn write(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let taken = self.0.write(out, bytes).expect("writing to a vector cannot fail");
        debug_assert_eq!(taken, bytes.len(), "no content size was set, so all input is accepted");
    }

    pub(super) fn finish(mut self, out: &mut Vec<u8>) {
        self.0.finish_frame(out).expect("writing to a vector cannot fail");
    }
}

/// 512 KiB. A larger window makes objects a few percent smaller, and takes that much more memory
/// for each open object.
const WINDOW_LOG: u32 = 19;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_takes_no_more_memory_than_is_counted() {
        let mut random = fastrand::Rng::with_seed(5);
        let noise: Vec<u8> = (0..3 << 20).map(|_| random.u8(..)).collect();
        let words = (0..3 << 20).map(|_| b"abcdefgh 0123456"[random.usize(..16)] >> random.u8(..2));
        for text in [vec![0; 3 << 20], words.collect(), noise] {
            for level in 1..=12 {
                let (mut frame, counted) = (Zstd::new(level), Zstd::memory_bytes(level));
                for piece in text.chunks(64 << 10) {
                    frame.write(piece, &mut Vec::new());
                    let heap = frame.0.heap_size() as u64;
                    assert!(heap <= counted, "level {level}: {heap} bytes, {counted} are counted");
                }
            }
        }
    }
}
