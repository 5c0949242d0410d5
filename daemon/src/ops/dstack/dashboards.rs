//! Dashboards and comments as dstack's first web application had them, over the boards and comments
//! of ours.
//!
//! A card of dstack shows a stack, and is named by it; texts, metrics and lines of ours are left out
//! and stay where they are. One column is half of the width here, two are all of it.

use dsp_protocol::api::{
    BoardOp, BoardView, CardInfo, CardKind, CardState, ChangeBoard, NewBoard, NewCard, NewComment,
    Problem,
};
use dsp_protocol::id::{FrameId, UserId};
use dsp_protocol::statement::CommentOn;
use serde_json::{Value, json};

use super::super::Ops;
use super::super::boards::Held;
use super::super::resolve::Found;
use super::super::scene::{ContextScene, Scene};
use super::super::time::parse_rfc3339;
use super::names::{Accounts, Level, shortened};
use super::push::{Wanted, split};
use super::request::{CardRequest, CardsRequest, CommentRequest, DashboardRequest};
use super::{Reader, Refusal};

/// Widths of cards of one and of two columns, in twelfths.
const HALF: u8 = 6;
const WHOLE: u8 = 12;

/// How much is told of the heads of cards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heads {
    Nothing,
    /// Id, time and params.
    Brief,
    /// With attachments.
    Full,
}

impl Ops {
    /// Lists the dashboards of a user that the caller may read, the last changed first.
    ///
    /// # Errors
    /// Nobody is called so.
    pub async fn dstack_dashboards(&self, reader: Reader, account: &str) -> Result<Value, Refusal> {
        let scene = self.scene().await?;
        let accounts = self.accounts(&scene.names).await?;
        let creator = match (accounts.user(&scene, account), reader) {
            (Ok(creator), _) => creator,
            (Err(refusal), Reader::Me) => return Err(refusal),
            // Who is known here is nobody's business.
            (Err(_), Reader::Anyone) => return Ok(json!({ "dashboards": [] })),
        };
        let mut boards = self.held_boards(None).await?;
        boards.retain(|held| {
            held.key.creator == creator && !held.stated.removed && may_read(&scene, reader, held)
        });
        boards.sort_by_key(|held| std::cmp::Reverse(held.last_change()));
        let mut listed = Vec::with_capacity(boards.len());
        for held in &boards {
            let view = super::super::boards::view(&scene, held);
            listed.push(self.dashboard_json(&scene, &accounts, reader, &view, Heads::Brief).await?);
        }
        Ok(json!({ "dashboards": listed }))
    }

    /// Shows a dashboard with the frames of its cards.
    ///
    /// # Errors
    /// There is none, or the caller may not read it.
    pub async fn dstack_dashboard(
        &self,
        reader: Reader,
        account: &str,
        id: &str,
    ) -> Result<Value, Refusal> {
        let scene = self.scene().await?;
        let accounts = self.accounts(&scene.names).await?;
        let held = self.dashboard(&scene, &accounts, account, id).await;
        let held = match reader {
            Reader::Me => held?,
            Reader::Anyone => {
                let public = held.ok().filter(|held| may_read(&scene, reader, held));
                public.ok_or_else(|| {
                    Refusal::credentials("no public dashboard of that id, and no token was shown")
                })?
            }
        };
        let view = super::super::boards::view(&scene, &held);
        let shown = self.dashboard_json(&scene, &accounts, reader, &view, Heads::Full).await?;
        Ok(json!({ "dashboard": shown }))
    }

