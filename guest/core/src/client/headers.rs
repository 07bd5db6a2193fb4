//! The headers that the settings add to each request: the object's properties, its encryption, and
//! request options.

use crate::s3::{Header, HeaderGroup};
use crate::settings::{CustomerKey, Encryption, Kms, Settings};
use crate::time::Timestamp;

/// The headers of these groups, as the settings have them. `now` is the time by the store's clock.
pub(crate) fn headers(settings: &Settings, groups: &[HeaderGroup], now: Timestamp) -> Vec<Header> {
    let mut headers = Vec::new();
    for group in groups {
        match group {
            HeaderGroup::Object => object(settings, now, &mut headers),
            HeaderGroup::Encryption => encryption(&settings.upload.encryption, &mut headers),
            HeaderGroup::CustomerKey => customer_key(&settings.upload.encryption, &mut headers),
            HeaderGroup::RequestPayer if settings.store.request_payer => {
                headers.push(header("x-amz-request-payer", "requester"));
            }
            HeaderGroup::RequestPayer => {}
            HeaderGroup::ExpectedBucketOwner => {
                let owner = settings.store.expected_bucket_owner.as_deref();
                headers.extend(owner.map(|owner| header("x-amz-expected-bucket-owner", owner)));
            }
        }
    }
    headers
}

fn object(settings: &Settings, now: Timestamp, headers: &mut Vec<Header>) {
    headers.extend(settings.upload.object.headers.iter().cloned());
    if !settings.upload.object.sets_content_encoding {
        let encoding = settings.upload.encoding.content_encoding();
        headers.extend(encoding.map(|value| header("content-encoding", value)));
    }
    if let Some(retention) = &settings.upload.object.retention {
        headers.push(header("x-amz-object-lock-mode", &retention.mode));
        let until = retention.until.moment(now).iso8601();
        headers.push(header("x-amz-object-lock-retain-until-date", &until));
    }
}

fn encryption(encryption: &Encryption, headers: &mut Vec<Header>) {
    let algorithm = match encryption {
        Encryption::Default | Encryption::Customer(_) => return,
        Encryption::S3 => "AES256",
        Encryption::Kms(Kms { dual_layer: false, .. }) => "aws:kms",
        Encryption::Kms(Kms { dual_layer: true, .. }) => "aws:kms:dsse",
    };
    headers.push(header("x-amz-server-side-encryption", algorithm));
    let Encryption::Kms(Kms { key_id, context, bucket_key, .. }) = encryption else { return };
    let bucket_key = bucket_key.map(|is_enabled| is_enabled.to_string());
    for (name, value) in [
        ("x-amz-server-side-encryption-aws-kms-key-id", key_id),
        ("x-amz-server-side-encryption-context", context),
        ("x-amz-server-side-encryption-bucket-key-enabled", &bucket_key),
    ] {
        headers.extend(value.as_deref().map(|value| header(name, value)));
    }
}

fn customer_key(encryption: &Encryption, headers: &mut Vec<Header>) {
    let Encryption::Customer(CustomerKey { key, md5 }) = encryption else { return };
    for (name, value) in [
        ("x-amz-server-side-encryption-customer-algorithm", "AES256"),
        ("x-amz-server-side-encryption-customer-key", key.expose()),
        ("x-amz-server-side-encryption-customer-key-md5", md5.expose()),
    ] {
        headers.push(header(name, value));
    }
}

