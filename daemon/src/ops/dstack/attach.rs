//! Attachments and parameters, from dstack's form to ours and back.

use std::collections::HashSet;

use dsp_protocol::cbor;
use dsp_protocol::limits::{ATTACHMENT_TEXT_BYTES, MEDIA_BYTES, SETTINGS_BYTES, SETTINGS_DEPTH};
use dsp_protocol::name::{AttachmentPath, fold_key};
use dsp_protocol::object::{self, Attachment, BlobRef, Files, Frame, Param, Params};
use serde_json::{Map, Value, json};

use super::super::push::Built;
use super::Refusal;
use super::draft::{About, Draft, DraftKey, Said};
use super::names::shortened;
use super::request::{AttachmentRequest, PushRequest};

/// The name under which a frame keeps what only dstack's clients need.
const TOOL: &str = "dstack";
/// The id that the client made.
const ID: &str = "id";
/// Settings that are larger or deeper than those of an attachment may be, as JSON text by number.
const SETTINGS: &str = "settings";
/// Says that a frame begins a stack that nothing was pushed to.
const BEGINS: &str = "begins";
/// The number that stands for the frame itself among these.
const OF_FRAME: &str = "frame";
/// Longest id that a client may give a frame.
const ID_BYTES: usize = 63;

/// Tells whether a client may call a frame so: never what one of our ids looks like.
pub(super) fn is_frame_id(id: &str) -> bool {
    let letters = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    (1..=ID_BYTES).contains(&id.len()) && id.bytes().all(letters)
}

/// Reads parameters.
///
/// # Errors
/// One is a list, or a map that does not say its type, which older clients cannot compare.
pub(super) fn params(map: Option<Map<String, Value>>) -> Result<Params, Refusal> {
    let mut read = Params::new();
    for (name, value) in map.into_iter().flatten() {
        let wrong = |reason: &dyn std::fmt::Display| {
            Refusal::malformed(format!("the parameter `{}`: {reason}", shortened(&name)))
        };
        let param = match &value {
            Value::Array(_) => Err(wrong(&"a list is no parameter; push it as an attachment")),
            Value::Object(map) => match map.get("type").and_then(Value::as_str) {
                Some("tab") => {
                    Ok(Param::Tab(map.get("title").and_then(Value::as_str).map(str::to_owned)))
                }
                Some(_) => Ok(Param::Json(value.clone())),
                None => Err(wrong(&"a map without a `type` is no parameter")),
            },
            plain => Param::from_json(plain).map_err(|error| wrong(&error)),
        }?;
        param.check().map_err(|error| wrong(&error))?;
        read.insert(name, param);
    }
    Ok(read)
}

/// Writes parameters as dstack's clients read them: plain values, and tabs.
pub(super) fn params_json(params: &Params) -> Value {
    let one = |param: &Param| match param {
        Param::Tab(None) => json!({ "type": "tab" }),
        Param::Tab(Some(title)) => json!({ "type": "tab", "title": title }),
        Param::Json(json) => json.clone(),
        Param::Date(_) | Param::Time(_) | Param::DateTime(_) => Value::from(param.to_string()),
        Param::Float(float) if !float.is_finite() => Value::from(param.to_string()),
        other => other.to_json(),
    };
    Value::Object(params.iter().map(|(name, param)| (name.clone(), one(param))).collect())
}

/// Reads what an attachment says besides its bytes.
///
/// # Errors
/// It has no media type, or says something that an attachment cannot hold.
pub(super) fn about(request: &mut AttachmentRequest, push: &PushRequest) -> Result<About, Refusal> {
    let content_type = request.content_type.take().or_else(|| push.content_type.clone());
    let application = request.application.take().or_else(|| push.application.clone());
    let (app, media) = match (content_type, request.legacy.as_deref()) {
        (Some(media), _) => (application, media),
        (None, Some(legacy)) => {
            let (app, media) = from_legacy(legacy).ok_or_else(|| {
                let detail = format!("the type `{}` of an attachment", shortened(legacy));
                Refusal::malformed(format!("{detail} is not known"))
                    .with_hint("name its `content_type` instead")
            })?;
            (app.map(str::to_owned), media.to_owned())
        }
        (None, None) => {
            return Err(Refusal::malformed("an attachment has no `content_type`"));
        }
    };
    for (what, text, limit) in [
        ("content_type", Some(&media), MEDIA_BYTES),
        ("application", app.as_ref(), MEDIA_BYTES),
        ("description", request.description.as_ref(), ATTACHMENT_TEXT_BYTES),
    ] {
        if text.is_some_and(|text| text.len() > limit) {
            return Err(Refusal::malformed(format!("`{what}` has more than {limit} bytes")));
        }
    }
    let visible = |text: &str| !text.is_empty() && text.bytes().all(|b| (b' '..=b'~').contains(&b));
    if !visible(&media) || app.as_ref().is_some_and(|app| !visible(app)) {
        return Err(Refusal::malformed("`content_type` and `application` are visible ASCII"));
    }
    let settings = request.settings.take().filter(|settings| !settings.is_empty());
    let given = request.params.take();
    let weight = weight([given.as_ref(), settings.as_ref()]);
    let text = request.description.take().filter(|text| !text.is_empty());
    Ok(About {
        weight: weight + text.as_ref().map_or(0, String::len) + 512,
        params: params(given)?,
        media,
        app,
        text,
        settings,
    })
}

