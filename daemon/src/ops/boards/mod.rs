//! Dashboards: listed, shown, written on, copied, undone.

mod editors;
mod edits;
mod shown;

pub(super) use self::editors::EditorsKnown;
pub(super) use self::shown::{title, view};

use std::collections::BTreeSet;
use std::sync::Arc;

use dsp_protocol::api::{
    BoardChangeInfo, BoardChanged, BoardInfo, BoardOp, BoardView, ChangeBoard, CopyBoard, NewBoard,
    Page, Problem, ProblemCode, UndoBoard,
};
use dsp_protocol::context::DashboardView;
use dsp_protocol::doc::{Board, BoardContent, BoardEdit, BoardPart, BoardValue};
use dsp_protocol::id::{ChangeId, ContextId, DocumentId, UserId};
use dsp_protocol::statement::Role;
use dsp_protocol::sync::{Command, HeldChange, Reply};
use dsp_protocol::wire::{BoardKey, CatalogKey};

use self::edits::Drafter;
use super::problem::{bad_request, internal, not_found};
use super::scene::{ID_DIGITS, Scene};
use super::time::rfc3339;
use super::{Ops, Paging};
use crate::store::{Deed, JournalEntry};

/// Most dashboards, or changes, in one page.
const PAGE: u64 = 500;
/// Most changes asked for in one request: a change of a board holds some thousand keys.
const OPS: usize = 500;

/// A dashboard at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) context: ContextId,
    pub(crate) key: BoardKey,
    pub(crate) stated: DashboardView,
    pub(crate) content: BoardContent,
    role: Role,
    changed: Option<i64>,
    epoch: u32,
    forked_by: BTreeSet<UserId>,
    set_aside: usize,
}

impl Held {
    pub(crate) fn id(&self) -> DocumentId {
        board_id(self.context, self.key)
    }

    /// Returns when its last change came here, or else when it was made.
    pub(super) fn last_change(&self) -> i64 {
        self.changed.unwrap_or(self.stated.made)
    }
}

/// Returns the id of a dashboard, which is that of its document.
pub(crate) fn board_id(context: ContextId, board: BoardKey) -> DocumentId {
    DocumentId::board(context, board.creator, board.nonce)
}

/// Which dashboards are listed.
#[derive(Clone, Debug, Default)]
pub struct BoardFilter {
    /// A context by label or id, `*` for all; the current one when absent.
    pub context: Option<String>,
    /// Whether removed ones are listed too.
    pub removed: bool,
}

impl Ops {
    /// Lists dashboards, the last changed first.
    ///
    /// # Errors
    /// No such context is here, or the page is none.
    pub async fn boards(&self, filter: &BoardFilter, paging: &Paging) -> Result<Page, Problem> {
        let scene = self.scene().await?;
        let only = match filter.context.as_deref() {
            Some("*") => None,
            label => Some(scene.context_or_current(label)?.id),
        };
        let mut boards = self.held_boards(only).await?;
        boards.retain(|board| {
            (filter.removed || !board.stated.removed) && !scene.blocked.contains(&board.key.creator)
        });
        let key = |board: &Held| {
            [&super::paging::latest_first(board.last_change())[..], board.id().as_bytes()].concat()
        };
        let (page, next_cursor) = paging.cut(boards, PAGE, key)?;
        let infos = page.iter().map(|board| super::paging::to_json(&shown::info(&scene, board)));
        Ok(Page { items: infos.collect(), next_cursor, note: None })
    }

    /// Shows a dashboard with what stands on it.
    ///
    /// # Errors
    /// There is none of that id.
    pub async fn board(&self, id: &str) -> Result<BoardView, Problem> {
        let scene = self.scene().await?;
        let held = self.held_board(&scene, id).await?;
        Ok(shown::view(&scene, &held))
    }

    /// Makes a dashboard.
    ///
    /// # Errors
    /// An operation is wrong, or I may not write in the context.
    pub async fn new_board(&self, new: NewBoard) -> Result<BoardChanged, Problem> {
        let scene = self.scene().await?;
        let context = scene.context_or_current(new.context.as_deref())?.id;
        let mut ops = vec![BoardOp::SetTitle { title: new.title }];
        ops.extend(new.ops);
        self.make_board(&scene, context, BoardContent::new(), ops).await
    }

