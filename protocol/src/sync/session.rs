//! A session: one sync stream with one device, and its channels, one for each common context.

use std::collections::{BTreeMap, BTreeSet};

use super::context::first_of;
use super::event::{Provider, SessionRole};
use super::logs::{LogAsk, LogTaken};
use crate::id::{ChangeId, ContextId, DeviceId, UserId};
use crate::statement::{Role, Verified};
use crate::wire::{BoardKey, CatalogKey, DenyCode, LogDigest, Offer, Tag};

/// How long an answer may take before the same is asked again or of another, in milliseconds.
pub(super) const ASK_MS: i64 = 5_000;
/// The first wait before a channel says again what is here, in milliseconds.
pub(super) const PROBE_FIRST_MS: i64 = 2_000;
/// The longest such wait, in milliseconds: an idle channel costs a few hundred bytes in that time.
pub(super) const PROBE_LONGEST_MS: i64 = 600_000;

/// One sync stream with one device.
#[derive(Debug)]
pub(super) struct Session {
    pub role: SessionRole,
    /// When it began, for the deadlines of the hello.
    pub since: i64,
    pub nonce: [u8; 32],
    /// The peer's nonce, once its `Hi` came.
    pub peer_nonce: Option<[u8; 32]>,
    /// Bytes taken before the first context matched.
    pub hello_bytes: usize,
    /// Whether the peer knows dashboards.
    pub boards: bool,
    /// Whether the tags went out (initiator) or were answered (responder).
    pub tags_done: bool,
    /// Whether a device of this user was told what she takes part in.
    pub handed: bool,
    /// Channels by the initiator's tag.
    pub channels: BTreeMap<Tag, Channel>,
    /// Contexts that were offered to the peer.
    pub offered: BTreeSet<ContextId>,
}

/// What a session is in one context.
#[derive(Debug)]
pub(super) struct Channel {
    pub context: ContextId,
    /// The generation of the interest key that matched.
    pub generation: u32,
    /// The peer's user, once it said so.
    pub user: Option<UserId>,
    /// The redemption that the peer showed, verified.
    pub redeem: Option<Verified>,
    pub admission: Admission,
    /// Why the peer does not serve us, if it said so.
    pub denied: Option<DenyCode>,
    /// Whether the peer told what it has, which means that it admits us.
    pub told: bool,
    /// Whether frames and blobs are asked of the peer: it told what it has, and is admitted. Who
    /// is not, a removed member for one, does not learn what is lacking here.
    pub serves: bool,
    /// Whether [`super::Event::Synced`] was emitted since the peer's last whole `Have`.
    pub synced: bool,
    /// What the peer is known to have of each catalog.
    pub known: BTreeMap<CatalogKey, (u64, ChangeId)>,
    /// Catalogs asked for on this channel, with when.
    pub asked: BTreeMap<CatalogKey, i64>,
    /// Catalogs asked for on this channel in vain: the answer was late, or brought less than the
    /// peer says that it has. Others are asked beside it.
    pub in_vain: BTreeSet<CatalogKey>,
    /// Catalogs of which the peer has nothing that can be taken, by the number of our last
    /// envelope; not asked for again until ours goes on.
    pub set_aside: BTreeMap<CatalogKey, u64>,
    /// Catalogs of whose fork the peer was told because it has what is behind, with the number.
    pub forks_told: BTreeMap<CatalogKey, u64>,
    /// Forks on dashboards of which the peer was told, or which it told, with the number.
    pub board_forks_told: BTreeMap<(BoardKey, CatalogKey), u64>,
    /// Identity logs asked for on this channel.
    pub asked_logs: BTreeMap<UserId, LogAsk>,
    /// Identity logs taken from the peer to their end.
    pub taken_logs: BTreeMap<UserId, LogTaken>,
    /// When the peer was asked for statements of this very device that are not here.
    pub own_asked: Option<i64>,
    /// Frames asked for on this channel that did not come yet.
    pub asked_frames: BTreeSet<crate::id::FrameId>,
    /// When frames were last asked for on this channel, or came.
    pub frames_at: i64,
    /// How often in a row the peer let frames that were asked for wait too long.
    pub late: u32,
    /// Users whose logs the peer has and who are none of this node's business yet.
    pub later_logs: BTreeMap<UserId, Option<LogDigest>>,
    /// Where the peer says that it is itself; kept here until it is admitted.
    pub itself: Option<Vec<String>>,
    /// Where the peer says that other devices are.
    pub heard: BTreeMap<DeviceId, Vec<String>>,
    /// Contexts that the peer offers; kept here until it is admitted.
    pub offers: Vec<Offer>,
    /// When the channel says again what is here.
    pub probe_at: i64,
    pub probe_step: i64,
}

