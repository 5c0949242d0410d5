//! Who may call: the token of `run/client.json`, tokens, and browsers that logged in.
//!
//! A browser logs in with a code that `dsp open` asks for over the socket: 32 random bytes, good
//! once and for a minute. Secrets are kept as hashes and compared in constant time.

use std::sync::{Mutex, PoisonError};

use data_encoding::HEXLOWER;
use dsp_protocol::api::{LoginCode, Problem, ProblemCode};
use subtle::ConstantTimeEq as _;

use super::Ops;
use super::problem::internal;
use super::time::now;
use crate::store::{Scope, Token, TokenHash, TokenKind};

/// How long a code is good, in milliseconds.
const CODE_MS: i64 = 60_000;
/// Most codes that are good at one time.
const CODES: usize = 16;
/// How long a browser stays logged in while it is not used, in seconds: 30 days.
pub const SESSION_SECONDS: i64 = 30 * 24 * 3600;
/// How long a session is used before its end is moved again, in milliseconds: a day.
const EXTEND_MS: i64 = 24 * 3600 * 1000;
/// Wrong codes that are free.
const FREE_FAILURES: u32 = 5;
/// The first wait after those, in milliseconds; it doubles with each further one.
const BACK_OFF_MS: i64 = 1000;
/// The longest wait, in milliseconds.
const BACK_OFF_MOST_MS: i64 = 60_000;

/// Who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// What the caller may do.
    pub scope: Scope,
    /// The session that a browser showed; none of a program.
    pub session: Option<TokenHash>,
}

impl Client {
    /// Returns a program that may do what a scope says.
    pub fn program(scope: Scope) -> Client {
        Client { scope, session: None }
    }
}

/// The token of this run, and the codes that are good now.
#[derive(Debug)]
pub(crate) struct Logins {
    token: blake3::Hash,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    codes: Vec<(blake3::Hash, i64)>,
    failures: u32,
    blocked_until: i64,
}

impl Logins {
    pub(crate) fn new(token: &str) -> Logins {
        Logins { token: hash(token), state: Mutex::default() }
    }

    pub(super) fn is_token(&self, token: &str) -> bool {
        equal(&self.token, &hash(token))
    }

    fn add(&self, code: &str, now: i64) {
        let mut state = self.locked();
        state.codes.retain(|(_, until)| *until > now);
        if state.codes.len() >= CODES {
            state.codes.remove(0);
        }
        state.codes.push((hash(code), now + CODE_MS));
    }

