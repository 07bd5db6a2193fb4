//! Who waits for whom: objects of one name become visible in their order, and of the objects that
//! want a number of one stem one looks for it at a time.

use std::collections::{HashMap, VecDeque};

use crate::ids::UploadNumber;
use crate::names::StemId;

/// What there is one queue for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    /// The objects of this name.
    Name(String),
    /// Those whose number is not known yet.
    Stem(StemId),
}

/// Queues of unfinished uploads, each of which stands in one of them.
#[derive(Default)]
pub(crate) struct Turns {
    queues: HashMap<Place, VecDeque<UploadNumber>>,
    places: HashMap<UploadNumber, Place>,
}

impl Turns {
    /// Puts an upload at the end of a queue. Returns who is first now in the one that it left.
    pub(crate) fn join(&mut self, number: UploadNumber, place: Place) -> Option<UploadNumber> {
        let first = self.leave(number);
        self.queues.entry(place.clone()).or_default().push_back(number);
        self.places.insert(number, place);
        first
    }

    /// Takes an upload out of its queue. Returns who is first there now.
    pub(crate) fn leave(&mut self, number: UploadNumber) -> Option<UploadNumber> {
        let place = self.places.remove(&number)?;
        let queue = self.queues.get_mut(&place)?;
        queue.retain(|n| *n != number);
        let first = queue.front().copied();
        if first.is_none() {
            self.queues.remove(&place);
        }
        first
    }

    /// Those of an upload's name whose turn comes before its own, in their order.
    pub(crate) fn before(&self, number: UploadNumber) -> Vec<UploadNumber> {
        match self.places.get(&number) {
            Some(place @ Place::Name(_)) => {
                let queue = self.queues.get(place).into_iter().flatten();
                queue.copied().take_while(|n| *n != number).collect()
            }
            // Whoever looks for a number is done when it is found, open or not.
            Some(Place::Stem(_)) | None => Vec::new(),
        }
    }

    /// Whether an upload stands in any queue.
    pub(crate) fn has(&self, number: UploadNumber) -> bool {
        self.places.contains_key(&number)
    }

    /// Whether it is an upload's turn.
    pub(crate) fn is_first(&self, number: UploadNumber) -> bool {
        let queue = self.places.get(&number).and_then(|place| self.queues.get(place));
        queue.and_then(VecDeque::front) == Some(&number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_after_the_other_and_a_change_of_place_lets_the_next_go() {
        let mut turns = Turns::default();
        let [a, b, c] = [0, 1, 2].map(UploadNumber);
        let name = |name: &str| Place::Name(name.to_owned());
        assert_eq!(turns.join(a, Place::Stem(StemId(1))), None);
        assert_eq!(turns.join(b, Place::Stem(StemId(1))), None);
        assert_eq!(turns.join(c, name("x")), None);
        assert_eq!([a, b, c].map(|n| turns.is_first(n)), [true, false, true]);
        assert_eq!(turns.join(a, name("x")), Some(b), "behind the one that is there");
        assert_eq!([a, b, c].map(|n| turns.is_first(n)), [false, true, true]);
        assert_eq!([a, b, c].map(|n| turns.before(n)), [vec![c], vec![], vec![]]);
        assert_eq!(turns.leave(c), Some(a));
        assert!(turns.is_first(a) && turns.has(a) && !turns.has(c));
        assert_eq!((turns.leave(a), turns.leave(b), turns.leave(b)), (None, None, None));
        assert!(turns.queues.is_empty() && turns.places.is_empty());
    }
}
