//! The command, from the outside: what it prints, what it stores, and how it exits.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod check;
mod components;
mod dead_letters;
mod demo;
mod health;
mod inspect;
mod keys;
mod large;
mod rejected;
mod run;
mod signals;
mod support;
mod terminal;
mod unreachable;
mod uploads;
mod usage;
