//! What a group's function brings: how each kind of resource is found, made, corrected and removed.
//!
//! Everything else (who owns what, when to look, what to do when a reply is lost, waiting, recording, the
//! order of things) is the engine's and is written once. An implementation is a handful of calls and a
//! mapping between AWS's shapes and CloudFormation's property names.
//!
//! - `find` answers `None` for what is absent; a fault with [`Code::NotFound`] is understood the same way.
//! - `create` is not repeated by the SDK where AWS has no client token for it: use a client without retries.
//!   A fault with [`Code::AlreadyExists`] makes the engine look again and judge the owner.
//! - `remove` may answer [`Code::NotFound`]: gone is gone.

use crate::{
    call::Action,
    logs::{LogPage, LogPosition},
    observe::Observation,
    preflight::{Preflight, Quota},
    survey::{Sighting, Whose},
};
use async_trait::async_trait;
use environment::{Change, Code, Entry, EnvironmentId, Fault, Kind, OperationId, Place, Properties, tags};
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// The behaviour of one kind of resource.
#[async_trait]
pub trait Resource: Send + Sync {
    /// Looks for it: by its recorded id, else by tag or unique name. A hit by tag or name counts only
    /// where [`Site::owner`] says whose it is: filters of AWS lag, and some of the local cloud's are ignored.
    async fn find(&self, at: &Site<'_>) -> Result<Option<Found>, Fault>;

    /// Makes it, with its tags in the same call. Answers as soon as the id is known; what it answers as
    /// `seen` and differs from the wanted properties is corrected next.
    async fn create(&self, at: &Site<'_>) -> Result<Found, Fault>;

    /// Makes it as it should be. Only properties among [`Kind::mutable`] are asked for. Answers what it is then:
    /// mostly what it was; in another state where it has to settle; with another id where AWS gives it one.
    async fn correct(&self, _at: &Site<'_>, found: Found, _changes: &[Change]) -> Result<Found, Fault> {
        Err(Fault::bug(format!("{} has nothing that can be corrected", found.id)))
    }

    /// Gives what has failed in an earlier generation another try, and answers what it is then. Where there is
    /// nothing to be tried, the failure stands.
    async fn try_again(&self, _at: &Site<'_>, _found: Found, failure: Fault) -> Result<Found, Fault> {
        Err(failure)
    }

    /// Takes the team's tags away that are not wanted any more, and then gives it those that are: in this order, for IAM
    /// takes keys that differ in case only for one.
    async fn retag(&self, _at: &Site<'_>, found: &Found, _change: &TagChange) -> Result<(), Fault> {
        Err(Fault::bug(format!("{} carries no tags that can be changed", found.id)))
    }

    /// Puts away what is left of what it was before a change, once everything is as wanted and nothing goes back to it
    /// any more. Said twice it does nothing.
    async fn tidy(&self, _at: &Site<'_>) -> Result<(), Fault> {
        Ok(())
    }

    /// Removes it.
    async fn remove(&self, at: &Site<'_>, id: &str) -> Result<Departure, Fault>;
}

/// The resources of one function.
#[async_trait]
pub trait Group: Send + Sync {
    /// The behaviour of a kind; `None` for the kinds of other groups. An exhaustive match, so that a new
    /// kind without behaviour does not compile.
    fn resource(&self, kind: Kind) -> Option<&dyn Resource>;

    /// The availability zones that a new network takes, by zone id, `count` of them or as many as there
    /// are. Only the network's group knows any.
    async fn choose_zones(&self, _count: usize) -> Result<Option<Vec<String>>, Fault> {
        Ok(None)
    }

    /// What still exists of this kind and carries that tag, recorded or not. For one environment it may leave out
    /// a kind whose things each must be asked for their tags: the proof looks up every resource by its name besides.
    async fn list_tagged(&self, whose: Whose<'_>, kind: Kind) -> Result<Vec<Sighting>, Fault>;

    /// How the environment's workers are now; `None` where there are none. Only the worker's group knows any. Read-only.
    async fn observe(&self, _at: &Site<'_>) -> Result<Option<Observation>, Fault> {
        Ok(None)
    }

    /// What the environment's workers have written since then, so many lines at most, or last where there is no then;
    /// `None` where there are no workers. Read-only.
    async fn logs(
        &self,
        _at: &Site<'_>,
        _limit: usize,
        _after: Option<&LogPosition>,
    ) -> Result<Option<LogPage>, Fault> {
        Ok(None)
    }

    /// Why the environment cannot be made, where that can be told before anything is. Read-only.
    async fn refusal(&self, _asked: &Preflight, _place: &Place) -> Option<Fault> {
        None
    }

    /// The quotas that the environment needs a part of. What cannot be told is left out: a quota that nobody knows
    /// refuses nothing. Read-only.
    async fn preflight(&self, _asked: &Preflight, _place: &Place) -> Vec<Quota> {
        Vec::new()
    }
}

/// A resource that was found or made.
#[derive(Clone, Debug)]
pub struct Found {
    /// What CloudFormation's `Ref` answers for it.
    pub id: String,
    /// Its ARN, where it has one.
    pub arn: Option<String>,
    /// Further attributes that others refer to or outputs show, by CloudFormation's names.
    pub attributes: BTreeMap<String, String>,
    /// Whose it is.
    pub owner: Owner,
    /// How it is.
    pub state: State,
    /// Its properties, as far as the look showed them.
    pub seen: Properties,
}

impl Found {
    /// A resource of ours that is ready and shows no properties.
    pub fn ready(id: impl Into<String>) -> Self {
        Found {
            id: id.into(),
            arn: None,
            attributes: BTreeMap::new(),
            owner: Owner::Ours,
            state: State::Ready,
            seen: Properties::new(),
        }
    }

    /// The same with its ARN.
    pub fn arn(mut self, arn: impl Into<String>) -> Self {
        self.arn = Some(arn.into());
        self
    }

    /// The same with one more attribute.
    pub fn attribute(mut self, name: &str, value: impl Into<String>) -> Self {
        self.attributes.insert(name.to_owned(), value.into());
        self
    }

    /// The same with its owner.
    pub fn owner(mut self, owner: Owner) -> Self {
        self.owner = owner;
        self
    }

    /// The same in another state.
    pub fn state(mut self, state: State) -> Self {
        self.state = state;
        self
    }

    /// The same with its tags seen: as they are wanted, where nothing is to be done with them.
    pub fn tagged<'t>(self, at: &Site<'_>, tags: impl IntoIterator<Item = (&'t str, &'t str)>) -> Self {
        let tags: Vec<(&str, &str)> = tags.into_iter().collect();
        let wanted = at.wanted.get("Tags").cloned().unwrap_or_default();
        if at.tag_change(tags.iter().copied()) == TagChange::default() {
            return self.seen("Tags", wanted);
        }
        let seen = tags.iter().map(|(key, value)| json!({"Key": key, "Value": value}));
        self.seen("Tags", seen.collect::<Value>())
    }

    /// The same with one more property seen.
    pub fn seen(mut self, property: &str, value: impl Into<Value>) -> Self {
        self.seen.insert(property.to_owned(), value.into());
        self
    }
}

/// What is to be done with the team's tags of something. Our own and those of others are in neither.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagChange {
    /// Keys to be taken away.
    pub drop: Vec<String>,
    /// Tags to be put.
    pub put: Vec<(String, String)>,
}

/// Whose a resource is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// It carries this environment's tag and this resource's.
    Ours,
    /// It is somebody else's: it is not adopted, changed or removed.
    Foreign,
}

/// How a resource is.
#[derive(Clone, Debug)]
pub enum State {
    /// Ready to be used.
    Ready,
    /// On its way to being ready.
    Settling,
    /// On its way out.
    Leaving,
    /// AWS says that it has failed.
    Failed(Fault),
}

/// What a removal came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Departure {
    /// It is gone.
    Gone,
    /// It is going: look again.
    Leaving,
    /// It is left on purpose, for this reason.
    Retained(&'static str),
}

/// One resource's place in its environment: all that its behaviour may know.
#[derive(Clone, Debug)]
pub struct Site<'a> {
    /// The environment.
    pub environment: EnvironmentId,
    /// The operation at work.
    pub operation: OperationId,
    /// The environment's generation.
    pub generation: u64,
    /// What the turn is for. In a removal only the owner is of interest, not how the resource is.
    pub action: Action,
    /// The account, region and stack.
    pub place: &'a Place,
    /// The catalogue's entry.
    pub entry: &'a Entry,
    /// The entry's properties, references replaced. In a removal a reference to what is gone is null.
    pub wanted: Properties,
    /// Whether flow runs that are at work are stopped in a removal, and not waited for.
    pub force: bool,
    /// The recorded id.
    pub id: Option<&'a str>,
    /// Keys of the team's tags that were wanted before and are not any more.
    pub former_tags: &'a BTreeSet<String>,
    /// The recorded attributes: what the last look, create or correction told.
    pub attributes: &'a BTreeMap<String, String>,
    /// Until when the API may still be writing the secret.
    pub intake_until: Timestamp,
    /// The time of this turn.
    pub now: Timestamp,
}

