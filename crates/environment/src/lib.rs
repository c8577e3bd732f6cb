//! What an environment is: its spec, its resources, its words. Pure: no AWS, no clock, no I/O.

pub mod catalogue;
pub mod cost;
pub mod diagnosis;
pub mod eta;
pub mod fault;
pub mod id;
pub mod key;
pub mod kind;
pub mod lifetime;
pub mod outputs;
pub mod place;
pub mod plan;
pub mod prices;
pub mod properties;
pub mod request;
pub mod spec;
pub mod step;
pub mod tags;
pub mod template;

pub use catalogue::{Entry, Subject, catalogue, keys};
pub use cost::{Cost, cost};
pub use diagnosis::Diagnosis;
pub use eta::{Direction, Eta, History, Progress, eta};
pub use fault::{Code, Fault, Internal};
pub use id::{EnvironmentId, EventId, OperationId};
pub use key::Key;
pub use kind::Kind;
pub use outputs::outputs;
pub use place::Place;
pub use plan::{Fate, Plan, Planned};
pub use properties::{Change, Properties, diff, resolve};
pub use spec::Spec;
pub use step::Step;
pub use template::template;
