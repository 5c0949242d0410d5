//! `dsp block` and `dsp unblock`: having nothing more to do with a user.

use dsp_protocol::api::PeerInfo;
use hyper::Method;
use serde_json::json;

use crate::App;
use crate::client::Url;
use crate::error::Result;
use crate::output::clean;

/// Have nothing more to do with a user on this machine
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dsp block mallory
  dsp block mallory --yes

None of her devices is talked to, nothing of hers is taken or given, and her stacks are not shown.
In a context that both share with others she stays what its owners made her: others go on to see
what she pushes, and what she states still arrives here through them, unseen. She is told nothing.")]
pub(crate) struct Args {
    /// User: the name she has here, or her id
    user: String,
}

/// Take a block back
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dsp unblock mallory")]
pub(crate) struct UnblockArgs {
    /// User: the name she has here, or her id
    user: String,
}

pub(crate) async fn run(args: &Args, app: &App) -> Result<()> {
    let client = app.client().await?;
    let user = clean(&args.user);
    // Nothing is announced that then is refused.
    super::peers::another(&client, &args.user).await?;
    app.ui.explain(&format!("no device of {user} is talked to any more, and she is told nothing"));
    app.ui.explain("her stacks are not shown; nothing here is deleted");
    app.ui.explain("in a context shared with others they go on to see her, and she them");
    app.ui.confirm(&format!("block {user}?"))?;
    let url = Url::new(&["peers", &args.user, "block"]);
    let peer: PeerInfo = client.send_json(Method::PUT, &url, &json!({})).await?;
    app.ui.result(&peer, |_| format!("blocked {}\n", clean(&peer.name)))?;
    if !peer.contexts.is_empty() {
        let contexts = clean(&peer.contexts.join(", "));
        app.ui
            .note(&format!("both are in {contexts}; an owner takes her out with `dsp members rm`"));
    }
    Ok(())
}

pub(crate) async fn unblock(args: &UnblockArgs, app: &App) -> Result<()> {
    let client = app.client().await?;
    let url = Url::new(&["peers", &args.user, "block"]);
    let peer: Option<PeerInfo> = client.delete(&url).await?;
    app.ui.result(&peer, |_| format!("unblocked {}\n", clean(&args.user)))
}
