//! The line of which an earlier run has taken some events: it is read before all others.

use std::time::Instant;

use super::{DECODERS_MAX, Follower};
use crate::source::files::settings::FilesSettings;
use crate::source::files::stream::FileKey;
use crate::source::files::tracked::Tracked;

impl Follower {
    /// The file whose turn it is: as long as a line is begun, the one that has it.
    pub(super) fn next(&mut self) -> Option<FileKey> {
        if !self.is_begun {
            return self.table.next(DECODERS_MAX);
        }
        let mut files = self.table.files();
        files.find(|file| file.content.begun.is_some() && file.is_ready()).map(|file| file.key)
    }

    /// Goes on without a line that was begun and that no file has: what is left of it is lost, as
    /// are the lines behind it. A file may still be found, as long as one that is gone is looked
    /// for.
    pub(super) fn give_up_begun(&mut self, now: Instant) {
        let (Some(begun), FilesSettings { follow, rotate_wait, .. }) =
            (self.started.filter(|_| self.is_begun), &self.settings)
        else {
            return;
        };
        let is_waiting = *follow && now.saturating_duration_since(begun) < *rotate_wait;
        let has_it = |file: &&Tracked| file.content.begun.is_some();
        if self.table.files().filter(has_it).any(|file| is_waiting || file.is_ready()) {
            return;
        }
        self.is_begun = false;
        for key in self.table.keys_of(|file| file.content.begun.is_some()) {
            self.table.update(key, |file| file.content.begun = None);
        }
        self.stream.give_up_line();
        let message = "the line of which an earlier run took some events is in no file any more; \
                       its other events are in no object";
        self.notice(true, message.to_owned());
    }
}
