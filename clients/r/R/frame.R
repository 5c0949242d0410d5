# Pushing: objects become attachments of a frame, and the head of a stack moves to it.

#' Push objects to a stack
#'
#' `push_frame()` pushes one object. `create_frame()` begins a frame, `commit()` adds objects to it
#' and `push()` makes it: the head of the stack moves there, and when it returns the frame survives
#' a power cut. A push that failed can be repeated.
#'
#' The arguments are those of dstack's package, and old scripts run with `library(dsp)` in place of
#' `library(dstack)`.
#'
#' @param stack The stack: `"sales/weekly"`; dstack's `"/user/stack"` is taken too.
#' @param obj What is pushed: a table, a plot, a widget, text, a list; see [dsp_encode()].
#' @param description What the object is.
#' @param access `"private"` is kept to: a new stack goes where only you read, to a context called
#'   `private` where the current one is shared; it is refused where somebody else reads or may.
#'   Other levels share nothing by themselves, and a warning says so.
#' @param message What the frame is about.
#' @param params A list of parameters, which tell the object from others of the frame.
#' @param ... Further parameters by name.
#' @param handler A function of the object that returns [dsp_encoded()], in place of
#'   [dsp_encode()].
#' @param profile Only `"default"`, for old code.
#' @param check_access Accepted for old code: access is always checked.
#' @param frame A frame that `create_frame()` began.
#' @return `create_frame()` and `commit()` the frame; it is changed in place. `push()` and
#'   `push_frame()` a list of the class `dsp_pushed`: `id`, `url`, `reference`, and `unchanged` where
#'   it equals the head and nothing was pushed.
#' @examples
#' \dontrun{
#' push_frame("sales/weekly", cars, "Speed and distance", message = "week 46", region = "EU")
#'
#' frame <- create_frame("lines")
#' for (a in c(0.5, 1)) {
#'   frame <- commit(frame, data.frame(y = a * 1:20), "A line", Coefficient = a)
#' }
#' push(frame, "two lines")
#' }
#' @export
push_frame <- function(stack, obj, description = NULL, access = NULL, message = NULL, params = NULL,
                       handler = NULL, profile = "default", ...) {
  check_names(sys.call(), names(formals()))
  frame <- create_frame(stack, profile, access)
  commit(frame, obj, description, params, handler, ...)
  push(frame, message)
}

#' @rdname push_frame
#' @export
create_frame <- function(stack, profile = "default", access = NULL, check_access = TRUE) {
  check_profile(profile)
  frame <- new.env(parent = emptyenv())
  frame$stack <- reference(stack)
  if (startsWith(stack, "/")) {
    frame$stack <- resolve(client(), stack)
    if (grepl(":", frame$stack, fixed = TRUE)) {
      owner <- sub(":.*$", "", frame$stack)
      refuse(
        paste0("`", stack, "` is a stack of ", owner, ", and only stacks of yours are pushed to"),
        paste0("push to \"", sub("^[^:]*:", "", frame$stack), "\"; `dsp status` tells who you are")
      )
    }
  }
  frame$parts <- list()
  frame$widgets <- list()
  frame$stack <- honour_access(frame$stack, access)
  structure(frame, class = "dsp_frame")
}

#' @rdname push_frame
#' @export
commit <- function(frame, obj, description = NULL, params = NULL, handler = NULL, ...) {
  check_names(sys.call(), names(formals()))
  check_frame(frame)
  params <- all_params(params, list(...))
  description <- one_text(description, "a description")
  if (!is.null(handler) && !is.function(handler)) {
    refuse(
      paste("a handler is a function, and this is a", class(handler)[[1]]),
      "write like handler = ggplot_handler(dpi = 600)",
      code = "configuration"
    )
  }
  encoded <- if (is.null(handler)) dsp_encode(obj) else handler(obj)
  if (!inherits(encoded, "dsp_encoded")) {
    refuse(
      paste0("the handler returned a ", class(encoded)[[1]]),
      "it has to be dsp_encoded()",
      code = "configuration"
    )
  }
  part <- list(encoded = encoded, description = description, params = params)
  frame$parts <- c(frame$parts, list(part))
  if (encoded$temporary) {
    reg_discard(frame, encoded$file)
  }
  invisible(frame)
}

