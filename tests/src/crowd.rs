//! Many environments at once, waited for together.

use crate::{
    api::{Environment, list, text},
    stage::Stage,
    waiting::until_within,
};
use serde_json::Value;
use std::{collections::BTreeMap, time::Duration};

/// The local cloud is one process: many environments take as long as all their calls do, one after another.
const PATIENCE: Duration = Duration::from_secs(1500);
/// Statuses in which nobody works on an environment.
const AT_REST: [&str; 4] = ["ACTIVE", "FAILED", "DELETED", "DELETE_FAILED"];

impl Stage {
    /// Waits until every environment is as wanted, and fails as soon as one has come to another end. One list shows all
    /// of them: many that are asked for one by one would keep the local cloud busier than their making does.
    #[expect(clippy::panic, reason = "a surprise ends the test")]
    pub async fn all_become(&self, ids: &[String], wanted: &str) {
        // What is to be deleted was at rest before.
        let is_before = |status: &str| wanted == "DELETED" && status == "ACTIVE";
        let is_wrong = |status: &str| status != wanted && AT_REST.contains(&status) && !is_before(status);
        until_within(PATIENCE, &format!("all are {wanted}"), || async {
            let statuses = self.statuses().await.ok_or("the service cannot answer now")?;
            let of_ours = ids.iter().map(|id| (id, statuses.get(id).map_or("DELETED", String::as_str)));
            let others: Vec<_> = of_ours.filter(|(_, status)| *status != wanted).collect();
            if let Some((id, _)) = others.iter().find(|(_, status)| is_wrong(status)) {
                let environment = self.api.read(id).await;
                panic!("not {wanted}: {environment}\n{:#?}", self.failures_of(&environment).await);
            }
            if others.is_empty() { Ok(()) } else { Err(format!("{} are not: {others:?}", others.len())) }
        })
        .await;
    }

    /// What went wrong in the newest operation's execution, as the Step Functions console tells it.
    async fn failures_of(&self, environment: &Environment) -> Vec<String> {
        let execution = text(&environment.operation()["execution_arn"]);
        let history = self.cloud.executions.get_execution_history().execution_arn(execution).into_paginator().items();
        let events = history.send().collect::<Result<Vec<_>, _>>().await.expect("the execution's history");
        let failures = events.iter().filter(|event| {
            let kind = event.r#type().as_str();
            ["Failed", "TimedOut", "Aborted"].iter().any(|word| kind.ends_with(word))
        });
        failures.map(|event| format!("{event:?}")).collect()
    }

    /// The status of each environment that the list shows: of all but the deleted ones. `None` where the service asks to
    /// come again: many executions that begin at once keep one local cloud from answering in time.
    async fn statuses(&self) -> Option<BTreeMap<String, String>> {
        let (mut statuses, mut next) = (BTreeMap::new(), Some(String::new()));
        while let Some(token) = next {
            let answer = self.api.get(&format!("/environments?page_size=100{token}")).await;
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
}
