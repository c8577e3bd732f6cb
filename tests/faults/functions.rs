//! The functions themselves, in this process: the same code as on Lambda, over a run's account.

use crate::{
    account::{Account, Behind, Hand, Wire},
    clock::VirtualSleep,
};
use api::{Limits, Service, Settings};
use aws_config::{
    BehaviorVersion, Region, SdkConfig, identity::IdentityCache,
    stalled_stream_protection::StalledStreamProtectionConfig, timeout::TimeoutConfig,
};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use cluster::ClusterGroup;
use engine::{Clock, Engine, Group, Invocation, Records, lambda::Event, records::TeamLimits};
use environment::Place;
use executions::Executions;
use identity::Identity;
use jiff::SignedDuration;
use network::Network;
use operation::{Operations, events::Bus};
use serde_json::Value;
use std::sync::Arc;
use worker::Worker;

/// The region of every run.
pub const REGION: &str = "us-east-1";
/// The stack's name.
pub const STACK: &str = "faults";
/// The table's name.
pub const TABLE: &str = "faults-table";
/// How long a read may lag behind a write: the template's own.
const READ_LAG: SignedDuration = SignedDuration::from_secs(10);

/// Every function.
pub struct Functions {
    network: Engine<Network>,
    identity: Engine<Identity>,
    cluster: Engine<ClusterGroup>,
    worker: Engine<Worker>,
    operations: Operations,
    /// What the API stands on.
    pub service: Service,
}

impl Functions {
    /// The functions, as the template sets them up. `product` is the configuration that the product gives its own
    /// clients: how often and after what pauses they try again is the product's.
    pub fn new(account: &Arc<Account>, product: &SdkConfig) -> Functions {
        let config = product
            .to_builder()
            .http_client(Wire(Arc::clone(account)))
            .sleep_impl(VirtualSleep(Arc::clone(&account.clock)))
            .timeout_config(TimeoutConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .identity_cache(IdentityCache::no_cache())
            .credentials_provider(credentials(&account.id))
            .region(Region::new(REGION))
            .endpoint_url("http://localhost/")
            .build();
        let clock: Arc<dyn Clock> = Arc::clone(&account.clock) as Arc<dyn Clock>;
        let records = Records::new(aws_sdk_dynamodb::Client::new(&config), TABLE);
        let machine = format!("arn:aws:states:{REGION}:{}:stateMachine:{STACK}", account.id);
        let function = |name: &str| format!("arn:aws:lambda:{REGION}:{}:function:{STACK}-{name}", account.id);
        let settings = Settings {
            place: place(&account.id),
            state_machine_arn: machine.clone(),
            network_function_arn: function("network"),
            identity_function_arn: function("identity"),
            cluster_function_arn: function("cluster"),
            worker_function_arn: function("worker"),
            team_pattern: None,
            administrator_pattern: None,
            limits: Limits { team: TeamLimits { environments: Some(5), cpu: None }, workers: None },
            worker_images: Vec::new(),
            flow_policy_arns: Vec::new(),
            local_cloud: false,
        };
        Functions {
            network: engine(&config, &records, &clock, &account.id, Network::new),
            identity: engine(&config, &records, &clock, &account.id, Identity::new),
            cluster: engine(&config, &records, &clock, &account.id, ClusterGroup::new),
            worker: engine(&config, &records, &clock, &account.id, |config| Worker::new(config, false)),
            operations: Operations {
                records: records.clone(),
                executions: Executions::new(&config, machine),
                bus: Bus::new(&config, "default"),
                place: place(&account.id),
                clock: Arc::clone(&clock),
            },
            service: Service::with(&config, records, settings, clock),
        }
    }

    /// Calls a function as the state machine and the schedule do. An error has the name that Step Functions gives it.
    pub async fn call(&self, function: &str, payload: Value, invocation: &Invocation) -> Result<Value, String> {
        match function {
            "network" => answer(&self.network, payload, invocation).await,
            "identity" => answer(&self.identity, payload, invocation).await,
            "cluster" => answer(&self.cluster, payload, invocation).await,
            "worker" => answer(&self.worker, payload, invocation).await,
            "operation" => {
                let event: operation::call::Event =
                    serde_json::from_value(payload).expect("the function understands who calls it");
                let call = event.into_call().expect("an event is about an execution");
                let answer = self.operations.handle(call, invocation.deadline).await;
                let answer = answer.inspect_err(|fault| tracing::error!(?fault, "call broken off"));
                answer.map(shown).map_err(|fault| fault.code.to_string())
            }
            other => panic!("there is no function {other}"),
        }
    }
}

fn engine<G: Group>(
    config: &SdkConfig,
    records: &Records,
    clock: &Arc<dyn Clock>,
    account: &str,
    make: impl FnOnce(&SdkConfig) -> G,
) -> Engine<G> {
    Engine {
        group: make(config),
        records: records.clone(),
        place: place(account),
        clock: Arc::clone(clock),
        read_lag: READ_LAG,
    }
}

async fn answer<G: Group>(engine: &Engine<G>, payload: Value, invocation: &Invocation) -> Result<Value, String> {
    let event: Event = serde_json::from_value(payload).expect("the function understands who calls it");
    engine.answer(event, invocation).await.map_err(|fault| fault.code.to_string())
}

fn shown(answer: impl serde::Serialize) -> Value {
    serde_json::to_value(answer).expect("an answer is JSON")
}

fn place(account: &str) -> Place {
    Place {
        partition: "aws".to_owned(),
        account: account.to_owned(),
        region: REGION.to_owned(),
        stack: STACK.to_owned(),
        role_path: "/".to_owned(),
        permissions_boundary: None,
        worker_image: "prefecthq/prefect-aws:0.7-python3.12".to_owned(),
        prefect_cloud_url: environment::place::PREFECT_CLOUD_URL.to_owned(),
    }
}

/// Root of an account on a local cloud that asks nobody for a key: the key is the account's number.
pub fn credentials(account: &str) -> SharedCredentialsProvider {
    SharedCredentialsProvider::new(Credentials::from_keys(account, "test", None))
}

/// The account as somebody with hands sees it, who knows nothing of this product: AWS with its rules.
pub fn by_hand(account: &Arc<Account>) -> SdkConfig {
    outside(account).to_builder().http_client(Hand(Arc::clone(account))).build()
}

/// The account as an auditor sees it, who looks behind AWS's rules.
pub fn outside(account: &Arc<Account>) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(Behind(Arc::clone(account)))
        .credentials_provider(credentials(&account.id))
        .region(Region::new(REGION))
        .endpoint_url("http://localhost/")
        .build()
}
