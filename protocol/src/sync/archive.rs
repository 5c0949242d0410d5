//! Archives: what is written into one, and how one is taken in.
//!
//! An archive is brought by the user and written by anybody. So it goes through what a peer's
//! messages go through: envelopes wait, are judged and stored by the same steps, frames have to be
//! named by a head, by a tag or by a frame that is here, and blobs by those. What differs is who is
//! told: there is no session to end, so that a part that breaks a rule fails as a command does.

use std::collections::BTreeSet;

use super::authority::Authority;
use super::boards::BoardSlot;
use super::catalogs::Brought;
use super::context::{BlobPhase, BlobState, Catalog, Context, FrameMeta, Wish};
use super::event::{
    ArchivePart, BlobWant, Command, CommandError, CommandId, ContextRecord, Imported, Record,
    Reply, Standing,
};
use super::forks::proves;
use super::logs::EntrySource;
use super::node::{Cx, Node, Task};
use crate::api::Policy;
use crate::context::Genesis;
use crate::doc::{Envelope, ForkProof};
use crate::id::{BlobHash, ContextId, FrameId, UserId};
use crate::identity::IdentityLog;
use crate::limits;
use crate::object::Frame;
use crate::statement::{Role, Statement, Verified};
use crate::wire::{BoardKey, CatalogKey};

/// Proofs of forks on a dashboard, with whose device made each.
type BoardProofs = Vec<(UserId, Vec<u8>)>;

/// A part of an archive that is being judged or stored.
#[derive(Debug)]
pub(super) struct Import {
    id: CommandId,
    context: ContextId,
    open: Open,
    /// What is settled of it.
    count: Imported,
    /// Why it failed, where it did.
    error: Option<CommandError>,
}

/// What a part waits for.
#[derive(Debug)]
enum Open {
    /// These numbers of a catalog, which ended with another one before.
    Catalog { key: CatalogKey, numbers: BTreeSet<u64>, before: u64 },
    /// The proof about a catalog.
    Fork(CatalogKey),
    /// These changes of a dashboard, with how many of them were here before.
    Board { board: BoardKey, changes: Vec<(CatalogKey, u64)>, known: u64 },
    /// The proof of a fork on a dashboard.
    BoardFork(BoardKey),
    /// Frames on their way to the store.
    Frames(BTreeSet<FrameId>),
    /// Blobs on their way into the index.
    Blobs(BTreeSet<BlobHash>),
}

// Writing.

impl Node {
    /// Returns the users whose identity logs and catalogs an archive of a context holds, in an
    /// order in which each finds its authority before it: owners, then by role.
    ///
    /// Members who wrote nothing are not among them.
    pub fn archived_users(&self, id: ContextId) -> Vec<UserId> {
        let Some(context) = self.contexts.get(&id) else { return Vec::new() };
        let owners = context.record.genesis.owners.iter().copied();
        let mut users: Vec<UserId> = owners.collect();
        let written = context.catalogs.iter().filter(|(_, catalog)| catalog.n() > 0);
        let mut others: BTreeSet<UserId> = written.map(|(key, _)| key.user).collect();
        // Who only writes on dashboards has no catalog.
        let boards = context.boards().flat_map(|(_, slot)| slot.changes());
        others.extend(boards.map(|(key, _)| key.user));
        let mut others: Vec<UserId> = others.into_iter().collect();
        others.retain(|user| !users.contains(user));
        others.sort_by_key(|user| (std::cmp::Reverse(context.view.role(*user)), *user));
        users.extend(others);
        users
    }

    /// Returns all entries of an identity log, each after the one that it follows.
    pub fn archived_log(&self, user: UserId) -> Vec<Vec<u8>> {
        let log = self.logs.get(&user);
        log.into_iter().flat_map(IdentityLog::entries).map(Verified::encode).collect()
    }

