//! Who calls: API Gateway has checked the signature and says whose it was.

use crate::{problem, problem::Problem, service::Service, settings::Settings};
use axum::extract::FromRequestParts;
use engine::records::AskedBy;
use environment::request::is_a_team;
use http::request::Parts;
use lambda_http::request::RequestContext;

/// The one who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    /// Name, session and ARN, for the record.
    pub(crate) asked_by: AskedBy,
    /// The caller's team; `None` for an administrator.
    pub(crate) team: Option<String>,
}

impl Caller {
    /// Whether an environment of this team may be seen and changed.
    pub(crate) fn may_use(&self, team: &str) -> bool {
        self.team.as_deref().is_none_or(|own| own == team)
    }
}

impl FromRequestParts<Service> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, service: &Service) -> Result<Self, Problem> {
        let arn = parts
            .extensions
            .get::<RequestContext>()
            .and_then(RequestContext::authorizer)
            .and_then(|authorizer| authorizer.iam.as_ref())
            .and_then(|iam| iam.user_arn.as_deref())
            .ok_or_else(problem::unknown_caller)?;
        let caller = identify(arn, &service.settings)?;
        tracing::Span::current().record("caller", &caller.asked_by.name);
        Ok(caller)
    }
}

/// Reads the caller's ARN. Only roles have teams: where a pattern is set, whoever is no role, or a role that it
/// does not match, is refused. A role of another account could bear any name.
fn identify(arn: &str, settings: &Settings) -> Result<Caller, Problem> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", _, service, _, account, principal] = parts[..] else { return Err(problem::unknown_caller()) };
    if account != settings.place.account {
        return Err(problem::unknown_caller());
    }
    let (kind, rest) = principal.split_once('/').unwrap_or((principal, ""));
    let (name, session, is_role) = match (service, kind) {
        ("sts", "assumed-role") => {
            let (role, session) = rest.split_once('/').unwrap_or((rest, ""));
            (role, (!session.is_empty()).then_some(session), true)
        }
        // A user may have a path before its name; root has no name.
        _ => (rest.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or(kind), None, false),
    };
    let team = match &settings.team_pattern {
        None => None,
        Some(pattern) => {
            let found = pattern.captures(name).and_then(|captures| captures.get(1)).filter(|_| is_role);
            let team = found.map(|team| team.as_str()).filter(|team| is_a_team(team));
            Some(team.ok_or_else(problem::caller_without_team)?.to_owned())
        }
    };
    let asked_by = AskedBy { name: name.to_owned(), session: session.map(str::to_owned), arn: arn.to_owned() };
    Ok(Caller { asked_by, team })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::settings;

    const ROLE: &str = "arn:aws:sts::123456789012:assumed-role/team-data/ada";

    fn who(arn: &str, pattern: &str) -> Option<Caller> {
        identify(arn, &settings(pattern)).ok()
    }

    #[test]
    fn without_a_pattern_every_caller_of_the_account_is_an_administrator() {
        let caller = who(ROLE, "").unwrap();
        assert_eq!((caller.asked_by.name.as_str(), caller.asked_by.session.as_deref()), ("team-data", Some("ada")));
        assert_eq!(caller.team, None);
        assert!(caller.may_use("anything"));
        assert_eq!(who("arn:aws:iam::123456789012:user/path/ada", "").unwrap().asked_by.name, "ada");
        assert_eq!(who("arn:aws:iam::123456789012:root", "").unwrap().asked_by.name, "root");
    }

    #[test]
    fn a_pattern_finds_the_team_in_the_roles_name() {
        let caller = who(ROLE, "^team-([a-z]+)$").unwrap();
        assert_eq!(caller.team.as_deref(), Some("data"));
        assert!(caller.may_use("data") && !caller.may_use("finance"));
    }

    #[test]
    fn who_has_no_team_where_teams_are_told_apart_is_refused() {
        for arn in [
            "arn:aws:sts::123456789012:assumed-role/admin/team-data",
            "arn:aws:iam::123456789012:user/team-data",
            "arn:aws:iam::123456789012:root",
        ] {
            assert_eq!(who(arn, "^team-([a-z]+)$"), None, "{arn}");
        }
        assert_eq!(who(ROLE, "^team-(.*)data$"), None, "an empty team is none");
    }

    #[test]
    fn a_role_of_another_account_is_refused_whatever_it_is_called() {
        for arn in ["arn:aws:sts::999999999999:assumed-role/team-data/x", "", "team-data", "arn:aws:sts"] {
            assert_eq!(who(arn, ""), None, "{arn}");
        }
    }
}
