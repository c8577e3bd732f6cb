//! `log_retention_days`: how long the log groups keep a line.

use super::{Reading, fields::Fields, violation::ViolationCode};

const DEFAULT: u32 = 30;

/// The values that `PutRetentionPolicy` takes (CloudWatch Logs API reference).
const DAYS: [u32; 22] =
    [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

pub(super) fn read(body: &mut Fields<'_>) -> Reading<u32> {
    let Some(field) = body.get("log_retention_days") else { return Some(DEFAULT) };
    let given = field.whole()?;
    let days = DAYS.into_iter().find(|days| u64::from(*days) == given);
    if days.is_none() {
        let detail = format!(
            "CloudWatch Logs keeps lines for these numbers of days: {}.",
            DAYS.map(|d| d.to_string()).join(", ")
        );
        field.refuse(ViolationCode::NotAllowed, detail);
    }
    days
}

#[cfg(test)]
mod tests {
    use super::super::tests::codes_with;
    use super::*;
    use serde_json::json;

    #[test]
    fn only_the_values_of_cloudwatch_logs_are_taken() {
        assert!(codes_with("/log_retention_days", json!(3653)).is_empty());
        assert_eq!(
            codes_with("/log_retention_days", json!(31)),
            [("/log_retention_days".into(), ViolationCode::NotAllowed)]
        );
    }
}
