//! Changes for the tests: honest ones of every kind, and chunks written by hand, which automerge
//! would never write.

use automerge::marks::{ExpandMark, Mark};
use automerge::transaction::Transactable;
use automerge::{ActorId, AutoCommit, Change, ObjType, ROOT, ReadDoc, ScalarValue};
use proptest::prelude::*;

use crate::doc::scan;

/// A chunk written by hand, part by part.
#[derive(Clone, Debug)]
pub(crate) struct Chunk {
    pub(crate) kind: u8,
    pub(crate) deps: Vec<[u8; 32]>,
    pub(crate) actor: Vec<u8>,
    pub(crate) seq: u64,
    pub(crate) start_op: u64,
    pub(crate) time: i64,
    pub(crate) message: Vec<u8>,
    pub(crate) others: Vec<Vec<u8>>,
    pub(crate) columns: Vec<(u32, Vec<u8>)>,
    pub(crate) extra: Vec<u8>,
}

impl Chunk {
    /// A chunk with the first number, no dependencies and one operation: null at the key `k`.
    pub(crate) fn new(actor: &[u8]) -> Chunk {
        let mut chunk = Chunk {
            kind: 1,
            deps: Vec::new(),
            actor: actor.to_vec(),
            seq: 1,
            start_op: 1,
            time: 0,
            message: Vec::new(),
            others: Vec::new(),
            columns: Vec::new(),
            extra: Vec::new(),
        };
        chunk.puts(1);
        chunk
    }

    /// Replaces the operations by `ops` puts of null at the key `k`, in a few bytes.
    pub(crate) fn puts(&mut self, ops: i64) -> &mut Chunk {
        self.columns = vec![
            (0x15, [signed(ops), text(b"k")].concat()),
            (0x34, unsigned(ops.unsigned_abs())),
            (0x42, run(ops, 1)),
            (0x56, run(ops, 0)),
            (0x70, run(ops, 0)),
        ];
        self
    }

    /// Sets one column, at its place in the order of columns.
    pub(crate) fn column(&mut self, column: u32, bytes: Vec<u8>) -> &mut Chunk {
        self.columns.retain(|(c, _)| *c != column);
        self.columns.push((column, bytes));
        self.columns.sort_by_key(|(c, _)| *c);
        self
    }

    /// Writes the chunk in automerge's own form, where the scanner lets automerge see it.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        match self.parsed() {
            Some(change) => Change::from(change.decode()).raw_bytes().to_vec(),
            None => self.unchecked(),
        }
    }

    /// Writes the chunk as it is, with the right checksum.
    pub(crate) fn as_it_is(&self) -> Vec<u8> {
        let mut bytes = self.unchecked();
        let change = self.parsed().expect("a change that automerge parses");
        bytes[4..8].copy_from_slice(&change.hash().0[..4]);
        bytes
    }

    fn parsed(&self) -> Option<Change> {
        let bytes = self.unchecked();
        scan(&bytes).ok()?;
        Change::try_from(bytes.as_slice()).ok()
    }

    /// Writes the chunk without showing it to automerge, which may panic.
    pub(crate) fn unchecked(&self) -> Vec<u8> {
        let mut body = unsigned(self.deps.len() as u64);
        body.extend(self.deps.iter().flatten());
        body.extend(text(&self.actor));
        body.extend(unsigned(self.seq));
        body.extend(unsigned(self.start_op));
        body.extend(signed(self.time));
        body.extend(text(&self.message));
        body.extend(unsigned(self.others.len() as u64));
        body.extend(self.others.iter().flat_map(|actor| text(actor)));
        body.extend(unsigned(self.columns.len() as u64));
        for (column, data) in &self.columns {
            body.extend(unsigned(u64::from(*column)));
            body.extend(unsigned(data.len() as u64));
        }
        body.extend(self.columns.iter().flat_map(|(_, data)| data));
        body.extend(&self.extra);
        let mut bytes = vec![0x85, 0x6f, 0x4a, 0x83, 0, 0, 0, 0, self.kind];
        bytes.extend(unsigned(body.len() as u64));
        bytes.extend(body);
        bytes
    }
}

/// A run of `rows` times an unsigned value.
pub(crate) fn run(rows: i64, value: u64) -> Vec<u8> {
    [signed(rows), unsigned(value)].concat()
}

/// Bytes behind their length.
pub(crate) fn text(bytes: &[u8]) -> Vec<u8> {
    [unsigned(bytes.len() as u64), bytes.to_vec()].concat()
}

/// An unsigned LEB128 number.
pub(crate) fn unsigned(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let byte = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            bytes.push(byte);
            return bytes;
        }
        bytes.push(byte | 0x80);
    }
}

/// A signed LEB128 number.
pub(crate) fn signed(mut number: i64) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let byte = (number & 0x7f) as u8;
        number >>= 7;
        if (number == 0 && byte & 0x40 == 0) || (number == -1 && byte & 0x40 != 0) {
            bytes.push(byte);
            return bytes;
        }
        bytes.push(byte | 0x80);
    }
}

