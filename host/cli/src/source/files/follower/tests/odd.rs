//! What is met in folders of logs, besides logs.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::process::Command;
use std::time::SystemTime;

use super::*;
use crate::source::MultilineConfig;
use crate::source::files::follower::HANDLES_MAX;

#[test]
fn a_file_that_vanishes_before_it_is_read_is_read_where_it_is_open() {
    for is_open in [true, false] {
        let mut world = World::new("*.log");
        world.create("a.log").write_all(b"one\n").unwrap();
        world.look();
        let key = world.follower.table.by_path(&world.path("a.log")).unwrap();
        if !is_open {
            world.follower.table.update(key, |file| file.handle = None);
        }
        fs::remove_file(world.path("a.log")).unwrap();
        while world.turn() {}
        world.read();
        assert_eq!(world.lines, if is_open { vec!["one"] } else { vec![] });
        world.read();
        world.pass(Duration::from_secs(31));
        world.read();
        assert_eq!(world.follower.table.files().count(), 0);
        assert!(world.notices.is_empty(), "{:?}", world.notices);
    }
}

#[test]
fn what_appears_later_is_read_then() {
    let mut world = World::new("later/*.log");
    assert_eq!(world.read(), [""; 0]);
    fs::create_dir(world.path("later")).unwrap();
    symlink(world.path("target"), world.path("later/a.log")).unwrap();
    assert_eq!(world.read(), [""; 0]);
    world.create("target").write_all(b"one\n").unwrap();
    assert_eq!(world.read(), ["one"]);
    assert!(world.notices.is_empty(), "{:?}", world.notices);
}

#[test]
fn a_path_that_cannot_be_looked_at_is_said_once_and_tried_again() {
    let mut world = World::new("a.log");
    symlink(world.path("a.log"), world.path("a.log")).unwrap();
    assert_eq!(world.read(), [""; 0]);
    assert_eq!(world.read(), [""; 0]);
    assert_eq!(world.notices.len(), 1, "{:?}", world.notices);
    assert!(world.notices[0].contains("a.log` cannot be read, and is tried again"));
    fs::remove_file(world.path("a.log")).unwrap();
    world.create("a.log").write_all(b"one\n").unwrap();
    assert_eq!(world.read(), ["one"]);
}

#[test]
fn what_is_no_regular_file_is_passed_over() {
    let mut world = World::new("*.log");
    fs::create_dir(world.path("folder.log")).unwrap();
    let _socket = UnixListener::bind(world.path("socket.log")).unwrap();
    assert!(Command::new("mkfifo").arg(world.path("pipe.log")).status().unwrap().success());
    world.create("a.log").write_all(b"one\n").unwrap();
    assert_eq!(world.read(), ["one"]);
    assert_eq!(world.follower.table.files().count(), 1);
}

#[test]
fn a_file_of_several_names_is_read_once() {
    let mut world = World::new("*.log");
    let mut log = world.create("b.log");
    log.write_all(b"one\n").unwrap();
    fs::hard_link(world.path("b.log"), world.path("a.log")).unwrap();
    symlink(world.path("b.log"), world.path("c.log")).unwrap();
    assert_eq!(world.read(), ["one"]);
    log.write_all(b"two\n").unwrap();
    assert_eq!(world.read(), ["two"]);
    world.restart();
    log.write_all(b"three\n").unwrap();
    assert_eq!(world.read(), ["three"]);
    // Whatever name is taken away, the others are of the same file.
    for name in ["a.log", "c.log"] {
        fs::remove_file(world.path(name)).unwrap();
        log.write_all(b"more\n").unwrap();
        assert_eq!(world.read(), ["more"], "{name}");
    }
    assert_eq!(world.follower.table.files().count(), 1);
}

#[test]
fn a_link_may_have_another_target_after_a_restart() {
    let mut world = World::new("*.log");
    let mut one = world.create("one");
    one.write_all(b"one\n").unwrap();
    world.create("two").write_all(b"two\n").unwrap();
    symlink(world.path("one"), world.path("a.log")).unwrap();
    assert_eq!(world.read(), ["one"]);
    one.write_all(b"more\n").unwrap();
    world.restart();
    symlink(world.path("two"), world.path("new")).unwrap();
    world.rename("new", "a.log");
    let mut read = world.read();
    read.sort_unstable();
    assert_eq!(read, ["more", "two"]);
    world.restart();
    assert_eq!(world.read(), [""; 0]);
}

#[test]
fn a_file_that_several_patterns_match_is_read_once() {
    let mut world = World::new("a*");
    let patterns = ["a*", "*.log", "a.log"];
    let patterns = patterns.map(|pattern| world.path(pattern).display().to_string());
    world.settings.paths = Paths::new(&patterns, &[]).unwrap();
    world.resume(Vec::new());
    world.create("a.log").write_all(b"one\n").unwrap();
    assert_eq!(world.read(), ["one"]);
}

