//! Saves the writer for a checkpoint, and restores it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::open::Ages;
use super::{ObjectId, Writer};
use crate::naming::Sequences;
use crate::notice::Notices;
use crate::object::{Failure, Object, Phase, SavedObject};
use crate::settings::Settings;
use crate::time::Now;

/// The objects that are not visible, and the state of names and positions.
#[derive(Serialize, Deserialize)]
pub(crate) struct SavedWriter<'a> {
    next_position: u64,
    sequences: Sequences,
    /// In the order of creation.
    #[serde(borrow)]
    objects: Vec<SavedObject<'a>>,
    /// The open ones among them, least recently written first.
    open: Vec<SavedOpen>,
    /// The failures that were not reported yet.
    failures: Vec<Failure>,
}

/// An open object.
#[derive(Serialize, Deserialize)]
struct SavedOpen {
    /// Its index in `objects`.
    index: u32,
    ages: Ages,
    /// The dates in its name. Only events with the same dates are added to it.
    dates: String,
}

impl Writer {
    /// Saves the writer. Sealed objects become visible when the checkpoint is committed.
    ///
    /// # Panics
    ///
    /// If the writer is not [at rest](Writer::is_at_rest).
    pub(crate) fn save(&mut self) -> SavedWriter<'_> {
        for id in self.objects.ids() {
            // Of the objects with one name, each commit permits one to become visible. Otherwise,
            // after a crash, it would be unknown which of them was visible last.
            if self.objects[id].is_sealed() && self.order.is_first(id) {
                self.objects.change(id, Object::prepare);
            }
        }
        let mut objects = Vec::new();
        let mut indices = BTreeMap::new();
        for id in self.objects.ids() {
            if let Some(saved) = self.objects[id].save() {
                indices.insert(id, u32::try_from(objects.len()).unwrap_or(u32::MAX));
                objects.push(saved);
            }
        }
        let open = self.open.ages(self.now.monotonic).map(|(id, ages)| {
            let dates = self.open.dates(id).to_owned();
            SavedOpen { index: indices[&id], ages, dates }
        });
        SavedWriter {
            next_position: self.next_position,
            sequences: self.sequences.clone(),
            open: open.collect(),
            objects,
            failures: self.failed.clone(),
        }
    }

    /// Restores the writer, `down` after it was saved.
    pub(crate) fn restore(
        settings: Arc<Settings>,
        seed: u64,
        now: Now,
        saved: SavedWriter<'_>,
        down: Duration,
    ) -> Writer {
        let mut writer = Writer::new(settings, seed);
        writer.now = now;
        writer.next_position = saved.next_position;
        writer.sequences = saved.sequences;
        writer.failed = saved.failures;
        writer.restore_objects(saved.objects);
        for SavedOpen { index, ages: Ages { age, idle }, dates } in saved.open {
            let id = ObjectId(u64::from(index));
            let key = writer.objects[id].span().key.clone();
            let ages = Ages { age: age.saturating_add(down), idle: idle.saturating_add(down) };
            writer.open.resume(&key, dates, id, now.monotonic, ages);
        }
        writer
    }

    fn restore_objects(&mut self, objects: Vec<SavedObject<'_>>) {
        for saved in objects {
            let is_over = saved.phase() == Phase::Failed;
            let object = saved.resume(&self.settings);
            let id = self.objects.add(object);
            // An object that has failed was reported before, and no object waits for it.
            if !is_over {
                self.enqueue(id);
            }
        }
    }

    /// Continues all objects. Those that were committed become visible.
    pub(crate) fn resume(&mut self, notices: &mut Notices) {
        self.close_to(self.settings.objects.max_open_objects, notices);
        self.objects.ids().into_iter().for_each(|id| self.advance(id, notices));
    }
}

impl<'a> SavedWriter<'a> {
    /// The lowest position that the next run may begin with.
    pub(crate) fn next_position(&self) -> u64 {
        self.next_position
    }

    /// The objects, in the order of creation.
    pub(crate) fn objects(&self) -> &[SavedObject<'a>] {
        &self.objects
    }

    /// The ids of the uploads that the objects use.
    pub(crate) fn upload_ids(&self) -> BTreeSet<String> {
        self.objects.iter().filter_map(SavedObject::upload_id).map(str::to_owned).collect()
    }

    /// What is invalid, if anything. An invalid state was not written by this program.
    pub(crate) fn flaw(&self) -> Option<&'static str> {
        let mut keys = BTreeSet::new();
        for SavedOpen { index, dates, .. } in &self.open {
            let object = self.objects.get(*index as usize);
            match object {
                Some(object) if !keys.insert((&object.span().key, dates)) => {
                    return Some("two open objects of one key and date");
                }
                Some(object) if object.takes_events() => {}
                _ => return Some("an open object that is none"),
            }
        }
        if self.objects.iter().filter(|object| object.takes_events()).count() != keys.len() {
            return Some("an object that is open and not open");
        }
        if self.objects.iter().any(|object| object.span().last >= self.next_position) {
            return Some("an event that is still to come");
        }
        self.objects.iter().find_map(SavedObject::flaw)
    }
}
