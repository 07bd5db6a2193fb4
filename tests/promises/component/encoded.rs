//! Compressed objects come out as they were written, and say how they are compressed.

use std::collections::HashMap;

use spillway::contract::{Ending, Error};
use spillway::sink::SinkError;
use spillway_core::encode::Compression;
use spillway_simulation::bucket::BucketOptions;
use spillway_simulation::decode::decompressed;
use spillway_tests::bucket_transport::BucketTransport;

use super::setup::{AUTHORITY, config, event, grants, sink};

#[tokio::test]
async fn the_store_has_what_was_written() {
    for (more, suffix, compression) in [
        (r#", "compression": "gzip", "compression_level": 1"#, ".gz", GZIP),
        (r#", "compression": "zstd""#, ".zst", ZSTD),
        (r#", "compression": "zstd", "compression_suffix": false"#, "", ZSTD),
    ] {
        let transport = BucketTransport::new(BucketOptions::default());
        let config = config(&format!("http://{AUTHORITY}"), more);
        let grants = grants(transport.clone(), AUTHORITY);
        let mut open = sink().open(&config, None, &grants).await.unwrap();
        let mut written: HashMap<&str, Vec<u8>> = HashMap::new();
        for position in 0..13 {
            let (key, payload) = match position {
                0..12 => ("large", noise(position)),
                _ => ("small", b"some text, and the same text, some text".to_vec()),
            };
            written.entry(key).or_default().extend([&payload[..], b"\n"].concat());
            open.write(&[event(key, position, payload)]).await.unwrap();
        }
        let progress = open.close(Ending::Complete).await.unwrap();
        assert_eq!((progress.durable, progress.visible.len()), (13, 2));
        let of =
            |name: &str| progress.visible.iter().find(|s| s.object_key == name).unwrap().clone();
        let (large, small) = (of(&format!("large{suffix}")), of(&format!("small{suffix}")));
        assert_eq!((large.key.as_str(), large.parts, small.parts), ("large", 3, 0));
        transport.bucket(|bucket| {
            for sealed in [&large, &small] {
                let object = &bucket.objects()[&sealed.object_key];
                assert_eq!(object.bytes.len() as u64, sealed.bytes, "after compression");
                let bytes = decompressed(Some(compression), &object.bytes).unwrap();
                assert!(bytes == written[sealed.key.as_str()], "{more}");
            }
        });
        let described = transport.heads().into_iter().filter(|head| {
            let query = head.uri.query().unwrap_or_default();
            query.contains("uploads") || (head.method == "PUT" && !query.contains("partNumber"))
        });
        let word = if compression == GZIP { "gzip" } else { "zstd" };
        let words: Vec<_> =
            described.map(|head| head.headers["content-encoding"].clone()).collect();
        assert_eq!(words, [word, word], "PutObject and CreateMultipartUpload");
    }
}

#[tokio::test]
async fn what_cannot_be_is_refused_at_the_opening() {
    for (more, field) in [
        (r#", "compression": "gzip", "compression_level": 10"#, "compression_level"),
        (r#", "compression_level": 1"#, "compression_level"),
        (r#", "compression": "lzma""#, "compression"),
        (r#", "framing": "lines""#, "framing"),
        (r#", "compression": "zstd", "memory_bytes_max": 10000000"#, "compression"),
    ] {
        let transport = BucketTransport::new(BucketOptions::default());
        let config = config(&format!("http://{AUTHORITY}"), more);
        let opened = sink().open(&config, None, &grants(transport, AUTHORITY)).await;
        let Err(error) = opened else { panic!("{more} was taken") };
        let SinkError::Refused(Error::Invalid(problems)) = error else {
            panic!("{more}: {error:?}");
        };
        let fields: Vec<_> = problems.iter().map(|p| p.field.as_str()).collect();
        assert_eq!(fields, [field], "{more}");
    }
}

/// A MiB that no compressor makes less.
fn noise(seed: u64) -> Vec<u8> {
    let mut state = seed + 1;
    let bytes = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    });
    bytes.take(1 << 20).collect()
}

const GZIP: Compression = Compression::Gzip { level: 1 };
const ZSTD: Compression = Compression::Zstd { level: 3 };
