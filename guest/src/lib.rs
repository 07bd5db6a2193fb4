//! The Spillway S3 sink as a component: the contract of `wit/` on the outside, `spillway-core`
//! inside.

mod contract;
mod driver;
mod transport;

/// Generated from `wit/`; its documentation stands there.
#[allow(missing_docs, unsafe_code, reason = "generated: the ABI is made of raw pointers")]
#[allow(clippy::all, unused_qualifications, reason = "generated")]
mod bindings {
    use super::contract::Component;

    wit_bindgen::generate!({ path: "../wit", world: "s3", generate_all });

    export!(Component with_types_in self);
}
