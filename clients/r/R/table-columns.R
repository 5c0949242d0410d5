# One column of a table as text with a note of its type, and back without loss.
#
# The note is that of "CSV on the Web" (W3C): `titles`, `datatype` and `null`. What it has no word
# for stands under names that begin with `dsp:`.

#' Returns what writes the fields of some rows of a column, and the note that says how they come back
#'
#' Fractions are written some rows at a time: as text they take ten times their memory.
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
    POSIXct = moment_note(values),
    difftime = list(datatype = "double", "dsp:units" = units(values))
  )
  # A date or time that is no number is as missing as R shows it.
  missing <- is.na(values) & !(kind %in% c("double", "difftime") & is_nan(values))
  if (kind %in% c("double", "difftime")) {
    note$null <- null_text(character(), any(missing), alone)
    numbers <- as.numeric(values)
    fields <- fraction_fields(numbers, missing, note$null)
    return(list(fields = fields, numbers = numbers, note = c(list(titles = name), note)))
  }
  text <- switch(kind,
    factor = as.character(values),
    string = as.character(values),
    logical = ifelse(values, "TRUE", "FALSE"),
    integer = as.character(unclass(values)),
    integer64 = as.character(values),
    Date = date_text(values, name),
    POSIXct = moment_text(values, name)
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
  list(fields = function(rows) text[rows], note = c(list(titles = name), note))
}

# Returns what writes some rows of numbers: as numbers where those who write them lose nothing.
fraction_fields <- function(values, missing, null) {
  function(rows) {
    some <- values[rows]
    if (are_short(some)) {
      return(some)
    }
    text <- exact(some)
    text[missing[rows]] <- null
    text
  }
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

# Tells whether all are numbers of at most 15 digits, three of them behind the point: then 15
# digits are read as the same number, also by R, which divides at 64 bits and rounds twice.
are_short <- function(values) {
  short <- function(some) {
    thousandths <- round(some * 1000)
    whole <- abs(some) < 1e15 & round(some) == some
    (whole | abs(thousandths) < 1e15 & thousandths / 1000 == some) & !(some == 0 & 1 / some < 0)
  }
  # Most columns say it at once.
  !anyNA(values) && all(short(utils::head(values, 100))) && all(short(values))
}

# Writes numbers with 15 digits where these are read as the same number, else with 17, or more where
# a reader has to scale them. Where most need 17, all have as many.
exact <- function(values) {
  digits <- if (are_long(values)) 17 else 15
  text <- sprintf(paste0("%.", digits, "g"), values)
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

# Tells whether most of many numbers need 17 digits.
are_long <- function(values) {
  if (length(values) < 1000) {
    return(FALSE)
  }
  some <- values[seq(1, length(values), length.out = 100)]
  some <- some[is.finite(some)]
  length(some) > 0 && mean(as.numeric(sprintf("%.15g", some)) == some) < 0.5
}

# Returns the lines of rows in which all are such numbers, a row a column of the matrix; NULL where
# they have to be written one by one. Not a text of R for each number: that takes the time.
long_lines <- function(numbers) {
  if (anyNA(numbers) || any(numbers == 0 & 1 / numbers < 0)) {
    return(NULL)
  }
  rlang::local_options(digits = 17, scipen = 0, OutDec = ".")
  to <- rawConnection(raw(0), "wb")
  on.exit(close(to), add = TRUE)
  cat(numbers, file = to, sep = c(rep(",", nrow(numbers) - 1), "\n"))
  lines <- rawConnectionValue(to)
  from <- rawConnection(lines)
  on.exit(close(from), add = TRUE)
  back <- scan(from, sep = ",", quiet = TRUE)
  if (identical(back, as.vector(numbers))) lines
}

# Nanoseconds since 1970, as others count them where the note says no more, reach from 1678 to 2261.
NANOSECONDS_REACH <- 9.2e9

beyond_nanoseconds <- function(values) {
  any(abs(as.numeric(values)) > NANOSECONDS_REACH, na.rm = TRUE)
}

moment_note <- function(values) {
  zone <- attr(values, "tzone")[1] %||% NULL
  note <- list(datatype = "dateTime", "dsp:zone" = zone)
  if (beyond_nanoseconds(values)) {
    zone <- zone_of(note)
    note[["dsp:type"]] <- paste0("timestamp[us, ", if (nzchar(zone %||% "")) zone else "UTC", "]")
  }
  note
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

# RFC 3339 in UTC, to the nanosecond where there are parts of a second; to the microsecond where
# one is so long ago, or ahead, that R knows it no better.
format_utc <- function(values) {
  seconds <- as.numeric(values)
  whole <- floor(seconds)
  digits <- if (beyond_nanoseconds(values)) 6 else 9
  parts <- round((seconds - whole) * 10^digits) * 10^(9 - digits)
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
read_column <- function(fields, note, where, narrow = FALSE) {
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
  if (narrow && type == "long") {
    type <- narrowest(fields)
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

# Names the first of R's own types that holds whole numbers, else that of 64 bits.
narrowest <- function(fields) {
  largest <- max(0, abs(as.numeric(fields)), na.rm = TRUE)
  if (largest <= .Machine$integer.max) "int" else if (largest < 2^53) "double" else "long"
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
