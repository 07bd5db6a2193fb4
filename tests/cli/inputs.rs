//! Inputs that hold no lines: the cause is named before anything is stored.

use spillway_tests::server::Server;

use super::support::*;

fn raw() -> String {
    let flow = FLOW.replace("[source]", "[source]\ncodec = \"raw\"");
    flow.replace("key = \".key\"\npayload = \".payload\"", "fixed_key = \"all\"")
}

fn utf_16(text: &str, mark: bool) -> Vec<u8> {
    let units = mark.then_some(0xFEFF).into_iter().chain(text.encode_utf16());
    units.flat_map(u16::to_le_bytes).collect()
}

#[test]
fn files_without_lines_are_refused_whatever_the_codec() {
    for (bytes, said) in [
        (
            b"\x1F\x8B\x08\0\0\0\0\0\0\x03abc\n\n".to_vec(),
            "Write compression = \"auto\" in [source]",
        ),
        (b"\x28\xB5\x2F\xFD\x04\x58\n".to_vec(), "compressed with zstd"),
        (b"PK\x03\x04\x14\0\n".to_vec(), "is a zip archive"),
        (b"PAR1\x15\x04\n".to_vec(), "is a Parquet file"),
        (utf_16(&event("a", "1"), true), "iconv -f UTF-16 -t UTF-8 events.json"),
        (utf_16(&event("a", "1"), false), "is text in UTF-16LE"),
    ] {
        for flow in [FLOW.to_owned(), raw()] {
            let server = Server::start();
            let place = Place::of(&flow, "").at(&server);
            place.write("events.json", &bytes);
            for command in ["run", "check"] {
                let ended = place.spillway(&[command, "flow.toml"]);
                assert_fails(&ended, 2, &["source.path: events.json ", said]);
            }
            assert_eq!(server.requests_total(), 0);
        }
    }
}

#[test]
fn so_is_a_pipe_before_anything_is_stored() {
    let server = Server::start();
    let place = Place::of(&raw().replace("path = \"events.json\"", ""), "").at(&server);
    place.write("flow.toml", raw().replace("\"file\"\npath = \"events.json\"", "\"stdin\""));
    // However it is cut.
    let mut running = place.start(&["run", "flow.toml"]);
    for byte in b"\x1F\x8B\x08" {
        running.write(&[*byte]);
    }
    let ended = guarded(running.end());
    let said = ["standard input is compressed with gzip", "Put `gzip -dc` before it in the pipe"];
    assert_fails(&ended, 2, &said);
    assert_eq!(server.requests_total(), 0);
}

#[test]
fn raw_lines_may_hold_any_bytes() {
    let place = Place::of(&raw(), "");
    let lines = b"caf\xE9\n\0\0one\n\x1F\x8B\x08\n\xFF\xFE\n\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\n";
    place.write("events.json", lines);
    place.run(&["--local", "out"]);
    assert_eq!(place.files("out/events")["all"], lines);
    place.write("events.json", [&[0; 5000][..], b"one\n"].concat());
    let ended = place.spillway(&["run", "flow.toml", "--local", "out"]);
    assert_fails(
        &ended,
        2,
        &["begins with 4096 NUL bytes or more", "tr -d '\\000' < events.json |"],
    );
}

#[test]
fn lines_that_are_no_documents_are_rejected_with_their_cause() {
    let line = event("a", "1");
    for (text, said) in [
        ("{\n  \"key\": \"a\"\n}\n".to_owned(), "line 1 was rejected: not JSON: expected a member"),
        (
            "{\n  \"key\": \"a\"\n}\n".to_owned(),
            "A document has one line, and this document seems to span",
        ),
        (format!("[\n{line}]\n"), "`jq -c '.[]'` of each element of an array"),
        (format!("[{}]\n", line.trim_end()), "no key: `.key` is missing, since there is an array"),
        (
            format!("{line}\0\0\0{line}"),
            "line 2 was rejected: not JSON: expected a value at byte 1, where 3 NUL",
        ),
        (format!("{line}\u{FEFF}{line}"), "at byte 1, where a byte order mark (BOM)"),
        (format!("{}\u{FEFF}{line}", line.trim_end()), "a byte order mark (BOM)"),
        (
            format!("{}{line}", line.trim_end()),
            "one line holds one document, and here another begins",
        ),
        ("{\"key\":7,\"payload\":1}\n".to_owned(), "key = '.key | tostring' converts it"),
    ] {
        let place = Place::of(FLOW, &text);
        assert_fails(&place.spillway(&["run", "flow.toml", "--local", "out"]), 1, &[said]);
    }
}

#[test]
fn what_the_message_advises_for_a_number_works() {
    let flow = FLOW.replace("\".key\"", "'.key | tostring'");
    let place = Place::of(&flow, "{\"key\":7,\"payload\":1}\n");
    place.run(&["--local", "out"]);
    assert_eq!(place.files("out/events")["7"], b"1\n");
}
