//! What the tables of a flow demand of each other.

use super::SinkSettings;
use crate::dead_letters::OnFailed;
use crate::map::MapSettings;
use crate::source::{Input, SourceSettings};
use spillway::problem::Problem;

/// The source says where lines lie if the map asks for that.
pub(super) fn place_lines(
    source: &mut SourceSettings,
    map: &MapSettings,
    problems: &mut Vec<Problem>,
) {
    source.lines.origins = map.map.asks_for_place();
    if source.input == Input::Stdin && map.map.needs_file() {
        let message = "has `{file}`, but standard input is no file; remove it, or set source.type \
                       = \"file\"";
        problems.push(Problem::new("map.fixed_key", message));
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

#[cfg(test)]
mod tests {
    use crate::flow::{Config, Draft, Variables};

    #[test]
    fn what_does_not_go_together() {
        let multiline = "[source]\ntype = 'file'\npath = 'a'\nmultiline = { start = '^>' }";
        let letters = "[sink]\non_failed = { file = 'f' }";
        let checkpoint = "[checkpoint]\npath = 'c'";
        let key = "[map]\nkey = '.k'";
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
                vec!["[source]\ntype = 'file'\npath = 'a'\nmultiline = { strat = 'a' }", key],
                "source.multiline: unknown field `strat`, expected one of `start`, `continue`, \
                 `lines_max`, `bytes_max`, `timeout`",
            ),
        ] {
            let draft = Draft::parse(&tables.join("\n"), &Variables::of([]), &Config::default());
            let problems = draft.unwrap().problems;
            let shown: Vec<_> = problems.iter().map(ToString::to_string).collect();
            assert_eq!(shown.join("; "), problem, "{tables:?}");
        }
    }
}
