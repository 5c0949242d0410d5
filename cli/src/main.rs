//! dsp, the command line of dsp: reads what is asked for, asks the daemon, and prints the answer.
//!
//! Everything is done by the daemon, which is started when it does not run. A file per verb is in
//! [`commands`]; [`client`] is the sole caller of the daemon.

mod choose;
mod client;
mod commands;
mod content;
mod error;
mod home;
mod human;
mod output;
mod pattern;
mod profiles;
mod progress;
mod reference;
mod secret;
mod service;
mod start;
mod table;
mod target;
mod value;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use clap::error::{ContextKind, ContextValue};

use crate::client::Client;
use crate::commands::Verb;
use crate::error::{Error, Exit, Result};
use crate::home::Home;
use crate::output::{Manner, Ui};
use crate::start::Running;

/// Share data-science artifacts with others, without a server
#[derive(Parser, Debug)]
#[command(
    name = "dsp",
    disable_version_flag = true,
    max_term_width = 100,
    after_help = "Run `dsp` alone for the first steps, `dsp VERB --help` for more about a verb"
)]
struct Cli {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// Print the versions of dsp and of the daemon
    #[arg(short = 'V', long)]
    version: bool,
    #[command(flatten)]
    global: Global,
}

/// What every verb takes.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Global options")]
struct Global {
    /// Print results as one JSON document, errors as a problem
    #[arg(long, global = true)]
    json: bool,
    /// Use another home than $DSP_HOME or ~/.dsp
    // The variable is read where the home is found: known to clap, it would stand in each usage
    // line as if it had been typed.
    #[arg(long, global = true, value_name = "DIR")]
    home: Option<PathBuf>,
    /// Answer every question with yes
    #[arg(short, long, global = true)]
    yes: bool,
    /// Print results only: no notes, no progress
    #[arg(short, long, global = true)]
    quiet: bool,
}

/// What a verb works with.
#[derive(Debug)]
struct App {
    ui: Ui,
    home: Home,
}

impl App {
    /// Returns a caller of the daemon, which is started if need be.
    async fn client(&self) -> Result<Client> {
        start::connect(&self.home, &self.ui).await
    }

    /// Returns the daemon if it runs.
    async fn running(&self) -> Result<Option<Running>> {
        start::find(&self.home).await
    }
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return wrong_usage(&error),
    };
    let manner = Manner { json: cli.global.json, quiet: cli.global.quiet, yes: cli.global.yes };
    let ui = Ui::new(manner);
    match run(cli, ui.clone()) {
        Ok(()) => Exit::Done.into(),
        Err(error) => {
            error.print(&ui);
            error.exit().into()
        }
    }
}

fn run(cli: Cli, ui: Ui) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| Error::failed("cannot start").cause(&e))?;
    let app = App { home: Home::find(cli.global.home.as_deref())?, ui };
    let done = runtime.block_on(async {
        match cli.verb {
            _ if cli.version => commands::version::run(&app).await,
            Some(verb) => verb.run(&app).await,
            None => commands::welcome::run(&app).await,
        }
    });
    // A read of standard input that nobody waits for any more must not hold up the end.
    runtime.shutdown_background();
    done
}

/// Prints help, or what is wrong with the command line.
fn wrong_usage(error: &clap::Error) -> ExitCode {
    let json = std::env::args_os().any(|arg| arg == "--json");
    if error.use_stderr() && json {
        let ui = Ui::new(Manner { json, ..Manner::default() });
        let text = error.to_string();
        let text = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
        Error::usage(text).hint("see `dsp --help`").print(&ui);
    } else {
        // Nothing can be done where even this cannot be printed.
        let _ = error.print();
        if let Some(now) = old_verb(error) {
            eprintln!("\nhint: {now}");
        }
    }
    match error.use_stderr() {
        true => Exit::Usage.into(),
        false => Exit::Done.into(),
    }
}

/// Says what a verb of dstack is called here.
fn old_verb(error: &clap::Error) -> Option<&'static str> {
    match error.get(ContextKind::InvalidSubcommand)? {
        ContextValue::String(verb) if verb == "server" => {
            Some("every command starts the daemon; `dsp daemon start` does nothing else")
        }
        ContextValue::String(verb) if verb == "remove" => {
            Some("profiles of dstack's clients are removed by `dsp profile remove`")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_begins_with_a_capital_and_has_no_full_stop() {
        fn visit(command: &clap::Command) {
            let name = command.get_name();
            if name == "help" {
                return;
            }
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            assert!(about.starts_with(|c: char| c.is_uppercase()), "{name}: {about}");
            assert!(!about.ends_with('.'), "{name}: {about}");
            for arg in command.get_arguments() {
                let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
                assert!(
                    !help.is_empty() && !help.ends_with('.'),
                    "{name} {}: {help}",
                    arg.get_id()
                );
            }
            let examples = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            if !command.has_subcommands() && !command.is_hide_set() {
                assert!(examples.starts_with("Examples:\n  dsp "), "{name} has no examples");
            }
            command.get_subcommands().for_each(visit);
        }
        visit(&Cli::command());
    }
}