    /// Makes a dashboard of mine with what stands on another.
    ///
    /// # Errors
    /// As [`board`](Self::board) and [`new_board`](Self::new_board).
    pub async fn copy_board(&self, id: &str, copy: CopyBoard) -> Result<BoardChanged, Problem> {
        let scene = self.scene().await?;
        let held = self.held_board(&scene, id).await?;
        let context = match &copy.context {
            Some(label) => scene.context(label)?.id,
            None => held.context,
        };
        let title = copy.title.unwrap_or_else(|| shown::title(&held.content));
        let ops = vec![BoardOp::SetTitle { title }];
        self.make_board(&scene, context, held.content, ops).await
    }

    async fn make_board(
        &self,
        scene: &Scene,
        context: ContextId,
        content: BoardContent,
        ops: Vec<BoardOp>,
    ) -> Result<BoardChanged, Problem> {
        let mut edits: Vec<BoardEdit> = content
            .into_iter()
            .filter(|((part, _), _)| *part != BoardPart::Field)
            .map(|((part, key), value)| BoardEdit { part, key, value: Some(value) })
            .collect();
        let before = edits
            .iter()
            .filter_map(|edit| Some(((edit.part, edit.key.clone()), edit.value.clone()?)));
        let before = before.collect();
        let (more, added) = self.draft_ops(scene, before, ops).await?;
        edits.extend(more);
        match self.node.run(Command::NewBoard { context, edits }).await? {
            Reply::Board(key) => {
                let held = self.held_by_key(context, key).await?;
                let board = shown::view(scene, &held);
                Ok(BoardChanged { change: None, added, left: Vec::new(), board })
            }
            other => Err(unexpected(&other)),
        }
    }

    /// Writes on a dashboard, all or nothing.
    ///
    /// # Errors
    /// An operation is wrong, there is no such dashboard, or I may not write on it.
    pub async fn change_board(
        &self,
        id: &str,
        change: ChangeBoard,
    ) -> Result<BoardChanged, Problem> {
        let scene = self.scene().await?;
        let held = self.held_board(&scene, id).await?;
        let content = held.content.clone();
        let gone = removed_cards(&held.content, &change.ops);
        let (edits, added) = self.draft_ops(&scene, content, change.ops).await?;
        let changed = self.write_board(&scene, &held, edits, added, Vec::new()).await?;
        if let (Some(cards), Some(change)) = (gone, changed.change) {
            let name = format!("{cards} from the dashboard {}", shown::title(&held.content));
            let deed = Deed::CardsRemoved { context: held.context, board: held.key, change };
            let entry = JournalEntry { at: super::time::now(), name, deed, undone: None };
            // The history of the dashboard has it all the same.
            if let Err(error) = self.store.note_deed(entry).await {
                tracing::warn!(%error, "cards that were removed are not in the journal");
            }
        }
        Ok(changed)
    }

    async fn draft_ops(
        &self,
        scene: &Scene,
        content: BoardContent,
        ops: Vec<BoardOp>,
    ) -> Result<(Vec<BoardEdit>, Vec<String>), Problem> {
        if ops.len() > OPS {
            return Err(bad_request(format!("{} operations, of at most {OPS}", ops.len())));
        }
        let mut drafter = Drafter::new(content);
        for op in ops {
            let shows = match &op {
                BoardOp::AddCard(card) => match &card.reference {
                    Some(reference) => Some(self.card_stack(scene, reference).await?),
                    None => None,
                },
                _ => None,
            };
            drafter.op(op, shows)?;
        }
        Ok(drafter.done())
    }

    async fn write_board(
        &self,
        scene: &Scene,
        held: &Held,
        edits: Vec<BoardEdit>,
        added: Vec<String>,
        left: Vec<String>,
    ) -> Result<BoardChanged, Problem> {
        let (context, board) = (held.context, held.key);
        match self.node.run(Command::EditBoard { context, board, edits }).await? {
            Reply::Edited(change) => {
                let held = self.held_by_key(context, board).await?;
                Ok(BoardChanged { change, added, left, board: shown::view(scene, &held) })
            }
            other => Err(unexpected(&other)),
        }
    }

    /// Removes a dashboard of mine, or puts it back.
    ///
    /// # Errors
    /// There is none of that id, or it is somebody else's.
    pub async fn remove_board(&self, id: &str, removed: bool) -> Result<BoardInfo, Problem> {
        let scene = self.scene().await?;
        let held = self.held_board(&scene, id).await?;
        let (context, board) = (held.context, held.key);
        let doing = async {
            self.node.run(Command::RemoveBoard { context, board, removed }).await?;
            Ok(())
        };
        if removed && !held.stated.removed {
            let name = format!("the dashboard {}", shown::title(&held.content));
            self.noted(name, Deed::BoardRemoved { context, board }, doing).await?;
        } else {
            doing.await?;
        }
        let held = self.held_by_key(context, board).await?;
        Ok(shown::info(&scene, &held))
    }

