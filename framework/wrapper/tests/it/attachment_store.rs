//! Files of attachments: two-step writes, damage, and what is listed.

use std::fs;
use std::path::Path;

use cni_test_kit::TempDir;
use cni_wrapper::{Attachment, AttachmentStore, Error, StoreEntry, StoreError};

type Store = AttachmentStore<u16>;

fn attachment(container_id: &str) -> Attachment {
    Attachment::new("net", container_id, "eth0")
}

/// Returns the paths of the committed and of the prepared value.
fn files(store: &Store, attachment: &Attachment) -> [std::path::PathBuf; 2] {
    let name = Store::file_stem(attachment) + ".json";
    [store.path().join(&name), store.path().join(format!(".{name}"))]
}

fn names(directory: &Path) -> usize {
    fs::read_dir(directory).unwrap().count()
}

#[test]
fn a_store_without_directory_is_empty_and_reading_creates_nothing() {
    let place = TempDir::new();
    let store = Store::new(place.path().join("below").join("store"));
    assert_eq!(store.read(&attachment("c1")).unwrap(), None);
    assert!(store.list().unwrap().is_empty() && store.list_prepared().unwrap().is_empty());
    store.remove(&attachment("c1")).unwrap();
    store.reopen(&attachment("c1")).unwrap();
    assert!(store.commit(&attachment("c1")).is_err(), "there is nothing to commit");
    assert_eq!(names(place.path()), 0);
    store.write(&attachment("c1"), &1).unwrap();
    assert_eq!(store.read(&attachment("c1")).unwrap(), Some(1));
}

#[test]
fn a_prepared_value_leaves_the_committed_one_in_place_until_it_is_committed() {
    let place = TempDir::new();
    let (store, c1) = (Store::new(place.path().join("store")), attachment("c1"));
    store.write(&c1, &1).unwrap();
    store.prepare(&c1, &2).unwrap();
    assert_eq!((store.read(&c1).unwrap(), store.read_prepared(&c1).unwrap()), (Some(1), Some(2)));
    store.commit(&c1).unwrap();
    assert_eq!((store.read(&c1).unwrap(), store.read_prepared(&c1).unwrap()), (Some(2), None));
    store.reopen(&c1).unwrap();
    assert_eq!((store.read(&c1).unwrap(), store.read_prepared(&c1).unwrap()), (None, Some(2)));
    store.write(&c1, &3).unwrap();
    store.prepare(&c1, &4).unwrap();
    store.remove(&c1).unwrap();
    assert_eq!(names(store.path()), 0, "both values are removed");
}

#[test]
fn lists_have_the_committed_or_the_prepared_values_and_no_other_files() {
    let place = TempDir::new();
    let store = Store::new(place.path().join("store"));
    store.write(&attachment("c1"), &1).unwrap();
    store.prepare(&attachment("c2"), &2).unwrap();
    store.write(&Attachment::new("other", "c1", "eth0"), &3).unwrap();
    store.directory().unwrap().lock_file("lock").unwrap();
    let values = |list: Vec<StoreEntry<u16>>| {
        let mut values: Vec<u16> = list.into_iter().map(|entry| entry.unwrap().1).collect();
        values.sort_unstable();
        values
    };
    assert_eq!(values(store.list().unwrap()), [1, 3]);
    assert_eq!(values(store.list_prepared().unwrap()), [2]);
    assert_eq!(store.of_network("net").unwrap(), [(attachment("c1"), 1)]);
}

#[test]
fn a_damaged_file_is_an_error_with_its_path_and_does_not_hide_the_others() {
    let place = TempDir::new();
    let (store, c1) = (Store::new(place.path().join("store")), attachment("c1"));
    store.write(&c1, &1).unwrap();
    store.write(&attachment("c2"), &2).unwrap();
    let [file, _] = files(&store, &c1);
    for text in ["", "{", "[]", r#"{"attachment": {}, "value": 1}"#, "\u{feff}"] {
        fs::write(&file, text).unwrap();
        let error = store.read(&c1).unwrap_err();
        assert!(error.to_string().contains(file.to_str().unwrap()), "{text:?}: {error}");
        assert_eq!(Error::from(error).code(), 6, "{text:?}");
        assert_eq!(store.list().unwrap().iter().filter(|entry| entry.is_err()).count(), 1);
        assert_eq!(store.of_network("net").unwrap(), [(attachment("c2"), 2)]);
    }
}

#[test]
fn a_value_that_an_earlier_version_wrote_is_read() {
    let place = TempDir::new();
    let (store, c1) = (Store::new(place.path().join("store")), attachment("c1"));
    store.write(&c1, &1).unwrap();
    let earlier = r#"{"attachment": {"network": "net", "containerId": "c1", "ifname": "eth0"},
        "note": 7}"#;
    fs::write(&files(&store, &c1)[0], earlier).unwrap();
    assert_eq!(store.read(&c1).unwrap(), Some(7));
}

