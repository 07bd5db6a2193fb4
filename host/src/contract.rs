//! The contract's types, as the host sees them. Their documentation stands in `wit/`.

#[allow(missing_docs, unused_qualifications, reason = "generated")]
#[allow(clippy::all, reason = "generated")]
mod bindings {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "s3",
        imports: { default: async },
        exports: { default: async },
    });
}

pub use bindings::S3;
pub use bindings::S3Pre;
pub use bindings::exports::spillway::sink::sink::{
    Bucket, Description, Ending, Error, Failure, Framing, Histogram, IncompleteUpload, Level,
    Metric, MetricValue, Notice, Payload, Phase, Problem, Progress, Rejection, Run, SavedObject,
    SavedState, VisibleObject,
};
pub use bindings::spillway::sink::credentials;
