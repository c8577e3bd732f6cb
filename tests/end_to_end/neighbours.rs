//! Environments side by side: what happens to one is nothing to the other.

use aws_sdk_ecs::types::TaskDefinitionStatus;
use end_to_end::{
    Stage,
    requests::{request, unique},
};
use futures::join;
use serde_json::json;

#[tokio::test]
async fn two_environments_live_side_by_side_and_deleting_one_leaves_the_other_whole() {
    let stage = Stage::set().await;
    let (leaving, staying) = (request(&unique("leaving")), request(&unique("staying")));
    let (leaving, staying) = join!(stage.create(&leaving), stage.create(&staying));
    let before = stage.inventory_of(&staying.marks()).await;
    assert!(!before.is_empty() && !stage.inventory_of(&leaving.marks()).await.is_empty(), "both are there");

    stage.delete(leaving.id()).await;

    stage.inventory_of(&leaving.marks()).await.must_be_empty("of the deleted one");
    stage.inventory_of(&staying.marks()).await.must_be_as(&before, "for the one that stays");
    assert_eq!(stage.api.read(staying.id()).await, staying, "the record of the one that stays");
    stage.delete(staying.id()).await;
    stage.inventory_of(&staying.marks()).await.must_be_empty("of the second one");
}

/// A name that begins with the other's, the same network, the same service name: still two environments.
#[tokio::test]
async fn an_environment_whose_name_begins_with_anothers_is_not_mistaken_for_it() {
    let stage = Stage::set().await;
    let name = unique("twin");
    let (short, long) = (request(&name), request(&format!("{name}-2")));
    let (short, long) = join!(stage.create(&short), stage.create(&long));
    let before = stage.inventory_of(&long.marks()).await;

    stage.delete(short.id()).await;

    stage.inventory_of(&long.marks()).await.must_be_as(&before, "for the one with the longer name");
    stage.delete(long.id()).await;
    stage.inventory_of(&short.marks()).await.must_be_empty("of either");
}

/// The families of one begin like the other's, as pools' names do; the roles tell them apart.
#[tokio::test]
async fn environments_of_two_workspaces_never_touch_each_others_flow_definitions() {
    let stage = Stage::set().await;
    let (mut leaving, mut staying) = (request(&unique("here")), request(&unique("there")));
    let pool = unique("flows");
    leaving["prefect"]["work_pool"] = json!(pool);
    staying["prefect"]["work_pool"] = json!(format!("{pool}_2"));
    staying["prefect"]["workspace_id"] = json!("66666666-7777-4888-9999-000000000001");
    let (leaving, staying) = join!(stage.create(&leaving), stage.create(&staying));
    let role = |name: &str| format!("{name}-flow-execution-role");
    let (leavings, stayings) = (role(&leaving.marks().name), role(&staying.marks().name));
    let of_the_leaving = stage.register_flow(&format!("prefect_{pool}_1"), &leavings).await;
    let of_the_staying = stage.register_flow(&format!("prefect_{pool}_2_1"), &stayings).await;

    stage.delete(leaving.id()).await;
    assert_eq!(stage.definition_status(&of_the_leaving).await, TaskDefinitionStatus::DeleteInProgress);
    assert_eq!(stage.definition_status(&of_the_staying).await, TaskDefinitionStatus::Active, "the other workspace's");

    stage.delete(staying.id()).await;
    assert_eq!(stage.definition_status(&of_the_staying).await, TaskDefinitionStatus::DeleteInProgress);
}
