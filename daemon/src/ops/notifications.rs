//! Notifications: which events become one, listed, read, and kept quiet for a context.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use dsp_protocol::api::{
    ContextInfo, Event, FollowState, NotificationInfo, NotificationKind as Kind, Page, Problem,
    ReadNotifications, SetMuted, Unread,
};
use dsp_protocol::id::{ContextId, DeviceId, DocumentId, FrameId, StackId, UserId};
use dsp_protocol::statement::CommentOn;
use dsp_protocol::sync;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

use super::node::count;
use super::paging::to_json;
use super::scene::{ContextScene, Scene};
use super::time::{now, rfc3339};
use super::{Ops, Paging};
use crate::node::NodeEvent;
use crate::store::{Notification, NotificationKind};

/// Most notifications in one page.
const PAGE: u64 = 500;
/// How long events are gathered: a burst of them is written at once.
const GATHER: Duration = Duration::from_millis(200);
/// How often the disk is looked at.
const DISK: Duration = Duration::from_secs(300);
/// Entries with which every identity log begins: its inception, and the grant of the first device.
const BEGINS: u32 = 2;
/// How much of a comment is told.
const SAID_BYTES: usize = 300;
/// A disk is nearly full where less than so many times what stays free is free.
const NEARLY: u64 = 2;

/// Which comment: where, by whom, and what names it among hers.
type CommentKey = (ContextId, UserId, [u8; 16]);

impl Ops {
    /// Lists the notifications, the latest first.
    ///
    /// # Errors
    /// The page is none, or the database fails.
    pub async fn notifications(&self, paging: &Paging) -> Result<Page, Problem> {
        let scene = self.scene().await?;
        let all = self.store.notifications().await?;
        let (page, next_cursor) = paging.cut(all, PAGE, |(id, _)| (!*id).to_be_bytes().to_vec())?;
        let items = page.into_iter().map(|(id, one)| to_json(&info(&scene, id, one)));
        Ok(Page { items: items.collect(), next_cursor, note: None })
    }

    /// Marks notifications as read.
    ///
    /// # Errors
    /// The database fails.
    pub async fn read_notifications(&self, which: ReadNotifications) -> Result<Unread, Problem> {
        let unread = self.store.read_notifications(which.id).await?;
        self.feed.push(Event::NotificationChanged { unread });
        Ok(Unread { unread })
    }

    /// Says whether nothing of a context becomes a notification.
    ///
    /// # Errors
    /// There is no such context, or the database fails.
    pub async fn set_muted(&self, label: &str, set: SetMuted) -> Result<ContextInfo, Problem> {
        let scene = self.scene().await?;
        let context = scene.context(label)?.id;
        self.store.set_muted(context, set.muted).await?;
        self.context_by_id(context).await
    }

    /// Returns how many notifications are not read.
    ///
    /// # Errors
    /// The database fails.
    pub(crate) async fn unread(&self) -> Result<u32, Problem> {
        let all = self.store.notifications().await?;
        Ok(count(all.iter().filter(|(_, one)| !one.read).count()))
    }

    /// Keeps notifications and tells that there are some. A database that fails costs them, and
    /// nothing else.
    pub(crate) async fn notify(&self, new: Vec<Notification>) {
        if new.is_empty() {
            return;
        }
        match self.store.notify(new).await {
            Ok(unread) => self.feed.push(Event::NotificationChanged { unread }),
            Err(error) => tracing::warn!(%error, "notifications are not kept"),
        }
    }

    async fn is_nearly_full(&self) -> bool {
        let free = self.home.free_bytes();
        free.is_ok_and(|free| free < self.blobs.spare().saturating_mul(NEARLY))
    }
}

