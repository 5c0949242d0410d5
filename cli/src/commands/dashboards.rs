//! `dsp dashboards`: makes, lists, shows and removes dashboards.

use clap::Subcommand;
use dsp_protocol::api::{
    BoardChanged, BoardInfo, BoardOp, BoardView, CardInfo, CardKind, CardState, NewBoard, NewCard,
};
use hyper::Method;

use crate::App;
use crate::client::Url;
use crate::error::Result;
use crate::human;
use crate::output::{Ui, clean};
use crate::table::{Column, Table};

/// Digits of an id that name a dashboard.
const DIGITS: usize = 12;

/// Make, list, show and remove dashboards
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// Make a dashboard of stacks
    #[command(after_help = "\
Examples:
  dsp dashboards new \"Week 46\" sales/weekly sales/map alice:costs
  dsp dashboards new Models model/loss@v2 --context research

A card follows the head of its stack, or stays at the frame that is named. Cards are moved, sized
and written on in the browser: `dsp open --dashboard ID`.")]
    New {
        /// Its title
        title: String,
        /// Stacks to show, a card each
        #[arg(value_name = "REF")]
        stacks: Vec<String>,
        /// Context whose readers see it; the current one when left out
        #[arg(long)]
        context: Option<String>,
    },
    /// List dashboards of all contexts
    #[command(after_help = "\
Examples:
  dsp dashboards ls
  dsp dashboards ls alice/main --json")]
    #[command(alias = "list")]
    Ls {
        /// Context whose dashboards to list; all when left out
        context: Option<String>,
        /// List removed ones too
        #[arg(long)]
        removed: bool,
    },
    /// Show the cards of a dashboard
    #[command(after_help = "\
Examples:
  dsp dashboards show 3f9a41c2b7d0
  dsp dashboards show 3f9a41c2b7d0 --json")]
    Show {
        /// Id of the dashboard, or enough of its first digits
        id: String,
    },
    /// Remove a dashboard of mine
    #[command(after_help = "\
Examples:
  dsp dashboards rm 3f9a41c2b7d0
  dsp dashboards rm 3f9a41c2b7d0 --back

The stacks on it stay.")]
    #[command(alias = "remove")]
    Rm {
        /// Id of the dashboard, or enough of its first digits
        id: String,
        /// Bring it back as it was
        #[arg(long)]
        back: bool,
    },
}

pub(crate) async fn run(args: Args, app: &App) -> Result<()> {
    let client = app.client().await?;
    match args.verb {
        Verb::New { title, stacks, context } => {
            let ops = stacks.into_iter().map(|stack| BoardOp::AddCard(card(stack))).collect();
            let new = NewBoard { context, title, ops };
            let made: BoardChanged =
                client.send_json(Method::POST, &Url::new(&["boards"]), &new).await?;
            let info = &made.board.info;
            app.ui.result(&made.board, |_| {
                let cards = human::count(info.cards.into(), "card");
                format!("dashboard {}  {}  {cards}\n", short(info), clean(&info.title))
            })?;
            app.ui.note(&format!("`dsp open --dashboard {}` shows it", short(info)));
            Ok(())
        }
        Verb::Ls { context, removed } => {
            let url = Url::new(&["boards"]).query("context", context.as_deref().unwrap_or("*"));
            let url = if removed { url.query("removed", "true") } else { url };
            let boards: Vec<BoardInfo> = client.list(&url, None).await?;
            app.ui.list(&boards, |ui| listed(&boards, ui))?;
            if boards.is_empty() {
                app.ui.note("no dashboards; `dsp dashboards new TITLE STACK…` makes one");
            }
            Ok(())
        }
        Verb::Show { id } => {
            let board: BoardView = client.get(&Url::new(&["boards", &id])).await?;
            app.ui.result(&board, |ui| shown(&board, ui))
        }
        Verb::Rm { id, back } => {
            let url = Url::new(&["boards", &id]);
            let board: BoardView = client.get(&url).await?;
            let title = clean(&board.info.title);
            if back {
                let url = Url::new(&["boards", &id, "restore"]);
                let info: BoardInfo = client.post(&url).await?;
                return app.ui.result(&info, |_| format!("dashboard {title} is back\n"));
            }
            app.ui.explain("everybody stops seeing the dashboard; the stacks on it stay");
            app.ui.confirm(&format!("Remove the dashboard {title}?"))?;
            let info: Option<BoardInfo> = client.delete(&url).await?;
            app.ui.result(&info, |_| format!("removed dashboard {title}\n"))?;
            app.ui
                .note(&format!("`dsp dashboards rm {} --back` brings it back", short(&board.info)));
            Ok(())
        }
    }
}

