//! The completions and manual pages that are committed for the package. `UPDATE_GOLDEN=1` writes
//! them again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use cni_test_kit::TempDir;

fn package() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("plugins").join("dist/package")
}

fn stdout(words: &[&str]) -> Vec<u8> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cni-conformance"));
    let output = command.args(words).output().expect("the program");
    assert!(output.status.success(), "{words:?}: {output:?}");
    output.stdout
}

/// Writes the generated text if that is asked for, and compares it with the committed file.
#[track_caller]
fn check(committed: &Path, generated: &[u8]) {
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(committed, generated).expect("written");
    }
    let same = fs::read(committed).is_ok_and(|text| text == generated);
    assert!(same, "{} differs; run this test with UPDATE_GOLDEN=1", committed.display());
}

#[test]
fn the_package_has_the_present_completions() {
    for (shell, file) in
        [("bash", "cni-conformance"), ("fish", "cni-conformance.fish"), ("zsh", "_cni-conformance")]
    {
        let committed = package().join("completions").join(shell).join(file);
        check(&committed, &stdout(&["completions", shell]));
    }
}

/// The manual pages of cni-conformance in a directory.
fn pages(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(directory).expect("a directory").flatten();
    let pages = entries.filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        Some((name, fs::read(entry.path()).ok()?))
    });
    pages.filter(|(name, _)| name.starts_with("cni-conformance")).collect()
}

#[test]
fn the_package_has_the_present_manual_pages() {
    let directory = TempDir::new();
    stdout(&["man", &directory.path().display().to_string()]);
    let generated = pages(directory.path());
    assert!(generated.len() > 10, "{:?}", generated.keys());
    let committed = package().join("man");
    for (name, text) in &generated {
        check(&committed.join(name), text);
    }
    let names = |pages: BTreeMap<String, Vec<u8>>| pages.into_keys().collect::<Vec<_>>();
    assert_eq!(names(pages(&committed)), names(generated), "pages of former commands");
}
