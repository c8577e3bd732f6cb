//! The operations of the API, as the document describes them.

use super::parameters;
use serde_json::{Value, json};

/// One method of one path.
pub(super) struct Operation {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) id: &'static str,
    pub(super) tag: &'static str,
    pub(super) summary: &'static str,
    pub(super) description: &'static str,
    pub(super) parameters: Vec<Value>,
    /// The schema of the body.
    pub(super) body: Option<&'static str>,
    pub(super) answers: Vec<Answer>,
}

/// What it answers where it does not refuse.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) description: &'static str,
    /// The schema of the body; the empty one lets anything through.
    pub(super) schema: Option<&'static str>,
    /// Headers, and what they say.
    pub(super) headers: &'static [(&'static str, &'static str)],
}

const RETRY_AFTER: (&str, &str) = ("Retry-After", "While it is at work: in how many seconds to look again.");
const ETAG: (&str, &str) = ("ETag", "The environment's revision: it moves with all that the answer shows.");
const APPLIED: (&str, &str) = ("Preference-Applied", "For how long the answer would have been held.");
const REPLAYED: (&str, &str) = ("Idempotency-Replayed", "`true` where the request was carried out before.");
const LOCATION: (&str, &str) = ("Location", "The environment's path.");

fn answer(
    status: u16,
    description: &'static str,
    schema: &'static str,
    headers: &'static [(&'static str, &'static str)],
) -> Answer {
    Answer { status, description, schema: Some(schema), headers }
}

