//! Files that cannot be looked at for a while: what was read of them is not read again.

use std::os::unix::fs::symlink;

use super::*;
use crate::source::files::paths::{FileId, Found};

#[test]
fn a_folder_that_is_away_for_long_is_waited_for() {
    for (is_open, restarts) in [(true, false), (false, false), (false, true)] {
        let mut world = World::new("logs/*.log");
        let mut log = begin(&mut world);
        if !is_open {
            close_all(&mut world);
        }
        world.rename("logs", "elsewhere");
        wait(&mut world, restarts);
        world.rename("elsewhere", "logs");
        goes_on(&mut world, &mut log);
    }
}

#[test]
fn a_folder_that_was_deleted_is_not_waited_for() {
    let mut world = World::new("**/*.log");
    let mut log = begin(&mut world);
    log.write_all(b"two\n").unwrap();
    fs::remove_dir_all(world.path("logs")).unwrap();
    assert_eq!(world.read(), ["two"]);
    world.pass(Duration::from_secs(31));
    world.read();
    assert_eq!(world.follower.table.files().count(), 0);
    assert!(world.ledger().marks(false).is_empty());
}

#[test]
fn where_nothing_is_mounted_yet_after_a_restart_is_waited_at() {
    let mut world = World::new("logs/*.log");
    let mut log = begin(&mut world);
    world.rename("logs", "elsewhere");
    fs::create_dir(world.path("logs")).unwrap();
    wait(&mut world, true);
    fs::remove_dir(world.path("logs")).unwrap();
    world.rename("elsewhere", "logs");
    goes_on(&mut world, &mut log);
}

#[test]
fn a_file_system_that_is_mounted_again_may_have_another_number() {
    for is_open in [true, false] {
        let mut world = World::new("logs/*.log");
        let mut log = begin(&mut world);
        if !is_open {
            close_all(&mut world);
        }
        world.rename("logs", "elsewhere");
        wait(&mut world, false);
        let key = world.follower.table.keys_of(|_| true)[0];
        world.follower.table.unname(key, |file| file.id.device += 1);
        world.rename("elsewhere", "logs");
        goes_on(&mut world, &mut log);
    }
}

#[test]
fn a_file_that_cannot_be_looked_at_after_a_restart_is_undecided() {
    let mut world = World::new("logs/*.log");
    let mut log = begin(&mut world);
    // A link to itself is what the system has something to say of, whoever asks.
    world.rename("logs/a.log", "a");
    symlink(world.path("logs/a.log"), world.path("logs/a.log")).unwrap();
    wait(&mut world, true);
    fs::remove_file(world.path("logs/a.log")).unwrap();
    world.rename("a", "logs/a.log");
    goes_on(&mut world, &mut log);
}

#[test]
fn a_file_that_is_found_and_cannot_be_opened_is_undecided() {
    for restarts in [true, false] {
        let mut world = World::new("logs/*.log");
        let mut log = begin(&mut world);
        let path = world.path("logs/a.log");
        let found = found(&world, "logs/a.log");
        world.rename("logs/a.log", "a");
        symlink(&path, &path).unwrap();
        let new = if restarts {
            world.restart();
            let marks = world.follower.resumed.take().unwrap();
            world.follower.find_again(marks, vec![found], world.now)
        } else {
            close_all(&mut world);
            let other = Found { path: world.path("logs/b.log"), ..found };
            symlink(&other.path, &other.path).unwrap();
            let new = world.follower.see(vec![other], world.now);
            fs::remove_file(world.path("logs/b.log")).unwrap();
            new
        };
        assert!(new.is_empty(), "{new:?}");
        wait(&mut world, false);
        fs::remove_file(&path).unwrap();
        world.rename("a", "logs/a.log");
        goes_on(&mut world, &mut log);
    }
}

#[test]
fn a_file_that_is_away_is_known_again_where_another_has_its_number() {
    for away in 0..2 {
        let mut world = World::new("*/a.log");
        let two = begin_two(&mut world);
        world.rename(TWO[away], "away");
        let new = restart_and_find(&mut world, vec![two[1 - away].clone()]);
        assert!(new.is_empty(), "{away}: {new:?}");
        world.rename("away", TWO[away]);
        let new = world.follower.see(two.to_vec(), world.now);
        assert!(new.is_empty(), "{away}: {new:?}");
    }
}

#[test]
fn files_of_one_number_that_are_away_come_back_each_by_itself() {
    for first in 0..2 {
        let mut world = World::new("*/a.log");
        let two = begin_two(&mut world);
        TWO.iter().enumerate().for_each(|(index, name)| world.rename(name, &index.to_string()));
        let new = restart_and_find(&mut world, Vec::new());
        assert!(new.is_empty(), "{first}: {new:?}");
        let mut there = Vec::new();
        for index in [first, 1 - first] {
            world.rename(&index.to_string(), TWO[index]);
            there.push(two[index].clone());
            let new = world.follower.see(there.clone(), world.now);
            assert!(new.is_empty(), "{first} {index}: {new:?}");
        }
    }
}

