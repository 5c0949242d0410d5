//! Stacks, frames and attachments as dstack's clients pull them.

use std::collections::HashMap;
use std::time::Duration;

use data_encoding::BASE64;
use dsp_protocol::api::{Fetched, Problem, ProblemCode};
use dsp_protocol::id::{ContextId, FrameId};
use dsp_protocol::object::{Attachment, Files, Frame};
use futures::TryStreamExt as _;
use serde_json::{Map, Value, json};
use tokio::io::AsyncReadExt as _;

use super::super::content::File;
use super::super::fetch::Check;
use super::super::problem::internal;
use super::super::resolve::Found;
use super::super::scene::Scene;
use super::super::time::now;
use super::super::{Opened, Ops, Reporter};
use super::attach::{client_id, frame_settings, info, is_beginning, is_told_as_csv, params_json};
use super::grant::{Download, Grant};
use super::names::{Accounts, Level, shortened};
use super::{Reader, Refusal};

/// Attachments from this size on are not put into the answer, in bytes.
const INLINE: u64 = 1_000_000;
/// Bytes of a large attachment that are shown where it is not downloaded.
const PREVIEW: u64 = 100_000;
/// Most frames that are listed with a stack, the latest.
const FRAMES: usize = 1000;
/// Most attachments that are listed of a frame.
const ATTACHMENTS: usize = 1000;
/// Frames that are read at a time.
const SOME: usize = 64;
/// How long bytes may take to come from a peer.
const WAIT: Duration = Duration::from_secs(120);

/// The bytes that a client is told of.
#[derive(Debug)]
pub enum Told {
    /// Those that were pushed.
    Pushed(Opened),
    /// The CSV of a table.
    Csv {
        /// How many bytes.
        size: u64,
        /// The file that holds them.
        file: std::fs::File,
    },
}

impl Told {
    /// Returns how many bytes there are.
    pub fn size(&self) -> u64 {
        match self {
            Told::Pushed(opened) => opened.size,
            Told::Csv { size, .. } => *size,
        }
    }
}

/// A frame in the list of a stack.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) id: FrameId,
    /// What its client called it, else nothing.
    pub(super) client: String,
    /// What it is called in answers: what its client called it where that means one frame only.
    told: String,
    time: i64,
    params: Value,
    message: String,
}

impl Line {
    fn to_json(&self) -> Value {
        let mut map = json!({ "id": self.told, "timestamp": self.time, "params": self.params });
        if !self.message.is_empty() {
            map["description"] = json!(self.message);
        }
        map
    }
}

impl Ops {
    /// Returns a stack with its head and its frames, oldest first.
    ///
    /// # Errors
    /// There is none, or the caller may not read it.
    pub async fn dstack_stack(
        &self,
        reader: Reader,
        account: &str,
        name: &str,
    ) -> Result<Value, Refusal> {
        let scene = self.scene().await?;
        let accounts = self.accounts(&scene.names).await?;
        let found = readable(&scene, &accounts, reader, account, name)?;
        let lines = self.dstack_line(&found).await?;
        let head = match found.stack.heads.first() {
            Some(head) => {
                let frame = self.dstack_frame(found.context.id, head.frame).await?;
                match is_beginning(&frame) {
                    true => None,
                    false => Some(self.frame_json(&told(&lines, head.frame), &frame).await?),
                }
            }
            None => None,
        };
        let level = Level::of(&scene, found.context);
        Ok(json!({ "stack": {
            "user": accounts.of(&scene, found.stack.owner),
            "name": found.stack.name.to_string(),
            "private": level.private(),
            "access_level": level.word(),
            "head": head,
            "readme": null,
            "permissions": permissions(&scene, reader, &found),
            "comments": self.comments_json(&scene, &accounts, &found).await?,
            "frames": lines.iter().map(Line::to_json).collect::<Vec<_>>(),
        } }))
    }

