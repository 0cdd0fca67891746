//! The command line: exit status, text and reports.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::Mutants;
use cni_conformance::Profile;
use cni_test_kit::TempDir;
use serde_json::{Value, json};

fn command(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cni-conformance"));
    command.args(args).output().unwrap()
}

fn text(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

/// Returns the arguments that judge the IPAM mutant.
fn ipam(mutants: &Mutants, mutation: Option<&str>) -> Vec<String> {
    let plugin = mutants.subject(Profile::Ipam, mutation).plugin.display().to_string();
    let config = r#"{"ipam": {"type": "mutant.ipam"}}"#;
    ["run", &plugin, "--profile", "ipam", "--config", config].map(str::to_owned).to_vec()
}

fn run(args: &[String], more: &[&str]) -> Output {
    let args: Vec<&str> = args.iter().map(String::as_str).chain(more.iter().copied()).collect();
    command(&args)
}

#[test]
fn an_honest_plugin_conforms() {
    let mutants = Mutants::new();
    let output = run(&ipam(&mutants, None), &["del.twice", "DEL-03", "--spec", "1.1.0"]);
    let text = text(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("✔ del.twice-succeeds"), "{text}");
    assert!(text.contains("✔ del.without-add-succeeds"), "{text}");
    assert!(text.contains("2 cases, 2 runs: 2 pass, 0 fail"), "{text}");
}

#[test]
fn a_deviation_is_reported_with_everything_needed_to_reproduce_it() {
    let mutants = Mutants::new();
    let args = ipam(&mutants, Some("del.twice-succeeds"));
    // Next to the plugin, in a directory that is removed with it.
    let report = Path::new(&args[1]).with_file_name("report.json");
    let json = format!("json={}", report.display());
    let output = run(&args, &["del.twice", "--spec", "1.1.0", "--report", &json]);
    let text = text(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    for part in [
        "✘ del.twice-succeeds",
        "must · DEL-02",
        "expected  DEL a second time: exit 0",
        "actual    exit 1: code 100: there is nothing to delete",
        "reproduce cni-conformance run ",
    ] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
    check_json(&report);
}

fn check_json(path: &Path) {
    let report: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(report["report"], 2);
    assert_eq!(report["counts"]["fail"], 1);
    let case = &report["cases"][0];
    assert_eq!((&case["id"], &case["verdict"]), (&"del.twice-succeeds".into(), &"fail".into()));
    let exchanges = case["runs"][0]["exchanges"].as_array().unwrap();
    let calls: Vec<_> = exchanges.iter().map(|one| &one["call"]).collect();
    assert_eq!(calls, ["ADD", "DEL", "DEL a second time"]);
    assert!(exchanges[0]["stdin"].as_str().unwrap().contains("cniVersion"));
}

#[test]
fn every_kind_of_report_is_written_and_the_json_matches_its_schema() {
    let mutants = Mutants::new();
    let args = ipam(&mutants, Some("del.twice-succeeds"));
    let directory = Path::new(&args[1]).with_file_name("reports");
    fs::create_dir_all(&directory).unwrap();
    let file = |name: &str| directory.join(name).display().to_string();
    let kinds = ["text", "json", "junit", "md", "html"];
    let wanted: Vec<_> = kinds.iter().map(|kind| format!("{kind}={}", file(kind))).collect();
    let more = ["del.twice", "del.without-add", "--exchanges", "all"];
    let output = run(&args, &[&more[..], &["--report", &wanted.join(",")]].concat());
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let read = |kind: &str| fs::read_to_string(file(kind)).unwrap();
    assert_eq!(read("text").as_bytes(), output.stdout);
    for (kind, part) in
        [("junit", "<testsuites "), ("md", "## Reproduce"), ("html", "<!doctype html>")]
    {
        assert!(read(kind).contains(part), "{kind}");
        assert!(read(kind).contains("there is nothing to delete"), "{kind}");
    }
    let report = serde_json::from_str(&read("json")).unwrap();
    assert_eq!(crate::support::schema::refused(&report), None);
    let runs = |case: usize| report["cases"][case]["runs"].as_array().unwrap();
    assert_eq!(runs(0).len(), 7);
    assert!(runs(1).iter().all(|run| run["verdict"] == "pass" && run["exchanges"].is_array()));
    // No temporary file is left.
    assert_eq!(fs::read_dir(&directory).unwrap().count(), kinds.len());
}

#[test]
fn a_report_on_stdout_is_the_only_output_there() {
    let mutants = Mutants::new();
    let args = ipam(&mutants, None);
    let output = run(&args, &["del.twice", "--spec", "1.1.0", "--report", "json=-"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["result"], "success");
    assert!(report["cases"][0]["runs"][0].get("exchanges").is_none(), "it passed");
    assert_eq!(report["subject"]["sha256"].as_str().map(str::len), Some(64));
    let command = report["command"].as_str().unwrap();
    assert!(command.ends_with(" del.twice --spec 1.1.0"), "{command}");
}

/// Removes what may differ between two runs: dates and durations.
fn normalize(report: &mut Value) {
    match report {
        Value::Object(object) => {
            object.retain(|key, _| key != "date" && key != "millis");
            object.values_mut().for_each(normalize);
        }
        Value::Array(items) => items.iter_mut().for_each(normalize),
        _ => (),
    }
}

#[test]
fn two_runs_differ_only_in_date_and_duration() {
    let mutants = Mutants::new();
    let args = ipam(&mutants, Some("del.twice-succeeds"));
    let more =
        ["del.twice", "del.prints", "version.lists", "--exchanges", "none", "--report", "json=-"];
    let [first, second] = [(); 2].map(|()| {
        let mut report = serde_json::from_slice(&run(&args, &more).stdout).unwrap();
        normalize(&mut report);
        report
    });
    assert_eq!(first["counts"]["fail"], 1);
    assert_eq!(first, second);
}

/// Writes a plugin next to the honest one that is like it, except that its ADD fails if the shell
/// condition `fails` holds for its input in `$in`. Returns the arguments that judge it.
fn with_failing_add(mutants: &Mutants, fails: &str) -> Vec<String> {
    let mut args = ipam(mutants, None);
    let script = format!(
        "#!/bin/sh\nin=$(cat)\nif [ $CNI_COMMAND = ADD ] && {fails}; then\n\
         echo '{{\"code\": 100, \"msg\": \"not done\"}}'; exit 1; fi\n\
         printf %s \"$in\" | exec '{}'\n",
        args[1]
    );
    let plugin = Path::new(&args[1]).with_file_name("failing-add");
    fs::write(&plugin, script).unwrap();
    fs::set_permissions(&plugin, fs::Permissions::from_mode(0o755)).unwrap();
    args[1] = plugin.display().to_string();
    args
}

#[test]
fn a_claimed_version_that_does_not_work_is_a_failure_in_every_report() {
    let mutants = Mutants::new();
    let args = with_failing_add(
        &mutants,
        r#"case $in in *'"cniVersion":"1.1.0"'*) true;; *) false;; esac"#,
    );
    let beside = |name: &str| Path::new(&args[1]).with_file_name(name).display().to_string();
    let (old, new, xml) = (beside("old.json"), beside("new.json"), beside("new.xml"));
    let cases = ["version.claimed", "del.without-add", "del.twice"];
    let honest =
        run(&ipam(&mutants, None), &[&cases[..], &["--report", &format!("json={old}")]].concat());
    assert_eq!(honest.status.code(), Some(0), "{}", text(&honest));
    let reports = format!("json={new},junit={xml},text=-");
    let output = run(&args, &[&cases[..], &["--report", &reports]].concat());
    let text = text(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("✘ version.claimed-versions-work in 1.1.0"), "{text}");
    assert!(text.contains("not judged in 1.1.0, since no ADD succeeds"), "{text}");
    let xml = fs::read_to_string(xml).unwrap();
    assert!(xml.contains("spec 1.1.0\"") && xml.contains("failures=\"1\""), "{xml}");
    // What needs no ADD is judged in that version, too.
    let report: Value = serde_json::from_str(&fs::read_to_string(&new).unwrap()).unwrap();
    let runs = |id: &str| {
        let cases = report["cases"].as_array().unwrap();
        let case = cases.iter().find(|case| case["id"] == id).unwrap();
        let of_1_1 = case["runs"].as_array().unwrap().iter().find(|run| run["version"] == "1.1.0");
        of_1_1.unwrap()["verdict"].clone()
    };
    assert_eq!(runs("del.without-add-succeeds"), "pass");
    assert_eq!(runs("del.twice-succeeds"), "skip");
    let diff = command(&["diff", &old, &new]);
    let text = self::text(&diff);
    assert_eq!(diff.status.code(), Some(1), "{text}");
    assert!(text.contains("1.1.0 no longer works"), "{text}");
}

#[test]
fn without_any_add_that_succeeds_the_rest_is_judged_and_the_plugin_counts_as_not_tested() {
    let mutants = Mutants::new();
    let args = with_failing_add(&mutants, "true");
    let output = run(&args, &["version.claimed", "version.lists", "del.without-add", "del.twice"]);
    let text = text(&output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    for part in [
        "✔ del.without-add-succeeds",
        "✔ version.lists-versions",
        "– version.claimed-versions-work",
        "– del.twice-succeeds",
        "no ADD succeeds",
    ] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
}

#[test]
fn a_report_that_cannot_be_written_is_not_a_success() {
    let mutants = Mutants::new();
    let args = ipam(&mutants, None);
    let case = ["del.twice", "--spec", "1.1.0", "--report"];
    let output = run(&args, &[&case[..], &["md=/proc/report.md"]].concat());
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output).contains("cannot write the report /proc/report.md"), "{}", text(&output));
    assert!(
        text(&output).contains("✔ del.twice-succeeds"),
        "the verdicts are printed nevertheless"
    );
}

#[test]
fn a_deviation_below_the_level_is_not_a_failure() {
    let mutants = Mutants::new();
    let args = ipam(&mutants, Some("del.prints-nothing"));
    let case = ["del.prints-nothing", "--spec", "1.1.0"];
    assert_eq!(run(&args, &case).status.code(), Some(0));
    let strict = run(&args, &[&case[..], &["--level", "convention"]].concat());
    assert_eq!(strict.status.code(), Some(1));
}

#[test]
fn a_known_deviation_is_reported_but_not_a_failure_and_an_outdated_one_is_named() {
    let mutants = Mutants::new();
    let subject = mutants.subject(Profile::Ipam, Some("del.twice-succeeds"));
    let path = subject.plugin.with_extension("json");
    let file = serde_json::json!({
        "plugin": subject.plugin,
        "profile": "ipam",
        "config": { "ipam": { "type": "mutant.ipam" } },
        "known": { "del.twice-succeeds": "an old deviation", "del.prints-nothing": "another one" },
    });
    fs::write(&path, file.to_string()).unwrap();
    let path = path.display().to_string();
    let output =
        command(&["run", "--subject", &path, "del.twice", "del.prints", "--spec", "1.1.0"]);
    let text = text(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("known     an old deviation"), "{text}");
    assert!(text.contains("del.prints-nothing is a known deviation, but did not occur"), "{text}");
}

#[test]
fn a_plugin_whose_add_always_fails_cannot_be_tested() {
    let missing = command(&["run", "there-is-no-such-plugin"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(text(&missing).contains("plugin there-is-no-such-plugin not found"));
    for cases in [&["add.works"][..], &["del.twice"]] {
        let useless = command(&[&["run", "/bin/false", "--spec", "1.0.0"], cases].concat());
        assert_eq!(useless.status.code(), Some(2));
        assert!(text(&useless).contains("no ADD succeeds"), "{}", text(&useless));
    }
}

#[test]
fn a_deviation_of_the_baseline_is_no_failure_in_the_same_version_only() {
    let mutants = Mutants::new();
    let args = ipam(&mutants, Some("del.twice-succeeds"));
    let beside = |name: &str| Path::new(&args[1]).with_file_name(name).display().to_string();
    let (baseline, next) = (beside("baseline.json"), beside("next.json"));
    let case = ["del.twice", "--spec", "1.1.0"];
    let made = run(&args, &[&case[..], &["--report", &format!("json={baseline}")]].concat());
    assert_eq!(made.status.code(), Some(1));
    let reports = format!("json={next},tap=-");
    let more = ["--baseline", &baseline, "--report", &reports];
    let again = run(&args, &[&case[..], &more].concat());
    assert_eq!(again.status.code(), Some(0), "{}", text(&again));
    let tap = "not ok 1 - del.twice-succeeds in 1.1.0 # TODO known: the baseline has it\n";
    assert!(text(&again).contains(tap), "{}", text(&again));
    let report: Value = serde_json::from_str(&fs::read_to_string(&next).unwrap()).unwrap();
    assert_eq!(report["cases"][0]["runs"][0]["accepted"], true);
    let elsewhere = run(&args, &["del.twice", "--spec", "1.0.0", "--baseline", &baseline]);
    assert_eq!(elsewhere.status.code(), Some(1), "{}", text(&elsewhere));
    let mended = run(&ipam(&mutants, None), &[&case[..], &["--baseline", &baseline]].concat());
    assert_eq!(mended.status.code(), Some(0));
    let gone = "del.twice-succeeds in 1.1.0 is in the baseline, but did not occur";
    assert!(text(&mended).contains(gone), "{}", text(&mended));
}

#[test]
fn the_parts_of_the_cases_are_all_cases_once() {
    let mutants = Mutants::new();
    let args = ipam(&mutants, None);
    let lines = |shard: &str| {
        let output =
            run(&args, &["version.", "--spec", "1.1.0", "--report", "tap=-", "--shard", shard]);
        let text = text(&output);
        let lines = text.lines().filter_map(|line| line.split_once(" - "));
        lines.map(|(_, name)| name.to_owned()).collect::<Vec<_>>()
    };
    let (whole, parts) = (lines("1/1"), [lines("1/2"), lines("2/2")]);
    assert!(whole.len() > 3 && parts.iter().all(|part| part.len() < whole.len()), "{parts:?}");
    let mut joined = parts.concat();
    joined.sort();
    let mut sorted = whole.clone();
    sorted.sort();
    assert_eq!(joined, sorted);
    let wrong = run(&args, &["--shard", "3/2"]);
    assert!(text(&wrong).contains("N from 1 to M"), "{}", text(&wrong));
}

#[test]
fn nothing_matched_is_never_a_success() {
    let mutants = Mutants::new();
    let args = ipam(&mutants, None);
    assert_eq!(run(&args, &["no.such-case"]).status.code(), Some(3));
    let elsewhere = run(&args, &["chain.", "--spec", "1.1.0"]);
    assert_eq!(elsewhere.status.code(), Some(3), "{}", text(&elsewhere));
    assert_eq!(command(&["list", "no.such"]).status.code(), Some(3));
}

/// One name that is known does not hide another that is mistyped.
#[test]
fn a_name_that_no_case_has_is_reported_with_the_nearest_names() {
    for command_name in ["list", "explain"] {
        for (names, part) in [
            (["nosuch"].as_slice(), "no case is named nosuch; `cni-conformance list` prints"),
            (&["DEL-2"], "no case is named DEL-2; did you mean DEL-02"),
            (&["twice"], "did you mean del.twice-succeeds"),
            (&["nosuch", "DEL-02"], "no case is named nosuch"),
        ] {
            if command_name == "explain" && names.len() > 1 {
                // The second word may be a plugin.
                continue;
            }
            let output = command(&[&[command_name], names].concat());
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(3), "{command_name} {names:?}: {stderr}");
            assert!(stderr.contains(part), "{command_name} {names:?}: {stderr}");
        }
    }
}

#[test]
fn a_command_whose_reader_has_closed_the_pipe_ends_quietly() {
    for args in
        [&["list"], &["list", "--json"], &["explain", "del."], &["completions", "bash"], &[]]
            as [&[&str]; 5]
    {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut closed = std::process::Command::new(env!("CARGO_BIN_EXE_cni-conformance"));
        let output = closed.args(args).stdout(writer).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), &*stderr), (Some(0), ""), "{args:?}");
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let mut full_command = std::process::Command::new(env!("CARGO_BIN_EXE_cni-conformance"));
        let output = full_command.args(args).stdout(full).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {stderr}");
        assert!(stderr.contains("stdout can't be written"), "{args:?}: {stderr}");
    }
}

