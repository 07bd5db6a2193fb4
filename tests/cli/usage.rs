//! Wrong use: each mistake has a message that names it, and the exit code is 2.

use spillway_tests::server::Server;

use super::support::*;

/// What is wrong: the text in the flow, what stands there instead, and what is said about it.
const MISTAKES: &[(&str, &str, &[&str])] = &[
    ("[source]", "[source", &["the flow is not TOML", "line 2"]),
    (
        "[source]",
        "[sorce]",
        &["sorce: unknown field; did you mean `source`?", "source.type: is missing"],
    ),
    ("[source]", "source = 1", &["source: is integer, expected a table"]),
    (
        "[map]",
        "[extra]\n[map]",
        &["extra: unknown field; there are source, map, sink, credentials"],
    ),
    ("path =", "pth =", &["source.pth: unknown field; did you mean `path`?"]),
    ("\"events.json\"", "7", &["source.path: invalid type: integer `7`"]),
    (
        "\"events.json\"",
        "\"missing.json\"",
        &["source.path: the source file missing.json does not exist"],
    ),
    (
        "\"events.json\"",
        "\"tmp\"",
        &["source.path: the source tmp is a directory, expected a file"],
    ),
    ("\"file\"", "\"queue\"", &["source.type: is \"queue\", expected \"file\", \"stdin\" or"]),
    ("\"file\"", "\"stdin\"", &["source.path: has no meaning with type = \"stdin\""]),
    (
        "path =",
        "codec = \"xml\"\npath =",
        &["source.codec: is \"xml\", expected \"json\" or \"raw\" or \"dead-letters\""],
    ),
    (
        "path =",
        "codec = \"raw\"\npath =",
        &["map.key: is `.key`, a path, but a raw line is no document", "map.payload:"],
    ),
    ("path =", "line_bytes_max = 0\npath =", &["source.line_bytes_max: is 0, expected 1 to"]),
    (
        "path =",
        "line_bytes_max = \"1 MiB\"\npath =",
        &["source.line_bytes_max: invalid type: string"],
    ),
    ("key = \".key\"", "", &["map.key: is missing"]),
    (
        "\".key\"",
        "\"key\"",
        &["map.key: `key` is neither a path nor a jq expression", "did you mean `.key`?"],
    ),
    ("\".key\"", "'.key | nothing'", &["map.key: ", "there is no filter `nothing` at column 8"]),
    ("[map]", "[map]\nfixed_key = \"a\"", &["map.fixed_key: cannot be used together with `key`"]),
    (
        "[map]",
        "[map]\non_rejected = \"ignore\"",
        &["map.on_rejected: is \"ignore\", expected \"stop\", \"skip\", { file"],
    ),
    ("[map]", "[map]\non_rejected = { fil = \"x\" }", &["map.on_rejected: ", "`fil`", "`file`"]),
    (
        "[map]",
        "[map]\non_rejected = { file = \"no/x\" }",
        &["map.on_rejected.file: the folder no does not exist"],
    ),
    (
        "[map]",
        "[map]\non_rejected = { file = \"tmp\" }",
        &["map.on_rejected.file: tmp is a folder"],
    ),
    (
        "[map]",
        "[map]\non_rejected = { file = \"flow.toml\" }",
        &["map.on_rejected.file: flow.toml is the flow; name another file"],
    ),
    (
        "[sink.config]",
        "[sink]\non_failed = { file = \"./flow.toml\" }\n[sink.config]",
        &["sink.on_failed.file: ./flow.toml is the flow; name another file"],
    ),
    ("bucket =", "buket =", &["sink.config.buket: unknown field; did you mean `bucket`?"]),
    ("bucket = \"events\"", "", &["sink.config.bucket: missing, and there is no default"]),
    ("\"events\"", "7", &["sink.config.bucket: the number 7; expected a string"]),
    ("\"events\"", "\"a b\"", &["sink.config.bucket: `a b` is no bucket's name"]),
    (
        "\"events\"",
        "\"${NOT_SET}\"",
        &["sink.config.bucket: the environment variable NOT_SET is not set"],
    ),
    ("\"events\"", "\"${events\"", &["sink.config.bucket: has `${` at column 1 without its `}`"]),
    (
        "5242880",
        "5242879",
        &["sink.config.part_bytes: the number 5242879; expected a whole number from 5242880 to \
             5368709120"],
    ),
    ("5242880", "5368709121", &["sink.config.part_bytes: the number 5368709121"]),
    (
        "part_bytes",
        "rotate.event = 1\npart_bytes",
        &["sink.config.rotate.event: unknown field; did you mean `rotate.events`?"],
    ),
    (
        "part_bytes",
        "rotate.events = 0\npart_bytes",
        &["sink.config.rotate.events: the number 0; expected a whole number from 1 to \
             1000000000000"],
    ),
    (
        "part_bytes",
        "\"rotate.events\" = 1\npart_bytes",
        &["sink.config.rotate.events: a name with a dot; write what stands before it as a table"],
    ),
    (
        "part_bytes",
        "rotate = 60\npart_bytes",
        &["sink.config.rotate: the number 60; expected a table"],
    ),
    (
        "part_bytes",
        "max_open_objects = 1001\npart_bytes",
        &["sink.config.max_open_objects: the number 1001; expected a whole number from 1 to 1000"],
    ),
    (
        "part_bytes",
        "rotate.bytes = 50000000000000\npart_bytes",
        &["sink.config.rotate.bytes: an object would fail before it had 50000000000000 bytes"],
    ),
    ("5242880", "\"5MiB\"", &["sink.config.part_bytes: the string `5MiB`"]),
    (
        "part_bytes",
        "min_part_size = 5242880\npart_bytes",
        &["sink.config.part_bytes: given twice: `min_part_size` is the same field"],
    ),
    ("\"${ENDPOINT}\"", "\"not a url\"", &["sink.config.endpoint: `not a url` is not a URL"]),
    (
        "\"${ENDPOINT}\"",
        "\"127.0.0.1:9000\"",
        &["sink.config.endpoint: ", "expected a URL such as `http://127.0.0.1:9000`"],
    ),
    (
        "\"${ENDPOINT}\"",
        "\"ftp://127.0.0.1\"",
        &["sink.config.endpoint: the scheme `ftp`; expected http or https"],
    ),
    (
        "\"${ENDPOINT}\"",
        "\"http://:9000\"",
        &["sink.config.endpoint: `http://:9000` has no host, or a port that is none"],
    ),
    (
        "\"${ENDPOINT}\"",
        "\"http://me:nobody/ever+sees/this=secret@x\"",
        &["sink.config.endpoint: a URL with a user's name in it"],
    ),
    (
        "\"${ENDPOINT}\"",
        "\"http://127.0.0.1:port\"",
        &["sink.config.endpoint: `http://127.0.0.1:port` has no host, or a port that is none"],
    ),
    (
        "[sink.config]",
        "[sink]\nca_file = \"no.pem\"\n[sink.config]",
        &["sink.ca_file: ", "no.pem", "No such file"],
    ),
    (
        "[sink.config]",
        "[sink]\nca_file = \"events.json\"\n[sink.config]",
        &["sink.ca_file: ", "no PEM block of a certificate"],
    ),
    (
        "[sink.config]",
        "[sink]\nca_fil = \"x\"\n[sink.config]",
        &["sink.ca_fil: unknown field; did you mean `ca_file`?"],
    ),
    (
        "[sink.config]",
        "[sink]\nmemory_bytes_max = -1\n[sink.config]",
        &["sink.memory_bytes_max: invalid value"],
    ),
    ("[sink.config]", "[sink]\negress = 7\n[sink.config]", &["sink.egress: invalid type"]),
    (
        "[sink.config]",
        "[sink]\negress = [\"http://s3.example.com\", \"s3.example.com\"]\n[sink.config]",
        &[
            "sink.egress: `http://s3.example.com` is not an authority such as `s3.example.com:443`",
            "sink.egress: `s3.example.com` is not an authority",
        ],
    ),
    (
        "[sink.config]",
        "[credentials]\naccess_key_id_env = \"NO_ID\"\n[sink.config]",
        &["credentials: the environment has no NO_ID;"],
    ),
    (
        "[sink.config]",
        "[credentials]\ntoken = \"T\"\n[sink.config]",
        &["credentials.token: unknown field"],
    ),
    (
        "[sink.config]",
        "[credentials]\nsecret_access_key_env = \"nobody/ever+sees/this=secret\"\n[sink.config]",
        &["credentials.secret_access_key_env: must be the name of an environment variable"],
    ),
    (
        "[sink.config]",
        "[credentials]\naws_access_token = \"AKIAIOSFODNN7EXAMPLE\"\n[sink.config]",
        &["credentials.access_key_id_env: must be the name of an environment variable"],
    ),
    (
        "[sink.config]",
        "[credentials]\naccess_key_id_env = \"A\"\naws_access_token = \"B\"\n[sink.config]",
        &["credentials.aws_access_token: duplicate field `access_key_id_env`"],
    ),
    (
        "[sink.config]",
        "[credentials]\nsource = \"imds\"\n[sink.config]",
        &["credentials.source: is \"imds\", expected \"chain\" or \"environment\""],
    ),
    (
        "[sink.config]",
        "[credentials]\nexternal_id = \"theirs\"\n[sink.config]",
        &["credentials.external_id: has no meaning without `role_arn`"],
    ),
    (
        "[sink.config]",
        "[credentials]\nrole_arn = \"AKIAIOSFODNN7EXAMPLE\"\n[sink.config]",
        &["credentials.role_arn: is no ARN of a role"],
    ),
];