/// Makes notifications of what the node tells, until the daemon stops.
pub(super) async fn run(ops: Arc<Ops>) {
    let mut events = ops.node.subscribe();
    let mut watch = Watch::all(&ops).await;
    let mut disk = tokio::time::interval(DISK);
    loop {
        let (mut heard, mut missed) = (Vec::new(), false);
        tokio::select! {
            () = ops.stop.cancelled() => return,
            event = events.recv() => match event {
                Ok(event) => heard.push(event),
                Err(RecvError::Closed) => return,
                Err(RecvError::Lagged(_)) => missed = true,
            },
            _ = disk.tick() => {
                let new = watch.disk(ops.is_nearly_full().await);
                ops.notify(new.into_iter().collect()).await;
                continue;
            }
        }
        // Most of what happens concerns nobody, and wakes nobody.
        if !missed && !heard.iter().any(matters) {
            continue;
        }
        tokio::select! {
            () = ops.stop.cancelled() => return,
            () = tokio::time::sleep(GATHER) => {}
        }
        loop {
            match events.try_recv() {
                Ok(event) => heard.push(event),
                Err(TryRecvError::Lagged(_)) => missed = true,
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        let mut new = Vec::new();
        for event in heard.iter().filter(|event| matters(event)) {
            new.extend(watch.note(&ops, event).await);
        }
        if missed {
            new.extend(watch.catch_up(&ops).await);
        }
        ops.notify(merged(new)).await;
    }
}

/// What is known already, so that only what is new is told.
#[derive(Debug, Default)]
struct Watch {
    /// The heads of stacks of others.
    heads: BTreeMap<(ContextId, UserId, StackId), FrameId>,
    /// Contexts that were synced once: what comes before that is not new to anybody.
    synced: BTreeSet<ContextId>,
    /// Comments of others.
    comments: BTreeSet<CommentKey>,
    /// Whether it was told that the disk is nearly full.
    full: bool,
}

impl Watch {
    /// Looks at all that is here.
    async fn all(ops: &Ops) -> Watch {
        let me = ops.me;
        let found = ops.node.query(move |engine| {
            let mut all = Watch::default();
            for context in engine.contexts() {
                let state = ContextScene::of(context, me).state(me);
                if !matches!(state, FollowState::Waiting) {
                    all.synced.insert(context.id());
                }
                let view = context.view();
                for stack in view.stacks().into_iter().filter(|stack| stack.owner != me) {
                    let head = stack.heads.first().map(|head| head.frame);
                    let key = (context.id(), stack.owner, stack.stack);
                    all.heads.extend(head.map(|frame| (key, frame)));
                }
                let comments = view.comments().into_iter().filter(|one| one.author != me);
                all.comments.extend(comments.map(|one| (context.id(), one.author, one.id)));
            }
            all
        });
        found.await.unwrap_or_default()
    }

    /// Notes what happened while more was told than could be heard.
    async fn catch_up(&mut self, ops: &Ops) -> Vec<Notification> {
        let now = Watch::all(ops).await;
        let mut new = Vec::new();
        for (context, user, stack) in now.heads.keys() {
            new.extend(self.pushed(ops, *context, *user, *stack).await);
        }
        for (context, author, id) in now.comments {
            new.extend(self.said(ops, context, author, id).await);
        }
        self.synced.extend(now.synced);
        new
    }

    /// Returns what is to be told of how full the disk is.
    fn disk(&mut self, nearly_full: bool) -> Option<Notification> {
        let before = std::mem::replace(&mut self.full, nearly_full);
        let text = "the disk is nearly full: once it is, nothing large is written any more";
        (nearly_full && !before).then(|| Notification {
            text: text.to_owned(),
            ..Notification::new(NotificationKind::Disk, now())
        })
    }

    async fn note(&mut self, ops: &Ops, event: &NodeEvent) -> Option<Notification> {
        let new = |kind| Notification::new(kind, now());
        let of = |kind, context: ContextId| Notification { context: Some(context), ..new(kind) };
        match event {
            NodeEvent::Sync(event) => self.note_sync(ops, event).await,
            NodeEvent::Fetched { context, failed, .. } if *failed > 0 => Some(Notification {
                text: format!("{failed} files that are wanted could not be had from anybody"),
                ..of(NotificationKind::Transfer, *context)
            }),
            NodeEvent::OverQuota { context } => Some(Notification {
                text: "the quota is reached: what is newer does not come by itself".to_owned(),
                ..of(NotificationKind::Disk, *context)
            }),
            NodeEvent::Fetched { .. }
            | NodeEvent::Connected(_)
            | NodeEvent::Disconnected(_)
            | NodeEvent::Progress { .. } => None,
        }
    }

    async fn note_sync(&mut self, ops: &Ops, event: &sync::Event) -> Option<Notification> {
        let of = |kind, context: ContextId| Notification {
            context: Some(context),
            ..Notification::new(kind, now())
        };
        match event {
            sync::Event::Stack { context, user, stack, .. } => {
                self.pushed(ops, *context, *user, *stack).await
            }
            sync::Event::Comment { context, author, id } => {
                self.said(ops, *context, *author, *id).await
            }
            sync::Event::Synced { context, .. } => {
                self.synced.insert(*context);
                None
            }
            // That I came in myself is no news to me.
            sync::Event::TicketUsed { user, .. } if *user == ops.me => None,
            sync::Event::TicketUsed { context, user, .. } => {
                Some(Notification { user: Some(*user), ..of(NotificationKind::Ticket, *context) })
            }
            sync::Event::Offer { context } => {
                let scene = ops.scene().await.ok()?;
                let (_, offer) = ops.offer(&scene, &context.to_string()).await.ok()?;
                let label = super::offers::label(&scene, &offer);
                (!offer.declined).then(|| Notification {
                    user: Some(offer.from),
                    text: format!("{label} is offered to you"),
                    ..of(NotificationKind::Offer, *context)
                })
            }
            sync::Event::Peer { device, user } => self.met(ops, *device, *user).await,
            sync::Event::Fork { context, device } => Some(Notification {
                text: format!(
                    "device {} signed two different things under one number; what it says from \
                     there on does not count",
                    device.short()
                ),
                ..of(NotificationKind::Key, *context)
            }),
            sync::Event::Undone { context, .. } => Some(Notification {
                text: "what this device said since it was restored from a backup does not count"
                    .to_owned(),
                ..of(NotificationKind::Notice, *context)
            }),
            sync::Event::Restored { context } => Some(Notification {
                text: "this home was restored from a backup, and goes on as a new incarnation"
                    .to_owned(),
                ..of(NotificationKind::Notice, *context)
            }),
            sync::Event::Failed { context, reason } => Some(Notification {
                text: format!("somebody could not be let in yet: {reason}"),
                ..of(NotificationKind::Notice, *context)
            }),
            sync::Event::Frame { .. }
            | sync::Event::Blob { .. }
            | sync::Event::Board { .. }
            | sync::Event::Editing { .. }
            | sync::Event::Context(_)
            | sync::Event::NotAdmitted { .. }
            | sync::Event::OtherVersion { .. }
            | sync::Event::Blocked { .. } => None,
        }
    }

    /// Notes that a stack of somebody else is at another frame, not that it has another name or tag.
    async fn pushed(
        &mut self,
        ops: &Ops,
        context: ContextId,
        user: UserId,
        stack: StackId,
    ) -> Option<Notification> {
        if user == ops.me {
            return None;
        }
        let event = ops.stack_event(context, user, stack).await?;
        let frame = event.frame?;
        let before = self.heads.insert((context, user, stack), frame);
        (before != Some(frame) && self.synced.contains(&context)).then(|| Notification {
            context: Some(context),
            user: Some(user),
            stack: Some(event.name),
            frame: Some(frame),
            ..Notification::new(NotificationKind::Head, now())
        })
    }

    /// Notes that somebody else said something, not that she said it otherwise.
    async fn said(
        &mut self,
        ops: &Ops,
        context: ContextId,
        author: UserId,
        id: [u8; 16],
    ) -> Option<Notification> {
        if author == ops.me || !self.comments.insert((context, author, id)) {
            return None;
        }
        let comment = ops.comment_view(context, author, id).await.ok()??;
        let text = comment.text.filter(|_| self.synced.contains(&context))?;
        let scene = ops.scene().await.ok()?;
        if scene.blocked.contains(&author) {
            return None;
        }
        let (stack, frame, board) = match comment.on {
            CommentOn::Stack { user, stack } => (Some((user, stack)), None, None),
            CommentOn::Frame { user, stack, frame } => (Some((user, stack)), Some(frame), None),
            CommentOn::Card { creator, nonce, .. } => {
                (None, None, Some(DocumentId::board(context, creator, nonce)))
            }
        };
        let name = |(user, stack)| {
            let held = scene.contexts.get(&context)?;
            held.live()
                .find(|one| (one.owner, one.stack) == (user, stack))
                .map(|one| one.name.to_string())
        };
        Some(Notification {
            context: Some(context),
            user: Some(author),
            stack: stack.and_then(name),
            frame,
            board,
            text: text[..text.floor_char_boundary(SAID_BYTES)].to_owned(),
            ..Notification::new(NotificationKind::Comment, now())
        })
    }

    /// Notes that the identity log of a user who was met before has grown.
    async fn met(&self, ops: &Ops, device: DeviceId, user: UserId) -> Option<Notification> {
        if user == ops.me {
            return None;
        }
        let entries = ops.node.query(move |engine| engine.log(user).map(|log| count(log.len())));
        let entries = entries.await.ok()??;
        let before = ops.store.see_log(user, entries).await.ok()??;
        // She begins with two entries, which may come one after the other.
        (before >= BEGINS && before < entries).then(|| Notification {
            user: Some(user),
            text: format!("a device or a key was added or taken away; {} is one", device.short()),
            ..Notification::new(NotificationKind::Key, now())
        })
    }
}

/// Tells whether an event may become a notification, or has to be known for others.
fn matters(event: &NodeEvent) -> bool {
    match event {
        NodeEvent::Sync(event) => !matches!(
            event,
            sync::Event::Frame { .. }
                | sync::Event::Blob { .. }
                | sync::Event::Board { .. }
                | sync::Event::Editing { .. }
                | sync::Event::Context(_)
        ),
        NodeEvent::Fetched { failed, .. } => *failed > 0,
        NodeEvent::OverQuota { .. } => true,
        NodeEvent::Connected(_) | NodeEvent::Disconnected(_) | NodeEvent::Progress { .. } => false,
    }
}

/// Counts pushes of one user to one stack in one burst once.
fn merged(new: Vec<Notification>) -> Vec<Notification> {
    let mut kept: Vec<Notification> = Vec::new();
    for one in new {
        kept.retain(|before| {
            let about = |one: &Notification| (one.kind, one.context, one.user, one.stack.clone());
            one.kind != NotificationKind::Head || about(before) != about(&one)
        });
        kept.push(one);
    }
    kept
}

fn info(scene: &Scene, id: u64, one: Notification) -> NotificationInfo {
    let context = one.context.and_then(|context| scene.contexts.get(&context));
    let label = context.map(|context| scene.label(context));
    let name = one.user.map(|user| scene.names.of(user)).unwrap_or_default();
    let place = label.as_deref().map(|label| format!(" in {label}")).unwrap_or_default();
    let stack = one.stack.as_deref().unwrap_or_default();
    let text = match (one.kind, one.times) {
        (NotificationKind::Head, 0 | 1) => format!("{name} pushed {stack}{place}"),
        (NotificationKind::Head, times) => {
            format!("{name} pushed {times} times{place}, the last time {stack}")
        }
        (NotificationKind::Comment, _) => {
            let on = match (&one.stack, one.board) {
                (Some(stack), _) => format!(" on {stack}"),
                (None, Some(_)) => " on a dashboard".to_owned(),
                (None, None) => String::new(),
            };
            format!("{name} said{on}{place}: {}", one.text)
        }
        (NotificationKind::Ticket, _) => {
            let into = label.as_deref().unwrap_or("a context");
            format!("{name} came into {into} by a ticket")
        }
        (NotificationKind::Key, _) if one.user.is_some() => {
            format!("the keys of {name} changed: {}", one.text)
        }
        (NotificationKind::Offer, _) => one.text,
        (_, _) => match &label {
            Some(label) => format!("{label}: {}", one.text),
            None => one.text,
        },
    };
    NotificationInfo {
        id,
        at: rfc3339(one.at),
        kind: kind(one.kind),
        text,
        context: one.context,
        label,
        user: one.user.map(|user| scene.names.named(user)),
        stack: one.stack,
        frame: one.frame,
        board: one.board,
        times: one.times,
        read: one.read,
    }
}

fn kind(kind: NotificationKind) -> Kind {
    match kind {
        NotificationKind::Head => Kind::Head,
        NotificationKind::Comment => Kind::Comment,
        NotificationKind::Ticket => Kind::Ticket,
        NotificationKind::Offer => Kind::Offer,
        NotificationKind::Key => Kind::Key,
        NotificationKind::Disk => Kind::Disk,
        NotificationKind::Transfer => Kind::Transfer,
        NotificationKind::Notice => Kind::Notice,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_once_until_there_is_room() {
        let mut watch = Watch::default();
        assert!(watch.disk(false).is_none());
        assert!(watch.disk(true).is_some());
        assert!(watch.disk(true).is_none());
        assert!(watch.disk(false).is_none());
        assert!(watch.disk(true).is_some());
    }

    #[test]
    fn a_burst_to_one_stack_counts_once() {
        let pushed = |stack: &str, frame: u8| Notification {
            stack: Some(stack.to_owned()),
            frame: Some(FrameId::from_bytes([frame; 32])),
            ..Notification::new(NotificationKind::Head, 1)
        };
        let notice = Notification::new(NotificationKind::Notice, 1);
        let kept = merged(vec![pushed("a", 1), notice.clone(), pushed("a", 2), pushed("b", 3)]);
        assert_eq!(kept, [notice, pushed("a", 2), pushed("b", 3)]);
    }
}
