//! Members of a context: who may what, and what a removal keeps and takes away.

use std::collections::BTreeMap;

use dsp_protocol::api::{
    CutAway, KeepMore, MemberInfo, Page, Problem, ProblemCode, RoleName, SetRole,
};
use dsp_protocol::id::{ContextId, UserId};
use dsp_protocol::statement::Role;
use dsp_protocol::sync::{Command, Keeping};

use super::contexts::role_name;
use super::node::count;
use super::problem::{bad_request, not_found};
use super::scene::{ContextScene, Scene};
use super::time::parse_rfc3339;
use super::{Ops, Paging};

/// Most members in one page.
const PAGE: u64 = 500;
/// Most stacks that are named of what was cut away.
const STACKS: usize = 20;

/// What of a removed user goes on to count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kept {
    /// All that counts now.
    #[default]
    All,
    /// Nothing.
    Nothing,
}

impl Ops {
    /// Lists the members of a context: owners first, then by name; who was removed last.
    ///
    /// # Errors
    /// There is no such context.
    pub async fn members(&self, label: &str, paging: &Paging) -> Result<Page, Problem> {
        let scene = self.scene().await?;
        let context = scene.context(label)?;
        let away = self.cut_away(context).await?;
        let members = users(context).into_iter();
        let infos = members.map(|(user, role, by_ticket)| {
            member_info(&scene, context, (user, role, by_ticket), away.get(&user).cloned())
        });
        paging.page(infos.collect(), PAGE, |member| {
            let rank = [3 - member.role as u8];
            [&rank[..], member.name.as_bytes(), member.user.as_bytes()].concat()
        })
    }

    /// Returns a member of a context, or somebody who was one.
    ///
    /// # Errors
    /// There is no such context or user, or she never had a part in it.
    pub async fn member(&self, label: &str, user: &str) -> Result<MemberInfo, Problem> {
        let scene = self.scene().await?;
        let (context, user) = (scene.context(label)?, scene.user(user)?);
        self.member_in(&scene, context, user).await
    }

    /// Gives a user a role in a context of mine.
    ///
    /// # Errors
    /// There is no such context or user, I am no owner of it, or she is myself.
    pub async fn set_member(
        &self,
        label: &str,
        user: &str,
        set: &SetRole,
    ) -> Result<MemberInfo, Problem> {
        let role = match set.role {
            RoleName::Reader => Role::Reader,
            RoleName::Writer => Role::Writer,
            RoleName::Owner => Role::Owner,
            RoleName::None => {
                return Err(bad_request("`none` is no role to give")
                    .with_hint("`dsp members rm` removes somebody"));
            }
        };
        let (id, user) = self.not_myself(label, user).await?;
        self.node.run(Command::Member { context: id, user, role }).await?;
        self.member_by_id(id, user).await
    }

    /// Removes a user from a context of mine. With `since`, RFC 3339, what she said from then on
    /// by her own clock counts no more.
    ///
    /// # Errors
    /// As [`set_member`](Self::set_member); she is not in it; `since` is no time.
    pub async fn remove_member(
        &self,
        label: &str,
        user: &str,
        kept: Kept,
        since: Option<&str>,
    ) -> Result<MemberInfo, Problem> {
        let keep = match (kept, since) {
            (Kept::All, None) => Keeping::All,
            (Kept::All, Some(since)) => Keeping::Before(parse_rfc3339(since)?),
            (Kept::Nothing, None) => Keeping::Nothing,
            (Kept::Nothing, Some(_)) => {
                return Err(bad_request("of `since` and `keep=nothing` one can be asked for"));
            }
        };
        let (id, user) = self.not_myself(label, user).await?;
        let scene = self.scene().await?;
        let context = scene.context(&id.to_string())?;
        let in_it = users(context)
            .iter()
            .any(|(member, role, by_ticket)| *member == user && (*role > Role::None || *by_ticket));
        if !in_it {
            return Err(not_in(&scene, context, user));
        }
        self.node.run(Command::RemoveMember { context: id, user, keep }).await?;
        self.member_by_id(id, user).await
    }

    /// Lets in again what was cut away of a user.
    ///
    /// # Errors
    /// There is no such context or user, I am no owner of it, or nothing is known to be cut away.
    pub async fn keep_more(
        &self,
        label: &str,
        user: &str,
        keep: &KeepMore,
    ) -> Result<MemberInfo, Problem> {
        let before = keep.before.as_deref().map(parse_rfc3339).transpose()?;
        let (context, user) = self.not_myself(label, user).await?;
        self.node.run(Command::KeepMore { context, user, before }).await?;
        self.member_by_id(context, user).await
    }

