//! Frames: the immutable revisions of a stack.

use super::attachment::Attachment;
use super::metric::{check_metrics, metrics_from_value};
use super::param::{check_params, params_from_value, params_value};
use super::widget::{Widgets, check_widgets, widgets_from_value, widgets_value};
use super::{
    BlobRef, BlobRole, BuildError, DecodeError, Metrics, Params, Schema, check_extra, check_free,
    check_label, check_len, open, seal, sparse, text,
};
use crate::cbor::{FieldError, Map, Value};
use crate::id::FrameId;
use crate::limits::{
    FEATURES, FRAME_BYTES, FRAME_FILES, FRAME_PARENTS, KIND_BYTES, MESSAGE_BYTES, SETTINGS_BYTES,
    SETTINGS_DEPTH,
};
use crate::name::Folded;

/// The features that a frame can ask its reader to know and that are known here.
pub const KNOWN_FEATURES: &[&str] = &[];

/// Why bytes are no frame.
pub type FrameError = DecodeError;

/// An immutable revision: message, parameters, data, lineage, metrics, parents.
///
/// It names no context, stack or user: the head does, so frames move and are shared. Its id is
/// the BLAKE3 of its bytes, which are kept and passed on as they came.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Frame {
    /// The frames it follows; the first is the line of `head~n`.
    pub parents: Vec<FrameId>,
    /// When its author made it, in milliseconds since 1970; shown, and never decides.
    pub time: i64,
    /// What its author says about it; may be empty.
    pub message: String,
    /// What it was made with.
    pub params: Params,
    /// How a page asks for the parameters of its attachments.
    pub widgets: Widgets,
    /// Free-form settings of tools.
    pub settings: Option<Value>,
    /// What was measured.
    pub metrics: Metrics,
    /// Its data.
    pub files: Files,
    /// How it was made.
    pub lineage: Option<BlobRef>,
    /// What kind of frame it is, where it is a special one: `snapshot`, `run`, `module`.
    pub kind: Option<String>,
    /// Features that a reader has to know to show it.
    pub must: Vec<String>,
    /// Data of tools, by the name of the tool.
    pub x: Map,
    /// Keys of later versions.
    pub extra: Map,
}

/// The data of a frame.
#[derive(Clone, Debug, PartialEq)]
pub enum Files {
    /// At most 256 attachments, in the author's order.
    Listed(Vec<Attachment>),
    /// The root of a tree of directory objects.
    Tree(BlobRef),
}

impl Default for Files {
    fn default() -> Self {
        Files::Listed(Vec::new())
    }
}

const KEYS: &[&str] = &[
    "v", "parents", "time", "message", "params", "settings", "metrics", "files", "tree", "lineage",
    "kind", "must", "x", "widgets",
];

impl Frame {
    /// Decodes a frame. Total: any bytes give a frame or an error.
    ///
    /// Names that collide on some systems only are accepted here: whoever writes them out asks
    /// [`Folded`].
    ///
    /// # Errors
    /// [`FrameError`] says what is wrong.
    pub fn decode(bytes: &[u8]) -> Result<Frame, FrameError> {
        let mut fields = open(bytes, FRAME_BYTES)?;
        let parent = FrameId::from_value;
        let attachment = |v| Attachment::from_value(v).map_err(|e| e.to_string());
        let listed = fields.optional("files", |v| v.into_list_of(FRAME_FILES, attachment))?;
        let tree = fields.optional("tree", BlobRef::from_value)?;
        let files = match (listed, tree) {
            (Some(files), None) => Files::Listed(files),
            (None, Some(tree)) => Files::Tree(tree),
            (None, None) => return Err(FieldError::Missing("files").into()),
            (Some(_), Some(_)) => {
                return Err(FieldError::invalid("tree", "stands beside `files`").into());
            }
        };
        let frame = Frame {
            parents: fields.required("parents", |v| v.into_list_of(FRAME_PARENTS, parent))?,
            time: fields.required("time", Value::into_i64)?,
            message: fields.required("message", text)?,
            params: sparse(&mut fields, "params", params_from_value)?,
            widgets: sparse(&mut fields, "widgets", widgets_from_value)?,
            settings: fields.take("settings"),
            metrics: sparse(&mut fields, "metrics", metrics_from_value)?,
            files,
            lineage: fields.optional("lineage", BlobRef::from_value)?,
            kind: fields.optional("kind", text)?,
            must: sparse(&mut fields, "must", |v| v.into_list_of(FEATURES, text))?,
            x: sparse(&mut fields, "x", Value::into_map)?,
            extra: fields.rest(),
        };
        frame.check()?;
        Ok(frame)
    }

    /// Encodes the frame.
    ///
    /// # Errors
    /// [`BuildError`] for what is beyond a limit, and for two paths that are one on some systems.
    pub fn encode(&self) -> Result<Vec<u8>, BuildError> {
        let mut names = Folded::new();
        for attachment in self.attachments() {
            let path = attachment.path.as_str();
            let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
            for end in ends {
                names.insert(&path[..end])?;
            }
        }
        self.check()?;
        seal("frame", self.to_map(), FRAME_BYTES)
    }

