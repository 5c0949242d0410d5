//! Everything goes wrong for a while.

use super::super::{Faults, HostId, Wire};
use super::Team;
use crate::context::StackState;
use crate::id::StackId;
use crate::statement::Role;
use crate::sync::{Command, CommandError, Reply};

/// How long a path may be clogged, in milliseconds.
const CLOG_MS: u64 = 5_000;
/// How far a clock may be off, in milliseconds: a day.
const SKEW_MS: u64 = 86_400_000;

/// How bad a seed can get: each round of the storm draws its faults below these.
pub(super) struct Climate {
    /// Whether single messages are lost inside of sessions.
    datagrams: bool,
    latency_ms: u64,
    loss: u64,
    replay: u64,
    notice_ms: u64,
    disk_ms: u64,
    disk_fails: u64,
    task_ms: u64,
    /// Whether clocks are off.
    skewed: bool,
}

impl Team {
    /// Draws what kind of storm this seed has.
    pub(super) fn climate(&mut self) -> Climate {
        let sim = &mut self.sim;
        let datagrams = sim.draw(5) == 0;
        let mut upto = |most: u64| if sim.draw(3) == 0 { 0 } else { sim.draw(most + 1) };
        Climate {
            datagrams,
            latency_ms: 10 + upto(500),
            loss: upto(if datagrams { 150 } else { 300 }),
            replay: upto(500),
            notice_ms: upto(15_000),
            disk_ms: 1 + upto(3_000),
            disk_fails: upto(150),
            task_ms: upto(2_000),
            skewed: upto(1) == 1,
        }
    }

    /// Tells whether the storm keeps what a session promises, so that peace follows soon.
    pub(super) fn is_real(climate: &Climate) -> bool {
        !climate.datagrams
    }

    fn faults(&mut self, climate: &Climate) -> Faults {
        let sim = &mut self.sim;
        let mut upto = |most: u64| sim.draw(most + 1);
        Faults {
            latency_ms: (1, 10 + upto(climate.latency_ms) as i64),
            wire: match climate.datagrams {
                true => Wire::Datagrams { duplicate: upto(200) as u32, reorder: upto(1) == 0 },
                false => Wire::Stream,
            },
            loss: upto(climate.loss) as u32,
            replay: upto(climate.replay) as u32,
            notice_ms: upto(climate.notice_ms) as i64,
            disk_ms: 1 + upto(climate.disk_ms) as i64,
            disk_fails: upto(climate.disk_fails) as u32,
            task_ms: upto(climate.task_ms) as i64,
        }
    }

    /// Sets the clock of a host to anything within a day.
    fn skew(&mut self, host: HostId) {
        let ahead = self.sim.draw(2 * SKEW_MS + 1) as i64 - SKEW_MS as i64;
        self.sim.set_clock(host, ahead);
    }

    /// Everything goes wrong for a while.
    pub(super) fn storm(&mut self, climate: &Climate) -> Result<(), String> {
        let all: Vec<HostId> = self.sim.hosts.keys().copied().collect();
        if climate.skewed {
            all.iter().for_each(|host| self.skew(*host));
        }
        let rounds = 6 + self.sim.draw(8);
        for round in 0..rounds {
            if round == rounds / 2 {
                self.remove_leaver()?;
            }
            self.sim.faults = self.faults(climate);
            match self.sim.draw(12) {
                what @ 0..=2 => {
                    let (a, b) = (self.pick(&all), self.pick(&all));
                    let cut = self.sim.draw(3) > 0;
                    match what {
                        _ if a == b => {}
                        0 => self.sim.set_cut(a, b, cut),
                        1 => self.sim.set_one_way(a, b, cut),
                        _ => {
                            let millis = self.sim.draw(CLOG_MS + 1) as i64;
                            self.sim.clog(a, b, millis);
                        }
                    }
                }
                3 => {
                    // Alone on an island, as a laptop in a train.
                    let host = self.pick(&all);
                    let others = all.iter().filter(|other| **other != host);
                    others.for_each(|other| self.sim.set_cut(host, *other, true));
                }
                4 => {
                    let host = self.pick(&all);
                    self.restart(host);
                }
                5 if climate.skewed => {
                    let host = self.pick(&all);
                    self.skew(host);
                }
                6 | 7 => self.push_soon(self.owner)?,
                8 => {
                    // One right after the other: the second may overtake the first.
                    self.push_soon(self.owner)?;
                    self.push_soon(self.owner)?;
                }
                9 => {
                    let host = self.pick(&[self.writer, self.desk]);
                    self.push_soon(host)?;
                }
                10 => self.change_stack()?,
                11 => self.push_and_crash()?,
                _ => {}
            }
            self.edit_board(round)?;
            let pause = 200 + self.sim.draw(8_000) as i64;
            self.sim.run_for(pause);
            self.check_safety()?;
        }
        Ok(())
    }

