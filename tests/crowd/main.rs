//! Fifty environments at once, on the deployed stack, with AWS asking to slow down.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a surprise ends the test")]

mod throttled;

use end_to_end::{
    Inventory, Stage,
    requests::{request, unique},
};
use futures::future::join_all;
use std::{io::Write, time::Instant};
use throttled::Repeats;

/// How many.
const CROWD: usize = 50;

#[tokio::test]
async fn fifty_environments_come_and_go_at_once_and_every_refused_call_backs_off() {
    let stage = Stage::set().await;
    let before = Inventory::take(&stage.cloud).await;

    let began = Instant::now();
    let bodies: Vec<_> = (0..CROWD).map(|_| request(&unique("crowd"))).collect();
    let ids = join_all(bodies.iter().map(|body| stage.request(body))).await;
    stage.all_become(&ids, "ACTIVE").await;
    let made = began.elapsed();
    let began = Instant::now();
    let deletes = join_all(ids.iter().map(|id| stage.api.delete(id))).await;
    deletes.iter().for_each(|answer| drop(answer.expect(202)));
    stage.all_become(&ids, "DELETED").await;
    let removed = began.elapsed();

    Inventory::take(&stage.cloud).await.must_be_as(&before, "after fifty environments came and went");
    let repeats = Repeats::read();
    // Past the test harness, which shows what a test prints only when it fails.
    let mut out = std::io::stdout();
    writeln!(out, "{CROWD} created in {:.0} s, deleted in {:.0} s", made.as_secs_f64(), removed.as_secs_f64()).unwrap();
    writeln!(out, "{repeats}").unwrap();
    repeats.must_back_off();
}
