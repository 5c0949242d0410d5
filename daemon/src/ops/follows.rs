//! Following contexts of others.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use dsp_protocol::api::{
    ChangeFollow, ContextInfo, FollowState, Followed, Left, NewFollow, Policy, Problem,
    ProblemCode, Progress, Selection,
};
use dsp_protocol::id::{ContextId, DeviceId, UserId};
use dsp_protocol::limits::TICKET_GRACE_MS;
use dsp_protocol::policy::{FollowPolicy, PolicyError};
use dsp_protocol::statement::Role;
use dsp_protocol::sync::{Command, Event, Reply, Standing};
use dsp_protocol::ticket::Ticket;
use dsp_protocol::wire::DenyCode;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, timeout_at};

use super::contexts::unexpected;
use super::problem::{bad_request, not_found};
use super::resolve::Found;
use super::scene::role_pending;
use super::time::{now, rfc3339};
use super::{Ops, Reporter, StackFilter};
use crate::node::NodeEvent;
use crate::store::Deed;

/// How long a follow waits for its first sync when nobody says.
const WAIT: Duration = Duration::from_secs(30);
/// How long a follow that was left before waits for what came since.
const WAIT_AGAIN: Duration = Duration::from_secs(10);
/// The longest wait that is granted.
const WAIT_MOST: Duration = Duration::from_secs(3600);
/// How long a follow waits for others after a peer said that it knows of no right: it may say so
/// because it has not heard of the ticket yet.
const SECOND_THOUGHT: Duration = Duration::from_secs(3);
/// How often the caller hears that it goes on.
const PULSE: Duration = Duration::from_secs(1);
/// How many stacks the answer names.
const STACKS: usize = 20;

/// What becomes of the copy of a context that is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaving {
    /// It stays and is not synced any more.
    Keep,
    /// It is forgotten, and the bytes that nothing else here names are freed; refused where stacks
    /// of mine are in it.
    Drop,
    /// As [`Drop`](Leaving::Drop), and stacks of mine in it go too.
    DropOwn,
}

/// How the wait for a first sync, and for the role that the ticket gives, ended.
enum Waited {
    Settled,
    Refused(String),
    TimedOut { connected: bool },
}

/// Whether a follow has heard from somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum News {
    /// It is as new as it has to be.
    Here,
    /// It is waited for.
    Wanted,
}

/// How far a follow is.
#[derive(Clone, Copy)]
struct Settling {
    synced: bool,
    /// The role that the ticket gives and that no owner's statement gave yet.
    role_pending: Option<Role>,
}

/// Returns how long to wait for others after a peer refused for this reason; none where nobody
/// else can say otherwise.
fn worth_waiting(reason: &str) -> Option<Duration> {
    match reason {
        // A member who is no owner says so; an owner may be reached yet.
        _ if reason == DenyCode::NeedsOwner.reason() => Some(Duration::MAX),
        _ if reason == DenyCode::NotAdmitted.reason() => Some(SECOND_THOUGHT),
        _ => None,
    }
}

/// How long a follow goes on waiting.
struct Patience {
    /// When it ends, as things stand.
    until: Instant,
    /// When it ends at the latest.
    end: Instant,
    /// What a peer said that others may see otherwise.
    refusal: Option<String>,
}

impl Patience {
    fn new(end: Instant) -> Patience {
        Patience { until: end, end, refusal: None }
    }

    /// Takes in that a peer refused; gives the reason back where nobody else can say otherwise.
    fn refused(&mut self, reason: String, now: Instant) -> Option<String> {
        match worth_waiting(&reason) {
            Some(Duration::MAX) => None,
            Some(more) => {
                self.until = self.until.min(now + more);
                self.refusal = Some(reason);
                None
            }
            None => Some(reason),
        }
    }

    /// Takes in that something of the context came: somebody does let me in.
    fn comes(&mut self) {
        self.until = self.end;
        self.refusal = None;
    }
}

impl Settling {
    fn is_over(self) -> bool {
        self.synced && self.role_pending.is_none()
    }

    /// Returns what the follow waits for, in a few words.
    fn what(self, connected: bool) -> &'static str {
        match (self.synced, connected) {
            (true, _) => "waiting for the role",
            (false, true) => "syncing",
            (false, false) => "looking for peers",
        }
    }
}

