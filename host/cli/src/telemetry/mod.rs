//! What is known of a run while it runs: for a display, and for whoever collects metrics.
//!
//! A run tells its [`Monitor`] how far it is. The monitor asks nobody anything: a sink can be in
//! the middle of a call for minutes, and what is asked for meanwhile is what was known before it,
//! with what the host sees of the sink's requests from the outside. [`View::exposition`] is that as
//! a text that Prometheus reads, and [`View::health`] says whether all is well. [`Endpoint`] serves
//! both.
//!
//! ```
//! use spillway_cli::telemetry::Monitor;
//!
//! let monitor = Monitor::new();
//! // Give a clone of it to a `Runner`, and look as often as you like.
//! let text = monitor.view().exposition();
//! assert!(text.contains("spillway_run_durable_lag_events 0.0\n"));
//! assert!(text.ends_with("# EOF\n"));
//! ```

mod endpoint;
mod exposition;
mod families;
mod files;
mod group;
mod health;
mod lag;
mod monitor;
mod movement;
mod own;
mod parts;

pub use endpoint::Endpoint;
pub use exposition::CONTENT_TYPE;
pub use families::Families;
pub use files::{FAMILIES_MAX, OTHER};
pub use health::Health;
pub use monitor::{Monitor, View};
pub use movement::Movement;
