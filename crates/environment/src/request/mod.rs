//! From a request's body to a [`Spec`]: every rule that can be checked without asking anybody.
//!
//! One file for each section of the body. A section reads all of its fields before its first mistake counts, so
//! that a caller hears of every violation at once.

mod address;
mod api_url;
mod arns;
mod credentials;
mod document;
mod fargate;
mod fields;
mod fingerprint;
mod flows;
mod image;
mod lifetime;
#[cfg(test)]
mod limits;
mod names;
mod network;
mod patch;
mod prefect;
mod retention;
mod tags;
mod variables;
mod violation;
mod worker;

pub use address::may_be_a_server;
pub use api_url::name_in;
pub use credentials::Credentials;
pub use document::document;
pub use names::is_a_team;
pub use network::SUBNETS;
pub use patch::{Patch, fingerprint_of_patch, read_patch};
pub use violation::{Violation, ViolationCode};

use crate::{lifetime::Lifetime, spec::Spec};
use fields::Field;
use serde_json::Value;
use violation::Report;

/// What the place and the caller add to a request.
#[derive(Clone, Copy, Debug)]
pub struct Defaults<'a> {
    /// `aws`, `aws-cn` or `aws-us-gov`.
    pub partition: &'a str,
    /// The account's twelve digits.
    pub account: &'a str,
    /// The region.
    pub region: &'a str,
    /// The worker's image where the request names none.
    pub worker_image: &'a str,
    /// The images that a request may name, as patterns in which `*` stands for anything; empty for every image.
    pub worker_images: &'a [String],
    /// The managed policies that a request may give to its flows.
    pub flow_policy_arns: &'a [String],
    /// The caller's team; `None` for an administrator, who names one.
    pub caller_team: Option<&'a str>,
    /// Whether `api_url` may be http and lead to this machine: on the local cloud only.
    pub allow_local_api_url: bool,
}

/// A request that breaks no rule.
#[derive(Debug)]
pub struct Request {
    /// What is asked for.
    pub spec: Spec,
    /// How long it is to live.
    pub lifetime: Lifetime,
    /// The credentials that came with it, for the environment's own secrets.
    pub credentials: Credentials,
    /// Tells whether another request asks for the same. It knows nothing of the credentials.
    pub fingerprint: String,
}

/// What a section was read as; `None` where a mistake (which is in the report) left nothing to go on with.
type Reading<T> = Option<T>;

/// Reads a request's body.
pub fn parse(body: &Value, defaults: &Defaults<'_>) -> Result<Request, Vec<Violation>> {
    let report = Report::default();
    let reading = read(&Field::root(&report, body), defaults);
    let violations = report.into_violations();
    match reading {
        Some((spec, lifetime, credentials)) if violations.is_empty() => {
            let fingerprint = fingerprint::of(&spec, &lifetime);
            Ok(Request { spec, lifetime, credentials, fingerprint })
        }
        _ => Err(violations),
    }
}

