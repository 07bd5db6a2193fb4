//! What the tables of a flow demand of each other.

use super::SinkSettings;
use crate::dead_letters::OnFailed;
use crate::map::{MapSettings, OnRejected};
use crate::source::{Input, SourceSettings};
use spillway::problem::Problem;

/// The source says where lines lie if the map asks for that.
pub(super) fn place_lines(
    source: &mut SourceSettings,
    map: &MapSettings,
    problems: &mut Vec<Problem>,
) {
    source.lines.origins = map.map.asks_for_place();
    source.lines.records = map.map.computes_with_place();
    let has_files = matches!(source.input, Input::File(_) | Input::Files(_));
    if map.map.needs_file() && !has_files {
        let what = match source.input {
            Input::Kafka(_) => "records are of no file",
            _ => "standard input is no file",
        };
        let message = format!("has `{{file}}`, but {what}; {REMOVE} \"file\"");
        problems.push(Problem::new("map.fixed_key", message));
    }
    if map.map.needs_partition() && source.kafka().is_none() {
        let message = format!(
            "has `{{topic}}` or `{{partition}}`, but no records are read; {REMOVE} \"kafka\""
        );
        problems.push(Problem::new("map.fixed_key", message));
    }
}

/// Dead letters go to a topic of the cluster that is read, and not into what is read.
pub(super) fn send_letters(
    source: &mut SourceSettings,
    map: &MapSettings,
    problems: &mut Vec<Problem>,
) {
    let OnRejected::Topic(topic) = &map.on_rejected else { return };
    let message = match source.kafka() {
        None => format!(
            "is \"{topic}\", but only dead letters of records go to a topic; name a file, or set \
             source.type = \"kafka\""
        ),
        Some(kafka) => match kafka.reads(topic) {
            // What is set aside would be read, and set aside, again and again.
            Some(read) => format!(
                "is \"{topic}\", which is read itself: \"{read}\" is one of source.topics; name \
                 another topic"
            ),
            None => {
                problems.extend(kafka.problems_of_letters());
                source.lines.keys = true;
                return;
            }
        },
    };
    problems.push(Problem::new("map.on_rejected.topic", message));
}

/// A source that never ends needs a checkpoint to be gone on with, unless its group knows how far
/// it was read.
pub(super) fn keep_the_place(
    source: &SourceSettings,
    has_checkpoint: bool,
    problems: &mut Vec<Problem>,
) {
    if source.follows() && source.kafka().is_none() && !has_checkpoint {
        let message = "is true, and needs [checkpoint]: without one, all would be read again at \
                       each start";
        problems.push(Problem::new("source.follow", message));
    }
}

/// Dead letters of objects are found again by the numbers of lines in the file, which are not those
/// of events of several lines.
pub(super) fn find_letters_again(
    source: &SourceSettings,
    sink: &SinkSettings,
    problems: &mut Vec<Problem>,
) {
    if source.lines.multiline.is_some() && sink.on_failed != OnFailed::Stop {
        let message = "cannot be used together with [checkpoint] and [source.multiline]; remove \
                       one of the three";
        problems.push(Problem::new("sink.on_failed", message));
    }
}

const REMOVE: &str = "remove it, or set source.type =";

#[cfg(test)]
mod tests {
    use crate::flow::{Config, Draft, Variables};

    fn kafka(topics: &str) -> String {
        format!("[source]\ntype = 'kafka'\nbrokers = ['k:9092']\ngroup = 'g'\ntopics = [{topics}]")
    }

    #[test]
    fn what_does_not_go_together() {
        let multiline = "[source]\ntype = 'file'\npath = 'a'\nmultiline = { start = '^>' }";
        let letters = "[sink]\non_failed = { file = 'f' }";
        let checkpoint = "[checkpoint]\npath = 'c'";
        let key = "[map]\nkey = '.k'";
        let (of_one, of_many) = (kafka("'t'"), kafka("'t', '^t.*'"));
        let no_retries = of_one.clone() + "\nproperties = { retries = 0 }";
        for (tables, problem) in [
            (
                vec![multiline, key, letters, checkpoint],
                "sink.on_failed: cannot be used together with [checkpoint] and \
                 [source.multiline]; remove one of the three",
            ),
            (vec![multiline, key, checkpoint], ""),
            (vec![multiline, key, letters], ""),
            (
                vec!["[source]\ntype = 'stdin'", "[map]\nfixed_key = '{file}'"],
                "map.fixed_key: has `{file}`, but standard input is no file; remove it, or set \
                 source.type = \"file\"",
            ),
            (vec!["[source]\ntype = 'file'\npath = 'a'", "[map]\nfixed_key = '{file}'"], ""),
            (
                vec!["[source]\ntype = 'file'\npath = 'a'", "[map]\nfixed_key = '{topic}'"],
                "map.fixed_key: has `{topic}` or `{partition}`, but no records are read; remove \
                 it, or set source.type = \"kafka\"",
            ),
            (
                vec![
                    "[source]\ntype = 'stdin'",
                    "[map]\nkey = '.k'\non_rejected = { topic = 't' }",
                ],
                "map.on_rejected.topic: is \"t\", but only dead letters of records go to a topic; \
                 name a file, or set source.type = \"kafka\"",
            ),
            (vec![of_one.as_str(), "[map]\nkey = '.k'\non_rejected = { topic = 'u' }"], ""),
            (
                vec![no_retries.as_str(), "[map]\nkey = '.k'\non_rejected = { topic = 'u' }"],
                "source.properties.\"retries\": is 0, but dead letters of a topic are sent again \
                 until they are stored; remove it",
            ),
            (vec![no_retries.as_str(), key], ""),
            (
                vec![of_many.as_str(), "[map]\nkey = '.k'\non_rejected = { topic = 'tt' }"],
                "map.on_rejected.topic: is \"tt\", which is read itself: \"^t.*\" is one of \
                 source.topics; name another topic",
            ),
            (
                vec!["[source]\ntype = 'file'\npath = 'a'\nmultiline = { strat = 'a' }", key],
                "source.multiline: unknown field `strat`, expected one of `start`, `continue`, \
                 `lines_max`, `bytes_max`, `timeout`",
            ),
        ] {
            let draft =
                Draft::parse(&tables.join("\n"), "orders", &Variables::of([]), &Config::default());
            let problems = draft.unwrap().problems;
            let shown: Vec<_> = problems.iter().map(ToString::to_string).collect();
            assert_eq!(shown.join("; "), problem, "{tables:?}");
        }
    }
}