#[test]
fn the_catalogue_is_data() {
    let output = command(&["list", "--json"]);
    let catalogue: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(catalogue.len(), 130);
    for entry in &catalogue {
        for key in ["id", "code", "sentence", "section", "severity"] {
            assert!(entry[key].is_string(), "{key} of {entry}");
        }
        for key in ["link", "does", "untestable"] {
            assert!(entry[key].is_string() || entry[key].is_null(), "{key} of {entry}");
        }
        let severities = entry["versions"].as_object().unwrap();
        assert!(!severities.is_empty() && severities.values().all(Value::is_string), "{entry}");
        assert!(["verbs", "profiles"].iter().all(|key| entry[*key].is_array()), "{entry}");
        assert_ne!(entry["does"].is_string(), entry["untestable"].is_string(), "{entry}");
    }
    let selected = command(&["list", "DEL-02", "--json"]);
    let [entry] = serde_json::from_slice::<[Value; 1]>(&selected.stdout).unwrap();
    assert_eq!((&entry["id"], &entry["verbs"]), (&"del.twice-succeeds".into(), &json!(["DEL"])));
    let versions = &entry["versions"];
    assert_eq!((&versions["0.4.0"], &versions["1.0.0"]), (&"should".into(), &"must".into()));
    assert_eq!(command(&["list", "no.such", "--json"]).status.code(), Some(3));
}

