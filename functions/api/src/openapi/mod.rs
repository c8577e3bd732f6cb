//! The API as a document (OpenAPI 3.1): made from the types of answers and requests and a table of the operations,
//! checked in as `openapi.json`, and served as it was checked in, so that no start of the function pays for it. The tests
//! make it anew and hold it against the code.

#[cfg(test)]
mod document;
#[cfg(test)]
mod operations;
#[cfg(test)]
mod parameters;
#[cfg(test)]
mod problems;
#[cfg(test)]
mod request;
#[cfg(test)]
mod tests;

/// The document.
pub(crate) const DOCUMENT: &str = include_str!("../../../../openapi.json");
