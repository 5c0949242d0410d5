//! The actor: inputs in, outputs performed.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use dsp_protocol::id::{BlobHash, DeviceId, FrameId};
use dsp_protocol::sync::{
    Command, CommandError, CommandId, Event, Input, Output, Record, Reply, Severity, TaskId,
    TaskResult,
};
use futures::FutureExt as _;
use libp2p::Multiaddr;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast, mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use super::blocked::Blocked;
use super::clock::Clock;
use super::fetch::Fetch;
use super::judging::{board_verdicts, no_board_verdicts, verdicts};
use super::loads::{Load, Loads};
use super::neighbours::Neighbours;
use super::pace::Pace;
use super::quota::Quotas;
use super::session::{SessionStream, StreamEvent};
use super::{Message, NodeEvent, NodeHandle, Parts, serve, storer};
use crate::blobs::{Blobs, Imported, Keep};
use crate::log::Quota;
use crate::net::{NetEvent, NetHandle, NetStream, StreamKind, reachable_at};
use crate::store::Store;

/// Lines about peers that broke a rule that are logged in [`COMPLAINTS_WITHIN`].
const COMPLAINTS: u32 = 20;
/// See [`COMPLAINTS`].
const COMPLAINTS_WITHIN: Duration = Duration::from_secs(60);
/// Messages of streams that wait for the actor.
const STREAM_EVENTS: usize = 256;
/// Answers with frames that are loaded at a time, for all peers; each has up to 16 MiB.
const LOADS: usize = 4;

/// What tasks of the actor tell it.
pub(super) enum Internal {
    Done(TaskId, TaskResult),
    /// Blobs of a fetch are durable.
    Brought(TaskId, Vec<Imported>),
    /// Frames were loaded; their place among the loads is free when they are on their way.
    Loaded(TaskId, Vec<(FrameId, Vec<u8>)>, Option<OwnedSemaphorePermit>),
    /// A device is connected that was dialled.
    Reached(DeviceId),
    /// A device could not be connected.
    Unreachable(DeviceId),
    /// The smaller device had its moment to open the sync stream.
    OpenNow(DeviceId),
    Opened(DeviceId, NetStream),
    NotOpened(DeviceId),
    /// A device asked for blobs as no honest program does.
    Misused(DeviceId, String),
}