/// Whether a peer may be served in a context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// Not known yet: its log, or the owner's statements, are not here.
    Pending,
    /// With this role.
    Admitted(Role),
    /// Refused, and told so.
    Denied(DenyCode),
}

impl Admission {
    pub(super) fn is_admitted(self) -> bool {
        matches!(self, Admission::Admitted(_))
    }
}

impl Session {
    pub(super) fn new(role: SessionRole, nonce: [u8; 32], now: i64) -> Self {
        Session {
            role,
            since: now,
            nonce,
            peer_nonce: None,
            hello_bytes: 0,
            boards: false,
            tags_done: false,
            handed: false,
            channels: BTreeMap::new(),
            offered: BTreeSet::new(),
        }
    }

    /// Returns the tag and channel of a context.
    pub(super) fn channel_of(&self, context: ContextId) -> Option<(Tag, &Channel)> {
        self.channels.iter().find(|(_, c)| c.context == context).map(|(tag, c)| (*tag, c))
    }

    /// As [`channel_of`](Self::channel_of), to change it.
    pub(super) fn channel_of_mut(&mut self, context: ContextId) -> Option<(Tag, &mut Channel)> {
        self.channels.iter_mut().find(|(_, c)| c.context == context).map(|(tag, c)| (*tag, c))
    }
}

impl Channel {
    pub(super) fn new(context: ContextId, generation: u32, now: i64) -> Self {
        Channel {
            context,
            generation,
            user: None,
            redeem: None,
            admission: Admission::Pending,
            denied: None,
            told: false,
            serves: false,
            synced: false,
            known: BTreeMap::new(),
            asked: BTreeMap::new(),
            in_vain: BTreeSet::new(),
            set_aside: BTreeMap::new(),
            forks_told: BTreeMap::new(),
            board_forks_told: BTreeMap::new(),
            asked_logs: BTreeMap::new(),
            taken_logs: BTreeMap::new(),
            own_asked: None,
            asked_frames: BTreeSet::new(),
            frames_at: now,
            late: 0,
            later_logs: BTreeMap::new(),
            itself: None,
            heard: BTreeMap::new(),
            offers: Vec::new(),
            probe_at: now + PROBE_FIRST_MS,
            probe_step: PROBE_FIRST_MS,
        }
    }

    pub(super) fn is_admitted(&self) -> bool {
        self.admission.is_admitted()
    }

    pub(super) fn is_denied(&self) -> bool {
        matches!(self.admission, Admission::Denied(_))
    }

    /// Finds out anew whether the peer serves us; returns whether it began to.
    pub(super) fn look_again(&mut self) -> bool {
        let before = self.serves;
        self.serves = self.told && self.is_admitted();
        self.serves && !before
    }

    /// Tells whether the peer says that it has a catalog of a user.
    pub(super) fn offers_of(&self, user: UserId) -> bool {
        self.known.range(first_of(user)..).next().is_some_and(|(key, _)| key.user == user)
    }

    /// Says again soon what is here, because something just changed.
    pub(super) fn probe_soon(&mut self, now: i64) {
        self.probe_step = PROBE_FIRST_MS;
        self.probe_at = now + self.probe_step;
    }

    /// Names the channel to the blob downloader.
    pub(super) fn provider(&self, device: DeviceId, tag: Tag) -> Provider {
        Provider { device, tag, generation: self.generation }
    }
}
