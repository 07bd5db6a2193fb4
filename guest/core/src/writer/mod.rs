//! All objects on their way: which object an event belongs to, and when it is over.
//!
//! Owns the objects. Every change of one goes through `change`, so that the sums of what is held
//! stay true. What objects want of others leaves as effects.

mod admission;
mod numbers;
mod open;
mod order;
mod progress;
mod reading;
mod repeats;
mod saved;
mod sealing;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

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
pub(crate) use saved::SavedWriter;

/// Tells one object from all others of a sink, in the order in which they were begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId(pub u64);

/// The objects that are not over.
pub(crate) struct Writer {
    settings: Arc<Settings>,
    now: Now,
    /// Nonces and UUIDs are drawn from it.
    random: fastrand::Rng,
    objects: BTreeMap<ObjectId, Object>,
    begun: u64,
    open: Open,
    order: NameQueues,
    sequences: Sequences,
    uuids: Uuids,
    repeats: Repeats,
    next_position: u64,
    /// The bytes that only this memory has.
    held: u64,
    /// The bytes that the store has too.
    spare: u64,
    /// Whether multipart uploads may be begun.
    may_begin: bool,
    /// Every event before this position was durable when the writer was suspended. What is given up
    /// since will be written again.
    suspended: Option<u64>,
    visible: Vec<Visible>,
    failed: Vec<Failure>,
    counters: WriteCounters,
    effects: VecDeque<Effect>,
}

/// What has been counted of events and objects since the sink was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WriteCounters {
    /// Events accepted.
    pub events: u64,
    /// Their bytes, separators of the caller included.
    pub event_bytes: u64,
    /// Objects that became visible.
    pub objects: u64,
    /// Their bytes.
    pub object_bytes: u64,
    /// Objects that failed.
    pub objects_failed: u64,
    /// Events of failed objects.
    pub events_failed: u64,
}

/// What the writer asks of others.
pub(crate) enum Effect {
    /// That this call is made.
    Send { id: ObjectId, call: Call, maybe_done: bool },
    /// That this call, which had no effect, is made again after a while.
    SendAgain { id: ObjectId, call: Attempted, wait: std::time::Duration },
    /// That the calls of this object are cancelled.
    Cancel(ObjectId),
    /// That this upload is aborted, which nothing of the writer needs.
    Abort { key: String, upload_id: String },
    /// That orphaned uploads of this key are aborted: it is written again.
    Reclaim { key: String },
    /// That the caller gives these events again once there is room.
    Rest(Run),
    /// That the caller is told of events that can be stored in no object.
    Reject { first: u64, events: u64, reason: String },
}

/// Where events go.
enum Target {
    /// Into this object, which is open.
    Open(ObjectId),
    /// Into one that they begin, of this name but for its number.
    New(Stem),
}

impl Writer {
    /// A writer that has seen nothing. `seed` decides nonces and UUIDs, and nothing else.
    pub(crate) fn new(settings: Arc<Settings>, seed: u64) -> Writer {
        Writer {
            settings,
            now: Now::default(),
            random: fastrand::Rng::with_seed(seed),
            objects: BTreeMap::new(),
            begun: 0,
            open: Open::default(),
            order: NameQueues::default(),
            sequences: Sequences::default(),
            uuids: Uuids::default(),
            repeats: Repeats::default(),
            next_position: 0,
            held: 0,
            spare: 0,
            may_begin: true,
            suspended: None,
            visible: Vec::new(),
            failed: Vec::new(),
            counters: WriteCounters::default(),
            effects: VecDeque::new(),
        }
    }

