//! What a chain remembers of events that are not durable, and what it makes of failures by it.

use std::collections::{BTreeMap, BTreeSet};

use spillway::contract::{Ending, Error, Failure, Run};
use spillway::engine::Limits;
use spillway::sink::{Sink, SinkError};
use spillway_simulation::faults::Fault;
use spillway_tests::bucket_transport::BucketTransport;

use super::chain::{REJECT, bucket, chain, configured, contents, end, failures, given, run};

/// The keys that events are given by their text.
const BY_TEXT: &str = r#"[
    {"contains": "to-x", "action": "set_key", "template": "x"},
    {"contains": "to-y", "action": "set_key", "template": "y"},
    {"contains": "to-a", "action": "set_key", "template": "a"},
    {"contains": "drop", "action": "drop"}
]"#;

/// What became of an event that was accepted.
struct Event {
    given: &'static str,
    sunk: &'static str,
    text: String,
}

/// Runs of random events through a sink some of whose objects fail, and goes on from checkpoints
/// in between. Each event is then stored, or in one failure, which counts what it says that it has.
#[tokio::test]
async fn each_event_is_stored_or_in_one_failure() {
    let seeds = match std::env::var("SPILLWAY_SEED") {
        Ok(seed) => vec![seed.parse().unwrap()],
        Err(_) => (0..30).map(|_| fastrand::u64(..)).collect(),
    };
    for seed in seeds {
        println!("SPILLWAY_SEED={seed}");
        random(seed).await;
    }
}

async fn random(seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let bucket = bucket();
    let doomed = random.u64(..);
    bucket.on_request(move |request| {
        let hash = request.key.bytes().fold(doomed, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3).rotate_left(23)
        });
        (hash % 3 > 0).then_some(Fault::InternalError)
    });
    let (events, open) = (random.u32(1..=40), random.u32(1..=6));
    let more = format!(
        r#", "rotate": {{"events": {events}}}, "max_open_objects": {open}, "attempts_max": 1,
            "key_template": "{{key}}/{{first}}", "commit": "checkpointed""#
    );
    let config = configured(BY_TEXT, REJECT, &more);
    let mut sink = chain().open(&config, None, &given(&bucket)).await.unwrap();
    let (mut accepted, mut failed) = (BTreeMap::new(), Vec::new());
    let mut next = 0;
    // Sometimes one key becomes one other for long, sometimes all are mixed.
    let mut kinds = kinds(&mut random);
    for _ in 0..random.usize(1..60) {
        if random.u8(..) < 40 {
            kinds = self::kinds(&mut random);
        }
        let mut batch = Vec::new();
        for _ in 0..random.usize(1..6) {
            next += random.u64(0..3);
            let (key, kinds) = &kinds[random.usize(..kinds.len())];
            let kinds: Vec<_> =
                (0..random.usize(1..8)).map(|_| *random.choice(kinds).unwrap()).collect();
            let texts: Vec<_> =
                (next..).zip(&kinds).map(|(n, kind)| format!("{n} {kind}")).collect();
            batch.push(run(key, next, &texts.iter().map(String::as_str).collect::<Vec<_>>()));
            for (kind, text) in kinds.into_iter().zip(texts) {
                let sunk = kind.split_whitespace().find_map(|word| word.strip_prefix("to-"));
                let is_kept = sunk.is_some() || !kind.contains("drop");
                if is_kept && !kind.contains("bad") {
                    accepted.insert(next, Event { given: key, sunk: sunk.unwrap_or(key), text });
                }
                next += 1;
            }
        }
        write(&mut sink, &batch).await;
        match random.u8(..8) {
            0 | 1 => failed.extend(sink.poll().await.unwrap().failed),
            2 => commit(&mut sink).await,
            3 => {
                let state = sink.checkpoint().await.unwrap();
                drop(sink);
                sink = chain().open(&config, Some(&state), &given(&bucket)).await.unwrap();
            }
            4 => {
                // Then all before is durable, most of the time.
                failed.extend(sink.flush().await.unwrap().failed);
                commit(&mut sink).await;
            }
            _ => {}
        }
    }
    failed.extend(end(&mut sink, next).await);
    assert_accounted(&bucket, &accepted, &failed);
}

