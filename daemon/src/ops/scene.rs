//! What the engine holds, as one picture: contexts and their stacks, under the names of this
//! machine. Taken between two inputs of the engine, so that everything in it fits together.

use std::collections::{BTreeMap, BTreeSet};

use dsp_protocol::api::{FollowState, PendingRole, Problem};
use dsp_protocol::context::{StackState, StackView, TicketStanding};
use dsp_protocol::id::{ContextId, PublicKey, StackId, UserId};
use dsp_protocol::limits::CLOCK_AHEAD_MS;
use dsp_protocol::name::{ContextName, StackName, UserRef};
use dsp_protocol::policy::FollowPolicy;
use dsp_protocol::statement::{About, Fact, Role, Statement};
use dsp_protocol::sync::{self, Standing};

use super::Ops;
use super::contexts::role_name;
use super::names::Names;
use super::problem::{bad_request, not_found};
use super::time;
use crate::nearest::nearest;
use crate::store::Slot;

/// Fewest digits of an id that name a context.
pub(super) const ID_DIGITS: usize = 6;

/// All contexts at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    pub(crate) me: UserId,
    pub(crate) names: Names,
    /// The context that unqualified names mean.
    pub(crate) current: Option<ContextId>,
    pub(crate) contexts: BTreeMap<ContextId, ContextScene>,
    /// Users whose stacks are not shown.
    pub(crate) blocked: BTreeSet<UserId>,
    /// The contexts in the trash, and since when; they are not among the others.
    pub(crate) dropped: BTreeMap<ContextId, i64>,
}

/// A context at one moment.
#[derive(Clone, Debug)]
pub(crate) struct ContextScene {
    pub(crate) id: ContextId,
    /// Absent until an owner's statement came.
    pub(crate) about: Option<About>,
    /// The first owner.
    pub(crate) owner: UserId,
    pub(crate) members: Vec<(UserId, Role)>,
    /// What I may do.
    pub(crate) my_role: Role,
    /// What I may do once a device of an owner admits me.
    pub(crate) role_pending: Option<Role>,
    pub(crate) policy: FollowPolicy,
    pub(crate) standing: Standing,
    pub(crate) frames: usize,
    pub(crate) stacks: Vec<StackView>,
    pub(crate) tickets: Vec<TicketStanding>,
    /// Who came in by which ticket.
    pub(crate) redemptions: Vec<(UserId, PublicKey)>,
    /// When an author of it last stated something, by her clock.
    pub(crate) heard: Option<i64>,
}

/// Returns the latest of some times of authors; one whose clock is ahead tells nothing.
fn last_heard(times: impl Iterator<Item = i64>, now: i64) -> Option<i64> {
    times.filter(|time| *time <= now.saturating_add(CLOCK_AHEAD_MS)).max()
}

impl ContextScene {
    pub(crate) fn of(context: &sync::Context, me: UserId) -> ContextScene {
        let view = context.view();
        let genesis = view.members();
        let owner = view.owners().first().copied();
        let owner = owner.or_else(|| genesis.first().map(|(user, _)| *user));
        let redeemed = context.redemptions().filter_map(|(user, redeem)| match redeem.fact() {
            Fact::Redeem(redeem) => Some((user, redeem.ticket)),
            _ => None,
        });
        let stacks = view.stacks();
        ContextScene {
            id: context.id(),
            about: view.about().cloned(),
            owner: owner.unwrap_or(me),
            my_role: my_role(context, me),
            role_pending: role_pending(context, me),
            members: genesis,
            policy: context.policy().clone(),
            standing: context.standing(),
            frames: context.frames().count(),
            heard: last_heard(stacks.iter().map(|stack| stack.time), time::now()),
            stacks,
            tickets: view.tickets(),
            redemptions: redeemed.collect(),
        }
    }

    pub(crate) fn name(&self) -> Option<&ContextName> {
        self.about.as_ref().map(|about| &about.name)
    }

    pub(crate) fn is_mine(&self, me: UserId) -> bool {
        self.owner == me
    }

    /// Tells whether its owner closed it.
    pub(crate) fn is_closed(&self) -> bool {
        self.about.as_ref().is_some_and(|about| about.closed)
    }

    /// Returns the stacks that are not removed.
    pub(crate) fn live(&self) -> impl Iterator<Item = &StackView> {
        self.stacks.iter().filter(|stack| stack.state == StackState::Live)
    }

    /// Returns the stack of a user by its name; one that is live comes before one that is not.
    pub(crate) fn stack(&self, user: UserId, name: &StackName) -> Option<&StackView> {
        let named = self.stacks.iter().filter(|s| s.owner == user && s.name == *name);
        named.min_by_key(|s| {
            let generation = s.heads.first().map(|head| head.generation);
            (s.state != StackState::Live, std::cmp::Reverse(generation), s.stack)
        })
    }

