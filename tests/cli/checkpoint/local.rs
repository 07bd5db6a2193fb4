//! The same with `--local`: its server ends with the run, whichever way that ends.

use super::*;

#[test]
fn a_run_with_a_server_of_its_own_goes_on_as_well() {
    // The first is completed by commits, in parts; the last is in parts, too, and open for long.
    let lines = large(&["a"], 70) + &event("b", "1") + &large(&["c"], 160);
    let place = Place::of(&flow(), &lines).with("ENDPOINT", "http://127.0.0.1:1");
    let mut signals = ["KILL", "INT", "INT", "KILL", "KILL", "INT"].into_iter();
    let mut ended = 0;
    loop {
        let before = read_lines(&place);
        let running = place.start(&["run", "flow.toml", "--local", "out"]);
        // One that has nothing to do may be through before it hears signals.
        let signal = before.and_then(|_| signals.next());
        if let Some((signal, before)) = signal.zip(before) {
            let is_further = || read_lines(&place).is_none_or(|lines| lines > before + 20);
            eventually("it stores that it is further", is_further);
            running.signal(signal);
        }
        let how = guarded(running.ends());
        match how.code {
            Some(0) if how.out.starts_with("Done: ") => break,
            // It was killed when all was stored.
            Some(0) if how.out.starts_with("Nothing to do: ") => break,
            Some(0) => assert!(how.out.starts_with("Stopped; "), "{how:?}"),
            None => assert_eq!(signal, Some("KILL"), "{how:?}"),
            Some(_) => panic!("{how:?}"),
        }
        ended += 1;
    }
    assert!(ended > 0, "it was through before it could be stopped");
    assert!(place.files("out/events") == expected(&lines));
    let hidden = std::fs::read_dir(place.path("out")).unwrap().count();
    assert_eq!(hidden, 1, "the folder of the bucket, and nothing that is kept");
}

/// How many lines the checkpoint says were read; nothing once all are, and stored.
fn read_lines(place: &Place) -> Option<u64> {
    let found = spillway_cli::checkpoint::read(&place.path("run.checkpoint")).unwrap();
    found.map_or(Some(0), |found| (!found.finished).then_some(found.source.lines))
}
