//! What is wrong with `[source]`.

use super::*;

#[test]
fn what_is_wrong_is_named() {
    let source = "brokers = [\"kafka:9092\"]\ntopics = [\"orders\"]\ngroup = \"g\"";
    for (change, said) in [
        ("", "source.brokers: is missing; type = \"kafka\" needs a list, each host:port"),
        ("brokers = [\"kafka\"]", "source.brokers: has \"kafka\", expected host:port"),
        ("brokers = []", "source.brokers: is missing"),
        ("", "source.topics: is missing; type = \"kafka\" needs a list, each a topic"),
        ("topics = [\"\"]", "source.topics: has an empty text, expected a topic"),
        ("group = \"\"", "source.group: is empty, expected a consumer group"),
        ("", "source.group: is missing; type = \"kafka\" needs the name of a consumer group"),
        ("start_at = \"now\"", "source.start_at: is \"now\", expected \"beginning\" or \"end\""),
        ("tombstones = \"keep\"", "source.tombstones: is \"keep\", expected \"skip\" or"),
        ("commit_every = \"0s\"", "source.commit_every: is zero, expected a time such as 30s"),
        ("commit_every = \"25h\"", "source.commit_every: is \"25h\", expected at most 24h"),
        ("revoke_timeout = \"9m\"", "source.revoke_timeout: is not less than max.poll.interval.ms"),
        ("path = \"a\"", "source.path: has no meaning with type = \"kafka\"; remove it"),
        ("follow = true", "source.follow: has no meaning with type = \"kafka\"; remove it"),
        ("crlf = \"keep\"", "source.crlf: has no meaning with type = \"kafka\"; remove it"),
        ("sasl = { }", "source.sasl.mechanism: is missing, expected \"PLAIN\", \"SCRAM-SHA-256\""),
        (
            "sasl = { mechanism = \"PLAIN\", username = \"u\" }",
            "source.sasl.password: is missing; PLAIN needs it",
        ),
        ("sasl = { user = \"u\" }", "source.sasl: unknown field `user`"),
        (
            "properties = { 'group.id' = \"x\" }",
            "source.properties.\"group.id\": is set by `group`; remove it",
        ),
        (
            "properties = { 'enable.auto.commit' = true }",
            "source.properties.\"enable.auto.commit\": is owned by Spillway",
        ),
        (
            "properties = { 'no.such' = \"hidden-value\" }",
            "source.properties.\"no.such\": is no property of librdkafka",
        ),
        (
            "properties = { 'session.timeout.ms' = \"hidden-value\" }",
            "source.properties.\"session.timeout.ms\": has a value that librdkafka does not take",
        ),
        ("topic = \"orders\"", "source.topic: unknown field; did you mean `topics`?"),
    ] {
        let place = Place::new();
        let field = change.split(' ').next().unwrap_or_default();
        let kept = match change {
            "" => said.split(['.', ':']).nth(1).unwrap(),
            _ => field,
        };
        let rest: Vec<_> =
            source.lines().filter(|line| !line.starts_with(&format!("{kept} "))).collect();
        let source = format!("[source]\ntype = \"kafka\"\n{}\n{change}\n", rest.join("\n"));
        place.write("flow.toml", source + MAP);
        let ended = place.spillway(&["check", "flow.toml"]);
        assert_fails(&ended, 2, &[said]);
        assert!(!ended.err.contains("hidden-value"), "{ended:?}");
    }
}

#[test]
fn a_checkpoint_in_a_file_is_refused() {
    let place = Place::new();
    let source = "[source]\ntype = \"kafka\"\nbrokers = [\"kafka:9092\"]\ntopics = [\"orders\"]\n\
                  group = \"g\"\n";
    place.write("flow.toml", format!("{source}{MAP}[checkpoint]\npath = \"c\"\n"));
    let said = "checkpoint.store: is \"file\", but a partition is read by one member of its group \
                after the other; expected \"bucket\"";
    assert_fails(&place.spillway(&["check", "flow.toml"]), 2, &[said]);
    let source = format!("{source}{MAP}[checkpoint]\nstore = \"bucket\"\n");
    place.write("flow.toml", &source);
    let checked = place.spillway(&["check", "flow.toml"]);
    assert_eq!(checked.code, Some(0), "{checked:?}");
    place
        .write("flow.toml", source.replace("[map]", "[sink]\non_failed = { file = \"f\" }\n[map]"));
    let said = "sink.on_failed: is a file, but events that an earlier run read";
    assert_fails(&place.spillway(&["check", "flow.toml"]), 2, &[said]);
}

