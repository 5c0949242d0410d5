//! `dsp profile`: writes the profile file that dstack's clients read, each profile with a token
//! of its own.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use dsp_protocol::api::{NewToken, NodeStatus, ScopeName, TokenInfo, TokenMade, token_id};
use serde::Serialize;

use crate::App;
use crate::client::{Client, Url};
use crate::error::{Error, Result};
use crate::human;
use crate::output::{Ui, clean, quoted};
use crate::profiles::{Profile, ProfileFile, nearer};
use crate::secret;
use crate::table::{Column, Table};

/// Let dstack's clients for Python and R push here and pull from here
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// Write a profile with a token of its own
    #[command(after_help = "\
Examples:
  dsp profile add
  dsp profile add reports --scope read
  dsp profile add --print
  dsp profile add --token 0f8fad5b-d9cb-469f-a165-70867728950e --user dstack \\
    --server http://localhost:8080/api
  dsp profile add --token - < token.txt

The file is the one of --file, else of DSTACK_CONFIG, else ~/.dstack/config.yaml.")]
    Add(Add),
    /// List the profiles of the file, and say which work here
    #[command(alias = "ls")]
    #[command(after_help = "\
Examples:
  dsp profile list
  dsp profile list --tokens")]
    List {
        /// Another file
        #[arg(long)]
        file: Option<PathBuf>,
        /// List the tokens of this daemon instead, those in other files too
        #[arg(long)]
        tokens: bool,
    },
    /// Take a profile out of the file, and revoke its token
    #[command(alias = "rm")]
    #[command(after_help = "\
Examples:
  dsp profile remove
  dsp profile remove reports --force")]
    Remove {
        /// Profile to remove
        #[arg(default_value = DEFAULT)]
        profile: String,
        /// Another file
        #[arg(long)]
        file: Option<PathBuf>,
        /// Do not ask
        #[arg(long)]
        force: bool,
    },
    /// Revoke a token whose file is not here
    #[command(after_help = "\
Examples:
  dsp profile revoke 1f0c9a3b")]
    Revoke {
        /// Id of the token, or enough of its first digits
        token: String,
    },
}

/// What a profile is written with.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Add {
    /// Profile to write
    #[arg(default_value = DEFAULT)]
    profile: String,
    /// Token that you have already, `-` reads it; one is made when left out
    #[arg(long)]
    token: Option<String>,
    /// User, as the server calls you; you, when left out
    #[arg(long)]
    user: Option<String>,
    /// Address of the API; this daemon, when left out
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// What the token permits here
    #[arg(long, value_enum, default_value_t = Scope::Push)]
    scope: Scope,
    /// Have the clients not check the server's certificate
    #[arg(long)]
    no_verify: bool,
    /// Another file
    #[arg(long)]
    file: Option<PathBuf>,
    /// Replace a profile without asking, and its token
    #[arg(long)]
    force: bool,
    /// Write no file: print what to type where the profile is needed
    #[arg(long, conflicts_with = "file")]
    print: bool,
}

/// What becomes of the token of a profile that goes.
const REVOKED: &str = "its token is revoked for good: whoever uses it elsewhere is let in no more";

/// What a token permits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Scope {
    /// To pull
    Read,
    /// To push and pull
    Push,
    /// Everything, as sharing and removing
    Admin,
}

impl Scope {
    fn name(self) -> ScopeName {
        match self {
            Scope::Read => ScopeName::Read,
            Scope::Push => ScopeName::Push,
            Scope::Admin => ScopeName::Admin,
        }
    }
}

/// What every daemon's user is called too.
const ANYBODY: &str = "dstack";

/// The profile that clients use where none is named.
const DEFAULT: &str = "default";

/// A profile, without its secret.
#[derive(Debug, Serialize)]
struct Shown {
    /// Its name.
    profile: String,
    /// The user.
    user: Option<String>,
    /// The address of the API.
    server: Option<String>,
    /// The end of its token.
    token: Option<String>,
    /// Whether it works.
    state: State,
    /// The file.
    file: String,
}

