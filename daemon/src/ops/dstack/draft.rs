//! Frames that are not complete: attachments come one by one, and large ones after the push.
//!
//! The head of the stack moves when the number of attachments is known and the bytes of all are
//! here. What nobody goes on with is forgotten after a day, and when the daemon stops.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use dsp_protocol::id::{BlobHash, ContextId};
use dsp_protocol::limits::FRAME_BYTES;
use dsp_protocol::name::StackName;
use dsp_protocol::object::Params;
use serde_json::{Map, Value};

use super::Refusal;
use crate::blobs::Keep;

/// How long a frame may stay incomplete while nothing comes, in milliseconds: a notebook that
/// pushes plot by plot over a day.
const DRAFT_MS: i64 = 24 * 3_600_000;
/// Most incomplete frames; the one longest untouched gives way.
const DRAFTS: usize = 64;

/// A frame in the making: the context, the stack and what its client calls it.
pub(super) type DraftKey = (ContextId, StackName, String);

/// What a frame says besides its attachments.
#[derive(Clone, Debug, Default)]
pub(super) struct Said {
    pub(super) message: String,
    pub(super) params: Params,
    pub(super) settings: Option<Map<String, Value>>,
    pub(super) time: i64,
    /// About how many bytes all this takes in the frame.
    pub(super) weight: usize,
}

/// What an attachment says.
#[derive(Clone, Debug, Default)]
pub(super) struct About {
    pub(super) media: String,
    pub(super) app: Option<String>,
    pub(super) text: Option<String>,
    pub(super) params: Params,
    pub(super) settings: Option<Map<String, Value>>,
    /// About how many bytes all this takes in the frame.
    pub(super) weight: usize,
}

/// An attachment of a frame in the making.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) about: About,
    /// Absent while its bytes are not here.
    pub(super) bytes: Option<Here>,
}

/// Bytes that are here.
#[derive(Debug)]
pub(super) struct Here {
    pub(super) hash: BlobHash,
    pub(super) size: u64,
    pub(super) keep: Keep,
}

/// A frame in the making.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) said: Said,
    pub(super) pieces: BTreeMap<u32, Piece>,
    pub(super) size: Option<u32>,
    touched: i64,
}

impl Draft {
    /// Tells whether everything of it is here.
    fn is_complete(&self) -> bool {
        let wanted = |size| (0..size).all(|index| self.has(index));
        self.size.is_some_and(wanted)
    }

    fn has(&self, index: u32) -> bool {
        self.pieces.get(&index).is_some_and(|piece| piece.bytes.is_some())
    }

    /// Returns what its attachments say, in bytes.
    fn weight(&self) -> usize {
        self.pieces.values().map(|piece| piece.about.weight).sum()
    }
}

/// Frames in the making.
#[derive(Debug, Default)]
pub(crate) struct Drafts(Mutex<HashMap<DraftKey, Draft>>);

/// What a push adds to a frame.
#[derive(Debug)]
pub(super) struct Addition {
    pub(super) said: Said,
    pub(super) pieces: Vec<(u32, Piece)>,
    pub(super) size: Option<u32>,
}

