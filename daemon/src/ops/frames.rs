//! Frames: what one holds, its files, and the line that led to it.

use std::time::Duration;

use dsp_protocol::api::{
    FileInfo, FrameInfo, InputInfo, LogEntry, Page, Problem, ProblemCode, WidgetInfo,
};
use dsp_protocol::context::StackView;
use dsp_protocol::id::{ContextId, FrameId};
use dsp_protocol::limits;
use dsp_protocol::name::AttachmentPath;
use dsp_protocol::object::lineage::InputSource;
use dsp_protocol::object::{self, Frame, Lineage, Metrics, Param, Widget};
use serde_json::{Map, Value};

use super::content::{file_info, hashes};
use super::paging::{cursor, to_json};
use super::resolve::parse;
use super::time::rfc3339;
use super::trees::{Gap, Sum};
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
        let frame = &self.frame_here(context, id).await?;
        self.listed(context, frame).await.or_else(unlisted)?;
        let sum = Gap::excuse(self.sum(Some(context), frame).await)?.unwrap_or_default();
        let files = Gap::excuse(self.files_after(frame, None, FILES).await)?.unwrap_or_default();
        let here = self.store.earned_set(context, hashes(&files)).await?;
        let stack = self.stack_info(&scene, found.stack()).await?;
        Ok(FrameInfo {
            id,
            reference: format!("{}@{id}", stack.reference),
            parents: frame.parents.clone(),
            time: rfc3339(frame.time),
            message: frame.message.clone(),
            params: frame.params.iter().map(|(name, p)| (name.clone(), p.to_json())).collect(),
            widgets: frame.widgets.iter().map(|(name, w)| (name.clone(), widget_info(w))).collect(),
            metrics: metrics_json(&frame.metrics),
            tags: tags_on(found.stack, id),
            files_total: sum.files,
            bytes: sum.bytes,
            bytes_here: sum.here,
            files: files.iter().map(|file| file_info(file, &here)).collect(),
            inputs: self.inputs(frame).await?,
            needs: frame.missing_features().into_iter().map(str::to_owned).collect(),
            settings: settings_json(frame),
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
        let context = found.context.id;
        let limit = paging.limit(FILES_PAGE)?;
        // The pages are those of one frame, even if the head moves between them.
        let (id, after) = match paging.place(files_place)? {
            Some((id, after)) => (id, Some(after)),
            None => (found.frame, None),
        };
        let frame = self.frame_here(context, id).await?;
        self.listed(context, &frame).await?;
        self.check_size(&frame).await?;
        let mut files = self.files_after(&frame, after.as_ref(), limit + 1).await?;
        let more = files.len() > limit;
        files.truncate(limit);
        let here = self.store.earned_set(context, hashes(&files)).await?;
        let items = files.iter().map(|file| to_json(&file_info(file, &here))).collect();
        let place = |path: &AttachmentPath| [id.as_bytes(), path.as_str().as_bytes()].concat();
        let next_cursor = files.last().filter(|_| more).map(|last| cursor(&place(&last.path)));
        Ok(Page { items, next_cursor, note: None })
    }

    /// Finds the one file that a reference means: the attachment it names, or the only one.
    ///
    /// # Errors
    /// There is none, or several and none is named.
    pub(crate) async fn file(&self, reference: &str) -> Result<(ContextId, FileInfo), Problem> {
        let (context, _, file) = self.file_in(reference).await?;
        Ok((context, file))
    }

    /// Finds the same, with the frame it is in.
    ///
    /// # Errors
    /// As [`file`](Self::file).
    pub(crate) async fn file_in(
        &self,
        reference: &str,
    ) -> Result<(ContextId, Frame, FileInfo), Problem> {
        let parsed = parse(reference)?;
        let scene = self.scene().await?;
        let found = self.frame_of(&scene, &parsed).await?;
        let context = found.context.id;
        let frame = self.frame_here(context, found.frame).await?;
        let silent = Reporter::silent();
        let picking = self.picked(context, &frame, &parsed, reference, &silent);
        let file = match tokio::time::timeout(LIST_WAIT, picking).await {
            Ok(file) => file?,
            Err(_) => self.pick(&frame, &parsed, reference).await??,
        };
        let here = self.store.earned_set(context, vec![file.blob.hash]).await?;
        Ok((context, frame, file_info(&file, &here)))
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
        let limit = paging.limit(LOG_PAGE)?;
        // The pages are those of one line, even if the head moves between them.
        let (from, after) = match paging.place(log_place)? {
            Some((from, after)) => (from, Some(after)),
            None => (found.frame, None),
        };
        let line = self.line(context, from).await?;
        let start = match after {
            Some(after) => line.iter().position(|id| *id == after).map_or(line.len(), |at| at + 1),
            None => 0,
        };
        let rest = &line[start..];
        let page = &rest[..limit.min(rest.len())];
        let mut items = Vec::new();
        for id in page {
            // One at a time: only what is shown of it is kept.
            let frame = self.stored_frame(context, *id).await?;
            let withdrawn = frame.is_none() && self.is_withdrawn(context, *id).await?;
            let sum = match &frame {
                Some(frame) => Gap::excuse(self.sum(None, frame).await)?,
                None => None,
            };
            let entry = log_entry(*id, frame.as_ref(), sum, found.stack);
            items.push(to_json(&LogEntry { withdrawn, ..entry }));
        }
        let last = page.last().filter(|_| page.len() < rest.len());
        let next_cursor =
            last.map(|last| cursor(&[&from.as_bytes()[..], last.as_bytes()].concat()));
        Ok(Page { items, next_cursor, note: None })
    }

    /// Makes sure that the files of a frame can be listed. Where directory objects are not here,
    /// they are brought, as they are small and nothing can be shown without them.
    pub(crate) async fn listed(&self, context: ContextId, frame: &Frame) -> Result<(), Problem> {
        if !matches!(self.sum(None, frame).await, Err(Gap::Missing(_))) {
            return Ok(());
        }
        let silent = Reporter::silent();
        let bringing = self.bring_listing(context, frame, &silent);
        // Late: what came is shown, and who looks for the rest is told.
        tokio::time::timeout(LIST_WAIT, bringing).await.unwrap_or(Ok(()))
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
    pub(crate) async fn inputs(&self, frame: &Frame) -> Result<Vec<InputInfo>, Problem> {
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

/// Lets a frame be shown without its files where they cannot be listed here.
fn unlisted(problem: Problem) -> Result<(), Problem> {
    use ProblemCode::{BlobNotLocal, Corrupt, TooLarge, Unreachable};
    match problem.code {
        BlobNotLocal | Corrupt | TooLarge | Unreachable => Ok(()),
        _ => Err(problem),
    }
}

/// Reads the place in a list of files: the frame, and a path.
fn files_place(bytes: &[u8]) -> Option<(FrameId, AttachmentPath)> {
    let (frame, path) = bytes.split_first_chunk()?;
    Some((FrameId::from_bytes(*frame), std::str::from_utf8(path).ok()?.parse().ok()?))
}

/// Reads the place in a line of frames: the frame that it begins with, and one of it.
fn log_place(bytes: &[u8]) -> Option<(FrameId, FrameId)> {
    let (from, last) = bytes.split_first_chunk()?;
    Some((FrameId::from_bytes(*from), FrameId::from_bytes(last.try_into().ok()?)))
}

fn log_entry(id: FrameId, frame: Option<&Frame>, sum: Option<Sum>, stack: &StackView) -> LogEntry {
    LogEntry {
        id,
        here: frame.is_some(),
        withdrawn: false,
        parents: frame.map(|frame| frame.parents.clone()).unwrap_or_default(),
        time: frame.map(|frame| rfc3339(frame.time)),
        message: frame.map(|frame| frame.message.clone()),
        metrics: frame.map(|frame| metrics_json(&frame.metrics)).unwrap_or_default(),
        files: sum.map(|sum| sum.files),
        bytes: sum.map(|sum| sum.bytes),
        tags: tags_on(stack, id),
        head: stack.heads.iter().any(|head| head.frame == id),
    }
}

pub(crate) fn tags_on(stack: &StackView, frame: FrameId) -> Vec<String> {
    let tags = stack.tags.iter().filter(|(_, on)| **on == frame);
    tags.map(|(tag, _)| tag.to_string()).collect()
}

/// Returns how a parameter is asked for.
fn widget_info(widget: &Widget) -> WidgetInfo {
    WidgetInfo {
        kind: widget.kind.clone(),
        label: widget.label.clone(),
        unit: widget.unit.clone(),
        default: widget.default.as_ref().map(Param::to_json),
        values: widget.values.iter().map(Param::to_json).collect(),
        order: widget.order,
        hidden: widget.hidden,
    }
}

/// Returns what a frame says of what made it; of other kinds than a map nothing is made.
fn settings_json(frame: &Frame) -> Map<String, Value> {
    match frame.settings.as_ref().map(object::to_json) {
        Some(Value::Object(settings)) => settings,
        _ => Map::new(),
    }
}

/// Returns metrics as JSON: numbers, and as text those that JSON has no number for.
pub(crate) fn metrics_json(metrics: &Metrics) -> Map<String, Value> {
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
