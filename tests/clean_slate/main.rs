//! Tests that need the whole cloud to themselves: cargo runs one test binary after the other, and these run
//! one after the other as well.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a surprise ends the test")]

use end_to_end::{
    Inventory, Refusal, Stage,
    api::text,
    requests::{request, unique},
};
use futures::join;
use std::sync::{Mutex, PoisonError};

/// Nothing is looked for by name or tag here: whatever a life leaves anywhere is found.
#[test]
fn the_cloud_is_after_two_lives_as_it_was_before() {
    alone(async |stage| {
        let before = Inventory::take(&stage.cloud).await;
        let (one, other) = (request(&unique("one")), request(&unique("other")));
        let (one, other) = join!(stage.create(&one), stage.create(&other));
        stage.delete(one.id()).await;
        stage.delete(other.id()).await;
        Inventory::take(&stage.cloud).await.must_be_as(&before, "after two environments came and went");
    });
}

#[test]
fn the_cloud_is_after_a_create_that_was_turned_round_as_it_was_before() {
    alone(async |stage| {
        let before = Inventory::take(&stage.cloud).await;
        let id = stage.request(&request(&unique("turned"))).await;
        stage.api.until(&id, "the VPC is there", |now| now.resource("network/vpc")["state"] == "READY").await;
        stage.delete(&id).await;
        Inventory::take(&stage.cloud).await.must_be_as(&before, "after a delete during the create");
    });
}

/// Calls whose refusal the local cloud cannot confine to one environment.
#[test]
fn access_denied_in_network_egress_cluster_and_worker_is_rolled_back_and_named() {
    let cases = [
        ("network", "network/vpc", "network", "ec2:CreateVpc"),
        ("network", "network/internet-gateway-attachment", "network", "ec2:AttachInternetGateway"),
        ("network", "network/security-group", "network", "ec2:CreateSecurityGroup"),
        ("egress", "network/nat-address", "network", "ec2:AllocateAddress"),
        ("egress", "network/nat-gateway", "network", "ec2:CreateNatGateway"),
        ("cluster", "cluster/cluster", "cluster", "ecs:CreateCluster"),
        ("cluster", "cluster/namespace", "cluster", "servicediscovery:CreatePrivateDnsNamespace"),
        ("worker-setup", "worker/task-definition", "worker", "ecs:RegisterTaskDefinition"),
    ];
    alone(async |stage| {
        for (step, resource, function, action) in cases {
            let before = Inventory::take(&stage.cloud).await;
            let refusal = Refusal::everywhere(function, action);
            let failed = refusal.during(stage, stage.create_in_vain(&request(&unique("refused")))).await;
            let verdict = failed.verdict();
            let error = &verdict["error"];
            let told = [&verdict["failed_step"], &error["resource"], &error["code"]].map(text);
            assert_eq!(told, [step, resource, "ACCESS_DENIED"], "{action} was refused: {verdict:#}");
            let aws_code = text(&error["aws_code"]);
            let known = ["UnauthorizedOperation", "AccessDenied", "AccessDeniedException"];
            assert!(known.contains(&aws_code), "AWS's code for {action}: {verdict:#}");
            Inventory::take(&stage.cloud).await.must_be_as(&before, &format!("after {action} was refused"));
        }
    });
}

/// Tells a story while no other one of this file is told.
fn alone(story: impl AsyncFnOnce(&Stage)) {
    static TURN: Mutex<()> = Mutex::new(());
    // A story that failed says nothing about the next.
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async { story(&Stage::set().await).await });
}
