//! Patterns of stack names.

use std::fmt;
use std::str::FromStr;

use crate::limits::STACK_NAME_BYTES;

/// A pattern of stack names: `?` stands for one character of a segment, `*` for any number of
/// them, and `**` for anything, `/` included. Matched against the whole name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StackGlob(String);

/// Why a text is no pattern of stack names.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GlobError {
    /// It has no characters, or too many.
    #[error("a pattern has 1 to {STACK_NAME_BYTES} bytes, got {0}")]
    Length(usize),
    /// A character of it is in no stack name.
    #[error("`{pattern}`: no stack name has `{}` in it", found.escape_default())]
    Character {
        /// The pattern.
        pattern: String,
        /// The character.
        found: char,
    },
    /// A segment of it is empty, so that it fits no stack.
    #[error("`{0}` fits no stack name: a part between slashes is empty")]
    EmptySegment(String),
}

/// What one or two characters of a pattern stand for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Token {
    Byte(u8),
    One,
    Run,
    Anything,
}

impl FromStr for StackGlob {
    type Err = GlobError;

    fn from_str(text: &str) -> Result<Self, GlobError> {
        if text.is_empty() || text.len() > STACK_NAME_BYTES {
            return Err(GlobError::Length(text.len()));
        }
        let known = |c: char| c.is_ascii_alphanumeric() || "-_./*?".contains(c);
        if let Some(found) = text.chars().find(|c| !known(*c)) {
            return Err(GlobError::Character { pattern: text.to_owned(), found });
        }
        if text.split('/').any(str::is_empty) {
            return Err(GlobError::EmptySegment(text.to_owned()));
        }
        Ok(StackGlob(text.to_owned()))
    }
}

impl fmt::Display for StackGlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StackGlob {
    /// Tells whether a stack's name fits, all of it. Takes time in proportion to the length of the
    /// pattern times that of the name, whatever they are.
    pub fn matches(&self, name: &str) -> bool {
        let tokens = self.tokens();
        // How much of the pattern what was read of the name may have used up.
        let mut used = vec![false; tokens.len() + 1];
        used[0] = true;
        skip_runs(&tokens, &mut used);
        for byte in name.bytes() {
            let mut next = vec![false; tokens.len() + 1];
            for (at, token) in tokens.iter().enumerate().filter(|(at, _)| used[*at]) {
                match token {
                    Token::Byte(own) if *own == byte => next[at + 1] = true,
                    Token::One if byte != b'/' => next[at + 1] = true,
                    Token::Run if byte != b'/' => next[at] = true,
                    Token::Anything => next[at] = true,
                    Token::Byte(_) | Token::One | Token::Run => {}
                }
            }
            skip_runs(&tokens, &mut next);
            used = next;
        }
        used[tokens.len()]
    }

    fn tokens(&self) -> Vec<Token> {
        let mut tokens = Vec::with_capacity(self.0.len());
        for byte in self.0.bytes() {
            match (byte, tokens.last_mut()) {
                (b'*', Some(last @ (Token::Run | Token::Anything))) => *last = Token::Anything,
                (b'*', _) => tokens.push(Token::Run),
                (b'?', _) => tokens.push(Token::One),
                (byte, _) => tokens.push(Token::Byte(byte)),
            }
        }
        tokens
    }
}

/// Lets runs stand for nothing.
fn skip_runs(tokens: &[Token], used: &mut [bool]) {
    for (at, token) in tokens.iter().enumerate() {
        if used[at] && matches!(token, Token::Run | Token::Anything) {
            used[at + 1] = true;
        }
    }
}
