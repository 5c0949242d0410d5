//! Browsers that are logged in: listed and logged out.

use dsp_protocol::api::{Page, Problem, SessionInfo};

use super::login::Client;
use super::paging::{latest_first, to_json};
use super::problem::not_found;
use super::time::{now, rfc3339};
use super::{Ops, Paging};
use crate::store::{Token, TokenHash, TokenKind};

/// Most sessions in one page.
const PAGE: u64 = 500;
/// Digits of an id.
const ID: usize = 16;

impl Ops {
    /// Lists the browsers that are logged in, the latest first.
    ///
    /// # Errors
    /// The database fails.
    pub async fn sessions(&self, caller: Client, paging: &Paging) -> Result<Page, Problem> {
        let key = |(hash, session): &(TokenHash, Token)| {
            [&latest_first(session.created)[..], id_of(*hash).as_bytes()].concat()
        };
        let (page, next_cursor) = paging.cut(self.logged_in().await?, PAGE, key)?;
        let items = page.into_iter().map(|(hash, session)| to_json(&info(hash, session, caller)));
        Ok(Page { items: items.collect(), next_cursor, note: None })
    }

    /// Logs a browser out, named by its whole id.
    ///
    /// # Errors
    /// There is no such session, or the database fails.
    pub async fn end_session(&self, caller: Client, id: &str) -> Result<SessionInfo, Problem> {
        let found = self.logged_in().await?.into_iter().find(|(hash, _)| id_of(*hash) == id);
        let Some((hash, session)) = found else {
            return Err(not_found(format!("no browser is logged in as `{id}`")));
        };
        self.store.remove_token(hash).await?;
        tracing::info!("a browser was logged out");
        Ok(info(hash, session, caller))
    }

    async fn logged_in(&self) -> Result<Vec<(TokenHash, Token)>, Problem> {
        let now = now();
        let mut all = self.store.tokens().await?;
        all.retain(|(_, token)| token.kind == TokenKind::Session && !token.has_ended(now));
        Ok(all)
    }
}

fn id_of(hash: TokenHash) -> String {
    let mut id = hash.to_string();
    id.truncate(ID);
    id
}

fn info(hash: TokenHash, session: Token, caller: Client) -> SessionInfo {
    SessionInfo {
        id: id_of(hash),
        browser: session.name,
        created: rfc3339(session.created),
        until: rfc3339(session.expires.unwrap_or(i64::MAX)),
        this: caller.session == Some(hash),
    }
}
