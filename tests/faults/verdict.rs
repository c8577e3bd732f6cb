//! What must hold after every run, whatever went wrong.

use crate::{
    life::{Life, status},
    run::{Reply, Run},
    secret::CANARY,
    shape::shape,
};
use end_to_end::Inventory;
use serde_json::Value;

/// The shape of a whole environment.
pub type Whole = Vec<String>;

/// Fails unless the environment is whole, or nothing is left of it, or just what it lists.
pub async fn at_rest(run: &Run, whole: &Whole) -> Result<String, String> {
    let status = status(run).await;
    let there = run.inventory().await;
    untouched(run, &there)?;
    let ours = there.since(&run.foreign());
    match status.as_str() {
        "ACTIVE" => is_whole(&shape(&ours, &run.account.id), whole)?,
        "DELETED" | "FAILED" | "" => {
            is_gone(run, &ours).await?;
            if !status.is_empty() {
                is_free(run).await?;
            }
        }
        // Nothing of it was removed; a repair makes it whole, which is seen to below.
        "UPDATE_FAILED" => {
            if ours.len() > whole.len() {
                return Err(format!("UPDATE_FAILED with {} things instead of {}:\n{ours}", ours.len(), whole.len()));
            }
        }
        "DELETE_FAILED" => lists_what_is_left(run, &ours).await?,
        other => return Err(format!("it came to rest as {other}")),
    }
    is_secret(run).await?;
    Ok(status)
}

/// Fails unless an environment that nobody knows any more is just as it was.
pub async fn is_forgotten_and_untouched(run: &Run, whole: &Whole) -> Result<(), String> {
    let there = run.inventory().await;
    untouched(run, &there)?;
    is_whole(&shape(&there.since(&run.foreign()), &run.account.id), whole)?;
    // The line that the metric and its alarm count: see the template.
    let is_told = || run.logs.text().contains("\"stray\":\"REPORTED\"");
    if !is_told() {
        // What one survey could not judge is for the next, an hour later.
        run.survey().await;
    }
    if !is_told() {
        return Err("nobody was told of what has no record".to_owned());
    }
    is_secret(run).await
}

/// Fails unless the request was refused for want of room, and nothing was made or kept of it.
pub async fn no_room(run: &Run, reply: &Reply) -> Result<(), String> {
    if (reply.status, reply.body["code"].as_str()) != (422, Some("QUOTA_EXCEEDED")) {
        return Err(format!("it was answered {}: {}", reply.status, reply.body));
    }
    let there = run.inventory().await;
    untouched(run, &there)?;
    let ours = there.since(&run.foreign());
    if !ours.is_empty() {
        return Err(format!("refused, and this was made:\n{ours}"));
    }
    is_free(run).await?;
    is_secret(run).await
}

/// Repeats the request or the delete until everything is at its end, and fails unless that is clean.
pub async fn comes_to_an_end(run: &Run, life: Life, whole: &Whole) -> Result<(), String> {
    if life == Life::Repair {
        let id = run.table.environment().await.unwrap_or_default();
        let reply = run.repair(&id).await;
        run.settle().await;
        let status = status(run).await;
        // A delete that was asked for meanwhile goes before, also where it has not come to its end.
        if !["DELETED", "DELETE_FAILED"].contains(&status.as_str()) {
            if reply.status != 202 || status != "ACTIVE" {
                return Err(format!("the repeated repair was answered {} and ended {status}", reply.status));
            }
            let ours = run.inventory().await.since(&run.foreign());
            is_whole(&shape(&ours, &run.account.id), whole)?;
        }
    }
    if !life.begins_active() {
        let reply = run.post().await;
        if reply.status >= 500 {
            return Err(format!("the repeated request was answered {}: {}", reply.status, reply.body));
        }
        run.settle().await;
    }
    if let Some(id) = run.table.environment().await {
        let reply = run.delete(&id).await;
        if ![200, 202].contains(&reply.status) {
            return Err(format!("the delete was answered {}: {}", reply.status, reply.body));
        }
        run.settle().await;
        let status = status(run).await;
        if status != "DELETED" {
            let shown = run.get(&id).await;
            return Err(format!("the repeated delete ended {status}: {}", shown.body["operations"][0]["verdict"]));
        }
        is_free(run).await?;
    }
    let there = run.inventory().await;
    untouched(run, &there)?;
    let ours = there.since(&run.foreign());
    is_gone(run, &ours).await?;
    run.account.broadcast.is_one_story()?;
    is_secret(run).await
}

