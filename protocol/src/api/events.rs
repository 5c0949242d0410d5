//! What `GET /events` tells.

use super::contexts::FollowState;
use crate::id::{BlobHash, ContextId, DeviceId, DocumentId, FrameId, PublicKey, StackId, UserId};

http! {
    /// An event of `GET /events`; its SSE name is the tag.
    #[serde(tag = "event")]
    pub enum Event {
        /// A stack appeared.
        #[serde(rename = "stack.created")]
        StackCreated(StackEvent),
        /// A stack has another head.
        #[serde(rename = "stack.head_changed")]
        StackHeadChanged(StackEvent),
        /// A dashboard appeared, was removed, or has other contents.
        #[serde(rename = "board.changed")]
        BoardChanged {
            /// The context.
            context: ContextId,
            /// The dashboard.
            board: DocumentId,
        },
        /// Somebody begins or ends to edit a dashboard; `POST /boards/{board}/editing` tells who
        /// does.
        #[serde(rename = "board.editors")]
        BoardEditors {
            /// The context.
            context: ContextId,
            /// The dashboard.
            board: DocumentId,
        },
        /// A comment appeared, was said otherwise, or was taken back.
        #[serde(rename = "comment.changed")]
        CommentChanged {
            /// The context.
            context: ContextId,
            /// Who says it.
            author: UserId,
            /// Its id.
            comment: String,
        },
        /// A frame is here.
        #[serde(rename = "frame.added")]
        FrameAdded {
            /// The context.
            context: ContextId,
            /// The frame.
            frame: FrameId,
        },
        /// The bytes of a blob are here.
        #[serde(rename = "attachment.available")]
        AttachmentAvailable {
            /// The context.
            context: ContextId,
            /// The blob.
            hash: BlobHash,
        },
        /// A context was made, followed, renamed, closed or left.
        #[serde(rename = "context.changed")]
        ContextChanged {
            /// The context.
            context: ContextId,
            /// How the follow stands now.
            state: FollowState,
        },
        /// A peer connected.
        #[serde(rename = "peer.connected")]
        PeerConnected {
            /// The device.
            device: DeviceId,
        },
        /// A peer went.
        #[serde(rename = "peer.disconnected")]
        PeerDisconnected {
            /// The device.
            device: DeviceId,
        },
        /// Somebody came in by a ticket.
        #[serde(rename = "ticket.used")]
        TicketUsed {
            /// The context.
            context: ContextId,
            /// The ticket.
            ticket: PublicKey,
            /// Who.
            user: UserId,
        },
        /// How far a transfer is; at most four a second.
        #[serde(rename = "transfer.progressed")]
        TransferProgressed {
            /// The context.
            context: ContextId,
            /// Bytes done.
            bytes: u64,
            /// Bytes in all.
            bytes_total: u64,
        },
        /// A transfer ended.
        #[serde(rename = "transfer.finished")]
        TransferFinished {
            /// The context.
            context: ContextId,
            /// Blobs brought.
            blobs: u64,
            /// Blobs nobody reachable had.
            failed: u64,
        },
        /// There are notifications that were not there before, or some were read.
        #[serde(rename = "notification.changed")]
        NotificationChanged {
            /// How many are not read.
            unread: u32,
        },
        /// Something the user should know.
        #[serde(rename = "notice")]
        Notice {
            /// In a sentence.
            text: String,
        },
        /// Events were lost; ask again for what is shown.
        #[serde(rename = "resync")]
        Resync {},
    }

    /// A stack in an event.
    pub struct StackEvent {
        /// The context.
        pub context: ContextId,
        /// The owner.
        pub user: UserId,
        /// The stack.
        pub stack: StackId,
        /// Its name.
        pub name: String,
        /// Its head; absent when removed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub frame: Option<FrameId>,
    }
}
