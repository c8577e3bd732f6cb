//! Waiting for something to become true: looking again and again, never sleeping for a fixed time.

use std::{
    future::Future,
    time::{Duration, Instant},
};

/// How long anything may take. On the local cloud a create takes seconds; what is slower than this hangs.
pub const PATIENCE: Duration = Duration::from_secs(240);

/// Looks until there is an answer. `look` says in words why there is none yet.
pub async fn until<T, Look, Sight>(what: &str, look: Look) -> T
where
    Look: FnMut() -> Sight,
    Sight: Future<Output = Result<T, String>>,
{
    until_within(PATIENCE, what, look).await
}

/// Looks as long as that until there is an answer.
pub async fn until_within<T, Look, Sight>(patience: Duration, what: &str, mut look: Look) -> T
where
    Look: FnMut() -> Sight,
    Sight: Future<Output = Result<T, String>>,
{
    let began = Instant::now();
    let mut pause = Duration::from_millis(100);
    loop {
        match look().await {
            Ok(answer) => return answer,
            Err(instead) if began.elapsed() > patience => {
                panic!("waited {} s in vain until {what}.\nInstead: {instead}", patience.as_secs())
            }
            Err(_) => tokio::time::sleep(pause).await,
        }
        // Many tests look at one local cloud: whoever waits long looks seldom.
        pause = (pause * 5 / 4).min(patience / 400);
    }
}
