//! `dsp ls`: lists stacks.

use dsp_protocol::api::{ContextInfo, StackInfo};

use crate::App;
use crate::client::{Client, Url};
use crate::error::{Error, Result};
use crate::human;
use crate::output::{Ui, quoted};
use crate::table::{Column, Table};

/// List stacks, the latest first
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dsp ls
  dsp ls alice/main
  dsp ls weekly
  dsp ls --glob 'sales/*'
  dsp ls --all --removed")]
pub(crate) struct Args {
    /// Context to list, else a part of the names to list; the current context when left out
    #[arg(value_name = "CONTEXT|PATTERN")]
    what: Option<String>,
    /// List the stacks of all contexts
    #[arg(short, long)]
    all: bool,
    /// List removed stacks too
    #[arg(long)]
    removed: bool,
    /// Read the pattern as a glob over whole names: * and ? stop at /, ** does not
    #[arg(long, requires = "what")]
    glob: bool,
}

pub(crate) async fn run(args: &Args, app: &App) -> Result<()> {
    let client = app.client().await?;
    let (context, pattern) = match &args.what {
        Some(what) if !args.glob && is_context(&client, what).await? => (Some(what.as_str()), None),
        what => (args.all.then_some("*"), what.as_deref()),
    };
    let url = Url::new(&["stacks"])
        .query_opt("context", context)
        .query_opt("q", pattern.filter(|_| !args.glob))
        .query_opt("removed", args.removed.then_some("true"));
    let mut stacks: Vec<StackInfo> = client.list(&url, None).await?;
    if args.glob {
        stacks.retain(|stack| pattern.is_none_or(|pattern| glob(pattern, &stack.name)));
    }
    if let Some(pattern) = pattern.filter(|_| stacks.is_empty()) {
        return Err(nothing(&client, pattern, args.glob).await);
    }
    app.ui.list(&stacks, |ui| human(&stacks, ui))?;
    if stacks.is_empty() {
        app.ui.note(&elsewhere(&client).await?);
    }
    Ok(())
}

/// Says that nothing has this name, and what is like it.
async fn nothing(client: &Client, what: &str, glob: bool) -> Error {
    if glob {
        return Error::not_found(format!("no stack fits `{what}`"))
            .hint("* and ? stop at /, ** does not; `dsp ls --all` lists what is here");
    }
    let error = Error::not_found(format!("no context and no stack name holds `{what}`"));
    if what.contains(['*', '?']) {
        return error.hint(format!("`dsp ls --glob {}` reads it as a pattern", quoted(what)));
    }
    // The daemon knows what is called so or nearly so; that it is not here is known.
    let context = Url::new(&["stacks"]).query("context", what);
    let stack = Url::new(&["stack"]).query("ref", what);
    for url in [context, stack] {
        let meant = client.get::<serde_json::Value>(&url).await.err();
        let hint = meant.as_ref().and_then(Error::hinted);
        if let Some(hint) = hint.filter(|hint| hint.starts_with("did you mean")) {
            return error.hint(hint);
        }
    }
    error.hint("`dsp context ls` lists the contexts, `dsp ls --all` the stacks of all")
}

/// Says where stacks are, when none is in the context that was listed.
async fn elsewhere(client: &Client) -> Result<String> {
    let contexts: Vec<ContextInfo> = client.list(&Url::new(&["contexts"]), None).await?;
    let others: u64 = contexts.iter().map(|context| u64::from(context.stacks)).sum();
    Ok(match others {
        0 => "no stacks here; `dsp push` makes one".to_owned(),
        n => format!(
            "no stacks here, {} in other contexts: `dsp ls --all` lists them",
            crate::human::count(n, "stack")
        ),
    })
}

async fn is_context(client: &Client, what: &str) -> Result<bool> {
    let contexts: Vec<ContextInfo> = client.list(&Url::new(&["contexts"]), None).await?;
    Ok(contexts.iter().any(|c| c.label == what || c.id.to_string() == what))
}

/// Renders stacks as a table, for the verbs that show some.
pub(crate) fn human(stacks: &[StackInfo], ui: &Ui) -> String {
    if stacks.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&[
        Column::text("STACK"),
        Column::text("FRAME"),
        Column::number("FILES"),
        Column::number("SIZE"),
        Column::text("PUSHED"),
        Column::long("MESSAGE"),
    ]);
    let now = human::now();
    for stack in stacks {
        let head = stack.head.as_ref();
        let pushed = match head {
            _ if stack.removed => "removed".to_owned(),
            Some(head) if head.clock_ahead => "clock ahead".to_owned(),
            Some(head) => human::ago(&head.time, now),
            None => "not here".to_owned(),
        };
        let mut message = head.and_then(|head| head.message.clone()).unwrap_or_default();
        if !stack.other_heads.is_empty() {
            let heads = stack.other_heads.len() as u64 + 1;
            message = format!("({}) {message}", human::count(heads, "head"));
        }
        table.row([
            stack.reference.clone(),
            head.map_or("-".into(), |head| head.frame.short()),
            head.and_then(|head| head.files).map_or("-".into(), |n| n.to_string()),
            head.and_then(|head| head.bytes).map_or("-".into(), human::size),
            pushed,
            message,
        ]);
    }
    table.render(ui)
}

/// Tells whether a whole name fits a pattern.
fn glob(pattern: &str, name: &str) -> bool {
    let mut rest = pattern.chars();
    match rest.next() {
        None => name.is_empty(),
        Some('*') => {
            let (deep, rest) = match rest.as_str().strip_prefix('*') {
                Some(rest) => (true, rest),
                None => (false, rest.as_str()),
            };
            let stop = name.find('/').filter(|_| !deep).unwrap_or(name.len());
            (0..=stop).filter(|at| name.is_char_boundary(*at)).any(|at| glob(rest, &name[at..]))
        }
        Some(c) => match name.chars().next() {
            Some(n) if n == c || (c == '?' && n != '/') => {
                glob(rest.as_str(), &name[n.len_utf8()..])
            }
            _ => false,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs() {
        assert!(glob("sales/*", "sales/weekly"));
        assert!(!glob("sales/*", "sales/weekly/eu"));
        assert!(glob("sales/**", "sales/weekly/eu"));
        assert!(glob("*", "model"));
        assert!(glob("mo?el", "model"));
        assert!(!glob("a?b", "a/b"));
        assert!(!glob("model", "model2"));
        assert!(glob("**eu", "sales/weekly/eu"));
    }
}
