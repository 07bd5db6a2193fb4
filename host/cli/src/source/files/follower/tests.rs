use std::fs::{self, File, OpenOptions};
use std::io::Write as _;

use super::*;
use crate::source::files::tracked::Relation;
use crate::source::files::{Compression, Ledger, Paths};
use crate::source::{Codec, Crlf};

mod away;
mod begun;
mod gone;
mod odd;
mod quick;
mod random;
mod world;

use world::*;

#[test]
fn lines_are_read_as_they_are_appended_and_a_half_line_waits() {
    let mut world = World::new("*.log");
    let mut log = world.create("a.log");
    log.write_all(b"one\ntw").unwrap();
    assert_eq!(world.read(), ["one"]);
    log.write_all(b"o").unwrap();
    assert_eq!(world.read(), [""; 0]);
    log.write_all(b"\nthree\n").unwrap();
    assert_eq!(world.read(), ["two", "three"]);
    world.create("b.log").write_all(b"four\n").unwrap();
    assert_eq!(world.read(), ["four"]);
}

#[test]
fn a_renamed_file_is_the_same_and_its_writer_may_go_on_with_it() {
    for pattern in ["*.log", "*.log*"] {
        let mut world = World::new(pattern);
        let mut log = world.create("a.log");
        log.write_all(b"one\n").unwrap();
        assert_eq!(world.read(), ["one"]);
        log.write_all(b"two\n").unwrap();
        world.rename("a.log", "a.log.1");
        let mut next = world.create("a.log");
        next.write_all(b"four\n").unwrap();
        log.write_all(b"three\n").unwrap();
        assert_eq!(world.read(), ["two", "three", "four"], "{pattern}");
        log.write_all(b"late\n").unwrap();
        assert_eq!(world.read(), ["late"], "{pattern}");
        assert_eq!(world.follower.table.files().count(), 2);
        world.pass(Duration::from_secs(31));
        assert_eq!(world.read(), [""; 0]);
        // By a name that nobody looks for it is forgotten.
        assert_eq!(world.follower.table.files().count(), if pattern == "*.log" { 1 } else { 2 });
    }
}

#[test]
fn a_deleted_file_is_read_to_its_end_and_forgotten() {
    let mut world = World::new("*.log");
    let mut log = world.create("a.log");
    log.write_all(b"one\n").unwrap();
    assert_eq!(world.read(), ["one"]);
    log.write_all(b"two\nthree").unwrap();
    fs::remove_file(world.path("a.log")).unwrap();
    assert_eq!(world.read(), ["two"]);
    world.pass(Duration::from_secs(31));
    // Nobody can go on with it, so its last line is one.
    assert_eq!(world.read(), ["three"]);
    world.pass(Duration::from_secs(31));
    world.read();
    assert!(
        world.follower.table.files().next().is_none() && world.ledger().marks(false).is_empty()
    );
}

#[test]
fn a_truncated_file_is_read_from_its_beginning_and_the_copy_from_where_it_was() {
    for (pattern, has_copy) in [("*.log*", true), ("*.log", true), ("*.log", false)] {
        let mut world = World::new(pattern);
        let mut log = world.create("a.log");
        log.write_all(b"one\ntwo\n").unwrap();
        assert_eq!(world.read(), ["one", "two"]);
        log.write_all(b"three\n").unwrap();
        if has_copy {
            fs::copy(world.path("a.log"), world.path("a.log.1")).unwrap();
        }
        log.set_len(0).unwrap();
        // Longer than before, so that only its content tells.
        log.write_all(b"four\nfive\nsix\nseven\n").unwrap();
        let mut wanted = vec!["four", "five", "six", "seven"];
        if has_copy {
            wanted.push("three");
        }
        wanted.sort_unstable();
        let mut read = world.read();
        read.sort_unstable();
        assert_eq!(read, wanted, "{pattern} {has_copy}");
        let notices = world.notices.join(" ");
        assert!(notices.contains("a.log` was truncated or rewritten"), "{notices}");
        assert_eq!(world.follower.stats()[0].truncations, 1);
        assert_eq!(world.read(), [""; 0]);
        assert_eq!(world.notices.len(), 1);
    }
}

/// Somebody else goes on while files are compared.
#[test]
fn a_copy_is_known_though_its_log_is_truncated_once_that_was_looked_at() {
    let mut world = World::new("*.log*");
    let mut log = world.create("a.log");
    log.write_all(b"one\ntwo\n").unwrap();
    assert_eq!(world.read(), ["one", "two"]);
    fs::copy(world.path("a.log"), world.path("a.log.1")).unwrap();
    let (found, _) = world.settings.paths.find();
    let follower = &mut world.follower;
    let new = follower.see(found, world.now);
    new.iter().for_each(|found| follower.discover(found, world.now));
    log.set_len(0).unwrap();
    log.write_all(b"three\n").unwrap();
    let copy = follower.table.by_path(&world.folder.path().join("a.log.1")).unwrap();
    follower.review_each(vec![copy], world.now);
    assert_eq!(follower.table.get(copy).unwrap().relation, Relation::Unknown);
    assert_eq!(world.read(), ["three"]);
}

