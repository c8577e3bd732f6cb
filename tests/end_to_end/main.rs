//! The service from end to end, on a local cloud: HTTP API with SigV4, functions, records, state machine and
//! the AWS services behind them. Run by `make test`.
//!
//! The tests run beside each other, each with environments of its own, and look at nothing but those.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a surprise ends the test")]

mod choices;
mod draining;
mod eta;
mod events;
mod failures;
mod fence;
mod foreign;
mod life;
mod logs;
mod neighbours;
mod prefect;
mod preflight;
mod proof;
mod repair;
mod scaling;
mod secrets;
mod stopped;
mod strays;
mod turning_round;
mod update;
mod walkthrough;
mod watch;
