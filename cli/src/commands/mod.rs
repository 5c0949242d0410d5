//! The verbs: a file for each, with its arguments and what it does.

pub(crate) mod archive;
pub(crate) mod block;
pub(crate) mod cat;
pub(crate) mod comments;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod context;
pub(crate) mod daemon;
pub(crate) mod dashboards;
pub(crate) mod diff;
pub(crate) mod doctor;
pub(crate) mod drop;
pub(crate) mod fetch;
pub(crate) mod follow;
pub(crate) mod forget;
pub(crate) mod gc;
pub(crate) mod get;
pub(crate) mod id;
pub(crate) mod log;
pub(crate) mod ls;
pub(crate) mod man;
pub(crate) mod members;
pub(crate) mod mv;
pub(crate) mod offers;
pub(crate) mod open;
pub(crate) mod peers;
pub(crate) mod pin;
pub(crate) mod profile;
pub(crate) mod push;
pub(crate) mod reset;
pub(crate) mod rm;
pub(crate) mod search;
pub(crate) mod service;
pub(crate) mod share;
pub(crate) mod show;
pub(crate) mod status;
pub(crate) mod tag;
pub(crate) mod tickets;
pub(crate) mod transfers;
pub(crate) mod trust;
pub(crate) mod undo;
pub(crate) mod unfollow;
pub(crate) mod unpin;
pub(crate) mod verify;
pub(crate) mod version;
pub(crate) mod welcome;

use clap::Subcommand;

use crate::App;
use crate::error::{Error, Result};

/// What can be done.
#[derive(Subcommand, Debug)]
pub(crate) enum Verb {
    Push(push::Args),
    Ls(ls::Args),
    Log(log::Args),
    Show(show::Args),
    Diff(diff::Args),
    Search(search::Args),
    Cat(cat::Args),
    Get(get::Args),
    Fetch(fetch::Args),
    Pin(pin::Args),
    Unpin(unpin::Args),
    Drop(drop::Args),
    Forget(forget::Args),
    Verify(verify::Args),
    Tag(tag::Args),
    Mv(mv::Args),
    Rm(rm::Args),
    Undo(undo::Args),
    Dashboards(dashboards::Args),
    Comments(comments::Args),
    Context(context::Args),
    Share(share::Args),
    Follow(follow::Args),
    Unfollow(unfollow::Args),
    Tickets(tickets::Args),
    Offers(offers::Args),
    Members(members::Args),
    Transfers(transfers::Args),
    Peers(peers::Args),
    Trust(trust::Args),
    Untrust(trust::UntrustArgs),
    Block(block::Args),
    Unblock(block::UnblockArgs),
    Status(status::Args),
    Gc(gc::Args),
    Archive(archive::Args),
    Doctor(doctor::Args),
    Reset(reset::Args),
    Open(open::Args),
    Id(id::Args),
    Daemon(daemon::Args),
    Config(config::Args),
    Profile(profile::Args),
    Completions(completions::Args),
    Man(man::Args),
}

impl Verb {
    /// Returns why a verb has no result that could be JSON, for those that have none.
    fn no_json(&self) -> Option<(&'static str, &'static str)> {
        match self {
            Verb::Cat(_) => Some((
                "`dsp cat` writes the bytes of a file as they are, and no JSON",
                "`dsp show REF#PATH --json` tells about the file",
            )),
            Verb::Completions(_) => Some((
                "`dsp completions` writes a script for a shell, and no JSON",
                "leave --json out",
            )),
            Verb::Man(_) => {
                Some(("`dsp man` writes manual pages, and no JSON", "leave --json out"))
            }
            _ => None,
        }
    }

    /// Does it.
    pub(crate) async fn run(self, app: &App) -> Result<()> {
        if let Some((why, hint)) = self.no_json().filter(|_| app.ui.json()) {
            return Err(Error::usage(why).hint(hint));
        }
        match self {
            Verb::Push(args) => push::run(args, app).await,
            Verb::Ls(args) => ls::run(&args, app).await,
            Verb::Log(args) => log::run(&args, app).await,
            Verb::Show(args) => show::run(&args, app).await,
            Verb::Diff(args) => diff::run(&args, app).await,
            Verb::Search(args) => search::run(&args, app).await,
            Verb::Cat(args) => cat::run(&args, app).await,
            Verb::Get(args) => get::run(&args, app).await,
            Verb::Fetch(args) => fetch::run(&args, app).await,
            Verb::Pin(args) => pin::run(args, app).await,
            Verb::Unpin(args) => unpin::run(&args, app).await,
            Verb::Drop(args) => drop::run(&args, app).await,
            Verb::Forget(args) => forget::run(&args, app).await,
            Verb::Verify(args) => verify::run(&args, app).await,
            Verb::Tag(args) => tag::run(args, app).await,
            Verb::Mv(args) => mv::run(args, app).await,
            Verb::Rm(args) => rm::run(&args, app).await,
            Verb::Undo(args) => undo::run(&args, app).await,
            Verb::Dashboards(args) => dashboards::run(args, app).await,
            Verb::Comments(args) => comments::run(args, app).await,
            Verb::Context(args) => context::run(args, app).await,
            Verb::Share(args) => share::run(&args, app).await,
            Verb::Follow(args) => follow::run(args, app).await,
            Verb::Unfollow(args) => unfollow::run(&args, app).await,
            Verb::Tickets(args) => tickets::run(&args, app).await,
            Verb::Offers(args) => offers::run(&args, app).await,
            Verb::Members(args) => members::run(&args, app).await,
            Verb::Transfers(args) => transfers::run(args, app).await,
            Verb::Peers(args) => peers::run(args, app).await,
            Verb::Trust(args) => trust::run(&args, app).await,
            Verb::Untrust(args) => trust::untrust(&args, app).await,
            Verb::Block(args) => block::run(&args, app).await,
            Verb::Unblock(args) => block::unblock(&args, app).await,
            Verb::Status(args) => status::run(&args, app).await,
            Verb::Gc(args) => gc::run(&args, app).await,
            Verb::Archive(args) => archive::run(args, app).await,
            Verb::Doctor(args) => doctor::run(&args, app).await,
            Verb::Reset(args) => reset::run(&args, app).await,
            Verb::Open(args) => open::run(&args, app).await,
            Verb::Id(args) => id::run(&args, app).await,
            Verb::Daemon(args) => daemon::run(&args, app).await,
            Verb::Config(args) => config::run(&args, app).await,
            Verb::Profile(args) => profile::run(&args, app).await,
            Verb::Completions(args) => completions::run(&args, &app.ui, command()),
            Verb::Man(args) => man::run(&args, command()),
        }
    }
}

fn command() -> clap::Command {
    <crate::Cli as clap::CommandFactory>::command()
}