/// Whether a profile works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    /// It is of this daemon, which knows its token.
    Good,
    /// The same, but the token permits no pushes.
    Reads,
    /// The same, but its user is another one: a push there is refused.
    OtherUser,
    /// It is of this daemon, which does not know its token.
    TokenUnknown,
    /// It is of this daemon and has no token, so that it reads what is public.
    Anonymous,
    /// It is of another server.
    Elsewhere,
    /// It names no server, and the ones that clients ask then are gone.
    NoServer,
}

impl State {
    fn text(self) -> &'static str {
        match self {
            State::Good => "works here",
            State::Reads => "pulls here, pushes nothing",
            State::OtherUser => "not you: pushes nothing",
            State::TokenUnknown => "token not known here",
            State::Anonymous => "reads what is public",
            State::Elsewhere => "another server",
            State::NoServer => "no server: does not work",
        }
    }
}

/// A profile to be typed elsewhere, with its secret.
#[derive(Debug, Serialize)]
struct Printed {
    profile: String,
    user: String,
    server: String,
    token: String,
}

/// The daemon as a server of dstack.
struct Server {
    client: Client,
    /// The address of the API that clients are told.
    address: String,
    /// What I am called.
    user: String,
    /// The tokens that are good.
    tokens: Vec<TokenInfo>,
    /// The port of its home, where another program has it.
    port_taken: Option<u16>,
}

impl Server {
    async fn of(app: &App) -> Result<Server> {
        let client = app.client().await?;
        let status: NodeStatus = client.get(&Url::new(&["node"])).await?;
        let tokens = client.list(&Url::new(&["tokens"]), None).await?;
        // Whoever names a daemon by an address reaches it by that one.
        let named = std::env::var("DSP_URL").ok().filter(|url| !url.is_empty());
        let base = named.unwrap_or(status.address);
        let address = format!("{}/api", base.trim_end_matches('/'));
        let NodeStatus { dstack_user: user, port_taken, .. } = status;
        Ok(Server { client, address, user, tokens, port_taken })
    }

    /// Tells whether an address is one of this daemon.
    fn is_here(&self, server: &str) -> bool {
        let server = server.trim_end_matches('/');
        server == self.address
            || local_port(server).is_some() && local_port(server) == local_port(&self.address)
    }

    /// Tells whether a user of a profile is me, who am `dstack` too.
    fn is_me(&self, user: Option<&str>) -> bool {
        user.is_some_and(|user| user == self.user || user == ANYBODY)
    }

    fn knows(&self, token: &str) -> Option<&TokenInfo> {
        let id = token_id(token);
        self.tokens.iter().find(|info| info.id == id)
    }

    fn state(&self, profile: &Profile) -> State {
        match (&profile.server, &profile.token) {
            (None, _) => State::NoServer,
            (Some(server), _) if !self.is_here(server) => State::Elsewhere,
            (Some(_), None) => State::Anonymous,
            (Some(_), Some(token)) => match self.knows(token) {
                None => State::TokenUnknown,
                Some(_) if !self.is_me(profile.user.as_deref()) => State::OtherUser,
                Some(info) if info.scope == ScopeName::Read => State::Reads,
                Some(_) => State::Good,
            },
        }
    }

    fn shown(&self, name: &str, profile: &Profile, file: &ProfileFile) -> Shown {
        Shown {
            profile: name.to_owned(),
            user: profile.user.clone(),
            server: profile.server.clone(),
            token: profile.token.as_deref().map(masked),
            state: self.state(profile),
            file: file.path.display().to_string(),
        }
    }

    async fn revoke(&self, token: &str) -> Result<()> {
        let _: Option<TokenInfo> =
            self.client.delete(&Url::new(&["tokens", &token_id(token)])).await?;
        Ok(())
    }
}

/// Returns the port of an address of the API on this machine.
fn local_port(server: &str) -> Option<u16> {
    let rest = server.strip_prefix("http://")?.trim_end_matches('/');
    let authority = rest.strip_suffix("/api").unwrap_or(rest);
    let (host, port) = authority.rsplit_once(':')?;
    ["127.0.0.1", "localhost", "[::1]"].contains(&host).then_some(port.parse().ok()?)
}

