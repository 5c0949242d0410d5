//! Texts and tables, compared.

use dsp_protocol::api::{ContentDiff, TableDiff};

use super::{table, text};

fn texts(old: &str, new: &str) -> (String, u64, u64, bool) {
    match text::compare(old.as_bytes(), new.as_bytes(), 1 << 20) {
        ContentDiff::Text { unified, added, removed, cut } => (unified, added, removed, cut),
        other => panic!("{other:?}"),
    }
}

fn tables(old: &str, new: &str) -> TableDiff {
    table::compare(old.as_bytes(), new.as_bytes(), b',').unwrap()
}

#[test]
fn texts_differ_by_lines() {
    let (unified, added, removed, cut) = texts("one\ntwo\nthree\n", "one\n2\nthree\nfour\n");
    assert_eq!(unified, "@@ -1,3 +1,4 @@\n one\n-two\n+2\n three\n+four\n");
    assert_eq!((added, removed, cut), (2, 1, false));
    let (unified, ..) = texts("one", "one\n");
    assert!(unified.contains("\\ No newline at end of file"), "{unified}");
}

#[test]
fn hunks_end_where_they_are_too_many() {
    let old: String = (0..400).map(|n| format!("{n}\n")).collect();
    let new: String = (0..400).map(|n| format!("{}\n", if n % 20 == 0 { -n } else { n })).collect();
    let whole = match text::compare(old.as_bytes(), new.as_bytes(), 1 << 20) {
        ContentDiff::Text { unified, cut: false, .. } => unified,
        other => panic!("{other:?}"),
    };
    match text::compare(old.as_bytes(), new.as_bytes(), 300) {
        ContentDiff::Text { unified, cut: true, added, .. } => {
            assert!(unified.len() <= 300 && whole.starts_with(&unified) && !unified.is_empty());
            assert_eq!(added, 19, "all are counted");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_no_text_is_binary() {
    assert_eq!(text::compare(b"a\0b", b"a", 99), ContentDiff::Binary);
    assert_eq!(text::compare(b"a", b"\xff\xfe", 99), ContentDiff::Binary);
}

#[test]
fn lines_without_end_are_not_compared() {
    let many = "\n".repeat(100_001);
    let diff = text::compare(many.as_bytes(), b"1", 99);
    assert!(matches!(diff, ContentDiff::Unreadable { .. }), "{diff:?}");
}

#[test]
fn rows_are_the_same_by_their_key() {
    let diff =
        tables("week,total\n46,12\n47,13\n48,14\n", "week,total\n47,13\n48,15\n49,16\n50,1\n");
    assert_eq!((diff.added, diff.removed, diff.changed), (2, 1, 1));
    assert_eq!((diff.rows_from, diff.rows_to, diff.key.as_deref()), (3, 4, Some("week")));
    assert_eq!(diff.columns, vec![]);
}

#[test]
fn rows_without_a_key_come_and_go() {
    let diff = tables("a,b\n1,x\n1,x\n2,x\n", "a,b\n1,x\n2,y\n2,y\n");
    assert_eq!((diff.added, diff.removed, diff.changed), (2, 2, 0));
    assert_eq!(diff.key, None);
}

#[test]
fn columns_come_go_and_change_their_kind() {
    let diff = tables("id,a,b,c\n1,2,x,\n", "c,id,a,d\n,1,2.5,true\n");
    let columns: Vec<_> = diff
        .columns
        .iter()
        .map(|column| (column.name.as_str(), column.from.as_deref(), column.to.as_deref()))
        .collect();
    let expected =
        [("a", Some("int"), Some("float")), ("b", Some("text"), None), ("d", None, Some("bool"))];
    assert_eq!(columns, expected);
    // The columns that both have are compared, in whatever order.
    assert_eq!((diff.added, diff.removed, diff.changed), (0, 0, 1));
}

#[test]
fn quoted_values_are_one_value() {
    let diff = tables("id,t\n1,\"a,\nb\"\n", "id,t\n1,\"a,\nb\"\n2,\"x\"\"y\"\n");
    assert_eq!((diff.added, diff.removed, diff.changed), (1, 0, 0));
    // No two rows are taken for each other by moving what parts their values.
    let diff = tables("a,b\nx,yz\nx,yz\n", "a,b\nxy,z\nxy,z\n");
    assert_eq!((diff.added, diff.removed), (2, 2));
}

/// As docs/tables.md has it.
#[test]
fn tables_are_read_as_elsewhere() {
    let diff = tables("id;x\n1;a,b\n2;c\n", "id;x\n1;a,b\n2;d\n");
    assert_eq!((diff.added, diff.removed, diff.changed), (0, 0, 1));
    assert_eq!(diff.key.as_deref(), Some("id"));
    let diff = tables("id,v\n1,2.5\n2,NA\n3,7\n", "id,v\n1,2.5\n2,3\n3,7\n");
    assert_eq!((diff.changed, diff.columns.len()), (1, 0), "{:?}", diff.columns);
    let diff = tables("v\nNA\n", "v\ntext\n");
    assert!(diff.columns.is_empty(), "{:?}", diff.columns);
}

#[test]
fn what_is_no_table_is_none() {
    for broken in ["a,b\n1\n", "a,a\n1,2\n"] {
        assert!(table::compare(broken.as_bytes(), b"a,b\n", b',').is_err(), "{broken}");
    }
    let wide = "x,".repeat(2001);
    assert!(table::compare(wide.as_bytes(), b"a\n", b',').is_err());
    assert_eq!(table::delimiter("a/b.CSV"), Some(b','));
    assert_eq!(table::delimiter("a.tsv"), Some(b'\t'));
    assert_eq!(table::delimiter("csv"), None);
}
