//! Checks that each recipe is either run by a test or marked as not tested.

use super::{blocks, read};

const PAGE: &str = "plugins/RECIPES.md";

/// The recipes that tests run: the heading without its mark, and file and name of the test.
const TESTED: [(&str, &str, &str); 5] = [
    (
        "Mesos: a chain in one network",
        "plugins/port-mapper/tests/it/recipes.rs",
        "one_network_of_mesos_adds_and_deletes_a_chain_of_plugins",
    ),
    (
        "Mesos: ports and labels for plugins that follow CNI's conventions",
        "plugins/port-mapper/tests/it/recipes.rs",
        "ports_of_mesos_are_passed_to_portmap_of_debian_and_its_labels_decide",
    ),
    (
        "containerd",
        "plugins/dist/tests/it/runtimes/containerd.rs",
        "a_pod_of_containerd_is_reachable_through_its_host_port_until_it_is_stopped",
    ),
    (
        "Podman",
        "plugins/dist/tests/it/runtimes/podman.rs",
        "a_container_of_podman_is_reachable_through_its_published_ports_until_it_is_removed",
    ),
    (
        "Kubernetes: the plugins on every node",
        "plugins/dist/tests/it/runtimes/node.rs",
        "the_image_installs_the_plugins_on_a_node_as_its_daemonset_specifies",
    ),
];

/// Returns each recipe: its heading, the mark in parentheses at its end, and its text.
fn recipes(page: &str) -> Vec<(&str, &str, &str)> {
    let sections = page.split("\n## ").skip(1);
    let recipe = |section| -> Option<_> {
        let (line, text): (&str, &str) = str::split_once(section, '\n')?;
        let (heading, mark) = line.rsplit_once(" (").unwrap_or((line, ""));
        Some((heading, mark.trim_end_matches(')'), text))
    };
    sections.filter_map(recipe).collect()
}

#[test]
fn each_recipe_is_run_by_a_test_or_marked_as_not_tested() {
    let page = read(PAGE);
    let recipes = recipes(&page);
    for (heading, mark, text) in &recipes {
        let test = TESTED.iter().find(|(tested, ..)| tested == heading);
        match (test, *mark) {
            (None, "not tested") => {}
            (Some((_, file, name)), "tested" | "tested without a cluster") => {
                let has_test = read(file).contains(&format!("\n#[test]\nfn {name}() {{"));
                assert!(has_test, "{heading}: {file} has no test {name}");
                assert_blocks_are_read(heading, text);
            }
            _ => panic!("{heading}: marked {mark:?}, test {test:?}"),
        }
    }
    for (heading, ..) in TESTED {
        assert!(recipes.iter().any(|recipe| recipe.0 == heading), "no recipe {heading}");
    }
}

/// Checks that a recipe has no block that its test does not read: the tests use the first block of
/// JSON, and that of the READMEs runs the commands.
fn assert_blocks_are_read(heading: &str, text: &str) {
    let [json, console] = ["json", "console"].map(|language| blocks(text, language).len());
    let all = text.lines().filter(|line| line.starts_with("```")).count() / 2;
    assert!(json <= 1 && json + console == all, "{heading} has a block that no test reads");
}
