//! One zstd frame.

use structured_zstd::encoding::{CompressionContext, CompressionLevel, CompressionParameters};

pub(super) struct Zstd(Box<CompressionContext>);

impl Zstd {
    /// What the crate says it takes, rounded up; a test looks at it for all levels.
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
        let taken = self.0.write(out, bytes).expect("a vector takes what it is given");
        debug_assert_eq!(taken, bytes.len(), "no size was promised that could be exceeded");
    }

    pub(super) fn finish(mut self, out: &mut Vec<u8>) {
        self.0.finish_frame(out).expect("a vector takes what it is given");
    }

    #[cfg(test)]
    pub(super) fn heap_bytes(&self) -> u64 {
        self.0.heap_size() as u64
    }
}

/// 512 KiB. A larger window makes objects a few percent smaller, and takes as much more memory for
/// each that is open.
const WINDOW_LOG: u32 = 19;
