//! How strict and how slow AWS is, as the environment of the proxy says it.

use rules::Settings;
use std::{env, error::Error};

/// `RULES_TIME_SCALE`, `RULES_LATENCY`, `RULES_READ_LAG` (numbers), `RULES_THROTTLING` (`true`) and `RULES_QUOTAS`
/// (`L-F678F1CE=100,…`). What is not said is as [`Settings::default`] has it. `RULES_OFF` (`True`): the local cloud as
/// it is.
pub(crate) fn of_environment() -> Result<Option<Settings>, Box<dyn Error>> {
    if env::var_os("RULES_OFF").is_some() {
        return Ok(None);
    }
    let mut settings = Settings::default();
    let numbers = [
        ("RULES_TIME_SCALE", &mut settings.time_scale),
        ("RULES_LATENCY", &mut settings.latency),
        ("RULES_READ_LAG", &mut settings.read_lag),
    ];
    for (name, number) in numbers {
        if let Ok(text) = env::var(name) {
            *number = text.parse().map_err(|error| format!("{name}={text}: {error}"))?;
        }
    }
    settings.throttling = env::var("RULES_THROTTLING").is_ok_and(|text| text == "true");
    if let Ok(quotas) = env::var("RULES_QUOTAS") {
        for quota in quotas.split(',').filter(|quota| !quota.is_empty()) {
            let (code, limit) =
                quota.split_once('=').ok_or_else(|| format!("RULES_QUOTAS: {quota} is no CODE=limit"))?;
            settings.quotas.insert(code.to_owned(), limit.parse()?);
        }
    }
    Ok(Some(settings))
}
