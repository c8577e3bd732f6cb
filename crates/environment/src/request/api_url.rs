//! `prefect.api_url`: the API of a Prefect server, checked as text. What its name resolves to is checked
//! where the server is first called.
//!
//! On the local cloud a server may be http and on this machine; nothing else is looser there.

use super::{fields::Field, prefect::is_a_uuid, violation::ViolationCode};
use std::net::{Ipv4Addr, Ipv6Addr};
use url::{Host, Url};
use uuid::Uuid;

/// The server behind a URL.
pub(super) enum Api {
    /// A workspace of Prefect Cloud.
    Cloud { account_id: Uuid, workspace_id: Uuid },
    /// A server of the team's own; the URL without a slash at its end.
    SelfHosted(String),
}

/// Reads the URL. `allow_local` is for the local cloud.
pub(super) fn read(field: &Field<'_>, allow_local: bool) -> Option<Api> {
    // The parser would drop line breaks and turn backslashes round: what we check must be what was sent.
    let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let text = field.text_like(1..=1024, is_plain, "This must be a URL of visible ASCII characters.")?;
    let url = Url::parse(text).ok().filter(Url::has_host);
    let Some(url) = url else {
        field.refuse(ViolationCode::Invalid, "This must be a URL, for instance https://prefect.example.com/api.");
        return None;
    };
    match judge(&url, allow_local) {
        Ok(api) => Some(api),
        Err((code, detail)) => {
            field.refuse(code, detail);
            None
        }
    }
}