/// Returns a card that shows a stack, called as the last part of its name.
fn card(reference: String) -> NewCard {
    let name = reference.rsplit([':', '/']).next().unwrap_or_default();
    let name = name.split(['@', '#']).next().unwrap_or_default();
    let title = Some(name.to_owned()).filter(|name| !name.is_empty());
    NewCard { title, reference: Some(reference), ..NewCard::default() }
}

/// Returns enough of an id to name a dashboard.
fn short(info: &BoardInfo) -> String {
    info.id.to_string()[..DIGITS].to_owned()
}

fn listed(boards: &[BoardInfo], ui: &Ui) -> String {
    if boards.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&[
        Column::text("DASHBOARD"),
        Column::long("TITLE"),
        Column::text("BY"),
        Column::number("CARDS"),
        Column::text("CHANGED"),
    ]);
    for board in boards {
        let title = match board.removed {
            true => format!("{} (removed)", board.title),
            false => board.title.clone(),
        };
        let changed = board.changed.as_ref().unwrap_or(&board.made);
        table.row([
            short(board),
            title,
            board.creator.name.clone(),
            board.cards.to_string(),
            human::moment(changed),
        ]);
    }
    table.render(ui)
}

fn shown(board: &BoardView, ui: &Ui) -> String {
    let info = &board.info;
    let mut out = format!("{}  by {}\n", clean(&info.title), clean(&info.creator.name));
    if !info.description.is_empty() {
        out += &format!("{}\n", clean(&info.description));
    }
    if board.cards.is_empty() {
        return out;
    }
    let mut table = Table::new(&[
        Column::text("CARD"),
        Column::long("TITLE"),
        Column::long("SHOWS"),
        Column::number("WIDTH"),
    ]);
    for card in &board.cards {
        let title = if card.title.is_empty() { &card.text } else { &card.title };
        table.row([kind(card.kind), title.clone(), shows(card), format!("{}/12", card.span)]);
    }
    out + &table.render(ui)
}

fn kind(kind: CardKind) -> String {
    match kind {
        CardKind::Stack => "stack",
        CardKind::Text => "text",
        CardKind::Metric => "metric",
        CardKind::Divider => "line",
    }
    .to_owned()
}

/// Says what a card shows, or why it shows nothing.
fn shows(card: &CardInfo) -> String {
    let Some(stack) = &card.stack else { return String::new() };
    let name = stack.reference.as_ref().unwrap_or(&stack.name);
    let at = card.frame.map(|frame| format!("@{}", frame.short())).unwrap_or_default();
    match stack.state {
        CardState::Here => format!("{name}{at}"),
        CardState::Removed => format!("{name}: removed by its owner"),
        CardState::Moved => format!("{name}: moved to another context"),
        CardState::NotHere => format!("{name}: has not come yet"),
        CardState::NotFollowed => format!("{name}: in a context that is not followed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_is_called_as_the_stack_is() {
        for (reference, title) in [
            ("sales", "sales"),
            ("alice:sales/weekly@v2#a.csv", "weekly"),
            ("alice/main:sales/weekly@head~1", "weekly"),
            ("@v1", ""),
        ] {
            assert_eq!(card(reference.to_owned()).title.unwrap_or_default(), title, "{reference}");
        }
    }
}
