//! The same call on what is not ours: each of these must be refused.

use crate::{policy::Request, reference::Place};

/// A call that is allowed on ours, turned to somebody else's.
#[derive(Clone, Debug)]
pub(crate) struct Foreign {
    /// What is different.
    pub(crate) what: &'static str,
    pub(crate) request: Request,
}

/// The tag that names the stack.
const STACK: &str = "prefect-environments:stack";

/// Every way in which this request could reach for what is not ours.
pub(crate) fn variants(place: &Place, request: &Request) -> Vec<Foreign> {
    let mut variants = Vec::new();
    let mut add = |what, request| variants.push(Foreign { what, request });
    let (on_existing, creating) = (format!("aws:ResourceTag/{STACK}"), format!("aws:RequestTag/{STACK}"));
    // Looks tell nothing that the caller of a list would not see; they are bound by name alone. But for secrets.
    let changes = is_mutating(&request.action) || request.action == "secretsmanager:GetSecretValue";
    if changes && request.has(&on_existing) {
        add("an untagged thing", request.clone().without("aws:ResourceTag/"));
        add("another stack's thing", request.clone().with(&on_existing, "another-stack"));
    }
    // The create itself is judged beside its tags: without it there is nothing to tag.
    if request.has(&creating) && !request.has("ec2:CreateAction") && !request.has("ecs:CreateAction") {
        add("a create without our tag", request.clone().without("aws:RequestTag/").without("aws:TagKeys"));
        add("a create with another stack's tag", request.clone().with(&creating, "another-stack"));
    }
    for key in ["ec2:CreateAction", "ecs:CreateAction"] {
        if request.has(key) {
            add("tags on what exists", request.clone().without(key));
            add("tags at another create", request.clone().with(key, "RunInstances"));
        }
    }
    // Services without such a key ask for the same right at a create and later.
    if is_tagging_without_create_action(&request.action) && request.has(&creating) {
        add("tags on an untagged thing", request.clone());
        add("tags on another stack's thing", request.clone().with(&on_existing, "another-stack"));
    }
    // Later on only the team's own tags: whoever could change ours could make anything ours.
    if request.has("aws:TagKeys") && !request.has(&creating) {
        let ours = request.clone().without("aws:RequestTag/").with("aws:TagKeys", STACK);
        add("tags that are ours", ours.with(&creating, "another-stack"));
        add("the name", request.clone().with("aws:TagKeys", "Name"));
        // EC2 takes every tag away where none is named.
        add("all tags", request.clone().without("aws:RequestTag/").without("aws:TagKeys"));
    }
    for (what, resource) in elsewhere(place, request) {
        // A role's path guards it even where somebody has put our tag on it.
        let tag_is_kept = request.resource.starts_with("arn:aws:iam:");
        let mut there = if tag_is_kept { request.clone() } else { request.clone().without("aws:ResourceTag/") };
        if there.has("ecs:cluster") {
            let cluster = if what == "another stack's name" { "another-cluster" } else { "production" };
            let arn = format!("arn:aws:ecs:{}:{}:cluster/{cluster}", place.region, place.account);
            there = there.with("ecs:cluster", arn);
        }
        add(what, Request { resource, ..there });
    }
    if ["iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy"].contains(&request.action.as_str()) {
        let own = format!("arn:aws:iam::{}:policy/another-boundary", place.account);
        add("a role without the boundary", request.clone().without("iam:PermissionsBoundary"));
        add("a role with another boundary", request.clone().with("iam:PermissionsBoundary", own));
    }
    if request.action == "iam:AttachRolePolicy" {
        let policy = "arn:aws:iam::aws:policy/AdministratorAccess";
        add("another policy", request.clone().with("iam:PolicyARN", policy));
    }
    if request.has("events:TargetArn") {
        let function =
            format!("arn:aws:lambda:{}:{}:function:prefect-environments-operation", place.region, place.account);
        add("another target", request.clone().with("events:TargetArn", function));
    }
    if request.has("application-autoscaling:scalable-dimension") && request.has(&creating) {
        // The same call changes what is there.
        add("another stack's target", request.clone().with(&on_existing, "another-stack"));
        let tables = "dynamodb:table:ReadCapacityUnits";
        add("another service's", request.clone().with("application-autoscaling:scalable-dimension", tables));
    }
    if request.has("iam:AWSServiceName") {
        add("another service's role", request.clone().with("iam:AWSServiceName", "spot.amazonaws.com"));
    }
    if request.has("iam:PassedToService") {
        add("another service", request.clone().with("iam:PassedToService", "lambda.amazonaws.com"));
    }
    if request.action == "events:PutEvents" {
        add("events in another's name", request.clone().with("events:source", "orders"));
        add("events of another kind", request.clone().with("events:detail-type", "Order Placed"));
    }
    variants
}

