use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::json;

use super::*;

const WHOLE: &str = "
    [source]
    type = 'file'
    path = 'events.json'
    [map]
    key = '.key'
    [sink.config]
    bucket = '${BUCKET}'
    part_bytes = 5242880
";

#[test]
fn a_whole_flow_is_read() {
    let draft = parse(WHOLE, &[("BUCKET", "b")]);
    assert_eq!(draft.problems, []);
    let sink = draft.sink.unwrap();
    assert_eq!(
        (&sink.config["bucket"], &sink.config["part_bytes"]),
        (&"b".into(), &5_242_880.into())
    );
    assert!(draft.credentials.is_some());
}

#[test]
fn a_date_needs_no_quotes() {
    let flow = WHOLE.to_owned() + "object_lock_retain_until = 2035-01-31T00:00:00Z";
    let sink = parse(&flow, &[("BUCKET", "b")]).sink.unwrap();
    assert_eq!(sink.config["object_lock_retain_until"], "2035-01-31T00:00:00Z");
}

#[test]
fn no_value_of_the_component_is_shown() {
    let sink = parse(WHOLE, &[("BUCKET", "s3cr3t")]).sink.unwrap();
    let shown = format!("{sink:?}");
    assert!(shown.contains("\"bucket\"") && !shown.contains("s3cr3t"), "{shown}");
    for broken in ["customer_key = \"s3cr3t", "customer_key = s3cr3t", "bucket = \"s3cr3t\""] {
        let error = Draft::parse(
            &(WHOLE.to_owned() + broken),
            "orders",
            &Variables::of([]),
            &Config::default(),
        );
        let Err(error) = error else { panic!("{broken}") };
        let said = format!("{error} {error:?}");
        assert!(said.contains("line 10, column ") && !said.contains("s3cr3t"), "{said}");
    }
}

#[test]
fn what_is_overruled_needs_no_variable() {
    let fields = BTreeMap::from([("bucket", Some("other".to_owned())), ("part_bytes", None)]);
    for (depth, path) in
        ["[sink.config]", "[sink.config.sink]", "[sink.config.sink.sink]"].into_iter().enumerate()
    {
        let flow = WHOLE.replace("[sink.config]", path);
        let config = Config { fields: fields.clone(), depth };
        let draft = Draft::parse(&flow, "orders", &Variables::of([]), &config).unwrap();
        assert_eq!(draft.problems, []);
        let config = serde_json::Value::Object(draft.sink.unwrap().config);
        let overruled = json!({ "bucket": "other" });
        let wanted = (0..depth).fold(overruled, |inner, _| json!({ "sink": inner }));
        assert_eq!(config, wanted);
    }
}

#[test]
fn a_flow_with_checkpoints_has_a_sink_that_waits_for_them() {
    let draft = parse(&(WHOLE.to_owned() + "[checkpoint]\npath = 'c'"), &[("BUCKET", "b")]);
    assert_eq!(draft.problems, []);
    assert_eq!(draft.sink.unwrap().config["commit"], "checkpointed");
    assert_eq!(draft.checkpoint.unwrap().store.file(), Some(Path::new("c")));
    let draft = parse(WHOLE, &[("BUCKET", "b")]);
    assert_eq!(draft.checkpoint, None);
    assert!(!draft.sink.unwrap().config.contains_key("commit"));

    let flow = WHOLE.to_owned() + "commit = 'sealed'\n[checkpoint]\nevery = '10'\npth = 1";
    let problems = parse(&flow, &[("BUCKET", "b")]).problems;
    let fields: Vec<_> = problems.iter().map(|p| p.field.as_str()).collect();
    let wanted = ["sink.config.commit", "checkpoint.pth", "checkpoint.every", "checkpoint.path"];
    assert_eq!(fields, wanted);
}

#[test]
fn only_the_region_of_a_bucket_at_aws_is_one_of_aws() {
    let region = |config: &str| {
        let flow = format!("[sink.config]\n{config}");
        parse(&flow, &[]).sink.unwrap().aws_region()
    };
    assert_eq!(region("region = 'eu-west-1'").as_deref(), Some("eu-west-1"));
    assert_eq!(region("aws_region = 'eu-west-1'").as_deref(), Some("eu-west-1"));
    assert_eq!(region("region = 'garage'\nendpoint = 'http://127.0.0.1:3900'"), None);
    assert_eq!(region("bucket = 'b'"), None);
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let text = "
        [sorce]
        [source]
        type = 7
        pth = 'x'
        [map]
        key = '.key'
        fixed_key = 'k'
        [sink]
        memory_bytes_max = 'much'
        [sink.config]
        bucket = '${NOT_SET}'
        [credentials]
        token = 'x'
    ";
    let problems = parse(text, &[]).problems;
    let fields: Vec<_> = problems.iter().map(|p| p.field.as_str()).collect();
    let wanted = [
        "sink.config.bucket",
        "sorce",
        "source.pth",
        "source.type",
        "map.fixed_key",
        "sink.memory_bytes_max",
        "credentials.token",
    ];
    assert_eq!(fields, wanted);
    assert!(problems[0].message.contains("NOT_SET"), "{}", problems[0]);
    assert!(problems[1].message.contains("`source`"), "{}", problems[1]);
    assert!(problems[2].message.contains("`path`"), "{}", problems[2]);
}

#[test]
fn the_names_of_fields_are_those_that_are_read() {
    for (fields, read) in
        [(SOURCE, refuses_unknown::<SourceConfig>()), (MAP, refuses_unknown::<MapConfig>())]
    {
        for field in fields {
            assert!(read.contains(&format!("`{field}`")), "{field} in {read}");
        }
    }
}

fn refuses_unknown<T: DeserializeOwned>() -> String {
    let table = Table::from_iter([("no such field".to_owned(), Value::Boolean(true))]);
    T::deserialize(table).err().map(|e| e.to_string()).unwrap_or_default()
}

fn parse(text: &str, pairs: &[(&str, &str)]) -> Draft {
    let variables = pairs.iter().map(|(n, v)| (n.to_string(), v.to_string()));
    Draft::parse(text, "orders", &Variables::of(variables), &Config::default()).unwrap()
}
