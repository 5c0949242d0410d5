//! The statements made in a context.

mod codec;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

pub(super) use self::codec::read;
pub(crate) use self::codec::read_u32;
use super::{BuildError, Statement, Verified};
use crate::cbor::Map;
use crate::id::{
    BlobHash, ChangeId, ContextId, DeviceId, DocumentId, FrameId, Incarnation, PublicKey, StackId,
    StatementId, UserId,
};
use crate::key::SecretKey;
use crate::name::{ContextName, StackName, TagName};

/// The kinds of statements in a context.
pub(super) const KINDS: &[&str] = &[
    "about",
    "member",
    "interest",
    "ticket",
    "ticket-end",
    "cut",
    "head",
    "tag",
    "epoch",
    "withdraw",
    "dashboard",
    "comment",
];
/// The keys that every statement in a context has, by which one of an unknown kind is known.
pub(super) const PLACE_KEYS: &[&str] = &["context", "device", "inc", "n", "time"];

/// Where a statement stands: which device said it in which context, and as which of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The context.
    pub context: ContextId,
    /// The device that signs.
    pub device: DeviceId,
    /// The incarnation of the device's database.
    pub inc: Incarnation,
    /// Rises by one at least with each statement of (context, device, incarnation); from 1.
    pub n: u64,
    /// Milliseconds since 1970 by the device's clock: for showing, never for deciding.
    pub time: i64,
}

/// A fact in its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Placed {
    /// Where it was said.
    pub place: Place,
    /// What was said.
    pub fact: PlacedFact,
}

/// What is stated in a context.
#[derive(Clone, Debug, PartialEq)]
pub enum PlacedFact {
    /// What the context is called and who may come in.
    About(About),
    /// What someone may do.
    Member(Member),
    /// The key by which members recognise each other.
    Interest(Interest),
    /// A ticket was made.
    Ticket(TicketFact),
    /// A ticket is void.
    TicketEnd {
        /// The ticket's public key.
        key: PublicKey,
    },
    /// What is kept of someone who was removed, or of a device that was revoked.
    Cut(Cut),
    /// A stack is now at a frame.
    Head(Head),
    /// A label on a frame.
    Tag(Tag),
    /// A board begins anew.
    Epoch(Epoch),
    /// Frames and blobs are withdrawn: who holds them serves and keeps them no more.
    Withdraw(Withdraw),
    /// A dashboard is there, or is not any more.
    Dashboard(Dashboard),
    /// Somebody says something about a stack, a frame or a card.
    Comment(Comment),
    /// A kind, value or feature that this version does not know.
    Unknown {
        /// The kind.
        kind: String,
    },
}

/// What a context is called and who may come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// Its name: a label.
    pub name: ContextName,
    /// What it is for.
    pub text: String,
    /// Who may come in.
    pub access: Access,
    /// Whether nothing more is to be pushed.
    pub closed: bool,
    /// The about statements that this one replaces.
    pub over: Vec<StatementId>,
}

/// Adds the texts of an enum that stands in statements under a name.
macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[derive(serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "lowercase")]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// Returns the name that stands in statements.
            pub fn as_str(self) -> &'static str {
                match self {
                    $($name::$variant => $text,)*
                }
            }

            /// Returns the value of that name, if this version knows it.
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($text => Some($name::$variant),)*
                    _ => None,
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}
pub(crate) use named;

named!(
    /// Who may come into a context; the least comes first.
    Access {
        /// Members only.
        Private = "private",
        /// Members, and holders of a ticket.
        Ticket = "ticket",
        /// Everybody.
        Public = "public",
    }
);
named!(
    /// What a user may do in a context; the least comes first.
    Role {
        /// Nothing: was removed, or never came in.
        None = "none",
        /// May read.
        Reader = "reader",
        /// May read and push.
        Writer = "writer",
        /// May also say who may do what.
        Owner = "owner",
    }
);
named!(
    /// Why a head has no frame.
    Why {
        /// The stack went to another audience.
        Moved = "moved",
        /// The stack was removed.
        Removed = "removed",
    }
);

/// What someone may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub user: UserId,
    /// What.
    pub role: Role,
    /// The owners' numbers that were known when this was written, by device and incarnation.
    pub seen: BTreeMap<(DeviceId, Incarnation), u64>,
}

/// The key by which members recognise each other without telling anyone else.
#[derive(Clone, PartialEq, Eq)]
pub struct Interest {
    /// The generation; a new one begins when a member is removed.
    pub generation: u32,
    /// The key.
    pub key: [u8; 32],
}

impl fmt::Debug for Interest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interest").field("generation", &self.generation).finish_non_exhaustive()
    }
}

/// What an owner says of a ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TicketFact {
    /// The ticket's public key.
    pub key: PublicKey,
    /// What it makes its holder: a reader or a writer.
    pub role: Role,
    /// When it ends, in milliseconds since 1970; never without.
    pub until: Option<i64>,
    /// How many users it admits; any number without.
    pub uses: Option<u32>,
    /// The generation of the interest key it carries.
    pub generation: u32,
}

/// What is kept of someone who was removed, or of a device that was revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Of whom.
    pub subject: Subject,
    /// The last changes that are kept, with all before them; a document not named keeps nothing.
    pub docs: BTreeMap<DocumentId, Vec<ChangeId>>,
}

/// Whom a cut is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// A user, with all devices.
    User(UserId),
    /// One device of the user who says it.
    Device(DeviceId),
}

