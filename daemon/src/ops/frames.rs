//! Frames: what one holds, its files, and the line that led to it.

use std::time::Duration;

use dsp_protocol::api::{FileInfo, FrameInfo, InputInfo, LogEntry, Page, Problem, ProblemCode};
use dsp_protocol::context::StackView;
use dsp_protocol::id::{ContextId, FrameId};
use dsp_protocol::limits;
use dsp_protocol::object::lineage::InputSource;
use dsp_protocol::object::{Frame, Lineage, Metrics};
use dsp_protocol::reference::Reference;
use serde_json::{Map, Value};

use super::content::{Content, File, bytes_of, file_info, hashes};
use super::problem::not_found;
use super::resolve::parse;
use super::time::rfc3339;
use super::{Ops, Paging, Reporter};
use crate::blobs::ReadError;

/// Files in the answer of a frame.
const FILES: usize = 100;
/// How long a list of files may take to come.
const LIST_WAIT: Duration = Duration::from_secs(10);
/// Most files in one page.
const FILES_PAGE: u64 = 5000;
/// Most revisions in one page.
const LOG_PAGE: u64 = 1000;

impl Ops {
    /// Returns the frame that a reference means.
    ///
    /// # Errors
    /// There is none, it is not here, or several fit.
    pub async fn frame(&self, reference: &str) -> Result<FrameInfo, Problem> {
        let parsed = parse(reference)?;
        let scene = self.scene().await?;
        let found = self.frame_of(&scene, &parsed).await?;
        let (context, id) = (found.context.id, found.frame);
        let content = self.listed(context, id).await?;
        let all = content.files.whole();
        let here = self.store.earned_set(context, hashes(all)).await?;
        let here_bytes = all.iter().filter(|file| here.contains_key(&file.blob.hash));
        let bytes_here = here_bytes.map(|file| file.blob.size).sum();
        let stack = self.stack_info(&scene, found.stack()).await?;
        let frame = &content.frame;
        Ok(FrameInfo {
            id,
            reference: format!("{}@{id}", stack.reference),
            parents: frame.parents.clone(),
            time: rfc3339(frame.time),
            message: frame.message.clone(),
            params: frame.params.iter().map(|(name, p)| (name.clone(), p.to_json())).collect(),
            metrics: metrics_json(&frame.metrics),
            tags: tags_on(found.stack, id),
            files_total: all.len() as u64,
            bytes: bytes_of(all),
            bytes_here,
            files: all.iter().take(FILES).map(|file| file_info(file, &here)).collect(),
            inputs: self.inputs(frame).await?,
            needs: frame.missing_features().into_iter().map(str::to_owned).collect(),
            stack,
        })
    }

    /// Lists the files of the frame that a reference means, by path.
    ///
    /// # Errors
    /// There is none, or its list of files is not here.
    pub async fn files(&self, reference: &str, paging: &Paging) -> Result<Page, Problem> {
        let parsed = parse(reference)?;
        let scene = self.scene().await?;
        let found = self.frame_of(&scene, &parsed).await?;
        let content = self.listed(found.context.id, found.frame).await?;
        let mut files: Vec<&File> = content.files()?.iter().collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let (start, limit) = paging.range(FILES_PAGE)?;
        let page: Vec<File> = files.iter().skip(start).take(limit).map(|f| (*f).clone()).collect();
        let here = self.store.earned_set(found.context.id, hashes(&page)).await?;
        let items = page.iter().map(|f| super::paging::to_json(&file_info(f, &here))).collect();
        Ok(Page { items, next_cursor: super::paging::next(start, limit, files.len()) })
    }

    /// Finds the one file that a reference means: the attachment it names, or the only one.
    ///
    /// # Errors
    /// There is none, or several and none is named.
    pub(crate) async fn file(&self, reference: &str) -> Result<(ContextId, FileInfo), Problem> {
        let parsed = parse(reference)?;
        let scene = self.scene().await?;
        let found = self.frame_of(&scene, &parsed).await?;
        let context = found.context.id;
        let content = self.listed(context, found.frame).await?;
        let file = pick(&content, &parsed, reference)?;
        let here = self.store.earned_set(context, vec![file.blob.hash]).await?;
        Ok((context, file_info(file, &here)))
    }

    /// Lists the frame that a reference means and those behind it.
    ///
    /// # Errors
    /// There is none.
    pub async fn log(&self, reference: &str, paging: &Paging) -> Result<Page, Problem> {
        let parsed = parse(reference)?;
        let scene = self.scene().await?;
        let found = self.frame_of(&scene, &parsed).await?;
        let context = found.context.id;
        let (start, limit) = paging.range(LOG_PAGE)?;
        let order = self.line(context, found.frame).await?;
        let page: Vec<FrameId> = order.iter().copied().skip(start).take(limit).collect();
        let contents = self.contents(context, page.clone()).await?;
        let items = page.iter().map(|id| {
            let entry = log_entry(*id, contents.get(id), found.stack);
            super::paging::to_json(&entry)
        });
        let items = items.collect();
        Ok(Page { items, next_cursor: super::paging::next(start, limit, order.len()) })
    }

