//! Contexts: mine, and those that I follow.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use dsp_protocol::api::{
    AccessName, ClosedContext, ContextInfo, NewContext, Page, Problem, ProblemCode, Readable,
    RoleName,
};
use dsp_protocol::context::StackState;
use dsp_protocol::id::{ContextId, FrameId};
use dsp_protocol::name::{ContextName, fold_key};
use dsp_protocol::statement::{Access, Role};
use dsp_protocol::sync::{Command, CommandError, Reply};

use super::content::Distinct;
use super::node::count;
use super::paging::text_key;
use super::problem::{bad_request, refused};
use super::scene::{ContextScene, Scene};
use super::time::rfc3339;
use super::trees::Gap;
use super::{Ops, Paging};
use crate::store::{Deed, Slot};

/// Most contexts in one page.
const PAGE: u64 = 500;
/// How many stacks `dsp share` names.
const EXAMPLES: usize = 10;

/// Returns the word of the API for a role.
pub(crate) fn role_name(role: Role) -> RoleName {
    match role {
        Role::None => RoleName::None,
        Role::Reader => RoleName::Reader,
        Role::Writer => RoleName::Writer,
        Role::Owner => RoleName::Owner,
    }
}

fn access_name(access: Access) -> AccessName {
    match access {
        Access::Private => AccessName::Private,
        Access::Ticket => AccessName::Ticket,
        Access::Public => AccessName::Public,
    }
}

fn access(name: AccessName) -> Access {
    match name {
        AccessName::Private => Access::Private,
        AccessName::Ticket => Access::Ticket,
        AccessName::Public => Access::Public,
    }
}

impl Ops {
    /// Lists the contexts: mine by name, then the others by label.
    ///
    /// # Errors
    /// The daemon stops, or its database fails.
    pub async fn contexts(&self, paging: &Paging) -> Result<Page, Problem> {
        let scene = self.scene().await?;
        let mut infos = Vec::new();
        for context in scene.contexts.values() {
            infos.push(self.context_info(&scene, context).await?);
        }
        paging.page(infos, PAGE, |context| {
            let mine_first = u8::from(context.owner != scene.me);
            [vec![mine_first], text_key(&context.label, context.id.as_bytes())].concat()
        })
    }

    /// Returns a context by its label or id.
    ///
    /// # Errors
    /// There is none.
    pub async fn context(&self, label: &str) -> Result<ContextInfo, Problem> {
        let scene = self.scene().await?;
        self.context_info(&scene, scene.context(label)?).await
    }

    /// Returns a context that was just changed.
    pub(crate) async fn context_by_id(&self, id: ContextId) -> Result<ContextInfo, Problem> {
        self.context(&id.to_string()).await
    }

    /// Makes a context of mine.
    ///
    /// # Errors
    /// The name is malformed, or that of another context of mine.
    pub async fn new_context(&self, new: NewContext) -> Result<ContextInfo, Problem> {
        let name: ContextName = new.name.parse().map_err(bad_request)?;
        let scene = self.scene().await?;
        let folded = fold_key(name.as_str());
        let taken = scene.contexts.values().find(|context| {
            context.is_mine(scene.me)
                && !context.is_closed()
                && context.name().is_some_and(|other| fold_key(other.as_str()) == folded)
        });
        if let Some(taken) = taken {
            let taken = scene.label(taken);
            return Err(Problem::new(
                ProblemCode::Conflict,
                format!("a context `{taken}` of yours exists"),
            ));
        }
        let access = new.access.map_or(Access::Private, access);
        let command = Command::NewContext { name, text: new.about, access };
        match self.node.run(command).await? {
            Reply::Context(id) => self.context_by_id(id).await,
            other => Err(unexpected(&other)),
        }
    }

    /// Makes a context the one that unqualified names mean.
    ///
    /// # Errors
    /// There is none.
    pub async fn switch_context(&self, label: &str) -> Result<ContextInfo, Problem> {
        let scene = self.scene().await?;
        let id = scene.context(label)?.id;
        self.store.set(Slot::CURRENT_CONTEXT, *id.as_bytes()).await?;
        self.context_by_id(id).await
    }

    /// Closes a context of mine: followers are told and get no more; what is here stays. Where it
    /// was the current one, another one of mine that is open is from now on.
    ///
    /// # Errors
    /// There is none, or it is not mine.
    pub async fn close_context(&self, label: &str) -> Result<ClosedContext, Problem> {
        let scene = self.scene().await?;
        let closing = scene.context(label)?;
        let (context, name) = (closing.id, scene.label(closing));
        let was_closed = closing.is_closed();
        let deed = Deed::Closed { context, current: scene.current == Some(context) };
        let command =
            Command::About { context, name: None, text: None, access: None, closed: true };
        let closing = async { Ok::<_, Problem>(self.node.run(command).await?) };
        let undo = match was_closed {
            true => closing.await.map(|_| None)?,
            false => Some(self.noted(name, deed, closing).await?.1),
        };
        if scene.current == Some(context) {
            let open = |other: &&ContextScene| {
                other.id != context && other.is_mine(scene.me) && !other.is_closed()
            };
            // The first of them is called `main`, unless it was closed.
            let main = |other: &&ContextScene| other.name().is_some_and(|n| n.as_str() == "main");
            let mine = || scene.contexts.values().filter(open);
            if let Some(other) = mine().find(main).or_else(|| mine().next()) {
                self.store.set(Slot::CURRENT_CONTEXT, *other.id.as_bytes()).await?;
            }
        }
        let context = self.context_by_id(context).await?;
        Ok(ClosedContext { context, undo })
    }