/// A stack is now at a frame, or has left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The stack.
    pub stack: StackId,
    /// What it is called now.
    pub name: StackName,
    /// The frame; `None` exactly where there is a `why`.
    pub frame: Option<FrameId>,
    /// One more than the largest generation of the frame's parents.
    pub generation: u64,
    /// The heads that this one replaces.
    pub over: Vec<StatementId>,
    /// Why there is no frame.
    pub why: Option<Why>,
}

/// A label on a frame of a stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// The stack.
    pub stack: StackId,
    /// The label.
    pub tag: TagName,
    /// The frame; `None` takes the label away.
    pub frame: Option<FrameId>,
    /// The tag statements that this one replaces.
    pub over: Vec<StatementId>,
}

/// A board begins anew, from tips of the epoch before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Epoch {
    /// The board.
    pub doc: DocumentId,
    /// The number of the new epoch; from 1.
    pub epoch: u32,
    /// The last changes of the epoch before that the new one took in.
    pub base: Vec<ChangeId>,
    /// The hash of the first envelope of the new epoch.
    pub genesis: [u8; 32],
    /// How many envelopes carry over what stood there: that one and those of its line after it.
    pub parts: u32,
}

/// Frames and blobs that are withdrawn from a context.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Withdraw {
    /// The frames, each with its parents, so that the history behind it is still led to.
    pub frames: BTreeMap<FrameId, Vec<FrameId>>,
    /// The blobs.
    pub blobs: BTreeSet<BlobHash>,
}

/// A dashboard is there, or is not any more. What stands on it is in the board's document, whose
/// id is made of the context, the user who says this, and the nonce.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dashboard {
    /// Random bytes, so that a user may make many.
    pub nonce: [u8; 16],
    /// Whether its creator removed it.
    pub removed: bool,
    /// The statements about it that this one replaces.
    pub over: Vec<StatementId>,
}

/// Somebody says something about a stack, a frame or a card, says it otherwise, or takes it back.
/// Nobody but its author replaces a comment: those of another user are other comments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// Names the comment among those of its author, through all its versions.
    pub id: [u8; 16],
    /// What it is about.
    pub on: CommentOn,
    /// What is said; nothing where it was taken back.
    pub text: Option<String>,
    /// The versions that this one replaces.
    pub over: Vec<StatementId>,
}

/// What a comment is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CommentOn {
    /// A stack.
    Stack {
        /// Whose.
        user: UserId,
        /// Which.
        stack: StackId,
    },
    /// A frame of a stack.
    Frame {
        /// Whose stack.
        user: UserId,
        /// Which stack.
        stack: StackId,
        /// Which frame.
        frame: FrameId,
    },
    /// A card of a dashboard.
    Card {
        /// Who made the dashboard.
        creator: UserId,
        /// The dashboard's nonce.
        nonce: [u8; 16],
        /// The card's id.
        card: String,
    },
}

impl PlacedFact {
    /// Returns the role that a device has to be granted at least to state it: pushing is for
    /// writers. What governs the context is kept from a device that its user limited, even where
    /// others of hers may say it as readers.
    pub fn needs(&self) -> Role {
        match self {
            PlacedFact::Head(_)
            | PlacedFact::Tag(_)
            | PlacedFact::Dashboard(_)
            | PlacedFact::Comment(_)
            | PlacedFact::Unknown { .. } => Role::Writer,
            PlacedFact::About(_)
            | PlacedFact::Member(_)
            | PlacedFact::Interest(_)
            | PlacedFact::Ticket(_)
            | PlacedFact::TicketEnd { .. }
            | PlacedFact::Cut(_)
            | PlacedFact::Epoch(_)
            | PlacedFact::Withdraw(_) => Role::Owner,
        }
    }

    /// Returns the kind of the statement.
    pub fn kind(&self) -> &str {
        match self {
            PlacedFact::About(_) => "about",
            PlacedFact::Member(_) => "member",
            PlacedFact::Interest(_) => "interest",
            PlacedFact::Ticket(_) => "ticket",
            PlacedFact::TicketEnd { .. } => "ticket-end",
            PlacedFact::Cut(_) => "cut",
            PlacedFact::Head(_) => "head",
            PlacedFact::Tag(_) => "tag",
            PlacedFact::Epoch(_) => "epoch",
            PlacedFact::Withdraw(_) => "withdraw",
            PlacedFact::Dashboard(_) => "dashboard",
            PlacedFact::Comment(_) => "comment",
            PlacedFact::Unknown { kind } => kind,
        }
    }

    /// Signs the fact in a place.
    ///
    /// # Errors
    /// [`BuildError`] for values outside the rules, for more than fits a statement, and for a key
    /// that is not the place's device.
    pub fn sign(&self, place: &Place, key: &SecretKey) -> Result<Verified, BuildError> {
        let mut fields = Map::new()
            .with("context", place.context)
            .with("device", place.device)
            .with("inc", place.inc)
            .with("n", place.n)
            .with("time", place.time);
        codec::write(self, &mut fields);
        Statement::sign(self.kind(), fields, &[], key)
    }
}

/// Checks that a ticket makes readers or writers: owners are made by name only.
pub(crate) fn check_ticket_role(role: Role) -> Result<(), &'static str> {
    match role {
        Role::Reader | Role::Writer => Ok(()),
        Role::None | Role::Owner => Err("a ticket makes readers or writers only"),
    }
}