    /// Returns the catalogs of a user in a context, with the proof that they are forked, where
    /// they are.
    pub fn archived_catalogs(
        &self,
        id: ContextId,
        user: UserId,
    ) -> Vec<(CatalogKey, Option<Vec<u8>>)> {
        let Some(context) = self.contexts.get(&id) else { return Vec::new() };
        let of_user = context.catalogs.iter().filter(|(key, _)| key.user == user);
        let written = of_user.filter(|(_, catalog)| catalog.n() > 0);
        let proof = |key| context.forks.get(key).map(ForkProof::encode);
        written.map(|(key, _)| (*key, proof(key))).collect()
    }

    /// Returns envelopes of a catalog from a number on, as many as a record of an archive holds;
    /// of a forked catalog only those before the fork.
    pub fn archived_envelopes(&self, id: ContextId, key: CatalogKey, from: u64) -> Vec<Vec<u8>> {
        let mut page =
            self.contexts.get(&id).map_or_else(Vec::new, |c| Self::envelopes_page(c, key, from));
        page.truncate(limits::JUDGE_BATCH);
        page
    }

    /// Returns the dashboards of a context, each with the proofs of forks on it.
    pub fn archived_boards(&self, id: ContextId) -> Vec<(BoardKey, BoardProofs)> {
        let context = self.contexts.get(&id);
        let boards = context.into_iter().flat_map(Context::boards);
        boards.map(|(key, slot)| (key, slot.proofs().collect())).collect()
    }

    /// Names the changes of a dashboard that count, each after those on which it depends.
    pub fn archived_order(&self, id: ContextId, board: BoardKey) -> Vec<(CatalogKey, u64)> {
        let slot = self.contexts.get(&id).and_then(|context| context.board(board));
        let changes = slot.into_iter().flat_map(BoardSlot::changes);
        changes.map(|(key, held)| (key, held.envelope.n)).collect()
    }

    /// Returns the first of some changes of a dashboard, as many as a record of an archive holds,
    /// and of how many that is all. Of one that does not count any more there is nothing.
    pub fn archived_changes(
        &self,
        id: ContextId,
        board: BoardKey,
        named: &[(CatalogKey, u64)],
    ) -> (usize, Vec<(UserId, Vec<u8>)>) {
        let slot = self.contexts.get(&id).and_then(|context| context.board(board));
        let (mut through, mut changes, mut bytes) = (0, Vec::new(), 0);
        for (key, n) in named.iter().take(limits::JUDGE_BATCH) {
            if let Some(held) = slot.and_then(|slot| slot.held(key, *n)) {
                let envelope = held.envelope.encode();
                bytes += envelope.len();
                if bytes > limits::ARCHIVE_RECORD_BYTES / 2 && !changes.is_empty() {
                    break;
                }
                changes.push((key.user, envelope));
            }
            through += 1;
        }
        (through, changes)
    }
}

// Taking in.

impl Node {
    pub(super) fn open_archive(&mut self, cx: &mut Cx<'_>, id: CommandId, genesis: Genesis) {
        let context = genesis.id();
        if self.is_being_forgotten(context) {
            let error = CommandError::Invalid("the context is still being forgotten".to_owned());
            return cx.reply(id, Err(error));
        }
        if !self.contexts.contains_key(&context) {
            let mine = genesis.owners.contains(&self.user);
            // Who wrote the archive may make anybody a member; what else is to come she says herself.
            let policy = if mine { Policy::All } else { Policy::Lazy };
            self.insert_context(Context::new(ContextRecord {
                genesis: genesis.clone(),
                interest: Vec::new(),
                policy: policy.into(),
                standing: if mine { Standing::NEW } else { Standing::Archived },
                admission: None,
            }));
        }
        self.enqueue(cx, context, Some(id), Command::OpenArchive { genesis });
    }

    pub(super) fn close_archive(&mut self, cx: &mut Cx<'_>, id: CommandId, context: ContextId) {
        if let Some(context) = self.contexts.get_mut(&context) {
            context.offered.clear();
        }
        self.enqueue(cx, context, Some(id), Command::CloseArchive { context });
    }

