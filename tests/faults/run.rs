//! One run: an account with a table of its own, the functions over it, and everything that moves them.

use crate::{
    account::Account,
    cloud::{Upstream, new_account},
    functions::{Functions, by_hand, outside},
    happening::Happening,
    invocation::{Death, Ended, Event, Invocation},
    logs::Logs,
    machine::{Asked, Execution, Status},
    records::Table,
    secret::CANARY,
};
use aws_config::SdkConfig;
use axum::body::to_bytes;
use end_to_end::{Cloud, Inventory};
use engine::Clock;
use http::{Method, Request, header};
use jiff::{SignedDuration, Timestamp};
use lambda_http::{aws_lambda_events::apigw::ApiGatewayV2httpRequestContext, request::RequestContext};
use rules::Settings;
use serde_json::{Value, json};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicU64, Ordering},
};
use tower::ServiceExt;

/// When Lambda ends a function.
const FUNCTION: SignedDuration = SignedDuration::from_secs(30);
/// The schedule of the sweep.
const SWEEP: SignedDuration = SignedDuration::from_mins(1);
/// Longer than any operation may take, with all its second tries.
const TOO_LONG: SignedDuration = SignedDuration::from_hours(12);
/// The environment's name.
pub const NAME: &str = "blue";
/// The image that it is changed to.
pub const CHANGED_IMAGE: &str = "registry.example.com/worker:2";
/// Its team.
pub const TEAM: &str = "data";

/// One run.
pub struct Run {
    /// The account.
    pub account: Arc<Account>,
    /// The account as seen by an auditor.
    pub cloud: Cloud,
    /// The table, behind the functions' backs.
    pub table: Table,
    /// The account for somebody who changes things by hand.
    pub hand: Cloud,
    /// What the functions log.
    pub logs: Logs,
    functions: Functions,
    /// What was there when the run began, and what others have made since.
    foreign: Mutex<Inventory>,
    /// The Task that is running.
    running: Mutex<Option<Asked>>,
    begun: Timestamp,
    /// Whether the request of this run is a change.
    is_changed: AtomicBool,
}

/// An answer of the API.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status; 500 where the function died.
    pub status: u16,
    /// The body.
    pub body: Value,
}

impl Run {
    /// A run in a new account.
    pub async fn new(clouds: &[String], product: &SdkConfig, settings: Settings) -> Run {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let url = &clouds[usize::try_from(count).unwrap_or_default() % clouds.len()];
        let id = new_account(count);
        let account = Account::new(&id, Upstream::to(url), settings);
        let cloud = Cloud::of(&outside(&account));
        let hand = Cloud::of(&by_hand(&account));
        let table = Table::make(&cloud).await;
        let functions = Functions::new(&account, product);
        let foreign = Mutex::new(Inventory::take(&cloud).await);
        let begun = account.clock.now();
        Run {
            account,
            cloud,
            table,
            logs: Logs::default(),
            functions,
            hand,
            foreign,
            running: Mutex::default(),
            begun,
            is_changed: AtomicBool::default(),
        }
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.account.clock.now()
    }

    /// Everything that is there now, in AWS and in Prefect.
    pub async fn inventory(&self) -> Inventory {
        Inventory::take(&self.cloud).await.with_work_pools(&self.account.work_pools())
    }

    /// What is not the product's to touch.
    pub fn foreign(&self) -> Inventory {
        self.foreign.lock().expect("no holder panics").clone()
    }

    /// Whatever was made by this is somebody else's.
    pub async fn by_others(&self, work: impl Future<Output = ()>) {
        let before = self.inventory().await;
        work.await;
        let made = self.inventory().await.since(&before);
        self.foreign.lock().expect("no holder panics").add_all(&made);
    }

    /// Asks for the environment, under the one key.
    pub async fn post(&self) -> Reply {
        let body = json!({
            "name": NAME,
            "team": TEAM,
            "prefect": {
                "account_id": end_to_end::requests::ACCOUNT,
                "workspace_id": end_to_end::requests::WORKSPACE,
                "api_key": CANARY,
            },
            "worker": {"autoscaling": {"max": 3}},
        });
        self.ask(Method::POST, "/environments", "POST", Some(body)).await
    }

