//! Documents: what a server means arrives, however it writes its XML; and what the core writes is
//! read as it was meant.

#![no_main]

use arbitrary::{Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;
use spillway_core::http::{Response, Scheme};
use spillway_core::s3::{
    Address, AddressStyle, Checksum, ChecksumAlgorithm, CompleteMultipartUpload, CompletedPart,
    Completion, CreateMultipartUploadResult, ErrorBody, ListMultipartUploadsResult,
    ListPartsResult,
};
use spillway_core::sigv4::uri_encode;
use spillway_core::{Timestamp, plain};
use spillway_fuzz::noise::Noise;
use spillway_fuzz::xml::leaves;

#[derive(Arbitrary, Debug)]
enum Document<'a> {
    Error { code: &'a str, message: &'a str, region: &'a str, at: u64, wrapped: bool },
    Completed { etag: &'a str, location: &'a str, checksum: &'a str },
    Created { upload_id: &'a str },
    Uploads { uploads: Vec<(&'a str, &'a str, u64)>, encoded: bool, next: Option<&'a str> },
    Parts { parts: Vec<(u32, &'a str, u64)>, next: Option<u32> },
    Written { parts: Vec<(u32, &'a str, Option<(u8, &'a str)>)> },
}

fuzz_target!(|data: &[u8]| {
    // What is meant, and how it is written.
    let (meant, written) = data.split_at(data.len() / 2);
    let Ok(document) = Document::arbitrary(&mut Unstructured::new(meant)) else { return };
    let noise = &mut Noise(Unstructured::new(written));
    match document {
        Document::Error { code, message, region, at, wrapped } => {
            error(noise, [code, message, region], at, wrapped);
        }
        Document::Completed { etag, location, checksum } => {
            completed(noise, etag, location, checksum);
        }
        Document::Created { upload_id } => created(noise, upload_id),
        Document::Uploads { uploads, encoded, next } => {
            uploads_page(noise, &uploads, encoded, next)
        }
        Document::Parts { parts, next } => parts_page(noise, &parts, next),
        Document::Written { parts } => round_trip(&parts),
    }
});

fn error(noise: &mut Noise, texts: [&str; 3], at: u64, wrapped: bool) {
    let texts = texts.map(legal);
    let names = ["Code", "Message", "Region"];
    let mut children: Vec<_> =
        names.iter().zip(&texts).map(|(name, text)| noise.leaf(name, text)).collect();
    let at = Timestamp(at);
    children.push(noise.leaf("ServerTime", &at.iso8601()));
    let document = match wrapped {
        true => {
            let error = noise.parent("Error", &children);
            noise.document("ErrorResponse", &[error])
        }
        false => noise.document("Error", &children),
    };
    if document.len() > ERROR_BYTES_MAX {
        return;
    }
    let error = ErrorBody::parse(document.as_bytes()).expect("an error");
    // What a person is shown is one line, whatever was sent.
    let texts = texts.each_ref().map(|text| plain(text));
    let [code, message, region] = texts.each_ref().map(|text| cut(text));
    assert_eq!((error.code.as_str(), error.message.as_str()), (code, message), "{document}");
    assert_eq!(error.region.as_deref().unwrap_or_default(), region, "{document}");
    let millisecond = Timestamp(at.0 - at.0 % 1_000_000);
    assert_eq!(error.server_time, Some(millisecond), "{document}");
    let complete = Completion::parse(&answer(&document));
    assert_eq!(complete, Ok(Completion::Failed(error)), "{document}");
}

fn completed(noise: &mut Noise, etag: &str, location: &str, checksum: &str) {
    let (etag, location, checksum) = (legal(etag), legal(location), legal(checksum));
    let children = [
        noise.leaf("ETag", &etag),
        noise.leaf("Location", &location),
        noise.leaf("ChecksumCRC64NVME", &checksum),
    ];
    let document = noise.document("CompleteMultipartUploadResult", &children);
    let Ok(Completion::Completed(result)) = Completion::parse(&answer(&document)) else {
        panic!("it is completed: {document}")
    };
    assert_eq!(result.etag.unwrap_or_default(), etag, "{document}");
    assert_eq!(result.location.unwrap_or_default(), location, "{document}");
    let algorithm = ChecksumAlgorithm::Crc64Nvme;
    assert_eq!(result.checksums, [Checksum { algorithm, value: checksum }], "{document}");
}

fn created(noise: &mut Noise, upload_id: &str) {
    let upload_id = legal(upload_id);
    let children = [noise.leaf("Key", "k"), noise.leaf("UploadId", &upload_id)];
    let document = noise.document("InitiateMultipartUploadResult", &children);
    let result = CreateMultipartUploadResult::parse(&answer(&document));
    match upload_id.as_str() {
        "" => assert!(result.is_err(), "{document}"),
        id => assert_eq!(result.expect("an upload").upload_id, id, "{document}"),
    }
}

fn uploads_page(
    noise: &mut Noise,
    uploads: &[(&str, &str, u64)],
    encoded: bool,
    next: Option<&str>,
) {
    // Encoded, a key may hold what XML has no way to write.
    let key_of = |text: &str| if encoded { text.to_owned() } else { legal(text) };
    let write =
        |key: &str| if encoded { uri_encode(key).replace("%20", "+") } else { key.to_owned() };
    let mut expected = Vec::new();
    let mut children = Vec::new();
    for (key, id, initiated) in uploads {
        let (key, id) = (format!("k{}", key_of(key)), format!("u{}", legal(id)));
        let initiated = Timestamp(initiated - initiated % 1_000_000);
        let fields = [
            noise.leaf("Key", &write(&key)),
            noise.leaf("UploadId", &id),
            noise.leaf("Initiated", &initiated.iso8601()),
        ];
        children.push(noise.parent("Upload", &fields));
        expected.push((key, id, Some(initiated)));
    }
    if encoded {
        children.push(noise.leaf("EncodingType", "url"));
    }
    let next = next.map(|key| format!("n{}", key_of(key)));
    children.push(noise.leaf("IsTruncated", if next.is_some() { " true" } else { "false\n" }));
    children.extend(next.iter().map(|key| noise.leaf("NextKeyMarker", &write(key))));

    let document = noise.document("ListMultipartUploadsResult", &children);
    let page = ListMultipartUploadsResult::parse(&answer(&document)).expect("a page");
    let found = page.uploads.into_iter().map(|u| (u.key, u.upload_id, u.initiated));
    assert_eq!(found.collect::<Vec<_>>(), expected, "{document}");
    assert_eq!(page.next.map(|next| next.key), next, "{document}");
}

fn parts_page(noise: &mut Noise, parts: &[(u32, &str, u64)], next: Option<u32>) {
    let mut expected = Vec::new();
    let mut children = vec![noise.leaf("IsTruncated", if next.is_some() { "true" } else { "" })];
    children.extend(next.map(|number| noise.leaf("NextPartNumberMarker", &number.to_string())));
    for (number, etag, size) in parts {
        let etag = format!("\"{}\"", legal(etag));
        let fields = [
            noise.leaf("Size", &format!(" {size} ")),
            noise.leaf("ETag", &etag),
            noise.leaf("PartNumber", &number.to_string()),
        ];
        children.push(noise.parent("Part", &fields));
        expected.push((*number, etag, *size));
    }
    let document = noise.document("ListPartsResult", &children);
    let page = ListPartsResult::parse(&answer(&document)).expect("a page");
    let found = page.parts.into_iter().map(|part| (part.number, part.etag, part.size));
    assert_eq!(found.collect::<Vec<_>>(), expected, "{document}");
    assert_eq!(page.next, next, "{document}");
}

fn round_trip(parts: &[(u32, &str, Option<(u8, &str)>)]) {
    let mut expected = Vec::new();
    let mut completed = Vec::new();
    for (number, etag, checksum) in parts {
        // They come from headers, where RFC 9110, section 5.5, has no line break.
        let line = |text: &str| legal(text).replace(['\r', '\n'], " ");
        let etag = line(etag);
        expected.push(("PartNumber".to_owned(), number.to_string()));
        expected.push(("ETag".to_owned(), etag.clone()));
        let checksum = checksum.map(|(n, value)| {
            let all = ChecksumAlgorithm::ALL;
            let algorithm = all[usize::from(n) % all.len()];
            let value = line(value);
            expected.push((algorithm.element_name().to_owned(), value.clone()));
            Checksum { algorithm, value }
        });
        completed.push(CompletedPart { number: *number, etag, checksum });
    }
    let address = Address {
        scheme: Scheme::Http,
        authority: "localhost".to_owned(),
        base_path: String::new(),
        bucket: "bucket".to_owned(),
        style: AddressStyle::Path,
    };
    let request = CompleteMultipartUpload {
        address: &address,
        key: "k",
        upload_id: "u",
        parts: &completed,
        checksum: None,
        checksum_type: None,
        object_size: None,
        if_none_match: false,
        headers: &[],
    }
    .request();
    let body = String::from_utf8(request.body.to_vec()).expect("text");
    let found = leaves(&body);
    let empty = parts.is_empty().then(|| ("CompleteMultipartUpload".to_owned(), String::new()));
    expected.extend(empty);
    assert_eq!(found, expected, "{body}");
}

fn answer(document: &str) -> Response {
    Response { status: 200, headers: Vec::new(), body: document.as_bytes().to_vec().into() }
}

/// The characters of section 2.2 of XML 1.0.
fn legal(text: &str) -> String {
    let is_legal = |c: &char| match c {
        '\t' | '\n' | '\r' => true,
        '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'.. => true,
        _ => false,
    };
    text.chars().filter(is_legal).collect()
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(1024)]
}

/// How much of an error the core looks at.
const ERROR_BYTES_MAX: usize = 64 << 10;
