//! Comments on stacks, frames and cards.

use data_encoding::HEXLOWER;
use dsp_protocol::api::{CommentAbout, CommentInfo, NewComment, Page, Problem};
use dsp_protocol::context::{CommentView, StackState, StackView};
use dsp_protocol::id::{ContextId, UserId};
use dsp_protocol::reference::Rev;
use dsp_protocol::statement::CommentOn;
use dsp_protocol::sync::{Command, Reply};
use dsp_protocol::wire::BoardKey;

use super::boards::{self, Held};
use super::paging::{latest_first, to_json};
use super::problem::{bad_request, not_found};
use super::resolve;
use super::scene::Scene;
use super::time::rfc3339;
use super::{Ops, Paging};

/// Most comments in one page.
const PAGE: u64 = 500;

/// Most characters of words that are looked for.
const WORDS: usize = 256;

/// What comments are about.
#[derive(Clone, Debug, Default)]
pub struct CommentFilter {
    /// A stack by reference, or a frame of one.
    pub reference: Option<String>,
    /// A dashboard by its id.
    pub board: Option<String>,
    /// A card of it.
    pub card: Option<String>,
    /// A context by label or id, `*` for all, where neither is named; the current one when absent.
    pub context: Option<String>,
    /// Words that a comment holds.
    pub words: Option<String>,
}

/// Words that are looked for.
struct Words(Vec<String>);

impl Words {
    fn read(text: &str) -> Result<Self, Problem> {
        if text.chars().count() > WORDS {
            return Err(bad_request(format!("`q` has more than {WORDS} characters")));
        }
        Ok(Words(text.to_lowercase().split_whitespace().map(str::to_owned).collect()))
    }

    fn are_in(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        self.0.iter().all(|word| text.contains(word))
    }
}

