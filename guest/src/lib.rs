//! The Spillway S3 sink as a component. It exports the contract of `wit/`, and runs
//! `spillway-core`.

mod contract;
mod driver;
mod transport;

/// Generated from `wit/`, which has the documentation.
#[allow(missing_docs, unsafe_code, reason = "generated: the ABI is made of raw pointers")]
#[allow(clippy::all, unused_qualifications, reason = "generated")]
mod bindings {
    use super::contract::Component;

    wit_bindgen::generate!({
        path: "../wit",
        // The world `spillway:s3/s3` without its imports from WASI, which the crate `wasip2`
        // provides.
        inline: "
            package spillway:guest;
            world guest {
                import spillway:s3/credentials@0.2.0;
                export spillway:sink/sink@0.2.0;
            }
        ",
        world: "spillway:guest/guest",
        generate_all,
    });

    export!(Component with_types_in self);
}
