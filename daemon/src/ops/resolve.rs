//! What a reference means here.
//!
//! An unqualified stack is mine in the current context, else its first owner's, and never anyone
//! else's: a name that a stranger could take would run her pickles. With a user it is that user's
//! stack, in the current context before any other; with a context too it is there. Where that
//! leaves nothing, or several, the error lists what could have been meant, in full.

use dsp_protocol::api::{Problem, ProblemCode};
use dsp_protocol::context::StackView;
use dsp_protocol::id::{ContextId, FrameId, UserId};
use dsp_protocol::name::StackName;
use dsp_protocol::reference::{OwnerRef, Reference, Rev};
use dsp_protocol::sync::Standing;

use super::Ops;
use super::history::History;
use super::problem::{bad_request, not_found};
use super::scene::{ContextScene, ID_DIGITS, Scene};
use crate::nearest::nearest;

/// A stack that a reference means.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found<'a> {
    pub(crate) context: &'a ContextScene,
    pub(crate) stack: &'a StackView,
}

/// A frame that a reference means.
#[derive(Clone, Debug)]
pub(crate) struct FoundFrame<'a> {
    pub(crate) context: &'a ContextScene,
    pub(crate) stack: &'a StackView,
    pub(crate) frame: FrameId,
}

/// Reads a reference.
///
/// # Errors
/// Says what is wrong with the text.
pub(crate) fn parse(text: &str) -> Result<Reference, Problem> {
    text.parse().map_err(|error| {
        bad_request(error).with_hint("a reference is `[user[/context]:]stack[@rev][#attachment]`")
    })
}

