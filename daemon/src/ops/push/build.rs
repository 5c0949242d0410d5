//! From files to a frame: attachments or a tree, parameters, metrics and lineage.

use std::collections::BTreeMap;

use dsp_protocol::api::{NewFrame, Problem, WidgetInfo};
use dsp_protocol::cbor::{self, Map};
use dsp_protocol::id::{BlobHash, ContextId};
use dsp_protocol::limits::{FRAME_FILES, LINEAGE_BYTES};
use dsp_protocol::object::lineage::{Blinded, Input, InputSource};
use dsp_protocol::object::{
    self, Attachment, BlobRef, BuildError, Files, Frame, Lineage, Metric, Metrics, Param, Params,
    TreeBuilder, WIDGET_KINDS, Widget, Widgets,
};
use dsp_protocol::statement::Access;
use serde_json::Value;

use super::super::problem::bad_request;
use super::super::resolve::parse;
use super::super::scene::Scene;
use super::super::{Ops, time};
use super::import::Taken;
use crate::blobs::Keep;

/// What a frame says besides its files.
#[derive(Debug)]
pub(super) struct Draft {
    message: String,
    params: Params,
    widgets: Widgets,
    metrics: Metrics,
    settings: Option<cbor::Value>,
    lineage: Option<Lineage>,
}

/// A frame without parents and time, and the blobs that it reaches.
#[derive(Debug)]
pub(in crate::ops) struct Built {
    pub(in crate::ops) frame: Frame,
    pub(in crate::ops) blobs: Vec<(BlobHash, u64)>,
    pub(in crate::ops) keeps: Vec<Keep>,
}

impl Ops {
    /// Checks what a frame says besides its files.
    pub(super) async fn draft(
        &self,
        scene: &Scene,
        context: ContextId,
        new: &NewFrame,
    ) -> Result<Draft, Problem> {
        let metric = |(name, json): (&String, &Value)| {
            let metric =
                read_metric(json).map_err(|error| bad_request(format!("`{name}`: {error}")))?;
            Ok((name.clone(), metric))
        };
        Ok(Draft {
            message: new.message.clone(),
            params: read_params(&new.params)?,
            widgets: read_widgets(&new.widgets)?,
            metrics: new.metrics.iter().map(metric).collect::<Result<_, Problem>>()?,
            settings: read_settings(&new.settings)?,
            lineage: self.lineage(scene, context, new).await?,
        })
    }

    /// Records what a frame was made from. What the readers of its context could not read is
    /// blinded unless it is to be revealed, and a public context is not told who and where.
    async fn lineage(
        &self,
        scene: &Scene,
        context: ContextId,
        new: &NewFrame,
    ) -> Result<Option<Lineage>, Problem> {
        if new.inputs.is_empty() {
            return Ok(None);
        }
        let public =
            scene.contexts.get(&context).is_some_and(|context| context.access() == Access::Public);
        let mut recorded = Vec::new();
        for text in &new.inputs {
            let found = self.frame_of(scene, &parse(text)?).await?;
            let told = found.context.id == context || new.reveal_inputs;
            recorded.push(Input {
                source: match told {
                    true => InputSource::Frame(found.frame),
                    false => InputSource::Blind(Blinded::of(found.frame, &self.blinding_key())),
                },
                name: told.then(|| text.clone()),
                stack: told.then_some(found.stack.stack),
                user: (told && !public).then_some(found.stack.owner),
                extra: Map::new(),
            });
        }
        let now = time::now();
        Ok(Some(Lineage {
            inputs: recorded,
            started: now,
            finished: now,
            host: (!public).then(|| self.settings.config().device_name.clone()),
            ..Lineage::default()
        }))
    }

    /// Returns the key by which inputs are blinded: it never leaves this machine.
    fn blinding_key(&self) -> [u8; 32] {
        blake3::derive_key("dsp/1/blind", &*self.keys.device().to_seed())
    }

    /// Builds the frame of files that are here.
    pub(super) async fn build(&self, draft: Draft, taken: Taken) -> Result<Built, Problem> {
        let Taken { files, mut keeps } = taken;
        let mut blobs: Vec<(BlobHash, u64)> =
            files.iter().map(|(_, blob)| (blob.hash, blob.size)).collect();
        let mut frame = Frame {
            message: draft.message,
            params: draft.params,
            widgets: draft.widgets,
            metrics: draft.metrics,
            settings: draft.settings,
            ..Frame::default()
        };
        if let Some(lineage) = draft.lineage {
            let bytes = lineage.encode().map_err(bad_request)?;
            let imported = self.blobs.import_bytes(bytes).await?;
            blobs.push((imported.hash, imported.size));
            frame.lineage = Some(BlobRef::new(imported.hash, imported.size));
            keeps.push(imported.keep);
        }
        let described = files.iter().find(|(file, _)| file.described());
        let described = described.map(|(file, _)| file.path.clone());
        let mut listed = files.len() <= FRAME_FILES;
        if listed {
            let attachments = files.iter().map(|(file, blob)| Attachment {
                text: file.text.clone(),
                app: file.app.clone(),
                params: file.params.clone(),
                mode: file.mode,
                ..Attachment::new(file.path.clone(), blob.clone(), file.media.clone())
            });
            frame.files = Files::Listed(attachments.collect());
            match frame.encode() {
                Ok(_) => {}
                Err(BuildError::TooLarge { .. }) if described.is_none() => listed = false,
                Err(error) => return Err(bad_request(error)),
            }
        }
        if !listed {
            if let Some(path) = described {
                return Err(bad_request(format!(
                    "`{path}`: media types, texts, applications and parameters can be given for up \
                     to {FRAME_FILES} files only"
                )));
            }
            let mut tree = TreeBuilder::new();
            let mut objects = Vec::new();
            for (file, blob) in files {
                tree.push(file.path, blob, file.mode).map_err(bad_request)?;
                objects.append(&mut tree.take_objects());
            }
            let (root, mut rest) = tree.finish().map_err(bad_request)?;
            objects.append(&mut rest);
            for object in objects {
                let imported = self.blobs.import_bytes(object.bytes).await?;
                blobs.push((imported.hash, imported.size));
                keeps.push(imported.keep);
            }
            frame.files = Files::Tree(root);
        }
        blobs.sort_unstable();
        blobs.dedup();
        Ok(Built { frame, blobs, keeps })
    }

