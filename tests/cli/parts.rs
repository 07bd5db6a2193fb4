//! `spillway component`: the components that compose with a sink, as files.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;
use spillway::parts::Part;
use spillway_tests::server::{ACCESS_KEY_ID, SECRET_ACCESS_KEY};

use super::support::*;

#[test]
fn every_component_is_written_by_its_name() {
    let place = Place::new();
    let parts = [
        ("chain", Part::Chain),
        ("route", Part::Route),
        ("command", Part::Command),
        ("env-credentials", Part::EnvCredentials),
        ("static-credentials", Part::StaticCredentials),
        ("wasmcloud", Part::Wasmcloud),
    ];
    assert_eq!(parts.len(), Part::ALL.len());
    for (name, part) in parts {
        let ended = place.spillway(&["component", name, "-o", "it.wasm"]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(std::fs::read(place.path("it.wasm")).unwrap() == part.bytes());
    }
    assert_fails(&place.spillway(&["component", "chian", "-o", "it.wasm"]), 2, &["chain"]);
    place.write("route.wasm", Part::Route.bytes());
    let inspected = place.spillway(&["inspect", "route.wasm"]);
    assert_eq!(inspected.code, Some(0), "{inspected:?}");
    for text in ["(a transform)", "spillway:sink/types@0.2.0", "\"key_prefix\""] {
        assert!(inspected.out.contains(text), "{inspected:?}");
    }
}

#[test]
fn credentials_are_written_into_a_file_for_its_owner() {
    let place = Place::new();
    let given = json!({
        "Version": 1,
        "AccessKeyId": ACCESS_KEY_ID,
        "SecretAccessKey": SECRET_ACCESS_KEY,
        "SessionToken": "t0ken",
        "Expiration": "2035-01-01T00:00:00Z",
    });
    place.write("given.json", given.to_string());
    place.write("it.wasm", "something else, that others may read");
    let arguments =
        ["component", "static-credentials", "--credentials", "given.json", "-o", "it.wasm"];
    let ended = place.spillway(&arguments);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let bytes = std::fs::read(place.path("it.wasm")).unwrap();
    assert_eq!(bytes.len(), Part::StaticCredentials.bytes().len());
    let held =
        format!(r#""expires_at":2051222400000000000,"secret_access_key":"{SECRET_ACCESS_KEY}""#);
    assert!(bytes.windows(held.len()).any(|bytes| bytes == held.as_bytes()));
    let mode = std::fs::metadata(place.path("it.wasm")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let secret = SECRET_ACCESS_KEY;
    for (text, said) in [
        (
            format!("{{\"AccessKeyId\": \"a\", \"SecretAccessKey\": \"{secret}\", }}"),
            "line 1, column ",
        ),
        (
            format!("{{\"AccessKeyId\": \"a\", \"SecretAccessKey\": [\"{secret}\"]}}"),
            "expected JSON with AccessKeyId",
        ),
        (
            format!("{{\"AccessKeyId\": \"a\", \"SecretAccessKey\": \"{secret}\\n\"}}"),
            "SecretAccessKey: expected visible",
        ),
        (
            format!("{{\"AccessKeyId\": \"\", \"SecretAccessKey\": \"{secret}\"}}"),
            "AccessKeyId: expected visible",
        ),
        (given.to_string().replace("2035-01-01T", "soon"), "Expiration: expected a time such as"),
        (given.to_string().replace("t0ken", &"t".repeat(9_000)), "longer than the 8160 bytes"),
    ] {
        place.write("given.json", text);
        assert_fails(&place.spillway(&arguments), 2, &["--credentials given.json: ", said]);
    }
    let missing = ["component", "static-credentials", "--credentials", "no", "-o", "it.wasm"];
    assert_fails(
        &place.spillway(&missing),
        2,
        &["--credentials no: cannot be read", "No such file"],
    );
    let other = ["component", "chain", "--credentials", "given.json", "-o", "it.wasm"];
    assert_fails(&place.spillway(&other), 2, &["--credentials: only for"]);
}
