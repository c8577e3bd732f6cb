//! `/environments`.

mod create;
mod delete;
mod drift;
mod list;
mod logs;
mod read;
mod repair;
mod template;
mod update;
mod worker;
