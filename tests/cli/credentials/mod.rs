//! `[credentials]`: where they come from, what is said when they do not, and how they are renewed.
//! All services are on the loopback interface.

mod failures;
mod refresh;
mod services;
mod sources;
