//! How long requests take when one, ten and fifty callers send them one after the other.

use crate::{idle::let_operations_do_nothing, numbers::Durations, say};
use end_to_end::{
    Api, Stage,
    requests::{request, unique},
};
use futures::future::join_all;
use std::time::{Duration, Instant};

const CALLERS: [usize; 3] = [1, 10, 50];
/// Of all callers together.
const READS: usize = 500;
const CREATES: usize = 100;

#[tokio::test]
async fn requests_of_many_callers_are_answered() {
    let stage = Stage::set().await;
    let environment = stage.create(&request(&unique("bench"))).await;
    let_operations_do_nothing(&stage.cloud).await;
    let path = format!("/environments/{}", environment.id());

    say("\nRequests of some callers at once, one after the other each:");
    for callers in CALLERS {
        let read = async |api: &Api| {
            api.get(&path).await.expect(200);
        };
        say(format!("  GET  {callers:>3} callers   {}", sent(callers, READS, read).await));
    }
    for callers in CALLERS {
        let create = async |api: &Api| {
            api.create(&request(&unique("bench"))).await.expect(202);
        };
        say(format!("  POST {callers:>3} callers   {}", sent(callers, CREATES, create).await));
    }
}

async fn sent(callers: usize, requests: usize, send: impl AsyncFn(&Api)) -> Durations {
    let caller = || async {
        // With connections of its own.
        let api = Api::default();
        let mut durations: Vec<Duration> = Vec::new();
        for _ in 0..requests / callers {
            let began = Instant::now();
            send(&api).await;
            durations.push(began.elapsed());
        }
        durations
    };
    Durations::of(join_all((0..callers).map(|_| caller())).await.concat())
}