    /// Returns how a context stands after an archive was taken in: who is a member by what it
    /// holds has access, and finds the others by the keys in it.
    pub(super) fn standing_after_archive(&self, context: &Context) -> Standing {
        match context.record.standing {
            Standing::Archived if context.view.role(self.user) > Role::None => Standing::NEW,
            standing => standing,
        }
    }

    pub(super) fn import(
        &mut self,
        cx: &mut Cx<'_>,
        id: CommandId,
        context: ContextId,
        part: ArchivePart,
    ) {
        if !self.contexts.contains_key(&context) {
            return cx.reply(id, Err(CommandError::NoContext(context)));
        }
        let begun = match part {
            ArchivePart::Log { user, entries } => {
                return self.import_log(cx, id, context, user, &entries);
            }
            ArchivePart::Envelopes { catalog, envelopes } => {
                self.import_envelopes(cx, context, catalog, envelopes)
            }
            ArchivePart::Fork { user, proof } => self.import_fork(cx, context, user, &proof),
            ArchivePart::Board { board, changes } => self.import_board(cx, context, board, changes),
            ArchivePart::BoardFork { board, user, proof } => {
                self.import_board_fork(cx, context, board, user, &proof)
            }
            ArchivePart::Frames(frames) => Ok(self.import_frames(cx, context, frames)),
            ArchivePart::Blobs(blobs) => self.import_blobs(cx, context, &blobs),
        };
        match begun {
            Ok((open, count)) => {
                self.imports.push(Import { id, context, open, count, error: None });
            }
            Err(reason) => cx.reply(id, Err(CommandError::Invalid(reason))),
        }
    }

    fn import_log(
        &mut self,
        cx: &mut Cx<'_>,
        id: CommandId,
        context: ContextId,
        user: UserId,
        entries: &[Vec<u8>],
    ) {
        let count = entries.len() as u64;
        let view = &self.contexts[&context].view;
        let room = self.logs.contains_key(&user) || self.logs.len() < limits::LOGS;
        let part = self.is_known_in(context, user) || view.was_removed(user);
        if !part || !room {
            // Anybody can make up users; only those who have a part here are taken.
            let left_out = Imported { left_out: count, ..Imported::default() };
            return cx.reply(id, Ok(Reply::Imported(left_out)));
        }
        let log = self.logs.get(&user);
        let known = |entry: &Statement| log.is_some_and(|log| log.contains(&entry.id()));
        let entries = entries.iter().filter_map(|entry| match Statement::decode(entry) {
            Ok(entry) => (!known(&entry)).then(|| entry.verify()),
            Err(error) => Some(Err(error)),
        });
        match entries.collect::<Result<Vec<Verified>, _>>() {
            Ok(entries) => self.take_entries(cx, user, entries, EntrySource::Archive(id)),
            Err(error) => {
                let reason = format!("an entry of the identity log of {user} is none: {error}");
                cx.reply(id, Err(CommandError::Invalid(reason)));
            }
        }
    }

    fn import_envelopes(
        &mut self,
        cx: &mut Cx<'_>,
        id: ContextId,
        key: CatalogKey,
        envelopes: Vec<Vec<u8>>,
    ) -> Result<(Open, Imported), String> {
        let context = &self.contexts[&id];
        let before = context.catalogs.get(&key).map_or(0, Catalog::n);
        let place = context.place(key);
        let mut numbers = BTreeSet::new();
        let own = (key.user, key.device, key.inc) == (self.user, self.device, self.inc);
        for bytes in &envelopes {
            let envelope = Envelope::decode(bytes).map_err(|e| format!("an envelope: {e}"))?;
            if own && (envelope.doc != place.document() || envelope.verify().is_err()) {
                return Err("an envelope in the name of this device, which never signed it".into());
            }
            numbers.insert(envelope.n);
        }
        let open = Open::Catalog { key, numbers, before };
        if own {
            // A home that was put back from an old copy shows here, as it does with peers.
            self.met_own(cx, self.device, id, &envelopes);
            return Ok((open, Imported::default()));
        }
        let known = context.catalogs.contains_key(&key);
        let room = context.catalogs_of(key.user) < limits::CATALOGS_PER_USER
            && context.catalogs.len() < limits::CATALOGS;
        let authority = self.authority(id, key, cx.now);
        let heard = self.is_known_in(id, key.user) || context.view.was_removed(key.user);
        if authority == Authority::Excluded || !(known || room && heard) {
            return Ok((open, Imported::default()));
        }
        let room = context.waiting(self.device).room();
        let granted = authority == Authority::Granted;
        let brought = Brought { from: self.device, granted, asked: true, room };
        self.queue_envelopes(cx, id, key, envelopes, brought)?;
        self.pump_context(cx, id);
        Ok((open, Imported::default()))
    }

