//! Whether an environment's workers and pool will do in this workspace: asked before anything is made.

use crate::{Api, Error, POOL_TYPE, WorkPool};
use environment::{Code, Fault, catalogue::worker::MADE_BY, spec::Prefect};

/// Refuses what cannot work: a credential that Prefect does not accept, a workspace that is not there, a pool that is
/// somebody else's or of another type. Whoever asks too often learns nothing, and is not refused for that.
///
/// # Errors
/// The fault that the environment would end with.
pub async fn check(api: &Api, wanted: &Prefect) -> Result<(), Fault> {
    match api.work_pool(&wanted.work_pool).await {
        Ok(None) | Err(Error::Throttled) => Ok(()),
        Ok(Some(pool)) => judge(&pool, wanted),
        Err(error) => Err(error.into()),
    }
}

fn judge(pool: &WorkPool, wanted: &Prefect) -> Result<(), Fault> {
    let name = &pool.name;
    if pool.kind != POOL_TYPE {
        let message =
            format!("The work pool {name} exists and is not of type {POOL_TYPE}: its flow runs are no ECS tasks.");
        return Err(Fault::new(Code::AlreadyExists, message));
    }
    // One of ours belongs to an environment, whose own reservation of the pool says so.
    let is_ours = pool.description.as_ref().is_some_and(|description| description.ends_with(MADE_BY));
    if is_ours || wanted.adopt_pool {
        return Ok(());
    }
    let message = format!(
        "The work pool {name} exists and was made by somebody else. Take another prefect.work_pool, or lend it the \
         environment's defaults with prefect.adopt_pool."
    );
    Err(Fault::new(Code::AlreadyExists, message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use environment::spec::{Credential, Server};
    use serde_json::Value;

    fn verdict(kind: &str, description: &str, adopt_pool: bool) -> Option<Code> {
        let pool = WorkPool {
            id: "1".into(),
            name: "p".into(),
            kind: kind.into(),
            description: Some(description.into()),
            is_paused: false,
            status: None,
            base_job_template: Value::Null,
        };
        let server = Server::SelfHosted { api_url: "https://prefect.example.com/api".into() };
        let wanted = Prefect {
            server,
            credential: Credential::None,
            key_version: None,
            worker_key: None,
            work_pool: "p".into(),
            adopt_pool,
            verify: true,
        };
        judge(&pool, &wanted).err().map(|fault| fault.code)
    }

    #[test]
    fn somebody_elses_pool_is_taken_only_where_that_is_asked_for() {
        assert_eq!(verdict("ecs", "theirs", false), Some(Code::AlreadyExists));
        assert_eq!(verdict("ecs", "theirs", true), None);
        assert_eq!(verdict("ecs", &format!("Of an environment. {MADE_BY}"), false), None, "its reservation says more");
    }

    #[test]
    fn a_pool_of_another_type_is_never_taken() {
        assert_eq!(verdict("docker", "theirs", true), Some(Code::AlreadyExists));
    }
}
