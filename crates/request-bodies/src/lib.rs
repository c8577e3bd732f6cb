//! Bodies of `POST /environments`, for tests: [`valid`] ones, and ones [`near`] them, which break rules in the ways
//! in which clients and attackers do. Valid where the account is [`ACCOUNT`] and the region [`REGION`], for an
//! administrator, with [`POLICIES`] allowed.

mod mutation;
mod valid;

pub use mutation::near;
pub use valid::{ACCOUNT, POLICIES, REGION, valid};
