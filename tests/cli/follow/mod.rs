//! Files that grow, are rotated and vanish, and are followed.

mod lines;
mod logs;
mod rotation;
