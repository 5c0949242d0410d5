# What is here, following others, and the page of the daemon.

#' List stacks
#'
#' @param context Only those of this context, such as `"main"` or `"alice/main"`.
#' @return A data frame, the latest first: `reference`, `message` and `time` of the head, its number
#'   of `files`, and `bytes`.
#' @examples
#' \dontrun{
#' dsp_ls()
#' }
#' @export
dsp_ls <- function(context = NULL) {
  found <- pages(client(), "/stacks", list(context = context))
  column <- function(get, default) {
    vapply(found, function(one) get(one) %||% default, default)
  }
  time <- column(function(one) one$head$time, NA_character_)
  data.frame(
    reference = column(function(one) one$reference, NA_character_),
    message = column(function(one) one$head$message, NA_character_),
    time = moments(time, NULL),
    files = column(function(one) as.numeric(one$head$files), NA_real_),
    bytes = column(function(one) as.numeric(one$head$bytes), NA_real_)
  )
}

#' Follow what somebody shares
#'
#' Returns after the first sync, or after `wait_seconds`; the daemon goes on by itself.
#'
#' @param ticket The text of a ticket, or the label of a context that was offered: `"alice/plans"`.
#' @param policy Whose bytes come by themselves: those of `"all"` frames, of `"heads"`, or none
#'   (`"lazy"`).
#' @param wait_seconds How long to wait for the first sync.
#' @return A list, invisibly: `label` of the context as references have it, `stacks` that are in it,
#'   at most twenty, and whether it is `synced`.
#' @examples
#' \dontrun{
#' dsp_follow("dspA9q...")
#' pull_data("alice:sales/weekly")
#' }
#' @export
dsp_follow <- function(ticket, policy = NULL, wait_seconds = 30) {
  if (!rlang::is_string(ticket)) {
    refuse("a ticket is one text", "`dsp share` prints one", code = "configuration")
  }
  body <- list(ticket = gsub("[[:space:]]", "", ticket), wait_seconds = as.integer(wait_seconds))
  body$policy <- policy
  found <- steps(client(), "/follows", body)
  label <- clean(found$context$label)
  cli::cli_inform("following {.val {label}}")
  invisible(list(
    label = label,
    stacks = vapply(found$stacks, `[[`, "", "reference"),
    synced = isTRUE(found$synced)
  ))
}

#' Open the daemon's page in the browser
#'
#' The address that is opened logs the browser in, once and within a minute.
#'
#' @param stack A reference; it is checked that there is such a frame. The page is the same.
#' @return The address of the daemon, invisibly.
#' @examples
#' \dontrun{
#' dsp_open()
#' }
#' @export
dsp_open <- function(stack = NULL) {
  client <- client()
  if (!is.null(stack)) {
    frame_of(client, split_path(resolve(client, stack))$name)
  }
  utils::browseURL(post_json(client, "/login-codes")$url)
  invisible(client$address)
}