pub(super) struct Actor {
    pub(super) engine: dsp_protocol::sync::Node,
    rng: ChaCha20Rng,
    clock: Clock,
    /// What the engine is told next: an output may cause an input, and that waits until the
    /// outputs beside it are performed.
    pub(super) inputs: VecDeque<Input>,
    pub(super) net: NetHandle,
    net_events: mpsc::Receiver<NetEvent>,
    pub(super) store: Store,
    blobs: Blobs,
    quotas: Quotas,
    pub(super) handle: NodeHandle,
    events: broadcast::Sender<NodeEvent>,
    pub(super) sessions: HashMap<DeviceId, SessionStream>,
    pub(super) next_session: u64,
    /// The devices with a connection, with or without a session.
    pub(super) connected: HashSet<DeviceId>,
    /// The devices with which a sync stream is being opened here.
    pub(super) opening: HashSet<DeviceId>,
    pub(super) pace: Pace,
    /// Of the streams that others open.
    pub(super) accepted: Pace,
    pub(super) neighbours: Neighbours,
    /// Commands that are reasons to look around on the local network once they are done.
    seeking: HashSet<CommandId>,
    blocked: Blocked,
    /// Lines about peers that broke a rule: strangers could fill the log with them.
    complaints: Quota,
    pub(super) loads: Loads,
    pub(super) load_places: Arc<Semaphore>,
    commands: BTreeMap<CommandId, oneshot::Sender<Result<Reply, CommandError>>>,
    next_command: u64,
    /// Blobs that came, while the engine is told: it says what is stored of them, or nothing.
    keeps: HashMap<BlobHash, Keep>,
    pub(super) wake_at: Option<Instant>,
    pub(super) streams: (mpsc::Sender<StreamEvent>, mpsc::Receiver<StreamEvent>),
    pub(super) internal: (mpsc::UnboundedSender<Internal>, mpsc::UnboundedReceiver<Internal>),
    stored: mpsc::UnboundedReceiver<(TaskId, TaskResult)>,
    storing: Option<mpsc::UnboundedSender<storer::Job>>,
    storer: Option<tokio::task::JoinHandle<()>>,
    /// Blobs whose earning is being stored, by task: nothing but this holds them until then.
    earning: HashMap<TaskId, Vec<Keep>>,
    pairing: mpsc::Sender<(DeviceId, NetStream)>,
    /// Where this device can be reached: as configured, and as listened on.
    announced: Vec<Multiaddr>,
    pub(super) listening: Vec<Multiaddr>,
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
            clock: Clock::new(),
            inputs: VecDeque::new(),
            net: parts.net,
            net_events: parts.net_events,
            quotas: Quotas::new(parts.store.clone(), parts.blobs.clone()),
            store: parts.store,
            blobs: parts.blobs,
            handle,
            events,
            sessions: HashMap::new(),
            next_session: 0,
            connected: HashSet::new(),
            opening: HashSet::new(),
            pace: Pace::default(),
            accepted: Pace::default(),
            neighbours: Neighbours::default(),
            seeking: HashSet::new(),
            blocked: Blocked::default(),
            complaints: Quota::new(COMPLAINTS, COMPLAINTS_WITHIN),
            loads: Loads::default(),
            load_places: Arc::new(Semaphore::new(LOADS)),
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
            pairing: parts.pairing,
            announced: parts.announce,
            listening: Vec::new(),
        }
    }

    pub(super) async fn run(mut self, mut inbox: mpsc::Receiver<Message>) {
        self.feed(Input::Start);
        loop {
            let (wake, unblock) = (self.wake_at, self.blocked.next_over());
            tokio::select! {
                biased;
                // Local work first: what is stored and what the user wants.
                stored = self.stored.recv() => match stored {
                    Some((task, result)) => self.on_stored(task, result),
                    None => {
                        tracing::error!("the storer ended");
                        return self.stop().await;
                    }
                },
                message = inbox.recv() => match message {
                    Some(Message::Command(command, reply)) => {
                        let id = CommandId(self.next_command);
                        self.next_command += 1;
                        self.commands.insert(id, reply);
                        if seeks_peers(&command) {
                            self.seeking.insert(id);
                        }
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
                () = sleep_until(unblock.unwrap_or_else(Instant::now)), if unblock.is_some() => {
                    while let Some(device) = self.blocked.take_over(Instant::now()) {
                        self.unblock(device);
                    }
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

    pub(super) fn feed(&mut self, input: Input) {
        self.inputs.push_back(input);
        let mut look = false;
        while let Some(input) = self.inputs.pop_front() {
            let from = match &input {
                Input::Message { device, .. } => Some(*device),
                _ => None,
            };
            let now = self.clock.now();
            for output in self.engine.handle(now, &mut self.rng, input) {
                if let Output::Reply { id, .. } = &output {
                    look |= self.seeking.remove(id);
                }
                self.perform(output, from);
            }
        }
        if look {
            self.look_around();
        }
    }

    /// Performs an output; `from` is whose message brought it about. Inputs that come of it go to
    /// `inputs`, never through `feed`.
    fn perform(&mut self, output: Output, from: Option<DeviceId>) {
        match output {
            Output::Dial { device, mut addresses, heard } => {
                addresses.extend(heard.into_iter().filter(|address| self.is_worth_a_dial(address)));
                self.dial(device, addresses);
            }
            Output::Reachable { device, mut addresses } => {
                addresses.retain(|address| self.is_worth_a_dial(address));
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
                    self.end_session(device);
                    self.inputs.push_back(Input::SessionDown { device });
                }
            }
            Output::Close { device, again } => {
                if self.end_session(device) && again {
                    self.open_if_smaller(device);
                }
            }
            Output::Store { task, records } => {
                let earned = records.iter().filter_map(|record| match record {
                    Record::Earned { hash, .. } => self.keeps.remove(hash),
                    _ => None,
                });
                let earned: Vec<Keep> = earned.collect();
                if !earned.is_empty() {
                    self.earning.insert(task, earned);
                }
                let storing = self.storing.as_ref().expect("outputs end before the storer does");
                // The storer runs as long as its channel is open.
                let _ = storing.send((task, records));
            }
            Output::Judge { task, work } => {
                let died = Internal::Done(task, TaskResult::Judged(Vec::new()));
                self.spawn(died, async move {
                    Internal::Done(task, TaskResult::Judged(verdicts(*work).await))
                });
            }
            Output::JudgeBoard { task, work } => {
                let died = Internal::Done(task, no_board_verdicts(&work));
                self.spawn(died, async move { Internal::Done(task, board_verdicts(*work).await) });
            }
            Output::LoadFrames { task, context, frames } => match from {
                Some(device) => {
                    self.loads.add(device, Load { task, context, frames });
                    self.load_next(device);
                }
                None => {
                    let result = TaskResult::Frames(Vec::new());
                    self.inputs.push_back(Input::Done { task, result });
                }
            },
            Output::LoadBlob { task, hash, limit } => {
                let blobs = self.blobs.clone();
                self.spawn(Internal::Done(task, TaskResult::Blob(None)), async move {
                    let bytes = blobs.read_all(hash, limit as u64).await;
                    Internal::Done(task, TaskResult::Blob(bytes.ok().map(|b| b.to_vec())))
                });
            }
            Output::Fetch { task, context, wants, asked, providers } => {
                let fetch = Fetch {
                    context,
                    wants,
                    asked,
                    quotas: self.quotas.clone(),
                    providers,
                    net: self.net.clone(),
                    store: self.store.clone(),
                    blobs: self.blobs.clone(),
                    node: self.handle.clone(),
                };
                let brought = self.internal.0.clone();
                let failed = move |failed| {
                    Internal::Done(task, TaskResult::Fetched { complete: Vec::new(), failed })
                };
                let died = failed(fetch.wants.iter().map(|want| want.hash).collect());
                self.spawn(died, async move {
                    // The actor may have stopped.
                    let hand = |blobs| drop(brought.send(Internal::Brought(task, blobs)));
                    failed(fetch.run(hand).await)
                });
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
                let wait = u64::try_from(at - self.clock.now()).unwrap_or(0);
                self.wake_at = Some(Instant::now() + Duration::from_millis(wait));
            }
        }
    }

    fn emit(&mut self, event: Event) {
        match &event {
            Event::Fork { context, device } => {
                tracing::warn!(context = %context.short(), device = %device.short(), "forked");
            }
            Event::Undone { context, stacks, others } => {
                let stacks = stacks.len();
                tracing::warn!(context = %context.short(), stacks, others, "undone by a fork");
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
            Event::OtherVersion { device, versions } => {
                tracing::warn!(peer = %device.short(), ?versions, "speaks only other versions");
            }
            _ => {}
        }
        // Nobody listening is no fault.
        let _ = self.events.send(NodeEvent::Sync(event));
    }

    fn penalise(&mut self, device: DeviceId, severity: Severity, reason: &str) {
        let now = Instant::now();
        let count = match severity {
            Severity::Mild => &self.handle.penalties().mild,
            Severity::Grave => &self.handle.penalties().grave,
        };
        count.fetch_add(1, Ordering::Relaxed);
        if let Some(unsaid) = self.complaints.take(now.into_std()) {
            let peer = device.short();
            tracing::warn!(%peer, ?severity, reason, unsaid, "peer broke a rule");
        }
        if severity == Severity::Grave {
            let net = self.net.clone();
            tokio::spawn(async move { net.block(device).await });
            if let Some(first) = self.blocked.add(device, now) {
                self.unblock(first);
            }
        }
    }

    fn unblock(&self, device: DeviceId) {
        let net = self.net.clone();
        tokio::spawn(async move { net.unblock(device).await });
    }

    /// Runs a task whose end the actor is told, by `died` if it panics.
    pub(super) fn spawn(
        &self,
        died: Internal,
        task: impl Future<Output = Internal> + Send + 'static,
    ) {
        let internal = self.internal.0.clone();
        tokio::spawn(async move {
            let told = AssertUnwindSafe(task).catch_unwind().await.unwrap_or(died);
            // The actor may have stopped.
            let _ = internal.send(told);
        });
    }

    fn on_internal(&mut self, internal: Internal) {
        match internal {
            Internal::Done(task, result) => self.feed(Input::Done { task, result }),
            Internal::Brought(task, blobs) => {
                let complete = blobs.iter().map(|imported| imported.hash).collect();
                self.keeps.extend(blobs.into_iter().map(|blob| (blob.hash, blob.keep)));
                self.feed(Input::Brought { task, complete });
                // The context was forgotten meanwhile: nobody wants them.
                self.keeps.clear();
            }
            Internal::Loaded(task, frames, _place) => {
                self.feed(Input::Done { task, result: TaskResult::Frames(frames) });
                if let Some(device) = self.loads.done(task) {
                    self.load_next(device);
                }
            }
            Internal::Reached(device) => self.meet(device),
            Internal::Unreachable(device) => {
                self.not_reached(device);
                self.look_around_now_and_then();
            }
            Internal::OpenNow(device) => self.open(device),
            Internal::Opened(device, stream) => self.opened(device, stream),
            Internal::NotOpened(device) => {
                self.opening.remove(&device);
                self.not_reached(device);
            }
            Internal::Misused(device, reason) => {
                self.penalise(device, Severity::Grave, &reason);
            }
        }
    }

    fn on_stored(&mut self, task: TaskId, result: TaskResult) {
        self.earning.remove(&task);
        self.feed(Input::Done { task, result });
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
                self.connected.insert(device);
                self.open_if_smaller(device);
            }
            NetEvent::Disconnected { device } => {
                self.connected.remove(&device);
                if self.end_session(device) {
                    self.feed(Input::SessionDown { device });
                }
            }
            NetEvent::Inbound { device, kind: StreamKind::Sync, stream } => {
                self.accept(device, stream);
            }
            NetEvent::Inbound { device, kind: StreamKind::Blobs, stream } => {
                let (store, blobs) = (self.store.clone(), self.blobs.clone());
                let (node, internal) = (self.handle.clone(), self.internal.0.clone());
                tokio::spawn(async move {
                    if let Err(error) = serve::serve(device, stream, node, store, blobs).await {
                        let reason = format!("asked for blobs: {error}");
                        // The actor may have stopped.
                        let _ = internal.send(Internal::Misused(device, reason));
                    }
                });
            }
            NetEvent::Inbound { device, kind: StreamKind::Pair, stream } => {
                // Whoever asks where nobody listens, or too often, finds the stream closed.
                let _ = self.pairing.try_send((device, stream));
            }
            NetEvent::Discovered { addresses } => self.discovered(addresses),
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

/// Tells whether a command is a reason to talk to nodes of the local network.
fn seeks_peers(command: &Command) -> bool {
    matches!(command, Command::Follow { .. } | Command::Reach { .. } | Command::Share { .. })
}
