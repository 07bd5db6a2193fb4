//! All objects that are being written: which object an event belongs to, and when an object has
//! ended.
//!
//! The writer owns the objects. Requests to other owners are returned as effects.

mod admission;
mod id;
mod numbers;
mod objects;
mod open;
mod order;
mod progress;
mod reading;
mod repeats;
mod saved;
mod sealing;

use std::collections::VecDeque;
use std::sync::Arc;

use objects::Objects;
use open::{Moment, Open};
use order::NameQueues;
use repeats::Repeats;

use crate::client::call::Call;
use crate::client::verdict::Class;
use crate::client::{self, Attempted};
use crate::naming::template::{Facts, Uuid, Uuids};
use crate::naming::{Sequences, Stem};
use crate::notice::{Level, Notices};
use crate::object::{
    Aftermath, End, Failure, Object, ObjectName, PIECES_MAX, Piece, Span, Visibility, Visible,
};
use crate::run::Run;
use crate::s3::Operation;
use crate::settings::{Commit, NONCE_BYTES, Settings};
use crate::time::{Instant, Now};

pub use admission::{Admission, Demand};
pub use id::ObjectId;
pub(crate) use saved::SavedWriter;

/// The objects that have not ended.
pub(crate) struct Writer {
    settings: Arc<Settings>,
    now: Now,
    /// The source of nonces and UUIDs.
    random: fastrand::Rng,
    objects: Objects,
    open: Open,
    order: NameQueues,
    sequences: Sequences,
    uuids: Uuids,
    repeats: Repeats,
    next_position: u64,
    /// Whether CreateMultipartUpload is permitted.
    may_begin: bool,
    /// The durable position when the writer was suspended. Objects that ended since will be written
    /// again.
    suspended: Option<u64>,
    visible: Vec<Visible>,
    failed: Vec<Failure>,
    counters: WriteCounters,
    effects: VecDeque<Effect>,
}

/// Counters of events and objects since the sink was created.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WriteCounters {
    /// The accepted events.
    pub events: u64,
    /// Their bytes, including the caller's separators.
    pub event_bytes: u64,
    /// The objects that became visible.
    pub objects: u64,
    /// Their bytes.
    pub object_bytes: u64,
    /// The objects that failed.
    pub objects_failed: u64,
    /// The events of failed objects.
    pub events_failed: u64,
}

/// A request of the writer to other owners.
pub(crate) enum Effect {
    /// Submit this call.
    Send { id: ObjectId, call: Call, maybe_done: bool },
    /// Submit this call again after a delay. It had no effect so far.
    SendAgain { id: ObjectId, call: Attempted, wait: std::time::Duration },
    /// Cancel the calls of this object.
    Cancel(ObjectId),
    /// Abort this upload, which no object uses.
    Abort { key: String, upload_id: String },
    /// Abort the orphaned uploads of this key, which is being written again.
    Reclaim { key: String },
    /// Return these events to the caller, which must pass them again when there is room.
    Rest(Run),
    /// Report events that cannot be stored in any object.
    Reject { first: u64, events: u64, reason: String },
}

/// The events that are rejected if no object can store a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rejected {
    /// All of the run.
    Run,
    /// The first one.
    First,
}

/// What came of events that were added to an object.
struct Filled {
    /// The events that it has no room for.
    left: Option<Run>,
    /// How the object had ended before.
    end: Option<End>,
    /// Whether the object gets no more events.
    is_full: bool,
}

/// The object that events are added to.
enum Target {
    /// An open object.
    Open(ObjectId),
    /// A new object whose name has this stem.
    New(Stem),
}

impl Writer {
    /// A writer without objects. `seed` determines nonces and UUIDs, and nothing else.
    pub(crate) fn new(settings: Arc<Settings>, seed: u64) -> Writer {
        Writer {
            settings,
            now: Now::default(),
            random: fastrand::Rng::with_seed(seed),
            objects: Objects::default(),
            open: Open::default(),
            order: NameQueues::default(),
            sequences: Sequences::default(),
            uuids: Uuids::default(),
            repeats: Repeats::default(),
            next_position: 0,
            may_begin: true,
            suspended: None,
            visible: Vec::new(),
            failed: Vec::new(),
            counters: WriteCounters::default(),
            effects: VecDeque::new(),
        }
    }

