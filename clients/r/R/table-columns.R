# One column of a table as text with a note of its type, and back without loss.
#
# The note is that of "CSV on the Web" (W3C): `titles`, `datatype` and `null`. What it has no word
# for stands under names that begin with `dsp:`.

#' Returns the fields of a column, and the note that says how they come back
#'
#' @param alone Whether it is the only column: a blank line would be no row to many readers.
#' @noRd
write_column <- function(values, name, alone) {
  kind <- column_kind(values, name)
  note <- switch(kind,
    factor = list(
      datatype = "string",
      "dsp:levels" = as.list(valid_text(levels(values), name)),
      "dsp:ordered" = is.ordered(values)
    ),
    string = list(datatype = "string"),
    logical = list(datatype = list(base = "boolean", format = "TRUE|FALSE")),
    integer = list(datatype = "int"),
    double = list(datatype = "double"),
    integer64 = list(datatype = "long"),
    Date = list(datatype = "date"),
    POSIXct = list(datatype = "dateTime", "dsp:zone" = attr(values, "tzone")[1] %||% NULL),
    difftime = list(datatype = "double", "dsp:units" = units(values))
  )
  # A date or time that is no number is as missing as R shows it.
  missing <- is.na(values) & !(kind %in% c("double", "difftime") & is_nan(values))
  text <- switch(kind,
    factor = as.character(values),
    string = as.character(values),
    logical = ifelse(values, "TRUE", "FALSE"),
    integer = as.character(unclass(values)),
    double = exact(as.numeric(values)),
    integer64 = as.character(values),
    Date = date_text(values, name),
    POSIXct = moment_text(values, name),
    difftime = exact(as.numeric(values))
  )
  quoted <- kind %in% c("factor", "string")
  null <- if (quoted || alone) null_text(text[!missing], any(missing), alone) else ""
  if (quoted) {
    text <- valid_text(text, name)
    if (any(grepl("\r", text[!missing], fixed = TRUE))) {
      note[["dsp:escape"]] <- "percent"
      text <- gsub("\r", "%0D", gsub("%", "%25", text, fixed = TRUE), fixed = TRUE)
    }
    text <- paste0("\"", gsub("\"", "\"\"", text, fixed = TRUE), "\"")
  }
  text[missing] <- null
  note$null <- if (quoted && !any(missing)) list() else null
  list(text = text, note = c(list(titles = name), note))
}

# Names what a column is; refuses what no type can hold.
column_kind <- function(values, name) {
  plain <- is.null(dim(values)) && is.atomic(values)
  if (plain && !is.object(values)) {
    kind <- switch(typeof(values),
      character = "string", logical = "logical", integer = "integer", double = "double", NULL
    )
  } else if (plain) {
    known <- c("factor", "Date", "POSIXct", "integer64", "difftime")
    kind <- intersect(class(values), known)
  } else {
    kind <- NULL
  }
  if (length(kind) != 1) {
    refuse_column(
      name,
      paste("is a", paste(class(values), collapse = "/")),
      "turn it into text, numbers or dates, or push the table as dsp_rds()"
    )
  }
  if (kind == "factor" && anyNA(levels(values))) {
    refuse_column(name, "has NA among its levels", "give that level a name")
  }
  kind
}

refuse_column <- function(name, what, hint) {
  refuse(
    paste0("the column `", name, "` cannot be kept without loss: it ", what),
    hint,
    code = "unsupported_type"
  )
}

is_nan <- function(values) {
  if (typeof(values) == "double" && !inherits(values, "integer64")) {
    is.nan(unclass(values))
  } else {
    logical(length(values))
  }
}

# What stands for a missing text: nothing, unless a value is nothing too.
null_text <- function(present, any_missing, alone) {
  if (!any_missing || !alone && !any(!nzchar(present))) {
    return("")
  }
  null <- "NA"
  while (null %in% present) {
    null <- paste0(null, "_")
  }
  null
}

valid_text <- function(text, name) {
  # Left alone, R writes bytes that are no letters where it runs as `<e4>`, and says nothing.
  plain <- l10n_info()[["UTF-8"]] || Sys.getlocale("LC_CTYPE") %in% c("C", "POSIX")
  bad <- !is.na(text) & (Encoding(text) == "bytes" | !validEnc(text))
  if (plain) {
    native <- Encoding(text) == "unknown"
    bad <- bad | native & !validUTF8(text)
    Encoding(text[native]) <- "UTF-8"
  }
  bad <- which(bad)
  if (length(bad) == 0) {
    text <- enc2utf8(text)
    bad <- which(!validUTF8(text))
  }
  if (length(bad) > 0) {
    refuse_column(
      name,
      paste("has text in row", bad[[1]], "that is not in its encoding"),
      "iconv() turns it into UTF-8"
    )
  }
  text
}

# Writes numbers with the fewest of 15, 17 or more digits that are read as the same number.
exact <- function(values) {
  text <- sprintf("%.15g", values)
  wrong <- which(is.finite(values))
  for (digits in 17:21) {
    wrong <- wrong[as.numeric(text[wrong]) != values[wrong]]
    if (length(wrong) == 0) {
      break
    }
    text[wrong] <- sprintf(paste0("%.", digits, "g"), values[wrong])
  }
  text
}

