//! Whether an idempotency key was used, asked before the transaction that takes it.

use super::{Idempotency, IdempotencyItem, Records, Transacted, read, text};
use crate::aws;
use environment::{EnvironmentId, Fault};
use jiff::Timestamp;

impl Records {
    /// Whether a request under this key was carried out already: what is sent now is that request again, or one that
    /// reuses its key. Only the transaction that takes the key has the last word.
    pub async fn is_used(&self, idempotency: &Idempotency, now: Timestamp) -> Result<bool, Fault> {
        Ok(self.use_of(idempotency, now).await?.is_some())
    }

    /// What a key that counts was used for.
    pub async fn use_of(&self, idempotency: &Idempotency, now: Timestamp) -> Result<Option<IdempotencyItem>, Fault> {
        let query = self.client.query().table_name(&self.table).key_condition_expression("pk = :pk");
        let query = query.expression_attribute_values(":pk", text(format!("IDEMPOTENCY#{}", idempotency.key)));
        let answer = query.consistent_read(true).send().await.map_err(|error| aws::fault("dynamodb:Query", error))?;
        let Some(item) = answer.items.unwrap_or_default().pop() else { return Ok(None) };
        // TTL deletes late: an expired key that is still there counts for nothing.
        Ok(Some(read::<IdempotencyItem>(item)?).filter(|used| used.purge_at >= now.as_second()))
    }

    /// Takes the key of a request that leaves nothing else to be written; false where it was taken before.
    pub async fn take_key_alone(
        &self,
        idempotency: &Idempotency,
        id: EnvironmentId,
        now: Timestamp,
    ) -> Result<bool, Fault> {
        match self.transact(vec![self.take_key(idempotency, id, None, now)?]).await? {
            Transacted::Done => Ok(true),
            Transacted::Refused(_) => Ok(false),
        }
    }
}
