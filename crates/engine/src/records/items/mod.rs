//! The items of the table, as they lie there.
//!
//! An environment's partition `ENV#<id>` holds its record, resources, steps, operations and what was last seen of its
//! workers. Their sort keys are chosen so that one descending query answers workers, steps, resources and record first
//! and then the newest operations: `EVENT# < OPERATION# < RECORD < RESOURCE# < STEP# < WORKERS`. Events lie there only
//! until they are sent.

mod event;
mod observation;
mod operation;
mod record;
mod reservation;
mod resource;
mod status;
mod step;

pub use event::{Event, StatusChange, WorkerChange};
pub use observation::ObservationItem;
pub use operation::{LeftBehind, Operation, OperationKind, OperationStatus, Turned, Verdict};
pub use record::{AskedBy, Desired, Protection, Record, Removal};
pub use reservation::{IdempotencyItem, Reservation};
pub use resource::{Evidence, Missed, ResourceItem, ResourceState};
pub use status::Status;
pub use step::{StepItem, StepReport};

/// The version of the items' shape. A function refuses what is newer than itself.
pub const SCHEMA: u32 = 1;

/// The generation of what was recorded before generations were.
fn the_first() -> u64 {
    1
}
