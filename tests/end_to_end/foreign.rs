//! What somebody puts into an environment's VPC by hand: it is named, never touched, and a later delete goes on.

use end_to_end::{
    Environment, Stage,
    api::{list, text},
    requests::{request, unique},
};

#[tokio::test]
async fn a_subnet_and_a_security_group_made_by_hand_keep_the_vpc_and_are_named() {
    let stage = Stage::set().await;
    let environment = stage.create(&request(&unique("visited"))).await;
    let (ec2, vpc) = (&stage.cloud.ec2, environment.physical("network/vpc").to_owned());
    let subnet = ec2.create_subnet().vpc_id(&vpc).cidr_block("10.0.200.0/24").send().await;
    let subnet = subnet.expect("somebody makes a subnet").subnet.and_then(|it| it.subnet_id).expect("it has an id");
    let group = ec2.create_security_group().vpc_id(&vpc).group_name("by-hand").description("by hand").send().await;
    let group = group.expect("somebody makes a security group").group_id.expect("it has an id");

    let left = delete(&stage, environment.id()).await.must_be("DELETE_FAILED");

    let error = &left.resource("network/vpc")["error"];
    assert_eq!(error["code"], "FOREIGN_DEPENDENT", "{left}");
    assert_eq!(error["aws_code"], "DependencyViolation", "{left}");
    for name in [&vpc, &subnet, &group] {
        assert!(text(&error["message"]).contains(name.as_str()), "{name} is not named: {error:#}");
    }
    let named = list(&left.verdict()["left_behind"]);
    assert!(named.iter().any(|one| one["key"] == "network/vpc" && one["id"] == vpc.as_str()), "{:#}", left.verdict());
    assert!(left.0.get("proof").is_none(), "nothing is proven of what is left: {left}");
    let there = ec2.describe_subnets().subnet_ids(&subnet).send().await.expect("the subnet is still there");
    assert_eq!(there.subnets().len(), 1, "it was not touched");

    ec2.delete_subnet().subnet_id(&subnet).send().await.expect("somebody removes the subnet");
    ec2.delete_security_group().group_id(&group).send().await.expect("somebody removes the group");
    stage.delete(environment.id()).await;
    stage.inventory_of(&environment.marks()).await.must_be_empty("after the second delete");
}

/// An interface holds its subnet and its security groups, and with them the VPC.
#[tokio::test]
async fn a_network_interface_made_by_hand_keeps_its_subnet_and_is_named() {
    let stage = Stage::set().await;
    let environment = stage.create(&request(&unique("plugged"))).await;
    let (ec2, subnet) = (&stage.cloud.ec2, environment.physical("network/public-subnet-1").to_owned());
    let interface =
        ec2.create_network_interface().subnet_id(&subnet).send().await.expect("somebody makes an interface");
    let interface = interface.network_interface.and_then(|it| it.network_interface_id).expect("it has an id");

    let left = delete(&stage, environment.id()).await.must_be("DELETE_FAILED");

    let error = &left.resource("network/public-subnet-1")["error"];
    assert_eq!(error["code"], "FOREIGN_DEPENDENT", "{left}");
    assert!(text(&error["message"]).contains(&interface), "{interface} is not named: {error:#}");
    assert_eq!(left.resource("network/vpc")["error"]["code"], "CONFLICT", "its subnet holds it: {left}");
    assert_eq!(left.resource("network/public-subnet-2")["state"], "GONE", "the rest is gone: {left}");

    let delete = ec2.delete_network_interface().network_interface_id(&interface).send().await;
    delete.expect("somebody removes the interface");
    stage.delete(environment.id()).await;
    stage.inventory_of(&environment.marks()).await.must_be_empty("after the second delete");
}

async fn delete(stage: &Stage, id: &str) -> Environment {
    stage.api.delete(id).await.expect(202);
    stage.api.at_rest(id).await
}
