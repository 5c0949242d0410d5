//! The columns of tables among the attachments.
//!
//! They are read when a search meets a table whose bytes are here, one table after the other and a
//! little of each, and remembered in `cache/columns.2.jsonl` until the bytes go. A search shows them
//! only where the bytes are here in that very context.

mod kept;

use std::collections::{HashMap, HashSet, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dsp_protocol::api::Problem;
use dsp_protocol::id::{BlobHash, ContextId};
use dsp_protocol::object::{BlobRef, Files};
use dsp_tables::limits::GLANCE_BYTES;
use dsp_tables::{Column, Format, Note, Source, TableError, glance};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use self::kept::Kept;
use super::Known;
use super::query::{Named, Query};
use crate::home::Home;
use crate::ops::content::File;
use crate::ops::tables::{BlobSource, Key, NOTED};
use crate::ops::{Opened, Ops};

/// Most bytes of columns and folders that are remembered: a hundred thousand tables and more. Once
/// they are that many, no other is looked at.
const REMEMBERED: usize = 32 << 20;
/// Most bytes of the names and types of one table; what is beyond them is not searched.
const TABLE_BYTES: usize = 64 << 10;
/// Longest name of a column, and longest type, that is searched, in bytes.
const NAME_BYTES: usize = 256;
/// Bytes of what is remembered that are written at a time.
const LINES_BYTES: usize = 1 << 20;
/// Most tables that wait to be looked at; later searches bring the others.
const QUEUE: usize = 4096;
/// Files of a folder among which tables are looked for.
const FILES: usize = 10_000;
/// Most tables of a folder.
const TABLES: usize = 1_000;
/// When what could not be read is tried again.
const AGAIN: Duration = Duration::from_secs(30);
/// What one table or folder takes beside its texts, in bytes.
const OVERHEAD: usize = 200;

/// The tables of a frame.
#[derive(Debug)]
pub(super) enum Tables {
    /// Those that it lists.
    Listed(Arc<[Candidate]>),
    /// Those of a tree of folders.
    Tree(BlobRef),
}

/// A file that is a table by its name or its media type.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    path: Arc<str>,
    key: Key,
    size: u64,
    note_size: u64,
}

/// The columns of a table of a frame.
pub(super) struct Seen {
    pub(super) path: Arc<str>,
    pub(super) columns: Arc<[Named]>,
}

/// Tables and folders that were not looked at yet.
#[derive(Debug, Default)]
pub(super) struct Unread {
    work: HashMap<Id, Work>,
    full: bool,
}

/// What is looked at, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Id {
    Table(Key),
    Tree(BlobHash),
}

#[derive(Clone, Debug)]
enum Work {
    Table(Candidate),
    Tree(BlobRef),
}

/// The columns of tables, as far as they were looked at.
#[derive(Debug)]
pub(in crate::ops) struct Columns {
    state: Mutex<State>,
    /// Whether nothing waits to be looked at.
    idle: watch::Sender<bool>,
    path: PathBuf,
}

#[derive(Debug, Default)]
struct State {
    loaded: bool,
    tables: HashMap<Key, Arc<[Named]>>,
    /// Columns that several tables have stand here once.
    same: HashSet<Arc<[Named]>>,
    trees: HashMap<BlobHash, Arc<[Candidate]>>,
    bytes: usize,
    /// What could not be read, and when.
    failed: HashMap<Id, Instant>,
    waiting: VecDeque<Work>,
    running: bool,
}

impl Tables {
    pub(super) fn of(files: &Files) -> Tables {
        match files {
            Files::Listed(files) => {
                let files: Vec<File> = files.iter().map(File::from).collect();
                Tables::Listed(candidates(&files))
            }
            Files::Tree(root) => Tables::Tree(root.clone()),
        }
    }

    pub(super) fn bytes(&self) -> usize {
        match self {
            Tables::Listed(candidates) => bytes_of(candidates),
            Tables::Tree(_) => 0,
        }
    }
}

fn bytes_of(candidates: &[Candidate]) -> usize {
    candidates.iter().map(|candidate| size_of::<Candidate>() + candidate.path.len()).sum()
}