/// Types for which serde asks a format what a value is, instead of saying what it expects.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(untagged)]
enum Any {
    Number(f64),
    Words(std::collections::BTreeMap<String, String>),
    List(Vec<Any>),
    Tagged(Tagged),
    Flat(Flat),
    Other(serde_json::Value),
}

#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "kind")]
enum Tagged {
    Rate { rate: f64, exact: u64 },
}

#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
struct Flat {
    name: Option<String>,
    #[serde(flatten)]
    rest: Rest,
}

#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
struct Rest {
    share: f32,
    pair: (f64, i8),
    unit: Unit,
}

#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
enum Unit {
    Percent,
    Scaled(f64),
    Named { factor: f64 },
}

#[test]
fn what_is_written_can_be_read_for_every_serde_type() {
    let dir = TempDir::new();
    let store = AttachmentStore::<Any>::new(dir.path().join("any"));
    let flat = |unit| {
        let rest = Rest { share: 0.1, pair: (-2.5, 7), unit };
        Any::Flat(Flat { name: Some("a".to_owned()), rest })
    };
    let words = [("a".to_owned(), "b".to_owned())].into();
    for value in [
        Any::Number(1.5),
        Any::Number(-1e300),
        Any::Number(f64::MIN_POSITIVE),
        Any::Words(words),
        Any::List(vec![Any::Number(0.1), Any::List(vec![Any::Number(2.25)])]),
        Any::Tagged(Tagged::Rate { rate: 0.5, exact: u64::MAX }),
        flat(Unit::Percent),
        flat(Unit::Scaled(0.5)),
        flat(Unit::Named { factor: 0.25 }),
        Any::Other(serde_json::json!({"x": [null, true, 1.25]})),
    ] {
        store.write(&attachment("c1"), &value).unwrap();
        assert_eq!(store.read(&attachment("c1")).unwrap(), Some(value));
    }
}

#[test]
fn a_file_that_was_copied_to_another_attachment_is_damaged() {
    let place = TempDir::new();
    let (store, c1, c2) =
        (Store::new(place.path().join("store")), attachment("c1"), attachment("c2"));
    store.write(&c1, &1).unwrap();
    fs::copy(&files(&store, &c1)[0], &files(&store, &c2)[0]).unwrap();
    assert!(matches!(store.read(&c2), Err(StoreError::Damaged { .. })));
    let list = store.list().unwrap();
    assert_eq!((list.len(), list.iter().filter(|entry| entry.is_ok()).count()), (2, 1));
}

#[test]
fn a_directory_that_can_not_be_used_is_code_5() {
    let place = TempDir::new();
    let path = place.path().join("file");
    fs::write(&path, "").unwrap();
    let store = Store::new(&path);
    let errors = [
        store.read(&attachment("c1")).unwrap_err(),
        store.write(&attachment("c1"), &1).unwrap_err(),
        store.remove(&attachment("c1")).unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, StoreError::File(_)), "{error}");
        assert_eq!(Error::from(error).code(), 5);
    }
}

#[test]
fn file_names_have_no_path_and_differ_for_each_attachment() {
    let stem = Store::file_stem;
    assert!(stem(&attachment("c1")).starts_with("c1~"));
    assert!(stem(&attachment("a-1")).starts_with("a-1~"));
    assert!(stem(&Attachment::of_network("mesos")).starts_with("mesos~"));
    let odd = stem(&attachment("../../c/1\n"));
    assert!(odd.starts_with("______c_1_~") && !odd.contains(['/', '.', '\n']), "{odd}");
    assert!(stem(&attachment(&"x".repeat(300))).len() < 100);
    let mut all = vec![
        stem(&attachment("c1")),
        stem(&Attachment::new("net", "c1", "eth1")),
        stem(&Attachment::new("other", "c1", "eth0")),
        stem(&Attachment::new("net", "c1\neth0", "")),
    ];
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 4);
}

#[test]
fn collect_removes_the_values_of_invalid_attachments_of_one_network() {
    let dir = TempDir::new();
    let store = Store::new(dir.path().join("state"));
    let elsewhere = Attachment::new("other", "c1", "eth0");
    for attachment in [attachment("c1"), attachment("c2"), attachment("c3"), elsewhere.clone()] {
        store.write(&attachment, &1).unwrap();
    }
    let error = store.collect_with("net", &[attachment("c2")], |attachment, _| {
        match attachment.container_id.as_str() {
            "c1" => Err(Error::plugin(150, "busy")),
            _ => Ok(()),
        }
    });
    assert_eq!(error.unwrap_err().code(), 150);
    let left = |store: &Store| -> Vec<String> {
        let stored = store.of_network("net").unwrap().into_iter();
        stored.map(|(attachment, _)| attachment.container_id).collect()
    };
    assert_eq!(left(&store), ["c1", "c2"], "what could not be undone is kept");
    store.collect("net", &[attachment("c2")]).unwrap();
    assert_eq!(left(&store), ["c2"]);
    assert_eq!(store.read(&elsewhere).unwrap(), Some(1));
}