type Refusal = (ViolationCode, &'static str);

fn judge(url: &Url, allow_local: bool) -> Result<Api, Refusal> {
    match url.scheme() {
        "https" => {}
        "http" if allow_local => {}
        _ => return Err((ViolationCode::NotAllowed, "The URL must begin with https://.")),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err((ViolationCode::NotAllowed, "The URL must not carry user or password. Give auth_string."));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err((ViolationCode::NotAllowed, "The URL must have neither a query nor a fragment."));
    }
    match url.host() {
        Some(Host::Domain(name)) if is_prefect_cloud(name) => return cloud(url),
        Some(host) if !may_be_called(&host, allow_local) => {
            return Err((ViolationCode::NotAllowed, "The URL must not lead to the machine that opens it."));
        }
        _ => {}
    }
    Ok(Api::SelfHosted(url.as_str().trim_end_matches('/').to_owned()))
}

fn is_prefect_cloud(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    name == "prefect.cloud" || name.ends_with(".prefect.cloud")
}

/// A worker needs account and workspace in the URL: it ignores the variables of those names.
fn cloud(url: &Url) -> Result<Api, Refusal> {
    const FORM: &str = "The URL of Prefect Cloud must be \
                        https://api.prefect.cloud/api/accounts/<account id>/workspaces/<workspace id>. \
                        Or give account_id and workspace_id instead.";
    let refusal = (ViolationCode::Invalid, FORM);
    if url.scheme() != "https" || url.host_str() != Some("api.prefect.cloud") || url.port().is_some() {
        return Err(refusal);
    }
    let path: Vec<&str> = url.path().trim_end_matches('/').split('/').collect();
    let ["", "api", "accounts", account, "workspaces", workspace] = path[..] else { return Err(refusal) };
    let id = |text: &str| Uuid::try_parse(text).ok().filter(|_| is_a_uuid(text)).ok_or(refusal);
    Ok(Api::Cloud { account_id: id(account)?, workspace_id: id(workspace)? })
}

/// Whether the host is, by its very name or number, neither the caller's own machine nor its metadata service.
fn may_be_called(host: &Host<&str>, allow_local: bool) -> bool {
    match host {
        Host::Domain(name) => {
            let name = name.trim_end_matches('.');
            allow_local || !(name == "localhost" || name.ends_with(".localhost"))
        }
        Host::Ipv4(address) => is_fine_v4(*address, allow_local),
        Host::Ipv6(address) => is_fine_v6(*address, allow_local),
    }
}

fn is_fine_v4(address: Ipv4Addr, allow_local: bool) -> bool {
    // The metadata services of EC2 and ECS are link-local.
    let is_special = address.is_link_local() || address.is_multicast() || address.is_broadcast();
    let is_unspecified = address.octets()[0] == 0;
    !is_special && !is_unspecified && (allow_local || !address.is_loopback())
}

fn is_fine_v6(address: Ipv6Addr, allow_local: bool) -> bool {
    /// EC2's metadata service and resolver.
    const EC2: [u16; 3] = [0xfd00, 0xec2, 0];
    let segments = address.segments();
    if address.is_loopback() {
        return allow_local;
    }
    // An IPv4 address in one of its IPv6 disguises: mapped, compatible, NAT64.
    let is_disguised = matches!(segments[..6], [0, 0, 0, 0, 0, 0 | 0xffff] | [0x64, 0xff9b, 0, 0, 0, 0]);
    let tail = Ipv4Addr::from_bits(u32::from(segments[6]) << 16 | u32::from(segments[7]));
    if is_disguised {
        return is_fine_v4(tail, allow_local);
    }
    !address.is_multicast() && !address.is_unicast_link_local() && segments[..3] != EC2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(text: &str, allow_local: bool) -> Result<Api, ViolationCode> {
        judge(&Url::parse(text).unwrap(), allow_local).map_err(|(code, _)| code)
    }

    #[test]
    fn a_public_server_is_accepted() {
        for text in ["https://prefect.example.com/api", "https://prefect.internal:4200/api", "https://10.1.2.3/api"] {
            assert!(verdict(text, false).is_ok(), "{text}");
        }
    }

    #[test]
    fn what_leads_to_ones_own_machine_is_refused_in_every_disguise() {
        let own = ["localhost", "LOCALHOST.", "x.localhost", "127.0.0.1", "2130706433", "0x7f.1", "[::1]"];
        let own_too = ["[::ffff:127.0.0.1]", "[::127.0.0.1]"];
        for host in own.into_iter().chain(own_too) {
            let text = format!("https://{host}/api");
            assert_eq!(verdict(&text, false).err(), Some(ViolationCode::NotAllowed), "{text}");
            assert!(verdict(&text, true).is_ok(), "{text} on the local cloud");
        }
    }

    #[test]
    fn metadata_services_are_refused_everywhere() {
        for host in [
            "0.0.0.0",
            "169.254.169.254",
            "169.254.170.2",
            "255.255.255.255",
            "[::]",
            "[::ffff:169.254.169.254]",
            "[64:ff9b::a9fe:a9fe]",
            "[fe80::1]",
            "[fd00:ec2::254]",
        ] {
            for allow_local in [false, true] {
                let text = format!("https://{host}/api");
                assert_eq!(verdict(&text, allow_local).err(), Some(ViolationCode::NotAllowed), "{text}");
            }
        }
    }

    #[test]
    fn only_https_without_user_query_and_fragment() {
        for text in [
            "http://prefect.example.com/api",
            "https://user:pass@prefect.example.com/api",
            "https://prefect.example.com/api?x=1",
            "https://prefect.example.com/api#x",
        ] {
            assert_eq!(verdict(text, false).err(), Some(ViolationCode::NotAllowed), "{text}");
        }
        assert_eq!(verdict("ftp://prefect.example.com/api", true).err(), Some(ViolationCode::NotAllowed));
        assert!(verdict("http://localhost:4200/api", true).is_ok());
        assert!(verdict("http://user:pass@localhost:4200/api", true).is_err());
    }

    #[test]
    fn prefect_cloud_without_account_and_workspace_is_refused() {
        let id = "00000000-0000-0000-0000-000000000001";
        let whole = format!("https://api.prefect.cloud/api/accounts/{id}/workspaces/{id}");
        assert!(matches!(verdict(&whole, false), Ok(Api::Cloud { .. })));
        for text in [
            "https://api.prefect.cloud/api".to_owned(),
            format!("https://app.prefect.cloud/account/{id}/workspace/{id}"),
            format!("https://api.prefect.cloud/api/accounts/{id}/workspaces/x"),
            whole.replace("api.prefect.cloud", "api.prefect.cloud:8443"),
            whole.replace("api.prefect.cloud", "api.prefect.cloud."),
        ] {
            assert_eq!(verdict(&text, true).err(), Some(ViolationCode::Invalid), "{text}");
        }
    }
}
