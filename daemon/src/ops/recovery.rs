//! New keys for my identity: by the root, or by the recovery key, which beats a stolen root.

use std::sync::Arc;

use dsp_protocol::api::{IdentityInfo, Problem, ProblemCode, Recover, Recovered};
use dsp_protocol::id::{ContextId, PublicKey, StatementId};
use dsp_protocol::identity::{IdentityLog, Standing};
use dsp_protocol::key::SecretKey;
use dsp_protocol::statement::{Grant, Verified};

use super::Ops;
use super::devices::conflict;
use super::node::count;
use super::pairing::free_name;
use super::problem::{bad_request, internal, not_found};
use super::whole::to_the_end;
use crate::joining::Joining;
use crate::keys;
use crate::store::Slot;

/// A recovery worked out: the log with it, and the entries that are new.
struct Plan {
    log: IdentityLog,
    rotate: Verified,
    grant: Option<Verified>,
}

impl Ops {
    /// Changes the root and the recovery key of my identity; new words are to be backed up. Those
    /// written down before can undo it, as a recovery key beats whatever a root signs.
    ///
    /// # Errors
    /// The root is not here, or nothing can be written; the old keys hold then.
    pub async fn rotate(self: &Arc<Self>) -> Result<IdentityInfo, Problem> {
        let ops = Arc::clone(self);
        to_the_end(async move { ops.rotate_keys().await }).await
    }

    async fn rotate_keys(&self) -> Result<IdentityInfo, Problem> {
        let _one = self.change_identity().await?;
        let log = self.my_log().await?;
        let root = self.root_of(&log)?;
        let staged = self.keys.stage()?;
        let stated = match log.rotate(&root, &staged.root.public(), &staged.recovery) {
            Ok(entry) => self.state_entry(entry).await,
            Err(error) => Err(conflict(error)),
        };
        self.settle_keys().await?;
        stated?;
        self.identity().await
    }

    /// Takes an identity back with its recovery key: mine here, or, on a machine that has nothing
    /// of its own, that of any user whose log came by a follow.
    ///
    /// # Errors
    /// The words are no key, or recover nobody who is known here; the entry to go on from is none
    /// of those possible; something here would be lost.
    pub async fn recover(self: &Arc<Self>, recover: Recover) -> Result<Recovered, Problem> {
        let ops = Arc::clone(self);
        to_the_end(async move { ops.take_identity_back(&recover).await }).await
    }

    async fn take_identity_back(&self, recover: &Recover) -> Result<Recovered, Problem> {
        let _one = self.change_identity().await?;
        let key = keys::from_words(&recover.words).map_err(|error| {
            bad_request(error).with_hint("24 words, in their order; nothing was changed")
        })?;
        let log = self.recoverable(&key.public()).await?;
        let moves = log.user() != self.me;
        let carried = self.carried(moves).await?;
        if moves {
            self.gives_up_nothing(&carried).await?;
        }
        let (after, entry, first) = self.recovery_point(&log, &key.public(), recover.after).await?;
        let mut recovered = {
            let (root, next) = (keys::draw()?, keys::draw()?);
            let plan = self.plan(&log, &key, entry, &root, &next.public())?;
            told(&log, &plan.log, after, first, moves)
        };
        if recover.dry_run {
            return Ok(recovered);
        }
        let staged = self.keys.stage()?;
        let plan = self.plan(&log, &key, entry, &staged.root, &staged.recovery)?;
        match moves {
            true => self.move_over(plan.log, &carried).await?,
            false => {
                let stated = self.state_entry(plan.rotate).await;
                self.settle_keys().await?;
                stated?;
                if let Some(grant) = plan.grant {
                    self.state_entry(grant).await?;
                }
            }
        }
        recovered.done = true;
        Ok(recovered)
    }

    /// Finds the log that a recovery key is in force for.
    async fn recoverable(&self, key: &PublicKey) -> Result<IdentityLog, Problem> {
        let (key, me) = (*key, self.me);
        let found = self.node.query(move |engine| {
            let mine = engine.users().filter(|user| *user == me);
            let others = engine.users().filter(|user| *user != me);
            let mut logs = mine.chain(others).filter_map(|user| engine.log(user));
            logs.find(|log| !log.recoverable(&key).is_empty()).cloned()
        });
        found.await?.ok_or_else(|| {
            not_found("the words recover no identity that is known here").with_hint(
                "they may be void by a later rotation; on a new machine the identity has to come \
                 from somebody who knows it: `dsp id recover --ticket TICKET`, with a ticket of a \
                 context that you are in",
            )
        })
    }

