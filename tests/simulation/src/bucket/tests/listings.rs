//! Listings, page by page.

use spillway_core::s3::{
    ListMultipartUploads, ListMultipartUploadsResult, ListParts, ListPartsResult,
};

use super::{Shop, no, said};

#[test]
fn uploads_are_listed_by_key_and_age() {
    let mut shop = Shop::new();
    shop.bucket.options.page_max = 2;
    let keys = ["b", "a b+é/%", "b", "c\u{1}", "b", "a"];
    let ids = keys.map(|key| (key.to_owned(), shop.create(key)));
    let mut expected = ids.to_vec();
    expected.sort();
    assert_eq!(all_uploads(&mut shop, ""), expected);
    let of_b: Vec<_> = expected.iter().filter(|(key, _)| key == "b").cloned().collect();
    assert_eq!(all_uploads(&mut shop, "b"), of_b);
    assert_eq!(all_uploads(&mut shop, "z"), []);
    shop.abort("b", &ids[2].1);
    assert_eq!(all_uploads(&mut shop, "b").len(), 2);
}

#[test]
fn parts_are_listed_by_number() {
    let mut shop = Shop::new();
    shop.bucket.options.page_max = 2;
    let id = shop.create("k");
    for number in [9, 1, 4, 10_000, 5] {
        shop.part("k", &id, number, "abc");
    }
    let address = shop.client.address.clone();
    let mut numbers = Vec::new();
    let mut after = None;
    loop {
        let list = ListParts { address: &address, key: "k", upload_id: &id, after, headers: &[] };
        let page = ListPartsResult::parse(&shop.send(list.request())).unwrap();
        assert!(page.parts.len() <= 2);
        assert!(page.parts.iter().all(|p| p.size == 3 && p.etag.starts_with('"')));
        numbers.extend(page.parts.iter().map(|part| part.number));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(numbers, [1, 4, 5, 9, 10_000]);
    let list = ListParts { address: &address, key: "k", upload_id: "x", after, headers: &[] };
    assert_eq!(said(&shop.send(list.request())), no(404, "NoSuchUpload"));
}

fn all_uploads(shop: &mut Shop, prefix: &str) -> Vec<(String, String)> {
    let address = shop.client.address.clone();
    let mut all = Vec::new();
    let mut after = None;
    loop {
        let list =
            ListMultipartUploads { address: &address, prefix, after: after.as_ref(), headers: &[] };
        let page = ListMultipartUploadsResult::parse(&shop.send(list.request())).unwrap();
        assert!(page.uploads.iter().all(|upload| upload.initiated == Some(shop.at)));
        all.extend(page.uploads.into_iter().map(|upload| (upload.key, upload.upload_id)));
        after = page.next;
        if after.is_none() {
            return all;
        }
    }
}
