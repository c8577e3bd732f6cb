//! The secret's ARN: the API learns it, outside of any step's lease.

use super::{Records, environment_pk, refused, resource_sk, text};
use crate::aws;
use aws_sdk_dynamodb::{operation::update_item::UpdateItemError, types::ReturnValuesOnConditionCheckFailure};
use environment::{EnvironmentId, Fault, Key};

impl Records {
    /// Notes the ARN of the secret that the API has made. The identity step may have been quicker: what is
    /// recorded already, or is on its way out, stays as it is.
    pub async fn note_secret(&self, id: EnvironmentId, key: &Key, arn: &str) -> Result<(), Fault> {
        let answer = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", text(environment_pk(id)))
            .key("sk", text(resource_sk(key)))
            .update_expression("SET #id = :arn, #arn = :arn")
            .condition_expression("#state = :planned AND attribute_not_exists(#id)")
            .expression_attribute_names("#id", "id")
            .expression_attribute_names("#arn", "arn")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":arn", text(arn))
            .expression_attribute_values(":planned", text("PLANNED"))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match answer {
            Ok(_) => Ok(()),
            Err(error) if refused(&error, old).is_some() => Ok(()),
            Err(error) => Err(aws::fault("dynamodb:UpdateItem", error)),
        }
    }
}

fn old(error: &UpdateItemError) -> Option<&super::Item> {
    match error {
        UpdateItemError::ConditionalCheckFailedException(failed) => failed.item(),
        _ => None,
    }
}
