//! Properties that hold for every object, and the strategies they are drawn with.

mod frame;
pub(crate) mod golden;
mod lineage;
mod nodes;
mod param;

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

use super::lineage::{Blinded, Code, Environment, Input, InputSource, Lineage};
use super::recipe::{Chunk, Recipe};
use super::*;
use crate::id::{BlobHash, FrameId, StackId, UserId};
use crate::name::AttachmentPath;

pub(super) fn any_float() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => any::<f64>(),
        1 => prop_oneof![Just(0.0), Just(-0.0), Just(1.0), Just(f64::NAN)],
        1 => prop_oneof![Just(f64::INFINITY), Just(f64::NEG_INFINITY)],
    ]
}

pub(super) fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any_float().prop_filter("finite", |f| f.is_finite()).prop_map(Value::Float),
        vec(any::<u8>(), 0..8).prop_map(Value::Bytes),
        ".{0,8}".prop_map(Value::Text),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::List),
            vec((".{0,4}", inner), 0..4).prop_map(|v| Value::Map(v.into_iter().collect())),
        ]
    })
}

/// Unknown keys; capital letters are in no key of ours.
fn any_extra() -> impl Strategy<Value = Map> {
    let some = vec(("[A-Z]{1,4}", any_value()), 1..3).prop_map(|v| v.into_iter().collect());
    prop_oneof![3 => Just(Map::new()), 1 => some]
}

fn any_blob() -> impl Strategy<Value = BlobRef> {
    let enc = option::weighted(0.1, any_extra());
    (any::<[u8; 32]>(), any::<u64>(), enc, any_extra()).prop_map(|(hash, size, enc, extra)| {
        BlobRef { hash: BlobHash::from_bytes(hash), size, enc, extra }
    })
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    any_value().prop_map(|value| super::param::to_json(&value))
}

pub(super) fn any_param() -> impl Strategy<Value = Param> {
    let date = (0..=9999, 1..=12, 1..=28).prop_map(|(y, m, d)| format!("{y:04}-{m:02}-{d:02}"));
    let time = (0..24, 0..60, 0..60).prop_map(|(h, m, s)| format!("{h:02}:{m:02}:{s:02}"));
    let moment = (date.clone(), time.clone()).prop_map(|(date, time)| format!("{date}T{time}Z"));
    let text =
        prop_oneof![".{0,12}", "['\"]?[-+0-9.eE:TZ]{1,12}['\"]?", "(true|null|inf|nan|\\[1\\])"];
    let kind = prop_oneof!["[A-Z]{0,4}", Just("date".to_owned())];
    prop_oneof![
        Just(Param::Null),
        any::<bool>().prop_map(Param::Bool),
        any::<i64>().prop_map(Param::Int),
        any_float().prop_map(Param::Float),
        text.prop_map(Param::Text),
        date.prop_map(|text| Param::Date(text.parse().unwrap())),
        time.prop_map(|text| Param::Time(text.parse().unwrap())),
        moment.prop_map(|text| Param::DateTime(text.parse().unwrap())),
        option::of(".{0,8}").prop_map(Param::Tab),
        any_json().prop_map(Param::Json),
        (kind, any_value(), any_value()).prop_map(|(t, v, more)| {
            let map = Map::new().with("t", t).with("v", v).with("more", more);
            Param::from_value(map.into()).unwrap()
        }),
    ]
}

fn any_params() -> impl Strategy<Value = Params> {
    btree_map("[a-zé]{1,6}", any_param(), 0..4)
}

fn any_path() -> impl Strategy<Value = AttachmentPath> {
    "[a-d]{1,3}(/[a-dü. -]{1,3}){0,2}".prop_filter_map("no path", |text| text.parse().ok())
}

fn any_attachment() -> impl Strategy<Value = Attachment> {
    let schema = prop_oneof![
        any_blob().prop_map(Schema::Blob),
        any_value()
            .prop_filter("no blob", |v| !matches!(v, Value::Map(m) if m.get("h").is_some()))
            .prop_map(Schema::Inline)
    ];
    let base = (any_path(), any_blob(), "[a-z]{1,4}/[a-z]{1,4}", option::of("[a-z]{1,8}"));
    let more = (option::of(".{0,20}"), any_params(), option::of(any_value()), option::of(schema));
    let blobs = (option::of(any_blob()), option::of(any_blob()), any::<bool>(), any_extra());
    (base, more, blobs).prop_map(
        |(
            (path, blob, media, app),
            (text, params, settings, schema),
            (recipe, preview, exe, extra),
        )| {
            let mode = if exe { Mode::Executable } else { Mode::Plain };
            let base = Attachment::new(path, blob, media);
            Attachment { app, text, params, settings, schema, recipe, preview, mode, extra, ..base }
        },
    )
}

