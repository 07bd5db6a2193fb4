//! The list of what a crash left behind.

use super::{Inquiry, Question};
use crate::settings::OnOrphans;
use crate::sink::Sink;
use crate::time::Timestamp;

use super::leftovers::{Leftovers, Scope};

impl Sink {
    /// Begins to look for what was begun after the checkpoint. What is begun meanwhile could not be
    /// told from that, so nothing is.
    pub(crate) fn look_for_orphans(&mut self) {
        self.requests.hold_back();
        let leftovers = Leftovers::new(self.settings.name_prefix(), Scope::Orphans);
        self.inquire(Inquiry::Leftovers(leftovers), Question::Page);
    }

    /// Whether an open upload that this sink does not use is in a list of that scope. It may have
    /// been begun as late as `begun`.
    pub(super) fn is_in(&self, scope: Scope, name: &str, begun: Option<Timestamp>) -> bool {
        match scope {
            Scope::All => true,
            // All of the prefix is this flow's.
            Scope::Orphans if self.settings.on_orphans == OnOrphans::Abort => true,
            Scope::Orphans => self.orphans.includes(name, begun),
        }
    }
}
