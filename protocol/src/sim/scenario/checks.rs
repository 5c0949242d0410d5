//! What has to hold: during the faults, and when peace has come.

use super::super::HostId;
use super::{PEACE_MS, Team, WAKES_PER_MINUTE};
use crate::id::{FrameId, StatementId, UserId};
use crate::limits;
use crate::sync::Standing;

impl Team {
    /// What holds all the time, whatever goes wrong.
    pub(super) fn check_safety(&self) -> Result<(), String> {
        self.check_bounds()?;
        self.check_genuine()?;
        self.check_strangers()?;
        self.check_penalties()
    }

    /// Nobody shows a head that nobody signed, or whose signer may not.
    fn check_genuine(&self) -> Result<(), String> {
        for host in self.sim.hosts.values().filter(|host| host.node.is_some()) {
            let Ok(view) = self.view_of(host.id) else { continue };
            let false_one =
                view.iter().find(|(user, head, _)| self.genuine.get(head) != Some(user));
            if let Some((_, head, _)) = false_one.filter(|_| host.id != self.cheat) {
                return Err(format!("{} shows head {head:?}, which nobody signed", host.name));
            }
        }
        Ok(())
    }

    /// The disk may refuse, but it does not lie: all that was stored makes an engine again.
    pub(super) fn check_starts(&self) -> Result<(), String> {
        if let Some((host, reason)) = &self.sim.broken {
            return Err(format!("{} does not start again: {reason}", self.sim.hosts[host].name));
        }
        match self.sim.skipped.first() {
            Some((host, reason)) => {
                Err(format!("{} left out: {reason}", self.sim.hosts[host].name))
            }
            None => Ok(()),
        }
    }

    /// No queue grows beyond its bound and no catalog has a gap, whatever comes.
    pub(super) fn check_bounds(&self) -> Result<(), String> {
        for host in self.sim.hosts.values() {
            let Some(node) = &host.node else { continue };
            let most = node.most_waiting();
            if most > 4 * limits::WAITING_PER_DEVICE + limits::JUDGE_BATCH {
                return Err(format!("{} lets {most} envelopes of one device wait", host.name));
            }
            if !node.catalogs_are_whole() {
                return Err(format!("{} holds a catalog with a gap", host.name));
            }
        }
        Ok(())
    }

    /// Nobody is woken all the time for what will not come.
    pub(super) fn check_wakes(&self) -> Result<(), String> {
        let most = WAKES_PER_MINUTE * PEACE_MS as u64 / 60_000;
        let busy = self.sim.hosts.values().find(|host| host.wakes > most);
        busy.map_or(Ok(()), |host| Err(format!("{} was woken {} times", host.name, host.wakes)))
    }

    /// Members hold the same heads, all of them genuine, with every frame and blob.
    pub(super) fn check_members(&self) -> Result<(), String> {
        let owner = self.view_of(self.owner)?;
        for host in self.readers.iter().chain([&self.writer, &self.desk]) {
            let host = &self.sim.hosts[host];
            let view = self.view_of(host.id)?;
            if view != owner {
                return Err(format!("{} sees {view:?}, alice sees {owner:?}", host.name));
            }
            self.check_board(host.id)?;
            let context = host.node().context(self.context).expect("just viewed");
            for (_, _, frame) in &view {
                let Some(meta) = context.frame(*frame) else {
                    return Err(format!("{} lacks frame {frame:?}", host.name));
                };
                let lacks = |blob: &&crate::sync::BlobWant| {
                    !host.earned.contains(&(self.context, blob.hash))
                };
                if let Some(blob) = meta.blobs.iter().find(lacks) {
                    return Err(format!("{} lacks blob {:?}", host.name, blob.hash));
                }
            }
            if context.standing() != (Standing::Active { synced: true }) {
                return Err(format!("{} is not synced: {:?}", host.name, context.standing()));
            }
        }
        Ok(())
    }

    pub(super) fn view_of(
        &self,
        host: HostId,
    ) -> Result<Vec<(UserId, StatementId, FrameId)>, String> {
        let host = &self.sim.hosts[&host];
        let context = host.node().context(self.context);
        let context = context.ok_or_else(|| format!("{} lost the context", host.name))?;
        let mut heads: Vec<_> = context
            .view()
            .stacks()
            .iter()
            .flat_map(|s| s.heads.iter().map(|h| (s.owner, h.id, h.frame)).collect::<Vec<_>>())
            .collect();
        heads.sort_unstable();
        Ok(heads)
    }

    /// Returns the heads that Alice signed and sees; none while her machine is off.
    pub(super) fn own_heads(&self) -> Option<Vec<(UserId, StatementId, FrameId)>> {
        self.sim.hosts[&self.owner].node.as_ref()?;
        let mut heads = self.view_of(self.owner).ok()?;
        heads.retain(|(user, ..)| *user == self.sim.hosts[&self.owner].user);
        Some(heads)
    }

    /// Who is not let in gets nothing: no statement, no frame, no blob, no name.
    pub(super) fn check_strangers(&self) -> Result<(), String> {
        let eve = &self.sim.hosts[&self.stranger];
        if eve.received.keys().any(|kind| *kind != "other") {
            return Err(format!("a stranger was told things: {:?}", eve.received));
        }
        let rex = &self.sim.hosts[&self.revoked];
        let told = ["envelopes", "frames", "have", "peers"];
        if told.iter().any(|kind| rex.received.contains_key(kind)) || !rex.earned.is_empty() {
            return Err(format!("a revoked ticket opened the context: {:?}", rex.received));
        }
        Ok(())
    }

    /// Who was removed knows it, and gets nothing that was pushed after that.
    pub(super) fn check_leaver(&mut self) -> Result<(), String> {
        let lena = self.sim.hosts[&self.leaver].node().context(self.context);
        // She may have been removed before she ever got in.
        let Some(standing) = lena.map(|context| context.standing()) else { return Ok(()) };
        if lena.is_some_and(|context| context.view().about().is_some())
            && standing != Standing::Removed
        {
            return Err(format!("lena was removed and is {standing:?}"));
        }
        self.push(self.owner)?;
        self.sim.run_for(60_000);
        let owner = self.sim.hosts[&self.owner].node().context(self.context);
        let lena = self.sim.hosts[&self.leaver].node().context(self.context);
        let (owner, lena) = (owner.expect("her own"), lena.expect("just seen"));
        let late = self.pushed.expect("just pushed");
        if owner.frame(late).is_some() && lena.frame(late).is_some() {
            return Err("lena got what was pushed after she was removed".to_owned());
        }
        Ok(())
    }

    /// Only the cheat is penalised: relays pass on in good faith what others made.
    pub(super) fn check_penalties(&self) -> Result<(), String> {
        let cheat = self.sim.hosts[&self.cheat].device;
        let unjust = self.sim.penalties.iter().find(|p| p.device != cheat && p.by != self.cheat);
        match unjust {
            None => Ok(()),
            Some(p) => Err(format!("{:?} was penalised though honest: {}", p.device, p.reason)),
        }
    }
}
