//! Limits: what a team may have, as the operator says. They hold for the team, whoever asks on its behalf.
//!
//! What a request exceeds by itself is refused here; what the team has besides is counted in the table, by the
//! transaction that records the environment.

use crate::{problem, problem::Problem};
use engine::{
    Error, lambda,
    records::{Share, TeamLimits},
};
use environment::{
    Spec,
    request::{Violation, ViolationCode},
    spec::Count,
};

/// CPU units of one vCPU.
pub(crate) const VCPU: u64 = 1024;

/// The operator's limits. `None` is no limit.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    /// For a team: environments, and CPU units of its workers.
    pub team: TeamLimits,
    /// For an environment: workers.
    pub workers: Option<u64>,
}

impl Limits {
    /// Reads the limits that the template gives the function; 0 stands for none.
    pub fn from_environment() -> Result<Self, Error> {
        Ok(Limits {
            team: TeamLimits {
                environments: limit("TEAM_ENVIRONMENT_LIMIT")?,
                cpu: limit("TEAM_VCPU_LIMIT")?.map(|vcpu| vcpu.saturating_mul(VCPU)),
            },
            workers: limit("WORKER_COUNT_LIMIT")?,
        })
    }

    /// Refuses what no team may have.
    pub(crate) fn check(&self, spec: &Spec) -> Result<(), Problem> {
        let mut exceeded = Vec::new();
        let mut exceeds = |pointer: &str, detail| {
            exceeded.push(Violation::new(pointer, ViolationCode::LimitExceeded, detail));
        };
        if let Some(most) = self.workers.filter(|most| u64::from(spec.worker.count.most()) > *most) {
            let pointer = match spec.worker.count {
                Count::Fixed { .. } => "/worker/desired_count",
                Count::Scaled { .. } => "/worker/autoscaling/max",
            };
            exceeds(pointer, format!("An environment may have {most} workers here."));
        }
        if let Some(most) = self.team.cpu.filter(|most| Share::of(spec).cpu > *most) {
            exceeds("/worker", format!("The workers of a team may have {} vCPU together here.", most / VCPU));
        }
        if exceeded.is_empty() { Ok(()) } else { Err(problem::limit_exceeded(exceeded)) }
    }
}

fn limit(name: &str) -> Result<Option<u64>, Error> {
    let limit: u64 = lambda::variable(name)?.parse().map_err(|_| format!("{name} must be 0 or more"))?;
    Ok((limit > 0).then_some(limit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use environment::request::{Defaults, parse};
    use serde_json::json;

    fn spec(workers: u32) -> Spec {
        spec_with(json!({"cpu": 2048, "memory": 4096, "desired_count": workers}))
    }

    fn spec_with(worker: serde_json::Value) -> Spec {
        let body = json!({
            "name": "prefect", "team": "data",
            "prefect": {
                "account_id": "00000000-0000-0000-0000-000000000001",
                "workspace_id": "00000000-0000-0000-0000-000000000002",
                "api_key": "pnu_x",
            },
            "worker": worker,
        });
        let defaults = Defaults {
            partition: "aws",
            account: "123456789012",
            region: "eu-west-1",
            worker_image: "prefect",
            worker_images: &[],
            flow_policy_arns: &[],
            caller_team: None,
            allow_local_api_url: false,
        };
        parse(&body, &defaults).expect("the request breaks no rule").spec
    }

    fn refused(limits: Limits, workers: u32) -> Option<String> {
        let problem = limits.check(&spec(workers)).err()?;
        Some(format!("{} {}", problem.status.as_u16(), problem.code))
    }

    #[test]
    fn without_limits_everything_is_allowed() {
        assert_eq!(refused(Limits::default(), 100), None);
    }

    #[test]
    fn more_workers_than_an_environment_may_have_are_refused() {
        let limits = Limits { workers: Some(3), ..Limits::default() };
        assert_eq!(refused(limits, 3), None);
        assert_eq!(refused(limits, 4).as_deref(), Some("403 LIMIT_EXCEEDED"));
    }

    #[test]
    fn with_autoscaling_as_many_count_as_it_may_start() {
        let scaled = spec_with(json!({"cpu": 2048, "memory": 4096, "autoscaling": {"max": 4}}));
        let few = Limits { workers: Some(3), ..Limits::default() };
        assert!(few.check(&scaled).is_err());
        let little = TeamLimits { environments: None, cpu: Some(7 * VCPU) };
        assert!(Limits { team: little, workers: None }.check(&scaled).is_err());
        let enough = TeamLimits { environments: None, cpu: Some(8 * VCPU) };
        assert!(Limits { team: enough, workers: Some(4) }.check(&scaled).is_ok());
    }

    /// However empty the team is: no delete makes room for it.
    #[test]
    fn more_vcpu_than_a_team_may_have_at_all_are_refused() {
        let team = TeamLimits { environments: None, cpu: Some(8 * VCPU) };
        let limits = Limits { team, workers: None };
        assert_eq!(refused(limits, 4), None);
        assert_eq!(refused(limits, 5).as_deref(), Some("403 LIMIT_EXCEEDED"));
    }
}
