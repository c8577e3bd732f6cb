//! A deployment rolls out over time, or fails.
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html>

use super::lifecycle::STARTS_IN;
use crate::{Misfortunes, world::World};
use jiff::Timestamp;
use serde_json::{Value, json};

/// ECS calls a deployment completed when its tasks have been steady for a while: 75 s after it began.
pub(crate) const COMPLETES_IN: f64 = 75.0;
/// A task that crashes at its start has failed within this.
const CRASHES_IN: f64 = 50.0;
/// And one that finds no place within this.
const IS_UNPLACED_IN: f64 = 20.0;
/// For so long a failed deployment is shown beside the one that took its place.
const FAILED_IS_SHOWN_FOR: f64 = 60.0;

/// A deployment.
#[derive(Clone, Debug)]
pub(crate) struct Rollout {
    /// As the local cloud shows it.
    pub(crate) looks: Value,
    pub(crate) began: Timestamp,
    wanted: i64,
    fate: Fate,
    breaker: Breaker,
}

/// What becomes of its tasks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fate {
    Run,
    Crash,
    FindNoPlace,
}

/// The circuit breaker of a service.
#[derive(Clone, Copy, Debug)]
struct Breaker {
    enable: bool,
    rollback: bool,
}

/// How far a deployment is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum RolloutState {
    InProgress { running: i64, failed: i64 },
    Completed,
    Failed { failed: i64, at: Timestamp },
}

impl Rollout {
    /// A deployment that begins now.
    pub(super) fn begin(service: &Value, world: &World) -> Rollout {
        let misfortunes: &Misfortunes = &world.settings.misfortunes;
        let fate = match misfortunes {
            Misfortunes { tasks_crash: true, .. } => Fate::Crash,
            Misfortunes { tasks_are_unplaceable: true, .. } => Fate::FindNoPlace,
            _ => Fate::Run,
        };
        let breaker = &service["deploymentConfiguration"]["deploymentCircuitBreaker"];
        Rollout {
            looks: service["deployments"][0].clone(),
            began: world.now,
            wanted: service["desiredCount"].as_i64().unwrap_or_default(),
            fate,
            breaker: Breaker { enable: breaker["enable"] == true, rollback: breaker["rollback"] == true },
        }
    }

    /// How many tasks it is to have.
    pub(super) fn wanted(&self) -> i64 {
        self.wanted
    }

    /// It is to have so many tasks.
    pub(super) fn scale(&mut self, wanted: i64) {
        self.wanted = wanted;
    }

    /// What the service's events say of its tasks.
    pub(super) fn why(&self, service: &str) -> String {
        match self.fate {
            Fate::FindNoPlace => format!(
                "(service {service}) was unable to place a task. Reason: Capacity is unavailable at this time. Please \
                 try again later or in a different availability zone."
            ),
            Fate::Crash | Fate::Run => {
                format!("(service {service}) is unable to consistently start tasks successfully.")
            }
        }
    }

    pub(super) fn id(&self) -> &Value {
        &self.looks["id"]
    }

    /// What becomes of its tasks.
    pub(super) fn fate(&self) -> Fate {
        self.fate
    }

    /// Whether it gives way to the deployment before it, should it fail.
    pub(super) fn rolls_back(&self) -> bool {
        self.breaker.rollback
    }

    pub(super) fn state(&self, world: &World) -> RolloutState {
        let takes = match self.fate {
            _ if self.wanted == 0 => return RolloutState::Completed,
            Fate::Run if world.is_through(self.began, COMPLETES_IN) => return RolloutState::Completed,
            Fate::Run => {
                let running = if world.is_through(self.began, STARTS_IN) { self.wanted } else { 0 };
                return RolloutState::InProgress { running, failed: 0 };
            }
            Fate::Crash => CRASHES_IN,
            Fate::FindNoPlace => IS_UNPLACED_IN,
        };
        // Half as many as are wanted, but at least 3 and at most 200. All of them fail together, again and again.
        let enough = ((self.wanted + 1) / 2).clamp(3, 200);
        let rounds = (1..=200).take_while(|round| world.is_through(self.began, takes * f64::from(*round))).count();
        let failed = self.wanted * i64::try_from(rounds).unwrap_or(200);
        if !self.breaker.enable || failed < enough {
            return RolloutState::InProgress { running: 0, failed };
        }
        // Whole rounds: 3 of one task, 1 of three.
        let rounds_needed = (enough + self.wanted - 1) / self.wanted;
        let at = self.began + world.scaled(takes * rounds_needed as f64);
        RolloutState::Failed { failed: self.wanted * rounds_needed, at }
    }

    /// Whether it has failed so short a time ago that it is still shown.
    pub(super) fn is_shown(&self, world: &World) -> bool {
        matches!(self.state(world), RolloutState::Failed { at, .. } if !world.is_through(at, FAILED_IS_SHOWN_FOR))
    }

    /// The deployment as AWS shows it.
    pub(super) fn shown(&self, status: &str, world: &World) -> Value {
        let mut looks = self.looks.clone();
        let id = self.id().as_str().unwrap_or_default().to_owned();
        let (state, reason, running, failed) = match self.state(world) {
            RolloutState::InProgress { running, failed } => {
                ("IN_PROGRESS", format!("ECS deployment {id} in progress."), running, failed)
            }
            RolloutState::Completed => ("COMPLETED", format!("ECS deployment {id} completed."), self.wanted, 0),
            RolloutState::Failed { failed, .. } => {
                ("FAILED", "ECS deployment circuit breaker: tasks failed to start.".to_owned(), 0, failed)
            }
        };
        let is_trying = state == "IN_PROGRESS" && self.fate != Fate::FindNoPlace;
        looks["status"] = json!(status);
        looks["createdAt"] = json!(self.began.as_millisecond() as f64 / 1000.0);
        looks["rolloutState"] = json!(state);
        looks["rolloutStateReason"] = json!(reason);
        looks["desiredCount"] = json!(self.wanted);
        looks["runningCount"] = json!(running);
        looks["pendingCount"] = json!(if is_trying { self.wanted - running } else { 0 });
        looks["failedTasks"] = json!(failed);
        looks
    }
}
