//! Bodies that break no rule, with every field in every form that it has.

use proptest::{
    collection, option,
    prelude::*,
    sample::select,
    string::{RegexGeneratorStrategy, string_regex},
};
use serde_json::{Map, Value, json};

/// The account that the ARNs are of.
pub const ACCOUNT: &str = "123456789012";
/// The region that the ARNs are of.
pub const REGION: &str = "eu-west-1";
/// Managed policies that bodies give to their flows.
pub const POLICIES: [&str; 2] =
    ["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess", "arn:aws:iam::123456789012:policy/flows/read-data"];

const SIZES: [(u32, u32); 6] = [(256, 512), (256, 2048), (512, 1024), (1024, 3072), (4096, 30720), (16384, 122_880)];

/// Bodies that break no rule.
pub fn valid() -> impl Strategy<Value = Value> {
    let tags = collection::btree_map(
        like("[A-Za-z\u{e4}\u{416} ]{3,20}[0-9_.:/=+@-]{0,4}"),
        like("[a-z\u{4e00} 0-9@-]{0,40}"),
        0..4,
    );
    (
        text("[a-z][a-z0-9]{1,8}(-[a-z0-9]{1,6}){0,2}"),
        text("[A-Za-z0-9._-]{1,64}"),
        prefect(),
        option::of(network()),
        option::of(worker()),
        option::of(collection::btree_set(select(&POLICIES[..]), 0..=2)),
        option::of(select(&[1, 30, 3653][..])),
        option::of(tags.prop_filter("one spelling of each key", |tags| {
            let mut keys: Vec<String> = tags.keys().map(|key| key.to_lowercase()).collect();
            keys.sort();
            keys.dedup();
            keys.len() == tags.len() && !keys.iter().any(|key| key == "name" || key.starts_with("aws:"))
        })),
    )
        .prop_map(|(name, team, prefect, network, worker, policies, days, tags)| {
            object([
                ("name", Some(name)),
                ("team", Some(team)),
                ("prefect", Some(prefect)),
                ("network", network),
                ("worker", worker),
                ("flows", policies.map(|arns| json!({"policy_arns": arns}))),
                ("log_retention_days", days.map(Value::from)),
                ("tags", tags.map(|tags| json!(tags))),
            ])
        })
}

fn object<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    let given = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(given.collect::<Map<_, _>>())
}

/// Texts of this pattern, which is read once and not for every text.
#[expect(clippy::expect_used, reason = "the patterns are constants of these tests")]
pub(crate) fn like(pattern: &str) -> RegexGeneratorStrategy<String> {
    string_regex(pattern).expect("a pattern")
}

fn text(pattern: &str) -> impl Strategy<Value = Value> {
    like(pattern).prop_map(Value::from)
}

fn secret() -> impl Strategy<Value = Value> {
    like("[A-Za-z0-9/_+=.@-]{1,40}-[A-Za-z0-9]{6}")
        .prop_map(|name| Value::from(format!("arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{name}")))
}

fn prefect() -> impl Strategy<Value = Value> {
    let id = || text("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}");
    let key = || text("pn[ub]_[!-~]{1,80}");
    let server = prop_oneof![
        (id(), id(), key()).prop_map(|(account, workspace, key)| {
            json!({"account_id": account, "workspace_id": workspace, "api_key": key})
        }),
        (id(), id(), key(), key()).prop_map(|(account, workspace, key, workers)| {
            json!({"account_id": account, "workspace_id": workspace, "api_key": key, "worker_api_key": workers})
        }),
        (id(), id(), secret()).prop_map(|(account, workspace, arn)| {
            json!({"account_id": account, "workspace_id": workspace, "api_key_secret_arn": arn})
        }),
        text("https://[a-z]{1,9}\\.example\\.(com|org)(:4200)?/api/?").prop_map(|url| json!({"api_url": url})),
        (text("https://10\\.[1-9][0-9]?\\.0\\.1/api"), text("[a-z]{1,9}:[ -~]{1,40}"))
            .prop_map(|(url, auth)| json!({"api_url": url, "auth_string": auth})),
    ];
    let pool = option::of(text("[a-oq-zA-OQ-Z0-9_-][A-Za-z0-9_-]{0,60}"));
    let choice =
        option::of(select(&[("adopt_pool", true), ("adopt_pool", false), ("verify", true), ("verify", false)][..]));
    (server, pool, choice).prop_map(|(mut prefect, pool, choice)| {
        if let Some(pool) = pool {
            prefect["work_pool"] = pool;
        }
        if let Some((name, value)) = choice {
            prefect[name] = json!(value);
        }
        prefect
    })
}

fn network() -> impl Strategy<Value = Value> {
    prop_oneof![
        select(&["single", "per-az", "none"][..]).prop_map(|nat| json!({"mode": "create", "nat": nat})),
        (0..=255u8, 16..=22u8).prop_map(|(second, prefix)| json!({"vpc_cidr": format!("10.{second}.0.0/{prefix}")})),
        (2..=3u8).prop_map(|zones| {
            let ranges = |from: u8| (from..from + zones).map(|third| format!("10.0.{third}.0/24")).collect::<Vec<_>>();
            json!({"public_subnets": ranges(10), "private_subnets": ranges(20)})
        }),
    ]
}

/// How many workers: a number or bounds, and not both.
fn count() -> impl Strategy<Value = (Option<Value>, Option<Value>)> {
    let bounds = (1..=50u32, 50..=100u32, option::of(10..=90u32)).prop_map(|(min, max, target)| {
        object([("min", Some(min.into())), ("max", Some(max.into())), ("cpu_target", target.map(Value::from))])
    });
    prop_oneof![
        Just((None, None)),
        (0..=100u32).prop_map(|count| (Some(Value::from(count)), None)),
        bounds.prop_map(|bounds| (None, Some(bounds))),
    ]
}

fn worker() -> impl Strategy<Value = Value> {
    let images =
        ["busybox", "prefecthq/prefect-aws:0.7-python3.12", "registry.example.com:5000/a/b@sha256:0123456789ab"];
    // The names of the two maps begin with different letters, so that none stands in both.
    let environment = collection::btree_map(like("[B-OQ-Z][A-Z0-9_]{0,20}"), like("\\PC{0,60}"), 0..4);
    let secrets = collection::btree_map(like("s[a-z0-9_]{0,20}"), secret(), 0..3);
    (
        option::of(text("[A-Za-z0-9_-]{1,60}")),
        option::of(select(images.to_vec())),
        option::of(select(&SIZES[..])),
        count(),
        option::of(collection::vec(like("[^\0]{1,60}"), 1..5)),
        option::of(environment),
        option::of(secrets),
        option::of(select(&["FARGATE", "FARGATE_SPOT"][..])),
    )
        .prop_map(|(name, image, size, count, command, environment, secrets, capacity)| {
            object([
                ("name", name),
                ("image", image.map(Value::from)),
                ("cpu", size.map(|(cpu, _)| Value::from(cpu))),
                ("memory", size.map(|(_, memory)| Value::from(memory))),
                ("desired_count", count.0),
                ("autoscaling", count.1),
                ("command", command.map(Value::from)),
                ("environment", environment.map(|map| json!(map))),
                ("secrets", secrets.map(|map| json!(map))),
                ("capacity", capacity.map(Value::from)),
            ])
        })
}
