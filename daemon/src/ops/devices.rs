//! My devices: who acts for me, and what is left of one that is lost.

use std::collections::BTreeSet;

use dsp_protocol::api::{
    CutInfo, DeviceInfo, DeviceState, LostFrame, Problem, ProblemCode, Revoke, Revoked,
};
use dsp_protocol::id::{ChangeId, ContextId, DeviceId, DocumentId, FrameId, Incarnation};
use dsp_protocol::identity::{IdentityLog, Standing};
use dsp_protocol::key::SecretKey;
use dsp_protocol::reference::Rev;
use dsp_protocol::statement::{Grant, PlacedFact, Role, Verified};
use dsp_protocol::sync::{Command, Standing as SyncStanding};

use super::Ops;
use super::contexts::role_name;
use super::node::count;
use super::problem::{bad_request, not_found};
use super::scene::Scene;
use super::time::{now, parse_rfc3339, rfc3339};
use crate::store::Slot;

/// Fewest digits that name a device; those that name a frame are as many.
const PREFIX: usize = 6;

/// Frames that earlier cuts keep and an error names, by context.
const STANDING: usize = 10;

/// What earlier cuts keep in a context and new ones would not.
struct Stands {
    statements: usize,
    frames: Vec<(String, FrameId, i64)>,
}

/// Up to where what a lost device said is good.
#[derive(Clone, Copy, Debug)]
enum Good {
    /// Everything that is here.
    All,
    /// What it said until then, by its clock.
    Until(i64),
    /// What it said until it said this, by the number of the statement, and in other catalogs until
    /// that time by its clock.
    Frame { context: ContextId, inc: Incarnation, n: u64, time: i64 },
}

/// A cut to be made: where, and what it keeps by catalog.
type Cuts = Vec<(ContextId, std::collections::BTreeMap<DocumentId, Vec<ChangeId>>)>;

impl Ops {
    /// Lists my devices, this one first, then those that act, then those that do not any more.
    ///
    /// # Errors
    /// The daemon stops, or its database fails.
    pub async fn devices(&self) -> Result<Vec<DeviceInfo>, Problem> {
        let (log, scene) = (self.my_log().await?, self.scene().await?);
        let connected: BTreeSet<DeviceId> =
            self.node.query(|engine| engine.connected().collect()).await?;
        let mut devices = Vec::new();
        for grant in log.ever_granted() {
            let mut info = device_info(&scene, &log, &grant, self.device);
            info.connected = info.this || connected.contains(&grant.device);
            let reached = self.store.last_reached(grant.device).await?;
            info.seen = reached.map(|(_, time)| rfc3339(time));
            devices.push(info);
        }
        devices.sort_by_key(|d| (!d.this, d.state != DeviceState::Live, d.name.clone(), d.device));
        Ok(devices)
    }

    /// Revokes a device of mine, and says in every context what is kept of it.
    ///
    /// The revocation comes first: from then on nothing new of the device counts, and what was
    /// taken of it stands still until a cut says what is kept. A context whose cut fails holds up
    /// no other one, and the same call again makes what is missing.
    ///
    /// # Errors
    /// No such device, it is this one, the root is not here, or the point cannot be told. Where
    /// cuts failed, the error names the contexts; the device is revoked then.
    pub async fn revoke_device(&self, device: &str, revoke: &Revoke) -> Result<Revoked, Problem> {
        let _one = self.change_identity().await?;
        let log = self.my_log().await?;
        let grant = find(&log, device)?;
        let root = self.root_of(&log)?;
        if grant.device == self.device {
            return Err(Problem::new(
                ProblemCode::Refused,
                "this is the device that you are at, and it holds the root",
            )
            .with_hint("take the identity back on another one: `dsp id recover`"));
        }
        let good = self.good_until(revoke.since.as_deref(), grant.device).await?;
        let (contexts, cuts) = self.cuts(grant.device, good).await?;
        if !revoke.dry_run {
            if !matches!(log.standing(grant.device), Standing::Revoked) {
                let entry = log.revoke(&root, grant.device).map_err(conflict)?;
                self.state_entry(entry).await?;
            }
            let mut failed = Vec::new();
            for (context, docs) in cuts {
                let cut = Command::Cut { context, device: grant.device, docs };
                if let Err(error) = self.node.run(cut).await {
                    failed.push((context, Problem::from(error)));
                }
            }
            if let Some((first, problem)) = failed.first() {
                let detail = format!(
                    "the device is revoked; in {} of its contexts, {} the first, it could not be \
                     said what is kept of it: {}",
                    failed.len(),
                    first.short(),
                    problem.detail
                );
                return Err(Problem::new(problem.code, detail).with_hint("run the same again"));
            }
        }
        let log = self.my_log().await?;
        let scene = self.scene().await?;
        let info = device_info(&scene, &log, &grant, self.device);
        Ok(Revoked { done: info.state == DeviceState::Revoked, device: info, contexts })
    }