#' Say how pages ask for a parameter
#'
#' Parameters of the objects of a frame become widgets on its page and on dashboards. What is said
#' here is a wish: a kind that does not fit the values is passed over, and a parameter of which
#' nothing is said gets a widget made of its values.
#'
#' @param frame A frame that [create_frame()] began.
#' @param name The name of the parameter.
#' @param kind `"combobox"`, `"date"`, `"radio"`, `"select"`, `"slider"` or `"switch"`; `NULL` leaves
#'   it to the values.
#' @param label What the parameter is called, at most 128 bytes; else its name.
#' @param unit The unit of its values, at most 32 bytes.
#' @param default The value with which one begins; else that of the first object.
#' @param values At most 256 values in the order in which they are offered; the rest follows.
#' @param order A whole number: where it stands among the others, the least first.
#' @param hidden Whether it is not offered, so that its default alone chooses.
#' @return The frame; it is changed in place.
#' @examples
#' \dontrun{
#' frame <- create_frame("lines")
#' for (a in c(0.5, 1)) {
#'   commit(frame, data.frame(y = a * 1:20), "A line", Coefficient = a)
#' }
#' dsp_widget(frame, "Coefficient", "slider", unit = "km", default = 1)
#' push(frame)
#' }
#' @export
dsp_widget <- function(frame, name, kind = NULL, label = NULL, unit = NULL, default = NULL,
                       values = NULL, order = NULL, hidden = FALSE) {
  check_frame(frame)
  name <- one_text(name, "the name of a parameter")
  whole <- is.null(order) || (rlang::is_scalar_integerish(order) && !is.na(order))
  if (is.null(name) || !whole || !rlang::is_bool(hidden)) {
    refuse(
      "a widget is for the name of a parameter, `order` is a whole number and `hidden` TRUE or FALSE",
      "write like dsp_widget(frame, \"Coefficient\", \"slider\", order = 1)",
      code = "configuration"
    )
  }
  said <- list(
    kind = one_text(kind, "the kind of a widget"),
    label = one_text(label, "the label of a widget"),
    unit = one_text(unit, "the unit of a widget"),
    order = if (!is.null(order)) as.integer(order)
  )
  said$default <- if (!is.null(default)) param(default, name)
  # Values one by one: as a vector they keep their class.
  said$values <- lapply(seq_along(values), function(at) param(values[[at]], name))
  said$hidden <- if (hidden) TRUE
  said <- said[!vapply(said, is.null, TRUE)]
  frame$widgets[[name]] <- said[lengths(said) > 0]
  invisible(frame)
}

#' @rdname push_frame
#' @export
push <- function(frame, message = NULL) {
  check_frame(frame)
  message <- one_text(message, "a message")
  client <- client()
  paths <- part_paths(frame)
  files <- list()
  for (at in seq_along(frame$parts)) {
    part <- frame$parts[[at]]
    about <- list(params = part$params)
    about$text <- part$description
    source <- bytes_of(client, part$encoded)
    files <- c(files, list(c(
      list(path = paths[[at]], media = part$encoded$media, app = part$encoded$app), source, about
    )))
    if (!is.null(part$encoded$note)) {
      note <- append(part$encoded$note, list(url = basename(paths[[at]])), 1)
      file <- tempfile(fileext = ".json")
      on.exit(unlink(file), add = TRUE)
      writeBin(charToRaw(to_json(note)), file)
      # With the parameters of its table, so that without any it is not the one that is meant.
      files <- c(files, list(list(
        path = paste0(paths[[at]], METADATA), media = CSVM, hash = upload(client, file),
        params = part$params
      )))
    }
  }
  files <- lapply(files, function(file) {
    file <- file[!vapply(file, is.null, TRUE)]
    file[lengths(file) > 0]
  })
  body <- list(stack = frame$stack, message = message %||% "", files = files)
  if (length(frame$widgets) > 0) {
    # With names, or where nothing is said a list would be written and not an object.
    named <- function(widget) structure(widget, names = names(widget) %||% character())
    body$widgets <- lapply(frame$widgets, named)
  }
  body$settings <- made_by()
  result <- steps(client, "/frames", body)
  user <- get_json(client, "/node")$user
  name <- sub("^.*:", "", result$reference)
  structure(
    list(
      id = result$frame,
      url = paste0("dsp://", user, "/", result$context, "/", name, "?rev=", result$frame),
      reference = paste0(result$reference, "@", substr(result$frame, 1, 8)),
      unchanged = isTRUE(result$unchanged)
    ),
    class = "dsp_pushed"
  )
}

# What a frame says of the program that made it: versions, and nothing of machine or account.
made_by <- function() {
  version <- function(name) unname(getNamespaceVersion(name))
  used <- intersect(
    c("arrow", "data.table", "ggplot2", "htmlwidgets", "plotly", "tibble"), loadedNamespaces()
  )
  libraries <- structure(lapply(used, version), names = used)
  list(
    client = list(client = "dsp-r", version = version("dsp")),
    r = as.character(getRversion()), libraries = libraries
  )
}

#' @export
print.dsp_pushed <- function(x, ...) {
  cli::cat_line(if (x$unchanged) "unchanged " else "pushed ", x$reference)
  invisible(x)
}

