//! More than one process that goes on with the checkpoint of a flow in the bucket.
//!
//! `SPILLWAY_KILLS` and the seeds are those of `killed`.

use std::cell::Cell;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use spillway_simulation::bucket::KeyPair;
use spillway_tests::bucket_server::SocketFault;

use super::bucket::{STATE, contents, flow, follow, large, place};
use super::killed::{by_key, lines};
use super::*;

#[test]
fn a_process_that_was_taken_over_ends_and_commits_nothing_more() {
    let store = Store::start(|_| {});
    // Standing still, the first one holds an open upload.
    let lines = large("a", 120);
    let named = "key_template = \"{key}/{first}\"\n[checkpoint]";
    let followed = follow(&flow().replace("every = \"0s\"", "every = \"1s\""));
    let followed = followed.replace("[checkpoint]", named);
    let place = place(&followed, &lines, &store);
    let mut first = place.start(&["run", "flow.toml", "--log-level", "debug"]);
    first.wait_for("checkpoint stored: the next run would start at line 121");
    let mut second = place.start(&["run", "flow.toml"]);
    second.wait_for("resuming from");
    let ended = guarded(first.ends());
    let said =
        "another process has taken over the checkpoint `flow` in the bucket, so this one ends";
    assert_fails(&ended, 1, &[said]);
    second.signal("TERM");
    assert_eq!(guarded(second.ends()).code, Some(0));
    assert_eq!(contents(&store).len(), 0, "the object is still open");
    let upload = store.bucket(|bucket| bucket.open_uploads().keys().next().cloned());
    assert_eq!(asked(&store, Operation::CreateMultipartUpload), 1, "its upload is the first one's");
    place.write("flow.toml", ended_soon(&followed));
    let third = place.start(&["run", "flow.toml"]);
    eventually("the object is visible", || by_key(&contents(&store)) == expected(&lines));
    third.signal("TERM");
    assert_eq!(guarded(third.ends()).code, Some(0));
    let is_it = |id: &String| {
        store.bucket(|bucket| bucket.objects().values().any(|o| o.upload_id.as_ref() == Some(id)))
    };
    assert!(upload.is_some_and(|id| is_it(&id)), "the third one completes it");
}

/// The same flow, whose objects end by themselves.
fn ended_soon(flow: &str) -> String {
    flow.replace("[checkpoint]", "rotate = { age_ms = 1000 }\n[checkpoint]")
}

/// Who stands still for longer than its lease is taken over, and knows it before it sends anything
/// of an object. Each of the two has keys of its own.
#[test]
fn one_that_stood_still_sends_nothing_of_objects() {
    let (id, secret) = ("AKIDSECOND", "secret-of-the-second");
    let store = Store::start(|options| {
        let key = options.keys[0].clone();
        let (access_key_id, secret_access_key) = (id.to_owned(), secret.to_owned());
        options.keys.push(KeyPair { access_key_id, secret_access_key, ..key });
    });
    let leased = flow().replace("lease = \"0s\"\nevery = \"0s\"", "lease = \"2s\"\nevery = \"1s\"");
    let named = "key_template = \"{key}/{first}\"\n[checkpoint]";
    let followed = follow(&leased.replace("[checkpoint]", named));
    // Two parts, and nearly a third one, which the next event fills.
    let mut lines = large("a", 157);
    let place = place(&followed, &lines, &store);
    let mut first = place.start(&["run", "flow.toml", "--log-level", "debug"]);
    first.wait_for("checkpoint stored: the next run would start at line 158");
    first.signal("STOP");
    std::thread::sleep(Duration::from_secs(4));
    place.write("flow.toml", ended_soon(&followed));
    let mut command = place.command(&["run", "flow.toml"]);
    command.env("AWS_ACCESS_KEY_ID", id).env("AWS_SECRET_ACCESS_KEY", secret);
    let mut second = Running::start(&mut command);
    second.wait_for("resuming from");
    eventually("the object is visible", || by_key(&contents(&store)) == expected(&lines));
    let more = large("a", 60);
    let file = std::fs::File::options().append(true).open(place.path("events.json"));
    file.unwrap().write_all(more.as_bytes()).unwrap();
    lines += &more;
    let before = store.bucket(|bucket| bucket.log().len());
    first.signal("CONT");
    let ended = guarded(first.ends());
    assert_fails(&ended, 1, &["another process has taken over the checkpoint `flow`"]);
    eventually("the rest is visible", || by_key(&contents(&store)) == expected(&lines));
    second.signal("TERM");
    let ended = guarded(second.ends());
    assert!(ended.code == Some(0) && !ended.err.contains(secret), "{ended:?}");
    let sent: Vec<_> = store.bucket(|bucket| {
        let since = bucket.log()[before..].iter().filter(|l| l.access_key_id != id);
        since.filter(|l| l.key != STATE).cloned().collect()
    });
    assert!(sent.is_empty(), "{sent:?}");
}

