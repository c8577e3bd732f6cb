//! What a container is given before it starts, as Fargate's agent prepares it: a directory, an environment with the
//! secrets that the execution role may read, a log stream that it may make, and the task role's credentials.

use crate::{
    aws::{Aws, Refusal, Service},
    container::Container,
    roles::Session,
    task::Task,
};
use aws_credential_types::Credentials;
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    fs, io,
    net::TcpListener,
    path::{Path, PathBuf},
    time::Duration,
};

/// What every container finds here.
#[derive(Debug)]
pub(crate) struct Host {
    /// Where each container has a directory.
    pub(crate) directory: PathBuf,
    /// The commands that images bring: the tools' own.
    pub(crate) commands: PathBuf,
    /// AWS, as a container sees it.
    pub(crate) aws_endpoint: String,
}

/// What one container is given.
#[derive(Debug)]
pub(crate) struct Launch {
    pub(crate) command: Vec<String>,
    pub(crate) environment: HashMap<String, String>,
    pub(crate) directory: PathBuf,
    pub(crate) stop_timeout: Duration,
    /// The task role's session, which ends with the container.
    pub(crate) session: Option<Session>,
}

/// Why a container cannot be started, in Fargate's words.
#[derive(Debug)]
pub(crate) struct Unable(pub(crate) String);

impl From<Refusal> for Unable {
    fn from(refusal: Refusal) -> Unable {
        Unable(format!("unable to pull secrets or registry auth: execution resource retrieval failed: {refusal}"))
    }
}

impl From<io::Error> for Unable {
    fn from(error: io::Error) -> Unable {
        Unable(error.to_string())
    }
}

impl Launch {
    pub(crate) async fn prepare(aws: &Aws, host: &Host, container: &Container, task: &Task) -> Result<Launch, Unable> {
        let directory = host.directory.join(&container.name);
        for part in ["home", "tmp"] {
            fs::create_dir_all(directory.join(part))?;
        }
        let given = container.environment.iter().filter_map(|variable| variable.split_once('='));
        let mut environment: HashMap<String, String> =
            given.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        // The local cloud's own answers to these are for Docker's network, and are refused under IAM enforcement.
        environment.retain(|name, _| !name.starts_with("AWS_CONTAINER_"));
        environment.extend(own(host, &directory)?);
        environment.extend(as_execution_role(aws, task).await?);
        let session = match &task.task_role {
            Some(role) => Some(Session::of(aws, role, &format!("fargate-{}-task", task.id())).await?),
            None => None,
        };
        environment.extend(session.iter().flat_map(|session| keys(&session.credentials)));
        let command = container.command.clone();
        Ok(Launch { command, environment, directory, stop_timeout: task.stop_timeout(), session })
    }
}

/// What stands for an image's and a machine's own: it wins over what the task says.
fn own(host: &Host, directory: &Path) -> io::Result<Vec<(String, String)>> {
    let path = |path: &Path| path.display().to_string();
    let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
    let own = [
        ("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", host.commands.display())),
        ("HOME", path(&directory.join("home"))),
        ("TMPDIR", path(&directory.join("tmp"))),
        ("LANG", "C.UTF-8".to_owned()),
        ("AWS_ENDPOINT_URL", host.aws_endpoint.clone()),
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        // A task has a network of its own on Fargate. Here all share one, in which nobody but this machine may ask.
        ("PREFECT_WORKER_WEBSERVER_HOST", "127.0.0.1".to_owned()),
        ("PREFECT_WORKER_WEBSERVER_PORT", port.to_string()),
    ];
    Ok(own.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// The secrets' values and a log stream, both had with the execution role.
async fn as_execution_role(aws: &Aws, task: &Task) -> Result<HashMap<String, String>, Unable> {
    let Some(role) = &task.execution_role else { return Ok(HashMap::new()) };
    let session = Session::of(aws, role, &format!("fargate-{}-execution", task.id())).await?;
    let had = async {
        let mut secrets = HashMap::new();
        for secret in task.container["secrets"].as_array().into_iter().flatten() {
            let name = secret["name"].as_str().unwrap_or_default().to_owned();
            secrets.insert(name, secret_value(aws, &session.credentials, &secret["valueFrom"]).await?);
        }
        log_stream(aws, &session.credentials, task).await?;
        Ok(secrets)
    };
    let had = had.await;
    session.end(aws).await;
    had
}

/// `arn:aws:secretsmanager:<region>:<account>:secret:<name>[:<json key>:<version stage>:<version id>]`.
async fn secret_value(aws: &Aws, who: &Credentials, value_from: &Value) -> Result<String, Unable> {
    let reference = value_from.as_str().unwrap_or_default();
    let parts: Vec<&str> = reference.split(':').collect();
    if parts.get(2) != Some(&"secretsmanager") {
        return Err(Unable(format!("only secrets of Secrets Manager are known here: {reference}")));
    }
    let mut input = json!({"SecretId": parts[..parts.len().min(7)].join(":")});
    for (at, member) in [(8, "VersionStage"), (9, "VersionId")] {
        if let Some(value) = parts.get(at).filter(|value| !value.is_empty()) {
            input[member] = json!(value);
        }
    }
    let secret = aws.json(who, Service::Secrets, "GetSecretValue", input).await?;
    let value = secret["SecretString"].as_str().unwrap_or_default();
    match parts.get(7).filter(|key| !key.is_empty()) {
        None => Ok(value.to_owned()),
        Some(key) => {
            let members: Value = serde_json::from_str(value).unwrap_or_default();
            let member = members[key].as_str().map(str::to_owned);
            member.ok_or_else(|| Unable(format!("the secret has no key {key}: {reference}")))
        }
    }
}

/// The local cloud writes into the stream; that the execution role may make it is asked here.
async fn log_stream(aws: &Aws, who: &Credentials, task: &Task) -> Result<(), Unable> {
    let options = &task.container["logConfiguration"]["options"];
    let (Some(group), Some(prefix)) = (options["awslogs-group"].as_str(), options["awslogs-stream-prefix"].as_str())
    else {
        return Ok(());
    };
    let container = task.container["name"].as_str().unwrap_or_default();
    let input = json!({"logGroupName": group, "logStreamName": format!("{prefix}/{container}/{}", task.id())});
    match aws.json(who, Service::Logs, "CreateLogStream", input).await {
        Err(refusal) if !refusal.to_string().contains("ResourceAlreadyExistsException") => {
            Err(Unable(format!("failed to validate logger args: create stream has been retried 1 times: {refusal}")))
        }
        _ => Ok(()),
    }
}

fn keys(credentials: &Credentials) -> Vec<(String, String)> {
    let keys = [
        ("AWS_ACCESS_KEY_ID", Some(credentials.access_key_id())),
        ("AWS_SECRET_ACCESS_KEY", Some(credentials.secret_access_key())),
        ("AWS_SESSION_TOKEN", credentials.session_token()),
    ];
    keys.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))).collect()
}

/// Takes away what was made for a container.
pub(crate) async fn clear(aws: &Aws, launch: Launch) {
    if let Some(session) = &launch.session {
        session.end(aws).await;
    }
    let _ = fs::remove_dir_all(&launch.directory);
}
