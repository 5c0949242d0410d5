//! Tokens of programs and sessions of browsers. Only hashes of the secrets are kept.
//!
//! CBOR `{kind: "token" | "session", name: text, scope: "read" | "push" | "admin", created: int,
//! expires: int}`, times in milliseconds since 1970; without `expires` it never ends. A secret is
//! 32 random bytes or more, so a plain keyed hash is enough.

use std::fmt;

use data_encoding::HEXLOWER;
use dsp_protocol::cbor::{self, FieldError, Fields, Map, Value};
use redb::ReadableTable as _;

use super::error::{Fault, ReadError, WriteError};
use super::{Store, tables};

/// Longest name of a token in bytes.
const NAME_BYTES: usize = 256;

/// The hash of a secret, which names the token.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// Returns the hash of a secret.
    pub fn of(secret: &str) -> TokenHash {
        TokenHash(dsp_protocol::api::token_hash(secret))
    }
}

impl fmt::Display for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenHash({}..)", HEXLOWER.encode(&self.0[..4]))
    }
}

/// A token or a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// What the user calls it; of a session, the browser.
    pub name: String,
    /// What it permits.
    pub scope: Scope,
    /// When it was made, in milliseconds since 1970.
    pub created: i64,
    /// When it ends, in milliseconds since 1970; never without.
    pub expires: Option<i64>,
}

impl Token {
    /// Tells whether it is good no more.
    pub fn has_ended(&self, now: i64) -> bool {
        self.expires.is_some_and(|end| end <= now)
    }
}

/// What a secret belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// A program.
    Token,
    /// A browser.
    Session,
}

/// What a token permits; each includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// To read.
    Read,
    /// To push.
    Push,
    /// Everything.
    Admin,
}

/// What became of the token of a program that was to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// It is kept.
    Made(TokenHash),
    /// Its secret is that of a session, or of a token with other rights.
    InUse,
    /// There are too many others.
    TooMany,
}

impl Store {
    /// Keeps the hash of a secret; what has ended at `now` is dropped.
    ///
    /// # Errors
    /// [`WriteError`].
    pub async fn add_token(
        &self,
        secret: &str,
        token: Token,
        now: i64,
    ) -> Result<TokenHash, WriteError> {
        let hash = TokenHash::of(secret);
        self.write(move |tx| {
            let mut table = tx.open_table(tables::TOKEN)?;
            drop_ended(&mut table, now)?;
            table.insert(&hash.0, encode(&token).as_slice())?;
            Ok(hash)
        })
        .await
    }

    /// Does the same for the token of a program, unless its secret is one of something else, or
    /// there are so many of these: both are found out where it is written, so that callers at one
    /// time do not get past them together.
    ///
    /// # Errors
    /// [`WriteError`].
    pub async fn add_program(
        &self,
        secret: &str,
        token: Token,
        now: i64,
        most: usize,
    ) -> Result<Added, WriteError> {
        let hash = TokenHash::of(secret);
        self.write(move |tx| {
            let mut table = tx.open_table(tables::TOKEN)?;
            drop_ended(&mut table, now)?;
            let mut others = 0;
            for item in table.iter()? {
                let (key, value) = item?;
                let known = decode(key.value(), value.value())?;
                if *key.value() != hash.0 {
                    others += usize::from(known.kind == TokenKind::Token);
                } else if known.kind != token.kind || known.scope != token.scope {
                    return Ok(Added::InUse);
                }
            }
            if others >= most {
                return Ok(Added::TooMany);
            }
            table.insert(&hash.0, encode(&token).as_slice())?;
            Ok(Added::Made(hash))
        })
        .await
    }

