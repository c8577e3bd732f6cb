//! A twin: the same thing as one of ours, made by somebody else. The same request, but without our tags.

use rules::Request;
use serde_json::Value;
use url::form_urlencoded;

/// The twin's request, in this account.
pub fn of(request: &Request, account: &str) -> Request {
    let mut twin = request.clone();
    for (name, value) in &mut twin.headers {
        if name == "authorization" {
            let key =
                value.split("Credential=").nth(1).and_then(|it| it.split('/').next()).unwrap_or_default().to_owned();
            *value = value.replace(&key, account);
        }
    }
    // The body is another one.
    twin.headers.retain(|(name, _)| name != "content-length");
    twin.body = match serde_json::from_slice::<Value>(&request.body) {
        Ok(mut body) => {
            if let Value::Object(members) = &mut body {
                // Nor with our roles, which IAM does not let anybody pass yet.
                members.retain(|name, _| !["tags", "Tags", "executionRoleArn", "taskRoleArn"].contains(&name.as_str()));
                for (name, value) in members.iter_mut() {
                    match name.as_str() {
                        "description" => *value = "Somebody else's.".into(),
                        "SecretString" => *value = "somebody else's".into(),
                        "ClientRequestToken" => *value = "11111111-2222-4333-8444-555555555555".into(),
                        "CreatorRequestId" => *value = "somebody-else".into(),
                        // Nor with a dead-letter queue, which may not be there yet.
                        "Attributes" => drop(value.as_object_mut().and_then(|them| them.remove("RedrivePolicy"))),
                        _ => {}
                    }
                }
            }
            body.to_string().into_bytes()
        }
        Err(_) => {
            let form = form_urlencoded::parse(&request.body).filter(|(name, _)| !name.starts_with("Tags."));
            form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish().into_bytes()
        }
    };
    twin
}
