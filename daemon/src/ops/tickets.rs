//! Tickets of my contexts.

use dsp_protocol::api::{
    NewTicket, Page, Problem, ProblemCode, RoleName, TicketEnded, TicketInfo, TicketMade, UserName,
};
use dsp_protocol::context::TicketStanding;
use dsp_protocol::id::UserId;
use dsp_protocol::statement::Role;
use dsp_protocol::sync::{Command, Keeping, Reply};

use super::audience::has_named_readers;
use super::contexts::{role_name, unexpected};
use super::problem::{bad_request, not_found};
use super::scene::{ContextScene, Scene};
use super::time::{now, rfc3339};
use super::{Ops, Paging};
use crate::net::reachable_at;

/// Most tickets in one page.
const PAGE: u64 = 500;
/// How long a ticket is good when nobody says.
const WEEK_SECONDS: u64 = 7 * 24 * 3600;
/// Fewest digits that name a ticket.
const PREFIX: usize = 4;

/// What becomes of those who came in by a ticket that is revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CameIn {
    /// They stay.
    Stay,
    /// They are removed, but for owners.
    Removed,
}

impl Ops {
    /// Makes a ticket of a context of mine. A private context becomes one that tickets open.
    ///
    /// # Errors
    /// There is no such context, it is closed or not mine, or the role cannot be given.
    pub async fn new_ticket(&self, label: &str, new: NewTicket) -> Result<TicketMade, Problem> {
        let scene = self.scene().await?;
        let context = scene.context(label)?;
        if has_named_readers(&scene, context) {
            let label = scene.label(context);
            let detail = format!(
                "{label} is for named readers: with a ticket for whoever has it, the stacks in it \
                 would be shown to them no more"
            );
            return Err(Problem::new(ProblemCode::Conflict, detail).with_hint(format!(
                "`dsp share STACK --with USER` shows a stack to others; `dsp members add USER -c \
                 {label}` adds one to these"
            )));
        }
        let context = context.id;
        let role = match new.role.unwrap_or(RoleName::Reader) {
            RoleName::Reader => Role::Reader,
            RoleName::Writer => Role::Writer,
            RoleName::None | RoleName::Owner => {
                return Err(bad_request("a ticket gives the role reader or writer"));
            }
        };
        if new.uses == Some(0) {
            return Err(bad_request("a ticket that admits nobody is none"));
        }
        let until = match new.expires_seconds.unwrap_or(WEEK_SECONDS) {
            0 => None,
            seconds => {
                let ms = i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1000);
                Some(now().saturating_add(ms))
            }
        };
        let addresses = self.ticket_addresses().await;
        if addresses.is_empty() {
            tracing::warn!("a ticket without an address: this node listens nowhere");
        }
        let command = Command::Share { context, role, until, uses: new.uses, addresses };
        let ticket = match self.node.run(command).await? {
            Reply::Ticket(ticket) => ticket,
            other => return Err(unexpected(&other)),
        };
        let scene = self.scene().await?;
        let context = scene.context(&context.to_string())?;
        let key = ticket.public();
        let made = context.tickets.iter().find(|standing| standing.fact.key == key);
        let made = made.ok_or_else(|| not_found(format!("ticket {key} is not here any more")))?;
        let info = ticket_info(&scene, context, made);
        Ok(TicketMade { ticket: ticket.to_string(), info })
    }

    /// Lists tickets: of one context, else of all.
    ///
    /// # Errors
    /// There is no such context.
    pub async fn tickets(&self, label: Option<&str>, paging: &Paging) -> Result<Page, Problem> {
        let scene = self.scene().await?;
        let only = label.map(|label| scene.context(label)).transpose()?.map(|c| c.id);
        let contexts = scene.contexts.values().filter(|c| only.is_none_or(|id| c.id == id));
        let infos: Vec<TicketInfo> = contexts
            .flat_map(|context| {
                context.tickets.iter().map(|ticket| ticket_info(&scene, context, ticket))
            })
            .collect();
        paging.page(infos, PAGE, |ticket| {
            [&ticket.context.as_bytes()[..], ticket.key.as_bytes()].concat()
        })
    }

    /// Revokes a ticket of mine, named by its key or the first digits of it.
    ///
    /// # Errors
    /// No ticket, or several, begin so; or it is not mine to revoke.
    pub async fn end_ticket(&self, key: &str, came_in: CameIn) -> Result<TicketEnded, Problem> {
        if !key.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(bad_request(format!(
                "`{key}` is no key of a ticket: it has digits 0 to f"
            ))
            .with_hint("`dsp tickets ls` lists them"));
        }
        if key.len() < PREFIX {
            return Err(bad_request(format!("`{key}` is shorter than {PREFIX} digits")));
        }
        let digits = key.to_ascii_lowercase();
        let scene = self.scene().await?;
        let all = scene
            .contexts
            .values()
            .flat_map(|context| context.tickets.iter().map(move |ticket| (context, ticket)));
        let fitting: Vec<_> =
            all.filter(|(_, ticket)| ticket.fact.key.to_string().starts_with(&digits)).collect();
        let (context, ticket) = match fitting[..] {
            [one] => one,
            [] => {
                return Err(not_found(format!("no ticket begins with `{key}`"))
                    .with_hint("`dsp tickets ls` lists them"));
            }
            _ => {
                let mut problem = Problem::new(
                    ProblemCode::Ambiguous,
                    format!("`{key}` begins {} tickets", fitting.len()),
                );
                problem.candidates =
                    fitting.iter().map(|(_, ticket)| ticket.fact.key.to_string()).collect();
                return Err(problem);
            }
        };
        let (context, key) = (context.id, ticket.fact.key);
        self.node.run(Command::EndTicket { context, key }).await?;
        let scene = self.scene().await?;
        let context = scene.context(&context.to_string())?;
        let ended = context.tickets.iter().find(|standing| standing.fact.key == key);
        let ended = ended.ok_or_else(|| not_found(format!("ticket {key} is not here any more")))?;
        let mut ticket = ticket_info(&scene, context, ended);
        let (id, users) = (context.id, ticket.admitted.iter().map(|admitted| admitted.user));
        let users: Vec<UserId> = users.collect();
        let still = self.node.query(move |engine| {
            let view = engine.context(id)?.view();
            Some(users.into_iter().filter(|user| !view.was_removed(*user)).collect::<Vec<_>>())
        });
        let still = still.await?.unwrap_or_default();
        ticket.admitted.retain(|admitted| still.contains(&admitted.user));
        let removed = match came_in {
            CameIn::Stay => Vec::new(),
            CameIn::Removed => self.remove_admitted(&ticket).await?,
        };
        Ok(TicketEnded { ticket, removed })
    }

    /// Removes those who came in by a ticket, but for owners and who is out already. What of
    /// theirs counts goes on to.
    async fn remove_admitted(&self, ticket: &TicketInfo) -> Result<Vec<UserName>, Problem> {
        let context = ticket.context;
        let mut removed = Vec::new();
        for admitted in &ticket.admitted {
            let user = admitted.user;
            let role = self.node.query(move |engine| {
                let view = engine.context(context)?.view();
                Some((view.role(user), view.was_removed(user)))
            });
            if matches!(role.await?, Some((Role::Owner, _) | (_, true)) | None) || user == self.me {
                continue;
            }
            let keep = Keeping::All;
            self.node.run(Command::RemoveMember { context, user, keep }).await?;
            removed.push(admitted.clone());
        }
        Ok(removed)
    }

    /// Returns where this device can be reached, the most useful first: announced addresses, then
    /// those listened on, loopback last.
    pub(crate) async fn ticket_addresses(&self) -> Vec<String> {
        reachable_at(&self.settings.config().announce, &self.net.listening().await)
    }
}

fn ticket_info(scene: &Scene, context: &ContextScene, ticket: &TicketStanding) -> TicketInfo {
    let admitted = context.redemptions.iter().filter(|(_, key)| *key == ticket.fact.key);
    TicketInfo {
        key: ticket.fact.key,
        context: context.id,
        label: scene.label(context),
        role: role_name(ticket.fact.role),
        until: ticket.fact.until.map(rfc3339),
        uses: ticket.fact.uses,
        revoked: ticket.ended,
        admitted: admitted.map(|(user, _)| scene.names.named(*user)).collect(),
    }
}
