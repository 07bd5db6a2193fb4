//! One library writes in this process, and nothing else happens in it.

mod aws_sdk;
mod native;
mod ours;
mod sockets;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;

use crate::role::Taken;

/// What is written, and how.
#[derive(Clone, Deserialize, Serialize)]
pub struct Job {
    /// The library.
    pub library: Library,
    /// The server.
    pub endpoint: String,
    /// What is in it.
    pub content: Content,
    /// What each request proves of its body.
    pub proof: Proof,
    /// How many requests may be in flight.
    pub in_flight: usize,
    /// Where compiled components are kept.
    pub cache: PathBuf,
}

/// A library that writes to S3.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub enum Library {
    /// The component in its host library.
    Spillway,
    /// `object_store`.
    ObjectStore,
    /// `aws-sdk-s3`, with a loop of ours around its UploadPart.
    AwsSdk,
    /// None: the same bytes, written to connections from one buffer.
    Sockets,
}

impl Library {
    /// All that somebody uses, this project's first.
    pub const ALL: [Library; 3] = [Library::Spillway, Library::ObjectStore, Library::AwsSdk];

    /// As it is called in tables.
    pub fn name(self) -> &'static str {
        match self {
            Library::Spillway => "Spillway",
            Library::ObjectStore => "object_store",
            Library::AwsSdk => "aws-sdk-s3",
            Library::Sockets => "sockets alone",
        }
    }
}

/// What is written.
#[derive(Clone, Deserialize, Serialize)]
pub enum Content {
    /// One object of so many pieces, each of which is [`PIECE_BYTES`] of events.
    Pieces {
        /// Of one event, its line feed included.
        event_bytes: usize,
        /// How many pieces.
        count: u64,
        /// Whether a checkpoint is taken each second, and the object is visible with the last.
        checkpoints: bool,
    },
    /// So many objects of so many bytes.
    Objects {
        /// How many.
        count: u64,
        /// Of each.
        bytes: usize,
    },
    /// A file, as it is.
    File(PathBuf),
    /// The payloads of a file of JSON lines, in an object for each key.
    Mapped(PathBuf),
}

/// What each request proves of its body.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub enum Proof {
    /// Nothing.
    Nothing,
    /// A CRC-64/NVME of each part.
    Checksum,
    /// A signature that covers the SHA-256 of the body.
    Signature,
}

/// Writes, and measures that.
///
/// # Errors
///
/// What the library says.
pub fn write(job: &Job) -> anyhow::Result<Taken> {
    let runtime = Runtime::new()?;
    match job.library {
        Library::Spillway => ours::write(&runtime, job),
        Library::ObjectStore => native::write(&runtime, job),
        Library::AwsSdk => aws_sdk::write(&runtime, job),
        Library::Sockets => sockets::write(job),
    }
}

/// The bytes of a part, as is the default of the component.
pub const PART_BYTES: usize = 8 << 20;
/// The bytes that each call of a library is given.
pub const PIECE_BYTES: usize = 1 << 20;
/// The id of the access key of all clients.
pub const ACCESS_KEY_ID: &str = "AKIAMEASURED";
/// Its secret; the server does not look.
pub const SECRET_ACCESS_KEY: &str = "measured";
/// The region of all clients.
const REGION: &str = "us-east-1";

/// Events of that length, one a line.
fn piece(event_bytes: usize) -> Vec<u8> {
    let mut line = b"0123456789abcdef".repeat(event_bytes.div_ceil(16));
    line.truncate(event_bytes - 1);
    line.push(b'\n');
    line.repeat(PIECE_BYTES / event_bytes)
}
