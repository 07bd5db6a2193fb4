//! Parses the encoding of objects.

use super::words::FRAMING;
use crate::config::{GZIP_LEVEL_MAX, RawConfig, ZSTD_LEVEL_MAX};
use crate::encode::{Compression, Encoding, ObjectFraming};
use crate::error::Problem;

pub(super) fn encoding(raw: &RawConfig, problems: &mut Vec<Problem>) -> Encoding {
    Encoding {
        framing: FRAMING.of(raw).unwrap_or(ObjectFraming::Newline),
        compression: compression(raw, problems),
    }
}

fn compression(raw: &RawConfig, problems: &mut Vec<Problem>) -> Option<Compression> {
    let level = raw.number("compression_level");
    let mut refuse = |message| problems.push(Problem::new("compression_level", message));
    let (algorithm, max, default) = match raw.text("compression") {
        Some("gzip") => ("gzip", GZIP_LEVEL_MAX, GZIP_LEVEL),
        Some("zstd") => ("zstd", ZSTD_LEVEL_MAX, ZSTD_LEVEL),
        _ => {
            if level.is_some() {
                refuse("a level, but `compression` is `none`; expected `gzip` or `zstd`".into());
            }
            return None;
        }
    };
    let level = level.unwrap_or(default);
    if level > max {
        refuse(format!("the number {level}, but `{algorithm}` has the levels 1 to {max}"));
    }
    Compression::named(algorithm, u8::try_from(level).unwrap_or(u8::MAX))
}

/// The default levels of the commands `gzip` and `zstd`.
const GZIP_LEVEL: u64 = 6;
const ZSTD_LEVEL: u64 = 3;

#[cfg(test)]
mod tests {
    use crate::encode::{Compression, ObjectFraming};
    use crate::error::Error;
    use crate::settings::Settings;

    fn parse(more: &str) -> Result<Settings, Error> {
        Settings::parse(&format!(r#"{{"bucket": "bucket"{more}}}"#))
    }

    fn refused(more: &str) -> String {
        match parse(more) {
            Err(Error::Invalid(problems)) if problems.len() == 1 => {
                format!("{}: {}", problems[0].field, problems[0].message)
            }
            other => panic!("{more}: {other:?}"),
        }
    }

    #[test]
    fn what_is_not_written_is_newline_and_no_compression() {
        let encoding = parse("").unwrap().upload.encoding;
        assert_eq!((encoding.framing, encoding.compression), (ObjectFraming::Newline, None));
    }

    #[test]
    fn every_word_means_what_it_says() {
        for (word, framing) in [
            ("newline", ObjectFraming::Newline),
            ("none", ObjectFraming::None),
            ("length-delimited", ObjectFraming::LengthDelimited),
            ("json-array", ObjectFraming::JsonArray),
        ] {
            let settings = parse(&format!(r#", "framing": "{word}""#)).unwrap();
            assert_eq!(settings.upload.encoding.framing, framing);
        }
        for (more, compression) in [
            (r#", "compression": "none""#, None),
            (r#", "compression": "gzip""#, Some(Compression::Gzip { level: 6 })),
            (r#", "compression": "zstd""#, Some(Compression::Zstd { level: 3 })),
            (
                r#", "compression": "gzip", "compression_level": 9"#,
                Some(Compression::Gzip { level: 9 }),
            ),
            (
                r#", "compression": "zstd", "compression_level": 12"#,
                Some(Compression::Zstd { level: 12 }),
            ),
        ] {
            assert_eq!(parse(more).unwrap().upload.encoding.compression, compression, "{more}");
        }
        let suffix = |more: &str| parse(more).unwrap().names.suffix;
        assert_eq!(suffix(r#", "compression": "gzip""#), ".gz");
        assert_eq!(suffix(r#", "compression": "zstd""#), ".zst");
        assert_eq!(suffix(r#", "compression": "gzip", "compression_suffix": false"#), "");
        assert_eq!(suffix(""), "");
    }

    #[test]
    fn a_level_is_one_of_its_algorithm() {
        for (more, wanted) in [
            (
                r#", "compression": "gzip", "compression_level": 10"#,
                "compression_level: the number 10, but `gzip` has the levels 1 to 9",
            ),
            (
                r#", "compression": "zstd", "compression_level": 13"#,
                "compression_level: the number 13; expected a whole number from 1 to 12",
            ),
            (
                r#", "compression": "zstd", "compression_level": 0"#,
                "compression_level: the number 0; expected a whole number from 1 to 12",
            ),
            (
                r#", "compression_level": 3"#,
                "compression_level: a level, but `compression` is `none`; expected `gzip` or \
                 `zstd`",
            ),
            (
                r#", "compression": "brotli""#,
                "compression: the string `brotli`; expected one of `none`, `gzip`, `zstd`",
            ),
        ] {
            assert_eq!(refused(more), wanted);
        }
    }

    /// The default adds the memory of compressors to that of parts. A value that is set must
    /// suffice for two compressors and a part.
    #[test]
    fn compressors_need_memory() {
        const MIB: u64 = 1 << 20;
        let zstd = parse(r#", "compression": "zstd""#).unwrap();
        assert_eq!(zstd.objects.memory_bytes_max, 46 * MIB);
        assert_eq!(parse("").unwrap().objects.memory_bytes_max, 40 * MIB);
        let tight = |memory: u64| {
            format!(
                r#", "part_bytes": {}, "compression": "zstd", "compression_level": 12,
                     "memory_bytes_max": {memory}"#,
                5 * MIB
            )
        };
        assert!(parse(&tight(23 * MIB)).is_ok());
        assert_eq!(
            refused(&tight(23 * MIB - 1)),
            "compression: 2 compressors of this level and a part take 24117248 bytes, but \
             `memory_bytes_max` allows 24117247; set a lower `compression_level`, or more memory"
        );
    }
}
