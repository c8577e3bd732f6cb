//! Environments side by side: what happens to one is nothing to the other.

use end_to_end::{
    Stage,
    requests::{request, unique},
};
use futures::join;

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
