//! How an environment becomes what its spec says, and nothing again: records, leases, turns.

pub mod aws;
pub mod call;
pub mod clock;
pub mod drift;
mod ensure;
pub mod lambda;
pub mod logs;
pub mod observe;
pub mod preflight;
mod prove;
pub mod records;
mod remove;
pub mod resource;
pub mod survey;
mod tidy;
pub mod turn;
mod twins;
pub mod watch;

pub use aws_config::SdkConfig;
pub use call::{Action, Answer, Call, Outcome};
pub use clock::{Clock, SystemClock, new_environment_id, new_event_id, new_operation_id};
pub use lambda::serve;
pub use lambda_runtime::Error;
pub use preflight::{Preflight, Quota};
pub use records::Records;
pub use resource::{Departure, Found, Group, Owner, Resource, Site, State, TagChange, absence_is_fine};
pub use survey::{Sighting, Stray, Survey, Whose};
pub use turn::{Engine, Invocation};
