//! The one account, and what an account of dstack's servers had that there is nothing for here.

use serde_json::{Value, json};

use super::super::Ops;
use super::Refusal;
use super::names::is_user;
use super::request::InfoRequest;

/// Refuses what is about dashboards.
pub(super) fn dashboards() -> Refusal {
    Refusal::unsupported("dashboards are not kept by this daemon", "`dsp open` shows the stacks")
}

impl Ops {
    /// Tells who I am.
    ///
    /// # Errors
    /// Somebody else is asked for.
    pub async fn dstack_info(&self, request: &InfoRequest) -> Result<Value, Refusal> {
        let scene = self.scene().await?;
        self.must_be_me(&scene, &request.user).await?;
        self.dstack_me().await
    }

    /// Tells who is logged in. Secrets are kept as hashes, so none is told.
    ///
    /// # Errors
    /// The daemon stops.
    pub async fn dstack_me(&self) -> Result<Value, Refusal> {
        let scene = self.scene().await?;
        let level = super::names::Level::of(&scene, scene.current()?).word();
        Ok(json!({
            "user": self.accounts().await?.me,
            "token": null,
            "email": null,
            "verified": true,
            "role": "admin",
            "settings": { "general": { "default_access_level": level } },
        }))
    }

    /// Tells whether a user is known here.
    ///
    /// # Errors
    /// The daemon stops.
    pub async fn dstack_exists(&self, account: &str) -> Result<Value, Refusal> {
        let scene = self.scene().await?;
        let known = self.accounts().await?.user(&scene, account).is_ok();
        Ok(json!({ "exists": known && (is_user(account) || scene.user(account).is_ok()) }))
    }

    /// Refuses a part of dstack that is not here, with the way that there is instead.
    pub fn dstack_missing(&self, part: &str) -> Refusal {
        match part {
            "dashboards" => dashboards(),
            "jobs" => Refusal::unsupported(
                "this daemon runs no jobs",
                "run the script where its data is, and push what it makes",
            ),
            "apps" | "uploads" => Refusal::unsupported(
                "this daemon runs no applications",
                "what an application was made of is pulled like any attachment",
            ),
            "comments" => Refusal::unsupported(
                "comments are not kept by this daemon",
                "write it into the message of the next frame",
            ),
            "create" => {
                Refusal::unsupported("a stack begins with its first frame", "push something to it")
            }
            "token" => Refusal::unsupported(
                "tokens are not replaced by this call",
                "the profile keeps the one that it has",
            ),
            "settings" => Refusal::unsupported(
                "who reads what is decided by contexts",
                "`dsp context switch` chooses where new stacks go, `dsp share` who reads them",
            ),
            "support" => Refusal::unsupported("nobody reads mail here", "`dsp doctor` may help"),
            _ => Refusal::unsupported(
                "there are no accounts, passwords and e-mails here: this daemon is yours alone",
                "`dsp open` logs a browser in; clients of dstack show a token",
            ),
        }
    }
}
