//! Lists of environments: queries on an index, newest first.
//!
//! An index knows whose an environment is, whether it is deleted, and by its id about when it was asked for. All other
//! filters are applied to what is read; so a page reads a bounded number of items, and may come back short.

use super::{AttributeValue, Item, Records, Status, text};
use crate::aws;
use environment::{EnvironmentId, Fault};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Whose environments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Scope {
    /// One team's.
    Team(String),
    /// Everybody's.
    All,
}

/// Which of them. What is left out filters nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Filter {
    /// Of one of these statuses. Without any: everything but the deleted.
    pub statuses: BTreeSet<Status>,
    /// Of this name.
    pub name: Option<String>,
    /// With all of these tags.
    pub tags: BTreeMap<String, String>,
    /// Asked for then or later.
    pub created_after: Option<Timestamp>,
    /// Asked for before then.
    pub created_before: Option<Timestamp>,
}

/// What to list.
#[derive(Clone, Debug)]
pub struct ListQuery {
    /// Whose.
    pub scope: Scope,
    /// Which of them.
    pub filter: Filter,
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
    /// Its team's own tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When its record was last written.
    pub updated_at: Timestamp,
}

/// A page reads at most so many times its size, so that a rare status cannot make it read a whole history.
const READ_AT_MOST: usize = 4;
/// An id is made when a request comes in, and `created_at` when it is recorded: within one invocation of the API.
const RECORDED_WITHIN: SignedDuration = SignedDuration::from_mins(1);

impl Filter {
    fn has(&self, summary: &Summary) -> bool {
        let Summary { name, status, tags, created_at, .. } = summary;
        (self.statuses.is_empty() || self.statuses.contains(status))
            && self.name.as_ref().is_none_or(|wanted| wanted == name)
            && self.tags.iter().all(|(key, value)| tags.get(key) == Some(value))
            && self.created_after.is_none_or(|after| *created_at >= after)
            && self.created_before.is_none_or(|before| *created_at < before)
    }

    /// The sides of the index on which they are: the living, the deleted, or both.
    fn sides(&self) -> Vec<&'static str> {
        let deleted = self.statuses.contains(&Status::Deleted);
        let others = self.statuses.len() > usize::from(deleted);
        match (others || !deleted, deleted) {
            (true, true) => vec!["LIVE", "ENDED"],
            (false, true) => vec!["ENDED"],
            _ => vec!["LIVE"],
        }
    }
}

/// One side of the index, read piece by piece.
struct Side {
    pk: String,
    read: VecDeque<Summary>,
    after: Option<EnvironmentId>,
    is_at_its_end: bool,
}

impl Records {
    /// One page of environments, newest first. Reads at most four times the page's size.
    pub async fn list(&self, query: &ListQuery) -> Result<ListPage, Fault> {
        let (index, whose) = match &query.scope {
            Scope::Team(team) => ("by_team", format!("{team}#")),
            Scope::All => ("all", String::new()),
        };
        let of = |side: &str| Side {
            pk: format!("{whose}{side}"),
            read: VecDeque::new(),
            after: query.after,
            is_at_its_end: false,
        };
        let mut sides: Vec<Side> = query.filter.sides().into_iter().map(of).collect();
        let size = query.page_size as usize;
        let mut may_read = READ_AT_MOST * size;
        let mut page = ListPage { items: Vec::new(), next: query.after };
        while page.items.len() < size {
            // The newest of all is known only where every side shows its newest.
            for side in &mut sides {
                while side.read.is_empty() && !side.is_at_its_end {
                    if may_read == 0 {
                        return Ok(page);
                    }
                    let limit = size.min(may_read);
                    let seen = self.read_on(index, side, &query.filter, limit).await?;
                    may_read = may_read.saturating_sub(seen.max(1));
                }
            }
            let newest = sides.iter_mut().filter(|side| !side.read.is_empty()).max_by_key(|side| side.read[0].id);
            let Some(summary) = newest.and_then(|side| side.read.pop_front()) else {
                return Ok(ListPage { next: None, ..page });
            };
            page.next = Some(summary.id);
            if query.filter.has(&summary) {
                page.items.push(summary);
            }
        }
        Ok(page)
    }

