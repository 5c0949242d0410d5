//! What the user wants: statements of mine, one change at a time and stored before they count.

use std::collections::BTreeMap;

use super::boards::Edit;
use super::context::{Context, FrameMeta};
use super::event::{
    Command, CommandError, CommandId, ContextRecord, Event, Keeping, Record, Reply, Standing,
};
use super::logs::EntrySource;
use super::members::cuts;
use super::node::{Cx, NewBoard, Node, Publish, Task};
use super::work::Work;
use crate::api::Policy;
use crate::context::{ContextKind, Genesis, StackState, StackView};
use crate::doc::{CatalogWriter, Envelope, catalog_key};
use crate::id::{BlobHash, ContextId, FrameId, StackId};
use crate::key::SecretKey;
use crate::limits;
use crate::name::{ContextName, StackName};
use crate::object::Frame;
use crate::statement::{
    About, Access, Comment, Dashboard, Fact, Head, Interest, Member, Place, PlacedFact, Role,
    Subject, Tag, TicketFact, Verified, Why,
};
use crate::ticket::{Ticket, TicketAddr};
use crate::wire::{BoardKey, CatalogKey};

/// What a command makes: facts to sign, and what goes with them.
#[derive(Debug, Default)]
pub(super) struct Draft {
    facts: Vec<PlacedFact>,
    frames: Vec<(FrameId, Vec<u8>, FrameMeta)>,
    blobs: Vec<(BlobHash, u64)>,
    stack: Option<(StackId, bool)>,
    ticket: Option<Box<Ticket>>,
    board: Option<(BoardKey, NewBoard)>,
    comment: Option<[u8; 16]>,
    /// Whether the first fact is a head whose id the reply names.
    pushed: bool,
}

impl Draft {
    /// Returns the draft of statements with which nothing else goes.
    pub(super) fn of(facts: Vec<PlacedFact>) -> Self {
        Draft { facts, ..Draft::default() }
    }
}

impl Node {
    pub(super) fn command(&mut self, cx: &mut Cx<'_>, id: CommandId, command: Command) {
        match command {
            Command::NewContext { .. } | Command::NewAudience { .. } => {
                self.new_context(cx, id, command);
            }
            Command::Block { user, blocked } => self.block(cx, id, user, blocked),
            Command::Accept { context, policy } => self.accept_offer(cx, id, context, policy),
            Command::Decline { context } => self.decline_offer(cx, id, context),
            Command::Follow { ticket, policy } => self.follow(cx, id, ticket, policy),
            Command::Fetch { context, wants } => self.fetch(cx, id, context, wants),
            Command::FetchFrames { context, frames } => {
                if !self.contexts.contains_key(&context) {
                    return cx.reply(id, Err(CommandError::NoContext(context)));
                }
                self.want_asked_frames(context, &frames);
                self.pump_context(cx, context);
                cx.reply(id, Ok(Reply::Done));
            }
            Command::Lost { context, wants } => {
                if !self.contexts.contains_key(&context) {
                    return cx.reply(id, Err(CommandError::NoContext(context)));
                }
                self.fetch(cx, id, context, wants);
            }
            Command::EditBoard { context, board, edits } => {
                let edit = Edit { edits, command: Some(id), makes: false };
                self.edit_board(cx, context, board, edit);
            }
            Command::Editing { context, board, editing } => {
                self.tell_editing(cx, id, context, board, editing);
            }
            Command::Drop { context, blobs } => self.let_go(cx, id, context, blobs),
            Command::TakeBack { context, blobs } => self.take_back(cx, id, context, blobs),
            Command::HereAgain { context, blobs } => self.here_again(cx, id, context, blobs),
            Command::Reach { context } => {
                self.retry_wants(context);
                self.pump_context(cx, context);
                self.reach(cx, context, true);
                cx.reply(id, Ok(Reply::Done));
            }
            Command::OpenArchive { genesis } => self.open_archive(cx, id, genesis),
            Command::Import { context, part } => self.import(cx, id, context, part),
            Command::CloseArchive { context } => self.close_archive(cx, id, context),
            Command::Identity { entry } => {
                self.take_entries(cx, self.user, vec![*entry], EntrySource::Command(id));
            }
            Command::SetPolicy { context, .. }
            | Command::Leave { context }
            | Command::Rejoin { context }
            | Command::Forget { context }
            | Command::About { context, .. }
            | Command::Share { context, .. }
            | Command::EndTicket { context, .. }
            | Command::Member { context, .. }
            | Command::RemoveMember { context, .. }
            | Command::KeepMore { context, .. }
            | Command::Admit { context, .. }
            | Command::Cut { context, .. }
            | Command::Withdraw { context, .. }
            | Command::Push { context, .. }
            | Command::Mirror { context, .. }
            | Command::Rename { context, .. }
            | Command::Remove { context, .. }
            | Command::Restore { context, .. }
            | Command::NewBoard { context, .. }
            | Command::RemoveBoard { context, .. }
            | Command::RenewBoard { context, .. }
            | Command::Comment { context, .. }
            | Command::EditComment { context, .. }
            | Command::Tag { context, .. } => self.enqueue(cx, context, Some(id), command),
        }
    }

