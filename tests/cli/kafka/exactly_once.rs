//! Flows whose partitions have a checkpoint in the bucket each.
//!
//! `SPILLWAY_RECORDS` says how many records there are, and `SPILLWAY_SEED` what happens when.

use std::path::PathBuf;

use spillway_simulation::faults::Fault;
use spillway_simulation::seeds::variable;
use spillway_tests::bucket_server::SocketFault;
use spillway_tests::program::signal;
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
    assert_each_once(&stored(&store), 2_000);
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
    assert_each_once(&stored(&store), 120);
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
    second.wait_for("assigned: 1 partition (");
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
    assert_each_once(&stored(&store), 240);
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

/// Each part of the records is written, and then one thing happens: to a group that is at work, or
/// to one that may be in the middle of a rebalance. Uploads of the first partition are open when it
/// changes hands. The first thing is that a member is killed of which each has partitions, so that
/// one is taken over whatever comes next.
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
    let mut members = Members::of(&place, seed);
    (0..3).for_each(|_| members.start());
    members.wait_until(|members| members.have_been_assigned());
    let mut moments: Vec<_> =
        MOMENTS.iter().flat_map(|&(moment, count)| vec![moment; count]).collect();
    random.shuffle(&mut moments[1..]);
    let each = records.div_ceil(moments.len() as u64);
    let padding = "x".repeat((PADDING_BYTES / (each / 6).max(1)) as usize);
    for (index, moment) in moments.into_iter().enumerate() {
        let from = (index as u64 * each).min(records);
        let before = states(&store);
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
        if index == 0 || random.bool() {
            let has_come_on = |partition: usize| before[partition] != states(&store)[partition];
            members.wait_until(|_| (0..6).all(has_come_on));
        }
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
    members.patience += Duration::from_millis(records);
    members.wait_until(|_| stored(&store).len() as u64 == records);
    members.end();
    let numbers = stored(&store);
    let doubled = numbers.values().filter(|count| **count != 1).count();
    assert_eq!((numbers.len() as u64, doubled), (records, 0), "SPILLWAY_SEED={seed}");
    let takeovers =
        members.said().matches("taken over from a process that held its checkpoint").count();
    let parts = store
        .bucket(|bucket| bucket.objects().values().filter(|object| object.parts.len() > 1).count());
    eprintln!("{takeovers} takeovers, {parts} objects of several parts");
    assert!(takeovers > 0 && parts > 0, "SPILLWAY_SEED={seed}: {takeovers} {parts}");
}

/// What names the state of each of the six partitions, where it has one.
fn states(store: &Store) -> [Option<String>; 6] {
    store.bucket(|bucket| {
        std::array::from_fn(|partition| {
            let state = bucket.objects().get(&format!("_spillway/archive/orders/{partition}"));
            state.map(|object| object.etag.clone())
        })
    })
}

/// Processes of one group.
struct Members<'a> {
    place: &'a Place,
    seed: u64,
    running: Vec<std::process::Child>,
    /// Those that stand still, each until then.
    stopped: Vec<(std::process::Child, Instant)>,
    /// How many were ever started. Each says what it does in a file of its own.
    started: usize,
    /// How long to wait for anything.
    patience: Duration,
}

impl Members<'_> {
    fn of(place: &Place, seed: u64) -> Members<'_> {
        let (running, stopped, patience) = (Vec::new(), Vec::new(), 4 * PATIENCE);
        Members { place, seed, running, stopped, started: 0, patience }
    }

    fn start(&mut self) {
        let mut command = self.place.command(&["run", "flow.toml"]);
        command.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null());
        command.stderr(std::fs::File::create(self.log(self.started)).unwrap());
        self.running.push(command.spawn().unwrap());
        self.started += 1;
    }

    fn log(&self, member: usize) -> PathBuf {
        self.place.path(&format!("log-{member}"))
    }

    /// What each of them has said, one after the other.
    fn said(&self) -> String {
        let logs = (0..self.started).map(|member| std::fs::read_to_string(self.log(member)));
        logs.map(|log| log.unwrap()).collect()
    }

    /// Whether each has been given partitions.
    fn have_been_assigned(&self) -> bool {
        let mut logs = (0..self.started).map(|member| std::fs::read_to_string(self.log(member)));
        logs.all(|log| log.unwrap().contains("assigned: "))
    }

    /// Waits for this. Those that stand still go on meanwhile.
    fn wait_until(&mut self, is_so: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !is_so(self) {
            assert!(
                begun.elapsed() < self.patience,
                "SPILLWAY_SEED={}: {}",
                self.seed,
                self.said()
            );
            std::thread::sleep(Duration::from_millis(200));
            self.look();
        }
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
        signal(member.id(), "STOP");
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
        over.iter().for_each(|member| signal(member.id(), "CONT"));
        self.running.extend(over);
        for member in &mut self.running {
            if let Some(status) = member.try_wait().unwrap() {
                let said = self.said();
                panic!("SPILLWAY_SEED={}: a member has ended: {status}: {said}", self.seed);
            }
        }
    }

    fn go_on(&mut self) {
        self.stopped.iter_mut().for_each(|(_, until)| *until = Instant::now());
        self.look();
    }

    fn end(&mut self) {
        self.running.iter().for_each(|member| signal(member.id(), "TERM"));
        while let Some(mut member) = self.running.pop() {
            let begun = Instant::now();
            let status = loop {
                if let Some(status) = member.try_wait().unwrap() {
                    break status;
                }
                assert!(begun.elapsed() < PATIENCE, "it does not end");
                std::thread::sleep(Duration::from_millis(50));
            };
            assert!(status.success(), "SPILLWAY_SEED={}: {status}: {}", self.seed, self.said());
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

const RECORDS: u64 = 30_000;
/// How many bytes the records of the first partition have before each moment that takes it away:
/// more than a part, also where they come into two objects.
const PADDING_BYTES: u64 = 12 << 20;
