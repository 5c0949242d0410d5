# Pulling: an attachment of a frame as a file, or as the object that was pushed.

# Tables, by media type and by the end of the name, as the daemon tells them.
CSV <- "text/csv"
TABLES <- c(
  CSV, "application/csv", "application/vnd.apache.parquet", "application/vnd.apache.arrow.file",
  "application/vnd.apache.arrow.stream", "text/tab-separated-values", "application/x-ndjson",
  "application/jsonl"
)
TABLE_NAMES <- "\\.(parquet|feather|arrow|arrows|csv|tsv|jsonl|ndjson)$"

#' Pull an attachment of a stack
#'
#' `pull()` writes an attachment to a file and returns its name, as dstack's did:
#' `read.csv(pull("/user/stack"))`. A table comes as CSV, whatever it was pushed as, Parquet of
#' Python among them; where `filename` does not end with `.csv`, and for all else, it is the bytes as
#' they were pushed. `pull_data()` returns the object: a table with its types, text, a list. What no
#' type reads it returns as [dsp_file()].
#'
#' Of several attachments it is the first whose parameters hold all of `params` and `...`. Bytes that
#' are not here are brought from peers. They go to the file in constant memory, and the file is there
#' whole or not at all.
#'
#' @param stack A reference: `"sales"`, `"alice:sales@v1#plot.svg"`, dstack's `"/alice/sales"`, or a
#'   `dsp://` URL. Without a revision it is the head.
#' @param filename Where to write; a temporary file when `NULL`.
#' @param error A function of a text that is called in place of stopping; its value is returned.
#' @param params A list of parameters.
#' @param ... Further parameters by name.
#' @param profile Only `"default"`, for old code.
#' @param trust Whether a file that may run code when it is read (RDS) is read although somebody
#'   else pushed it. `dsp trust USER --code` says so for all of theirs.
#' @return `pull()` the name of the file, `pull_data()` the object.
#' @examples
#' \dontrun{
#' table <- pull_data("sales/weekly", region = "EU")
#' table <- read.csv(pull("/alice/sales/weekly"))
#' }
#' @export
pull <- function(stack, profile = "default", filename = NULL, error = NULL, params = NULL, ...) {
  check_names(sys.call(), names(formals()))
  fetch <- function() {
    check_profile(profile)
    if (!is.null(filename) && !rlang::is_string(filename)) {
      refuse("a file is named by one text", "filename = \"data.csv\"", code = "configuration")
    }
    client <- client()
    found <- find_attachment(client, stack, all_params(params, list(...)))
    if (wants_csv(found, filename)) {
      save_csv(client, found, filename)
    } else {
      save_attachment(client, found, filename)
    }
  }
  if (is.null(error)) {
    return(fetch())
  }
  tryCatch(fetch(), dsp_error = function(condition) error(conditionMessage(condition)))
}

#' @rdname pull
#' @export
pull_data <- function(stack, params = NULL, ..., trust = FALSE) {
  check_names(sys.call(), c("stack", "params", "trust"))
  client <- client()
  found <- find_attachment(client, stack, all_params(params, list(...)))
  read_attachment(client, found, trust)
}

#' Finds the attachment that a reference and parameters mean
#'
#' @return What the API says of it, with the frame's reference, its owner and the notes beside it.
#' @noRd
find_attachment <- function(client, stack, wanted) {
  asked <- split_path(resolve(client, stack))
  frame <- frame_of(client, asked$name)
  files <- frame$files
  if (frame$files_total > length(files)) {
    files <- pages(client, "/files", list(ref = frame$reference))
  }
  named <- vapply(files, `[[`, "", "path")
  data <- !grepl(METADATA, named, fixed = TRUE) | !sub(METADATA, "", named, fixed = TRUE) %in% named
  one <- if (!is.null(asked$path)) {
    at <- match(asked$path, named)
    if (is.na(at) && grepl("^[0-9]{1,6}$", asked$path)) {
      at <- which(data)[as.integer(asked$path) + 1]
    }
    if (!is.na(at)) files[[at]]
  } else {
    # A note of types is not what is meant, although it is a file of the frame.
    Find(function(file) holds(file$params, wanted), files[data])
  }
  if (is.null(one)) {
    refuse_match(frame, files[data], asked$path, wanted)
  }
  one$params <- lapply(one$params, value_of)
  one$reference <- paste0(frame$reference, "#", one$path)
  one$user <- frame$stack$user
  noted <- match(paste0(one$path, METADATA), named)
  one$note_size <- if (is.na(noted)) NA else files[[noted]]$size
  one
}

refuse_match <- function(frame, files, path, wanted) {
  asked <- if (is.null(path)) {
    paste(names(wanted), vapply(wanted, to_json, ""), sep = " = ", collapse = ", ")
  } else {
    paste0("#", path)
  }
  there <- vapply(utils::head(files, 10), function(file) {
    params <- if (length(file$params) > 0) paste0(" ", to_json(file$params)) else ""
    paste0("#", file$path, params)
  }, "")
  refuse(
    paste0("no attachment of ", frame$reference, " fits ", asked),
    "these are some of what there is",
    code = "no_match",
    candidates = there
  )
}

frame_of <- function(client, ref) {
  get <- function() get_json(client, "/frame", list(ref = ref))
  tryCatch(get(), dsp_error_conflict = function(error) {
    # The head came before its frame.
    steps(client, "/fetch", list(ref = ref))
    get()
  })
}

is_table <- function(found) {
  # The rest of a media type says, say, its charset.
  media <- tolower(trimws(sub(";.*$", "", found$media)))
  media %in% TABLES || grepl(TABLE_NAMES, found$path, ignore.case = TRUE)
}

