//! Which arrays and objects lie around a value.

/// The arrays and objects around the value at hand: one bit each, set for an object.
#[derive(Default)]
pub(super) struct Nesting {
    depth: usize,
    bits: [u64; DEPTH_MAX / 64],
}

impl Nesting {
    /// How many there are.
    #[inline]
    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    /// Adds one. There must be fewer than [`DEPTH_MAX`].
    #[inline]
    pub(super) fn push(&mut self, object: bool) {
        let (word, bit) = (self.depth / 64, self.depth % 64);
        self.bits[word] = self.bits[word] & !(1 << bit) | u64::from(object) << bit;
        self.depth += 1;
    }

    /// Takes the innermost off. There must be one.
    #[inline]
    pub(super) fn pop(&mut self) {
        self.depth -= 1;
    }

    /// Whether the innermost is an object. There must be one.
    #[inline]
    pub(super) fn is_object(&self) -> bool {
        let inner = self.depth - 1;
        self.bits[inner / 64] >> (inner % 64) & 1 == 1
    }
}

/// How deep arrays and objects may nest: a parser that recurses, as the one for expressions does,
/// survives it on a small stack.
pub(super) const DEPTH_MAX: usize = 256;
