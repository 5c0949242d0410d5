#' Choose the daemon
#'
#' Nothing has to be configured where `dspd` is installed: its home is `DSP_HOME`, else `~/.dsp`,
#' and it is started where it does not run. In a container, `DSP_URL` and `DSP_TOKEN` name a daemon
#' elsewhere; this function says the same for the session.
#'
#' The first six arguments are those of dstack's `configure`.
#'
#' @param profile Only `"default"`: there is one daemon.
#' @param user Accepted for old code: you are who the daemon says.
#' @param token A token of the daemon at `server`.
#' @param persist Only `"in_place"`, the session. To keep it, put `DSP_URL` and `DSP_TOKEN` into
#'   `~/.Renviron`.
#' @param server Address of a daemon, such as `http://127.0.0.1:7700`; `/api` at its end is left
#'   out.
#' @param dstack_dir Accepted for old code: there is no folder of profiles.
#' @param home Home of a daemon on this machine.
#' @return What was configured before, invisibly: a list to pass on by [do.call()].
#' @examples
#' before <- dsp_configure(server = "http://127.0.0.1:7700", token = "secret")
#' do.call(dsp_configure, before)
#' @export
dsp_configure <- function(profile = "default", user = NULL, token = NULL, persist = "in_place",
                          server = NULL, dstack_dir = NULL, home = NULL) {
  check_profile(profile)
  if (!identical(persist, "in_place")) {
    refuse(
      "tokens are not written to a file by this package",
      "put DSP_URL and DSP_TOKEN into ~/.Renviron, or leave both out on the daemon's machine",
      code = "configuration"
    )
  }
  if (!is.null(token) && is.null(server)) {
    refuse("a token without a server", "pass server= with it", code = "configuration")
  }
  if (!is.null(server)) {
    client_of_url(server, token)
  }
  before <- list(token = configured$token, server = configured$url, home = configured$home)
  configured$url <- server
  configured$token <- if (is.null(server)) NULL else token %||% ""
  configured$home <- home
  invisible(before[!vapply(before, is.null, TRUE)])
}

# dstack's profiles other than the default meant other servers.
check_profile <- function(profile) {
  if (!identical(profile, "default")) {
    refuse(
      paste0("there is no profile `", profile, "`: there is one daemon, found by itself"),
      "DSP_HOME chooses another daemon here, DSP_URL and DSP_TOKEN one elsewhere",
      code = "configuration"
    )
  }
}