/// Returns about how many bytes some maps take in a frame.
pub(super) fn weight<const N: usize>(maps: [Option<&Map<String, Value>>; N]) -> usize {
    maps.into_iter().flatten().map(|map| json!(map).to_string().len()).sum()
}

/// Returns application and media type of what clients before 0.4, and R, call a type.
fn from_legacy(legacy: &str) -> Option<(Option<&'static str>, &'static str)> {
    Some(match legacy {
        "text/csv" => (None, "text/csv"),
        "plotly" => (Some("plotly"), "text/json"),
        "bokeh" => (Some("bokeh"), "text/json"),
        "image/png" => (Some("image"), "image/png"),
        "image/jpg" | "image/jpeg" => (Some("image"), "image/jpeg"),
        "image/svg" | "image/svg+xml" => (Some("image"), "image/svg+xml"),
        _ => return None,
    })
}

/// Returns what those clients call it.
fn to_legacy(app: Option<&str>, media: &str) -> &'static str {
    match (app, media) {
        (Some("plotly"), _) => "plotly",
        (Some("bokeh"), _) => "bokeh",
        (_, "text/csv") => "text/csv",
        (_, "image/svg+xml") => "image/svg+xml",
        (_, "image/png") => "image/png",
        (_, "image/jpeg") => "image/jpeg",
        _ => "unknown",
    }
}

/// Makes the frame of a draft whose bytes are all here.
///
/// # Errors
/// It is larger than a frame may be, or breaks another rule of frames.
pub(super) fn build(key: &DraftKey, draft: Draft) -> Result<Built, Refusal> {
    let (_, stack, id) = key;
    let Said { message, params, settings, time, weight: _ } = draft.said;
    let mut set_aside = cbor::Map::new();
    let mut fitting = |number: &str, settings: Option<Map<String, Value>>| {
        let settings = Value::Object(settings?);
        match object::from_json(&settings) {
            Ok(value) if fits(&settings, &value) => Some(value),
            _ => {
                set_aside.insert(number, settings.to_string());
                None
            }
        }
    };
    let mut frame =
        Frame { time, message, params, settings: fitting(OF_FRAME, settings), ..Frame::default() };
    let (mut files, mut blobs, mut keeps) = (Vec::new(), Vec::new(), Vec::new());
    let mut taken = HashSet::new();
    for (index, piece) in draft.pieces {
        let Some(here) = piece.bytes else { continue };
        let path = path(stack.as_str(), index, &piece.about, &mut taken);
        files.push(Attachment {
            app: piece.about.app,
            text: piece.about.text,
            params: piece.about.params,
            settings: fitting(&index.to_string(), piece.about.settings),
            ..Attachment::new(path, BlobRef::new(here.hash, here.size), piece.about.media)
        });
        blobs.push((here.hash, here.size));
        keeps.push(here.keep);
    }
    frame.files = Files::Listed(files);
    let mut tool = cbor::Map::new().with(ID, id.as_str());
    if !set_aside.is_empty() {
        tool.insert(SETTINGS, set_aside);
    }
    frame.x.insert(TOOL, tool);
    frame.encode().map_err(|error| Refusal::malformed(error.to_string()))?;
    blobs.sort_unstable();
    blobs.dedup();
    Ok(Built { frame, blobs, keeps })
}

/// Makes the frame with which a stack begins that nothing was pushed to.
pub(super) fn beginning() -> Built {
    let mut frame = Frame { message: "an empty stack".to_owned(), ..Frame::default() };
    frame.x.insert(TOOL, cbor::Map::new().with(BEGINS, true));
    Built { frame, blobs: Vec::new(), keeps: Vec::new() }
}

/// Tells whether a frame is such a beginning, which clients of dstack are not shown.
pub(super) fn is_beginning(frame: &Frame) -> bool {
    let begins = tool(frame).and_then(|tool| tool.get(BEGINS));
    begins == Some(&cbor::Value::Bool(true))
}

/// Tells whether settings may stand in a frame as they are.
fn fits(json: &Value, value: &cbor::Value) -> bool {
    fn depth(json: &Value) -> usize {
        match json {
            Value::Array(list) => 1 + list.iter().map(depth).max().unwrap_or(0),
            Value::Object(map) => 1 + map.values().map(depth).max().unwrap_or(0),
            _ => 1,
        }
    }
    depth(json) < SETTINGS_DEPTH
        && cbor::encode(value).len() <= SETTINGS_BYTES
        && object::to_json(value) == *json
}

