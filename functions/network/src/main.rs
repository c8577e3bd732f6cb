//! The Lambda function that makes, corrects and removes an environment's network.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), engine::Error> {
    let on_local_cloud = engine::lambda::variable("LOCAL_CLOUD")? == "true";
    engine::serve(|config| {
        let network = network::Network::new(config);
        if on_local_cloud { network.without_default_quotas() } else { network }
    })
    .await
}
