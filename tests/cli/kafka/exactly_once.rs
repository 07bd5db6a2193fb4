//! Flows whose partitions have a checkpoint in the bucket each.
//!
//! `SPILLWAY_RECORDS` says how many records there are, and `SPILLWAY_SEED` what happens when.

use spillway_simulation::faults::Fault;
use spillway_tests::bucket_server::SocketFault;
use spillway_tests::store::Store;

use super::*;

#[test]
fn a_partition_goes_on_from_its_checkpoint_whatever_the_group_says() {
    let cluster = Cluster::start("orders", 2);
    let store = Store::start(|_| {});
    let flow = checkpointed("orders").replace("age_ms = 300", "age_ms = 3600000");
    let place = place_at(&flow, &store.endpoint(), &cluster);
    cluster.write_numbers("orders", 0..1_000, 2);
    let mut first = start(&place);
    first.wait_for("delivery is exactly once");
    let has_states = || {
        store.bucket(|bucket| {
            let keys = [0, 1].map(|n| format!("_spillway/archive/orders/{n}"));
            keys.iter().filter(|key| bucket.objects().contains_key(*key)).count()
        })
    };
    wait_until(has_states, 2);
    first.signal("KILL");
    // Another group, which has committed nothing.
    let other = flow.replace("group = \"archive\"", "group = \"other\"");
    assert_ne!(other, flow);
    let other = place_at(&other.replace("3600000", "300"), &store.endpoint(), &cluster);
    cluster.write_numbers("orders", 1_000..2_000, 2);
    let second = start(&other);
    wait_until(|| stored(&store).len(), 2_000);
    stop(second);
    assert_eq!(stored(&store).values().filter(|count| **count != 1).count(), 0);
}

/// A member that is told to stop leaves its uploads open, and who has the partition next completes
/// them.
#[test]
fn the_next_owner_completes_the_uploads_of_the_one_before() {
    let cluster = Cluster::start("orders", 1);
    let store = Store::start(|_| {});
    let flow = checkpointed("orders").replace("age_ms = 300", "age_ms = 3600000");
    let flow = flow.replace("rotate", "part_bytes = 5242880\nrotate");
    let place = place_at(&flow, &store.endpoint(), &cluster);
    let padding = "x".repeat(100_000);
    let write = |numbers: std::ops::Range<u64>| {
        for number in numbers {
            let value = format!("{{\"n\":{number},\"padding\":\"{padding}\"}}");
            cluster.write("orders", New { value: Some(value.as_bytes()), ..New::default() });
        }
        cluster.flush();
    };
    write(0..100);
    let first = start(&place);
    wait_until(|| store.open_uploads().len(), 1);
    let id = || store.bucket(|bucket| bucket.open_uploads().keys().next().cloned());
    let begun = id().unwrap();
    assert!(stop(first)["checkpoints"].as_u64() > Some(0));
    assert_eq!(id(), Some(begun), "it is left for the next owner");
    place.write("flow.toml", flow.replace("3600000", "2000"));
    write(100..120);
    let second = start(&place);
    wait_until(|| stored(&store).len(), 120);
    stop(second);
    assert!(store.open_uploads().is_empty());
    assert_eq!(stored(&store).values().filter(|count| **count != 1).count(), 0);
}