impl Scene {
    /// Finds the stack that a reference means.
    ///
    /// # Errors
    /// There is none, or several fit; the candidates are full references.
    pub(crate) fn stack(&self, reference: &Reference) -> Result<Found<'_>, Problem> {
        let name = &reference.stack;
        let found = match &reference.owner {
            None => self.unqualified(name)?,
            Some(owner) => self.qualified(owner, name)?,
        };
        found.ok_or_else(|| self.no_stack(reference))
    }

    fn unqualified(&self, name: &StackName) -> Result<Option<Found<'_>>, Problem> {
        let context = self.current()?;
        let mine = context.stack(self.me, name);
        let stack = mine.or_else(|| context.stack(context.owner, name));
        Ok(stack.map(|stack| Found { context, stack }))
    }

    fn qualified(&self, owner: &OwnerRef, name: &StackName) -> Result<Option<Found<'_>>, Problem> {
        let user = self.names.find(&owner.user).ok_or_else(|| {
            let problem = not_found(format!("nobody is called `{}` here", owner.user));
            let reference = Reference {
                owner: Some(owner.clone()),
                stack: name.clone(),
                rev: Rev::Head,
                attachment: None,
            };
            match self.in_context(&reference) {
                Some(meant) => problem.with_hint(format!("did you mean `{meant}`?")),
                None => problem.with_hint("`dsp peers ls` lists who is known"),
            }
        })?;
        if self.blocked.contains(&user) {
            let name = self.names.of(user);
            let detail = format!("{name} is blocked here, and no stack of hers is shown");
            return Err(Problem::new(ProblemCode::Refused, detail)
                .with_hint(format!("`dsp unblock {name}` takes that back")));
        }
        let fits = |context: &&ContextScene| match &owner.context {
            None => true,
            Some(wanted) => {
                self.is_id_of(wanted.as_str(), context)
                    || (context.name() == Some(wanted) && !self.gives_way(context))
            }
        };
        let in_it = |context| {
            let stack = ContextScene::stack(context, user, name)?;
            Some(Found { context, stack })
        };
        let found: Vec<Found<'_>> = self.contexts.values().filter(fits).filter_map(in_it).collect();
        let current = found.iter().find(|found| Some(found.context.id) == self.current);
        let own = || {
            let mut own = found.iter().filter(|found| found.context.owner == user);
            own.next().filter(|_| own.next().is_none())
        };
        // With a context named, `user/main` is first of all the one that this user owns.
        let preferred = match owner.context {
            Some(_) => own().or(current),
            None => current.or_else(own),
        };
        match (preferred, &found[..]) {
            (Some(found), _) | (None, [found]) => Ok(Some(*found)),
            (None, []) => Ok(None),
            // One stack for several audiences: any of them is meant, best one that is still
            // followed, and the one with the longest history, which is where it was made.
            (None, [first, rest @ ..])
                if rest.iter().all(|other| other.stack.stack == first.stack.stack) =>
            {
                let best = |found: &&Found<'_>| {
                    let active = matches!(found.context.standing, Standing::Active { .. });
                    let generation = found.stack.heads.first().map(|head| head.generation);
                    (active, generation, found.stack.time, found.context.id)
                };
                Ok(found.iter().max_by_key(best).copied())
            }
            (None, several) => {
                let mut problem = Problem::new(
                    ProblemCode::Ambiguous,
                    format!("`{owner}:{name}` fits {} stacks", several.len()),
                );
                problem.candidates = several.iter().map(|found| self.in_full(found)).collect();
                Err(problem)
            }
        }
    }

    fn no_stack(&self, reference: &Reference) -> Problem {
        let stack = Reference { rev: Rev::Head, attachment: None, ..reference.clone() };
        let mut problem = not_found(format!("no stack `{stack}`"));
        problem.candidates = self
            .contexts
            .values()
            .flat_map(|context| context.live().map(move |stack| Found { context, stack }))
            .filter(|found| found.stack.name == reference.stack)
            .map(|found| self.in_full(&found))
            .collect();
        if !problem.candidates.is_empty() {
            return problem.with_hint("name one of the candidates in full");
        }
        let meant = self.by_frame(&reference.stack).or_else(|| self.in_context(reference));
        match meant.or_else(|| self.nearest(&reference.stack)) {
            Some(meant) => problem.with_hint(format!("did you mean `{meant}`?")),
            None => problem.with_hint("`dsp ls --all` lists what is here"),
        }
    }

    /// Returns the reference of the frame whose id begins like a name, where it is a current head
    /// or has a tag: `dsp push` prints ids, and they alone name nothing.
    fn by_frame(&self, name: &StackName) -> Option<String> {
        let prefix = match name.as_str().parse().ok()? {
            Rev::Id(prefix) => prefix,
            _ => return None,
        };
        let stacks = self
            .contexts
            .values()
            .flat_map(|context| context.live().map(move |stack| Found { context, stack }));
        let mut fitting = stacks.filter(|found| {
            let heads = found.stack.heads.iter().map(|head| head.frame);
            heads.chain(found.stack.tags.values().copied()).any(|frame| prefix.matches(&frame))
        });
        Some(format!("{}@{name}", self.reference(&fitting.next()?)))
    }

    /// Returns what `main/penguins` or `main:penguins` means where `main` is a context: labels of
    /// contexts are written so, references are not.
    fn in_context(&self, reference: &Reference) -> Option<String> {
        let text = Reference { attachment: None, rev: Rev::Head, ..reference.clone() }.to_string();
        let text = text.replacen(':', "/", 1);
        self.contexts.values().find_map(|context| {
            let name = text.strip_prefix(&self.label(context))?.strip_prefix('/')?.parse().ok()?;
            let mine = context.stack(self.me, &name);
            let stack = mine.or_else(|| context.stack(context.owner, &name))?;
            Some(self.in_full(&Found { context, stack }))
        })
    }

    /// Returns the stack whose name is most like another one, if it is near enough to be meant.
    fn nearest(&self, name: &StackName) -> Option<String> {
        let stacks: Vec<Found<'_>> = self
            .contexts
            .values()
            .flat_map(|context| context.live().map(move |stack| Found { context, stack }))
            .collect();
        let names = stacks.iter().map(|found| found.stack.name.as_str());
        let near = nearest(name.as_str(), names)?;
        let found = stacks.iter().find(|found| found.stack.name.as_str() == near)?;
        Some(self.reference(found))
    }

    /// Returns the shortest reference that means a stack here.
    pub(crate) fn reference(&self, found: &Found<'_>) -> String {
        let name = &found.stack.name;
        let user = self.names.of(found.stack.owner);
        let mut forms = vec![name.to_string(), format!("{user}:{name}")];
        forms.extend(found.context.name().map(|context| format!("{user}/{context}:{name}")));
        let shortest = forms.into_iter().find(|form| self.means(form, found));
        shortest.unwrap_or_else(|| self.by_context_id(found))
    }

    fn means(&self, form: &str, found: &Found<'_>) -> bool {
        let reference: Option<Reference> = form.parse().ok();
        reference.and_then(|reference| self.stack(&reference).ok()).is_some_and(|other| {
            other.context.id == found.context.id
                && (other.stack.owner, other.stack.stack) == (found.stack.owner, found.stack.stack)
        })
    }

    /// Names a stack by the id of its context: the first digits where they mean it.
    fn by_context_id(&self, found: &Found<'_>) -> String {
        let (user, name) = (self.names.of(found.stack.owner), &found.stack.name);
        let short = self.short(found.context);
        match self.is_id_of(&short, found.context) {
            true => format!("{user}/{short}:{name}"),
            false => format!("{user}/{}:{name}", found.context.id),
        }
    }

    /// Tells whether a text is the id of a context, or the first digits of it and of no other one,
    /// and no name.
    fn is_id_of(&self, text: &str, context: &ContextScene) -> bool {
        let id = context.id.to_string();
        let begins = |other: &&ContextScene| other.id.to_string().starts_with(text);
        let is_name = |other: &ContextScene| other.name().is_some_and(|n| n.as_str() == text);
        id == text
            || (text.len() >= ID_DIGITS
                && id.starts_with(text)
                && self.contexts.values().filter(begins).count() == 1
                && !self.contexts.values().any(is_name))
    }

    fn in_full(&self, found: &Found<'_>) -> String {
        let (user, name) = (self.names.of(found.stack.owner), &found.stack.name);
        let same_name = self.contexts.values().filter(|other| {
            other.name() == found.context.name()
                && other.stack(found.stack.owner, name).is_some()
                && !self.gives_way(other)
        });
        match found.context.name() {
            Some(context) if same_name.count() == 1 && !self.gives_way(found.context) => {
                format!("{user}/{context}:{name}")
            }
            _ => self.by_context_id(found),
        }
    }

    /// Finds the context in which a new frame of mine belongs: the one whose label stands before
    /// `:`, else the current one.
    ///
    /// # Errors
    /// There is no such context.
    pub(crate) fn place(&self, owner: Option<&OwnerRef>) -> Result<&ContextScene, Problem> {
        use dsp_protocol::name::UserRef;
        let is_me = |owner: &OwnerRef| match &owner.user {
            UserRef::Me => true,
            // A context of mine may be called as I am: its label comes first.
            user => {
                self.names.find(user) == Some(self.me) && self.context(&owner.to_string()).is_err()
            }
        };
        match owner {
            None => self.current(),
            Some(owner) if owner.context.is_none() && is_me(owner) => self.current(),
            Some(owner) => self.context(&owner.to_string()),
        }
    }
}