/// Returns the tables among some files, with the notes beside them.
fn candidates(files: &[File]) -> Arc<[Candidate]> {
    let named = files.iter().filter_map(|file| {
        let format = Format::named(&file.media, file.path.file_name())?;
        Some((file, format))
    });
    let mut found: Vec<Candidate> = Vec::new();
    let mut notes: HashMap<String, usize> = HashMap::new();
    for (file, format) in named.take(TABLES) {
        if matches!(format, Format::Csv | Format::Tsv) {
            notes.insert(format!("{}{NOTED}", file.path), found.len());
        }
        let key = Key { hash: file.blob.hash, format, note: None };
        let path = file.path.as_str().into();
        found.push(Candidate { path, key, size: file.blob.size, note_size: 0 });
    }
    if !notes.is_empty() {
        for file in files {
            if let Some(&at) = notes.get(file.path.as_str()) {
                found[at].key.note = Some(file.blob.hash);
                found[at].note_size = file.blob.size;
            }
        }
    }
    found.into()
}

impl Unread {
    pub(super) fn len(&self) -> usize {
        self.work.len()
    }

    /// Tells whether there are tables that are not looked at, as there is no room to remember more.
    pub(super) fn is_full(&self) -> bool {
        self.full
    }

    fn add(&mut self, id: Id, work: Work) {
        // Those beyond wait for another search.
        if self.work.len() < QUEUE {
            self.work.entry(id).or_insert(work);
        }
    }
}

impl Columns {
    pub(in crate::ops) fn new(home: &Home) -> Columns {
        let path = home.cache().join(kept::NAME);
        Columns { state: Mutex::default(), idle: watch::channel(true).0, path }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn put(&mut self, key: Key, columns: Vec<Named>) -> Arc<[Named]> {
        let columns = match self.same.get(&columns[..]) {
            Some(same) => Arc::clone(same),
            None => {
                let columns: Arc<[Named]> = columns.into();
                self.bytes += OVERHEAD + columns.iter().map(Named::bytes).sum::<usize>();
                self.same.insert(Arc::clone(&columns));
                columns
            }
        };
        if self.tables.insert(key, Arc::clone(&columns)).is_none() {
            self.bytes += OVERHEAD;
        }
        columns
    }

    fn put_tree(&mut self, root: BlobHash, candidates: Arc<[Candidate]>) {
        let bytes = OVERHEAD + bytes_of(&candidates);
        if self.trees.insert(root, candidates).is_none() {
            self.bytes += bytes;
        }
    }

    fn is_full(&self) -> bool {
        self.bytes >= REMEMBERED
    }

    /// Tells whether something is to be looked at: not where there is no room to remember it, and
    /// not where it just failed.
    fn is_wanted(&self, id: Id) -> bool {
        !self.is_full() && self.failed.get(&id).is_none_or(|at| at.elapsed() >= AGAIN)
    }

    /// Forgets what is not kept.
    fn retain(&mut self, keep: impl Fn(&BlobHash) -> bool) {
        self.tables.retain(|key, _| keep(&key.hash) && key.note.as_ref().is_none_or(&keep));
        self.trees.retain(|root, _| keep(root));
        self.failed.clear();
        self.same = self.tables.values().cloned().collect();
        let columns = self
            .same
            .iter()
            .map(|columns| OVERHEAD + columns.iter().map(Named::bytes).sum::<usize>());
        let trees = self.trees.values().map(|tree| OVERHEAD + bytes_of(tree));
        self.bytes = self.tables.len() * OVERHEAD + columns.chain(trees).sum::<usize>();
    }
}

impl Ops {
    /// Returns of each frame the tables some of whose columns a query finds; what it would have to
    /// look at first goes into `unread`.
    pub(super) async fn columns_seen(
        &self,
        context: ContextId,
        known: &[Option<Arc<Known>>],
        query: &Query,
        unread: &mut Unread,
    ) -> Result<Vec<Vec<Seen>>, Problem> {
        let mut seen: Vec<Vec<Seen>> = known.iter().map(|_| Vec::new()).collect();
        if !query.looks_at_columns() {
            return Ok(seen);
        }
        self.load_columns().await;
        let (mut found, mut new) = (Vec::new(), Vec::new());
        {
            let state = self.columns.lock();
            for (at, known) in known.iter().enumerate() {
                let candidates = match known.as_ref().map(|known| &known.tables) {
                    None => continue,
                    Some(Tables::Listed(candidates)) => candidates,
                    Some(Tables::Tree(root)) => match state.trees.get(&root.hash) {
                        Some(candidates) => candidates,
                        None => {
                            unread.full |= state.is_full();
                            let id = Id::Tree(root.hash);
                            if state.is_wanted(id) {
                                new.push((root.hash, id, Work::Tree(root.clone())));
                            }
                            continue;
                        }
                    },
                };
                for candidate in candidates.iter() {
                    let hash = candidate.key.hash;
                    match state.tables.get(&candidate.key) {
                        Some(columns) if columns.iter().any(|column| query.finds(column)) => {
                            let columns = Arc::clone(columns);
                            let path = Arc::clone(&candidate.path);
                            found.push((hash, at, Seen { path, columns }));
                        }
                        Some(_) => {}
                        None => {
                            unread.full |= state.is_full();
                            let id = Id::Table(candidate.key);
                            if state.is_wanted(id) {
                                new.push((hash, id, Work::Table(candidate.clone())));
                            }
                        }
                    }
                }
            }
        }
        if found.is_empty() && new.is_empty() {
            return Ok(seen);
        }
        // Bytes that are here for another context alone are none of this one's.
        let hashes = found.iter().map(|(hash, ..)| *hash).chain(new.iter().map(|(hash, ..)| *hash));
        let here = self.store.earned_set(context, hashes.collect()).await?;
        for (hash, at, table) in found {
            if here.contains_key(&hash) {
                seen[at].push(table);
            }
        }
        for (hash, id, work) in new {
            if here.contains_key(&hash) {
                unread.add(id, work);
            }
        }
        Ok(seen)
    }