#[test]
fn each_mistake_is_named_before_anything_is_done() {
    let server = Server::start();
    for (written, instead, said) in MISTAKES {
        assert!(FLOW.contains(written), "{written}");
        let flow = FLOW.replacen(written, instead, 1);
        let place = Place::of(&flow, &event("a", "1")).at(&server);
        for command in [&["check", "flow.toml"][..], &["run", "flow.toml"]] {
            let ended = place.spillway(command);
            assert_fails(&ended, 2, said);
            assert_eq!(ended.out, "", "{instead}");
            assert!(!ended.err.contains("AKIAIOSFODNN7EXAMPLE"), "{}", ended.err);
        }
    }
    assert_eq!(server.requests_total(), 0);
}

#[test]
fn the_flow_itself_may_be_missing() {
    let place = Place::new();
    for command in ["run", "check"] {
        let said = ["error: cannot read the flow nothing.toml", "because: No such file"];
        assert_fails(&place.spillway(&[command, "nothing.toml"]), 2, &said);
    }
    place.write("flow.toml", b"\xff\xfe");
    assert_fails(&place.spillway(&["run", "flow.toml"]), 2, &["cannot read the flow flow.toml"]);
}

#[test]
fn missing_credentials_are_named() {
    let server = Server::start();
    let only = format!("{FLOW}[credentials]\nsource = \"environment\"");
    let (id, secret) = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY");
    for (flow, missing, said) in [
        // Half a key is a mistake, wherever another one might be.
        (FLOW, &[id][..], "the environment has no AWS_ACCESS_KEY_ID;"),
        (FLOW, &[secret], "the environment has no AWS_SECRET_ACCESS_KEY;"),
        (
            &only,
            &[id, secret],
            "the environment has no AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY;",
        ),
    ] {
        let place = Place::of(flow, &event("a", "1")).at(&server);
        let place = missing.iter().fold(place, |place, name| place.without(name));
        for command in ["check", "run"] {
            let ended = place.spillway(&[command, "flow.toml"]);
            assert_fails(&ended, 2, &["credentials: ", said, "or name other variables"]);
        }
        // Which a server of one's own does not ask for.
        place.run(&["--local", "out"]);
    }
    assert_eq!(server.requests_total(), 0);
}

