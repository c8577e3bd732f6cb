//! `GET /environments/{id}`: only what is news, and as soon as it is; an id that nobody has.

use end_to_end::{
    Stage,
    api::{list, text},
    requests::{request, unique},
};
use futures::join;
use http::Method;
use std::time::{Duration, Instant};

#[tokio::test]
async fn who_has_an_environment_as_it_is_gets_no_second_copy() {
    let stage = Stage::set().await;
    let id = stage.create(&request(&unique("etag"))).await.id().to_owned();
    let path = format!("/environments/{id}");
    let first = stage.api.get(&path).await;
    let etag = first.header("etag").to_owned();
    assert!(etag.starts_with('"') && etag.ends_with('"'), "a strong tag: {:?}", first.headers);
    assert_eq!(first.header("retry-after"), "", "nobody works on it");

    for known in [etag.clone(), format!("W/{etag}"), format!("\"other\", {etag}"), "*".to_owned()] {
        let again = stage.api.send(Method::GET, &path, &[("if-none-match", &known)], "").await;
        assert_eq!((again.status, again.header("etag")), (304, etag.as_str()), "{known}: {again:?}");
        assert_eq!(again.text, "", "a 304 has no body");
    }
    let other = stage.api.send(Method::GET, &path, &[("if-none-match", "\"other\"")], "").await;
    assert_eq!(other.expect(200), first.json(), "who has another one gets this one");
    stage.api.send(Method::GET, &path, &[("if-none-match", "other")], "").await.problem(400, "INVALID_HEADER");

    stage.api.delete(&id).await.expect(202);
    let moved = stage.api.send(Method::GET, &path, &[("if-none-match", &etag)], "").await;
    assert_eq!(moved.status, 200, "the delete has moved it: {moved:?}");
    stage.api.at_rest(&id).await.must_be("DELETED");
}

#[tokio::test]
async fn a_step_that_takes_a_turn_moves_the_etag() {
    let stage = Stage::set().await;
    let id = stage.request(&request(&unique("turns"))).await;
    stage.table.hold(&id, "worker").await;
    stage.api.until(&id, "the roles are granted", |one| one.outcome("identity", "ensure") == "done").await;
    let path = format!("/environments/{id}");
    let before = stage.api.get(&path).await;
    stage.table.let_go(&id, "worker").await;
    stage.api.until(&id, "the worker has had a turn", |one| !one.outcome("worker", "ensure").is_null()).await;
    let after = stage.api.get(&path).await;
    assert_ne!(before.header("etag"), after.header("etag"), "between {} and {}", before.text, after.text);
    stage.api.at_rest(&id).await.must_be("ACTIVE");
    stage.delete(&id).await;
}

#[tokio::test]
async fn an_answer_is_held_until_there_is_news() {
    let stage = Stage::set().await;
    let id = stage.request(&request(&unique("news"))).await;
    stage.table.hold(&id, "worker").await;
    stage.api.until(&id, "all but the worker is done", |one| one.outcome("cluster", "ensure") == "done").await;
    let path = format!("/environments/{id}");
    let seen = stage.api.read(&id).await;

    let held = stage.api.send(Method::GET, &path, &[("prefer", "wait=20")], "");
    let (held, ()) = join!(held, stage.table.let_go(&id, "worker"));
    assert_eq!(held.header("preference-applied"), "wait=20", "{:?}", held.headers);
    let shown = held.expect(200);
    assert_ne!(
        (&shown["status"], list(&shown["operations"][0]["steps"]).len()),
        (&seen.0["status"], list(&seen.operation()["steps"]).len()),
        "it is answered with news: {shown:#}"
    );
    stage.api.at_rest(&id).await.must_be("ACTIVE");
    stage.delete(&id).await;
}

#[tokio::test]
async fn an_answer_is_not_held_where_nothing_will_come_or_the_caller_has_an_older_one() {
    let stage = Stage::set().await;
    let id = stage.request(&request(&unique("held"))).await;
    stage.table.hold(&id, "worker").await;
    let path = format!("/environments/{id}");
    let ask = |headers: Vec<(&'static str, &'static str)>| {
        let (api, path) = (&stage.api, path.clone());
        async move {
            let began = Instant::now();
            let answer = api.send(Method::GET, &path, &headers, "").await;
            (answer, began.elapsed())
        }
    };
    let at_once = Duration::from_secs(10);
    let (old, took) = ask(vec![("prefer", "wait=20"), ("if-none-match", "\"old\"")]).await;
    assert_eq!(old.status, 200);
    assert!(took < at_once, "the caller's is older, and it took {took:?}");
    stage.table.let_go(&id, "worker").await;
    stage.api.at_rest(&id).await.must_be("ACTIVE");
    let (at_rest, took) = ask(vec![("prefer", "wait=20")]).await;
    assert_eq!(text(&at_rest.expect(200)["status"]), "ACTIVE");
    assert!(took < at_once, "nobody works on it, and it took {took:?}");
    stage.delete(&id).await;
}

#[tokio::test]
async fn what_may_be_done_now_is_told() {
    let stage = Stage::set().await;
    let id = stage.create(&request(&unique("actions"))).await.id().to_owned();
    let active = stage.api.read(&id).await;
    assert_eq!(list(&active.0["actions"]), ["update", "repair", "delete"], "{active}");
    let deleted = stage.delete(&id).await;
    assert_eq!(list(&deleted.0["actions"]), [""; 0], "nothing is left to be done: {deleted}");
}

#[tokio::test]
async fn an_id_that_nobody_has_is_not_found() {
    let stage = Stage::set().await;
    for id in ["env-00000000000000000000000000", "env-", "x", "ENV-00000000000000000000000000", "%20"] {
        stage.api.get(&format!("/environments/{id}")).await.problem(404, "NOT_FOUND");
        stage.api.delete(id).await.problem(404, "NOT_FOUND");
    }
}
