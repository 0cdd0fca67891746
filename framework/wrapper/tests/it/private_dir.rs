//! The directory for a plugin's own files.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use cni_test_kit::TempDir;
use cni_wrapper::PrivateDir;

#[test]
fn the_names_are_those_of_the_files_and_no_others() {
    let parent = TempDir::new();
    let directory = PrivateDir::open(&parent.path().join("private")).unwrap();
    assert!(directory.names().unwrap().is_empty());
    directory.replace("c1", b"one").unwrap();
    directory.replace("c2", b"two").unwrap();
    directory.remove("c1").unwrap();
    assert_eq!(directory.names().unwrap(), ["c2"]);
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Creates a directory with this mode.
fn directory(path: &Path, mode: u32) {
    fs::create_dir(path).unwrap();
    set_mode(path, mode);
}

#[test]
fn a_missing_directory_is_created_private_and_its_parents_only_writable_by_their_owner() {
    let place = TempDir::new();
    let path = place.path().join("above").join("private");
    PrivateDir::open(&path).unwrap();
    assert_eq!(mode(&path), 0o700);
    assert_eq!(mode(path.parent().unwrap()) & 0o022, 0);
    PrivateDir::open(&path).unwrap();
}

#[test]
fn an_existing_directory_that_is_private_is_used() {
    let place = TempDir::new();
    for private in [0o700, 0o500, 0o2700, 0o1700] {
        let path = place.path().join(private.to_string());
        directory(&path, private);
        PrivateDir::open(&path).unwrap();
        assert!(PrivateDir::open_existing(&path).unwrap().is_some());
        assert_eq!(mode(&path), private, "its mode is not changed");
    }
}

#[test]
fn an_existing_directory_that_others_can_use_is_refused_and_unchanged() {
    let place = TempDir::new();
    for public in [0o755, 0o750, 0o701, 0o777, 0o1777, 0o710] {
        let path = place.path().join(public.to_string());
        directory(&path, public);
        for error in
            [PrivateDir::open(&path).unwrap_err(), PrivateDir::open_existing(&path).unwrap_err()]
        {
            let msg = error.to_string();
            assert!(PrivateDir::is_refusal(&error), "{msg}");
            assert!(msg.contains(&format!("mode {public:04o}")), "{msg}");
            assert!(msg.contains(&format!("`chmod 700 {}`", path.display())), "{msg}");
        }
        fs::write(path.join("socket"), "").unwrap();
        let msg = PrivateDir::open(&path).unwrap_err().to_string();
        assert!(!msg.contains("chmod") && msg.contains("configure"), "{msg}");
        assert_eq!(mode(&path), public, "its mode is not changed");
    }
}

#[test]
fn a_directory_that_any_user_could_replace_is_not_created() {
    let place = TempDir::new();
    let [open, sticky] = ["open", "sticky"].map(|name| place.path().join(name));
    directory(&open, 0o777);
    directory(&sticky, 0o1777);
    let error = PrivateDir::open(&open.join("private")).unwrap_err();
    assert!(error.to_string().contains("mode 0777"), "{error}");
    assert!(!open.join("private").exists());
    PrivateDir::open(&sticky.join("private")).unwrap();
}

#[test]
fn a_link_in_place_of_the_directory_is_refused_and_links_above_it_are_followed() {
    let place = TempDir::new();
    let target = place.path().join("target");
    directory(&target, 0o700);
    let link = place.path().join("link");
    symlink(&target, &link).unwrap();
    for path in [link.clone(), link.join(""), link.join(".")] {
        let error = PrivateDir::open(&path).unwrap_err();
        assert!(!PrivateDir::is_refusal(&error), "{error}");
        assert!(PrivateDir::open_existing(&path).is_err(), "{}", path.display());
        let msg = error.to_string();
        let target = format!("is a symbolic link to {}; links are not followed", target.display());
        assert!(msg.contains(&target) && msg.contains("configure the directory itself"), "{msg}");
        assert!(!msg.contains("ot a directory"), "{msg}");
    }
    let file = place.path().join("file");
    fs::write(&file, "").unwrap();
    let msg = PrivateDir::open(&file).unwrap_err().to_string();
    assert!(msg.contains("Not a directory"), "{msg}");
    PrivateDir::open(&link.join("below")).unwrap();
    assert_eq!(mode(&target.join("below")), 0o700);
}
