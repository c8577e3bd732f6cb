//! The images that can be had: those that bring what the tools here bring, whatever registry they are said to be in.

use serde_json::{Value, json};

/// Repositories by the last part of their name.
const HAD: [&str; 2] = ["prefect", "prefect-aws"];

/// Where an image's id and digest come from: the same image always has the same.
fn digest(image: &str) -> String {
    let repository = repository(image);
    // FNV-1a: well mixed, and nobody's secret.
    let hash = repository
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("sha256:{}", format!("{hash:016x}").repeat(4))
}

/// The name without tag and digest.
fn repository(image: &str) -> &str {
    let name = image.split('@').next().unwrap_or(image);
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => name,
    }
}

pub(crate) fn can_be_had(image: &str) -> bool {
    repository(image).rsplit('/').next().is_some_and(|last| HAD.contains(&last))
}

/// `GET /images/{name}/json`.
pub(crate) fn inspected(image: &str) -> Value {
    let id = digest(image);
    json!({"Id": id, "RepoTags": [image], "RepoDigests": [format!("{}@{id}", repository(image))]})
}

/// `GET /distribution/{name}/json`.
pub(crate) fn in_its_registry(image: &str) -> Value {
    let media_type = "application/vnd.oci.image.index.v1+json";
    json!({"Descriptor": {"mediaType": media_type, "digest": digest(image), "size": 1}, "Platforms": []})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_images_of_prefect_can_be_had() {
        for image in [
            "prefecthq/prefect-aws:0.7-python3.12",
            "prefecthq/prefect:3.8.8-python3.11",
            "prefecthq/prefect@sha256:00",
            "registry.example.com:5000/mirror/prefect-aws",
        ] {
            assert!(can_be_had(image), "{image}");
        }
        for image in ["busybox", "prefecthq/prefect-nothing:1", "prefect/other", ""] {
            assert!(!can_be_had(image), "{image}");
        }
    }

    #[test]
    fn an_image_keeps_its_digest() {
        assert_eq!(
            digest("prefecthq/prefect:1"),
            digest(&format!("prefecthq/prefect@{}", digest("prefecthq/prefect")))
        );
        assert_eq!(digest("prefecthq/prefect").len(), "sha256:".len() + 64);
    }
}
