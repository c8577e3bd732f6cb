//! The function of the worker.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), engine::Error> {
    let on_local_cloud = engine::lambda::variable("LOCAL_CLOUD")? == "true";
    engine::serve(|config| worker::Worker::new(config, on_local_cloud)).await
}
