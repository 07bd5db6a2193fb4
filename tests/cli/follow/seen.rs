//! What is visible in a bucket of the lines of logs.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use spillway_tests::store::Store;

use super::lines;
use super::logs::Log;

/// The lines that became visible.
#[derive(Default)]
pub(super) struct Seen {
    /// How many entries of the bucket's history were looked at.
    looked_at: usize,
    /// The objects, with a hash of what they hold.
    objects: BTreeMap<String, u64>,
    logs: HashMap<String, SeenLog>,
}

#[derive(Default)]
struct SeenLog {
    /// In which object a line is.
    places: BTreeMap<u64, String>,
    /// The numbers by the position of the first event of their object, in its order.
    objects: BTreeMap<u64, Vec<u64>>,
}

impl Seen {
    /// Looks at what became visible since.
    ///
    /// # Panics
    ///
    /// If a line is in two objects, or an object has another content than before.
    pub(super) fn look(&mut self, store: &Store) {
        let new = store.bucket(|bucket| bucket.visible_history()[self.looked_at..].to_vec());
        self.looked_at += new.len();
        for visible in new {
            let bytes = &visible.object.bytes;
            let mut hasher = DefaultHasher::new();
            bytes.hash(&mut hasher);
            match self.objects.entry(visible.key.clone()) {
                // It is put again where a crash hid the answer.
                Entry::Occupied(known) => assert_eq!(*known.get(), hasher.finish(), "{known:?}"),
                Entry::Vacant(new) => {
                    new.insert(hasher.finish());
                    self.add(&visible.key, str::from_utf8(bytes).unwrap());
                }
            }
        }
    }

    fn add(&mut self, object: &str, text: &str) {
        let (key, first) = object.rsplit_once('/').unwrap();
        let log = self.logs.entry(key.to_owned()).or_default();
        let mut numbers = Vec::new();
        for line in text.lines() {
            let (of, number) = lines::read(line);
            assert_eq!(of, key, "a line in {object}");
            if let Some(other) = log.places.insert(number, object.to_owned()) {
                panic!("line {number} is in {object} as well as in {other}");
            }
            numbers.push(number);
        }
        log.objects.insert(first.parse().unwrap(), numbers);
    }

    /// Whether a line is visible.
    pub(super) fn has(&self, log: &str, number: u64) -> bool {
        self.logs.get(log).is_some_and(|log| log.places.contains_key(&number))
    }

    /// The lines of a log that have to be visible and are not.
    pub(super) fn missing<'a>(&'a self, log: &'a Log) -> impl Iterator<Item = u64> + 'a {
        log.certain().filter(|number| !self.has(&log.name, *number))
    }

    /// Asserts that the lines of a log are in order, but for late ones, and that there is none that
    /// was never written.
    pub(super) fn in_order(&self, log: &Log) {
        let seen = &self.logs[&log.name];
        let numbers = seen.objects.values().flatten().copied();
        let numbers: Vec<u64> = numbers.filter(|number| !log.late.contains(number)).collect();
        if let Some(pair) = numbers.windows(2).find(|pair| pair[0] >= pair[1]) {
            panic!("{}: line {} comes before line {}", log.name, pair[0], pair[1]);
        }
        assert!(numbers.last().is_none_or(|last| *last < log.next), "{}", log.name);
    }

    /// How many lines are visible.
    pub(super) fn lines(&self) -> usize {
        self.logs.values().map(|log| log.places.len()).sum()
    }
}
