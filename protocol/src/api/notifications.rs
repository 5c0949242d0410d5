//! What happened that the user may want to know, kept until she has read it and for a while after.

use super::peers::UserName;
use crate::id::{ContextId, DocumentId, FrameId};

http! {
    /// What a notification is of.
    #[derive(Copy, Eq)]
    pub enum NotificationKind {
        /// Somebody else pushed.
        Head,
        /// Somebody else said something about a stack, a frame or a card of a dashboard.
        Comment,
        /// Somebody came in by a ticket.
        Ticket,
        /// Somebody offers a context.
        Offer,
        /// The keys or devices of a user changed, or one of them contradicts itself.
        Key,
        /// The disk is nearly full, or a quota is.
        Disk,
        /// A transfer ended without all that was wanted.
        Transfer,
        /// Anything else, in a sentence.
        Notice,
    }

    /// A notification: an item of `GET /notifications`.
    pub struct NotificationInfo {
        /// Its number; a later one has a greater.
        pub id: u64,
        /// When it last happened, RFC 3339.
        pub at: String,
        /// Its kind.
        pub kind: NotificationKind,
        /// What happened, in a sentence.
        pub text: String,
        /// The context that it is about.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub context: Option<ContextId>,
        /// How that is written in a reference.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub label: Option<String>,
        /// The user that it is about.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub user: Option<UserName>,
        /// The name of the stack that it is about.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub stack: Option<String>,
        /// The frame that it is about.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub frame: Option<FrameId>,
        /// The dashboard that it is about.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub board: Option<DocumentId>,
        /// How often it happened since the one before was read.
        pub times: u32,
        /// Whether it was read.
        pub read: bool,
    }

    /// `POST /notifications/read`: what was read.
    #[derive(Copy, Eq, Default)]
    pub struct ReadNotifications {
        /// One; all when left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub id: Option<u64>,
    }

    /// How many notifications are not read: the answer of `POST /notifications/read`.
    #[derive(Copy, Eq)]
    pub struct Unread {
        /// How many.
        pub unread: u32,
    }

    /// `PUT /contexts/{context}/muted`: whether what happens in a context is kept quiet.
    #[derive(Copy, Eq)]
    pub struct SetMuted {
        /// Whether it is.
        pub muted: bool,
    }
}
