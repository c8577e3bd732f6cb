//! ETA: an unfinished environment says when it will be through, and the service remembers how long things took.

use end_to_end::{
    Stage,
    api::{list, text},
    requests::{request, unique},
    table::sort_key,
};
use jiff::Timestamp;

#[tokio::test]
async fn an_unfinished_environment_says_when_it_will_be_through() {
    let stage = Stage::set().await;
    let accepted = stage.api.create(&request(&unique("eta"))).await;
    let environment = accepted.expect(202);
    let id = text(&environment["id"]);
    let eta = &environment["eta"];
    assert_eq!((text(&eta["basis"]), text(&eta["waits_for"])), ("usual", "network/vpc"), "{eta}");
    let at = |field: &str| text(&eta[field]).parse::<Timestamp>().expect("a time");
    let asked: Timestamp = text(&environment["created_at"]).parse().expect("a time");
    let expected = at("expected_at").duration_since(asked).as_secs();
    assert_eq!(Some(expected), eta["expected_seconds"].as_i64(), "counted from the request: {eta}");
    assert!((180..240).contains(&expected) && at("latest_at") > at("expected_at"), "{eta}");
    assert_eq!(accepted.header("retry-after"), "30", "a quarter of it, and at most 30 s");

    let active = stage.api.at_rest(id).await.must_be("ACTIVE");
    assert!(active.0.get("eta").is_none(), "there is nothing to wait for: {active}");

    let leaving = stage.api.delete(id).await.expect(202);
    assert_eq!(text(&leaving["eta"]["waits_for"]), "worker/online", "{}", leaving["eta"]);
    let seconds = leaving["eta"]["expected_seconds"].as_i64().unwrap_or_default();
    assert!((90..150).contains(&seconds), "{}", leaving["eta"]);
    let deleted = stage.api.at_rest(id).await.must_be("DELETED");
    assert!(deleted.0.get("eta").is_none(), "{deleted}");
}

#[tokio::test]
async fn how_long_things_took_is_remembered() {
    let stage = Stage::set().await;
    let environment = stage.create(&request(&unique("took"))).await;

    let items = stage.table.everything().await;
    let mut kinds: Vec<String> = items.iter().map(sort_key).filter(|key| key.starts_with("DURATION#")).collect();
    kinds.sort();
    assert_eq!(
        kinds,
        [
            "DURATION#AWS::EC2::NatGateway",
            "DURATION#AWS::ECS::Service",
            "DURATION#AWS::ServiceDiscovery::PrivateDnsNamespace"
        ],
        "what an operation waits for, and nothing else"
    );
    for item in items.iter().filter(|item| sort_key(item).starts_with("DURATION#")) {
        let samples = item["seconds"].as_l().expect("a list of samples");
        assert!((1..=128).contains(&samples.len()), "{item:?}");
        let is_short = |it: &aws_sdk_dynamodb::types::AttributeValue| it.as_n().is_ok_and(|it| it.len() < 4);
        assert!(samples.iter().all(is_short), "seconds, and a local cloud is quick: {item:?}");
    }
    assert!(list(&environment.0["resources"]).iter().all(|resource| resource["state"] == "READY"));
    stage.delete(environment.id()).await;
}
