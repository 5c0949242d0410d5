//! Dashboards and comments.

use std::collections::BTreeMap;

use super::peers::UserName;
use crate::id::{ChangeId, ContextId, DeviceId, DocumentId, FrameId, StackId, UserId};

http! {
    /// A dashboard: an item of `GET /boards`.
    pub struct BoardInfo {
        /// Its id, the same on every machine.
        pub id: DocumentId,
        /// The context.
        pub context: ContextId,
        /// Who made it.
        pub creator: UserName,
        /// Its title, which only its creator writes.
        pub title: String,
        /// What it is for.
        pub description: String,
        /// Whether its creator removed it.
        pub removed: bool,
        /// Whether I may write on it.
        pub writable: bool,
        /// How many cards stand on it.
        pub cards: u32,
        /// When it was made, by its creator's clock, RFC 3339.
        pub made: String,
        /// When its last change came here, RFC 3339; absent while nothing came.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub changed: Option<String>,
        /// How often it was begun anew.
        pub epoch: u32,
        /// Whose devices signed two changes of one number on it; what they wrote from there on does
        /// not count.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub forked_by: Vec<UserName>,
        /// How many changes are here and do not count: behind a fork, or beyond a cut.
        pub set_aside: u32,
    }

    /// A dashboard with what stands on it.
    pub struct BoardView {
        /// What it is.
        pub info: BoardInfo,
        /// Its tabs in their order; none where all cards are on one page.
        pub tabs: Vec<String>,
        /// Its cards in their order.
        pub cards: Vec<CardInfo>,
        /// Settings of shared params, by the params' names.
        pub params: BTreeMap<String, BoardParam>,
    }

    /// A card.
    pub struct CardInfo {
        /// Its id on the dashboard.
        pub id: String,
        /// What it is.
        pub kind: CardKind,
        /// The stack that it shows; absent on other cards.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub stack: Option<CardStack>,
        /// The frame that it stays at; the head where absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub frame: Option<FrameId>,
        /// Its title.
        pub title: String,
        /// What is said below the title.
        pub description: String,
        /// Its text, or the name of its metric.
        pub text: String,
        /// How wide it is, in twelfths.
        #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 12))]
        pub span: u8,
        /// How high it is.
        pub height: CardHeight,
        /// Its tab, where there are tabs.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub tab: Option<String>,
        /// Which shared param stands for which of the stack's own.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        pub map: BTreeMap<String, String>,
        /// Params of the stack that the card fixes.
        #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
        #[cfg_attr(feature = "openapi", schema(value_type = Object))]
        pub fixed: serde_json::Map<String, serde_json::Value>,
    }

    /// The stack of a card.
    pub struct CardStack {
        /// The context where it is.
        pub context: ContextId,
        /// Its owner.
        pub user: UserId,
        /// The stack.
        pub stack: StackId,
        /// Its name now; the name when the card was made, where it is not known here.
        pub name: String,
        /// Its name when the card was made, where it has another one now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub was: Option<String>,
        /// A reference that names it here; absent where it is not known here.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub reference: Option<String>,
        /// How it stands.
        pub state: CardState,
    }

    /// How the stack of a card stands.
    #[derive(Copy, Eq)]
    pub enum CardState {
        /// It can be shown.
        Here,
        /// Its owner removed it.
        Removed,
        /// Its owner moved it to another context.
        Moved,
        /// Its context is followed, and nothing of the stack has come.
        NotHere,
        /// Its context is not followed here.
        NotFollowed,
    }

    /// What a card is.
    #[derive(Copy, Eq)]
    pub enum CardKind {
        /// A stack.
        Stack,
        /// A text, as Markdown.
        Text,
        /// A metric of a stack.
        Metric,
        /// A line between cards.
        Divider,
    }

    /// How high a card is.
    #[derive(Copy, Eq, Default)]
    pub enum CardHeight {
        /// As high as what is on it.
        #[default]
        Auto,
        /// Small.
        S,
        /// Of middle height.
        M,
        /// High.
        L,
        /// Very high.
        Xl,
    }

    /// How a shared param is shown.
    #[derive(Default)]
    pub struct BoardParam {
        /// What is chosen at first.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
        pub default: Option<serde_json::Value>,
        /// What it is called.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub label: Option<String>,
        /// Whether the bar leaves it out; where absent, as the authors of the frames wish.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub hidden: Option<bool>,
    }

    /// A card to be put on a dashboard.
    #[derive(Default)]
    pub struct NewCard {
        /// What it is; a stack where it names one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub kind: Option<CardKind>,
        /// The stack, as a reference; a frame in it stays.
        #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
        pub reference: Option<String>,
        /// Its title.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub title: Option<String>,
        /// What is said below the title.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub description: Option<String>,
        /// Its text, or the name of its metric.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub text: Option<String>,
        /// How wide it is, in twelfths.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 12))]
        pub span: Option<u8>,
        /// How high it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub height: Option<CardHeight>,
        /// Its tab.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub tab: Option<String>,
        /// The card before which it comes; last where absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub before: Option<String>,
    }

    /// Something to change on a dashboard.
    #[serde(tag = "op")]
    pub enum BoardOp {
        /// Sets the title: its creator's to do.
        SetTitle {
            /// The title.
            title: String,
        },
        /// Says what the dashboard is for.
        SetDescription {
            /// What.
            text: String,
        },
        /// Sets the tabs in their order.
        SetTabs {
            /// The tabs; none for one page.
            tabs: Vec<String>,
        },
        /// Puts a card on it.
        AddCard(NewCard),
        /// Changes what a card says; what is absent stays.
        UpdateCard {
            /// The card.
            card: String,
            /// Its title.
            #[serde(default)]
            title: Option<String>,
            /// What is said below the title.
            #[serde(default)]
            description: Option<String>,
            /// Its text, or the name of its metric.
            #[serde(default)]
            text: Option<String>,
            /// The tab on which it is.
            #[serde(default)]
            tab: Option<String>,
            /// Which shared param stands for which of the stack's own.
            #[serde(default)]
            map: Option<BTreeMap<String, String>>,
            /// Params of the stack that the card fixes.
            #[serde(default)]
            #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
            fixed: Option<serde_json::Map<String, serde_json::Value>>,
        },
        /// Lets a card stay at a frame, or follow the head.
        PinCard {
            /// The card.
            card: String,
            /// The frame; the head where absent.
            #[serde(default)]
            frame: Option<FrameId>,
        },
        /// Moves a card before another, or to the end.
        MoveCard {
            /// The card.
            card: String,
            /// The card before which it comes; last where absent.
            #[serde(default)]
            before: Option<String>,
        },
        /// Makes a card wider, narrower, higher or lower.
        ResizeCard {
            /// The card.
            card: String,
            /// How wide it is, in twelfths.
            #[serde(default)]
            #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 12))]
            span: Option<u8>,
            /// How high it is.
            #[serde(default)]
            height: Option<CardHeight>,
        },
        /// Takes a card away.
        RemoveCard {
            /// The card.
            card: String,
        },
        /// Says how a shared param is shown.
        SetParam {
            /// Its name.
            param: String,
            /// How; as it comes where absent.
            #[serde(default)]
            setting: Option<BoardParam>,
        },
    }

    /// `POST /boards`: a new dashboard.
    pub struct NewBoard {
        /// The context by label or id; the current one where absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub context: Option<String>,
        /// Its title.
        pub title: String,
        /// What stands on it first.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub ops: Vec<BoardOp>,
    }

    /// `POST /boards/{board}/changes`: one change, all or nothing.
    pub struct ChangeBoard {
        /// What to change, in order.
        pub ops: Vec<BoardOp>,
    }

    /// `POST /boards/{board}/copy`: a dashboard of mine with what stands on another.
    #[derive(Default)]
    pub struct CopyBoard {
        /// The context by label or id; that of the other where absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub context: Option<String>,
        /// Its title; that of the other where absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub title: Option<String>,
    }

    /// `POST /boards/{board}/undo`.
    #[derive(Default)]
    pub struct UndoBoard {
        /// The change; my last one where absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub change: Option<ChangeId>,
    }

    /// `POST /boards/{board}/editing`.
    pub struct Editing {
        /// Whether I edit it; who says so no more for half a minute does not either.
        pub editing: bool,
    }

    /// Who edits a dashboard just now.
    pub struct Editors {
        /// The others who say so and are reached, each once. Myself where I do on another device.
        pub editors: Vec<UserName>,
    }

    /// What came of a change.
    pub struct BoardChanged {
        /// The change, by which it can be undone; absent where all of it stood there already.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub change: Option<ChangeId>,
        /// The cards that were put on it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub added: Vec<String>,
        /// What was left as it is, since others changed it meanwhile.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub left: Vec<String>,
        /// The dashboard now.
        pub board: BoardView,
    }

    /// A change of a dashboard: an item of `GET /boards/{board}/history`.
    pub struct BoardChangeInfo {
        /// Its id.
        pub change: ChangeId,
        /// Who made it.
        pub by: UserName,
        /// On which device.
        pub device: DeviceId,
        /// When it came here, RFC 3339.
        pub time: String,
        /// The keys that it set or took away, as `cards/<card>/title`.
        pub keys: Vec<String>,
    }

    /// A comment: an item of `GET /comments`.
    pub struct CommentInfo {
        /// Its id.
        pub id: String,
        /// The context.
        pub context: ContextId,
        /// Who says it.
        pub author: UserName,
        /// Whether it is mine to change.
        pub mine: bool,
        /// What is said, as Markdown.
        pub text: String,
        /// The stack or the dashboard that it is about; absent where that is not shown here.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub about: Option<CommentAbout>,
        /// The frame that it is about, where it is about one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub frame: Option<FrameId>,
        /// The card that it is about, where it is about one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub card: Option<String>,
        /// When it was said, by its author's clock, RFC 3339.
        pub time: String,
        /// When it was last said otherwise.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub edited: Option<String>,
    }

    /// What a comment is about: a stack, or a dashboard where a card of it is.
    pub struct CommentAbout {
        /// Whose it is.
        pub user: UserName,
        /// The stack.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub stack: Option<StackId>,
        /// The dashboard.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub board: Option<DocumentId>,
        /// What the stack is called, or the title of the dashboard.
        pub name: String,
    }

    /// `POST /comments`: says something about a stack, a frame or a card.
    pub struct NewComment {
        /// The stack, as a reference, or a frame where it names one.
        #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
        pub reference: Option<String>,
        /// The dashboard, for a card.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub board: Option<String>,
        /// The card.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub card: Option<String>,
        /// What, at most 2,048 bytes.
        pub text: String,
    }

    /// `PATCH /comments/{comment}`: says a comment of mine otherwise.
    pub struct EditComment {
        /// What it says from now on.
        pub text: String,
    }
}