    /// What it wants next, if anything.
    pub(crate) fn poll(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// It is `now`: the open objects whose time has come are sealed.
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

    /// Takes in events, as many as there is room for, and gives back the others. `is_idle` says
    /// that no request is waiting or in flight.
    pub(crate) fn write(&mut self, run: Run, is_idle: bool, notices: &mut Notices) {
        assert!(run.first() >= self.next_position, "positions rise");
        if run.events() == 0 {
            self.next_position = run.first();
            return;
        }
        let mut rest = Some(run);
        while let Some(run) = rest {
            // What there can be no object for needs no room: nothing is to end for it.
            let target = match self.target(&run) {
                Ok(target) => target,
                Err(reason) => {
                    self.reject(&run, reason);
                    break;
                }
            };
            if self.make_room(&run, &target, notices) {
                // The target may have ended, too: it is looked for again.
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

    /// No event before this position is still to come.
    pub(crate) fn skip(&mut self, to: u64) {
        self.next_position = self.next_position.max(to);
    }

    /// Whether it has asked for what keeps a request from being idle.
    fn is_asking(&self) -> bool {
        let asks = |effect: &Effect| matches!(effect, Effect::Send { .. } | Effect::Abort { .. });
        self.effects.iter().any(asks)
    }

    /// Adds events to their object, until it is full, and returns those that are left.
    fn add(&mut self, run: Run, target: Target, notices: &mut Notices) -> Option<Run> {
        let (first, next, len) = (run.first(), run.next(), run.len());
        let id = match target {
            Target::Open(id) => {
                let moment = Moment::of(&self.settings.names.template, &run, self.now.wall);
                if self.open.written(id, moment, self.now.monotonic) {
                    self.change(id, |object| object.interrupt(first));
                }
                id
            }
            Target::New(stem) => self.begin(&run, stem, notices),
        };
        let end = self.objects[&id].end();
        let left = self.fill(id, run);
        let next = left.as_ref().map_or(next, Run::first);
        self.next_position = next;
        self.counters.events += next - first;
        self.counters.event_bytes += len - left.as_ref().map_or(0, Run::len);
        if next > first
            && let Some(End::Failed(cause)) = end
        {
            // The object failed and was reported. What still comes for it will not be stored
            // either: an object without its beginning would be worse than none.
            let piece = Piece { first, last: next - 1, events: next - first };
            self.report_failed(id, piece, cause);
        }
        let object = &self.objects[&id];
        let is_full = self.settings.objects.rotation.is_full(object.bytes(), object.span().events);
        if is_full || object.span().remembered() >= PIECES_MAX {
            self.seal(id, notices);
        } else {
            self.advance(id, notices);
        }
        left
    }

    fn reject(&mut self, run: &Run, reason: String) {
        self.next_position = run.next();
        let (first, events) = (run.first(), run.events());
        self.effects.push_back(Effect::Reject { first, events, reason });
    }

    /// Adds events to an object, as far as rotation lets it grow.
    fn fill(&mut self, id: ObjectId, mut run: Run) -> Option<Run> {
        let rotation = self.settings.objects.rotation;
        self.change(id, |object| {
            let before = object.span().events;
            let wanted = rotation.events.map(|max| max.saturating_sub(before));
            match wanted.filter(|wanted| *wanted < run.events()) {
                None => object.push(run, rotation.bytes),
                Some(wanted) => {
                    object.push(run.front(count(wanted)), rotation.bytes);
                    run.skip(count(object.span().events - before));
                    Some(run)
                }
            }
        })
    }

    /// Where these events go.
    ///
    /// # Errors
    ///
    /// Why there can be no object for them.
    fn target(&self, run: &Run) -> Result<Target, String> {
        if let Some(id) = self.open.get(run.key(), self.moment(run)) {
            return Ok(Target::Open(id));
        }
        // Which UUID it has, makes no difference to whether there can be one.
        self.settings.names.stem(&self.facts(run, Uuid::default())).map(Target::New)
    }

    /// When the events of a run happened: all of them when the first did, or now.
    fn moment(&self, run: &Run) -> Moment<'_> {
        Moment::of(&self.settings.names.template, run, self.now.wall)
    }

    fn facts<'a>(&self, run: &'a Run, uuid: Uuid) -> Facts<'a> {
        let Moment { at, .. } = self.moment(run);
        Facts { key: run.key(), first: run.first(), at, uuid }
    }

    /// Begins the object of these events, for which another may have to end.
    fn begin(&mut self, run: &Run, stem: Stem, notices: &mut Notices) -> ObjectId {
        self.close_to(self.settings.objects.max_open_objects - 1, notices);
        let id = ObjectId(self.begun);
        self.begun += 1;
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
        self.objects.insert(id, object);
        self.enqueue(id);
        let moment = Moment::of(&self.settings.names.template, run, self.now.wall);
        self.open.begin(run.key(), moment, id, self.now.monotonic);
        id
    }

    /// What nobody else knows, to prove an object ours.
    pub(crate) fn nonce(&mut self) -> String {
        format!("{:0NONCE_BYTES$x}", self.random.u128(..))
    }

    /// A call of an object has ended. Its last attempt came to `class`.
    pub(crate) fn on_end(
        &mut self,
        id: ObjectId,
        operation: Operation,
        class: Class,
        end: client::End,
        notices: &mut Notices,
    ) {
        if !self.objects.contains_key(&id) {
            return;
        }
        match self.change(id, |object| object.on_end(operation, class, end)) {
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

    /// So many calls of an object are forgotten.
    pub(crate) fn on_cancelled(&mut self, id: ObjectId, calls: usize, notices: &mut Notices) {
        if self.objects.contains_key(&id) {
            self.change(id, |object| object.on_cancelled(calls));
            self.advance(id, notices);
        }
    }

    fn change<T>(&mut self, id: ObjectId, f: impl FnOnce(&mut Object) -> T) -> T {
        let object = self.objects.get_mut(&id).expect("an object is forgotten last");
        let (held, spare) = (object.held(), object.spare());
        let result = f(object);
        self.held = self.held - held + object.held();
        self.spare = self.spare - spare + object.spare();
        result
    }

    fn ids(&self) -> Vec<ObjectId> {
        self.objects.keys().copied().collect()
    }
}

/// As many events as memory could hold, where there are more.
fn count(events: u64) -> usize {
    usize::try_from(events).unwrap_or(usize::MAX)
}
