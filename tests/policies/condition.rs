//! The condition operators that the policies use. Any other one is an error, never a silent yes.

use crate::{pattern, policy::Context};

/// One operator with one key: `StringEquals: {key: values}`.
#[derive(Clone, Debug)]
pub(crate) struct Condition {
    quantifier: Quantifier,
    operator: Operator,
    /// `…IfExists`: holds where the request does not have the key.
    if_exists: bool,
    key: String,
    values: Vec<String>,
}

#[derive(Clone, Copy, Debug)]
enum Quantifier {
    /// The key has one value.
    One,
    Any,
    All,
}

#[derive(Clone, Copy, Debug)]
enum Operator {
    Equals,
    NotEquals,
    Like,
    NotLike,
    Arn,
    NotArn,
    Null,
}

impl Condition {
    pub(crate) fn read(operator: &str, key: &str, values: Vec<String>) -> Result<Condition, String> {
        let (quantifier, name) = match operator.split_once(':') {
            None => (Quantifier::One, operator),
            Some(("ForAnyValue", name)) => (Quantifier::Any, name),
            Some(("ForAllValues", name)) => (Quantifier::All, name),
            Some((other, _)) => return Err(format!("{other} is not known to this evaluator")),
        };
        let plain = name.strip_suffix("IfExists");
        let operator = match plain.unwrap_or(name) {
            "StringEquals" | "Bool" => Operator::Equals,
            "StringNotEquals" => Operator::NotEquals,
            "StringLike" => Operator::Like,
            "StringNotLike" => Operator::NotLike,
            // AWS treats the two the same.
            "ArnEquals" | "ArnLike" => Operator::Arn,
            "ArnNotEquals" | "ArnNotLike" => Operator::NotArn,
            "Null" => Operator::Null,
            other => return Err(format!("the operator {other} is not known to this evaluator")),
        };
        Ok(Condition { quantifier, operator, if_exists: plain.is_some(), key: key.to_ascii_lowercase(), values })
    }

    pub(crate) fn holds(&self, context: &Context) -> bool {
        let there: &[String] = context.get(&self.key).map(Vec::as_slice).unwrap_or_default();
        if let Operator::Null = self.operator {
            return self.values.iter().any(|value| (value == "true") == there.is_empty());
        }
        if there.is_empty() && self.if_exists {
            return true;
        }
        match self.quantifier {
            // An absent key never equals anything, and is always different.
            Quantifier::One if there.is_empty() => self.is_negative(),
            Quantifier::One | Quantifier::Any => there.iter().any(|value| self.is(value)),
            Quantifier::All => there.iter().all(|value| self.is(value)),
        }
    }

    fn is_negative(&self) -> bool {
        matches!(self.operator, Operator::NotEquals | Operator::NotLike | Operator::NotArn)
    }

    fn is(&self, value: &str) -> bool {
        let one = |wanted: &String| match self.operator {
            Operator::Equals | Operator::NotEquals => wanted == value,
            Operator::Like | Operator::NotLike => pattern::matches(wanted, value),
            Operator::Arn | Operator::NotArn => pattern::arn_matches(wanted, value),
            Operator::Null => false,
        };
        self.values.iter().any(one) != self.is_negative()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(operator: &str, values: &[&str], there: &[&str]) -> bool {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let context = Context::from([("k".to_owned(), owned(there))]);
        Condition::read(operator, "K", owned(values)).expect("a known operator").holds(&context)
    }

    #[test]
    fn an_absent_key_equals_nothing() {
        assert!(!holds("StringEquals", &["a"], &[]));
        assert!(!holds("ArnLike", &["*"], &[]));
        assert!(holds("StringEqualsIfExists", &["a"], &[]));
        assert!(holds("StringNotEquals", &["a"], &[]));
        assert!(holds("Null", &["true"], &[]) && !holds("Null", &["false"], &[]));
    }

    #[test]
    fn one_of_several_values_is_enough() {
        assert!(holds("StringEquals", &["a", "b"], &["b"]));
        assert!(!holds("StringEqualsIfExists", &["a"], &["b"]));
        assert!(!holds("StringNotEquals", &["a", "b"], &["b"]));
        assert!(holds("StringLike", &["a*"], &["abc"]));
    }

    #[test]
    fn keys_with_several_values_need_a_quantifier() {
        assert!(holds("ForAllValues:StringEquals", &["a", "b"], &["a", "b"]));
        assert!(!holds("ForAllValues:StringEquals", &["a"], &["a", "b"]));
        assert!(holds("ForAnyValue:StringEquals", &["a"], &["a", "b"]));
        assert!(holds("ForAllValues:StringEquals", &["a"], &[]), "as AWS has it: of nothing, everything holds");
    }

    #[test]
    fn what_is_not_known_is_an_error() {
        assert!(Condition::read("NumericEquals", "k", Vec::new()).is_err());
    }
}
