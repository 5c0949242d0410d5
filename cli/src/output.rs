//! What is printed where: results on stdout, for people or as JSON; all else on stderr.
//!
//! Colours are used on a terminal only, never where `NO_COLOR` is set, and never say anything that
//! the words do not. What peers wrote is cleaned of everything that steers a terminal.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use dsp_protocol::api::Page;
use serde::Serialize;

use crate::error::{Error, Result};

/// A colour, chosen by meaning.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Colour {
    /// Headings.
    Bold,
    /// What matters less.
    Dim,
    /// Errors.
    Red,
    /// What went well, or helps.
    Green,
    /// Warnings.
    Yellow,
}

/// How to talk to whoever runs the command.
#[derive(Clone, Debug)]
pub(crate) struct Ui {
    json: bool,
    quiet: bool,
    yes: bool,
    stdin_terminal: bool,
    stdout_terminal: bool,
    stderr_terminal: bool,
    colour: bool,
    width: Option<usize>,
}

/// What decides how a command talks; from the command line.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Manner {
    /// JSON instead of text.
    pub(crate) json: bool,
    /// No notes and no progress.
    pub(crate) quiet: bool,
    /// Every question is answered yes.
    pub(crate) yes: bool,
}

impl Ui {
    /// Looks at the streams and the environment.
    pub(crate) fn new(manner: Manner) -> Self {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let stdout_terminal = io::stdout().is_terminal();
        let width = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
        Ui {
            json: manner.json,
            quiet: manner.quiet,
            yes: manner.yes,
            stdin_terminal: io::stdin().is_terminal(),
            stdout_terminal,
            stderr_terminal: io::stderr().is_terminal(),
            colour: !set("NO_COLOR") && !dumb,
            width: width.filter(|_| stdout_terminal),
        }
    }

    /// Returns how a command talks to a program: no terminal, no colour.
    #[cfg(test)]
    pub(crate) fn plain() -> Self {
        Ui {
            json: false,
            quiet: false,
            yes: false,
            stdin_terminal: false,
            stdout_terminal: false,
            stderr_terminal: false,
            colour: false,
            width: None,
        }
    }

    /// Tells whether results are printed as JSON.
    pub(crate) fn json(&self) -> bool {
        self.json
    }

    /// Tells whether every question is answered yes.
    pub(crate) fn yes(&self) -> bool {
        self.yes
    }

    /// Tells whether results go to a terminal.
    pub(crate) fn stdout_terminal(&self) -> bool {
        self.stdout_terminal
    }

    /// Tells whether notes go to a terminal.
    pub(crate) fn stderr_terminal(&self) -> bool {
        self.stderr_terminal
    }

    /// Tells whether somebody is there to be asked.
    pub(crate) fn can_ask(&self) -> bool {
        self.stdin_terminal && self.stderr_terminal
    }

    /// Tells whether a question would be answered, by somebody or beforehand.
    pub(crate) fn can_confirm(&self) -> bool {
        self.yes || self.can_ask()
    }

    /// Tells whether progress is shown.
    pub(crate) fn shows_progress(&self) -> bool {
        self.stderr_terminal && !self.quiet && !self.json
    }

    /// Returns the columns of the terminal that results go to; nothing limits other places.
    pub(crate) fn width(&self) -> Option<usize> {
        self.width
    }

    /// Colours a word for stdout.
    pub(crate) fn paint(&self, text: &str, colour: Colour) -> String {
        paint(text, colour, self.colour && self.stdout_terminal)
    }

    /// Colours a word for stderr.
    pub(crate) fn paint_err(&self, text: &str, colour: Colour) -> String {
        paint(text, colour, self.colour && self.stderr_terminal)
    }

    /// Prints a result: the value itself as one JSON document, or text for people.
    ///
    /// # Errors
    /// When stdout cannot be written.
    pub(crate) fn result<T: Serialize>(
        &self,
        value: &T,
        human: impl FnOnce(&Ui) -> String,
    ) -> Result<()> {
        if !self.json {
            return self.out(human(self).as_bytes());
        }
        let mut json = serde_json::to_vec_pretty(value).expect("API types are JSON");
        json.push(b'\n');
        self.out(&json)
    }

    /// Prints a list: as one page in JSON, or text for people.
    ///
    /// # Errors
    /// When stdout cannot be written.
    pub(crate) fn list<T: Serialize>(
        &self,
        items: &[T],
        human: impl FnOnce(&Ui) -> String,
    ) -> Result<()> {
        let items =
            items.iter().map(|item| serde_json::to_value(item).expect("API types are JSON"));
        self.result(&Page { items: items.collect(), next_cursor: None, note: None }, human)
    }

