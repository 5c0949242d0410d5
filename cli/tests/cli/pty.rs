//! A terminal to run `dsp` on.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::process::Stdio;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// A terminal: what a person has, and what a program has.
pub(crate) struct Pty {
    /// Keys are written to it, and the screen is read from it.
    pub(crate) person: File,
    program: File,
}

impl Pty {
    pub(crate) fn open() -> Pty {
        let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&terminal).unwrap();
        unlockpt(&terminal).unwrap();
        let name = ptsname(&terminal, Vec::new()).unwrap();
        let program = File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
        Pty { person: File::from(terminal), program }
    }

    /// Returns the program's end, for one of its standard streams.
    pub(crate) fn side(&self) -> Stdio {
        Stdio::from(OwnedFd::from(self.program.try_clone().unwrap()))
    }

    /// Leaves the terminal to the person: it ends when the program does.
    pub(crate) fn into_person(self) -> File {
        self.person
    }
}