/// Returns the end of a token, as dstack showed it; a short one is not shown at all.
fn masked(token: &str) -> String {
    let letters: Vec<char> = token.chars().collect();
    match letters.len() {
        12.. => format!("****{}", letters[letters.len() - 4..].iter().collect::<String>()),
        _ => "****".to_owned(),
    }
}

pub(crate) async fn run(args: &Args, app: &App) -> Result<()> {
    match &args.verb {
        Verb::Add(args) => add(args, app).await,
        Verb::List { tokens: true, .. } => tokens(app).await,
        Verb::List { file, tokens: false } => {
            let file = ProfileFile::load(file.as_deref())?;
            let server = Server::of(app).await?;
            let all: Vec<Shown> = file
                .document
                .profiles()
                .map(|(name, profile)| server.shown(name, profile, &file))
                .collect();
            app.ui.list(&all, |ui| table(&all, ui))?;
            if all.is_empty() {
                let path = file.path.display();
                app.ui.note(&format!("no profiles in {path}; `dsp profile add` writes one"));
            }
            warn_of_nearer(&file, app);
            Ok(())
        }
        Verb::Remove { profile, file, force } => {
            let file = ProfileFile::load(file.as_deref())?;
            remove(profile, &file, *force, app).await
        }
        Verb::Revoke { token } => {
            let client = app.client().await?;
            let ended: Option<TokenInfo> = client.delete(&Url::new(&["tokens", token])).await?;
            app.ui.result(&ended, |_| match &ended {
                Some(ended) => format!("revoked {} of {}\n", ended.id, clean(&ended.name)),
                None => "revoked\n".to_owned(),
            })
        }
    }
}

/// Writes a profile.
pub(crate) async fn add(args: &Add, app: &App) -> Result<()> {
    let brought = args.token.as_deref().map(|token| secret::token(&app.ui, token)).transpose()?;
    let args = &Add { token: brought, ..args.clone() };
    let file = match args.print {
        true => None,
        false => Some(ProfileFile::load(args.file.as_deref())?),
    };
    let server = Server::of(app).await?;
    let address = args.server.as_deref().map(address).transpose()?;
    let here = address.as_deref().is_none_or(|address| server.is_here(address));
    let address = match address {
        // Without its end the clients would ask for pages.
        Some(address) if here && !address.ends_with("/api") => format!("{address}/api"),
        Some(address) => address,
        None => server.address.clone(),
    };
    let user = match &args.user {
        Some(user) => user.clone(),
        None if here => server.user.clone(),
        None => {
            return Err(Error::usage(format!("who are you at {address}?")).hint("add --user NAME"));
        }
    };
    if args.token.is_none() && !here {
        return Err(Error::usage(format!(
            "{address} is not this daemon, which makes no token of it"
        ))
        .hint("add --token TOKEN, or leave --server out"));
    }
    let old = file.as_ref().and_then(|file| file.document.get(&args.profile)).cloned();
    if let (Some(file), Some(old)) = (&file, &old) {
        let same = old.user.as_ref() == Some(&user)
            && old.server.as_ref() == Some(&address)
            && args.token.as_ref().is_none_or(|token| old.token.as_ref() == Some(token))
            && old.unverified == args.no_verify;
        let known = old.token.as_deref().and_then(|token| server.knows(token));
        let good = here && known.is_some_and(|info| info.scope == args.scope.name());
        if same && good && !args.force {
            file.close()?;
            return added(&args.profile, old, "is already", file, &server, app);
        }
        let path = file.path.display();
        if !args.force {
            app.ui.explain(&says(&args.profile, old));
            let stays = old.token.as_deref().is_none_or(|token| {
                args.token.as_deref() == Some(token)
                    || file.document.another_has(&args.profile, token)
            });
            if known.is_some() && !stays {
                app.ui.explain(REVOKED);
            }
            app.ui.confirm(&format!("replace the profile {} in {path}?", args.profile))?;
        }
    }
    let known = args.token.as_deref().filter(|_| here).is_some_and(|t| server.knows(t).is_some());
    let (token, made) = match here {
        true => (token(args, &server, file.as_ref()).await?, !known),
        false => (args.token.clone().unwrap_or_default(), false),
    };
    let profile = Profile {
        server: Some(address),
        token: Some(token.clone()),
        user: Some(user),
        unverified: args.no_verify,
    };
    let Some(file) = file else { return print(&args.profile, profile, app) };
    if let Err(error) = file.change(&args.profile, Some(&profile)) {
        // Nobody holds it. That the file was not written is what has to be told.
        if made && server.revoke(&token).await.is_err() {
            app.ui.warn("the token that was made for it is good; `dsp profile list --tokens`");
        }
        return Err(error);
    }
    if let Some(old) = old.and_then(|old| old.token).filter(|old| *old != token)
        && server.knows(&old).is_some()
        && !file.document.another_has(&args.profile, &old)
    {
        server.revoke(&old).await?;
        app.ui.note("the token that it had is revoked");
    }
    // The daemon knows the new token by now.
    let server = Server::of(app).await?;
    if let Some(port) = server.port_taken.filter(|_| here && args.server.is_none()) {
        app.ui.warn(&format!(
            "another program has port {port}, which is this home's: the daemon goes back to it once \
             it is free, and this profile is good until then"
        ));
    }
    added(&args.profile, &profile, "is", &file, &server, app)
}

