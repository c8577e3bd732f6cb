//! The section `worker`: the service and its container.

use super::{
    Defaults, Reading, fargate,
    fields::{Field, Fields},
    image, variables,
    violation::ViolationCode,
};
use crate::{
    catalogue::worker::default_command,
    spec::{Autoscaling, Capacity, Count, Worker},
};
use std::ops::RangeInclusive;

const DEFAULT_NAME: &str = "dev-worker";
const DEFAULT_CPU: u32 = 512;
const DEFAULT_MEMORY: u32 = 1024;
/// A task definition has 64 KiB in all; these leave room for the variables.
const LONGEST_ARGUMENT: usize = 2048;
const LONGEST_COMMAND: usize = 8192;
/// More workers than this serve no pool: each one starts hundreds of flow runs.
const MOST_WORKERS: u32 = 100;
const DEFAULT_MIN: u32 = 1;
/// Target tracking keeps room above the target: nearer to 100 % it would add workers too late, nearer to none always.
const CPU_TARGETS: RangeInclusive<u32> = 10..=90;
const DEFAULT_CPU_TARGET: u32 = 60;

/// The section. The default command names the work pool, which is absent where it was refused.
pub(super) fn read(body: &mut Fields<'_>, here: &Defaults<'_>, work_pool: Option<&str>) -> Reading<Worker> {
    let mut fields = Fields::section(body, "worker");
    let name = match fields.get("name") {
        Some(field) => service_name(&field),
        None => Some(DEFAULT_NAME.to_owned()),
    };
    let image = match fields.get("image") {
        Some(field) => image::read(&field, here.worker_images),
        None => Some(here.worker_image.to_owned()),
    };
    let size = size(&mut fields);
    let count = count(&mut fields);
    let command = match fields.get("command") {
        Some(field) => command(&field),
        None => work_pool.map(default_command),
    };
    let variables = variables::read(&mut fields, here);
    let capacity = match fields.get("capacity") {
        Some(field) => field.choice(&[("FARGATE", Capacity::Fargate), ("FARGATE_SPOT", Capacity::FargateSpot)]),
        None => Some(Capacity::Fargate),
    };
    fields.finish();
    let ((cpu, memory), (environment, secrets)) = (size?, variables?);
    Some(Worker {
        name: name?,
        image: image?,
        cpu,
        memory,
        count: count?,
        command: command?,
        environment,
        secrets,
        capacity: capacity?,
    })
}

fn service_name(field: &Field<'_>) -> Option<String> {
    let of_name = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    let form = "This must consist of letters, digits, underscores and hyphens.";
    field.text_like(1..=255, of_name, form).map(str::to_owned)
}

/// CPU and memory, a pair that Fargate has.
fn size(fields: &mut Fields<'_>) -> Option<(u32, u32)> {
    let (cpu, memory) = (fields.get("cpu"), fields.get("memory"));
    let number = |field: &Option<Field<'_>>, default: u32| match field {
        Some(field) => field.whole(),
        None => Some(u64::from(default)),
    };
    let (given_cpu, given_memory) = (number(&cpu, DEFAULT_CPU), number(&memory, DEFAULT_MEMORY));
    let cpu = given_cpu?;
    let Some(range) = fargate::memory_for(cpu) else {
        let detail = format!("Fargate has tasks of these CPU units: {}.", fargate::cpus());
        fields.refuse("cpu", ViolationCode::NotAllowed, detail);
        return None;
    };
    let memory = given_memory?;
    if !range.includes(memory) {
        let detail = format!(
            "With {cpu} CPU units Fargate has {}. Where the request says nothing it is {DEFAULT_CPU} units and \
             {DEFAULT_MEMORY} MiB.",
            range.words()
        );
        fields.refuse("memory", ViolationCode::NotAllowed, detail);
        return None;
    }
    Some((u32::try_from(cpu).ok()?, u32::try_from(memory).ok()?))
}