/// Every operation.
pub(super) fn all() -> Vec<Operation> {
    let with = |first: Vec<Value>, then: Vec<Value>| first.into_iter().chain(then).collect::<Vec<_>>();
    let environment = || parameters::environment();
    vec![
        Operation {
            method: "post",
            path: "/environments",
            id: "createEnvironment",
            tag: "environments",
            summary: "Ask for an environment.",
            description: "Refused as a whole, with every reason, or accepted as a whole. Sent again under its \
                          Idempotency-Key it gets the same answer and goes on with what the first one may have left \
                          undone.",
            parameters: with(vec![parameters::validate_only()], parameters::of_a_request()),
            body: Some("EnvironmentRequest"),
            answers: vec![
                answer(202, "It is asked for.", "Environment", &[LOCATION, RETRY_AFTER, REPLAYED]),
                answer(200, "With `validate_only`: what it would come to. Nothing was done.", "Forecast", &[]),
            ],
        },
        Operation {
            method: "get",
            path: "/environments",
            id: "listEnvironments",
            tag: "environments",
            summary: "List environments, newest first.",
            description: "A page reads at most four times its size: it may be short, even empty, and still have a \
                          next one.",
            parameters: with(parameters::of_the_list(), parameters::of_a_page()),
            body: None,
            answers: vec![answer(200, "A page of environments.", "EnvironmentPage", &[])],
        },
        Operation {
            method: "get",
            path: "/environments/{id}",
            id: "readEnvironment",
            tag: "environments",
            summary: "Show an environment.",
            description: "Also one that is deleted, for 400 days. With `Prefer: wait=20` the answer is held until the \
                          status or a step changes; it comes at once where nobody works on the environment, or where \
                          If-None-Match names an older revision.",
            parameters: with(vec![environment()], parameters::of_a_read()),
            body: None,
            answers: vec![
                answer(200, "The environment.", "Environment", &[ETAG, RETRY_AFTER, APPLIED]),
                Answer {
                    status: 304,
                    description: "The caller has it as it is.",
                    schema: None,
                    headers: &[ETAG, RETRY_AFTER, APPLIED],
                },
            ],
        },
        Operation {
            method: "patch",
            path: "/environments/{id}",
            id: "updateEnvironment",
            tag: "environments",
            summary: "Change an environment.",
            description: "A JSON merge patch (RFC 7396) of what a request for an environment holds. Refused as a whole, with \
                          every reason, or accepted as a whole. Should it fail, the environment is made again as it was \
                          before.",
            parameters: with(
                vec![environment(), parameters::validate_only(), parameters::if_match()],
                parameters::of_a_request(),
            ),
            body: Some("EnvironmentPatch"),
            answers: vec![
                answer(202, "It is being changed.", "Environment", &[ETAG, RETRY_AFTER, REPLAYED]),
                answer(
                    200,
                    "Nothing is to be built for it. With `validate_only`: what it would come to; nothing was done.",
                    "Environment|Forecast",
                    &[ETAG, RETRY_AFTER],
                ),
            ],
        },
        Operation {
            method: "delete",
            path: "/environments/{id}",
            id: "deleteEnvironment",
            tag: "environments",
            summary: "Ask for an environment to be gone.",
            description: "Accepted at any moment, also while the environment is being made, and as often as it is \
                          sent. It waits for flow runs that are at work.",
            parameters: with(
                with(
                    vec![environment(), parameters::validate_only(), parameters::if_match()],
                    parameters::of_a_delete(),
                ),
                parameters::of_a_request(),
            ),
            body: None,
            answers: vec![
                answer(202, "It is on its way out.", "Environment", &[ETAG, RETRY_AFTER, REPLAYED]),
                answer(
                    200,
                    "It is deleted. With `validate_only`: what a delete would come to. Nothing was done.",
                    "Environment|Forecast",
                    &[ETAG, REPLAYED],
                ),
            ],
        },
        Operation {
            method: "post",
            path: "/environments/{id}/repair",
            id: "repairEnvironment",
            tag: "environments",
            summary: "Make an environment as its spec says once more.",
            description: "What somebody has removed or changed by hand is made anew or corrected; what is as it should \
                          be is left alone. Asked for again while one is at work it is the same one. No body.",
            parameters: with(
                vec![environment(), parameters::validate_only(), parameters::if_match()],
                parameters::of_a_request(),
            ),
            body: None,
            answers: vec![
                answer(202, "It is being repaired.", "Environment", &[ETAG, RETRY_AFTER, REPLAYED]),
                answer(200, "With `validate_only`: what it would come to. Nothing was done.", "Forecast", &[]),
            ],
        },
        Operation {
            method: "get",
            path: "/environments/{id}/drift",
            id: "readDrift",
            tag: "environments",
            summary: "Compare every resource with the spec, property by property.",
            description: "Changes and records nothing. What could not be looked at within 5 s says so. A repair corrects \
                          what is told here.",
            parameters: vec![environment()],
            body: None,
            answers: vec![answer(200, "What the looks came to.", "Drift", &[])],
        },
        Operation {
            method: "get",
            path: "/environments/{id}/worker",
            id: "readWorker",
            tag: "environments",
            summary: "Look at an environment's workers now.",
            description: "In ECS and in Prefect. Changes and records nothing: what the environment itself shows is what \
                          the last operation saw.",
            parameters: vec![environment()],
            body: None,
            answers: vec![answer(200, "What was seen.", "WorkerObservation", &[])],
        },
        Operation {
            method: "get",
            path: "/environments/{id}/logs",
            id: "readLogs",
            tag: "environments",
            summary: "Read what an environment's workers have written.",
            description: "Their last lines or, with a token, what they have written since: of the five tasks that were \
                          started last, as long as ECS knows them. Whatever is or looks like a secret is taken out.",
            parameters: with(vec![environment()], parameters::of_logs()),
            body: None,
            answers: vec![answer(200, "The lines.", "LogPage", &[])],
        },
        Operation {
            method: "get",
            path: "/environments/{id}/template",
            id: "readTemplate",
            tag: "environments",
            summary: "Show an environment as a CloudFormation template.",
            description: "For those who want to take it over. The worker's credential is a parameter of it: no export has \
                          it.",
            parameters: vec![environment()],
            body: None,
            answers: vec![answer(200, "The template.", "", &[])],
        },
        Operation {
            method: "get",
            path: "/environments/{id}/operations",
            id: "listOperations",
            tag: "operations",
            summary: "List what was done with an environment, newest first.",
            description: "Kept until 400 days after the environment's end.",
            parameters: with(vec![environment()], parameters::of_a_page()),
            body: None,
            answers: vec![answer(200, "A page of operations.", "OperationPage", &[])],
        },
        Operation {
            method: "get",
            path: "/environments/{id}/operations/{operation_id}",
            id: "readOperation",
            tag: "operations",
            summary: "Show an operation.",
            description: "Who asked for it, what its steps came to, and what came of it.",
            parameters: vec![environment(), parameters::operation()],
            body: None,
            answers: vec![answer(200, "The operation.", "Operation", &[RETRY_AFTER])],
        },
        Operation {
            method: "get",
            path: "/health",
            id: "readHealth",
            tag: "service",
            summary: "Whether the API answers at all.",
            description: "Asks nobody: it does not fail because somebody else does.",
            parameters: vec![],
            body: None,
            answers: vec![answer(200, "It answers.", "Health", &[])],
        },
        Operation {
            method: "get",
            path: "/openapi.json",
            id: "readOpenApi",
            tag: "service",
            summary: "This document.",
            description: "What this API is, in a form that tools read.",
            parameters: vec![],
            body: None,
            answers: vec![answer(200, "The document.", "", &[])],
        },
    ]
}

impl Operation {
    /// Whether its requests are signed.
    pub(super) fn is_signed(&self) -> bool {
        self.tag != "service"
    }
}

/// A schema, by its name, or one of several.
pub(super) fn schema(name: &str) -> Value {
    let one = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
    match name.split('|').collect::<Vec<_>>().as_slice() {
        [""] => json!({"type": "object"}),
        [name] => one(name),
        several => json!({"anyOf": several.iter().map(|name| one(name)).collect::<Vec<_>>()}),
    }
}
