//! What a disk holds now, and what it would hold after a loss of power.
//!
//! The rules are those that POSIX leaves to a program that wants to be safe, and no better:
//!
//! - What was written to a file may be there after a loss of power or not, sector by sector, unless
//!   the file was synced after it; so may a change of its length.
//! - A name may be there or not, unless its folder was synced after it. Syncing a file does not
//!   keep its name. Names come and go in the order in which they were changed, and a rename is one
//!   change.
//! - A sync that fails makes nothing durable, and the system forgets that there was something to
//!   write: a later sync that succeeds does not bring it to the disk.
//!
//! Modes and owners are kept at once.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::SystemTime;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// What is written to a disk whole or not at all, in bytes.
const SECTOR: usize = 512;

/// The number of a file, folder, link or socket; none is given twice.
pub(super) type Ino = u64;

/// The number of the topmost folder.
pub(super) const ROOT: Ino = 1;

/// A file, folder, link or socket.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    /// The lower twelve bits of its mode.
    pub(super) mode: u16,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) modified: SystemTime,
}

/// What a node is.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    File(File),
    Folder(BTreeMap<OsString, Ino>),
    Link(OsString),
    Socket,
}

/// The bytes of a file.
#[derive(Clone, Debug)]
pub(super) struct File {
    /// What is read.
    live: Vec<u8>,
    /// What survives for certain.
    synced: Vec<u8>,
    /// When that was modified.
    synced_modified: SystemTime,
    /// What was done since, and may survive.
    pending: Vec<Change>,
}

#[derive(Clone, Debug)]
enum Change {
    Length(usize),
    Write(usize, Vec<u8>),
}

/// Names that come and go in one step: folder, name, and what it names from then on.
type Renaming = Vec<(Ino, OsString, Option<Ino>)>;

/// A disk.
#[derive(Clone, Debug)]
pub(super) struct Image {
    nodes: BTreeMap<Ino, Node>,
    /// Names that survive for certain.
    synced: BTreeMap<(Ino, OsString), Ino>,
    /// Changes of names since, which may survive.
    pending: Vec<Renaming>,
    next: Ino,
}

impl File {
    fn new() -> File {
        File {
            live: Vec::new(),
            synced: Vec::new(),
            synced_modified: SystemTime::UNIX_EPOCH,
            pending: Vec::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.live.len()
    }

    /// Returns at most `size` bytes from `offset` on.
    pub(super) fn read(&self, offset: usize, size: usize) -> &[u8] {
        let from = offset.min(self.live.len());
        &self.live[from..from.saturating_add(size).min(self.live.len())]
    }

    /// Returns what is there after a loss of power, and whether anything of the changes is.
    fn survive(&mut self, rng: &mut ChaCha8Rng) -> bool {
        let chance = *pick(rng, &[0.0, 0.0, 0.3, 0.7, 1.0]);
        let mut any = false;
        for change in std::mem::take(&mut self.pending) {
            match change {
                Change::Length(length) => {
                    if rng.random_bool(chance) {
                        any = true;
                        self.synced.resize(length, 0);
                    }
                }
                Change::Write(at, bytes) => {
                    for (i, sector) in bytes.chunks(SECTOR).enumerate() {
                        if rng.random_bool(chance) {
                            any = true;
                            overwrite(&mut self.synced, at + i * SECTOR, sector);
                        }
                    }
                }
            }
        }
        self.live = self.synced.clone();
        any
    }
}

impl Image {
    /// Returns an empty disk.
    pub(super) fn new() -> Image {
        let root = Node {
            kind: Kind::Folder(BTreeMap::new()),
            mode: 0o700,
            uid: 0,
            gid: 0,
            modified: SystemTime::now(),
        };
        Image {
            nodes: BTreeMap::from([(ROOT, root)]),
            synced: BTreeMap::new(),
            pending: Vec::new(),
            next: ROOT + 1,
        }
    }

