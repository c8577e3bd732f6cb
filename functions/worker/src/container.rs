//! A container definition, from CloudFormation's shape to ECS's.

use crate::wanted::bug;
use aws_sdk_ecs::types;
use environment::Fault;
use serde::Deserialize;
use std::collections::HashMap;

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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

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

    #[test]
    fn a_container_without_a_health_check_has_none() {
        let mut container = container();
        container.as_object_mut().unwrap().remove("HealthCheck");
        assert!(definition(container).health_check().is_none());
    }
}
