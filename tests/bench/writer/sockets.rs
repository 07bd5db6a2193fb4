//! The requests of an upload, written to connections as they are: what copying over loopback takes.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, bail, ensure};

use super::{Content, Job, PART_BYTES, PIECE_BYTES};
use crate::role::{Taken, measured};
use crate::server::BUCKET;

/// Writes one object, from one buffer, with a thread for each request in flight.
///
/// # Errors
///
/// Where the server answers otherwise than it should.
pub(super) fn write(job: &Job) -> anyhow::Result<Taken> {
    let Content::Pieces { event_bytes, count, .. } = &job.content else {
        bail!("only one large object is written without a library");
    };
    let part = super::piece(*event_bytes).repeat(PART_BYTES / PIECE_BYTES);
    let address = job.endpoint.trim_start_matches("http://");
    let bytes = count * PIECE_BYTES as u64;
    measured(|| object(address, &part, bytes, job.in_flight))
}

fn object(address: &str, part: &[u8], bytes: u64, threads: usize) -> anyhow::Result<()> {
    let path = format!("/{BUCKET}/large");
    let mut connection = Connection::open(address)?;
    let created = connection.request("POST", &format!("{path}?uploads"), &[])?;
    let id = created.split("<UploadId>").nth(1).and_then(|rest| rest.split('<').next());
    let id = id.context("the server names no upload")?;
    let next = AtomicU64::new(0);
    let parts = || -> anyhow::Result<()> {
        let mut connection = Connection::open(address)?;
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let left = bytes.saturating_sub(number * part.len() as u64);
            if left == 0 {
                return Ok(());
            }
            let body = &part[..part.len().min(usize::try_from(left)?)];
            let query = format!("partNumber={}&uploadId={id}", number + 1);
            connection.request("PUT", &format!("{path}?{query}"), body)?;
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(parts)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("it panics nowhere"))
    })?;
    connection.request("POST", &format!("{path}?uploadId={id}"), &[]).map(drop)
}

struct Connection(TcpStream);

impl Connection {
    fn open(address: &str) -> anyhow::Result<Connection> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Connection(stream))
    }

    /// Sends a request, and returns the body of its answer.
    fn request(&mut self, method: &str, path: &str, body: &[u8]) -> anyhow::Result<String> {
        let length = body.len();
        let head =
            format!("{method} {path} HTTP/1.1\r\nhost: s3\r\ncontent-length: {length}\r\n\r\n");
        self.0.write_all(head.as_bytes())?;
        self.0.write_all(body)?;
        let (mut answer, mut buffer) = (Vec::new(), [0; 4096]);
        loop {
            let read = self.0.read(&mut buffer)?;
            ensure!(read > 0, "the server has closed a connection");
            answer.extend_from_slice(&buffer[..read]);
            let text = std::str::from_utf8(&answer)?;
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            ensure!(head.starts_with("HTTP/1.1 200 "), "the server answers {head}");
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(Ok(0), str::parse)? {
                return Ok(body.to_owned());
            }
        }
    }
}
