//! Serves a folder as S3 until it is interrupted or terminated: for tests and trials of programs in
//! other languages.
//!
//! ```text
//! cargo run --release --package spillway-local-s3 --example serve -- FOLDER BUCKET...
//! ```
//!
//! Prints its endpoint as the first line of standard output, on a free port of loopback. The access
//! key id is `local`, and so is the secret access key.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;
use spillway_local_s3::{LocalCredentials, LocalOptions, LocalS3};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let root = arguments.next().map(PathBuf::from);
    let root = root.context("expected a folder and at least one bucket: FOLDER BUCKET...")?;
    let buckets: Vec<String> = arguments.collect();
    anyhow::ensure!(!buckets.is_empty(), "expected at least one bucket after the folder");
    let credentials = LocalCredentials {
        access_key_id: "local".to_owned(),
        secret_access_key: "local".to_owned(),
    };
    let mut terminated = signal(SignalKind::terminate())?;
    let options = LocalOptions { root, buckets, credentials, address: LocalOptions::LOOPBACK };
    let server = LocalS3::start(options).await?;
    let mut output = std::io::stdout();
    writeln!(output, "{}", server.endpoint())?;
    output.flush()?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminated.recv() => {}
    }
    server.shutdown().await;
    Ok(())
}
