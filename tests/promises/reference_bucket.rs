//! The reference bucket answers as another server does: one script of operations is run against it
//! and against `s3s-fs`, and each answer is compared by status, code, decisive headers and what its
//! body says. Where the two are known to differ, [`DIFFERENCES`] says so, and why the bucket is
//! right; a difference that is no longer there fails the test as well.
//!
//! The rules that only the reference bucket has are tested where it is: `tests/simulation`.

mod script;
mod sides;

use script::{PART_BYTES, Said, script};
use sides::{Local, Memory, Side};

/// What `s3s-fs` 0.14, as `spillway_local_s3` has it, is known to answer otherwise: the step, the
/// beginning of its answer, and why it is not the reference's.
const DIFFERENCES: &[(&str, &str, &str)] = &[
    ("put with all that is said", "200", NO_TYPE),
    ("head with checksums", "200", NO_TYPE),
    ("delete", "501 NotImplemented", "the local server has no use for it"),
    (
        "another body",
        "500 InternalError",
        "found while reading the body, where it has no other word",
    ),
    ("another key", "403 NotSignedUp", "its own word for S3's InvalidAccessKeyId"),
    ("another region", "200", "it looks at no region; S3 names the right one"),
    ("complete with another size", "200", "it does not look at x-amz-mp-object-size"),
    ("complete again", "404 NoSuchUpload", "S3 repeats its success for a while"),
    ("complete with no part", "400 InvalidPart", "by S3's schema a list has a part"),
    ("complete with a gap in the numbers", "501 NotImplemented", "S3 allows gaps"),
    ("part, CRC-64", "200", NO_PARTS),
    ("whole, CRC-64", "200", NO_PARTS),
    ("head, CRC-64", "200", NO_PARTS),
    ("wrong part, CRC-64", "200", NO_PARTS),
    ("wrong, CRC-64", "200", NO_PARTS),
    ("part, CRC-32C", "200", NO_PARTS),
    ("whole, CRC-32C", "200", NO_PARTS),
    ("head, CRC-32C", "200", NO_PARTS),
    ("wrong part, CRC-32C", "200", NO_PARTS),
    ("wrong, CRC-32C", "200", NO_PARTS),
];
/// So that none is lost.
const STEPS: usize = 75;
const NO_TYPE: &str = "it keeps a checksum without its type";
const NO_PARTS: &str = "it keeps and compares no checksums of multipart uploads";

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
                problems.push(format!("{step}\n  reference {here}\n  s3s-fs    {there}"));
            }
            Some((_, expected, why)) if !there.starts_with(expected) || here == there => {
                problems
                    .push(format!("{step} ({why})\n  s3s-fs    {there}\n  expected  {expected}"));
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
