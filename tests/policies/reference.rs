//! What each call is authorised on, by AWS's Service Authorization Reference: the resources it touches with their
//! tags, the condition keys that AWS fills in, and the actions it needs beside its own.

mod network;

use crate::{
    journal::Call,
    policy::Request,
    world::{Tags, World},
};
use serde_json::Value;

/// Where the service is deployed.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) account: String,
    pub(crate) region: String,
    /// The path of the roles that the service makes on AWS. The local cloud has none.
    pub(crate) role_path: String,
}

/// Actions on no resource: AWS asks for `*`.
const ON_NOTHING: [&str; 34] = [
    "application-autoscaling:DescribeScalableTargets",
    "application-autoscaling:DescribeScalingPolicies",
    "ec2:DescribeAddresses",
    "ec2:DescribeAvailabilityZones",
    "ec2:DescribeEgressOnlyInternetGateways",
    "ec2:DescribeInternetGateways",
    "ec2:DescribeNatGateways",
    "ec2:DescribeNetworkAcls",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeRouteTables",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcEndpoints",
    "ec2:DescribeVpcs",
    "ec2:DescribeVpnGateways",
    "ec2:DescribeRegions",
    "ecs:DeregisterTaskDefinition",
    "ecs:DescribeTaskDefinition",
    "ecs:ListClusters",
    "ecs:ListTaskDefinitionFamilies",
    "ecs:ListTaskDefinitions",
    "events:ListRules",
    "iam:GetAccountSummary",
    "iam:ListRoles",
    "logs:DescribeLogGroups",
    "route53:CreateHostedZone",
    "route53:ListHostedZonesByName",
    "secretsmanager:ListSecrets",
    // The reference names the thing that the operation is about, which nobody knows before the answer.
    "servicediscovery:GetOperation",
    "servicediscovery:ListNamespaces",
    "servicediscovery:ListTagsForResource",
    "servicediscovery:ListOperations",
    "servicequotas:GetServiceQuota",
    "sqs:ListQueues",
];

impl Place {
    /// Everything that AWS asks the caller's policies about this call.
    pub(crate) fn requests(&self, call: &Call, world: &World) -> Vec<Request> {
        let name = call.name();
        if ON_NOTHING.contains(&name.as_str()) {
            return vec![Request::of(&name, "*")];
        }
        match call.service.as_str() {
            "ec2" => self.ec2(call, world),
            "iam" => self.iam(call, world),
            "ecs" => self.ecs(call, world),
            "logs" => self.logs(call, world),
            "secretsmanager" => self.secrets(call, world),
            "servicediscovery" => self.namespaces(call, world),
            "events" if call.action == "PutEvents" => self.told(call),
            "sqs" => self.queues(call, world),
            "events" => self.rules(call, world),
            "application-autoscaling" => self.scaling(call, world),
            "dynamodb" => self.tables(call),
            "states" => self.executions(call),
            "lambda" => self.functions(call),
            _ => unknown(call),
        }
    }

    fn iam(&self, call: &Call, world: &World) -> Vec<Request> {
        let (name, role) = (call.name(), call.text("RoleName"));
        let request = Request::of(&name, self.role(role));
        let thing = world.thing(role);
        let existing = |request: Request| match &thing.boundary {
            Some(arn) => tagged(request, &thing.tags).with("iam:PermissionsBoundary", arn),
            None => tagged(request, &thing.tags),
        };
        match call.action.as_str() {
            "CreateRole" => {
                let create = match call.text("PermissionsBoundary") {
                    "" => request,
                    arn => request.with("iam:PermissionsBoundary", arn),
                };
                let tagging = Request::of("iam:TagRole", self.role(role));
                vec![asking(create, &call.tags()), asking(tagging, &call.tags())]
            }
            "AttachRolePolicy" | "DetachRolePolicy" => {
                vec![existing(request).with("iam:PolicyARN", call.text("PolicyArn"))]
            }
            "TagRole" => vec![asking(existing(request), &call.tags())],
            "UntagRole" => vec![existing(request).with("aws:TagKeys", call.text("TagKeys.member.1"))],
            "PutRolePolicy" | "DeleteRolePolicy" | "DeleteRole" | "UpdateAssumeRolePolicy" => vec![existing(request)],
            "GetRole" | "GetRolePolicy" | "ListRolePolicies" | "ListAttachedRolePolicies" => vec![existing(request)],
            _ => unknown(call),
        }
    }

