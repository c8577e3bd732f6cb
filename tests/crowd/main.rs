//! Fifty environments at once, on the deployed stack, with AWS asking to slow down.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a surprise ends the test")]

mod throttled;

use end_to_end::{
    Inventory, Stage,
    api::{list, text},
    requests::{request, unique},
    waiting::until_within,
};
use futures::future::join_all;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    io::Write,
    time::{Duration, Instant},
};
use throttled::Repeats;

/// How many.
const CROWD: usize = 50;
/// The local cloud is one process: fifty environments take as long as its calls do, one after another.
const PATIENCE: Duration = Duration::from_secs(1500);

#[tokio::test]
async fn fifty_environments_come_and_go_at_once_and_every_refused_call_backs_off() {
    let stage = Stage::set().await;
    let before = Inventory::take(&stage.cloud).await;

    let began = Instant::now();
    let bodies: Vec<_> = (0..CROWD).map(|_| request(&unique("crowd"))).collect();
    let ids = join_all(bodies.iter().map(|body| stage.request(body))).await;
    all_become(&stage, &ids, "ACTIVE").await;
    let made = began.elapsed();
    let began = Instant::now();
    let deletes = join_all(ids.iter().map(|id| stage.api.delete(id))).await;
    deletes.iter().for_each(|answer| drop(answer.expect(202)));
    all_become(&stage, &ids, "DELETED").await;
    let removed = began.elapsed();

    Inventory::take(&stage.cloud).await.must_be_as(&before, "after fifty environments came and went");
    let repeats = Repeats::read();
    // Past the test harness, which shows what a test prints only when it fails.
    let mut out = std::io::stdout();
    writeln!(out, "{CROWD} created in {:.0} s, deleted in {:.0} s", made.as_secs_f64(), removed.as_secs_f64()).unwrap();
    writeln!(out, "{repeats}").unwrap();
    repeats.must_back_off();
}

/// Waits until every environment is as wanted, and fails as soon as one has come to another end. One list shows all of
/// them: fifty that are asked for one by one would keep the local cloud busier than their making does.
async fn all_become(stage: &Stage, ids: &[String], wanted: &str) {
    let is_at_rest = |status: &str| ["ACTIVE", "FAILED", "DELETED", "DELETE_FAILED"].contains(&status);
    // What is to be deleted was at rest before.
    let is_wrong =
        |status: &str| status != wanted && is_at_rest(status) && !(wanted == "DELETED" && status == "ACTIVE");
    until_within(PATIENCE, &format!("all are {wanted}"), || async {
        let statuses = statuses(stage).await.ok_or("the service cannot answer now")?;
        let of_ours = ids.iter().map(|id| (id, statuses.get(id).map_or("DELETED", String::as_str)));
        let others: Vec<_> = of_ours.filter(|(_, status)| *status != wanted).collect();
        if let Some((id, _)) = others.iter().find(|(_, status)| is_wrong(status)) {
            panic!("not {wanted}: {}", stage.api.read(id).await);
        }
        if others.is_empty() { Ok(()) } else { Err(format!("{} are not: {others:?}", others.len())) }
    })
    .await;
}

/// The status of each environment that the list shows: of all but the deleted ones. `None` where the service asks to
/// come again: one local cloud serves them all, and fifty executions that begin at once keep it from answering in time.
async fn statuses(stage: &Stage) -> Option<BTreeMap<String, String>> {
    let (mut statuses, mut next) = (BTreeMap::new(), Some(String::new()));
    while let Some(token) = next {
        let answer = stage.api.get(&format!("/environments?page_size=100{token}")).await;
        if answer.status == 503 {
            return None;
        }
        let page = answer.expect(200);
        let one = |item: &Value| (text(&item["id"]).to_owned(), text(&item["status"]).to_owned());
        statuses.extend(list(&page["items"]).iter().map(one));
        next = page["next_page_token"].as_str().map(|token| format!("&page_token={token}"));
    }
    Some(statuses)
}
