//! `/environments/{id}/operations`.

mod list;
mod read;
