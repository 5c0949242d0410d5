//! Tables written as CSV with a [note](crate::note) beside it: what R reads, which has no reader of
//! Parquet without compiled packages, and anybody else.
//!
//! Every text is quoted, so that a missing value is never an empty one. The table is looked at once
//! before it is written, for what no column of R's types holds: such columns are texts there, and
//! the note says what they were.

mod hints;
pub(crate) mod levels;
mod survey;
pub(crate) mod text;

use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Read as _, Seek as _, Write};
use std::ops::Range;

use arrow_array::ArrayRef;
use arrow_schema::FieldRef;
use serde_json::{Map, Value, json};

use self::hints::Hints;
use self::levels::Levels;
use self::survey::{Survey, levels};
use self::text::Form;
use crate::TableError;
use crate::limits::{CSV_BYTES, LEVELS_SUM, WHOLE_BYTES};
use crate::schema::type_name;
use crate::scratch::Scratch;
use crate::table::{Table, bounded};

/// Rows that are decoded at a time.
const BATCH_ROWS: usize = 1_024;
/// Columns that are decoded together, and fewer where their pages take too much memory: what reads
/// a column takes 160 KiB beside these.
const TOGETHER: usize = 256;

/// A column as it is written.
struct Plan {
    /// Where it is in the file.
    at: usize,
    name: String,
    type_name: Option<String>,
    form: Form,
    levels: Option<Vec<String>>,
    ordered: bool,
    /// What stands for a missing value; nothing where none is missing and the others are quoted.
    null: Option<String>,
    percent: bool,
    zone: Option<String>,
    nan_is_missing: bool,
}

impl Table {
    /// Writes the table as CSV, and returns the note that says the types of its columns. Columns
    /// that do not fit into memory together are written into files of `scratch` first.
    ///
    /// # Errors
    /// The file is damaged, the CSV would be larger than [`CSV_BYTES`], or cannot be written.
    pub fn to_csv(&self, out: impl Write, scratch: Scratch<'_>) -> Result<Vec<u8>, TableError> {
        self.to_csv_within(out, CSV_BYTES, scratch)
    }

    /// Does the same with another bound for the bytes of the CSV.
    ///
    /// # Errors
    /// As [`to_csv`](Self::to_csv).
    pub fn to_csv_within(
        &self,
        out: impl Write,
        limit: u64,
        scratch: Scratch<'_>,
    ) -> Result<Vec<u8>, TableError> {
        bounded("Parquet", || {
            let (plans, together) = self.plans(limit)?;
            let mut out = Bounded { out, written: 0, limit };
            out.header(&plans)?;
            match &together[..] {
                [] | [_] => self.write_rows(&plans, 0..plans.len(), &mut out, |_| Ok(()))?,
                several => self.write_parts(&plans, several, &mut out, scratch)?,
            }
            out.out.flush()?;
            let columns: Vec<Value> = plans.iter().map(Plan::note).collect();
            let note = json!({
                "@context": "http://www.w3.org/ns/csvw",
                "dialect": { "encoding": "utf-8", "header": true },
                "tableSchema": { "columns": columns },
                "dsp:class": "data.frame",
                "dsp:rows": self.rows(),
            });
            serde_json::to_vec(&note).map_err(|error| TableError::Io(error.into()))
        })
    }

    /// Writes some columns of all rows, and tells after each how much was written.
    fn write_rows(
        &self,
        plans: &[Plan],
        columns: Range<usize>,
        out: &mut Bounded<impl Write>,
        mut after: impl FnMut(u64) -> Result<(), TableError>,
    ) -> Result<(), TableError> {
        let (wanted, places) = places(plans[columns.clone()].iter().map(|plan| plan.at));
        let is_last = columns.end == plans.len();
        let mut rows = 0;
        let mut cell = String::new();
        for batch in self.batches(0..self.rows(), &wanted, BATCH_ROWS)? {
            let batch = batch?;
            for row in 0..batch.num_rows() {
                for (place, at) in places.iter().zip(columns.clone()) {
                    out.separate(at)?;
                    plans[at].field(batch.column(*place), row, &mut cell, out)?;
                }
                if is_last {
                    out.put("\n")?;
                }
                after(out.written)?;
            }
            rows += batch.num_rows() as u64;
        }
        match rows == self.rows() {
            true => Ok(()),
            false => {
                let said = self.rows();
                let why = format!("it says that it has {said} rows, and ends at row {rows}");
                Err(TableError::parquet(why))
            }
        }
    }

