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

/// Adds a part to the list of a Complete, by its number.
fn sorted_list(list: &str, number: usize, e_tag: &str) -> String {
    let part = format!("<Part><PartNumber>{number}</PartNumber><ETag>{e_tag}</ETag></Part>");
    let mut parts: Vec<_> = list.split_inclusive("</Part>").chain([part.as_str()]).collect();
    parts.sort_unstable();
    parts.concat()
}
