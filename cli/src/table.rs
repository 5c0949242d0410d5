//! Tables that fit the width of the terminal.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::output::{Colour, Ui, clean};

/// The narrowest a column is squeezed to.
const SQUEEZED: usize = 8;
/// Columns between two columns.
const GAP: usize = 2;

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    title: &'static str,
    right: bool,
    shrinks: bool,
    wraps: bool,
}

impl Column {
    /// A column of text that is kept whole as long as it can be.
    pub(crate) const fn text(title: &'static str) -> Self {
        Column { title, right: false, shrinks: false, wraps: false }
    }

    /// A column of numbers.
    pub(crate) const fn number(title: &'static str) -> Self {
        Column { title, right: true, shrinks: false, wraps: false }
    }

    /// A column of text that is cut first when the table is too wide.
    pub(crate) const fn long(title: &'static str) -> Self {
        Column { title, right: false, shrinks: true, wraps: false }
    }

    /// A column of text that goes on in the next line when the table is too wide.
    pub(crate) const fn wrapped(title: &'static str) -> Self {
        Column { title, right: false, shrinks: true, wraps: true }
    }
}

/// Rows under titles.
#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Begins a table.
    pub(crate) fn new(columns: &[Column]) -> Self {
        Table { columns: columns.to_vec(), rows: Vec::new() }
    }

    /// Adds a row; each cell is cleaned and stays on one line.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let cells: Vec<String> = cells.into_iter().map(|cell| clean(&cell)).collect();
        debug_assert_eq!(cells.len(), self.columns.len());
        self.rows.push(cells);
    }

    /// Renders it for stdout.
    pub(crate) fn render(&self, ui: &Ui) -> String {
        let widths = self.widths(ui.width());
        let titles: Vec<String> = self.columns.iter().map(|c| c.title.to_owned()).collect();
        let mut out = ui.paint(&self.line(&titles, &widths), Colour::Bold) + "\n";
        for row in &self.rows {
            for cells in self.parts(row, &widths) {
                out += &(self.line(&cells, &widths) + "\n");
            }
        }
        out
    }

    /// Returns the lines of a row: one, unless a cell goes on below.
    fn parts(&self, row: &[String], widths: &[usize]) -> Vec<Vec<String>> {
        let cells = row.iter().zip(widths).zip(&self.columns);
        let cells: Vec<Vec<String>> = cells
            .map(|((cell, &width), column)| match column.wraps {
                true => wrap(cell, width),
                false => vec![cell.clone()],
            })
            .collect();
        let lines = cells.iter().map(Vec::len).max().unwrap_or(1);
        let at = |line| cells.iter().map(move |c| c.get(line).cloned().unwrap_or_default());
        (0..lines).map(|line| at(line).collect()).collect()
    }

    fn widths(&self, limit: Option<usize>) -> Vec<usize> {
        let mut widths: Vec<usize> = self.columns.iter().map(|c| c.title.width()).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.width());
            }
        }
        let Some(limit) = limit else { return widths };
        let order =
            |shrinks| (0..widths.len()).rev().filter(move |i| self.columns[*i].shrinks == shrinks);
        for i in order(true).chain(order(false)).collect::<Vec<_>>() {
            let total = widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1);
            let over = total.saturating_sub(limit);
            widths[i] = widths[i].saturating_sub(over).max(SQUEEZED.min(widths[i]));
        }
        widths
    }

    fn line(&self, cells: &[String], widths: &[usize]) -> String {
        let mut line = String::new();
        for ((cell, &width), column) in cells.iter().zip(widths).zip(&self.columns) {
            let cell = cut(cell, width);
            let pad = " ".repeat(width - cell.width());
            match column.right {
                true => line += &(pad + &cell),
                false => line += &(cell + &pad),
            }
            line += &" ".repeat(GAP);
        }
        line.truncate(line.trim_end().len());
        line
    }
}

/// Parts a text at spaces into lines of a width; a longer word stands on a line of its own.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.last_mut().expect("there is one");
        match last.is_empty() || last.width() + 1 + word.width() > width {
            true if last.is_empty() => *last = word.to_owned(),
            true => lines.push(word.to_owned()),
            false => *last += &format!(" {word}"),
        }
    }
    lines
}

/// Cuts a text to a width, with `…` where something is left out.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used > width.saturating_sub(1) {
            break;
        }
        out.push(c);
    }
    out.truncate(out.trim_end().len());
    out + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table =
            Table::new(&[Column::text("STACK"), Column::number("SIZE"), Column::long("MESSAGE")]);
        table.row(["sales/weekly".into(), "41 MB".into(), "week 46 of the year".into()]);
        table.row(["東京".into(), "1 B".into(), "first\nline".into()]);
        table
    }

    #[test]
    fn columns_line_up() {
        assert_eq!(
            table().render(&Ui::plain()),
            "STACK          SIZE  MESSAGE\n\
             sales/weekly  41 MB  week 46 of the year\n\
             東京            1 B  first line\n"
        );
    }

    #[test]
    fn a_wrapped_column_goes_on_below() {
        assert_eq!(wrap("how you call yourself", 8), ["how you", "call", "yourself"]);
        let mut table = Table::new(&[Column::text("A"), Column::wrapped("ABOUT")]);
        table.row(["x".into(), "one two three".into()]);
        let lines = table.parts(&table.rows[0], &[1, 8]);
        assert_eq!(lines, [["x", "one two"], ["", "three"]]);
    }

    #[test]
    fn a_narrow_terminal_cuts_the_long_column_first() {
        let table = table();
        let fits = |limit| {
            let widths = table.widths(Some(limit));
            table.rows.iter().map(|row| table.line(row, &widths)).collect::<Vec<_>>()
        };
        assert_eq!(fits(30)[0], "sales/weekly  41 MB  week 46…");
        for limit in 26..60 {
            assert!(fits(limit).iter().all(|line| line.width() <= limit), "{limit}");
        }
    }
}