/// A line end that came along from a file would otherwise be a signature that does not match.
#[test]
fn credentials_with_a_line_end_are_named_and_not_shown() {
    let server = Server::start();
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"] {
        let place = Place::of(FLOW, &event("a", "1")).at(&server).with(name, "value-of-it\n");
        let ended = place.spillway(&["run", "flow.toml"]);
        assert_fails(
            &ended,
            2,
            &[&format!("credentials: the value of {name} contains a blank, a line end")],
        );
        assert!(!ended.err.contains("value-of-it"), "{ended:?}");
    }
    assert_eq!(server.requests_total(), 0);
}

#[test]
fn a_local_server_needs_a_whole_flow_and_a_folder() {
    let place = Place::of(&FLOW.replace("bucket = \"events\"\n", ""), "");
    let run = ["run", "flow.toml", "--local", "out"];
    assert_fails(&place.spillway(&run), 2, &["sink.config.bucket: missing"]);
    place.write("flow.toml", FLOW.split("[sink.config]").next().unwrap());
    assert_fails(&place.spillway(&run), 2, &["sink.config.bucket: missing"]);
    place.write("flow.toml", FLOW.replace("events.json", "missing.json"));
    assert_fails(&place.spillway(&run), 2, &["source.path: the source file missing.json"]);
    place.write("flow.toml", FLOW.replace("\"events\"", "\"Events\""));
    assert_fails(&place.spillway(&run), 2, &["\"Events\" is no name for a bucket"]);
    assert!(!place.path("out").join("Events").exists());
    place.write("flow.toml", FLOW);
    let file = ["run", "flow.toml", "--local", "events.json"];
    assert_fails(&place.spillway(&file), 2, &["cannot use the folder events.json"]);
}

#[test]
fn arguments_are_explained() {
    let place = Place::new();
    for (arguments, said) in [
        (&[][..], "Usage: spillway <COMMAND>"),
        (&["frobnicate"], "unrecognized subcommand 'frobnicate'"),
        (&["chekc", "flow.toml"], "'check'"),
        (&["run"], "<FLOW>"),
        (&["run", "flow.toml", "--loca", "out"], "'--local'"),
        (&["run", "flow.toml", "--local"], "--local <DIR>"),
        (&["check"], "<FLOW>"),
        (&["component"], "--output <FILE>"),
        (&["demo", "more"], "unexpected argument 'more'"),
    ] {
        assert_fails(&place.spillway(arguments), 2, &[said]);
    }
}

#[test]
fn the_exit_codes_are_those_that_the_help_lists() {
    let place = Place::of(FLOW, "").with("ENDPOINT", "http://127.0.0.1:1");
    let help = place.spillway(&["--help"]);
    assert_eq!(help.code, Some(0));
    let listed = "Exit codes: 0 done, 1 failed at run time, 2 wrong use or configuration, \
                  130 interrupted.";
    let shown = help.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(shown.contains(listed), "{}", help.out);
    assert_eq!(place.spillway(&["run", "flow.toml"]).code, Some(0));
    place.write("events.json", event("a", "1"));
    assert_eq!(place.spillway(&["run", "flow.toml"]).code, Some(1));
    assert_eq!(place.spillway(&["run", "none.toml"]).code, Some(2));
    // 130 has its tests among the signals.
}
