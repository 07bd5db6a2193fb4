//! The S3 REST API as values. Each verb has a file with a struct that builds the unsigned request,
//! and a struct for its response. Names are those of the API reference.
//!
//! Responses are parsed after their status was found to be a success. The body of any other
//! response is an [`ErrorBody`]. The verbs have no `Debug`, since their headers may contain a
//! customer key.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/Welcome.html>

mod abort_multipart_upload;
mod access_point;
mod address;
mod checksum;
mod complete_multipart_upload;
mod create_multipart_upload;
mod error;
mod error_code;
mod get_object;
mod head_bucket;
mod head_object;
mod limits;
mod list_multipart_uploads;
mod list_parts;
mod malformed;
mod operation;
mod put_object;
mod region;
mod upload_part;
mod xml;

use std::borrow::Cow;

pub use abort_multipart_upload::AbortMultipartUpload;
pub use access_point::AccessPoint;
pub use address::{Address, AddressStyle, Target};
pub use checksum::{Checksum, ChecksumAlgorithm, ChecksumType};
pub use complete_multipart_upload::{
    CompleteMultipartUpload, CompleteMultipartUploadResult, CompletedPart, Completion,
};
pub use create_multipart_upload::{CreateMultipartUpload, CreateMultipartUploadResult};
pub use error::ErrorBody;
pub use error_code::{Meaning, meaning};
pub use get_object::{GetObject, GetObjectResult};
pub use head_bucket::{HeadBucket, bucket_region};
pub use head_object::{HeadObject, HeadObjectResult};
pub(crate) use limits::PARTS_MAX;
pub use list_multipart_uploads::{
    ListMultipartUploads, ListMultipartUploadsResult, MultipartUpload, UploadsMarker,
};
pub use list_parts::{ListParts, ListPartsResult, ListedPart};
pub use malformed::Malformed;
pub(crate) use operation::HeaderGroup;
pub use operation::Operation;
pub use put_object::{Condition, PutObject};
pub(crate) use region::is_region;
pub use upload_part::{UploadPart, part_etag};

/// A header that the settings add to a verb: the name in lower case, and the value.
pub type Header = (Cow<'static, str>, String);