    /// Makes a context of mine, which the command names and describes.
    fn new_context(&mut self, cx: &mut Cx<'_>, id: CommandId, command: Command) {
        let genesis =
            Genesis { owners: vec![self.user], nonce: random(cx), kind: ContextKind::Team };
        let record = ContextRecord {
            genesis,
            interest: Vec::new(),
            policy: Policy::All.into(),
            standing: Standing::Active { synced: true },
            admission: None,
        };
        // Stored together with the first statement.
        let context = Context::new(record);
        let context_id = context.id();
        if let Err(error) = self.need(&context, Role::Owner, cx.now) {
            return cx.reply(id, Err(error));
        }
        self.insert_context(context);
        self.enqueue(cx, context_id, Some(id), command);
    }

    /// States what a command asks for.
    pub(super) fn state(
        &mut self,
        cx: &mut Cx<'_>,
        id: ContextId,
        reply: Option<CommandId>,
        command: Command,
        again: Option<Work>,
    ) -> Result<(), CommandError> {
        let draft = self.draft(cx, id, command)?;
        self.publish(cx, id, reply, draft, again)
    }

    /// Signs a draft into one change of my catalog and hands it to the store.
    fn publish(
        &mut self,
        cx: &mut Cx<'_>,
        id: ContextId,
        command: Option<CommandId>,
        draft: Draft,
        again: Option<Work>,
    ) -> Result<(), CommandError> {
        let invalid = |e: &dyn std::fmt::Display| CommandError::Invalid(e.to_string());
        if draft.facts.is_empty() {
            // Nothing to state; what was asked for holds already.
            if let Some(command) = command {
                cx.reply(command, Ok(Reply::Done));
            }
            return Ok(());
        }
        let key = CatalogKey { user: self.user, device: self.device, inc: self.inc };
        let (context, secret) = (self.contexts.get_mut(&id).expect("the caller has it"), &self.key);
        if context.writer.is_none() {
            let place = context.place(key);
            let stored = context.catalogs.get(&key).map_or(&[][..], |c| &c.envelopes);
            let stored: Result<Vec<Envelope>, _> =
                stored.iter().map(|bytes| Envelope::decode(bytes)).collect();
            let stored = stored.map_err(|e| invalid(&e))?;
            let writer = CatalogWriter::load(place, stored.iter()).map_err(|e| invalid(&e))?;
            context.writer = Some(writer);
        }
        let mut statements = Vec::new();
        let mut puts = Vec::new();
        let content = draft.facts.iter().all(is_content);
        let last_n = context.last_n;
        for fact in draft.facts {
            context.last_n += 1;
            let place = Place {
                context: id,
                device: self.device,
                inc: self.inc,
                n: context.last_n,
                time: cx.now,
            };
            let statement = fact.sign(&place, secret).map_err(|e| invalid(&e))?;
            let name = catalog_key(&statement).expect("a placed statement has a key");
            puts.push((name, statement.encode()));
            statements.push(statement);
        }
        let written = context.catalogs.get(&key).map_or(0, |catalog| catalog.bytes);
        let reserve = if content { limits::QUOTA_RESERVE_BYTES } else { 0 };
        let most = written + CatalogWriter::most_bytes(&puts, &[]) as u64 + reserve;
        if most > limits::DEVICE_QUOTA_BYTES {
            context.last_n = last_n;
            return Err(CommandError::Limit(format!(
                "this device has written {written} bytes of statements in the context, and no \
                 peer takes more than {} of one device",
                limits::DEVICE_QUOTA_BYTES
            )));
        }
        let writer = context.writer.as_mut().expect("made above");
        let envelope = writer.append(secret, &puts, &[]).map_err(|e| invalid(&e))?;
        let tip = writer.tip().expect("a change was just appended");
        context.working = true;

        let mut records = Vec::new();
        if !context.stored {
            records.push(Record::Context(context.record.clone()));
        }
        let (user, signed) = (self.user, envelope.clone());
        records.push(Record::Envelope { context: id, user, envelope: signed });
        let mut frames = Vec::new();
        for (frame_id, bytes, meta) in draft.frames {
            records.push(Record::Frame { context: id, id: frame_id, bytes });
            frames.push((frame_id, meta));
        }
        if let Some((board, NewBoard::Renewed(envelopes))) = &draft.board {
            let (context, board, at) = (id, *board, cx.now);
            let record = |envelope: &Envelope| {
                let envelope = envelope.clone();
                Record::BoardEnvelope { context, board, user, envelope, at }
            };
            records.extend(envelopes.iter().map(record));
        }
        for (hash, size) in draft.blobs {
            records.push(Record::Earned { context: id, hash, size });
        }
        let reply = command.map(|command| {
            let reply = match (draft.ticket, draft.stack, draft.pushed) {
                (Some(ticket), ..) => Reply::Ticket(ticket),
                (None, Some((stack, created)), true) => {
                    Reply::Pushed { stack, head: statements[0].id(), created, peers: 0 }
                }
                (None, ..) => draft.comment.map_or(Reply::Done, Reply::Comment),
            };
            (command, reply)
        });
        let reply = match reply {
            // A new context's first change answers with its id.
            Some((command, Reply::Done)) if envelope.n == 1 && is_about(&statements) => {
                Some((command, Reply::Context(id)))
            }
            reply => reply,
        };
        let (stack, board) = (draft.stack, draft.board);
        let publish =
            Publish { context: id, reply, envelope, tip, statements, frames, stack, board, again };
        self.store(cx, records, Task::Publish(Box::new(publish)));
        Ok(())
    }

