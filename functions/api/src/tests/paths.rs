//! Paths as API Gateway hands them over: decoded.

use super::{Answer, send};
use axum::body::Body;
use serde_json::json;

const ENVIRONMENT: &str = "env-00000000000000000000000000";

/// What a path is answered that has been decoded.
async fn answer_to(method: &str, raw_path: &str) -> Answer {
    let context = json!({
        "requestId": "request-1", "stage": "$default",
        "http": {"method": method, "path": raw_path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "test"},
        "authorizer": {"iam": {"userArn": super::CALLER}},
    });
    let event = json!({
        "version": "2.0", "routeKey": "$default", "rawPath": raw_path, "rawQueryString": "",
        "headers": {"host": "example.execute-api.eu-west-1.amazonaws.com"},
        "requestContext": context, "isBase64Encoded": false,
    });
    let request = lambda_http::request::from_str(&event.to_string()).expect("an event of API Gateway");
    send("", request.map(Body::new)).await
}

/// What was not found.
#[track_caller]
fn missing(answer: &Answer) -> &str {
    answer.problem(404, "NOT_FOUND")["title"].as_str().expect("text")
}

const NO_ENVIRONMENT: &str = "There is no such environment";
const NO_PATH: &str = "There is nothing at this path";

#[tokio::test]
async fn a_path_with_what_no_path_has_is_not_the_path_before_it() {
    for sly in ["#", "\u{11}#x", "?", "?x=1", " ", "\u{9}", "\n", "[", "^", "%", "%23", "ü"] {
        for method in ["GET", "PATCH", "DELETE"] {
            let answer = answer_to(method, &format!("/environments/{ENVIRONMENT}{sly}")).await;
            assert_eq!(missing(&answer), NO_ENVIRONMENT, "{method} {sly:?}");
        }
        assert_eq!(missing(&answer_to("GET", &format!("/environments{sly}")).await), NO_PATH, "{sly:?}");
    }
}

#[tokio::test]
async fn what_stands_after_it_still_counts() {
    for sly in ["#", "a#b", "?", "a?b=c"] {
        let answer = answer_to("POST", &format!("/environments/{sly}/repair")).await;
        assert_eq!(missing(&answer), NO_ENVIRONMENT, "{sly:?}");
        assert_eq!(missing(&answer_to("GET", &format!("/environments/{sly}/nothing")).await), NO_PATH, "{sly:?}");
    }
}

#[tokio::test]
async fn a_path_goes_neither_up_nor_sideways() {
    for path in ["/health/../openapi.json", "/environments/../health", "\\health", "/./health", "//health"] {
        assert_eq!(missing(&answer_to("GET", path).await), NO_PATH, "{path:?}");
    }
    assert_eq!(answer_to("GET", "/health").await.status, 200);
}
