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
    let text = "type = 'kafka'\ncodec = 'csv'\nline_bytes_max = 0\ncrlf = 'no'\nempty_lines = ''";
    let problems = parse(text).settings().unwrap_err();
    let shown: Vec<String> = problems.iter().map(Problem::to_string).collect();
    assert_eq!(
        shown,
        [
            "source.type: is \"kafka\", expected \"file\" or \"stdin\"",
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

#[test]
fn unknown_fields_are_refused() {
    let error = toml::from_str::<SourceConfig>("typo = 1").unwrap_err().to_string();
    assert!(error.contains("unknown field `typo`"), "{error}");
}

fn parse(text: &str) -> SourceConfig {
    toml::from_str(text).unwrap()
}
