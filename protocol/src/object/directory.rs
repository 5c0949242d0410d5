//! Directory objects: the nodes of a tree of files.
//!
//! A folder is one leaf, or leaves under inner nodes of the same folder; an entry of a leaf is a
//! file or the root of a folder below. How a folder is cut into leaves is fixed by its names, so
//! the same folder is the same objects in every frame that has it.

use super::attachment::Mode;
use super::{BlobRef, BlobRole, BuildError, DecodeError, check_extra, open, seal, text};
use crate::cbor::{FieldError, Fields, Map, Value};
use crate::limits::{DIRECTORY_BYTES, DIRECTORY_ENTRIES};
use crate::name::{NameError, check_segment};

/// A node of a tree: `{v, e}` or `{v, i}`.
#[derive(Clone, Debug, PartialEq)]
pub struct Directory {
    /// What it holds.
    pub node: Node,
    /// Keys of later versions.
    pub extra: Map,
}

/// What a directory object holds: 1 to 1,024 items, ordered by the bytes of their names.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// Files and folders, `e: [{name, ref, d?, mode?}]`.
    Leaf(Vec<Entry>),
    /// Nodes of the same folder, `i: [{name, ref}]`.
    Inner(Vec<Branch>),
}

/// A file or a folder in a folder.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// One segment of a path.
    pub name: String,
    /// The bytes of the file, or the root of the folder.
    pub blob: BlobRef,
    /// Which of the two.
    pub kind: EntryKind,
    /// Keys of later versions.
    pub extra: Map,
}

/// What an entry is. Links are neither, and have no form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A file with its mode.
    File(Mode),
    /// A folder, written `d: true`.
    Folder,
}

/// A node below an inner node.
#[derive(Clone, Debug, PartialEq)]
pub struct Branch {
    /// The last name below it.
    pub last: String,
    /// The node.
    pub blob: BlobRef,
    /// Keys of later versions.
    pub extra: Map,
}

impl Directory {
    /// Makes a node of this version.
    pub fn new(node: Node) -> Self {
        Directory { node, extra: Map::new() }
    }

    /// Decodes a node. Total: any bytes give a node or an error.
    ///
    /// # Errors
    /// [`DecodeError`] says what is wrong, also for names out of order.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut fields = open(bytes, DIRECTORY_BYTES)?;
        let read = |e: FieldError| e.to_string();
        let leaf = fields.optional("e", |value| {
            value.into_list_of(DIRECTORY_ENTRIES, |v| Entry::from_value(v).map_err(read))
        })?;
        let inner = fields.optional("i", |value| {
            value.into_list_of(DIRECTORY_ENTRIES, |v| Branch::from_value(v).map_err(read))
        })?;
        let node = match (leaf, inner) {
            (Some(entries), None) => Node::Leaf(entries),
            (None, Some(branches)) => Node::Inner(branches),
            (None, None) => return Err(FieldError::Missing("e").into()),
            (Some(_), Some(_)) => {
                return Err(FieldError::invalid("i", "stands beside `e`").into());
            }
        };
        let directory = Directory { node, extra: fields.rest() };
        directory.check()?;
        Ok(directory)
    }

    /// Encodes the node.
    ///
    /// # Errors
    /// [`BuildError`] for what is beyond a limit or out of order.
    pub fn encode(&self) -> Result<Vec<u8>, BuildError> {
        self.check()?;
        let mut map = self.extra.clone();
        match &self.node {
            Node::Leaf(entries) => {
                map.insert("e", entries.iter().map(Entry::to_value).collect::<Vec<_>>())
            }
            Node::Inner(branches) => {
                map.insert("i", branches.iter().map(Branch::to_value).collect::<Vec<_>>())
            }
        };
        seal("directory object", map, DIRECTORY_BYTES)
    }

    /// Iterates over the blobs that the node names, and what for.
    pub fn blobs(&self) -> impl Iterator<Item = (BlobRole, &BlobRef)> {
        let (entries, branches) = match &self.node {
            Node::Leaf(entries) => (entries.as_slice(), [].as_slice()),
            Node::Inner(branches) => ([].as_slice(), branches.as_slice()),
        };
        let entries = entries.iter().map(|entry| match entry.kind {
            EntryKind::File(_) => (BlobRole::Data, &entry.blob),
            EntryKind::Folder => (BlobRole::Tree, &entry.blob),
        });
        entries.chain(branches.iter().map(|branch| (BlobRole::Tree, &branch.blob)))
    }

    /// Returns the first and the last name; an inner node has its last names only.
    pub(super) fn bounds(&self) -> (&str, &str) {
        let ends = match &self.node {
            Node::Leaf(entries) => entries
                .first()
                .zip(entries.last())
                .map(|(first, last)| (first.name.as_str(), last.name.as_str())),
            Node::Inner(branches) => branches
                .first()
                .zip(branches.last())
                .map(|(first, last)| (first.last.as_str(), last.last.as_str())),
        };
        ends.expect("a decoded node has an item")
    }

    fn check(&self) -> Result<(), FieldError> {
        check_extra(&self.extra, &["v", "e", "i"])?;
        match &self.node {
            Node::Leaf(entries) => {
                check_names("e", entries.iter().map(|entry| entry.name.as_str()))?;
                entries.iter().try_for_each(|entry| {
                    entry.blob.check()?;
                    check_extra(&entry.extra, &["name", "ref", "d", "mode"])
                })
            }
            Node::Inner(branches) => {
                check_names("i", branches.iter().map(|branch| branch.last.as_str()))?;
                branches.iter().try_for_each(|branch| {
                    branch.blob.check()?;
                    check_extra(&branch.extra, &["name", "ref"])
                })
            }
        }
    }
}

