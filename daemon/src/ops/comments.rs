//! Comments on stacks, frames and cards.

use data_encoding::HEXLOWER;
use dsp_protocol::api::{CommentInfo, NewComment, Page, Problem};
use dsp_protocol::context::CommentView;
use dsp_protocol::id::{ContextId, UserId};
use dsp_protocol::reference::Rev;
use dsp_protocol::statement::CommentOn;
use dsp_protocol::sync::{Command, Reply};

use super::problem::{bad_request, not_found};
use super::resolve;
use super::scene::Scene;
use super::time::rfc3339;
use super::{Ops, Paging};

/// Most comments in one page.
const PAGE: u64 = 500;

/// What comments are about.
#[derive(Clone, Debug, Default)]
pub struct CommentFilter {
    /// A stack by reference, or a frame of one.
    pub reference: Option<String>,
    /// A dashboard by its id.
    pub board: Option<String>,
    /// A card of it.
    pub card: Option<String>,
}

/// What a comment is about, as far as it is asked for.
enum About {
    Stack(CommentOn),
    Exactly(CommentOn),
    Board(dsp_protocol::wire::BoardKey),
}

impl About {
    fn takes(&self, on: &CommentOn) -> bool {
        match (self, on) {
            (About::Exactly(exact), on) => exact == on,
            (About::Stack(CommentOn::Stack { user: u, stack: s }), on) => match on {
                CommentOn::Stack { user, stack } | CommentOn::Frame { user, stack, .. } => {
                    (user, stack) == (u, s)
                }
                CommentOn::Card { .. } => false,
            },
            (About::Board(key), CommentOn::Card { creator, nonce, .. }) => {
                (key.creator, &key.nonce) == (*creator, nonce)
            }
            (About::Stack(_) | About::Board(_), _) => false,
        }
    }
}

impl Ops {
    /// Lists comments, the first one first. Those of a stack are with those of its frames.
    ///
    /// # Errors
    /// What they are about is not here, or the page is none.
    pub async fn comments(&self, filter: &CommentFilter, paging: &Paging) -> Result<Page, Problem> {
        let scene = self.scene().await?;
        let (context, about) = self.about(&scene, filter).await?;
        let comments = self.held_comments(context).await?;
        let mut infos: Vec<CommentInfo> = comments
            .iter()
            .filter(|comment| about.takes(&comment.on) && !scene.blocked.contains(&comment.author))
            .filter_map(|comment| info(&scene, context, comment))
            .collect();
        infos.sort_by(|a, b| (&a.time, &a.id).cmp(&(&b.time, &b.id)));
        paging.page(infos, PAGE, |info| super::paging::text_key(&info.time, info.id.as_bytes()))
    }

    /// Says something about a stack, a frame or a card.
    ///
    /// # Errors
    /// That is not here, it says nothing or too much, or I may not write in the context.
    pub async fn new_comment(&self, new: NewComment) -> Result<CommentInfo, Problem> {
        let scene = self.scene().await?;
        let filter = CommentFilter { reference: new.reference, board: new.board, card: new.card };
        let (context, about) = self.about(&scene, &filter).await?;
        let on = match about {
            About::Stack(on) | About::Exactly(on) => on,
            About::Board(_) => return Err(bad_request("a comment is on a card: `card`")),
        };
        let text = new.text;
        match self.node.run(Command::Comment { context, on, text }).await? {
            Reply::Comment(id) => self.my_comment(&scene, context, id).await,
            other => Err(bad_request(format!("nothing was said: {other:?}"))),
        }
    }

    /// Says a comment of mine otherwise.
    ///
    /// # Errors
    /// There is none of that id of mine, or it says nothing or too much.
    pub async fn edit_comment(&self, id: &str, text: String) -> Result<CommentInfo, Problem> {
        let scene = self.scene().await?;
        let (context, id) = self.mine(&scene, id).await?;
        self.node.run(Command::EditComment { context, id, text: Some(text) }).await?;
        self.my_comment(&scene, context, id).await
    }

    /// Takes a comment of mine back.
    ///
    /// # Errors
    /// There is none of that id of mine.
    pub async fn remove_comment(&self, id: &str) -> Result<CommentInfo, Problem> {
        let scene = self.scene().await?;
        let (context, id) = self.mine(&scene, id).await?;
        let before = self.my_comment(&scene, context, id).await?;
        self.node.run(Command::EditComment { context, id, text: None }).await?;
        Ok(before)
    }

