//! The API of dstack, as its released clients call it, over what this daemon holds.
//!
//! dstack's user is a user under her petname, and I am one account; its stack is a stack, its frame
//! a frame, its attachment an attachment. What a client pushes becomes an ordinary signed frame;
//! what only dstack knows of it, the id that its client made, stands in the frame under the tool's
//! name. Nothing here knows HTTP.

mod account;
mod attach;
mod dashboards;
mod draft;
mod grant;
mod manage;
mod names;
mod push;
mod read;
mod refusal;
mod request;
mod stacks;

use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard};

use self::draft::Drafts;
use self::grant::Grants;

pub(super) use self::names::account;

pub use self::grant::Download;
pub use self::names::is_page;
pub use self::push::Upload;
pub use self::read::Told;
pub use self::refusal::Refusal;
pub use self::request::{
    AccessRequest, CardRequest, CardsRequest, CommentRequest, CreateRequest, DashboardRequest,
    DeleteRequest, GeneralSettings, InfoRequest, PermissionRequest, PushRequest, SettingsRequest,
    UpdateRequest,
};

/// Who asks, once it is known whether she may read what is mine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// Me, by a token or a session.
    Me,
    /// Nobody known: public stacks only.
    Anyone,
}

/// What is under way: frames that are not complete, and addresses that were handed out.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    drafts: Drafts,
    grants: Grants,
    turn: Arc<Mutex<()>>,
}

/// The right to move heads for dstack's clients, one after the other.
type Turn = OwnedMutexGuard<()>;
