//! The Lambda function that makes, corrects and removes an environment's network.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), engine::Error> {
    engine::serve(network::Network::new).await
}
