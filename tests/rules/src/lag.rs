//! A read may not see a write yet.
//!
//! Whoever makes something and asks for it at once may be told that it does not exist; whoever removes something may
//! see it a little longer. What AWS says of its services: EC2, IAM, ECS, Secrets Manager and Application Auto Scaling are
//! eventually consistent, and a queue cannot be used in the second after its create.
//! Nothing of the kind is said of Cloud Map, whose creates are operations of their own, of CloudWatch Logs, nor of
//! EventBridge but for the matching of events; and
//! DynamoDB and Step Functions are asked in ways that are strongly consistent. Those are left alone.
//!
//! - <https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html>
//! - <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency>
//! - <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html>
//! - <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ListSecrets.html>
//! - <https://docs.aws.amazon.com/autoscaling/application/APIReference/API_RegisterScalableTarget.html>
//! - <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html>

mod naming;
mod thing;

use crate::{Answer, Body, Call, rule::Rule, world::World};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use thing::{Known, THINGS, Thing};

/// What was written and read of late.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// When each thing was made.
    made: BTreeMap<Known, Timestamp>,
    /// When each thing was written to.
    written: BTreeMap<Known, BTreeSet<Timestamp>>,
    /// The last fresh answer to each read.
    read: BTreeMap<(String, String, String), (Timestamp, Answer)>,
    /// Whether reads see everything for now. What they would not see is remembered.
    pub(crate) is_suspended: bool,
}

/// Whatever is asked of a thing that cannot be seen yet is refused as if it did not exist.
pub(crate) struct Unseen;

impl Rule for Unseen {
    fn refuse(&self, call: &Call, world: &mut World) -> Option<Answer> {
        if world.settings.read_lag == 0.0 {
            return None;
        }
        let names = naming::names(call);
        let unseen = unseen(world);
        THINGS.iter().filter(|thing| !thing.takes_part_in(call)).find_map(|thing| {
            let id = names.iter().find_map(|name| thing.named(name, call, &unseen))?;
            Some(thing.absent(call, &id))
        })
    }
}

/// Lists leave out what cannot be seen yet, and a read repeated right after a write is answered as before it.
pub(crate) struct Stale;

impl Rule for Stale {
    fn follow(&self, call: &Call, answer: &mut Answer, world: &mut World) {
        if world.settings.read_lag == 0.0 {
            return;
        }
        if call.is_look() {
            self.read(call, answer, world);
        } else if answer.succeeded() {
            self.note(call, answer, world);
        }
    }
}

impl Stale {
    fn note(&self, call: &Call, answer: &mut Answer, world: &mut World) {
        let (now, state) = (world.now, &mut world.lag);
        let known: Vec<Known> = state.made.keys().cloned().collect();
        let names = naming::names(call);
        for thing in THINGS.iter().filter(|thing| thing.service == call.service) {
            if let Some(id) = thing.made(call, answer) {
                // Made again, a cluster is the one that there was.
                state.made.entry((thing.made_by, id)).or_insert(now);
            }
            for id in names.iter().filter_map(|name| thing.named(name, call, &known)) {
                let thing_known = (thing.made_by, id);
                if thing.unmade_by == call.action {
                    state.made.remove(&thing_known);
                }
                state.written.entry(thing_known).or_default().insert(now);
            }
        }
    }

    fn read(&self, call: &Call, answer: &mut Answer, world: &mut World) {
        for (made_by, id) in unseen(world) {
            for thing in THINGS.iter().filter(|thing| thing.service == call.service && thing.made_by == made_by) {
                thing.hide(answer, &id);
            }
        }
        let asked = (call.service.clone(), call.action.clone(), call.parameters.to_string());
        let lag = lag(world);
        let (now, state) = (world.now, &mut world.lag);
        let is_stale = |read_at: Timestamp, said: &Answer| {
            // However often it is written to, the first write is seen when its time has come.
            let is_young =
                |times: &BTreeSet<Timestamp>| times.range(read_at..).next().is_some_and(|at| now < *at + lag);
            let mut lately = state.written.iter().filter(|(_, times)| is_young(times));
            lately.any(|((made_by, id), _)| {
                let is_it = |thing: &Thing| thing.made_by == *made_by && thing.service == call.service;
                THINGS.iter().any(is_it) && tells_of(said, id)
            })
        };
        match state.read.get(&asked) {
            Some((at, said)) if is_stale(*at, said) => *answer = said.clone(),
            _ if answer.succeeded() => {
                state.read.insert(asked, (now, answer.clone()));
            }
            _ => {}
        }
    }
}

