//! What a call to Prefect can come to, and which fault that is.

use environment::{Code, Fault, Internal};

/// Why a call brought nothing. Prefect's own words are for the log only: they may quote what was sent.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// The key or auth string is wrong, or there is none where one is needed.
    #[error("Prefect does not accept the credential.")]
    Unauthorized,
    /// The key is right, and may not do this.
    #[error("Prefect does not let this credential do that.")]
    Forbidden,
    /// Nothing answers like a Prefect API at this URL.
    #[error("There is no Prefect API at this URL: the account, the workspace or the path is wrong.")]
    WorkspaceNotFound,
    /// What the call is about is not there.
    #[error("Prefect does not know it.")]
    NotFound,
    /// There is one of that name.
    #[error("Prefect has one of that name already.")]
    AlreadyExists,
    /// Prefect asks to slow down.
    #[error("Prefect asked to slow down.")]
    Throttled,
    /// Prefect refused what was sent.
    #[error("Prefect refused the request with status {status}.")]
    Refused {
        /// The answer's status.
        status: u16,
        /// The beginning of the answer.
        said: String,
    },
    /// No answer came, or one that says that the server is in trouble: whether it carried the call out is unknown.
    #[error("Prefect could not be reached.")]
    Unreachable {
        /// What happened instead.
        why: String,
    },
}

impl Error {
    /// Its code among everybody's.
    pub fn code(&self) -> Code {
        match self {
            Error::Unauthorized => Code::PrefectUnauthorized,
            Error::Forbidden => Code::PrefectForbidden,
            Error::WorkspaceNotFound => Code::PrefectWorkspaceNotFound,
            Error::NotFound => Code::NotFound,
            Error::AlreadyExists => Code::AlreadyExists,
            Error::Throttled => Code::Throttled,
            Error::Refused { .. } => Code::InvalidRequest,
            Error::Unreachable { .. } => Code::PrefectUnreachable,
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Fault {
        let fault = Fault::new(error.code(), error.to_string());
        let internal = match error {
            Error::Refused { said, .. } => said,
            Error::Unreachable { why } => why,
            _ => String::new(),
        };
        Fault { internal: Internal(internal), ..fault }
    }
}