    /// Takes in what is in a folder, for its owner alone, as durable.
    pub(super) fn load(&mut self, from: &Path, into: Ino) -> io::Result<()> {
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            let mode = metadata.permissions().mode() as u16 & 0o700;
            let kind = match metadata.is_dir() {
                true => Kind::Folder(BTreeMap::new()),
                false => Kind::File(File { live: fs::read(entry.path())?, ..File::new() }),
            };
            let node = Node {
                kind,
                mode,
                uid: metadata.uid(),
                gid: metadata.gid(),
                modified: metadata.modified()?,
            };
            let ino = self.add(into, &entry.file_name(), node);
            if metadata.is_dir() {
                self.load(&entry.path(), ino)?;
            }
        }
        self.sync_all();
        Ok(())
    }

    /// Returns a node.
    pub(super) fn node(&self, ino: Ino) -> Option<&Node> {
        self.nodes.get(&ino)
    }

    /// Returns a node, for changes of its mode, owner and time.
    pub(super) fn node_mut(&mut self, ino: Ino) -> Option<&mut Node> {
        self.nodes.get_mut(&ino)
    }

    /// Returns the names in a folder.
    pub(super) fn names(&self, folder: Ino) -> Option<&BTreeMap<OsString, Ino>> {
        match &self.nodes.get(&folder)?.kind {
            Kind::Folder(names) => Some(names),
            Kind::File(_) | Kind::Link(_) | Kind::Socket => None,
        }
    }

    /// Returns the bytes of all files.
    pub(super) fn bytes(&self) -> u64 {
        let length = |node: &Node| match &node.kind {
            Kind::File(file) => file.live.len() as u64,
            Kind::Folder(_) | Kind::Link(_) | Kind::Socket => 0,
        };
        self.nodes.values().map(length).sum()
    }

    /// Makes a new node.
    pub(super) fn add(&mut self, folder: Ino, name: &OsStr, node: Node) -> Ino {
        let ino = self.next;
        self.next += 1;
        self.nodes.insert(ino, node);
        self.rename(vec![(folder, name.to_owned(), Some(ino))]);
        ino
    }

    /// Changes names in one step.
    pub(super) fn rename(&mut self, step: Renaming) {
        for (folder, name, to) in &step {
            let node = self.nodes.get_mut(folder);
            if let Some(Node { kind: Kind::Folder(names), modified, .. }) = node {
                *modified = SystemTime::now();
                match to {
                    Some(ino) => drop(names.insert(name.clone(), *ino)),
                    None => drop(names.remove(name)),
                }
            }
        }
        self.pending.push(step);
    }

    /// Writes to a file; tells whether it is one.
    pub(super) fn write(&mut self, ino: Ino, at: usize, bytes: &[u8]) -> bool {
        let node = self.nodes.get_mut(&ino);
        let Some(Node { kind: Kind::File(file), modified, .. }) = node else { return false };
        *modified = SystemTime::now();
        overwrite(&mut file.live, at, bytes);
        file.pending.push(Change::Write(at, bytes.to_vec()));
        true
    }

    /// Changes the length of a file; tells whether it is one.
    pub(super) fn set_len(&mut self, ino: Ino, length: usize) -> bool {
        let node = self.nodes.get_mut(&ino);
        let Some(Node { kind: Kind::File(file), modified, .. }) = node else { return false };
        *modified = SystemTime::now();
        file.live.resize(length, 0);
        file.pending.push(Change::Length(length));
        true
    }

    /// Makes the bytes of a file durable.
    pub(super) fn sync_file(&mut self, ino: Ino) {
        let node = self.nodes.get_mut(&ino);
        if let Some(Node { kind: Kind::File(file), modified, .. }) = node {
            for change in file.pending.drain(..) {
                match change {
                    Change::Length(length) => file.synced.resize(length, 0),
                    Change::Write(at, bytes) => overwrite(&mut file.synced, at, &bytes),
                }
            }
            file.synced_modified = *modified;
        }
    }

