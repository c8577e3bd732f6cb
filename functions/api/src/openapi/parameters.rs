//! Headers and parameters, as the document describes them. What takes them says in code what they must be:
//! `conditional`, `idempotency`, `prefer`, `purpose`, `pages`, and the list of environments.

use crate::routes::environments::logs::{MOST as MOST_LINES, USUAL as USUAL_LINES};
use engine::records::Status;
use serde_json::{Value, json};

const ETAG: &str = "\"3-9f86d081884c7d65\"";
const TIME: &str = "2026-11-24T12:00:00Z";

fn header(name: &str, description: &str, schema: Value) -> Value {
    json!({"name": name, "in": "header", "description": description, "schema": schema})
}

fn query(name: &str, description: &str, schema: Value) -> Value {
    json!({"name": name, "in": "query", "description": description, "schema": schema})
}

fn path(name: &str, description: &str, schema: &str) -> Value {
    let schema = json!({"$ref": format!("#/components/schemas/{schema}")});
    json!({"name": name, "in": "path", "required": true, "description": description, "schema": schema})
}

pub(super) fn environment() -> Value {
    path("id", "The environment.", "EnvironmentId")
}

pub(super) fn operation() -> Value {
    path("operation_id", "The operation.", "OperationId")
}

/// What a request that makes or changes something may say beside its body.
pub(super) fn of_a_request() -> Vec<Value> {
    vec![
        header(
            "Idempotency-Key",
            "Lets the request be sent again without being carried out again. 1 to 255 visible ASCII characters. Counts \
             for one team, method and route, for 24 hours.",
            text("2f1c8d6e"),
        ),
        header(
            "On-Behalf-Of",
            "Whom the request is made for: 1 to 256 characters, beyond ASCII as percent-encoded UTF-8. Kept with the \
             operation, checked by nobody.",
            text("ada@example.com"),
        ),
        header(
            "Request-Reason",
            "Why it is made: 1 to 256 characters, beyond ASCII as percent-encoded UTF-8. Kept with the operation.",
            text("OPS-17"),
        ),
    ]
}

pub(super) fn validate_only() -> Value {
    query(
        "validate_only",
        "Go through every check, do nothing, and tell what the request would come to.",
        json!({"type": "boolean", "default": false}),
    )
}

pub(super) fn if_match() -> Value {
    header("If-Match", "An ETag, or several: nothing is done where the environment is none of these.", text(ETAG))
}

pub(super) fn of_a_delete() -> Vec<Value> {
    let force = "Stop the flow runs that are at work instead of waiting for them. May be added while a delete waits.";
    let retain = "`logs`: the log groups stay, and are the team's to remove.";
    vec![
        query("force", force, json!({"type": "boolean", "default": false})),
        query("retain", retain, json!({"type": "string", "enum": ["logs"]})),
    ]
}

pub(super) fn of_a_read() -> Vec<Value> {
    vec![
        header("If-None-Match", "ETags of what the caller has already: 304 where it has not changed.", text(ETAG)),
        header(
            "Prefer",
            "`wait=20`: hold the answer for so many seconds, 20 at most, or until there is news.",
            text("wait=20"),
        ),
    ]
}

/// A header has several forms (lists, quotes, weak tags): its schema promises no more than that it is a text.
fn text(example: &str) -> Value {
    json!({"type": "string", "examples": [example]})
}

pub(super) fn of_logs() -> Vec<Value> {
    let token = "`next_page_token` of the page before. It belongs to the environment that it came with.";
    vec![
        query(
            "limit",
            "How many lines there are at most.",
            json!({
                "type": "integer", "minimum": 1, "maximum": MOST_LINES, "default": USUAL_LINES,
            }),
        ),
        query("page_token", token, json!({"type": "string"})),
    ]
}

pub(super) fn of_a_page() -> Vec<Value> {
    vec![
        query(
            "page_size",
            "How many items the page has at most.",
            json!({"type": "integer", "minimum": 1, "maximum": 100, "default": 20}),
        ),
        query(
            "page_token",
            "`next_page_token` of the page before. It belongs to the query that it came with.",
            json!({"type": "string"}),
        ),
    ]
}

pub(super) fn of_the_list() -> Vec<Value> {
    let time = || json!({"type": "string", "format": "date-time", "examples": [TIME]});
    let status = json!({"type": "string", "enum": Status::ALL.map(Status::as_str)});
    let mut several = query(
        "status",
        "Those of one of these statuses. Without it all but the `DELETED`.",
        json!({"type": "array", "items": status}),
    );
    several["explode"] = json!(true);
    let mut tags = query(
        "tag",
        "Those with all of these tags of the team: `tag[stage]=test`.",
        json!({"type": "object", "additionalProperties": {"type": "string"}, "examples": [{"stage": "test"}]}),
    );
    (tags["style"], tags["explode"]) = (json!("deepObject"), json!(true));
    let team = json!({"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$", "examples": ["data"]});
    vec![
        query("team", "The team's. A team's own caller may leave it out; an administrator who does lists all.", team),
        several,
        query("name", "Those of this name.", json!({"type": "string", "examples": ["prefect"]})),
        tags,
        query("created_after", "Those asked for then or later.", time()),
        query("created_before", "Those asked for before then.", time()),
    ]
}
