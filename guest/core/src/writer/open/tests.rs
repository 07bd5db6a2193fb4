use std::collections::BTreeMap;

use super::*;

const A: ObjectId = ObjectId(0);
const B: ObjectId = ObjectId(1);
const C: ObjectId = ObjectId(2);

/// Three objects, created a millisecond apart.
fn three() -> Open {
    let (mut open, plain) = (Open::default(), Template::default());
    for (millis, (key, id)) in (0..).zip([("a", A), ("b", B), ("c", C)]) {
        open.begin(key, second(&plain, 0), id, at(millis));
    }
    open
}

fn at(millis: u64) -> Instant {
    Instant(millis * 1_000_000)
}

fn second(template: &Template, second: u64) -> Moment<'_> {
    Moment { template, at: Timestamp(second * 1_000_000_000) }
}

#[test]
fn events_of_one_key_and_other_dates_have_other_objects() {
    let hours = Template::parse("{date:%F-%H}/{key}").unwrap();
    let (noon, later, one) =
        (second(&hours, 43_200), second(&hours, 46_799), second(&hours, 46_800));
    let mut open = Open::default();
    open.begin("a", noon, A, at(0));
    assert_eq!([noon, later, one].map(|m| open.get("a", m)), [Some(A), Some(A), None]);
    open.begin("a", one, B, at(1));
    assert_eq!([later, one].map(|m| open.get("a", m)), [Some(A), Some(B)]);
    assert_eq!(open.get("b", noon), None);
    assert_eq!((open.dates(A), open.dates(B)), ("1970-01-01-12\n", "1970-01-01-13\n"));
    assert!(open.end(A));
    assert_eq!([noon, one].map(|m| open.get("a", m)), [None, Some(B)]);
}

#[test]
fn objects_of_one_key_interrupt_each_other() {
    let hours = Template::parse("{date:%H}/{key}").unwrap();
    let hour = |hour: u64| second(&hours, hour * 3_600);
    let mut open = Open::default();
    open.begin("a", hour(1), A, at(0));
    assert!(!open.written(A, hour(1), at(1)));
    open.begin("a", hour(2), B, at(2));
    open.begin("b", hour(1), C, at(3));
    assert!(!open.written(B, hour(2), at(4)), "another key is none of its own");
    assert_eq!([1, 1].map(|h| open.written(A, hour(h), at(5))), [true, false]);
    assert!(open.written(B, hour(2), at(6)));
    open.end(B);
    assert!(open.written(A, hour(1), at(7)), "also where the other has ended since");
    assert!(!open.written(A, hour(1), at(8)));
}

/// The saved object has no date step, so its dates are rendered once.
#[test]
fn a_resumed_object_is_found_by_its_dates() {
    let months = Template::parse("{date:%Y/%m}/{key}").unwrap();
    let day = |day: u64| second(&months, day * 86_400);
    let mut open = Open::default();
    open.resume("a", "1970/02\n".to_owned(), A, at(0), Ages::default());
    assert_eq!([30, 31, 58, 59].map(|d| open.get("a", day(d))), [None, Some(A), Some(A), None]);
    open.written(A, day(31), at(1));
    assert_eq!([31, 58, 59].map(|d| open.get("a", day(d))), [Some(A), Some(A), None]);
}

fn millis(millis: u64) -> Option<Duration> {
    Some(Duration::from_millis(millis))
}

#[test]
fn a_write_makes_an_object_the_most_recent() {
    let mut open = three();
    let plain = Template::default();
    open.written(A, second(&plain, 0), at(3));
    assert_eq!(open.least_recent().collect::<Vec<_>>(), [B, C, A]);
    assert_eq!(open.ids().collect::<Vec<_>>(), [A, B, C]);
    open.written(A, second(&plain, 0), at(4));
    assert_eq!((open.least_recent().count(), open.len()), (3, 3));
}

#[test]
fn writes_are_forgotten_however_often_one_object_is_written() {
    let mut open = three();
    let plain = Template::default();
    for millis in 3..1_000 {
        open.written(B, second(&plain, 0), at(millis));
        assert!(open.writes.len() <= 2 * open.len() + OUTDATED_MAX);
    }
    assert_eq!(open.least_recent().collect::<Vec<_>>(), [A, C, B]);
}

