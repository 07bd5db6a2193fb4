//! Files that are gone for a while or for good, over restarts.

use super::*;

/// As in a run that is killed again and again before `rotate_wait` is over.
#[test]
fn a_file_that_is_gone_is_forgotten_however_often_a_run_begins() {
    for is_renamed in [true, false] {
        let mut world = World::new("*.log");
        // An empty folder may be one where nothing is mounted yet.
        world.create("other");
        world.create("a.log").write_all(b"one\n").unwrap();
        assert_eq!(world.read(), ["one"]);
        match is_renamed {
            true => world.rename("a.log", "elsewhere"),
            false => fs::remove_file(world.path("a.log")).unwrap(),
        }
        for _ in 0..4 {
            world.restart();
            assert_eq!(world.read(), [""; 0]);
            assert_eq!(world.ledger().marks(false).len(), 1);
            world.pass(Duration::from_secs(8));
        }
        world.restart();
        assert_eq!(world.read(), [""; 0]);
        // A file that is there is forgotten once it has been looked at.
        world.look();
        assert!(world.ledger().marks(false).is_empty(), "{is_renamed}");
    }
}

/// Its writer goes on with it, so that it is read on, however long ago it was renamed.
#[test]
fn a_renamed_file_that_grows_is_not_forgotten_at_a_restart() {
    let mut world = World::new("*.log");
    let mut log = world.create("a.log");
    log.write_all(b"one\n").unwrap();
    assert_eq!(world.read(), ["one"]);
    world.rename("a.log", "elsewhere");
    for line in ["two\n", "three\n", "four\n", "five\n"] {
        world.pass(Duration::from_secs(10));
        log.write_all(line.as_bytes()).unwrap();
        let unix = Duration::from_secs(world.clock.moment(world.now).unix);
        log.set_modified(SystemTime::UNIX_EPOCH + unix).unwrap();
        assert_eq!(world.read(), [line.trim_end()]);
    }
    world.restart();
    assert_eq!(world.read(), [""; 0]);
    world.pass(Duration::from_secs(10));
    log.write_all(b"six\n").unwrap();
    assert_eq!(world.read(), ["six"]);
}

/// As where somebody moves it, and back.
#[test]
fn a_file_that_is_not_found_at_one_start_is_known_at_the_next() {
    let mut world = World::new("*.log");
    world.create("a.log").write_all(b"one\n").unwrap();
    world.create("other");
    assert_eq!(world.read(), ["one"]);
    fs::create_dir(world.path("folder")).unwrap();
    world.rename("a.log", "folder/a.log");
    world.restart();
    assert_eq!(world.read(), [""; 0]);
    assert!(world.ledger().marks(false)[0].nameless.is_some());
    world.pass(Duration::from_secs(8));
    world.rename("folder/a.log", "a.log");
    world.restart();
    assert_eq!(world.read(), [""; 0]);
    assert_eq!(world.ledger().marks(false)[0].nameless, None);
}

/// Its next absence is another one.
#[test]
fn a_file_that_comes_back_is_not_forgotten_sooner_the_next_time() {
    let mut world = World::new("*.log");
    world.create("a.log").write_all(b"one\n").unwrap();
    assert_eq!(world.read(), ["one"]);
    world.rename("a.log", "elsewhere");
    world.restart();
    assert_eq!(world.read(), [""; 0]);
    world.rename("elsewhere", "a.log");
    world.restart();
    assert_eq!(world.read(), [""; 0]);
    world.pass(Duration::from_secs(60));
    world.rename("a.log", "elsewhere");
    world.restart();
    assert_eq!(world.read(), [""; 0]);
    world.look();
    world.rename("elsewhere", "a.log");
    assert_eq!(world.read(), [""; 0]);
}