/// All of it was read at once, with more that was written behind it, and the checkpoint lies in
/// that.
#[test]
fn a_short_copy_is_told_behind_a_checkpoint_of_more() {
    let mut world = World::new("*.log*");
    let mut log = world.create("a.log");
    log.write_all(b"one\ntwo\n").unwrap();
    fs::copy(world.path("a.log"), world.path("a.log.1")).unwrap();
    world.look();
    log.write_all(b"three\nfour\n").unwrap();
    assert_eq!(world.read(), ["one", "two", "three", "four"]);
    let place = world.place_of(3);
    world.ledger.advance_to(place);
    let marks = as_written(world.ledger.marks(false));
    log.set_len(0).unwrap();
    log.write_all(b"five\n").unwrap();
    world.lines.truncate(3);
    (world.at, world.read) = (place, 3);
    world.resume(marks);
    // What is new waits until it is known what has become of the rest.
    let read = [world.read(), world.read()].concat();
    assert_eq!(read, ["five"]);
}

#[test]
fn a_copy_of_less_than_was_read_is_not_read_again() {
    for is_compressed in [false, true] {
        let mut world = World::new("*.log*");
        let mut log = world.create("a.log");
        log.write_all(b"one\ntwo\n").unwrap();
        fs::copy(world.path("a.log"), world.path("a.log.1")).unwrap();
        assert_eq!(world.read(), ["one", "two"]);
        if is_compressed {
            world.compress("a.log.1", "a.log.1.gz");
        }
        log.write_all(b"three\n").unwrap();
        assert_eq!(world.read(), ["three"]);
        log.set_len(0).unwrap();
        log.write_all(b"four\n").unwrap();
        assert_eq!(world.read(), ["four"]);
        world.restart();
        assert_eq!(world.read(), [""; 0]);
    }
}

#[test]
fn what_was_compressed_is_not_read_twice_and_what_was_not_read_of_it_is() {
    for is_running in [true, false] {
        let mut world = World::new("*.log*");
        let mut log = world.create("a.log");
        log.write_all(b"one\ntwo\n").unwrap();
        assert_eq!(world.read(), ["one", "two"]);
        log.write_all(b"three\n").unwrap();
        world.rename("a.log", "a.log.1");
        world.create("a.log").write_all(b"four\n").unwrap();
        if is_running {
            assert_eq!(world.read(), ["three", "four"]);
        }
        world.compress("a.log.1", "a.log.2.gz");
        if is_running {
            assert_eq!(world.read(), [""; 0]);
            world.pass(Duration::from_secs(31));
            assert_eq!(world.read(), [""; 0]);
        } else {
            world.restart();
            let mut read = world.read();
            read.sort_unstable();
            assert_eq!(read, ["four", "three"]);
        }
        world.pass(Duration::from_secs(31));
        assert_eq!(world.read(), [""; 0]);
        world.restart();
        assert_eq!(world.read(), [""; 0]);
        assert_eq!(world.ledger().marks(false).len(), 2);
    }
}

#[test]
fn compressed_files_that_were_never_seen_are_read_before_what_is_newer() {
    let mut world = World::new("*.log*");
    world.create("a.log").write_all(b"four\n").unwrap();
    world.create("x").write_all(b"one\ntwo").unwrap();
    world.compress("x", "a.log.2.gz");
    world.create("a.log.1").write_all(b"three\n").unwrap();
    assert_eq!(world.read(), ["one", "two", "three", "four"]);
    world.restart();
    assert_eq!(world.read(), [""; 0]);
}

#[test]
fn a_file_that_only_begins_like_another_is_one_of_its_own() {
    let mut world = World::new("*.log*");
    let banner = "x".repeat(600) + "\n";
    world.create("a.log").write_all(banner.as_bytes()).unwrap();
    world.create("a.log.1").write_all((banner.clone() + "old\n").as_bytes()).unwrap();
    world.create("y").write_all((banner.clone() + "older\n").as_bytes()).unwrap();
    world.compress("y", "a.log.2.gz");
    let read = world.read();
    assert_eq!(read.iter().filter(|line| *line == "old").count(), 1, "{read:?}");
    assert_eq!(read.iter().filter(|line| *line == "older").count(), 1, "{read:?}");
}

#[test]
fn a_link_that_changes_its_target_is_another_file() {
    let mut world = World::new("link.log");
    let mut one = world.create("one");
    world.create("two").write_all(b"two\n").unwrap();
    one.write_all(b"one\n").unwrap();
    std::os::unix::fs::symlink(world.path("one"), world.path("link.log")).unwrap();
    assert_eq!(world.read(), ["one"]);
    one.write_all(b"more\n").unwrap();
    std::os::unix::fs::symlink(world.path("two"), world.path("new")).unwrap();
    world.rename("new", "link.log");
    let mut read = world.read();
    read.sort_unstable();
    assert_eq!(read, ["more", "two"]);
}

