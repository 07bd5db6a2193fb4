//! The uploads that are open in the bucket and that this sink has no use for.
//!
//! S3 lists keys, ids and times, and no metadata: who began an upload cannot be told from the list.

use std::collections::BTreeMap;

use super::{Inquiry, Next, Question, Reply};
use crate::classify::{Answer, Verdict};
use crate::clock::Offset;
use crate::error::Error;
use crate::http::Request;
use crate::notice::Level;
use crate::owner::Owner;
use crate::s3::{
    ListMultipartUploadsResult, ListPartsResult, MultipartUpload, PARTS_MAX, UploadsMarker,
};
use crate::settings::Settings;
use crate::sink::Sink;
use crate::time::Timestamp;
use crate::wire;

/// An upload that is open in the bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenUpload {
    /// The name of the object that would be.
    pub name: String,
    /// Its id.
    pub upload_id: String,
    /// When it was begun, by this machine's clock; nothing where the store does not say.
    pub begun: Option<Timestamp>,
    /// How many parts it has; nothing where the store does not say.
    pub parts: Option<u32>,
}

/// Where an upload stands in the list: by age, and then as the store listed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// Of an unknown age is as if begun last.
    begun: Timestamp,
    number: u64,
}

/// Which uploads are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// Whatever this sink has no use for.
    All,
    /// What a crash left behind. Its parts are not counted.
    Orphans,
}

/// A listing under way: first the uploads page by page, then the parts of each.
pub(crate) struct Leftovers {
    scope: Scope,
    prefix: String,
    /// Where the next page begins.
    after: Option<UploadsMarker>,
    pages: u32,
    /// How many uploads were seen, those included that are not kept.
    seen: u64,
    kept: BTreeMap<Place, Kept>,
    /// How many of those kept have parts that are still being counted.
    counting: usize,
    /// Said once, however many cannot be counted.
    uncounted: Option<Error>,
}

struct Kept {
    upload: OpenUpload,
    /// The number of the last part that was counted.
    after: Option<u32>,
    counted: u32,
}

impl Leftovers {
    pub(super) fn new(prefix: String, scope: Scope) -> Leftovers {
        Leftovers {
            scope,
            prefix,
            after: None,
            pages: 0,
            seen: 0,
            kept: BTreeMap::new(),
            counting: 0,
            uncounted: None,
        }
    }

    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    pub(super) fn name(&self, place: Place) -> &str {
        self.kept.get(&place).map(|kept| kept.upload.name.as_str()).unwrap_or_default()
    }

    pub(super) fn request(
        &self,
        settings: &Settings,
        question: Question,
        now: Timestamp,
    ) -> Option<Request> {
        let Question::Parts(place) = question else {
            return Some(wire::list_uploads(settings, &self.prefix, self.after.as_ref(), now));
        };
        let Kept { upload, after, .. } = self.kept.get(&place)?;
        Some(wire::list_parts(settings, &upload.name, &upload.upload_id, *after, now))
    }

    /// Keeps an upload; where there are too many, the youngest is let go.
    fn keep(&mut self, found: MultipartUpload, offset: Offset) {
        let begun = found.initiated.map(|at| offset.undo(at));
        let place = Place { begun: begun.unwrap_or(Timestamp(u64::MAX)), number: self.seen };
        let MultipartUpload { key: name, upload_id, .. } = found;
        let upload = OpenUpload { name, upload_id, begun, parts: None };
        self.kept.insert(place, Kept { upload, after: None, counted: 0 });
        self.seen += 1;
        if self.kept.len() > KEPT_MAX {
            self.kept.pop_last();
        }
    }

    /// Counts a page of parts. Returns whether there is another one to ask for.
    fn count(&mut self, place: Place, page: &ListPartsResult) -> bool {
        let Some(kept) = self.kept.get_mut(&place) else { return false };
        kept.counted += u32::try_from(page.parts.len()).unwrap_or(u32::MAX);
        let rises = page.next > kept.after;
        kept.after = page.next;
        match page.next {
            Some(_) if rises && kept.counted < PARTS_MAX => return true,
            // A store that pages in circles does not tell how many there are.
            Some(_) if !rises => {}
            _ => kept.upload.parts = Some(kept.counted),
        }
        false
    }
}

impl Sink {
    pub(crate) fn list_leftovers(&mut self) {
        let leftovers = Leftovers::new(self.settings.name_prefix(), Scope::All);
        self.inquire(Inquiry::Leftovers(leftovers), Question::Page);
    }