    fn import_fork(
        &mut self,
        cx: &mut Cx<'_>,
        id: ContextId,
        user: UserId,
        proof: &[u8],
    ) -> Result<(Open, Imported), String> {
        let proof = ForkProof::decode(proof).map_err(|error| format!("a fork: {error}"))?;
        let envelope = proof.envelopes()[0];
        let key = CatalogKey { user, device: envelope.device, inc: envelope.inc };
        if !proves(&proof, &self.contexts[&id].place(key)) {
            return Err("the proof of a fork is about another catalog".to_owned());
        }
        self.take_fork(cx, id, key, proof, None);
        Ok((Open::Fork(key), Imported::default()))
    }

    fn import_board(
        &mut self,
        cx: &mut Cx<'_>,
        id: ContextId,
        board: BoardKey,
        changes: Vec<(UserId, Vec<u8>)>,
    ) -> Result<(Open, Imported), String> {
        let place = self.contexts[&id].board_place(board);
        let mut envelopes = Vec::with_capacity(changes.len());
        for (user, bytes) in changes {
            let envelope = Envelope::decode(&bytes).map_err(|e| format!("an envelope: {e}"))?;
            if envelope.doc != place.document() {
                return Err("an envelope under another dashboard's name".to_owned());
            }
            if !place.is_author(user, envelope.device, envelope.inc) {
                return Err("an envelope under another user's name".to_owned());
            }
            envelopes.push((user, envelope));
        }
        let lines = envelopes.iter().map(|(user, envelope)| {
            let key = CatalogKey { user: *user, device: envelope.device, inc: envelope.inc };
            (key, envelope.n)
        });
        let changes: Vec<(CatalogKey, u64)> = lines.collect();
        let slot = self.contexts[&id].board(board);
        let holds = |(key, n): &&(CatalogKey, u64)| slot.is_some_and(|slot| slot.holds(key, *n));
        let known = changes.iter().filter(holds).count() as u64;
        self.bring_board(cx, id, board, envelopes);
        Ok((Open::Board { board, changes, known }, Imported::default()))
    }

    fn import_board_fork(
        &mut self,
        cx: &mut Cx<'_>,
        id: ContextId,
        board: BoardKey,
        user: UserId,
        proof: &[u8],
    ) -> Result<(Open, Imported), String> {
        let proof = ForkProof::decode(proof).map_err(|error| format!("a fork: {error}"))?;
        let place = self.contexts[&id].board_place(board);
        let [first, _] = proof.envelopes();
        if first.doc != place.document() || !place.is_author(user, first.device, first.inc) {
            return Err("the proof of a fork is about another dashboard or user".to_owned());
        }
        let key = CatalogKey { user, device: first.device, inc: first.inc };
        self.take_board_fork(cx, id, board, key, proof, None);
        Ok((Open::BoardFork(board), Imported::default()))
    }

    /// Lets an import fail of which a change of a dashboard was refused.
    pub(super) fn import_board_refused(&mut self, id: ContextId, board: BoardKey, reason: &str) {
        for import in &mut self.imports {
            let same = matches!(&import.open, Open::Board { board: of, .. } if *of == board);
            if same && import.context == id {
                import.error.get_or_insert(CommandError::Invalid(reason.to_owned()));
            }
        }
    }

