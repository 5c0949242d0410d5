//! What is searched for: words, and filters for what has a name.
//!
//! ```text
//! query   = term *(space term)              all have to fit
//! term    = word | '"' text '"' | filter
//! filter  = ("name" | "tag" | "message" | "input") ":" text
//!         | ("param" | "metric") ":" name [("=" | "!=" | ">" | ">=" | "<" | "<=") value]
//!         | "column" ":" (name [("=" | "!=") type] | ("=" | "!=") type)
//! ```
//!
//! A word fits where a name, a message, what is said of an attachment, a tag, the name or value of a
//! param or metric, or the name of a column of a table holds it, in any case. Params are those of the
//! frame and of its attachments. A type fits as a whole (`decimal(10, 2)`), without what
//! it is of (`decimal`), or as what it is roughly (`number`). An input fits where the id of the frame
//! that it is begins so, or the name by which it was read holds it. No character stands for another one: `*` is a star.

use std::sync::Arc;

use dsp_protocol::api::InputInfo;
use serde_json::Value;

/// Longest query in bytes.
const QUERY_BYTES: usize = 1024;
/// Most terms of a query.
const TERMS: usize = 32;

/// What is searched for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Query {
    terms: Vec<Term>,
}

#[derive(Clone, Debug, PartialEq)]
enum Term {
    /// Somewhere.
    Word(String),
    /// In the name of the stack.
    Name(String),
    /// A tag is called so.
    Tag(String),
    /// In the message.
    Message(String),
    /// Made from a frame whose id begins so, or whose name holds it.
    Input(String),
    /// A table has a column of this name, or of any, of whose type something holds.
    Column { name: Option<String>, of: Option<(bool, String)> },
    /// A param or a metric of this name, with a value of which something holds.
    Value { of: Of, name: String, holds: Option<(Relation, String)> },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    Params,
    Metrics,
}

/// How a value stands to the one that is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Relation {
    Is,
    IsNot,
    Above,
    AtLeast,
    Below,
    AtMost,
}

/// The relations by how they are written; a longer one stands before what it begins with.
const RELATIONS: [(&str, Relation); 6] = [
    ("!=", Relation::IsNot),
    (">=", Relation::AtLeast),
    ("<=", Relation::AtMost),
    ("=", Relation::Is),
    (">", Relation::Above),
    ("<", Relation::Below),
];

/// A frame as a query sees it; every text is in lower case but names and values.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject<'a> {
    pub(super) name: &'a str,
    pub(super) tags: &'a [String],
    pub(super) frame: &'a Text,
    /// The columns of each of its tables, as far as they are known.
    pub(super) tables: &'a [Arc<[Named]>],
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Named {
    pub(super) name: Box<str>,
    /// The name in lower case, where that differs.
    lower: Option<Box<str>>,
    pub(super) type_name: Box<str>,
    /// What it is roughly, such as `number`.
    pub(super) kind: Box<str>,
}

impl Named {
    #[cfg(any(test, feature = "tables"))]
    pub(super) fn new(name: &str, type_name: &str, kind: &str) -> Named {
        let lower = name.to_lowercase();
        Named {
            name: name.into(),
            lower: (lower != name).then(|| lower.into()),
            type_name: type_name.into(),
            kind: kind.into(),
        }
    }

    fn lower(&self) -> &str {
        self.lower.as_deref().unwrap_or(&self.name)
    }

    /// Tells whether its type is called so, in any case.
    fn is_of(&self, wanted: &str) -> bool {
        let whole = self.type_name.to_lowercase();
        let plain = whole.split(['[', '(', '<']).next().unwrap_or_default();
        [&whole, plain, &self.kind].contains(&wanted)
    }

    /// Returns about how many bytes it takes.
    #[cfg(feature = "tables")]
    pub(super) fn bytes(&self) -> usize {
        let lower = self.lower.as_ref().map_or(0, |lower| lower.len());
        size_of::<Named>() + self.name.len() + lower + self.type_name.len() + self.kind.len()
    }
}

/// What is searched of a frame, whichever stack has it.
#[derive(Clone, Debug, Default)]
pub(super) struct Text {
    /// The message in lower case.
    pub(super) message: String,
    /// What is said of its attachments, in lower case.
    pub(super) about: Vec<String>,
    /// Names and values of params, in lower case, each value behind its name.
    pub(super) params: Vec<(String, String)>,
    /// Names in lower case and values of metrics.
    pub(super) metrics: Vec<(String, f64)>,
    /// Whether it says what it was made from.
    pub(super) made: bool,
}

impl std::str::FromStr for Query {
    type Err = String;

