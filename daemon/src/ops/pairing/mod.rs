//! Pairing: another machine becomes a device of mine, or this one becomes somebody's.
//!
//! One pairing is under way at a time. Its ticket is good once: as soon as a device has shown that
//! it holds it, nobody else is answered, and whatever the user says to the code, the ticket is
//! gone.

mod join;
mod offer;

use std::sync::{Mutex, MutexGuard, PoisonError};

use dsp_protocol::api::{PairingInfo, PairingStage};
use dsp_protocol::id::DeviceId;
use dsp_protocol::limits;
use dsp_protocol::pair::{PairMessage, PairingTicket};
use dsp_protocol::statement::Scope;
use tokio::sync::oneshot;

pub(super) use self::offer::free_name;
pub(crate) use self::offer::run;

/// What a device that comes by a ticket is granted.
#[derive(Clone, Debug, Default)]
struct Terms {
    name: Option<String>,
    scope: Option<Scope>,
    until: Option<i64>,
}

/// The pairing that is under way.
#[derive(Debug, Default)]
pub(crate) struct Pairing {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    None,
    /// Another machine may ask here.
    Offer(Box<Offer>),
    /// This machine asked another.
    Asking { code: Option<String> },
}

#[derive(Debug)]
struct Offer {
    ticket: PairingTicket,
    terms: Terms,
    /// How often somebody asked by it.
    asks: u32,
    asked: Option<Asked>,
}

/// A device that holds the ticket.
#[derive(Debug)]
struct Asked {
    device: DeviceId,
    name: String,
    code: String,
    answer: oneshot::Sender<Answer>,
}

/// What the user said.
#[derive(Debug)]
enum Answer {
    /// Yes: this is what the device is given; it says when all is stored there.
    Granted { pages: Vec<PairMessage>, taken: oneshot::Sender<()> },
    /// No.
    Denied,
    /// Yes, and it could not be done.
    Failed,
}

impl Pairing {
    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn offer(&self, ticket: PairingTicket, terms: Terms) {
        *self.locked() = State::Offer(Box::new(Offer { ticket, terms, asks: 0, asked: None }));
    }

    pub(crate) fn end(&self) {
        *self.locked() = State::None;
    }

    pub(crate) fn info(&self, now: i64) -> PairingInfo {
        let mut state = self.locked();
        if matches!(&*state, State::Offer(offer) if offer.ticket.until < now) {
            *state = State::None;
        }
        let info = |stage| PairingInfo { stage, device: None, name: None, code: None };
        match &*state {
            State::None => info(PairingStage::None),
            State::Asking { code } => {
                PairingInfo { code: code.clone(), ..info(PairingStage::Asking) }
            }
            State::Offer(offer) => match &offer.asked {
                None => info(PairingStage::Waiting),
                Some(asked) => PairingInfo {
                    device: Some(asked.device),
                    name: Some(asked.name.clone()),
                    ..info(PairingStage::Asked)
                },
            },
        }
    }

    /// Returns the ticket that somebody names, if it holds and nobody has shown to have it.
    fn ticket(&self, id: &[u8; 16], now: i64) -> Option<PairingTicket> {
        let mut state = self.locked();
        let State::Offer(offer) = &mut *state else { return None };
        let holds =
            offer.ticket.until >= now && offer.asks < limits::PAIR_ASKS && offer.asked.is_none();
        if offer.ticket.id() != *id || !holds {
            return None;
        }
        offer.asks += 1;
        Some(offer.ticket.clone())
    }

    /// Notes who holds the ticket; tells whether it is the first.
    fn ask(&self, id: &[u8; 16], asked: Asked) -> bool {
        match &mut *self.locked() {
            State::Offer(offer) if offer.ticket.id() == *id && offer.asked.is_none() => {
                offer.asked = Some(asked);
                true
            }
            _ => false,
        }
    }

    /// Ends the offer of a ticket, unless another took its place.
    fn give_up(&self, id: &[u8; 16]) {
        let mut state = self.locked();
        if matches!(&*state, State::Offer(offer) if offer.ticket.id() == *id) {
            *state = State::None;
        }
    }

    /// Takes who asked out, and with it the offer: a ticket is good once.
    fn take_asked(&self, now: i64) -> Option<(Asked, Terms)> {
        let mut state = self.locked();
        match std::mem::take(&mut *state) {
            State::Offer(offer) if offer.asked.is_some() => {
                let Offer { ticket, terms, asked, .. } = *offer;
                asked.filter(|_| ticket.until >= now).map(|asked| (asked, terms))
            }
            other => {
                *state = other;
                None
            }
        }
    }
}