/// Gets a token of this daemon, or has it know the one that was brought along.
async fn token(args: &Add, server: &Server, file: Option<&ProfileFile>) -> Result<String> {
    let place = file.map(|file| format!(" in {}", file.path.display())).unwrap_or_default();
    let mut name = format!("profile {}{place}", args.profile);
    while name.len() > 256 {
        name.pop();
    }
    let new = NewToken {
        name,
        scope: Some(args.scope.name()),
        secret: args.token.clone(),
        expires_seconds: None,
    };
    let made: TokenMade =
        server.client.send_json(hyper::Method::POST, &Url::new(&["tokens"]), &new).await?;
    Ok(made.token)
}

/// Returns an address without what could stand at its end, if it is one.
fn address(text: &str) -> Result<String> {
    let rest = ["http://", "https://"].iter().find_map(|scheme| text.strip_prefix(scheme));
    let good = |rest: &&str| !rest.is_empty() && rest.bytes().all(|b| (b'!'..=b'~').contains(&b));
    match rest.filter(good) {
        Some(_) => Ok(text.trim_end_matches('/').to_owned()),
        None => Err(Error::usage(format!("`{}` is no address of a server", clean(text)))
            .hint("write it like http://127.0.0.1:7700/api")),
    }
}

fn added(
    name: &str,
    profile: &Profile,
    how: &str,
    file: &ProfileFile,
    server: &Server,
    app: &App,
) -> Result<()> {
    let shown = server.shown(name, profile, file);
    app.ui.result(&shown, |_| {
        let (user, at) = (shown.user.as_deref(), shown.server.as_deref());
        let (user, at) = (clean(user.unwrap_or_default()), clean(at.unwrap_or_default()));
        let (name, file) = (clean(name), clean(&shown.file));
        format!("the profile {name} {how} in {file}: {user} at {at}\n")
    })?;
    warn_of_nearer(file, app);
    Ok(())
}

/// Says which file clients read before this one.
fn warn_of_nearer(file: &ProfileFile, app: &App) {
    if let Some(nearer) = nearer(&file.path) {
        app.ui.warn(&format!(
            "in this folder dstack's clients read {} before {}; --file names it",
            nearer.display(),
            file.path.display()
        ));
    }
}

/// Prints what to type, for our clients and for dstack's in Python and in R.
fn print(name: &str, profile: Profile, app: &App) -> Result<()> {
    let text = |text: Option<String>| text.unwrap_or_default();
    let (user, server) = (text(profile.user), text(profile.server));
    let printed = Printed { profile: name.to_owned(), user, server, token: text(profile.token) };
    app.ui.result(&printed, |_| {
        let Printed { profile, user, server, token } = &printed;
        format!(
            "export DSP_URL={} DSP_TOKEN={}\n\
             dstack config add {} --token {} --user {} --server {}\n{}\n",
            quoted(server.strip_suffix("/api").unwrap_or(server)),
            quoted(token),
            quoted(profile),
            quoted(token),
            quoted(user),
            quoted(server),
            dsp_protocol::api::r_configure(profile, user, token, server)
        )
    })
}