    /// Returns which frame the head of a stack is.
    ///
    /// # Errors
    /// As [`dstack_stack`](Self::dstack_stack), and that there is no head.
    pub async fn dstack_head(
        &self,
        reader: Reader,
        account: &str,
        name: &str,
    ) -> Result<Value, Refusal> {
        let scene = self.scene().await?;
        let accounts = self.accounts(&scene.names).await?;
        let found = readable(&scene, &accounts, reader, account, name)?;
        let lines = self.dstack_line(&found).await?;
        let head = found.stack.heads.first();
        let line = head.and_then(|head| lines.iter().find(|line| line.id == head.frame));
        let line = line.ok_or_else(|| Refusal::not_found("frame", "the stack has no head"))?;
        Ok(json!({ "head": { "id": line.told, "timestamp": line.time } }))
    }

    /// Returns a frame of a stack with its attachments.
    ///
    /// # Errors
    /// There is none, or the caller may not read it.
    pub async fn dstack_frame_info(
        &self,
        reader: Reader,
        (account, name): (&str, &str),
        frame: &str,
    ) -> Result<Value, Refusal> {
        let scene = self.scene().await?;
        let accounts = self.accounts(&scene.names).await?;
        let found = readable(&scene, &accounts, reader, account, name)?;
        let line = pick(&self.dstack_line(&found).await?, frame)?;
        let frame = self.dstack_frame(found.context.id, line.id).await?;
        Ok(json!({ "frame": self.frame_json(&line.told, &frame).await? }))
    }

    /// Returns an attachment: its bytes, or where they are when there are many; tells also whether
    /// the answer stays good. `base` is where the client reaches this daemon.
    ///
    /// # Errors
    /// There is none, the caller may not read it, or nobody who has the bytes can be reached.
    pub async fn dstack_attachment(
        &self,
        reader: Reader,
        (account, name): (&str, &str),
        (frame, index): (&str, &str),
        download: bool,
        base: &str,
    ) -> Result<(Value, bool), Refusal> {
        let scene = self.scene().await?;
        let accounts = self.accounts(&scene.names).await?;
        let found = readable(&scene, &accounts, reader, account, name)?;
        let context = found.context.id;
        let line = pick(&self.dstack_line(&found).await?, frame)?;
        let frame = self.dstack_frame(context, line.id).await?;
        let index: Option<usize> = index.parse().ok();
        let mut files = self.dstack_files(&frame).await?;
        let Some(index) = index.filter(|index| *index < files.len()) else {
            let detail = format!("the frame has {} attachments, counted from 0", files.len());
            return Err(Refusal::not_found("attachment", detail));
        };
        let file = files.swap_remove(index);
        let opened = self.dstack_bytes(context, &file).await?;
        let mut answer = info(&frame, index, &file);
        answer.insert("index".to_owned(), json!(index));
        let table = is_told_as_csv(&frame, &file)
            .then(|| format!("{}@{}#{}", scene.reference(&found), line.id, file.path));
        let mut told = match &table {
            Some(table) => self.dstack_csv(table).await?,
            None => Told::Pushed(opened),
        };
        let size = told.size();
        answer.insert("length".to_owned(), json!(size));
        if size >= INLINE && download {
            let user = accounts.of(&scene, found.stack.owner);
            let name = found.stack.name.as_str();
            let media = if table.is_some() { "text/csv".to_owned() } else { file.media };
            let grant = Grant::Download(Download {
                hash: file.blob.hash,
                size,
                filename: filename(&user, name, index, &media),
                media,
                table,
            });
            let path = format!("{}/{name}/{}/{index}", encoded(&user), line.told);
            let address = self.dstack.grants.give(&path, grant, now())?;
            answer.insert("download_url".to_owned(), json!(format!("{base}{address}")));
            return Ok((json!({ "attachment": answer }), false));
        }
        let shown = if size < INLINE { size } else { PREVIEW };
        let bytes = self.dstack_beginning(&mut told, shown).await?;
        answer.insert("data".to_owned(), json!(BASE64.encode(&bytes)));
        if shown < size {
            answer.insert("preview".to_owned(), json!(true));
        }
        Ok((json!({ "attachment": answer }), true))
    }

    /// Returns the bytes that an address leads to.
    ///
    /// # Errors
    /// The address is not good, or the bytes went.
    pub async fn dstack_download(
        &self,
        path: &str,
        code: &str,
    ) -> Result<(Told, Download), Refusal> {
        match self.dstack.grants.take(path, code, now())? {
            Grant::Download(download) => {
                let told = match &download.table {
                    Some(table) => self.dstack_csv(table).await?,
                    None => Told::Pushed(self.open_blob(download.hash).await?),
                };
                Ok((told, download))
            }
            Grant::Upload { .. } => Err(Refusal::credentials("this address is for an upload")),
        }
    }

