//! The transform `route`: rules, and what they make of events.

use std::sync::OnceLock;

use spillway::component::ComponentSource;
use spillway::contract::{Boundaries, Error, Framing, Outcome, Payload, Problem, Run};
use spillway::engine::{Engine, Limits};
use spillway::parts::Part;
use spillway::sink::SinkError;
use spillway::transform::{Transform, TransformComponent};

async fn open(config: &str) -> Result<Transform, SinkError> {
    static ROUTE: OnceLock<TransformComponent> = OnceLock::new();
    let route = ROUTE.get_or_init(|| {
        let source = ComponentSource::Bytes(Part::Route.bytes().to_vec());
        TransformComponent::load(&Engine::new(None).unwrap(), &source).unwrap()
    });
    route.open(config, &Limits::default()).await
}

async fn problems(config: &str) -> Vec<Problem> {
    match open(config).await {
        Err(SinkError::Refused(Error::Invalid(problems))) => problems,
        Err(other) => panic!("another error: {other}"),
        Ok(_) => panic!("{config} is taken"),
    }
}

fn lines(key: &str, first: u64, text: &str) -> Run {
    Run {
        key: key.to_owned(),
        first,
        at: Some(7),
        payload: Payload::Text(text.to_owned()),
        boundaries: Boundaries::Lines(text.matches('\n').count() as u32),
        framing: Framing::Newline,
    }
}

fn shown(outcome: &Outcome) -> Vec<(u64, &str, String)> {
    let text = |run: &Run| match &run.payload {
        Payload::Text(text) => text.clone(),
        Payload::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
    };
    outcome.runs.iter().map(|run| (run.first, run.key.as_str(), text(run))).collect()
}

