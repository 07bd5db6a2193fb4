//! Lists the incomplete uploads that this sink does not use.
//!
//! S3 lists keys, ids and times, but no metadata. The list does not tell who started an upload.

use std::collections::BTreeMap;

use super::{AdminCall, AdminRequest, Context, Effect, Reply, Step};
use crate::client::answer::Answer;
use crate::client::call::Call;
use crate::client::clock::Offset;
use crate::client::verdict::Verdict;
use crate::error::Error;
use crate::incomplete::IncompleteUpload;
use crate::notice::Level;
use crate::s3::{
    ListMultipartUploadsResult, ListPartsResult, MultipartUpload, PARTS_MAX, UploadsMarker,
};
use crate::time::Timestamp;

/// The sort key of an upload in the list: its age, then the order of the store's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// Uploads of unknown age sort as the youngest.
    begun: Timestamp,
    number: u64,
}

/// A list in progress. First the uploads are listed page by page, then the parts of each are
/// counted.
pub(super) struct List {
    /// Whether to list orphaned uploads only, without counting their parts.
    only_orphans: bool,
    prefix: String,
    /// The marker of the next page.
    after: Option<UploadsMarker>,
    pages: u32,
    /// The number of uploads seen, including those that are not returned.
    seen: u64,
    kept: BTreeMap<Place, Kept>,
    /// How many of the kept uploads have parts that are still being counted.
    counting: usize,
    /// The first error of a part count. It is reported once.
    uncounted: Option<Error>,
}

struct Kept {
    upload: IncompleteUpload,
    /// The number of the last counted part.
    after: Option<u32>,
    counted: u32,
}

impl List {
    pub(super) fn new(prefix: String, only_orphans: bool) -> List {
        List {
            only_orphans,
            prefix,
            after: None,
            pages: 0,
            seen: 0,
            kept: BTreeMap::new(),
            counting: 0,
            uncounted: None,
        }
    }

    pub(super) fn request(&self, request: AdminRequest) -> Option<Call> {
        let AdminRequest::Parts(place) = request else {
            let (prefix, after) = (self.prefix.clone(), self.after.clone());
            return Some(Call::ListMultipartUploads { prefix, after });
        };
        let Kept { upload, after, .. } = self.kept.get(&place)?;
        let IncompleteUpload { object_key: key, upload_id, .. } = upload.clone();
        Some(Call::ListParts { key, upload_id, after: *after })
    }

    /// Keeps an upload. If there are too many, the youngest is dropped.
    fn keep(&mut self, found: MultipartUpload, offset: Offset) {
        let begun = found.initiated.map(|at| offset.undo(at));
        let place = Place { begun: begun.unwrap_or(Timestamp(u64::MAX)), number: self.seen };
        let MultipartUpload { key: object_key, upload_id, .. } = found;
        let upload = IncompleteUpload { object_key, upload_id, begun, parts: None };
        self.kept.insert(place, Kept { upload, after: None, counted: 0 });
        self.seen += 1;
        if self.kept.len() > KEPT_MAX {
            self.kept.pop_last();
        }
    }

    /// Counts a page of parts. Returns whether to request another page.
    fn count(&mut self, place: Place, page: &ListPartsResult) -> bool {
        let Some(kept) = self.kept.get_mut(&place) else { return false };
        kept.counted += u32::try_from(page.parts.len()).unwrap_or(u32::MAX);
        let rises = page.next > kept.after;
        kept.after = page.next;
        match page.next {
            Some(_) if rises && kept.counted < PARTS_MAX => return true,
            // A store whose markers do not ascend cannot tell the number of parts.
            Some(_) if !rises => {}
            _ => kept.upload.parts = Some(kept.counted),
        }
        false
    }

    pub(super) fn on_answer(
        mut self,
        request: AdminRequest,
        answer: Option<Answer>,
        verdict: &Verdict,
        context: &mut Context,
    ) -> Step {
        match (request, answer) {
            (AdminRequest::Parts(place), Some(Answer::Parts(page))) => {
                if self.count(place, &page) {
                    return Step::Ask(AdminCall::List(self), vec![request]);
                }
                self.counted(context)
            }
            // The upload was completed or aborted meanwhile, or the list was out of date.
            (AdminRequest::Parts(place), _) => {
                self.kept.remove(&place);
                self.seen -= 1;
                self.counted(context)
            }
            (_, Some(Answer::Uploads(page))) => self.on_page(page, verdict, context),
            (_, answer) => unreachable!("the answer to a page request is {answer:?}"),
        }
    }

