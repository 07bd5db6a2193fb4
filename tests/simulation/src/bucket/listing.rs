//! ListMultipartUploads and ListParts, page by page.

use super::answer::{Answer, S3Error, element};
use super::asked::Asked;
use super::stored::Upload;
use super::{Bucket, encryption};

impl Bucket {
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html>
    pub(super) fn list_multipart_uploads(&self, asked: &Asked<'_>) -> Result<Answer, S3Error> {
        let encode = encoder(asked)?;
        let page = self.page_size(asked, "max-uploads")?;
        let (prefix, key_marker) = (asked.parameter("prefix"), asked.parameter("key-marker"));
        let id_marker = asked.parameter("upload-id-marker");
        let is_after = |key: &str, id: &str| match key.cmp(key_marker) {
            std::cmp::Ordering::Greater => true,
            std::cmp::Ordering::Equal => !id_marker.is_empty() && id > id_marker,
            std::cmp::Ordering::Less => false,
        };
        let all = self.uploads.iter();
        let wanted = all.filter(|(id, upload)| {
            upload.key.starts_with(prefix) && (key_marker.is_empty() || is_after(&upload.key, id))
        });
        let mut wanted: Vec<(&String, &Upload)> = wanted.collect();
        // The ids are in the order of time.
        wanted.sort_by_key(|(id, upload)| (&upload.key, *id));
        let is_truncated = wanted.len() > page;
        wanted.truncate(page);

        let mut inside = element("Bucket", &self.options.name)
            + &element("KeyMarker", &encode(key_marker))
            + &element("UploadIdMarker", id_marker)
            + &element("MaxUploads", &page.to_string())
            + &element("IsTruncated", &is_truncated.to_string());
        if !asked.parameter("encoding-type").is_empty() {
            inside += &element("EncodingType", "url");
        }
        if let Some((id, upload)) = wanted.last().filter(|_| is_truncated) {
            inside += &element("NextKeyMarker", &encode(&upload.key));
            inside += &element("NextUploadIdMarker", id);
        }
        for (id, upload) in wanted {
            let fields = element("Key", &encode(&upload.key))
                + &element("UploadId", id)
                + &element(
                    "StorageClass",
                    upload.header("x-amz-storage-class").unwrap_or("STANDARD"),
                )
                + &element("Initiated", &upload.initiated.iso8601());
            inside += &format!("<Upload>{fields}</Upload>");
        }
        Ok(Answer::xml("ListMultipartUploadsResult", &inside))
    }

    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListParts.html>
    pub(super) fn list_parts(&self, asked: &Asked<'_>) -> Result<Answer, S3Error> {
        let upload = self.upload(asked)?;
        let brought = encryption::customer_key(asked)?;
        if upload.checksum.is_some() || brought.is_some() {
            encryption::same_for_upload(upload.customer_key.as_ref(), brought.as_ref())?;
        }
        let page = self.page_size(asked, "max-parts")?;
        let marker = match asked.parameter("part-number-marker") {
            "" => 0,
            text => text.parse::<u32>().map_err(|_| invalid_argument("part-number-marker"))?,
        };
        let mut wanted: Vec<_> = upload.parts.range(marker.saturating_add(1)..).collect();
        let is_truncated = wanted.len() > page;
        wanted.truncate(page);

        let mut inside = element("Bucket", &self.options.name)
            + &element("Key", &upload.key)
            + &element("UploadId", asked.parameter("uploadId"))
            + &element("PartNumberMarker", &marker.to_string())
            + &element("MaxParts", &page.to_string())
            + &element("IsTruncated", &is_truncated.to_string());
        if let Some((number, _)) = wanted.last().filter(|_| is_truncated) {
            inside += &element("NextPartNumberMarker", &number.to_string());
        }
        for (number, part) in wanted {
            let mut fields = element("PartNumber", &number.to_string())
                + &element("LastModified", &part.at.iso8601())
                + &element("ETag", &part.etag)
                + &element("Size", &part.bytes.len().to_string());
            if let Some((algorithm, value)) = &part.checksum {
                fields += &element(algorithm.element_name(), value);
            }
            inside += &format!("<Part>{fields}</Part>");
        }
        Ok(Answer::xml("ListPartsResult", &inside))
    }

    fn page_size(&self, asked: &Asked<'_>, name: &str) -> Result<usize, S3Error> {
        let most = self.options.page_max;
        match asked.parameter(name) {
            "" => Ok(most),
            text => {
                let wanted: usize = text.parse().map_err(|_| invalid_argument(name))?;
                Ok(wanted.min(most))
            }
        }
    }
}

fn invalid_argument(name: &str) -> S3Error {
    let text = format!("Provided {name} not an integer or within integer range");
    S3Error::new(400, "InvalidArgument", text).detail("ArgumentName", name)
}

fn encoder(asked: &Asked<'_>) -> Result<fn(&str) -> String, S3Error> {
    match asked.parameter("encoding-type") {
        "" => Ok(str::to_owned),
        "url" => Ok(form_encode),
        _ => {
            let text = "Invalid Encoding Method specified in Request";
            let error = S3Error::new(400, "InvalidArgument", text);
            Err(error.detail("ArgumentName", "encoding-type"))
        }
    }
}

/// The encoding of forms, with the slashes left as they are.
fn form_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' ' => encoded.push('+'),
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'*' | b'/' => {
                encoded.push(char::from(byte));
            }
            byte => encoded += &format!("%{byte:02X}"),
        }
    }
    encoded
}
