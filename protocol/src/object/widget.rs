//! Widgets: how a page asks for a parameter, where the author of a frame says so.

use std::collections::BTreeMap;

use super::param::Param;
use super::{check_extra, check_label, check_len, sparse, text};
use crate::cbor::{FieldError, Fields, Map, Value};
use crate::limits::{
    KIND_BYTES, PARAM_NAME_BYTES, UNIT_BYTES, WIDGET_LABEL_BYTES, WIDGET_VALUES, WIDGETS,
};

/// Widgets by the name of the parameter.
pub type Widgets = BTreeMap<String, Widget>;

/// The kinds that are known here.
///
/// Which of them fits is decided by the values of the parameter; a kind that does not fit them,
/// or is not known, is passed over by who shows the frame.
pub const WIDGET_KINDS: &[&str] = &["combobox", "date", "radio", "select", "slider", "switch"];

/// How one parameter is asked for.
///
/// All of it is a wish: a page that knows nothing of it makes a widget from the values alone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Widget {
    /// What it is, such as one of [`WIDGET_KINDS`].
    pub kind: Option<String>,
    /// What the parameter is called; else its name.
    pub label: Option<String>,
    /// The unit of its values, such as `km`.
    pub unit: Option<String>,
    /// The value with which one begins.
    pub default: Option<Param>,
    /// Values in the order in which they are offered; those that are not named follow.
    pub values: Vec<Param>,
    /// Where it stands among the others, the least first; those without a place follow.
    pub order: Option<i64>,
    /// Whether it is not offered, and chosen by its default alone.
    pub hidden: bool,
    /// Keys of later versions.
    pub extra: Map,
}

const KEYS: &[&str] = &["kind", "label", "unit", "default", "values", "order", "hidden"];

impl Widget {
    fn from_value(value: Value) -> Result<Self, FieldError> {
        let map = value.into_map().map_err(|reason| FieldError::invalid("widgets", reason))?;
        let mut fields = Fields::new(map);
        let param = |value| Param::from_value(value).map_err(|error| error.to_string());
        Ok(Widget {
            kind: fields.optional("kind", text)?,
            label: fields.optional("label", text)?,
            unit: fields.optional("unit", text)?,
            default: match fields.take("default") {
                Some(value) => Some(param(value).map_err(|e| FieldError::invalid("default", e))?),
                None => None,
            },
            values: sparse(&mut fields, "values", |v| v.into_list_of(WIDGET_VALUES, param))?,
            order: fields.optional("order", Value::into_i64)?,
            hidden: fields.optional("hidden", only_true)?.unwrap_or_default(),
            extra: fields.rest(),
        })
    }

    fn to_value(&self) -> Value {
        let mut map = self.extra.clone();
        map.insert_some("kind", self.kind.as_deref());
        map.insert_some("label", self.label.as_deref());
        map.insert_some("unit", self.unit.as_deref());
        map.insert_some("default", self.default.as_ref().map(Param::to_value));
        if !self.values.is_empty() {
            map.insert("values", self.values.iter().map(Param::to_value).collect::<Vec<_>>());
        }
        map.insert_some("order", self.order);
        map.insert_some("hidden", self.hidden.then_some(true));
        map.into()
    }

    fn check(&self) -> Result<(), FieldError> {
        let label = |name, text: &Option<String>, limit| {
            text.as_ref().map_or(Ok(()), |text| check_label(name, text, limit))
        };
        label("kind", &self.kind, KIND_BYTES)?;
        label("label", &self.label, WIDGET_LABEL_BYTES)?;
        label("unit", &self.unit, UNIT_BYTES)?;
        check_len("values", self.values.len(), WIDGET_VALUES)?;
        for param in self.default.iter().chain(&self.values) {
            param.check().map_err(|error| FieldError::invalid("values", error))?;
        }
        check_extra(&self.extra, KEYS)
    }
}

/// Reads `hidden: true`; what is not hidden does not say so.
fn only_true(value: Value) -> Result<bool, String> {
    match value {
        Value::Bool(true) => Ok(true),
        other => Err(format!("{} is not true, and false is left out", other.type_name())),
    }
}

pub(super) fn widgets_from_value(value: Value) -> Result<Widgets, String> {
    let widget = |(name, value)| match Widget::from_value(value) {
        Ok(widget) => Ok((name, widget)),
        Err(reason) => Err(format!("`{name}`: {reason}")),
    };
    value.into_map()?.into_iter().map(widget).collect()
}

pub(super) fn widgets_value(widgets: &Widgets) -> Option<Map> {
    let entries = widgets.iter().map(|(name, widget)| (name.clone(), widget.to_value()));
    (!widgets.is_empty()).then(|| entries.collect())
}

pub(super) fn check_widgets(widgets: &Widgets) -> Result<(), FieldError> {
    check_len("widgets", widgets.len(), WIDGETS)?;
    widgets.iter().try_for_each(|(name, widget)| {
        check_label("widgets", name, PARAM_NAME_BYTES)?;
        widget.check().map_err(|e| FieldError::invalid("widgets", format!("`{name}`: {e}")))
    })
}
