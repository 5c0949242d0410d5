# The sole HTTP caller: requests to `/api/v1` over the daemon's socket, or TCP.

PAGE <- 500
CONNECT_SECONDS <- 5
# Nothing came for so long: the daemon is not at work, it is gone.
SILENCE_SECONDS <- 900
# What only asks for something does not take long.
SMALL_SECONDS <- 30

#' Finds the daemon, and starts it where it does not run
#'
#' `dsp_configure()`, or `DSP_URL` with `DSP_TOKEN`, names one elsewhere; else it is the one of
#' the home.
#'
#' @noRd
client <- function() {
  url <- configured$url %||% Sys.getenv("DSP_URL")
  if (nzchar(url)) {
    return(client_of_url(url, configured$token %||% Sys.getenv("DSP_TOKEN")))
  }
  folder <- home()
  found <- answering(client_file(folder))
  if (is.null(found)) {
    start(folder)
    found <- answering(client_file(folder))
  }
  if (is.null(found)) {
    refuse(
      "the daemon ended right after its start",
      paste0("see ", file.path(folder, "logs")),
      code = "daemon_not_found"
    )
  }
  found
}

client_of_url <- function(url, token) {
  if (!grepl("^https?://[^/]+", url)) {
    refuse(
      paste0("`", url, "` is no address of a daemon"),
      "DSP_URL is like http://127.0.0.1:7700",
      code = "configuration"
    )
  }
  new_client(url, token, socket = NULL, local = FALSE)
}

# `local` tells whether it is under this account, so that it reads our files by their paths.
new_client <- function(address, token, socket, local) {
  address <- sub("(/api)?/*$", "", address)
  structure(
    list(address = address, token = token, socket = socket, local = local),
    class = "dsp_client"
  )
}

#' @export
print.dsp_client <- function(x, ...) {
  cli::cat_line("<dsp_client ", x$address, ">")
  invisible(x)
}

answering <- function(file) {
  if (is.null(file)) {
    return(NULL)
  }
  token <- Sys.getenv("DSP_TOKEN")
  token <- if (nzchar(token)) token else file$token
  candidate <- new_client(file$address, token, file$socket, local = TRUE)
  # Without the token: a port may belong to another program by now.
  anonymous <- new_client(file$address, "", file$socket, local = TRUE)
  health <- tryCatch(
    read_json(send(anonymous, "GET", "/health", silence = SMALL_SECONDS)),
    # One that runs and does not answer keeps another one from starting.
    dsp_error = function(error) if (inherits(error, "dsp_error_no_answer")) stop(error)
  )
  if (is.list(health) && identical(health$status, "ok") && isTRUE(health$pid == file$pid)) {
    candidate
  }
}

get_json <- function(client, path, query = list(), silence = SMALL_SECONDS) {
  read_json(send(client, "GET", path, query, silence = silence))
}

post_json <- function(client, path, body = rlang::set_names(list(), character())) {
  read_json(send(client, "POST", path, body = body))
}

# Gives the items of a list, page by page.
pages <- function(client, path, query = list()) {
  items <- list()
  cursor <- NULL
  repeat {
    page <- get_json(client, path, c(query, list(limit = PAGE, cursor = cursor)))
    items <- c(items, page$items)
    cursor <- page$next_cursor
    if (is.null(cursor)) {
      return(items)
    }
  }
}

# Does something long and returns its result, told as JSON lines. What the user should know comes as
# a warning.
steps <- function(client, path, body) {
  answer <- send(client, "POST", path, body = body)
  lines <- strsplit(httr2::resp_body_string(answer), "\n", fixed = TRUE)[[1]]
  for (line in lines[nzchar(lines)]) {
    step <- from_json(line)
    if (identical(step$step, "done")) {
      return(step$result)
    }
    if (identical(step$step, "note")) {
      rlang::warn(clean(text_or(step$text, "")), class = "dsp_warning")
    }
    if (identical(step$step, "failed")) {
      refuse_problem(step$problem)
    }
  }
  broke_off(client)
}

