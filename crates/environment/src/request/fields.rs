//! Reads a JSON value field by field and reports everything that is not as it should be.
//!
//! A reader never stops at the first mistake: what cannot be read is reported and answered as absent, and
//! the sections go on with the rest. A field that is `null` counts as left out.

use super::violation::{Report, Violation, ViolationCode, member};
use serde_json::{Map, Value};
use std::ops::RangeInclusive;

/// A value, and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Field<'a> {
    report: &'a Report,
    pointer: String,
    value: &'a Value,
}

impl<'a> Field<'a> {
    /// The whole body.
    pub(super) fn root(report: &'a Report, value: &'a Value) -> Self {
        Field { report, pointer: String::new(), value }
    }

    pub(super) fn pointer(&self) -> &str {
        &self.pointer
    }

    /// Reports a violation here.
    pub(super) fn refuse(&self, code: ViolationCode, detail: impl Into<String>) {
        self.report.add(Violation::new(&self.pointer, code, detail));
    }

    fn wrong_type<T>(&self, wanted: &str) -> Option<T> {
        self.refuse(ViolationCode::WrongType, format!("This must be {wanted}."));
        None
    }

    /// Its members.
    pub(super) fn object(&self) -> Option<Fields<'a>> {
        match self.value {
            Value::Object(members) => Some(Fields {
                report: self.report,
                pointer: self.pointer.clone(),
                members: Some(members),
                known: Vec::new(),
            }),
            _ => self.wrong_type("an object"),
        }
    }

    /// Its text, whose length in characters is within the range.
    pub(super) fn text(&self, length: RangeInclusive<usize>) -> Option<&'a str> {
        let Value::String(text) = self.value else { return self.wrong_type("a string") };
        if length.contains(&text.chars().count()) {
            return Some(text);
        }
        self.refuse(
            ViolationCode::OutOfRange,
            format!("This must have {} to {} characters.", length.start(), length.end()),
        );
        None
    }

    /// Its text, which must have a form.
    pub(super) fn text_like(
        &self,
        length: RangeInclusive<usize>,
        has_the_form: impl Fn(&str) -> bool,
        form: &str,
    ) -> Option<&'a str> {
        let text = self.text(length)?;
        if has_the_form(text) {
            return Some(text);
        }
        self.refuse(ViolationCode::Invalid, form);
        None
    }

    /// Its whole number, of any size.
    pub(super) fn whole(&self) -> Option<u64> {
        self.value.as_u64().or_else(|| self.wrong_type("a whole number that is not negative"))
    }

    /// Its whole number within the range.
    pub(super) fn whole_within(&self, range: RangeInclusive<u32>) -> Option<u32> {
        let number = self.whole()?;
        let number = u32::try_from(number).ok().filter(|number| range.contains(number));
        if number.is_none() {
            self.refuse(ViolationCode::OutOfRange, format!("This must be {} to {}.", range.start(), range.end()));
        }
        number
    }

    /// What its text stands for.
    pub(super) fn choice<T: Copy>(&self, choices: &[(&str, T)]) -> Option<T> {
        let Value::String(text) = self.value else { return self.wrong_type("a string") };
        let chosen = choices.iter().find(|(name, _)| name == text).map(|(_, choice)| *choice);
        if chosen.is_none() {
            let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
            self.refuse(ViolationCode::Invalid, format!("This must be one of: {}.", names.join(", ")));
        }
        chosen
    }

    /// Its true or false.
    pub(super) fn choice_of_two(&self) -> Option<bool> {
        self.value.as_bool().or_else(|| self.wrong_type("true or false"))
    }

    /// Its items, whose number is within the range.
    pub(super) fn list(&self, count: RangeInclusive<usize>) -> Option<Vec<Field<'a>>> {
        let Value::Array(items) = self.value else { return self.wrong_type("an array") };
        if !count.contains(&items.len()) {
            self.refuse(
                ViolationCode::OutOfRange,
                format!("This must have {} to {} items.", count.start(), count.end()),
            );
            return None;
        }
        let item = |(index, value)| Field { report: self.report, pointer: format!("{}/{index}", self.pointer), value };
        Some(items.iter().enumerate().map(item).collect())
    }

    /// The members of an object whose names the caller chooses, at most so many.
    pub(super) fn map(&self, most: usize) -> Option<Vec<(&'a str, Field<'a>)>> {
        let Value::Object(members) = self.value else { return self.wrong_type("an object") };
        if members.len() > most {
            self.refuse(ViolationCode::OutOfRange, format!("This must have at most {most} members."));
            return None;
        }
        let entry = |(name, value): (&'a String, &'a Value)| {
            (name.as_str(), Field { report: self.report, pointer: member(&self.pointer, name), value })
        };
        Some(members.iter().map(entry).collect())
    }
}

