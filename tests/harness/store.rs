//! The reference bucket behind a socket, for one test of the command.

use std::collections::BTreeMap;

use spillway_core::Timestamp;
use spillway_core::http::{Request, Response};
use spillway_core::s3::{Address, CreateMultipartUpload, CreateMultipartUploadResult, UploadPart};
use spillway_simulation::bucket::{Bucket, BucketOptions, KeyPair};
use spillway_simulation::client::Client;
use tokio::runtime::Runtime;

use crate::bucket_server::BucketServer;
use crate::conversion;
use crate::server::{ACCESS_KEY_ID, BUCKET, SECRET_ACCESS_KEY};

/// A server with the bucket and the key of [`Server`](crate::server::Server), and S3's semantics.
pub struct Store {
    server: BucketServer,
    // Behind the server, which ends on it.
    _runtime: Runtime,
}

impl Store {
    /// Starts one, as S3 is but for what `change` says.
    pub fn start(change: impl FnOnce(&mut BucketOptions)) -> Store {
        let runtime = Runtime::new().expect("threads");
        let key = KeyPair {
            secret_access_key: SECRET_ACCESS_KEY.to_owned(),
            ..KeyPair::new(ACCESS_KEY_ID)
        };
        let name = BUCKET.to_owned();
        let mut options = BucketOptions { name, keys: vec![key], ..BucketOptions::default() };
        change(&mut options);
        let server = runtime.block_on(BucketServer::start(options)).expect("a port");
        Store { server, _runtime: runtime }
    }

    /// Its URL.
    pub fn endpoint(&self) -> String {
        self.server.endpoint()
    }

    /// The server, to look at and to change.
    pub fn server(&self) -> &BucketServer {
        &self.server
    }

    /// The objects of the bucket with what they hold.
    pub fn contents(&self) -> BTreeMap<String, Vec<u8>> {
        self.bucket(|bucket| {
            let objects = bucket.objects().iter();
            objects.map(|(key, object)| (key.clone(), object.bytes.to_vec())).collect()
        })
    }

    /// Looks at the bucket, or changes it.
    pub fn bucket<T>(&self, look: impl FnOnce(&mut Bucket) -> T) -> T {
        self.server.bucket(look)
    }

    /// The keys of the uploads that are open, in the order in which they were begun.
    pub fn open_uploads(&self) -> Vec<String> {
        self.bucket(|bucket| bucket.open_uploads().values().map(|u| u.key.clone()).collect())
    }

    /// An upload that another writer began so many seconds ago; returns its id.
    pub fn begin_upload(&self, key: &str, parts: u32, seconds_ago: u64) -> String {
        let at = Timestamp(conversion::now().0 - seconds_ago * 1_000_000_000);
        self.bucket(|bucket| {
            let mut client = Client::new(&bucket.options, "s3.test");
            let address: &Address = &client.address.clone();
            let mut send = |request: Request| -> Response {
                let signed = client.sign(request, at);
                bucket.handle(at, &signed)
            };
            let created = send(CreateMultipartUpload { address, key, headers: &[] }.request());
            let created = CreateMultipartUploadResult::parse(&created).expect("it is begun");
            let upload_id = created.upload_id.as_str();
            for part_number in 1..=parts {
                let body = b"a part".to_vec().into();
                let part = UploadPart { address, key, upload_id, part_number, headers: &[], body };
                assert_eq!(send(part.request()).status, 200);
            }
            created.upload_id
        })
    }
}
