//! Builds an image with the test kit's peer and the libraries that it needs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use cni_test_kit::plugin_binary;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Builds the image as an OCI layout in a directory for this test. Returns an archive of it.
pub(crate) fn build(test: &str, name: &str) -> PathBuf {
    let directory = &Path::new(env!("CARGO_TARGET_TMPDIR")).join("image").join(test);
    let _ = fs::remove_dir_all(directory);
    let layout = directory.join("layout");
    fs::create_dir_all(layout.join("blobs/sha256")).expect("a directory");
    let layer = layer(directory);
    let layer = blob(&layout, "application/vnd.oci.image.layer.v1.tar", &layer);
    let config = json!({
        "architecture": architecture(), "os": "linux",
        // The sandbox container of a pod only has to exist.
        "config": {"Entrypoint": ["/peer", "serve", "echo", "7"]},
        "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]},
    });
    let config = json_blob(&layout, "application/vnd.oci.image.config.v1+json", &config);
    let manifest = json!({"schemaVersion": 2, "config": config, "layers": [layer]});
    let mut manifest = json_blob(&layout, "application/vnd.oci.image.manifest.v1+json", &manifest);
    manifest["annotations"] = json!({ "io.containerd.image.name": name });
    let index = json!({"schemaVersion": 2, "manifests": [manifest]});
    fs::write(layout.join("index.json"), index.to_string()).expect("written");
    fs::write(layout.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).expect("written");
    archive(&layout, &directory.join("image.tar"))
}

fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

fn layer(directory: &Path) -> Vec<u8> {
    let root = directory.join("root");
    fs::create_dir_all(&root).expect("a directory");
    let peer = plugin_binary("cni-test-kit", "cni-test-peer");
    fs::copy(&peer, root.join("peer")).expect("copied");
    let libraries = Command::new("ldd").arg(&peer).output().expect("ldd");
    let libraries = String::from_utf8_lossy(&libraries.stdout).into_owned();
    for library in libraries.split_whitespace().filter(|word| word.starts_with('/')) {
        let copy = root.join(library.trim_start_matches('/'));
        fs::create_dir_all(copy.parent().expect("a directory")).expect("a directory");
        fs::copy(library, copy).expect("copied");
    }
    fs::read(archive(&root, &directory.join("layer.tar"))).expect("the layer")
}

fn archive(directory: &Path, file: &Path) -> PathBuf {
    let tar = Command::new("tar").arg("-C").arg(directory).arg("-cf").arg(file).arg(".").status();
    assert!(tar.expect("tar").success());
    file.to_owned()
}

fn json_blob(layout: &Path, media_type: &str, value: &Value) -> Value {
    blob(layout, media_type, value.to_string().as_bytes())
}

/// Stores a blob under its digest. Returns its descriptor.
fn blob(layout: &Path, media_type: &str, bytes: &[u8]) -> Value {
    let digest: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    fs::write(layout.join("blobs/sha256").join(&digest), bytes).expect("written");
    json!({"mediaType": media_type, "digest": format!("sha256:{digest}"), "size": bytes.len()})
}