    /// Makes a dashboard of mine.
    ///
    /// # Errors
    /// It is for somebody else, or who may read it would have to be changed for more than it.
    pub async fn dstack_dashboard_create(
        &self,
        request: &DashboardRequest,
    ) -> Result<Value, Refusal> {
        let scene = self.scene().await?;
        self.must_be_me(&scene, &request.user).await?;
        let accounts = self.accounts(&scene.names).await?;
        let current = scene.current()?;
        let level = Level::of(&scene, current);
        let private = match request.private {
            Some(private) => private,
            None => self.wanted_by_default().await? == Wanted::Private,
        };
        let context = match (private, level) {
            (true, Level::Private) | (false, Level::Internal | Level::Public) => current.id,
            (true, _) => match self.own_context(&scene) {
                Some(context) => context.id,
                None => self.private_context(&scene).await?,
            },
            // The one where everybody writes by default is not made public by a dashboard.
            (false, Level::Private) if request.private.is_none() => current.id,
            (false, Level::Private) => {
                return Err(Refusal::unsupported(
                    format!(
                        "a new dashboard goes to the current context {}, which is private",
                        scene.label(current)
                    ),
                    "`dsp context switch` chooses another context, `dsp share` shows one to others",
                ));
            }
        };
        let mut ops = Vec::new();
        if let Some(text) = said(request.description.as_ref()) {
            ops.push(BoardOp::SetDescription { text });
        }
        let title = said(request.title.as_ref()).unwrap_or_default();
        let made = self.new_board(NewBoard { context: Some(context.to_string()), title, ops });
        let made = made.await?;
        let scene = self.scene().await?;
        let board =
            self.dashboard_json(&scene, &accounts, Reader::Me, &made.board, Heads::Brief).await?;
        Ok(json!({ "dashboard": board }))
    }

    /// Changes what a dashboard says; a blank text clears.
    ///
    /// # Errors
    /// There is none, I may not write on it, or who may read it would have to change.
    pub async fn dstack_dashboard_update(&self, request: &DashboardRequest) -> Result<(), Refusal> {
        let (scene, held) = self.asked_dashboard(&request.user, &request.id).await?;
        if let Some(private) = request.private {
            let level = scene.contexts.get(&held.context).map(|held| Level::of(&scene, held));
            if level.is_some_and(|level| private != (level == Level::Private)) {
                return Err(Refusal::unsupported(
                    "who reads a dashboard is decided by its context, and not for it alone",
                    "`dsp share` shows a context to others; a copy goes to another context",
                ));
            }
        }
        let mut ops = Vec::new();
        if let Some(title) = &request.title {
            ops.push(BoardOp::SetTitle { title: title.trim().to_owned() });
        }
        if let Some(text) = &request.description {
            ops.push(BoardOp::SetDescription { text: text.trim().to_owned() });
        }
        if !ops.is_empty() {
            self.change_board(&held.id().to_string(), ChangeBoard { ops }).await?;
        }
        Ok(())
    }

    /// Removes a dashboard of mine; the page of dashboards brings it back.
    ///
    /// # Errors
    /// There is none, or it is not mine.
    pub async fn dstack_dashboard_delete(&self, request: &DashboardRequest) -> Result<(), Refusal> {
        let (_, held) = self.asked_dashboard(&request.user, &request.id).await?;
        self.remove_board(&held.id().to_string(), true).await?;
        Ok(())
    }

    /// Puts cards on a dashboard; stacks that are not here are passed over.
    ///
    /// # Errors
    /// There is no such dashboard, or I may not write on it.
    pub async fn dstack_cards_insert(
        &self,
        request: &CardsRequest,
        attachments: bool,
    ) -> Result<Value, Refusal> {
        let (scene, held) = self.asked_dashboard(&request.user, &request.dashboard).await?;
        let accounts = self.accounts(&scene.names).await?;
        let view = super::super::boards::view(&scene, &held);
        let shown = stack_cards(&view);
        let before = request.index.and_then(|at| shown.get(usize::try_from(at).ok()?));
        let before = before.map(|card| card.id.clone());
        let mut ops = Vec::new();
        for card in &request.cards {
            let Ok((account, name)) = split(&card.stack) else { continue };
            let Ok(found) = accounts.stack(&scene, account, name) else { continue };
            let title = said(card.title.as_ref());
            ops.push(BoardOp::AddCard(NewCard {
                reference: Some(scene.reference(&found)),
                title: Some(title.unwrap_or_else(|| found.stack.name.to_string())),
                description: said(card.description.as_ref()),
                span: Some(width(card.columns)?.unwrap_or(HALF)),
                before: before.clone(),
                ..NewCard::default()
            }));
        }
        let changed = self.change_dashboard(&held, view, ops).await?;
        let heads = if attachments { Heads::Full } else { Heads::Brief };
        let board = self.dashboard_json(&scene, &accounts, Reader::Me, &changed, heads).await?;
        Ok(json!({ "dashboard": board }))
    }

