//! A line of which some events were taken, and what was done to its file before the next run.

use super::*;
use crate::source::MultilineConfig;

#[test]
fn the_line_that_was_begun_is_read_first_wherever_it_is_by_now() {
    for pattern in ["*.log*", "*.log"] {
        for (how, rotate) in ROTATIONS {
            // Where the flow does not name what was rotated, all has to be known to the checkpoint.
            for line in if pattern == "*.log" { 6..9 } else { 0..9 } {
                let mut world = World::new(pattern);
                let mut logs = NAMES.map(|name| {
                    let mut log = world.create(name);
                    (0..3).for_each(|n| writeln!(log, "{name} {n}").unwrap());
                    log
                });
                let lines = world.read();
                assert_eq!(lines.len(), 9);
                let origin = world.origin_of(line);
                world.restart_within(line);
                logs.iter_mut().zip(NAMES).for_each(|(log, name)| rotate(&world, log, name));
                world.read();
                let read = &world.lines[line as usize..];
                assert_eq!(read[0], lines[line as usize], "{how} {pattern} {line}");
                assert_eq!(world.origin_of(line), origin, "{how} {pattern} {line}");
                let mut all = world.lines.clone();
                all.sort_unstable();
                let mut wanted = [lines, NAMES.map(|name| format!("{name} new")).to_vec()].concat();
                wanted.sort_unstable();
                assert_eq!(all, wanted, "{how} {pattern} {line}");
            }
        }
    }
}

#[test]
fn it_is_still_begun_after_a_run_that_read_nothing() {
    for line in 0..6 {
        let mut world = World::new("*.log*");
        for name in NAMES {
            world.create(name).write_all(b"1\n2\n").unwrap();
        }
        let lines = world.read();
        world.restart_within(line);
        world.look();
        let marks = world.ledger.marks(true);
        assert_eq!(marks.iter().filter(|mark| mark.is_begun).count(), 1, "{marks:?}");
        world.resume(as_written(marks));
        assert_eq!(world.read()[0], lines[line as usize]);
        // Once it is read, nothing is begun.
        assert!(world.ledger().marks(false).iter().all(|mark| !mark.is_begun));
    }
}

/// Where several lines are an event, a checkpoint does not know how many lines lie before it.
#[test]
fn the_lines_before_an_event_of_several_are_counted() {
    for is_compressed in [false, true] {
        let mut world = World::new("*.log*");
        let multiline: MultilineConfig = toml::from_str("start = '^>'").unwrap();
        world.how.multiline = Some(multiline.settings(Crlf::Strip, 1 << 20).unwrap().into());
        world.how.origins = true;
        world.resume(Vec::new());
        let text: String = (0..5).map(|n| format!("> {n}\n and\n on\n")).collect();
        world.create("a.log").write_all(text.as_bytes()).unwrap();
        world.read();
        world.restart_within(2);
        if is_compressed {
            world.compress("a.log", "a.log.1.gz");
        }
        world.read();
        assert_eq!(world.origin_of(2).1, 6, "{is_compressed}");
    }
}

#[test]
fn one_that_is_gone_is_waited_for_and_then_given_up() {
    for (follow, waits) in [(true, true), (false, false)] {
        let mut world = World::with("*.log", |settings| settings.follow = follow);
        for name in NAMES {
            world.create(name).write_all(format!("{name}\n").as_bytes()).unwrap();
        }
        let lines = world.read();
        world.restart_within(1);
        let name = &lines[1];
        fs::remove_file(world.path(name)).unwrap();
        let rest = ["given up".to_owned(), lines[2].clone()];
        if waits {
            assert_eq!(world.read(), [""; 0]);
            world.pass(Duration::from_secs(31));
        }
        assert_eq!(world.read(), rest);
        assert!(world.notices.iter().any(|said| said.contains("in no object")));
        world.restart();
        assert_eq!(world.read(), [""; 0]);
    }
}

#[test]
fn one_that_is_away_is_read_on_when_it_is_back() {
    for line in 0..2 {
        let mut world = World::new("logs/*.log");
        fs::create_dir(world.path("logs")).unwrap();
        world.create("logs/a.log").write_all(b"one\ntwo\n").unwrap();
        let lines = world.read();
        world.restart_within(line);
        world.rename("logs", "elsewhere");
        assert_eq!(world.read(), [""; 0]);
        world.rename("elsewhere", "logs");
        assert_eq!(world.read(), &lines[line as usize..], "{line}");
        world.pass(Duration::from_secs(31));
        assert_eq!(world.read(), [""; 0], "{line}");
        assert!(world.notices.is_empty(), "{:?}", world.notices);
    }
}

const NAMES: [&str; 3] = ["a.log", "b.log", "c.log"];

type Rotation = fn(&World, &mut File, &str);

const ROTATIONS: [(&str, Rotation); 5] = [
    ("as it was", |_, log, name| writeln!(log, "{name} new").unwrap()),
    ("renamed", |world, _, name| {
        world.rename(name, &format!("{name}.1"));
        writeln!(world.create(name), "{name} new").unwrap();
    }),
    ("renamed and compressed", |world, _, name| {
        world.compress(name, &format!("{name}.1.gz"));
        writeln!(world.create(name), "{name} new").unwrap();
    }),
    ("copied and truncated", |world, log, name| {
        fs::copy(world.path(name), world.path(&format!("{name}.1"))).unwrap();
        log.set_len(0).unwrap();
        writeln!(log, "{name} new").unwrap();
    }),
    ("copied, truncated and compressed", |world, log, name| {
        fs::copy(world.path(name), world.path(&format!("{name}.1"))).unwrap();
        log.set_len(0).unwrap();
        world.compress(&format!("{name}.1"), &format!("{name}.1.zst"));
        writeln!(log, "{name} new").unwrap();
    }),
];

impl World {
    /// The file of a line of the stream as events have it, and the line's place in it.
    fn origin_of(&self, line: u64) -> (String, u64, u64) {
        let of = |piece: &Piece| match piece {
            Piece::Lines(lines) => {
                let index = line.checked_sub(lines.first)? as usize;
                let origin =
                    (index < lines.ends.len()).then(|| lines.origin_of(index)).flatten()?;
                Some((origin.file.to_string(), origin.line, origin.offset))
            }
            _ => None,
        };
        self.pieces.iter().find_map(of).unwrap()
    }
}
