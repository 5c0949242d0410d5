use proptest::prelude::*;
use serde_json::json;

use super::*;

fn cli(text: &str) -> Param {
    Param::from_cli(text).expect(text)
}

fn plain(text: &str) -> Param {
    Param::Text(text.to_owned())
}

#[test]
fn what_people_type() {
    assert_eq!(cli("1"), Param::Int(1));
    assert_eq!(cli("-7"), Param::Int(-7));
    assert_eq!(cli("0"), Param::Int(0));
    assert_eq!(cli("9223372036854775807"), Param::Int(i64::MAX));
    assert_eq!(cli("0.5"), Param::Float(0.5));
    assert_eq!(cli("1.0"), Param::Float(1.0));
    assert_eq!(cli("1e-3"), Param::Float(0.001));
    assert_eq!(cli("-2E+2"), Param::Float(-200.0));
    assert_eq!(cli("nan"), Param::Float(f64::NAN));
    assert_eq!(cli("-inf"), Param::Float(f64::NEG_INFINITY));
    assert_eq!(cli("true"), Param::Bool(true));
    assert_eq!(cli("null"), Param::Null);
    assert_eq!(cli("2026-11-16"), Param::Date("2026-11-16".parse().unwrap()));
    assert_eq!(cli("09:30:00"), Param::Time("09:30:00".parse().unwrap()));
    let moment = "2026-11-16T09:30:00+01:00";
    assert_eq!(cli(moment), Param::DateTime(moment.parse().unwrap()));
    assert_eq!(cli("[1,\"a\"]"), Param::Json(json!([1, "a"])));
    assert_eq!(cli("{\"a\":1.5}"), Param::Json(json!({"a": 1.5})));
    assert_eq!(cli("{\"t\":\"tab\",\"v\":\"One\"}"), Param::Tab(Some("One".to_owned())));
    assert_eq!(cli("\"1\""), plain("1"));
    assert_eq!(cli("'1'"), plain("1"));
    assert_eq!(cli("'it's'"), plain("it's"));
    assert_eq!(cli("\"a\\nb\""), plain("a\nb"));
    assert_eq!(cli("''"), plain(""));
    for text in [
        "",
        "EU",
        "007",
        "-007",
        "+1",
        "-0",
        "1_000",
        ".5",
        "5.",
        "1e",
        "1e999",
        "0x10",
        "--1",
        "1-",
        "9223372036854775808",
        "True",
        "NULL",
        "NaN",
        "infinity",
        "2026-02-30",
        "16.11.2026",
        "09:30",
        "[a-z]*",
        "{a,b}",
        "\"",
        "'",
        "\"a",
        " 1",
        "１",
    ] {
        assert_eq!(cli(text), plain(text));
    }
    assert!(Param::from_cli("{\"t\":\"date\",\"v\":\"tomorrow\"}").is_err());
}