/// A partition that moves to a member that joins is gone on with in the middle of its upload.
#[test]
fn a_member_that_joins_completes_the_upload_of_the_partition_that_it_is_given() {
    let cluster = Cluster::start("orders", 2);
    let store = Store::start(|_| {});
    let flow = checkpointed("orders").replace("age_ms = 300", "age_ms = 3600000");
    let flow = flow.replace("rotate", "part_bytes = 5242880\nrotate");
    let here = place_at(&flow, &store.endpoint(), &cluster);
    let soon = flow.replace("3600000", "1000");
    let there = place_at(&soon, &store.endpoint(), &cluster);
    let padding = "x".repeat(100_000);
    let write = |numbers: std::ops::Range<u64>| {
        for number in numbers {
            let value = format!("{{\"n\":{number},\"padding\":\"{padding}\"}}");
            let (value, partition) = (Some(value.as_bytes()), (number % 2) as i32);
            cluster.write("orders", New { partition, value, ..New::default() });
        }
        cluster.flush();
    };
    write(0..200);
    let first = start(&here);
    let uploads =
        || store.bucket(|bucket| bucket.open_uploads().keys().cloned().collect::<Vec<_>>());
    wait_until(|| uploads().len(), 2);
    let begun = uploads();
    let mut second = start(&there);
    second.wait_for("assigned: 1 partitions");
    write(200..240);
    wait_until(|| stored(&store).len(), 120);
    stop(second);
    let completed: Vec<_> = store.bucket(|bucket| {
        let objects = bucket.objects().values();
        objects.filter_map(|object| object.upload_id.clone()).collect()
    });
    assert!(completed.iter().any(|id| begun.contains(id)), "{completed:?}, {begun:?}");
    // The first one is given the partition again, and goes on with what it kept of the other.
    here.write("flow.toml", &soon);
    stop(first);
    let third = start(&here);
    wait_until(|| stored(&store).len(), 240);
    stop(third);
    assert!(store.open_uploads().is_empty());
    assert_eq!(stored(&store).values().filter(|count| **count != 1).count(), 0);
}

/// What happens to the members of a group, and how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    Kill,
    Halt,
    Join,
    Nothing,
}

const MOMENTS: [(Moment, usize); 4] =
    [(Moment::Kill, 3), (Moment::Halt, 3), (Moment::Join, 2), (Moment::Nothing, 2)];

/// Each part of the records is written, and then one thing happens. Uploads of the first partition
/// are open when it changes hands.
#[test]
fn every_record_is_there_once_whoever_comes_and_goes() {
    let seed = variable("SPILLWAY_SEED").unwrap_or(1);
    let records = variable("SPILLWAY_RECORDS").unwrap_or(RECORDS);
    eprintln!("SPILLWAY_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let cluster = Cluster::start("orders", 6);
    let store = Store::start(|_| {});
    let mut faults = random.fork();
    store.server().on_request(move |_| {
        let fault = match faults.u8(..100) {
            0 => SocketFault::Bucket(Fault::InternalError),
            1 => SocketFault::Bucket(Fault::SlowDown),
            2 => SocketFault::ResetBefore,
            3 => SocketFault::ResetAfter,
            _ => return None,
        };
        Some(fault)
    });
    let flow = checkpointed("orders").replace("age_ms = 300", "age_ms = 5000");
    let flow = flow.replace("rotate", "part_bytes = 5242880\nrotate");
    let place = place_at(&flow, &store.endpoint(), &cluster);
    let mut members = Members { place: &place, seed, running: Vec::new(), stopped: Vec::new() };
    (0..3).for_each(|_| members.start());
    let mut moments: Vec<_> =
        MOMENTS.iter().flat_map(|&(moment, count)| vec![moment; count]).collect();
    random.shuffle(&mut moments);
    let each = records.div_ceil(moments.len() as u64);
    let padding = "x".repeat((PADDING_BYTES / (each / 6).max(1)) as usize);
    for (index, moment) in moments.into_iter().enumerate() {
        let from = (index as u64 * each).min(records);
        let changes_hands = matches!(moment, Moment::Kill | Moment::Halt);
        for number in from..(from + each).min(records) {
            let partition = (number % 6) as i32;
            let padding = if partition == 0 && changes_hands { &*padding } else { "" };
            let value = format!("{{\"n\":{number},\"padding\":\"{padding}\"}}");
            let value = Some(value.as_bytes());
            cluster.write("orders", New { partition, value, ..New::default() });
            cluster.producer.poll(Duration::ZERO);
        }
        cluster.flush();
        match moment {
            Moment::Kill => members.kill(&mut random),
            Moment::Halt => members.halt(&mut random),
            Moment::Join => members.start(),
            Moment::Nothing => {}
        }
        std::thread::sleep(Duration::from_millis(random.u64(1_000..4_000)));
        members.look();
    }
    members.go_on();
    let (begun, patience) = (Instant::now(), 4 * PATIENCE + Duration::from_millis(records));
    loop {
        let found = stored(&store).len() as u64;
        if found == records {
            break;
        }
        let log = || std::fs::read_to_string(place.path("log")).unwrap_or_default();
        assert!(begun.elapsed() < patience, "SPILLWAY_SEED={seed}: {found} are stored: {}", log());
        std::thread::sleep(Duration::from_secs(1));
        members.look();
    }
    members.end();
    let numbers = stored(&store);
    let doubled = numbers.values().filter(|count| **count != 1).count();
    assert_eq!((numbers.len() as u64, doubled), (records, 0), "SPILLWAY_SEED={seed}");
    let log = std::fs::read_to_string(place.path("log")).unwrap();
    let takeovers = log.matches("taken over from a process that held its checkpoint").count();
    let parts = store
        .bucket(|bucket| bucket.objects().values().filter(|object| object.parts.len() > 1).count());
    eprintln!("{takeovers} takeovers, {parts} objects of several parts");
    assert!(takeovers > 0 && parts > 0, "SPILLWAY_SEED={seed}: {takeovers} {parts}");
}

/// Processes of one group.
struct Members<'a> {
    place: &'a Place,
    seed: u64,
    running: Vec<std::process::Child>,
    /// Those that stand still, each until then.
    stopped: Vec<(std::process::Child, Instant)>,
}