    /// Writes columns that do not fit into memory together: each part of them into a file, and row
    /// by row of all from there.
    fn write_parts(
        &self,
        plans: &[Plan],
        together: &[Range<usize>],
        out: &mut Bounded<impl Write>,
        scratch: Scratch<'_>,
    ) -> Result<(), TableError> {
        out.limit = out.limit.min(scratch.most());
        let mut parts = Vec::with_capacity(together.len());
        let mut room = out.limit.saturating_sub(out.written);
        for columns in together {
            let (Some(texts), Some(ends)) = (scratch.file()?, scratch.file()?) else {
                let what = "the number of columns of a CSV".to_owned();
                let (size, limit) = (plans.len() as u64, together[0].len() as u64);
                return Err(TableError::TooLarge { what, size, limit });
            };
            let mut part = Bounded { out: BufWriter::new(texts), written: 0, limit: room };
            let mut ends = BufWriter::new(ends);
            self.write_rows(plans, columns.clone(), &mut part, |end| {
                Ok(ends.write_all(&end.to_le_bytes())?)
            })?;
            room -= part.written;
            parts.push(Part { texts: begin(part.out)?, ends: begin(ends)?, at: 0 });
        }
        for _ in 0..self.rows() {
            for part in &mut parts {
                part.copy_row(out)?;
            }
        }
        Ok(())
    }

    /// Looks at all values, and says how each column is written, and which of them fit into memory
    /// together.
    fn plans(&self, limit: u64) -> Result<(Vec<Plan>, Vec<Range<usize>>), TableError> {
        let schema = self.original();
        let hints = Hints::read(self.notes());
        let order = hints.order(schema.fields());
        let fields: Vec<&FieldRef> = order.iter().map(|at| &schema.fields()[*at]).collect();
        let forms: Vec<Form> = fields.iter().map(|field| Form::of(field)).collect();
        // A comma or the end of a line for each, whatever stands between. A few bytes say that there
        // is a row any number of times, so it is asked before any of them is read.
        let least = self.rows().saturating_mul(forms.len() as u64);
        let mut left = limit.checked_sub(least).ok_or_else(|| too_large(least, limit))?;
        let mut categories: Vec<Option<Levels>> = Vec::with_capacity(forms.len());
        let mut room = LEVELS_SUM;
        for ((at, field), form) in order.iter().zip(&fields).zip(&forms) {
            let known = match hints.levels(*at, field.name(), *form) {
                Some(hint) => Some(hint),
                None => levels(self, *at)?,
            };
            // Once there are too many, the others are plain text, as a column with too many is.
            let fits = known.as_ref().and_then(|known| room.checked_sub(known.bytes()));
            room = fits.unwrap_or(room);
            categories.push(known.filter(|_| fits.is_some()));
        }
        // The first last, as it is taken from the end.
        let starts = (0..forms.len()).step_by(TOGETHER).rev();
        let mut waiting: Vec<Range<usize>> =
            starts.map(|start| start..forms.len().min(start + TOGETHER)).collect();
        let (mut surveys, mut together) = (Vec::with_capacity(forms.len()), Vec::new());
        while let Some(columns) = waiting.pop() {
            let before = left;
            let new = |at: usize| {
                let survey = Survey::new(forms[at], &categories[at], hints.nan_is_missing());
                (order[at], survey)
            };
            let some = columns.clone().map(new).collect();
            match self.survey(some, (&mut left, limit)) {
                Ok(more) => {
                    surveys.extend(more);
                    together.push(columns);
                }
                // Fewer of them, where their pages take too much.
                Err(TableError::TooLarge { limit: WHOLE_BYTES, .. }) if columns.len() > 1 => {
                    left = before;
                    let middle = columns.start + columns.len() / 2;
                    waiting.extend([middle..columns.end, columns.start..middle]);
                }
                Err(error) => return Err(error),
            }
        }
        let alone = forms.len() == 1;
        let plans = order.iter().zip(fields).zip(surveys).zip(categories);
        let plans = plans
            .map(|(((at, field), survey), known)| {
                let levels = known.filter(|_| survey.in_levels());
                let form = survey.form();
                let quoted = form.is_quoted() || levels.is_some();
                Plan {
                    at: *at,
                    name: hints.name(field.name()),
                    type_name: form
                        .keeps_type(survey.first_form())
                        .then(|| type_name(field.data_type())),
                    form,
                    ordered: levels.as_ref().is_some_and(|levels| levels.ordered),
                    levels: levels.map(|levels| levels.texts),
                    null: survey.null(quoted, alone),
                    percent: survey.has_returns(),
                    zone: text::zone(field.data_type()),
                    nan_is_missing: hints.nan_is_missing(),
                }
            })
            .collect();
        Ok((plans, together))
    }