    /// Returns the id that the frame has once it is encoded.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn id(&self) -> Result<FrameId, BuildError> {
        self.encode().map(|bytes| FrameId::of(&bytes))
    }

    /// Returns the features that the frame asks for and that are not known here.
    pub fn missing_features(&self) -> Vec<&str> {
        let known = |feature: &&str| KNOWN_FEATURES.contains(feature);
        self.must.iter().map(String::as_str).filter(|f| !known(f)).collect()
    }

    /// Returns the attachments that the frame lists itself; none where a tree does.
    pub fn attachments(&self) -> &[Attachment] {
        match &self.files {
            Files::Listed(files) => files,
            Files::Tree(_) => &[],
        }
    }

    /// Iterates over the blobs that the frame names itself, and what for.
    ///
    /// What lies behind a tree or a lineage object is found by decoding those.
    pub fn blobs(&self) -> impl Iterator<Item = (BlobRole, &BlobRef)> {
        let tree = match &self.files {
            Files::Tree(tree) => Some((BlobRole::Tree, tree)),
            Files::Listed(_) => None,
        };
        let lineage = self.lineage.as_ref().map(|blob| (BlobRole::Lineage, blob));
        let attached = self.attachments().iter().flat_map(|a| {
            let schema = match &a.schema {
                Some(Schema::Blob(blob)) => Some((BlobRole::Schema, blob)),
                Some(Schema::Inline(_)) | None => None,
            };
            let recipe = a.recipe.as_ref().map(|blob| (BlobRole::Recipe, blob));
            let preview = a.preview.as_ref().map(|blob| (BlobRole::Preview, blob));
            [Some((BlobRole::Data, &a.blob)), schema, recipe, preview].into_iter().flatten()
        });
        tree.into_iter().chain(lineage).chain(attached)
    }

    fn to_map(&self) -> Map {
        let list = |items: &[String]| {
            let items = items.iter().map(|item| Value::from(item.as_str())).collect();
            Value::List(items)
        };
        let mut map = self.extra.clone();
        map.insert("parents", self.parents.iter().map(|p| (*p).into()).collect::<Vec<Value>>());
        map.insert("time", self.time);
        map.insert("message", self.message.as_str());
        map.insert_some("params", params_value(&self.params));
        map.insert_some("widgets", widgets_value(&self.widgets));
        map.insert_some("settings", self.settings.clone());
        if !self.metrics.is_empty() {
            let metrics = self.metrics.iter().map(|(name, m)| (name.clone(), (*m).into()));
            map.insert("metrics", metrics.collect::<Map>());
        }
        match &self.files {
            Files::Listed(files) => {
                map.insert("files", files.iter().map(Attachment::to_value).collect::<Vec<_>>())
            }
            Files::Tree(tree) => map.insert("tree", tree.to_value()),
        };
        map.insert_some("lineage", self.lineage.as_ref().map(BlobRef::to_value));
        map.insert_some("kind", self.kind.as_deref());
        if !self.must.is_empty() {
            map.insert("must", list(&self.must));
        }
        if !self.x.is_empty() {
            map.insert("x", self.x.clone());
        }
        map
    }

    fn check(&self) -> Result<(), FieldError> {
        check_len("parents", self.parents.len(), FRAME_PARENTS)?;
        check_len("message", self.message.len(), MESSAGE_BYTES)?;
        check_params(&self.params)?;
        check_widgets(&self.widgets)?;
        if let Some(settings) = &self.settings {
            check_free("settings", settings, SETTINGS_DEPTH, SETTINGS_BYTES)?;
        }
        check_metrics(&self.metrics)?;
        check_len("files", self.attachments().len(), FRAME_FILES)?;
        for (i, attachment) in self.attachments().iter().enumerate() {
            let at = |e| FieldError::invalid("files", format!("item {i}: {e}"));
            attachment.check().map_err(at)?;
        }
        check_paths(self.attachments())?;
        if let Files::Tree(tree) = &self.files {
            tree.check()?;
        }
        self.lineage.as_ref().map_or(Ok(()), BlobRef::check)?;
        if let Some(kind) = &self.kind {
            check_label("kind", kind, KIND_BYTES)?;
        }
        check_len("must", self.must.len(), FEATURES)?;
        self.must.iter().try_for_each(|feature| check_label("must", feature, KIND_BYTES))?;
        check_extra(&self.extra, KEYS)
    }
}

/// Refuses a path twice, and a file where another path has a folder.
fn check_paths(attachments: &[Attachment]) -> Result<(), FieldError> {
    let mut paths: Vec<_> = attachments.iter().map(|a| &a.path).collect();
    paths.sort_unstable();
    for pair in paths.windows(2) {
        let (a, b) = (pair[0].as_str(), pair[1].as_str());
        match b.strip_prefix(a) {
            Some("") => {
                return Err(FieldError::invalid("files", format!("`{a}` stands twice")));
            }
            Some(rest) if rest.starts_with('/') => {
                let reason = format!("`{a}` is a file, and a folder in `{b}`");
                return Err(FieldError::invalid("files", reason));
            }
            _ => {}
        }
    }
    Ok(())
}
