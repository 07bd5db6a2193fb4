//! What keeps the checkpoints of a run: a file, or the bucket.

use spillway::sink::{Sink, SinkError};

use crate::lanes::Sinks;

use super::bucket::{Bucket, BucketCheckpoint};
use super::{Checkpoint, CheckpointError, CheckpointFile, CheckpointStore};

/// What keeps the checkpoints of a run.
pub enum Keeper {
    /// A file.
    File(CheckpointFile),
    /// The store of the sink.
    Bucket(Box<BucketCheckpoint>),
}

/// The sink that stores them in the bucket.
fn first(sinks: &mut Sinks) -> Result<&mut Sink, StoreError> {
    sinks.first().map_err(StoreError::Sink)
}

/// Why a checkpoint could not be stored.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Something is the matter with it.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The sink that stores it has ended.
    #[error(transparent)]
    Sink(SinkError),
}

impl CheckpointStore {
    /// The checkpoint that is there, if there is one. `bucket` reaches one in the bucket.
    ///
    /// # Errors
    ///
    /// It is there, and cannot be read, or is damaged.
    pub async fn read(&self, bucket: Bucket<'_>) -> Result<Option<Checkpoint>, StoreError> {
        match self {
            CheckpointStore::File(path) => Ok(super::read(path)?),
            CheckpointStore::Bucket(settings) => {
                super::bucket::load(bucket, settings).await?.known()
            }
        }
    }
}

impl Keeper {
    /// Where the checkpoints are.
    pub fn store_name(&self) -> CheckpointStore {
        match self {
            Keeper::File(file) => CheckpointStore::File(file.path().to_owned()),
            Keeper::Bucket(bucket) => CheckpointStore::Bucket(bucket.settings().clone()),
        }
    }

    /// Puts `checkpoint` in the place of the one before.
    ///
    /// # Errors
    ///
    /// [`StoreError`]. What was stored before is unchanged, or unknown where the error says so.
    pub async fn store(
        &mut self,
        sinks: &mut Sinks,
        checkpoint: &Checkpoint,
    ) -> Result<(), StoreError> {
        match self {
            Keeper::File(file) => Ok(file.store(checkpoint)?),
            Keeper::Bucket(bucket) => bucket.store(first(sinks)?, checkpoint).await,
        }
    }

    /// Proves that this process still holds them, where that is not certain.
    ///
    /// # Errors
    ///
    /// As [`store`](Keeper::store).
    pub async fn renew(&mut self, sinks: &mut Sinks) -> Result<(), StoreError> {
        match self {
            Keeper::File(_) => Ok(()),
            Keeper::Bucket(bucket) => bucket.renew(first(sinks)?).await,
        }
    }

    /// Lets others take them over at once.
    ///
    /// # Errors
    ///
    /// As [`store`](Keeper::store).
    pub async fn release(&mut self, sinks: &mut Sinks) -> Result<(), StoreError> {
        match self {
            Keeper::File(_) => Ok(()),
            Keeper::Bucket(bucket) => bucket.release(first(sinks)?).await,
        }
    }

    /// Proves that they are this process's, and keeps others away from now on.
    ///
    /// # Errors
    ///
    /// As [`store`](Keeper::store).
    pub async fn hold(&mut self, with: Bucket<'_>) -> Result<(), StoreError> {
        match self {
            Keeper::File(_) => Ok(()),
            Keeper::Bucket(bucket) => bucket.hold(with).await,
        }
    }

    /// As [`release`](Keeper::release), before a sink is opened with them. Returns whether others
    /// may take them over at once.
    ///
    /// # Errors
    ///
    /// As [`store`](Keeper::store).
    pub async fn let_go(&mut self, with: Bucket<'_>) -> Result<bool, StoreError> {
        match self {
            Keeper::File(_) => Ok(true),
            Keeper::Bucket(bucket) => bucket.let_go(with).await,
        }
    }
}