/// Fails where anything is left, but for a work pool that Prefect did not let go of: the record must say so, and why.
async fn is_gone(run: &Run, ours: &Inventory) -> Result<(), String> {
    let shown = match run.table.environment().await {
        Some(id) if !ours.is_empty() => run.get(&id).await.body,
        _ => Value::Null,
    };
    let resources = shown["resources"].as_array().map(Vec::as_slice).unwrap_or_default();
    let is_retained = |line: &String| {
        let name = line.strip_prefix("work-pool ").and_then(|rest| rest.split(' ').next());
        resources.iter().any(|resource| {
            let says_why = resource["state"] == "RETAINED" && resource["error"].is_object();
            says_why && name.is_some_and(|name| resource["type"] == "Prefect::WorkPool" && resource["id"] == name)
        })
    };
    let lines = ours.lines();
    let left: Vec<&String> = lines.iter().filter(|line| !is_retained(line)).collect();
    if left.is_empty() { Ok(()) } else { Err(format!("ended as {} and not gone: {left:#?}", shown["status"])) }
}

/// Fails where anything of somebody else's is gone or changed.
pub fn untouched(run: &Run, there: &Inventory) -> Result<(), String> {
    let difference = there.difference_from(&run.foreign());
    let touched: Vec<&String> = difference.iter().filter(|line| line.starts_with('-')).collect();
    if touched.is_empty() { Ok(()) } else { Err(format!("something foreign was touched: {touched:#?}")) }
}

pub fn is_whole(shape: &[String], whole: &Whole) -> Result<(), String> {
    // A twin is one line too many.
    let mut missing = whole.clone();
    let mut other = shape.to_vec();
    other.retain(|line| match missing.iter().position(|wanted| wanted == line) {
        Some(at) => {
            missing.remove(at);
            false
        }
        None => true,
    });
    if missing.is_empty() && other.is_empty() {
        return Ok(());
    }
    Err(format!("not whole:\nmissing: {missing:#?}\nmore than there should be: {other:#?}"))
}

async fn is_free(run: &Run) -> Result<(), String> {
    let kept = run.table.kept().await;
    if kept.is_empty() { Ok(()) } else { Err(format!("ended and not free: {kept:?}")) }
}

/// Fails unless what is left is what the record lists.
async fn lists_what_is_left(run: &Run, ours: &Inventory) -> Result<(), String> {
    let id = run.table.environment().await.unwrap_or_default();
    let shown = run.get(&id).await.body;
    let left = shown["operations"][0]["verdict"]["left_behind"].as_array().cloned().unwrap_or_default();
    if left.is_empty() {
        return Err(format!("DELETE_FAILED and lists nothing: {shown}"));
    }
    let ids: Vec<&str> = left.iter().filter_map(|one| one["id"].as_str()).collect();
    let lines = ours.lines();
    let listed = |line: &String| {
        let id = line.split(' ').nth(1).unwrap_or_default();
        // What AWS puts into every VPC goes with it, and the tasks of a service with the service.
        let is_task = line.starts_with("task ") && ids.iter().any(|id| id.contains(":service/"));
        let is_of_aws = is_task
            || !line.contains("prefect-environments:id")
                && ids.iter().any(|id| id.starts_with("vpc-") && line.contains(id));
        is_of_aws
            || ids.iter().any(|one| one == &id || one.ends_with(&format!("/{id}")) || one.ends_with(&format!(":{id}")))
    };
    let unlisted: Vec<&String> = lines.iter().filter(|line| !listed(line)).collect();
    let absent: Vec<&Value> = left
        .iter()
        // Parts of others have no line of their own, and what the worker may have registered may be nothing.
        .filter(|one| {
            let starts =
                |id: &str| ["rtbassoc-", "prefect_", "arn:aws:autoscaling:"].iter().any(|it| id.starts_with(it));
            let has_no_line = |id: &str| id.contains('|') || starts(id);
            one["id"].as_str().is_some_and(|id| !has_no_line(id))
        })
        .filter(|one| {
            let id = one["id"].as_str().unwrap_or_default();
            !lines.iter().any(|line| {
                let there = line.split(' ').nth(1).unwrap_or_default();
                id == there || id.ends_with(&format!("/{there}")) || id.ends_with(&format!(":{there}"))
            })
        })
        .collect();
    if unlisted.is_empty() && absent.is_empty() {
        return Ok(());
    }
    Err(format!(
        "DELETE_FAILED lists {left:#?}\nthere and not listed: {unlisted:#?}\nlisted and not there: {absent:#?}"
    ))
}

/// Fails where the secret was seen.
pub async fn is_secret(run: &Run) -> Result<(), String> {
    let mut seen = run.account.leaks();
    let logs = run.logs.text();
    seen.extend(logs.lines().filter(|line| line.contains(CANARY)).map(|line| format!("the log: {line}")));
    let items = run.table.items().await;
    seen.extend(
        items.iter().filter(|item| format!("{item:?}").contains(CANARY)).map(|item| format!("the table: {item:?}")),
    );
    if seen.is_empty() { Ok(()) } else { Err(format!("the secret was seen: {seen:#?}")) }
}