impl<'a> Found<'a> {
    /// Finds the frame that a revision means.
    ///
    /// # Errors
    /// There is none, or an id begins like several.
    pub(crate) fn frame(
        self,
        rev: &Rev,
        history: &History,
        reference: &str,
    ) -> Result<FoundFrame<'a>, Problem> {
        let heads = &self.stack.heads;
        let head = || {
            heads.first().map(|head| head.frame).ok_or_else(|| {
                not_found(format!("`{reference}` has no head: its author removed it"))
            })
        };
        let frame = match rev {
            Rev::Head => head()?,
            Rev::OtherHead(n) => {
                let n = n.get() as usize;
                heads.get(n - 1).map(|head| head.frame).ok_or_else(|| {
                    not_found(format!("`{reference}` has {} heads, not {n}", heads.len()))
                })?
            }
            Rev::Ancestor(n) => history.ancestor(head()?, n.get()).map_err(|missing| {
                let (at, of) = (missing.depth, n.get());
                match missing.known {
                    true => Problem::new(
                        ProblemCode::BlobNotLocal,
                        format!(
                            "`{reference}`: frame {} ({at} of {of} back) is not here",
                            missing.frame
                        ),
                    )
                    .with_hint("`dsp fetch` brings older frames"),
                    false => not_found(format!("`{reference}` goes back {at} frames, not {of}")),
                }
            })?,
            Rev::Tag(tag) => *self.stack.tags.get(tag).ok_or_else(|| {
                let mut problem = not_found(format!("`{reference}` has no tag `{tag}`"));
                let tags = self.stack.tags.keys();
                problem.candidates = tags.map(|tag| format!("{reference}@{tag}")).collect();
                match tag.as_str().bytes().all(|b| b.is_ascii_hexdigit()) {
                    true => problem.with_hint("an id of a frame takes 6 digits or more"),
                    false => problem,
                }
            })?,
            Rev::Id(prefix) => {
                let ids: Vec<FrameId> = history.frames().filter(|id| prefix.matches(id)).collect();
                match ids[..] {
                    [id] => id,
                    [] => {
                        let id = prefix.whole().filter(|id| history.holds(*id));
                        id.ok_or_else(|| {
                            let prefix = prefix.as_str();
                            not_found(format!("`{reference}` has no frame `{prefix}`"))
                        })?
                    }
                    _ => {
                        let prefix = prefix.as_str();
                        let mut problem = Problem::new(
                            ProblemCode::Ambiguous,
                            format!("`{prefix}` begins {} frames of `{reference}`", ids.len()),
                        );
                        problem.candidates =
                            ids.iter().map(|id| format!("{reference}@{id}")).collect();
                        return Err(problem);
                    }
                }
            }
        };
        Ok(FoundFrame { context: self.context, stack: self.stack, frame })
    }
}

