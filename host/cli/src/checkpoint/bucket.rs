//! A checkpoint in the bucket, which any machine can take over.
//!
//! Each write replaces the version that this process has stored or loaded last, and no other.
//! Whoever takes over stores the checkpoint anew before anything else. From then on the writes of
//! the process before it fail, and so it commits nothing more.
//!
//! That process may still be sending parts of uploads that the checkpoint knows. So a checkpoint is
//! a lease as well: its holder stores the next one before the lease ends, and whoever takes over
//! waits for that end first. The age of a checkpoint is told by the clock of the store.

use std::time::{Duration, Instant};

use spillway::component::Component;
use spillway::contract::Error;
use spillway::grants::Grants;
use spillway::sink::{Sink, SinkError, explain};

use super::config::BucketSettings;
use super::format::{Checkpoint, Holder};
use super::keeper::StoreError;
use super::{CheckpointError, CheckpointStore};

/// Where a checkpoint is kept, and what reaches it.
#[derive(Clone, Copy)]
pub struct Bucket<'a> {
    /// The component.
    pub component: &'a Component,
    /// Its configuration.
    pub config: &'a str,
    /// What it is granted.
    pub grants: &'a Grants,
}

/// A checkpoint as it was found.
pub struct Found {
    settings: BucketSettings,
    checkpoint: Option<Checkpoint>,
    version: Option<String>,
    age: Option<Duration>,
    /// Why it could not be read, where the store does not tell that from one that is absent.
    denied: Option<String>,
}

impl Found {
    /// The checkpoint. `None` if there is none.
    ///
    /// # Errors
    ///
    /// The store does not let this user read it, or know whether there is one.
    pub fn known(self) -> Result<Option<Checkpoint>, StoreError> {
        match &self.denied {
            Some(text) => Err(denied(&self.settings, text)),
            None => Ok(self.checkpoint),
        }
    }

    /// The checkpoint, where there is one that may be read.
    pub fn checkpoint(&self) -> Option<&Checkpoint> {
        self.checkpoint.as_ref()
    }

    /// Whether both are one version of one checkpoint.
    pub fn is_same(&self, other: &Found) -> bool {
        self.version.is_some() && self.version == other.version
    }

    /// Who holds it, if that is another process.
    fn other(&self) -> Option<&Holder> {
        let holder = self.checkpoint.as_ref()?.holder.as_ref()?;
        (holder.id != holder_id()).then_some(holder)
    }

    /// Whose requests may still be under way: that of another process, or the one from which this
    /// process took it over and did not hold it yet.
    fn awaited(&self) -> Option<&Holder> {
        let holder = self.checkpoint.as_ref()?.holder.as_ref()?;
        (holder.id != holder_id() || holder.inherited).then_some(holder)
    }

    /// The lease with which this process takes it: what is left of the one before, or its own.
    fn lease_taken(&self) -> Duration {
        let holder = self.checkpoint.as_ref().and_then(|found| found.holder.as_ref());
        match self.awaited() {
            Some(_) => self.lease_left(),
            None => Duration::from_millis(holder.map_or(0, |holder| holder.lease_ms)),
        }
    }

    /// How much of the lease is left that is to be waited for. Zero for that of the process itself.
    pub fn lease_left(&self) -> Duration {
        let Some(holder) = self.awaited() else { return Duration::ZERO };
        // The store tells seconds only, so half a second may be missing at either end.
        let age = self.age.unwrap_or_default().saturating_sub(Duration::from_secs(1));
        Duration::from_millis(holder.lease_ms).saturating_sub(age)
    }

    /// The offset of the next record, where it is of a partition.
    pub fn offset(&self) -> Option<u64> {
        self.checkpoint.as_ref().map(|found| found.source.place().start.line)
    }

    /// Whether another process holds it.
    pub fn is_of_another(&self) -> bool {
        self.other().is_some()
    }

    /// Whether a process before this one has not let go of it.
    pub fn is_held_by_earlier(&self) -> bool {
        self.awaited().is_some_and(|holder| holder.lease_ms > 0)
    }

    /// How long ago it was stored, where the store tells.
    pub fn age(&self) -> Option<Duration> {
        self.age
    }
}

/// A checkpoint that this process holds.
pub struct BucketCheckpoint {
    settings: BucketSettings,
    /// How long the next one that is stored keeps others away.
    lease: Duration,
    /// Whether that is the lease of the process before.
    is_inherited: bool,
    /// Whether this process had it before, with a sink that did not let go of it.
    had_sink: bool,
    /// `None` until it was stored.
    version: Option<String>,
    /// What was stored last, to be stored again where the lease has ended.
    last: Checkpoint,
    /// When that began.
    stored: Instant,
    /// What was to be stored, and may be.
    unsettled: Option<Vec<u8>>,
}