    /// Returns what would be kept of a device in each context, and the cuts that say so.
    ///
    /// # Errors
    /// Cuts made before keep more: they only widen, so these would take nothing away.
    async fn cuts(&self, device: DeviceId, good: Good) -> Result<(Vec<CutInfo>, Cuts), Problem> {
        let (me, scene) = (self.me, self.scene().await?);
        let parted = self.node.query(move |engine| {
            let mut all = Vec::new();
            for context in engine.contexts() {
                let parted = context.view().part(me, device, |said| is_good(said, good));
                // Also where nothing of it came yet: it may have told others.
                let writes = context.view().role(me) >= Role::Writer;
                if !writes || context.standing() == SyncStanding::Left {
                    continue;
                }
                let lost = parted.lost.iter().filter_map(|said| frame_of(said)).collect();
                let frames: Vec<(String, FrameId, i64)> = lost;
                let counts = (parted.kept.len(), parted.lost.len());
                let beyond = context.view().kept_beyond(me, device, &parted.docs);
                let stands = Stands {
                    statements: beyond.len(),
                    frames: beyond.into_iter().filter_map(frame_of).take(STANDING).collect(),
                };
                all.push((context.id(), counts, frames, parted.docs, stands));
            }
            all
        });
        let (mut infos, mut cuts) = (Vec::new(), Vec::new());
        let mut standing = Vec::new();
        for (context, (kept, lost), frames, docs, stands) in parted.await? {
            cuts.push((context, docs));
            if kept + lost == 0 {
                continue;
            }
            let label = scene.contexts.get(&context).map(|context| scene.label(context));
            if stands.statements > 0 {
                standing.push((label.clone().unwrap_or_else(|| context.short()), stands));
            }
            let frames = frames.into_iter().map(|(stack, frame, time)| LostFrame {
                stack,
                frame,
                time: rfc3339(time),
            });
            infos.push(CutInfo {
                context,
                label: label.unwrap_or_else(|| context.short()),
                kept: count(kept),
                lost: count(lost),
                frames: frames.collect(),
            });
        }
        if standing.is_empty() { Ok((infos, cuts)) } else { Err(narrower(&standing)) }
    }

    /// Reads up to where a device is good.
    async fn good_until(&self, since: Option<&str>, device: DeviceId) -> Result<Good, Problem> {
        let Some(text) = since else { return Ok(Good::All) };
        if let Ok(time) = parse_rfc3339(text) {
            return Ok(Good::Until(time));
        }
        // So many digits are those of a frame.
        if let Some(ms) = ago(text).filter(|_| text.len() < PREFIX) {
            return Ok(Good::Until(now().saturating_sub(ms)));
        }
        let Ok(Rev::Id(begins)) = text.parse() else {
            return Err(bad_request(format!(
                "`{text}` is neither a time (2026-05-30T18:00:00Z), nor how long ago (12h), nor \
                 the id of a frame"
            )));
        };
        let me = self.me;
        let found = self.node.query(move |engine| {
            let mut found = BTreeSet::new();
            for context in engine.contexts() {
                let parted = context.view().part(me, device, |_| true);
                for said in &parted.kept {
                    let (Some((_, frame, _)), Some(placed)) = (frame_of(said), said.placed())
                    else {
                        continue;
                    };
                    if begins.matches(&frame) {
                        let place = &placed.place;
                        found.insert((frame, place.time, place.context, place.inc, place.n));
                    }
                }
            }
            found
        });
        let found: Vec<_> = found.await?.into_iter().collect();
        match found[..] {
            [(_, time, context, inc, n)] => Ok(Good::Frame { context, inc, n, time }),
            [] => Err(not_found(format!("the device pushed no frame that begins with `{text}`"))
                .with_hint("`dsp log` lists the frames of a stack")),
            _ => Err(Problem::new(
                ProblemCode::Ambiguous,
                format!("`{text}` begins {} frames of the device", found.len()),
            )),
        }
    }

    /// Returns my identity log.
    pub(crate) async fn my_log(&self) -> Result<IdentityLog, Problem> {
        let me = self.me;
        let log = self.node.query(move |engine| engine.log(me).cloned()).await?;
        log.ok_or_else(|| not_found("the identity log is not here"))
    }

    /// Returns the root by which my log goes, where it is here.
    pub(crate) fn root_of(&self, log: &IdentityLog) -> Result<SecretKey, Problem> {
        let root = self.keys.root().filter(|root| root.public() == log.root());
        root.ok_or_else(|| {
            Problem::new(
                ProblemCode::Refused,
                "this device does not hold the root of your identity",
            )
            .with_hint(
                "do it on the device that does; where that one is lost, `dsp id recover` \
                     takes the identity back here",
            )
        })
    }

    /// Adds an entry to my log; up to it the log is known to be mine.
    pub(crate) async fn state_entry(&self, entry: Verified) -> Result<(), Problem> {
        let id = entry.id();
        self.node.run(Command::Identity { entry: Box::new(entry) }).await?;
        Ok(self.store.set(Slot::IDENTITY_TIP, *id.as_bytes()).await?)
    }