fn header(name: &'static str, value: &str) -> Header {
    (name.into(), value.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::s3::Operation;

    const OBJECT: [&str; 11] = [
        "content-type",
        "content-disposition",
        "content-language",
        "cache-control",
        "x-amz-storage-class",
        "x-amz-acl",
        "x-amz-object-lock-legal-hold",
        "content-encoding",
        "x-amz-tagging",
        "x-amz-meta-team",
        "x-amz-object-lock-mode",
    ];
    const UNTIL: &str = "x-amz-object-lock-retain-until-date";
    const KMS: [&str; 4] = [
        "x-amz-server-side-encryption",
        "x-amz-server-side-encryption-aws-kms-key-id",
        "x-amz-server-side-encryption-context",
        "x-amz-server-side-encryption-bucket-key-enabled",
    ];
    const CUSTOMER: [&str; 3] = [
        "x-amz-server-side-encryption-customer-algorithm",
        "x-amz-server-side-encryption-customer-key",
        "x-amz-server-side-encryption-customer-key-md5",
    ];
    const WHO: [&str; 2] = ["x-amz-request-payer", "x-amz-expected-bucket-owner"];

    /// Which header is sent with which operation.
    #[test]
    fn each_request_says_what_its_page_allows() {
        let all = [&OBJECT[..], &[UNTIL]].concat();
        for (operation, with_kms, with_customer) in [
            (Operation::PutObject, vec![&all[..], &KMS, &WHO], vec![&all[..], &CUSTOMER, &WHO]),
            (
                Operation::CreateMultipartUpload,
                vec![&all[..], &KMS, &WHO],
                vec![&all[..], &CUSTOMER, &WHO],
            ),
            (Operation::UploadPart(7), vec![&WHO[..]], vec![&CUSTOMER[..], &WHO]),
            (Operation::CompleteMultipartUpload, vec![&WHO[..]], vec![&CUSTOMER[..], &WHO]),
            (Operation::HeadObject, vec![&WHO[..]], vec![&CUSTOMER[..], &WHO]),
            (Operation::AbortMultipartUpload, vec![&WHO[..]], vec![&WHO[..]]),
            (Operation::ListMultipartUploads, vec![&WHO[..]], vec![&WHO[..]]),
            (Operation::ListParts, vec![&WHO[..]], vec![&CUSTOMER[..], &WHO]),
            (Operation::GetObject, vec![&WHO[..]], vec![&CUSTOMER[..], &WHO]),
        ] {
            assert_eq!(names(&kms(), operation), with_kms.concat(), "{operation:?}");
            assert_eq!(names(&customer(), operation), with_customer.concat(), "{operation:?}");
            assert_eq!(names(&settings(json!({})), operation), [""; 0], "{operation:?}");
        }
    }

    #[test]
    fn each_way_of_encryption_has_its_values() {
        let of = |fields: Value| {
            let headers = headers(&settings(fields), Operation::PutObject.headers(), Timestamp(0));
            headers.into_iter().map(|(_, value)| value).collect::<Vec<_>>()
        };
        assert_eq!(of(json!({"server_side_encryption": "AES256"})), ["AES256"]);
        assert_eq!(of(json!({"server_side_encryption": "aws:kms"})), ["aws:kms"]);
        assert_eq!(of(json!({"server_side_encryption": "aws:kms:dsse"})), ["aws:kms:dsse"]);
        let off = json!({"server_side_encryption": "aws:kms", "bucket_key_enabled": false});
        assert_eq!(of(off), ["aws:kms", "false"]);
        assert_eq!(of(json!({"customer_key": KEY})), ["AES256", KEY, "y4HAEFCYWuvAXWFTtA1Qpg=="]);
    }

    #[test]
    fn days_are_counted_from_the_request() {
        let fields = json!({"object_lock_mode": "GOVERNANCE", "object_lock_retain_days": 30});
        let now = Timestamp(1_767_225_600_000_000_000);
        let groups = Operation::CreateMultipartUpload.headers();
        let headers = headers(&settings(fields), groups, now);
        let until = (UNTIL.into(), "2026-01-31T00:00:00.000Z".to_owned());
        assert_eq!(headers, [header("x-amz-object-lock-mode", "GOVERNANCE"), until]);
    }

    fn names(settings: &Settings, operation: Operation) -> Vec<String> {
        let headers = headers(settings, operation.headers(), Timestamp(0));
        headers.into_iter().map(|(name, _)| name.into_owned()).collect()
    }

    fn kms() -> Settings {
        everything(json!({
            "server_side_encryption": "aws:kms",
            "kms_key_id": "k",
            "kms_context": {"a": "b"},
            "bucket_key_enabled": true,
        }))
    }

    fn customer() -> Settings {
        everything(json!({"customer_key": KEY}))
    }

    fn everything(mut fields: Value) -> Settings {
        let more = json!({
            "content_type": "text/plain",
            "content_encoding": "gzip",
            "content_disposition": "inline",
            "content_language": "en",
            "cache_control": "no-store",
            "storage_class": "GLACIER_IR",
            "acl": "private",
            "tags": {"a": "b"},
            "metadata": {"team": "logs"},
            "object_lock_mode": "GOVERNANCE",
            "object_lock_retain_days": 1,
            "object_lock_legal_hold": "OFF",
            "request_payer": true,
            "expected_bucket_owner": "123456789012",
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            fields[name] = value.clone();
        }
        settings(fields)
    }

    fn settings(mut fields: Value) -> Settings {
        fields["bucket"] = "events".into();
        Settings::parse(&fields.to_string()).expect("a configuration in order")
    }

    const KEY: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
}
