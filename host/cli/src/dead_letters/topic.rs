//! A topic of dead letters.

use std::sync::Arc;

use super::letter::DeadLetter;
use crate::source::{NotWritten, Partition, TopicWriter};

/// A topic that the dead letters of one partition are written to.
///
/// The value of each record is the document that a line of a file has, and its key is that of the
/// record which became no event. Its headers say which that was.
pub(crate) struct LetterTopic {
    writer: TopicWriter,
    partition: Arc<Partition>,
}

impl LetterTopic {
    /// Those of this partition.
    pub(crate) fn of(writer: TopicWriter, partition: Arc<Partition>) -> LetterTopic {
        LetterTopic { writer, partition }
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        self.writer.topic()
    }

    /// Sends one, of a record with this key.
    ///
    /// # Errors
    ///
    /// It cannot be sent, or one before it was not stored.
    pub(crate) async fn send(
        &mut self,
        letter: &DeadLetter<'_>,
        key: Option<&[u8]>,
    ) -> Result<(), NotWritten> {
        let Partition { topic, number } = &*self.partition;
        let number = number.to_string();
        let offset = letter.lines.first.saturating_sub(1).to_string();
        let [topic_header, partition_header, offset_header] = HEADERS;
        let headers = [
            (topic_header, topic.as_str()),
            (partition_header, number.as_str()),
            (offset_header, offset.as_str()),
        ];
        let line = letter.to_line(Some(&self.partition));
        let document = line.strip_suffix(b"\n").unwrap_or(&line);
        self.writer.write(key, &headers, document).await
    }

    /// Waits until all that were sent are stored.
    ///
    /// # Errors
    ///
    /// One of them was not.
    pub(crate) async fn stored(&mut self) -> Result<(), NotWritten> {
        self.writer.stored().await
    }
}

/// The topic, the partition and the offset of the record.
const HEADERS: [&str; 3] = ["spillway.topic", "spillway.partition", "spillway.offset"];
