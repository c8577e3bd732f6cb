//! A stand-in for Fargate, for the local cloud: each container of its ECS is a process of this machine.
//!
//! It speaks the part of the Docker Engine API that the local cloud asks for (`DOCKER_HOST`), over a socket that only
//! its owner can open. Services, RunTask, exit codes, replacement and the circuit breaker are the local cloud's own.
//! What Fargate does and the local cloud does not is here: secrets and logs with the execution role, credentials of the task
//! role, `stopTimeout`, ECS's events, and a pace at which a service that fails is tried again.
//!
//! Test equipment: nothing of the product uses it.
#![allow(clippy::print_stdout, reason = "says when it listens")]

mod aws;
mod container;
mod containers;
mod engine;
mod events;
mod images;
mod launch;
mod log;
mod pace;
mod roles;
mod routes;
mod task;

use aws::Aws;
use containers::Containers;
use engine::Engine;
use launch::Host;
use pace::Pace;
use std::{env, error::Error, fs, path::PathBuf, sync::Arc, time::Duration};
use tokio::{
    net::UnixListener,
    signal::unix::{SignalKind, signal},
};

/// How long containers may take to end when the stand-in ends.
const LAST_GRACE: Duration = Duration::from_secs(5);

/// Arguments: the socket; a directory for the containers; the directory of the commands that they find; the local cloud's
/// address; AWS's address as they see it; the region.
fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [socket, directory, commands, cloud, aws_endpoint, region] = arguments.as_slice() else {
        return Err("usage: fargate <socket> <directory> <commands> <local cloud> <AWS for containers> <region>".into());
    };
    let host = Host {
        directory: PathBuf::from(directory),
        commands: PathBuf::from(commands),
        aws_endpoint: aws_endpoint.clone(),
    };
    let aws = Aws::new(cloud, region)?;
    let engine = Arc::new(Engine { aws, host, containers: Containers::default(), pace: Pace::default() });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = UnixListener::bind(socket)?;
        println!("listening on {socket}");
        tokio::spawn(events::send(engine.aws.clone()));
        let mut told_to_end = signal(SignalKind::terminate())?;
        let server = axum::serve(listener, routes::router(Arc::clone(&engine)));
        tokio::select! {
            served = async { server.await } => served?,
            _ = told_to_end.recv() => {}
        }
        engine.containers.stop(LAST_GRACE).await;
        fs::remove_file(socket)?;
        Ok(())
    })
}
