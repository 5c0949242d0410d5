//! Following contexts of others.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use dsp_protocol::api::{
    ChangeFollow, ContextInfo, FollowState, Followed, Freed, Left, NewFollow, Problem, ProblemCode,
    Progress,
};
use dsp_protocol::id::{ContextId, DeviceId};
use dsp_protocol::sync::{Command, Event, Reply, Standing};
use dsp_protocol::ticket::Ticket;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, timeout, timeout_at};

use super::contexts::unexpected;
use super::problem::{bad_request, not_found};
use super::{Ops, Reporter, StackFilter};
use crate::node::NodeEvent;

/// How long a follow waits for its first sync when nobody says.
const WAIT: Duration = Duration::from_secs(30);
/// The longest wait that is granted.
const WAIT_MOST: Duration = Duration::from_secs(3600);
/// How often the caller hears that it goes on.
const PULSE: Duration = Duration::from_secs(1);
/// How many stacks the answer names.
const STACKS: usize = 20;

/// How long a leave waits until the bytes are freed: imports under way come first.
const FREE_WAIT: Duration = Duration::from_secs(30);

/// What becomes of the copy of a context that is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaving {
    /// It stays and is not synced any more.
    Keep,
    /// It is forgotten, and the bytes that nothing else here names are freed.
    Drop,
}

/// How the wait for a first sync ended.
enum Waited {
    Synced,
    Refused(String),
    TimedOut { connected: bool },
}

impl Ops {
    /// Follows a context by a ticket, and waits for the first sync.
    ///
    /// # Errors
    /// The text is no ticket or of no use, or every peer reached refused; the follow then goes on
    /// in the background all the same.
    pub async fn follow(&self, new: NewFollow, reporter: &Reporter) -> Result<Followed, Problem> {
        let ticket: Ticket = new.ticket.parse().map_err(|error| {
            bad_request(error).with_hint("copy the whole text, from `dsp1` to its end")
        })?;
        let devices: BTreeSet<DeviceId> = ticket.addrs.iter().map(|addr| addr.device).collect();
        let policy = new.policy.unwrap_or(self.settings.config().policy);
        // From before the command on, so that nothing is missed.
        let mut events = self.node.subscribe();
        let command = Command::Follow { ticket: Box::new(ticket), policy };
        let (context, known) = match self.node.run(command).await? {
            Reply::Following { context, known } => (context, known),
            other => return Err(unexpected(&other)),
        };
        let wait = new.wait_seconds.map_or(WAIT, Duration::from_secs).min(WAIT_MOST);
        let already = known && self.is_synced(context).await?;
        let waited = match already || wait.is_zero() {
            true => None,
            false => {
                Some(self.wait_for_sync(context, &devices, &mut events, wait, reporter).await?)
            }
        };
        let synced = self.is_synced(context).await?;
        match waited {
            Some(Waited::Refused(reason)) if !synced => {
                return Err(Problem::new(
                    ProblemCode::Refused,
                    format!("the peer does not let you in: {reason}"),
                )
                .with_hint("ask for a new ticket; the follow stays and is tried again"));
            }
            Some(Waited::TimedOut { connected: false }) if !synced => {
                return Err(Problem::new(
                    ProblemCode::Unreachable,
                    "nobody whom the ticket names can be reached",
                )
                .with_hint(
                    "the follow stays and goes on in the background: `dsp context ls` shows it; \
                     is the other side online?",
                ));
            }
            Some(Waited::TimedOut { connected: true }) if !synced => {
                reporter.note("the first sync is not done; it goes on in the background").await;
            }
            Some(_) | None => {}
        }
        let info = self.context_by_id(context).await?;
        let filter = StackFilter { context: Some(context.to_string()), ..StackFilter::default() };
        let mut stacks = self.stack_infos(&filter).await?;
        stacks.truncate(STACKS);
        Ok(Followed { context: info, stacks, synced, known })
    }

    async fn is_synced(&self, context: ContextId) -> Result<bool, Problem> {
        let standing = self.node.query(move |engine| Some(engine.context(context)?.standing()));
        Ok(standing.await? == Some(Standing::Active { synced: true }))
    }

    async fn wait_for_sync(
        &self,
        context: ContextId,
        devices: &BTreeSet<DeviceId>,
        events: &mut Receiver<NodeEvent>,
        wait: Duration,
        reporter: &Reporter,
    ) -> Result<Waited, Problem> {
        let until = Instant::now() + wait;
        let named = devices.clone();
        let mut connected = self
            .node
            .query(move |engine| engine.connected().any(|device| named.contains(&device)))
            .await?;
        loop {
            let pulse = until.min(Instant::now() + PULSE);
            match timeout_at(pulse, events.recv()).await {
                Ok(Ok(NodeEvent::Sync(Event::Synced { context: of, .. }))) if of == context => {
                    return Ok(Waited::Synced);
                }
                Ok(Ok(NodeEvent::Sync(Event::NotAdmitted { context: of, reason, .. })))
                    if of == context =>
                {
                    return Ok(Waited::Refused(reason));
                }
                Ok(Ok(NodeEvent::Connected(device))) if devices.contains(&device) => {
                    connected = true;
                }
                Ok(Ok(NodeEvent::Progress { context: of, bytes, bytes_total }))
                    if of == context =>
                {
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
                Ok(Err(RecvError::Lagged(_))) if self.is_synced(context).await? => {
                    return Ok(Waited::Synced);
                }
                Ok(Err(RecvError::Lagged(_))) => {}
                Ok(Err(RecvError::Closed)) => return Err(crate::node::NodeStopped.into()),
                Err(_) if Instant::now() >= until => return Ok(Waited::TimedOut { connected }),
                Err(_) => reporter.progress(|| Progress {
                    what: if connected { "syncing" } else { "looking for peers" }.to_owned(),
                    bytes: 0,
                    bytes_total: None,
                    files: 0,
                    files_total: None,
                }),
            }
        }
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
        self.node.run(Command::SetPolicy { context, policy: change.policy }).await?;
        self.context_by_id(context).await
    }

    /// Leaves a followed context.
    ///
    /// # Errors
    /// There is no such context, or it is mine.
    pub async fn leave(self: &Arc<Self>, label: &str, leaving: Leaving) -> Result<Left, Problem> {
        let context = self.followed(label).await?;
        match leaving {
            Leaving::Keep => {
                self.node.run(Command::Leave { context }).await?;
                let context = self.context_by_id(context).await?;
                Ok(Left { context: Some(context), freed: None })
            }
            Leaving::Drop => {
                self.node.run(Command::Forget { context }).await?;
                // In a task, so that it comes to its end whoever waits for it.
                let ops = Arc::clone(self);
                let collection = tokio::spawn(async move { ops.collect().await });
                let freed = match timeout(FREE_WAIT, collection).await {
                    Ok(Ok(Ok(report))) => {
                        let (blobs, bytes) = (report.removed, report.removed_bytes);
                        Freed { blobs, bytes, pending: false }
                    }
                    // Late, or failed and logged: another collection comes within the hour.
                    Ok(Ok(Err(_)) | Err(_)) | Err(_) => Freed { blobs: 0, bytes: 0, pending: true },
                };
                Ok(Left { context: None, freed: Some(freed) })
            }
        }
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