    /// Tells whether two lineage objects say the same, times aside.
    pub(super) async fn same_lineage(
        &self,
        old: Option<&BlobRef>,
        new: Option<&BlobRef>,
    ) -> Result<bool, Problem> {
        let (old, new) = match (old, new) {
            (None, None) => return Ok(true),
            (Some(old), Some(new)) => (old, new),
            (Some(_), None) | (None, Some(_)) => return Ok(false),
        };
        let mut read = Vec::new();
        for blob in [old, new] {
            let Ok(bytes) = self.blobs.read_all(blob.hash, LINEAGE_BYTES as u64).await else {
                return Ok(false);
            };
            let Ok(lineage) = Lineage::decode(&bytes) else { return Ok(false) };
            read.push(Lineage { started: 0, finished: 0, ..lineage });
        }
        Ok(read[0] == read[1])
    }
}

/// Reads parameters.
pub(super) fn read_params(json: &serde_json::Map<String, Value>) -> Result<Params, Problem> {
    let param = |(name, json): (&String, &Value)| {
        let param = Param::from_json(json);
        let param = param.map_err(|error| bad_request(format!("`{name}`: {error}")))?;
        Ok((name.clone(), param))
    };
    json.iter().map(param).collect()
}

/// Reads how parameters are asked for.
fn read_widgets(json: &BTreeMap<String, WidgetInfo>) -> Result<Widgets, Problem> {
    let widget = |(name, info): (&String, &WidgetInfo)| {
        let param = |json: &Value| {
            let param = Param::from_json(json);
            param.map_err(|error| bad_request(format!("the widget of `{name}`: {error}")))
        };
        if let Some(kind) = info.kind.as_ref().filter(|kind| !WIDGET_KINDS.contains(&kind.as_str()))
        {
            let kinds = WIDGET_KINDS.join("`, `");
            let reason = format!("the widget of `{name}`: there is no kind `{kind}`");
            return Err(bad_request(reason).with_hint(format!("one of `{kinds}`, or none")));
        }
        let widget = Widget {
            kind: info.kind.clone(),
            label: info.label.clone(),
            unit: info.unit.clone(),
            default: info.default.as_ref().map(param).transpose()?,
            values: info.values.iter().map(param).collect::<Result<_, _>>()?,
            order: info.order,
            hidden: info.hidden,
            extra: Map::new(),
        };
        Ok((name.clone(), widget))
    };
    json.iter().map(widget).collect()
}

/// Reads what makes a frame.
fn read_settings(json: &serde_json::Map<String, Value>) -> Result<Option<cbor::Value>, Problem> {
    if json.is_empty() {
        return Ok(None);
    }
    let value = object::from_json(&Value::Object(json.clone()));
    value.map(Some).map_err(|error| bad_request(format!("`settings`: {error}")))
}

/// Reads a metric: a number, or `"nan"`, `"inf"`, `"-inf"`.
fn read_metric(json: &Value) -> Result<Metric, String> {
    match json {
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(int), _) => Ok(Metric::Int(int)),
            (None, Some(float)) => Ok(Metric::Float(float)),
            (None, None) => Err(format!("{number} is out of range")),
        },
        Value::String(text) => match text.as_str() {
            "nan" => Ok(Metric::Float(f64::NAN)),
            "inf" => Ok(Metric::Float(f64::INFINITY)),
            "-inf" => Ok(Metric::Float(f64::NEG_INFINITY)),
            other => Err(format!("`{other}` is no number, nor `nan`, `inf` or `-inf`")),
        },
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
            Err(format!("{json} is no number"))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn metrics_are_numbers() {
        assert_eq!(read_metric(&json!(3)), Ok(Metric::Int(3)));
        assert_eq!(read_metric(&json!(0.25)), Ok(Metric::Float(0.25)));
        assert_eq!(read_metric(&json!("nan")), Ok(Metric::Float(f64::NAN)));
        assert!(read_metric(&json!("3")).is_err());
        assert!(read_metric(&json!(true)).is_err());
    }
}
