//! Reads JSON in which an object is written as one.
//!
//! The readers that serde derives take a list for an object whose members stand in the order of the
//! type's fields. No caller means that, a document of the API cannot say it, and a field put in
//! between would change what such a list means. Here a list in the place of an object is refused,
//! however deep it stands.

use std::fmt;

use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error as _, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};

/// Reads a text of JSON.
///
/// # Errors
/// It is no JSON, or not of the type; line and column are named.
pub(crate) fn from_slice<T: DeserializeOwned>(text: &[u8]) -> Result<T, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let value = T::deserialize(Strict(&mut reader))?;
    reader.end()?;
    Ok(value)
}

/// Reads a text of JSON in which a name may stand twice: the last one counts, as it did for servers
/// of dstack. The text is let go of before the values are read: it may be as long as they are.
///
/// # Errors
/// As [`from_slice`], without line and column where it is JSON.
pub(crate) fn last_counts<T: DeserializeOwned>(
    text: impl AsRef<[u8]>,
) -> Result<T, serde_json::Error> {
    let value: serde_json::Value = serde_json::from_slice(text.as_ref())?;
    drop(text);
    T::deserialize(Strict(value))
}

/// Whatever reads or is read, with lists kept apart from objects.
struct Strict<T>(T);

/// A visitor of a struct.
struct Object<V>(V);

/// Hands the plain kinds of a deserializer on.
macro_rules! forward {
    ($($kind:ident)*) => {$(
        fn $kind<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.0.$kind(Strict(visitor))
        }
    )*};
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Strict<D> {
    type Error = D::Error;

    forward! {
        deserialize_any deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32
        deserialize_i64 deserialize_i128 deserialize_u8 deserialize_u16 deserialize_u32
        deserialize_u64 deserialize_u128 deserialize_f32 deserialize_f64 deserialize_char
        deserialize_str deserialize_string deserialize_bytes deserialize_byte_buf
        deserialize_option deserialize_unit deserialize_seq deserialize_map
        deserialize_identifier deserialize_ignored_any
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_struct(name, fields, Object(Strict(visitor)))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_enum(name, variants, Strict(visitor))
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_unit_struct(name, Strict(visitor))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_newtype_struct(name, Strict(visitor))
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_tuple(length, Strict(visitor))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_tuple_struct(name, length, Strict(visitor))
    }
}

