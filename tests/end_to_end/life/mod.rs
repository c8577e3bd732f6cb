//! The life of an environment named `prefect`: with nothing but defaults it is the seed's design, row by
//! row, and when it is deleted nothing of it is left.
//!
//! What must be there is written out here, not taken from the service's own catalogue.

mod answer;
mod cluster;
mod events;
mod identity;
mod network;
mod worker;

use end_to_end::{
    Environment, Inventory, Marks, Service, Stage,
    requests::{TEAM, minimal},
};
use std::collections::BTreeMap;

#[tokio::test]
async fn an_environment_named_prefect_is_the_seeds_design_and_leaves_nothing_behind() {
    let stage = Stage::set().await;
    let before = stage.inventory_of(&Marks::name("prefect")).await;

    let accepted = stage.api.create(&minimal("prefect")).await;
    let id = answer::accepts(&accepted);
    let environment = stage.api.at_rest(&id).await.must_be("ACTIVE");

    network::is_as_designed(&stage, &environment).await;
    identity::is_as_designed(&stage, &environment).await;
    cluster::is_as_designed(&stage, &environment).await;
    events::is_as_designed(&stage, &environment).await;
    worker::is_as_designed(&stage, &environment).await;
    answer::shows_everything(&stage, &environment).await;

    let deleted = stage.delete(&id).await;
    answer::shows_the_end(&stage, &environment, &deleted).await;
    let after = Inventory::take(&stage.cloud).await;
    after.of(&environment.marks()).must_be_as(&before, "after the environment was deleted");

    // The name and the work pool are free again, in the same moment.
    let again = stage.request(&minimal("prefect")).await;
    assert_ne!(again, id, "an id is never used again");
    stage.delete(&again).await;
    let after = Inventory::take(&stage.cloud).await;
    after.of(&environment.marks()).must_be_as(&before, "after the second environment of that name was deleted");
}

/// Fails unless these are exactly the tags of this resource.
#[track_caller]
fn are_tags_of(tags: impl IntoIterator<Item = (String, String)>, environment: &Environment, key: &str, name: &str) {
    let tags: BTreeMap<String, String> = tags.into_iter().collect();
    let wanted = [
        ("Name", name),
        ("prefect-environments:id", environment.id()),
        ("prefect-environments:resource", key),
        ("prefect-environments:stack", &Service::under_test().stack),
        ("prefect-environments:team", TEAM),
    ];
    let wanted: BTreeMap<String, String> =
        wanted.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    assert_eq!(tags, wanted, "the tags of {key}");
}