    pub(crate) fn stack_by_id(&self, user: UserId, stack: StackId) -> Option<&StackView> {
        self.stacks.iter().find(|s| s.owner == user && s.stack == stack)
    }

    /// Returns how the follow stands.
    pub(crate) fn state(&self, me: UserId) -> FollowState {
        let closed = self.is_closed();
        match self.standing {
            Standing::Left => FollowState::Left,
            Standing::Removed => FollowState::Removed,
            Standing::Archived => FollowState::Archived,
            Standing::Active { .. } if closed => FollowState::Closed,
            Standing::Active { .. } if self.is_mine(me) => FollowState::Own,
            Standing::Active { synced: false } => FollowState::Waiting,
            Standing::Active { synced: true } => FollowState::Following,
        }
    }
}

/// Returns what I may do: what the owners stated, and by a ticket at least read.
fn my_role(context: &sync::Context, me: UserId) -> Role {
    let stated = context.view().role(me);
    match context.came_in_by() {
        Some(_) if !is_removed(context, me) => stated.max(Role::Reader),
        _ => stated,
    }
}

/// Returns the role that my ticket gives, where it takes a member statement that is not here.
pub(crate) fn role_pending(context: &sync::Context, me: UserId) -> Option<Role> {
    let ticket = context.came_in_by()?;
    let active = matches!(context.standing(), Standing::Active { .. });
    // What the text of the ticket says is for showing; what an owner stated counts.
    let given = match stated_ticket(context, ticket) {
        Some(stated) if stated.ended => Role::Reader,
        Some(stated) => stated.fact.role,
        None => ticket.role,
    };
    let waits = active && !is_removed(context, me) && given > my_role(context, me);
    waits.then_some(given)
}

fn stated_ticket(context: &sync::Context, ticket: &sync::TicketUse) -> Option<TicketStanding> {
    // It is my own, checked when it was signed.
    let redeem = Statement::decode(&ticket.redeem).and_then(Statement::verify).ok()?;
    let Fact::Redeem(redeem) = redeem.fact() else { return None };
    context.view().ticket(&redeem.ticket)
}

fn is_removed(context: &sync::Context, me: UserId) -> bool {
    context.standing() == Standing::Removed || context.view().members().contains(&(me, Role::None))
}

impl Scene {
    /// Returns where a role waits for a device of an owner.
    pub(crate) fn roles_pending(&self) -> Vec<PendingRole> {
        let pending = self.contexts.values().filter_map(|context| {
            let role = role_name(context.role_pending?);
            Some(PendingRole { context: self.label(context), role })
        });
        pending.collect()
    }

    /// Returns how a context is written: `main` for one of mine, `alice/main` otherwise, its id
    /// where that would fit another one or its name is not known yet.
    pub(crate) fn label(&self, context: &ContextScene) -> String {
        let Some(name) = context.name() else { return self.short(context) };
        let same = self
            .contexts
            .values()
            .filter(|other| other.owner == context.owner && other.name() == Some(name));
        // A closed one gives way to one that is open.
        let same = same.filter(|other| context.is_closed() || !other.is_closed());
        if same.count() > 1 {
            return self.short(context);
        }
        match context.is_mine(self.me) {
            true => name.to_string(),
            false => format!("{}/{name}", self.names.of(context.owner)),
        }
    }

    /// Returns the first digits of a context's id, as many as tell it from all others here.
    pub(super) fn short(&self, context: &ContextScene) -> String {
        let short = context.id.short();
        let same = self.contexts.values().filter(|other| other.id.short() == short);
        if same.count() > 1 { context.id.to_string() } else { short }
    }

    /// Returns the label of the context that a name of a stack begins with, as in `main/penguins`.
    pub(crate) fn label_before(&self, name: &StackName) -> Option<String> {
        let labels = self.contexts.values().map(|context| self.label(context));
        let mut before = labels.filter(|label| {
            name.as_str().strip_prefix(label.as_str()).is_some_and(|rest| rest.starts_with('/'))
        });
        before.next()
    }