/// Hands what is no list, object or choice on.
macro_rules! plain {
    ($($visit:ident: $kind:ty,)*) => {$(
        fn $visit<E: serde::de::Error>(self, value: $kind) -> Result<V::Value, E> {
            self.0.$visit(value)
        }
    )*};
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Strict<V> {
    type Value = V::Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(out)
    }

    plain! {
        visit_bool: bool,
        visit_i64: i64,
        visit_i128: i128,
        visit_u64: u64,
        visit_u128: u128,
        visit_f64: f64,
        visit_str: &str,
        visit_borrowed_str: &'de str,
        visit_string: String,
        visit_bytes: &[u8],
        visit_borrowed_bytes: &'de [u8],
        visit_byte_buf: Vec<u8>,
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<V::Value, E> {
        self.0.visit_none()
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<V::Value, E> {
        self.0.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, reader: D) -> Result<V::Value, D::Error> {
        self.0.visit_some(Strict(reader))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, reader: D) -> Result<V::Value, D::Error> {
        self.0.visit_newtype_struct(Strict(reader))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<V::Value, A::Error> {
        self.0.visit_seq(Strict(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        self.0.visit_map(Strict(map))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, choice: A) -> Result<V::Value, A::Error> {
        self.0.visit_enum(Strict(choice))
    }
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Object<V> {
    type Value = V::Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<V::Value, A::Error> {
        Err(A::Error::custom("a list stands where an object belongs"))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        self.0.visit_map(map)
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Strict<A> {
    type Error = A::Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, A::Error> {
        self.0.next_element_seed(Strict(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Strict<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        self.0.next_key_seed(seed)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, A::Error> {
        self.0.next_value_seed(Strict(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: EnumAccess<'de>> EnumAccess<'de> for Strict<A> {
    type Error = A::Error;
    type Variant = Strict<A::Variant>;

    fn variant_seed<T: DeserializeSeed<'de>>(
        self,
        seed: T,
    ) -> Result<(T::Value, Strict<A::Variant>), A::Error> {
        let (value, variant) = self.0.variant_seed(seed)?;
        Ok((value, Strict(variant)))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Strict<A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.0.unit_variant()
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, A::Error> {
        self.0.newtype_variant_seed(Strict(seed))
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.0.tuple_variant(length, Strict(visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.0.struct_variant(fields, Object(Strict(visitor)))
    }
}

impl<'de, T: DeserializeSeed<'de>> DeserializeSeed<'de> for Strict<T> {
    type Value = T::Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<T::Value, D::Error> {
        self.0.deserialize(Strict(reader))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;
    use serde_json::{Value, json};

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Inner {
        a: u64,
        #[serde(default)]
        b: Option<String>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "snake_case")]
    enum Choice {
        Plain,
        New(Inner),
        Pair(i8, f64),
        Named { inner: Inner },
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Wrapped(Inner);

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(default)]
    struct Outer {
        inner: Option<Inner>,
        list: Vec<Inner>,
        map: BTreeMap<String, Inner>,
        pair: Option<(bool, Inner)>,
        choice: Option<Choice>,
        wrapped: Option<Wrapped>,
        any: Value,
    }

    fn read(value: &Value) -> Result<Outer, String> {
        from_slice(value.to_string().as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn objects_are_read_as_ever() {
        let whole = json!({
            "inner": { "a": 18_446_744_073_709_551_615_u64, "b": null }, "list": [{ "a": 1 }],
            "map": { "x": { "a": 2, "b": "ü" } }, "pair": [true, { "a": 3 }],
            "choice": { "named": { "inner": { "a": 4 } } }, "wrapped": { "a": 5 },
            "any": [[1], { "x": [-2, 2.5, "t", null] }], "unknown": [[]],
        });
        let plain: Outer = serde_json::from_value(whole.clone()).unwrap();
        assert_eq!(read(&whole).unwrap(), plain);
        for choice in [json!("plain"), json!({ "new": { "a": 1 } }), json!({ "pair": [-1, 0.5] })] {
            let whole = json!({ "choice": choice });
            let plain: Outer = serde_json::from_value(whole.clone()).unwrap();
            assert_eq!(read(&whole).unwrap(), plain);
        }
    }

    #[test]
    fn a_list_is_no_object_wherever_it_stands() {
        for whole in [
            json!([{ "a": 1 }]),
            json!([]),
            json!({ "inner": [1] }),
            json!({ "list": [{ "a": 1 }, [1, "b"]] }),
            json!({ "map": { "x": [1] } }),
            json!({ "pair": [true, [1]] }),
            json!({ "choice": { "new": [1] } }),
            json!({ "choice": { "named": [{ "a": 1 }] } }),
            json!({ "choice": { "named": { "inner": [1] } } }),
            json!({ "wrapped": [1] }),
        ] {
            assert!(
                serde_json::from_str::<Outer>(&whole.to_string()).is_ok(),
                "serde takes {whole}"
            );
            let error = read(&whole).unwrap_err();
            assert!(
                error.starts_with("a list stands where an object belongs at line 1"),
                "{error}"
            );
        }
        let error = read(&json!({ "inner": 1 })).unwrap_err();
        assert!(error.starts_with("invalid type: integer `1`, expected an object"), "{error}");
    }

    #[test]
    fn what_is_no_json_says_where() {
        let error = from_slice::<Outer>(b"{\n\"inner\":").unwrap_err().to_string();
        assert!(error.contains("line 2 column 8"), "{error}");
        let error = from_slice::<Outer>(b"{} {}").unwrap_err().to_string();
        assert!(error.contains("trailing characters"), "{error}");
        let error = from_slice::<Outer>(br#"{"list":[],"list":[]}"#).unwrap_err().to_string();
        assert!(error.contains("duplicate field `list`"), "{error}");
        let last: Outer = last_counts(br#"{"list":[{"a":1}],"list":[{"a":2}]}"#).unwrap();
        assert_eq!(last.list, [Inner { a: 2, b: None }]);
        let error = last_counts::<Outer>(br#"{"list":[[1]]}"#).unwrap_err().to_string();
        assert_eq!(error, "a list stands where an object belongs");
    }
}
