//! `dsp trust` and `dsp untrust`: whose id was compared, and whose results and code may be used.

use dsp_protocol::api::{PeerInfo, SetTrust};
use hyper::Method;

use crate::App;
use crate::client::Url;
use crate::error::Result;
use crate::output::clean;

/// Trust a user on this machine, or compare her id
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dsp trust bob
  dsp trust bob --verify
  dsp trust bob --results --code
  dsp trust me

Without an option it shows how she stands and the words of her id. No ticket and no context carries
trust: nobody's results are used and nobody's code runs here before you say so.")]
pub(crate) struct Args {
    /// User: the name she has here, or her id
    user: String,
    /// Compare her id: asks whether the words are those that she sees
    #[arg(long)]
    verify: bool,
    /// Use what she computed instead of computing it anew
    #[arg(long)]
    results: bool,
    /// Let her scripts, pickles and functions run here
    #[arg(long)]
    code: bool,
}

/// Trust a user no more on this machine
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dsp untrust bob
  dsp untrust bob --code")]
pub(crate) struct UntrustArgs {
    /// User: the name she has here, or her id
    user: String,
    /// Take back that her results are used
    #[arg(long)]
    results: bool,
    /// Take back that her code may run
    #[arg(long)]
    code: bool,
    /// Take back that her id was compared
    #[arg(long)]
    verified: bool,
}

pub(crate) async fn run(args: &Args, app: &App) -> Result<()> {
    let client = app.client().await?;
    let mut peer: PeerInfo = client.get(&Url::new(&["peers", &args.user])).await?;
    let name = clean(&peer.name);
    if args.verify {
        app.ui.explain(&format!("the words of {name}: {}", clean(&peer.fingerprint)));
        app.ui.explain(&format!(
            "she sees hers with `dsp trust me`; compare them by voice, or side by side, never over \
             the way by which the id came ({})",
            peer.user
        ));
        app.ui.confirm(&format!("does {name} see the same words?"))?;
    }
    let yes = |wanted: bool| wanted.then_some(true);
    let set =
        SetTrust { verified: yes(args.verify), results: yes(args.results), code: yes(args.code) };
    if set != SetTrust::default() {
        let url = Url::new(&["peers", &args.user, "trust"]);
        peer = client.send_json(Method::PATCH, &url, &set).await?;
        if !peer.verified {
            app.ui.note(&format!(
                "the id of {name} was not compared: `dsp trust {name} --verify` does it"
            ));
        }
    }
    app.ui.result(&peer, |_| human(&peer))
}

pub(crate) async fn untrust(args: &UntrustArgs, app: &App) -> Result<()> {
    let client = app.client().await?;
    let all = !args.results && !args.code && !args.verified;
    let no = |wanted: bool| (wanted || all).then_some(false);
    let set =
        SetTrust { verified: no(args.verified), results: no(args.results), code: no(args.code) };
    let url = Url::new(&["peers", &args.user, "trust"]);
    let peer: PeerInfo = client.send_json(Method::PATCH, &url, &set).await?;
    app.ui.result(&peer, |_| human(&peer))
}

/// Returns what is trusted, in a few words.
pub(crate) fn words(peer: &PeerInfo) -> String {
    let trusted = [
        (peer.verified, "verified"),
        (peer.trust.results, "results"),
        (peer.trust.code, "code"),
        (peer.blocked, "blocked"),
    ];
    let words: Vec<&str> = trusted.iter().filter(|(on, _)| *on).map(|(_, word)| *word).collect();
    match words.is_empty() {
        true => "-".to_owned(),
        false => words.join(", "),
    }
}

/// Renders how a user stands.
pub(crate) fn human(peer: &PeerInfo) -> String {
    let yes = |on: bool| if on { "yes" } else { "no" };
    let mut out = format!("name      {}\n", clean(&peer.name));
    if peer.own_name != peer.name {
        out += &format!("calls herself  {}\n", clean(&peer.own_name));
    }
    out += &format!("id        {}\n", peer.user);
    out += &format!("words     {}\n", clean(&peer.fingerprint));
    out += &format!("verified  {}\n", yes(peer.verified));
    out += &format!("results   {}\n", yes(peer.trust.results));
    out += &format!("code      {}\n", yes(peer.trust.code));
    if peer.blocked {
        out += "blocked   yes\n";
    }
    for other in peer.namesakes.iter().filter(|_| !peer.verified) {
        out += &format!(
            "warning: {} is called so too and has another id; compare them before you trust one\n",
            clean(&other.name)
        );
    }
    out
}
