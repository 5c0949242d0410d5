//! What imports that failed leave behind.
//!
//! The store writes bytes that come into a file of its folder `temp`, and gives it its name in the
//! end. Where an import fails or nobody waits for it any more, that file stays, and the store never
//! looks at it again. So the folder is emptied when the store is opened, and after an import that
//! did not succeed, once none runs.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long the store may take to notice that nobody waits for an import any more.
const NOTICE: Duration = Duration::from_secs(1);

/// Counts the imports that run.
#[derive(Debug)]
pub(super) struct Imports {
    dir: Arc<Path>,
    running: Mutex<Running>,
}

#[derive(Debug, Default)]
struct Running {
    imports: usize,
    /// Whether one left something behind.
    left: bool,
}

/// An import that runs. Dropped before it is [done](Self::done), it leaves something behind.
#[derive(Debug)]
pub(super) struct Import {
    imports: Arc<Imports>,
    done: bool,
}

impl Imports {
    /// Empties the folder of the store in `dir`, in which no import runs.
    pub(super) fn new(dir: Arc<Path>) -> Imports {
        let imports = Imports { dir, running: Mutex::default() };
        imports.remove(imports.list());
        imports
    }

    pub(super) fn begin(self: &Arc<Self>) -> Import {
        self.running().imports += 1;
        Import { imports: Arc::clone(self), done: false }
    }

    /// Empties the folder if something was left there and no import runs.
    pub(super) fn tidy(&self) {
        let mut running = self.running();
        if !running.left || running.imports > 0 {
            return;
        }
        // None begins meanwhile, and later ones draw other names.
        let left = self.list();
        running.left = false;
        drop(running);
        self.remove(left);
    }

    /// Lists the folder, which may not be there yet.
    fn list(&self) -> io::Result<Vec<PathBuf>> {
        match std::fs::read_dir(self.dir.join("temp")) {
            Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Best effort: what stays is removed after the next import that fails, or at the next start.
    fn remove(&self, left: io::Result<Vec<PathBuf>>) {
        let removed = left.and_then(|left| {
            let mut all = Ok(());
            for path in left {
                all = all.and(std::fs::remove_file(path));
            }
            all
        });
        if let Err(error) = removed {
            tracing::warn!(%error, "what an import left behind stays");
            self.running().left = true;
        }
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Import {
    /// Ends an import that left nothing behind.
    pub(super) fn done(mut self) {
        self.done = true;
    }
}

impl Drop for Import {
    fn drop(&mut self) {
        let mut running = self.imports.running();
        running.imports -= 1;
        running.left |= !self.done;
        let to_tidy = running.left && running.imports == 0;
        drop(running);
        // Without a runtime the store is being closed, and emptied when it is opened.
        if to_tidy && let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let imports = Arc::clone(&self.imports);
            runtime.spawn(async move {
                tokio::time::sleep(NOTICE).await;
                // Freeing a large file takes a while.
                tokio::task::spawn_blocking(move || imports.tidy()).await
            });
        }
    }
}
