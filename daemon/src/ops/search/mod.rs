//! Searching frames by what is said of them, in all contexts here.
//!
//! Every frame of every live stack is looked at, without an index: what is searched of a frame is
//! read once and remembered, as what its id names never changes. So are the [columns] of the tables
//! among its attachments, which are read when a search needs them.

#[cfg(feature = "tables")]
mod columns;
#[cfg(not(feature = "tables"))]
#[path = "no_columns.rs"]
mod columns;
mod query;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dsp_protocol::api::{Page, Problem, SearchColumn, SearchHit};
use dsp_protocol::context::StackView;
use dsp_protocol::id::{ContextId, FrameId};
use dsp_protocol::object::{Files, Frame, Metric};
use tokio::time::Instant;

#[cfg(feature = "tables")]
pub(super) use self::columns::Columns;
use self::columns::{Seen, Tables, Unread};
use self::query::{Query, Subject, Text, written};
use super::frames::{metrics_json, tags_on};
use super::history::History;
use super::paging::{latest_first, to_json};
use super::problem::bad_request;
use super::resolve::Found;
use super::scene::{ContextScene, Scene};
use super::time::{now, rfc3339};
use super::{Ops, Paging};

/// Most hits in one page.
const PAGE: u64 = 500;
/// Frames that are read from the database at a time.
const READ: usize = 256;
/// Most bytes of text that are remembered between searches.
const REMEMBERED: usize = 64 << 20;
/// What a remembered frame takes beside its text, in bytes.
const OVERHEAD: usize = 200;
/// How long a search waits for the columns of tables that were not looked at yet.
const WAIT: Duration = Duration::from_secs(1);
/// Most columns that a hit tells.
const COLUMNS: usize = 10;

/// What is searched for, and where.
#[derive(Clone, Debug, Default)]
pub struct SearchFilter {
    /// Words and filters.
    pub query: String,
    /// A context by label or id, all when absent.
    pub context: Option<String>,
    /// Only stacks of mine.
    pub mine: bool,
}

/// What is searched of frames, as far as it was read.
#[derive(Debug, Default)]
pub(crate) struct SearchCache(Mutex<Remembered>);

#[derive(Debug, Default)]
struct Remembered {
    frames: HashMap<FrameId, Arc<Known>>,
    bytes: usize,
}

/// A frame as it is searched.
#[derive(Debug)]
struct Known {
    time: i64,
    text: Text,
    tables: Tables,
}

impl SearchCache {
    fn get(&self, frame: FrameId) -> Option<Arc<Known>> {
        let remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.frames.get(&frame).cloned()
    }

    fn put(&self, frame: FrameId, known: &Arc<Known>) {
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = known.bytes();
        if remembered.bytes + bytes > REMEMBERED {
            *remembered = Remembered::default();
        }
        if remembered.frames.insert(frame, Arc::clone(known)).is_none() {
            remembered.bytes += bytes;
        }
    }
}

impl Known {
    fn of(frame: &Frame) -> Known {
        let listed = match &frame.files {
            Files::Listed(files) => &files[..],
            Files::Tree(_) => &[],
        };
        // The clients for Python and R say of an attachment what `dsp push` says of a frame.
        let params = frame.params.iter().chain(listed.iter().flat_map(|file| &file.params));
        let params: BTreeSet<(String, String)> = params
            .map(|(name, param)| (name.to_lowercase(), written(&param.to_json()).to_lowercase()))
            .collect();
        let about = listed.iter().filter_map(|file| file.text.as_ref()).map(|t| t.to_lowercase());
        let metrics = frame.metrics.iter().map(|(name, metric)| {
            let value = match *metric {
                Metric::Int(int) => int as f64,
                Metric::Float(float) => float,
            };
            (name.to_lowercase(), value)
        });
        let message = frame.message.to_lowercase();
        let text = Text {
            message,
            about: about.collect(),
            params: params.into_iter().collect(),
            metrics: metrics.collect(),
            made: frame.lineage.is_some(),
        };
        Known { time: frame.time, text, tables: Tables::of(&frame.files) }
    }

