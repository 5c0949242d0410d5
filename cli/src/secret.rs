//! Passphrases: typed twice on a terminal that does not show them, or read from a file.

use std::fs::File;
use std::io::{self, BufRead as _, Read as _};
use std::path::Path;

use age::secrecy::{ExposeSecret as _, SecretString};

use crate::error::{Error, Result};
use crate::output::Ui;

/// The longest passphrase, in bytes.
const LONGEST: u64 = 4096;
/// The most that is read from standard input, in bytes.
const STDIN_LONGEST: u64 = 64 << 10;

/// Asks for a new passphrase twice, or reads it from a file, without the line feed at its end.
///
/// # Errors
/// Nobody can be asked, the two differ, or it is empty or too long.
pub(crate) fn new_passphrase(ui: &Ui, file: Option<&Path>) -> Result<SecretString> {
    let passphrase = match file {
        Some(path) => read(path)?,
        None => ask_twice(ui)?,
    };
    match passphrase.expose_secret().len() as u64 {
        0 => Err(Error::refused("the passphrase is empty")
            .hint("a few words that nobody else would choose make a good one")),
        1..=LONGEST => Ok(passphrase),
        bytes => Err(Error::refused(format!("the passphrase has {bytes} bytes"))
            .hint(format!("{LONGEST} bytes are the most; is it the right file?"))),
    }
}

/// Asks for a passphrase once, or reads it from a file, without the line feed at its end.
///
/// # Errors
/// Nobody can be asked, or the file cannot be read.
pub(crate) fn passphrase(ui: &Ui, file: Option<&Path>) -> Result<SecretString> {
    if let Some(path) = file {
        return read(path);
    }
    if !ui.can_ask() {
        return Err(nobody());
    }
    let _hidden = Hidden::begin().map_err(cannot)?;
    ask(ui, "passphrase: ")
}

/// Reads recovery words: from a file, else from standard input, without showing what is typed.
///
/// # Errors
/// Nothing can be read.
pub(crate) fn words(ui: &Ui, file: Option<&Path>) -> Result<SecretString> {
    if let Some(path) = file {
        return read(path);
    }
    if ui.can_ask() {
        let _hidden = Hidden::begin().map_err(cannot)?;
        return ask(ui, "the 24 words: ");
    }
    stdin("the words").map(SecretString::from)
}

/// Returns what was given as an argument, or reads it from standard input where that is `-`;
/// without white space, as chat programs and terminals break long lines.
///
/// # Errors
/// Standard input cannot be read.
pub(crate) fn argument(text: &str, what: &str) -> Result<String> {
    let text = if text == "-" { stdin(what)? } else { text.to_owned() };
    Ok(text.split_whitespace().collect())
}

/// Returns a token that was given as an argument, or reads it where that is `-`, so that it stands
/// in no list of processes: from standard input, without showing what is typed.
///
/// # Errors
/// Nothing can be read, or nothing is there.
pub(crate) fn token(ui: &Ui, text: &str) -> Result<String> {
    let token = match text == "-" && ui.can_ask() {
        true => {
            let _hidden = Hidden::begin().map_err(cannot)?;
            ask(ui, "token: ")?.expose_secret().trim().to_owned()
        }
        false => argument(text, "the token")?,
    };
    match token.is_empty() {
        true => Err(Error::usage("the token is empty")),
        false => Ok(token),
    }
}

fn stdin(what: &str) -> Result<String> {
    let mut text = String::new();
    let read = io::stdin().lock().take(STDIN_LONGEST).read_to_string(&mut text);
    read.map_err(|e| Error::failed(format!("cannot read {what}")).cause(&e))?;
    Ok(text)
}

fn nobody() -> Error {
    Error::refused("nobody can be asked for a passphrase here")
        .hint("name a file that holds it: --passphrase-file FILE")
}

fn cannot(error: io::Error) -> Error {
    Error::failed("cannot ask without showing what is typed")
        .cause(&error)
        .hint("name a file that holds it")
}

fn read(path: &Path) -> Result<SecretString> {
    let file = File::open(path).map_err(|e| Error::path("cannot read", path, &e))?;
    let mut text = String::new();
    // A little more than allowed, so that too much is told from just enough.
    let read = file.take(LONGEST + 2).read_to_string(&mut text);
    read.map_err(|e| Error::path("cannot read", path, &e))?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(line.strip_suffix('\r').unwrap_or(line).into())
}

fn ask_twice(ui: &Ui) -> Result<SecretString> {
    if !ui.can_ask() {
        return Err(nobody());
    }
    let _hidden = Hidden::begin().map_err(cannot)?;
    let first = ask(ui, "passphrase: ")?;
    let second = ask(ui, "once more: ")?;
    match first.expose_secret() == second.expose_secret() {
        true => Ok(first),
        false => {
            Err(Error::refused("the two passphrases differ")
                .hint("nothing was written; run it again"))
        }
    }
}

fn ask(ui: &Ui, prompt: &str) -> Result<SecretString> {
    ui.err(prompt);
    let mut line = String::new();
    let read = io::stdin().lock().take(LONGEST + 2).read_line(&mut line);
    read.map_err(|e| Error::failed("cannot read the answer").cause(&e))?;
    Ok(line.trim_end_matches(['\r', '\n']).into())
}

/// As long as it lives, the terminal does not show what is typed, line feeds apart.
#[cfg(unix)]
struct Hidden {
    before: rustix::termios::Termios,
}

#[cfg(unix)]
impl Hidden {
    fn begin() -> io::Result<Self> {
        use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
        let before = tcgetattr(io::stdin())?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        hidden.local_modes.insert(LocalModes::ECHONL);
        tcsetattr(io::stdin(), OptionalActions::Now, &hidden)?;
        Ok(Hidden { before })
    }
}

#[cfg(unix)]
impl Drop for Hidden {
    fn drop(&mut self) {
        use rustix::termios::{OptionalActions, tcsetattr};
        // A terminal that is gone shows nothing anyway.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.before);
    }
}

/// Elsewhere a passphrase comes from a file.
#[cfg(not(unix))]
struct Hidden;

#[cfg(not(unix))]
impl Hidden {
    fn begin() -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<SecretString> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("passphrase");
        std::fs::write(&path, text).unwrap();
        new_passphrase(&Ui::plain(), Some(&path))
    }

    #[test]
    fn a_file_holds_one_passphrase() {
        for text in ["correct horse", "correct horse\n", "correct horse\r\n"] {
            assert_eq!(of(text).unwrap().expose_secret(), "correct horse");
        }
        assert_eq!(of(" two\nlines \n").unwrap().expose_secret(), " two\nlines ");
        assert!(of("\n").is_err());
        assert!(of(&"x".repeat(4097)).is_err());
        assert!(of(&"x".repeat(4096)).is_ok());
    }

    #[test]
    fn where_nobody_can_be_asked_a_file_is_needed() {
        let error = new_passphrase(&Ui::plain(), None).unwrap_err();
        assert_eq!(error.exit(), crate::error::Exit::Refused);
    }
}
