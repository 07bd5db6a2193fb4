//! Partitions whose checkpoint another process takes over.

use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use spillway_simulation::bucket::{Logged, Operation};
use spillway_tests::bucket_server::SocketFault;
use spillway_tests::openmetrics::{scrape, value};

use super::*;

/// The same checkpoint, of another group: it takes over whatever the first one does.
fn of_another_group(flow: &str) -> String {
    flow.replace("group = \"archive\"", "group = \"other\"")
}

/// A member that finds its checkpoint taken over, before the group has told that its partition is
/// lost, goes on with what the group gives it next.
#[test]
fn a_member_waits_for_the_group_to_take_away_what_was_taken_over() {
    let cluster = Cluster::start("orders", 1);
    let store = Store::start(|_| {});
    let flow = checkpointed("orders");
    let flow = flow.replace("timeout.ms\" = 6000", "timeout.ms\" = 20000");
    let here = place_at(&flow, &store.endpoint(), &cluster);
    let there = place_at(&of_another_group(&flow), &store.endpoint(), &cluster);
    cluster.write_numbers("orders", 0..500, 1);
    let mut first = start(&here);
    wait_until(|| stored(&store).len(), 500);
    let second = start(&there);
    first.wait_for("orders[0]: another process has taken over its checkpoint");
    cluster.write_numbers("orders", 500..700, 1);
    wait_until(|| stored(&store).len(), 700);
    stop(second);
    let unknown = RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID;
    cluster.mock.request_errors(RDKafkaApiKey::Heartbeat, &[unknown]);
    first.wait_for("lost: 1 partition (");
    cluster.write_numbers("orders", 700..1_000, 1);
    wait_until(|| stored(&store).len(), 1_000);
    stop(first);
    assert_each_once(&stored(&store), 1_000);
}

/// Nobody takes the partition away: the other process is of another group.
#[test]
fn a_member_whose_group_sees_no_takeover_ends() {
    let cluster = Cluster::start("orders", 2);
    let store = Store::start(|_| {});
    // A session that a slow machine does not miss.
    let flow = checkpointed("orders").replace("timeout.ms\" = 6000", "timeout.ms\" = 20000");
    let here = place_at(&flow, &store.endpoint(), &cluster);
    let there = place_at(&of_another_group(&flow), &store.endpoint(), &cluster);
    let start = |place: &Place| {
        Running::start_within(&mut place.command(&["run", "flow.toml", "--json"]), 3 * PATIENCE)
    };
    cluster.write_numbers("orders", 0..500, 2);
    let first = start(&here);
    wait_until(|| stored(&store).len(), 500);
    let second = start(&there);
    let ended = guarded(first.end());
    let said = [
        "is this member's still, 30s after its checkpoint was taken over (session.timeout.ms and \
         10s): another group may use the same `name` of [checkpoint]",
        "another process has taken over the checkpoint `archive/orders/",
    ];
    assert_fails(&ended, 1, &said);
    cluster.write_numbers("orders", 500..1_000, 2);
    wait_until(|| stored(&store).len(), 1_000);
    stop(second);
    assert_each_once(&stored(&store), 1_000);
}

/// What a checkpoint has is committed to the group also where no record comes any more.
#[test]
fn the_group_is_told_of_a_checkpoint_that_was_taken_over() {
    let cluster = Cluster::start("orders", 1);
    let store = Store::start(|_| {});
    let flow = checkpointed("orders");
    let place = place_at(&flow, &store.endpoint(), &cluster);
    place.write("flow.toml", flow.replace("commit_every = \"200ms\"", "commit_every = \"1h\""));
    cluster.write_numbers("orders", 0..300, 1);
    let first = start(&place);
    wait_until(|| stored(&store).len(), 300);
    first.signal("KILL");
    drop(first.ends());
    assert_eq!(cluster.committed("orders", 0), Some(0), "where it began");
    place.write("flow.toml", &flow);
    let (second, address) = start_watched(&place);
    wait_until(|| cluster.committed("orders", 0).unwrap_or_default() as usize, 300);
    assert_eq!(value(&scrape(address), "spillway_source_takeovers_total", None), 1.0);
    stop(second);
    // One that has let go of it is not taken over.
    let (third, address) = start_watched(&place);
    cluster.write_numbers("orders", 300..400, 1);
    wait_until(|| stored(&store).len(), 400);
    assert_eq!(value(&scrape(address), "spillway_source_takeovers_total", None), 0.0);
    stop(third);
}

