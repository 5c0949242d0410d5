//! Lists of stacks.

use std::cmp::Reverse;

use dsp_protocol::context::StackState;
use serde_json::{Value, json};

use super::super::Ops;
use super::super::audience::is_audience;
use super::super::resolve::Found;
use super::attach::{client_id, is_beginning};
use super::names::Level;
use super::read::permissions;
use super::{Reader, Refusal};

/// Most stacks that are listed.
const STACKS: usize = 10_000;

impl Ops {
    /// Lists the stacks of a user, or of everybody, the latest first; those that the caller may
    /// read.
    ///
    /// # Errors
    /// Nobody is called so.
    pub async fn dstack_stacks(
        &self,
        reader: Reader,
        account: Option<&str>,
    ) -> Result<Value, Refusal> {
        let scene = self.scene().await?;
        let accounts = self.accounts(&scene.names).await?;
        let user = account.map(|account| accounts.user(&scene, account)).transpose();
        let user = match reader {
            Reader::Me => user?,
            // Who is known here is nobody's business.
            Reader::Anyone => match user {
                Ok(user) => user,
                Err(_) => return Ok(json!({ "stacks": [] })),
            },
        };
        let mut found: Vec<Found<'_>> = scene
            .contexts
            .values()
            .filter(|context| !is_audience(&scene, context))
            .filter(|context| reader == Reader::Me || Level::of(&scene, context) == Level::Public)
            .flat_map(|context| context.stacks.iter().map(move |stack| Found { context, stack }))
            .filter(|found| found.stack.state == StackState::Live)
            .filter(|found| user.is_none_or(|user| found.stack.owner == user))
            .collect();
        found.sort_by_key(|found| (found.stack.heads.is_empty(), Reverse(found.stack.time)));
        found.truncate(STACKS);
        let mut listed = Vec::with_capacity(found.len());
        for found in &found {
            let level = Level::of(&scene, found.context);
            let mut entry = json!({
                "user": accounts.of(&scene, found.stack.owner),
                "name": found.stack.name.to_string(),
                "private": level.private(),
                "access_level": level.word(),
            });
            if let Some(head) = found.stack.heads.first()
                && let Some(frame) = self.stored_frame(found.context.id, head.frame).await?
                && !is_beginning(&frame)
            {
                let id = client_id(&frame).map_or_else(|| head.frame.to_string(), str::to_owned);
                entry["head"] = json!({ "id": id, "timestamp": frame.time });
                if let Some(file) = frame.attachments().first() {
                    let mut preview = json!({ "content_type": file.media });
                    if let Some(app) = &file.app {
                        preview["application"] = json!(app);
                    }
                    entry["head"]["preview"] = preview;
                }
            }
            let permissions = permissions(&scene, reader, found);
            if !permissions.is_null() {
                entry["permissions"] = permissions;
            }
            listed.push(entry);
        }
        // Those that nothing was pushed to come last, too.
        listed.sort_by_key(|entry| entry.get("head").is_none());
        Ok(json!({ "stacks": listed }))
    }
}
