//! `dsp id pair`: makes another machine a device of mine, on both of them.

use std::time::Duration;

use clap::ValueEnum;
use dsp_protocol::api::{
    ConfirmPairing, DeviceInfo, Join, Joined, NewPairing, PairingInfo, PairingMade, PairingStage,
    RoleName,
};
use hyper::Method;

use crate::App;
use crate::client::{Client, Url};
use crate::error::{Error, Result};
use crate::human;
use crate::output::clean;
use crate::progress::Bar;
use crate::{secret, start, value};

/// How often is looked whether the new machine asked.
const LOOK: Duration = Duration::from_millis(250);

/// Make another machine a device of mine
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dsp id pair
  dsp id pair --name desk
  dsp id pair --name ci --context research --role writer --expires 30d
  dsp id pair dsppair1uz...
  dsp id pair - < ticket.txt
  dsp id pair --confirm 482913

Without a ticket, on the device that holds the root: prints one that holds for ten minutes, waits
for the new machine and asks for the code that it shows. Where nobody can be asked, --confirm types
the code. With the ticket, on the new machine: asks, shows the code on standard error (not with
--quiet or --json), and becomes a device once it is typed on the other one. The new machine must
have nothing of its own yet; it never gets the root.")]
pub(super) struct Args {
    /// Ticket from the other machine, or - to read it from standard input
    #[arg(value_name = "TICKET")]
    ticket: Option<String>,
    /// Call the new device so; what it calls itself when left out
    #[arg(long, value_name = "NAME", conflicts_with = "ticket")]
    name: Option<String>,
    /// Limit it to a context; may be given again
    #[arg(long = "context", value_name = "CONTEXT", conflicts_with = "ticket")]
    contexts: Vec<String>,
    /// Limit what it may do
    #[arg(long, value_enum, conflicts_with = "ticket")]
    role: Option<Role>,
    /// Let its grant end: 30m, 12h, 7d, 2w or never
    #[arg(long, value_name = "TIME", value_parser = value::duration, default_value = "never")]
    expires: u64,
    /// Grant the device that asked, by the code that it shows
    #[arg(long, value_name = "CODE", conflicts_with_all = ["ticket", "name", "contexts", "role"])]
    confirm: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Role {
    Reader,
    Writer,
}

pub(super) async fn run(args: &Args, app: &App) -> Result<()> {
    let client = app.client().await?;
    match (&args.ticket, &args.confirm) {
        (Some(ticket), _) => join(ticket, &client, app).await,
        (None, Some(code)) => confirm(code, &client, app).await,
        (None, None) => offer(args, &client, app).await,
    }
}

async fn offer(args: &Args, client: &Client, app: &App) -> Result<()> {
    let url = Url::new(&["identity", "pairing"]);
    let new = NewPairing {
        name: args.name.clone(),
        contexts: (!args.contexts.is_empty()).then(|| args.contexts.clone()),
        role: args.role.map(|role| match role {
            Role::Reader => RoleName::Reader,
            Role::Writer => RoleName::Writer,
        }),
        expires_seconds: (args.expires > 0).then_some(args.expires),
    };
    let made: PairingMade = client.send_json(Method::POST, &url, &new).await?;
    app.ui.result(&made, |_| format!("{}\n", clean(&made.ticket)))?;
    app.ui.note(&format!(
        "on the new machine: `dsp id pair` and this ticket; it is good once, until {}",
        human::moment(&made.until)
    ));
    if app.ui.json() || !app.ui.can_ask() || !app.ui.stdout_terminal() {
        app.ui.note("it shows a code: `dsp id pair --confirm CODE` grants it here");
        return Ok(());
    }
    let mut bar = Bar::new(&app.ui, "waiting for the new machine");
    let asked = loop {
        let info: PairingInfo = client.get(&url).await?;
        match info.stage {
            PairingStage::Asked => break info,
            PairingStage::Waiting => bar.while_waiting(tokio::time::sleep(LOOK)).await,
            PairingStage::None | PairingStage::Asking => {
                return Err(Error::refused("the ticket is past its time")
                    .hint("`dsp id pair` makes another"));
            }
        }
    };
    bar.end();
    let name = asked.name.as_deref().map_or_else(|| "a machine".to_owned(), clean);
    let device = asked.device.map(|device| device.short()).unwrap_or_default();
    app.ui.explain(&format!("{name} ({device}) asks to become a device of yours"));
    let code = app.ui.ask("code that it shows (nothing: no): ")?;
    if code.is_empty() {
        let _: PairingInfo = client.send_json(Method::DELETE, &url, &()).await?;
        return Err(Error::refused("not confirmed; nothing was granted"));
    }
    confirm(&code, client, app).await
}

async fn confirm(code: &str, client: &Client, app: &App) -> Result<()> {
    let url = Url::new(&["identity", "pairing", "confirm"]);
    let confirm = ConfirmPairing { code: code.to_owned() };
    let device: DeviceInfo = client.send_json(Method::POST, &url, &confirm).await?;
    let text = format!("{} is a device of yours now\n", clean(&device.name));
    // Where a ticket was printed before, this is no second document.
    match app.ui.json() {
        true => app.ui.result(&device, |_| String::new()),
        false => app.ui.out(text.as_bytes()),
    }
}

async fn join(ticket: &str, client: &Client, app: &App) -> Result<()> {
    let ticket = secret::argument(ticket, "the ticket")?;
    let mut bar = Bar::new(&app.ui, "asking the other machine");
    let url = Url::new(&["identity", "join"]);
    let joined: Joined = client.steps(&url, &Join { ticket }, &mut bar).await?;
    start::anew(&app.home, joined.user).await?;
    app.ui.result(&joined, |_| {
        let contexts = human::count(joined.contexts.into(), "context");
        format!("this machine is a device of {} now ({contexts})\n", clean(&joined.name))
    })?;
    app.ui.note("next: dsp ls");
    Ok(())
}
