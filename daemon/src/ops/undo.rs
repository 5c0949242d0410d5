//! Undoing what was done: the journal, what an undo takes, and why one is not possible any more.

use std::sync::Arc;

use dsp_protocol::api::{
    DeedInfo, DeedName, Page, Problem, ProblemCode, UndoDeed, UndoHint, Undone,
};
use dsp_protocol::context::{StackState, StackView};
use dsp_protocol::id::{ContextId, StackId};
use dsp_protocol::sync::{Command, Standing};

use super::problem::not_found;
use super::resolve::Found;
use super::scene::{ContextScene, Scene};
use super::time::{now, rfc3339};
use super::{Ops, Paging};
use crate::store::{Deed, JournalEntry, Slot};

/// Most deeds in one page.
const PAGE: u64 = 500;

impl Ops {
    /// Lists the deeds of the journal, the latest first.
    ///
    /// # Errors
    /// The page is none, or the database fails.
    pub async fn deeds(&self, paging: &Paging) -> Result<Page, Problem> {
        let scene = self.whole_scene().await?;
        let deeds = self.store.deeds().await?;
        let (page, next_cursor) =
            paging.cut(deeds, PAGE, |(id, _)| (!*id).to_be_bytes().to_vec())?;
        let mut items = Vec::with_capacity(page.len());
        for (id, entry) in page {
            items.push(super::paging::to_json(&self.deed_info(&scene, id, &entry).await?));
        }
        Ok(Page { items, next_cursor, note: None })
    }

    /// Undoes a deed, the last one that can be undone when none is named.
    ///
    /// # Errors
    /// There is none, or it cannot be undone any more; the problem says why.
    pub async fn undo(self: &Arc<Self>, request: &UndoDeed) -> Result<Undone, Problem> {
        let _one_at_a_time = self.undoing.lock().await;
        let scene = self.whole_scene().await?;
        let (id, entry) = match request.id {
            Some(id) => {
                let entry = self.store.deed(id).await?;
                let entry = entry.ok_or_else(|| {
                    not_found(format!("the journal has no deed {id}"))
                        .with_hint("`dsp undo --list` lists what can be undone")
                })?;
                (id, entry)
            }
            None => {
                let deeds = self.store.deeds().await?;
                let mut last = None;
                for (id, entry) in deeds {
                    if self.kept_for(&scene, &entry).await?.is_ok() {
                        last = Some((id, entry));
                        break;
                    }
                }
                last.ok_or_else(|| {
                    not_found("there is nothing to undo")
                        .with_hint("`dsp undo --list` says why what was done cannot be undone")
                })?
            }
        };
        self.kept_for(&scene, &entry).await?.map_err(|why| impossible(&entry, &why))?;
        let done = self.reverse(&entry).await?;
        self.store.mark_undone(id, now()).await?;
        Ok(Undone { id, deed: what(&entry), what: done })
    }

    /// Does the opposite of a deed, and says what that was.
    async fn reverse(&self, entry: &JournalEntry) -> Result<String, Problem> {
        let name = &entry.name;
        match entry.deed.clone() {
            Deed::Removed { context, stack, heads } => {
                self.node.run(Command::Restore { context, stack, frames: heads }).await?;
                Ok(format!("{name} is back with its history; followers see it again"))
            }
            Deed::Renamed { context, stack, from, .. } => {
                let done = format!("{name} is called {from} again");
                self.node.run(Command::Rename { context, stack, name: from }).await?;
                let notes = self.audiences_follow((context, stack), None).await?;
                Ok(with_notes(done, &notes))
            }
            Deed::Tagged { context, stack, tag, from, .. } => {
                let done = match from {
                    Some(frame) => format!("{name}@{tag} is on frame {} again", frame.short()),
                    None => format!("{name} has no tag {tag} any more"),
                };
                let gone = from.is_none().then(|| tag.clone());
                self.node.run(Command::Tag { context, stack, tag, frame: from }).await?;
                let notes = self.audiences_follow((context, stack), gone.as_ref()).await?;
                Ok(with_notes(done, &notes))
            }
            Deed::Left { context } => {
                self.node.run(Command::Rejoin { context }).await?;
                Ok(format!("{name} is followed again"))
            }
            Deed::Dropped { context, active } => {
                // First, so that it is seen: a crash leaves a context that was left, and its copy.
                self.taken_out_of_trash(context).await?;
                if active {
                    self.node.run(Command::Rejoin { context }).await?;
                }
                self.trees.forget_here();
                Ok(format!("{name} is back with all that was here of it"))
            }
            Deed::LetGo { context, blobs } => {
                self.take_back(context, blobs).await?.map_err(|why| impossible(entry, &why))?;
                Ok(format!("the bytes of {name} are here again"))
            }
            Deed::Closed { context, current } => {
                let command =
                    Command::About { context, name: None, text: None, access: None, closed: false };
                self.node.run(command).await?;
                if current {
                    self.store.set(Slot::CURRENT_CONTEXT, *context.as_bytes()).await?;
                }
                Ok(format!("{name} is open again; followers get what is pushed"))
            }
            Deed::BoardRemoved { context, board } => {
                self.node.run(Command::RemoveBoard { context, board, removed: false }).await?;
                Ok(format!("{name} is back as it was"))
            }
            Deed::CardsRemoved { context, board, change } => {
                let edits = self.board_undoing(context, board, change).await?;
                let edits = edits.map_err(|why| impossible(entry, &why))?;
                self.node.run(Command::EditBoard { context, board, edits }).await?;
                Ok(format!("{name}: back where nobody set it again since"))
            }
        }
    }

