//! Dead letters that go to a topic.

use rdkafka::mocking::MockCoordinator;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use super::*;

/// A flow whose dead letters go to `letters`.
fn posting(topic: &str) -> String {
    flow(topic).replace("[map]", "[map]\non_rejected = { topic = \"letters\" }")
}

fn cluster(partitions: i32) -> Cluster {
    let cluster = Cluster::start("orders", partitions);
    cluster.mock.create_topic("letters", 1, 3).unwrap();
    cluster
}

#[test]
fn each_has_the_key_of_its_record_and_says_where_that_was() {
    let cluster = cluster(2);
    let server = Server::start();
    let key = "key = '.k // \"all\"'\npayload = '.'";
    let flow = posting("orders").replace("fixed_key = \"{topic}/{partition}\"", key);
    let source = "type = \"kafka\"\ntombstones = \"reject\"\nline_bytes_max = 2000";
    let flow = flow.replace("type = \"kafka\"", source);
    let place = place(&flow, &server, &cluster);
    let refused = format!(r#"{{"n":1,"k":"{}"}}"#, "x".repeat(1_100));
    let long = "7".repeat(2_500);
    for (key, value) in [
        (Some("a"), Some(r#"{"n":0}"#)),
        (Some("b"), Some("no JSON")),
        (Some("c"), None),
        (Some("d"), Some(&*long)),
        (Some("e"), Some(&*refused)),
        (None, Some("[")),
        (Some("f"), Some(r#"{"n":2}"#)),
    ] {
        let (key, value) = (key.map(str::as_bytes), value.map(str::as_bytes));
        cluster.write("orders", New { partition: 1, key, value, ..New::default() });
    }
    cluster.flush();
    let running = start(&place);
    wait_for_numbers(&server, 2);
    let summary = stop(running);
    assert_eq!((&summary["rejected"], &summary["dead_letters"]), (&5.into(), &5.into()));
    assert_eq!(cluster.committed("orders", 1), Some(7));
    // A record that the sink refuses comes before the lines that are none, within a batch.
    let mut letters = cluster.read("letters", 5);
    letters.sort_by_key(|(_, headers, _)| headers.clone());
    let document = |letter: &str| serde_json::from_str::<Value>(letter).unwrap();
    for ((key, offset, event), letter) in [
        (Some("b"), 1, "no JSON"),
        (Some("c"), 2, ""),
        (Some("d"), 3, &long[..1_024]),
        (Some("e"), 4, ""),
        (None, 5, "["),
    ]
    .into_iter()
    .zip(&letters)
    {
        let (found, headers, letter) = (letter.0.as_deref(), &letter.1, document(&letter.2));
        assert_eq!(found, key, "{letter}");
        let of = format!("spillway.topic=orders spillway.partition=1 spillway.offset={offset}");
        assert_eq!(headers, &of);
        let wanted = (&"orders".into(), &1.into(), &offset.into());
        assert_eq!((&letter["topic"], &letter["partition"], &letter["offset"]), wanted);
        match offset {
            4 => assert_eq!(document(letter["payload"].as_str().unwrap())["n"], 1),
            _ => assert_eq!(letter["event"], event, "{letter}"),
        }
    }

    // A flow of dead letters reads them from there.
    let again = super::flow("letters").replace("\"archive\"", "\"again\"");
    let again = again.replace("[source]", "[source]\ncodec = \"dead-letters\"");
    let again =
        again.replace("fixed_key", "on_rejected = \"skip\"\npayload = '{n: 9, m: .}'\nfixed_key");
    place.write("flow.toml", again);
    cluster.write("letters", New { value: Some(br#"{"event":"5"}"#), ..New::default() });
    cluster.flush();
    let running = start(&place);
    let is_there = || lines(&server).iter().filter(|line| *line == r#"{"n":9,"m":5}"#).count();
    wait_until(is_there, 1);
    assert_eq!(stop(running)["rejected"], 5);
}

/// What is not in the topic is not committed, nor in a checkpoint.
#[test]
fn a_letter_that_cannot_be_stored_ends_the_run_before_its_offset_is_kept() {
    for checkpoint in ["", "\n[checkpoint]\nstore = \"bucket\"\nname = \"a\"\nevery = \"1s\"\n"] {
        let cluster = cluster(1);
        let store = Store::start(|_| {});
        let place = place_at(&(posting("orders") + checkpoint), &store.endpoint(), &cluster);
        for value in [&br#"{"n":0}"#[..], b"no JSON", br#"{"n":1}"#] {
            cluster.write("orders", New { value: Some(value), ..New::default() });
        }
        cluster.flush();
        let denied = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED];
        cluster.mock.request_errors(RDKafkaApiKey::Produce, &denied);
        let ended = guarded(start(&place).end());
        let said = ["dead letters cannot be written to the topic letters", "authorization failed"];
        assert_fails(&ended, 1, &said);
        assert!(cluster.committed("orders", 0).unwrap_or_default() <= 1, "{checkpoint}");
        // It is read again.
        let running = start(&place);
        let letters = cluster.read("letters", 1);
        assert!(letters[0].2.contains("\"event\":\"no JSON\""), "{letters:?}");
        let is_committed = || cluster.committed("orders", 0) == Some(3);
        eventually("the last record is stored", is_committed);
        assert_eq!(stop(running)["dead_letters"], 1, "{checkpoint}");
        if !checkpoint.is_empty() {
            assert_eq!(stored(&store), BTreeMap::from([(0, 1), (1, 1)]));
        }
    }
}

/// A topic that takes nothing holds the offset back, and keeps nobody from stopping at once.
#[test]
fn a_second_signal_does_not_wait_for_the_topic() {
    let cluster = cluster(1);
    let server = Server::start();
    let place = place(&posting("orders"), &server, &cluster);
    cluster.mock.partition_leader("orders", 0, Some(1)).unwrap();
    cluster.mock.coordinator(MockCoordinator::Group("archive".to_owned()), 2).unwrap();
    cluster.mock.partition_leader("letters", 0, Some(3)).unwrap();
    cluster.mock.broker_down(3).unwrap();
    cluster.write("orders", New { value: Some(b"no JSON"), ..New::default() });
    cluster.flush();
    let mut running = start(&place);
    running.wait_for("rejected: orders[0] offset 0: ");
    running.signal("TERM");
    running.wait_for("stopping");
    running.signal("TERM");
    let ended = guarded(running.end());
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert_eq!(cluster.committed("orders", 0), Some(0), "where it began");
    cluster.mock.broker_up(3).unwrap();
    let running = start(&place);
    wait_until(|| cluster.committed("orders", 0).unwrap_or_default() as usize, 1);
    assert_eq!(stop(running)["dead_letters"], 1);
    assert!(cluster.read("letters", 1)[0].2.contains("\"event\":\"no JSON\""));
}
