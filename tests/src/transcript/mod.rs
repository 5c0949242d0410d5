//! Manual pages that run: every block of `docs/cli/*.md` that begins with `$` is typed into a
//! shell, and what comes is compared with what the page says.
//!
//! `[..]` stands for anything within a line, `...` on a line of its own for any lines. Behind `sh`
//! may stand whose home it is (`alice` unless said) and the exit code of the last command,
//! `(fail 3)`. The blocks of a page share a folder and run in order.

mod diff;
mod page;
mod run;

pub use diff::matches;
pub use page::{Block, Page, Step};
pub use run::run;