    fn import_frames(
        &mut self,
        cx: &mut Cx<'_>,
        id: ContextId,
        frames: Vec<Vec<u8>>,
    ) -> (Open, Imported) {
        let context = self.contexts.get_mut(&id).expect("the caller looked it up");
        let mut count = Imported::default();
        let (mut open, mut records, mut metas) = (BTreeSet::new(), Vec::new(), Vec::new());
        let parents = context.frames.values().flat_map(|meta| meta.parents.iter().copied());
        let mut named: BTreeSet<FrameId> = parents.collect();
        for bytes in frames {
            let frame = FrameId::of(&bytes);
            if let Some(meta) = context.frames.get(&frame) {
                count.known += 1;
                let blobs = meta.blobs.clone();
                context.offer(blobs);
                continue;
            }
            let wanted = context.frame_wants.get(&frame);
            if wanted.is_some_and(|want| want.stored) {
                open.insert(frame);
                continue;
            }
            let reached = wanted.is_some() || named.contains(&frame);
            // Of another context, or of heads that do not count here; or its author made it wrong.
            let decoded = Frame::decode(&bytes).ok().filter(|_| reached);
            let Some(decoded) = decoded else {
                count.left_out += 1;
                continue;
            };
            if let Some(want) = context.frame_wants.get_mut(&frame) {
                want.stored = true;
                want.asked = None;
            }
            let meta = FrameMeta::of(&decoded, bytes.len());
            named.extend(&meta.parents);
            context.offer(meta.blobs.clone());
            if open.insert(frame) {
                metas.push((frame, meta));
                records.push(Record::Frame { context: id, id: frame, bytes });
            }
        }
        if !records.is_empty() {
            self.store(cx, records, Task::Frames { context: id, frames: metas });
        }
        (Open::Frames(open), count)
    }

    fn import_blobs(
        &mut self,
        cx: &mut Cx<'_>,
        id: ContextId,
        blobs: &[(BlobHash, u64)],
    ) -> Result<(Open, Imported), String> {
        let context = self.contexts.get_mut(&id).expect("the caller looked it up");
        let mut count = Imported::default();
        let mut here = Vec::new();
        for (hash, size) in blobs {
            let Some(want) = context.takes_blob(*hash) else {
                count.left_out += 1;
                continue;
            };
            if want.size != *size {
                return Err(format!(
                    "blob {hash} has {size} bytes, and {} by what names it",
                    want.size
                ));
            }
            here.push(want);
        }
        for want in &here {
            let state = BlobState { want: *want, wish: Wish::Asked, phase: BlobPhase::Here };
            context.dropped.remove(&want.hash);
            context.blob_wants.insert(want.hash, state);
        }
        let hashes: Vec<BlobHash> = here.iter().map(|want| want.hash).collect();
        self.brought(cx, id, &hashes);
        Ok((Open::Blobs(hashes.into_iter().collect()), count))
    }

    /// Lets an import fail whose envelopes were refused.
    pub(super) fn import_refused(&mut self, id: ContextId, key: CatalogKey, reason: &str) {
        for import in &mut self.imports {
            let same = matches!(&import.open, Open::Catalog { key: of, .. } if *of == key);
            if same && import.context == id {
                let reason = format!("a change of {} is wrong: {reason}", key.device);
                import.error.get_or_insert(CommandError::Invalid(reason));
            }
        }
    }

    /// Lets imports into a context fail that could not be stored.
    pub(super) fn import_failed(&mut self, context: Option<ContextId>, error: &CommandError) {
        for import in self.imports.iter_mut().filter(|i| Some(i.context) == context) {
            import.error.get_or_insert(error.clone());
        }
    }