impl Ops {
    /// Follows a context by a ticket, and waits for the first sync. Where the ticket gives more
    /// than reading, it waits too until an owner's statement says so here: a push may follow.
    ///
    /// # Errors
    /// The text is no ticket or of no use, or every peer reached refused; the follow then goes on
    /// in the background all the same. A role that is still pending is no error.
    pub async fn follow(&self, new: NewFollow, reporter: &Reporter) -> Result<Followed, Problem> {
        let (command, devices) = self.way_in(&new).await?;
        let again = self.comes_back(context_followed(&command)).await?;
        // Before the command, so that what is followed is never what the trash forgets.
        if let Some(context) = context_followed(&command) {
            self.taken_out_of_trash(context).await?;
        }
        // From before the command on, so that nothing is missed.
        let mut events = self.node.subscribe();
        let (context, known) = match self.node.run(command).await? {
            Reply::Following { context, known } => (context, known),
            other => return Err(unexpected(&other)),
        };
        let wait = new.wait_seconds.map_or(WAIT, Duration::from_secs).min(WAIT_MOST);
        let (wait, news) = match again {
            true => (wait.min(WAIT_AGAIN), News::Wanted),
            false => (wait, News::Here),
        };
        let here = news == News::Here && self.settling(context).await?.is_over();
        let waited = match wait.is_zero() || here {
            true => None,
            false => {
                Some(self.settle((context, &devices), &mut events, (wait, news), reporter).await?)
            }
        };
        let settling = self.settling(context).await?;
        let heard = !again || matches!(waited, Some(Waited::Settled));
        match waited {
            Some(Waited::Refused(reason)) if !settling.synced => return Err(not_let_in(&reason)),
            Some(Waited::TimedOut { connected: false }) if !settling.synced => {
                return Err(nobody_reached());
            }
            Some(Waited::TimedOut { connected: true }) if !settling.synced => {
                reporter.note("the first sync is not done; it goes on in the background").await;
            }
            Some(_) | None => {}
        }
        if let Some(warning) = self.known_name(context).await? {
            reporter.note(warning).await;
        }
        if let Some(role) = settling.role_pending {
            reporter
                .note(format!(
                    "the role {role} is pending: a device of an owner has to admit you, and none \
                     did yet; `dsp status` tells when"
                ))
                .await;
        }
        let info = self.context_by_id(context).await?;
        let filter = StackFilter { context: Some(context.to_string()), ..StackFilter::default() };
        let mut stacks = self.stack_infos(&filter).await?;
        stacks.truncate(STACKS);
        Ok(Followed { context: info, stacks, synced: settling.synced && heard, known })
    }

    /// Returns the command that follows by a ticket or an offer, and the devices behind it.
    async fn way_in(&self, new: &NewFollow) -> Result<(Command, BTreeSet<DeviceId>), Problem> {
        let scene = self.scene().await?;
        let policy = |context| {
            // Who follows again, perhaps with a newer ticket, does not mean to bring other bytes.
            let before = scene.contexts.get(&context).map(|context| context.policy.clone());
            let default = self.settings.config().policy;
            match (new.policy, &new.selection) {
                (None, None) => Ok(before.unwrap_or_else(|| default.into())),
                (which, selection) => {
                    policy(which.unwrap_or(default), &selection.clone().unwrap_or_default())
                }
            }
        };
        // No name of a user or context is as long as a ticket, and no ticket has a slash.
        if new.ticket.contains('/') {
            if let Some((context, owner)) = self.left_by_name(&new.ticket).await? {
                if new.policy.is_some() || new.selection.is_some() {
                    let policy = policy(context)?;
                    self.node.run(Command::SetPolicy { context, policy }).await?;
                }
                return Ok((Command::Rejoin { context }, self.all_devices_of(owner).await?));
            }
            let (context, offer) = self.offer(&scene, &new.ticket).await?;
            let devices = self.all_devices_of(offer.from).await?;
            return Ok((Command::Accept { context, policy: policy(context)? }, devices));
        }
        let ticket: Ticket = new.ticket.parse().map_err(|error| {
            bad_request(error).with_hint(
                "copy the whole text, from `dsp1` to its end; what was offered is named as in \
                 `dsp offers ls`",
            )
        })?;
        if let Some(until) =
            ticket.until.filter(|until| until.saturating_add(TICKET_GRACE_MS) < now())
        {
            return Err(past_its_time(until));
        }
        let devices = ticket.addrs.iter().map(|addr| addr.device).collect();
        let policy = policy(ticket.context())?;
        Ok((Command::Follow { ticket: Box::new(ticket), policy }, devices))
    }

