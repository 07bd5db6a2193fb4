//! The server over sockets, with signed requests.

mod client;
mod kills;
mod objects;
mod restarts;
mod server;
mod uploads;

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use tempfile::TempDir;

use self::client::{Answer, TestClient, credentials};
use super::{LocalOptions, LocalS3};

const BUCKET: &str = "bucket";
const MIB: usize = 1_024 * 1_024;

struct Local {
    client: TestClient,
    server: LocalS3,
    folder: TempDir,
}

impl Local {
    async fn start() -> Self {
        Self::on(tempfile::tempdir().unwrap()).await
    }

    async fn on(folder: TempDir) -> Self {
        let server = LocalS3::start(options(folder.path())).await.unwrap();
        Self { client: TestClient::new(&server), server, folder }
    }

    /// As if its process were killed: nothing is dropped, and the system frees the lock.
    fn kill(self) -> TempDir {
        let Self { server, folder, .. } = self;
        server.server.abort();
        server.store.lose();
        std::mem::forget(server);
        folder
    }

    async fn end(self) -> TempDir {
        self.server.shutdown().await;
        self.folder
    }

    fn options(&self) -> LocalOptions {
        options(self.folder.path())
    }

    fn bucket(&self) -> PathBuf {
        self.folder.path().join(BUCKET)
    }

    fn part_files(&self) -> Vec<PathBuf> {
        let mut files = files_below(self.folder.path());
        files.retain(|path| path.to_str().unwrap().contains(".part-"));
        files
    }

    async fn put(&self, key: &str, body: impl Into<Bytes>) -> Answer {
        self.send("PUT", key, "", body).await
    }

    async fn send(&self, method: &str, key: &str, query: &str, body: impl Into<Bytes>) -> Answer {
        self.client.send(method, (BUCKET, key), query, body).await
    }

    async fn send_with(
        &self,
        method: &str,
        key: &str,
        headers: &[(&str, &str)],
        body: &'static str,
    ) -> Answer {
        self.client.send_with(method, (BUCKET, key), "", headers, body.into()).await
    }

    async fn create(&self, key: &str) -> String {
        self.send("POST", key, "uploads", "").await.element("UploadId").to_owned()
    }

    async fn uploads(&self) -> Answer {
        self.client.send("GET", (BUCKET, ""), "uploads", "").await
    }

    async fn complete(&self, key: &str, id: &str, parts: &str) -> Answer {
        let body = format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>");
        self.send("POST", key, &format!("uploadId={id}"), body).await
    }
}

fn options(root: &Path) -> LocalOptions {
    LocalOptions {
        root: root.to_owned(),
        buckets: vec![BUCKET.to_owned()],
        credentials: credentials(),
        address: LocalOptions::LOOPBACK,
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let below = entries.flat_map(|path| match path.is_dir() {
        true => files_below(&path),
        false => vec![path],
    });
    below.collect()
}
