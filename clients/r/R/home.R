# Where a daemon is: its home, and the file in it that says how to call it.

# What is configured in this session; see dsp_configure().
configured <- new.env(parent = emptyenv())

#' Returns the home of the daemon: what was configured, `DSP_HOME`, else `~/.dsp`
#'
#' @noRd
home <- function() {
  asked <- configured$home %||% Sys.getenv("DSP_HOME")
  if (nzchar(asked)) {
    return(normalizePath(asked, mustWork = FALSE))
  }
  account <- path.expand("~")
  if (identical(account, "~")) {
    refuse("this account has no home directory", "set DSP_HOME", code = "configuration")
  }
  file.path(account, ".dsp")
}

#' Reads how the daemon of a home is reached
#'
#' @return `NULL` when it does not run; half a file counts as none, as it is being written.
#' @noRd
client_file <- function(folder) {
  path <- file.path(folder, "run", "client.json")
  if (!file.exists(path)) {
    return(NULL)
  }
  if (file.access(path, 4) != 0) {
    refuse(
      paste("cannot read", path),
      "the daemon may run under another account",
      code = "daemon_not_found"
    )
  }
  read <- tryCatch(
    jsonlite::fromJSON(paste(readLines(path, warn = FALSE), collapse = "\n")),
    error = function(error) NULL
  )
  whole <- is.list(read) && rlang::is_string(read$address) && rlang::is_string(read$token) &&
    is.numeric(read$pid)
  if (whole) read[c("address", "token", "socket", "pid")]
}