    /// Lets a sync of a file fail.
    pub(super) fn fail_to_sync_file(&mut self, ino: Ino) {
        let node = self.nodes.get_mut(&ino);
        if let Some(Node { kind: Kind::File(file), .. }) = node {
            file.pending.clear();
        }
    }

    /// Makes the names in a folder durable, and what a rename ties to them.
    pub(super) fn sync_folder(&mut self, folder: Ino) {
        let mut folders = BTreeSet::from([folder]);
        let (mut now, mut later) = (Vec::new(), Vec::new());
        for step in std::mem::take(&mut self.pending).into_iter().rev() {
            if step.iter().any(|(folder, ..)| folders.contains(folder)) {
                folders.extend(step.iter().map(|(folder, ..)| *folder));
                now.push(step);
            } else {
                later.push(step);
            }
        }
        now.into_iter().rev().for_each(|step| self.keep(step));
        self.pending = later.into_iter().rev().collect();
    }

    /// Makes all of the disk durable.
    pub(super) fn sync_all(&mut self) {
        std::mem::take(&mut self.pending).into_iter().for_each(|step| self.keep(step));
        for node in self.nodes.values_mut() {
            if let Kind::File(file) = &mut node.kind {
                file.pending.clear();
                file.synced.clone_from(&file.live);
                file.synced_modified = node.modified;
            }
        }
    }

    fn keep(&mut self, step: Renaming) {
        for (folder, name, to) in step {
            match to {
                Some(ino) => self.synced.insert((folder, name), ino),
                None => self.synced.remove(&(folder, name)),
            };
        }
    }

    /// Loses power: what was not synced survives as the seed has it.
    pub(super) fn lose_power(&mut self, seed: u64) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let steps = self.pending.len();
        let survive = match rng.random_range(0..4) {
            0 => 0,
            1 => steps,
            _ => rng.random_range(0..=steps),
        };
        let pending = std::mem::take(&mut self.pending);
        pending.into_iter().take(survive).for_each(|step| self.keep(step));
        for node in self.nodes.values_mut() {
            if let Kind::Folder(names) = &mut node.kind {
                names.clear();
            }
        }
        let mut reached = BTreeSet::from([ROOT]);
        let mut folders = vec![ROOT];
        while let Some(folder) = folders.pop() {
            let from = (folder, OsString::new());
            let names = self.synced.range(from..).take_while(|((of, _), _)| *of == folder);
            let names: BTreeMap<_, _> =
                names.map(|((_, name), ino)| (name.clone(), *ino)).collect();
            for ino in names.values().filter(|ino| reached.insert(**ino)) {
                if matches!(self.nodes[ino].kind, Kind::Folder(_)) {
                    folders.push(*ino);
                }
            }
            if let Some(Node { kind: Kind::Folder(here), .. }) = self.nodes.get_mut(&folder) {
                *here = names;
            }
        }
        self.nodes.retain(|ino, _| reached.contains(ino));
        self.synced.retain(|(folder, _), _| reached.contains(folder));
        for node in self.nodes.values_mut() {
            if let Kind::File(file) = &mut node.kind
                && !file.survive(&mut rng)
            {
                node.modified = file.synced_modified;
            }
        }
        self.sync_all();
    }
}

impl Node {
    /// Returns a node that is made now.
    pub(super) fn new(kind: Kind, mode: u32, uid: u32, gid: u32) -> Node {
        Node { kind, mode: mode as u16 & 0o7777, uid, gid, modified: SystemTime::now() }
    }
}

impl Kind {
    pub(super) fn file() -> Kind {
        Kind::File(File::new())
    }

    pub(super) fn folder() -> Kind {
        Kind::Folder(BTreeMap::new())
    }
}

fn overwrite(bytes: &mut Vec<u8>, at: usize, with: &[u8]) {
    let end = at + with.len();
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes[at..end].copy_from_slice(with);
}

