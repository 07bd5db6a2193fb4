//! Whether a partition still has the records behind an offset that was kept elsewhere. librdkafka
//! goes on at the beginning or the end where it does not, and says little of it.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::KafkaError;

use crate::source::Partition;

/// Which records a partition has from an offset on.
pub(super) enum Retained {
    /// All that were written.
    All,
    /// Those before this offset were deleted.
    From(u64),
    /// It ends before that offset: what was read of it are other records.
    Other {
        /// Where it ends.
        end: u64,
    },
}

/// Asks the cluster which records a partition has from an offset on.
///
/// # Errors
///
/// It does not answer in time.
pub(super) fn retained<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    Partition { topic, number }: &Partition,
    from: u64,
) -> Result<Retained, KafkaError> {
    let (begin, end) = consumer.fetch_watermarks(topic, *number, TIMEOUT)?;
    let [begin, end] = [begin, end].map(|offset| u64::try_from(offset).unwrap_or_default());
    Ok(match from {
        from if from > end => Retained::Other { end },
        from if from < begin => Retained::From(begin),
        _ => Retained::All,
    })
}

/// How long a broker may take. The group waits as long for a poll.
const TIMEOUT: Duration = Duration::from_secs(2);
