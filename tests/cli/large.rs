//! Much of everything.

use std::fs::File;
use std::io::{BufReader, Read as _, Write as _};
use std::time::Duration;

use spillway_local_s3::Operation;
use spillway_tests::program::Running;
use spillway_tests::server::Server;

use super::support::*;

#[test]
fn an_event_of_40_mib_spans_parts() {
    let payload: String = ('a'..='z').cycle().take(40 * MIB).collect();
    let server = Server::start();
    let place = Place::of(FLOW, &event("large", &payload)).at(&server);
    assert_eq!(place.run(&[])["events"], 1);
    let stored = server.contents();
    assert!(stored["large"] == format!("\"{payload}\"\n").into_bytes(), "it is another");
    assert_eq!(part_bytes(&server), [vec![5 * MIB as u64; 8], vec![3]].concat());
}

#[test]
fn ten_thousand_keys_make_ten_thousand_objects() {
    let server = Server::start();
    let events: String = (0..10_000).map(|n| event(&format!("{n:05}"), &n.to_string())).collect();
    let place = Place::of(FLOW, &events).at(&server);
    let summary = place.run(&[]);
    assert_eq!((&summary["events"], &summary["objects"]), (&10_000.into(), &10_000.into()));
    assert_eq!(server.done().into_iter().collect::<Vec<_>>(), [(Operation::PutObject, 10_000)]);
    let contents = server.contents();
    assert_eq!(contents.len(), 10_000);
    for (n, (key, bytes)) in contents.into_iter().enumerate() {
        assert_eq!((key, bytes), (format!("{n:05}"), format!("\"{n}\"\n").into_bytes()));
    }
}

/// The promise of docs/guarantees.md: memory does not grow with what passes through it.
#[test]
fn a_gibibyte_passes_through_150_mb_of_memory() {
    let server = Server::start();
    let flow = from_stdin().replace("5242880", &PART_BYTES.to_string());
    let place = Place::of(&flow, "").at(&server);
    let mut command = place.command(&["run", "flow.toml", "--json"]);
    let mut running = Running::start_within(&mut command, Duration::from_secs(300));
    let (id, mut stdin) = (running.id(), running.take_stdin());
    let writing = std::thread::spawn(move || {
        for n in 0..EVENTS {
            let line = [b"{\"key\":\"big\",\"payload\":", &*payload(n), b"}\n"].concat();
            stdin.write_all(&line).unwrap();
        }
    });
    let watching = std::thread::spawn(move || peak_kib(id));
    let ended = guarded(running.ends());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    writing.join().unwrap();
    let peak_kib = watching.join().unwrap();
    println!(
        "1 GiB in {} s with {} MB at most",
        summary(&ended)["seconds"],
        peak_kib * 1_024 / 1_000_000
    );
    // A build that is not optimized compiles components with more.
    assert!(peak_kib * 1_024 < 150_000_000, "{peak_kib} KiB");
    assert!(peak_kib > 10_000, "{peak_kib} KiB is too little to be true");
    assert_eq!(summary(&ended)["events"], EVENTS);
    assert_eq!(part_bytes(&server), vec![PART_BYTES; (1 << 30) / PART_BYTES as usize]);
    let [object] = &server.objects()[..] else { panic!("{:?}", server.objects()) };
    assert_eq!(object.size, 1 << 30);
    let mut stored = BufReader::new(File::open(&object.path).unwrap());
    for n in 0..EVENTS {
        let mut line = vec![0; EVENT_BYTES];
        stored.read_exact(&mut line).unwrap();
        assert!(line == [&*payload(n), b"\n"].concat(), "event {n} is another");
    }
}

/// The payload of event `n`: with the line feed behind it, of [`EVENT_BYTES`].
fn payload(n: u64) -> Vec<u8> {
    let filler = char::from(b'a' + (n % 26) as u8).to_string().repeat(EVENT_BYTES - 23);
    format!("\"{n:020}{filler}\"").into_bytes()
}

/// The sizes of the parts of the only upload, by number.
fn part_bytes(server: &Server) -> Vec<u64> {
    let requests = server.requests().into_iter();
    let mut parts: Vec<_> = requests
        .filter(|request| request.operation == Operation::UploadPart)
        .map(|request| (request.part_number.unwrap(), request.content_length.unwrap()))
        .collect();
    parts.sort_unstable();
    let numbers: Vec<_> = parts.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, (1..=parts.len() as u32).collect::<Vec<_>>());
    parts.into_iter().map(|(_, bytes)| bytes).collect()
}

/// How much memory a process has ever had, once it has ended.
fn peak_kib(id: u32) -> u64 {
    let mut peak = 0;
    while let Ok(status) = std::fs::read_to_string(format!("/proc/{id}/status")) {
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        // A process that has ended has no memory any more, until somebody asks how it ended.
        let Some(line) = line else { break };
        peak = line.trim().trim_end_matches(" kB").parse().unwrap();
        std::thread::sleep(Duration::from_millis(2));
    }
    peak
}

const PART_BYTES: u64 = 8 << 20;
const EVENT_BYTES: usize = 4 << 10;
const EVENTS: u64 = (1 << 30) / EVENT_BYTES as u64;