/// Writes a batch, with checkpoints where the sink is full without them.
async fn write(sink: &mut Sink, batch: &[Run]) {
    while let Err(error) = sink.write(batch).await {
        assert!(matches!(error, SinkError::Refused(Error::Busy)), "{error}");
        commit(sink).await;
    }
}

async fn commit(sink: &mut Sink) {
    sink.checkpoint().await.unwrap();
    sink.commit().await.unwrap();
}

/// For some keys, the events that may come.
fn kinds(random: &mut fastrand::Rng) -> Vec<(&'static str, Vec<&'static str>)> {
    let all = ["to-x", "to-y", "to-a", "drop", "bad", "to-x bad", "plain", "plain"];
    let some = |random: &mut fastrand::Rng| {
        let count = random.usize(1..=3);
        random.choose_multiple(all, count)
    };
    ["a", "b", "x"].into_iter().map(|key| (key, some(random))).collect()
}

fn assert_accounted(bucket: &BucketTransport, accepted: &BTreeMap<u64, Event>, failed: &[Failure]) {
    let mut found = BTreeSet::new();
    for (object_key, text) in contents(bucket) {
        for line in text.lines() {
            let position = line.split_once(' ').unwrap().0.parse().unwrap();
            let event = &accepted[&position];
            assert_eq!((line, object_key.split('/').next()), (&*event.text, Some(event.sunk)));
            assert!(found.insert(position), "{position} is stored twice");
        }
    }
    for failure in failed {
        let Failure { key, object_key, first, last, events, .. } = failure;
        let of_key = accepted.range(first..=last).filter(|(_, event)| event.given == key);
        let of_key: Vec<_> = of_key.collect();
        assert_eq!(of_key.len() as u64, *events, "{failure:?}");
        let ends = [of_key[0].0, of_key[of_key.len() - 1].0];
        assert_eq!(ends, [first, last], "{failure:?}");
        for (position, event) in of_key {
            assert_eq!(object_key.split('/').next(), Some(event.sunk), "{failure:?}");
            assert!(found.insert(*position), "{position} is in {failure:?}, and elsewhere");
        }
    }
    assert!(found.iter().eq(accepted.keys()), "some are neither stored nor failed");
}

/// However events alternate with dropped ones and with those of other keys: as long as one key
/// becomes one key, a checkpoint does not grow by it, and an object fails as one.
#[tokio::test]
async fn what_alternates_takes_no_room_while_one_key_becomes_one() {
    const LINES: u64 = 200_000;
    const SET: &str = r#"[
        {"contains": "d", "action": "drop"},
        {"contains": "k", "action": "set_key", "template": "to/{key}"}
    ]"#;
    const DROP: &str = r#"[{"contains": "d", "action": "drop"}]"#;
    // For each two keys, and the events that alternate.
    for (rules, keys, lines, wanted) in [
        (DROP, ["a", "a"], ["k", "d"], vec![("a", 0, 0, LINES - 2, LINES / 2)]),
        (SET, ["a", "a"], ["k", "d"], vec![("a", 0, 0, LINES - 2, LINES / 2)]),
        (
            SET,
            ["a", "b"],
            ["k", "k"],
            vec![("a", 0, 0, LINES - 2, LINES / 2), ("b", 1, 1, LINES - 1, LINES / 2)],
        ),
        (
            DROP,
            ["a", "b"],
            ["k", "k"],
            vec![("a", 0, 0, LINES - 2, LINES / 2), ("b", 1, 1, LINES - 1, LINES / 2)],
        ),
    ] {
        let bucket = bucket();
        // Two keys that alternate need two objects that are open: with one, each ends the other's.
        let more = r#", "commit": "checkpointed", "attempts_max": 1, "max_open_objects": 2,
            "key_template": "{key}/{first}""#;
        let config = configured(rules, "[]", more);
        let mut sink = chain().open(&config, None, &given(&bucket)).await.unwrap();
        for first in (0..LINES).step_by(2_000) {
            let positions = first..first + 2_000;
            let batch: Vec<_> = match keys[0] == keys[1] {
                true => vec![run(keys[0], first, &lines.repeat(1_000))],
                false => positions.map(|n| run(keys[n as usize % 2], n, &lines[..1])).collect(),
            };
            write(&mut sink, &batch).await;
        }
        let state = sink.checkpoint().await.unwrap();
        let saved = sink.inspect_state(&state).await.unwrap();
        let held: u64 = saved.objects.iter().map(|object| object.held_bytes).sum();
        let own = state.len() as u64 - held;
        assert!(own < 4_096, "{own} bytes: {rules} {keys:?} {lines:?}");
        drop(sink);
        bucket.on_request(|_| Some(Fault::InternalError));
        let mut sink = chain().open(&config, Some(&state), &given(&bucket)).await.unwrap();
        let failed = end(&mut sink, LINES).await;
        assert_eq!(failures(&failed), wanted, "{rules} {keys:?} {lines:?}");
    }
}

