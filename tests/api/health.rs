//! `GET /health`.

use end_to_end::Stage;
use http::Method;

#[tokio::test]
async fn the_service_says_that_it_is_well_to_anybody() {
    let stage = Stage::set().await;
    let health = stage.api.send_unsigned(Method::GET, "/health", "").await.expect(200);
    assert_eq!(health["status"], "ok", "{health}");
}
