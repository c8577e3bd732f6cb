//! EC2: the network of an account.
//!
//! [`memory`] learns from every call what there is; the other rules refuse and correct by what it knows. A rule that
//! refuses does so before the local cloud hears of the call, so nothing has changed.

pub(crate) mod absent;
pub(crate) mod address;
pub(crate) mod cidr;
pub(crate) mod dependency;
pub(crate) mod dry_run;
pub(crate) mod filter;
pub(crate) mod internet_gateway;
pub(crate) mod memory;
pub(crate) mod nat_gateway;
pub(crate) mod network_interface;
pub(crate) mod route;
pub(crate) mod route_table;
pub(crate) mod subnet;
pub(crate) mod tag;
pub(crate) mod token;
pub(crate) mod vpc;
mod xml;

#[cfg(test)]
#[allow(clippy::expect_used, reason = "a surprise ends the test")]
mod scene;

pub(crate) use memory::State;
