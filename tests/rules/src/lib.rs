//! What AWS does and the local cloud does not; and Prefect and Application Auto Scaling, which are not there at all.
//!
//! The local cloud is lenient where AWS is strict and instant where AWS is slow. These rules stand before it: a call
//! is refused where AWS would refuse it, and an answer is made what AWS would have answered. Each rule is one
//! small piece, named after what it is about, with AWS's documentation of it and a test.
//!
//! Nothing here keeps time or sleeps: whoever asks says what time it is, so that the same rules hold in real time, in
//! scaled time and in a test's own.

mod answer;
mod call;
mod latency;
mod message;
mod rule;
mod settings;
mod world;

mod cloud_map;
mod ec2;
mod ecs;
mod events;
mod iam;
mod lag;
mod prefect;
mod quotas;
mod scaling;
mod secrets;
mod sqs;
mod throttle;

#[cfg(test)]
#[allow(clippy::expect_used, reason = "a surprise ends the test")]
mod rehearsal;

pub use answer::{Answer, Body};
pub use call::Call;
pub use lag::may_lag;
pub use message::{LocalCloud, Request, Response};
pub use settings::{Misfortunes, Settings};

use jiff::Timestamp;
use rule::RULES;
use std::{
    io,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use world::World;

/// AWS: the rules, and what they remember of one account.
#[derive(Debug)]
pub struct Aws {
    world: Mutex<World>,
    /// Held by a call that changes something, from the rules' question to their lesson: of two creates under one
    /// token the second is asked about when the first is known.
    change: tokio::sync::Mutex<()>,
}

/// The longest chain of what AWS itself takes during a create, in seconds: the NAT gateway, and after its route the
/// worker's service.
pub const CREATE_TAKES: f64 = ec2::nat_gateway::COMES_IN + ecs::COMPLETES_IN;
/// The same of a delete: the worker's tasks stop, then the NAT gateway goes.
pub const DELETE_TAKES: f64 = ecs::STOPS_IN + ec2::nat_gateway::GOES_IN;

/// Services without a rule.
const UNRULED: [&str; 3] = ["dynamodb", "states", "lambda"];

impl Aws {
    /// An account in which nothing has happened.
    pub fn new(settings: Settings) -> Aws {
        Aws { world: Mutex::new(World::new(settings)), change: tokio::sync::Mutex::new(()) }
    }

    /// Answers a call as AWS would, at this time.
    ///
    /// # Errors
    /// Only where the local cloud could not be asked.
    pub async fn answer(&self, request: &Request, cloud: &dyn LocalCloud, now: Timestamp) -> io::Result<Response> {
        let call = Call::read(request);
        if UNRULED.contains(&call.service.as_str()) {
            return cloud.carry_out(request).await;
        }
        if call.service == "prefect" {
            return Ok(prefect::answer(&call, &mut self.at(now)).into_response());
        }
        let _change = if call.is_look() { None } else { Some(self.change.lock().await) };
        if let Some(refusal) = self.at(now).refuse(&call) {
            return Ok(refusal.into_response());
        }
        let response = match self.stand_in(request, now) {
            Some(response) => response,
            None => cloud.carry_out(request).await?,
        };
        let mut answer = Answer::read(&response);
        let before = answer.clone();
        self.at(now).follow(&call, &mut answer);
        // What no rule has touched goes on byte for byte.
        Ok(if answer == before { response } else { answer.into_response() })
    }

    /// From now on this goes wrong at AWS itself.
    pub fn let_go_wrong(&self, misfortunes: Misfortunes) {
        self.world().settings.misfortunes = misfortunes;
    }

    /// From now on reads lag as the settings say, or not at all. What is written meanwhile is remembered.
    pub fn let_reads_lag(&self, lag: bool) {
        self.world().lag.is_suspended = !lag;
    }

    /// How long AWS takes to answer this call. Whoever keeps the time lets it pass before it asks.
    pub fn latency(&self, request: &Request) -> Duration {
        latency::of(&Call::read(request)).mul_f64(self.world().settings.latency)
    }

    /// Prefect's work pools, for whoever looks behind the functions' backs.
    pub fn work_pools(&self) -> Vec<serde_json::Value> {
        self.world().prefect.pools()
    }

    /// The answer to a call of what the local cloud has not at all, as it is behind every rule; `None` for the rest.
    pub fn stand_in(&self, request: &Request, now: Timestamp) -> Option<Response> {
        let call = Call::read(request);
        (call.service == scaling::SERVICE).then(|| scaling::answer(&call, &mut self.at(now)).into_response())
    }

    fn at(&self, now: Timestamp) -> MutexGuard<'_, World> {
        let mut world = self.world();
        world.now = now;
        world
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl World {
    /// The first rule's refusal.
    fn refuse(&mut self, call: &Call) -> Option<Answer> {
        RULES.iter().find_map(|rule| rule.refuse(call, self))
    }

    /// Every rule learns from the answer and makes it AWS's.
    fn follow(&mut self, call: &Call, answer: &mut Answer) {
        for rule in RULES {
            rule.follow(call, answer, self);
        }
    }
}
