//! Multipart uploads.

use super::{BUCKET, Local, MIB};

#[tokio::test]
async fn parts_become_one_object_in_their_order() {
    let local = Local::start().await;
    let bodies = [vec![b'a'; 5 * MIB], vec![b'b'; 5 * MIB], b"last".to_vec()];
    let id = local.create("big//object").await;
    let mut list = String::new();
    for number in [3, 1, 2] {
        let query = format!("partNumber={number}&uploadId={id}");
        let part = local.send("PUT", "big//object", &query, bodies[number - 1].clone()).await;
        list = sorted_list(&list, number, part.e_tag());
    }
    let listed = local.send("GET", "big//object", &format!("uploadId={id}"), "").await;
    assert_eq!(listed.text().matches("<PartNumber>").count(), 3);
    assert_eq!(local.send("GET", "big//object", "", "").await.status, 404);

    let wrong = sorted_list("", 1, "\"0\"");
    let refused = local.complete("big//object", &id, &wrong).await;
    assert_eq!((refused.status.as_u16(), refused.element("Code")), (400, "InvalidPart"));
    let done = local.complete("big//object", &id, &list).await;
    assert_eq!((done.status.as_u16(), done.element("Key")), (200, "big//object"));
    let got = local.send("GET", "big//object", "", "").await;
    assert!(got.body == bodies.concat());
    assert_eq!(done.element("ETag").replace("&quot;", "\""), got.e_tag());
    assert!(got.e_tag().ends_with("-3\""));

    let again = local.complete("big//object", &id, &list).await;
    assert_eq!((again.status.as_u16(), again.element("Code")), (404, "NoSuchUpload"));
    assert!(local.part_files().is_empty());
}

#[tokio::test]
async fn an_aborted_upload_leaves_nothing() {
    let local = Local::start().await;
    let id = local.create("key").await;
    let query = format!("partNumber=1&uploadId={id}");
    local.send("PUT", "key", &query, "part").await;
    let open = local.client.send("GET", (BUCKET, ""), "uploads", "").await;
    assert_eq!((open.element("Key"), open.element("UploadId")), ("key", id.as_str()));
    assert_eq!(local.part_files().len(), 1);

    let abort = format!("uploadId={id}");
    assert_eq!(local.send("DELETE", "another", &abort, "").await.status, 404);
    assert_eq!(local.send("DELETE", "key", &abort, "").await.status, 204);
    assert_eq!(local.send("DELETE", "key", &abort, "").await.element("Code"), "NoSuchUpload");
    assert_eq!(local.send("PUT", "key", &query, "part").await.element("Code"), "NoSuchUpload");
    assert!(local.part_files().is_empty() && local.server.objects(BUCKET).unwrap().is_empty());
}

#[tokio::test]
async fn checksums_are_those_of_the_bytes() {
    let local = Local::start().await;
    let place = (BUCKET, "key");
    let asked = [("x-amz-checksum-algorithm", "CRC64NVME"), ("x-amz-checksum-type", "FULL_OBJECT")];
    let created = local.client.send_with("POST", place, "uploads", &asked, "".into()).await;
    let id = created.element("UploadId");
    let query = format!("partNumber=1&uploadId={id}");
    for wrong in [("x-amz-checksum-crc64nvme", "AAAAAAAAAAA="), ("content-md5", MD5_OF_NOTHING)] {
        let refused = local.client.send_with("PUT", place, &query, &[wrong], CHECK.into()).await;
        assert_eq!((refused.status.as_u16(), refused.element("Code")), (400, "BadDigest"));
    }
    assert!(local.part_files().is_empty());
    let right = [("x-amz-checksum-crc64nvme", CRC64NVME_OF_CHECK)];
    let part = local.client.send_with("PUT", place, &query, &right, CHECK.into()).await;
    assert_eq!(part.headers["x-amz-checksum-crc64nvme"], CRC64NVME_OF_CHECK);

    let list = sorted_list("", 1, part.e_tag());
    let body = format!("<CompleteMultipartUpload>{list}</CompleteMultipartUpload>");
    let query = format!("uploadId={id}");
    let wrong = [("x-amz-checksum-crc64nvme", "AAAAAAAAAAA=")];
    let send =
        |headers| local.client.send_with("POST", place, &query, headers, body.clone().into());
    let refused = send(&wrong).await;
    assert_eq!(refused.element("Code"), "BadDigest", "{refused:?}");
    assert_eq!(local.send("GET", "key", "", "").await.status, 404);
    let done = send(&right).await;
    assert_eq!(done.element("ChecksumCRC64NVME"), CRC64NVME_OF_CHECK, "{done:?}");
    let head = local.send("HEAD", "key", "", "").await;
    assert_eq!(head.headers["x-amz-checksum-crc64nvme"], CRC64NVME_OF_CHECK);
    assert_eq!(head.headers["x-amz-checksum-type"], "FULL_OBJECT");
}

#[tokio::test]
async fn parts_need_not_be_numbered_without_gaps() {
    let local = Local::start().await;
    let id = local.create("key").await;
    let mut list = String::new();
    for (number, body) in [(2, vec![b'a'; 5 * MIB]), (7, b"last".to_vec())] {
        let query = format!("partNumber={number}&uploadId={id}");
        let part = local.send("PUT", "key", &query, body).await;
        list = sorted_list(&list, number, part.e_tag());
    }
    let page = local.send("GET", "key", &format!("max-parts=1&uploadId={id}"), "").await;
    assert_eq!((page.element("PartNumber"), page.element("NextPartNumberMarker")), ("2", "2"));
    assert_eq!(local.complete("key", &id, &list).await.status, 200);
    let got = local.send("GET", "key", "", "").await;
    assert!(got.body.len() == 5 * MIB + 4 && got.body.ends_with(b"alast"));
}

/// What catalogues of CRCs take for their checks, and its CRC-64/NVME:
/// <https://reveng.sourceforge.io/crc-catalogue/17plus.htm#crc.cat.crc-64-nvme>
const CHECK: &str = "123456789";
const CRC64NVME_OF_CHECK: &str = "rosUhgp5mIg=";
const MD5_OF_NOTHING: &str = "1B2M2Y8AsgTpgAmY7PhCfg==";

/// Adds a part to the list of a Complete, by its number.
fn sorted_list(list: &str, number: usize, e_tag: &str) -> String {
    let part = format!("<Part><PartNumber>{number}</PartNumber><ETag>{e_tag}</ETag></Part>");
    let mut parts: Vec<_> = list.split_inclusive("</Part>").chain([part.as_str()]).collect();
    parts.sort_unstable();
    parts.concat()
}