/// The members of an object whose names are fixed.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    report: &'a Report,
    pointer: String,
    members: Option<&'a Map<String, Value>>,
    known: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    /// The members of a section that may be left out: then every member of it is left out.
    pub(super) fn section(within: &mut Fields<'a>, name: &'static str) -> Fields<'a> {
        let given = within.get(name).map(|field| field.object());
        let absent = || Fields {
            report: within.report,
            pointer: member(&within.pointer, name),
            members: None,
            known: Vec::new(),
        };
        given.flatten().unwrap_or_else(absent)
    }

    /// The member of this name, where it is given.
    pub(super) fn get(&mut self, name: &'static str) -> Option<Field<'a>> {
        self.known.push(name);
        let value = self.members?.get(name).filter(|value| !value.is_null())?;
        Some(Field { report: self.report, pointer: member(&self.pointer, name), value })
    }

    /// The member of this name, which must be given.
    pub(super) fn required(&mut self, name: &'static str) -> Option<Field<'a>> {
        let field = self.get(name);
        if field.is_none() {
            self.refuse(name, ViolationCode::Required, "This must be given.");
        }
        field
    }

    /// Reports a violation at a member, given or not.
    pub(super) fn refuse(&self, name: &str, code: ViolationCode, detail: impl Into<String>) {
        self.report.add(Violation::new(member(&self.pointer, name), code, detail));
    }

    /// Reports every member that nobody asked for.
    pub(super) fn finish(self) {
        for name in self.members.into_iter().flat_map(Map::keys) {
            if !self.known.contains(&name.as_str()) {
                let detail = format!("There is no such field. The fields here are: {}.", self.known.join(", "));
                self.refuse(name, ViolationCode::UnknownField, detail);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn codes(report: Report) -> Vec<(String, ViolationCode)> {
        report.into_violations().into_iter().map(|violation| (violation.pointer, violation.code)).collect()
    }

    #[test]
    fn reading_goes_on_after_a_mistake() {
        let body = json!({"name": 5, "count": 700, "extra/field": true});
        let report = Report::default();
        let mut fields = Field::root(&report, &body).object().unwrap();
        assert_eq!(fields.required("name").and_then(|field| field.text(1..=5)), None);
        assert_eq!(fields.get("count").and_then(|field| field.whole_within(0..=100)), None);
        assert!(fields.required("team").is_none());
        fields.finish();
        assert_eq!(
            codes(report),
            [
                ("/name".to_owned(), ViolationCode::WrongType),
                ("/count".to_owned(), ViolationCode::OutOfRange),
                ("/team".to_owned(), ViolationCode::Required),
                ("/extra~1field".to_owned(), ViolationCode::UnknownField),
            ]
        );
    }

    #[test]
    fn null_counts_as_left_out() {
        let body = json!({"worker": null});
        let report = Report::default();
        let mut fields = Field::root(&report, &body).object().unwrap();
        assert!(fields.get("worker").is_none());
        fields.finish();
        assert!(report.into_violations().is_empty());
    }

    #[test]
    fn length_is_counted_in_characters() {
        let body = json!("äöü");
        let report = Report::default();
        assert_eq!(Field::root(&report, &body).text(3..=3), Some("äöü"));
    }
}
