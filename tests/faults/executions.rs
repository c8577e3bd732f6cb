//! Step Functions, as far as the functions ask it: executions are started once under their name, and shown.

use crate::machine::{Execution, Status};
use jiff::Timestamp;
use rules::{Answer, Call, Response};
use serde_json::{Value, json};
use std::sync::{Mutex, MutexGuard};

/// The executions of the state machine.
#[derive(Debug, Default)]
pub struct Executions(Mutex<Vec<Execution>>);

/// An answer of Step Functions.
#[derive(Debug)]
pub enum Said {
    /// Success.
    Yes(Value),
    /// A refusal.
    No(Box<Answer>),
}

impl Said {
    /// As a response.
    pub fn into_response(self) -> Response {
        match self {
            Said::Yes(value) => Response {
                status: 200,
                headers: vec![("content-type".to_owned(), "application/x-amz-json-1.0".to_owned())],
                body: value.to_string().into_bytes(),
            },
            Said::No(refusal) => refusal.into_response(),
        }
    }
}

impl Executions {
    /// All of them.
    pub fn all(&self) -> MutexGuard<'_, Vec<Execution>> {
        self.0.lock().expect("no holder panics")
    }

    /// Answers a call.
    pub fn answer(&self, call: &Call, now: Timestamp) -> Said {
        let mut all = self.all();
        match call.action.as_str() {
            "StartExecution" => {
                let (machine, name) = (call.text("stateMachineArn"), call.text("name"));
                let input: Value = serde_json::from_str(call.text("input")).expect("an input is JSON");
                match all.iter().find(|one| one.name == name) {
                    Some(one) if one.status != Status::Running || one.input != input => {
                        return Said::No(Box::new(Answer::error(call, "ExecutionAlreadyExists", "It exists.")));
                    }
                    Some(_) => {}
                    None => all.push(Execution::new(name, input, now)),
                }
                let arn = format!("{}:{name}", machine.replacen(":stateMachine:", ":execution:", 1));
                Said::Yes(json!({"executionArn": arn, "startDate": now.as_second()}))
            }
            "DescribeExecution" => {
                let arn = call.text("executionArn");
                let name = arn.rsplit(':').next().unwrap_or_default();
                let Some(one) = all.iter().find(|one| one.name == name) else {
                    return Said::No(Box::new(Answer::error(call, "ExecutionDoesNotExist", "It does not exist.")));
                };
                Said::Yes(json!({
                    "executionArn": arn, "name": name, "status": one.status.as_str(), "startDate": now.as_second(),
                    "stateMachineArn": arn.replacen(":execution:", ":stateMachine:", 1),
                }))
            }
            other => panic!("states:{other} is not understood"),
        }
    }
}
