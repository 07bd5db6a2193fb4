use super::*;

#[test]
fn what_becomes_of_rejected_events() {
    for (text, expected) in [
        ("", OnRejected::Stop),
        ("on_rejected = 'stop'", OnRejected::Stop),
        ("on_rejected = 'skip'", OnRejected::Skip),
        ("on_rejected = { file = 'r.ndjson' }", OnRejected::File("r.ndjson".into())),
        ("on_rejected = { topic = 'a.b_c-1' }", OnRejected::Topic("a.b_c-1".to_owned())),
    ] {
        let settings = parse(&format!("key = '.k'\n{text}")).settings(Codec::Json);
        assert_eq!(settings.ok().unwrap().on_rejected, expected, "{text}");
    }
}

#[test]
fn all_problems_at_once() {
    let problems = problems("payload = '.a |'\non_rejected = 'drop'", Codec::Json);
    assert_eq!(
        problems,
        [
            "map.key: is missing; give the path to it, such as \".key\", \
             or a `fixed_key` for all events",
            "map.payload: `.a |` is neither a path nor a jq expression: expected term at the end",
            "map.on_rejected: is \"drop\", expected \"stop\", \"skip\", \
             { file = \"rejected.ndjson\" } or, with type = \"kafka\", \
             { topic = \"rejected\" }",
        ]
    );
    for topic in ["", "..", "a b", "é", &"x".repeat(250)] {
        let topic = format!("key = '.k'\non_rejected = {{ topic = '{topic}' }}");
        let problem = &self::problems(&topic, Codec::Json)[0];
        let said = "expected the name of a topic: 1 to 249 ASCII letters, digits, `.`, `_` and `-`";
        assert!(problem.starts_with("map.on_rejected.topic: is \""), "{problem}");
        assert!(problem.ends_with(said), "{problem}");
    }
}

#[test]
fn dead_letters_need_no_key() {
    assert!(parse("").settings(Codec::DeadLetters).is_ok());
    assert!(parse("key = '.k'").settings(Codec::DeadLetters).is_ok());
}

#[test]
fn expressions_that_do_not_compile_are_shown_with_the_place() {
    for (text, message) in [
        (".a | frob", "there is no filter `frob` at column 6"),
        (".é | $x", "expected token at column 2"),
        (".a | | .b", "expected term at column 6"),
        (".a | $x", "there is no variable `$x` at column 6"),
        ("(.a", "expected closing parenthesis at the end"),
        ("", "expected term at the end"),
        ("key", "there is no filter `key` at column 1; did you mean `.key`?"),
        ("env | .HOME", "there is no filter `env` at column 1"),
        ("$ENV.HOME", "there is no variable `$ENV` at column 1"),
        ("[input]", "there is no filter `input` at column 2"),
        ("include \"x\"; .", "x: module loading not supported"),
    ] {
        let problems = problems(&format!("key = '{text}'"), Codec::Json);
        let expected =
            format!("map.key: `{text}` is neither a path nor a jq expression: {message}");
        assert_eq!(problems, [expected]);
    }
}

#[test]
fn keys_that_exclude_each_other_or_have_nothing_to_look_into() {
    for (text, codec, field) in [
        ("key = '.k'\nfixed_key = 'k'", Codec::Json, "map.fixed_key"),
        ("fixed_key = ''", Codec::Json, "map.fixed_key"),
        ("key = '.k'", Codec::Raw, "map.key"),
        ("fixed_key = 'k'\npayload = '.p'", Codec::Raw, "map.payload"),
        ("fixed_key = 'k'\nat = '.t'", Codec::Raw, "map.at"),
        ("fixed_key = 'k'\nevents = '.items'", Codec::Raw, "map.events"),
        ("fixed_key = '{key}'", Codec::Raw, "map.fixed_key"),
        ("key = '.k'\nevents = '.[] |'", Codec::Json, "map.events"),
        ("key = '.k'\nat = '.t |'", Codec::Json, "map.at"),
        ("key = '.k'\nat = '.t'\nat_unit = 'm'", Codec::Json, "map.at_unit"),
        ("key = '.k'\nat_unit = 'ms'", Codec::Json, "map.at_unit"),
        ("fixed_key = 'k'\non_rejected = { file = '' }", Codec::Raw, "map.on_rejected"),
    ] {
        let problems = parse(text).settings(codec).err().unwrap();
        let fields: Vec<_> = problems.iter().map(|problem| problem.field.as_str()).collect();
        assert_eq!(fields, [field], "{text}");
    }
}

#[test]
fn a_raw_line_has_nothing_to_look_into() {
    for field in ["key", "payload", "at", "events"] {
        let key = if field == "key" { "" } else { "fixed_key = 'k'" };
        let problems = problems(&format!("{key}\n{field} = '.a'"), Codec::Raw);
        let said = "is `.a`, a path, but a raw line is no document; write a jq expression, to \
                    which `.` is the line as a string, or set source.codec = \"json\"";
        assert_eq!(problems, [format!("map.{field}: {said}")]);
    }
}

#[test]
fn a_fixed_key_is_a_template() {
    let problems = problems("fixed_key = 'a/{path}'", Codec::Raw);
    let said = "map.fixed_key: has `{path}`, expected `{file}`, `{topic}`, `{partition}` or \
                `{host}`; write `{{` and `}}` for braces";
    assert_eq!(problems, [said]);
}

#[test]
fn what_cannot_be_read_is_named() {
    for (text, message) in [
        ("kee = 1", "unknown field `kee`"),
        ("on_rejected = 1", "expected \"stop\", \"skip\", { file = \"rejected.ndjson\" } or, with"),
        ("on_rejected = { fiel = 'x' }", "unknown field `fiel`"),
    ] {
        let error = toml::from_str::<MapConfig>(text).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
}

fn problems(text: &str, codec: Codec) -> Vec<String> {
    let problems = parse(text).settings(codec).err().unwrap();
    problems.iter().map(Problem::to_string).collect()
}

fn parse(text: &str) -> MapConfig {
    toml::from_str(text).unwrap()
}
