//! Preflight on the deployed service: the functions are asked, answer, and change nothing.

use end_to_end::{
    Stage,
    api::list,
    requests::{request, unique},
};
use serde_json::{Value, json};

/// What the API asks a function about an environment.
fn question(id: &str, spec: &Value) -> Value {
    json!({"action": "preflight", "environment_id": id, "spec": spec})
}

#[tokio::test]
async fn a_function_tells_its_quotas_and_touches_nothing() {
    let stage = Stage::set().await;
    let environment = stage.create(&request(&unique("asked"))).await;
    let before = stage.inventory_of(&environment.marks()).await;
    let question = question(environment.id(), &environment.0["spec"]);

    let told = stage.functions.invoke("identity", &question).await;
    let roles = &list(&told["quotas"])[0];
    assert_eq!(roles["code"], "L-FE177D64", "IAM tells its quota on every cloud: {told}");
    let made = environment.resources().iter().filter(|resource| resource["type"] == "AWS::IAM::Role").count();
    assert_eq!(roles["needed"], json!(made), "as many as the environment has");
    assert!(roles["used"].as_u64() >= Some(made as u64) && roles["limit"].as_u64() > roles["used"].as_u64(), "{roles}");
    for quota in list(&stage.functions.invoke("network", &question).await["quotas"]) {
        assert!(quota["limit"].is_u64() && quota["used"].is_u64() && quota["needed"].is_u64(), "{quota}");
    }
    for function in ["cluster", "worker"] {
        assert_eq!(stage.functions.invoke(function, &question).await, json!({"quotas": []}), "{function} has none");
    }

    stage.inventory_of(&environment.marks()).await.must_be_as(&before, "after the questions");
    stage.delete(environment.id()).await;
}

/// Every request of these tests asks both functions; none of them is refused, however many environments there are.
#[tokio::test]
async fn the_local_cloud_refuses_nothing_for_want_of_quotas() {
    let stage = Stage::set().await;
    let network = stage.functions.configuration("network").await;
    assert_eq!(network["Environment"]["Variables"]["LOCAL_CLOUD"], "true", "{network:#}");
    let api = stage.functions.configuration("api").await;
    for function in ["network", "identity"] {
        let variable = format!("{}_FUNCTION_ARN", function.to_uppercase());
        let arn = stage.functions.configuration(function).await["FunctionArn"].clone();
        assert_eq!(api["Environment"]["Variables"][&variable], arn, "the api asks {function}");
    }
}