impl FoundFrame<'_> {
    pub(crate) fn stack(&self) -> Found<'_> {
        Found { context: self.context, stack: self.stack }
    }
}

impl Ops {
    /// Finds the frame that a reference means.
    ///
    /// # Errors
    /// As [`Scene::stack`] and [`Found::frame`].
    pub(crate) async fn frame_of<'a>(
        &self,
        scene: &'a Scene,
        reference: &Reference,
    ) -> Result<FoundFrame<'a>, Problem> {
        let found = scene.stack(reference)?;
        let text = scene.reference(&found);
        let history = match reference.rev {
            Rev::Head | Rev::OtherHead(_) | Rev::Tag(_) => History::default(),
            Rev::Ancestor(_) => self.history(found.context.id, found.stack).await?,
            Rev::Id(_) => self.history_ever(found.context.id, found.stack).await?,
        };
        let meant = found.frame(&reference.rev, &history, &text);
        match meant {
            Err(problem) if reference.rev == Rev::Head && found.stack.heads.is_empty() => {
                let left_at = self.left_at(found.context.id, found.stack).await?;
                Err(problem.with_hint(still_named(&text, found.stack, left_at.first())))
            }
            meant => meant,
        }
    }
}

/// Returns how the frames of a stack that was removed are still named.
fn still_named(reference: &str, stack: &StackView, last: Option<&FrameId>) -> String {
    let last = last.map(|last| format!("`{reference}@{}` was its last one", last.short()));
    let tag = stack.tags.keys().next().map(|tag| format!("`{reference}@{tag}` has a tag"));
    let named: Vec<String> = last.into_iter().chain(tag).collect();
    match named.is_empty() {
        true => "its frames are still named by id: `@ID`".to_owned(),
        false => format!("its frames are still named by tag or id: {}", named.join(", ")),
    }
}

/// Names a stack whose place is known.
pub(crate) fn key(found: &Found<'_>) -> (ContextId, UserId, dsp_protocol::id::StackId) {
    (found.context.id, found.stack.owner, found.stack.stack)
}

#[cfg(test)]
mod tests;
