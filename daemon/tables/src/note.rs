//! The note beside a CSV: what its columns are, in the words of "CSV on the Web" (W3C), with what
//! that has no word for under names that begin with `dsp:`. The clients write and read the same.

use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::TableError;
use crate::limits::{COLUMNS, DEPTH, NOTE_BYTES};

/// Longest name of a time zone, in bytes.
const ZONE_BYTES: usize = 64;

/// What a note says of the columns of a CSV.
#[derive(Debug)]
pub struct Note {
    pub(crate) columns: Vec<NoteColumn>,
    /// How many rows there have to be, where it says so.
    pub(crate) rows: Option<u64>,
    /// What stands between fields.
    pub(crate) delimiter: u8,
}

/// What a note says of a column.
#[derive(Debug)]
pub(crate) struct NoteColumn {
    pub(crate) name: String,
    /// The type that the column becomes.
    pub(crate) data_type: DataType,
    /// The categories, in their order, of a column that has such.
    pub(crate) levels: Option<Vec<String>>,
    pub(crate) ordered: bool,
    /// How many nanoseconds one of a duration's unit has.
    pub(crate) unit_ns: Option<f64>,
    /// What stands for a missing value; nothing where none is missing.
    pub(crate) null: Option<String>,
    /// Whether `%0D` and `%25` stand for a carriage return and the sign itself.
    pub(crate) percent: bool,
}

#[derive(Deserialize)]
struct Written {
    #[serde(rename = "tableSchema")]
    schema: WrittenSchema,
    #[serde(rename = "dsp:rows")]
    rows: Option<u64>,
    dialect: Option<Dialect>,
}

#[derive(Deserialize)]
struct Dialect {
    delimiter: Option<String>,
}

#[derive(Deserialize)]
struct WrittenSchema {
    columns: Vec<WrittenColumn>,
}