/// What a comment is about, as far as it is asked for.
enum About {
    Stack(CommentOn),
    Exactly(CommentOn),
    Board(BoardKey),
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
        let words = Words::read(filter.words.as_deref().unwrap_or_default())?;
        if filter.reference.is_none() && filter.board.is_none() && filter.card.is_none() {
            return self.comments_within(&scene, filter.context.as_deref(), &words, paging).await;
        }
        if filter.context.is_some() {
            return Err(bad_request(
                "`context` lists the comments of a context: leave out `ref` and `board`, or it",
            ));
        }
        let (context, about) = self.about(&scene, filter).await?;
        let mut comments = self.held_comments(context).await?;
        comments.retain(|comment| about.takes(&comment.on));
        let mut shown = self.shown(&scene, context, comments).await?;
        shown.retain(|(_, comment)| words.are_in(&comment.text));
        page(shown, paging, |made| latest_first(made).map(|byte| !byte))
    }

    /// Lists the comments of a context, or of all, on what is shown here; the last one first.
    async fn comments_within(
        &self,
        scene: &Scene,
        context: Option<&str>,
        words: &Words,
        paging: &Paging,
    ) -> Result<Page, Problem> {
        let contexts: Vec<ContextId> = match context {
            Some("*") => scene.contexts.keys().copied().collect(),
            label => vec![scene.context_or_current(label)?.id],
        };
        let mut shown = Vec::new();
        for context in contexts {
            let held = self.held_comments(context).await?;
            let mut here = self.shown(scene, context, held).await?;
            here.retain(|(_, one)| one.about.is_some() && words.are_in(&one.text));
            shown.append(&mut here);
        }
        page(shown, paging, latest_first)
    }

    /// Returns comments of a context as they are shown, with when they were made; nothing of what
    /// was taken back.
    async fn shown(
        &self,
        scene: &Scene,
        context: ContextId,
        comments: Vec<CommentView>,
    ) -> Result<Vec<(i64, CommentInfo)>, Problem> {
        let on_card = |one: &CommentView| matches!(one.on, CommentOn::Card { .. });
        let boards = match comments.iter().any(on_card) {
            true => self.held_boards(Some(context)).await?,
            false => Vec::new(),
        };
        let infos = comments.iter().filter(|comment| !scene.blocked.contains(&comment.author));
        let shown = infos
            .filter_map(|comment| Some((comment.made, info(scene, context, &boards, comment)?)));
        Ok(shown.collect())
    }

    /// Says something about a stack, a frame or a card.
    ///
    /// # Errors
    /// That is not here, it says nothing or too much, or I may not write in the context.
    pub async fn new_comment(&self, new: NewComment) -> Result<CommentInfo, Problem> {
        let scene = self.scene().await?;
        let NewComment { reference, board, card, text } = new;
        let filter = CommentFilter { reference, board, card, ..CommentFilter::default() };
        let (context, about) = self.about(&scene, &filter).await?;
        let on = match about {
            About::Stack(on) | About::Exactly(on) => on,
            About::Board(_) => return Err(bad_request("a comment is on a card: `card`")),
        };
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
        let shown = self.shown(scene, context, mine.into_iter().collect()).await?;
        shown
            .into_iter()
            .next()
            .map(|(_, info)| info)
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

/// Cuts a page out of comments, which are in the order of what is made of their times.
fn page(
    comments: Vec<(i64, CommentInfo)>,
    paging: &Paging,
    order: impl Fn(i64) -> [u8; 8],
) -> Result<Page, Problem> {
    let place = |(made, info): &(i64, CommentInfo)| [&order(*made), info.id.as_bytes()].concat();
    let (page, next_cursor) = paging.cut(comments, PAGE, place)?;
    let items = page.iter().map(|(_, info)| to_json(info)).collect();
    Ok(Page { items, next_cursor, note: None })
}

fn no_comment(id: &str) -> Problem {
    not_found(format!("no comment `{id}` of yours is here"))
}

/// Returns a comment as it is shown; nothing of one that was taken back.
fn info(
    scene: &Scene,
    context: ContextId,
    boards: &[Held],
    comment: &CommentView,
) -> Option<CommentInfo> {
    Some(CommentInfo {
        id: HEXLOWER.encode(&comment.id),
        context,
        author: scene.names.named(comment.author),
        mine: comment.author == scene.me,
        text: comment.text.clone()?,
        about: about_info(scene, context, boards, &comment.on),
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

/// Returns what a comment is about, where that is shown here.
fn about_info(
    scene: &Scene,
    context: ContextId,
    boards: &[Held],
    on: &CommentOn,
) -> Option<CommentAbout> {
    match on {
        CommentOn::Stack { user, stack } | CommentOn::Frame { user, stack, .. } => {
            let stacks = &scene.contexts.get(&context)?.stacks;
            let is_it = |one: &&StackView| (one.owner, one.stack) == (*user, *stack);
            let known = stacks.iter().find(is_it).filter(|one| one.state == StackState::Live)?;
            (!scene.blocked.contains(user)).then(|| CommentAbout {
                user: scene.names.named(*user),
                stack: Some(*stack),
                board: None,
                name: known.name.to_string(),
            })
        }
        CommentOn::Card { creator, nonce, .. } => {
            let key = BoardKey { creator: *creator, nonce: *nonce };
            let shown = |one: &&Held| one.key == key && !one.stated.removed;
            let held = boards.iter().find(shown)?;
            (!scene.blocked.contains(creator)).then(|| CommentAbout {
                user: scene.names.named(*creator),
                stack: None,
                board: Some(held.id()),
                name: boards::title(&held.content),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use dsp_protocol::api::UserName;

    use super::*;

    #[test]
    fn comments_stand_in_the_order_of_their_times_and_not_of_how_these_are_written() {
        let comment = |made: i64| {
            let author = UserName { user: UserId::from_bytes([1; 32]), name: "ann".to_owned() };
            let info = CommentInfo {
                id: format!("{made:x}"),
                context: ContextId::from_bytes([2; 32]),
                author,
                mine: false,
                text: made.to_string(),
                about: None,
                frame: None,
                card: None,
                time: rfc3339(made),
                edited: None,
            };
            (made, info)
        };
        // Of the second one RFC 3339 leaves the last digit out, and so is behind the third as text.
        let all = || [1_003, 1_120, 1_123, 2_000].map(comment).to_vec();
        let texts = |page: Page| -> Vec<i64> {
            let text = |item: &serde_json::Value| item["text"].as_str().unwrap().parse().unwrap();
            page.items.iter().map(text).collect()
        };
        let paging = Paging { limit: Some(3), cursor: None };
        let page_of = |order: fn(i64) -> [u8; 8]| texts(page(all(), &paging, order).unwrap());
        assert_eq!(page_of(latest_first), [2_000, 1_123, 1_120]);
        assert_eq!(page_of(|made| latest_first(made).map(|byte| !byte)), [1_003, 1_120, 1_123]);
    }
}