    pub(super) fn published(&mut self, cx: &mut Cx<'_>, publish: Publish) {
        let Publish { context: id, reply, envelope, tip, statements, frames, stack, .. } = publish;
        let key = CatalogKey { user: self.user, device: self.device, inc: envelope.inc };
        let Some(context) = self.contexts.get_mut(&id) else { return };
        context.stored = true;
        let document = context.place(key).document();
        let (n, change) = (envelope.n, tip.change);
        context.catalogs.entry(key).or_default().push(envelope.encode(), tip);
        for statement in &statements {
            context.view.insert(self.user, document, change, n, statement.clone());
        }
        for (frame, meta) in frames {
            context.frames.insert(frame, meta);
            cx.emit(Event::Frame { context: id, frame });
        }
        let told = self.pass_on(cx, id, key, n, None);
        if let Some((stack, true)) = stack {
            cx.emit(Event::Stack { context: id, user: self.user, stack, created: true });
        }
        self.statements_changed(cx, id, self.user, &statements);
        let reply = match (publish.board, reply) {
            // Answered once what is on it first is stored too.
            (Some((board, NewBoard::Made(edits))), Some((command, _))) => {
                let edit = Edit { edits, command: Some(command), makes: true };
                self.edit_board(cx, id, board, edit);
                None
            }
            (Some((board, NewBoard::Renewed(envelopes))), reply) => {
                self.begin_epoch(cx, id, board, envelopes);
                reply
            }
            (_, reply) => reply,
        };
        if let Some((command, mut reply)) = reply {
            if let Reply::Pushed { peers, .. } = &mut reply {
                *peers = told;
            }
            cx.reply(command, Ok(reply));
        }
        let interest = |s: &Verified| matches!(s.fact(), Fact::Placed(p) if matches!(p.fact, PlacedFact::Interest(_)));
        if statements.iter().any(interest) {
            self.hello_again(cx);
        } else if !statements.iter().all(|s| s.placed().is_some_and(|p| is_content(&p.fact))) {
            // Somebody may be a member now who knows nothing of it.
            self.offer_to_all(cx);
        }
        let cut = |s: &Verified| s.placed().is_some_and(|p| matches!(p.fact, PlacedFact::Cut(_)));
        if statements.iter().any(cut) {
            // What a narrower one kept away may be with a peer.
            self.pump_context(cx, id);
        }
        self.work_done(cx, id);
    }