/// Whether something of this id cannot be seen yet.
pub(crate) fn is_unseen(world: &World, id: &str) -> bool {
    unseen(world).iter().any(|(_, unseen)| unseen == id)
}

fn unseen(world: &World) -> Vec<Known> {
    let lag = lag(world);
    let young = world.lag.made.iter().filter(|(_, at)| world.now < **at + lag);
    young.map(|(known, _)| known.clone()).collect()
}

fn lag(world: &World) -> SignedDuration {
    let seconds = if world.lag.is_suspended { 0.0 } else { world.settings.read_lag };
    SignedDuration::from_secs_f64(seconds)
}

/// Whether a service has things that reads may not see yet.
pub fn may_lag(service: &str) -> bool {
    THINGS.iter().any(|thing| thing.service == service)
}

/// Whether an answer tells of a thing, by its id or name, or by an ARN that ends with it.
fn tells_of(answer: &Answer, id: &str) -> bool {
    match &answer.body {
        Body::Json(value) => tells(value, id),
        Body::Xml(root) => {
            let mut text = Vec::new();
            // What cannot be written cannot be told.
            root.write(&mut text).is_ok() && {
                let text = String::from_utf8_lossy(&text);
                [">", "/"].iter().any(|before| text.contains(&format!("{before}{id}<")))
            }
        }
        Body::Other(_) => false,
    }
}

