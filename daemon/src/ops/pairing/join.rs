//! The side of a pairing that becomes a device: asks by the ticket, shows the code, and takes what
//! the user gives. Nothing of this machine changes before all of it is here, checked and durable.

use std::sync::Arc;
use std::time::Duration;

use dsp_protocol::api::{Join, Joined, Problem, ProblemCode};
use dsp_protocol::limits;
use dsp_protocol::pair::{PairMessage, PairingTicket, Refusal, code, commitment, proof};
use libp2p::Multiaddr;
use tokio::time::timeout;

use super::State;
use crate::joining::{Gathered, JoinError, Joining};
use crate::net::{MessageReader, MessageWriter, StreamKind, framed};
use crate::ops::node::count;
use crate::ops::problem::{bad_request, internal};
use crate::ops::time::now;
use crate::ops::whole::to_the_end;
use crate::ops::{Ops, Reporter};

/// How long one step of the other side may take.
const STEP: Duration = Duration::from_secs(10);
/// How long the user may take to compare the code.
const ANSWER: Duration = Duration::from_millis(limits::PAIR_TICKET_MS as u64);

/// Takes back that this machine asks, however that ends.
struct Asking<'a>(&'a Ops);

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.pairing.end();
    }
}

impl Ops {
    /// Asks to become a device of the user who made a pairing ticket, and becomes one once she
    /// confirmed the code. The daemon then starts anew.
    ///
    /// # Errors
    /// The ticket is none or does not hold, something here would be lost, the other machine cannot
    /// be reached, or its user said no: nothing here has changed then.
    pub async fn join(
        self: Arc<Self>,
        join: &Join,
        reporter: &Reporter,
    ) -> Result<Joined, Problem> {
        let ticket: PairingTicket = join.ticket.parse().map_err(bad_request)?;
        if ticket.until < now() {
            return Err(no_ticket("the pairing ticket is past its time"));
        }
        if ticket.device == self.device || ticket.user == self.me {
            return Err(Problem::new(
                ProblemCode::Conflict,
                "this machine is a device of that user already",
            ));
        }
        drop(self.change_identity().await?);
        self.gives_up_nothing(&[]).await?;
        *self.pairing.locked() = State::Asking { code: None };
        let _asking = Asking(&self);
        let addresses: Vec<Multiaddr> =
            ticket.addrs.iter().filter_map(|address| address.parse().ok()).collect();
        let unreachable = |error: &dyn std::fmt::Display| {
            let what = format!("device {} cannot be reached: {error}", ticket.device.short());
            Problem::new(ProblemCode::Unreachable, what)
                .with_hint("both machines have to be on, in one network")
        };
        self.net.dial(ticket.device, addresses).await.map_err(|error| unreachable(&error))?;
        let stream = self.net.open(ticket.device, StreamKind::Pair).await;
        let (mut reader, mut writer) = framed(stream.map_err(|error| unreachable(&error))?);

        let mut nonce = [0; 32];
        getrandom::fill(&mut nonce).map_err(|error| internal(&error))?;
        let name = self.settings.config().device_name.clone();
        let commit = commitment(self.device, &nonce);
        send(&mut writer, &PairMessage::Ask { ticket: ticket.id(), commit, name }).await?;
        let PairMessage::Nonce { nonce: theirs } = read(&mut reader, STEP).await? else {
            return Err(broken());
        };
        let proof = proof(&ticket, self.device, &nonce, &theirs);
        send(&mut writer, &PairMessage::Show { nonce, proof }).await?;
        let code = code(ticket.device, self.device, &nonce, &theirs);
        *self.pairing.locked() = State::Asking { code: Some(code.clone()) };
        reporter.note(format!("type this code on the other machine: {code}")).await;

        let mut gathered = Gathered::default();
        let mut within = ANSWER;
        loop {
            let page = read(&mut reader, within).await?;
            within = STEP;
            if gathered.take(page).map_err(not_taken)? {
                break;
            }
        }
        let joining = gathered.check(ticket.user, self.device, false).map_err(not_taken)?;
        let joined = Joined {
            user: joining.log.user(),
            name: joining.log.name().to_owned(),
            contexts: count(joining.contexts.len()),
        };
        // From here on it is done to its end, whoever waits for it.
        let ops = Arc::clone(&self);
        to_the_end(async move {
            let _one = ops.change_identity().await?;
            // Somebody may have pushed while the code was compared.
            ops.gives_up_nothing(&[]).await?;
            ops.go_over(joining).await?;
            // The other side may have gone: what it granted stands, and it can ask the log.
            let _ = send(&mut writer, &PairMessage::Taken).await;
            let _ = writer.close(STEP).await;
            ops.begin_anew();
            Ok::<(), Problem>(())
        })
        .await?;
        Ok(joined)
    }