/// How many workers: a number, or bounds within which AWS sets it. Of two numbers one would have no effect.
fn count(fields: &mut Fields<'_>) -> Option<Count> {
    let desired_count = fields.get("desired_count");
    let bounds = fields.get("autoscaling").map(|field| autoscaling(&field));
    match (desired_count, bounds) {
        (Some(field), Some(_)) => {
            let detail = "With autoscaling AWS sets the number of workers: this must not be given besides.";
            field.refuse(ViolationCode::Conflict, detail);
            None
        }
        (Some(field), None) => field.whole_within(0..=MOST_WORKERS).map(|desired_count| Count::Fixed { desired_count }),
        (None, Some(autoscaling)) => autoscaling.map(|autoscaling| Count::Scaled { autoscaling }),
        (None, None) => Some(Count::Fixed { desired_count: 1 }),
    }
}

fn autoscaling(field: &Field<'_>) -> Option<Autoscaling> {
    let mut fields = field.object()?;
    let min = match fields.get("min") {
        Some(field) if field.whole() == Some(0) => {
            let detail = "Where no worker runs there is no CPU use to go by, and AWS would never start one: this must be \
                          1 or more. A desired_count of 0 in the place of autoscaling pauses the worker.";
            field.refuse(ViolationCode::OutOfRange, detail);
            None
        }
        Some(field) => field.whole_within(1..=MOST_WORKERS),
        None => Some(DEFAULT_MIN),
    };
    let max = fields.required("max").and_then(|field| field.whole_within(1..=MOST_WORKERS));
    let cpu_target = match fields.get("cpu_target") {
        Some(field) => field.whole_within(CPU_TARGETS),
        None => Some(DEFAULT_CPU_TARGET),
    };
    if let (Some(min), Some(max)) = (min, max)
        && min > max
    {
        fields.refuse("max", ViolationCode::Conflict, "This must not be less than min.");
    }
    fields.finish();
    Some(Autoscaling { min: min?, max: max?, cpu_target: cpu_target? })
}

/// An exec array: no shell reads it.
fn command(field: &Field<'_>) -> Option<Vec<String>> {
    let arguments: Vec<_> = field.list(1..=64)?.iter().map(argument).collect();
    let arguments = arguments.into_iter().collect::<Option<Vec<String>>>()?;
    if arguments.iter().map(String::len).sum::<usize>() > LONGEST_COMMAND {
        let detail = format!("All arguments together must have at most {LONGEST_COMMAND} bytes.");
        field.refuse(ViolationCode::OutOfRange, detail);
        return None;
    }
    Some(arguments)
}

