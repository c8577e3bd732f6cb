//! `prefect.api_url`: the API of a Prefect server, checked as text. What its name resolves to is for those to
//! check who can ask: [`name_in`] says which name that is, [`super::may_be_a_server`] what it may resolve to.
//!
//! On the local cloud a server may be http and on this machine; nothing else is looser there.

use super::{address::may_be_a_server, fields::Field, prefect::is_a_uuid, violation::ViolationCode};
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
        // URLs allow more in a name than names may have (a backtick, a brace), and what calls the server does not.
        Some(Host::Domain(name)) if !is_a_name(name) => {
            return Err((ViolationCode::Invalid, "The host of the URL must be a DNS name or an IP address."));
        }
        Some(Host::Domain(name)) if is_prefect_cloud(name) => return cloud(url),
        Some(host) if !may_be_called(&host, allow_local) => {
            return Err((ViolationCode::NotAllowed, "The URL must not lead to the machine that opens it."));
        }
        _ => {}
    }
    Ok(Api::SelfHosted(url.as_str().trim_end_matches('/').to_owned()))
}

/// Whether a host is called by what DNS calls hosts by (RFC 1123, 2.1), or with the underscores that it also carries.
fn is_a_name(host: &str) -> bool {
    let name = host.strip_suffix('.').unwrap_or(host);
    let is_a_label = |label: &str| {
        matches!(label.len(), 1..=63)
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    name.len() <= 253 && name.split('.').all(is_a_label)
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

/// Names that mean the machine that looks them up, or the metadata service of EC2.
const NEVER_A_SERVER: &[&str] = &["instance-data", "instance-data.ec2.internal"];
const THIS_MACHINE: &[&str] = &["localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback"];

/// Whether the host is, by its very name or number, neither the caller's own machine nor its metadata service.
fn may_be_called(host: &Host<&str>, allow_local: bool) -> bool {
    match host {
        Host::Domain(name) => {
            let name = name.trim_end_matches('.');
            let is_this_machine = THIS_MACHINE.contains(&name) || name.ends_with(".localhost");
            !NEVER_A_SERVER.contains(&name) && (allow_local || !is_this_machine)
        }
        Host::Ipv4(address) => may_be_a_server((*address).into(), allow_local),
        Host::Ipv6(address) => may_be_a_server((*address).into(), allow_local),
    }
}

/// The name in an accepted URL that is still to be resolved; `None` where the URL has an address, which was judged
/// with its text.
pub fn name_in(api_url: &str) -> Option<String> {
    match Url::parse(api_url).ok()?.host()? {
        Host::Domain(name) => Some(name.to_owned()),
        Host::Ipv4(_) | Host::Ipv6(_) => None,
    }
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

    /// What the field is told, as it comes: the parser of URLs would mend some of these.
    fn told(text: &str, allow_local: bool) -> Option<ViolationCode> {
        let mut body = super::super::tests::minimal();
        body["prefect"] = serde_json::json!({"api_url": text});
        let here = super::super::Defaults { allow_local_api_url: allow_local, ..super::super::tests::defaults() };
        super::super::parse(&body, &here).err().map(|violations| {
            let pointers: Vec<&str> = violations.iter().map(|violation| violation.pointer.as_str()).collect();
            assert_eq!(pointers, ["/prefect/api_url"], "{text}");
            violations[0].code
        })
    }

    #[test]
    fn this_machine_is_refused_in_every_disguise() {
        for host in [
            "localhost",
            "LOCALHOST.",
            "x.localhost",
            "localhost.localdomain",
            "ip6-localhost",
            "127.0.0.1",
            "127.0.0.1.",
            "127.1",
            "127.0.1",
            "2130706433",
            "0x7f000001",
            "0x7f.1",
            "0177.0.0.1",
            "00000177.0.0.0x1",
            "localhost:443",
            "127.0.0.1:4200",
            "%6c%6fcalhost",
            "%31%32%37.0.0.1",
            // Full-width digits and an ideographic full stop, which IDNA reads as their plain fellows.
            "%EF%BC%91%EF%BC%92%EF%BC%97.0.0.1",
            "127%E3%80%820%E3%80%820%E3%80%821",
            "%E2%93%81ocalhost",
            "[::1]",
            "[0:0:0:0:0:0:0:1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[::127.0.0.1]",
        ] {
            let text = format!("https://{host}/api");
            assert_eq!(told(&text, false), Some(ViolationCode::NotAllowed), "{text}");
            assert_eq!(told(&text, true), None, "{text} on the local cloud");
        }
    }

    #[test]
    fn metadata_services_are_refused_everywhere() {
        for url in [
            "https://0.0.0.0/api",
            "https://0/api",
            "https://169.254.169.254/latest/meta-data",
            "https://169.254.169.254:8443/api",
            "https://169.254.169.254./api",
            "https://2852039166/api",
            "https://0xa9fea9fe/api",
            "https://0xa9.0xfe.0xa9.0xfe/api",
            "https://0251.0376.0251.0376/api",
            "https://169.254.43518/api",
            "https://169.254.170.2/v2/credentials",
            "https://255.255.255.255/api",
            "https://[::]/api",
            "https://[::ffff:169.254.169.254]/api",
            "https://[::ffff:a9fe:a9fe]/api",
            "https://[64:ff9b::a9fe:a9fe]/api",
            "https://[2002:a9fe:a9fe::]/api",
            "https://[fe80::1]/api",
            "https://[fd00:ec2::254]/api",
            "https://instance-data/latest",
            "https://INSTANCE-DATA.ec2.internal./latest",
            // The parser mends these: what counts is where they would lead.
            "https:169.254.169.254",
            "https:/169.254.169.254/api",
            "https:////169.254.169.254/api",
            "HTTPS://169.254.169.254/api",
        ] {
            for allow_local in [false, true] {
                assert_eq!(told(url, allow_local), Some(ViolationCode::NotAllowed), "{url}");
            }
        }
    }

    #[test]
    fn who_hides_the_host_is_refused() {
        for (url, code) in [
            ("https://prefect.example.com@169.254.169.254/api", ViolationCode::NotAllowed),
            ("https://prefect.example.com:x@169.254.169.254/api", ViolationCode::NotAllowed),
            ("https://169.254.169.254#@prefect.example.com/api", ViolationCode::NotAllowed),
            ("https://169.254.169.254?@prefect.example.com/api", ViolationCode::NotAllowed),
            ("https://prefect.example.com\\@169.254.169.254/api", ViolationCode::Invalid),
            ("https://prefect.example.com/\r\nHost: x", ViolationCode::Invalid),
            ("https://prefect.example.com\t.evil.example/", ViolationCode::Invalid),
            (" https://prefect.example.com/api", ViolationCode::Invalid),
            ("https://prefect.example.com%00.evil.example/api", ViolationCode::Invalid),
            ("https://prefect.example.com%2f@evil.example/api", ViolationCode::NotAllowed),
            ("https://prefect.example.com%2fevil/api", ViolationCode::Invalid),
            ("https://pr\u{e9}fect.example.com/api", ViolationCode::Invalid),
            ("https://prefect.example.com:99999/api", ViolationCode::Invalid),
            ("https://[fe80::1%25eth0]/api", ViolationCode::Invalid),
            ("https://[::ffff:169.254.169.254/api", ViolationCode::Invalid),
            ("https://1.2.3.4.5/api", ViolationCode::Invalid),
            ("https://256.0.0.1/api", ViolationCode::Invalid),
            ("https://xn--/api", ViolationCode::Invalid),
            ("https://", ViolationCode::Invalid),
            ("//prefect.example.com/api", ViolationCode::Invalid),
            ("prefect.example.com/api", ViolationCode::Invalid),
            ("file:///etc/passwd", ViolationCode::Invalid),
            ("file://localhost/etc/passwd", ViolationCode::Invalid),
            ("gopher://prefect.example.com/api", ViolationCode::NotAllowed),
            ("javascript:alert(1)", ViolationCode::Invalid),
        ] {
            assert_eq!(told(url, false), Some(code), "{url}");
        }
    }

    #[test]
    fn a_host_that_dns_cannot_know_is_refused() {
        let long = "a".repeat(64);
        for host in ["`id`", "a{b}.example.com", "a..example.com", ".example.com", "-a.example.com", "$(id)", &long] {
            let text = format!("https://{host}/api");
            assert_eq!(told(&text, false), Some(ViolationCode::Invalid), "{text}");
        }
        for host in ["prefect_1.internal", "a-b.example.com.", &long[1..]] {
            assert_eq!(told(&format!("https://{host}/api"), false), None, "{host}");
        }
    }

    #[test]
    fn what_is_kept_is_what_was_judged() {
        for text in [
            "https://@prefect.example.com/api",
            "https:PREFECT.example.com/./x/../api/",
            "https://prefect.example.com:443/api",
        ] {
            let Ok(Api::SelfHosted(kept)) = verdict(text, false) else { panic!("{text} is accepted") };
            assert_eq!(kept, "https://prefect.example.com/api", "{text}");
        }
    }

    #[test]
    fn only_a_name_is_left_to_be_resolved() {
        assert_eq!(name_in("https://prefect.example.com:4200/api").as_deref(), Some("prefect.example.com"));
        assert_eq!(name_in("https://xn--prfect-bva.example.com/api").as_deref(), Some("xn--prfect-bva.example.com"));
        for address in ["https://10.1.2.3/api", "https://[2600:1f18::1]/api"] {
            assert_eq!(name_in(address), None);
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
