//! What requests and cold starts take, measured on the deployed stack: `make bench`.
//!
//! Milliseconds are those of one machine that does everything at once: the local cloud, the functions and the callers. What
//! holds on any machine is counted: items read and written, bytes.
//!
//! The tests come one after the other, each with the machine to itself.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a surprise ends the measurement")]

mod callers;
mod idle;
mod journal;
mod numbers;
mod pages;
mod requests;
mod runtime;
mod starts;

use std::{
    fmt::Display,
    io::{Write, stdout},
};

/// Past the test harness, which shows what a test prints only when it fails.
fn say(line: impl Display) {
    writeln!(stdout(), "{line}").expect("a place to write to");
}