    pub(super) fn publish_failed(
        &mut self,
        cx: &mut Cx<'_>,
        publish: Publish,
        error: CommandError,
    ) {
        let Some(context) = self.contexts.get_mut(&publish.context) else { return };
        // The writer is ahead of the store; it is made anew from what is stored.
        context.writer = None;
        if let Some((command, _)) = publish.reply {
            cx.reply(command, Err(error));
        }
        self.work_failed(cx, publish.context, publish.again);
    }

    /// Turns a command into facts, seeing everything stated before.
    fn draft(
        &mut self,
        cx: &mut Cx<'_>,
        id: ContextId,
        command: Command,
    ) -> Result<Draft, CommandError> {
        let context = &self.contexts[&id];
        match command {
            Command::NewContext { name, text, access } => {
                Ok(Draft::of(first_facts(cx, name, text, access)))
            }
            Command::NewAudience { name, readers } => {
                let mut facts = first_facts(cx, name, String::new(), Access::Private);
                let readers = readers.into_iter().filter(|reader| *reader != self.user);
                facts.extend(readers.map(|user| {
                    let (role, seen) = (Role::Reader, BTreeMap::new());
                    PlacedFact::Member(Member { user, role, seen })
                }));
                Ok(Draft::of(facts))
            }
            Command::About { name, text, access, closed, .. } => {
                self.need(context, Role::Owner, cx.now)?;
                let old = context.view.about().cloned();
                let old = old.ok_or(CommandError::NoContext(id))?;
                let about = About {
                    name: name.unwrap_or_else(|| old.name.clone()),
                    text: text.unwrap_or_else(|| old.text.clone()),
                    access: access.unwrap_or(old.access),
                    closed,
                    over: context.view.about_over(),
                };
                let same = About { over: old.over.clone(), ..about.clone() } == old;
                let facts = if same { Vec::new() } else { vec![PlacedFact::About(about)] };
                Ok(Draft::of(facts))
            }
            Command::Share { role, until, uses, addresses, .. } => {
                self.need(context, Role::Owner, cx.now)?;
                self.draft_ticket(cx, id, role, until, uses, addresses)
            }
            Command::EndTicket { key, .. } => {
                self.need(context, Role::Owner, cx.now)?;
                let known = context.view.ticket(&key);
                let known = known.ok_or_else(|| {
                    CommandError::Ticket(format!("no ticket {} here", key.short()))
                })?;
                let facts =
                    if known.ended { Vec::new() } else { vec![PlacedFact::TicketEnd { key }] };
                Ok(Draft::of(facts))
            }
            Command::Member { user, role, .. } => {
                self.need(context, Role::Owner, cx.now)?;
                self.draft_member(cx, id, user, role, Keeping::All)
            }
            Command::RemoveMember { user, keep, .. } => {
                self.need(context, Role::Owner, cx.now)?;
                self.draft_member(cx, id, user, Role::None, keep)
            }
            Command::KeepMore { user, before, .. } => {
                self.need(context, Role::Owner, cx.now)?;
                self.draft_keep_more(id, user, before)
            }
            Command::Admit { user, ticket, .. } => {
                match self.owed(context, user, ticket, cx.now) {
                    Some(role) => self.draft_member(cx, id, user, role, Keeping::All),
                    // Something stated since has settled it.
                    None => Ok(Draft::default()),
                }
            }
            Command::Cut { device, mut docs, .. } => {
                // Of one's own devices a writer may say it too; the grant has to be whole.
                let granted = self.device_cap(self.user, self.device, id, cx.now);
                let granted = granted.unwrap_or(Role::None);
                if granted < Role::Owner {
                    return Err(CommandError::DeviceLimited { needed: Role::Owner, granted });
                }
                self.need(context, Role::Writer, cx.now)?;
                // What it wrote on dashboards, others may have built on.
                let wrote = |line: &CatalogKey| line.user == self.user && line.device == device;
                if !docs.is_empty() {
                    docs.extend(context.board_tips(wrote));
                }
                Ok(Draft::of(cuts(Subject::Device(device), docs)))
            }
            Command::Withdraw { frames, blobs, .. } => {
                self.need(context, Role::Owner, cx.now)?;
                context.draft_withdraw(&frames, &blobs)
            }
            Command::Push { stack, frame, blobs, tags, .. } => {
                self.need(context, Role::Writer, cx.now)?;
                context.has_withdrawn_none(&blobs)?;
                self.draft_push(cx, id, stack, frame, blobs, tags)
            }
            Command::Mirror { stack, name, frames, blobs, .. } => {
                self.need(context, Role::Writer, cx.now)?;
                context.has_withdrawn_none(&blobs)?;
                self.draft_mirror(id, (stack, name), frames, blobs)
            }
            Command::Rename { stack, name, .. } => {
                self.need(context, Role::Writer, cx.now)?;
                let view = self.my_stack(context, stack)?;
                self.free_name(context, &name, Some(stack))?;
                let facts = vec![head_fact(
                    context,
                    &view,
                    name,
                    view.heads.first().map(|h| h.frame),
                    None,
                )];
                Ok(Draft { facts, stack: Some((stack, false)), ..Draft::default() })
            }
            Command::Remove { stack, .. } => {
                self.need(context, Role::Writer, cx.now)?;
                let view = self.my_stack(context, stack)?;
                let facts =
                    vec![head_fact(context, &view, view.name.clone(), None, Some(Why::Removed))];
                Ok(Draft { facts, stack: Some((stack, false)), ..Draft::default() })
            }
            Command::Restore { stack, frames, .. } => {
                self.need(context, Role::Writer, cx.now)?;
                self.draft_restore(context, stack, &frames)
            }
            Command::Tag { stack, tag, frame, .. } => {
                self.need(context, Role::Writer, cx.now)?;
                self.my_stack(context, stack)?;
                let over = context.view.tag_over(self.user, stack, &tag);
                let facts = vec![PlacedFact::Tag(Tag { stack, tag, frame, over })];
                Ok(Draft { facts, stack: Some((stack, false)), ..Draft::default() })
            }
            Command::NewBoard { edits, .. } => {
                self.need(context, Role::Writer, cx.now)?;
                let hers = context.boards.keys().filter(|board| board.creator == self.user);
                if hers.count() >= limits::BOARDS_PER_USER || context.boards.len() >= limits::BOARDS
                {
                    return Err(CommandError::Limit(format!(
                        "a context has at most {} dashboards, and {} of one user",
                        limits::BOARDS,
                        limits::BOARDS_PER_USER
                    )));
                }
                let nonce = random(cx);
                let board = BoardKey { creator: self.user, nonce };
                let fact = Dashboard { nonce, removed: false, over: Vec::new() };
                Ok(Draft {
                    board: Some((board, NewBoard::Made(edits))),
                    ..Draft::of(vec![PlacedFact::Dashboard(fact)])
                })
            }
            Command::RemoveBoard { board, removed, .. } => {
                self.need(context, Role::Writer, cx.now)?;
                let known = context.view.dashboard(board.creator, board.nonce);
                let known = known.ok_or(CommandError::NoBoard(board))?;
                if board.creator != self.user {
                    return Err(CommandError::NotCreator);
                }
                if known.removed == removed {
                    return Ok(Draft::default());
                }
                let fact = Dashboard { nonce: board.nonce, removed, over: known.over };
                Ok(Draft::of(vec![PlacedFact::Dashboard(fact)]))
            }
            Command::RenewBoard { board, .. } => {
                let (epoch, envelopes) = self.draft_renewal(cx.now, id, board)?;
                Ok(Draft {
                    board: Some((board, NewBoard::Renewed(envelopes))),
                    ..Draft::of(vec![PlacedFact::Epoch(epoch)])
                })
            }
            Command::Comment { on, text, .. } => {
                self.need(context, Role::Writer, cx.now)?;
                check_comment(&text)?;
                let id = random(cx);
                let fact = Comment { id, on, text: Some(text), over: Vec::new() };
                Ok(Draft { comment: Some(id), ..Draft::of(vec![PlacedFact::Comment(fact)]) })
            }
            Command::EditComment { id: comment, text, .. } => {
                self.need(context, Role::Writer, cx.now)?;
                let known = context.view.comment(self.user, comment);
                let known = known.ok_or(CommandError::NoComment(comment))?;
                if let Some(text) = &text {
                    check_comment(text)?;
                }
                if known.text == text {
                    return Ok(Draft::default());
                }
                let fact = Comment { id: comment, on: known.on, text, over: known.over };
                Ok(Draft { comment: Some(comment), ..Draft::of(vec![PlacedFact::Comment(fact)]) })
            }
            Command::Follow { .. }
            | Command::EditBoard { .. }
            | Command::Editing { .. }
            | Command::SetPolicy { .. }
            | Command::Leave { .. }
            | Command::Rejoin { .. }
            | Command::Forget { .. }
            | Command::Fetch { .. }
            | Command::FetchFrames { .. }
            | Command::Lost { .. }
            | Command::Drop { .. }
            | Command::TakeBack { .. }
            | Command::HereAgain { .. }
            | Command::Reach { .. }
            | Command::Block { .. }
            | Command::Accept { .. }
            | Command::Decline { .. }
            | Command::OpenArchive { .. }
            | Command::Import { .. }
            | Command::CloseArchive { .. }
            | Command::Identity { .. } => {
                Err(CommandError::Invalid("the command states nothing".to_owned()))
            }
        }
    }