    /// Finds a context that was left by its label, and its owner; it may be in the trash. Nobody
    /// offers it again while it is here.
    async fn left_by_name(&self, label: &str) -> Result<Option<(ContextId, UserId)>, Problem> {
        let scene = self.whole_scene().await?;
        let left = scene.contexts.values().filter(|context| context.standing == Standing::Left);
        let mut named = left.filter(|context| scene.label(context) == label);
        Ok(named.next().map(|context| (context.id, context.owner)))
    }

    async fn all_devices_of(&self, user: UserId) -> Result<BTreeSet<DeviceId>, Problem> {
        let (_, devices) = self.devices_of(user).await?;
        Ok(devices.into_iter().map(|known| known.device).collect())
    }

    /// Warns of an owner who calls herself as somebody who was known before does.
    async fn known_name(&self, context: ContextId) -> Result<Option<String>, Problem> {
        let scene = self.scene().await?;
        let Some(owner) = scene.contexts.get(&context).map(|context| context.owner) else {
            return Ok(None);
        };
        let info = self.peer_info(&scene, owner).await?;
        let (name, own_name) = (&info.name, &info.own_name);
        let Some(other) = info.namesakes.first().filter(|_| !info.verified) else {
            return Ok(None);
        };
        Ok(Some(format!(
            "warning: {name} calls herself {own_name} as {} does, and has another id; compare it \
             before you trust her: dsp trust {name} --verify",
            other.name
        )))
    }

    /// Lets a context be seen that was dropped and is followed again.
    pub(crate) async fn taken_out_of_trash(&self, context: ContextId) -> Result<(), Problem> {
        let _no_end = self.returning.lock().await;
        if self.dropped().await?.contains_key(&context) {
            self.store.undrop_context(context).await?;
        }
        Ok(())
    }

    /// Tells whether a context was left: what is here of it is from before, and a follow brings
    /// what came since.
    async fn comes_back(&self, context: Option<ContextId>) -> Result<bool, Problem> {
        let Some(context) = context else { return Ok(false) };
        let standing = self
            .node
            .query(move |engine| engine.context(context).map(|context| context.standing()));
        Ok(standing.await? == Some(Standing::Left))
    }

    async fn settling(&self, context: ContextId) -> Result<Settling, Problem> {
        let me = self.me;
        let settling = self.node.query(move |engine| {
            let context = engine.context(context)?;
            Some(Settling {
                synced: context.standing() == Standing::Active { synced: true },
                role_pending: role_pending(context, me),
            })
        });
        Ok(settling.await?.unwrap_or(Settling { synced: false, role_pending: None }))
    }

