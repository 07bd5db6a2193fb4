//! Objects that are framed and compressed: the examples, and what is stored with them.

use std::collections::BTreeMap;

use spillway_core::encode::Compression;
use spillway_simulation::decode::decompressed;
use spillway_tests::server::Server;

use super::support::*;

const ZSTD: Compression = Compression::Zstd { level: 9 };
const GZIP: Compression = Compression::Gzip { level: 6 };

#[test]
fn the_compressed_example_can_be_read() {
    let place = example("compressed");
    let ended = place.spillway(&["run", "examples/compressed.toml", "--local", "out"]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
    let files = place.files("out").into_iter();
    let texts = files.map(|(name, bytes)| (name, decompressed(Some(ZSTD), &bytes).unwrap()));
    let wanted = [
        ("tremordemo/key1.zst", "{\"event1\":\"hello1\",\"key2\":[1,2,3,4,5]}\n"),
        ("tremordemo/key2.zst", "{\"event3\":{\"nested Obj\":[\"vec1\",\"vec2\",\"vec3\"]}}\n"),
        ("tremordemo/key3.zst", "{\"event3\":null}\n"),
    ];
    let wanted = wanted.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()));
    assert_eq!(texts.collect::<BTreeMap<_, _>>(), wanted.into());
}

#[test]
fn the_json_array_example_is_one_document() {
    let place = example("json-array");
    let ended = place.spillway(&["run", "examples/json-array.toml", "--local", "out"]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
    let files = place.files("out");
    let document: serde_json::Value =
        serde_json::from_slice(&files["tremordemo/events.json"]).unwrap();
    let source = std::fs::read_to_string(repository().join("examples/sample.json")).unwrap();
    let lines = source.lines().map(|line| serde_json::from_str(line).unwrap());
    assert_eq!(document, serde_json::Value::Array(lines.collect()));
    assert_eq!(files.len(), 1);
}

/// Lines as they lie in the file, through every framing, over a socket.
#[test]
fn every_framing_of_lines_as_they_are() {
    let lines = "one\n\ntwo, \r\nthree";
    for (framing, wanted) in [
        ("newline", "one\n\ntwo, \nthree\n"),
        ("none", "onetwo, three"),
        ("length-delimited", "\0\0\0\x03one\0\0\0\0\0\0\0\x05two, \0\0\0\x05three"),
        ("json-array", "[one,\n,\ntwo, ,\nthree]\n"),
    ] {
        let server = Server::start();
        let flow = format!("{RAW}framing = '{framing}'\ncompression = 'gzip'\n");
        let place = Place::of(&flow, lines).at(&server);
        place.run(&[]);
        let object = &server.contents()["lines.gz"];
        let text = String::from_utf8(decompressed(Some(GZIP), object).unwrap()).unwrap();
        assert_eq!(text, wanted, "{framing}");
    }
}

#[test]
fn a_level_of_another_algorithm_is_wrong_use() {
    let flow = format!("{RAW}compression = 'gzip'\ncompression_level = 12\n");
    let place = Place::of(&flow, "one\n").with("ENDPOINT", "http://127.0.0.1:1");
    let ended = place.spillway(&["check", "flow.toml"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    let wanted = "the number 12, but `gzip` has the levels 1 to 9";
    assert!(ended.err.contains("compression_level") && ended.err.contains(wanted), "{ended:?}");
}

const RAW: &str = r#"
[source]
type = "file"
path = "events.json"
codec = "raw"
[map]
fixed_key = "lines"
[sink.config]
bucket = "events"
endpoint = "${ENDPOINT}"
"#;
