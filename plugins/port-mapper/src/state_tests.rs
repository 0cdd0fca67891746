use std::os::unix::fs::{PermissionsExt, symlink};

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
    let owner = Owner { network: own("n"), container_id: own(container_id), ifname: own("eth0") };
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
fn directory_and_files_are_closed_to_others() {
    let temporary = Temporary::new();
    std::fs::create_dir(&temporary.path).unwrap();
    std::fs::set_permissions(&temporary.path, PermissionsExt::from_mode(0o777)).unwrap();
    temporary.state().write(&claim("c1")).unwrap();
    assert_eq!(mode(&temporary.path), 0o700);
    assert_eq!(mode(&temporary.path.join(&temporary.names()[0])), 0o600);
}

#[test]
fn no_container_id_leads_out_of_the_directory() {
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
    std::fs::write(&target, "untouched").unwrap();
    symlink(&target, temporary.path.join(&name)).unwrap();
    symlink(&target, temporary.path.join(format!(".{name}"))).unwrap();
    assert!(state.read(&claim("c1").owner).is_err());
    state.write(&claim("c1")).unwrap();
    assert_eq!(std::fs::read_to_string(&target).unwrap(), "untouched");

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
fn a_file_of_a_later_form_is_refused() {
    let later = serde_json::to_string(&Claim { version: 2, ..claim("c1") }).unwrap();
    assert_eq!(parse(later.as_bytes()).unwrap_err(), "it is of form 2, and this version knows 1");
}

#[test]
fn what_a_killed_writer_left_is_no_claim_and_goes_with_the_attachment() {
    let temporary = Temporary::new();
    let state = temporary.state();
    let owner = claim("c1").owner;
    std::fs::write(temporary.path.join(begun_name(&owner)), "{\"ver").unwrap();
    assert!(state.list().unwrap().is_empty() && state.list_begun().unwrap().is_empty());
    assert_eq!(state.read(&owner).unwrap(), None);
    state.remove(&owner).unwrap();
    assert!(temporary.names().is_empty());
}

#[test]
fn what_was_begun_is_what_there_may_be_and_not_listed_until_it_is_settled() {
    let temporary = Temporary::new();
    let state = temporary.state();
    let (old, new) = (claim("c1"), Claim { masq_all: true, ..claim("c1") });
    state.write(&old).unwrap();
    state.begin(&new).unwrap();
    let settled = || state.read_settled(&old.owner).unwrap().unwrap();
    assert_eq!(state.read(&old.owner).unwrap().unwrap(), new);
    assert_eq!((settled(), state.list_begun().unwrap()), (old.clone(), vec![new.clone()]));
    assert_eq!(state.list().unwrap().len(), 1);
    state.settle(&old.owner).unwrap();
    assert_eq!((settled(), state.list_begun().unwrap()), (new.clone(), Vec::new()));
    state.unsettle(&old.owner).unwrap();
    assert!(state.list().unwrap().is_empty());
    assert_eq!(state.read(&old.owner).unwrap().unwrap(), new);
    state.unsettle(&old.owner).unwrap();
    state.remove(&old.owner).unwrap();
    assert!(temporary.names().is_empty());
}

#[test]
fn a_missing_directory_is_no_state_and_is_not_made_by_looking() {
    let temporary = Temporary::new();
    assert!(State::open_existing(&temporary.path).unwrap().is_none());
    assert!(!temporary.path.exists());
}
