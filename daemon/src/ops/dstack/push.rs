//! Pushes of dstack's clients: everything inline, plot by plot, or announced and uploaded.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use dsp_protocol::api::{AccessName, NewContext, Problem, ProblemCode};
use dsp_protocol::id::ContextId;
use dsp_protocol::limits::{CLOCK_AHEAD_MS, FRAME_FILES, MESSAGE_BYTES};
use dsp_protocol::name::StackName;
use dsp_protocol::statement::Role;
use futures::Stream;
use serde_json::{Value, json};

use super::super::push::{AfterRemoval, Built};
use super::super::scene::Scene;
use super::super::time::now;
use super::super::whole::to_the_end;
use super::super::{Ops, Reporter, objects};
use super::draft::{About, Addition, Draft, DraftKey, Here, Piece, Said};
use super::grant::Grant;
use super::names::{Level, mine, new_stack, shortened};
use super::request::{AccessRequest, PushRequest};
use super::{Refusal, Turn, attach};

/// The context of mine for stacks that only I may read, where the current one has other readers.
const PRIVATE: &str = "private";
/// Largest attachment that can be announced: a petabyte.
const LENGTH: u64 = 1 << 50;

/// A push that keeps to the rules.
#[derive(Debug)]
struct Checked {
    account: String,
    name: StackName,
    id: String,
    said: Said,
    pieces: Vec<(u32, About, Body)>,
    size: Option<u32>,
    wanted: Option<Wanted>,
}

/// Where a push may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Wherever the stack is, or new ones go.
    Anywhere,
    /// As before, but a new stack goes where only I may read it.
    NewPrivate,
    /// Where only I may read it.
    Private,
}

/// Where the bytes of an attachment are.
#[derive(Debug)]
enum Body {
    Inline(Vec<u8>),
    Later(u64),
}

/// An upload that an address permits.
#[derive(Clone, Debug)]
pub struct Upload {
    draft: DraftKey,
    index: u32,
    /// How many bytes it has to bring.
    pub length: u64,
}

/// Splits `user/name`.
///
/// # Errors
/// There is no `/`.
pub(super) fn split(stack: &str) -> Result<(&str, &str), Refusal> {
    stack.split_once('/').ok_or_else(|| {
        Refusal::malformed(format!("`stack` is `user/name`, not `{}`", shortened(stack)))
    })
}