/// Returns one of some things.
pub(super) fn pick<'a, T>(rng: &mut ChaCha8Rng, of: &'a [T]) -> &'a T {
    &of[rng.random_range(0..of.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(image: &mut Image, folder: Ino, name: &str, kind: Kind) -> Ino {
        image.add(folder, OsStr::new(name), Node::new(kind, 0o600, 0, 0))
    }

    fn read(image: &Image, name: &str) -> Option<Vec<u8>> {
        let ino = image.names(ROOT)?.get(OsStr::new(name))?;
        match &image.node(*ino)?.kind {
            Kind::File(file) => Some(file.live.clone()),
            Kind::Folder(_) | Kind::Link(_) | Kind::Socket => None,
        }
    }

    /// Returns what is there under a name after each of some losses of power.
    fn outcomes(image: &Image, name: &str) -> BTreeSet<Option<Vec<u8>>> {
        let after = |seed| {
            let mut image = image.clone();
            image.lose_power(seed);
            read(&image, name)
        };
        (0..200).map(after).collect()
    }

    #[test]
    fn what_was_synced_survives_and_nothing_else_for_certain() {
        let mut image = Image::new();
        let ino = add(&mut image, ROOT, "a", Kind::file());
        image.write(ino, 0, &[1; 1024]);
        image.sync_file(ino);
        assert!(outcomes(&image, "a").contains(&None), "the name was not synced");
        image.sync_folder(ROOT);
        assert_eq!(outcomes(&image, "a"), [Some(vec![1; 1024])].into());

        image.write(ino, 0, &[2; 1024]);
        let found = outcomes(&image, "a");
        let torn = [[2; 512], [1; 512]].concat();
        for expected in [vec![1; 1024], vec![2; 1024], torn] {
            assert!(found.contains(&Some(expected)));
        }
        image.sync_file(ino);
        assert_eq!(outcomes(&image, "a"), [Some(vec![2; 1024])].into());
    }

    #[test]
    fn a_sync_that_failed_is_not_made_up_for_by_the_next() {
        let mut image = Image::new();
        let ino = add(&mut image, ROOT, "a", Kind::file());
        image.sync_folder(ROOT);
        image.write(ino, 0, b"lost");
        image.fail_to_sync_file(ino);
        assert_eq!(read(&image, "a").unwrap(), b"lost", "until then it is read");
        image.sync_file(ino);
        assert_eq!(outcomes(&image, "a"), [Some(Vec::new())].into());
    }

    #[test]
    fn a_rename_is_one_step() {
        let mut image = Image::new();
        let folder = add(&mut image, ROOT, "temp", Kind::folder());
        let ino = add(&mut image, folder, "b", Kind::file());
        image.write(ino, 0, b"bytes");
        image.sync_file(ino);
        image.sync_all();
        image.rename(vec![(folder, "b".into(), None), (ROOT, "a".into(), Some(ino))]);
        let mut ends = BTreeSet::new();
        for seed in 0..100 {
            let mut after = image.clone();
            after.lose_power(seed);
            let (here, there) = (read(&after, "a"), after.names(folder).unwrap().len());
            assert_ne!(here.is_some(), there == 1, "it is in one place");
            ends.insert(there);
        }
        assert_eq!(ends.len(), 2);
        // The sync of either folder keeps it.
        image.sync_folder(folder);
        assert_eq!(outcomes(&image, "a"), [Some(b"bytes".to_vec())].into());
    }

    #[test]
    fn a_file_in_a_folder_whose_name_was_lost_is_lost() {
        let mut image = Image::new();
        let folder = add(&mut image, ROOT, "data", Kind::folder());
        let ino = add(&mut image, folder, "a", Kind::file());
        image.sync_file(ino);
        image.sync_folder(folder);
        let mut lost = false;
        for seed in 0..20 {
            let mut after = image.clone();
            after.lose_power(seed);
            lost |= after.node(ino).is_none();
        }
        assert!(lost);
    }
}
