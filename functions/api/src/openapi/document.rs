//! How the document is made.

use super::{
    operations::{self, Operation, schema},
    problems::{self, Known},
    request::{EnvironmentPatch, EnvironmentRequest},
};
use crate::{
    forecast::Forecast,
    problem,
    routes::{environments, health::Health, operations::list as history},
    view::{EnvironmentView, OperationView, WorkerView},
};
use environment::{EnvironmentId, OperationId};
use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

const ABOUT: &str = "Complete Prefect worker environments on Amazon ECS Fargate: ask for one, watch it come up, delete it \
                     so that nothing is left behind. Requests are signed with AWS Signature Version 4 for the service \
                     `execute-api`. Every refusal is `application/problem+json` with a stable `code`. Fields, statuses, \
                     actions and codes may become more: take one that you do not know as it is.";
const SIGNED_HOW: &str = "AWS Signature Version 4 for the service `execute-api`.";

/// What the gateway answers by itself: to who has not signed, or calls too often.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "describes what API Gateway says")]
struct GatewayMessage {
    /// What is wrong, for people.
    message: String,
}

/// The document.
pub(super) fn document() -> Value {
    let mut paths = Map::new();
    for operation in operations::all() {
        let item = paths.entry(operation.path).or_insert_with(|| json!({}));
        item[operation.method] = described(&operation);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Prefect Environments",
            "description": ABOUT,
            "version": env!("CARGO_PKG_VERSION"),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "The address that the deployment prints."}],
        "security": [{"sigv4": []}],
        "tags": [
            {"name": "environments", "description": "Complete Prefect worker environments."},
            {"name": "operations", "description": "What was done with an environment, and what came of it."},
            {"name": "service", "description": "The service itself. Unsigned."},
        ],
        "paths": paths,
        "components": {
            "schemas": schemas(),
            "securitySchemes": {
                "sigv4": {"type": "apiKey", "in": "header", "name": "Authorization", "description": SIGNED_HOW},
            },
        },
    })
}

/// The schemas of everything that is sent and answered.
fn schemas() -> Map<String, Value> {
    let with = |settings: SchemaSettings| {
        SchemaGenerator::new(settings.with(|it| it.definitions_path = "/components/schemas".into()))
    };
    // What is left out of a request counts as null; what an answer always has is required.
    let mut sent = with(SchemaSettings::draft2020_12().for_deserialize());
    sent.subschema_for::<EnvironmentRequest>();
    sent.subschema_for::<EnvironmentPatch>();
    let mut answered = with(SchemaSettings::draft2020_12().for_serialize());
    answered.subschema_for::<EnvironmentView<'_>>();
    answered.subschema_for::<OperationView<'_>>();
    answered.subschema_for::<environments::list::Page>();
    answered.subschema_for::<history::Page<'_>>();
    answered.subschema_for::<Forecast>();
    answered.subschema_for::<environments::drift::DriftView>();
    answered.subschema_for::<WorkerView>();
    answered.subschema_for::<environments::logs::Page>();
    answered.subschema_for::<Health>();
    answered.subschema_for::<problem::Body<'_>>();
    answered.subschema_for::<GatewayMessage>();
    answered.subschema_for::<EnvironmentId>();
    answered.subschema_for::<OperationId>();
    let mut all = sent.take_definitions(true);
    all.extend(answered.take_definitions(true));
    all
}

fn described(operation: &Operation) -> Value {
    let mut responses = Map::new();
    for answer in &operation.answers {
        let mut response = json!({"description": answer.description, "headers": headers(answer.headers)});
        if let Some(name) = answer.schema {
            response["content"] = json!({"application/json": {"schema": schema(name)}});
        }
        responses.insert(answer.status.to_string(), response);
    }
    let signed = if operation.is_signed() { problems::SIGNED } else { &[] };
    let mut by_status: BTreeMap<u16, Vec<&Known>> = BTreeMap::new();
    for known in problems::ALL {
        if signed.contains(&known.code) || problems::of(operation.id).contains(&known.code) {
            by_status.entry(known.status).or_default().push(known);
        }
    }
    for (status, known) in &by_status {
        responses.insert(status.to_string(), refusal(known));
    }
    if operation.is_signed() {
        let gateway = json!({"schema": schema("GatewayMessage"), "example": {"message": "Forbidden"}});
        responses.insert("429".into(), json!({"description": "The gateway: too many requests at once."}));
        for status in ["403", "429", "500", "503"] {
            responses[status]["content"]["application/json"] = gateway.clone();
        }
    }
    let mut described = json!({
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": operation.description,
        "parameters": operation.parameters,
        "responses": responses,
    });
    if let Some(name) = operation.body {
        let mut content = json!({"application/json": {"schema": schema(name)}});
        if operation.method == "patch" {
            content["application/merge-patch+json"] = content["application/json"].clone();
        }
        described["requestBody"] = json!({"required": true, "content": content});
    }
    if !operation.is_signed() {
        described["security"] = json!([]);
    }
    described
}

fn headers(of_the_answer: &[(&str, &str)]) -> Value {
    let id = ("Request-Id", "The request's id: the log of this service has its lines under it.");
    let header = |(name, description): (&str, &str)| {
        let kind = if name == "Retry-After" { "integer" } else { "string" };
        (name.to_owned(), json!({"description": description, "schema": {"type": kind}}))
    };
    of_the_answer.iter().copied().chain([id]).map(header).collect::<Map<_, _>>().into()
}

fn refusal(known: &[&Known]) -> Value {
    let lines: Vec<String> = known.iter().map(|one| format!("`{}`: {}", one.code, one.meaning)).collect();
    let examples: Map<String, Value> =
        known.iter().map(|one| (one.code.to_owned(), json!({"value": example(one)}))).collect();
    json!({
        "description": lines.join("\n\n"),
        "headers": headers(&[]),
        "content": {"application/problem+json": {"schema": schema("Problem"), "examples": examples}},
    })
}

fn example(known: &Known) -> Value {
    json!({
        "type": problem::type_of(known.code),
        "title": known.meaning.trim_end_matches('.'),
        "status": known.status,
        "detail": known.meaning,
        "code": known.code,
        "request_id": "c5d8e6f0-2a57-4c6b-9a37-0d6f3f6f2f6e",
    })
}
