//! The list of what a crash left behind.

use super::{Inquiry, Question};
use crate::clock::Offset;
use crate::s3::MultipartUpload;
use crate::settings::OnOrphans;
use crate::sink::Sink;

use super::leftovers::{Leftovers, Scope};

impl Sink {
    /// Begins to look for what was begun after the checkpoint.
    pub(crate) fn look_for_orphans(&mut self) {
        let leftovers = Leftovers::new(self.settings.name_prefix(), Scope::Orphans);
        self.inquire(Inquiry::Leftovers(leftovers), Question::Page);
    }

    /// Whether an open upload that this sink does not use is in a list of that scope.
    pub(super) fn is_in(&self, scope: Scope, upload: &MultipartUpload, offset: Offset) -> bool {
        match scope {
            Scope::All => true,
            // All of the prefix is this flow's.
            Scope::Orphans if self.settings.on_orphans == OnOrphans::Abort => true,
            Scope::Orphans => {
                let begun = upload.initiated.map(|at| offset.undo(at));
                self.orphans.includes(&upload.key, begun)
            }
        }
    }
}
