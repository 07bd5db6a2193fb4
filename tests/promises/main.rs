//! One file a promise.

mod signing_vectors;