    /// Returns a frame with its files. Where they are listed in directory objects that are not
    /// here, those are brought, as they are small and nothing can be shown without them.
    async fn listed(&self, context: ContextId, frame: FrameId) -> Result<Content, Problem> {
        let content = self.content(context, frame).await?;
        if content.files().is_ok() {
            return Ok(content);
        }
        let silent = Reporter::silent();
        let bringing = self.bring_listing(context, content.clone(), &silent);
        match tokio::time::timeout(LIST_WAIT, bringing).await {
            Ok(brought) => brought,
            Err(_) => content.files().map(|_| content.clone()),
        }
    }

    /// Returns a frame and its ancestors as far as they are known here.
    async fn line(&self, context: ContextId, frame: FrameId) -> Result<Vec<FrameId>, Problem> {
        let line = self.node.query(move |engine| {
            let Some(context) = engine.context(context) else { return Vec::new() };
            let look = |id| Some(context.frame(id)?.parents.clone());
            super::history::History::walk([frame], look).frames().collect()
        });
        Ok(line.await?)
    }

    /// Returns what a frame was made from, as far as its lineage is here.
    async fn inputs(&self, frame: &Frame) -> Result<Vec<InputInfo>, Problem> {
        let Some(lineage) = &frame.lineage else { return Ok(Vec::new()) };
        let bytes = self.blobs.read_all(lineage.hash, limits::LINEAGE_BYTES as u64).await;
        let bytes = match bytes {
            Ok(bytes) => bytes,
            Err(ReadError::Missing(_) | ReadError::Partial { .. }) => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        let lineage = Lineage::decode(&bytes).map_err(|error| {
            let detail = format!("lineage object {}: {error}", lineage.hash);
            Problem::new(ProblemCode::Corrupt, detail)
        })?;
        let inputs = lineage.inputs.into_iter().map(|input| InputInfo {
            frame: match input.source {
                InputSource::Frame(frame) => Some(frame),
                InputSource::Blind(_) => None,
            },
            name: input.name,
        });
        Ok(inputs.collect())
    }
}

/// Returns the file that a reference means.
pub(crate) fn pick<'a>(
    content: &'a Content,
    reference: &Reference,
    text: &str,
) -> Result<&'a File, Problem> {
    let files = content.files()?;
    match (&reference.attachment, &files[..]) {
        (Some(selector), files) => {
            let at = selector.find(files.iter().map(|file| file.path.as_str()));
            at.map(|at| &files[at]).ok_or_else(|| {
                not_found(format!("`{text}`: no attachment `{selector}`"))
                    .with_hint("`dsp show` lists what the frame has")
            })
        }
        (None, [only]) => Ok(only),
        (None, []) => Err(not_found(format!("`{text}` has no files"))),
        (None, several) => {
            let mut problem = Problem::new(
                ProblemCode::Ambiguous,
                format!("`{text}` has {} files; name one after `#`", several.len()),
            );
            let paths = several.iter().take(10);
            problem.candidates = paths.map(|file| format!("{text}#{}", file.path)).collect();
            Err(problem)
        }
    }
}

fn log_entry(id: FrameId, content: Option<&Content>, stack: &StackView) -> LogEntry {
    let frame = content.map(|content| &content.frame);
    let sum = content.and_then(Content::sum);
    LogEntry {
        id,
        here: content.is_some(),
        parents: frame.map(|frame| frame.parents.clone()).unwrap_or_default(),
        time: frame.map(|frame| rfc3339(frame.time)),
        message: frame.map(|frame| frame.message.clone()),
        metrics: frame.map(|frame| metrics_json(&frame.metrics)).unwrap_or_default(),
        files: sum.map(|(files, _)| files),
        bytes: sum.map(|(_, bytes)| bytes),
        tags: tags_on(stack, id),
        head: stack.heads.iter().any(|head| head.frame == id),
    }
}

fn tags_on(stack: &StackView, frame: FrameId) -> Vec<String> {
    let tags = stack.tags.iter().filter(|(_, on)| **on == frame);
    tags.map(|(tag, _)| tag.to_string()).collect()
}

/// Returns metrics as JSON: numbers, and as text those that JSON has no number for.
fn metrics_json(metrics: &Metrics) -> Map<String, Value> {
    use dsp_protocol::object::Metric;
    let json = |metric: &Metric| match *metric {
        Metric::Int(int) => Value::from(int),
        Metric::Float(float) if float.is_finite() => Value::from(float),
        Metric::Float(float) if float.is_nan() => Value::from("nan"),
        Metric::Float(float) if float > 0.0 => Value::from("inf"),
        Metric::Float(_) => Value::from("-inf"),
    };
    metrics.iter().map(|(name, metric)| (name.clone(), json(metric))).collect()
}