    fn draft_ticket(
        &mut self,
        cx: &mut Cx<'_>,
        id: ContextId,
        role: Role,
        until: Option<i64>,
        uses: Option<u32>,
        addresses: Vec<String>,
    ) -> Result<Draft, CommandError> {
        if !matches!(role, Role::Reader | Role::Writer) {
            return Err(CommandError::Ticket(format!("a ticket cannot give the role {role}")));
        }
        let context = &self.contexts[&id];
        let about = context.view.about().cloned().ok_or(CommandError::NoContext(id))?;
        if about.closed {
            return Err(CommandError::Closed);
        }
        let interest = context.interests().into_iter().next();
        let interest = interest.ok_or(CommandError::NoContext(id))?;
        let secret = SecretKey::from_seed(&random(cx));
        let addrs = addresses
            .into_iter()
            .take(8)
            .map(|address| TicketAddr { device: self.device, address })
            .collect();
        let ticket = Ticket {
            genesis: context.record.genesis.clone(),
            key: secret.clone(),
            interest: interest.clone(),
            owner: self.user,
            addrs,
            until,
            role,
        };
        ticket.check().map_err(|e| CommandError::Ticket(e.to_string()))?;
        let key = secret.public();
        let fact = TicketFact { key, role, until, uses, generation: interest.generation };
        let mut facts = vec![PlacedFact::Ticket(fact)];
        if about.access == Access::Private {
            facts.push(PlacedFact::About(About {
                access: Access::Ticket,
                over: context.view.about_over(),
                ..about
            }));
        }
        Ok(Draft { facts, ticket: Some(Box::new(ticket)), ..Draft::default() })
    }

