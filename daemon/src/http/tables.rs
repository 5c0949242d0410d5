//! `/schema`, `/rows`, `/stats` and `/table` of an attachment that is a table.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use dsp_protocol::api::{TableRows, TableSchema, TableStats};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{Answer, Fault, Query};
use super::bytes;
use super::described::{Bytes, NoSuch, OtherMedia, Outside, TooMuch};
use super::stacks::RefQuery;
use crate::ops::{Ops, RowsFilter, TableBytes, bad_request, objects};

/// The media type of a stream of Arrow.
const ARROW_STREAM: &str = "application/vnd.apache.arrow.stream";

/// Which rows.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct RowsQuery {
    /// A reference, `[user[/context]:]stack[@rev][#attachment]`.
    #[serde(rename = "ref")]
    reference: String,
    /// The first row, from 0.
    #[serde(default)]
    offset: u64,
    /// Most rows, 1 to 1000; 100 when left out.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u64>,
    /// Names of columns as a JSON array; all when left out, and rows without cells for `[]`.
    columns: Option<String>,
    /// What the rows are sorted by, as a JSON array: `[{"column":"price","descending":true}]`.
    sort: Option<String>,
    /// What has to hold of all of them, as a JSON array:
    /// `[{"column":"price","op":">=","value":5}]`.
    filter: Option<String>,
    /// In which form.
    #[serde(default)]
    #[param(inline)]
    format: RowsForm,
}

/// The form of rows.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum RowsForm {
    /// JSON, in which long values are cut.
    #[default]
    Json,
    /// A stream of Arrow, in which each value is whole.
    Arrow,
}

/// Which table, and as what.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct TableQuery {
    /// A reference, `[user[/context]:]stack[@rev][#attachment]`.
    #[serde(rename = "ref")]
    reference: String,
    /// `parquet`, `csv`, or `csv-metadata` for the types of the columns of the CSV.
    format: String,
}

pub(super) fn routes() -> OpenApiRouter<Arc<Ops>> {
    OpenApiRouter::new()
        .routes(routes!(schema))
        .routes(routes!(rows))
        .routes(routes!(stats))
        .routes(routes!(table))
}

/// Returns the columns of a table
#[utoipa::path(get, path = "/schema", tag = "tables", operation_id = "getTableSchema",
    params(RefQuery), responses((status = 200, body = TableSchema), NoSuch, TooMuch, OtherMedia))]
async fn schema(State(ops): State<Arc<Ops>>, Query(query): Query<RefQuery>) -> Answer<TableSchema> {
    Ok(Json(ops.table_schema(&query.reference).await?))
}

/// Returns rows of a table
#[utoipa::path(get, path = "/rows", tag = "tables", operation_id = "getTableRows",
    params(RowsQuery),
    responses((status = 200, content((TableRows = "application/json"),
        (inline(Bytes) = "application/vnd.apache.arrow.stream"))), NoSuch, TooMuch, OtherMedia))]
async fn rows(
    State(ops): State<Arc<Ops>>,
    Query(query): Query<RowsQuery>,
) -> Result<Response, Fault> {
    let filter = RowsFilter {
        offset: query.offset,
        limit: query.limit,
        columns: list("columns", "names", query.columns.as_deref())?,
        orders: list("sort", "columns to sort by", query.sort.as_deref())?.unwrap_or_default(),
        conditions: list("filter", "conditions", query.filter.as_deref())?.unwrap_or_default(),
    };
    Ok(match query.format {
        RowsForm::Json => Json(ops.table_rows(&query.reference, filter).await?).into_response(),
        RowsForm::Arrow => {
            let stream = ops.table_arrow(&query.reference, filter).await?;
            ([(header::CONTENT_TYPE, ARROW_STREAM)], stream).into_response()
        }
    })
}

/// Reads a parameter that is a list.
fn list<T: DeserializeOwned>(
    name: &str,
    of: &str,
    text: Option<&str>,
) -> Result<Option<Vec<T>>, Fault> {
    let read = text.map(|text| objects::from_slice(text.as_bytes())).transpose();
    Ok(read.map_err(|error| bad_request(format!("`{name}` is no JSON array of {of}: {error}")))?)
}

/// Returns what is in the columns of a table
#[utoipa::path(get, path = "/stats", tag = "tables", operation_id = "getTableStats",
    params(RefQuery), responses((status = 200, body = TableStats), NoSuch, TooMuch, OtherMedia))]
async fn stats(State(ops): State<Arc<Ops>>, Query(query): Query<RefQuery>) -> Answer<TableStats> {
    Ok(Json(ops.table_stats(&query.reference).await?))
}

/// Returns a table in another format; a part of it where it has that format already
#[utoipa::path(get, path = "/table", tag = "tables", operation_id = "getTable",
    params(TableQuery),
    responses((status = 200, body = inline(Bytes), content_type = "application/octet-stream"),
        (status = 206, body = inline(Bytes), content_type = "application/octet-stream"),
        (status = 304, description = "The caller has them, as `If-None-Match` says"), NoSuch, TooMuch, OtherMedia, Outside))]
async fn table(
    State(ops): State<Arc<Ops>>,
    Query(query): Query<TableQuery>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    match ops.table_as(&query.reference, query.format.parse()?).await? {
        TableBytes::Pushed(opened) => bytes::answer(&ops, &headers, &opened).await,
        TableBytes::Made(made) => Ok(bytes::made(&headers, made)),
    }
}