    /// Makes the CSV of a table.
    #[cfg(feature = "tables")]
    async fn dstack_csv(&self, table: &str) -> Result<Told, Refusal> {
        use crate::ops::{TableBytes, TableForm};
        Ok(match self.table_as(table, TableForm::Csv).await? {
            TableBytes::Pushed(opened) => Told::Pushed(opened),
            TableBytes::Made(made) => Told::Csv { size: made.size, file: made.file },
        })
    }

    /// Without tables nothing is told as CSV.
    #[cfg(not(feature = "tables"))]
    async fn dstack_csv(&self, table: &str) -> Result<Told, Refusal> {
        Ok(Told::Pushed(self.open_content(table).await?))
    }

    /// Returns the first bytes of what a client is told.
    async fn dstack_beginning(&self, told: &mut Told, shown: u64) -> Result<Vec<u8>, Refusal> {
        let mut bytes = Vec::new();
        match told {
            Told::Pushed(opened) => {
                let mut pieces = self.read_blob(opened, 0..shown).await?;
                while let Some(piece) = pieces.try_next().await.map_err(Problem::from)? {
                    bytes.extend_from_slice(&piece);
                }
            }
            Told::Csv { file, .. } => {
                let file = file.try_clone().map_err(|error| internal(&error))?;
                let mut beginning = tokio::fs::File::from_std(file).take(shown);
                beginning.read_to_end(&mut bytes).await.map_err(|error| internal(&error))?;
            }
        }
        Ok(bytes)
    }

    /// Returns the frames of a stack that are here, oldest first.
    pub(super) async fn dstack_line(&self, found: &Found<'_>) -> Result<Vec<Line>, Refusal> {
        let context = found.context.id;
        let history = self.history(context, found.stack).await?;
        let ids: Vec<FrameId> = history.frames().take(FRAMES).collect();
        let mut lines = HashMap::new();
        for some in ids.chunks(SOME) {
            let frames = self.some_frames(context, some).await?.into_iter();
            for (id, frame) in frames.filter(|(_, frame)| !is_beginning(frame)) {
                let client = client_id(&frame).unwrap_or_default().to_owned();
                let params = params_json(&frame.params);
                let (time, message) = (frame.time, frame.message);
                let told = id.to_string();
                lines.insert(id, Line { id, client, told, time, params, message });
            }
        }
        let mut lines: Vec<Line> = ids.iter().rev().filter_map(|id| lines.remove(id)).collect();
        let mut counts: HashMap<String, u32> = HashMap::new();
        for line in &lines {
            *counts.entry(line.client.clone()).or_default() += 1;
        }
        for line in lines.iter_mut().filter(|line| !line.client.is_empty()) {
            if counts[&line.client] == 1 {
                line.told.clone_from(&line.client);
            }
        }
        Ok(lines)
    }

    /// Returns a frame, brought here if need be.
    async fn dstack_frame(&self, context: ContextId, id: FrameId) -> Result<Frame, Refusal> {
        Ok(self.bring_frame(context, id, &Reporter::silent()).await?)
    }

    /// Returns a frame with its attachments.
    pub(super) async fn frame_json(&self, told: &str, frame: &Frame) -> Result<Value, Refusal> {
        let files = self.dstack_files(frame).await?;
        let files = files.iter().enumerate().map(|(index, file)| info(frame, index, file));
        let files: Vec<Map<String, Value>> = files.collect();
        Ok(json!({
            "id": told,
            "timestamp": frame.time,
            "params": params_json(&frame.params),
            "attachments": files,
            "settings": frame_settings(frame),
        }))
    }

    /// Returns the attachments of a frame, the first of them where there are very many.
    pub(super) async fn dstack_files(&self, frame: &Frame) -> Result<Vec<Attachment>, Refusal> {
        match &frame.files {
            Files::Listed(files) => Ok(files.clone()),
            Files::Tree(_) => {
                let files = self.files_after(frame, None, ATTACHMENTS).await;
                let files: Vec<File> = files.map_err(Problem::from)?;
                let one = |file: File| Attachment::new(file.path, file.blob, file.media);
                Ok(files.into_iter().map(one).collect())
            }
        }
    }

