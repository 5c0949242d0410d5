//! Stacks for named users: the same frames in a context of exactly these readers.
//!
//! The context of an audience is private, mine, and found again by its members: stacks with the
//! same readers share one. A stack keeps its id in it, so that both sides know that it is the same
//! one, and what is pushed to it goes to its audiences too.

use std::collections::BTreeSet;
use std::sync::Arc;

use dsp_protocol::api::{NewShare, Problem, ProblemCode, Shared};
use dsp_protocol::context::{StackState, StackView};
use dsp_protocol::id::{ContextId, FrameId, StackId, UserId};
use dsp_protocol::limits::NAME_BYTES;
use dsp_protocol::name::{ContextName, TagName};
use dsp_protocol::statement::{Access, Role};
use dsp_protocol::sync::{Command, Reply};

use super::along::Reached;
use super::contexts::unexpected;
use super::node::count;
use super::problem::{bad_request, not_found};
use super::resolve::{Found, parse};
use super::scene::{ContextScene, Scene};
use super::stacks::not_yours;
use super::{Ops, Reporter};

/// Most users of one audience.
const READERS: usize = 32;
/// What the name of an audience begins with.
const PREFIX: &str = "for-";

impl Ops {
    /// Shows a stack of mine to named users, in the context of exactly these readers.
    ///
    /// # Errors
    /// The stack is not mine or its bytes are not here; a user is not known, blocked or myself.
    pub async fn share_stack(self: &Arc<Self>, new: NewShare) -> Result<Shared, Problem> {
        let pushing = Arc::clone(&self.pushing).lock_owned().await;
        let scene = self.scene().await?;
        let readers = self.readers(&scene, &new.with).await?;
        let found = scene.stack(&parse(&new.stack)?)?;
        if found.stack.owner != self.me {
            return Err(not_yours(&scene, &found));
        }
        let Some(head) = found.stack.heads.first().map(|head| head.frame) else {
            return Err(not_found(format!("`{}` has no head", new.stack)));
        };
        let known = scene.contexts.values().find(|context| is_for(&scene, context, &readers));
        let (from, target) = (found.context.id, known.map(|context| context.id));
        let mut frames = match new.history {
            true => self.behind(from, head).await?,
            false => Vec::new(),
        };
        frames.push(head);
        // Before a context is made: what is not here is said first.
        let mut reached = Reached::default();
        for frame in frames {
            self.reach_frame(&mut reached, (from, target), frame).await?;
        }
        self.blobs.sync(&reached.keeps).await?;
        let context = match target {
            Some(context) => context,
            None => self.new_audience(&scene, &readers).await?,
        };
        let (frames, withheld) = (count(reached.frames.len()), reached.withheld);
        let (stack, name) = (found.stack.stack, found.stack.name.clone());
        let command = Command::Mirror {
            context,
            stack,
            name,
            frames: reached.frames,
            blobs: reached.blobs.into_iter().collect(),
        };
        self.publish(command, reached.keeps, pushing).await?;

        let scene = self.scene().await?;
        let context = scene.context(&context.to_string())?;
        let stack = context.stack_by_id(self.me, stack);
        let stack = stack.ok_or_else(|| not_found("the stack is gone"))?;
        Ok(Shared {
            stack: self.stack_info(&scene, Found { context, stack }).await?,
            context: scene.label(context),
            created: target.is_none(),
            readers: readers.into_iter().map(|user| scene.names.named(user)).collect(),
            frames,
            lineage_withheld: withheld,
        })
    }

    /// Puts a head that was just pushed into the audiences of the stack. What does not work is
    /// said; the push stands.
    pub(super) async fn push_to_audiences(
        &self,
        (from, stack): (ContextId, StackId),
        reporter: &Reporter,
    ) -> Result<(), Problem> {
        let scene = self.scene().await?;
        for audience in audiences(&scene, from, stack) {
            if let Err(problem) = self.push_to(&scene, (from, audience.id), stack).await {
                let label = scene.label(audience);
                reporter.note(format!("{label} does not have it: {}", problem.detail)).await;
            }
        }
        for note in self.audiences_follow((from, stack), None).await? {
            reporter.note(note).await;
        }
        Ok(())
    }

