//! The actor: inputs in, outputs performed.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use dsp_protocol::doc::judge;
use dsp_protocol::id::{BlobHash, DeviceId};
use dsp_protocol::limits;
use dsp_protocol::sync::{
    CommandError, CommandId, Event, Input, Output, Record, Reply, SessionRole, Severity, TaskId,
    TaskResult,
};
use libp2p::Multiaddr;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use super::fetch::{Fetch, Outcome};
use super::session::{SessionStream, StreamEvent};
use super::{Earned, Message, NodeEvent, NodeHandle, Parts, storer};
use crate::blobs::{Blobs, Keep, ServeError};
use crate::net::{NetEvent, NetHandle, NetStream, StreamKind, reachable_at};
use crate::store::Store;

/// How long a device that broke a rule stays blocked.
const BLOCKED: Duration = Duration::from_secs(3600);
/// How long the larger device waits for the smaller one to open the sync stream.
const OPEN_WAIT: Duration = Duration::from_secs(10);
/// Messages of streams that wait for the actor.
const STREAM_EVENTS: usize = 256;

/// What tasks of the actor tell it.
enum Internal {
    Done(TaskId, TaskResult),
    Fetched(TaskId, Outcome),
    Opened(DeviceId, NetStream),
    /// No session came of an effort to reach a device.
    Unreachable(DeviceId),
    /// Time to look whether a connection has become a session.
    LookAgain(DeviceId),
    Unblock(DeviceId),
}

pub(super) struct Actor {
    engine: dsp_protocol::sync::Node,
    rng: ChaCha20Rng,
    net: NetHandle,
    net_events: mpsc::Receiver<NetEvent>,
    store: Store,
    blobs: Blobs,
    handle: NodeHandle,
    events: broadcast::Sender<NodeEvent>,
    sessions: HashMap<DeviceId, SessionStream>,
    next_session: u64,
    commands: BTreeMap<CommandId, oneshot::Sender<Result<Reply, CommandError>>>,
    next_command: u64,
    /// Blobs that came and whose records are not stored yet.
    keeps: HashMap<BlobHash, Keep>,
    wake_at: Option<Instant>,
    streams: (mpsc::Sender<StreamEvent>, mpsc::Receiver<StreamEvent>),
    internal: (mpsc::UnboundedSender<Internal>, mpsc::UnboundedReceiver<Internal>),
    stored: mpsc::UnboundedReceiver<(TaskId, TaskResult)>,
    storing: Option<mpsc::UnboundedSender<storer::Job>>,
    storer: Option<tokio::task::JoinHandle<()>>,
    /// Blobs whose earning is being stored, by task.
    earning: HashMap<TaskId, Vec<BlobHash>>,
    /// Where this device can be reached: as configured, and as listened on.
    announced: Vec<Multiaddr>,
    listening: Vec<Multiaddr>,
}

