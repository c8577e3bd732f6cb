//! What must hold of an environment that is changed, whatever goes wrong: it is what it was or what it is to be, whole
//! and with a worker, and says which; and asking again brings it to what it is to be.

use crate::{
    life::status,
    run::{CHANGED_IMAGE, Reply, Run},
    secret::CANARY,
    shape::shape,
    verdict::{Whole, at_rest, is_secret, is_whole, untouched},
};
use serde_json::Value;

/// The shapes of an environment before and after its change.
pub struct Wholes<'a> {
    /// Before.
    pub before: &'a Whole,
    /// And after.
    pub after: &'a Whole,
}

/// Fails unless the environment is one of the two, and says so.
pub async fn is_one_or_the_other(run: &Run, wholes: &Wholes<'_>, reply: &Reply) -> Result<String, String> {
    let status = status(run).await;
    let id = run.table.environment().await.unwrap_or_default();
    let shown = run.get(&id).await.body;
    let is_wanted = shown["spec"]["worker"]["image"] == CHANGED_IMAGE;
    match status.as_str() {
        // A request that was refused as a whole has changed nothing: by this service, or because Prefect was not reached.
        "ACTIVE" if !is_wanted && reply.status < 500 && reply.body["code"] != "PREFECT_UNREACHABLE" => {
            return Err(format!("ACTIVE, and not changed, although it was answered {}", reply.status));
        }
        "ACTIVE" => must_be(run, if is_wanted { wholes.after } else { wholes.before }, is_wanted).await?,
        "UPDATE_FAILED" => {
            let verdict = &shown["operations"][0]["verdict"];
            if verdict["error"]["code"].is_null() {
                return Err(format!("UPDATE_FAILED and does not say why: {}", shown["operations"][0]));
            }
            if verdict["usable"] == true {
                must_be(run, if is_wanted { wholes.after } else { wholes.before }, is_wanted).await?;
            }
        }
        _ => drop(at_rest(run, wholes.before).await?),
    }
    untouched(run, &run.inventory().await)?;
    is_secret(run).await?;
    Ok(status)
}

/// Asks again, first as the same request and then as another, and fails unless that makes the change. One that is
/// gone stays gone.
pub async fn is_changed_in_the_end(run: &Run, wholes: &Wholes<'_>) -> Result<(), String> {
    let id = run.table.environment().await.unwrap_or_default();
    for key in ["one-key", "another-key"] {
        if status(run).await == "DELETED" {
            return Ok(());
        }
        let reply = run.update(&id, key).await;
        if ![200, 202].contains(&reply.status) {
            return Err(format!("the change that was asked for again was answered {}: {}", reply.status, reply.body));
        }
        run.settle().await;
    }
    match status(run).await.as_str() {
        "ACTIVE" => must_be(run, wholes.after, true).await,
        other => Err(format!("the change that was asked for again ended {other}")),
    }
}

/// Fails unless the environment has this shape, and its worker runs from what is wanted.
async fn must_be(run: &Run, whole: &Whole, is_changed: bool) -> Result<(), String> {
    let ours = run.inventory().await.since(&run.foreign());
    let mut shape = shape(&ours, &run.account.id);
    // A revision that could not be put away starts nothing; the delete takes it.
    let revision = |line: &String| line.starts_with("task-definition ");
    while shape.iter().filter(|line| revision(line)).count() > 1 {
        let more = shape.iter().rposition(revision);
        more.map(|at| shape.remove(at));
    }
    // Nor is autoscaling that could not be taken away a part of it: the record says why, and the delete takes it.
    let shown = run.get(&run.table.environment().await.unwrap_or_default()).await.body;
    let could_not_go = |resource: &Value| {
        resource["key"] == "worker/scalable-target" && resource["state"] != "GONE" && resource["error"].is_object()
    };
    if is_changed && shown["resources"].as_array().is_some_and(|resources| resources.iter().any(could_not_go)) {
        shape.retain(|line| !line.starts_with("scalable-target "));
    }
    is_whole(&shape, whole)?;
    let expected = if is_changed {
        [("-api-key", Some(format!("{CANARY}-changed"))), ("/worker-api-key", Some(format!("{CANARY}-of-the-worker")))]
    } else {
        [("-api-key", Some(CANARY.to_owned())), ("/worker-api-key", None)]
    };
    for (secret, key) in expected {
        if run.key_in(secret).await != key {
            return Err(format!("the key in {secret} is not the {} one", if is_changed { "new" } else { "old" }));
        }
    }
    let image = run.image().await;
    if (image.as_deref() == Some(CHANGED_IMAGE)) == is_changed {
        return Ok(());
    }
    Err(format!("its worker runs from {image:?}, and it is {}changed", if is_changed { "" } else { "not " }))
}