/// Reads the checkpoint.
///
/// # Errors
///
/// It is there, and cannot be read, or is damaged.
pub async fn load(bucket: Bucket<'_>, settings: &BucketSettings) -> Result<Found, StoreError> {
    let Bucket { component, config, grants } = bucket;
    let settings = settings.clone();
    let none = Found { settings, checkpoint: None, version: None, age: None, denied: None };
    let settings = &none.settings;
    let stored = match component.load_state(config, &settings.name, grants).await {
        Ok(Some(stored)) => stored,
        Ok(None) => return Ok(none),
        Err(SinkError::Refused(Error::Denied(text))) => {
            return Ok(Found { denied: Some(text), ..none });
        }
        Err(error) => return Err(wrong(settings, "read", error)),
    };
    let checkpoint = Checkpoint::of_bytes(&stored.bytes)
        .map_err(|damage| CheckpointError::DamagedIn(shown(settings), damage))?;
    Ok(Found {
        checkpoint: Some(checkpoint),
        version: Some(stored.version),
        age: stored.age.map(Duration::from_nanos),
        ..none
    })
}

/// Proves that the store keeps the checkpoint, and compares its versions.
///
/// # Errors
///
/// What it cannot do.
pub async fn check(bucket: Bucket<'_>, settings: &BucketSettings) -> Result<(), StoreError> {
    let Bucket { component, config, grants } = bucket;
    let checked = component.check_state(config, &settings.name, grants).await;
    checked.map_err(|error| wrong(settings, "kept", error))
}

impl BucketCheckpoint {
    /// Takes what was found over: stores it anew, or `beginning` if there is none, as that of this
    /// process. `None` if another process was faster, and it has to be read again.
    ///
    /// It keeps others away for as long as the process before it may be at work, and for `lease`
    /// once this process has stored another one.
    ///
    /// # Errors
    ///
    /// It cannot be stored, or the store does not compare versions.
    pub async fn take(
        bucket: Bucket<'_>,
        settings: BucketSettings,
        found: &Found,
        beginning: Checkpoint,
    ) -> Result<Option<BucketCheckpoint>, StoreError> {
        let last = found.checkpoint.clone().unwrap_or(beginning);
        // Nothing is touched before the checkpoint is this process's.
        let mut sink = stateless(bucket).await?;
        let (lease, is_inherited) = (found.lease_taken(), found.awaited().is_some());
        let mut taken = BucketCheckpoint {
            settings,
            lease,
            is_inherited,
            had_sink: !is_inherited && lease > Duration::ZERO,
            version: found.version.clone(),
            last,
            stored: Instant::now(),
            unsettled: None,
        };
        match taken.replace(&mut sink).await {
            Ok(()) => {}
            Err(StoreError::Checkpoint(CheckpointError::TakenOver { .. })) => {
                return match &found.denied {
                    // There is one, and it may not be read.
                    Some(text) => Err(denied(&taken.settings, text)),
                    None => Ok(None),
                };
            }
            Err(error) => return Err(error),
        }
        check(bucket, &taken.settings).await?;
        (taken.lease, taken.is_inherited) = (taken.settings.lease, false);
        Ok(Some(taken))
    }

    /// Puts `checkpoint` in the place of what this process has stored before.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::TakenOver`] where another process has taken it over;
    /// [`CheckpointError::Unavailable`] where it is unknown whether it was stored: store it again.
    pub async fn store(
        &mut self,
        sink: &mut Sink,
        checkpoint: &Checkpoint,
    ) -> Result<(), StoreError> {
        self.last = checkpoint.clone();
        self.replace(sink).await
    }

    /// Lets others take it over at once. This process sends nothing more that it knows of.
    ///
    /// # Errors
    ///
    /// As [`store`](BucketCheckpoint::store). Others then wait for the end of the lease.
    pub async fn release(&mut self, sink: &mut Sink) -> Result<(), StoreError> {
        (self.settings.lease, self.lease) = (Duration::ZERO, Duration::ZERO);
        self.replace(sink).await
    }

    /// Proves that it is still this process's, and keeps others away from now on: for one that is
    /// about to open a sink with it.
    ///
    /// # Errors
    ///
    /// As [`store`](BucketCheckpoint::store).
    pub async fn hold(&mut self, bucket: Bucket<'_>) -> Result<(), StoreError> {
        self.replace(&mut stateless(bucket).await?).await
    }