    pub(super) fn on_error(
        mut self,
        request: AdminRequest,
        cause: Error,
        context: &mut Context,
    ) -> Step {
        if !matches!(request, AdminRequest::Parts(_)) {
            return self.fail(cause, context);
        }
        if matches!(cause, Error::Denied(_)) && self.uncounted.is_none() {
            // If the permission is missing for one upload, it is missing for all.
            context.effects.push_back(Effect::Withdraw(cause.clone()));
        }
        self.uncounted.get_or_insert(cause);
        self.counted(context)
    }

    /// Processes a page of uploads.
    fn on_page(
        mut self,
        page: ListMultipartUploadsResult,
        verdict: &Verdict,
        context: &mut Context,
    ) -> Step {
        let ListMultipartUploadsResult { uploads, next } = page;
        for upload in uploads {
            // Some stores ignore the prefix.
            let wanted = upload.key.starts_with(&self.prefix) && !upload.key.is_empty();
            let offset = verdict.clock.unwrap_or_default();
            let begun = upload.initiated.map(|at| offset.undo(at));
            // The store's clock is known up to half of the duration of the exchange.
            let begun_at_last = begun.map(|at| at.after(verdict.took / 2));
            let wanted = wanted
                && (!self.only_orphans || context.known.is_orphan(&upload.key, begun_at_last));
            if wanted && !context.known.uses(&upload.key, &upload.upload_id) {
                self.keep(upload, offset);
            }
        }
        self.pages += 1;
        if next.is_some() && (next == self.after || self.pages == PAGES_MAX) {
            let cause = Error::Unavailable(format!(
                "the list of open uploads does not end: {} pages of it were read",
                self.pages
            ));
            return self.fail(cause, context);
        }
        self.after = next;
        let requests = if self.after.is_some() {
            vec![AdminRequest::Uploads]
        } else if self.kept.is_empty() || self.only_orphans {
            return self.finish(context);
        } else {
            self.counting = self.kept.len();
            self.kept.keys().map(|place| AdminRequest::Parts(*place)).collect()
        };
        Step::Ask(AdminCall::List(self), requests)
    }

    /// Records that the parts of one more upload were counted, or cannot be.
    fn counted(mut self, context: &mut Context) -> Step {
        self.counting -= 1;
        if self.counting > 0 {
            return Step::Ask(AdminCall::List(self), Vec::new());
        }
        self.finish(context)
    }

    fn finish(self, context: &mut Context) -> Step {
        let List { only_orphans, seen, kept, uncounted, .. } = self;
        if let Some(cause) = uncounted {
            let message = format!("not all parts of open uploads could be counted: {cause}");
            context.notices.push(Level::Warning, message);
        }
        let listed = kept.len();
        if seen > listed as u64 {
            let message = format!(
                "{seen} uploads are open; only the {listed} oldest are listed, so list again once \
                 these are ended"
            );
            context.notices.push(Level::Warning, message);
        }
        let is_free =
            |upload: &IncompleteUpload| !context.known.uses(&upload.object_key, &upload.upload_id);
        let uploads = kept.into_values().map(|kept| kept.upload).filter(is_free).collect();
        if only_orphans {
            let are_all = seen <= listed as u64;
            context.effects.push_back(Effect::Orphans(Ok(uploads), are_all));
            return Step::Reply(Ok(Reply::Looked));
        }
        Step::Reply(Ok(Reply::IncompleteUploads(uploads)))
    }

    fn fail(self, cause: Error, context: &mut Context) -> Step {
        if self.only_orphans {
            context.effects.push_back(Effect::Orphans(Err(cause), false));
            return Step::Reply(Ok(Reply::Looked));
        }
        Step::Reply(Err(cause))
    }
}

/// The most uploads that are returned. With names and ids of a thousand bytes each, they take some
/// MB.
const KEPT_MAX: usize = 1_000;
/// The most pages that are requested: a million uploads with the page size of S3.
const PAGES_MAX: u32 = 1_000;
