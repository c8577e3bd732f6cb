//! The journal of a run, and how a call is told from all others in every run.
//!
//! Ids are AWS's and differ from run to run; a call is known by who makes it, what it is about (by the name of the
//! resource, not its id) and by which one of its kind it is.

use jiff::Timestamp;
use rules::Call;
use serde_json::Value;
use std::{collections::BTreeMap, fmt};

/// A call as it is in every run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    /// Who calls: `network.ensure`, `api.POST`.
    pub by: String,
    /// The service.
    pub service: String,
    /// The action.
    pub action: String,
    /// What it is about, or the empty text.
    pub about: String,
    /// The how many-th of these it is, from 1.
    pub occurrence: u32,
}

impl Name {
    /// What stands for every call of a run.
    pub fn of_the_run() -> Name {
        let word = |word: &str| word.to_owned();
        Name { by: word("aws"), service: word("aws"), action: word("everything"), about: String::new(), occurrence: 1 }
    }

    /// Whether it is a call of the same kind, whichever it is of them.
    pub fn is_like(&self, other: &Name) -> bool {
        (&self.by, &self.service, &self.action, &self.about) == (&other.by, &other.service, &other.action, &other.about)
    }

    /// Whether it changes anything.
    pub fn is_effect(&self) -> bool {
        !["Describe", "List", "Get", "Query"].iter().any(|prefix| self.action.starts_with(prefix))
    }

    /// Whether it is on the table.
    pub fn is_of_the_table(&self) -> bool {
        self.service == "dynamodb"
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.by, self.action)?;
        if !self.about.is_empty() {
            write!(f, "({})", self.about)?;
        }
        if self.occurrence > 1 {
            write!(f, "#{}", self.occurrence)?;
        }
        Ok(())
    }
}

/// A call that was made.
#[derive(Clone, Debug)]
pub struct Line {
    /// The call.
    pub name: Name,
    /// When.
    pub at: Timestamp,
    /// The part of the run in which it was made.
    pub part: Part,
    /// How it was answered: a status, or what was done to it.
    pub answer: String,
}

/// A part of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// What is there before.
    Given,
    /// What is tried.
    Tried,
    /// What comes after: requests repeated, everything brought to an end.
    Repeated,
}

/// Knows things by their names.
#[derive(Debug, Default)]
pub struct Names(BTreeMap<String, String>);

/// Where creates answer the id of what they made.
const IDS: [(&str, &str); 9] = [
    ("CreateVpc", "vpcId"),
    ("CreateSubnet", "subnetId"),
    ("CreateInternetGateway", "internetGatewayId"),
    ("CreateRouteTable", "routeTableId"),
    ("CreateSecurityGroup", "groupId"),
    ("AllocateAddress", "allocationId"),
    ("CreateNatGateway", "natGatewayId"),
    ("AssociateRouteTable", "associationId"),
    ("CreatePrivateDnsNamespace", "OperationId"),
];

/// Parameters that say what a call is about, the plainest first.
const ABOUT: [&str; 31] = [
    "RoleName",
    "logGroupName",
    "service",
    "serviceName",
    "clusterName",
    "cluster",
    "family",
    "taskDefinition",
    "familyPrefix",
    "SecretId",
    "Name",
    "name",
    "OperationId",
    "Id",
    "executionArn",
    "resourceArn",
    "QueueName",
    "QueueUrl",
    "Rule",
    "ResourceARN",
    "ResourceId",
    "NatGatewayId",
    "AssociationId",
    "AllocationId",
    "SubnetId",
    "RouteTableId",
    "GroupId",
    "InternetGatewayId",
    "VpcId",
    "Attribute",
    "FunctionName",
];

impl Names {
    /// What a call is about.
    pub fn about(&self, call: &Call) -> String {
        if call.service == "dynamodb" {
            return of_item(&call.parameters);
        }
        if let Some((_, name)) = call.tags().into_iter().find(|(key, _)| *key == "prefect-environments:resource") {
            return name.to_owned();
        }
        let mut parts: Vec<String> = Vec::new();
        for parameter in ABOUT {
            let text = call.text(parameter);
            let first = format!("{parameter}.1");
            let text = if text.is_empty() { call.text(&first) } else { text };
            if !text.is_empty() {
                parts.push(self.name(text));
                break;
            }
        }
        for list in ["clusters", "services", "tasks", "taskDefinitions"] {
            let first = call.parameters.get(list).and_then(|list| list.get(0)).and_then(Value::as_str);
            parts.extend(first.filter(|_| parts.is_empty()).map(|text| self.name(text)));
        }
        for (_, values) in call.filters() {
            parts.extend(values.first().filter(|_| parts.is_empty()).map(|text| self.name(text)));
        }
        for more in
            ["PolicyName", "PolicyArn", "EnableDnsSupport.Value", "EnableDnsHostnames.Value", "DestinationCidrBlock"]
        {
            if !call.text(more).is_empty() {
                parts.push(self.name(call.text(more)));
            }
        }
        parts.join(" ")
    }

    /// Learns which thing an id is.
    pub fn learn(&mut self, call: &Call, about: &str, answer: &[u8]) {
        let Some((_, field)) = IDS.iter().find(|(action, _)| *action == call.action) else { return };
        let text = String::from_utf8_lossy(answer);
        let after = [format!("<{field}>"), format!("\"{field}\": \""), format!("\"{field}\":\"")];
        let Some(id) = after.iter().find_map(|mark| text.split_once(mark.as_str())) else { return };
        let id = id.1.split(['<', '"']).next().unwrap_or_default();
        self.0.insert(id.to_owned(), about.to_owned());
    }

    /// A text with everything that differs from run to run replaced.
    fn name(&self, text: &str) -> String {
        if let Some(name) = self.0.get(text) {
            return name.clone();
        }
        // The last part of an ARN or a URL says which; what AWS appends to a secret's name does not.
        let last = if ["arn:", "http"].iter().any(|start| text.starts_with(start)) {
            text.rsplit([':', '/']).next().unwrap_or(text)
        } else {
            text
        };
        let last = if text.contains(":task-definition/") {
            text.rsplit('/').next().and_then(|it| it.split(':').next()).unwrap_or(last)
        } else {
            last
        };
        let last = match last.rsplit_once('-') {
            Some((name, suffix)) if text.contains(":secret:") && suffix.len() == 6 => name,
            _ => last,
        };
        if is_random(last) { "one".to_owned() } else { last.to_owned() }
    }
}

/// Whether a text is an id that nobody has learnt: it says nothing.
fn is_random(text: &str) -> bool {
    let ids = ["vpc-", "subnet-", "igw-", "rtb-", "sg-", "eipalloc-", "nat-", "rtbassoc-", "ns-", "env-", "op-"];
    let is_uuid = text.len() >= 26 && text.chars().all(|it| it.is_ascii_hexdigit() || it == '-');
    ids.iter().any(|prefix| text.starts_with(prefix)) || is_uuid || (text.len() == 26 && text.starts_with("01"))
}

/// An item by its keys.
fn of_item(parameters: &Value) -> String {
    let keys = if parameters["Key"].is_object() { &parameters["Key"] } else { &parameters["Item"] };
    let sort = keys["sk"]["S"].as_str().unwrap_or_default();
    match sort.split_once('#') {
        Some(("OPERATION", _)) => "OPERATION".to_owned(),
        _ if sort.is_empty() => parameters["IndexName"].as_str().unwrap_or_default().to_owned(),
        _ => sort.to_owned(),
    }
}