    /// As [`release`](BucketCheckpoint::release), for one that has opened no sink with it. Returns
    /// whether others may take it over at once: not where requests of a sink that this process had
    /// before may still be under way.
    ///
    /// # Errors
    ///
    /// As [`release`](BucketCheckpoint::release).
    pub async fn let_go(&mut self, bucket: Bucket<'_>) -> Result<bool, StoreError> {
        if self.had_sink {
            return Ok(false);
        }
        self.release(&mut stateless(bucket).await?).await?;
        Ok(true)
    }

    /// Proves that no other process has taken it over, where this one did nothing for so long that
    /// one may have.
    ///
    /// # Errors
    ///
    /// As [`store`](BucketCheckpoint::store).
    pub async fn renew(&mut self, sink: &mut Sink) -> Result<(), StoreError> {
        if self.lease > Duration::ZERO && self.stored.elapsed() > self.lease {
            self.replace(sink).await?;
        }
        Ok(())
    }

    async fn replace(&mut self, sink: &mut Sink) -> Result<(), StoreError> {
        self.settle(sink).await?;
        let lease_ms = u64::try_from(self.lease.as_millis()).unwrap_or(u64::MAX);
        // A lease that has ended is nobody's.
        let inherited = self.is_inherited && lease_ms > 0;
        let holder = Holder { id: holder_id().to_owned(), lease_ms, inherited };
        self.last.holder = Some(holder);
        // The bytes of each write differ from those of all others, so that they tell whose it was.
        self.last.taken = super::now().max(self.last.taken + 1);
        self.unsettled = Some(self.last.to_bytes());
        self.settle(sink).await
    }

    /// Stores what was to be stored. The very same bytes, since they may be stored already.
    async fn settle(&mut self, sink: &mut Sink) -> Result<(), StoreError> {
        let Some(bytes) = &self.unsettled else { return Ok(()) };
        let begun = Instant::now();
        let stored = sink.store_state(&self.settings.name, bytes, self.version.as_deref()).await;
        let version = stored.map_err(|error| wrong(&self.settings, "stored", error))?;
        (self.version, self.stored, self.unsettled) = (Some(version), begun, None);
        if self.settings.lease > Duration::ZERO {
            // Where one takes long to be stored, its lease must not be over by then.
            self.lease = self.settings.lease.max(begun.elapsed() * LEASE_PER_WRITE);
        }
        Ok(())
    }

    /// Its name, and how long it is held.
    pub fn settings(&self) -> &BucketSettings {
        &self.settings
    }
}

/// A sink that makes no request of its own.
async fn stateless(bucket: Bucket<'_>) -> Result<Sink, StoreError> {
    let Bucket { component, config, grants } = bucket;
    component.open(config, None, grants).await.map_err(StoreError::Sink)
}

fn shown(settings: &BucketSettings) -> String {
    CheckpointStore::Bucket(settings.clone()).to_string()
}

fn denied(settings: &BucketSettings, text: &str) -> StoreError {
    let name = shown(settings);
    CheckpointError::Refused { name, what: "read", why: text.to_owned() }.into()
}

fn wrong(settings: &BucketSettings, what: &'static str, error: SinkError) -> StoreError {
    let name = shown(settings);
    match error {
        SinkError::Refused(Error::Conflict(why)) => CheckpointError::TakenOver { name, why }.into(),
        SinkError::Refused(Error::Unavailable(why)) => {
            CheckpointError::Unavailable { name, what, why }.into()
        }
        // The name that the flow gives it is none.
        SinkError::Refused(Error::Invalid(_)) => {
            CheckpointError::Misfit { name, why: error.to_string() }.into()
        }
        SinkError::Refused(Error::Aborted | Error::Closed) => StoreError::Sink(error),
        SinkError::Refused(error) => {
            CheckpointError::Refused { name, what, why: explain(&error) }.into()
        }
        error => StoreError::Sink(error),
    }
}

/// How much longer a lease is, at least, than it takes to store a checkpoint.
const LEASE_PER_WRITE: u32 = 3;

/// What tells this process from all others.
fn holder_id() -> &'static str {
    static ID: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| {
        // The seed of each hasher is random: <https://doc.rust-lang.org/std/hash/struct.RandomState.html>
        use std::hash::{BuildHasher as _, RandomState};
        format!("{:016x}{:016x}", RandomState::new().hash_one(0), RandomState::new().hash_one(1))
    });
    &ID
}
