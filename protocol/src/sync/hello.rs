//! The hello: from an open stream to channels, telling strangers nothing.
//!
//! A tag is a keyed hash of both device keys, both nonces and the sender's role, so it means
//! nothing to who lacks the interest key, cannot be replayed in another session and cannot be
//! reflected. The number of tags is padded to a power of two with random ones.

use std::collections::BTreeSet;

use rand::Rng;

use super::commands::random;
use super::context::Context;
use super::event::{Output, SessionRole, Severity};
use super::node::{Cx, Node};
use super::session::{Admission, Channel, Session};
use crate::id::{ContextId, DeviceId};
use crate::limits;
use crate::statement::Interest;
use crate::wire::{BOARDS_FEATURE, ByeCode, Message, Tag, VERSIONS};

/// Generations of an interest key that open a session to anybody: the current and the previous
/// one. Besides them those of tickets that hold do.
const GENERATIONS: usize = 2;
/// Generations that are shown to a device of somebody who has or had a part in the context, and may
/// have been away while others were removed. Of such a one any generation is answered.
const GENERATIONS_SHOWN: usize = 16;

impl Node {
    pub(super) fn session_up(&mut self, cx: &mut Cx<'_>, device: DeviceId, role: SessionRole) {
        self.dial_succeeded(device);
        if self.is_barred(device) {
            return self.bar(cx, device);
        }
        if self.sessions.contains_key(&device) {
            self.drop_session(cx, device);
        }
        let nonce = random(cx);
        self.sessions.insert(device, Session::new(role, nonce, cx.now));
        let features = vec![BOARDS_FEATURE.to_owned()];
        cx.send(device, &Message::Hi { versions: VERSIONS.to_vec(), nonce, features });
    }

    pub(super) fn session_down(&mut self, cx: &mut Cx<'_>, device: DeviceId) {
        if self.sessions.contains_key(&device) {
            self.drop_session(cx, device);
            self.redial_later(cx, device);
        }
    }

    /// Forgets a session and what was asked for on it.
    pub(super) fn drop_session(&mut self, cx: &mut Cx<'_>, device: DeviceId) {
        let Some(session) = self.sessions.remove(&device) else { return };
        if !session.channels.is_empty() {
            self.dial_missed(cx.now, device);
        }
        for channel in session.channels.into_values() {
            self.forget_asked(channel.context, device);
            self.pump_context(cx, channel.context);
        }
    }

