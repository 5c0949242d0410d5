//! Lists, structs and maps, read from the JSON that stands for them in a CSV.

use std::sync::Arc;

use arrow_array::{ArrayRef, ListArray, MapArray, StructArray, new_empty_array};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{DataType, FieldRef};
use serde_json::Value;

use super::{Builder, of_type};
use crate::TableError;
use crate::limits::JSON_LINE_BYTES;

/// A column of values within values, as it is built.
pub(super) struct Nested {
    part: Part,
    /// What a row is read as, to be taken back as a whole.
    rows: usize,
}

/// A value and what is in it.
struct Part {
    of: DataType,
    /// Whether each is there.
    valid: Vec<bool>,
    inner: Inner,
}

enum Inner {
    /// What is not nested.
    Plain(Box<dyn Builder>),
    /// Of a list or a map: how many items each has.
    Items { lengths: Vec<usize>, item: Box<Part> },
    /// Of a struct.
    Fields(Vec<(FieldRef, Part)>),
}

impl Nested {
    pub(super) fn new(of: &DataType) -> Result<Nested, TableError> {
        Ok(Nested { part: Part::new(of)?, rows: 0 })
    }
}

impl Builder for Nested {
    fn add(&mut self, field: Option<&str>) -> bool {
        self.rows += 1;
        let Some(text) = field else { return self.part.add(None) };
        // Values take many times what they are written with.
        if text.len() > JSON_LINE_BYTES {
            return false;
        }
        match serde_json::from_str::<Value>(text) {
            Ok(Value::Null) | Err(_) => false,
            Ok(value) => self.part.add(Some(&value)),
        }
    }

    fn finish(&mut self) -> Result<ArrayRef, TableError> {
        self.rows = 0;
        self.part.finish()
    }
}

impl Part {
    fn new(of: &DataType) -> Result<Part, TableError> {
        let inner = match of {
            DataType::List(item) | DataType::Map(item, _) => {
                Inner::Items { lengths: Vec::new(), item: Box::new(Part::new(item.data_type())?) }
            }
            DataType::Struct(fields) => {
                let part =
                    |field: &FieldRef| Ok((Arc::clone(field), Part::new(field.data_type())?));
                Inner::Fields(fields.iter().map(part).collect::<Result<_, TableError>>()?)
            }
            plain => Inner::Plain(of_type(plain, None)?),
        };
        Ok(Part { of: of.clone(), valid: Vec::new(), inner })
    }

    /// Adds a value; false where it is none of the type.
    fn add(&mut self, value: Option<&Value>) -> bool {
        let value = value.filter(|value| !value.is_null());
        self.valid.push(value.is_some());
        match (&mut self.inner, value) {
            (Inner::Plain(builder), None) => builder.add(None),
            (Inner::Plain(builder), Some(value)) => match value {
                Value::String(text) => builder.add(Some(text)),
                Value::Number(number) => builder.add(Some(&number.to_string())),
                Value::Bool(true) => builder.add(Some("true")),
                Value::Bool(false) => builder.add(Some("false")),
                Value::Null | Value::Array(_) | Value::Object(_) => false,
            },
            (Inner::Items { lengths, .. }, None) => {
                lengths.push(0);
                true
            }
            (Inner::Items { lengths, item }, Some(value)) => {
                let Value::Array(items) = value else { return false };
                lengths.push(items.len());
                items.iter().all(|value| item.add(Some(value)))
            }
            (Inner::Fields(fields), None) => fields.iter_mut().all(|(_, part)| part.add(None)),
            (Inner::Fields(fields), Some(value)) => match value {
                Value::Object(object) => {
                    object.len() == fields.len()
                        && fields.iter_mut().all(|(field, part)| {
                            object.get(field.name()).is_some_and(|value| part.add(Some(value)))
                        })
                }
                // The pairs of a map.
                Value::Array(pair) => {
                    pair.len() == fields.len()
                        && fields
                            .iter_mut()
                            .zip(pair)
                            .all(|((_, part), value)| part.add(Some(value)))
                }
                _ => false,
            },
        }
    }

    fn finish(&mut self) -> Result<ArrayRef, TableError> {
        let valid = std::mem::take(&mut self.valid);
        let nulls = valid.contains(&false).then(|| NullBuffer::from(valid));
        Ok(match (&mut self.inner, &self.of) {
            (Inner::Plain(builder), _) => builder.finish()?,
            (Inner::Items { lengths, item }, DataType::List(field)) => {
                let offsets = OffsetBuffer::from_lengths(std::mem::take(lengths));
                let list = ListArray::try_new(Arc::clone(field), offsets, item.finish()?, nulls);
                Arc::new(list.map_err(TableError::arrow)?)
            }
            (Inner::Items { lengths, item }, DataType::Map(field, sorted)) => {
                let offsets = OffsetBuffer::from_lengths(std::mem::take(lengths));
                let entries = item.finish()?;
                let entries = arrow_array::cast::AsArray::as_struct(&entries).clone();
                let map = MapArray::try_new(Arc::clone(field), offsets, entries, nulls, *sorted);
                Arc::new(map.map_err(TableError::arrow)?)
            }
            (Inner::Fields(fields), DataType::Struct(of)) => {
                let arrays = fields.iter_mut().map(|(_, part)| part.finish());
                let arrays = arrays.collect::<Result<Vec<_>, _>>()?;
                let array = StructArray::try_new(of.clone(), arrays, nulls);
                Arc::new(array.map_err(TableError::arrow)?)
            }
            (_, of) => new_empty_array(of),
        })
    }
}
