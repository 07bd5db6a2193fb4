//! What a map has to be told of a line beside its bytes.

use super::{Key, Map, Selector};

impl Map {
    /// Whether it depends on where a line lies.
    pub fn asks_for_place(&self) -> bool {
        self.needs_file() || self.needs_partition() || self.computes_with_place()
    }

    /// Whether an expression asks where a line lies.
    pub fn computes_with_place(&self) -> bool {
        let asks =
            |selector: &Selector| matches!(selector, Selector::Jq(jq) if jq.asks_for_place());
        self.selectors().any(asks)
    }

    /// Whether it maps only lines of files.
    pub fn needs_file(&self) -> bool {
        matches!(&self.key, Key::Fixed(key) if key.names_file())
    }

    /// Whether it maps only records of a partition.
    pub fn needs_partition(&self) -> bool {
        matches!(&self.key, Key::Fixed(key) if key.names_partition())
    }
}