#[test]
fn json_forms() {
    for (param, form) in [
        (Param::Null, json!(null)),
        (Param::Bool(false), json!(false)),
        (Param::Int(1), json!(1)),
        (Param::Float(1.0), json!(1.0)),
        (Param::Float(f64::INFINITY), json!({"t": "f", "v": "inf"})),
        (plain("a"), json!("a")),
        (Param::Date("2026-11-16".parse().unwrap()), json!({"t": "date", "v": "2026-11-16"})),
        (Param::Tab(None), json!({"t": "tab", "v": null})),
        (Param::Json(json!([1])), json!({"t": "json", "v": [1]})),
    ] {
        assert_eq!(serde_json::to_value(&param).unwrap(), form);
        assert_eq!(serde_json::from_value::<Param>(form).unwrap(), param);
    }
    assert_eq!(Param::from_json(&json!([1])), Ok(Param::Json(json!([1]))));
    assert_eq!(Param::from_json(&json!({"t": 1})), Ok(Param::Json(json!({"t": 1}))));
    assert!(Param::from_json(&json!(u64::MAX)).is_err());
    assert_eq!(serde_json::to_string(&Metric::Float(f64::NAN)).unwrap(), r#"{"t":"f","v":"nan"}"#);
    assert_eq!(serde_json::from_str::<Metric>("1").unwrap(), Metric::Int(1));
    assert_eq!(serde_json::from_str::<Metric>("1.0").unwrap(), Metric::Float(1.0));
    assert!(serde_json::from_str::<Metric>("\"1\"").is_err());
    assert!(serde_json::from_str::<Metric>(r#"{"t":"f","v":"nan","w":1}"#).is_err());
}

#[test]
fn unknown_kinds_are_kept_and_known_ones_must_fit() {
    let typed = |t: &str, v: Value| Param::from_value(Map::new().with("t", t).with("v", v).into());
    let unknown = typed("colour", vec![1u8, 2].into()).unwrap();
    assert!(matches!(&unknown, Param::Unknown(u) if u.kind() == "colour"));
    assert_eq!(unknown.to_json(), json!({"t": "colour", "v": {"/": {"bytes": "AQI"}}}));
    assert_eq!(Param::from_json(&unknown.to_json()), Ok(unknown));
    for (t, v) in [
        ("f", Value::Float(1.0)),
        ("f", "NaN".into()),
        ("date", "2026-02-30".into()),
        ("date", Value::Null),
        ("time", "9:30".into()),
        ("datetime", "2026-11-16".into()),
        ("tab", Value::Bool(true)),
        ("json", Value::Bytes(vec![1])),
        ("json", Value::Int(-(1 << 64))),
    ] {
        assert!(typed(t, v.clone()).is_err(), "{t} {v:?}");
    }
    assert!(Param::from_value(Map::new().with("v", "a").into()).is_err());
    assert!(Param::from_value(Value::List(vec![])).is_err());
    assert!(Param::from_value(Value::Bytes(vec![])).is_err());
    assert!(Param::from_value(u64::MAX.into()).is_err());
}

#[test]
fn params_are_small() {
    let text = |n| Value::from("x".repeat(n));
    let map = |t: &str, v| Value::from(Map::new().with("t", t).with("v", v));
    let nested = |n| (0..n).fold(Value::Null, |v, _| Value::List(vec![v]));
    for (fits, exceeds) in [
        (text(4096), text(4097)),
        (map("tab", text(4096)), map("tab", text(4097))),
        (map("json", text(4093)), map("json", text(4094))),
        (map("colour", text(4081)), map("colour", text(4082))),
        (map("json", nested(7)), map("json", nested(8))),
        (map("colour", nested(6)), map("colour", nested(7))),
    ] {
        let fits = Param::from_value(fits).unwrap();
        assert_eq!(fits.check(), Ok(()));
        assert!(Param::from_value(exceeds).is_err());
    }
    let exceeds = Param::Text("x".repeat(4097));
    assert_eq!(exceeds.check(), Err(ParamError::TooLong { actual: 4097 }));
    assert!(Param::from_cli(&"x".repeat(4097)).is_err());
    assert!(Param::Json(json!(vec![0; 5000])).check().is_err());
}

proptest! {
    #[test]
    fn all_forms_round_trip(param in any_param()) {
        prop_assert_eq!(&Param::from_value(param.to_value()).unwrap(), &param);
        prop_assert_eq!(&Param::from_json(&param.to_json()).unwrap(), &param);
        prop_assert_eq!(&Param::from_cli(&param.to_string()).unwrap(), &param);
        let text = serde_json::to_string(&param).unwrap();
        prop_assert_eq!(serde_json::from_str::<Param>(&text).unwrap(), param);
    }

    #[test]
    fn reading_what_people_type_is_total(text in "[-+0-9.eE:TZ'\"{}\\[\\]a-z,]{0,16}") {
        if let Ok(param) = Param::from_cli(&text) {
            prop_assert_eq!(Param::from_cli(&param.to_string()).unwrap(), param);
        }
    }
}
