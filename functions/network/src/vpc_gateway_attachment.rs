//! The internet gateway's attachment to the VPC. AWS gives it no id: ours is `<internet gateway>|<VPC>`.

use crate::{
    Clients,
    dependents::{Within, judge},
    halves, internet_gateway,
};
use async_trait::async_trait;
use aws_sdk_ec2::types::{AttachmentStatus, InternetGateway};
use engine::{Departure, Found, Resource, Site, State, aws::fault};
use environment::{Code, Fault};

pub(crate) struct VpcGatewayAttachment(pub(crate) Clients);

#[async_trait]
impl Resource for VpcGatewayAttachment {
    async fn find(&self, at: &Site<'_>) -> Result<Option<Found>, Fault> {
        let (gateway, vpc) = match (at.id, at.text("InternetGatewayId"), at.text("VpcId")) {
            (Some(id), _, _) => halves(id)?,
            (None, Ok(gateway), Ok(vpc)) => (gateway, vpc),
            // One of the two is gone, and the attachment with it.
            (None, _, _) => return Ok(None),
        };
        let request = self.0.ec2.describe_internet_gateways().internet_gateway_ids(gateway);
        let gateways = internet_gateway::list(request).await?;
        let seen = gateways.iter().find(|seen| seen.internet_gateway_id() == Some(gateway));
        Ok(seen.and_then(|seen| state(seen, vpc)).map(|state| Found::ready(id(gateway, vpc)).state(state)))
    }

    async fn create(&self, at: &Site<'_>) -> Result<Found, Fault> {
        let (gateway, vpc) = (at.text("InternetGatewayId")?, at.text("VpcId")?);
        let answer = self.0.once.attach_internet_gateway().internet_gateway_id(gateway).vpc_id(vpc).send().await;
        answer.map_err(|error| fault("ec2:AttachInternetGateway", error))?;
        Ok(Found::ready(id(gateway, vpc)))
    }

    /// Is refused while anything in the VPC still has a public address through the gateway.
    async fn remove(&self, at: &Site<'_>, id: &str) -> Result<Departure, Fault> {
        let (gateway, vpc) = halves(id)?;
        let answer = self.0.ec2.detach_internet_gateway().internet_gateway_id(gateway).vpc_id(vpc).send().await;
        match answer.map_err(|error| detached(fault("ec2:DetachInternetGateway", error))) {
            Ok(_) => Ok(Departure::Gone),
            Err(conflict) if conflict.code == Code::Conflict => {
                judge(&self.0, at, Within::Attachment(vpc), conflict).await
            }
            Err(other) => Err(other),
        }
    }
}

fn id(gateway: &str, vpc: &str) -> String {
    format!("{gateway}|{vpc}")
}

/// AWS's word for an attachment that is not there (EC2 API reference, error codes).
fn detached(mut fault: Fault) -> Fault {
    if fault.aws_code.as_deref() == Some("Gateway.NotAttached") {
        fault.code = Code::NotFound;
    }
    fault
}

/// How the gateway's attachment to this VPC is, if it has one. For an internet gateway AWS writes `available`
/// where it writes `attached` for everything else, so whatever is not on its way is attached.
fn state(gateway: &InternetGateway, vpc: &str) -> Option<State> {
    let attachment = gateway.attachments().iter().find(|attachment| attachment.vpc_id() == Some(vpc))?;
    match attachment.state() {
        Some(AttachmentStatus::Detached) => None,
        Some(AttachmentStatus::Detaching) => Some(State::Leaving),
        Some(AttachmentStatus::Attaching) => Some(State::Settling),
        _ => Some(State::Ready),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_ec2::types::InternetGatewayAttachment;

    fn attached(status: &str) -> InternetGateway {
        let attachment = InternetGatewayAttachment::builder().vpc_id("vpc-1").state(status.into()).build();
        InternetGateway::builder().internet_gateway_id("igw-1").attachments(attachment).build()
    }

    #[test]
    fn available_means_attached() {
        assert!(matches!(state(&attached("available"), "vpc-1"), Some(State::Ready)));
        assert!(matches!(state(&attached("detaching"), "vpc-1"), Some(State::Leaving)));
        assert!(state(&attached("detached"), "vpc-1").is_none());
    }

    #[test]
    fn an_attachment_to_another_vpc_is_not_ours() {
        assert!(state(&attached("available"), "vpc-2").is_none());
    }

    #[test]
    fn detaching_what_is_not_attached_finds_nothing() {
        let mut refused = Fault::new(Code::InvalidRequest, "");
        refused.aws_code = Some("Gateway.NotAttached".into());
        assert_eq!(detached(refused).code, Code::NotFound);
    }
}
