//! What happens, as programs hear it: numbered, the latest kept for those who come back.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use dsp_protocol::api::{Event, StackEvent};
use dsp_protocol::id::{ContextId, StackId, UserId};
use dsp_protocol::sync;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::Ops;
use super::scene::ContextScene;
use crate::node::NodeEvent;

/// Events that are kept for those who come back.
const KEPT: usize = 4096;

/// An event with its number.
#[derive(Clone, Debug, PartialEq)]
pub struct Numbered {
    /// Its number; the first of a run is 1.
    pub number: u64,
    /// The event.
    pub event: Event,
}

/// The events of the daemon.
#[derive(Debug)]
pub struct Feed {
    boot: String,
    state: Mutex<Kept>,
    live: broadcast::Sender<Numbered>,
}

#[derive(Debug)]
struct Kept {
    last: u64,
    events: VecDeque<Numbered>,
}

/// A listener: what it missed, and what comes.
#[derive(Debug)]
pub struct Subscription {
    /// Events since the one it saw last.
    pub missed: Vec<Numbered>,
    /// Whether more was missed than is kept.
    pub lost: bool,
    /// Events from now on.
    pub live: broadcast::Receiver<Numbered>,
}

impl Default for Feed {
    fn default() -> Self {
        Feed::new()
    }
}

impl Feed {
    /// Begins a feed; what was seen of an earlier one is void.
    pub fn new() -> Feed {
        let mut boot = [0; 4];
        // Without entropy the time does: it only has to differ from the last run's.
        if getrandom::fill(&mut boot).is_err() {
            boot.copy_from_slice(&super::time::now().to_be_bytes()[4..]);
        }
        let boot = data_encoding::HEXLOWER.encode(&boot);
        // All of it at once: a daemon that fills it over hours would seem to leak.
        let state = Kept { last: 0, events: VecDeque::with_capacity(KEPT) };
        Feed { boot, state: Mutex::new(state), live: broadcast::channel(KEPT).0 }
    }

    /// Returns the name of an event, by which a listener comes back.
    pub fn id(&self, number: u64) -> String {
        format!("{}-{number}", self.boot)
    }

    /// Tells an event to everybody.
    pub fn push(&self, event: Event) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.last += 1;
        let numbered = Numbered { number: state.last, event };
        if state.events.len() == KEPT {
            state.events.pop_front();
        }
        state.events.push_back(numbered.clone());
        // Nobody listening is no fault.
        let _ = self.live.send(numbered);
    }

    /// Begins to listen; `last` is the name of the event seen last.
    pub fn listen(&self, last: Option<&str>) -> Subscription {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // Under the lock, so that no event falls between what was missed and what comes.
        let live = self.live.subscribe();
        let Some(last) = last else {
            return Subscription { missed: Vec::new(), lost: false, live };
        };
        let seen = last.strip_prefix(self.boot.as_str()).and_then(|rest| rest.strip_prefix('-'));
        let seen: Option<u64> = seen.and_then(|number| number.parse().ok());
        let first = state.events.front().map_or(state.last + 1, |event| event.number);
        match seen {
            Some(seen) if seen + 1 >= first && seen <= state.last => {
                let missed = state.events.iter().filter(|event| event.number > seen);
                Subscription { missed: missed.cloned().collect(), lost: false, live }
            }
            Some(_) | None => Subscription { missed: Vec::new(), lost: true, live },
        }
    }
}

/// Returns the context that an event is about.
pub fn context_of(event: &Event) -> Option<ContextId> {
    match event {
        Event::StackCreated(stack) | Event::StackHeadChanged(stack) => Some(stack.context),
        Event::FrameAdded { context, .. }
        | Event::BoardChanged { context, .. }
        | Event::BoardEditors { context, .. }
        | Event::CommentChanged { context, .. }
        | Event::AttachmentAvailable { context, .. }
        | Event::ContextChanged { context, .. }
        | Event::TicketUsed { context, .. }
        | Event::TransferProgressed { context, .. }
        | Event::TransferFinished { context, .. } => Some(*context),
        Event::PeerConnected { .. }
        | Event::PeerDisconnected { .. }
        | Event::NotificationChanged { .. }
        | Event::Notice { .. }
        | Event::Resync {} => None,
    }
}

