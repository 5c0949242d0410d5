//! dstack's users and stacks, and whom and what they mean here.

use dsp_protocol::context::StackState;
use dsp_protocol::id::UserId;
use dsp_protocol::name::{StackName, UserRef};
use dsp_protocol::reference::{OwnerRef, Reference, Rev};
use dsp_protocol::statement::{Access, Role};

use super::super::Ops;
use super::super::audience::is_audience;
use super::super::names::Names;
use super::super::resolve::Found;
use super::super::scene::{ContextScene, Scene};
use super::Refusal;

/// The account that is always me.
pub(super) const ME: &str = "dstack";

/// Tells whether a name is one of a user by dstack's rule.
pub(super) fn is_user(name: &str) -> bool {
    let letters = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    (3..=24).contains(&name.len())
        && name.bytes().all(letters)
        && !name.contains("--")
        && !name.starts_with('-')
        && !name.ends_with('-')
}

/// Returns what I am called as a user of dstack, who call myself so: not what a peer had as her
/// petname before, which goes on to mean her.
pub(in super::super) fn account<'a>(names: &Names, name: &'a str) -> &'a str {
    let who: Option<UserRef> = name.parse().ok();
    let user = who.and_then(|who| names.find(&who));
    let is_me = user.is_none_or(|user| user == names.me());
    if is_user(name) && is_me { name } else { ME }
}

/// Reads the name of a stack that is to be pushed to: by dstack's rule, and by ours.
///
/// # Errors
/// Says which rule it breaks.
pub(super) fn new_stack(name: &str) -> Result<StackName, Refusal> {
    let letters = |b: u8| b.is_ascii_alphanumeric() || b"-_/".contains(&b);
    let fits = (3..=255).contains(&name.len())
        && name.bytes().all(letters)
        && !name.contains("--")
        && !name.contains("//")
        && !name.starts_with(['-', '/'])
        && !name.ends_with(['-', '/']);
    if !fits {
        return Err(Refusal::malformed(format!(
            "`{}` is no name of a stack: 3 to 255 letters, digits, `-`, `_` and `/`, without `--` \
             and `//`, with no `-` or `/` at either end",
            shortened(name)
        )));
    }
    name.parse().map_err(|error| Refusal::malformed(format!("{error}")))
}

/// Tells whether a path could be that of a stack's page on a server of dstack: `/user/stack`, as a
/// push is answered with.
pub fn is_page(path: &str) -> bool {
    let parts = path.strip_prefix('/').and_then(|path| path.split_once('/'));
    parts.is_some_and(|(user, name)| user != "api" && is_user(user) && new_stack(name).is_ok())
}

/// Returns the beginning of a text that somebody sent, to be shown.
pub(super) fn shortened(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(100).collect()
}

/// The names of accounts at one moment.
#[derive(Debug)]
pub(super) struct Accounts {
    /// What I am called as a user of dstack.
    pub(super) me: String,
}

impl Accounts {
    /// Finds the user whom an account means.
    ///
    /// # Errors
    /// Nobody is called so.
    pub(super) fn user(&self, scene: &Scene, account: &str) -> Result<UserId, Refusal> {
        if account == ME || account == self.me {
            return Ok(scene.me);
        }
        let who: Option<UserRef> = account.parse().ok();
        who.and_then(|who| scene.names.find(&who)).ok_or_else(|| {
            let detail = format!("nobody is called `{}` here", shortened(account));
            Refusal::not_found("user", detail)
                .with_hint(format!("you are `{}`, others go by what `dsp peers ls` shows", self.me))
        })
    }

    /// Returns the account of a user.
    pub(super) fn of(&self, scene: &Scene, user: UserId) -> String {
        match user == scene.me {
            true => self.me.clone(),
            false => scene.names.of(user),
        }
    }

    /// Finds a stack by account and name. Of mine, the one that I push to.
    ///
    /// # Errors
    /// There is none, or several.
    pub(super) fn stack<'a>(
        &self,
        scene: &'a Scene,
        account: &str,
        name: &str,
    ) -> Result<Found<'a>, Refusal> {
        let user = self.user(scene, account)?;
        let none = || {
            let detail = format!("`{}` has no stack `{}`", shortened(account), shortened(name));
            Refusal::not_found("stack", detail).with_hint("`dsp ls --all` lists what is here")
        };
        let name: StackName = name.parse().map_err(|_| none())?;
        if user == scene.me {
            return mine(scene, &name)?.ok_or_else(none);
        }
        let owner = OwnerRef { user: UserRef::Id(user), context: None };
        let reference =
            Reference { owner: Some(owner), stack: name, rev: Rev::Head, attachment: None };
        match scene.stack(&reference) {
            // What was taken back stays here for `dsp`, and is gone for a client of dstack.
            Ok(found) if found.stack.state == StackState::Live => Ok(found),
            Ok(_) => Err(none()),
            Err(problem) if problem.status == 404 => Err(none()),
            Err(problem) => Err(problem.into()),
        }
    }
}

