//! A store that is away, and members that stand still.

use spillway_simulation::faults::Fault;
use spillway_tests::bucket_server::SocketFault;
use spillway_tests::openmetrics::{scrape, value};
use spillway_tests::store::Store;

use super::*;

/// The partitions stay with the member for longer than the group lets one be that does not poll.
#[test]
fn a_store_that_is_away_takes_no_partition_away() {
    stays_away(&flow("orders"), true);
}

/// Nor where it has the checkpoints, without which nothing is read.
#[test]
fn a_store_that_is_away_with_its_checkpoints_takes_no_partition_away() {
    let flow = checkpointed("orders").replace("revoke_timeout = \"10s\"\n", "");
    stays_away(&flow, false);
}

fn stays_away(flow: &str, is_read: bool) {
    let cluster = Cluster::start("orders", 2);
    let store = Store::start(|_| {});
    store.server().on_request(|_| Some(SocketFault::Bucket(Fault::BareUnavailable)));
    let interval = "revoke_timeout = \"5s\"\n\n[source.properties]\n\
                    \"max.poll.interval.ms\" = 6500";
    let place =
        place_at(&flow.replace("\n[source.properties]", interval), &store.endpoint(), &cluster);
    cluster.write_numbers("orders", 0..400, 2);
    let (mut running, address) = start_watched(&place);
    running.wait_for("assigned: 2 partitions");
    let number = |name: &str| value(&scrape(address), name, None);
    eventually("both sinks have something", || store.server().requests() >= 2);
    let since = Instant::now();
    while since.elapsed() < Duration::from_millis(8_000) {
        assert_eq!(number("spillway_source_partitions"), 2.0);
        assert_eq!(number("spillway_source_partitions_assigned_total"), 2.0);
        std::thread::sleep(Duration::from_millis(200));
    }
    // Nothing is stored, though all is read.
    let lag = ["0", "1"].map(|partition| {
        let labels = [("topic", "orders"), ("partition", partition)];
        let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let lag = ("spillway_source_lag_records".to_owned(), labels.into_iter().collect());
        let page = scrape(address);
        page.values().find_map(|family| family.samples.get(&lag)).copied()
    });
    assert_eq!(lag, [is_read.then_some(200.0); 2]);
    store.server().on_request(|_| None);
    wait_until(|| stored(&store).len(), 400);
    assert_eq!(number("spillway_source_partitions_lost_total"), 0.0);
    let summary = stop(running);
    assert_eq!(summary["stored_events"], 400);
    assert!(stored(&store).values().all(|count| *count == 1));
}

/// A partition that is read faster than its records are mapped is paused, and goes on.
#[test]
fn a_partition_that_is_read_too_fast_is_paused() {
    // 64 MiB of all partitions are read ahead, so 2 of the one with records. To take half of those
    // needs more than 0.2 seconds.
    let cluster = Cluster::start("orders", 32);
    let server = Server::start();
    let slow = "payload = '{n, s: ([range(200000)] | length)}'\n[sink.config]";
    let flow = flow("orders").replace("[sink.config]", slow);
    let place = place(&flow, &server, &cluster);
    // More than is read ahead, and less than the mock cluster keeps of a partition: 5 MB.
    let padding = "x".repeat(20_000);
    for number in 0..230 {
        let value = format!("{{\"n\":{number},\"padding\":\"{padding}\"}}");
        cluster.write("orders", New { value: Some(value.as_bytes()), ..New::default() });
    }
    cluster.flush();
    let (running, address) = start_watched(&place);
    wait_for_numbers(&server, 230);
    assert!(value(&scrape(address), "spillway_source_pauses_total", None) >= 1.0);
    assert_eq!(value(&scrape(address), "spillway_source_partitions_paused", None), 0.0);
    assert_eq!(stop(running)["stored_events"], 230);
    assert_once(&server, 230);
}

/// The group does not wait for a store that is away: the partition is dropped, and read again by
/// its next owner.
#[test]
fn what_is_not_stored_in_time_is_stored_by_the_next_owner() {
    let cluster = Cluster::start("orders", 2);
    let store = Store::start(|_| {});
    store.server().on_request(|_| Some(SocketFault::Bucket(Fault::BareUnavailable)));
    let flow = flow("orders").replace("group =", "revoke_timeout = \"1s\"\ngroup =");
    let place = place_at(&flow, &store.endpoint(), &cluster);
    cluster.write_numbers("orders", 0..400, 2);
    let mut first = start(&place);
    first.wait_for("assigned: 2 partitions");
    eventually("both sinks have something", || store.server().requests() >= 2);
    let mut second = start(&place);
    first.wait_for("not stored within revoke_timeout (1s): orders[");
    second.wait_for("assigned: 1 partition (");
    store.server().on_request(|_| None);
    wait_until(|| numbers_of(store.contents()).len(), 400);
    stop(second);
    stop(first);
    assert_eq!(numbers_of(store.contents()).len(), 400);
}

/// One that stood still for longer than its session finds its partitions lost, drops what it had of
/// them, and joins again.
#[test]
fn a_member_that_stood_still_comes_back() {
    let cluster = Cluster::start("orders", 4);
    let server = Server::start();
    let place = place(&flow("orders"), &server, &cluster);
    let mut first = start(&place);
    first.wait_for("assigned: 4 partitions");
    let mut second = start(&place);
    second.wait_for("assigned: 2 partitions");
    cluster.write_numbers("orders", 0..1_000, 4);
    second.signal("STOP");
    cluster.write_numbers("orders", 1_000..2_000, 4);
    wait_for_numbers(&server, 2_000);
    second.signal("CONT");
    second.wait_for("lost: 2 partitions");
    cluster.write_numbers("orders", 2_000..3_000, 4);
    wait_for_numbers(&server, 3_000);
    stop(second);
    stop(first);
    assert_eq!(numbers(&server).len(), 3_000);
}