    /// Looks at tables until all are, or the time is over; then it goes on by itself. Returns
    /// whether all were looked at.
    pub(super) async fn read_columns(self: &Arc<Self>, unread: Unread, until: Instant) -> bool {
        {
            let mut state = self.columns.lock();
            // What waits from an earlier search is looked at all the same.
            let room = QUEUE.saturating_sub(state.waiting.len());
            state.waiting.extend(unread.work.into_values().take(room));
            if !state.running && !state.waiting.is_empty() {
                state.running = true;
                self.columns.idle.send_replace(false);
                let ops = Arc::clone(self);
                tokio::spawn(async move { ops.read_waiting_columns().await });
            }
        }
        let mut idle = self.columns.idle.subscribe();
        timeout_at(until, idle.wait_for(|idle| *idle)).await.is_ok_and(|idle| idle.is_ok())
    }

    /// Looks at what waits, one thing after the other.
    async fn read_waiting_columns(self: Arc<Self>) {
        let mut lines = String::new();
        loop {
            let next = self.columns.lock().waiting.pop_front();
            match next {
                Some(_) if self.stop.is_cancelled() => {}
                Some(Work::Tree(root)) => self.read_tree(&root).await,
                Some(Work::Table(candidate)) => {
                    let id = Id::Table(candidate.key);
                    let wanted = {
                        let state = self.columns.lock();
                        !state.tables.contains_key(&candidate.key) && state.is_wanted(id)
                    };
                    if wanted {
                        lines.extend(self.read_table(&candidate).await);
                    }
                    if lines.len() > LINES_BYTES {
                        self.keep_columns(std::mem::take(&mut lines)).await;
                    }
                }
                None => {
                    self.keep_columns(std::mem::take(&mut lines)).await;
                    let mut state = self.columns.lock();
                    if state.waiting.is_empty() {
                        state.running = false;
                        self.columns.idle.send_replace(true);
                        return;
                    }
                }
            }
        }
    }

    async fn read_tree(&self, root: &BlobRef) {
        let files = self.walk_tree(root, None, FILES).await;
        let mut state = self.columns.lock();
        match files {
            Ok(files) => {
                let files: Vec<File> = files.into_iter().map(File::from).collect();
                state.put_tree(root.hash, candidates(&files));
            }
            Err(_) => drop(state.failed.insert(Id::Tree(root.hash), Instant::now())),
        }
    }

    /// Reads the columns of a table; returns the line that keeps them.
    async fn read_table(&self, candidate: &Candidate) -> Option<String> {
        let key = candidate.key;
        let read = self.glance(candidate).await;
        let mut state = self.columns.lock();
        match read {
            Ok(columns) => {
                let columns = state.put(key, columns);
                Some(kept::line(key, &columns))
            }
            // The bytes or the disk, not what the file is.
            Err(TableError::Io(_)) => {
                state.failed.insert(Id::Table(key), Instant::now());
                None
            }
            // It will be no other the next time.
            Err(_) => {
                let columns = state.put(key, Vec::new());
                Some(kept::line(key, &columns))
            }
        }
    }

