//! The order of objects with one name. They become visible one after another. Of the objects that
//! need a number of one stem, one looks for it at a time.

use std::collections::{HashMap, VecDeque};

use super::ObjectId;
use super::id::IdMap;
use crate::object::Place;

/// Queues of unfinished objects. Each object is in one of them.
#[derive(Default)]
pub(crate) struct NameQueues {
    queues: HashMap<Place, VecDeque<ObjectId>>,
    places: IdMap<Place>,
}

impl NameQueues {
    /// Appends an object to a queue, and removes it from its previous one. Returns the new first
    /// object of the previous queue.
    pub(crate) fn enqueue(&mut self, id: ObjectId, place: Place) -> Option<ObjectId> {
        let first = self.dequeue(id);
        self.queues.entry(place.clone()).or_default().push_back(id);
        self.places.insert(id, place);
        first
    }

    /// Removes an object from its queue. Returns the new first object of that queue.
    pub(crate) fn dequeue(&mut self, id: ObjectId) -> Option<ObjectId> {
        let place = self.places.remove(&id)?;
        let queue = self.queues.get_mut(&place)?;
        queue.retain(|n| *n != id);
        let first = queue.front().copied();
        if first.is_none() {
            self.queues.remove(&place);
        }
        first
    }

    /// The objects before this one in the queue of its name, in order.
    pub(crate) fn before(&self, id: ObjectId) -> Vec<ObjectId> {
        match self.places.get(&id) {
            Some(place @ Place::Name(_)) => {
                let queue = self.queues.get(place).into_iter().flatten();
                queue.copied().take_while(|n| *n != id).collect()
            }
            // An object that looks for a number leaves the queue when it has one, sealed or not.
            Some(Place::Stem(_)) | None => Vec::new(),
        }
    }

    /// Whether an object is in a queue.
    pub(crate) fn has(&self, id: ObjectId) -> bool {
        self.places.contains_key(&id)
    }

    /// Whether an object is the first of its queue.
    pub(crate) fn is_first(&self, id: ObjectId) -> bool {
        let queue = self.places.get(&id).and_then(|place| self.queues.get(place));
        queue.and_then(VecDeque::front) == Some(&id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::naming::StemId;

    #[test]
    fn one_after_the_other_and_a_change_of_place_lets_the_next_go() {
        let mut queues = NameQueues::default();
        let [a, b, c] = [0, 1, 2].map(ObjectId);
        let name = |name: &str| Place::Name(name.to_owned());
        assert_eq!(queues.enqueue(a, Place::Stem(StemId(1))), None);
        assert_eq!(queues.enqueue(b, Place::Stem(StemId(1))), None);
        assert_eq!(queues.enqueue(c, name("x")), None);
        assert_eq!([a, b, c].map(|n| queues.is_first(n)), [true, false, true]);
        assert_eq!(queues.enqueue(a, name("x")), Some(b), "behind the one that is there");
        assert_eq!([a, b, c].map(|n| queues.is_first(n)), [false, true, true]);
        assert_eq!([a, b, c].map(|n| queues.before(n)), [vec![c], vec![], vec![]]);
        assert_eq!(queues.dequeue(c), Some(a));
        assert!(queues.is_first(a) && queues.has(a) && !queues.has(c));
        assert_eq!((queues.dequeue(a), queues.dequeue(b), queues.dequeue(b)), (None, None, None));
        assert!(queues.queues.is_empty() && queues.places.is_empty());
    }
}
