//! Signs what tests ask of a bucket by hand, with the core's own verbs and signer.

use spillway_core::http::{Request, Scheme};
use spillway_core::s3::{Address, AddressStyle};
use spillway_core::sigv4::{PayloadHash, Signer};
use spillway_core::{Credentials, Timestamp};

use crate::bucket::BucketOptions;

/// Somebody with credentials, who knows where the bucket is.
pub struct Client {
    /// The bucket.
    pub address: Address,
    /// What is signed with.
    pub credentials: Credentials,
    /// Whether the body is signed as well.
    pub signs_payload: bool,
    signer: Signer,
}

impl Client {
    /// A client of a bucket with its first key, by path at `authority`.
    pub fn new(options: &BucketOptions, authority: &str) -> Client {
        let key = options.keys.first().cloned();
        let key = key.unwrap_or_else(|| crate::bucket::KeyPair::new("AKIANOBODY"));
        Client {
            address: Address {
                scheme: Scheme::Http,
                authority: authority.to_owned(),
                base_path: String::new(),
                bucket: options.name.clone(),
                style: AddressStyle::Path,
            },
            credentials: key.credentials(),
            signs_payload: true,
            signer: Signer::new(&*options.region, "s3"),
        }
    }

    /// Signs for another region from here on.
    pub fn set_region(&mut self, region: &str) {
        self.signer = Signer::new(region, "s3");
    }

    /// The request with its signature.
    pub fn sign(&mut self, mut request: Request, at: Timestamp) -> Request {
        let payload = match self.signs_payload {
            true => PayloadHash::of(&request.body),
            false => PayloadHash::Unsigned,
        };
        self.signer.sign(&mut request, &self.credentials, payload, at);
        request
    }
}
