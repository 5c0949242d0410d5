//! Stacks: what is where, and what its owner does to it.

use std::collections::BTreeMap;

use dsp_protocol::api::{Changed, HeadInfo, Page, Problem, ProblemCode, Rename, SetTag, StackInfo};
use dsp_protocol::context::{HeadView, StackState, StackView};
use dsp_protocol::id::{ContextId, FrameId};
use dsp_protocol::limits::CLOCK_AHEAD_MS;
use dsp_protocol::name::{StackName, TagName};
use dsp_protocol::reference::Rev;
use dsp_protocol::sync::Command;

use super::content::Gist;
use super::paging::{latest_first, to_json};
use super::problem::bad_request;
use super::resolve::{Found, key, parse};
use super::scene::{ContextScene, Scene};
use super::time::{now, rfc3339};
use super::undo::named;
use super::{Ops, Paging};
use crate::store::Deed;

/// Most stacks in one page.
const PAGE: u64 = 1000;

/// Which stacks are listed.
#[derive(Clone, Debug, Default)]
pub struct StackFilter {
    /// A context by label or id, `*` for all, the current one when absent.
    pub context: Option<String>,
    /// A part of the name, in any case.
    pub part: Option<String>,
    /// Whether removed ones are listed too.
    pub removed: bool,
}

impl StackFilter {
    fn takes(&self, stack: &StackView) -> bool {
        let shown = match stack.state {
            StackState::Live => true,
            StackState::Removed | StackState::Moved => self.removed,
        };
        let named = self.part.as_ref().is_none_or(|part| {
            let name = stack.name.to_string().to_ascii_lowercase();
            name.contains(&part.to_ascii_lowercase())
        });
        shown && named
    }
}

impl Ops {
    /// Lists stacks, the latest first.
    ///
    /// # Errors
    /// There is no such context.
    pub async fn stacks(&self, filter: &StackFilter, paging: &Paging) -> Result<Page, Problem> {
        let scene = self.scene().await?;
        let found = select(&scene, filter)?;
        let (page, next_cursor) = paging.cut(found, PAGE, order)?;
        let infos = self.infos(&scene, &page).await?;
        Ok(Page { items: infos.iter().map(to_json).collect(), next_cursor, note: None })
    }

    /// Returns stacks, the latest first.
    pub(crate) async fn stack_infos(
        &self,
        filter: &StackFilter,
    ) -> Result<Vec<StackInfo>, Problem> {
        let scene = self.scene().await?;
        let mut found = select(&scene, filter)?;
        found.sort_by_cached_key(order);
        self.infos(&scene, &found).await
    }

    /// Returns the stack that a reference means.
    ///
    /// # Errors
    /// There is none, or several.
    pub async fn stack(&self, reference: &str) -> Result<StackInfo, Problem> {
        let scene = self.scene().await?;
        let found = scene.stack(&parse(reference)?)?;
        self.stack_info(&scene, found).await
    }

    /// Returns the stack that a reference means, where I may remove and rename it.
    ///
    /// # Errors
    /// There is none, it is not mine, or the reference means a part of it.
    pub async fn stack_to_change(&self, reference: &str) -> Result<StackInfo, Problem> {
        let scene = self.scene().await?;
        let found = whole(&scene, reference)?;
        self.stack_info(&scene, found).await
    }

    pub(crate) async fn stack_info(
        &self,
        scene: &Scene,
        found: Found<'_>,
    ) -> Result<StackInfo, Problem> {
        let mut infos = self.infos(scene, &[found]).await?;
        Ok(infos.pop().expect("one was asked for"))
    }

    /// Removes a stack of mine: followers see that it was removed.
    ///
    /// # Errors
    /// There is none, or it is not mine.
    pub async fn remove_stack(&self, reference: &str) -> Result<Changed, Problem> {
        let scene = self.scene().await?;
        let found = whole(&scene, reference)?;
        let (name, context, stack) = named(&scene, &found);
        let heads: Vec<_> = found.stack.heads.iter().map(|head| head.frame).collect();
        let removing =
            async { Ok::<_, Problem>(self.node.run(Command::Remove { context, stack }).await?) };
        let undo = match heads.is_empty() {
            // It is removed already.
            true => removing.await.map(|_| None)?,
            false => {
                let deed = Deed::Removed { context, stack, heads };
                Some(self.noted(name, deed, removing).await?.1)
            }
        };
        let notes = self.audiences_follow((context, stack), None).await?;
        Ok(Changed { stack: self.changed(&found).await?, undo, notes })
    }