#[test]
fn a_name_that_is_no_text_is_found_again() {
    let mut world = World::new("*.log");
    let path = world.folder.path().join(OsStr::from_bytes(b"a\xff.log"));
    fs::write(&path, "one\n").unwrap();
    assert_eq!(world.read(), ["one"]);
    world.restart();
    assert_eq!(world.read(), [""; 0]);
    OpenOptions::new().append(true).open(&path).unwrap().write_all(b"two\n").unwrap();
    assert_eq!(world.read(), ["two"]);
}

#[test]
fn times_of_change_may_lie_anywhere() {
    let mut world = World::new("*.log");
    let mut log = world.create("a.log");
    let day = Duration::from_secs(86_400);
    for (index, time) in
        [SystemTime::now() + day, SystemTime::UNIX_EPOCH, SystemTime::now()].into_iter().enumerate()
    {
        log.write_all(format!("{index}\n").as_bytes()).unwrap();
        log.set_modified(time).unwrap();
        assert_eq!(world.read(), [index.to_string()]);
    }
    log.set_modified(SystemTime::now() + day).unwrap();
    assert_eq!(world.read(), [""; 0]);
}

#[test]
fn what_is_rewritten_in_place_is_read_anew() {
    let mut world = World::new("*.log");
    let log = File::create(world.path("a.log")).unwrap();
    log.write_all_at(b"one\n", 0).unwrap();
    assert_eq!(world.read(), ["one"]);
    log.write_all_at(b"two\n", 0).unwrap();
    log.set_modified(SystemTime::now() + Duration::from_secs(1)).unwrap();
    assert_eq!(world.read(), ["two"]);
    assert_eq!(world.follower.stats()[0].truncations, 1);
}

#[test]
fn a_writer_that_goes_on_where_it_was_leaves_nul_bytes_that_are_passed_over() {
    let mut world = World::new("*.log*");
    // Not for appending.
    let mut log = File::create(world.path("a.log")).unwrap();
    log.write_all(b"one\n").unwrap();
    assert_eq!(world.read(), ["one"]);
    log.write_all(b"two\n").unwrap();
    fs::copy(world.path("a.log"), world.path("a.log.1")).unwrap();
    log.set_len(0).unwrap();
    log.write_all(b"three\n").unwrap();
    let mut read = world.read();
    read.extend(world.read());
    read.sort_unstable();
    assert_eq!(read, ["three", "two"]);
    world.restart();
    assert_eq!(world.read(), [""; 0]);
}

#[test]
fn a_hole_in_a_file_is_read_as_it_is() {
    let mut world = World::new("*.log");
    let log = File::create(world.path("a.log")).unwrap();
    log.write_all_at(b"one\n", 0).unwrap();
    log.write_all_at(b"two\n", 10_000).unwrap();
    let wanted = ["one".to_owned(), "\0".repeat(10_000 - 4) + "two"];
    assert_eq!(world.read(), wanted);
}

#[test]
fn the_last_event_of_several_lines_waits_for_its_time_and_no_longer() {
    let mut world = World::new("*.log");
    let multiline: MultilineConfig = toml::from_str("start = '^>'\ntimeout = '5s'").unwrap();
    world.how.multiline = Some(multiline.settings(Crlf::Strip, 1 << 20).unwrap().into());
    world.resume(Vec::new());
    let mut log = world.create("a.log");
    log.write_all(b"> one\n and\n").unwrap();
    assert_eq!(world.read(), [""; 0]);
    // Each line gives it that time again; a look is a second.
    world.pass(Duration::from_secs(3));
    log.write_all(b" on\n").unwrap();
    assert_eq!(world.read(), [""; 0]);
    world.pass(Duration::from_secs(3));
    assert_eq!(world.read(), [""; 0]);
    assert_eq!(world.read(), ["> one\n and\n on"]);
}

#[test]
fn no_more_files_are_open_than_may_be() {
    let mut world = World::new("*.log");
    let count = HANDLES_MAX + 200;
    for index in 0..count {
        fs::write(world.path(&format!("{index}.log")), "one\n").unwrap();
    }
    assert_eq!(world.read().len(), count);
    assert!(world.follower.table.open() <= HANDLES_MAX, "{}", world.follower.table.open());
    for index in 0..count {
        let path = world.path(&format!("{index}.log"));
        OpenOptions::new().append(true).open(path).unwrap().write_all(b"two\n").unwrap();
    }
    assert_eq!(world.read().len(), count);
    assert!(world.follower.table.open() <= HANDLES_MAX, "{}", world.follower.table.open());
}
