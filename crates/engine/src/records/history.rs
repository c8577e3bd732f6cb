//! The operations of an environment, page by page: its whole history, however long it grows.

use super::{Operation, Records, create::operation_sk, environment_pk, read, text};
use crate::aws;
use environment::{EnvironmentId, Fault, OperationId};

/// A page of operations, newest first.
#[derive(Clone, Debug)]
pub struct HistoryPage {
    /// The operations.
    pub operations: Vec<Operation>,
    /// The next page begins after this one.
    pub next: Option<OperationId>,
}

impl Records {
    /// So many operations of an environment, newest first; only those before `after`, where that is given.
    pub async fn history(
        &self,
        id: EnvironmentId,
        after: Option<OperationId>,
        page_size: u32,
    ) -> Result<HistoryPage, Fault> {
        let newest = match after.map(OperationId::previous) {
            Some(Some(before)) => operation_sk(before),
            Some(None) => return Ok(HistoryPage { operations: Vec::new(), next: None }),
            // After every ULID.
            None => "OPERATION#~".to_owned(),
        };
        let answer = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND sk BETWEEN :oldest AND :newest")
            .expression_attribute_values(":pk", text(environment_pk(id)))
            .expression_attribute_values(":oldest", text("OPERATION#"))
            .expression_attribute_values(":newest", text(newest))
            .scan_index_forward(false)
            // One more says whether there is a next page.
            .limit(i32::try_from(page_size).unwrap_or(100) + 1)
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| aws::fault("dynamodb:Query", error))?;
        let read: Result<Vec<Operation>, Fault> = answer.items.unwrap_or_default().into_iter().map(read).collect();
        let mut operations = read?;
        let has_more = operations.len() > page_size as usize;
        operations.truncate(page_size as usize);
        let next = operations.last().map(|last| last.id).filter(|_| has_more);
        Ok(HistoryPage { operations, next })
    }

    /// One operation of an environment.
    pub async fn operation(&self, id: EnvironmentId, operation: OperationId) -> Result<Option<Operation>, Fault> {
        let answer = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND sk = :sk")
            .expression_attribute_values(":pk", text(environment_pk(id)))
            .expression_attribute_values(":sk", text(operation_sk(operation)))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| aws::fault("dynamodb:Query", error))?;
        answer.items.unwrap_or_default().pop().map(read).transpose()
    }
}
