//! Positions with gaps, and runs by lines.

use spillway::contract::{Boundaries, Ending, Error, Framing, Payload, Run};
use spillway::sink::SinkError;
use spillway_simulation::bucket::BucketOptions;
use spillway_tests::bucket_transport::BucketTransport;

use super::setup::{event, open};

#[tokio::test]
async fn a_position_that_is_missing_counts_as_durable() {
    let transport = BucketTransport::new(BucketOptions::default());
    let mut sink = open(transport.clone()).await;
    sink.write(&[event("a", 5, vec![b'x'])]).await.unwrap();
    assert_eq!(sink.poll().await.unwrap().durable, 5, "nothing before the first is to come");
    sink.write(&[event("b", 8, vec![b'y']), event("a", 20, vec![b'z'])]).await.unwrap();
    assert_eq!(sink.flush().await.unwrap().durable, 21);
    sink.skip(21).await.unwrap();
    sink.skip(1_000).await.unwrap();
    assert_eq!(sink.poll().await.unwrap().durable, 1_000);
    for (to, said) in [(999, "position 999"), (0, "position 0")] {
        let Err(SinkError::Refused(Error::Invalid(problems))) = sink.skip(to).await else {
            panic!("positions rise")
        };
        assert_eq!(problems[0].field, "to");
        assert!(problems[0].message.starts_with(said), "{}", problems[0].message);
    }
    let Err(SinkError::Refused(Error::Invalid(problems))) =
        sink.write(&[event("a", 999, vec![b'x'])]).await
    else {
        panic!("what was skipped does not come")
    };
    assert_eq!(problems[0].field, "batch[0].first");
    sink.write(&[event("a", 1_000, vec![b'x'])]).await.unwrap();
    assert_eq!(sink.close(Ending::Complete).await.unwrap().durable, 1_001);
}

/// What is skipped lies behind what is under way, and is durable after it.
#[tokio::test]
async fn what_is_skipped_is_durable_once_all_before_it_is() {
    let mut sink = open(BucketTransport::new(BucketOptions::default())).await;
    sink.write(&[event("a", 3, vec![b'x'])]).await.unwrap();
    sink.skip(9).await.unwrap();
    assert_eq!(sink.poll().await.unwrap().durable, 3);
    assert_eq!(sink.flush().await.unwrap().durable, 9);
}

fn lines(payload: &str, lines: u32, framing: Framing) -> Run {
    let (payload, boundaries) = (Payload::Text(payload.to_owned()), Boundaries::Lines(lines));
    Run { key: "a".to_owned(), first: 0, at: None, payload, boundaries, framing }
}

#[tokio::test]
async fn a_run_by_lines_is_stored_as_one_by_ends() {
    let transport = BucketTransport::new(BucketOptions::default());
    let mut sink = open(transport.clone()).await;
    for (run, said) in [
        (lines("one\ntwo\n", 3, Framing::Newline), "3 lines, but the payload has 2 line feeds"),
        (lines("one\ntwo\n", 2, Framing::Bare), "`lines` is for the framing `newline`"),
        (lines("one\ntwo", 1, Framing::Newline), "the last end is 4, but the payload has 7"),
    ] {
        let Err(SinkError::Refused(Error::Invalid(problems))) = sink.write(&[run]).await else {
            panic!("{said}")
        };
        assert_eq!(problems[0].field, "batch[0].boundaries");
        assert!(problems[0].message.starts_with(said), "{}", problems[0].message);
    }
    sink.write(&[lines("one\ntwo\n", 2, Framing::Newline)]).await.unwrap();
    let progress = sink.close(Ending::Complete).await.unwrap();
    assert_eq!((progress.durable, progress.visible[0].events), (2, 2));
    assert_eq!(transport.bucket(|bucket| bucket.objects()["a"].bytes.clone()), "one\ntwo\n");
}