    pub(super) fn message(&mut self, cx: &mut Cx<'_>, device: DeviceId, bytes: &[u8]) {
        let Some(session) = self.sessions.get_mut(&device) else { return };
        if session.channels.is_empty() {
            session.hello_bytes += bytes.len();
            if session.hello_bytes > limits::HELLO_BYTES {
                return self.end_session(cx, device, Severity::Mild, "too much before a match");
            }
        }
        let message = match Message::decode(bytes) {
            Ok(message) => message,
            Err(error) => {
                let reason = format!("sent what is no message: {error}");
                return self.end_session(cx, device, Severity::Grave, &reason);
            }
        };
        match message {
            Message::Hi { versions, nonce, features } => {
                if let Some(session) = self.sessions.get_mut(&device) {
                    session.boards = features.iter().any(|feature| feature == BOARDS_FEATURE);
                }
                self.on_hi(cx, device, &versions, nonce);
            }
            Message::Tags { tags } => self.on_tags(cx, device, &tags),
            Message::Bye { code } => self.on_bye(cx, device, code),
            Message::Unknown => {}
            Message::Open { tag, user, log, redeem } => {
                self.on_open(cx, device, tag, user, log, redeem);
            }
            Message::Deny { tag, code, proof } => self.on_deny(cx, device, tag, code, proof),
            Message::LogWant { tag, user, from } => self.on_log_want(cx, device, tag, user, from),
            Message::Log { tag, user, from, entries, more } => {
                self.on_log(cx, device, tag, user, from, (entries, more));
            }
            Message::Have { tag, logs, docs, whole } => {
                self.on_have(cx, device, tag, &logs, &docs, whole);
            }
            Message::Want { tag, catalog, from } => self.on_want(cx, device, tag, catalog, from),
            Message::Envelopes { tag, catalog, envelopes } => {
                self.on_envelopes(cx, device, tag, catalog, envelopes);
            }
            Message::Statements { tag, statements } => {
                self.on_statements(cx, device, tag, statements);
            }
            Message::Fork { tag, catalog, proof } => {
                self.on_fork(cx, device, tag, catalog, &proof);
            }
            Message::BoardHave { tag, board, epoch, lines, asks } => {
                self.on_board_have(cx, device, tag, board, (epoch, &lines, asks));
            }
            Message::BoardEnvelopes { tag, board, envelopes, more } => {
                self.on_board_envelopes(cx, device, tag, board, envelopes, more);
            }
            Message::BoardFork { tag, board, user, proof } => {
                self.on_board_fork(cx, device, tag, board, user, &proof);
            }
            Message::BoardEditing { tag, board, editing } => {
                self.on_board_editing(cx, device, tag, board, editing);
            }
            Message::Contexts { tag, contexts } => self.on_contexts(cx, device, tag, contexts),
            Message::Peers { tag, peers } => self.on_peers(cx, device, tag, peers),
            Message::Offer { tag, offers } => self.on_offer(cx, device, tag, offers),
            Message::WantFrames { tag, frames } => self.on_want_frames(cx, device, tag, frames),
            Message::Frames { tag, frames, missing } => {
                self.on_frames(cx, device, tag, frames, missing);
            }
        }
    }

    /// Ends a session for a fault of the peer.
    pub(super) fn end_session(
        &mut self,
        cx: &mut Cx<'_>,
        device: DeviceId,
        severity: Severity,
        reason: &str,
    ) {
        cx.penalty(device, severity, reason.to_owned());
        cx.out.push(Output::Close { device, again: false });
        self.drop_session(cx, device);
        self.redial_later(cx, device);
    }

    fn on_hi(&mut self, cx: &mut Cx<'_>, device: DeviceId, versions: &[u16], nonce: [u8; 32]) {
        let Some(session) = self.sessions.get_mut(&device) else { return };
        if session.peer_nonce.is_some() {
            return;
        }
        if !versions.iter().any(|v| VERSIONS.contains(v)) {
            cx.send(device, &Message::Bye { code: ByeCode::Nothing });
            cx.out.push(Output::Close { device, again: false });
            self.drop_session(cx, device);
            self.redial_later(cx, device);
            return self.dial_other_version(cx, device, versions);
        }
        session.peer_nonce = Some(nonce);
        self.dial_same_version(device);
        let Some(session) = self.sessions.get_mut(&device) else { return };
        if session.role == SessionRole::Initiator {
            session.tags_done = true;
            let hello = Hello::of(session, self.device, device).expect("the nonce is here");
            let contexts = self.contexts.values().filter(|c| c.says_hello());
            let mut interests: Vec<(usize, Interest)> = contexts
                .flat_map(|c| {
                    let shown = self.interests_for(c, device, GENERATIONS_SHOWN, cx.now);
                    shown.into_iter().enumerate()
                })
                .collect();
            // The newest of every context come first, in case there are too many.
            interests.sort_by_key(|(age, _)| *age);
            let mut tags: Vec<Tag> = interests
                .iter()
                .map(|(_, interest)| hello.tag(interest, SessionRole::Initiator))
                .take(limits::HELLO_TAGS_MAX)
                .collect();
            let padded = tags.len().next_power_of_two().max(limits::HELLO_TAGS_MIN);
            while tags.len() < padded {
                tags.push(random(cx));
            }
            shuffle(&mut tags, cx.rng);
            cx.send(device, &Message::Tags { tags });
        }
    }

