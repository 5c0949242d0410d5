//! Attachments: the pieces of data that a frame lists.

use super::param::{check_params, params_from_value, params_value};
use super::{BlobRef, Params, check_extra, check_free, check_label, check_len, sparse, text};
use crate::cbor::{FieldError, Fields, Map, Value};
use crate::limits::{
    ATTACHMENT_TEXT_BYTES, MEDIA_BYTES, SCHEMA_BYTES, SETTINGS_BYTES, SETTINGS_DEPTH,
};
use crate::name::AttachmentPath;

/// One piece of data of a frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Attachment {
    /// Where it lies in the frame.
    pub path: AttachmentPath,
    /// Its bytes.
    pub blob: BlobRef,
    /// Its media type.
    pub media: String,
    /// What opens it, for data whose media type does not say: `pandas`, `sklearn`.
    pub app: Option<String>,
    /// What it is, in the author's words.
    pub text: Option<String>,
    /// What tells it from the frame's other attachments.
    pub params: Params,
    /// Free-form settings of tools.
    pub settings: Option<Value>,
    /// The columns of a table, or the shape of something else.
    pub schema: Option<Schema>,
    /// How it falls into chunks, so that only what changed has to travel.
    pub recipe: Option<BlobRef>,
    /// A small picture or excerpt.
    pub preview: Option<BlobRef>,
    /// Whether it is a program.
    pub mode: Mode,
    /// Keys of later versions.
    pub extra: Map,
}

/// Whether a file is a program; the one thing of a file's mode that travels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// A file.
    #[default]
    Plain,
    /// A program, written `mode: 1`.
    Executable,
}

impl Mode {
    /// Reads `mode: 1`; what is plain has no mode.
    pub(super) fn from_value(value: Value) -> Result<Self, String> {
        match value.into_u64()? {
            1 => Ok(Mode::Executable),
            other => Err(format!("{other} is not 1, and 0 is left out")),
        }
    }

    pub(super) fn to_value(self) -> Option<Value> {
        match self {
            Mode::Plain => None,
            Mode::Executable => Some(Value::from(1u64)),
        }
    }
}

/// The schema of an attachment.
#[derive(Clone, Debug, PartialEq)]
pub enum Schema {
    /// A blob of its own.
    Blob(BlobRef),
    /// Anything of at most 8 KiB, except a map with a key `h`, which is how a blob is told.
    Inline(Value),
}

impl Schema {
    fn from_value(value: Value) -> Result<Self, FieldError> {
        match value {
            Value::Map(map) if map.get("h").is_some() => {
                BlobRef::from_value(map.into()).map(Schema::Blob)
            }
            inline => Ok(Schema::Inline(inline)),
        }
    }

    fn to_value(&self) -> Value {
        match self {
            Schema::Blob(blob) => blob.to_value(),
            Schema::Inline(value) => value.clone(),
        }
    }

    fn check(&self) -> Result<(), FieldError> {
        match self {
            Schema::Blob(blob) => blob.check(),
            Schema::Inline(Value::Map(map)) if map.get("h").is_some() => {
                Err(FieldError::invalid("schema", "an inline map must have no key `h`"))
            }
            Schema::Inline(value) => check_free("schema", value, SETTINGS_DEPTH, SCHEMA_BYTES),
        }
    }
}

const KEYS: &[&str] = &[
    "path", "ref", "media", "app", "text", "params", "settings", "schema", "recipe", "preview",
    "mode",
];

impl Attachment {
    /// Makes an attachment that has what every attachment has.
    pub fn new(path: AttachmentPath, blob: BlobRef, media: impl Into<String>) -> Self {
        Attachment {
            path,
            blob,
            media: media.into(),
            app: None,
            text: None,
            params: Params::new(),
            settings: None,
            schema: None,
            recipe: None,
            preview: None,
            mode: Mode::Plain,
            extra: Map::new(),
        }
    }

    pub(super) fn from_value(value: Value) -> Result<Self, FieldError> {
        let map = value.into_map().map_err(|reason| FieldError::invalid("files", reason))?;
        let mut fields = Fields::new(map);
        Ok(Attachment {
            path: fields.required("path", |value| {
                AttachmentPath::try_from(text(value)?).map_err(|e| e.to_string())
            })?,
            blob: fields.required("ref", BlobRef::from_value)?,
            media: fields.required("media", text)?,
            app: fields.optional("app", text)?,
            text: fields.optional("text", text)?,
            params: sparse(&mut fields, "params", params_from_value)?,
            settings: fields.take("settings"),
            schema: fields.optional("schema", Schema::from_value)?,
            recipe: fields.optional("recipe", BlobRef::from_value)?,
            preview: fields.optional("preview", BlobRef::from_value)?,
            mode: fields.optional("mode", Mode::from_value)?.unwrap_or_default(),
            extra: fields.rest(),
        })
    }

    pub(super) fn to_value(&self) -> Value {
        let mut map = self.extra.clone();
        map.insert("path", self.path.as_str());
        map.insert("ref", self.blob.to_value());
        map.insert("media", self.media.as_str());
        map.insert_some("app", self.app.as_deref());
        map.insert_some("text", self.text.as_deref());
        map.insert_some("params", params_value(&self.params));
        map.insert_some("settings", self.settings.clone());
        map.insert_some("schema", self.schema.as_ref().map(Schema::to_value));
        map.insert_some("recipe", self.recipe.as_ref().map(BlobRef::to_value));
        map.insert_some("preview", self.preview.as_ref().map(BlobRef::to_value));
        map.insert_some("mode", self.mode.to_value());
        map.into()
    }

    pub(super) fn check(&self) -> Result<(), FieldError> {
        self.blob.check()?;
        check_label("media", &self.media, MEDIA_BYTES)?;
        if let Some(app) = &self.app {
            check_label("app", app, MEDIA_BYTES)?;
        }
        if let Some(text) = &self.text {
            check_len("text", text.len(), ATTACHMENT_TEXT_BYTES)?;
        }
        check_params(&self.params)?;
        if let Some(settings) = &self.settings {
            check_free("settings", settings, SETTINGS_DEPTH, SETTINGS_BYTES)?;
        }
        self.schema.as_ref().map_or(Ok(()), Schema::check)?;
        self.recipe.iter().chain(&self.preview).try_for_each(BlobRef::check)?;
        check_extra(&self.extra, KEYS)
    }
}
