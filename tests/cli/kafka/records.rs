//! What becomes of records.

use super::*;

#[test]
fn all_records_of_six_partitions_are_stored_once() {
    let cluster = Cluster::start("orders", 6);
    let server = Server::start();
    cluster.write_numbers("orders", 0..3_000, 6);
    let place = place(&flow("orders"), &server, &cluster);
    let mut running = start(&place);
    running.wait_for("delivery is at least once");
    wait_for_numbers(&server, 3_000);
    let summary = stop(running);
    assert_eq!(summary["stored_events"], 3_000);
    assert_eq!(summary["lines"], 3_000);
    assert_once(&server, 3_000);
    // Each partition has its own objects, in the order of its records.
    for (key, bytes) in server.contents() {
        let partition: u64 = key.split('/').nth(1).unwrap().parse().unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let of =
            text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["n"].as_u64());
        let of: Vec<u64> = of.flatten().collect();
        assert!(of.is_sorted() && of.iter().all(|number| number % 6 == partition), "{key}");
    }
}

#[test]
fn a_second_run_goes_on_where_the_first_was_told_to_stop() {
    let cluster = Cluster::start("orders", 3);
    let server = Server::start();
    let place = place(&flow("orders"), &server, &cluster);
    for round in 0..3 {
        cluster.write_numbers("orders", round * 300..(round + 1) * 300, 3);
        let running = start(&place);
        wait_for_numbers(&server, (round as usize + 1) * 300);
        assert_eq!(stop(running)["stored_events"], 300, "round {round}");
    }
    assert_once(&server, 900);
}

#[test]
fn expressions_see_all_that_a_record_has() {
    let cluster = Cluster::start("orders", 2);
    let server = Server::start();
    let map = "key = '$topic + \"-\" + ($partition | tostring)'\n\
               payload = '{n, $offset, $timestamp, $key, $headers, $line}'";
    let flow = flow("orders").replace("fixed_key = \"{topic}/{partition}\"", map);
    let place = place(&flow, &server, &cluster);
    let new = New { partition: 1, timestamp: Some(1_777_631_400_123), ..New::default() };
    cluster.write("orders", New { key: Some(b"k1"), value: Some(br#"{"n":0}"#), ..new });
    let header = Some(("trace", &b"abc"[..]));
    cluster.write("orders", New { header, value: Some(br#"{"n":1}"#), ..new });
    cluster.flush();
    let running = start(&place);
    wait_for_numbers(&server, 2);
    stop(running);
    let [first, second] = &lines(&server)[..] else { panic!("{:?}", lines(&server)) };
    let document = |line: &str| serde_json::from_str::<Value>(line).unwrap();
    let wanted = |number: u64, key: Value, headers: Value| {
        serde_json::json!({
            "n": number,
            "offset": number,
            "timestamp": 1_777_631_400_123_u64,
            "key": key,
            "headers": headers,
            "line": null,
        })
    };
    assert_eq!(document(first), wanted(0, "k1".into(), serde_json::json!({})));
    assert_eq!(document(second), wanted(1, Value::Null, serde_json::json!({"trace": "abc"})));
    assert!(server.contents().into_keys().all(|key| key.starts_with("orders-1/")));
}

#[test]
fn tombstones_are_what_the_flow_says() {
    for (tombstones, stored, rejected) in [
        ("skip", vec!["a", "c"], 0),
        ("empty", vec!["a", "", "c"], 0),
        ("reject", vec!["a", "c"], 1),
    ] {
        let cluster = Cluster::start("table", 1);
        let server = Server::start();
        let source = format!("type = \"kafka\"\ncodec = \"raw\"\ntombstones = \"{tombstones}\"");
        let flow = flow("table").replace("type = \"kafka\"", &source);
        let flow = flow.replace("[map]", "[map]\non_rejected = \"skip\"");
        let place = place(&flow, &server, &cluster);
        for value in [Some("a"), None, Some("c")] {
            let value = value.map(str::as_bytes);
            cluster.write("table", New { key: Some(b"k"), value, ..New::default() });
        }
        cluster.flush();
        let running = start(&place);
        eventually(tombstones, || lines(&server).contains(&"c".to_owned()));
        let summary = stop(running);
        assert_eq!(lines(&server), stored, "{tombstones}");
        assert_eq!(summary["rejected"], rejected, "{tombstones}");
        assert_eq!(summary["lines"], 3, "{tombstones}");
    }
}

#[test]
fn a_poison_record_becomes_a_dead_letter_that_says_where_it_was() {
    let cluster = Cluster::start("orders", 2);
    let server = Server::start();
    let rejected = "[map]\non_rejected = { file = \"rejected.ndjson\" }";
    // A topic may be named by a pattern.
    let flow = flow("orders").replace("[map]", rejected).replace("\"orders\"", "\"^ord.*\"");
    let place = place(&flow, &server, &cluster);
    for value in [&br#"{"n":0}"#[..], b"no JSON", br#"{"n":1}"#] {
        cluster.write("orders", New { partition: 1, value: Some(value), ..New::default() });
    }
    cluster.flush();
    let mut running = start(&place);
    running.wait_for("rejected: orders[1] offset 1: ");
    wait_for_numbers(&server, 2);
    let summary = stop(running);
    assert_eq!((&summary["rejected"], &summary["dead_letters"]), (&1.into(), &1.into()));
    let letters = letters(&place, "rejected.ndjson");
    let letter = serde_json::json!({
        "topic": "orders", "partition": 1, "offset": 1, "position": 1, "event": "no JSON",
    });
    assert_eq!(letters, [letter]);
}

#[test]
fn a_record_that_may_not_be_rejected_ends_the_run_and_is_not_committed() {
    let cluster = Cluster::start("orders", 1);
    let server = Server::start();
    let place = place(&flow("orders"), &server, &cluster);
    for value in [&br#"{"n":0}"#[..], b"no JSON"] {
        cluster.write("orders", New { value: Some(value), ..New::default() });
    }
    cluster.flush();
    for _ in 0..2 {
        let ended = guarded(start(&place).end());
        assert_fails(&ended, 1, &["orders[0] offset 1 was rejected: "]);
    }
    // What stands before it was stored, and committed with the first run.
    assert_eq!(numbers(&server), BTreeMap::from([(0, 1)]));
}
