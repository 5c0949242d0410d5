//! What may exist nowhere else: what is said before a home is given up.

use dsp_protocol::api::{Alone, AloneStack, Problem};

use super::super::Ops;
use super::super::content::Distinct;
use super::super::resolve::Found;

impl Ops {
    /// Lists what may exist nowhere else. Nobody confirms that she holds bytes, so that every
    /// stack of mine is in it; whether a peer that is connected was told of it all stands beside.
    ///
    /// # Errors
    /// The daemon stops, or its database fails.
    pub async fn alone(&self) -> Result<Alone, Problem> {
        let scene = self.scene().await?;
        let mut stacks = Vec::new();
        for context in scene.contexts.values() {
            let id = context.id;
            let told = self.node.query(move |engine| engine.is_told(id)).await?;
            for stack in context.live().filter(|stack| stack.owner == self.me) {
                let mut distinct = Distinct::default();
                let history = self.history(id, stack).await?;
                let held: Vec<_> = history.frames().filter(|frame| history.holds(*frame)).collect();
                distinct.add_here(self, id, &held).await?;
                let frames = held.len() as u64;
                stacks.push(AloneStack {
                    reference: scene.reference(&Found { context, stack }),
                    frames,
                    bytes: distinct.sum.here,
                    told,
                });
            }
        }
        Ok(Alone { stacks, backup_needed: self.keys.backup_needed() })
    }
}
