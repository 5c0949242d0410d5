//! Who edits a dashboard just now, as far as it was said lately.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use dsp_protocol::api::{Editors, Problem};
use dsp_protocol::id::{ContextId, DeviceId, UserId};
use dsp_protocol::sync::Command;
use dsp_protocol::wire::BoardKey;

use crate::ops::Ops;

/// How long it holds that somebody edits a dashboard, once it was said.
const HOLDS: Duration = Duration::from_secs(30);
/// Most of whom it is known on all dashboards together.
const MOST: usize = 1024;

type Place = (ContextId, BoardKey);
type Editor = (UserId, DeviceId);

/// Who edits which dashboard, by when it was said last.
#[derive(Debug, Default)]
pub(in crate::ops) struct EditorsKnown(Mutex<BTreeMap<(Place, Editor), Instant>>);

impl EditorsKnown {
    /// Hears that somebody edits a dashboard, or does not; tells whether that is new.
    pub(in crate::ops) fn hear(&self, place: Place, editor: Editor, editing: bool) -> bool {
        let mut known = self.known();
        if !editing {
            return known.remove(&(place, editor)).is_some();
        }
        let heard = Instant::now();
        known.retain(|_, said| heard.duration_since(*said) < HOLDS);
        let room = known.len() < MOST || known.contains_key(&(place, editor));
        room && known.insert((place, editor), heard).is_none()
    }

    /// Returns who edits a dashboard.
    fn of(&self, place: Place) -> BTreeSet<UserId> {
        let known = self.known();
        let lately = known.iter().filter(|(_, said)| said.elapsed() < HOLDS);
        lately.filter(|((of, _), _)| *of == place).map(|((_, (user, _)), _)| *user).collect()
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<(Place, Editor), Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ops {
    /// Tells those who are connected that I edit a dashboard, or do not any more; returns who of
    /// them does.
    ///
    /// # Errors
    /// There is none of that id.
    pub async fn edit_board(&self, id: &str, editing: bool) -> Result<Editors, Problem> {
        let scene = self.scene().await?;
        let held = self.held_board(&scene, id).await?;
        let (context, board) = (held.context, held.key);
        self.node.run(Command::Editing { context, board, editing }).await?;
        let mut editors = self.editors.of((context, board));
        editors.retain(|user| !scene.blocked.contains(user));
        Ok(Editors { editors: editors.into_iter().map(|user| scene.names.named(user)).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(n: u8) -> Place {
        let board = BoardKey { creator: user(1), nonce: [n; 16] };
        (ContextId::from_bytes([1; 32]), board)
    }

    fn user(n: u8) -> UserId {
        UserId::from_bytes([n; 32])
    }

    fn editor(n: u16) -> Editor {
        let mut device = [2; 32];
        device[..2].copy_from_slice(&n.to_be_bytes());
        (user(n as u8), DeviceId::from_bytes(device))
    }

    #[test]
    fn what_was_said_before_is_nothing_new() {
        let known = EditorsKnown::default();
        assert!(known.hear(place(1), editor(3), true));
        assert!(!known.hear(place(1), editor(3), true));
        assert!(known.hear(place(2), editor(3), true));
        assert_eq!(known.of(place(1)), [user(3)].into());
        assert!(known.hear(place(1), editor(3), false));
        assert!(!known.hear(place(1), editor(3), false));
        assert_eq!(known.of(place(1)), [].into());
    }

    #[test]
    fn what_many_say_takes_no_room_without_end() {
        let known = EditorsKnown::default();
        for n in 0..2 * MOST as u16 {
            known.hear(place(1), editor(n), true);
        }
        assert_eq!(known.known().len(), MOST);
        // Of who is known it is heard all the same.
        assert!(known.hear(place(1), editor(0), false));
    }

    #[test]
    fn who_says_no_more_that_she_edits_does_not() {
        let known = EditorsKnown::default();
        known.hear(place(1), editor(3), true);
        let long_ago = Instant::now().checked_sub(HOLDS).unwrap();
        known.known().values_mut().for_each(|said| *said = long_ago);
        assert_eq!(known.of(place(1)), [].into());
        assert!(known.hear(place(1), editor(3), true));
    }
}