    /// Chooses the last entry that goes on to count: its number, the entry, and the first number
    /// possible. Without a wish it is the last one that is known to be mine.
    async fn recovery_point(
        &self,
        log: &IdentityLog,
        key: &PublicKey,
        wish: Option<u64>,
    ) -> Result<(u64, StatementId, u64), Problem> {
        let points = log.recoverable(key);
        let (first, last) = match (points.first(), points.last()) {
            (Some(first), Some(last)) => (first.0, last.0),
            _ => return Err(not_found("the key is in force nowhere")),
        };
        let tip = self.store.get(Slot::IDENTITY_TIP).await?;
        let tip = tip.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        let known = tip.and_then(|tip| log.number_of(&StatementId::from_bytes(tip)));
        let chosen = match wish {
            Some(wish) => points.iter().find(|(n, _)| *n == wish),
            None => points.iter().rfind(|(n, _)| known.is_none_or(|known| *n <= known)),
        };
        let chosen = chosen.or(match wish {
            Some(_) => None,
            None => points.first(),
        });
        let (n, entry) = chosen.ok_or_else(|| {
            bad_request(format!("one can go on from entries {first} to {last} of the log"))
        })?;
        Ok((*n, *entry, first))
    }

    fn plan(
        &self,
        log: &IdentityLog,
        key: &SecretKey,
        after: StatementId,
        root: &SecretKey,
        recovery: &PublicKey,
    ) -> Result<Plan, Problem> {
        let rotate = log.recover(key, after, &root.public(), recovery).map_err(conflict)?;
        let mut log = log.clone();
        log.add(rotate.clone()).map_err(conflict)?;
        if log.fork().is_some() {
            return Err(conflict("somebody went on from there with the recovery key before you"));
        }
        let device = self.device;
        let grant = match log.standing(device) {
            Standing::Granted(grant) if grant.scope.is_none() && grant.until.is_none() => None,
            Standing::Revoked => {
                return Err(conflict(format!(
                    "device {} stays revoked after entry {after}",
                    device.short()
                ))
                .with_hint("choose an earlier one with --after, or use another home"));
            }
            // Who holds the root is limited by nothing.
            Standing::Granted(_) | Standing::Unknown => {
                let name = free_name(&log, device, &self.settings.config().device_name);
                let grant = Grant { device, name, scope: None, until: None };
                let grant = log.grant(root, grant).map_err(conflict)?;
                log.add(grant.clone()).map_err(conflict)?;
                Some(grant)
            }
        };
        Ok(Plan { log, rotate, grant })
    }

    /// Returns the contexts that go along to another identity: all that are followed.
    async fn carried(&self, moves: bool) -> Result<Vec<ContextId>, Problem> {
        if !moves {
            return Ok(Vec::new());
        }
        let scene = self.scene().await?;
        let followed = scene.contexts.values().filter(|context| !context.is_mine(self.me));
        Ok(followed.map(|context| context.id).collect())
    }

    /// Lets this machine become a device of the user of `log`, and start anew as such.
    async fn move_over(&self, log: IdentityLog, carried: &[ContextId]) -> Result<(), Problem> {
        let mut contexts = self.node.query(|engine| engine.handed()).await?;
        contexts.retain(|context| carried.contains(&context.genesis.id()));
        for context in &mut contexts {
            // The redemption is of the identity that is given up.
            context.admission = None;
        }
        self.go_over(Joining { log, contexts, holds_root: true }).await?;
        self.begin_anew();
        Ok(())
    }

    /// Puts staged keys in place where my log goes by them, and removes them where it does not.
    async fn settle_keys(&self) -> Result<(), Problem> {
        let root = self.my_log().await?.root();
        Ok(self.keys.settle(self.me, root)?)
    }
}

/// Tells what comes of a recovery.
fn told(before: &IdentityLog, after: &IdentityLog, n: u64, first: u64, moves: bool) -> Recovered {
    let named = |grant: &Grant| format!("{} ({})", grant.name, grant.device.short());
    let live: Vec<String> = after.devices().map(|(_, grant)| named(grant)).collect();
    let gone = before
        .devices()
        .filter(|(device, _)| !matches!(after.standing(*device), Standing::Granted(_)));
    let undone = before.line().count().saturating_sub(1) as u64;
    Recovered {
        user: before.user(),
        name: before.name().to_owned(),
        done: false,
        moves,
        after: n,
        first,
        undone: count(usize::try_from(undone.saturating_sub(n)).unwrap_or(usize::MAX)),
        live,
        dropped: gone.map(|(_, grant)| named(grant)).collect(),
    }
}

impl From<keys::KeysError> for Problem {
    fn from(error: keys::KeysError) -> Self {
        match error {
            keys::KeysError::File(error) => error.into(),
            keys::KeysError::TooOpen { .. }
            | keys::KeysError::Damaged { .. }
            | keys::KeysError::Missing { .. } => {
                Problem::new(ProblemCode::Corrupt, error.to_string())
            }
            keys::KeysError::Random(_) => internal(&error),
        }
    }
}