date_text <- function(values, name) {
  text <- pad_year(format(values, "%Y-%m-%d"), 10)
  back <- as.numeric(as.Date(text, "%Y-%m-%d"))
  wrong <- which(!is.na(values) & !(back %in% as.numeric(values) & back == as.numeric(values)))
  if (length(wrong) > 0) {
    refuse_column(
      name,
      paste(
        "has in row", wrong[[1]],
        "a date with a part of a day, or of a year that has not four digits"
      ),
      "trunc() leaves parts of a day out"
    )
  }
  text
}

moment_text <- function(values, name) {
  text <- format_utc(values)
  wrong <- which(!is.na(values) & !grepl("^[0-9]{4}-", text))
  if (length(wrong) > 0) {
    refuse_column(
      name,
      paste("has in row", wrong[[1]], "a time without end, or of a year that has not four digits"),
      "as.numeric() makes seconds of it"
    )
  }
  text
}

# Years before 1000 have zeros before them, which R leaves out on some systems.
pad_year <- function(text, width) {
  short <- which(nchar(text) < width)
  text[short] <- paste0(strrep("0", width - nchar(text[short])), text[short])
  text
}

# RFC 3339 in UTC, to the nanosecond where there are parts of a second.
format_utc <- function(values) {
  seconds <- as.numeric(values)
  whole <- floor(seconds)
  parts <- round((seconds - whole) * 1e9)
  whole <- whole + (parts >= 1e9)
  parts[is.finite(parts) & parts >= 1e9] <- 0
  text <- format(as.POSIXct(whole, origin = "1970-01-01", tz = "UTC"), "%Y-%m-%dT%H:%M:%S")
  text <- pad_year(text, 19)
  some <- is.finite(parts) & parts > 0
  text[some] <- paste0(text[some], sub("0+$", "", sprintf(".%09.0f", parts[some])))
  ifelse(is.na(text), NA_character_, paste0(text, "Z"))
}

#' Returns the kind that a note means, and the prototype that its fields are read as
#'
#' @noRd
read_as <- function(note, where) {
  type <- if (is.list(note$datatype)) note$datatype$base else note$datatype
  switch(text_or(type, "string"),
    boolean = if (empty_null(note)) logical() else character(),
    int = if (empty_null(note)) integer() else character(),
    double = if (empty_null(note)) numeric() else character(),
    string = ,
    long = ,
    date = ,
    dateTime = character(),
    refuse(
      paste0(where, " has a column of the type `", type, "`, which is not known here"),
      "pull() gives the file as it is; a newer package may know the type",
      code = "unsupported_type"
    )
  )
}

empty_null <- function(note) identical(text_or(note$null, ""), "")

#' Turns fields into the values that they were
#'
#' @noRd
read_column <- function(fields, note, where) {
  type <- text_or(if (is.list(note$datatype)) note$datatype$base else note$datatype, "string")
  if (is.character(fields)) {
    Encoding(fields) <- "UTF-8"
    if (!identical(note$null, list())) {
      fields[fields == text_or(note$null, "")] <- NA
    }
    if (identical(note[["dsp:escape"]], "percent")) {
      fields <- gsub("%25", "%", gsub("%0D", "\r", fields, fixed = TRUE), fixed = TRUE)
    }
  }
  values <- suppressWarnings(switch(type,
    int = as.integer(fields),
    double = as.numeric(fields),
    boolean = as.logical(fields),
    long = integer64(fields, where),
    date = as.Date(fields, "%Y-%m-%d"),
    dateTime = moments(fields, zone_of(note)),
    fields
  ))
  if (!is.null(note[["dsp:levels"]])) {
    levels <- texts(note[["dsp:levels"]])
    values <- factor(fields, levels = levels, ordered = isTRUE(note[["dsp:ordered"]]))
  }
  lost <- which(is.na(values) & !is.na(fields) & !(type == "double" & fields == "NaN"))
  if (length(lost) > 0) {
    refuse(
      paste0(where, " lies about itself: row ", lost[[1]], " is no ", type, " of its column"),
      "pull() gives the file as it is",
      causes = paste0("the field is \"", substr(fields[[lost[[1]]]], 1, 80), "\""),
      code = "damaged"
    )
  }
  units <- note[["dsp:units"]]
  if (rlang::is_string(units) && units %in% c("secs", "mins", "hours", "days", "weeks")) {
    values <- as.difftime(values, units = units)
  }
  values
}

zone_of <- function(note) {
  zone <- note[["dsp:zone"]]
  if (rlang::is_string(zone) && grepl("^[A-Za-z0-9_+/-]{0,64}$", zone)) zone
}

integer64 <- function(fields, where) {
  if (!rlang::is_installed("bit64")) {
    refuse(
      paste0(where, " has integers of 64 bits, and the package bit64 is not installed"),
      "install.packages(\"bit64\"), or use pull() and read the file as you like",
      code = "unsupported_type"
    )
  }
  bit64::as.integer64(fields)
}

moments <- function(fields, zone) {
  whole <- as.POSIXct(substr(fields, 1, 19), "%Y-%m-%dT%H:%M:%S", tz = "UTC")
  parts <- sub("Z$", "", substring(fields, 20))
  seconds <- as.numeric(whole) + ifelse(nzchar(parts), as.numeric(parts), 0)
  .POSIXct(seconds, tz = zone)
}
