//! Files that a flow skips which begins at their ends, and those that it does not.

use std::fs::File;
use std::io::Write as _;

use spillway_tests::store::Store;

use super::lines::line;
use super::seen::Seen;
use crate::support::*;

#[test]
fn what_is_written_once_a_run_is_ready_is_stored_though_it_is_killed() {
    for has_files in [true, false] {
        let store = Store::start(|_| {});
        let place = Place::of(FLOW, "").with("ENDPOINT", &store.endpoint());
        std::fs::create_dir(place.path("logs")).unwrap();
        let written = if has_files {
            place.write("logs/full.log", line("full", 0));
            place.write("logs/empty.log", "");
            vec![("full", 1), ("empty", 0), ("later", 0)]
        } else {
            vec![("later", 0)]
        };
        let running = place.start(&["run", "flow.toml"]);
        // It is ready with its first checkpoint, and stores no other before its time.
        eventually("a checkpoint", || place.path("run.checkpoint").exists());
        for (log, number) in &written {
            let path = place.path(&format!("logs/{log}.log"));
            let mut file = File::options().append(true).create(true).open(path).unwrap();
            file.write_all(line(log, *number).as_bytes()).unwrap();
        }
        running.signal("KILL");
        running.ends();
        place.write("flow.toml", FLOW.replace("1h", "200ms"));
        let running = place.start(&["run", "flow.toml"]);
        let mut seen = Seen::default();
        eventually("all lines", || {
            seen.look(&store);
            written.iter().all(|(log, number)| seen.has(log, *number))
        });
        running.signal("TERM");
        let ended = guarded(running.ends());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        seen.look(&store);
        assert_eq!(seen.lines(), written.len());
    }
}

const FLOW: &str = r#"
[source]
type = "file"
paths = ["logs/*.log"]
follow = true
start_at = "end"

[map]
key = ".file"

[sink.config]
bucket = "events"
endpoint = "${ENDPOINT}"
key_template = "{key}/{first}"
rotate = { age_ms = 1000 }

[checkpoint]
path = "run.checkpoint"
every = "1h"
"#;
