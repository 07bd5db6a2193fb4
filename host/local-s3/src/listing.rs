//! The answers that list something.

use std::collections::BTreeSet;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use s3s::dto::*;
use s3s::{S3Result, s3_error};

use super::StoredObject;
use super::uploads::Upload;

/// Answers `ListObjectsV2`.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>
pub(super) fn list(
    input: ListObjectsV2Input,
    objects: Vec<StoredObject>,
) -> S3Result<ListObjectsV2Output> {
    let max = entries_max(input.max_keys)?;
    let prefix = input.prefix.as_deref().unwrap_or_default();
    // The token is the last entry of the page before.
    let after = input.continuation_token.as_deref().or(input.start_after.as_deref());
    let after = after.unwrap_or_default();
    let encode = encoder(input.encoding_type.as_ref());
    let mut contents = Vec::new();
    let mut common_prefixes = BTreeSet::new();
    let mut last = None;
    let mut is_truncated = false;
    for object in objects.iter().filter(|object| object.key.starts_with(prefix)) {
        let group = group_of(&object.key, prefix, input.delimiter.as_deref());
        let entry = group.unwrap_or(&object.key);
        if entry <= after || common_prefixes.contains(entry) {
            continue;
        }
        if contents.len() + common_prefixes.len() == max {
            is_truncated = max > 0;
            break;
        }
        last = Some(entry.to_owned());
        match group {
            Some(group) => drop(common_prefixes.insert(group.to_owned())),
            None => contents.push(describe(object, encode)?),
        }
    }
    let common_prefixes = common_prefixes.iter();
    let common_prefixes: Vec<_> =
        common_prefixes.map(|prefix| CommonPrefix { prefix: Some(encode(prefix)) }).collect();
    Ok(ListObjectsV2Output {
        key_count: i32::try_from(contents.len() + common_prefixes.len()).ok(),
        max_keys: Some(input.max_keys.unwrap_or(ENTRIES_MAX)),
        is_truncated: Some(is_truncated),
        next_continuation_token: last.filter(|_| is_truncated),
        contents: Some(contents),
        common_prefixes: Some(common_prefixes),
        name: Some(input.bucket),
        prefix: input.prefix.map(|prefix| encode(&prefix)),
        delimiter: input.delimiter.map(|delimiter| encode(&delimiter)),
        start_after: input.start_after.map(|key| encode(&key)),
        continuation_token: input.continuation_token,
        encoding_type: input.encoding_type,
        ..ListObjectsV2Output::default()
    })
}

/// Answers `ListParts`.
pub(super) fn parts(input: ListPartsInput, upload: &Upload) -> ListPartsOutput {
    let after = input.part_number_marker.unwrap_or_default();
    let max = usize::try_from(input.max_parts.unwrap_or(ENTRIES_MAX)).unwrap_or_default();
    let mut parts = upload.parts.iter().filter(|(number, _)| **number > after);
    let page = parts.by_ref().take(max).map(|(number, part)| Part {
        part_number: Some(*number),
        e_tag: Some(ETag::Strong(part.e_tag.clone())),
        size: i64::try_from(part.size).ok(),
        last_modified: Some(part.modified.into()),
        ..Part::default()
    });
    let page: Vec<_> = page.collect();
    let is_truncated = parts.next().is_some();
    ListPartsOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(input.upload_id),
        max_parts: input.max_parts,
        is_truncated: Some(is_truncated),
        next_part_number_marker: page.last().and_then(|p| p.part_number).filter(|_| is_truncated),
        parts: Some(page),
        ..ListPartsOutput::default()
    }
}

