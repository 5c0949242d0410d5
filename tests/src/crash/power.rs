//! What befalls a disk while it is used: the power goes, or calls fail.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use fuser::Errno;
use tokio::sync::watch;

use super::image::{Image, Ino};

/// What a disk refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Reading, writing and syncing: EIO.
    Io,
    /// Everything that takes room: ENOSPC.
    Full,
    /// Opening files: EMFILE.
    Handles,
    /// Every change: EROFS.
    ReadOnly,
    /// Syncing: EIO, and what was to be synced is never written.
    Sync,
}

impl Fault {
    /// Every fault.
    pub const ALL: [Fault; 5] =
        [Fault::Io, Fault::Full, Fault::Handles, Fault::ReadOnly, Fault::Sync];

    fn strikes(self, call: Call) -> Option<Errno> {
        match (self, call) {
            (Fault::Io, Call::Read | Call::Write | Call::Name | Call::Sync) => Some(Errno::EIO),
            (Fault::Full, Call::Write | Call::Make) => Some(Errno::ENOSPC),
            (Fault::Handles, Call::Open | Call::Make) => Some(Errno::EMFILE),
            (Fault::ReadOnly, Call::Write | Call::Make | Call::Name) => Some(Errno::EROFS),
            (Fault::Sync, Call::Sync) => Some(Errno::EIO),
            (
                Fault::Io | Fault::Full | Fault::Handles | Fault::ReadOnly | Fault::Sync,
                Call::Read | Call::Open | Call::Write | Call::Make | Call::Name | Call::Sync,
            ) => None,
        }
    }
}

/// What a disk is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    /// Bytes.
    Read,
    /// A file to be opened.
    Open,
    /// Bytes, a length, a mode or a time to be changed.
    Write,
    /// A new name for a new thing.
    Make,
    /// A name to be changed or removed.
    Name,
    /// Something to be made durable.
    Sync,
}

/// How far a loss of power has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Power {
    On,
    /// No change is made any more, and nobody who asks for one is answered.
    Off,
    /// Whoever ran is dead: what waits for an answer gets an error.
    Dead,
}

#[derive(Debug)]
struct Struck {
    fault: Fault,
    /// Calls that it could strike until it does.
    after: u64,
    /// Calls that it strikes then.
    lasts: u64,
    /// Calls that it struck.
    count: u64,
}

/// The state of a disk.
#[derive(Debug)]
pub(super) struct State {
    pub(super) image: Image,
    /// Whether it says that it synced, and does not.
    pub(super) lies: bool,
    power: Power,
    /// Changes until the power goes.
    off_in: Option<u64>,
    struck: Option<Struck>,
    changes: u64,
}

/// A disk, as who uses it and who rules it share it.
#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    dead: Condvar,
    off: watch::Sender<bool>,
}

impl Shared {
    pub(super) fn new() -> Shared {
        let state = State {
            image: Image::new(),
            lies: false,
            power: Power::On,
            off_in: None,
            struck: None,
            changes: 0,
        };
        Shared { state: Mutex::new(state), dead: Condvar::new(), off: watch::Sender::new(false) }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a call, which may not be let through. Reading goes on without power: it changes
    /// nothing, and whoever ends the process that lost it reads, too.
    pub(super) fn enter(&self, call: Call) -> Result<MutexGuard<'_, State>, Errno> {
        let mut state = self.lock();
        if !matches!(call, Call::Read | Call::Open) {
            state.changes += 1;
            match &mut state.off_in {
                Some(0) => {
                    state.off_in = None;
                    state.power = Power::Off;
                    self.off.send_replace(true);
                }
                Some(left) => *left -= 1,
                None => {}
            }
            while state.power == Power::Off {
                state = self.dead.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            if state.power == Power::Dead {
                return Err(Errno::EIO);
            }
        }
        match state.strike(call) {
            Some(errno) => Err(errno),
            None => Ok(state),
        }
    }

    /// Begins a sync; one that fails loses what was to be synced.
    pub(super) fn enter_sync(&self, ino: Ino) -> Result<MutexGuard<'_, State>, Errno> {
        let entered = self.enter(Call::Sync);
        if entered.is_err() {
            let mut state = self.lock();
            if state.power == Power::On {
                state.image.fail_to_sync_file(ino);
            }
        }
        entered
    }

    /// Takes the power after `changes` more changes.
    pub(super) fn cut_after(&self, changes: u64) {
        self.lock().off_in = Some(changes);
    }

    /// Takes the power.
    pub(super) fn cut(&self) {
        let mut state = self.lock();
        state.off_in = None;
        state.power = Power::Off;
        self.off.send_replace(true);
    }

    /// Waits until the power is gone.
    pub(super) async fn is_off(&self) {
        let mut off = self.off.subscribe();
        // The sender lives as long as we do, so that this cannot fail.
        let _ = off.wait_for(|off| *off).await;
    }

    /// Answers those that wait, with an error.
    pub(super) fn is_dead(&self) {
        self.lock().power = Power::Dead;
        self.dead.notify_all();
    }

    /// Brings the power back.
    pub(super) fn is_on(&self) {
        self.lock().power = Power::On;
        self.off.send_replace(false);
    }

    /// Lets calls fail: `lasts` of them, after the first `after`.
    pub(super) fn fail(&self, fault: Fault, after: u64, lasts: u64) {
        self.lock().struck = Some(Struck { fault, after, lasts, count: 0 });
    }

    /// Lets no more calls fail; returns how many did.
    pub(super) fn mend(&self) -> u64 {
        self.lock().struck.take().map_or(0, |struck| struck.count)
    }

    /// Returns how many changes were asked for.
    pub(super) fn changes(&self) -> u64 {
        self.lock().changes
    }
}

impl State {
    fn strike(&mut self, call: Call) -> Option<Errno> {
        let struck = self.struck.as_mut()?;
        let errno = struck.fault.strikes(call)?;
        if struck.after > 0 {
            struck.after -= 1;
            return None;
        }
        if struck.count >= struck.lasts {
            return None;
        }
        struck.count += 1;
        Some(errno)
    }
}