    /// Asks for the environment to be gone.
    pub async fn delete(&self, id: &str) -> Reply {
        self.ask(Method::DELETE, &format!("/environments/{id}"), "DELETE", None).await
    }

    /// Asks for the environment to be made as it should be.
    pub async fn repair(&self, id: &str) -> Reply {
        self.ask(Method::POST, &format!("/environments/{id}/repair"), "repair", None).await
    }

    /// Asks for the environment to be changed, under a key.
    pub async fn update(&self, id: &str, key: &str) -> Reply {
        self.is_changed.store(true, Ordering::Relaxed);
        let patch = json!({
            "worker": {
                "image": CHANGED_IMAGE, "cpu": 1024, "memory": 2048, "capacity": "FARGATE_SPOT", "autoscaling": null
            },
            "log_retention_days": 7,
            "tags": {"cost": "2"},
            "prefect": {"api_key": format!("{CANARY}-changed"), "worker_api_key": format!("{CANARY}-of-the-worker")},
        });
        self.ask_under(key, Method::PATCH, &format!("/environments/{id}"), "PATCH", Some(patch)).await
    }

    /// The image that the worker runs from.
    pub async fn image(&self) -> Option<String> {
        let cluster = format!("{NAME}-cluster");
        let look = self.cloud.ecs.describe_services().cluster(cluster).services("dev-worker").send().await.ok()?;
        let definition = look.services().first()?.task_definition()?.to_owned();
        let look = self.cloud.ecs.describe_task_definition().task_definition(definition).send().await.ok()?;
        let containers = look.task_definition?.container_definitions.unwrap_or_default();
        containers.into_iter().next()?.image
    }

    /// The key that is read from a secret where no version is named.
    pub async fn key_in(&self, secret: &str) -> Option<String> {
        let read = self.cloud.secrets.get_secret_value().secret_id(format!("{NAME}{secret}")).send().await.ok()?;
        read.secret_string
    }

    /// Reads the environment, as callers do: again where the service could not answer just then.
    pub async fn get(&self, id: &str) -> Reply {
        let mut reply = self.ask(Method::GET, &format!("/environments/{id}"), "GET", None).await;
        if reply.status == 503 {
            reply = self.ask(Method::GET, &format!("/environments/{id}"), "GET", None).await;
        }
        reply
    }

    async fn ask(&self, method: Method, path: &str, label: &str, body: Option<Value>) -> Reply {
        self.ask_under("one-key", method, path, label, body).await
    }

