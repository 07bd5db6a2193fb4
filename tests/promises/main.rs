//! One file a promise.

#![allow(clippy::unwrap_used, reason = "how a test fails, in its helpers as well")]

mod bucket_over_sockets;
mod component;
mod reference_bucket;
mod signing_vectors;
