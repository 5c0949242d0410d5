# Tables as CSV, UTF-8, with a note of their types beside them.
#
# The note is an attachment of its own: `weekly.csv-metadata.json` beside `weekly.csv`, as "CSV on
# the Web" has it, for anybody to read. Tables are not written as Parquet: R has no reader of it
# without compiled packages that are not everywhere. Parquet of others the daemon turns into such a
# CSV with its note.

METADATA <- "-metadata.json"
CSVM <- "application/csvm+json"
CSVW <- "http://www.w3.org/ns/csvw"
# The largest note that is read: levels of factors, mostly.
NOTE_BYTES <- 16 * 1024^2
ROWS_AT_ONCE <- 65536L
FIELDS_AT_ONCE <- 50000L

#' Writes a table to a file and returns its note
#'
#' @noRd
write_table <- function(table, to) {
  class <- table_class(table)
  key <- if (class == "data.table") attr(table, "sorted")
  given <- table
  table <- as.data.frame(table)
  # What I() protects is no less what it was.
  table[] <- lapply(table, function(column) {
    class(column) <- setdiff(oldClass(column), "AsIs")
    column
  })
  names <- names(table)
  # Without labels of its own a table has rows 1, 2, 3.
  labels <- if (.row_names_info(table) > 0) attr(table, "row.names")
  if (!is.null(labels)) {
    table <- cbind(list(labels), table)
    names <- c(utils::tail(make.unique(c(names, "row.names")), 1), names)
  }
  if (length(names) == 0) {
    refuse("a table without columns has nothing to keep", "add a column", code = "unsupported_type")
  }
  names <- valid_text(ifelse(is.na(names), "NA", names), "names")
  columns <- lapply(seq_along(names), function(at) {
    write_column(table[[at]], names[[at]], alone = length(names) == 1)
  })
  tell_of_losses(given)
  con <- file(to, "wb")
  on.exit(close(con))
  header <- gsub("\"", "\"\"", gsub("[\r\n]", " ", names), fixed = TRUE)
  writeLines(paste0("\"", header, "\"", collapse = ","), con, useBytes = TRUE)
  write_rows(columns, nrow(table), con)
  schema <- list(columns = lapply(columns, `[[`, "note"))
  if (!is.null(labels)) {
    schema[["dsp:rowNames"]] <- names[[1]]
  }
  note <- list(
    "@context" = CSVW,
    dialect = list(encoding = "utf-8", header = TRUE),
    tableSchema = schema,
    "dsp:class" = class,
    "dsp:rows" = nrow(table)
  )
  if (is.character(key)) {
    note[["dsp:key"]] <- as.list(key)
  }
  note
}

# Writes the fields of all rows, some rows at a time, and shows how far it is to who waits for it.
write_rows <- function(columns, count, con) {
  shown <- rlang::is_interactive() && count > ROWS_AT_ONCE
  if (shown) {
    bar <- cli::cli_progress_bar("Writing rows", total = count)
  }
  # Few enough fields that R's store of texts stays small, which is what takes the time.
  some <- max(1000L, min(ROWS_AT_ONCE, FIELDS_AT_ONCE %/% length(columns)))
  for (from in seq(1, by = some, length.out = ceiling(count / some))) {
    rows <- from:min(from + some - 1L, count)
    if (shown) {
      cli::cli_progress_update(set = from - 1L, id = bar)
    }
    numbers <- lapply(columns, function(column) column$numbers[rows])
    if (all(vapply(numbers, are_long, TRUE))) {
      lines <- long_lines(do.call(rbind, numbers))
      if (!is.null(lines)) {
        writeBin(lines, con)
        next
      }
    }
    fields <- lapply(columns, function(column) {
      text <- column$fields(rows)
      # It is UTF-8 already: R would turn it into what the locale holds.
      if (is.character(text)) {
        Encoding(text) <- "unknown"
      }
      text
    })
    names(fields) <- seq_along(fields)
    fields <- structure(fields, class = "data.frame", row.names = .set_row_names(length(rows)))
    utils::write.table(
      fields, con,
      quote = FALSE, sep = ",", eol = "\n", dec = ".", row.names = FALSE, col.names = FALSE
    )
  }
  if (shown) {
    cli::cli_progress_done(id = bar)
  }
}

# What R and readers of files keep about a table or column that is no part of it.
INCIDENTAL <- c(
  "names", "row.names", "class", "levels", "tzone", "units", "dim", "dimnames", "comment",
  ".internal.selfref", "sorted", "index", "na.action", "spec", "problems"
)
# Classes that come back.
KEPT <- c(
  "data.frame", "data.table", "tbl", "tbl_df", "spec_tbl_df", "factor", "ordered", "Date",
  "POSIXct", "POSIXt", "integer64", "difftime"
)

