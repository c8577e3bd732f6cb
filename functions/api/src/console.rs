//! Links into the AWS console.

/// Where the console shows an execution. Each partition has a console of its own.
pub(crate) fn execution(arn: &str) -> String {
    let parts: Vec<&str> = arn.split(':').collect();
    let [_, partition, _, region, ..] = parts[..] else { return String::new() };
    let host = match partition {
        "aws-cn" => "console.amazonaws.cn".to_owned(),
        "aws-us-gov" => "console.amazonaws-us-gov.com".to_owned(),
        _ => format!("{region}.console.aws.amazon.com"),
    };
    format!("https://{host}/states/home?region={region}#/v2/executions/details/{arn}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_link_leads_to_the_partitions_own_console() {
        let link =
            |partition: &str, region: &str| execution(&format!("arn:{partition}:states:{region}:1:execution:m:op-1"));
        assert_eq!(
            link("aws", "eu-west-1"),
            "https://eu-west-1.console.aws.amazon.com/states/home?region=eu-west-1#/v2/executions/details/\
             arn:aws:states:eu-west-1:1:execution:m:op-1"
        );
        assert!(link("aws-cn", "cn-north-1").starts_with("https://console.amazonaws.cn/"));
    }
}
