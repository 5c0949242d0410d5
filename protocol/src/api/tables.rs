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
        /// How many rows the table has.
        pub total: u64,
        /// The rows, each with a value for each column; fewer than asked for where they are wide.
        #[cfg_attr(feature = "openapi", schema(value_type = Vec<Vec<Object>>))]
        pub rows: Vec<Vec<serde_json::Value>>,
        /// Cells that are not told whole.
        pub cut: Vec<TableCell>,
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
        #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
        pub min: Option<serde_json::Value>,
        /// The greatest value.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
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