impl Site<'_> {
    /// A wanted property that is text.
    pub fn text(&self, property: &str) -> Result<&str, Fault> {
        let value = self.wanted.get(property).and_then(Value::as_str);
        value.ok_or_else(|| Fault::bug(format!("{} has no text {property}", self.entry.key)))
    }

    /// The wanted tags, as pairs.
    pub fn tags(&self) -> impl Iterator<Item = (&str, &str)> {
        let tags = self.wanted.get("Tags").and_then(Value::as_array).into_iter().flatten();
        tags.filter_map(|tag| Some((tag["Key"].as_str()?, tag["Value"].as_str()?)))
    }

    /// What is to be done with a thing that has these tags.
    pub fn tag_change<'t>(&self, tags: impl IntoIterator<Item = (&'t str, &'t str)>) -> TagChange {
        let seen: BTreeMap<&str, &str> = tags.into_iter().collect();
        let is_teams = |key: &str| key != "Name" && !key.starts_with(tags::RESERVED_PREFIX);
        let put = self.tags().filter(|(key, value)| is_teams(key) && seen.get(key) != Some(value));
        TagChange {
            put: put.map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
            drop: self.former_tags.iter().filter(|key| seen.contains_key(key.as_str())).cloned().collect(),
        }
    }

    /// Whether the team has tags on its things, or had some.
    pub fn has_team_tags(&self) -> bool {
        self.tag_change([]) != TagChange::default() || !self.former_tags.is_empty()
    }

    /// Whose a thing with these tags is.
    pub fn owner<'t>(&self, tags: impl IntoIterator<Item = (&'t str, &'t str)>) -> Owner {
        let (id, key) = (self.environment.to_string(), self.entry.key.as_str());
        let (mut of_environment, mut of_resource) = (false, false);
        for (name, value) in tags {
            of_environment |= name == tags::ID && value == id;
            of_resource |= name == tags::RESOURCE && value == key;
        }
        if of_environment && of_resource { Owner::Ours } else { Owner::Foreign }
    }

    /// The client token of this operation's create in this generation: the same for every attempt, 32 characters.
    pub fn token(&self) -> String {
        let Site { environment, operation, generation, .. } = self;
        let digest = Sha256::digest(format!("{environment}/{operation}/{generation}/{}", self.entry.key));
        digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Turns absence into success: for the smaller parts of a resource that may be gone already.
pub fn absence_is_fine<T>(result: Result<T, Fault>) -> Result<(), Fault> {
    match result {
        Ok(_) => Ok(()),
        Err(fault) if fault.code == Code::NotFound => Ok(()),
        Err(fault) => Err(fault),
    }
}
