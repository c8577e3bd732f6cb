//! What a team has of its limits, counted on one item.
//!
//! An environment takes its share in the transaction that records it and gives it back in the write that ends it.
//! What it took stands in its record and leaves it with that write, so that nothing is ever given back twice: an
//! environment that failed, was undone and is deleted later has nothing to give back any more. Limits that an
//! operator lowers take nothing from anybody: they hold for the next request.

use super::{Item, Record, Records, SCHEMA, number, read, text};
use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update, builders::UpdateBuilder,
};
use environment::{Fault, Spec};
use serde::{Deserialize, Serialize};

/// What a team may have at most. `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TeamLimits {
    /// Environments that have not ended.
    pub environments: Option<u64>,
    /// CPU units of all their workers; 1024 are one vCPU.
    pub cpu: Option<u64>,
}

/// What an environment has of its team's limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// Environments: one.
    pub environments: u64,
    /// CPU units of its workers.
    pub cpu: u64,
}

impl Share {
    /// A share that has room for either.
    pub(super) fn or_more(self, other: Share) -> Share {
        Share { environments: self.environments.max(other.environments), cpu: self.cpu.max(other.cpu) }
    }

    /// What is in this share and not in the other.
    pub(super) fn beyond(self, other: Share) -> Share {
        Share {
            environments: self.environments.saturating_sub(other.environments),
            cpu: self.cpu.saturating_sub(other.cpu),
        }
    }

    fn is_nothing(self) -> bool {
        self == Share { environments: 0, cpu: 0 }
    }

    /// The share of an environment that is to be as this spec says, with as many workers as autoscaling may start.
    pub fn of(spec: &Spec) -> Self {
        Share { environments: 1, cpu: u64::from(spec.worker.cpu) * u64::from(spec.worker.count.most()) }
    }
}

/// Which of a team's limits does not allow a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TeamLimit {
    /// That of its environments.
    Environments,
    /// That of its workers' CPU units.
    Cpu,
}

/// A limit that leaves no room for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitReached {
    /// Which.
    pub limit: TeamLimit,
    /// What the team may have.
    pub allowed: u64,
    /// What it has.
    pub used: u64,
    /// What was asked for.
    pub asked: u64,
}

/// A team's item. Attributes that are not there count nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct TeamItem {
    environments: i64,
    cpu: i64,
}

impl TeamLimits {
    /// Why a share was refused to a team that has this.
    pub(super) fn reached(&self, share: Share, old: Item) -> Result<LimitReached, Fault> {
        let team: TeamItem = read(old)?;
        let limits = [
            (TeamLimit::Environments, self.environments, team.environments, share.environments),
            (TeamLimit::Cpu, self.cpu, team.cpu, share.cpu),
        ];
        let reached = limits.into_iter().find_map(|(limit, allowed, used, asked)| {
            let (allowed, used) = (allowed?, u64::try_from(used).unwrap_or(0));
            (used.saturating_add(asked) > allowed).then_some(LimitReached { limit, allowed, used, asked })
        });
        reached.ok_or_else(|| Fault::bug("a share was refused that the team's limits allow"))
    }
}

impl Records {
    /// The part of a transaction that takes a share, if the team's limits allow it.
    pub(super) fn take_share(&self, team: &str, share: Share, limits: &TeamLimits) -> Result<TransactWriteItem, Fault> {
        let mut conditions = Vec::new();
        let mut update = self.count(team, "", share);
        let counts = [("environments", limits.environments, share.environments), ("cpu", limits.cpu, share.cpu)];
        for (name, limit, asked) in counts {
            let Some(limit) = limit else { continue };
            let room = i128::from(limit) - i128::from(asked);
            // A team without an item has nothing yet; what exceeds the limit by itself is too much for it, too.
            let first = if room >= 0 { format!("attribute_not_exists({name}) OR ") } else { String::new() };
            conditions.push(format!("({first}{name} <= :room_for_{name})"));
            update = update.expression_attribute_values(format!(":room_for_{name}"), number(room));
        }
        if !conditions.is_empty() {
            update = update.condition_expression(conditions.join(" AND "));
        }
        part(update)
    }

    /// The part that gives back what the record's environment has; nothing where it has none. It has no condition:
    /// an environment must be able to end whatever has become of the count.
    pub(super) fn give_back(&self, record: &Record) -> Result<Option<TransactWriteItem>, Fault> {
        record.share.map(|share| part(self.count(&record.team, "-", share))).transpose()
    }

    /// The part that counts an environment's share anew: what it takes more must find room, what it takes less is
    /// given back. Nothing where it takes neither. No share becomes more in one count and less in the other.
    pub(super) fn change_share(
        &self,
        team: &str,
        from: Share,
        to: Share,
        limits: &TeamLimits,
    ) -> Result<Option<TransactWriteItem>, Fault> {
        let (more, less) = (to.beyond(from), from.beyond(to));
        if !more.is_nothing() {
            // Of what it takes no more of, there may be less than it has: limits take nothing from anybody.
            let limits = TeamLimits {
                environments: limits.environments.filter(|_| more.environments > 0),
                cpu: limits.cpu.filter(|_| more.cpu > 0),
            };
            return self.take_share(team, more, &limits).map(Some);
        }
        if less.is_nothing() { Ok(None) } else { part(self.count(team, "-", less)).map(Some) }
    }