/// Answers `ListMultipartUploads`, all on one page.
pub(super) fn uploads(
    input: ListMultipartUploadsInput,
    uploads: Vec<(String, Upload)>,
) -> S3Result<ListMultipartUploadsOutput> {
    if input.delimiter.is_some() || input.key_marker.as_ref().is_some_and(|key| !key.is_empty()) {
        return Err(s3_error!(NotImplemented, "Uploads are listed whole, by prefix"));
    }
    let prefix = input.prefix.as_deref().unwrap_or_default();
    let encode = encoder(input.encoding_type.as_ref());
    let chosen = uploads.into_iter().filter(|(_, upload)| upload.key.starts_with(prefix));
    let uploads = chosen.map(|(id, upload)| MultipartUpload {
        key: Some(encode(&upload.key)),
        upload_id: Some(id),
        initiated: Some(upload.record.initiated.into()),
        ..MultipartUpload::default()
    });
    Ok(ListMultipartUploadsOutput {
        uploads: Some(uploads.collect()),
        is_truncated: Some(false),
        bucket: Some(input.bucket),
        prefix: input.prefix.map(|prefix| encode(&prefix)),
        encoding_type: input.encoding_type,
        ..ListMultipartUploadsOutput::default()
    })
}

fn describe(object: &StoredObject, encode: fn(&str) -> String) -> S3Result<Object> {
    let modified = object.path.metadata().and_then(|metadata| metadata.modified());
    Ok(Object {
        key: Some(encode(&object.key)),
        size: i64::try_from(object.size).ok(),
        // The file may have gone since it was listed.
        last_modified: modified.ok().map(Timestamp::from),
        ..Object::default()
    })
}

/// The common prefix that stands for a key: all up to the first delimiter after the prefix.
fn group_of<'a>(key: &'a str, prefix: &str, delimiter: Option<&str>) -> Option<&'a str> {
    let delimiter = delimiter.filter(|delimiter| !delimiter.is_empty())?;
    let at = key[prefix.len()..].find(delimiter)?;
    Some(&key[..prefix.len() + at + delimiter.len()])
}

fn entries_max(asked: Option<i32>) -> S3Result<usize> {
    let asked = usize::try_from(asked.unwrap_or(ENTRIES_MAX));
    let asked = asked.map_err(|_| s3_error!(InvalidArgument, "max-keys must not be negative"))?;
    Ok(asked.min(ENTRIES_MAX as usize))
}

/// XML cannot say every character that a key can have; a client may ask for them in escapes.
fn encoder(encoding: Option<&EncodingType>) -> fn(&str) -> String {
    match encoding {
        Some(encoding) if encoding.as_str() == EncodingType::URL => {
            |text| utf8_percent_encode(text, ENCODED).to_string()
        }
        _ => str::to_owned,
    }
}

const ENCODED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'*').remove(b'/');
const ENTRIES_MAX: i32 = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_one_another() {
        let (mut token, mut entries) = (None, Vec::new());
        loop {
            let page = list_with(|input| {
                input.delimiter = Some("/".to_owned());
                input.max_keys = Some(2);
                input.continuation_token = token.take();
            });
            entries.extend(page.common_prefixes.unwrap().into_iter().filter_map(|p| p.prefix));
            entries.extend(page.contents.unwrap().into_iter().filter_map(|object| object.key));
            token = page.next_continuation_token;
            if token.is_none() {
                break;
            }
        }
        entries.sort_unstable();
        assert_eq!(entries, ["a/", "b", "c d", "e/", "é"]);
    }

    #[test]
    fn keys_are_chosen_by_prefix_and_encoded_on_demand() {
        let page = list_with(|input| input.prefix = Some("a/".to_owned()));
        assert_eq!(keys(page), ["a/1", "a/2"]);
        let page = list_with(|input| {
            input.start_after = Some("b".to_owned());
            input.encoding_type = Some(EncodingType::from_static(EncodingType::URL));
        });
        assert_eq!(keys(page), ["c%20d", "e/1", "%C3%A9"]);
    }

    fn list_with(change: impl FnOnce(&mut ListObjectsV2Input)) -> ListObjectsV2Output {
        let mut input = ListObjectsV2Input::default();
        change(&mut input);
        let objects = ["a/1", "a/2", "b", "c d", "e/1", "é"].map(|key| StoredObject {
            key: key.to_owned(),
            size: 1,
            path: key.into(),
        });
        list(input, objects.into()).unwrap()
    }

    fn keys(page: ListObjectsV2Output) -> Vec<String> {
        page.contents.unwrap().into_iter().filter_map(|object| object.key).collect()
    }
}