/// Returns the name of an event on the stream.
pub fn name_of(event: &Event) -> &'static str {
    match event {
        Event::StackCreated(_) => "stack.created",
        Event::StackHeadChanged(_) => "stack.head_changed",
        Event::FrameAdded { .. } => "frame.added",
        Event::BoardChanged { .. } => "board.changed",
        Event::BoardEditors { .. } => "board.editors",
        Event::CommentChanged { .. } => "comment.changed",
        Event::AttachmentAvailable { .. } => "attachment.available",
        Event::ContextChanged { .. } => "context.changed",
        Event::PeerConnected { .. } => "peer.connected",
        Event::PeerDisconnected { .. } => "peer.disconnected",
        Event::TicketUsed { .. } => "ticket.used",
        Event::TransferProgressed { .. } => "transfer.progressed",
        Event::TransferFinished { .. } => "transfer.finished",
        Event::NotificationChanged { .. } => "notification.changed",
        Event::Notice { .. } => "notice",
        Event::Resync {} => "resync",
    }
}

/// Tells what the node tells, until it ends.
pub(super) async fn run(ops: Arc<Ops>) {
    let mut events = ops.node.subscribe();
    loop {
        let event = tokio::select! {
            () = ops.stop.cancelled() => return,
            event = events.recv() => event,
        };
        match event {
            Ok(event) => {
                if let Some(event) = ops.translate(event).await {
                    ops.feed.push(event);
                }
            }
            Err(RecvError::Lagged(lost)) => {
                // A large fetch tells of every blob; listeners look at what is here instead.
                tracing::debug!(lost, "events were lost");
                ops.feed.push(Event::Resync {});
            }
            Err(RecvError::Closed) => return,
        }
    }
}

impl Ops {
    async fn translate(&self, event: NodeEvent) -> Option<Event> {
        match event {
            NodeEvent::Sync(event) => self.translate_sync(event).await,
            NodeEvent::Connected(device) => Some(Event::PeerConnected { device }),
            NodeEvent::Disconnected(device) => Some(Event::PeerDisconnected { device }),
            NodeEvent::Progress { context, bytes, bytes_total } => {
                Some(Event::TransferProgressed { context, bytes, bytes_total })
            }
            NodeEvent::OverQuota { .. } => None,
            NodeEvent::Fetched { context, blobs, failed } => {
                Some(Event::TransferFinished { context, blobs, failed })
            }
        }
    }