    /// Writes bytes to stdout.
    ///
    /// # Errors
    /// When stdout cannot be written.
    pub(crate) fn out(&self, bytes: &[u8]) -> Result<()> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(|e| Error::stdout(&e))
    }

    /// Makes what stands on stdout last, where that is a file.
    ///
    /// # Errors
    /// When the file cannot be synced.
    #[cfg(unix)]
    pub(crate) fn sync_out(&self) -> Result<()> {
        use std::os::fd::AsFd as _;

        let sync = || {
            let file = std::fs::File::from(io::stdout().as_fd().try_clone_to_owned()?);
            if file.metadata()?.is_file() { file.sync_all() } else { Ok(()) }
        };
        sync().map_err(|e| Error::stdout(&e))
    }

    /// Makes what stands on stdout last, where that is a file; not known here.
    #[cfg(not(unix))]
    pub(crate) fn sync_out(&self) -> Result<()> {
        Ok(())
    }

    /// Writes text to stderr; nothing can be done if that fails.
    pub(crate) fn err(&self, text: &str) {
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }

    /// Says something beside the result, on stderr; not to programs, which find there a problem or
    /// nothing.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet && !self.json {
            self.err(&format!("{}\n", clean_lines(text)));
        }
    }

    /// Explains what is about to be asked: said also when quiet is asked for, if somebody is asked.
    pub(crate) fn explain(&self, text: &str) {
        match self.yes || !self.can_ask() {
            true => self.note(text),
            false => self.err(&format!("{}\n", clean_lines(text))),
        }
    }

    /// Warns, on stderr, even when quiet is asked for; not programs, as [`note`](Self::note).
    pub(crate) fn warn(&self, text: &str) {
        if self.json {
            return;
        }
        let label = self.paint_err("warning:", Colour::Yellow);
        self.err(&format!("{label} {}\n", clean(text)));
    }

    /// Asks whether to go on. `--yes` answers it; without a terminal nobody can, and the command
    /// is refused.
    ///
    /// # Errors
    /// [`Exit::Refused`](crate::error::Exit::Refused) when the answer is not yes.
    pub(crate) fn confirm(&self, question: &str) -> Result<()> {
        if self.yes {
            return Ok(());
        }
        if !self.can_ask() {
            return Err(Error::refused(format!("not confirmed: {question}"))
                .hint("answer yes beforehand with --yes"));
        }
        let answer = self.ask(&format!("{} [y/N] ", clean(question)))?;
        match answer.to_lowercase().as_str() {
            "y" | "yes" => Ok(()),
            _ => Err(Error::refused("not confirmed; nothing was changed")),
        }
    }

    /// Asks for a line on the terminal.
    ///
    /// # Errors
    /// When stdin cannot be read.
    pub(crate) fn ask(&self, prompt: &str) -> Result<String> {
        self.err(prompt);
        let mut line = String::new();
        io::stdin()
            .lock()
            .read_line(&mut line)
            .map_err(|e| Error::failed("cannot read the answer").cause(&e))?;
        Ok(line.trim().to_owned())
    }
}

fn paint(text: &str, colour: Colour, on: bool) -> String {
    let code = match colour {
        Colour::Bold => 1,
        Colour::Dim => 2,
        Colour::Red => 31,
        Colour::Green => 32,
        Colour::Yellow => 33,
    };
    match on {
        true => format!("\x1b[{code}m{text}\x1b[0m"),
        false => text.to_owned(),
    }
}

/// Tells whether a character steers a terminal or the direction of text instead of showing.
fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// Returns the text on one line, with a mark in place of whatever steers a terminal.
pub(crate) fn clean(text: &str) -> String {
    let one = |c| match c {
        '\n' | '\t' => ' ',
        c if steers(c) => char::REPLACEMENT_CHARACTER,
        c => c,
    };
    text.chars().map(one).collect()
}

/// Returns a word as it has to be typed into a shell.
pub(crate) fn quoted(text: &str) -> String {
    dsp_protocol::api::shell_word(&clean(text))
}

/// As [`clean`], but keeps lines.
pub(crate) fn clean_lines(text: &str) -> String {
    text.split('\n').map(clean).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_marked() {
        assert_eq!(
            clean("a\x1b]0;x\x07b\u{202e}c\u{9b}d"),
            "a\u{fffd}]0;x\u{fffd}b\u{fffd}c\u{fffd}d"
        );
        assert_eq!(clean("one\ntwo\tthree"), "one two three");
        assert_eq!(clean_lines("one\ntwo\r"), "one\ntwo\u{fffd}");
        assert_eq!(clean("grün 東京 é"), "grün 東京 é");
    }

    #[test]
    fn words_are_quoted_where_a_shell_would_part_them() {
        assert_eq!(quoted("alice/main:model@head~1#a.csv"), "alice/main:model@head~1#a.csv");
        assert_eq!(quoted("my ctx"), "'my ctx'");
        assert_eq!(quoted("it's; rm"), r"'it'\''s; rm'");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn colours_are_for_terminals() {
        assert_eq!(paint("x", Colour::Red, true), "\x1b[31mx\x1b[0m");
        assert_eq!(Ui::plain().paint("x", Colour::Red), "x");
    }

    #[test]
    fn nobody_there_means_no() {
        let error = Ui::plain().confirm("remove it?").unwrap_err();
        assert_eq!(error.exit(), crate::error::Exit::Refused);
        assert!(Ui { yes: true, ..Ui::plain() }.confirm("remove it?").is_ok());
    }
}
