//! What other users may on this machine: whose id was compared, whose results and code may be
//! used, and who is blocked. All of it is local, and carried by no ticket and no context.

use std::sync::Arc;

use dsp_protocol::api::{PeerInfo, Problem, SetTrust, Trust};
use dsp_protocol::id::UserId;
use dsp_protocol::name::fold_key;
use dsp_protocol::sync::Command;

use super::Ops;
use super::problem::{bad_request, not_found};
use super::scene::Scene;

/// Bytes behind the words of a fingerprint: twelve words, far beyond what can be searched for.
const FINGERPRINT_BYTES: usize = 16;

impl Ops {
    /// Shows a user that this node knows, or me.
    ///
    /// # Errors
    /// Nobody is meant.
    pub async fn peer(&self, user: &str) -> Result<PeerInfo, Problem> {
        let scene = self.scene().await?;
        let user = scene.user(user)?;
        self.known(user).await?;
        self.peer_info(&scene, user).await
    }

    /// Changes whether a user's id was compared, and what of hers may be used here.
    ///
    /// # Errors
    /// Nobody is meant, or it is me: one trusts oneself.
    pub async fn set_trust(&self, user: &str, set: SetTrust) -> Result<PeerInfo, Problem> {
        let scene = self.scene().await?;
        let user = scene.user(user)?;
        if user == self.me {
            return Err(bad_request("what is your own is trusted, and stays so"));
        }
        self.known(user).await?;
        if !self.store.set_trust(user, set).await? {
            return Err(unknown(user));
        }
        self.peer_info(&scene, user).await
    }

    /// Blocks a user, or takes that back.
    ///
    /// # Errors
    /// Nobody is meant, or it is me.
    pub async fn block(self: &Arc<Self>, user: &str, blocked: bool) -> Result<PeerInfo, Problem> {
        let user = self.scene().await?.user(user)?;
        self.node.run(Command::Block { user, blocked }).await?;
        self.peer_info(&self.scene().await?, user).await
    }

    /// Returns what of a user may be used here, and whether her id was compared.
    pub(crate) async fn trust_of(&self, user: UserId) -> Result<(bool, Trust), Problem> {
        if user == self.me {
            return Ok((true, Trust { results: true, code: true }));
        }
        let peer = self.store.peer(user).await?;
        Ok(peer.map_or((false, Trust::default()), |peer| (peer.verified, peer.trust)))
    }

    pub(super) async fn known(&self, user: UserId) -> Result<(), Problem> {
        let known = self.node.query(move |engine| engine.log(user).is_some()).await?;
        if known { Ok(()) } else { Err(unknown(user)) }
    }

    /// Returns others who call themselves as a user does, or are called so here. A known name that
    /// comes with another id may be somebody who wants to pass for her.
    pub(crate) async fn namesakes(
        &self,
        scene: &Scene,
        user: UserId,
        own_name: &str,
    ) -> Result<Vec<UserId>, Problem> {
        let name = fold_key(own_name);
        let others = self.node.query(move |engine| {
            let others = engine.users().filter(|other| *other != user);
            let others = others.filter_map(|other| Some((other, engine.log(other)?.name().into())));
            others.collect::<Vec<(UserId, String)>>()
        });
        let same = others.await?.into_iter().filter(|(other, calls_herself)| {
            fold_key(calls_herself) == name || fold_key(&scene.names.of(*other)) == name
        });
        Ok(same.map(|(other, _)| other).collect())
    }
}

/// Returns the words that stand for a user's id.
pub(crate) fn fingerprint(user: UserId) -> String {
    let hash = blake3::derive_key("dsp/1/fingerprint", user.as_bytes());
    let words = bip39::Mnemonic::from_entropy(&hash[..FINGERPRINT_BYTES]);
    words.expect("16 bytes give twelve words").to_string()
}

fn unknown(user: UserId) -> Problem {
    not_found(format!("user {user} is not known here"))
        .with_hint("`dsp peers ls` lists who is known")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_twelve_words_of_one_id() {
        let [one, other] = [1, 2].map(|n| fingerprint(UserId::from_bytes([n; 32])));
        assert_eq!(one.split(' ').count(), 12);
        assert_ne!(one, other);
        assert_eq!(one, fingerprint(UserId::from_bytes([1; 32])));
    }
}