    /// Uses a code up.
    ///
    /// # Errors
    /// It is not good, or too many were wrong just now.
    fn redeem(&self, code: &str, now: i64) -> Result<(), Problem> {
        let mut state = self.locked();
        if state.blocked_until > now {
            let seconds = (state.blocked_until - now) / 1000 + 1;
            return Err(Problem::new(
                ProblemCode::Refused,
                format!("too many wrong codes; wait {seconds} seconds"),
            ));
        }
        state.codes.retain(|(_, until)| *until > now);
        let code = hash(code);
        // All are compared, so that the time tells nothing.
        let found =
            state.codes.iter().enumerate().fold(None, |found, (at, (good, _))| {
                if equal(good, &code) { Some(at) } else { found }
            });
        match found {
            Some(at) => {
                state.codes.remove(at);
                state.failures = 0;
                Ok(())
            }
            None => {
                state.failures = state.failures.saturating_add(1);
                if let Some(over) = state.failures.checked_sub(FREE_FAILURES) {
                    let wait = BACK_OFF_MS.saturating_mul(1 << over.min(16));
                    state.blocked_until = now + wait.min(BACK_OFF_MOST_MS);
                }
                Err(Problem::new(
                    ProblemCode::Unauthorized,
                    "the code is wrong, used, or older than a minute",
                )
                .with_hint("`dsp open` makes a new one"))
            }
        }
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ops {
    /// Tells who holds a token, unless it is unknown or has ended.
    ///
    /// # Errors
    /// The database fails.
    pub async fn client_of_token(&self, token: &str) -> Result<Option<Client>, Problem> {
        if self.logins.is_token(token) {
            return Ok(Some(Client::program(Scope::Admin)));
        }
        let known = self.store.token(token, now()).await?;
        let known = known.filter(|known| known.kind == TokenKind::Token);
        Ok(known.map(|known| Client::program(known.scope)))
    }

    /// Tells who logged in with the secret of a cookie; a session lasts while it is used.
    ///
    /// # Errors
    /// The database fails.
    pub async fn client_of_session(&self, secret: &str) -> Result<Option<Client>, Problem> {
        let now = now();
        let known = self.store.token(secret, now).await?;
        let Some(known) = known.filter(|known| known.kind == TokenKind::Session) else {
            return Ok(None);
        };
        let hash = TokenHash::of(secret);
        let fresh = now + SESSION_SECONDS * 1000;
        if known.expires.is_some_and(|end| end < fresh - EXTEND_MS) {
            // She may read all the same, on a full disk too.
            if let Err(error) = self.store.extend_token(hash, fresh).await {
                tracing::warn!(%error, "a session is not extended");
            }
        }
        Ok(Some(Client { scope: known.scope, session: Some(hash) }))
    }

    /// Makes a code with which a browser logs in once, within a minute.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub fn login_code(&self) -> Result<LoginCode, Problem> {
        let code = random_secret()?;
        self.logins.add(&code, now());
        Ok(LoginCode { url: format!("{}/login#c={code}", self.address) })
    }

    /// Logs a browser in; returns the secret of its cookie.
    ///
    /// # Errors
    /// The code is not good, or too many were wrong just now.
    pub async fn login(&self, code: &str, browser: &str) -> Result<String, Problem> {
        let now = now();
        self.logins.redeem(code, now)?;
        let secret = random_secret()?;
        let token = Token {
            kind: TokenKind::Session,
            name: browser.chars().filter(|c| !c.is_control()).take(100).collect(),
            scope: Scope::Admin,
            created: now,
            expires: Some(now + SESSION_SECONDS * 1000),
        };
        self.store.add_token(&secret, token, now).await?;
        tracing::info!("a browser logged in");
        Ok(secret)
    }
}

/// Returns 32 random bytes as text.
///
/// # Errors
/// The system gives none.
pub(crate) fn random_secret() -> Result<String, Problem> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| internal(&error))?;
    Ok(HEXLOWER.encode(&bytes))
}

fn hash(secret: &str) -> blake3::Hash {
    blake3::Hash::from_bytes(blake3::derive_key("dsp/1/client", secret.as_bytes()))
}

fn equal(a: &blake3::Hash, b: &blake3::Hash) -> bool {
    a.as_bytes().ct_eq(b.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_good_once_and_for_a_minute() {
        let logins = Logins::new("token");
        logins.add("one", 0);
        logins.add("two", 0);
        assert!(logins.redeem("one", 1).is_ok());
        assert!(logins.redeem("one", 2).is_err(), "used");
        assert!(logins.redeem("two", CODE_MS).is_err(), "too late");
    }

    #[test]
    fn guessing_is_slow() {
        let logins = Logins::new("token");
        for _ in 0..FREE_FAILURES {
            let problem = logins.redeem("guess", 0).unwrap_err();
            assert_eq!(problem.code, ProblemCode::Unauthorized);
        }
        logins.add("right", 0);
        assert_eq!(logins.redeem("right", 1).unwrap_err().code, ProblemCode::Refused);
        assert!(logins.redeem("right", BACK_OFF_MS + 1).is_ok());
        assert!(logins.redeem("right", BACK_OFF_MS + 2).is_err());
    }

    #[test]
    fn tokens_are_told_apart() {
        let logins = Logins::new("token");
        assert!(logins.is_token("token"));
        assert!(!logins.is_token("Token"));
        assert!(!logins.is_token(""));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_session_reads_on_a_full_disk() {
        use crate::daemon::{Daemon, Options};
        let home = tempfile::tempdir().unwrap();
        let alice = Daemon::start(Options::local(home.path(), "alice")).await.unwrap();
        let (kind, name, scope) = (TokenKind::Session, "browser".to_owned(), Scope::Admin);
        // So old that its end is to be moved.
        let expires = Some(now() + SESSION_SECONDS * 1000 - 2 * EXTEND_MS);
        let session = Token { kind, name, scope, created: 0, expires };
        alice.store().add_token("secret", session, now()).await.unwrap();
        alice.store().fill_disk();
        let client = alice.ops().client_of_session("secret").await.unwrap();
        let session = Some(TokenHash::of("secret"));
        assert_eq!(client, Some(Client { scope: Scope::Admin, session }));
        alice.stop().await;
    }
}
