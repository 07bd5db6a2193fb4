//! What takes the place of a writer where there is no client: nothing that there could be one of.

/// Writes to one topic. There is none in a build without the feature `kafka`.
pub struct TopicWriter(Never);

/// A record was not stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotWritten(String);

enum Never {}

impl TopicWriter {
    /// The topic.
    pub fn topic(&self) -> &str {
        match self.0 {}
    }

    /// Writes a record.
    ///
    /// # Errors
    ///
    /// None: there is no writer.
    pub async fn write(
        &mut self,
        _: Option<&[u8]>,
        _: &[(&str, &str)],
        _: &[u8],
    ) -> Result<(), NotWritten> {
        match self.0 {}
    }

    /// Waits until all that was written is stored.
    ///
    /// # Errors
    ///
    /// None: there is no writer.
    pub async fn stored(&mut self) -> Result<(), NotWritten> {
        match self.0 {}
    }
}