    /// Begins a dashboard anew with what stands on it, without its history.
    ///
    /// # Errors
    /// There is none of that id, or I am neither its creator nor an owner of the context.
    pub async fn renew_board(&self, id: &str) -> Result<BoardInfo, Problem> {
        let scene = self.scene().await?;
        let held = self.held_board(&scene, id).await?;
        let (context, board) = (held.context, held.key);
        self.node.run(Command::RenewBoard { context, board }).await?;
        let held = self.held_by_key(context, board).await?;
        Ok(shown::info(&scene, &held))
    }

    /// Lists the changes of a dashboard that count, the last one first.
    ///
    /// # Errors
    /// There is none of that id, or the page is none.
    pub async fn board_history(&self, id: &str, paging: &Paging) -> Result<Page, Problem> {
        let scene = self.scene().await?;
        let held = self.held_board(&scene, id).await?;
        let changes = self.board_changes(&held).await?;
        let infos = changes.into_iter().enumerate().map(|(at, (by, change, edits))| {
            let mut keys: Vec<String> = edits.iter().map(shown::key_name).collect();
            keys.dedup();
            let info = BoardChangeInfo {
                change: change.change,
                by: scene.names.named(by.user),
                device: by.device,
                time: rfc3339(change.at),
                keys,
            };
            (u64::MAX - at as u64, info)
        });
        let (page, next_cursor) =
            paging.cut(infos.collect(), PAGE, |(order, _)| order.to_be_bytes().to_vec())?;
        let items = page.iter().map(|(_, info)| super::paging::to_json(info)).collect();
        Ok(Page { items, next_cursor, note: None })
    }

    /// Undoes a change of a dashboard, my last one when none is named: what it set stands as before,
    /// where nobody set it again since.
    ///
    /// # Errors
    /// There is no such change, or I may not write on the dashboard.
    pub async fn undo_board(&self, id: &str, undo: &UndoBoard) -> Result<BoardChanged, Problem> {
        let scene = self.scene().await?;
        let held = self.held_board(&scene, id).await?;
        let (context, key, me, wanted) = (held.context, held.key, self.me, undo.change);
        let found = self.node.query(move |engine| {
            let slot = engine.context(context)?.board(key)?;
            let fits = |by: &CatalogKey, change: &HeldChange| match wanted {
                Some(wanted) => change.change == wanted,
                None => by.user == me,
            };
            let (_, change) = slot.changes().filter(|(by, change)| fits(by, change)).last()?;
            Some(undoing(slot.board(), change))
        });
        let (edits, left) = found.await?.ok_or_else(|| match wanted {
            Some(change) => not_found(format!("the dashboard has no change {change}")),
            None => not_found("there is no change of yours on the dashboard"),
        })?;
        if edits.is_empty() {
            let detail = "everything that the change set was set again since";
            return Err(Problem::new(ProblemCode::Conflict, detail));
        }
        self.write_board(&scene, &held, edits, Vec::new(), left).await
    }

    /// Tells whether a dashboard was removed; nothing where it is not here.
    pub(super) async fn is_removed(
        &self,
        context: ContextId,
        key: BoardKey,
    ) -> Result<Option<bool>, Problem> {
        let removed = self.node.query(move |engine| {
            let view = engine.context(context)?.view();
            view.dashboard(key.creator, key.nonce).map(|stated| stated.removed)
        });
        Ok(removed.await?)
    }

    /// Returns what takes a change of a dashboard back, or says why nothing does.
    pub(super) async fn board_undoing(
        &self,
        context: ContextId,
        key: BoardKey,
        wanted: ChangeId,
    ) -> Result<Result<Vec<BoardEdit>, String>, Problem> {
        let found = self.node.query(move |engine| {
            let slot = engine.context(context)?.board(key)?;
            let (_, change) = slot.changes().find(|(_, change)| change.change == wanted)?;
            Some(undoing(slot.board(), change).0)
        });
        Ok(match found.await? {
            None => Err("the dashboard began anew since, or the change does not count".to_owned()),
            Some(edits) if edits.is_empty() => {
                Err("all that it took away was set again since".to_owned())
            }
            Some(edits) => Ok(edits),
        })
    }