    fn from_str(text: &str) -> Result<Query, String> {
        if text.len() > QUERY_BYTES {
            return Err(format!("the query has {} bytes, at most {QUERY_BYTES}", text.len()));
        }
        let terms: Vec<Term> = split(text)?.into_iter().map(term).collect::<Result<_, _>>()?;
        match terms.len() {
            0 => Err("the query is empty".to_owned()),
            1..=TERMS => Ok(Query { terms }),
            many => Err(format!("the query has {many} terms, at most {TERMS}")),
        }
    }
}

/// Parts a text at spaces that stand in no quotes. Of each part it is told whether all of it is
/// quoted: then it is a word whatever it looks like.
fn split(text: &str) -> Result<Vec<(String, bool)>, String> {
    let (mut parts, mut part, mut within, mut quoted) = (Vec::new(), String::new(), false, false);
    for c in text.chars() {
        match c {
            '"' => {
                quoted |= part.is_empty() && !within;
                within = !within;
            }
            c if c.is_whitespace() && !within => {
                if !part.is_empty() {
                    parts.push((std::mem::take(&mut part), quoted));
                }
                quoted = false;
            }
            c => part.push(c),
        }
    }
    if within {
        return Err("a quote is not closed".to_owned());
    }
    if !part.is_empty() {
        parts.push((part, quoted));
    }
    Ok(parts)
}

fn term((text, quoted): (String, bool)) -> Result<Term, String> {
    let lower = text.to_lowercase();
    let Some((kind, rest)) = lower.split_once(':').filter(|_| !quoted) else {
        return Ok(Term::Word(lower));
    };
    let of = match kind {
        "name" | "tag" | "message" | "input" if rest.is_empty() => {
            return Err(format!("`{text}`: what stands behind `:` is missing"));
        }
        "name" => return Ok(Term::Name(rest.to_owned())),
        "tag" => return Ok(Term::Tag(rest.to_owned())),
        "message" => return Ok(Term::Message(rest.to_owned())),
        "input" => return Ok(Term::Input(rest.to_owned())),
        "column" => return column(&text, rest),
        "param" => Of::Params,
        "metric" => Of::Metrics,
        // Such as an address: no filter is called so.
        _ => return Ok(Term::Word(lower)),
    };
    let (name, holds) = related(&text, rest)?;
    if name.is_empty() {
        return Err(format!("`{text}`: a name is missing behind `:`"));
    }
    if let Some((relation, value)) = &holds {
        let orders = !matches!(relation, Relation::Is | Relation::IsNot);
        if (orders || of == Of::Metrics) && number(value).is_none() {
            return Err(format!("`{text}`: `{value}` is no number"));
        }
    }
    Ok(Term::Value { of, name: name.to_owned(), holds })
}

/// What has to hold of something, if anything.
type Holds = Option<(Relation, String)>;

/// Parts a name from what has to hold of it.
fn related<'a>(text: &str, rest: &'a str) -> Result<(&'a str, Holds), String> {
    let at = rest.find(['=', '!', '<', '>']).unwrap_or(rest.len());
    let (name, relation) = rest.split_at(at);
    if relation.is_empty() {
        return Ok((name, None));
    }
    let found = RELATIONS
        .iter()
        .find_map(|(word, found)| Some((*found, relation.strip_prefix(word)?.to_owned())));
    let found = found.ok_or_else(|| format!("`{text}`: `{relation}` is no comparison"))?;
    Ok((name, Some(found)))
}

fn column(text: &str, rest: &str) -> Result<Term, String> {
    let (name, holds) = related(text, rest)?;
    let of = match holds {
        None => None,
        Some((_, value)) if value.is_empty() => {
            return Err(format!("`{text}`: a type is missing, such as `number` or `float64`"));
        }
        Some((Relation::Is, value)) => Some((true, value)),
        Some((Relation::IsNot, value)) => Some((false, value)),
        Some(_) => return Err(format!("`{text}`: a type is compared with `=` or `!=`")),
    };
    let name = (!name.is_empty()).then(|| name.to_owned());
    if name.is_none() && of.is_none() {
        return Err(format!("`{text}`: a name is missing behind `:`"));
    }
    Ok(Term::Column { name, of })
}

/// Reads a number as JSON and metrics write it.
fn number(text: &str) -> Option<f64> {
    text.parse().ok()
}

impl Query {
    /// Tells whether a frame fits.
    pub(super) fn fits(&self, subject: Subject<'_>) -> bool {
        self.terms.iter().all(|term| term.fits(subject))
    }

    /// Tells whether some term fits a column.
    pub(super) fn finds(&self, column: &Named) -> bool {
        self.terms.iter().any(|term| term.finds(column))
    }

    /// Tells whether what a frame was made from matters.
    pub(super) fn looks_at_inputs(&self) -> bool {
        self.terms.iter().any(|term| matches!(term, Term::Input(_)))
    }

