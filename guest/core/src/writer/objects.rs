//! The objects that have not ended, by id, and the bytes that they hold.

use std::ops::Index;

use super::ObjectId;
use super::id::IdMap;
use crate::object::Object;

/// The objects that have not ended. They change in its hands only, so that its sums stay correct.
#[derive(Default)]
pub(super) struct Objects {
    objects: IdMap<Object>,
    next_id: u64,
    held: u64,
    spare: u64,
}

impl Objects {
    /// Adds an object. Its id is higher than that of any before.
    pub(super) fn add(&mut self, object: Object) -> ObjectId {
        let id = ObjectId(self.next_id);
        self.next_id += 1;
        self.held += object.held();
        self.spare += object.spare();
        self.objects.insert(id, object);
        id
    }

    pub(super) fn remove(&mut self, id: ObjectId) {
        if let Some(object) = self.objects.remove(&id) {
            self.held -= object.held();
            self.spare -= object.spare();
        }
    }

    /// Changes an object.
    ///
    /// # Panics
    ///
    /// If there is none with this id.
    pub(super) fn change<T>(&mut self, id: ObjectId, f: impl FnOnce(&mut Object) -> T) -> T {
        self.try_change(id, f).expect("the object exists until it is removed")
    }

    /// Changes an object, if there is one with this id.
    pub(super) fn try_change<T>(
        &mut self,
        id: ObjectId,
        f: impl FnOnce(&mut Object) -> T,
    ) -> Option<T> {
        let object = self.objects.get_mut(&id)?;
        let (held, spare) = (object.held(), object.spare());
        let result = f(object);
        self.held = self.held - held + object.held();
        self.spare = self.spare - spare + object.spare();
        Some(result)
    }

    pub(super) fn get(&self, id: ObjectId) -> Option<&Object> {
        self.objects.get(&id)
    }

    pub(super) fn len(&self) -> usize {
        self.objects.len()
    }

    /// In no particular order.
    pub(super) fn values(&self) -> impl Iterator<Item = &Object> {
        self.objects.values()
    }

    /// In the order of creation.
    pub(super) fn ids(&self) -> Vec<ObjectId> {
        self.ids_of(|_| true)
    }

    /// Those of which this holds, in the order of creation.
    pub(super) fn ids_of(&self, holds: impl Fn(&Object) -> bool) -> Vec<ObjectId> {
        let objects = self.objects.iter().filter(|(_, object)| holds(object));
        let mut ids: Vec<ObjectId> = objects.map(|(id, _)| *id).collect();
        ids.sort_unstable();
        ids
    }

    /// The bytes that the store has not acknowledged.
    pub(super) fn held(&self) -> u64 {
        self.held
    }

    /// The bytes that the store has acknowledged.
    pub(super) fn spare(&self) -> u64 {
        self.spare
    }
}

impl Index<ObjectId> for Objects {
    type Output = Object;

    fn index(&self, id: ObjectId) -> &Object {
        &self.objects[&id]
    }
}
