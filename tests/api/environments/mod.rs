//! `/environments`.

mod delete;
mod list;
mod read;
