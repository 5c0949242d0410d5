//! What befalls a disk while it is used: the power goes, or calls fail.

use std::sync::{Mutex, MutexGuard, PoisonError};

use fuser::{Errno, Request};
use rustix::process::{Pid, Signal, getpid, kill_process};
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
    /// Whether the power is gone.
    off: bool,
    /// Changes until the power goes.
    off_in: Option<u64>,
    struck: Option<Struck>,
    changes: u64,
}

/// A disk, as who uses it and who rules it share it.
#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    off: watch::Sender<bool>,
}

impl Shared {
    pub(super) fn new() -> Shared {
        let state = State {
            image: Image::new(),
            lies: false,
            off: false,
            off_in: None,
            struck: None,
            changes: 0,
        };
        Shared { state: Mutex::new(state), off: watch::Sender::new(false) }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a call, which may not be let through.
    ///
    /// When the power goes, whoever asked is killed before the call is answered, so that it never
    /// learns of the answer, and no later change is made. Nobody waits meanwhile: a call without
    /// an answer would hold locks of the system that whoever looks at the disk needs, too. Reading
    /// goes on, which changes nothing.
    pub(super) fn enter(
        &self,
        call: Call,
        request: &Request,
    ) -> Result<MutexGuard<'_, State>, Errno> {
        let mut state = self.lock();
        if !matches!(call, Call::Read | Call::Open) {
            state.changes += 1;
            match &mut state.off_in {
                Some(0) => {
                    state.off_in = None;
                    state.off = true;
                    kill(request.pid());
                    self.off.send_replace(true);
                }
                Some(left) => *left -= 1,
                None => {}
            }
            if state.off {
                return Err(Errno::EIO);
            }
        }
        match state.strike(call) {
            Some(errno) => Err(errno),
            None => Ok(state),
        }
    }

    /// Begins a sync; one that fails loses what was to be synced.
    pub(super) fn enter_sync(
        &self,
        ino: Ino,
        request: &Request,
    ) -> Result<MutexGuard<'_, State>, Errno> {
        let entered = self.enter(Call::Sync, request);
        if entered.is_err() {
            let mut state = self.lock();
            if !state.off {
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
        state.off = true;
        self.off.send_replace(true);
    }

    /// Tells whether the power is gone.
    pub(super) fn is_off_now(&self) -> bool {
        self.lock().off
    }

    /// Waits until the power is gone.
    pub(super) async fn is_off(&self) {
        let mut off = self.off.subscribe();
        // The sender lives as long as we do, so that this cannot fail.
        let _ = off.wait_for(|off| *off).await;
    }

    /// Brings the power back.
    pub(super) fn is_on(&self) {
        self.lock().off = false;
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

/// Kills the process of a thread, unless it is this one.
fn kill(thread: u32) {
    let thread = i32::try_from(thread).ok().and_then(Pid::from_raw);
    if let Some(thread) = thread.filter(|thread| *thread != getpid()) {
        // It may have ended by itself.
        let _ = kill_process(thread, Signal::KILL);
    }
}