    /// Notes a deed, does it, and tells how it is undone.
    ///
    /// # Errors
    /// As `doing`; then nothing is noted.
    pub(crate) async fn noted<T>(
        &self,
        name: String,
        deed: Deed,
        doing: impl Future<Output = Result<T, Problem>>,
    ) -> Result<(T, UndoHint), Problem> {
        let at = now();
        let until = self.until(at, &deed);
        let entry = JournalEntry { at, name, deed, undone: None };
        let id = self.store.note_deed(entry).await?;
        match doing.await {
            Ok(done) => Ok((done, UndoHint { id, until })),
            Err(problem) => {
                // One that stays says that nothing of it happened when it is to be undone.
                if let Err(error) = self.store.unnote_deed(id).await {
                    tracing::warn!(%error, "a deed that did not come about stays in the journal");
                }
                Err(problem)
            }
        }
    }

    /// Returns until when the bytes stay that an undo takes.
    fn until(&self, at: i64, deed: &Deed) -> Option<String> {
        let takes_bytes = matches!(deed, Deed::Dropped { .. } | Deed::LetGo { .. });
        takes_bytes.then(|| rfc3339(at.saturating_add(self.trash_keep_ms())))
    }

    /// Returns how many bytes are kept for the undo of a deed alone, or says why it cannot be undone.
    async fn kept_for(
        &self,
        scene: &Scene,
        entry: &JournalEntry,
    ) -> Result<Result<u64, String>, Problem> {
        if let Err(why) = possible(scene, entry) {
            return Ok(Err(why));
        }
        match &entry.deed {
            Deed::Dropped { context, .. } => Ok(Ok(self.store.only_in(*context).await?.bytes)),
            Deed::LetGo { context, blobs } => {
                let here = self.let_go_here(*context, blobs.clone()).await?;
                Ok(here.map(|blobs| blobs.values().copied().fold(0, u64::saturating_add)))
            }
            Deed::BoardRemoved { context, board } => {
                Ok(match self.is_removed(*context, *board).await? {
                    Some(true) => Ok(0),
                    Some(false) => Err("the dashboard is there again".to_owned()),
                    None => Err("the dashboard is not here any more".to_owned()),
                })
            }
            Deed::CardsRemoved { context, board, change } => {
                if self.is_removed(*context, *board).await? == Some(true) {
                    return Ok(Err("the dashboard was removed since; undo that first".to_owned()));
                }
                Ok(self.board_undoing(*context, *board, *change).await?.map(|_| 0))
            }
            _ => Ok(Ok(0)),
        }
    }

    async fn deed_info(
        &self,
        scene: &Scene,
        id: u64,
        entry: &JournalEntry,
    ) -> Result<DeedInfo, Problem> {
        let (bytes, impossible) = match self.kept_for(scene, entry).await? {
            Ok(bytes) => (bytes, None),
            Err(why) => (0, Some(why)),
        };
        Ok(DeedInfo {
            id,
            kind: kind(&entry.deed),
            what: what(entry),
            at: rfc3339(entry.at),
            until: self.until(entry.at, &entry.deed).filter(|_| impossible.is_none()),
            bytes,
            impossible,
        })
    }
}

/// Adds to what was done what did not follow.
fn with_notes(done: String, notes: &[String]) -> String {
    notes.iter().fold(done, |done, note| format!("{done}; {note}"))
}

