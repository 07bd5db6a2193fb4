//! From events to objects: which object an event belongs to, and when it is over.

use crate::error::Error;
use crate::framing::Run;
use crate::ids::UploadNumber;
use crate::io::Output;
use crate::names::Stem;
use crate::open::Moment;
use crate::owner::Owner;
use crate::report::{Failure, Visible};
use crate::retry::History;
use crate::s3::Operation;
use crate::settings::{Commit, NONCE_BYTES};
use crate::sink::Sink;
use crate::template::{Facts, Uuid};
use crate::upload::{End, PIECES_MAX, Permit, Span, SpanPiece, Upload, Want};

/// Where events go.
enum Place {
    /// Into this object, which is open.
    Open(UploadNumber),
    /// Into one that they begin, of this name but for its number.
    New(Stem),
}

impl Sink {
    /// Takes in events, as many as there is room for, and gives back the others.
    pub(crate) fn take(&mut self, run: Run) {
        assert!(run.first() >= self.next_position, "positions rise");
        if run.events() == 0 {
            self.next_position = run.first();
            return;
        }
        let mut rest = Some(run);
        while let Some(run) = rest {
            // What there can be no object for needs no room: nothing is to end for it.
            let place = match self.place(&run) {
                Ok(place) => place,
                Err(reason) => {
                    self.reject(&run, reason);
                    break;
                }
            };
            if self.make_room(&run, &place) {
                // The place may have ended, too: it is looked for again.
                rest = Some(run);
                continue;
            }
            if !self.has_room(&run) {
                self.outputs.push_back(Output::Rest(run));
                break;
            }
            rest = self.add(run, place);
        }
        self.shed();
    }

    /// Adds events to their object, until it is full, and returns those that are left.
    fn add(&mut self, run: Run, place: Place) -> Option<Run> {
        let (first, next, len) = (run.first(), run.next(), run.len());
        let number = match place {
            Place::Open(number) => {
                let at = run.at().unwrap_or(self.now.wall);
                let moment = Moment { template: &self.settings.names.template, at };
                if self.open.written(number, moment, self.now.monotonic) {
                    self.change(number, |upload| upload.span.interrupt(first));
                }
                number
            }
            Place::New(stem) => self.begin(&run, stem),
        };
        let end = self.uploads[&number].end();
        let left = self.fill(number, run);
        let next = left.as_ref().map_or(next, Run::first);
        self.next_position = next;
        self.counters.accepted(next - first, len - left.as_ref().map_or(0, Run::len));
        let upload = &self.uploads[&number];
        if next > first
            && let Some(End::Failed(cause)) = end
        {
            // The object failed and was reported. What still comes for it will not be stored
            // either: an object without its beginning would be worse than none.
            let Span { key, object_key: name, first: begun, .. } = upload.span.clone();
            let events = next - first;
            let span = Span::of(key, name, SpanPiece { first, last: next - 1, events });
            self.counters.events_failed += events;
            self.report.failed.push(Failure { span, begun, cause });
        }
        let is_full = self.settings.rotation.is_full(upload.bytes, upload.span.events);
        if is_full || upload.span.remembered() >= PIECES_MAX {
            self.seal(number);
        } else {
            self.advance(number);
        }
        left
    }

    fn reject(&mut self, run: &Run, reason: String) {
        self.next_position = run.next();
        let (first, events) = (run.first(), run.events());
        self.outputs.push_back(Output::Rejected { first, events, reason });
    }

    /// Adds events to an object, as far as rotation lets it grow.
    fn fill(&mut self, number: UploadNumber, mut run: Run) -> Option<Run> {
        let rotation = self.settings.rotation;
        self.change(number, |upload| {
            let wanted = rotation.events.map(|max| max.saturating_sub(upload.span.events));
            match wanted.filter(|wanted| *wanted < run.events()) {
                None => upload.push(run, rotation.bytes),
                Some(wanted) => {
                    let before = upload.span.events;
                    upload.push(run.front(count(wanted)), rotation.bytes);
                    run.skip(count(upload.span.events - before));
                    Some(run)
                }
            }
        })
    }

    /// Where waiting alone would never make room for these events, seals other objects
    /// until it does: the one that was written to the longest ago first, and no more of them than
    /// needed. Returns whether any was.
    fn make_room(&mut self, run: &Run, place: &Place) -> bool {
        let (len, max) = (self.wanted(run), self.settings.memory_bytes_max);
        if self.held + len <= max {
            return false;
        }
        let own = match place {
            Place::Open(number) => Some(*number),
            Place::New(_) => None,
        };
        let sizes = self.settings.cutting().sizes;
        let open = self.open.len();
        let idle = |number| (number, self.uploads[&number].idle(sizes));
        let idle: Vec<_> = self.open.least_recent().map(idle).collect();
        let mut stays: u64 = idle.iter().map(|(_, bytes)| bytes).sum();
        for (number, bytes) in idle {
            if stays + len <= max {
                break;
            }
            if bytes > 0 && own != Some(number) {
                stays -= bytes;
                self.seal(number);
            }
        }
        self.open.len() < open
    }

