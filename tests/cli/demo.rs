//! `spillway demo`: three objects, a large one, and how they came to be.

use super::support::Place;

#[test]
fn it_shows_the_objects_and_the_requests_that_made_them() {
    let place = Place::new();
    let ended = place.spillway(&["demo"]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
    for line in [
        r#"key1 38 B {"event1":"hello1","key2":[1,2,3,4,5]}"#,
        r#"key2 48 B {"event3":{"nested Obj":["vec1","vec2","vec3"]}}"#,
        r#"key3 15 B {"event3":null}"#,
        r#"large 12.00 MiB {"number":0,"filler":"xxxx"#,
    ] {
        let shown = ended.out.lines().any(|seen| squeezed(seen).starts_with(line));
        assert!(shown, "{line} is not in\n{}", ended.out);
    }
    let mut requests: Vec<_> =
        ended.out.lines().map(squeezed).filter(|line| line.starts_with("200 ")).collect();
    // Several are under way at once, so they end in any order.
    requests.sort();
    let wanted = [
        "200 CompleteMultipartUpload large",
        "200 CreateMultipartUpload large",
        "200 PutObject key1 38 B",
        "200 PutObject key2 48 B",
        "200 PutObject key3 15 B",
        "200 UploadPart 1 large 5.00 MiB",
        "200 UploadPart 2 large 5.00 MiB",
        "200 UploadPart 3 large 2.00 MiB",
    ];
    assert_eq!(requests.len(), wanted.len(), "{requests:#?}");
    for (request, wanted) in requests.iter().zip(wanted) {
        assert!(request.starts_with(wanted), "{requests:#?}");
    }
}

#[test]
fn it_needs_no_credentials_and_leaves_nothing_behind() {
    let place = Place::new().without("AWS_ACCESS_KEY_ID").without("AWS_SECRET_ACCESS_KEY");
    assert_eq!(place.spillway(&["demo"]).code, Some(0));
    assert_eq!(place.files("tmp").len(), 0);
    assert_eq!(place.files("").len(), 0);
}

#[test]
fn the_next_command_begins_as_this_one_did() {
    const NEXT: &str = "run examples/s3demo.toml --local out\n";
    let installed = Place::new().spillway(&["demo"]);
    assert!(installed.out.ends_with(&format!("\nNext: spillway {NEXT}")), "{installed:?}");
    let by_cargo = Place::new().with("CARGO_MANIFEST_DIR", "host/cli").spillway(&["demo"]);
    let next = format!("\nNext: cargo run --release -- {NEXT}");
    assert!(by_cargo.out.ends_with(&next), "{by_cargo:?}");
}

#[test]
fn another_region_in_the_environment_changes_nothing() {
    let place = Place::new().with("AWS_REGION", "eu-central-1");
    assert_eq!(place.spillway(&["demo"]).code, Some(0));
}

/// The line, with single blanks.
fn squeezed(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}
