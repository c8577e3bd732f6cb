//! `/environments`.

mod create;
mod delete;
mod list;
mod logs;
mod read;