impl Checked {
    /// Reads a push and decodes what is inline.
    fn of(body: Bytes, now: i64) -> Result<Checked, Refusal> {
        let mut push: PushRequest = objects::last_counts(body)
            .map_err(|error| Refusal::malformed(format!("the body: {error}")))?;
        let (account, name) = split(&push.stack)?;
        let (account, name) = (account.to_owned(), new_stack(name)?);
        if !attach::is_frame_id(&push.id) {
            return Err(Refusal::malformed("`id` is no id of a frame, such as a UUID"));
        }
        let Some(time) = push.timestamp else {
            return Err(Refusal::malformed("`timestamp` is missing"));
        };
        if push.encryption.as_ref().is_some_and(|encryption| !encryption.is_null()) {
            return Err(Refusal::malformed("encrypted frames are not supported"));
        }
        let wanted =
            match push.access.as_deref().map(|word| Level::read("access", word)).transpose()? {
                None => None,
                Some(Level::Public | Level::Internal) => Some(Wanted::Anywhere),
                Some(Level::Private) => Some(Wanted::Private),
            };
        let attachments = push.attachments.take().unwrap_or_default();
        let size = match (push.size, push.index, attachments.len()) {
            (None, None, 0) => {
                return Err(Refusal::malformed("there are no attachments, and no `size`"));
            }
            (_, Some(_), several) if several != 1 => {
                return Err(Refusal::malformed("with an `index` comes exactly one attachment"));
            }
            (None, None, all) => Some(all as u64),
            (size, _, _) => size,
        };
        let first = push.index.unwrap_or(0);
        let most = FRAME_FILES as u64;
        if size.is_some_and(|size| size == 0 || size > most)
            || first.saturating_add(attachments.len() as u64) > most
        {
            return Err(Refusal::malformed(format!("a frame has 1 to {most} attachments")));
        }
        let given = push.params.take();
        let said = |given: &Option<serde_json::Map<String, Value>>| {
            let message = given.as_ref().and_then(|params| params.get("message")?.as_str());
            message.map(str::to_owned)
        };
        let message = push.message.take().or_else(|| said(&given)).unwrap_or_default();
        if message.len() > MESSAGE_BYTES {
            return Err(Refusal::malformed(format!(
                "the message has more than {MESSAGE_BYTES} bytes"
            )));
        }
        let settings = push.settings.take().filter(|settings| !settings.is_empty());
        let said = Said {
            weight: message.len() + attach::weight([given.as_ref(), settings.as_ref()]),
            message,
            params: attach::params(given)?,
            settings,
            // A client's clock that is far off says nothing.
            time: Some(time)
                .filter(|time| (1..=now + CLOCK_AHEAD_MS).contains(time))
                .unwrap_or(now),
        };
        let mut pieces = Vec::with_capacity(attachments.len());
        for (index, mut request) in (first..).zip(attachments) {
            let at = |refusal: Refusal| {
                let detail = refusal.detail.unwrap_or_default();
                Refusal { detail: Some(format!("attachment {index}: {detail}")), ..refusal }
            };
            let body = match (request.data.take(), request.length) {
                (Some(data), _) => Body::Inline(data.map_err(|error| {
                    at(Refusal::malformed(format!("`data` is no base64: {error}")))
                })?),
                (None, Some(length)) if length <= LENGTH => Body::Later(length),
                (None, Some(_)) => return Err(at(Refusal::malformed("`length` is too large"))),
                (None, None) => {
                    return Err(at(Refusal::malformed("there is no `data`, and no `length`")));
                }
            };
            let about = attach::about(&mut request, &push).map_err(at)?;
            let index = u32::try_from(index).expect("indexes are below the size of a frame");
            pieces.push((index, about, body));
        }
        let size = size.map(|size| u32::try_from(size).expect("sizes are those of a frame"));
        Ok(Checked { account, name, id: push.id, said, pieces, size, wanted })
    }

    /// Returns how many bytes came with it.
    fn inline(&self) -> u64 {
        let inline = self.pieces.iter().map(|(_, _, body)| match body {
            Body::Inline(bytes) => bytes.len() as u64,
            Body::Later(_) => 0,
        });
        inline.sum()
    }
}

impl Ops {
    /// Tells that I may push to a stack.
    ///
    /// # Errors
    /// It is not mine, or its name is malformed.
    pub async fn dstack_access(&self, request: &AccessRequest) -> Result<(), Refusal> {
        let (account, name) = split(&request.stack)?;
        let name = new_stack(name)?;
        let scene = self.scene().await?;
        self.must_be_me(&scene, account).await?;
        self.place(&scene, &name, self.wanted_by_default().await?).map(drop)
    }

