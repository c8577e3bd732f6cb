//! The function's settings, read once at its start.

use crate::limits::Limits;
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
    /// The function of networks. It and the next are asked about quotas, all four of them how their things are.
    pub network_function_arn: String,
    /// The function of roles and secrets.
    pub identity_function_arn: String,
    /// The function of clusters, namespaces and log groups.
    pub cluster_function_arn: String,
    /// The function of workers, which speaks to Prefect.
    pub worker_function_arn: String,
    /// Finds the team in the name of a caller's role.
    pub team_pattern: Option<Regex>,
    /// Finds the administrators among the names of roles and users. Without both patterns every caller is one.
    pub administrator_pattern: Option<Regex>,
    /// What a team may have.
    pub limits: Limits,
    /// The images that requests may name, as patterns; empty for every image.
    pub worker_images: Vec<String>,
    /// The managed policies that requests may give to their flows.
    pub flow_policy_arns: Vec<String>,
    /// Whether this is the local cloud, where a Prefect API may be http and on this machine.
    pub local_cloud: bool,
}

impl Settings {
    /// Reads the settings that the template gives the function.
    pub fn from_environment(config: &SdkConfig) -> Result<Self, Error> {
        Ok(Settings {
            place: lambda::place(config)?,
            state_machine_arn: lambda::variable("STATE_MACHINE_ARN")?,
            network_function_arn: lambda::variable("NETWORK_FUNCTION_ARN")?,
            identity_function_arn: lambda::variable("IDENTITY_FUNCTION_ARN")?,
            cluster_function_arn: lambda::variable("CLUSTER_FUNCTION_ARN")?,
            worker_function_arn: lambda::variable("WORKER_FUNCTION_ARN")?,
            team_pattern: team_pattern(&lambda::variable("TEAM_PATTERN")?)?,
            administrator_pattern: administrator_pattern(&lambda::variable("ADMINISTRATOR_PATTERN")?)?,
            limits: Limits::from_environment()?,
            worker_images: list("WORKER_IMAGES")?,
            flow_policy_arns: list("FLOW_POLICY_ARNS")?,
            local_cloud: lambda::variable("LOCAL_CLOUD")? == "true",
        })
    }
}

/// A setting that is a list: the template joins its items by commas.
fn list(variable: &str) -> Result<Vec<String>, Error> {
    let items = lambda::variable(variable)?;
    Ok(items.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect())
}

/// A pattern without exactly one group would find no team or the wrong text: better not to start.
pub(crate) fn team_pattern(text: &str) -> Result<Option<Regex>, Error> {
    let pattern = whole_name("TEAM_PATTERN", text)?;
    // The whole match counts as a group, too.
    if pattern.as_ref().is_some_and(|pattern| pattern.captures_len() != 2) {
        return Err("TEAM_PATTERN must have exactly one group".into());
    }
    Ok(pattern)
}

pub(crate) fn administrator_pattern(text: &str) -> Result<Option<Regex>, Error> {
    whole_name("ADMINISTRATOR_PATTERN", text)
}

/// A pattern for whole names: `admin` must not let in whoever may call a role `not-an-admin`.
fn whole_name(variable: &str, text: &str) -> Result<Option<Regex>, Error> {
    if text.is_empty() {
        return Ok(None);
    }
    // Compiled by itself first: a parenthesis too many could otherwise close the one around it.
    let whole = Regex::new(text).and_then(|_| Regex::new(&format!("^(?:{text})$")));
    whole.map(Some).map_err(|error| format!("{variable} is no regular expression: {error}").into())
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

    #[test]
    fn a_pattern_is_for_whole_names_and_complete_by_itself() {
        let pattern = administrator_pattern("root|platform-[a-z]+").expect("a pattern").expect("not empty");
        assert!(pattern.is_match("root") && pattern.is_match("platform-admin"));
        assert!(!pattern.is_match("uproot") && !pattern.is_match("platform-admin2") && !pattern.is_match("rooted"));
        assert!(administrator_pattern("").is_ok_and(|pattern| pattern.is_none()));
        assert!(administrator_pattern("a)|(?:b").is_err());
    }
}
