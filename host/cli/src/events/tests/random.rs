//! Whatever the lines and however they are read, each has one fate.

use super::support::{Chunks, open_reader};
use crate::batch::Framing;
use crate::testing::{Random, seeds};

#[tokio::test]
async fn any_lines_in_any_chunks_are_each_counted_once_and_in_order() {
    for seed in seeds(200) {
        let random = &mut Random::new(seed);
        let lines: Vec<&str> = (0..random.below(300)).map(|_| *random.pick(LINES)).collect();
        let text = lines.join("\n");
        let chunk = 1 + random.below(40);
        let input = Chunks { text: text.clone().into_bytes(), at: 0, chunk };
        let mut events = open_reader(input, "line_bytes_max = 60", SELECTED, Framing::Newline);
        let (mut seen, mut next) = (vec![""; lines.len()], (0, 0));
        while let Some(batch) = events.next().await.unwrap() {
            let runs = batch.runs.iter().map(|run| run.ends.len() as u64).sum::<u64>();
            let rejected = batch.rejected.len() as u64;
            assert_eq!(batch.lines, runs + rejected + batch.blank + batch.filtered, "seed {seed}");
            next = (next.0 + batch.lines, next.1 + batch.bytes);
            assert_eq!(
                next,
                (batch.next.position, batch.next.start.offset),
                "SPILLWAY_SEED={seed}"
            );
            for run in &batch.runs {
                seen[run.first as usize..][..run.ends.len()].fill("event");
            }
            batch.rejected.iter().for_each(|line| seen[line.position as usize] = "rejected");
        }
        assert_eq!(next.1, text.len() as u64, "SPILLWAY_SEED={seed}");
        let expected = lines.iter().map(|line| fate(line)).collect::<Vec<_>>();
        // A blank last line is none: the text ends where it would begin.
        assert_eq!(seen, expected, "SPILLWAY_SEED={seed}");
    }
}

const SELECTED: &str = "key = '.k'\npayload = 'select(.drop | not)'";
const LINES: &[&str] = &[
    r#"{"k":"a"}"#,
    r#"{"k":"a"}"#,
    r#"{"k": "b"}"#,
    r#"{"k":"a"} "#,
    r#"{"drop":true}"#,
    r#"{"k":1}"#,
    "nonsense",
    "",
    "  ",
    r#"{"k":"a","long":"0123456789012345678901234567890123456789012345678901234567890"}"#,
];

/// What becomes of a line of [`LINES`] with [`SELECTED`].
fn fate(line: &str) -> &'static str {
    match line {
        line if line.len() > 60 || line == "nonsense" || line == r#"{"k":1}"# => "rejected",
        line if line.trim().is_empty() || line.contains("drop") => "",
        _ => "event",
    }
}
