//! The HTTP API on Lambda.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    engine::lambda::start_logging();
    let config = engine::aws::config().await;
    lambda_http::run(api::router(api::Service::new(&config)?)).await
}