fn says(name: &str, profile: &Profile) -> String {
    let field = |text: &Option<String>| clean(text.as_deref().unwrap_or("-"));
    let token = profile.token.as_deref().map_or("no token".to_owned(), masked);
    let (user, server) = (field(&profile.user), field(&profile.server));
    format!("the profile {} is {user} at {server}, with {token}", clean(name))
}

async fn remove(name: &str, file: &ProfileFile, force: bool, app: &App) -> Result<()> {
    let path = file.path.display();
    let Some(profile) = file.document.get(name) else {
        return Err(Error::not_found(format!("there is no profile `{}` in {path}", clean(name)))
            .hint("`dsp profile list` lists them"));
    };
    let server = Server::of(app).await?;
    let token = profile.token.as_deref();
    let good = token
        .filter(|token| server.knows(token).is_some() && !file.document.another_has(name, token));
    // Found out before the token is gone.
    file.changed(name, None)?;
    if !force {
        app.ui.explain(&says(name, profile));
        if good.is_some() {
            app.ui.explain(REVOKED);
        }
        app.ui.confirm(&format!("remove the profile {name} from {path}?"))?;
    }
    // Revoked first: a profile with a dead token can be removed once more, a token without a
    // profile would be forgotten.
    if let Some(token) = good {
        server.revoke(token).await?;
    }
    file.change(name, None)?;
    let shown = Shown {
        state: if good.is_some() { State::TokenUnknown } else { server.state(profile) },
        ..server.shown(name, profile, file)
    };
    app.ui.result(&shown, |_| {
        let revoked = if good.is_some() { ", and its token is revoked" } else { "" };
        format!("the profile {} is no more in {}{revoked}\n", clean(name), clean(&shown.file))
    })?;
    if good.is_none() && token.is_some() {
        app.ui.note("its token is of another server, or was revoked before");
    }
    Ok(())
}

async fn tokens(app: &App) -> Result<()> {
    let client = app.client().await?;
    let tokens: Vec<TokenInfo> = client.list(&Url::new(&["tokens"]), None).await?;
    app.ui.list(&tokens, |ui| {
        if tokens.is_empty() {
            return String::new();
        }
        let mut table = Table::new(&[
            Column::text("TOKEN"),
            Column::text("MAY"),
            Column::text("SINCE"),
            Column::long("FOR"),
        ]);
        for token in &tokens {
            let may = match token.scope {
                ScopeName::Read => "read",
                ScopeName::Push => "push",
                ScopeName::Admin => "everything",
            };
            let (since, name) = (human::moment(&token.created), token.name.clone());
            table.row([token.id.clone(), may.to_owned(), since, name]);
        }
        table.render(ui)
    })?;
    if tokens.is_empty() {
        app.ui.note("no tokens; `dsp profile add` makes one");
    }
    Ok(())
}

fn table(all: &[Shown], ui: &Ui) -> String {
    if all.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&[
        Column::text("PROFILE"),
        Column::text("USER"),
        Column::long("SERVER"),
        Column::text("TOKEN"),
        Column::text("STATE"),
    ]);
    for shown in all {
        let field = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        table.row([
            shown.profile.clone(),
            field(&shown.user),
            field(&shown.server),
            field(&shown.token),
            shown.state.text().to_owned(),
        ]);
    }
    table.render(ui)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_not_shown() {
        assert_eq!(masked("11111111-2222-3333-4444-555555551234"), "****1234");
        assert_eq!(masked("secret"), "****");
    }

    #[test]
    fn addresses_of_this_machine_are_one_by_their_port() {
        for server in
            ["http://localhost:8080/api", "http://127.0.0.1:8080", "http://[::1]:8080/api/"]
        {
            assert_eq!(local_port(server), Some(8080), "{server}");
        }
        for server in ["https://localhost:8080/api", "http://evil.example:8080/api", "x"] {
            assert_eq!(local_port(server), None, "{server}");
        }
        assert!(address("ftp://x").is_err() && address("http://a b").is_err());
        assert_eq!(address("http://a/api/").unwrap(), "http://a/api");
    }
}
