//! The command, from the outside: what it prints, what it stores, and how it exits.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod answers;
mod check;
mod checkpoint;
mod components;
mod composed;
#[cfg(feature = "aws-chain")]
mod credentials;
mod dead_letters;
mod demo;
mod encoded;
mod follow;
mod forged;
mod health;
mod hostile;
mod inputs;
mod inspect;
mod interrupted;
#[cfg(feature = "kafka")]
mod kafka;
mod keys;
mod lanes;
mod large;
mod local;
mod multiline;
mod names;
mod options;
mod outputs;
mod parts;
mod probes;
mod rejected;
mod reload;
mod rotation;
mod run;
mod service;

mod several;
mod shutdown_timeout;
mod signals;
mod support;
mod surroundings;
mod terminal;
mod transforms;
mod traps;
mod unreachable;
mod uploads;
mod usage;
mod waits;
mod watched;
