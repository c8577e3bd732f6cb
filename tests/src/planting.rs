//! Things with tags of the service's, planted by root behind its back.

use crate::{cloud::Cloud, service::Service};
use aws_sdk_ec2::types::{ResourceType, Tag, TagSpecification};
use std::collections::HashMap;

/// Who a planted thing says it belongs to.
#[derive(Clone, Debug)]
pub struct Planter {
    /// The environment's id.
    pub environment: String,
    /// The environment's name.
    pub name: String,
    /// Its team.
    pub team: String,
    /// The stack.
    pub stack: String,
}

impl Planter {
    /// Somebody whose things say that they belong to this environment of the service under test.
    pub fn of(environment: &str, name: &str, team: &str) -> Planter {
        let stack = Service::under_test().stack.clone();
        let [environment, name, team] = [environment, name, team].map(str::to_owned);
        Planter { environment, name, team, stack }
    }

    /// The same, of another stack.
    pub fn in_stack(self, stack: &str) -> Planter {
        Planter { stack: stack.to_owned(), ..self }
    }

    fn tags(&self, resource: &str) -> HashMap<String, String> {
        let tags = [
            ("Name", format!("{}-ecs", self.name)),
            ("prefect-environments:id", self.environment.clone()),
            ("prefect-environments:resource", resource.to_owned()),
            ("prefect-environments:stack", self.stack.clone()),
            ("prefect-environments:team", self.team.clone()),
        ];
        tags.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
    }

    fn specification(&self, kind: ResourceType, resource: &str) -> TagSpecification {
        let tags = self.tags(resource).into_iter().map(|(key, value)| Tag::builder().key(key).value(value).build());
        TagSpecification::builder().resource_type(kind).set_tags(Some(tags.collect())).build()
    }

    /// A VPC with an internet gateway that is attached to it. The VPC's id.
    pub async fn network(&self, cloud: &Cloud) -> String {
        let vpc = cloud.ec2.create_vpc().cidr_block("10.7.0.0/16");
        let vpc = vpc.tag_specifications(self.specification(ResourceType::Vpc, "network/vpc")).send().await;
        let vpc = vpc.expect("plant a VPC").vpc.and_then(|vpc| vpc.vpc_id).expect("it has an id");
        let tags = self.specification(ResourceType::InternetGateway, "network/internet-gateway");
        let gateway = cloud.ec2.create_internet_gateway().tag_specifications(tags).send().await;
        let gateway = gateway.expect("plant a gateway").internet_gateway.and_then(|it| it.internet_gateway_id);
        let gateway = gateway.expect("it has an id");
        let attach = cloud.ec2.attach_internet_gateway().internet_gateway_id(&gateway).vpc_id(&vpc);
        attach.send().await.expect("attach the gateway");
        vpc
    }

    /// The worker's log group.
    pub async fn log_group(&self, cloud: &Cloud) {
        let create = cloud.logs.create_log_group().log_group_name(format!("/ecs/{}-worker", self.name));
        create.set_tags(Some(self.tags("cluster/worker-log-group"))).send().await.expect("plant a log group");
    }

    /// The worker's role, with a policy in it.
    pub async fn role(&self, cloud: &Cloud) {
        let name = format!("{}-worker-task-role", self.name);
        let tags = self.tags("identity/worker-task-role").into_iter();
        let tags = tags.map(|(key, value)| aws_sdk_iam::types::Tag::builder().key(key).value(value).build());
        let tags = tags.collect::<Result<Vec<_>, _>>().expect("tags");
        let create = cloud.iam.create_role().role_name(&name).set_tags(Some(tags));
        let create = create.assume_role_policy_document(r#"{"Version":"2012-10-17","Statement":[]}"#);
        create.send().await.expect("plant a role");
        let put = cloud.iam.put_role_policy().role_name(&name).policy_name("by-hand");
        let nothing = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}"#;
        put.policy_document(nothing).send().await.expect("put a policy into it");
    }

    /// The cluster, with the worker's service in it and the definition of its tasks.
    pub async fn cluster(&self, cloud: &Cloud) {
        let name = format!("{}-cluster", self.name);
        let tags = |resource: &str| {
            let tags = self.tags(resource).into_iter();
            Some(tags.map(|(key, value)| aws_sdk_ecs::types::Tag::builder().key(key).value(value).build()).collect())
        };
        let create = cloud.ecs.create_cluster().cluster_name(&name).set_tags(tags("cluster/cluster"));
        create.send().await.expect("plant a cluster");
        let family = format!("{}-worker-task", self.name);
        let container = aws_sdk_ecs::types::ContainerDefinition::builder().name("prefect-worker").image("none").build();
        let definition = cloud.ecs.register_task_definition().family(&family).container_definitions(container);
        let definition = definition.set_tags(tags("worker/task-definition"));
        definition.send().await.expect("plant a task definition");
        let service = cloud.ecs.create_service().cluster(&name).service_name("dev-worker").desired_count(0);
        let service = service.task_definition(&family).set_tags(tags("worker/service"));
        service.send().await.expect("plant a service");
    }
}