    /// Lets go of what is only kept in case, oldest first, where memory is short.
    fn shed(&mut self) {
        let mut wanted = self.held().saturating_sub(self.settings.memory_bytes_max);
        if wanted == 0 {
            return;
        }
        let numbers: Vec<_> =
            self.uploads.iter().filter(|(_, u)| u.spare() > 0).map(|(n, _)| *n).collect();
        for number in numbers {
            if wanted == 0 {
                break;
            }
            wanted -= self.change(number, |upload| upload.shed(wanted)).min(wanted);
        }
    }

    /// Where these events go.
    ///
    /// # Errors
    ///
    /// Why there can be no object for them.
    fn place(&self, run: &Run) -> Result<Place, String> {
        if let Some(number) = self.open.get(run.key(), self.moment(run)) {
            return Ok(Place::Open(number));
        }
        // Which UUID it has, makes no difference to whether there can be one.
        self.settings.names.stem(&self.facts(run, Uuid::default())).map(Place::New)
    }

    /// When the events of a run happened: all of them when the first did, or now.
    pub(crate) fn moment(&self, run: &Run) -> Moment<'_> {
        let at = run.at().unwrap_or(self.now.wall);
        Moment { template: &self.settings.names.template, at }
    }

    fn facts<'a>(&self, run: &'a Run, uuid: Uuid) -> Facts<'a> {
        let Moment { at, .. } = self.moment(run);
        Facts { key: run.key(), first: run.first(), at, uuid }
    }

    /// The name of an object that is begun now gets a UUID, which it keeps for good.
    fn identify(&mut self, run: &Run, stem: Stem) -> Stem {
        if !self.settings.names.template.has_uuid() {
            return stem;
        }
        let uuid = self.uuids.next(self.now.wall, &mut self.random);
        self.settings.names.stem(&self.facts(run, uuid)).unwrap_or(stem)
    }

    /// Begins the object of these events, for which another may have to end.
    fn begin(&mut self, run: &Run, stem: Stem) -> UploadNumber {
        self.close_to(self.settings.max_open_objects - 1);
        let number = UploadNumber(self.begun);
        self.begun += 1;
        let stem = self.identify(run, stem);
        let naming = self.name(stem);
        self.note_name(&naming);
        let (key, name, first) = (run.key().to_owned(), naming.name(), run.first());
        let span = Span::begin(key, name, first);
        let nonce = self.nonce();
        let permit = match self.settings.commit {
            Commit::Sealed => Permit::Always,
            Commit::Checkpointed => Permit::Awaited,
        };
        let upload = Upload::new(span, nonce, naming, self.settings.encoding, permit);
        self.uploads.insert(number, upload);
        self.queue(number);
        let at = run.at().unwrap_or(self.now.wall);
        let moment = Moment { template: &self.settings.names.template, at };
        self.open.begin(run.key(), moment, number, self.now.monotonic);
        number
    }

    /// What nobody else knows, to prove an object ours.
    pub(crate) fn nonce(&mut self) -> String {
        format!("{:0NONCE_BYTES$x}", self.random.u128(..))
    }

    /// Ends open objects until no more than `max` are left, the one that was written to the longest
    /// ago first.
    pub(crate) fn close_to(&mut self, max: usize) {
        while self.open.len() > max {
            let longest_ago = self.open.least_recent().next();
            longest_ago.into_iter().for_each(|number| self.seal(number));
        }
    }

    /// Ends every open object.
    pub(crate) fn seal_all(&mut self) {
        let numbers: Vec<_> = self.open.numbers().collect();
        numbers.into_iter().for_each(|number| self.seal(number));
    }

    /// Ends the open objects whose time has come.
    pub(crate) fn seal_due(&mut self) {
        while let Some((due, number)) = self.open.next_due(&self.settings.rotation) {
            if due > self.now.monotonic {
                break;
            }
            self.seal(number);
        }
    }

    /// Ends an open object: nothing is added to it any more. It does not wait for events of others,
    /// which may never come: older objects of its name, which become visible first, end with it.
    pub(crate) fn seal(&mut self, number: UploadNumber) {
        let mut numbers = self.turns.before(number);
        numbers.push(number);
        for number in numbers {
            if self.open.end(number) {
                self.change(number, Upload::seal);
                self.advance(number);
                self.bury(number);
            }
        }
    }

    pub(crate) fn fail_all(&mut self, cause: &Error) {
        let numbers: Vec<_> = self.uploads.keys().copied().collect();
        for number in numbers {
            self.fail(number, cause.clone());
        }
    }

    pub(crate) fn fail(&mut self, number: UploadNumber, cause: Error) {
        self.drop_requests(number, |upload| upload.fail(cause));
    }

    /// Forgets the requests of an upload that are not under way, and changes its course.
    pub(crate) fn drop_requests(&mut self, number: UploadNumber, f: impl FnOnce(&mut Upload)) {
        if !self.uploads.contains_key(&number) {
            return;
        }
        let forgotten = self.requests.forget(Owner::Upload(number));
        self.change(number, |upload| {
            upload.outstanding -= forgotten;
            f(upload);
        });
        self.advance(number);
    }

    /// Gives the upload what it wants next, and sees it off where it is over; then whoever waited
    /// for it, and so on.
    pub(crate) fn advance(&mut self, number: UploadNumber) {
        let mut waited = Vec::new();
        let mut next = Some(number);
        while let Some(number) = next {
            while let Some(want) = self.want(number) {
                waited.extend(self.give(number, want));
            }
            waited.extend(self.see_off(number));
            next = waited.pop();
        }
    }

    fn want(&mut self, number: UploadNumber) -> Option<Want> {
        self.uploads.get(&number)?;
        let (cutting, my_turn) = (self.settings.cutting(), self.turns.is_first(number));
        self.change(number, |upload| upload.next(cutting, my_turn))
    }

    /// Gives the upload what it wants. Returns who may go on for that.
    fn give(&mut self, number: UploadNumber, want: Want) -> Option<UploadNumber> {
        match want {
            Want::Number => return self.number(number),
            Want::Request(operation) => {
                self.change(number, |upload| upload.outstanding += 1);
                let upload = &self.uploads[&number];
                let history = History { maybe_done: upload.may_be_there, ..History::default() };
                self.requests.add_with(Owner::Upload(number), operation, history);
                if begins(operation) {
                    self.end_orphans_of(number);
                }
            }
            Want::Abort(upload_id) => {
                let name = self.uploads[&number].span.object_key.clone();
                self.abort(name, upload_id);
            }
        }
        None
    }

    /// Reports an upload that is over, once. Returns who may go on for that.
    fn see_off(&mut self, number: UploadNumber) -> Option<UploadNumber> {
        let upload = self.uploads.get(&number)?;
        let end = upload.end().filter(|_| upload.outstanding == 0)?;
        if !self.turns.has(number) {
            return None;
        }
        let next = self.turns.leave(number);
        let (span, bytes) = (upload.span.clone(), upload.bytes);
        match end {
            End::Visible { parts } => {
                self.counters.visible(bytes);
                self.report.visible.push(Visible { span, bytes, parts });
            }
            // Its events will be written again, or are in a checkpoint.
            End::Failed(Error::Aborted) if self.is_suspending => {}
            End::Failed(cause) => {
                self.counters.objects_failed += 1;
                self.counters.events_failed += span.events;
                // Whoever is told goes by the key and the positions.
                for piece in span.pieces() {
                    let span_of_piece = Span::of(span.key.clone(), span.object_key.clone(), piece);
                    let (begun, cause) = (span.first, cause.clone());
                    self.report.failed.push(Failure { span: span_of_piece, begun, cause });
                }
            }
        }
        self.bury(number);
        next
    }

    /// Forgets an upload that is over and that nothing can be added to.
    fn bury(&mut self, number: UploadNumber) {
        let over = |u: &Upload| u.sealed && u.outstanding == 0 && u.end().is_some();
        if self.uploads.get(&number).is_some_and(over) {
            self.uploads.remove(&number);
        }
    }

    /// Every change of an upload goes through here, so that the sums of what is held stay true.
    pub(crate) fn change<T>(
        &mut self,
        number: UploadNumber,
        f: impl FnOnce(&mut Upload) -> T,
    ) -> T {
        let upload = self.uploads.get_mut(&number).expect("an upload is forgotten last");
        let (held, spare) = (upload.held(), upload.spare());
        let result = f(upload);
        self.held = self.held - held + upload.held();
        self.spare = self.spare - spare + upload.spare();
        result
    }
}

/// The requests that an object's name is written to first with.
fn begins(operation: Operation) -> bool {
    matches!(operation, Operation::PutObject | Operation::CreateMultipartUpload)
}

/// As many events as memory could hold, where there are more.
fn count(events: u64) -> usize {
    usize::try_from(events).unwrap_or(usize::MAX)
}
