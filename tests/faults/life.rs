//! The lives that an environment may have: what is there before, and what is tried.

use crate::{
    fault::{Class, Planned},
    journal::Line,
    run::{NAME, Reply, Run},
};

/// A life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Life {
    /// It is created.
    Create,
    /// It is active, and deleted.
    Delete,
    /// It is being created, with half of it made, and deleted.
    DeleteDuringCreate,
    /// Its create fails at the last resource and is undone.
    Rollback,
    /// The execution of its create is stopped, with half of it made, and the sweep comes.
    Stopped,
    /// The execution of its delete is stopped, and the sweep comes.
    StoppedDelete,
    /// It is active, somebody has removed and changed things of it by hand, and it is repaired.
    Repair,
    /// It is active, and changed.
    Update,
    /// It is active, and the watch looks at its worker.
    Watch,
    /// It is active, and the table loses everything.
    Forgotten,
}

impl Life {
    /// Every life.
    pub const ALL: [Life; 10] = [
        Life::Create,
        Life::Delete,
        Life::DeleteDuringCreate,
        Life::Rollback,
        Life::Stopped,
        Life::StoppedDelete,
        Life::Repair,
        Life::Update,
        Life::Watch,
        Life::Forgotten,
    ];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Life::Create => "create",
            Life::Delete => "delete",
            Life::DeleteDuringCreate => "delete-during-create",
            Life::Rollback => "rollback",
            Life::Stopped => "stopped-create",
            Life::StoppedDelete => "stopped-delete",
            Life::Repair => "repair",
            Life::Update => "update",
            Life::Watch => "watch",
            Life::Forgotten => "forgotten",
        }
    }

    /// What happens in every such life, at a call of a life without faults.
    pub fn own_faults(self, create: &[Line], delete: &[Line]) -> Vec<Planned> {
        let at = |lines: &[Line], action: &str, class| {
            let line = lines.iter().find(|line| line.name.action == action).expect("every life has this call");
            vec![Planned { at: line.name.clone(), class }]
        };
        match self {
            Life::Create | Life::Delete | Life::Repair | Life::Update | Life::Watch | Life::Forgotten => Vec::new(),
            Life::DeleteDuringCreate => at(create, "CreateNatGateway", Class::DeleteArrives),
            Life::Rollback => at(create, "CreateService", Class::AccessDenied),
            Life::Stopped => at(create, "CreateNatGateway", Class::ExecutionStopped),
            Life::StoppedDelete => at(delete, "DeleteNatGateway", Class::ExecutionStopped),
        }
    }

    /// What is there before.
    pub async fn given(self, run: &Run) {
        if self.begins_active() {
            let reply = run.post().await;
            assert_eq!(reply.status, 202, "the environment that is given: {}", reply.body);
            run.settle().await;
            let status = status(run).await;
            assert_eq!(status, "ACTIVE", "the environment that is given");
            if self == Life::Repair {
                drift(run).await;
            }
        }
    }

    /// What is tried.
    pub async fn tried(self, run: &Run) -> Reply {
        let reply = if self.begins_active() {
            let id = run.table.environment().await.expect("an environment is given");
            match self {
                Life::Repair => run.repair(&id).await,
                Life::Update => run.update(&id, "one-key").await,
                Life::Watch => run.watch(&id).await,
                Life::Forgotten => {
                    run.table.empty().await;
                    run.sweep().await;
                    run.survey().await;
                    run.delete(&id).await
                }
                _ => run.delete(&id).await,
            }
        } else {
            run.post().await
        };
        run.settle().await;
        reply
    }

    /// Whether an active environment is given.
    pub fn begins_active(self) -> bool {
        !matches!(self, Life::Create | Life::DeleteDuringCreate | Life::Rollback | Life::Stopped)
    }
}

/// Somebody removes and changes something of every group by hand.
async fn drift(run: &Run) {
    let hand = &run.hand;
    let cluster = format!("{NAME}-cluster");
    hand.ecs
        .delete_service()
        .cluster(&cluster)
        .service("dev-worker")
        .force(true)
        .send()
        .await
        .expect("delete the service");
    hand.logs.delete_log_group().log_group_name(format!("/ecs/{NAME}-flows")).send().await.expect("delete a log group");
    let role = format!("{NAME}-worker-task-role");
    let policies = hand.iam.list_role_policies().role_name(&role).send().await.expect("list a role's policies");
    for policy in policies.policy_names() {
        let delete = hand.iam.delete_role_policy().role_name(&role).policy_name(policy);
        delete.send().await.expect("delete a role's policy");
    }
    let tables = hand.ec2.describe_route_tables().send().await.expect("describe route tables");
    let behind_nat =
        |table: &&aws_sdk_ec2::types::RouteTable| table.routes().iter().any(|route| route.nat_gateway_id().is_some());
    let table = tables.route_tables().iter().find(behind_nat).and_then(|table| table.route_table_id());
    let table = table.expect("the private route table");
    let delete = hand.ec2.delete_route().route_table_id(table).destination_cidr_block("0.0.0.0/0");
    delete.send().await.expect("delete a route");
    // A service takes a while to drain.
    run.account.clock.advance(jiff::SignedDuration::from_mins(10));
}

/// The environment's status, or the empty text.
pub async fn status(run: &Run) -> String {
    run.table.record().await.map(|record| crate::records::text(&record, "status").to_owned()).unwrap_or_default()
}
