//! The part of the Docker Engine API that the local cloud's ECS speaks.

use crate::{
    container::{Container, State},
    engine::{Engine, Wanted},
    images,
};
use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::State as Of,
    http::{Method, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use futures::StreamExt;
use serde_json::{Value, json};
use std::{collections::HashMap, convert::Infallible, sync::Arc};
use url::form_urlencoded;

/// The API. Names of images have slashes, so a request is read as a list of parts and not as a pattern.
pub(crate) fn router(engine: Arc<Engine>) -> Router {
    Router::new().fallback(answer).with_state(engine)
}

async fn answer(Of(engine): Of<Arc<Engine>>, method: Method, uri: Uri, body: Bytes) -> Response {
    let parts: Vec<&str> = uri.path().split('/').filter(|part| !part.is_empty()).collect();
    // Clients put the version that they speak in front.
    let parts = match parts.as_slice() {
        [version, rest @ ..] if is_version(version) => rest,
        all => all,
    };
    let query: HashMap<String, String> =
        form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    match (method.as_str(), parts) {
        ("GET" | "HEAD", ["_ping"]) => "OK".into_response(),
        ("GET", ["version"]) => Json(json!({"ApiVersion": "1.47", "MinAPIVersion": "1.24"})).into_response(),
        ("GET", ["info"]) => Json(json!({"ID": "fargate", "Name": "fargate"})).into_response(),
        ("GET", ["distribution", name @ .., "json"]) => image(&name.join("/"), images::in_its_registry),
        ("GET", ["images", name @ .., "json"]) => image(&name.join("/"), images::inspected),
        ("POST", ["images", "create"]) => pull(&engine, &query).await,
        ("POST", ["images", .., "tag"]) => StatusCode::CREATED.into_response(),
        ("GET", ["containers", "json"]) => list(&engine, &query),
        ("POST", ["containers", "create"]) => create(&engine, &query, &body),
        (method, ["containers", reference, rest @ ..]) => match engine.containers.get(reference) {
            Some(container) => of_container(&engine, &container, method, rest, &query).await,
            None => refused(StatusCode::NOT_FOUND, format!("No such container: {reference}")),
        },
        _ => unknown(&method, &uri),
    }
}

async fn of_container(
    engine: &Arc<Engine>,
    container: &Arc<Container>,
    method: &str,
    rest: &[&str],
    query: &HashMap<String, String>,
) -> Response {
    match (method, rest) {
        ("GET", ["json"]) => Json(inspected(container)).into_response(),
        ("POST", ["start"]) => match engine.start(container).await {
            Ok(()) => StatusCode::NO_CONTENT.into_response(),
            Err(unable) => refused(StatusCode::INTERNAL_SERVER_ERROR, unable.0),
        },
        ("GET", ["logs"]) => {
            let follow = query.get("follow").is_some_and(|follow| ["1", "true", "True"].contains(&follow.as_str()));
            let frames = Arc::clone(&container.log).frames(follow).map(Ok::<_, Infallible>);
            Body::from_stream(frames).into_response()
        }
        ("POST", ["wait"]) => Json(json!({"StatusCode": container.ended().await.unwrap_or_default()})).into_response(),
        ("POST", ["stop"]) => {
            engine.stop(container).await;
            StatusCode::NO_CONTENT.into_response()
        }
        ("DELETE", []) => {
            let force = query.get("force").is_some_and(|force| ["1", "true", "True"].contains(&force.as_str()));
            if !force && matches!(*container.state.borrow(), State::Running { .. }) {
                return refused(StatusCode::CONFLICT, "cannot remove a running container".to_owned());
            }
            container.kill();
            engine.containers.remove(container);
            StatusCode::NO_CONTENT.into_response()
        }
        _ => refused(StatusCode::NOT_FOUND, format!("{method} {} is not known here", rest.join("/"))),
    }
}

/// An image that is not to be had is refused at once; a service that keeps asking for it is slowed down.
async fn pull(engine: &Engine, query: &HashMap<String, String>) -> Response {
    let name = query.get("fromImage").cloned().unwrap_or_default();
    if images::can_be_had(&name) {
        return Json(json!({"status": "Image is up to date"})).into_response();
    }
    tokio::time::sleep(engine.pace.pause(&name)).await;
    engine.pace.failed(&name);
    refused(StatusCode::NOT_FOUND, format!("pull access denied for {name}, repository does not exist"))
}

fn image(name: &str, shown: fn(&str) -> Value) -> Response {
    if images::can_be_had(name) {
        Json(shown(name)).into_response()
    } else {
        refused(StatusCode::NOT_FOUND, format!("No such image: {name}"))
    }
}

fn create(engine: &Engine, query: &HashMap<String, String>, body: &[u8]) -> Response {
    match serde_json::from_slice::<Wanted>(body) {
        Ok(wanted) => {
            let name = query.get("name").cloned().unwrap_or_default();
            let container = engine.create(&name, wanted);
            (StatusCode::CREATED, Json(json!({"Id": container.id, "Warnings": []}))).into_response()
        }
        Err(error) => refused(StatusCode::BAD_REQUEST, error.to_string()),
    }
}

/// `?all=1&filters={"label": ["name=value", …]}`.
fn list(engine: &Engine, query: &HashMap<String, String>) -> Response {
    let filters: Value = query.get("filters").and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let wanted: Vec<&str> = filters["label"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let has = |container: &Container, wanted: &&str| match wanted.split_once('=') {
        Some((name, value)) => container.labels.get(name).is_some_and(|label| label == value),
        None => container.labels.contains_key(*wanted),
    };
    let all = query.get("all").is_some_and(|all| ["1", "true", "True"].contains(&all.as_str()));
    let listed = engine.containers.all().into_iter().filter(|container| {
        (all || matches!(*container.state.borrow(), State::Running { .. }))
            && wanted.iter().all(|wanted| has(container, wanted))
    });
    let listed: Vec<Value> = listed
        .map(|container| {
            json!({
                "Id": container.id, "Names": [format!("/{}", container.name)], "Image": container.image,
                "Labels": container.labels, "State": status(&container.state.borrow()),
            })
        })
        .collect();
    Json(listed).into_response()
}

/// `GET /containers/{id}/json`. The environment stays out: it has secrets.
fn inspected(container: &Container) -> Value {
    let state = *container.state.borrow();
    let (pid, code, since, at) = match state {
        State::Created => (0, 0, None, None),
        State::Running { process, since, .. } => (process.as_raw_nonzero().get(), 0, Some(since), None),
        State::Exited { code, since, at } => (0, code, Some(since), Some(at)),
    };
    json!({
        "Id": container.id,
        "Name": format!("/{}", container.name),
        "Created": container.made.to_string(),
        "Image": container.image,
        "State": {
            "Status": status(&state),
            "Running": matches!(state, State::Running { .. }),
            "Pid": pid,
            "ExitCode": code,
            "StartedAt": since.map(|since| since.to_string()),
            "FinishedAt": at.map(|at| at.to_string()),
        },
        "Config": {"Image": container.image, "Cmd": container.command, "Labels": container.labels, "Tty": false},
        "NetworkSettings": {"Networks": {}},
    })
}

fn status(state: &State) -> &'static str {
    match state {
        State::Created => "created",
        State::Running { .. } => "running",
        State::Exited { .. } => "exited",
    }
}

fn is_version(part: &str) -> bool {
    part.strip_prefix('v').is_some_and(|number| number.starts_with(|first: char| first.is_ascii_digit()))
}

fn refused(status: StatusCode, message: String) -> Response {
    (status, Json(json!({"message": message}))).into_response()
}

fn unknown(method: &Method, uri: &Uri) -> Response {
    eprintln!("not known here: {method} {uri}");
    refused(StatusCode::NOT_FOUND, format!("{method} {} is not known here", uri.path()))
}
