//! Lists of environments: one query on an index for each page.

use super::{AttributeValue, Item, Records, Status, text};
use crate::aws;
use environment::{EnvironmentId, Fault};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Whose environments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One team's.
    Team(String),
    /// Everybody's.
    All,
}

/// What to list.
#[derive(Clone, Debug)]
pub struct ListQuery {
    /// Whose.
    pub scope: Scope,
    /// Only those of this status. Without it everything but the deleted.
    pub status: Option<Status>,
    /// How many at most.
    pub page_size: u32,
    /// Only those before this one, in the list's order.
    pub after: Option<EnvironmentId>,
}

/// A page of a list, newest first.
#[derive(Clone, Debug)]
pub struct ListPage {
    /// The environments.
    pub items: Vec<Summary>,
    /// The next page begins after this one. A page may be short and still have a next.
    pub next: Option<EnvironmentId>,
}

/// An environment in a list.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Summary {
    /// The environment.
    pub id: EnvironmentId,
    /// Its name.
    pub name: String,
    /// Its team.
    pub team: String,
    /// How it is.
    pub status: Status,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When its record was last written.
    pub updated_at: Timestamp,
}

/// A page reads at most so many times its size, so that a rare status cannot make it read a whole history.
const READ_AT_MOST: usize = 4;

impl Records {
    /// One page of environments, newest first. Reads at most four times the page's size.
    pub async fn list(&self, query: &ListQuery) -> Result<ListPage, Fault> {
        let side = if query.status == Some(Status::Deleted) { "ENDED" } else { "LIVE" };
        let (index, pk) = match &query.scope {
            Scope::Team(team) => ("by_team", format!("{team}#{side}")),
            Scope::All => ("all", side.to_owned()),
        };
        let mut page = ListPage { items: Vec::new(), next: query.after };
        let size = query.page_size as usize;
        for _ in 0..READ_AT_MOST {
            let (read, last) = self.index_page(index, &pk, page.next, query.page_size).await?;
            for summary in read {
                if query.status.is_none_or(|status| status == summary.status) {
                    page.items.push(summary);
                    if page.items.len() == size {
                        let next = page.items.last().map(|summary| summary.id);
                        return Ok(ListPage { next, ..page });
                    }
                }
            }
            page.next = last;
            if last.is_none() {
                return Ok(page);
            }
        }
        Ok(page)
    }

    async fn index_page(
        &self,
        index: &str,
        pk: &str,
        after: Option<EnvironmentId>,
        limit: u32,
    ) -> Result<(Vec<Summary>, Option<EnvironmentId>), Fault> {
        let mut call = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(index)
            .scan_index_forward(false)
            .limit(i32::try_from(limit).unwrap_or(100))
            .expression_attribute_names("#pk", format!("{index}_pk"))
            .expression_attribute_values(":pk", text(pk));
        call = match after {
            Some(after) => call
                .key_condition_expression("#pk = :pk AND #sk < :after")
                .expression_attribute_names("#sk", format!("{index}_sk"))
                .expression_attribute_values(":after", text(after.to_string())),
            None => call.key_condition_expression("#pk = :pk"),
        };
        let answer = call.send().await.map_err(|error| aws::fault("dynamodb:Query", error))?;
        let last = answer.last_evaluated_key.as_ref().and_then(|key| id(key, &format!("{index}_sk")));
        let items = answer.items.unwrap_or_default().into_iter();
        let items = items.map(|item| serde_dynamo::from_item(item).map_err(|error| Fault::bug(error.to_string())));
        Ok((items.collect::<Result<_, _>>()?, last))
    }
}

fn id(key: &Item, name: &str) -> Option<EnvironmentId> {
    match key.get(name) {
        Some(AttributeValue::S(id)) => id.parse().ok(),
        _ => None,
    }
}