    /// Returns one of my devices as the API shows it.
    pub(crate) async fn device_of_mine(&self, device: DeviceId) -> Result<DeviceInfo, Problem> {
        let found = self.devices().await?.into_iter().find(|info| info.device == device);
        found.ok_or_else(|| not_found(format!("device {device} is none of yours")))
    }
}

/// Returns the problem of a log that does not take an entry.
pub(crate) fn conflict(error: impl std::fmt::Display) -> Problem {
    Problem::new(ProblemCode::Conflict, error.to_string())
}

fn is_good(said: &Verified, good: Good) -> bool {
    let Some(placed) = said.placed() else { return false };
    match good {
        Good::All => true,
        Good::Until(time) => placed.place.time <= time,
        // A clock that was put back changes no number.
        Good::Frame { context, inc, n, .. }
            if (placed.place.context, placed.place.inc) == (context, inc) =>
        {
            placed.place.n <= n
        }
        Good::Frame { time, .. } => placed.place.time <= time,
    }
}

/// Returns the problem of cuts that keep less than those that stand.
fn narrower(standing: &[(String, Stands)]) -> Problem {
    let all: usize = standing.iter().map(|(_, stands)| stands.statements).sum();
    let labels: Vec<&str> = standing.iter().map(|(label, _)| label.as_str()).collect();
    let mut problem = Problem::new(
        ProblemCode::Conflict,
        format!(
            "an earlier cut keeps {all} statements of the device behind that point, in {}: what \
             was kept once stays kept",
            labels.join(", ")
        ),
    )
    .with_hint(
        "nothing was changed; what is bad of them is replaced by hand: `dsp push` over the stack, \
         or `dsp rm STACK`",
    );
    for (label, stands) in standing {
        for (stack, frame, time) in &stands.frames {
            let when = rfc3339(*time);
            problem.causes.push(format!("{label}:{stack} is kept at {} of {when}", frame.short()));
        }
    }
    problem
}

/// Returns what a head states: stack, frame and time.
fn frame_of(said: &Verified) -> Option<(String, FrameId, i64)> {
    let placed = said.placed()?;
    match &placed.fact {
        PlacedFact::Head(head) => Some((head.name.to_string(), head.frame?, placed.place.time)),
        _ => None,
    }
}

/// Finds a device of mine by its name, its id, or the first digits of it.
fn find(log: &IdentityLog, text: &str) -> Result<Grant, Problem> {
    let all = log.ever_granted();
    let digits = text.to_ascii_lowercase();
    let by_id =
        |grant: &&Grant| digits.len() >= PREFIX && grant.device.to_string().starts_with(&digits);
    let named: Vec<&Grant> = all.iter().filter(|grant| grant.name == text).collect();
    let fitting: Vec<&Grant> =
        if named.is_empty() { all.iter().filter(by_id).collect() } else { named };
    match fitting[..] {
        [one] => Ok(one.clone()),
        [] => Err(not_found(format!("you have no device `{text}`"))
            .with_hint("`dsp id devices` lists them")),
        _ => {
            let detail = format!("`{text}` fits {} devices", fitting.len());
            let mut problem = Problem::new(ProblemCode::Ambiguous, detail);
            problem.candidates = fitting.iter().map(|grant| grant.device.to_string()).collect();
            Err(problem)
        }
    }
}

fn device_info(scene: &Scene, log: &IdentityLog, grant: &Grant, here: DeviceId) -> DeviceInfo {
    let state = match log.standing(grant.device) {
        Standing::Revoked => DeviceState::Revoked,
        Standing::Granted(grant) if grant.holds(now()) => DeviceState::Live,
        Standing::Granted(_) | Standing::Unknown => DeviceState::Frozen,
    };
    let scope = grant.scope.as_ref();
    let label = |id: &ContextId| {
        let known = scene.contexts.get(id).map(|context| scene.label(context));
        known.unwrap_or_else(|| id.short())
    };
    DeviceInfo {
        device: grant.device,
        name: grant.name.clone(),
        state,
        this: grant.device == here,
        contexts: scope
            .and_then(|scope| scope.contexts.as_ref())
            .map(|contexts| contexts.iter().map(label).collect()),
        role: scope.and_then(|scope| scope.role).map(role_name),
        until: grant.until.map(rfc3339),
        connected: false,
        seen: None,
    }
}

/// Reads how long ago: `30m`, `12h`, `7d`, `2w`. In milliseconds.
fn ago(text: &str) -> Option<i64> {
    let unit = match text.chars().last()? {
        'm' => 60_000,
        'h' => 3_600_000,
        'd' => 86_400_000,
        'w' => 7 * 86_400_000,
        _ => return None,
    };
    let number: i64 = text[..text.len() - 1].parse().ok().filter(|number| *number >= 0)?;
    number.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long_ago_is_read() {
        assert_eq!(ago("12h"), Some(43_200_000));
        assert_eq!(ago("-1h"), None);
        assert_eq!(ago("3fa91c"), None);
        assert_eq!(ago("99999999999999999d"), None);
        assert_eq!(ago(""), None);
    }
}