    fn ecs(&self, call: &Call, world: &World) -> Vec<Request> {
        let name = call.name();
        let cluster = |text: &str| self.arn("ecs", &format!("cluster/{}", last(text)));
        let at_birth = |resource: &str| {
            let create = asking(Request::of(&name, resource), &call.tags());
            let tagging = Request::of("ecs:TagResource", resource).with("ecs:CreateAction", &call.action);
            vec![create, asking(tagging, &call.tags())]
        };
        let on = |resource: String| {
            let tags = world.thing(&resource).tags;
            tagged(Request::of(&name, resource), &tags)
        };
        let in_cluster = |request: Request| request.with("ecs:cluster", cluster(call.text("cluster")));
        let service = |text: &str| self.arn("ecs", &format!("service/{}/{}", last(call.text("cluster")), last(text)));
        match call.action.as_str() {
            "CreateCluster" => at_birth(&cluster(call.text("clusterName"))),
            "DescribeClusters" => list(call, "clusters").iter().map(|name| on(cluster(name))).collect(),
            "PutClusterCapacityProviders" | "DeleteCluster" => vec![on(cluster(call.text("cluster")))],
            "RegisterTaskDefinition" => {
                let resource = self.arn("ecs", &format!("task-definition/{}:*", call.text("family")));
                let roles = ["executionRoleArn", "taskRoleArn"].map(|role| {
                    let pass = Request::of("iam:PassRole", self.role(last(call.text(role))));
                    pass.with("iam:PassedToService", "ecs-tasks.amazonaws.com")
                });
                [at_birth(&resource), roles.to_vec()].concat()
            }
            "DeleteTaskDefinitions" => list(call, "taskDefinitions").into_iter().map(on).collect(),
            "CreateService" => {
                let [create, tagging] = at_birth(&service(call.text("serviceName"))).try_into().expect("two requests");
                vec![in_cluster(create), tagging]
            }
            "DescribeServices" => list(call, "services").iter().map(|name| in_cluster(on(service(name)))).collect(),
            "UpdateService" | "DeleteService" => vec![in_cluster(on(service(call.text("service"))))],
            "ListServices" | "ListTasks" => vec![in_cluster(Request::of(&name, "*"))],
            "DescribeTasks" => list(call, "tasks").into_iter().map(|arn| in_cluster(Request::of(&name, arn))).collect(),
            "StopTask" => vec![in_cluster(Request::of(&name, call.text("task")))],
            "TagResource" => vec![asking(on(call.text("resourceArn").to_owned()), &call.tags())],
            "UntagResource" => vec![untagging(on(call.text("resourceArn").to_owned()), call, "tagKeys")],
            _ => unknown(call),
        }
    }

    fn logs(&self, call: &Call, world: &World) -> Vec<Request> {
        let (name, group) = (call.name(), call.text("logGroupName"));
        let resource = self.arn("logs", &format!("log-group:{group}"));
        match call.action.as_str() {
            "CreateLogGroup" => {
                let both = [Request::of(&name, &resource), Request::of("logs:TagResource", &resource)];
                both.map(|request| asking(request, &call.tags())).to_vec()
            }
            "PutRetentionPolicy" | "DeleteLogGroup" => {
                vec![tagged(Request::of(&name, resource), &world.thing(group).tags)]
            }
            "ListTagsForResource" => vec![Request::of(&name, call.text("resourceArn"))],
            "GetLogEvents" => vec![Request::of(&name, format!("{resource}:log-stream:{}", call.text("logStreamName")))],
            "TagResource" | "UntagResource" => {
                let arn = call.text("resourceArn");
                let group = arn.rsplit_once("log-group:").map_or("", |(_, group)| group);
                let on = tagged(Request::of(&name, arn), &world.thing(group).tags);
                vec![if call.action == "TagResource" {
                    asking(on, &call.tags())
                } else {
                    untagging(on, call, "tagKeys")
                }]
            }
            _ => unknown(call),
        }
    }

