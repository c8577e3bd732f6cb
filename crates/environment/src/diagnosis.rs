//! Diagnosis: why a worker does not run, or does not come online, told from what its task has left behind.
//!
//! Pure: whoever has gathered the stopped task's reason, its exit code and the end of its log gets what they mean. The
//! reasons are ECS's words and the lines are the worker's: both are shown to the environment's owner, after every
//! secret that the worker was given and everything that looks like a key was taken out of them ([`Scrubber`]).

mod scrub;

pub use scrub::Scrubber;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// So many lines of a log are kept: its last ones.
pub const LINES: usize = 50;
/// So much of a line is kept, in characters.
const LINE: usize = 400;
/// So much of a reason is kept, in characters.
const REASON: usize = 1000;

/// What a task has left behind.
#[derive(Clone, Debug, Default)]
pub struct Remains {
    /// The task's id.
    pub task: String,
    /// Why ECS stopped it, or why its container ended.
    pub reason: Option<String>,
    /// The exit code of the worker's container.
    pub exit_code: Option<i32>,
    /// The end of its log.
    pub log: Vec<String>,
}

/// Why a worker does not run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Diagnosis {
    /// What is wrong, where it is known.
    pub cause: Cause,
    /// The same in words, with what to do.
    pub meaning: String,
    /// The task.
    pub task: String,
    /// Why ECS stopped it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub stopped_reason: Option<String>,
    /// The exit code of the worker's container.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub exit_code: Option<i32>,
    /// The last lines of its log.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub log: Vec<String>,
}

/// What can be wrong with a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Cause {
    /// Prefect does not accept the key.
    KeyWrong,
    /// Prefect accepts the key and refuses what the worker needs.
    KeyLacksRights,
    /// There is no such workspace, or no API at that URL.
    WorkspaceWrong,
    /// The image cannot be pulled.
    ImageNotPulled,
    /// ECS cannot read a secret.
    SecretNotReadable,
    /// ECS cannot write to the log group.
    LogsNotWritable,
    /// Nothing outside the task's subnet answers.
    NoWayOut,
    /// The AWS SDK in the worker finds no region.
    NoRegion,
    /// The image lacks Prefect's worker for ECS.
    WorkerNotInImage,
    /// The task needs more memory than it has.
    OutOfMemory,
    /// The worker answers no health check.
    Unhealthy,
    /// None of these.
    Unknown,
}

impl Cause {
    /// What it means, and what to do.
    pub fn meaning(self) -> &'static str {
        match self {
            Cause::KeyWrong => "Prefect does not accept the key (401): it is wrong, expired or revoked.",
            Cause::KeyLacksRights => {
                "Prefect accepts the key and refuses it what a worker needs (403): give it the role Worker, or Developer, \
                 in this workspace."
            }
            Cause::WorkspaceWrong => {
                "Prefect knows no such workspace (404): look at account_id and workspace_id, or at the path of api_url."
            }
            Cause::ImageNotPulled => {
                "The image cannot be pulled: its name is wrong, it is private, or its registry has had enough of this \
                 address."
            }
            Cause::SecretNotReadable => "ECS may not read one of the worker's secrets, or the secret is not there.",
            Cause::LogsNotWritable => "ECS cannot write to the worker's log group.",
            Cause::NoWayOut => {
                "Nothing outside answers the task: its subnet has no way out, or a firewall or the server's own rules \
                 are in between."
            }
            Cause::NoRegion => {
                "The AWS SDK in the worker finds no region: AWS_REGION is not set in the image's command."
            }
            Cause::WorkerNotInImage => {
                "The image has no Prefect worker for ECS: it needs both prefect and prefect-aws."
            }
            Cause::OutOfMemory => "The worker needs more memory than worker.memory gives it.",
            Cause::Unhealthy => "The worker has not polled its server for minutes, and ECS has stopped it.",
            Cause::Unknown => "What keeps it from running is in the end of its log, if it wrote one.",
        }
    }

    /// What ECS's words for a stopped task mean. What ends a container itself is not here: its log says more.
    fn of_reason(reason: &str) -> Option<Cause> {
        let reason = reason.to_lowercase();
        let says = |words: &[&str]| words.iter().any(|words| reason.contains(words));
        let times_out =
            says(&["i/o timeout", "deadline exceeded", "client.timeout", "connection refused", "no such host"]);
        if says(&["outofmemory", "out of memory"]) {
            Some(Cause::OutOfMemory)
        } else if says(&["cannotpullcontainererror"]) {
            Some(if times_out { Cause::NoWayOut } else { Cause::ImageNotPulled })
        } else if says(&["resourceinitializationerror"]) && times_out {
            Some(Cause::NoWayOut)
        } else if says(&["unable to pull secrets", "unable to retrieve secret", "fetch secret"]) {
            Some(Cause::SecretNotReadable)
        } else if says(&["logger args", "log stream", "log driver"]) {
            Some(Cause::LogsNotWritable)
        } else if says(&["failed container health checks"]) {
            Some(Cause::Unhealthy)
        } else {
            None
        }
    }

    /// What a line of a worker's log means.
    fn of_line(line: &str) -> Option<Cause> {
        let says = |words: &[&str]| words.iter().any(|words| line.contains(words));
        if says(&["401 Unauthorized", "status code 401"]) {
            Some(Cause::KeyWrong)
        } else if says(&["403 Forbidden", "status code 403"]) {
            Some(Cause::KeyLacksRights)
        } else if says(&["404 Not Found", "status code 404"]) {
            Some(Cause::WorkspaceWrong)
        } else if says(&["NoRegionError", "You must specify a region"]) {
            Some(Cause::NoRegion)
        } else if says(&[
            "ConnectError",
            "ConnectTimeout",
            "All connection attempts failed",
            "Name or service not known",
        ]) {
            Some(Cause::NoWayOut)
        } else if says(&["No module named 'prefect", "Unable to start worker of type", "executable file not found"]) {
            Some(Cause::WorkerNotInImage)
        } else {
            None
        }
    }
}

