use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use cni_test_kit::TempDir;

use super::*;
use crate::config::{Config, Settings};

/// A path that does not exist yet, in a temporary directory.
struct Temporary {
    path: PathBuf,
    _directory: TempDir,
}

impl Temporary {
    fn new() -> Self {
        let directory = TempDir::new();
        Self { path: directory.path().join("state"), _directory: directory }
    }

    fn state(&self) -> State {
        State::open(&self.path).unwrap()
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.path).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}

fn claim(container_id: &str) -> Claim {
    let own = str::to_owned;
    let owner =
        Attachment { network: own("n"), container_id: own(container_id), ifname: own("eth0") };
    let settings = Settings::from(&Config::default()).unwrap();
    Claim::new(owner, own("/run/netns/x"), Vec::new(), &settings).unwrap()
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_claim_is_written_read_listed_and_removed() {
    let temporary = Temporary::new();
    let state = temporary.state();
    let (one, two) = (claim("c1"), claim("c10"));
    assert_eq!(state.read(&one.owner).unwrap(), None);
    state.write(&one).unwrap();
    state.write(&one).unwrap();
    state.write(&two).unwrap();
    assert_eq!(state.read(&one.owner).unwrap().as_ref(), Some(&one));
    assert_eq!(state.list().unwrap().len(), 2);
    state.remove(&one.owner).unwrap();
    state.remove(&one.owner).unwrap();
    let left: Vec<Claim> = state.list().unwrap().into_iter().map(Result::unwrap).collect();
    assert_eq!(left, [two]);
}

#[test]
fn directory_and_files_are_private() {
    let temporary = Temporary::new();
    temporary.state().write(&claim("c1")).unwrap();
    assert_eq!(mode(&temporary.path), 0o700);
    assert_eq!(mode(&temporary.path.join(&temporary.names()[0])), 0o600);
}

#[test]
fn no_container_id_escapes_from_the_directory() {
    let temporary = Temporary::new();
    let state = temporary.state();
    for id in ["../../x", "/etc/x", ".hidden", "a b", &"x".repeat(5000), "", "ü"] {
        state.write(&claim(id)).unwrap();
        assert!(state.read(&claim(id).owner).unwrap().is_some(), "{id}");
    }
    assert_eq!(temporary.names().len(), 7);
    assert_eq!(state.list().unwrap().len(), 7);
}

#[test]
fn symbolic_links_are_not_followed() {
    let temporary = Temporary::new();
    let state = temporary.state();
    let name = file_name(&claim("c1").owner);
    let target = temporary.path.join("target");
    // A claim that would be read if the link were followed.
    let content = serde_json::to_string(&claim("c1")).unwrap();
    std::fs::write(&target, &content).unwrap();
    symlink(&target, temporary.path.join(&name)).unwrap();
    symlink(&target, temporary.path.join(format!(".{name}"))).unwrap();
    assert!(state.read(&claim("c1").owner).is_err());
    state.write(&claim("c1")).unwrap();
    assert_eq!(std::fs::read_to_string(&target).unwrap(), content);

    let link = Temporary::new();
    symlink(&temporary.path, &link.path).unwrap();
    assert!(State::open(&link.path).is_err());
}

#[test]
fn a_damaged_file_is_reported_and_does_not_hide_the_others() {
    let temporary = Temporary::new();
    let state = temporary.state();
    state.write(&claim("c1")).unwrap();
    let broken = file_name(&claim("c2").owner);
    for text in ["", "{", "[]", "{\"version\":1}", "\u{0}\u{1}", "null"] {
        std::fs::write(temporary.path.join(&broken), text).unwrap();
        let all = state.list().unwrap();
        assert_eq!((all.len(), all.iter().filter(|one| one.is_ok()).count()), (2, 1), "{text}");
        let error = state.read(&claim("c2").owner).unwrap_err().to_string();
        assert!(error.contains(&broken) && error.contains("is damaged"), "{error}");
    }
}

#[test]
fn a_file_of_a_later_format_version_is_refused() {
    let temporary = Temporary::new();
    let state = temporary.state();
    let later = Claim { version: 2, ..claim("c1") };
    state.write(&later).unwrap();
    let error = state.read(&later.owner).unwrap_err().to_string();
    assert!(error.contains("it has format version 2; this program supports 1"), "{error}");
    assert!(error.contains(&file_name(&later.owner)), "{error}");
}

#[test]
fn an_unfinished_file_of_a_killed_writer_is_ignored_and_removed_with_the_attachment() {
    let temporary = Temporary::new();
    let state = temporary.state();
    let owner = claim("c1").owner;
    std::fs::write(temporary.path.join(prepared_name(&owner)), "{\"ver").unwrap();
    assert!(state.list().unwrap().is_empty() && state.list_prepared().unwrap().is_empty());
    assert_eq!(state.read(&owner).unwrap(), None);
    state.remove(&owner).unwrap();
    assert!(temporary.names().is_empty());
}

#[test]
fn a_prepared_claim_is_read_first_and_not_listed_until_it_is_committed() {
    let temporary = Temporary::new();
    let state = temporary.state();
    let (old, new) = (claim("c1"), Claim { masq_all: true, ..claim("c1") });
    state.write(&old).unwrap();
    state.prepare(&new).unwrap();
    let committed = || state.read_committed(&old.owner).unwrap().unwrap();
    assert_eq!(state.read(&old.owner).unwrap().unwrap(), new);
    assert_eq!((committed(), state.list_prepared().unwrap()), (old.clone(), vec![new.clone()]));
    assert_eq!(state.list().unwrap().len(), 1);
    state.commit(&old.owner).unwrap();
    assert_eq!((committed(), state.list_prepared().unwrap()), (new.clone(), Vec::new()));
    state.reopen(&old.owner).unwrap();
    assert!(state.list().unwrap().is_empty());
    assert_eq!(state.read(&old.owner).unwrap().unwrap(), new);
    state.reopen(&old.owner).unwrap();
    state.remove(&old.owner).unwrap();
    assert!(temporary.names().is_empty());
}

#[test]
fn opening_an_existing_directory_does_not_create_a_missing_one() {
    let temporary = Temporary::new();
    assert!(State::open_existing(&temporary.path).unwrap().is_none());
    assert!(!temporary.path.exists());
}

/// Files that contain the claim alone, without the attachment of the store.
#[test]
fn files_of_the_former_format_are_read_listed_and_removed() {
    let temporary = Temporary::new();
    let state = temporary.state();
    let [committed, prepared, misnamed] = ["c1", "c2", "c3"].map(claim);
    let write = |name: &str, claim: &Claim| {
        std::fs::write(temporary.path.join(name), serde_json::to_string(claim).unwrap()).unwrap();
    };
    write(&file_name(&committed.owner), &committed);
    write(&prepared_name(&prepared.owner), &prepared);
    assert_eq!(state.read_committed(&committed.owner).unwrap().as_ref(), Some(&committed));
    assert_eq!(state.read_prepared(&prepared.owner).as_ref(), Some(&prepared));
    assert_eq!(state.list_prepared().unwrap(), std::slice::from_ref(&prepared));
    write(&file_name(&misnamed.owner), &committed);
    let error = state.read(&misnamed.owner).unwrap_err().to_string();
    let name = file_name(&misnamed.owner);
    assert!(error.contains(&name) && error.contains("is damaged"), "{error}");
    let usable: Vec<Claim> = state.list().unwrap().into_iter().flatten().collect();
    assert_eq!(usable, std::slice::from_ref(&committed));
    for claim in [committed, prepared, misnamed] {
        state.remove(&claim.owner).unwrap();
    }
    assert!(temporary.names().is_empty());
}

#[test]
fn a_file_with_the_claim_of_another_attachment_is_damaged() {
    let temporary = Temporary::new();
    let state = temporary.state();
    let store = AttachmentStore::<Claim>::new(&temporary.path);
    store.write(&claim("c1").owner, &claim("c2")).unwrap();
    let error = state.read(&claim("c1").owner).unwrap_err().to_string();
    assert!(error.contains("it contains the claim of container c2"), "{error}");
    assert!(state.list().unwrap()[0].is_err());
}

fn file_name(attachment: &Attachment) -> String {
    State::file_name(attachment)
}

fn prepared_name(attachment: &Attachment) -> String {
    format!(".{}", file_name(attachment))
}

#[test]
fn a_claim_is_found_by_names_that_were_read_from_a_tag() {
    let temporary = Temporary::new();
    let state = temporary.state();
    let [committed, prepared] = ["a", "b"].map(|end| claim(&("x".repeat(200) + end)));
    state.write(&committed).unwrap();
    state.prepare(&prepared).unwrap();
    let read = |claim: &Claim| match Owner::parse(&claim.owner.tag()) {
        Some(Owner::Attachment(attachment)) => attachment,
        other => panic!("{other:?}"),
    };
    for claim in [&committed, &prepared] {
        let owner = read(claim);
        assert_eq!(state.read(&owner).unwrap(), None, "its name is abbreviated");
        assert_eq!(state.find(&owner).unwrap().as_ref(), Some(claim));
    }
    std::fs::write(temporary.path.join("damaged.json"), "{").unwrap();
    assert_eq!(state.find(&read(&committed)).unwrap(), Some(committed), "others are ignored");
    let unknown = read(&claim(&"y".repeat(200)));
    assert_eq!(state.find(&unknown).unwrap(), None);
}
