//! The side of a pairing that holds the root: makes the ticket, answers who asks by it, and grants
//! once the user typed the code that the other machine shows.

use std::sync::Arc;
use std::time::Duration;

use dsp_protocol::api::{
    ConfirmPairing, DeviceInfo, NewPairing, PairingInfo, PairingMade, Problem, ProblemCode,
    RoleName,
};
use dsp_protocol::id::DeviceId;
use dsp_protocol::identity::{IdentityLog, Standing};
use dsp_protocol::limits;
use dsp_protocol::pair::{PairMessage, PairingTicket, Refusal, code, commitment, proof};
use dsp_protocol::statement::{Grant, Role, Scope};
use subtle::ConstantTimeEq as _;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::timeout;

use super::{Answer, Asked, Terms};
use crate::joining::Joining;
use crate::net::{MessageReader, MessageWriter, NetStream, framed};
use crate::ops::Ops;
use crate::ops::devices::conflict;
use crate::ops::problem::{bad_request, internal};
use crate::ops::time::{now, rfc3339};
use crate::store::Slot;

/// How long one step of the other side may take.
const STEP: Duration = Duration::from_secs(10);
/// How long the new device may take to store what it was given.
const TAKING: Duration = Duration::from_secs(60);
/// Streams that are answered at a time.
const STREAMS: usize = 4;

impl Ops {
    /// Makes a pairing ticket; an earlier one is void.
    ///
    /// # Errors
    /// The root is not here, a context is not, or the role is none that limits.
    pub async fn new_pairing(&self, new: &NewPairing) -> Result<PairingMade, Problem> {
        self.root_of(&self.my_log().await?)?;
        let terms = self.terms(new).await?;
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(|error| internal(&error))?;
        let until = now().saturating_add(limits::PAIR_TICKET_MS);
        let addresses = self.ticket_addresses().await;
        let ticket = PairingTicket::new(self.me, self.device, addresses, until, secret);
        let made = PairingMade { ticket: ticket.to_string(), until: rfc3339(until) };
        self.pairing.offer(ticket, terms);
        Ok(made)
    }

    async fn terms(&self, new: &NewPairing) -> Result<Terms, Problem> {
        let contexts = match &new.contexts {
            None => None,
            Some(labels) => {
                let scene = self.scene().await?;
                let ids = labels.iter().map(|label| Ok(scene.context(label)?.id));
                Some(ids.collect::<Result<Vec<_>, Problem>>()?)
            }
        };
        let role = match new.role {
            None => None,
            Some(RoleName::Reader) => Some(Role::Reader),
            Some(RoleName::Writer) => Some(Role::Writer),
            Some(RoleName::None | RoleName::Owner) => {
                return Err(bad_request("a device is limited to the role reader or writer"));
            }
        };
        let limited = contexts.is_some() || role.is_some();
        let after = |seconds: u64| {
            let ms = i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1000);
            now().saturating_add(ms)
        };
        Ok(Terms {
            name: new.name.clone(),
            scope: limited.then_some(Scope { contexts, role }),
            until: new.expires_seconds.filter(|seconds| *seconds > 0).map(after),
        })
    }

    /// Tells how far a pairing is.
    pub fn pairing(&self) -> PairingInfo {
        self.pairing.info(now())
    }

    /// Ends a pairing; its ticket is void.
    pub fn end_pairing(&self) {
        self.pairing.end();
    }

    /// Grants the device that asked, where the code is the one that it shows. Returns once it has
    /// everything.
    ///
    /// # Errors
    /// Nobody asked, or the code is another: nothing is granted then, and the ticket is void. The
    /// device went away after the grant: it stands, and pairing again gives what is missing.
    pub async fn confirm_pairing(&self, confirm: &ConfirmPairing) -> Result<DeviceInfo, Problem> {
        let digits = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
        let (asked, terms) = self.pairing.take_asked(now()).ok_or_else(|| {
            Problem::new(ProblemCode::Conflict, "no device asks to be paired")
                .with_hint("`dsp id pair` makes a ticket for one")
        })?;
        if digits(&confirm.code) != digits(&asked.code) {
            // It may have gone.
            let _ = asked.answer.send(Answer::Denied);
            return Err(Problem::new(
                ProblemCode::Refused,
                "the code is another one; nothing was granted, and the ticket is void",
            )
            .with_hint("if you typed it right, somebody stands between the two machines"));
        }
        if asked.answer.is_closed() {
            return Err(gone("the new machine went away; nothing was granted"));
        }
        let joining = match self.grant(&asked, &terms).await {
            Ok(joining) => joining,
            Err(problem) => {
                let _ = asked.answer.send(Answer::Failed);
                return Err(problem);
            }
        };
        let (taken, told) = oneshot::channel();
        let answer = Answer::Granted { pages: joining.pages(), taken };
        let sent = asked.answer.send(answer).is_ok();
        match timeout(TAKING, told).await {
            Ok(Ok(())) if sent => self.device_of_mine(asked.device).await,
            _ => Err(gone("the device is granted, but did not say that it has everything")),
        }
    }

    /// Signs and stores the grant of a device, unless it stands, and returns what it is given.
    async fn grant(&self, asked: &Asked, terms: &Terms) -> Result<Joining, Problem> {
        let _one = self.change_identity().await?;
        let log = self.my_log().await?;
        let root = self.root_of(&log)?;
        let name = terms.name.clone().unwrap_or_else(|| asked.name.clone());
        let grant = Grant {
            device: asked.device,
            name: free_name(&log, asked.device, &name),
            scope: terms.scope.clone(),
            until: terms.until,
        };
        match log.standing(asked.device) {
            Standing::Revoked => {
                return Err(conflict("the device was revoked, which is for ever").with_hint(
                    "start the other machine in another home: it then has another key",
                ));
            }
            Standing::Granted(stands) if *stands == grant => {}
            Standing::Granted(_) | Standing::Unknown => {
                let entry = log.grant(&root, grant).map_err(conflict)?;
                self.state_entry(entry).await?;
            }
        }
        let (log, device) = (self.my_log().await?, asked.device);
        let mut contexts = self.node.query(move |e| e.handed_to(device, now())).await?;
        let current = self.store.get(Slot::CURRENT_CONTEXT).await?;
        contexts.sort_by_key(|c| Some(&c.genesis.id().as_bytes()[..]) != current.as_deref());
        Ok(Joining { log, contexts, holds_root: false })
    }
}

