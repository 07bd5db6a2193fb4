//! Random inputs for tests: one seed gives one run, and every failure names its seed.

use serde_json::{Value, json};
use spillway_simulation::seeds as asked;

/// A generator of inputs.
pub(crate) struct Random(fastrand::Rng);

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random(fastrand::Rng::with_seed(seed))
    }

    /// A number of 48 bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.0.u64(..1 << 48)
    }

    /// A number below `end`, which must not be 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0.usize(..end)
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

/// The seeds to try: the one in `SPILLWAY_SEED` if it is set, to replay a failure, or `count`,
/// which are new ones where nobody says the first. Where `SPILLWAY_SEEDS` asks for many, there are
/// more.
pub(crate) fn seeds(count: u64) -> Vec<u64> {
    if let Some(seed) = asked::one() {
        return vec![seed];
    }
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let first = now.expect("the clock is past 1970").as_nanos() as u64 % 1_000_000_000;
    let seeds = asked::several(SHARE, first, count);
    (seeds.start..seeds.end.max(seeds.start + count)).collect()
}

/// A random document, with names and texts that have something to escape.
pub(crate) fn random_json(random: &mut Random, depth: usize) -> Value {
    let texts = [
        "a",
        "b",
        "c",
        "",
        "é😀",
        "\"q\" \\",
        "\n\t\u{1}",
        " sp ace ",
        "a long text without anything",
    ];
    match random.below(if depth == 0 { 6 } else { 10 }) {
        0 => Value::Null,
        1 => json!(random.below(2) == 0),
        2 => json!(random.next() as i64 - (1 << 40)),
        3 => json!(random.below(1000) as f64 / 8.0),
        4 | 5 => json!(random.pick(&texts)),
        6 | 7 => (0..random.below(4)).map(|_| random_json(random, depth - 1)).collect(),
        _ => {
            let members = (0..random.below(4))
                .map(|_| (random.pick(&texts).to_string(), random_json(random, depth - 1)));
            Value::Object(members.collect())
        }
    }
}

/// How many seeds a simulation runs while one of these tests, which have files, runs one.
const SHARE: u64 = 200;
