//! What is put comes back, and lies where it should.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::{BUCKET, Local, files_below};
use crate::{LocalOptions, LocalS3};

#[tokio::test]
async fn odd_keys_keep_their_own_bytes_inside_the_bucket() {
    let local = Local::start().await;
    let long = "x".repeat(1_024);
    let wide = format!("a/{}/b", "ж".repeat(400));
    let keys = [
        "key1",
        "f",
        "f/g",
        "f/g/h",
        "a/b",
        "a//b",
        "/a/b",
        "a/b/",
        "a",
        "a/",
        "a/../b",
        "../up",
        "../../up",
        "..",
        ".",
        "./a",
        "sp ace",
        "pl+us",
        "100%",
        "%41",
        "A",
        "%2e%2e/a",
        "é/ü.json",
        "~!'()*.,;:@&=$#?",
        ".hidden",
        ".spillway-x/.lock",
        "tab\there",
        "a\\b",
        &long,
        &wide,
    ];
    for key in keys {
        let put = local.put(key, format!("body of {key}")).await;
        assert_eq!(put.status, 200, "{key:?}: {put:?}");
    }
    for key in keys {
        let got = local.send("GET", key, "", "").await;
        assert_eq!(got.text(), format!("body of {key}"), "{key:?}");
        let head = local.send("HEAD", key, "", "").await;
        assert_eq!(head.e_tag(), got.e_tag(), "{key:?}");
    }
    let mut sorted = keys.to_vec();
    sorted.sort_unstable();
    let objects = local.server.objects(BUCKET).unwrap();
    let listed: Vec<_> = objects.iter().map(|object| object.key.as_str()).collect();
    assert_eq!(listed, sorted);
    for object in &objects {
        assert!(object.path.starts_with(local.bucket().canonicalize().unwrap()));
        let bytes = fs::read_to_string(&object.path).unwrap();
        assert_eq!(bytes, format!("body of {}", object.key));
        assert_eq!(object.size, bytes.len() as u64);
    }
    assert_eq!(fs::read_to_string(local.bucket().join("key1")).unwrap(), "body of key1");
    assert_eq!(fs::read_to_string(local.bucket().join("é/ü.json")).unwrap(), "body of é/ü.json");
    let beyond = local.put(&"k".repeat(1_025), "").await;
    assert_eq!((beyond.status.as_u16(), beyond.element("Code")), (400, "KeyTooLongError"));
}