    /// Gives a stack the name and the tags in its audiences that it has, takes a tag away there that
    /// is `gone`, and removes it there once it is removed. Returns what did not work, in sentences.
    ///
    /// # Errors
    /// The daemon stops, or its database fails.
    pub(super) async fn audiences_follow(
        &self,
        (from, stack): (ContextId, StackId),
        gone: Option<&TagName>,
    ) -> Result<Vec<String>, Problem> {
        let scene = self.scene().await?;
        let mut notes = Vec::new();
        let Some(view) = scene.contexts.get(&from).and_then(|c| c.stack_by_id(self.me, stack))
        else {
            return Ok(notes);
        };
        for audience in audiences(&scene, from, stack) {
            let Some(there) = audience.stack_by_id(self.me, stack) else { continue };
            for command in self.catching_up(audience.id, view, there, gone).await? {
                if let Err(error) = self.node.run(command).await {
                    let (label, problem) = (scene.label(audience), Problem::from(error));
                    notes.push(format!("{label} does not follow: {}", problem.detail));
                }
            }
        }
        Ok(notes)
    }

    /// Returns what makes a stack in an audience the same as elsewhere. Tags on frames that the
    /// audience does not have are left out.
    async fn catching_up(
        &self,
        context: ContextId,
        view: &StackView,
        there: &StackView,
        gone: Option<&TagName>,
    ) -> Result<Vec<Command>, Problem> {
        let stack = view.stack;
        if view.state == StackState::Removed {
            return Ok(vec![Command::Remove { context, stack }]);
        }
        let mut commands = Vec::new();
        if there.name != view.name {
            commands.push(Command::Rename { context, stack, name: view.name.clone() });
        }
        let moved = view.tags.iter().filter(|(tag, frame)| there.tags.get(tag) != Some(frame));
        let moved: Vec<(TagName, FrameId)> =
            moved.map(|(tag, frame)| (tag.clone(), *frame)).collect();
        let known = self.node.query(move |engine| {
            let has = |frame| engine.context(context).is_some_and(|c| c.frame(frame).is_some());
            moved.into_iter().filter(|(_, frame)| has(*frame)).collect::<Vec<_>>()
        });
        for (tag, frame) in known.await? {
            commands.push(Command::Tag { context, stack, tag, frame: Some(frame) });
        }
        if let Some(tag) = gone.filter(|tag| there.tags.contains_key(tag)) {
            commands.push(Command::Tag { context, stack, tag: tag.clone(), frame: None });
        }
        Ok(commands)
    }

    async fn push_to(
        &self,
        scene: &Scene,
        (from, audience): (ContextId, ContextId),
        stack: StackId,
    ) -> Result<(), Problem> {
        let pushing = Arc::clone(&self.pushing).lock_owned().await;
        let view = scene.contexts.get(&from).and_then(|c| c.stack_by_id(self.me, stack));
        let Some(view) = view else { return Ok(()) };
        let Some(head) = view.heads.first().map(|head| head.frame) else { return Ok(()) };
        let mut reached = Reached::default();
        self.reach_frame(&mut reached, (from, Some(audience)), head).await?;
        self.blobs.sync(&reached.keeps).await?;
        let command = Command::Mirror {
            context: audience,
            stack,
            name: view.name.clone(),
            frames: reached.frames,
            blobs: reached.blobs.into_iter().collect(),
        };
        self.publish(command, reached.keeps, pushing).await?;
        Ok(())
    }

    async fn readers(&self, scene: &Scene, with: &[String]) -> Result<BTreeSet<UserId>, Problem> {
        let mut readers = BTreeSet::new();
        for text in with {
            let user = scene.user(text)?;
            if user == self.me {
                return Err(bad_request("you read your own stacks anyway"));
            }
            if scene.blocked.contains(&user) {
                let name = scene.names.of(user);
                return Err(Problem::new(ProblemCode::Refused, format!("{name} is blocked here"))
                    .with_hint(format!("`dsp unblock {name}` takes that back")));
            }
            self.known(user).await?;
            readers.insert(user);
        }
        match readers.len() {
            0 => Err(bad_request("name somebody to share with")),
            1..=READERS => Ok(readers),
            n => Err(bad_request(format!("{n} users are more than {READERS}"))
                .with_hint("make a context for them: `dsp context new`, `dsp share`")),
        }
    }

