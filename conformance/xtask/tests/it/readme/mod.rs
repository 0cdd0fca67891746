//! Checks the READMEs: commands run, JSON is valid, code is that of compiled examples, and links
//! lead to files.

#[cfg(feature = "host-tests")]
mod commands;
#[cfg(feature = "host-tests")]
mod fixture;
mod recipes;

use std::fs;
use std::path::{Path, PathBuf};

const READMES: [&str; 14] = [
    "README.md",
    "conformance/README.md",
    "conformance/reports/README.md",
    "plugins/RECIPES.md",
    "plugins/guard/README.md",
    "plugins/label-policy/README.md",
    "plugins/port-mapper/README.md",
    "plugins/port-mapper/docs/from-portmap.md",
    "plugins/trace/README.md",
    "framework/protocol/README.md",
    "framework/resilience/README.md",
    "framework/telemetry/README.md",
    "framework/wrapper/README.md",
    "framework/test-kit/README.md",
];

/// Returns the top directory of the checkout.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).expect("conformance/xtask is two levels below the top").to_owned()
}

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|why| panic!("{file}: {why}"))
}

/// Returns the fenced code blocks of this language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let begin = format!("```{language}");
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.split(',').next() == Some(begin.as_str()) {
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push(block.join("\n"));
        }
    }
    blocks
}

#[test]
fn every_json_block_is_valid() {
    let mut found = 0;
    for file in READMES {
        for block in blocks(&read(file), "json") {
            let parsed = serde_json::from_str::<serde_json::Value>(&block);
            assert!(parsed.is_ok(), "{file}: {:?} in\n{block}", parsed.err());
            found += 1;
        }
    }
    assert!(found >= 6, "only {found} JSON blocks were found");
}

#[test]
fn the_code_in_a_readme_is_that_of_an_example() {
    for (readme, example) in [
        ("README.md", "framework/wrapper/examples/limit-mtu.rs"),
        ("framework/resilience/README.md", "framework/resilience/examples/announce.rs"),
        ("framework/telemetry/README.md", "framework/telemetry/examples/traced.rs"),
    ] {
        let [code] = blocks(&read(readme), "rust").try_into().expect("one block of Rust");
        assert!(read(example).contains(&code), "{readme} differs from {example}");
    }
}

#[test]
fn the_code_in_the_tutorial_is_that_of_the_template() {
    let template: String =
        ["src/main.rs", "tests/calls.rs", "tests/traffic.rs", "tests/conformance.rs"]
            .map(|file| read(&format!("conformance/xtask/template/{file}")))
            .concat();
    let code = blocks(&read("framework/wrapper/docs/tutorial.md"), "rust");
    assert!(code.len() > 8, "only {} Rust blocks were found", code.len());
    for block in code {
        assert!(template.contains(&block), "not in the template:\n{block}");
    }
}

#[test]
fn every_link_leads_to_a_file() {
    for file in READMES.into_iter().chain([
        "framework/wrapper/docs/errors.md",
        "framework/wrapper/docs/from-go.md",
        "framework/wrapper/docs/tutorial.md",
        "plugins/port-mapper/docs/original.md",
        "plugins/port-mapper/docs/threat-model.md",
        "plugins/port-mapper/RELIABILITY.md",
    ]) {
        let directory = root().join(file).parent().expect("a file is in a directory").to_owned();
        let text = read(file);
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap_or_default();
            if !target.is_empty() && !target.contains("://") {
                assert!(directory.join(target).exists(), "{file} links to {target}");
            }
        }
    }
}

#[test]
fn every_file_named_on_the_architecture_page_exists() {
    let mut sources = Vec::new();
    for directory in ["framework", "plugins"] {
        collect_sources(&root().join(directory), &mut sources);
    }
    let page = read("framework/ARCHITECTURE.md");
    let named = page.split('`').skip(1).step_by(2).filter(|name| name.ends_with(".rs"));
    let mut count = 0;
    for name in named.filter(|name| !name.contains(char::is_whitespace)) {
        let exists = sources
            .iter()
            .any(|source| source.ends_with(&format!("/{}", name.replace("/src/", "/"))));
        assert!(exists, "no file {name}");
        count += 1;
    }
    assert!(count > 25, "only {count} files are named");
}

/// Collects the paths of all Rust files, without the part `src/`.
fn collect_sources(directory: &Path, sources: &mut Vec<String>) {
    for entry in fs::read_dir(directory).expect("a readable directory") {
        let path = entry.expect("a directory entry").path();
        if path.is_dir() {
            collect_sources(&path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push(path.display().to_string().replace("/src/", "/"));
        }
    }
}
