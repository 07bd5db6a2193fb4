//! The two servers, asked in the same way.

use spillway_core::Timestamp;
use spillway_core::http::{Request, Response};
use spillway_local_s3::{LocalCredentials, LocalOptions, LocalS3};
use spillway_simulation::bucket::{Bucket, BucketOptions};
use spillway_simulation::client::Client;
use spillway_tests::socket_client::SocketClient;
use tempfile::TempDir;

/// One of the two.
pub(super) enum Side {
    Memory(Memory),
    Local(Local),
}

/// The reference bucket.
pub(super) struct Memory {
    bucket: Bucket,
    client: Client,
}

/// The local server, over a socket.
pub(super) struct Local {
    _server: LocalS3,
    _folder: TempDir,
    client: Client,
    socket: SocketClient,
}

impl Memory {
    pub(super) fn new() -> Memory {
        let options = BucketOptions::default();
        Memory { client: Client::new(&options, "s3.test"), bucket: Bucket::new(options) }
    }
}

impl Local {
    pub(super) async fn start() -> Local {
        let folder = tempfile::tempdir().unwrap();
        let options = BucketOptions::default();
        let key = options.keys[0].clone();
        let server = LocalS3::start(LocalOptions {
            root: folder.path().to_owned(),
            buckets: vec![options.name.clone()],
            credentials: LocalCredentials {
                access_key_id: key.access_key_id,
                secret_access_key: key.secret_access_key,
            },
            address: LocalOptions::LOOPBACK,
        });
        let server = server.await.unwrap();
        let endpoint = server.endpoint();
        let client = Client::new(&options, endpoint.strip_prefix("http://").unwrap());
        Local { _server: server, _folder: folder, client, socket: SocketClient::default() }
    }
}

impl Side {
    pub(super) fn client(&mut self) -> &mut Client {
        match self {
            Side::Memory(memory) => &mut memory.client,
            Side::Local(local) => &mut local.client,
        }
    }

    /// Signs, as of so many seconds ago, and sends.
    pub(super) async fn send_late(&mut self, request: Request, seconds: u64) -> Response {
        let signed_at = Timestamp(now().0 - seconds * 1_000_000_000);
        let signed = self.client().sign(request, signed_at);
        self.send_signed(signed).await
    }

    /// Signs and sends.
    pub(super) async fn send(&mut self, request: Request) -> Response {
        self.send_late(request, 0).await
    }

    /// Sends as it is.
    pub(super) async fn send_signed(&mut self, request: Request) -> Response {
        match self {
            Side::Memory(memory) => memory.bucket.handle(now(), &request),
            Side::Local(local) => local.socket.send(&request).await.unwrap(),
        }
    }
}

pub(super) fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Timestamp(since.as_nanos().try_into().unwrap())
}
