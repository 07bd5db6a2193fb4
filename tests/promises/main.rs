//! One file a promise.

mod many_in_flight;
mod purity;
mod readme;
mod signing_vectors;
mod support;