#' @export
print.dsp_frame <- function(x, ...) {
  cli::cat_line("<dsp_frame ", x$stack, ": ", length(x$parts), " attachments>")
  invisible(x)
}

# Returns a text as UTF-8, or nothing where none was given.
one_text <- function(text, what) {
  if (is.null(text)) {
    return(NULL)
  }
  if (!rlang::is_string(text)) {
    refuse(
      paste0(what, " is one text, and this is ", class(text)[[1]], " of length ", length(text)),
      "push_frame(stack, obj, description, message = ...); parameters go by their names",
      code = "configuration"
    )
  }
  valid_text(text, what)
}

check_frame <- function(frame) {
  if (!inherits(frame, "dsp_frame")) {
    refuse("this is no frame", "create_frame(stack) begins one", code = "configuration")
  }
}

# Deletes the file of an attachment when nobody holds its frame any more.
reg_discard <- function(frame, file) {
  frame$files <- c(frame$files, file)
  if (length(frame$files) == 1) {
    reg.finalizer(frame, function(frame) unlink(frame$files), onexit = TRUE)
  }
}

# Names the attachments: after files, else after the stack, numbered in their order.
part_paths <- function(frame) {
  base <- sub("@.*$", "", sub("^.*/", "", sub("^.*:", "", frame$stack)))
  count <- length(frame$parts)
  if (count == 0) {
    refuse("the frame is empty", "commit() adds objects to it", code = "configuration")
  }
  digits <- nchar(count - 1)
  paths <- character()
  for (at in seq_len(count)) {
    encoded <- frame$parts[[at]]$encoded
    number <- if (count > 1) paste0("-", formatC(at - 1, width = digits, flag = "0")) else ""
    path <- encoded$name %||% paste0(base, number, encoded$suffix)
    if (path %in% paths) {
      path <- paste0(at - 1, "-", path)
    }
    paths <- c(paths, path)
  }
  paths
}

# Says where the bytes of an attachment are, after sending those that have to be sent.
bytes_of <- function(client, encoded) {
  if (!file.exists(encoded$file)) {
    refuse(
      paste(encoded$file, "is gone"),
      "commit the object once more",
      code = "file"
    )
  }
  if (client$local && !encoded$temporary) {
    return(list(source = encoded$file))
  }
  list(hash = upload(client, encoded$file))
}

# Honours dstack's access levels as far as contexts can; returns the stack to push to.
#
# A new private stack goes where only I read: to the context that is named or the current one, else,
# where none is named, to one called `private`, as the pushes of dstack's own clients do.
honour_access <- function(stack, access) {
  if (is.null(access)) {
    return(stack)
  }
  if (!access %in% c("private", "internal", "public")) {
    refuse(
      paste0("there is no access `", access, "`"),
      "it is private, internal or public; name a message by message =",
      code = "configuration"
    )
  }
  if (access != "private") {
    rlang::warn(
      c(
        paste0("access = \"", access, "\" shares nothing by itself"),
        i = "`dsp share` makes a ticket for readers"
      ),
      class = "dsp_warning"
    )
    return(stack)
  }
  client <- client()
  named <- if (grepl(":", stack, fixed = TRUE)) sub(":[^:]*$", "", stack) else "me"
  label <- sub("^.*/", "", named)
  if (named == "me") {
    name <- sub("^.*:", "", stack)
    found <- tryCatch(
      get_json(client, "/stack", list(ref = paste0("me:", name))),
      dsp_error_not_found = function(error) NULL
    )
    if (is.null(found)) {
      label <- get_json(client, "/node")$context
      if (!is_private(get_json(client, paste0("/contexts/", segment(label))))) {
        label <- "private"
        stack <- paste0("me/private:", name)
        make_private(client)
      }
    } else {
      # In full: without a context it would be pushed to the current one.
      label <- get_json(client, paste0("/contexts/", segment(found$context)))$label
      stack <- paste0("me/", label, ":", name)
    }
  }
  context <- get_json(client, paste0("/contexts/", segment(label)))
  if (!is_private(context)) {
    refuse(
      paste0(
        "`", stack, "` would not be private: others read the context ", context$label, ", or may"
      ),
      "`dsp context new NAME` makes a private one; push to `me/NAME:STACK`"
    )
  }
  stack
}

is_private <- function(context) identical(context$access, "private") && context$members <= 1

# Makes the context for stacks that only I may read, unless it is there.
make_private <- function(client) {
  new <- list(name = "private", about = "stacks that only I may read", access = "private")
  tryCatch(
    read_json(send(client, "POST", "/contexts", body = new)),
    dsp_error_conflict = function(error) NULL
  )
}
