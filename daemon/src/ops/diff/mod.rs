//! What differs between two frames: what is said of them, their files, and the bytes of those.
//!
//! Everything is bounded: files are merged a page at a time, so many of those that differ are
//! named, and of so many the bytes are compared, as lines of text or as rows of a table.

mod files;
mod table;
#[cfg(test)]
mod tests;
mod text;

use std::collections::BTreeMap;

use dsp_protocol::api::{
    ChangeName, DiffSide, FrameDiff, InputChange, InputInfo, MessageChange, MetricChange, Problem,
    ValueChange,
};
use dsp_protocol::id::{ContextId, FrameId};
use dsp_protocol::object::Frame;
use dsp_protocol::reference::Rev;
use serde_json::{Map, Value};

use self::files::Content;
use super::Ops;
use super::frames::{metrics_json, tags_on};
use super::problem::bad_request;
use super::resolve::{FoundFrame, parse};
use super::scene::Scene;
use super::time::rfc3339;

/// What a caller wants to know of the bytes of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bytes {
    /// How they differ.
    Compared,
    /// Nothing but that they do.
    Left,
}

/// A frame that is compared.
pub(super) struct Side {
    pub(super) context: ContextId,
    /// The frame, and its reference in full.
    pub(super) frame: Option<(FrameId, Frame)>,
    pub(super) reference: String,
    tags: Vec<String>,
}

impl Side {
    fn info(&self) -> DiffSide {
        DiffSide {
            frame: self.frame.as_ref().map(|(id, _)| *id),
            reference: self.reference.clone(),
            tags: self.tags.clone(),
            time: self.frame.as_ref().map(|(_, frame)| rfc3339(frame.time)),
        }
    }

    fn frame(&self) -> Option<&Frame> {
        self.frame.as_ref().map(|(_, frame)| frame)
    }
}

impl Ops {
    /// Tells what differs between two frames: from the first to the second, or from its first
    /// parent to the one that is named. A frame without a parent is compared with nothing.
    ///
    /// # Errors
    /// There is no such frame, it is not here, or its files cannot be listed.
    pub async fn diff(
        &self,
        first: &str,
        second: Option<&str>,
        bytes: Bytes,
    ) -> Result<FrameDiff, Problem> {
        let scene = self.scene().await?;
        let (from, to) = match second {
            Some(second) => (self.side(&scene, first).await?, self.side(&scene, second).await?),
            None => {
                let to = self.side(&scene, first).await?;
                (self.before(&scene, first, &to).await?, to)
            }
        };
        let content = match bytes {
            Bytes::Compared => Content::Compared,
            Bytes::Left => Content::Left,
        };
        let (counts, files) = self.diff_files(&from, &to, content).await?;
        let message = |side: &Side| side.frame().map(|f| f.message.clone()).unwrap_or_default();
        let (old, new) = (message(&from), message(&to));
        Ok(FrameDiff {
            message: (old != new).then_some(MessageChange { from: old, to: new }),
            params: values(&params(&from), &params(&to)),
            metrics: metrics(&from, &to),
            inputs: inputs(&self.inputs_of(&from).await?, &self.inputs_of(&to).await?),
            from: from.info(),
            to: to.info(),
            counts,
            files,
        })
    }

    async fn side(&self, scene: &Scene, text: &str) -> Result<Side, Problem> {
        let reference = parse(text)?;
        if reference.attachment.is_some() {
            let detail = format!("`{text}` names one attachment, and this is about whole frames");
            return Err(bad_request(detail).with_hint("leave out what stands from `#` on"));
        }
        let found = self.frame_of(scene, &reference).await?;
        let frame = self.frame_here(found.context.id, found.frame).await?;
        self.listed(found.context.id, &frame).await?;
        Ok(side(scene, &found, frame))
    }

    /// Returns the first parent of a frame.
    async fn before(&self, scene: &Scene, text: &str, to: &Side) -> Result<Side, Problem> {
        let parent = to.frame().and_then(|frame| frame.parents.first().copied());
        let Some(parent) = parent else {
            return Ok(Side {
                context: to.context,
                frame: None,
                reference: "nothing".to_owned(),
                tags: Vec::new(),
            });
        };
        let mut reference = parse(text)?;
        reference.rev = Rev::Head;
        let found = scene.stack(&reference)?;
        let found = FoundFrame { context: found.context, stack: found.stack, frame: parent };
        let frame = self.frame_here(found.context.id, parent).await?;
        self.listed(found.context.id, &frame).await?;
        Ok(side(scene, &found, frame))
    }

    async fn inputs_of(&self, side: &Side) -> Result<Vec<InputInfo>, Problem> {
        match side.frame() {
            Some(frame) => self.inputs(frame).await,
            None => Ok(Vec::new()),
        }
    }
}

fn side(scene: &Scene, found: &FoundFrame<'_>, frame: Frame) -> Side {
    Side {
        context: found.context.id,
        reference: format!("{}@{}", scene.reference(&found.stack()), found.frame),
        tags: tags_on(found.stack, found.frame),
        frame: Some((found.frame, frame)),
    }
}

fn params(side: &Side) -> Map<String, Value> {
    let Some(frame) = side.frame() else { return Map::new() };
    frame.params.iter().map(|(name, param)| (name.clone(), param.to_json())).collect()
}

/// Returns the values that differ, by name.
fn values(from: &Map<String, Value>, to: &Map<String, Value>) -> Vec<ValueChange> {
    let mut names: Vec<&String> = from.keys().chain(to.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let differ = names.into_iter().filter(|name| from.get(*name) != to.get(*name));
    differ
        .map(|name| ValueChange {
            name: name.clone(),
            from: from.get(name).cloned(),
            to: to.get(name).cloned(),
        })
        .collect()
}

fn metrics(from: &Side, to: &Side) -> Vec<MetricChange> {
    let of = |side: &Side| side.frame().map(|f| metrics_json(&f.metrics)).unwrap_or_default();
    let changes = values(&of(from), &of(to)).into_iter().map(|ValueChange { name, from, to }| {
        let numbers = (from.as_ref().and_then(Value::as_f64), to.as_ref().and_then(Value::as_f64));
        let difference = match numbers {
            (Some(from), Some(to)) => Some(to - from).filter(|d| d.is_finite()),
            _ => None,
        };
        MetricChange { name, from, to, difference }
    });
    changes.collect()
}

/// Returns what only one side was made from; of the same twice, what one side has more often.
fn inputs(from: &[InputInfo], to: &[InputInfo]) -> Vec<InputChange> {
    type Key<'a> = (Option<FrameId>, Option<&'a str>);
    let mut more: BTreeMap<Key<'_>, i64> = BTreeMap::new();
    for (inputs, by) in [(from, -1), (to, 1)] {
        for input in inputs {
            *more.entry((input.frame, input.name.as_deref())).or_default() += by;
        }
    }
    let changes = more.into_iter().flat_map(|((frame, name), by)| {
        let change = if by > 0 { ChangeName::Added } else { ChangeName::Removed };
        let name = name.map(str::to_owned);
        let times = usize::try_from(by.unsigned_abs()).unwrap_or(usize::MAX);
        std::iter::repeat_n(InputChange { change, frame, name }, times)
    });
    changes.collect()
}