async fn keys(rules: &str, events: &[(&str, &str)]) -> Vec<Option<String>> {
    let mut route = open(&format!(r#"{{"rules": {rules}}}"#)).await.unwrap();
    let mut keys = Vec::new();
    for (key, event) in events {
        let outcome = route.apply(&[lines(key, 0, &format!("{event}\n"))]).await.unwrap();
        let passed = outcome.runs.first().map(|run| run.key.clone());
        let rejected = outcome.rejected.first().map(|r| format!("rejected: {}", r.reason));
        keys.push(passed.or(rejected));
    }
    keys
}

fn texts(keys: &[Option<String>]) -> Vec<&str> {
    keys.iter().map(|key| key.as_deref().unwrap_or("dropped")).collect()
}

#[tokio::test]
async fn the_first_rule_that_matches_decides() {
    let rules = r#"[
        {"key": "exact", "action": "drop"},
        {"key_prefix": "tmp/", "contains": "keep", "action": "pass"},
        {"key_prefix": "tmp/", "action": "drop"},
        {"key_glob": "logs/*/?.json", "action": "set_key", "template": "json/{key}"},
        {"field": "/level", "equals": "debug", "action": "reject", "reason": "too much"},
        {"field": "/user/id", "action": "set_key", "template": "{{{/user/id}}}/{key}"},
        {"field": "/n", "exists": false, "action": "set_key", "template": "without"}
    ]"#;
    let events = [
        ("exact", "x"),
        ("exactly", r#"{"n": 1}"#),
        ("tmp/a", "keep"),
        ("tmp/a", "not"),
        ("logs/a/b/c.json", "x"),
        ("logs/a/bc.json", r#"{"n": 1}"#),
        ("k", r#"{"level": "debug", "n": 1}"#),
        ("k", r#"{"level": "info", "n": 1}"#),
        ("k", r#"{"user": {"id": 12}}"#),
        ("k", r#"{"user": {"id": null}}"#),
        ("k", "no JSON"),
    ];
    let wanted = [
        "dropped",
        "exactly",
        "tmp/a",
        "dropped",
        "json/logs/a/b/c.json",
        "logs/a/bc.json",
        "rejected: too much",
        "k",
        "{12}/k",
        "rejected: the field /user/id is no string, number or boolean",
        "without",
    ];
    assert_eq!(texts(&keys(rules, &events).await), wanted);
}

#[tokio::test]
async fn what_no_rule_is_for_has_a_default() {
    for (default, wanted) in [
        ("", "k"),
        (r#", "default": "pass""#, "k"),
        (r#", "default": "drop""#, "dropped"),
        (r#", "default": "reject""#, "rejected: rejected by `default`"),
        (r#", "default": "reject", "reason": "unknown""#, "rejected: unknown"),
    ] {
        let config = format!(r#"{{"rules": [{{"key": "x", "action": "pass"}}]{default}}}"#);
        let mut route = open(&config).await.unwrap();
        let outcome = route.apply(&[lines("k", 3, "a\n")]).await.unwrap();
        let rejected = outcome.rejected.first().map(|r| format!("rejected: {}", r.reason));
        let passed = outcome.runs.first().map(|run| run.key.clone());
        assert_eq!(passed.or(rejected).unwrap_or("dropped".into()), wanted, "{default}");
    }
}

#[tokio::test]
async fn runs_are_cut_where_events_go_apart_and_keep_what_they_were() {
    let rules = r#"{"rules": [
        {"contains": "drop", "action": "drop"},
        {"contains": "bad", "action": "reject"},
        {"contains": "é", "action": "set_key", "template": "accents"}
    ]}"#;
    let mut route = open(rules).await.unwrap();
    let batch = [lines("k", 5, "a\nb\ndrop\nbad\nc\né\n\n"), lines("k", 20, "drop\n")];
    let outcome = route.apply(&batch).await.unwrap();
    let wanted = [
        (5, "k", "a\nb\n".to_owned()),
        (9, "k", "c\n".to_owned()),
        (10, "accents", "é\n".to_owned()),
        (11, "k", "\n".to_owned()),
    ];
    assert_eq!(shown(&outcome), wanted);
    assert!(outcome.runs.iter().all(|run| run.at == Some(7) && run.framing == Framing::Newline));
    let rejected: Vec<_> = outcome.rejected.iter().map(|r| (r.position, &*r.reason)).collect();
    assert_eq!(rejected, [(8, "rejected by `rules[1]`")]);
    // The same events as bytes with numbers, whose newlines belong to them.
    let bare = Run {
        payload: Payload::Bytes(b"a\nb\xffdropc\n".to_vec()),
        boundaries: Boundaries::At(vec![2, 4, 8, 8, 10]),
        framing: Framing::Bare,
        ..lines("k", 0, "")
    };
    let outcome = route.apply(&[bare]).await.unwrap();
    let runs: Vec<_> =
        outcome.runs.iter().map(|run| (run.first, &run.payload, &run.boundaries)).collect();
    let shown = format!("{runs:?}");
    assert!(shown.contains("At([2, 4])") && shown.contains("At([0, 2])"), "{shown}");
    assert_eq!(runs.iter().map(|run| run.0).collect::<Vec<_>>(), [0, 3]);
}

#[tokio::test]
async fn each_mistake_is_told_with_its_field() {
    let config = r#"{
        "rule": [],
        "default": "skip",
        "rules": [
            {"acton": "drop"},
            {"key_prefx": "a", "action": "drop"},
            {"action": "set_key"},
            {"action": "set_key", "template": "{day}"},
            {"action": "set_key", "template": "a}"},
            {"equals": 1, "action": "drop"},
            {"field": "level", "action": "drop"},
            {"action": "drop", "reason": "x"},
            {"action": "remove"},
            7
        ]
    }"#;
    let found = problems(config).await;
    let found: Vec<_> = found.iter().map(|p| format!("{}: {}", p.field, p.message)).collect();
    for wanted in [
        "rule: unknown field; did you mean `rules`?",
        "default: expected one of pass, drop, reject, not \"skip\"",
        "rules[0].acton: unknown field; did you mean `action`?",
        "rules[0].action: missing; expected one of pass, drop, reject, set_key",
        "rules[1].key_prefx: unknown field; did you mean `key_prefix`?",
        "rules[2].template: missing; expected a key such as \"{/service}/{key}\"",
        "rules[3].template: has the placeholder {day}; there are {key}, and JSON pointers",
        "rules[4].template: has a brace without its other one",
        "rules[5].equals: needs `field`",
        "rules[6].field: expected a JSON pointer such as \"/level\", not \"level\"",
        "rules[7].reason: only with the action `reject`",
        "rules[8].action: expected one of pass, drop, reject, set_key, not \"remove\"",
        "rules[9]: expected a JSON object",
    ] {
        assert!(found.iter().any(|f| f.starts_with(wanted)), "{wanted} is not in {found:#?}");
    }
    assert_eq!(problems("[]").await[0].message, "expected a JSON object");
    assert!(problems("{").await[0].message.starts_with("not JSON"));
}

/// The host ends a component that tells more.
#[tokio::test]
async fn a_configuration_with_too_many_mistakes_is_told_in_part() {
    let long = "é".repeat(10_000);
    for (rule, count) in [
        (r#"{"action": "no"}"#.to_owned(), 101),
        (r#"{"action": "no"}"#.to_owned(), 150),
        (format!(r#"{{"action": "{long}", "field": "{long}", "{long}": 1}}"#), 300),
        (format!(r#"{{"action": "set_key", "template": "{{{long}}}"}}"#), 100),
        (format!(r#"{{"action": "set_key", "template": "{{{long}}}"}}"#), 1),
    ] {
        let config = format!(r#"{{"rules": [{}]}}"#, vec![rule.as_str(); count].join(", "));
        let found = problems(&config).await;
        let shown =
            found.iter().map(|p| p.field.matches('é').count().max(p.message.matches('é').count()));
        assert!(shown.clone().all(|chars| chars <= 100), "{count} of {:.40}", rule);
        assert!(found.len() <= 100);
        let last = found.last().unwrap();
        let mistakes = if rule.contains("field") { 3 * count } else { count };
        if mistakes > 100 {
            let left = mistakes - found.len() + 1;
            let wanted = format!("at least {left} more problems, which are not shown");
            assert_eq!((last.field.as_str(), last.message.as_str()), ("", wanted.as_str()));
        } else {
            assert_eq!(found.len(), mistakes);
        }
    }
}

/// The schema and the code know the same fields.
#[tokio::test]
async fn the_schema_names_the_fields_that_are_read() {
    let source = ComponentSource::Bytes(Part::Route.bytes().to_vec());
    let route = TransformComponent::load(&Engine::new(None).unwrap(), &source).unwrap();
    let schema = route.describe(&Limits::default()).await.unwrap().configuration_schema;
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    let named = |value: &serde_json::Value| {
        let mut names: Vec<_> = value["properties"].as_object().unwrap().keys().cloned().collect();
        names.sort();
        names
    };
    let told = |problem: &Problem| {
        let list = problem.message.strip_prefix("unknown field; there are ").unwrap();
        let mut names: Vec<_> = list.split(", ").map(str::to_owned).collect();
        names.sort();
        names
    };
    let top = problems(r#"{"no_such_field_at_all": 1}"#).await;
    assert_eq!(told(&top[0]), named(&schema));
    let rule = problems(r#"{"rules": [{"action": "drop", "no_such_field_at_all": 1}]}"#).await;
    assert_eq!(told(&rule[0]), named(&schema["properties"]["rules"]["items"]));
}