/// What a task's remains mean.
pub fn diagnose(remains: Remains, scrubber: &Scrubber) -> Diagnosis {
    let Remains { task, reason, exit_code, log } = remains;
    let of_reason = reason.as_deref().and_then(Cause::of_reason);
    // The last word counts: what came before it the worker has lived through.
    let of_log = || log.iter().rev().find_map(|line| Cause::of_line(line));
    let cause = of_reason.or_else(of_log).unwrap_or(Cause::Unknown);
    let from = log.len().saturating_sub(LINES);
    Diagnosis {
        cause,
        meaning: cause.meaning().to_owned(),
        task,
        stopped_reason: reason.map(|reason| cut(scrubber.scrub(&reason), REASON)),
        exit_code,
        log: log[from..].iter().map(|line| cut(scrubber.scrub(line), LINE)).collect(),
    }
}

/// A text's first characters, so many of them, with a sign where there were more.
pub fn cut(text: String, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause(reason: &str, log: &[&str]) -> Cause {
        let reason = Some(reason.to_owned()).filter(|reason| !reason.is_empty());
        let log = log.iter().map(|line| (*line).to_owned()).collect();
        diagnose(Remains { reason, log, ..Remains::default() }, &Scrubber::default()).cause
    }

    const EXITED: &str = "Essential container in task exited";

    #[test]
    fn what_prefect_answered_is_read_from_the_end_of_the_log() {
        let answered =
            |answer: &str| format!("prefect.exceptions.PrefectHTTPStatusError: Client error '{answer}' for url");
        assert_eq!(cause(EXITED, &["Discovered type 'ecs'", &answered("401 Unauthorized"), ""]), Cause::KeyWrong);
        assert_eq!(cause(EXITED, &[&answered("403 Forbidden")]), Cause::KeyLacksRights);
        assert_eq!(cause(EXITED, &[&answered("404 Not Found")]), Cause::WorkspaceWrong);
        assert_eq!(cause(EXITED, &[&answered("404 Not Found"), &answered("403 Forbidden")]), Cause::KeyLacksRights);
    }

    #[test]
    fn what_keeps_a_task_from_starting_is_read_from_its_reason() {
        let reasons = [
            (
                "CannotPullContainerError: pull image manifest has been retried 1 time(s): … not found",
                Cause::ImageNotPulled,
            ),
            ("CannotPullContainerError: … dial tcp 52.1.2.3:443: i/o timeout", Cause::NoWayOut),
            (
                "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval \
                 failed: unable to retrieve secret from asm: … AccessDeniedException",
                Cause::SecretNotReadable,
            ),
            (
                "ResourceInitializationError: unable to pull secrets or registry auth: … context deadline exceeded",
                Cause::NoWayOut,
            ),
            (
                "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: \
                 … AccessDeniedException",
                Cause::LogsNotWritable,
            ),
            ("OutOfMemoryError: Container killed due to memory usage", Cause::OutOfMemory),
            ("Task failed container health checks", Cause::Unhealthy),
        ];
        for (reason, wanted) in reasons {
            assert_eq!(cause(reason, &["401 Unauthorized"]), wanted, "{reason}");
        }
    }

    #[test]
    fn a_worker_without_a_region_or_without_a_way_out_says_so_itself() {
        assert_eq!(cause(EXITED, &["botocore.exceptions.NoRegionError: You must specify a region."]), Cause::NoRegion);
        assert_eq!(cause("", &["httpx.ConnectError: All connection attempts failed"]), Cause::NoWayOut);
        assert_eq!(cause(EXITED, &["ModuleNotFoundError: No module named 'prefect_aws'"]), Cause::WorkerNotInImage);
    }

    #[test]
    fn what_nobody_knows_is_called_unknown() {
        assert_eq!(cause(EXITED, &["Traceback (most recent call last):"]), Cause::Unknown);
        assert_eq!(cause("", &[]), Cause::Unknown);
    }

    #[test]
    fn only_the_end_of_a_log_is_kept_and_nothing_secret_of_it() {
        let log = (0..80).map(|number| format!("line {number} with pw-of-the-team {}", "x".repeat(500))).collect();
        let remains = Remains { reason: Some("key pw-of-the-team".into()), log, ..Remains::default() };
        let diagnosis = diagnose(remains, &Scrubber::of(["pw-of-the-team"]));
        assert_eq!(diagnosis.log.len(), LINES);
        assert!(diagnosis.log[0].starts_with("line 30 "), "{}", diagnosis.log[0]);
        assert!(diagnosis.log.iter().all(|line| line.chars().count() <= LINE + 1));
        let written = serde_json::to_string(&diagnosis).expect("JSON");
        assert!(!written.contains("pw-of-the-team"), "{written}");
    }
}
