//! Events: what became of environments is told to whoever listens on an EventBridge bus. `docs/events.md` says how they
//! look.
//!
//! The crash story. An event is written with the status that it tells of, and leaves the table only after EventBridge
//! has taken it (`engine::records`, outbox). Each call sends what there is of its environment, the API's writes
//! included, and its own answer does not depend on that: the record is written, and what is not sent now the sweep sends.

use crate::Operations;
use aws_sdk_eventbridge::{
    Client,
    primitives::DateTime,
    types::{PutEventsRequestEntry, PutEventsResultEntry},
};
use engine::{SdkConfig, aws, records::Event};
use environment::{Code, EnvironmentId, Fault};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

/// Where events say that they come from.
pub const SOURCE: &str = "prefect-environments";
/// What they say that they are.
pub const DETAIL_TYPE: &str = "Environment Status Change";
/// What those say that tell of workers.
pub const WORKER_DETAIL_TYPE: &str = "Environment Worker Status Change";
/// No environment's events are sent with less time left. Who is ended in between has lost nothing.
const ONE_ENVIRONMENT: SignedDuration = SignedDuration::from_secs(8);

/// The bus.
#[derive(Clone, Debug)]
pub struct Bus {
    client: Client,
    name: String,
}

/// What a listener hears of an event.
#[derive(Debug, Serialize)]
struct Detail<'a> {
    /// The stack: an account may have more than one.
    stack: &'a str,
    #[serde(flatten)]
    event: &'a Event,
}

impl Bus {
    /// The bus of this name.
    pub fn new(config: &SdkConfig, name: impl Into<String>) -> Self {
        Bus { client: Client::new(config), name: name.into() }
    }

    /// Sends events, at most ten. Answers for each whether it was taken.
    async fn send(&self, stack: &str, events: &[Event]) -> Result<Vec<PutEventsResultEntry>, Fault> {
        let entries = events.iter().map(|event| self.entry(stack, event)).collect::<Result<Vec<_>, Fault>>()?;
        let answer = self.client.put_events().set_entries(Some(entries)).send().await;
        let answer = answer.map_err(|error| aws::fault("events:PutEvents", error))?;
        Ok(answer.entries.unwrap_or_default())
    }

    fn entry(&self, stack: &str, event: &Event) -> Result<PutEventsRequestEntry, Fault> {
        let detail = serde_json::to_string(&Detail { stack, event }).map_err(|error| Fault::bug(error.to_string()))?;
        let detail_type = match event {
            Event::Status(_) => DETAIL_TYPE,
            Event::Worker(_) => WORKER_DETAIL_TYPE,
        };
        Ok(PutEventsRequestEntry::builder()
            .event_bus_name(&self.name)
            .source(SOURCE)
            .detail_type(detail_type)
            .time(DateTime::from_millis(event.time().as_millisecond()))
            .detail(detail)
            .build())
    }
}

impl Operations {
    /// Tells what there is to tell of an environment, if that can be done now.
    pub(crate) async fn tell_at_once(&self, id: EnvironmentId) {
        if let Err(fault) = self.tell(id).await {
            tracing::warn!(environment = %id, fault = ?fault, "an event waits for the sweep");
        }
    }

    /// Tells whatever nobody has told. One event's trouble does not keep the others from being told; it is thrown in
    /// the end, so that the alarm for this function hears of it.
    pub(crate) async fn tell_all(&self, deadline: Timestamp) -> Result<(), Fault> {
        let (mut trouble, mut untold) = (Ok(()), self.records.untold(self.clock.now()));
        while let Some(id) = untold.next().await? {
            if deadline.duration_since(self.clock.now()) < ONE_ENVIRONMENT {
                tracing::info!("the time is over: the next sweep goes on telling");
                break;
            }
            if let Err(fault) = self.tell(id).await {
                tracing::error!(environment = %id, fault = ?fault, "an event could not be sent");
                trouble = Err(fault);
            }
        }
        trouble
    }

    /// Sends an environment's events. What EventBridge has taken leaves the outbox, the rest stays.
    async fn tell(&self, id: EnvironmentId) -> Result<(), Fault> {
        let events = self.records.events(id).await?;
        if events.is_empty() {
            return Ok(());
        }
        let answers = self.bus.send(&self.place.stack, &events).await?;
        let (taken, refused) = sorted(&events, &answers);
        self.records.have_been_sent(&taken).await?;
        refused.map_or(Ok(()), Err)
    }
}

