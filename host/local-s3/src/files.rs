//! The files that `s3s-fs` keeps in its folder, as far as they must be told apart.
//!
//! | file | what it is |
//! |---|---|
//! | `.upload-ID.json` | the upload |
//! | `.bucket-B.object-O.upload-ID.metadata.json` | what is said about its object |
//! | `.upload_id-ID.part-N` | a part |
//! | `BUCKET/OBJECT` | an object, here a version |
//! | `.bucket-B.object-O.metadata.json` | what is said about it |
//! | `.bucket-B.object-O.internal.json` | its ETag and its checksums |
//!
//! `B` and `O` are the names in base64.

use std::fs;
use std::io;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The files beside the parts without which an upload cannot go on.
pub(super) fn of_upload(bucket: &str, version: &str, id: &str) -> [String; 2] {
    let stem = stem(bucket, version);
    [format!(".upload-{id}.json"), format!("{stem}.upload-{id}.metadata.json")]
}

/// The files beside the object's own.
pub(super) fn of_object(bucket: &str, version: &str) -> [String; 2] {
    let stem = stem(bucket, version);
    [format!("{stem}.metadata.json"), format!("{stem}.internal.json")]
}

/// The upload and the number of the part that has this name.
pub(super) fn part_of(name: &str) -> Option<(&str, i32)> {
    let (id, number) = name.strip_prefix(".upload_id-")?.split_once(".part-")?;
    let number = number.parse().ok()?;
    Some((id, number))
}

/// The identifier under which a copy of an upload is completed.
///
/// `s3s-fs` makes UUIDs of version 4 (random), and none of version 8 (custom): RFC 9562.
pub(super) fn twin(id: &str) -> String {
    let version_at = 14;
    id.char_indices().map(|(at, digit)| if at == version_at { '8' } else { digit }).collect()
}

/// Gives an upload a second identifier, by links: what becomes of the one leaves the other.
pub(super) fn link_upload(folder: &Path, id: &str, twin: &str) -> io::Result<()> {
    for name in names_of_upload(folder, id)? {
        fs::hard_link(folder.join(&name), folder.join(name.replace(id, twin)))?;
    }
    Ok(())
}

/// Removes an upload with its parts.
pub(super) fn remove_upload(folder: &Path, id: &str) {
    // What cannot be removed now is useless at the next start.
    for name in names_of_upload(folder, id).into_iter().flatten() {
        let _ = fs::remove_file(folder.join(name));
    }
}

fn names_of_upload(folder: &Path, id: &str) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        if let Ok(name) = entry?.file_name().into_string()
            && name.contains(id)
        {
            names.push(name);
        }
    }
    Ok(names)
}

fn stem(bucket: &str, version: &str) -> String {
    let [bucket, version] = [bucket, version].map(|name| URL_SAFE_NO_PAD.encode(name));
    format!(".bucket-{bucket}.object-{version}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_s3s_fs() {
        assert_eq!(part_of(".upload_id-a-b.part-12"), Some(("a-b", 12)));
        assert_eq!(part_of(".upload_id-a-b.part-x"), None);
        assert_eq!(part_of(".upload-a-b.json"), None);
        let id = "67e55044-10b1-426f-9247-bb680e5fe0c8";
        assert_eq!(twin(id), "67e55044-10b1-826f-9247-bb680e5fe0c8");
        assert_eq!(of_object("bucket", "v1")[0], ".bucket-YnVja2V0.object-djE.metadata.json");
    }
}
