//! Records of a partition, as what lines are elsewhere.

use std::fmt;
use std::sync::Arc;

/// A partition of a topic.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Partition {
    /// The topic.
    pub topic: String,
    /// The number of the partition in it, from 0.
    pub number: i32,
}

/// What is known of the records that a block of lines is.
#[derive(Debug, PartialEq, Eq)]
pub struct Records {
    /// The partition that they are of.
    pub partition: Arc<Partition>,
    /// What each of them has beside its value. Empty where nobody asks for that.
    pub each: Vec<Record>,
}

/// What a record has beside its value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    /// Its time, in milliseconds since 1970, if it has one.
    pub timestamp: Option<i64>,
    /// Its key, if it has one.
    pub key: Option<Vec<u8>>,
    /// Its headers in their order, each with its value, if it has one.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

/// A record that is no event.
#[derive(Debug, PartialEq, Eq)]
pub struct NoEvent {
    /// Its offset.
    pub line: u64,
    /// Why it is rejected; nothing where it is passed over.
    pub reason: Option<&'static str>,
    /// Its key, if it has one and somebody asks for it.
    pub key: Option<Vec<u8>>,
}

impl Records {
    /// Cuts off what is known of the records behind the first `count`.
    pub(super) fn split_off(&mut self, count: usize) -> Records {
        let each = match self.each.is_empty() {
            true => Vec::new(),
            false => self.each.split_off(count),
        };
        Records { partition: Arc::clone(&self.partition), each }
    }
}

impl Record {
    /// How many bytes it holds.
    pub(super) fn bytes(&self) -> usize {
        let of = |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or(0, Vec::len);
        let headers = self.headers.iter().map(|(name, value)| name.len() + of(value) + 48);
        size_of::<Record>() + of(&self.key) + headers.sum::<usize>()
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}[{}]", self.topic, self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_cut_with_their_lines() {
        let record = |timestamp| Record { timestamp: Some(timestamp), ..Record::default() };
        let partition = Arc::new(Partition { topic: "t".to_owned(), number: 3 });
        assert_eq!(partition.to_string(), "t[3]");
        let each = vec![record(1), record(2), record(3)];
        let mut records = Records { partition: Arc::clone(&partition), each };
        assert_eq!(records.split_off(1).each, vec![record(2), record(3)]);
        assert_eq!(records.each, vec![record(1)]);
        let mut unasked = Records { partition, each: Vec::new() };
        assert_eq!(unasked.split_off(1).each, Vec::new());
    }
}