    pub(super) fn listed(
        &mut self,
        mut found: Leftovers,
        question: Question,
        answer: Option<Answer>,
        verdict: &Verdict,
    ) -> Next {
        match (question, answer) {
            (Question::Parts(place), Some(Answer::Parts(page))) => {
                if found.count(place, &page) {
                    self.inquiry = Some(Inquiry::Leftovers(found));
                    return Next::Ask(vec![question]);
                }
                self.counted(found)
            }
            // It was completed or aborted meanwhile, or is listed although it was.
            (Question::Parts(place), _) => {
                found.kept.remove(&place);
                found.seen -= 1;
                self.counted(found)
            }
            (_, Some(Answer::Uploads(page))) => self.paged(found, page, verdict),
            (_, answer) => unreachable!("a page was asked for, and the answer is {answer:?}"),
        }
    }

    pub(super) fn not_listed(
        &mut self,
        mut found: Leftovers,
        question: Question,
        cause: Error,
    ) -> Next {
        if !matches!(question, Question::Parts(_)) {
            return self.listed_in_vain(&found, cause);
        }
        if matches!(cause, Error::Denied(_)) {
            // What is refused once is refused for all of them.
            found.counting -= self.requests.forget_where(Owner::question).len();
        }
        found.uncounted.get_or_insert(cause);
        self.counted(found)
    }

    /// Takes in a page of uploads.
    fn paged(
        &mut self,
        mut found: Leftovers,
        page: ListMultipartUploadsResult,
        verdict: &Verdict,
    ) -> Next {
        let ListMultipartUploadsResult { uploads, next } = page;
        for upload in uploads {
            // Not every store heeds the prefix.
            let wanted = upload.key.starts_with(&found.prefix) && !upload.key.is_empty();
            let offset = verdict.clock.unwrap_or_default();
            let begun = upload.initiated.map(|at| offset.undo(at));
            // Which way of the exchange was the slow one, nobody knows.
            let begun_at_last = begun.map(|at| at.after(verdict.took / 2));
            let wanted = wanted && self.is_in(found.scope, &upload.key, begun_at_last);
            if wanted && !self.uses(&upload.key, &upload.upload_id) {
                found.keep(upload, offset);
            }
        }
        found.pages += 1;
        if next.is_some() && (next == found.after || found.pages == PAGES_MAX) {
            let cause = Error::Unavailable(format!(
                "the list of open uploads does not end: {} pages of it were read",
                found.pages
            ));
            return self.listed_in_vain(&found, cause);
        }
        found.after = next;
        let questions = if found.after.is_some() {
            vec![Question::Page]
        } else if found.kept.is_empty() || found.scope == Scope::Orphans {
            return self.all_counted(found);
        } else {
            found.counting = found.kept.len();
            found.kept.keys().map(|place| Question::Parts(*place)).collect()
        };
        self.inquiry = Some(Inquiry::Leftovers(found));
        Next::Ask(questions)
    }

    /// The parts of one more upload are counted, or will not be.
    fn counted(&mut self, mut found: Leftovers) -> Next {
        found.counting -= 1;
        if found.counting > 0 {
            self.inquiry = Some(Inquiry::Leftovers(found));
            return Next::Ask(Vec::new());
        }
        self.all_counted(found)
    }

    fn all_counted(&mut self, found: Leftovers) -> Next {
        let Leftovers { scope, seen, kept, uncounted, .. } = found;
        if let Some(cause) = uncounted {
            let message = format!("not all parts of open uploads could be counted: {cause}");
            self.report.notice(Level::Warning, message);
        }
        let listed = kept.len();
        if seen > listed as u64 {
            let message = format!(
                "{seen} uploads are open; only the {listed} oldest are listed, so list again once \
                 these are ended"
            );
            self.report.notice(Level::Warning, message);
        }
        let in_use = |u: &OpenUpload| self.uses(&u.name, &u.upload_id);
        let uploads = kept.into_values().map(|kept| kept.upload).filter(|u| !in_use(u));
        let uploads = uploads.collect();
        match scope {
            Scope::All => Next::Reply(Ok(Reply::IncompleteUploads(uploads))),
            Scope::Orphans => {
                self.found_orphans(Ok(uploads), seen <= listed as u64);
                Next::Reply(Ok(Reply::Looked))
            }
        }
    }

    fn listed_in_vain(&mut self, found: &Leftovers, cause: Error) -> Next {
        match found.scope {
            Scope::All => Next::Reply(Err(cause)),
            Scope::Orphans => {
                self.found_orphans(Err(cause), false);
                Next::Reply(Ok(Reply::Looked))
            }
        }
    }
}

/// How many uploads are returned at most: with names and ids of a thousand bytes each, some MB.
const KEPT_MAX: usize = 1_000;
/// How many pages are read at most: a million uploads, where the store has S3's pages.
const PAGES_MAX: u32 = 1_000;