    /// Finds a context and a user in it who is not me.
    async fn not_myself(&self, label: &str, user: &str) -> Result<(ContextId, UserId), Problem> {
        let scene = self.scene().await?;
        let (context, user) = (scene.context(label)?, scene.user(user)?);
        if user != self.me {
            return Ok((context.id, user));
        }
        let label = scene.label(context);
        let others = context.members.iter().filter(|(m, role)| *role == Role::Owner && *m != user);
        let others: Vec<String> = others.map(|(m, _)| scene.names.of(*m)).collect();
        let hint = match (context.my_role, &others[..]) {
            (Role::Owner, []) => format!(
                "you are its only owner: make somebody else one first (`dsp members add USER \
                 --context {label} --role owner`), or close it: `dsp context rm {label}`"
            ),
            (Role::Owner, others) => format!("{} can: an owner too", others.join(", ")),
            _ => format!("`dsp unfollow {label} --keep` leaves it"),
        };
        let detail =
            format!("nobody says what she is herself, so you stay what you are in {label}");
        Err(Problem::new(ProblemCode::Refused, detail).with_hint(hint))
    }

    async fn member_by_id(&self, id: ContextId, user: UserId) -> Result<MemberInfo, Problem> {
        let scene = self.scene().await?;
        self.member_in(&scene, scene.context(&id.to_string())?, user).await
    }

    async fn member_in(
        &self,
        scene: &Scene,
        context: &ContextScene,
        user: UserId,
    ) -> Result<MemberInfo, Problem> {
        let member = users(context).into_iter().find(|(member, ..)| *member == user);
        let member = member.ok_or_else(|| not_in(scene, context, user))?;
        let mut away = self.cut_away(context).await?;
        Ok(member_info(scene, context, member, away.remove(&user)))
    }

    /// Returns what was cut away in a context, by user.
    async fn cut_away(&self, context: &ContextScene) -> Result<BTreeMap<UserId, CutAway>, Problem> {
        let (id, members) = (context.id, context.members.clone());
        let away = self.node.query(move |engine| {
            let Some(context) = engine.context(id) else { return BTreeMap::new() };
            let away = members.into_iter().filter_map(|(user, role)| {
                let here = context.view().cut_away(user);
                // Of somebody who may write, what is not here yet is only on its way.
                let elsewhere: u64 = match role >= Role::Writer {
                    true => 0,
                    false => {
                        let offered = engine.offered(id, user).into_iter();
                        offered.map(|(key, (n, _))| n - context.here(key)).sum()
                    }
                };
                let away = CutAway {
                    statements: count(here.statements),
                    stacks: here.stacks.iter().take(STACKS).map(ToString::to_string).collect(),
                    elsewhere,
                };
                (here.statements > 0 || elsewhere > 0).then_some((user, away))
            });
            away.collect()
        });
        Ok(away.await?)
    }
}

/// Returns everybody who has or had a part in a context, with the role that owners stated and
/// whether she is in it by a ticket alone.
fn users(context: &ContextScene) -> Vec<(UserId, Role, bool)> {
    let mut users: Vec<_> =
        context.members.iter().map(|(user, role)| (*user, *role, false)).collect();
    for (user, _) in &context.redemptions {
        if !users.iter().any(|(known, ..)| known == user) {
            users.push((*user, Role::None, true));
        }
    }
    users
}

fn member_info(
    scene: &Scene,
    context: &ContextScene,
    (user, role, by_ticket): (UserId, Role, bool),
    cut_away: Option<CutAway>,
) -> MemberInfo {
    // Who came in by a ticket alone reads.
    let role = if by_ticket { Role::Reader } else { role };
    MemberInfo {
        user,
        name: scene.names.of(user),
        role: role_name(role),
        by_ticket,
        blocked: scene.blocked.contains(&user),
        stacks: count(context.live().filter(|stack| stack.owner == user).count()),
        cut_away,
    }
}

fn not_in(scene: &Scene, context: &ContextScene, user: UserId) -> Problem {
    let (name, label) = (scene.names.of(user), scene.label(context));
    not_found(format!("{name} is not in {label}"))
        .with_hint(format!("`dsp members ls {label}` lists who is"))
}
