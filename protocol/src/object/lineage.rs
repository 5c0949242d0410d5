//! Lineage: how a frame was made, in an object of its own that may be withheld.

use super::param::{check_params, params_from_value, params_value};
use super::{
    BlobRef, BuildError, DecodeError, Params, check_extra, check_label, check_len, open, seal,
    sparse, text,
};
use crate::cbor::{FieldError, Fields, Map, Value};
use crate::id::{BlobHash, FrameId, StackId, UserId};
use crate::limits::{COMMAND_BYTES, LINEAGE_BYTES, LINEAGE_INPUTS, LINEAGE_TEXT_BYTES};

/// How a frame was made: from what, by what code, where and when.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lineage {
    /// What was read.
    pub inputs: Vec<Input>,
    /// What was run.
    pub code: Option<Code>,
    /// The command line, word by word.
    pub command: Vec<String>,
    /// What the run was given.
    pub params: Params,
    /// What it ran in.
    pub env: Option<Environment>,
    /// When it began, in milliseconds since 1970.
    pub started: i64,
    /// When it ended, in milliseconds since 1970.
    pub finished: i64,
    /// The machine, where its author tells.
    pub host: Option<String>,
    /// The exit code; zero is success.
    pub exit: i64,
    /// Keys of later versions.
    pub extra: Map,
}

/// A frame that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// Which one.
    pub source: InputSource,
    /// The reference by which it was read.
    pub name: Option<String>,
    /// The stack it was read from.
    pub stack: Option<StackId>,
    /// The user whose stack that is.
    pub user: Option<UserId>,
    /// Keys of later versions.
    pub extra: Map,
}

/// Which frame was read: told, or blinded where not every reader may know of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputSource {
    /// The frame.
    Frame(FrameId),
    /// A frame that only its author's daemon can tell; it has no name, stack or user.
    Blind(Blinded),
}

/// The id of a frame, hashed with a key that stays on its author's machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blinded(BlobHash);

impl Blinded {
    /// Blinds a frame. The same frame and key give the same value, so an author knows her own.
    pub fn of(frame: FrameId, key: &[u8; 32]) -> Self {
        let hash = blake3::keyed_hash(key, frame.as_bytes());
        Blinded(BlobHash::from_bytes(*hash.as_bytes()))
    }
}

/// The code of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Code {
    /// Where its repository is.
    pub repo: Option<String>,
    /// The commit.
    pub commit: Option<String>,
    /// Whether the working tree differed from the commit.
    pub dirty: bool,
    /// By what it differed, as a patch.
    pub diff: Option<BlobRef>,
    /// What was started: a script, a function of a module.
    pub entry: Option<String>,
    /// Keys of later versions.
    pub extra: Map,
}

/// The environment of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Environment {
    /// The interpreter with its version.
    pub interpreter: Option<String>,
    /// The BLAKE3 of the lock file.
    pub lock: Option<BlobHash>,
    /// The image of the container, with its digest.
    pub container: Option<String>,
    /// Keys of later versions.
    pub extra: Map,
}

const KEYS: &[&str] =
    &["v", "inputs", "code", "command", "params", "env", "started", "finished", "host", "exit"];

impl Lineage {
    /// Decodes a lineage object. Total: any bytes give one or an error.
    ///
    /// # Errors
    /// [`DecodeError`] says what is wrong.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut fields = open(bytes, LINEAGE_BYTES)?;
        let input = |v| Input::from_value(v).map_err(|e| e.to_string());
        let lineage = Lineage {
            inputs: sparse(&mut fields, "inputs", |v| v.into_list_of(LINEAGE_INPUTS, input))?,
            code: fields.optional("code", Code::from_value)?,
            command: sparse(&mut fields, "command", |v| v.into_list_of(COMMAND_BYTES, text))?,
            params: sparse(&mut fields, "params", params_from_value)?,
            env: fields.optional("env", Environment::from_value)?,
            started: fields.required("started", Value::into_i64)?,
            finished: fields.required("finished", Value::into_i64)?,
            host: fields.optional("host", text)?,
            exit: fields.required("exit", Value::into_i64)?,
            extra: fields.rest(),
        };
        lineage.check()?;
        Ok(lineage)
    }

    /// Encodes the lineage object.
    ///
    /// # Errors
    /// [`BuildError`] for what is beyond a limit.
    pub fn encode(&self) -> Result<Vec<u8>, BuildError> {
        self.check()?;
        let mut map = self.extra.clone();
        if !self.inputs.is_empty() {
            map.insert("inputs", self.inputs.iter().map(Input::to_value).collect::<Vec<_>>());
        }
        map.insert_some("code", self.code.as_ref().map(Code::to_value));
        if !self.command.is_empty() {
            let words = self.command.iter().map(|word| word.as_str().into());
            map.insert("command", words.collect::<Vec<Value>>());
        }
        map.insert_some("params", params_value(&self.params));
        map.insert_some("env", self.env.as_ref().map(Environment::to_value));
        map.insert("started", self.started);
        map.insert("finished", self.finished);
        map.insert_some("host", self.host.as_deref());
        map.insert("exit", self.exit);
        seal("lineage object", map, LINEAGE_BYTES)
    }

    /// Iterates over the blobs behind the lineage object: the patch of the code. Inputs are none
    /// of them: what was read is not given away with what was made of it.
    pub fn blobs(&self) -> impl Iterator<Item = &BlobRef> {
        self.code.iter().filter_map(|code| code.diff.as_ref())
    }

    fn check(&self) -> Result<(), FieldError> {
        check_len("inputs", self.inputs.len(), LINEAGE_INPUTS)?;
        self.inputs.iter().try_for_each(Input::check)?;
        self.code.as_ref().map_or(Ok(()), Code::check)?;
        // One byte for the end of each word, so that empty ones count.
        let command = self.command.iter().map(|word| word.len() + 1).sum();
        check_len("command", command, COMMAND_BYTES)?;
        check_params(&self.params)?;
        self.env.as_ref().map_or(Ok(()), Environment::check)?;
        check_short("host", self.host.as_ref())?;
        check_extra(&self.extra, KEYS)
    }
}