    fn secrets(&self, call: &Call, world: &World) -> Vec<Request> {
        let name = call.name();
        match call.action.as_str() {
            "CreateSecret" => {
                // AWS adds six characters, which nobody knows before.
                let resource = self.arn("secretsmanager", &format!("secret:{}-??????", call.text("Name")));
                let both = [Request::of(&name, &resource), Request::of("secretsmanager:TagResource", &resource)];
                both.map(|request| asking(request, &call.tags())).to_vec()
            }
            "DescribeSecret" | "GetSecretValue" | "DeleteSecret" | "PutSecretValue" | "UpdateSecretVersionStage" => {
                let secret = call.text("SecretId");
                let by_name = || self.arn("secretsmanager", &format!("secret:{secret}"));
                let resource = if secret.starts_with("arn:") { secret.to_owned() } else { by_name() };
                vec![tagged(Request::of(&name, resource), &world.thing(secret).tags)]
            }
            "TagResource" | "UntagResource" => {
                let secret = call.text("SecretId");
                let on = tagged(Request::of(&name, secret), &world.thing(secret).tags);
                vec![if call.action == "TagResource" {
                    asking(on, &call.tags())
                } else {
                    untagging(on, call, "TagKeys")
                }]
            }
            _ => unknown(call),
        }
    }

    fn namespaces(&self, call: &Call, world: &World) -> Vec<Request> {
        let (name, id) = (call.name(), call.text("Id"));
        match call.action.as_str() {
            "CreatePrivateDnsNamespace" => {
                let both = [Request::of(&name, "*"), Request::of("servicediscovery:TagResource", "*")];
                let mut requests = both.map(|request| asking(request, &call.tags())).to_vec();
                // Cloud Map makes the hosted zone with its caller's rights.
                let beside = [
                    "route53:CreateHostedZone",
                    "route53:ListHostedZonesByName",
                    "ec2:DescribeVpcs",
                    "ec2:DescribeRegions",
                ];
                requests.extend(beside.map(|action| Request::of(action, "*")));
                requests.push(Request::of("route53:GetHostedZone", "arn:aws:route53:::hostedzone/Z0"));
                requests
            }
            "GetNamespace" | "DeleteNamespace" => {
                let resource = self.arn("servicediscovery", &format!("namespace/{id}"));
                vec![tagged(Request::of(&name, resource), &world.thing(id).tags)]
            }
            "TagResource" => vec![asking(Request::of(&name, "*"), &call.tags())],
            "UntagResource" => vec![untagging(Request::of(&name, "*"), call, "TagKeys")],
            _ => unknown(call),
        }
    }

    fn queues(&self, call: &Call, world: &World) -> Vec<Request> {
        let queue = [call.text("QueueName"), last(call.text("QueueUrl"))].concat();
        let request = |action: &str| Request::of(action, self.arn("sqs", &queue));
        match call.action.as_str() {
            "CreateQueue" => {
                [request(&call.name()), request("sqs:TagQueue")].map(|one| asking(one, &call.tags())).to_vec()
            }
            "GetQueueUrl" | "GetQueueAttributes" | "ListQueueTags" | "SetQueueAttributes" | "DeleteQueue" => {
                vec![tagged(request(&call.name()), &world.thing(&queue).tags)]
            }
            "TagQueue" => vec![asking(tagged(request(&call.name()), &world.thing(&queue).tags), &call.tags())],
            "UntagQueue" => {
                vec![untagging(tagged(request(&call.name()), &world.thing(&queue).tags), call, "TagKeys")]
            }
            _ => unknown(call),
        }
    }

