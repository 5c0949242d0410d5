//! Looking at everything a node needs, and mending what can be mended.
//!
//! Each check is one line in plain words: what was looked at, how it is, and what to do. No check
//! ends the others.

mod alone;
mod here;
mod network;
mod repair;

use std::sync::Arc;

use dsp_protocol::api::{Check, CheckState, Diagnosis, Examine, Problem};

use super::{Ops, Reporter};

/// The lines of an examination.
#[derive(Debug, Default)]
pub(super) struct Findings(Vec<Check>);

impl Findings {
    fn ok(&mut self, area: &str, what: impl Into<String>) {
        self.add(area, CheckState::Ok, what.into(), None);
    }

    fn warn(&mut self, area: &str, what: impl Into<String>, hint: &str) {
        self.add(area, CheckState::Warn, what.into(), Some(hint.to_owned()));
    }

    fn fail(&mut self, area: &str, what: impl Into<String>, hint: &str) {
        self.add(area, CheckState::Fail, what.into(), Some(hint.to_owned()));
    }

    fn add(&mut self, area: &str, state: CheckState, what: String, hint: Option<String>) {
        self.0.push(Check { area: area.to_owned(), state, what, hint });
    }
}

impl Ops {
    /// Examines this node: all of it, or the ways to the peers of a user or context. Where it is
    /// asked for, damaged and lost bytes are brought again and indexes made anew.
    ///
    /// # Errors
    /// No such user or context, or the daemon stops. What is not well is no error.
    pub async fn examine(
        self: &Arc<Self>,
        examine: &Examine,
        reporter: &Reporter,
    ) -> Result<Diagnosis, Problem> {
        let mut findings = Findings::default();
        match &examine.target {
            Some(target) => {
                let devices = self.devices_to_reach(Some(target)).await?;
                self.examine_peers(devices, &mut findings, reporter).await?;
            }
            None => {
                self.examine_home(&mut findings);
                self.examine_device(&mut findings).await?;
                self.examine_backup(&mut findings).await?;
                self.examine_clock(&mut findings).await?;
                self.examine_database(&mut findings).await?;
                if examine.repair {
                    self.repair(&mut findings, reporter).await?;
                } else {
                    self.examine_blobs(&mut findings, reporter).await?;
                }
                self.examine_network(&mut findings).await;
                let devices = self.devices_to_reach(None).await?;
                self.examine_peers(devices, &mut findings, reporter).await?;
            }
        }
        Ok(Diagnosis { checks: findings.0 })
    }
}
