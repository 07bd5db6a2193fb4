//! An S3 server in this process, for trying a flow before it has a bucket.
//!
//! It listens on loopback, checks signatures, and keeps each object as a plain file in
//! `ROOT/<bucket>/<key>`. Keys that are no paths, such as `a//b` or `../a`, are written with
//! `%` in them, `%` itself as `%25`; no key leads out of its bucket or to the file of another, if
//! the file system tells names apart by their bytes, as Linux does.
//!
//! The crate `s3s` speaks HTTP, and this one knows the folder. While it runs it
//! keeps what is unfinished, and what belongs to objects but not into their files, in a hidden
//! folder `ROOT/.spillway-*`; when it ends and no upload is open the folder goes, and the objects
//! are all that is left. Files that were in the folder of a bucket before are objects as well,
//! without metadata.
//!
//! Where uploads are open, and where the process is killed, the folder stays. The next server on
//! `ROOT` goes on with all that was answered: open uploads with their parts, and what belongs to
//! objects. Two at once each have a folder of their own, and see objects of one another alone. It
//! is for processes that die, not for machines: nothing waits for the disk.
//!
//! Not a server for others: it knows one pair of keys, and no limits.

mod about;
mod backend;
mod body;
mod keys;
mod listing;
mod log;
mod operation;
mod receive;
mod records;
mod recovery;
mod server;
mod shared;
mod store;
mod uploads;
mod work;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, spawn_blocking};

pub use self::log::{REQUEST_LINES_MAX, RequestCount, RequestLine};
pub use self::operation::Operation;
pub use self::store::StoredObject;

use self::backend::Backend;
use self::log::RequestLog;
use self::server::{Service, serve};
use self::store::Store;

/// How to start a [`LocalS3`].
#[derive(Debug, Clone)]
pub struct LocalOptions {
    /// The folder whose sub-folders are the buckets; it is made if it is missing.
    pub root: PathBuf,
    /// Buckets to make. Those whose folders are there already need not be named.
    pub buckets: Vec<String>,
    /// The one pair of keys that requests may be signed with.
    pub credentials: LocalCredentials,
    /// Where to listen; [`LocalOptions::LOOPBACK`] takes any free port.
    pub address: SocketAddr,
}

impl LocalOptions {
    /// Any free port of the loopback interface.
    pub const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
}

/// An access key and its secret.
#[derive(Clone)]
pub struct LocalCredentials {
    /// The access key, which requests name.
    pub access_key_id: String,
    /// The secret key, which requests are signed with.
    pub secret_access_key: String,
}

impl fmt::Debug for LocalCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("LocalCredentials");
        shown.field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

/// A running server. Dropped, it stops at once; [`LocalS3::shutdown`] lets requests finish.
pub struct LocalS3 {
    address: SocketAddr,
    store: Arc<Store>,
    log: Arc<RequestLog>,
    stop: watch::Sender<()>,
    server: JoinHandle<()>,
}

impl LocalS3 {
    /// Starts a server on the current Tokio runtime.
    ///
    /// # Errors
    ///
    /// If the folder cannot be used, a bucket's name is against the rules of S3, or the address
    /// cannot be listened on.
    pub async fn start(options: LocalOptions) -> anyhow::Result<Self> {
        // There may be gigabytes of parts to read.
        let opened = spawn_blocking(move || Store::open(&options.root)).await;
        let store = Arc::new(opened.context("the server's folder could not be opened")??);
        for bucket in &options.buckets {
            store.create_bucket(bucket)?;
        }
        let mut s3 = S3ServiceBuilder::new(Backend(Arc::clone(&store)));
        let LocalCredentials { access_key_id, secret_access_key } = options.credentials;
        s3.set_auth(SimpleAuth::from_single(access_key_id, secret_access_key));

        let listener = TcpListener::bind(options.address)
            .await
            .with_context(|| format!("cannot listen on {}", options.address))?;
        let address = listener.local_addr().context("cannot tell the port listened on")?;
        let log = Arc::new(RequestLog::default());
        let (stop, stopped) = watch::channel(());
        let service = Service { s3: s3.build(), log: Arc::clone(&log) };
        let server = tokio::spawn(serve(listener, service, stopped));
        Ok(Self { address, store, log, stop, server })
    }

    /// The URL of the server, for path-style requests: `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The latest [`REQUEST_LINES_MAX`] requests, in the order in which they were answered.
    pub fn requests(&self) -> Vec<RequestLine> {
        self.log.recent()
    }

    /// How often each operation was asked for since the start.
    pub fn request_counts(&self) -> BTreeMap<Operation, RequestCount> {
        self.log.counts()
    }

    /// How many requests were answered since the start.
    pub fn requests_total(&self) -> u64 {
        self.log.counts().values().map(|count| count.answered).sum()
    }

    /// The objects of a bucket, sorted by key.
    ///
    /// # Errors
    ///
    /// If there is no such bucket, or its folder cannot be read.
    pub fn objects(&self, bucket: &str) -> anyhow::Result<Vec<StoredObject>> {
        let read = self.store.objects(bucket);
        read.with_context(|| format!("cannot list the objects of {bucket}"))
    }

    /// Whether the next server on the folder is to know of this one's objects what belongs to them:
    /// metadata, and checksums. Where it is not, that goes when this one ends, unless uploads are
    /// open.
    pub fn keep(&self, keeps: bool) {
        self.store.keep(keeps);
    }

    /// Stops accepting, lets requests that have begun finish within 10 seconds, and removes the
    /// hidden folder unless uploads are open, or it is to be [kept](LocalS3::keep): the next server
    /// on the folder goes on with that.
    pub async fn shutdown(mut self) {
        // Without a receiver the server has ended already.
        let _ = self.stop.send(());
        // An error is a panic of the server, which has been printed.
        let _ = (&mut self.server).await;
    }
}

impl fmt::Debug for LocalS3 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalS3").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Drop for LocalS3 {
    fn drop(&mut self) {
        self.server.abort();
    }
}