# Uploads a file in constant memory, unless the daemon has its bytes, and returns its BLAKE3;
# repeated, it changes nothing.
upload <- function(client, file) {
  known <- blake3(file)
  if (!is.null(known) && has_blob(client, known)) {
    return(known)
  }
  read_json(send(client, "PUT", "/blobs", file = file, blake3 = known))$hash
}

# The BLAKE3 of a file, to ask whether the daemon has it; NULL without the package that hashes.
blake3 <- function(file) {
  if (rlang::is_installed("digest", version = "0.6.30")) {
    digest::digest(file = file, algo = "blake3")
  }
}

# Tells whether the daemon has bytes, so that they need not be sent.
has_blob <- function(client, hash) {
  tryCatch(
    {
      send(client, "HEAD", paste0("/blobs/", hash))
      TRUE
    },
    dsp_error_no_dsp = function(error) FALSE
  )
}

#' Writes the bytes that a path of the API stands for to a file: all of them, or none
#'
#' @param size The bytes that there have to be; `NA` where that is not known beforehand.
#' @noRd
download <- function(client, path, query, to, size) {
  part <- tempfile(paste0(".", basename(to), "."), tmpdir = dirname(to))
  on.exit(unlink(part))
  if (!dir.exists(dirname(to))) {
    refuse(
      paste0("cannot write ", to, ": there is no such folder"),
      "make it, or name another file",
      code = "file"
    )
  }
  with_bytes(client, query$ref, send(client, "GET", path, query, to = part))
  came <- file.size(part)
  if (!is.na(size) && !isTRUE(came == size)) {
    refuse(
      paste0("of ", size, " bytes of ", basename(to), " only ", came, " came"),
      "pull again; `dsp verify` tells whether bytes are damaged here",
      code = "connection_lost"
    )
  }
  if (!file.rename(part, to)) {
    refuse(paste("cannot write", to), "is it a folder, or not yours?", code = "file")
  }
  invisible(to)
}

# Asks for bytes, after bringing them from peers where they are not here.
with_bytes <- function(client, ref, expr) {
  expr <- rlang::enquo(expr)
  tryCatch(rlang::eval_tidy(expr), dsp_error_blob_not_local = function(error) {
    steps(client, "/fetch", list(ref = ref))
    rlang::eval_tidy(expr)
  })
}

send <- function(client, method, path, query = list(), body = NULL, file = NULL, to = NULL,
                 blake3 = NULL, silence = SILENCE_SECONDS) {
  request <- httr2::request(paste0(client$address, "/api/v1", path))
  request <- httr2::req_method(request, method)
  request <- httr2::req_user_agent(request, paste0("dsp-r/", utils::packageVersion("dsp")))
  query <- query[!vapply(query, is.null, TRUE)]
  if (length(query) > 0) {
    request <- httr2::req_url_query(request, !!!query)
  }
  if (nzchar(client$token %||% "")) {
    request <- httr2::req_auth_bearer_token(request, client$token)
  }
  if (!is.null(body)) {
    request <- httr2::req_body_raw(request, charToRaw(to_json(body)), "application/json")
  }
  if (!is.null(file)) {
    con <- file(file, "rb")
    on.exit(close(con))
    # Bytes that changed on their way are refused.
    headers <- c(list("Content-Type" = "application/octet-stream"), "X-Dsp-Blake3" = blake3)
    request <- httr2::req_headers(request, !!!headers)
    request <- httr2::req_options(
      request,
      post = TRUE,
      readfunction = function(size, ...) readBin(con, "raw", size),
      postfieldsize_large = file.size(file)
    )
  }
  options <- list(
    # The token is the daemon's: a redirect or a proxy would carry it elsewhere.
    followlocation = FALSE,
    proxy = "",
    noproxy = "*",
    accept_encoding = "identity",
    connecttimeout = CONNECT_SECONDS,
    low_speed_limit = 1,
    low_speed_time = silence
  )
  if (!is.null(client$socket)) {
    options$unix_socket_path <- client$socket
  }
  request <- httr2::req_options(request, !!!options)
  request <- httr2::req_error(request, is_error = function(answer) FALSE)
  failed <- function(error) unreachable(client, failure_text(error), silence)
  # The class is `httr2_failed` before httr2 1.0.
  answer <- tryCatch(
    httr2::req_perform(request, path = to),
    httr2_failed = failed,
    httr2_failure = failed
  )
  if (httr2::resp_status(answer) >= 300) {
    refuse_answer(client, answer)
  }
  answer
}