/// Whether an action changes something.
pub(crate) fn is_mutating(action: &str) -> bool {
    let name = action.split(':').nth(1).unwrap_or_default();
    !["Describe", "Get", "List", "Query", "ConditionCheck"].iter().any(|look| name.starts_with(look))
}

fn is_tagging_without_create_action(action: &str) -> bool {
    let such = [
        "application-autoscaling:TagResource",
        "events:TagResource",
        "iam:TagRole",
        "logs:TagResource",
        "secretsmanager:TagResource",
        "servicediscovery:TagResource",
        "sqs:TagQueue",
    ];
    such.contains(&action)
}

/// The same kind of thing under other names.
fn elsewhere(place: &Place, request: &Request) -> Vec<(&'static str, String)> {
    let kind = request.resource.split(':').nth(5).unwrap_or_default();
    let kind = kind.split(['/', ':']).next().unwrap_or_default();
    let arn =
        |service: &str, resource: &str| format!("arn:aws:{service}:{}:{}:{resource}", place.region, place.account);
    let role = |path: &str| format!("arn:aws:iam::{}:role{path}admin", place.account);
    let service = request.resource.split(':').nth(2).unwrap_or_default();
    let mut there = match (service, kind) {
        ("iam", "role") => vec![
            ("another path", role("/service-role/")),
            ("no path", role("/")),
            ("another stack's path", role("/prefect-environments/another-stack/")),
        ],
        ("ecs", "cluster") => vec![("another name", arn("ecs", "cluster/production"))],
        ("ecs", "service") => vec![("another name", arn("ecs", "service/production/web"))],
        ("ecs", "task") => vec![("another name", arn("ecs", "task/production/1"))],
        ("ecs", "task-definition") => vec![("another name", arn("ecs", "task-definition/web:1"))],
        ("cloudwatch", "alarm") => vec![("another name", arn("cloudwatch", "alarm:no-orders-for-an-hour"))],
        ("sqs", _) => vec![("another name", arn("sqs", "orders"))],
        ("events", "rule") => vec![("another name", arn("events", "rule/every-night"))],
        ("logs", "log-group") if request.action == "logs:GetLogEvents" => {
            vec![("another name", arn("logs", "log-group:/ecs/blue-flows:log-stream:prefect/1"))]
        }
        ("logs", "log-group") => vec![("another name", arn("logs", "log-group:/aws/lambda/production"))],
        ("dynamodb", "table") => vec![("another table", arn("dynamodb", "table/customers"))],
        ("events", "event-bus") => vec![("another bus", arn("events", "event-bus/orders"))],
        ("states", "stateMachine") => vec![("another machine", arn("states", "stateMachine:another-stack"))],
        ("states", "execution") => vec![("another machine", arn("states", "execution:another-stack:1"))],
        ("lambda", "function") => vec![
            ("another function", arn("lambda", "function:prefect-environments-operation")),
            ("another stack's function", arn("lambda", "function:another-stack-network")),
        ],
        ("secretsmanager", "secret") => {
            vec![("another name", arn("secretsmanager", "secret:production-database-AbCdEf"))]
        }
        _ => Vec::new(),
    };
    // What AWS looks at by name alone: the names of one stack's clusters are like another's.
    match request.action.as_str() {
        "ecs:CreateService" => there.push(("another stack's name", arn("ecs", "service/another-cluster/dev-worker"))),
        "ecs:StopTask" => there.push(("another stack's name", arn("ecs", "task/another-cluster/1"))),
        _ => {}
    }
    there
}