    /// Tells whether a frame that was made from these inputs fits, as far as inputs matter.
    pub(super) fn fits_inputs(&self, inputs: &[InputInfo]) -> bool {
        self.terms.iter().all(|term| match term {
            Term::Input(text) => inputs.iter().any(|input| {
                input.frame.is_some_and(|frame| frame.to_string().starts_with(text))
                    || input.name.as_ref().is_some_and(|name| name.to_lowercase().contains(text))
            }),
            Term::Word(_)
            | Term::Name(_)
            | Term::Tag(_)
            | Term::Message(_)
            | Term::Column { .. }
            | Term::Value { .. } => true,
        })
    }

    /// Tells whether columns matter: a term looks at them.
    #[cfg(feature = "tables")]
    pub(super) fn looks_at_columns(&self) -> bool {
        self.terms.iter().any(|term| matches!(term, Term::Word(_) | Term::Column { .. }))
    }
}

impl Term {
    fn finds(&self, column: &Named) -> bool {
        match self {
            Term::Word(word) => column.lower().contains(word.as_str()),
            Term::Column { name, of } => {
                name.as_ref().is_none_or(|name| column.lower() == name)
                    && of.as_ref().is_none_or(|(is, wanted)| column.is_of(wanted) == *is)
            }
            Term::Name(_)
            | Term::Tag(_)
            | Term::Message(_)
            | Term::Input(_)
            | Term::Value { .. } => false,
        }
    }

    fn fits(&self, Subject { name, tags, frame, tables }: Subject<'_>) -> bool {
        let in_a_table = || tables.iter().any(|table| table.iter().any(|c| self.finds(c)));
        match self {
            Term::Word(word) => {
                name.contains(word)
                    || frame.message.contains(word)
                    || frame.about.iter().any(|text| text.contains(word))
                    || tags.iter().any(|tag| tag.contains(word))
                    || frame.params.iter().any(|(n, v)| n.contains(word) || v.contains(word))
                    || frame.metrics.iter().any(|(name, value)| {
                        name.contains(word) || value.to_string().contains(word)
                    })
                    || in_a_table()
            }
            Term::Column { .. } => in_a_table(),
            Term::Name(text) => name.contains(text),
            Term::Tag(text) => tags.iter().any(|tag| tag == text),
            Term::Message(text) => frame.message.contains(text),
            // What a frame was made from is read of those alone that fit otherwise.
            Term::Input(_) => frame.made,
            Term::Value { of: Of::Params, name, holds } => {
                let mut named = frame.params.iter().filter(|(other, _)| other == name);
                named
                    .any(|(_, value)| holds.as_ref().is_none_or(|(r, text)| r.of_text(value, text)))
            }
            Term::Value { of: Of::Metrics, name, holds } => {
                let mut named = frame.metrics.iter().filter(|(other, _)| other == name);
                named.any(|(_, value)| {
                    holds.as_ref().is_none_or(|(relation, text)| {
                        number(text).is_some_and(|wanted| relation.of_numbers(*value, wanted))
                    })
                })
            }
        }
    }
}

impl Relation {
    /// Compares numbers as numbers and other values as they are written.
    fn of_text(self, value: &str, wanted: &str) -> bool {
        match (self, number(value), number(wanted)) {
            (_, Some(value), Some(wanted)) => self.of_numbers(value, wanted),
            (Relation::Is, ..) => value == wanted,
            (Relation::IsNot, ..) => value != wanted,
            (Relation::Above | Relation::AtLeast | Relation::Below | Relation::AtMost, ..) => false,
        }
    }

    fn of_numbers(self, value: f64, wanted: f64) -> bool {
        match self {
            Relation::Is => value == wanted || (value.is_nan() && wanted.is_nan()),
            Relation::IsNot => !Relation::Is.of_numbers(value, wanted),
            Relation::Above => value > wanted,
            Relation::AtLeast => value >= wanted,
            Relation::Below => value < wanted,
            Relation::AtMost => value <= wanted,
        }
    }
}