    async fn new_audience(
        &self,
        scene: &Scene,
        readers: &BTreeSet<UserId>,
    ) -> Result<ContextId, Problem> {
        let mut names = Vec::new();
        for reader in readers {
            names.push(self.devices_of(*reader).await?.0);
        }
        let name = audience_name(scene, &names);
        let command = Command::NewAudience { name, readers: readers.clone() };
        match self.node.run(command).await? {
            Reply::Context(context) => Ok(context),
            other => Err(unexpected(&other)),
        }
    }
}

/// Returns the audiences of a stack of mine that is elsewhere. What is in an audience is for nobody
/// else: one has none itself.
pub(super) fn audiences(scene: &Scene, from: ContextId, stack: StackId) -> Vec<&ContextScene> {
    if scene.contexts.get(&from).is_some_and(|context| is_audience(scene, context)) {
        return Vec::new();
    }
    let others = scene.contexts.values().filter(|context| context.id != from);
    let shown = |context: &&ContextScene| {
        let there = context.stack_by_id(scene.me, stack);
        is_audience(scene, context) && there.is_some_and(|there| there.state == StackState::Live)
    };
    others.filter(shown).collect()
}

/// Tells whether a context was made for an audience of mine.
pub(super) fn is_audience(scene: &Scene, context: &ContextScene) -> bool {
    context.is_mine(scene.me)
        && !context.is_closed()
        && context.access() == Access::Private
        && context.name().is_some_and(|name| name.as_str().starts_with(PREFIX))
}

/// Tells whether a context was made for an audience of mine, and is one still: it has readers, and
/// none of them came by a ticket.
pub(super) fn has_named_readers(scene: &Scene, context: &ContextScene) -> bool {
    let reads = |(user, role): &(UserId, Role)| *user != scene.me && *role == Role::Reader;
    is_audience(scene, context)
        && context.redemptions.is_empty()
        && context.members.iter().any(reads)
}

/// Tells whether a context is read by exactly these users, and owned by me alone.
fn is_for(scene: &Scene, context: &ContextScene, readers: &BTreeSet<UserId>) -> bool {
    let mut members = BTreeSet::new();
    for (user, role) in context.members.iter().filter(|(user, _)| *user != scene.me) {
        match role {
            Role::None => {}
            Role::Reader => drop(members.insert(*user)),
            Role::Writer | Role::Owner => return false,
        }
    }
    is_audience(scene, context) && context.redemptions.is_empty() && members == *readers
}

/// Returns a name that no open context of mine has: what the readers call themselves, as they see it.
fn audience_name(scene: &Scene, names: &[String]) -> ContextName {
    let taken = |name: &ContextName| {
        let mut mine = scene.contexts.values().filter(|context| context.is_mine(scene.me));
        mine.any(|context| !context.is_closed() && context.name() == Some(name))
    };
    let joined = format!("{PREFIX}{}", names.join("-and-"));
    let wanted: Option<ContextName> =
        Some(joined).filter(|name| name.len() <= NAME_BYTES - 8).and_then(|name| name.parse().ok());
    let many = || format!("{PREFIX}{}-users", names.len()).parse().expect("a name");
    let wanted = wanted.unwrap_or_else(many);
    let numbered = |n: u64| -> ContextName {
        format!("{wanted}-{n}").parse().expect("a name stays one with a number behind it")
    };
    match taken(&wanted) {
        false => wanted,
        true => (2..).map(numbered).find(|name| !taken(name)).expect("contexts are finite"),
    }
}

/// Returns the frame of a stack that goes into another context: its head.
pub(super) fn head_of(found: &Found<'_>) -> Option<FrameId> {
    found.stack.heads.first().map(|head| head.frame)
}
