//! From events to objects: which object an event belongs to, and when it is over.

use crate::error::Error;
use crate::framing::Run;
use crate::io::Output;
use crate::report::{Failure, Sealed};
use crate::requests::{Owner, UploadNumber};
use crate::sink::Sink;
use crate::template::Facts;
use crate::upload::{End, Operation, Span, Upload, Want};

impl Sink {
    pub(crate) fn take(&mut self, run: Run) {
        assert!(run.first() >= self.next_position, "positions rise");
        self.next_position = run.next();
        if run.events() == 0 {
            return;
        }
        let number = match self.upload_for(&run) {
            Ok(number) => number,
            Err(reason) => {
                let (first, events) = (run.first(), run.events());
                self.outputs.push_back(Output::Rejected { first, events, reason });
                return;
            }
        };
        self.counters.accepted(&run);
        let upload = self.uploads.get_mut(&number).expect("it was found or begun just now");
        if upload.end().is_some() {
            // The object failed and was reported. What still comes for it will not be stored
            // either: an object without its beginning would be worse than none.
            let mut span = upload.span.clone();
            (span.first, span.last, span.events) = (run.first(), run.next() - 1, run.events());
            if let Some(End::Failed(cause)) = upload.end() {
                self.counters.events_failed += span.events;
                self.report.failed.push(Failure { span, cause });
            }
            return;
        }
        upload.span.last = run.next() - 1;
        upload.span.events += run.events();
        let framing = self.settings.framing;
        self.change(number, |upload| upload.push(run.into_payload(framing)));
        self.advance(number);
        self.shed();
    }

    /// Lets go of what is only kept in case, oldest first, where memory is short.
    fn shed(&mut self) {
        let mut wanted = self.held().saturating_sub(self.settings.memory_bytes_max);
        let numbers: Vec<_> =
            self.uploads.iter().filter(|(_, u)| u.spare() > 0).map(|(n, _)| *n).collect();
        for number in numbers {
            if wanted == 0 {
                break;
            }
            wanted -= self.change(number, |upload| upload.shed(wanted)).min(wanted);
        }
    }

    /// The open upload where it has that key, else a new one; then the other is sealed.
    ///
    /// # Errors
    ///
    /// Why there can be no object for these events.
    fn upload_for(&mut self, run: &Run) -> Result<UploadNumber, String> {
        let is_same = |number: &UploadNumber| self.uploads[number].span.key == run.key();
        if let Some(number) = self.open.filter(is_same) {
            return Ok(number);
        }
        let (key, first) = (run.key(), run.first());
        let at = run.at().unwrap_or(self.now.wall);
        let stem = self.settings.names.stem(&Facts { key, first, at })?;
        self.seal_open();
        let number = UploadNumber(self.begun);
        self.begun += 1;
        let naming = self.name(stem);
        let (key, name) = (key.to_owned(), naming.name());
        let span = Span { key, name, first, last: first, events: 0 };
        let nonce = format!("{:032x}", self.random.u128(..));
        self.uploads.insert(number, Upload::new(span, nonce, naming));
        self.queue(number);
        self.open = Some(number);
        Ok(number)
    }

    pub(crate) fn seal_open(&mut self) {
        if let Some(number) = self.open.take() {
            self.change(number, |upload| upload.sealed = true);
            self.advance(number);
            self.bury(number);
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
                self.requests.add(Owner::Upload(number), operation);
            }
            Want::Abort(upload_id) => {
                let name = self.uploads[&number].span.name.clone();
                let cleanup = self.cleanups.add(name, upload_id);
                self.requests.add(Owner::Cleanup(cleanup), Operation::AbortMultipartUpload);
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
                self.counters.sealed(bytes);
                self.report.sealed.push(Sealed { span, bytes, parts });
            }
            End::Failed(cause) => {
                self.counters.objects_failed += 1;
                self.counters.events_failed += span.events;
                self.report.failed.push(Failure { span, cause });
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