    fn draft_push(
        &mut self,
        cx: &mut Cx<'_>,
        id: ContextId,
        name: StackName,
        bytes: Vec<u8>,
        blobs: Vec<(BlobHash, u64)>,
        tags: Vec<crate::name::TagName>,
    ) -> Result<Draft, CommandError> {
        let context = &self.contexts[&id];
        if context.view.about().is_some_and(|about| about.closed) {
            return Err(CommandError::Closed);
        }
        let frame = Frame::decode(&bytes).map_err(|e| CommandError::Invalid(e.to_string()))?;
        let frame_id = FrameId::of(&bytes);
        let meta = FrameMeta::of(&frame, bytes.len());
        let known = context.view.stack(self.user, &name);
        let (stack, created, view) = match known {
            Some(view) => (view.stack, false, Some(view)),
            None => {
                self.free_name(context, &name, None)?;
                (StackId::from_bytes(random(cx)), true, None)
            }
        };
        let head = match view {
            Some(view) => head_fact(context, &view, name, Some(frame_id), None),
            None => PlacedFact::Head(Head {
                stack,
                name,
                frame: Some(frame_id),
                generation: 1,
                over: Vec::new(),
                why: None,
            }),
        };
        let context = &self.contexts[&id];
        let mut facts = vec![head];
        for tag in tags {
            let over = context.view.tag_over(self.user, stack, &tag);
            facts.push(PlacedFact::Tag(Tag { stack, tag, frame: Some(frame_id), over }));
        }
        Ok(Draft {
            facts,
            frames: vec![(frame_id, bytes, meta)],
            blobs,
            stack: Some((stack, created)),
            pushed: true,
            ..Draft::default()
        })
    }