    async fn settle(
        &self,
        (context, devices): (ContextId, &BTreeSet<DeviceId>),
        events: &mut Receiver<NodeEvent>,
        (wait, mut news): (Duration, News),
        reporter: &Reporter,
    ) -> Result<Waited, Problem> {
        let mut patience = Patience::new(Instant::now() + wait);
        let named = devices.clone();
        let mut connected = self
            .node
            .query(move |engine| engine.connected().any(|device| named.contains(&device)))
            .await?;
        let mut settling = self.settling(context).await?;
        while !settling.is_over() || news == News::Wanted {
            let pulse = patience.until.min(Instant::now() + PULSE);
            match timeout_at(pulse, events.recv()).await {
                Ok(Ok(NodeEvent::Sync(Event::Synced { context: of, .. }))) if of == context => {
                    news = News::Here;
                    settling = self.settling(context).await?;
                }
                Ok(Ok(NodeEvent::Sync(Event::Context(of) | Event::Stack { context: of, .. })))
                    if of == context =>
                {
                    patience.comes();
                    settling = self.settling(context).await?;
                }
                Ok(Ok(NodeEvent::Sync(Event::NotAdmitted { context: of, reason, .. })))
                    if of == context =>
                {
                    connected = true;
                    if let Some(last_word) = patience.refused(reason, Instant::now()) {
                        return Ok(Waited::Refused(last_word));
                    }
                }
                Ok(Ok(NodeEvent::Connected(device))) if devices.contains(&device) => {
                    connected = true;
                }
                Ok(Ok(NodeEvent::Progress { context: of, bytes, bytes_total }))
                    if of == context =>
                {
                    patience.comes();
                    reporter.progress(|| Progress {
                        what: "fetching".to_owned(),
                        bytes,
                        bytes_total: Some(bytes_total),
                        files: 0,
                        files_total: None,
                    });
                }
                Ok(Ok(_)) => {}
                // Events were lost: what they said can be seen.
                Ok(Err(RecvError::Lagged(_))) => settling = self.settling(context).await?,
                Ok(Err(RecvError::Closed)) => return Err(crate::node::NodeStopped.into()),
                Err(_) if Instant::now() >= patience.until => {
                    let refused = patience.refusal;
                    return Ok(refused.map_or(Waited::TimedOut { connected }, Waited::Refused));
                }
                Err(_) => reporter.progress(|| Progress {
                    what: settling.what(connected).to_owned(),
                    bytes: 0,
                    bytes_total: None,
                    files: 0,
                    files_total: None,
                }),
            }
        }
        Ok(Waited::Settled)
    }

    /// Changes which blobs of a followed context are brought.
    ///
    /// # Errors
    /// There is no such context, or it is mine.
    pub async fn change_follow(
        &self,
        label: &str,
        change: ChangeFollow,
    ) -> Result<ContextInfo, Problem> {
        let context = self.followed(label).await?;
        let policy = policy(change.policy, &change.selection.unwrap_or_default())?;
        self.node.run(Command::SetPolicy { context, policy }).await?;
        self.context_by_id(context).await
    }

    /// Leaves a followed context.
    ///
    /// # Errors
    /// There is no such context, or it is mine; stacks of mine would go unasked.
    pub async fn leave(self: &Arc<Self>, label: &str, leaving: Leaving) -> Result<Left, Problem> {
        let context = self.followed(label).await?;
        let scene = self.scene().await?;
        let before = scene.context(&context.to_string())?;
        let active = matches!(before.standing, Standing::Active { .. });
        let name = scene.label(before);
        if leaving == Leaving::Drop {
            self.nothing_of_mine(context).await?;
        }
        match leaving {
            Leaving::Keep => {
                let leaving = async { Ok(self.node.run(Command::Leave { context }).await?) };
                let (_, undo) = self.noted(name, Deed::Left { context }, leaving).await?;
                let context = self.context_by_id(context).await?;
                Ok(Left { context: Some(context), freed: None, undo: Some(undo) })
            }
            Leaving::Drop | Leaving::DropOwn if self.has_pins(context).await? => {
                self.node.run(Command::Leave { context }).await?;
                let freed = self.drop_unpinned(context).await?;
                let context = self.context_by_id(context).await?;
                Ok(Left { context: Some(context), freed: Some(freed), undo: None })
            }
            Leaving::Drop | Leaving::DropOwn if self.trash_keep_ms() == 0 => {
                self.node.run(Command::Forget { context }).await?;
                let freed = self.collect_soon().await;
                Ok(Left { context: None, freed: Some(freed), undo: None })
            }
            Leaving::Drop | Leaving::DropOwn => {
                let deed = Deed::Dropped { context, active };
                let (_, undo) = self.noted(name, deed, self.discard(context, active)).await?;
                Ok(Left { context: None, freed: None, undo: Some(undo) })
            }
        }
    }

    /// Puts a context into the trash: it is synced no more and seen no more, and all that is here
    /// of it stays until its time is over.
    async fn discard(&self, context: ContextId, active: bool) -> Result<(), Problem> {
        if active {
            self.node.run(Command::Leave { context }).await?;
        }
        self.store.drop_context(context, now()).await?;
        self.trees.forget_here();
        Ok(())
    }