    /// The next effect, if there is one.
    pub(crate) fn poll(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// Advances the time to `now`, and seals the objects that have reached their maximum age or
    /// idle time.
    pub(crate) fn tick(&mut self, now: Now, notices: &mut Notices) {
        self.now = now;
        while let Some((due, id)) = self.open.next_due(&self.settings.objects.rotation) {
            if due > now.monotonic {
                break;
            }
            self.seal(id, notices);
        }
    }

    /// When [`tick`](Writer::tick) will seal an object.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.open.next_due(&self.settings.objects.rotation).map(|(due, _)| due)
    }

    /// Adds the events that there is room for. Returns the others as [`Effect::Rest`]. `rejected`
    /// tells which are rejected if no object can store them. `is_idle` tells that no call is
    /// waiting or in flight.
    pub(crate) fn write(
        &mut self,
        run: Run,
        rejected: Rejected,
        is_idle: bool,
        notices: &mut Notices,
    ) {
        assert!(run.first() >= self.next_position, "positions must not decrease");
        if run.events() == 0 {
            self.next_position = run.first();
            return;
        }
        let mut rest = Some(run);
        while let Some(run) = rest {
            // Events that no object can store need no room, so no object is sealed for them.
            let target = match self.target(&run) {
                Ok(target) => target,
                Err(reason) => {
                    self.reject(&run, rejected, reason);
                    break;
                }
            };
            if self.make_room(&run, &target, notices) {
                // The target may have been sealed as well, so it is looked up again.
                rest = Some(run);
                continue;
            }
            if !self.has_room(&run, is_idle && !self.is_asking()) {
                self.effects.push_back(Effect::Rest(run));
                break;
            }
            rest = self.add(run, target, notices);
        }
        self.evict_spare();
    }

    /// Records that no event before this position will follow.
    pub(crate) fn skip(&mut self, to: u64) {
        self.next_position = self.next_position.max(to);
    }

    /// Whether an effect waits that will cause a call.
    fn is_asking(&self) -> bool {
        let asks = |effect: &Effect| matches!(effect, Effect::Send { .. } | Effect::Abort { .. });
        self.effects.iter().any(asks)
    }

    /// Adds events to their object until it is full. Returns the events that are left.
    fn add(&mut self, run: Run, target: Target, notices: &mut Notices) -> Option<Run> {
        let (first, next, len) = (run.first(), run.next(), run.len());
        let id = match target {
            Target::Open(id) => {
                let moment = Moment::of(&self.settings.names.template, &run, self.now.wall);
                if self.open.written(id, moment, self.now.monotonic) {
                    self.objects.change(id, |object| object.interrupt(first));
                }
                id
            }
            Target::New(stem) => self.begin(&run, stem, notices),
        };
        let Filled { left, end, is_full } = self.fill(id, run);
        let next = left.as_ref().map_or(next, Run::first);
        self.next_position = next;
        self.counters.events += next - first;
        self.counters.event_bytes += len - left.as_ref().map_or(0, Run::len);
        if next > first
            && let Some(End::Failed(cause)) = end
        {
            // The object failed, and was reported. Later events of it fail too: an object without
            // its beginning must not be stored.
            let piece = Piece { first, last: next - 1, events: next - first };
            self.report_failed(id, piece, cause);
        }
        if is_full {
            self.seal(id, notices);
        } else {
            self.advance(id, notices);
        }
        left
    }

    fn reject(&mut self, run: &Run, rejected: Rejected, reason: String) {
        let first = run.first();
        let events = match rejected {
            Rejected::Run => run.events(),
            Rejected::First => 1,
        };
        self.next_position = first + events;
        self.effects.push_back(Effect::Reject { first, events, reason });
    }