is_csv <- function(found) {
  found$media == CSV || !found$media %in% TABLES && grepl("\\.csv$", found$path, ignore.case = TRUE)
}

# Tells whether an attachment is a table that has to be turned into CSV for who pulls the file.
wants_csv <- function(found, filename) {
  is_table(found) && !is_csv(found) &&
    (is.null(filename) || grepl("\\.csv$", filename, ignore.case = TRUE))
}

# Writes a table as CSV, whatever it was pushed as.
save_csv <- function(client, found, filename = NULL) {
  if (is.null(filename)) {
    filename <- temporary(sub("\\.[^.]*$", ".csv", basename(found$path)))
  }
  tryCatch(
    download(client, "/table", list(ref = found$reference, format = "csv"), filename, size = NA),
    dsp_error_conflict = function(error) {
      refuse(
        paste(found$reference, "cannot be read as a table"),
        "pull() with another filename than one of CSV gives the bytes as they are",
        causes = conditionMessage(error),
        code = "damaged"
      )
    }
  )
}

# Returns a file of that name in a folder of its own.
temporary <- function(name) {
  folder <- tempfile("dsp")
  dir.create(folder)
  file.path(folder, name)
}

save_attachment <- function(client, found, filename = NULL) {
  if (is.null(filename)) {
    filename <- temporary(basename(found$path))
  }
  download(client, "/content", list(ref = found$reference), filename, found$size)
  filename
}

#' Reads an attachment as an object, by its media type
#'
#' @noRd
read_attachment <- function(client, found, trust) {
  if (identical(found$media, RDS) || grepl("\\.(rds|rda|rdata)$", found$path, ignore.case = TRUE)) {
    check_trust(client, found, trust)
  }
  noted <- is_csv(found) && !is.na(found$note_size)
  if (is_table(found) && !noted) {
    return(read_converted(client, found))
  }
  file <- save_attachment(client, found)
  keep <- FALSE
  on.exit(if (!keep) unlink(dirname(file), recursive = TRUE))
  if (noted) {
    return(read_noted(client, found, file))
  }
  switch(found$media,
    "application/json" = reading(
      found$reference, "JSON", read_list(whole_text(file, found$reference), found$app)
    ),
    "text/plain" = ,
    "text/markdown" = whole_text(file, found$reference),
    {
      if (identical(found$app, "r/raw")) {
        return(readBin(file, "raw", file.size(file)))
      }
      if (identical(found$media, RDS)) {
        return(reading(found$reference, "RDS", readRDS(file)))
      }
      keep <- TRUE
      dsp_file(file)
    }
  )
}

# Reads a CSV with the note of its types that lies beside it.
read_noted <- function(client, found, file) {
  if (found$note_size > NOTE_BYTES) {
    refuse(
      paste0("the note of ", found$reference, " has ", found$note_size, " bytes; ", NOTE_BYTES,
        " are read"
      ),
      "pull() gives the file as it is",
      code = "damaged"
    )
  }
  beside <- list(
    reference = paste0(found$reference, METADATA), path = "note.json", size = found$note_size
  )
  text <- save_attachment(client, beside)
  on.exit(unlink(dirname(text), recursive = TRUE))
  what <- paste("the note of the types of", found$reference)
  note <- reading(what, "JSON", from_json(whole_text(text, what)))
  read_table(file, note, found$reference)
}

# Returns what is read, or refuses what is none of its kind.
reading <- function(what, kind, read) {
  tryCatch(read,
    dsp_error = function(error) rlang::cnd_signal(error),
    # R tells what is nested too deep by any of its own.
    error = function(error) {
      refuse(
        paste(what, "is no", kind, "that can be read"),
        "pull() gives the file as it is",
        causes = conditionMessage(error),
        code = "damaged"
      )
    }
  )
}

# Reads a file of UTF-8 as one text.
whole_text <- function(file, where = basename(file)) {
  bytes <- readBin(file, "raw", file.size(file))
  text <- if (all(bytes != 0)) rawToChar(bytes)
  if (is.null(text) || !validUTF8(text)) {
    refuse(
      paste(where, if (is.null(text)) "holds a zero byte, as no text of R can" else "is not UTF-8"),
      "pull() gives the file as it is",
      code = "damaged"
    )
  }
  Encoding(text) <- "UTF-8"
  text
}

# Reads a table by the daemon, so that everybody reads the same: it makes CSV of it, with a note of
# its types.
read_converted <- function(client, found) {
  file <- save_csv(client, found)
  on.exit(unlink(dirname(file), recursive = TRUE))
  asked <- list(ref = found$reference, format = "csv-metadata")
  note <- get_json(client, "/table", asked, SILENCE_SECONDS)
  if (is.list(note$tableSchema) && length(note$tableSchema$columns) == 0) {
    return(data.frame())
  }
  # What is text has whole numbers of no width.
  text <- !grepl("arrow|parquet", found$media) && !grepl("(parquet|feather|arrows?)$", found$path)
  read_table(file, note, found$reference, narrow = text)
}

#' Refuses what runs code on load unless its author is trusted
#'
#' @noRd
check_trust <- function(client, found, trust) {
  if (isTRUE(trust) || identical(get_json(client, "/node")$user, found$user)) {
    return(invisible())
  }
  peer <- tryCatch(
    get_json(client, paste0("/peers/", segment(found$user))),
    dsp_error = function(error) NULL
  )
  if (isTRUE(peer$trust$code)) {
    return(invisible())
  }
  author <- text_or(peer$name, substr(found$user, 1, 8))
  refuse(
    paste0(found$reference, " is an R object by ", author, ", and reading it may run their code"),
    paste0(
      "if you trust them: pull_data(trust = TRUE), or `dsp trust ", author, " --code` for all"
    ),
    code = "untrusted"
  )
}