    fn on_tags(&mut self, cx: &mut Cx<'_>, device: DeviceId, tags: &[Tag]) {
        let Some(session) = self.sessions.get(&device) else { return };
        let Some(hello) = Hello::of(session, self.device, device) else { return };
        if !session.channels.is_empty()
            || (session.role == SessionRole::Responder && session.tags_done)
        {
            return;
        }
        // Which of my contexts the peer named, or answered to.
        let (shown_by, most) = match session.role {
            SessionRole::Initiator => (SessionRole::Responder, GENERATIONS_SHOWN),
            SessionRole::Responder => (SessionRole::Initiator, usize::MAX),
        };
        let tags: BTreeSet<&Tag> = tags.iter().collect();
        let mut matches: Vec<(ContextId, Interest)> = Vec::new();
        for context in self.contexts.values().filter(|c| c.says_hello()) {
            let mut interests = self.interests_for(context, device, most, cx.now).into_iter();
            let matched = interests.find(|i| tags.contains(&hello.tag(i, shown_by)));
            matches.extend(matched.map(|interest| (context.id(), interest)));
        }
        let role = session.role;
        let session = self.sessions.get_mut(&device).expect("the session was just used");
        session.tags_done = true;
        for (context, interest) in &matches {
            let tag = hello.tag(interest, SessionRole::Initiator);
            session.channels.insert(tag, Channel::new(*context, interest.generation, cx.now));
        }
        if role == SessionRole::Responder {
            let answer =
                matches.iter().map(|(_, i)| hello.tag(i, SessionRole::Responder)).collect();
            cx.send(device, &Message::Tags { tags: answer });
        }
        if !matches.is_empty() {
            self.dial_useful(device);
        }
        let tags: Vec<Tag> = self.sessions[&device].channels.keys().copied().collect();
        for tag in tags {
            self.send_open(cx, device, tag);
        }
    }

    /// Returns the interest keys that open a session in a context to a device, newest first.
    ///
    /// Who was removed keeps the old keys, so an old one is no ground to say a word. The device
    /// is one, which the connection proved: where the identity logs make it one of a member's, or of
    /// a removed one who is owed the proof, it may have missed any number of removals, and `most`
    /// generations open the session. Any other may hold a ticket.
    fn interests_for(
        &self,
        context: &Context,
        device: DeviceId,
        most: usize,
        now: i64,
    ) -> Vec<Interest> {
        let mut users = self.logs.iter().filter(|(_, log)| log.devices().any(|d| d.0 == device));
        let known = users.any(|(user, _)| {
            self.is_known_in(context.id(), *user) || context.view.was_removed(*user)
        });
        if known {
            context.open_interests(most)
        } else {
            context.ticket_interests(GENERATIONS, most, now)
        }
    }

    fn send_open(&mut self, cx: &mut Cx<'_>, device: DeviceId, tag: Tag) {
        let context = self.sessions[&device].channels[&tag].context;
        let Some(log) = self.logs.get(&self.user) else { return };
        let redeem = self.contexts[&context].record.admission.as_ref().map(|a| a.redeem.clone());
        cx.send(device, &Message::Open { tag, user: self.user, log: log.digest(), redeem });
    }

    /// Says again who I am, where the peer has not told what it has.
    pub(super) fn open_again(&mut self, cx: &mut Cx<'_>, device: DeviceId, tag: Tag) {
        if self.channel(device, tag).is_some_and(|(channel, _)| !channel.told) {
            self.send_open(cx, device, tag);
        }
    }

    fn on_bye(&mut self, cx: &mut Cx<'_>, device: DeviceId, code: ByeCode) {
        cx.out.push(Output::Close { device, again: code == ByeCode::Again });
        self.drop_session(cx, device);
        if code != ByeCode::Again {
            self.redial_later(cx, device);
        }
    }