    fn rules(&self, call: &Call, world: &World) -> Vec<Request> {
        let rule = [call.text("Name"), call.text("Rule"), last(call.text("ResourceARN"))].concat();
        let request = |action: &str| Request::of(action, self.arn("events", &format!("rule/{rule}")));
        let on = tagged(request(&call.name()), &world.thing(&rule).tags);
        match call.action.as_str() {
            "PutRule" => {
                [request(&call.name()), request("events:TagResource")].map(|one| asking(one, &call.tags())).to_vec()
            }
            "PutTargets" => {
                let targets = call.parameters["Targets"].as_array().into_iter().flatten();
                let targets = targets.filter_map(|target| target["Arn"].as_str());
                let mut request = on;
                request.context.insert("events:targetarn".to_owned(), targets.map(str::to_owned).collect());
                vec![request]
            }
            "TagResource" => vec![asking(on, &call.tags())],
            "UntagResource" => vec![untagging(on, call, "TagKeys")],
            "DescribeRule" | "ListTagsForResource" | "ListTargetsByRule" | "RemoveTargets" | "DeleteRule" => vec![on],
            _ => unknown(call),
        }
    }

    /// Policies of a target are judged by the target. Its ARN nobody knows before it is registered.
    fn scaling(&self, call: &Call, world: &World) -> Vec<Request> {
        let (name, resource) = (call.name(), call.text("ResourceId"));
        let thing = world.thing(&[resource, call.text("ResourceARN")].concat());
        let arn = match (call.text("ResourceARN"), thing.with.first()) {
            ("", Some(arn)) => arn.clone(),
            ("", None) => self.arn("application-autoscaling", "scalable-target/0123456789abcdef"),
            (arn, _) => arn.to_owned(),
        };
        let on = |action: &str| tagged(Request::of(action, &arn), &thing.tags);
        let scaled = |request: Request| {
            request.with("application-autoscaling:scalable-dimension", call.text("ScalableDimension"))
        };
        match call.action.as_str() {
            // Without tags it changes the one that is there.
            "RegisterScalableTarget" if call.tags().is_empty() => vec![scaled(on(&name))],
            "RegisterScalableTarget" => {
                let linked = "role/aws-service-role/ecs.application-autoscaling.amazonaws.com/\
                              AWSServiceRoleForApplicationAutoScaling_ECSService";
                let linked =
                    Request::of("iam:CreateServiceLinkedRole", format!("arn:aws:iam::{}:{linked}", self.account));
                let both = [scaled(Request::of(&name, &arn)), Request::of("application-autoscaling:TagResource", &arn)];
                let both = both.map(|request| asking(request, &call.tags()));
                let linked = linked.with("iam:AWSServiceName", "ecs.application-autoscaling.amazonaws.com");
                // And to the service: see PutScalingPolicy.
                let service = self.arn("ecs", resource);
                let cluster = resource.split('/').nth(1).unwrap_or_default();
                let cluster = self.arn("ecs", &format!("cluster/{cluster}"));
                let of_ecs = ["ecs:DescribeServices", "ecs:UpdateService"].map(|action| {
                    let tags = world.thing(&service).tags;
                    tagged(Request::of(action, &service), &tags).with("ecs:cluster", &cluster)
                });
                both.into_iter().chain([linked]).chain(of_ecs).collect()
            }
            "DeregisterScalableTarget" => vec![scaled(on(&name))],
            // Its caller must have the rights to the alarms that AWS then makes:
            // https://docs.aws.amazon.com/autoscaling/application/userguide/security_iam_permission_validation.html
            "PutScalingPolicy" => {
                let alarm = self.arn("cloudwatch", &format!("alarm:TargetTracking-{resource}-AlarmHigh-0"));
                let alarms = ["cloudwatch:PutMetricAlarm", "cloudwatch:DeleteAlarms"];
                let alarms = alarms.map(|action| Request::of(action, &alarm));
                let look = Request::of("cloudwatch:DescribeAlarms", "*");
                [scaled(on(&name)), look].into_iter().chain(alarms).collect()
            }
            "ListTagsForResource" => vec![on(&name)],
            "TagResource" => vec![asking(on(&name), &call.tags())],
            "UntagResource" => vec![untagging(on(&name), call, "TagKeys")],
            _ => unknown(call),
        }
    }