    /// Renames a stack of mine; followers follow on.
    ///
    /// # Errors
    /// There is none, it is not mine, or the name is taken or malformed.
    pub async fn rename_stack(&self, rename: &Rename) -> Result<Changed, Problem> {
        let name: StackName = rename.name.parse().map_err(bad_request)?;
        let scene = self.scene().await?;
        let found = whole(&scene, &rename.reference)?;
        let (called, context, stack) = named(&scene, &found);
        let (from, to) = (found.stack.name.clone(), name.clone());
        let deed = Deed::Renamed { context, stack, from, to };
        let command = Command::Rename { context, stack, name };
        let renaming = async { Ok(self.node.run(command).await?) };
        let (_, undo) = self.noted(called, deed, renaming).await?;
        let notes = self.audiences_follow((context, stack), None).await?;
        Ok(Changed { stack: self.changed(&found).await?, undo: Some(undo), notes })
    }

    /// Puts a tag of a stack of mine on a frame, or takes it away.
    ///
    /// # Errors
    /// There is no such frame, the stack is not mine, or the tag is malformed or not there.
    pub async fn set_tag(&self, set: &SetTag) -> Result<Changed, Problem> {
        let tag: TagName = set.tag.parse().map_err(bad_request)?;
        let scene = self.scene().await?;
        let found = mine(&scene, &set.reference)?;
        let (name, context, stack) = named(&scene, &found);
        let frame = match set.remove {
            true if !found.stack.tags.contains_key(&tag) => {
                let reference = scene.reference(&found);
                return Err(super::problem::not_found(format!("`{reference}` has no tag `{tag}`")));
            }
            true => None,
            false => Some(self.frame_of(&scene, &parse(&set.reference)?).await?.frame),
        };
        let from = found.stack.tags.get(&tag).copied();
        let deed = Deed::Tagged { context, stack, tag: tag.clone(), from, to: frame };
        let gone = frame.is_none().then(|| tag.clone());
        let command = Command::Tag { context, stack, tag, frame };
        let tagging = async { Ok(self.node.run(command).await?) };
        let (_, undo) = self.noted(name, deed, tagging).await?;
        let notes = self.audiences_follow((context, stack), gone.as_ref()).await?;
        Ok(Changed { stack: self.changed(&found).await?, undo: Some(undo), notes })
    }

    /// Returns a stack as it is after a change.
    async fn changed(&self, before: &Found<'_>) -> Result<StackInfo, Problem> {
        let (context, user, stack) = key(before);
        let scene = self.scene().await?;
        let context = scene.context(&context.to_string())?;
        let stack = context.stack_by_id(user, stack);
        let stack = stack.ok_or_else(|| super::problem::not_found("the stack is gone"))?;
        self.stack_info(&scene, Found { context, stack }).await
    }

    /// Returns stacks as the API shows them, in the order given.
    async fn infos(&self, scene: &Scene, found: &[Found<'_>]) -> Result<Vec<StackInfo>, Problem> {
        let mut heads: BTreeMap<ContextId, Vec<FrameId>> = BTreeMap::new();
        for found in found {
            let frames = found.stack.heads.iter().map(|head| head.frame);
            heads.entry(found.context.id).or_default().extend(frames);
        }
        let mut gists = BTreeMap::new();
        for (context, frames) in heads {
            gists.insert(context, self.gists(context, &frames).await?);
        }
        let now = now();
        let info = |found: &Found<'_>| {
            let gists = &gists[&found.context.id];
            let heads = &found.stack.heads;
            let mut heads = heads.iter().map(|head| head_info(head, gists.get(&head.frame), now));
            StackInfo {
                id: found.stack.stack,
                context: found.context.id,
                user: found.stack.owner,
                reference: scene.reference(found),
                name: found.stack.name.to_string(),
                head: heads.next(),
                other_heads: heads.collect(),
                tags: found.stack.tags.iter().map(|(tag, id)| (tag.to_string(), *id)).collect(),
                removed: found.stack.state != StackState::Live,
            }
        };
        Ok(found.iter().map(info).collect())
    }
}

