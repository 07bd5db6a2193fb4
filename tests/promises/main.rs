//! One file a promise.

#![allow(clippy::unwrap_used, reason = "how a test fails, in its helpers as well")]

mod any_metrics;
mod bucket_over_sockets;
mod component;
mod composed;
mod crates;
mod docs;
mod examples;
mod hostile;
mod layers;
mod many_in_flight;
mod mutants;
mod packaging;
mod purity;
mod reference_bucket;
mod service;
mod signing_vectors;
mod support;