    /// Turns a machine off, and on again after a while.
    fn restart(&mut self, host: HostId) {
        self.sim.crash(host);
        let pause = self.sim.draw(5_000) as i64;
        self.sim.run_for(pause);
        self.sim.start(host);
    }

    /// Turns Alice's machine off while she pushes: what was acknowledged is there when it is on
    /// again.
    fn push_and_crash(&mut self) -> Result<(), String> {
        let (push, frame) = self.new_push(self.owner)?;
        let command = self.sim.command_later(self.owner, push);
        let while_storing = self.sim.draw(2 * self.sim.faults.disk_ms as u64) as i64;
        self.sim.run_for(while_storing);
        let reply = self.sim.reply(command);
        if let Some(Ok(Reply::Pushed { head, .. })) = &reply {
            self.genuine.insert(*head, self.sim.hosts[&self.owner].user);
        }
        self.restart(self.owner);
        if self.sim.broken.is_some() {
            return Ok(());
        }
        self.note_genuine(self.owner);
        let context = self.sim.hosts[&self.owner].node().context(self.context);
        let there = context.is_some_and(|context| context.frame(frame).is_some());
        match reply {
            Some(Ok(_)) if !there => {
                Err(format!("alice lost frame {frame:?} of a push that was done"))
            }
            Some(Err(error)) if !matches!(error, CommandError::NotStored { .. }) => {
                Err(error.to_string())
            }
            _ => Ok(()),
        }
    }

    /// Alice removes Lena from the context.
    fn remove_leaver(&mut self) -> Result<(), String> {
        let user = self.sim.hosts[&self.leaver].user;
        let command = Command::Member { context: self.context, user, role: Role::None };
        for _ in 0..100 {
            match self.sim.command(self.owner, command.clone()) {
                Err(CommandError::NotStored { .. }) => self.sim.run_for(1_000),
                result => return result.map(drop).map_err(|error| error.to_string()),
            }
        }
        Err("alice could not remove lena".to_owned())
    }

    /// Alice renames one of her stacks, or removes it.
    fn change_stack(&mut self) -> Result<(), String> {
        let host = &self.sim.hosts[&self.owner];
        let (context, user) = (self.context, host.user);
        let view = host.node().context(context).expect("her own context").view().stacks();
        let live = view.iter().filter(|s| s.owner == user && s.state == StackState::Live);
        let stacks: Vec<StackId> = live.map(|stack| stack.stack).collect();
        if stacks.is_empty() {
            return Ok(());
        }
        let stack = stacks[self.sim.draw(stacks.len() as u64) as usize];
        self.pushes += 1;
        let command = match self.sim.draw(2) {
            0 => Command::Remove { context, stack },
            _ => {
                let name = format!("renamed{}", self.pushes).parse().expect("a name");
                Command::Rename { context, stack, name }
            }
        };
        match self.sim.command(self.owner, command) {
            Ok(_) => {
                self.note_genuine(self.owner);
                Ok(())
            }
            Err(CommandError::NotStored { .. }) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }
}