/// The events that were taken, and what was said of the first that was not. EventBridge answers entry by entry, in the
/// order in which it was asked.
fn sorted<'e>(events: &'e [Event], answers: &[PutEventsResultEntry]) -> (Vec<&'e Event>, Option<Fault>) {
    let mut taken = Vec::new();
    let mut refused = None;
    for (at, event) in events.iter().enumerate() {
        match answers.get(at) {
            Some(answer) if answer.event_id().is_some() && answer.error_code().is_none() => taken.push(event),
            answer => {
                let aws_code = answer.and_then(PutEventsResultEntry::error_code).map(str::to_owned);
                let fault = Fault::new(Code::ServiceUnavailable, format!("EventBridge has not taken {}.", event.id()));
                refused.get_or_insert(Fault { aws_code, ..fault });
            }
        }
    }
    (taken, refused)
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::records::{Status, StatusChange, WorkerChange};
    use environment::{EventId, OperationId};
    use serde_json::json;

    fn event(version: u64) -> Event {
        Event::Status(StatusChange {
            schema: 1,
            event_id: EventId::new(1_795_000_000_000, u128::from(version)),
            environment_id: EnvironmentId::new(1_795_000_000_000, 1),
            name: "prefect".into(),
            team: "data".into(),
            previous_status: (version > 1).then_some(Status::Pending),
            status: if version > 1 { Status::Creating } else { Status::Pending },
            operation_id: Some(OperationId::new(1_795_000_000_000, 1)),
            version,
            time: Timestamp::from_millisecond(1_795_000_000_123).expect("a time"),
        })
    }

    fn worker_event() -> Event {
        Event::Worker(WorkerChange {
            schema: 1,
            event_id: EventId::new(1_795_000_900_000, 2),
            environment_id: EnvironmentId::new(1_795_000_000_000, 1),
            name: "prefect".into(),
            team: "data".into(),
            previous_worker_status: Some("ONLINE".into()),
            worker_status: "OFFLINE".into(),
            version: 4,
            time: Timestamp::from_millisecond(1_795_000_900_000).expect("a time"),
        })
    }

    fn taken() -> PutEventsResultEntry {
        PutEventsResultEntry::builder().event_id("1").build()
    }

    #[test]
    fn what_is_not_said_to_be_taken_stays() {
        let events = [event(1), event(2), event(3), event(4)];
        let refused = PutEventsResultEntry::builder().error_code("InternalFailure").build();
        let (left, fault) = sorted(&events, &[taken(), refused, taken()]);
        assert_eq!(left, [&events[0], &events[2]], "the second was refused, and of the fourth nothing was said");
        let fault = fault.expect("somebody must hear of it");
        assert_eq!((fault.code, fault.aws_code.as_deref()), (Code::ServiceUnavailable, Some("InternalFailure")));
        assert!(sorted(&events[..1], &[taken()]).1.is_none(), "all were taken");
    }

    /// docs/events.md shows these events, in this order.
    #[test]
    fn an_event_is_as_it_is_documented() {
        let config = SdkConfig::builder().behavior_version(aws_sdk_eventbridge::config::BehaviorVersion::latest());
        let bus = Bus::new(&config.build(), "default");
        let documented = include_str!("../../../docs/events.md");
        let mut examples = documented.split("```json\n").skip(1).filter_map(|rest| rest.split("```").next());
        for (event, detail_type) in [(event(2), DETAIL_TYPE), (worker_event(), WORKER_DETAIL_TYPE)] {
            let entry = bus.entry("prefect-environments", &event).expect("an entry");
            assert_eq!((entry.source(), entry.detail_type()), (Some(SOURCE), Some(detail_type)));
            assert_eq!(entry.event_bus_name(), Some("default"));
            let example: serde_json::Value =
                serde_json::from_str(examples.next().expect("an example")).expect("the example is JSON");
            let detail: serde_json::Value = serde_json::from_str(entry.detail().expect("a detail")).expect("JSON");
            assert_eq!(example["detail"], detail, "docs/events.md shows another detail");
            assert_eq!((&example["source"], &example["detail-type"]), (&json!(SOURCE), &json!(detail_type)));
        }
    }
}
