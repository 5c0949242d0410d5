//! `dsp comments`: says something about a stack or a frame, and lists what was said.

use clap::Subcommand;
use dsp_protocol::api::{CommentInfo, EditComment, NewComment};
use hyper::Method;

use crate::App;
use crate::client::Url;
use crate::error::Result;
use crate::human;
use crate::output::{Colour, Ui, clean, clean_lines};

/// Say something about a stack or a frame, and list what was said
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// Say something about a stack, or a frame of it
    #[command(after_help = "\
Examples:
  dsp comments add sales/weekly \"Week 45 is missing\"
  dsp comments add alice:model/loss@v2 \"Why does it **rise** at the end?\"

It is Markdown, signed by you, and comes to everybody who reads the context of the stack.")]
    Add {
        /// Stack, or a frame where it names one
        #[arg(value_name = "REF")]
        reference: String,
        /// What to say, at most 2,048 bytes
        text: String,
    },
    /// List what was said about a stack, or in a whole context
    #[command(after_help = "\
Examples:
  dsp comments ls sales/weekly
  dsp comments ls alice:model/loss@v2 --json
  dsp comments ls
  dsp comments ls --context '*' --words \"week 45\"

Of a stack the first comment comes first, of a context the last one.")]
    #[command(alias = "list")]
    Ls {
        /// Stack, or a frame where it names one; the current context when left out
        #[arg(value_name = "REF")]
        reference: Option<String>,
        /// Another context, or '*' for all
        #[arg(long, value_name = "CONTEXT", conflicts_with = "reference")]
        context: Option<String>,
        /// Only comments that hold all of these words
        #[arg(long, value_name = "WORDS")]
        words: Option<String>,
    },
    /// Say a comment of mine otherwise
    #[command(after_help = "\
Examples:
  dsp comments edit 5d0c9e41a7b3f2680c9d1e2f3a4b5c6d \"Week 44 is missing\"")]
    Edit {
        /// Id of the comment, as `ls` shows it
        id: String,
        /// What to say instead
        text: String,
    },
    /// Take a comment of mine back
    #[command(after_help = "\
Examples:
  dsp comments rm 5d0c9e41a7b3f2680c9d1e2f3a4b5c6d

Who has read it has read it. What it said is printed, so that it can be said again.")]
    #[command(alias = "remove")]
    Rm {
        /// Id of the comment, as `ls` shows it
        id: String,
    },
}

pub(crate) async fn run(args: Args, app: &App) -> Result<()> {
    let client = app.client().await?;
    match args.verb {
        Verb::Add { reference, text } => {
            let new = NewComment { reference: Some(reference), board: None, card: None, text };
            let said: CommentInfo =
                client.send_json(Method::POST, &Url::new(&["comments"]), &new).await?;
            app.ui.result(&said, |_| format!("comment {}\n", clean(&said.id)))
        }
        Verb::Ls { reference, context, words } => {
            let asked = [("ref", &reference), ("context", &context), ("q", &words)];
            let asked = asked.iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
            let url = asked.fold(Url::new(&["comments"]), |url, (name, v)| url.query(name, v));
            let comments: Vec<CommentInfo> = client.list(&url, None).await?;
            let several = reference.is_none();
            app.ui.list(&comments, |ui| listed(&comments, several, ui))?;
            if comments.is_empty() {
                app.ui.note("nobody said anything; `dsp comments add REF TEXT` does");
            }
            Ok(())
        }
        Verb::Edit { id, text } => {
            let url = Url::new(&["comments", &id]);
            let said: CommentInfo =
                client.send_json(Method::PATCH, &url, &EditComment { text }).await?;
            app.ui.result(&said, |_| format!("comment {}\n", clean(&said.id)))
        }
        Verb::Rm { id } => {
            app.ui.explain("nobody is shown the comment any more; who has read it has read it");
            app.ui.confirm(&format!("Take the comment {} back?", clean(&id)))?;
            let gone: Option<CommentInfo> = client.delete(&Url::new(&["comments", &id])).await?;
            app.ui.result(&gone, |_| {
                let said = gone.as_ref().map_or("", |gone| &gone.text);
                format!("took back comment {}: {}\n", clean(&id), clean_lines(said))
            })
        }
    }
}

/// Renders comments; on several stacks, each with what it is about.
fn listed(comments: &[CommentInfo], several: bool, ui: &Ui) -> String {
    let mut out = String::new();
    for comment in comments {
        let author = ui.paint(&clean(&comment.author.name), Colour::Bold);
        let on = comment.about.as_ref().filter(|_| several).map(|about| clean(&about.name));
        let frame = comment.frame.map(|frame| frame.short());
        let about = match (on, frame) {
            (Some(on), Some(frame)) => Some(format!(" on {on}@{frame}")),
            (on, frame) => on.or(frame).map(|on| format!(" on {on}")),
        };
        let edited = comment.edited.as_ref().map(|_| ", changed since");
        out += &format!(
            "{author}{} {}{}  {}\n    {}\n",
            about.unwrap_or_default(),
            human::moment(&comment.time),
            edited.unwrap_or_default(),
            clean(&comment.id),
            clean_lines(&comment.text).replace('\n', "\n    "),
        );
    }
    out
}
