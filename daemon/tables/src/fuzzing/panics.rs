//! Tells a panic of this crate from one of the libraries, which is caught where they are called.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

/// The end of this file's path, before which is the folder of the crate's sources.
const HERE: &str = "fuzzing/panics.rs";

#[derive(Default)]
struct Watch {
    on: bool,
    /// The first panic of this crate's own.
    own: Option<String>,
    /// The last of all.
    last: Option<String>,
}

thread_local! {
    static WATCH: RefCell<Watch> = RefCell::default();
}

/// Runs something, and returns what a panic said that was one of this crate, or that nothing
/// caught.
pub(super) fn watch(run: impl FnOnce()) -> Option<String> {
    static HOOKED: Once = Once::new();
    HOOKED.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |panic| {
            let file = panic.location().map(|location| location.file());
            let ours = file.is_some_and(|file| file.starts_with(sources()));
            let seen = WATCH.with_borrow_mut(|watch| {
                if watch.on {
                    let said = panic.to_string();
                    if ours {
                        watch.own.get_or_insert_with(|| said.clone());
                    }
                    watch.last = Some(said);
                }
                watch.on
            });
            if !seen {
                before(panic);
            }
        }));
    });
    WATCH.set(Watch { on: true, ..Watch::default() });
    let ended = catch_unwind(AssertUnwindSafe(run));
    let watch = WATCH.take();
    watch.own.or_else(|| ended.err().and(watch.last))
}

/// Returns how the paths of this crate's sources begin.
fn sources() -> &'static str {
    file!().strip_suffix(HERE).unwrap_or(file!())
}
