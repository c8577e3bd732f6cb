//! `/environments`.

mod create;
mod delete;
mod list;
mod read;