/// As two ordered maps would do it.
#[test]
fn objects_are_in_the_order_of_creation_and_of_writes_whatever_happens() {
    for seed in 0..200 {
        let mut random = fastrand::Rng::with_seed(seed);
        let (mut open, plain) = (Open::default(), Template::default());
        let (mut created, mut writes) = (BTreeMap::new(), BTreeMap::new());
        let mut last = HashMap::new();
        let mut resumed: Vec<u64> = (0..random.u64(..20)).collect();
        random.shuffle(&mut resumed);
        let mut next = resumed.len() as u64;
        for millis in 0..500 {
            let ids: Vec<ObjectId> = created.keys().copied().collect();
            let any = (!ids.is_empty()).then(|| ids[random.usize(..ids.len())]);
            let id = match (resumed.pop(), any) {
                (Some(id), _) => {
                    let id = ObjectId(id);
                    open.resume(&id.0.to_string(), String::new(), id, at(millis), Ages::default());
                    id
                }
                (None, Some(id)) if random.u8(..10) < 7 => {
                    open.written(id, second(&plain, 0), at(millis));
                    id
                }
                (None, Some(id)) if random.bool() => {
                    assert!(open.end(id));
                    created.remove(&id);
                    writes.remove(&last[&id]);
                    continue;
                }
                _ => {
                    let id = ObjectId(next);
                    next += 1;
                    open.begin(&id.0.to_string(), second(&plain, 0), id, at(millis));
                    id
                }
            };
            created.entry(id).or_insert(at(millis));
            last.insert(id, millis).into_iter().for_each(|before| _ = writes.remove(&before));
            writes.insert(millis, id);
            assert!(open.ids().eq(created.keys().copied()), "seed {seed}");
            assert!(open.least_recent().eq(writes.values().copied()), "seed {seed}");
            let due = |age, idle| Rotation { age, idle, ..Rotation::default() };
            let (oldest, least) = (created.first_key_value(), writes.first_key_value());
            let aged = oldest.map(|(id, begun)| (begun.after(Duration::from_secs(1)), *id));
            let idle = least.map(|(at, id)| (self::at(*at).after(Duration::from_secs(1)), *id));
            let second = Some(Duration::from_secs(1));
            assert_eq!(open.next_due(&due(second, None)), aged, "seed {seed}");
            assert_eq!(open.next_due(&due(None, second)), idle, "seed {seed}");
            let max = 2 * open.len() + OUTDATED_MAX;
            assert!(open.writes.len() <= max && open.created.len() <= max, "seed {seed}");
        }
    }
}

#[test]
fn what_ended_is_known_no_more() {
    let mut open = three();
    assert_eq!((open.end(B), open.end(B)), (true, false), "it ends once");
    let plain = Template::default();
    let moment = second(&plain, 0);
    assert_eq!(["a", "b", "c"].map(|key| open.get(key, moment)), [Some(A), None, Some(C)]);
    assert_eq!(open.least_recent().collect::<Vec<_>>(), [A, C]);
    open.begin("b", moment, ObjectId(3), at(9));
    assert_eq!(open.get("b", moment), Some(ObjectId(3)));
}

#[test]
fn what_an_object_was_before_counts() {
    let mut open = Open::default();
    let ages = |age, idle| Ages { age: millis(age).unwrap(), idle: millis(idle).unwrap() };
    open.resume("b", String::new(), B, at(1), ages(7, 6));
    open.resume("a", String::new(), A, at(1), ages(9, 2));
    let plain = Template::default();
    open.begin("c", second(&plain, 0), C, at(2));
    let due =
        |open: &Open, age, idle| open.next_due(&Rotation { age, idle, ..Rotation::default() });
    assert_eq!(due(&open, millis(10), None), Some((at(2), A)), "the one that was begun first");
    assert_eq!(due(&open, None, millis(10)), Some((at(5), B)), "the one that was idle longest");
    assert_eq!(due(&open, millis(5), None), Some((at(1), A)), "long due");
    let all: Vec<_> = open.ages(at(4)).collect();
    assert_eq!(all, [(B, ages(10, 9)), (A, ages(12, 5)), (C, ages(2, 2))]);
    open.written(B, second(&plain, 0), at(4));
    assert_eq!(due(&open, None, millis(10)), Some((at(9), A)), "it is idle no more");
}

#[test]
fn age_counts_from_the_first_write_and_idleness_from_the_last() {
    let (mut open, plain) = (three(), Template::default());
    open.written(A, second(&plain, 0), at(5));
    let due =
        |open: &Open, age, idle| open.next_due(&Rotation { age, idle, ..Rotation::default() });
    assert_eq!(due(&open, None, None), None);
    assert_eq!(due(&open, millis(10), None), Some((at(10), A)));
    assert_eq!(due(&open, None, millis(10)), Some((at(11), B)));
    assert_eq!(due(&open, millis(10), millis(8)), Some((at(9), B)), "what comes first");
    open.end(A);
    assert_eq!(due(&open, millis(10), millis(100)), Some((at(11), B)));
    assert_eq!(due(&Open::default(), millis(1), millis(1)), None);
}
