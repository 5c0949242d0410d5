//! Settings: shown with where they come from, and changed while the daemon runs.

use std::path::PathBuf;
use std::sync::{Arc, RwLock};

use dsp_protocol::api::{Page, Problem, ProblemCode};
use serde_json::{Map, Value};

use super::problem::bad_request;
use super::{Ops, Paging};
use crate::config::{Config, ConfigFile, Overrides, Settings};
use crate::log::Logging;

/// Most settings in one page.
const PAGE: u64 = 500;

/// What settings are made of.
#[derive(Clone, Debug)]
pub struct SettingsParts {
    /// The file.
    pub path: PathBuf,
    /// What is set outside the file.
    pub overrides: Overrides,
    /// Both together.
    pub settings: Settings,
    /// The log, whose level can be changed; absent where another program logs.
    pub logging: Option<Logging>,
}

/// The settings in force.
#[derive(Debug)]
pub(crate) struct LiveSettings {
    path: PathBuf,
    overrides: Overrides,
    logging: Option<Logging>,
    now: RwLock<(Settings, Arc<Config>)>,
    /// Held while the file is changed.
    editing: tokio::sync::Mutex<()>,
}

impl LiveSettings {
    pub(crate) fn new(parts: SettingsParts) -> LiveSettings {
        let config = Arc::new(parts.settings.config().clone());
        LiveSettings {
            path: parts.path,
            overrides: parts.overrides,
            logging: parts.logging,
            now: RwLock::new((parts.settings, config)),
            editing: tokio::sync::Mutex::default(),
        }
    }

    /// Returns the settings in force.
    pub(crate) fn config(&self) -> Arc<Config> {
        let now = self.now.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        Arc::clone(&now.1)
    }

    fn settings(&self) -> Settings {
        let now = self.now.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        now.0.clone()
    }

    /// Reads the file again and puts what changed into force.
    fn reload(&self) -> Result<(), Problem> {
        let settings = Settings::load(&ConfigFile::read(&self.path)?, &self.overrides)?;
        let config = Arc::new(settings.config().clone());
        if let Some(logging) = &self.logging
            && let Err(error) = logging.set_filter(&config.log_level)
        {
            tracing::warn!(%error, "the log level stays as it was");
        }
        let mut now = self.now.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        *now = (settings, config);
        Ok(())
    }
}

impl Ops {
    /// Lists the settings.
    ///
    /// # Errors
    /// The page is none.
    pub fn settings(&self, paging: &Paging) -> Result<Page, Problem> {
        // In the order of the page that explains them, which never changes while the daemon runs.
        let settings = self.settings.settings().list();
        let order: Vec<String> = settings.iter().map(|setting| setting.name.clone()).collect();
        paging.page(settings, PAGE, |setting| {
            let place = order.iter().position(|name| *name == setting.name);
            place.unwrap_or_default().to_be_bytes().to_vec()
        })
    }

    /// Changes settings in the file; null takes one out of it. All are checked before the first
    /// one is written.
    ///
    /// # Errors
    /// A name or a value is refused, or the file cannot be written.
    pub async fn change_settings(&self, changes: &Map<String, Value>) -> Result<Page, Problem> {
        let _editing = self.settings.editing.lock().await;
        let mut texts = Vec::new();
        for (name, value) in changes {
            let setting = crate::config::find(name, None)?;
            let text = match value {
                Value::Null => None,
                Value::String(text) => Some(text.clone()),
                Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
                Value::Array(_) | Value::Object(_) => {
                    return Err(bad_request(format!(
                        "`{name}`: a setting is text, a number, true or false"
                    )));
                }
            };
            if let Some(text) = &text {
                setting.check(text)?;
                self.as_in_the_identity(name, text).await?;
            }
            texts.push((name, text));
        }
        for (name, text) in texts {
            match text {
                Some(text) => ConfigFile::set(&self.settings.path, name, &text)?,
                None => ConfigFile::unset(&self.settings.path, name)?,
            }
        }
        self.settings.reload()?;
        self.node.announce(self.settings.config().announce.clone()).await?;
        self.blobs.set_spare(self.settings.config().min_free_bytes);
        self.blobs.set_quota(self.settings.config().quota_bytes);
        self.limit_transfers();
        self.settings(&Paging::default())
    }

    /// Refuses another name than the one that the first start wrote into the identity: it would
    /// never take effect.
    async fn as_in_the_identity(&self, setting: &str, text: &str) -> Result<(), Problem> {
        let me = self.identity().await?;
        let name = match setting {
            "user.name" => Some(me.name),
            "device.name" => {
                let here = me.devices.into_iter().find(|device| device.device == self.device);
                here.map(|device| device.name)
            }
            _ => return Ok(()),
        };
        match name.filter(|name| name != text.trim()) {
            None => Ok(()),
            Some(name) => Err(Problem::new(
                ProblemCode::Conflict,
                format!("`{setting}` is `{name}`: the first start wrote it into your identity"),
            )
            .with_hint("others can call you as they like: `dsp peers rename`")),
        }
    }
}