fn gone(what: &str) -> Problem {
    Problem::new(ProblemCode::Unreachable, what)
        .with_hint("begin again with `dsp id pair` on both; nothing is lost by that")
}

/// Returns a name that no other device that acts has.
pub(in crate::ops) fn free_name(log: &IdentityLog, device: DeviceId, name: &str) -> String {
    let taken = |name: &str| log.devices().any(|(d, grant)| d != device && grant.name == name);
    let mut free = name.to_owned();
    let mut number = 2;
    while taken(&free) {
        free = format!("{name}-{number}");
        number += 1;
    }
    free
}

/// Answers the machines that ask, until the daemon stops.
pub(crate) async fn run(ops: Arc<Ops>, mut streams: mpsc::Receiver<(DeviceId, NetStream)>) {
    let places = Arc::new(Semaphore::new(STREAMS));
    loop {
        let (device, stream) = tokio::select! {
            () = ops.stop.cancelled() => return,
            stream = streams.recv() => match stream {
                Some(stream) => stream,
                None => return,
            },
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
        let ops = Arc::clone(&ops);
        tokio::spawn(async move {
            if serve(&ops, device, stream).await.is_none() {
                tracing::info!(peer = %device.short(), "a pairing came to nothing");
            }
            drop(place);
        });
    }
}

/// Answers one machine; nothing where it comes to nothing.
async fn serve(ops: &Ops, device: DeviceId, stream: NetStream) -> Option<()> {
    let (mut reader, mut writer) = framed(stream);
    let PairMessage::Ask { ticket: id, commit, name } = read(&mut reader).await? else {
        return None;
    };
    let Some(ticket) = ops.pairing.ticket(&id, now()) else {
        return refuse(&mut writer, Refusal::Ticket).await;
    };
    let mut nonce = [0; 32];
    getrandom::fill(&mut nonce).ok()?;
    send(&mut writer, &PairMessage::Nonce { nonce }).await?;
    let PairMessage::Show { nonce: theirs, proof: shown } = read(&mut reader).await? else {
        return None;
    };
    let knows = proof(&ticket, device, &theirs, &nonce).ct_eq(&shown);
    if commitment(device, &theirs) != commit || !bool::from(knows) {
        return refuse(&mut writer, Refusal::Ticket).await;
    }
    let code = code(ops.device, device, &theirs, &nonce);
    let (answer, said) = oneshot::channel();
    if !ops.pairing.ask(&id, Asked { device, name, code, answer }) {
        return refuse(&mut writer, Refusal::Ticket).await;
    }
    let left = u64::try_from(ticket.until - now()).unwrap_or(0);
    let said = tokio::select! {
        said = said => said.ok(),
        // It has nothing to say before: it went away.
        _ = reader.next(limits::PAIR_MESSAGE_BYTES, STEP) => None,
        () = tokio::time::sleep(Duration::from_millis(left)) => None,
    };
    match said {
        Some(Answer::Granted { pages, taken }) => {
            for page in &pages {
                send(&mut writer, page).await?;
            }
            let PairMessage::Taken = read_within(&mut reader, TAKING).await? else { return None };
            tracing::info!(peer = %device.short(), "paired");
            taken.send(()).ok()
        }
        Some(Answer::Denied) => refuse(&mut writer, Refusal::Denied).await,
        Some(Answer::Failed) => refuse(&mut writer, Refusal::Failed).await,
        None => {
            ops.pairing.give_up(&id);
            None
        }
    }
}

async fn read(reader: &mut MessageReader) -> Option<PairMessage> {
    read_within(reader, STEP).await
}

async fn read_within(reader: &mut MessageReader, within: Duration) -> Option<PairMessage> {
    let bytes = timeout(within, reader.next(limits::PAIR_MESSAGE_BYTES, within)).await;
    PairMessage::decode(&bytes.ok()?.ok()??).ok()
}

async fn send(writer: &mut MessageWriter, message: &PairMessage) -> Option<()> {
    writer.send(&message.encode(), STEP).await.ok()
}

async fn refuse(writer: &mut MessageWriter, why: Refusal) -> Option<()> {
    send(writer, &PairMessage::Refuse { why }).await?;
    // The peer may have gone; what was to be said is said.
    let _ = writer.close(STEP).await;
    None
}