    /// Adds events to an object, up to the limits of rotation.
    fn fill(&mut self, id: ObjectId, mut run: Run) -> Filled {
        let rotation = self.settings.objects.rotation;
        self.objects.change(id, |object| {
            let (before, end) = (object.span().events, object.end());
            let wanted = rotation.events.map(|max| max.saturating_sub(before));
            let left = match wanted.filter(|wanted| *wanted < run.events()) {
                None => object.push(run, rotation.bytes),
                Some(wanted) => {
                    object.push(run.front(count(wanted)), rotation.bytes);
                    run.skip(count(object.span().events - before));
                    Some(run)
                }
            };
            let is_full = rotation.is_full(object.bytes(), object.span().events)
                || object.span().remembered() >= PIECES_MAX;
            Filled { left, end, is_full }
        })
    }

    /// The object for these events.
    ///
    /// # Errors
    ///
    /// The reason, if no object can store them.
    fn target(&self, run: &Run) -> Result<Target, String> {
        if let Some(id) = self.open.get(run.key(), self.moment(run)) {
            return Ok(Target::Open(id));
        }
        // Whether a name is valid does not depend on the UUID.
        self.settings.names.stem(&self.facts(run, Uuid::default())).map(Target::New)
    }

    /// The time of a run's events: that of its first event, or now.
    fn moment(&self, run: &Run) -> Moment<'_> {
        Moment::of(&self.settings.names.template, run, self.now.wall)
    }

    fn facts<'a>(&self, run: &'a Run, uuid: Uuid) -> Facts<'a> {
        let Moment { at, .. } = self.moment(run);
        Facts { key: run.key(), first: run.first(), at, uuid }
    }

    /// Creates the object of these events. If too many objects are open, another one is sealed
    /// first.
    fn begin(&mut self, run: &Run, stem: Stem, notices: &mut Notices) -> ObjectId {
        self.close_to(self.settings.objects.max_open_objects - 1, notices);
        let stem = self.identify(run, stem);
        let on_existing = self.settings.names.on_existing;
        let name = ObjectName::begin(stem, on_existing, &mut self.sequences);
        self.repeats.note(&self.settings.names, &name, notices);
        let span = Span::begin(run.key().to_owned(), name.to_string(), run.first());
        let nonce = self.nonce();
        let visibility = match self.settings.commit.mode {
            Commit::Sealed => Visibility::Immediate,
            Commit::Checkpointed => Visibility::Pending,
        };
        let object = Object::new(span, nonce, name, self.settings.upload.encoding, visibility);
        let id = self.objects.add(object);
        self.enqueue(id);
        let moment = Moment::of(&self.settings.names.template, run, self.now.wall);
        self.open.begin(run.key(), moment, id, self.now.monotonic);
        id
    }

    /// A new nonce, which identifies an object as written by this sink.
    pub(crate) fn nonce(&mut self) -> String {
        format!("{:0NONCE_BYTES$x}", self.random.u128(..))
    }

    /// Processes the result of an object's call. The class of its last attempt is `class`.
    pub(crate) fn on_end(
        &mut self,
        id: ObjectId,
        operation: Operation,
        class: Class,
        end: client::End,
        notices: &mut Notices,
    ) {
        let ended = |object: &mut Object| object.on_end(operation, class, end);
        let Some(aftermath) = self.objects.try_change(id, ended) else { return };
        match aftermath {
            Aftermath::Continue => {}
            Aftermath::UploadLost(cause) => {
                notices.push(Level::Warning, format!("{cause}; the upload begins again"));
            }
            Aftermath::NameTaken(cause) => return self.rename(id, cause, notices),
            Aftermath::SendAgain(call, wait) => {
                self.effects.push_back(Effect::SendAgain { id, call, wait });
            }
        }
        self.advance(id, notices);
    }

    /// Records that this number of an object's calls was removed without a result.
    pub(crate) fn on_cancelled(&mut self, id: ObjectId, calls: usize, notices: &mut Notices) {
        if self.objects.try_change(id, |object| object.on_cancelled(calls)).is_some() {
            self.advance(id, notices);
        }
    }
}

/// A number of events as a size in memory, saturating.
fn count(events: u64) -> usize {
    usize::try_from(events).unwrap_or(usize::MAX)
}