#[test]
fn whoever_takes_over_waits_for_the_end_of_the_lease() {
    let store = Store::start(|_| {});
    let leased = flow().replace("lease = \"0s\"\nevery = \"0s\"", "lease = \"4s\"\nevery = \"1s\"");
    let lines = event("a", "1");
    let here = place(&follow(&leased), &lines, &store);
    let mut first = here.start(&["run", "flow.toml", "--log-level", "debug"]);
    first.wait_for("checkpoint stored: the next run would start at line 2");
    first.signal("KILL");
    assert_eq!(first.ends().code, None);
    let killed = Instant::now();
    let mut second = here.start(&["run", "flow.toml", "--log-level", "debug"]);
    second.wait_for("another process has stored the checkpoint `flow` in the bucket");
    second.wait_for("resuming from 1 line of 1 file");
    assert!(killed.elapsed() > Duration::from_secs(2), "{:?}", killed.elapsed());
    // One that ends in order lets go of it, and so does one that finds nothing to do.
    second.wait_for("checkpoint stored");
    second.signal("TERM");
    assert_eq!(guarded(second.ends()).code, Some(0));
    let mut third = here.start(&["run", "flow.toml", "--log-level", "debug"]);
    third.wait_for("checkpoint stored");
    third.signal("TERM");
    let ended = guarded(third.ends());
    assert!(!ended.err.contains("waiting"), "{ended:?}");

    let path = leased.replace("[checkpoint]", "[checkpoint]\nname = \"path\"");
    here.write("flow.toml", &path);
    here.run(&[]);
    assert_eq!(here.run(&[])["end"], "nothing_to_do");
    here.write("events.json", lines + &event("b", "2"));
    let ended = here.spillway(&["run", "flow.toml"]);
    assert!(ended.code == Some(0) && !ended.err.contains("waiting"), "{ended:?}");
}

/// Whichever request of its start is under way.
#[test]
fn one_that_is_stopped_while_it_starts_keeps_nobody_waiting() {
    let store = Store::start(|_| {});
    let leased = flow().replace("lease = \"0s\"\nevery = \"0s\"", "lease = \"1h\"\nevery = \"1h\"");
    for last in 1..=REQUESTS_OF_A_START {
        let named = format!("[checkpoint]\nname = \"stopped-{last}\"");
        let flow = follow(&leased.replace("[checkpoint]", &named));
        let place = place(&flow, &event("a", "1"), &store);
        let key = format!("_spillway/stopped-{last}");
        let (of_state, mut number) = (key.clone(), 0);
        store.server().on_request(move |request| {
            number += usize::from(request.key == of_state);
            let is_last = request.key == of_state && number == last;
            is_last.then_some(SocketFault::SlowAnswer(Duration::from_secs(2)))
        });
        let stopped = place.start(&["run", "flow.toml"]);
        let asked = || store.bucket(|b| b.log().iter().filter(|l| l.key == key).count());
        eventually("the request is there", || asked() >= last);
        stopped.signal("TERM");
        assert_eq!(guarded(stopped.ends()).code, Some(0), "{last}");
        store.server().on_request(|_| None);
        let mut next = place.start(&["run", "flow.toml", "--log-level", "debug"]);
        next.wait_for("checkpoint stored");
        next.signal("TERM");
        assert_eq!(guarded(next.ends()).code, Some(0), "{last}");
    }
}

