//! The function's settings, read once at its start.

use engine::{Error, SdkConfig, lambda};
use environment::Place;
use regex_lite::Regex;

/// The settings.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The account, region and stack.
    pub place: Place,
    /// The state machine.
    pub state_machine_arn: String,
    /// Finds the team in the name of a caller's role. Without it every caller is an administrator.
    pub team_pattern: Option<Regex>,
    /// The managed policies that requests may give to their flows.
    pub flow_policy_arns: Vec<String>,
    /// Whether this is the local cloud, where a Prefect API may be http and on this machine.
    pub local_cloud: bool,
}

impl Settings {
    /// Reads the settings that the template gives the function.
    pub fn from_environment(config: &SdkConfig) -> Result<Self, Error> {
        let list = lambda::variable("FLOW_POLICY_ARNS")?;
        let arns = list.split(',').map(str::trim).filter(|arn| !arn.is_empty());
        Ok(Settings {
            place: lambda::place(config)?,
            state_machine_arn: lambda::variable("STATE_MACHINE_ARN")?,
            team_pattern: team_pattern(&lambda::variable("TEAM_PATTERN")?)?,
            flow_policy_arns: arns.map(str::to_owned).collect(),
            local_cloud: lambda::variable("LOCAL_CLOUD")? == "true",
        })
    }
}

/// A pattern without exactly one group would find no team or the wrong text: better not to start.
pub(crate) fn team_pattern(text: &str) -> Result<Option<Regex>, Error> {
    if text.is_empty() {
        return Ok(None);
    }
    let pattern = Regex::new(text).map_err(|error| format!("TEAM_PATTERN is no regular expression: {error}"))?;
    // The whole match counts as a group, too.
    if pattern.captures_len() != 2 {
        return Err("TEAM_PATTERN must have exactly one group".into());
    }
    Ok(Some(pattern))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_team_pattern_has_exactly_one_group() {
        assert!(team_pattern("").is_ok_and(|pattern| pattern.is_none()));
        assert!(team_pattern("^team-([a-z]+)$").is_ok_and(|pattern| pattern.is_some()));
        for wrong in ["^team-", "(a)(b)", "(", "(?:a)"] {
            assert!(team_pattern(wrong).is_err(), "{wrong}");
        }
    }
}