/// Returns a value as a person types it.
pub(super) fn written(value: &Value) -> String {
    let inner = value.as_object().and_then(|map| map.get("v").filter(|_| map.contains_key("t")));
    match inner.unwrap_or(value) {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn text() -> Text {
        Text {
            message: "week 46, http://example.org".to_owned(),
            about: vec!["a first plot".to_owned()],
            params: vec![("region".into(), "eu".into()), ("depth".into(), "7".into())],
            metrics: vec![("auc".into(), 0.91), ("loss".into(), f64::NAN)],
            made: true,
        }
    }

    fn fits(query: &str) -> bool {
        let tables = [
            Arc::from([Named::new("Unit_Price", "decimal(10, 2)", "number")]),
            Arc::from([
                Named::new("when", "timestamp[us, Europe/Berlin]", "time"),
                Named::new("unit", "string", "text"),
            ]),
        ];
        let tags = ["v1".to_owned()];
        let frame = &text();
        let subject = Subject { name: "sales/weekly", tags: &tags, frame, tables: &tables };
        query.parse::<Query>().unwrap().fits(subject)
    }

    #[test]
    fn all_words_have_to_fit_somewhere() {
        assert!(fits("WEEK sales v1 eu 0.91 Plot"));
        assert!(!fits("week sales v2"));
        assert!(fits("\"week 46\"") && !fits("\"46 week\""));
        assert!(fits("http://example.org"), "what is no filter is a word");
        assert!(fits("\"http:\"") && !fits("\"param:region\""), "quoted is a word");
    }

    #[test]
    fn nothing_is_a_pattern() {
        assert!(!fits("sal*") && !fits("week?46") && !fits(".*") && !fits("name:*"));
        let text = Text { message: "a * b".to_owned(), ..Text::default() };
        let subject = Subject { name: "x", tags: &[], frame: &text, tables: &[] };
        assert!("*".parse::<Query>().unwrap().fits(subject));
    }

    #[test]
    fn filters_look_where_they_say() {
        assert!(fits("name:sales tag:v1 message:week"));
        assert!(!fits("name:46") && !fits("tag:v") && !fits("message:sales"));
        assert!(!fits("message:plot"));
        assert!(fits("param:region") && fits("param:region=EU") && fits("param:region!=us"));
        assert!(!fits("param:region=e") && !fits("param:auc") && !fits("param:region!=eu"));
        assert!(fits("param:depth>6") && fits("param:depth=7.0") && !fits("param:region>1"));
        assert!(fits("metric:auc>0.9") && fits("metric:auc<=0.91") && fits("metric:auc!=1"));
        assert!(!fits("metric:auc>0.91") && !fits("metric:auc<0.91") && !fits("metric:region"));
        assert!(fits("metric:loss=nan") && !fits("metric:loss<1") && !fits("metric:loss>=1"));
    }

    #[test]
    fn inputs_are_found_by_name_and_by_the_beginning_of_their_id() {
        let frame: dsp_protocol::id::FrameId = "3fa9".repeat(16).parse().unwrap();
        let named = InputInfo { frame: None, name: Some("alice:Raw/orders".to_owned()) };
        let inputs = [InputInfo { frame: Some(frame), name: None }, named];
        let fits_inputs = |query: &str| query.parse::<Query>().unwrap().fits_inputs(&inputs);
        assert!(fits_inputs("input:3fa9") && fits_inputs("input:RAW/orders") && fits_inputs("x"));
        assert!(!fits_inputs("input:fa93") && !fits_inputs("input:3fa9 input:sold"));
        assert!(fits("input:3fa9") && "input:".parse::<Query>().is_err());
        let (frame, query) = (&Text::default(), "input:3fa9".parse::<Query>().unwrap());
        assert!(!query.fits(Subject { name: "x", tags: &[], frame, tables: &[] }));
    }

    #[test]
    fn columns_are_found_by_name_and_type() {
        assert!(fits("PRICE week") && fits("_price") && !fits("prices"));
        assert!(fits("column:unit_price") && fits("column:UNIT") && !fits("column:price"));
        assert!(fits("column:unit_price=number") && fits("column:unit_price=Decimal"));
        assert!(fits("column:\"unit_price=decimal(10, 2)\""));
        assert!(!fits("column:unit_price=decimal(9,") && !fits("column:unit=number"));
        assert!(
            fits("column:when=time") && fits("column:when!=text") && !fits("column:when!=time")
        );
        assert!(fits("column:=timestamp") && !fits("column:=binary"), "of any name");
        assert!(!fits("text") && !fits("timestamp"), "a word is no type");
        assert!(!fits("param:when") && !fits("name:when") && !fits("message:when"));
    }

    #[test]
    fn what_is_no_query_is_refused() {
        let long = "x".repeat(1025);
        let many = "x ".repeat(33);
        for bad in [
            "",
            " ",
            "\"a",
            "name:",
            "param:",
            "param:=1",
            "metric:a>b",
            "metric:a=x",
            "param:a>x",
            "param:a!1",
            "column:",
            "column:a>1",
            "column:a=",
            "column:a!x",
            &long,
            &many,
        ] {
            assert!(bad.parse::<Query>().is_err(), "{bad}");
        }
    }

    #[test]
    fn values_are_written_as_they_are_typed() {
        assert_eq!(written(&json!({"t": "date", "v": "2026-11-16"})), "2026-11-16");
        assert_eq!(written(&json!("EU")), "EU");
        assert_eq!(written(&json!([1, 2])), "[1,2]");
    }
}
