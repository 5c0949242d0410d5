//! `dsp rm`: removes a stack.

use dsp_protocol::api::{Changed, StackInfo};

use crate::App;
use crate::client::Url;
use crate::error::Result;
use crate::human;
use crate::output::clean;

/// Remove a stack of mine
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dsp rm sales/weekly
  dsp rm sales/weekly --yes

Followers see that it was removed and keep the bytes they have. Its frames stay: whoever may read
the context, now or later, can get them by tag or id, and their bytes stay here: `dsp drop --all`
frees those that somebody else holds, with --force all of them. `dsp forget` withdraws a frame from
everybody; what must not be known is never pushed.")]
pub(crate) struct Args {
    /// Stack to remove
    #[arg(value_name = "REF")]
    reference: String,
}

pub(crate) async fn run(args: &Args, app: &App) -> Result<()> {
    let client = app.client().await?;
    let url = Url::new(&["stack"]).query("ref", &args.reference);
    // What cannot be removed is refused before anything is announced or asked.
    let stack: StackInfo = client.get(&url.clone().query("to_change", "true")).await?;
    let name = clean(&stack.reference);
    let head = stack.head.as_ref().map(|head| {
        let files = head.files.map(|n| human::count(n, "file")).unwrap_or_default();
        format!(", head {} ({files}, {})", head.frame.short(), human::size(head.bytes.unwrap_or(0)))
    });
    let tags = match stack.tags.len() as u64 {
        0 => String::new(),
        n => format!(", {}", human::count(n, "tag")),
    };
    app.ui.explain(&format!("removes {name} with its history{}{tags}", head.unwrap_or_default()));
    app.ui.explain("followers see that it was removed and keep the bytes they have");
    app.ui.explain("who may read its context can still get its frames by tag or id");
    app.ui.explain(&format!("its bytes stay here; `dsp drop --all {name}` frees them afterwards"));
    app.ui.confirm(&format!("remove {name}?"))?;
    let removed: Option<Changed> = client.delete(&url).await?;
    app.ui.result(&removed, |_| format!("removed {name}\n"))?;
    removed.iter().flat_map(|removed| &removed.notes).for_each(|note| app.ui.warn(note));
    super::undo::hint(removed.and_then(|removed| removed.undo).as_ref(), &app.ui);
    Ok(())
}
