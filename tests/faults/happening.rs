//! What can happen beside a function, at the moment of one of its calls.

use serde_json::Value;

/// What happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// A function is invoked, and the one that invokes it waits for what it answers.
    Invoked {
        /// Its name.
        function: String,
        /// What it is told.
        payload: Value,
    },
    /// The owner asks for the environment to be gone, so often at once.
    DeleteAsked(u32),
    /// The same request is sent again under its key.
    RequestRepeated,
    /// Somebody stops the execution.
    ExecutionStopped,
    /// Somebody stops the execution and redrives it at once.
    ExecutionRedriven,
    /// Somebody starts another execution with the same input.
    ExecutionStartedByHand,
    /// The running step is invoked a second time.
    SecondInvocation,
    /// Somebody else makes a thing of the name that this call is about to take.
    TwinMade,
}
