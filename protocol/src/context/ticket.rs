//! Tickets: what owners stated about them, and whom they admit.

use std::collections::BTreeSet;

use super::view::View;
use crate::id::{ContextId, PublicKey, StatementId, UserId};
use crate::limits::TICKET_GRACE_MS;
use crate::statement::{Access, PlacedFact, Redeem, Role, TicketFact};

/// What owners stated about a ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TicketStanding {
    /// Its role, end, uses and generation.
    pub fact: TicketFact,
    /// The owner who made it.
    pub issued_by: UserId,
    /// Whether an owner ended it.
    pub ended: bool,
}

/// Who may let the holder of a ticket in, and as what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Any member, without a statement.
    ByAnyMember(Role),
    /// A device of an owner, by a member statement.
    ByOwner(Role),
}

/// Why a redemption admits nobody.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is for another context.
    #[error("redemption is for context {0}")]
    OtherContext(ContextId),
    /// It admits somebody else.
    #[error("redemption admits user {admits}, presented by {presented_by}")]
    OtherUser {
        /// Whom it admits.
        admits: UserId,
        /// Who presented it.
        presented_by: UserId,
    },
    /// No owner has stated the ticket, as far as is known here.
    #[error("ticket {0} is not known")]
    Unknown(PublicKey),
    /// An owner ended the ticket.
    #[error("ticket {0} was ended")]
    Ended(PublicKey),
    /// The ticket's time is over.
    #[error("ticket {ticket} ended at {until} ms")]
    Expired {
        /// The ticket.
        ticket: PublicKey,
        /// Its end, in milliseconds since 1970.
        until: i64,
    },
    /// The ticket has admitted as many as it may.
    #[error("ticket {ticket} has admitted its {uses} users")]
    UsedUp {
        /// The ticket.
        ticket: PublicKey,
        /// How many it admits.
        uses: u32,
    },
    /// The context is private: only member statements let anybody in.
    #[error("the context is private")]
    Private,
    /// An owner removed the user; only a member statement brings her back.
    #[error("user {0} was removed")]
    Removed(UserId),
}

impl View {
    /// Returns what owners stated about a ticket. Of several statements the one that allows least
    /// counts.
    pub fn ticket(&self, key: &PublicKey) -> Option<TicketStanding> {
        let stated = self.by_owners().filter_map(|(id, held)| match held.fact() {
            PlacedFact::Ticket(fact) if fact.key == *key => Some((least(fact, id), held, fact)),
            _ => None,
        });
        let (_, held, fact) = stated.min_by_key(|(order, _, _)| *order)?;
        let ended = self.by_owners().any(|(_, held)| match held.fact() {
            PlacedFact::TicketEnd { key: ended } => ended == key,
            _ => false,
        });
        Some(TicketStanding { fact: fact.clone(), issued_by: held.user, ended })
    }

    /// Returns all tickets, also those that ended, by key.
    pub fn tickets(&self) -> Vec<TicketStanding> {
        let keys = self.by_owners().filter_map(|(_, held)| match held.fact() {
            PlacedFact::Ticket(fact) => Some(fact.key),
            _ => None,
        });
        let keys: BTreeSet<_> = keys.collect();
        keys.iter().filter_map(|key| self.ticket(key)).collect()
    }

    /// Returns the generations of the interest key that tickets told which still hold: stated, not
    /// ended, not past their time and of a context that lets anybody in by a ticket.
    pub fn ticket_generations(&self, now: i64) -> BTreeSet<u32> {
        if self.about().is_some_and(|about| about.access == Access::Private) {
            return BTreeSet::new();
        }
        let (mut stated, mut ended) = (Vec::new(), BTreeSet::new());
        for (_, held) in self.by_owners() {
            match held.fact() {
                PlacedFact::Ticket(fact) if is_over(fact.until, now) => {
                    ended.insert(fact.key);
                }
                PlacedFact::Ticket(fact) => stated.push(fact),
                PlacedFact::TicketEnd { key } => {
                    ended.insert(*key);
                }
                PlacedFact::About(_)
                | PlacedFact::Member(_)
                | PlacedFact::Interest(_)
                | PlacedFact::Head(_)
                | PlacedFact::Tag(_)
                | PlacedFact::Cut(_)
                | PlacedFact::Epoch(_)
                | PlacedFact::Withdraw(_)
                | PlacedFact::Dashboard(_)
                | PlacedFact::Comment(_)
                | PlacedFact::Unknown { .. } => {}
            }
        }
        stated.retain(|fact| !ended.contains(&fact.key));
        stated.into_iter().map(|fact| fact.generation).collect()
    }

    /// Tells whom a redemption admits, by the clock of this node.
    ///
    /// `redeem` is the fact of a verified statement, `presented_by` the user who proved to be in
    /// the session, and `admitted` the number of other users that this ticket has admitted. Once
    /// an owner has made a user a member, her role counts and no ticket is asked for.
    ///
    /// # Errors
    /// [`Refused`] says why it admits nobody. [`Refused::Unknown`] may change with what comes.
    pub fn admits(
        &self,
        redeem: &Redeem,
        presented_by: UserId,
        admitted: u32,
        now: i64,
    ) -> Result<Admission, Refused> {
        if redeem.context != self.context() {
            return Err(Refused::OtherContext(redeem.context));
        }
        if redeem.user != presented_by {
            return Err(Refused::OtherUser { admits: redeem.user, presented_by });
        }
        let ticket = redeem.ticket;
        let standing = self.ticket(&ticket).ok_or(Refused::Unknown(ticket))?;
        if self.authority().roles.get(&redeem.user) == Some(&Role::None) {
            return Err(Refused::Removed(redeem.user));
        }
        if self.about().is_some_and(|about| about.access == Access::Private) {
            return Err(Refused::Private);
        }
        if standing.ended {
            return Err(Refused::Ended(ticket));
        }
        let TicketFact { role, until, uses, .. } = standing.fact;
        if let Some(until) = until.filter(|until| is_over(Some(*until), now)) {
            return Err(Refused::Expired { ticket, until });
        }
        if let Some(uses) = uses
            && admitted >= uses
        {
            return Err(Refused::UsedUp { ticket, uses });
        }
        match uses {
            None if role == Role::Reader => Ok(Admission::ByAnyMember(role)),
            None | Some(_) => Ok(Admission::ByOwner(role)),
        }
    }
}

/// Tells whether a ticket is past its time.
fn is_over(until: Option<i64>, now: i64) -> bool {
    until.is_some_and(|until| now > until.saturating_add(TICKET_GRACE_MS))
}

/// Orders statements about one ticket; the one that allows least is least.
fn least(fact: &TicketFact, id: StatementId) -> (Role, i64, u32, StatementId) {
    (fact.role, fact.until.unwrap_or(i64::MAX), fact.uses.unwrap_or(u32::MAX), id)
}
