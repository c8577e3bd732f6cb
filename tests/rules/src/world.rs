//! What the rules remember of an account: one part for each service, kept by that service's rules.

use crate::{Settings, cloud_map, ec2, ecs, events, iam, lag, prefect, scaling, secrets, sqs, throttle};
use jiff::{SignedDuration, Timestamp};

/// The account at one time.
#[derive(Debug)]
pub(crate) struct World {
    /// The time of the call at hand.
    pub(crate) now: Timestamp,
    /// The run's settings.
    pub(crate) settings: Settings,
    /// EC2.
    pub(crate) ec2: ec2::State,
    /// ECS.
    pub(crate) ecs: ecs::State,
    /// Cloud Map.
    pub(crate) cloud_map: cloud_map::State,
    /// IAM.
    pub(crate) iam: iam::State,
    /// Secrets Manager.
    pub(crate) secrets: secrets::State,
    /// Prefect.
    pub(crate) prefect: prefect::State,
    /// SQS.
    pub(crate) sqs: sqs::State,
    /// EventBridge.
    pub(crate) events: events::State,
    /// Application Auto Scaling.
    pub(crate) scaling: scaling::State,
    /// What was written and read of late.
    pub(crate) lag: lag::State,
    /// The buckets of calls.
    pub(crate) throttle: throttle::Buckets,
}

impl World {
    pub(crate) fn new(settings: Settings) -> World {
        World {
            now: Timestamp::UNIX_EPOCH,
            settings,
            ec2: ec2::State::default(),
            ecs: ecs::State::default(),
            cloud_map: cloud_map::State::default(),
            iam: iam::State::default(),
            secrets: secrets::State::default(),
            prefect: prefect::State::default(),
            sqs: sqs::State::default(),
            events: events::State::default(),
            scaling: scaling::State::default(),
            lag: lag::State::default(),
            throttle: throttle::Buckets::default(),
        }
    }

    /// Whether something that takes AWS so many seconds, and began then, is through by now.
    pub(crate) fn is_through(&self, began: Timestamp, seconds: f64) -> bool {
        self.now >= began + self.scaled(seconds)
    }

    /// So many of AWS's seconds in this run.
    pub(crate) fn scaled(&self, seconds: f64) -> SignedDuration {
        SignedDuration::from_secs_f64(seconds * self.settings.time_scale)
    }
}
