//! `dsp open`: opens the web UI, logged in.

use std::process::{Command, Stdio};

use dsp_protocol::api::{BoardView, ContextInfo, LoginCode, StackInfo};
use dsp_protocol::reference::{Reference, Rev};
use serde::Serialize;

use crate::App;
use crate::client::{Client, Url, encode};
use crate::error::{Error, Result};
use crate::reference::base;

/// Open the web UI in the browser
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dsp open
  dsp open alice:sales/weekly
  dsp open --dashboard 3f9a41c2b7d0
  dsp open --print

The address carries a code that logs in once, within a minute.")]
pub(crate) struct Args {
    /// Stack to show; the start page when left out
    #[arg(value_name = "REF")]
    reference: Option<Reference>,
    /// Show a dashboard, named by its id or enough of its first digits
    #[arg(long, value_name = "ID", conflicts_with = "reference")]
    dashboard: Option<String>,
    /// Print the address instead of opening it
    #[arg(long)]
    print: bool,
}

#[derive(Serialize)]
struct Opened {
    /// The address, with a code that logs in once.
    url: String,
}

pub(crate) async fn run(args: &Args, app: &App) -> Result<()> {
    let client = app.client().await?;
    // The page is found before a code is drawn, which lives a minute.
    let page = match (&args.reference, &args.dashboard) {
        (Some(reference), _) => Some(page(&client, reference).await?),
        (None, Some(id)) => {
            let board: BoardView = client.get(&Url::new(&["boards", id])).await?;
            Some(format!("/d/{}", board.info.id))
        }
        (None, None) => None,
    };
    let LoginCode { mut url } = client.post(&Url::new(&["login-codes"])).await?;
    if let Some(page) = page {
        url.push(if url.contains('#') { '&' } else { '#' });
        url += &format!("to={}", encode(&page));
    }
    let opened = Opened { url };
    if args.print || app.ui.json() {
        return app.ui.result(&opened, |_| format!("{}\n", opened.url));
    }
    match browse(&opened.url) {
        Ok(()) => {
            app.ui.note("opened in the browser");
            Ok(())
        }
        Err(error) => {
            // The user can still copy it.
            app.ui.out(format!("{}\n", opened.url).as_bytes())?;
            Err(error)
        }
    }
}

/// Returns the page of a stack in the web UI: `/s/<user id>/<context name>/<stack>[@rev]`.
async fn page(client: &Client, reference: &Reference) -> Result<String> {
    let stack: StackInfo = client.get(&Url::new(&["stack"]).query("ref", &base(reference))).await?;
    let context = Url::new(&["contexts", &stack.context.to_string()]);
    let context: ContextInfo = client.get(&context).await?;
    let rev = match &reference.rev {
        Rev::Head => String::new(),
        rev => format!("@{}", encode(&rev.to_string())),
    };
    let (context, name) = (encode(&context.name), encode(&stack.name));
    Ok(format!("/s/{}/{context}/{name}{rev}", stack.user))
}

fn browse(url: &str) -> Result<()> {
    let chosen = std::env::var_os("BROWSER").filter(|browser| !browser.is_empty());
    let mut command = match chosen {
        Some(browser) => Command::new(browser),
        None if cfg!(target_os = "macos") => Command::new("open"),
        None if cfg!(windows) => {
            let mut command = Command::new("rundll32");
            command.arg("url.dll,FileProtocolHandler");
            command
        }
        None => Command::new("xdg-open"),
    };
    command.arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let hint = "open the address above, or set BROWSER";
    let spawned = command.spawn();
    let mut child =
        spawned.map_err(|e| Error::failed("no browser could be started").cause(&e).hint(hint))?;
    // `xdg-open` ends at once, and says whether it found a browser; a browser itself stays.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(2);
    while std::time::Instant::now() < deadline {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => {
                return Err(Error::failed(format!("the browser failed: {status}")).hint(hint));
            }
            _ => std::thread::sleep(std::time::Duration::from_millis(20)),
        }
    }
    Ok(())
}
