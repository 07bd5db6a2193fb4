//! Files that grow, are rotated and vanish, and are followed.

mod lines;
mod logrotate;
mod logs;
mod rotation;
mod seen;
mod soak;
mod start;
