//! A container definition, from CloudFormation's shape to ECS's.

use crate::wanted::bug;
use aws_sdk_ecs::types;
use environment::Fault;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};

/// A container definition as the catalogue writes it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Container {
    name: String,
    image: String,
    essential: bool,
    cpu: i32,
    memory: i32,
    command: Vec<String>,
    environment: Vec<Variable>,
    secrets: Vec<Secret>,
    stop_timeout: i32,
    log_configuration: LogConfiguration,
    health_check: Option<HealthCheck>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Variable {
    name: String,
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Secret {
    name: String,
    value_from: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct LogConfiguration {
    log_driver: String,
    options: HashMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct HealthCheck {
    command: Vec<String>,
    interval: i32,
    timeout: i32,
    retries: i32,
    start_period: i32,
}

impl Container {
    /// The definition in ECS's types.
    pub(crate) fn definition(self) -> Result<types::ContainerDefinition, Fault> {
        let variable = |Variable { name, value }| types::KeyValuePair::builder().name(name).value(value).build();
        let secret = |Secret { name, value_from }| types::Secret::builder().name(name).value_from(value_from).build();
        let secrets = self.secrets.into_iter().map(secret).collect::<Result<_, _>>().map_err(bug)?;
        let log = types::LogConfiguration::builder()
            .log_driver(self.log_configuration.log_driver.as_str().into())
            .set_options(Some(self.log_configuration.options))
            .build();
        let health_check = self.health_check.map(HealthCheck::definition).transpose()?;
        Ok(types::ContainerDefinition::builder()
            .name(self.name)
            .image(self.image)
            .essential(self.essential)
            .cpu(self.cpu)
            .memory(self.memory)
            .set_command(Some(self.command))
            .set_environment(Some(self.environment.into_iter().map(variable).collect()))
            .set_secrets(Some(secrets))
            .stop_timeout(self.stop_timeout)
            .log_configuration(log.map_err(bug)?)
            .set_health_check(health_check)
            .build())
    }
}

impl HealthCheck {
    fn definition(self) -> Result<types::HealthCheck, Fault> {
        types::HealthCheck::builder()
            .set_command(Some(self.command))
            .interval(self.interval)
            .timeout(self.timeout)
            .retries(self.retries)
            .start_period(self.start_period)
            .build()
            .map_err(bug)
    }
}

/// The containers of a task definition as the catalogue would write them, and as it has written them where only the
/// order of variables is another one: ECS keeps none.
pub(crate) fn seen(wanted: &Value, containers: &[types::ContainerDefinition]) -> Value {
    let seen = Value::Array(containers.iter().map(shape).collect());
    if ordered(wanted) == ordered(&seen) { wanted.clone() } else { seen }
}

fn shape(container: &types::ContainerDefinition) -> Value {
    let variables = container.environment().iter();
    let variables: Vec<Value> = variables.map(|one| json!({"Name": one.name(), "Value": one.value()})).collect();
    let secrets = container.secrets().iter();
    let secrets: Vec<Value> = secrets.map(|one| json!({"Name": one.name(), "ValueFrom": one.value_from()})).collect();
    let log = container.log_configuration().map(|log| {
        let options: BTreeMap<_, _> = log.options().into_iter().flatten().collect();
        json!({"LogDriver": log.log_driver().as_str(), "Options": options})
    });
    let mut shape = json!({
        "Name": container.name(),
        "Image": container.image(),
        "Essential": container.essential(),
        "Cpu": container.cpu,
        "Memory": container.memory(),
        "Command": container.command(),
        "Environment": variables,
        "Secrets": secrets,
        "StopTimeout": container.stop_timeout(),
        "LogConfiguration": log,
    });
    if let Some(check) = container.health_check() {
        shape["HealthCheck"] = json!({
            "Command": check.command(),
            "Interval": check.interval(),
            "Timeout": check.timeout(),
            "Retries": check.retries(),
            "StartPeriod": check.start_period(),
        });
    }
    shape
}

/// The containers with their variables in the order of their names.
fn ordered(containers: &Value) -> Value {
    let mut containers = containers.clone();
    for container in containers.as_array_mut().into_iter().flatten() {
        for variables in ["Environment", "Secrets"] {
            if let Some(variables) = container.get_mut(variables).and_then(Value::as_array_mut) {
                variables.sort_by_key(|variable| variable["Name"].to_string());
            }
        }
    }
    containers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container() -> Value {
        json!({
            "Name": "prefect-worker",
            "Image": "prefecthq/prefect-aws:0.7-python3.12",
            "Essential": true,
            "Cpu": 512,
            "Memory": 1024,
            "Command": ["prefect", "worker", "start"],
            "Environment": [{"Name": "AWS_REGION", "Value": "eu-west-1"}],
            "Secrets": [{"Name": "PREFECT_API_KEY", "ValueFrom": "arn:aws:secretsmanager:eu-west-1:1:secret:s"}],
            "StopTimeout": 120,
            "LogConfiguration": {"LogDriver": "awslogs", "Options": {"awslogs-group": "/ecs/prefect-worker"}},
            "HealthCheck": {"Command": ["CMD", "true"], "Interval": 30, "Timeout": 5, "Retries": 3, "StartPeriod": 60},
        })
    }

    fn definition(container: Value) -> types::ContainerDefinition {
        serde_json::from_value::<Container>(container).unwrap().definition().unwrap()
    }

    #[test]
    fn every_property_reaches_ecs() {
        let definition = definition(container());
        assert_eq!((definition.name(), definition.essential()), (Some("prefect-worker"), Some(true)));
        assert_eq!((definition.cpu, definition.memory(), definition.stop_timeout()), (512, Some(1024), Some(120)));
        assert_eq!(definition.command(), ["prefect", "worker", "start"]);
        assert_eq!(definition.environment()[0].name(), Some("AWS_REGION"));
        assert_eq!(definition.secrets()[0].value_from(), "arn:aws:secretsmanager:eu-west-1:1:secret:s");
        let log = definition.log_configuration().unwrap();
        assert_eq!((log.log_driver(), log.options().unwrap().len()), (&types::LogDriver::Awslogs, 1));
        assert_eq!(definition.health_check().unwrap().start_period(), Some(60));
    }

    #[test]
    fn a_property_that_is_not_passed_on_is_noticed() {
        let mut container = container();
        container["Privileged"] = json!(true);
        assert!(serde_json::from_value::<Container>(container).is_err());
    }

    /// Otherwise every look would find a difference, and each turn register one more revision.
    #[test]
    fn what_ecs_was_told_is_seen_as_it_was_wanted() {
        let mut without = container();
        without.as_object_mut().unwrap().remove("HealthCheck");
        for container in [container(), without] {
            let wanted = json!([container]);
            assert_eq!(seen(&json!(null), &[definition(container)]), wanted);
        }
    }

    #[test]
    fn the_order_of_variables_is_no_difference_and_a_value_is() {
        let mut wanted = container();
        wanted["Environment"] = json!([{"Name": "B", "Value": "2"}, {"Name": "A", "Value": "1"}]);
        let mut other = wanted.clone();
        other["Environment"] = json!([{"Name": "A", "Value": "1"}, {"Name": "B", "Value": "2"}]);
        let wanted = json!([wanted]);
        assert_eq!(seen(&wanted, &[definition(other.clone())]), wanted);
        other["Environment"][0]["Value"] = json!("3");
        assert_ne!(seen(&wanted, &[definition(other)]), wanted);
    }

    #[test]
    fn a_container_without_a_health_check_has_none() {
        let mut container = container();
        container.as_object_mut().unwrap().remove("HealthCheck");
        assert!(definition(container).health_check().is_none());
    }
}
