//! What can happen beside a function, at the moment of one of its calls.

/// What happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// The owner asks for the environment to be gone, so often at once.
    DeleteAsked(u32),
    /// The same request is sent again under its key.
    RequestRepeated,
    /// Somebody stops the execution.
    ExecutionStopped,
    /// The running step is invoked a second time.
    SecondInvocation,
    /// Somebody else makes a thing of the name that this call is about to take.
    TwinMade,
    /// The table loses everything.
    TableEmptied,
}
