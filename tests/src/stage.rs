//! A test's stage: the API on one side, AWS on the other.

use crate::{
    api::{Api, Environment, text},
    cloud::Cloud,
    functions::Functions,
    inventory::{Inventory, Marks},
    service::Service,
    signing::Sender,
    table::Table,
    waiting::until,
};
use aws_sdk_sfn::types::ExecutionStatus;
use http::Request;
use serde_json::Value;
use std::collections::BTreeMap;

/// Everything a test looks at. Each test has its own, since each runs on a runtime of its own.
#[derive(Debug)]
pub struct Stage {
    /// The API.
    pub api: Api,
    /// AWS.
    pub cloud: Cloud,
    /// The service's functions.
    pub functions: Functions,
    /// The service's records.
    pub table: Table,
}

impl Stage {
    /// Sets the stage.
    pub async fn set() -> Stage {
        let cloud = Cloud::local().await;
        let table = Table::of(&cloud);
        Stage { api: Api::default(), cloud, functions: Functions::default(), table }
    }

    /// Requests an environment. Its id.
    pub async fn request(&self, body: &Value) -> String {
        let accepted = Environment(self.api.create(body).await.expect(202));
        accepted.id().to_owned()
    }

    /// Requests an environment and waits until it is `ACTIVE`.
    pub async fn create(&self, body: &Value) -> Environment {
        let id = self.request(body).await;
        self.api.at_rest(&id).await.must_be("ACTIVE")
    }

    /// Requests an environment and waits until its create has been rolled back.
    pub async fn create_in_vain(&self, body: &Value) -> Environment {
        let id = self.request(body).await;
        self.api.at_rest(&id).await.must_be("FAILED")
    }

    /// Deletes an environment and waits until it is `DELETED`.
    pub async fn delete(&self, id: &str) -> Environment {
        self.api.delete(id).await.expect(202);
        self.api.at_rest(id).await.must_be("DELETED")
    }

    /// Deletes an environment and looks whether anything of it is left.
    pub async fn ends_without_a_trace(&self, environment: &Environment) {
        let deleted = self.delete(environment.id()).await;
        self.inventory_of(&environment.marks()).await.must_be_empty(&format!("after the delete of {}", deleted.id()));
    }

    /// Runs one of the machines that a schedule starts, as that would, and waits until it is through. Its output.
    pub async fn run(&self, machine: &str) -> Value {
        let executions = &self.cloud.executions;
        let arn = format!("{}-{machine}", Service::under_test().state_machine_arn);
        let start = executions.start_execution().state_machine_arn(arn).input("{}").send().await;
        let execution = start.expect("start an execution").execution_arn;
        let what = format!("the {machine} is through");
        let output = until(&what, || async {
            let look = executions.describe_execution().execution_arn(&execution).send().await;
            let look = look.expect("look at an execution");
            match look.status() {
                ExecutionStatus::Succeeded => Ok(look.output.unwrap_or_default()),
                ExecutionStatus::Running => Err("it runs".to_owned()),
                other => panic!("the {machine} is {other}: {look:?}"),
            }
        });
        serde_json::from_str(&output.await).expect("an output is JSON")
    }

    /// A hosted zone as Route 53 describes it, in XML.
    pub async fn hosted_zone(&self, id: &str) -> String {
        let uri = format!("{}/2013-04-01/hostedzone/{id}", Service::under_test().endpoint);
        let request = Request::get(uri).body(Vec::new()).expect("a request");
        let reply = Sender::default().send_signed("route53", request).await;
        assert_eq!(reply.status, 200, "hosted zone {id}: {}", reply.text);
        reply.text
    }

    /// What is there of an environment.
    pub async fn inventory_of(&self, marks: &Marks) -> Inventory {
        Inventory::take(&self.cloud).await.of(marks)
    }
}

impl Environment {
    /// The physical id of every resource.
    pub fn ids(&self) -> BTreeMap<String, Value> {
        let id = |resource: &Value| (text(&resource["key"]).to_owned(), resource["id"].clone());
        self.resources().iter().map(id).collect()
    }

    /// The resources whose physical ids are not those of before.
    pub fn changed_since(&self, before: &Environment) -> Vec<String> {
        let before = before.ids();
        self.ids().into_iter().filter(|(key, id)| before.get(key) != Some(id)).map(|(key, _)| key).collect()
    }

    /// What its things can be told by.
    pub fn marks(&self) -> Marks {
        let vpc = self.resources().iter().find(|resource| resource["key"] == "network/vpc");
        Marks {
            name: self.0["name"].as_str().unwrap_or_default().to_owned(),
            id: self.id().to_owned(),
            vpc: vpc.and_then(|vpc| vpc["id"].as_str()).unwrap_or_default().to_owned(),
        }
    }
}
