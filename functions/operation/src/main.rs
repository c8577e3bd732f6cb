//! The function that begins, turns, closes and sweeps operations.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    operation::serve().await
}
