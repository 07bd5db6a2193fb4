use super::*;

#[test]
fn defaults() {
    let settings = parse("type = 'file'\npath = 'a.json'").settings().unwrap();
    assert_eq!(settings.input, Input::File("a.json".into()));
    assert_eq!(settings.codec, Codec::Json);
    assert_eq!(settings.lines.line_bytes_max, 67_108_864);
    assert_eq!(settings.lines.crlf, Crlf::Strip);
    assert_eq!(settings.lines.empty_lines, EmptyLines::Skip);
    let raw = parse("type = 'stdin'\ncodec = 'raw'").settings().unwrap();
    assert_eq!(raw.input, Input::Stdin);
    assert_eq!(raw.lines.empty_lines, EmptyLines::Keep);
}

#[test]
fn all_problems_at_once() {
    let text = "type = 'queue'\ncodec = 'csv'\nline_bytes_max = 0\ncrlf = 'no'\nempty_lines = ''";
    let problems = parse(text).settings().unwrap_err();
    let shown: Vec<String> = problems.iter().map(Problem::to_string).collect();
    assert_eq!(
        shown,
        [
            "source.type: is \"queue\", expected \"file\", \"stdin\" or \"kafka\"",
            "source.codec: is \"csv\", expected \"json\" or \"raw\" or \"dead-letters\"",
            "source.line_bytes_max: is 0, expected 1 to 1073741824 bytes",
            "source.crlf: is \"no\", expected \"strip\" or \"keep\"",
            "source.empty_lines: is \"\", expected \"skip\" or \"keep\"",
        ]
    );
}

#[test]
fn path_belongs_to_file() {
    for (text, field) in [
        ("", "source.type"),
        ("type = 'file'", "source.path"),
        ("type = 'file'\npath = ''", "source.path"),
        ("type = 'stdin'\npath = 'x'", "source.path"),
    ] {
        let problems = parse(text).settings().unwrap_err();
        assert_eq!(problems.len(), 1, "{text}");
        assert_eq!(problems[0].field, field, "{text}");
    }
}

#[cfg(not(feature = "kafka"))]
#[test]
fn a_build_without_the_client_of_kafka_says_how_it_is_had() {
    let text = "type = 'kafka'\nbrokers = ['a:1']\ntopics = ['t']\ngroup = 'g'";
    let problems = parse(text).settings().unwrap().kafka().unwrap().problems();
    assert_eq!(problems.len(), 1);
    let said = "source.type: is \"kafka\", which this build leaves out; build it with `cargo build \
                --release --features kafka`";
    assert_eq!(problems[0].to_string(), said);
}

#[test]
fn secrets_of_a_cluster_are_in_no_text() {
    let text = "type = 'kafka'\nbrokers = ['a:1']\ntopics = ['t']\ngroup = 'g'\n\
                sasl = { mechanism = 'PLAIN', username = 'u', password = 'hidden' }\n\
                properties = { 'client.id' = 'hidden' }";
    let config = parse(text);
    let settings = config.settings().unwrap();
    for shown in [format!("{config:?}"), format!("{settings:?}")] {
        assert!(!shown.contains("hidden") && shown.contains("client.id"), "{shown}");
    }
    assert!(settings.follows() && settings.lines.crlf == Crlf::Keep);
}

#[test]
fn unknown_fields_are_refused() {
    let error = toml::from_str::<SourceConfig>("typo = 1").unwrap_err().to_string();
    assert!(error.contains("unknown field `typo`"), "{error}");
}

fn parse(text: &str) -> SourceConfig {
    toml::from_str(text).unwrap()
}