fn any_metrics() -> impl Strategy<Value = Metrics> {
    let metric =
        prop_oneof![any::<i64>().prop_map(Metric::Int), any_float().prop_map(Metric::Float)];
    btree_map("[a-z ]{1,6}", metric, 0..4)
}

fn any_widget() -> impl Strategy<Value = Widget> {
    let kind = option::of("[a-z]{1,8}");
    let named = (kind, option::of("[a-z ]{1,9}"), option::of("[a-z]{1,3}"));
    let params = (option::of(any_param()), vec(any_param(), 0..3));
    (named, params, option::of(any::<i64>()), any::<bool>(), any_extra()).prop_map(
        |((kind, label, unit), (default, values), order, hidden, extra)| Widget {
            kind,
            label,
            unit,
            default,
            values,
            order,
            hidden,
            extra,
        },
    )
}

/// Frames that can be encoded: those with clashing paths are drawn again.
pub(super) fn any_frame() -> impl Strategy<Value = Frame> {
    let parents = vec(any::<[u8; 32]>().prop_map(FrameId::from_bytes), 0..3);
    let files = prop_oneof![
        4 => vec(any_attachment(), 0..4).prop_map(Files::Listed),
        1 => any_blob().prop_map(Files::Tree),
    ];
    let head = (parents, any::<i64>(), ".{0,40}", any_params(), option::of(any_value()));
    let body = (any_metrics(), files, option::of(any_blob()), option::of("[a-z]{1,8}"));
    let widgets = btree_map("[a-z ]{1,6}", any_widget(), 0..3);
    let rest = (vec("[a-z]{1,8}", 0..3), any_extra(), any_extra(), widgets);
    (head, body, rest)
        .prop_map(
            |(
                (parents, time, message, params, settings),
                (metrics, files, lineage, kind),
                (must, x, extra, widgets),
            )| Frame {
                parents,
                time,
                message,
                params,
                widgets,
                settings,
                metrics,
                files,
                lineage,
                kind,
                must,
                x,
                extra,
            },
        )
        .prop_filter("clashing paths", |frame| frame.encode().is_ok())
}

fn any_lineage() -> impl Strategy<Value = Lineage> {
    let name = || option::of("[a-zü /]{1,12}");
    let told =
        (any::<[u8; 32]>(), name(), option::of(any::<[u8; 16]>()), option::of(any::<[u8; 32]>()))
            .prop_map(|(frame, name, stack, user)| Input {
                source: InputSource::Frame(FrameId::from_bytes(frame)),
                name,
                stack: stack.map(StackId::from_bytes),
                user: user.map(UserId::from_bytes),
                extra: Map::new(),
            });
    let blind = (any::<[u8; 32]>(), any_extra()).prop_map(|(key, extra)| {
        let source = InputSource::Blind(Blinded::of(FrameId::from_bytes([0; 32]), &key));
        Input { source, name: None, stack: None, user: None, extra }
    });
    let code = (name(), name(), any::<bool>(), option::of(any_blob()), name(), any_extra())
        .prop_map(|(repo, commit, dirty, diff, entry, extra)| Code {
            repo,
            commit,
            dirty,
            diff,
            entry,
            extra,
        });
    let env = (name(), option::of(any::<[u8; 32]>()), name(), any_extra()).prop_map(
        |(interpreter, lock, container, extra)| Environment {
            interpreter,
            lock: lock.map(BlobHash::from_bytes),
            container,
            extra,
        },
    );
    let what = (vec(prop_oneof![told, blind], 0..4), option::of(code), vec(".{0,8}", 0..4));
    let how = (any_params(), option::of(env), any::<i64>(), any::<i64>());
    (what, how, name(), any::<i64>(), any_extra()).prop_map(
        |((inputs, code, command), (params, env, started, finished), host, exit, extra)| Lineage {
            inputs,
            code,
            command,
            params,
            env,
            started,
            finished,
            host,
            exit,
            extra,
        },
    )
}

fn any_recipe() -> impl Strategy<Value = Recipe> {
    let chunk = (any::<[u8; 32]>(), 1..=99u32)
        .prop_map(|(hash, size)| Chunk { hash: BlobHash::from_bytes(hash), size });
    (any::<u64>(), vec(chunk, 0..5), any_extra()).prop_map(|(seed, chunks, extra)| Recipe {
        alg: recipe::FASTCDC_2020.to_owned(),
        min: 1,
        avg: 50,
        max: 99,
        seed,
        chunks,
        extra,
    })
}