    fn draft_mirror(
        &self,
        id: ContextId,
        (stack, name): (StackId, StackName),
        frames: Vec<Vec<u8>>,
        blobs: Vec<(BlobHash, u64)>,
    ) -> Result<Draft, CommandError> {
        let context = &self.contexts[&id];
        if context.view.about().is_some_and(|about| about.closed) {
            return Err(CommandError::Closed);
        }
        let mut decoded = Vec::new();
        for bytes in frames {
            let frame = Frame::decode(&bytes).map_err(|e| CommandError::Invalid(e.to_string()))?;
            let meta = FrameMeta::of(&frame, bytes.len());
            decoded.push((FrameId::of(&bytes), bytes, meta));
        }
        let Some((head, ..)) = decoded.last() else { return Ok(Draft::default()) };
        let (head, known) = (*head, context.view.stack_by_id(self.user, stack));
        let at_it = |view: &StackView| view.heads.len() == 1 && view.heads[0].frame == head;
        let here = decoded.iter().all(|(frame, ..)| context.frames.contains_key(frame));
        if here && known.as_ref().is_some_and(at_it) {
            return Ok(Draft::default());
        }
        let created = known.is_none();
        let fact = match known {
            Some(view) => head_fact(context, &view, view.name.clone(), Some(head), None),
            None => {
                self.free_name(context, &name, None)?;
                let (frame, over) = (Some(head), Vec::new());
                PlacedFact::Head(Head { stack, name, frame, generation: 1, over, why: None })
            }
        };
        let (facts, stack) = (vec![fact], Some((stack, created)));
        Ok(Draft { facts, frames: decoded, blobs, stack, ..Draft::default() })
    }

