//! ARNs that a request names: secrets and policies of this account.

use super::Defaults;

/// What an ARN of a secret turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SecretArn {
    /// A whole ARN of a secret here.
    Here,
    /// The ARN of a secret of another partition, account or region.
    Elsewhere,
    /// No whole ARN of a secret.
    No,
}

/// Judges the ARN of a secret. It must be whole, with the six characters that Secrets Manager adds to the
/// name: policies that name it would not match otherwise. JSON keys and versions (which ECS would take behind
/// it) are no part of a secret's ARN.
pub(super) fn secret(text: &str, here: &Defaults<'_>) -> SecretArn {
    let parts: Vec<&str> = text.split(':').collect();
    let ["arn", partition, "secretsmanager", region, account, "secret", name] = parts[..] else {
        return SecretArn::No;
    };
    let of_name = |byte: u8| byte.is_ascii_alphanumeric() || b"/_+=.@!-".contains(&byte);
    let suffix = name.rsplit_once('-').map(|(_, suffix)| suffix).unwrap_or_default();
    let is_whole = suffix.len() == 6 && suffix.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !is_whole || name.len() <= 7 || !name.bytes().all(of_name) {
        return SecretArn::No;
    }
    if [partition, region, account] == [here.partition, here.region, here.account] {
        SecretArn::Here
    } else {
        SecretArn::Elsewhere
    }
}

/// Whether this is the ARN of a managed policy of this account or of AWS.
pub(super) fn is_a_policy(text: &str, here: &Defaults<'_>) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    let ["arn", partition, "iam", "", account, resource] = parts[..] else { return false };
    let Some(path) = resource.strip_prefix("policy/") else { return false };
    let of_name = |byte: u8| byte.is_ascii_alphanumeric() || b"+=,.@_-".contains(&byte);
    partition == here.partition
        && (account == here.account || account == "aws")
        && path.split('/').all(|part| !part.is_empty() && part.bytes().all(of_name))
}

#[cfg(test)]
mod tests {
    use super::super::tests::defaults;
    use super::*;

    #[test]
    fn a_secrets_arn_is_whole_and_of_this_account_and_region() {
        let here = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:";
        let judge = |text: &str| secret(text, &defaults());
        assert_eq!(judge(&format!("{here}team/key-AbC123")), SecretArn::Here);
        for text in ["key", "-AbC123", "key-AbC12", "key-AbC123:json::", "key-AbC12*", "ke y-AbC123"] {
            assert_eq!(judge(&format!("{here}{text}")), SecretArn::No, "{text}");
        }
        for place in ["aws:secretsmanager:eu-west-2:123456789012", "aws:secretsmanager:eu-west-1:999999999999"] {
            assert_eq!(judge(&format!("arn:{place}:secret:key-AbC123")), SecretArn::Elsewhere, "{place}");
        }
    }

    #[test]
    fn a_policy_is_this_accounts_or_awss() {
        let judge = |text: &str| is_a_policy(text, &defaults());
        assert!(judge("arn:aws:iam::aws:policy/service-role/AmazonS3ReadOnlyAccess"));
        assert!(judge("arn:aws:iam::123456789012:policy/flows"));
        for text in [
            "arn:aws:iam::999999999999:policy/flows",
            "arn:aws-cn:iam::aws:policy/x",
            "arn:aws:iam::aws:role/x",
            "arn:aws:iam::aws:policy/",
            "arn:aws:iam::aws:policy//x",
            "arn:aws:iam::aws:policy/x*",
        ] {
            assert!(!judge(text), "{text}");
        }
    }
}