    /// Finds a context by its label or id; `me/main` is `main`.
    ///
    /// # Errors
    /// No context has the label; the candidates are the labels of all.
    pub(crate) fn context(&self, label: &str) -> Result<&ContextScene, Problem> {
        if let Some(context) = label.parse().ok().and_then(|id| self.contexts.get(&id)) {
            return Ok(context);
        }
        let label = label.strip_prefix("me/").unwrap_or(label);
        let found = self.contexts.values().find(|context| self.label(context) == label);
        let found = found.or_else(|| self.context_by_parts(label));
        let found = found.or_else(|| {
            let mut all = self.contexts.values().filter(|context| {
                label.len() >= ID_DIGITS && context.id.to_string().starts_with(label)
            });
            all.next().filter(|_| all.next().is_none())
        });
        found.ok_or_else(|| {
            let mut problem = not_found(format!("no context `{label}` here"));
            problem.candidates = self.contexts.values().map(|c| self.label(c)).collect();
            let near = nearest(label, problem.candidates.iter().map(String::as_str));
            let hint = near.map(|near| format!("did you mean `{near}`?"));
            problem.with_hint(hint.unwrap_or_else(|| "`dsp context ls` lists them".to_owned()))
        })
    }

    /// Finds a context by `user/name` where the user is written in another way than the label.
    fn context_by_parts(&self, label: &str) -> Option<&ContextScene> {
        let (user, name) = label.split_once('/')?;
        let user = self.names.find(&user.parse().ok()?)?;
        let mut fitting = self.contexts.values().filter(|context| {
            context.owner == user
                && context.name().is_some_and(|own| own.as_str() == name)
                && !self.gives_way(context)
        });
        fitting.next().filter(|_| fitting.next().is_none())
    }

    /// Tells whether a context is closed and its name is that of an open one of its owner.
    pub(crate) fn gives_way(&self, context: &ContextScene) -> bool {
        context.is_closed()
            && self.contexts.values().any(|other| {
                other.owner == context.owner && other.name() == context.name() && !other.is_closed()
            })
    }

    /// Finds a user by her petname, her id or `me`.
    ///
    /// # Errors
    /// The text names nobody.
    pub(crate) fn user(&self, text: &str) -> Result<UserId, Problem> {
        let who: UserRef = text.parse().map_err(bad_request)?;
        self.names.find(&who).ok_or_else(|| {
            let hint = match text.contains('@') {
                true => "people are no addresses here: `dsp share` makes a ticket, which you send",
                false => "`dsp peers ls` lists who is known",
            };
            not_found(format!("nobody is called `{who}` here")).with_hint(hint)
        })
    }

    /// Finds the current context.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn current(&self) -> Result<&ContextScene, Problem> {
        let current = self.current.and_then(|id| self.contexts.get(&id));
        current.ok_or_else(|| {
            not_found("there is no current context").with_hint("choose one: `dsp context switch`")
        })
    }

    /// Finds the context that a caller named, else the current one.
    ///
    /// # Errors
    /// As [`context`](Self::context) and [`current`](Self::current).
    pub(crate) fn context_or_current(&self, label: Option<&str>) -> Result<&ContextScene, Problem> {
        label.map_or_else(|| self.current(), |label| self.context(label))
    }
}

impl Ops {
    /// Looks at everything.
    ///
    /// # Errors
    /// The daemon stops, or its database fails.
    pub(crate) async fn scene(&self) -> Result<Scene, Problem> {
        let mut scene = self.whole_scene().await?;
        let Scene { contexts, dropped, current, .. } = &mut scene;
        contexts.retain(|id, _| !dropped.contains_key(id));
        *current = current.filter(|id| contexts.contains_key(id));
        Ok(scene)
    }

    /// Looks at everything, the contexts in the trash among the others.
    ///
    /// # Errors
    /// As [`scene`](Self::scene).
    pub(crate) async fn whole_scene(&self) -> Result<Scene, Problem> {
        let dropped = self.dropped().await?;
        let (me, names) = (self.me, self.names().await?);
        let current = self.store.get(Slot::CURRENT_CONTEXT).await?;
        let current = current.and_then(|bytes| bytes.try_into().ok()).map(ContextId::from_bytes);
        let (contexts, blocked) = self
            .node
            .query(move |engine| {
                let blocked: BTreeSet<UserId> = engine.blocked().collect();
                let contexts = engine.contexts().map(|context| {
                    let mut scene = ContextScene::of(context, me);
                    scene.stacks.retain(|stack| !blocked.contains(&stack.owner));
                    (context.id(), scene)
                });
                (contexts.collect::<BTreeMap<_, _>>(), blocked)
            })
            .await?;
        let current = current.filter(|id| contexts.contains_key(id));
        Ok(Scene { me, names, current, contexts, blocked, dropped })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_ahead_says_nothing_of_when_somebody_was_heard() {
        let ahead = 1_000 + CLOCK_AHEAD_MS;
        assert_eq!(last_heard([900, ahead, ahead + 1, 2].into_iter(), 1_000), Some(ahead));
        assert_eq!(last_heard([ahead + 1].into_iter(), 1_000), None);
    }
}
