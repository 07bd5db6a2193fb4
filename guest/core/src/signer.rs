//! Turns what an upload wants into a signed request, with credentials kept fresh.

use std::time::Duration;

use crate::credentials::Credentials;
use crate::http::Request;
use crate::s3::{
    AbortMultipartUpload, CompleteMultipartUpload, CreateMultipartUpload, PutObject, UploadPart,
};
use crate::settings::{PayloadSigning, Settings};
use crate::sigv4::{self, PayloadHash};
use crate::time::Timestamp;
use crate::upload::{Operation, Upload};

/// The credentials at hand, and the signing key derived from them.
pub(crate) struct Signer {
    sigv4: sigv4::Signer,
    credentials: Option<Credentials>,
    /// Those at hand are of no use, whatever their expiry says.
    expired: bool,
    /// The host was asked, and has not answered.
    asked: bool,
}

/// A question to the host.
pub(crate) struct Ask {
    pub(crate) fresh: bool,
}

impl Signer {
    pub(crate) fn new(settings: &Settings) -> Signer {
        let sigv4 = sigv4::Signer::new(settings.region.clone(), "s3");
        Signer { sigv4, credentials: None, expired: false, asked: false }
    }

    /// Whether the host has to be asked now: something `is_wanting` and there is nothing to sign with.
    pub(crate) fn ask(&mut self, now: Timestamp, is_wanting: bool) -> Option<Ask> {
        if self.asked || !is_wanting || self.has_credentials(now) {
            return None;
        }
        self.asked = true;
        Some(Ask { fresh: self.expired || self.credentials.is_some() })
    }

    /// Whether there is something to sign with.
    pub(crate) fn has_credentials(&self, now: Timestamp) -> bool {
        let fresh = |c: &Credentials| c.expires_at.is_none_or(|at| at.0 > now.0 + EXPIRY_MARGIN);
        !self.expired && self.credentials.as_ref().is_some_and(fresh)
    }

    pub(crate) fn set_credentials(&mut self, credentials: Credentials) {
        (self.asked, self.expired) = (false, false);
        self.credentials = Some(credentials);
    }

    /// The host had none; the next request asks again.
    pub(crate) fn failed(&mut self) {
        self.asked = false;
    }

    /// The store said that the credentials are no longer good.
    pub(crate) fn expired(&mut self) {
        self.expired = true;
    }

    /// What `upload` wants to ask, signed for `at`.
    pub(crate) fn request(
        &mut self,
        upload: &Upload,
        operation: Operation,
        settings: &Settings,
        at: Timestamp,
    ) -> Request {
        let mut request = unsigned(upload, operation, settings);
        let payload = match settings.payload_signing {
            PayloadSigning::Signed => PayloadHash::of(&request.body),
            PayloadSigning::Unsigned => PayloadHash::Unsigned,
        };
        if let Some(credentials) = &self.credentials {
            self.sigv4.sign(&mut request, credentials, payload, at);
        }
        request
    }
}

fn unsigned(upload: &Upload, operation: Operation, settings: &Settings) -> Request {
    let address = &settings.address;
    let key = upload.span.name.as_str();
    let upload_id = upload.upload_id().unwrap_or_default();
    let headers = &[];
    match operation {
        Operation::PutObject => {
            let body = upload.body(operation);
            PutObject { address, key, if_none_match: false, headers, body }.request()
        }
        Operation::CreateMultipartUpload => {
            CreateMultipartUpload { address, key, headers }.request()
        }
        Operation::UploadPart(part_number) => {
            let body = upload.body(operation);
            UploadPart { address, key, upload_id, part_number, headers, body }.request()
        }
        Operation::CompleteMultipartUpload => {
            let parts = upload.completed_parts();
            let parts = &parts.expect("an upload completes only once each of its parts is stored");
            CompleteMultipartUpload {
                address,
                key,
                upload_id,
                parts,
                checksum: None,
                checksum_type: None,
                object_size: Some(upload.bytes),
                if_none_match: false,
                headers,
            }
            .request()
        }
        Operation::AbortMultipartUpload => {
            AbortMultipartUpload { address, key, upload_id, headers }.request()
        }
    }
}

/// Credentials are not used for the last minute of their life, in nanoseconds: a request may be on
/// its way for a while.
const EXPIRY_MARGIN: u64 = Duration::from_secs(60).as_nanos() as u64;
