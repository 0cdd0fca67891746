//! Keeps the record of who made which chain: before a change what it is about to do, and after it
//! what has become of the chains.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::plan::{KnownChains, NoteChanges};
use crate::backend::interface::{ChainNote, ChainRecord};
use crate::error::Error;
use crate::family::Family;

/// The record during one call, with the changes that the call decides on.
#[derive(Debug)]
pub(super) struct Notes {
    record: Option<Rc<dyn ChainRecord>>,
    read: Vec<ChainNote>,
    written: RefCell<Vec<ChainNote>>,
    decided: RefCell<BTreeMap<Family, NoteChanges>>,
}

impl Notes {
    /// Reads the record, if there is one.
    ///
    /// # Errors
    ///
    /// It can't be read.
    pub(super) fn read(record: Option<Rc<dyn ChainRecord>>) -> Result<Self, Error> {
        let read = record.as_ref().map(|record| record.read()).transpose()?.unwrap_or_default();
        let written = RefCell::new(read.clone());
        Ok(Self { record, read, written, decided: RefCell::default() })
    }

    pub(super) fn known(&self) -> KnownChains<'_> {
        KnownChains { notes: &self.read, record: self.record.as_deref() }
    }

    /// Sets the changes of a family, which may be decided more than once.
    pub(super) fn decide(&self, family: Family, changes: NoteChanges) {
        self.decided.borrow_mut().insert(family, changes);
    }

    /// Records what the rules are about to need: a process that is killed after them loses nothing.
    ///
    /// # Errors
    ///
    /// It can't be written.
    pub(super) fn announce(&self) -> Result<(), Error> {
        let mut notes = self.read.clone();
        for note in self.decided.borrow().values().flat_map(|changes| &changes.before) {
            put(&mut notes, note.clone());
        }
        self.write(notes)
    }

    /// Records what has become of the chains. The rules have been changed.
    ///
    /// # Errors
    ///
    /// It can't be written.
    pub(super) fn conclude(&self) -> Result<(), Error> {
        let mut notes = self.written.borrow().clone();
        for (family, changes) in &*self.decided.borrow() {
            for (chain, origin) in &changes.after {
                notes.retain(|note| note.family != *family || note.chain != *chain);
                let origin = origin.clone().into_iter();
                notes.extend(origin.map(|origin| {
                    let (family, chain) = (*family, chain.clone());
                    ChainNote { family, chain, origin }
                }));
            }
        }
        self.write(notes)
    }

    fn write(&self, mut notes: Vec<ChainNote>) -> Result<(), Error> {
        notes.sort_unstable_by(|one, other| {
            (one.family, &one.chain).cmp(&(other.family, &other.chain))
        });
        let Some(record) = self.record.as_ref().filter(|_| *self.written.borrow() != notes) else {
            return Ok(());
        };
        record.write(&notes)?;
        self.written.replace(notes);
        Ok(())
    }
}

fn put(notes: &mut Vec<ChainNote>, note: ChainNote) {
    notes.retain(|known| known.family != note.family || known.chain != note.chain);
    notes.push(note);
}