fn check_short(name: &str, text: Option<&String>) -> Result<(), FieldError> {
    text.map_or(Ok(()), |text| check_label(name, text, LINEAGE_TEXT_BYTES))
}

fn into_fields(name: &str, value: Value) -> Result<Fields, FieldError> {
    let map = value.into_map().map_err(|reason| FieldError::invalid(name, reason))?;
    Ok(Fields::new(map))
}

impl Input {
    fn from_value(value: Value) -> Result<Self, FieldError> {
        let mut fields = into_fields("inputs", value)?;
        let frame = fields.optional("frame", FrameId::from_value)?;
        let blind = fields.optional("blind", BlobHash::from_value)?;
        let source = match (frame, blind) {
            (Some(frame), None) => InputSource::Frame(frame),
            (None, Some(hash)) => InputSource::Blind(Blinded(hash)),
            (None, None) => return Err(FieldError::Missing("frame")),
            (Some(_), Some(_)) => {
                return Err(FieldError::invalid("blind", "stands beside `frame`"));
            }
        };
        Ok(Input {
            source,
            name: fields.optional("name", text)?,
            stack: fields.optional("stack", StackId::from_value)?,
            user: fields.optional("user", UserId::from_value)?,
            extra: fields.rest(),
        })
    }

    fn to_value(&self) -> Value {
        let mut map = self.extra.clone();
        match self.source {
            InputSource::Frame(frame) => map.insert("frame", frame),
            InputSource::Blind(Blinded(hash)) => map.insert("blind", hash),
        };
        map.insert_some("name", self.name.as_deref());
        map.insert_some("stack", self.stack);
        map.insert_some("user", self.user);
        map.into()
    }

    fn check(&self) -> Result<(), FieldError> {
        let named = self.name.is_some() || self.stack.is_some() || self.user.is_some();
        if named && matches!(self.source, InputSource::Blind(_)) {
            return Err(FieldError::invalid("blind", "a blinded input has no name, stack or user"));
        }
        check_short("name", self.name.as_ref())?;
        check_extra(&self.extra, &["frame", "blind", "name", "stack", "user"])
    }
}

impl Code {
    fn from_value(value: Value) -> Result<Self, FieldError> {
        let mut fields = into_fields("code", value)?;
        let dirty = |value: Value| match value.into_bool()? {
            true => Ok(true),
            false => Err("false is left out".to_owned()),
        };
        Ok(Code {
            repo: fields.optional("repo", text)?,
            commit: fields.optional("commit", text)?,
            dirty: fields.optional("dirty", dirty)?.unwrap_or_default(),
            diff: fields.optional("diff", BlobRef::from_value)?,
            entry: fields.optional("entry", text)?,
            extra: fields.rest(),
        })
    }

    fn to_value(&self) -> Value {
        let mut map = self.extra.clone();
        map.insert_some("repo", self.repo.as_deref());
        map.insert_some("commit", self.commit.as_deref());
        map.insert_some("dirty", self.dirty.then_some(true));
        map.insert_some("diff", self.diff.as_ref().map(BlobRef::to_value));
        map.insert_some("entry", self.entry.as_deref());
        map.into()
    }

    fn check(&self) -> Result<(), FieldError> {
        check_short("repo", self.repo.as_ref())?;
        check_short("commit", self.commit.as_ref())?;
        check_short("entry", self.entry.as_ref())?;
        self.diff.as_ref().map_or(Ok(()), BlobRef::check)?;
        check_extra(&self.extra, &["repo", "commit", "dirty", "diff", "entry"])
    }
}

impl Environment {
    fn from_value(value: Value) -> Result<Self, FieldError> {
        let mut fields = into_fields("env", value)?;
        Ok(Environment {
            interpreter: fields.optional("interpreter", text)?,
            lock: fields.optional("lock", BlobHash::from_value)?,
            container: fields.optional("container", text)?,
            extra: fields.rest(),
        })
    }

    fn to_value(&self) -> Value {
        let mut map = self.extra.clone();
        map.insert_some("interpreter", self.interpreter.as_deref());
        map.insert_some("lock", self.lock);
        map.insert_some("container", self.container.as_deref());
        map.into()
    }

    fn check(&self) -> Result<(), FieldError> {
        check_short("interpreter", self.interpreter.as_ref())?;
        check_short("container", self.container.as_ref())?;
        check_extra(&self.extra, &["interpreter", "lock", "container"])
    }
}
