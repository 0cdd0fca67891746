//! `diff`.

use std::path::PathBuf;

use cni_conformance::report::{Difference, Document};

use super::{CONFORMS, FAILED};

/// Prints what changed between two JSON reports, and says with the exit status whether anything got worse.
pub(super) fn diff(files: &[PathBuf]) -> Result<u8, String> {
    let [old, new] = files else {
        return Err("diff which reports? Name two JSON reports, the old and the new".to_owned());
    };
    let (old, new) = (Document::read(old)?, Document::read(new)?);
    println!("old  {}", old.title());
    println!("new  {}", new.title());
    let difference = Difference::between(&old, &new);
    print!("\n{}", difference.text());
    Ok(if difference.is_worse() { FAILED } else { CONFORMS })
}
