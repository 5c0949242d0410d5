//! What stands on a board as a dashboard with cards.

use dsp_protocol::api::{
    BoardInfo, BoardParam, BoardView, CardInfo, CardKind, CardStack, CardState, Problem,
};
use dsp_protocol::context::StackState;
use dsp_protocol::doc::{BoardContent, BoardEdit, BoardPart, BoardValue};
use dsp_protocol::id::{ContextId, StackId, UserId};
use dsp_protocol::reference::Rev;
use dsp_protocol::statement::Role;
use serde::de::DeserializeOwned;

use super::super::Ops;
use super::super::resolve::{self, Found};
use super::super::scene::Scene;
use super::super::time::rfc3339;
use super::Held;
use super::edits::{Shows, cards, text};

/// Returns the title of a dashboard.
pub(in crate::ops) fn title(content: &BoardContent) -> String {
    text(content, BoardPart::Field, "title")
}

/// Names what an edit sets, as `cards/<card>/title`.
pub(super) fn key_name(edit: &BoardEdit) -> String {
    let part = match edit.part {
        BoardPart::Field => return edit.key.clone(),
        BoardPart::Cards => "cards",
        BoardPart::Layout => "layout",
        BoardPart::Params => "params",
        BoardPart::Text => "text",
    };
    format!("{part}/{}", edit.key)
}

/// Returns what a dashboard is.
pub(super) fn info(scene: &Scene, held: &Held) -> BoardInfo {
    BoardInfo {
        id: held.id(),
        context: held.context,
        creator: scene.names.named(held.key.creator),
        title: title(&held.content),
        description: text(&held.content, BoardPart::Text, "description"),
        removed: held.stated.removed,
        writable: held.role >= Role::Writer && !held.stated.removed,
        cards: u32::try_from(cards(&held.content).len()).unwrap_or(u32::MAX),
        made: rfc3339(held.stated.made),
        changed: held.changed.map(rfc3339),
        epoch: held.epoch,
        forked_by: held.forked_by.iter().map(|user| scene.names.named(*user)).collect(),
        set_aside: u32::try_from(held.set_aside).unwrap_or(u32::MAX),
    }
}

/// Returns a dashboard with its cards.
pub(in super::super) fn view(scene: &Scene, held: &Held) -> BoardView {
    let content = &held.content;
    let params = content.keys().filter(|(part, _)| *part == BoardPart::Params);
    let params = params.map(|(part, name)| {
        let setting: BoardParam = read(&text(content, *part, name)).unwrap_or_default();
        (name.clone(), setting)
    });
    BoardView {
        info: info(scene, held),
        tabs: read(&text(content, BoardPart::Layout, "tabs")).unwrap_or_default(),
        cards: cards(content).iter().filter_map(|id| card(scene, content, id)).collect(),
        params: params.collect(),
    }
}

/// Returns a card; nothing where its kind is one of a later version.
fn card(scene: &Scene, content: &BoardContent, id: &str) -> Option<CardInfo> {
    let of = |field: &str| text(content, BoardPart::Cards, &format!("{id}/{field}"));
    let laid = |field: &str| text(content, BoardPart::Layout, &format!("{id}/{field}"));
    let kind: CardKind = named(&of("kind"))?;
    let stack = || {
        let context: ContextId = of("context").parse().ok()?;
        let user: UserId = of("user").parse().ok()?;
        Some(card_stack(scene, context, user, of("stack").parse().ok()?, of("name")))
    };
    let span = match content.get(&(BoardPart::Layout, format!("{id}/span"))) {
        Some(BoardValue::Int(span)) => u8::try_from((*span).clamp(1, 12)).unwrap_or(6),
        _ => 6,
    };
    Some(CardInfo {
        id: id.to_owned(),
        kind,
        stack: matches!(kind, CardKind::Stack | CardKind::Metric).then(stack).flatten(),
        frame: of("pin").parse().ok(),
        title: of("title"),
        description: of("description"),
        text: text(content, BoardPart::Text, id),
        span,
        height: named(&laid("height")).unwrap_or_default(),
        tab: Some(laid("tab")).filter(|tab| !tab.is_empty()),
        map: read(&of("map")).unwrap_or_default(),
        fixed: read(&of("fixed")).unwrap_or_default(),
    })
}

fn card_stack(
    scene: &Scene,
    context: ContextId,
    user: UserId,
    stack: StackId,
    name: String,
) -> CardStack {
    let unknown = |state| {
        let name = name.clone();
        CardStack { context, user, stack, name, was: None, reference: None, state }
    };
    let Some(held) = scene.contexts.get(&context) else {
        return unknown(CardState::NotFollowed);
    };
    let Some(found) = held.stack_by_id(user, stack) else { return unknown(CardState::NotHere) };
    let reference = scene.reference(&Found { context: held, stack: found });
    let now = found.name.to_string();
    CardStack {
        context,
        user,
        stack,
        was: Some(name).filter(|was| !was.is_empty() && *was != now),
        name: now,
        reference: Some(reference),
        state: match found.state {
            StackState::Live => CardState::Here,
            StackState::Removed => CardState::Removed,
            StackState::Moved => CardState::Moved,
        },
    }
}

/// Reads JSON that stands on a board; whatever others wrote there.
fn read<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_str(text).ok()
}

/// Reads a value that is a word in JSON.
fn named<T: DeserializeOwned>(word: &str) -> Option<T> {
    serde_json::from_value(serde_json::Value::String(word.to_owned())).ok()
}

impl Ops {
    /// Finds what a new card shows: a stack, or a frame of one where the reference names it.
    pub(super) async fn card_stack(&self, scene: &Scene, text: &str) -> Result<Shows, Problem> {
        let reference = resolve::parse(text)?;
        let found = scene.stack(&reference)?;
        let (context, user, stack) = resolve::key(&found);
        let name = found.stack.name.to_string();
        let frame = match reference.rev {
            Rev::Head => None,
            _ => Some(self.frame_of(scene, &reference).await?.frame),
        };
        Ok(Shows { context, user, stack, name, frame })
    }
}