    /// Puts heads over the tombstone of a stack, each over the tombstone alone.
    fn draft_restore(
        &self,
        context: &Context,
        stack: StackId,
        frames: &[FrameId],
    ) -> Result<Draft, CommandError> {
        let view = self.my_stack(context, stack)?;
        if view.state == StackState::Live {
            return Err(CommandError::Invalid(format!("the stack `{}` is not removed", view.name)));
        }
        self.free_name(context, &view.name, Some(stack))?;
        if let Some(missing) = frames.iter().find(|frame| context.frame(**frame).is_none()) {
            return Err(CommandError::Invalid(format!("frame {missing} is not here")));
        }
        let head = |(at, frame): (usize, &FrameId)| {
            let fact = head_fact(context, &view, view.name.clone(), Some(*frame), None);
            match fact {
                // The largest generation comes first.
                PlacedFact::Head(head) => {
                    let generation = head.generation + (frames.len() - 1 - at) as u64;
                    PlacedFact::Head(Head { generation, ..head })
                }
                other => other,
            }
        };
        let facts: Vec<PlacedFact> = frames.iter().enumerate().map(head).collect();
        if facts.is_empty() || facts.len() > limits::OVER {
            let heads = facts.len();
            return Err(CommandError::Invalid(format!("a stack has no {heads} heads")));
        }
        Ok(Draft { facts, stack: Some((stack, false)), ..Draft::default() })
    }

    pub(super) fn need(
        &self,
        context: &Context,
        needed: Role,
        now: i64,
    ) -> Result<(), CommandError> {
        let mine = context.view.role(self.user);
        if mine < needed {
            return Err(CommandError::NotAllowed { needed, mine });
        }
        let granted = self.my_role(context, now);
        if granted < needed {
            return Err(CommandError::DeviceLimited { needed, granted });
        }
        Ok(())
    }

    fn my_stack(&self, context: &Context, stack: StackId) -> Result<StackView, CommandError> {
        context.view.stack_by_id(self.user, stack).ok_or(CommandError::NoStack(stack))
    }

    /// Refuses a name of mine that is taken, or differs from one only in case.
    fn free_name(
        &self,
        context: &Context,
        name: &StackName,
        except: Option<StackId>,
    ) -> Result<(), CommandError> {
        let folded = name.to_string().to_ascii_lowercase();
        let taken = context.view.stacks().into_iter().find(|stack| {
            stack.owner == self.user
                && Some(stack.stack) != except
                && stack.state == StackState::Live
                && stack.name.to_string().to_ascii_lowercase() == folded
        });
        taken.map_or(Ok(()), |stack| Err(CommandError::NameTaken(stack.name)))
    }
}

/// Tells whether a fact is about what is shared, and not about who may do what.
fn is_content(fact: &PlacedFact) -> bool {
    matches!(
        fact,
        PlacedFact::Head(_)
            | PlacedFact::Tag(_)
            | PlacedFact::Dashboard(_)
            | PlacedFact::Comment(_)
    )
}

/// Refuses a comment that says nothing or too much.
fn check_comment(text: &str) -> Result<(), CommandError> {
    if text.trim().is_empty() {
        return Err(CommandError::Invalid("a comment says something".to_owned()));
    }
    if text.len() > limits::COMMENT_BYTES {
        return Err(CommandError::Limit(format!(
            "{} bytes exceed the {} of a comment",
            text.len(),
            limits::COMMENT_BYTES
        )));
    }
    Ok(())
}

/// Returns what the owner says of a new context.
fn first_facts(
    cx: &mut Cx<'_>,
    name: ContextName,
    text: String,
    access: Access,
) -> Vec<PlacedFact> {
    vec![
        PlacedFact::About(About { name, text, access, closed: false, over: Vec::new() }),
        PlacedFact::Interest(Interest { generation: 1, key: random(cx) }),
    ]
}

fn is_about(statements: &[Verified]) -> bool {
    matches!(statements[0].fact(), Fact::Placed(p) if matches!(p.fact, PlacedFact::About(_)))
}

/// Returns a head over all current ones of a stack.
fn head_fact(
    context: &Context,
    view: &StackView,
    name: StackName,
    frame: Option<FrameId>,
    why: Option<Why>,
) -> PlacedFact {
    PlacedFact::Head(Head {
        stack: view.stack,
        name,
        frame,
        generation: context.view.next_generation(view.owner, view.stack),
        over: view.over.clone(),
        why,
    })
}

pub(super) fn random<const N: usize>(cx: &mut Cx<'_>) -> [u8; N] {
    let mut bytes = [0; N];
    cx.rng.fill_bytes(&mut bytes);
    bytes
}