/// Finds the stack of mine with a name, where I push to it: what an audience sees of it is a copy.
///
/// # Errors
/// Several contexts have one.
pub(super) fn mine<'a>(scene: &'a Scene, name: &StackName) -> Result<Option<Found<'a>>, Refusal> {
    let found: Vec<Found<'_>> = scene
        .contexts
        .values()
        .filter(|context| !is_audience(scene, context))
        .filter_map(|context| Some(Found { context, stack: context.stack(scene.me, name)? }))
        .filter(|found| found.stack.state == StackState::Live)
        .collect();
    let current = found.iter().find(|found| Some(found.context.id) == scene.current);
    match (current, &found[..]) {
        (Some(found), _) | (None, [found]) => Ok(Some(*found)),
        (None, []) => Ok(None),
        (None, several) => {
            let named: Vec<String> = several.iter().map(|found| scene.reference(found)).collect();
            let detail = format!("`{name}` could be {}", named.join(" or "));
            Err(Refusal::malformed(detail)
                .with_hint("`dsp context switch` makes the context of one of them the current one"))
        }
    }
}

/// Who may read a context, in dstack's three levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// I alone, and whom I show a stack to by name.
    Private,
    /// Those who are in the context, or may come in.
    Internal,
    /// Everybody.
    Public,
}

impl Level {
    /// Returns who may read a context.
    pub(super) fn of(scene: &Scene, context: &ContextScene) -> Level {
        if context.access() == Access::Public {
            return Level::Public;
        }
        let others = context.members.iter();
        let alone =
            others.filter(|(_, role)| *role != Role::None).all(|(user, _)| *user == scene.me);
        let closed = context.access() == Access::Private
            && context.tickets.is_empty()
            && context.redemptions.is_empty();
        match alone && closed && context.is_mine(scene.me) {
            true => Level::Private,
            false => Level::Internal,
        }
    }

    /// Returns dstack's word.
    pub(super) fn word(self) -> &'static str {
        match self {
            Level::Private => "private",
            Level::Internal => "internal",
            Level::Public => "public",
        }
    }

    /// Reads dstack's word in a field.
    ///
    /// # Errors
    /// It is none of the three.
    pub(super) fn read(field: &str, word: &str) -> Result<Level, Refusal> {
        let levels = [Level::Private, Level::Internal, Level::Public];
        levels.into_iter().find(|level| level.word() == word).ok_or_else(|| {
            Refusal::malformed(format!(
                "`{field}` is `private`, `internal` or `public`, not `{}`",
                shortened(word)
            ))
        })
    }

    /// Reads what of both a caller named: the word comes before the older `private`.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub(super) fn asked(
        word: Option<&str>,
        private: Option<bool>,
    ) -> Result<Option<Level>, Refusal> {
        match (word, private) {
            (Some(word), _) => Level::read("access_level", word).map(Some),
            (None, Some(true)) => Ok(Some(Level::Private)),
            (None, Some(false)) => Ok(Some(Level::Public)),
            (None, None) => Ok(None),
        }
    }

    /// Returns the older `private`, which knows no third level.
    pub(super) fn private(self) -> Option<bool> {
        match self {
            Level::Private => Some(true),
            Level::Internal => None,
            Level::Public => Some(false),
        }
    }
}

impl Ops {
    /// Returns what I am called as a user of dstack; the name that always means me where the
    /// daemon stops.
    pub async fn dstack_user(&self) -> String {
        let Ok(names) = self.names().await else { return ME.to_owned() };
        self.accounts(&names).await.map_or_else(|_| ME.to_owned(), |accounts| accounts.me)
    }

    /// Returns what I am called as a user of dstack: what I call myself, where it is a name there.
    pub(super) async fn accounts(&self, names: &Names) -> Result<Accounts, Refusal> {
        let me = self.me;
        let name = self.node.query(move |engine| engine.log(me).map(|log| log.name().to_owned()));
        let name = name.await.map_err(dsp_protocol::api::Problem::from)?;
        let name = name.unwrap_or_default();
        Ok(Accounts { me: account(names, &name).to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use dsp_protocol::name::Petname;

    use super::*;

    #[test]
    fn an_account_means_one_user() {
        let (me, peer) = (UserId::from_bytes([1; 32]), UserId::from_bytes([2; 32]));
        let alice: Petname = "alice".parse().expect("a petname");
        let alone = Names::new(me, Some(&alice), []);
        assert_eq!(account(&alone, "alice"), "alice");
        assert_eq!(account(&alone, "al"), ME);
        let after = Names::new(me, Some(&alice), [(peer, alice.clone())]);
        assert_eq!(account(&after, "alice"), ME, "a peer had that petname before");
    }
}
