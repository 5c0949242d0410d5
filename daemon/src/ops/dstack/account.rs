//! The one account, and what an account of dstack's servers had that there is nothing for here.

use dsp_protocol::api::{NewToken, Problem, ScopeName};
use serde_json::{Value, json};

use super::super::Ops;
use super::super::scene::Scene;
use super::Refusal;
use super::names::{Level, is_user};
use super::push::Wanted;
use super::request::{InfoRequest, SettingsRequest};
use crate::store::Slot;

/// What the names of tokens begin with that dstack's clients were given, as `dsp profile add` names
/// them.
const PROFILE: &str = "profile ";

/// Refuses to show a single dashboard to a user.
pub(super) fn dashboards() -> Refusal {
    Refusal::unsupported(
        "who reads a dashboard is decided by its context, and not for it alone",
        "`dsp share` shows a context to others; a copy goes to another context",
    )
}

impl Ops {
    /// Tells who I am.
    ///
    /// # Errors
    /// Somebody else is asked for.
    pub async fn dstack_info(&self, request: &InfoRequest) -> Result<Value, Refusal> {
        let scene = self.scene().await?;
        self.must_be_me(&scene, &request.user).await?;
        let mut info = self.dstack_me().await?;
        // There is no link by which whoever has it logs in.
        info["verification_code"] = Value::Null;
        // An identity has no date.
        info["created_date"] = Value::Null;
        Ok(info)
    }

    /// Tells who is logged in. Secrets are kept as hashes, so none is told.
    ///
    /// # Errors
    /// The daemon stops.
    pub async fn dstack_me(&self) -> Result<Value, Refusal> {
        let scene = self.scene().await?;
        let level = match self.wanted_by_default().await? {
            Wanted::Anywhere => Level::of(&scene, scene.current()?),
            Wanted::NewPrivate | Wanted::Private => Level::Private,
        };
        Ok(json!({
            "user": self.accounts(&scene.names).await?.me,
            "token": null,
            "email": null,
            "verified": true,
            "role": "admin",
            "settings": {
                "general": { "default_access_level": level.word() },
                "notifications": { "newsletter": false },
            },
        }))
    }

    /// Returns where new stacks of dstack's clients go where these do not say it.
    pub(super) async fn wanted_by_default(&self) -> Result<Wanted, Refusal> {
        let private = self.store.get(Slot::DSTACK_PRIVATE).await.map_err(Problem::from)?;
        Ok(if private.is_some() { Wanted::NewPrivate } else { Wanted::Anywhere })
    }

    /// Changes who reads new stacks of dstack's clients where these do not say it: I alone, or
    /// those who read the current context.
    ///
    /// # Errors
    /// Others would have to be let into a context, or mail is asked for.
    pub async fn dstack_settings(&self, request: &SettingsRequest) -> Result<(), Refusal> {
        let scene = self.scene().await?;
        self.must_be_me(&scene, &request.user).await?;
        let mail = request.notifications.as_ref();
        let off = |value: &Value| matches!(value, Value::Null | Value::Bool(false));
        if mail.is_some_and(|mail| !mail.values().all(off)) {
            return Err(Refusal::unsupported(
                "nobody sends mail from here",
                "`dsp log` and the pages of `dsp open` show what is new",
            ));
        }
        let level = request.general.as_ref().and_then(|of| of.default_access_level.as_deref());
        match level.map(|word| Level::read("default_access_level", word)).transpose()? {
            Some(level) => self.by_default(&scene, level).await,
            None if mail.is_some() => Ok(()),
            None => Err(Refusal::malformed("there is nothing to change")),
        }
    }

    async fn by_default(&self, scene: &Scene, level: Level) -> Result<(), Refusal> {
        let current = scene.current()?;
        let now = Level::of(scene, current);
        match level {
            Level::Private => self.store.set(Slot::DSTACK_PRIVATE, []).await,
            _ if level == now => self.store.unset(Slot::DSTACK_PRIVATE).await,
            _ => {
                let label = scene.label(current);
                return Err(Refusal::unsupported(
                    format!(
                        "new stacks go to the current context {label}, which is {}, and were to be \
                         {}",
                        now.word(),
                        level.word()
                    ),
                    "`dsp context switch` chooses another context, `dsp share` shows one to others",
                ));
            }
        }
        .map_err(Problem::from)?;
        Ok(())
    }

    /// Gives dstack's clients another token; all those that they had are good no more.
    ///
    /// # Errors
    /// Somebody else is named, or the disk is full.
    pub async fn dstack_token(&self, request: &InfoRequest) -> Result<Value, Refusal> {
        let scene = self.scene().await?;
        self.must_be_me(&scene, &request.user).await?;
        let (name, scope) = (format!("{PROFILE}of dstack's settings"), Some(ScopeName::Push));
        // Made before the others go: a full disk leaves those.
        let made =
            self.new_token(NewToken { name, scope, secret: None, expires_seconds: None }).await?;
        self.end_tokens(|other| other.name.starts_with(PROFILE) && other.id != made.info.id)
            .await?;
        Ok(json!({ "token": made.token }))
    }

    /// Tells whether a user is known here.
    ///
    /// # Errors
    /// The daemon stops.
    pub async fn dstack_exists(&self, account: &str) -> Result<Value, Refusal> {
        let scene = self.scene().await?;
        let known = self.accounts(&scene.names).await?.user(&scene, account).is_ok();
        Ok(json!({ "exists": known && (is_user(account) || scene.user(account).is_ok()) }))
    }

    /// Refuses a part of dstack that is not here, with the way that there is instead.
    pub fn dstack_missing(&self, part: &str) -> Refusal {
        match part {
            "jobs" => Refusal::unsupported(
                "this daemon runs no jobs",
                "run the script where its data is, and push what it makes",
            ),
            "apps" | "uploads" => Refusal::unsupported(
                "this daemon runs no applications",
                "what an application was made of is pulled like any attachment",
            ),
            "support" => Refusal::unsupported("nobody reads mail here", "`dsp doctor` may help"),
            _ => Refusal::unsupported(
                "there are no accounts, passwords and e-mails here: this daemon is yours alone",
                "`dsp open` logs a browser in; clients of dstack show a token",
            ),
        }
    }
}