    /// Ends sessions whose hello takes too long or that have nothing in common.
    pub(super) fn expire_hellos(&mut self, cx: &mut Cx<'_>) {
        let late: Vec<DeviceId> = self
            .sessions
            .iter()
            .filter(|(_, s)| s.channels.is_empty() && hello_deadline(s) <= cx.now)
            .map(|(device, _)| *device)
            .collect();
        for device in late {
            cx.send(device, &Message::Bye { code: ByeCode::Nothing });
            cx.out.push(Output::Close { device, again: false });
            self.drop_session(cx, device);
            self.redial_later(cx, device);
        }
    }

    pub(super) fn session_deadlines(&self) -> impl Iterator<Item = i64> {
        self.sessions.values().flat_map(|session| {
            let hello = session.channels.is_empty().then(|| hello_deadline(session));
            hello.into_iter().chain(session.channels.values().map(|c| c.probe_at))
        })
    }

    /// Returns the channel of a message, if it is one of the session.
    pub(super) fn channel(&self, device: DeviceId, tag: Tag) -> Option<(&Channel, &Context)> {
        let channel = self.sessions.get(&device)?.channels.get(&tag)?;
        Some((channel, self.contexts.get(&channel.context)?))
    }

    /// As [`channel`](Self::channel), to change the channel.
    pub(super) fn channel_mut(&mut self, device: DeviceId, tag: Tag) -> Option<&mut Channel> {
        self.sessions.get_mut(&device)?.channels.get_mut(&tag)
    }

    /// Returns every channel of a context: device, tag and channel.
    pub(super) fn channels_of(&self, context: ContextId) -> Vec<(DeviceId, Tag)> {
        let channels = self.sessions.iter().filter_map(|(device, session)| {
            session.channel_of(context).map(|(tag, _)| (*device, tag))
        });
        channels.collect()
    }

    /// As [`channels_of`](Self::channels_of), only those whose peer is admitted.
    pub(super) fn admitted_channels(&self, context: ContextId) -> Vec<(DeviceId, Tag)> {
        let mut channels = self.channels_of(context);
        channels.retain(|(device, tag)| {
            matches!(self.sessions[device].channels[tag].admission, Admission::Admitted(_))
        });
        channels
    }
}

fn hello_deadline(session: &Session) -> i64 {
    // Unmatched sessions live longer than the hello takes, so that "no match" and "slow" look
    // alike from outside.
    let limit = if session.tags_done { limits::UNMATCHED_MS } else { limits::HELLO_MS };
    session.since + limit
}

fn shuffle(tags: &mut [Tag], rng: &mut dyn Rng) {
    for i in (1..tags.len()).rev() {
        let j = rng.next_u64() % (i as u64 + 1);
        tags.swap(i, j as usize);
    }
}

/// What the tags of one session are made from.
struct Hello {
    initiator: (DeviceId, [u8; 32]),
    responder: (DeviceId, [u8; 32]),
}

impl Hello {
    /// Returns none before the peer's nonce came.
    fn of(session: &Session, me: DeviceId, peer: DeviceId) -> Option<Self> {
        let (mine, theirs) = ((me, session.nonce), (peer, session.peer_nonce?));
        Some(match session.role {
            SessionRole::Initiator => Hello { initiator: mine, responder: theirs },
            SessionRole::Responder => Hello { initiator: theirs, responder: mine },
        })
    }

    fn tag(&self, interest: &Interest, shown_by: SessionRole) -> Tag {
        let mut hasher = blake3::Hasher::new_keyed(&interest.key);
        hasher.update(match shown_by {
            SessionRole::Initiator => b"i",
            SessionRole::Responder => b"r",
        });
        for device in [self.initiator.0, self.responder.0] {
            hasher.update(device.as_bytes());
        }
        for nonce in [&self.initiator.1, &self.responder.1] {
            hasher.update(nonce);
        }
        hasher.update(&interest.generation.to_be_bytes());
        hasher.finalize().as_bytes()[..16].try_into().expect("a hash has 32 bytes")
    }
}
