//! A task definition fits Fargate, is used only while it is active, and deleted only when it no longer is.

use crate::{Answer, Call, rule::Rule, world::World};

/// - Fargate has certain sizes: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html>
/// - An absent or inactive one starts nothing:
///   <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeregisterTaskDefinition.html>
/// - An active one is not deleted:
///   <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteTaskDefinitions.html>
pub(crate) struct TaskDefinition;

impl Rule for TaskDefinition {
    fn refuse(&self, call: &Call, world: &mut World) -> Option<Answer> {
        if call.service != "ecs" {
            return None;
        }
        let refusal = |message: &str| Some(Answer::error(call, "ClientException", message));
        let asked = call.text("taskDefinition");
        match call.action.as_str() {
            "RegisterTaskDefinition" if is_for_fargate(call) => {
                let number = |name| call.text(name).parse().unwrap_or_default();
                let fits = fits_fargate(number("cpu"), number("memory"));
                if fits { None } else { refusal("No Fargate configuration exists for given values.") }
            }
            "CreateService" | "UpdateService" | "RunTask" if !asked.is_empty() => match is_active(world, asked) {
                Some(true) => None,
                Some(false) => refusal("TaskDefinition is inactive"),
                None => refusal("TaskDefinition not found."),
            },
            "DeleteTaskDefinitions" => {
                let asked = call.parameters["taskDefinitions"].as_array().into_iter().flatten();
                let mut asked = asked.filter_map(|reference| is_active(world, reference.as_str()?));
                let active = asked.any(|is_active| is_active);
                let message = "The specified task definition is still in ACTIVE status. Please deregister the target \
                               and try again.";
                if active { refusal(message) } else { None }
            }
            _ => None,
        }
    }

    fn follow(&self, call: &Call, answer: &mut Answer, world: &mut World) {
        if call.service != "ecs" {
            return;
        }
        let Some(value) = answer.value() else { return };
        let one = &value["taskDefinition"];
        let all = value["taskDefinitions"].as_array().into_iter().flatten();
        for definition in all.chain([one]) {
            if let (Some(arn), Some(status)) = (definition["taskDefinitionArn"].as_str(), definition["status"].as_str())
            {
                world.ecs.definitions.insert(arn.to_owned(), status == "ACTIVE");
            }
        }
    }
}

fn is_for_fargate(call: &Call) -> bool {
    let needs = call.parameters["requiresCompatibilities"].as_array();
    needs.into_iter().flatten().any(|name| name == "FARGATE")
}

/// Whether there is a Fargate task of so many CPU units and so much memory, in MiB.
fn fits_fargate(cpu: u32, memory: u32) -> bool {
    let (least, most, step) = match cpu {
        256 => return [512, 1024, 2048].contains(&memory),
        512 => (1, 4, 1),
        1024 => (2, 8, 1),
        2048 => (4, 16, 1),
        4096 => (8, 30, 1),
        8192 => (16, 60, 4),
        16384 => (32, 120, 8),
        _ => return false,
    };
    memory.is_multiple_of(step * 1024) && (least * 1024..=most * 1024).contains(&memory)
}

/// Whether a task definition is active, if there is one: by its ARN, by family and revision, or the family's latest.
fn is_active(world: &World, reference: &str) -> Option<bool> {
    let known = &world.ecs.definitions;
    let short = super::name_of(reference);
    if short.contains(':') {
        return known.iter().find(|(arn, _)| super::name_of(arn) == short).map(|(_, active)| *active);
    }
    let mut of_family = known.iter().filter(|(arn, _)| super::name_of(arn).split(':').next() == Some(short));
    of_family.any(|(_, active)| *active).then_some(true)
}

#[cfg(test)]
mod tests {
    use crate::{Settings, rehearsal::Rehearsal};
    use serde_json::{Value, json};

    const ARN: &str = "arn:aws:ecs:r:1:task-definition/blue:1";

    fn definition(status: &str) -> Value {
        json!({"taskDefinition": {"taskDefinitionArn": ARN, "status": status}})
    }

    #[tokio::test]
    async fn fargate_has_certain_sizes() {
        let aws = Rehearsal::new(Settings::default());
        for (cpu, memory, code) in [
            ("256", "512", ""),
            ("256", "4096", "ClientException"),
            ("1024", "2560", "ClientException"),
            ("8192", "20480", ""),
            ("300", "512", "ClientException"),
        ] {
            let wanted = json!({"cpu": cpu, "memory": memory, "requiresCompatibilities": ["FARGATE"]});
            let told = aws.json("ecs", "RegisterTaskDefinition", &wanted, &definition("ACTIVE")).await;
            assert_eq!(told.code(), code, "{cpu} with {memory}");
        }
    }

    #[tokio::test]
    async fn an_active_one_is_used_and_not_deleted_and_an_inactive_one_the_other_way_round() {
        let aws = Rehearsal::new(Settings::default());
        aws.json("ecs", "CreateCluster", &json!({"clusterName": "default"}), &json!({})).await;
        let run =
            async || aws.json("ecs", "RunTask", &json!({"taskDefinition": ARN}), &json!({"tasks": []})).await.code();
        let delete = async || {
            let said = json!({"taskDefinitions": [{"taskDefinitionArn": ARN, "status": "DELETE_IN_PROGRESS"}]});
            aws.json("ecs", "DeleteTaskDefinitions", &json!({"taskDefinitions": [ARN]}), &said).await.code()
        };
        assert_eq!(run().await, "ClientException", "absent");
        aws.json("ecs", "RegisterTaskDefinition", &json!({}), &definition("ACTIVE")).await;
        assert_eq!((run().await.as_str(), delete().await.as_str()), ("", "ClientException"));
        aws.json("ecs", "DeregisterTaskDefinition", &json!({"taskDefinition": ARN}), &definition("INACTIVE")).await;
        assert_eq!((run().await.as_str(), delete().await.as_str()), ("ClientException", ""));
    }
}