/// One edit of a document; the numbers choose among what is there.
#[derive(Clone, Debug)]
pub(crate) enum Edit {
    Put(u8, i64),
    PutText(u8, String),
    PutBytes(u8, Vec<u8>),
    Delete(u8),
    Map(u8),
    List(u8, u8),
    Text(u8, String, u8),
    Mark(u8, u8, bool),
    Count(u8, i64),
    Merge,
    Commit,
}

/// Edits of every kind that automerge knows.
pub(crate) fn edits() -> impl Strategy<Value = Vec<(bool, Edit)>> {
    let edit = prop_oneof![
        (0u8..6, any::<i64>()).prop_map(|(k, v)| Edit::Put(k, v)),
        (0u8..6, ".{0,12}").prop_map(|(k, v)| Edit::PutText(k, v)),
        (0u8..6, proptest::collection::vec(any::<u8>(), 0..300))
            .prop_map(|(k, v)| Edit::PutBytes(k, v)),
        (0u8..6).prop_map(Edit::Delete),
        (0u8..4).prop_map(Edit::Map),
        (any::<u8>(), 0u8..4).prop_map(|(i, d)| Edit::List(i, d)),
        (any::<u8>(), ".{0,20}", any::<u8>()).prop_map(|(i, t, d)| Edit::Text(i, t, d)),
        (any::<u8>(), any::<u8>(), any::<bool>()).prop_map(|(a, b, e)| Edit::Mark(a, b, e)),
        (0u8..3, any::<i32>()).prop_map(|(k, v)| Edit::Count(k, v.into())),
        Just(Edit::Merge),
        Just(Edit::Commit),
    ];
    proptest::collection::vec((any::<bool>(), edit), 1..40)
}

/// Makes the edits in two documents that merge now and then, and returns every change.
pub(crate) fn changes(edits: &[(bool, Edit)]) -> Vec<Change> {
    let mut left = AutoCommit::new().with_actor(ActorId::from(vec![1; 40]));
    let list = left.put_object(ROOT, "list", ObjType::List).unwrap();
    let words = left.put_object(ROOT, "text", ObjType::Text).unwrap();
    let map = left.put_object(ROOT, "map", ObjType::Map).unwrap();
    left.commit();
    let mut right = left.fork().with_actor(ActorId::from(vec![2; 40]));
    for (side, edit) in edits {
        if let Edit::Merge = edit {
            left.merge(&mut right).unwrap();
            right.merge(&mut left).unwrap();
            continue;
        }
        let doc = if *side { &mut left } else { &mut right };
        let key = |k: &u8| format!("key {k}");
        match edit {
            Edit::Put(k, v) => doc.put(&map, key(k), *v).unwrap(),
            Edit::PutText(k, v) => doc.put(&map, key(k), v.as_str()).unwrap(),
            Edit::PutBytes(k, v) => doc.put(&map, key(k), v.clone()).unwrap(),
            Edit::Delete(k) => doc.delete(&map, key(k)).unwrap(),
            Edit::Map(k) => {
                let inner = doc.put_object(&map, key(k), ObjType::Map).unwrap();
                doc.put(&inner, "inside", true).unwrap();
            }
            Edit::List(at, deletes) => {
                let len = doc.length(&list);
                doc.insert(&list, usize::from(*at) % (len + 1), f64::from(*at)).unwrap();
                for _ in 0..*deletes {
                    let len = doc.length(&list);
                    if len > 0 {
                        doc.delete(&list, usize::from(*at) % len).unwrap();
                    }
                }
            }
            Edit::Text(at, insert, deletes) => {
                let len = doc.length(&words);
                let at = usize::from(*at) % (len + 1);
                let deletes = usize::from(*deletes).min(len - at);
                doc.splice_text(&words, at, deletes as isize, insert).unwrap();
            }
            Edit::Mark(a, b, expand) => {
                let len = doc.length(&words);
                let (a, b) = (usize::from(*a) % (len + 1), usize::from(*b) % (len + 1));
                if a != b {
                    let mark = Mark::new("bold".into(), true, a.min(b), a.max(b));
                    let expand = if *expand { ExpandMark::Both } else { ExpandMark::None };
                    doc.mark(&words, mark, expand).unwrap();
                }
            }
            Edit::Count(k, v) => {
                let name = format!("counter {k}");
                if doc.get(ROOT, &name).unwrap().is_some() {
                    doc.increment(ROOT, name, *v).unwrap();
                } else {
                    doc.put(ROOT, name, ScalarValue::counter(*v)).unwrap();
                }
            }
            Edit::Commit => {
                doc.commit();
            }
            Edit::Merge => {}
        }
    }
    left.merge(&mut right).unwrap();
    left.get_changes(&[])
}