    /// Changes a card of a dashboard.
    ///
    /// # Errors
    /// There is no such card, or I may not write on the dashboard.
    pub async fn dstack_card_update(&self, request: &CardRequest) -> Result<Value, Refusal> {
        let (scene, held) = self.asked_dashboard(&request.user, &request.dashboard).await?;
        let accounts = self.accounts(&scene.names).await?;
        let view = super::super::boards::view(&scene, &held);
        let card = card_of(&accounts, &scene, &view, &request.stack)?;
        let mut ops = Vec::new();
        if request.title.is_some() || request.description.is_some() {
            let text = |text: &Option<String>| text.as_ref().map(|text| text.trim().to_owned());
            ops.push(BoardOp::UpdateCard {
                card: card.clone(),
                title: text(&request.title),
                description: text(&request.description),
                text: None,
                tab: None,
                map: None,
                fixed: None,
            });
        }
        if let Some(span) = width(request.columns)? {
            ops.push(BoardOp::ResizeCard { card: card.clone(), span: Some(span), height: None });
        }
        if let Some(index) = request.index {
            let others = stack_cards(&view).into_iter().filter(|other| other.id != card);
            let before =
                usize::try_from(index).ok().and_then(|at| others.map(|c| c.id.clone()).nth(at));
            ops.push(BoardOp::MoveCard { card, before });
        }
        let changed = self.change_dashboard(&held, view, ops).await?;
        self.dashboard_json(&scene, &accounts, Reader::Me, &changed, Heads::Nothing).await
    }

    /// Takes a card from a dashboard.
    ///
    /// # Errors
    /// There is no such card, or I may not write on the dashboard.
    pub async fn dstack_card_delete(&self, request: &CardRequest) -> Result<Value, Refusal> {
        let (scene, held) = self.asked_dashboard(&request.user, &request.dashboard).await?;
        let accounts = self.accounts(&scene.names).await?;
        let view = super::super::boards::view(&scene, &held);
        let card = card_of(&accounts, &scene, &view, &request.stack)?;
        let changed =
            self.change_dashboard(&held, view, vec![BoardOp::RemoveCard { card }]).await?;
        self.dashboard_json(&scene, &accounts, Reader::Me, &changed, Heads::Nothing).await
    }

    /// Says something about a stack; tells what it is called and when it was said, in seconds.
    ///
    /// # Errors
    /// There is no such stack, it says nothing or too much, or I may not write in its context.
    pub async fn dstack_comment(&self, request: &CommentRequest) -> Result<Value, Refusal> {
        let scene = self.scene().await?;
        let accounts = self.accounts(&scene.names).await?;
        let (account, name) = split(&request.stack)?;
        let found = accounts.stack(&scene, account, name)?;
        let reference = Some(scene.reference(&found));
        let text = request.text.clone();
        let said = NewComment { reference, board: None, card: None, text };
        let said = self.new_comment(said).await?;
        let seconds = parse_rfc3339(&said.time)? / 1000;
        Ok(json!({ "id": said.id, "timestamp": seconds }))
    }

    /// Says a comment of mine otherwise.
    ///
    /// # Errors
    /// There is none of that id of mine, or it says nothing or too much.
    pub async fn dstack_comment_edit(&self, request: &CommentRequest) -> Result<(), Refusal> {
        self.edit_comment(&request.id, request.text.clone()).await.map_err(no_comment)?;
        Ok(())
    }