#[tokio::test]
async fn only_objects_are_left_when_the_server_has_ended() {
    let local = Local::start().await;
    local.put("logs/a.json", "1").await;
    local.put("logs/a.json", "2").await;
    // An upload that were still open would keep the hidden folder: the next server goes on with it.
    let id = local.create("ended").await;
    local.send("PUT", "ended", &format!("partNumber=1&uploadId={id}"), "part").await;
    local.send("DELETE", "ended", &format!("uploadId={id}"), "").await;
    let Local { folder, server, .. } = local;
    server.shutdown().await;
    let left = files_below(folder.path());
    assert_eq!(left, [folder.path().join(BUCKET).join("logs/a.json")]);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn objects_of_another_run_are_there_and_count_for_conditions() {
    let local = Local::start().await;
    fs::write(local.bucket().join("old"), "by hand").unwrap();
    assert_eq!(local.send("GET", "old", "", "").await.text(), "by hand");
    let absent = [("if-none-match", "*")];
    let refused = local.send_with("PUT", "old", &absent, "new").await;
    assert_eq!((refused.status.as_u16(), refused.element("Code")), (412, "PreconditionFailed"));
    assert_eq!(local.send_with("PUT", "new", &absent, "new").await.status, 200);

    let old = local.send("HEAD", "old", "", "").await;
    let same = [("if-match", old.e_tag())];
    assert_eq!(local.send_with("PUT", "old", &same, "2").await.status, 200);
    assert_eq!(local.send_with("PUT", "old", &same, "3").await.status, 412);
    assert_eq!(local.send("GET", "old", "", "").await.text(), "2");
    fs::remove_file(local.bucket().join("old")).unwrap();
    assert_eq!(local.send("GET", "old", "", "").await.status, 404);
}

#[tokio::test]
async fn an_upload_with_a_wrong_checksum_leaves_the_object_as_it_was() {
    let local = Local::start().await;
    local.put("key", "good").await;
    let md5 = [("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg==")];
    let refused = local.send_with("PUT", "key", &md5, "bad").await;
    assert_eq!((refused.status.as_u16(), refused.element("Code")), (400, "BadDigest"));
    let crc = [("x-amz-checksum-crc32c", "AAAAAA==")];
    assert_eq!(local.send_with("PUT", "other", &crc, "bad").await.status, 400);
    assert_eq!(local.send("GET", "key", "", "").await.text(), "good");
    assert_eq!(local.server.objects(BUCKET).unwrap().len(), 1);
}

#[tokio::test]
async fn empty_objects_and_metadata_come_back() {
    let local = Local::start().await;
    let headers = [("x-amz-meta-origin", "test"), ("content-type", "application/json")];
    assert_eq!(local.send_with("PUT", "empty", &headers, "").await.status, 200);
    let got = local.send("GET", "empty", "", "").await;
    assert!(got.body.is_empty());
    assert_eq!(got.headers["x-amz-meta-origin"], "test");
    assert_eq!(got.headers["content-type"], "application/json");
    assert_eq!(fs::metadata(local.bucket().join("empty")).unwrap().len(), 0);
}

#[tokio::test]
async fn a_range_is_answered_alone() {
    let local = Local::start().await;
    let sum = [("x-amz-checksum-crc64nvme", "rosUhgp5mIg=")];
    assert_eq!(local.send_with("PUT", "key", &sum, "123456789").await.status, 200);
    for (range, body, told) in [
        ("bytes=2-4", "345", "bytes 2-4/9"),
        ("bytes=7-", "89", "bytes 7-8/9"),
        ("bytes=-3", "789", "bytes 6-8/9"),
    ] {
        let got = local.send_with("GET", "key", &[("range", range)], "").await;
        assert_eq!((got.status.as_u16(), got.text()), (206, body), "{range}");
        assert_eq!(got.headers["content-range"], told);
        assert!(!got.headers.contains_key("x-amz-checksum-crc64nvme"), "{got:?}");
    }
    let beyond = local.send_with("GET", "key", &[("range", "bytes=9-")], "").await;
    assert_eq!((beyond.status.as_u16(), beyond.element("Code")), (416, "InvalidRange"));
    let whole = local.send("GET", "key", "", "").await;
    assert_eq!(whole.headers["x-amz-checksum-crc64nvme"], "rosUhgp5mIg=");
}

#[tokio::test]
async fn no_link_below_the_folder_leads_out_of_it() {
    let (local, elsewhere) = (Local::start().await, tempfile::tempdir().unwrap());
    fs::write(elsewhere.path().join("secret"), "of somebody else").unwrap();
    let link = |name: &str, to: &Path| symlink(to, local.bucket().join(name)).unwrap();
    link("out", elsewhere.path());
    link("nowhere", &elsewhere.path().join("none"));
    link("up", Path::new("../.."));
    fs::create_dir_all(local.bucket().join("a")).unwrap();
    link("a/out", elsewhere.path());
    for key in ["out/k", "out/b/k", "nowhere/k", "up/k", "a/out/k"] {
        let refused = local.put(key, "1").await;
        assert_ne!(refused.status, 200, "{key}");
        let id = local.create(key).await;
        local.send("PUT", key, &format!("partNumber=1&uploadId={id}"), "part").await;
        let part = "<Part><PartNumber>1</PartNumber></Part>";
        assert_ne!(local.complete(key, &id, part).await.status, 200, "{key}");
    }
    let refused = local.put("out/k", "1").await;
    assert_eq!((refused.status.as_u16(), refused.element("Code")), (403, "AccessDenied"));
    assert!(refused.text().contains("leads out of"), "{refused:?}");
    assert_ne!(local.send("GET", "out/secret", "", "").await.status, 200);
    assert_eq!(files_below(elsewhere.path()), [elsewhere.path().join("secret")]);
    // One that stays inside is a folder like others; one in an object's place is replaced itself.
    link("in", &local.bucket().join("a"));
    assert_eq!(local.put("in/k", "1").await.status, 200);
    assert_eq!(fs::read_to_string(local.bucket().join("a/k")).unwrap(), "1");
    link("file", &elsewhere.path().join("secret"));
    assert_eq!(local.put("file", "mine").await.status, 200);
    assert_eq!(fs::read_to_string(elsewhere.path().join("secret")).unwrap(), "of somebody else");
}

#[tokio::test]
async fn a_bucket_that_leads_out_of_the_folder_is_none() {
    let (local, elsewhere) = (Local::start().await, tempfile::tempdir().unwrap());
    symlink(elsewhere.path(), local.folder.path().join("linked")).unwrap();
    let answer = local.client.send("PUT", ("linked", "key"), "", "1").await;
    assert_eq!((answer.status.as_u16(), answer.element("Code")), (404, "NoSuchBucket"));
    let options = LocalOptions { buckets: vec!["linked".to_owned()], ..local.options() };
    let refused = LocalS3::start(options).await.unwrap_err();
    assert!(format!("{refused:#}").contains("leads out of"), "{refused:#}");
    assert!(files_below(elsewhere.path()).is_empty());
}

#[tokio::test]
async fn keys_are_listed_as_they_are() {
    let local = Local::start().await;
    for key in ["a b", "a", "a/b", "é%"] {
        local.put(key, "").await;
    }
    let page = local.client.send("GET", (BUCKET, ""), "list-type=2&prefix=a", "").await;
    let keys: Vec<_> = page.text().split("<Key>").skip(1).collect();
    let keys: Vec<_> = keys.iter().filter_map(|text| text.split("</Key>").next()).collect();
    assert_eq!(keys, ["a", "a b", "a/b"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_is_there_while_it_is_replaced() {
    let local = Local::start().await;
    local.put("key", "0").await;
    let write = async {
        for number in 1..100 {
            local.put("key", number.to_string()).await;
        }
    };
    let read = async {
        for _ in 0..100 {
            assert_eq!(local.send("GET", "key", "", "").await.status, 200);
        }
    };
    tokio::join!(write, read);
    assert_eq!(local.send("GET", "key", "", "").await.text(), "99");
}
