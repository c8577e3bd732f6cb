//! The task definitions that a worker registers for its flows, registered by a test.

use crate::{service::Service, stage::Stage};
use aws_sdk_ecs::types::{Compatibility, ContainerDefinition, NetworkMode, TaskDefinitionStatus};

impl Stage {
    /// Registers a definition that names this execution role, as the worker does for a deployment. Its ARN.
    pub async fn register_flow(&self, family: &str, role: &str) -> String {
        let container = ContainerDefinition::builder().name("prefect").image("prefecthq/prefect:3-latest").build();
        let register = self.cloud.ecs.register_task_definition().family(family).container_definitions(container);
        let register = register.network_mode(NetworkMode::Awsvpc).requires_compatibilities(Compatibility::Fargate);
        let register = register.cpu("1024").memory("2048").execution_role_arn(Service::under_test().role_arn(role));
        let made = register.send().await.expect("the worker registers a definition").task_definition;
        made.and_then(|definition| definition.task_definition_arn).expect("it has an ARN")
    }

    /// How a definition is.
    pub async fn definition_status(&self, definition: &str) -> TaskDefinitionStatus {
        let look = self.cloud.ecs.describe_task_definition().task_definition(definition).send().await;
        let definition = look.expect("describe a definition").task_definition.expect("a definition");
        definition.status.expect("it has a status")
    }
}