fn argument(field: &Field<'_>) -> Option<String> {
    let form = "An argument must not hold a null character.";
    field.text_like(1..=LONGEST_ARGUMENT, |text| !text.contains('\0'), form).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{accepted, codes_with, minimal};
    use super::*;
    use serde_json::{Value, json};

    fn codes(section: Value) -> Vec<(String, ViolationCode)> {
        codes_with("/worker", section)
    }

    #[test]
    fn the_default_is_the_seeds_worker() {
        let worker = accepted(&minimal()).spec.worker;
        assert_eq!((worker.name.as_str(), worker.cpu, worker.memory), ("dev-worker", 512, 1024));
        assert_eq!(
            worker.command,
            ["prefect", "worker", "start", "--pool", "ecs-work-pool", "--type", "ecs", "--with-healthcheck"]
        );
    }

    #[test]
    fn the_default_command_serves_the_pool_that_was_asked_for() {
        let mut body = minimal();
        body["prefect"]["work_pool"] = json!("data-pool");
        assert_eq!(accepted(&body).spec.worker.command[4], "data-pool");
    }

    #[test]
    fn a_size_is_a_pair_that_fargate_has() {
        let mut body = minimal();
        body["worker"] = json!({"cpu": 1024, "memory": 3072});
        let worker = accepted(&body).spec.worker;
        assert_eq!((worker.cpu, worker.memory), (1024, 3072));
        let memory = [("/worker/memory".to_owned(), ViolationCode::NotAllowed)];
        assert_eq!(codes(json!({"cpu": 1024})), memory);
        assert_eq!(codes(json!({"memory": u64::MAX})), memory);
        assert_eq!(codes(json!({"cpu": 300, "memory": 1})), [("/worker/cpu".into(), ViolationCode::NotAllowed)]);
        assert_eq!(codes(json!({"cpu": "512"})), [("/worker/cpu".into(), ViolationCode::WrongType)]);
    }

    #[test]
    fn a_command_is_an_array_of_arguments() {
        assert_eq!(codes(json!({"command": "sh -c x"})), [("/worker/command".into(), ViolationCode::WrongType)]);
        assert_eq!(codes(json!({"command": []})), [("/worker/command".into(), ViolationCode::OutOfRange)]);
        assert_eq!(
            codes(json!({"command": ["a", "", 7]})),
            [
                ("/worker/command/1".into(), ViolationCode::OutOfRange),
                ("/worker/command/2".into(), ViolationCode::WrongType)
            ]
        );
        let long = "x".repeat(2000);
        assert_eq!(
            codes(json!({"command": [long, long, long, long, long]})),
            [("/worker/command".into(), ViolationCode::OutOfRange)]
        );
    }

    #[test]
    fn the_number_of_workers_is_bounded() {
        assert_eq!(codes(json!({"desired_count": 101})), [("/worker/desired_count".into(), ViolationCode::OutOfRange)]);
        assert_eq!(codes(json!({"desired_count": -1})), [("/worker/desired_count".into(), ViolationCode::WrongType)]);
        assert_eq!(codes(json!({"desired_count": 1.5})), [("/worker/desired_count".into(), ViolationCode::WrongType)]);
    }

    #[test]
    fn aws_may_set_the_number_within_bounds() {
        let mut body = minimal();
        body["worker"] = json!({"autoscaling": {"min": 2, "max": 5, "cpu_target": 70}});
        let autoscaling = Autoscaling { min: 2, max: 5, cpu_target: 70 };
        assert_eq!(accepted(&body).spec.worker.count, Count::Scaled { autoscaling });
        body["worker"] = json!({"autoscaling": {"max": 5}});
        let autoscaling = Autoscaling { min: 1, max: 5, cpu_target: 60 };
        assert_eq!(accepted(&body).spec.worker.count, Count::Scaled { autoscaling });
    }

    #[test]
    fn bounds_that_nothing_can_be_scaled_by_are_refused_by_name() {
        let of = |autoscaling: Value| codes(json!({"autoscaling": autoscaling}));
        let at = |field: &str, code| [(format!("/worker/autoscaling/{field}"), code)];
        assert_eq!(of(json!({"min": 1})), at("max", ViolationCode::Required));
        assert_eq!(of(json!({"min": 0, "max": 2})), at("min", ViolationCode::OutOfRange), "nothing would start again");
        assert_eq!(of(json!({"min": 3, "max": 2})), at("max", ViolationCode::Conflict));
        assert_eq!(of(json!({"max": 101})), at("max", ViolationCode::OutOfRange));
        assert_eq!(of(json!({"max": 2, "cpu_target": 95})), at("cpu_target", ViolationCode::OutOfRange));
        assert_eq!(of(json!({"max": 2, "memory_target": 50})), at("memory_target", ViolationCode::UnknownField));
        let conflict = [("/worker/desired_count".to_owned(), ViolationCode::Conflict)];
        assert_eq!(codes(json!({"desired_count": 2, "autoscaling": {"max": 5}})), conflict);
        let wrong = [("/worker/autoscaling".to_owned(), ViolationCode::WrongType)];
        assert_eq!(codes(json!({"autoscaling": true})), wrong);
    }
}