    fn bytes(&self) -> usize {
        let params = self.text.params.iter().map(|(name, value)| name.len() + value.len() + 48);
        let metrics = self.text.metrics.iter().map(|(name, _)| name.len() + 32);
        let about = self.text.about.iter().map(|text| text.len() + 24);
        let text = self.text.message.len() + params.chain(metrics).chain(about).sum::<usize>();
        OVERHEAD + text + self.tables.bytes()
    }
}

/// A frame that fits.
struct Hit<'a> {
    found: Found<'a>,
    frame: FrameId,
    time: i64,
}

impl Hit<'_> {
    /// Returns the key that orders hits: the latest first.
    fn order(&self) -> Vec<u8> {
        let (context, stack) = (self.found.context.id, self.found.stack.stack);
        let time = latest_first(self.time);
        [&time[..], self.frame.as_bytes(), context.as_bytes(), stack.as_bytes()].concat()
    }
}

impl Ops {
    /// Finds frames whose stack, message, params, tags, metrics and columns of tables fit, the
    /// latest first. Tables whose bytes are here and which were not looked at yet are looked at now;
    /// where that takes long, the page says so.
    ///
    /// # Errors
    /// The query is none, or there is no such context.
    pub async fn search(
        self: &Arc<Self>,
        filter: &SearchFilter,
        paging: &Paging,
    ) -> Result<Page, Problem> {
        let query: Query = filter.query.parse().map_err(|why: String| {
            bad_request(why).with_hint("words, or filters such as param:region=EU, metric:auc>0.9")
        })?;
        let scene = self.scene().await?;
        let contexts: Vec<&ContextScene> = match filter.context.as_deref() {
            None | Some("*") => scene.contexts.values().collect(),
            Some(label) => vec![scene.context(label)?],
        };
        let until = Instant::now() + WAIT;
        let (hits, note) = loop {
            let (mut hits, mut unread) = (Vec::new(), Unread::default());
            for context in &contexts {
                self.search_in(context, filter, &query, &mut hits, &mut unread).await?;
            }
            let note = note(&unread);
            // A folder that was looked at may name tables to look at.
            let over = unread.len() == 0 || Instant::now() >= until;
            if over || !self.read_columns(unread, until).await {
                break (hits, note);
            }
        };
        let (page, next_cursor) = paging.cut(hits, PAGE, Hit::order)?;
        let mut items = Vec::with_capacity(page.len());
        for hit in &page {
            items.extend(self.hit(&scene, hit, &query).await?.as_ref().map(to_json));
        }
        Ok(Page { items, next_cursor, note })
    }

