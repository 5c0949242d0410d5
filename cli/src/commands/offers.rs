//! `dsp offers`: contexts that others offer.

use clap::Subcommand;
use dsp_protocol::api::OfferInfo;

use crate::App;
use crate::client::Url;
use crate::error::Result;
use crate::human;
use crate::output::{Ui, clean, quoted};
use crate::table::{Column, Table};

/// List and decline contexts that others offer
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// List contexts that others made you a member of; `dsp follow` takes one
    #[command(after_help = "\
Examples:
  dsp offers ls
  dsp follow alice/plans")]
    #[command(alias = "list")]
    Ls,
    /// Show an offer no more; it can still be taken
    #[command(after_help = "\
Examples:
  dsp offers decline alice/plans")]
    Decline {
        /// Offer, as `dsp offers ls` writes it
        offer: String,
    },
}

pub(crate) async fn run(args: &Args, app: &App) -> Result<()> {
    let client = app.client().await?;
    match &args.verb {
        Verb::Ls => {
            let offers: Vec<OfferInfo> = client.list(&Url::new(&["offers"]), None).await?;
            app.ui.list(&offers, |ui| human(&offers, ui))?;
            match offers.iter().find(|offer| !offer.declined) {
                Some(offer) => app.ui.note(&format!("next: dsp follow {}", quoted(&offer.label))),
                None if offers.is_empty() => app.ui.note("nothing is offered to you"),
                None => {}
            }
            Ok(())
        }
        Verb::Decline { offer } => {
            let declined: Option<OfferInfo> = client.delete(&Url::new(&["offers", offer])).await?;
            app.ui.result(&declined, |_| format!("declined {}\n", clean(offer)))
        }
    }
}

fn human(offers: &[OfferInfo], ui: &Ui) -> String {
    if offers.is_empty() {
        return String::new();
    }
    let mut table =
        Table::new(&[Column::text("OFFER"), Column::text("CONTEXT"), Column::text("SINCE")]);
    let now = human::now();
    for offer in offers {
        let since = human::ago(&offer.since, now);
        let since = if offer.declined { format!("{since}, declined") } else { since };
        table.row([offer.label.clone(), offer.context.short(), since]);
    }
    table.render(ui)
}
