//! Tokens of programs that outlive a run: made for somebody who has all rights, kept as hashes,
//! shown once, and revoked.

use dsp_protocol::api::{NewToken, Page, Problem, ProblemCode, ScopeName, TokenInfo, TokenMade};

use super::login::random_secret;
use super::problem::{bad_request, not_found};
use super::time::{now, rfc3339};
use super::{Ops, Paging};
use crate::store::{Added, Scope, Token, TokenHash, TokenKind};

/// What a secret of ours begins with, so that it is recognised where it was left lying about.
const MARK: &str = "dsp_pat_";
/// Fewest characters of a secret that somebody brings along; a UUID has 36.
const SECRET_LEAST: usize = 32;
/// Most characters of it.
const SECRET_MOST: usize = 256;
/// Longest name in bytes.
const NAME_BYTES: usize = 256;
/// Longest time after which a token ends, in seconds: ten years.
const SECONDS_MOST: u64 = 10 * 366 * 24 * 3600;
/// Most tokens at one time.
const TOKENS: usize = 256;
/// Most tokens in one page.
const PAGE: u64 = 500;
/// Fewest digits that name a token.
const PREFIX: usize = 4;
/// Fewest characters of it that differ: what is typed by one finger has fewer.
const SECRET_LETTERS: usize = 8;
/// Digits of an id.
const ID: usize = 16;

impl Ops {
    /// Makes a token; its secret is returned this once.
    ///
    /// # Errors
    /// The name or the secret breaks a rule, the secret is in use with other rights, or there are
    /// very many tokens.
    pub async fn new_token(&self, new: NewToken) -> Result<TokenMade, Problem> {
        if new.name.is_empty() || new.name.len() > NAME_BYTES {
            return Err(bad_request(format!("the name of a token has 1 to {NAME_BYTES} bytes")));
        }
        if new.name.chars().any(char::is_control) {
            return Err(bad_request("the name of a token has a control character"));
        }
        let now = now();
        let token = Token {
            kind: TokenKind::Token,
            name: new.name,
            scope: scope(new.scope.unwrap_or(ScopeName::Push)),
            created: now,
            expires: new.expires_seconds.map(|seconds| end(now, seconds)).transpose()?,
        };
        let secret = match new.secret {
            Some(secret) => {
                check(&secret)?;
                secret
            }
            None => format!("{MARK}{}", random_secret()?),
        };
        // The secret of the run is in no database.
        let added = match self.logins.is_token(&secret) {
            true => Added::InUse,
            false => self.store.add_program(&secret, token.clone(), now, TOKENS).await?,
        };
        let hash = match added {
            Added::Made(hash) => hash,
            Added::InUse => {
                let detail = "the secret is in use with other rights";
                return Err(Problem::new(ProblemCode::Conflict, detail)
                    .with_hint("leave the secret out, and a new one is drawn"));
            }
            Added::TooMany => {
                let detail = format!("there are {TOKENS} tokens");
                return Err(Problem::new(ProblemCode::Conflict, detail).with_hint(
                    "`dsp profile list --tokens` shows them, `dsp profile revoke` ends one",
                ));
            }
        };
        tracing::info!(name = token.name, "a token was made");
        Ok(TokenMade { token: secret, info: info(hash, token) })
    }

    /// Lists the tokens of programs.
    ///
    /// # Errors
    /// The database fails.
    pub async fn tokens(&self, paging: &Paging) -> Result<Page, Problem> {
        let infos = self.programs().await?.into_iter().map(|(hash, token)| info(hash, token));
        paging.page(infos.collect(), PAGE, |token| token.id.clone().into_bytes())
    }

    /// Revokes a token of a program, named by the first digits of its id.
    ///
    /// # Errors
    /// No token, or several, begin so.
    pub async fn end_token(&self, id: &str) -> Result<TokenInfo, Problem> {
        let digits = id.to_ascii_lowercase();
        if !(PREFIX..=ID).contains(&id.len()) || !id.bytes().all(|b| b.is_ascii_hexdigit()) {
            let detail = format!("`{id}` is no id of a token: it has {PREFIX} to {ID} digits");
            return Err(bad_request(detail).with_hint("`dsp profile list --tokens` lists them"));
        }
        let mut fitting = self.programs().await?;
        fitting.retain(|(hash, _)| hash.to_string().starts_with(&digits));
        if fitting.len() > 1 {
            let detail = format!("`{id}` begins {} tokens", fitting.len());
            let mut problem = Problem::new(ProblemCode::Ambiguous, detail);
            problem.candidates =
                fitting.into_iter().map(|(hash, one)| info(hash, one).id).collect();
            return Err(problem);
        }
        let Some((hash, token)) = fitting.pop() else {
            return Err(not_found(format!("no token begins with `{id}`"))
                .with_hint("`dsp profile list --tokens` lists them"));
        };
        self.store.remove_token(hash).await?;
        tracing::info!(name = token.name, "a token was revoked");
        Ok(info(hash, token))
    }

    /// Revokes the tokens of programs that are meant.
    ///
    /// # Errors
    /// The database fails.
    pub(super) async fn end_tokens(
        &self,
        meant: impl Fn(&TokenInfo) -> bool,
    ) -> Result<(), Problem> {
        for (hash, token) in self.programs().await? {
            let info = info(hash, token);
            if meant(&info) {
                self.store.remove_token(hash).await?;
                tracing::info!(name = info.name, "a token was revoked");
            }
        }
        Ok(())
    }

    async fn programs(&self) -> Result<Vec<(TokenHash, Token)>, Problem> {
        let mut all = self.store.tokens().await?;
        let now = now();
        all.retain(|(_, token)| token.kind == TokenKind::Token && !token.has_ended(now));
        Ok(all)
    }
}

/// Refuses a secret that could be guessed, or does not fit a header.
fn check(secret: &str) -> Result<(), Problem> {
    let visible = secret.bytes().all(|b| (b'!'..=b'~').contains(&b));
    let mut letters: Vec<u8> = secret.bytes().collect();
    letters.sort_unstable();
    letters.dedup();
    let long = (SECRET_LEAST..=SECRET_MOST).contains(&secret.len());
    if !long || !visible || letters.len() < SECRET_LETTERS {
        let detail = format!(
            "a token that you bring along has {SECRET_LEAST} to {SECRET_MOST} visible ASCII \
             characters, as a UUID has, and {SECRET_LETTERS} of them differ"
        );
        return Err(bad_request(detail).with_hint("leave it out, and a new one is drawn"));
    }
    Ok(())
}

/// Returns when a token ends that is good for so many seconds.
fn end(now: i64, seconds: u64) -> Result<i64, Problem> {
    if !(1..=SECONDS_MOST).contains(&seconds) {
        let detail = format!("a token ends after 1 to {SECONDS_MOST} seconds, or never");
        return Err(bad_request(detail));
    }
    Ok(now + seconds as i64 * 1000)
}

fn info(hash: TokenHash, token: Token) -> TokenInfo {
    let mut id = hash.to_string();
    id.truncate(ID);
    TokenInfo {
        id,
        name: token.name,
        scope: word(token.scope),
        created: rfc3339(token.created),
        until: token.expires.map(rfc3339),
    }
}

fn scope(name: ScopeName) -> Scope {
    match name {
        ScopeName::Read => Scope::Read,
        ScopeName::Push => Scope::Push,
        ScopeName::Admin => Scope::Admin,
    }
}

fn word(scope: Scope) -> ScopeName {
    match scope {
        Scope::Read => ScopeName::Read,
        Scope::Push => ScopeName::Push,
        Scope::Admin => ScopeName::Admin,
    }
}