# What curl said: httr2 1.0 keeps it as the cause of an error of its own.
failure_text <- function(error) {
  paste(c(conditionMessage(error), if (!is.null(error$parent)) conditionMessage(error$parent)),
    collapse = ": "
  )
}

# How curl says that nobody took the connection; one that broke off is a "Connection" to it as well.
NO_CONNECTION <- paste0(
  "failed to connect|(could not|couldn't) connect|connection (refused|timed out)|resolve"
)

unreachable <- function(client, cause, silence) {
  absent <- grepl(NO_CONNECTION, cause, ignore.case = TRUE)
  if (!absent && grepl("too slow|timeout was reached", cause, ignore.case = TRUE)) {
    refuse(
      paste(
        "the daemon at", client$socket %||% client$address, "did not answer in", silence, "seconds"
      ),
      "is it stopped, or very busy? `dsp daemon logs` tells what it does",
      causes = cause,
      code = "no_answer"
    )
  }
  if (absent) {
    refuse(
      paste("no daemon answers at", client$socket %||% client$address),
      if (client$local) {
        "`dsp daemon start` starts it; `dsp daemon logs` says why it ended"
      } else {
        "does it run there, and is that its address? DSP_URL named it, or dsp_configure()"
      },
      causes = cause,
      code = "daemon_not_found"
    )
  }
  broke_off(client, cause)
}

broke_off <- function(client, cause = NULL) {
  refuse(
    paste("the connection to the daemon at", client$address, "broke off"),
    "the call can be repeated: nothing is pushed by halves",
    causes = cause,
    code = "connection_lost"
  )
}

# What to do where no token was shown.
NO_TOKEN <-
  "DSP_TOKEN shows a token: on the machine of the daemon, `dsp profile add --print` makes one"

refuse_answer <- function(client, answer) {
  problem <- tryCatch(read_json(answer), error = function(error) NULL)
  if (is.list(problem) && rlang::is_string(problem$detail)) {
    if (identical(problem$code, "unauthorized") && !nzchar(client$token %||% "")) {
      problem$hint <- NO_TOKEN
    }
    refuse_problem(problem)
  }
  refuse(
    paste0(
      client$address, " answered ", httr2::resp_status(answer), ", which is no answer of dsp"
    ),
    "is another program listening there? `dsp status` tells where the daemon is",
    code = "no_dsp"
  )
}

read_json <- function(answer) {
  text <- httr2::resp_body_string(answer)
  tryCatch(from_json(text), error = function(error) {
    refuse(
      "the answer is no JSON, so it is no answer of dsp",
      "is another program listening there? `dsp status` tells where the daemon is",
      causes = conditionMessage(error),
      code = "no_dsp"
    )
  })
}

from_json <- function(text) {
  jsonlite::fromJSON(text, simplifyVector = FALSE, bigint_as_char = TRUE)
}

to_json <- function(value) {
  text <- jsonlite::toJSON(
    exact_numbers(value), auto_unbox = TRUE, null = "null", na = "null", json_verbatim = TRUE
  )
  enc2utf8(as.character(text))
}

# Writes numbers to the last bit: jsonlite rounds to 15 digits.
exact_numbers <- function(value) {
  if (is.list(value)) {
    value[] <- lapply(value, exact_numbers)
  } else if (is.double(value) && !is.object(value) && all(is.finite(value))) {
    text <- exact(value)
    single <- length(value) == 1 && is.null(names(value))
    text <- if (single) text else paste0("[", paste(text, collapse = ","), "]")
    value <- structure(text, class = "json")
  }
  value
}

# A text as one segment of a path, whatever it holds.
segment <- function(text) {
  utils::URLencode(enc2utf8(text), reserved = TRUE)
}