fn tells(value: &Value, id: &str) -> bool {
    match value {
        Value::String(text) => naming::is(text, id),
        Value::Array(items) => items.iter().any(|item| tells(item, id)),
        Value::Object(members) => members.values().any(|member| tells(member, id)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Settings, answer::items, rehearsal::Rehearsal};
    use serde_json::json;

    const MADE: &str = "<R><vpc><vpcId>vpc-1</vpcId><cidrBlock>10.0.0.0/16</cidrBlock></vpc></R>";
    const SEEN: &str = "<R><vpcSet><item><vpcId>vpc-1</vpcId><cidrBlock>10.0.0.0/16</cidrBlock>\
                        <tagSet><item><key>a</key><value>b</value></item></tagSet></item></vpcSet></R>";
    const SUBNET: &str = "<R><subnet><subnetId>subnet-1</subnetId><vpcId>vpc-1</vpcId></subnet></R>";
    const WANTED: [(&str, &str); 2] = [("VpcId", "vpc-1"), ("CidrBlock", "10.0.1.0/24")];
    const NONE: &str = "<R><vpcSet/></R>";

    fn lagging() -> Rehearsal {
        Rehearsal::new(Settings { read_lag: 5.0, ..Settings::lenient() })
    }

    fn vpcs(answer: &mut Answer) -> usize {
        items(answer.document().expect("a list"), "vpcSet").len()
    }

    #[tokio::test]
    async fn what_was_just_made_is_in_no_list() {
        let mut aws = lagging();
        aws.form("ec2", "CreateVpc", &[], MADE).await;
        let filter = [("Filter.1.Name", "tag:a"), ("Filter.1.Value.1", "b")];
        assert_eq!(vpcs(&mut aws.form("ec2", "DescribeVpcs", &filter, SEEN).await), 0);
        aws.later(5);
        assert_eq!(vpcs(&mut aws.form("ec2", "DescribeVpcs", &filter, SEEN).await), 1);
    }

    #[tokio::test]
    async fn whatever_names_it_is_told_that_it_does_not_exist() {
        let mut aws = lagging();
        aws.form("ec2", "CreateVpc", &[], MADE).await;
        assert_eq!(
            aws.form("ec2", "DescribeVpcs", &[("VpcId.1", "vpc-1")], SEEN).await.code(),
            "InvalidVpcID.NotFound"
        );
        assert_eq!(aws.form("ec2", "CreateSubnet", &WANTED, SUBNET).await.code(), "InvalidVpcID.NotFound");
        aws.later(5);
        assert_eq!(aws.form("ec2", "CreateSubnet", &WANTED, SUBNET).await.code(), "");
    }

    #[tokio::test]
    async fn what_was_just_removed_is_seen_a_little_longer() {
        let mut aws = lagging();
        aws.form("ec2", "CreateVpc", &[], MADE).await;
        aws.later(60);
        aws.form("ec2", "DescribeVpcs", &[], SEEN).await;
        aws.form("ec2", "DeleteVpc", &[("VpcId", "vpc-1")], "<R/>").await;
        assert_eq!(vpcs(&mut aws.form("ec2", "DescribeVpcs", &[], NONE).await), 1);
        aws.later(5);
        assert_eq!(vpcs(&mut aws.form("ec2", "DescribeVpcs", &[], NONE).await), 0);
    }

    #[tokio::test]
    async fn a_single_read_lags_where_the_others_do_not() {
        let aws = lagging();
        aws.let_reads_lag(false);
        aws.form("ec2", "CreateVpc", &[], MADE).await;
        let mut seen = Vec::new();
        for lags in [false, true, false] {
            aws.let_reads_lag(lags);
            seen.push(vpcs(&mut aws.form("ec2", "DescribeVpcs", &[], SEEN).await));
        }
        assert_eq!(seen, [1, 0, 1]);
    }

    #[tokio::test]
    async fn whoever_goes_on_writing_sees_the_first_write_in_its_time() {
        let mut aws = lagging();
        aws.form("ec2", "CreateVpc", &[], MADE).await;
        aws.later(60);
        aws.form("ec2", "DescribeVpcs", &[], SEEN).await;
        let tags = [("ResourceId.1", "vpc-1"), ("Tag.1.Key", "a"), ("Tag.1.Value", "b")];
        let mut seen = Vec::new();
        for _ in 0..3 {
            aws.form("ec2", "CreateTags", &tags, "<R/>").await;
            aws.later(3);
            seen.push(vpcs(&mut aws.form("ec2", "DescribeVpcs", &[], NONE).await));
        }
        assert_eq!(seen, [1, 0, 0]);
    }

    #[tokio::test]
    async fn a_new_cluster_is_missing_and_a_task_definition_cannot_be_described() {
        let aws = lagging();
        let cluster = json!({"cluster": {"clusterName": "blue"}});
        aws.json("ecs", "CreateCluster", &json!({"clusterName": "blue"}), &cluster).await;
        let seen = json!({"clusters": [{"clusterName": "blue", "clusterArn": "arn:c/blue"}], "failures": []});
        let mut told = aws.json("ecs", "DescribeClusters", &json!({"clusters": ["blue"]}), &seen).await;
        let told = told.value().expect("a list").clone();
        assert_eq!((&told["clusters"], &told["failures"][0]["reason"]), (&json!([]), &json!("MISSING")));
        let listed = aws.json("ecs", "ListTasks", &json!({"cluster": "blue"}), &json!({"taskArns": []})).await;
        assert_eq!(listed.code(), "ClusterNotFoundException");

        let arn = "arn:aws:ecs:r:1:task-definition/blue:1";
        let made = json!({"taskDefinition": {"taskDefinitionArn": arn}});
        aws.json("ecs", "RegisterTaskDefinition", &json!({"family": "blue"}), &made).await;
        let told = aws.json("ecs", "DescribeTaskDefinition", &json!({"taskDefinition": arn}), &made).await;
        assert_eq!(told.code(), "ClientException");
    }

    #[tokio::test]
    async fn a_service_of_another_service_is_told_in_that_ones_words() {
        let mut aws = lagging();
        aws.form("ec2", "CreateVpc", &[], MADE).await;
        aws.later(5);
        aws.form("ec2", "CreateSubnet", &WANTED, SUBNET).await;
        let network = json!({"awsvpcConfiguration": {"subnets": ["subnet-1"]}});
        let told = aws.json("ecs", "CreateService", &json!({"networkConfiguration": network}), &json!({})).await;
        assert_eq!(told.code(), "InvalidParameterException");
        let Body::Json(told) = told.body else { panic!("ECS speaks JSON") };
        assert!(told["message"].as_str().is_some_and(|words| words.contains("InvalidSubnetID.NotFound")), "{told}");
    }

    #[tokio::test]
    async fn a_role_lags_and_dynamodb_does_not() {
        let aws = lagging();
        aws.form("iam", "CreateRole", &[("RoleName", "blue")], "<R/>").await;
        let told = aws.form("iam", "GetRole", &[("RoleName", "blue")], "<R/>").await;
        assert_eq!((told.status, told.code().as_str()), (404, "NoSuchEntity"));
        aws.json("dynamodb", "PutItem", &json!({"TableName": "t"}), &json!({})).await;
        assert!(aws.json("dynamodb", "GetItem", &json!({"TableName": "t"}), &json!({})).await.succeeded());
    }
}
