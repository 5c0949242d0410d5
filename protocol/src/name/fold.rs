//! Names that only some file systems tell apart.

use std::collections::HashMap;

use unicode_normalization::UnicodeNormalization as _;

/// Returns a key that is equal for names that differ only in case or in normal form.
///
/// Coarser than any one file system: Unicode case by way of upper case, then the decomposed form,
/// so that `Straße` meets `STRASSE` and a dotless `ı` meets `i`. For comparing, never for showing.
pub fn fold_key(name: &str) -> String {
    if name.is_ascii() {
        return name.to_ascii_lowercase();
    }
    // Twice, as the lower case of some letters decomposes into ones with a case of their own.
    let once = fold_once(name);
    fold_once(&once)
}

fn fold_once(name: &str) -> String {
    name.nfd().flat_map(char::to_uppercase).flat_map(char::to_lowercase).nfd().collect()
}

/// Two names that differ only in case or in normal form would be one file on some systems.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{second}` and `{first}` differ only in case or normal form, and are one file on some systems"
)]
pub struct Collision {
    /// The name that came first.
    pub first: String,
    /// The name that collides with it.
    pub second: String,
}

/// The names of one frame, folder or catalog so far, refusing those that collide.
#[derive(Clone, Debug, Default)]
pub struct Folded(HashMap<String, String>);

impl Folded {
    /// Starts without names.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a name and tells whether it is new.
    ///
    /// # Errors
    /// [`Collision`] with a name before that is not the same but folds to the same key.
    pub fn insert(&mut self, name: &str) -> Result<bool, Collision> {
        match self.0.entry(fold_key(name)) {
            std::collections::hash_map::Entry::Vacant(slot) => {
                slot.insert(name.to_owned());
                Ok(true)
            }
            std::collections::hash_map::Entry::Occupied(slot) if slot.get() == name => Ok(false),
            std::collections::hash_map::Entry::Occupied(slot) => {
                Err(Collision { first: slot.get().clone(), second: name.to_owned() })
            }
        }
    }
}