impl Drafts {
    /// Adds to a frame in the making; returns it once it is complete.
    ///
    /// # Errors
    /// It has such an attachment, an attachment lies beyond its size or is missing, or it says too
    /// much.
    pub(super) fn add(
        &self,
        key: &DraftKey,
        addition: Addition,
        now: i64,
    ) -> Result<Option<Draft>, Refusal> {
        let mut drafts = self.locked();
        drafts.retain(|_, draft| draft.touched > now - DRAFT_MS);
        let known = drafts.get(key);
        for (index, _) in &addition.pieces {
            if known.is_some_and(|draft| draft.has(*index)) {
                let frame = &key.2;
                return Err(Refusal::exists(format!("frame `{frame}` has attachment {index}")));
            }
        }
        let size = addition.size.or_else(|| known.and_then(|draft| draft.size));
        if let Some(size) = size {
            let declared = |index: &u32| {
                addition.pieces.iter().any(|(new, _)| new == index)
                    || known.is_some_and(|draft| draft.pieces.contains_key(index))
            };
            if let Some(missing) = (0..size).find(|index| !declared(index)) {
                return Err(Refusal::malformed(format!(
                    "the frame is to have {size} attachments, and number {missing} never came"
                )));
            }
            let known = known.into_iter().flat_map(|draft| draft.pieces.keys().copied());
            let all = known.chain(addition.pieces.iter().map(|(index, _)| *index));
            if let Some(beyond) = all.into_iter().find(|index| *index >= size) {
                return Err(Refusal::malformed(format!(
                    "the frame is to have {size} attachments, and there is a number {beyond}"
                )));
            }
        }
        let weight: usize = addition.pieces.iter().map(|(_, piece)| piece.about.weight).sum();
        // What the frame says comes with every part, and the last word counts.
        if known.map_or(0, Draft::weight) + weight + addition.said.weight > FRAME_BYTES {
            return Err(Refusal::malformed(format!(
                "descriptions, parameters and settings of the frame exceed {FRAME_BYTES} bytes"
            )));
        }
        if known.is_none() && drafts.len() >= DRAFTS {
            let oldest = drafts.iter().min_by_key(|(_, draft)| draft.touched);
            let oldest = oldest.map(|(key, _)| key.clone());
            oldest.map(|key| drafts.remove(&key));
        }
        let draft = drafts.entry(key.clone()).or_default();
        draft.touched = now;
        draft.said = addition.said;
        draft.size = size;
        draft.pieces.extend(addition.pieces);
        Ok(Self::done(&mut drafts, key))
    }

    /// Adds the bytes of an attachment that was announced; returns the frame once it is complete.
    ///
    /// # Errors
    /// Nobody waits for them any more.
    pub(super) fn arrived(
        &self,
        key: &DraftKey,
        index: u32,
        here: Here,
        now: i64,
    ) -> Result<Option<Draft>, Refusal> {
        let mut drafts = self.locked();
        let draft = drafts.get_mut(key).filter(|draft| draft.touched > now - DRAFT_MS);
        let Some(draft) = draft else {
            let detail = format!("the push of frame `{}` is not under way any more", key.2);
            return Err(Refusal::not_found("frame", detail).with_hint("push again"));
        };
        draft.touched = now;
        match draft.pieces.get_mut(&index) {
            Some(piece) if piece.bytes.is_none() => piece.bytes = Some(here),
            _ => return Err(Refusal::exists(format!("frame `{}` has attachment {index}", key.2))),
        }
        Ok(Self::done(&mut drafts, key))
    }

    fn done(drafts: &mut HashMap<DraftKey, Draft>, key: &DraftKey) -> Option<Draft> {
        match drafts.get(key).is_some_and(Draft::is_complete) {
            true => drafts.remove(key),
            false => None,
        }
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<DraftKey, Draft>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_frame_in_the_making_says_is_bounded() {
        let drafts = Drafts::default();
        let key = (ContextId::from_bytes([1; 32]), "data".parse().expect("a name"), "a".to_owned());
        let half = FRAME_BYTES / 2;
        let add = |index, weight, said| {
            let about = About { weight, ..About::default() };
            let said = Said { weight: said, ..Said::default() };
            let pieces = vec![(index, Piece { about, bytes: None })];
            drafts.add(&key, Addition { said, pieces, size: None }, 1).map(|done| done.is_some())
        };
        assert_eq!(add(0, half, half), Ok(false));
        assert_eq!(add(1, half, 0), Ok(false), "what was said before counts no more");
        assert!(add(2, 0, 1).is_err());
        assert!(add(2, 1, 0).is_err());
    }

    #[test]
    fn not_more_than_so_many_are_in_the_making() {
        let drafts = Drafts::default();
        for n in 0..=DRAFTS {
            let key = (
                ContextId::from_bytes([1; 32]),
                "data".parse().expect("a name"),
                format!("frame-{n}"),
            );
            let piece = Piece { about: About::default(), bytes: None };
            let addition = Addition { said: Said::default(), pieces: vec![(0, piece)], size: None };
            assert!(drafts.add(&key, addition, n as i64).unwrap().is_none());
        }
        let left = drafts.locked();
        assert_eq!(left.len(), DRAFTS);
        assert!(left.keys().all(|key| key.2 != "frame-0"), "the oldest gave way");
    }
}