#' Warns of what is about a table and its columns and will not come back
#'
#' @noRd
tell_of_losses <- function(table) {
  about <- function(what, of) {
    attributes <- setdiff(names(attributes(what)), INCIDENTAL)
    classes <- if (is.object(what)) setdiff(class(what), KEPT)
    c(
      if (length(attributes) > 0) paste0("the attribute `", attributes, "` of ", of),
      if (length(classes) > 0) paste0("the class `", classes, "` of ", of)
    )
  }
  columns <- lapply(seq_along(table), function(at) {
    about(table[[at]], paste0("the column `", names(table)[[at]], "`"))
  })
  lost <- c(about(table, "the table"), unlist(columns))
  if (length(lost) > 0) {
    rlang::warn(
      c(paste0("not kept: ", paste(utils::head(lost, 10), collapse = ", ")),
        i = "dsp_rds() keeps all that R knows of an object"
      ),
      class = "dsp_warning"
    )
  }
}

table_class <- function(table) {
  if (inherits(table, "data.table")) {
    "data.table"
  } else if (inherits(table, "tbl_df")) {
    "tibble"
  } else {
    "data.frame"
  }
}

#' Reads a table with its note
#'
#' @param where The reference, for errors.
#' @param narrow Whether whole numbers of 64 bits are those of R where all fit.
#' @noRd
read_table <- function(file, note, where, narrow = FALSE) {
  notes <- if (is.list(note) && is.list(note$tableSchema)) note$tableSchema$columns
  if (!is.list(notes) || length(notes) == 0 || !all(vapply(notes, is.list, TRUE))) {
    refuse(paste("the note of", where, "names no columns"), "pull() gives the file as it is",
      code = "damaged"
    )
  }
  check_encoding(file, where)
  what <- lapply(notes, read_as, where = where)
  columns <- scan_csv(file, what, where)
  columns <- tryCatch(
    Map(read_column, columns, notes, where = where, narrow = narrow),
    dsp_error = function(error) rlang::cnd_signal(error),
    error = function(error) refuse_csv(where, error)
  )
  rows <- note[["dsp:rows"]]
  if (is.numeric(rows) && rows != length(columns[[1]])) {
    refuse(
      paste0(where, " has ", length(columns[[1]]), " rows, and its note tells of ", rows),
      "pull() gives the file as it is",
      code = "damaged"
    )
  }
  names <- vapply(notes, function(one) text_or(one$titles, ""), "")
  table <- structure(
    columns,
    names = names,
    row.names = .set_row_names(length(columns[[1]])),
    class = "data.frame"
  )
  labels <- note$tableSchema[["dsp:rowNames"]]
  if (rlang::is_string(labels) && identical(labels, names[[1]])) {
    rows <- if (is.integer(table[[1]])) table[[1]] else as.character(table[[1]])
    table <- table[-1]
    if (!anyNA(rows) && anyDuplicated(rows) == 0) {
      attr(table, "row.names") <- rows
    }
  }
  as_class(table, text_or(note[["dsp:class"]], "data.frame"), texts(note[["dsp:key"]]))
}

as_class <- function(table, class, key = character()) {
  if (class == "tibble" && rlang::is_installed("tibble")) {
    return(tibble::as_tibble(table, .name_repair = "minimal"))
  }
  if (class == "data.table" && rlang::is_installed("data.table")) {
    table <- data.table::as.data.table(table)
    # It is a note of others: a table that is not in that order gets it.
    if (length(key) > 0 && all(key %in% names(table))) {
      data.table::setkeyv(table, key)
    }
    return(table)
  }
  table
}

scan_csv <- function(file, what, where) {
  con <- file(file, "rb")
  on.exit(close(con))
  common <- list(con, sep = ",", quote = "\"", na.strings = character(), quiet = TRUE,
    strip.white = FALSE, blank.lines.skip = FALSE, comment.char = "", encoding = "UTF-8")
  read <- function(...) {
    tryCatch(
      do.call(scan, c(common, list(...))),
      error = function(error) refuse_csv(where, error),
      warning = function(warning) refuse_csv(where, warning)
    )
  }
  header <- read(what = "", nlines = 1)
  if (length(header) != length(what)) {
    refuse(
      paste0(where, " has ", length(header), " columns, and its note tells of ", length(what)),
      "pull() gives the file as it is",
      code = "damaged"
    )
  }
  read(what = unname(what), multi.line = FALSE)
}

refuse_csv <- function(where, condition) {
  refuse(
    paste(where, "is no CSV that can be read"),
    "pull() gives the file as it is",
    causes = conditionMessage(condition),
    code = "damaged"
  )
}

# Refuses bytes that are no UTF-8, and says where they are.
check_encoding <- function(file, where) {
  con <- file(file, "rb")
  on.exit(close(con))
  before <- 0
  while (length(lines <- readLines(con, ROWS_AT_ONCE, warn = FALSE, skipNul = TRUE)) > 0) {
    bad <- which(!validUTF8(lines))
    if (length(bad) > 0) {
      bytes <- charToRaw(lines[[bad[[1]]]])
      fine <- vapply(seq_along(bytes), function(end) validUTF8(rawToChar(bytes[1:end])), TRUE)
      column <- nchar(rawToChar(bytes[seq_len(max(0, which(fine)))]), "chars", allowNA = TRUE) + 1
      refuse(
        paste0(where, " is not UTF-8: line ", before + bad[[1]], ", column ", column),
        "pull() gives the file; read.csv(fileEncoding =) reads other encodings",
        code = "damaged"
      )
    }
    before <- before + length(lines)
  }
}
