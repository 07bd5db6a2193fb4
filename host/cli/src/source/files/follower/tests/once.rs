//! Runs that do not follow: they end when all files are at their ends.

use std::time::SystemTime;

use super::*;

/// The log is truncated while its copy is compared with it, in the only look of the run.
#[test]
fn a_copy_that_is_undecided_is_looked_at_again() {
    let mut world = World::with("*.log*", |settings| settings.follow = false);
    let mut log = world.create("a.log");
    log.write_all(b"one\ntwo\n").unwrap();
    assert_eq!(world.read(), ["one", "two"]);
    assert!(world.follower.is_through());
    fs::copy(world.path("a.log"), world.path("a.log.1")).unwrap();
    OpenOptions::new().append(true).open(world.path("a.log.1")).unwrap().write_all(b"2\n").unwrap();
    let (found, _) = world.settings.paths.find();
    let follower = &mut world.follower;
    let new = follower.see(found, world.now);
    new.iter().for_each(|found| follower.discover(found, world.now));
    log.set_len(0).unwrap();
    log.write_all(b"three\n").unwrap();
    let copy = follower.table.by_path(&world.folder.path().join("a.log.1")).unwrap();
    follower.review_each(vec![copy], world.now);
    assert!(!follower.is_through());
    assert_eq!(world.read(), ["2", "three"]);
    assert!(world.follower.is_through());
}

#[test]
fn a_compressed_file_that_breaks_off_may_be_written_yet_and_is_an_error_later() {
    for (is_old, waits) in [(false, true), (true, false)] {
        let mut world = World::with("*.gz", |settings| settings.follow = false);
        world.create("x").write_all(&b"a line\n".repeat(1_000)).unwrap();
        world.compress("x", "a.gz");
        let file = OpenOptions::new().write(true).open(world.path("a.gz")).unwrap();
        file.set_len(20).unwrap();
        if is_old {
            file.set_modified(SystemTime::now() - Duration::from_secs(31)).unwrap();
        }
        world.look();
        if waits {
            assert!(!world.turn() && !world.follower.is_through());
            world.pass(Duration::from_secs(30));
            world.look();
        }
        let error = loop {
            match world.follower.turn(world.now, Vec::new) {
                Ok(read) => assert!(read, "it is read"),
                Err(error) => break error,
            }
        };
        assert!(matches!(error, SourceError::Read { .. }), "{error:?}");
    }
}