    async fn board_changes(
        &self,
        held: &Held,
    ) -> Result<Vec<(CatalogKey, HeldChange, Vec<BoardEdit>)>, Problem> {
        let (context, key) = (held.context, held.key);
        let changes = self.node.query(move |engine| {
            let slot = engine.context(context)?.board(key)?;
            let changes = slot
                .changes()
                .map(|(by, change)| (by, change.clone(), slot.board().edits(&change.envelope)));
            Some(changes.collect())
        });
        Ok(changes.await?.unwrap_or_default())
    }

    /// Finds a dashboard by its id or the first digits of it.
    pub(crate) async fn held_board(&self, scene: &Scene, id: &str) -> Result<Held, Problem> {
        let mut boards = self.held_boards(None).await?;
        boards.retain(|board| !scene.blocked.contains(&board.key.creator));
        let digits = id.len() >= ID_DIGITS;
        let fits = |board: &Held| digits && board.id().to_string().starts_with(id);
        let mut fitting: Vec<Held> = boards.into_iter().filter(fits).collect();
        match fitting.len() {
            1 => Ok(fitting.remove(0)),
            0 => Err(not_found(format!("no dashboard `{id}` here"))
                .with_hint("`dsp dashboards ls` lists them")),
            several => {
                let detail = format!("`{id}` fits {several} dashboards");
                let mut problem = Problem::new(ProblemCode::Ambiguous, detail);
                problem.candidates = fitting.iter().map(|board| board.id().to_string()).collect();
                Err(problem)
            }
        }
    }

    async fn held_by_key(&self, context: ContextId, key: BoardKey) -> Result<Held, Problem> {
        let boards = self.held_boards(Some(context)).await?;
        let found = boards.into_iter().find(|board| board.key == key);
        found.ok_or_else(|| not_found("the dashboard is not here any more"))
    }

    /// Returns the dashboards of a context, or of all that are not dropped, removed ones too.
    pub(super) async fn held_boards(&self, only: Option<ContextId>) -> Result<Vec<Held>, Problem> {
        let (me, dropped) = (self.me, Arc::new(self.scene().await?.dropped));
        let boards = self.node.query(move |engine| {
            let contexts = engine.contexts().filter(|context| {
                only.is_none_or(|only| only == context.id()) && !dropped.contains_key(&context.id())
            });
            let mut all = Vec::new();
            for context in contexts {
                let role = context.view().role(me);
                for (key, slot) in context.boards() {
                    let Some(stated) = context.view().dashboard(key.creator, key.nonce) else {
                        continue;
                    };
                    all.push(Held {
                        context: context.id(),
                        key,
                        stated,
                        content: slot.content(),
                        role,
                        changed: slot.changes().map(|(_, change)| change.at).max(),
                        epoch: slot.board().epoch(),
                        forked_by: slot.forked_by().map(|line| line.user).collect(),
                        set_aside: slot.set_aside(),
                    });
                }
            }
            all
        });
        Ok(boards.await?)
    }
}

/// Names the cards that some operations take away.
fn removed_cards(content: &BoardContent, ops: &[BoardOp]) -> Option<String> {
    let gone: Vec<&String> = ops
        .iter()
        .filter_map(|op| match op {
            BoardOp::RemoveCard { card } => Some(card),
            _ => None,
        })
        .collect();
    match gone[..] {
        [] => None,
        [card] => {
            let title = content.get(&(BoardPart::Cards, format!("{card}/title")));
            match title {
                Some(BoardValue::Text(title)) => Some(format!("the card {title}")),
                _ => Some("a card".to_owned()),
            }
        }
        _ => Some(format!("{} cards", gone.len())),
    }
}

/// Returns what takes a change back, and the keys that others set since.
fn undoing(board: &Board, change: &HeldChange) -> (Vec<BoardEdit>, Vec<String>) {
    let now = board.content();
    let (mut edits, mut left) = (Vec::new(), Vec::new());
    // Of several of one key within the change the last one stands.
    let mut last: std::collections::BTreeMap<(BoardPart, String), BoardEdit> = Default::default();
    for edit in board.edits(&change.envelope) {
        last.insert((edit.part, edit.key.clone()), edit);
    }
    for (place, edit) in last {
        if now.get(&place) == edit.value.as_ref() {
            let value = board.before(&change.envelope, edit.part, &edit.key);
            edits.push(BoardEdit { value, ..edit });
        } else {
            left.push(shown::key_name(&edit));
        }
    }
    (edits, left)
}

fn unexpected(reply: &Reply) -> Problem {
    #[derive(Debug, thiserror::Error)]
    #[error("the engine answered {0}")]
    struct Unexpected(String);
    internal(&Unexpected(format!("{reply:?}")))
}