    fn tables(&self, call: &Call) -> Vec<Request> {
        let on = |action: &str, item: &Value| {
            let (table, index) = (item["TableName"].as_str().unwrap_or_default(), item["IndexName"].as_str());
            let index = index.map(|index| format!("/index/{index}")).unwrap_or_default();
            Request::of(&format!("dynamodb:{action}"), self.arn("dynamodb", &format!("table/{}{index}", last(table))))
        };
        match call.action.as_str() {
            // A transaction is authorised by the actions of its items.
            "TransactWriteItems" | "TransactGetItems" => {
                let items = call.parameters["TransactItems"].as_array().into_iter().flatten();
                let items = items.filter_map(Value::as_object).flatten();
                items
                    .map(|(kind, item)| match kind.as_str() {
                        "ConditionCheck" => on("ConditionCheckItem", item),
                        kind => on(&format!("{kind}Item"), item),
                    })
                    .collect()
            }
            "GetItem" | "PutItem" | "UpdateItem" | "DeleteItem" | "Query" => vec![on(&call.action, &call.parameters)],
            _ => unknown(call),
        }
    }

    fn executions(&self, call: &Call) -> Vec<Request> {
        match call.action.as_str() {
            "StartExecution" => vec![Request::of(&call.name(), call.text("stateMachineArn"))],
            "DescribeExecution" => vec![Request::of(&call.name(), call.text("executionArn"))],
            _ => unknown(call),
        }
    }

    /// AWS asks for each event.
    fn told(&self, call: &Call) -> Vec<Request> {
        let entries = call.parameters["Entries"].as_array().into_iter().flatten();
        let of = |entry: &Value| {
            let text = |name: &str| entry[name].as_str().unwrap_or_default();
            Request::of(&call.name(), self.arn("events", &format!("event-bus/{}", last(text("EventBusName")))))
                .with("events:source", text("Source"))
                .with("events:detail-type", text("DetailType"))
        };
        entries.map(of).collect()
    }

    fn functions(&self, call: &Call) -> Vec<Request> {
        match call.action.as_str() {
            // The right is called otherwise than the call.
            "Invoke" => vec![Request::of("lambda:InvokeFunction", call.text("FunctionName"))],
            _ => unknown(call),
        }
    }

    fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:aws:{service}:{}:{}:{resource}", self.region, self.account)
    }

    fn role(&self, name: &str) -> String {
        format!("arn:aws:iam::{}:role{}{name}", self.account, self.role_path)
    }
}

/// The request creates something with these tags.
fn asking(mut request: Request, tags: &Tags) -> Request {
    request.context.insert("aws:tagkeys".to_owned(), tags.keys().cloned().collect());
    tags.iter().fold(request, |request, (key, value)| request.with(&format!("aws:RequestTag/{key}"), value))
}

/// The request takes the tags of this parameter away.
fn untagging(mut request: Request, call: &Call, parameter: &str) -> Request {
    request.context.insert("aws:tagkeys".to_owned(), list(call, parameter));
    request
}

/// The request touches something that carries these tags.
fn tagged(request: Request, tags: &Tags) -> Request {
    tags.iter().fold(request, |request, (key, value)| request.with(&format!("aws:ResourceTag/{key}"), value))
}

fn list(call: &Call, name: &str) -> Vec<String> {
    crate::policy::texts(&call.parameters[name])
}

/// The name in an ARN, or the name itself.
fn last(text: &str) -> &str {
    text.rsplit('/').next().unwrap_or(text)
}

fn unknown(call: &Call) -> Vec<Request> {
    panic!("{} makes a call that this evaluator does not know: {}. Look it up and add it.", call.function, call.name())
}