    /// Returns in which context something is, and what of its comments is meant.
    async fn about(
        &self,
        scene: &Scene,
        filter: &CommentFilter,
    ) -> Result<(ContextId, About), Problem> {
        match (&filter.reference, &filter.board) {
            (Some(text), None) => {
                let reference = resolve::parse(text)?;
                let found = scene.stack(&reference)?;
                let (context, user, stack) = resolve::key(&found);
                let about = match reference.rev {
                    Rev::Head => About::Stack(CommentOn::Stack { user, stack }),
                    _ => {
                        let frame = self.frame_of(scene, &reference).await?.frame;
                        About::Exactly(CommentOn::Frame { user, stack, frame })
                    }
                };
                Ok((context, about))
            }
            (None, Some(board)) => {
                let held = self.held_board(scene, board).await?;
                let (creator, nonce) = (held.key.creator, held.key.nonce);
                let about = match filter.card.clone() {
                    None => About::Board(held.key),
                    Some(card) => {
                        let kind = (dsp_protocol::doc::BoardPart::Cards, format!("{card}/kind"));
                        if !held.content.contains_key(&kind) {
                            return Err(not_found(format!("the dashboard has no card `{card}`")));
                        }
                        About::Exactly(CommentOn::Card { creator, nonce, card })
                    }
                };
                Ok((held.context, about))
            }
            _ => Err(bad_request("comments are on a stack (`ref`) or on a dashboard (`board`)")),
        }
    }

    /// Returns what was said in a context, also what was taken back.
    pub(super) async fn held_comments(
        &self,
        context: ContextId,
    ) -> Result<Vec<CommentView>, Problem> {
        let comments = self
            .node
            .query(move |engine| engine.context(context).map(|held| held.view().comments()));
        Ok(comments.await?.unwrap_or_default())
    }

    /// Returns a comment as it stands.
    pub(super) async fn comment_view(
        &self,
        context: ContextId,
        author: UserId,
        id: [u8; 16],
    ) -> Result<Option<CommentView>, Problem> {
        let found = self.node.query(move |engine| {
            engine.context(context).and_then(|held| held.view().comment(author, id))
        });
        Ok(found.await?)
    }

    async fn my_comment(
        &self,
        scene: &Scene,
        context: ContextId,
        id: [u8; 16],
    ) -> Result<CommentInfo, Problem> {
        let mine = self.comment_view(context, self.me, id).await?;
        mine.and_then(|comment| info(scene, context, &comment))
            .ok_or_else(|| no_comment(&HEXLOWER.encode(&id)))
    }

    /// Finds a comment of mine that was not taken back.
    async fn mine(&self, scene: &Scene, id: &str) -> Result<(ContextId, [u8; 16]), Problem> {
        let bytes = HEXLOWER.decode(id.as_bytes()).ok();
        let bytes: Option<[u8; 16]> = bytes.and_then(|bytes| bytes.try_into().ok());
        let bytes = bytes.ok_or_else(|| bad_request(format!("`{id}` is no id of a comment")))?;
        for context in scene.contexts.keys() {
            if self.my_comment(scene, *context, bytes).await.is_ok() {
                return Ok((*context, bytes));
            }
        }
        Err(no_comment(id))
    }
}

fn no_comment(id: &str) -> Problem {
    not_found(format!("no comment `{id}` of yours is here"))
}

/// Returns a comment as it is shown; nothing of one that was taken back.
fn info(scene: &Scene, context: ContextId, comment: &CommentView) -> Option<CommentInfo> {
    Some(CommentInfo {
        id: HEXLOWER.encode(&comment.id),
        context,
        author: scene.names.named(comment.author),
        mine: comment.author == scene.me,
        text: comment.text.clone()?,
        frame: match &comment.on {
            CommentOn::Frame { frame, .. } => Some(*frame),
            CommentOn::Stack { .. } | CommentOn::Card { .. } => None,
        },
        card: match &comment.on {
            CommentOn::Card { card, .. } => Some(card.clone()),
            CommentOn::Stack { .. } | CommentOn::Frame { .. } => None,
        },
        time: rfc3339(comment.made),
        edited: comment.edited.map(rfc3339),
    })
}
