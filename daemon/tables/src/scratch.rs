//! Where what does not fit into memory is put for a while.

use std::fmt;
use std::fs::File;
use std::io;

/// Makes files for what does not fit into memory.
#[derive(Clone, Copy)]
pub struct Scratch<'a> {
    make: Option<&'a dyn Fn() -> io::Result<File>>,
    most: u64,
}

impl<'a> Scratch<'a> {
    /// No files: what does not fit into memory is refused.
    pub const NONE: Scratch<'static> = Scratch { make: None, most: 0 };

    /// Uses files that are empty at first, can be read and written, and go once they are closed; so
    /// many bytes may stand in them at a time.
    pub fn new(make: &'a dyn Fn() -> io::Result<File>, most: u64) -> Scratch<'a> {
        Scratch { make: Some(make), most }
    }

    /// Returns how many bytes there is room for.
    pub(crate) fn most(&self) -> u64 {
        self.most
    }

    /// Makes a file; none where there are none.
    pub(crate) fn file(&self) -> io::Result<Option<File>> {
        self.make.map(|make| make()).transpose()
    }
}

impl fmt::Debug for Scratch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "room for {} bytes", self.most)
    }
}
