//! The lives that an environment may have: what is there before, and what is tried.

use crate::{
    fault::{Class, Planned},
    journal::Line,
    run::{Reply, Run},
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
    /// It is active, and the table loses everything.
    Forgotten,
}

impl Life {
    /// Every life.
    pub const ALL: [Life; 7] = [
        Life::Create,
        Life::Delete,
        Life::DeleteDuringCreate,
        Life::Rollback,
        Life::Stopped,
        Life::StoppedDelete,
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
            Life::Create | Life::Delete | Life::Forgotten => Vec::new(),
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
        }
    }

    /// What is tried.
    pub async fn tried(self, run: &Run) -> Reply {
        let reply = if self.begins_active() {
            let id = run.table.environment().await.expect("an environment is given");
            if self == Life::Forgotten {
                run.table.empty().await;
                for _ in 0..3 {
                    run.sweep().await;
                }
            }
            run.delete(&id).await
        } else {
            run.post().await
        };
        run.settle().await;
        reply
    }

    /// Whether an active environment is given.
    pub fn begins_active(self) -> bool {
        matches!(self, Life::Delete | Life::StoppedDelete | Life::Forgotten)
    }
}

/// The environment's status, or the empty text.
pub async fn status(run: &Run) -> String {
    run.table.record().await.map(|record| crate::records::text(&record, "status").to_owned()).unwrap_or_default()
}
