//! What files are here, by their media types.
//!
//! Frames say what their files are; whether those are here, and how large they are, the database
//! knows. No blob is read for it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};

use dsp_protocol::api::{Problem, StoredType, StoredTypes};
use dsp_protocol::id::{BlobHash, ContextId, FrameId};
use dsp_protocol::object::Files;

use super::Ops;

/// Most frames that are gone through: some seconds.
const FRAMES: usize = 100_000;
/// Most files that are told apart: about 16 MB of hashes.
const FILES: usize = 1 << 18;
/// Frames that are looked at in one step.
const STEP: usize = 256;
/// Most types that are told: authors may call a file anything.
const TYPES: usize = 100;

/// Files by type, as they are found.
#[derive(Debug, Default)]
struct Sums {
    types: BTreeMap<String, (u64, u64)>,
    seen: HashSet<BlobHash>,
}

impl Sums {
    fn is_full(&self) -> bool {
        self.seen.len() >= FILES
    }

    fn add(&mut self, media: String, hash: BlobHash, size: u64) {
        if self.seen.insert(hash) {
            let (files, bytes) = self.types.entry(media).or_default();
            *files += 1;
            *bytes = bytes.saturating_add(size);
        }
    }

    /// Returns the types with the most bytes; `used` is what is here of all.
    fn told(self, used: u64, more: bool) -> StoredTypes {
        let types = self.types.into_iter();
        let mut types: Vec<StoredType> =
            types.map(|(media, (files, bytes))| StoredType { media, files, bytes }).collect();
        types.sort_by_key(|one| Reverse(one.bytes));
        types.truncate(TYPES);
        let told = types.iter().map(|one| one.bytes).fold(0, u64::saturating_add);
        StoredTypes { types, other_bytes: used.saturating_sub(told), more }
    }
}

impl Ops {
    /// Returns how many bytes of which media types are here.
    ///
    /// # Errors
    /// The database fails.
    pub async fn stored_types(&self) -> Result<StoredTypes, Problem> {
        let mut all: Vec<(ContextId, FrameId)> = self
            .node
            .query(move |engine| {
                let each = engine.contexts().flat_map(|context| {
                    context.frames().map(move |(frame, _)| (context.id(), frame))
                });
                each.take(FRAMES + 1).collect()
            })
            .await?;
        let mut more = all.len() > FRAMES;
        all.truncate(FRAMES);
        let mut sums = Sums::default();
        for of_one in all.chunk_by(|a, b| a.0 == b.0) {
            for step in of_one.chunks(STEP) {
                if sums.is_full() {
                    more = true;
                    break;
                }
                self.add_types(step, &mut sums).await?;
            }
        }
        Ok(sums.told(self.store.used(None).await?.all, more))
    }

    /// Adds the files that some frames of one context list, as far as they are here.
    async fn add_types(
        &self,
        step: &[(ContextId, FrameId)],
        sums: &mut Sums,
    ) -> Result<(), Problem> {
        let Some(&(context, _)) = step.first() else { return Ok(()) };
        let ids: Vec<FrameId> = step.iter().map(|(_, frame)| *frame).collect();
        let mut media: BTreeMap<BlobHash, String> = BTreeMap::new();
        for (_, frame) in self.some_frames(context, &ids).await? {
            let Files::Listed(files) = frame.files else { continue };
            for file in files {
                if !sums.seen.contains(&file.blob.hash) {
                    media.entry(file.blob.hash).or_insert(file.media);
                }
            }
        }
        let hashes = media.keys().copied().collect();
        for (hash, size) in self.store.earned_set(context, hashes).await? {
            if let Some(media) = media.remove(&hash) {
                sums.add(media, hash, size);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_told_is_other() {
        let mut sums = Sums::default();
        sums.add("text/csv".to_owned(), BlobHash::from_bytes([1; 32]), 10);
        sums.add("image/png".to_owned(), BlobHash::from_bytes([1; 32]), 10);
        for n in 0..TYPES {
            let hash = BlobHash::of(&n.to_be_bytes());
            sums.add(format!("x/{n}"), hash, 5);
        }
        let told = sums.told(10 + 5 * TYPES as u64 + 7, false);
        assert_eq!(told.types.len(), TYPES);
        let first = StoredType { media: "text/csv".to_owned(), files: 1, bytes: 10 };
        assert_eq!(told.types[0], first, "a file counts once, as what it was first");
        assert_eq!(told.other_bytes, 7 + 5, "one type is left out");
    }
}