#[test]
fn cases_are_listed_and_explained() {
    let list = text(&command(&["list"]));
    assert_eq!(list.lines().count(), 130, "{list}");
    let explained = text(&command(&["explain", "DEL-02"]));
    for part in [
        "del.twice-succeeds",
        "must (1.0.0, 1.1.0), should (0.3.0, 0.3.1, 0.4.0)",
        "spec-v1.0.0/SPEC.md?plain=1#L253",
        "three times",
    ] {
        assert!(explained.contains(part), "{part} is not in:\n{explained}");
    }
    let untestable = text(&command(&["explain", "EXE-11"]));
    assert!(untestable.contains("no case"), "{untestable}");
}

#[test]
fn wrong_command_lines_are_refused() {
    for (args, part) in [
        (vec!["run"], "--subject <FILE>"),
        (
            vec!["run", "bridge", "--profile", "nonsense"],
            "[possible values: interface, chained, wrapper, ipam]",
        ),
        (vec!["run", "bridge", "--spec", "7"], "--spec"),
        (vec!["judge"], "`judge` is not a command; the commands are: run, list, explain"),
        (vec!["replya"], "did you mean `replay`?"),
        (vec!["matrix", "reports/debian-12/bridge.json"], "run PLUGIN --report json=FILE"),
        (vec!["run", "bridge", "--report", "pdf=x"], "one of text, json, junit, md, html"),
        (vec!["run", "bridge", "--exchanges", "some"], "[possible values: all, findings, none]"),
        (vec!["run", "/bin/sh", "--config", "{"], "--config"),
    ] {
        let output = command(&args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(text(&output).contains(part), "{args:?}: {}", text(&output));
    }
}

/// Returns a temporary directory with the mutant in `real`, and the directory `link` with a link to
/// it.
fn behind_a_link() -> (TempDir, PathBuf) {
    let temporary = TempDir::new();
    let [real, link] = ["real", "link"].map(|name| temporary.path().join(name));
    for directory in [&real, &link] {
        fs::create_dir(directory).unwrap();
    }
    fs::copy(env!("CARGO_BIN_EXE_cni-mutant"), real.join("mutant.ipam")).unwrap();
    std::os::unix::fs::symlink("../real/mutant.ipam", link.join("mutant.ipam")).unwrap();
    (temporary, link)
}

#[test]
fn a_plugin_behind_a_symbolic_link_below_tmp_is_judged() {
    let (_temporary, link) = behind_a_link();
    let plugin = link.join("mutant.ipam").display().to_string();
    let config = r#"{"ipam": {"type": "mutant.ipam"}}"#;
    let output =
        command(&["run", &plugin, "--profile", "ipam", "--config", config, "del.twice", "--quick"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
}

#[test]
fn the_plugins_of_a_lifecycle_may_be_below_tmp() {
    let (_temporary, link) = behind_a_link();
    let netconf = link.with_file_name("net.conflist");
    let list = serde_json::json!({ "cniVersion": "1.0.0", "name": "net", "plugins": [
        { "type": "mutant.ipam", "ipam": { "type": "mutant.ipam" } },
    ] });
    fs::write(&netconf, list.to_string()).unwrap();
    let (netconf, path) = (netconf.display().to_string(), link.display().to_string());
    let output = command(&["lifecycle", &netconf, "--path", &path, "--lifecycles", "plain"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let refused = command(&["lifecycle", &netconf, "--path", "/run", "--lifecycles", "plain"]);
    assert!(text(&refused).contains("a disposable host has its own /run"), "{}", text(&refused));
}

#[test]
fn quick_judges_the_newest_claimed_version_and_names_the_others() {
    let mutants = Mutants::new();
    let output = run(&ipam(&mutants, None), &["del.twice", "--quick"]);
    let text = text(&output);
    assert!(text.contains("· spec 1.1.0\n") && text.contains("1 cases, 1 runs"), "{text}");
    let left_out = "; not judged in 0.1.0, 0.2.0, 0.3.0, 0.3.1, 0.4.0, 1.0.0";
    let cost = text.lines().find(|line| line.contains("CPU time: plugin"));
    assert!(cost.is_some_and(|line| line.ends_with(left_out)), "{text}");
    let both = run(&ipam(&mutants, None), &["--quick", "--spec", "1.0.0"]);
    assert_eq!(both.status.code(), Some(2));
}