/// With two requests in flight at most, the others wait for their turn. Each partition has a
/// checkpoint here, and makes six requests one after the other before it reads anything.
#[test]
fn requests_for_checkpoints_are_within_those_that_may_be_in_flight() {
    let cluster = Cluster::start("orders", 6);
    let store = Store::start(|_| {});
    let flow = checkpointed("orders");
    let place = place_at(&flow, &store.endpoint(), &cluster);
    cluster.write_numbers("orders", 0..60, 6);
    let first = start(&place);
    wait_until(|| stored(&store).len(), 60);
    stop(first);
    store.server().on_request(|_| Some(SocketFault::Slow(Duration::from_millis(100))));
    let asked = || {
        let is_of_state = |logged: &&Logged| logged.key.starts_with("_spillway/");
        store.bucket(|bucket| bucket.log().iter().filter(is_of_state).count())
    };
    let at_once = |flow: &str| {
        place.write("flow.toml", flow);
        let before = asked();
        store.server().take_at_once_max();
        let running = start(&place);
        wait_until(|| asked() - before, 6 * 6);
        let at_once = store.server().take_at_once_max();
        stop(running);
        at_once
    };
    let flow = flow.replace("every = \"1s\"\nlease = \"2s\"", "every = \"1h\"");
    let bounded = "[sink]\nrequests_in_flight_max = 2\n[sink.config]";
    assert_eq!(at_once(&flow.replace("[sink.config]", bounded)), 2);
    let unbounded = at_once(&flow);
    assert!(unbounded > 2, "only {unbounded} were made at once: the bound is not what held them");
}

/// Where the flow does not say how much memory all partitions have together, it is bounded still.
#[test]
fn memory_has_a_default_for_all_partitions_together() {
    let cluster = Cluster::start("orders", 70);
    let server = Server::start();
    let place = place(&flow("orders"), &server, &cluster);
    let mut running = start(&place);
    running.wait_for("memory_bytes_max is 536870912, which is enough for ");
    stop(running);
}

/// What `docs/exactly-once.md` says that the checkpoint of a partition costs.
#[test]
fn requests_of_a_partition_are_as_many_as_the_page_says() {
    let cluster = Cluster::start("orders", 1);
    let store = Store::start(|_| {});
    let flow = checkpointed("orders").replace("every = \"1s\"\nlease = \"2s\"", "every = \"1h\"");
    let place = place_at(&checkpointed("orders"), &store.endpoint(), &cluster);
    cluster.write_numbers("orders", 0..100, 1);
    let first = start(&place);
    wait_until(|| stored(&store).len(), 100);
    stop(first);
    place.write("flow.toml", flow);
    let asked = |operation| {
        store.bucket(|bucket| {
            let of = |l: &&Logged| l.operation == Some(operation) && l.key.ends_with("/orders/0");
            bucket.log().iter().filter(of).count()
        })
    };
    let counts = || [asked(Operation::GetObject), asked(Operation::PutObject)];
    let before = counts();
    let since = || [0, 1].map(|index| counts()[index] - before[index]);
    let (second, address) = start_watched(&place);
    eventually("it is assigned", || since() == [3, 4]);
    cluster.write_numbers("orders", 100..200, 1);
    eventually("it is read", || lines(address) == 100.0);
    stop(second);
    assert_eq!(since(), [3, 4 + 1 + 1], "a checkpoint, and the end");
}

/// The next member does not wait for the end of the lease, which is two hours.
#[test]
fn a_member_that_is_stopped_while_it_takes_a_checkpoint_lets_go_of_it() {
    let cluster = Cluster::start("orders", 1);
    let store = Store::start(|_| {});
    let flow = checkpointed("orders").replace("every = \"1s\"\nlease = \"2s\"", "every = \"1h\"");
    let place = place_at(&flow, &store.endpoint(), &cluster);
    cluster.write_numbers("orders", 0..100, 1);
    let mut number = 0;
    store.server().on_request(move |request| {
        number += usize::from(request.operation == Operation::PutObject);
        (number == 4).then_some(SocketFault::SlowAnswer(Duration::from_secs(2)))
    });
    let first = start(&place);
    let is_put = |l: &&Logged| l.operation == Some(Operation::PutObject);
    let puts = || store.bucket(|bucket| bucket.log().iter().filter(is_put).count());
    eventually("it holds the checkpoint", || puts() >= 4);
    stop(first);
    store.server().on_request(|_| None);
    let (second, address) = start_watched(&place);
    eventually("it is read", || lines(address) == 100.0);
    stop(second);
}

/// How many lines a process has read, by its metrics.
fn lines(address: SocketAddr) -> f64 {
    value(&scrape(address), "spillway_run_lines_total", None)
}
