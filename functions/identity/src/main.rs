//! The function of roles and secret.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), engine::Error> {
    engine::serve(identity::Identity::new).await
}