/// Tells whether a deed can be undone, as far as no bytes decide that.
///
/// # Errors
/// Says why not, in a clause.
fn possible(scene: &Scene, entry: &JournalEntry) -> Result<(), String> {
    if let Some(at) = entry.undone {
        return Err(format!("it was undone at {}", rfc3339(at)));
    }
    let id = entry.deed.context();
    let dropped = scene.dropped.contains_key(&id);
    let context = scene.contexts.get(&id);
    let context = context.ok_or_else(|| match entry.deed {
        Deed::Dropped { .. } => "its time in the trash is over, and its bytes are freed".to_owned(),
        _ => "its context is not here any more".to_owned(),
    })?;
    if let Deed::Dropped { .. } = &entry.deed {
        return match dropped {
            true => Ok(()),
            false => Err("the context is followed again".to_owned()),
        };
    }
    if dropped {
        return Err("its context was dropped since; undo that first".to_owned());
    }
    match &entry.deed {
        Deed::Removed { stack, .. } => match stack_of(scene, context, *stack)?.state {
            StackState::Removed => Ok(()),
            StackState::Live => Err("the stack is there again".to_owned()),
            StackState::Moved => Err("the stack was moved since".to_owned()),
        },
        Deed::Renamed { stack, to, from, .. } => {
            let stack = live(scene, context, *stack)?;
            match stack.name == *to && from != to {
                true => Ok(()),
                false => Err(format!("the stack is called {} now", stack.name)),
            }
        }
        Deed::Tagged { stack, tag, from, to, .. } => {
            let stack = live(scene, context, *stack)?;
            match stack.tags.get(tag) {
                now if now != to.as_ref() => Err("the tag was moved since".to_owned()),
                _ if from == to => Err("the tag was there before".to_owned()),
                _ => Ok(()),
            }
        }
        Deed::Left { .. } => match context.standing {
            Standing::Left => Ok(()),
            Standing::Active { .. } => Err("the context is followed again".to_owned()),
            Standing::Archived => Err("the context is kept up by archives since".to_owned()),
            Standing::Removed => Err("you were removed from the context".to_owned()),
        },
        Deed::Closed { .. } => match context.is_closed() {
            true if scene.gives_way(context) => {
                Err("another context of yours has its name now".to_owned())
            }
            true => Ok(()),
            false => Err("the context is open".to_owned()),
        },
        // What they need is looked up where it is.
        Deed::Dropped { .. }
        | Deed::LetGo { .. }
        | Deed::BoardRemoved { .. }
        | Deed::CardsRemoved { .. } => Ok(()),
    }
}

fn impossible(entry: &JournalEntry, why: &str) -> Problem {
    let detail = format!("{} cannot be undone: {why}", what(entry));
    Problem::new(ProblemCode::Conflict, detail)
        .with_hint("`dsp undo --list` lists what can be undone")
}

fn stack_of<'a>(
    scene: &Scene,
    context: &'a ContextScene,
    stack: StackId,
) -> Result<&'a StackView, String> {
    let stack = context.stack_by_id(scene.me, stack);
    stack.ok_or_else(|| "the stack is not here any more".to_owned())
}

/// Finds a stack that is not removed: what was done before it was removed is undone after that.
fn live<'a>(
    scene: &Scene,
    context: &'a ContextScene,
    stack: StackId,
) -> Result<&'a StackView, String> {
    let stack = stack_of(scene, context, stack)?;
    match stack.state {
        StackState::Live => Ok(stack),
        StackState::Removed | StackState::Moved => {
            Err("the stack was removed since; undo that first".to_owned())
        }
    }
}

fn kind(deed: &Deed) -> DeedName {
    match deed {
        Deed::Removed { .. } | Deed::BoardRemoved { .. } | Deed::CardsRemoved { .. } => {
            DeedName::Removed
        }
        Deed::Renamed { .. } => DeedName::Renamed,
        Deed::Tagged { .. } => DeedName::Tagged,
        Deed::Left { .. } => DeedName::Left,
        Deed::Dropped { .. } => DeedName::Dropped,
        Deed::LetGo { .. } => DeedName::LetGo,
        Deed::Closed { .. } => DeedName::Closed,
    }
}

/// Says what a deed was.
fn what(entry: &JournalEntry) -> String {
    let name = &entry.name;
    match &entry.deed {
        Deed::Removed { .. } | Deed::BoardRemoved { .. } | Deed::CardsRemoved { .. } => {
            format!("removed {name}")
        }
        Deed::Renamed { to, .. } => format!("renamed {name} to {to}"),
        Deed::Tagged { tag, from: None, .. } => format!("put the tag {tag} on {name}"),
        Deed::Tagged { tag, to: None, .. } => format!("took the tag {tag} from {name}"),
        Deed::Tagged { tag, .. } => format!("moved the tag {tag} of {name}"),
        Deed::Left { .. } => format!("left {name}"),
        Deed::Dropped { .. } => format!("left and dropped {name}"),
        Deed::LetGo { .. } => format!("dropped the bytes of {name}"),
        Deed::Closed { .. } => format!("closed {name}"),
    }
}

/// Names the place of a stack for the journal.
pub(crate) fn named(scene: &Scene, found: &Found<'_>) -> (String, ContextId, StackId) {
    (scene.reference(found), found.context.id, found.stack.stack)
}