/// A partition has a checkpoint of its own, and so does the proof that the bucket keeps it.
#[test]
fn a_check_looks_at_the_checkpoint_of_a_partition() {
    let store = Store::start(|_| {});
    let place = Place::new().with("ENDPOINT", &store.endpoint()).with("BROKER", "127.0.0.1:1");
    for (topics, key) in [
        ("\"^audit.*\", \"orders\"", "_spillway/archive/orders/0"),
        ("\"^audit.*\"", "_spillway/archive/topic/0"),
    ] {
        let flow = checkpointed("orders").replace("[\"orders\"]", &format!("[{topics}]"));
        place.write("flow.toml", flow);
        let before = store.bucket(|bucket| bucket.log().len());
        let checked = place.spillway(&["check", "flow.toml", "--connect"]);
        assert_eq!(checked.code, Some(0), "{checked:?}");
        let said = "Each partition resumes from its own checkpoint, `archive/TOPIC/PARTITION` in";
        assert!(checked.out.contains(said), "{checked:?}");
        assert!(checked.out.contains("the bucket keeps checkpoints"), "{checked:?}");
        let keys: Vec<_> = store.bucket(|bucket| {
            let asked = bucket.log()[before..].iter().map(|asked| asked.key.clone());
            asked.filter(|key| key.starts_with("_spillway")).collect()
        });
        assert!(!keys.is_empty() && keys.iter().all(|found| found == key), "{keys:?}");
    }
}

#[test]
fn dead_letters_go_to_no_topic_that_is_read() {
    let place = Place::new();
    for (topics, topic, said) in [
        (
            "\"orders\"",
            "orders",
            "map.on_rejected.topic: is \"orders\", which is read itself: \"orders\" is one of",
        ),
        ("\"^o.*\"", "oo", "map.on_rejected.topic: is \"oo\", which is read itself: \"^o.*\" is"),
        ("\"orders\"", "a b", "map.on_rejected.topic: is \"a b\", expected the name of a topic"),
    ] {
        let source = format!(
            "[source]\ntype = \"kafka\"\nbrokers = [\"kafka:9092\"]\ngroup = \"g\"\n\
             topics = [{topics}]\n"
        );
        let map = format!("[map]\non_rejected = {{ topic = \"{topic}\" }}");
        place.write("flow.toml", source + &MAP.replace("[map]", &map));
        assert_fails(&place.spillway(&["check", "flow.toml"]), 2, &[said]);
    }
}

#[test]
fn lanes_are_refused() {
    let place = Place::new();
    let source = "[source]\ntype = \"kafka\"\nbrokers = [\"kafka:9092\"]\ntopics = [\"orders\"]\n\
                  group = \"g\"\n";
    for lanes in ["2", "\"auto\""] {
        place.write("flow.toml", format!("{source}[sink]\nlanes = {lanes}\n{MAP}"));
        let said = "sink.lanes: is set, but the partitions that a member of a Kafka group \
                    reads are its lanes already";
        assert_fails(&place.spillway(&["check", "flow.toml"]), 2, &[said]);
    }
}

#[test]
fn no_secret_is_shown() {
    let place = Place::new().with("PASSWORD", "s3cr3t-of-kafka");
    let source = "[source]\ntype = \"kafka\"\nbrokers = [\"127.0.0.1:1\"]\ntopics = [\"orders\"]\n\
                  group = \"g\"\nsasl = { mechanism = \"PLAIN\", username = \"u\", \
                  password = \"${PASSWORD}\" }\n";
    place.write("flow.toml", format!("{source}{MAP}"));
    let mut running = place.start(&["run", "flow.toml", "--log-level", "debug"]);
    running.wait_for("no broker can be reached; this is tried again");
    running.signal("TERM");
    let ended = guarded(running.end());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!ended.err.contains("s3cr3t"), "{ended:?}");
}

const MAP: &str = "[map]\nfixed_key = \"all\"\n\
                   [sink.config]\nbucket = \"events\"\nendpoint = \"http://127.0.0.1:1\"\n";