    /// Reads so many more of a side. Answers how many there were.
    async fn read_on(&self, index: &str, side: &mut Side, filter: &Filter, limit: usize) -> Result<usize, Fault> {
        let Some((oldest, newest)) = ids_within(filter, side.after) else {
            side.is_at_its_end = true;
            return Ok(0);
        };
        let call = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(index)
            .key_condition_expression("#pk = :pk AND #sk BETWEEN :oldest AND :newest")
            .expression_attribute_names("#pk", format!("{index}_pk"))
            .expression_attribute_names("#sk", format!("{index}_sk"))
            .expression_attribute_values(":pk", text(&side.pk))
            .expression_attribute_values(":oldest", text(oldest))
            .expression_attribute_values(":newest", text(newest))
            .scan_index_forward(false)
            .limit(i32::try_from(limit).unwrap_or(100));
        let answer = call.send().await.map_err(|error| aws::fault("dynamodb:Query", error))?;
        side.after = answer.last_evaluated_key.as_ref().and_then(|key| id(key, &format!("{index}_sk")));
        side.is_at_its_end = side.after.is_none();
        let items = answer.items.unwrap_or_default().into_iter();
        let items = items.map(|item| serde_dynamo::from_item(item).map_err(|error| Fault::bug(error.to_string())));
        side.read = items.collect::<Result<_, _>>()?;
        Ok(side.read.len())
    }
}

/// The oldest and the newest id that may be on the page; `None` where there can be none.
fn ids_within(filter: &Filter, after: Option<EnvironmentId>) -> Option<(String, String)> {
    let first_of = |time: Timestamp| EnvironmentId::new(u64::try_from(time.as_millisecond()).unwrap_or(0), 0);
    // A time that cannot be told is before every environment.
    let oldest = filter.created_after.map(|time| first_of(time.checked_sub(RECORDED_WITHIN).unwrap_or_default()));
    let ends = [after, filter.created_before.map(first_of)];
    let newest = match ends.into_iter().flatten().min() {
        Some(end) => Some(end.previous()?),
        None => None,
    };
    let oldest = oldest.map_or_else(|| "env-".to_owned(), |id| id.to_string());
    let newest = newest.map_or_else(|| "env-~".to_owned(), |id| id.to_string());
    (oldest <= newest).then_some((oldest, newest))
}

fn id(key: &Item, name: &str) -> Option<EnvironmentId> {
    match key.get(name) {
        Some(AttributeValue::S(id)) => id.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(statuses: &[Status]) -> Filter {
        Filter { statuses: statuses.iter().copied().collect(), ..Filter::default() }
    }

    #[test]
    fn only_who_asks_for_the_deleted_reads_them() {
        assert_eq!(of(&[]).sides(), ["LIVE"]);
        assert_eq!(of(&[Status::Failed, Status::Active]).sides(), ["LIVE"]);
        assert_eq!(of(&[Status::Deleted]).sides(), ["ENDED"]);
        assert_eq!(of(&[Status::Deleted, Status::Active]).sides(), ["LIVE", "ENDED"]);
    }

    #[test]
    fn every_filter_must_hold() {
        let summary = Summary {
            id: EnvironmentId::new(5_000, 1),
            name: "prefect".into(),
            team: "data".into(),
            status: Status::Active,
            tags: BTreeMap::from([("stage".into(), "test".into()), ("cost".into(), "1".into())]),
            created_at: Timestamp::from_second(5).expect("a time"),
            updated_at: Timestamp::UNIX_EPOCH,
        };
        let at = |second| Timestamp::from_second(second).ok();
        let tag = |key: &str, value: &str| BTreeMap::from([(key.to_owned(), value.to_owned())]);
        let all = || Filter::default();
        for (filter, holds) in [
            (all(), true),
            (of(&[Status::Active, Status::Failed]), true),
            (of(&[Status::Failed]), false),
            (Filter { name: Some("prefect".into()), ..all() }, true),
            (Filter { name: Some("pre".into()), ..all() }, false),
            (Filter { tags: tag("stage", "test"), ..all() }, true),
            (Filter { tags: tag("stage", "live"), ..all() }, false),
            (Filter { tags: tag("other", "test"), ..all() }, false),
            (Filter { created_after: at(5), created_before: at(6), ..all() }, true),
            (Filter { created_after: at(6), ..all() }, false),
            (Filter { created_before: at(5), ..all() }, false),
        ] {
            assert_eq!(filter.has(&summary), holds, "{filter:?}");
        }
    }

    #[test]
    fn what_no_id_can_be_is_not_read() {
        let at = |second| Timestamp::from_second(second).ok();
        let within = |after, before, token| {
            ids_within(&Filter { created_after: at(after), created_before: at(before), ..Filter::default() }, token)
        };
        let (oldest, newest) = within(1_000, 2_000, None).expect("a range");
        assert_eq!(oldest, EnvironmentId::new(940_000, 0).to_string(), "recorded a little later than asked for");
        assert!(newest < EnvironmentId::new(2_000_000, 0).to_string());
        let token = EnvironmentId::new(1_500_000, 9);
        let (_, newest) = within(1_000, 2_000, Some(token)).expect("a range");
        assert_eq!(newest, token.previous().expect("not the first").to_string(), "after the last one that was shown");
        assert_eq!(within(2_000, 1_000, None), None);
    }
}
