//! The function of the cluster.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), engine::Error> {
    engine::serve(cluster::ClusterGroup::new).await
}
