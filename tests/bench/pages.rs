//! A page of a list with a hundred environments in the table, and with ten thousand.

use crate::{journal::Mark, numbers::Durations, say};
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use end_to_end::{
    Cloud, Service, Stage,
    requests::{request, unique},
    table::Item,
};
use futures::{StreamExt, stream};
use std::time::{Duration, Instant};

const FEW: u32 = 100;
const MANY: u32 = 10_000;
const PAGE: u64 = 50;
/// DynamoDB takes so many in one BatchWriteItem.
const AT_ONCE: usize = 25;

#[tokio::test]
async fn a_page_costs_the_same_however_many_environments_there_are() {
    let stage = Stage::set().await;
    let environment = stage.create(&request(&unique("bench"))).await;
    let record = stage.table.record(environment.id()).await;

    say(format!("\nA page of {PAGE}:"));
    fill(&stage.cloud, &record, environment.id(), 0..FEW).await;
    let few = measured(&stage, FEW).await;
    fill(&stage.cloud, &record, environment.id(), FEW..MANY).await;
    let many = measured(&stage, MANY).await;
    assert_eq!(few, many, "items read for a page with {FEW} environments and with {MANY}");
    assert_eq!(few, PAGE, "where the next page begins, the table says without reading on");
}

/// Reads the first page again and again. The items that one reading takes.
async fn measured(stage: &Stage, environments: u32) -> u64 {
    const READINGS: usize = 30;
    let mut items = 0;
    let (mut whole, mut own) = (Vec::new(), Vec::new());
    for _ in 0..READINGS {
        let (mark, began) = (Mark::now(), Instant::now());
        let page = stage.api.get(&format!("/environments?page_size={PAGE}")).await.expect(200);
        let took = began.elapsed();
        assert_eq!(page["items"].as_array().map(Vec::len), Some(PAGE as usize), "{page}");
        let calls = mark.calls();
        items = calls.items_read();
        whole.push(took);
        own.push(took.saturating_sub(calls.took()));
    }
    say(format!("  of {environments:>6} environments: {items} items read   {}", Durations::of(whole)));
    say(format!("  {:<26} without what the table took   {}", "", Durations::of(own)));
    items
}

/// Writes the record again and again, each time as another environment's.
async fn fill(cloud: &Cloud, record: &Item, id: &str, numbers: std::ops::Range<u32>) {
    let writes: Vec<WriteRequest> = numbers.map(|number| write(another(record, id, number))).collect();
    let table = &Service::under_test().table;
    let batches = stream::iter(writes.chunks(AT_ONCE).map(<[_]>::to_vec)).for_each_concurrent(4, |batch| async move {
        let answer = cloud.tables.batch_write_item().request_items(table, batch).send().await.expect("write records");
        assert!(answer.unprocessed_items().is_none_or(|left| left.is_empty()), "all are written");
    });
    tokio::time::timeout(Duration::from_secs(300), batches).await.expect("the table is filled in time");
}

fn write(item: Item) -> WriteRequest {
    let put = PutRequest::builder().set_item(Some(item)).build().expect("an item");
    WriteRequest::builder().put_request(put).build()
}

/// The record under another id, wherever the id stands in it.
fn another(record: &Item, id: &str, number: u32) -> Item {
    let other = format!("{}{number:08}", &id[..id.len() - 8]);
    let rename = |value: &AttributeValue| match value {
        AttributeValue::S(text) => AttributeValue::S(text.replace(id, &other)),
        value => value.clone(),
    };
    record.iter().map(|(name, value)| (name.clone(), rename(value))).collect()
}
