//! The reference bucket answers as another server does: one script of operations is run against it
//! and against `spillway_local_s3`, and each answer is compared by status, code, decisive headers
//! and what its body says. Where the two are known to differ, [`DIFFERENCES`] says so, and why the
//! bucket is right; a difference that is no longer there fails the test as well.
//!
//! The rules that only the reference bucket has are tested where it is: `tests/simulation`.

mod script;
mod sides;

use script::{PART_BYTES, Said, script};
use sides::{Local, Memory, Side};

/// What the local server is known to answer otherwise: the step, the beginning of its answer, and
/// why it is not the reference's.
const DIFFERENCES: &[(&str, &str, &str)] = &[
    ("delete", "501 NotImplemented", "the local server has no use for it"),
    (
        "another body",
        "500 InternalError",
        "found while reading the body, where it has no other word",
    ),
    ("another key", "403 NotSignedUp", "its own word for S3's InvalidAccessKeyId"),
    ("another region", "200", "it looks at no region; S3 names the right one"),
    ("complete again", "404 NoSuchUpload", "S3 repeats its success for a while"),
    ("complete with no part", "400 InvalidPart", "by S3's schema a list has a part"),
    ("wrong, CRC-64", "200", LATE),
    ("wrong, CRC-32C", "200", LATE),
];
/// So that none is lost.
const STEPS: usize = 78;
const LATE: &str = "it joins the parts after the status, and says in the body what is wrong";

#[tokio::test]
async fn the_reference_bucket_answers_as_another_server_does() {
    let reference = run(&mut Side::Memory(Memory::new())).await;
    let local = run(&mut Side::Local(Local::start().await)).await;
    assert_eq!(reference.len(), STEPS);
    let mut problems = Vec::new();
    for ((step, here), (_, there)) in reference.iter().zip(&local) {
        let known = DIFFERENCES.iter().find(|(name, ..)| name == step);
        match known {
            None if here != there => {
                problems.push(format!("{step}\n  reference  {here}\n  local      {there}"));
            }
            Some((_, expected, why)) if !there.starts_with(expected) || here == there => {
                problems
                    .push(format!("{step} ({why})\n  local      {there}\n  expected   {expected}"));
            }
            _ => {}
        }
    }
    for (step, ..) in DIFFERENCES {
        if !reference.iter().any(|(name, _)| name == step) {
            problems.push(format!("there is no step named {step}"));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

async fn run(side: &mut Side) -> Vec<(&'static str, Said)> {
    script(side, PART_BYTES).await
}
