//! Many large objects at once, in little memory: the guest has what its configuration says, and
//! what is made of it, and would trap where it took more.

use std::collections::BTreeMap;

use spillway::contract::{Ending, Error, Run};
use spillway::sink::{Sink, SinkError};
use spillway_simulation::bucket::BucketOptions;
use spillway_tests::bucket_transport::BucketTransport;

use super::setup::{AUTHORITY, config, event, grants, sink};

#[tokio::test]
async fn many_large_objects_share_little_memory() {
    let transport = BucketTransport::new(BucketOptions::default());
    let mut sink = open(&transport, "sealed", None, MEMORY).await;
    for batch in batches() {
        assert!(sink.write(&batch).await.unwrap().is_empty());
    }
    sink.close(Ending::Complete).await.unwrap();
    every_line_is_there_once(&transport);
}

/// Each checkpoint holds all that is not stored, so there have to be few of them.
#[tokio::test]
async fn with_checkpoints_half_of_it_is_freed_at_once() {
    let transport = BucketTransport::new(BucketOptions::default());
    // What is held, the state that is made of it, and the room of one before it that is too small.
    let mut sink = open(&transport, "checkpointed", None, THRICE).await;
    let mut checkpoints = Vec::new();
    let batches = batches();
    let (before, after) = batches.split_at(BATCHES / 2);
    write_all(&mut sink, before, &mut checkpoints).await;
    let state = commit(&mut sink, &mut checkpoints).await;
    drop(sink);

    // The one that the sink is opened with lies there as well.
    let mut sink = open(&transport, "checkpointed", Some(&state), THRICE).await;
    write_all(&mut sink, after, &mut checkpoints).await;
    while sink.flush().await.unwrap().wants_checkpoint {
        commit(&mut sink, &mut checkpoints).await;
    }
    sink.close(Ending::Complete).await.unwrap();
    every_line_is_there_once(&transport);
    let total = (KEYS * LINES_OF_EACH) as usize * LINE_BYTES;
    let fewest = total / (MEMORY / 2);
    assert!(checkpoints.len() <= fewest + 4, "{} of {checkpoints:?} bytes", checkpoints.len());
    assert!(checkpoints.iter().all(|bytes| *bytes <= MEMORY + SLACK), "{checkpoints:?} bytes");
}

async fn write_all(sink: &mut Sink, batches: &[Vec<Run>], checkpoints: &mut Vec<usize>) {
    for batch in batches {
        while let Err(error) = sink.write(batch).await {
            assert!(matches!(error, SinkError::Refused(Error::Busy)), "{error}");
            commit(sink, checkpoints).await;
        }
    }
}

async fn commit(sink: &mut Sink, checkpoints: &mut Vec<usize>) -> Vec<u8> {
    let state = sink.checkpoint().await.unwrap();
    checkpoints.push(state.len());
    sink.commit().await.unwrap();
    state
}

/// A sink that holds no more than [`MEMORY`], in a guest that has `guest` bytes and a little.
async fn open(
    transport: &BucketTransport,
    commit: &str,
    state: Option<&[u8]>,
    guest: usize,
) -> Sink {
    let more = format!(
        r#", "commit": "{commit}", "max_open_objects": {KEYS}, "memory_bytes_max": {MEMORY},
           "key_template": "{{key}}/{{first}}""#
    );
    let mut grants = grants(transport.clone(), AUTHORITY);
    grants.limits.memory_bytes_max = guest + SLACK;
    sink().open(&config(&format!("http://{AUTHORITY}"), &more), state, &grants).await.unwrap()
}

/// One line of each key after the other, [`LINES_OF_EACH`] times.
fn batches() -> Vec<Vec<Run>> {
    let lines = KEYS * LINES_OF_EACH;
    let events: Vec<Run> =
        (0..lines).map(|n| event(&format!("key{}", n % KEYS), n, line(n))).collect();
    events.chunks(events.len() / BATCHES).map(<[Run]>::to_vec).collect()
}

fn line(position: u64) -> Vec<u8> {
    let width = LINE_BYTES - 1;
    format!("{position:0width$}").into_bytes()
}

fn every_line_is_there_once(transport: &BucketTransport) {
    let mut seen = BTreeMap::new();
    transport.bucket(|bucket| {
        for (name, object) in bucket.objects() {
            for stored in object.bytes.chunks(LINE_BYTES) {
                let text = std::str::from_utf8(stored).unwrap().trim_end();
                let position: u64 = text.parse().unwrap();
                assert!(stored == [line(position), b"\n".to_vec()].concat(), "{name}");
                assert!(name.starts_with(&format!("key{}/", position % KEYS)), "{name}");
                assert_eq!(seen.insert(position, name.clone()), None, "{position} is there twice");
            }
        }
    });
    assert_eq!(seen.len() as u64, KEYS * LINES_OF_EACH);
}

const KEYS: u64 = 400;
const LINES_OF_EACH: u64 = 128;
/// 200 MiB in all.
const LINE_BYTES: usize = 4 << 10;
const BATCHES: usize = 200;
const MEMORY: usize = 48 << 20;
/// What is held three times, and for each object a block of 64 KiB that is being filled.
const THRICE: usize = 3 * MEMORY + ((KEYS as usize) << 16);
/// The guest itself, and a batch.
const SLACK: usize = 32 << 20;
