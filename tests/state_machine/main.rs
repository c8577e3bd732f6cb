//! What must hold for the state machine, read from its definition. No cloud is needed: on the local one a
//! failing branch, an unknown state or a long payload would not even be noticed.
#![allow(clippy::expect_used, clippy::panic, reason = "a broken definition is what these tests report")]

mod definition;
mod promises;
mod story;
mod survey;
mod watch;
