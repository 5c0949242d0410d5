//! What the document of the API says beside what stands at each route: the problems that a call may
//! answer, and the bounds of its numbers.
//!
//! Whatever the guard, the readers of requests and the database may refuse is the same for many
//! calls and said here once. What takes a thing to be there, or in some state, is marked at the
//! route by one of the types below.

use std::collections::BTreeMap;

use dsp_protocol::api::{
    BoardChangeInfo, BoardInfo, CommentInfo, ContextInfo, DeedInfo, DeviceInfo, FileInfo,
    KeyChange, LogEntry, MemberInfo, NotificationInfo, OfferInfo, PROBLEM_JSON, Page, PeerInfo,
    PinInfo, SearchHit, SessionInfo, Setting, StackInfo, TicketInfo, TokenInfo,
};
use serde_json::{Map, Value, json};
use utoipa::openapi::schema::{
    ArrayBuilder, KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type,
};
use utoipa::openapi::{Ref, RefOr, Response};
use utoipa::{IntoResponses, PartialSchema, ToSchema};

/// The problems that calls answer: status, name, and when.
const PROBLEMS: [(&str, &str, &str); 12] = [
    ("400", "BadRequest", "The request is malformed, or breaks a rule"),
    ("401", "Unauthorized", "Nobody, or nobody known, calls"),
    ("403", "Refused", "Not allowed to this caller, or refused for what it would do"),
    ("404", "NotFound", "What the request names is not here"),
    ("409", "Conflict", "Not as things stand: taken, ambiguous, or its bytes are not here"),
    ("413", "TooLarge", "More than is taken, or than is read"),
    ("415", "UnsupportedMediaType", "The bytes are of another media type than the call takes"),
    ("416", "RangeNotSatisfiable", "The range lies outside the bytes"),
    ("421", "Misdirected", "The request names another host than this daemon"),
    ("500", "Failed", "A bug, a failed disk, or bytes that are damaged"),
    ("503", "Unavailable", "The daemon stops, or no peer that has it can be reached"),
    ("507", "DiskFull", "The disk is full"),
];

/// What the guard and the database may refuse of any call.
const ANY: [&str; 6] = ["401", "403", "421", "500", "503", "507"];

/// Gives a route the problems with some statuses.
macro_rules! marks {
    ($($(#[$meta:meta])* $name:ident: $($status:literal)+;)*) => {$(
        $(#[$meta])*
        pub(super) enum $name {}

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                [$($status),+].into_iter().map(|status| (status.to_owned(), problem(status))).collect()
            }
        }
    )*};
}

marks! {
    /// The call names something, which has to be there, alone of its name, and in a state for it.
    NoSuch: "404" "409";
    /// The call names nothing, and takes something to be in a state that it may not be in.
    NotNow: "409";
    /// The call reads something that may be larger than is read at once.
    TooMuch: "413";
    /// The call answers parts of bytes.
    Outside: "416";
}

#[cfg(feature = "tables")]
marks! {
    /// The call reads bytes as what they may not be.
    OtherMedia: "415";
}

fn problem(status: &str) -> RefOr<Response> {
    let (_, name, _) = PROBLEMS.iter().find(|known| known.0 == status).expect("it is listed");
    RefOr::Ref(Ref::from_response_name(*name))
}

/// Bytes as they are.
pub(super) enum Bytes {}

impl PartialSchema for Bytes {
    fn schema() -> RefOr<Schema> {
        let format = SchemaFormat::KnownFormat(KnownFormat::Binary);
        ObjectBuilder::new().schema_type(Type::String).format(Some(format)).build().into()
    }
}

impl ToSchema for Bytes {}

/// Names a page whose items are of one type.
macro_rules! pages {
    ($($name:ident: $item:ty;)*) => {$(
        /// A [`Page`] of
        #[doc = concat!("`", stringify!($item), "`.")]
        pub(super) enum $name {}

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                page_of(Ref::from_schema_name(<$item>::name()))
            }
        }

        impl ToSchema for $name {
            fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
                schemas.push((<$item>::name().into_owned(), <$item>::schema()));
                <$item>::schemas(schemas);
            }
        }
    )*};
}

pages! {
    BoardChangePage: BoardChangeInfo;
    BoardPage: BoardInfo;
    CommentPage: CommentInfo;
    ContextPage: ContextInfo;
    DeedPage: DeedInfo;
    DevicePage: DeviceInfo;
    FilePage: FileInfo;
    HitPage: SearchHit;
    LogPage: LogEntry;
    KeyChangePage: KeyChange;
    MemberPage: MemberInfo;
    NotificationPage: NotificationInfo;
    OfferPage: OfferInfo;
    PeerPage: PeerInfo;
    PinPage: PinInfo;
    SessionPage: SessionInfo;
    SettingPage: Setting;
    StackPage: StackInfo;
    TicketPage: TicketInfo;
    TokenPage: TokenInfo;
}

fn page_of(item: Ref) -> RefOr<Schema> {
    let RefOr::T(Schema::Object(mut page)) = Page::schema() else {
        unreachable!("a page is an object");
    };
    page.properties.insert("items".to_owned(), ArrayBuilder::new().items(item).build().into());
    page.into()
}

/// Completes a document.
pub(super) fn complete(document: &mut Value) {
    let named = PROBLEMS.iter().map(|(_, name, when)| {
        let schema = json!({ "$ref": "#/components/schemas/Problem" });
        let content = json!({ PROBLEM_JSON: { "schema": schema } });
        ((*name).to_owned(), json!({ "description": when, "content": content }))
    });
    document["components"]["responses"] = Value::Object(named.collect());
    let paths = document["paths"].as_object_mut().expect("the document has paths");
    for operation in paths.values_mut().flat_map(|path| path.as_object_mut().expect("a path")) {
        add_problems(operation.1.as_object_mut().expect("an operation"));
    }
    bound(document);
}

/// Adds the problems that follow from what an operation takes.
fn add_problems(operation: &mut Map<String, Value>) {
    let mut statuses = ANY.to_vec();
    let body = operation.get("requestBody").map(|body| &body["content"]);
    if body.is_some() || operation.contains_key("parameters") {
        statuses.push("400");
    }
    if let Some(body) = body {
        statuses.push("415");
        // Bytes are taken as long as there is room.
        if body["application/json"].is_object() {
            statuses.push("413");
        }
    }
    let responses = operation["responses"].as_object_mut().expect("an operation has answers");
    for status in statuses {
        let problem = serde_json::to_value(problem(status)).expect("a reference has a JSON form");
        responses.entry(status).or_insert(problem);
    }
}

/// Says how large whole numbers without a sign may be. They come with the formats of those that have
/// one, which end below what the daemon takes and tells.
fn bound(part: &mut Value) {
    match part {
        Value::Object(map) => {
            let unsigned = match map.get("format").and_then(Value::as_str) {
                Some("int32") => Some(("uint32", u64::from(u32::MAX))),
                Some("int64") => Some(("uint64", u64::MAX)),
                _ => None,
            };
            if let Some((format, most)) = unsigned.filter(|_| map.contains_key("minimum")) {
                map.insert("format".to_owned(), json!(format));
                map.entry("maximum").or_insert(json!(most));
            }
            map.values_mut().for_each(bound);
        }
        Value::Array(list) => list.iter_mut().for_each(bound),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