/// Names an attachment: as the file was called that it came from, else like the stack.
fn path(stack: &str, index: u32, about: &About, taken: &mut HashSet<String>) -> AttachmentPath {
    let filename = about.settings.as_ref().and_then(|s| s.get("filename")?.as_str());
    let filename = filename.and_then(|name| name.rsplit(['/', '\\']).next());
    let last = stack.rsplit('/').next().unwrap_or(stack);
    let ending = ending(&about.media);
    let plain = match index {
        0 => format!("{last}.{ending}"),
        _ => format!("{last}-{index}.{ending}"),
    };
    let wanted = filename.into_iter().map(str::to_owned).chain([plain]);
    let numbered = (0..).map(|n: u32| format!("attachment-{index}-{n}.{ending}"));
    let mut free = wanted.chain(numbered).filter_map(|name| {
        let path: AttachmentPath = name.parse().ok()?;
        taken.insert(fold_key(path.as_str())).then_some(path)
    });
    free.next().expect("a numbered name is a path, and one is free")
}

fn ending(media: &str) -> &'static str {
    let essence = media.split(';').next().unwrap_or_default().trim();
    match essence {
        "image/svg+xml" => "svg",
        "image/png" => "png",
        "image/jpeg" => "jpg",
        "text/csv" => "csv",
        "text/plain" => "txt",
        "text/markdown" => "md",
        "text/html" => "html",
        "application/json" | "text/json" => "json",
        "application/zip" => "zip",
        "application/pdf" => "pdf",
        "application/vnd.apache.parquet" => "parquet",
        _ => "bin",
    }
}

/// Returns what its client called a frame, where a client of dstack made it.
pub(super) fn client_id(frame: &Frame) -> Option<&str> {
    match tool(frame)?.get(ID)? {
        cbor::Value::Text(id) if is_frame_id(id) => Some(id),
        _ => None,
    }
}

fn tool(frame: &Frame) -> Option<&cbor::Map> {
    match frame.x.get(TOOL)? {
        cbor::Value::Map(tool) => Some(tool),
        _ => None,
    }
}

fn set_aside(frame: &Frame, number: &str) -> Option<Value> {
    let Some(cbor::Value::Map(all)) = tool(frame)?.get(SETTINGS) else { return None };
    let Some(cbor::Value::Text(text)) = all.get(number) else { return None };
    serde_json::from_str(text).ok().filter(Value::is_object)
}

/// Returns the settings of a frame.
pub(super) fn frame_settings(frame: &Frame) -> Value {
    let own = frame.settings.as_ref().map(object::to_json).filter(Value::is_object);
    set_aside(frame, OF_FRAME).or(own).unwrap_or_else(|| json!({}))
}

/// Tells whether an attachment is a table of a format that dstack's clients do not read: they read
/// CSV alone. What one of them pushed comes back as it was.
pub(super) fn is_told_as_csv(frame: &Frame, file: &Attachment) -> bool {
    const FORMATS: [&str; 3] = [
        "application/vnd.apache.parquet",
        "application/vnd.apache.arrow.file",
        "application/vnd.apache.arrow.stream",
    ];
    cfg!(feature = "tables") && client_id(frame).is_none() && FORMATS.contains(&file.media.as_str())
}

/// Returns an attachment as dstack's clients read it; what is absent is left out, but never
/// `params` and `settings`, and so is the `length` of a table that is told as CSV.
pub(super) fn info(frame: &Frame, index: usize, file: &Attachment) -> Map<String, Value> {
    let own = file.settings.as_ref().map(object::to_json).filter(Value::is_object);
    let named = || match client_id(frame) {
        Some(_) => json!({}),
        None => json!({ "filename": file.path.file_name() }),
    };
    let settings = set_aside(frame, &index.to_string()).or(own).unwrap_or_else(named);
    let mut map = Map::new();
    // What opens the pushed bytes does not open the CSV.
    let made = is_told_as_csv(frame, file);
    let (app, media, settings) = match made {
        true => (None, "text/csv", json!({ "header": true, "index": false })),
        false => (file.app.as_deref(), &*file.media, settings),
    };
    if let Some(app) = app {
        map.insert("application".to_owned(), json!(app));
    }
    map.insert("content_type".to_owned(), json!(media));
    map.insert("type".to_owned(), json!(to_legacy(app, media)));
    map.insert("params".to_owned(), params_json(&file.params));
    map.insert("settings".to_owned(), settings);
    // How long the CSV is shows when it is made: not for each table of a listing.
    if !made {
        map.insert("length".to_owned(), json!(file.blob.size));
    }
    if let Some(text) = &file.text {
        map.insert("description".to_owned(), json!(text));
    }
    map
}