    async fn ask_under(&self, key: &str, method: Method, path: &str, label: &str, body: Option<Value>) -> Reply {
        let mut request = Request::builder().method(method).uri(path);
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json").header("idempotency-key", key);
        }
        let mut request = request.body(body.map(|body| body.to_string()).unwrap_or_default()).expect("a request");
        request.extensions_mut().insert(signed(&self.account.id));
        let label = format!("api.{label}");
        let answer = self.invoke(&label, async |_| {
            let response = api::router(self.functions.service.clone()).oneshot(request).await;
            let response = response.unwrap_or_else(|never| match never {});
            let status = response.status().as_u16();
            let body = to_bytes(response.into_body(), usize::MAX).await.expect("a body");
            let text = String::from_utf8_lossy(&body).into_owned();
            Reply { status, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) }
        });
        match answer.await {
            Ended::Answered(reply) => {
                self.account.note(&reply.body.to_string());
                reply
            }
            // What API Gateway says of a function that died.
            Ended::Died(_) => Reply { status: 500, body: json!({"message": "Internal Server Error"}) },
        }
    }

    /// Invokes a function, whatever happens to it.
    async fn invoke<T>(&self, label: &str, work: impl AsyncFnOnce(&Arc<Invocation>) -> T) -> Ended<T> {
        let deadline = self.now() + FUNCTION;
        let (invocation, mut events) = Invocation::new(label, deadline);
        let mut work = Box::pin(Arc::clone(&invocation).run(work(&invocation)));
        loop {
            tokio::select! {
                biased;
                event = events.recv() => match event.expect("the invocation lives") {
                    Event::Dies(death) => {
                        if death == Death::Timeout {
                            self.account.clock.advance_to(deadline);
                        }
                        return Ended::Died(death);
                    }
                    Event::Meanwhile(happening, done) => {
                        let happens: std::pin::Pin<Box<dyn Future<Output = ()> + '_>> = Box::pin(self.happen(happening));
                        happens.await;
                        let _ = done.send(());
                    }
                },
                answer = &mut work => return Ended::Answered(answer),
            }
        }
    }

    async fn happen(&self, happening: Happening) {
        match happening {
            Happening::Invoked { function, payload } => {
                let answer = self.call(&function, payload).await;
                self.account.was_answered(answer);
            }
            Happening::DeleteAsked(times) => {
                for _ in 0..times {
                    if let Some(id) = self.table.environment().await {
                        self.delete(&id).await;
                    }
                }
            }
            Happening::RequestRepeated => {
                match self.table.environment().await {
                    // Who asks for what exists already asks for the change of it.
                    Some(id) if self.is_changed.load(Ordering::Relaxed) => self.update(&id, "one-key").await,
                    _ => self.post().await,
                };
            }
            Happening::ExecutionStopped => self.stop_executions(),
            Happening::ExecutionRedriven => {
                let mut all = self.account.executions.all();
                let now = self.now();
                all.iter_mut().filter(|one| one.status == Status::Running).for_each(|one| one.redrive(now));
            }
            Happening::ExecutionStartedByHand => {
                let mut all = self.account.executions.all();
                let input = all.iter().find(|one| one.status == Status::Running).map(|one| one.input.clone());
                all.extend(input.map(|input| Execution::new("by-hand", input, self.now())));
            }
            Happening::SecondInvocation => {
                let asked = self.running.lock().expect("no holder panics").clone();
                if let Some(asked) = asked {
                    let _ = self.call(&asked.function, asked.payload).await;
                }
            }
            Happening::TwinMade => self.by_others(self.account.make_twin()).await,
        }
    }

    /// Somebody stops every execution. Functions that are at work stay at work.
    pub fn stop_executions(&self) {
        let mut all = self.account.executions.all();
        all.iter_mut().filter(|one| one.status == Status::Running).for_each(|one| one.status = Status::Aborted);
    }

    /// Calls a function as the state machine does.
    async fn call(&self, function: &str, payload: Value) -> Result<Value, String> {
        let word = |name: &str| payload[name].as_str().unwrap_or(function).to_owned();
        let label = format!("{}.{}", word("step"), word("action"));
        self.account.note(&payload.to_string());
        let answer = self.invoke(&label, async |invocation| {
            let own = engine::Invocation { id: invocation.id.clone(), deadline: invocation.deadline };
            self.functions.call(function, payload, &own).await
        });
        let answer = match answer.await {
            Ended::Answered(answer) => answer,
            Ended::Died(Death::Exit) => Err("Runtime.ExitError".to_owned()),
            Ended::Died(Death::Timeout) => Err("Sandbox.Timedout".to_owned()),
        };
        self.account.note(&format!("{answer:?}"));
        answer
    }

    /// Lets the schedule come.
    pub async fn sweep(&self) {
        // A sweep that fails raises an alarm and is followed by the next.
        let _ = self.call("operation", json!({"action": "sweep"})).await;
    }

    /// Lets the survey look for what belongs to no living environment: `state-machine/survey.asl.json`, which has no
    /// more to it than this.
    pub async fn survey(&self) {
        let mut surveys = Vec::new();
        for group in ["network", "identity", "cluster", "worker"] {
            let seen = self.call(group, json!({"action": "survey"})).await;
            surveys.push(seen.unwrap_or_else(|_| json!({"strays": [], "whole": false})));
        }
        let _ = self.call("operation", json!({"action": "judge", "surveys": surveys})).await;
    }

    /// Lets a round of the watch look at this environment's worker, as `state-machine/watch.asl.json` does. It is listed,
    /// or the round has failed as a whole; whatever happens to the look, it is counted: as seen, or as unseen.
    pub async fn watch(&self, id: &str) -> Reply {
        let failed = |error: String| Reply { status: 500, body: Value::String(error) };
        let listed = self.call("operation", json!({"action": "watchlist", "after": null})).await;
        let batches = match listed {
            Ok(answer) => answer["watchlist"]["batches"].clone(),
            Err(error) => return failed(error),
        };
        assert_eq!(batches, json!([[id]]), "whose workers are watched");
        let seen = self.call("worker", json!({"action": "watch", "environments": batches[0]})).await;
        let seen = seen.unwrap_or_else(|_| json!({"watched": 1, "workers_unseen": 1}));
        let tally = json!({"action": "tally", "so_far": {}, "seen": [seen], "is_last": true});
        let counted = self.call("operation", tally).await.expect("counting asks nobody");
        let Value::Object(tally) = &counted["tally"] else { panic!("nothing was counted: {counted}") };
        let told = ["watched", "workers_offline", "tasks_crashed", "dead_letters"].map(|name| tally[name].clone());
        assert_eq!(told, [json!(1), json!(0), json!(0), json!(0)], "no fault makes a worker offline: {counted}");
        Reply { status: 200, body: counted }
    }

    /// Lets everything go on until nobody has anything left to do: executions, and the sweep every minute.
    pub async fn settle(&self) {
        let mut next_sweep = self.now() + SWEEP;
        loop {
            assert!(self.now() < self.begun + TOO_LONG, "stuck: nothing has come to an end in {TOO_LONG:#}");
            let next = {
                let all = self.account.executions.all();
                let running = all.iter().enumerate().filter(|(_, one)| one.status == Status::Running);
                running.map(|(index, one)| (one.at(), index)).min()
            };
            match next {
                Some((at, index)) if at < next_sweep => {
                    self.account.clock.advance_to(at);
                    self.go_on_with(index).await;
                }
                Some(_) => {
                    self.account.clock.advance_to(next_sweep);
                    self.sweep().await;
                    next_sweep = self.now() + SWEEP;
                }
                None => {
                    let Some(due) = self.table.unfinished_until().await else { return };
                    // Nothing happens before somebody is due.
                    while next_sweep < due {
                        next_sweep += SWEEP;
                    }
                    self.account.clock.advance_to(next_sweep);
                    self.sweep().await;
                    next_sweep = self.now() + SWEEP;
                }
            }
        }
    }

    /// Lets one execution go on by one state.
    async fn go_on_with(&self, index: usize) {
        let (asked, redriven) = {
            let execution = &mut self.account.executions.all()[index];
            (execution.go_on(&self.account), execution.redriven)
        };
        let Some(asked) = asked else { return };
        *self.running.lock().expect("no holder panics") = Some(asked.clone());
        let answer = self.call(&asked.function, asked.payload.clone()).await;
        let mut all = self.account.executions.all();
        // Somebody may have stopped or redriven it meanwhile: then nobody hears this answer.
        if all[index].status == Status::Running && all[index].redriven == redriven {
            all[index].answered(&asked, answer, &self.account);
        }
    }
}

/// The caller, as API Gateway has authenticated it.
fn signed(account: &str) -> RequestContext {
    let context: ApiGatewayV2httpRequestContext = serde_json::from_value(json!({
        "requestId": "request-1",
        "http": {"method": "GET", "path": "/", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "test"},
        "authorizer": {"iam": {"userArn": format!("arn:aws:sts::{account}:assumed-role/team-data/ada")}}
    }))
    .expect("a request context");
    RequestContext::ApiGatewayV2(context)
}