/// Where keys are mixed, each run of a key is kept until it is durable, and no longer.
#[tokio::test]
async fn what_is_durable_is_forgotten() {
    let bucket = bucket();
    let more = r#", "commit": "checkpointed", "key_template": "{key}/{first}""#;
    let config = configured(BY_TEXT, "[]", more);
    let mut sink = chain().open(&config, None, &given(&bucket)).await.unwrap();
    let mut sizes = Vec::new();
    for first in [0, 2_000] {
        let batch: Vec<_> = (first..first + 2_000)
            .map(|n| run(&format!("k{n}"), n, &[["to-x", "to-y"][n as usize % 2]]))
            .collect();
        sink.write(&batch).await.unwrap();
        let kept = sink.checkpoint().await.unwrap().len();
        sink.commit().await.unwrap();
        while sink.flush().await.unwrap().wants_checkpoint {
            commit(&mut sink).await;
        }
        sizes.push((kept, sink.checkpoint().await.unwrap().len()));
    }
    for (kept, left) in sizes {
        assert!(kept > 2_000 * 4 && left < 4_096, "{kept} bytes, then {left}");
    }
    assert_eq!(sink.close(Ending::Complete).await.unwrap().durable, 4_000);
}

/// A sink with state of a chain before this format.
#[tokio::test]
async fn a_state_of_another_version_is_refused_by_its_version() {
    let config = configured("[]", "[]", "");
    for (state, said) in [
        (&b"SPILLWAY CHAIN 1\n\0\0\0\0\0\0\0\0"[..], "in version \"1\", expected version \"2\""),
        (b"SPILLWAY CHAIN 3\n", "in version \"3\", expected version \"2\""),
        (b"SPILLWAY CHAIN 2\n\0\x01\x01", "the state of the chain is damaged"),
        (b"SPILLWAY CHAIN 2\n\0\x01\x01k\x01\x01\0", "the state of the chain is damaged"),
        (b"SPILLWAY CHAIN 2\n\0\0\0\x01\0\x01\0", "the state of the chain is damaged"),
        (b"SPILLWAY CHAIN 2\n\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", "is damaged"),
    ] {
        let opened = chain().open(&config, Some(state), &given(&bucket())).await;
        let error = opened.err().unwrap();
        assert!(matches!(error, SinkError::Refused(Error::UnknownState(_))), "{error}");
        assert!(error.to_string().contains(said), "{error}");
        let inspected = chain().inspect_state(state, &Limits::default()).await.err().unwrap();
        assert!(inspected.to_string().contains(said), "{inspected}");
    }
}
