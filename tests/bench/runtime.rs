//! Lambda's runtime API, as far as one invocation of one process needs it.

use end_to_end::{
    Service,
    message::{Message, request},
};
use rules::Response;
use serde_json::Value;
use std::{
    collections::HashMap,
    fs, io,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    time::timeout,
};

/// What a start came to.
pub(crate) struct Start {
    /// From the start of the process to its first answer.
    pub(crate) first_answer: Duration,
    /// The most memory that it had until then, in KiB.
    pub(crate) peak: u64,
}

/// Starts a function's process and waits for its first answer, then ends it.
pub(crate) async fn start(binary: &Path, variables: &HashMap<String, String>, event: &Value) -> Start {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    let (answered, answer) = oneshot::channel();
    let server = tokio::spawn(serve(listener, event.to_string(), answered));

    let mut command = Command::new(binary);
    command.env_clear().envs(variables).envs(lambdas_own(&address));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let began = Instant::now();
    let mut process = command.spawn().unwrap_or_else(|error| panic!("{} does not start: {error}", binary.display()));
    let waited = timeout(Duration::from_secs(20), answer).await;
    let first_answer = began.elapsed();
    let peak = peak_of(process.id());
    process.kill().expect("it still runs");
    process.wait().expect("it ends");
    server.abort();
    assert!(matches!(waited, Ok(Ok(()))), "{} does not answer", binary.display());
    Start { first_answer, peak }
}

/// Gives the event to who asks first, and says when the answer is there.
async fn serve(listener: TcpListener, event: String, answered: oneshot::Sender<()>) -> io::Result<()> {
    let mut left = Some((event, answered));
    loop {
        let (process, _) = listener.accept().await?;
        process.set_nodelay(true)?;
        if is_answered(process, &mut left).await? {
            // It asks for the next invocation, and waits for it.
            std::future::pending::<()>().await;
        }
    }
}

/// Serves a connection until it is closed, or until the answer has come.
async fn is_answered(process: TcpStream, left: &mut Option<(String, oneshot::Sender<()>)>) -> io::Result<bool> {
    let mut process = BufReader::new(process);
    while let Some(asked) = request(&mut process).await? {
        if asked.line.ends_with("/invocation/next") {
            let event = left.as_ref().map(|(event, _)| event.clone()).unwrap_or_default();
            process.get_mut().write_all(&Message::of(invocation(event), false).raw).await?;
            continue;
        }
        // Who cannot start tells it elsewhere.
        assert!(asked.line.contains("/runtime/invocation/"), "this is no answer: {}", asked.line);
        let accepted = Response { status: 202, headers: Vec::new(), body: Vec::new() };
        process.get_mut().write_all(&Message::of(accepted, false).raw).await?;
        if let Some((_, answered)) = left.take() {
            // Whoever waits may have given up.
            let _ = answered.send(());
        }
        return Ok(true);
    }
    Ok(false)
}

fn invocation(event: String) -> Response {
    let headers = [
        ("content-type", "application/json"),
        ("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd"),
        ("lambda-runtime-deadline-ms", "4102444800000"),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:us-east-1:000000000000:function:bench"),
    ];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    Response { status: 200, headers, body: event.into_bytes() }
}

/// What Lambda gives to each process.
fn lambdas_own(address: &str) -> [(&'static str, String); 9] {
    let service = Service::under_test();
    [
        ("AWS_LAMBDA_RUNTIME_API", address.to_owned()),
        ("AWS_LAMBDA_FUNCTION_NAME", "bench".to_owned()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256".to_owned()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "bench".to_owned()),
        ("AWS_REGION", service.region.clone()),
        ("AWS_ENDPOINT_URL", service.aws_endpoint.clone()),
        ("AWS_ACCESS_KEY_ID", "test".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
    ]
}

/// The most memory that a process had, in KiB, as Linux counts it.
fn peak_of(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse().unwrap_or_default()
}
