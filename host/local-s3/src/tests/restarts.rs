//! What a server goes on with that another has left.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{BUCKET, Local, MIB, TestClient, files_below, options};
use crate::LocalS3;

#[tokio::test]
async fn an_open_upload_goes_on_after_kills() {
    let local = Local::start().await;
    let first = vec![b'a'; 5 * MIB];
    let nonce = [("x-amz-meta-nonce", "7"), ("content-type", "text/plain")];
    let place = (BUCKET, "big//object");
    let created = local.client.send_with("POST", place, "uploads", &nonce, "".into()).await;
    let id = created.element("UploadId");
    part(&local, id, 1, "replaced").await;
    let one = part(&local, id, 1, first.clone()).await;
    let listed = local.uploads().await;
    let local = Local::on(local.kill()).await;
    assert_eq!(local.uploads().await.text(), listed.text());
    let two = part(&local, id, 2, "b").await;
    let local = Local::on(local.kill()).await;
    let parts = local.send("GET", place.1, &format!("uploadId={id}"), "").await;
    for e_tag in [&one, &two] {
        assert!(parts.text().replace("&quot;", "\"").contains(e_tag), "{parts:?}");
    }
    let done = local.complete(place.1, id, &list(&[&one, &two])).await;
    assert_eq!(done.element("Key"), place.1, "{done:?}");

    let local = Local::on(local.kill()).await;
    assert_eq!(local.uploads().await.element("UploadId"), "");
    let got = local.send("GET", place.1, "", "").await;
    assert!(got.body == [&first[..], b"b"].concat());
    nonce.iter().for_each(|(name, value)| assert_eq!(got.headers[*name], *value));
    assert_eq!(done.element("ETag").replace("&quot;", "\""), got.e_tag());
    let folder = local.end().await;
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn objects_keep_what_is_said_of_them() {
    let local = Local::start().await;
    let said = [("x-amz-meta-nonce", "1"), ("x-amz-checksum-crc32c", "AAAAAA==")];
    for key in ["a", "a/b", "by hand"] {
        assert_eq!(local.send_with("PUT", key, &said, "").await.status, 200);
    }
    local.put("twice", "1").await;
    local.send_with("PUT", "twice", &[("x-amz-meta-nonce", "2")], "2").await;
    let mut before = Vec::new();
    for key in ["a", "a/b", "twice"] {
        before.push(head(&local, key).await);
    }
    assert!(before[0].contains("x-amz-meta-nonce") && before[0].contains("checksum-crc32c"));
    let replaced = local.bucket().join("by hand");
    fs::remove_file(&replaced).unwrap();
    fs::write(&replaced, "of a person").unwrap();

    let mut local = Local::on(local.kill()).await;
    let id = local.create("open").await;
    for _ in 0..2 {
        for (key, before) in ["a", "a/b", "twice"].into_iter().zip(&before) {
            assert_eq!(&head(&local, key).await, before);
        }
        let strange = local.send("GET", "by hand", "", "").await;
        assert_eq!(strange.text(), "of a person");
        assert!(!strange.headers.contains_key("x-amz-meta-nonce"));
        // An upload is open.
        local = Local::on(local.end().await).await;
    }
    assert_eq!(local.uploads().await.element("UploadId"), id);
    local.send("DELETE", "open", &format!("uploadId={id}"), "").await;
    let folder = local.end().await;
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    assert_eq!(Local::on(folder).await.send("GET", "twice", "", "").await.text(), "2");
}

#[tokio::test]
async fn two_at_once_stay_apart_and_both_are_gone_on_with() {
    let one = Local::start().await;
    let first = one.create("first").await;
    let root = one.folder.path().to_owned();
    one.send_with("PUT", "key", &[("x-amz-meta-of", "one")], "1").await;
    let server = LocalS3::start(options(&root)).await.unwrap();
    let client = TestClient::new(&server);
    let two = Local { client, server, folder: tempfile::tempdir().unwrap() };
    assert_eq!(two.uploads().await.element("UploadId"), "");
    assert_eq!(two.send("GET", "key", "", "").await.text(), "1");
    let second = two.create("second").await;
    two.send_with("PUT", "other", &[("x-amz-meta-of", "two")], "2").await;
    assert_eq!(one.uploads().await.element("UploadId"), first);
    two.kill();
    let local = Local::on(one.kill()).await;
    let listed = local.uploads().await;
    assert!(listed.text().contains(&first) && listed.text().contains(&second), "{listed:?}");
    for (key, of) in [("key", "one"), ("other", "two")] {
        assert_eq!(local.send("GET", key, "", "").await.headers["x-amz-meta-of"], of);
    }
    assert_eq!(fs::read_dir(&root).unwrap().count(), 2);
}

#[tokio::test]
async fn a_torn_record_loses_its_upload_alone() {
    let local = Local::start().await;
    let (torn, whole) = (local.create("torn").await, local.create("whole").await);
    for (key, id) in [("torn", &torn), ("whole", &whole)] {
        local.send("PUT", key, &format!("partNumber=1&uploadId={id}"), key).await;
    }
    let folder = local.kill();
    let file = record_of(folder.path(), "torn");
    let text = fs::read(&file).unwrap();
    fs::write(&file, &text[..text.len() - 9]).unwrap();
    let local = Local::on(folder).await;
    let listed = local.uploads().await;
    assert!(listed.text().contains(&whole) && !listed.text().contains(&torn), "{listed:?}");
    let parts = local.part_files();
    assert!(parts.len() == 1 && parts[0].to_str().unwrap().contains(&whole), "{parts:?}");
}

#[tokio::test]
async fn what_nobody_needs_is_removed() {
    let local = Local::start().await;
    for body in ["1", "2"] {
        local.put("key", body).await;
    }
    local.put("deleted", "").await;
    let (done, aborted) = (local.create("done").await, local.create("aborted").await);
    let e_tag = local.send("PUT", "done", &format!("partNumber=1&uploadId={done}"), "1").await;
    local.complete("done", &done, &list(&[e_tag.e_tag()])).await;
    local.send("PUT", "aborted", &format!("partNumber=1&uploadId={aborted}"), "1").await;
    local.send("DELETE", "aborted", &format!("uploadId={aborted}"), "").await;
    fs::remove_file(local.bucket().join("deleted")).unwrap();
    let work = local.server.store.work().to_owned();
    for name in ["v1.young", ".v1.link", &format!("{done}.part-1"), "v1.part-1"] {
        fs::write(work.join(name), "left").unwrap();
    }
    fs::write(work.join(BUCKET).join("v1"), "left").unwrap();
    let local = Local::on(local.kill()).await;
    // Of each of the two objects its file and its record, and the lock.
    let mut left = files_below(local.server.store.work());
    left.sort_unstable();
    assert_eq!(left.len(), 2 * 2 + 1, "{left:?}");
}

#[tokio::test]
async fn who_is_killed_while_completing_leaves_the_upload_or_the_object() {
    let local = Local::start().await;
    let id = local.create("key").await;
    let query = format!("partNumber=1&uploadId={id}");
    let e_tag = local.send("PUT", "key", &query, "body").await.e_tag().to_owned();
    let work = local.server.store.work().to_owned();
    fs::create_dir_all(work.join(BUCKET)).unwrap();
    fs::write(work.join(BUCKET).join(&id), "bo").unwrap();

    let local = Local::on(local.kill()).await;
    assert_eq!(local.send("GET", "key", "", "").await.status, 404);
    assert_eq!(local.part_files().len(), 1);
    let record = record_of(local.folder.path(), "key");
    let json = || serde_json::from_slice::<Value>(&fs::read(&record).unwrap()).unwrap();
    let open = json();
    let done = local.complete("key", &id, &list(&[&e_tag])).await;
    assert_eq!(done.element("Key"), "key", "{done:?}");
    let mut published = json();
    published["upload"] = open["upload"].clone();
    fs::write(&record, published.to_string()).unwrap();

    let local = Local::on(local.kill()).await;
    assert_eq!(local.uploads().await.element("UploadId"), "");
    assert!(head(&local, "key").await.contains("-1\\\"\""));
    assert!(!fs::read_to_string(record_of(local.folder.path(), "key")).unwrap().contains("upload"));
}

#[cfg(unix)]
#[tokio::test]
async fn a_complete_that_fails_leaves_the_upload_open() {
    let local = Local::start().await;
    let (id, key) = (local.create("folder/key").await, "folder/key");
    let query = format!("partNumber=1&uploadId={id}");
    let e_tag = local.send("PUT", key, &query, "body").await.e_tag().to_owned();
    let nowhere = local.bucket().join("folder");
    std::os::unix::fs::symlink("nowhere", &nowhere).unwrap();
    for _ in 0..2 {
        let failed = local.complete(key, &id, &list(&[&e_tag])).await;
        assert_eq!(failed.element("Code"), "InternalError", "{failed:?}");
        assert_eq!(local.uploads().await.element("UploadId"), id);
    }
    fs::remove_file(nowhere).unwrap();
    let local = Local::on(local.kill()).await;
    local.complete(key, &id, &list(&[&e_tag])).await;
    assert_eq!(local.send("GET", key, "", "").await.text(), "body");
    assert!(local.part_files().is_empty());
}

async fn part(local: &Local, id: &str, number: u32, body: impl Into<bytes::Bytes>) -> String {
    let query = format!("partNumber={number}&uploadId={id}");
    local.send("PUT", "big//object", &query, body).await.e_tag().to_owned()
}

/// What HEAD says of an object, but for the time at which it says it.
async fn head(local: &Local, key: &str) -> String {
    let mut headers = local.send("HEAD", key, "", "").await.headers;
    headers.remove("date");
    let mut lines: Vec<_> = headers.iter().map(|header| format!("{header:?}")).collect();
    lines.sort_unstable();
    lines.concat()
}

/// The parts of a Complete, from the first.
fn list(e_tags: &[&str]) -> String {
    let parts = (1..).zip(e_tags).map(|(number, e_tag)| {
        format!("<Part><PartNumber>{number}</PartNumber><ETag>{e_tag}</ETag></Part>")
    });
    parts.collect()
}

fn record_of(root: &Path, key: &str) -> PathBuf {
    let is_of = |path: &PathBuf| {
        path.to_str().unwrap().contains("/.records/")
            && fs::read_to_string(path).unwrap().contains(&format!("\"{key}\""))
    };
    files_below(root).into_iter().find(is_of).unwrap()
}