impl Members<'_> {
    fn start(&mut self) {
        let mut command = self.place.command(&["run", "flow.toml"]);
        command.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null());
        let log = std::fs::File::options().create(true).append(true).open(self.place.path("log"));
        command.stderr(log.unwrap());
        self.running.push(command.spawn().unwrap());
    }

    fn pick(&mut self, random: &mut fastrand::Rng) -> Option<std::process::Child> {
        let count = self.running.len();
        (count > 0).then(|| self.running.swap_remove(random.usize(..count)))
    }

    /// Kills one, and starts another.
    fn kill(&mut self, random: &mut fastrand::Rng) {
        let mut member = self.pick(random).expect("one runs");
        member.kill().unwrap();
        assert_eq!(member.wait().unwrap().code(), None, "SPILLWAY_SEED={}", self.seed);
        self.start();
    }

    /// Has one stand still for longer than its session.
    fn halt(&mut self, random: &mut fastrand::Rng) {
        let member = self.pick(random).expect("one runs");
        signal(&member, "STOP");
        self.stopped.push((member, Instant::now() + Duration::from_secs(8)));
        if self.running.is_empty() {
            self.start();
        }
    }

    /// Has those go on that have stood still for long enough. None ends by itself, taken over or
    /// not.
    fn look(&mut self) {
        let over = self.stopped.extract_if(.., |(_, until)| *until <= Instant::now());
        let over: Vec<_> = over.map(|(member, _)| member).collect();
        over.iter().for_each(|member| signal(member, "CONT"));
        self.running.extend(over);
        for member in &mut self.running {
            if let Some(status) = member.try_wait().unwrap() {
                let log = std::fs::read_to_string(self.place.path("log")).unwrap();
                panic!("SPILLWAY_SEED={}: a member has ended: {status}: {log}", self.seed);
            }
        }
    }

    fn go_on(&mut self) {
        self.stopped.iter_mut().for_each(|(_, until)| *until = Instant::now());
        self.look();
    }

    fn end(&mut self) {
        self.running.iter().for_each(|member| signal(member, "TERM"));
        for mut member in self.running.drain(..) {
            let begun = Instant::now();
            while member.try_wait().unwrap().is_none() {
                assert!(begun.elapsed() < PATIENCE, "it does not end");
                std::thread::sleep(Duration::from_millis(50));
            }
        }
    }
}

impl Drop for Members<'_> {
    fn drop(&mut self) {
        let stopped = self.stopped.drain(..).map(|(member, _)| member);
        for mut member in self.running.drain(..).chain(stopped) {
            let _ = member.kill();
            let _ = member.wait();
        }
    }
}

fn signal(member: &std::process::Child, name: &str) {
    let id = member.id().to_string();
    let sent = std::process::Command::new("kill").args([&format!("-{name}"), "--", &id]).status();
    assert!(sent.unwrap().success());
}

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

const RECORDS: u64 = 30_000;
/// How many bytes the records of the first partition have before each moment that takes it away: a
/// part, and the beginning of the next.
const PADDING_BYTES: u64 = 7 << 20;