    /// Refuses to drop a context in which stacks of mine are: whether somebody else took them is
    /// known to nobody.
    async fn nothing_of_mine(&self, context: ContextId) -> Result<(), Problem> {
        let scene = self.scene().await?;
        let Some(context) = scene.contexts.get(&context) else { return Ok(()) };
        let mine = context.live().filter(|stack| stack.owner == self.me);
        let mine: Vec<String> =
            mine.map(|stack| scene.reference(&Found { context, stack })).collect();
        if mine.is_empty() {
            return Ok(());
        }
        let label = scene.label(context);
        let named = mine.iter().take(STACKS).cloned().collect::<Vec<_>>().join(", ");
        let more = if mine.len() > STACKS { ", …" } else { "" };
        let detail = format!(
            "stacks of yours are in {label}, and perhaps nobody else has them: {named}{more}"
        );
        Err(Problem::new(ProblemCode::Refused, detail)
            .with_hint("`copy=keep` keeps all that is here, `copy=drop-own` drops them too"))
    }

    /// Finds a context that is not mine.
    async fn followed(&self, label: &str) -> Result<ContextId, Problem> {
        let scene = self.scene().await?;
        let context = scene.context(label)?;
        match context.state(scene.me) {
            FollowState::Own => Err(bad_request(format!("`{label}` is your own"))
                .with_hint("`dsp context rm` closes it for its followers")),
            FollowState::Closed if context.is_mine(scene.me) => {
                Err(not_found(format!("you do not follow `{label}`: it is your own")))
            }
            _ => Ok(context.id),
        }
    }
}

/// Reads a policy.
fn policy(which: Policy, selection: &Selection) -> Result<FollowPolicy, Problem> {
    FollowPolicy::new(which, selection).map_err(|error| {
        let hint = match error {
            PolicyError::LazySelection => "choose among `all` or `heads`",
            PolicyError::LastOfHeads(_) => "add `--policy all`",
            PolicyError::Glob(_) => "a pattern is such as `sales/*`, or `sales/**` for all below",
            PolicyError::Globs(_) | PolicyError::Last(_) => "choose less",
        };
        bad_request(error).with_hint(hint)
    })
}

/// Returns which context a command follows.
fn context_followed(command: &Command) -> Option<ContextId> {
    match command {
        Command::Follow { ticket, .. } => Some(ticket.context()),
        Command::Accept { context, .. } | Command::Rejoin { context } => Some(*context),
        _ => None,
    }
}

fn past_its_time(until: i64) -> Problem {
    let mut problem = Problem::new(ProblemCode::Refused, DenyCode::TicketExpired.reason())
        .with_hint("ask for a new ticket; nothing was changed here");
    problem.causes.push(format!("it was good until {}", rfc3339(until)));
    problem
}

fn not_let_in(reason: &str) -> Problem {
    Problem::new(ProblemCode::Refused, format!("the peer does not let you in: {reason}"))
        .with_hint("ask for a new ticket and follow with it; until then nothing comes")
}

fn nobody_reached() -> Problem {
    Problem::new(ProblemCode::Unreachable, "nobody whom the ticket names can be reached").with_hint(
        "the follow stays and goes on in the background: `dsp context ls` shows it; is the other \
         side online?",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_not_have_heard_of_a_ticket_is_not_the_last_word() {
        assert_eq!(worth_waiting(DenyCode::NeedsOwner.reason()), Some(Duration::MAX));
        assert_eq!(worth_waiting(DenyCode::NotAdmitted.reason()), Some(SECOND_THOUGHT));
        for code in [DenyCode::Removed, DenyCode::TicketRevoked, DenyCode::Other] {
            assert_eq!(worth_waiting(code.reason()), None);
        }
    }

    #[test]
    fn a_refusal_does_not_shorten_the_wait_for_what_another_peer_sends() {
        let now = Instant::now();
        let end = now + WAIT;
        let mut patience = Patience::new(end);
        let not_yet = || DenyCode::NotAdmitted.reason().to_owned();
        assert_eq!(patience.refused(not_yet(), now), None);
        assert_eq!(patience.until, now + SECOND_THOUGHT);
        patience.comes();
        assert_eq!((patience.until, patience.refusal.is_none()), (end, true));
        assert_eq!(patience.refused(not_yet(), end), None);
        assert_eq!(patience.until, end);
        let removed = || DenyCode::Removed.reason().to_owned();
        assert_eq!(patience.refused(removed(), now), Some(removed()));
    }
}