fn any_directory() -> impl Strategy<Value = Directory> {
    use super::directory::{Branch, Entry, EntryKind, Node};
    let kind = prop_oneof![
        Just(EntryKind::Folder),
        Just(EntryKind::File(Mode::Plain)),
        Just(EntryKind::File(Mode::Executable)),
    ];
    let leaf = btree_map("[a-zü]{1,6}", (any_blob(), kind, any_extra()), 1..5).prop_map(|map| {
        let entry = |(name, (blob, kind, extra))| Entry { name, blob, kind, extra };
        Node::Leaf(map.into_iter().map(entry).collect())
    });
    let inner = btree_map("[a-z]{1,6}", (any_blob(), any_extra()), 1..5).prop_map(|map| {
        let branch = |(last, (blob, extra))| Branch { last, blob, extra };
        Node::Inner(map.into_iter().map(branch).collect())
    });
    (prop_oneof![leaf, inner], any_extra()).prop_map(|(node, extra)| Directory { node, extra })
}

/// Replaces the value at one place somewhere in a tree.
fn replace(value: &mut Value, path: &[prop::sample::Index], with: &Value) {
    let replaced = match (path.split_first(), &mut *value) {
        (Some((at, rest)), Value::List(list)) if !list.is_empty() => {
            let at = at.index(list.len());
            replace(&mut list[at], rest, with);
            return;
        }
        (Some((at, rest)), Value::Map(map)) if !map.is_empty() => {
            let key = map.iter().nth(at.index(map.len())).unwrap().0.to_owned();
            let mut inner = map.remove(&key).unwrap();
            replace(&mut inner, rest, with);
            map.insert(key, inner);
            return;
        }
        _ => with.clone(),
    };
    *value = replaced;
}

/// Checks that bytes give an error, or an object that encodes to the same bytes.
fn inverts(bytes: &[u8]) -> Result<(), TestCaseError> {
    if let Ok(frame) = Frame::decode(bytes) {
        match frame.encode() {
            Ok(again) => prop_assert_eq!(again, bytes),
            Err(e) => prop_assert!(matches!(e, BuildError::Collision(_)), "{}", e),
        }
    }
    if let Ok(lineage) = Lineage::decode(bytes) {
        prop_assert_eq!(lineage.encode().unwrap(), bytes);
    }
    if let Ok(recipe) = Recipe::decode(bytes) {
        prop_assert_eq!(recipe.encode().unwrap(), bytes);
    }
    if let Ok(directory) = Directory::decode(bytes) {
        prop_assert_eq!(directory.encode().unwrap(), bytes);
    }
    Ok(())
}

fn any_object() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => any_frame().prop_map(|o| o.encode().unwrap()),
        2 => any_lineage().prop_map(|o| o.encode().unwrap()),
        1 => any_recipe().prop_map(|o| o.encode().unwrap()),
        1 => any_directory().prop_map(|o| o.encode().unwrap()),
    ]
}

proptest! {
    #[test]
    fn decode_inverts_encode(
        frame in any_frame(),
        lineage in any_lineage(),
        recipe in any_recipe(),
        directory in any_directory(),
    ) {
        let bytes = frame.encode().unwrap();
        prop_assert_eq!(frame.id().unwrap(), FrameId::of(&bytes));
        prop_assert_eq!(Frame::decode(&bytes).unwrap(), frame);
        prop_assert_eq!(Lineage::decode(&lineage.encode().unwrap()).unwrap(), lineage);
        prop_assert_eq!(Recipe::decode(&recipe.encode().unwrap()).unwrap(), recipe);
        prop_assert_eq!(Directory::decode(&directory.encode().unwrap()).unwrap(), directory);
    }

    #[test]
    fn encode_inverts_decode_of_altered_bytes(
        mut bytes in any_object(),
        at: prop::sample::Index,
        byte: u8,
    ) {
        let at = at.index(bytes.len());
        bytes[at] = byte;
        inverts(&bytes)?;
    }

    #[test]
    fn encode_inverts_decode_of_altered_objects(
        bytes in any_object(),
        path in vec(any::<prop::sample::Index>(), 0..5),
        with in any_value(),
    ) {
        let mut value = cbor::decode(&bytes, usize::MAX).unwrap();
        replace(&mut value, &path, &with);
        inverts(&cbor::encode(&value))?;
    }

    #[test]
    fn decoding_is_total(bytes in vec(any::<u8>(), 0..100)) {
        inverts(&bytes)?;
    }
}