impl Actor {
    pub(super) fn new(
        parts: Parts,
        handle: NodeHandle,
        events: broadcast::Sender<NodeEvent>,
    ) -> Self {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).expect("the system has entropy: keys were made with it");
        let (storing, jobs) = mpsc::unbounded_channel();
        let (results, stored) = mpsc::unbounded_channel();
        let storer = tokio::spawn(storer::run(parts.store.clone(), jobs, results));
        Actor {
            engine: parts.engine,
            rng: ChaCha20Rng::from_seed(seed),
            net: parts.net,
            net_events: parts.net_events,
            store: parts.store,
            blobs: parts.blobs,
            handle,
            events,
            sessions: HashMap::new(),
            next_session: 0,
            commands: BTreeMap::new(),
            next_command: 0,
            keeps: HashMap::new(),
            wake_at: None,
            streams: mpsc::channel(STREAM_EVENTS),
            internal: mpsc::unbounded_channel(),
            stored,
            storing: Some(storing),
            storer: Some(storer),
            earning: HashMap::new(),
            announced: parts.announce,
            listening: Vec::new(),
        }
    }

    pub(super) async fn run(mut self, mut inbox: mpsc::Receiver<Message>) {
        self.feed(Input::Start);
        loop {
            let wake = self.wake_at;
            tokio::select! {
                biased;
                // Local work first: what is stored and what the user wants.
                Some((task, result)) = self.stored.recv() => self.on_stored(task, result),
                message = inbox.recv() => match message {
                    Some(Message::Command(command, reply)) => {
                        let id = CommandId(self.next_command);
                        self.next_command += 1;
                        self.commands.insert(id, reply);
                        self.feed(Input::Command { id, command });
                    }
                    Some(Message::Announce(addresses)) => {
                        self.announced = addresses;
                        self.tell_addresses();
                    }
                    Some(Message::Query(query)) => query(&self.engine),
                    Some(Message::Shutdown(done)) => {
                        self.stop().await;
                        // Whoever asked may not wait any more.
                        let _ = done.send(());
                        return;
                    }
                    None => return self.stop().await,
                },
                Some(internal) = self.internal.1.recv() => self.on_internal(internal),
                () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => {
                    self.wake_at = None;
                    self.feed(Input::Wake);
                }
                Some(event) = self.streams.1.recv() => self.on_stream(event),
                Some(event) = self.net_events.recv() => self.on_net(event),
            }
        }
    }

    /// Tells the engine where this device can be reached, the most useful first.
    fn tell_addresses(&mut self) {
        let addresses = reachable_at(&self.announced, &self.listening);
        self.feed(Input::Listening { addresses });
    }

    fn feed(&mut self, input: Input) {
        let outputs = self.engine.handle(now(), &mut self.rng, input);
        for output in outputs {
            self.perform(output);
        }
    }

    fn perform(&mut self, output: Output) {
        match output {
            Output::Dial { device, addresses } => self.dial(device, addresses),
            Output::Reachable { device, addresses } => {
                let store = self.store.clone();
                tokio::spawn(async move {
                    if let Err(error) = store.note_claimed(device, addresses).await {
                        tracing::debug!(%error, "addresses were not remembered");
                    }
                });
            }
            Output::Send { device, bytes } => {
                let slow = self.sessions.get(&device).is_some_and(|s| s.send(bytes).is_err());
                if slow {
                    tracing::info!(peer = %device.short(), "too slow, session ends");
                    self.end_session(device, Again::No);
                    self.feed(Input::SessionDown { device });
                }
            }
            Output::Close { device, again } => {
                self.end_session(device, if again { Again::Yes } else { Again::No });
            }
            Output::Store { task, records } => {
                let earned = records.iter().filter_map(|record| match record {
                    Record::Earned { hash, .. } => Some(*hash),
                    _ => None,
                });
                let earned: Vec<BlobHash> = earned.collect();
                if !earned.is_empty() {
                    self.earning.insert(task, earned);
                }
                let storing = self.storing.as_ref().expect("outputs end before the storer does");
                // The storer runs as long as its channel is open.
                let _ = storing.send((task, records));
            }
            Output::Judge { task, work } => self.spawn(async move {
                let judged = tokio::task::spawn_blocking(move || judge(&work)).await;
                Internal::Done(task, TaskResult::Judged(judged.unwrap_or_default()))
            }),
            Output::LoadFrames { task, context, frames } => {
                let store = self.store.clone();
                self.spawn(async move {
                    let frames = store.frames(context, frames).await;
                    let frames = frames.unwrap_or_else(|error| {
                        tracing::error!(%error, "frames could not be read");
                        Vec::new()
                    });
                    Internal::Done(task, TaskResult::Frames(frames))
                });
            }
            Output::LoadBlob { task, hash, limit } => {
                let blobs = self.blobs.clone();
                self.spawn(async move {
                    let bytes = blobs.read_all(hash, limit as u64).await;
                    Internal::Done(task, TaskResult::Blob(bytes.ok().map(|b| b.to_vec())))
                });
            }
            Output::Fetch { task, context, wants, providers } => {
                let fetch = Fetch {
                    context,
                    wants,
                    providers,
                    net: self.net.clone(),
                    store: self.store.clone(),
                    blobs: self.blobs.clone(),
                    node: self.handle.clone(),
                };
                self.spawn(async move { Internal::Fetched(task, fetch.run().await) });
            }
            Output::Reply { id, result } => {
                if let Some(reply) = self.commands.remove(&id) {
                    // Whoever asked may not wait any more.
                    let _ = reply.send(result);
                }
            }
            Output::Emit(event) => self.emit(event),
            Output::Penalty { device, severity, reason } => {
                self.penalise(device, severity, &reason);
            }
            Output::WakeAt(at) => {
                let wait = u64::try_from(at - now()).unwrap_or(0);
                self.wake_at = Some(Instant::now() + Duration::from_millis(wait));
            }
        }
    }

    fn emit(&mut self, event: Event) {
        match &event {
            Event::Fork { context, device } => {
                tracing::warn!(context = %context.short(), device = %device.short(), "forked");
            }
            Event::Restored { context } => {
                tracing::warn!(context = %context.short(), "restored from an old copy");
            }
            Event::Failed { context, reason } => {
                tracing::warn!(context = %context.short(), reason, "failed, to be tried again");
            }
            Event::NotAdmitted { context, device, reason } => {
                tracing::info!(context = %context.short(), peer = %device.short(), reason, "denied");
            }
            _ => {}
        }
        // Nobody listening is no fault.
        let _ = self.events.send(NodeEvent::Sync(event));
    }

    fn penalise(&mut self, device: DeviceId, severity: Severity, reason: &str) {
        tracing::warn!(peer = %device.short(), ?severity, reason, "peer broke a rule");
        if severity == Severity::Grave {
            let net = self.net.clone();
            self.spawn(async move {
                net.block(device).await;
                tokio::time::sleep(BLOCKED).await;
                Internal::Unblock(device)
            });
        }
    }

    fn spawn(&self, task: impl Future<Output = Internal> + Send + 'static) {
        let internal = self.internal.0.clone();
        tokio::spawn(async move {
            // The actor may have stopped.
            let _ = internal.send(task.await);
        });
    }

    fn on_internal(&mut self, internal: Internal) {
        match internal {
            Internal::Done(task, result) => self.feed(Input::Done { task, result }),
            Internal::Fetched(task, Outcome { complete, failed }) => {
                let hashes = complete.iter().map(|imported| imported.hash).collect();
                for imported in complete {
                    self.keeps.insert(imported.hash, imported.keep);
                }
                let result = TaskResult::Fetched { complete: hashes, failed };
                self.feed(Input::Done { task, result });
            }
            Internal::Opened(device, stream) => {
                self.start_session(device, stream, SessionRole::Initiator);
            }
            Internal::Unreachable(device) => {
                if !self.sessions.contains_key(&device) {
                    self.feed(Input::DialFailed { device });
                }
            }
            Internal::LookAgain(device) => {
                if !self.sessions.contains_key(&device) {
                    self.feed(Input::DialFailed { device });
                }
            }
            Internal::Unblock(device) => {
                let net = self.net.clone();
                tokio::spawn(async move { net.unblock(device).await });
            }
        }
    }

    fn on_stored(&mut self, task: TaskId, result: TaskResult) {
        for hash in self.earning.remove(&task).unwrap_or_default() {
            self.keeps.remove(&hash);
        }
        self.feed(Input::Done { task, result });
    }

    fn on_stream(&mut self, event: StreamEvent) {
        match event {
            StreamEvent::Message { device, number, bytes, next } => {
                if self.sessions.get(&device).is_none_or(|s| s.number != number) {
                    return;
                }
                self.feed(Input::Message { device, bytes });
                let limit = if self.engine.has_matched(device) {
                    limits::MESSAGE_WIRE_BYTES
                } else {
                    limits::HELLO_BYTES
                };
                // The reader ends with its session.
                let _ = next.send(limit);
            }
            StreamEvent::Ended { device, number } => {
                if self.sessions.get(&device).is_some_and(|s| s.number == number) {
                    self.sessions.remove(&device);
                    self.feed(Input::SessionDown { device });
                    self.handle.tell(NodeEvent::Disconnected(device));
                    self.open_if_mine(device);
                }
            }
        }
    }

    fn on_net(&mut self, event: NetEvent) {
        match event {
            NetEvent::Connected { device, address, direction } => {
                tracing::debug!(peer = %device.short(), %address, ?direction, "connected");
                if direction == crate::net::Direction::Outbound {
                    let store = self.store.clone();
                    tokio::spawn(async move {
                        if let Err(error) = store.note_address(device, address.to_string()).await {
                            tracing::debug!(%error, "an address was not remembered");
                        }
                    });
                }
                self.open_if_mine(device);
            }
            NetEvent::Disconnected { device } => {
                if self.sessions.remove(&device).is_some() {
                    self.feed(Input::SessionDown { device });
                    self.handle.tell(NodeEvent::Disconnected(device));
                }
            }
            NetEvent::Inbound { device, kind: StreamKind::Sync, stream } => {
                // The smaller device opens the sync stream, so that there is one.
                if device < self.engine.device() {
                    self.start_session(device, stream, SessionRole::Responder);
                }
            }
            NetEvent::Inbound { device, kind: StreamKind::Blobs, stream } => {
                let blobs = self.blobs.clone();
                let store = Arc::new(self.store.clone());
                let authorise = Earned { node: self.handle.clone(), store };
                tokio::spawn(async move {
                    match blobs.serve(stream, device, &authorise).await {
                        Ok(_) => {}
                        Err(ServeError::Request(error)) => {
                            tracing::warn!(peer = %device.short(), %error, "bad blob request");
                        }
                        Err(error) => {
                            tracing::debug!(peer = %device.short(), %error, "blobs not served");
                        }
                    }
                });
            }
            NetEvent::Discovered { addresses } => {
                let shares = self.engine.contexts().any(|c| c.view().members().len() > 1)
                    || self.engine.contexts().any(|c| c.came_in_by().is_some())
                    || self.engine.contexts().any(|c| !c.view().tickets().is_empty());
                if shares {
                    let net = self.net.clone();
                    tokio::spawn(async move {
                        for address in addresses {
                            match net.dial_address(address).await {
                                Ok(_) => return,
                                Err(error) => tracing::debug!(%error, "discovered, not reached"),
                            }
                        }
                    });
                }
            }
            NetEvent::Listening { addresses } => {
                tracing::info!(addresses = ?addresses, "listening");
                self.listening = addresses;
                self.tell_addresses();
            }
            NetEvent::ListenFailed { address, reason } => {
                tracing::warn!(%address, reason, "cannot listen");
            }
        }
    }

    fn dial(&self, device: DeviceId, addresses: Vec<String>) {
        let (net, store) = (self.net.clone(), self.store.clone());
        let smaller = self.engine.device() < device;
        self.spawn(async move {
            let mut known = store.addresses(device).await.unwrap_or_default();
            for address in addresses {
                if !known.contains(&address) {
                    known.push(address);
                }
            }
            let known: Vec<Multiaddr> = known.iter().filter_map(|a| a.parse().ok()).collect();
            if let Err(error) = net.dial(device, known).await {
                tracing::debug!(peer = %device.short(), %error, "not reached");
                return Internal::Unreachable(device);
            }
            // Connected: the session follows from the event of the network, or never.
            tokio::time::sleep(if smaller { OPEN_WAIT / 2 } else { OPEN_WAIT }).await;
            Internal::LookAgain(device)
        });
    }

    /// Opens the sync stream with a connected device, if that is this side's to do.
    fn open_if_mine(&self, device: DeviceId) {
        if self.engine.device() >= device || self.sessions.contains_key(&device) {
            return;
        }
        let net = self.net.clone();
        self.spawn(async move {
            match net.open(device, StreamKind::Sync).await {
                Ok(stream) => Internal::Opened(device, stream),
                Err(error) => {
                    tracing::debug!(peer = %device.short(), %error, "no sync stream");
                    Internal::Unreachable(device)
                }
            }
        });
    }

    fn start_session(&mut self, device: DeviceId, stream: NetStream, role: SessionRole) {
        let number = self.next_session;
        self.next_session += 1;
        let stream = SessionStream::start(device, number, stream, self.streams.0.clone());
        if self.sessions.insert(device, stream).is_some() {
            self.feed(Input::SessionDown { device });
        }
        self.feed(Input::SessionUp { device, role });
        self.handle.tell(NodeEvent::Connected(device));
    }

    fn end_session(&mut self, device: DeviceId, again: Again) {
        if self.sessions.remove(&device).is_none() {
            return;
        }
        self.handle.tell(NodeEvent::Disconnected(device));
        match again {
            Again::Yes => self.open_if_mine(device),
            Again::No => {}
        }
    }

    async fn stop(&mut self) {
        self.sessions.clear();
        // Everything handed to the storer is stored before it ends.
        self.storing = None;
        if let Some(storer) = self.storer.take()
            && let Err(error) = storer.await
        {
            tracing::error!(%error, "the storer failed");
        }
    }
}

/// Whether a session that ends begins anew.
#[derive(Clone, Copy)]
enum Again {
    Yes,
    No,
}

/// Returns the time in milliseconds since 1970.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
