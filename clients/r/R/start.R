# Starting the daemon where none runs.

INSTALL <- paste(
  "install dsp (`make && make install PREFIX=$HOME/.local` in its repository) and put the folder",
  "of `dsp` and `dspd` into PATH, or set DSP_URL and DSP_TOKEN to use a daemon elsewhere"
)

#' Finds `dsp` in the absolute folders of `PATH`
#'
#' A relative one would run whatever lies where the session happens to be.
#'
#' @noRd
program <- function() {
  folders <- strsplit(Sys.getenv("PATH"), .Platform$path.sep, fixed = TRUE)[[1]]
  folders <- folders[grepl("^(/|[A-Za-z]:[/\\\\])", folders)]
  suffix <- if (.Platform$OS.type == "windows") ".exe" else ""
  found <- file.path(folders, paste0("dsp", suffix))
  found <- found[file.access(found, 1) == 0]
  if (length(found) == 0) {
    refuse("no daemon runs, and there is no dsp to start it", INSTALL, code = "daemon_not_found")
  }
  found[[1]]
}

#' Starts the daemon of a home and waits until it answers
#'
#' `dsp daemon start` does it: it takes the lock that keeps two of us from starting two, and the
#' daemon goes on when this session ends.
#'
#' @noRd
start <- function(folder) {
  told <- suppressWarnings(system2(
    program(),
    c("--home", shQuote(folder), "daemon", "start"),
    stdout = TRUE,
    stderr = TRUE,
    stdin = nullfile()
  ))
  status <- attr(told, "status") %||% 0L
  if (status != 0L) {
    refuse(
      paste0("the daemon of ", folder, " could not be started"),
      paste("see the folder", file.path(folder, "logs")),
      causes = utils::tail(told[nzchar(trimws(told))], 8),
      code = "daemon_not_found"
    )
  }
  # Who one is, and that the keys want a backup.
  first <- grep("^first start: ", told)
  if (length(first) > 0) {
    said <- told[seq(first[[1]], length(told))]
    rlang::inform(clean(paste(said[nzchar(said)], collapse = "\n")), class = "dsp_message")
  }
}