    /// Answers imports of which nothing is under way any more.
    pub(super) fn settle_imports(&mut self, cx: &mut Cx<'_>) {
        for mut import in std::mem::take(&mut self.imports) {
            let Some(context) = self.contexts.get(&import.context) else {
                cx.reply(import.id, Err(CommandError::NoContext(import.context)));
                continue;
            };
            let settled = match &import.open {
                Open::Catalog { key, numbers, before } => {
                    let catalog = context.catalogs.get(key);
                    let busy = catalog.is_some_and(|catalog| catalog.busy);
                    (!busy).then(|| count(catalog, numbers, *before))
                }
                Open::Fork(key) => {
                    let storing = |task: &Task| match task {
                        Task::Fork { context, key: of, .. } => {
                            (*context, of) == (import.context, key)
                        }
                        _ => false,
                    };
                    let done = !self.tasks.values().any(storing);
                    done.then(Imported::default)
                }
                Open::Board { board, changes, known } => {
                    let slot = context.board(*board);
                    let rests = slot.is_none_or(BoardSlot::rests);
                    rests.then(|| {
                        let holds = |(key, n): &&(CatalogKey, u64)| {
                            slot.is_some_and(|slot| slot.holds(key, *n))
                        };
                        let here = changes.iter().filter(holds).count() as u64;
                        Imported {
                            accepted: here.saturating_sub(*known),
                            known: *known,
                            waiting: 0,
                            left_out: changes.len() as u64 - here.max(*known),
                        }
                    })
                }
                Open::BoardFork(board) => {
                    let storing = |task: &Task| match task {
                        Task::BoardFork { context, board: of, .. } => {
                            (*context, of) == (import.context, board)
                        }
                        _ => false,
                    };
                    let done = !self.tasks.values().any(storing);
                    done.then(Imported::default)
                }
                Open::Frames(open) => {
                    let done = open.iter().all(|frame| context.frames.contains_key(frame));
                    let accepted = open.len() as u64;
                    done.then(|| Imported { accepted, ..Imported::default() })
                }
                Open::Blobs(open) => {
                    let done = !open.iter().any(|hash| context.blob_wants.contains_key(hash));
                    let accepted = open.len() as u64;
                    done.then(|| Imported { accepted, ..Imported::default() })
                }
            };
            match (import.error.take(), settled) {
                (Some(error), _) => cx.reply(import.id, Err(error)),
                (None, Some(settled)) => {
                    let count = import.count.and(settled);
                    cx.reply(import.id, Ok(Reply::Imported(count)));
                }
                (None, None) => self.imports.push(import),
            }
        }
    }
}

/// Tells what became of numbers of a catalog that ended with `before`.
fn count(catalog: Option<&Catalog>, numbers: &BTreeSet<u64>, before: u64) -> Imported {
    let mut count = Imported::default();
    let now = catalog.map_or(0, Catalog::n);
    for n in numbers {
        match () {
            () if *n <= before => count.known += 1,
            () if *n <= now => count.accepted += 1,
            () if catalog.is_some_and(|c| c.pending.contains_key(n)) => count.waiting += 1,
            () => count.left_out += 1,
        }
    }
    count
}

impl Imported {
    /// Adds what came of something else.
    #[must_use]
    pub fn and(self, other: Imported) -> Imported {
        Imported {
            accepted: self.accepted + other.accepted,
            known: self.known + other.known,
            waiting: self.waiting + other.waiting,
            left_out: self.left_out + other.left_out,
        }
    }
}

impl Context {
    /// Returns what a blob is to the context, where one is taken from an archive: it is wanted, or
    /// named by what the archive brought.
    pub fn takes_blob(&self, hash: BlobHash) -> Option<BlobWant> {
        let wanted = self.blob_wants.get(&hash).map(|state| state.want);
        let offered = || self.offered.get(&hash).copied();
        wanted.or_else(offered).filter(|_| !self.is_blob_withdrawn(hash))
    }

    /// Remembers what a frame of an archive names, until the archive is closed.
    fn offer(&mut self, blobs: Vec<BlobWant>) {
        for want in blobs {
            if self.offered.len() < super::blobs::WANTS_MAX {
                self.offered.entry(want.hash).or_insert(want);
            }
        }
    }

    /// Remembers what an object of an archive names.
    pub(super) fn offer_more(&mut self, object: BlobHash, named: &[BlobWant]) {
        if self.offered.contains_key(&object) {
            self.offer(named.to_vec());
        }
    }
}
