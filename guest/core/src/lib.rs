//! The heart of Spillway's S3 sink: a state machine that turns events into multipart uploads.
//!
//! Pure: it does no IO, and reads no clock, environment or randomness. Time, credentials, answers
//! and a seed are arguments; requests are values. Its loop is [`sink::Sink`].

mod answers;
pub mod bounds;
pub mod buffer;
pub mod checkpoint;
pub mod checksum;
pub mod classify;
pub mod cleanup;
pub mod clock;
pub mod config;
pub mod credentials;
pub mod encode;
pub mod error;
pub mod explain;
pub mod framing;
mod hiding;
pub mod histogram;
pub mod http;
pub mod ids;
pub mod inquiry;
pub mod io;
pub mod metrics;
pub mod names;
mod naming;
pub mod notice;
mod objects;
mod open;
mod options;
mod orphans;
mod outage;
mod owner;
pub mod parts;
pub mod quote;
mod repeats;
pub mod report;
pub mod requests;
pub mod retry;
pub mod room;
pub mod s3;
pub mod schema;
pub mod sequence;
pub mod settings;
mod signer;
pub mod sigv4;
pub mod sink;
pub mod suggest;
#[cfg(test)]
mod talk;
pub mod template;
pub mod time;
mod turns;
pub mod upload;
mod window;
mod wire;
