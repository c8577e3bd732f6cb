//! Which problem each operation may be answered with. One table for all of them: the document, and the tests that hold
//! it against the code and against docs/errors.md, are made from it.

/// A problem's code, its status, and what it means.
pub(super) struct Known {
    pub(super) code: &'static str,
    pub(super) status: u16,
    pub(super) meaning: &'static str,
}

const fn known(status: u16, code: &'static str, meaning: &'static str) -> Known {
    Known { code, status, meaning }
}

/// Every problem.
pub(super) const ALL: &[Known] = &[
    known(400, "BAD_REQUEST", "The request cannot be read."),
    known(400, "MALFORMED_JSON", "The body is not JSON, or an object in it gives a field twice."),
    known(400, "UNREADABLE_BODY", "The body could not be read to its end."),
    known(400, "INVALID_QUERY", "A query parameter is unknown, wrong, or a token of another list."),
    known(400, "INVALID_HEADER", "The header that is named is given twice or cannot be read."),
    known(400, "INVALID_IDEMPOTENCY_KEY", "The Idempotency-Key is not 1 to 255 visible ASCII characters."),
    known(403, "FORBIDDEN", "The caller is of no team and no administrator."),
    known(403, "TEAM_NOT_YOURS", "The list is another team's."),
    known(403, "LIMIT_EXCEEDED", "No team may have that much."),
    known(404, "NOT_FOUND", "There is no such thing that the caller may see."),
    known(405, "METHOD_NOT_ALLOWED", "The path does not have this method."),
    known(409, "NAME_TAKEN", "An environment of that name lives."),
    known(409, "WORK_POOL_IN_USE", "Another environment serves that work pool."),
    known(409, "NOT_CHANGEABLE", "Somebody works on the environment, or it has ended."),
    known(409, "CHANGED_MEANWHILE", "Others have changed the environment in the same moment."),
    known(409, "NOT_COMPARABLE", "An operation is at work, or the environment has ended."),
    known(409, "NO_WORKER", "The environment has no worker service: not yet, or not any more."),
    known(409, "NOT_REPAIRABLE", "The environment is being made or removed, or has ended."),
    known(409, "DELETION_PROTECTED", "Somebody has protected the environment."),
    known(409, "TEAM_LIMIT_REACHED", "The team has what it may have."),
    known(412, "PRECONDITION_FAILED", "The environment is not as If-Match says. Nothing was done."),
    known(413, "BODY_TOO_LARGE", "The body has over 64 KiB."),
    known(
        415,
        "UNSUPPORTED_MEDIA_TYPE",
        "The body is not application/json, and of a PATCH no application/merge-patch+json.",
    ),
    known(422, "INVALID_REQUEST", "The body breaks rules; `errors` has every one."),
    known(422, "SECRET_NOT_SHARED", "There is no such secret that is shared with the team."),
    known(422, "PREFECT_UNAUTHORIZED", "Prefect does not accept the key or auth string."),
    known(422, "PREFECT_FORBIDDEN", "Prefect refuses the key or auth string what is needed."),
    known(
        422,
        "PREFECT_WORKSPACE_NOT_FOUND",
        "There is no Prefect API at the URL: account, workspace or path are wrong.",
    ),
    known(422, "PREFECT_UNREACHABLE", "The functions do not reach the Prefect server."),
    known(422, "ALREADY_EXISTS", "The work pool is somebody else's, or of another type."),
    known(422, "QUOTA_EXCEEDED", "The account has no room; `errors` names each quota."),
    known(422, "IDEMPOTENCY_KEY_REUSED", "The Idempotency-Key belongs to another request."),
    known(500, "INTERNAL", "This service made a mistake."),
    known(503, "UNAVAILABLE", "Something that this service needs did not answer. Send the request again."),
];

/// What every signed request may be answered with.
pub(super) const SIGNED: &[&str] = &["BAD_REQUEST", "FORBIDDEN", "INVALID_HEADER", "INTERNAL", "UNAVAILABLE"];

/// What else the requests of an operation may be answered with.
pub(super) fn of(operation: &str) -> &'static [&'static str] {
    match operation {
        "createEnvironment" => &[
            "INVALID_QUERY",
            "MALFORMED_JSON",
            "UNREADABLE_BODY",
            "INVALID_IDEMPOTENCY_KEY",
            "LIMIT_EXCEEDED",
            "NAME_TAKEN",
            "WORK_POOL_IN_USE",
            "TEAM_LIMIT_REACHED",
            "BODY_TOO_LARGE",
            "UNSUPPORTED_MEDIA_TYPE",
            "INVALID_REQUEST",
            "SECRET_NOT_SHARED",
            "PREFECT_UNAUTHORIZED",
            "PREFECT_FORBIDDEN",
            "PREFECT_WORKSPACE_NOT_FOUND",
            "PREFECT_UNREACHABLE",
            "ALREADY_EXISTS",
            "QUOTA_EXCEEDED",
            "IDEMPOTENCY_KEY_REUSED",
        ],
        "updateEnvironment" => &[
            "NOT_FOUND",
            "INVALID_QUERY",
            "MALFORMED_JSON",
            "UNREADABLE_BODY",
            "INVALID_IDEMPOTENCY_KEY",
            "LIMIT_EXCEEDED",
            "NOT_CHANGEABLE",
            "CHANGED_MEANWHILE",
            "TEAM_LIMIT_REACHED",
            "PRECONDITION_FAILED",
            "BODY_TOO_LARGE",
            "UNSUPPORTED_MEDIA_TYPE",
            "INVALID_REQUEST",
            "SECRET_NOT_SHARED",
            "IDEMPOTENCY_KEY_REUSED",
        ],
        "listEnvironments" => &["INVALID_QUERY", "TEAM_NOT_YOURS"],
        "readEnvironment" => &["NOT_FOUND"],
        "deleteEnvironment" => &[
            "NOT_FOUND",
            "INVALID_QUERY",
            "INVALID_IDEMPOTENCY_KEY",
            "DELETION_PROTECTED",
            "PRECONDITION_FAILED",
            "IDEMPOTENCY_KEY_REUSED",
        ],
        "repairEnvironment" => &[
            "NOT_FOUND",
            "INVALID_QUERY",
            "INVALID_IDEMPOTENCY_KEY",
            "NOT_REPAIRABLE",
            "PRECONDITION_FAILED",
            "IDEMPOTENCY_KEY_REUSED",
        ],
        "readDrift" => &["NOT_FOUND", "INVALID_QUERY", "NOT_COMPARABLE"],
        "readWorker" => &["NOT_FOUND", "INVALID_QUERY", "NO_WORKER"],
        "readLogs" => &["NOT_FOUND", "INVALID_QUERY", "NO_WORKER"],
        "readTemplate" => &["NOT_FOUND", "INVALID_QUERY"],
        "listOperations" => &["NOT_FOUND", "INVALID_QUERY"],
        "readOperation" => &["NOT_FOUND"],
        _ => &[],
    }
}