    async fn glance(&self, candidate: &Candidate) -> Result<Vec<Named>, TableError> {
        let key = candidate.key;
        let opened = |hash, size| Opened { hash, size, media: None, path: None };
        // Nothing that somebody reads gives way to a glance.
        let recent = || Arc::default();
        let source = |hash, size| {
            Arc::new(BlobSource::new(self.blobs.clone(), &opened(hash, size), recent()))
        };
        let bytes = source(key.hash, candidate.size);
        let note = key.note.map(|note| source(note, candidate.note_size));
        let turn = self.glance_turn().await;
        let turn = turn.map_err(|problem| TableError::Io(std::io::Error::other(problem.detail)))?;
        let read = {
            let bytes = Arc::clone(&bytes);
            let note = note.clone();
            move || {
                let _turn = turn;
                let format = Format::of(bytes.as_ref(), "", "")?.unwrap_or(key.format);
                let note = match note {
                    Some(note) if note.size() > GLANCE_BYTES => {
                        let what = "the note of the CSV in bytes".to_owned();
                        let (size, limit) = (note.size(), GLANCE_BYTES);
                        return Err(TableError::TooLarge { what, size, limit });
                    }
                    Some(note) => Note::read(&note.read_at(0, note.size() as usize)?)?,
                    None => None,
                };
                let source: Arc<dyn Source> = bytes;
                Ok(told(&glance(&source, format, note.as_ref())?))
            }
        };
        let read = tokio::task::spawn_blocking(read).await;
        let read = read.unwrap_or_else(|error| Err(TableError::Io(std::io::Error::other(error))));
        // What a reader makes of bytes that could not be read is no word on the file.
        let fault = bytes.fault().or_else(|| note?.fault());
        match fault {
            Some(problem) => Err(TableError::Io(std::io::Error::other(problem.detail))),
            None => read,
        }
    }

    /// Reads what was remembered before the daemon started.
    async fn load_columns(&self) {
        if self.columns.lock().loaded {
            return;
        }
        let path = self.columns.path.clone();
        let kept = tokio::task::spawn_blocking(move || kept::load(&path)).await;
        let mut state = self.columns.lock();
        if !std::mem::replace(&mut state.loaded, true) {
            for Kept { key, columns } in kept.unwrap_or_default() {
                if !state.is_full() {
                    state.put(key, columns);
                }
            }
        }
    }

    async fn keep_columns(&self, lines: String) {
        if lines.is_empty() {
            return;
        }
        let path = self.columns.path.clone();
        let kept = tokio::task::spawn_blocking(move || kept::append(&path, &lines)).await;
        if let Ok(Err(error)) = kept {
            tracing::warn!(%error, "the columns of tables are not kept");
        }
    }

    /// Forgets the columns of tables whose bytes are not here any more.
    pub(in crate::ops) async fn forget_columns(&self) {
        self.load_columns().await;
        let hashes: HashSet<BlobHash> = {
            let state = self.columns.lock();
            let tables = state.tables.keys().flat_map(|key| [Some(key.hash), key.note]);
            tables.flatten().chain(state.trees.keys().copied()).collect()
        };
        let mut gone = HashSet::new();
        for hash in hashes {
            if !matches!(self.blobs.status(hash).await, Ok(crate::blobs::Status::Complete { .. })) {
                gone.insert(hash);
            }
        }
        if gone.is_empty() {
            return;
        }
        let text = {
            let mut state = self.columns.lock();
            state.retain(|hash| !gone.contains(hash));
            state.tables.iter().map(|(key, columns)| kept::line(*key, columns)).collect::<String>()
        };
        let path = self.columns.path.clone();
        let kept = tokio::task::spawn_blocking(move || kept::replace(&path, &text)).await;
        if let Ok(Err(error)) = kept {
            tracing::warn!(%error, "columns of tables that are gone stay in the cache");
        }
    }
}

/// Returns the columns as they are searched: as many as a table may have here, and the beginnings of
/// names and types.
fn told(columns: &[Column]) -> Vec<Named> {
    let mut bytes = 0;
    let named = columns.iter().map(|column| {
        Named::new(start(&column.name), start(&column.type_name), column.kind.as_str())
    });
    let fits = named.take_while(|column| {
        bytes += column.bytes();
        bytes <= TABLE_BYTES
    });
    fits.collect()
}

fn start(text: &str) -> &str {
    &text[..text.floor_char_boundary(NAME_BYTES)]
}