/// It ends as one that was told to.
#[test]
fn one_that_is_stopped_while_its_checkpoint_has_no_answer_ends_well() {
    let store = Store::start(|_| {});
    let place = place(&follow(&flow()), &event("a", "1"), &store);
    let number = Arc::new(AtomicUsize::new(0));
    let asked = Arc::clone(&number);
    store.server().on_request(move |_| {
        (number.fetch_add(1, Relaxed) >= 5).then_some(SocketFault::StallBefore)
    });
    let stopped = place.start(&["run", "flow.toml"]);
    eventually("it holds its checkpoint", || asked.load(Relaxed) >= 6);
    stopped.signal("TERM");
    let ended = guarded(stopped.ends());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let said = "whoever goes on waits for the end of the lease, if there is one";
    assert!(ended.err.contains(said), "{ended:?}");
}

/// That ask for the checkpoint: the last one stores the first of the run itself.
const REQUESTS_OF_A_START: usize = 7;

/// Each second process that goes on is one in another folder, and the one before it may still be at
/// work. Uploads of several parts are among what is taken over.
#[test]
fn every_event_is_there_once_whoever_goes_on() {
    let parts = Cell::new(0);
    kill_often(KILLS, |seed| until_done(seed, &parts));
    assert!(parts.get() > 0, "no part was uploaded");
}

fn until_done(seed: u64, parts: &Cell<usize>) -> u64 {
    let mut random = fastrand::Rng::with_seed(seed);
    let open = random.usize(1..=3);
    let (mut lines, whole) = (lines(&mut random, open), large("whole", random.usize(60..120)));
    match random.bool() {
        true => lines += &whole,
        false => lines.insert_str(0, &whole),
    }
    let names =
        format!("max_open_objects = {open}\nkey_template = \"{{key}}/{{first}}\"\n[checkpoint]");
    let flow = flow().replace("[checkpoint]", &names);
    let store = Store::start(|_| {});
    let places = [0, 1].map(|_| place(&flow, &lines, &store));
    let (mut kills, mut longest) = (0, Duration::from_millis(40));
    let mut earlier: Vec<std::process::Child> = Vec::new();
    let said = |child: std::process::Child| {
        let ended = child.wait_with_output().unwrap();
        (ended.status.code(), String::from_utf8_lossy(&ended.stderr).into_owned())
    };
    for turn in 0.. {
        let mut command = places[turn % 2].command(&["run", "flow.toml"]);
        command.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null());
        let mut child = command.stderr(std::process::Stdio::piped()).spawn().unwrap();
        let (begun, deadline) = (Instant::now(), longest.mul_f64(random.f64()));
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break Some(status);
            }
            if begun.elapsed() >= deadline {
                break None;
            }
            std::thread::sleep(Duration::from_millis(1));
        };
        let is_taken_over = |text: &str| text.contains("another process has taken over");
        match status {
            Some(status) => {
                let (_, text) = said(child);
                if status.success() {
                    break;
                }
                assert!(is_taken_over(&text), "SPILLWAY_SEED={seed}: {status}: {text}");
            }
            // It goes on while the next one takes over, or is killed.
            None if random.bool() => earlier.push(child),
            None => {
                kills += 1;
                let _ = child.kill();
                let _ = child.wait();
            }
        }
        longest = longest.mul_f64(1.2).min(Duration::from_secs(20));
    }
    for child in earlier {
        let (code, text) = said(child);
        let is_fine = code == Some(0) || text.contains("another process has taken over");
        assert!(is_fine, "SPILLWAY_SEED={seed}: {code:?}: {text}");
    }
    assert!(by_key(&contents(&store)) == expected(&lines), "SPILLWAY_SEED={seed}, {kills} kills");
    parts.set(parts.get() + asked(&store, Operation::UploadPart));
    kills
}

const KILLS: u64 = 5;
