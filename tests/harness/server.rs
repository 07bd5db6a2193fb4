//! An S3 server for one test.

use std::collections::BTreeMap;
use std::path::Path;

use spillway_local_s3::{
    LocalCredentials, LocalOptions, LocalS3, Operation, RequestLine, StoredObject,
};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// A server with one bucket, in a folder that goes with it.
pub struct Server {
    runtime: Runtime,
    s3: LocalS3,
    folder: TempDir,
}

impl Server {
    /// Starts one.
    pub fn start() -> Server {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let runtime = Runtime::new().expect("threads");
        let options = LocalOptions {
            root: folder.path().to_owned(),
            buckets: vec![BUCKET.to_owned()],
            credentials: LocalCredentials {
                access_key_id: ACCESS_KEY_ID.to_owned(),
                secret_access_key: SECRET_ACCESS_KEY.to_owned(),
            },
            address: LocalOptions::LOOPBACK,
        };
        let s3 = runtime.block_on(LocalS3::start(options)).expect("the server starts");
        Server { runtime, s3, folder }
    }

    /// What it runs on.
    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// Its URL.
    pub fn endpoint(&self) -> String {
        self.s3.endpoint()
    }

    /// The folder whose folders are the buckets.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The latest requests that it answered.
    pub fn requests(&self) -> Vec<RequestLine> {
        self.s3.requests()
    }

    /// How often it answered which operation with a success.
    pub fn done(&self) -> BTreeMap<Operation, u64> {
        let counts = self.s3.request_counts().into_iter();
        counts.map(|(operation, count)| (operation, count.answered - count.refused)).collect()
    }

    /// How many requests it answered.
    pub fn requests_total(&self) -> u64 {
        self.s3.requests_total()
    }

    /// The objects of the bucket.
    pub fn objects(&self) -> Vec<StoredObject> {
        self.s3.objects(BUCKET).expect("the bucket is there")
    }

    /// The objects of the bucket with what they hold.
    pub fn contents(&self) -> BTreeMap<String, Vec<u8>> {
        let read = |object: StoredObject| {
            let bytes = std::fs::read(&object.path).expect("the object's file");
            assert_eq!(object.size, bytes.len() as u64);
            (object.key, bytes)
        };
        self.objects().into_iter().map(read).collect()
    }
}

/// The bucket.
pub const BUCKET: &str = "events";
/// The id of the one access key.
pub const ACCESS_KEY_ID: &str = "AKIATESTS";
/// Its secret, which nothing may ever show.
pub const SECRET_ACCESS_KEY: &str = "nobody/ever+sees/this=secret";
/// A key of a customer's, which nothing may ever show either.
pub const CUSTOMER_KEY: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