    /// Makes what a user gave durable; the next start goes over to it.
    pub(crate) async fn go_over(&self, joining: Joining) -> Result<(), Problem> {
        let home = self.home.clone();
        let written = tokio::task::spawn_blocking(move || joining.write(&home)).await;
        let written = written.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
        written.map_err(not_taken)
    }

    /// Refuses where this machine holds something of its own identity that would be lost.
    /// Follows of contexts in `carried` go along.
    pub(crate) async fn gives_up_nothing(
        &self,
        carried: &[dsp_protocol::id::ContextId],
    ) -> Result<(), Problem> {
        let scene = self.scene().await?;
        let mut lost = Vec::new();
        let mut own = 0;
        for context in scene.contexts.values() {
            let label = scene.label(context);
            if !context.is_mine(self.me) {
                if !carried.contains(&context.id) {
                    lost.push(format!("the follow of {label}"));
                }
                continue;
            }
            own += 1;
            match context.stacks.len() {
                0 => {}
                1 => lost.push(format!("a stack in {label}")),
                n => lost.push(format!("{n} stacks in {label}")),
            }
            if !context.tickets.is_empty() || context.members.len() > 1 {
                lost.push(format!("what others were given of {label}"));
            }
        }
        if own > 1 {
            lost.push(format!("{own} contexts of its own"));
        }
        if lost.is_empty() {
            return Ok(());
        }
        Err(Problem::new(
            ProblemCode::Conflict,
            format!("this machine has an identity in use, and would lose {}", lost.join(", ")),
        )
        .with_hint("use another home for it: `dsp --home DIR …`, and DSP_HOME from then on"))
    }
}

fn no_ticket(what: &str) -> Problem {
    Problem::new(ProblemCode::Refused, what).with_hint("`dsp id pair` makes another one there")
}

fn broken() -> Problem {
    Problem::new(ProblemCode::Unreachable, "the other machine went away before it was done")
        .with_hint("nothing was changed here; begin again with `dsp id pair` on both")
}

fn not_taken(error: JoinError) -> Problem {
    match error {
        JoinError::File(error) => error.into(),
        JoinError::Log(_)
        | JoinError::OtherUser { .. }
        | JoinError::NotGranted(_)
        | JoinError::TooMuch(_)
        | JoinError::Damaged { .. } => {
            Problem::new(ProblemCode::Refused, format!("what came is not taken: {error}"))
                .with_hint("nothing was changed here")
        }
    }
}

async fn read(reader: &mut MessageReader, within: Duration) -> Result<PairMessage, Problem> {
    let next = timeout(within, reader.next(limits::MESSAGE_WIRE_BYTES, STEP)).await;
    let Ok(Ok(Some(bytes))) = next else { return Err(broken()) };
    match PairMessage::decode(&bytes) {
        Ok(PairMessage::Refuse { why: Refusal::Ticket }) => Err(no_ticket(
            "the pairing ticket does not hold: it was used, replaced, or is past its time",
        )),
        Ok(PairMessage::Refuse { why: Refusal::Denied }) => {
            Err(no_ticket("the other machine was told another code; nothing was granted"))
        }
        Ok(PairMessage::Refuse { why: Refusal::Failed }) => {
            Err(no_ticket("the other machine could not grant it; it says why there"))
        }
        Ok(message) => Ok(message),
        Err(_) => Err(broken()),
    }
}

async fn send(writer: &mut MessageWriter, message: &PairMessage) -> Result<(), Problem> {
    writer.send(&message.encode(), STEP).await.map_err(|_| broken())
}