    /// Takes a comment of mine back.
    ///
    /// # Errors
    /// There is none of that id of mine.
    pub async fn dstack_comment_delete(&self, request: &CommentRequest) -> Result<(), Refusal> {
        self.remove_comment(&request.id).await.map_err(no_comment)?;
        Ok(())
    }

    /// Returns what was said about a stack, the first first.
    pub(super) async fn comments_json(
        &self,
        scene: &Scene,
        accounts: &Accounts,
        found: &Found<'_>,
    ) -> Result<Vec<Value>, Refusal> {
        let mut comments = self.held_comments(found.context.id).await?;
        comments.retain(|comment| {
            let about = match &comment.on {
                CommentOn::Stack { user, stack } | CommentOn::Frame { user, stack, .. } => {
                    Some((*user, *stack))
                }
                CommentOn::Card { .. } => None,
            };
            about == Some((found.stack.owner, found.stack.stack))
                && !scene.blocked.contains(&comment.author)
        });
        comments.sort_by_key(|comment| (comment.made, comment.id));
        let told = comments.into_iter().filter_map(|comment| {
            Some(json!({
                "id": data_encoding::HEXLOWER.encode(&comment.id),
                "timestamp": comment.made / 1000,
                "user": accounts.of(scene, comment.author),
                "text": comment.text?,
            }))
        });
        Ok(told.collect())
    }

    /// Returns my context that nobody else reads, where there is one for that.
    fn own_context<'a>(&self, scene: &'a Scene) -> Option<&'a ContextScene> {
        let mut own = scene.contexts.values();
        own.find(|context| {
            Level::of(scene, context) == Level::Private
                && !super::super::audience::is_audience(scene, context)
                && context.name().is_some_and(|name| name.as_str() == super::push::PRIVATE)
        })
    }

    async fn asked_dashboard(&self, account: &str, id: &str) -> Result<(Scene, Held), Refusal> {
        let scene = self.scene().await?;
        let accounts = self.accounts(&scene.names).await?;
        let held = self.dashboard(&scene, &accounts, account, id).await?;
        Ok((scene, held))
    }

    async fn dashboard(
        &self,
        scene: &Scene,
        accounts: &Accounts,
        account: &str,
        id: &str,
    ) -> Result<Held, Refusal> {
        let creator = accounts.user(scene, account)?;
        let none = || {
            let (account, id) = (shortened(account), shortened(id));
            Refusal::not_found("dashboard", format!("`{account}` has no dashboard `{id}` here"))
        };
        let held = self.held_board(scene, id).await.map_err(|_| none())?;
        let hers = held.key.creator == creator && !held.stated.removed;
        hers.then_some(held).ok_or_else(none)
    }

    async fn change_dashboard(
        &self,
        held: &Held,
        view: BoardView,
        ops: Vec<BoardOp>,
    ) -> Result<BoardView, Refusal> {
        if ops.is_empty() {
            return Ok(view);
        }
        Ok(self.change_board(&held.id().to_string(), ChangeBoard { ops }).await?.board)
    }

    async fn dashboard_json(
        &self,
        scene: &Scene,
        accounts: &Accounts,
        reader: Reader,
        view: &BoardView,
        heads: Heads,
    ) -> Result<Value, Refusal> {
        let mut cards = Vec::new();
        for (index, card) in stack_cards(view).into_iter().enumerate() {
            cards.push(self.card_json(scene, accounts, reader, (index, card), heads).await?);
        }
        let level = scene.contexts.get(&view.info.context);
        let private = level.and_then(|context| Level::of(scene, context).private());
        Ok(json!({
            "user": accounts.of(scene, view.info.creator.user),
            "id": view.info.id.to_string(),
            "title": view.info.title,
            "description": view.info.description,
            // What is for a team was neither here: it is not for everybody.
            "private": private.unwrap_or(true),
            "cards": cards,
            "permissions": null,
        }))
    }

    async fn card_json(
        &self,
        scene: &Scene,
        accounts: &Accounts,
        reader: Reader,
        (index, card): (usize, &CardInfo),
        heads: Heads,
    ) -> Result<Value, Refusal> {
        let shown = card.stack.as_ref().and_then(|stack| {
            let context = scene.contexts.get(&stack.context)?;
            let found = Found { context, stack: context.stack_by_id(stack.user, stack.stack)? };
            (may_read_in(scene, reader, context) && stack.state == CardState::Here).then_some(found)
        });
        let head = match shown {
            Some(found) if heads != Heads::Nothing => {
                let head = card.frame.or_else(|| Some(found.stack.heads.first()?.frame));
                self.card_head(&found, head, heads).await?
            }
            _ => Value::Null,
        };
        let stack = card.stack.as_ref().map(|stack| {
            let user: UserId = stack.user;
            let context = scene.contexts.get(&stack.context);
            let may = context.is_some_and(|context| may_read_in(scene, reader, context));
            // What it is called now is for those who may read it; the other name stands on the board.
            let name = stack.was.as_ref().filter(|_| !may).unwrap_or(&stack.name);
            format!("{}/{name}", accounts.of(scene, user))
        });
        Ok(json!({
            "stack": stack,
            "index": index,
            "title": card.title,
            "description": card.description,
            "columns": if card.span > HALF { 2 } else { 1 },
            "head": head,
        }))
    }

    async fn card_head(
        &self,
        found: &Found<'_>,
        head: Option<FrameId>,
        heads: Heads,
    ) -> Result<Value, Refusal> {
        let Some(head) = head else { return Ok(Value::Null) };
        // A frame that nobody has here is no reason to show no dashboard.
        let Ok(Some(frame)) = self.stored_frame(found.context.id, head).await else {
            return Ok(Value::Null);
        };
        if super::attach::is_beginning(&frame) {
            return Ok(Value::Null);
        }
        let lines = self.dstack_line(found).await?;
        let told = super::read::told(&lines, head);
        match heads {
            Heads::Full => self.frame_json(&told, &frame).await,
            _ => Ok(json!({
                "id": told,
                "timestamp": frame.time,
                "params": super::attach::params_json(&frame.params),
            })),
        }
    }
}

