//! What users are called on this machine.

use std::collections::{BTreeMap, HashMap};

use dsp_protocol::api::{Problem, UserName};
use dsp_protocol::id::UserId;
use dsp_protocol::name::{Petname, UserRef, fold_key};

use super::Ops;

/// The petnames of everybody met.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    me: UserId,
    names: BTreeMap<UserId, String>,
    users: HashMap<String, UserId>,
}

impl Names {
    /// Takes what I call myself and what the others are called. What I call myself means me, unless
    /// a peer had that petname before: it goes on to mean her.
    pub(crate) fn new(
        me: UserId,
        own: Option<&Petname>,
        peers: impl IntoIterator<Item = (UserId, Petname)>,
    ) -> Names {
        let names: BTreeMap<UserId, String> =
            peers.into_iter().map(|(user, name)| (user, name.to_string())).collect();
        let own = own.map(|own| (fold_key(own.as_str()), me)).into_iter();
        let users = names.iter().map(|(user, name)| (fold_key(name), *user));
        Names { me, users: own.chain(users).collect(), names }
    }

    /// Returns the user whose machine this is.
    pub(crate) fn me(&self) -> UserId {
        self.me
    }

    /// Returns how a user is written in a reference: `me`, her petname, or her id while she has
    /// none.
    pub(crate) fn of(&self, user: UserId) -> String {
        if user == self.me {
            return "me".to_owned();
        }
        self.names.get(&user).cloned().unwrap_or_else(|| user.to_string())
    }

    /// Returns the user whom a reference means.
    pub(crate) fn find(&self, user: &UserRef) -> Option<UserId> {
        match user {
            UserRef::Me => Some(self.me),
            UserRef::Id(id) => Some(*id),
            UserRef::Petname(name) => self.users.get(&fold_key(name.as_str())).copied(),
        }
    }

    /// Returns a user with her name.
    pub(crate) fn named(&self, user: UserId) -> UserName {
        UserName { user, name: self.of(user) }
    }
}

impl Ops {
    /// Returns what everybody is called, and names those who were met since.
    pub(crate) async fn names(&self) -> Result<Names, Problem> {
        let known: BTreeMap<UserId, Petname> =
            self.store.peers().await?.into_iter().map(|(user, peer)| (user, peer.name)).collect();
        let me = self.me;
        let (mut peers, unnamed, own) = self
            .node
            .query(move |engine| {
                let own: Option<Petname> = engine.log(me).and_then(|log| log.name().parse().ok());
                let others = engine.users().filter(|user| *user != me && !known.contains_key(user));
                let unnamed: Vec<(UserId, String)> = others
                    .filter_map(|user| Some((user, engine.log(user)?.name().to_owned())))
                    .collect();
                (known, unnamed, own)
            })
            .await?;
        for (user, calls_herself) in unnamed {
            let met = self.store.meet(user, &calls_herself, own.as_ref());
            peers.insert(user, met.await?);
        }
        Ok(Names::new(me, own.as_ref(), peers))
    }
}
