//! The function of the worker.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), engine::Error> {
    engine::serve(worker::Worker::new).await
}