    /// Tells what sharing a context would make readable.
    ///
    /// # Errors
    /// There is none, it is closed, or I may not share it.
    pub async fn readable(&self, label: &str) -> Result<Readable, Problem> {
        let scene = self.scene().await?;
        let context = scene.context(label)?;
        if context.is_closed() {
            return Err(refused(&CommandError::Closed));
        }
        if context.my_role < Role::Owner {
            let (needed, mine) = (Role::Owner, context.my_role);
            return Err(refused(&CommandError::NotAllowed { needed, mine }));
        }
        let all: Vec<FrameId> = self
            .node
            .query({
                let id = context.id;
                move |engine| {
                    let context = engine.context(id);
                    context.map(|c| c.frames().map(|(id, _)| id).collect()).unwrap_or_default()
                }
            })
            .await?;
        let heads: BTreeSet<FrameId> =
            context.live().flat_map(|stack| &stack.heads).map(|head| head.frame).collect();
        let mut distinct = Distinct::default();
        let mut bytes_of: BTreeMap<FrameId, u64> = BTreeMap::new();
        for id in all {
            let Some(frame) = self.stored_frame(context.id, id).await? else { continue };
            distinct.add(self, context.id, &frame).await?;
            if heads.contains(&id)
                && let Some(sum) = Gap::excuse(self.sum(None, &frame).await)?
            {
                bytes_of.insert(id, sum.bytes);
            }
        }
        let mut stacks: Vec<_> = context
            .live()
            .map(|stack| {
                let heads = stack.heads.iter();
                let bytes = heads.filter_map(|head| bytes_of.get(&head.frame)).max();
                (Reverse(bytes.copied().unwrap_or(0)), stack.name.to_string())
            })
            .collect();
        stacks.sort();
        Ok(Readable {
            context: context.id,
            label: scene.label(context),
            stacks: count(stacks.len()),
            removed: count(
                context.stacks.iter().filter(|s| s.state == StackState::Removed).count(),
            ),
            frames: count(context.frames),
            bytes: distinct.sum.bytes,
            examples: stacks.into_iter().map(|(_, name)| name).take(EXAMPLES).collect(),
            access: access_name(context.access()),
        })
    }

    /// Returns a context as the API shows it.
    pub(crate) async fn context_info(
        &self,
        scene: &Scene,
        context: &ContextScene,
    ) -> Result<ContextInfo, Problem> {
        let mut distinct = Distinct::default();
        let heads = context.live().flat_map(|stack| &stack.heads);
        let heads: Vec<FrameId> = heads.map(|head| head.frame).collect();
        distinct.add_here(self, context.id, &heads).await?;
        let members = context.members.iter().filter(|(_, role)| *role > Role::None).count();
        let name = context.name().map(ToString::to_string);
        Ok(ContextInfo {
            id: context.id,
            label: scene.label(context),
            name: name.unwrap_or_else(|| context.id.short()),
            about: context.about.as_ref().map(|about| about.text.clone()).unwrap_or_default(),
            owner: context.owner,
            owner_name: scene.names.of(context.owner),
            role: role_name(context.my_role),
            role_pending: context.role_pending.map(role_name),
            access: access_name(context.access()),
            policy: context.policy.which(),
            selection: context.policy.selection(),
            used_bytes: self.store.used(Some(context.id)).await?.context,
            quota_bytes: self.store.quotas().await?.get(&context.id).copied(),
            state: context.state(scene.me),
            current: scene.current == Some(context.id),
            stacks: count(context.live().count()),
            frames: count(context.frames),
            bytes: distinct.sum.bytes,
            bytes_here: distinct.sum.here,
            members: count(members.max(1)),
            heard: context.heard.map(rfc3339),
            muted: self.store.muted().await?.contains(&context.id),
        })
    }
}

impl ContextScene {
    /// Returns who may read; as long as no owner said so, those with a ticket.
    pub(crate) fn access(&self) -> Access {
        self.about.as_ref().map_or(Access::Ticket, |about| about.access)
    }
}

/// Returns the problem of a reply that does not answer its command: a bug.
pub(crate) fn unexpected(reply: &Reply) -> Problem {
    tracing::error!(?reply, "the engine answered something else");
    Problem::new(ProblemCode::Internal, "the engine answered something else than was asked")
}