    fn count(&self, team: &str, sign: &str, share: Share) -> UpdateBuilder {
        Update::builder()
            .table_name(&self.table)
            .key("pk", text(format!("TEAM#{team}")))
            .key("sk", text("TEAM"))
            .update_expression("SET #schema = :schema ADD environments :environments, cpu :cpu")
            .expression_attribute_names("#schema", "schema")
            .expression_attribute_values(":schema", number(SCHEMA))
            .expression_attribute_values(":environments", signed(sign, share.environments))
            .expression_attribute_values(":cpu", signed(sign, share.cpu))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }
}

/// A number with its sign; nothing has none.
fn signed(sign: &str, count: u64) -> AttributeValue {
    number(if count == 0 { count.to_string() } else { format!("{sign}{count}") })
}

fn part(update: UpdateBuilder) -> Result<TransactWriteItem, Fault> {
    let update = update.build().map_err(|error| Fault::bug(error.to_string()))?;
    Ok(TransactWriteItem::builder().update(update).build())
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_dynamodb::Client;

    const SHARE: Share = Share { environments: 1, cpu: 512 };

    fn records() -> Records {
        let config = aws_config::SdkConfig::builder().behavior_version(aws_config::BehaviorVersion::latest()).build();
        Records::new(Client::new(&config), "table")
    }

    fn taking(limits: TeamLimits) -> Update {
        let part = records().take_share("data", SHARE, &limits).expect("a part");
        part.update.expect("an update")
    }

    fn number_of<'a>(update: &'a Update, name: &str) -> &'a str {
        let value = update.expression_attribute_values.as_ref().expect("values").get(name).expect("a value");
        value.as_n().expect("a number")
    }

    fn item(environments: i64, cpu: i64) -> Item {
        let counts = [("environments", environments), ("cpu", cpu)];
        counts.into_iter().map(|(name, count)| (name.to_owned(), AttributeValue::N(count.to_string()))).collect()
    }

    #[test]
    fn a_share_is_taken_only_where_there_is_room_for_it() {
        let update = taking(TeamLimits { environments: Some(3), cpu: Some(2048) });
        assert_eq!(
            update.condition_expression.as_deref(),
            Some(
                "(attribute_not_exists(environments) OR environments <= :room_for_environments) \
                 AND (attribute_not_exists(cpu) OR cpu <= :room_for_cpu)"
            )
        );
        assert_eq!((number_of(&update, ":room_for_environments"), number_of(&update, ":room_for_cpu")), ("2", "1536"));
        assert_eq!((number_of(&update, ":environments"), number_of(&update, ":cpu")), ("1", "512"));
    }

    #[test]
    fn without_limits_a_team_is_counted_all_the_same() {
        let update = taking(TeamLimits::default());
        assert_eq!(update.condition_expression, None);
        assert_eq!(number_of(&update, ":cpu"), "512");
    }

    /// A team without an item must not get what no team may have.
    #[test]
    fn what_exceeds_a_limit_by_itself_finds_no_room_in_a_new_team() {
        let update = taking(TeamLimits { environments: None, cpu: Some(256) });
        assert_eq!(update.condition_expression.as_deref(), Some("(cpu <= :room_for_cpu)"));
        assert_eq!(number_of(&update, ":room_for_cpu"), "-256");
    }

    #[test]
    fn a_share_that_changes_takes_or_gives_back_the_difference() {
        let limits = TeamLimits { environments: Some(3), cpu: Some(2048) };
        let change = |from: u64, to: u64| {
            let share = |cpu| Share { environments: 1, cpu };
            let part = records().change_share("data", share(from), share(to), &limits).expect("a part");
            part.map(|part| part.update.expect("an update"))
        };
        let more = change(512, 1024).expect("it takes more");
        assert_eq!((number_of(&more, ":environments"), number_of(&more, ":cpu")), ("0", "512"));
        let condition = more.condition_expression.as_deref();
        assert_eq!(condition, Some("(attribute_not_exists(cpu) OR cpu <= :room_for_cpu)"), "of this alone");
        let less = change(1024, 512).expect("it gives back");
        assert_eq!((number_of(&less, ":cpu"), &less.condition_expression), ("-512", &None));
        assert!(change(512, 512).is_none());
    }

    #[test]
    fn the_limit_that_leaves_no_room_is_named() {
        let limits = TeamLimits { environments: Some(3), cpu: Some(2048) };
        let reached = |old| limits.reached(SHARE, old).map(|it| (it.limit, it.allowed, it.used, it.asked)).ok();
        assert_eq!(reached(item(3, 0)), Some((TeamLimit::Environments, 3, 3, 1)));
        assert_eq!(reached(item(2, 1537)), Some((TeamLimit::Cpu, 2048, 1537, 512)));
        assert_eq!(reached(item(2, 1536)), None, "there is room for this one");
        let too_large = TeamLimits { environments: None, cpu: Some(256) }.reached(SHARE, Item::new());
        assert_eq!(too_large.map(|it| (it.limit, it.used)).ok(), Some((TeamLimit::Cpu, 0)));
    }
}