    /// Pushes what a client sent. `base` is where the client reaches this daemon.
    ///
    /// # Errors
    /// The push breaks a rule, is not to a stack of mine, or the disk is full.
    pub async fn dstack_push(self: &Arc<Self>, body: Bytes, base: &str) -> Result<Value, Refusal> {
        let now = now();
        // Megabytes of base64: not between the calls of others.
        let checked = tokio::task::spawn_blocking(move || Checked::of(body, now)).await;
        let checked =
            checked.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
        // From the look at what is there until the head has moved: the same push twice at one time
        // makes one frame.
        let turn = Arc::clone(&self.dstack.turn).lock_owned().await;
        let scene = self.scene().await?;
        let account = self.must_be_me(&scene, &checked.account).await?;
        let mut answer = json!({ "url": format!("{base}/{account}/{}", checked.name) });
        let wanted = match checked.wanted {
            Some(wanted) => wanted,
            None => self.wanted_by_default().await?,
        };
        let context = match self.place(&scene, &checked.name, wanted)? {
            Some(context) => context,
            None => self.private_context(&scene).await?,
        };
        if let Some(found) = mine(&scene, &checked.name)?
            && self.dstack_line(&found).await?.iter().any(|one| one.client == checked.id)
        {
            return match checked.pieces.first() {
                None => Ok(answer),
                Some((index, ..)) => Err(Refusal::exists(format!(
                    "frame `{}` is complete, and has attachment {index} or never will",
                    checked.id
                ))),
            };
        }
        self.room_for(checked.inline()).await?;
        let key = (context, checked.name, checked.id);
        let (mut pieces, mut later) = (Vec::new(), Vec::new());
        for (index, about, body) in checked.pieces {
            let bytes = match body {
                Body::Inline(bytes) => {
                    let imported = self.blobs.import_bytes(bytes).await.map_err(Problem::from)?;
                    let (hash, size, keep) = (imported.hash, imported.size, imported.keep);
                    Some(Here { hash, size, keep })
                }
                Body::Later(length) => {
                    later.push((index, length));
                    None
                }
            };
            pieces.push((index, Piece { about, bytes }));
        }
        let addition = Addition { said: checked.said, pieces, size: checked.size };
        let complete = self.dstack.drafts.add(&key, addition, now)?;
        let mut uploads = Vec::new();
        for (index, length) in later {
            self.dstack.grants.end(&key, Some(index));
            let path = format!("{account}/{}/{}/{index}", key.1, key.2);
            let grant = Grant::Upload { draft: key.clone(), index, length };
            let address = self.dstack.grants.give(&path, grant, now)?;
            uploads.push(json!({ "index": index, "upload_url": format!("{base}{address}") }));
        }
        if let Some(draft) = complete {
            self.commit(key, draft, turn).await?;
        }
        if !uploads.is_empty() {
            answer["attachments"] = Value::Array(uploads);
        }
        Ok(answer)
    }

    /// Returns the upload that an address permits.
    ///
    /// # Errors
    /// The address is not good.
    pub fn dstack_upload(&self, path: &str, code: &str) -> Result<Upload, Refusal> {
        match self.dstack.grants.take(path, code, now())? {
            Grant::Upload { draft, index, length } => Ok(Upload { draft, index, length }),
            Grant::Download(_) => Err(Refusal::credentials("this address is for a download")),
        }
    }

    /// Takes in the bytes of an upload; with the last one the head of the stack moves.
    ///
    /// # Errors
    /// More or fewer bytes came than were announced, nobody waits for them, or the disk is full.
    pub async fn dstack_receive(
        self: &Arc<Self>,
        upload: Upload,
        bytes: impl Stream<Item = io::Result<Bytes>> + Send + Sync + 'static,
    ) -> Result<(), Refusal> {
        use futures::StreamExt as _;
        self.room_for(upload.length).await?;
        let mut left = upload.length;
        let bytes = bytes.map(move |piece| {
            let piece = piece?;
            left = left.checked_sub(piece.len() as u64).ok_or(io::ErrorKind::FileTooLarge)?;
            Ok(piece)
        });
        let imported = match self.blobs.import_stream(self.while_room(bytes)).await {
            Ok(imported) => imported,
            Err(error) => {
                self.room_for(0).await?;
                let problem = Problem::from(error);
                return Err(Refusal::malformed(format!(
                    "the upload was to bring {} bytes: {}",
                    upload.length, problem.detail
                )));
            }
        };
        if imported.size != upload.length {
            let detail = format!("{} bytes came, not {}", imported.size, upload.length);
            return Err(Refusal::malformed(detail).with_hint("send it again to the same address"));
        }
        let here = Here { hash: imported.hash, size: imported.size, keep: imported.keep };
        let key = upload.draft;
        let turn = Arc::clone(&self.dstack.turn).lock_owned().await;
        let complete = self.dstack.drafts.arrived(&key, upload.index, here, now())?;
        self.dstack.grants.end(&key, Some(upload.index));
        match complete {
            Some(draft) => self.commit(key, draft, turn).await,
            None => Ok(()),
        }
    }