fn read(body: &Field<'_>, defaults: &Defaults<'_>) -> Reading<(Spec, Lifetime, Credentials)> {
    let mut fields = body.object()?;
    let name = names::environment(&mut fields);
    let team = names::team(&mut fields, defaults.caller_team);
    let prefect = prefect::read(&mut fields, defaults);
    let network = network::read(&mut fields);
    let work_pool = prefect.as_ref().map(|(prefect, _)| prefect.work_pool.as_str());
    let worker = worker::read(&mut fields, defaults, work_pool);
    let flows = flows::read(&mut fields, defaults);
    let log_retention_days = retention::read(&mut fields);
    let tags = tags::read(&mut fields);
    let lifetime = lifetime::read(&mut fields);
    fields.finish();
    let (prefect, credentials) = prefect?;
    let spec = Spec {
        name: name?,
        team: team?,
        network: network?,
        prefect,
        worker: worker?,
        flows: flows?,
        log_retention_days: log_retention_days?,
        tags: tags?,
    };
    Some((spec, lifetime?, credentials))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::{Subject, catalogue, tests::place};
    use crate::id::EnvironmentId;
    use proptest::prelude::*;
    use secrecy::ExposeSecret;
    use serde_json::json;

    pub(super) fn defaults() -> Defaults<'static> {
        static ALLOWED: std::sync::LazyLock<Vec<String>> =
            std::sync::LazyLock::new(|| vec!["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess".to_owned()]);
        Defaults {
            partition: "aws",
            account: "123456789012",
            region: "eu-west-1",
            worker_image: "prefecthq/prefect-aws:0.7-python3.12",
            worker_images: &[],
            flow_policy_arns: &ALLOWED,
            caller_team: None,
            allow_local_api_url: false,
        }
    }

    pub(super) fn minimal() -> Value {
        json!({
            "name": "prefect",
            "team": "data",
            "prefect": {
                "account_id": "00000000-0000-0000-0000-000000000001",
                "workspace_id": "00000000-0000-0000-0000-000000000002",
                "api_key": "pnu_canary"
            }
        })
    }

    pub(super) fn accepted(body: &Value) -> Request {
        accepted_with(body, None)
    }

    pub(super) fn accepted_with(body: &Value, caller_team: Option<&str>) -> Request {
        parse(body, &Defaults { caller_team, ..defaults() }).expect("the request breaks no rule")
    }

    pub(super) fn refused(body: &Value, caller_team: Option<&str>) -> Vec<Violation> {
        parse(body, &Defaults { caller_team, ..defaults() }).expect_err("the request breaks a rule")
    }

    /// What the minimal body is told when this value stands at this pointer.
    pub(super) fn codes_with(pointer: &str, value: Value) -> Vec<(String, ViolationCode)> {
        let violations = parse(&minimal_with(pointer, value), &defaults()).err().unwrap_or_default();
        violations.into_iter().map(|violation| (violation.pointer, violation.code)).collect()
    }

    /// The minimal body with this value at this pointer.
    fn minimal_with(pointer: &str, value: Value) -> Value {
        let mut body = minimal();
        let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
        let mut at = &mut body;
        for part in parent.split('/').skip(1) {
            at = &mut at[part];
        }
        at[name] = value;
        body
    }

    #[test]
    fn the_minimal_body_has_every_default() {
        let request = accepted(&minimal());
        assert_eq!(request.credentials.prefect.expect("the key").expose_secret(), "pnu_canary");
        let mut wanted = crate::catalogue::tests::spec(crate::spec::Nat::Single);
        wanted.worker.command = crate::catalogue::worker::default_command("ecs-work-pool");
        assert_eq!(request.spec, wanted);
    }

    #[test]
    fn every_section_is_heard_at_once() {
        let body = json!({
            "nam": "prefect",
            "prefect": {"api_key": 5},
            "network": {"nat": "double"},
            "worker": {"cpu": 1},
            "flows": [],
            "log_retention_days": 2,
            "tags": {"aws:x": "y"}
        });
        let violations = refused(&body, None);
        let pointers: Vec<&str> = violations.iter().map(|violation| violation.pointer.as_str()).collect();
        assert_eq!(
            pointers,
            [
                "/name",
                "/team",
                "/prefect/account_id",
                "/prefect/workspace_id",
                "/prefect/api_key",
                "/network/nat",
                "/worker/cpu",
                "/flows",
                "/log_retention_days",
                "/tags/aws:x",
                "/nam"
            ]
        );
    }

    #[test]
    fn a_body_that_is_no_object_is_refused_as_a_whole() {
        for body in [json!(null), json!([]), json!("x")] {
            let violations = refused(&body, None);
            assert_eq!((violations[0].pointer.as_str(), violations[0].code), ("", ViolationCode::WrongType));
        }
    }

    #[test]
    fn no_violation_quotes_a_value() {
        let mut body = minimal();
        body["prefect"]["api_key"] = json!("canary with a blank");
        body["prefect"]["auth_string"] = json!("canary");
        body["prefect"]["api_url"] = json!("http://user:canary@prefect.example.com");
        body["worker"] = json!({"environment": {"PREFECT_API_KEY": "canary"}, "secrets": {"X": "canary"}});
        let told = format!("{:?}", refused(&body, None));
        assert!(!told.contains("canary"), "{told}");
    }

    #[test]
    fn a_request_does_not_show_its_credentials() {
        let mut body = minimal();
        body["prefect"]["worker_api_key"] = json!("pnu_canary_of_the_worker");
        let shown = format!("{:?}", accepted(&body));
        assert!(!shown.contains("pnu_canary"), "{shown}");
    }

    pub(super) fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,40}".prop_map(Value::from),
            "[a-z0-9./:-]{0,20}".prop_map(Value::from),
            "1?[0-9]{1,2}\\.[0-9]\\.[0-9]\\.0/[0-9]{1,2}".prop_map(Value::from),
            "https?://[a-z0-9.\\[\\]:@-]{1,20}/api".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(".{0,8}", inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    /// Every field that the body has, so that arbitrary values meet every reader.
    pub(super) const POINTERS: &[&str] = &[
        "/name",
        "/team",
        "/prefect",
        "/prefect/account_id",
        "/prefect/workspace_id",
        "/prefect/api_key",
        "/prefect/api_key_secret_arn",
        "/prefect/api_url",
        "/prefect/auth_string",
        "/prefect/worker_api_key",
        "/prefect/work_pool",
        "/prefect/adopt_pool",
        "/prefect/verify",
        "/network",
        "/network/mode",
        "/network/vpc_cidr",
        "/network/public_subnets",
        "/network/private_subnets",
        "/network/nat",
        "/worker",
        "/worker/name",
        "/worker/image",
        "/worker/cpu",
        "/worker/memory",
        "/worker/desired_count",
        "/worker/autoscaling",
        "/worker/autoscaling/min",
        "/worker/autoscaling/max",
        "/worker/autoscaling/cpu_target",
        "/worker/command",
        "/worker/environment",
        "/worker/secrets",
        "/worker/capacity",
        "/flows",
        "/flows/policy_arns",
        "/log_retention_days",
        "/tags",
        "/deletion_protection",
        "/deletion_protection/reason",
        "/expires_at",
        "/ttl",
    ];

    fn entries(spec: &Spec) -> Vec<crate::catalogue::Entry> {
        let (place, zones) = (place(), ["z1", "z2", "z3"].map(String::from));
        catalogue(&Subject { id: EnvironmentId::new(1, 1), spec, zones: &zones, place: &place })
    }

    proptest! {
        #[test]
        fn no_json_at_all_makes_it_panic(body in any_json()) {
            let _ = parse(&body, &defaults());
        }

        #[test]
        fn no_value_of_any_field_makes_it_panic(pointer in prop::sample::select(POINTERS), value in any_json()) {
            let told = codes_with(pointer, value.clone());
            // Where nothing is said the request is accepted: then it has a catalogue, and all of it is there.
            if told.is_empty() {
                prop_assert!(entries(&accepted(&minimal_with(pointer, value)).spec).len() >= 20);
            }
        }

        #[test]
        fn every_valid_name_has_a_catalogue(name in "[a-z][a-z0-9]{0,9}(-[a-z0-9]{1,6}){0,2}") {
            prop_assume!((2..=24).contains(&name.len()));
            let mut body = minimal();
            body["name"] = json!(name);
            let spec = accepted(&body).spec;
            let entries = entries(&spec);
            prop_assert_eq!(entries.len(), 39);
            let role = entries.iter().find(|entry| entry.kind == crate::Kind::Role).unwrap();
            // IAM's limit for a role's name is 64, and it is the shortest of all.
            prop_assert!(role.wanted["RoleName"].as_str().unwrap().len() <= 64);
        }
    }
}