    /// Opens an attachment, whose bytes are brought here if need be.
    async fn dstack_bytes(&self, context: ContextId, file: &Attachment) -> Result<Opened, Refusal> {
        let hash = file.blob.hash;
        if self.store.earned_set(context, vec![hash]).await.map_err(Problem::from)?.is_empty() {
            let mut fetched = Fetched { files: 0, bytes: 0, already_here: 0, missing: Vec::new() };
            let (files, silent) = ([File::from(file)], Reporter::silent());
            let bringing = self.bring_files(context, &files, Check::Books, &silent, &mut fetched);
            let brought = tokio::time::timeout(WAIT, bringing).await;
            if !matches!(brought, Ok(Ok(()))) || !fetched.missing.is_empty() {
                let detail = format!("nobody who has the bytes of `{}` can be reached", file.path);
                let problem = Problem::new(ProblemCode::Unreachable, detail);
                return Err(problem.with_hint("try again when its author is online").into());
            }
        }
        Ok(self.open_blob(hash).await?)
    }
}

/// Finds a stack that the caller may read. Who is nobody known learns of public ones only.
fn readable<'a>(
    scene: &'a Scene,
    accounts: &Accounts,
    reader: Reader,
    account: &str,
    name: &str,
) -> Result<Found<'a>, Refusal> {
    let found = accounts.stack(scene, account, name);
    if reader == Reader::Me {
        return found;
    }
    let public = found.ok().filter(|found| Level::of(scene, found.context) == Level::Public);
    public.ok_or_else(|| {
        let detail = format!(
            "no public stack `{}/{}`, and no token was shown",
            shortened(account),
            shortened(name)
        );
        Refusal::credentials(detail).with_hint("a profile holds it as `token`")
    })
}

/// Returns those to whom I show a stack of mine by name; nothing where it is none of the reader's.
pub(super) fn permissions(scene: &Scene, reader: Reader, found: &Found<'_>) -> Value {
    if reader != Reader::Me || found.stack.owner != scene.me {
        return Value::Null;
    }
    let audiences = super::super::audience::audiences(scene, found.context.id, found.stack.stack);
    let members = audiences.iter().flat_map(|context| &context.members);
    let others = members
        .filter(|(user, role)| *user != scene.me && *role != dsp_protocol::statement::Role::None);
    let mut names: Vec<String> = others.map(|(user, _)| scene.names.of(*user)).collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(|name| json!({ "user": name })).collect()
}

/// Returns what clients are told that a frame is called.
pub(super) fn told(lines: &[Line], id: FrameId) -> String {
    let line = lines.iter().find(|line| line.id == id);
    line.map_or_else(|| id.to_string(), |line| line.told.clone())
}

/// Finds a frame by what its client called it, or by our id.
pub(super) fn pick(lines: &[Line], frame: &str) -> Result<Line, Refusal> {
    let found = lines.iter().find(|line| line.told == frame || line.id.to_string() == frame);
    found.cloned().ok_or_else(|| {
        let detail = format!("the stack has no frame `{}` here", shortened(frame));
        Refusal::not_found("frame", detail)
    })
}

/// Names a download as dstack did: the stack with `_` for what no shell likes, and the subtype.
fn filename(user: &str, stack: &str, index: usize, media: &str) -> String {
    let subtype = media.split(';').next().unwrap_or_default().split('/').nth(1);
    let subtype = subtype.unwrap_or("bin").trim();
    let name = format!("{user}/{stack}").replace(['/', '-'], "_");
    let safe = |c: char| if c.is_ascii_alphanumeric() || "._+".contains(c) { c } else { '_' };
    format!("{name}_{index}.{subtype}").chars().map(safe).collect()
}

/// Writes a petname as a part of a path.
fn encoded(name: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    let one = |b: u8| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") };
    name.bytes().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn downloads_are_named_as_ever() {
        let name = filename("dstack", "t0-5-1/big", 0, "text/csv");
        assert_eq!(name, "dstack_t0_5_1_big_0.csv");
        assert_eq!(filename("a", "b", 1, "image/svg+xml"), "a_b_1.svg+xml");
        assert_eq!(filename("ü\"\r\n", "b", 1, "x"), "_____b_1.bin");
    }
}
