//! The directory for a plugin's own files.

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
