//! The work pool: what tells Prefect where and how the environment's flow runs run.
//!
//! A pool of ours carries the environment's id in its description, from the call that makes it; Prefect keeps names
//! apart, so that a create whose reply was lost is found by the next one. Whoever takes the id out of the description
//! has taken the pool over: it is not touched any more.
//!
//! With `adopt_pool` the pool of that name stays its owner's. It is lent the defaults that it lacks, in one write that
//! says in the template itself what was lent ([`prefect::base_job_template`]); the removal takes them back, and the
//! pool is never deleted or paused. What of an adopted pool is ours is just these loans: without any it is foreign.
//!
//! Prefect deletes a pool without a word although deployments point at it, and their schedules are dead from then on.
//! So a pool of ours that deployments point at is left, paused, and the record says so.

use crate::server::{Servers, is, is_ours};
use async_trait::async_trait;
use engine::{Action, Departure, Found, Owner, Resource, Site, State};
use environment::{Change, Code, Fault};
use prefect::{Api, BaseJobTemplate, NewWorkPool, POOL_TYPE, WorkPoolChange, base_job_template::Defaults};
use serde_json::Value;

pub(crate) struct WorkPool {
    pub(crate) servers: Servers,
}

#[async_trait]
impl Resource for WorkPool {
    async fn find(&self, at: &Site<'_>) -> Result<Option<Found>, Fault> {
        let api = self.api(at).await?;
        let pool = api.work_pool(at.text("Name")?).await?;
        pool.map(|pool| found(at, &pool)).transpose()
    }

    async fn create(&self, at: &Site<'_>) -> Result<Found, Fault> {
        let mut template = BaseJobTemplate::default();
        template.set(&defaults(at)?);
        let new = NewWorkPool {
            name: at.text("Name")?.to_owned(),
            kind: POOL_TYPE.to_owned(),
            description: at.text("Description")?.to_owned(),
            base_job_template: template.into_json(),
        };
        let made = self.api(at).await?.create_work_pool(&new).await?;
        // What Prefect has made of the template is compared with what was wanted.
        found(at, &made)
    }

    async fn correct(&self, at: &Site<'_>, found: Found, _changes: &[Change]) -> Result<Found, Fault> {
        let (api, name) = (self.api(at).await?, at.text("Name")?);
        // Others may have changed the rest of the template meanwhile.
        let Some(pool) = api.work_pool(name).await? else {
            return Err(Fault::new(Code::NotFound, format!("The work pool {name} is not there any more.")));
        };
        let (wanted, mut template) = (defaults(at)?, BaseJobTemplate::from(pool.base_job_template.clone()));
        let is_paused = if is_ours(at, &pool) {
            template.set(&wanted);
            Some(false)
        } else {
            template.lend(&wanted, &at.environment.to_string());
            None
        };
        let change = WorkPoolChange { is_paused, base_job_template: Some(template.into_json()) };
        api.update_work_pool(name, &change).await?;
        Ok(found)
    }

    async fn remove(&self, at: &Site<'_>, name: &str) -> Result<Departure, Fault> {
        let api = self.api(at).await?;
        let Some(pool) = api.work_pool(name).await? else { return Ok(Departure::Gone) };
        if !is_ours(at, &pool) {
            let mut template = BaseJobTemplate::from(pool.base_job_template);
            template.take_back(&at.environment.to_string());
            let change = WorkPoolChange { base_job_template: Some(template.into_json()), ..WorkPoolChange::default() };
            api.update_work_pool(name, &change).await?;
            return Ok(Departure::Gone);
        }
        if api.deployments_of(name).await? > 0 {
            // Nothing polls it any more: what is scheduled waits instead of being late.
            api.update_work_pool(name, &WorkPoolChange { is_paused: Some(true), ..WorkPoolChange::default() }).await?;
            return Ok(Departure::Retained("Deployments point at the work pool. It was left to them, paused."));
        }
        api.delete_work_pool(name).await?;
        Ok(Departure::Gone)
    }
}

impl WorkPool {
    async fn api(&self, at: &Site<'_>) -> Result<Api, Fault> {
        let api = self.servers.api(at).await?;
        api.ok_or_else(|| Fault::bug("a work pool without a server"))
    }
}

/// The wanted defaults, by variable.
fn defaults(at: &Site<'_>) -> Result<Defaults, Fault> {
    let defaults = at.wanted.get("Defaults").and_then(Value::as_object);
    defaults.cloned().ok_or_else(|| Fault::bug("a work pool without defaults"))
}

fn found(at: &Site<'_>, pool: &prefect::WorkPool) -> Result<Found, Fault> {
    let found = Found::ready(&pool.name).attribute("Id", &pool.id);
    let template = BaseJobTemplate::from(pool.base_job_template.clone());
    let lender = at.environment.to_string();
    if pool.kind != POOL_TYPE {
        return Ok(found.owner(Owner::Foreign));
    }
    if is_ours(at, pool) {
        return Ok(match at.action {
            Action::Ensure => {
                found.seen("Defaults", template.defaults(&defaults(at)?)).seen("IsPaused", pool.is_paused)
            }
            Action::Tidy | Action::Remove | Action::Prove => found,
        });
    }
    match at.action {
        Action::Ensure if is(at, "Adopt") => {
            let mut seen = defaults(at)?;
            seen.extend(template.unlent(&seen, &lender));
            Ok(found.seen("Defaults", seen))
        }
        Action::Tidy | Action::Remove | Action::Prove if template.has_loans_of(&lender) => Ok(found),
        Action::Ensure | Action::Tidy | Action::Remove | Action::Prove => {
            Ok(found.owner(Owner::Foreign).state(State::Ready))
        }
    }
}
