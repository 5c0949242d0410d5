//! `/events`: what happens, as a stream that a caller can come back to.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{self, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use dsp_protocol::api::Event;
use futures::Stream;
use serde::Deserialize;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{Fault, Query};
use super::described::NoSuch;
use crate::ops::Ops;
use crate::ops::events::{Numbered, context_of, name_of};

/// How often a silent stream shows that it is alive.
const ALIVE: Duration = Duration::from_secs(15);

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct EventsQuery {
    /// Names of events, or what stands before their dot, parted by commas; all when left out.
    topics: Option<String>,
    /// Only events of this context, by label or id, and those of none.
    context: Option<String>,
}

/// What a caller wants to hear.
#[derive(Clone, Debug)]
struct Filter {
    topics: Option<Vec<String>>,
    context: Option<dsp_protocol::id::ContextId>,
}

impl Filter {
    fn takes(&self, event: &Event) -> bool {
        if matches!(event, Event::Resync {}) {
            return true;
        }
        let name = name_of(event);
        let topic = name.split('.').next().unwrap_or(name);
        let named =
            |topics: &Vec<String>| topics.iter().any(|wanted| wanted == name || wanted == topic);
        self.topics.as_ref().is_none_or(named)
            && self.context.is_none_or(|id| context_of(event).is_none_or(|of| of == id))
    }
}

pub(super) fn routes() -> OpenApiRouter<Arc<Ops>> {
    OpenApiRouter::new().routes(routes!(events))
}

/// Streams events; `Last-Event-ID` brings what was missed, or `resync` where that is gone
#[utoipa::path(get, path = "/events", tag = "events", operation_id = "streamEvents",
    params(EventsQuery, ("Last-Event-ID" = Option<String>, Header)),
    responses((status = 200, body = Event, content_type = "text/event-stream"), NoSuch))]
async fn events(
    State(ops): State<Arc<Ops>>,
    Query(query): Query<EventsQuery>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let topics = query.topics.map(|topics| {
        topics.split(',').map(str::trim).filter(|t| !t.is_empty()).map(str::to_owned).collect()
    });
    let context = match query.context {
        Some(label) => Some(ops.context(&label).await?.id),
        None => None,
    };
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let stream = stream(ops, Filter { topics, context }, last);
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(ALIVE)).into_response())
}

fn stream(
    ops: Arc<Ops>,
    filter: Filter,
    last: Option<&str>,
) -> impl Stream<Item = Result<sse::Event, Infallible>> + use<> {
    let listener = ops.feed().listen(last);
    let mut waiting: VecDeque<(Option<u64>, Event)> =
        listener.missed.into_iter().map(|event| (Some(event.number), event.event)).collect();
    if listener.lost {
        waiting.push_front((None, Event::Resync {}));
    }
    let state = (ops, filter, waiting, listener.live);
    futures::stream::unfold(state, |(ops, filter, mut waiting, mut live)| async move {
        loop {
            let (number, event) = match waiting.pop_front() {
                Some(event) => event,
                None => next(&ops, &mut live).await?,
            };
            if filter.takes(&event) {
                let told = told(&ops, number, &event);
                return Some((Ok(told), (ops, filter, waiting, live)));
            }
        }
    })
}

/// Waits for an event; nothing once the daemon stops.
async fn next(ops: &Ops, live: &mut Receiver<Numbered>) -> Option<(Option<u64>, Event)> {
    let received = tokio::select! {
        () = ops.stopping().cancelled() => return None,
        received = live.recv() => received,
    };
    match received {
        Ok(event) => Some((Some(event.number), event.event)),
        Err(RecvError::Lagged(_)) => Some((None, Event::Resync {})),
        Err(RecvError::Closed) => None,
    }
}

fn told(ops: &Ops, number: Option<u64>, event: &Event) -> sse::Event {
    let json = serde_json::to_string(event).expect("the types of the API have a JSON form");
    let told = sse::Event::default().event(name_of(event)).data(json);
    match number {
        Some(number) => told.id(ops.feed().id(number)),
        None => told,
    }
}