    /// Looks at all values of some columns, whose texts take from the bytes that are left.
    fn survey(
        &self,
        looks: Vec<(usize, Survey)>,
        (left, limit): (&mut u64, u64),
    ) -> Result<Vec<Survey>, TableError> {
        let (wanted, places) = places(looks.iter().map(|(at, _)| *at));
        let mut surveys: Vec<Survey> = looks.into_iter().map(|(_, survey)| survey).collect();
        for batch in self.batches(0..self.rows(), &wanted, BATCH_ROWS)? {
            let batch = batch?;
            for (place, survey) in places.iter().zip(&mut surveys) {
                // Texts that are looked at are written later: no more of them than fit.
                survey.look(batch.column(*place), |bytes| {
                    let rest = left.checked_sub(bytes as u64);
                    *left = rest.ok_or_else(|| too_large(limit - *left + bytes as u64, limit))?;
                    Ok(())
                })?;
            }
        }
        Ok(surveys)
    }
}

/// Returns columns in the order of the file, in which they are decoded, and where each is there.
fn places(columns: impl Iterator<Item = usize>) -> (Vec<usize>, Vec<usize>) {
    let columns: Vec<usize> = columns.collect();
    let mut sorted = columns.clone();
    sorted.sort_unstable();
    let place = |at: &usize| sorted.binary_search(at).unwrap_or_default();
    let places = columns.iter().map(place).collect();
    (sorted, places)
}

/// Some columns of a CSV, in a file.
struct Part {
    texts: BufReader<File>,
    /// Where each row ends there.
    ends: BufReader<File>,
    at: u64,
}

impl Part {
    /// Copies the next row.
    fn copy_row(&mut self, out: &mut Bounded<impl Write>) -> Result<(), TableError> {
        let mut end = [0; 8];
        self.ends.read_exact(&mut end)?;
        let mut left = u64::from_le_bytes(end).saturating_sub(self.at);
        self.at += left;
        while left > 0 {
            let piece = self.texts.fill_buf()?;
            let length = piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            if length == 0 {
                return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
            }
            out.put_bytes(&piece[..length])?;
            self.texts.consume(length);
            left -= length as u64;
        }
        Ok(())
    }
}

/// Goes back to the beginning of a file that was written.
fn begin(written: BufWriter<File>) -> Result<BufReader<File>, TableError> {
    let mut file = written.into_inner().map_err(std::io::IntoInnerError::into_error)?;
    file.rewind()?;
    Ok(BufReader::with_capacity(64 << 10, file))
}

impl Plan {
    fn is_quoted(&self) -> bool {
        self.form.is_quoted() || self.levels.is_some()
    }