    /// Returns what a secret permits, unless it is unknown or has ended at `now`.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn token(&self, secret: &str, now: i64) -> Result<Option<Token>, ReadError> {
        let hash = TokenHash::of(secret);
        self.read(move |tx| {
            let value = tx.open_table(tables::TOKEN)?.get(&hash.0)?;
            let token = value.map(|value| decode(&hash.0, value.value())).transpose()?;
            Ok(token.filter(|token| !token.has_ended(now)))
        })
        .await
    }

    /// Moves the end of a token, for sessions that last while they are used. An unknown one is
    /// left alone.
    ///
    /// # Errors
    /// [`WriteError`].
    pub async fn extend_token(&self, hash: TokenHash, expires: i64) -> Result<(), WriteError> {
        self.write(move |tx| {
            let mut table = tx.open_table(tables::TOKEN)?;
            let token = match table.get(&hash.0)? {
                Some(value) => decode(&hash.0, value.value())?,
                None => return Ok(()),
            };
            let token = Token { expires: Some(expires), ..token };
            table.insert(&hash.0, encode(&token).as_slice())?;
            Ok(())
        })
        .await
    }

    /// Returns every token and session, ended ones too until they are dropped.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn tokens(&self) -> Result<Vec<(TokenHash, Token)>, ReadError> {
        self.read(|tx| {
            let mut tokens = Vec::new();
            for item in tx.open_table(tables::TOKEN)?.iter()? {
                let (key, value) = item?;
                tokens.push((TokenHash(*key.value()), decode(key.value(), value.value())?));
            }
            Ok(tokens)
        })
        .await
    }

    /// Revokes a token or session; tells whether there was one.
    ///
    /// # Errors
    /// [`WriteError`].
    pub async fn remove_token(&self, hash: TokenHash) -> Result<bool, WriteError> {
        self.write(move |tx| Ok(tx.open_table(tables::TOKEN)?.remove(&hash.0)?.is_some())).await
    }
}

/// Removes the tokens and sessions that have ended.
fn drop_ended(table: &mut redb::Table<'_, &[u8; 32], &[u8]>, now: i64) -> Result<(), Fault> {
    let mut ended = Vec::new();
    for item in table.iter()? {
        let (key, value) = item?;
        if decode(key.value(), value.value())?.has_ended(now) {
            ended.push(*key.value());
        }
    }
    for key in &ended {
        table.remove(key)?;
    }
    Ok(())
}

fn encode(token: &Token) -> Vec<u8> {
    let mut map = Map::new()
        .with("kind", kind_word(token.kind))
        .with("name", token.name.as_str())
        .with("scope", scope_word(token.scope))
        .with("created", token.created);
    map.insert_some("expires", token.expires);
    cbor::encode(&Value::Map(map))
}

fn decode(key: &[u8; 32], bytes: &[u8]) -> Result<Token, Fault> {
    let damaged = |reason: String| Fault::damaged("token", key, reason);
    let map = cbor::decode_map(bytes, 4096).map_err(|error| damaged(error.to_string()))?;
    let mut fields = Fields::new(map);
    let mut read = || -> Result<Token, FieldError> {
        Ok(Token {
            kind: fields.required("kind", |value| {
                let kinds = [TokenKind::Token, TokenKind::Session];
                one_of(value, kinds, kind_word)
            })?,
            name: fields.required("name", |value| value.into_text(NAME_BYTES))?,
            scope: fields.required("scope", |value| {
                one_of(value, [Scope::Read, Scope::Push, Scope::Admin], scope_word)
            })?,
            created: fields.required("created", Value::into_i64)?,
            expires: fields.optional("expires", Value::into_i64)?,
        })
    };
    read().map_err(|error| damaged(error.to_string()))
}

fn one_of<T: Copy, const N: usize>(
    value: Value,
    all: [T; N],
    word: fn(T) -> &'static str,
) -> Result<T, String> {
    let text = value.into_text(NAME_BYTES)?;
    let found = all.into_iter().find(|item| word(*item) == text);
    found.ok_or_else(|| format!("`{text}` is not known"))
}

fn kind_word(kind: TokenKind) -> &'static str {
    match kind {
        TokenKind::Token => "token",
        TokenKind::Session => "session",
    }
}

fn scope_word(scope: Scope) -> &'static str {
    match scope {
        Scope::Read => "read",
        Scope::Push => "push",
        Scope::Admin => "admin",
    }
}
