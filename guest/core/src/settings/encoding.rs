//! What an object holds, from what is written about it.

use crate::config::{GZIP_LEVEL_MAX, Written, ZSTD_LEVEL_MAX};
use crate::encode::{Compression, Encoding, ObjectFraming};
use crate::error::Problem;

pub(super) fn encoding(written: &Written, problems: &mut Vec<Problem>) -> Encoding {
    Encoding {
        framing: match written.text("framing") {
            Some("none") => ObjectFraming::None,
            Some("length-delimited") => ObjectFraming::LengthDelimited,
            Some("json-array") => ObjectFraming::JsonArray,
            _ => ObjectFraming::Newline,
        },
        compression: compression(written, problems),
        suffix: written.flag("compression_suffix"),
    }
}

fn compression(written: &Written, problems: &mut Vec<Problem>) -> Option<Compression> {
    let level = written.number("compression_level");
    let mut refuse = |message| problems.push(Problem::new("compression_level", message));
    let mut up_to = |algorithm, max, default| match level.unwrap_or(default) {
        level if level <= max => u8::try_from(level).unwrap_or(u8::MAX),
        level => {
            refuse(format!("the number {level}, but `{algorithm}` has the levels 1 to {max}"));
            u8::MAX
        }
    };
    match written.text("compression") {
        Some("gzip") => {
            Some(Compression::Gzip { level: up_to("gzip", GZIP_LEVEL_MAX, GZIP_LEVEL) })
        }
        Some("zstd") => {
            Some(Compression::Zstd { level: up_to("zstd", ZSTD_LEVEL_MAX, ZSTD_LEVEL) })
        }
        _ => {
            if level.is_some() {
                refuse("a level, but `compression` is `none`; `gzip` or `zstd` is wanted".into());
            }
            None
        }
    }
}

/// What `gzip` and `zstd` have on the command line, too.
const GZIP_LEVEL: u64 = 6;
const ZSTD_LEVEL: u64 = 3;
