//! Tables among the attachments, in pages.

http! {
    /// The columns of a table: `GET /schema`.
    pub struct TableSchema {
        /// The format of the attachment: `parquet`, `arrow`, `arrow_stream`, `csv`, `tsv`, `jsonl`.
        pub format: String,
        /// How many rows there are.
        pub rows: u64,
        /// The columns, in their order.
        pub columns: Vec<TableColumn>,
    }

    /// A column of a table.
    pub struct TableColumn {
        /// Its name; several may have the same.
        pub name: String,
        /// Its type: `int64`, `string`, `timestamp[us, Europe/Berlin]`, `list<float64>`.
        #[serde(rename = "type")]
        pub type_name: String,
        /// What it is, roughly: `boolean`, `number`, `text`, `time`, `binary`, `nested`, `null`.
        pub kind: String,
        /// Whether values may be missing.
        pub nullable: bool,
    }

    /// Some rows of a table: `GET /rows`.
    pub struct TableRows {
        /// The columns of the rows, in the order of the file.
        pub columns: Vec<TableColumn>,
        /// The number of the first row, from 0.
        pub offset: u64,
        /// How many rows there are: of the table, or of those that fit the filter.
        pub total: u64,
        /// The rows, each with a value for each column; fewer than asked for where they are wide.
        #[cfg_attr(feature = "openapi", schema(value_type = Vec<Vec<TableValue>>))]
        pub rows: Vec<Vec<serde_json::Value>>,
        /// Cells that are not told whole.
        pub cut: Vec<TableCell>,
    }

    /// A column that rows are sorted by: an item of `sort`.
    #[derive(Eq)]
    #[serde(deny_unknown_fields)]
    pub struct TableOrder {
        /// The name of the column.
        pub column: String,
        /// Whether the greatest come first; missing values come last all the same.
        #[serde(default)]
        pub descending: bool,
    }

    /// What has to hold of a column: an item of `filter`.
    #[serde(deny_unknown_fields)]
    pub struct TableCondition {
        /// The name of the column.
        pub column: String,
        /// How the value stands to the one that is named.
        pub op: TableOp,
        /// The value, as in a page; a list of two for `between` and of up to 1000 for `in`. None
        /// for `null` and `not_null`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "openapi", schema(value_type = Option<TableValue>))]
        pub value: Option<serde_json::Value>,
    }

    /// How a value stands to one that is named. Nothing but `null` holds of a missing value.
    #[derive(Copy, Eq)]
    pub enum TableOp {
        /// It is the same.
        #[serde(rename = "=")]
        Is,
        /// It is another one.
        #[serde(rename = "!=")]
        IsNot,
        /// It is less.
        #[serde(rename = "<")]
        Below,
        /// It is not greater.
        #[serde(rename = "<=")]
        AtMost,
        /// It is greater.
        #[serde(rename = ">")]
        Above,
        /// It is not less.
        #[serde(rename = ">=")]
        AtLeast,
        /// It is from the first to the second, both included.
        Between,
        /// It is one of these.
        In,
        /// The text holds this one, whatever the case.
        Contains,
        /// It is missing.
        Null,
        /// It is there.
        NotNull,
    }

    /// A cell of a page.
    pub struct TableCell {
        /// The row, from 0, of the page.
        pub row: u64,
        /// The column, from 0, of the page.
        pub column: u64,
    }

    /// What is in the columns of a table: `GET /stats`.
    pub struct TableStats {
        /// How many rows the table has.
        pub rows: u64,
        /// How many of them, from the first on, were looked at.
        pub looked_at: u64,
        /// A summary of each column, in their order.
        pub columns: Vec<TableColumnStats>,
    }

    /// What is in a column.
    pub struct TableColumnStats {
        /// The name of the column.
        pub name: String,
        /// How many values are missing.
        pub nulls: u64,
        /// How many are not a number.
        pub nans: u64,
        /// The least value, as in a page; absent for lists and the like.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "openapi", schema(value_type = Option<TableValue>))]
        pub min: Option<serde_json::Value>,
        /// The greatest value.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "openapi", schema(value_type = Option<TableValue>))]
        pub max: Option<serde_json::Value>,
        /// The mean of numbers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub mean: Option<f64>,
        /// How many different texts or truth values there are; absent where they are too many.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub distinct: Option<u64>,
        /// The most frequent of them.
        pub top: Vec<TableValueCount>,
        /// How many numbers or times fall into each of equal parts from the least to the greatest.
        pub histogram: Vec<u64>,
    }

    /// A value, and how often it comes.
    pub struct TableValueCount {
        /// The value.
        pub value: String,
        /// How often it comes.
        pub count: u64,
    }
}

/// A value of a cell, for the description of the API: JSON of any kind, and which kind the column's
/// type says.
#[cfg(feature = "openapi")]
#[derive(Clone, Copy, Debug)]
pub struct TableValue;

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for TableValue {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
        let types =
            [Type::Null, Type::Boolean, Type::Number, Type::String, Type::Array, Type::Object];
        ObjectBuilder::new()
            .schema_type(SchemaType::from_iter(types))
            .description(Some(
                "A value. Whole numbers beyond 2^53 - 1, decimals, NaN and infinities are text, as \
                 are dates, times and bytes (Base64); lists are arrays, structs objects, maps \
                 arrays of pairs.",
            ))
            .into()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for TableValue {
    fn name() -> std::borrow::Cow<'static, str> {
        "TableValue".into()
    }
}
