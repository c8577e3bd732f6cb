//! A run's own AWS account: every call of the functions comes through here.
//!
//! A function's calls go out one at a time, in the order in which it made them, so that a run can be repeated. A call is written down,
//! meets its fault if it has one, and is answered: by this account itself where it starts or asks after executions,
//! otherwise by AWS's rules over the local cloud.

use crate::{
    broadcast::Broadcast,
    clock::VirtualClock,
    cloud::Upstream,
    executions::Executions,
    fault::{Planned, Then, Treatment},
    happening::Happening,
    invocation::{Death, Invocation},
    journal::{Line, Name, Names, Part},
    second::Wake,
    secret::CANARY,
};
use aws_smithy_runtime_api::{
    client::{
        http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
        runtime_components::RuntimeComponents,
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use engine::Clock;
use jiff::SignedDuration;
use rules::{Aws, Call, LocalCloud, Misfortunes, Request, Response, Settings};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// No call takes no time.
const TICK: SignedDuration = SignedDuration::from_millis(5);
/// How long the SDK waits for an answer.
const ATTEMPT: SignedDuration = SignedDuration::from_secs(5);
/// More calls than any run should need.
const TOO_MANY: usize = 6000;

/// A run's account.
#[derive(Debug)]
pub struct Account {
    /// Its number.
    pub id: String,
    /// Its time.
    pub clock: Arc<VirtualClock>,
    /// Executions of the state machine.
    pub executions: Executions,
    /// What the table and EventBridge were told of statuses.
    pub broadcast: Broadcast,
    upstream: Upstream,
    aws: Aws,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    part: Part,
    lines: Vec<Line>,
    counts: BTreeMap<Name, u32>,
    names: Names,
    faults: Vec<Planned>,
    /// What follows the last of these.
    wake: Wake,
    is_second_met: bool,
    met: BTreeSet<usize>,
    leaks: Vec<String>,
    /// The request of each create of something with a name of its own.
    named: BTreeMap<Name, Request>,
    /// The call at which something is happening.
    at_hand: Option<Request>,
    /// What a function answered that another one has invoked.
    invoked: Option<Result<Value, String>>,
}

impl Account {
    /// An account in which nothing has happened.
    pub fn new(id: &str, upstream: Upstream, settings: Settings) -> Arc<Account> {
        Arc::new(Account {
            id: id.to_owned(),
            clock: Arc::new(VirtualClock::new()),
            executions: Executions::default(),
            broadcast: Broadcast::default(),
            upstream,
            aws: Aws::new(settings),
            state: Mutex::new(State {
                part: Part::Given,
                lines: Vec::new(),
                counts: BTreeMap::new(),
                names: Names::default(),
                faults: Vec::new(),
                wake: Wake::default(),
                is_second_met: false,
                met: BTreeSet::new(),
                leaks: Vec::new(),
                named: BTreeMap::new(),
                at_hand: None,
                invoked: None,
            }),
        })
    }

    /// Closes it: nothing of it is left.
    pub async fn close(&self) {
        self.upstream.close(&self.id).await;
    }

    /// From now on this goes wrong at AWS itself.
    pub fn let_go_wrong(&self, misfortunes: Misfortunes) {
        self.aws.let_go_wrong(misfortunes);
    }

    /// From now on reads lag as the settings say, or not at all.
    pub fn let_reads_lag(&self, lag: bool) {
        self.aws.let_reads_lag(lag);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a part of the run, with these faults and what follows the last of them.
    pub fn begin(&self, part: Part, faults: Vec<Planned>, wake: Wake) {
        let mut state = self.state();
        state.part = part;
        state.faults = faults;
        state.wake = wake;
        state.met.clear();
        // Every part counts its calls anew.
        state.counts.clear();
    }

    /// The calls of a part.
    pub fn lines(&self, part: Part) -> Vec<Line> {
        self.state().lines.iter().filter(|line| line.part == part).cloned().collect()
    }

    /// How many calls there were so far.
    pub fn count(&self) -> usize {
        self.state().lines.len()
    }

    /// The journal's end, for people.
    pub fn last_lines(&self, count: usize) -> Vec<String> {
        let state = self.state();
        let from = state.lines.len().saturating_sub(count);
        state.lines[from..].iter().map(|line| format!("{} {} → {}", line.at, line.name, line.answer)).collect()
    }

    /// Faults that were planned for this part and that no call has met.
    pub fn missed(&self) -> Vec<Planned> {
        let state = self.state();
        let met = |(index, planned): &(usize, &Planned)| planned.class.is_of_the_run() || state.met.contains(index);
        state.faults.iter().enumerate().filter(|one| !met(one)).map(|(_, planned)| planned.clone()).collect()
    }

    /// Whether a call has met the second fault.
    pub fn is_second_met(&self) -> bool {
        self.state().is_second_met
    }

    /// Where the secret was seen and must not be.
    pub fn leaks(&self) -> Vec<String> {
        self.state().leaks.clone()
    }

    /// The creates of things with names of their own.
    pub fn named(&self) -> BTreeMap<Name, Request> {
        self.state().named.clone()
    }

    /// Notes what a person would read elsewhere than in the journal: it must not tell the secret.
    pub fn note(&self, text: &str) {
        if text.contains(CANARY) {
            self.state().leaks.push(text.chars().take(300).collect());
        }
    }

    async fn carry(&self, invocation: Arc<Invocation>, request: Request) -> Result<Response, ConnectorError> {
        let call = read_call(&request);
        let _busy = invocation.busy();
        let _turn = invocation.turnstile.lock().await;
        let latency = SignedDuration::try_from(self.aws.latency(&request)).unwrap_or_default();
        self.clock.advance(latency.max(TICK));
        if self.clock.now() >= invocation.deadline {
            invocation.die(Death::Timeout).await;
        }
        let (name, treatment) = self.write_down(&invocation, &call, &request);
        if let Some(happening) = treatment.as_ref().and_then(|treatment| treatment.meanwhile.clone()) {
            self.state().at_hand = Some(request.clone());
            invocation.meanwhile(happening).await;
        }
        let Some(Treatment { carried_out, lags, then, .. }) = treatment else {
            let response = match call.service.as_str() {
                "lambda" => self.invoke(&invocation, &call, &request).await,
                _ => self.carry_out(&request, &call).await?,
            };
            self.answered(&name, &call, &response);
            return Ok(response);
        };
        let mut answer = None;
        if lags {
            self.let_reads_lag(true);
        }
        for _ in 0..carried_out {
            answer = Some(self.carry_out(&request, &call).await?);
        }
        if lags {
            self.let_reads_lag(false);
        }
        let outcome = answer.as_ref().map_or(0, |answer| answer.status);
        self.mark(&name, &format!("carried out × {carried_out} ({outcome}), then {then:?}"));
        if let Some(answer) = &answer {
            self.state().names.learn(&call, &name.about, &answer.body);
        }
        match then {
            Then::Answer => Ok(answer.expect("it was carried out")),
            Then::Refusal(refusal) => Ok(refusal.of(&call).into_response()),
            Then::Reset => Err(ConnectorError::io(io::Error::from(io::ErrorKind::ConnectionReset).into())),
            Then::Timeout => {
                self.clock.advance(ATTEMPT);
                Err(ConnectorError::timeout(io::Error::from(io::ErrorKind::TimedOut).into()))
            }
            Then::Death(death) => invocation.die(death).await,
        }
    }

    /// Writes a call down; answers its name and what becomes of it, where that is not the usual.
    fn write_down(&self, invocation: &Invocation, call: &Call, request: &Request) -> (Name, Option<Treatment>) {
        let mut state = self.state();
        let about = state.names.about(call);
        let mut name = Name {
            by: invocation.label.clone(),
            service: call.service.clone(),
            action: call.action.clone(),
            about,
            occurrence: 0,
        };
        let count = state.counts.entry(name.clone()).or_default();
        *count += 1;
        name.occurrence = *count;
        let (part, at) = (state.part, self.clock.now());
        state.lines.push(Line { name: name.clone(), at, part, answer: String::new() });
        assert!(state.lines.len() < TOO_MANY, "stuck: more than {TOO_MANY} calls");
        let carries_it = ["CreateSecret", "PutSecretValue"].contains(&call.action.as_str());
        if !carries_it && String::from_utf8_lossy(&request.body).contains(CANARY) {
            state.leaks.push(format!("the request {name}"));
        }
        if is_named(&call.action) {
            state.named.insert(name.clone(), request.clone());
        }
        let mut met = state.faults.iter().position(|planned| planned.is_at(&name));
        if met.is_some_and(|met| met + 1 == state.faults.len()) {
            state.wake.begin();
        } else if met.is_none()
            && let Some(second) = state.wake.reaches(&name)
        {
            state.faults.push(second);
            state.is_second_met = true;
            met = Some(state.faults.len() - 1);
        }
        let Some(met) = met else { return (name, None) };
        state.met.insert(met);
        (name, Some(state.faults[met].class.treatment()))
    }

    fn answered(&self, name: &Name, call: &Call, response: &Response) {
        let refusal = if response.status < 300 {
            String::new()
        } else {
            String::from_utf8_lossy(&response.body).chars().take(200).collect()
        };
        self.mark(name, &format!("{} {refusal}", response.status));
        let mut state = self.state();
        // The worker's function reads the key: it asks Prefect with it.
        let may_tell = call.action == "GetSecretValue" && name.by.starts_with("worker");
        if !may_tell && String::from_utf8_lossy(&response.body).contains(CANARY) {
            state.leaks.push(format!("the answer to {name}"));
        }
        state.names.learn(call, &name.about, &response.body);
    }

    fn mark(&self, name: &Name, answer: &str) {
        let mut state = self.state();
        let part = state.part;
        if let Some(line) = state.lines.iter_mut().rev().find(|line| line.name == *name && line.part == part) {
            answer.clone_into(&mut line.answer);
        }
    }

    /// One function invokes another and waits for it.
    async fn invoke(&self, invocation: &Invocation, call: &Call, request: &Request) -> Response {
        let payload = serde_json::from_slice(&request.body).expect("a payload is JSON");
        let function = call.text("FunctionName").to_owned();
        invocation.meanwhile(Happening::Invoked { function, payload }).await;
        let answer = self.state().invoked.take().expect("whoever runs the functions has answered");
        let threw = answer.is_err().then(|| ("x-amz-function-error".to_owned(), "Unhandled".to_owned()));
        let body = answer.unwrap_or_else(|error| json!({"errorType": error}));
        Response { status: 200, headers: threw.into_iter().collect(), body: body.to_string().into_bytes() }
    }

    /// The work pools in Prefect.
    pub fn work_pools(&self) -> Vec<Value> {
        self.aws.work_pools()
    }

    /// Takes in what a function answered that another one has invoked.
    pub fn was_answered(&self, answer: Result<Value, String>) {
        self.state().invoked = Some(answer);
    }

    /// AWS's answer.
    async fn carry_out(&self, request: &Request, call: &Call) -> Result<Response, ConnectorError> {
        if call.service == "states" {
            return Ok(self.executions.answer(call, self.clock.now()).into_response());
        }
        if call.action == "PutEvents" {
            return Ok(self.broadcast.take(call));
        }
        let answer = self.aws.answer(request, &self.upstream, self.clock.now()).await;
        let answer = answer.map_err(|error| ConnectorError::io(error.into()))?;
        if call.action == "TransactWriteItems" && answer.status == 200 {
            self.broadcast.was_written(call);
        }
        Ok(answer)
    }

    /// Somebody else, of this account, makes the thing that the call at hand is about to make.
    pub async fn make_twin(&self) {
        let request = self.state().at_hand.clone().expect("a call is at hand");
        self.make_twin_of(&request).await;
    }

    /// Somebody else, of this account, makes such a thing.
    pub async fn make_twin_of(&self, request: &Request) {
        let twin = crate::twin::of(request, &self.id);
        let response = self.aws.answer(&twin, &self.upstream, self.clock.now()).await.expect("the cloud answers");
        let said = String::from_utf8_lossy(&response.body);
        assert!(response.status < 300, "no twin could be made: {said}");
    }
}

/// The call that a request is. Lambda's says in its path what it is: `/2015-03-31/functions/<function>/invocations`.
fn read_call(request: &Request) -> Call {
    let mut call = Call::read(request);
    if call.service == "lambda" {
        let function = request.target.split('/').nth(3).unwrap_or_default();
        let function = function.rsplit([':', '-']).next().unwrap_or_default();
        call.action = "Invoke".to_owned();
        call.parameters = json!({"FunctionName": function});
    }
    call
}

/// Whether a create makes something with a name that somebody else could take.
fn is_named(action: &str) -> bool {
    [
        "CreateRole",
        "CreateSecret",
        "CreateCluster",
        "CreateLogGroup",
        "CreatePrivateDnsNamespace",
        "CreateQueue",
        "PutRule",
        "RegisterTaskDefinition",
        "CreateWorkPool",
    ]
    .contains(&action)
}

/// The SDK's way to the account.
#[derive(Clone, Debug)]
pub struct Wire(pub Arc<Account>);

impl HttpClient for Wire {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let account = Arc::clone(&self.0);
        let invocation = Invocation::current();
        HttpConnectorFuture::new(async move { written(account.carry(invocation, read(&request)).await?) })
    }
}

/// Somebody else's way to the account: no fault meets it, and no journal knows of it.
#[derive(Clone, Debug)]
pub struct Hand(pub Arc<Account>);

impl HttpClient for Hand {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Hand {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let account = Arc::clone(&self.0);
        HttpConnectorFuture::new(async move {
            let request = read(&request);
            let response = account.aws.answer(&request, &account.upstream, account.clock.now()).await;
            written(response.map_err(|error| ConnectorError::io(error.into()))?)
        })
    }
}

/// An auditor's way to the account: behind AWS's rules, and without a TLS stack of its own in every run.
#[derive(Clone, Debug)]
pub struct Behind(pub Arc<Account>);

impl HttpClient for Behind {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Behind {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let account = Arc::clone(&self.0);
        HttpConnectorFuture::new(async move {
            let request = read(&request);
            let response = match account.aws.stand_in(&request, account.clock.now()) {
                Some(response) => Ok(response),
                None => account.upstream.carry_out(&request).await,
            };
            written(response.map_err(|error| ConnectorError::io(error.into()))?)
        })
    }
}

fn written(response: Response) -> Result<HttpResponse, ConnectorError> {
    let status = StatusCode::try_from(response.status).map_err(|error| ConnectorError::other(error.into(), None))?;
    let mut answer = HttpResponse::new(status, SdkBody::from(response.body));
    for (name, value) in response.headers {
        answer.headers_mut().insert(name, value);
    }
    Ok(answer)
}

fn read(request: &HttpRequest) -> Request {
    let uri = request.uri();
    let target = uri.split_once("://").and_then(|(_, rest)| rest.find('/').map(|at| rest[at..].to_owned()));
    Request {
        method: request.method().to_owned(),
        target: target.unwrap_or_else(|| "/".to_owned()),
        headers: request.headers().iter().map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect(),
        body: request.body().bytes().expect("requests are sent whole").to_vec(),
    }
}
