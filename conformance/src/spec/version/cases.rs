//! Cases: versions of the specification.

use crate::spec::prelude::*;

pub(crate) const CASES: &[Case] = &[
    Case {
        id: "version.lists-versions",
        does: "VERSION; compares the keys of its result",
        run: lists_versions,
    },
    Case {
        id: "version.repeats-input-version",
        does: "VERSION with an input of this version and of 0.4.0",
        run: repeats_input_version,
    },
    Case {
        id: "version.list-is-truthful",
        does: "VERSION, then ADD in every version of the specification",
        run: list_is_truthful,
    },
    Case {
        id: "version.unsupported-version-is-code-1",
        does: "ADD in the versions 9.9.9, 1.1 and x",
        run: unsupported_version_is_code_1,
    },
    Case {
        id: "version.missing-means-0.1.0",
        does: "ADD without cniVersion; compares the shape of the result",
        run: missing_means_0_1_0,
    },
    Case { id: "version.check-needs-0.4.0", does: "CHECK below 0.4.0", run: check_needs_0_4_0 },
    Case {
        id: "version.gc-and-status-need-1.1.0",
        does: "GC and STATUS below 1.1.0",
        run: gc_and_status_need_1_1_0,
    },
    Case {
        id: "version.is-an-exact-string",
        does: "ADD with a blank after the version, and with a number as the version",
        run: is_an_exact_string,
    },
    Case {
        id: "version.result-echoes-version",
        does: "ADD; compares the cniVersion of the result",
        run: result_echoes_version,
    },
    Case {
        id: "version.higher-minor-keeps-working",
        does: "ADD in the oldest claimed minor version of this major, CHECK and DEL in this one",
        run: higher_minor_keeps_working,
    },
    Case {
        id: "version.claimed-versions-work",
        does: "VERSION; ADD and DEL in a version that it lists",
        run: claimed_versions_work,
    },
];

fn lists_versions(fixture: &Fixture) -> CaseResult {
    let response = fixture.call("VERSION").run();
    let result = response.result()?;
    response.expect(result["cniVersion"].is_string(), "a `cniVersion` that is a string")?;
    let versions = list(&result, "supportedVersions");
    response.expect(!versions.is_empty(), "a `supportedVersions` that is a non-empty list")?;
    response.expect(versions.iter().all(Value::is_string), "strings in `supportedVersions`")
}

fn repeats_input_version(fixture: &Fixture) -> CaseResult {
    for version in [fixture.version, SpecVersion::V0_4_0] {
        let response = fixture.call("VERSION").version(version).run();
        let printed = response.result()?["cniVersion"].clone();
        response.expect(printed == version.as_str(), &format!("cniVersion {version}"))?;
    }
    Ok(())
}

fn list_is_truthful(fixture: &Fixture) -> CaseResult {
    let claimed = claimed_versions(fixture)?;
    if claimed.last() != Some(&fixture.version) {
        return Err(Stop::skip("runs only in the newest version"));
    }
    let chained = fixture.subject.profile == Profile::Chained;
    for version in SpecVersion::ALL {
        // There is no prevResult before 0.3.0.
        let possible = !chained || version >= SpecVersion::V0_3_0;
        let attachment = fixture.attachment("c1").in_version(version);
        let response = || attachment.call("ADD").note(&format!("in {version}")).run();
        match claimed.contains(&version) {
            true if possible => drop(response().succeeds()?),
            true => (),
            false => drop(response().fails_with(&[1])?),
        }
        attachment.call("DEL").run();
    }
    Ok(())
}

fn unsupported_version_is_code_1(fixture: &Fixture) -> CaseResult {
    for version in ["9.9.9", "1.1", "x"] {
        fixture.attachment("c1").call("ADD").key("cniVersion", version).run().fails_with(&[1])?;
    }
    Ok(())
}

fn missing_means_0_1_0(fixture: &Fixture) -> CaseResult {
    let attachment = fixture.attachment("c1");
    let response = attachment.add_with(attachment.call("ADD").without_key("cniVersion"))?;
    let result = response.result()?;
    let old = result.get("ips").is_none() && result.get("interfaces").is_none();
    response.expect(old, "a result in the format of 0.1.0")
}

fn check_needs_0_4_0(fixture: &Fixture) -> CaseResult {
    let attachment = fixture.attachment("c1");
    attachment.add()?;
    attachment.call("CHECK").run().fails_with(&[1])?;
    Ok(())
}

fn gc_and_status_need_1_1_0(fixture: &Fixture) -> CaseResult {
    fixture.call("GC").key("cni.dev/valid-attachments", json!([])).run().fails_with(&[1])?;
    fixture.call("STATUS").run().fails_with(&[1])?;
    Ok(())
}

fn is_an_exact_string(fixture: &Fixture) -> CaseResult {
    let padded = format!("{} ", fixture.version);
    fixture.attachment("c1").call("ADD").key("cniVersion", padded).run().fails()?;
    fixture.attachment("c2").call("ADD").key("cniVersion", 2).run().fails_with(&[6, 7])?;
    Ok(())
}

fn result_echoes_version(fixture: &Fixture) -> CaseResult {
    let response = fixture.attachment("c1").add()?;
    let version = fixture.version.as_str();
    let echoed = response.result()?["cniVersion"] == version;
    response.expect(echoed, &format!("a result with cniVersion {version}"))
}

fn higher_minor_keeps_working(fixture: &Fixture) -> CaseResult {
    let major = |version: SpecVersion| version.as_str().split('.').next();
    // No runtime passes on results of 0.1 and 0.2, which have another format.
    let same = |version: &SpecVersion| {
        *version >= SpecVersion::V0_3_0 && major(*version) == major(fixture.version)
    };
    let lower =
        claimed_versions(fixture)?.into_iter().find(same).filter(|lower| *lower < fixture.version);
    let Some(lower) = lower else {
        return Err(Stop::skip("the plugin claims no lower minor version of this major"));
    };
    let attachment = fixture.attachment("c1");
    fixture.warm_up()?;
    let before = fixture.snapshot();
    if fixture.version >= SpecVersion::V0_4_0 {
        add_and_check(&attachment)?;
        attachment.del()?;
    }
    attachment.in_version(lower).add()?;
    if fixture.version >= SpecVersion::V0_4_0 {
        attachment.call("CHECK").note(&format!("after ADD in {lower}")).run().succeeds()?;
    }
    attachment.call("DEL").note(&format!("after ADD in {lower}")).run().succeeds()?;
    expect_undone(fixture, &before, &format!("after ADD in {lower}, DEL in {}", fixture.version))
}

fn claimed_versions_work(fixture: &Fixture) -> CaseResult {
    let claimed = fixture.call("VERSION").run().result()?;
    if !list(&claimed, "supportedVersions").iter().any(|one| one == fixture.version.as_str()) {
        return Err(Stop::skip("VERSION does not list this version"));
    }
    if fixture.adds == Adds::FailEverywhere {
        return Err(Stop::skip("no ADD succeeds with this configuration in any version"));
    }
    let attachment = fixture.attachment("claimed");
    attachment.call("ADD").run().succeeds()?;
    attachment.del()?;
    Ok(())
}
