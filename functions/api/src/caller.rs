//! Who calls: API Gateway has checked the signature and says whose it was.

use crate::{problem, problem::Problem, purpose, service::Service, settings::Settings};
use axum::extract::FromRequestParts;
use engine::records::AskedBy;
use environment::request::is_a_team;
use http::request::Parts;
use lambda_http::request::RequestContext;

/// The one who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    /// Name, session and ARN, for whom and why: for the record.
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
        let mut caller = identify(arn, &service.settings)?;
        caller.asked_by.on_behalf_of = purpose::on_behalf_of(&parts.headers)?;
        caller.asked_by.reason = purpose::reason(&parts.headers)?;
        tracing::Span::current().record("caller", &caller.asked_by.name);
        Ok(caller)
    }
}

/// What signed, as IAM knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Principal<'a> {
    Role {
        name: &'a str,
        session: &'a str,
    },
    User(&'a str),
    Root,
    /// Whose name somebody chose who need not be trusted with it: a federated user's is chosen by the IAM user
    /// that asks for its token.
    Other(&'a str),
}

impl<'a> Principal<'a> {
    /// Reads the part of an ARN after the account.
    fn read(service: &str, principal: &'a str) -> Self {
        match (service, principal.split_once('/')) {
            ("sts", Some(("assumed-role", role))) => {
                let (name, session) = role.split_once('/').unwrap_or((role, ""));
                Principal::Role { name, session }
            }
            // A user may have a path before its name.
            ("iam", Some(("user", user))) => Principal::User(user.rsplit('/').next().unwrap_or(user)),
            ("iam", None) if principal == "root" => Principal::Root,
            _ => Principal::Other(principal),
        }
    }

    fn name(self) -> &'a str {
        match self {
            Principal::Role { name, .. } | Principal::User(name) | Principal::Other(name) => name,
            Principal::Root => "root",
        }
    }

    fn is_administrator(self, settings: &Settings) -> bool {
        match &settings.administrator_pattern {
            Some(pattern) => !matches!(self, Principal::Other(_)) && pattern.is_match(self.name()),
            None => settings.team_pattern.is_none(),
        }
    }

    /// The team in its name. Only roles have teams.
    fn team(self, settings: &Settings) -> Option<&'a str> {
        let Principal::Role { name, .. } = self else { return None };
        let team = settings.team_pattern.as_ref()?.captures(name)?.get(1)?.as_str();
        is_a_team(team).then_some(team)
    }
}

/// Reads the caller's ARN. Where a pattern is set, whoever is neither an administrator nor of a team is refused. A
/// role of another account could bear any name.
fn identify(arn: &str, settings: &Settings) -> Result<Caller, Problem> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", _, service, _, account, principal] = parts[..] else { return Err(problem::unknown_caller()) };
    if account != settings.place.account {
        return Err(problem::unknown_caller());
    }
    let principal = Principal::read(service, principal);
    let team = match principal.is_administrator(settings) {
        true => None,
        false => Some(principal.team(settings).ok_or_else(problem::caller_without_team)?.to_owned()),
    };
    let session = match principal {
        Principal::Role { session, .. } if !session.is_empty() => Some(session.to_owned()),
        _ => None,
    };
    Ok(Caller { asked_by: AskedBy { session, ..AskedBy::principal(principal.name(), arn) }, team })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{settings::administrator_pattern, tests::settings};

    const ROLE: &str = "arn:aws:sts::123456789012:assumed-role/team-data/ada";
    const TEAMS: &str = "^team-([a-z]+)$";

    fn who(arn: &str, teams: &str) -> Option<Caller> {
        identify(arn, &settings(teams)).ok()
    }

    fn who_with(arn: &str, teams: &str, administrators: &str) -> Option<Caller> {
        let administrator_pattern = administrator_pattern(administrators).unwrap();
        identify(arn, &Settings { administrator_pattern, ..settings(teams) }).ok()
    }

    #[test]
    fn without_patterns_every_caller_of_the_account_is_an_administrator() {
        let caller = who(ROLE, "").unwrap();
        assert_eq!((caller.asked_by.name.as_str(), caller.asked_by.session.as_deref()), ("team-data", Some("ada")));
        assert_eq!(caller.team, None);
        assert!(caller.may_use("anything"));
        assert_eq!(who("arn:aws:iam::123456789012:user/path/ada", "").unwrap().asked_by.name, "ada");
        assert_eq!(who("arn:aws:iam::123456789012:root", "").unwrap().asked_by.name, "root");
    }

    #[test]
    fn a_pattern_finds_the_team_in_the_roles_name() {
        let caller = who(ROLE, TEAMS).unwrap();
        assert_eq!(caller.team.as_deref(), Some("data"));
        assert!(caller.may_use("data") && !caller.may_use("finance"));
    }

    #[test]
    fn who_has_no_team_where_teams_are_told_apart_is_refused() {
        for arn in [
            "arn:aws:sts::123456789012:assumed-role/admin/team-data",
            "arn:aws:iam::123456789012:user/team-data",
            "arn:aws:iam::123456789012:root",
            "arn:aws:sts::123456789012:federated-user/team-data",
        ] {
            assert_eq!(who(arn, TEAMS), None, "{arn}");
            assert_eq!(who_with(arn, TEAMS, "platform"), None, "{arn}");
        }
        assert_eq!(who(ROLE, "^team-(.*)data$"), None, "an empty team is none");
    }

    #[test]
    fn a_second_pattern_finds_the_administrators_among_roles_users_and_root() {
        for arn in [
            "arn:aws:sts::123456789012:assumed-role/platform/ada",
            "arn:aws:iam::123456789012:user/staff/platform",
            "arn:aws:iam::123456789012:root",
        ] {
            for teams in [TEAMS, ""] {
                let caller = who_with(arn, teams, "platform|root").unwrap();
                assert_eq!(caller.team, None, "{arn}");
            }
        }
        assert_eq!(who_with(ROLE, TEAMS, "platform|root").unwrap().team.as_deref(), Some("data"));
        assert_eq!(who_with(ROLE, TEAMS, "team-data").unwrap().team, None, "an administrator first");
    }

    #[test]
    fn with_administrators_alone_nobody_else_may_call() {
        assert_eq!(who_with(ROLE, "", "platform"), None);
    }

    /// Sessions, paths and federated users are called what their makers like.
    #[test]
    fn a_name_that_somebody_chose_for_himself_makes_no_administrator() {
        for arn in [
            "arn:aws:sts::123456789012:assumed-role/team-data/platform",
            "arn:aws:iam::123456789012:user/platform/eve",
            "arn:aws:sts::123456789012:federated-user/platform",
            "arn:aws:sts::123456789012:assumed-role/platform2/x",
            "arn:aws:sts::123456789012:assumed-role/no-platform/x",
        ] {
            assert!(who_with(arn, TEAMS, "platform").is_none_or(|caller| caller.team.is_some()), "{arn}");
        }
    }

    #[test]
    fn a_role_of_another_account_is_refused_whatever_it_is_called() {
        for arn in ["arn:aws:sts::999999999999:assumed-role/team-data/x", "", "team-data", "arn:aws:sts"] {
            assert_eq!(who(arn, ""), None, "{arn}");
        }
        assert_eq!(who_with("arn:aws:sts::999999999999:assumed-role/platform/x", TEAMS, "platform"), None);
        assert_eq!(who_with("arn:aws:iam::999999999999:root", TEAMS, "root"), None);
    }
}
