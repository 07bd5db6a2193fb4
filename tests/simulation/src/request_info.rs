//! What a test is told of a request, to decide what becomes of it.

use std::collections::HashMap;
use std::time::Duration;

use spillway_core::http::Request;

use crate::bucket::{Asked, Operation, S3Error};

/// A request that is about to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestInfo {
    /// Which request of the run it is, from 0.
    pub index: u64,
    /// When it is sent, since the run began.
    pub at: Duration,
    /// What it asks for.
    pub operation: Operation,
    /// The key.
    pub key: String,
    /// The upload, or nothing.
    pub upload_id: String,
    /// The part.
    pub part_number: Option<u32>,
    /// The length of its body.
    pub bytes: u64,
    /// How often the same was asked for, this time included: method, path and query are the same.
    pub attempt: u32,
}

/// Counts requests.
#[derive(Debug, Default)]
pub struct Census {
    requests: u64,
    attempts: HashMap<(&'static str, String), u32>,
}

impl Census {
    /// Looks at a request to the bucket of that name, and counts it.
    ///
    /// # Errors
    ///
    /// Where it is none that a bucket knows; then it is not counted.
    pub fn take(
        &mut self,
        bucket: &str,
        request: &Request,
        at: Duration,
    ) -> Result<RequestInfo, S3Error> {
        let asked = Asked::read(bucket, request)?;
        let operation = asked.operation()?;
        let same = (request.method.as_str(), request.path_and_query.clone());
        let attempt = self.attempts.entry(same).or_default();
        *attempt += 1;
        let index = self.requests;
        self.requests += 1;
        Ok(RequestInfo {
            index,
            at,
            operation,
            upload_id: asked.parameter("uploadId").to_owned(),
            part_number: asked.part_number(),
            key: asked.key,
            bytes: request.body.len(),
            attempt: *attempt,
        })
    }

    /// How many were counted.
    pub fn requests(&self) -> u64 {
        self.requests
    }
}