    fn field(
        &self,
        array: &ArrayRef,
        row: usize,
        cell: &mut String,
        out: &mut Bounded<impl Write>,
    ) -> Result<(), TableError> {
        if self.form.is_missing(array, row, self.nan_is_missing) {
            return out.put(self.null.as_deref().unwrap_or_default());
        }
        // A text may be as long as a page, and is not copied.
        if let Some(text) = text::plain(array.as_ref(), row).filter(|_| self.form == Form::Text) {
            return out.quote(text, self.percent);
        }
        cell.clear();
        self.form.write(array.as_ref(), row, cell)?;
        match self.is_quoted() {
            true => out.quote(cell, self.percent),
            false => out.put(cell),
        }
    }

    fn note(&self) -> Value {
        let mut note = Map::new();
        note.insert("titles".into(), self.name.clone().into());
        let datatype = match self.levels {
            Some(_) => "string",
            None => self.form.datatype(),
        };
        note.insert(
            "datatype".into(),
            match datatype {
                "boolean" => json!({ "base": "boolean", "format": "TRUE|FALSE" }),
                other => other.into(),
            },
        );
        note.insert(
            "null".into(),
            match &self.null {
                Some(null) => null.clone().into(),
                None => json!([]),
            },
        );
        if let Some(levels) = &self.levels {
            note.insert("dsp:levels".into(), levels.clone().into());
            note.insert("dsp:ordered".into(), self.ordered.into());
        }
        if let Some(type_name) = &self.type_name {
            note.insert("dsp:type".into(), type_name.clone().into());
        }
        if self.form == Form::Duration {
            note.insert("dsp:units".into(), "secs".into());
        }
        if self.form == Form::Moment {
            // Of a time in no zone, R shows the same clock as long as it takes it for UTC.
            let zone = self.zone.clone().unwrap_or_else(|| "UTC".to_owned());
            note.insert("dsp:zone".into(), zone.into());
        }
        if self.percent {
            note.insert("dsp:escape".into(), "percent".into());
        }
        Value::Object(note)
    }
}

/// What is written, as far as it may become.
struct Bounded<W> {
    out: W,
    written: u64,
    limit: u64,
}

impl<W: Write> Bounded<W> {
    /// Writes the names of the columns.
    fn header(&mut self, plans: &[Plan]) -> Result<(), TableError> {
        for (at, plan) in plans.iter().enumerate() {
            self.separate(at)?;
            self.quote(&title(&plan.name), false)?;
        }
        self.put("\n")
    }

    /// Writes a text, unless there is no room for it.
    fn put(&mut self, text: &str) -> Result<(), TableError> {
        self.put_bytes(text.as_bytes())
    }

    fn put_bytes(&mut self, bytes: &[u8]) -> Result<(), TableError> {
        let size = self.written + bytes.len() as u64;
        if size > self.limit {
            return Err(too_large(size, self.limit));
        }
        self.out.write_all(bytes)?;
        self.written = size;
        Ok(())
    }

    fn separate(&mut self, at: usize) -> Result<(), TableError> {
        match at {
            0 => Ok(()),
            _ => self.put(","),
        }
    }

    /// Writes a text in quotes; with `percent`, carriage returns as `%0D`.
    fn quote(&mut self, text: &str, percent: bool) -> Result<(), TableError> {
        self.put("\"")?;
        for (at, part) in text.split('"').enumerate() {
            if at > 0 {
                self.put("\"\"")?;
            }
            let mut rest = part;
            while percent && let Some(at) = rest.find(['%', '\r']) {
                self.put(&rest[..at])?;
                self.put(if rest[at..].starts_with('%') { "%25" } else { "%0D" })?;
                rest = &rest[at + 1..];
            }
            self.put(rest)?;
        }
        self.put("\"")
    }
}

/// Returns the name of a column as it stands in the header, which is one line.
pub(crate) fn title(name: &str) -> String {
    name.replace(['\r', '\n'], " ")
}

fn too_large(size: u64, limit: u64) -> TableError {
    TableError::TooLarge { what: "the CSV of the table in bytes".into(), size, limit }
}
