//! The one client of Prefect's REST API, and the base job template that work pools are given.
//!
//! Prefect Cloud and a server of one's own speak the same API under different URLs: [`Client::api`] takes the one
//! that workers get as `PREFECT_API_URL`. Calls go over the transport that the AWS clients use, so that no second
//! TLS stack is linked; addresses that no server may have are refused where the connection is made ([`guard`]), and
//! no redirect is followed. Nothing is repeated here: whoever calls comes again.
//!
//! A credential is a [`SecretString`](secrecy::SecretString) from the moment it is read, and no part of an answer
//! reaches anybody but the caller's log.

pub mod base_job_template;
mod call;
mod check;
mod error;
pub mod guard;
mod work_pool;
mod worker;

pub use base_job_template::BaseJobTemplate;
pub use call::{Api, Client, Credential};
pub use check::check;
pub use error::Error;
pub use work_pool::{NewWorkPool, WorkPool, WorkPoolChange, WorkPoolStatus};
pub use worker::{Worker, WorkerStatus};

/// The type of work pools whose flow runs are ECS tasks.
pub const POOL_TYPE: &str = "ecs";
