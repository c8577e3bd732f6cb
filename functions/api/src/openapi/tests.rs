//! The document against the code.

use super::{DOCUMENT, document, problems};
use crate::tests::{fields_of, methods_of};
use serde_json::{Value, json};
use std::{collections::BTreeSet, path::Path};

/// With UPDATE_OPENAPI=1 the document is written instead of compared.
#[test]
fn the_document_is_what_the_handlers_and_types_say() {
    let made = format!("{:#}\n", document::document());
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../openapi.json");
        std::fs::write(path, made).expect("write the document");
    } else {
        assert!(made == DOCUMENT, "openapi.json has drifted. Write it anew: UPDATE_OPENAPI=1 make unit");
    }
}

fn checked_in() -> Value {
    serde_json::from_str(DOCUMENT).expect("JSON")
}

#[tokio::test]
async fn every_path_has_the_methods_that_the_document_says() {
    for (path, item) in checked_in()["paths"].as_object().expect("paths") {
        let told: BTreeSet<String> = item.as_object().expect("operations").keys().map(|it| it.to_uppercase()).collect();
        let mut allowed = methods_of(&path.replace("{id}", "x").replace("{operation_id}", "x")).await;
        allowed.remove("HEAD");
        assert_eq!(told, allowed, "{path}");
    }
}

#[test]
fn everything_is_described() {
    fn look(value: &Value, at: &str, missing: &mut Vec<String>) {
        if let Some(properties) = value["properties"].as_object().filter(|_| at.starts_with("/components")) {
            for (name, property) in properties {
                // What tells alternatives apart is described with each of them.
                let is_a_name = !property["const"].is_null() || !property["$ref"].is_null();
                if property["description"].as_str().unwrap_or_default().is_empty() && !is_a_name {
                    missing.push(format!("{at}/{name}"));
                }
            }
        }
        match value {
            Value::Object(members) => members.iter().for_each(|(name, it)| look(it, &format!("{at}/{name}"), missing)),
            Value::Array(items) => items.iter().for_each(|it| look(it, at, missing)),
            _ => {}
        }
    }
    let (document, mut missing) = (checked_in(), Vec::new());
    look(&document, "", &mut missing);
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let described = |it: &Value| !it["description"].as_str().unwrap_or_default().is_empty();
            if operation["summary"].is_null() || !parameters.iter().all(described) {
                missing.push(format!("{method} {path}"));
            }
        }
    }
    assert!(missing.is_empty(), "without a description: {missing:#?}");
}

/// The codes stand in three places for three kinds of readers; none of them may lack one.
/// Where two types have one name, the second gets a number, and who refers to the name means the first.
#[test]
fn every_schema_has_a_name_of_its_own() {
    let document = checked_in();
    let schemas = document["components"]["schemas"].as_object().expect("schemas");
    let numbered: Vec<&String> = schemas.keys().filter(|name| name.ends_with(|it: char| it.is_ascii_digit())).collect();
    assert_eq!(numbered, Vec::<&String>::new(), "give one of the two types another name (schemars: rename)");
}

#[test]
fn every_code_of_the_api_is_in_the_document_and_in_the_docs() {
    let source = include_str!("../problem.rs");
    let docs = include_str!("../../../../docs/errors.md");
    let word = |text: &str| text.len() > 5 && text.chars().all(|it| it.is_ascii_uppercase() || it == '_');
    let used: BTreeSet<&str> = source.split('"').filter(|text| word(text)).collect();
    let known: BTreeSet<&str> = problems::ALL.iter().map(|one| one.code).collect();
    assert_eq!(used, known, "problem.rs and the document");
    for one in problems::ALL {
        let line = docs.lines().find(|line| line.starts_with('|') && line.contains(&format!("`{}`", one.code)));
        let line = line.unwrap_or_else(|| panic!("docs/errors.md has no {}", one.code));
        assert!(line.contains(&format!("| {} |", one.status)), "{}: {line}", one.code);
    }
}

/// The body is read by hand, and described by types of its own.
#[tokio::test]
async fn the_body_has_the_fields_that_are_read() {
    let schemas = &checked_in()["components"]["schemas"];
    for (section, schema) in [
        ("", "EnvironmentRequest"),
        ("prefect", "PrefectRequest"),
        ("network", "NetworkRequest"),
        ("worker", "WorkerRequest"),
        ("flows", "FlowsRequest"),
        ("deletion_protection", "DeletionProtectionRequest"),
    ] {
        let described = schemas[schema]["properties"].as_object().expect("properties").keys().cloned();
        let body = if section.is_empty() { json!({"nothing": 1}) } else { json!({section: {"nothing": 1}}) };
        assert_eq!(described.collect::<BTreeSet<_>>(), fields_of(body).await, "{schema}");
    }
}