    async fn translate_sync(&self, event: sync::Event) -> Option<Event> {
        if let sync::Event::Synced { device, .. } = event {
            self.note_synced(device);
        }
        match event {
            sync::Event::Stack { context, user, stack, created } => {
                let event = self.stack_event(context, user, stack).await?;
                Some(match created {
                    true => Event::StackCreated(event),
                    false => Event::StackHeadChanged(event),
                })
            }
            sync::Event::Board { context, board } => {
                let board = super::boards::board_id(context, board);
                Some(Event::BoardChanged { context, board })
            }
            sync::Event::Editing { context, board, user, device, editing } => {
                let changed = self.editors.hear((context, board), (user, device), editing);
                let board = super::boards::board_id(context, board);
                changed.then_some(Event::BoardEditors { context, board })
            }
            sync::Event::Comment { context, author, id } => {
                let comment = data_encoding::HEXLOWER.encode(&id);
                Some(Event::CommentChanged { context, author, comment })
            }
            sync::Event::Frame { context, frame } => Some(Event::FrameAdded { context, frame }),
            sync::Event::Blob { context, hash } => {
                Some(Event::AttachmentAvailable { context, hash })
            }
            sync::Event::Context(context) | sync::Event::Synced { context, .. } => {
                let me = self.me;
                let state = self.node.query(move |engine| {
                    Some(ContextScene::of(engine.context(context)?, me).state(me))
                });
                // One that was dropped stands nowhere any more.
                let state = state.await.ok()?;
                let state = state.unwrap_or(dsp_protocol::api::FollowState::Left);
                Some(Event::ContextChanged { context, state })
            }
            sync::Event::TicketUsed { context, ticket, user } => {
                Some(Event::TicketUsed { context, ticket, user })
            }
            sync::Event::NotAdmitted { context, reason, .. } => {
                let label = self.label_of(context).await;
                Some(Event::Notice {
                    text: format!("a peer of {label} does not let us in: {reason}"),
                })
            }
            sync::Event::Fork { context, device } => {
                let label = self.label_of(context).await;
                let device = device.short();
                Some(Event::Notice {
                    text: format!(
                        "device {device} signed two different things under one number in {label}; \
                         what it says from there on does not count"
                    ),
                })
            }
            sync::Event::Undone { context, stacks, others } => {
                let label = self.label_of(context).await;
                let stacks: Vec<String> = stacks.iter().map(ToString::to_string).collect();
                let push = match &stacks[..] {
                    [] => String::new(),
                    stacks => format!("; push again: {}", stacks.join(", ")),
                };
                let say = match others {
                    0 => "",
                    _ => "; look through members and tickets again",
                };
                Some(Event::Notice {
                    text: format!(
                        "what this device said in {label} since it was restored from a backup \
                         does not count{push}{say}"
                    ),
                })
            }
            sync::Event::Restored { context } => {
                let label = self.label_of(context).await;
                Some(Event::Notice {
                    text: format!(
                        "this home is older than what it signed before in {label}: it was \
                         restored from a backup, and goes on as a new incarnation"
                    ),
                })
            }
            sync::Event::Failed { context, reason } => {
                let label = self.label_of(context).await;
                Some(Event::Notice {
                    text: format!("somebody could not be let into {label} yet: {reason}"),
                })
            }
            sync::Event::Offer { context } => {
                let scene = self.scene().await.ok()?;
                let (_, offer) = self.offer(&scene, &context.to_string()).await.ok()?;
                let label = super::offers::label(&scene, &offer);
                (!offer.declined).then(|| Event::Notice {
                    text: format!("{label} is offered to you; `dsp follow {label}` takes it"),
                })
            }
            sync::Event::OtherVersion { device, .. } => Some(Event::Notice {
                text: format!(
                    "device {} speaks another version of the protocol; `dsp doctor` tells more",
                    device.short()
                ),
            }),
            // The contexts in which she has a part tell of it.
            sync::Event::Blocked { .. } => None,
            // Seen in the list of peers once a session is open.
            sync::Event::Peer { .. } => None,
        }
    }

    async fn label_of(&self, context: ContextId) -> String {
        let scene = self.scene().await.ok();
        let label = scene
            .and_then(|scene| scene.contexts.get(&context).map(|context| scene.label(context)));
        label.unwrap_or_else(|| context.short())
    }

    pub(super) async fn stack_event(
        &self,
        context: ContextId,
        user: UserId,
        stack: StackId,
    ) -> Option<StackEvent> {
        let view = self
            .node
            .query(move |engine| {
                let shown = engine.context(context).filter(|_| !engine.is_blocked(user));
                shown?.view().stack_by_id(user, stack)
            })
            .await
            .ok()??;
        let frame = view.heads.first().map(|head| head.frame);
        Some(StackEvent { context, user, stack, name: view.name.to_string(), frame })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(n: u64) -> Event {
        Event::Notice { text: n.to_string() }
    }

    #[tokio::test]
    async fn who_comes_back_gets_what_was_missed() {
        let feed = Feed::new();
        let mut listener = feed.listen(None);
        for n in 1..=3 {
            feed.push(notice(n));
        }
        assert_eq!(listener.live.recv().await.unwrap().number, 1);
        let back = feed.listen(Some(&feed.id(1)));
        assert!(!back.lost);
        assert_eq!(back.missed.iter().map(|e| e.number).collect::<Vec<_>>(), [2, 3]);
        assert_eq!(back.missed[0].event, notice(2));
        assert!(feed.listen(Some(&feed.id(3))).missed.is_empty());
    }

    #[test]
    fn who_was_away_too_long_starts_over() {
        let feed = Feed::new();
        for n in 0..KEPT as u64 + 2 {
            feed.push(notice(n));
        }
        assert!(feed.listen(Some(&feed.id(1))).lost, "the second was dropped");
        assert_eq!(feed.listen(Some(&feed.id(2))).missed.len(), KEPT);
        assert!(feed.listen(Some("00000000-7")).lost, "another run");
        assert!(feed.listen(Some(&feed.id(1 << 40))).lost, "never told");
        assert!(feed.listen(Some("nonsense")).lost);
    }
}
