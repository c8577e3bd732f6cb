//! Query parameters: each at most once, and none that nobody knows. A misspelt filter must not list everything.

use crate::{problem, problem::Problem};
use axum::extract::{FromRequestParts, Query};
use environment::request::{Violation, ViolationCode};
use http::request::Parts;

/// The parameters of a request, as they were given.
#[derive(Debug)]
pub(crate) struct Parameters(Vec<(String, String)>);

impl<S: Sync> FromRequestParts<S> for Parameters {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Query::try_from_uri(&parts.uri)
            .map(|Query(parameters)| Parameters(parameters))
            .map_err(|_| problem::invalid_query(Vec::new()))
    }
}

impl Parameters {
    /// Whether the request is to be tried and not carried out. Nothing else can be asked for.
    pub(crate) fn validate_only(self) -> Result<bool, Problem> {
        let mut reader = self.read(&["validate_only"]);
        let validates_only = reader.is_set("validate_only");
        reader.finish()?;
        Ok(validates_only)
    }

    /// Refuses every parameter.
    pub(crate) fn none(self) -> Result<(), Problem> {
        self.read(&[]).finish()
    }

    /// Reads the parameters of these names. Those that end in `[]` may be given more than once, those that end in
    /// `[key]` once for every key.
    pub(crate) fn read(self, known: &'static [&'static str]) -> Reader {
        let mut reader = Reader { given: Vec::new(), violations: Vec::new() };
        for (name, value) in self.0 {
            let (is_known, is_list) = (known.contains(&form(&name).as_str()), known.contains(&&*format!("{name}[]")));
            if !is_known && !is_list {
                let detail = match known {
                    [] => "There are no parameters here.".to_owned(),
                    known => format!("There is no such parameter. There are: {}.", known.join(", ").replace("[]", "")),
                };
                reader.refuse(&name, ViolationCode::UnknownField, detail);
            } else if !is_list && reader.get(&name).is_some() {
                reader.refuse(&name, ViolationCode::Conflict, "This parameter is given more than once.");
            } else {
                reader.given.push((name, value));
            }
        }
        reader
    }
}

/// How a parameter of this name is known: `tag[stage]` as `tag[key]`.
fn form(name: &str) -> String {
    match name.split_once('[') {
        Some((before, after)) if after.len() > 1 && after.ends_with(']') => format!("{before}[key]"),
        _ => name.to_owned(),
    }
}

/// The parameters that are known, and what is wrong with the request so far.
#[derive(Debug)]
pub(crate) struct Reader {
    given: Vec<(String, String)>,
    violations: Vec<Violation>,
}

impl Reader {
    /// The value of a parameter that was given.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.given.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// The members of a parameter that is given once for every key.
    pub(crate) fn members(&self, name: &str) -> impl Iterator<Item = (&str, &str)> {
        let prefix = format!("{name}[");
        self.given.iter().filter_map(move |(given, value)| {
            Some((given.strip_prefix(prefix.as_str())?.strip_suffix(']')?, value.as_str()))
        })
    }

    /// What the values of a list stand for, as far as they mean anything.
    pub(crate) fn parse_all<T>(&mut self, name: &str, read: impl Fn(&str) -> Option<T>, form: &str) -> Vec<T> {
        let values = self.given.iter().filter(|(given, _)| given == name);
        let meanings: Vec<Option<T>> = values.map(|(_, value)| read(value)).collect();
        if meanings.iter().any(Option::is_none) {
            self.refuse(name, ViolationCode::Invalid, form);
        }
        meanings.into_iter().flatten().collect()
    }

    /// What the parameter's value stands for, if it is given and means anything.
    pub(crate) fn parse<T>(&mut self, name: &str, read: impl Fn(&str) -> Option<T>, form: &str) -> Option<T> {
        let value = self.get(name).map(read)?;
        if value.is_none() {
            self.refuse(name, ViolationCode::Invalid, form);
        }
        value
    }

    /// Whether a parameter says yes. It says no where it is not given.
    pub(crate) fn is_set(&mut self, name: &str) -> bool {
        let yes_or_no = |text: &str| text.parse::<bool>().ok();
        self.parse(name, yes_or_no, "This must be true or false.").unwrap_or_default()
    }

    /// Notes that a parameter is wrong.
    pub(crate) fn refuse(&mut self, name: &str, code: ViolationCode, detail: impl Into<String>) {
        self.violations.push(Violation::new(name, code, detail));
    }

    /// Refuses the request if anything is wrong with it.
    pub(crate) fn finish(self) -> Result<(), Problem> {
        if self.violations.is_empty() { Ok(()) } else { Err(problem::invalid_query(self.violations)) }
    }
}
