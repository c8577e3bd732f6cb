//! A container: a process of this machine that believes to be alone in it.
//!
//! It is made, started once, and ends: by itself, or told with SIGTERM and, after the task's `stopTimeout`, with
//! SIGKILL. Signals go to its whole process group, as the image's own init does with them.

use crate::{
    launch::Launch,
    log::{Log, Source},
};
use jiff::Timestamp;
use rustix::process::{Pid, Signal, kill_process_group};
use std::{collections::HashMap, io, os::unix::process::ExitStatusExt, process::Stdio, sync::Arc, time::Duration};
use tokio::{
    process::{Child, Command},
    sync::watch,
};

/// A container as it was asked for, and what has become of it.
#[derive(Debug)]
pub(crate) struct Container {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) image: String,
    pub(crate) command: Vec<String>,
    pub(crate) environment: Vec<String>,
    pub(crate) labels: HashMap<String, String>,
    pub(crate) made: Timestamp,
    pub(crate) log: Arc<Log>,
    pub(crate) state: watch::Sender<State>,
}

/// How far a container has come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum State {
    Created,
    Running { process: Pid, since: Timestamp, stop_timeout: Duration },
    Exited { code: i32, since: Timestamp, at: Timestamp },
}

impl Container {
    /// Starts the process. What it is given is in `launch`, and nothing else of this machine's environment.
    pub(crate) fn start(self: &Arc<Self>, launch: &Launch) -> io::Result<()> {
        let Some((program, arguments)) = launch.command.split_first() else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "no command specified"));
        };
        let mut command = Command::new(program);
        command.args(arguments).env_clear().envs(&launch.environment).current_dir(&launch.directory);
        command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn()?;
        let process = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        let process = process.ok_or_else(|| io::Error::other("the process has no id"))?;
        self.state.send_replace(State::Running { process, since: Timestamp::now(), stop_timeout: launch.stop_timeout });
        tokio::spawn(Arc::clone(self).attend(child, process));
        Ok(())
    }

    /// Takes down what the process says and how it ends.
    async fn attend(self: Arc<Self>, mut child: Child, process: Pid) {
        let stdout = child.stdout.take().map(|stream| tokio::spawn(Arc::clone(&self.log).read(Source::Stdout, stream)));
        let stderr = child.stderr.take().map(|stream| tokio::spawn(Arc::clone(&self.log).read(Source::Stderr, stream)));
        let status = child.wait().await;
        // A container is over when its first process is.
        let _ = kill_process_group(process, Signal::KILL);
        for reader in [stdout, stderr].into_iter().flatten() {
            let _ = reader.await;
        }
        self.log.close();
        let killed = |signal: i32| 128 + signal;
        let code = status.ok().and_then(|status| status.code().or_else(|| status.signal().map(killed))).unwrap_or(-1);
        self.state.send_modify(|state| {
            if let State::Running { since, .. } = *state {
                *state = State::Exited { code, since, at: Timestamp::now() };
            }
        });
    }

    /// Waits until it has ended; its exit code. One that was never started has none to wait for.
    pub(crate) async fn ended(&self) -> Option<i32> {
        let mut state = self.state.subscribe();
        // The sender lives as long as the container does.
        let ended = *state.wait_for(|state| !matches!(state, State::Running { .. })).await.ok()?;
        match ended {
            State::Exited { code, .. } => Some(code),
            State::Created | State::Running { .. } => None,
        }
    }

    /// Asks it to end and waits until it has, at most for its task's `stopTimeout`. Then it is killed.
    pub(crate) async fn stop(&self, limit: Option<Duration>) {
        let state = *self.state.borrow();
        let State::Running { process, stop_timeout, .. } = state else { return };
        let _ = kill_process_group(process, Signal::TERM);
        if tokio::time::timeout(limit.unwrap_or(stop_timeout), self.ended()).await.is_err() {
            self.kill();
            self.ended().await;
        }
    }

    /// Ends it at once.
    pub(crate) fn kill(&self) {
        if let State::Running { process, .. } = *self.state.borrow() {
            let _ = kill_process_group(process, Signal::KILL);
        }
    }
}
