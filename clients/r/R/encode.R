# What an object becomes: a file of bytes with what is said about it.

#' Describe how an object becomes an attachment
#'
#' A package makes objects of its own class known by a method of `dsp_encode()`, which returns
#' `dsp_encoded()`. Known already are tables (`data.frame`, tibble, `data.table`), ggplot2's plots,
#' htmlwidgets (plotly among them), one text, raw vectors, lists that JSON can hold, [dsp_file()]
#' and [dsp_rds()].
#'
#' @param obj The object.
#' @param ... For methods.
#' @param file The file of its bytes.
#' @param suffix End of the attachment's path, with the dot.
#' @param media Its media type; guessed from the path when `NULL`.
#' @param app What opens it, such as `"r/data.frame"`.
#' @param name Name of the attachment; made from the stack's when `NULL`.
#' @param temporary Whether the file is deleted once it was pushed.
#' @param note A list that is kept as JSON beside the attachment, as tables do with their types.
#' @return An object of the class `dsp_encoded`.
#' @export
dsp_encode <- function(obj, ...) {
  UseMethod("dsp_encode")
}

#' @rdname dsp_encode
#' @export
dsp_encoded <- function(file, suffix, media = NULL, app = NULL, name = NULL, temporary = TRUE,
                        note = NULL) {
  structure(
    list(
      file = file, suffix = suffix, media = media, app = app, name = name,
      temporary = temporary, note = note
    ),
    class = "dsp_encoded"
  )
}

#' @export
dsp_encode.default <- function(obj, ...) {
  refuse(
    paste0("no type is known for an object of the class ", paste(class(obj), collapse = "/")),
    "wrap it in dsp_rds(), push a file by dsp_file(), or write a method of dsp_encode()",
    code = "unsupported_type"
  )
}

#' @export
dsp_encode.data.frame <- function(obj, ...) {
  file <- tempfile(fileext = ".csv")
  note <- discard_on_error(file, write_table(obj, file))
  dsp_encoded(file, ".csv", "text/csv", paste0("r/", note[["dsp:class"]]), note = note)
}

#' @export
dsp_encode.ggplot <- function(obj, ...) {
  ggplot_handler()(obj)
}

#' @export
dsp_encode.htmlwidget <- function(obj, ...) {
  file <- tempfile(fileext = ".html")
  discard_on_error(file, write_widget(obj, file))
  dsp_encoded(file, ".html", "text/html", paste0("r/", class(obj)[[1]]))
}

#' @export
dsp_encode.character <- function(obj, ...) {
  if (length(obj) != 1 || is.na(obj) || !is.null(names(obj))) {
    return(dsp_encode.list(obj))
  }
  file <- tempfile(fileext = ".txt")
  writeBin(charToRaw(valid_text(obj, "the text")), file)
  dsp_encoded(file, ".txt", "text/plain", "r/character")
}

#' @export
dsp_encode.raw <- function(obj, ...) {
  file <- tempfile(fileext = ".bin")
  writeBin(obj, file)
  dsp_encoded(file, ".bin", "application/octet-stream", "r/raw")
}

#' @export
dsp_encode.list <- function(obj, ...) {
  text <- tryCatch(to_json(obj), error = function(error) "")
  same <- function(app) {
    back <- function() all.equal(read_list(text, app), obj, tolerance = 0)
    isTRUE(tryCatch(back(), error = function(error) FALSE))
  }
  app <- Find(same, c("r/vector", "r/list"))
  if (is.null(app)) {
    refuse(
      paste("JSON would change this", class(obj)[[1]]),
      "push a table, unname() and as.list() its vectors, or wrap it in dsp_rds()",
      code = "unsupported_type"
    )
  }
  file <- tempfile(fileext = ".json")
  writeBin(charToRaw(text), file)
  dsp_encoded(file, ".json", "application/json", app)
}

# An array of JSON is a vector where its items are of one kind, unless it was a list. Whole numbers
# of others that no number of R is are text: what R wrote were its numbers.
read_list <- function(text, app) {
  if (identical(app, "r/list")) {
    return(jsonlite::fromJSON(text, simplifyVector = FALSE))
  }
  jsonlite::fromJSON(
    text,
    simplifyDataFrame = FALSE, simplifyMatrix = FALSE,
    bigint_as_char = !identical(app, "r/vector")
  )
}

#' @export
dsp_encode.numeric <- dsp_encode.list

#' @export
dsp_encode.logical <- dsp_encode.list

#' Push a file, or any object as R alone reads it
#'
#' `dsp_file()` pushes a file under its name; it is read when the frame is pushed, and never held
#' in memory. `dsp_rds()` writes an object by [saveRDS()]: a model, a fit. Reading such a file may
#' run code that its author put in, so that [pull_data()] does it only with your own, and with those
#' of users whose code you trust.
#'
#' @param path Path of the file.
#' @param obj Any object.
#' @return An object that [commit()] and [push_frame()] take.
#' @examples
#' dsp_rds(lm(dist ~ speed, cars))
#' @export
dsp_file <- function(path) {
  if (!rlang::is_string(path) || !file.exists(path) || dir.exists(path)) {
    refuse(
      paste0("`", paste(path, collapse = " "), "` is no file"),
      "is the path right? `dsp push` takes folders",
      code = "file"
    )
  }
  structure(list(path = normalizePath(path)), class = "dsp_file")
}

#' @export
dsp_encode.dsp_file <- function(obj, ...) {
  name <- basename(obj$path)
  dsp_encoded(obj$path, "", name = name, temporary = FALSE)
}

#' @rdname dsp_file
#' @export
dsp_rds <- function(obj) {
  structure(list(obj = obj), class = "dsp_rds")
}

#' @export
print.dsp_rds <- function(x, ...) {
  cli::cat_line("<dsp_rds of ", class(x$obj)[[1]], ">")
  invisible(x)
}

#' @export
dsp_encode.dsp_rds <- function(obj, ...) {
  file <- tempfile(fileext = ".rds")
  discard_on_error(file, saveRDS(obj$obj, file, version = 3))
  dsp_encoded(file, ".rds", RDS, "r/rds")
}

RDS <- "application/x-r-rds"

discard_on_error <- function(file, expr) {
  done <- FALSE
  on.exit(if (!done) unlink(file))
  value <- force(expr)
  done <- TRUE
  value
}