fn may_read(scene: &Scene, reader: Reader, held: &Held) -> bool {
    let context = scene.contexts.get(&held.context);
    context.is_some_and(|context| may_read_in(scene, reader, context))
}

fn may_read_in(scene: &Scene, reader: Reader, context: &ContextScene) -> bool {
    reader == Reader::Me || Level::of(scene, context) == Level::Public
}

/// Returns the cards that dstack knows: those that show a stack.
fn stack_cards(view: &BoardView) -> Vec<&CardInfo> {
    let shows = |card: &&CardInfo| card.kind == CardKind::Stack && card.stack.is_some();
    view.cards.iter().filter(shows).collect()
}

/// Finds the card of a stack.
fn card_of(
    accounts: &Accounts,
    scene: &Scene,
    view: &BoardView,
    stack: &str,
) -> Result<String, Refusal> {
    let (account, name) = split(stack)?;
    let user = accounts.user(scene, account)?;
    let fits = |card: &&&CardInfo| {
        card.stack.as_ref().is_some_and(|stack| stack.user == user && stack.name == name)
    };
    let cards = stack_cards(view);
    let found = cards.iter().find(fits).map(|card| card.id.clone());
    found.ok_or_else(|| {
        let detail = format!("the dashboard has no card of `{}`", shortened(stack));
        Refusal::not_found("card", detail)
    })
}

/// Returns a text that says something.
fn said(text: Option<&String>) -> Option<String> {
    text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// Reads how wide a card is.
fn width(columns: Option<u64>) -> Result<Option<u8>, Refusal> {
    match columns {
        None => Ok(None),
        Some(1) => Ok(Some(HALF)),
        Some(2) => Ok(Some(WHOLE)),
        Some(other) => Err(Refusal::malformed(format!("a card has 1 or 2 columns, not {other}"))),
    }
}

fn no_comment(problem: Problem) -> Refusal {
    match problem.status {
        404 => Refusal::not_found("comment", problem.detail),
        _ => problem.into(),
    }
}
