//! Rows in another order, and only those that fit.

use std::sync::Arc;

use arrow_array::*;
use bytes::Bytes;
use dsp_tables::limits::SELECT_ROWS;
use dsp_tables::{Condition, Order, PageRequest, Table, TableError, Test};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use serde_json::{Value, json};

fn table(columns: Vec<(&str, ArrayRef)>) -> Table {
    let columns = columns.into_iter().map(|(name, column)| (name, column, true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(1_000)).build();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    Table::open(Arc::new(Bytes::from(bytes))).unwrap()
}

fn small() -> Table {
    let days = vec![Some(19_782), Some(0), None, Some(1), Some(1)];
    table(vec![
        ("n", Arc::new(Int64Array::from(vec![3, 1, 2, 1, i64::MAX]))),
        (
            "x",
            Arc::new(Float64Array::from(vec![
                Some(f64::NAN),
                Some(-0.5),
                None,
                Some(2.0),
                Some(0.0),
            ])),
        ),
        ("s", Arc::new(StringArray::from(vec![Some("b"), Some("B"), None, Some(""), Some("a")]))),
        ("d", Arc::new(Date32Array::from(days))),
        ("ok", Arc::new(BooleanArray::from(vec![true, false, true, false, true]))),
    ])
}

fn by(column: &str, descending: bool) -> Order {
    Order { column: column.to_owned(), descending }
}

/// Returns the numbers of the rows that fit, in their order, as the page tells the whole rows.
fn found(
    table: &Table,
    orders: &[Order],
    tests: &[(&str, Test)],
) -> Result<Vec<usize>, TableError> {
    let conditions: Vec<Condition> = tests
        .iter()
        .map(|(column, test)| Condition { column: (*column).to_owned(), test: test.clone() })
        .collect();
    let all = PageRequest { offset: 0, limit: 1_000, columns: None };
    let rows = table.page(&all)?.rows;
    let selection = table.select(orders, &conditions)?;
    let page = table.page_of(&selection, &all)?;
    assert_eq!(page.total, selection.len() as u64);
    let place = |row| rows.iter().position(|other| other == row).unwrap();
    Ok(page.rows.iter().map(place).collect())
}

#[test]
fn rows_are_sorted_with_what_is_missing_last() {
    let table = small();
    let sorted = |orders: &[Order]| found(&table, orders, &[]).unwrap();
    assert_eq!(sorted(&[by("n", false)]), [1, 3, 2, 0, 4]);
    assert_eq!(sorted(&[by("n", true)]), [4, 0, 2, 1, 3]);
    assert_eq!(sorted(&[by("x", false)]), [1, 4, 3, 0, 2]);
    assert_eq!(sorted(&[by("x", true)]), [3, 4, 1, 0, 2]);
    assert_eq!(sorted(&[by("s", false)]), [3, 1, 4, 0, 2]);
    assert_eq!(sorted(&[by("s", true)]), [0, 4, 1, 3, 2]);
    assert_eq!(sorted(&[by("ok", false), by("d", true)]), [3, 1, 0, 4, 2]);
}

#[test]
fn rows_that_fit_are_found() {
    let table = small();
    let found = |column: &str, test: Test| found(&table, &[], &[(column, test)]).unwrap();
    assert_eq!(found("n", Test::Is(json!(1))), [1, 3]);
    assert_eq!(found("n", Test::Is(json!("9223372036854775807"))), [4]);
    assert_eq!(found("n", Test::Above(json!(1.5))), [0, 2, 4]);
    assert_eq!(found("n", Test::In(vec![json!(2), json!(3)])), [0, 2]);
    assert_eq!(found("x", Test::AtMost(json!(0))), [1, 4]);
    assert_eq!(found("x", Test::IsNot(json!(2))), [0, 1, 4]);
    assert_eq!(found("s", Test::Contains("B".into())), [0, 1]);
    assert_eq!(found("s", Test::Is(json!(""))), [3]);
    assert_eq!(found("s", Test::Null), [2]);
    assert_eq!(found("d", Test::Between(json!("1970-01-01"), json!("1970-01-02"))), [1, 3, 4]);
    assert_eq!(found("ok", Test::Is(json!(true))), [0, 2, 4]);
    let both = [("ok", Test::Is(json!(true))), ("n", Test::Below(json!(3)))];
    assert_eq!(self::found(&table, &[by("n", true)], &both).unwrap(), [2]);
}

#[test]
fn what_cannot_be_asked_is_said() {
    let table = small();
    let why = |orders: &[Order], tests: &[(&str, Test)]| {
        found(&table, orders, tests).unwrap_err().to_string()
    };
    assert_eq!(why(&[by("z", false)], &[]), "there is no column `z`");
    let soon = [("d", Test::Is(json!("soon")))];
    assert_eq!(why(&[], &soon), "\"soon\" is no value of column `d`, which is date");
    let text = [("n", Test::Contains("1".into()))];
    assert!(why(&[], &text).contains("holds no text"));
    let many = vec![by("n", false); 17];
    assert!(why(&many, &[]).contains("is 17; at most 16"));
    let values = Test::In(vec![Value::from(1); 1_001]);
    assert!(why(&[], &[("n", values)]).contains("is 1001; at most 1000"));
}

#[test]
fn pages_of_a_sorted_table_come_from_everywhere() {
    let table = table(vec![
        ("n", Arc::new(Int32Array::from_iter_values((0..5_000).map(|n| n * 7_919 % 5_000)))),
        ("at", Arc::new(Int32Array::from_iter_values(0..5_000))),
    ]);
    let selection = table.select(&[by("n", false)], &[]).unwrap();
    let page = PageRequest { offset: 2_400, limit: 200, columns: Some(vec!["n".into()]) };
    let page = table.page_of(&selection, &page).unwrap();
    let told: Vec<i64> = page.rows.iter().filter_map(|row| row[0].as_i64()).collect();
    assert_eq!(told, (2_400..2_600).collect::<Vec<_>>());
    let end = PageRequest { offset: 5_001, limit: 1, columns: None };
    assert!(matches!(table.page_of(&selection, &end), Err(TableError::NoRow { .. })));
}

#[test]
fn wide_rows_of_a_sorted_table_come_in_smaller_pages() {
    let wide = "x".repeat(60 << 10);
    let table = table(vec![
        ("n", Arc::new(Int32Array::from_iter_values(0..100))),
        ("s", Arc::new(StringArray::from(vec![wide; 100]))),
    ]);
    let selection = table.select(&[by("n", true)], &[]).unwrap();
    let page = PageRequest { offset: 0, limit: 100, columns: None };
    let page = table.page_of(&selection, &page).unwrap();
    assert_eq!((page.rows.len(), page.total, page.cut.len()), (50, 100, 0));
    assert_eq!(page.rows[0][0], 99);
}

#[test]
fn a_table_of_too_many_rows_is_not_sorted() {
    let rows = SELECT_ROWS as usize + 1;
    let table = table(vec![("ok", Arc::new(BooleanArray::from(vec![true; rows])))]);
    let error = table.select(&[by("ok", false)], &[]).unwrap_err();
    assert!(error.to_string().starts_with("the number of rows to sort"), "{error}");
}

#[test]
fn narrow_fractions_are_found_by_what_is_told_of_them() {
    let table = table(vec![
        ("f", Arc::new(Float32Array::from(vec![0.1, 0.2, f32::INFINITY]))),
        ("h", Arc::new(Float16Array::from_iter_values([0.1, 0.2, 0.0].map(half)))),
    ]);
    let found = |column: &str, test: Test| found(&table, &[], &[(column, test)]).unwrap();
    assert_eq!(found("f", Test::Is(json!(0.1))), [0]);
    assert_eq!(found("f", Test::Above(json!(0.1))), [1, 2]);
    assert_eq!(found("f", Test::In(vec![json!(0.2), json!("0.1")])), [0, 1]);
    assert_eq!(found("f", Test::Above(json!(1e300))), [2]);
    assert_eq!(found("h", Test::Is(json!(0.1))), [0]);
    assert_eq!(found("h", Test::Is(json!(1e-30))), [0; 0]);
}

fn half(value: f32) -> <types::Float16Type as ArrowPrimitiveType>::Native {
    <types::Float16Type as ArrowPrimitiveType>::Native::from_f32(value)
}

#[test]
fn a_value_is_in_a_set_as_it_is_equal_to_one_of_it() {
    let table = small();
    let found = |column: &str, test: Test| found(&table, &[], &[(column, test)]).unwrap();
    assert_eq!(found("n", Test::In(vec![json!(2.0), json!(2.5), json!("3")])), [0, 2]);
    assert_eq!(found("x", Test::In(vec![json!(-0.0), json!("NaN")])), [4]);
    assert_eq!(found("s", Test::In(vec![json!("b"), json!("")])), [0, 3]);
}

#[test]
fn dates_in_milliseconds_have_an_order() {
    const DAY: i64 = 86_400_000;
    let days = vec![Some(19_782 * DAY), Some(0), None, Some(DAY + 1), Some(DAY)];
    let table = table(vec![("d", Arc::new(Date64Array::from(days)) as ArrayRef)]);
    let sorted = found(&table, &[by("d", true)], &[]).unwrap();
    assert_eq!(sorted, [0, 3, 4, 1, 2]);
    let day = Test::Is(json!("1970-01-02"));
    assert_eq!(found(&table, &[], &[("d", day)]).unwrap(), [4]);
    let after = Test::Above(json!("1970-01-02T00:00:00.001"));
    assert_eq!(found(&table, &[], &[("d", after)]).unwrap(), [0]);
}
