//! From events to objects: which object an event belongs to, and when it is over.

use std::collections::VecDeque;

use crate::error::Error;
use crate::framing::Run;
use crate::io::Output;
use crate::report::{Failure, Sealed};
use crate::requests::{Owner, UploadNumber};
use crate::sink::Sink;
use crate::upload::{End, Operation, Span, Upload, Want};

impl Sink {
    pub(crate) fn take(&mut self, run: Run) {
        assert!(run.first() >= self.next_position, "positions rise");
        self.next_position = run.next();
        if run.events() == 0 {
            return;
        }
        if let Err(reason) = check_key(run.key(), &self.name(run.key())) {
            let (first, events) = (run.first(), run.events());
            self.outputs.push_back(Output::Rejected { first, events, reason });
            return;
        }
        self.counters.accepted(&run);
        let number = self.upload_for(run.key(), run.first());
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
        let left = self.change(number, |upload| upload.push(run, None));
        debug_assert!(left.is_none(), "objects have no limit");
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
    fn upload_for(&mut self, key: &str, first: u64) -> UploadNumber {
        if let Some(number) = self.open {
            if self.uploads[&number].span.key == key {
                return number;
            }
            self.seal_open();
        }
        let number = UploadNumber(self.begun);
        self.begun += 1;
        let name = self.name(key);
        self.turns.entry(name.clone()).or_default().push_back(number);
        let span = Span { key: key.to_owned(), name, first, last: first, events: 0 };
        let nonce = format!("{:032x}", self.random.u128(..));
        self.uploads.insert(number, Upload::new(span, nonce, self.settings.encoding));
        self.open = Some(number);
        number
    }

    /// The name of the object that the events of a key go into.
    fn name(&self, key: &str) -> String {
        self.settings.encoding.name(key.to_owned())
    }

    pub(crate) fn seal_open(&mut self) {
        if let Some(number) = self.open.take() {
            self.change(number, Upload::seal);
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

    /// Gives the upload what it wants next, and sees it off where it is over.
    pub(crate) fn advance(&mut self, number: UploadNumber) {
        let cutting = self.settings.cutting();
        loop {
            let Some(upload) = self.uploads.get(&number) else { return };
            let name = &upload.span.name;
            let my_turn = self.turns.get(name).and_then(VecDeque::front) == Some(&number);
            match self.change(number, |upload| upload.next(cutting, my_turn)) {
                Some(Want::Request(operation)) => {
                    self.change(number, |upload| upload.outstanding += 1);
                    self.requests.add(Owner::Upload(number), operation);
                }
                Some(Want::Abort(upload_id)) => {
                    let name = self.uploads[&number].span.name.clone();
                    let cleanup = self.cleanups.add(name, upload_id);
                    self.requests.add(Owner::Cleanup(cleanup), Operation::AbortMultipartUpload);
                }
                None => break,
            }
        }
        let upload = &self.uploads[&number];
        if let Some(end) = upload.end().filter(|_| upload.outstanding == 0) {
            self.over(number, end);
        }
    }

    /// Reports an upload that is over, once, and lets the next of that name go on.
    fn over(&mut self, number: UploadNumber, end: End) {
        let upload = &self.uploads[&number];
        let (span, bytes) = (upload.span.clone(), upload.bytes);
        let Some(turns) = self.turns.get_mut(&span.name) else { return };
        if !turns.contains(&number) {
            return;
        }
        turns.retain(|n| *n != number);
        let next = turns.front().copied();
        if turns.is_empty() {
            self.turns.remove(&span.name);
        }
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
        if let Some(next) = next {
            self.advance(next);
        }
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

/// An object's name is what S3 allows for one:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html>
fn check_key(key: &str, name: &str) -> Result<(), String> {
    match (key.len(), name.len()) {
        (0, _) => Err("the key is empty".to_owned()),
        (_, ..=KEY_BYTES_MAX) => Ok(()),
        (len, with) if len == with => {
            Err(format!("the key has {len} bytes, but S3 allows {KEY_BYTES_MAX}"))
        }
        (len, with) => Err(format!(
            "the key has {len} bytes, {with} with the suffix of its compression, but S3 allows \
             {KEY_BYTES_MAX}"
        )),
    }
}

/// The longest key that S3 takes, in bytes of UTF-8.
const KEY_BYTES_MAX: usize = 1_024;