    async fn search_in<'a>(
        &self,
        context: &'a ContextScene,
        filter: &SearchFilter,
        query: &Query,
        hits: &mut Vec<Hit<'a>>,
        unread: &mut Unread,
    ) -> Result<(), Problem> {
        let stacks: Vec<&StackView> =
            context.live().filter(|stack| !filter.mine || stack.owner == self.me).collect();
        if stacks.is_empty() {
            return Ok(());
        }
        let id = context.id;
        let parents = self.node.query(move |engine| {
            let context = engine.context(id);
            let frames = context.into_iter().flat_map(|context| context.frames());
            frames.map(|(id, meta)| (id, meta.parents.clone())).collect::<BTreeMap<_, _>>()
        });
        let parents = parents.await?;
        let latest = now();
        for stack in stacks {
            let heads = stack.heads.iter().map(|head| head.frame);
            let from = heads.chain(stack.tags.values().copied());
            let history = History::walk(from, |frame| parents.get(&frame).cloned());
            let frames: Vec<FrameId> =
                history.frames().filter(|frame| parents.contains_key(frame)).collect();
            let name = stack.name.to_string().to_lowercase();
            for some in frames.chunks(READ) {
                let known = self.known_of(id, some).await?;
                let seen = self.columns_seen(id, &known, query, unread).await?;
                for ((frame, known), seen) in some.iter().zip(&known).zip(seen) {
                    let Some(known) = known else { continue };
                    let tables: Vec<_> = seen.into_iter().map(|seen| seen.columns).collect();
                    let tags: Vec<String> =
                        tags_on(stack, *frame).iter().map(|tag| tag.to_lowercase()).collect();
                    let frame_text = &known.text;
                    let subject =
                        Subject { name: &name, tags: &tags, frame: frame_text, tables: &tables };
                    if query.fits(subject) && self.fits_inputs(id, *frame, query).await? {
                        // A clock that runs ahead does not put its frames on top for ever.
                        let time = known.time.min(latest);
                        hits.push(Hit { found: Found { context, stack }, frame: *frame, time });
                    }
                }
            }
        }
        Ok(())
    }

    /// Tells whether what a frame was made from is what is searched for.
    async fn fits_inputs(
        &self,
        context: ContextId,
        frame: FrameId,
        query: &Query,
    ) -> Result<bool, Problem> {
        if !query.looks_at_inputs() {
            return Ok(true);
        }
        let frame = self.stored_frame(context, frame).await?;
        Ok(match frame {
            Some(frame) => query.fits_inputs(&self.inputs(&frame).await?),
            None => false,
        })
    }

    /// Returns what is searched of frames of a context, none of those that are damaged.
    async fn known_of(
        &self,
        context: ContextId,
        frames: &[FrameId],
    ) -> Result<Vec<Option<Arc<Known>>>, Problem> {
        let mut known: Vec<Option<Arc<Known>>> =
            frames.iter().map(|frame| self.searched.get(*frame)).collect();
        let missing = frames.iter().zip(&known).filter(|(_, known)| known.is_none());
        let missing: Vec<FrameId> = missing.map(|(frame, _)| *frame).collect();
        if missing.is_empty() {
            return Ok(known);
        }
        let mut read = HashMap::new();
        for (id, frame) in self.some_frames(context, &missing).await? {
            let frame = Arc::new(Known::of(&frame));
            self.searched.put(id, &frame);
            read.insert(id, frame);
        }
        for (frame, known) in frames.iter().zip(&mut known) {
            if known.is_none() {
                *known = read.get(frame).cloned();
            }
        }
        Ok(known)
    }

    async fn hit(
        &self,
        scene: &Scene,
        hit: &Hit<'_>,
        query: &Query,
    ) -> Result<Option<SearchHit>, Problem> {
        let Found { context, stack } = hit.found;
        let Some(frame) = self.stored_frame(context.id, hit.frame).await? else { return Ok(None) };
        let known = [Some(Arc::new(Known::of(&frame)))];
        let seen = self.columns_seen(context.id, &known, query, &mut Unread::default()).await?;
        let seen: Vec<Seen> = seen.into_iter().flatten().collect();
        let columns = seen.iter().flat_map(|seen| {
            let found = seen.columns.iter().filter(|column| query.finds(column));
            found.map(|column| SearchColumn {
                path: seen.path.to_string(),
                name: column.name.to_string(),
                type_name: column.type_name.to_string(),
            })
        });
        let reference = scene.reference(&hit.found);
        Ok(Some(SearchHit {
            frame: hit.frame,
            reference: format!("{reference}@{}", hit.frame),
            stack: reference,
            stack_id: stack.stack,
            context: context.id,
            user: stack.owner,
            time: rfc3339(frame.time),
            tags: tags_on(stack, hit.frame),
            head: stack.heads.iter().any(|head| head.frame == hit.frame),
            params: frame.params.iter().map(|(name, p)| (name.clone(), p.to_json())).collect(),
            metrics: metrics_json(&frame.metrics),
            columns: columns.take(COLUMNS).collect(),
            message: frame.message,
        }))
    }
}

/// Returns what is to be known of a search that did not look at all tables.
fn note(unread: &Unread) -> Option<String> {
    match (unread.len(), unread.is_full()) {
        (0, false) => None,
        (0, true) => Some(
            "there are more tables than search remembers: the columns of some are not searched"
                .to_owned(),
        ),
        (1, _) => Some("a table is being looked at for its columns; search again".to_owned()),
        (some, _) => {
            Some(format!("{some} tables are being looked at for their columns; search again"))
        }
    }
}