    /// Moves the head of a stack to a frame that is complete, whoever waits for it.
    async fn commit(
        self: &Arc<Self>,
        key: DraftKey,
        draft: Draft,
        turn: Turn,
    ) -> Result<(), Refusal> {
        let built = attach::build(&key, draft)?;
        self.quota_for(built.blobs.iter().copied()).await?;
        let sum = (built.blobs.len() as u64, built.blobs.iter().map(|(_, size)| size).sum());
        let (context, name, _) = key;
        self.move_stack((context, name), (built, sum), turn).await
    }

    /// Moves the head of a stack; the turn ends with that, also where nobody waits for it any more.
    pub(super) async fn move_stack(
        self: &Arc<Self>,
        place: (ContextId, StackName),
        pushed: (Built, (u64, u64)),
        turn: Turn,
    ) -> Result<(), Refusal> {
        let ops = Arc::clone(self);
        let moved = to_the_end(async move {
            let _turn = turn;
            // A stack that was deleted there is gone with its history.
            let ((context, name), silent) = (place, Reporter::silent());
            let stack = (context, name, AfterRemoval::Anew);
            ops.move_head(stack, Vec::new(), pushed, &silent).await
        });
        moved.await?;
        Ok(())
    }

    /// Makes sure that an account is mine; returns its name.
    pub(super) async fn must_be_me(&self, scene: &Scene, account: &str) -> Result<String, Refusal> {
        let accounts = self.accounts(&scene.names).await?;
        match accounts.user(scene, account) {
            Ok(user) if user == scene.me => Ok(accounts.me),
            _ => Err(Refusal::credentials(format!(
                "only stacks of `{}` can be changed here, not those of `{}`",
                accounts.me,
                shortened(account)
            ))),
        }
    }

    /// Finds the context that a push goes to; none where one for me alone has to be made.
    pub(super) fn place(
        &self,
        scene: &Scene,
        name: &StackName,
        wanted: Wanted,
    ) -> Result<Option<ContextId>, Refusal> {
        let context = match mine(scene, name)? {
            Some(found)
                if wanted == Wanted::Private
                    && Level::of(scene, found.context) != Level::Private =>
            {
                let stack = scene.reference(&found);
                let label = scene.label(found.context);
                return Err(Refusal::credentials(format!(
                    "`{stack}` is in the context {label}, which others read, and this push is to \
                     be private"
                ))
                .with_hint("push to another stack, or remove this one first: `dsp rm`"));
            }
            Some(found) => found.context,
            None if wanted != Wanted::Anywhere => {
                let alone = |context: &&_| {
                    Level::of(scene, context) == Level::Private
                        && !super::super::audience::is_audience(scene, context)
                };
                let current = scene.current()?;
                let mut own = scene.contexts.values().filter(alone);
                let own = own.find(|c| c.name().is_some_and(|name| name.as_str() == PRIVATE));
                match Some(current).filter(alone).or(own) {
                    Some(context) => context,
                    None => return Ok(None),
                }
            }
            None => scene.current()?,
        };
        if context.my_role < Role::Writer || context.is_closed() {
            let detail = format!("you may not push to the context {}", scene.label(context));
            return Err(Refusal::credentials(detail)
                .with_hint("push to one of your own: `dsp context switch`"));
        }
        Ok(Some(context.id))
    }

    pub(super) async fn private_context(&self, scene: &Scene) -> Result<ContextId, Refusal> {
        let new = NewContext {
            name: PRIVATE.to_owned(),
            about: "stacks that only I may read".to_owned(),
            access: Some(AccessName::Private),
        };
        match self.new_context(new).await {
            Ok(context) => Ok(context.id),
            Err(problem) if problem.code == ProblemCode::Conflict => {
                let current = scene.label(scene.current()?);
                Err(Refusal::credentials(format!(
                    "others read the current context {current} and your context {PRIVATE}, and \
                     this push is to be private"
                ))
                .with_hint("switch to a context of your own: `dsp context new`"))
            }
            Err(problem) => Err(problem.into()),
        }
    }
}
