//! The contract's types, as the host sees them. Their documentation stands in `wit/`.

#[allow(missing_docs, unused_qualifications, reason = "generated")]
#[allow(clippy::all, reason = "generated")]
mod bindings {
    wasmtime::component::bindgen!({
        path: "../wit",
        // The world `spillway:s3/s3` without the imports from WASI, which wasmtime links.
        inline: "
            package spillway:host;
            world s3 {
                import spillway:s3/credentials@0.2.0;
                export spillway:sink/sink@0.2.0;
            }
        ",
        world: "spillway:host/s3",
        imports: { default: async },
        exports: { default: async },
    });
}

pub use bindings::S3;
pub use bindings::S3Pre;
pub use bindings::spillway::s3::credentials;
pub use bindings::spillway::sink::types::{
    Boundaries, Bucket, Description, Ending, Error, Failure, Framing, Histogram, IncompleteUpload,
    Level, Metric, MetricValue, Notice, Payload, Phase, Problem, Progress, Rejection, Run,
    SavedObject, SavedState, StoredState, VisibleObject,
};

/// The bindings of a transform. Its types are those of a sink.
mod filter {
    #![allow(missing_docs, unused_qualifications, reason = "generated")]
    #![allow(clippy::all, reason = "generated")]

    wasmtime::component::bindgen!({
        path: "../wit/deps/sink",
        world: "filter",
        with: { "spillway:sink/types": super::bindings::spillway::sink::types },
        imports: { default: async },
        exports: { default: async },
    });
}

pub use filter::exports::spillway::sink::transform::Outcome;
pub use filter::{Filter, FilterPre};
