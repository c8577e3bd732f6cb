//! What the end-to-end tests stand on: the deployed service, a client of its API, clients of the AWS
//! services it works on, and an inventory of everything that is there.
//!
//! The tests call the service the way its users do and look at AWS the way an auditor does: nothing of the
//! product's own code is used to say what must be there.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "serves tests only: a surprise ends the test"
)]

pub mod api;
pub mod cloud;
mod crowd;
mod flow_definitions;
pub mod functions;
pub mod inventory;
pub mod logs;
pub mod message;
pub mod planting;
pub mod prefect;
pub mod refusal;
pub mod requests;
pub mod roles;
mod secrets;
pub mod service;
pub mod signing;
pub mod stage;
pub mod table;
pub mod waiting;

pub use api::{Answer, Api, Environment};
pub use cloud::Cloud;
pub use functions::Functions;
pub use inventory::{Inventory, Marks};
pub use refusal::Refusal;
pub use roles::{Role, Team};
pub use service::Service;
pub use stage::Stage;
pub use table::Table;