#[derive(Deserialize)]
struct WrittenColumn {
    titles: Option<Texts>,
    name: Option<String>,
    datatype: Option<Datatype>,
    null: Option<Texts>,
    #[serde(rename = "dsp:type")]
    type_name: Option<String>,
    #[serde(rename = "dsp:levels")]
    levels: Option<Vec<String>>,
    #[serde(rename = "dsp:ordered", default)]
    ordered: bool,
    #[serde(rename = "dsp:zone")]
    zone: Option<String>,
    #[serde(rename = "dsp:units")]
    units: Option<String>,
    #[serde(rename = "dsp:escape")]
    escape: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Datatype {
    Name(String),
    Form { base: String },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Texts {
    One(String),
    Several(Vec<String>),
}

impl Texts {
    fn first(self) -> Option<String> {
        match self {
            Texts::One(text) => Some(text),
            Texts::Several(texts) => texts.into_iter().next(),
        }
    }
}

/// Whether a name within begins with `dsp:`; nothing of it is kept.
struct Ours(bool);

impl<'de> Deserialize<'de> for Ours {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Ours, D::Error> {
        struct Look;

        impl<'de> Visitor<'de> for Look {
            type Value = Ours;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("JSON")
            }

            fn visit_bool<E>(self, _: bool) -> Result<Ours, E> {
                Ok(Ours(false))
            }

            fn visit_i64<E>(self, _: i64) -> Result<Ours, E> {
                Ok(Ours(false))
            }

            fn visit_u64<E>(self, _: u64) -> Result<Ours, E> {
                Ok(Ours(false))
            }

            fn visit_f64<E>(self, _: f64) -> Result<Ours, E> {
                Ok(Ours(false))
            }

            fn visit_str<E>(self, _: &str) -> Result<Ours, E> {
                Ok(Ours(false))
            }

            fn visit_unit<E>(self) -> Result<Ours, E> {
                Ok(Ours(false))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Ours, A::Error> {
                let mut ours = false;
                while let Some(Ours(item)) = items.next_element()? {
                    ours |= item;
                }
                Ok(Ours(ours))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> Result<Ours, A::Error> {
                let mut ours = false;
                while let Some((name, Ours(value))) = pairs.next_entry::<String, Ours>()? {
                    ours |= value || name.starts_with("dsp:");
                }
                Ok(Ours(ours))
            }
        }

        from.deserialize_any(Look)
    }
}

fn malformed(why: impl std::fmt::Display) -> TableError {
    TableError::Malformed { format: "note of the CSV", why: why.to_string() }
}

impl Note {
    /// Reads a note; none where it is one of others, in which no name begins with `dsp:`: what
    /// theirs may say is more than is read here, and a CSV is read without it.
    ///
    /// # Errors
    /// It is larger than [`NOTE_BYTES`], or no note.
    pub fn read(bytes: &[u8]) -> Result<Option<Note>, TableError> {
        let size = bytes.len() as u64;
        if size > NOTE_BYTES {
            let what = "the note of the CSV in bytes".into();
            return Err(TableError::TooLarge { what, size, limit: NOTE_BYTES });
        }
        let Ours(ours) = serde_json::from_slice(bytes).map_err(malformed)?;
        if !ours {
            return Ok(None);
        }
        let written: Written = serde_json::from_slice(bytes).map_err(malformed)?;
        let count = written.schema.columns.len();
        if count == 0 {
            return Err(malformed("it names no columns"));
        }
        if count > COLUMNS {
            let (what, limit) = ("the number of columns".into(), COLUMNS as u64);
            return Err(TableError::TooLarge { what, size: count as u64, limit });
        }
        let delimiter = written.dialect.and_then(|dialect| dialect.delimiter);
        let delimiter = match delimiter.as_deref().map(str::as_bytes) {
            None => b',',
            Some(&[delimiter]) if delimiter.is_ascii() => delimiter,
            Some(_) => return Err(malformed("its delimiter is not one letter")),
        };
        let columns = written.schema.columns.into_iter().map(column).collect();
        Ok(Some(Note { columns, rows: written.rows, delimiter }))
    }

    /// Returns the schema that the table gets.
    pub(crate) fn schema(&self) -> SchemaRef {
        let field = |column: &NoteColumn| {
            let field = Field::new(&column.name, column.data_type.clone(), true);
            field.with_dict_is_ordered(column.ordered)
        };
        Arc::new(Schema::new(self.columns.iter().map(field).collect::<Vec<_>>()))
    }
}

fn column(written: WrittenColumn) -> NoteColumn {
    let name = written.titles.and_then(Texts::first).or(written.name).unwrap_or_default();
    let base = match written.datatype {
        None => "string".to_owned(),
        Some(Datatype::Name(name) | Datatype::Form { base: name }) => name,
    };
    let zone = written.zone.filter(|zone| {
        let letter = |b: u8| b.is_ascii_alphanumeric() || b"_+/:-".contains(&b);
        !zone.is_empty() && zone.len() <= ZONE_BYTES && zone.bytes().all(letter)
    });
    let unit_ns = written.units.as_deref().filter(|_| written.type_name.is_none()).map(unit_ns);
    let data_type = match (&written.levels, unit_ns) {
        (Some(_), _) => DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
        (None, Some(_)) => DataType::Duration(TimeUnit::Nanosecond),
        (None, None) => match written.type_name.as_deref().and_then(named) {
            Some(named) => named,
            None => of_base(&base, zone),
        },
    };
    let null = match written.null {
        None => Some(String::new()),
        Some(texts) => texts.first(),
    };
    NoteColumn {
        name,
        data_type,
        levels: written.levels,
        ordered: written.ordered,
        unit_ns: unit_ns.flatten(),
        null,
        percent: written.escape.as_deref() == Some("percent"),
    }
}

/// Returns how many nanoseconds a unit of R's `difftime` has.
fn unit_ns(units: &str) -> Option<f64> {
    let seconds = match units {
        "secs" => 1,
        "mins" => 60,
        "hours" => 3_600,
        "days" => 86_400,
        "weeks" => 604_800,
        _ => return None,
    };
    Some(f64::from(seconds) * 1e9)
}

/// Returns the type that a word of "CSV on the Web" means here;
/// what has no word here stays text, of which nothing is lost.
fn of_base(base: &str, zone: Option<String>) -> DataType {
    match base {
        "boolean" => DataType::Boolean,
        "int" => DataType::Int32,
        "long" | "integer" => DataType::Int64,
        "double" | "number" => DataType::Float64,
        "date" => DataType::Date32,
        "dateTime" => {
            let zone = zone.map_or_else(|| "UTC".into(), Arc::from);
            DataType::Timestamp(TimeUnit::Nanosecond, Some(zone))
        }
        _ => DataType::Utf8,
    }
}

/// Returns the type that [`type_name`](crate::schema::type_name) calls so, of those of which a
/// field of a CSV is a value.
fn named(name: &str) -> Option<DataType> {
    nested(name, 0).or_else(|| plain(name))
}

/// Returns the type of a list, a struct or a map. Of one whose names are not told apart from what
/// stands between them there is none, nor of durations within, which are numbers there.
fn nested(name: &str, depth: usize) -> Option<DataType> {
    if depth == DEPTH {
        return None;
    }
    let inner = |name: &str| {
        let plain = || plain(name).filter(|of| !matches!(of, DataType::Duration(_)));
        nested(name, depth + 1).or_else(plain)
    };
    let (kind, rest) = name.split_once('<')?;
    let parts = parts(rest.strip_suffix('>')?)?;
    Some(match (kind, &parts[..]) {
        ("list", [item]) => DataType::List(Arc::new(Field::new("item", inner(item)?, true))),
        ("map", [key, value]) => {
            let fields = vec![
                Field::new("key", inner(key)?, false),
                Field::new("value", inner(value)?, true),
            ];
            let entries = Field::new("entries", DataType::Struct(fields.into()), false);
            DataType::Map(Arc::new(entries), false)
        }
        ("struct", parts) => {
            let mut fields: Vec<Field> = Vec::new();
            for part in parts {
                let (name, of) = part.split_once(": ")?;
                if name.contains(['<', '>', '[', ']', '(', ')', ':', ','])
                    || fields.iter().any(|field| field.name() == name)
                {
                    return None;
                }
                fields.push(Field::new(name, inner(of)?, true));
            }
            DataType::Struct(fields.into())
        }
        _ => return None,
    })
}

/// Parts a text at the commas that stand in no brackets.
fn parts(text: &str) -> Option<Vec<&str>> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0usize);
    for (at, letter) in text.char_indices() {
        match letter {
            '<' | '[' | '(' => depth += 1,
            '>' | ']' | ')' => depth = depth.checked_sub(1)?,
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    let trimmed = parts.into_iter().enumerate();
    // Behind each comma stands a blank.
    trimmed.map(|(at, part)| if at == 0 { Some(part) } else { part.strip_prefix(' ') }).collect()
}

fn plain(name: &str) -> Option<DataType> {
    Some(match name {
        "bool" => DataType::Boolean,
        "int8" => DataType::Int8,
        "int16" => DataType::Int16,
        "int32" => DataType::Int32,
        "int64" => DataType::Int64,
        "uint8" => DataType::UInt8,
        "uint16" => DataType::UInt16,
        "uint32" => DataType::UInt32,
        "uint64" => DataType::UInt64,
        "float32" => DataType::Float32,
        "float64" => DataType::Float64,
        "string" => DataType::Utf8,
        "binary" => DataType::Binary,
        "date" => DataType::Date32,
        _ => {
            let (kind, rest) = name.split_once(['[', '('])?;
            let inner = rest.strip_suffix([']', ')'])?;
            match (kind, inner.split_once(", ")) {
                ("timestamp", None) => DataType::Timestamp(unit(inner)?, None),
                ("timestamp", Some((of, zone))) if zone.len() <= ZONE_BYTES => {
                    DataType::Timestamp(unit(of)?, Some(zone.into()))
                }
                ("time", None) => match unit(inner)? {
                    of @ (TimeUnit::Second | TimeUnit::Millisecond) => DataType::Time32(of),
                    of => DataType::Time64(of),
                },
                ("duration", None) => DataType::Duration(unit(inner)?),
                ("decimal", Some((precision, scale))) => {
                    let (precision, scale) = (precision.parse().ok()?, scale.parse().ok()?);
                    let fits = (1..=38).contains(&precision) && (0..=38).contains(&scale);
                    (fits && i16::from(precision) >= i16::from(scale))
                        .then_some(DataType::Decimal128(precision, scale))?
                }
                _ => return None,
            }
        }
    })
}

fn unit(name: &str) -> Option<TimeUnit> {
    Some(match name {
        "s" => TimeUnit::Second,
        "ms" => TimeUnit::Millisecond,
        "us" => TimeUnit::Microsecond,
        "ns" => TimeUnit::Nanosecond,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::type_name;

    #[test]
    fn types_are_called_as_they_are_told() {
        for name in [
            "bool",
            "uint64",
            "float32",
            "string",
            "date",
            "time[us]",
            "timestamp[ns]",
            "timestamp[us, Europe/Berlin]",
            "duration[ms]",
            "decimal(10, 2)",
            "list<list<timestamp[us, Europe/Berlin]>>",
            "struct<x: int32, y: list<decimal(10, 2)>, a b: struct<z: string>>",
            "map<string, list<int8>>",
        ] {
            assert_eq!(named(name).as_ref().map(type_name).as_deref(), Some(name));
        }
        for none in [
            "list<int8>[3]",
            "list<duration[s]>",
            "struct<>",
            "struct<a: int8, a: int8>",
            "struct<a, b: int8>",
            "list<",
            "map<int8>",
            "list<category<string>>",
            "decimal(99, 2)",
            "decimal(2, 3)",
            "timestamp[h]",
            "x[",
            "",
        ] {
            assert_eq!(named(none), None, "{none}");
        }
    }

    #[test]
    fn notes_that_are_none_are_refused() {
        for (text, why) in [
            ("[", "damaged"),
            (r#"{"dsp:rows":1}"#, "damaged"),
            (r#"{"dsp:rows":1,"tableSchema":{"columns":[]}}"#, "names no columns"),
            (
                r#"{"dsp:rows":1,"dialect":{"delimiter":"ab"},"tableSchema":{"columns":[{"titles":"a"}]}}"#,
                "one",
            ),
        ] {
            let told = Note::read(text.as_bytes()).unwrap_err().to_string();
            assert!(told.contains(why), "{told}");
        }
        // Of others are those that say nothing in our words, whatever else they say.
        for others in [
            r#"{"tableSchema":{"columns":[{"titles":{"de":"Stadt"},"datatype":{"format":"0.0"}}]}}"#,
            r#"{"tables":[{"url":"a.csv","dialect":{"header":false,"quoteChar":null}}],"n":-1.5}"#,
            "[]",
        ] {
            assert!(Note::read(others.as_bytes()).unwrap().is_none(), "{others}");
        }
        let named = r#"{"dsp:rows":0,"tableSchema":{"columns":[{"name":"a"}]}}"#;
        let named = Note::read(named.as_bytes()).unwrap().unwrap();
        assert_eq!(named.columns[0].name, "a");
        let large = vec![b' '; NOTE_BYTES as usize + 1];
        assert!(matches!(Note::read(&large), Err(TableError::TooLarge { .. })));
    }
}