#[test]
fn what_may_be_a_copy_of_a_file_that_cannot_be_opened_waits() {
    let mut world = World::new("logs/*.log*");
    let mut log = begin(&mut world);
    fs::copy(world.path("logs/a.log"), world.path("logs/a.log.1")).unwrap();
    close_all(&mut world);
    world.rename("logs/a.log", "a");
    symlink(world.path("logs/a.log"), world.path("logs/a.log")).unwrap();
    wait(&mut world, false);
    fs::remove_file(world.path("logs/a.log")).unwrap();
    world.rename("a", "logs/a.log");
    goes_on(&mut world, &mut log);
}

#[test]
fn what_was_said_of_a_path_is_forgotten_with_it() {
    let mut world = World::new("a.log");
    for _ in 0..2 {
        symlink(world.path("a.log"), world.path("a.log")).unwrap();
        assert_eq!(world.read(), [""; 0]);
        assert_eq!(world.read(), [""; 0]);
        fs::remove_file(world.path("a.log")).unwrap();
        assert_eq!(world.read(), [""; 0]);
    }
    assert_eq!(world.notices.len(), 2, "{:?}", world.notices);
}

#[test]
fn what_was_counted_of_a_log_is_forgotten_with_it() {
    let mut world = World::new("*.log");
    world.create("b.log").write_all(b"b\n").unwrap();
    let mut log = world.create("a.log");
    log.write_all(b"one\n").unwrap();
    world.read();
    log.set_len(0).unwrap();
    log.write_all(b"two, and longer\n").unwrap();
    assert_eq!(world.read(), ["two, and longer"]);
    let truncations = |world: &World| {
        world.follower.stats().iter().map(|stats| stats.truncations).collect::<Vec<_>>()
    };
    assert_eq!(truncations(&world), [1, 0]);
    fs::remove_file(world.path("a.log")).unwrap();
    for _ in 0..3 {
        world.read();
        world.pass(Duration::from_secs(31));
    }
    assert_eq!(truncations(&world), [0]);
}

/// A log of which one line is read.
fn begin(world: &mut World) -> File {
    fs::create_dir(world.path("logs")).unwrap();
    let mut log = world.create("logs/a.log");
    log.write_all(b"one\n").unwrap();
    assert_eq!(world.read(), ["one"]);
    log
}

/// Two logs of one number on two file systems, of which a line each is read.
fn begin_two(world: &mut World) -> [Found; 2] {
    for name in TWO {
        fs::create_dir(world.path(name).parent().unwrap()).unwrap();
        writeln!(world.create(name), "{name}").unwrap();
    }
    assert_eq!(world.read().len(), 2);
    let [one, other] = TWO.map(|name| found(world, name));
    let id = FileId { device: one.id.device + 1, ..one.id };
    [one, Found { id, ..other }]
}

const TWO: [&str; 2] = ["a/a.log", "b/a.log"];

/// Looks for what was read of such logs after a restart, where these files are found. Returns the
/// new ones.
fn restart_and_find(world: &mut World, found: Vec<Found>) -> Vec<Found> {
    world.restart();
    let mut marks = world.follower.resumed.take().unwrap();
    let inode = marks[0].inode;
    marks.iter_mut().for_each(|mark| mark.inode = inode);
    world.follower.find_again(marks, found, world.now)
}

/// A file as a look finds it.
fn found(world: &World, name: &str) -> Found {
    let path = world.path(name);
    let metadata = fs::metadata(&path).unwrap();
    Found::of(path, &metadata).unwrap()
}

fn close_all(world: &mut World) {
    for key in world.follower.table.keys_of(|_| true) {
        world.follower.table.update(key, |file| file.handle = None);
    }
}

/// Longer than a file is waited for that is gone; also over restarts.
fn wait(world: &mut World, restarts: bool) {
    for _ in 0..4 {
        if restarts {
            world.restart();
        }
        assert_eq!(world.read(), [""; 0]);
        world.pass(Duration::from_secs(40));
    }
    let marks = world.ledger().marks(false);
    assert_eq!(marks.len(), 1);
    assert_eq!(marks[0].nameless, None, "its wait has not begun");
}

/// It is there again, and read from where it was left.
fn goes_on(world: &mut World, log: &mut File) {
    log.write_all(b"two\n").unwrap();
    assert_eq!(world.read(), ["two"]);
    world.pass(Duration::from_secs(40));
    assert_eq!(world.read(), [""; 0]);
    world.restart();
    log.write_all(b"three\n").unwrap();
    assert_eq!(world.read(), ["three"]);
    assert!(!world.notices.iter().any(|said| said.contains("truncated")), "{:?}", world.notices);
}