/// Checks the names of a node: how many, each one, and their order.
fn check_names<'a>(
    key: &'static str,
    names: impl ExactSizeIterator<Item = &'a str>,
) -> Result<(), FieldError> {
    if names.len() == 0 {
        return Err(FieldError::invalid(key, "is empty"));
    }
    super::check_len(key, names.len(), DIRECTORY_ENTRIES)?;
    let mut before: Option<&str> = None;
    for name in names {
        check_segment(name)
            .map_err(|rule| FieldError::invalid(key, NameError::new("name", name, rule)))?;
        if before.is_some_and(|before| before >= name) {
            let error = format!("`{name}` does not follow `{}`", before.unwrap_or_default());
            return Err(FieldError::invalid(key, error));
        }
        before = Some(name);
    }
    Ok(())
}

fn into_fields(value: Value) -> Result<Fields, FieldError> {
    let map = value.into_map().map_err(|reason| FieldError::invalid("item", reason))?;
    Ok(Fields::new(map))
}

impl Entry {
    fn from_value(value: Value) -> Result<Self, FieldError> {
        let mut fields = into_fields(value)?;
        let name = fields.required("name", text)?;
        let blob = fields.required("ref", BlobRef::from_value)?;
        let folder = fields.optional("d", Value::into_bool)?;
        let mode = fields.optional("mode", Mode::from_value)?;
        let kind = match (folder, mode) {
            (None, mode) => EntryKind::File(mode.unwrap_or_default()),
            (Some(true), None) => EntryKind::Folder,
            (Some(true), Some(_)) => {
                return Err(FieldError::invalid("mode", "a folder has none"));
            }
            (Some(false), _) => return Err(FieldError::invalid("d", "false is left out")),
        };
        Ok(Entry { name, blob, kind, extra: fields.rest() })
    }

    fn to_value(&self) -> Value {
        let mut map = self.extra.clone();
        map.insert("name", self.name.as_str());
        map.insert("ref", self.blob.to_value());
        match self.kind {
            EntryKind::File(mode) => map.insert_some("mode", mode.to_value()),
            EntryKind::Folder => map.insert_some("d", Some(true)),
        }
        map.into()
    }
}

impl Branch {
    fn from_value(value: Value) -> Result<Self, FieldError> {
        let mut fields = into_fields(value)?;
        Ok(Branch {
            last: fields.required("name", text)?,
            blob: fields.required("ref", BlobRef::from_value)?,
            extra: fields.rest(),
        })
    }

    fn to_value(&self) -> Value {
        let map = self.extra.clone();
        map.with("name", self.last.as_str()).with("ref", self.blob.to_value()).into()
    }
}