fn head_info(head: &HeadView, gist: Option<&Gist>, now: i64) -> HeadInfo {
    let sum = gist.and_then(|gist| gist.sum);
    HeadInfo {
        statement: head.id,
        frame: head.frame,
        generation: head.generation,
        device: head.device,
        time: rfc3339(head.time),
        clock_ahead: head.time > now + CLOCK_AHEAD_MS,
        message: gist.map(|gist| gist.message.clone()),
        files: sum.map(|sum| sum.files),
        bytes: sum.map(|sum| sum.bytes),
        bytes_here: sum.map(|sum| sum.here),
        cover: gist.and_then(|gist| gist.cover.clone()),
    }
}

/// Returns the key that orders stacks: the latest first.
fn order(found: &Found<'_>) -> Vec<u8> {
    let (context, user, stack) = key(found);
    let time = latest_first(found.stack.time);
    [&time[..], context.as_bytes(), user.as_bytes(), stack.as_bytes()].concat()
}

/// Returns the stacks that a filter takes.
fn select<'a>(scene: &'a Scene, filter: &StackFilter) -> Result<Vec<Found<'a>>, Problem> {
    let contexts: Vec<&ContextScene> = match filter.context.as_deref() {
        Some("*") => scene.contexts.values().collect(),
        label => vec![scene.context_or_current(label)?],
    };
    let found = contexts
        .into_iter()
        .flat_map(|context| context.stacks.iter().map(move |stack| Found { context, stack }))
        .filter(|found| filter.takes(found.stack));
    Ok(found.collect())
}

/// Finds a stack that is to be removed or renamed: of mine, and named as a whole. Who names a frame
/// or a file of it means that one, and would be surprised.
fn whole<'a>(scene: &'a Scene, text: &str) -> Result<Found<'a>, Problem> {
    let found = mine(scene, text)?;
    let reference = parse(text)?;
    let what = match (&reference.rev, &reference.attachment) {
        (_, Some(_)) => "one attachment",
        (Rev::Head, None) if !text.ends_with("@head") => return Ok(found),
        (Rev::Tag(_), None) => "one tag",
        (Rev::Head | Rev::Ancestor(_) | Rev::OtherHead(_) | Rev::Id(_), None) => "one frame",
    };
    let stack = scene.reference(&found);
    let hint = match &reference.rev {
        Rev::Tag(tag) if reference.attachment.is_none() => format!(
            "`dsp tag {stack} {tag} --remove` takes the tag away; the whole stack is `{stack}`"
        ),
        _ => format!("frames never change; the whole stack is `{stack}`, `dsp tag` names frames"),
    };
    let detail = format!("`{text}` names {what} of {stack}, and this is about whole stacks");
    Err(bad_request(detail).with_hint(hint))
}

/// Finds a stack and makes sure that it is mine.
fn mine<'a>(scene: &'a Scene, reference: &str) -> Result<Found<'a>, Problem> {
    let found = scene.stack(&parse(reference)?)?;
    match found.stack.owner == scene.me {
        true => Ok(found),
        false => Err(not_yours(scene, &found)),
    }
}

/// Returns the problem of a stack that only its owner can change.
pub(crate) fn not_yours(scene: &Scene, found: &Found<'_>) -> Problem {
    let owner = scene.names.of(found.stack.owner);
    let stack = scene.reference(found);
    Problem::new(ProblemCode::Refused, format!("`{stack}` is a stack of {owner}, not yours"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use dsp_protocol::id::{DeviceId, StatementId};

    #[test]
    fn a_head_of_a_clock_that_is_ahead_says_so() {
        let ahead = |time| {
            let head = HeadView {
                id: StatementId::from_bytes([1; 32]),
                frame: FrameId::from_bytes([2; 32]),
                generation: 1,
                device: DeviceId::from_bytes([3; 32]),
                time,
                n: 1,
            };
            head_info(&head, None, 1_000).clock_ahead
        };
        assert!(!ahead(1_000 + CLOCK_AHEAD_MS));
        assert!(ahead(1_001 + CLOCK_AHEAD_MS));
    }
}