#[test]
fn a_large_file_does_not_starve_the_others() {
    let mut world = World::new("*.log");
    let line = "x".repeat(999) + "\n";
    world.create("large.log").write_all(line.repeat(20_000).as_bytes()).unwrap();
    world.create("small.log").write_all(b"small\n").unwrap();
    world.look();
    let turns = (1..).find(|_| {
        world.turn();
        world.lines.iter().any(|line| line == "small")
    });
    assert!(turns <= Some(2), "{turns:?}");
}

#[test]
fn what_is_there_at_first_can_be_passed_over() {
    let mut world = World::with("*.log", |settings| settings.start_at = StartAt::End);
    let mut log = world.create("a.log");
    log.write_all(b"old\nhal").unwrap();
    assert_eq!(world.read(), [""; 0]);
    log.write_all(b"f\nnew\n").unwrap();
    world.create("b.log").write_all(b"all\n").unwrap();
    let mut read = world.read();
    read.sort_unstable();
    assert_eq!(read, ["all", "half", "new"]);
    world.restart();
    assert_eq!(world.read(), [""; 0]);
}

#[test]
fn a_checkpoint_says_that_files_were_looked_at_though_there_was_nothing_in_them() {
    for has_file in [true, false] {
        let mut world = World::with("*.log", |settings| settings.start_at = StartAt::End);
        let log = has_file.then(|| world.create("a.log"));
        assert!(!world.ledger().has_looked());
        assert_eq!(world.read(), [""; 0]);
        assert!(world.ledger().has_looked() && world.ledger().marks(false).is_empty());
        world.restart();
        let mut log = log.unwrap_or_else(|| world.create("a.log"));
        log.write_all(b"new\n").unwrap();
        assert_eq!(world.read(), ["new"]);
    }
}

#[test]
fn a_half_line_is_taken_after_its_time_if_the_flow_says_so() {
    let mut world = World::with("*.log", |settings| {
        settings.partial_line_after = Some(Duration::from_secs(5));
    });
    let mut log = world.create("a.log");
    log.write_all(b"half").unwrap();
    assert_eq!(world.read(), [""; 0]);
    world.pass(Duration::from_secs(6));
    assert_eq!(world.read(), ["half"]);
    log.write_all(b" and half\n").unwrap();
    assert_eq!(world.read(), [" and half"]);
}

#[test]
fn a_line_over_the_limit_is_passed_over() {
    let mut world = World::new("*.log");
    world.follower.stream = Stream::new(
        LineSettings { line_bytes_max: 10, ..world.follower.stream.settings().clone() },
        Start::default(),
    );
    let mut log = world.create("a.log");
    let long = "y".repeat(3 << 20);
    log.write_all(format!("one\n{long}").as_bytes()).unwrap();
    assert_eq!(world.read(), ["one"]);
    log.write_all(b"yy\ntwo\n0123456789A\nthree\n").unwrap();
    let wanted = [format!("too long: {}", long.len() + 2), "two".into(), "too long: 11".into()];
    let wanted = [&wanted[..], &["three".to_owned()]].concat();
    assert_eq!(world.read(), wanted);
    world.restart();
    assert_eq!(world.read(), [""; 0]);
}

#[test]
fn what_holds_no_lines_is_said_once_and_passed_over() {
    let mut world = World::with("*", |settings| settings.compression = Compression::None);
    world.create("x").write_all(b"one\n").unwrap();
    world.compress("x", "x.gz");
    world.create("b").write_all(b"two\n").unwrap();
    assert_eq!(world.read(), ["two"]);
    assert_eq!(world.read(), [""; 0]);
    let notices = world.notices.join(" ");
    assert!(notices.contains("x.gz` is compressed with gzip"), "{notices}");
    assert_eq!(world.notices.len(), 1);
}

#[test]
fn nul_bytes_in_front_are_passed_over() {
    let mut world = World::new("*.log");
    // However long a line may be.
    world.how.line_bytes_max = 1 << 20;
    world.resume(Vec::new());
    let log = world.create("a.log");
    log.set_len(3 << 20).unwrap();
    let mut log = OpenOptions::new().append(true).open(world.path("a.log")).unwrap();
    log.write_all(b"one\n").unwrap();
    assert_eq!(world.read(), ["one"]);
    world.restart();
    assert_eq!(world.read(), [""; 0]);
}

#[test]
fn a_compressed_file_is_read_on_once_it_is_written_to_its_end() {
    let mut world = World::new("*.gz");
    let lines: String = (0..50_000).map(|n| format!("{n}\n")).collect();
    world.create("x").write_all(lines.as_bytes()).unwrap();
    world.compress("x", "whole");
    let whole = fs::read(world.path("whole")).unwrap();
    let mut file = world.create("a.gz");
    let mut read = Vec::new();
    for part in whole.chunks(whole.len() / 3 + 1) {
        file.write_all(part).unwrap();
        read.extend(world.read());
    }
    assert_eq!(read.join("\n") + "\n", lines);
    world.restart();
    assert_eq!(world.read(), [""; 0]);
}
